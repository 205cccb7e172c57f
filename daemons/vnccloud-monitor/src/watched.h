/* SPDX-License-Identifier: MIT */
/*
 * watched.h -- the addresses of an owner, the keys that he knows of, and what the log has about
 * them.
 *
 * The file of addresses has a line for each: the cloud address, then the fingerprints of the
 * identities that may be bound to it, 64 hexadecimal digits each. # begins a comment.
 */
#ifndef FH__WATCHED_H
#define FH__WATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/cloud_address.h>
#include <farhand/tlog.h>

enum { FH__WATCHED_KEYS = 32, FH__WATCHED_MAX = 4096, FH__LEAVES_MAX = 65536 };

/* What became of a leaf about one of the addresses. */
enum fh__verdict {
    FH__NOTED,    /* no binding: for information */
    FH__KNOWN,    /* a binding to a key of the file */
    FH__UNKNOWN,  /* ALARM: a binding to another key */
    FH__WITHHELD, /* ALARM: the cloud does not say what was logged */
    FH__FALSE     /* ALARM: what it says is not what was logged */
};

struct fh__leaf {
    uint64_t index;
    struct fh_tlog_leaf leaf;
    size_t address; /* whose, in the list below */
    enum fh__verdict verdict;
    struct fh_tlog_binding binding; /* of those that were opened */
};

struct fh__watched_address {
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    uint8_t tag[FH_TLOG_TAG_LEN];
    uint8_t keys[FH__WATCHED_KEYS][32];
    size_t keys_len;
};

struct fh__watched {
    struct fh__watched_address *addresses;
    size_t n;
    struct fh__leaf *leaves; /* in the order of the log */
    size_t leaves_len;
};

/* text: len bytes, the file. Returns 0; -1: line *line is wrong, *expected says what was expected
 * there. */
int fh__watched_parse(const char *text, size_t len, struct fh__watched *out, unsigned *line,
                      const char **expected);
void fh__watched_free(struct fh__watched *w);

/* Whose tag this is: an index, or -1. */
int fh__watched_find(const struct fh__watched *w, const uint8_t tag[FH_TLOG_TAG_LEN]);
/* -1: no memory, or more than FH__LEAVES_MAX. */
int fh__watched_add(struct fh__watched *w, uint64_t index, const struct fh_tlog_leaf *leaf,
                    size_t address);

#endif
