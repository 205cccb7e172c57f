/* SPDX-License-Identifier: MIT */
/*
 * An event as one line of JSON (RFC 8259). Keys are in a fixed order; what is not known is left
 * out. Text is escaped so far that a line holds no control character, none that reorders its
 * neighbours on a screen and nothing that is not UTF-8, whatever a peer called itself.
 */
#include <farhand/audit.h>
#include <farhand/permissions.h>

#include <string.h>

#include "utf8.h"

enum { TEXT_MAX = 256 }; /* characters of one text; longer ones are cut and end in "..." */

struct line {
    char *mem;
    size_t len, room;
};

static void put(struct line *l, const char *text, size_t len)
{
    if (len > l->room - l->len)
        len = l->room - l->len;
    memcpy(l->mem + l->len, text, len);
    l->len += len;
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
    if (!value || !*value)
        return;
    put_key(l, key);
    put_quoted(l, value);
}

static void put_count(struct line *l, const char *key, uint64_t value)
{
    put_key(l, key);
    put_number(l, value);
}

static void put_fingerprint(struct line *l, const uint8_t *fp)
{
    static const char digits[] = "0123456789abcdef";
    char hex[64];

    if (!fp)
        return;
    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = digits[fp[i] >> 4];
        hex[2 * i + 1] = digits[fp[i] & 15];
    }
    put_key(l, "fingerprint");
    put_text(l, "\"");
    put(l, hex, sizeof hex);
    put_text(l, "\"");
}

static const char *type_name(enum fh_audit_type type)
{
    switch (type) {
#define X(name, text)                                                                              \
    case FH_AUDIT_##name:                                                                          \
        return text;
        FH_AUDIT_EVENTS(X)
#undef X
    }
    return "unknown";
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
    if (ev->type != FH_AUDIT_ENDED)
        return;
    put_count(l, "bytes_in", ev->bytes_in);
    put_count(l, "bytes_out", ev->bytes_out);
    put_count(l, "duration_ms", ev->duration_ms);
}

int fh_audit_format(const struct fh_audit_event *ev, char *out, size_t room)
{
    struct line l = {.mem = out, .len = 0, .room = FH_AUDIT_LINE_MAX - 3};

    if (room < FH_AUDIT_LINE_MAX)
        return FH_SESSION_E_INVAL;
    put_text(&l, "{");
    put_key(&l, "time");
    put_time(&l, ev->utc_ms);
    put_count(&l, "monotonic_ms", ev->monotonic_ms);
    put_string(&l, "event", type_name(ev->type));
    put_count(&l, "connection", ev->connection);
    put_string(&l, "peer", ev->peer);
    put_string(&l, "path", ev->path);
    put_string(&l, "session", ev->session);
    put_fingerprint(&l, ev->fingerprint);
    put_permissions(&l, ev);
    put_string(&l, "method", ev->method);
    put_string(&l, "reason", ev->reason);
    put_totals(&l, ev);
    put_string(&l, "user", ev->user);
    put_string(&l, "program", ev->program);
    put_string(&l, "text", ev->text);
    l.room = FH_AUDIT_LINE_MAX;
    put(&l, "}\n", 3);
    return (int)l.len - 1;
}
