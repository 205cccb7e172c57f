/* SPDX-License-Identifier: MIT */
/* An offer that reads is written so that it reads the same, in the room that was promised. */
#include <assert.h>
#include <string.h>

#include <farhand/ice_candidate.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct fh_ice_description d, again;
    static char text[FH_ICE_DESCRIPTION_TEXT];
    int written;

    if (fh_ice_description_parse((const char *)data, len, &d) != 0)
        return 0;
    assert(d.len <= FH_ICE_MAX_CANDIDATES);
    written = fh_ice_description_print(&d, text, sizeof text);
    assert(written > 0 && strlen(text) == (size_t)written);
    assert(fh_ice_description_parse(text, (size_t)written, &again) == 0);
    assert(strcmp(d.ufrag, again.ufrag) == 0 && strcmp(d.pwd, again.pwd) == 0);
    assert(d.len == again.len && again.skipped == 0);
    assert(d.is_lite == again.is_lite && d.is_trickle == again.is_trickle);
    assert(d.is_complete == again.is_complete);
    return 0;
}
