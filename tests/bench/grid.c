/* SPDX-License-Identifier: MIT */
/*
 * Streams over a link of 100 Mbit/s with delay and loss, between two network namespaces: ours, and
 * beside it the kernel's TCP with CUBIC and BBR, and usrsctp as it comes. The link is a pair of TUN
 * devices with a program between them: rate, delay, a queue of one round trip, random loss; the
 * same for all.
 *
 *     grid [SECONDS [RTT_MS LOSS_PERMILLE]]      each cell so long; one cell alone
 *
 * A figure is megabits of payload a second, from a connected stream on, without its first second.
 * Then the age of bytes when they are read, of a stream that always has something to send.
 * Without the right to make namespaces it says so, and that is all.
 */
#define _GNU_SOURCE /* NOLINT: for unshare() and ppoll() */

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <farhand/sctp_uv.h>

#include "usrsctp_end.h"

enum { PORT = 5001, BLOCK = 1024, AGES = 1 << 16, QUEUE = 1 << 14, PACKET = 1600 };
enum carrier { OURS, CUBIC, BBR, USRSCTP, CARRIERS, BESIDE_CUBIC };
static const char *const names[CARRIERS] = {"ours", "cubic", "bbr", "usrsctp"};

struct task {
    enum carrier carrier;
    bool receives;
    double seconds;
};

struct outcome {
    double mbit; /* after the first second */
    double age_p50_ms, age_p99_ms;
    double other_mbit; /* of the one beside it */
    int ok;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench grid: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- what both ends of a stream do ----------------------------------------------------------- */

/* The sender stamps each block when it is taken; the receiver looks how old it is. */
static struct {
    uint8_t block[BLOCK];
    size_t at;
} writer;

static struct {
    uint8_t stamp[sizeof(double)];
    uint64_t got, early;
    double began, until;
    float ages[AGES];
    size_t ages_len;
} reader;

static const uint8_t *next_bytes(size_t *len)
{
    double now;

    if (writer.at == 0) {
        now = now_s();
        memcpy(writer.block, &now, sizeof now);
    }
    *len = BLOCK - writer.at;
    return writer.block + writer.at;
}

static void wrote(size_t len)
{
    writer.at = (writer.at + len) % BLOCK;
}

static void note_age(double now)
{
    double stamp;

    memcpy(&stamp, reader.stamp, sizeof stamp);
    if (now - reader.began > 1 && reader.ages_len < AGES)
        reader.ages[reader.ages_len++] = (float)((now - stamp) * 1000);
}

static void read_bytes(const uint8_t *data, size_t len)
{
    double now = now_s();

    if (reader.began == 0)
        reader.began = now;
    for (size_t i = 0; i < len;) {
        size_t in_block = (size_t)((reader.got + i) % BLOCK);

        if (in_block < sizeof reader.stamp) {
            reader.stamp[in_block] = data[i++];
            if (in_block + 1 == sizeof reader.stamp)
                note_age(now);
        } else {
            i += BLOCK - in_block < len - i ? BLOCK - in_block : len - i;
        }
    }
    reader.got += len;
    if (now - reader.began <= 1)
        reader.early = reader.got;
}

static bool time_is_over(const struct task *t)
{
    return now_s() > reader.until || (reader.began != 0 && now_s() - reader.began > t->seconds);
}

static int by_age(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

static struct outcome sum_up(const struct task *t)
{
    struct outcome o = {.ok = 1};

    o.mbit = (double)(reader.got - reader.early) * 8 / 1e6 / (t->seconds - 1);
    qsort(reader.ages, reader.ages_len, sizeof *reader.ages, by_age);
    if (reader.ages_len > 0) {
        o.age_p50_ms = reader.ages[reader.ages_len / 2];
        o.age_p99_ms = reader.ages[reader.ages_len * 99 / 100];
    }
    return o;
}

static struct sockaddr_in address_of(bool receiver)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};

    a.sin_addr.s_addr = htonl(receiver ? 0x0a090002 : 0x0a090001);
    return a;
}

/* ---- ours ------------------------------------------------------------------------------------ */

static uv_loop_t loop;
static struct fh_stream *stream;

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    read_bytes(data, len);
    return len;
}

static void on_writable(void *user)
{
    const uint8_t *data;
    size_t len;
    int n;

    (void)user;
    do {
        data = next_bytes(&len);
        n = fh_stream_write(stream, data, len);
        wrote(n > 0 ? (size_t)n : 0);
    } while (n == (int)len);
}

static void on_end(void *user, int error)
{
    (void)user;
    (void)error;
    uv_stop(&loop);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_open(void *user, struct fh_stream *s, int error)
{
    const struct task *t = user;

    if (error)
        fail(fh_transport_strerror(error));
    stream = s;
    fh_stream_attach(s, &events, NULL);
    if (!t->receives)
        on_writable(NULL);
}

static void on_check(uv_timer_t *timer)
{
    if (time_is_over(timer->data))
        uv_stop(timer->loop);
}

static void run_ours(struct task *t)
{
    static const uint8_t secrets[2][32] = {{1}, {2}};
    struct fh_address local, peer;
    struct fh_udp_config c;
    struct fh_udp *u;
    uv_timer_t check;

    memset(&c, 0, sizeof c);
    (void)fh_address_parse_ip(t->receives ? "10.9.0.2" : "10.9.0.1", 8, &local);
    (void)fh_address_parse_ip(t->receives ? "10.9.0.1" : "10.9.0.2", 8, &peer);
    local.port = peer.port = PORT;
    c.local = &local;
    c.peer = &peer;
    c.start.sctp.side = t->receives ? FH_SCTP_LISTEN : FH_SCTP_CONNECT;
    c.start.sctp.guard = (struct fh_guard_config){.tx_secret = secrets[t->receives],
                                                  .rx_secret = secrets[!t->receives]};
    c.start.done = on_open;
    c.start.user = t;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &check);
    check.data = t;
    uv_timer_start(&check, on_check, 100, 100);
    if (fh_udp_start(&loop, &c, &u) != 0)
        fail("UDP");
    uv_run(&loop, UV_RUN_DEFAULT);
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static void run_tcp(struct task *t)
{
    struct sockaddr_in a = address_of(true);
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    const char *cc = names[t->carrier];

    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)) != 0)
        fail(cc);
    if (t->receives) {
        int door = s;

        if (bind(door, (struct sockaddr *)&a, sizeof a) != 0 || listen(door, 1) != 0)
            fail("listen");
        s = accept(door, NULL, NULL);
        close(door);
    } else {
        while (connect(s, (struct sockaddr *)&a, sizeof a) != 0) {
            if (errno != ECONNREFUSED)
                fail("connect");
            close(s);
            poll(NULL, 0, 20);
            s = socket(AF_INET, SOCK_STREAM, 0);
            setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc));
        }
    }
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (!time_is_over(t)) {
        static uint8_t room[1 << 16];
        struct pollfd p = {.fd = s, .events = t->receives ? POLLIN : POLLOUT};
        ssize_t n;

        poll(&p, 1, 100);
        if (t->receives) {
            while ((n = recv(s, room, sizeof room, MSG_DONTWAIT)) > 0)
                read_bytes(room, (size_t)n);
            if (n == 0)
                break;
        } else {
            size_t len;
            const uint8_t *data = next_bytes(&len);

            while ((n = send(s, data, len, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
                wrote((size_t)n);
                data = next_bytes(&len);
            }
            if (n < 0 && errno != EAGAIN)
                break;
        }
    }
    close(s);
}

/* ---- usrsctp --------------------------------------------------------------------------------- */

static int usr_fd;

static void usr_send(void *user, const void *packet, size_t len)
{
    (void)user;
    (void)send(usr_fd, packet, len, MSG_DONTWAIT);
}

static void usr_turn(struct usr_end *e, double *ticked)
{
    struct pollfd p = {.fd = usr_fd, .events = POLLIN};
    uint8_t packet[2048];
    ssize_t n;

    poll(&p, 1, 2);
    for (int i = 0; i < 64 && (n = recv(usr_fd, packet, sizeof packet, MSG_DONTWAIT)) > 0; i++)
        usr_input(e, packet, (size_t)n);
    if (now_s() - *ticked < 0.01)
        return;
    usrsctp_handle_timers((uint32_t)((now_s() - *ticked) * 1000));
    *ticked = now_s();
}

static void run_usrsctp(struct task *t)
{
    struct sockaddr_in local = address_of(t->receives), peer = address_of(!t->receives);
    double ticked = now_s();
    struct usr_end *e;

    usr_fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(usr_fd, (struct sockaddr *)&local, sizeof local) != 0 ||
        connect(usr_fd, (struct sockaddr *)&peer, sizeof peer) != 0)
        fail("UDP");
    usr_begin(true);
    if (!t->receives)
        poll(NULL, 0, 100); /* the other end must listen */
    e = usr_open(1, !t->receives, 1472 - 12, usr_send, NULL);
    if (!e)
        fail("usrsctp");
    while (!time_is_over(t)) {
        static uint8_t room[1 << 16];
        const uint8_t *data;
        size_t len;
        ssize_t n;

        usr_turn(e, &ticked);
        if (!e->so)
            continue;
        while (t->receives && (n = usr_read(e, room, sizeof room, NULL)) > 0)
            read_bytes(room, (size_t)n);
        while (!t->receives) {
            data = next_bytes(&len);
            if ((n = usr_write(e, data, len, 1, false)) <= 0)
                break;
            wrote((size_t)n);
        }
    }
}

/* ---- one end, in its namespace --------------------------------------------------------------- */

static struct outcome run_alone(struct task *t)
{
    /* Who sends does not hear of the end, and does not stay much longer. */
    reader.until = now_s() + t->seconds + (t->receives ? 10 : 2);
    if (t->carrier == OURS)
        run_ours(t);
    else if (t->carrier == USRSCTP)
        run_usrsctp(t);
    else
        run_tcp(t);
    return sum_up(t);
}

/* Ours, and in a process beside it CUBIC. */
static struct outcome run_beside(struct task *t)
{
    struct outcome o, other = {.ok = 0};
    int ends[2];

    if (pipe(ends) != 0)
        fail("pipe");
    if (fork() == 0) {
        t->carrier = CUBIC;
        o = run_alone(t);
        _exit(write(ends[1], &o, sizeof o) != sizeof o);
    }
    t->carrier = OURS;
    o = run_alone(t);
    close(ends[1]);
    if (read(ends[0], &other, sizeof other) != sizeof other)
        other.ok = 0;
    o.other_mbit = other.mbit;
    return o;
}

static void run_task(struct task *t, int answer)
{
    struct outcome o = t->carrier == BESIDE_CUBIC ? run_beside(t) : run_alone(t);

    if (write(answer, &o, sizeof o) != sizeof o)
        fail("answer");
    _exit(0);
}

static int make_tun(bool receiver)
{
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    struct sockaddr_in a = address_of(receiver);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK), s = socket(AF_INET, SOCK_DGRAM, 0);

    memcpy(r.ifr_name, "link", 5);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &r) != 0)
        return -1;
    memcpy(&r.ifr_addr, &a, sizeof a);
    if (ioctl(s, SIOCSIFADDR, &r) != 0)
        return -1;
    a.sin_addr.s_addr = htonl(0xffffff00);
    memcpy(&r.ifr_netmask, &a, sizeof a);
    if (ioctl(s, SIOCSIFNETMASK, &r) != 0)
        return -1;
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(s, SIOCSIFFLAGS, &r) != 0)
        return -1;
    close(s);
    return fd;
}

static void pass_fd(int to, int fd)
{
    char byte = fd >= 0;
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    memset(&control, 0, sizeof control);
    if (fd >= 0) {
        struct cmsghdr *c;

        m.msg_control = control.room;
        m.msg_controllen = sizeof control.room;
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    if (sendmsg(to, &m, 0) != 1)
        fail("sendmsg");
}

static int take_fd(int from)
{
    char byte = 0;
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    int fd = -1;

    if (recvmsg(from, &m, 0) == 1 && byte && CMSG_FIRSTHDR(&m))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

/* Makes its namespace and device, then runs what it is told, each in a process of its own. */
static void be_end(bool receiver, int control)
{
    struct task t;

    if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0)
        pass_fd(control, -1);
    else
        pass_fd(control, make_tun(receiver));
    while (read(control, &t, sizeof t) == sizeof t) {
        pid_t pid = fork();
        int status;

        if (pid == 0)
            run_task(&t, control);
        if (waitpid(pid, &status, 0) != pid || status != 0) {
            struct outcome none = {.ok = 0};

            if (write(control, &none, sizeof none) != sizeof none)
                break;
        }
    }
    _exit(0);
}

/* ---- the link -------------------------------------------------------------------------------- */

struct direction {
    struct {
        double at;
        size_t len;
        uint8_t bytes[PACKET];
    } queue[QUEUE];
    size_t first, len;
    double busy_until;
    int in, out;
};

static struct {
    double bytes_per_s, delay, queue_bytes, loss;
    uint64_t seed;
    struct direction way[2];
} net;

static bool chance(double p)
{
    net.seed ^= net.seed << 13;
    net.seed ^= net.seed >> 7;
    net.seed ^= net.seed << 17;
    return (double)(net.seed >> 11) / 9007199254740992.0 < p;
}

static void enter(struct direction *d, const uint8_t *bytes, size_t len, double now)
{
    double depart = d->busy_until > now ? d->busy_until : now;
    size_t i = (d->first + d->len) % QUEUE;

    if (d->len == QUEUE || chance(net.loss) || (depart - now) * net.bytes_per_s > net.queue_bytes)
        return;
    d->busy_until = depart + (double)len / net.bytes_per_s;
    d->queue[i].at = d->busy_until + net.delay;
    d->queue[i].len = len;
    memcpy(d->queue[i].bytes, bytes, len);
    d->len++;
}

static double leave(struct direction *d, double now)
{
    while (d->len > 0 && d->queue[d->first].at <= now) {
        (void)!write(d->out, d->queue[d->first].bytes, d->queue[d->first].len);
        d->first = (d->first + 1) % QUEUE;
        d->len--;
    }
    return d->len > 0 ? d->queue[d->first].at : now + 1;
}

static void turn_link(const int controls[2])
{
    struct pollfd p[4] = {{.fd = net.way[0].in, .events = POLLIN},
                          {.fd = net.way[1].in, .events = POLLIN},
                          {.fd = controls[0], .events = POLLIN},
                          {.fd = controls[1], .events = POLLIN}};
    double now = now_s(), next = now + 1;
    struct timespec wait;

    for (int i = 0; i < 2; i++) {
        double at = leave(&net.way[i], now);

        next = at < next ? at : next;
    }
    now = now_s();
    wait.tv_sec = 0;
    wait.tv_nsec = next > now ? (long)((next - now) * 999999999.0) : 0;
    ppoll(p, 4, &wait, NULL);
    for (int i = 0; i < 2; i++) {
        uint8_t bytes[PACKET];
        ssize_t n;

        while ((n = read(net.way[i].in, bytes, sizeof bytes)) > 0)
            enter(&net.way[i], bytes, (size_t)n, now_s());
    }
}

static void set_link(double mbit, double rtt_ms, double loss)
{
    net.bytes_per_s = mbit * 1e6 / 8;
    net.delay = rtt_ms / 2000;
    net.queue_bytes = net.bytes_per_s * (rtt_ms > 0 ? rtt_ms : 10) / 1000;
    net.loss = loss;
    net.seed = UINT64_C(0x1234567) + (uint64_t)(rtt_ms * 7 + loss * 1000);
    for (int i = 0; i < 2; i++) {
        net.way[i].len = 0;
        net.way[i].busy_until = 0;
    }
}

static struct outcome run(const int controls[2], enum carrier carrier, double seconds)
{
    struct outcome o[2] = {{.ok = 0}, {.ok = 0}};
    bool answered[2] = {false, false};

    for (int i = 1; i >= 0; i--) {
        struct task t = {.carrier = carrier, .receives = i == 1, .seconds = seconds};

        if (write(controls[i], &t, sizeof t) != sizeof t)
            fail("control");
    }
    while (!answered[0] || !answered[1]) {
        turn_link(controls);
        for (int i = 0; i < 2; i++)
            if (!answered[i] && recv(controls[i], &o[i], sizeof o[i], MSG_DONTWAIT) == sizeof o[i])
                answered[i] = true;
    }
    return o[1];
}

/* ---- report ---------------------------------------------------------------------------------- */

static void report(const char *name, double ours, const char *unit, const char *peer, double theirs,
                   double goal, bool higher)
{
    /* A peer that got nothing through is beaten. */
    double ratio = theirs > 0 ? ours / theirs : higher ? 99.99 : 0;

    printf("bench: %s value=%.1f unit=%s peer=%s:%.1f ratio=%.2f goal=%.2f %s\n", name, ours, unit,
           peer, theirs, ratio, goal, (higher ? ratio >= goal : ratio <= goal) ? "ok" : "short");
    fflush(stdout);
}

static void run_cell(const int controls[2], double rtt_ms, double permille, double seconds)
{
    struct outcome o[CARRIERS];
    char name[64];

    for (int i = 0; i < CARRIERS; i++) {
        set_link(100, rtt_ms, permille / 1000);
        o[i] = run(controls, (enum carrier)i, seconds);
    }
    snprintf(name, sizeof name, "sctp-grid-%.0fms-%.1f%%", rtt_ms, permille / 10);
    if (permille == 0)
        report(name, o[OURS].mbit, "Mbit/s", "link", 100, 0.9, true);
    for (int i = CUBIC; i < CARRIERS; i++)
        report(name, o[OURS].mbit, "Mbit/s", names[i], o[i].ok ? o[i].mbit : 0,
               permille > 0 || i == USRSCTP ? 1.0 : 0.95, true);
    snprintf(name, sizeof name, "sctp-age-p99-%.0fms-%.1f%%", rtt_ms, permille / 10);
    for (int i = CUBIC; i < CARRIERS; i++)
        report(name, o[OURS].age_p99_ms, "ms", names[i], o[i].age_p99_ms, 1.0, false);
}

/* How they share one link: no goal, but to be known. */
static void run_shared(const int controls[2], double rtt_ms, double permille, double seconds)
{
    struct outcome o;

    set_link(100, rtt_ms, permille / 1000);
    o = run(controls, BESIDE_CUBIC, seconds);
    printf("bench: sctp-beside-cubic-%.0fms-%.1f%% value=%.1f unit=Mbit/s peer=cubic:%.1f "
           "ratio=%.2f goal=none\n",
           rtt_ms, permille / 10, o.mbit, o.other_mbit, o.mbit / (o.other_mbit + 0.01));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const double rtts[] = {0, 20, 50, 100}, losses[] = {0, 1, 10};
    double seconds = argc > 1 ? atof(argv[1]) : 6;
    int controls[2];

    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    for (int i = 0; i < 2; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
            fail("socketpair");
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(pair[0]);
            be_end(i == 1, pair[1]);
        }
        close(pair[1]);
        controls[i] = pair[0];
        net.way[i].in = net.way[1 - i].out = take_fd(pair[0]);
        if (net.way[i].in < 0) {
            printf(
                "bench: sctp-grid skipped: network namespaces with TUN devices are not allowed\n");
            return 0;
        }
    }
    if (argc > 3) {
        run_cell(controls, atof(argv[2]), atof(argv[3]), seconds);
        run_shared(controls, atof(argv[2]), atof(argv[3]), 3 * seconds);
        return 0;
    }
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 3; k++)
            run_cell(controls, rtts[i], losses[k], seconds);
    run_shared(controls, 20, 0, 3 * seconds);
    run_shared(controls, 50, 0, 3 * seconds);
    return 0;
}
