/* SPDX-License-Identifier: MIT */
/* The one file of the core that allocates. */
#include <stdlib.h>

#include <farhand/link.h>
#include <farhand/pipe.h>
#include <farhand/sctp.h>

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

struct fh_sctp *fh_sctp_new(const struct fh_sctp_config *cfg, uint64_t now_us)
{
    size_t len = fh_sctp_size(cfg);
    void *mem = len ? calloc(1, len) : NULL;
    struct fh_sctp *s = mem ? fh_sctp_init(mem, len, cfg, now_us) : NULL;

    if (!s)
        free(mem);
    return s;
}

void fh_sctp_free(struct fh_sctp *s)
{
    fh_sctp_finish(s);
    free(s);
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
