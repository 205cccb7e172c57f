/* SPDX-License-Identifier: MIT */
#include "usersedit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <farhand/login.h>

#include "identityfile.h"

enum fh__exit fh__usersedit_failed(const char *path, int error, unsigned line, const char *expected)
{
    if (error == FH_SESSION_E_FORMAT && expected)
        fprintf(stderr, "vncserverd: %s:%u: expected %s\n", path, line, expected);
    else
        fprintf(stderr, "vncserverd: %s: %s\n", path,
                error == FH_SESSION_E_IO ? strerror(errno) : fh_session_strerror(error));
    return FH__EXIT_USERS;
}

enum fh__exit fh__usersedit_usage(const char *expected)
{
    fprintf(stderr, "vncserverd: expected %s\n", expected);
    return FH__EXIT_USAGE;
}

/* What is wrong in the file is told with its line before anything is changed. */
int fh__usersedit_load(const char *path, struct fh_users **out, enum fh__exit *how)
{
    const char *expected = NULL;
    unsigned line = 0;
    int error = fh_users_load(path, out, &line, &expected);

    if (error == FH_SESSION_E_IO && errno == ENOENT)
        error = fh_users_parse("", 0, out, &line, &expected);
    if (error)
        *how = fh__usersedit_failed(path, error, line, expected);
    return error;
}

int fh__usersedit_load_codes(const char *path, struct fh_codes **out, enum fh__exit *how)
{
    const char *expected = NULL;
    unsigned line = 0;
    int error = fh_codes_load(path, out, &line, &expected);

    if (error == FH_SESSION_E_IO && errno == ENOENT)
        error = fh_codes_parse("", 0, out, &line, &expected);
    if (error)
        *how = fh__usersedit_failed(path, error, line, expected);
    return error;
}

/* Asked of the file's own rules. */
bool fh__usersedit_is_name(const char *name, bool is_group)
{
    struct fh_user user = {.is_group = is_group};
    const char *expected;
    struct fh_users *u = NULL;
    unsigned line;
    bool is_good =
        strlen(name) <= FH_USERS_NAME_MAX && fh_users_parse("", 0, &u, &line, &expected) == 0;

    if (is_good) {
        strcpy(user.name, name);
        is_good = fh_users_put(u, &user) == 0;
    }
    fh_users_free(u);
    if (!is_good)
        fprintf(stderr,
                "vncserverd: expected a name of 1 to %d bytes of UTF-8, without colon and control "
                "characters, %s\n",
                FH_USERS_NAME_MAX, is_group ? "comma and space" : "not beginning with @ or #");
    return is_good;
}

static bool set_permissions(const char *text, struct fh_user *user)
{
    const char *bad = "";
    size_t bad_len = 0;

    user->has_permissions = strcmp(text, "inherit") != 0;
    user->permissions = FH_PERM_NONE;
    if (!user->has_permissions ||
        fh_permissions_parse(text, &user->permissions, &bad, &bad_len) == 0)
        return true;
    fprintf(stderr,
            "vncserverd: --permissions: %.*s: expected all, view-only, none, inherit, or names of "
            "vncserverd(8) with commas between them\n",
            (int)bad_len, bad);
    return false;
}

static bool set_require(const char *text, struct fh_user *user)
{
    user->required = 0;
    if (strcmp(text, "inherit") == 0 || fh_factors_parse(text, &user->required) == 0)
        return true;
    fprintf(stderr,
            "vncserverd: --require: expected inherit, or password, totp, identity, approval "
            "with + between them, password or identity among them\n");
    return false;
}

static bool set_groups(const char *text, struct fh_user *user)
{
    size_t len;

    user->n_groups = 0;
    for (; *text; text += len + (text[len] == ',')) {
        len = strcspn(text, ",");
        if (len == 0 || len > FH_USERS_NAME_MAX || user->n_groups == FH_USERS_GROUPS_MAX) {
            fprintf(stderr,
                    "vncserverd: --groups: expected at most %d names with commas between them\n",
                    FH_USERS_GROUPS_MAX);
            return false;
        }
        memcpy(user->groups[user->n_groups], text, len);
        user->groups[user->n_groups++][len] = '\0';
    }
    return true;
}

bool fh__usersedit_rights(const struct fh__rights_options *o, struct fh_user *user)
{
    return (!o->permissions || set_permissions(o->permissions, user)) &&
           (!o->require || set_require(o->require, user)) &&
           (!o->groups || set_groups(o->groups, user));
}

int fh__usersedit_update(const char *path, fh_users_edit_fn edit, void *user)
{
    if (fh__identityfile_make_directory(path) != 0)
        return FH_SESSION_E_IO;
    return fh_users_update(path, edit, user);
}

static int put(struct fh_users *u, void *user)
{
    return fh_users_put(u, user);
}

enum fh__exit fh__usersedit_put(const char *path, const struct fh_user *user)
{
    struct fh_user copy = *user;
    int error = fh__usersedit_update(path, put, &copy);

    fh_wipe(&copy, sizeof copy);
    if (error == FH_SESSION_E_UNKNOWN) {
        fprintf(stderr, "vncserverd: --groups: one of them is not in %s; vncserverd group add\n",
                path);
        return FH__EXIT_USERS;
    }
    return error ? fh__usersedit_failed(path, error, 0, NULL) : FH__EXIT_OK;
}
