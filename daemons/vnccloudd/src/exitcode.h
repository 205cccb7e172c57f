/* SPDX-License-Identifier: MIT */
/* exitcode.h -- how vnccloudd ends. Stable: scripts and units rely on it; vnccloudd.8 lists it. */
#ifndef FH__EXITCODE_H
#define FH__EXITCODE_H

enum fh__exit {
    FH__EXIT_OK = 0,
    FH__EXIT_UNEXPECTED = 1,
    FH__EXIT_USAGE = 2,   /* command line or configuration */
    FH__EXIT_LISTEN = 10, /* an address cannot be listened on */
    FH__EXIT_STATE = 13,  /* keys, certificates or the state directory cannot be used */
    FH__EXIT_STORE = 14   /* the database cannot be used */
};

#endif
