/* SPDX-License-Identifier: MIT */
#include "http_conn.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/identity.h>

enum { HEAD_ROOM = 4096, PIECE = 64 * 1024 };

struct fh__http_server {
    struct fh__http_server_config cfg;
    struct fh__http_conn *conns;
    unsigned n, of_door[FH__DOORS];
    bool is_draining, is_closing;
    void (*closed)(void *user);
    void *user;
};

struct fh__http_conn {
    struct fh__http_server *server;
    struct fh__http_conn *next, **at;
    struct fh_stream *stream; /* NULL: closed by us */
    struct fh_address peer;
    enum fh__door door;
    struct fh__http *http;
    uv_timer_t timer;
    unsigned refs; /* stream, timer, and the handler while it has a request */
    unsigned requests;
    bool is_answering, is_head_only, closes, peer_ended;

    bool is_sending;
    struct fh__http_reply reply;
    char head[HEAD_ROOM];
    size_t head_len, head_at, body_at;
    uint64_t file_at;
    char *piece; /* of a file */
    size_t piece_len, piece_at;
};

/* ---- the end of one ---- */

static void server_done(struct fh__http_server *s)
{
    void (*closed)(void *user) = s->closed;
    void *user = s->user;

    if (!s->is_closing || s->n > 0)
        return;
    free(s);
    if (closed)
        closed(user);
}

static void drop_reply(struct fh__http_conn *c)
{
    if (c->reply.body && c->reply.is_secret)
        fh_wipe(c->reply.body, c->reply.len);
    free(c->reply.body);
    if (c->is_sending && c->reply.fd >= 0)
        close(c->reply.fd);
    free(c->piece);
    c->piece = NULL;
    c->piece_len = c->piece_at = 0;
    c->reply = (struct fh__http_reply){.fd = -1};
    c->is_sending = false;
}

static void unref(struct fh__http_conn *c)
{
    struct fh__http_server *s = c->server;

    if (--c->refs > 0)
        return;
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    s->n--;
    s->of_door[c->door]--;
    drop_reply(c);
    fh__http_free(c->http);
    fh_wipe(c->head, sizeof c->head);
    free(c);
    server_done(s);
}

static void on_stream_closed(void *user)
{
    unref(user);
}

static void on_timer_closed(uv_handle_t *h)
{
    unref(h->data);
}

/* politely: what was written still goes out. */
static void close_conn(struct fh__http_conn *c, bool politely)
{
    struct fh_stream *stream = c->stream;

    if (!stream)
        return;
    c->stream = NULL;
    if (politely)
        fh_stream_shutdown(stream);
    fh_stream_close(stream, on_stream_closed, c);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

/* ---- time ---- */

static void on_timer(uv_timer_t *timer)
{
    struct fh__http_conn *c = timer->data;

    if (!c->is_answering || c->is_sending) /* the store answers in its own time */
        close_conn(c, false);
}

static void set_timer(struct fh__http_conn *c)
{
    const struct fh__http_server_config *cfg = &c->server->cfg;
    /* Who has asked nothing yet has not earned its place. */
    bool is_asked = fh__http_is_within(c->http) || c->requests == 0;
    uint32_t ms = c->is_answering ? cfg->answer_ms : is_asked ? cfg->request_ms : cfg->idle_ms;

    if (c->stream)
        uv_timer_start(&c->timer, on_timer, ms, 0);
}

/* ---- sending ---- */

/* False: there was not room for all of it, or the stream is broken. */
static bool send_some(struct fh__http_conn *c, const char *data, size_t len, size_t *at)
{
    while (*at < len) {
        int n = fh_stream_write(c->stream, (const uint8_t *)data + *at, len - *at);

        if (n < 0) {
            close_conn(c, false);
            return false;
        }
        if (n == 0)
            return false;
        *at += (size_t)n;
        set_timer(c); /* it takes what it gets */
    }
    return true;
}

/* The next piece of the file. False: it is shorter than it was, or cannot be read. */
static bool read_piece(struct fh__http_conn *c)
{
    uint64_t left = c->reply.fd_len - c->file_at;
    ssize_t n;

    if (!c->piece && !(c->piece = malloc(PIECE)))
        return false;
    n = pread(c->reply.fd, c->piece, left < PIECE ? (size_t)left : PIECE, (off_t)c->file_at);
    if (n <= 0)
        return false;
    c->piece_len = (size_t)n;
    c->piece_at = 0;
    c->file_at += (uint64_t)n;
    return true;
}

static bool send_file(struct fh__http_conn *c)
{
    for (;;) {
        if (!send_some(c, c->piece, c->piece_len, &c->piece_at))
            return false;
        if (c->file_at == c->reply.fd_len)
            return true;
        if (!read_piece(c)) {
            close_conn(c, false); /* what was promised cannot be kept: it must be seen */
            return false;
        }
    }
}

static void next_request(struct fh__http_conn *c)
{
    drop_reply(c);
    c->is_answering = false;
    if (c->closes || c->peer_ended) {
        close_conn(c, true);
        return;
    }
    fh__http_next(c->http);
    set_timer(c);
    fh_stream_resume(c->stream);
}

static void pump(struct fh__http_conn *c)
{
    if (!c->is_sending || !send_some(c, c->head, c->head_len, &c->head_at))
        return;
    if (!c->is_head_only) {
        if (c->reply.fd >= 0 && !send_file(c))
            return;
        if (c->reply.fd < 0 && !send_some(c, c->reply.body, c->reply.len, &c->body_at))
            return;
    }
    next_request(c);
}

static void begin_reply(struct fh__http_conn *c, struct fh__http_reply *reply)
{
    c->reply = *reply;
    c->is_sending = true;
    if (c->server->is_draining)
        c->closes = true;
    c->head_len = fh__http_head(&c->reply, c->server->cfg.utc_ms() / 1000,
                                c->door == FH__DOOR_PUBLIC, c->closes, c->head, sizeof c->head);
    c->head_at = c->body_at = 0;
    c->file_at = 0;
    if (c->head_len == 0) /* never with what we put into answers */
        close_conn(c, false);
    else
        pump(c);
}

void fh__http_conn_reply(struct fh__http_conn *c, struct fh__http_reply *reply)
{
    if (c->stream) {
        set_timer(c);
        begin_reply(c, reply);
    } else {
        c->reply = *reply;
        c->is_sending = true;
        drop_reply(c);
    }
    unref(c);
}

const struct fh_address *fh__http_conn_peer(const struct fh__http_conn *c)
{
    return &c->peer;
}

enum fh__door fh__http_conn_door(const struct fh__http_conn *c)
{
    return c->door;
}

/* ---- receiving ---- */

static void refuse(struct fh__http_conn *c, unsigned status)
{
    struct fh__http_reply reply = {.status = status, .fd = -1};

    c->is_answering = c->closes = true;
    c->is_head_only = false;
    c->server->cfg.refuse(c->server->cfg.user, status, &reply);
    set_timer(c);
    begin_reply(c, &reply);
}

static void hand_over(struct fh__http_conn *c, const struct fh__http_request *r)
{
    c->is_answering = true;
    c->is_head_only = r->method == FH__HTTP_HEAD;
    c->closes = r->closes || ++c->requests >= c->server->cfg.requests;
    c->refs++;
    set_timer(c);
    c->server->cfg.handle(c->server->cfg.user, c, r);
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct fh__http_conn *c = user;
    bool was_within = fh__http_is_within(c->http);
    size_t n;

    if (c->is_answering)
        return 0;
    n = fh__http_in(c->http, data, len);
    if (!was_within)
        set_timer(c); /* once: who sends a byte now and then is not given more time */
    if (fh__http_error(c->http) != 0)
        refuse(c, fh__http_error(c->http));
    else if (fh__http_request(c->http))
        hand_over(c, fh__http_request(c->http));
    else if (fh__http_wants_continue(c->http))
        (void)fh_stream_write(c->stream, (const uint8_t *)go_on, sizeof go_on - 1);
    return n;
}

static void on_writable(void *user)
{
    pump(user);
}

static void on_end(void *user, int error)
{
    struct fh__http_conn *c = user;

    c->peer_ended = true;
    if (error != 0 || !c->is_answering)
        close_conn(c, error == 0);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

void fh__http_serve(struct fh__http_server *s, struct fh_stream *stream,
                    const struct fh_address *peer, enum fh__door door)
{
    struct fh__http_conn *c = NULL;

    /* Each door by itself: strangers at one of them do not keep the operator out of his. */
    if (s->of_door[door] >= s->cfg.max || s->is_draining || !(c = calloc(1, sizeof *c)) ||
        !(c->http = fh__http_new())) {
        free(c);
        fh_stream_close(stream, NULL, NULL);
        return;
    }
    c->server = s;
    c->stream = stream;
    c->peer = *peer;
    c->door = door;
    c->reply.fd = -1;
    c->refs = 2;
    c->at = &s->conns;
    if ((c->next = s->conns) != NULL)
        c->next->at = &c->next;
    s->conns = c;
    s->n++;
    s->of_door[door]++;
    uv_timer_init(s->cfg.loop, &c->timer);
    c->timer.data = c;
    set_timer(c);
    fh_stream_attach(stream, &events, c);
}

/* ---- all of them ---- */

static uint32_t or_else(uint32_t v, uint32_t usual)
{
    return v != 0 ? v : usual;
}

struct fh__http_server *fh__http_server_new(const struct fh__http_server_config *cfg)
{
    struct fh__http_server *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->cfg = *cfg;
    s->cfg.max = or_else(cfg->max, 1024);
    s->cfg.idle_ms = or_else(cfg->idle_ms, 60000);
    s->cfg.request_ms = or_else(cfg->request_ms, 15000);
    s->cfg.answer_ms = or_else(cfg->answer_ms, 60000);
    s->cfg.requests = or_else(cfg->requests, 1000);
    return s;
}

void fh__http_server_drain(struct fh__http_server *s)
{
    s->is_draining = true;
    for (struct fh__http_conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        if (!c->is_answering)
            close_conn(c, false); /* nothing is on its way that could be lost */
        c->closes = true;
    }
}

void fh__http_server_close(struct fh__http_server *s, void (*closed)(void *user), void *user)
{
    if (!s)
        return;
    s->is_draining = s->is_closing = true;
    s->closed = closed;
    s->user = user;
    for (struct fh__http_conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        close_conn(c, false);
    }
    if (s->n == 0) /* no callback from inside a call: but there is nothing to wait for either */
        server_done(s);
}

unsigned fh__http_server_count(const struct fh__http_server *s)
{
    return s->n;
}
