/* SPDX-License-Identifier: MIT */
#include <farhand/transport_version.h>

const char *fh_transport_version(void)
{
    return FH_TRANSPORT_VERSION;
}
