/* SPDX-License-Identifier: MIT */
/*
 * What a stream over signed datagrams costs: both ends in one thread, over the loopback interface,
 * in gigabits for each second of CPU time. Beside it TCP's stream in the same harness, and usrsctp
 * as it comes over plain UDP sockets. Then the memory of associations, and what idle ones cost.
 */
#define _GNU_SOURCE /* NOLINT: for sockets and clocks of <time.h> together */

#include <arpa/inet.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <farhand/sctp_uv.h>
#include <farhand/tcp.h>

#include "usrsctp_end.h"

enum { ROUNDS = 3, PIECE = 64 << 10 };
static const uint64_t AMOUNT = UINT64_C(384) << 20;

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double wall_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench loopback: %s\n", what);
    exit(1);
}

/* ---- streams --------------------------------------------------------------------------------- */

static uv_loop_t loop;
static struct fh_stream *ends[2];
static uint64_t sent, got;
static uint8_t piece[PIECE];
static int open_streams;

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    got += len;
    if (got >= AMOUNT)
        uv_stop(&loop);
    return len;
}

static void on_writable(void *user)
{
    int n;

    (void)user;
    while (sent < AMOUNT &&
           (n = fh_stream_write(ends[0], piece,
                                AMOUNT - sent < PIECE ? (size_t)(AMOUNT - sent) : PIECE)) > 0) {
        sent += (uint64_t)n;
        if (n < PIECE)
            break;
    }
}

static void on_end(void *user, int error)
{
    (void)user;
    if (error)
        fail(fh_transport_strerror(error));
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_closed(void *user)
{
    (void)user;
    open_streams--;
}

/* Gigabits for each second of CPU time, both ends. */
static double run_streams(void)
{
    double at;

    sent = got = 0;
    fh_stream_attach(ends[1], &events, NULL);
    fh_stream_attach(ends[0], &events, NULL);
    at = cpu_s();
    on_writable(NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    at = cpu_s() - at;
    open_streams = 2;
    fh_stream_close(ends[0], on_closed, NULL);
    fh_stream_close(ends[1], on_closed, NULL);
    while (open_streams > 0)
        uv_run(&loop, UV_RUN_ONCE);
    uv_run(&loop, UV_RUN_NOWAIT);
    ends[0] = ends[1] = NULL;
    return (double)AMOUNT * 8 / at / 1e9;
}

static void on_sctp(void *user, struct fh_stream *s, int error)
{
    if (error)
        fail(fh_transport_strerror(error));
    ends[(uintptr_t)user] = s;
    if (ends[0] && ends[1])
        uv_stop(&loop);
}

static struct fh_udp_config sctp_config(int end, bool encrypt)
{
    static const uint8_t secrets[2][32] = {{1}, {2}};
    struct fh_udp_config c;

    memset(&c, 0, sizeof c);
    c.start.sctp.side = end == 0 ? FH_SCTP_CONNECT : FH_SCTP_LISTEN;
    c.start.sctp.guard = (struct fh_guard_config){.tx_secret = secrets[end],
                                                  .rx_secret = secrets[1 - end],
                                                  .tx_index = (uint32_t)(2 - end),
                                                  .rx_index = (uint32_t)(1 + end),
                                                  .encrypt = encrypt};
    c.start.done = on_sctp;
    c.start.user = (void *)(uintptr_t)end;
    return c;
}

static struct fh_udp *start_end(int end, bool encrypt, const struct fh_address *peer)
{
    struct fh_udp_config c = sctp_config(end, encrypt);
    struct fh_address local;
    struct fh_udp *u;

    if (fh_address_parse_ip("127.0.0.1", 9, &local) != 0)
        fail("address");
    c.local = &local;
    c.peer = peer;
    if (fh_udp_start(&loop, &c, &u) != 0)
        fail("UDP");
    return u;
}

static double run_sctp(bool encrypt)
{
    struct fh_address at;

    fh_udp_address(start_end(1, encrypt, NULL), &at);
    start_end(0, encrypt, &at);
    uv_run(&loop, UV_RUN_DEFAULT);
    return run_streams();
}

static double run_tcp(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fds[2], door = socket(AF_INET, SOCK_STREAM, 0);
    struct fh_address peer;

    if (bind(door, (struct sockaddr *)&a, len) != 0 || listen(door, 1) != 0 ||
        getsockname(door, (struct sockaddr *)&a, &len) != 0)
        fail("TCP");
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fds[0], (struct sockaddr *)&a, len) != 0 || (fds[1] = accept(door, NULL, NULL)) < 0)
        fail("TCP");
    close(door);
    if (fh_address_parse_ip("127.0.0.1", 9, &peer) != 0)
        fail("address");
    for (int i = 0; i < 2; i++)
        if (fh_tcp_open(&loop, fds[i], &peer, NULL, &ends[i]) != 0)
            fail("TCP");
    return run_streams();
}

/* ---- usrsctp, as it comes -------------------------------------------------------------------- */

static int udp[2];
static struct sockaddr_in udp_at[2];

static void usr_send(void *user, const void *packet, size_t len)
{
    int end = (int)(uintptr_t)user;

    (void)sendto(udp[end], packet, len, MSG_DONTWAIT, (struct sockaddr *)&udp_at[1 - end],
                 sizeof udp_at[0]);
}

static void udp_pair(void)
{
    int len = 4 << 20;

    for (int i = 0; i < 2; i++) {
        socklen_t n = sizeof udp_at[i];

        udp[i] = socket(AF_INET, SOCK_DGRAM, 0);
        udp_at[i] =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        setsockopt(udp[i], SOL_SOCKET, SO_RCVBUF, &len, sizeof len);
        setsockopt(udp[i], SOL_SOCKET, SO_SNDBUF, &len, sizeof len);
        if (bind(udp[i], (struct sockaddr *)&udp_at[i], n) != 0 ||
            getsockname(udp[i], (struct sockaddr *)&udp_at[i], &n) != 0)
            fail("UDP");
    }
}

static void usr_turn(struct usr_end *e[2], double *ticked)
{
    struct pollfd p[2] = {{.fd = udp[0], .events = POLLIN}, {.fd = udp[1], .events = POLLIN}};
    double now;

    poll(p, 2, 1);
    for (int i = 0; i < 2; i++) {
        uint8_t packet[2048];
        ssize_t n;

        for (int k = 0; k < 32 && (n = recv(udp[i], packet, sizeof packet, MSG_DONTWAIT)) > 0; k++)
            usr_input(e[i], packet, (size_t)n);
    }
    now = wall_s();
    if (now - *ticked < 0.01)
        return;
    usrsctp_handle_timers((uint32_t)((now - *ticked) * 1000));
    *ticked = now;
}

static double run_usrsctp(void)
{
    struct usr_end *e[2];
    double at, ticked = wall_s(), began = ticked;
    uint64_t in = 0, out = 0;

    udp_pair();
    e[1] = usr_open(2, false, 1200 - 12, usr_send, (void *)1);
    e[0] = usr_open(1, true, 1200 - 12, usr_send, (void *)0);
    if (!e[0] || !e[1])
        fail("usrsctp");
    while (!e[1]->so && wall_s() - began < 5)
        usr_turn(e, &ticked);
    at = cpu_s();
    while (in < AMOUNT && wall_s() - began < 60) {
        uint8_t room[PIECE];
        ssize_t n;

        while (out < AMOUNT && (n = usr_write(e[0], piece, sizeof piece, 1, false)) > 0)
            out += (uint64_t)n;
        usr_turn(e, &ticked);
        while ((n = usr_read(e[1], room, sizeof room, NULL)) > 0)
            in += (uint64_t)n;
    }
    at = cpu_s() - at;
    usr_close(e[0]);
    usr_close(e[1]);
    close(udp[0]);
    close(udp[1]);
    return (double)in * 8 / at / 1e9;
}

/* ---- many that are idle ---------------------------------------------------------------------- */

enum { PAIRS = 100, IDLE_S = 5 };
static struct fh_stream *idle[2 * PAIRS];
static size_t idle_len;

static void on_idle(void *user, struct fh_stream *s, int error)
{
    (void)user;
    if (error)
        fail(fh_transport_strerror(error));
    idle[idle_len++] = s;
    fh_stream_attach(s, &events, NULL);
    if (idle_len == 2 * PAIRS)
        uv_stop(&loop);
}

static void start_idle_pair(void)
{
    struct fh_address local, at;
    struct fh_udp *u;

    (void)fh_address_parse_ip("127.0.0.1", 9, &local);
    for (int end = 1; end >= 0; end--) {
        struct fh_udp_config c = sctp_config(end, false);

        c.local = &local;
        c.peer = end == 0 ? &at : NULL;
        c.start.done = on_idle;
        if (fh_udp_start(&loop, &c, &u) != 0)
            fail("UDP");
        if (end == 1)
            fh_udp_address(u, &at);
    }
}

static double resident_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0, all;

    if (!f || fscanf(f, "%ld %ld", &all, &pages) != 2)
        fail("/proc/self/statm");
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static void on_stop(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* KiB for each association, and microseconds of CPU for each and second. */
static void run_idle(double *kib, double *us)
{
    double before = resident_kib(), at;
    uv_timer_t stop;

    for (int i = 0; i < PAIRS; i++)
        start_idle_pair();
    uv_run(&loop, UV_RUN_DEFAULT);
    *kib = (resident_kib() - before) / (2 * PAIRS);
    uv_timer_init(&loop, &stop);
    /* What the first probes for the size of datagrams cost is over after a second. */
    for (int i = 0; i < 2; i++) {
        uv_timer_start(&stop, on_stop, i == 0 ? 1000 : IDLE_S * 1000, 0);
        at = cpu_s();
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    *us = (cpu_s() - at) * 1e6 / IDLE_S / (2 * PAIRS);
    open_streams = 2 * PAIRS;
    for (size_t i = 0; i < 2 * PAIRS; i++)
        fh_stream_close(idle[i], on_closed, NULL);
    while (open_streams > 0)
        uv_run(&loop, UV_RUN_ONCE);
}

/* ---- report ---------------------------------------------------------------------------------- */

static void report(const char *name, double ours, const char *unit, const char *peer, double theirs,
                   double goal, bool higher)
{
    double ratio = theirs > 0 ? ours / theirs : 0;
    bool ok = higher ? ratio >= goal : ratio <= goal;

    printf("bench: %s value=%.2f unit=%s peer=%s:%.2f ratio=%.2f goal=%.2f %s\n", name, ours, unit,
           peer, theirs, ratio, goal, ok ? "ok" : "short");
}

static double best_of(double so_far, double now)
{
    return now > so_far ? now : so_far;
}

int main(void)
{
    double sctp = 0, sealed = 0, tcp = 0, usr = 0, kib, us;

    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    usr_begin(true);
    run_idle(&kib, &us);
    for (int i = 0; i < ROUNDS; i++) {
        sctp = best_of(sctp, run_sctp(false));
        sealed = best_of(sealed, run_sctp(true));
        tcp = best_of(tcp, run_tcp());
        usr = best_of(usr, run_usrsctp());
    }
    report("sctp-loopback", sctp, "Gbit/s-per-core", "goal", 1.5, 1, true);
    report("sctp-loopback", sctp, "Gbit/s-per-core", "usrsctp-stock", usr, 1.5, true);
    report("sctp-loopback", sctp, "Gbit/s-per-core", "kernel-tcp", tcp, 1, true);
    report("sctp-loopback-encrypted", sealed, "Gbit/s-per-core", "usrsctp-stock", usr, 1, true);
    report("sctp-memory", kib, "KiB-per-association", "usrsctp-2-streams", 8.5, 1, false);
    report("sctp-idle", us, "us-of-CPU-per-s-and-association", "0.01%", 100, 1, false);
    return 0;
}
