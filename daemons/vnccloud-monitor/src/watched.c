/* SPDX-License-Identifier: MIT */
#include "watched.h"

#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>

/* The next word of a line, whose end is end. */
static const char *next_word(const char **at, const char *end, size_t *len)
{
    const char *word;

    while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r'))
        (*at)++;
    word = *at;
    if (word == end || *word == '#')
        return NULL;
    while (*at < end && **at != ' ' && **at != '\t' && **at != '\r')
        (*at)++;
    *len = (size_t)(*at - word);
    return word;
}

static int read_key(const char *word, size_t len, uint8_t out[32])
{
    char text[FH_FINGERPRINT_HEX];

    if (len != sizeof text - 1)
        return -1;
    memcpy(text, word, len);
    text[len] = '\0';
    return fh_fingerprint_from_hex(text, out) == 0 ? 0 : -1;
}

/* NULL: it is good. */
static const char *read_line(const char *at, const char *end, struct fh__watched *w)
{
    struct fh__watched_address *a = &w->addresses[w->n];
    const char *word;
    size_t len;

    word = next_word(&at, end, &len);
    if (!word)
        return NULL;
    if (w->n == FH__WATCHED_MAX)
        return "fewer addresses";
    memset(a, 0, sizeof *a);
    if (fh_cloud_address_parse(word, len, a->address) != 0)
        return "a cloud address";
    fh_tlog_tag(a->address, a->tag);
    if (fh__watched_find(w, a->tag) >= 0)
        return "each address once";
    while ((word = next_word(&at, end, &len)) != NULL) {
        if (a->keys_len == FH__WATCHED_KEYS)
            return "fewer fingerprints";
        if (read_key(word, len, a->keys[a->keys_len]) != 0)
            return "a fingerprint, 64 hexadecimal digits";
        a->keys_len++;
    }
    w->n++;
    return NULL;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t n = 1;

    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

int fh__watched_parse(const char *text, size_t len, struct fh__watched *out, unsigned *line,
                      const char **expected)
{
    size_t lines = count_lines(text, len);
    const char *end = text + len;

    memset(out, 0, sizeof *out);
    *line = 0;
    *expected = "less";
    out->addresses =
        calloc(lines < FH__WATCHED_MAX ? lines : FH__WATCHED_MAX + 1, sizeof *out->addresses);
    if (!out->addresses)
        return -1;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));

        line_end = line_end ? line_end : end;
        ++*line;
        *expected = read_line(text, line_end, out);
        if (*expected) {
            fh__watched_free(out);
            return -1;
        }
        text = line_end < end ? line_end + 1 : end;
    }
    return 0;
}

void fh__watched_free(struct fh__watched *w)
{
    free(w->addresses);
    free(w->leaves);
    memset(w, 0, sizeof *w);
}

int fh__watched_find(const struct fh__watched *w, const uint8_t tag[FH_TLOG_TAG_LEN])
{
    for (size_t i = 0; i < w->n; i++)
        if (memcmp(w->addresses[i].tag, tag, FH_TLOG_TAG_LEN) == 0)
            return (int)i;
    return -1;
}

int fh__watched_add(struct fh__watched *w, uint64_t index, const struct fh_tlog_leaf *leaf,
                    size_t address)
{
    struct fh__leaf *bigger;

    if (w->leaves_len == FH__LEAVES_MAX)
        return -1;
    if ((w->leaves_len & (w->leaves_len + 1)) == 0) {
        bigger = realloc(w->leaves, 2 * (w->leaves_len + 1) * sizeof *bigger);
        if (!bigger)
            return -1;
        w->leaves = bigger;
    }
    w->leaves[w->leaves_len++] =
        (struct fh__leaf){.index = index, .leaf = *leaf, .address = address};
    return 0;
}
