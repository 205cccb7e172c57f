/* SPDX-License-Identifier: MIT */
#include "show.h"

#include <stdio.h>
#include <string.h>

#include "utf8.h"

/*
 * What a client calls itself, and labels, were written by others: what would move the cursor or
 * hide its neighbours becomes '?'. Padded to width; a longer text keeps its length.
 */
static void put_clean(const char *text, int width)
{
    size_t left = strlen(text), n;
    uint32_t c;
    int shown = 0;

    for (; left > 0; text += n, left -= n, shown++) {
        n = utf8_next(text, left, &c);
        if (n == 0 || utf8_is_control(c) || utf8_is_deceptive(c)) {
            n = n ? n : 1;
            putchar('?');
        } else {
            fwrite(text, 1, n, stdout);
        }
    }
    for (; shown < width; shown++)
        putchar(' ');
}

/* A value as one text: lists with commas, objects as JSON. Cut to room. */
static void text_of(const json_t *v, char *out, size_t room)
{
    const json_t *item;
    size_t i, n = 0;
    char piece[512];

    out[0] = '\0';
    if (json_is_string(v)) {
        snprintf(out, room, "%s", json_string_value(v));
    } else if (json_is_integer(v)) {
        snprintf(out, room, "%lld", (long long)json_integer_value(v));
    } else if (json_is_boolean(v)) {
        snprintf(out, room, "%s", json_is_true(v) ? "yes" : "no");
    } else if (!v || json_is_null(v)) {
        snprintf(out, room, "-");
    } else if (json_is_object(v)) {
        n = json_dumpb(v, out, room - 1, JSON_COMPACT | JSON_ENSURE_ASCII);
        out[n < room - 1 ? n : room - 1] = '\0';
    } else {
        json_array_foreach(v, i, item)
        {
            text_of(item, piece, sizeof piece);
            if (n < room)
                n += (size_t)snprintf(out + n, room - n, "%s%s", i ? "," : "", piece);
        }
        if (json_array_size(v) == 0)
            snprintf(out, room, "-");
    }
}

void fh__show_head(const struct fh__column *columns)
{
    for (; columns->title; columns++)
        printf("%-*s%s", columns->width, columns->title, columns[1].title ? "  " : "\n");
}

void fh__show_rows(const struct fh__column *columns, const json_t *items)
{
    const json_t *item;
    char text[4096] = "";
    size_t i;

    json_array_foreach(items, i, item)
    {
        for (const struct fh__column *c = columns; c->title; c++) {
            text_of(json_object_get(item, c->member), text, sizeof text);
            put_clean(text, c->width);
            printf("%s", c[1].title ? "  " : "\n");
        }
    }
}

void fh__show_object(const json_t *object)
{
    const char *key;
    json_t *value;
    char text[4096] = "";

    json_object_foreach((json_t *)object, key, value)
    {
        text_of(value, text, sizeof text);
        put_clean(key, 0);
        printf(": ");
        put_clean(text, 0);
        putchar('\n');
    }
}

void fh__show_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
}
