/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

enum {
    MAX_SOCKETS = 64,
    DEFAULT_BACKLOG = 128,
    DEFAULT_MODE = 0600,
    DEFAULT_RETRY_MS = 250,
    FIRST_PASSED_FD = 3,  /* sd_listen_fds(3): SD_LISTEN_FDS_START */
    ACCEPTS_AT_ONCE = 32, /* then the other handles of the loop get their turn */
    PORT_TRIES = 16       /* for one port that is free in both families */
};

struct sock {
    uv_poll_t poll;
    struct fh_tcp_listener *l;
    int fd;
    bool passed; /* came from systemd: stays open and untouched unless all goes well */
    struct fh_address bound;
    char *path; /* of a unix socket made here, to be removed at the end if it is still this one */
    dev_t dev;
    ino_t ino;
};

struct fh_tcp_listener {
    uv_loop_t *loop;
    uv_timer_t retry;
    struct fh_tcp_options options;
    int backlog;
    mode_t mode;
    uint32_t retry_ms;
    void (*accept)(void *user, struct fh_stream *s);
    void (*accept_fd)(void *user, int fd, const struct fh_address *peer);
    void (*trouble)(void *user, int error, const char *text);
    void *user;
    void (*closed)(void *user);
    void *closed_user;
    bool paused, starved, told, closing;
    size_t open_handles;
    size_t len;
    struct sock sock[MAX_SOCKETS];
};

/* Where the reason of a failure goes. */
struct why {
    char *text;
    size_t room;
};

static int fail(const struct why *w, const char *what, int err)
{
    fh__tcp_explain(w->text, w->room, what, err);
    return fh__tcp_error(err);
}

static struct sock *add(struct fh_tcp_listener *l, int fd)
{
    struct sock *k = &l->sock[l->len++];

    k->l = l;
    k->fd = fd;
    return k;
}

static void learn_bound(struct sock *k)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    memset(&sa, 0, sizeof sa);
    if (getsockname(k->fd, (struct sockaddr *)&sa, &len) == 0)
        fh__tcp_from_sockaddr((struct sockaddr *)&sa, &k->bound);
}

/* A listening socket at `at`, as the last of the list; 0 or a negative errno. */
static int open_ip(struct fh_tcp_listener *l, const struct fh_address *at)
{
    struct sockaddr_storage sa;
    socklen_t len = fh__tcp_to_sockaddr(at, &sa);
    int fd = fh__tcp_socket(sa.ss_family), on = 1, err = 0;

    if (fd < 0)
        return fd;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (at->family == FH_ADDRESS_IPV6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(fd, (struct sockaddr *)&sa, len) != 0 || listen(fd, l->backlog) != 0) {
        err = -errno;
        close(fd);
        return err;
    }
    learn_bound(add(l, fd));
    return 0;
}

static void drop_last(struct fh_tcp_listener *l)
{
    struct sock *k = &l->sock[--l->len];

    close(k->fd);
    memset(k, 0, sizeof *k);
}

/* Both families at one port; a machine that lacks one of them has the other. */
static int open_any(struct fh_tcp_listener *l, uint16_t port)
{
    struct fh_address v6 = {.family = FH_ADDRESS_IPV6, .port = port};
    struct fh_address v4 = {.family = FH_ADDRESS_IPV4, .port = port};
    int err = -EADDRINUSE;

    for (int i = 0; i < PORT_TRIES && err == -EADDRINUSE; i++) {
        int err6 = open_ip(l, &v6);

        if (err6 == -EAFNOSUPPORT || err6 == -EADDRNOTAVAIL)
            return open_ip(l, &v4);
        if (err6)
            return err6;
        v4.port = l->sock[l->len - 1].bound.port;
        err = open_ip(l, &v4);
        if (err == 0 || err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL)
            return 0;
        drop_last(l);
        if (port != 0)
            return err;
    }
    return err;
}

/* True if the socket at sa was left by a process that is gone. */
static bool is_stale(const char *path, const struct sockaddr_storage *sa, socklen_t len)
{
    struct stat st;
    int fd, err;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    fd = fh__tcp_socket(AF_UNIX);
    if (fd < 0)
        return false;
    err = connect(fd, (const struct sockaddr *)sa, len) == 0 ? 0 : errno;
    close(fd);
    return err == ECONNREFUSED;
}

/* Between bind() and listen() nobody can connect: the mode is right from the first connection on.
 */
static int bind_unix(struct fh_tcp_listener *l, int fd, const char *path, struct stat *st)
{
    struct sockaddr_storage sa;
    socklen_t len = fh__tcp_to_sockaddr_un(path, &sa);
    int ret;

    if (len == 0)
        return -ENAMETOOLONG;
    ret = bind(fd, (struct sockaddr *)&sa, len) == 0 ? 0 : -errno;
    if (ret == -EADDRINUSE && is_stale(path, &sa, len) && unlink(path) == 0)
        ret = bind(fd, (struct sockaddr *)&sa, len) == 0 ? 0 : -errno;
    if (ret)
        return ret;
    if (chmod(path, l->mode) != 0 || lstat(path, st) != 0 || listen(fd, l->backlog) != 0) {
        ret = -errno;
        unlink(path);
    }
    return ret;
}

static int open_unix(struct fh_tcp_listener *l, const char *path)
{
    int fd = fh__tcp_socket(AF_UNIX), err;
    size_t len = strlen(path) + 1;
    char *copy;
    struct sock *k;
    struct stat st = {.st_dev = 0};

    if (fd < 0)
        return fd;
    copy = malloc(len);
    err = copy ? bind_unix(l, fd, path, &st) : -ENOMEM;
    if (err) {
        free(copy);
        close(fd);
        return err;
    }
    memcpy(copy, path, len);
    k = add(l, fd);
    k->path = copy;
    k->dev = st.st_dev;
    k->ino = st.st_ino;
    learn_bound(k);
    return 0;
}

static long number_from_env(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long v;

    if (!text || *text < '0' || *text > '9')
        return -1;
    errno = 0;
    v = strtol(text, &end, 10);
    return errno || *end ? -1 : v;
}

/* Is the i-th of LISTEN_FDNAMES, whose names are separated by ':', this one? */
static bool has_passed_name(long i, const char *name)
{
    const char *at = getenv("LISTEN_FDNAMES");
    size_t len;

    if (*name == '\0')
        return true;
    for (; at && i > 0; i--) {
        at = strchr(at, ':');
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return false;
    len = strcspn(at, ":");
    return len == strlen(name) && memcmp(at, name, len) == 0;
}

static bool is_taken(const struct fh_tcp_listener *l, int fd)
{
    for (size_t i = 0; i < l->len; i++)
        if (l->sock[i].fd == fd)
            return true;
    return false;
}

/* A listening stream socket of a family that we know? */
static int check_passed(int fd)
{
    int v = 0;
    socklen_t len = sizeof v;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len) != 0)
        return -errno;
    if (v != SOCK_STREAM)
        return -EPROTOTYPE;
    len = sizeof v;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &len) != 0)
        return -errno;
    return v ? fh__tcp_adopt(fd) : -ENOTCONN;
}

static int open_passed(struct fh_tcp_listener *l, const char *name, const struct why *w)
{
    long n = number_from_env("LISTEN_FDS");
    size_t before = l->len;

    if (number_from_env("LISTEN_PID") != (long)getpid() || n < 1)
        return fail(w, "systemd passed no sockets to this process", EINVAL);
    for (long i = 0; i < n; i++) {
        int fd = FIRST_PASSED_FD + (int)i, err;
        struct sock *k;

        if (is_taken(l, fd) || !has_passed_name(i, name))
            continue;
        if (l->len == MAX_SOCKETS)
            return fail(w, "too many sockets", EMFILE);
        err = check_passed(fd);
        if (err)
            return fail(w, "a socket passed by systemd is not a listening stream socket", -err);
        k = add(l, fd);
        k->passed = true;
        learn_bound(k);
        if (k->bound.family == FH_ADDRESS_NONE)
            return fail(w, "a socket passed by systemd is of an unknown family", EAFNOSUPPORT);
    }
    return l->len > before ? 0 : fail(w, "systemd passed no socket of that name", EINVAL);
}

static int open_one(struct fh_tcp_listener *l, const char *text, const struct why *w)
{
    struct fh_target to;
    const char *expected;
    int err = 0;

    if (fh_address_parse_listen(text, &to, &expected) != 0) {
        fail(w, "expected ", 0);
        if (w->text && w->room > 9)
            fh__tcp_explain(w->text + 9, w->room - 9, expected, 0);
        return FH_TRANSPORT_E_ADDRESS;
    }
    /* One for the address, one for the second family of "*". */
    if (l->len + 2 > MAX_SOCKETS)
        return fail(w, "too many sockets", EMFILE);
    switch (to.kind) {
    case FH_TARGET_IP:
        err = open_ip(l, &to.address);
        break;
    case FH_TARGET_ANY:
        err = open_any(l, to.port);
        break;
    case FH_TARGET_UNIX:
        err = open_unix(l, to.name);
        break;
    case FH_TARGET_SYSTEMD:
        return open_passed(l, to.name, w);
    case FH_TARGET_HOST:
    case FH_TARGET_NONE:
        err = -EINVAL;
        break;
    }
    return err ? fail(w, text, -err) : 0;
}

static void close_sock(struct sock *k)
{
    struct stat st;

    if (k->path && lstat(k->path, &st) == 0 && st.st_dev == k->dev && st.st_ino == k->ino)
        unlink(k->path);
    free(k->path);
    k->path = NULL;
    close(k->fd);
}

static void on_readable(uv_poll_t *poll, int status, int events);

/* Polls what is to be polled now. */
static void update(struct fh_tcp_listener *l)
{
    bool on = !l->paused && !l->starved && !l->closing;

    for (size_t i = 0; i < l->len && !l->closing; i++) {
        if (on)
            uv_poll_start(&l->sock[i].poll, UV_READABLE, on_readable);
        else
            uv_poll_stop(&l->sock[i].poll);
    }
}

static void on_retry(uv_timer_t *timer)
{
    struct fh_tcp_listener *l = timer->data;

    l->starved = false;
    update(l);
}

/* Nothing is accepted for a while, so that the full table neither spins the loop nor kills it. */
static void starve(struct fh_tcp_listener *l, int error, int err)
{
    char text[FH_TCP_WHY];

    l->starved = true;
    update(l);
    uv_timer_start(&l->retry, on_retry, l->retry_ms, 0);
    if (l->told || !l->trouble)
        return;
    l->told = true;
    fh__tcp_explain(text, sizeof text, "accepting a connection", err);
    l->trouble(l->user, error, text);
}

/* Errors of accept() that speak of the one connection only, see accept(2). */
static bool is_passing(int err)
{
    switch (err) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EPERM:
        return true;
    default:
        return false;
    }
}

static void welcome(struct sock *k, int fd)
{
    struct fh_tcp_listener *l = k->l;
    enum fh_stream_kind kind = FH_STREAM_TCP;
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct fh_address peer;
    struct fh_stream *s;
    int ret;

    memset(&sa, 0, sizeof sa);
    if (k->bound.family == FH_ADDRESS_UNIX) {
        kind = FH_STREAM_UNIX;
        fh__tcp_unix_peer(fd, &peer);
    } else if (getpeername(fd, (struct sockaddr *)&sa, &len) == 0) {
        fh__tcp_from_sockaddr((struct sockaddr *)&sa, &peer);
    } else {
        /* It was cut before we came to it. */
        close(fd);
        return;
    }
    if (l->accept_fd) {
        l->told = false;
        l->accept_fd(l->user, fd, &peer);
        return;
    }
    ret = fh__tcp_stream_new(l->loop, fd, kind, &peer, &l->options, &s);
    if (ret) {
        starve(l, ret, ENOMEM);
        return;
    }
    l->told = false;
    l->accept(l->user, s);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct sock *k = poll->data;
    struct fh_tcp_listener *l = k->l;

    (void)events;
    if (status < 0) {
        starve(l, fh__tcp_error(-status), -status);
        return;
    }
    for (int i = 0; i < ACCEPTS_AT_ONCE && !l->paused && !l->starved && !l->closing; i++) {
        int fd = fh__tcp_accept(k->fd);

        if (fd >= 0)
            welcome(k, fd);
        else if (fd == -EAGAIN || fd == -EWOULDBLOCK)
            return;
        else if (!is_passing(-fd))
            starve(l, fh__tcp_error(-fd), -fd);
    }
}

static void on_part_closed(uv_handle_t *handle)
{
    struct fh_tcp_listener *l = handle->data;

    if (--l->open_handles > 0)
        return;
    if (l->closed)
        l->closed(l->closed_user);
    free(l);
}

static void on_sock_closed(uv_handle_t *handle)
{
    struct sock *k = handle->data;

    handle->data = k->l;
    on_part_closed(handle);
}

/* Watches the sockets with libuv; 0 or a negative errno, then the listener closes by itself. */
static int watch(struct fh_tcp_listener *l)
{
    int err = uv_timer_init(l->loop, &l->retry);

    l->retry.data = l;
    l->open_handles = 1;
    for (size_t i = 0; i < l->len && !err; i++) {
        err = uv_poll_init(l->loop, &l->sock[i].poll, l->sock[i].fd);
        l->sock[i].poll.data = &l->sock[i];
        l->open_handles += !err;
    }
    return err;
}

static void forget_passed(const struct fh_tcp_listener *l)
{
    for (size_t i = 0; i < l->len; i++) {
        if (!l->sock[i].passed)
            continue;
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
        return;
    }
}

static struct fh_tcp_listener *new_listener(uv_loop_t *loop, const struct fh_tcp_listen_config *cfg)
{
    struct fh_tcp_listener *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->loop = loop;
    l->options = cfg->options;
    l->backlog = cfg->backlog ? cfg->backlog : DEFAULT_BACKLOG;
    l->mode = cfg->socket_mode ? (mode_t)cfg->socket_mode : DEFAULT_MODE;
    l->retry_ms = cfg->retry_ms ? cfg->retry_ms : DEFAULT_RETRY_MS;
    l->accept = cfg->accept;
    l->accept_fd = cfg->accept_fd;
    l->trouble = cfg->trouble;
    l->user = cfg->user;
    return l;
}

static void close_all_but_passed(struct fh_tcp_listener *l)
{
    for (size_t i = 0; i < l->len; i++)
        if (!l->sock[i].passed)
            close_sock(&l->sock[i]);
}

int fh_tcp_listen(uv_loop_t *loop, const struct fh_tcp_listen_config *cfg,
                  struct fh_tcp_listener **out, char *why, size_t room)
{
    struct why w = {.text = why, .room = room};
    struct fh_tcp_listener *l;
    int ret = 0, err;

    if (!cfg->addresses || cfg->addresses_len == 0 || !cfg->accept == !cfg->accept_fd ||
        cfg->backlog < 0 || cfg->socket_mode > 0777 || !fh__tcp_options_are_valid(&cfg->options)) {
        fail(&w, "configuration of the listener", EINVAL);
        return FH_TRANSPORT_E_INVAL;
    }
    l = new_listener(loop, cfg);
    if (!l) {
        fail(&w, "listener", ENOMEM);
        return FH_TRANSPORT_E_RESOURCES;
    }
    for (size_t i = 0; i < cfg->addresses_len && ret == 0; i++)
        ret = open_one(l, cfg->addresses[i], &w);
    if (ret) {
        close_all_but_passed(l);
        free(l);
        return ret;
    }
    err = watch(l);
    if (err) {
        ret = fail(&w, "watching a socket", -err);
        close_all_but_passed(l);
        l->closing = true;
        for (size_t i = 0; i + 1 < l->open_handles; i++)
            uv_close((uv_handle_t *)&l->sock[i].poll, on_sock_closed);
        uv_close((uv_handle_t *)&l->retry, on_part_closed);
        return ret;
    }
    forget_passed(l);
    update(l);
    *out = l;
    return 0;
}

size_t fh_tcp_listener_count(const struct fh_tcp_listener *l)
{
    return l->len;
}

void fh_tcp_listener_address(const struct fh_tcp_listener *l, size_t i, struct fh_address *out)
{
    *out = l->sock[i].bound;
}

void fh_tcp_listener_pause(struct fh_tcp_listener *l)
{
    l->paused = true;
    update(l);
}

void fh_tcp_listener_resume(struct fh_tcp_listener *l)
{
    l->paused = false;
    update(l);
}

void fh_tcp_listener_close(struct fh_tcp_listener *l, void (*closed)(void *user), void *user)
{
    if (l->closing)
        return;
    l->closing = true;
    l->closed = closed;
    l->closed_user = user;
    for (size_t i = 0; i < l->len; i++) {
        uv_close((uv_handle_t *)&l->sock[i].poll, on_sock_closed);
        close_sock(&l->sock[i]);
    }
    uv_close((uv_handle_t *)&l->retry, on_part_closed);
}
