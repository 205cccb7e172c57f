/* SPDX-License-Identifier: MIT */
/*
 * audit.h -- what is worth remembering about sessions, and its form as one line of JSON.
 *
 * Events carry nothing secret. Text that came from a peer is escaped so that one event is always
 * one line of valid UTF-8. Where lines go is the application's choice: audit_log.h has files with
 * rotation, syslog, the journal, programs and callbacks. audit_chain.h makes a file in which later
 * changes are seen, audit_limit.h keeps a flood of connections from becoming a flood of lines.
 * vncserverd-audit(5) describes each field, event and reason.
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

enum fh_audit_level { FH_AUDIT_INFO, FH_AUDIT_NOTICE, FH_AUDIT_WARNING };

/* What an event says of success if `failed` is not set. */
enum fh_audit_result { FH_AUDIT_NO_RESULT, FH_AUDIT_OK, FH_AUDIT_FAILED };

#define FH_AUDIT_EVENTS(X)                                                                         \
    X(CONNECTED, "connected", INFO, NO_RESULT)     /* a stream was accepted, or made */            \
    X(REFUSED, "refused", NOTICE, FAILED)          /* before a session began; reason */            \
    X(IDENTIFIED, "identified", INFO, OK)          /* the peer proved its identity */              \
    X(AUTH_FAILED, "auth-failed", WARNING, FAILED) /* user, method, reason */                      \
    X(DENIED, "denied", NOTICE, FAILED)            /* why, where it is not the password; reason */ \
    X(BLACKLISTED, "blacklisted", WARNING, FAILED) /* failed too often; for how long */            \
    X(APPROVAL, "approval", NOTICE, OK)            /* the local user was asked; reason */          \
    X(STARTED, "started", NOTICE, OK)              /* user, method, permissions */                 \
    X(PERMISSIONS, "permissions-changed", NOTICE, NO_RESULT) /* permissions */                     \
    X(DETACHED, "detached", NOTICE,                                                                \
      NO_RESULT)                            /* the viewer's network is gone; it is waited for */   \
    X(RESUMED, "resumed", NOTICE, OK)       /* the viewer is back, perhaps from elsewhere */       \
    X(MOVED, "moved", INFO, NO_RESULT)      /* the session goes another way: path */               \
    X(ROTATION, "key-rotation", NOTICE, OK) /* another key of the server; reason */                \
    X(ENDED, "ended", NOTICE, OK)           /* reason, duration, bytes */                          \
    X(SUPPRESSED, "suppressed", WARNING, NO_RESULT)       /* count lines of a source, not kept */  \
    X(SERVICE_STARTED, "service-started", NOTICE, OK)     /* fingerprint: its own */               \
    X(SERVICE_ENDED, "service-ended", NOTICE, OK)         /* in order */                           \
    X(LOG_RECOVERED, "log-recovered", WARNING, NO_RESULT) /* what the file ended in; reason */     \
    X(LOG_LOST, "log-lost", WARNING, FAILED)              /* count lines could not be written */

enum fh_audit_type {
#define X(name, text, level, result) FH_AUDIT_##name,
    FH_AUDIT_EVENTS(X)
#undef X
        FH_AUDIT_TYPES /* how many there are */
};

/* Which end writes. */
enum fh_audit_side { FH_AUDIT_SERVER, FH_AUDIT_VIEWER };

/* Pointers may be NULL: not known. All are borrowed. */
struct fh_audit_event {
    enum fh_audit_type type;
    enum fh_audit_side side;
    bool failed;     /* whatever is usual for this type */
    uint64_t utc_ms; /* since 1970; filled by the adapter */
    uint64_t monotonic_ms;
    uint64_t connection;        /* number of the connection in this process, from 1 */
    const char *session;        /* session id, hex; the same at both ends */
    const char *peer;           /* true address, as this end sees it */
    const uint8_t *ip;          /* the same as 4 or 16 bytes, for audit_limit.h; not written */
    size_t ip_len;              /* 0: none, a socket of this machine */
    const char *path;           /* "direct", "relayed" */
    const char *cloud;          /* address in the cloud under which the ends found each other */
    const uint8_t *fingerprint; /* 32 bytes, of the peer's identity */
    const char *program;        /* what the peer calls itself */
    const char *user;
    const char *method; /* "password" */
    uint32_t permissions;
    bool has_permissions;
    const char *reason; /* ours: a fixed word such as "timeout" */
    const char *text;   /* free text, perhaps the peer's */
    uint64_t bytes_in, bytes_out, duration_ms;
    uint64_t count; /* of SUPPRESSED and LOG_LOST */
};

enum {
    FH_AUDIT_LINE_MAX = 4096, /* bytes with newline and NUL */
    FH_AUDIT_SEAL_MAX = 192   /* of these, for what audit_chain.h adds */
};

/*
 * One line of JSON with newline and NUL into out (room >= FH_AUDIT_LINE_MAX). Returns its length,
 * at most FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX. A text is cut behind 256 characters ("..."); a
 * field that finds no room is left out, and "cut" says so.
 */
int fh_audit_format(const struct fh_audit_event *ev, char *out, size_t room);

enum fh_audit_level fh_audit_level(const struct fh_audit_event *ev);
const char *fh_audit_level_name(enum fh_audit_level level);
/* "info", "notice" or "warning"; false: another word. */
bool fh_audit_level_parse(const char *text, size_t len, enum fh_audit_level *out);
const char *fh_audit_type_name(enum fh_audit_type type);
/* "ok", "failed", or NULL where an event has no result. */
const char *fh_audit_result_name(const struct fh_audit_event *ev);

#ifdef __cplusplus
}
#endif

#endif
