/* SPDX-License-Identifier: MIT */
/*
 * tlog.h -- the transparency log of this cloud: who writes it, and what clients get of it.
 *
 *     fh__tlog_open()
 *     fh__tlog_append()          one more leaf; told when it is on the disk and in a checkpoint
 *     fh__tlog_prove()           the log proof of a leaf, for the broker's messages
 *     fh__tlog_consistency()     that the log grew, for LOG_CONSISTENCY
 *     fh__tlog_checkpoint()      the newest
 *     fh__tlog_get()             what HTTPS serves below /log/
 *     fh__tlog_openings()        what was logged about an address, for its owner
 *     fh__tlog_forget()          ... and from now on for nobody
 *     fh__tlog_close()           asynchronous
 *
 * Files, in a folder of its own, as C2SP tlog-tiles names them: checkpoint, tile/...; and besides
 * key (the seed of the Ed25519 key, made together with the log), openings/... They are written in
 * the order openings, tiles, checkpoint, each one on the disk before the next: a checkpoint never
 * speaks of what may get lost. What stands in tiles beyond the checkpoint was never promised to
 * anybody, and is written over.
 *
 * Leaves that are appended while others are being written go together, up to 256, with one
 * checkpoint. A change that cannot be written is refused: FH__STORE_E_FULL and so on, and the log
 * is as it was. If the disk does not say whether the newest checkpoint is on it, it is not told to
 * anybody, and nothing more is written until the next start, which reads what there is.
 *
 * Memory: 300 KiB and a cache of 1 MiB. Writing happens in libuv's pool, everything else in the
 * loop's thread; proofs read full tiles, 8 KiB each, where the cache has them not.
 */
#ifndef FH__TLOG_H
#define FH__TLOG_H

#include <stdbool.h>

#include <uv.h>

#include <farhand/tlog.h>

struct fh__tlog;

struct fh__tlog_config {
    const char *folder; /* made if it is not there; its own folder must be */
    const char *name;   /* of the cloud: the origin. Without spaces and plus signs */
    /* UTC in milliseconds; NULL: the system's clock. */
    uint64_t (*utc)(void *user);
    void *user;
};

/*
 * Reads the log, or makes a new one, in this call. why: room bytes, gets a sentence when it fails.
 * Returns 0; -1: there is no log that may be written to. A log whose checkpoint or key is missing
 * is not made anew: that would be a second history.
 */
int fh__tlog_open(uv_loop_t *loop, const struct fh__tlog_config *cfg, struct fh__tlog **out,
                  char *why, size_t room);

/* The public key, for those who configure clients. Returns the number of characters. */
int fh__tlog_vkey(const struct fh__tlog *t, char out[FH_TLOG_VKEY_TEXT]);

/*
 * error 0: it stands at index, and salt opens it. Otherwise FH__STORE_E_*: FULL, READONLY, IO,
 * CLOSED; nothing was logged. Called from the loop, never from inside _append(); salt: borrowed.
 */
typedef void (*fh__tlog_done_fn)(void *user, int error, uint64_t index,
                                 const uint8_t salt[FH_TLOG_SALT_LEN]);

/*
 * kind: enum fh_tlog_kind. address: whom it is about, or NULL. entry: len bytes, 1 to
 * FH_TLOG_MAX_ENTRY, copied. Returns 0: done() will be called; FH__STORE_E_NOMEM, _CLOSED.
 */
int fh__tlog_append(struct fh__tlog *t, uint8_t kind, const uint8_t *address, const void *entry,
                    size_t len, fh__tlog_done_fn done, void *user);

/* The same for a binding. */
int fh__tlog_append_binding(struct fh__tlog *t, const struct fh_tlog_binding *b,
                            fh__tlog_done_fn done, void *user);

/*
 * The same for any other change: its line of the audit, len bytes. The entry is "farhand log WORD
 * 1" 0 | address or nothing | line, where WORD is reset, removal, policy or operator, and a line
 * that is too long is "sha256:" and its hexadecimal hash.
 */
int fh__tlog_append_line(struct fh__tlog *t, uint8_t kind, const uint8_t *address, const char *line,
                         size_t len, fh__tlog_done_fn done, void *user);

/* The newest checkpoint; lent until the loop runs again. */
const char *fh__tlog_checkpoint(const struct fh__tlog *t, size_t *len);
uint64_t fh__tlog_size(const struct fh__tlog *t);

/*
 * The log proof (fh_tlog_proof_parse()) of the leaf at index, under the newest checkpoint.
 * Returns its length, at most FH_TLOG_MAX_PROOF_LEN; FH__STORE_E_NOT_FOUND, _IO.
 */
int fh__tlog_prove(struct fh__tlog *t, uint64_t index, const uint8_t salt[FH_TLOG_SALT_LEN],
                   uint8_t *out, size_t room);
/* Returns the number of hashes; FH__STORE_E_NOT_FOUND if there are no two such sizes, _IO. */
int fh__tlog_consistency(struct fh__tlog *t, uint64_t old_size, uint64_t new_size,
                         uint8_t out[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN]);

/* What HTTPS answers with 200. */
struct fh__tlog_file {
    uint8_t *body; /* malloc */
    size_t len;
    const char *type;  /* Content-Type */
    const char *cache; /* Cache-Control */
};

/*
 * path: what follows "/log/", len bytes from a peer. Only what the newest checkpoint covers is
 * served; of a tile any width that it has. Returns 0; FH__STORE_E_NOT_FOUND, _IO, _NOMEM.
 */
int fh__tlog_get(struct fh__tlog *t, const char *path, size_t path_len, struct fh__tlog_file *out);

struct fh__tlog_opening {
    uint64_t index;
    uint8_t kind;
    uint64_t time_ms;
    uint8_t salt[FH_TLOG_SALT_LEN];
    uint8_t entry[FH_TLOG_MAX_ENTRY];
    size_t entry_len;
};

/*
 * Each opening of this address in the order of the log. Returns how many, FH__STORE_E_IO. What the
 * log does not bear out is left out.
 */
int fh__tlog_openings(struct fh__tlog *t, const uint8_t address[FH_TLOG_ADDRESS_LEN],
                      void (*each)(void *user, const struct fh__tlog_opening *o), void *user);
/*
 * The same as JSON, an array: [{"index": 5, "kind": "binding", "time": 1700000000000,
 * "salt": HEX, "entry": HEX}, ...], which is what vnccloud-monitor reads. malloc; NULL: see *error.
 */
char *fh__tlog_openings_json(struct fh__tlog *t, const uint8_t address[FH_TLOG_ADDRESS_LEN],
                             int *error);
/* The address is no more: nobody can open what was logged about it. */
void fh__tlog_forget(struct fh__tlog *t, const uint8_t address[FH_TLOG_ADDRESS_LEN]);

struct fh__tlog_counters {
    uint64_t appended, refused, checkpoints, proofs, tiles_read;
    bool is_broken; /* nothing more is written until the next start */
};

void fh__tlog_count(const struct fh__tlog *t, struct fh__tlog_counters *out);

/* ASYNCHRONOUS: what is being written is finished, what waits is told CLOSED; then closed(user),
 * which may be NULL, and it is freed. */
void fh__tlog_close(struct fh__tlog *t, void (*closed)(void *user), void *user);

#endif
