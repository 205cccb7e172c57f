/* SPDX-License-Identifier: MIT */
/*
 * entry.h -- a viewer's way in: from the credentials that it shows to what it may do. The
 * blacklist, the account, the steps of login.h and the person at the desktop come together here.
 */
#ifndef FH__ENTRY_H
#define FH__ENTRY_H

#include <uv.h>

#include <farhand/identity.h>
#include <farhand/login.h>

#include "approval.h"
#include "auditlog.h"
#include "caller.h"
#include "codecheck.h"
#include "config.h"
#include "dialogue.h"
#include "gate.h"
#include "userstore.h"

enum { FH__ENTRY_NAME = FH_AUTH_USER_MAX + 1 };

/* What all ways in share; borrowed. */
struct fh__entrance {
    uv_loop_t *loop;
    const struct fh__config *cfg;
    struct fh__userstore *users;
    struct fh__gate *gate;
    struct fh__approvals *approvals;
    struct fh__auditlog *audit;
    uint8_t fingerprint[FH_FINGERPRINT_LEN]; /* of the server */
    uint8_t fake_key[FH_LOGIN_FAKE_KEY_LEN];
};

struct fh__entry {
    struct fh__entrance *at;
    struct fh__caller caller;
    uint32_t most;             /* permissions, by the filter */
    bool asks;                 /* the person at the desktop, before it is let in */
    bool asks_present;         /* him, if he is there */
    unsigned older;            /* the security type of a viewer without the channel; 0: none */
    char name[FH__ENTRY_NAME]; /* of the attempt */
    struct fh_login login;
    /* What is being looked at; NULL: nothing. */
    struct fh__usercheck *check;
    struct fh__codecheck *code_check;
    struct fh__dialogue *dialogue; /* of PAM it lasts as long as the session */
    bool is_talking;               /* it has not decided yet */
    bool grants;                   /* the dialogue alone says what is allowed */
    /* What an older viewer has told, for the one question of PAM that it can answer. */
    char spare[FH_AUTH_PASSWORD_MAX];
    size_t spare_len;
    bool has_spare;
};

/* The methods that are offered: at most FH_METHODS_MAX; how many. */
size_t fh__entrance_methods(const struct fh__config *cfg, uint8_t *out);
/* An attempt begins; c: borrowed until the caller is answered. It is answered now or later. */
void fh__entry_begin(struct fh__entry *e, const struct fh_credentials *c);
/* What the viewer answered. */
void fh__entry_answered(struct fh__entry *e, const struct fh_item *items, size_t n);
/* The caller is gone: nothing of the attempt is wanted any more. */
void fh__entry_forget(struct fh__entry *e);

#endif
