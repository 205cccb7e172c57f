/* SPDX-License-Identifier: MIT */
/*
 * trust.h -- whether the server at the other end is the one it should be: trust on first use.
 *
 * trust_judge() decides while the handshake waits, without asking anyone. What only a person can
 * decide is asked after the connection was closed, by trust_ask(), and the next connection expects
 * exactly the identity that was decided on.
 */
#ifndef VNCVIEWER_TRUST_H
#define VNCVIEWER_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/identity.h>
#include <farhand/known_peers.h>

enum verdict {
    VERDICT_TRUSTED,
    VERDICT_UNKNOWN, /* never seen, and nothing said that it may be accepted */
    VERDICT_CHANGED, /* another key is known under this name */
    VERDICT_REVOKED,
    VERDICT_NOT_GIVEN, /* not the identity that --trust names */
    VERDICT_UNCHECKED, /* known, but each connection is to be checked */
    VERDICT_FAILED     /* the store cannot be read or written; why says it */
};

struct trust {
    const char *store; /* path of the known-servers file */
    const char *name;  /* "host:port" or a path */
    const char *given; /* --trust, or NULL */
    bool accept_new, hash_names, verify_always;

    /* Filled by trust_judge: of the server that was met. */
    uint8_t spki[FH_SPKI_MAX];
    size_t spki_len;
    char fingerprint[FH_FINGERPRINT_HEX];
    char phrase[FH_CATCHPHRASE_MAX];
    char known_phrase[FH_CATCHPHRASE_MAX]; /* of the key that is known instead, "" if not cached */
    char known_fingerprint[FH_FINGERPRINT_HEX];
    char other_name[FH_KNOWN_PEERS_NAME_MAX + 1]; /* same key, known under another name; or "" */
    enum fh_known_how how;
    bool was_asked;     /* a person accepted this very identity */
    bool is_checked;    /* vouched for in this very run: typed, or given */
    bool has_successor; /* another key is kept that this one named */
    char why[256];

    /* Of a server without the channel. */
    unsigned older; /* its security type; 0: it has the channel */
    bool has_key;
    uint8_t key[32];
    char short_fingerprint[32]; /* as other programs show it, or "" */
};

enum verdict trust_judge(struct trust *t, const uint8_t *spki, size_t len);
/*
 * After VERDICT_UNKNOWN or _UNCHECKED, on the terminal. True: connect again. The person types a
 * sentence of the catchphrase he was told, or accepts it unseen; both are recorded as what they
 * are.
 */
bool trust_ask(struct trust *t);
/*
 * Keeps the key that the server named as its next; phrase gets its catchphrase. How many names have
 * it that did not before, or negative, and why.
 */
int trust_rotate(struct trust *t, const uint8_t *spki, size_t len, char phrase[FH_CATCHPHRASE_MAX]);
/* The server names none any more: one that was kept is forgotten. */
void trust_withdraw(struct trust *t);
/*
 * The same for a server without the channel; key: 32 bytes, NULL: the type proves nothing. What it
 * used is remembered, and nothing weaker is taken from it later.
 */
enum verdict trust_judge_older(struct trust *t, unsigned type, const uint8_t *key,
                               const char *short_fingerprint);
/* Raises *minimum to what was used there before. -1: why. */
int trust_older_minimum(struct trust *t, unsigned *minimum, bool *is_remembered);
void trust_explain_older(const struct trust *t, enum verdict verdict, char *out, size_t room);
/* How the trust came about, for `info`. */
const char *trust_how_text(enum fh_known_how how);
/* The sentences that tell a person about a verdict, several lines. */
void trust_explain(const struct trust *t, enum verdict verdict, char *out, size_t room);

#endif
