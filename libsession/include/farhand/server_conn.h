/* SPDX-License-Identifier: MIT */
/*
 * server_conn.h -- one viewer's connection to a Server app, as a core without I/O: the secure
 * channel, authentication, permissions and RFB, in one machine.
 *
 *     fh_server_conn_in / _in_done / _in_end    bytes from the viewer
 *     fh_server_conn_event                      what happened or is asked; repeat until 0
 *     fh_server_conn_out / _out_done            bytes to the viewer
 *     fh_server_conn_tick, _deadline            time
 *
 * Questions are events that the application answers, at once or later:
 *
 *     EV_HELLO          may this source cost us a signature?   _proceed() or _refuse()
 *     EV_SIGN           a transcript hash                      _signed()
 *     EV_VERIFY_PEER    the viewer's identity is proved        _accept_peer() or _close()
 *     EV_AUTHENTICATE   the method's first factor              _authenticated() or _ask()
 *     EV_ANSWERS        the answers to what was asked          _authenticated() or _ask()
 *
 * With `older` in the config the server also speaks with viewers that do not know the channel. The
 * channel stays the first: it is spoken with whoever begins it. Of an older viewer there is no
 * identity, and it cannot be asked anything but what its security type asks:
 *
 *     EV_HELLO          as above, before the security types are named
 *     EV_OLDER          which of them it took
 *     EV_TLS            what follows is inside TLS             _tls_started()
 *     EV_DECRYPT        a secret under the key of RSA-AES      _decrypted()
 *     EV_AUTHENTICATE   method password, vnc or none           _authenticated()
 *
 * Until _authenticated() gives permissions nothing of the desktop leaves: no size, name or cursor.
 * In method cpace the exchange is the application's: it answers EV_AUTHENTICATE by asking a
 * FH_KIND_PAKE, the answer to that by another, and only then it may ask other things or grant.
 * Events that the permissions do not allow are dropped here and never reach the application.
 * An application that uses libuv uses server.h instead. One thread at a time.
 */
#ifndef FH_SERVER_CONN_H
#define FH_SERVER_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/audit.h>
#include <farhand/auth.h>
#include <farhand/older.h>
#include <farhand/permissions.h>
#include <farhand/session_error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_framebuffer; /* <farhand/framebuffer.h> */
struct fh_screen;
struct fh_rect;
struct fh_rfb_coding;    /* <farhand/rfb_server.h> */
struct fh_rfb_elsewhere; /* <farhand/rfb_server.h> */
struct fh_channel_info;  /* <farhand/channel.h> */
struct fh_rotation;      /* <farhand/rotation.h> */

/* Why a session ended; sent in Bye, shown to people by fh_bye_text(). */
#define FH_BYES(X)                                                                                 \
    X(NORMAL, 0, "the viewer disconnected")                                                        \
    X(SERVER, 1, "the server ended the session")                                                   \
    X(SHUTDOWN, 2, "the server is shutting down")                                                  \
    X(IDLE, 3, "nothing was done for too long")                                                    \
    X(REPLACED, 4, "another viewer took over")                                                     \
    X(PROTOCOL, 5, "the protocol was broken")                                                      \
    X(AUTH, 6, "authentication failed or was refused")                                             \
    X(TIMEOUT, 7, "a deadline passed")                                                             \
    X(LOST, 8, "the connection was lost")                                                          \
    X(BUSY, 9, "the server is busy")                                                               \
    X(INTERNAL, 10, "the server failed")                                                           \
    X(IDENTITY, 11, "the identity was not accepted")

enum fh_bye {
#define X(name, num, text) FH_BYE_##name = (num),
    FH_BYES(X)
#undef X
};

const char *fh_bye_text(enum fh_bye bye);
/* The word that the audit has for it: "normal", "timeout". */
const char *fh_bye_word(enum fh_bye bye);
/* Whether a session that ended so did not end as somebody wanted it. */
bool fh_bye_is_failure(enum fh_bye bye);

enum {
    FH_SERVER_AUTH_MS = 30000,      /* from the handshake's end to authentication */
    FH_SERVER_ASK_MS = 30000,       /* what each Ask that needs an answer adds to it */
    FH_SERVER_AUTH_MAX_MS = 120000, /* from the handshake's end, whatever was asked */
    FH_SERVER_AUTH_ATTEMPTS = 3,    /* in one connection */
    FH_SESSION_ID_LEN = 16,         /* bytes */
    FH_SESSION_LINK_KEY_LEN = 32,   /* bytes */
    FH_SESSION_GUARD_KEY_LEN = 32,  /* bytes */
    FH_SESSION_LINK_REF_LEN = 16    /* bytes */
};

typedef void (*fh_server_random_fn)(void *user, void *out, size_t len);

struct fh_server_conn_config {
    fh_server_random_fn random; /* required */
    void *random_user;
    const uint8_t *spki; /* of our identity, copied */
    size_t spki_len;
    const char *program; /* "vncserverd 0.1.0"; NULL: not said */
    const char *name;    /* friendly name, told after authentication; NULL: "" */
    /* Without authentication configured every connection is rejected: that is the default. */
    bool has_authentication;
    /* Those offered, enum fh_method, the best first; copied. NULL: FH_METHOD_PASSWORD only. */
    const uint8_t *methods;
    size_t n_methods;         /* at most FH_METHODS_MAX, each once */
    uint64_t auth_ms;         /* in place of FH_SERVER_AUTH_MS; 0: that */
    uint64_t idle_timeout_ms; /* without input from the viewer; 0: never */
    uint64_t now_ms;
    bool greeting_was_read;
    struct fh_older_offer older; /* to viewers that do not know the channel; zero: nothing */
};

enum fh_server_conn_event_type {
    FH_SERVER_CONN_EV_HELLO,
    FH_SERVER_CONN_EV_SIGN,         /* ev.sign.th */
    FH_SERVER_CONN_EV_VERIFY_PEER,  /* ev.peer */
    FH_SERVER_CONN_EV_AUTHENTICATE, /* ev.credentials; lent until answered, then wiped */
    FH_SERVER_CONN_EV_ANSWERS,      /* ev.answers; lent until answered, then wiped */
    FH_SERVER_CONN_EV_OLDER,        /* ev.older */
    FH_SERVER_CONN_EV_TLS,     /* all that was said is on its way; nothing more is until then */
    FH_SERVER_CONN_EV_DECRYPT, /* ev.decrypt: fh_rsaaes_key_decrypt() of <farhand/rsaaes.h> */
    FH_SERVER_CONN_EV_STARTED, /* the session runs: give it a screen */
    FH_SERVER_CONN_EV_KEY,
    FH_SERVER_CONN_EV_POINTER,
    FH_SERVER_CONN_EV_CUT_TEXT,
    FH_SERVER_CONN_EV_RESIZE, /* ev.resize; answer with fh_server_conn_resize_done */
    FH_SERVER_CONN_EV_AUDIT,  /* ev.audit, lent; utc_ms and peer are the application's */
    FH_SERVER_CONN_EV_ENDED   /* ev.ended; nothing comes after it but AUDIT */
};

struct fh_server_conn_event {
    enum fh_server_conn_event_type type;
    union {
        struct {
            uint8_t th[32];
        } sign;
        struct {
            const uint8_t *fingerprint; /* 32 bytes, lent for the connection's life */
            const char *program;
        } peer;
        struct fh_credentials credentials;
        struct {
            const struct fh_item *items; /* one for each question but notices, in their order */
            size_t n;
        } answers;
        struct {
            unsigned type;    /* enum fh_older_type */
            unsigned version; /* 3, 7 or 8, of RFB 3 */
        } older;
        struct {
            const uint8_t *data; /* lent until answered */
            size_t len, want;    /* bytes; of the secret */
        } decrypt;
        struct {
            uint32_t keysym, keycode;
            bool down;
        } key;
        struct {
            uint16_t x, y;
            uint16_t buttons;
        } pointer;
        struct {
            const char *text;
            size_t len;
        } cut_text;
        struct {
            uint16_t width, height;
            const struct fh_screen *screens;
            size_t n_screens;
        } resize;
        struct fh_audit_event audit;
        struct {
            enum fh_bye reason;
            int error; /* 0, or the negative error of the library that failed */
        } ended;
    };
};

struct fh_server_conn;

struct fh_server_conn *fh_server_conn_new(const struct fh_server_conn_config *cfg);
void fh_server_conn_free(struct fh_server_conn *c);

uint8_t *fh_server_conn_in(struct fh_server_conn *c, size_t *room);
int fh_server_conn_in_done(struct fh_server_conn *c, uint64_t now_ms, size_t used);
int fh_server_conn_in_end(struct fh_server_conn *c, uint64_t now_ms);
const uint8_t *fh_server_conn_out(struct fh_server_conn *c, uint64_t now_ms, size_t *len);
void fh_server_conn_out_done(struct fh_server_conn *c, size_t sent);
int fh_server_conn_event(struct fh_server_conn *c, struct fh_server_conn_event *ev);
uint64_t fh_server_conn_deadline(const struct fh_server_conn *c);
int fh_server_conn_tick(struct fh_server_conn *c, uint64_t now_ms);
bool fh_server_conn_is_finished(const struct fh_server_conn *c);

/*
 * Before EV_HELLO is answered: a cloud brought the viewer, and calls the connection session_ref
 * (FH_CHANNEL_REF_LEN bytes). secret: FH_CHANNEL_SECRET_LEN bytes of key material, which both ends
 * got from it; NULL: none. Copied, and wiped when used. _proceed() refuses a viewer that names
 * another connection, or does not have the secret.
 */
void fh_server_conn_set_cloud(struct fh_server_conn *c, const uint8_t *session_ref,
                              const uint8_t *secret);
int fh_server_conn_proceed(struct fh_server_conn *c);
int fh_server_conn_refuse(struct fh_server_conn *c, unsigned retry_s);
int fh_server_conn_signed(struct fh_server_conn *c, const uint8_t *sig, size_t len);
int fh_server_conn_accept_peer(struct fh_server_conn *c);
/* From now on bytes are those inside TLS. FH_SESSION_E_STATE: nothing waits for it. */
int fh_server_conn_tls_started(struct fh_server_conn *c);
/* secret: as many bytes as were wanted; copied. */
int fh_server_conn_decrypted(struct fh_server_conn *c, const uint8_t *secret, size_t len);
/*
 * Answers EV_AUTHENTICATE and EV_ANSWERS. permissions 0: rejected; the viewer may try again until
 * FH_SERVER_AUTH_ATTEMPTS. FH_SESSION_E_STATE: nothing waits for this, or in method cpace there are
 * permissions before the second FH_KIND_PAKE was answered.
 */
int fh_server_conn_authenticated(struct fh_server_conn *c, uint64_t now_ms, uint32_t permissions);
/*
 * The other answer to both: ask the viewer 1 to FH_AUTH_ITEMS_MAX items more, of kind PAKE, CODE,
 * PROMPT or NOTICE; copied. EV_ANSWERS follows, unless all are notices: then nothing is answered,
 * and the same question to the application is still open. FH_SESSION_E_STATE as above: in method
 * cpace two PAKE, each alone, come before all else. FH_SESSION_E_INVAL: an item that cannot be.
 * FH_SESSION_E_LIMIT: FH_AUTH_ASKS_MAX in this attempt.
 */
int fh_server_conn_ask(struct fh_server_conn *c, uint64_t now_ms, const struct fh_item *items,
                       size_t n);

/* After EV_STARTED; as in rfb_server.h. */
int fh_server_conn_set_screen(struct fh_server_conn *c, const struct fh_framebuffer *fb,
                              const struct fh_screen *screens, size_t n_screens);
void fh_server_conn_set_name(struct fh_server_conn *c, const char *name);
int fh_server_conn_set_cursor(struct fh_server_conn *c, const uint32_t *argb, int32_t w, int32_t h,
                              int32_t hot_x, int32_t hot_y);
void fh_server_conn_damage(struct fh_server_conn *c, const struct fh_rect *r);
/* The session, when it runs, takes encoded rectangles from there. rfb_server.h */
void fh_server_conn_set_elsewhere(struct fh_server_conn *c, const struct fh_rfb_elsewhere *e,
                                  void *user);
bool fh_server_conn_coding(const struct fh_server_conn *c, struct fh_rfb_coding *out);
void fh_server_conn_copy(struct fh_server_conn *c, const struct fh_rect *r, int32_t from_x,
                         int32_t from_y);
int fh_server_conn_cut_text(struct fh_server_conn *c, const char *text, size_t len);
void fh_server_conn_bell(struct fh_server_conn *c);
/* status: enum fh_rfb_resize_status of <farhand/rfb_server.h>. */
void fh_server_conn_resize_done(struct fh_server_conn *c, int status);
/* A viewer waits for a picture. */
bool fh_server_conn_is_waiting(const struct fh_server_conn *c);
/* fh_rfb_server_updates(). */
uint64_t fh_server_conn_updates(const struct fh_server_conn *c);

/* Changes permissions in mid-session; felt at once and told to the viewer. */
int fh_server_conn_set_permissions(struct fh_server_conn *c, uint32_t permissions);
uint32_t fh_server_conn_permissions(const struct fh_server_conn *c);
/*
 * Shows the viewer's person a text of at most FH_AUTH_TEXT_MAX bytes of UTF-8, cut if longer. One
 * that was not sent yet is replaced. FH_SESSION_E_STATE before EV_STARTED and after the end.
 */
int fh_server_conn_notice(struct fh_server_conn *c, const char *text);
/*
 * Tells the viewer that another key will follow the one of the config: r was made for this
 * connection's binding, and is copied. Once, when _authenticated() has given permissions; right
 * behind it, so that the shortest session hears it. FH_SESSION_E_STATE otherwise.
 */
int fh_server_conn_rotate(struct fh_server_conn *c, const struct fh_rotation *r);
void fh_server_conn_close(struct fh_server_conn *c, enum fh_bye reason, bool may_reconnect);

/* "" before EV_STARTED. Lent for the connection's life. */
const char *fh_server_conn_session_id(const struct fh_server_conn *c);
const char *fh_server_conn_user(const struct fh_server_conn *c);
/* What the viewer chose last; 0: nothing yet. */
unsigned fh_server_conn_method(const struct fh_server_conn *c);
/* The security type of an older viewer; 0: it is none, or has not chosen. */
unsigned fh_server_conn_older(const struct fh_server_conn *c);
/* The viewer's, 32 bytes, lent for the connection's life; NULL before EV_VERIFY_PEER. */
const uint8_t *fh_server_conn_fingerprint(const struct fh_server_conn *c);
/* "binding" of fh_channel_export(), which only the two ends know; an error until the channel
 * stands. */
int fh_server_conn_binding(const struct fh_server_conn *c, uint8_t out[FH_AUTH_BINDING_LEN]);
/*
 * "link" and "link ref" of fh_channel_export(): what a <farhand/link.h> under this connection is
 * secured with once EV_STARTED was told. An error before.
 */
int fh_server_conn_link_key(const struct fh_server_conn *c, uint8_t key[FH_SESSION_LINK_KEY_LEN],
                            uint8_t ref[FH_SESSION_LINK_REF_LEN]);
/*
 * The keys that sign datagrams below the channel, as fh_channel_guard_key() gives them, each
 * FH_SESSION_GUARD_KEY_LEN bytes: of what the viewer sends, and of what the server does. Returns
 * which they are: 1 once the channel stands (for a viewer: once its own part of that is done), 2
 * after its first rekey, and so on; an error before that and after the end.
 */
int fh_server_conn_guard_keys(const struct fh_server_conn *c,
                              uint8_t client[FH_SESSION_GUARD_KEY_LEN],
                              uint8_t server[FH_SESSION_GUARD_KEY_LEN]);
/*
 * The viewer's network is gone, and the session waits for it: what the viewer holds down is
 * released; drain events. _resumed: it is back. Both are told to the audit.
 */
void fh_server_conn_detached(struct fh_server_conn *c, uint64_t now_ms);
void fh_server_conn_resumed(struct fh_server_conn *c, uint64_t now_ms);
/* The session goes another way; the path is the application's to name. Told to the audit. */
void fh_server_conn_moved(struct fh_server_conn *c, uint64_t now_ms);
void fh_server_conn_channel_info(const struct fh_server_conn *c, struct fh_channel_info *out);

#ifdef __cplusplus
}
#endif

#endif
