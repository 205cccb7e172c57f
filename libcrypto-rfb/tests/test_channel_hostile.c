/* SPDX-License-Identifier: MIT */
/*
 * test_channel_hostile.c -- a peer who holds the right keys and breaks the rules, one at a time.
 *
 * Each rule is a row: what is done, and the error, the code and who is blamed. A server that fails
 * must be read by the other end as that code; a client that fails before its flight must have sent
 * nothing beyond its ClientHello.
 */
#include <check.h>

#include "channel_pair.h"

enum { HELLO_BYTES = 12 + 4 + 256 };

static void ck_ended(const struct side *s, int error, enum fh_channel_code code, bool by_peer)
{
    ck_assert_uint_eq(s->closes, 1);
    ck_assert_int_eq(s->closed.closed.error, error);
    ck_assert_int_eq(s->closed.closed.code, code);
    ck_assert_int_eq(s->closed.closed.by_peer, by_peer);
    if (!by_peer)
        ck_assert(!s->closed.closed.confirmed);
    ck_assert(fh_channel_is_finished(s->c));
}

/* ---- flights -------------------------------------------------------------------------------- */

enum trick {
    HONEST,
    WRONG_SIGNATURE,
    SWAPPED_LABEL,
    SIGNED_WITHOUT_IDENTITY,
    SIGNED_BY_ANOTHER,
    SHORT_SIGNATURE,
    SIGNATURE_OF_NOTHING,
    KEY_E3,
    KEY_1024,
    KEY_EVEN,
    KEY_LONG_FORM,
    KEY_KIND_2,
    WRONG_FINISHED,
    FINISHED_OF_OTHER_ROLE,
    DUPLICATE_FINISHED,
    TRAILING_BYTE,
    NO_FINISHED,
    NO_PARAMETERS,
    SWAPPED_MESSAGES,
    WRONG_LENGTH,
    SHORT_FINISHED,
    IDENTITY_OVERRUN,
    ALL_WRONG,
    KEY_AND_SIGNATURE_WRONG,
    AS_APPLICATION,
    AS_CONTROL,
    TWO_RECORDS,
    ALTERED,
};

static const struct {
    enum trick trick;
    int error;
    enum fh_channel_code code;
} tricks[] = {
    {WRONG_SIGNATURE, FH_CRYPTO_E_AUTH, FH_CODE_IDENTITY},
    {SWAPPED_LABEL, FH_CRYPTO_E_AUTH, FH_CODE_IDENTITY},
    {SIGNED_WITHOUT_IDENTITY, FH_CRYPTO_E_AUTH, FH_CODE_IDENTITY},
    {SIGNED_BY_ANOTHER, FH_CRYPTO_E_AUTH, FH_CODE_IDENTITY},
    {SHORT_SIGNATURE, FH_CRYPTO_E_AUTH, FH_CODE_IDENTITY},
    {SIGNATURE_OF_NOTHING, FH_CRYPTO_E_AUTH, FH_CODE_IDENTITY},
    {KEY_E3, FH_CRYPTO_E_KEY, FH_CODE_IDENTITY},
    {KEY_1024, FH_CRYPTO_E_KEY, FH_CODE_IDENTITY},
    {KEY_EVEN, FH_CRYPTO_E_KEY, FH_CODE_IDENTITY},
    {KEY_LONG_FORM, FH_CRYPTO_E_KEY, FH_CODE_IDENTITY},
    {KEY_KIND_2, FH_CRYPTO_E_KEY, FH_CODE_IDENTITY},
    {WRONG_FINISHED, FH_CRYPTO_E_AUTH, FH_CODE_PROTOCOL},
    {FINISHED_OF_OTHER_ROLE, FH_CRYPTO_E_AUTH, FH_CODE_PROTOCOL},
    {DUPLICATE_FINISHED, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {TRAILING_BYTE, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {NO_FINISHED, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {NO_PARAMETERS, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {SWAPPED_MESSAGES, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {WRONG_LENGTH, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {SHORT_FINISHED, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {IDENTITY_OVERRUN, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {ALL_WRONG, FH_CRYPTO_E_AUTH, FH_CODE_PROTOCOL},
    {KEY_AND_SIGNATURE_WRONG, FH_CRYPTO_E_KEY, FH_CODE_IDENTITY},
    {AS_APPLICATION, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {AS_CONTROL, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {TWO_RECORDS, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {ALTERED, FH_CRYPTO_E_AUTH, FH_CODE_RECORD},
};

static size_t message(struct wr *w, uint8_t type, const void *body, size_t len)
{
    wr_u8(w, type);
    wr_u24(w, (uint32_t)len);
    wr_bytes(w, body, len);
    return w->len;
}

/* The body of Identity as a trick wants it. */
static size_t identity_body(const struct side *s, enum trick t, uint8_t out[600])
{
    struct wr w = wr_init(out, 600);
    size_t len;
    const uint8_t *spki = fh_identity_spki(s->id, &len);

    wr_u8(&w, t == KEY_KIND_2 ? 2 : 1);
    if (t == KEY_1024) {
        /* A well-formed SPKI of 1024 bits. */
        wr_u16(&w, 162);
        wr_bytes(&w,
                 "\x30\x81\x9f\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"
                 "\x03\x81\x8d\x00\x30\x81\x89\x02\x81\x81\x00",
                 29);
        wr_bytes(&w, spki + 40, 128);
        wr_bytes(&w, "\x02\x03\x01\x00\x01", 5);
        return w.len;
    }
    wr_u16(&w, (uint16_t)(t == IDENTITY_OVERRUN ? len + 1 : len));
    wr_bytes(&w, spki, len);
    if (t == KEY_E3)
        memcpy(out + w.len - 3, "\x00\x00\x03", 3);
    if (t == KEY_EVEN || t == ALL_WRONG || t == KEY_AND_SIGNATURE_WRONG)
        out[w.len - 6] &= 0xfe;
    if (t == KEY_LONG_FORM)
        out[3 + 5] ^= 1;
    return w.len;
}

static size_t signature_body(const struct side *s, enum trick t, enum fh_role role,
                             const struct fh__hash *th, const uint8_t *before, uint8_t out[600])
{
    uint8_t digest[FH__HASH_LEN];
    const struct fh_identity *id = t == SIGNED_BY_ANOTHER ? key_other : s->id;
    struct wr len;
    size_t n;

    fh__hash_peek(th, digest);
    n = sign_th(id, t == SWAPPED_LABEL ? !role : role,
                t == SIGNED_WITHOUT_IDENTITY ? before : digest, out + 2);
    if (t == SHORT_SIGNATURE)
        n--;
    if (t == SIGNED_BY_ANOTHER)
        n = 256;
    if (t == SIGNATURE_OF_NOTHING)
        n = 0;
    if (t == WRONG_SIGNATURE || t == ALL_WRONG || t == KEY_AND_SIGNATURE_WRONG)
        out[2 + 100] ^= 1;
    len = wr_init(out, 2);
    wr_u16(&len, (uint16_t)n);
    return n + 2;
}

/* A flight that s, which waits for its signature, sends with its right keys and one trick. */
static size_t forge_flight(struct side *s, enum trick t, const uint8_t *parameters, size_t len,
                           uint8_t *out, size_t room)
{
    static const uint8_t no_extensions[2];
    enum fh_role role = s->c->role;
    struct wr w = wr_init(out, room);
    struct fh__hash th = s->c->th;
    uint8_t body[600], before[FH__HASH_LEN], mac[FH__HASH_LEN];
    size_t n = 0;

    if (t != NO_PARAMETERS)
        n = message(&w, FH__PARAMETERS, parameters ? parameters : no_extensions,
                    parameters ? len : 2);
    fh__hash_add(&th, out, n);
    fh__hash_peek(&th, before);
    if (t == SWAPPED_MESSAGES) {
        message(&w, FH__SIGNATURE, body, signature_body(s, t, role, &th, before, body));
        message(&w, FH__IDENTITY, body, identity_body(s, t, body));
    } else {
        message(&w, FH__IDENTITY, body, identity_body(s, t, body));
        fh__hash_add(&th, out + n, w.len - n);
        n = w.len;
        message(&w, FH__SIGNATURE, body, signature_body(s, t, role, &th, before, body));
    }
    fh__hash_add(&th, out + n, w.len - n);
    fh__finished_mac(s->c, t == FINISHED_OF_OTHER_ROLE ? !role : role, &th, mac);
    if (t == WRONG_FINISHED || t == ALL_WRONG)
        mac[31] ^= 0x80;
    n = w.len;
    if (t != NO_FINISHED)
        message(&w, FH__FINISHED, mac, t == SHORT_FINISHED ? 31 : 32);
    fh__hash_add(&th, out + n, w.len - n);
    if (t == DUPLICATE_FINISHED)
        message(&w, FH__FINISHED, mac, 32);
    if (t == TRAILING_BYTE)
        wr_u8(&w, 9);
    if (t == WRONG_LENGTH)
        out[3]++;
    s->c->th = th;
    return w.len;
}

static void send_forged(struct side *s, enum trick t, const uint8_t *content, size_t len)
{
    unsigned type = t == AS_APPLICATION ? FH__APPLICATION
                    : t == AS_CONTROL   ? FH__CONTROL
                                        : FH__HANDSHAKE;

    if (t == TWO_RECORDS) {
        side_seal(s, type, content, 100);
        side_seal(s, type, content + 100, len - 100);
        return;
    }
    side_seal(s, type, content, len);
    if (t == ALTERED)
        s->c->out[s->c->out_end - 30] ^= 1;
}

/* Brings s to where its flight is due, sends a forged one, and lets both go on. */
static struct pair *with_forged_flight(enum fh_role role, enum trick t, const uint8_t *parameters,
                                       size_t len, size_t chunk)
{
    static uint8_t content[20000];
    struct pair *p = pair_new();
    struct side *s = role == FH_ROLE_CLIENT ? &p->client : &p->server;
    size_t n;

    p->chunk = chunk;
    s->holds_sign = true;
    pair_start(p);
    pump(p);
    ck_assert_uint_eq(s->signs, 1);
    n = forge_flight(s, t, parameters, len, content, sizeof content);
    send_forged(s, t, content, n);
    s->c->events = 0;
    s->c->state = role == FH_ROLE_CLIENT ? FH__EXPECT_ACCEPTANCE : FH__EXPECT_CLIENT_FLIGHT;
    if (role == FH_ROLE_CLIENT) {
        ck_assert_int_eq(fh__keys_application(s->c), 0);
        s->c->can_close = true;
    }
    pump(p);
    return p;
}

START_TEST(a_forged_flight_of_a_client_gets_a_close_under_handshake_keys)
{
    unsigned i = (unsigned)_i / 2;
    struct pair *p = with_forged_flight(FH_ROLE_CLIENT, tricks[i].trick, NULL, 0, _i % 2);

    ck_ended(&p->server, tricks[i].error, tricks[i].code, false);
    ck_assert_uint_eq(p->server.peers, 0);
    ck_assert_uint_eq(p->server.opens, 0);
    ck_ended(&p->client, 0, tricks[i].code, true);
    ck_assert_uint_eq(p->client.opens, 0);
    pair_free(p);
}
END_TEST

START_TEST(a_forged_flight_of_a_server_gets_nothing)
{
    unsigned i = (unsigned)_i / 2;
    struct pair *p = with_forged_flight(FH_ROLE_SERVER, tricks[i].trick, NULL, 0, _i % 2);

    ck_ended(&p->client, tricks[i].error, tricks[i].code, false);
    ck_assert_uint_eq(p->client.peers, 0);
    ck_assert_uint_eq(p->client.signs, 0);
    ck_assert_uint_eq(p->client.sent, HELLO_BYTES);
    pair_free(p);
}
END_TEST

START_TEST(the_same_flight_without_a_trick_opens)
{
    struct pair *p = with_forged_flight((enum fh_role)_i, HONEST, NULL, 0, 0);

    ck_assert_uint_eq(p->client.opens, 1);
    ck_assert_uint_eq(p->server.opens, 1);
    pair_free(p);
}
END_TEST

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

static const struct {
    const char *what;
    const uint8_t *body;
    size_t len;
    bool good;
} parameters[] = {
    {"none", BYTES("\0\0"), true},
    {"all", BYTES("\0\x1b\0\1\0\4\0\0\x04\0\0\2\0\1\2\0\3\0\3\2\1\2\0\5\0\3abc"), true},
    {"unknown ones", BYTES("\0\x0b\x77\x77\0\1x\0\6\0\2yy"), true},
    {"padding, unchecked here", BYTES("\0\6\0\0\0\2zz"), true},
    {"unknown policy", BYTES("\0\5\0\2\0\1\x63"), true},
    {"no methods", BYTES("\0\5\0\3\0\1\0"), true},
    {"one repeated", BYTES("\0\x0a\0\2\0\1\1\0\2\0\1\1"), false},
    {"an unknown one repeated", BYTES("\0\x08\x99\0\0\0\x99\0\0\0"), false},
    {"max record of 2 bytes", BYTES("\0\6\0\1\0\2\x40\0"), false},
    {"max record of 5 bytes", BYTES("\0\x09\0\1\0\5\0\0\x40\0\0"), false},
    {"max record 1023", BYTES("\0\x08\0\1\0\4\0\0\3\xff"), false},
    {"max record 65537", BYTES("\0\x08\0\1\0\4\0\1\0\1"), false},
    {"max record 65536", BYTES("\0\x08\0\1\0\4\0\1\0\0"), true},
    {"policy of 0 bytes", BYTES("\0\4\0\2\0\0"), false},
    {"policy of 2 bytes", BYTES("\0\6\0\2\0\2\0\0"), false},
    {"methods with one too few", BYTES("\0\6\0\3\0\2\2\1"), false},
    {"methods with one too many", BYTES("\0\7\0\3\0\3\1\1\1"), false},
    {"methods of 0 bytes", BYTES("\0\4\0\3\0\0"), false},
    {"33 methods",
     BYTES("\0\x26\0\3\0\x22\x21"
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
     false},
    {"empty name", BYTES("\0\4\0\5\0\0"), false},
    {"name of 65 bytes",
     BYTES("\0\x45\0\5\0\x41"
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
     false},
    {"name with an escape", BYTES("\0\6\0\5\0\2\x1b["), false},
    {"name with C1", BYTES("\0\6\0\5\0\2\xc2\x9b"), false},
    {"name that turns the line round", BYTES("\0\7\0\5\0\3\xe2\x80\xae"), false},
    {"name that is not UTF-8", BYTES("\0\5\0\5\0\1\xff"), false},
    {"name with an overlong form", BYTES("\0\6\0\5\0\2\xc0\xaf"), false},
    {"name with a NUL", BYTES("\0\6\0\5\0\2a\0"), false},
    {"list longer than the body", BYTES("\0\5\0\2\0\0"), false},
    {"list shorter than the body", BYTES("\0\0\0\2\0\1\1"), false},
    {"extension longer than the list", BYTES("\0\4\0\2\0\1\1"), false},
    {"half an extension", BYTES("\0\3\0\2\0"), false},
    {"no list", BYTES("\0"), false},
};

START_TEST(parameters_are_checked)
{
    enum fh_role role = (enum fh_role)(_i % 2);
    unsigned i = (unsigned)_i / 2;
    struct pair *p = with_forged_flight(role, HONEST, parameters[i].body, parameters[i].len, 0);
    struct side *victim = role == FH_ROLE_CLIENT ? &p->server : &p->client;

    ck_assert_msg(victim->opens == parameters[i].good, "%s", parameters[i].what);
    if (!parameters[i].good)
        ck_ended(victim, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    pair_free(p);
}
END_TEST

START_TEST(parameters_above_4096_bytes_are_refused)
{
    static uint8_t body[5000];
    struct wr w = wr_init(body, sizeof body);
    size_t n = _i == 0 ? 4096 : 4097;
    struct pair *p;

    wr_u16(&w, (uint16_t)(n - 2));
    wr_u16(&w, 0x4444);
    wr_u16(&w, (uint16_t)(n - 6));
    p = with_forged_flight(FH_ROLE_CLIENT, HONEST, body, n, 0);
    ck_assert_uint_eq(p->server.opens, _i == 0);
    pair_free(p);
}
END_TEST

/* ---- what is recorded cannot be used again -----------------------------------------------------
 */

static size_t recorded_len[2];
static uint8_t recorded[2][8192];

static size_t record(struct pair *p, bool to_server, uint8_t *bytes, size_t len)
{
    (void)p;
    memcpy(recorded[to_server] + recorded_len[to_server], bytes, len);
    recorded_len[to_server] += len;
    return len;
}

START_TEST(a_replayed_conversation_fails)
{
    struct pair *p = pair_new();

    p->wire = record;
    pair_open(p);
    ck_assert_int_eq(side_write(&p->client, "secret", 6, FH_PAD_NONE), 0);
    pump(p);
    pair_free(p);

    p = pair_new();
    strcpy(p->client.rng.seed, "other client");
    strcpy(p->server.rng.seed, "other server");
    pair_start(p);
    if (_i == 0) {
        side_feed(p, &p->server, recorded[1], recorded_len[1]);
        ck_assert_uint_eq(p->server.opens, 0);
        ck_assert_uint_eq(p->server.data_len, 0);
        side_take(&p->server, recorded[0], sizeof recorded[0]);
        ck_ended(&p->server, FH_CRYPTO_E_AUTH, FH_CODE_RECORD, false);
    } else {
        side_take(&p->client, recorded[1], sizeof recorded[1]);
        side_feed(p, &p->client, recorded[0], recorded_len[0]);
        ck_assert_uint_eq(p->client.peers, 0);
        ck_assert_uint_eq(p->client.sent, HELLO_BYTES);
        ck_ended(&p->client, FH_CRYPTO_E_AUTH, FH_CODE_RECORD, false);
    }
    pair_free(p);
}
END_TEST

/* ---- hellos --------------------------------------------------------------------------------- */

struct hello {
    uint8_t suites[2 * 33];
    uint8_t n;
    uint8_t x25519[32];
    uint8_t ek[FH__MLKEM_EK];
    size_t ek_len;
    const uint8_t *extensions;
    size_t extensions_len;
    uint8_t type;
    uint32_t extra; /* added to the length of the message */
};

static size_t write_hello(const struct hello *h, uint8_t *out, size_t room)
{
    struct wr w = wr_init(out, room), len;

    wr_bytes(&w, "FARHAND 001\n", 12);
    wr_u8(&w, h->type);
    wr_u24(&w, 0);
    wr_zeros(&w, 32 + 16 + 16);
    wr_u8(&w, h->n);
    wr_bytes(&w, h->suites, 2 * (size_t)h->n);
    wr_bytes(&w, h->x25519, 32);
    wr_u16(&w, (uint16_t)h->ek_len);
    wr_bytes(&w, h->ek, h->ek_len);
    wr_bytes(&w, h->extensions, h->extensions_len);
    len = wr_init(out + 13, 3);
    wr_u24(&len, (uint32_t)(w.len - 16) + h->extra);
    ck_assert(!w.bad);
    return w.len;
}

static const struct hello good_hello = {.suites = {0, 1},
                                        .n = 1,
                                        .x25519 = {9},
                                        .extensions = (const uint8_t *)"\0",
                                        .extensions_len = 2,
                                        .type = 1};

/* What a server says to a hello: nothing, or ServerHello (2), or Refusal (255) with a code. */
static void ck_answer(const struct hello *h, int answer, int code)
{
    static uint8_t bytes[8192];
    struct pair *p = pair_new();
    const uint8_t *out;
    size_t n;

    p->server.holds_sign = true;
    pair_start(p);
    p->chunk = 100;
    n = write_hello(h, bytes, sizeof bytes);
    side_feed(p, &p->server, bytes, n);
    out = fh_channel_out(p->server.c, &n);
    if (answer == 0) {
        ck_assert_ptr_null(out);
        ck_ended(&p->server, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
        ck_assert_uint_eq(p->server.hellos, 0);
    } else {
        ck_assert_ptr_nonnull(out);
        ck_assert_uint_eq(out[0], answer);
        if (answer == 255)
            ck_assert_uint_eq(out[4], code);
    }
    pair_free(p);
}

START_TEST(a_well_formed_hello_is_answered)
{
    struct hello h = good_hello;

    ck_answer(&h, 2, 0);
    h.suites[0] = 0x55; /* an unknown one, and ours among 32 */
    h.n = 32;
    h.suites[63] = 1;
    ck_answer(&h, 2, 0);
    h = good_hello; /* known extensions of Parameters are unknown here */
    h.extensions = (const uint8_t *)"\0\x0c\0\1\0\0\0\0\0\4\0\0\0\0";
    h.extensions_len = 14;
    ck_answer(&h, 2, 0);
    h = good_hello; /* a suite with a KEM, not chosen where there is none */
    memcpy(h.suites, "\1\1\0\1", 4);
    h.n = 2;
    h.ek_len = FH__MLKEM_EK;
    if (!fh__mlkem_is_available())
        memset(h.ek, 0xff, sizeof h.ek);
    ck_answer(&h, 2, 0);
}
END_TEST

START_TEST(a_hello_that_cannot_be_served_is_refused)
{
    static const uint8_t order8[32] = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae,
                                       0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
                                       0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd,
                                       0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
    struct hello h = good_hello;

    h.suites[1] = 2;
    ck_answer(&h, 255, FH_CODE_SUITE);
    h = good_hello;
    h.x25519[0] = 0; /* the points of small order give zeros */
    ck_answer(&h, 255, FH_CODE_PROTOCOL);
    h.x25519[0] = 1;
    ck_answer(&h, 255, FH_CODE_PROTOCOL);
    memcpy(h.x25519, order8, 32);
    ck_answer(&h, 255, FH_CODE_PROTOCOL);
    h.x25519[31] |= 0x80; /* the top bit is ignored */
    ck_answer(&h, 255, FH_CODE_PROTOCOL);
}
END_TEST

static const struct {
    const char *what, *extensions;
    size_t len;
} bad_hello_extensions[] = {
    {"missing", "", 0},
    {"half a length", "\0", 1},
    {"too long", "\0\5\0\0\0\0", 6},
    {"too short", "\0\3\0\0\0\0", 6},
    {"padding that is not zeros", "\0\6\0\0\0\2\0\1", 8},
    {"padding twice", "\0\x08\0\0\0\0\0\0\0\0", 10},
    {"an unknown one twice", "\0\x08\x12\x34\0\0\x12\x34\0\0", 10},
    {"a byte after the list", "\0\0\0", 3},
};

START_TEST(a_malformed_hello_gets_silence)
{
    struct hello h = good_hello;

    h.type = 2;
    ck_answer(&h, 0, 0);
    h = good_hello;
    h.n = 0;
    ck_answer(&h, 0, 0);
    h.n = 33;
    ck_answer(&h, 0, 0);
    h = good_hello; /* a KEM key that no suite asks for, and one missing */
    h.ek_len = FH__MLKEM_EK;
    ck_answer(&h, 0, 0);
    h = good_hello;
    h.suites[0] = 1;
    ck_answer(&h, 0, 0);
    h = good_hello;
    h.extra = 4096;
    ck_answer(&h, 0, 0);
    for (unsigned i = 0; i < sizeof bad_hello_extensions / sizeof bad_hello_extensions[0]; i++) {
        h = good_hello;
        h.extensions = (const uint8_t *)bad_hello_extensions[i].extensions;
        h.extensions_len = bad_hello_extensions[i].len;
        ck_answer(&h, 0, 0);
    }
}
END_TEST

START_TEST(what_follows_a_hello_too_early_is_refused_after_server_hello)
{
    static uint8_t bytes[8192];
    struct pair *p = pair_new();
    size_t n, twice;

    pair_start(p);
    n = side_take(&p->client, bytes, sizeof bytes);
    twice = n;
    if (_i == 0) { /* a second ClientHello */
        memcpy(bytes + n, bytes + 12, n - 12);
        twice += n - 12;
    } else { /* application data before the flight */
        memcpy(bytes + n,
               "\1\0\0\x11"
               "aaaaaaaaaaaaaaaaa",
               21);
        twice += 21;
    }
    side_feed(p, &p->server, bytes, twice);
    n = side_take(&p->server, bytes, sizeof bytes);
    ck_ended(&p->server, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    side_feed(p, &p->client, bytes, n);
    pump(p);
    ck_ended(&p->client, 0, FH_CODE_PROTOCOL, true);
    pair_free(p);
}
END_TEST

/* Feeds a client one clear message; it must say nothing more. */
static void ck_client_fails(const void *bytes, size_t len, int error, enum fh_channel_code code,
                            bool by_peer)
{
    static uint8_t hello[1024];
    struct pair *p = pair_new();
    size_t n;

    pair_start(p);
    side_take(&p->client, hello, sizeof hello);
    p->chunk = 50;
    side_feed(p, &p->client, bytes, len);
    side_events(&p->client);
    ck_assert_ptr_null(fh_channel_out(p->client.c, &n));
    ck_ended(&p->client, error, code, by_peer);
    pair_free(p);
}

START_TEST(a_wrong_server_hello_gets_nothing)
{
    static uint8_t m[4 + 4096] = {2, 0, 0, 70};
    const size_t suite = 4 + 32, x = suite + 2, ct = x + 32, ext = ct + 2;

    m[suite + 1] = 1;
    m[x] = 9;
    m[suite] = 0x01; /* 0x0101, not offered where there is no KEM; else without its ciphertext */
    ck_client_fails(m, 74, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    m[suite] = 0;
    m[suite + 1] = 2;
    ck_client_fails(m, 74, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    m[suite + 1] = 1;
    m[x] = 0;
    ck_client_fails(m, 74, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    m[x] = 9;
    m[ct + 1] = 1; /* a ciphertext that does not belong */
    m[3] = 71;
    ck_client_fails(m, 75, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    m[ct + 1] = 0;
    ck_client_fails(m, 75, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false); /* a byte too many */
    memcpy(m + ext, "\0\x08\x12\x34\0\0\x12\x34\0\0", 10);
    m[3] = 78;
    ck_client_fails(m, 82, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    m[2] = 8; /* 2049 bytes and more */
    m[3] = 1;
    ck_client_fails(m, 4, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    m[0] = 1; /* a ClientHello */
    ck_client_fails(m, 4, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
}
END_TEST

START_TEST(a_refusal_is_reported_as_unconfirmed)
{
    static uint8_t m[4 + 3 + 300] = {255, 0, 0, 8, 6, 0, 5, 'l', 'a', 't', 'e', 'r'};

    ck_client_fails(m, 12, FH_CRYPTO_E_REFUSED, FH_CODE_BUSY, true);
    m[4] = 77; /* a code that we do not know */
    ck_client_fails(m, 12, FH_CRYPTO_E_REFUSED, FH_CODE_PROTOCOL, true);
    m[6] = 6;
    ck_client_fails(m, 12, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    m[6] = 4;
    ck_client_fails(m, 12, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    m[2] = 1;
    m[3] = 4; /* 257 bytes of reason */
    m[5] = m[6] = 1;
    ck_client_fails(m, 264, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
}
END_TEST

/* ---- records -------------------------------------------------------------------------------- */

enum record_trick {
    SEQ_GAP,
    SEQ_REPEATED,
    EPOCH_0,
    EPOCH_2,
    EPOCH_255,
    TOO_SHORT,
    TOO_LONG,
    HEADER_ALTERED,
    TAG_ALTERED,
    ALL_ZEROS,
    NON_ZERO_PADDING,
    TYPE_1,
    TYPE_HANDSHAKE,
    TYPE_25,
};

static const struct {
    enum record_trick trick;
    int error;
    enum fh_channel_code code;
} record_tricks[] = {
    {SEQ_GAP, FH_CRYPTO_E_AUTH, FH_CODE_RECORD},
    {SEQ_REPEATED, FH_CRYPTO_E_AUTH, FH_CODE_RECORD},
    {EPOCH_0, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {EPOCH_2, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {EPOCH_255, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {TOO_SHORT, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {TOO_LONG, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {HEADER_ALTERED, FH_CRYPTO_E_AUTH, FH_CODE_RECORD},
    {TAG_ALTERED, FH_CRYPTO_E_AUTH, FH_CODE_RECORD},
    {ALL_ZEROS, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {NON_ZERO_PADDING, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {TYPE_1, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {TYPE_HANDSHAKE, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
    {TYPE_25, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL},
};

/* Seals raw bytes as inner, whatever they are. */
static void seal_inner(struct side *s, const uint8_t *inner, size_t len)
{
    side_seal(s, inner[len - 1], inner, len - 1);
}

static void send_record_trick(struct side *s, enum record_trick t)
{
    struct fh__keys *k = &s->c->s->out;
    uint8_t *header = s->c->out + s->c->out_end;

    switch (t) {
    case SEQ_GAP:
        k->seq++;
        side_seal(s, FH__APPLICATION, "abc", 3);
        break;
    case SEQ_REPEATED:
        side_seal(s, FH__APPLICATION, "abc", 3);
        k->seq--;
        side_seal(s, FH__APPLICATION, "abc", 3);
        break;
    case EPOCH_0:
    case EPOCH_2:
    case EPOCH_255:
        k->epoch = t == EPOCH_0 ? 0 : t == EPOCH_2 ? 2 : 255;
        side_seal(s, FH__APPLICATION, "abc", 3);
        k->epoch = 1;
        break;
    case TOO_SHORT:
        side_seal(s, FH__APPLICATION, "abc", 3);
        header[3] = 16;
        break;
    case TOO_LONG:
        side_seal(s, FH__APPLICATION, "abc", 3);
        header[2] = 0x40; /* 16384 + 17 */
        header[3] = 0x11;
        break;
    case HEADER_ALTERED:
        side_seal(s, FH__APPLICATION, "abcd", 4);
        side_seal(s, FH__APPLICATION, "efgh", 4);
        header[3]++;
        break;
    case TAG_ALTERED:
        side_seal(s, FH__APPLICATION, "abc", 3);
        s->c->out[s->c->out_end - 1] ^= 1;
        break;
    case ALL_ZEROS:
        seal_inner(s, (const uint8_t[7]){0}, 7); /* the length before it reads as a type, 23 */
        break;
    case NON_ZERO_PADDING:
        seal_inner(s, (const uint8_t[]){'a', FH__APPLICATION, 0, 0, 7}, 5);
        break;
    case TYPE_1:
        side_seal(s, 1, "abc", 3);
        break;
    case TYPE_HANDSHAKE:
        side_seal(s, FH__HANDSHAKE, "abc", 3);
        break;
    case TYPE_25:
        side_seal(s, 25, "abc", 3);
        break;
    }
}

START_TEST(a_record_that_breaks_the_rules_closes_the_channel)
{
    unsigned i = (unsigned)_i / 2;
    struct pair *p = pair_new();
    struct side *evil = _i % 2 ? &p->client : &p->server;
    struct side *victim = _i % 2 ? &p->server : &p->client;

    pair_open(p);
    send_record_trick(evil, record_tricks[i].trick);
    pump(p);
    ck_ended(victim, record_tricks[i].error, record_tricks[i].code, false);
    ck_ended(evil, 0, record_tricks[i].code, true);
    pair_free(p);
}
END_TEST

START_TEST(the_longest_record_is_taken_and_no_longer_one)
{
    static uint8_t text[16384];
    struct pair *p = pair_new();

    pair_open(p);
    side_seal(&p->client, FH__APPLICATION, text, 16383);
    pump(p);
    ck_assert_uint_eq(p->server.data_len, 16383);
    side_seal(&p->client, FH__APPLICATION, text, 16384);
    pump(p);
    ck_ended(&p->server, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    pair_free(p);
}
END_TEST

/* Before acceptance the client takes a Close under handshake keys, and nothing else there. */
START_TEST(a_client_that_waits_for_acceptance_takes_a_close_in_epoch_0_only)
{
    static const unsigned types[] = {FH__HANDSHAKE, FH__APPLICATION, FH__CONTROL, 99};
    struct pair *p = pair_new();

    p->server.holds_peer = true;
    pair_start(p);
    pump(p);
    ck_assert_uint_eq(p->server.peers, 1);
    side_seal(&p->server, types[_i], "\7abcdefgh", 9);
    carry(p, &p->server, &p->client);
    ck_assert_uint_eq(p->client.opens, 0);
    side_events(&p->client);
    ck_assert_uint_eq(p->client.closes, 1);
    ck_assert_int_eq(p->client.closed.closed.error, FH_CRYPTO_E_PROTO);
    pair_free(p);
}
END_TEST

START_TEST(after_acceptance_epoch_0_is_over)
{
    struct pair *p = pair_new();

    pair_open(p);
    p->server.c->s->out.epoch = 0;
    ck_assert_int_eq(fh__close_send(p->server.c, FH_CODE_NORMAL, NULL), 0);
    pump(p);
    ck_ended(&p->client, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    pair_free(p);
}
END_TEST

/* ---- controls and Close ---------------------------------------------------------------------- */

enum { CLIENT_EVIL = 1, SERVER_EVIL = 2, BOTH_EVIL = 3 };

#define X32 "\x09xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define ZERO32 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static const struct {
    const char *what;
    unsigned type;
    const uint8_t *content;
    size_t len;
    int who;
} bad_controls[] = {
    {"an empty control", FH__CONTROL, BYTES(""), BOTH_EVIL},
    {"control 0", FH__CONTROL, BYTES("\0"), BOTH_EVIL},
    {"control 8", FH__CONTROL, BYTES("\x08"), BOTH_EVIL},
    {"control 255", FH__CONTROL, BYTES("\xff"), BOTH_EVIL},
    {"KeyUpdate with a byte", FH__CONTROL, BYTES("\1\0"), BOTH_EVIL},
    {"Offer of a server", FH__CONTROL, BYTES("\2" X32 "\0\0"), SERVER_EVIL},
    {"Offer without length", FH__CONTROL, BYTES("\2" X32), CLIENT_EVIL},
    {"Offer with a key that no suite asks for", FH__CONTROL, BYTES("\2" X32 "\0\1k"), CLIENT_EVIL},
    {"Offer with a byte too many", FH__CONTROL, BYTES("\2" X32 "\0\0x"), CLIENT_EVIL},
    {"Offer of zeros", FH__CONTROL, BYTES("\2" ZERO32 "\0\0"), CLIENT_EVIL},
    {"Answer that was not due", FH__CONTROL, BYTES("\3" X32 "\0\0"), BOTH_EVIL},
    {"Done that was not due", FH__CONTROL, BYTES("\4"), BOTH_EVIL},
    {"Request of a client", FH__CONTROL, BYTES("\5"), CLIENT_EVIL},
    {"Request with a byte", FH__CONTROL, BYTES("\5\0"), SERVER_EVIL},
    {"Ping of 7 bytes", FH__CONTROL,
     BYTES("\6"
           "1234567"),
     BOTH_EVIL},
    {"Ping of 9 bytes", FH__CONTROL,
     BYTES("\6"
           "123456789"),
     BOTH_EVIL},
    {"Pong of 7 bytes", FH__CONTROL,
     BYTES("\7"
           "1234567"),
     BOTH_EVIL},
    {"Close without count", FH__CLOSE, BYTES("\0\0\0\0\0\0\0\0"), BOTH_EVIL},
    {"Close with a wrong count", FH__CLOSE, BYTES("\0\0\0\0\0\0\0\0\x63"), BOTH_EVIL},
    {"Close with a count of zero", FH__CLOSE, BYTES("\0\0\0\0\0\0\0\0\0"), BOTH_EVIL},
};

START_TEST(a_control_that_breaks_the_rules_closes_the_channel)
{
    unsigned i = (unsigned)_i / 2;
    int who = _i % 2 ? CLIENT_EVIL : SERVER_EVIL;
    struct pair *p = pair_new();
    struct side *evil = _i % 2 ? &p->client : &p->server;
    struct side *victim = _i % 2 ? &p->server : &p->client;

    if (bad_controls[i].who & who) {
        pair_open(p);
        side_seal(evil, bad_controls[i].type, bad_controls[i].content, bad_controls[i].len);
        pump(p);
        ck_assert_msg(victim->closes == 1, "%s", bad_controls[i].what);
        ck_ended(victim, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
        ck_ended(evil, 0, FH_CODE_PROTOCOL, true);
    }
    pair_free(p);
}
END_TEST

START_TEST(a_pong_that_was_not_asked_for_is_ignored)
{
    struct pair *p = pair_new();

    pair_open(p);
    side_seal(&p->client, FH__CONTROL, "\7xxxxxxxx", 9);
    ck_assert_int_eq(fh_channel_ping(p->server.c, (const uint8_t *)"12345678"), 0);
    side_seal(&p->client, FH__CONTROL, "\7xxxxxxxx", 9);
    pump(p);
    ck_assert_uint_eq(p->server.pongs, 1);
    side_seal(&p->client, FH__CONTROL,
              "\7"
              "12345678",
              9);
    pump(p);
    ck_assert_uint_eq(p->server.pongs, 1);
    ck_assert_uint_eq(p->server.closes + p->client.closes, 0);
    pair_free(p);
}
END_TEST

/* 32 are allowed since the last application record, and 33 are not. */
START_TEST(a_flood_of_controls_is_a_matter_of_policy)
{
    struct pair *p = pair_new();
    struct side *evil = _i ? &p->client : &p->server, *victim = _i ? &p->server : &p->client;

    pair_open(p);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 32; i++) {
            side_seal(evil, FH__CONTROL,
                      "\6"
                      "12345678",
                      9);
            pump(p);
        }
        ck_assert_uint_eq(victim->closes, 0);
        if (round == 0)
            side_seal(evil, FH__APPLICATION, NULL, 0);
    }
    side_seal(evil, FH__CONTROL, "\1", 1);
    pump(p);
    ck_ended(victim, FH_CRYPTO_E_PROTO, FH_CODE_POLICY, false);
    pair_free(p);
}
END_TEST

/* What a Close says, and what we make of it. */
static const struct {
    uint8_t code;
    const char *reason;
    enum fh_channel_code seen;
    const char *text;
} closes[] = {
    {0, "bye", FH_CODE_NORMAL, "bye"},
    {9, "", FH_CODE_POLICY, ""},
    {10, "later version", FH_CODE_PROTOCOL, "later version"},
    {255, "", FH_CODE_PROTOCOL, ""},
    {4, "\xff\xfe", FH_CODE_AUTHENTICATION, ""},
    {4, "line\nline", FH_CODE_AUTHENTICATION, ""},
    {4, "\xe2\x80\xae txt", FH_CODE_AUTHENTICATION, ""},
};

START_TEST(a_close_is_taken_with_any_code_and_text)
{
    struct pair *p = pair_new();
    uint8_t content[300] = {closes[_i].code};
    size_t n = strlen(closes[_i].reason);

    pair_open(p);
    content[8] = 2; /* the flight and this one */
    memcpy(content + 9, closes[_i].reason, n);
    side_seal(&p->client, FH__CLOSE, content, 9 + n);
    p->client.c->is_out_done = true;
    p->client.c->state = FH__CLOSING;
    pump(p);
    ck_ended(&p->server, 0, closes[_i].seen, true);
    ck_assert(p->server.closed.closed.confirmed);
    ck_assert_str_eq(p->server.closed.closed.reason, closes[_i].text);
    pair_free(p);
}
END_TEST

START_TEST(a_reason_of_257_bytes_is_a_violation)
{
    struct pair *p = pair_new();
    uint8_t content[9 + 257] = {0, 0, 0, 0, 0, 0, 0, 0, 2};

    memset(content + 9, 'a', 257);
    pair_open(p);
    side_seal(&p->client, FH__CLOSE, content, sizeof content);
    pump(p);
    ck_ended(&p->server, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    pair_free(p);
}
END_TEST

START_TEST(records_taken_away_before_the_close_are_noticed)
{
    static uint8_t bytes[4096];
    struct pair *p = pair_new();
    size_t n;

    pair_open(p);
    p->client.c->records_out++; /* as if one more had been sent */
    fh_channel_close(p->client.c, FH_CODE_NORMAL, NULL);
    n = side_take(&p->client, bytes, sizeof bytes);
    side_feed(p, &p->server, bytes, n);
    n = side_take(&p->server, bytes, sizeof bytes);
    ck_ended(&p->server, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL, false);
    side_feed(p, &p->client, bytes, n);
    ck_ended(&p->client, 0, FH_CODE_PROTOCOL, true);
    pair_free(p);
}
END_TEST

/* ---- what comes after the end ------------------------------------------------------------------
 */

START_TEST(nothing_is_read_after_a_failure)
{
    struct pair *p = pair_new();
    struct fh_channel_event ev;
    size_t room;

    pair_open(p);
    side_seal(&p->client, 99, "x", 1);
    side_seal(&p->client, FH__APPLICATION, "data", 4);
    pump(p);
    ck_assert_uint_eq(p->server.data_len, 0);
    ck_assert_ptr_null(fh_channel_in(p->server.c, &room));
    ck_assert_ptr_null(fh_channel_write(p->server.c, &room));
    ck_assert_int_eq(fh_channel_event(p->server.c, &ev), 0);
    ck_assert_int_eq(fh_channel_tick(p->server.c, p->now), FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(fh_channel_in_done(p->server.c, p->now, 0), FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(fh_channel_in_end(p->server.c, p->now), FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(fh_channel_accept(p->server.c), FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(fh_channel_rekey(p->server.c, p->now), FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(fh_channel_ping(p->server.c, (const uint8_t *)"12345678"), FH_CRYPTO_E_PROTO);
    ck_assert_uint_eq(fh_channel_deadline(p->server.c), UINT64_MAX);
    fh_channel_close(p->server.c, FH_CODE_NORMAL, NULL);
    ck_assert_ptr_null(fh_channel_out(p->server.c, &room));
    pair_free(p);
}
END_TEST

#define LEN(a) (sizeof(a) / sizeof(a)[0])

static TCase *handshake(void)
{
    TCase *tc = tcase_create("handshake");

    tcase_add_loop_test(tc, the_same_flight_without_a_trick_opens, 0, 2);
    tcase_add_loop_test(tc, a_forged_flight_of_a_client_gets_a_close_under_handshake_keys, 0,
                        2 * LEN(tricks));
    tcase_add_loop_test(tc, a_forged_flight_of_a_server_gets_nothing, 0, 2 * LEN(tricks));
    tcase_add_loop_test(tc, parameters_are_checked, 0, 2 * LEN(parameters));
    tcase_add_loop_test(tc, parameters_above_4096_bytes_are_refused, 0, 2);
    tcase_add_loop_test(tc, a_replayed_conversation_fails, 0, 2);
    tcase_add_test(tc, a_well_formed_hello_is_answered);
    tcase_add_test(tc, a_hello_that_cannot_be_served_is_refused);
    tcase_add_test(tc, a_malformed_hello_gets_silence);
    tcase_add_loop_test(tc, what_follows_a_hello_too_early_is_refused_after_server_hello, 0, 2);
    tcase_add_test(tc, a_wrong_server_hello_gets_nothing);
    tcase_add_test(tc, a_refusal_is_reported_as_unconfirmed);
    return tc;
}

static TCase *records(void)
{
    TCase *tc = tcase_create("records");

    tcase_add_loop_test(tc, a_record_that_breaks_the_rules_closes_the_channel, 0,
                        2 * LEN(record_tricks));
    tcase_add_test(tc, the_longest_record_is_taken_and_no_longer_one);
    tcase_add_loop_test(tc, a_client_that_waits_for_acceptance_takes_a_close_in_epoch_0_only, 0, 4);
    tcase_add_test(tc, after_acceptance_epoch_0_is_over);
    tcase_add_loop_test(tc, a_control_that_breaks_the_rules_closes_the_channel, 0,
                        2 * LEN(bad_controls));
    tcase_add_test(tc, a_pong_that_was_not_asked_for_is_ignored);
    tcase_add_loop_test(tc, a_flood_of_controls_is_a_matter_of_policy, 0, 2);
    tcase_add_loop_test(tc, a_close_is_taken_with_any_code_and_text, 0, LEN(closes));
    tcase_add_test(tc, a_reason_of_257_bytes_is_a_violation);
    tcase_add_test(tc, records_taken_away_before_the_close_are_noticed);
    tcase_add_test(tc, nothing_is_read_after_a_failure);
    return tc;
}

int main(void)
{
    Suite *s = suite_create("channel: hostile peers");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, handshake());
    suite_add_tcase(s, records());
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
