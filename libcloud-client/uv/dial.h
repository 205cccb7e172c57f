/* SPDX-License-Identifier: MIT */
/*
 * dial.h -- TCP, perhaps through a proxy, then TLS with pinned roots. Never installed.
 *
 *     fh__dial_start()
 *     fh__dial_cancel()
 */
#ifndef FH_CLOUD_DIAL_H
#define FH_CLOUD_DIAL_H

#include <uv.h>

#include <farhand/cloud_service.h>
#include <farhand/tls_uv.h>

struct fh_proxy;
struct fh__dial;

struct fh__dial_config {
    const char *host, *name; /* copied; name: of the certificate */
    uint16_t port;
    const char *alpn; /* must be agreed; static */
    struct fh_tls_context *tls;
    struct fh_tls_session *session; /* lent until done(), or NULL */
    const struct fh_proxy *proxy;   /* lent until done(), or NULL */
    uint32_t timeout_ms;
    /*
     * Once, from the loop. error: FH_CLOUD_E_*; 0: s is taken by the callee. text: borrowed,
     * printable.
     */
    void (*done)(void *user, struct fh_stream *s, int error, const char *text);
    void *user;
};

/* Returns 0: done() will be called; FH_CLOUD_E_INVAL, _RESOURCES: it will not. */
int fh__dial_start(uv_loop_t *loop, const struct fh__dial_config *cfg, struct fh__dial **out);
/* done() will say FH_CLOUD_E_CANCELLED. */
void fh__dial_cancel(struct fh__dial *d);

#endif
