/* SPDX-License-Identifier: MIT */
/* Heads of HTTP responses: what is said of one holds for each way to cut it. */
#include <assert.h>
#include <stdint.h>

#include "reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh__reply whole, part;
    int ret = fh__reply_parse((const char *)data, len, &whole);

    if (ret == 1) {
        assert(whole.head_len <= len && whole.head_len <= FH__REPLY_HEAD);
        assert(whole.status >= 200 && whole.status <= 999 && whole.body_len < 1000000000);
        for (size_t n = 0; n < whole.head_len && n < 600; n++)
            assert(fh__reply_parse((const char *)data, n, &part) == 0);
    }
    if (len >= FH__REPLY_HEAD)
        assert(ret != 0);
    return 0;
}
