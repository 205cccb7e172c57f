/* SPDX-License-Identifier: MIT */
/* The TURN client against a server that is played by hand, message by message. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice_error.h>
#include <farhand/turn.h>

/* ---- a server's half ------------------------------------------------------------------------ */

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

static void fake_random(void *user, void *out, size_t len)
{
    uint8_t *p = out;

    (void)user;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(random_state = (uint8_t)(random_state * 5 + 1));
}

static struct fh_ice_address addr(const char *ip, uint16_t port)
{
    struct fh_ice_address a;

    ck_assert_int_eq(fh_ice_address_parse(ip, strlen(ip), &a), 0);
    a.port = port;
    return a;
}

static void begin(struct fh_turn_config *cfg)
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
static void expect(uint16_t method)
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

static void expect_silence(void)
{
    struct fh_turn_message out;

    ck_assert_int_eq(fh_turn_output(t, now, &out), 0);
}

static struct fh_stun_builder b;

static void answer(enum fh_stun_class cls)
{
    fh_stun_build_response(&b, answer_mem, sizeof answer_mem, cls, &req);
}

static int give(void)
{
    struct fh_turn_data d;

    if (key.len)
        fh_stun_write_integrity(&b, by, key.bytes, key.len);
    fh_stun_write_fingerprint(&b);
    return fh_turn_input(t, now, answer_mem, fh_stun_build_end(&b), &d);
}

static void challenge(unsigned code)
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

static void refuse(unsigned code)
{
    answer(FH_STUN_ERROR);
    fh_stun_write_error(&b, code);
    ck_assert_int_eq(give(), 0);
}

static void write_allocated(uint32_t lifetime_s)
{
    struct fh_ice_address relayed = addr("192.0.2.1", 50000), mapped = addr("203.0.113.5", 1234);

    answer(FH_STUN_SUCCESS);
    fh_stun_write_address(&b, FH_STUN_XOR_RELAYED_ADDRESS, &relayed);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &mapped);
    fh_stun_write_u32(&b, FH_STUN_LIFETIME, lifetime_s);
}

static struct fh_turn_event ev;

static void expect_event(enum fh_turn_event_type type)
{
    ck_assert_int_eq(fh_turn_event(t, &ev), 1);
    ck_assert_int_eq(ev.type, type);
}

static void expect_no_event(void)
{
    ck_assert_int_eq(fh_turn_event(t, &ev), 0);
}

static void allocate(struct fh_turn_config *cfg)
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
static bool wait(uint64_t until, struct fh_turn_message *out)
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

/* ---- allocating ----------------------------------------------------------------------------- */

START_TEST(an_allocation_is_asked_for_without_credentials_first)
{
    struct fh_turn_config cfg = {0};
    uint32_t transport;
    struct fh_ice_address mapped = addr("203.0.113.5", 1234), relayed = addr("192.0.2.1", 50000);

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    ck_assert(!fh_stun_has(&req, FH_STUN_USERNAME));
    ck_assert_uint_eq(req.integrity, 0);
    ck_assert(fh_stun_read_u32(&req, FH_STUN_REQUESTED_TRANSPORT, &transport));
    ck_assert_uint_eq(transport, 17u << 24);
    expect_silence();
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    ck_assert(fh_stun_has(&req, FH_STUN_USERNAME) && fh_stun_has(&req, FH_STUN_NONCE));
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    ck_assert(fh_ice_address_equal(&ev.relayed[0], &relayed));
    ck_assert_int_eq(ev.relayed[1].family, FH_ICE_FAMILY_NONE);
    ck_assert(fh_ice_address_equal(&ev.mapped, &mapped));
    expect_silence();
    fh_turn_finish(t);
}

START_TEST(a_silent_server_is_asked_seven_times)
{
    static const uint64_t at[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    struct fh_turn_config cfg = {0};
    struct fh_turn_message out;
    uint64_t start;

    begin(&cfg);
    start = now;
    for (size_t i = 0; i < 7; i++) {
        ck_assert(wait(UINT64_MAX - 1, &out));
        ck_assert_uint_eq(now - start, at[i]);
    }
    ck_assert(!wait(start + 39499, &out));
    expect_no_event();
    ck_assert(!wait(start + 40000, &out));
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_FAILED);
    ck_assert(fh_turn_deadline(t) == UINT64_MAX);
}

START_TEST(over_a_stream_nothing_is_repeated)
{
    struct fh_turn_config cfg = {.carrier = FH_TURN_TCP};
    struct fh_turn_message out;

    begin(&cfg);
    ck_assert(wait(UINT64_MAX - 1, &out));
    ck_assert(!wait(now + 39499, &out));
    expect_no_event();
    ck_assert(!wait(now + 1, &out));
    expect_event(FH_TURN_EV_FAILED);
}

START_TEST(what_the_server_said_earlier_saves_a_round_trip)
{
    struct fh_turn_config cfg = {0};
    struct fh_turn_cache cache;

    allocate(&cfg);
    fh_turn_cache(t, &cache);
    cfg.cache = &cache;
    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    ck_assert(fh_stun_has(&req, FH_STUN_USERNAME));
    challenge(_i == 0 ? FH_STUN_STALE_NONCE : FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
}

START_TEST(wrong_credentials_are_said_once)
{
    struct fh_turn_config cfg = {0};

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_AUTH);
    ck_assert_uint_eq(ev.code, 401);
    expect_silence();
    expect_no_event();
}

START_TEST(a_server_that_always_finds_the_nonce_stale_is_left)
{
    struct fh_turn_config cfg = {0};
    unsigned n = 0;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    while (n < 20 && fh_turn_event(t, &ev) == 0) {
        expect(FH_STUN_ALLOCATE);
        challenge(FH_STUN_STALE_NONCE);
        n++;
    }
    ck_assert_uint_lt(n, 8);
    ck_assert_int_eq(ev.type, FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_AUTH);
}

START_TEST(each_refusal_of_an_allocation_has_its_meaning)
{
    static const struct {
        unsigned code;
        int error;
    } row[] = {
        {403, FH_ICE_E_FAILED}, {437, FH_ICE_E_STATE},  {440, FH_ICE_E_FAILED},
        {441, FH_ICE_E_AUTH},   {442, FH_ICE_E_FAILED}, {486, FH_ICE_E_LIMIT},
        {500, FH_ICE_E_FAILED}, {508, FH_ICE_E_LIMIT},  {300, FH_ICE_E_FAILED},
    };
    struct fh_turn_config cfg = {0};

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    refuse(row[_i].code);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, row[_i].error);
    ck_assert_uint_eq(ev.code, row[_i].code);
}

START_TEST(sha256_is_used_where_it_is_offered)
{
    static const uint8_t both[] = {0, 2, 0, 0, 0, 1, 0, 0};
    struct fh_turn_config cfg = {0};
    size_t len;
    const uint8_t *p;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    nonce = "obMatJos2gAAAxyz"; /* password algorithms */
    algorithms = both;
    algorithms_len = sizeof both;
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE); /* checks MESSAGE-INTEGRITY-SHA256 with the SHA-256 key */
    ck_assert_uint_eq(req.integrity, 0);
    p = fh_stun_find(&req, FH_STUN_PASSWORD_ALGORITHMS, &len);
    ck_assert_uint_eq(len, sizeof both);
    ck_assert_mem_eq(p, both, sizeof both);
    p = fh_stun_find(&req, FH_STUN_PASSWORD_ALGORITHM, &len);
    ck_assert_uint_eq(len, 4);
    ck_assert_mem_eq(p, both, 4);
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    nonce = "nonce-1";
}

START_TEST(a_user_may_be_hashed)
{
    struct fh_turn_config cfg = {0};
    uint8_t want[FH_STUN_SHA256_LEN];
    size_t len;
    const uint8_t *p;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    nonce = "obMatJos2QAAAxyz"; /* username anonymity */
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    nonce = "nonce-1";
    ck_assert(!fh_stun_has(&req, FH_STUN_USERNAME));
    p = fh_stun_find(&req, FH_STUN_USERHASH, &len);
    fh_stun_userhash("ann", realm, strlen(realm), want);
    ck_assert_uint_eq(len, sizeof want);
    ck_assert_mem_eq(p, want, sizeof want);
}

START_TEST(a_nonce_that_promises_algorithms_must_come_with_them)
{
    struct fh_turn_config cfg = {0};
    struct fh_turn_data d;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    answer(FH_STUN_ERROR);
    fh_stun_write_error(&b, 401);
    fh_stun_write_text(&b, FH_STUN_REALM, realm);
    fh_stun_write_text(&b, FH_STUN_NONCE, "obMatJos2gAAAxyz");
    ck_assert_int_eq(fh_turn_input(t, now, answer_mem, fh_stun_build_end(&b), &d), 0);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_PROTO);
}

START_TEST(another_server_is_followed_to_once)
{
    struct fh_turn_config cfg = {.carrier = _i == 0 ? FH_TURN_UDP : FH_TURN_TLS};
    struct fh_ice_address other = addr("192.0.2.99", 3478), server;

    begin(&cfg);
    for (int hop = 0; hop < 2; hop++) {
        expect(FH_STUN_ALLOCATE);
        answer(FH_STUN_ERROR);
        fh_stun_write_error(&b, 300);
        fh_stun_write_address(&b, FH_STUN_ALTERNATE_SERVER, &other);
        ck_assert_int_eq(give(), 0);
        if (hop == 1)
            break;
        expect_event(FH_TURN_EV_REDIRECTED);
        server = fh_turn_server(t);
        ck_assert(fh_ice_address_equal(&server, &other));
        if (_i == 1) {
            expect_silence();
            fh_turn_disconnected(t, now);
            expect_no_event();
            fh_turn_connected(t, now);
        }
        other.port = 3479;
    }
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_uint_eq(ev.code, 300);
}

START_TEST(nobody_is_sent_to_where_no_server_is)
{
    static const char *const place[] = {"127.0.0.1",   "224.0.0.1", "10.0.0.1",
                                        "169.254.1.1", "0.0.0.0",   "2001:db8::1"};
    struct fh_turn_config cfg = {0};
    struct fh_ice_address other = addr(place[_i], 3478);

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    answer(FH_STUN_ERROR);
    fh_stun_write_error(&b, 300);
    fh_stun_write_address(&b, FH_STUN_ALTERNATE_SERVER, &other);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_FAILED);
}

START_TEST(a_forged_answer_changes_nothing)
{
    struct fh_turn_config cfg = {0};
    struct fh_stun_key right;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    right = key;
    key.bytes[3] ^= 1;
    write_allocated(600);
    ck_assert_int_eq(give(), FH_ICE_E_AUTH); /* a wrong key */
    key.len = 0;
    write_allocated(600);
    ck_assert_int_eq(give(), FH_ICE_E_AUTH); /* none */
    req.txid[0] ^= 1;
    write_allocated(600);
    ck_assert_int_eq(give(), FH_ICE_E_PROTO); /* another transaction */
    req.txid[0] ^= 1;
    answer(FH_STUN_ERROR);
    fh_stun_write_error(&b, 300);
    ck_assert_int_eq(give(), FH_ICE_E_AUTH); /* sent elsewhere, with credentials, unsigned */
    key = right;
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), FH_ICE_E_PROTO); /* without a relayed address */
    expect_no_event();
    write_allocated(600);
    fh_stun_write(&b, 0x7777, "?", 1);
    ck_assert_int_eq(give(), FH_ICE_E_PROTO); /* with what must be understood and is not */
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
}

START_TEST(both_families_can_be_had)
{
    struct fh_turn_config cfg = {.ipv4 = _i != 1, .ipv6 = true};
    struct fh_ice_address r6 = addr("2001:db8::1", 50001), peer6 = addr("2001:db8::9", 1);
    size_t len;
    uint16_t type = _i == 1 ? FH_STUN_REQUESTED_ADDRESS_FAMILY : FH_STUN_ADDITIONAL_ADDRESS_FAMILY;
    const uint8_t *p;

    begin(&cfg);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer6), 0);
    expect(FH_STUN_ALLOCATE);
    p = fh_stun_find(&req, type, &len);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(p[0], 2);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    if (_i != 2) /* in the third case the server has none */
        fh_stun_write_address(&b, FH_STUN_XOR_RELAYED_ADDRESS, &r6);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer6), _i == 2 ? FH_ICE_E_ADDRESS : 0);
}

/* ---- keeping -------------------------------------------------------------------------------- */

START_TEST(an_allocation_is_refreshed_a_minute_before_its_end)
{
    struct fh_turn_config cfg = {0};
    struct fh_turn_message out;
    uint64_t start;

    allocate(&cfg);
    start = now;
    for (;;) {
        ck_assert(wait(start + 540001, &out));
        ck_assert_int_eq(fh_stun_parse(out.data, out.len, &req), 0);
        if (req.cls == FH_STUN_REQUEST)
            break;
        ck_assert_uint_eq(req.method, FH_STUN_BINDING); /* a NAT is kept awake */
    }
    ck_assert_uint_eq(req.method, FH_STUN_REFRESH);
    ck_assert_uint_eq(now, start + 540000);
    memcpy(req_mem, out.data, out.len);
    ck_assert_int_eq(fh_stun_parse(req_mem, out.len, &req), 0);
    challenge(FH_STUN_STALE_NONCE);
    expect(FH_STUN_REFRESH);
    answer(FH_STUN_SUCCESS);
    fh_stun_write_u32(&b, FH_STUN_LIFETIME, 60);
    ck_assert_int_eq(give(), 0);
    expect_no_event();
    start = now;
    do {
        ck_assert(wait(start + 30001, &out));
        fh_stun_parse(out.data, out.len, &req);
    } while (req.cls != FH_STUN_REQUEST);
    ck_assert_uint_eq(now, start + 30000); /* half of a short life */
}

/* A server that gives a second at a time is not asked once for each of its answers. */
START_TEST(a_life_of_a_second_makes_no_storm)
{
    struct fh_turn_config cfg = {0};
    struct fh_turn_message out;
    uint64_t start;
    int requests = 0;

    allocate(&cfg);
    now += 540000;
    start = now;
    while (wait(start + 10000, &out)) {
        memcpy(req_mem, out.data, out.len);
        ck_assert_int_eq(fh_stun_parse(req_mem, out.len, &req), 0);
        ck_assert_int_lt(requests++, 30);
        answer(FH_STUN_SUCCESS);
        fh_stun_write_u32(&b, FH_STUN_LIFETIME, 1);
        ck_assert_int_eq(give(), 0);
    }
    ck_assert_int_ge(requests, 10);
    expect_no_event();
}

START_TEST(an_allocation_that_the_server_forgot_is_lost)
{
    struct fh_turn_config cfg = {0};

    allocate(&cfg);
    now += 540000;
    expect(FH_STUN_REFRESH);
    refuse(437);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_LOST);
}

START_TEST(a_sleeper_finds_his_allocation_gone)
{
    struct fh_turn_config cfg = {0};

    allocate(&cfg);
    now += 3600000;
    fh_turn_tick(t, now);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_LOST);
}

START_TEST(it_is_deleted_on_close)
{
    struct fh_turn_config cfg = {.carrier = _i == 2 ? FH_TURN_TCP : FH_TURN_UDP};
    struct fh_turn_message out;
    uint32_t lifetime;

    allocate(&cfg);
    fh_turn_close(t, now);
    expect(FH_STUN_REFRESH);
    ck_assert(fh_stun_read_u32(&req, FH_STUN_LIFETIME, &lifetime));
    ck_assert_uint_eq(lifetime, 0);
    if (_i == 0) {
        answer(FH_STUN_SUCCESS);
        fh_stun_write_u32(&b, FH_STUN_LIFETIME, 0);
        ck_assert_int_eq(give(), 0);
    } else { /* nobody answers: it is over all the same, soon */
        while (wait(now + 2000, &out))
            ;
    }
    expect_event(FH_TURN_EV_CLOSED);
    ck_assert_int_eq(fh_turn_permit(t, now, &ev.mapped), FH_ICE_E_STATE);
    expect_silence();
}

START_TEST(closing_before_anything_was_allocated_sends_nothing)
{
    struct fh_turn_config cfg = {0};

    begin(&cfg);
    if (_i == 1)
        expect(FH_STUN_ALLOCATE);
    fh_turn_close(t, now);
    expect_silence();
    expect_event(FH_TURN_EV_CLOSED);
    expect_no_event();
}

START_TEST(an_allocation_moves_with_its_ticket)
{
    struct fh_turn_config cfg = {.mobility = true};
    struct fh_ice_address mapped = addr("203.0.113.77", 99), peer = addr("198.51.100.7", 7);
    size_t len;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    ck_assert_ptr_nonnull(fh_stun_find(&req, FH_STUN_MOBILITY_TICKET, &len));
    ck_assert_uint_eq(len, 0);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    fh_stun_write(&b, FH_STUN_MOBILITY_TICKET, "ticket", 6);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer), 0);
    expect(FH_STUN_CREATE_PERMISSION);
    /* The address changes while this is under way. */
    ck_assert_int_eq(fh_turn_moved(t, now), 0);
    expect(FH_STUN_REFRESH);
    ck_assert_mem_eq(fh_stun_find(&req, FH_STUN_MOBILITY_TICKET, &len), "ticket", 6);
    expect_silence();
    answer(FH_STUN_SUCCESS);
    fh_stun_write_u32(&b, FH_STUN_LIFETIME, 600);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &mapped);
    fh_stun_write(&b, FH_STUN_MOBILITY_TICKET, "second", 6);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_MOVED);
    ck_assert(fh_ice_address_equal(&ev.mapped, &mapped));
    expect(FH_STUN_CREATE_PERMISSION);
    ck_assert(fh_turn_can_move(t));
}

START_TEST(a_server_that_is_silent_after_a_move_is_left_soon)
{
    struct fh_turn_config cfg = {.mobility = true, .carrier = FH_TURN_TLS};
    struct fh_ice_address peer = addr("198.51.100.7", 7);
    struct fh_turn_message out;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    fh_stun_write(&b, FH_STUN_MOBILITY_TICKET, "ticket", 6);
    ck_assert_int_eq(give(), 0);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer), 0);
    expect(FH_STUN_CREATE_PERMISSION);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    expect_event(FH_TURN_EV_PERMITTED);
    fh_turn_disconnected(t, now);
    expect_no_event(); /* there is a ticket */
    ck_assert_int_eq(fh_turn_moved(t, now), 0);
    expect(FH_STUN_REFRESH);
    answer(FH_STUN_SUCCESS);
    fh_stun_write_u32(&b, FH_STUN_LIFETIME, 600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_MOVED);
    expect(FH_STUN_CREATE_PERMISSION);
    ck_assert(!wait(now + 3000, &out));
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_LOST);
}

START_TEST(a_server_that_forbids_moving_allocates_all_the_same)
{
    struct fh_turn_config cfg = {.mobility = true};

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    refuse(FH_STUN_MOBILITY_FORBIDDEN);
    expect(FH_STUN_ALLOCATE);
    ck_assert(!fh_stun_has(&req, FH_STUN_MOBILITY_TICKET));
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    ck_assert(!fh_turn_can_move(t));
}

START_TEST(without_a_ticket_nothing_moves)
{
    struct fh_turn_config cfg = {.mobility = true};

    allocate(&cfg);
    ck_assert(!fh_turn_can_move(t));
    ck_assert_int_eq(fh_turn_moved(t, now), FH_ICE_E_STATE);
    fh_turn_disconnected(t, now);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_LOST);
}

/* ---- peers ---------------------------------------------------------------------------------- */

static unsigned peers_in_request(void)
{
    struct fh_stun_attribute a;
    unsigned n = 0;

    for (size_t at = 0; fh_stun_next(&req, &at, &a);)
        n += a.type == FH_STUN_XOR_PEER_ADDRESS;
    return n;
}

static void permit(unsigned last)
{
    struct fh_ice_address p = addr("198.51.100.0", 5000);

    p.ip[3] = (uint8_t)last;
    ck_assert_int_eq(fh_turn_permit(t, now, &p), 0);
}

START_TEST(permissions_are_asked_for_together_and_kept)
{
    struct fh_turn_config cfg = {0};
    struct fh_ice_address other_port = addr("198.51.100.1", 1);
    struct fh_turn_message out;
    uint64_t start;

    allocate(&cfg);
    for (unsigned i = 1; i <= 5; i++)
        permit(i);
    ck_assert_int_eq(fh_turn_permit(t, now, &other_port), 0); /* ports do not count */
    expect(FH_STUN_CREATE_PERMISSION);
    ck_assert_uint_eq(peers_in_request(), 5);
    permit(9); /* waits for the answer to the first */
    expect_silence();
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    for (int i = 0; i < 5; i++)
        expect_event(FH_TURN_EV_PERMITTED);
    expect_no_event();
    expect(FH_STUN_CREATE_PERMISSION);
    ck_assert_uint_eq(peers_in_request(), 1);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_PERMITTED);
    start = now;
    do {
        ck_assert(wait(start + 240001, &out));
        memcpy(req_mem, out.data, out.len);
        fh_stun_parse(req_mem, out.len, &req);
    } while (req.cls != FH_STUN_REQUEST);
    ck_assert_uint_eq(now, start + 240000);
    ck_assert_uint_eq(peers_in_request(), 6); /* refreshed in one */
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_no_event(); /* nothing new */
}

START_TEST(one_forbidden_peer_does_not_cost_the_others)
{
    struct fh_turn_config cfg = {0};
    unsigned refused = 0, permitted = 0, requests = 0;

    allocate(&cfg);
    for (unsigned i = 1; i <= 4; i++)
        permit(i);
    expect(FH_STUN_CREATE_PERMISSION);
    refuse(403);
    expect_no_event();
    while (refused + permitted < 4) {
        struct fh_ice_address p;

        expect(FH_STUN_CREATE_PERMISSION);
        ck_assert_uint_eq(peers_in_request(), 1);
        ck_assert(fh_stun_read_address(&req, FH_STUN_XOR_PEER_ADDRESS, &p));
        if (p.ip[3] == 2) {
            refuse(403);
            expect_event(FH_TURN_EV_REFUSED);
            ck_assert_uint_eq(ev.code, 403);
            ck_assert_uint_eq(ev.peer.ip[3], 2);
            refused++;
        } else {
            answer(FH_STUN_SUCCESS);
            ck_assert_int_eq(give(), 0);
            expect_event(FH_TURN_EV_PERMITTED);
            permitted++;
        }
        requests++;
    }
    ck_assert_uint_eq(requests, 4);
    ck_assert_uint_eq(refused, 1);
    expect_silence();
    permit(2); /* asked again, told again */
    expect_event(FH_TURN_EV_REFUSED);
}

START_TEST(there_is_an_end_to_permissions)
{
    struct fh_turn_config cfg = {0};
    struct fh_ice_address p = addr("198.51.100.0", 5000);

    allocate(&cfg);
    for (unsigned i = 0; i < FH_TURN_MAX_PERMISSIONS; i++)
        permit(i);
    p.ip[3] = 200;
    ck_assert_int_eq(fh_turn_permit(t, now, &p), FH_ICE_E_LIMIT);
    p.ip[3] = 0;
    fh_turn_forget(t, &p);
    p.ip[3] = 200;
    ck_assert_int_eq(fh_turn_permit(t, now, &p), 0);
}

START_TEST(data_goes_by_indications_until_there_is_a_channel)
{
    struct fh_turn_config cfg = {.carrier = _i == 1 ? FH_TURN_TLS : FH_TURN_UDP};
    struct fh_ice_address peer = addr("198.51.100.7", 7000), got;
    uint8_t mem[200];
    struct fh_stun_message m;
    size_t len;
    uint16_t channel;
    int n;

    allocate(&cfg);
    ck_assert_int_eq(fh_turn_wrap(t, now, &peer, "hello", 5, mem, sizeof mem), FH_ICE_E_STATE);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer), 0);
    ck_assert_int_eq(fh_turn_wrap(t, now, &peer, "hello", 5, mem, sizeof mem), FH_ICE_E_STATE);
    expect(FH_STUN_CREATE_PERMISSION);
    n = fh_turn_wrap(t, now, &peer, "hello", 5, mem, sizeof mem); /* follows the request */
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(fh_stun_parse(mem, (size_t)n, &m), 0);
    ck_assert_int_eq(m.cls, FH_STUN_INDICATION);
    ck_assert_uint_eq(m.method, FH_STUN_SEND);
    ck_assert(fh_stun_read_address(&m, FH_STUN_XOR_PEER_ADDRESS, &got));
    ck_assert(fh_ice_address_equal(&got, &peer));
    ck_assert_mem_eq(fh_stun_find(&m, FH_STUN_DATA_ATTRIBUTE, &len), "hello", 5);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_PERMITTED);
    ck_assert_int_eq(fh_turn_bind(t, now, &peer), 0);
    expect(FH_STUN_CHANNEL_BIND);
    ck_assert(fh_stun_read_channel(&req, &channel));
    ck_assert_uint_ge(channel, 0x4000);
    ck_assert_uint_le(channel, 0x4fff);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_BOUND);
    n = fh_turn_wrap(t, now, &peer, "hello", 5, mem, sizeof mem);
    ck_assert_int_eq(n, _i == 1 ? 12 : 9); /* padded to 4 on a stream */
    ck_assert_uint_eq((unsigned)(mem[0] << 8 | mem[1]), channel);
    ck_assert_uint_eq((unsigned)(mem[2] << 8 | mem[3]), 5);
    ck_assert_mem_eq(mem + 4, "hello", 5);
    ck_assert_int_eq(fh_turn_wrap(t, now, &peer, "hello", 5, mem, 8), FH_ICE_E_ROOM);
}

START_TEST(what_comes_from_peers_is_given_out)
{
    struct fh_turn_config cfg = {0};
    struct fh_ice_address peer = addr("198.51.100.7", 7000), stranger = addr("198.51.100.8", 1);
    struct fh_turn_data d;
    uint8_t frame[] = {0, 0, 0, 3, 'a', 'b', 'c'}, mem[200];
    uint16_t channel;

    allocate(&cfg);
    ck_assert_int_eq(fh_turn_bind(t, now, &peer), 0);
    expect(FH_STUN_CREATE_PERMISSION);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect(FH_STUN_CHANNEL_BIND);
    ck_assert(fh_stun_read_channel(&req, &channel));
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    frame[0] = (uint8_t)(channel >> 8);
    frame[1] = (uint8_t)channel;
    ck_assert_int_eq(fh_turn_input(t, now, frame, sizeof frame, &d), 1);
    ck_assert_uint_eq(d.len, 3);
    ck_assert_ptr_eq(d.data, frame + 4);
    ck_assert(fh_ice_address_equal(&d.peer, &peer));
    frame[3] = 4; /* longer than what came */
    ck_assert_int_eq(fh_turn_input(t, now, frame, sizeof frame, &d), FH_ICE_E_PROTO);
    frame[3] = 3;
    frame[1] ^= 1; /* no such channel */
    ck_assert_int_eq(fh_turn_input(t, now, frame, sizeof frame, &d), FH_ICE_E_PROTO);
    for (int i = 0; i < 2; i++) {
        fh_stun_build(&b, mem, sizeof mem, FH_STUN_INDICATION, FH_STUN_DATA, req.txid);
        fh_stun_write_address(&b, FH_STUN_XOR_PEER_ADDRESS, i == 0 ? &peer : &stranger);
        fh_stun_write(&b, FH_STUN_DATA_ATTRIBUTE, "xy", 2);
        ck_assert_int_eq(fh_turn_input(t, now, mem, fh_stun_build_end(&b), &d),
                         i == 0 ? 1 : FH_ICE_E_PROTO);
    }
    ck_assert_uint_eq(d.len, 2);
}

START_TEST(channels_are_bound_again_in_time_and_numbers_are_not_used_twice)
{
    struct fh_turn_config cfg = {0};
    struct fh_ice_address peer = addr("198.51.100.7", 7000), other = addr("198.51.100.9", 1);
    struct fh_turn_message out;
    uint16_t first, channel;
    uint64_t start;

    allocate(&cfg);
    ck_assert_int_eq(fh_turn_bind(t, now, &peer), 0);
    expect(FH_STUN_CREATE_PERMISSION);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect(FH_STUN_CHANNEL_BIND);
    ck_assert(fh_stun_read_channel(&req, &first));
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    start = now;
    do { /* everything that is asked for is granted */
        ck_assert(wait(start + 540001, &out));
        memcpy(req_mem, out.data, out.len);
        fh_stun_parse(req_mem, out.len, &req);
        if (req.cls != FH_STUN_REQUEST)
            continue;
        answer(FH_STUN_SUCCESS);
        ck_assert_int_eq(give(), 0);
    } while (req.method != FH_STUN_CHANNEL_BIND);
    ck_assert_uint_eq(now, start + 540000);
    ck_assert(fh_stun_read_channel(&req, &channel));
    ck_assert_uint_eq(channel, first);
    fh_turn_forget(t, &peer);
    ck_assert_int_eq(fh_turn_bind(t, now, &other), 0);
    for (;;) {
        ck_assert_int_eq(fh_turn_output(t, now, &out), 1);
        memcpy(req_mem, out.data, out.len);
        fh_stun_parse(req_mem, out.len, &req);
        if (req.method == FH_STUN_CHANNEL_BIND)
            break;
        answer(FH_STUN_SUCCESS);
        ck_assert_int_eq(give(), 0);
    }
    ck_assert(fh_stun_read_channel(&req, &channel));
    ck_assert_uint_ne(channel, first);
}

/* ---- streams and credentials ---------------------------------------------------------------- */

START_TEST(a_stream_is_cut_into_frames)
{
    static struct fh_turn_frames f;
    uint8_t stream[512], *p;
    size_t len = 0, room, at = 0, n;
    const uint8_t *frame;
    unsigned channels = 0, messages = 0;
    const uint8_t txid[FH_STUN_TXID_LEN] = {0};
    size_t step = (size_t)_i;

    for (int i = 0; i < 5; i++) {
        struct fh_stun_builder sb;

        fh_stun_build(&sb, stream + len, 64, FH_STUN_INDICATION, FH_STUN_BINDING, txid);
        fh_stun_write_fingerprint(&sb);
        len += fh_stun_build_end(&sb);
        memcpy(stream + len, "\x40\x01\x00\x05-data\0\0\0", 12);
        len += 12;
    }
    memset(&f, 0, sizeof f);
    while (at < len) {
        p = fh_turn_frames_in(&f, &room);
        n = step < len - at ? step : len - at;
        ck_assert_uint_le(n, room);
        memcpy(p, stream + at, n);
        fh_turn_frames_in_done(&f, n);
        at += n;
        while (fh_turn_frames_next(&f, &frame, &n) == 1) {
            if (frame[0] == 0x40) {
                ck_assert_uint_eq(n, 12);
                channels++;
            } else {
                ck_assert(fh_stun_is_message(frame, n));
                messages++;
            }
        }
    }
    ck_assert_uint_eq(channels, 5);
    ck_assert_uint_eq(messages, 5);
    ck_assert_uint_eq(f.used, f.len);
}

START_TEST(a_stream_of_something_else_is_refused)
{
    static const char *const bad[] = {"HTTP", "\x50\0\0\0", "\x40\0\xff\xff", "\x80\0\0\0",
                                      "\x01\x01\0\x03"};
    static struct fh_turn_frames f;
    size_t room, n;
    const uint8_t *frame;

    memset(&f, 0, sizeof f);
    memcpy(fh_turn_frames_in(&f, &room), bad[_i], 4);
    fh_turn_frames_in_done(&f, 4);
    ck_assert_int_eq(fh_turn_frames_next(&f, &frame, &n), FH_ICE_E_PROTO);
}

/* Computed with: printf 1700000000:ann | openssl dgst -sha1 -hmac north -binary | base64 */
START_TEST(rest_credentials_are_those_of_the_memo)
{
    char username[32], password[FH_TURN_REST_PASSWORD];

    ck_assert_int_eq(fh_turn_rest_credentials("north", 5, 1700000000, "ann", username,
                                              sizeof username, password),
                     0);
    ck_assert_str_eq(username, "1700000000:ann");
    ck_assert_str_eq(password, "jeamH6dA5l2I9g3jmieza7CzEDo=");
    ck_assert_int_eq(
        fh_turn_rest_credentials("north", 5, 1700000000, "ann", username, 14, password),
        FH_ICE_E_ROOM);
}

START_TEST(a_configuration_out_of_range_makes_no_client)
{
    static uint8_t mem[32768];
    struct fh_turn_config good = {.server = addr("192.0.2.1", 3478),
                                  .username = "ann",
                                  .password = "secret",
                                  .random = fake_random},
                          c = good;
    char longest[600];

    memset(longest, 'x', sizeof longest);
    longest[509] = '\0';
    ck_assert_ptr_nonnull(fh_turn_init(mem, sizeof mem, &c));
    ck_assert_ptr_null(fh_turn_init(mem, fh_turn_size() - 1, &c));
    c.username = "";
    ck_assert_ptr_null(fh_turn_init(mem, sizeof mem, &c));
    c.username = longest;
    ck_assert_ptr_null(fh_turn_init(mem, sizeof mem, &c));
    c.username = longest + 1;
    ck_assert_ptr_nonnull(fh_turn_init(mem, sizeof mem, &c));
    c = good;
    c.password = NULL;
    ck_assert_ptr_null(fh_turn_init(mem, sizeof mem, &c));
    c = good;
    c.server.family = 0;
    ck_assert_ptr_null(fh_turn_init(mem, sizeof mem, &c));
    fh_turn_finish(NULL);
}

int main(void)
{
    Suite *s = suite_create("turn");
    TCase *tc = tcase_create("allocating");
    int failed;
    SRunner *r;

    tcase_add_test(tc, an_allocation_is_asked_for_without_credentials_first);
    tcase_add_test(tc, a_silent_server_is_asked_seven_times);
    tcase_add_test(tc, over_a_stream_nothing_is_repeated);
    tcase_add_loop_test(tc, what_the_server_said_earlier_saves_a_round_trip, 0, 2);
    tcase_add_test(tc, wrong_credentials_are_said_once);
    tcase_add_test(tc, a_server_that_always_finds_the_nonce_stale_is_left);
    tcase_add_loop_test(tc, each_refusal_of_an_allocation_has_its_meaning, 0, 9);
    tcase_add_test(tc, sha256_is_used_where_it_is_offered);
    tcase_add_test(tc, a_user_may_be_hashed);
    tcase_add_test(tc, a_nonce_that_promises_algorithms_must_come_with_them);
    tcase_add_loop_test(tc, another_server_is_followed_to_once, 0, 2);
    tcase_add_loop_test(tc, nobody_is_sent_to_where_no_server_is, 0, 6);
    tcase_add_test(tc, a_forged_answer_changes_nothing);
    tcase_add_loop_test(tc, both_families_can_be_had, 0, 3);
    suite_add_tcase(s, tc);
    tc = tcase_create("keeping");
    tcase_add_test(tc, an_allocation_is_refreshed_a_minute_before_its_end);
    tcase_add_test(tc, a_life_of_a_second_makes_no_storm);
    tcase_add_test(tc, an_allocation_that_the_server_forgot_is_lost);
    tcase_add_test(tc, a_sleeper_finds_his_allocation_gone);
    tcase_add_loop_test(tc, it_is_deleted_on_close, 0, 3);
    tcase_add_loop_test(tc, closing_before_anything_was_allocated_sends_nothing, 0, 2);
    tcase_add_test(tc, an_allocation_moves_with_its_ticket);
    tcase_add_test(tc, a_server_that_is_silent_after_a_move_is_left_soon);
    tcase_add_test(tc, a_server_that_forbids_moving_allocates_all_the_same);
    tcase_add_test(tc, without_a_ticket_nothing_moves);
    suite_add_tcase(s, tc);
    tc = tcase_create("peers");
    tcase_add_test(tc, permissions_are_asked_for_together_and_kept);
    tcase_add_test(tc, one_forbidden_peer_does_not_cost_the_others);
    tcase_add_test(tc, there_is_an_end_to_permissions);
    tcase_add_loop_test(tc, data_goes_by_indications_until_there_is_a_channel, 0, 2);
    tcase_add_test(tc, what_comes_from_peers_is_given_out);
    tcase_add_test(tc, channels_are_bound_again_in_time_and_numbers_are_not_used_twice);
    suite_add_tcase(s, tc);
    tc = tcase_create("streams and credentials");
    tcase_add_loop_test(tc, a_stream_is_cut_into_frames, 1, 70);
    tcase_add_loop_test(tc, a_stream_of_something_else_is_refused, 0, 5);
    tcase_add_test(tc, rest_credentials_are_those_of_the_memo);
    tcase_add_test(tc, a_configuration_out_of_range_makes_no_client);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
