/* SPDX-License-Identifier: MIT */
/* What verifies is what parses, and names a key of a known form. */
#include <assert.h>

#include <farhand/cloud_proof.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_cloud_statement parsed, verified;
    int ret = fh_cloud_statement_parse(data, len, &parsed);

    if (ret != 0) {
        assert(fh_cloud_statement_verify(data, len, &verified) == FH_CLOUD_E_PROTO);
        return 0;
    }
    assert(len <= FH_CLOUD_STATEMENT_MAX && fh_cloud_address_is_valid(parsed.address));
    assert(fh_identity_check_spki(parsed.spki, parsed.spki_len, NULL) == 0);
    assert(parsed.signature + parsed.signature_len == data + len);
    (void)fh_cloud_statement_verify(data, len, &verified);
    return 0;
}
