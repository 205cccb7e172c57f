/* SPDX-License-Identifier: MIT */
/* stun.c -- Binding requests, answered in batches. */
/* For recvmmsg(), sendmmsg() and in_pktinfo. */
#define _GNU_SOURCE /* NOLINT */

#include "stun.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <farhand/stun.h>

enum {
    BATCH = 64,        /* datagrams in one call */
    BATCHES = 16,      /* then the loop has other things to do */
    REQUEST_MAX = 548, /* bytes; RFC 8489 6.1: what IPv4 carries everywhere */
    SOCKET_BUFFER = 1 << 20
};

union control {
    char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
    char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    struct cmsghdr align;
};

struct socket {
    struct fh__stun *stun;
    uv_poll_t poll;
    int fd;
    struct fh_address bound;
};

struct fh__stun {
    uv_loop_t *loop;
    struct fh__gcra *host, *network;
    struct fh__stun_counters count;
    struct socket sockets[FH__STUN_SOCKETS];
    size_t n;
    size_t open; /* handles */
    void (*closed)(void *user);
    void *closed_user;

    /* What recvmmsg() fills and sendmmsg() sends. Answer i is in answers[], and goes to where its
     * request's names point. */
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_iov[BATCH], out_iov[BATCH];
    struct sockaddr_in6 from[BATCH];
    union control control[BATCH];
    uint8_t requests[BATCH][REQUEST_MAX + 1];
    uint8_t answers[BATCH][FH__STUN_ANSWER_MAX];
};

size_t fh__stun_answer(const uint8_t *data, size_t len, const struct fh_ice_address *from,
                       uint8_t out[static FH__STUN_ANSWER_MAX])
{
    struct fh_stun_message m;
    struct fh_stun_builder b;

    if (len > REQUEST_MAX || from->port == 0 || !fh_stun_is_message(data, len) ||
        fh_stun_parse(data, len, &m) != 0)
        return 0;
    if (m.cls != FH_STUN_REQUEST || m.method != FH_STUN_BINDING || m.unknown_len > 0)
        return 0;
    fh_stun_build_response(&b, out, FH__STUN_ANSWER_MAX, FH_STUN_SUCCESS, &m);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, from);
    if (m.has_fingerprint)
        fh_stun_write_fingerprint(&b);
    return fh_stun_build_end(&b);
}

/* ---- the source ---- */

/* false: no source that could be answered. An IPv4 socket writes less than in6. */
static bool read_source(const struct sockaddr_in6 *sa, struct fh_ice_address *ice,
                        struct fh_address *address)
{
    memset(ice, 0, sizeof *ice);
    memset(address, 0, sizeof *address);
    if (sa->sin6_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, sa, sizeof v4);
        ice->family = FH_ICE_IPV4;
        address->family = FH_ADDRESS_IPV4;
        memcpy(ice->ip, &v4.sin_addr, 4);
        ice->port = ntohs(v4.sin_port);
    } else if (sa->sin6_family == AF_INET6) {
        ice->family = FH_ICE_IPV6;
        address->family = FH_ADDRESS_IPV6;
        memcpy(ice->ip, &sa->sin6_addr, 16);
        ice->port = ntohs(sa->sin6_port);
    } else {
        return false;
    }
    memcpy(address->ip, ice->ip, sizeof address->ip);
    return true;
}

static bool may(struct fh__stun *s, const struct fh_address *from)
{
    struct fh__gcra_source source;
    uint64_t now = uv_now(s->loop);

    if (!s->host && !s->network)
        return true;
    fh__gcra_source(from, &source);
    return (!s->host || fh__gcra_take(s->host, now, source.host, sizeof source.host, NULL)) &&
           (!s->network ||
            fh__gcra_take(s->network, now, source.network, sizeof source.network, NULL));
}

/* ---- batches ---- */

/* The answer leaves from the address, but by any interface. */
static void answer_from(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            info.ipi_ifindex = 0;
            memcpy(CMSG_DATA(c), &info, sizeof info);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                info.ipi6_ifindex = 0;
            memcpy(CMSG_DATA(c), &info, sizeof info);
        }
    }
}

/* Into out[n]; false: there is nothing to say. */
static bool prepare(struct fh__stun *s, int i, int n)
{
    struct msghdr *in = &s->in[i].msg_hdr, *out = &s->out[n].msg_hdr;
    struct fh_ice_address from;
    struct fh_address address;
    size_t len = 0;

    if (!(in->msg_flags & MSG_TRUNC) && read_source(&s->from[i], &from, &address))
        len = fh__stun_answer(s->requests[i], s->in[i].msg_len, &from, s->answers[n]);
    if (len == 0) {
        s->count.ignored++;
        return false;
    }
    if (!may(s, &address)) {
        s->count.limited++;
        return false;
    }
    answer_from(in);
    s->out_iov[n] = (struct iovec){.iov_base = s->answers[n], .iov_len = len};
    *out = (struct msghdr){.msg_name = in->msg_name,
                           .msg_namelen = in->msg_namelen,
                           .msg_iov = &s->out_iov[n],
                           .msg_iovlen = 1,
                           .msg_control = in->msg_controllen ? in->msg_control : NULL,
                           .msg_controllen = in->msg_controllen};
    return true;
}

static void send_batch(struct fh__stun *s, int fd, int n)
{
    int at = 0;

    while (at < n) {
        int sent = sendmmsg(fd, s->out + at, (unsigned)(n - at), MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent > 0) {
            s->count.answered += (uint64_t)sent;
            at += sent;
            continue;
        }
        /* One that cannot be sent is lost, as it might be on the way; where the kernel has no room,
         * so are all. */
        s->count.unsent += errno == EAGAIN ? (uint64_t)(n - at) : 1;
        at = errno == EAGAIN ? n : at + 1;
    }
}

static int receive_batch(struct fh__stun *s, int fd)
{
    for (int i = 0; i < BATCH; i++) {
        s->in_iov[i] = (struct iovec){.iov_base = s->requests[i], .iov_len = sizeof s->requests[i]};
        s->in[i].msg_hdr = (struct msghdr){.msg_name = &s->from[i],
                                           .msg_namelen = sizeof s->from[i],
                                           .msg_iov = &s->in_iov[i],
                                           .msg_iovlen = 1,
                                           .msg_control = &s->control[i],
                                           .msg_controllen = sizeof s->control[i]};
    }
    return recvmmsg(fd, s->in, BATCH, MSG_DONTWAIT, NULL);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct socket *socket = poll->data;
    struct fh__stun *s = socket->stun;

    (void)status;
    (void)events;
    for (int batch = 0; batch < BATCHES; batch++) {
        int got = receive_batch(s, socket->fd), n = 0;

        if (got <= 0)
            return;
        s->count.received += (uint64_t)got;
        for (int i = 0; i < got; i++)
            n += prepare(s, i, n);
        send_batch(s, socket->fd, n);
        if (got < BATCH)
            return;
    }
}

/* ---- sockets ---- */

static socklen_t to_sockaddr(const struct fh_address *a, struct sockaddr_in6 *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};

    memset(out, 0, sizeof *out);
    if (a->family == FH_ADDRESS_IPV4) {
        memcpy(&v4.sin_addr, a->ip, 4);
        memcpy(out, &v4, sizeof v4);
        return sizeof v4;
    }
    out->sin6_family = AF_INET6;
    out->sin6_port = htons(a->port);
    out->sin6_scope_id = a->scope;
    memcpy(&out->sin6_addr, a->ip, 16);
    return sizeof *out;
}

/* A bound socket, or a negative errno. */
static int open_socket(const struct fh_address *a, struct fh_address *bound)
{
    int family = a->family == FH_ADDRESS_IPV4 ? AF_INET : AF_INET6, on = 1, err;
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    int option = family == AF_INET ? IP_PKTINFO : IPV6_RECVPKTINFO, room = SOCKET_BUFFER;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct fh_ice_address ice;
    struct sockaddr_in6 sa;
    socklen_t len = to_sockaddr(a, &sa);

    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (setsockopt(fd, level, option, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&sa, len) != 0) {
        err = errno;
        close(fd);
        return -err;
    }
    len = sizeof sa;
    (void)getsockname(fd, (struct sockaddr *)&sa, &len);
    (void)read_source(&sa, &ice, bound);
    bound->port = ice.port;
    return fd;
}

static int add(struct fh__stun *s, const struct fh_address *a)
{
    struct socket *socket = &s->sockets[s->n];
    int fd, err;

    if (s->n == FH__STUN_SOCKETS)
        return -EMFILE;
    fd = open_socket(a, &socket->bound);
    if (fd < 0)
        return fd;
    err = uv_poll_init(s->loop, &socket->poll, fd);
    if (err) {
        close(fd);
        return err;
    }
    socket->fd = fd;
    socket->stun = s;
    socket->poll.data = socket;
    s->n++;
    s->open++;
    uv_poll_start(&socket->poll, UV_READABLE, on_readable);
    return 0;
}

/* "*" is both families, or the one that the machine has. */
static int add_any(struct fh__stun *s, uint16_t port)
{
    struct fh_address v4 = {.family = FH_ADDRESS_IPV4, .port = port};
    struct fh_address v6 = {.family = FH_ADDRESS_IPV6, .port = port};
    int err = add(s, &v4);

    if (err != 0 && err != -EAFNOSUPPORT)
        return err;
    /* The port that the system chose for one is the other's too. */
    v6.port = err == 0 ? s->sockets[s->n - 1].bound.port : port;
    if (err == 0) {
        err = add(s, &v6);
        return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL ? 0 : err;
    }
    return add(s, &v6);
}

static int open_one(struct fh__stun *s, const char *text, char *why, size_t room)
{
    const char *expected = "";
    struct fh_target t;
    int err;

    if (fh_address_parse_listen(text, &t, &expected) != 0) {
        snprintf(why, room, "%s: expected %s", text, expected);
        return -1;
    }
    if (t.kind == FH_TARGET_IP) {
        err = add(s, &t.address);
    } else if (t.kind == FH_TARGET_ANY) {
        err = add_any(s, t.port);
    } else {
        snprintf(why, room, "%s: expected ADDRESS:PORT", text);
        return -1;
    }
    if (err)
        snprintf(why, room, "%s (UDP): %s", text, uv_strerror(err));
    return err ? -1 : 0;
}

int fh__stun_open(uv_loop_t *loop, const struct fh__stun_config *cfg, struct fh__stun **out,
                  char *why, size_t room)
{
    struct fh__stun *s = calloc(1, sizeof *s);

    if (!s) {
        snprintf(why, room, "out of memory");
        return -1;
    }
    s->loop = loop;
    s->host = cfg->host;
    s->network = cfg->network;
    for (size_t i = 0; i < cfg->addresses_len; i++)
        if (open_one(s, cfg->addresses[i], why, room) != 0) {
            fh__stun_close(s, NULL, NULL);
            return -1;
        }
    *out = s;
    return 0;
}

size_t fh__stun_sockets(const struct fh__stun *s)
{
    return s->n;
}

void fh__stun_address(const struct fh__stun *s, size_t i, struct fh_address *out)
{
    *out = s->sockets[i].bound;
}

void fh__stun_count(const struct fh__stun *s, struct fh__stun_counters *out)
{
    *out = s->count;
}

static void finish(struct fh__stun *s)
{
    if (s->closed)
        s->closed(s->closed_user);
    free(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct socket *socket = handle->data;
    struct fh__stun *s = socket->stun;

    close(socket->fd);
    if (--s->open == 0)
        finish(s);
}

void fh__stun_close(struct fh__stun *s, void (*closed)(void *user), void *user)
{
    s->closed = closed;
    s->closed_user = user;
    for (size_t i = 0; i < s->n; i++)
        uv_close((uv_handle_t *)&s->sockets[i].poll, on_closed);
    if (s->n == 0)
        finish(s);
}
