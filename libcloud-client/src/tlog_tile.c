/* SPDX-License-Identifier: MIT */
/* The names of the files of a log: C2SP tlog-tiles. */
#include <stdbool.h>
#include <string.h>

#include <farhand/tlog.h>

static const char prefix[] = "tile/", entries[] = "entries/", partial[] = ".p/";

static size_t put(char *out, const char *text)
{
    size_t len = strlen(text);

    memcpy(out, text, len);
    return len;
}

static size_t put_three(char *out, unsigned v)
{
    out[0] = (char)('0' + v / 100 % 10);
    out[1] = (char)('0' + v / 10 % 10);
    out[2] = (char)('0' + v % 10);
    return 3;
}

/* In groups of three digits, each but the last behind an x, as folders. */
static size_t put_index(char *out, uint64_t index)
{
    unsigned group[7]; /* 2^64 has 20 digits */
    size_t n = 0, at = 0;

    do {
        group[n++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index > 0);
    while (n > 1) {
        out[at++] = 'x';
        at += put_three(out + at, group[--n]);
        out[at++] = '/';
    }
    return at + put_three(out + at, group[0]);
}

static size_t put_number(char *out, unsigned v)
{
    size_t n = v >= 100 ? 3 : v >= 10 ? 2 : 1;
    char three[3];

    put_three(three, v);
    memcpy(out, three + 3 - n, n);
    return n;
}

int fh_tlog_tile_path(int level, uint64_t index, unsigned width, char out[FH_TLOG_TILE_TEXT])
{
    size_t n = put(out, prefix);

    if (level < 0) {
        n += put(out + n, entries);
    } else {
        n += put_number(out + n, (unsigned)level);
        out[n++] = '/';
    }
    n += put_index(out + n, index);
    if (width < FH_TLOG_TILE_WIDTH) {
        n += put(out + n, partial);
        n += put_number(out + n, width);
    }
    out[n] = '\0';
    return (int)n;
}

/* Digits up to the first character that is none. */
static uint64_t get_number(const char **at, const char *end, size_t max)
{
    uint64_t v = 0;

    for (; *at < end && max > 0 && **at >= '0' && **at <= '9'; max--, (*at)++)
        v = v * 10 + (uint64_t)(**at - '0');
    return v;
}

static bool skip(const char **at, const char *end, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

static uint64_t get_index(const char **at, const char *end)
{
    uint64_t v = 0;

    for (int groups = 0; groups < 6; groups++) {
        bool more = skip(at, end, "x");

        v = v * 1000 + get_number(at, end, 3);
        if (!more || !skip(at, end, "/"))
            break;
    }
    return v;
}

/* Read leniently, then held against how it would have been written. */
int fh_tlog_tile_parse(const char *path, size_t len, int *level, uint64_t *index, unsigned *width)
{
    const char *at = path, *end = path + len;
    char again[FH_TLOG_TILE_TEXT];
    unsigned w = FH_TLOG_TILE_WIDTH;
    uint64_t i;
    int l = -1;

    if (!skip(&at, end, prefix))
        return FH_CLOUD_E_PROTO;
    if (!skip(&at, end, entries)) {
        l = (int)get_number(&at, end, 1);
        if (l > FH_TLOG_MAX_TILE_LEVEL || !skip(&at, end, "/"))
            return FH_CLOUD_E_PROTO;
    }
    i = get_index(&at, end);
    if (skip(&at, end, partial)) {
        w = (unsigned)get_number(&at, end, 3);
        if (w == 0 || w >= FH_TLOG_TILE_WIDTH)
            return FH_CLOUD_E_PROTO;
    }
    if (at != end || fh_tlog_tile_path(l, i, w, again) != (int)len || memcmp(again, path, len) != 0)
        return FH_CLOUD_E_PROTO;
    *level = l;
    *index = i;
    *width = w;
    return 0;
}
