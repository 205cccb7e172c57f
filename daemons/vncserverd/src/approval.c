/* SPDX-License-Identifier: MIT */
#include "approval.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <farhand/permissions.h>

#include "log.h"

void fh__approvals_open(struct fh__approvals *a, uv_loop_t *loop, const struct fh__config *cfg,
                        const struct fh__seat *seat, bool has_desktop)
{
    *a = (struct fh__approvals){.loop = loop, .cfg = cfg, .seat = seat, .has_desktop = has_desktop};
    uv_timer_init(loop, &a->timer);
    uv_unref((uv_handle_t *)&a->timer);
    a->timer.data = a;
    a->is_open = true;
}

/* A line of JSON, to be freed; NULL: no memory. Takes body. */
static char *line_of(json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL, *line;
    size_t len = text ? strlen(text) : 0;

    json_decref(body);
    line = text ? realloc(text, len + 2) : NULL;
    if (!line)
        free(text);
    else
        memcpy(line + len, "\n", 2);
    return line;
}

static unsigned tell(struct fh__approvals *a, const char *line)
{
    return line && a->tell ? a->tell(a->tell_user, line, strlen(line)) : 0;
}

static void hold(struct fh__approvals *a)
{
    bool is_held = false;

    for (size_t i = 0; i < FH__APPROVALS_MAX; i++)
        is_held |= a->table[i].window.attendant != NULL;
    if (is_held == a->is_held)
        return;
    a->is_held = is_held;
    if (a->hold)
        a->hold(a->hold_user, is_held);
}

static void open_next(struct fh__approvals *a);

/* Nobody is asked any more, and the slot is free. */
static void settle(struct fh__approval *q)
{
    struct fh__approvals *a = q->in;
    char *line = line_of(json_pack("{s:I}", "withdrawn", (json_int_t)q->id));

    fh__attendant_stop(q->presence.attendant, 0);
    fh__attendant_stop(q->window.attendant, FH__ATTENDANT_END_MS);
    fh__attendant_stop(q->command.attendant, FH__ATTENDANT_END_MS);
    json_decref(q->question);
    *q = (struct fh__approval){0};
    (void)tell(a, line);
    free(line);
    if (a->is_open)
        open_next(a);
    hold(a);
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

/* The slot is free before the answer is told, so that a second answer finds nothing. */
static void answer(struct fh__approval *q, uint32_t permissions, const char *why)
{
    struct fh__approvals *a = q->in;
    const fh__approval_fn done = q->done;
    void *user = q->user;

    settle(q);
    wait_for_next(a);
    done(user, permissions, why);
}

static void on_timer(uv_timer_t *timer)
{
    struct fh__approvals *a = timer->data;

    for (size_t i = 0; i < FH__APPROVALS_MAX; i++)
        if (a->table[i].id != 0 && a->table[i].until_ms <= uv_now(a->loop))
            answer(&a->table[i], FH_PERM_NONE, "not-answered");
    wait_for_next(a);
}

static bool is_asked(const struct fh__approval *q)
{
    return q->presence.attendant || q->window.attendant || q->waits_for_window ||
           q->command.attendant || (q->in->tell && q->in->tell(q->in->tell_user, "", 0) > 0);
}

static void maybe_nobody(struct fh__approval *q)
{
    if (q->id != 0 && !is_asked(q))
        answer(q, FH_PERM_NONE, "nobody-to-ask");
}

/* ---- programs that are asked ---- */

static void on_answer(void *user, const char *line)
{
    struct fh__approver *who = user;
    uint32_t permissions;
    const char *bad;
    size_t bad_len;

    if (fh_permissions_parse(line, &permissions, &bad, &bad_len) == 0) {
        answer(who->of, permissions, permissions ? "approved" : "rejected");
        return;
    }
    who->has_babbled = true;
    fh__log(FH__LOG_WARNING, "\"%s\" is no answer to whether a viewer may come in", line);
}

static void on_window_ended(void *user, int status)
{
    struct fh__approver *who = user;

    struct fh__approvals *a = who->of->in;

    who->attendant = NULL;
    fh__log(FH__LOG_WARNING, "the window of a question ended without an answer, status %d", status);
    maybe_nobody(who->of);
    open_next(a);
    hold(a);
}

/* Status 126 and 127: a shell's for what could not be run at all. */
static void on_command_ended(void *user, int status)
{
    struct fh__approver *who = user;

    who->attendant = NULL;
    if (who->has_babbled || status < 0 || status == 126 || status == 127)
        maybe_nobody(who->of);
    else
        answer(who->of, status == 0 ? FH_PERM_ALL : FH_PERM_NONE,
               status == 0 ? "approved" : "rejected");
}

static const struct fh__attendant_ops window_ops = {on_answer, on_window_ended};
static const struct fh__attendant_ops command_ops = {on_answer, on_command_ended};

static void start(struct fh__approval *q, struct fh__approver *who, const char *command,
                  bool as_user, const struct fh__attendant_ops *ops)
{
    who->of = q;
    who->attendant = fh__attendant_start(q->in->loop, command, q->in->seat, as_user, ops, who);
}

/* The line of a question, with the time that is left. To be freed. */
static char *line_now(const struct fh__approval *q)
{
    uint64_t now = uv_now(q->in->loop), left = q->until_ms > now ? q->until_ms - now : 1;

    json_object_set_new(json_object_get(q->question, "ask"), "seconds",
                        json_integer((json_int_t)((left + 999) / 1000)));
    return line_of(json_incref(q->question));
}

static void open_window(struct fh__approval *q)
{
    char prompt[FH__SEAT_PATH], *line = line_now(q);

    q->waits_for_window = false;
    fh__attendant_prompt("ask", prompt);
    start(q, &q->window, prompt, true, &window_ops);
    if (line)
        fh__attendant_tell(q->window.attendant, line, strlen(line));
    free(line);
}

/* The one that waits longest for the window, if nobody has it. */
static void open_next(struct fh__approvals *a)
{
    struct fh__approval *next = NULL;

    for (size_t i = 0; i < FH__APPROVALS_MAX; i++) {
        struct fh__approval *q = &a->table[i];

        if (q->window.attendant)
            return;
        if (q->waits_for_window && (!next || q->id < next->id))
            next = q;
    }
    if (!next)
        return;
    open_window(next);
    maybe_nobody(next);
}

static void ask_all(struct fh__approval *q)
{
    struct fh__approvals *a = q->in;
    char *line = line_now(q);

    q->waits_for_window = a->cfg->has_dialog && a->has_desktop && a->seat->display[0];
    if (a->cfg->approve_command) {
        start(q, &q->command, a->cfg->approve_command, false, &command_ops);
        if (line)
            fh__attendant_tell(q->command.attendant, line, strlen(line));
    }
    (void)tell(a, line);
    free(line);
    open_next(a);
    hold(a);
    maybe_nobody(q);
}

/* ---- whether somebody is there ---- */

static void on_presence(void *user, const char *line)
{
    struct fh__approver *who = user;

    if (strcmp(line, "absent") == 0) {
        answer(who->of, FH_PERM_ALL, "nobody-present");
        return;
    }
    fh__attendant_stop(who->attendant, 0);
    who->attendant = NULL;
    ask_all(who->of);
}

/* Who cannot be seen may be there. */
static void on_presence_ended(void *user, int status)
{
    struct fh__approver *who = user;

    fh__log(FH__LOG_WARNING, "whether somebody is at the desktop is not known, status %d", status);
    who->attendant = NULL;
    ask_all(who->of);
}

static const struct fh__attendant_ops presence_ops = {on_presence, on_presence_ended};

static void look(struct fh__approval *q)
{
    struct fh__approvals *a = q->in;
    char prompt[FH__SEAT_PATH];
    char *line;

    if (!a->has_desktop || !a->seat->display[0]) {
        answer(q, FH_PERM_ALL, "nobody-present");
        return;
    }
    fh__attendant_prompt("presence", prompt);
    start(q, &q->presence, prompt, true, &presence_ops);
    line = line_of(
        json_pack("{s:i,s:s}", "idle", (int)a->cfg->approve_idle_s, "session", a->seat->session));
    if (line)
        fh__attendant_tell(q->presence.attendant, line, strlen(line));
    free(line);
    maybe_nobody(q);
}

/* ---- questions ---- */

static json_t *question(uint64_t id, const struct fh__approval_facts *facts)
{
    static const char digits[] = "0123456789abcdef";
    char fingerprint[65] = "", permissions[FH_PERMISSIONS_TEXT];

    for (size_t i = 0; facts->fingerprint && i < 32; i++) {
        fingerprint[2 * i] = digits[facts->fingerprint[i] >> 4];
        fingerprint[2 * i + 1] = digits[facts->fingerprint[i] & 15];
    }
    fh_permissions_format(facts->permissions, permissions, sizeof permissions);
    return json_pack("{s:{s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:i}}", "ask", "id", (json_int_t)id, "peer",
                     facts->peer, "path", facts->path, "cloud", facts->cloud, "user", facts->name,
                     "fingerprint", fingerprint, "permissions", permissions, "seconds", 0);
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
    json_t *body = q ? question(a->last_id + 1, facts) : NULL;

    if (!q || !body) {
        done(user, FH_PERM_NONE, q ? "internal" : "too-many-questions");
        return;
    }
    *q = (struct fh__approval){.in = a,
                               .id = ++a->last_id,
                               .until_ms =
                                   uv_now(a->loop) + (uint64_t)a->cfg->approve_timeout_s * 1000,
                               .question = body,
                               .done = done,
                               .user = user};
    wait_for_next(a);
    if (facts->only_if_present)
        look(q);
    else
        ask_all(q);
}

void fh__approvals_forget(struct fh__approvals *a, const void *user)
{
    for (size_t i = 0; i < FH__APPROVALS_MAX; i++)
        if (a->table[i].id != 0 && a->table[i].user == user)
            settle(&a->table[i]);
    if (a->is_open)
        wait_for_next(a);
}

bool fh__approvals_answer(struct fh__approvals *a, uint64_t id, uint32_t permissions)
{
    for (size_t i = 0; i < FH__APPROVALS_MAX; i++) {
        if (id == 0 || a->table[i].id != id)
            continue;
        answer(&a->table[i], permissions, permissions ? "approved" : "rejected");
        return true;
    }
    return false;
}

void fh__approvals_left(struct fh__approvals *a)
{
    for (size_t i = 0; a->is_open && i < FH__APPROVALS_MAX; i++)
        maybe_nobody(&a->table[i]);
}

void fh__approvals_close(struct fh__approvals *a)
{
    if (!a->is_open)
        return;
    a->is_open = false;
    a->hold = NULL;
    for (size_t i = 0; i < FH__APPROVALS_MAX; i++)
        if (a->table[i].id != 0)
            settle(&a->table[i]);
    uv_close((uv_handle_t *)&a->timer, NULL);
}
