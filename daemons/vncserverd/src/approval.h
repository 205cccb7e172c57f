/* SPDX-License-Identifier: MIT */
/*
 * approval.h -- questions to the person at the desktop: may this viewer, whose password was right,
 * come in? Each question is answered once: by the first of all who are asked, by nobody in time, or
 * by nobody being there to ask; the last two are a no.
 *
 * Asked are the window on the desktop, the administrator's program, and who listens on the control
 * socket. Whatever they say comes from processes of others: an answer is a list of permissions.
 */
#ifndef FH__APPROVAL_H
#define FH__APPROVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "config.h"
#include "attendant.h"

enum {
    FH__APPROVALS_MAX = 32,      /* questions at a time; who comes then is rejected */
    FH__APPROVAL_WINDOWS_MAX = 4 /* of these, on the desktop */
};

/* Tells a line of JSON to all who answer questions. Returns how many they are. */
typedef unsigned (*fh__approval_tell_fn)(void *user, const char *line, size_t len);
/* permissions: the most that is approved of, 0: rejected; why: a word for the audit. */
typedef void (*fh__approval_fn)(void *user, uint32_t permissions, const char *why);

struct fh__approvals;
struct fh__approval;

/* One of the programs that are asked. */
struct fh__approver {
    struct fh__approval *of;
    struct fh__attendant *attendant; /* NULL: not asked, or it has ended */
    bool has_babbled;                /* it said what is no answer */
};

struct fh__approval {
    struct fh__approvals *in;
    uint64_t id; /* 0: free */
    uint64_t until_ms;
    json_t *question;
    struct fh__approver presence, window, command;
    bool waits_for_window; /* another question has it: there is one at a time */
    fh__approval_fn done;
    void *user;
};

struct fh__approvals {
    uv_loop_t *loop;
    uv_timer_t timer;
    const struct fh__config *cfg;
    const struct fh__seat *seat; /* borrowed; may change */
    bool has_desktop;            /* somebody may sit at it */
    uint64_t last_id;
    fh__approval_tell_fn tell; /* NULL: there is nobody */
    void *tell_user;
    /* A window of ours waits for an answer: what viewers type and click must not give it. */
    void (*hold)(void *user, bool is_held);
    void *hold_user;
    bool is_held;
    struct fh__approval table[FH__APPROVALS_MAX];
    bool is_open;
};

/* What a person is told. Texts are the peer's, escaped by JSON; fingerprint: 32 bytes. */
struct fh__approval_facts {
    const char *peer, *name, *path;
    const char *cloud; /* address in a cloud that brought it; "": none */
    const uint8_t *fingerprint;
    uint32_t permissions; /* that a full yes would give */
    bool only_if_present; /* where nobody is present it is a yes */
};

/* cfg and seat are borrowed. */
void fh__approvals_open(struct fh__approvals *a, uv_loop_t *loop, const struct fh__config *cfg,
                        const struct fh__seat *seat, bool has_desktop);
/* done is called once, from here if nobody can be asked, unless it is forgotten. */
void fh__approvals_ask(struct fh__approvals *a, const struct fh__approval_facts *facts,
                       fh__approval_fn done, void *user);
/* The questions of user are not wanted any more. */
void fh__approvals_forget(struct fh__approvals *a, const void *user);
/* false: there is no such question, or it was answered before. */
bool fh__approvals_answer(struct fh__approvals *a, uint64_t id, uint32_t permissions);
/* Nobody is left on the control socket who could answer. */
void fh__approvals_left(struct fh__approvals *a);
/* ASYNCHRONOUS in the loop, without a callback. Questions that are open are forgotten. */
void fh__approvals_close(struct fh__approvals *a);

#endif
