/* SPDX-License-Identifier: MIT */
/* uv_side.h -- connections with real sockets, as tests of the adapter see them. */
#ifndef FH_TEST_UV_SIDE_H
#define FH_TEST_UV_SIDE_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <farhand/ice_uv.h>

enum { MAX_SEEN = 64 };

/* One side of a connection, and what it was told. */
struct side {
    struct fh_ice_uv *u;
    struct side *peer;
    uv_loop_t *loop;
    enum fh_ice_state state;
    int error;
    size_t descriptions, candidates, ends, paths, received, strangers, batches;
    size_t at_end; /* candidates when they were said to be complete */
    uint8_t last[FH_ICE_UV_MAX_DATAGRAM];
    size_t last_len;
    struct fh_ice_candidate seen[MAX_SEEN];
    bool is_closed, is_calling, closes_at_once, echoes, is_deaf;
};

static inline void side_closed(void *user)
{
    ((struct side *)user)->is_closed = true;
}

/* Signalling is a call to the other side: it is never made from inside a call. */
static inline void side_description(void *user, const struct fh_ice_description *d)
{
    struct side *s = user;

    ck_assert(!s->is_calling);
    s->descriptions++;
    for (size_t i = 0; i < d->len; i++)
        s->seen[s->candidates++] = d->candidates[i];
    if (s->peer && s->peer->u && !s->peer->is_deaf)
        ck_assert_int_eq(fh_ice_uv_set_remote(s->peer->u, d), 0);
}

static inline void side_candidate(void *user, const struct fh_ice_candidate *c, const char *ufrag)
{
    struct side *s = user;

    ck_assert(!s->is_calling);
    if (!c) {
        s->at_end = s->candidates;
        s->ends++;
        if (s->peer && s->peer->u && !s->peer->is_deaf)
            fh_ice_uv_end_remote(s->peer->u);
        return;
    }
    ck_assert_uint_lt(s->candidates, MAX_SEEN);
    s->seen[s->candidates++] = *c;
    if (s->peer && s->peer->u && !s->peer->is_deaf)
        (void)fh_ice_uv_add_remote(s->peer->u, c, ufrag);
}

static inline void close_side(struct side *s)
{
    struct fh_ice_uv *u = s->u;

    s->u = NULL;
    if (u)
        fh_ice_uv_close(u, side_closed, s);
}

static inline void side_state(void *user, enum fh_ice_state state, int error)
{
    struct side *s = user;

    ck_assert(!s->is_calling);
    s->state = state;
    s->error = error;
    if (s->closes_at_once)
        close_side(s);
}

static inline void side_path(void *user, const struct fh_ice_path *path)
{
    struct side *s = user;

    ck_assert(path->peer.port != 0);
    s->paths++;
}

static inline void side_received(void *user, const uint8_t *data, size_t len, bool is_stranger)
{
    struct side *s = user;

    ck_assert_uint_le(len, sizeof s->last);
    memcpy(s->last, data, len);
    s->last_len = len;
    s->received++;
    s->strangers += is_stranger;
    if (s->echoes)
        (void)fh_ice_uv_send(s->u, data, len);
}

static inline void side_batch_end(void *user)
{
    ((struct side *)user)->batches++;
}

static inline struct fh_ice_uv_config config(struct side *s, enum fh_ice_role role)
{
    return (struct fh_ice_uv_config){.role = role,
                                     .only_loopback = true,
                                     .description = side_description,
                                     .candidate = side_candidate,
                                     .state = side_state,
                                     .path = side_path,
                                     .received = side_received,
                                     .batch_end = side_batch_end,
                                     .user = s};
}

static inline void make(uv_loop_t *loop, struct side *s, const struct fh_ice_uv_config *cfg)
{
    s->loop = loop;
    s->is_calling = true;
    ck_assert_int_eq(fh_ice_uv_new(loop, cfg, &s->u), 0);
    s->is_calling = false;
}

static inline void make_pair(uv_loop_t *loop, struct side s[2], struct fh_ice_uv_port *port)
{
    s[0].peer = &s[1];
    s[1].peer = &s[0];
    for (int i = 0; i < 2; i++) {
        struct fh_ice_uv_config cfg = config(&s[i], i ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING);

        cfg.port = i ? NULL : port;
        make(loop, &s[i], &cfg);
    }
}

static inline void side_late(uv_timer_t *t)
{
    *(bool *)t->data = true;
}

/* Runs the loop until a condition holds; fails the test after ten seconds. */
#define RUN_UNTIL(loop, condition)                                                                 \
    do {                                                                                           \
        uv_timer_t late_;                                                                          \
        bool is_late_ = false;                                                                     \
        uv_timer_init(loop, &late_);                                                               \
        late_.data = &is_late_;                                                                    \
        uv_timer_start(&late_, side_late, 10000, 0);                                               \
        while (!(condition) && !is_late_)                                                          \
            uv_run(loop, UV_RUN_ONCE);                                                             \
        ck_assert_msg(condition, "not within ten seconds: %s", #condition);                        \
        uv_close((uv_handle_t *)&late_, NULL);                                                     \
        uv_run(loop, UV_RUN_NOWAIT);                                                               \
    } while (0)

static inline void end_loop(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(loop), 0);
}

static inline void close_pair(uv_loop_t *loop, struct side s[2])
{
    for (int i = 0; i < 2; i++)
        close_side(&s[i]);
    RUN_UNTIL(loop, s[0].is_closed && s[1].is_closed);
}

/* UDP sockets of this process. */
static inline size_t count_sockets(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *e;
    size_t n = 0;

    ck_assert_ptr_nonnull(dir);
    while ((e = readdir(dir))) {
        int fd = atoi(e->d_name), type = 0;
        socklen_t len = sizeof type;

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM)
            n++;
    }
    closedir(dir);
    return n;
}

#endif
