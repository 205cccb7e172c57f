/* SPDX-License-Identifier: MIT */
#include "dial.h"

#include <stdlib.h>
#include <string.h>

#include <farhand/cloud_error.h>
#include <farhand/proxy_uv.h>

struct fh__dial {
    struct fh__dial_config cfg;
    char name[FH_CLOUD_HOST_TEXT];
    uv_loop_t *loop;
    struct fh_tcp_connecting *tcp;
    struct fh_proxy_connecting *proxy;
    struct fh_tls_starting *tls;
    bool cancelled;
};

static int error_of(int transport_error)
{
    switch (transport_error) {
    case 0:
        return 0;
    case FH_TRANSPORT_E_IDENTITY:
        return FH_CLOUD_E_AUTH;
    case FH_TRANSPORT_E_TIMEOUT:
        return FH_CLOUD_E_TIMEOUT;
    case FH_TRANSPORT_E_CANCELLED:
        return FH_CLOUD_E_CANCELLED;
    case FH_TRANSPORT_E_RESOURCES:
        return FH_CLOUD_E_RESOURCES;
    case FH_TRANSPORT_E_INVAL:
        return FH_CLOUD_E_INVAL;
    case FH_TRANSPORT_E_PROTO:
        return FH_CLOUD_E_PROTO;
    case FH_TRANSPORT_E_DENIED:
        return FH_CLOUD_E_REFUSED;
    default:
        return FH_CLOUD_E_RESET;
    }
}

static void finish(struct fh__dial *d, struct fh_stream *s, int error, const char *text)
{
    struct fh__dial_config cfg = d->cfg;

    if (d->cancelled && error == 0) {
        fh_stream_close(s, NULL, NULL);
        s = NULL;
    }
    if (d->cancelled) {
        error = FH_CLOUD_E_CANCELLED;
        text = fh_cloud_strerror(error);
    }
    free(d);
    cfg.done(cfg.user, s, error, text);
}

static void on_tls(void *user, struct fh_stream *s, int error, const char *text)
{
    struct fh__dial *d = user;
    struct fh_tls_info info;

    d->tls = NULL;
    if (error == 0 && (fh_tls_info(s, &info) != 0 || strcmp(info.alpn, d->cfg.alpn) != 0)) {
        fh_stream_close(s, NULL, NULL);
        finish(d, NULL, FH_CLOUD_E_PROTO, "the server does not speak our protocol");
        return;
    }
    finish(d, s, error_of(error), text);
}

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct fh__dial *d = user;
    struct fh_tls_start_config cfg = {.handshake_ms = d->cfg.timeout_ms,
                                      .name = d->name,
                                      .session = d->cfg.session,
                                      .done = on_tls,
                                      .user = d};
    int ret;

    d->tcp = NULL;
    d->proxy = NULL;
    if (error != 0 || d->cancelled) {
        finish(d, s, error_of(error), text);
        return;
    }
    ret = fh_tls_start(d->loop, d->cfg.tls, s, &cfg, &d->tls);
    if (ret != 0)
        finish(d, NULL, error_of(ret), fh_transport_strerror(ret));
}

static int connect_straight(struct fh__dial *d)
{
    struct fh_tcp_connect_config cfg = {
        .timeout_ms = d->cfg.timeout_ms, .done = on_connected, .user = d};
    struct fh_target to = {.kind = FH_TARGET_HOST, .port = d->cfg.port};
    const char *host = d->cfg.host;

    if (fh_address_parse_ip(host, strlen(host), &to.address) == 0) {
        to.kind = FH_TARGET_IP;
        to.address.port = to.port;
    } else {
        strcpy(to.name, host);
    }
    return error_of(fh_tcp_connect(d->loop, &to, &cfg, &d->tcp));
}

static int connect_by_proxy(struct fh__dial *d)
{
    const struct fh_proxy_connect_config cfg = {
        .timeout_ms = d->cfg.timeout_ms, .done = on_connected, .user = d};

    return error_of(
        fh_proxy_connect(d->loop, d->cfg.proxy, d->cfg.host, d->cfg.port, &cfg, &d->proxy));
}

int fh__dial_start(uv_loop_t *loop, const struct fh__dial_config *cfg, struct fh__dial **out)
{
    struct fh__dial *d;
    int ret;

    if (strlen(cfg->host) >= FH_CLOUD_HOST_TEXT || strlen(cfg->name) >= FH_CLOUD_HOST_TEXT)
        return FH_CLOUD_E_INVAL;
    d = calloc(1, sizeof *d);
    if (!d)
        return FH_CLOUD_E_RESOURCES;
    d->cfg = *cfg;
    d->loop = loop;
    strcpy(d->name, cfg->name);
    ret = cfg->proxy ? connect_by_proxy(d) : connect_straight(d);
    d->cfg.host = d->cfg.name = NULL;
    if (ret != 0) {
        free(d);
        return ret;
    }
    *out = d;
    return 0;
}

void fh__dial_cancel(struct fh__dial *d)
{
    if (d->cancelled)
        return;
    d->cancelled = true;
    if (d->tcp)
        fh_tcp_connect_cancel(d->tcp);
    else if (d->proxy)
        fh_proxy_connect_cancel(d->proxy);
    else if (d->tls)
        fh_tls_cancel(d->tls);
}
