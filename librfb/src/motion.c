/* SPDX-License-Identifier: MIT */
/*
 * motion.c -- hashes of short runs of pixels vote for a way.
 *
 * Scrolled: the rows of a few strips are looked up among the rows of the same strips in the old
 * picture. Dragged: a few runs of the new picture are looked for everywhere in the old one. Then
 * columns and rows of the box are asked, by samples, whether they went the same way.
 */
#include <farhand/motion.h>

#include <stdlib.h>
#include <string.h>

enum {
    STRIPS = 8,
    RUN = 32,        /* pixels of a strip's row, and of a sample */
    ROWS_MAX = 2048, /* of a box, that are looked at */
    PLACES = 4096,   /* of a table of hashes; a power of two, above ROWS_MAX */
    PROBES = 64,     /* runs that are looked for everywhere */
    PROBE = 24,      /* pixels of one */
    CHANGES_MIN = 2, /* of colour in a probe: what is all the same says nothing */
    WAYS = 16,       /* that are voted for at the same time */
    VOTES_MIN = 5,
    COLUMN = 32,
    ROW = 16, /* the grain in which the box is asked */
    SAMPLES = 12,
    AREA_MAX = 1 << 22,  /* pixels that are searched for something dragged */
    AREA_FINE = 1 << 19, /* more: in each fourth row, where enough of the probes are */
    STEP = 4,
    PAUSE_MAX = 32
};

#define RGB 0xffffffu
#define FACTOR 0x9e3779b1u

struct search {
    const struct fh_framebuffer *old;
    struct fh_rect box;
    const uint32_t *fresh;
    size_t stride;
};

/* Both by coordinates of the picture. */
static const uint32_t *old_at(const struct search *s, int32_t x, int32_t y)
{
    return s->old->px + (size_t)y * (size_t)s->old->stride_px + x;
}

static const uint32_t *new_at(const struct search *s, int32_t x, int32_t y)
{
    return s->fresh + (size_t)(y - s->box.y) * s->stride + (x - s->box.x);
}

static bool is_same_run(const uint32_t *a, const uint32_t *b, int32_t n)
{
    uint32_t differs = 0;

    for (int32_t i = 0; i < n; i++)
        differs |= a[i] ^ b[i];
    return (differs & RGB) == 0;
}

static bool is_in_old(const struct search *s, int32_t x, int32_t y, int32_t n)
{
    return x >= 0 && y >= 0 && x + n <= s->old->width && y < s->old->height;
}

/* ---- votes ---- */

struct way {
    int32_t dx, dy;
    unsigned votes;
};

static void vote(struct way ways[WAYS], int32_t dx, int32_t dy)
{
    struct way *least = &ways[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (ways[i].votes > 0 && ways[i].dx == dx && ways[i].dy == dy) {
            ways[i].votes++;
            return;
        }
        if (ways[i].votes < least->votes)
            least = &ways[i];
    }
    if (least->votes > 1) /* as in a majority vote: those that many are for stay */
        least->votes--;
    else
        *least = (struct way){dx, dy, 1};
}

static const struct way *winner(const struct way ways[WAYS])
{
    const struct way *best = &ways[0];

    for (size_t i = 1; i < WAYS; i++)
        if (ways[i].votes > best->votes)
            best = &ways[i];
    return best->votes >= VOTES_MIN ? best : NULL;
}

/* ---- scrolled: rows of strips ---- */

static uint32_t hash_run(const uint32_t *p)
{
    uint32_t a = 1, b = 2, c = 3, d = 4;

    for (int i = 0; i < RUN; i += 4) {
        a = (a ^ (p[i] & RGB)) * FACTOR;
        b = (b ^ (p[i + 1] & RGB)) * FACTOR;
        c = (c ^ (p[i + 2] & RGB)) * FACTOR;
        d = (d ^ (p[i + 3] & RGB)) * FACTOR;
    }
    a ^= (b << 8 | b >> 24) ^ (c << 16 | c >> 16) ^ (d << 24 | d >> 8);
    return a ^ a >> 15;
}

struct rows {
    uint32_t hash[ROWS_MAX]; /* of a row and the one below it; 0: they are the same */
};

/* Where the strip changes from row to row is what tells: much of a page is the same for long. */
static void hash_rows(struct rows *r, const uint32_t *p, size_t stride, int32_t height)
{
    uint32_t above = hash_run(p), below;

    for (int32_t y = 0; y + 1 < height; y++) {
        below = hash_run(p + (size_t)(y + 1) * stride);
        r->hash[y] = above == below ? 0 : (above * FACTOR ^ below) | 1;
        above = below;
    }
    r->hash[height - 1] = 0;
}

static void vote_by_rows(struct way ways[WAYS], const struct search *s, int32_t x)
{
    const int32_t height = s->box.h < ROWS_MAX ? s->box.h : ROWS_MAX;
    int16_t head[PLACES]; /* the old row with a hash, -1: none, -2: several */
    struct rows was, is;

    hash_rows(&was, old_at(s, x, s->box.y), (size_t)s->old->stride_px, height);
    hash_rows(&is, new_at(s, x, s->box.y), s->stride, height);
    memset(head, 0xff, sizeof head);
    for (int32_t y = 0; y < height; y++) {
        int16_t *place = &head[was.hash[y] >> 1 & (PLACES - 1)];

        if (was.hash[y])
            *place = *place == -1 ? (int16_t)y : -2;
    }
    for (int32_t y = 0; y < height; y++) {
        const int16_t from = head[is.hash[y] >> 1 & (PLACES - 1)];

        if (is.hash[y] && is.hash[y] != was.hash[y] && from >= 0 && was.hash[from] == is.hash[y])
            vote(ways, 0, y - from);
    }
}

static const struct way *find_scrolled(struct way ways[WAYS], const struct search *s)
{
    for (int32_t i = 0; i < STRIPS; i++)
        vote_by_rows(ways, s, s->box.x + (s->box.w - RUN) * (2 * i + 1) / (2 * STRIPS));
    return winner(ways);
}

/* ---- dragged: runs anywhere ---- */

struct probe {
    uint32_t hash;
    int32_t x, y;
};

struct probes {
    struct probe probe[PROBES];
    unsigned n;
    uint8_t filter[PLACES / 8];
};

/* hash = sum of p[i] * FACTOR^(PROBE - 1 - i), so that it can roll. */
static uint32_t hash_probe(const uint32_t *p)
{
    uint32_t hash = 0;

    for (int i = 0; i < PROBE; i++)
        hash = hash * FACTOR + (p[i] & RGB);
    return hash;
}

static uint32_t power(void)
{
    uint32_t value = 1;

    for (int i = 0; i < PROBE; i++)
        value *= FACTOR;
    return value;
}

static unsigned bit_of(uint32_t hash)
{
    return (hash ^ hash >> 16) & (PLACES - 1);
}

static bool is_telling(const uint32_t *p)
{
    int changes = 0;

    for (int i = 1; i < PROBE; i++)
        changes += ((p[i] ^ p[i - 1]) & RGB) != 0;
    return changes >= CHANGES_MIN;
}

static void add_probe(struct probes *t, const struct search *s, int32_t x, int32_t y)
{
    const uint32_t *p = new_at(s, x, y);
    const uint32_t hash = hash_probe(p);

    if (!is_telling(p) || is_same_run(p, old_at(s, x, y), PROBE))
        return;
    t->probe[t->n++] = (struct probe){hash, x, y};
    t->filter[bit_of(hash) / 8] |= (uint8_t)(1u << bit_of(hash) % 8);
}

/* Spread over the box: a step that has no common divisor with its width or height to speak of. */
static void choose_probes(struct probes *t, const struct search *s)
{
    const int32_t across = s->box.w - PROBE;

    for (uint32_t i = 0; i < 16 * PROBES && t->n < PROBES; i++)
        add_probe(t, s, s->box.x + (int32_t)(i * 7919u % (uint32_t)across),
                  s->box.y + (int32_t)(i * 6101u / 7 % (uint32_t)s->box.h));
}

static void meet(struct way ways[WAYS], const struct probes *t, const struct search *s, int32_t x,
                 int32_t y, uint32_t hash)
{
    for (unsigned i = 0; i < t->n; i++) {
        const struct probe *p = &t->probe[i];

        if (p->hash == hash && (p->x != x || p->y != y) &&
            is_same_run(new_at(s, p->x, p->y), old_at(s, x, y), PROBE))
            vote(ways, p->x - x, p->y - y);
    }
}

static const struct way *find_dragged(struct way ways[WAYS], const struct search *s)
{
    const int32_t step = s->box.w * s->box.h > AREA_FINE ? STEP : 1;
    const uint32_t gone = power();
    struct probes t = {.n = 0};

    choose_probes(&t, s);
    if (t.n < VOTES_MIN)
        return NULL;
    for (int32_t y = s->box.y; y < s->box.y + s->box.h; y += step) {
        const uint32_t *p = old_at(s, s->box.x, y);
        uint32_t hash = hash_probe(p);

        for (int32_t x = 0; x + PROBE <= s->box.w; x++) {
            const unsigned bit = bit_of(hash);

            if (t.filter[bit / 8] >> bit % 8 & 1)
                meet(ways, &t, s, s->box.x + x, y, hash);
            if (x + PROBE < s->box.w)
                hash = hash * FACTOR + (p[x + PROBE] & RGB) - gone * (p[x] & RGB);
        }
    }
    return winner(ways);
}

/* ---- how much of the box went that way ---- */

static bool went(const struct search *s, const struct way *w, int32_t x, int32_t y, int32_t n)
{
    return is_in_old(s, x - w->dx, y - w->dy, n) &&
           is_same_run(new_at(s, x, y), old_at(s, x - w->dx, y - w->dy), n);
}

/* The longest run of parts of which most samples went, as [*from, *to) in pixels. */
static bool longest(const uint8_t *is_going, int32_t parts, int32_t grain, int32_t *from,
                    int32_t *to)
{
    int32_t best = 0, run = 0;

    for (int32_t i = 0; i < parts; i++) {
        run = is_going[i] ? run + 1 : 0;
        if (run > best) {
            best = run;
            *from = (i + 1 - run) * grain;
            *to = (i + 1) * grain;
        }
    }
    return best > 0;
}

static bool columns_that_went(const struct search *s, const struct way *w, int32_t *from,
                              int32_t *to)
{
    uint8_t is_going[FH_FRAMEBUFFER_MAX_SIDE / COLUMN + 1];
    const int32_t parts = s->box.w / COLUMN;

    for (int32_t i = 0; i < parts; i++) {
        unsigned good = 0;

        for (int32_t k = 0; k < SAMPLES; k++)
            good += went(s, w, s->box.x + i * COLUMN,
                         s->box.y + s->box.h * (2 * k + 1) / (2 * SAMPLES), COLUMN);
        is_going[i] = good * 3 > SAMPLES;
    }
    return longest(is_going, parts, COLUMN, from, to);
}

static bool rows_that_went(const struct search *s, const struct way *w, int32_t left, int32_t right,
                           int32_t *from, int32_t *to)
{
    uint8_t is_going[FH_FRAMEBUFFER_MAX_SIDE / ROW + 1];
    const int32_t parts = s->box.h / ROW;

    for (int32_t i = 0; i < parts; i++) {
        unsigned good = 0;

        for (int32_t k = 0; k < SAMPLES; k++)
            good += went(s, w, s->box.x + left + (right - left - COLUMN) * k / (SAMPLES - 1),
                         s->box.y + i * ROW + k * ROW / SAMPLES, COLUMN);
        is_going[i] = good * 4 > 3 * SAMPLES;
    }
    return longest(is_going, parts, ROW, from, to);
}

static bool column_went(const struct search *s, const struct way *w, const struct fh_rect *r,
                        int32_t x)
{
    int32_t y;

    for (y = r->y; y < r->y + r->h && went(s, w, x, y, 1); y++)
        ;
    return y == r->y + r->h;
}

/* A border of less than one grain goes with the rest if it did. */
static void widen(const struct search *s, const struct way *w, struct fh_rect *r)
{
    const struct fh_rect *b = &s->box;

    while (r->y > b->y && went(s, w, r->x, r->y - 1, r->w)) {
        r->y--;
        r->h++;
    }
    while (r->y + r->h < b->y + b->h && went(s, w, r->x, r->y + r->h, r->w))
        r->h++;
    for (int i = 0; i < COLUMN && r->x > b->x && column_went(s, w, r, r->x - 1); i++) {
        r->x--;
        r->w++;
    }
    for (int i = 0; i < COLUMN && r->x + r->w < b->x + b->w && column_went(s, w, r, r->x + r->w);
         i++)
        r->w++;
}

/* The part of the box that can have come from there, since the picture reaches so far. */
static bool narrow(struct search *s, const struct way *w)
{
    const struct fh_rect b = s->box;
    const int32_t left = w->dx > b.x ? w->dx : b.x, top = w->dy > b.y ? w->dy : b.y;
    int32_t right = s->old->width + w->dx, bottom = s->old->height + w->dy;

    right = right < b.x + b.w ? right : b.x + b.w;
    bottom = bottom < b.y + b.h ? bottom : b.y + b.h;
    if (right - left < COLUMN || bottom - top < ROW)
        return false;
    s->fresh = new_at(s, left, top);
    s->box = (struct fh_rect){left, top, right - left, bottom - top};
    return true;
}

static bool measure(const struct search *whole, const struct way *w, struct fh_motion *out)
{
    struct search s = *whole;
    int32_t left, right, top, bottom;

    if (!narrow(&s, w) || !columns_that_went(&s, w, &left, &right) ||
        !rows_that_went(&s, w, left, right, &top, &bottom))
        return false;
    out->to = (struct fh_rect){s.box.x + left, s.box.y + top, right - left, bottom - top};
    widen(&s, w, &out->to);
    out->from_x = out->to.x - w->dx;
    out->from_y = out->to.y - w->dy;
    return true;
}

static int64_t area(const struct fh_rect *r)
{
    return (int64_t)r->w * r->h;
}

/* What is blank fits in many ways: the larger find is the true one. */
static bool find(const struct search *s, struct fh_motion *out)
{
    struct way ways[WAYS] = {{0}};
    const struct way *w = find_scrolled(ways, s);
    struct fh_motion dragged;
    bool is_found = w && measure(s, w, out);

    if ((is_found && area(&out->to) * 2 > area(&s->box)) || area(&s->box) > AREA_MAX)
        return is_found;
    memset(ways, 0, sizeof ways);
    w = find_dragged(ways, s);
    if (w && measure(s, w, &dragged) && (!is_found || area(&dragged.to) > area(&out->to))) {
        *out = dragged;
        is_found = true;
    }
    return is_found;
}

bool fh_motion_find(struct fh_motion_history *h, const struct fh_framebuffer *old,
                    const struct fh_rect *box, const uint32_t *fresh, size_t stride_px,
                    struct fh_motion *out)
{
    const struct search s = {old, *box, fresh, stride_px};

    if (box->w < FH_MOTION_SIDE_MIN || box->h < FH_MOTION_SIDE_MIN)
        return false;
    if (h->pause > 0) {
        h->pause--;
        return false;
    }
    if (find(&s, out)) {
        h->misses = 0;
        return true;
    }
    h->misses++;
    h->pause = h->misses < 3 ? 0 : h->misses > 3 + 5 ? PAUSE_MAX : 1u << (h->misses - 3);
    return false;
}

void fh_motion_apply(const struct fh_framebuffer *fb, const struct fh_motion *m)
{
    const bool is_down = m->to.y > m->from_y;

    for (int32_t i = 0; i < m->to.h; i++) {
        const int32_t row = is_down ? m->to.h - 1 - i : i;

        memmove(fb->px + (size_t)(m->to.y + row) * (size_t)fb->stride_px + m->to.x,
                fb->px + (size_t)(m->from_y + row) * (size_t)fb->stride_px + m->from_x,
                sizeof *fb->px * (size_t)m->to.w);
    }
}
