/* SPDX-License-Identifier: MIT */
/* A message between the service and its PAM helper, of any content: read, written, the same. */
#include <assert.h>
#include <string.h>

#include "pammsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t again[FH__PAM_HEADER + FH__PAM_PAYLOAD_MAX];
    struct fh__pam_message m;
    int payload;
    size_t n;

    if (len < FH__PAM_HEADER)
        return 0;
    payload = fh__pam_read_header(data);
    if (payload < 0 || len != FH__PAM_HEADER + (size_t)payload)
        return 0;
    if (!fh__pam_read(data[0], data + FH__PAM_HEADER, (size_t)payload, &m))
        return 0;
    n = fh__pam_write(&m, again);
    assert(n == len && memcmp(again, data, n) == 0);
    return 0;
}
