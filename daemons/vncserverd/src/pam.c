/* SPDX-License-Identifier: MIT */
/* pam.c -- the service's side of a PAM helper. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialogue.h"
#include "helper.h"
#include "log.h"
#include "pammsg.h"

enum { CLOSE_MS = 10000 /* for the modules to close a session */ };

enum state { AUTHENTICATING, ASKING, DECIDED, OPENING, OPEN };

struct pam {
    struct fh__dialogue base;
    struct fh__helper *helper; /* NULL: it ended */
    enum state state;
    bool is_ended; /* by who asked */
    bool is_busy;  /* in a callback: not to be freed */
    char user[FH_AUTH_USER_MAX + 1];
    uint8_t in[FH__PAM_HEADER + FH__PAM_PAYLOAD_MAX];
    size_t len;
};

static void release(struct pam *p)
{
    if (!p->is_ended || p->is_busy)
        return;
    fh_wipe(p, sizeof *p);
    free(p);
}

static void tell(struct pam *p, const struct fh__pam_message *m)
{
    uint8_t bytes[FH__PAM_HEADER + FH__PAM_PAYLOAD_MAX];
    size_t len = fh__pam_write(m, bytes);

    if (p->helper && len > 0)
        fh__helper_write(p->helper, bytes, len);
    fh_wipe(bytes, sizeof bytes);
}

/* Says no, whatever was being waited for; once. */
static void fail(struct pam *p, const char *reason)
{
    enum state state = p->state;

    if (p->helper)
        fh__helper_forget(p->helper, 0);
    p->helper = NULL;
    p->state = DECIDED;
    if (p->is_ended)
        return;
    if (state == AUTHENTICATING || state == ASKING)
        p->base.events->decided(p->base.user, &(struct fh__verdict){.reason = reason});
    else if (state == OPENING)
        p->base.events->opened(p->base.user, false);
}

/* ---- from the helper ---- */

static void on_ask(struct pam *p, const struct fh__pam_message *m)
{
    bool has_prompts = false;

    for (size_t i = 0; i < m->n_items; i++)
        has_prompts |= m->items[i].kind == FH_KIND_PROMPT;
    if (p->state != AUTHENTICATING && (p->state != OPENING || has_prompts)) {
        fail(p, fh__pam_outcome_name(FH__PAM_IS_FAILED));
        return;
    }
    if (has_prompts)
        p->state = ASKING;
    p->base.events->ask(p->base.user, m->items, m->n_items);
}

static void on_result(struct pam *p, const struct fh__pam_message *m)
{
    struct fh__verdict v = {.is_right = m->outcome == FH__PAM_IS_RIGHT,
                            .reason = fh__pam_outcome_name(m->outcome)};

    if (p->state != AUTHENTICATING) {
        fail(p, fh__pam_outcome_name(FH__PAM_IS_FAILED));
        return;
    }
    if (!v.is_right)
        fh__log(m->outcome == FH__PAM_IS_FAILED ? FH__LOG_ERROR : FH__LOG_INFO, "PAM about %s: %s",
                p->user, m->words);
    p->state = DECIDED;
    p->base.events->decided(p->base.user, &v);
}

static void on_opened(struct pam *p, const struct fh__pam_message *m)
{
    if (p->state != OPENING || m->outcome != FH__PAM_IS_RIGHT) {
        fh__log(FH__LOG_ERROR, "PAM does not open a session: %s", m->words);
        fail(p, fh__pam_outcome_name(FH__PAM_IS_SESSION));
        return;
    }
    p->state = OPEN;
    p->base.events->opened(p->base.user, true);
}

static void on_message(struct pam *p, size_t len)
{
    struct fh__pam_message m;

    if (!fh__pam_read(p->in[0], p->in + FH__PAM_HEADER, len, &m))
        fail(p, fh__pam_outcome_name(FH__PAM_IS_FAILED));
    else if (m.type == FH__PAM_ASK)
        on_ask(p, &m);
    else if (m.type == FH__PAM_RESULT)
        on_result(p, &m);
    else if (m.type == FH__PAM_OPENED)
        on_opened(p, &m);
    else
        fail(p, fh__pam_outcome_name(FH__PAM_IS_FAILED));
}

/* How many bytes the message at the beginning has; 0: it is not whole, -1: it never will be. */
static int whole(const struct pam *p)
{
    int len = p->len < FH__PAM_HEADER ? 0 : fh__pam_read_header(p->in);

    if (len < 0)
        return -1;
    return p->len < FH__PAM_HEADER + (size_t)len ? 0 : FH__PAM_HEADER + len;
}

static void on_said(void *user, const uint8_t *data, size_t len)
{
    struct pam *p = user;

    p->is_busy = true;
    while (len > 0 && p->helper) {
        size_t room = sizeof p->in - p->len, take = len < room ? len : room;
        int n;

        memcpy(p->in + p->len, data, take);
        p->len += take;
        data += take;
        len -= take;
        while (p->helper && (n = whole(p)) != 0) {
            if (n < 0) {
                fail(p, fh__pam_outcome_name(FH__PAM_IS_FAILED));
                break;
            }
            on_message(p, (size_t)n - FH__PAM_HEADER);
            p->len -= (size_t)n;
            memmove(p->in, p->in + n, p->len);
        }
    }
    p->is_busy = false;
    release(p);
}

static void on_ended(void *user, int status)
{
    struct pam *p = user;

    (void)status;
    p->helper = NULL;
    p->is_busy = true;
    if (p->state == OPEN)
        fh__log(FH__LOG_WARNING, "the PAM helper of a session ended before it");
    fail(p, fh__pam_outcome_name(FH__PAM_IS_FAILED));
    p->is_busy = false;
    release(p);
}

/* ---- from who asked ---- */

static void answer(struct fh__dialogue *d, const struct fh_item *items, size_t n)
{
    struct pam *p = (struct pam *)d;
    struct fh__pam_message m = {.type = FH__PAM_ANSWERS, .n_items = n};

    if (p->state != ASKING || n > FH_AUTH_ITEMS_MAX)
        return;
    p->state = AUTHENTICATING;
    memcpy(m.items, items, n * sizeof *items);
    tell(p, &m);
}

static bool open_session(struct fh__dialogue *d)
{
    struct pam *p = (struct pam *)d;

    if (!p->helper || p->state != DECIDED)
        return false;
    p->state = OPENING;
    tell(p, &(struct fh__pam_message){.type = FH__PAM_OPEN});
    return true;
}

static void end(struct fh__dialogue *d)
{
    struct pam *p = (struct pam *)d;
    bool has_session = p->state == OPENING || p->state == OPEN;

    if (p->helper)
        fh__helper_forget(p->helper, has_session || p->state == DECIDED ? CLOSE_MS : 0);
    p->helper = NULL;
    p->is_ended = true;
    release(p);
}

static void start_message(const char *service, const struct fh__dialogue_facts *facts,
                          struct fh__pam_message *out)
{
    *out = (struct fh__pam_message){.type = FH__PAM_START};
    snprintf(out->start.service, sizeof out->start.service, "%s", service);
    snprintf(out->start.user, sizeof out->start.user, "%s", facts->user);
    snprintf(out->start.host, sizeof out->start.host, "%s", facts->ip);
    snprintf(out->start.terminal, sizeof out->start.terminal, "vnc");
}

struct fh__dialogue *fh__pam_start(uv_loop_t *loop, const char *service,
                                   const struct fh__dialogue_facts *facts,
                                   const struct fh__dialogue_events *events, void *user)
{
    static const struct fh__dialogue_ops ops = {answer, open_session, end};
    static const struct fh__helper_events helper_events = {on_said, on_ended};
    static char word[] = "pam";
    char *const argv[] = {word, NULL};
    struct pam *p = calloc(1, sizeof *p);
    struct fh__pam_message m;

    if (!p)
        return NULL;
    p->base = (struct fh__dialogue){.ops = &ops, .events = events, .user = user};
    snprintf(p->user, sizeof p->user, "%s", facts->user);
    p->helper = fh__helper_start(loop, argv, &helper_events, p);
    if (!p->helper) {
        free(p);
        return NULL;
    }
    start_message(service, facts, &m);
    tell(p, &m);
    return &p->base;
}
