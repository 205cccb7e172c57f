/* SPDX-License-Identifier: MIT */
/*
 * link_uv.h -- a link (<farhand/link.h>) on a libuv loop: its clock, its timer, its randomness.
 *
 *     fh_link_uv_new()     then fh_link_uv_link() is used as link.h says, but for its time
 *     fh_stream_close()    of the stream on top: frees it all, once everything below is closed
 *
 * Everything happens in the thread of the loop.
 */
#ifndef FH_LINK_UV_H
#define FH_LINK_UV_H

#include <uv.h>

#include <farhand/link.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_link_uv;

struct fh_link_uv_config {
    enum fh_link_side side;
    size_t keep_len; /* as in struct fh_link_config */
    uint8_t rank;    /* the same */
    struct fh_link_times times;
    /*
     * What fh_link_event() would give; called from the loop, never from inside another call. ev:
     * borrowed. Not called any more after the stream on top was closed.
     */
    void (*event)(void *user, const struct fh_link_event *ev);
    void *user;
};

/* Returns 0; FH_TRANSPORT_E_INVAL, _RESOURCES. */
int fh_link_uv_new(uv_loop_t *loop, const struct fh_link_uv_config *cfg, struct fh_link_uv **out);
/* Lent until closed() of its stream was called. fh_link_tick() and _event() are not yours. */
struct fh_link *fh_link_uv_link(struct fh_link_uv *u);

#ifdef __cplusplus
}
#endif

#endif
