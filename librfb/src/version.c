/* SPDX-License-Identifier: MIT */
#include <farhand/rfb_version.h>

const char *fh_rfb_version(void)
{
    return FH_RFB_VERSION;
}
