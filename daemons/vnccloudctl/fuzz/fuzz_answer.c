/* SPDX-License-Identifier: MIT */
/* What something at the socket answers, which may be another than the service. */
#include <stdlib.h>
#include <string.h>

#include "answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh__answer a;
    int n = fh__answer_read((const char *)data, len, &a);

    if (n > 0 &&
        ((size_t)n > len || a.status < 100 || a.status > 999 || strlen(a.next) >= sizeof a.next))
        abort();
    return 0;
}
