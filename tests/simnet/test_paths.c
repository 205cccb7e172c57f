/* SPDX-License-Identifier: MIT */
/* Two agents in every kind of network: who connects, how, how soon, and what never happens. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/stun.h>

#include "transcript.h"
#include "world_of_two.h"

static const struct sim_link_config wan = {.latency_us = 15 * SIM_MS};

static struct two_spec pair(enum two_kind a, enum two_kind b)
{
    struct two_spec s = {.signal_delay_us = {30 * SIM_MS, 30 * SIM_MS}};

    s.side[0].kind = a;
    s.side[1].kind = b;
    for (int i = 0; i < 2; i++) {
        s.side[i].link = wan;
        s.side[i].ports = SIM_PORTS_RANDOM;
    }
    return s;
}

static const char *names(const struct two_spec *s)
{
    static char text[200];

    snprintf(text, sizeof text, "%s and %s%s%s", two_kind_text(s->side[0].kind),
             two_kind_text(s->side[1].kind), s->same_lan ? ", one network" : "",
             s->shared ? ", behind one NAT" : "");
    return text;
}

/* Data crosses the path in both directions, within as many tries. */
static void check_data(struct two *t, unsigned tries)
{
    struct sim_peer_stats before[2] = {sim_peer_stats(t->peer[0]), sim_peer_stats(t->peer[1])};

    for (int i = 0; i < 2; i++) {
        unsigned n = 0;

        while (sim_peer_stats(t->peer[!i]).received == before[!i].received) {
            ck_assert_msg(n++ < tries, "no data from %c", 'a' + i);
            ck_assert(sim_peer_send(t->peer[i], "\x08 data", 6));
            sim_run_until(t->w, sim_now(t->w) + SIM_S);
        }
    }
}

static void check_pair(uint64_t seed, const struct two_spec *spec)
{
    struct two *t = two_new(seed, spec);
    enum sim_path want = two_oracle(spec);

    two_start(t);
    if (want == SIM_PATH_NONE) {
        sim_run_until(t->w, 120 * SIM_S); /* patience, and the last repetition after it */
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(fh_ice_agent_state(sim_peer_agent(t->peer[i])), FH_ICE_FAILED);
    } else {
        ck_assert_msg(sim_run_for(t->w, 10 * SIM_S, two_completed, t), "%s: no end, oracle says %s",
                      names(spec), sim_path_text(want));
        for (int i = 0; i < 2; i++)
            ck_assert_msg(two_path(t, i) == want, "%s: %c has %s, oracle says %s", names(spec),
                          'a' + i, sim_path_text(two_path(t, i)), sim_path_text(want));
        check_data(t, 1);
    }
    two_free(t);
}

START_TEST(every_pair_of_networks_connects_as_the_oracle_says)
{
    struct two_spec s = pair((enum two_kind)(_i / TWO_KINDS), (enum two_kind)(_i % TWO_KINDS));

    check_pair((uint64_t)_i, &s);
}

START_TEST(without_relays_it_is_so_as_well)
{
    struct two_spec s = pair((enum two_kind)(_i / TWO_KINDS), (enum two_kind)(_i % TWO_KINDS));

    for (int i = 0; i < 2; i++)
        s.side[i].no_turn_udp = s.side[i].no_turn_tls = true;
    check_pair((uint64_t)_i, &s);
}

START_TEST(behind_one_nat_it_is_so_as_well)
{
    struct two_spec s = pair((enum two_kind)(1 + _i / 3), TWO_PORT_RESTRICTED);

    s.shared = true;
    s.hairpin = (enum sim_hairpin)(_i % 3);
    check_pair((uint64_t)_i, &s);
}

/* ------------------------------------------------------------------ what must never happen */

enum { SEEN = 4096 };

/* Seen from the wire, while two peers find each other. */
struct guard {
    struct two *t;
    uint64_t last_begin[2];
    uint8_t seen[2][SEEN][FH_STUN_TXID_LEN];
    unsigned n_seen[2];
    struct {
        int side;
        struct sim_addr addr;
    } answered[512]; /* who has answered a check of this side */
    unsigned n_answered;
    unsigned broken;
    char why[200];
};

static int side_of(const struct guard *g, const struct sim_node *n)
{
    return n == g->t->host[0] ? 0 : n == g->t->host[1] ? 1 : -1;
}

static void complain(struct guard *g, const char *why, const struct sim_addr *to)
{
    char text[SIM_ADDR_TEXT];

    if (g->broken++ == 0)
        snprintf(g->why, sizeof g->why, "%s %s at %llu ms", why, sim_addr_text(to, text),
                 (unsigned long long)sim_now_ms(g->t->w));
}

static bool has_answered(const struct guard *g, int side, const struct sim_addr *a)
{
    for (unsigned i = 0; i < g->n_answered; i++)
        if (g->answered[i].side == side && sim_addr_equal(&g->answered[i].addr, a))
            return true;
    return false;
}

/* Whether this transaction of a side is seen for the first time. */
static bool is_new(struct guard *g, int side, const uint8_t txid[FH_STUN_TXID_LEN])
{
    unsigned n = g->n_seen[side] < SEEN ? g->n_seen[side] : SEEN;

    for (unsigned i = 0; i < n; i++)
        if (memcmp(g->seen[side][i], txid, FH_STUN_TXID_LEN) == 0)
            return false;
    memcpy(g->seen[side][g->n_seen[side]++ % SEEN], txid, FH_STUN_TXID_LEN);
    return true;
}

/* RFC 8445 14.2: no two checks begin within 5 ms. */
static void watch_pace(struct guard *g, int side, const struct sim_packet_info *p,
                       const struct fh_stun_message *m)
{
    uint64_t now = sim_now(g->t->w);

    if (m->cls != FH_STUN_REQUEST || m->method != FH_STUN_BINDING || !is_new(g, side, m->txid))
        return;
    /* Consent, from then on, has a pace of its own: RFC 7675 5.1. */
    if (g->t->peer[side] && sim_peer_stats(g->t->peer[side]).connected_at != SIM_NEVER)
        return;
    if (g->last_begin[side] != 0 && now < g->last_begin[side] + 5 * SIM_MS)
        complain(g, "checks follow each other too soon, the last to", &p->to);
    g->last_begin[side] = now;
}

static void watch(void *user, const struct sim_packet_info *p)
{
    struct guard *g = user;
    int side = p->node ? side_of(g, p->node) : -1;
    struct fh_stun_message m;
    char line[SIM_LINE];

    if (getenv("FARHAND_TRACE"))
        fprintf(stderr, "%s\n", sim_transcript_line(sim_now(g->t->w), p, line));
    if (side < 0 || p->proto != SIM_UDP)
        return;
    if (p->fate == SIM_DELIVERED) {
        if (fh_stun_parse(p->data, p->len, &m) == 0 && m.cls == FH_STUN_SUCCESS &&
            g->n_answered < 512 && !has_answered(g, side, &p->from)) {
            g->answered[g->n_answered].side = side;
            g->answered[g->n_answered++].addr = p->from;
        }
        return;
    }
    if (p->fate != SIM_SENT)
        return;
    if (p->len > 1200)
        complain(g, "a large datagram to", &p->to);
    if (p->len > 0 && p->data[0] == 0x08 && !has_answered(g, side, &p->to))
        complain(g, "data to somebody who never answered,", &p->to);
    if (fh_stun_parse(p->data, p->len, &m) == 0)
        watch_pace(g, side, p, &m);
}

static double fraction(struct sim *w, double max)
{
    return (double)sim_random_below(w, 1000) / 1000 * max;
}

static struct sim_link_config random_link(struct sim *r, bool lossy)
{
    struct sim_link_config l = {.latency_us = sim_random_below(r, 100 * SIM_MS),
                                .jitter_us = sim_random_below(r, 20 * SIM_MS)};

    if (lossy && sim_chance(r, 0.5))
        l.loss = fraction(r, 0.05);
    else if (lossy)
        l.to_bad = 0.01, l.to_good = 0.2, l.loss_bad = 0.8;
    if (sim_chance(r, 0.3))
        l.duplicate = fraction(r, 0.05);
    if (sim_chance(r, 0.3)) {
        l.reorder = fraction(r, 0.05);
        l.reorder_us = sim_random_below(r, 50 * SIM_MS);
    }
    if (sim_chance(r, 0.2))
        l.rate_bps = 256000;
    return l;
}

static void random_side(struct sim *r, struct two_side *s, bool lossy)
{
    *s = (struct two_side){.kind = (enum two_kind)sim_random_below(r, TWO_KINDS),
                           .ports = (enum sim_ports)sim_random_below(r, 4),
                           .link = random_link(r, lossy)};
    s->v6 = s->kind != TWO_OPEN && s->kind != TWO_DOUBLE_CONE &&
            s->kind != TWO_SYMMETRIC_THEN_CONE && sim_chance(r, 0.25);
    s->v6_broken = s->v6 && sim_chance(r, 0.4);
    s->no_turn_udp = sim_chance(r, 0.2);
    s->no_turn_tls = sim_chance(r, 0.3);
    s->turn_tcp = sim_chance(r, 0.2);
    s->spare_turn = sim_chance(r, 0.3);
    if (s->kind != TWO_OPEN && s->kind != TWO_ONE_TO_ONE && s->kind != TWO_DOUBLE_CONE &&
        s->kind != TWO_SYMMETRIC_THEN_CONE && sim_chance(r, 0.2))
        s->portmap = (enum sim_gateway_kind)(1 + sim_random_below(r, 3));
}

static struct two_spec random_spec(struct sim *r, bool lossy)
{
    struct two_spec s = {.dead_stun = sim_chance(r, 0.2),
                         .dead_turn = sim_chance(r, 0.1),
                         .both_controlling = sim_chance(r, 0.1),
                         .mobility = sim_chance(r, 0.2)};

    for (int i = 0; i < 2; i++) {
        random_side(r, &s.side[i], lossy);
        s.signal_delay_us[i] = sim_random_below(r, 500 * SIM_MS);
    }
    s.turn.sha256 = sim_chance(r, 0.3);
    s.turn.mobility = sim_chance(r, 0.5);
    s.turn.nonce_life_us = sim_chance(r, 0.3) ? 3 * SIM_S : 0;
    if (s.side[0].kind != TWO_OPEN && sim_chance(r, 0.1)) {
        s.same_lan = true;
        s.side[1].kind = s.side[0].kind;
        s.side[1].portmap = (enum sim_gateway_kind)0;
    } else if (sim_chance(r, 0.1)) {
        s.shared = true;
        s.hairpin = (enum sim_hairpin)sim_random_below(r, 3);
        s.side[0].portmap = s.side[1].portmap = (enum sim_gateway_kind)0;
        s.side[0].v6 = s.side[1].v6 = false;
    }
    return s;
}

/* Whoever reached a server before is told to end there; without losses nothing is left over. */
static void check_close(struct two *t, bool lossy, uint64_t seed)
{
    for (int i = 0; i < 2; i++)
        sim_peer_close(t->peer[i]);
    sim_run_until(t->w, sim_now(t->w) + 5 * SIM_S);
    for (int i = 0; i < 2 && !lossy; i++)
        ck_assert_msg(sim_turn_stats(t->turn[i]).allocations == 0 || (i == 0 && t->spec.dead_turn),
                      "seed %llu: an allocation is left on server %d", (unsigned long long)seed, i);
}

static void check_random(uint64_t seed, bool lossy)
{
    struct sim *r = sim_new(seed);
    struct two_spec s = random_spec(r, lossy);
    struct two *t = two_new(seed, &s);
    struct guard g = {.t = t};
    enum sim_path want = two_oracle(&s), got[2];
    bool done;

    sim_watch(t->w, watch, &g);
    two_start(t);
    if (want != SIM_PATH_NONE) {
        /*
         * Data flows soon; which path is the last may take repetitions of what is not answered.
         * With losses one side may leave a better path that the other still trusts.
         */
        done = sim_run_for(t->w, (lossy ? 120 : 6) * SIM_S, two_connected, t) &&
               sim_run_for(t->w, (lossy ? 300 : 120) * SIM_S, two_completed, t);
        got[0] = two_path(t, 0);
        got[1] = two_path(t, 1);
        ck_assert_msg(done, "seed %llu: %s: no end, oracle says %s", (unsigned long long)seed,
                      names(&s), sim_path_text(want));
        ck_assert_msg(got[0] <= want && got[1] <= want &&
                          (lossy || (got[0] == want && got[1] == want)),
                      "seed %llu: %s: %s and %s, oracle says %s", (unsigned long long)seed,
                      names(&s), sim_path_text(got[0]), sim_path_text(got[1]), sim_path_text(want));
        check_data(t, lossy ? 20 : 1);
    } else {
        sim_run_until(t->w, 20 * SIM_S);
        ck_assert_msg(!sim_peer_is_connected(t->peer[0]) && !sim_peer_is_connected(t->peer[1]),
                      "seed %llu: %s: connected, which cannot be", (unsigned long long)seed,
                      names(&s));
    }
    ck_assert_msg(g.broken == 0, "seed %llu: %s: %s", (unsigned long long)seed, names(&s), g.why);
    check_close(t, lossy, seed);
    two_free(t);
    sim_free(r);
}

/*
 * FARHAND_SEED=n runs one, FARHAND_TRACE=1 with all its packets; FARHAND_SEEDS=n another number of
 * them than 1000.
 */
enum { BATCHES = 20 };

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

START_TEST(whatever_the_seed_what_can_connect_does)
{
    uint64_t n = number("FARHAND_SEEDS", 1000) / BATCHES, one = number("FARHAND_SEED", 0);

    if (one != 0) {
        if (_i == 0)
            check_random(one, one % 2 == 0);
        return;
    }
    for (uint64_t k = 1; k <= n; k++) {
        uint64_t seed = (uint64_t)_i * n + k;

        check_random(seed, seed % 2 == 0);
    }
}

int main(void)
{
    Suite *s = suite_create("paths");
    TCase *tc = tcase_create("pairs");
    int failed;
    SRunner *r;

    tcase_add_loop_test(tc, every_pair_of_networks_connects_as_the_oracle_says, 0,
                        TWO_KINDS * TWO_KINDS);
    tcase_add_loop_test(tc, without_relays_it_is_so_as_well, 0, TWO_KINDS * TWO_KINDS);
    tcase_add_loop_test(tc, behind_one_nat_it_is_so_as_well, 0, 3 * (TWO_SYMMETRIC_UNFILTERED + 1));
    suite_add_tcase(s, tc);
    tc = tcase_create("seeds");
    tcase_add_loop_test(tc, whatever_the_seed_what_can_connect_does, 0, BATCHES);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
