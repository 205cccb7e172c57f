/* SPDX-License-Identifier: MIT */
/*
 * The record buffers, 2 x 16 KiB and a little, are needed while there is a record in them. Between
 * records all that matters in them is the counter of what arrived. So at rest they are given back
 * to the context, which lends them to the next connection that is busy, and the pointers into them
 * are kept as distances. docs/adr/0015-tls-between-streams.md says why, and on what it stands.
 */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/platform.h>

#include <farhand/identity.h>

#include "tls_internal.h"

/* As mbedTLS allocates them without MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH. */
#if MBEDTLS_VERSION_MAJOR < 3 && !defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) &&                   \
    !defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
#include <mbedtls/ssl_internal.h>
#define CAN_PARK
#endif

#ifdef CAN_PARK

static void free_buffers(struct fh__tls_buffers *b)
{
    mbedtls_free(b->in);
    mbedtls_free(b->out);
    b->in = b->out = NULL;
}

static int get_buffers(struct fh_tls_context *ctx, struct fh__tls_buffers *out)
{
    if (ctx->spares > 0) {
        *out = ctx->spare[--ctx->spares];
        return 0;
    }
    out->in = mbedtls_calloc(1, MBEDTLS_SSL_IN_BUFFER_LEN);
    out->out = mbedtls_calloc(1, MBEDTLS_SSL_OUT_BUFFER_LEN);
    if (out->in && out->out)
        return 0;
    free_buffers(out);
    return FH_TRANSPORT_E_RESOURCES;
}

static bool is_at_rest(const struct fh__tls *t)
{
    const mbedtls_ssl_context *ssl = &t->ssl;

    return t->phase == FH__TLS_OPEN && ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER &&
           !ssl->handshake && ssl->in_left == 0 && !ssl->in_offt && ssl->in_hslen == 0 &&
           ssl->keep_current_message == 0 && ssl->out_left == 0;
}

/* The library that runs is the one whose header says how the buffers lie. */
static bool is_same_library(void)
{
    return mbedtls_version_get_number() >> 16 == MBEDTLS_VERSION_NUMBER >> 16;
}

void fh__tls_park(struct fh__tls *t)
{
    mbedtls_ssl_context *ssl = &t->ssl;
    struct fh__tls_parked *p = &t->park;
    struct fh__tls_buffers b = {.in = ssl->in_buf, .out = ssl->out_buf};
    unsigned char *in[] = {ssl->in_ctr, ssl->in_hdr, ssl->in_len, ssl->in_iv, ssl->in_msg};
    unsigned char *out[] = {ssl->out_ctr, ssl->out_hdr, ssl->out_len, ssl->out_iv, ssl->out_msg};

    if (t->parked || !is_at_rest(t) || !is_same_library())
        return;
    for (int i = 0; i < 5; i++) {
        p->in[i] = (uint16_t)(in[i] - b.in);
        p->out[i] = (uint16_t)(out[i] - b.out);
    }
    memcpy(p->in_counter, ssl->in_ctr, sizeof p->in_counter);
    ssl->in_buf = ssl->out_buf = NULL;
    t->parked = true;
    /* What one connection said is nothing for the next. */
    fh_wipe(b.in, MBEDTLS_SSL_IN_BUFFER_LEN);
    fh_wipe(b.out, MBEDTLS_SSL_OUT_BUFFER_LEN);
    if (t->ctx->spares < FH__TLS_SPARE)
        t->ctx->spare[t->ctx->spares++] = b;
    else
        free_buffers(&b);
}

int fh__tls_unpark(struct fh__tls *t)
{
    mbedtls_ssl_context *ssl = &t->ssl;
    const struct fh__tls_parked *p = &t->park;
    struct fh__tls_buffers b;
    int ret;

    if (!t->parked)
        return 0;
    ret = get_buffers(t->ctx, &b);
    if (ret != 0)
        return ret;
    ssl->in_buf = b.in;
    ssl->in_ctr = b.in + p->in[0];
    ssl->in_hdr = b.in + p->in[1];
    ssl->in_len = b.in + p->in[2];
    ssl->in_iv = b.in + p->in[3];
    ssl->in_msg = b.in + p->in[4];
    memcpy(ssl->in_ctr, p->in_counter, sizeof p->in_counter);
    ssl->out_buf = b.out;
    ssl->out_ctr = b.out + p->out[0];
    ssl->out_hdr = b.out + p->out[1];
    ssl->out_len = b.out + p->out[2];
    ssl->out_iv = b.out + p->out[3];
    ssl->out_msg = b.out + p->out[4];
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
