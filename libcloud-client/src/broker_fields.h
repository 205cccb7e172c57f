/* SPDX-License-Identifier: MIT */
/* broker_fields.h -- fields of the broker's frames, each read and written; for broker.c and
 * broker_grant.c. Never installed. */
#ifndef FH_BROKER_FIELDS_H
#define FH_BROKER_FIELDS_H

#include <farhand/broker.h>

#include "rd.h"
#include "wr.h"

/* text: u8 length | UTF-8 without control characters, at most max bytes */
struct fh_broker_text fh__read_text(struct rd *r, size_t max);
void fh__write_text(struct wr *w, struct fh_broker_text text, size_t max);

/* host: text | u16 port */
struct fh_broker_host fh__read_host(struct rd *r);
void fh__write_host(struct wr *w, struct fh_broker_host host);
/* u8 n | hosts; returns n */
size_t fh__read_hosts(struct rd *r, struct fh_broker_host *out, size_t max);
void fh__write_hosts(struct wr *w, const struct fh_broker_host *hosts, size_t n, size_t max);

/* u16 length | bytes, at most max */
struct fh_broker_bytes fh__read_bytes16(struct rd *r, size_t max);
void fh__write_bytes16(struct wr *w, struct fh_broker_bytes bytes, size_t max);

/* A checkpoint, u16 length | text of lines; may be empty. */
struct fh_broker_text fh__read_checkpoint(struct rd *r);
void fh__write_checkpoint(struct wr *w, struct fh_broker_text text);

/* A binding statement, which says itself where it ends; its form is checked. */
struct fh_broker_bytes fh__read_statement(struct rd *r);
void fh__write_statement(struct wr *w, struct fh_broker_bytes statement);

/* u16 length | log proof, or 0; its form is checked. */
struct fh_broker_bytes fh__read_log_proof(struct rd *r);
void fh__write_log_proof(struct wr *w, struct fh_broker_bytes proof);

void fh__read_grant(struct rd *r, struct fh_broker_grant *out);
void fh__write_grant(struct wr *w, const struct fh_broker_grant *g);

#endif
