/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <farhand/known_peers_file.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "private_file.h"

static struct fh__private_file store_at(const char *path)
{
    return (struct fh__private_file){
        .path = path, .max = FH_KNOWN_PEERS_FILE_MAX, .is_secret = false};
}

int fh_known_peers_load(const char *path, struct fh_known_peers **out, unsigned *line)
{
    struct fh__private_file f = store_at(path);
    char *text = NULL;
    size_t len = 0;
    int ret = fh__private_file_read(&f, &text, &len);

    *line = 0;
    if (ret == FH_SESSION_E_IO && errno == ENOENT)
        ret = 0;
    if (ret == 0)
        ret = fh_known_peers_parse(text, len, out, line);
    free(text);
    return ret;
}

int fh_known_peers_update(const char *path, fh_known_peers_edit_fn edit, void *user)
{
    struct fh__private_file f = store_at(path);
    struct fh_known_peers *k = NULL;
    const char *text;
    unsigned line;
    size_t len;
    int lock = fh__private_file_lock(&f), ret;

    if (lock < 0)
        return lock;
    ret = fh_known_peers_load(path, &k, &line);
    if (ret == 0)
        ret = edit(k, user);
    if (ret == 0) {
        text = fh_known_peers_text(k, &len);
        ret = text ? fh__private_file_write(&f, text, len) : FH_SESSION_E_NOMEM;
    }
    fh_known_peers_free(k);
    close(lock);
    return ret;
}
