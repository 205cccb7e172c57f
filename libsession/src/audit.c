/* SPDX-License-Identifier: MIT */
/*
 * An event as one line of JSON (RFC 8259). Keys are in a fixed order; what is not known is left
 * out. Text is escaped so far that a line holds no control character, none that reorders its
 * neighbours on a screen and nothing that is not UTF-8, whatever a peer called itself.
 */
#include <farhand/audit.h>
#include <farhand/identity.h>
#include <farhand/permissions.h>

#include <string.h>

#include "utf8.h"

enum { TEXT_MAX = 256 }; /* characters of one text; longer ones are cut and end in "..." */

struct line {
    char *mem;
    size_t len, room;
    bool is_full; /* something found no room since `begin` */
    bool is_cut;  /* a field was left out */
};

static void put(struct line *l, const char *text, size_t len)
{
    if (l->is_full || len > l->room - l->len) {
        l->is_full = true;
        return;
    }
    memcpy(l->mem + l->len, text, len);
    l->len += len;
}

/* A field is there as a whole or not at all. */
static void settle(struct line *l, size_t begin)
{
    if (!l->is_full)
        return;
    l->len = begin;
    l->is_full = false;
    l->is_cut = true;
}

static void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

static void put_escape(struct line *l, uint32_t c)
{
    static const char hex[] = "0123456789abcdef";
    char out[6] = {'\\', 'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15]};

    put(l, out, sizeof out);
}

static void put_quoted(struct line *l, const char *text)
{
    size_t left = strlen(text), n;
    uint32_t c;

    put_text(l, "\"");
    for (unsigned i = 0; left != 0; i++, text += n, left -= n) {
        if (i == TEXT_MAX) {
            put_text(l, "...");
            break;
        }
        n = utf8_next(text, left, &c);
        if (n == 0) {
            n = 1;
            put_escape(l, 0xfffd);
        } else if (utf8_is_control(c) || utf8_is_deceptive(c)) {
            put_escape(l, c);
        } else {
            if (c == '"' || c == '\\')
                put_text(l, "\\");
            put(l, text, n);
        }
    }
    put_text(l, "\"");
}

static void put_number(struct line *l, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    put(l, digits + n, sizeof digits - n);
}

static void put_padded(struct line *l, uint64_t v, unsigned width)
{
    char digits[8];

    for (unsigned i = width; i > 0; i--, v /= 10)
        digits[i - 1] = (char)('0' + v % 10);
    put(l, digits, width);
}

/* RFC 3339, UTC, milliseconds. The date is civil-from-days of the proleptic Gregorian calendar. */
static void put_time(struct line *l, uint64_t utc_ms)
{
    uint64_t ms = utc_ms % 1000, s = utc_ms / 1000, day = s / 86400, second = s % 86400;
    uint64_t z = day + 719468, era = z / 146097, doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    uint64_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);

    put_text(l, "\"");
    put_padded(l, year, 4);
    put_text(l, "-");
    put_padded(l, month, 2);
    put_text(l, "-");
    put_padded(l, doy - (153 * mp + 2) / 5 + 1, 2);
    put_text(l, "T");
    put_padded(l, second / 3600, 2);
    put_text(l, ":");
    put_padded(l, second / 60 % 60, 2);
    put_text(l, ":");
    put_padded(l, second % 60, 2);
    put_text(l, ".");
    put_padded(l, ms, 3);
    put_text(l, "Z\"");
}

static void put_key(struct line *l, const char *key)
{
    put_text(l, l->len > 1 ? ",\"" : "\"");
    put_text(l, key);
    put_text(l, "\":");
}

static void put_string(struct line *l, const char *key, const char *value)
{
    size_t begin = l->len;

    if (!value || !*value)
        return;
    put_key(l, key);
    put_quoted(l, value);
    settle(l, begin);
}

static void put_count(struct line *l, const char *key, uint64_t value)
{
    size_t begin = l->len;

    put_key(l, key);
    put_number(l, value);
    settle(l, begin);
}

static void put_fingerprint(struct line *l, const uint8_t *fp)
{
    char hex[FH_FINGERPRINT_HEX];

    if (!fp)
        return;
    fh_fingerprint_to_hex(fp, hex);
    put_string(l, "fingerprint", hex);
}

static const struct {
    const char *name;
    enum fh_audit_level level;
    enum fh_audit_result result;
} types[FH_AUDIT_TYPES] = {
#define X(name, text, level, result)                                                               \
    [FH_AUDIT_##name] = {text, FH_AUDIT_##level, FH_AUDIT_##result},
    FH_AUDIT_EVENTS(X)
#undef X
};

static const char *const level_names[] = {
    [FH_AUDIT_INFO] = "info", [FH_AUDIT_NOTICE] = "notice", [FH_AUDIT_WARNING] = "warning"};

enum fh_audit_level fh_audit_level(const struct fh_audit_event *ev)
{
    return types[ev->type].level;
}

const char *fh_audit_level_name(enum fh_audit_level level)
{
    return level_names[level];
}

bool fh_audit_level_parse(const char *text, size_t len, enum fh_audit_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strlen(level_names[i]) == len && memcmp(level_names[i], text, len) == 0) {
            *out = (enum fh_audit_level)i;
            return true;
        }
    return false;
}

const char *fh_audit_type_name(enum fh_audit_type type)
{
    return types[type].name;
}

const char *fh_audit_result_name(const struct fh_audit_event *ev)
{
    enum fh_audit_result result = ev->failed ? FH_AUDIT_FAILED : types[ev->type].result;

    return result == FH_AUDIT_NO_RESULT ? NULL : result == FH_AUDIT_OK ? "ok" : "failed";
}

static void put_permissions(struct line *l, const struct fh_audit_event *ev)
{
    char names[192];

    if (!ev->has_permissions)
        return;
    fh_permissions_format(ev->permissions, names, sizeof names);
    put_string(l, "permissions", names);
}

static void put_totals(struct line *l, const struct fh_audit_event *ev)
{
    if (ev->type == FH_AUDIT_BLACKLISTED)
        put_count(l, "duration_ms", ev->duration_ms);
    if (ev->type == FH_AUDIT_SUPPRESSED || ev->type == FH_AUDIT_LOG_LOST)
        put_count(l, "count", ev->count);
    if (ev->type != FH_AUDIT_ENDED)
        return;
    put_count(l, "bytes_in", ev->bytes_in);
    put_count(l, "bytes_out", ev->bytes_out);
    put_count(l, "duration_ms", ev->duration_ms);
}

/* What a program that reads the log looks for comes first: nothing of the peer stands before it. */
static void put_head(struct line *l, const struct fh_audit_event *ev)
{
    put_text(l, "{");
    put_key(l, "time");
    put_time(l, ev->utc_ms);
    put_count(l, "monotonic_ms", ev->monotonic_ms);
    put_string(l, "level", level_names[types[ev->type].level]);
    put_string(l, "side", ev->side == FH_AUDIT_SERVER ? "server" : "viewer");
    put_string(l, "event", types[ev->type].name);
    if (ev->connection != 0)
        put_count(l, "connection", ev->connection);
    put_string(l, "peer", ev->peer);
    put_string(l, "result", fh_audit_result_name(ev));
    put_string(l, "reason", ev->reason);
}

int fh_audit_format(const struct fh_audit_event *ev, char *out, size_t room)
{
    static const char cut[] = ",\"cut\":true";
    struct line l = {.mem = out, .room = FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX - sizeof cut - 3};

    if (room < FH_AUDIT_LINE_MAX || (unsigned)ev->type >= FH_AUDIT_TYPES)
        return FH_SESSION_E_INVAL;
    put_head(&l, ev);
    put_string(&l, "path", ev->path);
    put_string(&l, "cloud", ev->cloud);
    put_string(&l, "session", ev->session);
    put_fingerprint(&l, ev->fingerprint);
    put_permissions(&l, ev);
    put_string(&l, "method", ev->method);
    put_totals(&l, ev);
    put_string(&l, "user", ev->user);
    put_string(&l, "program", ev->program);
    put_string(&l, "text", ev->text);
    l.room = FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX;
    if (l.is_cut)
        put(&l, cut, sizeof cut - 1);
    put(&l, "}\n", 3);
    return (int)l.len - 1;
}
