/* SPDX-License-Identifier: MIT */
/* A peer's public key, and a signature of its length: what is accepted can be verified against. */
#include <stdlib.h>

#include "internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t th[FH_TRANSCRIPT_HASH_LEN] = {0};
    unsigned bits = 0;

    if (fh_identity_check_spki(data, len, &bits) != 0)
        return 0;
    if (len != bits / 8 + 38)
        abort();
    /* The key's own bytes are no signature of it, and must do no harm. */
    if (fh__signature_verify(data, len, FH_ROLE_CLIENT, th, data + 33, bits / 8) == 0)
        abort();
    return 0;
}
