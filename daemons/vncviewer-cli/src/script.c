/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "script.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRIPT_MAX = 1 << 20, DEPTH_MAX = 8, STEPS_MAX = 100000 };

/* Words of one source, with the line each stands on (0 on the command line). */
struct words {
    char **words;
    unsigned *lines;
    size_t n, cap;
    const char *file;
};

struct parser {
    struct script *script;
    unsigned depth;
    char *why;
    size_t room;
};

static int add_words(struct parser *p, const struct words *w);

static void *grow(void *mem, size_t *cap, size_t size)
{
    size_t more = *cap ? 2 * *cap : 16;
    void *fresh = realloc(mem, more * size);

    if (fresh)
        *cap = more;
    return fresh;
}

/* The script frees text; NULL if there was no memory (then text is freed). */
static char *keep(struct script *s, char *text)
{
    if (text && s->n_texts == s->cap_texts) {
        char **texts = grow(s->texts, &s->cap_texts, sizeof *texts);

        if (!texts) {
            free(text);
            return NULL;
        }
        s->texts = texts;
    }
    if (text)
        s->texts[s->n_texts++] = text;
    return text;
}

static int no_memory(struct parser *p)
{
    snprintf(p->why, p->room, "out of memory");
    return -1;
}

static struct step *new_step(struct script *s)
{
    if (s->n_steps == s->cap_steps) {
        struct step *steps = grow(s->steps, &s->cap_steps, sizeof *steps);

        if (!steps)
            return NULL;
        s->steps = steps;
    }
    return &s->steps[s->n_steps];
}

static const struct command *find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static char *place(const struct words *w, size_t i)
{
    size_t room = w->file ? strlen(w->file) + 16 : 1;
    char *text = malloc(room);

    if (text && w->file)
        snprintf(text, room, "%s:%u", w->file, w->lines[i]);
    else if (text)
        *text = '\0';
    return text;
}

/* Puts "FILE:LINE: " before what p->why says. */
static int fail_at(struct parser *p, const struct words *w, size_t i)
{
    char message[512];

    if (w->file) {
        snprintf(message, sizeof message, "%s", p->why);
        snprintf(p->why, p->room, "%s:%u: %s", w->file, w->lines[i], message);
    }
    return -1;
}

/* ---- files ---------------------------------------------------------------------------------- */

static char *read_stream(FILE *f, size_t *len)
{
    char *text = malloc(SCRIPT_MAX + 1);

    if (!text)
        return NULL;
    *len = fread(text, 1, SCRIPT_MAX + 1, f);
    if (*len > SCRIPT_MAX || ferror(f)) {
        errno = *len > SCRIPT_MAX ? EFBIG : errno;
        free(text);
        return NULL;
    }
    text[*len] = '\0';
    return text;
}

static char *read_file(const char *path, size_t *len)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *text = f ? read_stream(f, len) : NULL;
    int saved = errno;

    if (f && f != stdin)
        fclose(f);
    errno = saved;
    return text;
}

static int add_word(struct words *w, char *word, unsigned line)
{
    if (w->n == w->cap) {
        size_t cap = w->cap;
        char **words = grow(w->words, &cap, sizeof *words);
        unsigned *lines;

        if (!words)
            return -1;
        w->words = words;
        lines = realloc(w->lines, cap * sizeof *lines);
        if (!lines)
            return -1;
        w->lines = lines;
        w->cap = cap;
    }
    w->words[w->n] = word;
    w->lines[w->n++] = line;
    return 0;
}

/* One word in place, as a shell would read it: '...', "...", \c. NULL if a quote is not closed. */
static char *read_word(char **text, unsigned *line)
{
    char *p = *text, *out = p, quote = '\0';

    for (; *p && (quote || !strchr(" \t\r\n", *p)); p++) {
        *line += *p == '\n';
        if (quote ? *p == quote : *p == '"' || *p == '\'')
            quote = quote ? '\0' : *p;
        else if (*p == '\\' && quote != '\'' && p[1])
            *out++ = *++p == 'n' ? '\n' : *p == 't' ? '\t' : *p;
        else
            *out++ = *p;
    }
    if (quote)
        return NULL;
    if (*p) {
        *line += *p == '\n';
        p++;
    }
    *out = '\0';
    *text = p;
    return out;
}

/* Splits text, which is changed, into words. '#' at the begin of a word starts a comment. */
static int split(struct words *w, char *text, struct parser *p)
{
    unsigned line = 1;

    while (*text) {
        char *word = text;
        unsigned at = line;

        if (*text == '#') {
            text += strcspn(text, "\n");
        } else if (strchr(" \t\r\n", *text)) {
            line += *text++ == '\n';
        } else if (!read_word(&text, &line)) {
            snprintf(p->why, p->room, "%s:%u: a quote is not closed", w->file, at);
            return -1;
        } else if (add_word(w, word, at) != 0) {
            return no_memory(p);
        }
    }
    return 0;
}

static int add_file(struct parser *p, const char *path)
{
    struct words w = {.file = strcmp(path, "-") == 0 ? "standard input" : path};
    size_t len = 0;
    char *text;
    int ret = -1;

    if (++p->depth > DEPTH_MAX) {
        snprintf(p->why, p->room, "run: scripts nest deeper than %d", DEPTH_MAX);
        return -1;
    }
    text = keep(p->script, read_file(path, &len));
    if (!text)
        snprintf(p->why, p->room, "run: %s: %s", path, strerror(errno));
    else if (strlen(text) != len)
        snprintf(p->why, p->room, "run: %s: a NUL byte in a script", path);
    else if (split(&w, text, p) == 0)
        ret = add_words(p, &w);
    free(w.words);
    free(w.lines);
    p->depth--;
    return ret;
}

/* ---- commands ------------------------------------------------------------------------------- */

static int add_command(struct parser *p, const struct words *w, size_t i)
{
    const struct command *c = find(w->words[i]);
    struct step *s = new_step(p->script);

    if (!s)
        return no_memory(p);
    *s = (struct step){.command = c, .where = keep(p->script, place(w, i))};
    if (!s->where)
        return no_memory(p);
    for (int arg = 0; arg < c->n_args; arg++)
        s->args[arg] = w->words[i + 1 + (size_t)arg];
    if (c->check && c->check(s, p->why, p->room) != 0)
        return fail_at(p, w, i);
    if (p->script->n_steps++ == STEPS_MAX) {
        snprintf(p->why, p->room, "more than %d commands", STEPS_MAX);
        return -1;
    }
    return 0;
}

static int add_words(struct parser *p, const struct words *w)
{
    for (size_t i = 0; i < w->n;) {
        bool is_run = strcmp(w->words[i], "run") == 0;
        const struct command *c = find(w->words[i]);
        size_t n_args = is_run ? 1 : c ? (size_t)c->n_args : 0;

        if (!c && !is_run) {
            snprintf(p->why, p->room, "\"%s\" is no command; --help lists them", w->words[i]);
            return fail_at(p, w, i);
        }
        if (w->n - i - 1 < n_args) {
            snprintf(p->why, p->room, "%s: arguments are missing: %s", w->words[i],
                     is_run ? "SCRIPT" : c->args);
            return fail_at(p, w, i);
        }
        if (is_run ? add_file(p, w->words[i + 1]) != 0 : add_command(p, w, i) != 0)
            return -1;
        i += 1 + n_args;
    }
    return 0;
}

int script_parse(struct script *s, int n_words, char **words, char *why, size_t room)
{
    struct parser p = {.script = s, .why = why, .room = room};
    const struct words w = {.words = words, .n = (size_t)n_words};

    return add_words(&p, &w);
}

void script_free(struct script *s)
{
    for (size_t i = 0; i < s->n_texts; i++)
        free(s->texts[i]);
    free(s->texts);
    free(s->steps);
    *s = (struct script){0};
}
