/* SPDX-License-Identifier: MIT */
/* new.c -- machines on the heap; the one file of the core that allocates. */
#include <stdlib.h>

#include "channel_internal.h"
#include "rsaaes_internal.h"

struct fh_channel *fh_channel_new(const struct fh_channel_config *cfg)
{
    size_t len = fh_channel_size(cfg);
    void *secrets = fh__guarded_new(fh_channel_secrets_size());
    void *mem = len ? calloc(1, len) : NULL;
    struct fh_channel *c = NULL;

    if (secrets && mem)
        c = fh_channel_init(mem, len, secrets, fh_channel_secrets_size(), cfg);
    if (!c) {
        free(mem);
        fh__guarded_free(secrets);
    }
    return c;
}

void fh_channel_free(struct fh_channel *c)
{
    void *secrets = c ? c->s : NULL;

    fh_channel_finish(c);
    fh__guarded_free(secrets);
    free(c);
}

/* Guarded as a whole: what it reads and writes are passwords. */
struct fh_rsaaes *fh_rsaaes_new(const struct fh_rsaaes_config *cfg)
{
    struct fh_rsaaes *r = fh__guarded_new(sizeof *r);

    if (r && fh__rsaaes_init(r, cfg) != 0) {
        fh_rsaaes_free(r);
        return NULL;
    }
    return r;
}

void fh_rsaaes_free(struct fh_rsaaes *r)
{
    fh__guarded_free(r);
}
