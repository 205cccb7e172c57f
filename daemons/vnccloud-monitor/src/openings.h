/* SPDX-License-Identifier: MIT */
/*
 * openings.h -- what the cloud says was logged about an address, held against the log.
 *
 * JSON: an array of {"index": N, "salt": HEX, "entry": HEX, ...}, as the API gives it under
 * "openings".
 */
#ifndef FH__OPENINGS_H
#define FH__OPENINGS_H

#include "watched.h"

/* Which openings are asked for: each about one address, once. */
struct fh__opened {
    size_t address;
    uint64_t index;
    uint8_t salt[FH_TLOG_SALT_LEN];
    uint8_t entry[FH_TLOG_MAX_ENTRY];
    size_t entry_len;
};

/* text: len bytes of JSON: the array, or an object that has it. each() is told of every opening
 * in it. Returns 0; -1: it is no such thing. */
int fh__openings_parse(const char *text, size_t len, size_t address,
                       void (*each)(void *user, const struct fh__opened *o), void *user);

/* Each leaf's verdict, before anything was opened: FH__WITHHELD. */
void fh__verdicts_begin(struct fh__watched *w);
/* One opening came. What is about no leaf of that address is passed over. user: struct fh__watched.
 */
void fh__verdicts_open(void *user, const struct fh__opened *o);

/* Is it one to raise the alarm for? */
bool fh__verdict_is_alarm(enum fh__verdict v);
const char *fh__verdict_name(enum fh__verdict v);
const char *fh__kind_name(uint8_t kind);

#endif
