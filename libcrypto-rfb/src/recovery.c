/* SPDX-License-Identifier: MIT */
/* recovery.c -- codes for who has no authenticator at hand: sixteen characters of base32. */
#include <string.h>

#include <farhand/totp.h>

#include "internal.h"

enum { CHARACTERS = 16, GROUP = 4, BITS = 5 };

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void fh_recovery_new(fh_random_fn random, void *user, char out[FH_RECOVERY_TEXT])
{
    uint8_t bytes[CHARACTERS];
    size_t n = 0;

    random(user, bytes, sizeof bytes);
    for (size_t i = 0; i < CHARACTERS; i++) {
        if (i > 0 && i % GROUP == 0)
            out[n++] = '-';
        out[n++] = alphabet[bytes[i] & ((1 << BITS) - 1)];
    }
    out[n] = '\0';
    fh_wipe(bytes, sizeof bytes);
}

/* What people misread; NUL: no character of a code. */
static char canonical(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    if (c == '0' || c == '1' || c == '8')
        return c == '0' ? 'o' : c == '1' ? 'l' : 'b';
    return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7') ? c : '\0';
}

int fh_recovery_hash(const char *name, const char *code, size_t len,
                     uint8_t out[FH_RECOVERY_HASH_LEN])
{
    static const char label[] = "Farhand recovery code";
    uint8_t key[FH__HASH_LEN];
    char text[CHARACTERS];
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = canonical(code[i]);

        if (code[i] == '-' || code[i] == ' ')
            continue;
        if (c == '\0' || n == CHARACTERS) {
            fh_wipe(text, sizeof text);
            return FH_CRYPTO_E_FORMAT;
        }
        text[n++] = c;
    }
    fh__hmac((const uint8_t *)label, sizeof label, name, strlen(name), key);
    if (n == CHARACTERS)
        fh__hmac(key, sizeof key, text, n, out);
    fh_wipe(text, sizeof text);
    return n == CHARACTERS ? 0 : FH_CRYPTO_E_FORMAT;
}
