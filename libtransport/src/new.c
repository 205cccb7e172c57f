/* SPDX-License-Identifier: MIT */
/* The one file of the core that allocates. */
#include <stdlib.h>

#include <farhand/link.h>
#include <farhand/pipe.h>

struct fh_pipe *fh_pipe_new(const struct fh_pipe_config *cfg)
{
    size_t len = fh_pipe_size(cfg);
    void *mem = len ? malloc(len) : NULL;

    return mem ? fh_pipe_init(mem, len, cfg) : NULL;
}

void fh_pipe_free(struct fh_pipe *p)
{
    free(p);
}

struct fh_link *fh_link_new(const struct fh_link_config *cfg)
{
    size_t len = fh_link_size(cfg);
    void *mem = len ? malloc(len) : NULL;

    return mem ? fh_link_init(mem, len, cfg) : NULL;
}

void fh_link_free(struct fh_link *l)
{
    if (l)
        fh_link_finish(l);
    free(l);
}
