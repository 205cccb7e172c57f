/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <string.h>
#include <strings.h>

/* A decimal number of at most nine digits. */
static bool read_number(const char *text, size_t len, size_t *out)
{
    size_t v = 0;

    if (len == 0 || len > 9)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (size_t)(text[i] - '0');
    }
    *out = v;
    return true;
}

static bool is_named(const char *line, size_t len, const char *name)
{
    return len == strlen(name) && strncasecmp(line, name, len) == 0;
}

/* false: the body would be of another kind than those with a length. */
static bool read_field(const char *line, size_t len, struct fh__reply *r, bool *has_length)
{
    const char *colon = memchr(line, ':', len), *value;
    size_t name_len = colon ? (size_t)(colon - line) : 0, value_len;

    if (!colon || name_len == 0)
        return false;
    value = colon + 1;
    value_len = len - name_len - 1;
    while (value_len > 0 && (*value == ' ' || *value == '\t'))
        value++, value_len--;
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    if (is_named(line, name_len, "transfer-encoding"))
        return false;
    if (is_named(line, name_len, "connection") && is_named(value, value_len, "close"))
        r->closes = true;
    if (!is_named(line, name_len, "content-length"))
        return true;
    if (*has_length)
        return false;
    *has_length = true;
    return read_number(value, value_len, &r->body_len);
}

int fh__reply_parse(const char *data, size_t len, struct fh__reply *out)
{
    static const char version[] = "HTTP/1.1 ";
    const char *at = data, *end = data + (len < FH__REPLY_HEAD ? len : FH__REPLY_HEAD);
    struct fh__reply r = {0};
    bool has_length = false;
    size_t status = 0;

    for (bool first = true;; first = false) {
        const char *line = at, *cr = memchr(at, '\r', (size_t)(end - at));
        size_t n = cr ? (size_t)(cr - line) : 0;

        if (!cr || cr + 1 >= end)
            return len >= FH__REPLY_HEAD ? -1 : 0;
        if (cr[1] != '\n')
            return -1;
        at = cr + 2;
        if (!first && n == 0)
            break;
        if (first) {
            if (n < sizeof version - 1 + 4 || memcmp(line, version, sizeof version - 1) != 0 ||
                line[12] != ' ' || !read_number(line + 9, 3, &status))
                return -1;
        } else if (!read_field(line, n, &r, &has_length)) {
            return -1;
        }
    }
    if (!has_length || status < 200)
        return -1;
    r.status = (unsigned)status;
    r.head_len = (size_t)(at - data);
    *out = r;
    return 1;
}
