/* SPDX-License-Identifier: MIT */
/* What a server may say to our client before they know each other. */
#include "tls_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!ctx)
        make_context(false);
    hold_a_handshake(data, size, "cloud.example");
    return 0;
}
