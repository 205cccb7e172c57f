/* SPDX-License-Identifier: MIT */
/* shown.h -- text of strangers, made fit to be shown to a person who decides by it. */
#ifndef FH__SHOWN_H
#define FH__SHOWN_H

#include <stddef.h>

enum { FH__SHOWN_CHARS = 300 /* shown of one text; what is longer ends in an ellipsis */ };

/*
 * Copies text to out (room at least 8 bytes) as valid UTF-8 in one line: what controls, hides,
 * reorders, quotes as we do, or is not UTF-8 becomes U+FFFD; more than three marks on one letter,
 * and letters that are only marks, are left out. Cut whole if it does not fit.
 */
void fh__shown(const char *text, char *out, size_t room);

#endif
