/* SPDX-License-Identifier: MIT */
/*
 * studio.h -- where the desktop process encodes what changed, once for all viewers of the same
 * coding. What it makes lies in a ring that sessions map read-only: so a session can spoil the
 * picture of its own viewer alone.
 *
 * It takes at most a third of the process's time, and FH__STUDIO_BOUT_MS at once: what it does not
 * come to is encoded by each session, as all is without it.
 */
#ifndef FH__STUDIO_H
#define FH__STUDIO_H

#include "messages.h"
#include "ring.h"

enum {
    FH__CODINGS_MAX = 2, /* that are encoded for; viewers of others have their own sessions do it */
    FH__STUDIO_LEVEL_MAX = 6, /* of zlib: more takes long */
    FH__STUDIO_BOUT_MS = 50,
    FH__CODING_MS = 1000 /* a session that changes its coding sooner is not encoded for */
};

struct fh_encoder;

struct fh__studio {
    struct fh__ring ring;
    unsigned serial; /* of the ring; 0: there was none yet */
    struct fh_encoder *encoder;
    uint8_t *out;
    int64_t credit_ns; /* negative: it took more than it had */
    uint64_t then_ns;
};

/* Whether it would encode for it. */
bool fh__studio_takes(const struct fh_rfb_coding *c);
/*
 * Encodes what it comes to of the damage: out is what to say of it. False: there is nothing to say.
 */
bool fh__studio_encode(struct fh__studio *s, const struct fh_rfb_coding *c,
                       const struct fh_framebuffer *fb, const struct fh__msg_damage *damage,
                       struct fh__msg_encoded *out);
/* Who has the ring sees nothing of what comes: there will be another. */
void fh__studio_renew(struct fh__studio *s);
void fh__studio_free(struct fh__studio *s); /* all that it has; it may be used again */

#endif
