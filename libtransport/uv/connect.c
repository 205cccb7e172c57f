/* SPDX-License-Identifier: MIT */
/* Does with sockets what happy.c decides. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "happy.h"
#include "internal.h"

enum { DEFAULT_ATTEMPT_MS = 250, DEFAULT_RESOLUTION_MS = 50, DEFAULT_TIMEOUT_MS = 30000 };

struct attempt {
    uv_poll_t poll;
    struct fh_tcp_connecting *c;
    struct fh_address to;
    int fd; /* -1: not in use */
};

struct fh_tcp_connecting {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_getaddrinfo_t query[2]; /* by enum fh_happy_family */
    bool asking[2];
    struct fh_happy happy;
    struct attempt attempt[2 * FH_HAPPY_MAX];
    size_t attempts;
    size_t open; /* handles and queries that libuv still knows of */
    struct fh_target to;
    struct fh_tcp_options options;
    void (*done)(void *user, struct fh_stream *s, int error, const char *text);
    void *user;
    bool ended, cancelled;
    int error; /* of the last failure */
    char text[FH_TCP_WHY];
};

static void release(struct fh_tcp_connecting *c)
{
    if (--c->open == 0)
        free(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void on_attempt_closed(uv_handle_t *handle)
{
    struct attempt *a = handle->data;

    release(a->c);
}

/* The descriptor stays open. */
static void unwatch(struct attempt *a)
{
    a->fd = -1;
    uv_close((uv_handle_t *)&a->poll, on_attempt_closed);
}

/* Ends it all and tells the user. c is freed when libuv has let go of the rest. */
static void end(struct fh_tcp_connecting *c, struct fh_stream *s, int error)
{
    c->ended = true;
    for (size_t i = 0; i < c->attempts; i++) {
        struct attempt *a = &c->attempt[i];
        int fd = a->fd;

        if (fd < 0)
            continue;
        unwatch(a);
        close(fd);
    }
    for (int i = 0; i < 2; i++)
        if (c->asking[i])
            uv_cancel((uv_req_t *)&c->query[i]);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    c->done(c->user, s, error, s ? "" : c->text);
}

static void note_failure(struct fh_tcp_connecting *c, const struct fh_address *to, int err)
{
    char name[FH_ADDRESS_TEXT];

    fh_address_print(to, name, sizeof name);
    c->error = fh__tcp_error(err);
    fh__tcp_explain(c->text, sizeof c->text, name, err);
}

static void pump(struct fh_tcp_connecting *c);

static void on_pollable(uv_poll_t *poll, int status, int events)
{
    struct attempt *a = poll->data;
    struct fh_tcp_connecting *c = a->c;
    struct fh_address peer = a->to;
    struct fh_stream *s = NULL;
    int fd = a->fd, err = 0, ret;
    socklen_t len = sizeof err;

    (void)events;
    if (c->ended)
        return;
    /* libuv reports every failed connect as EBADF; the socket knows better. */
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
        err = errno;
    if (err == 0 && status < 0)
        err = -status;
    /* Before the stream: two handles of one loop must not watch one descriptor. */
    unwatch(a);
    if (err) {
        close(fd);
        note_failure(c, &a->to, err);
        fh__happy_failed(&c->happy, uv_now(c->loop));
        pump(c);
        return;
    }
    if (peer.family == FH_ADDRESS_UNIX)
        fh__tcp_unix_peer(fd, &peer);
    ret = fh__tcp_stream_new(c->loop, fd,
                             peer.family == FH_ADDRESS_UNIX ? FH_STREAM_UNIX : FH_STREAM_TCP, &peer,
                             &c->options, &s);
    if (ret)
        note_failure(c, &a->to, ENOMEM);
    end(c, s, ret);
}

/* Starts one attempt; 0 or a positive errno. */
static int attempt(struct fh_tcp_connecting *c, const struct fh_address *to)
{
    struct sockaddr_storage sa;
    socklen_t len = to->family == FH_ADDRESS_UNIX ? fh__tcp_to_sockaddr_un(c->to.name, &sa)
                                                  : fh__tcp_to_sockaddr(to, &sa);
    struct attempt *a = &c->attempt[c->attempts];
    int fd, err;

    if (len == 0)
        return EINVAL;
    fd = fh__tcp_socket(sa.ss_family);
    if (fd < 0)
        return -fd;
    err = connect(fd, (struct sockaddr *)&sa, len) == 0 || errno == EINPROGRESS ? 0 : errno;
    if (!err)
        err = -uv_poll_init(c->loop, &a->poll, fd);
    if (err) {
        close(fd);
        return err;
    }
    c->attempts++;
    c->open++;
    a->c = c;
    a->to = *to;
    a->fd = fd;
    a->poll.data = a;
    uv_poll_start(&a->poll, UV_WRITABLE, on_pollable);
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    pump(timer->data);
}

/* Starts what is due, ends what is over, and sleeps until the next of these. */
static void pump(struct fh_tcp_connecting *c)
{
    uint64_t now = uv_now(c->loop), at;
    struct fh_address to;

    if (c->ended)
        return;
    if (c->cancelled) {
        fh__tcp_explain(c->text, sizeof c->text, "cancelled", 0);
        end(c, NULL, FH_TRANSPORT_E_CANCELLED);
        return;
    }
    while (fh__happy_next(&c->happy, now, &to)) {
        int err = attempt(c, &to);

        if (err) {
            note_failure(c, &to, err);
            fh__happy_failed(&c->happy, now);
        }
    }
    switch (fh__happy_tick(&c->happy, now)) {
    case FH_HAPPY_GOING:
        at = fh__happy_deadline(&c->happy);
        uv_timer_start(&c->timer, on_timer, at > now ? at - now : 0, 0);
        return;
    case FH_HAPPY_FAILED:
        end(c, NULL, c->error ? c->error : FH_TRANSPORT_E_RESOLVE);
        return;
    case FH_HAPPY_TIMED_OUT:
        if (c->error == 0)
            fh__tcp_explain(c->text, sizeof c->text, "no answer in time", 0);
        end(c, NULL, FH_TRANSPORT_E_TIMEOUT);
        return;
    }
}

static void note_unresolved(struct fh_tcp_connecting *c, int status)
{
    char text[128];

    if (c->error)
        return;
    fh__tcp_explain(c->text, sizeof c->text, "host name: ", 0);
    fh__tcp_explain(c->text + 11, sizeof c->text - 11, uv_strerror_r(status, text, sizeof text), 0);
}

static void on_resolved(uv_getaddrinfo_t *query, int status, struct addrinfo *info)
{
    struct fh_tcp_connecting *c = query->data;
    enum fh_happy_family family = query == &c->query[FH_HAPPY_IPV6] ? FH_HAPPY_IPV6 : FH_HAPPY_IPV4;
    struct fh_address list[FH_HAPPY_MAX];
    size_t len = 0;

    c->asking[family] = false;
    for (struct addrinfo *i = info; i && len < FH_HAPPY_MAX; i = i->ai_next) {
        fh__tcp_from_sockaddr(i->ai_addr, &list[len]);
        list[len].port = c->to.port;
        len += list[len].family != FH_ADDRESS_NONE;
    }
    uv_freeaddrinfo(info);
    if (!c->ended) {
        if (status < 0)
            note_unresolved(c, status);
        fh__happy_answer(&c->happy, uv_now(c->loop), family, list, len);
        pump(c);
    }
    release(c);
}

static void ask(struct fh_tcp_connecting *c, enum fh_happy_family family)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_family = family == FH_HAPPY_IPV6 ? AF_INET6 : AF_INET};
    int err;

    c->query[family].data = c;
    err = uv_getaddrinfo(c->loop, &c->query[family], on_resolved, c->to.name, NULL, &hints);
    if (err) {
        note_unresolved(c, err);
        fh__happy_answer(&c->happy, uv_now(c->loop), family, NULL, 0);
        return;
    }
    c->asking[family] = true;
    c->open++;
}

static void answer_from_list(struct fh_tcp_connecting *c, const struct fh_address *list, size_t n)
{
    struct fh_address of[2][FH_HAPPY_MAX];
    size_t len[2] = {0, 0};

    for (size_t i = 0; i < n; i++) {
        int f = list[i].family == FH_ADDRESS_IPV6 ? FH_HAPPY_IPV6 : FH_HAPPY_IPV4;

        if (list[i].family == FH_ADDRESS_NONE || len[f] == FH_HAPPY_MAX)
            continue;
        of[f][len[f]] = list[i];
        if (list[i].family != FH_ADDRESS_UNIX)
            of[f][len[f]].port = c->to.port;
        len[f]++;
    }
    for (int f = 0; f < 2; f++)
        fh__happy_answer(&c->happy, uv_now(c->loop), (enum fh_happy_family)f, of[f], len[f]);
}

static void find_addresses(struct fh_tcp_connecting *c, const struct fh_tcp_connect_config *cfg)
{
    struct fh_address socket_path = {.family = FH_ADDRESS_UNIX, .uid = FH_ADDRESS_NO_UID};

    if (c->to.kind == FH_TARGET_UNIX) {
        answer_from_list(c, &socket_path, 1);
    } else if (c->to.kind == FH_TARGET_IP) {
        answer_from_list(c, &c->to.address, 1);
    } else if (cfg->resolved) {
        answer_from_list(c, cfg->resolved, cfg->resolved_len);
    } else {
        ask(c, FH_HAPPY_IPV6);
        ask(c, FH_HAPPY_IPV4);
    }
}

int fh_tcp_connect(uv_loop_t *loop, const struct fh_target *to,
                   const struct fh_tcp_connect_config *cfg, struct fh_tcp_connecting **out)
{
    struct fh_happy_config happy = {
        .attempt_delay_ms = cfg->attempt_delay_ms ? cfg->attempt_delay_ms : DEFAULT_ATTEMPT_MS,
        .resolution_delay_ms =
            cfg->resolution_delay_ms ? cfg->resolution_delay_ms : DEFAULT_RESOLUTION_MS,
        .timeout_ms = cfg->timeout_ms ? cfg->timeout_ms : DEFAULT_TIMEOUT_MS,
    };
    struct fh_tcp_connecting *c;

    if (!cfg->done || !fh__tcp_options_are_valid(&cfg->options) ||
        (to->kind != FH_TARGET_IP && to->kind != FH_TARGET_HOST && to->kind != FH_TARGET_UNIX))
        return FH_TRANSPORT_E_INVAL;
    c = calloc(1, sizeof *c);
    if (!c)
        return FH_TRANSPORT_E_RESOURCES;
    c->loop = loop;
    c->to = *to;
    if (to->kind == FH_TARGET_IP)
        c->to.port = to->address.port;
    c->options = cfg->options;
    c->done = cfg->done;
    c->user = cfg->user;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    c->open = 1;
    uv_update_time(loop);
    fh__happy_init(&c->happy, uv_now(loop), &happy);
    find_addresses(c, cfg);
    /* Even what fails or succeeds at once is told from the loop. */
    uv_timer_start(&c->timer, on_timer, 0, 0);
    if (out)
        *out = c;
    return 0;
}

void fh_tcp_connect_cancel(struct fh_tcp_connecting *c)
{
    if (c->ended)
        return;
    c->cancelled = true;
    uv_timer_start(&c->timer, on_timer, 0, 0);
}
