/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <stdio.h>

static void on_trouble(void *user, const char *where, const char *error)
{
    (void)user;
    if (error)
        fprintf(stderr, "vncviewer-cli: audit %s: %s\n", where, error);
}

int record_open(const struct options *o, uv_loop_t *loop, struct fh_audit_log **out, char *why,
                size_t room)
{
    const struct fh_audit_log_config cfg = {
        .loop = loop, .name = "vncviewer-cli", .trouble = on_trouble};
    struct fh_audit_log *log;

    *out = NULL;
    if (o->n_audit == 0)
        return 0;
    if (fh_audit_log_new(&cfg, &log) != 0) {
        snprintf(why, room, "out of memory");
        return -1;
    }
    *out = log;
    for (size_t i = 0; i < o->n_audit; i++)
        if (fh_audit_log_add(log, o->audit[i], why, room) != 0)
            return -1;
    return 0;
}

void record_event(struct fh_audit_log *log, const char *name, const struct fh_audit_event *ev)
{
    struct fh_audit_event named = *ev;

    if (!log)
        return;
    if (ev->type == FH_AUDIT_CONNECTED)
        named.text = name;
    fh_audit_log_write(log, &named);
}

void record_unreachable(struct fh_audit_log *log, const char *name)
{
    const struct fh_audit_event ev = {
        .type = FH_AUDIT_REFUSED, .side = FH_AUDIT_VIEWER, .reason = "unreachable", .text = name};

    if (log)
        fh_audit_log_write(log, &ev);
}
