/* SPDX-License-Identifier: MIT */
/* What connections share: configuration, certificate, protocols. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/identity.h>

#include "tls_internal.h"

/* AEAD with an ephemeral key, no other. */
static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                             0};

#if MBEDTLS_VERSION_MAJOR < 3
static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
                                              MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};
static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512,
                             MBEDTLS_MD_NONE};
#else
static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
static const uint16_t signatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,       MBEDTLS_TLS1_3_SIG_NONE};
#endif

int fh__tls_random(void *user, unsigned char *out, size_t len)
{
    (void)user;
    return uv_random(NULL, NULL, out, len, 0, NULL) == 0 ? 0 : MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
}

int64_t fh__tls_time(const struct fh_tls_context *ctx)
{
    return ctx->clock ? ctx->clock(ctx->user) : (int64_t)time(NULL);
}

void fh__tls_credentials_unref(struct fh__tls_credentials *c)
{
    if (!c || --c->refs > 0)
        return;
    mbedtls_ssl_config_free(&c->conf);
    mbedtls_x509_crt_free(&c->chain);
    mbedtls_pk_free(&c->key);
    free(c);
}

static struct fh__tls_credentials *credentials_new(void)
{
    struct fh__tls_credentials *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->refs = 1;
    mbedtls_ssl_config_init(&c->conf);
    mbedtls_x509_crt_init(&c->chain);
    mbedtls_pk_init(&c->key);
    return c;
}

static void restrict_algorithms(mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_ciphersuites(conf, suites);
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    /* TLS 1.3 of mbedTLS 3 wants its PSA core initialised, which is global. */
    mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#if MBEDTLS_VERSION_MAJOR < 3
    mbedtls_ssl_conf_curves(conf, groups);
    mbedtls_ssl_conf_sig_hashes(conf, hashes);
#else
    mbedtls_ssl_conf_groups(conf, groups);
    mbedtls_ssl_conf_sig_algs(conf, signatures);
#endif
#ifdef MBEDTLS_SSL_RENEGOTIATION
    mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
    mbedtls_ssl_conf_legacy_renegotiation(conf, MBEDTLS_SSL_LEGACY_NO_RENEGOTIATION);
    mbedtls_ssl_conf_extended_master_secret(conf, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
}

static int fragment_code(uint16_t len)
{
    switch (len) {
    case 0:
        return MBEDTLS_SSL_MAX_FRAG_LEN_NONE;
    case 512:
        return MBEDTLS_SSL_MAX_FRAG_LEN_512;
    case 1024:
        return MBEDTLS_SSL_MAX_FRAG_LEN_1024;
    case 2048:
        return MBEDTLS_SSL_MAX_FRAG_LEN_2048;
    case 4096:
        return MBEDTLS_SSL_MAX_FRAG_LEN_4096;
    default:
        return -1;
    }
}

static int configure_side(struct fh_tls_context *ctx, mbedtls_ssl_config *conf)
{
    if (ctx->is_server) {
        mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_NONE);
        if (!ctx->no_tickets)
            mbedtls_ssl_conf_session_tickets_cb(conf, fh__tls_ticket_write, fh__tls_ticket_parse,
                                                ctx);
        return 0;
    }
    /* "Optional", since the roots are not known to mbedTLS: fh__tls_verify() refuses. */
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_session_tickets(conf, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
    return mbedtls_ssl_conf_max_frag_len(conf, (unsigned char)fragment_code(ctx->max_fragment));
}

static int configure(struct fh_tls_context *ctx, struct fh__tls_credentials *c)
{
    int side = ctx->is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
    int ret = mbedtls_ssl_config_defaults(&c->conf, side, MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT);

    if (ret != 0)
        return ret;
    restrict_algorithms(&c->conf);
    mbedtls_ssl_conf_rng(&c->conf, fh__tls_random, NULL);
    fh__tls_export_configure(c, ctx);
    ret = configure_side(ctx, &c->conf);
    if (ret == 0 && ctx->alpn[0])
        ret = mbedtls_ssl_conf_alpn_protocols(&c->conf, ctx->alpn);
    return ret;
}

static int explain(char *why, size_t room, int error, const char *text)
{
    size_t len = strlen(text);

    if (!why || room == 0)
        return error;
    if (len > room - 1)
        len = room - 1;
    memcpy(why, text, len);
    why[len] = '\0';
    return error;
}

int fh__tls_parse_key(mbedtls_pk_context *key, const char *pem)
{
    const unsigned char *text = (const unsigned char *)pem;

#if MBEDTLS_VERSION_MAJOR < 3
    return mbedtls_pk_parse_key(key, text, strlen(pem) + 1, NULL, 0);
#else
    return mbedtls_pk_parse_key(key, text, strlen(pem) + 1, NULL, 0, fh__tls_random, NULL);
#endif
}

/* A positive number of mbedTLS's counts those of a chain that were not understood. */
int fh__tls_parse_chain(mbedtls_x509_crt *chain, const char *pem)
{
    return mbedtls_x509_crt_parse(chain, (const unsigned char *)pem, strlen(pem) + 1);
}

int fh__tls_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *key)
{
#if MBEDTLS_VERSION_MAJOR < 3
    return mbedtls_pk_check_pair(pub, key);
#else
    return mbedtls_pk_check_pair(pub, key, fh__tls_random, NULL);
#endif
}

/* ---- a key that is elsewhere ---- */

static size_t elsewhere_len(void *user)
{
    const struct fh_tls_context *ctx = user;

    return ctx->sign_len;
}

/* RSA key exchange is in no suite of ours. */
#if MBEDTLS_VERSION_MAJOR < 3
static int elsewhere_decrypt(void *user, int mode, size_t *len, const unsigned char *in,
                             unsigned char *out, size_t room)
{
    (void)user, (void)mode, (void)len, (void)in, (void)out, (void)room;
    return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}

static int elsewhere_sign(void *user, int (*random)(void *, unsigned char *, size_t), void *r,
                          int mode, mbedtls_md_type_t md, unsigned int hash_len,
                          const unsigned char *hash, unsigned char *sig)
{
    struct fh_tls_context *ctx = user;

    (void)random, (void)r, (void)mode, (void)md; /* its length tells it */
    return ctx->sign(ctx->user, hash, hash_len, sig, ctx->sign_len) == 0
               ? 0
               : MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}
#else
static int elsewhere_decrypt(void *user, size_t *len, const unsigned char *in, unsigned char *out,
                             size_t room)
{
    (void)user, (void)len, (void)in, (void)out, (void)room;
    return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}

static int elsewhere_sign(void *user, int (*random)(void *, unsigned char *, size_t), void *r,
                          mbedtls_md_type_t md, unsigned int hash_len, const unsigned char *hash,
                          unsigned char *sig)
{
    struct fh_tls_context *ctx = user;

    (void)random, (void)r, (void)md;
    return ctx->sign(ctx->user, hash, hash_len, sig, ctx->sign_len) == 0
               ? 0
               : MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}
#endif

static int load_elsewhere(struct fh_tls_context *ctx, struct fh__tls_credentials *c,
                          const char *cert_pem, char *why, size_t room)
{
    if (!cert_pem || fh__tls_parse_chain(&c->chain, cert_pem) != 0)
        return explain(why, room, FH_TRANSPORT_E_INVAL, "the certificate cannot be understood");
    if (!mbedtls_pk_can_do(&c->chain.pk, MBEDTLS_PK_RSA))
        return explain(why, room, FH_TRANSPORT_E_INVAL, "the certificate is not one of RSA");
    ctx->sign_len = mbedtls_pk_get_len(&c->chain.pk);
    if (mbedtls_pk_setup_rsa_alt(&c->key, ctx, elsewhere_decrypt, elsewhere_sign, elsewhere_len) !=
            0 ||
        mbedtls_ssl_conf_own_cert(&c->conf, &c->chain, &c->key) != 0)
        return explain(why, room, FH_TRANSPORT_E_RESOURCES, "out of memory");
    return 0;
}

static int load(struct fh__tls_credentials *c, const char *cert_pem, const char *key_pem, char *why,
                size_t room)
{
    if (!cert_pem || !key_pem)
        return explain(why, room, FH_TRANSPORT_E_INVAL, "there is no certificate or no key");
    if (fh__tls_parse_chain(&c->chain, cert_pem) != 0)
        return explain(why, room, FH_TRANSPORT_E_INVAL, "the certificate cannot be understood");
    if (fh__tls_parse_key(&c->key, key_pem) != 0)
        return explain(why, room, FH_TRANSPORT_E_INVAL, "the private key cannot be understood");
    if (fh__tls_check_pair(&c->chain.pk, &c->key) != 0)
        return explain(why, room, FH_TRANSPORT_E_INVAL, "the private key is not the certificate's");
    if (mbedtls_ssl_conf_own_cert(&c->conf, &c->chain, &c->key) != 0)
        return explain(why, room, FH_TRANSPORT_E_RESOURCES, "out of memory");
    return 0;
}

int fh_tls_server_reload(struct fh_tls_context *ctx, const char *cert_pem, const char *key_pem,
                         char *why, size_t room)
{
    struct fh__tls_credentials *c;
    int ret;

    if (!ctx->is_server)
        return explain(why, room, FH_TRANSPORT_E_INVAL, "not the context of a server");
    c = credentials_new();
    if (!c || configure(ctx, c) != 0)
        ret = explain(why, room, FH_TRANSPORT_E_RESOURCES, "out of memory");
    else if (ctx->sign)
        ret = load_elsewhere(ctx, c, cert_pem, why, room);
    else
        ret = load(c, cert_pem, key_pem, why, room);
    if (ret != 0) {
        fh__tls_credentials_unref(c);
        return ret;
    }
    fh__tls_credentials_unref(ctx->now);
    ctx->now = c;
    return 0;
}

static int copy_alpn(struct fh_tls_context *ctx, const char *const *alpn, size_t len)
{
    if (len > FH_TLS_PROTOCOLS)
        return FH_TRANSPORT_E_INVAL;
    for (size_t i = 0; i < len; i++) {
        size_t n = strlen(alpn[i]);

        if (n == 0 || n >= FH_TLS_ALPN)
            return FH_TRANSPORT_E_INVAL;
        memcpy(ctx->alpn_text[i], alpn[i], n + 1);
        ctx->alpn[i] = ctx->alpn_text[i];
    }
    return 0;
}

int fh_tls_server_new(const struct fh_tls_server_config *cfg, struct fh_tls_context **out,
                      char *why, size_t room)
{
    struct fh_tls_context *ctx = calloc(1, sizeof *ctx);
    int ret;

    if (!ctx)
        return explain(why, room, FH_TRANSPORT_E_RESOURCES, "out of memory");
    ctx->refs = 1;
    fh__tls_cipher_open(ctx);
    ctx->is_server = true;
    ctx->no_tickets = cfg->no_tickets;
    ctx->require_ems = cfg->require_ems;
    ctx->clock = cfg->clock;
    ctx->sign = cfg->sign;
    ctx->user = cfg->user;
    ret = copy_alpn(ctx, cfg->alpn, cfg->alpn_len);
    if (ret != 0)
        explain(why, room, ret, "too many or too long names of protocols");
    else
        ret = fh_tls_server_reload(ctx, cfg->cert_pem, cfg->key_pem, why, room);
    if (ret != 0) {
        fh_tls_free(ctx);
        return ret;
    }
    *out = ctx;
    return 0;
}

int fh_tls_client_new(const struct fh_tls_client_config *cfg, struct fh_tls_context **out)
{
    struct fh_tls_context *ctx;
    int ret;

    if (cfg->pins_len > FH_TLS_PINS || (cfg->pins_len == 0) != cfg->trust_anybody ||
        fragment_code(cfg->max_fragment) < 0)
        return FH_TRANSPORT_E_INVAL;
    ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        return FH_TRANSPORT_E_RESOURCES;
    ctx->refs = 1;
    fh__tls_cipher_open(ctx);
    ctx->trust_anybody = cfg->trust_anybody;
    ctx->require_ems = !cfg->trust_anybody;
    ctx->max_fragment = cfg->max_fragment;
    ctx->clock = cfg->clock;
    ctx->user = cfg->user;
    ctx->pins_len = cfg->pins_len;
    if (cfg->pins_len > 0)
        memcpy(ctx->pins, cfg->pins, cfg->pins_len * sizeof *cfg->pins);
    ret = copy_alpn(ctx, cfg->alpn, cfg->alpn_len);
    if (ret == 0) {
        ctx->now = credentials_new();
        if (!ctx->now || configure(ctx, ctx->now) != 0)
            ret = FH_TRANSPORT_E_RESOURCES;
    }
    if (ret != 0) {
        fh_tls_free(ctx);
        return ret;
    }
    *out = ctx;
    return 0;
}

struct fh_tls_context *fh__tls_context_ref(struct fh_tls_context *ctx)
{
    ctx->refs++;
    return ctx;
}

void fh__tls_context_unref(struct fh_tls_context *ctx)
{
    if (!ctx || --ctx->refs > 0)
        return;
    fh__tls_credentials_unref(ctx->now);
    fh__tls_spares_free(ctx);
    fh__tls_cipher_close(ctx);
    fh_wipe(ctx->keys, sizeof ctx->keys);
    free(ctx);
}

void fh_tls_free(struct fh_tls_context *ctx)
{
    fh__tls_context_unref(ctx);
}

struct fh_tls_session *fh_tls_session_new(void)
{
    struct fh_tls_session *session = calloc(1, sizeof *session);

    if (session)
        mbedtls_ssl_session_init(&session->session);
    return session;
}

void fh_tls_session_free(struct fh_tls_session *session)
{
    if (!session)
        return;
    mbedtls_ssl_session_free(&session->session);
    free(session);
}
