/* SPDX-License-Identifier: MIT */
#include "approval.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <farhand/permissions.h>

void fh__approvals_open(struct fh__approvals *a, uv_loop_t *loop, unsigned timeout_s)
{
    *a = (struct fh__approvals){.loop = loop, .timeout_s = timeout_s};
    uv_timer_init(loop, &a->timer);
    uv_unref((uv_handle_t *)&a->timer);
    a->timer.data = a;
    a->is_open = true;
}

/* Takes body. */
static unsigned tell(struct fh__approvals *a, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;
    unsigned n = 0;

    json_decref(body);
    if (text && a->tell) {
        text[len] = '\n'; /* in the place of NUL */
        n = a->tell(a->tell_user, text, len + 1);
    }
    free(text);
    return n;
}

static void withdraw(struct fh__approvals *a, uint64_t id)
{
    (void)tell(a, json_pack("{s:I}", "withdrawn", (json_int_t)id));
}

/* The slot is free before the answer is told, so that a second answer finds nothing. */
static void answer(struct fh__approval *q, uint32_t permissions, const char *why)
{
    const struct fh__approval was = *q;

    *q = (struct fh__approval){0};
    was.done(was.user, permissions, why);
}

static void on_timer(uv_timer_t *timer);

static void wait_for_next(struct fh__approvals *a)
{
    uint64_t next = UINT64_MAX, now = uv_now(a->loop);

    for (size_t i = 0; i < FH__APPROVALS_MAX; i++)
        if (a->table[i].id != 0 && a->table[i].until_ms < next)
            next = a->table[i].until_ms;
    if (next == UINT64_MAX)
        uv_timer_stop(&a->timer);
    else
        uv_timer_start(&a->timer, on_timer, next > now ? next - now : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct fh__approvals *a = timer->data;

    for (size_t i = 0; i < FH__APPROVALS_MAX; i++) {
        if (a->table[i].id == 0 || a->table[i].until_ms > uv_now(a->loop))
            continue;
        withdraw(a, a->table[i].id);
        answer(&a->table[i], FH_PERM_NONE, "not-answered");
    }
    wait_for_next(a);
}

static json_t *question(const struct fh__approvals *a, uint64_t id,
                        const struct fh__approval_facts *facts)
{
    static const char digits[] = "0123456789abcdef";
    char fingerprint[65] = "", permissions[200];

    for (size_t i = 0; i < 32; i++) {
        fingerprint[2 * i] = digits[facts->fingerprint[i] >> 4];
        fingerprint[2 * i + 1] = digits[facts->fingerprint[i] & 15];
    }
    fh_permissions_format(facts->permissions, permissions, sizeof permissions);
    return json_pack("{s:{s:I,s:s,s:s,s:s,s:s,s:s,s:i}}", "ask", "id", (json_int_t)id, "peer",
                     facts->peer, "path", facts->path, "user", facts->name, "fingerprint",
                     fingerprint, "permissions", permissions, "seconds", (int)a->timeout_s);
}

static struct fh__approval *free_slot(struct fh__approvals *a)
{
    for (size_t i = 0; i < FH__APPROVALS_MAX; i++)
        if (a->table[i].id == 0)
            return &a->table[i];
    return NULL;
}

void fh__approvals_ask(struct fh__approvals *a, const struct fh__approval_facts *facts,
                       fh__approval_fn done, void *user)
{
    struct fh__approval *q = free_slot(a);

    if (!q) {
        done(user, FH_PERM_NONE, "too-many-questions");
        return;
    }
    *q = (struct fh__approval){.id = ++a->last_id,
                               .until_ms = uv_now(a->loop) + (uint64_t)a->timeout_s * 1000,
                               .done = done,
                               .user = user};
    if (tell(a, question(a, q->id, facts)) == 0)
        answer(q, FH_PERM_NONE, "nobody-to-ask");
    wait_for_next(a);
}

void fh__approvals_forget(struct fh__approvals *a, const void *user)
{
    for (size_t i = 0; i < FH__APPROVALS_MAX; i++) {
        if (a->table[i].id == 0 || a->table[i].user != user)
            continue;
        withdraw(a, a->table[i].id);
        a->table[i] = (struct fh__approval){0};
    }
    if (a->is_open)
        wait_for_next(a);
}

bool fh__approvals_answer(struct fh__approvals *a, uint64_t id, uint32_t permissions)
{
    for (size_t i = 0; i < FH__APPROVALS_MAX; i++) {
        if (id == 0 || a->table[i].id != id)
            continue;
        withdraw(a, id);
        answer(&a->table[i], permissions, permissions ? "approved" : "rejected");
        wait_for_next(a);
        return true;
    }
    return false;
}

void fh__approvals_reject_all(struct fh__approvals *a)
{
    if (!a->is_open)
        return;
    for (size_t i = 0; i < FH__APPROVALS_MAX; i++)
        if (a->table[i].id != 0)
            answer(&a->table[i], FH_PERM_NONE, "nobody-to-ask");
    wait_for_next(a);
}

void fh__approvals_close(struct fh__approvals *a)
{
    if (!a->is_open)
        return;
    a->is_open = false;
    memset(a->table, 0, sizeof a->table);
    uv_close((uv_handle_t *)&a->timer, NULL);
}
