/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool fh__lines_init(struct fh__lines *l)
{
    *l = (struct fh__lines){.text = malloc(FH__LINES_MAX)};
    return l->text != NULL;
}

void fh__lines_finish(struct fh__lines *l)
{
    free(l->text);
    *l = (struct fh__lines){0};
}

void fh__lines_read(struct fh__lines *l)
{
    ssize_t n;

    if (l->len == FH__LINES_MAX) { /* a line without an end */
        l->has_ended = true;
        return;
    }
    n = read(STDIN_FILENO, l->text + l->len, FH__LINES_MAX - l->len);
    if (n > 0)
        l->len += (size_t)n;
    else if (n == 0 || errno != EINTR)
        l->has_ended = true;
}

json_t *fh__lines_next(struct fh__lines *l)
{
    char *newline = memchr(l->text, '\n', l->len);
    size_t n = newline ? (size_t)(newline - l->text) : 0;
    json_t *object;

    if (!newline)
        return NULL;
    object = json_loadb(l->text, n, JSON_REJECT_DUPLICATES, NULL);
    l->len -= n + 1;
    memmove(l->text, newline + 1, l->len);
    if (json_is_object(object))
        return object;
    json_decref(object);
    l->has_ended = true;
    return NULL;
}

json_t *fh__lines_wait(struct fh__lines *l)
{
    json_t *object;

    while (!(object = fh__lines_next(l)) && !l->has_ended)
        fh__lines_read(l);
    return object;
}

const char *fh__text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

uint64_t fh__now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void fh__say(const char *line)
{
    puts(line);
    fflush(stdout);
}
