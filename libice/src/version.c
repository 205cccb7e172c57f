/* SPDX-License-Identifier: MIT */
#include <farhand/ice_version.h>

const char *fh_ice_version(void)
{
    return FH_ICE_VERSION;
}
