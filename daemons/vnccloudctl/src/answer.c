/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct text {
    const char *p;
    size_t len;
};

static size_t head_len(const char *data, size_t len)
{
    for (size_t i = 3; i < len && i < FH__ANSWER_HEAD_MAX; i++)
        if (memcmp(data + i - 3, "\r\n\r\n", 4) == 0)
            return i + 1;
    return 0;
}

static bool next_line(struct text *left, struct text *line)
{
    const char *end = left->len >= 2 ? memchr(left->p, '\r', left->len - 1) : NULL;

    if (!end || end[1] != '\n')
        return false;
    *line = (struct text){left->p, (size_t)(end - left->p)};
    left->p = end + 2;
    left->len -= line->len + 2;
    return true;
}

/* "HTTP/1.1 200 OK" */
static bool read_status(const struct text *line, unsigned *out)
{
    unsigned v = 0;

    if (line->len < 13 || memcmp(line->p, "HTTP/1.1 ", 9) != 0 || line->p[12] != ' ')
        return false;
    for (int i = 9; i < 12; i++) {
        if (line->p[i] < '0' || line->p[i] > '9')
            return false;
        v = v * 10 + (unsigned)(line->p[i] - '0');
    }
    *out = v;
    return v >= 100;
}

static bool is_field(const struct text *line, const char *name, struct text *value)
{
    size_t n = strlen(name);

    if (line->len <= n || strncasecmp(line->p, name, n) != 0 || line->p[n] != ':')
        return false;
    *value = (struct text){line->p + n + 1, line->len - n - 1};
    while (value->len > 0 && *value->p == ' ') {
        value->p++;
        value->len--;
    }
    return true;
}

static bool read_number(const struct text *t, uint64_t *out)
{
    uint64_t v = 0;

    if (t->len == 0 || t->len > 18)
        return false;
    for (size_t i = 0; i < t->len; i++) {
        if (t->p[i] < '0' || t->p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(t->p[i] - '0');
    }
    *out = v;
    return true;
}

/* <TARGET>; rel="next" (RFC 8288) */
static bool read_link(const struct text *t, char out[FH__ANSWER_NEXT_MAX])
{
    static const char rest[] = ">; rel=\"next\"";
    size_t n = sizeof rest - 1;

    if (t->len < n + 2 || t->p[0] != '<' || t->p[1] != '/' || t->len - n > FH__ANSWER_NEXT_MAX ||
        memcmp(t->p + t->len - n, rest, n) != 0)
        return false;
    for (size_t i = 1; i < t->len - n; i++)
        if (t->p[i] <= ' ' || t->p[i] > '~')
            return false;
    memcpy(out, t->p + 1, t->len - n - 1);
    out[t->len - n - 1] = '\0';
    return true;
}

int fh__answer_read(const char *data, size_t len, struct fh__answer *out)
{
    struct fh__answer a = {0};
    size_t head = head_len(data, len);
    struct text left = {data, head}, line, value;

    if (head == 0)
        return len >= FH__ANSWER_HEAD_MAX ? -1 : 0;
    if (!next_line(&left, &line) || !read_status(&line, &a.status))
        return -1;
    while (next_line(&left, &line) && line.len > 0) {
        if (is_field(&line, "transfer-encoding", &value))
            return -1;
        if (is_field(&line, "content-length", &value) && !read_number(&value, &a.len))
            return -1;
        if (is_field(&line, "link", &value) && !read_link(&value, a.next))
            return -1;
    }
    *out = a;
    return (int)head;
}
