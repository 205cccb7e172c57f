/* SPDX-License-Identifier: MIT */
/* mux.c -- three kinds of keys in one hash table of chains; every key has its place from the start.
 */
#include <farhand/ice_mux.h>

#include <stdbool.h>
#include <string.h>

#include <farhand/ice_error.h>
#include <farhand/stun.h>

enum { UFRAG_LEN = 8, NO_NODE = 0xffffffff };

enum kind { TAG, UFRAG, UFRAG_BEFORE, ADDRESS, KINDS = ADDRESS + FH_ICE_MUX_ADDRESSES };

struct node {
    uint32_t next;
    bool in_use;
};

struct address {
    struct fh_ice_address is;
    uint32_t learnt;
    bool is_proved;
};

struct member {
    void *who;
    uint32_t tag;
    char ufrag[2][UFRAG_LEN];
    uint32_t learnt; /* counts the addresses; the higher the later */
    struct address addresses[FH_ICE_MUX_ADDRESSES];
    struct node nodes[KINDS];
};

struct fh_ice_mux {
    size_t max, buckets_len;
    void (*random)(void *user, void *out, size_t len);
    void *user;
    uint32_t seed;
    struct member *members;
    uint32_t *buckets;
};

/* A key of some kind, whether in the table or asked for. */
struct key {
    const void *data;
    size_t len;
    uint8_t kind; /* TAG, UFRAG, ADDRESS */
    uint16_t port;
};

static size_t buckets_for(size_t max)
{
    size_t n = 16;

    while (n < max * KINDS)
        n *= 2;
    return n;
}

size_t fh_ice_mux_size(size_t max)
{
    if (max == 0 || max > FH_ICE_MUX_MAX)
        return 0;
    return sizeof(struct fh_ice_mux) + max * sizeof(struct member) +
           buckets_for(max) * sizeof(uint32_t);
}

struct fh_ice_mux *fh_ice_mux_init(void *mem, size_t len, size_t max,
                                   void (*random)(void *user, void *out, size_t len), void *user)
{
    size_t need = fh_ice_mux_size(max);
    struct fh_ice_mux *m = mem;

    if (need == 0 || len < need)
        return NULL;
    memset(m, 0, need);
    m->max = max;
    m->random = random;
    m->user = user;
    m->members = (struct member *)(m + 1);
    m->buckets = (uint32_t *)(m->members + max);
    m->buckets_len = buckets_for(max);
    memset(m->buckets, 0xff, m->buckets_len * sizeof *m->buckets);
    random(user, &m->seed, sizeof m->seed);
    return m;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* FNV-1a from a seed that nobody knows. A peer can make only its own few keys collide. */
static uint32_t bucket_of(const struct fh_ice_mux *m, const struct key *k)
{
    const uint8_t *p = k->data;
    uint32_t h = m->seed ^ k->kind;

    for (size_t i = 0; i < k->len; i++)
        h = (h ^ p[i]) * 16777619u;
    h = (h ^ k->port) * 16777619u;
    return (h ^ h >> 15) & (uint32_t)(m->buckets_len - 1);
}

static struct member *member_of(const struct fh_ice_mux *m, uint32_t node)
{
    return &m->members[node / KINDS];
}

static struct node *node_of(const struct fh_ice_mux *m, uint32_t node)
{
    return &member_of(m, node)->nodes[node % KINDS];
}

static struct key address_key(const struct fh_ice_address *a)
{
    return (struct key){.data = a->ip, .len = sizeof a->ip, .kind = ADDRESS, .port = a->port};
}

static struct key key_of(const struct fh_ice_mux *m, uint32_t node)
{
    const struct member *who = member_of(m, node);
    uint32_t kind = node % KINDS;

    if (kind == TAG)
        return (struct key){.data = &who->tag, .len = sizeof who->tag, .kind = TAG};
    if (kind == UFRAG || kind == UFRAG_BEFORE)
        return (struct key){.data = who->ufrag[kind - UFRAG], .len = UFRAG_LEN, .kind = UFRAG};
    return address_key(&who->addresses[kind - ADDRESS].is);
}

static bool is_key(const struct key *x, const struct key *y)
{
    return x->kind == y->kind && x->port == y->port && memcmp(x->data, y->data, x->len) == 0;
}

static uint32_t find(const struct fh_ice_mux *m, const struct key *k)
{
    uint32_t node = m->buckets[bucket_of(m, k)];

    while (node != NO_NODE) {
        struct key have = key_of(m, node);

        if (is_key(&have, k))
            return node;
        node = node_of(m, node)->next;
    }
    return NO_NODE;
}

static void unlink_node(struct fh_ice_mux *m, uint32_t node)
{
    struct node *n = node_of(m, node);
    struct key k = key_of(m, node);
    uint32_t *at = &m->buckets[bucket_of(m, &k)];

    if (!n->in_use)
        return;
    while (*at != node)
        at = &node_of(m, *at)->next;
    *at = n->next;
    n->in_use = false;
}

static void link_node(struct fh_ice_mux *m, uint32_t node)
{
    struct node *n = node_of(m, node);
    struct key k = key_of(m, node);
    uint32_t *at = &m->buckets[bucket_of(m, &k)];

    n->next = *at;
    n->in_use = true;
    *at = node;
}

/* ---- members -------------------------------------------------------------------------------- */

static struct member *find_tag(const struct fh_ice_mux *m, uint32_t tag)
{
    struct key k = {.data = &tag, .len = sizeof tag, .kind = TAG};
    uint32_t node = find(m, &k);

    return node == NO_NODE ? NULL : member_of(m, node);
}

static uint32_t first_node(const struct fh_ice_mux *m, const struct member *who)
{
    return (uint32_t)(who - m->members) * KINDS;
}

static struct member *find_room(const struct fh_ice_mux *m)
{
    for (size_t i = 0; i < m->max; i++)
        if (!m->members[i].who)
            return &m->members[i];
    return NULL;
}

static uint32_t new_tag(const struct fh_ice_mux *m)
{
    uint32_t t;

    do
        m->random(m->user, &t, sizeof t);
    while (t == 0 || find_tag(m, t));
    return t;
}

int fh_ice_mux_add(struct fh_ice_mux *m, void *who, uint32_t *tag)
{
    uint32_t t = new_tag(m);
    struct member *room = find_room(m);

    if (!room)
        return FH_ICE_E_LIMIT;
    memset(room, 0, sizeof *room);
    room->who = who;
    room->tag = t;
    link_node(m, first_node(m, room) + TAG);
    *tag = t;
    return 0;
}

void fh_ice_mux_remove(struct fh_ice_mux *m, uint32_t tag)
{
    struct member *who = find_tag(m, tag);

    if (!who)
        return;
    for (uint32_t i = 0; i < KINDS; i++)
        unlink_node(m, first_node(m, who) + i);
    who->who = NULL;
}

void fh_ice_mux_ufrag(struct fh_ice_mux *m, uint32_t tag, const char *ufrag)
{
    struct member *who = find_tag(m, tag);
    uint32_t now = who ? first_node(m, who) + UFRAG : 0, before = now + 1;

    if (!who || strlen(ufrag) != UFRAG_LEN ||
        (node_of(m, now)->in_use && memcmp(who->ufrag[0], ufrag, UFRAG_LEN) == 0))
        return;
    unlink_node(m, before);
    if (node_of(m, now)->in_use) {
        unlink_node(m, now);
        memcpy(who->ufrag[1], who->ufrag[0], UFRAG_LEN);
        link_node(m, before);
    }
    memcpy(who->ufrag[0], ufrag, UFRAG_LEN);
    link_node(m, now);
}

/* The one that is missed least: what was only seen comes before what was proved, then age. */
static uint8_t find_place(const struct member *who)
{
    uint8_t least = 0;

    for (uint8_t i = 1; i < FH_ICE_MUX_ADDRESSES; i++) {
        const struct address *a = &who->addresses[i], *l = &who->addresses[least];

        if (a->is_proved != l->is_proved ? l->is_proved : a->learnt < l->learnt)
            least = i;
    }
    return least;
}

static void put_address(struct fh_ice_mux *m, struct member *who, const struct fh_ice_address *peer,
                        bool is_proved)
{
    uint8_t at = find_place(who);
    uint32_t node = first_node(m, who) + ADDRESS + at;

    if (who->addresses[at].is_proved && !is_proved)
        return;
    unlink_node(m, node);
    who->addresses[at] =
        (struct address){.is = *peer, .learnt = ++who->learnt, .is_proved = is_proved};
    link_node(m, node);
}

void fh_ice_mux_learn(struct fh_ice_mux *m, uint32_t tag, const struct fh_ice_address *peer,
                      bool is_proved)
{
    struct member *who = find_tag(m, tag), *owner;
    struct key k = address_key(peer);
    uint32_t known = find(m, &k);

    if (!who)
        return;
    if (known == NO_NODE) {
        put_address(m, who, peer, is_proved);
        return;
    }
    owner = member_of(m, known);
    if (owner == who) {
        who->addresses[known % KINDS - ADDRESS].is_proved |= is_proved;
    } else if (is_proved) {
        unlink_node(m, known);
        owner->addresses[known % KINDS - ADDRESS] = (struct address){.learnt = 0};
        put_address(m, who, peer, true);
    }
}

/* ---- routing -------------------------------------------------------------------------------- */

static void *who_of(const struct fh_ice_mux *m, const struct key *k)
{
    uint32_t node = find(m, k);

    return node == NO_NODE ? NULL : member_of(m, node)->who;
}

static void *route_request(const struct fh_ice_mux *m, const struct fh_stun_message *msg)
{
    struct key k = {.len = UFRAG_LEN, .kind = UFRAG};
    size_t len = 0;

    k.data = fh_stun_find(msg, FH_STUN_USERNAME, &len);
    if (len <= UFRAG_LEN || ((const char *)k.data)[UFRAG_LEN] != ':')
        return NULL;
    return who_of(m, &k);
}

void *fh_ice_mux_route(const struct fh_ice_mux *m, const struct fh_ice_address *from,
                       const void *data, size_t len)
{
    struct fh_stun_message msg;
    struct key k = address_key(from);
    uint32_t tag;

    if (!fh_stun_is_message(data, len))
        return who_of(m, &k);
    if (fh_stun_parse(data, len, &msg) != 0)
        return NULL;
    if (msg.cls == FH_STUN_REQUEST || msg.cls == FH_STUN_INDICATION)
        return route_request(m, &msg);
    tag = (uint32_t)msg.txid[0] << 24 | (uint32_t)msg.txid[1] << 16 | (uint32_t)msg.txid[2] << 8 |
          msg.txid[3];
    k = (struct key){.data = &tag, .len = sizeof tag, .kind = TAG};
    return who_of(m, &k);
}
