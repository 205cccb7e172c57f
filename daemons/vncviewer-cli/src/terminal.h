/* SPDX-License-Identifier: MIT */
/* terminal.h -- asking the person at the terminal, and showing text that may be hostile. */
#ifndef VNCVIEWER_TERMINAL_H
#define VNCVIEWER_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Whether there is a controlling terminal to ask on. */
bool terminal_can_ask(void);
/*
 * Asks on the controlling terminal; is_secret: what is typed is not shown. The answer has no
 * newline. 0, -1 if there is no terminal or the input ended, or TERMINAL_INTERRUPTED: SIGINT or
 * SIGTERM came, and its handler has been called.
 */
enum { TERMINAL_INTERRUPTED = -2 };
int terminal_ask(const char *question, bool is_secret, char *answer, size_t room);
/* Copies text so that it is safe to show: valid UTF-8, nothing that controls or reorders. */
void terminal_escape(const char *text, char *out, size_t room);
/*
 * Writes text of a peer to f: as it is, or, where f is a terminal, with '?' for what controls it or
 * reorders its lines; newlines and tabs stay.
 */
void terminal_print(FILE *f, const char *text, size_t len);

#endif
