/* SPDX-License-Identifier: MIT */
/* The one file of the core that allocates. */
#include <stdlib.h>

#include <farhand/ice.h>

struct fh_ice_agent *fh_ice_agent_new(const struct fh_ice_config *cfg)
{
    size_t len = fh_ice_agent_size(cfg);
    void *mem = malloc(len);
    struct fh_ice_agent *a = mem ? fh_ice_agent_init(mem, len, cfg) : NULL;

    if (!a)
        free(mem);
    return a;
}

void fh_ice_agent_free(struct fh_ice_agent *a)
{
    if (a)
        fh_ice_agent_finish(a);
    free(a);
}
