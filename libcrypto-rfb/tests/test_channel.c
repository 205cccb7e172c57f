/* SPDX-License-Identifier: MIT */
/* test_channel.c -- two well-behaved ends: opening, data, ping, close, deadlines, memory. */
#include <check.h>
#include <sodium.h>

#include "channel_pair.h"

static const size_t chunks[] = {0, 1, 7};
enum { N_CHUNKS = sizeof chunks / sizeof chunks[0] };

static const uint8_t cloud_secret[FH_CHANNEL_SECRET_LEN] = {7, 7, 7};
static const uint8_t other_secret[FH_CHANNEL_SECRET_LEN] = {8};
static const uint8_t session_ref[FH_CHANNEL_REF_LEN] = {1, 2, 3};

static void ck_closed(const struct side *s, int error, enum fh_channel_code code, bool by_peer,
                      bool confirmed)
{
    ck_assert_uint_eq(s->closes, 1);
    ck_assert_int_eq(s->closed.closed.error, error);
    ck_assert_int_eq(s->closed.closed.code, code);
    ck_assert_int_eq(s->closed.closed.by_peer, by_peer);
    ck_assert_int_eq(s->closed.closed.confirmed, confirmed);
    ck_assert(fh_channel_is_finished(s->c));
}

static bool holds(const void *mem, size_t len, const uint8_t *secret, size_t secret_len)
{
    const uint8_t *p = mem;

    for (size_t i = 0; i + secret_len <= len; i++)
        if (memcmp(p + i, secret, secret_len) == 0)
            return true;
    return false;
}

/* ---- opening -------------------------------------------------------------------------------- */

static const struct {
    const uint8_t *ref, *client, *server; /* session_ref; the secrets that the sides hold */
    bool opens;
} materials[] = {
    {NULL, NULL, NULL, true},
    {session_ref, NULL, NULL, true},
    {session_ref, cloud_secret, cloud_secret, true},
    {NULL, cloud_secret, cloud_secret, true},
    {session_ref, cloud_secret, NULL, false},         /* the server does not hold it */
    {session_ref, cloud_secret, other_secret, false}, /* it holds another */
    {session_ref, NULL, cloud_secret, false},         /* zeros where a secret was given */
};

static void start_with_material(struct pair *p, unsigned i)
{
    struct fh_channel_config cfg = side_config(&p->client, FH_ROLE_CLIENT);

    cfg.session_ref = materials[i].ref;
    cfg.cloud_secret = materials[i].client;
    cfg.now_ms = p->now;
    p->client.c = fh_channel_new(&cfg);
    p->server.proceed_secret = materials[i].server;
    pair_start(p);
    pump(p);
}

START_TEST(channel_opens_when_both_hold_the_same_key_material)
{
    unsigned i = (unsigned)_i / N_CHUNKS;
    struct pair *p = pair_new();

    p->chunk = chunks[_i % N_CHUNKS];
    start_with_material(p, i);
    ck_assert_uint_eq(p->client.opens, materials[i].opens);
    ck_assert_uint_eq(p->server.opens, materials[i].opens);
    if (!materials[i].opens) {
        ck_closed(&p->client, FH_CRYPTO_E_REFUSED, FH_CODE_POLICY, true, false);
        ck_closed(&p->server, FH_CRYPTO_E_AUTH, FH_CODE_POLICY, false, false);
        ck_assert_uint_eq(p->client.sent, 12 + 4 + 256);
    }
    pair_free(p);
}
END_TEST

START_TEST(each_side_learns_the_identity_and_parameters_of_the_other)
{
    static const uint8_t methods[] = {1, 9};
    struct pair *p = pair_new();
    struct fh_channel_config cfg;
    uint8_t fp[FH_FINGERPRINT_LEN];
    size_t len;
    const uint8_t *spki;

    p->client.id = key_other;
    cfg = side_config(&p->client, FH_ROLE_CLIENT);
    cfg.program = "a viewer \xc3\xa4";
    cfg.methods = methods;
    cfg.n_methods = 2;
    cfg.max_record = 2048;
    cfg.now_ms = p->now;
    p->client.c = fh_channel_new(&cfg);
    pair_open(p);
    ck_assert_str_eq(p->server.peer.peer.program, "a viewer \xc3\xa4");
    ck_assert_uint_eq(p->server.peer.peer.n_methods, 2);
    ck_assert_mem_eq(p->server.peer.peer.methods, methods, 2);
    ck_assert_str_eq(p->client.peer.peer.program, "");
    spki = fh_identity_spki(key_other, &len);
    ck_assert_uint_eq(p->server.peer.peer.spki_len, len);
    ck_assert_mem_eq(p->server.peer.peer.spki, spki, len);
    fh_fingerprint(spki, len, fp);
    ck_assert_mem_eq(p->server.peer.peer.fingerprint, fp, sizeof fp);
    ck_assert_uint_eq(p->server.c->max_out, 2048);
    ck_assert_uint_eq(p->client.c->max_out, 2048);
    pair_free(p);
}
END_TEST

START_TEST(opening_takes_one_and_a_half_round_trips)
{
    static uint8_t bytes[8192];
    struct pair *p = pair_new();
    size_t n;

    pair_start(p);
    n = side_take(&p->client, bytes, sizeof bytes);
    ck_assert_uint_eq(side_feed(p, &p->server, bytes, n), n);
    n = side_take(&p->server, bytes, sizeof bytes);
    ck_assert_uint_eq(side_feed(p, &p->client, bytes, n), n);
    n = side_take(&p->client, bytes, sizeof bytes);
    ck_assert_uint_eq(side_feed(p, &p->server, bytes, n), n);
    ck_assert_uint_eq(p->server.opens, 1);
    n = side_take(&p->server, bytes, sizeof bytes);
    ck_assert_uint_eq(side_feed(p, &p->client, bytes, n), n);
    ck_assert_uint_eq(p->client.opens, 1);
    pair_free(p);
}
END_TEST

/* Else a server that signs what is below the channel would not be heard by its client. */
START_TEST(a_client_has_the_guard_keys_before_the_server_can_use_them)
{
    static uint8_t bytes[8192];
    struct pair *p = pair_new();
    uint8_t of_client[2][32], of_server[32];
    size_t n;

    pair_start(p);
    n = side_take(&p->client, bytes, sizeof bytes);
    ck_assert_uint_eq(side_feed(p, &p->server, bytes, n), n);
    n = side_take(&p->server, bytes, sizeof bytes);
    ck_assert_int_eq(fh_channel_guard_key(p->client.c, FH_ROLE_CLIENT, of_client[0]),
                     FH_CRYPTO_E_INVAL);
    ck_assert_uint_eq(side_feed(p, &p->client, bytes, n), n);
    n = side_take(&p->client, bytes, sizeof bytes);
    ck_assert_uint_eq(p->client.opens, 0);
    for (int role = FH_ROLE_CLIENT; role <= FH_ROLE_SERVER; role++) {
        ck_assert_int_eq(fh_channel_guard_key(p->client.c, (enum fh_role)role, of_client[role]), 0);
        ck_assert_int_eq(fh_channel_guard_key(p->server.c, (enum fh_role)role, of_server),
                         FH_CRYPTO_E_INVAL);
    }
    ck_assert_uint_eq(side_feed(p, &p->server, bytes, n), n);
    ck_assert_uint_eq(p->server.opens, 1);
    for (int role = FH_ROLE_CLIENT; role <= FH_ROLE_SERVER; role++) {
        ck_assert_int_eq(fh_channel_guard_key(p->server.c, (enum fh_role)role, of_server), 0);
        ck_assert_mem_eq(of_client[role], of_server, 32);
    }
    pair_free(p);
}
END_TEST

START_TEST(both_export_the_same_secrets_by_name)
{
    struct pair *p = pair_new();
    uint8_t a[255], b[255];

    pair_start(p);
    ck_assert_int_eq(fh_channel_export(p->client.c, "binding", a, 32), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_channel_guard_key(p->client.c, FH_ROLE_CLIENT, a), FH_CRYPTO_E_INVAL);
    pair_open(p);
    ck_assert_int_eq(fh_channel_export(p->client.c, "binding", a, 32), 0);
    ck_assert_int_eq(fh_channel_export(p->server.c, "binding", b, 32), 0);
    ck_assert_mem_eq(a, b, 32);
    ck_assert_int_eq(fh_channel_export(p->server.c, "link", b, 32), 0);
    ck_assert_mem_ne(a, b, 32);
    ck_assert_int_eq(fh_channel_export(p->client.c, "link", a, 256), FH_CRYPTO_E_INVAL);
    for (int role = FH_ROLE_CLIENT; role <= FH_ROLE_SERVER; role++) {
        ck_assert_int_eq(fh_channel_guard_key(p->client.c, (enum fh_role)role, a), 0);
        ck_assert_int_eq(fh_channel_guard_key(p->server.c, (enum fh_role)role, b), 0);
        ck_assert_mem_eq(a, b, 32);
    }
    ck_assert_int_eq(fh_channel_guard_key(p->client.c, FH_ROLE_CLIENT, b), 0);
    ck_assert_mem_ne(a, b, 32);
    pair_free(p);
}
END_TEST

/* ---- data ----------------------------------------------------------------------------------- */

static const struct {
    size_t len;
    enum fh_channel_padding padding;
    size_t wire; /* inner + 20 */
} paddings[] = {
    {0, FH_PAD_NONE, 21},           {0, FH_PAD_BLOCK64, 84},    {63, FH_PAD_BLOCK64, 84},
    {64, FH_PAD_BLOCK64, 148},      {1, FH_PAD_512, 532},       {511, FH_PAD_512, 532},
    {512, FH_PAD_512, 1044},        {8, FH_PAD_PADME, 30}, /* 9 -> 10 */
    {999, FH_PAD_PADME, 1044},                             /* 1000 -> 1024 */
    {9999, FH_PAD_PADME, 10260},                           /* 10000 -> 10240 */
    {16382, FH_PAD_PADME, 16404},   {16383, FH_PAD_512, 16404}, {16383, FH_PAD_NONE, 16404},
    {16300, FH_PAD_BLOCK64, 16340},
};

START_TEST(a_record_has_the_length_that_its_padding_says)
{
    static uint8_t text[20000];
    struct pair *p = pair_new();
    size_t before;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7);
    pair_open(p);
    before = p->client.sent;
    ck_assert_int_eq(side_write(&p->client, text, paddings[_i].len, paddings[_i].padding), 0);
    pump(p);
    ck_assert_uint_eq(p->client.sent - before, paddings[_i].wire);
    ck_assert_uint_eq(p->server.data_len, paddings[_i].len);
    ck_assert_mem_eq(p->server.data, text, paddings[_i].len);
    ck_assert_uint_eq(p->server.records, paddings[_i].len > 0);
    pair_free(p);
}
END_TEST

START_TEST(zeros_at_the_end_of_data_are_data)
{
    static const uint8_t zeros[100];
    struct pair *p = pair_new();

    pair_open(p);
    ck_assert_int_eq(side_write(&p->client, zeros, sizeof zeros, FH_PAD_BLOCK64), 0);
    pump(p);
    ck_assert_uint_eq(p->server.data_len, sizeof zeros);
    pair_free(p);
}
END_TEST

START_TEST(data_passes_both_ways_whole_and_byte_by_byte)
{
    static uint8_t text[70000];
    struct pair *p = pair_new();
    struct fh_channel_info info;
    size_t a = 0, b = 0, n = 1;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * i >> 3);
    p->chunk = chunks[_i];
    pair_open(p);
    while (a < sizeof text || b < sizeof text) {
        size_t left = sizeof text - a < n ? sizeof text - a : n;

        if (a < sizeof text && side_write(&p->client, text + a, left, FH_PAD_PADME) == 0)
            a += left;
        left = sizeof text - b < n ? sizeof text - b : n;
        if (b < sizeof text && side_write(&p->server, text + b, left, FH_PAD_NONE) == 0)
            b += left;
        n = n * 3 % 16383 + 1;
        if (n % 4 == 1)
            pump(p);
    }
    pump(p);
    ck_assert_uint_eq(p->server.data_len, sizeof text);
    ck_assert_mem_eq(p->server.data, text, sizeof text);
    ck_assert_uint_eq(p->client.data_len, sizeof text);
    ck_assert_mem_eq(p->client.data, text, sizeof text);
    fh_channel_info(p->client.c, &info);
    ck_assert_uint_eq(info.bytes_out, p->client.sent);
    ck_assert_uint_eq(info.bytes_in, p->server.sent);
    ck_assert_uint_eq(info.suite, FH_SUITE_X25519_AES256GCM);
    ck_assert_uint_eq(info.epoch_in, 1);
    ck_assert_uint_eq(info.epoch_out, 1);
    ck_assert(strncmp(info.cipher, "AES-256-GCM (", 13) == 0);
    pair_free(p);
}
END_TEST

START_TEST(writing_waits_until_what_was_sealed_is_taken)
{
    static uint8_t text[16383];
    struct pair *p = pair_new();
    size_t room, len;
    unsigned n = 0;

    pair_open(p);
    while (side_write(&p->client, text, sizeof text, FH_PAD_NONE) == 0)
        n++;
    ck_assert_uint_eq(n, 1);
    ck_assert_ptr_null(fh_channel_write(p->client.c, &room));
    ck_assert_uint_eq(room, 0);
    ck_assert_ptr_nonnull(fh_channel_out(p->client.c, &len));
    fh_channel_out_done(p->client.c, 100);
    ck_assert_ptr_null(fh_channel_write(p->client.c, &room));
    fh_channel_out_done(p->client.c, len - 100);
    ck_assert_ptr_nonnull(fh_channel_write(p->client.c, &room));
    ck_assert_uint_eq(room, 16383);
    ck_assert_int_eq(fh_channel_write_done(p->client.c, 16384, FH_PAD_NONE), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_channel_write_done(p->client.c, 1, FH_PAD_NONE), 0);
    ck_assert_int_eq(fh_channel_write_done(p->client.c, 1, FH_PAD_NONE), FH_CRYPTO_E_INVAL);
    pair_free(p);
}
END_TEST

/* What is lent from _out does not move while more is written behind it. */
START_TEST(out_stays_in_place_until_it_is_done)
{
    struct pair *p = pair_new();
    const uint8_t *before, *after;
    uint8_t copy[84];
    size_t len;

    pair_open(p);
    ck_assert_int_eq(side_write(&p->client, "one", 3, FH_PAD_BLOCK64), 0);
    before = fh_channel_out(p->client.c, &len);
    ck_assert_uint_eq(len, sizeof copy);
    memcpy(copy, before, len);
    ck_assert_int_eq(side_write(&p->client, "two", 3, FH_PAD_BLOCK64), 0);
    fh_channel_close(p->client.c, FH_CODE_NORMAL, NULL);
    after = fh_channel_out(p->client.c, &len);
    ck_assert_ptr_eq(before, after);
    ck_assert_mem_eq(after, copy, sizeof copy);
    ck_assert_uint_eq(len, 3 * 84);
    pump(p);
    ck_assert_uint_eq(p->server.data_len, 6);
    pair_free(p);
}
END_TEST

START_TEST(what_is_sent_in_pieces_stays_whole)
{
    static uint8_t text[16383], bytes[40000];
    struct pair *p = pair_new();
    const uint8_t *out;
    size_t len, n = 0;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 5 >> 1);
    pair_open(p);
    ck_assert_int_eq(side_write(&p->client, text, 3000, FH_PAD_NONE), 0);
    ck_assert_int_eq(side_write(&p->client, text, sizeof text, FH_PAD_NONE), 0);
    while ((out = fh_channel_out(p->client.c, &len))) {
        len = len < 700 ? len : 700;
        memcpy(bytes + n, out, len);
        n += len;
        fh_channel_out_done(p->client.c, len);
    }
    side_feed(p, &p->server, bytes, n);
    ck_assert_uint_eq(p->server.closes, 0);
    ck_assert_uint_eq(p->server.data_len, 3000 + sizeof text);
    ck_assert_mem_eq(p->server.data + 3000, text, sizeof text);
    pair_free(p);
}
END_TEST

START_TEST(data_that_is_not_taken_stops_the_reading)
{
    struct pair *p = pair_new();
    static uint8_t bytes[8192];
    struct fh_channel_event ev;
    size_t n, room;
    uint8_t *in;

    pair_open(p);
    ck_assert_int_eq(side_write(&p->client, "one", 3, FH_PAD_NONE), 0);
    ck_assert_int_eq(side_write(&p->client, "two", 3, FH_PAD_NONE), 0);
    n = side_take(&p->client, bytes, sizeof bytes);
    in = fh_channel_in(p->server.c, &room);
    memcpy(in, bytes, n);
    ck_assert_int_eq(fh_channel_in_done(p->server.c, p->now, n), 0);
    ck_assert_ptr_null(fh_channel_in(p->server.c, &room));
    ck_assert_int_eq(fh_channel_event(p->server.c, &ev), 1);
    ck_assert_mem_eq(ev.data.data, "one", 3);
    ck_assert_int_eq(fh_channel_event(p->server.c, &ev), 1);
    ck_assert_mem_eq(ev.data.data, "two", 3);
    ck_assert_ptr_nonnull(fh_channel_in(p->server.c, &room));
    ck_assert_int_eq(fh_channel_event(p->server.c, &ev), 0);
    pair_free(p);
}
END_TEST

START_TEST(data_are_wiped_when_they_are_given_back)
{
    struct pair *p = pair_new();
    static uint8_t bytes[1024];
    struct fh_channel_event ev;
    size_t n, room;

    pair_open(p);
    ck_assert_int_eq(side_write(&p->client, "a password", 10, FH_PAD_512), 0);
    n = side_take(&p->client, bytes, sizeof bytes);
    memcpy(fh_channel_in(p->server.c, &room), bytes, n);
    ck_assert_int_eq(fh_channel_in_done(p->server.c, p->now, n), 0);
    ck_assert_int_eq(fh_channel_event(p->server.c, &ev), 1);
    ck_assert_mem_eq(ev.data.data, "a password", 10);
    if (_i == 0)
        ck_assert_int_eq(fh_channel_event(p->server.c, &ev), 0);
    else
        ck_assert_ptr_nonnull(fh_channel_in(p->server.c, &room));
    ck_assert(!holds(p->server.c, p->server.c->mem_len, (const uint8_t *)"password", 8));
    pair_free(p);
}
END_TEST

START_TEST(a_ping_is_answered_once)
{
    static const uint8_t payload[8] = "pingpong";
    struct pair *p = pair_new();

    pair_start(p);
    ck_assert_int_eq(fh_channel_ping(p->client.c, payload), FH_CRYPTO_E_INVAL);
    pair_open(p);
    ck_assert_int_eq(fh_channel_ping(p->client.c, payload), 0);
    pump(p);
    ck_assert_uint_eq(p->client.pongs, 1);
    ck_assert_uint_eq(p->server.pongs, 0);
    ck_assert_int_eq(fh_channel_ping(p->server.c, payload), 0);
    pump(p);
    ck_assert_uint_eq(p->server.pongs, 1);
    pair_free(p);
}
END_TEST

/* The limit of 32 controls without application data is kept by the sender itself. */
START_TEST(an_idle_channel_can_be_pinged_for_ever)
{
    struct pair *p = pair_new();

    pair_open(p);
    for (uint8_t i = 0; i < 200; i++) {
        ck_assert_int_eq(fh_channel_ping(p->client.c, (uint8_t[8]){i}), 0);
        pump(p);
    }
    ck_assert_uint_eq(p->client.pongs, 200);
    ck_assert_uint_eq(p->server.closes, 0);
    ck_assert_uint_eq(p->server.data_len, 0);
    fh_channel_close(p->client.c, FH_CODE_NORMAL, NULL);
    pump(p);
    ck_closed(&p->client, 0, FH_CODE_NORMAL, false, true);
    ck_closed(&p->server, 0, FH_CODE_NORMAL, true, true);
    pair_free(p);
}
END_TEST

/* ---- the end -------------------------------------------------------------------------------- */

START_TEST(closing_is_confirmed_by_both)
{
    struct pair *p = pair_new();
    struct side *a = _i % 2 ? &p->client : &p->server, *b = _i % 2 ? &p->server : &p->client;

    p->chunk = chunks[_i / 2];
    pair_open(p);
    ck_assert_int_eq(side_write(a, "last words", 10, FH_PAD_BLOCK64), 0);
    fh_channel_close(a->c, FH_CODE_AUTHENTICATION, "no such user");
    fh_channel_close(a->c, FH_CODE_NORMAL, "a second call changes nothing");
    ck_assert(!fh_channel_is_finished(a->c));
    ck_assert_int_eq(side_write(a, "more", 4, FH_PAD_NONE), FH_CRYPTO_E_INVAL);
    pump(p);
    ck_assert_uint_eq(b->data_len, 10);
    ck_closed(b, 0, FH_CODE_AUTHENTICATION, true, true);
    ck_assert_str_eq(b->closed.closed.reason, "no such user");
    ck_closed(a, 0, FH_CODE_AUTHENTICATION, false, true);
    ck_assert_int_eq(fh_channel_tick(a->c, p->now), FH_CRYPTO_E_CLOSED);
    ck_assert_int_eq(fh_channel_in_done(b->c, p->now, 0), FH_CRYPTO_E_CLOSED);
    ck_assert_int_eq(fh_channel_in_end(b->c, p->now), 0);
    pair_free(p);
}
END_TEST

START_TEST(two_closes_that_cross_are_one_clean_end)
{
    struct pair *p = pair_new();

    pair_open(p);
    fh_channel_close(p->client.c, FH_CODE_NORMAL, NULL);
    fh_channel_close(p->server.c, FH_CODE_NORMAL, NULL);
    pump(p);
    ck_closed(&p->client, 0, FH_CODE_NORMAL, false, true);
    ck_closed(&p->server, 0, FH_CODE_NORMAL, false, true);
    pair_free(p);
}
END_TEST

START_TEST(data_that_crosses_our_close_is_counted_and_dropped)
{
    struct pair *p = pair_new();

    pair_open(p);
    fh_channel_close(p->client.c, FH_CODE_NORMAL, NULL);
    ck_assert_int_eq(side_write(&p->server, "late", 4, FH_PAD_NONE), 0);
    ck_assert_int_eq(fh_channel_rekey(p->server.c, p->now), 0);
    pump(p);
    ck_closed(&p->client, 0, FH_CODE_NORMAL, false, true);
    ck_closed(&p->server, 0, FH_CODE_NORMAL, true, true);
    ck_assert_uint_eq(p->client.data_len, 0);
    pair_free(p);
}
END_TEST

/* n small records and a long one in each direction, as far as they fit; then all that may come on
 * top of them. Returns whether the long one fitted. */
static bool fill_and_go_on(unsigned n)
{
    static uint8_t text[16383];
    struct pair *p = pair_new();
    bool fitted;

    memset(text, 'x', sizeof text);
    pair_open(p);
    for (unsigned i = 0; i < n; i++) {
        ck_assert_int_eq(side_write(&p->server, text, 1, FH_PAD_NONE), 0);
        ck_assert_int_eq(side_write(&p->client, text, 1, FH_PAD_NONE), 0);
    }
    fitted = side_write(&p->server, text, sizeof text, FH_PAD_NONE) == 0 &&
             side_write(&p->client, text, sizeof text, FH_PAD_NONE) == 0;
    if (fitted) {
        ck_assert_int_eq(fh_channel_ping(p->client.c, (const uint8_t *)"12345678"), 0);
        ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
        carry(p, &p->client, &p->server);
        ck_assert_int_eq(p->server.c->rekey, FH__REKEY_ANSWERED);
        text[FH_CHANNEL_REASON_MAX] = '\0';
        fh_channel_close(p->server.c, FH_CODE_BUSY, (const char *)text);
        ck_assert_uint_eq(p->server.c->is_out_done, 1);
        pump(p);
        ck_closed(&p->client, 0, FH_CODE_BUSY, true, true);
        ck_assert_uint_eq(strlen(p->client.closed.closed.reason), FH_CHANNEL_REASON_MAX);
        ck_assert_uint_eq(p->client.pongs, 1);
    }
    pair_free(p);
    return fitted;
}

START_TEST(a_full_out_buffer_has_room_for_answers_and_the_close)
{
    unsigned n = 0;

    while (fill_and_go_on(n))
        n++;
    ck_assert_uint_gt(n, 100);
}
END_TEST

START_TEST(nothing_is_sealed_after_our_close)
{
    struct pair *p = pair_new();
    size_t len;

    pair_open(p);
    ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
    ck_assert_int_eq(fh_channel_ping(p->client.c, (const uint8_t *)"12345678"), 0);
    fh_channel_close(p->server.c, FH_CODE_NORMAL, NULL);
    carry(p, &p->client, &p->server);
    side_events(&p->server);
    ck_assert_ptr_nonnull(fh_channel_out(p->server.c, &len));
    ck_assert_uint_eq(len, 84);
    pump(p);
    ck_closed(&p->server, 0, FH_CODE_NORMAL, false, true);
    pair_free(p);
}
END_TEST

START_TEST(a_long_reason_is_cut_at_a_character)
{
    char reason[400];
    struct pair *p = pair_new();

    for (unsigned i = 0; i + 3 <= 399; i += 3)
        memcpy(reason + i, "\xe2\x82\xac", 4);
    pair_open(p);
    fh_channel_close(p->server.c, FH_CODE_BUSY, reason);
    pump(p);
    ck_assert_uint_eq(strlen(p->client.closed.closed.reason), 255);
    pair_free(p);
}
END_TEST

START_TEST(a_stream_that_ends_without_close_was_cut)
{
    static uint8_t bytes[8192];
    struct pair *p = pair_new();
    struct fh_channel_event ev;
    size_t n, room;

    pair_open(p);
    ck_assert_int_eq(side_write(&p->client, "one", 3, FH_PAD_NONE), 0);
    ck_assert_int_eq(side_write(&p->client, "two", 3, FH_PAD_NONE), 0);
    n = side_take(&p->client, bytes, sizeof bytes);
    memcpy(fh_channel_in(p->server.c, &room), bytes, n);
    fh_channel_in_done(p->server.c, p->now, n);
    ck_assert_int_eq(fh_channel_in_end(p->server.c, p->now), 0);
    ck_assert_int_eq(fh_channel_event(p->server.c, &ev), 1);
    ck_assert_int_eq(fh_channel_event(p->server.c, &ev), 1);
    ck_assert_mem_eq(ev.data.data, "two", 3);
    side_events(&p->server);
    ck_closed(&p->server, FH_CRYPTO_E_TRUNCATED, FH_CODE_NORMAL, false, false);
    ck_assert_int_eq(fh_channel_tick(p->server.c, p->now), FH_CRYPTO_E_TRUNCATED);
    pair_free(p);
}
END_TEST

/* Cut before the peer's answer to our Close: we cannot know what it has read. */
START_TEST(a_close_that_is_not_answered_is_no_clean_end)
{
    static uint8_t bytes[8192];
    struct pair *p = pair_new();

    pair_open(p);
    fh_channel_close(p->client.c, FH_CODE_NORMAL, NULL);
    side_take(&p->client, bytes, sizeof bytes);
    if (_i == 0) {
        ck_assert_int_eq(fh_channel_in_end(p->client.c, p->now), FH_CRYPTO_E_TRUNCATED);
    } else {
        ck_assert_uint_eq(fh_channel_deadline(p->client.c), p->now + 5000);
        ck_assert_int_eq(fh_channel_tick(p->client.c, p->now + 4999), 0);
        ck_assert_int_eq(fh_channel_tick(p->client.c, p->now + 5000), FH_CRYPTO_E_TIMEOUT);
    }
    side_events(&p->client);
    ck_assert_uint_eq(p->client.closes, 1);
    ck_assert(fh_channel_is_finished(p->client.c));
    pair_free(p);
}
END_TEST

START_TEST(a_stream_cut_at_any_byte_of_the_handshake_is_truncated)
{
    struct pair *p = pair_new();
    static uint8_t hello[1024], flight[4096];
    size_t n, at;

    pair_start(p);
    n = side_take(&p->client, hello, sizeof hello);
    for (at = 0; at < n; at += 13) {
        struct fh_channel_config cfg = side_config(&p->server, FH_ROLE_SERVER);
        struct fh_channel *c;
        size_t room;

        cfg.now_ms = p->now;
        c = fh_channel_new(&cfg);
        memcpy(fh_channel_in(c, &room), hello, at);
        ck_assert_int_eq(fh_channel_in_done(c, p->now, at), 0);
        ck_assert_int_eq(fh_channel_in_end(c, p->now), FH_CRYPTO_E_TRUNCATED);
        ck_assert_ptr_null(fh_channel_out(c, &room));
        fh_channel_free(c);
    }
    side_feed(p, &p->server, hello, n);
    n = side_take(&p->server, flight, sizeof flight);
    side_feed(p, &p->client, flight, n - 1);
    ck_assert_int_eq(fh_channel_in_end(p->client.c, p->now), FH_CRYPTO_E_TRUNCATED);
    side_events(&p->client);
    ck_closed(&p->client, FH_CRYPTO_E_TRUNCATED, FH_CODE_NORMAL, false, false);
    pair_free(p);
}
END_TEST

/* ---- refusals of the applications ----------------------------------------------------------- */

START_TEST(a_server_refuses_a_hello_in_clear)
{
    struct pair *p = pair_new();

    p->server.refuse_hello = FH_CODE_BUSY;
    pair_start(p);
    pump(p);
    ck_closed(&p->client, FH_CRYPTO_E_REFUSED, FH_CODE_BUSY, true, false);
    ck_assert_str_eq(p->client.closed.closed.reason, "30");
    ck_closed(&p->server, FH_CRYPTO_E_CLOSED, FH_CODE_BUSY, false, false);
    pair_free(p);
}
END_TEST

START_TEST(a_hello_is_refused_with_four_codes_only)
{
    struct pair *p = pair_new();

    p->server.holds_hello = true;
    pair_start(p);
    pump(p);
    ck_assert_uint_eq(p->server.hellos, 1);
    ck_assert_int_eq(fh_channel_refuse(p->server.c, FH_CODE_IDENTITY, NULL), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_channel_signed(p->server.c, NULL, 0), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_channel_accept(p->server.c), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_channel_refuse(p->server.c, FH_CODE_POLICY, NULL), 0);
    ck_assert_int_eq(fh_channel_proceed(p->server.c, NULL), FH_CRYPTO_E_CLOSED);
    pump(p);
    ck_closed(&p->client, FH_CRYPTO_E_REFUSED, FH_CODE_POLICY, true, false);
    pair_free(p);
}
END_TEST

START_TEST(a_client_that_refuses_the_server_says_nothing_more)
{
    struct pair *p = pair_new();

    p->client.refuses_peer = true;
    pair_start(p);
    pump(p);
    ck_assert_uint_eq(p->client.sent, 12 + 4 + 256);
    ck_closed(&p->client, FH_CRYPTO_E_CLOSED, FH_CODE_IDENTITY, false, false);
    ck_assert_uint_eq(p->client.signs, 0);
    fh_channel_in_end(p->server.c, p->now);
    side_events(&p->server);
    ck_closed(&p->server, FH_CRYPTO_E_TRUNCATED, FH_CODE_NORMAL, false, false);
    pair_free(p);
}
END_TEST

START_TEST(a_server_that_refuses_the_client_says_so_under_its_proved_keys)
{
    struct pair *p = pair_new();

    p->chunk = chunks[_i];
    p->server.refuses_peer = true;
    pair_start(p);
    pump(p);
    ck_assert_uint_eq(p->client.opens, 0);
    ck_assert_uint_eq(p->server.opens, 0);
    ck_closed(&p->client, 0, FH_CODE_IDENTITY, true, true);
    ck_closed(&p->server, 0, FH_CODE_IDENTITY, false, true);
    pair_free(p);
}
END_TEST

START_TEST(a_server_that_cannot_sign_closes_under_handshake_keys)
{
    struct pair *p = pair_new();

    p->server.holds_sign = true;
    pair_start(p);
    pump(p);
    ck_assert_uint_eq(p->server.signs, 1);
    ck_assert_int_eq(fh_channel_signed(p->server.c, p->server.sign_th, 32), FH_CRYPTO_E_INVAL);
    fh_channel_close(p->server.c, FH_CODE_INTERNAL, "no key");
    pump(p);
    ck_closed(&p->client, FH_CRYPTO_E_REFUSED, FH_CODE_INTERNAL, true, false);
    ck_assert_str_eq(p->client.closed.closed.reason, "no key");
    ck_assert_uint_eq(p->client.sent, 12 + 4 + 256);
    ck_closed(&p->server, FH_CRYPTO_E_CLOSED, FH_CODE_INTERNAL, false, false);
    pair_free(p);
}
END_TEST

START_TEST(answers_may_come_late)
{
    struct pair *p = pair_new();
    uint8_t sig[FH_SIGNATURE_MAX];
    struct side *sides[] = {&p->server, &p->client};

    p->server.holds_hello = p->server.holds_sign = p->server.holds_peer = true;
    p->client.holds_sign = p->client.holds_peer = true;
    pair_start(p);
    pump(p);
    ck_assert_int_eq(fh_channel_proceed(p->server.c, NULL), 0);
    ck_assert_int_eq(fh_channel_proceed(p->server.c, NULL), FH_CRYPTO_E_INVAL);
    for (unsigned i = 0; i < 2; i++) {
        pump(p);
        if (i == 1)
            ck_assert_uint_eq(fh_channel_deadline(p->client.c), UINT64_MAX);
        if (i == 1)
            ck_assert_int_eq(fh_channel_accept(p->client.c), 0);
        pump(p);
        ck_assert_int_eq(
            fh_channel_signed(sides[i]->c, sig,
                              sign_th(sides[i]->id, i == 0 ? FH_ROLE_SERVER : FH_ROLE_CLIENT,
                                      sides[i]->sign_th, sig)),
            0);
    }
    pump(p);
    ck_assert_uint_eq(fh_channel_deadline(p->server.c), UINT64_MAX);
    ck_assert_int_eq(fh_channel_accept(p->server.c), 0);
    pump(p);
    ck_assert_uint_eq(p->client.opens, 1);
    ck_assert_uint_eq(p->server.opens, 1);
    pair_free(p);
}
END_TEST

/* ---- first bytes ---------------------------------------------------------------------------- */

static struct fh_channel *lone(struct pair *p, enum fh_role role)
{
    pair_start(p);
    return role == FH_ROLE_CLIENT ? p->client.c : p->server.c;
}

static const struct {
    const char *bytes, *answer;
    int error;
} server_greetings[] = {
    {"FARHAND 002\n", "FARHAND 001\n", FH_CRYPTO_E_VERSION},
    {"FARHAND 999\n", "FARHAND 001\n", FH_CRYPTO_E_VERSION},
    {"FARHAND 0x1\n", "", FH_CRYPTO_E_PROTO},
    {"FARHAND 001\r", "", FH_CRYPTO_E_PROTO},
    {"RFB 003.008\n", "", FH_CRYPTO_E_PROTO},
    {"GET / HTTP/1.1\r\n", "", FH_CRYPTO_E_PROTO},
};

START_TEST(a_server_answers_other_versions_and_nothing_else)
{
    struct pair *p = pair_new();
    const char *bytes = server_greetings[_i].bytes;
    const uint8_t *out;
    size_t len;

    lone(p, FH_ROLE_SERVER);
    p->chunk = 1;
    side_feed(p, &p->server, (const uint8_t *)bytes, strlen(bytes));
    out = fh_channel_out(p->server.c, &len);
    ck_assert_uint_eq(len, strlen(server_greetings[_i].answer));
    if (len)
        ck_assert_mem_eq(out, server_greetings[_i].answer, len);
    ck_assert_uint_eq(p->server.closes, 1);
    ck_assert_int_eq(p->server.closed.closed.error, server_greetings[_i].error);
    pair_free(p);
}
END_TEST

static const struct {
    const char *bytes;
    int error; /* 0: goes on */
} client_greetings[] = {
    {"RFB 003.008\n", 0},
    {"RFB 003.007\n", FH_CRYPTO_E_VERSION},
    {"RFB 003.889\n", FH_CRYPTO_E_VERSION},
    {"FARHAND 002\n", FH_CRYPTO_E_VERSION},
    {"FARHAND 00x\n", FH_CRYPTO_E_PROTO},
    {"RFB 003.008\nRFB 003.008\n", FH_CRYPTO_E_PROTO},
    {"RXB 003.008\n", FH_CRYPTO_E_PROTO},
    {"SSH-2.0-x\r\n", FH_CRYPTO_E_PROTO},
};

START_TEST(a_client_drops_one_greeting_and_tells_other_versions)
{
    struct pair *p = pair_new();
    const char *bytes = client_greetings[_i].bytes;

    lone(p, FH_ROLE_CLIENT);
    p->chunk = 1;
    side_feed(p, &p->client, (const uint8_t *)bytes, strlen(bytes));
    if (client_greetings[_i].error == 0) {
        pump(p);
        ck_assert_uint_eq(p->client.opens, 1);
    } else {
        ck_assert_uint_eq(p->client.closes, 1);
        ck_assert_int_eq(p->client.closed.closed.error, client_greetings[_i].error);
    }
    pair_free(p);
}
END_TEST

START_TEST(a_caller_may_read_the_greeting_itself)
{
    struct pair *p = pair_new();
    struct fh_channel_config cfg = side_config(&p->server, FH_ROLE_SERVER);
    static uint8_t bytes[1024];
    size_t n;

    cfg.greeting_was_read = true;
    cfg.now_ms = p->now;
    p->server.c = fh_channel_new(&cfg);
    pair_start(p);
    n = side_take(&p->client, bytes, sizeof bytes);
    side_feed(p, &p->server, bytes + 12, n - 12);
    pump(p);
    ck_assert_uint_eq(p->client.opens, 1);
    pair_free(p);
}
END_TEST

/* ---- time ----------------------------------------------------------------------------------- */

START_TEST(each_wait_of_the_handshake_has_a_deadline)
{
    static uint8_t bytes[8192];
    struct pair *p = pair_new();
    size_t n;

    pair_start(p);
    ck_assert_uint_eq(fh_channel_deadline(p->server.c), p->now + 5000);
    ck_assert_uint_eq(fh_channel_deadline(p->client.c), p->now + 15000);
    if (_i == 0) { /* no ClientHello: silence */
        ck_assert_int_eq(fh_channel_tick(p->server.c, p->now + 4999), 0);
        ck_assert_int_eq(fh_channel_tick(p->server.c, p->now + 5000), FH_CRYPTO_E_TIMEOUT);
        ck_assert_ptr_null(fh_channel_out(p->server.c, &n));
        side_events(&p->server);
        ck_closed(&p->server, FH_CRYPTO_E_TIMEOUT, FH_CODE_TIMEOUT, false, false);
        goto out;
    }
    if (_i == 1) { /* no ServerHello: silence */
        side_take(&p->client, bytes, sizeof bytes);
        ck_assert_int_eq(fh_channel_tick(p->client.c, p->now + 15000), FH_CRYPTO_E_TIMEOUT);
        ck_assert_ptr_null(fh_channel_out(p->client.c, &n));
        goto out;
    }
    p->now += 100;
    n = side_take(&p->client, bytes, sizeof bytes);
    side_feed(p, &p->server, bytes, n);
    n = side_take(&p->server, bytes, sizeof bytes);
    ck_assert_uint_eq(fh_channel_deadline(p->server.c), p->now + 15000);
    side_feed(p, &p->client, bytes, n);
    ck_assert_uint_eq(fh_channel_deadline(p->client.c), p->now + 15000);
    if (_i == 2) { /* no flight of the client: Close 8 under handshake keys */
        ck_assert_int_eq(fh_channel_tick(p->server.c, p->now + 15000), FH_CRYPTO_E_TIMEOUT);
        pump(p);
        ck_closed(&p->client, 0, FH_CODE_TIMEOUT, true, true);
    } else { /* no acceptance: Close 8 under application keys */
        n = side_take(&p->client, bytes, sizeof bytes);
        ck_assert_int_eq(fh_channel_tick(p->client.c, p->now + 15000), FH_CRYPTO_E_TIMEOUT);
        side_feed(p, &p->server, bytes, n);
        pump(p);
        ck_closed(&p->server, 0, FH_CODE_TIMEOUT, true, true);
    }
out:
    pair_free(p);
}
END_TEST

/* ---- memory --------------------------------------------------------------------------------- */

START_TEST(a_channel_of_default_size_takes_at_most_64_kib)
{
    struct fh_channel_config cfg = {.role = FH_ROLE_SERVER};
    size_t page = 4096, secrets = fh_channel_secrets_size();

    /* Guarded memory is given in whole pages, with a canary of 16 bytes. */
    secrets = (secrets + 16 + page - 1) / page * page;
    ck_assert_uint_le(fh_channel_size(&cfg) + secrets, 65536);
}
END_TEST

START_TEST(a_config_outside_its_ranges_gives_no_channel)
{
    struct pair *p = pair_new();
    struct fh_channel_config good = side_config(&p->client, FH_ROLE_CLIENT), cfg;
    char program[66];

    memset(program, 'a', 65);
    program[65] = '\0';
    for (unsigned i = 0; i < 11; i++) {
        cfg = good;
        switch (i) {
        case 0:
            cfg.random = NULL;
            break;
        case 1:
            cfg.spki_len--;
            break;
        case 2:
            cfg.max_record = 1023;
            break;
        case 3:
            cfg.max_record = 65537;
            break;
        case 4:
            cfg.padding = FH_PAD_512;
            break;
        case 5:
            cfg.program = program;
            break;
        case 6:
            cfg.program = "";
            break;
        case 7:
            cfg.program = "tab\there";
            break;
        case 8:
            cfg.n_methods = 33;
            break;
        case 9:
            cfg.spki = NULL;
            break;
        case 10:
            cfg.role = (enum fh_role)2;
            break;
        }
        ck_assert_ptr_null(fh_channel_new(&cfg));
    }
    fh_channel_free(NULL);
    pair_free(p);
}
END_TEST

START_TEST(a_channel_lives_in_the_callers_memory)
{
    struct pair *p = pair_new();
    struct fh_channel_config cfg = side_config(&p->client, FH_ROLE_CLIENT);
    size_t len, secrets_len = fh_channel_secrets_size();
    uint8_t *mem, *secrets = aligned_alloc(16, (secrets_len + 15) & ~(size_t)15);
    struct fh_channel *c;

    cfg.max_record = 65536;
    len = fh_channel_size(&cfg);
    mem = malloc(len);
    ck_assert_ptr_nonnull(mem);
    ck_assert_ptr_null(fh_channel_init(mem, len - 1, secrets, secrets_len, &cfg));
    ck_assert_ptr_null(fh_channel_init(mem, len, secrets, secrets_len - 1, &cfg));
    c = fh_channel_init(mem, len, secrets, secrets_len, &cfg);
    ck_assert_ptr_nonnull(c);
    fh_channel_finish(c);
    for (size_t i = 0; i < len; i++)
        ck_assert_uint_eq(mem[i], 0);
    for (size_t i = 0; i < secrets_len; i++)
        ck_assert_uint_eq(secrets[i], 0);
    fh_channel_finish(c);
    free(mem);
    free(secrets);
    pair_free(p);
}
END_TEST

static bool channel_holds(const struct fh_channel *c, const uint8_t *secret)
{
    return holds(c->s, sizeof *c->s, secret, 32) || holds(c, c->mem_len, secret, 32);
}

/* An AES-256 key schedule begins with the key itself, so a key in use would be found as well. */
START_TEST(secrets_of_the_handshake_are_gone_when_the_channel_is_open)
{
    static uint8_t bytes[8192];
    struct pair *p = pair_new();
    struct fh_channel_config cfg = side_config(&p->client, FH_ROLE_CLIENT);
    uint8_t x[2][32], es[32], shared[32], salt[32], hs[32], ms[32], hs_secret[2][32], key[2][32];
    uint8_t finished[2][32], th[32], empty[32];
    struct fh__hash h;
    size_t n;

    cfg.cloud_secret = cloud_secret;
    cfg.now_ms = p->now;
    p->client.c = fh_channel_new(&cfg);
    p->server.proceed_secret = cloud_secret;
    pair_start(p);
    memcpy(x[0], p->client.c->s->x25519, 32);
    memcpy(es, p->client.c->s->es, 32);
    ck_assert(channel_holds(p->client.c, x[0]));
    ck_assert(channel_holds(p->client.c, es));
    n = side_take(&p->client, bytes, sizeof bytes);
    side_feed(p, &p->server, bytes, n);
    n = side_take(&p->server, bytes, sizeof bytes);

    /* The server's share is the second draw of its stream; all else follows. */
    {
        struct rng rng = {.seed = "server"};

        rng_fill(&rng, x[1], 32);
        rng_fill(&rng, x[1], 32);
        ck_assert_int_eq(fh__x25519(x[0], bytes + 4 + 32 + 2, shared), 0);
    }
    fh__hash_init(&h);
    fh__hash_peek(&h, empty);
    fh__hash_peek(&p->server.c->th, th); /* has ServerHello, and the flight not yet received */
    fh__label(es, "derived", empty, 32, salt, 32);
    fh__hkdf_extract(salt, 32, shared, 32, hs);
    fh__label(hs, "derived", empty, 32, salt, 32);
    fh__hkdf_extract(salt, 32, (const uint8_t[32]){0}, 32, ms);
    ck_assert_mem_eq(ms, p->server.c->s->ms, 32);
    memcpy(finished, p->server.c->s->finished, sizeof finished);
    side_feed(p, &p->client, bytes, 4 + 70);
    fh__hash_peek(&p->client.c->th, th);
    fh__label(hs, "c hs", th, 32, hs_secret[0], 32);
    fh__label(hs, "s hs", th, 32, hs_secret[1], 32);
    fh__label(hs_secret[0], "key", NULL, 0, key[0], 32);
    fh__label(hs_secret[1], "key", NULL, 0, key[1], 32);
    if (p->server.c->engine == FH__AEAD_SODIUM)
        ck_assert(channel_holds(p->client.c, key[1]));
    side_feed(p, &p->client, bytes + 4 + 70, n - 4 - 70);
    pump(p);
    ck_assert_uint_eq(p->client.opens + p->server.opens, 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct fh_channel *c = i ? p->server.c : p->client.c;

        for (unsigned j = 0; j < 2; j++) {
            ck_assert(!channel_holds(c, x[j]));
            ck_assert(!channel_holds(c, hs_secret[j]));
            ck_assert(!channel_holds(c, key[j]));
            ck_assert(!channel_holds(c, finished[j]));
        }
        ck_assert(!channel_holds(c, cloud_secret));
        ck_assert(!channel_holds(c, es));
        ck_assert(!channel_holds(c, shared));
        ck_assert(!channel_holds(c, hs));
        ck_assert(!channel_holds(c, ms));
        ck_assert(sodium_is_zero((const uint8_t *)c->s->next, sizeof c->s->next));
    }
    fh_channel_close(p->client.c, FH_CODE_NORMAL, NULL);
    pump(p);
    ck_assert(sodium_is_zero((const uint8_t *)p->client.c->s, sizeof *p->client.c->s));
    ck_assert(sodium_is_zero((const uint8_t *)p->server.c->s, sizeof *p->server.c->s));
    pair_free(p);
}
END_TEST

START_TEST(every_code_has_a_text)
{
    for (int i = FH_CODE_NORMAL; i <= FH_CODE_POLICY + 1; i++)
        ck_assert_uint_gt(strlen(fh_channel_code_text((enum fh_channel_code)i)), 0);
}
END_TEST

#define LEN(a) (sizeof(a) / sizeof(a)[0])

static TCase *opening(void)
{
    TCase *tc = tcase_create("opening");

    tcase_add_loop_test(tc, channel_opens_when_both_hold_the_same_key_material, 0,
                        LEN(materials) * N_CHUNKS);
    tcase_add_test(tc, each_side_learns_the_identity_and_parameters_of_the_other);
    tcase_add_test(tc, opening_takes_one_and_a_half_round_trips);
    tcase_add_test(tc, a_client_has_the_guard_keys_before_the_server_can_use_them);
    tcase_add_test(tc, both_export_the_same_secrets_by_name);
    tcase_add_loop_test(tc, a_server_answers_other_versions_and_nothing_else, 0,
                        LEN(server_greetings));
    tcase_add_loop_test(tc, a_client_drops_one_greeting_and_tells_other_versions, 0,
                        LEN(client_greetings));
    tcase_add_test(tc, a_caller_may_read_the_greeting_itself);
    tcase_add_loop_test(tc, each_wait_of_the_handshake_has_a_deadline, 0, 4);
    return tc;
}

static TCase *passing(void)
{
    TCase *tc = tcase_create("data");

    tcase_add_loop_test(tc, a_record_has_the_length_that_its_padding_says, 0, LEN(paddings));
    tcase_add_test(tc, zeros_at_the_end_of_data_are_data);
    tcase_add_loop_test(tc, data_passes_both_ways_whole_and_byte_by_byte, 0, N_CHUNKS);
    tcase_add_test(tc, writing_waits_until_what_was_sealed_is_taken);
    tcase_add_test(tc, out_stays_in_place_until_it_is_done);
    tcase_add_test(tc, what_is_sent_in_pieces_stays_whole);
    tcase_add_test(tc, data_that_is_not_taken_stops_the_reading);
    tcase_add_loop_test(tc, data_are_wiped_when_they_are_given_back, 0, 2);
    tcase_add_test(tc, a_ping_is_answered_once);
    tcase_add_test(tc, an_idle_channel_can_be_pinged_for_ever);
    return tc;
}

static TCase *ending(void)
{
    TCase *tc = tcase_create("end");

    tcase_add_loop_test(tc, closing_is_confirmed_by_both, 0, 2 * N_CHUNKS);
    tcase_add_test(tc, two_closes_that_cross_are_one_clean_end);
    tcase_add_test(tc, data_that_crosses_our_close_is_counted_and_dropped);
    tcase_add_test(tc, a_full_out_buffer_has_room_for_answers_and_the_close);
    tcase_add_test(tc, nothing_is_sealed_after_our_close);
    tcase_add_test(tc, a_long_reason_is_cut_at_a_character);
    tcase_add_test(tc, a_stream_that_ends_without_close_was_cut);
    tcase_add_loop_test(tc, a_close_that_is_not_answered_is_no_clean_end, 0, 2);
    tcase_add_test(tc, a_stream_cut_at_any_byte_of_the_handshake_is_truncated);
    tcase_add_test(tc, every_code_has_a_text);
    return tc;
}

static TCase *refusing(void)
{
    TCase *tc = tcase_create("refusals");

    tcase_add_test(tc, a_server_refuses_a_hello_in_clear);
    tcase_add_test(tc, a_hello_is_refused_with_four_codes_only);
    tcase_add_test(tc, a_client_that_refuses_the_server_says_nothing_more);
    tcase_add_loop_test(tc, a_server_that_refuses_the_client_says_so_under_its_proved_keys, 0,
                        N_CHUNKS);
    tcase_add_test(tc, a_server_that_cannot_sign_closes_under_handshake_keys);
    tcase_add_test(tc, answers_may_come_late);
    return tc;
}

static TCase *memory(void)
{
    TCase *tc = tcase_create("memory");

    tcase_add_test(tc, a_channel_of_default_size_takes_at_most_64_kib);
    tcase_add_test(tc, a_config_outside_its_ranges_gives_no_channel);
    tcase_add_test(tc, a_channel_lives_in_the_callers_memory);
    tcase_add_test(tc, secrets_of_the_handshake_are_gone_when_the_channel_is_open);
    return tc;
}

int main(void)
{
    Suite *s = suite_create("channel");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, opening());
    suite_add_tcase(s, passing());
    suite_add_tcase(s, ending());
    suite_add_tcase(s, refusing());
    suite_add_tcase(s, memory());
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
