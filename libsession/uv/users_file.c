/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <farhand/users_file.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <farhand/identity.h>

#include "private_file.h"

static struct fh__private_file users_at(const char *path)
{
    return (struct fh__private_file){.path = path, .max = FH_USERS_FILE_MAX, .is_secret = true};
}

int fh_users_load(const char *path, struct fh_users **out, unsigned *line, const char **expected)
{
    struct fh__private_file f = users_at(path);
    char *text = NULL;
    size_t len = 0;
    int ret = fh__private_file_read(&f, &text, &len);

    *line = 0;
    *expected = NULL;
    if (ret == 0)
        ret = fh_users_parse(text, len, out, line, expected);
    if (text)
        fh_wipe(text, len);
    free(text);
    return ret;
}

static int load_or_begin(const char *path, struct fh_users **out)
{
    const char *expected;
    unsigned line;
    int ret = fh_users_load(path, out, &line, &expected);

    if (ret == FH_SESSION_E_IO && errno == ENOENT)
        ret = fh_users_parse("", 0, out, &line, &expected);
    return ret;
}

int fh_users_update(const char *path, fh_users_edit_fn edit, void *user)
{
    struct fh__private_file f = users_at(path);
    struct fh_users *u = NULL;
    const char *text;
    size_t len;
    int lock = fh__private_file_lock(&f), ret;

    if (lock < 0)
        return lock;
    ret = load_or_begin(path, &u);
    if (ret == 0)
        ret = edit(u, user);
    if (ret == 0) {
        text = fh_users_text(u, &len);
        ret = !text                     ? FH_SESSION_E_NOMEM
              : len > FH_USERS_FILE_MAX ? FH_SESSION_E_LIMIT
                                        : fh__private_file_write(&f, text, len);
    }
    fh_users_free(u);
    close(lock);
    return ret;
}
