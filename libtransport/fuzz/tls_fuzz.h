/* SPDX-License-Identifier: MIT */
/* tls_fuzz.h -- one side of TLS that hears what the fuzzer says. */
#ifndef FH_FUZZ_TLS_H
#define FH_FUZZ_TLS_H

#include <stdlib.h>

#include <farhand/pipe.h>
#include <farhand/pki.h>
#include <farhand/tls_uv.h>

static uv_loop_t loop;
static struct fh_tls_context *ctx;
static unsigned done;

#define NEED(ok) ((ok) ? (void)0 : abort())

static inline void make_context(bool is_server)
{
    static char root_key[FH_PKI_PEM], root[FH_PKI_PEM], key[FH_PKI_PEM], cert[FH_PKI_PEM];
    static const char *const names[] = {"cloud.example"};
    static const char *const alpn[] = {"vncb/1", "http/1.1"};
    struct fh_pki_config r = {.name = "root", .not_before = 0, .not_after = INT64_C(1) << 36};
    struct fh_pki_config s = r;
    struct fh_tls_pin pin;

    s.sans = names;
    s.sans_len = 1;
    NEED(uv_loop_init(&loop) == 0);
    NEED(fh_pki_key_new(root_key, sizeof root_key) == 0);
    NEED(fh_pki_key_new(key, sizeof key) == 0);
    NEED(fh_pki_root_new(&r, root_key, root, sizeof root) == 0);
    NEED(fh_pki_issue(&s, key, root, root_key, cert, sizeof cert) == 0);
    NEED(fh_pki_pin(root, &pin) == 0);
    if (is_server) {
        struct fh_tls_server_config cfg = {
            .cert_pem = cert, .key_pem = key, .alpn = alpn, .alpn_len = 2};

        NEED(fh_tls_server_new(&cfg, &ctx, NULL, 0) == 0);
    } else {
        struct fh_tls_client_config cfg = {
            .pins = &pin, .pins_len = 1, .alpn = alpn, .alpn_len = 2, .max_fragment = 1024};

        NEED(fh_tls_client_new(&cfg, &ctx) == 0);
    }
}

static size_t hear(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    return len;
}

static void ignore(void *user)
{
    (void)user;
}

static void ignore_end(void *user, int error)
{
    (void)user;
    (void)error;
}

static const struct fh_stream_events nobody = {.data = hear, .writable = ignore, .end = ignore_end};

static void on_done(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    (void)text;
    /* Nobody completes a handshake by chance. */
    NEED(!s && error);
    done++;
}

/* The first byte says in which pieces the rest arrives. */
static inline void hold_a_handshake(const uint8_t *data, size_t size, const char *name)
{
    struct fh_pipe *pipe = fh_pipe_new(NULL);
    struct fh_tls_start_config cfg = {.name = name, .done = on_done};
    size_t piece = size > 0 ? 1 + (size_t)data[0] * 8 : 1, at = 1;
    struct fh_stream *liar;

    NEED(pipe);
    liar = fh_pipe_end(pipe, 0);
    done = 0;
    fh_stream_attach(liar, &nobody, NULL);
    NEED(fh_tls_start(&loop, ctx, fh_pipe_end(pipe, 1), &cfg, NULL) == 0);
    while (at < size && !done) {
        size_t len = size - at < piece ? size - at : piece;
        int n = fh_stream_write(liar, data + at, len);

        at += n > 0 ? (size_t)n : len;
        uv_run(&loop, UV_RUN_NOWAIT);
        fh_pipe_run(pipe);
    }
    fh_stream_shutdown(liar);
    while (!done || uv_loop_alive(&loop)) {
        uv_run(&loop, UV_RUN_NOWAIT);
        fh_pipe_run(pipe);
    }
    fh_pipe_free(pipe);
}

#endif
