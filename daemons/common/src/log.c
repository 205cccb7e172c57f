/* SPDX-License-Identifier: MIT */
/* log.c -- messages to the journal or to stderr. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug"};

static const char *program = "farhand";
static enum fh__log_level max_level = FH__LOG_INFO;
static bool to_journal;
static void (*sink)(enum fh__log_level level, const char *line);

void fh__log_name(const char *name)
{
    program = name;
}

void fh__log_open(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char expected[64];
    struct stat st;

    /* systemd.exec(5): only if device and inode are stderr's is it really the journal's. */
    if (!stream || fstat(2, &st) != 0)
        return;
    snprintf(expected, sizeof expected, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    to_journal = strcmp(stream, expected) == 0;
}

void fh__log_set_level(enum fh__log_level level)
{
    max_level = level;
}

enum fh__log_level fh__log_get_level(void)
{
    return max_level;
}

void fh__log_set_sink(void (*fn)(enum fh__log_level level, const char *line))
{
    sink = fn;
}

bool fh__log_parse_level(const char *text, enum fh__log_level *out)
{
    size_t i;

    for (i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(text, level_names[i]) == 0) {
            *out = FH__LOG_ERROR + i;
            return true;
        }
    return false;
}

/* Length of the printable UTF-8 character at s, 0 if there is none. RFC 3629. */
static size_t printable(const unsigned char *s, size_t len)
{
    static const unsigned min[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned c;
    size_t n, i;

    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > len)
        return 0;
    c = s[0] & (0xffu >> (n + 1));
    for (i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < min[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    /* C1 controls, and what changes the direction or the line of what follows. */
    if (c < 0xa0 || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
        return 0;
    return n;
}

void fh__log_escape(const char *text, size_t len, char *out, size_t room)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t at = 0, n;

    while (len > 0) {
        n = printable(s, len);
        if (at + (n ? n : 4) >= room)
            break;
        if (n)
            memcpy(out + at, s, n);
        else
            snprintf(out + at, 5, "\\x%02x", s[0]);
        at += n ? n : 4;
        n = n ? n : 1;
        s += n;
        len -= n;
    }
    out[at] = '\0';
}

void fh__log(enum fh__log_level level, const char *format, ...)
{
    char raw[FH__LOG_LINE_MAX], line[FH__LOG_LINE_MAX];
    va_list ap;

    if (level > max_level)
        return;
    va_start(ap, format);
    vsnprintf(raw, sizeof raw, format, ap);
    va_end(ap);
    fh__log_escape(raw, strlen(raw), line, sizeof line);
    if (sink)
        sink(level, line);
    else if (to_journal)
        sd_journal_send("MESSAGE=%s", line, "PRIORITY=%d", (int)level, NULL);
    else
        fprintf(stderr, "%s: %s: %s\n", program, level_names[level - FH__LOG_ERROR], line);
}
