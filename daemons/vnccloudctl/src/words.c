/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The object and the last part of its member: "access.groups" is groups of access. */
static json_t *place(json_t *body, const char **member)
{
    const char *dot = strchr(*member, '.');
    char outer[32];
    json_t *o;

    if (!dot)
        return body;
    snprintf(outer, sizeof outer, "%.*s", (int)(dot - *member), *member);
    *member = dot + 1;
    if (!(o = json_object_get(body, outer)))
        json_object_set_new(body, outer, o = json_object());
    return o;
}

static json_t *read_list(const char *text)
{
    json_t *array = json_array();

    while (*text) {
        size_t len = strcspn(text, ",");

        json_array_append_new(array, json_stringn(text, len));
        text += len + (text[len] == ',');
    }
    return array;
}

static json_t *read_number(const char *text, const char *suffixes, const json_int_t *factors)
{
    json_int_t v = 0;
    const char *suffix;

    if (*text < '0' || *text > '9')
        return NULL;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (v > 1000000000000000)
            return NULL;
        v = v * 10 + (*text - '0');
    }
    if (!*text)
        return json_integer(v);
    if (!(suffix = strchr(suffixes, *text)) || text[1])
        return NULL;
    return json_integer(v * factors[suffix - suffixes]);
}

static json_t *read_value(const struct fh__word *w, const char *text)
{
    static const json_int_t bytes[] = {1000, 1000000, 1000000000};
    static const json_int_t seconds[] = {1, 60, 3600, 86400};

    switch (w->kind) {
    case FH__WORD_TEXT:
        return json_string(text);
    case FH__WORD_LIST:
        return read_list(text);
    case FH__WORD_NUMBER:
        return read_number(text, "kMG", bytes);
    case FH__WORD_DURATION:
        return strcmp(text, "never") == 0 ? json_null() : read_number(text, "smhd", seconds);
    case FH__WORD_COUNT:
        return strcmp(text, "any") == 0 ? json_null() : read_number(text, "", bytes);
    case FH__WORD_TRUE:
        return json_true();
    case FH__WORD_FALSE:
        return json_false();
    case FH__WORD_ITEM:
        break;
    }
    return json_string(w->item);
}

static bool has_value(const struct fh__word *w)
{
    return w->kind != FH__WORD_TRUE && w->kind != FH__WORD_FALSE && w->kind != FH__WORD_ITEM;
}

static const struct fh__word *find(const struct fh__word *options, const char *word)
{
    size_t len = strcspn(word, "=");

    for (; options->name; options++)
        if (strlen(options->name) == len && memcmp(options->name, word, len) == 0)
            return options;
    return NULL;
}

static void put(const struct fh__word *w, json_t *body, json_t *value)
{
    const char *member = w->member;
    json_t *o = place(body, &member), *list;

    if (w->kind != FH__WORD_ITEM) {
        json_object_set_new(o, member, value);
        return;
    }
    if (!(list = json_object_get(o, member)))
        json_object_set_new(o, member, list = json_array());
    json_array_append_new(list, value);
}

int fh__words_read(const struct fh__word *options, char *const *words, int n, json_t *body,
                   char *why, size_t room)
{
    for (int i = 0; i < n; i++) {
        const struct fh__word *w =
            strncmp(words[i], "--", 2) == 0 ? find(options, words[i] + 2) : NULL;
        const char *text = strchr(words[i], '=');
        json_t *value;

        if (!w) {
            snprintf(why, room, "%s: not expected here", words[i]);
            return -1;
        }
        text = text ? text + 1 : NULL;
        if (has_value(w) && !text)
            text = ++i < n ? words[i] : NULL;
        if (has_value(w) != (text != NULL) || !(value = read_value(w, text ? text : ""))) {
            snprintf(why, room, "--%s: expected %s value", w->name,
                     has_value(w) ? "another" : "no");
            return -1;
        }
        put(w, body, value);
    }
    return 0;
}
