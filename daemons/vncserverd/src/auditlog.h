/* SPDX-License-Identifier: MIT */
/* auditlog.h -- the audit of this service, in the destinations of its configuration. */
#ifndef FH__AUDITLOG_H
#define FH__AUDITLOG_H

#include <farhand/audit_log.h>

#include "config.h"

struct fh__auditlog {
    struct fh_audit_log *log; /* NULL: not open; what is written goes nowhere */
    bool refuses;             /* rather no session than one that is not recorded */
};

/* -1: it was logged why. */
int fh__auditlog_open(struct fh__auditlog *a, uv_loop_t *loop, const struct fh__config *cfg);
void fh__auditlog_write(struct fh__auditlog *a, const struct fh_audit_event *ev);
/* No session may begin now: it would not be recorded. */
bool fh__auditlog_is_full(const struct fh__auditlog *a);
/* After files were moved. */
void fh__auditlog_reopen(struct fh__auditlog *a);
/* ASYNCHRONOUS: the loop runs until it is closed. */
void fh__auditlog_close(struct fh__auditlog *a);

#endif
