/* SPDX-License-Identifier: MIT */
#include <farhand/auth.h>

const char *fh_method_name(unsigned method)
{
    switch (method) {
#define X(name, num, text)                                                                         \
    case FH_METHOD_##name:                                                                         \
        return text;
        FH_METHODS(X)
#undef X
    }
    return NULL;
}
