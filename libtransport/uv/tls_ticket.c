/* SPDX-License-Identifier: MIT */
/*
 * Session tickets (RFC 5077) of a server: what it must know of a session, sealed for itself.
 *
 *     name[16]   which key
 *     iv[12]     random
 *     sealed     AES-256-GCM, the name is its additional data; inside:
 *                u8 version = 1, u8 1 if the session has the extended master secret,
 *                u64 when it was made (Unix seconds), mbedTLS's form of the session
 *     tag[16]
 */
#include "tls_internal.h" /* before any other of mbedTLS */

#include <string.h>

#include <mbedtls/gcm.h>

#include <farhand/identity.h>

#include "rd.h"
#include "wr.h"

enum {
    NAME_LEN = 16,
    IV_LEN = 12,
    TAG_LEN = 16,
    VERSION = 1,
    HEAD_LEN = 1 + 1 + 8,
    PLAIN_MAX = 512, /* a session without the peer's certificate has about 150 bytes */
    OPENS_S = FH__TLS_TICKET_LIFE + FH__TLS_TICKET_ROTATE,
    AHEAD_S = 300 /* how much another node's clock may be before ours */
};

static bool is_young(int64_t born, int64_t now, int64_t life)
{
    return born <= now + AHEAD_S && now - born < life;
}

/* Pushes a fresh key to the front, the oldest out. */
static int make_key(struct fh_tls_context *ctx, int64_t now)
{
    struct fh_tls_ticket_key fresh = {.born = now};
    int ret = fh__tls_random(NULL, fresh.name, sizeof fresh.name);

    if (ret == 0)
        ret = fh__tls_random(NULL, fresh.key, sizeof fresh.key);
    if (ret == 0) {
        memmove(&ctx->keys[1], &ctx->keys[0], (FH_TLS_TICKET_KEYS - 1) * sizeof ctx->keys[0]);
        ctx->keys[0] = fresh;
        if (ctx->keys_len < FH_TLS_TICKET_KEYS)
            ctx->keys_len++;
    }
    fh_wipe(&fresh, sizeof fresh);
    return ret;
}

/* The key that makes tickets now; NULL: there is none. */
static const struct fh_tls_ticket_key *maker(struct fh_tls_context *ctx, int64_t now)
{
    bool due = ctx->keys_len == 0 || !is_young(ctx->keys[0].born, now, FH__TLS_TICKET_ROTATE);

    if (due && !ctx->given_keys && make_key(ctx, now) != 0)
        return NULL;
    return ctx->keys_len > 0 && is_young(ctx->keys[0].born, now, FH__TLS_TICKET_LIFE)
               ? &ctx->keys[0]
               : NULL;
}

static const struct fh_tls_ticket_key *find(const struct fh_tls_context *ctx, const uint8_t *name,
                                            int64_t now)
{
    for (size_t i = 0; i < ctx->keys_len; i++)
        if (memcmp(ctx->keys[i].name, name, NAME_LEN) == 0)
            return is_young(ctx->keys[i].born, now, OPENS_S) ? &ctx->keys[i] : NULL;
    return NULL;
}

static int seal(const struct fh_tls_ticket_key *key, const uint8_t *plain, size_t len,
                uint8_t *ticket)
{
    uint8_t *iv = ticket + NAME_LEN, *sealed = iv + IV_LEN;
    mbedtls_gcm_context gcm;
    int ret;

    memcpy(ticket, key->name, NAME_LEN);
    mbedtls_gcm_init(&gcm);
    ret = fh__tls_random(NULL, iv, IV_LEN);
    if (ret == 0)
        ret = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key->key, 256);
    if (ret == 0)
        ret = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, len, iv, IV_LEN, ticket,
                                        NAME_LEN, plain, sealed, TAG_LEN, sealed + len);
    mbedtls_gcm_free(&gcm);
    return ret;
}

static int open_sealed(const struct fh_tls_ticket_key *key, const uint8_t *name, const uint8_t *iv,
                       const uint8_t *sealed, size_t len, uint8_t *plain)
{
    mbedtls_gcm_context gcm;
    int ret;

    mbedtls_gcm_init(&gcm);
    ret = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key->key, 256);
    if (ret == 0)
        ret = mbedtls_gcm_auth_decrypt(&gcm, len, iv, IV_LEN, name, NAME_LEN, sealed + len, TAG_LEN,
                                       sealed, plain);
    mbedtls_gcm_free(&gcm);
    return ret;
}

int fh__tls_ticket_write(void *user, const mbedtls_ssl_session *session, unsigned char *start,
                         const unsigned char *end, size_t *len, uint32_t *lifetime)
{
    struct fh_tls_context *ctx = user;
    int64_t now = fh__tls_time(ctx);
    const struct fh_tls_ticket_key *key = maker(ctx, now);
    uint8_t plain[PLAIN_MAX];
    struct wr w = wr_init(plain, HEAD_LEN);
    size_t saved = 0;
    int ret;

    if (!key || !ctx->busy)
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    wr_u8(&w, VERSION);
    wr_u8(&w, ctx->busy->hello.ems);
    wr_u64(&w, (uint64_t)now);
    ret = mbedtls_ssl_session_save(session, plain + HEAD_LEN, sizeof plain - HEAD_LEN, &saved);
    if (ret == 0 && (size_t)(end - start) < NAME_LEN + IV_LEN + HEAD_LEN + saved + TAG_LEN)
        ret = MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
    if (ret == 0)
        ret = seal(key, plain, HEAD_LEN + saved, start);
    if (ret == 0) {
        *len = NAME_LEN + IV_LEN + HEAD_LEN + saved + TAG_LEN;
        *lifetime = FH__TLS_TICKET_LIFE;
    }
    fh_wipe(plain, sizeof plain);
    return ret;
}

/* Whatever is wrong with a ticket: it does not open, and the handshake is a full one. */
int fh__tls_ticket_parse(void *user, mbedtls_ssl_session *session, unsigned char *buf, size_t len)
{
    struct fh_tls_context *ctx = user;
    int64_t now = fh__tls_time(ctx);
    struct rd r = rd_init(buf, len), in;
    const uint8_t *name = rd_bytes(&r, NAME_LEN), *iv = rd_bytes(&r, IV_LEN);
    size_t inside = r.left >= TAG_LEN ? r.left - TAG_LEN : 0;
    const struct fh_tls_ticket_key *key = r.bad ? NULL : find(ctx, name, now);
    uint8_t plain[PLAIN_MAX], version, ems;
    int64_t made;
    int ret = MBEDTLS_ERR_SSL_INVALID_MAC;

    if (!key || !ctx->busy || inside < HEAD_LEN || inside > sizeof plain ||
        open_sealed(key, name, iv, r.p, inside, plain) != 0)
        return ret;
    in = rd_init(plain, inside);
    version = rd_u8(&in);
    ems = rd_u8(&in);
    made = (int64_t)rd_u64(&in);
    /* RFC 7627 5.3: only with the same extended master secret, or the same lack of it. */
    if (version != VERSION || (ems != 0) != ctx->busy->hello.ems)
        ret = MBEDTLS_ERR_SSL_INVALID_MAC;
    else if (!is_young(made, now, FH__TLS_TICKET_LIFE))
        ret = MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
    else
        ret = mbedtls_ssl_session_load(session, in.p, in.left);
    fh_wipe(plain, sizeof plain);
    ctx->busy->resumes = ret == 0;
    return ret;
}

size_t fh_tls_ticket_keys(struct fh_tls_context *ctx, struct fh_tls_ticket_key out[3])
{
    (void)maker(ctx, fh__tls_time(ctx));
    memcpy(out, ctx->keys, ctx->keys_len * sizeof *out);
    return ctx->keys_len;
}

int fh_tls_set_ticket_keys(struct fh_tls_context *ctx, const struct fh_tls_ticket_key *keys,
                           size_t len)
{
    if (len > FH_TLS_TICKET_KEYS)
        return FH_TRANSPORT_E_INVAL;
    fh_wipe(ctx->keys, sizeof ctx->keys);
    if (len > 0)
        memcpy(ctx->keys, keys, len * sizeof *keys);
    ctx->keys_len = len;
    ctx->given_keys = len > 0;
    return 0;
}
