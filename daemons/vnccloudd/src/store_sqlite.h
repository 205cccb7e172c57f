/* SPDX-License-Identifier: MIT */
/*
 * store_sqlite.h -- the store in a SQLite database, in one file.
 *
 * One worker thread has the connection; answers come back over a uv_async_t. WAL, synchronous=FULL:
 * what was answered with 0 is on the disk. When the disk is full, or the database became read-only,
 * changes fail and say so; looking up goes on.
 */
#ifndef FH_VNCCLOUDD_STORE_SQLITE_H
#define FH_VNCCLOUDD_STORE_SQLITE_H

#include <uv.h>

#include "store.h"

struct fh__store_sqlite_config {
    uv_loop_t *loop;
    const char *path; /* borrowed until return; made with mode 0600 if it is not there */
    uint64_t seen_ms; /* how long to collect last_seen; 0: five minutes */
    unsigned busy_ms; /* how long to wait for another program's lock; 0: 5000 */
};

/*
 * Opens it (blocking: at start), and brings its tables up to date. 0, or FH__STORE_E_* and a
 * sentence in why.
 */
int fh__store_sqlite_open(const struct fh__store_sqlite_config *cfg, char *why, size_t room,
                          struct fh__store **out);

#endif
