/* SPDX-License-Identifier: MIT */
/* pamhelper.h -- the process that talks with PAM, for one attempt and the session after it. */
#ifndef FH__PAMHELPER_H
#define FH__PAMHELPER_H

/* Messages of pammsg.h on standard input and output. Returns the exit status. */
int fh__pamhelper_run(void);

#endif
