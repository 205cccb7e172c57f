/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fh__link_waiting {
    struct fh__link_waiting *next;
    int fd;
    size_t len;
    uint8_t data[]; /* number and body */
};

/* One for all links of a process: it is looked at before the next message is read. */
static uint8_t buffer[1 + FH__MESSAGE_MAX];

int fh__link_pair(int out[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out);
}

union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int))];
};

static ssize_t put(int to, const uint8_t *data, size_t len, int fd)
{
    struct iovec iov = {(void *)(uintptr_t)data, len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    union control c;
    struct cmsghdr *h;

    if (fd >= 0) {
        memset(&c, 0, sizeof c);
        m.msg_control = &c;
        m.msg_controllen = sizeof c.room;
        h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(h), &fd, sizeof fd);
    }
    return sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The descriptor that came along, -1: none, -2: more than one, or something else. */
static int take_fd(struct msghdr *m)
{
    int fd = -1, other, n = 0;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        size_t len = h->cmsg_len - CMSG_LEN(0);

        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof other <= len; at += sizeof other, n++) {
            memcpy(&other, CMSG_DATA(h) + at, sizeof other);
            if (n == 0)
                fd = other;
            else
                close(other);
        }
    }
    if (n > 1 || (m->msg_flags & MSG_CTRUNC)) {
        if (fd >= 0)
            close(fd);
        return -2;
    }
    return fd;
}

/* ---- the end of it ---- */

static void drop_waiting(struct fh__link *l)
{
    struct fh__link_waiting *w;

    while ((w = l->first) != NULL) {
        l->first = w->next;
        if (w->fd >= 0)
            close(w->fd);
        fh_wipe(w->data, w->len);
        free(w);
    }
    l->last = NULL;
    l->waiting = 0;
}

static void broke(struct fh__link *l, const char *why)
{
    if (l->is_broken || !l->is_open)
        return;
    l->is_broken = true;
    uv_poll_stop(&l->poll);
    drop_waiting(l);
    l->ops->broken(l->user, why);
}

static void on_closed(uv_handle_t *handle)
{
    struct fh__link *l = handle->data;

    close(l->fd);
    l->fd = -1;
    if (l->closed)
        l->closed(l->user);
}

void fh__link_close(struct fh__link *l, void (*closed)(void *user))
{
    if (!l->is_open)
        return;
    l->is_open = false;
    l->closed = closed;
    drop_waiting(l);
    uv_close((uv_handle_t *)&l->poll, on_closed);
}

/* ---- in ---- */

/*
 * An end that closes without having read all makes the first call here fail (ECONNRESET, once);
 * what it had sent before is behind that.
 */
static ssize_t take(int from, struct msghdr *m)
{
    ssize_t n = recvmsg(from, m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    return n < 0 && errno == ECONNRESET ? recvmsg(from, m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) : n;
}

/* false: nothing more now, or ever. */
static bool receive(struct fh__link *l)
{
    struct iovec iov = {buffer, sizeof buffer};
    union control c;
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c.room};
    ssize_t n = take(l->fd, &m);
    int fd;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    fd = n >= 0 ? take_fd(&m) : -1; /* one may come with a message of no bytes */
    if (n <= 0) {
        if (fd >= 0)
            close(fd);
        broke(l, NULL);
    } else if (fd == -2 || (m.msg_flags & MSG_TRUNC) ||
               !fh__message_is_good(l->them, l->us, buffer[0], (size_t)n - 1, fd >= 0)) {
        if (fd >= 0)
            close(fd);
        broke(l, "a message that cannot be");
    } else {
        l->ops->message(l->user, buffer[0], rd_init(buffer + 1, (size_t)n - 1), fd);
    }
    if (n > 0)
        fh_wipe(buffer, (size_t)n);
    return l->is_open && !l->is_broken;
}

void fh__link_drain(struct fh__link *l)
{
    for (int i = 0; i < FH__LINK_DRAIN && l->is_open && !l->is_broken && receive(l); i++)
        ;
}

/* ---- out ---- */

/* Of a message that waits, in memory: short ones are many. */
static size_t cost(size_t len)
{
    return sizeof(struct fh__link_waiting) + len;
}

static void listen_for(struct fh__link *l);

/* Nobody reads any more. What the other end said before it went is still to be heard, and then that
 * it went. */
static bool is_gone(int error)
{
    return error == EPIPE || error == ECONNRESET;
}

static void flush(struct fh__link *l)
{
    struct fh__link_waiting *w;

    while ((w = l->first) != NULL) {
        if (put(l->fd, w->data, w->len, w->fd) < 0) {
            if (is_gone(errno))
                drop_waiting(l);
            else if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
                broke(l, NULL);
            return;
        }
        l->first = w->next;
        l->last = l->first ? l->last : NULL;
        l->waiting -= cost(w->len);
        if (w->fd >= 0)
            close(w->fd);
        fh_wipe(w->data, w->len);
        free(w);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct fh__link *l = poll->data;

    if (status < 0) { /* the other end is gone; what it had said is still here */
        fh__link_drain(l);
        broke(l, NULL);
        return;
    }
    if (events & UV_WRITABLE)
        flush(l);
    for (int i = 0; (events & UV_READABLE) && i < FH__LINK_TURN && receive(l); i++)
        ;
    if (l->is_open && !l->is_broken)
        listen_for(l);
}

/* Each uv_poll_start() costs two calls of the system, so only for another wish. */
static void listen_for(struct fh__link *l)
{
    const int events = UV_READABLE | (l->first ? UV_WRITABLE : 0);

    if (events != l->events)
        uv_poll_start(&l->poll, events, on_poll);
    l->events = events;
}

/* fd: taken. -1: it was not kept. */
static int keep(struct fh__link *l, const uint8_t *data, size_t len, int fd)
{
    struct fh__link_waiting *w;

    if (l->waiting + cost(len) > FH__LINK_BACKLOG_MAX || !(w = malloc(sizeof *w + len))) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    w->next = NULL;
    w->fd = fd;
    w->len = len;
    memcpy(w->data, data, len);
    if (l->last)
        l->last->next = w;
    else
        l->first = w;
    l->last = w;
    l->waiting += cost(len);
    listen_for(l);
    return 0;
}

static int keep_copy(struct fh__link *l, const uint8_t *data, size_t len, int fd)
{
    int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

    return fd >= 0 && copy < 0 ? -1 : keep(l, data, len, copy);
}

int fh__link_send(struct fh__link *l, unsigned number, const void *body, size_t len, int fd)
{
    uint8_t data[1 + FH__MESSAGE_MAX];
    int ret = 0;

    if (!l->is_open || l->is_broken || len > FH__MESSAGE_MAX)
        return -1;
    data[0] = (uint8_t)number;
    if (len > 0)
        memcpy(data + 1, body, len);
    if (l->first)
        ret = keep_copy(l, data, len + 1, fd);
    else if (put(l->fd, data, len + 1, fd) < 0 && !is_gone(errno))
        ret = errno == EAGAIN || errno == ENOBUFS ? keep_copy(l, data, len + 1, fd) : -1;
    fh_wipe(data, len + 1);
    return ret;
}

int fh__link_send_wr(struct fh__link *l, unsigned number, const struct wr *w)
{
    return w->bad ? -1 : fh__link_send(l, number, w->mem, w->len, -1);
}

void fh__link_try(int fd, unsigned number, const void *body, size_t len)
{
    uint8_t data[1 + FH__TEXT_MAX];

    if (len > FH__TEXT_MAX)
        return;
    data[0] = (uint8_t)number;
    memcpy(data + 1, body, len);
    (void)put(fd, data, len + 1, -1);
}

int fh__link_open(struct fh__link *l, uv_loop_t *loop, int fd, enum fh__role us, enum fh__role them,
                  const struct fh__link_ops *ops, void *user)
{
    int ret;

    *l = (struct fh__link){.fd = fd, .us = us, .them = them, .ops = ops, .user = user};
    ret = uv_poll_init(loop, &l->poll, fd);
    if (ret != 0) {
        close(fd);
        l->fd = -1;
        return ret;
    }
    l->poll.data = l;
    l->is_open = true;
    listen_for(l);
    return 0;
}
