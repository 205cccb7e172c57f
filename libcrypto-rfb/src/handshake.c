/* SPDX-License-Identifier: MIT */
/*
 * handshake.c -- the messages that open a channel. docs/protocol.md, "Opening", "Handshake".
 *
 *     C -> S   FARHAND 001\n  ClientHello
 *     S -> C   ServerHello  { Parameters  Identity  Signature  Finished }
 *     C -> S   { Parameters  Identity  Signature  Finished }
 *     S -> C   an application record
 *
 * A message is u8 type | u24 length | body; { } is exactly one record.
 */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "channel_internal.h"

static const char our_greeting[] = "FARHAND 001\n";
static const char rfb_greeting[] = "RFB 003.008\n";

static int broken(struct fh_channel *c)
{
    return fh__channel_fail(c, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL);
}

/* With a KEM a RekeyOffer must fit the records that we open, whatever the configuration says. */
static void set_suite(struct fh_channel *c, uint16_t suite)
{
    c->suite = suite;
    if (suite == FH_SUITE_X25519MLKEM768_AES256GCM && c->own.max_record < FH__KEM_RECORD_MIN)
        c->own.max_record = FH__KEM_RECORD_MIN;
}

/* ---- messages and extensions ---------------------------------------------------------------- */

static void begin_message(struct wr *w, enum fh__message type)
{
    wr_u8(w, type);
    wr_u24(w, 0);
}

/* Writes the length of the message that began at offset start. */
static void end_message(struct wr *w, size_t start)
{
    struct wr len = wr_init(w->mem + start + 1, 3);

    assert(!w->bad);
    wr_u24(&len, (uint32_t)(w->len - start - FH__MESSAGE_HEADER));
}

/*
 * u16 len, { u16 type | u16 len | data }*. Passes each to fn; FH_CRYPTO_E_PROTO for a type that
 * came before, whether known or not, and for what runs over.
 */
typedef int (*extension_fn)(uint16_t type, struct rd data, void *user);

static int read_extensions(struct rd *r, extension_fn fn, void *user)
{
    struct rd list = rd_sub(r, rd_u16(r));
    uint8_t seen[8192] = {0};

    while (!list.bad && list.left > 0) {
        uint16_t type = rd_u16(&list);
        struct rd data = rd_sub(&list, rd_u16(&list));

        if (list.bad || (seen[type / 8] & 1U << type % 8))
            return FH_CRYPTO_E_PROTO;
        seen[type / 8] = (uint8_t)(seen[type / 8] | 1U << type % 8);
        if (fn(type, data, user) != 0)
            return FH_CRYPTO_E_PROTO;
    }
    return list.bad ? FH_CRYPTO_E_PROTO : 0;
}

static int ignore_extension(uint16_t type, struct rd data, void *user)
{
    (void)type;
    (void)data;
    (void)user;
    return 0;
}

/* Of ClientHello: padding, which is zeros. The others are unknown here. */
static int read_hello_extension(uint16_t type, struct rd data, void *user)
{
    uint8_t sum = 0;

    (void)user;
    while (type == FH__EXT_PADDING && data.left > 0)
        sum |= rd_u8(&data);
    return sum == 0 ? 0 : FH_CRYPTO_E_PROTO;
}

/* ---- ClientHello ---------------------------------------------------------------------------- */

/*
 * ClientHello  random[32] | session_ref[16] | cloud_ref[16] | u8 n, suites u16[n] | x25519[32] |
 *              u16 len, mlkem768_ek | extensions
 * Extension 0, the last, brings the body to a multiple of 256.
 */
static void write_client_hello(struct fh_channel *c, struct wr *w)
{
    struct fh__secrets *s = c->s;
    size_t start = w->len, ek_len = fh__mlkem_is_available() ? FH__MLKEM_EK : 0, over;
    uint8_t seed[64], *ek;

    begin_message(w, FH__CLIENT_HELLO);
    c->random(c->random_user, wr_room(w, FH__RANDOM_LEN), FH__RANDOM_LEN);
    wr_bytes(w, c->session_ref, sizeof c->session_ref);
    wr_bytes(w, c->cloud_ref, sizeof c->cloud_ref);
    wr_u8(w, ek_len ? 2 : 1);
    if (ek_len)
        wr_u16(w, FH_SUITE_X25519MLKEM768_AES256GCM);
    wr_u16(w, FH_SUITE_X25519_AES256GCM);
    c->random(c->random_user, s->x25519, sizeof s->x25519);
    fh__x25519_public(s->x25519, wr_room(w, FH__X25519_LEN));
    wr_u16(w, (uint16_t)ek_len);
    if (ek_len) {
        ek = wr_room(w, ek_len);
        c->random(c->random_user, seed, sizeof seed);
        (void)fh__mlkem_keypair(seed, ek, s->dk);
        fh_wipe(seed, sizeof seed);
    }
    over = (w->len - start - FH__MESSAGE_HEADER + 6) % FH__HELLO_MULTIPLE;
    over = over ? FH__HELLO_MULTIPLE - over : 0;
    wr_u16(w, (uint16_t)(4 + over));
    wr_u16(w, FH__EXT_PADDING);
    wr_u16(w, (uint16_t)over);
    wr_zeros(w, over);
    end_message(w, start);
}

/* r: the body. */
int fh__read_client_hello(struct rd r, struct fh__client_hello *out)
{
    struct fh__client_hello m = {0};
    uint8_t n;
    size_t ek_len;

    rd_skip(&r, FH__RANDOM_LEN);
    m.session_ref = rd_bytes(&r, FH_CHANNEL_REF_LEN);
    m.cloud_ref = rd_bytes(&r, FH_CHANNEL_REF_LEN);
    n = rd_u8(&r);
    for (unsigned i = 0; i < n; i++) {
        uint16_t suite = rd_u16(&r);

        m.offers_x25519 |= suite == FH_SUITE_X25519_AES256GCM;
        m.offers_mlkem |= suite == FH_SUITE_X25519MLKEM768_AES256GCM;
    }
    m.x25519 = rd_bytes(&r, FH__X25519_LEN);
    ek_len = rd_u16(&r);
    m.ek = rd_bytes(&r, ek_len);
    if (r.bad || n < 1 || n > FH__SUITES_MAX || ek_len != (m.offers_mlkem ? FH__MLKEM_EK : 0U))
        return FH_CRYPTO_E_PROTO;
    if (read_extensions(&r, read_hello_extension, NULL) != 0 || !rd_is_done(&r))
        return FH_CRYPTO_E_PROTO;
    *out = m;
    return 0;
}

/* Client: what it sends at once. */
void fh__client_hello_send(struct fh_channel *c)
{
    struct wr w = wr_init(c->out, c->out_cap);

    wr_bytes(&w, our_greeting, FH_CHANNEL_GREETING_LEN);
    write_client_hello(c, &w);
    c->out_end = w.len;
    fh__hash_add(&c->th, w.mem, w.len);
}

/* Keeps what the answer needs; the message itself goes with the in buffer. */
static void on_client_hello(struct fh_channel *c, const struct fh__client_hello *m)
{
    bool mlkem = m->offers_mlkem && fh__mlkem_is_available();

    if (!mlkem && !m->offers_x25519) {
        fh__refusal_send(c, FH_CRYPTO_E_PROTO, FH_CODE_SUITE, NULL);
        return;
    }
    set_suite(c, mlkem ? FH_SUITE_X25519MLKEM768_AES256GCM : FH_SUITE_X25519_AES256GCM);
    memcpy(c->session_ref, m->session_ref, sizeof c->session_ref);
    memcpy(c->cloud_ref, m->cloud_ref, sizeof c->cloud_ref);
    memcpy(c->client_x25519, m->x25519, sizeof c->client_x25519);
    if (mlkem)
        memcpy(c->client_ek, m->ek, sizeof c->client_ek);
    c->state = FH__WAIT_PROCEED;
    c->deadline = UINT64_MAX;
    fh__channel_raise(c, FH_CHANNEL_EV_HELLO);
}

/* ---- ServerHello, Refusal ------------------------------------------------------------------- */

/* Refusal  u8 code | u16 len, reason. In clear, instead of ServerHello. */
void fh__refusal_send(struct fh_channel *c, int error, enum fh_channel_code code,
                      const char *reason)
{
    struct wr w = wr_init(c->out, c->out_cap);

    fh__channel_set_reason(c, reason);
    begin_message(&w, FH__REFUSAL);
    wr_u8(&w, code);
    wr_u16(&w, (uint16_t)strlen(c->reason));
    wr_bytes(&w, c->reason, strlen(c->reason));
    end_message(&w, 0);
    c->out_end = w.len;
    fh__channel_silence(c, error, code);
}

static void on_refusal(struct fh_channel *c, struct rd r)
{
    uint8_t code = rd_u8(&r);
    size_t len = rd_u16(&r);
    const uint8_t *reason = rd_bytes(&r, len);

    if (!rd_is_done(&r) || len > FH_CHANNEL_REASON_MAX)
        broken(c);
    else
        fh__channel_closed_by_peer(c, FH_CRYPTO_E_REFUSED, code, reason, len);
}

/*
 * ServerHello  random[32] | u16 suite | x25519[32] | u16 len, mlkem768_ct | extensions
 * Makes our share; shared gets [mlkem_ss ||] x25519_ss.
 */
static int write_server_hello(struct fh_channel *c, struct wr *w)
{
    bool kem = c->suite == FH_SUITE_X25519MLKEM768_AES256GCM;
    size_t start = w->len, ss_len = kem ? FH__MLKEM_SS : 0;
    struct fh__secrets *s = c->s;
    uint8_t seed[32], *ct;
    int ret;

    begin_message(w, FH__SERVER_HELLO);
    c->random(c->random_user, wr_room(w, FH__RANDOM_LEN), FH__RANDOM_LEN);
    wr_u16(w, c->suite);
    c->random(c->random_user, s->x25519, sizeof s->x25519);
    fh__x25519_public(s->x25519, wr_room(w, FH__X25519_LEN));
    if ((ret = fh__x25519(s->x25519, c->client_x25519, s->shared + ss_len)) != 0)
        return ret;
    wr_u16(w, kem ? FH__MLKEM_CT : 0);
    if (kem) {
        ct = wr_room(w, FH__MLKEM_CT);
        c->random(c->random_user, seed, sizeof seed);
        ret = fh__mlkem_encapsulate(c->client_ek, seed, ct, s->shared);
        fh_wipe(seed, sizeof seed);
    }
    wr_u16(w, 0);
    end_message(w, start);
    return ret;
}

int fh__read_server_hello(struct rd r, struct fh__server_hello *out)
{
    struct fh__server_hello m;
    size_t ct_len;

    rd_skip(&r, FH__RANDOM_LEN);
    m.suite = rd_u16(&r);
    m.x25519 = rd_bytes(&r, FH__X25519_LEN);
    ct_len = rd_u16(&r);
    m.ct = rd_bytes(&r, ct_len);
    if (r.bad || ct_len != (m.suite == FH_SUITE_X25519MLKEM768_AES256GCM ? FH__MLKEM_CT : 0U))
        return FH_CRYPTO_E_PROTO;
    if (read_extensions(&r, ignore_extension, NULL) != 0 || !rd_is_done(&r))
        return FH_CRYPTO_E_PROTO;
    *out = m;
    return 0;
}

static bool is_offered(uint16_t suite)
{
    return suite == FH_SUITE_X25519_AES256GCM ||
           (suite == FH_SUITE_X25519MLKEM768_AES256GCM && fh__mlkem_is_available());
}

static void on_server_hello(struct fh_channel *c, const uint8_t *message, size_t len)
{
    struct fh__secrets *s = c->s;
    struct fh__server_hello m;
    size_t ss_len;

    if (fh__read_server_hello(rd_init(message + FH__MESSAGE_HEADER, len - FH__MESSAGE_HEADER),
                              &m) != 0 ||
        !is_offered(m.suite)) {
        broken(c);
        return;
    }
    ss_len = m.suite == FH_SUITE_X25519MLKEM768_AES256GCM ? FH__MLKEM_SS : 0;
    if (fh__x25519(s->x25519, m.x25519, s->shared + ss_len) != 0 ||
        (ss_len && fh__mlkem_decapsulate(s->dk, m.ct, s->shared) != 0)) {
        broken(c);
        return;
    }
    set_suite(c, m.suite);
    fh__hash_add(&c->th, message, len);
    if (fh__keys_handshake(c, ss_len + FH__X25519_LEN) != 0)
        fh__channel_fail(c, FH_CRYPTO_E_INTERNAL, FH_CODE_INTERNAL);
    else
        c->state = FH__EXPECT_SERVER_FLIGHT;
}

/* ---- the encrypted flight ------------------------------------------------------------------- */

/* The longest Parameters that we write. */
enum {
    FH__PARAMETERS_OWN =
        FH__MESSAGE_HEADER + 2 + 8 + 5 + 5 + FH_CHANNEL_METHODS_MAX + 4 + FH_CHANNEL_PROGRAM_MAX
};

/* Parameters  extensions 1, 2, 3, 5 */
static void write_parameters(const struct fh_channel *c, struct wr *w)
{
    size_t start = w->len, program_len = strlen(c->own.program), n = c->own.n_methods;

    begin_message(w, FH__PARAMETERS);
    wr_u16(w, (uint16_t)(8 + 5 + 5 + n + (program_len ? 4 + program_len : 0)));
    wr_u16(w, FH__EXT_MAX_RECORD);
    wr_u16(w, 4);
    wr_u32(w, c->own.max_record);
    wr_u16(w, FH__EXT_PADDING_POLICY);
    wr_u16(w, 1);
    wr_u8(w, c->own.padding);
    wr_u16(w, FH__EXT_METHODS);
    wr_u16(w, (uint16_t)(1 + n));
    wr_u8(w, (uint8_t)n);
    wr_bytes(w, c->own.methods, n);
    if (program_len) {
        wr_u16(w, FH__EXT_PROGRAM);
        wr_u16(w, (uint16_t)program_len);
        wr_bytes(w, c->own.program, program_len);
    }
    end_message(w, start);
}

struct parameters_reader {
    struct fh__parameters m;
    uint32_t max_record_min;
};

static int read_parameter(uint16_t type, struct rd data, void *user)
{
    struct parameters_reader *p = user;

    switch (type) {
    case FH__EXT_MAX_RECORD:
        p->m.max_record = rd_u32(&data);
        if (p->m.max_record < p->max_record_min || p->m.max_record > FH_CHANNEL_RECORD_MAX)
            return FH_CRYPTO_E_PROTO;
        break;
    case FH__EXT_PADDING_POLICY:
        p->m.padding = rd_u8(&data);
        break;
    case FH__EXT_METHODS:
        p->m.n_methods = rd_u8(&data);
        if (p->m.n_methods > FH_CHANNEL_METHODS_MAX)
            return FH_CRYPTO_E_PROTO;
        rd_copy(&data, p->m.methods, p->m.n_methods);
        break;
    case FH__EXT_PROGRAM:
        if (data.left < 1 || data.left > FH_CHANNEL_PROGRAM_MAX ||
            !fh__text_is_clean(data.p, data.left))
            return FH_CRYPTO_E_PROTO;
        rd_copy(&data, p->m.program, data.left);
        break;
    default:
        return 0;
    }
    return rd_is_done(&data) ? 0 : FH_CRYPTO_E_PROTO;
}

int fh__read_parameters(struct rd r, uint16_t suite, struct fh__parameters *out)
{
    struct parameters_reader p = {
        .m = {.max_record = FH_CHANNEL_RECORD_DEFAULT, .padding = FH_PAD_BLOCK64},
        .max_record_min = FH_CHANNEL_RECORD_MIN};

    if (suite == FH_SUITE_X25519MLKEM768_AES256GCM)
        p.max_record_min = FH__KEM_RECORD_MIN;
    if (read_extensions(&r, read_parameter, &p) != 0 || !rd_is_done(&r))
        return FH_CRYPTO_E_PROTO;
    *out = p.m;
    return 0;
}

/* Identity  u8 kind = 1 (RSA) | u16 len, SPKI */
static void write_identity(const struct fh_channel *c, struct wr *w)
{
    size_t start = w->len;

    begin_message(w, FH__IDENTITY);
    wr_u8(w, 1);
    wr_u16(w, (uint16_t)c->spki_len);
    wr_bytes(w, c->spki, c->spki_len);
    end_message(w, start);
}

/* Signature  u16 len, RSA-PSS */
static void write_signature(struct wr *w, const uint8_t *sig, size_t len)
{
    size_t start = w->len;

    begin_message(w, FH__SIGNATURE);
    wr_u16(w, (uint16_t)len);
    wr_bytes(w, sig, len);
    end_message(w, start);
}

/* Finished  HMAC(finished_key, TH) */
static void write_finished(const struct fh_channel *c, struct wr *w, const struct fh__hash *th)
{
    size_t start = w->len;

    begin_message(w, FH__FINISHED);
    fh__finished_mac(c, c->role, th, wr_room(w, FH__HASH_LEN));
    end_message(w, start);
}

/* Our flight up to Identity is settled: asks for the signature over the transcript so far. */
static void want_signature(struct fh_channel *c)
{
    uint8_t mem[FH__PARAMETERS_OWN + FH__MESSAGE_HEADER + 3 + FH_SPKI_MAX];
    struct fh__hash th = c->th;
    struct wr w = wr_init(mem, sizeof mem);

    write_parameters(c, &w);
    write_identity(c, &w);
    fh__hash_add(&th, w.mem, w.len);
    fh__hash_peek(&th, c->sign_th);
    c->state = FH__WAIT_SIGNED;
    fh__channel_raise(c, FH_CHANNEL_EV_SIGN);
}

/* One record with the four messages; the transcript goes on past it. */
static int send_flight(struct fh_channel *c, const uint8_t *sig, size_t len)
{
    uint8_t *room = fh__record_room(c, 0, FH__OUT_CLOSE);
    struct wr w = wr_init(room, c->out_cap - c->out_end - FH__RECORD_OVERHEAD - FH__OUT_CLOSE);
    size_t hashed;

    write_parameters(c, &w);
    write_identity(c, &w);
    write_signature(&w, sig, len);
    hashed = w.len;
    fh__hash_add(&c->th, w.mem, hashed);
    write_finished(c, &w, &c->th);
    fh__hash_add(&c->th, w.mem + hashed, w.len - hashed);
    return fh__record_seal(c, FH__HANDSHAKE, w.len, FH_PAD_512, FH__HANDSHAKE_INNER);
}

struct flight {
    struct rd parameters, identity, signature, finished; /* bodies */
    const uint8_t *message[4];
    size_t len[4]; /* of the messages with their headers */
};

static int read_flight(const uint8_t *content, size_t len, struct flight *out)
{
    static const uint8_t types[] = {FH__PARAMETERS, FH__IDENTITY, FH__SIGNATURE, FH__FINISHED};
    struct rd *bodies[] = {&out->parameters, &out->identity, &out->signature, &out->finished};
    struct rd r = rd_init(content, len);

    for (unsigned i = 0; i < 4; i++) {
        out->message[i] = r.p;
        if (rd_u8(&r) != types[i])
            return FH_CRYPTO_E_PROTO;
        *bodies[i] = rd_sub(&r, rd_u24(&r));
        out->len[i] = FH__MESSAGE_HEADER + bodies[i]->left;
    }
    if (!rd_is_done(&r) || out->parameters.left > FH__PARAMETERS_MAX ||
        out->finished.left != FH__HASH_LEN)
        return FH_CRYPTO_E_PROTO;
    return 0;
}

/* The peer's key and signature, of which Finished has shown that they came whole. */
static int check_identity(struct fh_channel *c, struct flight *f, const uint8_t *th)
{
    uint8_t kind = rd_u8(&f->identity);
    size_t spki_len = rd_u16(&f->identity), sig_len = rd_u16(&f->signature);
    const uint8_t *spki = rd_bytes(&f->identity, spki_len);
    const uint8_t *sig = rd_bytes(&f->signature, sig_len);
    unsigned bits;

    if (kind == 1 && (!rd_is_done(&f->identity) || !rd_is_done(&f->signature)))
        return broken(c);
    if (kind != 1 || spki_len > sizeof c->peer_spki || fh__spki_check(spki, spki_len, &bits) != 0)
        return fh__channel_fail(c, FH_CRYPTO_E_KEY, FH_CODE_IDENTITY);
    if (sig_len != bits / 8 ||
        fh__signature_verify(spki, spki_len, !c->role, th, sig, sig_len) != 0)
        return fh__channel_fail(c, FH_CRYPTO_E_AUTH, FH_CODE_IDENTITY);
    memcpy(c->peer_spki, spki, spki_len);
    c->peer_spki_len = spki_len;
    return 0;
}

/* Order of the checks: Finished, form of the key, Signature; then EV_PEER asks for the policy. */
int fh__flight_receive(struct fh_channel *c, const uint8_t *content, size_t len)
{
    uint8_t mac[FH__HASH_LEN], signed_th[FH__HASH_LEN];
    struct fh__hash th = c->th;
    struct fh__parameters parameters;
    struct flight f;
    int ret;

    if (read_flight(content, len, &f) != 0)
        return broken(c);
    fh__hash_add(&th, f.message[0], f.len[0]);
    fh__hash_add(&th, f.message[1], f.len[1]);
    fh__hash_peek(&th, signed_th);
    fh__hash_add(&th, f.message[2], f.len[2]);
    fh__finished_mac(c, !c->role, &th, mac);
    ret = sodium_memcmp(mac, f.finished.p, sizeof mac);
    fh_wipe(mac, sizeof mac);
    if (ret != 0)
        return fh__channel_fail(c, FH_CRYPTO_E_AUTH, FH_CODE_PROTOCOL);
    if (fh__read_parameters(f.parameters, c->suite, &parameters) != 0)
        return broken(c);
    if ((ret = check_identity(c, &f, signed_th)) != 0)
        return ret;
    fh__hash_add(&th, f.message[3], f.len[3]);
    c->th = th;
    c->peer = parameters;
    c->max_out =
        parameters.max_record < c->own.max_record ? parameters.max_record : c->own.max_record;
    if (c->role == FH_ROLE_SERVER && (ret = fh__keys_application(c)) != 0)
        return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    c->state = FH__WAIT_ACCEPT;
    c->deadline = UINT64_MAX;
    fh__channel_raise(c, FH_CHANNEL_EV_PEER);
    return 0;
}

/* ---- the application's answers -------------------------------------------------------------- */

static int wrong_state(const struct fh_channel *c)
{
    if (c->state != FH__CLOSED)
        return FH_CRYPTO_E_INVAL;
    return c->error ? c->error : FH_CRYPTO_E_CLOSED;
}

/* A secret that cloud_ref does not name, a secret missing, and one too many: all code 9. */
static bool is_cloud_ref_served(const struct fh_channel *c, const uint8_t *cloud_secret)
{
    uint8_t ref[FH_CHANNEL_REF_LEN];

    if (sodium_is_zero(c->cloud_ref, sizeof c->cloud_ref))
        return cloud_secret == NULL;
    fh__keys_cloud_ref(c, ref);
    return cloud_secret && sodium_memcmp(ref, c->cloud_ref, sizeof ref) == 0;
}

int fh_channel_proceed(struct fh_channel *c, const uint8_t *cloud_secret)
{
    struct wr w = wr_init(c->out, c->out_cap);
    int ret;

    if (c->state != FH__WAIT_PROCEED)
        return wrong_state(c);
    c->events = 0;
    fh__keys_early(c, cloud_secret);
    if (!is_cloud_ref_served(c, cloud_secret)) {
        fh__refusal_send(c, FH_CRYPTO_E_AUTH, FH_CODE_POLICY, NULL);
        return c->error;
    }
    if ((ret = write_server_hello(c, &w)) != 0) {
        fh__refusal_send(c, ret, ret == FH_CRYPTO_E_PROTO ? FH_CODE_PROTOCOL : FH_CODE_INTERNAL,
                         NULL);
        return c->error;
    }
    fh__hash_add(&c->th, w.mem, w.len);
    if ((ret = fh__keys_handshake(c, FH__X25519_LEN + (c->suite == FH_SUITE_X25519MLKEM768_AES256GCM
                                                           ? (size_t)FH__MLKEM_SS
                                                           : 0))) != 0) {
        fh__refusal_send(c, ret, FH_CODE_INTERNAL, NULL);
        return c->error;
    }
    c->out_end = w.len;
    c->can_close = true;
    c->deadline = c->now + FH__FLIGHT_MS;
    want_signature(c);
    return 0;
}

int fh_channel_refuse(struct fh_channel *c, enum fh_channel_code code, const char *reason)
{
    if (c->state != FH__WAIT_PROCEED)
        return wrong_state(c);
    if (code != FH_CODE_BUSY && code != FH_CODE_POLICY && code != FH_CODE_PROTOCOL &&
        code != FH_CODE_SUITE)
        return FH_CRYPTO_E_INVAL;
    fh__refusal_send(c, FH_CRYPTO_E_CLOSED, code, reason);
    return 0;
}

int fh_channel_signed(struct fh_channel *c, const uint8_t *sig, size_t len)
{
    int ret;

    if (c->state != FH__WAIT_SIGNED)
        return wrong_state(c);
    if (len != c->signature_len)
        return FH_CRYPTO_E_INVAL;
    c->events = 0;
    if ((ret = send_flight(c, sig, len)) != 0)
        return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    if (c->role == FH_ROLE_SERVER) {
        c->state = FH__EXPECT_CLIENT_FLIGHT;
        return 0;
    }
    if ((ret = fh__keys_application(c)) != 0)
        return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    c->can_close = true;
    c->state = FH__EXPECT_ACCEPTANCE;
    c->deadline = c->now + FH__FLIGHT_MS;
    return 0;
}

/* Server: the acceptance is an empty application record. */
int fh_channel_accept(struct fh_channel *c)
{
    int ret;

    if (c->state != FH__WAIT_ACCEPT)
        return wrong_state(c);
    c->events = 0;
    if (c->role == FH_ROLE_CLIENT) {
        want_signature(c);
        return 0;
    }
    if ((ret = fh__keys_switch(c, &c->s->out, FH_ROLE_SERVER)) != 0 ||
        (ret = fh__record_seal(c, FH__APPLICATION, 0, FH_PAD_BLOCK64, c->max_out)) != 0)
        return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    fh__control_opened(c);
    fh__channel_raise(c, FH_CHANNEL_EV_OPEN);
    return 0;
}

/* ---- clear bytes ---------------------------------------------------------------------------- */

/* "FARHAND nnn\n" */
static bool is_farhand_greeting(const uint8_t *p)
{
    return memcmp(p, "FARHAND ", 8) == 0 && p[8] >= '0' && p[8] <= '9' && p[9] >= '0' &&
           p[9] <= '9' && p[10] >= '0' && p[10] <= '9' && p[11] == '\n';
}

/* Server: our 12 bytes, those of another version of ours, or silence. */
static bool on_greeting(struct fh_channel *c, const uint8_t *p, size_t have)
{
    if (have < FH_CHANNEL_GREETING_LEN)
        return false;
    c->in_start += FH_CHANNEL_GREETING_LEN;
    if (memcmp(p, our_greeting, FH_CHANNEL_GREETING_LEN) == 0) {
        c->state = FH__EXPECT_CLIENT_HELLO;
    } else if (is_farhand_greeting(p)) {
        memcpy(c->out, our_greeting, FH_CHANNEL_GREETING_LEN);
        c->out_end = FH_CHANNEL_GREETING_LEN;
        fh__channel_silence(c, FH_CRYPTO_E_VERSION, FH_CODE_PROTOCOL);
    } else {
        fh__channel_silence(c, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL);
    }
    return true;
}

/* Client: drops the greeting of a server that serves other viewers too; tells other versions. */
static bool on_first_byte(struct fh_channel *c, const uint8_t *p, size_t have)
{
    if (have == 0)
        return false;
    if (p[0] != 'R' && p[0] != 'F') {
        c->state = FH__EXPECT_SERVER_HELLO;
        return true;
    }
    if (have < FH_CHANNEL_GREETING_LEN)
        return false;
    c->in_start += FH_CHANNEL_GREETING_LEN;
    if (memcmp(p, rfb_greeting, FH_CHANNEL_GREETING_LEN) == 0)
        c->state = FH__EXPECT_SERVER_HELLO;
    else if (memcmp(p, "RFB ", 4) == 0 || is_farhand_greeting(p))
        fh__channel_silence(c, FH_CRYPTO_E_VERSION, FH_CODE_PROTOCOL);
    else
        broken(c);
    return true;
}

/* A whole message of one of two types with a bounded body. NULL: not yet, or failed. */
static const uint8_t *take_message(struct fh_channel *c, uint8_t *type, size_t *len)
{
    const uint8_t *p = c->in + c->in_start;
    struct rd r = rd_init(p, c->in_end - c->in_start);
    size_t body, max = 0;

    if (r.left == 0)
        return NULL;
    *type = rd_u8(&r);
    if (c->role == FH_ROLE_SERVER && *type == FH__CLIENT_HELLO)
        max = FH__CLIENT_HELLO_MAX;
    if (c->role == FH_ROLE_CLIENT && *type == FH__SERVER_HELLO)
        max = FH__SERVER_HELLO_MAX;
    if (c->role == FH_ROLE_CLIENT && *type == FH__REFUSAL)
        max = FH__REFUSAL_MAX;
    body = rd_u24(&r);
    if (max == 0 || (!r.bad && body > max)) {
        broken(c);
        return NULL;
    }
    if (r.bad || r.left < body)
        return NULL;
    *len = FH__MESSAGE_HEADER + body;
    c->in_start += *len;
    return p;
}

static bool on_message(struct fh_channel *c)
{
    struct fh__client_hello hello;
    const uint8_t *message;
    uint8_t type;
    size_t len;
    struct rd body;

    if (!(message = take_message(c, &type, &len)))
        return c->state == FH__CLOSED;
    body = rd_init(message + FH__MESSAGE_HEADER, len - FH__MESSAGE_HEADER);
    switch (type) {
    case FH__CLIENT_HELLO:
        fh__hash_add(&c->th, our_greeting, FH_CHANNEL_GREETING_LEN);
        fh__hash_add(&c->th, message, len);
        if (fh__read_client_hello(body, &hello) != 0)
            broken(c);
        else
            on_client_hello(c, &hello);
        break;
    case FH__SERVER_HELLO:
        on_server_hello(c, message, len);
        break;
    case FH__REFUSAL:
        on_refusal(c, body);
        break;
    }
    return true;
}

bool fh__handshake_step(struct fh_channel *c)
{
    const uint8_t *p = c->in + c->in_start;
    size_t have = c->in_end - c->in_start;

    if (c->state == FH__EXPECT_GREETING)
        return on_greeting(c, p, have);
    if (c->state == FH__EXPECT_FIRST_BYTE)
        return on_first_byte(c, p, have);
    return on_message(c);
}
