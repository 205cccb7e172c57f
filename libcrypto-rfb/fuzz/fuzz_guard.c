/* SPDX-License-Identifier: MIT */
/*
 * A script of datagrams: valid ones, repeated ones, meddled ones, strangers' bytes, new secrets.
 * Whatever it does, nothing that was not sealed is opened, and nothing twice.
 */
#include <stdlib.h>
#include <string.h>

#include <farhand/guard.h>

#include "rd.h"

enum { KEPT = 16, ROOM = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct world {
    struct fh_guard from, to;
    struct {
        uint8_t bytes[ROOM];
        size_t len;
        bool opened;
    } sent[KEPT];
    size_t next;
    uint8_t generation;
};

static void start(struct world *w, bool encrypt)
{
    static const uint8_t c[32] = {1}, s[32] = {2};
    struct fh_guard_config cfg = {.tx_secret = c, .rx_secret = s, .encrypt = encrypt};

    memset(w, 0, sizeof *w);
    if (fh_guard_init(&w->from, &cfg) != 0)
        abort();
    cfg.tx_secret = s;
    cfg.rx_secret = c;
    if (fh_guard_init(&w->to, &cfg) != 0)
        abort();
}

static void send_one(struct world *w, struct rd *r)
{
    size_t n = rd_u8(r) % (ROOM - FH_GUARD_OVERHEAD + 1), i = w->next++ % KEPT;
    const uint8_t *payload = rd_bytes(r, n);
    int sealed;

    if (!payload)
        return;
    memcpy(w->sent[i].bytes + FH_GUARD_HEADER_LEN, payload, n);
    sealed = fh_guard_seal(&w->from, (enum fh_guard_type)(n % 3), w->sent[i].bytes, n);
    w->sent[i].len = sealed < 0 ? 0 : (size_t)sealed;
    w->sent[i].opened = false;
}

static void deliver(struct world *w, struct rd *r)
{
    size_t i = rd_u8(r) % KEPT, at = rd_u8(r);
    uint8_t flip = rd_u8(r), copy[ROOM];
    struct fh_guard_opened got;
    bool meddled = w->sent[i].len > 0 && flip != 0;

    memcpy(copy, w->sent[i].bytes, sizeof copy);
    if (meddled)
        copy[at % w->sent[i].len] ^= flip;
    if (fh_guard_open(&w->to, copy, w->sent[i].len, &got) != 0)
        return;
    if (meddled || w->sent[i].opened || got.len + FH_GUARD_OVERHEAD != w->sent[i].len)
        abort();
    w->sent[i].opened = true;
}

static void stranger(struct world *w, struct rd *r)
{
    size_t n = rd_u8(r);
    const uint8_t *bytes = rd_bytes(r, n);
    struct fh_guard_opened got;
    uint8_t copy[256];

    if (!bytes)
        return;
    memcpy(copy, bytes, n);
    (void)fh_datagram_kind(copy, n);
    if (fh_guard_open(&w->to, copy, n, &got) == 0)
        abort();
}

static void renew(struct world *w, bool lead)
{
    uint8_t c[32] = {3, ++w->generation}, s[32] = {4, w->generation};

    if (fh_guard_install(&w->to, s, c, lead ? FH_GUARD_FOLLOW : FH_GUARD_LEAD) != 0 ||
        fh_guard_install(&w->from, c, s, lead ? FH_GUARD_LEAD : FH_GUARD_FOLLOW) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct world w;
    struct rd r = rd_init(data, len);

    start(&w, rd_u8(&r) & 1);
    while (!r.bad && r.left > 0) {
        uint8_t what = rd_u8(&r);

        switch (what % 8) {
        case 0:
        case 1:
            send_one(&w, &r);
            break;
        case 2:
        case 3:
            deliver(&w, &r);
            break;
        case 4:
            /* Only what is not one of ours: a copy would open. */
            if (what & 8)
                stranger(&w, &r);
            break;
        case 5:
            if (w.generation < 255)
                renew(&w, what & 8);
            break;
        case 6:
            fh_guard_forget(what & 8 ? &w.to : &w.from);
            break;
        case 7:
            w.from.sent += (uint64_t)rd_u8(&r) << (what >> 3);
            break;
        }
    }
    return 0;
}
