/* SPDX-License-Identifier: MIT */
/* leave.h -- what happens to the desktop when its last viewer is gone: it is locked, or logged out.
 */
#ifndef FH__LEAVE_H
#define FH__LEAVE_H

#include "config.h"
#include "attendant.h"

enum { FH__LEAVE_MS = 10000 /* that the program may take */ };

/* Begun here, done by a program that nobody waits for. */
void fh__leave(uv_loop_t *loop, const struct fh__config *cfg, const struct fh__seat *seat);

#endif
