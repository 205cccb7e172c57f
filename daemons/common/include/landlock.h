/* SPDX-License-Identifier: MIT */
/*
 * landlock.h -- Landlock(7): which files a process may reach, whoever it is. Headers of old systems
 * know little of it, so what newer kernels can do is written down here, and they are asked.
 */
#ifndef FH__LANDLOCK_H
#define FH__LANDLOCK_H

enum { FH__LANDLOCK_SIGNALS = 1, FH__LANDLOCK_TCP = 2 /* what is kept */ };

/*
 * Closes all files but the trees that are named (NULL-terminated lists; NULL: none), TCP, sockets
 * without a path, and signals to others. keeps: not these. What is open stays open.
 * Returns the version of Landlock that is in force, 0: none.
 */
int fh__landlock(const char *const *readable, const char *const *writable, int keeps);

#endif
