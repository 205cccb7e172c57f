/* SPDX-License-Identifier: MIT */
/*
 * dialogue.h -- somebody else decides whether a password, or what is answered to prompts, is right:
 * PAM (pam.c) or a program of the administrator's (authprogram.c), each in a process of its own, so
 * that whatever takes long there makes nobody else wait.
 *
 *     fh__pam_start(), fh__authprogram_start()
 *     fh__dialogue_answer()   what the viewer answered to events.ask
 *     fh__dialogue_open()     the viewer is about to be let in
 *     fh__dialogue_end()      the attempt failed, or the session is over
 */
#ifndef FH__DIALOGUE_H
#define FH__DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <farhand/auth.h>
#include <farhand/identity.h>

struct fh__dialogue;

/* What it decided. */
struct fh__verdict {
    bool is_right;
    bool has_permissions; /* it said them */
    uint32_t permissions;
    const char *reason; /* of a no: a word for the records; lent */
};

/* Run on the loop's thread, never inside a call of these here. They may end the dialogue. */
struct fh__dialogue_events {
    /* Ask the viewer; notices alone are not answered. Lent. */
    void (*ask)(void *user, const struct fh_item *items, size_t n);
    void (*decided)(void *user, const struct fh__verdict *v); /* once */
    void (*opened)(void *user, bool is_good);                 /* to fh__dialogue_open() */
};

/* Whom it is about; borrowed for the call. */
struct fh__dialogue_facts {
    const char *user;
    const char *password; /* NULL: ask for it */
    size_t password_len;
    const char *method;
    const char *peer, *ip;      /* with and without port; of this machine: ""; cloud:ADDRESS */
    const uint8_t *fingerprint; /* NULL: a viewer without an identity */
    uint64_t connection;
    unsigned attempt; /* on this connection, from 1 */
};

struct fh__dialogue_ops {
    void (*answer)(struct fh__dialogue *d, const struct fh_item *items, size_t n);
    bool (*open)(struct fh__dialogue *d);
    void (*end)(struct fh__dialogue *d);
};

/* The first member of what pam.c and authprogram.c know. */
struct fh__dialogue {
    const struct fh__dialogue_ops *ops;
    const struct fh__dialogue_events *events;
    void *user;
};

/* NULL: it cannot be started. */
struct fh__dialogue *fh__pam_start(uv_loop_t *loop, const char *service,
                                   const struct fh__dialogue_facts *facts,
                                   const struct fh__dialogue_events *events, void *user);
/* timeout_s: for each of its turns. */
struct fh__dialogue *fh__authprogram_start(uv_loop_t *loop, const char *program, unsigned timeout_s,
                                           const struct fh__dialogue_facts *facts,
                                           const struct fh__dialogue_events *events, void *user);

static inline void fh__dialogue_answer(struct fh__dialogue *d, const struct fh_item *items,
                                       size_t n)
{
    d->ops->answer(d, items, n);
}

/* False: it cannot any more, and opened() is not called. */
static inline bool fh__dialogue_open(struct fh__dialogue *d)
{
    return d->ops->open(d);
}

/* NULL is fine. */
static inline void fh__dialogue_end(struct fh__dialogue *d)
{
    if (d)
        d->ops->end(d);
}

#endif
