/* SPDX-License-Identifier: MIT */
/* interfaces.c -- the addresses of this machine, and netlink(7) for when they change. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* NOLINT: SOCK_CLOEXEC, SOCK_NONBLOCK */
#endif

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uv_internal.h"

void fh__ice_from_sockaddr(const struct sockaddr *sa, struct fh_ice_address *out)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    memset(out, 0, sizeof *out);
    if (sa->sa_family == AF_INET) {
        memcpy(&in, sa, sizeof in);
        out->family = FH_ICE_IPV4;
        memcpy(out->ip, &in.sin_addr, 4);
        out->port = ntohs(in.sin_port);
    } else if (sa->sa_family == AF_INET6) {
        bool is_v4;

        memcpy(&in6, sa, sizeof in6);
        is_v4 = IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr);
        out->family = is_v4 ? FH_ICE_IPV4 : FH_ICE_IPV6;
        memcpy(out->ip, (const uint8_t *)&in6.sin6_addr + (is_v4 ? 12 : 0), is_v4 ? 4 : 16);
        out->port = ntohs(in6.sin6_port);
    }
}

static socklen_t to_sockaddr_in(const struct fh_ice_address *a, struct sockaddr_storage *out)
{
    struct sockaddr_in in;

    memset(&in, 0, sizeof in);
    in.sin_family = AF_INET;
    in.sin_port = htons(a->port);
    memcpy(&in.sin_addr, a->ip, 4);
    memcpy(out, &in, sizeof in);
    return sizeof in;
}

socklen_t fh__ice_to_sockaddr(const struct fh_ice_address *a, bool is_dual, uint32_t interface,
                              struct sockaddr_storage *out)
{
    struct sockaddr_in6 in6;
    uint8_t *ip = (uint8_t *)&in6.sin6_addr;

    memset(out, 0, sizeof *out);
    if (a->family == FH_ICE_IPV4 && !is_dual)
        return to_sockaddr_in(a, out);
    memset(&in6, 0, sizeof in6);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(a->port);
    if (a->family == FH_ICE_IPV4) {
        ip[10] = ip[11] = 0xff;
        memcpy(ip + 12, a->ip, 4);
    } else {
        memcpy(ip, a->ip, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
            in6.sin6_scope_id = interface;
    }
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

void fh__ice_random(void *user, void *out, size_t len)
{
    (void)user;
    /* fh_ice_uv_new() has seen it work; it cannot run dry afterwards. */
    (void)uv_random(NULL, NULL, out, len, 0, NULL);
}

/*
 * The address from which this machine would speak to the world: what the routing table says about
 * an address that is nobody's. Nothing is sent.
 */
static bool find_default(const char *world, struct fh_ice_address *out)
{
    struct sockaddr_storage sa;
    struct fh_ice_address to;
    socklen_t len = sizeof sa;
    bool is_found = false;
    int fd;

    (void)fh_ice_address_parse(world, strlen(world), &to);
    to.port = 9;
    fd = socket(to.family == FH_ICE_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    len = fh__ice_to_sockaddr(&to, false, 0, &sa);
    if (connect(fd, (struct sockaddr *)&sa, len) == 0) {
        len = sizeof sa;
        is_found = getsockname(fd, (struct sockaddr *)&sa, &len) == 0;
    }
    close(fd);
    if (is_found)
        fh__ice_from_sockaddr((struct sockaddr *)&sa, out);
    return is_found;
}

/* Loopback is listed too; the connection decides. Link-local IPv6 brings nothing in practice. */
static bool is_of_use(const struct fh__interface *i, bool has_ipv6)
{
    enum fh_ice_scope scope = fh_ice_address_scope(&i->address);

    if (i->address.family == FH_ICE_IPV6 && (!has_ipv6 || scope == FH_ICE_SCOPE_LINK))
        return false;
    return scope >= FH_ICE_SCOPE_LINK || scope == FH_ICE_SCOPE_LOOPBACK;
}

static void insert(struct fh__interface out[FH__INTERFACES], size_t *len,
                   const struct fh__interface *i)
{
    size_t at = *len < FH__INTERFACES ? (*len)++ : FH__INTERFACES - 1;

    if (at == FH__INTERFACES - 1 && out[at].cost <= i->cost && out[at].address.family != 0)
        return;
    for (; at > 0 && out[at - 1].cost > i->cost; at--)
        out[at] = out[at - 1];
    out[at] = *i;
}

size_t fh__interfaces(struct fh__interface out[FH__INTERFACES], bool has_ipv6)
{
    struct fh_ice_address defaults[2] = {{.port = 0}, {.port = 0}};
    uv_interface_address_t *list;
    size_t len = 0;
    int n;

    memset(out, 0, FH__INTERFACES * sizeof *out);
    if (uv_interface_addresses(&list, &n) != 0)
        return 0;
    (void)find_default("198.51.100.1", &defaults[0]);
    (void)find_default("2001:db8::1", &defaults[1]);
    for (int i = 0; i < n; i++) {
        struct fh__interface one = {.index = if_nametoindex(list[i].name),
                                    .is_loopback = list[i].is_internal};

        fh__ice_from_sockaddr((const struct sockaddr *)&list[i].address, &one.address);
        one.address.port = 0;
        one.cost = fh_ice_address_equal_host(&one.address, &defaults[0]) ||
                           fh_ice_address_equal_host(&one.address, &defaults[1])
                       ? 0
                   : one.is_loopback ? 20
                                     : 10;
        if (is_of_use(&one, has_ipv6))
            insert(out, &len, &one);
    }
    uv_free_interface_addresses(list, n);
    return len;
}

/* ---- netlink -------------------------------------------------------------------------------- */

static void on_netlink(uv_poll_t *poll, int status, int events)
{
    struct fh__watch *w = FH__CONTAINER(poll, struct fh__watch, poll);
    char buf[8192];
    bool has_news = false;

    (void)status;
    (void)events;
    /* What changed is asked of the system, so an overflow of this socket loses nothing. */
    while (recv(w->fd, buf, sizeof buf, 0) > 0 || errno == EINTR || errno == ENOBUFS)
        has_news = true;
    if (has_news)
        w->changed(w);
}

static int open_netlink(void)
{
    struct sockaddr_nl nl;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

    if (fd < 0)
        return -1;
    memset(&nl, 0, sizeof nl);
    nl.nl_family = AF_NETLINK;
    nl.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (bind(fd, (struct sockaddr *)&nl, sizeof nl) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int fh__watch_open(uv_loop_t *loop, struct fh__watch *w, void (*changed)(struct fh__watch *w))
{
    w->changed = changed;
    w->fd = open_netlink();
    if (w->fd < 0)
        return 0;
    if (uv_poll_init(loop, &w->poll, w->fd) != 0) {
        close(w->fd);
        w->fd = -1;
        return FH_ICE_E_RESOURCES;
    }
    (void)uv_poll_start(&w->poll, UV_READABLE, on_netlink);
    return 0;
}
