/* SPDX-License-Identifier: MIT */
#include <farhand/session_error.h>

const char *fh_session_strerror(int error)
{
    switch (error) {
    case 0:
        return "no error";
#define X(name, num, text)                                                                         \
    case FH_SESSION_E_##name:                                                                      \
        return text;
        FH_SESSION_ERRORS(X)
#undef X
    }
    return "not an error of this library";
}
