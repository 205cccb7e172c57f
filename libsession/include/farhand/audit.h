/* SPDX-License-Identifier: MIT */
/*
 * audit.h -- what is worth remembering about sessions, and its form as one line of JSON.
 *
 * Events carry nothing secret. Text that came from a peer is escaped so that one event is always
 * one line of valid UTF-8. Where lines go is the application's choice.
 */
#ifndef FH_AUDIT_H
#define FH_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/session_error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FH_AUDIT_EVENTS(X)                                                                         \
    X(CONNECTED, "connected")             /* a stream was accepted */                              \
    X(REFUSED, "refused")                 /* before or during the handshake; reason */             \
    X(IDENTIFIED, "identified")           /* the viewer proved its identity */                     \
    X(AUTH_FAILED, "auth-failed")         /* user, method, reason */                               \
    X(BLACKLISTED, "blacklisted")         /* failed too often; duration: of the refusal */         \
    X(APPROVAL, "approval")               /* the local user was asked; reason: his answer */       \
    X(STARTED, "started")                 /* user, method, permissions */                          \
    X(PERMISSIONS, "permissions-changed") /* permissions */                                        \
    X(DETACHED, "detached")               /* the viewer's network is gone; its session waits */    \
    X(RESUMED, "resumed")                 /* the viewer is back, perhaps from elsewhere: peer */   \
    X(ENDED, "ended")                     /* reason, duration, bytes */

enum fh_audit_type {
#define X(name, text) FH_AUDIT_##name,
    FH_AUDIT_EVENTS(X)
#undef X
};

/* Pointers may be NULL: not known. All are borrowed. */
struct fh_audit_event {
    enum fh_audit_type type;
    uint64_t utc_ms; /* since 1970; filled by the adapter */
    uint64_t monotonic_ms;
    uint64_t connection;        /* number of the connection in this process, from 1 */
    const char *session;        /* session id, hex */
    const char *peer;           /* address as the server sees it */
    const char *path;           /* "direct" */
    const uint8_t *fingerprint; /* 32 bytes, of the peer's identity */
    const char *program;        /* what the peer calls itself */
    const char *user;
    const char *method; /* "password" */
    uint32_t permissions;
    bool has_permissions;
    const char *reason; /* ours: a fixed word such as "timeout" */
    const char *text;   /* free text, perhaps the peer's */
    uint64_t bytes_in, bytes_out, duration_ms;
};

enum { FH_AUDIT_LINE_MAX = 4096 }; /* bytes with newline and NUL; longer texts are cut */

/* One line of JSON with newline and NUL into out (room >= FH_AUDIT_LINE_MAX). Returns its length.
 */
int fh_audit_format(const struct fh_audit_event *ev, char *out, size_t room);

#ifdef __cplusplus
}
#endif

#endif
