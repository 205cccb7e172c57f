/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h -- what vnccloudd gives up once it listens, before it hears anybody.
 *
 *     fh__sandbox_user()    another user, where we are root
 *     fh__sandbox_end()     no capabilities, no files but its own (Landlock), no system calls but
 *                           those of a server with a database (seccomp), no programs
 *
 * What the kernel refuses of it is logged; the filter of system calls must hold.
 */
#ifndef FH__SANDBOX_H
#define FH__SANDBOX_H

#include "config.h"

/*
 * Where we are root: becomes the user that the configuration names. makes: the state directory is
 * made, and given to it. 0; -1 and a sentence in why.
 */
int fh__sandbox_user(const struct fh__config *c, bool makes, char *why, size_t room);
/* config_file: NULL: none. 0; -1: the filter does not hold. */
int fh__sandbox_end(const struct fh__config *c, const char *config_file);

#endif
