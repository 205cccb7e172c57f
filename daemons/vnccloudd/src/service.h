/* SPDX-License-Identifier: MIT */
/*
 * service.h -- the life of vnccloudd: keys, store, listeners and loop, wired together.
 *
 * fh__service_run() is one loop in one thread. What it wires, each with a header that says what it
 * is: front.h (listening, TLS, who gets which stream), broker.h, presence.h, store.h.
 */
#ifndef FH__SERVICE_H
#define FH__SERVICE_H

#include "config.h"
#include "exitcode.h"

/* Runs until it is told to end. argv: to read the configuration again. */
enum fh__exit fh__service_run(struct fh__config *cfg, int argc, char *const *argv);
/* Whether it could start: the configuration is good already, this looks at keys and files. */
enum fh__exit fh__service_check(struct fh__config *cfg);
/* Prints the one line that clients need. */
enum fh__exit fh__service_show_client(struct fh__config *cfg);

#endif
