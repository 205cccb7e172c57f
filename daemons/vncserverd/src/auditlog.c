/* SPDX-License-Identifier: MIT */
/* auditlog.c -- the audit of this service, in the destinations of its configuration. */
#include "auditlog.h"

#include "log.h"

static void on_trouble(void *user, const char *where, const char *error)
{
    (void)user;
    if (error)
        fh__log(FH__LOG_ERROR, "audit = %s: %s", where, error);
    else
        fh__log(FH__LOG_NOTICE, "audit = %s works again", where);
}

int fh__auditlog_open(struct fh__auditlog *a, uv_loop_t *loop, const struct fh__config *cfg)
{
    const struct fh_audit_log_config config = {.loop = loop,
                                               .name = "vncserverd",
                                               .lines_per_minute = cfg->audit_limit,
                                               .trouble = on_trouble};
    char why[512];
    int error = fh_audit_log_new(&config, &a->log);

    if (error) {
        fh__log(FH__LOG_ERROR, "audit: %s", fh_session_strerror(error));
        return -1;
    }
    a->refuses = cfg->audit_full == FH__AUDIT_FULL_REFUSE;
    for (size_t i = 0; i < cfg->n_audit; i++) {
        if (fh_audit_log_add(a->log, cfg->audit[i], why, sizeof why) != 0) {
            fh__log(FH__LOG_ERROR, "audit: %s", why);
            return -1;
        }
    }
    return 0;
}

void fh__auditlog_write(struct fh__auditlog *a, const struct fh_audit_event *ev)
{
    if (a->log)
        fh_audit_log_write(a->log, ev);
}

bool fh__auditlog_is_full(const struct fh__auditlog *a)
{
    return a->refuses && a->log && fh_audit_log_is_failing(a->log);
}

void fh__auditlog_reopen(struct fh__auditlog *a)
{
    if (a->log)
        fh_audit_log_reopen(a->log);
}

void fh__auditlog_close(struct fh__auditlog *a)
{
    fh_audit_log_close(a->log, NULL, NULL);
    a->log = NULL;
}
