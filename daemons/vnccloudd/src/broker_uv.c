/* SPDX-License-Identifier: MIT */
#include "broker_uv.h"

#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>
#include <farhand/tls_uv.h>

enum { QUEUE_MAX = 128 << 10 /* bytes that wait for one client */ };

struct conn {
    struct conn *next, **at;
    struct fh__broker_uv *owner;
    struct fh_stream *stream;
    struct fh__client *client;
    uint8_t *rest; /* of a frame that the stream took a part of */
    size_t rest_len, rest_at;
    struct fh__standing standing;
    bool is_closing;
};

struct fh__broker_uv {
    struct fh__broker *broker;
    struct fh__doorstep *doorstep;
    struct conn *conns;
    void (*closed)(void *user);
    void *closed_user;
    bool is_closing;
};

/* ---- the end ---- */

static void finish(struct fh__broker_uv *u)
{
    void (*closed)(void *user) = u->closed;
    void *user = u->closed_user;

    if (!u->is_closing || u->conns)
        return;
    free(u);
    if (closed)
        closed(user);
}

static void conn_free(struct conn *c)
{
    fh__client_free(c->client);
    fh__doorstep_leave(c->owner->doorstep, &c->standing);
    if (c->rest)
        fh_wipe(c->rest, c->rest_len);
    free(c->rest);
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    free(c);
}

static void on_closed(void *user)
{
    struct conn *c = user;
    struct fh__broker_uv *u = c->owner;

    conn_free(c);
    finish(u);
}

/* is_polite: what was said before goes out. */
static void close_stream(struct conn *c, bool is_polite)
{
    if (c->is_closing)
        return;
    c->is_closing = true;
    if (is_polite && !c->rest)
        fh_stream_shutdown(c->stream);
    fh_stream_close(c->stream, on_closed, c);
}

/* ---- hooks ---- */

/* The stream took a part of a frame: the rest goes before anything else. */
static bool keep_rest(struct conn *c, const uint8_t *data, size_t len)
{
    if (!(c->rest = malloc(len)))
        return false;
    memcpy(c->rest, data, len);
    c->rest_len = len;
    c->rest_at = 0;
    return true;
}

static bool on_send(void *user, const uint8_t *frame, size_t len)
{
    struct conn *c = user;
    struct fh_stream_counters n;
    int took;

    fh_stream_counters(c->stream, &n);
    if (c->is_closing || c->rest || n.queued + len > QUEUE_MAX)
        return false;
    took = fh_stream_write(c->stream, frame, len);
    if (took <= 0)
        return false;
    return (size_t)took == len || keep_rest(c, frame + took, len - (size_t)took);
}

static void on_ready(void *user)
{
    fh_stream_resume(((struct conn *)user)->stream);
}

static void on_signed_in(void *user)
{
    struct conn *c = user;

    fh__doorstep_leave(c->owner->doorstep, &c->standing);
}

static void on_close(void *user)
{
    close_stream(user, true);
}

void fh__broker_uv_hooks(struct fh__broker_hooks *hooks)
{
    hooks->send = on_send;
    hooks->ready = on_ready;
    hooks->signed_in = on_signed_in;
    hooks->close = on_close;
}

/* ---- the stream ---- */

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    return fh__client_input(((struct conn *)user)->client, data, len);
}

static void on_writable(void *user)
{
    struct conn *c = user;
    int took;

    if (!c->rest)
        return;
    took = fh_stream_write(c->stream, c->rest + c->rest_at, c->rest_len - c->rest_at);
    c->rest_at += took > 0 ? (size_t)took : 0;
    if (c->rest_at < c->rest_len)
        return;
    fh_wipe(c->rest, c->rest_len);
    free(c->rest);
    c->rest = NULL;
}

static void on_end(void *user, int error)
{
    struct conn *c = user;

    fh__client_gone(c->client);
    close_stream(c, error == 0);
}

static const struct fh_stream_events events = {on_data, on_writable, on_end};

void fh__broker_uv_serve(struct fh__broker_uv *u, struct fh_stream *s,
                         const struct fh_address *peer, const uint8_t binding[FH_CLOUD_BINDING_LEN])
{
    struct conn *c = calloc(1, sizeof *c);
    struct fh__gcra_source from;

    fh__gcra_source(peer, &from);
    if (c)
        c->client = fh__client_new(u->broker, c, peer, binding);
    if (!c || !c->client || u->is_closing ||
        !fh__doorstep_enter(u->doorstep, &from, &c->standing)) {
        if (c)
            fh__client_free(c->client);
        free(c);
        fh_stream_close(s, NULL, NULL);
        return;
    }
    c->owner = u;
    c->stream = s;
    c->next = u->conns;
    c->at = &u->conns;
    if (c->next)
        c->next->at = &c->next;
    u->conns = c;
    fh_stream_attach(s, &events, c);
}

void fh__broker_uv_accept(void *user, struct fh_stream *s, const struct fh_address *peer)
{
    uint8_t binding[FH_CLOUD_BINDING_LEN];

    if (fh_tls_exporter(s, FH_CLOUD_EXPORTER, NULL, 0, binding, sizeof binding) == 0)
        fh__broker_uv_serve(user, s, peer, binding);
    else
        fh_stream_close(s, NULL, NULL);
    fh_wipe(binding, sizeof binding);
}

void fh__broker_uv_peer(const void *conn, char *out, size_t room)
{
    fh_stream_peer(((const struct conn *)conn)->stream, out, room);
}

/* ---- life ---- */

struct fh__broker_uv *fh__broker_uv_new(struct fh__broker *b, struct fh__doorstep *d)
{
    struct fh__broker_uv *u = calloc(1, sizeof *u);

    if (!u)
        return NULL;
    u->broker = b;
    u->doorstep = d;
    return u;
}

void fh__broker_uv_close(struct fh__broker_uv *u, void (*closed)(void *user), void *user)
{
    struct conn *c, *next;

    u->is_closing = true;
    u->closed = closed;
    u->closed_user = user;
    for (c = u->conns; c; c = next) {
        next = c->next;
        fh__client_gone(c->client);
        close_stream(c, true);
    }
    if (!u->conns)
        finish(u);
}
