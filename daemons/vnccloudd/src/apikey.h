/* SPDX-License-Identifier: MIT */
/*
 * apikey.h -- the two texts of an API key, and from where it may be used.
 *
 *     vck_ID                    names it: 16 characters, the user of Basic authentication
 *     vck_ID_SECRETCHECKSUM     the password: 32 characters of 190 random bits, 6 of a CRC-32
 *
 * The prefix and the checksum let programs that look for secrets that were left lying about find
 * them, and tell them from noise. What is kept is SHA-256 of the whole secret text: with so many
 * random bits nothing slower is needed. Pure functions.
 */
#ifndef FH_VNCCLOUDD_APIKEY_H
#define FH_VNCCLOUDD_APIKEY_H

#include <farhand/address.h>
#include <farhand/identity.h>

#include "store.h"

enum {
    FH__KEY_NAME_TEXT = 4 + FH__KEY_ID_TEXT,   /* "vck_ID" and NUL */
    FH__SECRET_TEXT = 4 + 16 + 1 + 32 + 6 + 1, /* and NUL */
};

/* A new one. secret: shown once; wipe it. */
void fh__key_generate(fh_random_fn random, void *user, char id[FH__KEY_ID_TEXT],
                      char secret[FH__SECRET_TEXT]);
void fh__key_name(const char *id, char out[FH__KEY_NAME_TEXT]);
/* The id in "vck_ID"; false: it is no name of a key. */
bool fh__key_parse_name(const char *text, size_t len, char id[FH__KEY_ID_TEXT]);
/* Its form, its id and its checksum are right: nothing is proved. */
bool fh__key_check_secret(const char *text, size_t len, const char *id);
void fh__key_hash(const char *secret, size_t len, uint8_t out[32]);

/* "192.0.2.0/24 2001:db8::/32", an address alone is itself. 0, or -1 and what was expected. */
int fh__networks_check(const char *text, const char **expected);
/* True where text is empty. */
bool fh__networks_have(const char *text, const struct fh_address *a);

#endif
