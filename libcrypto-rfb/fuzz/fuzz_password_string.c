/* SPDX-License-Identifier: MIT */
/* A line of a user file and what a person typed. Nothing here computes an argon2id hash. */
#include <stdlib.h>
#include <string.h>

#include <farhand/password.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t fp[FH_FINGERPRINT_LEN];
    char *text = malloc(len + 1);
    int ret;

    if (!text)
        return 0;
    if (len != 0)
        memcpy(text, data, len);
    text[len] = 0;
    ret = fh_password_needs_rehash(text);
    if (ret != 0 && ret != 1 && ret != FH_CRYPTO_E_FORMAT)
        abort();
    if (ret >= 0 && strlen(text) >= FH_PASSWORD_HASH_MAX)
        abort();
    (void)fh_fingerprint_from_hex(text, fp);
    (void)fh_catchphrase_complete(text);
    ret = fh_catchphrase_matches(text, text);
    if (ret != 0 && ret != FH_CATCHPHRASE_WORDS)
        abort();
    free(text);
    return 0;
}
