/* SPDX-License-Identifier: MIT */
#include <farhand/vncauth.h>

#include <string.h>

#include <mbedtls/des.h>
#include <sodium.h>

#include "internal.h"

/* Each byte of the key has its bits in reverse: the first implementation did so. */
static uint8_t reversed(uint8_t b)
{
    uint8_t out = 0;

    for (int i = 0; i < 8; i++)
        out = (uint8_t)(out << 1 | (b >> i & 1));
    return out;
}

int fh_vncauth_response(const char *password, size_t password_len,
                        const uint8_t challenge[FH_VNCAUTH_LEN], uint8_t out[FH_VNCAUTH_LEN])
{
    uint8_t key[FH_VNCAUTH_PASSWORD_MAX] = {0};
    mbedtls_des_context des;
    int ret;

    for (size_t i = 0; i < sizeof key && i < password_len; i++)
        key[i] = reversed((uint8_t)password[i]);
    mbedtls_des_init(&des);
    ret = mbedtls_des_setkey_enc(&des, key);
    for (size_t i = 0; ret == 0 && i < FH_VNCAUTH_LEN; i += sizeof key)
        ret = mbedtls_des_crypt_ecb(&des, challenge + i, out + i);
    mbedtls_des_free(&des); /* wipes, too */
    fh_wipe(key, sizeof key);
    return ret == 0 ? 0 : FH_CRYPTO_E_INTERNAL;
}

int fh_vncauth_check(const char *password, size_t password_len,
                     const uint8_t challenge[FH_VNCAUTH_LEN],
                     const uint8_t response[FH_VNCAUTH_LEN])
{
    uint8_t expected[FH_VNCAUTH_LEN];
    int ret = fh_vncauth_response(password, password_len, challenge, expected);
    bool is_right = ret == 0 && sodium_memcmp(expected, response, sizeof expected) == 0;

    fh_wipe(expected, sizeof expected);
    if (ret != 0)
        return ret;
    return is_right && password_len > 0 && password[0] != '\0' ? 0 : FH_CRYPTO_E_AUTH;
}
