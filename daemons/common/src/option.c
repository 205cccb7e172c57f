/* SPDX-License-Identifier: MIT */
/* option.c -- the values of options. */
#include "option.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

enum { PATH_ROOM = 4096 };

struct fh__settings *fh__settings_of(struct fh__config *c)
{
    return (struct fh__settings *)c;
}

struct fh__setting *fh__setting_of(struct fh__config *c, const struct fh__option *o)
{
    struct fh__settings *s = fh__settings_of(c);

    return &s->of[o - s->table->of];
}

static size_t *length_of(struct fh__config *c, const struct fh__option *o)
{
    return (size_t *)((char *)c + o->offset + o->max * sizeof(char *));
}

static void *at(struct fh__config *c, size_t offset)
{
    return (char *)c + offset;
}

/* ---- kinds of values ---- */

/* The text itself is kept by fh__option_set(). */
const char *fh__set_text(struct fh__config *c, const struct fh__option *o, const char *value)
{
    if (!*value)
        return "something that is not empty";
    *(const char **)at(c, o->offset) = value;
    return NULL;
}

const char *fh__set_path(struct fh__config *c, const struct fh__option *o, const char *value)
{
    return *value == '/' ? fh__set_text(c, o, value) : "a path that begins with /";
}

const char *fh__set_number(struct fh__config *c, const struct fh__option *o, const char *value)
{
    static char expected[48];
    unsigned long n = 0;
    const char *p;

    for (p = value; *p >= '0' && *p <= '9' && n <= o->max; p++)
        n = n * 10 + (unsigned long)(*p - '0');
    if (p == value || *p || n < o->min || n > o->max) {
        snprintf(expected, sizeof expected, "a number from %u to %u", o->min, o->max);
        return expected;
    }
    *(unsigned *)at(c, o->offset) = (unsigned)n;
    return NULL;
}

const char *fh__set_flag(struct fh__config *c, const struct fh__option *o, const char *value)
{
    bool yes = strcmp(value, "yes") == 0;

    if (!yes && strcmp(value, "no") != 0)
        return "yes or no";
    *(bool *)at(c, o->offset) = yes;
    return NULL;
}

const char *fh__set_level(struct fh__config *c, const struct fh__option *o, const char *value)
{
    return fh__log_parse_level(value, at(c, o->offset)) ? NULL
                                                        : "error, warning, notice, info or debug";
}

/* One of the words of the argument, stored as its place there. */
const char *fh__set_word(struct fh__config *c, const struct fh__option *o, const char *value)
{
    static char expected[120];
    const char *word = o->argument, *end;
    size_t len = strlen(value);
    unsigned i;

    for (i = 0;; i++, word = end + 1) {
        end = word + strcspn(word, "|");
        if ((size_t)(end - word) == len && memcmp(word, value, len) == 0)
            break;
        if (!*end) {
            snprintf(expected, sizeof expected, "one of %s", o->argument);
            return expected;
        }
    }
    *(unsigned *)at(c, o->offset) = i;
    return NULL;
}

const char *fh__option_append(struct fh__config *c, const struct fh__option *o, const char *value)
{
    static char expected[48];
    char **list = at(c, o->offset);
    size_t *n = length_of(c, o);

    if (*n == o->max) {
        snprintf(expected, sizeof expected, "at most %u of them", o->max);
        return expected;
    }
    if (!(list[*n] = strdup(value)))
        return "more memory than there is";
    ++*n;
    return NULL;
}

/* ---- options ---- */

const struct fh__option *fh__option_find(const struct fh__option_table *t, const char *name,
                                         size_t len)
{
    for (size_t i = 0; i < t->n; i++)
        if (strlen(t->of[i].name) == len && memcmp(t->of[i].name, name, len) == 0)
            return &t->of[i];
    return NULL;
}

bool fh__option_is_list(const struct fh__option *o)
{
    return o->min == FH__LIST;
}

bool fh__option_is_number(const struct fh__option *o)
{
    return o->set == fh__set_number;
}

bool fh__option_tightens(const struct fh__option *o)
{
    return fh__option_is_number(o) || (o->set == fh__set_word && o->max == FH__WORDS_TIGHTEN);
}

unsigned fh__option_rank(struct fh__config *c, const struct fh__option *o)
{
    return *(const unsigned *)at(c, o->offset);
}

void fh__option_clear(struct fh__config *c, const struct fh__option *o)
{
    struct fh__setting *s = fh__setting_of(c, o);
    char *member, **list = at(c, o->offset);

    while (fh__option_is_list(o) && *length_of(c, o) > 0)
        free(list[--*length_of(c, o)]);
    memcpy(&member, at(c, o->offset), sizeof member); /* if it is a text */
    if (s->text && member == s->text)
        memset(at(c, o->offset), 0, sizeof member);
    free(s->text);
    s->text = NULL;
    s->source = FH__FROM_DEFAULT;
    s->line = 0;
    s->is_locked = false;
}

/* text, or what a list has so far and text in a line of its own; NULL: no memory. */
static char *joined(const char *before, const char *text)
{
    size_t had = before ? strlen(before) + 1 : 0, len = strlen(text);
    char *out = malloc(had + len + 1);

    if (out && before)
        snprintf(out, had + 1, "%s\n", before);
    if (out)
        memcpy(out + had, text, len + 1);
    return out;
}

const char *fh__option_set(struct fh__config *c, const struct fh__option *o, const char *value,
                           enum fh__source source, unsigned line)
{
    struct fh__setting *s = fh__setting_of(c, o);
    bool is_list = fh__option_is_list(o);
    char *text = joined(is_list ? s->text : NULL, value);
    const char *expected =
        text ? o->set(c, o, is_list ? value : text) : "more memory than there is";

    if (expected) {
        free(text);
        return expected;
    }
    free(s->text);
    s->text = text;
    s->source = source;
    s->line = line;
    return NULL;
}

void fh__options_help(const struct fh__option_table *t)
{
    char left[40];

    for (const struct fh__option *o = t->of; o < t->of + t->n; o++) {
        snprintf(left, sizeof left, "--%s %s", o->name, o->argument ? o->argument : "");
        printf("  %-26s %s", left, o->help);
        if (o->fallback)
            printf(" (default: %s)", o->fallback);
        printf("\n");
    }
    printf("\nThe configuration file has the same names, without --, one \"name = value\" a line.\n"
           "See %s(8) and %s.conf(5).\n",
           t->program, t->program);
}

/* ---- all of them ---- */

void fh__settings_init(struct fh__config *c, const struct fh__option_table *t)
{
    fh__settings_of(c)->table = t;
    for (const struct fh__option *o = t->of; o < t->of + t->n; o++)
        if (o->fallback)
            (void)fh__option_set(c, o, o->fallback, FH__FROM_DEFAULT, 0);
}

void fh__settings_free(struct fh__config *c)
{
    struct fh__settings *s = fh__settings_of(c);

    for (size_t i = 0; s->table && i < s->table->n; i++)
        fh__option_clear(c, &s->table->of[i]);
    free(s->file);
    free(s->policy);
    s->file = s->policy = NULL;
}

int fh__settings_fill(struct fh__config *c, const char *name, const char *text,
                      enum fh__source source)
{
    const struct fh__option *o = fh__option_find(fh__settings_of(c)->table, name, strlen(name));

    if (fh__setting_of(c, o)->text)
        return 0;
    return fh__option_set(c, o, text, source, 0) ? -1 : 0;
}

int fh__settings_fill_file(struct fh__config *c, const char *name, const char *dir,
                           const char *file)
{
    char path[PATH_ROOM];

    snprintf(path, sizeof path, "%s/%s", dir, file);
    return fh__settings_fill(c, name, path, FH__FROM_DEFAULT);
}

void fh__directory(const char *program, const char *systemd, const char *system, const char *xdg,
                   const char *home, char *out, size_t room)
{
    const char *given = getenv(systemd), *base = getenv(xdg), *user_home = getenv("HOME");

    if (given && *given == '/')
        snprintf(out, room, "%.*s", (int)strcspn(given, ":"), given);
    else if (geteuid() == 0)
        snprintf(out, room, "%s/%s", system, program);
    else if (base && *base == '/')
        snprintf(out, room, "%s/%s", base, program);
    else
        snprintf(out, room, "%s/%s/%s", user_home && *user_home == '/' ? user_home : "", home,
                 program);
}
