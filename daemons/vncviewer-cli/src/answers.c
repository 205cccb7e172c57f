/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>

#include "terminal.h"

enum { QUESTION_MAX = 8192 };

int answers_given(struct answers *a, char *why, size_t room)
{
    char *env = getenv("FH_CODE");
    size_t len = env ? strlen(env) : 0;

    if (len > FH_AUTH_CODE_MAX) {
        snprintf(why, room, "FH_CODE: more than %d bytes", FH_AUTH_CODE_MAX);
        return -1;
    }
    if (!env)
        return 0;
    memcpy(a->code, env, len + 1);
    a->has_code = true;
    fh_wipe(env, len);
    unsetenv("FH_CODE");
    return 0;
}

/* What was given fits one question; a second one of its kind is for the person. */
static const char *take_given(struct answers *a, const struct fh_viewer_prompt *p)
{
    bool *has = p->kind == FH_KIND_CODE ? &a->has_code : &a->has_password;

    if (!*has || (p->kind == FH_KIND_PROMPT && p->echo))
        return NULL;
    *has = false;
    return p->kind == FH_KIND_CODE ? a->code : a->password;
}

static int ask(const struct fh_viewer_prompt *p, const char *name, char *out, size_t out_room,
               char *why, size_t room)
{
    bool is_code = p->kind == FH_KIND_CODE;
    size_t len = strlen(p->text);
    const char *gap = len > 0 && p->text[len - 1] == ' ' ? "" : " ";
    char question[QUESTION_MAX];
    int ret;

    if (is_code)
        snprintf(question, sizeof question, "%sOne-time code for %s: ", p->text, name);
    else
        snprintf(question, sizeof question, "%s asks: %s%s", name, p->text, gap);
    ret = terminal_ask(question, !is_code && !p->echo, out, out_room);
    if (ret == -1)
        snprintf(why, room, "the server asks %s%.200s%s; give %s, or run where there is a terminal",
                 is_code ? "a one-time code" : "\"", p->text, is_code ? "" : "\"",
                 is_code ? "FH_CODE" : "--password-file for a secret");
    return ret;
}

static int copy_given(const char *given, char *out, size_t room, char *why, size_t why_room)
{
    size_t len = strlen(given);

    if (len >= room) {
        snprintf(why, why_room, "the answer has %zu bytes; %zu is the most", len, room - 1);
        return -1;
    }
    memcpy(out, given, len + 1);
    return 0;
}

int answers_give(struct answers *a, struct fh_viewer_conn *conn, const char *name,
                 const struct fh_viewer_prompt *prompts, size_t n, char *why, size_t room)
{
    static char typed[FH_AUTH_ITEMS_MAX][FH_AUTH_ANSWER_MAX + 1];
    struct fh_item items[FH_AUTH_ITEMS_MAX];
    int ret = 0;

    for (size_t i = 0; i < n && ret == 0; i++) {
        const char *given = take_given(a, &prompts[i]);

        if (given)
            ret = copy_given(given, typed[i], sizeof typed[i], why, room);
        else
            ret = ask(&prompts[i], name, typed[i], sizeof typed[i], why, room);
        items[i] = (struct fh_item){prompts[i].kind, typed[i], strlen(typed[i])};
    }
    if (ret == 0 && fh_viewer_conn_answer(conn, items, n) != 0) {
        snprintf(why, room, "what was answered is too long for the server's question");
        ret = -1;
    }
    fh_wipe(typed, sizeof typed);
    return ret;
}
