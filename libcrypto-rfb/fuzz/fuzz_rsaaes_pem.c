/* SPDX-License-Identifier: MIT */
/* A file that should be a key of RSA-AES: what is accepted is written back as the same key. */
#include <stdlib.h>
#include <string.h>

#include <farhand/rsaaes.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_rsaaes_key *k = NULL, *again = NULL;
    char pem[FH_IDENTITY_PEM_MAX];
    const uint8_t *a, *b;
    size_t a_len, b_len;

    if (fh_rsaaes_key_from_pem((const char *)data, len, &k) != 0)
        return 0;
    a = fh_rsaaes_key_pub(k, &a_len);
    if (fh_rsaaes_check_pub(a, a_len) != 0 || fh_rsaaes_key_to_pem(k, pem, sizeof pem) != 0 ||
        fh_rsaaes_key_from_pem(pem, strlen(pem), &again) != 0)
        abort();
    b = fh_rsaaes_key_pub(again, &b_len);
    if (a_len != b_len || memcmp(a, b, a_len) != 0)
        abort();
    fh_rsaaes_key_free(again);
    fh_rsaaes_key_free(k);
    return 0;
}
