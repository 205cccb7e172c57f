/* SPDX-License-Identifier: MIT */
/* The one file of the core that allocates. */
#include <stdlib.h>

#include <farhand/ice.h>
#include <farhand/ice_mux.h>

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

struct fh_ice_mux *fh_ice_mux_new(size_t max, void (*random)(void *user, void *out, size_t len),
                                  void *user)
{
    size_t len = fh_ice_mux_size(max);
    void *mem = len ? malloc(len) : NULL;

    return mem ? fh_ice_mux_init(mem, len, max, random, user) : NULL;
}

void fh_ice_mux_free(struct fh_ice_mux *m)
{
    free(m);
}
