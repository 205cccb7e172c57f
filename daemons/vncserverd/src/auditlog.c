/* SPDX-License-Identifier: MIT */
/* auditlog.c -- where the lines of the audit go. */
#include "auditlog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int fh__auditlog_open(struct fh__auditlog *a, const char *where)
{
    *a = (struct fh__auditlog){.where = where, .fd = -1};
    a->is_syslog = strcmp(where, "syslog") == 0;
    if (a->is_syslog)
        openlog("vncserverd", LOG_PID, LOG_AUTHPRIV);
    else if (strcmp(where, "none") != 0 && (a->fd = open_file(where)) < 0)
        return -1;
    return 0;
}

int fh__auditlog_reopen(struct fh__auditlog *a)
{
    int fd = a->fd >= 0 ? open_file(a->where) : -1;

    if (a->fd < 0)
        return 0;
    if (fd < 0)
        return -1;
    close(a->fd);
    a->fd = fd;
    a->has_failed = false;
    return 0;
}

static uint64_t utc_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void fh__auditlog_write(struct fh__auditlog *a, const struct fh_audit_event *ev)
{
    struct fh_audit_event dated = *ev;
    char line[FH_AUDIT_LINE_MAX];
    int len;

    if (dated.utc_ms == 0)
        dated.utc_ms = utc_ms();
    len = fh_audit_format(&dated, line, sizeof line);

    if (len <= 0)
        return;
    if (a->watch)
        a->watch(a->watch_user, line, (size_t)len);
    if (a->is_syslog)
        syslog(LOG_INFO, "%.*s", len - 1, line);
    /* One write, so that lines of several processes do not mix. */
    if (a->fd >= 0 && write(a->fd, line, (size_t)len) != len && !a->has_failed) {
        fh__log(FH__LOG_ERROR, "audit to %s fails: %s", a->where, strerror(errno));
        a->has_failed = true;
    }
}

void fh__auditlog_close(struct fh__auditlog *a)
{
    if (a->fd >= 0)
        close(a->fd);
    if (a->is_syslog)
        closelog();
    *a = (struct fh__auditlog){.fd = -1};
}
