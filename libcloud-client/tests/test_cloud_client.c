/* SPDX-License-Identifier: MIT */
/* Endpoints and their service, in virtual time: how it goes when all mean well. */
#include "client_world.h"

static void set_up(void)
{
    world_init(false);
}

static void set_up_log(void)
{
    world_init(true);
}

/* ---- sign-in ----------------------------------------------------------------------------------
 */

START_TEST(an_endpoint_enrols_and_signs_in_with_its_key_afterwards)
{
    struct party *p = party_new(0, SERVER);

    ck_assert(is_online(p));
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_SIGN], 2);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_STATEMENT], 1);
    ck_assert_uint_eq(p->last[FH_CLOUD_EV_ONLINE].online.roles, 7);
    party_end(p);
    /* Another run of the program, with what it kept and without a password. */
    struct party *q = party_config(1, SERVER);

    q->cfg.statement = p->statement;
    q->cfg.statement_len = p->statement_len;
    q->cfg.password = NULL;
    party_start(q);
    settle();
    ck_assert(is_online(q));
    ck_assert_uint_eq(q->events[FH_CLOUD_EV_SIGN], 1);
    ck_assert_uint_eq(q->events[FH_CLOUD_EV_STATEMENT], 0);
}
END_TEST

START_TEST(it_stays_signed_in_over_lost_connections)
{
    struct party *p = party_new(0, SERVER);

    for (int i = 0; i < 5; i++) {
        run_for(70000);
        ck_assert(is_online(p));
        hang_up(p);
        fh_cloud_client_lost(p->c, w.now, FH_CLOUD_E_RESET);
        settle();
        ck_assert(!is_online(p));
        run_for(10000);
        ck_assert(is_online(p));
    }
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_OFFLINE], 5);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_STATEMENT], 1);
}
END_TEST

START_TEST(a_wrong_password_is_final)
{
    struct party *p = party_config(0, SERVER);
    uint8_t wrong[FH_CLOUD_PASSWORD_LEN] = {1};

    p->cfg.password = wrong;
    party_start(p);
    settle();
    ck_assert(!is_online(p));
    ck_assert_int_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_REFUSED);
    ck_assert_uint_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.code, FH_BROKER_E_SIGN_IN);
    ck_assert(p->last[FH_CLOUD_EV_OFFLINE].offline.retry_ms == UINT64_MAX);
    ck_assert(fh_cloud_client_deadline(p->c) == UINT64_MAX);
    run_for(3600000);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_DIAL], 1);
    fh_cloud_client_start(p->c, w.now);
    settle();
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_DIAL], 2);
}
END_TEST

START_TEST(an_address_that_is_bound_takes_no_other_identity)
{
    struct party *p = party_new(0, SERVER), *q = party_config(1, SERVER);

    ck_assert(is_online(p));
    q->e = &w.ends[VIEWER];
    q->cfg.spki = q->e->spki;
    q->cfg.spki_len = q->e->spki_len;
    party_start(q);
    settle();
    ck_assert(!is_online(q));
    ck_assert_int_eq(q->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_REFUSED);
    ck_assert(is_online(p));
}
END_TEST

START_TEST(a_sign_in_is_of_one_tls_connection)
{
    struct party *p;

    w.splits_tls = true;
    p = party_new(0, SERVER);
    ck_assert(!is_online(p));
    ck_assert_uint_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.code, FH_BROKER_E_SIGN_IN);
}
END_TEST

START_TEST(another_seal_key_is_stated_anew)
{
    struct party *p = party_new(0, SERVER), *q = party_config(1, SERVER);
    struct fh_cloud_statement s;
    uint8_t secret[32] = {5}, key[32];

    party_end(p);
    q->cfg.seal_secret = secret;
    q->cfg.password = NULL;
    q->cfg.statement = p->statement;
    q->cfg.statement_len = p->statement_len;
    party_start(q);
    settle();
    ck_assert(is_online(q));
    ck_assert_uint_eq(q->events[FH_CLOUD_EV_STATEMENT], 1);
    fh_seal_public(secret, key);
    ck_assert_int_eq(
        fh_cloud_statement_verify(w.m.ends[SERVER].statement, w.m.ends[SERVER].statement_len, &s),
        0);
    ck_assert_int_eq(memcmp(s.seal_key, key, sizeof key), 0);
}
END_TEST

START_TEST(a_reset_password_enrols_again)
{
    struct party *p = party_new(0, SERVER), *q = party_config(1, SERVER);

    party_end(p);
    w.m.ends[SERVER].statement_len = 0;
    q->cfg.statement = p->statement;
    q->cfg.statement_len = p->statement_len;
    party_start(q);
    run_for(1000);
    ck_assert(is_online(q));
    ck_assert_uint_eq(q->events[FH_CLOUD_EV_DIAL], 2);
    ck_assert_uint_eq(w.m.ends[SERVER].statement_len, p->statement_len);
}
END_TEST

START_TEST(the_newest_sign_in_wins_and_the_other_stays_away)
{
    struct party *p = party_new(0, SERVER), *q = party_new(1, SERVER);

    ck_assert(!is_online(p));
    ck_assert(is_online(q));
    ck_assert_int_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_REPLACED);
    run_for(3600000);
    ck_assert(is_online(q));
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_DIAL], 1);
}
END_TEST

START_TEST(a_signature_may_come_later_or_never)
{
    struct party *p = party_config(0, SERVER);
    uint8_t sig[FH_SIGNATURE_MAX] = {0};

    p->holds_signature = true;
    party_start(p);
    settle();
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_SIGN], 1);
    run_for(20000);
    fh_cloud_client_signed(p->c, w.now, p->serial + 1, sig, 256); /* of nothing */
    do_sign(p);
    settle();
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_SIGN], 2);
    do_sign(p);
    settle();
    ck_assert(is_online(p));
    hang_up(p);
    fh_cloud_client_lost(p->c, w.now, FH_CLOUD_E_RESET);
    run_for(10000);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_SIGN], 3);
    run_for(35000); /* nobody signs: it is tried again */
    ck_assert_uint_ge(p->events[FH_CLOUD_EV_SIGN], 4);
    ck_assert_int_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_TIMEOUT);
    fh_cloud_client_signed(p->c, w.now, p->serial, sig, 0);
    settle();
    ck_assert_int_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_CANCELLED);
    ck_assert(fh_cloud_client_deadline(p->c) == UINT64_MAX);
}
END_TEST

static bool answers_nothing(struct model *m, struct model_side *from,
                            const struct fh_broker_frame *f)
{
    (void)m;
    (void)from;
    (void)f;
    return true;
}

START_TEST(a_service_that_says_nothing_is_given_up)
{
    struct party *p;

    w.m.meddle = answers_nothing;
    p = party_new(0, SERVER);
    run_for(29000);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_HANG_UP], 0);
    run_for(2000);
    ck_assert_uint_ge(p->events[FH_CLOUD_EV_HANG_UP], 1);
    ck_assert_int_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_TIMEOUT);
}
END_TEST

START_TEST(stopping_signs_out_and_starting_signs_in)
{
    struct party *p = party_new(0, SERVER);

    fh_cloud_client_stop(p->c, w.now);
    settle();
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_HANG_UP], 1);
    ck_assert_ptr_null(p->side);
    run_for(3600000);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_DIAL], 1);
    fh_cloud_client_start(p->c, w.now);
    settle();
    ck_assert(is_online(p));
    fh_cloud_client_start(p->c, w.now);
    settle();
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_DIAL], 2);
}
END_TEST

static bool late_clock(struct model *m, struct model_side *to, struct fh_broker_frame *f)
{
    (void)m;
    (void)to;
    if (f->type == FH_BROKER_CHALLENGE)
        f->challenge.time_ms += 7200000;
    return true;
}

START_TEST(a_clock_that_is_wrong_is_noticed)
{
    struct party *p;

    w.m.tamper = late_clock;
    p = party_new(0, SERVER);
    ck_assert(is_online(p));
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_CLOCK], 1);
    ck_assert_int_eq(p->last[FH_CLOUD_EV_CLOCK].skew_ms, 7200000);
}
END_TEST

START_TEST(configs_that_cannot_be_are_refused)
{
    struct party *p = party_config(0, SERVER);
    struct fh_cloud_client_config good = p->cfg, bad;
    struct fh_cloud_service nowhere = w.service, broken_log = w.service;
    char long_name[80];
    void *mem = malloc(fh_cloud_client_size(&good));

    nowhere.nodes_len = 0;
    strcpy(broken_log.log, "a+b+c");
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    ck_assert_ptr_null(fh_cloud_client_init(mem, fh_cloud_client_size(&good) - 1, &good));
    free(mem);
#define REFUSED(member, value)                                                                     \
    bad = good;                                                                                    \
    bad.member = value;                                                                            \
    ck_assert_ptr_null(fh_cloud_client_new(&bad))
    REFUSED(service, &nowhere);
    REFUSED(service, &broken_log);
    REFUSED(service, NULL);
    REFUSED(spki_len, 10);
    REFUSED(seal_secret, NULL);
    REFUSED(random, NULL);
    REFUSED(utc_ms, NULL);
    REFUSED(program, long_name);
    REFUSED(conns_max, FH_CLOUD_CONNS_LIMIT + 1);
    REFUSED(address[0], 0x80);
    fh_cloud_client_free(NULL);
}
END_TEST

/* ---- keeping it -------------------------------------------------------------------------------
 */

START_TEST(silence_is_filled_and_a_dead_connection_found)
{
    struct party *p = party_new(0, SERVER);
    unsigned pings;

    run_for(55000 * 10 + 100);
    pings = w.m.sides[0].frames[FH_BROKER_PING];
    ck_assert_uint_ge(pings, 9);
    ck_assert_uint_le(pings, 10);
    ck_assert(is_online(p));
    w.m.meddle = answers_nothing;
    run_for(55000 + 9000);
    ck_assert(is_online(p));
    run_for(2000);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_OFFLINE], 1);
    ck_assert_int_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_TIMEOUT);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_HANG_UP], 1);
}
END_TEST

START_TEST(a_ping_of_the_service_is_answered)
{
    struct party *p = party_new(0, SERVER);
    struct fh_broker_frame f = {.type = FH_BROKER_PING};

    memcpy(f.ping.data, "12345678", 8);
    model_send(&w.m, p->side, &f);
    settle();
    ck_assert_uint_eq(p->side->frames[FH_BROKER_PONG], 1);
}
END_TEST

/* U(0, min(300 s, 1 s * 2^n)): within its bounds, and not always the same. */
START_TEST(attempts_spread_and_slow_down)
{
    struct party *p = party_config(0, SERVER);
    uint64_t longest = 0, sum = 0;

    p->refused_dials = 200;
    party_start(p);
    run_for(UINT64_C(200) * 300000);
    ck_assert(is_online(p));
    for (unsigned n = 0; n < 200; n++) {
        uint64_t gap = p->dials[n + 1] - p->dials[n];
        uint64_t bound = n < 9 ? UINT64_C(1000) << n : 300000;

        ck_assert_uint_le(gap, bound);
        if (n >= 9) {
            longest = gap > longest ? gap : longest;
            sum += gap;
        }
    }
    ck_assert_uint_gt(longest, 250000);
    ck_assert_uint_gt(sum / 191, 120000); /* 150 s is expected; the bytes are the same each run */
    ck_assert_uint_lt(sum / 191, 180000);
}
END_TEST

START_TEST(a_stable_connection_begins_anew)
{
    struct party *p = party_config(0, SERVER);
    unsigned n;

    p->refused_dials = 12;
    party_start(p);
    run_for(UINT64_C(12) * 300000);
    ck_assert(is_online(p));
    run_for(61000);
    n = p->events[FH_CLOUD_EV_DIAL];
    hang_up(p);
    fh_cloud_client_lost(p->c, w.now, FH_CLOUD_E_RESET);
    settle();
    ck_assert_uint_le(p->last[FH_CLOUD_EV_OFFLINE].offline.retry_ms, 10000);
    run_for(10001);
    ck_assert(is_online(p));
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_DIAL], n + 1);
}
END_TEST

/* One that is cut at once each time does not come back every few seconds for ever. */
START_TEST(a_connection_that_does_not_last_counts_as_a_failure)
{
    struct party *p = party_new(0, SERVER);
    uint64_t longest = 0;

    for (int i = 0; i < 20; i++) {
        hang_up(p);
        fh_cloud_client_lost(p->c, w.now, FH_CLOUD_E_RESET);
        settle();
        if (p->last[FH_CLOUD_EV_OFFLINE].offline.retry_ms > longest)
            longest = p->last[FH_CLOUD_EV_OFFLINE].offline.retry_ms;
        for (int n = 0; n < 700 && !is_online(p); n++)
            run_for(500);
        ck_assert(is_online(p));
    }
    ck_assert_uint_gt(longest, 60000);
}
END_TEST

START_TEST(it_waits_as_long_as_it_is_told)
{
    struct party *p = party_new(0, SERVER);
    struct fh_broker_frame f = {.type = FH_BROKER_RESTARTING};

    model_error(&w.m, p->side, FH_BROKER_E_BUSY, 0, 45000);
    settle();
    ck_assert_int_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_BUSY);
    ck_assert_uint_ge(p->last[FH_CLOUD_EV_OFFLINE].offline.retry_ms, 45000);
    run_for(44999);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_DIAL], 1);
    run_for(3000);
    ck_assert(is_online(p));
    f.restarting.reconnect_in_ms = 20000;
    f.restarting.try_for_ms = 60000;
    model_send(&w.m, p->side, &f);
    run_for(5000);
    ck_assert(is_online(p)); /* until it is closed */
    p->side->closes = true;
    settle();
    ck_assert_uint_ge(p->last[FH_CLOUD_EV_OFFLINE].offline.retry_ms, 15000);
    ck_assert_uint_le(p->last[FH_CLOUD_EV_OFFLINE].offline.retry_ms, 75000);
    run_for(75001);
    ck_assert(is_online(p));
    model_error(&w.m, p->side, FH_BROKER_E_BUSY, 0, UINT32_MAX); /* not for 49 days */
    settle();
    ck_assert_uint_le(p->last[FH_CLOUD_EV_OFFLINE].offline.retry_ms, 3600000);
}
END_TEST

static bool is_welcomed;

static bool restarts_at_once(struct model *m, struct model_side *to, struct fh_broker_frame *f)
{
    struct fh_broker_frame at_once = {.type = FH_BROKER_RESTARTING};

    if (f->type != FH_BROKER_WELCOME)
        return true;
    model_send(m, to, &at_once);
    to->closes = true;
    return is_welcomed;
}

/* "In 0 ms", at each sign-in, before it is done and behind. */
START_TEST(a_service_that_restarts_for_ever_makes_no_busy_loop)
{
    struct party *p;

    is_welcomed = _i;
    w.m.tamper = restarts_at_once;
    p = party_new(0, SERVER);
    run_for(UINT64_C(20) * 60000);
    ck_assert_uint_ge(p->events[FH_CLOUD_EV_DIAL], 5);
    ck_assert_uint_le(p->events[FH_CLOUD_EV_DIAL], 60);
    w.m.tamper = NULL;
    run_for(300001);
    ck_assert(is_online(p));
}
END_TEST

/* Each of them once before one of them again. */
START_TEST(nodes_are_walked_in_random_order)
{
    struct party *p = party_config(0, SERVER);
    bool differs = false;

    for (int i = 0; i < 4; i++) {
        snprintf(w.service.nodes[i].host, sizeof w.service.nodes[i].host, "node%d.example", i);
        w.service.nodes[i].port = 443;
    }
    w.service.nodes_len = 4;
    strcpy(w.service.name, "cloud.example");
    p->refused_dials = 40;
    party_start(p);
    run_for(UINT64_C(40) * 300000);
    for (int round = 0; round < 10; round++) {
        unsigned seen = 0;

        for (int i = 0; i < 4; i++) {
            unsigned which = (unsigned)(p->hosts[4 * round + i][4] - '0');

            seen |= 1u << which;
            differs |= which != (unsigned)(p->hosts[i][4] - '0');
        }
        ck_assert_uint_eq(seen, 15);
    }
    ck_assert(differs);
    ck_assert_str_eq(p->name, "cloud.example");
}
END_TEST

START_TEST(nodes_and_servers_that_it_is_told_of_are_used)
{
    struct party *p;
    bool learnt = false;

    w.m.nodes[0] = (struct fh_broker_host){.host = text_of("second.example"), .port = 8443};
    w.m.nodes[1] = (struct fh_broker_host){.host = text_of("cloud.example"), .port = 443};
    w.m.nodes_len = 2;
    w.m.stun[0] = (struct fh_broker_host){.host = text_of("stun.example"), .port = 3478};
    w.m.stun_len = 1;
    p = party_new(0, SERVER);
    ck_assert_str_eq(p->stun, "stun.example");
    p->refused_dials = 20;
    hang_up(p);
    fh_cloud_client_lost(p->c, w.now, FH_CLOUD_E_RESET);
    run_for(UINT64_C(20) * 300000);
    for (int i = 1; i < 20; i += 2) {
        ck_assert_str_ne(p->hosts[i], p->hosts[i + 1]);
        learnt |= strcmp(p->hosts[i], "second.example") == 0;
    }
    ck_assert(learnt);
    ck_assert_str_eq(p->name, p->hosts[p->events[FH_CLOUD_EV_DIAL] - 1]);
}
END_TEST

/* ---- connections ------------------------------------------------------------------------------
 */

static void two_meet(void)
{
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);
    uint32_t conn, theirs;

    s->accepts = true;
    conn = ask(v, SERVER);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 1);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 1);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_INCOMING], 1);
    theirs = incoming(s);
    ck_assert_int_eq(memcmp(v->secrets, s->secrets, sizeof v->secrets), 0);
    ck_assert_uint_eq(v->ticket[1], 0);
    ck_assert_uint_eq(s->ticket[1], 1);
    ck_assert_int_eq(memcmp(v->last[FH_CLOUD_EV_TARGET].conn_info.peer.session_ref,
                            s->last[FH_CLOUD_EV_INCOMING].conn_info.peer.session_ref, 16),
                     0);
    ck_assert_uint_eq(s->last[FH_CLOUD_EV_INCOMING].conn_info.groups_len, 1);
    ck_assert_int_eq(say(v, conn, "hello of the viewer"), 0);
    ck_assert_int_eq(say(v, conn, "two\nlines"), 0);
    ck_assert_int_eq(say(s, theirs, "hello of the server"), 0);
    settle();
    ck_assert_str_eq(s->lines, "hello of the viewer\ntwo\nlines\n");
    ck_assert_str_eq(v->lines, "hello of the server\n");
    ck_assert_int_eq(fh_cloud_client_renew(v->c, w.now, conn), 0);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_RENEWED], 1);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_RENEWED], 1);
    fh_cloud_client_end(s->c, w.now, theirs, FH_BROKER_GONE);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_END], 1);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_RESET);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_END], 0);
    ck_assert_int_eq(say(v, conn, "too late"), FH_CLOUD_E_STATE);
}

START_TEST(two_ends_meet_and_speak)
{
    two_meet();
}
END_TEST

START_TEST(the_same_byte_by_byte)
{
    w.chunk = 1;
    two_meet();
}
END_TEST

START_TEST(what_the_viewer_says_early_waits_for_the_answer)
{
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);
    uint32_t conn = ask(v, SERVER);

    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 1);
    ck_assert_int_eq(say(v, conn, "first"), 0);
    ck_assert_int_eq(say(v, conn, "second"), 0);
    settle();
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_SIGNAL], 0);
    ck_assert_int_eq(say(s, incoming(s), "no"), FH_CLOUD_E_STATE);
    ck_assert_int_eq(fh_cloud_client_accept(s->c, w.now, incoming(s)), 0);
    ck_assert_int_eq(fh_cloud_client_accept(s->c, w.now, incoming(s)), FH_CLOUD_E_STATE);
    ck_assert_int_eq(say(v, conn, "third"), 0);
    settle();
    ck_assert_str_eq(s->lines, "first\nsecond\nthird\n");
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 1);
}
END_TEST

START_TEST(a_server_may_refuse)
{
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);

    ask(v, SERVER);
    settle();
    fh_cloud_client_end(s->c, w.now, incoming(s), FH_BROKER_REFUSED);
    settle();
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_REFUSED);
    ck_assert_uint_eq(v->last[FH_CLOUD_EV_END].end.reason, FH_BROKER_REFUSED);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 0);
    ck_assert_int_eq(fh_cloud_client_accept(s->c, w.now, incoming(s)), FH_CLOUD_E_STATE);
}
END_TEST

START_TEST(who_is_not_there_is_told_apart_from_nobody)
{
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);

    party_end(s);
    ask(v, SERVER);
    settle();
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_ABSENT);
    ck_assert_uint_eq(v->last[FH_CLOUD_EV_END].end.reason, FH_BROKER_ABSENT);
    ck_assert_uint_eq(v->last[FH_CLOUD_EV_END].conn, v->asked);
    v->asked_for[3] ^= 1;
    ck_assert_int_eq(fh_cloud_client_connect(v->c, w.now, v->asked_for, &v->asked), 0);
    settle();
    ck_assert_uint_eq(v->last[FH_CLOUD_EV_END].end.reason, FH_BROKER_NO_ADDRESS);
}
END_TEST

START_TEST(nobody_is_waited_for_for_ever)
{
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);

    ask(v, SERVER);
    settle();
    run_for(59000);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_END], 0);
    run_for(2000);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_TIMEOUT);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_END], 1);
    w.m.meddle = answers_nothing;
    ask(v, SERVER);
    run_for(9000);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_END], 1);
    run_for(6100);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_END], 2);
}
END_TEST

START_TEST(a_lost_service_ends_what_it_had_to_do_with)
{
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);
    uint32_t conn;

    s->accepts = true;
    conn = ask(v, SERVER);
    settle();
    hang_up(v);
    fh_cloud_client_lost(v->c, w.now, FH_CLOUD_E_RESET);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_END], 1);
    ck_assert_uint_eq(v->last[FH_CLOUD_EV_END].conn, conn);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_OFFLINE);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_END], 0); /* it was accepted */
    ck_assert_int_eq(fh_cloud_client_connect(v->c, w.now, v->asked_for, &conn), FH_CLOUD_E_OFFLINE);
}
END_TEST

START_TEST(a_role_that_was_not_granted_is_not_used)
{
    struct party *v = party_config(0, VIEWER), *s = party_new(1, SERVER);
    uint32_t conn;

    v->cfg.roles = FH_BROKER_LISTEN;
    party_start(v);
    settle();
    ck_assert_uint_eq(v->last[FH_CLOUD_EV_ONLINE].online.roles, FH_BROKER_LISTEN);
    ck_assert_int_eq(fh_cloud_client_connect(v->c, w.now, s->e->address, &conn),
                     FH_CLOUD_E_REFUSED);
}
END_TEST

START_TEST(as_many_connections_as_were_asked_for)
{
    struct party *v = party_config(0, VIEWER), *s;
    uint32_t conn;

    v->cfg.conns_max = 3;
    party_start(v);
    s = party_new(1, SERVER);
    for (int i = 0; i < 3; i++) {
        ask(v, SERVER);
        settle();
    }
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_INCOMING], 3);
    ck_assert_int_eq(fh_cloud_client_connect(v->c, w.now, s->e->address, &conn), FH_CLOUD_E_BUSY);
    fh_cloud_client_end(v->c, w.now, v->asked, FH_BROKER_GONE);
    settle();
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_END], 1);
    ask(v, SERVER);
    ck_assert_int_eq(fh_cloud_client_accept(v->c, w.now, v->asked), FH_CLOUD_E_STATE);
}
END_TEST

START_TEST(a_server_that_is_full_says_so)
{
    struct party *s = party_config(1, SERVER), *v = party_new(0, VIEWER);

    s->cfg.conns_max = 2;
    party_start(s);
    settle();
    for (int i = 0; i < 3; i++) {
        ask(v, SERVER);
        settle();
    }
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_INCOMING], 2);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_BUSY);
}
END_TEST

START_TEST(signals_have_their_limits)
{
    static char text[FH_CLOUD_SIGNAL_MAX + 2];
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);
    uint32_t conn;
    int n = 0;

    s->accepts = true;
    conn = ask(v, SERVER);
    settle();
    memset(text, 'x', sizeof text);
    ck_assert_int_eq(fh_cloud_client_signal(v->c, w.now, conn, text, FH_CLOUD_SIGNAL_MAX + 1),
                     FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_cloud_client_signal(v->c, w.now, conn, text, 0), FH_CLOUD_E_INVAL);
    while (fh_cloud_client_signal(v->c, w.now, conn, text, FH_CLOUD_SIGNAL_MAX) == 0) {
        settle();
        n++;
    }
    ck_assert_int_eq(n, 5); /* of 64 KiB */
    ck_assert_int_eq(fh_cloud_client_signal(v->c, w.now, conn, text, FH_CLOUD_SIGNAL_MAX),
                     FH_CLOUD_E_RESOURCES);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_SIGNAL], 5);
    for (n = 0; say(s, incoming(s), "x") == 0; n++)
        settle();
    ck_assert_int_eq(n, 64);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_SIGNAL], 64);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_END], 0);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_and_fits_later)
{
    static char text[4096];
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);
    uint32_t conn;
    int ret = 0, n = 0;

    w.m.signal_bytes = 1 << 20;
    party_end(v);
    v = party_new(0, VIEWER);
    s->accepts = true;
    conn = ask(v, SERVER);
    settle();
    v->is_deaf = true;
    memset(text, 'x', sizeof text);
    while (ret == 0 && n < 64) {
        ret = fh_cloud_client_signal(v->c, w.now, conn, text, sizeof text);
        n += ret == 0;
    }
    ck_assert_int_eq(ret, FH_CLOUD_E_BUSY);
    ck_assert_int_gt(n, 5);
    v->is_deaf = false;
    settle();
    ck_assert_int_eq(fh_cloud_client_signal(v->c, w.now, conn, text, sizeof text), 0);
}
END_TEST

/* ---- presence ---------------------------------------------------------------------------------
 */

START_TEST(coming_and_going_is_told)
{
    struct party *v = party_new(0, VIEWER), *s;
    uint8_t many[65 * FH_CLOUD_ADDRESS_LEN] = {0}, bad[FH_CLOUD_ADDRESS_LEN] = {0xff};

    ck_assert_int_eq(fh_cloud_client_watch(v->c, w.now, w.ends[SERVER].address, 1), 0);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_PEER_STATE], 1);
    ck_assert(!v->last[FH_CLOUD_EV_PEER_STATE].peer_state.is_online);
    s = party_new(1, SERVER);
    ck_assert(v->last[FH_CLOUD_EV_PEER_STATE].peer_state.is_online);
    party_end(s);
    settle();
    ck_assert(!v->last[FH_CLOUD_EV_PEER_STATE].peer_state.is_online);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_PEER_STATE], 3);
    hang_up(v);
    fh_cloud_client_lost(v->c, w.now, FH_CLOUD_E_RESET);
    run_for(10001);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_PEER_STATE], 4); /* asked again */
    ck_assert_int_eq(fh_cloud_client_watch(v->c, w.now, many, 65), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_cloud_client_watch(v->c, w.now, bad, 1), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_cloud_client_watch(v->c, w.now, NULL, 0), 0);
    party_new(1, SERVER);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_PEER_STATE], 4);
}
END_TEST

/* ---- the log ----------------------------------------------------------------------------------
 */

START_TEST(a_checkpoint_is_kept_and_grows)
{
    struct party *v = party_new(0, VIEWER), *s;
    size_t first;

    ck_assert(is_online(v));
    ck_assert_uint_ge(v->events[FH_CLOUD_EV_CHECKPOINT], 1);
    first = v->checkpoint_len;
    ck_assert_uint_gt(first, 0);
    s = party_new(1, SERVER); /* appends a leaf */
    s->accepts = true;
    ask(v, SERVER);
    settle();
    ck_assert_uint_ge(v->side->frames[FH_BROKER_LOG_CONSISTENCY], 1);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 1);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 1);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_INCOMING], 1);
    ck_assert_int_eq(say(v, v->asked, "it works"), 0);
    settle();
    ck_assert_str_eq(s->lines, "it works\n");
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_FORK], 0);
    /* What was kept serves the next run. */
    party_end(v);
    struct party *again = party_config(0, VIEWER);
    static uint8_t kept[FH_TLOG_MAX_CHECKPOINT];

    memcpy(kept, s->checkpoint, s->checkpoint_len);
    again->cfg.checkpoint = (char *)kept;
    again->cfg.checkpoint_len = s->checkpoint_len;
    party_start(again);
    settle();
    ck_assert(is_online(again));
    ck_assert_uint_eq(again->events[FH_CLOUD_EV_FORK], 0);
}
END_TEST

/* The answer about the log comes late: until then the application hears nothing of the peer. */
static struct fh_broker_frame asked_about;

static bool holds_back(struct model *m, struct model_side *from, const struct fh_broker_frame *f)
{
    (void)m;
    (void)from;
    if (f->type != FH_BROKER_LOG_CONSISTENCY)
        return false;
    asked_about = *f;
    return true;
}

START_TEST(a_peer_waits_for_the_log)
{
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);

    s->accepts = true;
    w.m.meddle = holds_back;
    ask(v, SERVER);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 0);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_INCOMING], 1); /* knew that checkpoint */
    ck_assert_int_eq(say(s, incoming(s), "early"), 0);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 0);
    ck_assert_int_eq(say(v, v->asked, "no"), FH_CLOUD_E_STATE);
    w.m.meddle = NULL;
    model_consistency(&w.m, v->side, &asked_about);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 1);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 1);
    ck_assert_str_eq(v->lines, "early\n");
}
END_TEST

START_TEST(an_answer_that_does_not_come_ends_it)
{
    struct party *v = party_new(0, VIEWER), *s = party_new(1, SERVER);

    s->accepts = true;
    w.m.meddle = holds_back;
    ask(v, SERVER);
    run_for(29000);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_OFFLINE], 0);
    run_for(2000);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_LOG);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 0);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_OFFLINE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cloud_client");
    TCase *t = tcase_create("client"), *log = tcase_create("log");
    SRunner *r = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, t);
    suite_add_tcase(suite, log);
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, world_finish);
    tcase_add_checked_fixture(log, set_up_log, world_finish);
    tcase_add_test(t, an_endpoint_enrols_and_signs_in_with_its_key_afterwards);
    tcase_add_test(t, it_stays_signed_in_over_lost_connections);
    tcase_add_test(t, a_wrong_password_is_final);
    tcase_add_test(t, an_address_that_is_bound_takes_no_other_identity);
    tcase_add_test(t, a_sign_in_is_of_one_tls_connection);
    tcase_add_test(t, another_seal_key_is_stated_anew);
    tcase_add_test(t, a_reset_password_enrols_again);
    tcase_add_test(t, the_newest_sign_in_wins_and_the_other_stays_away);
    tcase_add_test(t, a_signature_may_come_later_or_never);
    tcase_add_test(t, a_service_that_says_nothing_is_given_up);
    tcase_add_test(t, stopping_signs_out_and_starting_signs_in);
    tcase_add_test(t, a_clock_that_is_wrong_is_noticed);
    tcase_add_test(t, configs_that_cannot_be_are_refused);
    tcase_add_test(t, silence_is_filled_and_a_dead_connection_found);
    tcase_add_test(t, a_ping_of_the_service_is_answered);
    tcase_add_test(t, attempts_spread_and_slow_down);
    tcase_add_test(t, a_stable_connection_begins_anew);
    tcase_add_test(t, a_connection_that_does_not_last_counts_as_a_failure);
    tcase_add_test(t, it_waits_as_long_as_it_is_told);
    tcase_add_loop_test(t, a_service_that_restarts_for_ever_makes_no_busy_loop, 0, 2);
    tcase_add_test(t, nodes_are_walked_in_random_order);
    tcase_add_test(t, nodes_and_servers_that_it_is_told_of_are_used);
    tcase_add_test(t, two_ends_meet_and_speak);
    tcase_add_test(t, the_same_byte_by_byte);
    tcase_add_test(t, what_the_viewer_says_early_waits_for_the_answer);
    tcase_add_test(t, a_server_may_refuse);
    tcase_add_test(t, who_is_not_there_is_told_apart_from_nobody);
    tcase_add_test(t, nobody_is_waited_for_for_ever);
    tcase_add_test(t, a_lost_service_ends_what_it_had_to_do_with);
    tcase_add_test(t, a_role_that_was_not_granted_is_not_used);
    tcase_add_test(t, as_many_connections_as_were_asked_for);
    tcase_add_test(t, a_server_that_is_full_says_so);
    tcase_add_test(t, signals_have_their_limits);
    tcase_add_test(t, what_does_not_fit_is_refused_and_fits_later);
    tcase_add_test(t, coming_and_going_is_told);
    tcase_add_test(log, a_checkpoint_is_kept_and_grows);
    tcase_add_test(log, a_peer_waits_for_the_log);
    tcase_add_test(log, an_answer_that_does_not_come_ends_it);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
