/* SPDX-License-Identifier: MIT */
/* A blacklist's file of any content: read, written, read again, the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/blacklist.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct fh_blacklist_config cfg = {0};
    const uint64_t now = UINT64_C(1) << 40;
    struct fh_blacklist *b = fh_blacklist_new(&cfg), *again = fh_blacklist_new(&cfg);
    char *text, *second;
    unsigned line;
    size_t n, m;

    assert(b && again);
    (void)fh_blacklist_parse(b, now, 2000000000, (const char *)data, len, &line);
    text = fh_blacklist_text(b, now, 2000000000, &n);
    assert(text && n <= FH_BLACKLIST_FILE_MAX);
    assert(fh_blacklist_parse(again, now, 2000000000, text, n, &line) == 0);
    second = fh_blacklist_text(again, now, 2000000000, &m);
    assert(second && m == n && memcmp(text, second, n) == 0);
    free(second);
    free(text);
    fh_blacklist_free(again);
    fh_blacklist_free(b);
    return 0;
}
