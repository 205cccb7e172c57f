/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "oracle.h"

enum {
    MAX_ENDPOINTS = 96,
    MAX_MAPPINGS = 96,
    MAX_CONTACTS = 48,
    MAX_KNOWN = 20,
    STUN = 2,      /* owners: peer 0, peer 1, the STUN server, and the NATs */
    FIRST_NAT = 8, /* owner of the outside address of realm r's NAT: FIRST_NAT + r */
    NOWHERE = -1,
};

/* Its owner stands for the IP address, itself for address and port. */
struct endpoint {
    unsigned realm, owner;
};

struct mapping {
    unsigned nat; /* realm behind it */
    int inside, outside;
    int key; /* endpoint, owner or nothing, as the NAT's mapping goes */
    int contacts[MAX_CONTACTS];
    unsigned n_contacts;
};

struct oracle {
    const struct sim_realm *realms;
    const struct sim_oracle_peer *peers;
    struct endpoint eps[MAX_ENDPOINTS];
    unsigned n_eps;
    struct mapping maps[MAX_MAPPINGS];
    unsigned n_maps;
    int known[2][MAX_KNOWN];
    unsigned n_known[2];
    bool changed;
};

static int new_endpoint(struct oracle *o, unsigned realm, unsigned owner)
{
    if (o->n_eps == MAX_ENDPOINTS)
        return NOWHERE;
    o->eps[o->n_eps] = (struct endpoint){realm, owner};
    return (int)o->n_eps++;
}

static int key_of(const struct oracle *o, enum sim_depends on, int dst)
{
    return on == SIM_INDEPENDENT ? 0 : on == SIM_ADDRESS ? (int)o->eps[dst].owner : dst;
}

static void note_contact(struct oracle *o, struct mapping *m, int dst)
{
    for (unsigned i = 0; i < m->n_contacts; i++)
        if (m->contacts[i] == dst)
            return;
    if (m->n_contacts == MAX_CONTACTS)
        return;
    m->contacts[m->n_contacts++] = dst;
    o->changed = true;
}

/* What src becomes on its way out of realm `nat`; NOWHERE when the model is full. */
static int map_out(struct oracle *o, unsigned nat, int src, int dst)
{
    int key = key_of(o, o->realms[nat].nat->mapping, dst);
    struct mapping *m = NULL;

    for (unsigned i = 0; i < o->n_maps && !m; i++)
        if (o->maps[i].nat == nat && o->maps[i].inside == src && o->maps[i].key == key)
            m = &o->maps[i];
    if (!m) {
        int outside = o->n_maps < MAX_MAPPINGS
                          ? new_endpoint(o, o->realms[nat].outer, FIRST_NAT + nat)
                          : NOWHERE;

        if (outside == NOWHERE)
            return NOWHERE;
        m = &o->maps[o->n_maps++];
        *m = (struct mapping){.nat = nat, .inside = src, .outside = outside, .key = key};
        o->changed = true;
    }
    note_contact(o, m, dst);
    return m->outside;
}

static bool passes(const struct oracle *o, const struct mapping *m, int src)
{
    enum sim_depends f = o->realms[m->nat].nat->filtering;

    for (unsigned i = 0; i < m->n_contacts && f != SIM_INDEPENDENT; i++)
        if (m->contacts[i] == src ||
            (f == SIM_ADDRESS && o->eps[m->contacts[i]].owner == o->eps[src].owner))
            return true;
    return f == SIM_INDEPENDENT;
}

static int map_in(const struct oracle *o, int src, int dst, bool filtered)
{
    for (unsigned i = 0; i < o->n_maps; i++)
        if (o->maps[i].outside == dst)
            return !filtered || passes(o, &o->maps[i], src) ? o->maps[i].inside : NOWHERE;
    return NOWHERE;
}

struct arrival {
    int at; /* peer, STUN or NOWHERE */
    int src;
};

/* A datagram from the socket of peer p. */
static struct arrival send(struct oracle *o, unsigned p, int dst)
{
    const struct arrival lost = {NOWHERE, NOWHERE};
    unsigned realm = o->peers[p].realm;
    int src = (int)p;

    for (int hops = 0; hops < 12 && src != NOWHERE && dst != NOWHERE; hops++) {
        unsigned owner = o->eps[dst].owner;
        bool here = o->eps[dst].realm == realm;

        if (here && owner < FIRST_NAT)
            return (struct arrival){(int)owner, src};
        if (here) {
            dst = map_in(o, src, dst, true);
            realm = owner - FIRST_NAT;
        } else if (realm == 0) {
            return lost;
        } else if (owner == FIRST_NAT + realm) {
            enum sim_hairpin h = o->realms[realm].nat->hairpin;

            if (h == SIM_HAIRPIN_NONE)
                return lost;
            if (h == SIM_HAIRPIN_EXTERNAL)
                src = map_out(o, realm, src, dst);
            if (src != NOWHERE)
                dst = map_in(o, src, dst, h == SIM_HAIRPIN_EXTERNAL);
        } else {
            src = map_out(o, realm, src, dst);
            realm = o->realms[realm].outer;
        }
    }
    return lost;
}

static void learn(struct oracle *o, unsigned p, int ep)
{
    for (unsigned i = 0; i < o->n_known[p]; i++)
        if (o->known[p][i] == ep)
            return;
    if (ep == NOWHERE || o->n_known[p] == MAX_KNOWN)
        return;
    o->known[p][o->n_known[p]++] = ep;
    o->changed = true;
}

/* A check of peer p to dst: did the answer come back from there? */
static bool check(struct oracle *o, unsigned p, int dst)
{
    struct arrival there = send(o, p, dst), back;

    if (there.at != (int)!p)
        return false;
    learn(o, !p, there.src);
    back = send(o, !p, there.src);
    return back.at == (int)p && back.src == dst;
}

/* Without any translation the path is a host's. */
static enum sim_path path_of(const struct oracle *o, int dst)
{
    return o->eps[dst].owner < STUN && o->peers[0].realm == o->peers[1].realm ? SIM_PATH_HOST
                                                                              : SIM_PATH_DIRECT;
}

static enum sim_path settle(struct oracle *o)
{
    enum sim_path best = SIM_PATH_NONE;

    do {
        o->changed = false;
        for (unsigned p = 0; p < 2; p++)
            for (unsigned i = 0; i < o->n_known[p]; i++)
                if (check(o, p, o->known[p][i]) && path_of(o, o->known[p][i]) > best)
                    best = path_of(o, o->known[p][i]);
    } while (o->changed && best == SIM_PATH_NONE);
    return best;
}

static enum sim_path direct(const struct sim_realm *realms, const struct sim_oracle_peer *peers)
{
    struct oracle o = {.realms = realms, .peers = peers};
    int stun;

    new_endpoint(&o, peers[0].realm, 0);
    new_endpoint(&o, peers[1].realm, 1);
    stun = new_endpoint(&o, 0, STUN);
    for (unsigned p = 0; p < 2; p++) {
        struct arrival a = send(&o, p, stun);

        learn(&o, !p, (int)p);
        if (a.at == STUN)
            learn(&o, !p, a.src);
    }
    return settle(&o);
}

enum sim_path sim_oracle(const struct sim_realm *realms, size_t n,
                         const struct sim_oracle_peer peers[static 2])
{
    enum sim_path path = SIM_PATH_NONE;
    bool turn = (peers[0].has_turn && (peers[1].has_turn || peers[1].udp)) ||
                (peers[1].has_turn && peers[0].udp);

    assert(n <= SIM_MAX_REALMS && peers[0].realm < n && peers[1].realm < n);
    (void)n;
    if (peers[0].v6 && peers[1].v6)
        return SIM_PATH_HOST;
    /* A firewall stands at the edge of a network, so inside one nothing is in the way. */
    if ((peers[0].udp && peers[1].udp) || peers[0].realm == peers[1].realm)
        path = direct(realms, peers);
    return path == SIM_PATH_NONE && turn ? SIM_PATH_RELAY : path;
}

const char *sim_path_text(enum sim_path p)
{
    static const char *const text[] = {"none", "relay", "direct", "host"};

    return text[p];
}
