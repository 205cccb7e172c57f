/* SPDX-License-Identifier: MIT */
/* Records of an open connection: TLS 1.2 with AES-256-GCM, by libgcrypt. */
#include "tls_stream.h" /* before anything else of mbedTLS */

#include <stdlib.h>
#include <string.h>

#include <gcrypt.h>

#include <farhand/identity.h>

enum {
    BATCH = 4,    /* records that go down, or up, at once */
    IDLE_MAX = 8, /* records in a row that bring nothing; then it is an attack */
    WARNING = 1,
    FATAL = 2,
    CLOSE_NOTIFY = 0, /* alerts: RFC 5246 7.2 */
    UNEXPECTED_MESSAGE = 10,
    BAD_RECORD_MAC = 20,
    RECORD_OVERFLOW = 22,
    TAG_LEN = 16,
    NO_RENEGOTIATION = 100
};

#define GCRYPT_VERSION_LEAST "1.8.0"

/* Each is used within one call. Where one connection runs inside another, such a call is made
 * within such a call, and finds that its thread's are taken. */
static _Thread_local uint8_t sealed[BATCH * FH__TLS_RECORD_MAX];
static _Thread_local uint8_t opened[BATCH * FH__TLS_PLAIN];
static _Thread_local bool is_sealing; /* and the stream below reads from `sealed` */
static _Thread_local bool is_lent;    /* `opened`, to an owner */

/* ---- one record -------------------------------------------------------------------------------
 */

static void put_number(uint8_t out[8], uint64_t number)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(number >> (56 - 8 * i));
}

/* RFC 5246 6.2.3.3: number, type, version and the length of what is inside. */
static void make_aad(uint8_t aad[13], uint64_t number, const uint8_t head[3], size_t len)
{
    put_number(aad, number);
    memcpy(aad + 8, head, 3);
    aad[11] = (uint8_t)(len >> 8);
    aad[12] = (uint8_t)len;
}

/* The context's cipher serves one connection after the other: its keys are set for each turn, which
 * takes less than sealing the shortest record. */
static bool set_key(struct fh__tls *t, const struct fh__tls_direction *d)
{
    return gcry_cipher_setkey(t->ctx->cipher, d->key, sizeof d->key) == 0;
}

static bool begin(gcry_cipher_hd_t cipher, const struct fh__tls_direction *d, const uint8_t *sent,
                  const uint8_t head[3], size_t len)
{
    uint8_t aad[13], nonce[12];

    make_aad(aad, d->number, head, len);
    memcpy(nonce, d->salt, sizeof d->salt);
    memcpy(nonce + 4, sent, 8);
    return gcry_cipher_setiv(cipher, nonce, sizeof nonce) == 0 &&
           gcry_cipher_authenticate(cipher, aad, sizeof aad) == 0;
}

/* One record of len <= 16384 plain bytes at out, FH__TLS_RECORD_MAX there; its length, or 0. */
static size_t seal(struct fh__tls *t, uint8_t type, const uint8_t *data, size_t len, uint8_t *out)
{
    struct fh__tls_direction *d = &t->records.out;
    gcry_cipher_hd_t cipher = t->ctx->cipher;
    size_t body = len + FH__TLS_RECORD_MORE;
    uint8_t *at = out + FH__TLS_RECORD_HEAD;

    out[0] = type;
    out[1] = out[2] = 3;
    out[3] = (uint8_t)(body >> 8);
    out[4] = (uint8_t)body;
    put_number(at, d->number);
    if (!begin(cipher, d, at, out, len) ||
        gcry_cipher_encrypt(cipher, at + 8, len, data, len) != 0 ||
        gcry_cipher_gettag(cipher, at + 8 + len, TAG_LEN) != 0)
        return 0;
    d->number++;
    return FH__TLS_RECORD_HEAD + body;
}

/* A whole record, with a length that was checked. How many plain bytes are at out; -1. */
static int open_record(struct fh__tls *t, const uint8_t *record, size_t len, uint8_t *out)
{
    size_t plain = len - FH__TLS_RECORD_HEAD - FH__TLS_RECORD_MORE;
    const uint8_t *at = record + FH__TLS_RECORD_HEAD;
    struct fh__tls_direction *d = &t->records.in;
    gcry_cipher_hd_t cipher = t->ctx->cipher;

    if (!begin(cipher, d, at, record, plain) ||
        gcry_cipher_decrypt(cipher, out, plain, at + 8, plain) != 0 ||
        gcry_cipher_checktag(cipher, at + 8 + plain, TAG_LEN) != 0) {
        fh_wipe(out, plain);
        return -1;
    }
    d->number++;
    return (int)plain;
}

/* ---- taking over ------------------------------------------------------------------------------
 */

static bool is_ours(const struct fh__tls *t)
{
    const mbedtls_ssl_context *ssl = &t->ssl;

    if (!t->ctx->cipher || !ssl->session)
        return false;
    /* Nothing of the next record is with mbedTLS already. */
    if (ssl->in_left != 0 || ssl->in_offt || ssl->out_left != 0 || ssl->keep_current_message != 0)
        return false;
    return ssl->session->ciphersuite == MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ||
           ssl->session->ciphersuite == MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384;
}

static uint64_t get_number(const uint8_t *in)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | in[i];
    return number;
}

/* RFC 5246 6.3: the key block of a suite that has no MAC keys. */
static int derive(const struct fh__tls *t, uint8_t block[2 * FH__TLS_RECORD_KEYS])
{
    uint8_t seed[2 * FH__TLS_RANDOM];

    memcpy(seed, t->randoms + FH__TLS_RANDOM, FH__TLS_RANDOM);
    memcpy(seed + FH__TLS_RANDOM, t->randoms, FH__TLS_RANDOM);
    return mbedtls_ssl_tls_prf(t->prf, t->master, sizeof t->master, "key expansion", seed,
                               sizeof seed, block, 2 * FH__TLS_RECORD_KEYS);
}

bool fh__tls_records_begin(struct fh__tls *t, uint16_t max_fragment)
{
    struct fh__tls_records *r = &t->records;
    struct fh__tls_direction *client = t->ctx->is_server ? &r->in : &r->out;
    struct fh__tls_direction *server = t->ctx->is_server ? &r->out : &r->in;
    uint8_t block[2 * FH__TLS_RECORD_KEYS];

    if (!is_ours(t) || derive(t, block) != 0)
        return false;
    memcpy(client->key, block, 32);
    memcpy(server->key, block + 32, 32);
    memcpy(client->salt, block + 64, 4);
    memcpy(server->salt, block + 68, 4);
    fh_wipe(block, sizeof block);
    r->out.number = get_number(t->ssl.cur_out_ctr);
    r->in.number = get_number(t->ssl.in_ctr);
    r->max_fragment = max_fragment;
    r->fragment = max_fragment ? max_fragment : FH__TLS_PLAIN;
    r->version = mbedtls_ssl_get_version(&t->ssl);
    r->suite = mbedtls_ssl_get_ciphersuite(&t->ssl);
    r->alpn = mbedtls_ssl_get_alpn_protocol(&t->ssl);
    fh__tls_park(t); /* its buffers are good for the next handshake */
    mbedtls_ssl_free(&t->ssl);
    mbedtls_ssl_init(&t->ssl);
    r->is_on = true;
    return true;
}

void fh__tls_records_finish(struct fh__tls_records *r)
{
    free(r->part);
    fh_wipe(r, sizeof *r);
}

/* ---- sending ----------------------------------------------------------------------------------
 */

/* Some records at once. Returns how many of the len >= 1 plain bytes are in them. */
static size_t write_batch(struct fh__tls *t, const uint8_t *data, size_t len, uint8_t *out)
{
    struct fh__tls_records *r = &t->records;
    size_t n = 0, taken = 0;

    if (!set_key(t, &r->out))
        t->send_error = FH_TRANSPORT_E_RESOURCES;
    for (int i = 0; i < BATCH && taken < len && !t->send_error; i++) {
        size_t part = len - taken < r->fragment ? len - taken : r->fragment;
        size_t sealed_len = seal(t, FH__TLS_DATA, data + taken, part, out + n);

        if (sealed_len == 0)
            t->send_error = FH_TRANSPORT_E_RESOURCES;
        n += sealed_len;
        taken += part;
    }
    if (!t->send_error)
        (void)fh__tls_bio_send(t, out, n);
    return taken;
}

int fh__tls_records_write(struct fh__tls *t, const uint8_t *data, size_t len)
{
    bool is_outside = is_sealing;
    uint8_t *out = is_outside ? malloc(sizeof sealed) : sealed;
    size_t taken = 0;

    if (!out)
        return FH_TRANSPORT_E_RESOURCES;
    is_sealing = true;
    while (taken < len && t->held_len == 0 && !t->send_error)
        taken += write_batch(t, data + taken, len - taken, out);
    is_sealing = is_outside;
    if (is_outside)
        free(out);
    return t->send_error ? t->send_error : (int)taken;
}

static void say(struct fh__tls *t, uint8_t level, uint8_t alert)
{
    const uint8_t body[2] = {level, alert};
    uint8_t record[FH__TLS_RECORD_HEAD + sizeof body + FH__TLS_RECORD_MORE];
    size_t n = set_key(t, &t->records.out) ? seal(t, FH__TLS_ALERT, body, sizeof body, record) : 0;

    if (n > 0)
        (void)fh__tls_bio_send(t, record, n);
}

void fh__tls_records_goodbye(struct fh__tls *t)
{
    say(t, WARNING, CLOSE_NOTIFY);
}

static void break_off(struct fh__tls *t, uint8_t alert)
{
    say(t, FATAL, alert);
    fh__tls_end(t, t->send_error ? t->send_error : FH_TRANSPORT_E_PROTO);
}

/* ---- receiving --------------------------------------------------------------------------------
 */

/* The length of a record by its head; 0: there is no such record. */
static size_t record_len(struct fh__tls *t, const uint8_t *head)
{
    size_t body = (size_t)head[3] << 8 | head[4];

    if (head[1] != 3 || head[2] != 3 || body < FH__TLS_RECORD_MORE) {
        break_off(t, UNEXPECTED_MESSAGE);
        return 0;
    }
    if (body > FH__TLS_PLAIN + FH__TLS_RECORD_MORE) {
        break_off(t, RECORD_OVERFLOW);
        return 0;
    }
    return FH__TLS_RECORD_HEAD + body;
}

static void take(struct fh__tls *t, uint8_t *to, size_t len)
{
    memcpy(to, t->in, len);
    t->in += len;
    t->in_len -= len;
}

/* Goes on with a record of which some was here before. NULL: it is still not whole, or it broke. */
static const uint8_t *take_part(struct fh__tls *t, size_t *len)
{
    struct fh__tls_records *r = &t->records;
    size_t n = FH__TLS_RECORD_HEAD - (size_t)r->head_len;

    if (!r->part) {
        n = n < t->in_len ? n : t->in_len;
        take(t, r->head + r->head_len, n);
        r->head_len = (uint8_t)(r->head_len + n);
        if (r->head_len < FH__TLS_RECORD_HEAD || (*len = record_len(t, r->head)) == 0)
            return NULL;
        r->part = malloc(*len);
        if (!r->part) {
            fh__tls_end(t, FH_TRANSPORT_E_RESOURCES);
            return NULL;
        }
        memcpy(r->part, r->head, FH__TLS_RECORD_HEAD);
        r->part_len = FH__TLS_RECORD_HEAD;
    }
    *len = FH__TLS_RECORD_HEAD + ((size_t)r->head[3] << 8 | r->head[4]);
    n = *len - r->part_len < t->in_len ? *len - r->part_len : t->in_len;
    take(t, r->part + r->part_len, n);
    r->part_len += n;
    return r->part_len == *len ? r->part : NULL;
}

/* The next whole record, where it lies; NULL: there is none. */
static const uint8_t *next_record(struct fh__tls *t, size_t *len)
{
    const uint8_t *record = t->in;

    if (t->in_len == 0)
        return NULL;
    if (t->records.head_len == 0 && t->in_len >= FH__TLS_RECORD_HEAD) {
        if ((*len = record_len(t, record)) == 0)
            return NULL;
        if (t->in_len >= *len) {
            t->in += *len;
            t->in_len -= *len;
            return record;
        }
    }
    return take_part(t, len);
}

static void drop_part(struct fh__tls_records *r)
{
    free(r->part);
    r->part = NULL;
    r->part_len = 0;
    r->head_len = 0;
}

/* What is no data. */
static void hear(struct fh__tls *t, uint8_t type, const uint8_t *body, int len)
{
    if (type == FH__TLS_ALERT && len == 2) {
        if (body[1] == CLOSE_NOTIFY)
            fh__tls_end(t, 0);
        else if (body[0] == FATAL)
            fh__tls_end(t, FH_TRANSPORT_E_PROTO);
    } else if (type == FH__TLS_HANDSHAKE_RECORD) {
        say(t, WARNING, NO_RENEGOTIATION);
        if (t->send_error)
            fh__tls_end(t, t->send_error);
    } else {
        break_off(t, UNEXPECTED_MESSAGE);
    }
}

/* Returns how many bytes of data are at out. */
static size_t read_one(struct fh__tls *t, const uint8_t *record, size_t len, uint8_t *out)
{
    struct fh__tls_records *r = &t->records;
    int n = open_record(t, record, len, out);
    uint8_t type = record[0];

    drop_part(r);
    if (n < 0) {
        break_off(t, BAD_RECORD_MAC);
        return 0;
    }
    if (type == FH__TLS_DATA && n > 0) {
        r->idle = 0;
        return (size_t)n;
    }
    if (++r->idle > IDLE_MAX)
        break_off(t, UNEXPECTED_MESSAGE);
    else if (type != FH__TLS_DATA)
        hear(t, type, out, n);
    return 0;
}

/* As many records as there are and fit. Returns how many bytes of data are at out. */
static size_t read_batch(struct fh__tls *t, uint8_t *out)
{
    const uint8_t *record;
    size_t n = 0, len = 0;

    if (!set_key(t, &t->records.in))
        fh__tls_end(t, FH_TRANSPORT_E_RESOURCES);
    while (!t->over && n + FH__TLS_PLAIN <= sizeof opened &&
           (record = next_record(t, &len)) != NULL) {
        bool is_data = record[0] == FH__TLS_DATA;

        n += read_one(t, record, len, out + n);
        /* An answer may have set the other direction's key. */
        if (!is_data && !set_key(t, &t->records.in))
            fh__tls_end(t, FH_TRANSPORT_E_RESOURCES);
    }
    return n;
}

bool fh__tls_records_read(struct fh__tls *t)
{
    bool is_inside = is_lent;
    uint8_t *out = is_inside ? malloc(sizeof opened) : opened;
    size_t n = out ? read_batch(t, out) : 0;

    if (!out)
        fh__tls_end(t, FH_TRANSPORT_E_RESOURCES);
    if (n > 0) {
        is_lent = true;
        if (!fh__tls_give(t, out, n))
            fh__tls_end(t, FH_TRANSPORT_E_RESOURCES);
        is_lent = is_inside;
        fh_wipe(out, n);
    }
    if (is_inside)
        free(out);
    return n > 0;
}

/* ---- the cipher -------------------------------------------------------------------------------
 */

void fh__tls_cipher_open(struct fh_tls_context *ctx)
{
    ctx->cipher = NULL;
    if (!gcry_check_version(GCRYPT_VERSION_LEAST))
        return;
    /* Whoever initialised it before has said what he wants. No random numbers and no locked pages
     * are asked of it here. */
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
    if (gcry_cipher_open(&ctx->cipher, GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_GCM, 0) != 0)
        ctx->cipher = NULL;
}

void fh__tls_cipher_close(struct fh_tls_context *ctx)
{
    gcry_cipher_close(ctx->cipher);
}
