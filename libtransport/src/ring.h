/* SPDX-License-Identifier: MIT */
/* ring.h -- bytes in order in memory of fixed size. */
#ifndef FH_TRANSPORT_RING_H
#define FH_TRANSPORT_RING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ring {
    uint8_t *mem;
    size_t cap, at, len;
};

static inline size_t ring_room(const struct ring *r)
{
    return r->cap - r->len;
}

/* Copies in as much as there is room for; how much that was. */
static inline size_t ring_put(struct ring *r, const uint8_t *data, size_t len)
{
    size_t end = r->at + r->len < r->cap ? r->at + r->len : r->at + r->len - r->cap;
    size_t first;

    if (len > ring_room(r))
        len = ring_room(r);
    first = len < r->cap - end ? len : r->cap - end;
    if (len > 0) {
        memcpy(r->mem + end, data, first);
        memcpy(r->mem, data + first, len - first);
    }
    r->len += len;
    return len;
}

/* The bytes at the front that lie in one piece; lent until the next put or drop. */
static inline const uint8_t *ring_front(const struct ring *r, size_t *len)
{
    *len = r->len < r->cap - r->at ? r->len : r->cap - r->at;
    return r->mem + r->at;
}

/* The len bytes that lie off bytes behind the front; off + len <= r->len. */
static inline void ring_copy(const struct ring *r, size_t off, uint8_t *out, size_t len)
{
    size_t at = off < r->cap - r->at ? r->at + off : r->at + off - r->cap;
    size_t first = len < r->cap - at ? len : r->cap - at;

    memcpy(out, r->mem + at, first);
    memcpy(out + first, r->mem, len - first);
}

/* len <= r->len. */
static inline void ring_drop(struct ring *r, size_t len)
{
    r->len -= len;
    r->at = r->len == 0 ? 0 : (len < r->cap - r->at ? r->at + len : r->at + len - r->cap);
}

#endif
