/* SPDX-License-Identifier: MIT */
/* relay.c -- a TURN client with its own socket: UDP, TCP, or TLS over TCP (RFC 8656 section 3.1).
 */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "tls.h"
#include "uv_internal.h"

enum {
    OUT_MAX = 256 << 10, /* bytes that wait for a TCP connection; more are lost, as by UDP */
    TLS_OVERHEAD = 512,  /* of a message, at most; and what a handshake may add */
    OPEN_MS = 7000,      /* for TCP, with two of its first segments lost, and for TLS */
    FIRST_MOVE_MS = 100,
    MAX_MOVES = 8, /* the last one after 25 s */
    MOVE_PROVES_MS = 10000
};

struct fh__relay {
    struct fh__relay_owner owner;
    struct fh_turn *turn; /* in its own memory */
    struct fh_turn_base base;
    enum fh_ice_uv_carrier carrier;
    union {
        uv_handle_t handle;
        uv_udp_t udp;
        uv_tcp_t tcp;
    } socket;
    uv_timer_t timer;
    uv_connect_t connect;
    bool has_socket, is_connected, is_closing, is_dead, is_opening_again;
    bool is_moving;      /* the allocation goes over to the next socket (RFC 8016) */
    unsigned moves;      /* tries to open that one */
    uint64_t open_at_ms; /* when to try again; 0: not */
    uint64_t open_by_ms; /* when a stream must be ready; 0: it is, or there is none */
    uint64_t moved_ms;   /* the last time that it worked; 0: never */
    int open_handles;
    size_t queued; /* bytes with libuv */
    char username[FH_STUN_MAX_USERNAME + 1], password[256];
    const char *ca_pem; /* of TLS: whom to trust; borrowed */
    char tls_name[256];
    struct fh__tls *tls; /* of the socket that there is */
    bool is_torn;        /* the stream is of no more use */
    struct fh_turn_frames frames;
    uint8_t in[FH_ICE_UV_MAX_DATAGRAM + 64];
    uint8_t out[FH_ICE_UV_MAX_DATAGRAM + FH_TURN_MAX_OVERHEAD];
};

/* A message on its way through TCP. */
struct write {
    uv_write_t req;
    struct fh__relay *relay;
    size_t len;
    uint8_t data[];
};

static void open_socket(struct fh__relay *r);
static void finish(struct fh__relay *r);
static void lost(struct fh__relay *r);

static uint64_t now(const struct fh__relay *r)
{
    return uv_now(r->owner.loop);
}

/* ---- out ------------------------------------------------------------------------------------ */

static void on_written(uv_write_t *req, int status)
{
    struct write *w = (struct write *)req;

    (void)status; /* the reading side hears of it */
    w->relay->queued -= w->len;
    free(w);
}

static int send_tcp(struct fh__relay *r, const uint8_t *data, size_t len)
{
    struct write *w;
    uv_buf_t buf;

    if (r->queued + len > OUT_MAX)
        return FH_ICE_E_LIMIT;
    w = malloc(sizeof *w + len);
    if (!w)
        return FH_ICE_E_RESOURCES;
    w->relay = r;
    w->len = len;
    memcpy(w->data, data, len);
    buf = uv_buf_init((char *)w->data, (unsigned)len);
    if (uv_write(&w->req, (uv_stream_t *)&r->socket.tcp, &buf, 1, on_written) != 0) {
        free(w);
        return FH_ICE_E_SYSTEM;
    }
    r->queued += len;
    return 0;
}

/* A queue that is full drops whole messages: inside TLS nothing may be missing. */
static int send_tls(struct fh__relay *r, const uint8_t *data, size_t len)
{
    if (r->queued + len + TLS_OVERHEAD > OUT_MAX)
        return FH_ICE_E_LIMIT;
    if (fh__tls_write(r->tls, data, len) == 0)
        return 0;
    r->is_torn = true;
    return FH_ICE_E_LOST;
}

static int send_message(struct fh__relay *r, const uint8_t *data, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
    int ret;

    if (!r->is_connected)
        return FH_ICE_E_STATE;
    if (r->carrier == FH_ICE_UV_TLS)
        return send_tls(r, data, len);
    if (r->carrier == FH_ICE_UV_TCP)
        return send_tcp(r, data, len);
    ret = uv_udp_try_send(&r->socket.udp, &buf, 1, NULL);
    if (ret >= 0)
        return 0;
    return ret == UV_EAGAIN || ret == UV_ENOBUFS || ret == UV_EMSGSIZE ? FH_ICE_E_LIMIT
                                                                       : FH_ICE_E_SYSTEM;
}

int fh__relay_send(struct fh__relay *r, const struct fh_ice_address *peer, const void *data,
                   size_t len)
{
    int n = fh_turn_wrap(r->turn, now(r), peer, data, len, r->out, sizeof r->out);

    return n < 0 ? n : send_message(r, r->out, (size_t)n);
}

/* ---- what the client says ------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t)
{
    struct fh__relay *r = FH__CONTAINER(t, struct fh__relay, timer);

    if (r->open_by_ms != 0 && r->open_by_ms <= now(r)) {
        lost(r);
        return;
    }
    if (r->open_at_ms != 0 && r->open_at_ms <= now(r)) {
        r->open_at_ms = 0;
        open_socket(r);
    }
    fh_turn_base_tick(&r->base, now(r));
    fh__relay_pump(r);
    if (!r->is_closing)
        r->owner.changed(r->owner.user);
}

static void set_timer(struct fh__relay *r)
{
    uint64_t at = fh_turn_base_deadline(&r->base);

    if (r->open_at_ms != 0 && r->open_at_ms < at)
        at = r->open_at_ms;
    if (r->open_by_ms != 0 && r->open_by_ms < at)
        at = r->open_by_ms;
    if (r->is_dead || at == UINT64_MAX)
        uv_timer_stop(&r->timer);
    else
        uv_timer_start(&r->timer, on_timer, at > now(r) ? at - now(r) : 0, 0);
}

static void on_event(struct fh__relay *r, const struct fh_turn_event *ev)
{
    switch (ev->type) {
    case FH_TURN_EV_REDIRECTED:
        open_socket(r);
        return;
    case FH_TURN_EV_FAILED:
    case FH_TURN_EV_CLOSED:
        finish(r);
        return;
    case FH_TURN_EV_READY:
    case FH_TURN_EV_PERMITTED:
    case FH_TURN_EV_REFUSED:
    case FH_TURN_EV_BOUND:
        return;
    case FH_TURN_EV_MOVED:
        r->is_moving = false;
        r->moves = 0;
        r->moved_ms = now(r);
        return;
    }
}

void fh__relay_pump(struct fh__relay *r)
{
    struct fh_turn_message m;
    struct fh_turn_event ev;

    while (!r->is_dead && fh_turn_base_event(&r->base, now(r), &ev) > 0)
        on_event(r, &ev);
    while (!r->is_dead && fh_turn_output(r->turn, now(r), &m) > 0)
        (void)send_message(r, m.data, m.len);
    if (r->open_handles > 0)
        set_timer(r);
}

bool fh__relay_has(const struct fh__relay *r, int base)
{
    return fh_turn_base_has(&r->base, base);
}

bool fh__relay_is_for(const struct fh__relay *r, uint8_t family)
{
    return !r->is_dead && !r->is_closing && fh_turn_server(r->turn).family == family;
}

bool fh__relay_event(struct fh__relay *r, const struct fh_ice_event *ev)
{
    return !r->is_dead && fh_turn_base_agent_event(&r->base, now(r), ev);
}

/* ---- in ------------------------------------------------------------------------------------- */

static void take(struct fh__relay *r, const uint8_t *data, size_t len)
{
    struct fh_turn_data d;
    int base;

    if (r->is_dead || fh_turn_input(r->turn, now(r), data, len, &d) <= 0 || r->is_closing)
        return;
    base = fh_turn_base_of(&r->base, &d.peer);
    if (base >= 0)
        r->owner.arrived(r->owner.user, base, &d.peer, d.data, d.len);
}

static void after_input(struct fh__relay *r)
{
    fh__relay_pump(r);
    if (!r->is_closing)
        r->owner.changed(r->owner.user);
}

static void on_alloc_udp(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct fh__relay *r = h->data;

    (void)suggested;
    *buf = uv_buf_init((char *)r->in, sizeof r->in);
}

static void on_udp(uv_udp_t *h, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                   unsigned flags)
{
    struct fh__relay *r = h->data;

    if (n <= 0 || !from || (flags & UV_UDP_PARTIAL))
        return;
    take(r, (const uint8_t *)buf->base, (size_t)n);
    after_input(r);
}

static void on_alloc_tcp(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct fh__relay *r = h->data;
    size_t room = sizeof r->in;
    uint8_t *at = r->carrier == FH_ICE_UV_TLS ? r->in : fh_turn_frames_in(&r->frames, &room);

    (void)suggested;
    *buf = uv_buf_init((char *)at, (unsigned)room);
}

/*
 * With a ticket the allocation outlives its socket: the next one takes it over. It is opened at
 * once, and then in growing intervals: an address comes before the routes that go with it. A server
 * that ends a stream just after it was moved (coturn 4.6 does) is not believed again.
 */
static bool move(struct fh__relay *r)
{
    bool is_refused = r->moved_ms != 0 && now(r) - r->moved_ms < MOVE_PROVES_MS;

    if (!fh_turn_can_move(r->turn) || r->is_closing || r->moves == MAX_MOVES || is_refused)
        return false;
    r->is_moving = true;
    r->open_at_ms = now(r) + (r->moves == 0 ? 0 : (uint64_t)FIRST_MOVE_MS << r->moves);
    r->moves++;
    return true;
}

static void lost(struct fh__relay *r)
{
    r->is_connected = false;
    r->open_by_ms = 0;
    if (move(r)) {
        set_timer(r);
        return;
    }
    fh_turn_disconnected(r->turn, now(r));
    fh_turn_base_finish(&r->base, now(r));
    finish(r);
    after_input(r);
}

/* Bytes of the server are in r->frames. Returns false if they are none of TURN. */
static bool take_frames(struct fh__relay *r)
{
    const uint8_t *data;
    size_t len;
    int more;

    while ((more = fh_turn_frames_next(&r->frames, &data, &len)) > 0)
        take(r, data, len);
    return more == 0;
}

static void on_tls_plain(void *user, const uint8_t *data, size_t len)
{
    struct fh__relay *r = user;

    while (len > 0 && !r->is_torn) {
        size_t room, n;
        uint8_t *at = fh_turn_frames_in(&r->frames, &room);

        n = len < room ? len : room;
        memcpy(at, data, n);
        fh_turn_frames_in_done(&r->frames, n);
        data += n;
        len -= n;
        r->is_torn = !take_frames(r);
    }
}

static void on_tcp(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
    struct fh__relay *r = h->data;

    if (n == 0)
        return;
    if (n > 0 && r->carrier == FH_ICE_UV_TLS) {
        r->is_torn |= fh__tls_input(r->tls, (const uint8_t *)buf->base, (size_t)n) != 0;
    } else if (n > 0) {
        fh_turn_frames_in_done(&r->frames, (size_t)n);
        r->is_torn = !take_frames(r);
    }
    if (n < 0 || r->is_torn) {
        (void)uv_read_stop(h);
        lost(r);
        return;
    }
    after_input(r);
}

/* ---- the socket ----------------------------------------------------------------------------- */

static void ready(struct fh__relay *r)
{
    r->is_connected = true;
    r->open_by_ms = 0;
    if (!r->is_moving || fh_turn_moved(r->turn, now(r)) != 0)
        fh_turn_connected(r->turn, now(r));
    fh__relay_pump(r);
}

static int on_tls_send(void *user, const uint8_t *data, size_t len)
{
    return send_tcp(user, data, len);
}

static void on_tls_opened(void *user)
{
    ready(user);
}

/* Returns false if there can be none. */
static bool start_tls(struct fh__relay *r)
{
    struct fh__tls_config cfg = {.name = r->tls_name,
                                 .ca_pem = r->ca_pem,
                                 .user = r,
                                 .send = on_tls_send,
                                 .plain = on_tls_plain,
                                 .opened = on_tls_opened};

    return fh__tls_new(&cfg, &r->tls) == 0 && fh__tls_input(r->tls, NULL, 0) == 0;
}

static void on_connected(uv_connect_t *c, int status)
{
    struct fh__relay *r = c->data;

    if (status == UV_ECANCELED || r->is_dead || r->open_handles == 0)
        return;
    if (status != 0 || uv_read_start((uv_stream_t *)&r->socket.tcp, on_alloc_tcp, on_tcp) != 0 ||
        (r->carrier == FH_ICE_UV_TLS && !start_tls(r))) {
        lost(r);
        return;
    }
    uv_tcp_nodelay(&r->socket.tcp, 1);
    if (r->carrier == FH_ICE_UV_TCP)
        ready(r);
    if (!r->is_closing)
        r->owner.changed(r->owner.user);
}

static int start_udp(struct fh__relay *r, const struct sockaddr *sa)
{
    int ret = uv_udp_init(r->owner.loop, &r->socket.udp);

    if (ret != 0)
        return ret;
    r->has_socket = true;
    r->open_handles++;
    r->socket.handle.data = r;
    ret = uv_udp_connect(&r->socket.udp, sa);
    if (ret == 0)
        ret = uv_udp_recv_start(&r->socket.udp, on_alloc_udp, on_udp);
    if (ret == 0)
        ready(r);
    return ret;
}

static int start_tcp(struct fh__relay *r, const struct sockaddr *sa)
{
    int ret = uv_tcp_init(r->owner.loop, &r->socket.tcp);

    if (ret != 0)
        return ret;
    r->has_socket = true;
    r->open_handles++;
    r->socket.handle.data = r;
    r->connect.data = r;
    memset(&r->frames, 0, sizeof r->frames);
    r->is_torn = false;
    r->open_by_ms = now(r) + OPEN_MS;
    return uv_tcp_connect(&r->connect, &r->socket.tcp, sa, on_connected);
}

static void start_socket(struct fh__relay *r)
{
    struct fh_ice_address server = fh_turn_server(r->turn);
    struct sockaddr_storage sa;
    int ret;

    (void)fh__ice_to_sockaddr(&server, false, 0, &sa);
    ret = r->carrier != FH_ICE_UV_UDP ? start_tcp(r, (struct sockaddr *)&sa)
                                      : start_udp(r, (struct sockaddr *)&sa);
    if (ret != 0)
        lost(r);
    else
        set_timer(r);
}

static void free_relay(struct fh__relay *r)
{
    if (!r)
        return;
    fh__ice_wipe(r->password, sizeof r->password);
    fh__tls_free(r->tls);
    free(r);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct fh__relay *r = h->data;

    r->open_handles--;
    if (h != (uv_handle_t *)&r->timer) {
        r->has_socket = false;
        fh__tls_free(r->tls);
        r->tls = NULL;
    }
    if (r->is_opening_again && !r->has_socket && !r->is_dead) {
        r->is_opening_again = false;
        start_socket(r);
        return;
    }
    if (r->open_handles > 0)
        return;
    r->owner.closed(r->owner.user, r);
    fh_turn_finish(r->turn);
    free(r->turn);
    free_relay(r);
}

/* To fh_turn_server(), which may be another one than before. */
static void open_socket(struct fh__relay *r)
{
    if (!r->has_socket) {
        start_socket(r);
        return;
    }
    r->is_connected = false;
    r->is_opening_again = true;
    if (!uv_is_closing(&r->socket.handle))
        uv_close(&r->socket.handle, on_handle_closed);
}

static bool is_local(const struct fh__relay *r, const struct fh__interface *list, size_t len)
{
    struct sockaddr_storage sa;
    struct fh_ice_address own;
    int n = sizeof sa;
    int ret = r->carrier == FH_ICE_UV_UDP
                  ? uv_udp_getsockname(&r->socket.udp, (struct sockaddr *)&sa, &n)
                  : uv_tcp_getsockname(&r->socket.tcp, (struct sockaddr *)&sa, &n);

    if (ret != 0)
        return true;
    fh__ice_from_sockaddr((struct sockaddr *)&sa, &own);
    for (size_t i = 0; i < len; i++)
        if (fh_ice_address_equal_host(&list[i].address, &own))
            return true;
    return fh_ice_address_scope(&own) == FH_ICE_SCOPE_LOOPBACK;
}

void fh__relay_addresses(struct fh__relay *r, const struct fh__interface *list, size_t len)
{
    if (!r->is_dead && !r->is_closing && r->has_socket && r->is_connected && len > 0 &&
        !is_local(r, list, len))
        lost(r);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void finish(struct fh__relay *r)
{
    r->is_dead = true;
    r->is_connected = false;
    if (!uv_is_closing((uv_handle_t *)&r->timer))
        uv_close((uv_handle_t *)&r->timer, on_handle_closed);
    if (r->has_socket && !uv_is_closing(&r->socket.handle))
        uv_close(&r->socket.handle, on_handle_closed);
}

void fh__relay_close(struct fh__relay *r)
{
    if (r->is_closing)
        return;
    r->is_closing = true;
    fh_turn_base_finish(&r->base, now(r));
    if (r->is_dead || !r->is_connected) {
        finish(r);
        return;
    }
    fh_turn_close(r->turn, now(r));
    fh__relay_pump(r);
}

static enum fh_turn_carrier carrier_of(const struct fh__relay *r)
{
    switch (r->carrier) {
    case FH_ICE_UV_UDP:
        return FH_TURN_UDP;
    case FH_ICE_UV_TCP:
        return FH_TURN_TCP;
    case FH_ICE_UV_TLS:
        break;
    }
    return FH_TURN_TLS;
}

static struct fh_turn *make_client(struct fh__relay *r, const struct fh_ice_address *server)
{
    struct fh_turn_config cfg = {.server = *server,
                                 .carrier = carrier_of(r),
                                 .username = r->username,
                                 .password = r->password,
                                 .ipv4 = true,
                                 .mobility = true,
                                 .random = fh__ice_random};
    size_t len = fh_turn_size();
    void *mem = malloc(len);
    struct fh_turn *t = mem ? fh_turn_init(mem, len, &cfg) : NULL;

    if (!t)
        free(mem);
    return t;
}

struct fh__relay *fh__relay_new(const struct fh__relay_owner *owner,
                                const struct fh_ice_uv_turn *cfg,
                                const struct fh_ice_address *server)
{
    struct fh__relay *r = calloc(1, sizeof *r);

    if (!r || strlen(cfg->username) >= sizeof r->username ||
        strlen(cfg->password) >= sizeof r->password ||
        strlen(cfg->tls_name) >= sizeof r->tls_name) {
        free_relay(r);
        return NULL;
    }
    r->owner = *owner;
    r->carrier = cfg->carrier;
    memcpy(r->username, cfg->username, strlen(cfg->username) + 1);
    memcpy(r->password, cfg->password, strlen(cfg->password) + 1);
    memcpy(r->tls_name, cfg->tls_name, strlen(cfg->tls_name) + 1);
    r->ca_pem = cfg->ca_pem;
    r->turn = make_client(r, server);
    if (!r->turn) {
        free_relay(r);
        return NULL;
    }
    (void)uv_timer_init(owner->loop, &r->timer);
    r->timer.data = r;
    r->open_handles = 1;
    fh_turn_base_init(&r->base, now(r), owner->agent, r->turn, -1);
    open_socket(r);
    fh__relay_pump(r);
    return r;
}
