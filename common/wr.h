/* SPDX-License-Identifier: MIT */
/*
 * wr.h -- a write cursor over memory of fixed size, big-endian. Private and header-only.
 *
 * The error is sticky: a write that does not fit sets `bad` and writes nothing, then or later.
 */
#ifndef FH_COMMON_WR_H
#define FH_COMMON_WR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wr {
    uint8_t *mem;
    size_t len; /* written so far */
    size_t cap;
    bool bad;
};

static inline struct wr wr_init(void *mem, size_t cap)
{
    return (struct wr){.mem = mem, .len = 0, .cap = cap, .bad = false};
}

/* Room for n bytes that the caller fills, or NULL (and bad). */
static inline uint8_t *wr_room(struct wr *w, size_t n)
{
    if (w->bad || n > w->cap - w->len) {
        w->bad = true;
        return NULL;
    }
    w->len += n;
    return w->mem + (w->len - n);
}

static inline void wr_bytes(struct wr *w, const void *data, size_t n)
{
    uint8_t *p = wr_room(w, n);

    if (p && n != 0)
        memcpy(p, data, n);
}

static inline void wr_zeros(struct wr *w, size_t n)
{
    uint8_t *p = wr_room(w, n);

    if (p && n != 0)
        memset(p, 0, n);
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
    wr_bytes(w, &v, 1);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
    const uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

    wr_bytes(w, b, sizeof b);
}

static inline void wr_u24(struct wr *w, uint32_t v)
{
    const uint8_t b[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    wr_bytes(w, b, sizeof b);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
    const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    wr_bytes(w, b, sizeof b);
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
    uint8_t b[8];

    for (int i = 0; i < 8; i++)
        b[i] = (uint8_t)(v >> (56 - 8 * i));
    wr_bytes(w, b, sizeof b);
}

#endif
