/* SPDX-License-Identifier: MIT */
#include <farhand/rfb_error.h>

const char *fh_rfb_strerror(int error)
{
    switch (error) {
    case 0:
        return "no error";
#define X(name, num, text)                                                                         \
    case FH_RFB_E_##name:                                                                          \
        return text;
        FH_RFB_ERRORS(X)
#undef X
    }
    return "not an error of this library";
}
