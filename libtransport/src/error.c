/* SPDX-License-Identifier: MIT */
#include <farhand/transport_error.h>

const char *fh_transport_strerror(int error)
{
    switch (error) {
    case 0:
        return "success";
#define X(name, num, text)                                                                         \
    case FH_TRANSPORT_E_##name:                                                                    \
        return text;
        FH_TRANSPORT_ERRORS(X)
#undef X
    }
    return "unknown transport error";
}
