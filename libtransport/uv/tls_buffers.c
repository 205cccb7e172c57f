/* SPDX-License-Identifier: MIT */
/*
 * The record buffers, 2 x 16 KiB and a little, are needed while there is a record in them. Between
 * records all that matters in them is the counter of what arrived. So at rest they are given back
 * to the context, which lends them to the next connection that is busy, and the pointers into them
 * are kept as distances. docs/adr/0015-tls-between-streams.md says why, and on what it stands.
 */
#include "tls_internal.h" /* before any other of mbedTLS */

#include <string.h>

#include <mbedtls/platform.h>

#include <farhand/identity.h>

/* There the library makes them smaller itself, each as it was agreed. */
#if !defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) && MBEDTLS_VERSION_MAJOR < 4

/* What points into a buffer: the record's counter first, its contents last. */
enum { POINTERS = 6 };
struct pointers {
    unsigned char **at[POINTERS];
};

static struct pointers in_pointers(mbedtls_ssl_context *ssl)
{
    return (struct pointers){{&ssl->in_ctr, &ssl->in_hdr, &ssl->in_len, &ssl->in_iv,
#ifdef MBEDTLS_SSL_DTLS_CONNECTION_ID
                              &ssl->in_cid,
#else
                              &ssl->in_iv,
#endif
                              &ssl->in_msg}};
}

static struct pointers out_pointers(mbedtls_ssl_context *ssl)
{
    return (struct pointers){{&ssl->out_ctr, &ssl->out_hdr, &ssl->out_len, &ssl->out_iv,
#ifdef MBEDTLS_SSL_DTLS_CONNECTION_ID
                              &ssl->out_cid,
#else
                              &ssl->out_iv,
#endif
                              &ssl->out_msg}};
}

/* What one connection said is nothing for the next. */
static void lift(const struct pointers *p, unsigned char *buffer, size_t content_len,
                 uint16_t distance[POINTERS])
{
    for (int i = 0; i < POINTERS; i++)
        distance[i] = (uint16_t)(*p->at[i] - buffer);
    fh_wipe(buffer, (size_t)distance[POINTERS - 1] + content_len);
}

static void put_down(const struct pointers *p, unsigned char *buffer,
                     const uint16_t distance[POINTERS])
{
    for (int i = 0; i < POINTERS; i++)
        *p->at[i] = buffer + distance[i];
}

static struct fh__tls_buffers take_from(mbedtls_ssl_context *ssl)
{
    struct fh__tls_buffers b = {.in = ssl->in_buf, .out = ssl->out_buf};

    ssl->in_buf = ssl->out_buf = NULL;
    return b;
}

/* Only the library knows how long they are: another connection gives up those it was made with. */
static int get_buffers(struct fh__tls *t, struct fh__tls_buffers *out)
{
    mbedtls_ssl_context ssl;
    int ret;

    if (t->ctx->spares > 0) {
        *out = t->ctx->spare[--t->ctx->spares];
        return 0;
    }
    mbedtls_ssl_init(&ssl);
    ret = mbedtls_ssl_setup(&ssl, &t->credentials->conf);
    if (ret == 0)
        *out = take_from(&ssl);
    mbedtls_ssl_free(&ssl);
    return ret == 0 ? 0 : FH_TRANSPORT_E_RESOURCES;
}

static void free_buffers(struct fh__tls_buffers *b)
{
    mbedtls_free(b->in);
    mbedtls_free(b->out);
    b->in = b->out = NULL;
}

static bool is_at_rest(const struct fh__tls *t)
{
    const mbedtls_ssl_context *ssl = &t->ssl;

    return t->phase == FH__TLS_OPEN && ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER &&
           !ssl->handshake && ssl->in_left == 0 && !ssl->in_offt && ssl->in_hslen == 0 &&
           ssl->keep_current_message == 0 && ssl->out_left == 0;
}

/* The library that runs is the one whose header says where the pointers are. */
static bool is_same_library(void)
{
    return mbedtls_version_get_number() >> 16 == MBEDTLS_VERSION_NUMBER >> 16;
}

void fh__tls_park(struct fh__tls *t)
{
    struct pointers in = in_pointers(&t->ssl), out = out_pointers(&t->ssl);
    struct fh__tls_buffers b;

    if (t->parked || !is_at_rest(t) || !is_same_library())
        return;
    memcpy(t->park.in_counter, t->ssl.in_ctr, sizeof t->park.in_counter);
    b = take_from(&t->ssl);
    lift(&in, b.in, MBEDTLS_SSL_IN_CONTENT_LEN, t->park.in);
    lift(&out, b.out, MBEDTLS_SSL_OUT_CONTENT_LEN, t->park.out);
    t->parked = true;
    if (t->ctx->spares < FH__TLS_SPARE)
        t->ctx->spare[t->ctx->spares++] = b;
    else
        free_buffers(&b);
}

int fh__tls_unpark(struct fh__tls *t)
{
    struct pointers in = in_pointers(&t->ssl), out = out_pointers(&t->ssl);
    struct fh__tls_buffers b;
    int ret;

    if (!t->parked)
        return 0;
    ret = get_buffers(t, &b);
    if (ret != 0)
        return ret;
    t->ssl.in_buf = b.in;
    t->ssl.out_buf = b.out;
    put_down(&in, b.in, t->park.in);
    put_down(&out, b.out, t->park.out);
    memcpy(t->ssl.in_ctr, t->park.in_counter, sizeof t->park.in_counter);
    t->parked = false;
    return 0;
}

void fh__tls_spares_free(struct fh_tls_context *ctx)
{
    while (ctx->spares > 0)
        free_buffers(&ctx->spare[--ctx->spares]);
}

#else

void fh__tls_park(struct fh__tls *t)
{
    (void)t;
}

int fh__tls_unpark(struct fh__tls *t)
{
    (void)t;
    return 0;
}

void fh__tls_spares_free(struct fh_tls_context *ctx)
{
    (void)ctx;
}

#endif
