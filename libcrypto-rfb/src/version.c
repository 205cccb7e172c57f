/* SPDX-License-Identifier: MIT */
#include <farhand/crypto_rfb_version.h>

const char *fh_crypto_rfb_version(void)
{
    return FH_CRYPTO_RFB_VERSION;
}
