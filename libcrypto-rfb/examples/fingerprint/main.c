/* SPDX-License-Identifier: MIT */
/*
 * fingerprint -- loads an identity, makes it first if there is none, and says who it is.
 *
 *     fingerprint FILE     the identity in FILE
 *     fingerprint          a new one that is forgotten
 *
 * A new key takes a worker of the loop a second or so; a real program would do other things
 * meanwhile.
 */
#include <stdio.h>
#include <string.h>

#include <farhand/identity_uv.h>

struct app {
    const char *path; /* NULL: the key is not kept */
    int status;
};

static int show(const struct fh_identity *id)
{
    uint8_t fp[FH_FINGERPRINT_LEN];
    char hex[FH_FINGERPRINT_HEX], phrase[FH_CATCHPHRASE_MAX];
    size_t len;
    const uint8_t *spki = fh_identity_spki(id, &len);
    int ret;

    fh_fingerprint(spki, len, fp);
    fh_fingerprint_to_hex(fp, hex);
    if ((ret = fh_catchphrase(fp, phrase)) != 0)
        return ret;
    printf("RSA, %u bits\n%s\n%s\n", fh_identity_bits(id), hex, phrase);
    return 0;
}

/* The identity is ours from here on. */
static void on_generated(struct fh_identity *id, int status, void *user)
{
    struct app *app = user;

    app->status = status;
    if (app->status == 0 && app->path)
        app->status = fh_identity_save(id, app->path);
    if (app->status == 0)
        app->status = show(id);
    fh_identity_free(id);
}

static int generate(struct app *app)
{
    uv_loop_t *loop = uv_default_loop();
    int ret = fh_identity_generate_start(loop, FH_IDENTITY_BITS_DEFAULT, on_generated, app, NULL);

    if (ret != 0)
        return ret;
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    return app->status;
}

int main(int argc, char **argv)
{
    struct app app = {.path = argc > 1 ? argv[1] : NULL};
    struct fh_identity *id = NULL;
    uv_fs_t probe;
    int ret;

    if (app.path && uv_fs_lstat(NULL, &probe, app.path, NULL) == 0)
        ret = fh_identity_load(app.path, &id);
    else
        ret = generate(&app);
    if (ret == 0 && id)
        ret = show(id);
    fh_identity_free(id);
    if (ret != 0)
        fprintf(stderr, "fingerprint: %s\n", fh_crypto_strerror(ret));
    return ret != 0;
}
