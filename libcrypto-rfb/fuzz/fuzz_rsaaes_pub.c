/* SPDX-License-Identifier: MIT */
/* A peer's public key: something can be encrypted to what is accepted. */
#include <stdlib.h>

#include "../src/rsaaes_internal.h"
#include "../tests/rsaaes_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t secret[16] = {0}, out[FH_RSAAES_BITS_MAX / 8];
    struct dice dice = {1};

    if (fh_rsaaes_check_pub(data, len) != 0)
        return 0;
    if (len > FH_RSAAES_PEER_MAX ||
        fh__rsaaes_encrypt(data, len, dice_roll, &dice, secret, sizeof secret, out) != 0)
        abort();
    return 0;
}
