/* SPDX-License-Identifier: MIT */
/* people.h -- who is connected, in a sentence. */
#ifndef FH__PEOPLE_H
#define FH__PEOPLE_H

#include <stddef.h>

#include <jansson.h>

enum { FH__SENTENCE = 1024 /* bytes with NUL */ };

/* How many there are. line: what vncserverd said; out: a sentence about them, FH__SENTENCE bytes;
 * "" for nobody. */
size_t fh__people(const json_t *line, char *out);

#endif
