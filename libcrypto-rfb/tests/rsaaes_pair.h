/* SPDX-License-Identifier: MIT */
/* rsaaes_pair.h -- two ends of RSA-AES in memory, what they said, and somebody between them. */
#ifndef FH_TESTS_RSAAES_PAIR_H
#define FH_TESTS_RSAAES_PAIR_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/rsaaes.h>

#include "rsaaes_keys.h"

#define MUST(what)                                                                                 \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The same bytes in each run: what is said can then be a vector or a seed. */
struct dice {
    uint64_t state;
};

static inline void dice_roll(void *user, void *out, size_t len)
{
    struct dice *d = user;

    for (size_t i = 0; i < len; i++) {
        d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((uint8_t *)out)[i] = (uint8_t)(d->state >> 56);
    }
}

enum { END_ROOM = 1 << 18 };

struct end {
    struct fh_rsaaes *r;
    struct fh_rsaaes_key *key;
    struct dice dice;
    const char *user, *password; /* what the client says */
    unsigned verifies, decrypts, asks, logins;
    bool needs_user;
    char got_user[256], got_password[256];
    size_t got_password_len;
    uint8_t data[END_ROOM]; /* that arrived */
    size_t data_len;
    uint8_t said[END_ROOM]; /* all that it sent */
    size_t said_len, passed;
    int error;
    bool is_wrong_secret; /* says that it decrypted something else */
};

static inline struct fh_rsaaes_key *rsaaes_key(const char *pem)
{
    struct fh_rsaaes_key *k = NULL;

    MUST(fh_rsaaes_key_from_pem(pem, strlen(pem), &k) == 0);
    return k;
}

static inline struct end *end_new(enum fh_role role, enum fh_rsaaes_type type, bool password_only)
{
    bool is_server = role == FH_ROLE_SERVER;
    struct end *e = calloc(1, sizeof *e);
    struct fh_rsaaes_config cfg = {.role = role,
                                   .type = type,
                                   .random = dice_roll,
                                   .random_user = e ? &e->dice : NULL,
                                   .password_only = password_only};

    MUST(e);
    e->dice.state = is_server ? 1 : 2;
    e->key = rsaaes_key(is_server ? rsaaes_key_of_server : rsaaes_key_of_client);
    e->user = "ann";
    e->password = "correct horse";
    if (is_server)
        cfg.pub = fh_rsaaes_key_pub(e->key, &cfg.pub_len);
    MUST((e->r = fh_rsaaes_new(&cfg)) != NULL);
    return e;
}

static inline void end_free(struct end *e)
{
    fh_rsaaes_free(e->r);
    fh_rsaaes_key_free(e->key);
    free(e);
}

static inline void end_decrypt(struct end *e, const struct fh_rsaaes_event *ev)
{
    uint8_t secret[32];

    e->decrypts++;
    MUST(ev->decrypt.want <= sizeof secret);
    MUST(fh_rsaaes_key_decrypt(e->key, ev->decrypt.data, ev->decrypt.len, dice_roll, &e->dice,
                               secret, ev->decrypt.want) == 0);
    secret[0] ^= e->is_wrong_secret;
    (void)fh_rsaaes_decrypted(e->r, secret, ev->decrypt.want);
}

static inline void end_event(struct end *e, const struct fh_rsaaes_event *ev)
{
    size_t len;
    const uint8_t *pub;

    switch (ev->type) {
    case FH_RSAAES_EV_VERIFY:
        e->verifies++;
        pub = fh_rsaaes_key_pub(e->key, &len);
        (void)fh_rsaaes_accept(e->r, pub, len);
        break;
    case FH_RSAAES_EV_DECRYPT:
        end_decrypt(e, ev);
        break;
    case FH_RSAAES_EV_CREDENTIALS:
        e->asks++;
        e->needs_user = ev->needs_user;
        (void)fh_rsaaes_credentials(e->r, e->user, strlen(e->user), e->password,
                                    strlen(e->password));
        break;
    case FH_RSAAES_EV_LOGIN:
        e->logins++;
        memcpy(e->got_user, ev->login.user, ev->login.user_len + 1);
        memcpy(e->got_password, ev->login.password, ev->login.password_len + 1);
        e->got_password_len = ev->login.password_len;
        break;
    case FH_RSAAES_EV_DATA:
        MUST(e->data_len + ev->data.len <= sizeof e->data);
        memcpy(e->data + e->data_len, ev->data.data, ev->data.len);
        e->data_len += ev->data.len;
        break;
    }
}

/* As far as it takes them, at most chunk at once; how many. */
static inline size_t end_feed(struct end *e, const uint8_t *data, size_t len, size_t chunk)
{
    struct fh_rsaaes_event ev;
    size_t at = 0, room;
    uint8_t *in;

    while (at < len && (in = fh_rsaaes_in(e->r, &room)) != NULL) {
        size_t n = len - at < room ? len - at : room;

        n = chunk && n > chunk ? chunk : n;
        memcpy(in, data + at, n);
        at += n;
        e->error = fh_rsaaes_in_done(e->r, n);
        while (fh_rsaaes_event(e->r, &ev))
            end_event(e, &ev);
        if (!e->error)
            e->error = fh_rsaaes_error(e->r);
    }
    return at;
}

static inline void end_collect(struct end *e)
{
    const uint8_t *p;
    size_t len;

    while ((p = fh_rsaaes_out(e->r, &len)) != NULL) {
        MUST(e->said_len + len <= sizeof e->said);
        memcpy(e->said + e->said_len, p, len);
        e->said_len += len;
        fh_rsaaes_out_done(e->r, len);
    }
}

/* Carries what one said to the other; whether anything moved. */
static inline bool end_carry(struct end *from, struct end *to, size_t chunk)
{
    size_t n;

    end_collect(from);
    n = end_feed(to, from->said + from->passed, from->said_len - from->passed, chunk);
    from->passed += n;
    return n > 0;
}

static inline void ends_run(struct end *s, struct end *c, size_t chunk)
{
    bool moved;

    do {
        moved = end_carry(s, c, chunk);
        moved |= end_carry(c, s, chunk);
    } while (moved);
}

static inline bool end_write(struct end *e, const void *data, size_t len)
{
    size_t room;
    uint8_t *p;

    end_collect(e);
    p = fh_rsaaes_write(e->r, &room);
    if (!p || len > room)
        return false;
    memcpy(p, data, len);
    return fh_rsaaes_write_done(e->r, len) == 0;
}

#endif
