/* SPDX-License-Identifier: MIT */
#include "bye.h"

const char *fh_bye_text(enum fh_bye bye)
{
    switch (bye) {
#define X(name, num, text)                                                                         \
    case FH_BYE_##name:                                                                            \
        return text;
        FH_BYES(X)
#undef X
    }
    return "the session ended for a reason that this version does not know";
}

const char *fh_bye_word(enum fh_bye bye)
{
    switch (bye) {
    case FH_BYE_NORMAL:
        return "normal";
    case FH_BYE_SERVER:
        return "server";
    case FH_BYE_SHUTDOWN:
        return "shutdown";
    case FH_BYE_IDLE:
        return "idle";
    case FH_BYE_REPLACED:
        return "replaced";
    case FH_BYE_PROTOCOL:
        return "protocol";
    case FH_BYE_AUTH:
        return "authentication";
    case FH_BYE_TIMEOUT:
        return "timeout";
    case FH_BYE_LOST:
        return "lost";
    case FH_BYE_BUSY:
        return "busy";
    case FH_BYE_INTERNAL:
        return "internal";
    case FH_BYE_IDENTITY:
        return "identity";
    }
    return "unknown";
}

bool fh_bye_is_failure(enum fh_bye bye)
{
    switch (bye) {
    case FH_BYE_NORMAL:
    case FH_BYE_SERVER:
    case FH_BYE_SHUTDOWN:
    case FH_BYE_IDLE:
    case FH_BYE_REPLACED:
        return false;
    case FH_BYE_PROTOCOL:
    case FH_BYE_AUTH:
    case FH_BYE_TIMEOUT:
    case FH_BYE_LOST:
    case FH_BYE_BUSY:
    case FH_BYE_INTERNAL:
    case FH_BYE_IDENTITY:
        break;
    }
    return true;
}

enum fh_channel_code fh__bye_code(enum fh_bye bye)
{
    switch (bye) {
    case FH_BYE_NORMAL:
    case FH_BYE_SERVER:
    case FH_BYE_SHUTDOWN:
    case FH_BYE_IDLE:
    case FH_BYE_REPLACED:
    case FH_BYE_LOST:
        return FH_CODE_NORMAL;
    case FH_BYE_PROTOCOL:
        return FH_CODE_PROTOCOL;
    case FH_BYE_AUTH:
        return FH_CODE_AUTHENTICATION;
    case FH_BYE_TIMEOUT:
        return FH_CODE_TIMEOUT;
    case FH_BYE_BUSY:
        return FH_CODE_BUSY;
    case FH_BYE_INTERNAL:
        return FH_CODE_INTERNAL;
    case FH_BYE_IDENTITY:
        return FH_CODE_IDENTITY;
    }
    return FH_CODE_INTERNAL;
}

static enum fh_bye of_code(enum fh_channel_code code)
{
    switch (code) {
    case FH_CODE_NORMAL:
        return FH_BYE_NORMAL;
    case FH_CODE_PROTOCOL:
    case FH_CODE_RECORD:
    case FH_CODE_SUITE:
        return FH_BYE_PROTOCOL;
    case FH_CODE_IDENTITY:
        return FH_BYE_IDENTITY;
    case FH_CODE_AUTHENTICATION:
    case FH_CODE_POLICY:
        return FH_BYE_AUTH;
    case FH_CODE_BUSY:
        return FH_BYE_BUSY;
    case FH_CODE_INTERNAL:
        return FH_BYE_INTERNAL;
    case FH_CODE_TIMEOUT:
        return FH_BYE_TIMEOUT;
    }
    return FH_BYE_PROTOCOL;
}

enum fh_bye fh__bye_of_close(const struct fh_channel_event *closed)
{
    if (!closed->closed.by_peer && closed->closed.error == FH_CRYPTO_E_TRUNCATED)
        return FH_BYE_LOST;
    if (!closed->closed.by_peer && closed->closed.error == FH_CRYPTO_E_VERSION)
        return FH_BYE_PROTOCOL;
    return of_code(closed->closed.code);
}

enum fh_bye fh__bye_of_number(uint8_t number, enum fh_bye other)
{
    switch (number) {
#define X(name, num, text) case num:
        FH_BYES(X)
#undef X
        return (enum fh_bye)number;
    }
    return other;
}

unsigned fh__retry_read(const char *reason)
{
    unsigned s = 0;

    for (; *reason >= '0' && *reason <= '9' && s < 100000; reason++)
        s = s * 10 + (unsigned)(*reason - '0');
    return *reason == '\0' ? s : 0;
}

void fh__retry_write(unsigned seconds, char out[static 12])
{
    char digits[12];
    unsigned n = 0, at = 0;

    do
        digits[n++] = (char)('0' + seconds % 10);
    while ((seconds /= 10) != 0);
    while (n > 0)
        out[at++] = digits[--n];
    out[at] = '\0';
}
