/* SPDX-License-Identifier: MIT */
/* modes.h -- what this program does; vncserver-prompt.1 describes each. */
#ifndef FH__MODES_H
#define FH__MODES_H

#include "lines.h"

/* Stable; vncserver-prompt.1 lists them. */
enum fh__exit {
    FH__EXIT_OK = 0,
    FH__EXIT_WITHDRAWN = 1, /* the answer was not wanted any more */
    FH__EXIT_USAGE = 2,
    FH__EXIT_NO_DISPLAY = 3
};

enum fh__exit fh__ask(struct fh__lines *lines);
enum fh__exit fh__notice(struct fh__lines *lines);
enum fh__exit fh__notify(struct fh__lines *lines);
enum fh__exit fh__presence(struct fh__lines *lines);

#endif
