/* SPDX-License-Identifier: MIT */
/*
 * older_wire.h -- bytes to and from an older peer: in clear, or through RSA-AES. What both sides of
 * the old handshake share.
 *
 * While something is expected, not one byte more than that is taken from the stream: what follows
 * may be TLS, or RSA-AES.
 */
#ifndef FH_SESSION_OLDER_WIRE_H
#define FH_SESSION_OLDER_WIRE_H

#include <farhand/older.h>
#include <farhand/rsaaes.h>

#include "rd.h"
#include "wr.h"

enum {
    FH__OLDER_VERSION_LEN = 12,
    FH__OLDER_VENCRYPT = 19,                      /* its number in RFB's list */
    FH__OLDER_REASON_MAX = 4096,                  /* bytes of a reason that is read */
    FH__OLDER_MESSAGE_MAX = FH__OLDER_REASON_MAX, /* bytes that are expected at once */
    FH__OLDER_BUFFER = 16384
};

struct fh__older_wire {
    struct fh_rsaaes *rsa; /* NULL: none. Owned. */
    bool is_open;          /* whatever comes is the session's */
    const uint8_t *data;   /* that came and was not used */
    size_t left;
    uint8_t message[FH__OLDER_MESSAGE_MAX]; /* what is expected */
    size_t have, need;
    size_t out_at, out_len;
    uint64_t bytes_in, bytes_out;
    uint8_t in[FH__OLDER_BUFFER], out[FH__OLDER_BUFFER];
};

void fh__older_wire_finish(struct fh__older_wire *w); /* wipes */
/* The next n bytes; 0: none before it is said otherwise. */
void fh__older_expect(struct fh__older_wire *w, size_t n);
/* RSA-AES carries what follows; it gives back what is in clear by itself. */
bool fh__older_is_sealed(const struct fh__older_wire *w);

uint8_t *fh__older_wire_in(struct fh__older_wire *w, size_t *room);
/* 0, or the error of RSA-AES. Then take its events, and use data and left. */
int fh__older_wire_in_done(struct fh__older_wire *w, size_t used);
/* Moves what came into message. True: what was expected is all there. */
bool fh__older_wire_fill(struct fh__older_wire *w);
/* Queues bytes, sealed if so; false: no room, which is our fault. */
bool fh__older_say(struct fh__older_wire *w, const void *data, size_t len);
bool fh__older_say_u8(struct fh__older_wire *w, uint8_t v);
bool fh__older_say_u32(struct fh__older_wire *w, uint32_t v);
/* Room for bytes of the session; NULL: drain what is there. */
uint8_t *fh__older_wire_write(struct fh__older_wire *w, size_t *room);
int fh__older_wire_write_done(struct fh__older_wire *w, size_t len);
const uint8_t *fh__older_wire_out(const struct fh__older_wire *w, size_t *len);
void fh__older_wire_out_done(struct fh__older_wire *w, size_t sent);

/* 3, 7 or 8; 0: another version, or none. */
unsigned fh__older_version(const uint8_t text[FH__OLDER_VERSION_LEN]);

#endif
