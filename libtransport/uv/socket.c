/* SPDX-License-Identifier: MIT */
/* For accept4(), SOCK_CLOEXEC and struct ucred. */
#define _GNU_SOURCE /* NOLINT */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

int fh__tcp_error(int err)
{
    switch (err) {
    case ECONNREFUSED:
        return FH_TRANSPORT_E_REFUSED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENETUNREACH:
    case ENOENT:
        return FH_TRANSPORT_E_UNREACHABLE;
    case ETIMEDOUT:
        return FH_TRANSPORT_E_TIMEOUT;
    case ECONNABORTED:
    case ECONNRESET:
    case EPIPE:
        return FH_TRANSPORT_E_RESET;
    case EADDRINUSE:
        return FH_TRANSPORT_E_IN_USE;
    case EACCES:
    case EPERM:
        return FH_TRANSPORT_E_DENIED;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return FH_TRANSPORT_E_RESOURCES;
    default:
        return FH_TRANSPORT_E_SYSTEM;
    }
}

static size_t append(char *out, size_t at, size_t room, const char *text)
{
    while (*text && at + 1 < room)
        out[at++] = *text++;
    out[at] = '\0';
    return at;
}

void fh__tcp_explain(char *why, size_t room, const char *what, int err)
{
    char text[128];
    size_t at;

    if (!why || room == 0)
        return;
    at = append(why, 0, room, what);
    if (err == 0)
        return;
    at = append(why, at, room, ": ");
    append(why, at, room, uv_strerror_r(-err, text, sizeof text));
}

void fh__tcp_from_sockaddr(const struct sockaddr *sa, struct fh_address *out)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    memset(out, 0, sizeof *out);
    switch (sa->sa_family) {
    case AF_INET:
        memcpy(&in, sa, sizeof in);
        out->family = FH_ADDRESS_IPV4;
        memcpy(out->ip, &in.sin_addr, 4);
        out->port = ntohs(in.sin_port);
        break;
    case AF_INET6:
        memcpy(&in6, sa, sizeof in6);
        out->family = FH_ADDRESS_IPV6;
        memcpy(out->ip, &in6.sin6_addr, 16);
        out->port = ntohs(in6.sin6_port);
        out->scope = in6.sin6_scope_id;
        fh_address_normalize(out);
        break;
    case AF_UNIX:
        out->family = FH_ADDRESS_UNIX;
        out->uid = FH_ADDRESS_NO_UID;
        break;
    default:
        break;
    }
}

socklen_t fh__tcp_to_sockaddr(const struct fh_address *a, struct sockaddr_storage *out)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    memset(out, 0, sizeof *out);
    if (a->family == FH_ADDRESS_IPV4) {
        memset(&in, 0, sizeof in);
        in.sin_family = AF_INET;
        in.sin_port = htons(a->port);
        memcpy(&in.sin_addr, a->ip, 4);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    if (a->family == FH_ADDRESS_IPV6) {
        memset(&in6, 0, sizeof in6);
        in6.sin6_family = AF_INET6;
        in6.sin6_port = htons(a->port);
        in6.sin6_scope_id = a->scope;
        memcpy(&in6.sin6_addr, a->ip, 16);
        memcpy(out, &in6, sizeof in6);
        return sizeof in6;
    }
    return 0;
}

socklen_t fh__tcp_to_sockaddr_un(const char *path, struct sockaddr_storage *out)
{
    struct sockaddr_un un;
    size_t len = strlen(path);

    memset(&un, 0, sizeof un);
    memset(out, 0, sizeof *out);
    if (len == 0 || len >= sizeof un.sun_path)
        return 0;
    un.sun_family = AF_UNIX;
    memcpy(un.sun_path, path, len);
    memcpy(out, &un, sizeof un);
    return sizeof un;
}

int fh__tcp_adopt(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    return 0;
}

int fh__tcp_socket(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

int fh__tcp_accept(int fd)
{
    int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    return got < 0 ? -errno : got;
}

void fh__tcp_unix_peer(int fd, struct fh_address *out)
{
    struct ucred who;
    socklen_t len = sizeof who;

    memset(out, 0, sizeof *out);
    out->family = FH_ADDRESS_UNIX;
    out->uid = FH_ADDRESS_NO_UID;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return;
    out->uid = who.uid;
    out->pid = who.pid > 0 ? (uint32_t)who.pid : 0;
}
