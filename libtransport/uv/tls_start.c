/* SPDX-License-Identifier: MIT */
/* From a stream to one with TLS on it. */
#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>

#include "tls_stream.h"

enum { HANDSHAKE_MS = 10000, HELLO_MS = 3000, LINGER_MS = 5000 };

/* The alert that stands in `held` still goes out, and the stream below closes politely. */
void fh__tls_fail(struct fh__tls *t, int error, const char *text)
{
    if (t->phase == FH__TLS_FAILED || t->phase == FH__TLS_OPEN)
        return;
    t->phase = FH__TLS_FAILED;
    if (fh__tls_flush(t) == 0 && t->held_len == 0)
        fh_stream_shutdown(t->below);
    fh__tls_abandon(t);
    t->done(t->user, NULL, error, text);
}

static void on_late(uv_timer_t *timer)
{
    struct fh__tls *t = timer->data;
    uint64_t now = uv_now(timer->loop);

    if (t->hello.done && now < t->deadline_ms) {
        uv_timer_start(timer, on_late, t->deadline_ms - now, 0);
        return;
    }
    fh__tls_fail(t, FH_TRANSPORT_E_TIMEOUT, "the handshake took too long");
}

static void send_alert(struct fh__tls *t, unsigned char alert)
{
    (void)mbedtls_ssl_send_alert_message(&t->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
}

static bool is_hello_poor(const struct fh__tls *t)
{
    return t->ctx->require_ems && t->hello.done && !t->hello.ems;
}

/* What mbedTLS does not look at. Returns 0 or FH_TRANSPORT_E_*. */
static int check_hello(struct fh__tls *t, const char **text)
{
    if (!is_hello_poor(t))
        return 0;
    send_alert(t, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    *text = "the peer has no extended master secret (RFC 7627)";
    return FH_TRANSPORT_E_PROTO;
}

/* A key that must not sign, a curve that is not ours: mbedTLS notes them behind the callback. */
static int check_peer(struct fh__tls *t, const char **text)
{
    if (t->ctx->is_server || t->ctx->trust_anybody || (t->resumed && t->has_peer))
        return 0;
    if (t->verify_done && mbedtls_ssl_get_verify_result(&t->ssl) == 0)
        return 0;
    send_alert(t, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    *text = "the peer's certificate is not fit for its use";
    return FH_TRANSPORT_E_IDENTITY;
}

static void keep_session(struct fh__tls *t)
{
    struct fh_tls_session *k = t->session;

    if (!k)
        return;
    mbedtls_ssl_session_free(&k->session);
    mbedtls_ssl_session_init(&k->session);
    k->has = mbedtls_ssl_get_session(&t->ssl, &k->session) == 0;
    k->ctx = t->ctx;
    k->ems = t->hello.ems;
    memcpy(k->name, t->name ? t->name : "", t->name ? strlen(t->name) + 1 : 1);
    memcpy(k->peer_cert, t->peer_cert, sizeof k->peer_cert);
    memcpy(k->peer_spki, t->peer_spki, sizeof k->peer_spki);
}

static void recall_peer(struct fh__tls *t)
{
    t->resumed = t->ctx->is_server ? t->resumes : !t->has_peer;
    if (t->ctx->is_server || !t->resumed || !t->session)
        return;
    memcpy(t->peer_cert, t->session->peer_cert, sizeof t->peer_cert);
    memcpy(t->peer_spki, t->session->peer_spki, sizeof t->peer_spki);
    t->has_peer = true;
}

static uint16_t fragment_of(const struct fh__tls *t)
{
    if (!t->ctx->is_server)
        return t->hello.fragment ? t->ctx->max_fragment : 0;
    switch (t->ssl.session ? t->ssl.session->mfl_code : 0) {
    case MBEDTLS_SSL_MAX_FRAG_LEN_512:
        return 512;
    case MBEDTLS_SSL_MAX_FRAG_LEN_1024:
        return 1024;
    case MBEDTLS_SSL_MAX_FRAG_LEN_2048:
        return 2048;
    case MBEDTLS_SSL_MAX_FRAG_LEN_4096:
        return 4096;
    default:
        return 0;
    }
}

static void opened(struct fh__tls *t)
{
    const char *text;
    int ret;

    recall_peer(t);
    ret = check_peer(t, &text);
    if (ret == 0) {
        ret = fh__tls_flush(t);
        text = fh_transport_strerror(ret);
    }
    if (ret != 0) {
        fh__tls_fail(t, ret, text);
        return;
    }
    keep_session(t);
    free(t->name);
    t->name = NULL;
    uv_timer_stop(&t->timer);
    t->phase = FH__TLS_OPEN;
    if (!fh__tls_records_begin(t, fragment_of(t)))
        fh__tls_park(t);
    t->done(t->user, &t->s, 0, "");
}

/* The ClientHello was read and understood, and nothing was answered. */
static bool is_admission_due(const struct fh__tls *t)
{
    return t->ctx->is_server && !t->admitted && t->ssl.state == MBEDTLS_SSL_SERVER_HELLO;
}

static bool admit(struct fh__tls *t)
{
    t->admitted = true;
    if (!t->admit || t->admit(t->user, (struct fh_tls_starting *)t, t->resumes))
        return true;
    t->phase = FH__TLS_WAITS;
    return false;
}

/* mbedTLS's return value; 0 also while it waits for admission. */
static int step_all(struct fh__tls *t)
{
    int ret = 0;

    while (ret == 0 && t->ssl.state != MBEDTLS_SSL_HANDSHAKE_OVER && !is_hello_poor(t)) {
        if (is_admission_due(t) && !admit(t))
            break;
        t->ctx->busy = t;
        ret = mbedtls_ssl_handshake_step(&t->ssl);
        t->ctx->busy = NULL;
    }
    return ret;
}

void fh__tls_handshake(struct fh__tls *t)
{
    const char *text = NULL;
    int ret, error;

    if (t->cancelled) {
        fh__tls_fail(t, FH_TRANSPORT_E_CANCELLED, fh_transport_strerror(FH_TRANSPORT_E_CANCELLED));
        return;
    }
    if (t->phase != FH__TLS_HANDSHAKE)
        return;
    t->batching = true;
    ret = step_all(t);
    /* An answer of mbedTLS's own to something worse goes before. */
    error = ret == 0 || ret == MBEDTLS_ERR_SSL_WANT_READ ? check_hello(t, &text) : 0;
    t->batching = false;
    if (error == 0 && ret != 0 && ret != MBEDTLS_ERR_SSL_WANT_READ)
        error = fh__tls_error(t, ret, &text);
    if (error == 0 && t->ssl.state == MBEDTLS_SSL_HANDSHAKE_OVER) {
        opened(t);
        return;
    }
    if (error == 0 && (error = fh__tls_flush(t)) != 0)
        text = fh_transport_strerror(error);
    if (error != 0)
        fh__tls_fail(t, error, text);
}

void fh_tls_go_on(struct fh_tls_starting *starting)
{
    struct fh__tls *t = (struct fh__tls *)starting;

    if (t->phase != FH__TLS_WAITS)
        return;
    t->phase = FH__TLS_HANDSHAKE;
    fh__tls_run_soon(t);
}

void fh_tls_cancel(struct fh_tls_starting *starting)
{
    struct fh__tls *t = (struct fh__tls *)starting;

    t->cancelled = true;
    fh__tls_run_soon(t);
}

/* ---- beginning --------------------------------------------------------------------------------
 */

static bool is_valid(const struct fh_tls_context *ctx, const struct fh_tls_start_config *cfg)
{
    if (!cfg->done || cfg->handshake_ms > INT32_MAX || cfg->hello_ms > INT32_MAX ||
        cfg->linger_ms > INT32_MAX)
        return false;
    if (ctx->is_server)
        return !cfg->name && !cfg->session;
    return cfg->name ? cfg->name[0] && strlen(cfg->name) < FH_TLS_NAME : ctx->trust_anybody;
}

/* A session of another server, or from before the roots changed, is as good as none. */
static int offer_session(struct fh__tls *t)
{
    struct fh_tls_session *k = t->session;

    if (!k || !k->has || k->ctx != t->ctx || strcmp(k->name, t->name ? t->name : "") != 0)
        return 0;
    return mbedtls_ssl_set_session(&t->ssl, &k->session);
}

static int set_up(struct fh__tls *t, const struct fh_tls_start_config *cfg)
{
    struct fh_address ip;
    int ret = mbedtls_ssl_setup(&t->ssl, &t->credentials->conf);

    if (ret != 0)
        return FH_TRANSPORT_E_RESOURCES;
    mbedtls_ssl_set_bio(&t->ssl, t, fh__tls_bio_send, fh__tls_bio_recv, NULL);
    fh__tls_export_setup(t);
    if (t->ctx->is_server)
        return 0;
    mbedtls_ssl_set_verify(&t->ssl, fh__tls_verify, t);
    if (cfg->name) {
        t->name = strdup(cfg->name);
        if (!t->name)
            return FH_TRANSPORT_E_RESOURCES;
        t->name_is_ip = fh_address_parse_ip(t->name, strlen(t->name), &ip) == 0;
    }
    /* RFC 6066 section 3: an address is not sent as a name. */
    ret = mbedtls_ssl_set_hostname(&t->ssl, t->name_is_ip ? NULL : t->name);
    if (ret == 0)
        ret = offer_session(t);
    return ret == 0 ? 0 : FH_TRANSPORT_E_RESOURCES;
}

static struct fh__tls *make(uv_loop_t *loop, struct fh_tls_context *ctx, struct fh_stream *below,
                            const struct fh_tls_start_config *cfg)
{
    struct fh__tls *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->below = below;
    t->session = cfg->session;
    t->admit = cfg->admit;
    t->done = cfg->done;
    t->user = cfg->user;
    t->linger_ms = cfg->linger_ms ? cfg->linger_ms : LINGER_MS;
    t->ctx = fh__tls_context_ref(ctx);
    t->credentials = ctx->now;
    t->credentials->refs++;
    mbedtls_ssl_init(&t->ssl);
    fh__tls_stream_init(t);
    if (set_up(t, cfg) != 0) {
        mbedtls_ssl_free(&t->ssl);
        fh__tls_credentials_unref(t->credentials);
        fh__tls_context_unref(ctx);
        free(t->name);
        free(t);
        return NULL;
    }
    uv_timer_init(loop, &t->timer);
    uv_idle_init(loop, &t->soon);
    t->timer.data = t->soon.data = t;
    t->open_handles = 3;
    return t;
}

int fh_tls_start(uv_loop_t *loop, struct fh_tls_context *ctx, struct fh_stream *below,
                 const struct fh_tls_start_config *cfg, struct fh_tls_starting **out)
{
    bool valid = is_valid(ctx, cfg);
    struct fh__tls *t = valid ? make(loop, ctx, below, cfg) : NULL;
    uint64_t all_ms = cfg->handshake_ms ? cfg->handshake_ms : HANDSHAKE_MS;
    uint64_t hello_ms = cfg->hello_ms ? cfg->hello_ms : HELLO_MS;

    if (!t) {
        fh_stream_close(below, NULL, NULL);
        return valid ? FH_TRANSPORT_E_RESOURCES : FH_TRANSPORT_E_INVAL;
    }
    t->deadline_ms = uv_now(loop) + all_ms;
    uv_timer_start(&t->timer, on_late, ctx->is_server && hello_ms < all_ms ? hello_ms : all_ms, 0);
    fh__tls_attach_below(t);
    fh__tls_run_soon(t);
    if (out)
        *out = (struct fh_tls_starting *)t;
    return 0;
}

/* ---- what was agreed --------------------------------------------------------------------------
 */

int fh_tls_info(const struct fh_stream *s, struct fh_tls_info *out)
{
    const struct fh__tls *t = (const struct fh__tls *)s;
    const char *alpn;

    if (!fh__tls_is(s))
        return FH_TRANSPORT_E_INVAL;
    memset(out, 0, sizeof *out);
    if (t->records.is_on) {
        out->version = t->records.version;
        out->suite = t->records.suite;
        out->max_fragment = t->records.max_fragment;
        alpn = t->records.alpn;
    } else {
        out->version = mbedtls_ssl_get_version(&t->ssl);
        out->suite = mbedtls_ssl_get_ciphersuite(&t->ssl);
        out->max_fragment = fragment_of(t);
        alpn = mbedtls_ssl_get_alpn_protocol(&t->ssl);
    }
    if (alpn)
        memcpy(out->alpn, alpn, strlen(alpn) + 1);
    out->resumed = t->resumed;
    out->ems = t->hello.ems;
    out->has_peer = t->has_peer;
    memcpy(out->peer_cert, t->peer_cert, sizeof out->peer_cert);
    memcpy(out->peer_spki, t->peer_spki, sizeof out->peer_spki);
    return 0;
}
