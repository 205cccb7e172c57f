/* SPDX-License-Identifier: MIT */
/*
 * apijson.h -- JSON as the API takes and gives it.
 *
 * What is taken is an object without duplicate names, without NUL, nested four deep at most. A
 * member that is not expected is refused: who misspells one is told, instead of being ignored.
 */
#ifndef FH_VNCCLOUDD_APIJSON_H
#define FH_VNCCLOUDD_APIJSON_H

#include <jansson.h>

#include "store.h"

enum { FH__JSON_DEPTH = 4, FH__WHY = 200, FH__TIME_TEXT = 25 };

/* NULL and a sentence in why. */
json_t *fh__json_parse(const char *data, size_t len, char why[FH__WHY]);
/* Only members of the list, which ends in NULL, are there. */
bool fh__json_has_only(const json_t *object, const char *const *names, char why[FH__WHY]);
/* "2026-01-02T03:04:05.678Z"; 0 is null. */
json_t *fh__json_time(uint64_t utc_ms);
void fh__time_text(uint64_t utc_ms, char out[FH__TIME_TEXT]);
json_t *fh__json_hex(const uint8_t *data, size_t len);
bool fh__hex_read(const char *text, uint8_t *out, size_t len);
json_t *fh__json_names(const struct fh__names *l);
/*
 * Texts of an array into names, 1 to FH__GROUP_MAX bytes each, none twice, at most max. 0 or -1.
 * what: how the member is called, for why.
 */
int fh__json_read_names(const json_t *array, const char *what, size_t max, struct fh__names *out,
                        char why[FH__WHY]);
/* A text without control characters, of at most room - 1 bytes; least: the fewest. */
int fh__json_read_text(const json_t *value, const char *what, size_t least, char *out, size_t room,
                       char why[FH__WHY]);
/* A whole number from min to max. */
int fh__json_read_number(const json_t *value, const char *what, int64_t min, int64_t max,
                         int64_t *out, char why[FH__WHY]);

#endif
