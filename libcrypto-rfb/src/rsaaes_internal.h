/* SPDX-License-Identifier: MIT */
/* rsaaes_internal.h -- what the files of RSA-AES share. Never installed. */
#ifndef FH_CRYPTO_RSAAES_INTERNAL_H
#define FH_CRYPTO_RSAAES_INTERNAL_H

#include <farhand/rsaaes.h>

#include "eax.h"

enum {
    FH__SHA1_LEN = 20,
    FH__RSAAES_SECRET_MAX = 32,
    FH__RSAAES_RECORD_MAX = 2 + 65535 + FH__EAX_TAG_LEN, /* as long as its length can say */
    FH__RSAAES_OUT_MAX = 2 + FH_RSAAES_WRITE_MAX + FH__EAX_TAG_LEN
};

void fh__sha1(const void *data, size_t len, uint8_t out[FH__SHA1_LEN]);
/* Bytes of a modulus of so many bits; 0: not one that is taken from a peer. */
size_t fh__rsaaes_modulus_len(uint32_t bits);
/* To a checked pub; out: as long as its modulus. */
int fh__rsaaes_encrypt(const uint8_t *pub, size_t pub_len, fh_random_fn random, void *user,
                       const uint8_t *secret, size_t len, uint8_t *out);

/* In zeroed memory; a server's first words wait then. */
int fh__rsaaes_init(struct fh_rsaaes *r, const struct fh_rsaaes_config *cfg);

/* What the next bytes of the peer are. */
enum fh__rsaaes_state {
    FH__RSAAES_BITS,    /* the first four bytes of its key */
    FH__RSAAES_KEY,     /* the rest */
    FH__RSAAES_VERIFY,  /* client: nothing, until the key is accepted */
    FH__RSAAES_LENGTH,  /* of the encrypted secret */
    FH__RSAAES_SECRET,  /* the secret */
    FH__RSAAES_DECRYPT, /* nothing, until it is decrypted */
    FH__RSAAES_HASH,    /* records from here on: of both keys */
    FH__RSAAES_SUBTYPE, /* client: what credentials are wanted */
    FH__RSAAES_ASK,     /* client: nothing, until they are there */
    FH__RSAAES_LOGIN,   /* server: the credentials */
    FH__RSAAES_OPEN,    /* the session's */
    FH__RSAAES_CLEAR,   /* nothing any more */
    FH__RSAAES_FAILED
};

struct fh__rsaaes_way {
    struct fh__eax eax;
    uint64_t count; /* records; the nonce */
};

struct fh_rsaaes {
    struct fh_rsaaes_config cfg;
    size_t secret_len, hash_len, key_len;
    enum fh__rsaaes_state state;
    int error;
    bool has_event, is_data;
    struct fh_rsaaes_event event;
    uint8_t own_pub[FH_RSAAES_PUB_MAX], peer_pub[FH_RSAAES_PEER_MAX];
    size_t own_len, peer_len;
    uint8_t own_secret[FH__RSAAES_SECRET_MAX], peer_secret[FH__RSAAES_SECRET_MAX];
    struct fh__rsaaes_way to, from;
    char user[FH_RSAAES_TEXT_MAX + 1], password[FH_RSAAES_TEXT_MAX + 1];
    bool has_head;          /* the length of a record was read */
    size_t have, need;      /* bytes of what is being read */
    size_t out_at, out_len; /* of out: from where, to where */
    uint8_t out[FH__RSAAES_OUT_MAX];
    uint8_t in[FH__RSAAES_RECORD_MAX];
};

#endif
