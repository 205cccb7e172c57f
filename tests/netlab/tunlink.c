/* SPDX-License-Identifier: MIT */
/*
 * tunlink -- a link between two network namespaces that delays, loses, limits and reorders packets.
 *
 *     tunlink NAMESPACE:DEVICE NAMESPACE:DEVICE [option]...
 *
 * Makes a TUN device in each namespace (as `ip netns` names them; "-" is the one it runs in) and
 * carries packets between the two. It says "ready" when both are there; addresses and routes are
 * the caller's. It ends when its standard input does, and then says what became of the packets.
 *
 * For kernels without netem. One thread, one poll; packets leave by a heap in order of their time,
 * which is kept to some tens of microseconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PACKET = 65536, MAX_QUEUED = 65536, BATCH = 64 };

struct packet {
    uint64_t at, seq; /* when it leaves, in ns */
    uint32_t len;
    uint8_t *data;
};

/* One direction. */
struct way {
    int in, out;
    struct packet *heap;
    size_t len;
    uint64_t seq, last, busy_until, rng;
    bool bad;
    uint64_t carried, lost, dropped, duplicated, late;
};

struct config {
    double delay_ms, jitter_ms, rate_mbit;
    double loss, to_bad, to_good, loss_bad, duplicate, reorder; /* per cent */
    double reorder_ms;
    uint32_t queue_bytes, mtu;
    uint64_t seed;
};

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "tunlink: %s%s%s: %s\n", what, which ? " " : "", which ? which : "",
            strerror(errno));
    exit(1);
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t ns(double ms)
{
    return (uint64_t)(ms * 1e6);
}

/* splitmix64: the same fate for the same seed and order. */
static double chance(struct way *w)
{
    uint64_t z = w->rng += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static bool happens(struct way *w, double per_cent)
{
    return per_cent > 0 && chance(w) * 100 < per_cent;
}

/* ---- devices -------------------------------------------------------------------------------- */

static void enter(const char *ns_name, int home)
{
    char path[256];
    int fd = home;

    if (strcmp(ns_name, "-") != 0) {
        snprintf(path, sizeof path, "/run/netns/%s", ns_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            fail("cannot open namespace", ns_name);
    }
    if (setns(fd, CLONE_NEWNET) != 0)
        fail("cannot enter namespace", ns_name);
    if (fd != home)
        close(fd);
}

static int open_tun(const char *where, int home)
{
    const char *colon = strchr(where, ':');
    char ns_name[128];
    struct ifreq req = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd;

    if (!colon || (size_t)(colon - where) >= sizeof ns_name || strlen(colon + 1) >= IFNAMSIZ) {
        fprintf(stderr, "tunlink: not NAMESPACE:DEVICE: %s\n", where);
        exit(2);
    }
    memcpy(ns_name, where, (size_t)(colon - where));
    ns_name[colon - where] = '\0';
    snprintf(req.ifr_name, sizeof req.ifr_name, "%s", colon + 1);
    enter(ns_name, home);
    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &req) != 0)
        fail("cannot make device", colon + 1);
    enter("-", home);
    return fd;
}

/* ---- packets -------------------------------------------------------------------------------- */

static bool before(const struct packet *a, const struct packet *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void push(struct way *w, struct packet p)
{
    size_t i = w->len++;

    p.seq = w->seq++;
    for (; i > 0 && before(&p, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = p;
}

static struct packet pop(struct way *w)
{
    struct packet top = w->heap[0], last = w->heap[--w->len];
    size_t i = 0;

    w->heap[w->len].data = NULL;
    for (size_t c; (c = 2 * i + 1) < w->len; i = c) {
        if (c + 1 < w->len && before(&w->heap[c + 1], &w->heap[c]))
            c++;
        if (!before(&w->heap[c], &last))
            break;
        w->heap[i] = w->heap[c];
    }
    if (w->len > 0)
        w->heap[i] = last;
    return top;
}

/* When its last byte has left a link of this rate; 0: the queue has no room. */
static uint64_t serialise(struct way *w, const struct config *c, uint64_t t, uint32_t len)
{
    uint64_t start = w->busy_until > t ? w->busy_until : t;
    double per_byte = 8000 / c->rate_mbit; /* ns */

    if (c->rate_mbit <= 0)
        return t;
    if ((double)(start - t) / per_byte + len > c->queue_bytes)
        return 0;
    w->busy_until = start + (uint64_t)(len * per_byte);
    return w->busy_until;
}

static bool loses(struct way *w, const struct config *c)
{
    if (happens(w, w->bad ? c->to_good : c->to_bad))
        w->bad = !w->bad;
    return happens(w, w->bad ? c->loss_bad : c->loss);
}

static void queue(struct way *w, const struct config *c, uint64_t left, const uint8_t *data,
                  uint32_t len)
{
    struct packet p = {.at = left + ns(c->delay_ms), .len = len};

    if (c->jitter_ms > 0)
        p.at += ns(chance(w) * c->jitter_ms);
    if (happens(w, c->reorder)) {
        p.at += ns(c->reorder_ms);
        w->late++;
    } else {
        if (p.at < w->last)
            p.at = w->last;
        w->last = p.at;
    }
    p.data = w->len < MAX_QUEUED ? malloc(len) : NULL;
    if (!p.data) {
        w->dropped++;
        return;
    }
    memcpy(p.data, data, len);
    push(w, p);
}

static void take(struct way *w, const struct config *c, uint64_t t, const uint8_t *data,
                 uint32_t len)
{
    uint64_t left;

    if (c->mtu && len > c->mtu) {
        w->dropped++;
        return;
    }
    left = serialise(w, c, t, len);
    if (left == 0) {
        w->dropped++;
        return;
    }
    if (loses(w, c)) {
        w->lost++;
        return;
    }
    queue(w, c, left, data, len);
    if (happens(w, c->duplicate)) {
        w->duplicated++;
        queue(w, c, left, data, len);
    }
}

static void receive(struct way *w, const struct config *c)
{
    static uint8_t buf[MAX_PACKET];

    for (int i = 0; i < BATCH; i++) {
        ssize_t n = read(w->in, buf, sizeof buf);

        if (n <= 0)
            return;
        take(w, c, now(), buf, (uint32_t)n);
    }
}

/* A device that is down or full loses the packet, as a cable would. */
static void deliver(struct way *w, uint64_t t)
{
    while (w->len > 0 && w->heap[0].at <= t) {
        struct packet p = pop(w);

        if (write(w->out, p.data, p.len) == (ssize_t)p.len)
            w->carried++;
        else
            w->dropped++;
        free(p.data);
    }
}

/* ---- running -------------------------------------------------------------------------------- */

static struct timespec until(const struct way w[2])
{
    uint64_t at = UINT64_MAX, t = now(), left;

    for (int i = 0; i < 2; i++)
        if (w[i].len > 0 && w[i].heap[0].at < at)
            at = w[i].heap[0].at;
    left = at == UINT64_MAX ? 3600000000000u : at > t ? at - t : 0;
    return (struct timespec){.tv_sec = (time_t)(left / 1000000000u),
                             .tv_nsec = (long)(left % 1000000000u)};
}

static void run(struct way w[2], const struct config *c)
{
    for (;;) {
        struct pollfd fds[] = {
            {w[0].in, POLLIN, 0}, {w[1].in, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        struct timespec left = until(w);

        if (ppoll(fds, 3, &left, NULL) < 0 && errno != EINTR)
            fail("cannot poll", NULL);
        for (int i = 0; i < 2; i++) {
            if (fds[i].revents & POLLIN)
                receive(&w[i], c);
            deliver(&w[i], now());
        }
        if (fds[2].revents) {
            char skipped[64];

            if (read(STDIN_FILENO, skipped, sizeof skipped) <= 0)
                return;
        }
    }
}

static void report(const char *name, const struct way *w)
{
    printf("%s carried %llu lost %llu dropped %llu duplicated %llu late %llu\n", name,
           (unsigned long long)w->carried, (unsigned long long)w->lost,
           (unsigned long long)w->dropped, (unsigned long long)w->duplicated,
           (unsigned long long)w->late);
}

/* ---- options -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t offset;
    const char *help;
} options[] = {
#define X(name, field, help)                                                                       \
    {                                                                                              \
        name, offsetof(struct config, field), help                                                 \
    }
    X("--delay", delay_ms, "milliseconds, each way"),
    X("--jitter", jitter_ms, "milliseconds added at random; order is kept"),
    X("--rate", rate_mbit, "megabits a second, each way"),
    X("--loss", loss, "per cent, of each packet"),
    X("--to-bad", to_bad, "per cent, from the good state to the bad (Gilbert-Elliott)"),
    X("--to-good", to_good, "per cent, from the bad state to the good"),
    X("--loss-bad", loss_bad, "per cent, in the bad state"),
    X("--duplicate", duplicate, "per cent"),
    X("--reorder", reorder, "per cent that come late"),
    X("--reorder-by", reorder_ms, "by so many milliseconds"),
#undef X
};

static void usage(FILE *to)
{
    fprintf(to, "usage: tunlink NAMESPACE:DEVICE NAMESPACE:DEVICE [OPTION NUMBER]...\n");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        fprintf(to, "  %-12s %s\n", options[i].name, options[i].help);
    fprintf(to, "  --queue      bytes behind the rate (65536)\n"
                "  --mtu        longer packets are dropped\n"
                "  --seed       of all chance (1)\n");
}

static bool number(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0;
}

static void parse(struct config *c, const char *name, const char *value)
{
    double v;

    if (!value || !number(value, &v)) {
        fprintf(stderr, "tunlink: %s needs a number\n", name);
        exit(2);
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(options[i].name, name) == 0) {
            memcpy((char *)c + options[i].offset, &v, sizeof v);
            return;
        }
    if (strcmp(name, "--queue") == 0)
        c->queue_bytes = (uint32_t)v;
    else if (strcmp(name, "--mtu") == 0)
        c->mtu = (uint32_t)v;
    else if (strcmp(name, "--seed") == 0)
        c->seed = (uint64_t)v;
    else {
        fprintf(stderr, "tunlink: unknown option %s\n", name);
        usage(stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct config c = {.queue_bytes = 65536, .seed = 1};
    struct way w[2] = {{.in = -1}, {.in = -1}};
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), a, b;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return 0;
    }
    if (argc < 3) {
        usage(stderr);
        return 2;
    }
    for (int i = 3; i < argc; i += 2)
        parse(&c, argv[i], argv[i + 1]);
    a = open_tun(argv[1], home);
    b = open_tun(argv[2], home);
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    for (int i = 0; i < 2; i++) {
        w[i].in = i ? b : a;
        w[i].out = i ? a : b;
        w[i].rng = c.seed * 2 + (uint64_t)i;
        w[i].heap = calloc(MAX_QUEUED, sizeof *w[i].heap);
        if (!w[i].heap)
            fail("no memory", NULL);
    }
    printf("ready\n");
    fflush(stdout);
    run(w, &c);
    report("forth", &w[0]);
    report("back", &w[1]);
    for (int i = 0; i < 2; i++) {
        while (w[i].len > 0)
            free(pop(&w[i]).data);
        free(w[i].heap);
    }
    return 0;
}
