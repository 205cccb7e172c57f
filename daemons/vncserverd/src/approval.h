/* SPDX-License-Identifier: MIT */
/*
 * approval.h -- questions to the person at the desktop: may this viewer, whose password was right,
 * come in? Each question is answered once: by a person, by nobody in time, or by nobody being there
 * to ask, which are both a no.
 */
#ifndef FH__APPROVAL_H
#define FH__APPROVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum { FH__APPROVALS_MAX = 32 /* questions at a time; who comes then is rejected */ };

/* Tells a line of JSON to all who answer questions. Returns how many they are. */
typedef unsigned (*fh__approval_tell_fn)(void *user, const char *line, size_t len);
/* permissions: the most that is approved of, 0: rejected; why: a word for the audit. */
typedef void (*fh__approval_fn)(void *user, uint32_t permissions, const char *why);

struct fh__approval {
    uint64_t id; /* 0: free */
    uint64_t until_ms;
    fh__approval_fn done;
    void *user;
};

struct fh__approvals {
    uv_loop_t *loop;
    uv_timer_t timer;
    unsigned timeout_s;
    uint64_t last_id;
    fh__approval_tell_fn tell; /* NULL: there is nobody */
    void *tell_user;
    struct fh__approval table[FH__APPROVALS_MAX];
    bool is_open;
};

/* What a person is told. Texts are the peer's, escaped by JSON; fingerprint: 32 bytes. */
struct fh__approval_facts {
    const char *peer, *name, *path;
    const uint8_t *fingerprint;
    uint32_t permissions; /* that a full yes would give */
};

void fh__approvals_open(struct fh__approvals *a, uv_loop_t *loop, unsigned timeout_s);
/* done is called once, from here if nobody can be asked, unless it is forgotten. */
void fh__approvals_ask(struct fh__approvals *a, const struct fh__approval_facts *facts,
                       fh__approval_fn done, void *user);
/* The questions of user are not wanted any more. */
void fh__approvals_forget(struct fh__approvals *a, const void *user);
/* false: there is no such question, or it was answered before. */
bool fh__approvals_answer(struct fh__approvals *a, uint64_t id, uint32_t permissions);
/* Nobody is left who could answer. */
void fh__approvals_reject_all(struct fh__approvals *a);
/* ASYNCHRONOUS in the loop, without a callback. Questions that are open are forgotten. */
void fh__approvals_close(struct fh__approvals *a);

#endif
