/* SPDX-License-Identifier: MIT */
/*
 * role.h -- what our program is when the monitor has started it (child.h): a key, a session or a
 * desktop process. What all three do alike.
 */
#ifndef FH__ROLE_H
#define FH__ROLE_H

#include "exitcode.h"
#include "link.h"
#include "sandbox.h"

/* By the program's own name; FH__MONITOR: the one that people start. */
enum fh__role fh__role_of(const char *argv0);
/* Runs it to its end. */
enum fh__exit fh__role_main(enum fh__role role, char *const *argv);

/* The mains. setup: the first message; lent. arguments: NULL-terminated. */
enum fh__exit fh__key_main(struct fh__sandbox *sandbox, struct rd setup);
enum fh__exit fh__session_main(struct fh__sandbox *sandbox, struct rd setup);
enum fh__exit fh__cloud_main(struct fh__sandbox *sandbox, struct rd setup);
enum fh__exit fh__desktop_main(struct fh__sandbox *sandbox, struct rd setup,
                               char *const *arguments);

/* The last step before anything of others is looked at: tells the monitor what holds. -1: logged.
 */
int fh__role_confine(struct fh__sandbox *s, const struct fh__sandbox_files *files,
                     bool keeps_children);
/* A message that all roles take. */
bool fh__role_message(unsigned number, struct rd body);

#endif
