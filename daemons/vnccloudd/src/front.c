/* SPDX-License-Identifier: MIT */
#include "front.h"

#include <stdlib.h>
#include <string.h>

#include <farhand/broker.h>
#include <farhand/tcp.h>
#include <farhand/tls_uv.h>

#include "table.h"

enum {
    HELLO_MS = 3000, /* to a whole ClientHello */
    HANDSHAKE_MS = 10000,
    BACKLOG = 1024,
    LIMIT_SLOTS = 65536,
    REPORT_MS = 10000,
    STEP_MS = 2 * FH__WHEEL_TICK, /* while somebody waits */
    IDLE_STEP_MS = 100            /* while somebody stands there */
};

static const char *const protocols[FH__FRONT_PROTOCOLS] = {
    [FH__FRONT_BROKER] = FH_BROKER_ALPN,
    [FH__FRONT_RELAY] = FH_RELAY_ALPN,
    [FH__FRONT_HTTP] = "http/1.1",
};

/* Somebody whose handshake is not done. */
struct visitor {
    struct fh__waiter waiter;
    struct visitor *next, **at;
    struct fh__front *front;
    struct fh_tls_starting *starting;
    struct fh__standing standing;
    struct fh_address peer;
};

struct fh__front {
    uv_loop_t *loop;
    struct fh__front_config cfg;
    struct fh_tls_context *tls;
    struct fh_tcp_listener *listener;
    struct fh__admission admission;
    struct fh__timer timer, report;
    uint64_t timer_at;
    struct fh__gcra host, network;
    struct visitor *visitors;
    struct fh__front_counters counters;
    void (*closed)(void *user);
    void *closed_user;
    bool is_closing, is_listening; /* listening: also while the listener closes */
};

static uint64_t now(const struct fh__front *f)
{
    return f->cfg.now_ms(f->cfg.user);
}

/* ---- time ---- */

/* Sooner than it was set, never later: or who keeps coming would keep all from being let in. */
static void set_timer(struct fh__front *f)
{
    bool waits = f->admission.full.n + f->admission.resumed.n > 0;
    uint64_t at = now(f) + (waits ? STEP_MS : IDLE_STEP_MS);

    if (!f->visitors || (fh__timer_is_set(&f->timer) && f->timer_at <= at))
        return;
    fh__wheel_clear(f->cfg.wheel, &f->timer);
    fh__wheel_set(f->cfg.wheel, &f->timer, at);
    f->timer_at = at;
}

static void on_timer(struct fh__timer *t, uint64_t now_ms)
{
    struct fh__front *f = FH__OF(t, struct fh__front, timer);

    fh__admission_load(&f->admission, now_ms, f->cfg.busy_us(f->cfg.user));
    fh__admission_tick(&f->admission, now_ms);
    set_timer(f);
}

/* One line in a window, however many were refused. */
static void on_report(struct fh__timer *t, uint64_t now_ms)
{
    struct fh__front *f = FH__OF(t, struct fh__front, report);
    struct fh__gcra_report r;

    if (fh__gcra_report(&f->host, now_ms, &r))
        fh__log(FH__LOG_WARNING, "limit-%s: %llu refused", r.name, (unsigned long long)r.refused);
    if (fh__gcra_report(&f->network, now_ms, &r))
        fh__log(FH__LOG_WARNING, "limit-%s: %llu refused", r.name, (unsigned long long)r.refused);
    fh__wheel_set(f->cfg.wheel, t, now_ms + REPORT_MS);
}

/* ---- visitors ---- */

static void finish(struct fh__front *f);

static void visitor_free(struct visitor *v)
{
    struct fh__front *f = v->front;

    fh__admission_leave(&f->admission, &v->waiter);
    fh__doorstep_leave(f->cfg.doorstep, &v->standing);
    *v->at = v->next;
    if (v->next)
        v->next->at = v->at;
    free(v);
}

static void on_go(struct fh__waiter *w)
{
    fh_tls_go_on(FH__OF(w, struct visitor, waiter)->starting);
}

static void on_drop(struct fh__waiter *w)
{
    fh_tls_cancel(FH__OF(w, struct visitor, waiter)->starting);
}

static bool on_admit(void *user, struct fh_tls_starting *t, bool resumes)
{
    struct visitor *v = user;
    struct fh__front *f = v->front;
    bool at_once;

    v->starting = t;
    v->waiter.resumes = resumes;
    at_once = fh__admission_enter(&f->admission, now(f), &v->waiter);
    if (!at_once)
        set_timer(f);
    return at_once;
}

static enum fh__front_protocol protocol_of(const char *alpn)
{
    for (int i = 0; i < FH__FRONT_PROTOCOLS; i++)
        if (strcmp(alpn, protocols[i]) == 0)
            return (enum fh__front_protocol)i;
    return FH__FRONT_HTTP;
}

static void hand_on(struct fh__front *f, struct fh_stream *s, const struct fh_address *peer)
{
    struct fh_tls_info info;
    enum fh__front_protocol to = FH__FRONT_HTTP;

    f->counters.handshakes++;
    if (fh_tls_info(s, &info) == 0) {
        f->counters.resumed += info.resumed;
        to = protocol_of(info.alpn);
    }
    f->counters.protocols[to]++;
    if (f->cfg.acceptors[to].accept)
        f->cfg.acceptors[to].accept(f->cfg.acceptors[to].user, s, peer);
    else
        fh_stream_close(s, NULL, NULL);
}

static void on_done(void *user, struct fh_stream *s, int error, const char *text)
{
    struct visitor *v = user;
    struct fh__front *f = v->front;
    struct fh_address peer = v->peer;
    char name[FH_ADDRESS_TEXT];

    visitor_free(v);
    if (s && f->is_closing) {
        fh_stream_close(s, NULL, NULL);
    } else if (s) {
        hand_on(f, s, &peer);
    } else {
        f->counters.failed++;
        fh_address_print(&peer, name, sizeof name);
        fh__log(FH__LOG_DEBUG, "handshake with %s: %s (%d)", name, text, error);
    }
    finish(f);
}

/* ---- accepting ---- */

static bool may_come(struct fh__front *f, const struct fh__gcra_source *from)
{
    uint64_t at = now(f);

    if (fh__gcra_take(&f->network, at, from->network, sizeof from->network, NULL) &&
        fh__gcra_take(&f->host, at, from->host, sizeof from->host, NULL))
        return true;
    f->counters.limited++;
    return false;
}

static void begin(struct fh__front *f, struct fh_stream *s, const struct fh__gcra_source *from)
{
    struct visitor *v = calloc(1, sizeof *v);
    struct fh_tls_start_config cfg = {.hello_ms = HELLO_MS,
                                      .handshake_ms = HANDSHAKE_MS,
                                      .admit = on_admit,
                                      .done = on_done,
                                      .user = v};

    if (!v || !fh__doorstep_enter(f->cfg.doorstep, from, &v->standing)) {
        free(v);
        fh_stream_close(s, NULL, NULL);
        return;
    }
    v->front = f;
    v->waiter.go = on_go;
    v->waiter.drop = on_drop;
    fh_stream_address(s, &v->peer);
    v->next = f->visitors;
    v->at = &f->visitors;
    if (v->next)
        v->next->at = &v->next;
    f->visitors = v;
    if (fh_tls_start(f->loop, f->tls, s, &cfg, &v->starting) != 0)
        visitor_free(v);
    set_timer(f);
}

static void on_accept(void *user, struct fh_stream *s)
{
    struct fh__front *f = user;
    struct fh__gcra_source from;
    struct fh_address peer;

    f->counters.accepted++;
    fh_stream_address(s, &peer);
    fh__gcra_source(&peer, &from);
    if (may_come(f, &from))
        begin(f, s, &from);
    else
        fh_stream_close(s, NULL, NULL);
}

static void on_trouble(void *user, int error, const char *text)
{
    (void)user;
    (void)error;
    fh__log(FH__LOG_ERROR, "cannot accept connections: %s", text);
}

/* ---- life ---- */

void fh__front_configure(struct fh__front *f, const struct fh__config *c)
{
    fh__gcra_set_rate(&f->host, &c->limit_handshake);
    fh__gcra_set_rate(&f->network, &c->limit_handshake_network);
    fh__admission_set_rate(&f->admission, c->handshakes);
    fh__doorstep_configure(f->cfg.doorstep, c->max_half_open, c->max_half_open_source,
                           c->max_half_open_memory_kib);
}

static struct fh__front *front_new(uv_loop_t *loop, const struct fh__config *c,
                                   const struct fh__front_config *cfg)
{
    struct fh__front *f = calloc(1, sizeof *f);
    uint8_t keys[2][FH__GCRA_KEY];

    if (!f)
        return NULL;
    f->loop = loop;
    f->cfg = *cfg;
    f->timer.fire = on_timer;
    f->report.fire = on_report;
    fh__admission_init(&f->admission, now(f), c->handshakes);
    cfg->random(cfg->user, keys, sizeof keys);
    if (fh__gcra_init(&f->host, "handshake", &c->limit_handshake, LIMIT_SLOTS, keys[0]) != 0 ||
        fh__gcra_init(&f->network, "handshake-network", &c->limit_handshake_network, LIMIT_SLOTS,
                      keys[1]) != 0) {
        fh__gcra_finish(&f->host);
        free(f);
        return NULL;
    }
    fh__front_configure(f, c);
    fh__wheel_set(cfg->wheel, &f->report, now(f) + REPORT_MS);
    return f;
}

static void front_free(struct fh__front *f)
{
    fh__wheel_clear(f->cfg.wheel, &f->timer);
    fh__wheel_clear(f->cfg.wheel, &f->report);
    fh_tls_free(f->tls);
    fh__gcra_finish(&f->host);
    fh__gcra_finish(&f->network);
    free(f);
}

int fh__front_open(uv_loop_t *loop, const struct fh__config *c, const struct fh__front_config *cfg,
                   struct fh__front **out, char *why, size_t room)
{
    struct fh__front *f = front_new(loop, c, cfg);
    struct fh_tcp_listen_config listen = {.addresses = (const char *const *)c->listen,
                                          .addresses_len = c->n_listen,
                                          .backlog = BACKLOG,
                                          .accept = on_accept,
                                          .trouble = on_trouble,
                                          .user = f};

    if (!f) {
        snprintf(why, room, "out of memory");
        return -1;
    }
    if (fh_tcp_listen(loop, &listen, &f->listener, why, room) != 0) {
        front_free(f);
        return -1;
    }
    f->is_listening = true;
    *out = f;
    return 0;
}

int fh__front_certificate(struct fh__front *f, const char *cert_pem, const char *key_pem, char *why,
                          size_t room)
{
    struct fh_tls_server_config cfg = {.cert_pem = cert_pem,
                                       .key_pem = key_pem,
                                       .alpn = protocols,
                                       .alpn_len = FH__FRONT_PROTOCOLS};
    int error = f->tls ? fh_tls_server_reload(f->tls, cert_pem, key_pem, why, room)
                       : fh_tls_server_new(&cfg, &f->tls, why, room);

    return error ? -1 : 0;
}

size_t fh__front_count_sockets(const struct fh__front *f)
{
    return f->listener ? fh_tcp_listener_count(f->listener) : 0;
}

void fh__front_address(const struct fh__front *f, size_t i, struct fh_address *out)
{
    fh_tcp_listener_address(f->listener, i, out);
}

void fh__front_count(const struct fh__front *f, struct fh__front_counters *out)
{
    *out = f->counters;
    out->dropped = f->admission.dropped;
    out->rate = f->admission.rate;
    out->waiting = f->admission.full.n + f->admission.resumed.n;
    out->limits[0] = &f->host;
    out->limits[1] = &f->network;
}

/* When all are gone who were there. */
static void finish(struct fh__front *f)
{
    void (*closed)(void *user) = f->closed;
    void *user = f->closed_user;

    if (!f->is_closing || f->is_listening || f->visitors)
        return;
    front_free(f);
    if (closed)
        closed(user);
}

static void on_listener_closed(void *user)
{
    struct fh__front *f = user;

    f->is_listening = false;
    finish(f);
}

void fh__front_close(struct fh__front *f, void (*closed)(void *user), void *user)
{
    f->is_closing = true;
    f->closed = closed;
    f->closed_user = user;
    fh_tcp_listener_close(f->listener, on_listener_closed, f);
    f->listener = NULL;
    for (struct visitor *v = f->visitors; v; v = v->next)
        fh_tls_cancel(v->starting);
}
