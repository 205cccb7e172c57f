/* SPDX-License-Identifier: MIT */
/*
 * follow.h -- reads a log on from where it was, and sees that it only grew.
 *
 * All new entries are read and appended to the tree that was kept: where its root is the new
 * checkpoint's, the log has grown from what was kept into what it is now, and nothing in it was
 * passed over. No I/O here: a source is a function.
 */
#ifndef FH__FOLLOW_H
#define FH__FOLLOW_H

#include "watched.h"

/* Where files of the log come from. path: below the log's prefix. room: how much may come.
 * Returns how many bytes did; -1: they could not be had, and why was told. */
typedef int (*fh__fetch_fn)(void *user, const char *path, uint8_t *out, size_t room);

/* What is known of the log. Zeroed: nothing yet. */
struct fh__followed {
    struct fh_tlog_tree tree;
    char note[FH_TLOG_MAX_NOTE]; /* the newest checkpoint that the tree has led to */
    size_t note_len;
};

enum fh__follow_result {
    FH__FOLLOW_OK,
    FH__FOLLOW_UNREACHABLE, /* the source said why */
    FH__FOLLOW_UNSIGNED,    /* what came is not this log's checkpoint */
    FH__FOLLOW_DAMAGED,     /* entries that are none, or not those of the checkpoint */
    FH__FOLLOW_FORK,        /* ALARM: what was kept is not the beginning of what is there now */
    FH__FOLLOW_TOO_MUCH     /* more about these addresses than is kept track of, or no memory */
};

/*
 * now: the log as it is afterwards, on OK; with FH__FOLLOW_FORK its note is the other checkpoint,
 * to be kept as evidence beside kept's. Leaves about the addresses of w are added to it. With
 * again, all of the log is read, also what was kept: it must lead to the kept root on its way.
 */
enum fh__follow_result fh__follow(const struct fh_tlog_key *key, const struct fh__followed *kept,
                                  bool again, fh__fetch_fn fetch, void *user, struct fh__watched *w,
                                  struct fh__followed *now);

#endif
