/* SPDX-License-Identifier: MIT */
/*
 * api_call.h -- between the files of the API: one request on its way to its answer. Private.
 *
 * api.c finds out who asks, for what, and whether he may; the handler of the route asks the store,
 * and ends in exactly one of the fh__answer_ functions, at once or in done() of a store call. After
 * that the call is gone.
 */
#ifndef FH_VNCCLOUDD_API_CALL_H
#define FH_VNCCLOUDD_API_CALL_H

#include <farhand/cloud_address.h>

#include "api.h"
#include "apijson.h"
#include "apikey.h"

struct fh__api {
    struct fh__api_config cfg;
    struct fh__http_server *http;
    uint8_t answer_key[32]; /* seals the answers to the operator that are kept */
    unsigned calls;         /* under way */
    bool is_draining, is_closing, http_closed;
    void (*closed)(void *user);
    void *user;
    uint64_t refused_ms; /* the minute in which keys are refused, and how many lines it had */
    unsigned refused, unwritten;
    uint64_t probed_ms; /* when it was last tried whether the database can be written */
    int probed;         /* and what came of it */
};

struct fh__api_call {
    struct fh__api *api;
    struct fh__http_conn *conn;
    const struct fh__http_request *request; /* lent until the answer */
    enum fh__http_method method;
    const struct fh__route *route;
    char path[FH__HTTP_SEGMENTS_MAX][FH__HTTP_SEGMENT_MAX];
    int n_path;
    uint64_t now_ms;
    char peer[FH_ADDRESS_TEXT];

    bool is_operator;
    struct fh__key key; /* who asks, if it is not the operator */
    char actor[40];
    uint8_t account[FH__ACCOUNT_LEN]; /* within which, if has_account */
    bool has_account;
    struct fh__api_quota quota;
    uint8_t seal_key[32];

    json_t *body; /* NULL: none */
    char why[FH__WHY];
    uint8_t address[FH__ADDRESS_LEN]; /* of the path */
    uint64_t if_match;                /* 0: not asked for */

    /* The answer of a change that is still to be made, and its line in the audit. */
    struct fh__http_reply reply;
    char location[80]; /* of what is made; "": of nothing new */
    struct fh__change_event event;
    char target[FH__LABEL_MAX + 1];
    uint8_t event_account[FH__ACCOUNT_LEN];
    enum fh__api_change change;
    bool changes_address;
    unsigned counted; /* by handlers that go through something */
};

typedef void (*fh__handler_fn)(struct fh__api_call *c);

enum fh__who { FH__ANYBODY, FH__KEY, FH__OPERATOR };

struct fh__route {
    const char *pattern; /* "cloud/1.1/static-address/:address" */
    struct fh__route_method {
        enum fh__who who;
        enum fh__scope scope;  /* of a key */
        fh__handler_fn handle; /* NULL: there is no such method */
    } get, post, put, delete;
};

/* ---- answers ---- */

/* body: taken; NULL: none (204). */
void fh__answer_json(struct fh__api_call *c, unsigned status, json_t *body);
/* RFC 9457. name: what kind, "not-found"; detail: a sentence, or NULL. */
void fh__answer_problem(struct fh__api_call *c, unsigned status, const char *name,
                        const char *detail);
void fh__answer_bad(struct fh__api_call *c); /* 400, with c->why */
void fh__answer_store(struct fh__api_call *c, int error);
void fh__answer_text(struct fh__api_call *c, const char *type, struct fh__text *text);
void fh__answer_file(struct fh__api_call *c, const char *type, int fd, uint64_t len);
/* What stands in c->reply already: status, type, and a body or a file. */
void fh__answer_reply(struct fh__api_call *c);
/* c->reply is filled already. */
void fh__answer_as_is(struct fh__api_call *c);
/* A further field of whichever answer comes. */
void fh__answer_field(struct fh__api_call *c, const char *name, const char *value);
void fh__answer_etag(struct fh__api_call *c, uint64_t version);
/* Link to the next page: what to begin behind. */
void fh__answer_next(struct fh__api_call *c, uint64_t limit, const char *after);

/* The body of an answer of problem+json. */
void fh__problem_body(struct fh__http_reply *r, unsigned status, const char *name,
                      const char *detail, bool is_old);

/* ---- the store ---- */

/* NULL: answered already. Within the account, if there is one. */
struct fh__store_call *fh__api_store(struct fh__api_call *c, enum fh__store_op op,
                                     fh__store_done_fn done);
void fh__api_submit(struct fh__api_call *c, struct fh__store_call *s);
/*
 * Submits a change whose answer is `body` (taken), unless the same was done before. When it is
 * made, c->event is recorded, the hooks are called, and the answer goes out. is_secret: it holds
 * a password.
 */
void fh__api_change(struct fh__api_call *c, struct fh__store_call *s, unsigned status, json_t *body,
                    bool is_secret);
/* The same in two steps, where the version that comes of it is part of the answer. */
void fh__api_changed(struct fh__api_call *c);

/* limit and after of the query. false: answered. */
bool fh__api_page(struct fh__api_call *c, uint64_t usual, uint64_t max, uint64_t *limit,
                  char *after, size_t room);
/* NULL and an answer where the request has no object as its body. */
const json_t *fh__api_body(struct fh__api_call *c, const char *const *members);
bool fh__api_is_old(const struct fh__api_call *c); /* /cloud/1.1 */

/* ---- handlers ---- */

void fh__api_address_list(struct fh__api_call *c);
void fh__api_address_create(struct fh__api_call *c);
void fh__api_address_get(struct fh__api_call *c);
void fh__api_address_update(struct fh__api_call *c);
void fh__api_address_reset(struct fh__api_call *c);
void fh__api_address_delete(struct fh__api_call *c);
void fh__api_address_ready(struct fh__api_call *c);
void fh__api_account_list(struct fh__api_call *c);
void fh__api_account_create(struct fh__api_call *c);
void fh__api_account_get(struct fh__api_call *c);
void fh__api_account_update(struct fh__api_call *c);
void fh__api_account_delete(struct fh__api_call *c);
void fh__api_account_own(struct fh__api_call *c);
void fh__api_key_list(struct fh__api_call *c);
void fh__api_key_create(struct fh__api_call *c);
void fh__api_key_get(struct fh__api_call *c);
void fh__api_key_update(struct fh__api_call *c);
void fh__api_key_delete(struct fh__api_call *c);
void fh__api_presence_list(struct fh__api_call *c);
void fh__api_presence_get(struct fh__api_call *c);
void fh__api_presence_end(struct fh__api_call *c);
void fh__api_audit_list(struct fh__api_call *c);
void fh__api_stats(struct fh__api_call *c);
void fh__api_backup(struct fh__api_call *c);
void fh__api_live(struct fh__api_call *c);
void fh__api_ready(struct fh__api_call *c);
void fh__api_metrics(struct fh__api_call *c);
void fh__api_log(struct fh__api_call *c);
void fh__api_root_crl(struct fh__api_call *c);
void fh__api_openings(struct fh__api_call *c);

#endif
