/* SPDX-License-Identifier: MIT */
/*
 * records.h -- what the monitor writes to its log about the other processes: their own lines, what
 * their sandboxes lack, and how they ended.
 */
#ifndef FH__RECORDS_H
#define FH__RECORDS_H

#include "messages.h"
#include "rd.h"

enum { FH__RECORDS_LINES = 100 /* of the desktop process, in a minute */ };

/* LOG and CONFINED, of whichever process. number: of the session, 0: none. false: it is neither. */
bool fh__records_message(enum fh__role role, uint64_t number, unsigned message, struct rd body);
/* It ended, and should not have. status negative: it could not be started. */
void fh__records_crash(enum fh__role role, uint64_t number, int64_t status, int signal);

#endif
