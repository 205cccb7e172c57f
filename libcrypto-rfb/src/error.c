/* SPDX-License-Identifier: MIT */
#include <farhand/crypto_error.h>

const char *fh_crypto_strerror(int error)
{
    switch (error) {
    case 0:
        return "no error";
#define X(name, num, text)                                                                         \
    case FH_CRYPTO_E_##name:                                                                       \
        return text;
        FH_CRYPTO_ERRORS(X)
#undef X
    }
    return "not an error of this library";
}
