/* SPDX-License-Identifier: MIT */
/* What a client may say to our server before they know each other. */
#include "tls_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!ctx)
        make_context(true);
    hold_a_handshake(data, size, NULL);
    return 0;
}
