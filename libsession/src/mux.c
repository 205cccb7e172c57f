/* SPDX-License-Identifier: MIT */
#include "mux.h"

#include <assert.h>
#include <string.h>

#include <farhand/identity.h>

#include "rd.h"

enum fh__mux_result fh__mux_peek(struct fh__mux *m, const uint8_t **data, size_t *len,
                                 size_t *piece)
{
    struct rd r;

    while (!m->in_frame) {
        if (*len == 0)
            return FH_MUX_MORE;
        m->header[m->header_len++] = *(*data)++;
        (*len)--;
        if (m->header_len < FH_FRAME_HEADER)
            continue;
        r = rd_init(m->header, sizeof m->header);
        m->header_len = 0;
        m->channel = rd_u8(&r);
        m->length = m->left = rd_u24(&r);
        m->in_frame = true;
    }
    if (m->length == 0 || m->length > FH_FRAME_MAX)
        return FH_MUX_BAD;
    *piece = *len < m->left ? *len : m->left;
    return *piece == 0 ? FH_MUX_MORE : FH_MUX_PIECE;
}

bool fh__mux_take(struct fh__mux *m, size_t n)
{
    assert(m->in_frame && n <= m->left);
    m->left -= (uint32_t)n;
    m->in_frame = m->left > 0;
    return !m->in_frame;
}

void fh__frame_header(uint8_t out[FH_FRAME_HEADER], uint8_t channel, size_t len)
{
    out[0] = channel;
    out[1] = (uint8_t)(len >> 16);
    out[2] = (uint8_t)(len >> 8);
    out[3] = (uint8_t)len;
}

uint8_t *fh__queue_room(struct fh__queue *q, size_t max)
{
    if (q->pos > 0) {
        memmove(q->mem, q->mem + q->pos, q->end - q->pos);
        fh_wipe(q->mem + (q->end - q->pos), q->pos);
        q->end -= q->pos;
        q->pos = 0;
    }
    if (max > sizeof q->mem - q->end || sizeof q->mem - q->end - max < FH_FRAME_HEADER)
        return NULL;
    return q->mem + q->end + FH_FRAME_HEADER;
}

void fh__queue_commit(struct fh__queue *q, uint8_t channel, size_t used)
{
    assert(used > 0 && used <= FH_FRAME_MAX);
    fh__frame_header(q->mem + q->end, channel, used);
    q->end += FH_FRAME_HEADER + used;
    assert(q->end <= sizeof q->mem);
}

size_t fh__queue_take(struct fh__queue *q, uint8_t *out, size_t room)
{
    size_t n = q->end - q->pos < room ? q->end - q->pos : room;

    if (n == 0)
        return 0;
    memcpy(out, q->mem + q->pos, n);
    fh_wipe(q->mem + q->pos, n);
    q->pos += n;
    if (q->pos == q->end)
        q->pos = q->end = 0;
    return n;
}

bool fh__queue_is_empty(const struct fh__queue *q)
{
    return q->pos == q->end;
}

void fh__queue_wipe(struct fh__queue *q)
{
    fh_wipe(q, sizeof *q);
}
