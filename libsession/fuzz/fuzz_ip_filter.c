/* SPDX-License-Identifier: MIT */
/* Rules of any content, one a line, and some addresses against them. */
#include <assert.h>
#include <string.h>

#include <farhand/ip_filter.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void add_line(struct fh_ip_filter *f, const uint8_t *line, size_t len)
{
    char rule[300];
    const char *expected;
    size_t before = fh_ip_filter_count(f);

    if (len >= sizeof rule)
        return;
    memcpy(rule, line, len);
    rule[len] = '\0';
    if (fh_ip_filter_add(f, rule, &expected) == 0)
        assert(!expected && fh_ip_filter_count(f) == before + 1);
    else
        assert(expected && fh_ip_filter_count(f) == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t zeros[16], ones[16] = {255, 255, 255, 255, 255, 255, 255, 255};
    struct fh_ip_filter *f = fh_ip_filter_new();
    uint32_t permissions;

    assert(f);
    while (len > 0) {
        const uint8_t *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len;

        add_line(f, data, n);
        n += end != NULL;
        data += n;
        len -= n;
    }
    for (size_t n = 0; n <= 16; n += n ? 12 : 4) {
        (void)fh_ip_filter_check(f, zeros, n, &permissions);
        assert((permissions & ~(uint32_t)FH_PERM_ALL) == 0);
        (void)fh_ip_filter_check(f, ones, n, &permissions);
    }
    (void)fh_ip_filter_check_cloud(f, "ABCDE-FGHJK-MNPQR-STVWX", &permissions);
    assert((permissions & ~(uint32_t)FH_PERM_ALL) == 0);
    fh_ip_filter_free(f);
    return 0;
}
