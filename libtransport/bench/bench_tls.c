/* SPDX-License-Identifier: MIT */
/*
 * bench_tls.c -- heap that a server's idle TLS connection takes, without the stream below it; the
 * clients are another process.
 *
 *     bench: NAME value=V unit=U peer=NAME:V ratio=R goal=G ok|short
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <farhand/pki.h>
#include <farhand/tcp.h>

enum {
    COUNT = 400,
    ALL_GOAL = 6000,
    PACKAGED = 35300 /* bytes, an mbedtls_ssl_context in its usual use */
};

static uv_loop_t loop;
static int fds[COUNT][2];
static struct fh_stream *streams[COUNT];
static size_t opened;
static char root_key[FH_PKI_PEM], root[FH_PKI_PEM], key[FH_PKI_PEM], cert[FH_PKI_PEM];
static char chain[2 * FH_PKI_PEM];
static uint64_t heard;

static void fail(const char *what)
{
    fprintf(stderr, "bench_tls: %s\n", what);
    exit(EXIT_FAILURE);
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    heard += len;
    return len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    (void)user;
    (void)error;
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_done(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    if (error)
        fail(text);
    fh_stream_attach(s, &events, NULL);
    opened++;
}

static void make_pki(void)
{
    static const char *const names[] = {"cloud.example"};
    int64_t now = time(NULL);
    struct fh_pki_config r = {.name = "root", .not_before = now - 1, .not_after = now + 3600};
    struct fh_pki_config s = r;

    s.sans = names;
    s.sans_len = 1;
    if (fh_pki_key_new(root_key, sizeof root_key) != 0 || fh_pki_key_new(key, sizeof key) != 0 ||
        fh_pki_root_new(&r, root_key, root, sizeof root) != 0 ||
        fh_pki_issue(&s, key, root, root_key, cert, sizeof cert) != 0)
        fail("no certificates");
    (void)snprintf(chain, sizeof chain, "%s%s", cert, root);
}

static void open_streams(int side)
{
    struct fh_address who = {.family = FH_ADDRESS_UNIX, .uid = FH_ADDRESS_NO_UID};

    for (int i = 0; i < COUNT; i++) {
        close(fds[i][1 - side]);
        if (fh_tcp_open(&loop, fds[i][side], &who, NULL, &streams[i]) != 0)
            fail("no stream");
    }
}

static void start_all(struct fh_tls_context *ctx, const char *name)
{
    struct fh_tls_start_config cfg = {
        .name = name, .done = on_done, .handshake_ms = 600000, .hello_ms = 600000};

    for (int i = 0; i < COUNT; i++) {
        if (fh_tls_start(&loop, ctx, streams[i], &cfg, NULL) != 0)
            fail("no handshake");
        /* One after the other, so that none is measured in the midst of its handshake. */
        while (opened <= (size_t)i)
            uv_run(&loop, UV_RUN_ONCE);
    }
}

static _Noreturn void be_clients(void)
{
    struct fh_tls_client_config cfg = {.pins_len = 1, .max_fragment = 1024};
    struct fh_tls_context *ctx = NULL;
    struct fh_tls_pin pin;

    if (uv_loop_init(&loop) != 0 || fh_pki_pin(root, &pin) != 0)
        fail("client");
    cfg.pins = &pin;
    if (fh_tls_client_new(&cfg, &ctx) != 0)
        fail("client");
    open_streams(0);
    start_all(ctx, "cloud.example");
    uv_run(&loop, UV_RUN_DEFAULT);
    exit(EXIT_SUCCESS);
}

static size_t heap(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

int main(void)
{
    struct fh_tls_server_config cfg = {.cert_pem = chain, .key_pem = key};
    struct fh_tls_context *ctx = NULL;
    size_t empty, before;
    double each, all;
    pid_t pid;

    signal(SIGPIPE, SIG_IGN);
    make_pki();
    for (int i = 0; i < COUNT; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]) != 0)
            fail("no sockets");
    pid = fork();
    if (pid == 0)
        be_clients();
    if (pid < 0 || uv_loop_init(&loop) != 0 || fh_tls_server_new(&cfg, &ctx, NULL, 0) != 0)
        fail("server");
    empty = heap();
    open_streams(1);
    before = heap();
    start_all(ctx, NULL);
    each = (double)(heap() - before) / COUNT;
    all = (double)(heap() - empty) / COUNT;
    printf("bench: tls-idle-memory value=%.0f unit=bytes peer=mbedtls:%d ratio=%.2f goal=0.15 %s\n",
           each, PACKAGED, each / PACKAGED, each / PACKAGED <= 0.15 ? "ok" : "short");
    printf(
        "bench: tls-idle-memory-with-tcp value=%.0f unit=bytes peer=goal:%d ratio=%.2f goal=1 %s\n",
        all, ALL_GOAL, all / ALL_GOAL, all <= ALL_GOAL ? "ok" : "short");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return EXIT_SUCCESS;
}
