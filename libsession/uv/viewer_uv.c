/* SPDX-License-Identifier: MIT */
/* The session of a Viewer app on a libuv loop. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/channel.h>
#include <farhand/cpace.h>
#include <farhand/identity.h>
#include <farhand/identity_uv.h>
#include <farhand/link_uv.h>
#include <farhand/password.h>
#include <farhand/rfb_client.h>
#include <farhand/rsaaes.h>
#include <farhand/stream.h>
#include <farhand/tls_uv.h>
#include <farhand/viewer.h>

#include "carrier.h"
#include "internal.h"

enum {
    ENCODINGS_MAX = 64,
    CLOUD_MAX = 255,
    WAITING_MAX = 3,
    RETRY_FIRST_MS = 500, /* doubled each time, up to: */
    RETRY_LAST_MS = 4000,
    PROVE_MS = 5000 /* of the time that is left to carry on, not too much for one attempt */
};

/* argon2id of the password, for method cpace. */
struct derive_job {
    uv_work_t work;
    bool is_running;
    char password[FH_AUTH_PASSWORD_MAX];
    size_t password_len;
    uint8_t salt[FH_CPACE_SALT_LEN];
    uint32_t passes, memory_kib;
    uint8_t prs[FH_CPACE_PRS_LEN];
    int status;
};

/* Our key of RSA-AES, made for one connection. */
struct key_job {
    uv_work_t work;
    bool is_running;
    struct fh_rsaaes_key *key; /* NULL: not made */
    int status;
};

struct fh_viewer {
    struct fh__carrier carrier;
    uv_loop_t *loop;
    const struct fh_identity *identity;
    const struct fh_viewer_callbacks *callbacks;
    void *user;
    struct fh_viewer_conn *conn; /* NULL before connect */
    char peer[FH_ADDRESS_TEXT];
    struct fh_address address;
    const char *path; /* static */
    char cloud[CLOUD_MAX + 1];

    /* What the connection is made of, until it is. */
    struct fh_viewer_conn_config cfg;
    struct fh_rfb_client_config rfb;
    int32_t encodings[ENCODINGS_MAX];
    char name[FH_AUTH_USER_MAX + 1], password[FH_AUTH_PASSWORD_MAX],
        program[FH_CHANNEL_PROGRAM_MAX + 1];
    uint8_t session_ref[FH_CHANNEL_REF_LEN], cloud_secret[FH_CHANNEL_SECRET_LEN];
    uint8_t expected[FH_FINGERPRINT_LEN];

    uv_work_t work; /* the signature */
    bool is_signing;
    uint8_t th[FH_TRANSCRIPT_HASH_LEN], sig[FH_SIGNATURE_MAX];
    size_t sig_len;
    int sign_status;
    struct derive_job derive;
    struct key_job key;
    struct fh_tls_starting *tls; /* NULL: none is starting */

    uint32_t resume_ms;
    struct fh_link *link; /* under the carrier's stream; NULL: none */
    struct {              /* to be attached when the session runs */
        struct fh_stream *stream;
        int way;
    } waiting[WAITING_MAX];
    unsigned n_waiting;
    bool is_started;
    uv_timer_t retry;
    unsigned attempt; /* to carry on; 0: nothing is to be done */
    bool is_asked;    /* the application connects */

    uv_idle_t handle; /* never runs; closing it makes the end asynchronous */
    unsigned open;    /* handle and retry */
    bool has_carrier, is_closing, is_gone, has_ended, has_begun;
    int told_keys; /* which of the channel's, as fh_viewer_conn_guard_keys() counts them */
    void (*closed)(void *user);
};

/* ---- making one ---- */

static bool copy(char *out, size_t room, const char *text)
{
    size_t len = strlen(text);

    if (len >= room)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static void copy_bytes(const uint8_t **from, uint8_t *to, size_t len)
{
    if (*from)
        memcpy(to, *from, len);
    *from = *from ? to : NULL;
}

static int copy_config(struct fh_viewer *v, const struct fh_viewer_conn_config *cfg)
{
    v->cfg = *cfg;
    copy_bytes(&v->cfg.session_ref, v->session_ref, sizeof v->session_ref);
    copy_bytes(&v->cfg.cloud_secret, v->cloud_secret, sizeof v->cloud_secret);
    copy_bytes(&v->cfg.expected, v->expected, sizeof v->expected);
    v->cfg.random = fh_random_system;
    v->cfg.random_user = NULL;
    v->cfg.older.has_tls = true;
    if (cfg->program) {
        if (!copy(v->program, sizeof v->program, cfg->program))
            return FH_SESSION_E_INVAL;
        v->cfg.program = v->program;
    }
    if (cfg->rfb) {
        v->rfb = *cfg->rfb;
        if (v->rfb.encodings && v->rfb.n_encodings > ENCODINGS_MAX)
            return FH_SESSION_E_INVAL;
        if (v->rfb.encodings) {
            memcpy(v->encodings, v->rfb.encodings, v->rfb.n_encodings * sizeof v->encodings[0]);
            v->rfb.encodings = v->encodings;
        }
        v->cfg.rfb = &v->rfb;
    }
    v->cfg.user = v->cfg.password = NULL;
    if (!cfg->user)
        return 0;
    if (!copy(v->name, sizeof v->name, cfg->user) || cfg->password_len > sizeof v->password)
        return FH_SESSION_E_INVAL;
    v->cfg.user = v->name;
    if (!cfg->password)
        return 0;
    memcpy(v->password, cfg->password, cfg->password_len);
    v->cfg.password = v->password;
    return 0;
}

static void free_viewer(struct fh_viewer *v)
{
    fh_viewer_conn_free(v->conn);
    fh_rsaaes_key_free(v->key.key);
    fh_wipe(v, sizeof *v);
    free(v);
}

int fh_viewer_new(const struct fh_viewer_config *cfg, struct fh_viewer **out)
{
    struct fh_viewer *v;
    int ret;

    if (!cfg->loop || !cfg->identity || !cfg->callbacks || !cfg->callbacks->verify_server ||
        (cfg->resume_ms > 0 && cfg->conn.older.minimum != 0))
        return FH_SESSION_E_INVAL;
    if (!(v = calloc(1, sizeof *v)))
        return FH_SESSION_E_NOMEM;
    if ((ret = copy_config(v, &cfg->conn)) != 0) {
        free_viewer(v);
        return ret;
    }
    v->path = "direct";
    v->loop = cfg->loop;
    v->identity = cfg->identity;
    v->callbacks = cfg->callbacks;
    v->user = cfg->user;
    v->resume_ms = cfg->resume_ms;
    uv_idle_init(v->loop, &v->handle);
    uv_timer_init(v->loop, &v->retry);
    v->handle.data = v->retry.data = v;
    v->open = 2;
    *out = v;
    return 0;
}

/* ---- the end ---- */

static void on_viewer_closed(uv_handle_t *handle)
{
    struct fh_viewer *v = handle->data;

    if (--v->open > 0)
        return;
    if (v->closed)
        v->closed(v->user);
    free_viewer(v);
}

static void drop_waiting(struct fh_viewer *v)
{
    while (v->n_waiting > 0)
        fh_stream_close(v->waiting[--v->n_waiting].stream, NULL, NULL);
}

static void maybe_gone(struct fh_viewer *v)
{
    if (!v->is_closing || v->is_gone || v->has_carrier || v->is_signing || v->derive.is_running ||
        v->key.is_running)
        return;
    v->is_gone = true;
    uv_close((uv_handle_t *)&v->handle, on_viewer_closed);
    uv_close((uv_handle_t *)&v->retry, on_viewer_closed);
}

void fh_viewer_close(struct fh_viewer *v, void (*closed)(void *user))
{
    if (v->is_closing)
        return;
    v->is_closing = true;
    v->closed = closed;
    drop_waiting(v);
    if (v->conn)
        fh_viewer_conn_close(v->conn, FH_BYE_NORMAL);
    if (v->has_carrier)
        fh__carrier_soon(&v->carrier);
    maybe_gone(v);
}

/* ---- signing ---- */

static void sign_work(uv_work_t *work)
{
    struct fh_viewer *v = work->data;

    v->sign_status = fh_identity_sign(v->identity, FH_ROLE_CLIENT, v->th, fh_random_system, NULL,
                                      v->sig, &v->sig_len);
}

static void sign_done(uv_work_t *work, int status)
{
    struct fh_viewer *v = work->data;

    v->is_signing = false;
    (void)fh_viewer_conn_tick(v->conn, uv_now(v->loop));
    if (status != 0 || v->sign_status != 0 ||
        (fh_viewer_conn_signed(v->conn, v->sig, v->sig_len) != 0 && !v->has_ended))
        fh_viewer_conn_close(v->conn, FH_BYE_INTERNAL);
    if (v->has_carrier)
        fh__carrier_soon(&v->carrier);
    maybe_gone(v);
}

static void sign(struct fh_viewer *v, const struct fh_viewer_conn_event *ev)
{
    memcpy(v->th, ev->sign.th, sizeof v->th);
    v->work.data = v;
    v->is_signing = uv_queue_work(v->loop, &v->work, sign_work, sign_done) == 0;
    if (!v->is_signing)
        fh_viewer_conn_close(v->conn, FH_BYE_INTERNAL);
}

/* ---- argon2id ---- */

static void derive_work(uv_work_t *work)
{
    struct derive_job *job = &((struct fh_viewer *)work->data)->derive;

    job->status = fh_password_derive(job->password, job->password_len, job->salt, job->passes,
                                     job->memory_kib, job->prs);
}

static void derive_done(uv_work_t *work, int status)
{
    struct fh_viewer *v = work->data;
    bool is_right = status == 0 && v->derive.status == 0;

    (void)fh_viewer_conn_tick(v->conn, uv_now(v->loop));
    (void)fh_viewer_conn_derived(v->conn, is_right ? v->derive.prs : NULL);
    fh_wipe(&v->derive, sizeof v->derive);
    if (v->has_carrier)
        fh__carrier_soon(&v->carrier);
    maybe_gone(v);
}

/* The server asks for it once in an attempt, so there is never a second at the same time. */
static void derive(struct fh_viewer *v, const struct fh_viewer_conn_event *ev)
{
    struct derive_job *job = &v->derive;

    memcpy(job->password, ev->derive.password, ev->derive.password_len);
    job->password_len = ev->derive.password_len;
    memcpy(job->salt, ev->derive.salt, sizeof job->salt);
    job->passes = ev->derive.passes;
    job->memory_kib = ev->derive.memory_kib;
    job->work.data = v;
    job->is_running = uv_queue_work(v->loop, &job->work, derive_work, derive_done) == 0;
    if (!job->is_running)
        (void)fh_viewer_conn_derived(v->conn, NULL);
}

/* ---- TLS, for servers without the channel ---- */

static void tls_cancel(struct fh__carrier *c)
{
    struct fh_viewer *v = (struct fh_viewer *)c;

    fh_tls_cancel(v->tls);
}

static void tls_done(void *user, struct fh_stream *stream, int error, const char *text)
{
    struct fh_viewer *v = user;
    struct fh_tls_info info;

    (void)text;
    v->tls = NULL;
    (void)fh_viewer_conn_tick(v->conn, uv_now(v->loop));
    if (error == 0 && fh_tls_info(stream, &info) == 0 && info.has_peer)
        (void)fh_viewer_conn_tls_started(v->conn, info.peer_spki);
    else
        fh_viewer_conn_close(v->conn, FH_BYE_PROTOCOL);
    fh__carrier_give(&v->carrier, stream);
}

/* Whose certificate it is, is asked when it is there, before anything is said inside. */
static void start_tls(struct fh_viewer *v)
{
    const struct fh_tls_client_config client = {.trust_anybody = true};
    const struct fh_tls_start_config cfg = {.done = tls_done, .user = v};
    struct fh_tls_context *ctx = NULL;
    struct fh_stream *below = fh__carrier_take(&v->carrier, tls_cancel);
    bool is_started = false;

    if (fh_tls_client_new(&client, &ctx) == 0)
        is_started = fh_tls_start(v->loop, ctx, below, &cfg, &v->tls) == 0;
    else
        fh_stream_close(below, NULL, NULL);
    fh_tls_free(ctx);
    if (is_started)
        return;
    fh_viewer_conn_close(v->conn, FH_BYE_INTERNAL);
    fh__carrier_give(&v->carrier, NULL);
}

/* ---- the key of RSA-AES ---- */

static void key_work(uv_work_t *work)
{
    struct key_job *job = &((struct fh_viewer *)work->data)->key;

    job->status = fh_rsaaes_key_generate(FH_RSAAES_BITS_DEFAULT, fh_random_system, NULL, &job->key);
}

static void key_done(uv_work_t *work, int status)
{
    struct fh_viewer *v = work->data;
    const uint8_t *pub = NULL;
    size_t len = 0;

    v->key.is_running = false;
    (void)fh_viewer_conn_tick(v->conn, uv_now(v->loop));
    if (status == 0 && v->key.status == 0)
        pub = fh_rsaaes_key_pub(v->key.key, &len);
    (void)fh_viewer_conn_key_made(v->conn, pub, len);
    if (v->has_carrier)
        fh__carrier_soon(&v->carrier);
    maybe_gone(v);
}

static void make_key(struct fh_viewer *v)
{
    v->key.work.data = v;
    v->key.is_running = uv_queue_work(v->loop, &v->key.work, key_work, key_done) == 0;
    if (!v->key.is_running)
        (void)fh_viewer_conn_key_made(v->conn, NULL, 0);
}

/* A few milliseconds, once. */
static void decrypt(struct fh_viewer *v, const struct fh_viewer_conn_event *ev)
{
    uint8_t secret[32];

    if (ev->decrypt.want > sizeof secret || !v->key.key ||
        fh_rsaaes_key_decrypt(v->key.key, ev->decrypt.data, ev->decrypt.len, fh_random_system, NULL,
                              secret, ev->decrypt.want) != 0 ||
        fh_viewer_conn_decrypted(v->conn, secret, ev->decrypt.want) != 0)
        fh_viewer_conn_close(v->conn, FH_BYE_INTERNAL);
    fh_wipe(secret, sizeof secret);
    fh_rsaaes_key_free(v->key.key);
    v->key.key = NULL;
}

/* ---- audit ---- */

static uint64_t utc_ms(void)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return 0;
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void add_surroundings(const struct fh_viewer *v, struct fh_audit_event *ev)
{
    ev->utc_ms = utc_ms();
    ev->peer = v->peer;
    ev->ip = v->address.ip;
    ev->ip_len = v->address.family == FH_ADDRESS_IPV4   ? 4
                 : v->address.family == FH_ADDRESS_IPV6 ? 16
                                                        : 0;
    ev->path = v->path;
    ev->cloud = v->cloud[0] ? v->cloud : NULL;
}

void fh_viewer_describe(const struct fh_viewer *v, struct fh_audit_event *ev)
{
    const struct fh_viewer_conn_event started = {.type = FH_VIEWER_CONN_EV_STARTED};

    *ev = (struct fh_audit_event){.side = FH_AUDIT_VIEWER};
    if (v->conn)
        (void)fh_viewer_conn_audit(v->conn, &started, 0, ev);
    ev->has_permissions = false;
    add_surroundings(v, ev);
}

static void audit(const struct fh_viewer *v, const struct fh_viewer_conn_event *what)
{
    struct fh_audit_event ev;

    for (unsigned n = 0; fh_viewer_conn_audit(v->conn, what, n, &ev); n++) {
        add_surroundings(v, &ev);
        if (v->callbacks->audit)
            v->callbacks->audit(v->user, &ev);
    }
}

static void audit_own(const struct fh_viewer *v, enum fh_audit_type type)
{
    struct fh_audit_event ev;

    fh_viewer_describe(v, &ev);
    ev.type = type;
    ev.monotonic_ms = uv_now(v->loop);
    if (v->callbacks->audit)
        v->callbacks->audit(v->user, &ev);
}

void fh_viewer_set_path(struct fh_viewer *v, const char *path, const char *cloud)
{
    v->path = path;
    fh__session_text_copy(cloud, v->cloud, sizeof v->cloud);
}

/* ---- what the carrier asks ---- */

static void verify(struct fh_viewer *v, const struct fh_viewer_conn_event *ev)
{
    (void)fh_viewer_conn_accept_server(v->conn, v->callbacks->verify_server(v->user, ev));
}

static void ask(struct fh_viewer *v, unsigned attempt)
{
    if (v->callbacks->credentials)
        v->callbacks->credentials(v->user, attempt);
    else
        fh_viewer_conn_close(v->conn, FH_BYE_AUTH);
}

static void ask_more(struct fh_viewer *v, const struct fh_viewer_conn_event *ev)
{
    if (v->callbacks->ask)
        v->callbacks->ask(v->user, ev->ask.prompts, ev->ask.n);
    else
        fh_viewer_conn_close(v->conn, FH_BYE_AUTH);
}

/* From now on the session may be resumed: the server has let us in, and knows that it has. */
static void secure(struct fh_viewer *v)
{
    uint8_t key[FH_LINK_KEY_LEN], ref[FH_LINK_REF_LEN];

    if (v->link && fh_viewer_conn_link_key(v->conn, key, ref) == 0)
        fh_link_secure(v->link, key, ref);
    fh_wipe(key, sizeof key);
    v->is_started = true;
    for (unsigned i = 0; i < v->n_waiting; i++)
        (void)fh_link_attach(v->link, v->waiting[i].stream, (uint8_t)v->waiting[i].way);
    v->n_waiting = 0;
}

/* The link goes with the stream on top of it, which may have closed before the end was told. */
static bool has_link(const struct fh_viewer *v)
{
    return v->link && v->has_carrier && v->carrier.stream && !v->has_ended && !v->is_closing;
}

int fh_viewer_attach(struct fh_viewer *v, struct fh_stream *stream, int way)
{
    int ret = FH_SESSION_E_STATE;

    if (!has_link(v))
        goto out;
    if (v->is_started)
        return fh_link_attach(v->link, stream, (uint8_t)way) == 0 ? 0 : FH_SESSION_E_LIMIT;
    ret = FH_SESSION_E_LIMIT;
    if (v->n_waiting == WAITING_MAX)
        goto out;
    v->waiting[v->n_waiting].stream = stream;
    v->waiting[v->n_waiting++].way = way;
    return 0;
out:
    fh_stream_close(stream, NULL, NULL);
    return ret;
}

bool fh_viewer_link_info(const struct fh_viewer *v, struct fh_link_info *out)
{
    if (!has_link(v))
        return false;
    fh_link_info(v->link, out);
    return true;
}

static void on_ended(struct fh_viewer *v, struct fh_viewer_conn_event *ev)
{
    v->has_ended = true;
    drop_waiting(v);
    /* That a stream was cut is no news about a link: why it was not mended is. */
    if (v->link && v->carrier.error && ev->ended.reason == FH_BYE_LOST)
        ev->ended.error = v->carrier.error;
}

static void on_event(struct fh_viewer *v, struct fh_viewer_conn_event *ev)
{
    switch (ev->type) {
    case FH_VIEWER_CONN_EV_SIGN:
        sign(v, ev);
        return;
    case FH_VIEWER_CONN_EV_VERIFY_SERVER:
        verify(v, ev);
        return;
    case FH_VIEWER_CONN_EV_CREDENTIALS:
        ask(v, ev->credentials.attempt);
        return;
    case FH_VIEWER_CONN_EV_TLS:
        start_tls(v);
        return;
    case FH_VIEWER_CONN_EV_KEY:
        make_key(v);
        return;
    case FH_VIEWER_CONN_EV_DECRYPT:
        decrypt(v, ev);
        return;
    case FH_VIEWER_CONN_EV_ENDED:
        on_ended(v, ev);
        break;
    case FH_VIEWER_CONN_EV_DERIVE:
        derive(v, ev);
        return;
    case FH_VIEWER_CONN_EV_ASK:
        ask_more(v, ev);
        return;
    case FH_VIEWER_CONN_EV_STARTED:
        secure(v);
        break;
    case FH_VIEWER_CONN_EV_NOTICE:
    case FH_VIEWER_CONN_EV_ROTATION:
    case FH_VIEWER_CONN_EV_PERMISSIONS:
    case FH_VIEWER_CONN_EV_SIZE:
    case FH_VIEWER_CONN_EV_RECT:
    case FH_VIEWER_CONN_EV_UPDATE:
    case FH_VIEWER_CONN_EV_CURSOR:
    case FH_VIEWER_CONN_EV_NAME:
    case FH_VIEWER_CONN_EV_CUT_TEXT:
    case FH_VIEWER_CONN_EV_BELL:
        break;
    }
    if (v->callbacks->event)
        v->callbacks->event(v->user, ev);
}

/* After fh_viewer_close() the application hears nothing more. */
static void carrier_events(struct fh__carrier *c)
{
    struct fh_viewer *v = (struct fh_viewer *)c;
    struct fh_viewer_conn_event ev;

    if (!v->has_begun)
        audit_own(v, FH_AUDIT_CONNECTED);
    v->has_begun = true;
    while (fh_viewer_conn_event(v->conn, &ev) > 0) {
        /* Whether the server is trusted is known when the application said so. */
        if (ev.type != FH_VIEWER_CONN_EV_VERIFY_SERVER)
            audit(v, &ev);
        if (!v->is_closing)
            on_event(v, &ev);
        if (ev.type == FH_VIEWER_CONN_EV_VERIFY_SERVER)
            audit(v, &ev);
    }
}

static void carrier_pumped(struct fh__carrier *c, bool sent)
{
    struct fh_viewer *v = (struct fh_viewer *)c;
    uint8_t client[FH_SESSION_GUARD_KEY_LEN], server[FH_SESSION_GUARD_KEY_LEN];
    int which;

    (void)sent;
    if (!v->callbacks->keys || v->has_ended || v->is_closing)
        return;
    which = fh_viewer_conn_guard_keys(v->conn, client, server);
    if (which > v->told_keys) {
        v->told_keys = which;
        v->callbacks->keys(v->user, client, server);
    }
    fh_wipe(client, sizeof client);
    fh_wipe(server, sizeof server);
}

static void carrier_gone(struct fh__carrier *c)
{
    struct fh_viewer *v = (struct fh_viewer *)c;

    v->has_carrier = false;
    maybe_gone(v);
}

static uint8_t *conn_in(void *conn, size_t *room)
{
    return fh_viewer_conn_in(conn, room);
}

static int conn_in_done(void *conn, uint64_t now_ms, size_t used)
{
    return fh_viewer_conn_in_done(conn, now_ms, used);
}

static int conn_in_end(void *conn, uint64_t now_ms)
{
    return fh_viewer_conn_in_end(conn, now_ms);
}

static const uint8_t *conn_out(void *conn, uint64_t now_ms, size_t *len)
{
    return fh_viewer_conn_out(conn, now_ms, len);
}

static void conn_out_done(void *conn, size_t sent)
{
    fh_viewer_conn_out_done(conn, sent);
}

static uint64_t conn_deadline(const void *conn)
{
    return fh_viewer_conn_deadline(conn);
}

static int conn_tick(void *conn, uint64_t now_ms)
{
    return fh_viewer_conn_tick(conn, now_ms);
}

static bool conn_is_finished(const void *conn)
{
    return fh_viewer_conn_is_finished(conn);
}

static const struct fh__carrier_ops ops = {.in = conn_in,
                                           .in_done = conn_in_done,
                                           .in_end = conn_in_end,
                                           .out = conn_out,
                                           .out_done = conn_out_done,
                                           .deadline = conn_deadline,
                                           .tick = conn_tick,
                                           .is_finished = conn_is_finished,
                                           .events = carrier_events,
                                           .pumped = carrier_pumped,
                                           .gone = carrier_gone};

/* ---- carrying on ---- */

static void on_retry(uv_timer_t *timer)
{
    struct fh_viewer *v = timer->data;

    if (v->has_ended || v->is_closing)
        return;
    v->is_asked = true;
    v->callbacks->reconnect(v->user, v->attempt);
}

/* Asks the application for a stream, from the loop; the first time at once. */
static void try_again(struct fh_viewer *v)
{
    uint64_t wait = 0;

    if (!v->callbacks->reconnect)
        return;
    v->is_asked = false;
    if (v->attempt > 0)
        wait = v->attempt < 4 ? RETRY_FIRST_MS << (v->attempt - 1) : RETRY_LAST_MS;
    v->attempt++;
    uv_timer_start(&v->retry, on_retry, wait, 0);
}

static void on_moved(struct fh_viewer *v, const struct fh_link_event *ev)
{
    v->path = ev->rank == FH_VIEWER_DIRECT ? "direct" : "relayed";
    v->address = ev->address;
    fh_address_print(&v->address, v->peer, sizeof v->peer);
    audit_own(v, FH_AUDIT_MOVED);
    if (v->callbacks->moved)
        v->callbacks->moved(v->user, ev->rank);
}

static void on_link_event(void *user, const struct fh_link_event *ev)
{
    struct fh_viewer *v = user;

    if (v->has_ended || v->is_closing)
        return;
    switch (ev->type) {
    case FH_LINK_EV_DETACHED:
        v->attempt = 0;
        try_again(v);
        break;
    case FH_LINK_EV_FAILED:
        if (v->attempt > 0 && !v->is_asked && !uv_is_active((uv_handle_t *)&v->retry))
            try_again(v);
        break;
    case FH_LINK_EV_ATTACHED:
        v->attempt = 0;
        uv_timer_stop(&v->retry);
        if (ev->is_back && v->callbacks->resumed)
            v->callbacks->resumed(v->user);
        break;
    case FH_LINK_EV_MOVED:
        on_moved(v, ev);
        break;
    }
}

int fh_viewer_resume(struct fh_viewer *v, struct fh_stream *stream)
{
    const bool is_due = v->is_asked && has_link(v);

    v->is_asked = false;
    if (is_due && stream && fh_link_attach(v->link, stream, 0) == 0)
        return 0;
    if (!is_due && stream)
        fh_stream_close(stream, NULL, NULL);
    if (is_due)
        try_again(v);
    return is_due ? 0 : FH_SESSION_E_STATE;
}

/* Puts a link between the session and its stream; NULL: memory is short. */
static struct fh_stream *begin_link(struct fh_viewer *v, struct fh_stream *stream)
{
    const struct fh_link_uv_config cfg = {
        .side = FH_LINK_CLIENT,
        .rank = strcmp(v->path, "direct") == 0 ? FH_VIEWER_DIRECT : FH_VIEWER_RELAYED,
        .times = {.keep_ms = v->resume_ms, .prove_ms = PROVE_MS},
        .event = on_link_event,
        .user = v};
    struct fh_link_uv *u;

    if (fh_link_uv_new(v->loop, &cfg, &u) != 0)
        return NULL;
    v->link = fh_link_uv_link(u);
    (void)fh_link_begin(v->link, stream, NULL);
    return fh_link_stream(v->link);
}

/* ---- the connection ---- */

int fh_viewer_connect(struct fh_viewer *v, struct fh_stream *stream)
{
    struct fh_stream *top = stream;
    int ret = FH_SESSION_E_STATE;

    if (v->conn || v->is_closing)
        goto out;
    fh_stream_peer(stream, v->peer, sizeof v->peer);
    fh_stream_address(stream, &v->address);
    v->cfg.spki = fh_identity_spki(v->identity, &v->cfg.spki_len);
    v->cfg.now_ms = uv_now(v->loop);
    v->conn = fh_viewer_conn_new(&v->cfg);
    fh_wipe(v->password, sizeof v->password);
    fh_wipe(v->cloud_secret, sizeof v->cloud_secret);
    ret = FH_SESSION_E_NOMEM;
    if (!v->conn || (v->resume_ms > 0 && !(top = begin_link(v, stream))))
        goto out;
    fh__carrier_init(&v->carrier, &ops, v->conn, v->loop, top);
    v->has_carrier = true;
    fh__carrier_attach(&v->carrier);
    return 0;
out:
    fh_stream_close(stream, NULL, NULL);
    return ret;
}

struct fh_viewer_conn *fh_viewer_conn(struct fh_viewer *v)
{
    return v->conn;
}

void fh_viewer_flush(struct fh_viewer *v)
{
    if (v->has_carrier)
        fh__carrier_soon(&v->carrier);
}
