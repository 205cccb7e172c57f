/* SPDX-License-Identifier: MIT */
/*
 * proxy.h -- out through a proxy: HTTP CONNECT (RFC 9110 9.3.6) with Basic authentication
 * (RFC 7617), or SOCKS5 (RFC 1928) with user name and password (RFC 1929).
 *
 *     fh_proxy_parse()       read a proxy's URL, as in the environment's http_proxy
 *     fh_proxy_is_exempt()   whether a host is reached without it, as no_proxy says
 *
 * The conversation is a machine without I/O; <farhand/proxy_uv.h> runs it on a libuv loop:
 *
 *     fh_proxy_talk_init()
 *     fh_proxy_talk_out()    bytes to send; fh_proxy_talk_out_done()
 *     fh_proxy_talk_in()     bytes that arrived; says when the way is open
 *
 * The host's name is resolved by the proxy, never here. The proxy sees whom we connect to and the
 * bytes of it; it is not trusted, and what runs inside must protect itself.
 *
 * Not done here: TLS to the proxy, other methods of authentication, UDP, BIND.
 */
#ifndef FH_PROXY_H
#define FH_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/address.h>
#include <farhand/transport_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fh_proxy_kind { FH_PROXY_NONE, FH_PROXY_HTTP, FH_PROXY_SOCKS5 };

enum { FH_PROXY_SECRET = 256 }; /* RFC 1929: 255 bytes; and the zero */

/* Without pointers: copy it with =. SECRET where there is a password. */
struct fh_proxy {
    enum fh_proxy_kind kind;
    struct fh_target server; /* FH_TARGET_IP or _HOST, with its port */
    char user[FH_PROXY_SECRET], password[FH_PROXY_SECRET]; /* user empty: none */
};

/*
 * Read "http://[USER[:PASSWORD]@]HOST[:PORT][/]", "socks5://..." or "socks5h://..."; without a
 * scheme it is HTTP. %XX is decoded in USER and PASSWORD. Without a port it is 80, 1080 for SOCKS.
 * text: zero-terminated, borrowed. expected: may be NULL; static.
 * Returns 0 and fills out; FH_TRANSPORT_E_ADDRESS, then out is untouched and *expected says what
 * should have stood there.
 */
int fh_proxy_parse(const char *text, struct fh_proxy *out, const char **expected);

/*
 * no_proxy: names and addresses separated by commas or spaces, "*" for all; "example.com" and
 * ".example.com" are also for what ends in ".example.com". NULL is none. host: name or address.
 */
bool fh_proxy_is_exempt(const char *no_proxy, const char *host);

enum {
    FH_PROXY_HEAD = 16384, /* longest head of an HTTP answer, and of all before it */
    FH_PROXY_OUT = 1536
};

/* Without pointers into itself. The members are private. SECRET. */
struct fh_proxy_talk {
    struct fh_proxy proxy;
    char host[256];
    uint16_t port;
    uint8_t out[FH_PROXY_OUT];
    size_t out_at, out_len;
    uint8_t in[512];
    size_t in_len, want, head_len, line_len;
    int state, error, status;
};

enum fh_proxy_progress { FH_PROXY_MORE, FH_PROXY_OPEN };

/*
 * Ask p for a way to host (a DNS name or an address, 1 to 255 bytes) and port. p, host: copied.
 * Returns 0; FH_TRANSPORT_E_INVAL.
 */
int fh_proxy_talk_init(struct fh_proxy_talk *t, const struct fh_proxy *p, const char *host,
                       uint16_t port);

/* What is to be sent now, lent until the next call on t; NULL for nothing. */
const uint8_t *fh_proxy_talk_out(const struct fh_proxy_talk *t, size_t *len);
void fh_proxy_talk_out_done(struct fh_proxy_talk *t, size_t sent);

/*
 * Bytes of the proxy. *used: how many were its own; what follows is the peer's. Returns
 * FH_PROXY_MORE; FH_PROXY_OPEN: the way is open, once all is sent. Or, for ever after:
 * FH_TRANSPORT_E_DENIED: it wants another password, or does not let us there; _REFUSED,
 * _UNREACHABLE, _TIMEOUT: as it says of the host; _PROTO: that is no proxy, or one of another kind.
 */
int fh_proxy_talk_in(struct fh_proxy_talk *t, const uint8_t *data, size_t len, size_t *used);

/* The number in an HTTP answer (407, say) or a SOCKS reply; 0 while there was none. */
int fh_proxy_talk_status(const struct fh_proxy_talk *t);

#ifdef __cplusplus
}
#endif

#endif
