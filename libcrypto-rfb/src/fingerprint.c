/* SPDX-License-Identifier: MIT */
/* fingerprint.c -- 32 bytes that name a public key, and their text. */
#include "internal.h"

#include <string.h>

void fh_fingerprint(const uint8_t *spki, size_t len, uint8_t out[FH_FINGERPRINT_LEN])
{
    static const char prefix[] = "fsc1 identity"; /* its NUL is hashed, too */
    struct fh__hash h;

    fh__hash_init(&h);
    fh__hash_add(&h, prefix, sizeof prefix);
    fh__hash_add(&h, spki, len);
    fh__hash_peek(&h, out);
}

void fh_fingerprint_to_hex(const uint8_t fp[FH_FINGERPRINT_LEN], char out[FH_FINGERPRINT_HEX])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < FH_FINGERPRINT_LEN; i++) {
        out[2 * i] = digits[fp[i] >> 4];
        out[2 * i + 1] = digits[fp[i] & 15];
    }
    out[2 * FH_FINGERPRINT_LEN] = 0;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int fh_fingerprint_from_hex(const char *text, uint8_t out[FH_FINGERPRINT_LEN])
{
    uint8_t fp[FH_FINGERPRINT_LEN];
    size_t n = 0;

    for (; *text; text++) {
        int v = digit_value(*text);

        if (*text == ':' || *text == ' ')
            continue;
        if (v < 0 || n == 2 * sizeof fp)
            return FH_CRYPTO_E_FORMAT;
        fp[n / 2] = (uint8_t)(n % 2 == 0 ? v << 4 : fp[n / 2] | v);
        n++;
    }
    if (n != 2 * sizeof fp)
        return FH_CRYPTO_E_FORMAT;
    memcpy(out, fp, sizeof fp);
    return 0;
}
