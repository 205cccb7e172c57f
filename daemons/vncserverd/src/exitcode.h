/* SPDX-License-Identifier: MIT */
/* exitcode.h -- how vncserverd ends. Stable: scripts and units rely on it; vncserverd.8 lists it.
 */
#ifndef FH__EXITCODE_H
#define FH__EXITCODE_H

enum fh__exit {
    FH__EXIT_OK = 0,
    FH__EXIT_UNEXPECTED = 1,
    FH__EXIT_USAGE = 2,         /* command line or configuration */
    FH__EXIT_LISTEN = 10,       /* an address cannot be listened on */
    FH__EXIT_DISPLAY = 11,      /* no X display, or a virtual one cannot be started */
    FH__EXIT_DISPLAY_LOST = 12, /* the X server ended while it was shared */
    FH__EXIT_IDENTITY = 13,     /* the identity cannot be read or made */
    FH__EXIT_USERS = 14,        /* the users cannot be read or changed; no such user */
    FH__EXIT_PROGRAM = 15       /* the program of --virtual ended with a failure */
};

#endif
