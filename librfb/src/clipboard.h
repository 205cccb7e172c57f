/* SPDX-License-Identifier: MIT */
/*
 * clipboard.h -- Extended Clipboard of rfbproto, for both machines. Never installed.
 *
 * A cut text whose length is negative is u32 flags (formats in bits 0 to 15, actions from bit 24
 * on) and what its action has: of caps a u32 size for each format, of provide a zlib stream of u32
 * size and data for each. Only text is spoken here: UTF-8, its lines ended by CR LF, and a NUL.
 */
#ifndef FH_RFB_CLIPBOARD_H
#define FH_RFB_CLIPBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "messages.h"

#define FH__CLIP_TEXT UINT32_C(0x00000001)
#define FH__CLIP_FORMATS UINT32_C(0x0000ffff)
#define FH__CLIP_CAPS UINT32_C(0x01000000)
#define FH__CLIP_REQUEST UINT32_C(0x02000000)
#define FH__CLIP_PEEK UINT32_C(0x04000000)
#define FH__CLIP_NOTIFY UINT32_C(0x08000000)
#define FH__CLIP_PROVIDE UINT32_C(0x10000000)
#define FH__CLIP_ACTIONS UINT32_C(0xff000000)
/* What we take and do. */
#define FH__CLIP_OURS                                                                              \
    (FH__CLIP_TEXT | FH__CLIP_REQUEST | FH__CLIP_PEEK | FH__CLIP_NOTIFY | FH__CLIP_PROVIDE)

enum {
    FH__CLIP_WIRE_MAX = 2 * FH_RFB_CUT_TEXT_MAX + 1, /* bytes of a text with CR and NUL */
    FH__CLIP_OWN_MAX = FH_RFB_CUT_TEXT_MAX + 16384,  /* bytes of a message with our text */
    FH__CLIP_SMALL = 16                              /* bytes of any other message */
};

enum fh__clip_part {
    FH__CLIP_IN_FLAGS,
    FH__CLIP_IN_SIZES,
    FH__CLIP_IN_SIZE, /* of the text, inflated, and the text */
    FH__CLIP_IN_TEXT,
    FH__CLIP_IN_REST
};

struct fh__clip {
    /* What the peer said that it takes: flags; 0: nothing yet. */
    uint32_t peer, peer_text_max;
    /* The message that is being read. */
    enum fh__clip_part part;
    uint32_t left, flags;
    z_stream z;
    bool has_z, has_text;
    uint8_t size[4]; /* of the text, as it came */
    size_t n_size;
    char *text; /* new.c; len of room bytes came */
    size_t len, room;
    /* Our text as the whole message that provides it, new.c; NULL: none. */
    uint8_t *own;
    size_t own_len, own_wire; /* bytes of it, and of the text in it */
};

/* What a message came to. MORE: it is not whole; NOTHING: whole, and nothing is to be done. */
enum fh__clip_said {
    FH__CLIP_SAID_MORE,
    FH__CLIP_SAID_NOTHING,
    FH__CLIP_SAID_CAPS,
    FH__CLIP_SAID_REQUEST, /* of text */
    FH__CLIP_SAID_PEEK,
    FH__CLIP_SAID_NOTIFY, /* there is text */
    FH__CLIP_SAID_TEXT,   /* c->text, c->len: UTF-8, checked, with LF, and a NUL behind */
    FH__CLIP_SAID_BAD,
    FH__CLIP_SAID_NOMEM
};

/* Begins a message of len bytes behind its head. False: it is too short to be one. */
bool fh__clip_begin(struct fh__clip *c, uint32_t len);
/* Reads on; r moves behind what was used. */
enum fh__clip_said fh__clip_read(struct fh__clip *c, struct rd *r);
/*
 * Makes text, which is UTF-8, ours: the message of this type that provides it. False: no memory,
 * or it does not become small enough; then there is none.
 */
bool fh__clip_set(struct fh__clip *c, uint8_t type, const char *text, size_t len);
/* Whether our text may be sent before it was asked for, and whether the peer may be told of it. */
bool fh__clip_may_provide(const struct fh__clip *c);
bool fh__clip_may_notify(const struct fh__clip *c);
/* A message without data: flags, and with caps the size of text. At most FH__CLIP_SMALL bytes. */
void fh__clip_write(struct wr *w, uint8_t type, uint32_t flags);
void fh__clip_finish(struct fh__clip *c);

/* new.c; what was there before is freed, NULL: no memory, or n is 0. */
char *fh__clip_text_new(struct fh__clip *c, size_t n);
uint8_t *fh__clip_own_new(struct fh__clip *c, size_t n);

#endif
