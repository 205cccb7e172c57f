/* SPDX-License-Identifier: MIT */
/* A file of users of any content: read, written, read again, the same. No password is computed. */
#include <assert.h>
#include <string.h>

#include <farhand/users.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_users *u, *again;
    const char *text, *second, *expected;
    unsigned line;
    size_t n, m;

    if (fh_users_parse((const char *)data, len, &u, &line, &expected) != 0) {
        assert(expected);
        return 0;
    }
    for (size_t i = 0; i < fh_users_count(u); i++)
        assert(strlen(fh_users_name(u, i)) <= FH_USERS_NAME_MAX);
    text = fh_users_text(u, &n);
    assert(text && n <= len + 1);
    assert(fh_users_parse(text, n, &again, &line, &expected) == 0);
    second = fh_users_text(again, &m);
    assert(second && m == n && memcmp(text, second, n) == 0);
    fh_users_free(again);
    fh_users_free(u);
    return 0;
}
