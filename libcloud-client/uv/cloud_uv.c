/* SPDX-License-Identifier: MIT */
/* The connection to the cloud: the core's bytes, deadlines and signatures on a loop. */
#include "cloud_internal.h"

#include <farhand/proxy.h>
#include <farhand/transport_error.h>

#include <sys/time.h>

struct signing {
    uv_work_t work;
    struct fh_cloud *cloud;
    enum fh_identity_purpose purpose;
    uint8_t digest[FH_CLOUD_DIGEST_LEN];
    uint32_t serial;
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len;
};

static void pump(struct fh_cloud *u);

/* ---- the end ----------------------------------------------------------------------------------
 */

static void wipe_config(struct fh_cloud *u)
{
    fh_cloud_client_free(u->core);
    fh_identity_free(u->identity);
    fh_tls_free(u->broker_tls);
    fh_tls_free(u->relay_tls);
    fh_tls_session_free(u->broker_session);
    fh_tls_session_free(u->relay_session);
    if (u->proxy)
        fh_wipe(u->proxy, sizeof *u->proxy);
    free(u->proxy);
    free(u);
}

void fh__cloud_one_closed(struct fh_cloud *u)
{
    if (--u->open > 0)
        return;
    u->cfg.closed(u->cfg.user);
    wipe_config(u);
}

static void on_closed(void *user)
{
    fh__cloud_one_closed(user);
}

static void on_timer_closed(uv_handle_t *handle)
{
    fh__cloud_one_closed(handle->data);
}

static void let_go(struct fh_cloud *u)
{
    if (u->dial)
        fh__dial_cancel(u->dial);
    u->dial = NULL;
    if (u->stream)
        fh_stream_close(u->stream, on_closed, u);
    u->stream = NULL;
    u->is_stalled = false;
}

/* ---- signatures -------------------------------------------------------------------------------
 */

static void do_sign(uv_work_t *work)
{
    struct signing *s = work->data;

    if (fh_identity_sign_for(s->cloud->identity, s->purpose, s->digest, fh_random_system, NULL,
                             s->sig, &s->len) != 0)
        s->len = 0;
}

static void after_sign(uv_work_t *work, int status)
{
    struct signing *s = work->data;
    struct fh_cloud *u = s->cloud;

    if (!u->closing) {
        fh_cloud_client_signed(u->core, uv_now(u->loop), s->serial, s->sig,
                               status == 0 ? s->len : 0);
        pump(u);
    }
    free(s);
    fh__cloud_one_closed(u);
}

static void start_signing(struct fh_cloud *u, const struct fh_cloud_client_event *ev)
{
    struct signing *s = calloc(1, sizeof *s);

    if (s) {
        s->cloud = u;
        s->purpose = ev->sign.purpose;
        s->serial = ev->sign.serial;
        memcpy(s->digest, ev->sign.digest, sizeof s->digest);
        s->work.data = s;
        if (uv_queue_work(u->loop, &s->work, do_sign, after_sign) == 0) {
            u->open++;
            return;
        }
        free(s);
    }
    let_go(u);
    fh_cloud_client_lost(u->core, uv_now(u->loop), FH_CLOUD_E_RESOURCES);
}

static void on_sign(struct fh_cloud *u, const struct fh_cloud_client_event *ev)
{
    if (u->identity)
        start_signing(u, ev);
    else
        u->cfg.sign(u->cfg.user, ev->sign.purpose, ev->sign.digest, ev->sign.serial);
}

void fh_cloud_signed(struct fh_cloud *u, uint32_t serial, const uint8_t *sig, size_t len)
{
    if (u->closing)
        return;
    fh_cloud_client_signed(u->core, uv_now(u->loop), serial, sig, len);
    fh__cloud_kick(u);
}

/* ---- the stream to the cloud ------------------------------------------------------------------
 */

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct fh_cloud *u = user;
    const struct fh_stream *s = u->stream;
    size_t taken = 0, n = 1;

    while (taken < len && n > 0 && u->stream == s) {
        n = fh_cloud_client_input(u->core, uv_now(u->loop), data + taken, len - taken);
        taken += n;
        pump(u);
    }
    u->is_stalled = u->stream == s && taken < len;
    return taken;
}

static void on_writable(void *user)
{
    pump(user);
}

static void on_end(void *user, int error)
{
    struct fh_cloud *u = user;

    snprintf(u->why, sizeof u->why, "%s",
             error ? fh_transport_strerror(error) : "the cloud ended the connection");
    let_go(u);
    fh_cloud_client_lost(u->core, uv_now(u->loop), FH_CLOUD_E_RESET);
    pump(u);
}

static const struct fh_stream_events stream_events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_dialled(void *user, struct fh_stream *s, int error, const char *text)
{
    struct fh_cloud *u = user;
    uint8_t binding[FH_CLOUD_BINDING_LEN];
    uint64_t now = uv_now(u->loop);

    if (error != FH_CLOUD_E_CANCELLED)
        u->dial = NULL;
    u->broker_session_is_lent = false;
    if (error == 0 &&
        fh_tls_exporter(s, FH_CLOUD_EXPORTER, NULL, 0, binding, sizeof binding) != 0) {
        error = FH_CLOUD_E_PROTO;
        text = "the connection cannot be bound to";
        fh_stream_close(s, NULL, NULL);
    }
    if (error == FH_CLOUD_E_CANCELLED) { /* the core asked for it */
        fh__cloud_kick(u);
    } else if (error != 0) {
        snprintf(u->why, sizeof u->why, "%s", text);
        fh_cloud_client_lost(u->core, now, error);
    } else {
        u->open++;
        u->stream = s;
        fh_stream_attach(s, &stream_events, u);
        fh_cloud_client_connected(u->core, now, binding);
    }
    if (!u->closing)
        pump(u);
    fh__cloud_one_closed(u);
}

const char *fh__cloud_name_of(const struct fh_cloud *u, const struct fh_cloud_node *n)
{
    return u->service.name[0] ? u->service.name : n->host;
}

static void dial(struct fh_cloud *u, const struct fh_cloud_client_event *ev)
{
    const struct fh__dial_config cfg = {.host = ev->dial.host,
                                        .name = ev->dial.name,
                                        .port = ev->dial.port,
                                        .alpn = FH_BROKER_ALPN,
                                        .tls = u->broker_tls,
                                        .session =
                                            u->broker_session_is_lent ? NULL : u->broker_session,
                                        .proxy = u->proxy,
                                        .timeout_ms = FH__DIAL_TIMEOUT_MS,
                                        .done = on_dialled,
                                        .user = u};
    int ret = u->dial ? FH_CLOUD_E_STATE : fh__dial_start(u->loop, &cfg, &u->dial);

    if (ret == 0) {
        u->broker_session_is_lent = true;
        u->open++;
        return;
    }
    snprintf(u->why, sizeof u->why, "%s", fh_cloud_strerror(ret));
    fh_cloud_client_lost(u->core, uv_now(u->loop), ret);
}

/* ---- events -----------------------------------------------------------------------------------
 */

static void on_online(struct fh_cloud *u, const struct fh_cloud_client_event *ev)
{
    u->stun_len = 0;
    for (size_t i = 0; i < ev->online.stun_len && u->stun_len < FH_ICE_UV_MAX_STUN; i++) {
        struct fh_cloud_node *n = &u->stun[u->stun_len++];
        const struct fh_broker_host *h = &ev->online.stun[i];

        memcpy(n->host, h->host.p, h->host.len);
        n->host[h->host.len] = '\0';
        n->port = h->port;
    }
    u->why[0] = '\0';
    if (u->cfg.online)
        u->cfg.online(u->cfg.user, ev->online.roles, ev->online.host);
}

static const char *text_of_code(uint16_t code)
{
    static const char *const texts[] = {
        [FH_BROKER_E_PROTOCOL] = "the cloud says that we broke the protocol",
        [FH_BROKER_E_VERSION] = "the cloud speaks another version",
        [FH_BROKER_E_SIGN_IN] = "the cloud refused the sign-in",
        [FH_BROKER_E_BUSY] = "the cloud is busy",
        [FH_BROKER_E_TOO_OFTEN] = "the cloud was asked too often",
        [FH_BROKER_E_CLOCK] = "the cloud says that our clock is wrong",
        [FH_BROKER_E_REPLACED] = "another sign-in with this address took over",
        [FH_BROKER_E_INTERNAL] = "the cloud has a problem of its own",
        [FH_BROKER_E_EXPIRED] = "the address has expired",
    };

    return code < sizeof texts / sizeof *texts ? texts[code] : NULL;
}

static void on_offline(struct fh_cloud *u, const struct fh_cloud_client_event *ev)
{
    const char *why = text_of_code(ev->offline.code);

    if (!why)
        why = u->why[0] ? u->why : fh_cloud_strerror(ev->offline.error);
    if (u->cfg.offline)
        u->cfg.offline(u->cfg.user, ev->offline.error, ev->offline.retry_ms, why);
    u->why[0] = '\0';
}

static void on_event(struct fh_cloud *u, const struct fh_cloud_client_event *ev)
{
    const struct fh_cloud_config *cfg = &u->cfg;

    switch (ev->type) {
    case FH_CLOUD_EV_DIAL:
        dial(u, ev);
        break;
    case FH_CLOUD_EV_HANG_UP:
        let_go(u);
        break;
    case FH_CLOUD_EV_SIGN:
        on_sign(u, ev);
        break;
    case FH_CLOUD_EV_STATEMENT:
        if (cfg->statement_made)
            cfg->statement_made(cfg->user, ev->bytes.p, ev->bytes.len);
        break;
    case FH_CLOUD_EV_CHECKPOINT:
        if (cfg->checkpoint_seen)
            cfg->checkpoint_seen(cfg->user, (const char *)ev->bytes.p, ev->bytes.len);
        break;
    case FH_CLOUD_EV_ONLINE:
        on_online(u, ev);
        break;
    case FH_CLOUD_EV_OFFLINE:
        on_offline(u, ev);
        break;
    case FH_CLOUD_EV_CLOCK:
        if (cfg->clock)
            cfg->clock(cfg->user, ev->skew_ms);
        break;
    case FH_CLOUD_EV_FORK:
        if (cfg->fork)
            cfg->fork(cfg->user, (const char *)ev->fork.kept.p, ev->fork.kept.len,
                      (const char *)ev->fork.seen.p, ev->fork.seen.len);
        break;
    case FH_CLOUD_EV_PEER_STATE:
        if (cfg->peer_state)
            cfg->peer_state(cfg->user, ev->peer_state.address, ev->peer_state.is_online);
        break;
    default:
        fh__cloud_conn_event(u, ev);
        break;
    }
}

/* ---- the pump ---------------------------------------------------------------------------------
 */

static bool send_out(struct fh_cloud *u)
{
    const uint8_t *out;
    size_t len;
    int n;

    out = u->stream ? fh_cloud_client_out(u->core, &len) : NULL;
    if (!out)
        return false;
    n = fh_stream_write(u->stream, out, len);
    if (n > 0)
        fh_cloud_client_out_done(u->core, (size_t)n);
    return n > 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct fh_cloud *u = timer->data;

    fh_cloud_client_tick(u->core, uv_now(u->loop));
    pump(u);
}

static void arm(struct fh_cloud *u)
{
    uint64_t at = fh_cloud_client_deadline(u->core), now = uv_now(u->loop);

    if (at == UINT64_MAX)
        uv_timer_stop(&u->timer);
    else
        uv_timer_start(&u->timer, on_timer, at > now ? at - now : 0, 0);
}

static void pump(struct fh_cloud *u)
{
    struct fh_cloud_client_event ev;
    bool any = true;

    if (u->is_pumping || u->closing)
        return;
    u->is_pumping = true;
    while (any && !u->closing) {
        fh__cloud_conns_flush(u);
        any = fh_cloud_client_event(u->core, uv_now(u->loop), &ev) > 0;
        if (any)
            on_event(u, &ev);
        else
            any = send_out(u);
    }
    u->is_pumping = false;
    if (u->closing)
        return;
    if (u->is_stalled && u->stream) {
        u->is_stalled = false;
        fh_stream_resume(u->stream);
    }
    arm(u);
}

void fh__cloud_kick(struct fh_cloud *u)
{
    if (!u->closing && !u->is_pumping)
        uv_timer_start(&u->timer, on_timer, 0, 0);
}

/* ---- making it --------------------------------------------------------------------------------
 */

static uint64_t utc_ms(void *user)
{
    struct timeval tv;

    (void)user;
    gettimeofday(&tv, NULL);
    return (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000;
}

/* Of our own, because a worker signs while the application may use its. */
static int copy_identity(struct fh_cloud *u, const struct fh_identity *id)
{
    char *pem = malloc(FH_IDENTITY_PEM_MAX);
    int ret = pem ? fh_identity_to_pem(id, pem, FH_IDENTITY_PEM_MAX) : FH_CRYPTO_E_NOMEM;

    if (ret == 0)
        ret = fh_identity_from_pem(pem, strlen(pem), &u->identity);
    if (pem)
        fh_wipe(pem, FH_IDENTITY_PEM_MAX);
    free(pem);
    return ret == 0 ? 0 : FH_CLOUD_E_RESOURCES;
}

static int make_core(struct fh_cloud *u, const struct fh_cloud_config *cfg)
{
    struct fh_cloud_client_config core = {.service = cfg->service,
                                          .password = cfg->password,
                                          .spki = cfg->spki,
                                          .spki_len = cfg->spki_len,
                                          .seal_secret = cfg->seal_secret,
                                          .statement = cfg->statement,
                                          .statement_len = cfg->statement_len,
                                          .roles = cfg->roles,
                                          .program = cfg->program,
                                          .conns_max = cfg->conns_max,
                                          .checkpoint = cfg->checkpoint,
                                          .checkpoint_len = cfg->checkpoint_len,
                                          .random = fh_random_system,
                                          .utc_ms = utc_ms};

    memcpy(core.address, cfg->address, sizeof core.address);
    if (u->identity)
        core.spki = fh_identity_spki(u->identity, &core.spki_len);
    if (fh_cloud_client_size(&core) == 0)
        return FH_CLOUD_E_INVAL;
    u->core = fh_cloud_client_new(&core);
    return u->core ? 0 : FH_CLOUD_E_INVAL;
}

static int make_tls(struct fh_cloud *u, const char *alpn, uint16_t fragment,
                    struct fh_tls_context **out)
{
    struct fh_tls_pin pins[FH_CLOUD_ROOTS_MAX];
    struct fh_tls_client_config cfg = {.pins = pins,
                                       .pins_len = u->service.roots_len,
                                       .alpn = &alpn,
                                       .alpn_len = 1,
                                       .max_fragment = fragment};

    for (size_t i = 0; i < u->service.roots_len; i++)
        memcpy(pins[i].sha256, u->service.roots[i], FH_TLS_HASH_LEN);
    return fh_tls_client_new(&cfg, out) == 0 ? 0 : FH_CLOUD_E_RESOURCES;
}

static int copy_proxy(struct fh_cloud *u, const struct fh_proxy *proxy)
{
    u->proxy = malloc(sizeof *u->proxy);
    if (!u->proxy)
        return FH_CLOUD_E_RESOURCES;
    *u->proxy = *proxy;
    return 0;
}

static int make_parts(struct fh_cloud *u, const struct fh_cloud_config *cfg)
{
    int ret = cfg->identity ? copy_identity(u, cfg->identity) : 0;

    if (ret == 0 && cfg->proxy)
        ret = copy_proxy(u, cfg->proxy);

    if (ret == 0)
        ret = make_core(u, cfg);
    if (ret == 0)
        ret = make_tls(u, FH_BROKER_ALPN, FH__TLS_FRAGMENT, &u->broker_tls);
    if (ret == 0)
        ret = make_tls(u, FH_RELAY_ALPN, 0, &u->relay_tls);
    if (ret != 0)
        return ret;
    u->broker_session = fh_tls_session_new();
    u->relay_session = fh_tls_session_new();
    return u->broker_session && u->relay_session ? 0 : FH_CLOUD_E_RESOURCES;
}

static void forget_borrowed(struct fh_cloud_config *cfg)
{
    cfg->service = NULL;
    cfg->password = cfg->seal_secret = cfg->statement = cfg->spki = NULL;
    cfg->checkpoint = cfg->program = NULL;
    cfg->identity = NULL;
    cfg->proxy = NULL;
}

int fh_cloud_new(uv_loop_t *loop, const struct fh_cloud_config *cfg, struct fh_cloud **out)
{
    struct fh_cloud *u;
    int ret;

    if (!cfg->service || !cfg->closed || !cfg->seal_secret || (!cfg->identity && !cfg->sign) ||
        cfg->service->roots_len == 0)
        return FH_CLOUD_E_INVAL;
    u = calloc(1, sizeof *u);
    if (!u)
        return FH_CLOUD_E_RESOURCES;
    u->cfg = *cfg;
    u->loop = loop;
    u->service = *cfg->service;
    ret = make_parts(u, cfg);
    forget_borrowed(&u->cfg);
    if (ret != 0) {
        wipe_config(u);
        return ret;
    }
    uv_timer_init(loop, &u->timer);
    u->timer.data = u;
    u->open = 1;
    fh_cloud_client_start(u->core, uv_now(loop));
    fh__cloud_kick(u);
    *out = u;
    return 0;
}

void fh_cloud_close(struct fh_cloud *u)
{
    struct fh_cloud_conn *next;

    if (u->closing)
        return;
    for (struct fh_cloud_conn *k = u->conns; k; k = next) {
        next = k->next;
        fh_cloud_conn_close(k);
    }
    fh__cloud_conns_flush(u);
    (void)send_out(u); /* that they have ended */
    u->closing = true;
    if (u->stream)
        fh_stream_shutdown(u->stream);
    let_go(u);
    uv_close((uv_handle_t *)&u->timer, on_timer_closed);
}

void fh_cloud_wake(struct fh_cloud *u)
{
    if (u->closing || fh_cloud_client_is_online(u->core))
        return;
    fh_cloud_client_wake(u->core, uv_now(u->loop));
    fh__cloud_kick(u);
}

bool fh_cloud_is_online(const struct fh_cloud *u)
{
    return !u->closing && fh_cloud_client_is_online(u->core);
}

int fh_cloud_watch(struct fh_cloud *u, const uint8_t *addresses, size_t n)
{
    int ret = u->closing ? FH_CLOUD_E_STATE
                         : fh_cloud_client_watch(u->core, uv_now(u->loop), addresses, n);

    fh__cloud_kick(u);
    return ret;
}
