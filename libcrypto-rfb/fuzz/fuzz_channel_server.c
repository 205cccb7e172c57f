/* SPDX-License-Identifier: MIT */
/* fuzz_channel_server.c -- what a client may send: one byte of how it is cut, then the stream. */
#include "channel_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pair *p;

    if (len < 1)
        return 0;
    fuzz_prepare();
    p = fuzz_pair();
    fuzz_channel(p, FH_ROLE_SERVER);
    fuzz_feed(p, &p->server, data, len);
    pair_free(p);
    return 0;
}
