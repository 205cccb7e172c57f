/* SPDX-License-Identifier: MIT */
/*
 * rsaaes.h -- RSA-AES, the security types 5, 6, 129 and 130 of RFB, for viewers and servers that do
 * not know the secure channel. Both ends, as a core without I/O. docs/protocol.md, "RSA-AES".
 *
 *     fh_rsaaes_in / _in_done     bytes from the peer, never more than belong to RSA-AES
 *     fh_rsaaes_event             what is asked, or arrived; repeat until 0
 *     fh_rsaaes_out / _out_done   bytes to the peer
 *     fh_rsaaes_write / _write_done   once open: bytes to seal
 *
 *     EV_VERIFY        client: the server's key       fh_rsaaes_accept(), or free it
 *     EV_DECRYPT       a secret under our key         fh_rsaaes_decrypted()
 *     EV_CREDENTIALS   client: who are we?            fh_rsaaes_credentials()
 *     EV_LOGIN         server: who the viewer says it is; from here on it is open
 *     EV_DATA          bytes of the session
 *
 * Types 6 and 130 protect the credentials only: after them both sides speak in clear, and the
 * machine wants and gives no more bytes.
 *
 * What is gained: the server is who has the key, what passes is secret and whole (5, 129), and the
 * viewer's password is told to nobody else. What is not: the agreement on a type is not protected,
 * so a client needs a minimum; past sessions are safe only if the client's key is made for one.
 *
 * The key is one of its own, a struct fh_rsaaes_key in a file of its own form: RSA-AES decrypts,
 * and who could have something decrypted with an identity could sign as it. Decryption never says
 * whether the padding was right: the exchange goes on with another secret, and fails at the first
 * record. No time-outs here. One thread at a time. The machine fails once and stays failed.
 */
#ifndef FH_RSAAES_H
#define FH_RSAAES_H

#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_RSAAES_BITS_DEFAULT = 2048,   /* as other servers have */
    FH_RSAAES_BITS_MIN = 2048,       /* of a peer's key */
    FH_RSAAES_BITS_MAX = 8192,       /* of a peer's key */
    FH_RSAAES_PUB_MAX = 4 + 2 * 512, /* bytes of the public part of a key of ours */
    FH_RSAAES_PEER_MAX = 4 + 2 * 1024,
    FH_RSAAES_TEXT_MAX = 255,  /* bytes of a name, and of a password */
    FH_RSAAES_WRITE_MAX = 8174 /* bytes in a record: there are peers that read 8192 at a time */
};

enum fh_rsaaes_type {
    FH_RSAAES_128 = 5,       /* AES-128, SHA-1 */
    FH_RSAAES_128_LOGIN = 6, /* the same, for the credentials only */
    FH_RSAAES_256 = 129,     /* AES-256, SHA-256 */
    FH_RSAAES_256_LOGIN = 130
};

/* ---- keys ---- */

struct fh_rsaaes_key;

/* bits: 2048, 3072 or 4096. 0.1 s to seconds of CPU. The caller frees. */
int fh_rsaaes_key_generate(unsigned bits, fh_random_fn random, void *user,
                           struct fh_rsaaes_key **out);
/*
 * Reads an unencrypted PKCS#1 key ("BEGIN RSA PRIVATE KEY") with e = 65537, len without NUL: not
 * the form of an identity, so that one file is never both. Errors as fh_identity_from_pem().
 */
int fh_rsaaes_key_from_pem(const char *pem, size_t len, struct fh_rsaaes_key **out);
/* The other way; room at least FH_IDENTITY_PEM_MAX. The caller wipes it. */
int fh_rsaaes_key_to_pem(const struct fh_rsaaes_key *k, char *out, size_t room);
void fh_rsaaes_key_free(struct fh_rsaaes_key *k); /* NULL is fine */
/* u32 bits || N || E, E as long as N; lent until the key is freed. */
const uint8_t *fh_rsaaes_key_pub(const struct fh_rsaaes_key *k, size_t *len);

/*
 * Answers EV_DECRYPT: in of in_len bytes (of the modulus), and len bytes of the secret to out. What
 * is no encryption of len bytes gives random ones, and nobody learns that. 3.5 ms and more of CPU.
 * FH_CRYPTO_E_INVAL: in_len is not the modulus'.
 */
int fh_rsaaes_key_decrypt(struct fh_rsaaes_key *k, const uint8_t *in, size_t in_len,
                          fh_random_fn random, void *user, uint8_t *out, size_t len);

enum { FH_RSAAES_FINGERPRINT = 8, FH_RSAAES_FINGERPRINT_TEXT = 24 };

/*
 * What other programs show of a key: the first 8 bytes of SHA-1(pub), "xx-xx-xx-xx-xx-xx-xx-xx". 64
 * bits of an old hash: for people to compare, never for machines.
 */
void fh_rsaaes_fingerprint(const uint8_t *pub, size_t len, char out[FH_RSAAES_FINGERPRINT_TEXT]);
/* FH_CRYPTO_E_KEY: a peer's key of a form or size that is not taken. */
int fh_rsaaes_check_pub(const uint8_t *pub, size_t len);

/* ---- the exchange ---- */

struct fh_rsaaes_config {
    enum fh_role role;
    enum fh_rsaaes_type type;
    fh_random_fn random; /* required */
    void *random_user;
    const uint8_t *pub; /* server: of our key; borrowed as long as the machine lives */
    size_t pub_len;
    bool password_only; /* server: no name is asked for */
};

enum fh_rsaaes_event_type {
    FH_RSAAES_EV_VERIFY,      /* ev.key */
    FH_RSAAES_EV_DECRYPT,     /* ev.decrypt */
    FH_RSAAES_EV_CREDENTIALS, /* ev.needs_user */
    FH_RSAAES_EV_LOGIN,       /* ev.login; lent until the next call of _in_done or _free */
    FH_RSAAES_EV_DATA         /* ev.data, lent until the next call of _in */
};

struct fh_rsaaes_event {
    enum fh_rsaaes_event_type type;
    union {
        struct {
            const uint8_t *pub; /* lent for the machine's life */
            size_t len;
        } key;
        struct {
            const uint8_t *data; /* lent until answered */
            size_t len;          /* of our modulus */
            size_t want;         /* bytes of the secret */
        } decrypt;
        bool needs_user;
        struct {
            const char *user, *password; /* NUL behind each; none inside user */
            size_t user_len, password_len;
        } login;
        struct {
            const uint8_t *data;
            size_t len;
        } data;
    };
};

struct fh_rsaaes;

/* NULL: no memory, or a server without a key. */
struct fh_rsaaes *fh_rsaaes_new(const struct fh_rsaaes_config *cfg);
void fh_rsaaes_free(struct fh_rsaaes *r); /* wipes; NULL is fine */

/* Where the peer's next bytes go, as many as are sure to be RSA-AES'. NULL: none now. */
uint8_t *fh_rsaaes_in(struct fh_rsaaes *r, size_t *room);
/* 0, or the error that it failed with: FH_CRYPTO_E_PROTO, _KEY, _AUTH, _INTERNAL. */
int fh_rsaaes_in_done(struct fh_rsaaes *r, size_t used);
int fh_rsaaes_event(struct fh_rsaaes *r, struct fh_rsaaes_event *ev); /* 1, or 0: none */
const uint8_t *fh_rsaaes_out(const struct fh_rsaaes *r, size_t *len); /* NULL: nothing */
void fh_rsaaes_out_done(struct fh_rsaaes *r, size_t sent);

/* Each FH_CRYPTO_E_INVAL if nothing asked for it. pub: of our key, made for this connection. */
int fh_rsaaes_accept(struct fh_rsaaes *r, const uint8_t *pub, size_t pub_len);
int fh_rsaaes_decrypted(struct fh_rsaaes *r, const uint8_t *secret, size_t len);
/* Cut to FH_RSAAES_TEXT_MAX they would be others: FH_CRYPTO_E_INVAL if longer. */
int fh_rsaaes_credentials(struct fh_rsaaes *r, const char *user, size_t user_len,
                          const char *password, size_t password_len);

/* The credentials went over: types 6 and 130 have nothing more to do, the others carry on. */
bool fh_rsaaes_is_open(const struct fh_rsaaes *r);
/* Open, and what follows is in clear. */
bool fh_rsaaes_is_clear(const struct fh_rsaaes *r);
/* Where up to room bytes may be put that are to be sealed. NULL: not open, or drain _out first. */
uint8_t *fh_rsaaes_write(struct fh_rsaaes *r, size_t *room);
int fh_rsaaes_write_done(struct fh_rsaaes *r, size_t len);
int fh_rsaaes_error(const struct fh_rsaaes *r);

#ifdef __cplusplus
}
#endif

#endif
