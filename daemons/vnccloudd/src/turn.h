/* SPDX-License-Identifier: MIT */
/*
 * turn.h -- credentials for TURN servers that share a secret with this cloud, as coturn's
 * use-auth-secret has it (draft-uberti-behave-turn-rest-00).
 */
#ifndef FH__TURN_H
#define FH__TURN_H

#include <stddef.h>
#include <stdint.h>

enum {
    FH__TURN_USER = 64,     /* with NUL: "1700000000:" and 32 hexadecimal digits */
    FH__TURN_PASSWORD = 29, /* with NUL: base64 of 20 bytes */
    FH__TURN_SECRET_MIN = 16,
    FH__TURN_SECRET_MAX = 256
};

struct fh__turn_credentials {
    char user[FH__TURN_USER];
    char password[FH__TURN_PASSWORD];
};

/*
 * What is good until `until_s` (Unix seconds). name: 16 random bytes that say nothing of whom they
 * are for.
 */
int fh__turn_credentials(const uint8_t *secret, size_t len, uint64_t until_s,
                         const uint8_t name[16], struct fh__turn_credentials *out);

#endif
