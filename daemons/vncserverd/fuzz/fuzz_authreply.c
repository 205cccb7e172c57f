/* SPDX-License-Identifier: MIT */
/* A line of a program that decides about passwords, of any content. */
#include <assert.h>
#include <string.h>

#include <farhand/permissions.h>

#include "authreply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct fh__authreply r;

    if (fh__authreply_read((const char *)data, len, &r) != NULL)
        return 0;
    assert(r.n_items <= FH_AUTH_ITEMS_MAX && r.n_prompts <= r.n_items);
    assert((r.permissions & ~(uint32_t)FH_PERM_ALL) == 0);
    assert(strlen(r.reason) < sizeof r.reason);
    for (size_t i = 0; i < r.n_items; i++)
        assert(r.items[i].len > 0 && r.items[i].len <= FH__AUTHREPLY_DATA);
    return 0;
}
