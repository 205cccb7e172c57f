/* SPDX-License-Identifier: MIT */
/*
 * The first byte says whose frame it is. What reads is written so that it is the same bytes, and
 * every length stays below its limit.
 */
#include <assert.h>
#include <string.h>

#include <farhand/broker.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t out[FH_BROKER_FRAME_MAX];
    static struct fh_broker_frame f;
    enum fh_broker_side from;
    int n;

    if (len == 0)
        return 0;
    from = data[0] & 1 ? FH_BROKER_SERVICE : FH_BROKER_CLIENT;
    data++;
    len--;
    n = fh_broker_frame_len(from, data, len);
    assert(n <= FH_BROKER_FRAME_MAX);
    if (n <= 0 || (size_t)n > len || fh_broker_parse(from, data, (size_t)n, &f) != 0 ||
        f.type == FH_BROKER_UNKNOWN)
        return 0;
    assert(fh_broker_print(&f, out, sizeof out) == n && memcmp(out, data, (size_t)n) == 0);
    return 0;
}
