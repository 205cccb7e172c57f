/* SPDX-License-Identifier: MIT */
/*
 * audit_socket.c -- syslog and the journal, by their datagrams: without a global of the C library,
 * and without waiting where syslog(3) would. RFC 3164; systemd.io/JOURNAL_NATIVE_PROTOCOL.
 */
#define _DEFAULT_SOURCE
#include "audit_sinks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <farhand/permissions.h>

#include "wr.h"

enum { DATAGRAM_MAX = 3 * FH_AUDIT_LINE_MAX };

static int priority_of(const struct fh__audit_entry *e)
{
    switch (e->level) {
    case FH_AUDIT_INFO:
        return LOG_INFO;
    case FH_AUDIT_NOTICE:
        return LOG_NOTICE;
    case FH_AUDIT_WARNING:
        break;
    }
    return LOG_WARNING;
}

/* ---- syslog ---- */

static size_t syslog_datagram(const struct fh__audit_socket *s, const struct fh__audit_entry *e,
                              char *out, size_t room)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(e->ev->utc_ms / 1000);
    struct tm tm = {0};
    int n;

    localtime_r(&now, &tm);
    n = snprintf(out, room, "<%d>%s %2d %02d:%02d:%02d %s[%ld]: %.*s",
                 LOG_AUTHPRIV | priority_of(e), months[tm.tm_mon % 12], tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec, s->name, (long)getpid(), (int)e->len - 1, e->line);
    return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* ---- journal ---- */

/* NAME newline, u64 little-endian length, value, newline: whatever the value holds. */
static void put_field(struct wr *w, const char *name, const char *value, size_t len)
{
    uint8_t size[8];

    for (unsigned i = 0; i < sizeof size; i++)
        size[i] = (uint8_t)((uint64_t)len >> (8 * i));
    wr_bytes(w, name, strlen(name));
    wr_u8(w, '\n');
    wr_bytes(w, size, sizeof size);
    wr_bytes(w, value, len);
    wr_u8(w, '\n');
}

static void put_text(struct wr *w, const char *name, const char *value)
{
    if (value && *value)
        put_field(w, name, value, strnlen(value, FH_AUDIT_LINE_MAX / 4));
}

static void put_number(struct wr *w, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    put_text(w, name, text);
}

static void put_fingerprint(struct wr *w, const uint8_t *fp)
{
    char hex[FH_AUDIT_LINK_HEX];

    if (!fp)
        return;
    fh_audit_link_to_hex(fp, hex);
    put_text(w, "FARHAND_FINGERPRINT", hex);
}

static size_t journal_datagram(const struct fh__audit_socket *s, const struct fh__audit_entry *e,
                               char *out, size_t room)
{
    const struct fh_audit_event *ev = e->ev;
    struct wr w = wr_init(out, room);
    char permissions[192];

    put_field(&w, "MESSAGE", e->line, e->len - 1);
    put_number(&w, "PRIORITY", (uint64_t)priority_of(e));
    put_number(&w, "SYSLOG_FACILITY", LOG_AUTHPRIV >> 3);
    put_text(&w, "SYSLOG_IDENTIFIER", s->name);
    if (!e->is_foreign) {
        put_text(&w, "FARHAND_EVENT", fh_audit_type_name(ev->type));
        put_text(&w, "FARHAND_RESULT", fh_audit_result_name(ev));
    }
    put_text(&w, "FARHAND_REASON", ev->reason);
    put_text(&w, "FARHAND_PEER", ev->peer);
    put_text(&w, "FARHAND_PATH", ev->path);
    put_text(&w, "FARHAND_CLOUD", ev->cloud);
    put_text(&w, "FARHAND_SESSION", ev->session);
    put_text(&w, "FARHAND_USER", ev->user);
    put_text(&w, "FARHAND_METHOD", ev->method);
    put_fingerprint(&w, ev->fingerprint);
    if (ev->connection != 0)
        put_number(&w, "FARHAND_CONNECTION", ev->connection);
    if (ev->has_permissions) {
        fh_permissions_format(ev->permissions, permissions, sizeof permissions);
        put_text(&w, "FARHAND_PERMISSIONS", permissions);
    }
    return w.bad ? 0 : w.len;
}

/* ---- sending ---- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, error;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Whoever listens may have been started anew: its socket is looked for once more. */
static int send_datagram(struct fh__audit_socket *s, const char *data, size_t len)
{
    for (int i = 0; i < 2; i++) {
        if (s->fd < 0 && (s->fd = connect_to(s->path)) < 0)
            return -1;
        if (send(s->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len)
            return 0;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            return -1;
        fh__audit_socket_close(s);
    }
    return -1;
}

static int send_entry(struct fh__audit_socket *s, const struct fh__audit_entry *e)
{
    char data[DATAGRAM_MAX];
    size_t len = s->is_journal ? journal_datagram(s, e, data, sizeof data)
                               : syslog_datagram(s, e, data, sizeof data);

    if (len == 0)
        errno = EMSGSIZE;
    return len == 0 ? -1 : send_datagram(s, data, len);
}

int fh__audit_socket_write(struct fh__audit_socket *s, const struct fh__audit_entry *e)
{
    struct fh_audit_event ev;
    char line[FH_AUDIT_LINE_MAX];
    struct fh__audit_entry lost = {.ev = &ev, .level = FH_AUDIT_WARNING, .line = line};
    int ret = 0;

    if (s->lost != 0) {
        lost.len = fh__audit_lost_line(e->ev, s->lost, line, &ev);
        ret = send_entry(s, &lost);
        s->lost = ret == 0 ? 0 : s->lost;
    }
    if (ret == 0)
        ret = send_entry(s, e);
    s->lost += ret != 0;
    return ret == 0 ? 0 : FH_SESSION_E_IO;
}

void fh__audit_socket_close(struct fh__audit_socket *s)
{
    int error = errno;

    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    errno = error;
}
