/* SPDX-License-Identifier: MIT */
/*
 * viewer_conn.h -- a Viewer app's connection to a server, as a core without I/O: the secure
 * channel, authentication and RFB, in one machine. The counterpart of server_conn.h.
 *
 *     EV_SIGN            a transcript hash               fh_viewer_conn_signed()
 *     EV_VERIFY_SERVER   the server proved its identity  fh_viewer_conn_accept_server() or _close()
 *     EV_CREDENTIALS     the server asks who we are      fh_viewer_conn_credentials()
 *     EV_DERIVE          argon2id of the password        fh_viewer_conn_derived()
 *     EV_ASK             the server asks a person more   fh_viewer_conn_answer()
 *
 * The method is the first that the server offers and this viewer may use, cpace before all others.
 * In cpace the password does not leave: the server has to prove that it knows it too, or the
 * connection ends with FH_SESSION_E_IMPOSTOR before anything else is told.
 *
 * With `older` in the config the viewer speaks the security types of RFB 3 instead, and nothing
 * else; it never goes from one to the other by itself. Then these come in addition:
 *
 *     EV_TLS             what follows is inside TLS      fh_viewer_conn_tls_started()
 *     EV_VERIFY_SERVER   always, also of a server that proves nothing: see ev.server.older
 *     EV_KEY             RSA-AES needs a key of ours     fh_viewer_conn_key_made()
 *     EV_DECRYPT         a secret under that key         fh_viewer_conn_decrypted()
 *
 * EV_SIGN, _DERIVE, _ASK, _NOTICE, _ROTATION and _PERMISSIONS do not come, and all permissions seem
 * to be there: what the server lets us do is not said.
 *
 * The viewer sends nothing about itself before EV_VERIFY_SERVER was accepted. A person must not be
 * asked there: close, ask, connect again. Given credentials beforehand (config), the first picture
 * comes two round trips after the stream is connected. docs/protocol.md, "Session layer".
 */
#ifndef FH_VIEWER_CONN_H
#define FH_VIEWER_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/server_conn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_rfb_client_config; /* <farhand/rfb_client.h> */
struct fh_rotation;          /* <farhand/rotation.h> */

struct fh_viewer_conn_config {
    fh_server_random_fn random; /* required */
    void *random_user;
    const uint8_t *spki; /* of our identity, copied */
    size_t spki_len;
    const char *program;
    const struct fh_rfb_client_config *rfb; /* copied; NULL: defaults */
    bool view_only;                         /* never send input */
    /*
     * Each connection is checked by hand: a server that is only known ends it, as if it were not
     * trusted, with FH_SESSION_E_UNCHECKED. However the ends found each other.
     */
    bool verify_always;
    const char *user, *password; /* copied, wiped when used; NULL: ask with EV_CREDENTIALS */
    size_t password_len;
    unsigned method; /* enum fh_method: this and no other; 0: the best */
    /*
     * What a cloud that put the two in touch told of this connection; copied, NULL: nothing. Its
     * name, FH_CHANNEL_REF_LEN bytes; FH_CHANNEL_SECRET_LEN bytes of key material, which can only
     * add secrecy; and the fingerprint of the server's identity: one that proves another ends it
     * with FH_SESSION_E_SWAPPED. That a cloud named it is no reason to trust it: what
     * EV_VERIFY_SERVER asks is asked all the same.
     */
    const uint8_t *session_ref, *cloud_secret, *expected;
    uint64_t now_ms;
    /*
     * For a server that does not know the channel. Nothing weaker than minimum (enum
     * fh_older_type) is taken, whatever the server offers: who carries the bytes can take the
     * better ones out of its list. A name and a password are told only to a server that is
     * FH_TRUST_CONFIRMED.
     */
    struct {
        unsigned minimum; /* 0: the channel is spoken */
        unsigned only;    /* this type and no other; 0: the strongest */
        bool has_tls;     /* the caller answers EV_TLS */
    } older;
};

/* What stands behind a server's identity; decides what may be told to it. */
enum fh_trust {
    FH_TRUST_NONE, /* nothing: do not talk to it */
    /*
     * It was accepted without comparing. Nothing that can be replayed is told to it: neither method
     * password nor conversation, nor an answer to a question before the server has proved by cpace
     * that it knows the password. If it wants that, the session ends with FH_SESSION_E_UNCONFIRMED.
     */
    FH_TRUST_BLIND,
    FH_TRUST_CONFIRMED, /* a person or an administrator vouches for it */
    FH_TRUST_CHECKED    /* the same, and did so for this very connection */
};

/* A question to the person. */
struct fh_viewer_prompt {
    enum fh_kind kind; /* FH_KIND_CODE or FH_KIND_PROMPT */
    bool echo;         /* what is typed may be seen */
    const char *text;  /* the server's, escaped for display; "" where the kind says enough */
};

enum fh_viewer_conn_event_type {
    FH_VIEWER_CONN_EV_SIGN,          /* ev.sign.th */
    FH_VIEWER_CONN_EV_VERIFY_SERVER, /* ev.server */
    FH_VIEWER_CONN_EV_TLS,           /* all that was said is on its way */
    FH_VIEWER_CONN_EV_KEY,           /* fh_rsaaes_key_generate(): 0.1 s and more */
    FH_VIEWER_CONN_EV_DECRYPT,       /* ev.decrypt: fh_rsaaes_key_decrypt() with that key */
    FH_VIEWER_CONN_EV_CREDENTIALS,   /* ev.credentials */
    FH_VIEWER_CONN_EV_DERIVE,        /* ev.derive: takes 0.1 s and more, so it is the caller's */
    FH_VIEWER_CONN_EV_ASK,           /* ev.ask */
    FH_VIEWER_CONN_EV_NOTICE,        /* ev.notice: to be shown; also while the session runs */
    FH_VIEWER_CONN_EV_ROTATION,      /* ev.rotation; before STARTED if it came with it */
    FH_VIEWER_CONN_EV_STARTED,       /* ev.started */
    FH_VIEWER_CONN_EV_PERMISSIONS,   /* ev.started.permissions changed */
    FH_VIEWER_CONN_EV_SIZE,          /* ev.size: the picture has (a new) size */
    FH_VIEWER_CONN_EV_RECT,          /* ev.rect */
    FH_VIEWER_CONN_EV_UPDATE,        /* one update is complete */
    FH_VIEWER_CONN_EV_CURSOR,
    FH_VIEWER_CONN_EV_NAME,
    FH_VIEWER_CONN_EV_CUT_TEXT,
    FH_VIEWER_CONN_EV_BELL,
    FH_VIEWER_CONN_EV_ENDED /* ev.ended; the last */
};

struct fh_viewer_conn_event {
    enum fh_viewer_conn_event_type type;
    union {
        struct {
            uint8_t th[32];
        } sign;
        struct {
            const uint8_t *spki; /* lent for the connection's life */
            size_t spki_len;
            const uint8_t *fingerprint; /* 32 bytes */
            const char *program;
            /*
             * 0, or the type (enum fh_older_type) of a server without the channel. Then there is no
             * spki; fingerprint is SHA-256 of its key, of TLS (SPKI) or of RSA-AES (pub), NULL if
             * the type proves nothing. short_fingerprint is what other programs show of it, or "".
             */
            unsigned older;
            const char *short_fingerprint;
        } server;
        struct {
            const uint8_t *data; /* lent until answered */
            size_t len, want;    /* bytes; of the secret */
        } decrypt;
        struct {
            unsigned attempt;    /* above 1: the last were wrong */
            bool needs_password; /* false: the method needs the user's name only */
        } credentials;
        struct {
            const char *password; /* lent until answered or ENDED */
            size_t password_len;
            const uint8_t *salt;         /* 16 bytes, lent as the password */
            uint32_t passes, memory_kib; /* within the limits of <farhand/password.h> */
        } derive;
        struct {
            const struct fh_viewer_prompt *prompts; /* lent until answered or ENDED */
            size_t n;
        } ask;
        struct {
            const char *text; /* escaped for display; lent until the next call */
        } notice;
        /*
         * The server's key has a successor, and both keys vouch for that on this very channel:
         * keep it, fh_known_peers_rotate(). Told only of a server that is confirmed.
         */
        struct {
            const struct fh_rotation *next; /* lent for the connection's life */
            const uint8_t *fingerprint;     /* its, 32 bytes */
        } rotation;
        struct {
            uint32_t permissions;
            const char *session_id;
            bool server_proved; /* that it knows the password: method cpace */
        } started;
        struct {
            int32_t width, height;
        } size;
        struct {
            int32_t x, y, w, h;
        } rect;
        struct {
            const uint32_t *argb;
            int32_t w, h, hot_x, hot_y;
        } cursor;
        struct {
            const char *text;
            size_t len;
        } cut_text;
        struct {
            enum fh_bye reason;
            int error; /* 0: ended in order */
            bool by_server;
            bool confirmed; /* the server's word, inside the channel */
            bool may_reconnect;
            unsigned retry_s; /* busy: try again after, 0: not said */
            const char *text; /* the server's own words, escaped for display; "" if none */
        } ended;
    };
};

struct fh_viewer_conn;

struct fh_viewer_conn *fh_viewer_conn_new(const struct fh_viewer_conn_config *cfg);
void fh_viewer_conn_free(struct fh_viewer_conn *v);

uint8_t *fh_viewer_conn_in(struct fh_viewer_conn *v, size_t *room);
int fh_viewer_conn_in_done(struct fh_viewer_conn *v, uint64_t now_ms, size_t used);
int fh_viewer_conn_in_end(struct fh_viewer_conn *v, uint64_t now_ms);
const uint8_t *fh_viewer_conn_out(struct fh_viewer_conn *v, uint64_t now_ms, size_t *len);
void fh_viewer_conn_out_done(struct fh_viewer_conn *v, size_t sent);
int fh_viewer_conn_event(struct fh_viewer_conn *v, struct fh_viewer_conn_event *ev);
uint64_t fh_viewer_conn_deadline(const struct fh_viewer_conn *v);
int fh_viewer_conn_tick(struct fh_viewer_conn *v, uint64_t now_ms);
bool fh_viewer_conn_is_finished(const struct fh_viewer_conn *v);

int fh_viewer_conn_signed(struct fh_viewer_conn *v, const uint8_t *sig, size_t len);
/* FH_TRUST_NONE ends it, as _close() with FH_BYE_IDENTITY. */
int fh_viewer_conn_accept_server(struct fh_viewer_conn *v, enum fh_trust trust);
/* From now on bytes are those inside TLS; spki_hash: SHA-256 of the certificate's key. */
int fh_viewer_conn_tls_started(struct fh_viewer_conn *v, const uint8_t spki_hash[32]);
/* pub: of a key that is made for this connection; len 0: it could not be made. */
int fh_viewer_conn_key_made(struct fh_viewer_conn *v, const uint8_t *pub, size_t len);
int fh_viewer_conn_decrypted(struct fh_viewer_conn *v, const uint8_t *secret, size_t len);
/* password: may be NULL where it is not needed. Both copied. */
int fh_viewer_conn_credentials(struct fh_viewer_conn *v, const char *user, const char *password,
                               size_t password_len);
/* prs: the 32 bytes of argon2id, copied; NULL: it could not be computed, and the session ends. */
int fh_viewer_conn_derived(struct fh_viewer_conn *v, const uint8_t *prs);
/* One answer for each prompt, of its kind and in their order; copied. */
int fh_viewer_conn_answer(struct fh_viewer_conn *v, const struct fh_item *answers, size_t n);
/* The one that is used, also at EV_CREDENTIALS; 0: not known yet. */
unsigned fh_viewer_conn_method(const struct fh_viewer_conn *v);
/* The security type of a server without the channel; 0: not known yet, or it has the channel. */
unsigned fh_viewer_conn_older(const struct fh_viewer_conn *v);

/* As in rfb_client.h; FH_SESSION_E_STATE before EV_SIZE, or when the permission is missing. */
const struct fh_framebuffer *fh_viewer_conn_framebuffer(const struct fh_viewer_conn *v);
const char *fh_viewer_conn_name(const struct fh_viewer_conn *v);
int fh_viewer_conn_key(struct fh_viewer_conn *v, uint32_t keysym, uint32_t keycode, bool down);
int fh_viewer_conn_pointer(struct fh_viewer_conn *v, uint16_t x, uint16_t y, uint16_t buttons);
int fh_viewer_conn_cut_text(struct fh_viewer_conn *v, const char *text, size_t len);
int fh_viewer_conn_refresh(struct fh_viewer_conn *v); /* all of the picture again, changed or not */
int fh_viewer_conn_resize(struct fh_viewer_conn *v, uint16_t width, uint16_t height);
/*
 * What ev (from _event(), when it was answered if it is EV_VERIFY_SERVER) means for the audit: its
 * n-th record, from 0; false: no more. utc_ms, peer and path are the application's.
 */
bool fh_viewer_conn_audit(const struct fh_viewer_conn *v, const struct fh_viewer_conn_event *ev,
                          unsigned n, struct fh_audit_event *out);
uint32_t fh_viewer_conn_permissions(const struct fh_viewer_conn *v);
/* As fh_server_conn_link_key(). */
int fh_viewer_conn_link_key(const struct fh_viewer_conn *v, uint8_t key[FH_SESSION_LINK_KEY_LEN],
                            uint8_t ref[FH_SESSION_LINK_REF_LEN]);
/* As fh_server_conn_guard_keys(). */
int fh_viewer_conn_guard_keys(const struct fh_viewer_conn *v,
                              uint8_t client[FH_SESSION_GUARD_KEY_LEN],
                              uint8_t server[FH_SESSION_GUARD_KEY_LEN]);
void fh_viewer_conn_channel_info(const struct fh_viewer_conn *v, struct fh_channel_info *out);
/*
 * Says goodbye and ends. With FH_BYE_NORMAL, ENDED follows when the server's Close has confirmed
 * that all arrived, at the latest after 5 s: its reason is FH_BYE_NORMAL and its error 0 only then.
 */
void fh_viewer_conn_close(struct fh_viewer_conn *v, enum fh_bye reason);

#ifdef __cplusplus
}
#endif

#endif
