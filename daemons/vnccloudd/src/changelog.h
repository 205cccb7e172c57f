/* SPDX-License-Identifier: MIT */
/*
 * changelog.h -- the audit of vnccloudd: what operators and keys changed, one line of JSON each,
 * chained (audit_chain.h) and sent where the configuration says (audit_log.h).
 *
 *     {"utc":"2026-01-02T03:04:05.678Z","event":"address.created","actor":"key vck_...",
 *      "peer":"192.0.2.1:4711","account":"HEX","target":"XXXXX-...","details":{...},"seq":7,...}
 *
 * The newest lines are also kept here, for who may read them by the API; at start they are read
 * back from the file. When a line could not be written, changes must wait until one can be again:
 * fh__changelog_is_failing().
 */
#ifndef FH_VNCCLOUDD_CHANGELOG_H
#define FH_VNCCLOUDD_CHANGELOG_H

#include <jansson.h>
#include <uv.h>

#include <farhand/audit_log.h>

#include "store.h"

enum {
    FH__CHANGELOG_KEPT = 4096,  /* lines of changes */
    FH__CHANGELOG_REFUSED = 256 /* of refusals, apart: strangers shall not push changes out */
};

/* Each event; whether the transparency log has a leaf for it, and of which kind. */
#define FH__CHANGES(X)                                                                             \
    X(SERVICE_STARTED, "service.started", NOTICE, OPERATOR)                                        \
    X(SERVICE_ENDED, "service.ended", NOTICE, OPERATOR)                                            \
    X(ACCOUNT_CREATED, "account.created", NOTICE, OPERATOR)                                        \
    X(ACCOUNT_UPDATED, "account.updated", NOTICE, OPERATOR)                                        \
    X(ACCOUNT_DELETED, "account.deleted", NOTICE, OPERATOR)                                        \
    X(KEY_CREATED, "key.created", NOTICE, OPERATOR)                                                \
    X(KEY_UPDATED, "key.updated", NOTICE, OPERATOR)                                                \
    X(KEY_DELETED, "key.deleted", NOTICE, OPERATOR)                                                \
    X(ADDRESS_CREATED, "address.created", NOTICE, POLICY)                                          \
    X(ADDRESS_UPDATED, "address.updated", NOTICE, POLICY)                                          \
    X(ADDRESS_RESET, "address.reset", NOTICE, RESET)                                               \
    X(ADDRESS_DELETED, "address.deleted", NOTICE, REMOVAL)                                         \
    X(ADDRESS_EXPIRED, "address.expired", INFO, REMOVAL)                                           \
    X(ADDRESS_ENROLLED, "address.enrolled", INFO, NONE) /* the broker's: it logs the binding */    \
    X(DISCONNECTED, "address.disconnected", NOTICE, OPERATOR)                                      \
    X(BACKUP, "database.copied", NOTICE, OPERATOR)                                                 \
    X(REFUSED, "key.refused", WARNING, NONE)

enum fh__change {
#define X(name, text, level, leaf) FH__CHANGE_##name,
    FH__CHANGES(X)
#undef X
        FH__CHANGE_COUNT
};

/* Kinds of leaves of the transparency log (docs/protocol.md, "Log"). */
enum fh__leaf {
    FH__LEAF_NONE,
    FH__LEAF_BINDING,
    FH__LEAF_RESET,
    FH__LEAF_REMOVAL,
    FH__LEAF_POLICY,
    FH__LEAF_OPERATOR
};

/* Texts may be NULL; all are borrowed. */
struct fh__change_event {
    enum fh__change what;
    const char *actor; /* "operator uid=0", "key vck_...", "service" */
    const char *peer;
    const uint8_t *account; /* 16 bytes */
    const uint8_t *address; /* 12 bytes: what was changed, and */
    const char *target;     /* what it is called */
    json_t *details;        /* taken */
};

struct fh__changelog;

struct fh__changelog_config {
    uv_loop_t *loop;
    const char *const *targets; /* as in audit_target.h; borrowed until return */
    size_t n;
    uint64_t (*utc_ms)(void);
    void (*trouble)(void *user, const char *where, const char *error);
    /*
     * The transparency log: a leaf of this kind for this line. line: as it was written, without
     * what chains it. May be NULL.
     */
    void (*leaf)(void *user, enum fh__leaf kind, const uint8_t *address, const char *line,
                 size_t len);
    void *user;
};

/* 0, or FH_SESSION_E_* and a sentence in why. */
int fh__changelog_open(const struct fh__changelog_config *cfg, char *why, size_t room,
                       struct fh__changelog **out);
void fh__changelog_set_leaf(struct fh__changelog *l,
                            void (*leaf)(void *user, enum fh__leaf kind, const uint8_t *address,
                                         const char *line, size_t len),
                            void *user);
void fh__changelog_write(struct fh__changelog *l, const struct fh__change_event *ev);
/* Changes must wait: they would not be recorded. */
bool fh__changelog_is_failing(const struct fh__changelog *l);
void fh__changelog_reopen(struct fh__changelog *l);
/*
 * Lines behind number `after`, oldest first, at most limit; of one account, or account NULL: all.
 * *next: number of the last that was looked at. A new array.
 */
json_t *fh__changelog_read(const struct fh__changelog *l, const uint8_t *account, uint64_t after,
                           size_t limit, uint64_t *next, bool *more);
void fh__changelog_close(struct fh__changelog *l, void (*closed)(void *user), void *user);

#endif
