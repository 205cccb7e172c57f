/* SPDX-License-Identifier: MIT */
#include <farhand/cloud_error.h>

const char *fh_cloud_strerror(int error)
{
    switch (error) {
    case 0:
        return "success";
#define X(name, num, text)                                                                         \
    case FH_CLOUD_E_##name:                                                                        \
        return text;
        FH_CLOUD_ERRORS(X)
#undef X
    }
    return "unknown cloud error";
}
