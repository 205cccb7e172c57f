/* SPDX-License-Identifier: MIT */
/*
 * bench_link.c -- what a link costs: records through a pair of sockets, without and with a link
 * between; and how long it takes from a cut until the first byte comes on another pair.
 *
 *     bench: NAME value=V unit=U peer=NAME:V ratio=R goal=G ok|short
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <farhand/link_uv.h>
#include <farhand/tcp.h>

enum { RECORD = 16404, RUNS = 5, CUTS = 200, BYTES = 512 << 20 };

static struct {
    uv_loop_t loop;
    struct fh_link_uv *link[2];
    struct fh_stream *top[2];
    struct fh_stream *below;
    struct fh_link_opening opening;
    uint64_t left, came;
    int fd; /* of the path that is cut */
    uint64_t cut_ns, times[CUTS];
    int cuts;
    bool is_accepting, is_cutting, is_done;
} b;

static uint8_t record[RECORD];

static void fail(const char *what)
{
    fprintf(stderr, "bench_link: %s\n", what);
    exit(EXIT_FAILURE);
}

/* A smaller ratio is better. */
static void report(const char *name, double value, const char *unit, const char *peer,
                   double peer_value, double goal)
{
    double ratio = value / peer_value;

    printf("bench: %s value=%.4g unit=%s peer=%s:%.4g ratio=%.3f goal=%.2f %s\n", name, value, unit,
           peer, peer_value, ratio, goal, ratio <= goal ? "ok" : "short");
}

static double cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void pair(struct fh_stream **client, struct fh_stream **server)
{
    struct fh_address here = {.family = FH_ADDRESS_UNIX};
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        fail("no sockets");
    b.fd = dup(fds[0]);
    if (fh_tcp_open(&b.loop, fds[0], &here, NULL, client) != 0 ||
        fh_tcp_open(&b.loop, fds[1], &here, NULL, server) != 0)
        fail("no streams");
}

/* ---- the server's end of a path ---- */

static size_t look(void *user, const uint8_t *data, size_t len)
{
    struct fh_link *l = fh_link_uv_link(b.link[1]);
    size_t taken;

    switch (fh_link_look(&b.opening, data, len, &taken)) {
    case FH_LINK_NEW:
        (void)fh_link_begin(l, user, &b.opening);
        break;
    case FH_LINK_RESUME:
        (void)fh_link_accept(l, user, &b.opening);
        break;
    default:
        break;
    }
    return taken;
}

static void nothing(void *user)
{
    (void)user;
}

static void no_end(void *user, int error)
{
    (void)user;
    (void)error;
}

static const struct fh_stream_events looking = {.data = look, .writable = nothing, .end = no_end};

static void attend(struct fh_stream *server)
{
    memset(&b.opening, 0, sizeof b.opening);
    fh_stream_attach(server, &looking, server);
}

/* ---- the ends ---- */

static void cut(void)
{
    b.cut_ns = uv_hrtime();
    shutdown(b.fd, SHUT_RDWR);
    close(b.fd);
}

static void come_back(void)
{
    struct fh_stream *client, *server;

    pair(&client, &server);
    attend(server);
    (void)fh_link_attach(fh_link_uv_link(b.link[0]), client, 0);
    (void)fh_stream_write(b.top[0], record, 64);
}

static void on_link(void *user, const struct fh_link_event *ev)
{
    if (user == &b.link[0] && ev->type == FH_LINK_EV_DETACHED)
        come_back();
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    b.came += len;
    if (b.is_cutting) {
        b.times[b.cuts++] = uv_hrtime() - b.cut_ns;
        b.is_done = b.cuts == CUTS;
        if (!b.is_done)
            cut();
    } else {
        b.is_done = b.came >= BYTES;
    }
    return len;
}

static void send_on(void *user)
{
    struct fh_stream *s = user;
    int n = RECORD;

    while (b.left > 0 && n == RECORD) {
        n = fh_stream_write(s, record, RECORD);
        if (n < 0)
            fail("the stream broke");
        b.left -= b.left < (uint64_t)n ? b.left : (uint64_t)n;
    }
}

static const struct fh_stream_events events = {.data = on_data, .writable = send_on, .end = no_end};

static void open_link(void)
{
    uint8_t key[FH_LINK_KEY_LEN] = {1}, ref[FH_LINK_REF_LEN] = {2};
    struct fh_stream *client, *server;

    for (int i = 0; i < 2; i++) {
        const struct fh_link_uv_config cfg = {
            .side = i ? FH_LINK_SERVER : FH_LINK_CLIENT, .event = on_link, .user = &b.link[i]};

        if (fh_link_uv_new(&b.loop, &cfg, &b.link[i]) != 0)
            fail("no link");
        fh_link_secure(fh_link_uv_link(b.link[i]), key, ref);
        b.top[i] = fh_link_stream(fh_link_uv_link(b.link[i]));
    }
    pair(&client, &server);
    attend(server);
    (void)fh_link_begin(fh_link_uv_link(b.link[0]), client, NULL);
}

static void run(void)
{
    b.is_done = false;
    while (!b.is_done)
        uv_run(&b.loop, UV_RUN_ONCE);
}

static void close_all(void)
{
    for (int i = 0; i < 2; i++)
        fh_stream_close(b.top[i], NULL, NULL);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    close(b.fd);
}

/* CPU seconds for each GiB, both ends together. */
static double transfer(bool has_link, double *seconds)
{
    double cpu;
    uint64_t began;

    b.came = 0;
    b.left = BYTES;
    b.is_cutting = false;
    if (has_link)
        open_link();
    else
        pair(&b.top[0], &b.top[1]);
    for (int i = 0; i < 2; i++)
        fh_stream_attach(b.top[i], &events, b.top[i]);
    cpu = cpu_s();
    began = uv_hrtime();
    send_on(b.top[0]);
    run();
    *seconds = (double)(uv_hrtime() - began) / 1e9;
    cpu = cpu_s() - cpu;
    close_all();
    return cpu * (1 << 30) / BYTES;
}

static int by_size(const void *x, const void *y)
{
    uint64_t p = *(const uint64_t *)x, q = *(const uint64_t *)y;

    return p < q ? -1 : p > q;
}

static void resume_times(void)
{
    open_link();
    for (int i = 0; i < 2; i++)
        fh_stream_attach(b.top[i], &events, b.top[i]);
    b.is_cutting = true;
    (void)fh_stream_write(b.top[0], record, 64);
    b.cut_ns = uv_hrtime();
    run();
    close_all();
    qsort(b.times, CUTS, sizeof b.times[0], by_size);
    report("link-resume", (double)b.times[CUTS / 2] / 1e6, "ms", "goal", 1, 1);
}

int main(void)
{
    double best[2] = {1e9, 1e9}, fastest[2] = {1e9, 1e9}, s;

    uv_loop_init(&b.loop);
    for (int run_of = 0; run_of < RUNS; run_of++)
        for (int has_link = 0; has_link < 2; has_link++) {
            double cpu = transfer(has_link, &s);

            best[has_link] = cpu < best[has_link] ? cpu : best[has_link];
            fastest[has_link] = s < fastest[has_link] ? s : fastest[has_link];
        }
    report("link-cpu", best[1], "s/GiB", "plain-stream", best[0], 2);
    report("link-time", fastest[1] * 1024 / (BYTES >> 20), "s/GiB", "plain-stream",
           fastest[0] * 1024 / (BYTES >> 20), 2);
    resume_times();
    uv_loop_close(&b.loop);
    return 0;
}
