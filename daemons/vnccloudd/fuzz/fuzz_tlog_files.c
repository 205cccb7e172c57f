/* SPDX-License-Identifier: MIT */
/* What the log reads of its own files: openings (first byte 0) and bundles of entries. */
#include <assert.h>

#include "../src/tlog_openings.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void openings(const uint8_t *data, size_t len)
{
    static uint8_t again[RECORD_MAX];
    struct rd r = rd_init(data, len);
    struct fh__tlog_opening o;
    size_t before = 0;

    while (r.left > 0 && read_record(&r, &o)) {
        struct wr w = wr_init(again, sizeof again);

        write_record(&w, &o);
        assert(!w.bad && w.len == len - r.left - before);
        assert(memcmp(again, data + before, w.len) == 0);
        before += w.len;
    }
}

static void bundle(const uint8_t *data, size_t len)
{
    static uint8_t entries[FH_TLOG_TILE_WIDTH][FH_TLOG_LEAF_LEN], again[FH__TLOG_BUNDLE_LEN];
    unsigned width = (unsigned)(len / (2 + FH_TLOG_LEAF_LEN));

    if (width > FH_TLOG_TILE_WIDTH || fh__tlog_bundle_read(data, len, width, entries) != 0)
        return;
    assert(fh__tlog_bundle((const uint8_t(*)[FH_TLOG_LEAF_LEN])entries, width, again) == len);
    assert(memcmp(again, data, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] == 0)
        openings(data + 1, len - 1);
    else
        bundle(data + 1, len - 1);
    return 0;
}
