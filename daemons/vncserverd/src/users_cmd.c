/* SPDX-License-Identifier: MIT */
/* users_cmd.c -- vncserverd user add|remove|list. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <farhand/identity_uv.h>
#include <farhand/password.h>
#include <farhand/users_file.h>

#include "identityfile.h"
#include "terminal.h"

enum { ERROR_MAX = 200, PERMISSIONS_ROOM = 200, ESCAPED_ROOM = 300 };

struct change {
    const char *name;
    const char *hash;
    uint32_t permissions;
    bool has_replaced;
};

static enum fh__exit usage(void)
{
    fprintf(stderr, "vncserverd: expected user add NAME [--permissions LIST], user remove NAME, "
                    "or user list\n");
    return FH__EXIT_USAGE;
}

static enum fh__exit failed(const char *path, int error, unsigned line, const char *expected)
{
    if (error == FH_SESSION_E_FORMAT && expected)
        fprintf(stderr, "vncserverd: %s:%u: expected %s\n", path, line, expected);
    else
        fprintf(stderr, "vncserverd: %s: %s\n", path,
                error == FH_SESSION_E_IO ? strerror(errno) : fh_session_strerror(error));
    return FH__EXIT_USERS;
}

/* The file as it is, so that what is wrong in it is told with its line before it is changed. */
static int load(const char *path, struct fh_users **out, enum fh__exit *how)
{
    const char *expected = NULL;
    unsigned line = 0;
    int error = fh_users_load(path, out, &line, &expected);

    if (error == FH_SESSION_E_IO && errno == ENOENT)
        error = fh_users_parse("", 0, out, &line, &expected);
    if (error)
        *how = failed(path, error, line, expected);
    return error;
}

static bool is_there(const struct fh_users *u, const char *name)
{
    size_t i;

    for (i = 0; i < fh_users_count(u); i++)
        if (strcmp(fh_users_name(u, i), name) == 0)
            return true;
    return false;
}

static enum fh__exit list(const struct fh__config *cfg)
{
    char permissions[PERMISSIONS_ROOM], name[ESCAPED_ROOM];
    struct fh_users *u = NULL;
    enum fh__exit how = FH__EXIT_OK;
    size_t i;

    if (load(cfg->users, &u, &how) != 0)
        return how;
    for (i = 0; i < fh_users_count(u); i++) {
        fh_permissions_format(fh_users_permissions(u, i), permissions, sizeof permissions);
        fh__log_escape(fh_users_name(u, i), strlen(fh_users_name(u, i)), name, sizeof name);
        printf("%s %s\n", name, permissions);
    }
    fh_users_free(u);
    return FH__EXIT_OK;
}

static int set(struct fh_users *u, void *user)
{
    struct change *c = user;

    c->has_replaced = is_there(u, c->name);
    return fh_users_set(u, c->name, c->hash, c->permissions);
}

/* Whether the name can stand in the file, asked before the password is. */
static bool is_name_good(const char *name)
{
    struct fh_users *u = NULL;
    const char *expected;
    unsigned line;
    bool is_good = fh_users_parse("", 0, &u, &line, &expected) == 0;
    static const char any_hash[] = "$argon2id$v=19$m=65536,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                                   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    is_good = is_good && fh_users_set(u, name, any_hash, FH_PERM_VIEW) == 0;
    fh_users_free(u);
    return is_good;
}

static int ask_hash(char hash[FH_PASSWORD_HASH_MAX])
{
    char password[FH_PASSWORD_MAX], error[ERROR_MAX] = "";
    size_t len = 0;
    int ret = fh__terminal_new_password(password, sizeof password, &len, error, sizeof error);

    if (ret == 0 && len == 0) {
        snprintf(error, sizeof error, "the password is empty");
        ret = -1;
    }
    if (ret == 0 && memchr(password, '\0', len)) {
        snprintf(error, sizeof error, "the password has a NUL in it");
        ret = -1;
    }
    if (ret == 0 && fh_password_hash(password, len, fh_random_system, NULL, hash) != 0) {
        snprintf(error, sizeof error, "out of memory");
        ret = -1;
    }
    fh_wipe(password, sizeof password);
    if (ret != 0)
        fprintf(stderr, "vncserverd: %s; nothing was changed\n", error);
    return ret;
}

static enum fh__exit add(const struct fh__config *cfg, const char *name, const char *permissions)
{
    char hash[FH_PASSWORD_HASH_MAX];
    struct change c = {.name = name, .hash = hash, .permissions = FH_PERM_ALL};
    struct fh_users *u = NULL;
    enum fh__exit how = FH__EXIT_USERS;
    const char *bad = "";
    size_t bad_len = 0;
    int error;

    if (permissions && fh_permissions_parse(permissions, &c.permissions, &bad, &bad_len) != 0) {
        fprintf(stderr,
                "vncserverd: --permissions: %.*s: expected all, view-only, none, or names "
                "of vncserverd(8) with commas between them\n",
                (int)bad_len, bad);
        return FH__EXIT_USAGE;
    }
    if (!is_name_good(name)) {
        fprintf(stderr,
                "vncserverd: expected a name of 1 to %d bytes of UTF-8, without colon and "
                "control characters\n",
                FH_USERS_NAME_MAX);
        return FH__EXIT_USAGE;
    }
    if (load(cfg->users, &u, &how) != 0)
        return how;
    fh_users_free(u);
    if (ask_hash(hash) != 0)
        return FH__EXIT_USERS;
    error = fh__identityfile_make_directory(cfg->users) == 0 ? fh_users_update(cfg->users, set, &c)
                                                             : FH_SESSION_E_IO;
    fh_wipe(hash, sizeof hash);
    if (error)
        return failed(cfg->users, error, 0, NULL);
    printf("%s: %s\n", name, c.has_replaced ? "replaced" : "added");
    return FH__EXIT_OK;
}

static int remove_one(struct fh_users *u, void *user)
{
    return fh_users_remove(u, user) == 1 ? 0 : FH_SESSION_E_UNKNOWN;
}

static enum fh__exit remove_user(const struct fh__config *cfg, char *name)
{
    struct fh_users *u = NULL;
    enum fh__exit how = FH__EXIT_USERS;
    bool is_known;
    int error;

    if (load(cfg->users, &u, &how) != 0)
        return how;
    is_known = is_there(u, name);
    fh_users_free(u);
    error = is_known ? fh_users_update(cfg->users, remove_one, name) : FH_SESSION_E_UNKNOWN;
    if (error == FH_SESSION_E_UNKNOWN) {
        fprintf(stderr, "vncserverd: there is no such user in %s\n", cfg->users);
        return FH__EXIT_USERS;
    }
    if (error)
        return failed(cfg->users, error, 0, NULL);
    printf("%s: removed\n", name);
    return FH__EXIT_OK;
}

enum fh__exit fh__user_command(const struct fh__config *cfg, char *const *arguments)
{
    const char *verb = arguments[0];
    size_t n = 0;

    while (arguments[n])
        n++;
    if (n == 1 && strcmp(verb, "list") == 0)
        return list(cfg);
    if (n == 2 && strcmp(verb, "remove") == 0)
        return remove_user(cfg, arguments[1]);
    if (n == 2 && strcmp(verb, "add") == 0)
        return add(cfg, arguments[1], NULL);
    if (n == 3 && strcmp(verb, "add") == 0 && strncmp(arguments[2], "--permissions=", 14) == 0)
        return add(cfg, arguments[1], arguments[2] + 14);
    if (n == 4 && strcmp(verb, "add") == 0 && strcmp(arguments[2], "--permissions") == 0)
        return add(cfg, arguments[1], arguments[3]);
    return usage();
}
