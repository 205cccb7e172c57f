/* SPDX-License-Identifier: MIT */
/* users_cmd.c -- vncserverd user add|password|set|list|remove|identity; totp is totp_cmd.c. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <farhand/identity_uv.h>
#include <farhand/login.h>
#include <farhand/password.h>

#include "terminal.h"
#include "usersedit.h"

enum { ERROR_MAX = 200 };

struct options {
    struct fh__rights_options rights;
    bool has_no_password, is_json;
};

static const char usage[] =
    "user add NAME [--permissions LIST] [--require FACTORS] [--groups LIST] [--no-password], user "
    "password NAME, user set NAME [--permissions LIST] [--require FACTORS] [--groups LIST], user "
    "identity add|remove NAME FINGERPRINT, user totp NAME, user remove NAME, or user list [--json]";

/* ---- list ---- */

static void print_user(const struct fh_user *user, bool is_enrolled)
{
    char words[FH__PERMISSIONS_ROOM], name[FH__ESCAPED_ROOM];

    fh__log_escape(user->name, strlen(user->name), name, sizeof name);
    fh_permissions_format(user->permissions, words, sizeof words);
    printf("%s %s", name, user->has_permissions ? words : "inherit");
    if (user->required) {
        fh_factors_format(user->required, words, sizeof words);
        printf("  require: %s", words);
    }
    for (size_t i = 0; i < user->n_groups; i++)
        printf("%s%s", i == 0 ? "  groups: " : ",", user->groups[i]);
    if (user->n_identities)
        printf("  identities: %zu", user->n_identities);
    printf("%s%s\n", user->hash[0] ? "" : "  no password", is_enrolled ? "  totp" : "");
}

static json_t *to_json(const struct fh_users *u, const struct fh_user *user,
                       const struct fh_codes *c)
{
    struct fh_enrolment e = {0};
    bool is_enrolled = fh_codes_get(c, user->name, &e) == 0;
    json_t *groups = json_array(), *identities = json_array(), *object;
    char own[FH__PERMISSIONS_ROOM], all[FH__PERMISSIONS_ROOM], factors[64], hex[FH_FINGERPRINT_HEX];
    uint32_t permissions;
    unsigned required;

    fh_users_rights(u, user, &permissions, &required);
    fh_permissions_format(user->permissions, own, sizeof own);
    fh_permissions_format(permissions, all, sizeof all);
    fh_factors_format(required, factors, sizeof factors);
    for (size_t i = 0; i < user->n_groups; i++)
        json_array_append_new(groups, json_string(user->groups[i]));
    for (size_t i = 0; i < user->n_identities; i++) {
        fh_fingerprint_to_hex(user->identities[i], hex);
        json_array_append_new(identities, json_string(hex));
    }
    object = json_pack("{s:s, s:b, s:s?, s:s, s:s?, s:o, s:o, s:b, s:I}", "name", user->name,
                       "password", user->hash[0] != '\0', "own_permissions",
                       user->has_permissions ? own : NULL, "permissions", all, "require",
                       required ? factors : NULL, "groups", groups, "identities", identities,
                       "totp", is_enrolled, "recovery_codes", (json_int_t)e.n_recovery);
    fh_wipe(&e, sizeof e);
    return object;
}

static void print_all(const struct fh_users *u, const struct fh_codes *c, bool is_json)
{
    json_t *list = json_array();
    struct fh_enrolment e;
    struct fh_user user;

    for (size_t i = 0; i < fh_users_count(u); i++) {
        fh_users_at(u, i, &user);
        if (!user.is_group && is_json)
            json_array_append_new(list, to_json(u, &user, c));
        else if (!user.is_group)
            print_user(&user, fh_codes_get(c, user.name, &e) == 0);
    }
    if (is_json) {
        json_dumpf(list, stdout, JSON_ENSURE_ASCII | JSON_COMPACT);
        printf("\n");
    }
    json_decref(list);
    fh_wipe(&user, sizeof user);
    fh_wipe(&e, sizeof e);
}

static enum fh__exit list(const struct fh__config *cfg, const struct fh__words *words,
                          const struct options *o)
{
    struct fh_users *u = NULL;
    struct fh_codes *c = NULL;
    enum fh__exit how = FH__EXIT_OK;

    (void)words;
    if (fh__usersedit_load(cfg->users, &u, &how) == 0 &&
        fh__usersedit_load_codes(cfg->codes, &c, &how) == 0)
        print_all(u, c, o->is_json);
    fh_users_free(u);
    fh_codes_free(c);
    return how;
}

/* ---- add, password, set ---- */

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

/* 1: it is there, 0: it is not and out is empty but for the name, -1: complained, see *how. */
static int get(const struct fh__config *cfg, const char *name, struct fh_user *out,
               enum fh__exit *how)
{
    struct fh_users *u = NULL;
    int ret;

    *how = FH__EXIT_USAGE;
    if (!fh__usersedit_is_name(name, false) || fh__usersedit_load(cfg->users, &u, how) != 0)
        return -1;
    ret = fh_users_get(u, name, out) == 0;
    if (!ret) {
        *out = (struct fh_user){0};
        strcpy(out->name, name);
    }
    fh_users_free(u);
    return ret;
}

static enum fh__exit no_such_user(const struct fh__config *cfg)
{
    fprintf(stderr, "vncserverd: there is no such user in %s\n", cfg->users);
    return FH__EXIT_USERS;
}

static enum fh__exit add(const struct fh__config *cfg, const struct fh__words *words,
                         const struct options *o)
{
    bool is_everyone = strcmp(words->word[0], "*") == 0;
    struct fh_user user = {0};
    enum fh__exit how;
    int is_there = get(cfg, words->word[0], &user, &how);

    if (is_there < 0)
        return how;
    if (!o->rights.groups || o->rights.permissions) {
        user.has_permissions = true;
        user.permissions = FH_PERM_ALL;
    }
    if (!fh__usersedit_rights(&o->rights, &user))
        return FH__EXIT_USAGE;
    user.hash[0] = '\0';
    if (!o->has_no_password && !is_everyone && ask_hash(user.hash) != 0)
        return FH__EXIT_USERS;
    how = fh__usersedit_put(cfg->users, &user);
    fh_wipe(&user, sizeof user);
    if (how == FH__EXIT_OK)
        printf("%s: %s\n", words->word[0], is_there ? "replaced" : "added");
    return how;
}

static enum fh__exit password(const struct fh__config *cfg, const struct fh__words *words,
                              const struct options *o)
{
    struct fh_user user = {0};
    enum fh__exit how;
    int is_there = get(cfg, words->word[0], &user, &how);

    (void)o;
    if (is_there < 0)
        return how;
    if (!is_there)
        return no_such_user(cfg);
    if (ask_hash(user.hash) != 0)
        return FH__EXIT_USERS;
    how = fh__usersedit_put(cfg->users, &user);
    fh_wipe(&user, sizeof user);
    if (how == FH__EXIT_OK)
        printf("%s: has another password\n", words->word[0]);
    return how;
}

static enum fh__exit set(const struct fh__config *cfg, const struct fh__words *words,
                         const struct options *o)
{
    struct fh_user user = {0};
    enum fh__exit how;
    int is_there = get(cfg, words->word[0], &user, &how);

    if (is_there < 0)
        return how;
    if (!is_there)
        return no_such_user(cfg);
    if (!o->rights.permissions && !o->rights.require && !o->rights.groups)
        return fh__usersedit_usage("--permissions, --require or --groups");
    how = fh__usersedit_rights(&o->rights, &user) ? fh__usersedit_put(cfg->users, &user)
                                                  : FH__EXIT_USAGE;
    fh_wipe(&user, sizeof user);
    if (how == FH__EXIT_OK)
        printf("%s: changed\n", words->word[0]);
    return how;
}

/* ---- identity ---- */

static bool change_identity(struct fh_user *user, const uint8_t *fp, bool is_adding)
{
    size_t i = 0;

    while (i < user->n_identities && memcmp(user->identities[i], fp, FH_FINGERPRINT_LEN) != 0)
        i++;
    if (is_adding == (i < user->n_identities) || (is_adding && i == FH_USERS_IDENTITIES_MAX))
        return false;
    if (is_adding) {
        memcpy(user->identities[user->n_identities++], fp, FH_FINGERPRINT_LEN);
    } else {
        user->n_identities--;
        memmove(user->identities[i], user->identities[i + 1],
                (user->n_identities - i) * FH_FINGERPRINT_LEN);
    }
    return true;
}

static enum fh__exit identity(const struct fh__config *cfg, const struct fh__words *words,
                              const struct options *o)
{
    bool is_adding = strcmp(words->word[0], "add") == 0;
    uint8_t fp[FH_FINGERPRINT_LEN];
    struct fh_user user = {0};
    enum fh__exit how;
    int is_there;

    (void)o;
    if (!is_adding && strcmp(words->word[0], "remove") != 0)
        return fh__usersedit_usage("user identity add|remove NAME FINGERPRINT");
    if (fh_fingerprint_from_hex(words->word[2], fp) != 0)
        return fh__usersedit_usage("a fingerprint of 64 hexadecimal digits, as vncviewer-cli "
                                   "identity shows it");
    is_there = get(cfg, words->word[1], &user, &how);
    if (is_there < 0)
        return how;
    if (!is_there)
        return no_such_user(cfg);
    if (!change_identity(&user, fp, is_adding)) {
        fprintf(stderr, "vncserverd: %s: %s\n", words->word[1],
                !is_adding ? "there is no such identity"
                           : "the identity is there already, or there are 16");
        return FH__EXIT_USERS;
    }
    how = fh__usersedit_put(cfg->users, &user);
    fh_wipe(&user, sizeof user);
    if (how == FH__EXIT_OK)
        printf("%s: identity %s\n", words->word[1], is_adding ? "added" : "removed");
    return how;
}

/* ---- remove ---- */

static int remove_one(struct fh_users *u, void *user)
{
    return fh_users_remove(u, user) == 1 ? 0 : FH_SESSION_E_UNKNOWN;
}

/* The codes go first: who is added again under this name must not find them. */
static enum fh__exit remove_user(const struct fh__config *cfg, const struct fh__words *words,
                                 const struct options *o)
{
    struct fh_user user = {0};
    enum fh__exit how;
    int is_there = get(cfg, words->word[0], &user, &how), error;

    (void)o;
    fh_wipe(&user, sizeof user);
    if (is_there < 0)
        return how;
    if (!is_there)
        return no_such_user(cfg);
    how = fh__totp_forget(cfg, words->word[0]);
    if (how != FH__EXIT_OK)
        return how;
    error = fh__usersedit_update(cfg->users, remove_one, (void *)words->word[0]);
    if (error)
        return error == FH_SESSION_E_UNKNOWN ? no_such_user(cfg)
                                             : fh__usersedit_failed(cfg->users, error, 0, NULL);
    printf("%s: removed\n", words->word[0]);
    return FH__EXIT_OK;
}

/* ---- the table ---- */

static const struct {
    const char *verb;
    size_t n_words;
    enum fh__exit (*run)(const struct fh__config *cfg, const struct fh__words *words,
                         const struct options *o);
} verbs[] = {
    {"add", 1, add},           {"password", 1, password},  {"set", 1, set},
    {"identity", 3, identity}, {"remove", 1, remove_user}, {"list", 0, list},
};

enum fh__exit fh__user_command(const struct fh__config *cfg, char *const *arguments)
{
    struct options o = {0};
    const struct fh__flag flags[] = {FH__RIGHTS_FLAGS(&o.rights),
                                     {"no-password", NULL, &o.has_no_password},
                                     {"json", NULL, &o.is_json}};
    const char *verb = arguments[0] ? arguments[0] : "";
    struct fh__words words;
    char error[ERROR_MAX];

    if (strcmp(verb, "totp") == 0)
        return fh__totp_command(cfg, arguments + 1);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].verb) != 0)
            continue;
        if (fh__arguments_read(arguments + 1, flags, sizeof flags / sizeof flags[0], &words, error,
                               sizeof error) != 0) {
            fprintf(stderr, "vncserverd: user %s: %s\n", verb, error);
            return FH__EXIT_USAGE;
        }
        return words.n == verbs[i].n_words ? verbs[i].run(cfg, &words, &o)
                                           : fh__usersedit_usage(usage);
    }
    return fh__usersedit_usage(usage);
}
