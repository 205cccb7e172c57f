/* SPDX-License-Identifier: MIT */
/* A file that should be a private key: what is accepted is written back as the same key. */
#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_identity *id = NULL, *again = NULL;
    char pem[FH_IDENTITY_PEM_MAX];
    const uint8_t *a, *b;
    size_t a_len, b_len;
    unsigned bits;

    if (fh_identity_from_pem((const char *)data, len, &id) != 0)
        return 0;
    a = fh_identity_spki(id, &a_len);
    if (fh_identity_check_spki(a, a_len, &bits) != 0 || bits != fh_identity_bits(id))
        abort();
    if (fh_identity_to_pem(id, pem, sizeof pem) != 0 ||
        fh_identity_from_pem(pem, strlen(pem), &again) != 0)
        abort();
    b = fh_identity_spki(again, &b_len);
    if (a_len != b_len || memcmp(a, b, a_len) != 0)
        abort();
    fh_identity_free(again);
    fh_identity_free(id);
    return 0;
}
