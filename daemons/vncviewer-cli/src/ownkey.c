/* SPDX-License-Identifier: MIT */
#include "ownkey.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <farhand/crypto_error.h>
#include <farhand/identity_uv.h>

struct making {
    struct fh_identity *identity;
    int status;
};

static void on_generated(struct fh_identity *id, int status, void *user)
{
    struct making *m = user;

    m->identity = id;
    m->status = status;
}

static int make_identity(uv_loop_t *loop, const char *path, struct fh_identity **out)
{
    struct making m = {.status = FH_CRYPTO_E_INTERNAL};
    int ret;

    fprintf(stderr, "vncviewer-cli: making a key for this viewer: %s\n", path);
    ret = fh_identity_generate_start(loop, FH_IDENTITY_BITS_DEFAULT, on_generated, &m, NULL);
    if (ret != 0)
        return ret;
    uv_run(loop, UV_RUN_DEFAULT);
    if (m.status != 0)
        return m.status;
    ret = fh_identity_save(m.identity, path);
    *out = m.identity;
    /* Another run made one at the same time: theirs is as good. */
    if (ret == FH_CRYPTO_E_EXISTS) {
        fh_identity_free(*out);
        *out = NULL;
        ret = fh_identity_load(path, out);
    }
    return ret;
}

int ownkey_load(uv_loop_t *loop, const char *path, struct fh_identity **out, char *why, size_t room)
{
    int ret = fh_identity_load(path, out);

    if (ret == FH_CRYPTO_E_IO && errno == ENOENT)
        ret = make_identity(loop, path, out);
    if (ret != 0)
        snprintf(why, room, "%.300s: %s", path,
                 ret == FH_CRYPTO_E_IO ? strerror(errno) : fh_crypto_strerror(ret));
    return ret;
}
