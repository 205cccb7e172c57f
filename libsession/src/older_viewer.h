/* SPDX-License-Identifier: MIT */
/*
 * older_viewer.h -- a viewer's side of the handshake of RFB 3.3, 3.7 and 3.8 up to ClientInit; the
 * counterpart of older_server.h. viewer_older.c joins it with the session. Private.
 */
#ifndef FH_SESSION_OLDER_VIEWER_H
#define FH_SESSION_OLDER_VIEWER_H

#include <farhand/vncauth.h>

#include "older_wire.h"

enum fh__older_viewer_state {
    FH__OLDER_V_VERSION,
    FH__OLDER_V_TYPE_33, /* which the server has chosen */
    FH__OLDER_V_COUNT,   /* of types */
    FH__OLDER_V_TYPES,
    FH__OLDER_V_VENCRYPT,     /* its version */
    FH__OLDER_V_VENCRYPT_ACK, /* that of ours */
    FH__OLDER_V_SUBCOUNT,
    FH__OLDER_V_SUBTYPES,
    FH__OLDER_V_TLS_ACK,
    FH__OLDER_V_TLS,    /* nothing: TLS is to start */
    FH__OLDER_V_VERIFY, /* nothing: is it the right server? */
    FH__OLDER_V_KEY,    /* nothing: a key of our own is to be made */
    FH__OLDER_V_RSA,
    FH__OLDER_V_CHALLENGE, /* of VNC Authentication */
    FH__OLDER_V_ASK,       /* nothing: who are we? */
    FH__OLDER_V_RESULT,
    FH__OLDER_V_REASON_LEN, /* of a failure */
    FH__OLDER_V_REASON,
    FH__OLDER_V_OPEN,
    FH__OLDER_V_ENDED
};

enum fh__older_viewer_event_type {
    FH__OLDER_V_EV_NOTHING,
    FH__OLDER_V_EV_TLS,         /* what was said is on its way: _tls_started() */
    FH__OLDER_V_EV_VERIFY,      /* type, and identity if has_identity: _accept() */
    FH__OLDER_V_EV_KEY,         /* _key() */
    FH__OLDER_V_EV_DECRYPT,     /* decrypt: _decrypted() */
    FH__OLDER_V_EV_CREDENTIALS, /* _credentials() */
    FH__OLDER_V_EV_OPEN,
    FH__OLDER_V_EV_FAILED /* error; reason, the server's words */
};

enum { FH__OLDER_IDENTITY_LEN = 32 /* SHA-256 */ };

struct fh__older_viewer {
    struct fh__older_wire wire;
    unsigned minimum; /* strength */
    unsigned only;    /* type; 0: any */
    bool has_tls;
    fh_random_fn random;
    void *random_user;
    enum fh__older_viewer_state state;
    unsigned version, type;
    unsigned due;
    int error;
    bool has_identity, needs_user, refused;
    uint8_t identity[FH__OLDER_IDENTITY_LEN];    /* of the key that the server has for this */
    char short_text[FH_RSAAES_FINGERPRINT_TEXT]; /* as other programs show it; "" */
    struct fh_rsaaes_event decrypt;
    uint8_t challenge[FH_VNCAUTH_LEN];
    const uint8_t *reason; /* lent */
    size_t reason_len;
};

void fh__older_viewer_init(struct fh__older_viewer *o, unsigned minimum, unsigned only,
                           bool has_tls, fh_random_fn random, void *random_user);
void fh__older_viewer_finish(struct fh__older_viewer *o);
uint8_t *fh__older_viewer_in(struct fh__older_viewer *o, size_t *room);
void fh__older_viewer_in_done(struct fh__older_viewer *o, size_t used);
enum fh__older_viewer_event_type fh__older_viewer_event(struct fh__older_viewer *o);
/* identity: of the server's certificate. */
int fh__older_viewer_tls_started(struct fh__older_viewer *o,
                                 const uint8_t identity[FH__OLDER_IDENTITY_LEN]);
void fh__older_viewer_accept(struct fh__older_viewer *o);
int fh__older_viewer_key(struct fh__older_viewer *o, const uint8_t *pub, size_t pub_len);
int fh__older_viewer_decrypted(struct fh__older_viewer *o, const uint8_t *secret, size_t len);
int fh__older_viewer_credentials(struct fh__older_viewer *o, const char *user, const char *password,
                                 size_t password_len);

#endif
