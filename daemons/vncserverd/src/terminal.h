/* SPDX-License-Identifier: MIT */
/* terminal.h -- asking for a new password: twice without echo on a terminal, else a line of stdin.
 */
#ifndef FH__TERMINAL_H
#define FH__TERMINAL_H

#include <stddef.h>

/* 0 and the length of what is in out (not NUL-terminated); -1 and a sentence in error. */
int fh__terminal_new_password(char *out, size_t room, size_t *len, char *error, size_t error_room);
/* One line of stdin without its end, after a question; NUL-terminated. Likewise. */
int fh__terminal_line(const char *question, char *out, size_t room, size_t *len, char *error,
                      size_t error_room);

#endif
