/* SPDX-License-Identifier: MIT */
#include "protocol.h"

static const struct fh__message_rule rules[] = {
#define X(name, number, from, to, least, most, fd, when)                                           \
    {(number), #name, FH__##from, FH__##to, (least), (most), (fd) != 0, (uint32_t)(FH__##when)},
    FH__MESSAGES(X)
#undef X
};

const struct fh__message_rule *fh__message_rule(unsigned number)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].number == number)
            return &rules[i];
    return NULL;
}

bool fh__message_is_good(enum fh__role from, enum fh__role to, unsigned number, size_t len,
                         bool has_fd)
{
    const struct fh__message_rule *r = fh__message_rule(number);

    return r && (r->from & from) && (r->to & to) && len >= r->least && len <= r->most &&
           r->has_fd == has_fd;
}

bool fh__message_is_in_time(unsigned number, uint32_t stage)
{
    const struct fh__message_rule *r = fh__message_rule(number);

    return r && (r->when & stage);
}

bool fh__message_is_permitted(unsigned number, uint32_t permissions)
{
    const struct fh__message_rule *r = fh__message_rule(number);

    if (!r || r->when == FH__NONE)
        return r != NULL;
    return (r->when & FH__ACT) &&
           fh_permissions_allow(permissions, (enum fh_act)(r->when - FH__ACT));
}
