/* SPDX-License-Identifier: MIT */
#include "apijson.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "utf8.h"

/* jansson goes 2048 deep; nothing that we are told is. Strings are skipped. */
static bool is_too_deep(const char *p, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        if (in_string && p[i] == '\\')
            i++;
        else if (p[i] == '"')
            in_string = !in_string;
        else if (!in_string && (p[i] == '{' || p[i] == '[') && ++depth > FH__JSON_DEPTH)
            return true;
        else if (!in_string && (p[i] == '}' || p[i] == ']') && depth > 0)
            depth--;
    }
    return false;
}

json_t *fh__json_parse(const char *data, size_t len, char why[FH__WHY])
{
    json_error_t error;
    json_t *object;

    if (is_too_deep(data, len)) {
        snprintf(why, FH__WHY, "the body is nested deeper than %d", FH__JSON_DEPTH);
        return NULL;
    }
    if (!(object = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error))) {
        snprintf(why, FH__WHY, "the body is no JSON: line %d, column %d", error.line, error.column);
        return NULL;
    }
    if (!json_is_object(object)) {
        json_decref(object);
        snprintf(why, FH__WHY, "the body is no object");
        return NULL;
    }
    return object;
}

bool fh__json_has_only(const json_t *object, const char *const *names, char why[FH__WHY])
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;

        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (!names[i]) {
            snprintf(why, FH__WHY, "there is no member of this name: %.60s", key);
            return false;
        }
    }
    return true;
}

void fh__time_text(uint64_t utc_ms, char out[FH__TIME_TEXT])
{
    time_t t = (time_t)(utc_ms / 1000);
    struct tm tm = {0};

    gmtime_r(&t, &tm);
    snprintf(out, FH__TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
             (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100, (unsigned)(utc_ms % 1000));
}

json_t *fh__json_time(uint64_t utc_ms)
{
    char text[FH__TIME_TEXT];

    if (utc_ms == 0)
        return json_null();
    fh__time_text(utc_ms, text);
    return json_string(text);
}

json_t *fh__json_hex(const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char text[65];

    if (len > 32)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    return json_stringn(text, 2 * len);
}

bool fh__hex_read(const char *text, uint8_t *out, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    if (strlen(text) != 2 * len)
        return false;
    for (size_t i = 0; i < 2 * len; i++) {
        const char *d = strchr(digits, text[i]);

        if (!d)
            return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? (d - digits) << 4 : out[i / 2] | (d - digits));
    }
    return true;
}

json_t *fh__json_names(const struct fh__names *l)
{
    json_t *array = json_array();
    size_t at = 0, len;
    const char *name;

    while ((name = fh__names_next(l, &at, &len)) != NULL)
        json_array_append_new(array, json_stringn(name, len));
    return array;
}

/* ---- taken ---- */

static bool is_clean(const char *p, size_t len)
{
    uint32_t c;
    size_t n;

    for (; len > 0; p += n, len -= n)
        if ((n = utf8_next(p, len, &c)) == 0 || utf8_is_control(c) || utf8_is_deceptive(c))
            return false;
    return true;
}

int fh__json_read_text(const json_t *value, const char *what, size_t least, char *out, size_t room,
                       char why[FH__WHY])
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);

    if (!text || len < least || len >= room || !is_clean(text, len)) {
        snprintf(why, FH__WHY, "%s: expected a text of %zu to %zu bytes without control characters",
                 what, least, room - 1);
        return -1;
    }
    memcpy(out, text, len + 1);
    return 0;
}

int fh__json_read_number(const json_t *value, const char *what, int64_t min, int64_t max,
                         int64_t *out, char why[FH__WHY])
{
    json_int_t v = json_integer_value(value);

    if (!json_is_integer(value) || v < min || v > max) {
        snprintf(why, FH__WHY, "%s: expected a whole number from %lld to %lld", what,
                 (long long)min, (long long)max);
        return -1;
    }
    *out = v;
    return 0;
}

static bool has_twin(const json_t *array, size_t of)
{
    for (size_t i = 0; i < of; i++)
        if (json_equal(json_array_get(array, i), json_array_get(array, of)))
            return true;
    return false;
}

int fh__json_read_names(const json_t *array, const char *what, size_t max, struct fh__names *out,
                        char why[FH__WHY])
{
    struct fh__names l = {0};
    char text[FH__GROUP_MAX + 1];
    const json_t *value;
    size_t i;

    if (!json_is_array(array) || json_array_size(array) > max) {
        snprintf(why, FH__WHY, "%s: expected a list of at most %zu", what, max);
        return -1;
    }
    json_array_foreach(array, i, value)
    {
        if (fh__json_read_text(value, what, 1, text, sizeof text, why) != 0)
            goto out;
        if (has_twin(array, i)) {
            snprintf(why, FH__WHY, "%s: one of them is there twice", what);
            goto out;
        }
        if (fh__names_add(&l, text, strlen(text)) != 0)
            goto out;
    }
    fh__names_clear(out);
    *out = l;
    return 0;
out:
    fh__names_clear(&l);
    return -1;
}
