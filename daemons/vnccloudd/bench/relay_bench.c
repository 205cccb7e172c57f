/* SPDX-License-Identifier: MIT */
/*
 * relay_bench.c -- the relay behind TLS, and STUN, as the service has them, and nothing else.
 *
 *     relay_bench DIR PAIRS
 *
 * Leaves cert.pem, key.pem and root.pem in DIR, prints "tls PORT", "udp PORT" and so many lines
 * "VIEWER SERVER", the hexadecimal of what the two ends of a pair say first. For each line on its
 * standard input it prints "heap BYTES PAIRS": what is allocated now. Ends with its input.
 */
#define _DEFAULT_SOURCE /* mallinfo2() */

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/pki.h>
#include <farhand/tcp.h>
#include <sodium.h>

#include "relay.h"
#include "stun.h"

static uv_loop_t loop;
static struct fh_tls_context *tls;
static struct fh__relay *relay;
static char cert[2 * FH_PKI_PEM], key[FH_PKI_PEM];

static void save(const char *dir, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (fh_pki_save(path, text, 0600) != 0)
        exit(1);
}

static void make_certificates(const char *dir)
{
    static const char *const sans[] = {"127.0.0.1"};
    static char root_key[FH_PKI_PEM], root[FH_PKI_PEM];
    int64_t now = time(NULL);
    struct fh_pki_config cfg = {
        .name = "bench", .not_before = now - 3600, .not_after = now + 86400};

    if (fh_pki_key_new(root_key, sizeof root_key) != 0 ||
        fh_pki_root_new(&cfg, root_key, root, sizeof root) != 0 ||
        fh_pki_key_new(key, sizeof key) != 0)
        exit(1);
    cfg.sans = sans;
    cfg.sans_len = 1;
    if (fh_pki_issue(&cfg, key, root, root_key, cert, FH_PKI_PEM) != 0)
        exit(1);
    strcat(cert, root);
    save(dir, "cert.pem", cert);
    save(dir, "key.pem", key);
    save(dir, "root.pem", root);
}

static void on_secure(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    (void)text;
    if (!error)
        fh__relay_accept(relay, s, NULL);
}

static void on_accept(void *user, struct fh_stream *s)
{
    struct fh_tls_start_config cfg = {.done = on_secure};

    (void)user;
    if (fh_tls_start(&loop, tls, s, &cfg, NULL) != 0)
        fh_stream_close(s, NULL, NULL);
}

static void print_pairs(const uint8_t *relay_key, int n)
{
    uint8_t hello[2 + FH__TICKET_LEN] = {1, FH__TICKET_LEN};
    char hex[2 * sizeof hello + 1];

    for (int i = 0; i < 2 * n; i++) {
        struct fh__ticket t = {.side = i % 2, .expires_ms = ((uint64_t)time(NULL) + 55) * 1000};
        int number = i / 2;

        memcpy(t.conn, &number, sizeof number);
        fh__ticket_make(relay_key, &t, hello + 2);
        sodium_bin2hex(hex, sizeof hex, hello, sizeof hello);
        printf("%s%s", hex, i % 2 ? "\n" : " ");
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char room[256];

    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void on_line(uv_stream_t *in, ssize_t n, const uv_buf_t *buf)
{
    struct fh__relay_counters c;

    (void)in;
    (void)buf;
    if (n < 0)
        exit(0);
    fh__relay_count(relay, &c);
    printf("heap %zu %u\n", mallinfo2().uordblks + mallinfo2().hblkhd, c.pairs);
    fflush(stdout);
}

static void listen_tls(void)
{
    static const char *const alpn[] = {"farhand-relay/1"}, *const where[] = {"127.0.0.1:0"};
    struct fh_tls_server_config server = {
        .cert_pem = cert, .key_pem = key, .alpn = alpn, .alpn_len = 1};
    struct fh_tcp_listen_config listen = {
        .addresses = where, .addresses_len = 1, .backlog = 4096, .accept = on_accept};
    struct fh_tcp_listener *listener;
    struct fh_address address;

    if (fh_tls_server_new(&server, &tls, NULL, 0) != 0 ||
        fh_tcp_listen(&loop, &listen, &listener, NULL, 0) != 0)
        exit(1);
    fh_tcp_listener_address(listener, 0, &address);
    printf("tls %u\n", address.port);
}

static void listen_udp(void)
{
    static const char *const where[] = {"127.0.0.1:0"};
    struct fh__stun_config cfg = {.addresses = where, .addresses_len = 1};
    struct fh_address address;
    struct fh__stun *stun;
    char why[200];

    if (fh__stun_open(&loop, &cfg, &stun, why, sizeof why) != 0)
        exit(1);
    fh__stun_address(stun, 0, &address);
    printf("udp %u\n", address.port);
}

int main(int argc, char **argv)
{
    struct fh__relay_config cfg = {.max_pairs = 100000,
                                   .max_account_pairs = 100000,
                                   .max_unproven = 100000,
                                   .max_waiting = 100000,
                                   .max_tickets = 1 << 18};
    uv_pipe_t in;

    if (argc != 3 || sodium_init() < 0 || uv_loop_init(&loop) != 0)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    randombytes_buf(cfg.key, sizeof cfg.key);
    make_certificates(argv[1]);
    relay = fh__relay_new(&loop, &cfg);
    if (!relay)
        return 1;
    listen_tls();
    listen_udp();
    print_pairs(cfg.key, atoi(argv[2]));
    fflush(stdout);
    uv_pipe_init(&loop, &in, 0);
    uv_pipe_open(&in, 0);
    uv_read_start((uv_stream_t *)&in, on_alloc, on_line);
    uv_run(&loop, UV_RUN_DEFAULT);
    return 0;
}
