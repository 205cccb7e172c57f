/* SPDX-License-Identifier: MIT */
/*
 * rd.h -- a read cursor over borrowed bytes, big-endian. Private and header-only.
 *
 * The error is sticky: once a read passes the end, `bad` is set, every later read gives zero (or
 * NULL) and nothing moves, so a parser reads like its message and checks `bad` once.
 */
#ifndef FH_COMMON_RD_H
#define FH_COMMON_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static inline struct rd rd_init(const void *data, size_t len)
{
    return (struct rd){.p = data, .left = len, .bad = false};
}

/* The next n bytes, borrowed; NULL (and bad) if fewer are left. n = 0 gives a non-NULL pointer. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t n)
{
    static const uint8_t empty[1];
    const uint8_t *p = r->p ? r->p : empty;

    if (r->bad || n > r->left) {
        r->bad = true;
        return NULL;
    }
    if (n != 0)
        r->p += n;
    r->left -= n;
    return p;
}

static inline void rd_skip(struct rd *r, size_t n)
{
    (void)rd_bytes(r, n);
}

static inline uint8_t rd_u8(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 1);

    return p ? p[0] : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 2);

    return p ? (uint16_t)((uint16_t)p[0] << 8 | p[1]) : 0;
}

static inline uint32_t rd_u24(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 3);

    return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t rd_u32(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 4);

    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t rd_u64(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 8);
    uint64_t v = 0;

    for (int i = 0; p && i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* Copies the next n bytes to out, or zeroes out if fewer are left. */
static inline void rd_copy(struct rd *r, void *out, size_t n)
{
    const uint8_t *p = rd_bytes(r, n);

    if (n == 0)
        return;
    if (p)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

/* A cursor over the next n bytes, which r skips; bad in both if fewer are left. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
    const uint8_t *p = rd_bytes(r, n);

    return (struct rd){.p = p, .left = p ? n : 0, .bad = p == NULL};
}

/* All was read, and nothing is left over. */
static inline bool rd_is_done(const struct rd *r)
{
    return !r->bad && r->left == 0;
}

#endif
