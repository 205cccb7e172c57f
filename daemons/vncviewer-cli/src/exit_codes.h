/* SPDX-License-Identifier: MIT */
/* exit_codes.h -- what the program's end tells a script. Fixed numbers. */
#ifndef VNCVIEWER_EXIT_CODES_H
#define VNCVIEWER_EXIT_CODES_H

enum exit_code {
    EXIT_OK = 0,
    EXIT_UNEXPECTED = 1,
    EXIT_USAGE = 2,
    EXIT_AUTHENTICATION = 3,
    EXIT_SERVER_UNKNOWN = 4,
    EXIT_SERVER_CHANGED = 5,
    EXIT_CANNOT_CONNECT = 10,
    EXIT_CLOSED_EARLY = 11,
    EXIT_PROTOCOL = 20,
    EXIT_COMMAND_FAILED = 30,
    EXIT_TIMEOUT = 40
};

#endif
