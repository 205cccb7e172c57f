/* SPDX-License-Identifier: MIT */
/* messages_fields.h -- what bodies of messages.h consist of. Private to the files that read them.
 */
#ifndef FH__MESSAGES_FIELDS_H
#define FH__MESSAGES_FIELDS_H

#include <string.h>

#include "messages.h"
#include "rd.h"
#include "utf8.h"
#include "wr.h"

static inline struct fh__text fh__take_text(struct rd *r, size_t len)
{
    struct fh__text t = {(const char *)rd_bytes(r, len), len};

    if (t.p && memchr(t.p, '\0', len))
        r->bad = true;
    return t;
}

static inline struct fh__text fh__read_text(struct rd *r)
{
    return fh__take_text(r, rd_u16(r));
}

static inline struct fh__text fh__read_rest(struct rd *r)
{
    return fh__take_text(r, r->left);
}

static inline void fh__write_text(struct wr *w, struct fh__text t)
{
    wr_u16(w, (uint16_t)t.len);
    wr_bytes(w, t.p, t.len);
    w->bad |= t.len > UINT16_MAX;
}

/* What a person will be shown. */
static inline bool fh__is_clean(struct fh__text t)
{
    uint32_t c;
    size_t n;

    for (size_t at = 0; at < t.len; at += n)
        if ((n = utf8_next(t.p + at, t.len - at, &c)) == 0 || utf8_is_control(c))
            return false;
    return true;
}

static inline bool fh__read_flag(struct rd *r)
{
    uint8_t v = rd_u8(r);

    r->bad |= v > 1;
    return v == 1;
}

static inline struct fh_address fh__read_peer(struct rd *r)
{
    struct fh_address peer = {.family = (enum fh_address_family)rd_u8(r)};

    rd_copy(r, peer.ip, 16);
    peer.port = rd_u16(r);
    peer.uid = rd_u32(r);
    return peer;
}

static inline void fh__write_peer(struct wr *w, const struct fh_address *peer)
{
    wr_u8(w, (uint8_t)peer->family);
    wr_bytes(w, peer->ip, 16);
    wr_u16(w, peer->port);
    wr_u32(w, peer->uid);
}

static inline bool fh__is_peer(const struct fh_address *a)
{
    return a->family == FH_ADDRESS_IPV4 || a->family == FH_ADDRESS_IPV6 ||
           a->family == FH_ADDRESS_UNIX;
}

#endif
