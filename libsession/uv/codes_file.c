/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <farhand/codes_file.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <farhand/identity.h>

#include "private_file.h"

static struct fh__private_file codes_at(const char *path)
{
    return (struct fh__private_file){.path = path, .max = FH_CODES_FILE_MAX, .is_secret = true};
}

int fh_codes_load(const char *path, struct fh_codes **out, unsigned *line, const char **expected)
{
    struct fh__private_file f = codes_at(path);
    char *text = NULL;
    size_t len = 0;
    int ret = fh__private_file_read(&f, &text, &len);

    *line = 0;
    *expected = NULL;
    if (ret == 0)
        ret = fh_codes_parse(text, len, out, line, expected);
    if (text)
        fh_wipe(text, len);
    free(text);
    return ret;
}

static int load_or_begin(const char *path, struct fh_codes **out)
{
    const char *expected;
    unsigned line;
    int ret = fh_codes_load(path, out, &line, &expected);

    if (ret == FH_SESSION_E_IO && errno == ENOENT)
        ret = fh_codes_parse("", 0, out, &line, &expected);
    return ret;
}

int fh_codes_update(const char *path, fh_codes_edit_fn edit, void *user)
{
    struct fh__private_file f = codes_at(path);
    struct fh_codes *c = NULL;
    const char *text;
    size_t len;
    int lock = fh__private_file_lock(&f), ret;

    if (lock < 0)
        return lock;
    ret = load_or_begin(path, &c);
    if (ret == 0)
        ret = edit(c, user);
    if (ret == 0) {
        text = fh_codes_text(c, &len);
        ret = !text                     ? FH_SESSION_E_NOMEM
              : len > FH_CODES_FILE_MAX ? FH_SESSION_E_LIMIT
                                        : fh__private_file_write(&f, text, len);
    }
    fh_codes_free(c);
    close(lock);
    return ret;
}

struct spending {
    const char *name, *code;
    size_t len;
    uint64_t unix_s;
    bool is_recovery;
};

static int spend(struct fh_codes *c, void *user)
{
    struct spending *s = user;

    return fh_codes_spend(c, s->name, s->code, s->len, s->unix_s, &s->is_recovery);
}

int fh_codes_file_spend(const char *path, const char *name, const char *code, size_t len,
                        uint64_t unix_s, bool *is_recovery)
{
    struct spending s = {.name = name, .code = code, .len = len, .unix_s = unix_s};
    int ret = fh_codes_update(path, spend, &s);

    if (ret == 0)
        *is_recovery = s.is_recovery;
    return ret;
}
