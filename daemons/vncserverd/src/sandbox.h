/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h -- what a process of ours gives up before it looks at anything that others say.
 *
 *     fh__sandbox_begin()   dies with its parent, no core, no debugger, limits
 *     fh__sandbox_user()    another user, no capabilities, no network
 *     fh__sandbox_end()     no files (Landlock), no system calls but those of its kind (seccomp),
 *                           nothing of the monitor's to write to
 *
 * The kernel refuses some of it under some configurations: all is tried, what holds is told, and
 * the monitor logs what does not. The filter of system calls must hold, or _end() fails.
 */
#ifndef FH__SANDBOX_H
#define FH__SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "messages.h"

#define FH__CONFINEMENTS(X)                                                                        \
    X(LIMITS, 0x1, "limits of resources")                                                          \
    X(USER, 0x2, "a user of its own")                                                              \
    X(NO_CAPABILITIES, 0x4, "no capabilities")                                                     \
    X(NETWORK, 0x8, "an empty network")                                                            \
    X(NO_NEW_PRIVILEGES, 0x10, "no new privileges")                                                \
    X(LANDLOCK, 0x20, "Landlock")                                                                  \
    X(SYSTEM_CALLS, 0x40, "few system calls")                                                      \
    X(LOCKED, 0x80, "memory that is never swapped")

enum fh__confinement {
#define X(name, bit, text) FH__CONFINED_##name = (bit),
    FH__CONFINEMENTS(X)
#undef X
};

struct fh__sandbox {
    enum fh__role role;
    struct fh__msg_confined holds; /* so far */
};

struct fh__sandbox_files {
    const char *read[4], *write[4]; /* trees; NULL ends the list */
};

void fh__sandbox_begin(struct fh__sandbox *s, enum fh__role role);
/* Memory is not swapped from now on, as far as we may say so; before _user(). */
void fh__sandbox_lock(struct fh__sandbox *s);
/*
 * user: its name; "": stay who we are, but without capabilities. starts_programs: these are to have
 * what whoever we are has, so it is given up in _end() only. -1 and a sentence in error.
 */
int fh__sandbox_user(struct fh__sandbox *s, const char *user, bool starts_programs, char *error,
                     size_t room);
/* A part of _end(), by itself. */
void fh__sandbox_limits(struct fh__sandbox *s);
/* files: NULL, none. keeps_children: it starts and ends programs. -1: the filter does not hold. */
int fh__sandbox_end(struct fh__sandbox *s, const struct fh__sandbox_files *files,
                    bool keeps_children);
/* What of this role's sandbox does not hold, as words; "": all of it. */
void fh__sandbox_missing(enum fh__role role, uint32_t holds, char *out, size_t room);

#endif
