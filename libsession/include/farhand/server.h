/* SPDX-License-Identifier: MIT */
/*
 * server.h -- what the developer of a Server app writes against, on a libuv loop.
 *
 *     fh_server_new()       identity, callbacks, limits
 *     fh_server_accept()    a stream that arrived (fh_tcp_listen of <farhand/tcp.h>); any number
 *     fh_server_screen()    the picture that is shared
 *     fh_server_damage()    what changed in it
 *     fh_server_close()     ends all sessions, then the object
 *
 * The application decides who gets in: without an authenticate callback everyone is rejected.
 * Callbacks run on the loop's thread, never inside a call that the application made; they may call
 * anything here, closing included. Signing runs in libuv's thread pool. All names of viewers, users
 * and programs are hostile text: escape them before showing.
 */
#ifndef FH_SERVER_H
#define FH_SERVER_H

#include <uv.h>

#include <farhand/admission.h>
#include <farhand/server_conn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_stream;       /* <farhand/stream.h> */
struct fh_address;      /* <farhand/address.h> */
struct fh_link_opening; /* <farhand/link.h> */
struct fh_link_info;    /* <farhand/link.h> */
struct fh_identity;     /* <farhand/identity.h> */
struct fh_rsaaes_key;   /* <farhand/rsaaes.h> */
struct fh_tls_context;  /* <farhand/tls_uv.h> */
struct fh_server;
struct fh_session; /* one viewer's session; valid from connection_request until ended returns */

enum { FH_SESSION_CLOUD_MAX = 255 /* bytes */ };

struct fh_server_callbacks {
    /*
     * A stream arrived. NULL: it may try; else it is closed before a byte is answered, and this
     * word (static) is the reason in the audit. NULL as callback: everyone may try.
     */
    const char *(*connection_request)(void *user, struct fh_session *s, const char *peer);
    /*
     * The viewer said hello; nothing was signed for it yet. Answer with fh_session_proceed(), after
     * which the limits of admission.h come, or with fh_session_refuse(), now or later. NULL: these
     * limits alone.
     */
    void (*hello)(void *user, struct fh_session *s);
    /*
     * Sign th for FH_ROLE_SERVER, as fh_identity_sign() does; answer with fh_session_signed(), now
     * or later. Required without an identity, and used only then.
     */
    void (*sign)(void *user, struct fh_session *s, const uint8_t th[32]);
    /*
     * A viewer is let in while another key is to follow: make a fh_rotation for this binding, as
     * fh_rotation_sign() does, and answer with fh_session_rotated(), now or later; the session
     * begins then. NULL, or with an identity: next_identity of the config says it.
     */
    void (*rotate)(void *user, struct fh_session *s, const uint8_t binding[FH_AUTH_BINDING_LEN]);
    /*
     * The channel has (new) keys that sign datagrams below it, FH_SESSION_GUARD_KEY_LEN bytes each:
     * of what the viewer sends, and of what the server does; borrowed. Once when it stands, and
     * after each rekey: for fh_path_renew() of <farhand/path_uv.h>, if such a path carries the
     * session. May be NULL.
     */
    void (*keys)(void *user, struct fh_session *s, const uint8_t *client, const uint8_t *server);
    /* The viewer proved an identity; false: refuse it. NULL: any. fingerprint: 32 bytes. */
    bool (*verify_peer)(void *user, struct fh_session *s, const uint8_t *fingerprint);
    /*
     * The viewer does not know the channel, and took this type (enum fh_older_type) in version 3, 7
     * or 8 of RFB 3. What it is asked is what its type asks; fh_session_ask() has only notices for
     * it, which it is not shown. May be NULL.
     */
    void (*older)(void *user, struct fh_session *s, unsigned type, unsigned version);
    /*
     * Decrypt this secret as fh_rsaaes_key_decrypt() does; data is lent until it is answered, with
     * fh_session_decrypted(), now or later. Required where RSA-AES is offered without rsa_key, and
     * used only then.
     */
    void (*decrypt)(void *user, struct fh_session *s, const uint8_t *data, size_t len, size_t want);
    /*
     * Someone asks to be let in. Answer with fh_session_authenticated(), or with fh_session_ask(),
     * now or later; what c holds is lent until then or until `ended`. NULL: all are rejected.
     */
    void (*authenticate)(void *user, struct fh_session *s, const struct fh_credentials *c);
    /* The answers to fh_session_ask(); to be answered like authenticate. NULL: rejected. */
    void (*answered)(void *user, struct fh_session *s, const struct fh_item *items, size_t n);
    void (*started)(void *user, struct fh_session *s);
    void (*key)(void *user, struct fh_session *s, uint32_t keysym, uint32_t keycode, bool down);
    void (*pointer)(void *user, struct fh_session *s, uint16_t x, uint16_t y, uint16_t buttons);
    void (*cut_text)(void *user, struct fh_session *s, const char *text, size_t len);
    /* Answer with fh_session_resize_done(). NULL: prohibited. */
    void (*resize)(void *user, struct fh_session *s, uint16_t width, uint16_t height);
    /* A viewer waits for a picture: look for changes, call fh_server_damage(). NULL: not wanted. */
    void (*wanted)(void *user);
    /*
     * The viewer's network is gone. Its session waits for it as long as resume_ms says; what it
     * held down was released. Then `resumed`: it is back, at the address that fh_session_peer()
     * gives now; or `ended`. May be NULL.
     */
    void (*detached)(void *user, struct fh_session *s);
    void (*resumed)(void *user, struct fh_session *s);
    /*
     * A further stream of the viewer, from this address, stands beside the one that the session is
     * on; and: the session goes another way now, `path` being "direct" or "relayed". May be NULL.
     */
    void (*attached)(void *user, struct fh_session *s, const struct fh_address *from);
    void (*moved)(void *user, struct fh_session *s, const char *path);
    /*
     * A stream from this address, which connection_request let pass where it was accepted here,
     * says that it carries on with s. NULL: it may, if it proves it; else it is refused, and this
     * word (static) is the reason in the audit. Permissions may be changed here. NULL as callback:
     * it may.
     */
    const char *(*resume)(void *user, struct fh_session *s, const struct fh_address *from);
    /*
     * The stream of s carries on with a session that is not of this server: fh_session_link_ref()
     * of one in another process, perhaps. Take it with fh_session_release_stream(), now, and give
     * it to fh_server_resume() there; otherwise it is refused. `ended` follows. May be NULL.
     */
    void (*resume_elsewhere)(void *user, struct fh_session *s,
                             const uint8_t ref[FH_SESSION_LINK_REF_LEN]);
    void (*ended)(void *user, struct fh_session *s, enum fh_bye reason);
    void (*audit)(void *user, const struct fh_audit_event *ev);
};

struct fh_server_config {
    uv_loop_t *loop;
    const struct fh_identity *identity; /* borrowed until closed; NULL: spki and callback sign */
    const struct fh_identity *next_identity; /* announced to viewers as its successor; NULL: none */
    const uint8_t *spki;                     /* of the identity that callback sign uses; borrowed */
    size_t spki_len;
    const struct fh_server_callbacks *callbacks; /* borrowed until closed */
    void *user;
    const uint8_t *methods; /* offered to all, as in fh_server_conn_config; copied */
    size_t n_methods;
    uint64_t auth_ms;    /* 0: FH_SERVER_AUTH_MS */
    const char *name;    /* friendly name, copied */
    const char *program; /* copied */
    uint64_t idle_timeout_ms;
    /*
     * A viewer that asked for it when it connected may lose its network and carry on with its
     * session within so many ms, from anywhere that connection_request lets in. 0: never, and such
     * viewers are told so when they connect.
     */
    uint32_t resume_ms;
    /*
     * For viewers that do not know the channel; zero: they are not spoken with. rsa_pub is
     * borrowed until closed, types are copied. See older.h about what each is worth.
     */
    struct fh_older_offer older;
    struct fh_tls_context *tls;    /* a server's, for X509 types; borrowed until closed */
    struct fh_rsaaes_key *rsa_key; /* of rsa_pub; borrowed until closed. NULL: callback decrypt */
    struct fh_admission_config admission;
};

int fh_server_new(const struct fh_server_config *cfg, struct fh_server **out);
/* The stream is taken, also on error. */
int fh_server_accept(struct fh_server *s, struct fh_stream *stream);
/*
 * A stream whose opening says that it carries on with a session: see resume_elsewhere. The stream
 * is taken. Negative: it was refused.
 */
int fh_server_resume(struct fh_server *s, struct fh_stream *stream,
                     const struct fh_link_opening *opening);
/*
 * fb is borrowed until replaced or the server is closed; its pixels may change at any time, also by
 * another process, as in rfb_server.h. The one before is let go of, unless fb is NULL or there are
 * too many screens (FH_SESSION_E_INVAL). A session that cannot take the new one ends
 * (FH_BYE_INTERNAL), and the first error is returned.
 */
int fh_server_screen(struct fh_server *s, const struct fh_framebuffer *fb,
                     const struct fh_screen *screens, size_t n_screens);
void fh_server_damage(struct fh_server *s, const struct fh_rect *r);
/*
 * The pixels of r came from there, as in a scroll. Where the picture's memory changes before this
 * is called, as another process's may: only if fh_server_updates() has not changed since it could
 * not have; damage otherwise.
 */
void fh_server_copy(struct fh_server *s, const struct fh_rect *r, int32_t from_x, int32_t from_y);
uint64_t fh_server_updates(const struct fh_server *s); /* begun, in all sessions that run */
void fh_server_cursor(struct fh_server *s, const uint32_t *argb, int32_t w, int32_t h,
                      int32_t hot_x, int32_t hot_y);
void fh_server_cut_text(struct fh_server *s, const char *text, size_t len);
void fh_server_bell(struct fh_server *s);
void fh_server_set_name(struct fh_server *s, const char *name);
/* Of the sessions that are accepted from now on; 0: never. */
void fh_server_set_idle_timeout(struct fh_server *s, uint64_t idle_timeout_ms);
/* Some viewer waits for a picture now. */
bool fh_server_is_wanted(const struct fh_server *s);
size_t fh_server_count(const struct fh_server *s); /* sessions that have started */
/* Says Bye to all, closes all; ASYNCHRONOUS: the server is freed after closed(). */
void fh_server_close(struct fh_server *s, enum fh_bye reason, void (*closed)(void *user));

/*
 * Answers to callbacks; one that nothing waits for changes nothing. A session ends, and its pointer
 * is no longer valid, when `ended` returns: forget what it asked then.
 */
void fh_session_proceed(struct fh_session *s);
void fh_session_refuse(struct fh_session *s, unsigned retry_s);
void fh_session_signed(struct fh_session *s, const uint8_t *sig, size_t len);       /* 0: failed */
void fh_session_decrypted(struct fh_session *s, const uint8_t *secret, size_t len); /* 0: failed */
void fh_session_authenticated(struct fh_session *s, uint32_t permissions); /* 0: rejected */
/* NULL: there is none, or it could not be made; the session begins all the same. */
void fh_session_rotated(struct fh_session *s, const struct fh_rotation *r);
/* As fh_server_conn_ask() and _notice(). Negative: nothing was sent. */
int fh_session_ask(struct fh_session *s, const struct fh_item *items, size_t n);
int fh_session_notice(struct fh_session *s, const char *text);
/*
 * Inside connection_request only (else FH_SESSION_E_STATE): this session's methods, in place of the
 * server's. What fh_session_conn() gave before is no longer valid.
 */
int fh_session_set_methods(struct fh_session *s, const uint8_t *methods, size_t n);
/*
 * Inside connection_request only (else FH_SESSION_E_STATE): as fh_server_conn_set_cloud(). A viewer
 * that came by a relay is said to by fh_session_set_path(), there: it may find a better path later.
 */
int fh_session_set_cloud(struct fh_session *s, const uint8_t *session_ref, const uint8_t *secret);
void fh_session_resize_done(struct fh_session *s, int status);
void fh_session_disconnect(struct fh_session *s, enum fh_bye reason, bool may_reconnect);
void fh_session_set_permissions(struct fh_session *s, uint32_t permissions);
/* Inside resume_elsewhere only, else NULL: the stream, which is the caller's now, and what it began
 * with. */
struct fh_stream *fh_session_release_stream(struct fh_session *s, struct fh_link_opening *opening);
/* What names a session that may be resumed, FH_SESSION_LINK_REF_LEN bytes; NULL: it may not. Lent.
 */
const uint8_t *fh_session_link_ref(const struct fh_session *s);
/* Its viewer is away. */
bool fh_session_is_detached(const struct fh_session *s);
const char *fh_session_peer(const struct fh_session *s);
/* False: there is no link under the session. */
bool fh_session_link_info(const struct fh_session *s, struct fh_link_info *out);
/*
 * How the viewer came, for the audit, at any time: path is a static word, "direct" (that is so if
 * nothing was said) or "relayed"; cloud is its address in the cloud (at most FH_SESSION_CLOUD_MAX
 * bytes are kept), NULL: none. fh_session_describe() fills peer, ip, path, cloud, connection,
 * fingerprint and times of an event of the application's own.
 */
void fh_session_set_path(struct fh_session *s, const char *path, const char *cloud);
void fh_session_describe(const struct fh_session *s, struct fh_audit_event *ev);
/* The number that the audit calls "connection"; from 1, never used again. */
uint64_t fh_session_number(const struct fh_session *s);
/* The address of the peer: 4 or 16 bytes and their number, 0 for a socket of this machine. Lent. */
const uint8_t *fh_session_ip(const struct fh_session *s, size_t *len);
/* As fh_server_conn_fingerprint(), _binding(), _method(). */
const uint8_t *fh_session_fingerprint(const struct fh_session *s);
int fh_session_binding(const struct fh_session *s, uint8_t out[FH_AUTH_BINDING_LEN]);
unsigned fh_session_method(const struct fh_session *s);
unsigned fh_session_older(const struct fh_session *s); /* as fh_server_conn_older() */
/* For what is not here; lent. */
struct fh_server_conn *fh_session_conn(struct fh_session *s);
void fh_session_set_data(struct fh_session *s, void *data);
void *fh_session_data(const struct fh_session *s);

#ifdef __cplusplus
}
#endif

#endif
