/* SPDX-License-Identifier: MIT */
/*
 * policy.h -- the administrator's policy: what the configuration file and the command line may not
 * loosen. It is read after them and has the last word. vncserverd.conf(5) describes the file.
 *
 * A policy that is there but cannot be read, is wrong, or could have been written by somebody else
 * keeps the service from starting.
 */
#ifndef FH__POLICY_H
#define FH__POLICY_H

#include "config.h"

#define FH__POLICY_PATH "/etc/vncserverd/policy.conf"

/*
 * Applies the policy in text to c; where it overrules a value, that is logged. Returns the number
 * of complaints.
 */
unsigned fh__policy_read(struct fh__config *c, const char *text, size_t len,
                         fh__config_error_fn error, void *user);
/*
 * Applies FH__POLICY_PATH, or where there is none the file `named`, which must be there; NULL:
 * none. 0, or -1 and a sentence in error.
 */
int fh__policy_load(struct fh__config *c, const char *named, char *error, size_t room);

#endif
