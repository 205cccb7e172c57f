/* SPDX-License-Identifier: MIT */
/*
 * cloud_address.h -- what names an endpoint at a cloud, and what lets it enrol there, as bytes and
 * as people write them.
 *
 *     fh_cloud_address_random(), _parse(), _print()
 *     fh_cloud_password_random(), _parse(), _print()
 *
 * An address is 95 random bits, 12 bytes big-endian with the top bit 0. As text it is these and 5
 * bits of checksum in 20 characters of Crockford's base32, "VJ4MX-HTQZP-R8L9N-K2YWB". The checksum
 * finds every single wrong character and every exchange of two neighbours. A password is 128 random
 * bits, 26 characters. Both are read in either case, with spaces and hyphens anywhere, O as 0, and
 * I and L as 1.
 *
 * Pure functions over the caller's memory; any thread. docs/protocol.md, "Cloud addresses".
 */
#ifndef FH_CLOUD_ADDRESS_H
#define FH_CLOUD_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/cloud_error.h>
#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_CLOUD_ADDRESS_LEN = 12,
    FH_CLOUD_ADDRESS_TEXT = 24, /* 20 characters, three hyphens, zero byte */
    FH_CLOUD_PASSWORD_LEN = 16,
    FH_CLOUD_PASSWORD_TEXT = 27 /* 26 characters, zero byte */
};

/* The top bit is 0. */
bool fh_cloud_address_is_valid(const uint8_t address[FH_CLOUD_ADDRESS_LEN]);

void fh_cloud_address_random(fh_random_fn random, void *user, uint8_t out[FH_CLOUD_ADDRESS_LEN]);

/* address must be valid. */
void fh_cloud_address_print(const uint8_t address[FH_CLOUD_ADDRESS_LEN],
                            char out[FH_CLOUD_ADDRESS_TEXT]);

/*
 * Reads len characters; borrowed. Returns 0; FH_CLOUD_E_PROTO: another number of characters, or one
 * that is none of the alphabet; FH_CLOUD_E_CHECKSUM: it was mistyped. out is then untouched.
 */
int fh_cloud_address_parse(const char *text, size_t len, uint8_t out[FH_CLOUD_ADDRESS_LEN]);

void fh_cloud_password_random(fh_random_fn random, void *user, uint8_t out[FH_CLOUD_PASSWORD_LEN]);

/* out is as secret as the password. */
void fh_cloud_password_print(const uint8_t password[FH_CLOUD_PASSWORD_LEN],
                             char out[FH_CLOUD_PASSWORD_TEXT]);

/* As fh_cloud_address_parse(), without a checksum. */
int fh_cloud_password_parse(const char *text, size_t len, uint8_t out[FH_CLOUD_PASSWORD_LEN]);

#ifdef __cplusplus
}
#endif

#endif
