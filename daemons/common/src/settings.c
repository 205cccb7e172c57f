/* SPDX-License-Identifier: MIT */
/* settings.c -- all options as they are in force: printed, and replaced by newer ones. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "log.h"
#include "option.h"

static const char *source_name(enum fh__source source)
{
    switch (source) {
    case FH__FROM_DEFAULT:
        return "default";
    case FH__FROM_ENVIRONMENT:
        return "environment";
    case FH__FROM_FILE:
        return "file";
    case FH__FROM_COMMAND_LINE:
        return "command line";
    case FH__FROM_POLICY:
        return "policy";
    }
    return "";
}

static const char *source_file(struct fh__config *c, enum fh__source source)
{
    if (source == FH__FROM_FILE)
        return fh__settings_of(c)->file;
    return source == FH__FROM_POLICY ? fh__settings_of(c)->policy : NULL;
}

/* ---- as a file ---- */

static void print_source(struct fh__config *c, const struct fh__setting *s, FILE *out)
{
    const char *file = source_file(c, s->source);

    if (file)
        fprintf(out, "# %s:%u%s\n", file, s->line, s->is_locked ? ", locked" : "");
    else
        fprintf(out, "# %s\n", source_name(s->source));
}

static void print_text(struct fh__config *c, const struct fh__option *o, FILE *out)
{
    const struct fh__setting *s = fh__setting_of(c, o);
    char escaped[4 * 1024];
    const char *line = s->text;
    size_t len;

    if (!line) {
        fprintf(out, "# not set\n#%s =\n", o->name);
        return;
    }
    print_source(c, s, out);
    for (;; line += len + 1) {
        len = fh__option_is_list(o) ? strcspn(line, "\n") : strlen(line);
        fh__log_escape(line, len, escaped, sizeof escaped);
        fprintf(out, "%s = %s\n", o->name, escaped);
        if (!line[len])
            break;
    }
}

/* ---- as JSON ---- */

static json_t *lines_of(const char *text)
{
    json_t *lines = json_array();
    size_t len;

    for (;; text += len + 1) {
        len = strcspn(text, "\n");
        json_array_append_new(lines, json_stringn(text, len));
        if (!text[len])
            return lines;
    }
}

/* The word or number of a bound. */
static json_t *bound_of(const struct fh__option *o, unsigned rank)
{
    const char *word = o->argument;

    if (fh__option_is_number(o))
        return json_integer(rank);
    while (rank-- > 0)
        word += strcspn(word, "|") + 1;
    return json_stringn(word, strcspn(word, "|"));
}

static json_t *json_of(struct fh__config *c, const struct fh__option *o)
{
    const struct fh__setting *s = fh__setting_of(c, o);
    const char *file = source_file(c, s->source);
    json_t *j = json_object();

    json_object_set_new(j, "name", json_string(o->name));
    json_object_set_new(j, "value",
                        !s->text                ? json_null()
                        : fh__option_is_list(o) ? lines_of(s->text)
                                                : json_string(s->text));
    json_object_set_new(j, "source", json_string(source_name(s->source)));
    if (file) {
        json_object_set_new(j, "file", json_string(file));
        json_object_set_new(j, "line", json_integer(s->line));
    }
    json_object_set_new(j, "locked", json_boolean(s->is_locked));
    if (s->has_at_least)
        json_object_set_new(j, "at-least", bound_of(o, s->at_least));
    if (s->has_at_most)
        json_object_set_new(j, "at-most", bound_of(o, s->at_most));
    json_object_set_new(j, "change",
                        json_string(o->use == FH__OPTION_RELOAD ? "reload" : "restart"));
    return j;
}

void fh__settings_print(struct fh__config *c, FILE *out, bool is_json)
{
    const struct fh__option_table *t = fh__settings_of(c)->table;
    json_t *all = is_json ? json_array() : NULL;
    size_t i;

    for (i = 0; i < t->n; i++) {
        if (t->of[i].use == FH__OPTION_CALL)
            continue;
        if (is_json)
            json_array_append_new(all, json_of(c, &t->of[i]));
        else
            print_text(c, &t->of[i], out);
    }
    if (!is_json)
        return;
    json_dumpf(all, out, JSON_INDENT(1));
    fputc('\n', out);
    json_decref(all);
}

/* ---- newer ones ---- */

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool take_lines(struct fh__config *c, const struct fh__option *o,
                       const struct fh__setting *from)
{
    char *text = strdup(from->text), *line = text, *end;
    bool is_good = text != NULL;

    while (is_good && line) {
        end = fh__option_is_list(o) ? strchr(line, '\n') : NULL;
        if (end)
            *end = '\0';
        is_good = !fh__option_set(c, o, line, from->source, from->line);
        line = end ? end + 1 : NULL;
    }
    free(text);
    return is_good;
}

static bool take(struct fh__config *c, const struct fh__option *o, const struct fh__setting *from)
{
    struct fh__setting *s = fh__setting_of(c, o);
    bool is_good;

    fh__option_clear(c, o);
    is_good = !from->text || take_lines(c, o, from);
    s->is_locked = from->is_locked;
    s->has_at_least = from->has_at_least;
    s->has_at_most = from->has_at_most;
    s->at_least = from->at_least;
    s->at_most = from->at_most;
    return is_good;
}

bool fh__settings_adopt(struct fh__config *c, struct fh__config *fresh,
                        void (*changed)(void *user, const char *name, bool is_taken), void *user)
{
    const struct fh__option_table *t = fh__settings_of(c)->table;
    size_t i;

    for (i = 0; i < t->n; i++) {
        const struct fh__option *o = &t->of[i];
        const struct fh__setting *is = fh__setting_of(c, o), *will = fh__setting_of(fresh, o);
        bool is_taken = o->use == FH__OPTION_RELOAD;

        if (o->use == FH__OPTION_CALL || is_same(is->text, will->text))
            continue;
        if (is_taken && !take(c, o, will))
            return false;
        changed(user, o->name, is_taken);
    }
    return true;
}
