/* SPDX-License-Identifier: MIT */
#include <farhand/cloud_client_version.h>

const char *fh_cloud_client_version(void)
{
    return FH_CLOUD_CLIENT_VERSION;
}
