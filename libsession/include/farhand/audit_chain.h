/* SPDX-License-Identifier: MIT */
/*
 * audit_chain.h -- lines of the audit, chained by SHA-256 so that later changes are seen.
 *
 * Each line ends in its number and its link; the first line of each file names the link before it,
 * so that a log goes on over files and restarts:
 *
 *     {...,"seq":7,"chain":"HEX"}          {...,"seq":8,"prev":"HEX of 7","chain":"HEX"}
 *
 *     link n = SHA-256(64 hex digits of link n-1 || the line up to, not including, ,"chain")
 *
 * Link 0 is 32 zero bytes. There is no key in it: who can write the file can make the rest of it
 * anew, and nobody sees that who has not kept a link elsewhere. So keep one: `seq` and link of the
 * last line, from time to time (vncserverctl audit verify prints them), on another machine.
 *
 *     fh_audit_chain_seal()     a line of fh_audit_format() becomes the next of the chain
 *     fh_audit_chain_read()     what a line says, to go on behind it
 *     fh_audit_verify_line()    each line of the log, in order; fh_audit_verify_file() between
 * files
 *
 * No memory, no I/O. One verifier, one thread.
 */
#ifndef FH_AUDIT_CHAIN_H
#define FH_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/audit.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FH_AUDIT_LINK_LEN = 32, FH_AUDIT_LINK_HEX = 65 /* with NUL */ };

/* Where a chain stands: number and link of its last line. Zeroed: no line yet. */
struct fh_audit_chain {
    uint64_t seq;
    uint8_t link[FH_AUDIT_LINK_LEN];
};

/*
 * Makes the line (len bytes, from fh_audit_format(), in memory of room >= FH_AUDIT_LINE_MAX) the
 * next of the chain. begins_file: name the link before. Returns its new length and moves c on.
 */
int fh_audit_chain_seal(struct fh_audit_chain *c, bool begins_file, char *line, size_t len,
                        size_t room);
/* What a line of len bytes, with its newline, says of itself. False: it is not one of a chain. */
bool fh_audit_chain_read(const char *line, size_t len, struct fh_audit_chain *out);
void fh_audit_link_to_hex(const uint8_t link[FH_AUDIT_LINK_LEN], char out[FH_AUDIT_LINK_HEX]);
bool fh_audit_link_from_hex(const char *text, uint8_t out[FH_AUDIT_LINK_LEN]);

/* What is wrong with a line. The names are stable: vncserverctl prints them. */
#define FH_AUDIT_FAULTS(X)                                                                         \
    X(NONE, "none", "nothing")                                                                     \
    X(FORM, "not-a-line", "it is not a line of this log")                                          \
    X(EDITED, "edited", "it, or its place, was changed")                                           \
    X(REMOVED, "removed", "lines before it are missing")                                           \
    X(ORDER, "reordered", "it stands in the wrong place, or twice")                                \
    X(TRUNCATED, "truncated", "it has no end: the file was cut, or its writer died")               \
    X(HEAD, "head-missing", "the file does not begin where a file begins")

enum fh_audit_fault {
#define X(name, word, text) FH_AUDIT_FAULT_##name,
    FH_AUDIT_FAULTS(X)
#undef X
};

const char *fh_audit_fault_word(enum fh_audit_fault fault);
const char *fh_audit_fault_text(enum fh_audit_fault fault);

/* Zeroed is the start. */
struct fh_audit_verifier {
    struct fh_audit_chain at; /* behind the last line that was believed */
    uint64_t first;           /* number of the first line; 0: none yet */
    uint64_t lines, faults;   /* how many */
    uint64_t missing;         /* with FAULT_REMOVED: the first number that is not there */
    bool begins_file;         /* the next line is a file's first */
};

/* Before the first line of each file, the newer file after the older one. */
void fh_audit_verify_file(struct fh_audit_verifier *v);
/* line: with its newline, if it has one. After a fault it goes on with what the line says. */
enum fh_audit_fault fh_audit_verify_line(struct fh_audit_verifier *v, const char *line, size_t len);

#ifdef __cplusplus
}
#endif

#endif
