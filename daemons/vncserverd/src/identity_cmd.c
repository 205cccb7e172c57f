/* SPDX-License-Identifier: MIT */
/* identity_cmd.c -- vncserverd identity show|new|rotate. */
#define _DEFAULT_SOURCE
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/identity_uv.h>

#include "identityfile.h"

static enum fh__exit usage(void)
{
    fprintf(stderr, "vncserverd: expected identity show, identity new [--bits 2048|3072|4096], or\n"
                    "identity rotate [--bits 2048|3072|4096 | --finish | --abort]\n");
    return FH__EXIT_USAGE;
}

static enum fh__exit failed(const char *path, int error)
{
    fprintf(stderr, "vncserverd: %s: %s\n", path,
            error == FH_CRYPTO_E_IO ? strerror(errno) : fh_crypto_strerror(error));
    return FH__EXIT_IDENTITY;
}

static enum fh__exit print(const char *path, const struct fh_identity *id)
{
    char fingerprint[FH_FINGERPRINT_HEX], phrase[FH_CATCHPHRASE_MAX];
    size_t len;
    const uint8_t *spki = fh_identity_spki(id, &len);

    if (fh__identityfile_describe(spki, len, fingerprint, phrase) != 0)
        return FH__EXIT_IDENTITY;
    printf("file: %s\nbits: %u\nfingerprint: %s\ncatchphrase: %s\n", path, fh_identity_bits(id),
           fingerprint, phrase);
    return FH__EXIT_OK;
}

/* Where a rotation is under way the key that is to follow is shown as well. */
static enum fh__exit print_next(const struct fh__config *cfg)
{
    char path[FH__IDENTITYFILE_NEXT_ROOM];
    struct fh_identity *next;
    enum fh__exit how = FH__EXIT_OK;
    int error = fh__identityfile_open_next(cfg->identity, &next);

    if (fh__identityfile_next_path(cfg->identity, path) != 0 || error)
        return failed(path, error ? error : FH_CRYPTO_E_IO);
    if (next) {
        printf("\nto follow, after vncserverd identity rotate --finish\n");
        how = print(path, next);
    }
    fh_identity_free(next);
    return how;
}

static enum fh__exit load(const struct fh__config *cfg, struct fh_identity **out)
{
    int error = fh_identity_load(cfg->identity, out);

    if (error == FH_CRYPTO_E_IO && errno == ENOENT) {
        fprintf(stderr, "vncserverd: %s: there is none yet; make it with vncserverd identity new\n",
                cfg->identity);
        return FH__EXIT_IDENTITY;
    }
    return error ? failed(cfg->identity, error) : FH__EXIT_OK;
}

static enum fh__exit show(const struct fh__config *cfg)
{
    struct fh_identity *id = NULL;
    enum fh__exit how = load(cfg, &id);

    if (how == FH__EXIT_OK)
        how = print(cfg->identity, id);
    if (how == FH__EXIT_OK)
        how = print_next(cfg);
    fh_identity_free(id);
    return how;
}

/* A key that is there is never overwritten: whoever wants that moves it away first. */
static enum fh__exit make_at(const char *path, unsigned bits)
{
    struct fh_identity *id = NULL;
    enum fh__exit how;
    int error;

    error = fh_identity_load(path, &id);
    fh_identity_free(id);
    id = NULL;
    if (error != FH_CRYPTO_E_IO || errno != ENOENT)
        return failed(path, error ? error : FH_CRYPTO_E_EXISTS);
    if (fh__identityfile_make_directory(path) != 0)
        return failed(path, FH_CRYPTO_E_IO);
    error = fh_identity_generate(bits, fh_random_system, NULL, &id);
    if (error == 0)
        error = fh_identity_save(id, path);
    how = error ? failed(path, error) : print(path, id);
    fh_identity_free(id);
    return how;
}

/* ---- rotation ---- */

static enum fh__exit begin(const struct fh__config *cfg, unsigned bits)
{
    char path[FH__IDENTITYFILE_NEXT_ROOM];
    struct fh_identity *id = NULL;
    enum fh__exit how = load(cfg, &id);

    fh_identity_free(id);
    if (how != FH__EXIT_OK)
        return how;
    if (fh__identityfile_next_path(cfg->identity, path) != 0)
        return failed(cfg->identity, FH_CRYPTO_E_IO);
    if (access(path, F_OK) == 0) {
        fprintf(stderr, "vncserverd: %s: a rotation is under way: --finish or --abort it first\n",
                path);
        return FH__EXIT_IDENTITY;
    }
    how = make_at(path, bits);
    if (how == FH__EXIT_OK)
        printf("Restart the service: it goes on with the present key, and tells its viewers this "
               "one.\n"
               "When those that matter have connected: vncserverd identity rotate --finish\n");
    return how;
}

static int sync_directory_of(const char *path)
{
    char dir[FH__IDENTITYFILE_NEXT_ROOM];
    char *slash;
    int fd, ret;

    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (!slash)
        return 0;
    slash[slash == dir] = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ret = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return ret;
}

/* finishes: the next key takes the place of the present one, which is gone; else it is given up. */
static enum fh__exit end(const struct fh__config *cfg, bool finishes)
{
    char path[FH__IDENTITYFILE_NEXT_ROOM];
    struct fh_identity *next;
    enum fh__exit how;
    int error = fh__identityfile_open_next(cfg->identity, &next);

    if (fh__identityfile_next_path(cfg->identity, path) != 0 || (error && finishes))
        return failed(path, error ? error : FH_CRYPTO_E_IO);
    if (!next && !error) {
        fprintf(stderr, "vncserverd: %s: no rotation is under way\n", path);
        return FH__EXIT_IDENTITY;
    }
    if ((finishes ? rename(path, cfg->identity) : unlink(path)) != 0 ||
        sync_directory_of(cfg->identity) != 0)
        how = failed(path, FH_CRYPTO_E_IO);
    else if (finishes)
        how = print(cfg->identity, next);
    else
        how = FH__EXIT_OK;
    fh_identity_free(next);
    if (how == FH__EXIT_OK)
        printf("Restart the service.%s\n",
               finishes ? " Viewers that did not hear of this key will refuse it." : "");
    return how;
}

/* ---- the command line ---- */

/* 0: not a size. */
static unsigned read_bits(const char *text)
{
    if (strcmp(text, "2048") != 0 && strcmp(text, "3072") != 0 && strcmp(text, "4096") != 0)
        return 0;
    return (unsigned)strtoul(text, NULL, 10);
}

/* [--bits N], and nothing behind it. */
static unsigned bits_of(char *const *arguments)
{
    if (!arguments[0])
        return FH_IDENTITY_BITS_DEFAULT;
    if (strncmp(arguments[0], "--bits=", 7) == 0 && !arguments[1])
        return read_bits(arguments[0] + 7);
    if (strcmp(arguments[0], "--bits") == 0 && arguments[1] && !arguments[2])
        return read_bits(arguments[1]);
    return 0;
}

enum fh__exit fh__identity_command(const struct fh__config *cfg, char *const *arguments)
{
    const char *verb = arguments[0];
    unsigned bits;

    if (!verb)
        return usage();
    if (strcmp(verb, "show") == 0 && !arguments[1])
        return show(cfg);
    if (strcmp(verb, "rotate") == 0 && arguments[1] && !arguments[2] &&
        (strcmp(arguments[1], "--finish") == 0 || strcmp(arguments[1], "--abort") == 0))
        return end(cfg, strcmp(arguments[1], "--finish") == 0);
    if ((bits = bits_of(arguments + 1)) == 0)
        return usage();
    if (strcmp(verb, "new") == 0)
        return make_at(cfg->identity, bits);
    return strcmp(verb, "rotate") == 0 ? begin(cfg, bits) : usage();
}
