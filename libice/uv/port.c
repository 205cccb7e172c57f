/* SPDX-License-Identifier: MIT */
/*
 * port.c -- one UDP socket on all addresses of the machine. Which of them a datagram came to, and
 * leaves from, is said by its IP_PKTINFO (ip(7), RFC 3542 section 6).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* NOLINT: recvmmsg, sendmmsg, struct in6_pktinfo */
#endif

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uv_internal.h"

enum {
    BATCH = 32,              /* datagrams of one system call */
    ROUNDS = 8,              /* of reading, before the other handles of the loop get their turn */
    SOCKET_BUFFER = 1 << 20, /* bytes; the system may give less */
    CONTROL = 128
};

struct fh_ice_uv_port {
    uv_loop_t *loop;
    uv_poll_t poll;
    struct fh__watch watch;
    int fd;
    bool is_dual; /* IPv6 and IPv4 on one socket */
    bool is_shared, is_owned, is_closing;
    int open_handles;
    uint16_t number;
    struct fh__member *members;
    struct fh__member *last; /* of a port of its own: is told when it is closed */
    size_t members_len;
    struct fh_ice_mux *mux;
    struct fh__interface interfaces[FH__INTERFACES];
    size_t interfaces_len;
    void (*closed)(void *user);
    void *closed_user;
    uint8_t data[BATCH][FH_ICE_UV_MAX_DATAGRAM];
};

/* Aligned as a control message must be. */
union control {
    struct cmsghdr align;
    uint8_t bytes[CONTROL];
};

/* ---- the socket ----------------------------------------------------------------------------- */

static void set_int(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

/* Path MTU is probed above: what ICMP claims must not shrink it (IP_PMTUDISC_PROBE, ip(7)). */
static void set_options(int fd, bool is_dual)
{
    set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
    set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (is_dual) {
        set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    }
    set_int(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    set_int(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
}

/* Returns the descriptor, or a negative errno. */
static int open_socket(int family, uint16_t number)
{
    struct sockaddr_storage sa;
    struct fh_ice_address any = {.port = number};
    bool is_dual = family == AF_INET6;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), off = 0, err;
    socklen_t len;

    any.family = is_dual ? FH_ICE_IPV6 : FH_ICE_IPV4;
    len = fh__ice_to_sockaddr(&any, is_dual, 0, &sa);
    if (fd < 0)
        return -errno;
    if ((is_dual && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) ||
        bind(fd, (struct sockaddr *)&sa, len) != 0) {
        err = -errno;
        close(fd);
        return err;
    }
    set_options(fd, is_dual);
    return fd;
}

static int open_port(struct fh_ice_uv_port *p, uint16_t number)
{
    struct sockaddr_storage sa;
    struct fh_ice_address bound;
    socklen_t len = sizeof sa;

    p->is_dual = true;
    p->fd = open_socket(AF_INET6, number);
    /* A machine without IPv6 has IPv4 all the same. */
    if (p->fd == -EAFNOSUPPORT || p->fd == -EADDRNOTAVAIL) {
        p->is_dual = false;
        p->fd = open_socket(AF_INET, number);
    }
    if (p->fd < 0)
        return p->fd == -EMFILE || p->fd == -ENFILE || p->fd == -ENOBUFS || p->fd == -ENOMEM
                   ? FH_ICE_E_RESOURCES
                   : FH_ICE_E_SYSTEM;
    memset(&sa, 0, sizeof sa);
    (void)getsockname(p->fd, (struct sockaddr *)&sa, &len);
    fh__ice_from_sockaddr((struct sockaddr *)&sa, &bound);
    p->number = bound.port;
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static void local_of(struct msghdr *h, struct fh_ice_address *out)
{
    memset(out, 0, sizeof *out);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        struct in_pktinfo in;
        struct in6_pktinfo in6;
        struct sockaddr_in6 sa = {.sin6_family = AF_INET6};

        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            memcpy(&in, CMSG_DATA(c), sizeof in);
            memset(out, 0, sizeof *out);
            out->family = FH_ICE_IPV4;
            memcpy(out->ip, &in.ipi_addr, 4);
            return;
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            memcpy(&in6, CMSG_DATA(c), sizeof in6);
            sa.sin6_addr = in6.ipi6_addr;
            fh__ice_from_sockaddr((struct sockaddr *)&sa, out);
        }
    }
}

static struct fh__member *member_for(struct fh_ice_uv_port *p, const struct fh_ice_address *from,
                                     const uint8_t *data, size_t len)
{
    return p->mux ? fh_ice_mux_route(p->mux, from, data, len) : p->members;
}

static void deliver(struct fh_ice_uv_port *p, struct msghdr *h, const uint8_t *data, size_t len)
{
    struct fh_ice_address from, local;
    struct fh__member *m;

    if (h->msg_flags & MSG_TRUNC)
        return;
    fh__ice_from_sockaddr(h->msg_name, &from);
    local_of(h, &local);
    local.port = p->number;
    m = member_for(p, &from, data, len);
    if (!m)
        return;
    m->is_touched = true;
    m->arrived(m, &local, &from, data, len);
}

/* Returns whether there may be more. */
static bool read_batch(struct fh_ice_uv_port *p)
{
    struct mmsghdr list[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_storage names[BATCH];
    union control controls[BATCH];
    int n;

    memset(list, 0, sizeof list);
    memset(names, 0, sizeof names);
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){.iov_base = p->data[i], .iov_len = sizeof p->data[i]};
        list[i].msg_hdr = (struct msghdr){.msg_name = &names[i],
                                          .msg_namelen = sizeof names[i],
                                          .msg_iov = &iov[i],
                                          .msg_iovlen = 1,
                                          .msg_control = controls[i].bytes,
                                          .msg_controllen = sizeof controls[i].bytes};
    }
    n = recvmmsg(p->fd, list, BATCH, 0, NULL);
    for (int i = 0; i < n && !p->is_closing; i++)
        deliver(p, &list[i].msg_hdr, p->data[i], list[i].msg_len);
    return n == BATCH;
}

/* Who got something is told that the batch is over; it may leave, and make others leave. */
static void end_batch(struct fh_ice_uv_port *p)
{
    struct fh__member *m = p->members;

    while (m) {
        if (!m->is_touched) {
            m = m->next;
            continue;
        }
        m->is_touched = false;
        m->batch_end(m);
        m = p->members;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct fh_ice_uv_port *p = FH__CONTAINER(poll, struct fh_ice_uv_port, poll);

    (void)status;
    (void)events;
    for (int i = 0; i < ROUNDS && !p->is_closing && read_batch(p); i++)
        ;
    end_batch(p);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* The source address, as a control message. Returns its length. */
static size_t put_source(union control *c, const struct fh_ice_address *local, uint32_t interface)
{
    struct in_pktinfo in = {.ipi_ifindex = 0};
    struct in6_pktinfo in6 = {.ipi6_ifindex = 0};
    struct cmsghdr *h = &c->align;
    bool is_v4 = local->family == FH_ICE_IPV4;
    size_t len = is_v4 ? sizeof in : sizeof in6;

    memset(c, 0, sizeof *c);
    h->cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    h->cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO;
    h->cmsg_len = CMSG_LEN(len);
    if (is_v4) {
        memcpy(&in.ipi_spec_dst, local->ip, 4);
        memcpy(CMSG_DATA(h), &in, sizeof in);
    } else {
        memcpy(&in6.ipi6_addr, local->ip, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&in6.ipi6_addr))
            in6.ipi6_ifindex = interface;
        memcpy(CMSG_DATA(h), &in6, sizeof in6);
    }
    return CMSG_SPACE(len);
}

static int send_batch(int fd, struct msghdr *h, const uv_buf_t *list, size_t n)
{
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];
    int sent;

    memset(msgs, 0, sizeof msgs);
    for (size_t i = 0; i < n; i++) {
        iov[i] = (struct iovec){.iov_base = list[i].base, .iov_len = list[i].len};
        msgs[i].msg_hdr = *h;
        msgs[i].msg_hdr.msg_iov = &iov[i];
        msgs[i].msg_hdr.msg_iovlen = 1;
    }
    do
        sent = sendmmsg(fd, msgs, (unsigned)n, 0);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

int fh__port_send(struct fh_ice_uv_port *p, const struct fh_ice_address *local, uint32_t interface,
                  const struct fh_ice_address *peer, const uv_buf_t *list, size_t n)
{
    struct sockaddr_storage sa;
    union control c;
    struct msghdr h = {.msg_name = &sa, .msg_control = c.bytes};
    size_t done = 0;
    int sent = 0;

    h.msg_namelen = fh__ice_to_sockaddr(peer, p->is_dual, interface, &sa);
    h.msg_controllen = put_source(&c, local, interface);
    while (done < n) {
        size_t now = n - done < BATCH ? n - done : BATCH;

        sent = send_batch(p->fd, &h, list + done, now);
        if (sent > 0)
            done += (size_t)sent;
        if (sent < (int)now)
            break;
    }
    if (done > 0)
        return (int)done;
    return sent == -EAGAIN || sent == -ENOBUFS || sent == -EMSGSIZE ? FH_ICE_E_LIMIT
                                                                    : FH_ICE_E_SYSTEM;
}

/* ---- life ----------------------------------------------------------------------------------- */

static bool is_same(const struct fh__interface *x, const struct fh__interface *y)
{
    return fh_ice_address_equal(&x->address, &y->address) && x->index == y->index &&
           x->cost == y->cost;
}

static void on_changed(struct fh__watch *w)
{
    struct fh_ice_uv_port *p = FH__CONTAINER(w, struct fh_ice_uv_port, watch);
    struct fh__interface now[FH__INTERFACES];
    size_t len = fh__interfaces(now, p->is_dual), same = 0;

    while (same < len && is_same(&now[same], &p->interfaces[same]))
        same++;
    if (same == len && len == p->interfaces_len)
        return;
    memcpy(p->interfaces, now, sizeof now);
    p->interfaces_len = len;
    for (struct fh__member *m = p->members; m; m = m->next)
        m->is_touched = true;
    for (struct fh__member *m = p->members; m;) {
        if (!m->is_touched) {
            m = m->next;
            continue;
        }
        m->is_touched = false;
        m->addresses(m);
        m = p->members;
    }
}

static void free_port(struct fh_ice_uv_port *p)
{
    struct fh__member *last = p->last;
    void (*closed)(void *user) = p->closed;
    void *user = p->closed_user;

    fh_ice_mux_free(p->mux);
    free(p);
    if (last)
        last->port_closed(last);
    if (closed)
        closed(user);
}

static void on_closed(uv_handle_t *h)
{
    struct fh_ice_uv_port *p = h->data;

    if (--p->open_handles == 0)
        free_port(p);
}

/* The descriptors close now; the handles a little later. */
static void close_port(struct fh_ice_uv_port *p)
{
    p->is_closing = true;
    p->open_handles = p->watch.fd >= 0 ? 2 : 1;
    p->poll.data = p;
    uv_close((uv_handle_t *)&p->poll, on_closed);
    close(p->fd);
    if (p->watch.fd < 0)
        return;
    p->watch.poll.data = p;
    uv_close((uv_handle_t *)&p->watch.poll, on_closed);
    close(p->watch.fd);
}

static int start_port(uv_loop_t *loop, struct fh_ice_uv_port *p, uint16_t number)
{
    int ret = open_port(p, number);

    p->loop = loop;
    if (ret != 0)
        return ret;
    if (uv_poll_init(loop, &p->poll, p->fd) != 0) {
        close(p->fd);
        return FH_ICE_E_RESOURCES;
    }
    (void)uv_poll_start(&p->poll, UV_READABLE, on_readable);
    if (fh__watch_open(loop, &p->watch, on_changed) != 0)
        p->watch.fd = -1;
    p->interfaces_len = fh__interfaces(p->interfaces, p->is_dual);
    return 0;
}

static int make_port(uv_loop_t *loop, uint16_t number, bool is_shared, struct fh_ice_uv_port **out)
{
    struct fh_ice_uv_port *p = calloc(1, sizeof *p);
    int ret = FH_ICE_E_RESOURCES;

    if (!p)
        return ret;
    p->is_shared = p->is_owned = is_shared;
    if (is_shared)
        p->mux = fh_ice_mux_new(FH_ICE_UV_PORT_MAX, fh__ice_random, NULL);
    if (!is_shared || p->mux)
        ret = start_port(loop, p, number);
    if (ret != 0) {
        fh_ice_mux_free(p->mux);
        free(p);
        return ret;
    }
    *out = p;
    return 0;
}

int fh__port_new(uv_loop_t *loop, struct fh_ice_uv_port **out)
{
    return make_port(loop, 0, false, out);
}

int fh_ice_uv_port_open(uv_loop_t *loop, uint16_t number, struct fh_ice_uv_port **out)
{
    return make_port(loop, number, true, out);
}

uint16_t fh_ice_uv_port_number(const struct fh_ice_uv_port *p)
{
    return p->number;
}

void fh_ice_uv_port_close(struct fh_ice_uv_port *p, void (*closed)(void *user), void *user)
{
    if (!p->is_owned)
        return;
    p->is_owned = false;
    p->closed = closed;
    p->closed_user = user;
    if (p->members_len == 0)
        close_port(p);
}

int fh__port_join(struct fh_ice_uv_port *p, struct fh__member *m)
{
    if (p->is_closing || (p->mux && fh_ice_mux_add(p->mux, m, &m->tag) != 0))
        return FH_ICE_E_LIMIT;
    m->port = p;
    m->next = p->members;
    p->members = m;
    p->members_len++;
    return 0;
}

void fh__port_leave(struct fh__member *m)
{
    struct fh_ice_uv_port *p = m->port;
    struct fh__member **at = &p->members;

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    p->members_len--;
    if (p->mux)
        fh_ice_mux_remove(p->mux, m->tag);
    if (!p->is_shared)
        p->last = m;
    if (p->members_len == 0 && !p->is_owned)
        close_port(p);
}

struct fh_ice_mux *fh__port_mux(struct fh_ice_uv_port *p)
{
    return p->mux;
}

const struct fh__interface *fh__port_interfaces(const struct fh_ice_uv_port *p, size_t *len)
{
    *len = p->interfaces_len;
    return p->interfaces;
}

uint16_t fh__port_number(const struct fh_ice_uv_port *p)
{
    return p->number;
}
