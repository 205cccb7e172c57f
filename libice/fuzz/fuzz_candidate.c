/* SPDX-License-Identifier: MIT */
/* A line that reads is written so that it reads the same. */
#include <assert.h>
#include <string.h>

#include <farhand/ice_candidate.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_ice_candidate c, again;
    char text[FH_ICE_CANDIDATE_TEXT];
    size_t written;

    if (fh_ice_candidate_parse((const char *)data, len, &c) != 0)
        return 0;
    written = fh_ice_candidate_print(&c, text);
    assert(written < sizeof text && strlen(text) == written);
    assert(fh_ice_candidate_parse(text, written, &again) == 0);
    assert(fh_ice_address_equal(&c.address, &again.address));
    assert(fh_ice_address_equal(&c.related, &again.related));
    assert(c.type == again.type && c.priority == again.priority);
    assert(strcmp(c.foundation, again.foundation) == 0);
    return 0;
}
