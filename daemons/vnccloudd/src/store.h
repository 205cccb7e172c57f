/* SPDX-License-Identifier: MIT */
/*
 * store.h -- what vnccloudd keeps: accounts, cloud addresses, API keys.
 *
 * A store is a table of functions, so that another engine can take its place; store_sqlite.h makes
 * the one there is. Everything is asynchronous. The caller fills a call, submits it, and gets it
 * back in done() on the loop, never from inside submit():
 *
 *     call = fh__store_call_new(FH__STORE_ENDPOINT_GET, done, user);
 *     memcpy(call->address, address, sizeof call->address);
 *     fh__store_submit(store, call);
 *     ...
 *     static void done(struct fh__store_call *call)
 *     {
 *         if (call->ret == 0)
 *             ... call->endpoint ...
 *         fh__store_call_free(call);
 *     }
 *
 * Calls are carried out in the order of submission. A call that changes something is done as a
 * whole or not at all; an error says so for certain. Signing in writes nothing: last_seen() is
 * collected and written in batches. All times are UTC in milliseconds since 1970.
 */
#ifndef FH_VNCCLOUDD_STORE_H
#define FH_VNCCLOUDD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FH__STORE_ERRORS(X)                                                                        \
    X(NOT_FOUND, 701, "there is no such record")                                                   \
    X(EXISTS, 702, "there is one already")                                                         \
    X(VERSION, 703, "it was changed by somebody else meanwhile")                                   \
    X(FULL, 704, "the disk is full: nothing was changed")                                          \
    X(READONLY, 705, "the database cannot be written: nothing was changed")                        \
    X(IO, 706, "the database cannot be read or written: nothing was changed")                      \
    X(BUSY, 707, "the database is busy: nothing was changed")                                      \
    X(LIMIT, 708, "a limit of the account was reached")                                            \
    X(USED_UP, 709, "it has no uses left")                                                         \
    X(EXPIRED, 710, "its time is over")                                                            \
    X(REPLAY, 711, "it was done before: the answer of then is here")                               \
    X(CONFLICT, 712, "this key of idempotency was used for another request")                       \
    X(NEWER, 713, "the database is of a newer version")                                            \
    X(NOMEM, 714, "out of memory")                                                                 \
    X(CLOSED, 715, "the store is closing")

enum fh__store_error {
#define X(name, num, text) FH__STORE_E_##name = -(num),
    FH__STORE_ERRORS(X)
#undef X
};

const char *fh__store_strerror(int error);
/* It may work later, unchanged: full, not writable, busy, closing. */
bool fh__store_is_passing(int error);

enum {
    FH__ADDRESS_LEN = 12,
    FH__ACCOUNT_LEN = 16,
    FH__KEY_ID_TEXT = 17,        /* with NUL; 16 characters */
    FH__GROUPS_MAX = 16,         /* of an address that connects */
    FH__ALLOW_GROUPS_MAX = 24,   /* of one that listens */
    FH__ALLOW_ADDRESSES_MAX = 8, /* likewise */
    FH__GROUP_MAX = 255,         /* bytes of UTF-8 */
    FH__LABEL_MAX = 255,
    FH__NETWORKS_MAX = 1024,    /* bytes of an IP allow list */
    FH__BINDING_MAX = 4096,     /* bytes of a binding statement */
    FH__IDEMPOTENCY_MAX = 128,  /* bytes of an Idempotency-Key */
    FH__ANSWER_MAX = 64 * 1024, /* bytes of a kept answer */
    FH__STORE_PAGE_MAX = 1000   /* rows of one list call */
};

/* Bits of roles; the same as in the broker's HELLO. */
enum { FH__ROLE_LISTEN = 1, FH__ROLE_CONNECT = 2, FH__ROLE_WATCH = 4 };

/* Names, packed: n times { u8 len, text }. Zeroed is empty. */
struct fh__names {
    uint8_t n;
    size_t len;
    uint8_t *packed;
};

int fh__names_add(struct fh__names *l, const char *text, size_t len);
int fh__names_copy(const struct fh__names *l, struct fh__names *out);
void fh__names_clear(struct fh__names *l);
/* The next name behind *at (0 at first); NULL: that were all. */
const char *fh__names_next(const struct fh__names *l, size_t *at, size_t *len);
bool fh__names_meet(const struct fh__names *a, const struct fh__names *b);

struct fh__endpoint {
    uint8_t address[FH__ADDRESS_LEN];
    uint8_t account[FH__ACCOUNT_LEN];
    bool account_disabled;
    uint32_t relay_kbit;  /* its account's, of each connection; 0: the service's own */
    uint64_t relay_bytes; /* likewise; 0: no limit */
    uint8_t roles;
    bool has_acl; /* false: every address of the account may connect; true: only who is listed */
    struct fh__names groups, allow_groups;
    uint8_t n_allow_addresses;
    uint8_t allow_addresses[FH__ALLOW_ADDRESSES_MAX][FH__ADDRESS_LEN];
    uint64_t expires_ms; /* 0: never */
    int64_t uses_left;   /* connections; -1: any number */
    uint8_t stored[32];  /* what checks the password at enrolment */
    bool has_password;   /* it was not used yet, or may be used again by the same identity */
    uint8_t *binding;    /* statement; NULL: not enrolled */
    size_t binding_len;
    uint8_t fingerprint[32]; /* of the identity in it */
    uint64_t log_index;      /* of its leaf in the transparency log */
    uint8_t log_salt[32];
    bool has_log;
    uint64_t created_ms, changed_ms;
    uint64_t last_seen_ms; /* 0: never */
    uint64_t version;      /* counts changes */
    char label[FH__LABEL_MAX + 1];
};

int fh__endpoint_copy(const struct fh__endpoint *e, struct fh__endpoint **out);
void fh__endpoint_clear(struct fh__endpoint *e);
void fh__endpoint_free(struct fh__endpoint *e);
/* The access list of `target` lets `who` connect. Both are of one account, or nobody may. */
bool fh__endpoint_allows(const struct fh__endpoint *target, const struct fh__endpoint *who);

struct fh__account {
    uint8_t id[FH__ACCOUNT_LEN];
    char name[FH__LABEL_MAX + 1];
    bool disabled;
    uint64_t address_limit; /* 0: the service's own */
    uint64_t relay_kbit;    /* of each relayed connection; 0: the service's own */
    uint64_t relay_bytes;   /* of each side of one; 0: no limit */
    uint64_t addresses;     /* how many it has */
    uint64_t created_ms, version;
};

/* Scopes of an API key. */
#define FH__SCOPES(X)                                                                              \
    X(ADDRESS_CREATE, 1, "address:create")                                                         \
    X(ADDRESS_READ, 2, "address:read")                                                             \
    X(ADDRESS_UPDATE, 4, "address:update")                                                         \
    X(ADDRESS_RESET, 8, "address:reset")                                                           \
    X(ADDRESS_DELETE, 16, "address:delete")                                                        \
    X(PRESENCE_READ, 32, "presence:read")                                                          \
    X(PRESENCE_DISCONNECT, 64, "presence:disconnect")                                              \
    X(AUDIT_READ, 128, "audit:read")                                                               \
    X(KEY_MANAGE, 256, "key:manage")                                                               \
    X(ACCOUNT_READ, 512, "account:read")

enum fh__scope {
#define X(name, bit, text) FH__SCOPE_##name = (bit),
    FH__SCOPES(X)
#undef X
        FH__SCOPE_ALL = 1023
};

struct fh__key {
    char id[FH__KEY_ID_TEXT];
    uint8_t account[FH__ACCOUNT_LEN];
    bool account_disabled;
    uint8_t hash[32]; /* SHA-256 of the secret */
    uint32_t scopes;
    char networks[FH__NETWORKS_MAX + 1]; /* "192.0.2.0/24 2001:db8::/32"; "": from anywhere */
    char label[FH__LABEL_MAX + 1];
    uint64_t created_ms;
    uint64_t expires_ms;   /* 0: never */
    uint64_t last_used_ms; /* 0: never */
    uint64_t version;
};

struct fh__stats {
    uint64_t accounts, endpoints, enrolled, keys;
    uint64_t database_bytes;
};

/*
 * What each call takes and gives. ret is 0 or FH__STORE_E_*. NOT_FOUND where an address, account or
 * key is named that is not there (or is of another account, where `account` is set).
 */
enum fh__store_op {
    /* For the broker. */
    FH__STORE_ENDPOINT_GET, /* address -> endpoint */
    /*
     * address, version; binding of endpoint (fingerprint, log_index, log_salt, has_log too) is set
     * if the version is still that one, and counts it up -> version. VERSION: somebody was first.
     */
    FH__STORE_ENDPOINT_BIND,
    FH__STORE_ENDPOINT_USE, /* address: one use less; EXPIRED, USED_UP */

    /* For the API. account (is_tenant): only what is of it. */
    FH__STORE_ENDPOINT_CREATE, /* *endpoint; EXISTS, LIMIT (limit: most of an account) */
    FH__STORE_ENDPOINT_LIST,   /* after (address, or zeros), limit -> endpoints, in order */
    FH__STORE_ENDPOINT_UPDATE, /* *endpoint; version 0: whatever it is -> version */
    FH__STORE_ENDPOINT_RESET,  /* address, endpoint->stored; forgets the binding -> version */
    FH__STORE_ENDPOINT_DELETE, /* address -> endpoint as it was */
    FH__STORE_ENDPOINT_PURGE,  /* now_ms, limit: removes what expired before -> endpoints */
    FH__STORE_ACCOUNT_CREATE,  /* *account_record */
    FH__STORE_ACCOUNT_GET,     /* account -> account_record */
    FH__STORE_ACCOUNT_FIND,    /* text: its name -> account_record */
    FH__STORE_ACCOUNT_LIST,    /* text: name to begin behind, limit -> accounts */
    FH__STORE_ACCOUNT_UPDATE,  /* *account_record; version -> version */
    FH__STORE_ACCOUNT_DELETE,  /* account: and all that is of it -> addresses, n */
    FH__STORE_KEY_CREATE,      /* *key */
    FH__STORE_KEY_GET,         /* text: id -> key */
    FH__STORE_KEY_LIST,        /* account, text: id to begin behind, limit -> keys */
    FH__STORE_KEY_UPDATE,      /* *key; version -> version */
    FH__STORE_KEY_DELETE,      /* account, text: id */
    FH__STORE_STATS,           /* -> stats */
    FH__STORE_BACKUP,          /* text: path of a new file -> size in count */
    FH__STORE_PROBE,           /* whether it can be written */

    FH__STORE_SEEN, /* private: a batch */
    FH__STORE_OPS
};

/*
 * With a name: the call is carried out once. The same name and request again give REPLAY, with the
 * status and body of the first time; the same name with another request gives CONFLICT.
 */
struct fh__idempotency {
    char owner[FH__KEY_ID_TEXT];
    char name[FH__IDEMPOTENCY_MAX + 1]; /* "": not asked for */
    uint8_t request[32];                /* hash of what was asked */
    unsigned status;
    uint8_t *body; /* sealed by the caller: it may hold a password */
    size_t len;
};

struct fh__store_call;
typedef void (*fh__store_done_fn)(struct fh__store_call *call);

struct fh__seen {
    uint8_t address[FH__ADDRESS_LEN]; /* of an endpoint, or */
    char key[FH__KEY_ID_TEXT];        /* of an API key */
    uint64_t at_ms;
};

struct fh__store_call {
    enum fh__store_op op;
    fh__store_done_fn done;
    void *user;
    int ret;

    uint8_t address[FH__ADDRESS_LEN]; /* also: to begin behind */
    uint8_t account[FH__ACCOUNT_LEN];
    bool is_tenant;
    uint64_t version;
    uint64_t now_ms;
    uint64_t limit, count;
    char *text; /* malloc */

    struct fh__endpoint *endpoint; /* malloc, as all below; freed with the call */
    struct fh__endpoint **endpoints;
    struct fh__account *account_record;
    struct fh__account *accounts;
    struct fh__key *key;
    struct fh__key *keys;
    uint8_t (*addresses)[FH__ADDRESS_LEN];
    size_t n; /* of the list */
    bool more;
    struct fh__stats stats;
    struct fh__idempotency idempotency;
    struct fh__seen *seen;

    struct fh__store_call *next; /* the store's own while it has the call */
};

/* NULL: out of memory. */
struct fh__store_call *fh__store_call_new(enum fh__store_op op, fh__store_done_fn done, void *user);
/* Takes all that hangs on it along; secrets are wiped. NULL is fine. */
void fh__store_call_free(struct fh__store_call *call);

struct fh__store;

struct fh__store_ops {
    void (*submit)(struct fh__store *s, struct fh__store_call *call);
    void (*seen)(struct fh__store *s, const struct fh__seen *seen);
    /*
     * ASYNCHRONOUS. What was submitted is done first, and given back from inside this call; then,
     * from the loop, closed(user), and it is freed.
     */
    void (*close)(struct fh__store *s, void (*closed)(void *user), void *user);
};

/* First member of each engine's own structure. */
struct fh__store {
    const struct fh__store_ops *ops;
};

static inline void fh__store_submit(struct fh__store *s, struct fh__store_call *call)
{
    s->ops->submit(s, call);
}

/* An endpoint signed in or left, or a key was used. Written every five minutes. */
static inline void fh__store_seen(struct fh__store *s, const struct fh__seen *seen)
{
    s->ops->seen(s, seen);
}

static inline void fh__store_close(struct fh__store *s, void (*closed)(void *user), void *user)
{
    s->ops->close(s, closed, user);
}

#endif
