/* SPDX-License-Identifier: MIT */
/*
 * mux.h -- frames: several channels on the one stream of bytes that the secure channel carries.
 *
 *     u8 channel | u24 length (1 to 16384) | payload
 *
 * A frame may cross records and a record may hold many. Nothing is gathered here: a frame's payload
 * is given on in the pieces in which it arrives. docs/protocol.md, "Session layer".
 */
#ifndef FH_SESSION_MUX_H
#define FH_SESSION_MUX_H

#include "internal.h"

/* Reads frames. Zeroed is the start. */
struct fh__mux {
    uint8_t header[FH_FRAME_HEADER];
    uint8_t header_len;
    bool in_frame;
    uint8_t channel; /* of the frame that is being read */
    uint32_t length; /* of its payload */
    uint32_t left;   /* of its payload, still to come */
};

enum fh__mux_result { FH_MUX_MORE, FH_MUX_PIECE, FH_MUX_BAD };

/*
 * Looks at *len bytes at *data. PIECE: m->channel, m->length, m->left tell the frame, and *piece
 * (at least 1) bytes at *data are its next; take some with fh__mux_take(). MORE: all was read.
 * BAD: a length outside 1 to FH_FRAME_MAX.
 */
enum fh__mux_result fh__mux_peek(struct fh__mux *m, const uint8_t **data, size_t *len,
                                 size_t *piece);
/* n bytes of a piece were used. True: they were the frame's last. */
bool fh__mux_take(struct fh__mux *m, size_t n);

void fh__frame_header(uint8_t out[FH_FRAME_HEADER], uint8_t channel, size_t len);

/* Frames that wait to be sent, at most FH_SESSION_QUEUE_MAX bytes. What was taken is wiped. */
struct fh__queue {
    uint8_t mem[FH_SESSION_QUEUE_MAX];
    size_t pos, end;
};

/* Room for the payload of a frame, at most max bytes; NULL: full. Then _commit how many were used.
 */
uint8_t *fh__queue_room(struct fh__queue *q, size_t max);
void fh__queue_commit(struct fh__queue *q, uint8_t channel, size_t used);
/* Moves at most room bytes to out. */
size_t fh__queue_take(struct fh__queue *q, uint8_t *out, size_t room);
bool fh__queue_is_empty(const struct fh__queue *q);
void fh__queue_wipe(struct fh__queue *q);

#endif
