/* SPDX-License-Identifier: MIT */
/*
 * pammsg.h -- what the service and its PAM helper say to each other.
 *
 *     u8 type | u16 length | payload[length]
 *
 *     1 START    to the helper: service, user, remote host, terminal, each u16 length | bytes
 *     2 ANSWERS  to the helper: u8 n, { u16 length | bytes }[n]
 *     3 OPEN     to the helper: begin the session. The end of its input ends the session.
 *     16 ASK     u8 n, { u8 kind | u16 length | data }[n]: the items of auth.h, prompts and notices
 *     17 RESULT  u8 outcome | u16 length | PAM's words for the log
 *     18 OPENED  the same
 *
 * Neither side believes the other: what breaks a rule ends the attempt.
 */
#ifndef FH__PAMMSG_H
#define FH__PAMMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/auth.h>

enum {
    FH__PAM_START = 1,
    FH__PAM_ANSWERS = 2,
    FH__PAM_OPEN = 3,
    FH__PAM_ASK = 16,
    FH__PAM_RESULT = 17,
    FH__PAM_OPENED = 18
};

enum {
    FH__PAM_HEADER = 3,
    FH__PAM_PAYLOAD_MAX = FH_AUTH_ITEMS_MAX * (FH_AUTH_ANSWER_MAX + 8),
    FH__PAM_TEXT_MAX = 255 /* bytes of what START says, and of PAM's words */
};

/* X(NAME, number, word of the records) */
#define FH__PAM_OUTCOMES(X)                                                                        \
    X(RIGHT, 0, "right")                                                                           \
    X(WRONG, 1, "wrong")              /* or there is no such user */                               \
    X(EXPIRED, 2, "password-expired") /* it must be changed, which is not done here */             \
    X(ACCOUNT, 3, "account-closed")   /* expired, locked, not now, not from there */               \
    X(MAPPED, 4, "user-mapped")       /* PAM made another user of it */                            \
    X(SESSION, 5, "session-failed")   /* no credentials, or no session */                          \
    X(FAILED, 6, "pam-failed")        /* PAM itself */

enum fh__pam_outcome {
#define X(name, num, text) FH__PAM_IS_##name = (num),
    FH__PAM_OUTCOMES(X)
#undef X
};

/* NULL: unknown. */
const char *fh__pam_outcome_name(unsigned outcome);

struct fh__pam_start {
    char service[FH__PAM_TEXT_MAX + 1], user[FH__PAM_TEXT_MAX + 1], host[FH__PAM_TEXT_MAX + 1],
        terminal[FH__PAM_TEXT_MAX + 1];
};

struct fh__pam_message {
    uint8_t type;
    struct fh__pam_start start;
    struct fh_item items[FH_AUTH_ITEMS_MAX]; /* of ASK, and of ANSWERS (kind 0); borrowed */
    size_t n_items;
    enum fh__pam_outcome outcome;
    char words[FH__PAM_TEXT_MAX + 1];
};

/* With header, into room for FH__PAM_HEADER + FH__PAM_PAYLOAD_MAX bytes; 0: it cannot be said. */
size_t fh__pam_write(const struct fh__pam_message *m, uint8_t *out);
/* The length of the payload after a header; negative: too long, or an unknown type. */
int fh__pam_read_header(const uint8_t header[FH__PAM_HEADER]);
/* One message, whole. False: it breaks a rule. */
bool fh__pam_read(uint8_t type, const uint8_t *payload, size_t len, struct fh__pam_message *out);

#endif
