/* SPDX-License-Identifier: MIT */
#include <farhand/identity.h>

#include <sodium.h>

void fh_wipe(void *secret, size_t len)
{
    if (len != 0)
        sodium_memzero(secret, len);
}
