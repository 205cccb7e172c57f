/* SPDX-License-Identifier: MIT */
/*
 * auth_server.h -- the server's side of authentication: a loop of steps until the application
 * decides.
 *
 * A method is a row of a table: what it asks for by itself. When that is there the application is
 * asked; it decides or asks more, and is asked again when the answers are there. What the items of
 * the application mean is not known here, but for one rule: in method cpace two PAKE come first,
 * each alone. docs/protocol.md, "Authentication".
 */
#ifndef FH_SESSION_AUTH_SERVER_H
#define FH_SESSION_AUTH_SERVER_H

#include "session_messages.h"

struct fh__auth_method;

struct fh__auth_server {
    uint8_t offered[FH_METHODS_MAX];
    uint8_t n_offered;
    const struct fh__auth_method *method; /* chosen; NULL: none */
    unsigned attempt;                     /* of this connection, from 1 */
    uint8_t step;                         /* number of the last Ask of this attempt */
    bool is_method_complete;              /* what the method asks for by itself is there */
    unsigned n_pake;                      /* FH_KIND_PAKE that were asked */
    uint8_t asked[FH_AUTH_ITEMS_MAX];     /* kinds that the next Answer holds, in this order */
    uint8_t n_asked;
    uint32_t has; /* kinds of the method's own, as bits */
    char user[FH_AUTH_USER_MAX + 1];
    char password[FH_AUTH_PASSWORD_MAX + 1];
    size_t password_len;
    uint8_t answers[FH_MESSAGE_MAX]; /* what the items point to */
    struct fh_item items[FH_AUTH_ITEMS_MAX];
    size_t n_items;
};

enum fh__auth_next {
    FH_AUTH_BAD,     /* the viewer broke the protocol */
    FH_AUTH_ASK,     /* send *ask */
    FH_AUTH_DECIDE,  /* what the method needs is there */
    FH_AUTH_ANSWERED /* items: the answers to what the application asked */
};

/* What is offered; NULL: password. False: a method is not known or named twice, or too many. */
bool fh__auth_init(struct fh__auth_server *a, const uint8_t *methods, size_t n);
void fh__auth_offer(const struct fh__auth_server *a, struct fh__offer *out);
/* A new attempt. ask: written for FH_AUTH_ASK. */
enum fh__auth_next fh__auth_choose(struct fh__auth_server *a, const struct fh__choose *m,
                                   struct fh__ask *ask);
/*
 * What an older viewer proved, all at once: a password, a response behind its challenge, or
 * nothing. The user's name is the application's where the method has none. False: it cannot be.
 */
bool fh__auth_older(struct fh__auth_server *a, unsigned method, const char *user, size_t user_len,
                    const void *proof, size_t proof_len);
enum fh__auth_next fh__auth_answer(struct fh__auth_server *a, const struct fh__answer *m,
                                   struct fh__ask *ask);
/* The application asks more: *ask points to its items. Changes nothing. */
int fh__auth_ask(const struct fh__auth_server *a, const struct fh_item *items, size_t n,
                 struct fh__ask *ask);
/* It was sent. True: the viewer has to answer. */
bool fh__auth_asked(struct fh__auth_server *a, const struct fh__ask *ask);
/* Nothing of the method itself is missing. */
bool fh__auth_may_grant(const struct fh__auth_server *a);
unsigned fh__auth_number(const struct fh__auth_server *a);
/* Wipes what the viewer told as a secret. */
void fh__auth_wipe_secrets(struct fh__auth_server *a);
/* Wipes an attempt; user and method stay for the records. */
void fh__auth_wipe(struct fh__auth_server *a);

#endif
