/* SPDX-License-Identifier: MIT */
/* tlog_state.h -- what the files of the log share. */
#ifndef FH__TLOG_STATE_H
#define FH__TLOG_STATE_H

#include "tlog.h"
#include "tlog_edge.h"

enum {
    FH__TLOG_BATCH = 256,
    FH__TLOG_CACHE = 128,        /* full tiles */
    FH__TLOG_OPENINGS = 1 << 20, /* bytes of the openings of one address */
    FH__TLOG_PATH = 128
};

/* One call of fh__tlog_append(), or of fh__tlog_forget(). */
struct fh__tlog_item {
    struct fh__tlog_item *next;
    bool has_address, is_forgetting;
    uint8_t address[FH_TLOG_ADDRESS_LEN];
    struct fh__tlog_opening o; /* index and time are set when it is written */
    fh__tlog_done_fn done;
    void *user;
};

struct fh__tlog_list {
    struct fh__tlog_item *first, **end;
    size_t n;
};

struct fh__tlog_cached {
    bool is_set;
    int level;
    uint64_t index;
    uint8_t hashes[FH_TLOG_TILE_WIDTH][FH_TLOG_HASH_LEN];
};

struct fh__tlog {
    uv_loop_t *loop;
    struct fh__tlog_config cfg;
    int dir;
    struct fh_tlog_key key;
    uint8_t seed[FH_TLOG_KEY_LEN];
    struct fh__tlog_edge edge; /* what the checkpoint covers */
    char checkpoint[FH_TLOG_MAX_CHECKPOINT];
    size_t checkpoint_len;
    struct fh__tlog_cached *cache; /* FH__TLOG_CACHE of them */

    /* The worker's while is_writing. */
    uv_work_t work;
    struct fh__tlog_list batch;
    struct fh__tlog_edge next;
    char next_checkpoint[FH_TLOG_MAX_CHECKPOINT];
    size_t next_checkpoint_len;
    int batch_error; /* errno, negative */
    bool is_lost;    /* nobody knows which checkpoint is on the disk */
    bool is_writing;

    struct fh__tlog_list waiting;
    uint64_t last_ms; /* of the newest leaf */
    bool is_closing;
    uv_idle_t soon;
    void (*closed)(void *user);
    void *closed_user;
    struct fh__tlog_counters count;
};

int fh__tlog_error(int err); /* FH__STORE_E_* for a negative errno */
/* Closes and frees; nothing is being written. */
void fh__tlog_release(struct fh__tlog *t);

/* Reads entry index, below the checkpoint's size. 0; FH__STORE_E_IO. */
int fh__tlog_entry_at(struct fh__tlog *t, uint64_t index, uint8_t out[FH_TLOG_LEAF_LEN]);

/* In the worker: adds an opening to its address's file; removes the file. Negative errno. */
int fh__tlog_openings_add(struct fh__tlog *t, const struct fh__tlog_item *item);
void fh__tlog_openings_remove(struct fh__tlog *t, const uint8_t address[FH_TLOG_ADDRESS_LEN]);

#endif
