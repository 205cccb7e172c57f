/* SPDX-License-Identifier: MIT */
/*
 * usersedit.h -- what the sub-commands that change users, groups and codes share: files that
 * complain on standard error, and the options that say what a user may and must.
 */
#ifndef FH__USERSEDIT_H
#define FH__USERSEDIT_H

#include <farhand/codes_file.h>
#include <farhand/users_file.h>

#include "arguments.h"
#include "config.h"
#include "exitcode.h"

enum { FH__ESCAPED_ROOM = 4 * FH_USERS_NAME_MAX + 1, FH__PERMISSIONS_ROOM = 200 };

/* --permissions, --require and --groups; NULL: not given. */
struct fh__rights_options {
    const char *permissions, *require, *groups;
};

#define FH__RIGHTS_FLAGS(o)                                                                        \
    {"permissions", &(o)->permissions, NULL}, {"require", &(o)->require, NULL},                    \
    {                                                                                              \
        "groups", &(o)->groups, NULL                                                               \
    }

/* Says the error, with file and line, and gives the exit code. */
enum fh__exit fh__usersedit_failed(const char *path, int error, unsigned line,
                                   const char *expected);
enum fh__exit fh__usersedit_usage(const char *expected);
/* The users of the file as it is; none where there is no file. *how: why not. */
int fh__usersedit_load(const char *path, struct fh_users **out, enum fh__exit *how);
int fh__usersedit_load_codes(const char *path, struct fh_codes **out, enum fh__exit *how);
/* Whether the name can stand in the files; complains. */
bool fh__usersedit_is_name(const char *name, bool is_group);
/* Puts what is given into user; false: complained. "inherit" takes back what was said. */
bool fh__usersedit_rights(const struct fh__rights_options *o, struct fh_user *user);
/* Makes the folder, then as fh_users_update(). */
int fh__usersedit_update(const char *path, fh_users_edit_fn edit, void *user);
/* Puts one line; says what was wrong. */
enum fh__exit fh__usersedit_put(const char *path, const struct fh_user *user);

#endif
