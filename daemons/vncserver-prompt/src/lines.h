/* SPDX-License-Identifier: MIT */
/* lines.h -- what vncserverd says on standard input: a JSON object a line. */
#ifndef FH__LINES_H
#define FH__LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum { FH__LINES_MAX = 1 << 17 /* bytes of one line */ };

struct fh__lines {
    char *text; /* FH__LINES_MAX bytes */
    size_t len;
    bool has_ended;
};

/* false: no memory. */
bool fh__lines_init(struct fh__lines *l);
void fh__lines_finish(struct fh__lines *l);
/* Reads what is there; call it when standard input is readable. */
void fh__lines_read(struct fh__lines *l);
/* The next object, to be released; NULL: none yet, or what came is none: then has_ended. */
json_t *fh__lines_next(struct fh__lines *l);
/* Waits for a whole object, then as above. */
json_t *fh__lines_wait(struct fh__lines *l);

/* A member that is text, "" if it is not. */
const char *fh__text_of(const json_t *object, const char *name);
uint64_t fh__now_ms(void); /* monotonic */
/* A line to standard output. */
void fh__say(const char *line);

#endif
