/* SPDX-License-Identifier: MIT */
/* answers.h -- what is answered to a server that asks more than a password. */
#ifndef VNCVIEWER_ANSWERS_H
#define VNCVIEWER_ANSWERS_H

#include <farhand/viewer.h>

#include "password.h"

/* What was given beforehand; each is used once. Wiped by its owner. */
struct answers {
    char password[PASSWORD_MAX + 2]; /* for the first secret prompt */
    bool has_password;
    char code[FH_AUTH_CODE_MAX + 1]; /* $FH_CODE */
    bool has_code;
};

/* Takes $FH_CODE out of the environment. -1 and why: it is too long. */
int answers_given(struct answers *a, char *why, size_t room);
/*
 * Answers all prompts of the server called name, from *a, else on the terminal. 0; -1 and why; or
 * TERMINAL_INTERRUPTED.
 */
int answers_give(struct answers *a, struct fh_viewer_conn *conn, const char *name,
                 const struct fh_viewer_prompt *prompts, size_t n, char *why, size_t room);

#endif
