/* SPDX-License-Identifier: MIT */
#include <farhand/ice_error.h>

const char *fh_ice_strerror(int error)
{
    switch (error) {
    case 0:
        return "success";
#define X(name, num, text)                                                                         \
    case FH_ICE_E_##name:                                                                          \
        return text;
        FH_ICE_ERRORS(X)
#undef X
    }
    return "unknown ice error";
}
