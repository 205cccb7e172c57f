/* SPDX-License-Identifier: MIT */
/*
 * ice_candidate.h -- candidates and descriptions as text (RFC 8839), for whatever carries them.
 *
 *     fh_ice_candidate_parse(), _print()      one candidate-attribute line
 *     fh_ice_description_parse(), _print()    credentials, options and candidates: an offer or
 * answer
 *
 * Pure functions over the caller's memory; any thread. Component 1 over UDP only: candidates for
 * others, over TCP, or with a host name (mDNS) are recognised and said to be unsupported, so that
 * they can be skipped.
 */
#ifndef FH_ICE_CANDIDATE_H
#define FH_ICE_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/ice_address.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_ICE_MAX_CANDIDATES = 32,     /* that one side may signal */
    FH_ICE_MAX_FOUNDATION = 32,     /* characters; RFC 8839 5.1 */
    FH_ICE_MIN_UFRAG = 4,           /* characters; RFC 8839 5.4 */
    FH_ICE_MIN_PWD = 22,            /* characters; RFC 8839 5.4 */
    FH_ICE_MAX_CREDENTIAL = 256,    /* characters of either; RFC 8839 5.4 */
    FH_ICE_CANDIDATE_TEXT = 224,    /* room that fh_ice_candidate_print() never exceeds */
    FH_ICE_DESCRIPTION_TEXT = 8192, /* room that fh_ice_description_print() never exceeds */
    FH_ICE_MAX_TEXT = 65536 /* bytes of a description that fh_ice_description_parse() reads */
};

enum fh_ice_candidate_type {
    FH_ICE_HOST,
    FH_ICE_SRFLX, /* server-reflexive: how a STUN server sees us, or what a port mapping gave */
    FH_ICE_PRFLX, /* peer-reflexive: how the peer sees us */
    FH_ICE_RELAY  /* an address of a TURN server */
};

/* A plain value; copy it with =. */
struct fh_ice_candidate {
    enum fh_ice_candidate_type type;
    uint32_t priority; /* RFC 8445 5.1.2; 1 to 2^31 - 1 */
    struct fh_ice_address address;
    struct fh_ice_address related; /* raddr, rport; FH_ICE_FAMILY_NONE: none */
    char foundation[FH_ICE_MAX_FOUNDATION + 1];
};

/*
 * Read one candidate: "candidate:1 1 UDP 2130706431 192.0.2.1 4711 typ host", also with "a=" before
 * it. Extensions at its end are ignored.
 * text: len characters, borrowed. Returns 0; FH_ICE_E_UNSUPPORTED: well-formed, but of a kind that
 * is not used here (another component or transport, a host name, an unknown type); FH_ICE_E_PROTO.
 * Unless 0, out is untouched.
 */
int fh_ice_candidate_parse(const char *text, size_t len, struct fh_ice_candidate *out);

/* Write one candidate, without "a=". out: FH_ICE_CANDIDATE_TEXT bytes. Returns its length. */
size_t fh_ice_candidate_print(const struct fh_ice_candidate *c, char *out);

/* What one side tells the other. Without pointers; 3.5 kB: not for deep stacks. */
struct fh_ice_description {
    char ufrag[FH_ICE_MAX_CREDENTIAL + 1];
    char pwd[FH_ICE_MAX_CREDENTIAL + 1];
    bool is_lite;     /* a=ice-lite */
    bool is_trickle;  /* a=ice-options:trickle, more candidates may follow */
    bool is_complete; /* a=end-of-candidates, no more will follow (RFC 8838 8.2) */
    size_t len;       /* candidates */
    size_t skipped; /* of fh_ice_description_parse(): unsupported candidates, and those above 32 */
    struct fh_ice_candidate candidates[FH_ICE_MAX_CANDIDATES];
};

/*
 * Read a description: lines of SDP attributes (RFC 8839 section 5), with or without "a=", ended by
 * LF or CRLF. Other lines are ignored. ice-ufrag and ice-pwd must be there, once each.
 * text: len characters, borrowed. Returns 0, or FH_ICE_E_PROTO with out untouched.
 */
int fh_ice_description_parse(const char *text, size_t len, struct fh_ice_description *out);

/*
 * Write a description: one attribute a line, ended by LF, zero-terminated.
 * Returns its length, or FH_ICE_E_ROOM (FH_ICE_DESCRIPTION_TEXT is always enough).
 */
int fh_ice_description_print(const struct fh_ice_description *d, char *out, size_t room);

/* A user fragment or password: min to 256 of letters, digits, '+' and '/'. */
bool fh_ice_is_credential(const char *text, size_t len, size_t min);

#ifdef __cplusplus
}
#endif

#endif
