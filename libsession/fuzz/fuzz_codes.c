/* SPDX-License-Identifier: MIT */
/* A file of enrolments of any content: read, written, read again, the same; and a code is spent. */
#include <assert.h>
#include <string.h>

#include <farhand/codes.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_again(struct fh_codes *c)
{
    const char *text, *second, *expected;
    struct fh_codes *again;
    unsigned line;
    size_t n, m;

    text = fh_codes_text(c, &n);
    assert(text && fh_codes_parse(text, n, &again, &line, &expected) == 0);
    second = fh_codes_text(again, &m);
    assert(second && m == n && memcmp(text, second, n) == 0);
    fh_codes_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_enrolment e;
    struct fh_codes *c;
    const char *expected;
    unsigned line;
    bool is_recovery;

    if (fh_codes_parse((const char *)data, len, &c, &line, &expected) != 0) {
        assert(expected);
        return 0;
    }
    if (fh_codes_get(c, "ann", &e) == 0) {
        assert(e.n_recovery <= FH_RECOVERY_CODES && e.totp.key_len <= FH_TOTP_KEY_MAX);
        assert(fh_codes_put(c, &e) == 0);
    }
    check_again(c);
    (void)fh_codes_spend(c, "ann", (const char *)data, len < 64 ? len : 64, 59, &is_recovery);
    check_again(c);
    fh_codes_free(c);
    return 0;
}
