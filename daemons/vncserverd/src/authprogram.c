/* SPDX-License-Identifier: MIT */
/* authprogram.c -- a program of the administrator's decides: lines of JSON both ways. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "authreply.h"
#include "dialogue.h"
#include "helper.h"
#include "log.h"

enum { VERSION = 1, SAID_MAX = 16384 /* bytes, in all */, ARGUMENTS_MAX = 30 };

enum state { DECIDING, ASKING, SAID, DECIDED };

struct authprogram {
    struct fh__dialogue base;
    struct fh__helper *helper; /* NULL: it ended */
    enum state state;
    bool is_ended; /* by who asked */
    bool is_busy;  /* in a callback: not to be freed */
    unsigned timeout_ms;
    char *path;                 /* and, behind NULs, its arguments */
    struct fh__authreply reply; /* the last */
    size_t n_said, len;
    char line[SAID_MAX];
};

static const char failed[] = "program-failed";

static void release(struct authprogram *p)
{
    if (!p->is_ended || p->is_busy)
        return;
    free(p->path);
    fh_wipe(p, sizeof *p);
    free(p);
}

static void decide(struct authprogram *p, const struct fh__verdict *v)
{
    enum state state = p->state;

    if (p->helper)
        fh__helper_forget(p->helper, 0);
    p->helper = NULL;
    p->state = DECIDED;
    if (!p->is_ended && state != DECIDED)
        p->base.events->decided(p->base.user, v);
}

static void fail(struct authprogram *p)
{
    decide(p, &(struct fh__verdict){.reason = failed});
}

/* Jansson copies texts as it builds and prints them: passwords are among these. */
static void wipe_and_free(void *mem)
{
    if (mem)
        fh_wipe(mem, malloc_usable_size(mem));
    free(mem);
}

/* Takes the object. */
static void tell(struct authprogram *p, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    if (text && p->helper) {
        fh__helper_write(p->helper, text, strlen(text));
        fh__helper_write(p->helper, "\n", 1);
        fh__helper_deadline(p->helper, p->timeout_ms);
    }
    wipe_and_free(text);
    json_decref(object);
}

/* ---- from the program ---- */

static void on_line(struct authprogram *p, size_t len)
{
    const char *expected = fh__authreply_read(p->line, len, &p->reply);

    if (p->state != DECIDING)
        expected = "nothing while an answer is awaited, or after the result";
    if (expected) {
        fh__log(FH__LOG_ERROR, "%s: expected %s", p->path, expected);
        fail(p);
    } else if (p->reply.what != FH__AUTHREPLY_ASK) {
        p->state = SAID;
        fh__helper_end_input(p->helper);
    } else {
        if (p->reply.n_prompts > 0) {
            p->state = ASKING;
            fh__helper_deadline(p->helper, 0); /* people take their time */
        }
        p->base.events->ask(p->base.user, p->reply.items, p->reply.n_items);
    }
}

static void on_said(void *user, const uint8_t *data, size_t len)
{
    struct authprogram *p = user;

    p->is_busy = true;
    for (size_t i = 0; i < len && p->helper; i++) {
        if (p->n_said == SAID_MAX) {
            fh__log(FH__LOG_ERROR, "%s: expected at most %d bytes from it", p->path, SAID_MAX);
            fail(p);
            break;
        }
        p->n_said++;
        if (data[i] == '\n') {
            on_line(p, p->len);
            p->len = 0;
        } else {
            p->line[p->len++] = (char)data[i];
        }
    }
    p->is_busy = false;
    release(p);
}

/* What it said counts only if it ended well: a script that fails half-way has decided nothing. */
static void on_ended(void *user, int status)
{
    struct authprogram *p = user;
    const struct fh__authreply *r = &p->reply;
    const struct fh__verdict v = {.is_right = r->what == FH__AUTHREPLY_ALLOW,
                                  .has_permissions = r->has_permissions,
                                  .permissions = r->permissions,
                                  .reason = r->reason};

    p->helper = NULL;
    p->is_busy = true;
    if (p->state == SAID && status == 0 && p->len == 0) {
        decide(p, &v);
    } else if (p->state != DECIDED) {
        if (status < 0)
            fh__log(FH__LOG_ERROR, "%s was killed: by a signal, or since it took too long",
                    p->path);
        else
            fh__log(FH__LOG_ERROR, "%s ended with status %d %s", p->path, status,
                    p->state == SAID ? "after its result" : "without a result");
        fail(p);
    }
    p->is_busy = false;
    release(p);
}

/* ---- from who asked ---- */

static void answer(struct fh__dialogue *d, const struct fh_item *items, size_t n)
{
    struct authprogram *p = (struct authprogram *)d;
    json_t *list = json_array();
    bool ok = list != NULL;

    if (p->state != ASKING) {
        json_decref(list);
        return;
    }
    p->state = DECIDING;
    /* What is not UTF-8 cannot be said in JSON: null, which is no answer to anything. */
    for (size_t i = 0; i < n && ok; i++) {
        json_t *text = json_stringn(items[i].data, items[i].len);

        ok = json_array_append_new(list, text ? text : json_null()) == 0;
    }
    tell(p, json_pack("{s:o}", "answers", list));
}

static bool open_session(struct fh__dialogue *d)
{
    d->events->opened(d->user, true);
    return true;
}

static void end(struct fh__dialogue *d)
{
    struct authprogram *p = (struct authprogram *)d;

    if (p->helper)
        fh__helper_forget(p->helper, 0);
    p->helper = NULL;
    p->is_ended = true;
    release(p);
}

static json_t *question(const struct fh__dialogue_facts *facts)
{
    char fingerprint[FH_FINGERPRINT_HEX] = "";
    json_t *object;

    if (facts->fingerprint)
        fh_fingerprint_to_hex(facts->fingerprint, fingerprint);
    object = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:i}", "version", VERSION, "user",
                       facts->user, "method", facts->method, "peer", facts->peer, "address",
                       facts->ip, "fingerprint", fingerprint, "connection",
                       (json_int_t)facts->connection, "attempt", (int)facts->attempt);
    if (object && facts->password) {
        json_t *password = json_stringn(facts->password, facts->password_len);

        json_object_set_new(object, "password", password ? password : json_null());
    }
    return object;
}

/* Words between spaces; nothing is quoted, so that nothing can be quoted wrongly. */
static void split(char *command, char **argv)
{
    static char word[] = "program";
    char *rest = NULL;
    size_t n = 1;

    argv[0] = word;
    for (char *p = strtok_r(command, " \t", &rest); p && n <= ARGUMENTS_MAX;
         p = strtok_r(NULL, " \t", &rest))
        argv[n++] = p;
    argv[n] = NULL;
}

struct fh__dialogue *fh__authprogram_start(uv_loop_t *loop, const char *program, unsigned timeout_s,
                                           const struct fh__dialogue_facts *facts,
                                           const struct fh__dialogue_events *events, void *user)
{
    static const struct fh__dialogue_ops ops = {answer, open_session, end};
    static const struct fh__helper_events helper_events = {on_said, on_ended};
    struct authprogram *p = calloc(1, sizeof *p);
    char *argv[ARGUMENTS_MAX + 2];

    if (!p || !(p->path = strdup(program))) {
        free(p);
        return NULL;
    }
    json_set_alloc_funcs(malloc, wipe_and_free);
    p->base = (struct fh__dialogue){.ops = &ops, .events = events, .user = user};
    p->timeout_ms = timeout_s * 1000;
    split(p->path, argv);
    p->helper = fh__helper_start(loop, argv, &helper_events, p);
    if (!p->helper) {
        free(p->path);
        free(p);
        return NULL;
    }
    tell(p, question(facts));
    return &p->base;
}
