/* SPDX-License-Identifier: MIT */
/* What is accepted is written so that it reads as the same. */
#include <assert.h>
#include <string.h>

#include <farhand/cloud_address.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t a[FH_CLOUD_ADDRESS_LEN], b[FH_CLOUD_ADDRESS_LEN];
    uint8_t p[FH_CLOUD_PASSWORD_LEN], q[FH_CLOUD_PASSWORD_LEN];
    char text[FH_CLOUD_PASSWORD_TEXT];

    if (fh_cloud_address_parse((const char *)data, len, a) == 0) {
        assert(fh_cloud_address_is_valid(a));
        fh_cloud_address_print(a, text);
        assert(strlen(text) == FH_CLOUD_ADDRESS_TEXT - 1);
        assert(fh_cloud_address_parse(text, strlen(text), b) == 0);
        assert(memcmp(a, b, sizeof a) == 0);
    }
    if (fh_cloud_password_parse((const char *)data, len, p) == 0) {
        fh_cloud_password_print(p, text);
        assert(fh_cloud_password_parse(text, strlen(text), q) == 0);
        assert(memcmp(p, q, sizeof p) == 0);
    }
    return 0;
}
