/* SPDX-License-Identifier: MIT */
/* record.h -- the viewer's own audit, in the destinations of --audit. */
#ifndef VNCVIEWER_RECORD_H
#define VNCVIEWER_RECORD_H

#include <farhand/audit_log.h>
#include <uv.h>

#include "options.h"

/* *out is NULL where nothing is to be recorded. 0, or -1 and why. */
int record_open(const struct options *o, uv_loop_t *loop, struct fh_audit_log **out, char *why,
                size_t room);
/* log may be NULL. The first record of a connection says which name was meant. */
void record_event(struct fh_audit_log *log, const char *name, const struct fh_audit_event *ev);
/* No connection came about. */
void record_unreachable(struct fh_audit_log *log, const char *name);

#endif
