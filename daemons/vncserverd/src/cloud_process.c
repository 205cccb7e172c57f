/* SPDX-License-Identifier: MIT */
/*
 * cloud_process.c -- the process that speaks with a cloud. It is signed in there, tells the monitor
 * who asks, and joins each stream to one end of a socket pair, whose other end the monitor gets. It
 * carries bytes that it cannot read, decides nothing, and has no key but the one that opens what
 * viewers say of their networks: the key process signs for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <farhand/cloud_uv.h>
#include <farhand/identity_uv.h>
#include <farhand/proxy.h>
#include <farhand/tcp.h>

#include "bridge.h"
#include "child.h"
#include "log.h"
#include "options.h"
#include "role.h"

enum {
    QUEUE_LEN = 64 << 10, /* bytes of each direction that wait in a socket pair: not much, */
    SIGN_AGAIN_MS = 3000, /* for pictures would grow old there. The key had no signature for us */
    WAKE_MS = 300000,     /* after the cloud refused us for good: somebody may have mended it */
    TELL_MS = 2000,       /* between two words about one connection's path */
    WAITING_MAX = 4,      /* streams of one connection on which nothing was said yet */
    SIGNATURES_MAX = 4
};

/* What the key process was asked for. */
struct asked {
    uint32_t serial;
    uint8_t body[1 + FH_TRANSCRIPT_HASH_LEN];
};

struct speaker;

/* To the key process; another for each that there is. */
struct key_way {
    struct fh__link link;
    struct speaker *s;
};

struct speaker {
    uv_loop_t loop;
    uv_timer_t sign_again, wake;
    struct fh__link monitor;
    struct key_way *key; /* NULL: the key process is not there */
    struct fh_cloud *cloud;
    enum fh_cloud_policy policy;
    struct fh_ice_uv_config ice;
    uint32_t last_connection;
    struct call *calls;
    struct asked asked[SIGNATURES_MAX];
    unsigned n_asked;
};

/* A stream that stands, until its peer says something. */
struct waiting {
    struct call *call; /* NULL: the place is free */
    struct fh_stream *stream;
    enum fh_cloud_way way;
};

struct call {
    struct speaker *s;
    struct call *next;
    struct fh_cloud_conn *conn;
    uint32_t number;
    bool is_answered, has_ended;
    struct waiting waiting[WAITING_MAX];
    char told[FH__TEXT_MAX];
    uint64_t told_ms;
};

/* ---- to the monitor ---- */

static void tell(struct speaker *s, unsigned number, const struct wr *w, int fd)
{
    if (w->bad || fh__link_send(&s->monitor, number, w->mem, w->len, fd) != 0)
        fh__log(FH__LOG_ERROR, "the monitor cannot be told");
}

static void tell_number(struct speaker *s, unsigned message, uint32_t number)
{
    uint8_t body[4];
    struct wr w = wr_init(body, sizeof body);

    wr_u32(&w, number);
    tell(s, message, &w, -1);
}

static void tell_state(struct speaker *s, bool is_online, uint64_t retry_ms, const char *why)
{
    const struct fh__msg_cloud_state m = {
        is_online, retry_ms < UINT32_MAX ? (uint32_t)retry_ms : UINT32_MAX, fh__text_of(why)};
    uint8_t body[5 + FH__TEXT_MAX];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_cloud_state_write(&w, &m);
    tell(s, FH__MSG_CLOUD_STATE, &w, -1);
}

static void keep(struct speaker *s, enum fh__cloud_kept which, const void *data, size_t len)
{
    const struct fh__msg_cloud_keep m = {which, data, len};
    uint8_t body[1 + FH__CLOUD_KEPT_MAX];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_cloud_keep_write(&w, &m);
    tell(s, FH__MSG_CLOUD_KEEP, &w, -1);
}

/* ---- signatures ---- */

static void ask_key(struct speaker *s)
{
    if (s->key && s->n_asked > 0)
        (void)fh__link_send(&s->key->link, FH__MSG_CLOUD_SIGN, s->asked[0].body,
                            sizeof s->asked[0].body, -1);
}

static void on_sign_again(uv_timer_t *timer)
{
    ask_key(timer->data);
}

static void on_sign(void *user, enum fh_identity_purpose purpose,
                    const uint8_t digest[FH_CLOUD_DIGEST_LEN], uint32_t serial)
{
    struct speaker *s = user;
    struct asked *a = &s->asked[s->n_asked];

    if (s->n_asked == SIGNATURES_MAX) {
        fh_cloud_signed(s->cloud, serial, NULL, 0);
        return;
    }
    a->serial = serial;
    a->body[0] = purpose == FH_IDENTITY_CLOUD_BINDING ? FH__CLOUD_BINDING : FH__CLOUD_SIGN_IN;
    memcpy(a->body + 1, digest, FH_TRANSCRIPT_HASH_LEN);
    if (++s->n_asked == 1)
        ask_key(s);
}

/* One at a time is asked for, so this is about the first. */
static void on_key_message(void *user, unsigned number, struct rd body, int fd)
{
    struct speaker *s = ((struct key_way *)user)->s;
    uint32_t serial = s->asked[0].serial;

    (void)number; /* CLOUD_SIGNATURE: there is no other */
    (void)fd;
    if (s->n_asked == 0 || rd_u8(&body) != s->asked[0].body[0])
        return;
    if (body.left == 0) {
        uv_timer_start(&s->sign_again, on_sign_again, SIGN_AGAIN_MS, 0);
        return;
    }
    s->n_asked--;
    memmove(s->asked, s->asked + 1, s->n_asked * sizeof *s->asked);
    fh_cloud_signed(s->cloud, serial, body.p, body.left);
    ask_key(s);
}

static void on_key_closed(void *user)
{
    free(user);
}

static void drop_key(struct speaker *s)
{
    if (s->key)
        fh__link_close(&s->key->link, on_key_closed);
    s->key = NULL;
}

/* The monitor gives us another when there is another key process. */
static void on_key_broken(void *user, const char *why)
{
    struct key_way *way = user;

    (void)why;
    if (way->s->key == way)
        drop_key(way->s);
}

static const struct fh__link_ops key_ops = {on_key_message, on_key_broken};

static void on_key(struct speaker *s, int fd)
{
    struct key_way *way = calloc(1, sizeof *way);

    drop_key(s);
    if (!way) {
        close(fd);
        return;
    }
    way->s = s;
    if (fh__link_open(&way->link, &s->loop, fd, FH__CLOUD, FH__KEY, &key_ops, way) != 0) {
        free(way);
        return;
    }
    s->key = way;
    ask_key(s);
}

/* ---- streams ---- */

static void describe(const struct fh_cloud_conn_info *info, char *out, size_t room)
{
    char peer[FH_ADDRESS_TEXT] = "", relay[FH_CLOUD_HOST_TEXT + 32] = "";

    if (info->has_relay)
        snprintf(relay, sizeof relay, "relay %s:%u", info->relay_host, info->relay_port);
    if (info->has_direct && info->path.is_known)
        fh_address_print(&info->path.peer, peer, sizeof peer);
    snprintf(out, room, "%s%s%s%s%s", info->has_direct ? "direct " : "", peer,
             info->has_direct && info->path.is_relayed ? " over TURN" : "",
             info->has_direct && info->has_relay ? ", " : "", relay);
}

static void tell_path(struct call *c)
{
    struct fh_cloud_conn_info info;
    char text[FH__TEXT_MAX];
    struct fh__msg_cloud_path m = {.connection = c->number};
    uint8_t body[8 + FH__TEXT_MAX];
    struct wr w = wr_init(body, sizeof body);
    uint64_t now = uv_now(&c->s->loop);

    fh_cloud_conn_info(c->conn, &info);
    describe(&info, text, sizeof text);
    if (strcmp(text, c->told) == 0 && now < c->told_ms + TELL_MS)
        return;
    snprintf(c->told, sizeof c->told, "%s", text);
    c->told_ms = now;
    m.rtt_us = info.has_direct ? info.path.rtt_us : 0;
    m.text = fh__text_of(text);
    fh__msg_cloud_path_write(&w, &m);
    tell(c->s, FH__MSG_CLOUD_PATH, &w, -1);
}

/* -1: no descriptors. Both ends hold little. */
static int make_pair(int out[2])
{
    const int len = QUEUE_LEN;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        (void)setsockopt(out[i], SOL_SOCKET, SO_SNDBUF, &len, sizeof len);
    return 0;
}

static void tell_stream(struct call *c, enum fh_cloud_way way, int fd)
{
    struct fh_cloud_conn_info info;
    struct fh__msg_cloud_stream m = {.connection = c->number,
                                     .way = way == FH_CLOUD_DIRECT ? FH__WAY_DIRECT : FH__WAY_RELAY,
                                     .secret = fh_cloud_conn_secret(c->conn)};
    uint8_t body[6 + FH__PEER_LEN + FH__CLOUD_SECRET_LEN];
    struct wr w = wr_init(body, sizeof body);

    fh_cloud_conn_info(c->conn, &info);
    if (way == FH_CLOUD_DIRECT && info.path.is_known)
        m.peer = info.path.peer;
    fh__msg_cloud_stream_write(&w, &m);
    tell(c->s, FH__MSG_CLOUD_STREAM, &w, fd);
    fh_wipe(body, sizeof body);
}

static void on_bridge_closed(void *user)
{
    (void)user;
}

/* The stream is the bridge's from now on. */
static void hand_on(struct waiting *w)
{
    static const struct fh_address ours = {.family = FH_ADDRESS_UNIX, .uid = FH_ADDRESS_NO_UID};
    static const struct fh_tcp_options options = {.queue_len = QUEUE_LEN};
    struct call *c = w->call;
    struct fh_stream *stream = w->stream, *end;
    enum fh_cloud_way way = w->way;
    int fds[2];

    *w = (struct waiting){0};
    if (make_pair(fds) != 0) {
        fh__log(FH__LOG_ERROR, "no socket pair for a stream: %m");
        fh_stream_close(stream, NULL, NULL);
        return;
    }
    if (fh_tcp_open(&c->s->loop, fds[0], &ours, &options, &end) != 0) {
        close(fds[1]);
        fh_stream_close(stream, NULL, NULL);
        return;
    }
    if (!fh__bridge_new(stream, end, on_bridge_closed, NULL))
        fh__log(FH__LOG_ERROR, "no memory for a stream");
    else
        tell_stream(c, way, fds[1]);
    close(fds[1]);
}

/* What it says first is given again, to the bridge. */
static size_t on_first(void *user, const uint8_t *data, size_t len)
{
    (void)data;
    (void)len;
    hand_on(user);
    return 0;
}

static void on_room(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    struct waiting *w = user;

    (void)error;
    fh_stream_close(w->stream, NULL, NULL);
    *w = (struct waiting){0};
}

/* Who opens streams and says nothing costs the monitor nothing. */
static const struct fh_stream_events first_events = {
    .data = on_first, .writable = on_room, .end = on_end};

static void on_stream(void *user, struct fh_stream *stream, enum fh_cloud_way way)
{
    struct call *c = user;

    tell_path(c);
    for (unsigned i = 0; i < WAITING_MAX; i++) {
        if (c->waiting[i].call)
            continue;
        c->waiting[i] = (struct waiting){c, stream, way};
        fh_stream_attach(stream, &first_events, &c->waiting[i]);
        return;
    }
    fh_stream_close(stream, NULL, NULL);
}

/* ---- who asks ---- */

static struct call *find(struct speaker *s, uint32_t number)
{
    struct call *c = s->calls;

    while (c && c->number != number)
        c = c->next;
    return c;
}

static void forget(struct call *c)
{
    struct call **at = &c->s->calls;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    for (unsigned i = 0; i < WAITING_MAX; i++)
        if (c->waiting[i].call)
            fh_stream_close(c->waiting[i].stream, NULL, NULL);
    tell_number(c->s, FH__MSG_CLOUD_GONE, c->number);
    free(c);
}

static void on_changed(void *user)
{
    tell_path(user);
}

static void on_ended(void *user, int error)
{
    struct call *c = user;

    fh__log(FH__LOG_DEBUG, "connection %u: %s", c->number, fh_cloud_strerror(error));
    c->has_ended = true;
    fh_cloud_conn_close(c->conn);
}

static void on_conn_closed(void *user)
{
    forget(user);
}

static const struct fh_cloud_conn_events conn_events = {
    .stream = on_stream, .changed = on_changed, .ended = on_ended, .closed = on_conn_closed};

static size_t print_groups(const struct fh_cloud_asker *who, char *out, size_t room)
{
    size_t at = 0;

    for (size_t i = 0; i < who->groups_len; i++) {
        size_t len = who->groups[i].len;

        if (at + len + 2 > room)
            break;
        if (at > 0) {
            out[at++] = ',';
            out[at++] = ' ';
        }
        memcpy(out + at, who->groups[i].p, len);
        at += len;
    }
    return at;
}

static void on_incoming(void *user, struct fh_cloud_conn *conn, const struct fh_cloud_asker *who)
{
    struct speaker *s = user;
    struct call *c = calloc(1, sizeof *c);
    char groups[FH__CLOUD_GROUPS_MAX];
    struct fh__msg_cloud_incoming m = {.ref = who->peer->session_ref,
                                       .address = who->peer->address,
                                       .fingerprint = who->peer->fingerprint,
                                       .groups.p = groups};
    uint8_t body[64 + FH__CLOUD_GROUPS_MAX];
    struct wr w = wr_init(body, sizeof body);

    if (!c) {
        fh_cloud_reject(conn, FH_BROKER_IS_BUSY);
        return;
    }
    *c = (struct call){.s = s, .next = s->calls, .conn = conn, .number = ++s->last_connection};
    if (c->number == 0)
        c->number = ++s->last_connection;
    s->calls = c;
    m.connection = c->number;
    m.groups.len = print_groups(who, groups, sizeof groups);
    fh__msg_cloud_incoming_write(&w, &m);
    tell(s, FH__MSG_CLOUD_INCOMING, &w, -1);
}

static void on_withdrawn(void *user, struct fh_cloud_conn *conn)
{
    struct speaker *s = user;
    struct call *c = s->calls;

    while (c && c->conn != conn)
        c = c->next;
    if (c)
        forget(c);
}

static enum fh_broker_reason reason_of(uint8_t answer)
{
    return answer == FH__CLOUD_BUSY     ? FH_BROKER_IS_BUSY
           : answer == FH__CLOUD_POLICY ? FH_BROKER_POLICY
                                        : FH_BROKER_REFUSED;
}

static void on_answer(struct speaker *s, struct rd body)
{
    struct call *c = find(s, rd_u32(&body));
    uint8_t answer = rd_u8(&body);
    int error;

    if (!c || c->is_answered)
        return;
    c->is_answered = true;
    if (answer == FH__CLOUD_ACCEPT) {
        error = fh_cloud_accept(c->conn, s->policy, &conn_events, c);
        if (error == 0 || error == FH_CLOUD_E_STATE) /* it is gone: withdrawn() */
            return;
        answer = FH__CLOUD_BUSY;
    }
    fh_cloud_reject(c->conn, reason_of(answer));
    forget(c);
}

/* ---- the cloud ---- */

static void on_online(void *user, uint8_t roles, const char *host)
{
    struct speaker *s = user;

    (void)host;
    uv_timer_stop(&s->wake);
    tell_state(s, true, 0, "");
    if (!(roles & FH_BROKER_LISTEN))
        fh__log(FH__LOG_ERROR, "the cloud does not let this address be connected to");
}

static void on_wake(uv_timer_t *timer)
{
    fh_cloud_wake(((struct speaker *)timer->data)->cloud);
}

/* For good; but what made it so may be mended, unless the cloud lies. */
static void on_offline(void *user, int error, uint64_t retry_ms, const char *why)
{
    struct speaker *s = user;

    if (retry_ms == UINT64_MAX && error != FH_CLOUD_E_FORK) {
        retry_ms = WAKE_MS;
        uv_timer_start(&s->wake, on_wake, WAKE_MS, 0);
    }
    tell_state(s, false, retry_ms, why);
}

static void on_statement(void *user, const uint8_t *statement, size_t len)
{
    keep(user, FH__CLOUD_STATEMENT, statement, len);
}

static void on_checkpoint(void *user, const char *checkpoint, size_t len)
{
    keep(user, FH__CLOUD_CHECKPOINT, checkpoint, len);
}

static void on_fork(void *user, const char *kept, size_t kept_len, const char *seen,
                    size_t seen_len)
{
    const struct fh__msg_cloud_fork m = {(const uint8_t *)kept, (const uint8_t *)seen, kept_len,
                                         seen_len};
    uint8_t body[2 + 2 * FH__CLOUD_KEPT_MAX];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_cloud_fork_write(&w, &m);
    tell(user, FH__MSG_CLOUD_FORK, &w, -1);
}

static void on_clock(void *user, int64_t skew_ms)
{
    (void)user;
    fh__log(FH__LOG_WARNING, "the cloud's clock and ours differ by %lld s",
            (long long)(skew_ms / 1000));
}

static void on_cloud_closed(void *user)
{
    (void)user;
}

/* ---- from the monitor ---- */

static void on_keys(struct speaker *s, struct rd body)
{
    struct fh__msg_cloud_keys m;
    struct call *c;

    if (fh__msg_cloud_keys_read(body, &m) && (c = find(s, m.connection)) != NULL &&
        c->is_answered && !c->has_ended)
        (void)fh_cloud_conn_renew(c->conn, m.client, m.server);
}

/* Its session is over: streams that were handed on end by themselves. */
static void on_over(struct speaker *s, struct rd body)
{
    struct call *c = find(s, rd_u32(&body));

    if (!c || !c->is_answered || c->has_ended)
        return;
    c->has_ended = true;
    fh_cloud_conn_close(c->conn);
}

static void on_monitor_message(void *user, unsigned number, struct rd body, int fd)
{
    struct speaker *s = user;

    if (fh__role_message(number, body))
        return;
    if (number == FH__MSG_CLOUD_KEY)
        on_key(s, fd);
    else if (number == FH__MSG_CLOUD_ANSWER)
        on_answer(s, body);
    else if (number == FH__MSG_CLOUD_KEYS)
        on_keys(s, body);
    else if (number == FH__MSG_CLOUD_END)
        on_over(s, body);
}

/* Nobody is left who answers for us. */
static void on_monitor_broken(void *user, const char *why)
{
    (void)user;
    (void)why;
    _exit(FH__EXIT_UNEXPECTED);
}

static const struct fh__link_ops monitor_ops = {on_monitor_message, on_monitor_broken};

/* ---- the process ---- */

static int open_cloud(struct speaker *s, const struct fh__msg_cloud_setup *m)
{
    struct fh_cloud_service *service = calloc(1, sizeof *service);
    struct fh_proxy proxy;
    char line[FH__CLOUD_SETUP_MAX], url[FH__TEXT_MAX + 1];
    struct fh_cloud_config cfg = {.service = service,
                                  .password = m->password,
                                  .seal_secret = m->seal_key,
                                  .statement = m->kept[FH__CLOUD_STATEMENT],
                                  .statement_len = m->kept_len[FH__CLOUD_STATEMENT],
                                  .checkpoint = (const char *)m->kept[FH__CLOUD_CHECKPOINT],
                                  .checkpoint_len = m->kept_len[FH__CLOUD_CHECKPOINT],
                                  .roles = FH_BROKER_LISTEN,
                                  .ice = &s->ice,
                                  .program = "vncserverd " FH__VERSION,
                                  .spki = m->spki,
                                  .spki_len = m->spki_len,
                                  .sign = on_sign,
                                  .online = on_online,
                                  .offline = on_offline,
                                  .statement_made = on_statement,
                                  .checkpoint_seen = on_checkpoint,
                                  .fork = on_fork,
                                  .clock = on_clock,
                                  .incoming = on_incoming,
                                  .withdrawn = on_withdrawn,
                                  .closed = on_cloud_closed,
                                  .user = s};
    int ret = -1;

    memcpy(cfg.address, m->address, sizeof cfg.address);
    fh__text_copy(m->service, line, sizeof line);
    fh__text_copy(m->proxy, url, sizeof url);
    if (service && fh_cloud_service_parse(line, service, NULL) == 0 &&
        (!*url || fh_proxy_parse(url, &proxy, NULL) == 0)) {
        cfg.proxy = *url ? &proxy : NULL;
        ret = fh_cloud_new(&s->loop, &cfg, &s->cloud);
    }
    free(service);
    return ret;
}

static int open_all(struct speaker *s, const struct fh__msg_cloud_setup *m)
{
    s->policy = m->policy;
    s->ice.allow_loopback = s->ice.only_loopback = m->is_loopback;
    s->ice.map_port = !m->is_loopback;
    if (uv_loop_init(&s->loop) != 0 || fh__link_open(&s->monitor, &s->loop, FH__CHILD_LINK_FD,
                                                     FH__CLOUD, FH__MONITOR, &monitor_ops, s) != 0)
        return -1;
    uv_timer_init(&s->loop, &s->sign_again);
    uv_timer_init(&s->loop, &s->wake);
    s->sign_again.data = s->wake.data = s;
    return 0;
}

enum fh__exit fh__cloud_main(struct fh__sandbox *sandbox, struct rd setup)
{
    /* What names are looked up in, and where the gateway is. */
    static const struct fh__sandbox_files files = {
        .read = {"/etc", "/run/systemd/resolve", "/proc/net", NULL}};
    static struct speaker s; /* for as long as the process lives */
    struct fh__msg_cloud_setup m;
    char user[FH__TEXT_MAX + 1], error[400];

    if (!fh__msg_cloud_setup_read(setup, &m))
        return FH__EXIT_UNEXPECTED;
    fh__log_set_level((enum fh__log_level)m.level);
    fh__text_copy(m.user, user, sizeof user);
    if (fh__sandbox_user(sandbox, user, false, error, sizeof error) != 0) {
        fh__log(FH__LOG_ERROR, "the cloud process: %s", error);
        return FH__EXIT_UNEXPECTED;
    }
    if (open_all(&s, &m) != 0 || fh__role_confine(sandbox, &files, false) != 0)
        return FH__EXIT_UNEXPECTED;
    (void)fh__link_send(&s.monitor, FH__MSG_CLOUD_READY, NULL, 0, -1);
    if (open_cloud(&s, &m) != 0) {
        fh__log(FH__LOG_ERROR, "the cloud cannot be spoken with: no memory");
        return FH__EXIT_UNEXPECTED;
    }
    uv_run(&s.loop, UV_RUN_DEFAULT);
    return FH__EXIT_OK;
}
