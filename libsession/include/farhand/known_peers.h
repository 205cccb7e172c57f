/* SPDX-License-Identifier: MIT */
/*
 * known_peers.h -- identities that were seen before (trust on first use), as a text file.
 *
 * The core works on text in memory; reading and atomic writing of files is in known_peers_file.h.
 * Names are what the user connects to, "host:port" in lower case, or a socket's path; they may be
 * stored hashed. One line a key; unknown fields and lines of later versions are kept as they are.
 * The fingerprint and the whole key are compared, never the phrase.
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
    FH_KNOWN_PHRASE_TYPED,  /* a person typed (part of) the phrase he was told */
    FH_KNOWN_GIVEN,         /* given in advance: option, configuration, administrator */
    FH_KNOWN_ACCEPTED_BLIND /* accepted without comparing */
};

enum fh_known_result { FH_KNOWN_UNKNOWN, FH_KNOWN_MATCHES, FH_KNOWN_CHANGED, FH_KNOWN_REVOKED };

/* What the store says of a name. Texts are lent until the store changes. */
struct fh_known_peer {
    enum fh_known_how how;
    uint8_t fingerprint[32];
    const char *phrase;                /* catchphrase as cached, "" if it was not */
    int64_t first_seen_s, last_seen_s; /* UTC seconds since 1970 */
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
/* Removes all trusted keys of a name; how many there were. */
int fh_known_peers_remove(struct fh_known_peers *k, const char *name);

#ifdef __cplusplus
}
#endif

#endif
