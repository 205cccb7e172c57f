/* SPDX-License-Identifier: MIT */
/* app.h -- one run of the viewer: connect, trust, authenticate, do the script, disconnect. */
#ifndef VNCVIEWER_APP_H
#define VNCVIEWER_APP_H

#include "exit_codes.h"
#include "options.h"
#include "script.h"

/* Blocks until it is over. Prints results and, on standard error, what went wrong. */
enum exit_code app_run(const struct options *o, const struct script *script);
/* Says why on standard error, or as JSON on standard output, and returns code. */
enum exit_code app_fail(const struct options *o, enum exit_code code, const char *why);

#endif
