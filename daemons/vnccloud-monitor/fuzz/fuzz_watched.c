/* SPDX-License-Identifier: MIT */
/* Files that the monitor reads: addresses (first byte 0), openings (1), its state (2). */
#include <assert.h>
#include <stdlib.h>

#include "openings.h"
#include "state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_opening(void *user, const struct fh__opened *o)
{
    (void)user;
    assert(o->entry_len <= sizeof o->entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[FH_TLOG_KEY_LEN];
    const char *text = (const char *)data + 1, *expected;
    static struct fh__followed f;
    struct fh__watched w = {0};
    struct fh_tlog_key key;
    uint8_t pk[FH_TLOG_KEY_LEN];
    unsigned line;
    bool again;

    if (len == 0)
        return 0;
    len--;
    fh_tlog_public_key(seed, pk);
    if (fh_tlog_key_make("fuzz", pk, &key) != 0)
        abort();
    if (data[0] == 0) {
        if (fh__watched_parse(text, len, &w, &line, &expected) != 0)
            assert(expected && line > 0);
    } else if (data[0] == 1) {
        (void)fh__openings_parse(text, len, 0, on_opening, NULL);
    } else {
        (void)fh__state_parse(text, len, &key, &f, &w, &again);
    }
    fh__watched_free(&w);
    return 0;
}
