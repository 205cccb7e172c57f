/* SPDX-License-Identifier: MIT */
/* Key material for what runs inside (RFC 5705). */
#include <string.h>

#include <farhand/identity.h>

#include "tls_internal.h"
#include "wr.h"

static void note(struct fh__tls *t, const unsigned char *master, const unsigned char *client_random,
                 const unsigned char *server_random, mbedtls_tls_prf_types prf)
{
    memcpy(t->master, master, sizeof t->master);
    memcpy(t->randoms, client_random, FH__TLS_RANDOM);
    memcpy(t->randoms + FH__TLS_RANDOM, server_random, FH__TLS_RANDOM);
    t->prf = prf;
}

#if MBEDTLS_VERSION_MAJOR < 3

static int on_keys(void *user, const unsigned char *master, const unsigned char *block,
                   size_t mac_len, size_t key_len, size_t iv_len,
                   const unsigned char client_random[FH__TLS_RANDOM],
                   const unsigned char server_random[FH__TLS_RANDOM], mbedtls_tls_prf_types prf)
{
    struct fh_tls_context *ctx = user;

    (void)block;
    (void)mac_len;
    (void)key_len;
    (void)iv_len;
    if (ctx->busy)
        note(ctx->busy, master, client_random, server_random, prf);
    return 0;
}

void fh__tls_export_configure(struct fh__tls_credentials *c, struct fh_tls_context *ctx)
{
    mbedtls_ssl_conf_export_keys_ext_cb(&c->conf, on_keys, ctx);
}

void fh__tls_export_setup(struct fh__tls *t)
{
    (void)t;
}

#else

static void on_keys(void *user, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                    size_t len, const unsigned char client_random[FH__TLS_RANDOM],
                    const unsigned char server_random[FH__TLS_RANDOM], mbedtls_tls_prf_types prf)
{
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET && len == FH__TLS_MASTER)
        note(user, secret, client_random, server_random, prf);
}

void fh__tls_export_configure(struct fh__tls_credentials *c, struct fh_tls_context *ctx)
{
    (void)c;
    (void)ctx;
}

void fh__tls_export_setup(struct fh__tls *t)
{
    mbedtls_ssl_set_export_keys_cb(&t->ssl, on_keys, t);
}

#endif

enum { CONTEXT_MAX = 1024 };

int fh_tls_exporter(const struct fh_stream *s, const char *label, const uint8_t *context,
                    size_t context_len, uint8_t *out, size_t len)
{
    const struct fh__tls *t = (const struct fh__tls *)s;
    uint8_t seed[2 * FH__TLS_RANDOM + 2 + CONTEXT_MAX];
    struct wr w = wr_init(seed, sizeof seed);
    int ret;

    if (!fh__tls_is(s) || context_len > CONTEXT_MAX || len == 0 || len > FH_TLS_EXPORT_LEN)
        return FH_TRANSPORT_E_INVAL;
    if (!t->hello.ems)
        return FH_TRANSPORT_E_IDENTITY;
    wr_bytes(&w, t->randoms, sizeof t->randoms);
    if (context) {
        wr_u16(&w, (uint16_t)context_len);
        wr_bytes(&w, context, context_len);
    }
    ret = mbedtls_ssl_tls_prf(t->prf, t->master, sizeof t->master, label, seed, w.len, out, len);
    fh_wipe(seed, sizeof seed);
    return ret == 0 ? 0 : FH_TRANSPORT_E_RESOURCES;
}
