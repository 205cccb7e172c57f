/* SPDX-License-Identifier: MIT */
/* show.h -- answers for people: tables, and one thing line by line. */
#ifndef FH_VNCCLOUDCTL_SHOW_H
#define FH_VNCCLOUDCTL_SHOW_H

#include <jansson.h>

struct fh__column {
    const char *title, *member;
    int width; /* 0: the last one */
};

/* columns: end in a NULL title. The head of a table, then each page of it. */
void fh__show_head(const struct fh__column *columns);
void fh__show_rows(const struct fh__column *columns, const json_t *items);
/* "name: value", a line for each member. */
void fh__show_object(const json_t *object);
void fh__show_json(const json_t *value);

#endif
