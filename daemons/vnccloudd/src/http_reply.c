/* SPDX-License-Identifier: MIT */
/* http_reply.c -- heads of answers. No banner says what answers, or in which version. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http.h"

const char *fh__http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {202, "Accepted"},
                   {204, "No Content"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {406, "Not Acceptable"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {412, "Precondition Failed"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {415, "Unsupported Media Type"},
                   {417, "Expectation Failed"},
                   {422, "Unprocessable Content"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"},
                   {507, "Insufficient Storage"}};

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

bool fh__http_add(struct fh__http_reply *r, const char *name, const char *value)
{
    size_t room = sizeof r->extra - r->extra_len;
    int n;

    for (const char *p = value; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            return false;
    n = snprintf(r->extra + r->extra_len, room, "%s: %s\r\n", name, value);
    if (n < 0 || (size_t)n >= room) {
        r->extra[r->extra_len] = '\0';
        return false;
    }
    r->extra_len += (size_t)n;
    return true;
}

/* RFC 9110 5.6.7, whatever the locale */
static void write_date(uint64_t utc_s, char out[30])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)utc_s;
    struct tm tm = {0};

    gmtime_r(&t, &tm);
    snprintf(out, 30, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[tm.tm_wday % 7],
             (unsigned)tm.tm_mday % 100, months[tm.tm_mon % 12],
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

/* An API has no page to show: nothing may be loaded, framed, sniffed or kept. */
static const char no_store[] = "Cache-Control: no-store\r\n";
static const char fixed[] = "X-Content-Type-Options: nosniff\r\n"
                            "Content-Security-Policy: default-src 'none'; base-uri 'none'; "
                            "form-action 'none'; frame-ancestors 'none'\r\n"
                            "Referrer-Policy: no-referrer\r\n"
                            "Cross-Origin-Resource-Policy: same-origin\r\n"
                            "Cross-Origin-Opener-Policy: same-origin\r\n"
                            "Cross-Origin-Embedder-Policy: require-corp\r\n";
static const char hsts[] = "Strict-Transport-Security: max-age=63072000; includeSubDomains\r\n";

/* What never changes may be kept: it says so itself. */
static bool says_cache(const struct fh__http_reply *r)
{
    static const char name[] = "Cache-Control:";

    for (size_t i = 0; i + sizeof name <= r->extra_len; i++)
        if (memcmp(r->extra + i, name, sizeof name - 1) == 0)
            return true;
    return false;
}

size_t fh__http_head(const struct fh__http_reply *r, uint64_t utc_s, bool is_secure, bool closes,
                     char *out, size_t room)
{
    unsigned long long len = r->fd >= 0 ? r->fd_len : r->len;
    char date[30], type[128] = "", length[48] = "";
    int n;

    write_date(utc_s, date);
    if (r->type && (r->body || r->fd >= 0))
        snprintf(type, sizeof type, "Content-Type: %s\r\n", r->type);
    if (r->status != 204) /* RFC 9110 8.6 */
        snprintf(length, sizeof length, "Content-Length: %llu\r\n", len);
    n = snprintf(out, room, "HTTP/1.1 %u %s\r\nDate: %s\r\n%s%s%s%s%s%s%.*s\r\n", r->status,
                 fh__http_reason(r->status), date, type, length,
                 closes ? "Connection: close\r\n" : "", says_cache(r) ? "" : no_store, fixed,
                 is_secure ? hsts : "", (int)r->extra_len, r->extra);
    return n > 0 && (size_t)n < room ? (size_t)n : 0;
}
