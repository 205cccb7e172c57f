/* SPDX-License-Identifier: MIT */
/* turn_server.h -- a TURN client, and the server that it speaks to, played by hand. */
#ifndef FH_TEST_TURN_SERVER_H
#define FH_TEST_TURN_SERVER_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice_error.h>
#include <farhand/turn.h>

static struct fh_turn *t;
static uint64_t now;
static uint8_t random_state;
static struct fh_stun_message req; /* the last request */
static uint8_t req_mem[4096], answer_mem[4096];
static const char *nonce = "nonce-1", *realm = "example.org";
static const uint8_t *algorithms;
static size_t algorithms_len;
static struct fh_stun_key key; /* len 0: answers are not signed */
static enum fh_stun_integrity by;

static inline void fake_random(void *user, void *out, size_t len)
{
    uint8_t *p = out;

    (void)user;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(random_state = (uint8_t)(random_state * 5 + 1));
}

static inline struct fh_ice_address addr(const char *ip, uint16_t port)
{
    struct fh_ice_address a;

    ck_assert_int_eq(fh_ice_address_parse(ip, strlen(ip), &a), 0);
    a.port = port;
    return a;
}

static inline void begin(struct fh_turn_config *cfg)
{
    static union {
        max_align_t align;
        uint8_t mem[32768];
    } store;

    cfg->server = addr("192.0.2.1", 3478);
    cfg->username = "ann";
    cfg->password = "secret";
    cfg->random = fake_random;
    ck_assert_uint_le(fh_turn_size(), 12 * 1024);
    memset(&store, 0xa5, sizeof store);
    t = fh_turn_init(store.mem, sizeof store.mem, cfg);
    ck_assert_ptr_nonnull(t);
    now = 1000;
    key.len = 0;
    by = FH_STUN_BY_SHA1;
    algorithms = NULL;
    fh_turn_connected(t, now);
}

/* The next message; it must be a request of this method. */
static inline void expect(uint16_t method)
{
    struct fh_turn_message out;

    ck_assert_int_eq(fh_turn_output(t, now, &out), 1);
    memcpy(req_mem, out.data, out.len);
    ck_assert_int_eq(fh_stun_parse(req_mem, out.len, &req), 0);
    ck_assert_int_eq(req.cls, FH_STUN_REQUEST);
    ck_assert_uint_eq(req.method, method);
    if (key.len)
        ck_assert_int_eq(fh_stun_check_integrity(&req, by, key.bytes, key.len), 0);
}

static inline void expect_silence(void)
{
    struct fh_turn_message out;

    ck_assert_int_eq(fh_turn_output(t, now, &out), 0);
}

static struct fh_stun_builder b;

static inline void answer(enum fh_stun_class cls)
{
    fh_stun_build_response(&b, answer_mem, sizeof answer_mem, cls, &req);
}

static inline int give(void)
{
    struct fh_turn_data d;

    if (key.len)
        fh_stun_write_integrity(&b, by, key.bytes, key.len);
    fh_stun_write_fingerprint(&b);
    return fh_turn_input(t, now, answer_mem, fh_stun_build_end(&b), &d);
}

static inline void challenge(unsigned code)
{
    answer(FH_STUN_ERROR);
    fh_stun_write_error(&b, code);
    fh_stun_write_text(&b, FH_STUN_REALM, realm);
    fh_stun_write_text(&b, FH_STUN_NONCE, nonce);
    if (algorithms)
        fh_stun_write(&b, FH_STUN_PASSWORD_ALGORITHMS, algorithms, algorithms_len);
    key.len = 0;
    ck_assert_int_eq(give(), 0);
    ck_assert_int_eq(fh_stun_long_term_key(algorithms ? FH_STUN_SHA256 : FH_STUN_MD5, "ann", realm,
                                           strlen(realm), "secret", &key),
                     0);
    by = algorithms ? FH_STUN_BY_SHA256 : FH_STUN_BY_SHA1;
}

static inline void refuse(unsigned code)
{
    answer(FH_STUN_ERROR);
    fh_stun_write_error(&b, code);
    ck_assert_int_eq(give(), 0);
}

static inline void write_allocated(uint32_t lifetime_s)
{
    struct fh_ice_address relayed = addr("192.0.2.1", 50000), mapped = addr("203.0.113.5", 1234);

    answer(FH_STUN_SUCCESS);
    fh_stun_write_address(&b, FH_STUN_XOR_RELAYED_ADDRESS, &relayed);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &mapped);
    fh_stun_write_u32(&b, FH_STUN_LIFETIME, lifetime_s);
}

static struct fh_turn_event ev;

static inline void expect_event(enum fh_turn_event_type type)
{
    ck_assert_int_eq(fh_turn_event(t, &ev), 1);
    ck_assert_int_eq(ev.type, type);
}

static inline void expect_no_event(void)
{
    ck_assert_int_eq(fh_turn_event(t, &ev), 0);
}

static inline void allocate(struct fh_turn_config *cfg)
{
    begin(cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    expect_no_event();
}

/* Wait as a loop would, until something is to be sent or `until` has come. */
static inline bool wait(uint64_t until, struct fh_turn_message *out)
{
    for (;;) {
        uint64_t at = fh_turn_deadline(t);

        fh_turn_tick(t, now);
        if (fh_turn_output(t, now, out))
            return true;
        at = fh_turn_deadline(t);
        ck_assert_uint_gt(at, now); /* or a loop would spin */
        if (at > until)
            break;
        now = at;
    }
    now = until;
    return false;
}

#endif
