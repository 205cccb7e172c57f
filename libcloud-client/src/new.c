/* SPDX-License-Identifier: MIT */
/* The one file of the core that allocates. */
#include <stdlib.h>

#include <farhand/cloud_client.h>

struct fh_cloud_client *fh_cloud_client_new(const struct fh_cloud_client_config *cfg)
{
    size_t len = fh_cloud_client_size(cfg);
    void *mem = len ? malloc(len) : NULL;
    struct fh_cloud_client *c = mem ? fh_cloud_client_init(mem, len, cfg) : NULL;

    if (!c)
        free(mem);
    return c;
}

void fh_cloud_client_free(struct fh_cloud_client *c)
{
    fh_cloud_client_finish(c);
    free(c);
}
