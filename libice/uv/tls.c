/* SPDX-License-Identifier: MIT */
#include "tls.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <farhand/ice_error.h>

#include "uv_internal.h"

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

struct fh__tls {
    struct fh__tls_config cfg; /* its strings are not used after _new() */
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt ca;
    const uint8_t *in; /* not read yet; borrowed during fh__tls_input() */
    size_t in_len;
    int refused; /* what send() said */
    bool is_open;
};

static int rng(void *user, unsigned char *out, size_t len)
{
    fh__ice_random(user, out, len);
    return 0;
}

static int bio_send(void *user, const unsigned char *data, size_t len)
{
    struct fh__tls *t = user;
    int ret = t->cfg.send(t->cfg.user, data, len);

    if (ret == 0)
        return (int)len;
    t->refused = ret;
    return MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int bio_recv(void *user, unsigned char *out, size_t len)
{
    struct fh__tls *t = user;
    size_t n = len < t->in_len ? len : t->in_len;

    if (n == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(out, t->in, n);
    t->in += n;
    t->in_len -= n;
    return (int)n;
}

static int load_ca(struct fh__tls *t, const char *pem)
{
    int ret = pem ? mbedtls_x509_crt_parse(&t->ca, (const uint8_t *)pem, strlen(pem) + 1)
                  : mbedtls_x509_crt_parse_file(&t->ca, SYSTEM_CA);

    /* A positive number counts those of a bundle that were not understood. */
    return ret < 0 ? FH_ICE_E_INVAL : 0;
}

/* TLS 1.2 and no other: 1.3 of mbedTLS 3 would want its PSA core initialised, which is global. */
static int configure(struct fh__tls *t, const char *name)
{
    if (mbedtls_ssl_config_defaults(&t->conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return FH_ICE_E_RESOURCES;
    mbedtls_ssl_conf_min_version(&t->conf, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(&t->conf, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_authmode(&t->conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&t->conf, &t->ca, NULL);
    mbedtls_ssl_conf_rng(&t->conf, rng, NULL);
    if (mbedtls_ssl_setup(&t->ssl, &t->conf) != 0 || mbedtls_ssl_set_hostname(&t->ssl, name) != 0)
        return FH_ICE_E_RESOURCES;
    mbedtls_ssl_set_bio(&t->ssl, t, bio_send, bio_recv, NULL);
    return 0;
}

int fh__tls_new(const struct fh__tls_config *cfg, struct fh__tls **out)
{
    struct fh__tls *t = cfg->name && cfg->name[0] ? calloc(1, sizeof *t) : NULL;
    int ret;

    if (!t)
        return cfg->name && cfg->name[0] ? FH_ICE_E_RESOURCES : FH_ICE_E_INVAL;
    t->cfg = *cfg;
    mbedtls_ssl_init(&t->ssl);
    mbedtls_ssl_config_init(&t->conf);
    mbedtls_x509_crt_init(&t->ca);
    ret = load_ca(t, cfg->ca_pem);
    if (ret == 0)
        ret = configure(t, cfg->name);
    if (ret != 0) {
        fh__tls_free(t);
        return ret;
    }
    t->cfg.name = t->cfg.ca_pem = NULL;
    *out = t;
    return 0;
}

void fh__tls_free(struct fh__tls *t)
{
    if (!t)
        return;
    mbedtls_ssl_free(&t->ssl);
    mbedtls_ssl_config_free(&t->conf);
    mbedtls_x509_crt_free(&t->ca);
    free(t);
}

static int meaning(int ret)
{
    switch (ret) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        return 0;
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
        return FH_ICE_E_AUTH;
    case 0:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
    case MBEDTLS_ERR_SSL_CONN_EOF:
        return FH_ICE_E_LOST;
    default:
        return FH_ICE_E_PROTO;
    }
}

static int greet(struct fh__tls *t)
{
    int ret = mbedtls_ssl_handshake(&t->ssl);

    if (ret != 0)
        return t->refused ? t->refused : meaning(ret);
    t->is_open = true;
    t->cfg.opened(t->cfg.user);
    return 0;
}

int fh__tls_input(struct fh__tls *t, const uint8_t *data, size_t len)
{
    uint8_t plain[2048];
    int ret = 0;

    t->in = data;
    t->in_len = len;
    if (!t->is_open)
        ret = greet(t);
    while (ret == 0 && t->is_open) {
        int n = mbedtls_ssl_read(&t->ssl, plain, sizeof plain);

        if (n <= 0) {
            ret = meaning(n);
            break;
        }
        t->cfg.plain(t->cfg.user, plain, (size_t)n);
    }
    t->in = NULL;
    t->in_len = 0;
    return ret;
}

/*
 * A record that send() did not take leaves the rest of the stream without its key stream's place:
 * it is not written by halves, so the stream is over.
 */
int fh__tls_write(struct fh__tls *t, const uint8_t *data, size_t len)
{
    if (!t->is_open)
        return FH_ICE_E_STATE;
    while (len > 0) {
        int n = mbedtls_ssl_write(&t->ssl, data, len);

        if (n <= 0)
            return t->refused ? t->refused : FH_ICE_E_PROTO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}
