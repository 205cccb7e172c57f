/* SPDX-License-Identifier: MIT */
/*
 * gate.h -- whose connection and whose attempt is looked at at all: the filter of addresses and the
 * blacklist. Whether a password is right is decided elsewhere.
 */
#ifndef FH__GATE_H
#define FH__GATE_H

#include <uv.h>

#include <farhand/address.h>
#include <farhand/blacklist.h>
#include <farhand/ip_filter.h>

#include "auditlog.h"
#include "caller.h"
#include "config.h"

struct fh__gate {
    struct fh__auditlog *audit; /* borrowed */
    uv_loop_t *loop;
    struct fh_ip_filter *filter;
    struct fh_blacklist *blacklist;
    char *path; /* of the blacklist */
    uv_timer_t save;
    bool is_open;
};

/* Negative: an error of libsession; nothing is open. A blacklist that cannot be read is complained
 * of and begun anew. */
int fh__gate_open(struct fh__gate *g, uv_loop_t *loop, const struct fh__config *cfg,
                  struct fh__auditlog *audit);
/* Takes the rules of another configuration. An error changes nothing. */
int fh__gate_configure(struct fh__gate *g, const struct fh__config *cfg);
/*
 * A connection arrived: NULL, the most that may be granted to it, and whether the filter wants the
 * person at the desktop to be asked; or why it is closed.
 */
const char *fh__gate_request(struct fh__gate *g, const struct fh__caller *caller, uint32_t *most,
                             bool *asks);
/*
 * A viewer carries on with its session from there: NULL and the most that it may do there; or why
 * not. was_asked: the person at the desktop let it in, and need not be asked again.
 */
const char *fh__gate_resume(struct fh__gate *g, const struct fh__caller *from, bool was_asked,
                            uint32_t *most);
/* Its viewer speaks: 0, or after how many seconds it may. */
unsigned fh__gate_hello(struct fh__gate *g, const struct fh__caller *caller);
/*
 * An attempt begins, and counts as failed until _succeeded(). Not 0: after how many seconds it may.
 */
unsigned fh__gate_begin(struct fh__gate *g, const struct fh__caller *caller, const char *user);
void fh__gate_succeeded(struct fh__gate *g, const struct fh__caller *caller, const char *user);
/* A caller broke what served it, or made it break the rules: that counts as a failure. */
void fh__gate_crashed(struct fh__gate *g, const struct fh__caller *caller);
/* An operator forgives an address (NULL: none) and a name (NULL: none): how many entries there
 * were. */
unsigned fh__gate_forgive(struct fh__gate *g, const struct fh_address *address, const char *user);
/* ASYNCHRONOUS in the loop, without a callback; what is to be kept is written before it returns. */
void fh__gate_close(struct fh__gate *g);

#endif
