/* SPDX-License-Identifier: MIT */
/* report.h -- what the monitor says. */
#ifndef FH__REPORT_H
#define FH__REPORT_H

#include "follow.h"

/* How vnccloud-monitor ends. Stable; vnccloud-monitor.1 lists them. */
enum fh__exit {
    FH__EXIT_OK = 0,
    FH__EXIT_UNCHECKED = 1, /* it could not be checked: unreachable, damaged, not signed */
    FH__EXIT_USAGE = 2,
    FH__EXIT_ALARM = 20, /* something was logged about an address that its owner does not know */
    FH__EXIT_FORK = 21   /* the log shows two histories */
};

enum fh__exit fh__report_exit(enum fh__follow_result result, const struct fh__watched *w);
/* Lines for people on the standard output, alarms on the standard error too; or one JSON object. */
void fh__report(enum fh__follow_result result, const struct fh__followed *now,
                const struct fh__watched *w, bool json);

#endif
