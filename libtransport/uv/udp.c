/* SPDX-License-Identifier: MIT */
/*
 * A UDP socket that carries one association. Datagrams of one size go to the kernel, and come from
 * it, many at a time (UDP_SEGMENT, UDP_GRO) where it can.
 */
/* For SOCK_CLOEXEC and the socket options' names. */
#define _GNU_SOURCE /* NOLINT */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <farhand/sctp_uv.h>

#include "internal.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef IP_PMTUDISC_PROBE
#define IP_PMTUDISC_PROBE 3
#endif
#ifndef IPV6_PMTUDISC_PROBE
#define IPV6_PMTUDISC_PROBE 3
#endif

enum {
    BATCH_LEN = 60000, /* bytes in one call; the kernel takes less than 64 KiB */
    BATCH_MAX = 60,    /* datagrams in one call; the kernel takes 64 */
    READ_LEN = 64 << 10,
    READS_MAX = 16, /* then the loop has other things to do */
    SOCKET_BUFFER = 4 << 20
};

struct fh_udp {
    struct fh_sctp_stream *sctp;
    uv_poll_t poll;
    int fd;
    int family;
    bool peer_known, segments; /* the kernel cuts batches */
    struct sockaddr_storage peer;
    socklen_t peer_len;
};

/*
 * Shared by all sockets of a thread: a batch begins and ends inside one round of output, a read
 * inside one callback.
 */
static _Thread_local struct {
    uint8_t bytes[BATCH_LEN];
    size_t len, segment, count;
} batch;
static _Thread_local uint8_t arrived[READ_LEN];

static void send_one(struct fh_udp *u, const uint8_t *data, size_t len)
{
    /* What a full queue refuses is lost, as it might be anywhere on the way. */
    (void)sendto(u->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&u->peer,
                 u->peer_len);
}

static bool send_segments(struct fh_udp *u)
{
    union {
        char room[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = batch.bytes, .iov_len = batch.len};
    struct msghdr m = {.msg_name = &u->peer,
                       .msg_namelen = u->peer_len,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    uint16_t segment = (uint16_t)batch.segment;

    memset(control.room, 0, sizeof control.room);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(c), &segment, sizeof segment);
    return sendmsg(u->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
           (errno != EIO && errno != EINVAL && errno != EMSGSIZE && errno != EOPNOTSUPP);
}

static void udp_flush(void *user)
{
    struct fh_udp *u = user;
    size_t at = 0;

    if (batch.count > 1 && u->segments) {
        if (send_segments(u))
            at = batch.len;
        else if (errno != EMSGSIZE)
            u->segments = false;
    }
    while (at < batch.len) {
        size_t left = batch.len - at, n = left < batch.segment ? left : batch.segment;

        send_one(u, batch.bytes + at, n);
        at += n;
    }
    batch.len = batch.segment = batch.count = 0;
}

/* All of a batch are as long as its first, but for the last, which may be shorter. */
static void udp_send(void *user, const uint8_t *data, size_t len)
{
    struct fh_udp *u = user;

    if (!u->peer_known)
        return;
    if (batch.count > 0 && (len > batch.segment || batch.len % batch.segment != 0 ||
                            batch.count >= BATCH_MAX || batch.len + len > BATCH_LEN))
        udp_flush(u);
    if (batch.count == 0)
        batch.segment = len;
    memcpy(batch.bytes + batch.len, data, len);
    batch.len += len;
    batch.count++;
}

static void on_closed(uv_handle_t *handle)
{
    struct fh_udp *u = handle->data;

    close(u->fd);
    free(u);
}

static void udp_release(void *user)
{
    struct fh_udp *u = user;

    u->sctp = NULL;
    uv_close((uv_handle_t *)&u->poll, on_closed);
}

/* ---- in -------------------------------------------------------------------------------------- */

static void take(struct fh_udp *u, uint8_t *data, size_t len, const struct sockaddr_storage *from,
                 socklen_t from_len)
{
    if (!u->sctp || fh_datagram_kind(data, len) != FH_DATAGRAM_GUARD ||
        fh_sctp_datagram(u->sctp, data, len) < 0 || u->peer_known)
        return;
    u->peer = *from;
    u->peer_len = from_len;
    u->peer_known = true;
}

/* The size of the datagrams that the kernel put together; all of it if it did not. */
static size_t segment_of(struct msghdr *m, size_t len)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        int size;

        if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
            continue;
        memcpy(&size, CMSG_DATA(c), sizeof size);
        return size > 0 ? (size_t)size : len;
    }
    return len;
}

static bool read_some(struct fh_udp *u)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct sockaddr_storage from;
    struct iovec iov = {.iov_base = arrived, .iov_len = sizeof arrived};
    struct msghdr m = {.msg_name = &from,
                       .msg_namelen = sizeof from,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    ssize_t got = recvmsg(u->fd, &m, MSG_DONTWAIT);
    size_t len, segment;

    if (got < 0)
        return errno == ECONNREFUSED || errno == EINTR;
    len = (size_t)got;
    segment = segment_of(&m, len);
    for (size_t at = 0; at < len; at += segment)
        take(u, arrived + at, len - at < segment ? len - at : segment, &from, m.msg_namelen);
    return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct fh_udp *u = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < READS_MAX && read_some(u); i++)
        ;
    if (u->sctp)
        fh_sctp_datagrams_done(u->sctp);
}

/* ---- start ----------------------------------------------------------------------------------- */

/* What the kernel lacks of these is done without. */
static void tune(struct fh_udp *u)
{
    int len = SOCKET_BUFFER, on = 1, zero = 0, probe;

    (void)setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &len, sizeof len);
    (void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof len);
    (void)setsockopt(u->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
    u->segments = setsockopt(u->fd, IPPROTO_UDP, UDP_SEGMENT, &zero, sizeof zero) == 0;
    /* Probes say how long a datagram may be, not the messages of strangers. */
    if (u->family == AF_INET) {
        probe = IP_PMTUDISC_PROBE;
#ifdef IP_MTU_DISCOVER
        (void)setsockopt(u->fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe);
#endif
    } else {
        probe = IPV6_PMTUDISC_PROBE;
#ifdef IPV6_MTU_DISCOVER
        (void)setsockopt(u->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof probe);
#endif
    }
}

static int open_socket(struct fh_udp *u, const struct fh_address *local)
{
    struct sockaddr_storage sa;
    socklen_t len = fh__tcp_to_sockaddr(local, &sa);

    if (len == 0)
        return FH_TRANSPORT_E_INVAL;
    u->family = sa.ss_family;
    u->fd = socket(u->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (u->fd < 0)
        return fh__tcp_error(errno);
    tune(u);
    return bind(u->fd, (struct sockaddr *)&sa, len) == 0 ? 0 : fh__tcp_error(errno);
}

static void set_peer(struct fh_udp *u, const struct fh_address *peer)
{
    u->peer_len = fh__tcp_to_sockaddr(peer, &u->peer);
    u->peer_known = u->peer_len > 0;
}

int fh_udp_start(uv_loop_t *loop, const struct fh_udp_config *cfg, struct fh_udp **out)
{
    struct fh_udp *u = calloc(1, sizeof *u);
    struct fh_sctp_start_config start = cfg->start;
    int ret;

    if (!u)
        return FH_TRANSPORT_E_RESOURCES;
    u->fd = -1;
    ret = open_socket(u, cfg->local);
    if (ret != 0)
        goto out;
    if (cfg->peer)
        set_peer(u, cfg->peer);
    start.path = (struct fh_sctp_path){
        .send = udp_send, .flush = udp_flush, .release = udp_release, .user = u};
    start.peer = cfg->peer;
    ret = FH_TRANSPORT_E_SYSTEM;
    if (uv_poll_init(loop, &u->poll, u->fd) != 0)
        goto out;
    u->poll.data = u;
    ret = fh_sctp_start(loop, &start, &u->sctp);
    if (ret != 0) {
        udp_release(u);
        return ret;
    }
    uv_poll_start(&u->poll, UV_READABLE, on_readable);
    *out = u;
    return 0;
out:
    if (u->fd >= 0)
        close(u->fd);
    free(u);
    return ret;
}

void fh_udp_address(const struct fh_udp *u, struct fh_address *out)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    memset(&sa, 0, sizeof sa);
    (void)getsockname(u->fd, (struct sockaddr *)&sa, &len);
    fh__tcp_from_sockaddr((struct sockaddr *)&sa, out);
}

void fh_udp_set_peer(struct fh_udp *u, const struct fh_address *peer)
{
    set_peer(u, peer);
    fh_sctp_moved(u->sctp);
}

struct fh_sctp_stream *fh_udp_sctp(struct fh_udp *u)
{
    return u->sctp;
}
