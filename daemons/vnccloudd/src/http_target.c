/* SPDX-License-Identifier: MIT */
/* http_target.c -- paths and queries, decoded (RFC 3986, RFC 1866 8.2.1 for '+'). */
#include <string.h>

#include "http.h"
#include "utf8.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* UTF-8 that a person could have written: no control characters, nothing that hides others. */
static bool is_text(const char *p, size_t len)
{
    uint32_t c;
    size_t n;

    for (; len > 0; p += n, len -= n)
        if ((n = utf8_next(p, len, &c)) == 0 || utf8_is_control(c) || utf8_is_deceptive(c))
            return false;
    return true;
}

/* Into out with NUL. -1: not well-formed, no text, or too long. */
static int decode(struct fh__http_text in, bool plus_is_blank, char *out, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.p[i];

        if (c == '%') {
            int high = in.len - i > 2 ? digit(in.p[i + 1]) : -1;
            int low = in.len - i > 2 ? digit(in.p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return -1;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (n + 1 >= room)
            return -1;
        out[n++] = c;
    }
    out[n] = '\0';
    return is_text(out, n) ? (int)n : -1;
}

int fh__http_path(const struct fh__http_request *r,
                  char out[FH__HTTP_SEGMENTS_MAX][FH__HTTP_SEGMENT_MAX])
{
    const char *p = r->path.p, *end = p + r->path.len;
    int n = 0;

    if (r->path.len == 0 || *p != '/')
        return -1;
    if (r->path.len == 1)
        return 0;
    while (p < end) {
        const char *slash;
        struct fh__http_text segment;

        p++; /* the slash before it */
        slash = memchr(p, '/', (size_t)(end - p));
        segment = (struct fh__http_text){p, (size_t)((slash ? slash : end) - p)};
        if (n == FH__HTTP_SEGMENTS_MAX ||
            decode(segment, false, out[n], FH__HTTP_SEGMENT_MAX) <= 0 || strchr(out[n], '/') ||
            strcmp(out[n], ".") == 0 || strcmp(out[n], "..") == 0)
            return -1;
        n++;
        p += segment.len;
    }
    return n;
}

/* The next name=value of what is left. False: nothing is. */
static bool next_pair(struct fh__http_text *left, struct fh__http_text *name,
                      struct fh__http_text *value)
{
    const char *end, *equals;

    if (left->len == 0)
        return false;
    end = memchr(left->p, '&', left->len);
    *name = (struct fh__http_text){left->p, end ? (size_t)(end - left->p) : left->len};
    left->len -= name->len + (end ? 1 : 0);
    left->p += name->len + (end ? 1 : 0);
    *value = (struct fh__http_text){name->p + name->len, 0};
    if ((equals = memchr(name->p, '=', name->len)) != NULL) {
        value->p = equals + 1;
        value->len = name->len - (size_t)(equals - name->p) - 1;
        name->len = (size_t)(equals - name->p);
    }
    return true;
}

int fh__http_parameter(const struct fh__http_request *r, const char *name, char *out, size_t room)
{
    struct fh__http_text left = r->query, key, value;
    char decoded[64];
    int found = 0;

    while (next_pair(&left, &key, &value)) {
        if (decode(key, true, decoded, sizeof decoded) < 0 || strcmp(decoded, name) != 0)
            continue;
        if (found || decode(value, true, out, room) < 0)
            return -1;
        found = 1;
    }
    return found;
}

bool fh__http_has_only(const struct fh__http_request *r, const char *const *names)
{
    struct fh__http_text left = r->query, key, value;
    char decoded[64];

    while (next_pair(&left, &key, &value)) {
        size_t i = 0;

        if (decode(key, true, decoded, sizeof decoded) < 0)
            return false;
        while (names[i] && strcmp(names[i], decoded) != 0)
            i++;
        if (!names[i])
            return false;
    }
    return true;
}
