/* SPDX-License-Identifier: MIT */
/* A file of users of any content: read, written, read again, the same. No password is computed. */
#include <assert.h>
#include <string.h>

#include <farhand/users.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What was read can be written, and reads the same. */
static void check_round_trip(struct fh_users *u, const struct fh_user *user)
{
    struct fh_user again;

    assert(fh_users_put(u, user) == 0);
    assert((user->is_group ? fh_users_get_group : fh_users_get)(u, user->name, &again) == 0);
    assert(strcmp(again.hash, user->hash) == 0 && again.permissions == user->permissions);
    assert(again.required == user->required && again.n_groups == user->n_groups);
    assert(again.n_identities == user->n_identities);
    assert(memcmp(again.identities, user->identities, sizeof again.identities) == 0);
}

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
    for (size_t i = 0; i < fh_users_count(u); i++) {
        struct fh_user user;
        uint32_t permissions;
        unsigned required;

        fh_users_at(u, i, &user);
        assert(strlen(user.name) <= FH_USERS_NAME_MAX);
        fh_users_rights(u, &user, &permissions, &required);
        assert((permissions & ~(uint32_t)FH_PERM_ALL) == 0);
        if (i < 4)
            check_round_trip(u, &user);
    }
    text = fh_users_text(u, &n);
    assert(text);
    assert(fh_users_parse(text, n, &again, &line, &expected) == 0);
    second = fh_users_text(again, &m);
    assert(second && m == n && memcmp(text, second, n) == 0);
    fh_users_free(again);
    fh_users_free(u);
    return 0;
}
