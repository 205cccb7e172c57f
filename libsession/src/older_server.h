/* SPDX-License-Identifier: MIT */
/*
 * older_server.h -- a server's side of the handshake of RFB 3.3, 3.7 and 3.8 up to ClientInit:
 * version, security type, VeNCrypt, credentials, SecurityResult (RFC 6143 7.1, rfbproto). The
 * session is above, TLS beside it; server_older.c joins them. Private.
 */
#ifndef FH_SESSION_OLDER_SERVER_H
#define FH_SESSION_OLDER_SERVER_H

#include <farhand/vncauth.h>

#include "older_wire.h"

enum fh__older_server_state {
    FH__OLDER_S_VERSION,
    FH__OLDER_S_HELLO, /* nothing: may it go on? */
    FH__OLDER_S_TYPE,
    FH__OLDER_S_VENCRYPT, /* its version */
    FH__OLDER_S_VENCRYPT_TYPE,
    FH__OLDER_S_TLS,   /* nothing: TLS is to start */
    FH__OLDER_S_PLAIN, /* lengths of name and password */
    FH__OLDER_S_PLAIN_BODY,
    FH__OLDER_S_RESPONSE, /* of VNC Authentication */
    FH__OLDER_S_RSA,
    FH__OLDER_S_LOGIN, /* nothing: is he let in? */
    FH__OLDER_S_OPEN,
    FH__OLDER_S_ENDED
};

enum fh__older_server_event_type {
    FH__OLDER_S_EV_NOTHING,
    FH__OLDER_S_EV_HELLO,   /* _proceed() or _refuse() */
    FH__OLDER_S_EV_CHOSEN,  /* a type: told of before what it needs */
    FH__OLDER_S_EV_TLS,     /* what was said is on its way: _tls_started() */
    FH__OLDER_S_EV_DECRYPT, /* decrypt: _decrypted() */
    FH__OLDER_S_EV_LOGIN,   /* user, password or challenge and response: _result() */
    FH__OLDER_S_EV_FAILED   /* error */
};

struct fh__older_server {
    struct fh__older_wire wire;
    struct fh_older_offer offer;
    fh_random_fn random;
    void *random_user;
    enum fh__older_server_state state;
    unsigned version; /* 3, 7, 8 */
    unsigned type;    /* chosen; 0: not yet */
    unsigned due;     /* events, as bits by type */
    int error;
    struct fh_rsaaes_event decrypt;
    uint8_t proof[2 * FH_VNCAUTH_LEN]; /* challenge and response */
    const char *user, *password;       /* of LOGIN, lent until _result() */
    size_t user_len, password_len;
};

/* The version that the viewer said comes next. */
void fh__older_server_init(struct fh__older_server *o, const struct fh_older_offer *offer,
                           fh_random_fn random, void *random_user);
void fh__older_server_finish(struct fh__older_server *o);
uint8_t *fh__older_server_in(struct fh__older_server *o, size_t *room);
void fh__older_server_in_done(struct fh__older_server *o, size_t used);
enum fh__older_server_event_type fh__older_server_event(struct fh__older_server *o);
void fh__older_server_proceed(struct fh__older_server *o);
/* reason: told to the viewer. */
void fh__older_server_refuse(struct fh__older_server *o, const char *reason);
int fh__older_server_tls_started(struct fh__older_server *o);
int fh__older_server_decrypted(struct fh__older_server *o, const uint8_t *secret, size_t len);
void fh__older_server_result(struct fh__older_server *o, bool is_let_in);

#endif
