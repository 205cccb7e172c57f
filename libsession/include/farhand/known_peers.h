/* SPDX-License-Identifier: MIT */
/*
 * known_peers.h -- identities that were seen before (trust on first use), as a text file.
 *
 * The core works on text in memory; reading and atomic writing of files is in known_peers_file.h.
 * Names are what the user connects to, "host:port" in lower case, or a socket's path; they may be
 * stored hashed. One line a key; unknown fields and lines of later versions are kept as they are.
 * The fingerprint and the whole key are compared, never the phrase.
 *
 * A key may get a successor, which the server names inside a session (EV_ROTATION of
 * viewer_conn.h):
 *
 *     fh_known_peers_rotate()      it was announced: either key is accepted from now on
 *     fh_known_peers_retire()      it was met: the one before is refused from now on
 *     fh_known_peers_withdraw()    a session began and it was not announced: it is forgotten
 */
#ifndef FH_KNOWN_PEERS_H
#define FH_KNOWN_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/session_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_KNOWN_PEERS_FILE_MAX = 4 << 20, /* bytes */
    FH_KNOWN_PEERS_LINE_MAX = 4096,    /* bytes */
    FH_KNOWN_PEERS_NAME_MAX = 320      /* bytes */
};

/* How a key came to be trusted; decides what may be sent to it. */
enum fh_known_how {
    FH_KNOWN_PHRASE_TYPED,   /* a person typed (part of) the phrase he was told */
    FH_KNOWN_GIVEN,          /* given in advance: option, configuration, administrator */
    FH_KNOWN_ACCEPTED_BLIND, /* accepted without comparing */
    FH_KNOWN_ROTATED         /* named by a key that was trusted before, and not blindly */
};

enum fh_known_status {
    FH_KNOWN_TRUSTED,
    FH_KNOWN_IS_REVOKED, /* refused under any name, for ever */
    FH_KNOWN_RETIRED     /* another key took its place under this name; kept for the record */
};

enum fh_known_result { FH_KNOWN_UNKNOWN, FH_KNOWN_MATCHES, FH_KNOWN_CHANGED, FH_KNOWN_REVOKED };

/* What the store says of a name. Texts are lent until the store changes. */
struct fh_known_peer {
    enum fh_known_how how;
    uint8_t fingerprint[32];
    uint8_t rotated_by[32]; /* FH_KNOWN_ROTATED: the fingerprint of the key that named it */
    const char *phrase;     /* catchphrase as cached, "" if it was not */
    int64_t first_seen_s, last_seen_s; /* UTC seconds since 1970 */
};

/* A server without the channel, as the store has it. */
struct fh_known_older {
    unsigned type; /* the strongest that was used, enum fh_older_type */
    bool has_key;
    uint8_t key[32]; /* SHA-256, as ev.server.fingerprint of viewer_conn.h */
    enum fh_known_how how;
    int64_t first_seen_s, last_seen_s;
};

/* One line of the store. */
struct fh_known_entry {
    char name[FH_KNOWN_PEERS_NAME_MAX + 1]; /* as it is stored */
    bool is_hashed;                         /* then nobody can read it */
    enum fh_known_status status;
    struct fh_known_peer peer;
};

struct fh_known_peers;

/* text: a whole file, borrowed; NULL: empty. FH_SESSION_E_FORMAT sets *line (from 1). */
int fh_known_peers_parse(const char *text, size_t len, struct fh_known_peers **out, unsigned *line);
void fh_known_peers_free(struct fh_known_peers *k);
/* The text of the file; lent until the next call. */
const char *fh_known_peers_text(struct fh_known_peers *k, size_t *len);

/*
 * Looks a name up and compares the whole key. *out (may be NULL) is the stored entry for MATCHES,
 * CHANGED and REVOKED. A revoked key is refused under any name.
 */
enum fh_known_result fh_known_peers_check(const struct fh_known_peers *k, const char *name,
                                          const uint8_t *spki, size_t spki_len,
                                          struct fh_known_peer *out);
/*
 * Another name under which the same key is stored plainly, or NULL: a second address of one server,
 * or a relay. Lent until the next call of this or of fh_known_peers_text().
 */
const char *fh_known_peers_other_name(struct fh_known_peers *k, const char *name,
                                      const uint8_t *spki, size_t spki_len);
/*
 * Adds, or renews how, phrase and last seen of the same key. FH_SESSION_E_CHANGED when the name has
 * another key or the key is revoked: a known key is never overwritten, only removed by name. salt:
 * 16 random bytes to store the name hashed, NULL: plainly.
 */
int fh_known_peers_add(struct fh_known_peers *k, const char *name, const uint8_t *spki,
                       size_t spki_len, enum fh_known_how how, const char *phrase, int64_t now_s,
                       const uint8_t *salt);
/* Removes all keys of a name, but revoked ones; how many there were. */
int fh_known_peers_remove(struct fh_known_peers *k, const char *name);

/*
 * The server with the old key named the new one: it is added under each name for which the old one
 * is trusted, and not blindly, in the place of one that it named before. How many there are, 0 if
 * all had it already.
 * FH_SESSION_E_UNCONFIRMED: the old key is trusted nowhere, or blindly; FH_SESSION_E_CHANGED: the
 * new one was revoked or retired.
 */
int fh_known_peers_rotate(struct fh_known_peers *k, const uint8_t *old_spki, size_t old_len,
                          const uint8_t *new_spki, size_t new_len, const char *phrase,
                          int64_t now_s);
/* The server under this name proved this key: those that it follows are retired. How many. */
int fh_known_peers_retire(struct fh_known_peers *k, const char *name, const uint8_t *spki,
                          size_t spki_len);
/* Removes the keys that this one named as its successors. How many. */
int fh_known_peers_withdraw(struct fh_known_peers *k, const uint8_t *spki, size_t spki_len);
/* This key named a successor that is still trusted. */
bool fh_known_peers_has_successor(const struct fh_known_peers *k, const uint8_t *spki,
                                  size_t spki_len);

/*
 * Servers without the channel (older.h) stand beside: a name may have both, and of these one of
 * each kind of key: of TLS, of RSA-AES, and none.
 */

/* The strongest type that was used there: nothing weaker is to be taken. 0: none is known. */
unsigned fh_known_peers_older_minimum(const struct fh_known_peers *k, const char *name);
/* key: 32 bytes; NULL: the type has none. */
enum fh_known_result fh_known_peers_check_older(const struct fh_known_peers *k, const char *name,
                                                unsigned type, const uint8_t *key,
                                                struct fh_known_older *out);
/* As fh_known_peers_add(); a weaker type than is kept leaves that as it is. */
int fh_known_peers_add_older(struct fh_known_peers *k, const char *name, unsigned type,
                             const uint8_t *key, enum fh_known_how how, int64_t now_s,
                             const uint8_t *salt);
/* The i-th, from 0; false: there are no more. */
bool fh_known_peers_older_entry(const struct fh_known_peers *k, size_t i,
                                char name[FH_KNOWN_PEERS_NAME_MAX + 1], struct fh_known_older *out);

/* The i-th key, from 0; false: there are no more. Texts in *out are lent until the store changes.
 */
bool fh_known_peers_entry(const struct fh_known_peers *k, size_t i, struct fh_known_entry *out);
/* The i-th key is stored under this name, hashed or not. */
bool fh_known_peers_entry_is(const struct fh_known_peers *k, size_t i, const char *name);
const char *fh_known_status_word(enum fh_known_status status);
/* "phrase-typed", "given", "accepted-blind" or "rotated". */
const char *fh_known_how_word(enum fh_known_how how);

#ifdef __cplusplus
}
#endif

#endif
