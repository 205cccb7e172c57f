/* SPDX-License-Identifier: MIT */
/* ticket.c -- tickets of the relay, and which of them were used. */
#include "ticket.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <farhand/digest.h>

#include "rd.h"
#include "wr.h"

enum { VERSION = 1, TAG_LEN = 32, BODY_LEN = FH__TICKET_LEN - TAG_LEN, NAME_LEN = 16 };

void fh__ticket_make(const uint8_t key[static FH__TICKET_KEY_LEN], const struct fh__ticket *t,
                     uint8_t out[static FH__TICKET_LEN])
{
    uint8_t body[BODY_LEN];
    struct wr w = wr_init(body, sizeof body);

    wr_u8(&w, VERSION);
    wr_u8(&w, t->side);
    wr_bytes(&w, t->conn, sizeof t->conn);
    wr_bytes(&w, t->account, sizeof t->account);
    wr_u64(&w, t->expires_ms);
    wr_u32(&w, t->kbit);
    wr_u64(&w, t->bytes);
    memcpy(out, body, sizeof body);
    fh_hmac_sha256(key, FH__TICKET_KEY_LEN, body, sizeof body, out + BODY_LEN);
}

int fh__ticket_check(const uint8_t key[static FH__TICKET_KEY_LEN], const void *data, size_t len,
                     uint64_t now_ms, struct fh__ticket *out)
{
    struct rd r = rd_init(data, len);
    const uint8_t *body = rd_bytes(&r, BODY_LEN), *tag = rd_bytes(&r, TAG_LEN);
    uint8_t right[TAG_LEN];
    struct fh__ticket t;

    if (!rd_is_done(&r))
        return FH__RELAY_BAD;
    fh_hmac_sha256(key, FH__TICKET_KEY_LEN, body, BODY_LEN, right);
    if (sodium_memcmp(right, tag, TAG_LEN) != 0)
        return FH__RELAY_BAD;
    r = rd_init(body, BODY_LEN);
    if (rd_u8(&r) != VERSION)
        return FH__RELAY_BAD;
    t.side = rd_u8(&r);
    rd_copy(&r, t.conn, sizeof t.conn);
    rd_copy(&r, t.account, sizeof t.account);
    t.expires_ms = rd_u64(&r);
    t.kbit = rd_u32(&r);
    t.bytes = rd_u64(&r);
    /* One that is good for longer is not remembered long enough by fh__tickets_use(). */
    if (t.side > FH__TICKET_SERVER ||
        (t.expires_ms > now_ms && t.expires_ms - now_ms > FH__TICKET_LIFE_MS))
        return FH__RELAY_BAD;
    if (t.expires_ms <= now_ms)
        return FH__RELAY_EXPIRED;
    *out = t;
    return 0;
}

/* ---- used ones ---- */

struct name {
    uint8_t bytes[NAME_LEN]; /* of the tag; all zero: a free place */
};

struct used {
    uint64_t minute; /* in which its tickets expire */
    size_t n;
    struct name *names;
};

struct fh__tickets {
    size_t cap, places; /* places is a power of two, and at least a third of them stay free */
    struct used turn[2];
};

struct fh__tickets *fh__tickets_new(size_t cap)
{
    struct fh__tickets *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->cap = cap;
    for (t->places = 16; t->places < cap + cap / 2; t->places *= 2)
        ;
    for (int i = 0; i < 2; i++)
        t->turn[i].names = calloc(t->places, sizeof *t->turn[i].names);
    if (!t->turn[0].names || !t->turn[1].names) {
        fh__tickets_free(t);
        return NULL;
    }
    return t;
}

void fh__tickets_free(struct fh__tickets *t)
{
    if (!t)
        return;
    free(t->turn[0].names);
    free(t->turn[1].names);
    free(t);
}

/* The table of the minute; NULL if its turn is over. */
static struct used *table_of(struct fh__tickets *t, uint64_t minute)
{
    struct used *u = &t->turn[minute & 1];

    if (u->minute > minute)
        return NULL;
    if (u->minute < minute) {
        if (u->n > 0)
            memset(u->names, 0, t->places * sizeof *u->names);
        u->minute = minute;
        u->n = 0;
    }
    return u;
}

int fh__tickets_use(struct fh__tickets *t, const uint8_t data[static FH__TICKET_LEN],
                    uint64_t expires_ms)
{
    static const struct name none;
    struct used *u = table_of(t, expires_ms / FH__TICKET_LIFE_MS);
    struct name name;
    uint64_t at;

    if (!u)
        return FH__RELAY_EXPIRED;
    /* The tag is as good as random, and nobody but the broker can choose one. */
    memcpy(&name, data + BODY_LEN, sizeof name);
    memcpy(&at, data + BODY_LEN, sizeof at);
    for (at &= t->places - 1; memcmp(&u->names[at], &none, sizeof none) != 0;
         at = (at + 1) & (t->places - 1))
        if (memcmp(&u->names[at], &name, sizeof name) == 0)
            return FH__RELAY_USED;
    if (u->n >= t->cap)
        return FH__RELAY_BUSY;
    u->names[at] = name;
    u->n++;
    return 0;
}
