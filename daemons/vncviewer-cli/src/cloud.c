/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "cloud.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/cloud_uv.h>
#include <farhand/crypto_rfb_version.h>
#include <farhand/identity.h>
#include <farhand/proxy.h>
#include <farhand/viewer.h>

#include "cloudfile.h"
#include "paths.h"

enum { ONLINE_MS = 20000 /* to sign in, before a first connection is given up */ };

struct cloud {
    uv_loop_t *loop;
    struct fh_cloud *cloud;
    uv_timer_t limit; /* of being signed in */
    char key[PATH_MAX];
    enum fh_cloud_policy policy;
    struct fh_ice_uv_config ice;
    bool is_verbose;
    uint64_t opened_ms, online_ms; /* 0: never was */
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    const struct cloud_events *events; /* NULL: nobody waits for a connection */
    void *user;
    struct fh_cloud_conn *conn; /* NULL: there is none yet */
    char why[FH__CLOUDFILE_WHY];
    bool is_closing;
    unsigned open; /* cloud and limit */
    void (*closed)(void *user);
    void *closed_user;
};

/* ---- how it fails ---- */

static enum exit_code code_of(int error)
{
    switch (error) {
    case FH_CLOUD_E_REFUSED:
        return EXIT_AUTHENTICATION;
    case FH_CLOUD_E_AUTH:
    case FH_CLOUD_E_LOG:
    case FH_CLOUD_E_FORK:
        return EXIT_SERVER_CHANGED;
    case FH_CLOUD_E_TIMEOUT:
        return EXIT_TIMEOUT;
    case FH_CLOUD_E_PROTO:
        return EXIT_PROTOCOL;
    default:
        return EXIT_CANNOT_CONNECT;
    }
}

static void fail(struct cloud *c, int error, const char *why)
{
    const struct cloud_events *events = c->events;
    char text[FH__CLOUDFILE_WHY];

    if (!events)
        return;
    snprintf(text, sizeof text, "%s", why);
    c->events = NULL;
    uv_timer_stop(&c->limit);
    events->failed(c->user, code_of(error), text);
}

static void on_limit(uv_timer_t *timer)
{
    struct cloud *c = timer->data;

    fail(c, FH_CLOUD_E_OFFLINE, c->why);
}

/* ---- a connection ---- */

static void on_stream(void *user, struct fh_stream *s, enum fh_cloud_way way)
{
    struct cloud *c = user;

    if (c->events)
        c->events->stream(c->user, s,
                          way == FH_CLOUD_DIRECT ? FH_VIEWER_DIRECT : FH_VIEWER_RELAYED);
    else
        fh_stream_close(s, NULL, NULL);
}

static void on_ended(void *user, int error)
{
    struct cloud *c = user;

    fh_cloud_conn_close(c->conn);
    c->conn = NULL;
    fail(c, error, fh_cloud_strerror(error));
}

static const struct fh_cloud_conn_events conn_events = {.stream = on_stream, .ended = on_ended};

/* One that was hung up tells nothing more, and another may have been begun. */
static void dial(struct cloud *c)
{
    int error;

    uv_timer_stop(&c->limit);
    error = fh_cloud_connect(c->cloud, c->address, c->policy, &conn_events, c, &c->conn);
    if (error)
        fail(c, error, fh_cloud_strerror(error));
}

static void on_dial(uv_timer_t *timer)
{
    dial(timer->data);
}

void cloud_connect(struct cloud *c, const uint8_t address[FH_CLOUD_ADDRESS_LEN],
                   const struct cloud_events *events, void *user)
{
    cloud_hang_up(c);
    memcpy(c->address, address, sizeof c->address);
    c->events = events;
    c->user = user;
    /* From the loop: the caller is not to be called from inside this. */
    if (fh_cloud_is_online(c->cloud))
        uv_timer_start(&c->limit, on_dial, 0, 0);
    else
        uv_timer_start(&c->limit, on_limit, ONLINE_MS, 0);
}

/* Nobody helps it any more, and a direct way may be dead that is not known to be. */
bool cloud_retry(struct cloud *c)
{
    struct fh_cloud_conn_info info;

    if (!c->conn)
        return c->events != NULL; /* another is on its way */
    fh_cloud_conn_info(c->conn, &info);
    if (info.is_signalled)
        fh_cloud_conn_retry(c->conn);
    return info.is_signalled;
}

void cloud_hang_up(struct cloud *c)
{
    if (c->conn)
        fh_cloud_conn_close(c->conn);
    c->conn = NULL;
    c->events = NULL;
    uv_timer_stop(&c->limit);
}

/* ---- the cloud ---- */

static void on_online(void *user, uint8_t roles, const char *host)
{
    struct cloud *c = user;

    if (c->is_verbose)
        fprintf(stderr, "vncviewer-cli: signed in at %s\n", host);
    c->online_ms = uv_now(c->loop);
    if (!(roles & FH_BROKER_CONNECTS))
        fail(c, FH_CLOUD_E_REFUSED, "the cloud does not let our address connect to others");
    if (c->events && !c->conn)
        dial(c);
}

static void on_offline(void *user, int error, uint64_t retry_ms, const char *why)
{
    struct cloud *c = user;

    snprintf(c->why, sizeof c->why, "the cloud: %s", why);
    if (c->is_verbose)
        fprintf(stderr, "vncviewer-cli: %s\n", c->why);
    if (retry_ms == UINT64_MAX && !c->conn)
        fail(c, error, c->why);
}

static void complain(const char *why)
{
    fprintf(stderr, "vncviewer-cli: %s\n", why);
}

static void on_statement(void *user, const uint8_t *statement, size_t len)
{
    struct cloud *c = user;
    char why[FH__CLOUDFILE_WHY];

    if (fh__cloudfile_keep(c->key, FH__CLOUDFILE_STATEMENT, statement, len, why) != 0)
        complain(why);
}

static void on_checkpoint(void *user, const char *checkpoint, size_t len)
{
    struct cloud *c = user;
    char why[FH__CLOUDFILE_WHY];

    if (fh__cloudfile_keep(c->key, FH__CLOUDFILE_CHECKPOINT, (const uint8_t *)checkpoint, len,
                           why) != 0)
        complain(why);
}

/* Whoever runs the cloud shows different people different things. */
static void on_fork(void *user, const char *kept, size_t kept_len, const char *seen,
                    size_t seen_len)
{
    struct cloud *c = user;
    char why[FH__CLOUDFILE_WHY];

    fprintf(stderr,
            "vncviewer-cli: THE LOG OF THE CLOUD HAS TWO HISTORIES: somebody lies about which keys "
            "belong\n  to whom. What proves it is kept in %s.fork\n",
            c->key);
    if (fh__cloudfile_evidence(c->key, (const uint8_t *)kept, kept_len, (const uint8_t *)seen,
                               seen_len, why) != 0)
        complain(why);
}

static void on_clock(void *user, int64_t skew_ms)
{
    (void)user;
    fprintf(stderr, "vncviewer-cli: the cloud's clock and ours differ by %lld s\n",
            (long long)(skew_ms / 1000));
}

static void one_closed(struct cloud *c)
{
    if (--c->open > 0)
        return;
    if (c->closed)
        c->closed(c->closed_user);
    free(c);
}

static void on_cloud_closed(void *user)
{
    one_closed(user);
}

static void on_limit_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

void cloud_close(struct cloud *c, void (*closed)(void *user), void *user)
{
    if (c->is_closing)
        return;
    c->is_closing = true;
    c->closed = closed;
    c->closed_user = user;
    cloud_hang_up(c);
    fh_cloud_close(c->cloud);
    uv_close((uv_handle_t *)&c->limit, on_limit_closed);
}

/* ---- what is known ---- */

void cloud_told(const struct cloud *c, struct cloud_told *out)
{
    const struct fh_cloud_peer *peer = c->conn ? fh_cloud_conn_peer(c->conn) : NULL;

    *out = (struct cloud_told){0};
    if (!peer)
        return;
    out->session_ref = fh_cloud_conn_session_ref(c->conn);
    out->secret = fh_cloud_conn_secret(c->conn);
    out->fingerprint = peer->fingerprint;
}

void cloud_keys(struct cloud *c, const uint8_t *client, const uint8_t *server)
{
    if (c->conn)
        (void)fh_cloud_conn_renew(c->conn, client, server);
}

static const char *candidate_word(enum fh_ice_candidate_type type)
{
    switch (type) {
    case FH_ICE_HOST:
        return "host";
    case FH_ICE_SRFLX:
        return "srflx";
    case FH_ICE_PRFLX:
        return "prflx";
    case FH_ICE_RELAY:
        return "relay";
    }
    return "?";
}

static void describe_direct(const struct fh_path_info *path, json_t *into)
{
    char peer[FH_ADDRESS_TEXT], text[64];

    fh_address_print(&path->peer, peer, sizeof peer);
    snprintf(text, sizeof text, "%s to %s", candidate_word(path->local_type),
             candidate_word(path->remote_type));
    json_object_set_new(into, "direct_peer", json_string(peer));
    json_object_set_new(into, "candidates", json_string(text));
    json_object_set_new(into, "turn", json_boolean(path->is_relayed));
    json_object_set_new(into, "rtt_us", json_integer((json_int_t)path->rtt_us));
    json_object_set_new(into, "datagrams_renewed", json_boolean(path->is_renewed));
}

void cloud_describe(const struct cloud *c, json_t *into)
{
    struct fh_cloud_conn_info info;
    char relay[FH_CLOUD_HOST_TEXT + 32];

    if (c->online_ms)
        json_object_set_new(into, "sign_in_ms",
                            json_integer((json_int_t)(c->online_ms - c->opened_ms)));
    if (!c->conn)
        return;
    fh_cloud_conn_info(c->conn, &info);
    json_object_set_new(into, "cloud_helps", json_boolean(info.is_signalled));
    if (info.has_relay) {
        snprintf(relay, sizeof relay, "%s:%u", info.relay_host, info.relay_port);
        json_object_set_new(into, "relay", json_string(relay));
    }
    if (info.has_direct && info.path.is_known)
        describe_direct(&info.path, into);
}

/* ---- opening ---- */

struct kept {
    struct fh_cloud_service service;
    struct fh_proxy proxy;
    uint8_t seal[FH_SEAL_KEY_LEN], password[FH_CLOUD_PASSWORD_LEN];
    uint8_t statement[FH__CLOUDFILE_MAX], checkpoint[FH__CLOUDFILE_MAX];
    size_t statement_len, checkpoint_len;
    bool has_password;
};

static int read_files(const struct cloud *c, const struct options *o, struct kept *k,
                      char why[FH__CLOUDFILE_WHY])
{
    int ret = 1;

    if (fh__cloudfile_key(c->key, k->seal, why) != 0 ||
        fh__cloudfile_read(c->key, FH__CLOUDFILE_STATEMENT, k->statement, &k->statement_len, why) !=
            0 ||
        fh__cloudfile_read(c->key, FH__CLOUDFILE_CHECKPOINT, k->checkpoint, &k->checkpoint_len,
                           why) != 0)
        return -1;
    if (o->cloud_password_file)
        ret = fh__cloudfile_password(o->cloud_password_file, k->password, why);
    k->has_password = ret == 0;
    return ret < 0 ? -1 : 0;
}

static int read_options(const struct options *o, struct kept *k, uint8_t *address, char *why,
                        size_t room)
{
    const char *line = o->cloud ? o->cloud : getenv("FH_CLOUD"), *expected = "";

    if (!line || !o->cloud_address)
        snprintf(why, room, "cloud:... needs %s",
                 line ? "--cloud-address, our own address there"
                      : "--cloud or FH_CLOUD: the line that vnccloudd prints");
    else if (fh_cloud_service_parse(line, &k->service, &expected) != 0)
        snprintf(why, room, "%s: expected %s", o->cloud ? "--cloud" : "FH_CLOUD", expected);
    else if (fh_cloud_address_parse(o->cloud_address, strlen(o->cloud_address), address) != 0)
        snprintf(why, room, "--cloud-address: it is mistyped");
    else if (o->proxy && fh_proxy_parse(o->proxy, &k->proxy, &expected) != 0)
        snprintf(why, room, "--proxy: expected %s", expected);
    else
        return 0;
    return -1;
}

static int sign_in(struct cloud *c, const struct options *o, const struct fh_identity *identity,
                   struct kept *k, char *why, size_t room)
{
    struct fh_cloud_config cfg = {.service = &k->service,
                                  .roles = FH_BROKER_CONNECTS,
                                  .ice = &c->ice,
                                  .seal_secret = k->seal,
                                  .program = "vncviewer-cli " FH_CRYPTO_RFB_VERSION,
                                  .identity = identity,
                                  .online = on_online,
                                  .offline = on_offline,
                                  .statement_made = on_statement,
                                  .checkpoint_seen = on_checkpoint,
                                  .fork = on_fork,
                                  .clock = on_clock,
                                  .closed = on_cloud_closed,
                                  .user = c};
    char text[FH__CLOUDFILE_WHY];
    int error;

    if (read_options(o, k, cfg.address, why, room) != 0)
        return -1;
    if (read_files(c, o, k, text) != 0) {
        snprintf(why, room, "%s", text);
        return -1;
    }
    cfg.password = k->has_password ? k->password : NULL;
    cfg.statement = k->statement_len ? k->statement : NULL;
    cfg.statement_len = k->statement_len;
    cfg.checkpoint = (const char *)k->checkpoint;
    cfg.checkpoint_len = k->checkpoint_len;
    cfg.proxy = o->proxy ? &k->proxy : NULL;
    error = fh_cloud_new(c->loop, &cfg, &c->cloud);
    if (error)
        snprintf(why, room, "the cloud: %s", fh_cloud_strerror(error));
    return error ? -1 : 0;
}

int cloud_open(uv_loop_t *loop, const struct options *o, const struct fh_identity *identity,
               struct cloud **out, char *why, size_t room)
{
    struct cloud *c = calloc(1, sizeof *c);
    struct kept *k = calloc(1, sizeof *k);
    int ret = -1;

    if (!c || !k) {
        snprintf(why, room, "no memory for the cloud");
    } else if (paths_find(o->cloud_key, "cloud.key", c->key, why, room) == 0) {
        c->loop = loop;
        c->policy = (enum fh_cloud_policy)o->way;
        c->ice.allow_loopback = c->ice.only_loopback = o->cloud_loopback;
        c->ice.map_port = !o->cloud_loopback;
        c->is_verbose = o->verbose;
        c->opened_ms = uv_now(loop);
        snprintf(c->why, sizeof c->why, "the cloud: not signed in within %d s", ONLINE_MS / 1000);
        ret = sign_in(c, o, identity, k, why, room);
    }
    if (ret == 0) {
        uv_timer_init(loop, &c->limit);
        c->limit.data = c;
        c->open = 2;
        *out = c;
    } else {
        free(c);
    }
    if (k)
        fh_wipe(k, sizeof *k);
    free(k);
    return ret;
}
