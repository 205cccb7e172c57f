/* SPDX-License-Identifier: MIT */
/* syscalls.h -- the system calls that each kind of our processes is left with, by seccomp(2). */
#ifndef FH__SYSCALLS_H
#define FH__SYSCALLS_H

#include <stdbool.h>

#include "protocol.h"

/* Whatever is not on the list of the role ends the process. -1: the filter does not hold. */
int fh__syscalls_allow(enum fh__role role, bool keeps_children);

#endif
