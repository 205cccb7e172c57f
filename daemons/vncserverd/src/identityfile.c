/* SPDX-License-Identifier: MIT */
/* identityfile.c -- the identity of this server in its file. */
#include "identityfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <farhand/identity_uv.h>

#include "log.h"

enum { PATH_ROOM = 4096 };

int fh__identityfile_make_directory(const char *path)
{
    char dir[PATH_ROOM], *p;

    if ((size_t)snprintf(dir, sizeof dir, "%s", path) >= sizeof dir) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (p = dir + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            if (mkdir(dir, 0700) != 0 && errno != EEXIST)
                return -1;
            *p = '/';
        }
    return 0;
}

static void explain(const char *path, int error)
{
    if (error == FH_CRYPTO_E_IO)
        fh__log(FH__LOG_ERROR, "%s: %s", path, strerror(errno));
    else if (error)
        fh__log(FH__LOG_ERROR, "%s: %s", path, fh_crypto_strerror(error));
}

struct making {
    struct fh_identity *id;
    int status;
    bool is_done;
};

static void on_made(struct fh_identity *id, int status, void *user)
{
    struct making *m = user;

    m->id = id;
    m->status = status;
    m->is_done = true;
}

static int make(uv_loop_t *loop, const char *path, const bool *is_stopping,
                struct fh_identity **out)
{
    struct making m = {0};
    struct fh_identity_generation *g;
    bool is_cancelled = false;
    int error;

    if (fh__identityfile_make_directory(path) != 0)
        return FH_CRYPTO_E_IO;
    fh__log(FH__LOG_NOTICE, "making the identity of this server, %s", path);
    error = fh_identity_generate_start(loop, FH_IDENTITY_BITS_DEFAULT, on_made, &m, &g);
    if (error)
        return error;
    while (!m.is_done) {
        if (*is_stopping && !is_cancelled)
            fh_identity_generate_cancel(g);
        is_cancelled = *is_stopping;
        uv_run(loop, UV_RUN_ONCE);
    }
    if (m.status)
        return m.status;
    error = fh_identity_save(m.id, path);
    if (error) {
        fh_identity_free(m.id);
        return error;
    }
    *out = m.id;
    return 0;
}

int fh__identityfile_open(uv_loop_t *loop, const char *path, const bool *is_stopping,
                          struct fh_identity **out)
{
    int error = fh_identity_load(path, out);

    if (error == FH_CRYPTO_E_IO && errno == ENOENT)
        error = make(loop, path, is_stopping, out);
    /* Another process made it at the same time. */
    if (error == FH_CRYPTO_E_EXISTS)
        error = fh_identity_load(path, out);
    if (!*is_stopping)
        explain(path, error);
    return error;
}

int fh__identityfile_next_path(const char *path, char out[FH__IDENTITYFILE_NEXT_ROOM])
{
    int n = snprintf(out, FH__IDENTITYFILE_NEXT_ROOM, "%s.next", path);

    if (n > 0 && n < FH__IDENTITYFILE_NEXT_ROOM)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

int fh__identityfile_open_next(const char *path, struct fh_identity **out)
{
    char next[FH__IDENTITYFILE_NEXT_ROOM];
    int error;

    *out = NULL;
    if (fh__identityfile_next_path(path, next) != 0)
        return FH_CRYPTO_E_IO;
    error = fh_identity_load(next, out);
    return error == FH_CRYPTO_E_IO && errno == ENOENT ? 0 : error;
}

int fh__identityfile_describe(const uint8_t *spki, size_t len, char fingerprint[FH_FINGERPRINT_HEX],
                              char phrase[FH_CATCHPHRASE_MAX])
{
    uint8_t fp[FH_FINGERPRINT_LEN];
    int error;

    fh_fingerprint(spki, len, fp);
    fh_fingerprint_to_hex(fp, fingerprint);
    error = fh_catchphrase(fp, phrase);
    if (error)
        fh__log(FH__LOG_ERROR, "the catchphrase: %s", fh_crypto_strerror(error));
    return error;
}
