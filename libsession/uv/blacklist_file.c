/* SPDX-License-Identifier: MIT */
#include <farhand/blacklist_file.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "private_file.h"

static struct fh__private_file list_at(const char *path)
{
    return (struct fh__private_file){.path = path, .max = FH_BLACKLIST_FILE_MAX, .is_secret = true};
}

int fh_blacklist_load(struct fh_blacklist *b, uint64_t now_ms, const char *path, unsigned *line)
{
    struct fh__private_file f = list_at(path);
    char *text = NULL;
    size_t len = 0;
    int ret = fh__private_file_read(&f, &text, &len);

    *line = 0;
    if (ret == 0)
        ret = fh_blacklist_parse(b, now_ms, (int64_t)time(NULL), text, len, line);
    else if (ret == FH_SESSION_E_IO && errno == ENOENT)
        ret = 0;
    free(text);
    return ret;
}

int fh_blacklist_save(const struct fh_blacklist *b, uint64_t now_ms, const char *path)
{
    struct fh__private_file f = list_at(path);
    size_t len;
    char *text = fh_blacklist_text(b, now_ms, (int64_t)time(NULL), &len);
    int ret = text ? fh__private_file_write(&f, text, len) : FH_SESSION_E_NOMEM;

    free(text);
    return ret;
}
