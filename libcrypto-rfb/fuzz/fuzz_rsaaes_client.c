/* SPDX-License-Identifier: MIT */
/* What a client of RSA-AES hears: the first byte says which type, and how it is cut. */
#include "../tests/rsaaes_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const enum fh_rsaaes_type types[] = {FH_RSAAES_128, FH_RSAAES_128_LOGIN, FH_RSAAES_256,
                                                FH_RSAAES_256_LOGIN};
    struct end *e;

    if (len == 0)
        return 0;
    e = end_new(FH_ROLE_CLIENT, types[data[0] & 3], (data[0] & 4) != 0);
    (void)end_feed(e, data + 1, len - 1, data[0] >> 3);
    end_collect(e);
    if (e->logins > 1 || e->asks > 1 || e->decrypts > 1)
        abort();
    if (e->error != fh_rsaaes_error(e->r))
        abort();
    end_free(e);
    return 0;
}
