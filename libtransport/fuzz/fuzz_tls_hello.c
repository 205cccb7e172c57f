/* SPDX-License-Identifier: MIT */
/* The reader of a first message: the same however the bytes are cut, and no byte after its end. */
#include <stdlib.h>
#include <string.h>

#include "tls_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh__tls_hello whole, bytes;

    memset(&whole, 0, sizeof whole);
    memset(&bytes, 0, sizeof bytes);
    fh__tls_hello_input(&whole, data, size);
    for (size_t i = 0; i < size; i++)
        fh__tls_hello_input(&bytes, data + i, 1);
    if (whole.done != bytes.done || whole.ems != bytes.ems || whole.ticket != bytes.ticket ||
        whole.fragment != bytes.fragment)
        abort();
    return 0;
}
