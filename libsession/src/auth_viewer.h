/* SPDX-License-Identifier: MIT */
/*
 * auth_viewer.h -- the viewer's side of authentication; the counterpart of auth_server.h.
 *
 * It chooses the method, answers by itself what needs no person, and keeps back what the server may
 * not hear: one that was accepted blind gets nothing that could be used against the user later.
 * docs/protocol.md, "Authentication".
 */
#ifndef FH_SESSION_AUTH_VIEWER_H
#define FH_SESSION_AUTH_VIEWER_H

#include <farhand/cpace.h>
#include <farhand/identity.h>
#include <farhand/viewer_conn.h>

#include "session_messages.h"

/* What ties a proof to this connection. */
struct fh__bond {
    uint8_t binding[FH_AUTH_BINDING_LEN];
    uint8_t server[FH_FINGERPRINT_LEN], viewer[FH_FINGERPRINT_LEN];
};

enum fh__viewer_pake {
    FH_PAKE_NONE,
    FH_PAKE_DERIVING, /* the application runs argon2id */
    FH_PAKE_STARTED,  /* Ya was sent */
    FH_PAKE_PROVED,   /* the server knows the password */
    FH_PAKE_FAILED    /* it does not, or the password that was typed is wrong */
};

struct fh__auth_viewer {
    fh_server_random_fn random;
    void *random_user;
    enum fh_trust trust;
    struct fh__bond bond;
    uint8_t wanted, method; /* enum fh_method; 0: any; none yet */
    bool has_user, has_password;
    char user[FH_AUTH_USER_MAX + 1];
    char password[FH_AUTH_PASSWORD_MAX + 1];
    size_t password_len;
    unsigned attempt; /* from 1 */
    uint8_t step;     /* of the question to answer */

    enum fh__viewer_pake pake;
    uint8_t salt[FH_CPACE_SALT_LEN];
    uint32_t passes, memory_kib;
    struct fh_cpace cpace;
    uint8_t proof[FH_PAKE_PROOF_LEN];

    struct fh_viewer_prompt prompts[FH_AUTH_ITEMS_MAX]; /* for the person */
    size_t n_prompts;
    const char *notice; /* for the person; NULL: none */
    char text[4 * FH_MESSAGE_MAX + FH_AUTH_ITEMS_MAX];
    size_t text_len;
};

/* 0, or FH_SESSION_E_INVAL for credentials that cannot be. */
int fh__auth_viewer_init(struct fh__auth_viewer *a, const struct fh_viewer_conn_config *cfg);
void fh__auth_viewer_wipe(struct fh__auth_viewer *a);
/* password: may be NULL. FH_SESSION_E_INVAL: they cannot be, or the chosen method needs more. */
int fh__auth_viewer_credentials(struct fh__auth_viewer *a, const char *user, const char *password,
                                size_t password_len);
/*
 * Chooses one of the numbers that the server named. FH_SESSION_E_AUTH: none that can be used here;
 * FH_SESSION_E_UNCONFIRMED: only such that this server may not be told.
 */
int fh__auth_viewer_pick(struct fh__auth_viewer *a, const uint8_t *methods, size_t n);
bool fh__auth_viewer_needs_password(const struct fh__auth_viewer *a);
/* All that the chosen method needs was given. */
bool fh__auth_viewer_is_ready(const struct fh__auth_viewer *a);
/* Begins an attempt. *out points to the credentials: call _chosen() when it is written. */
void fh__auth_viewer_choose(struct fh__auth_viewer *a, struct fh__choose *out);
void fh__auth_viewer_chosen(struct fh__auth_viewer *a);

enum fh__ask_next {
    FH_ASK_DERIVE, /* argon2id is to be run */
    FH_ASK_ANSWER, /* *answer is to be sent */
    FH_ASK_PERSON  /* a->notice, a->prompts */
};

/* What comes next for a question, or why the session ends: a negative error. */
int fh__auth_viewer_ask(struct fh__auth_viewer *a, const struct fh__ask *m,
                        struct fh__answer *answer);
/* argon2id is there. *ya is lent: what the answer points to. */
int fh__auth_viewer_derived(struct fh__auth_viewer *a, const uint8_t *prs,
                            struct fh__answer *answer);
/* The person answered: *out points to answers. FH_SESSION_E_INVAL: not what was asked. */
int fh__auth_viewer_answer(const struct fh__auth_viewer *a, const struct fh_item *answers, size_t n,
                           struct fh__answer *out);
/* The server grants. 0, or FH_SESSION_E_IMPOSTOR: it never proved what its method proves. */
int fh__auth_viewer_granted(const struct fh__auth_viewer *a);

#endif
