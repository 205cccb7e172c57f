/* SPDX-License-Identifier: MIT */
/* auditlog.h -- where the lines of the audit go: a file (0600, appended to), syslog, or nowhere. */
#ifndef FH__AUDITLOG_H
#define FH__AUDITLOG_H

#include <farhand/audit.h>

struct fh__auditlog {
    /* Told each line with its newline, wherever it goes; NULL: nobody. */
    void (*watch)(void *user, const char *line, size_t len);
    void *watch_user;
    const char *where; /* borrowed */
    int fd;            /* -1: no file */
    bool is_syslog, has_failed;
};

/* where: "none", "syslog" or a path; borrowed until close. -1: errno tells. */
int fh__auditlog_open(struct fh__auditlog *a, const char *where);
/* After the file was rotated. On failure the old one stays in use. */
int fh__auditlog_reopen(struct fh__auditlog *a);
/* utc_ms 0: now. */
void fh__auditlog_write(struct fh__auditlog *a, const struct fh_audit_event *ev);
void fh__auditlog_close(struct fh__auditlog *a);

#endif
