/* SPDX-License-Identifier: MIT */
/* cloud_cmd.c -- vncserverd cloud show. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/cloud_address.h>
#include <farhand/cloud_service.h>
#include <farhand/identity_uv.h>

#include "identityfile.h"

static enum fh__exit usage(void)
{
    fprintf(stderr, "vncserverd: expected cloud show\n");
    return FH__EXIT_USAGE;
}

static void print_nodes(const struct fh_cloud_service *s)
{
    for (size_t i = 0; i < s->nodes_len; i++)
        printf("node: %s:%u\n", s->nodes[i].host, s->nodes[i].port);
    printf("log: %s\n", s->log[0] ? s->log : "none");
}

/* Whom viewers meet at this address. */
static enum fh__exit print_identity(const struct fh__config *cfg)
{
    char fingerprint[FH_FINGERPRINT_HEX], phrase[FH_CATCHPHRASE_MAX];
    struct fh_identity *id = NULL;
    const uint8_t *spki;
    size_t len;
    int error = fh_identity_load(cfg->identity, &id);

    if (error == FH_CRYPTO_E_IO && errno == ENOENT) {
        printf("identity: none yet; it is made at the first start\n");
        return FH__EXIT_OK;
    }
    if (error) {
        fprintf(stderr, "vncserverd: %s: %s\n", cfg->identity,
                error == FH_CRYPTO_E_IO ? strerror(errno) : fh_crypto_strerror(error));
        return FH__EXIT_IDENTITY;
    }
    spki = fh_identity_spki(id, &len);
    error = fh__identityfile_describe(spki, len, fingerprint, phrase);
    if (!error)
        printf("fingerprint: %s\ncatchphrase: %s\n", fingerprint, phrase);
    fh_identity_free(id);
    return error ? FH__EXIT_IDENTITY : FH__EXIT_OK;
}

static enum fh__exit show(const struct fh__config *cfg)
{
    struct fh_cloud_service *s = malloc(sizeof *s);
    char address[FH_CLOUD_ADDRESS_TEXT];
    uint8_t bytes[FH_CLOUD_ADDRESS_LEN];
    enum fh__exit how = FH__EXIT_UNEXPECTED;

    if (!cfg->cloud) {
        fprintf(stderr, "vncserverd: no cloud is configured\n");
        how = FH__EXIT_USAGE;
    } else if (s && fh_cloud_service_parse(cfg->cloud, s, NULL) == 0 &&
               fh_cloud_address_parse(cfg->cloud_address, strlen(cfg->cloud_address), bytes) == 0) {
        fh_cloud_address_print(bytes, address);
        printf("address: %s\n", address);
        print_nodes(s);
        how = print_identity(cfg);
    }
    free(s);
    return how;
}

enum fh__exit fh__cloud_command(const struct fh__config *cfg, char *const *arguments)
{
    if (!arguments[0] || strcmp(arguments[0], "show") != 0 || arguments[1])
        return usage();
    return show(cfg);
}
