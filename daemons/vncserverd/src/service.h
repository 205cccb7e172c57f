/* SPDX-License-Identifier: MIT */
/*
 * service.h -- the running service. This process is its monitor: it listens, decides and keeps the
 * others, which do the work, and reads nothing that a viewer says but what they tell of it.
 *
 *     key       has the private key, signs              key_process.c
 *     session   one for each viewer, speaks with it     session_process.c, here viewer.c
 *     desktop   has the X display                       desktop_process.c
 *
 * protocol.h has what they may say to each other. Everything happens on one thread, but for
 * password checks (libuv's pool). While nobody looks, or nothing changes, all of them sleep.
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
