/* SPDX-License-Identifier: MIT */
/*
 * proxy_uv.h -- connecting through a proxy (<farhand/proxy.h>), on a libuv loop.
 *
 *     fh_proxy_connect()          to the proxy, and through it to a host
 *     fh_proxy_start()            the same over a stream that stands already
 *     fh_proxy_connect_cancel()
 *
 * The result is the proxy's own stream, from where the host's bytes begin. Its address is the
 * proxy's.
 */
#ifndef FH_PROXY_UV_H
#define FH_PROXY_UV_H

#include <farhand/proxy.h>
#include <farhand/tcp.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_proxy_connecting;

struct fh_proxy_connect_config {
    uint32_t timeout_ms; /* for all of it; 0 = 30000 */
    struct fh_tcp_options options;
    /*
     * The end of it, called exactly once, from the loop. error 0: s is taken by the callee.
     * Otherwise s is NULL, and error is FH_TRANSPORT_E_*, as fh_tcp_connect() and
     * fh_proxy_talk_in() tell it. text: borrowed, printable, nothing that the proxy wrote.
     */
    void (*done)(void *user, struct fh_stream *s, int error, const char *text);
    void *user;
};

/*
 * p, host, cfg: borrowed until return. host, port: as fh_proxy_talk_init(). out: may be NULL; lent
 * until done(). Returns 0: done() will be called. FH_TRANSPORT_E_INVAL, _RESOURCES: it will not.
 */
int fh_proxy_connect(uv_loop_t *loop, const struct fh_proxy *p, const char *host, uint16_t port,
                     const struct fh_proxy_connect_config *cfg, struct fh_proxy_connecting **out);

/* to_proxy: taken, also on error; a stream to the proxy, of any kind (TLS, for one of https). */
int fh_proxy_start(uv_loop_t *loop, const struct fh_proxy *p, const char *host, uint16_t port,
                   const struct fh_proxy_connect_config *cfg, struct fh_stream *to_proxy,
                   struct fh_proxy_connecting **out);

/* Give up: done() is called with FH_TRANSPORT_E_CANCELLED, from the loop. */
void fh_proxy_connect_cancel(struct fh_proxy_connecting *c);

#ifdef __cplusplus
}
#endif

#endif
