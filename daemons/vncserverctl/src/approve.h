/* SPDX-License-Identifier: MIT */
/* approve.h -- asks the person at this terminal about each viewer that wants to come in. */
#ifndef FH__CTL_APPROVE_H
#define FH__CTL_APPROVE_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Text of a peer, without what a terminal would obey; padded to width characters. */
void fh__print_clean(const char *text, int width);
/*
 * Until the service ends or standard input does; the former is -1. is_json: the service's lines as
 * they are, and a line "NUMBER PERMISSIONS" answers any of its questions.
 */
int fh__approve(FILE *socket, bool is_json);

#endif
