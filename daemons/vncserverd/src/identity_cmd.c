/* SPDX-License-Identifier: MIT */
/* identity_cmd.c -- vncserverd identity show|new. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/identity_uv.h>

#include "identityfile.h"

static enum fh__exit usage(void)
{
    fprintf(stderr,
            "vncserverd: expected identity show, or identity new [--bits 2048|3072|4096]\n");
    return FH__EXIT_USAGE;
}

static enum fh__exit failed(const char *path, int error)
{
    fprintf(stderr, "vncserverd: %s: %s\n", path,
            error == FH_CRYPTO_E_IO ? strerror(errno) : fh_crypto_strerror(error));
    return FH__EXIT_IDENTITY;
}

static enum fh__exit print(const struct fh__config *cfg, const struct fh_identity *id)
{
    char fingerprint[FH_FINGERPRINT_HEX], phrase[FH_CATCHPHRASE_MAX];
    size_t len;
    const uint8_t *spki = fh_identity_spki(id, &len);

    if (fh__identityfile_describe(spki, len, fingerprint, phrase) != 0)
        return FH__EXIT_IDENTITY;
    printf("file: %s\nbits: %u\nfingerprint: %s\ncatchphrase: %s\n", cfg->identity,
           fh_identity_bits(id), fingerprint, phrase);
    return FH__EXIT_OK;
}

static enum fh__exit show(const struct fh__config *cfg)
{
    struct fh_identity *id = NULL;
    int error = fh_identity_load(cfg->identity, &id);
    enum fh__exit how;

    if (error == FH_CRYPTO_E_IO && errno == ENOENT) {
        fprintf(stderr, "vncserverd: %s: there is none yet; make it with vncserverd identity new\n",
                cfg->identity);
        return FH__EXIT_IDENTITY;
    }
    if (error)
        return failed(cfg->identity, error);
    how = print(cfg, id);
    fh_identity_free(id);
    return how;
}

/* An identity that viewers know is never overwritten: whoever wants that moves it away first. */
static enum fh__exit make(const struct fh__config *cfg, unsigned bits)
{
    struct fh_identity *id = NULL;
    enum fh__exit how;
    int error;

    error = fh_identity_load(cfg->identity, &id);
    fh_identity_free(id);
    id = NULL;
    if (error != FH_CRYPTO_E_IO || errno != ENOENT)
        return failed(cfg->identity, error ? error : FH_CRYPTO_E_EXISTS);
    if (fh__identityfile_make_directory(cfg->identity) != 0)
        return failed(cfg->identity, FH_CRYPTO_E_IO);
    error = fh_identity_generate(bits, fh_random_system, NULL, &id);
    if (error == 0)
        error = fh_identity_save(id, cfg->identity);
    how = error ? failed(cfg->identity, error) : print(cfg, id);
    fh_identity_free(id);
    return how;
}

enum fh__exit fh__identity_command(const struct fh__config *cfg, char *const *arguments)
{
    const char *verb = arguments[0], *bits;

    if (!verb)
        return usage();
    if (strcmp(verb, "show") == 0 && !arguments[1])
        return show(cfg);
    if (strcmp(verb, "new") != 0)
        return usage();
    if (!arguments[1])
        return make(cfg, FH_IDENTITY_BITS_DEFAULT);
    if (strncmp(arguments[1], "--bits=", 7) == 0 && !arguments[2])
        bits = arguments[1] + 7;
    else if (strcmp(arguments[1], "--bits") == 0 && arguments[2] && !arguments[3])
        bits = arguments[2];
    else
        return usage();
    if (strcmp(bits, "2048") != 0 && strcmp(bits, "3072") != 0 && strcmp(bits, "4096") != 0)
        return usage();
    return make(cfg, (unsigned)strtoul(bits, NULL, 10));
}
