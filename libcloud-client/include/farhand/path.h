/* SPDX-License-Identifier: MIT */
/*
 * path.h -- what two ends say to each other while they look for a path, as lines of text.
 *
 *     fh_path_message_parse(), _print()
 *
 * A line has no line break, and goes by whatever brings it to the peer unchanged and in order: a
 * broker, a file, a pipe. Whoever carries it could lie; what it can do then is to prevent a path,
 * or to take part in one until the channel above has put its own keys in (fh_path_renew()).
 *
 *     hello 1 INDEX NONCE        once, first: the guard's index, 6 hexadecimal digits; 32 fresh
 *                                random bytes, 64 digits
 *     description BASE64         ICE credentials and candidates (RFC 8839); again after a restart
 *     candidate UFRAG CANDIDATE  one more (RFC 8838)
 *     end                        of the candidates
 *
 * Pure functions over the caller's memory; any thread. docs/protocol.md, "Signalling of a path".
 */
#ifndef FH_PATH_H
#define FH_PATH_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/cloud_error.h>
#include <farhand/ice_candidate.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_PATH_NONCE_LEN = 32,
    FH_PATH_LINE_MAX = 11008 /* characters, zero byte included: room that _print() never exceeds */
};

enum fh_path_message_type {
    FH_PATH_HELLO,
    FH_PATH_DESCRIPTION,
    FH_PATH_CANDIDATE,
    FH_PATH_END,
    FH_PATH_SKIP /* well-formed, but of no use here: a candidate over TCP, a host name */
};

/* 4 kB: not for deep stacks. */
struct fh_path_message {
    enum fh_path_message_type type;
    uint32_t index;                        /* HELLO */
    uint8_t nonce[FH_PATH_NONCE_LEN];      /* HELLO */
    struct fh_ice_description description; /* DESCRIPTION */
    struct fh_ice_candidate candidate;     /* CANDIDATE */
    char ufrag[FH_ICE_MAX_CREDENTIAL + 1]; /* CANDIDATE */
};

/*
 * Read one line of len characters, without its line break; borrowed. Returns 0, or FH_CLOUD_E_PROTO
 * with out in no particular state.
 */
int fh_path_message_parse(const char *line, size_t len, struct fh_path_message *out);

/*
 * Write one line, zero-terminated, without a line break. out: FH_PATH_LINE_MAX bytes. Returns its
 * length; FH_CLOUD_E_INVAL: m is nothing that can be said.
 */
int fh_path_message_print(const struct fh_path_message *m, char *out);

#ifdef __cplusplus
}
#endif

#endif
