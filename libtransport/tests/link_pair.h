/* SPDX-License-Identifier: MIT */
/*
 * link_pair.h -- two links, any number of pipes between them, one clock. What is written at one end
 * is counted on, and every byte that arrives at the other is compared.
 */
#ifndef LINK_PAIR_H
#define LINK_PAIR_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/link.h>
#include <farhand/pipe.h>

enum { PIPES = 512, CLIENT = 0, SERVER = 1 };

struct pair;

/* One end: a link and the owner of the stream on top of it. */
struct side {
    struct pair *pair;
    struct fh_link *link;
    struct fh_stream *s;
    uint64_t deadline;
    uint64_t wrote, read; /* of the endless text of this direction */
    size_t appetite;      /* what it takes before it stops */
    unsigned ends, closed, detached, attached, failed;
    int error, failure;
};

/* A stream below. Its server end looks at what comes first. */
struct wire {
    struct pair *pair;
    struct fh_pipe *pipe;
    struct fh_link_opening opening;
    enum fh_link_kind kind;
    bool is_stalled;
    bool is_cut;  /* everybody was told */
    int accepted; /* what fh_link_accept() said; 1: it was not asked */
};

struct pair {
    uint64_t now, name, seed;
    struct side side[2];
    struct wire wire[PIPES];
    size_t n;
    struct fh_pipe_config pipes;
    bool refuses_all;
    uint8_t key[FH_LINK_KEY_LEN], ref[FH_LINK_REF_LEN];
};

static inline uint32_t draw(struct pair *p, uint32_t below)
{
    p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((p->seed >> 33) % below);
}

static inline uint8_t text_at(int from, uint64_t at)
{
    return (uint8_t)((at * 0x9e3779b97f4a7c15u) >> 56) ^ (uint8_t)(at >> 7) ^ (from ? 0x5a : 0);
}

static inline uint64_t pair_now(void *user)
{
    return ((struct side *)user)->pair->now;
}

static inline void pair_wake(void *user)
{
    struct side *side = user;

    side->deadline = side->link ? fh_link_deadline(side->link) : 0;
}

static inline void pair_random(void *user, void *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)draw(user, 256);
}

static inline size_t side_data(void *user, const uint8_t *data, size_t len)
{
    struct side *side = user;
    int from = side == &side->pair->side[CLIENT] ? SERVER : CLIENT;
    size_t n = len < side->appetite ? len : side->appetite;

    /* Check notes each assertion that holds: too slow for each byte. */
    for (size_t i = 0; i < n; i++)
        if (data[i] != text_at(from, side->read + i))
            ck_abort_msg("seed %llu: byte %llu differs", (unsigned long long)side->pair->name,
                         (unsigned long long)(side->read + i));
    side->read += n;
    side->appetite -= n;
    if (side->read > side->pair->side[from].wrote)
        ck_abort_msg("more than was written");
    return n;
}

static inline void side_writable(void *user)
{
    (void)user;
}

static inline void side_end(void *user, int error)
{
    struct side *side = user;

    ck_assert_uint_eq(side->ends, 0);
    side->ends++;
    side->error = error;
}

static inline void side_closed(void *user)
{
    ((struct side *)user)->closed++;
}

static const struct fh_stream_events side_events = {
    .data = side_data, .writable = side_writable, .end = side_end};

static inline void pair_init(struct pair *p, uint64_t seed, size_t keep_len)
{
    memset(p, 0, sizeof *p);
    p->seed = p->name = seed;
    p->now = 1000000;
    for (int i = 0; i < 2; i++) {
        struct side *side = &p->side[i];
        const struct fh_link_config cfg = {.side = i == CLIENT ? FH_LINK_CLIENT : FH_LINK_SERVER,
                                           .keep_len = keep_len,
                                           .random = pair_random,
                                           .random_user = p,
                                           .now = pair_now,
                                           .wake = pair_wake,
                                           .user = side};

        side->pair = p;
        side->appetite = SIZE_MAX;
        side->deadline = UINT64_MAX;
        side->link = fh_link_new(&cfg);
        ck_assert_ptr_nonnull(side->link);
        side->s = fh_link_stream(side->link);
        fh_stream_attach(side->s, &side_events, side);
    }
    memset(p->key, 'k', sizeof p->key);
    memset(p->ref, 'r', sizeof p->ref);
}

static inline void pair_secure(struct pair *p)
{
    for (int i = 0; i < 2; i++)
        fh_link_secure(p->side[i].link, p->key, p->ref);
}

static inline void pair_free(struct pair *p)
{
    for (int i = 0; i < 2; i++)
        fh_link_free(p->side[i].link);
    for (size_t i = 0; i < p->n; i++)
        fh_pipe_free(p->wire[i].pipe);
}

/* ---- the server end of a new stream ---- */

static inline size_t look(void *user, const uint8_t *data, size_t len)
{
    struct wire *w = user;
    struct fh_stream *s = fh_pipe_end(w->pipe, SERVER);
    struct fh_link *l = w->pair->side[SERVER].link;
    size_t taken;

    w->kind = fh_link_look(&w->opening, data, len, &taken);
    switch (w->kind) {
    case FH_LINK_MORE:
        break;
    case FH_LINK_NEW:
        ck_assert_int_eq(fh_link_begin(l, s, &w->opening), 0);
        break;
    case FH_LINK_RESUME:
        if (w->pair->refuses_all) {
            fh_link_refuse(s);
            break;
        }
        w->accepted = fh_link_accept(l, s, &w->opening);
        break;
    case FH_LINK_PLAIN:
    case FH_LINK_BAD:
        fh_stream_close(s, NULL, NULL);
        break;
    }
    return taken;
}

static inline void look_writable(void *user)
{
    (void)user;
}

static inline void look_end(void *user, int error)
{
    struct wire *w = user;

    (void)error;
    fh_stream_close(fh_pipe_end(w->pipe, SERVER), NULL, NULL);
}

static const struct fh_stream_events look_events = {
    .data = look, .writable = look_writable, .end = look_end};

/* Both ends hear of it at once. */
static inline void pair_cut(struct wire *w)
{
    fh_pipe_cut(w->pipe);
    for (int i = 0; i < 2; i++)
        (void)fh_pipe_run(w->pipe);
    w->is_cut = true;
}

/* A wire whose server end is attended; nobody is at the other. */
static inline struct wire *pair_wire(struct pair *p)
{
    struct wire *w = &p->wire[p->n++];

    ck_assert_uint_le(p->n, PIPES);
    w->pair = p;
    w->accepted = 1;
    w->pipe = fh_pipe_new(&p->pipes);
    ck_assert_ptr_nonnull(w->pipe);
    fh_stream_attach(fh_pipe_end(w->pipe, SERVER), &look_events, w);
    return w;
}

static inline struct wire *pair_begin(struct pair *p)
{
    struct wire *w = pair_wire(p);

    ck_assert_int_eq(fh_link_begin(p->side[CLIENT].link, fh_pipe_end(w->pipe, CLIENT), NULL), 0);
    return w;
}

static inline struct wire *pair_attach(struct pair *p, uint8_t rank)
{
    struct wire *w = pair_wire(p);

    ck_assert_int_eq(fh_link_attach(p->side[CLIENT].link, fh_pipe_end(w->pipe, CLIENT), rank), 0);
    return w;
}

/* ---- time ---- */

static inline void pair_events(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        struct side *side = &p->side[i];
        struct fh_link_event ev;

        while (fh_link_event(side->link, &ev) > 0) {
            side->detached += ev.type == FH_LINK_EV_DETACHED;
            side->attached += ev.type == FH_LINK_EV_ATTACHED;
            side->failed += ev.type == FH_LINK_EV_FAILED;
            if (ev.type == FH_LINK_EV_FAILED)
                side->failure = ev.error;
        }
    }
}

static inline bool pair_ticks(struct pair *p)
{
    bool any = false;

    for (int i = 0; i < 2; i++) {
        struct side *side = &p->side[i];

        if (fh_link_deadline(side->link) > p->now)
            continue;
        fh_link_tick(side->link);
        side->deadline = fh_link_deadline(side->link);
        any = true;
        pair_events(p);
    }
    return any;
}

static inline bool pair_run_wires(struct pair *p)
{
    bool any = false;

    for (size_t i = 0; i < p->n; i++)
        if (!p->wire[i].is_stalled && !p->wire[i].is_cut)
            any |= fh_pipe_run(p->wire[i].pipe) > 0;
    return any;
}

/* All that can happen now. */
static inline void pair_run(struct pair *p)
{
    bool any;

    do {
        any = pair_run_wires(p);
        any |= pair_ticks(p);
        pair_events(p);
    } while (any);
    /* What is to be told is told: a deadline lies in the future. */
    for (int i = 0; i < 2; i++)
        if (fh_link_deadline(p->side[i].link) <= p->now)
            ck_abort_msg("a deadline that passed does not move");
}

static inline void pair_pass(struct pair *p, uint64_t ms)
{
    uint64_t end = p->now + ms;

    pair_run(p);
    while (p->now < end) {
        uint64_t a = fh_link_deadline(p->side[0].link), b = fh_link_deadline(p->side[1].link);
        uint64_t next = a < b ? a : b;

        p->now = next < end ? next : end;
        pair_run(p);
    }
}

/* Writes up to len bytes of the direction's text; how many were taken. */
static inline size_t pair_write(struct pair *p, int from, size_t len)
{
    static uint8_t text[64 << 10];
    struct side *side = &p->side[from];
    int n;

    if (len > sizeof text)
        len = sizeof text;
    for (size_t i = 0; i < len; i++)
        text[i] = text_at(from, side->wrote + i);
    n = fh_stream_write(side->s, text, len);
    ck_assert_int_ge(n, 0);
    side->wrote += (uint64_t)n;
    return (size_t)n;
}

static inline void pair_resume(struct pair *p, int who)
{
    p->side[who].appetite = SIZE_MAX;
    fh_stream_resume(p->side[who].s);
}

static inline void pair_close(struct pair *p, int who)
{
    fh_stream_close(p->side[who].s, side_closed, &p->side[who]);
}

#endif
