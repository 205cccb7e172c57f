/* SPDX-License-Identifier: MIT */
/*
 * tlog.h -- a transparency log: the Merkle tree of RFC 6962, checkpoints as C2SP signed notes, and
 * what this cloud writes into it.
 *
 * Who is told a peer's key together with a proof:
 *
 *     fh_tlog_key_parse()          the log's public key (vkey), from the configuration
 *     fh_tlog_proof_parse()        what came with the key
 *     fh_tlog_proof_check()        this binding stands in the log of that checkpoint
 *     fh_tlog_order()              the checkpoint beside the newest one seen before
 *     fh_tlog_check_consistency()  ... and that one grew into it
 *
 * Who keeps a log or reads all of it:
 *
 *     fh_tlog_tree_append(), fh_tlog_tree_root()     the root of what was appended, in 2 KiB
 *     fh_tlog_prove_inclusion(), _consistency()      from stored hashes
 *     fh_tlog_checkpoint_sign()
 *     fh_tlog_tile_path()                            where tlog-tiles keeps them
 *
 * Pure functions over the caller's memory, whose time and memory the arguments' lengths bound; any
 * thread. Not done here: witnesses' cosignatures (they are skipped), signatures other than Ed25519,
 * keeping anything. Specifications: RFC 6962 section 2 and RFC 9162 section 2.1; C2SP signed-note,
 * tlog-checkpoint, tlog-tiles; docs/protocol.md, "The log".
 */
#ifndef FH_TLOG_H
#define FH_TLOG_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/cloud_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_TLOG_HASH_LEN = 32,
    FH_TLOG_MAX_PROOF = 64, /* hashes; a tree of less than 2^63 leaves never needs more */
    FH_TLOG_KEY_LEN = 32,   /* an Ed25519 public key, and the seed of a secret one */
    FH_TLOG_MAX_NAME = 127, /* bytes of a key's name, which is the log's origin */
    /* "NAME+12345678+" and the base64 of 33 bytes, zero byte included. */
    FH_TLOG_VKEY_TEXT = FH_TLOG_MAX_NAME + 10 + 44 + 1,
    FH_TLOG_MAX_NOTE = 4096,      /* bytes that are read, cosignatures included */
    FH_TLOG_MAX_CHECKPOINT = 900, /* bytes that are written, and that go into a frame */
    FH_TLOG_SALT_LEN = 32,
    FH_TLOG_LEAF_LEN = 57,     /* what this cloud appends */
    FH_TLOG_TAG_LEN = 16,      /* what leaves about one address have in common */
    FH_TLOG_ADDRESS_LEN = 12,  /* a cloud address */
    FH_TLOG_BINDING_LEN = 98,  /* the entry of a binding */
    FH_TLOG_MAX_ENTRY = 2048,  /* bytes of any entry */
    FH_TLOG_TILE_WIDTH = 256,  /* hashes of a full tile */
    FH_TLOG_TILE_TEXT = 64,    /* a tile's path, zero byte included */
    FH_TLOG_MAX_TILE_LEVEL = 7 /* 256^8 leaves are more than there are */
};

#define FH_TLOG_MAX_SIZE INT64_MAX /* leaves */

/* ---- hashes (RFC 6962 2.1) ------------------------------------------------------------------ */

/* MTH({d}): data is len bytes, any. */
void fh_tlog_hash_leaf(const void *data, size_t len, uint8_t out[FH_TLOG_HASH_LEN]);
/* The hash of an inner node; out may be one of the two. */
void fh_tlog_hash_node(const uint8_t left[FH_TLOG_HASH_LEN], const uint8_t right[FH_TLOG_HASH_LEN],
                       uint8_t out[FH_TLOG_HASH_LEN]);

/*
 * A tree that is appended to: the roots of its complete subtrees. A zeroed one is empty; copyable
 * with =.
 */
struct fh_tlog_tree {
    uint64_t size;
    uint8_t peak[63][FH_TLOG_HASH_LEN]; /* [i] counts where bit i of size is set */
};

/* Append a leaf by its hash. size must be less than FH_TLOG_MAX_SIZE. */
void fh_tlog_tree_append(struct fh_tlog_tree *t, const uint8_t leaf[FH_TLOG_HASH_LEN]);
/* MTH of all leaves; of none it is SHA-256 of nothing. */
void fh_tlog_tree_root(const struct fh_tlog_tree *t, uint8_t out[FH_TLOG_HASH_LEN]);

/* ---- proofs (RFC 9162 2.1.3, 2.1.4) --------------------------------------------------------- */

/*
 * Is the leaf with this hash the one of this index in the tree of size leaves with this root?
 * path: path_len hashes one after the other, as RFC 6962 2.1.1 orders them.
 * Returns 0; FH_CLOUD_E_LOG if the path does not show it, for whatever reason.
 */
int fh_tlog_check_inclusion(const uint8_t leaf[FH_TLOG_HASH_LEN], uint64_t index, uint64_t size,
                            const uint8_t root[FH_TLOG_HASH_LEN], const uint8_t *path,
                            size_t path_len);

/*
 * Is the tree of old_size leaves with old_root the beginning of the one of new_size with new_root?
 * Equal sizes need equal roots and no path; so does old_size 0, whose root is SHA-256 of nothing.
 * Returns 0; FH_CLOUD_E_LOG.
 */
int fh_tlog_check_consistency(uint64_t old_size, const uint8_t old_root[FH_TLOG_HASH_LEN],
                              uint64_t new_size, const uint8_t new_root[FH_TLOG_HASH_LEN],
                              const uint8_t *path, size_t path_len);

/*
 * Gives the root of a complete subtree: of the leaves from index << level on, 1 << level of them.
 * Returns 0, or a negative number that becomes the result of who asked.
 */
typedef int (*fh_tlog_read_fn)(void *user, unsigned level, uint64_t index,
                               uint8_t out[FH_TLOG_HASH_LEN]);

/* The root of the first size leaves. Returns 0 or what read returned. */
int fh_tlog_root(uint64_t size, fh_tlog_read_fn read, void *user, uint8_t out[FH_TLOG_HASH_LEN]);

/*
 * The path that fh_tlog_check_inclusion() takes; at most FH_TLOG_MAX_PROOF hashes.
 * Returns how many, FH_CLOUD_E_INVAL if index is not below size, or what read returned.
 */
int fh_tlog_prove_inclusion(uint64_t index, uint64_t size, fh_tlog_read_fn read, void *user,
                            uint8_t out[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN]);
/* The path that fh_tlog_check_consistency() takes. FH_CLOUD_E_INVAL if old_size > new_size. */
int fh_tlog_prove_consistency(uint64_t old_size, uint64_t new_size, fh_tlog_read_fn read,
                              void *user, uint8_t out[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN]);

/* ---- keys and notes (C2SP signed-note) ------------------------------------------------------ */

struct fh_tlog_key {
    char name[FH_TLOG_MAX_NAME + 1]; /* zero-terminated */
    uint8_t id[4];
    uint8_t public_key[FH_TLOG_KEY_LEN];
};

/*
 * The key of a log that signs with this Ed25519 key. name: 1 to FH_TLOG_MAX_NAME bytes of UTF-8
 * without spaces, control characters and plus signs. Returns 0; FH_CLOUD_E_INVAL.
 */
int fh_tlog_key_make(const char *name, const uint8_t public_key[FH_TLOG_KEY_LEN],
                     struct fh_tlog_key *out);
/* A vkey: "NAME+ID+BASE64", with the ID that belongs to it. Returns 0; FH_CLOUD_E_PROTO. */
int fh_tlog_key_parse(const char *vkey, size_t len, struct fh_tlog_key *out);
/* Returns the number of characters. */
int fh_tlog_key_print(const struct fh_tlog_key *key, char out[FH_TLOG_VKEY_TEXT]);

/* The Ed25519 public key of a seed. */
void fh_tlog_public_key(const uint8_t seed[FH_TLOG_KEY_LEN], uint8_t out[FH_TLOG_KEY_LEN]);

/*
 * Open a signed note: is it well-formed, and signed with this key? Signatures of other keys are
 * skipped. note: len bytes, at most FH_TLOG_MAX_NOTE.
 * Returns the length of the text at the note's begin, its last line break included;
 * FH_CLOUD_E_PROTO if it is no note, FH_CLOUD_E_LOG if the key did not sign it.
 */
int fh_tlog_note_open(const struct fh_tlog_key *key, const char *note, size_t len);
/*
 * Sign a text that ends with a line break, and write text and signature. seed: of the key; wiped
 * nowhere here. Returns the note's length, not terminated; FH_CLOUD_E_INVAL if the text cannot be
 * that of a note or room is too short.
 */
int fh_tlog_note_sign(const struct fh_tlog_key *key, const uint8_t seed[FH_TLOG_KEY_LEN],
                      const char *text, size_t len, char *out, size_t room);

/* ---- checkpoints (C2SP tlog-checkpoint) ----------------------------------------------------- */

/* The origin is the name of the key that signs. */
struct fh_tlog_checkpoint {
    uint64_t size; /* leaves, at most FH_TLOG_MAX_SIZE */
    uint8_t root[FH_TLOG_HASH_LEN];
};

/* Open a note and read the checkpoint in it; lines behind the root are skipped. Errors as there. */
int fh_tlog_checkpoint_open(const struct fh_tlog_key *key, const char *note, size_t len,
                            struct fh_tlog_checkpoint *out);
/* Returns the note's length; FH_CLOUD_E_INVAL as above. FH_TLOG_MAX_CHECKPOINT is enough room. */
int fh_tlog_checkpoint_sign(const struct fh_tlog_key *key, const uint8_t seed[FH_TLOG_KEY_LEN],
                            const struct fh_tlog_checkpoint *c, char *out, size_t room);

enum fh_tlog_order {
    FH_TLOG_SAME,
    FH_TLOG_NEWER, /* to be kept in the old one's place, once its consistency was checked */
    FH_TLOG_OLDER  /* to be believed once the kept one's consistency with it was checked */
};

/*
 * How a checkpoint that is seen stands to the one that is kept. Returns enum fh_tlog_order;
 * FH_CLOUD_E_FORK if two of the same size differ, which the two notes prove to anybody.
 */
int fh_tlog_order(const struct fh_tlog_checkpoint *kept, const struct fh_tlog_checkpoint *seen);

/* ---- what this cloud writes into its log ---------------------------------------------------- */

enum fh_tlog_kind {
    FH_TLOG_BINDING = 1, /* an address was bound to an identity */
    FH_TLOG_RESET = 2,   /* its password was, so that another identity may enrol */
    FH_TLOG_REMOVAL = 3,
    FH_TLOG_POLICY = 4,  /* its roles, groups or limits changed */
    FH_TLOG_OPERATOR = 5 /* any other change that an operator made */
};

/*
 * A leaf: u8 kind | u64 UTC ms | tag | commitment. Who knows a cloud address finds all leaves about
 * it by their tag, so that nothing can be logged about it behind its owner's back; who does not
 * know it cannot guess its 95 bits. What was logged only who knows the salt can tell.
 */
struct fh_tlog_leaf {
    uint8_t kind; /* enum fh_tlog_kind, or a later one */
    uint64_t time_ms;
    uint8_t tag[FH_TLOG_TAG_LEN]; /* zero: not about an address */
    uint8_t commitment[FH_TLOG_HASH_LEN];
};

void fh_tlog_leaf_write(const struct fh_tlog_leaf *leaf, uint8_t out[FH_TLOG_LEAF_LEN]);
/* Returns 0; FH_CLOUD_E_PROTO if it is not FH_TLOG_LEAF_LEN bytes with a kind. */
int fh_tlog_leaf_parse(const void *data, size_t len, struct fh_tlog_leaf *out);
/* The tag: the first bytes of SHA-256("farhand log address 1" 0 | address). */
void fh_tlog_tag(const uint8_t address[FH_TLOG_ADDRESS_LEN], uint8_t out[FH_TLOG_TAG_LEN]);
/* The commitment: HMAC-SHA-256(salt, entry). */
void fh_tlog_commit(const uint8_t salt[FH_TLOG_SALT_LEN], const void *entry, size_t len,
                    uint8_t out[FH_TLOG_HASH_LEN]);

struct fh_tlog_binding {
    uint8_t address[FH_TLOG_ADDRESS_LEN];
    uint8_t fingerprint[32]; /* of the identity: docs/protocol.md, section 2 */
    uint8_t seal_key[32];
};

/* "farhand log binding 1" 0 | address | fingerprint | seal key */
void fh_tlog_binding_write(const struct fh_tlog_binding *b, uint8_t out[FH_TLOG_BINDING_LEN]);
/* Returns 0; FH_CLOUD_E_PROTO. */
int fh_tlog_binding_parse(const void *entry, size_t len, struct fh_tlog_binding *out);

/*
 * What a binding's statement comes with: salt[32] | u8 kind | u64 UTC ms | u64 index |
 * u8 n, hashes[32] | u16 len, checkpoint. The pointers are borrowed from what was parsed.
 */
struct fh_tlog_proof {
    uint8_t salt[FH_TLOG_SALT_LEN];
    uint8_t kind;
    uint64_t time_ms;
    uint64_t index;
    const uint8_t *path; /* path_len hashes */
    size_t path_len;
    const char *checkpoint;
    size_t checkpoint_len;
};

enum {
    FH_TLOG_MAX_PROOF_LEN = 32 + 9 + 8 + 1 + 64 * 32 + 2 + 900 /* bytes, on the wire */
};

/* Returns 0; FH_CLOUD_E_PROTO. */
int fh_tlog_proof_parse(const void *data, size_t len, struct fh_tlog_proof *out);
/* Returns the number of bytes; FH_CLOUD_E_INVAL if a limit is passed or room is too short. */
int fh_tlog_proof_write(const struct fh_tlog_proof *p, uint8_t *out, size_t room);

/*
 * Is this binding in the log? out: the checkpoint that p shows it by, to be held against the one
 * that is kept. Returns 0; FH_CLOUD_E_PROTO, FH_CLOUD_E_LOG with out untouched.
 */
int fh_tlog_proof_check(const struct fh_tlog_proof *p, const struct fh_tlog_key *key,
                        const struct fh_tlog_binding *binding, struct fh_tlog_checkpoint *out);

/* ---- files (C2SP tlog-tiles) ---------------------------------------------------------------- */

/*
 * The path of a tile below the log's prefix: "tile/L/x001/x234/067", with ".p/W" where width is
 * less than FH_TLOG_TILE_WIDTH. level: 0 to FH_TLOG_MAX_TILE_LEVEL; -1 for the entries themselves,
 * "tile/entries/...". Returns the number of characters.
 */
int fh_tlog_tile_path(int level, uint64_t index, unsigned width, char out[FH_TLOG_TILE_TEXT]);
/* The other way round, and nothing but what that writes. Returns 0; FH_CLOUD_E_PROTO. */
int fh_tlog_tile_parse(const char *path, size_t len, int *level, uint64_t *index, unsigned *width);

#ifdef __cplusplus
}
#endif

#endif
