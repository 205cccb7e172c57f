/* SPDX-License-Identifier: MIT */
/*
 * service.h -- the running service: one desktop, one libuv loop, any number of viewers.
 *
 * Everything happens on one thread, but for signatures and password checks (libuv's pool). While
 * nobody looks, or nothing changes, it sleeps.
 */
#ifndef FH__SERVICE_H
#define FH__SERVICE_H

#include "config.h"
#include "exitcode.h"

/*
 * Runs until a signal, the end of the display or of the program. argc, argv: for reading the
 * configuration again on SIGHUP. Returns how to exit.
 */
enum fh__exit fh__service_run(struct fh__config *cfg, int argc, char *const *argv);

#endif
