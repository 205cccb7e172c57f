/* SPDX-License-Identifier: MIT */
#include <farhand/session_version.h>

const char *fh_session_version(void)
{
    return FH_SESSION_VERSION;
}
