/* SPDX-License-Identifier: MIT */
/*
 * auth_server.h -- the server's side of authentication: a loop of steps until the application has
 * what it needs in order to decide.
 *
 * A method is a row of a table: what it asks for, and a function that looks at the answers so far
 * and says what comes next. docs/protocol.md, "Authentication".
 */
#ifndef FH_SESSION_AUTH_SERVER_H
#define FH_SESSION_AUTH_SERVER_H

#include "session_messages.h"

struct fh__auth_method;

struct fh__auth_server {
    const struct fh__auth_method *method; /* chosen; NULL: none */
    unsigned attempt;                     /* of this connection, from 1 */
    uint8_t step;                         /* number of the last Ask of this attempt */
    uint32_t asked, has;                  /* kinds, as bits */
    char user[FH_USER_MAX + 1];
    char password[FH_PASSWORD_MAX + 1];
    size_t password_len;
};

enum fh__auth_next {
    FH_AUTH_BAD,   /* the viewer broke the protocol */
    FH_AUTH_ASK,   /* send *ask */
    FH_AUTH_DECIDE /* user and password are there */
};

/* What is offered to every viewer. */
void fh__auth_offer(struct fh__offer *out);
/* The numbers of the same methods. Static. */
const uint8_t *fh__auth_numbers(size_t *n);
/* A new attempt. ask: written for FH_AUTH_ASK. */
enum fh__auth_next fh__auth_choose(struct fh__auth_server *a, const struct fh__choose *m,
                                   struct fh__ask *ask);
enum fh__auth_next fh__auth_answer(struct fh__auth_server *a, const struct fh__answer *m,
                                   struct fh__ask *ask);
/* The name of the chosen method, NULL before. */
const char *fh__auth_name(const struct fh__auth_server *a);
/* Wipes the secrets of an attempt; user and method stay for the records. */
void fh__auth_wipe(struct fh__auth_server *a);

#endif
