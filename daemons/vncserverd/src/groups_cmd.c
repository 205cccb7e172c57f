/* SPDX-License-Identifier: MIT */
/* groups_cmd.c -- vncserverd group add|set|list|remove. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <farhand/login.h>

#include "usersedit.h"

enum { ERROR_MAX = 200 };

struct options {
    struct fh__rights_options rights;
    bool is_json;
};

static const char usage[] =
    "group add NAME [--permissions LIST] [--require FACTORS], group set NAME "
    "[--permissions LIST] [--require FACTORS], group remove NAME, or group "
    "list [--json]";

static bool is_member(const struct fh_user *user, const char *group)
{
    for (size_t i = 0; i < user->n_groups; i++)
        if (strcmp(user->groups[i], group) == 0)
            return true;
    return false;
}

static json_t *members(const struct fh_users *u, const char *group)
{
    json_t *list = json_array();
    struct fh_user user;

    for (size_t i = 0; i < fh_users_count(u); i++) {
        fh_users_at(u, i, &user);
        if (is_member(&user, group))
            json_array_append_new(list, json_string(user.name));
    }
    fh_wipe(&user, sizeof user);
    return list;
}

static json_t *to_json(const struct fh_users *u, const struct fh_user *group)
{
    char permissions[FH__PERMISSIONS_ROOM], factors[64];

    fh_permissions_format(group->permissions, permissions, sizeof permissions);
    fh_factors_format(group->required, factors, sizeof factors);
    return json_pack("{s:s, s:s, s:s?, s:o}", "name", group->name, "permissions", permissions,
                     "require", group->required ? factors : NULL, "members",
                     members(u, group->name));
}

static void print_group(const struct fh_users *u, const struct fh_user *group)
{
    char permissions[FH__PERMISSIONS_ROOM], factors[64], name[FH__ESCAPED_ROOM];
    json_t *list = members(u, group->name);

    fh__log_escape(group->name, strlen(group->name), name, sizeof name);
    fh_permissions_format(group->permissions, permissions, sizeof permissions);
    fh_factors_format(group->required, factors, sizeof factors);
    printf("%s %s%s%s  members: %zu\n", name, permissions, group->required ? "  require: " : "",
           factors, json_array_size(list));
    json_decref(list);
}

static enum fh__exit list(const struct fh__config *cfg, const char *name, const struct options *o)
{
    enum fh__exit how = FH__EXIT_OK;
    json_t *all = json_array();
    struct fh_users *u = NULL;
    struct fh_user group;

    (void)name;
    if (fh__usersedit_load(cfg->users, &u, &how) != 0)
        goto out;
    for (size_t i = 0; i < fh_users_count(u); i++) {
        fh_users_at(u, i, &group);
        if (group.is_group && o->is_json)
            json_array_append_new(all, to_json(u, &group));
        else if (group.is_group)
            print_group(u, &group);
    }
    fh_wipe(&group, sizeof group);
    if (o->is_json) {
        json_dumpf(all, stdout, JSON_ENSURE_ASCII | JSON_COMPACT);
        printf("\n");
    }
out:
    json_decref(all);
    fh_users_free(u);
    return how;
}

/* As in users_cmd.c. */
static int get(const struct fh__config *cfg, const char *name, struct fh_user *out,
               enum fh__exit *how)
{
    struct fh_users *u = NULL;
    int ret;

    *how = FH__EXIT_USAGE;
    if (!fh__usersedit_is_name(name, true) || fh__usersedit_load(cfg->users, &u, how) != 0)
        return -1;
    ret = fh_users_get_group(u, name, out) == 0;
    if (!ret) {
        *out = (struct fh_user){.is_group = true};
        strcpy(out->name, name);
    }
    fh_users_free(u);
    return ret;
}

static enum fh__exit no_such_group(const struct fh__config *cfg)
{
    fprintf(stderr, "vncserverd: there is no such group in %s\n", cfg->users);
    return FH__EXIT_USERS;
}

static enum fh__exit put(const struct fh__config *cfg, const struct fh_user *group,
                         const struct options *o, const char *what)
{
    struct fh_user changed = *group;
    enum fh__exit how;

    if (!fh__usersedit_rights(&o->rights, &changed))
        return FH__EXIT_USAGE;
    how = fh__usersedit_put(cfg->users, &changed);
    if (how == FH__EXIT_OK)
        printf("%s: %s\n", group->name, what);
    return how;
}

static enum fh__exit add(const struct fh__config *cfg, const char *name, const struct options *o)
{
    struct fh_user group;
    enum fh__exit how;
    int is_there = get(cfg, name, &group, &how);

    if (is_there < 0)
        return how;
    if (is_there) {
        fprintf(stderr, "vncserverd: the group is there already: vncserverd group set\n");
        return FH__EXIT_USERS;
    }
    group.has_permissions = true;
    group.permissions = FH_PERM_ALL;
    return put(cfg, &group, o, "added");
}

static enum fh__exit set(const struct fh__config *cfg, const char *name, const struct options *o)
{
    struct fh_user group;
    enum fh__exit how;
    int is_there = get(cfg, name, &group, &how);

    if (is_there < 0)
        return how;
    if (!is_there)
        return no_such_group(cfg);
    if (!o->rights.permissions && !o->rights.require)
        return fh__usersedit_usage("--permissions or --require");
    return put(cfg, &group, o, "changed");
}

static int remove_one(struct fh_users *u, void *user)
{
    int ret = fh_users_remove_group(u, user);

    return ret == 1 ? 0 : ret == 0 ? FH_SESSION_E_UNKNOWN : ret;
}

static enum fh__exit remove_group(const struct fh__config *cfg, const char *name,
                                  const struct options *o)
{
    struct fh_user group;
    enum fh__exit how;
    int is_there = get(cfg, name, &group, &how), error;

    (void)o;
    if (is_there < 0)
        return how;
    error = is_there ? fh__usersedit_update(cfg->users, remove_one, (void *)name)
                     : FH_SESSION_E_UNKNOWN;
    if (error == FH_SESSION_E_STATE) {
        fprintf(stderr, "vncserverd: the group has members: vncserverd user set NAME --groups\n");
        return FH__EXIT_USERS;
    }
    if (error)
        return error == FH_SESSION_E_UNKNOWN ? no_such_group(cfg)
                                             : fh__usersedit_failed(cfg->users, error, 0, NULL);
    printf("%s: removed\n", name);
    return FH__EXIT_OK;
}

static const struct {
    const char *verb;
    size_t n_words;
    enum fh__exit (*run)(const struct fh__config *cfg, const char *name, const struct options *o);
} verbs[] = {{"add", 1, add}, {"set", 1, set}, {"remove", 1, remove_group}, {"list", 0, list}};

enum fh__exit fh__group_command(const struct fh__config *cfg, char *const *arguments)
{
    struct options o = {0};
    const struct fh__flag flags[] = {{"permissions", &o.rights.permissions, NULL},
                                     {"require", &o.rights.require, NULL},
                                     {"json", NULL, &o.is_json}};
    const char *verb = arguments[0] ? arguments[0] : "";
    struct fh__words words;
    char error[ERROR_MAX];

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].verb) != 0)
            continue;
        if (fh__arguments_read(arguments + 1, flags, sizeof flags / sizeof flags[0], &words, error,
                               sizeof error) != 0) {
            fprintf(stderr, "vncserverd: group %s: %s\n", verb, error);
            return FH__EXIT_USAGE;
        }
        return words.n == verbs[i].n_words ? verbs[i].run(cfg, words.word[0], &o)
                                           : fh__usersedit_usage(usage);
    }
    return fh__usersedit_usage(usage);
}
