/* SPDX-License-Identifier: MIT */
#include <farhand/audit_target.h>

#include <string.h>

static bool read_number(const char **p, uint64_t max, uint64_t *out)
{
    const char *at = *p;
    uint64_t v = 0;

    while (*at >= '0' && *at <= '9' && v <= max)
        v = v * 10 + (uint64_t)(*at++ - '0');
    if (at == *p || v > max)
        return false;
    *p = at;
    *out = v;
    return true;
}

static bool set_size(struct fh_audit_target *t, const char *value, size_t len)
{
    const char *p = value;
    uint64_t unit = 1;

    if (!read_number(&p, UINT64_C(1) << 40, &t->size))
        return false;
    if (*p == 'k')
        unit = 1 << 10;
    else if (*p == 'M')
        unit = 1 << 20;
    else if (*p == 'G')
        unit = 1 << 30;
    p += unit != 1;
    t->size *= unit;
    return p == value + len && t->size >= FH_AUDIT_SIZE_MIN && t->size <= UINT64_C(1) << 50;
}

static bool set_keep(struct fh_audit_target *t, const char *value, size_t len)
{
    const char *p = value;
    uint64_t keep;

    if (!read_number(&p, 1000, &keep) || p != value + len || keep == 0)
        return false;
    t->keep = (unsigned)keep;
    return true;
}

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* One `name=value`; NULL, or what was expected of it. */
static const char *set_option(struct fh_audit_target *t, const char *text, size_t len)
{
    if (begins(text, "level="))
        return fh_audit_level_parse(text + 6, len - 6, &t->level)
                   ? NULL
                   : "level=info, level=notice or level=warning";
    if (begins(text, "size="))
        return set_size(t, text + 5, len - 5) ? NULL : "size=BYTES from 16384, or with k, M or G";
    if (begins(text, "keep="))
        return set_keep(t, text + 5, len - 5) ? NULL : "keep=N, 1 to 1000";
    return "level=, size= or keep= before where the audit goes";
}

static bool is_word(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static const char *set_where(struct fh_audit_target *t, const char *text)
{
    if (*text == '/') {
        t->kind = FH_AUDIT_TO_FILE;
        t->where = text;
    } else if (is_word(text, "syslog") || begins(text, "syslog:/")) {
        t->kind = FH_AUDIT_TO_SYSLOG;
        t->where = text[6] ? text + 7 : NULL;
    } else if (is_word(text, "journal") || begins(text, "journal:/")) {
        t->kind = FH_AUDIT_TO_JOURNAL;
        t->where = text[7] ? text + 8 : NULL;
    } else if (begins(text, "program /")) {
        t->kind = FH_AUDIT_TO_PROGRAM;
        t->where = text + 8;
    } else if (!is_word(text, "none")) {
        return "none, syslog, journal, program /PATH, or a path that begins with /";
    }
    return NULL;
}

int fh_audit_target_parse(const char *text, struct fh_audit_target *out, const char **expected)
{
    struct fh_audit_target t = {.kind = FH_AUDIT_TO_NONE, .keep = FH_AUDIT_KEEP_DEFAULT};
    size_t len;

    *expected = NULL;
    for (len = strcspn(text, " "); text[len] && memchr(text, '=', len) && *text != '/';
         len = strcspn(text, " ")) {
        if ((*expected = set_option(&t, text, len)) != NULL)
            return FH_SESSION_E_INVAL;
        text += len;
        text += strspn(text, " ");
    }
    if ((*expected = set_where(&t, text)) != NULL)
        return FH_SESSION_E_INVAL;
    if (t.size != 0 && t.kind != FH_AUDIT_TO_FILE) {
        *expected = "size= for a file only";
        return FH_SESSION_E_INVAL;
    }
    *out = t;
    return 0;
}
