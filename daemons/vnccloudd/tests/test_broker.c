/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem, mallinfo2 */
/* The broker: signing in, being put in touch, and who breaks the rules. */
#include <check.h>
#include <malloc.h>
#include <stdio.h>

#include "../src/signin.c"
#include "../src/turn.h"
#include "broker_world.h"

enum { ALL = FH_BROKER_LISTEN | FH_BROKER_CONNECTS | FH_BROKER_WATCHES };

static struct endpoint ends[ENDS];
static struct conn viewer, server, other;
static struct fh_broker_frame f;

static void begin(void)
{
    for (int i = 0; i < ENDS; i++)
        make_endpoint(&ends[i], (enum end)i);
    world_start(true);
    memset(&viewer, 0, sizeof viewer);
    memset(&server, 0, sizeof server);
    memset(&other, 0, sizeof other);
}

static void end(void)
{
    struct conn *conns[] = {&viewer, &server, &other};

    for (size_t i = 0; i < ARRAY_LEN(conns); i++)
        if (conns[i]->client)
            conn_close(conns[i]);
    world_end();
    for (int i = 0; i < ENDS; i++)
        free_endpoint(&ends[i]);
}

static void sign_in(struct conn *c, const struct endpoint *e, enum fh_broker_method method,
                    uint8_t roles)
{
    conn_open(c, "192.0.2.1");
    conn_hello(c, e->address, roles);
    conn_auth(c, e, method);
    world_run();
}

/* With WELCOME. */
static void be_in(struct conn *c, const struct endpoint *e)
{
    sign_in(c, e, FH_BROKER_KEY, ALL);
    ck_assert_int_eq(conn_next(c, &f), FH_BROKER_WELCOME);
}

static void expect_error(struct conn *c, int code, uint32_t request)
{
    ck_assert_int_eq(conn_next(c, &f), FH_BROKER_ERROR);
    ck_assert_int_eq(f.error.code, code);
    ck_assert_uint_eq(f.error.request, request);
    ck_assert(c->is_closed == (request == 0));
}

static void expect_nothing(struct conn *c)
{
    ck_assert_int_eq(conn_next(c, &f), FH_BROKER_UNKNOWN);
}

/* ---- signing in ---- */

START_TEST(a_key_signs_in)
{
    world_add(&ends[VIEWER], true);
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, ALL | 0x80);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_WELCOME);
    ck_assert_uint_eq(f.welcome.roles, ALL);
    ck_assert_uint_ge(f.welcome.interval_ms, 40000);
    ck_assert_uint_le(f.welcome.interval_ms, 60000);
    ck_assert_uint_eq(f.welcome.time_ms, world.utc);
    ck_assert_uint_eq(f.welcome.nodes_len, 1);
    ck_assert_uint_eq(f.welcome.stun[0].port, 3478);
    ck_assert_uint_eq(f.welcome.signal_bytes, 20000);
    ck_assert_uint_gt(f.welcome.log_proof.len, 0);
    ck_assert(viewer.is_signed_in);
    ck_assert_uint_eq(world.seen, 1);
    ck_assert_uint_eq(world.appends, 0);
    ck_assert_ptr_null(viewer.client->sign_in);
}
END_TEST

START_TEST(the_first_sign_in_binds_and_is_logged_first)
{
    struct fh__endpoint *e = world_add(&ends[VIEWER], false);

    conn_open(&viewer, "192.0.2.1");
    conn_hello(&viewer, ends[VIEWER].address, ALL);
    ck_assert_uint_gt(viewer.challenge_len, 4 + 32 + 8 + 2);
    conn_auth(&viewer, &ends[VIEWER], FH_BROKER_ENROL);
    world_run();
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_WELCOME);
    ck_assert_uint_eq(world.appends, 1);
    ck_assert(e->has_log && e->log_index == 7 && e->log_salt[0] == 0x55);
    ck_assert_uint_eq(e->binding_len, ends[VIEWER].statement_len);
    ck_assert_uint_eq(e->version, 2);
    conn_close(&viewer);
    be_in(&viewer, &ends[VIEWER]);
    /* The same again is fine, and changes nothing. */
    conn_close(&viewer);
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_ENROL, ALL);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_WELCOME);
    ck_assert_uint_eq(e->version, 2);
}
END_TEST

/* The store is asked once, whatever happens. */
START_TEST(signing_in_again_asks_nobody_and_writes_nothing)
{
    world_add(&ends[VIEWER], true);
    be_in(&viewer, &ends[VIEWER]);
    for (int i = 0; i < 5; i++) {
        conn_close(&viewer);
        be_in(&viewer, &ends[VIEWER]);
    }
    ck_assert_uint_eq(world.gets, 1);
    ck_assert_ptr_null(world.first);
}
END_TEST

static void wrong_password(void)
{
    world_add(&ends[VIEWER], false);
    ends[VIEWER].password[3] ^= 1;
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_ENROL, ALL);
}

static void used_password(void)
{
    world_add(&ends[VIEWER], false)->has_password = false;
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_ENROL, ALL);
}

static void another_identity(void)
{
    struct endpoint thief = ends[OTHER];

    world_add(&ends[VIEWER], true);
    memcpy(thief.address, ends[VIEWER].address, sizeof thief.address);
    memcpy(thief.password, ends[VIEWER].password, sizeof thief.password);
    make_statement(&thief);
    sign_in(&viewer, &thief, FH_BROKER_ENROL, ALL);
}

static void statement_of_another_address(void)
{
    struct endpoint e = ends[OTHER];

    world_add(&ends[VIEWER], false);
    memcpy(e.address, ends[VIEWER].address, sizeof e.address);
    memcpy(e.password, ends[VIEWER].password, sizeof e.password);
    sign_in(&viewer, &e, FH_BROKER_ENROL, ALL);
}

static void statement_that_is_forged(void)
{
    world_add(&ends[VIEWER], false);
    ends[VIEWER].statement[15] ^= 1;
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_ENROL, ALL);
}

static void not_enrolled(void)
{
    world_add(&ends[VIEWER], false);
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, ALL);
}

static void unknown_address(void)
{
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, ALL);
}

static void another_key(void)
{
    struct endpoint thief = ends[OTHER];

    world_add(&ends[VIEWER], true);
    memcpy(thief.address, ends[VIEWER].address, sizeof thief.address);
    sign_in(&viewer, &thief, FH_BROKER_KEY, ALL);
}

static void rebind_by_another(void)
{
    struct endpoint thief = ends[OTHER];

    world_add(&ends[VIEWER], true);
    memcpy(thief.address, ends[VIEWER].address, sizeof thief.address);
    make_statement(&thief);
    sign_in(&viewer, &thief, FH_BROKER_REBIND, ALL);
}

/* Another TLS connection: somebody stands between. */
static void another_connection(void)
{
    world_add(&ends[VIEWER], true);
    conn_open(&viewer, "192.0.2.1");
    conn_hello(&viewer, ends[VIEWER].address, ALL);
    viewer.binding[0] ^= 1;
    conn_auth(&viewer, &ends[VIEWER], FH_BROKER_KEY);
    world_run();
}

static void another_challenge(void)
{
    world_add(&ends[VIEWER], true);
    conn_open(&viewer, "192.0.2.1");
    conn_hello(&viewer, ends[VIEWER].address, ALL);
    viewer.challenge[10] ^= 1;
    conn_auth(&viewer, &ends[VIEWER], FH_BROKER_KEY);
    world_run();
}

static void roles_changed_on_the_way(void)
{
    world_add(&ends[VIEWER], true);
    conn_open(&viewer, "192.0.2.1");
    conn_hello(&viewer, ends[VIEWER].address, ALL);
    viewer.hello[4 + 32 + 12] ^= 1;
    conn_auth(&viewer, &ends[VIEWER], FH_BROKER_KEY);
    world_run();
}

static void account_disabled(void)
{
    world_add(&ends[VIEWER], true)->account_disabled = true;
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, ALL);
}

static void no_such_roles(void)
{
    world_add(&ends[VIEWER], true)->roles = FH_BROKER_LISTEN;
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, FH_BROKER_CONNECTS);
}

static void (*const refusals[])(void) = {
    wrong_password,           used_password,      another_identity,  statement_of_another_address,
    statement_that_is_forged, not_enrolled,       unknown_address,   another_key,
    rebind_by_another,        another_connection, another_challenge, roles_changed_on_the_way,
    account_disabled,         no_such_roles,
};

/* All look the same, and take as long. */
START_TEST(who_proves_nothing_is_refused)
{
    struct fh__endpoint *e;
    uint64_t version;

    refusals[_i]();
    e = world_find(ends[VIEWER].address);
    version = e ? e->version : 1;
    expect_nothing(&viewer);
    ck_assert(!viewer.is_closed);
    world_pass(FH__REFUSE_MS - FH__WHEEL_TICK);
    expect_nothing(&viewer);
    world_pass(2 * FH__WHEEL_TICK);
    expect_error(&viewer, FH_BROKER_E_SIGN_IN, 0);
    ck_assert_uint_eq(f.error.retry_after_ms, 0);
    ck_assert(!viewer.is_signed_in);
    ck_assert_uint_eq(fh__presence_count(world.presence), 0);
    ck_assert_uint_eq(world.appends, 0);
    ck_assert_uint_eq(version, 1);
    ck_assert_uint_eq(fh__gcra_occupied(&world.broker->failure, world.now), 1);
}
END_TEST

START_TEST(another_statement_of_the_same_identity_replaces_it)
{
    struct fh__endpoint *e = world_add(&ends[VIEWER], true);

    ends[VIEWER].seal_secret[0] ^= 9;
    fh_seal_public(ends[VIEWER].seal_secret, ends[VIEWER].seal_key);
    make_statement(&ends[VIEWER]);
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_REBIND, ALL);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_WELCOME);
    ck_assert_uint_eq(world.appends, 1);
    ck_assert_mem_eq(e->binding, ends[VIEWER].statement, e->binding_len);
}
END_TEST

START_TEST(who_only_signs_it_again_adds_nothing_to_the_log)
{
    struct fh__endpoint *e = world_add(&ends[VIEWER], true);
    struct endpoint *o = &ends[VIEWER];
    uint8_t digest[32], sig[FH_SIGNATURE_MAX];
    int len = fh_cloud_statement_begin(o->address, world.utc + 1000, o->seal_key, o->spki,
                                       o->spki_len, o->statement, digest);
    size_t sig_len = sign_for(o, FH_IDENTITY_CLOUD_BINDING, digest, sig);

    len = fh_cloud_statement_end(o->statement, (size_t)len, sig, sig_len);
    ck_assert_uint_eq(len, o->statement_len);
    ck_assert_mem_ne(e->binding, o->statement, e->binding_len);
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_REBIND, ALL);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_WELCOME);
    ck_assert_uint_eq(world.appends, 0);
    ck_assert_uint_eq(e->version, 1);
}
END_TEST

START_TEST(an_address_has_its_time)
{
    struct fh__endpoint *e = world_add(&ends[VIEWER], true);

    e->expires_ms = world.utc + 60000;
    be_in(&viewer, &ends[VIEWER]);
    for (int i = 0; i < 5; i++) {
        world_pass(10000);
        f.type = FH_BROKER_PING;
        conn_say(&viewer, &f);
        ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_PONG);
    }
    world_pass(10020);
    expect_error(&viewer, FH_BROKER_E_EXPIRED, 0);
    conn_close(&viewer);
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, ALL);
    world_pass(FH__REFUSE_MS + 20);
    expect_error(&viewer, FH_BROKER_E_EXPIRED, 0);
}
END_TEST

START_TEST(the_newest_sign_in_wins)
{
    struct conn second;

    world_add(&ends[VIEWER], true);
    be_in(&viewer, &ends[VIEWER]);
    be_in(&second, &ends[VIEWER]);
    expect_error(&viewer, FH_BROKER_E_REPLACED, 0);
    ck_assert(!second.is_closed);
    ck_assert_ptr_eq(fh__broker_find(world.broker, ends[VIEWER].address), second.client);
    conn_close(&viewer);
    ck_assert_ptr_eq(fh__broker_find(world.broker, ends[VIEWER].address), second.client);
    conn_close(&second);
    ck_assert_ptr_null(fh__broker_find(world.broker, ends[VIEWER].address));
}
END_TEST

START_TEST(who_fails_too_often_waits)
{
    world_add(&ends[VIEWER], true);
    for (int i = 0; i < 4; i++) {
        conn_open(&viewer, "192.0.2.1");
        conn_hello(&viewer, ends[VIEWER].address, ALL);
        viewer.binding[0] ^= 1;
        conn_auth(&viewer, &ends[VIEWER], FH_BROKER_KEY);
        world_pass(FH__REFUSE_MS + 20);
        expect_error(&viewer, FH_BROKER_E_SIGN_IN, 0);
        conn_close(&viewer);
    }
    /* Four at this address: even the right key is not looked at, from here. */
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, ALL);
    world_pass(FH__REFUSE_MS + 20);
    expect_error(&viewer, FH_BROKER_E_TOO_OFTEN, 0);
    ck_assert_uint_gt(f.error.retry_after_ms, 0);
    conn_close(&viewer);
    conn_open(&viewer, "198.51.100.7");
    conn_hello(&viewer, ends[VIEWER].address, ALL);
    conn_auth(&viewer, &ends[VIEWER], FH_BROKER_KEY);
    world_run();
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_WELCOME);
    conn_close(&viewer);
    /* A fifth at another one, and nobody is heard from there. */
    sign_in(&viewer, &ends[OTHER], FH_BROKER_KEY, ALL);
    world_pass(FH__REFUSE_MS + 20);
    conn_close(&viewer);
    conn_open(&viewer, "192.0.2.1");
    conn_hello(&viewer, ends[SERVER].address, ALL);
    world_pass(FH__REFUSE_MS + 20);
    expect_error(&viewer, FH_BROKER_E_TOO_OFTEN, 0);
    conn_close(&viewer);
    world_pass(60000);
    be_in(&viewer, &ends[VIEWER]);
}
END_TEST

START_TEST(a_store_that_cannot_answer_is_no_refusal)
{
    world_add(&ends[VIEWER], true);
    world.broken = FH__STORE_E_IO;
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, ALL);
    world_pass(FH__REFUSE_MS + 20);
    expect_error(&viewer, FH_BROKER_E_BUSY, 0);
    ck_assert_uint_gt(f.error.retry_after_ms, 0);
    ck_assert_uint_eq(fh__gcra_occupied(&world.broker->failure, world.now), 0);
}
END_TEST

START_TEST(a_full_house_has_room_for_who_is_in_already)
{
    struct conn again;

    world.cfg.max_clients = 1;
    fh__broker_configure(world.broker, &world.cfg);
    world_add(&ends[VIEWER], true);
    world_add(&ends[OTHER], true);
    be_in(&viewer, &ends[VIEWER]);
    sign_in(&other, &ends[OTHER], FH_BROKER_KEY, ALL);
    world_pass(FH__REFUSE_MS + 20);
    expect_error(&other, FH_BROKER_E_BUSY, 0);
    be_in(&again, &ends[VIEWER]);
    conn_close(&again);
}
END_TEST

/* ---- being put in touch ---- */

static void both_in(void)
{
    world_add(&ends[VIEWER], true);
    world_add(&ends[SERVER], true);
    be_in(&viewer, &ends[VIEWER]);
    be_in(&server, &ends[SERVER]);
}

static void ask(struct conn *c, const struct endpoint *target, uint32_t request)
{
    struct fh_broker_frame q = {.type = FH_BROKER_CONNECT};

    q.connect.request = request;
    memcpy(q.connect.target, target->address, sizeof q.connect.target);
    conn_say(c, &q);
    world_run();
}

static void say_conn(struct conn *c, enum fh_broker_type type, const uint8_t *conn)
{
    struct fh_broker_frame q = {.type = type};

    memcpy(q.conn.conn, conn, sizeof q.conn.conn);
    if (type == FH_BROKER_END) {
        memcpy(q.end.conn, conn, sizeof q.end.conn);
        q.end.reason = FH_BROKER_REFUSED;
    }
    conn_say(c, &q);
    world_run();
}

static void say_signal(struct conn *c, const uint8_t *conn, size_t len)
{
    static uint8_t sealed[FH_BROKER_SIGNAL_MAX];
    struct fh_broker_frame q = {.type = FH_BROKER_SIGNAL};

    memset(sealed, 0xa5, sizeof sealed);
    memcpy(q.signal.conn, conn, sizeof q.signal.conn);
    q.signal.sealed = (struct fh_broker_bytes){sealed, len};
    conn_say(c, &q);
}

/* Asked and told; the name of it. */
static void meet(uint8_t conn[FH_CLOUD_CONN_LEN])
{
    ask(&viewer, &ends[SERVER], 5);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_TARGET);
    memcpy(conn, f.target.conn, FH_CLOUD_CONN_LEN);
    ck_assert_int_eq(conn_next(&server, &f), FH_BROKER_INCOMING);
    ck_assert_mem_eq(f.incoming.conn, conn, FH_CLOUD_CONN_LEN);
}

static void expect_end(struct conn *c, const uint8_t *conn, int reason)
{
    ck_assert_int_eq(conn_next(c, &f), FH_BROKER_END);
    ck_assert_mem_eq(f.end.conn, conn, FH_CLOUD_CONN_LEN);
    ck_assert_int_eq(f.end.reason, reason);
}

START_TEST(two_are_put_in_touch)
{
    static const uint8_t zeros[32];
    uint8_t conn[FH_CLOUD_CONN_LEN], secret[32], packet[32], ticket[86];

    both_in();
    ask(&viewer, &ends[SERVER], 5);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_TARGET);
    ck_assert_uint_eq(f.target.request, 5);
    memcpy(conn, f.target.conn, sizeof conn);
    ck_assert_mem_eq(f.target.statement.p, ends[SERVER].statement, ends[SERVER].statement_len);
    ck_assert_uint_gt(f.target.log_proof.len, 0);
    ck_assert_int_eq(conn_next(&server, &f), FH_BROKER_INCOMING);
    ck_assert_mem_eq(f.incoming.conn, conn, sizeof conn);
    ck_assert_mem_eq(f.incoming.statement.p, ends[VIEWER].statement, ends[VIEWER].statement_len);
    memcpy(secret, f.incoming.grant.cloud_secret, sizeof secret);
    memcpy(packet, f.incoming.grant.packet_secret, sizeof packet);
    memcpy(ticket, f.incoming.grant.ticket.p, sizeof ticket);
    ck_assert_mem_ne(secret, zeros, sizeof secret);
    ck_assert_mem_ne(secret, packet, sizeof secret);
    ck_assert_int_eq(ticket[1], 1);
    ck_assert_uint_eq(f.incoming.grant.relays_len, 1);
    ck_assert_uint_eq(f.incoming.grant.expires_ms, world.utc + 60000);

    say_signal(&viewer, conn, 100);
    ck_assert_int_eq(conn_next(&server, &f), FH_BROKER_SIGNAL);
    ck_assert_uint_eq(f.signal.sealed.len, 100);
    expect_nothing(&viewer);

    say_conn(&server, FH_BROKER_ACCEPT, conn);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_GRANT);
    ck_assert_mem_eq(f.grant.conn, conn, sizeof conn);
    ck_assert_mem_eq(f.grant.grant.cloud_secret, secret, sizeof secret);
    ck_assert_mem_eq(f.grant.grant.packet_secret, packet, sizeof packet);
    ck_assert_int_eq(f.grant.grant.ticket.p[1], 0);
    ck_assert_ptr_null(viewer.client->meetings->secrets);

    /* What is in the broker's own buffer is gone. */
    ck_assert_ptr_null(memmem(world.broker->out, sizeof world.broker->out, secret, sizeof secret));

    say_signal(&server, conn, FH_SEAL_OVERHEAD);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_SIGNAL);
    say_conn(&viewer, FH_BROKER_RENEW, conn);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_RENEWED);
    ck_assert_mem_eq(f.grant.grant.cloud_secret, zeros, sizeof zeros);
    ck_assert_int_eq(f.grant.grant.ticket.p[1], 0);
    ck_assert_int_eq(conn_next(&server, &f), FH_BROKER_RENEWED);
    ck_assert_int_eq(f.grant.grant.ticket.p[1], 1);

    say_conn(&server, FH_BROKER_END, conn);
    expect_end(&viewer, conn, FH_BROKER_REFUSED);
    say_signal(&viewer, conn, FH_SEAL_OVERHEAD);
    say_conn(&viewer, FH_BROKER_END, conn);
    expect_nothing(&server);
    say_conn(&viewer, FH_BROKER_RENEW, conn);
    expect_end(&viewer, conn, FH_BROKER_GONE);
    ck_assert_uint_eq(viewer.client->n_meetings, 0);
    ck_assert_uint_eq(world.broker->meetings.used, 0);
}
END_TEST

START_TEST(turn_credentials_are_in_the_grant)
{
    struct fh__turn_credentials expected;
    uint8_t name[16], conn[FH_CLOUD_CONN_LEN];

    world.cfg.turn[0] = text_of("turn:turn.example:3478?transport=udp");
    world.cfg.turn_len = 1;
    memcpy(world.cfg.turn_secret, "north", 5);
    world.cfg.turn_secret_len = 5;
    world.cfg.turn_lifetime_s = 3600;
    fh__broker_configure(world.broker, &world.cfg);
    both_in();
    meet(conn);
    ck_assert_uint_eq(f.incoming.grant.turn_len, 1);
    ck_assert_uint_eq(f.incoming.grant.turn[0].user.len, 43);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(sscanf(f.incoming.grant.turn[0].user.p + 11 + 2 * i, "%2hhx", &name[i]),
                         1);
    ck_assert_int_eq(
        fh__turn_credentials((const uint8_t *)"north", 5, world.utc / 1000 + 3600, name, &expected),
        0);
    ck_assert_mem_eq(f.incoming.grant.turn[0].user.p, expected.user, 43);
    ck_assert_mem_eq(f.incoming.grant.turn[0].password.p, expected.password, 28);
}
END_TEST

START_TEST(strangers_to_a_conn_have_no_part_in_it)
{
    uint8_t conn[FH_CLOUD_CONN_LEN];

    world_add(&ends[OTHER], true);
    both_in();
    be_in(&other, &ends[OTHER]);
    meet(conn);
    say_signal(&other, conn, FH_SEAL_OVERHEAD);
    say_conn(&other, FH_BROKER_ACCEPT, conn);
    say_conn(&other, FH_BROKER_END, conn);
    /* Nor does the viewer accept for the server. */
    say_conn(&viewer, FH_BROKER_ACCEPT, conn);
    expect_nothing(&server);
    expect_nothing(&viewer);
    expect_nothing(&other);
    say_conn(&server, FH_BROKER_ACCEPT, conn);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_GRANT);
    say_conn(&server, FH_BROKER_ACCEPT, conn);
    expect_nothing(&viewer);
}
END_TEST

static void names(struct fh__names *l, const char *name)
{
    ck_assert_int_eq(fh__names_add(l, name, strlen(name)), 0);
}

START_TEST(groups_are_told_and_say_who_may)
{
    struct fh__endpoint *v = world_add(&ends[VIEWER], true), *s = world_add(&ends[SERVER], true);

    names(&v->groups, "staff");
    names(&v->groups, "night");
    s->has_acl = true;
    names(&s->allow_groups, "night");
    be_in(&viewer, &ends[VIEWER]);
    be_in(&server, &ends[SERVER]);
    ask(&viewer, &ends[SERVER], 1);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_TARGET);
    ck_assert_int_eq(conn_next(&server, &f), FH_BROKER_INCOMING);
    ck_assert_uint_eq(f.incoming.groups_len, 2);
    ck_assert_mem_eq(f.incoming.groups[1].p, "night", 5);
    fh__names_clear(&s->allow_groups);
    names(&s->allow_groups, "day");
    fh__broker_changed(world.broker, s->address);
    world_run();
    ask(&viewer, &ends[SERVER], 2);
    expect_error(&viewer, FH_BROKER_E_NO_ADDRESS, 2);
    expect_nothing(&server);
}
END_TEST

enum case_of {
    UNKNOWN,
    FOREIGN,
    NOT_LISTENING,
    NOT_BOUND,
    EXPIRED,
    USED_UP,
    OFFLINE,
    ITSELF,
    NO_ROLE,
    OWN_USED_UP,
    CASES
};

static const int codes[CASES] = {
    [UNKNOWN] = FH_BROKER_E_NO_ADDRESS,       [FOREIGN] = FH_BROKER_E_NO_ADDRESS,
    [NOT_LISTENING] = FH_BROKER_E_NO_ADDRESS, [NOT_BOUND] = FH_BROKER_E_NO_ADDRESS,
    [EXPIRED] = FH_BROKER_E_NO_ADDRESS,       [USED_UP] = FH_BROKER_E_NO_ADDRESS,
    [OFFLINE] = FH_BROKER_E_ABSENT,           [ITSELF] = FH_BROKER_E_ABSENT,
    [NO_ROLE] = FH_BROKER_E_POLICY,           [OWN_USED_UP] = FH_BROKER_E_POLICY,
};

/* Without a difference between what is not there and what is not for the asker to know. */
START_TEST(who_may_not_learns_nothing)
{
    struct fh__endpoint *v = world_add(&ends[VIEWER], true);
    struct fh__endpoint *s = _i == UNKNOWN ? NULL : world_add(&ends[SERVER], _i != NOT_BOUND);

    if (_i == FOREIGN)
        s->account[0] = 2;
    if (_i == NOT_LISTENING)
        s->roles = FH_BROKER_CONNECTS;
    if (_i == EXPIRED)
        s->expires_ms = world.utc - 1;
    if (_i == USED_UP)
        s->uses_left = 0;
    if (_i == NO_ROLE)
        v->roles = FH_BROKER_LISTEN;
    if (_i == OWN_USED_UP)
        v->uses_left = 0;
    be_in(&viewer, &ends[VIEWER]);
    if (_i == FOREIGN || _i == NO_ROLE || _i == USED_UP || _i == OWN_USED_UP)
        be_in(&server, &ends[SERVER]);
    ask(&viewer, &ends[_i == ITSELF ? VIEWER : SERVER], 9);
    expect_error(&viewer, codes[_i], 9);
    if (codes[_i] == FH_BROKER_E_NO_ADDRESS)
        ck_assert_uint_eq(fh__gcra_occupied(&world.broker->unknown, world.now), 1);
    if (server.client)
        expect_nothing(&server);
    /* And goes on. */
    ask(&viewer, &ends[OTHER], 10);
    expect_error(&viewer, _i == NO_ROLE ? FH_BROKER_E_POLICY : FH_BROKER_E_NO_ADDRESS, 10);
}
END_TEST

START_TEST(trying_addresses_ends_soon)
{
    both_in();
    for (uint32_t i = 1; i <= 5; i++) {
        ask(&viewer, &ends[OTHER], i);
        expect_error(&viewer, FH_BROKER_E_NO_ADDRESS, i);
    }
    ask(&viewer, &ends[SERVER], 6);
    expect_error(&viewer, FH_BROKER_E_TOO_OFTEN, 6);
    ck_assert_uint_gt(f.error.retry_after_ms, 0);
    world_pass(f.error.retry_after_ms);
    ask(&viewer, &ends[SERVER], 7);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_TARGET);
}
END_TEST

START_TEST(asking_has_a_rate_and_a_number_at_a_time)
{
    uint8_t conn[FH_CLOUD_CONN_LEN];
    int i;

    both_in();
    for (i = 0; i < 4; i++)
        meet(conn);
    ask(&viewer, &ends[SERVER], 8);
    expect_error(&viewer, FH_BROKER_E_BUSY, 8);
    for (i = 5; i < 20; i++) {
        say_conn(&server, FH_BROKER_END, conn);
        expect_end(&viewer, conn, FH_BROKER_REFUSED);
        meet(conn);
    }
    say_conn(&server, FH_BROKER_END, conn);
    expect_end(&viewer, conn, FH_BROKER_REFUSED);
    ask(&viewer, &ends[SERVER], 9);
    expect_error(&viewer, FH_BROKER_E_TOO_OFTEN, 9);
}
END_TEST

START_TEST(uses_are_counted_when_it_is_accepted)
{
    struct fh__endpoint *v = world_add(&ends[VIEWER], true), *s = world_add(&ends[SERVER], true);
    uint8_t conn[FH_CLOUD_CONN_LEN];

    v->uses_left = 5;
    s->uses_left = 2;
    be_in(&viewer, &ends[VIEWER]);
    be_in(&server, &ends[SERVER]);
    meet(conn);
    ck_assert_int_eq((int)s->uses_left, 2);
    say_conn(&server, FH_BROKER_ACCEPT, conn);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_GRANT);
    ck_assert_int_eq((int)s->uses_left, 1);
    ck_assert_int_eq((int)v->uses_left, 4);
    /* Somebody else was faster. */
    meet(conn);
    s->uses_left = 0;
    say_conn(&server, FH_BROKER_ACCEPT, conn);
    expect_end(&viewer, conn, FH_BROKER_POLICY);
    expect_end(&server, conn, FH_BROKER_POLICY);
    ask(&viewer, &ends[SERVER], 6);
    expect_error(&viewer, FH_BROKER_E_NO_ADDRESS, 6);
}
END_TEST

START_TEST(a_use_that_is_counted_too_late_harms_nobody)
{
    struct fh__endpoint *s;
    uint8_t conn[FH_CLOUD_CONN_LEN];
    struct fh_broker_frame q = {.type = FH_BROKER_ACCEPT};

    world_add(&ends[VIEWER], true);
    s = world_add(&ends[SERVER], true);
    s->uses_left = 2;
    be_in(&viewer, &ends[VIEWER]);
    be_in(&server, &ends[SERVER]);
    meet(conn);
    memcpy(q.conn.conn, conn, sizeof conn);
    conn_say(&server, &q);
    conn_close(&viewer);
    expect_end(&server, conn, FH_BROKER_GONE);
    world_run();
    ck_assert_int_eq((int)s->uses_left, 1);
    expect_nothing(&server);
}
END_TEST

START_TEST(signals_have_a_measure)
{
    uint8_t conn[FH_CLOUD_CONN_LEN];

    both_in();
    meet(conn);
    for (int i = 0; i < 64; i++) {
        say_signal(&viewer, conn, FH_SEAL_OVERHEAD);
        ck_assert_int_eq(conn_next(&server, &f), FH_BROKER_SIGNAL);
    }
    say_signal(&viewer, conn, FH_SEAL_OVERHEAD);
    expect_end(&server, conn, FH_BROKER_POLICY);
    expect_end(&viewer, conn, FH_BROKER_POLICY);
    meet(conn);
    say_signal(&server, conn, 12000);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_SIGNAL);
    say_signal(&server, conn, 8001);
    expect_end(&viewer, conn, FH_BROKER_POLICY);
}
END_TEST

START_TEST(who_goes_ends_what_was_not_accepted)
{
    uint8_t offered[FH_CLOUD_CONN_LEN], accepted[FH_CLOUD_CONN_LEN];

    both_in();
    meet(accepted);
    say_conn(&server, FH_BROKER_ACCEPT, accepted);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_GRANT);
    meet(offered);
    conn_close(&server);
    expect_end(&viewer, offered, FH_BROKER_GONE);
    expect_nothing(&viewer);
    ck_assert_uint_eq(viewer.client->n_meetings, 0);
}
END_TEST

START_TEST(an_offer_that_nobody_answers_ends)
{
    uint8_t conn[FH_CLOUD_CONN_LEN];

    both_in();
    meet(conn);
    world_pass(59000);
    expect_nothing(&viewer);
    world_pass(1020);
    expect_end(&viewer, conn, FH_BROKER_TIMED_OUT);
    expect_end(&server, conn, FH_BROKER_TIMED_OUT);
}
END_TEST

START_TEST(who_has_no_room_ends_the_conn_not_the_client)
{
    uint8_t conn[FH_CLOUD_CONN_LEN];

    both_in();
    server.room = 0;
    ask(&viewer, &ends[SERVER], 3);
    expect_error(&viewer, FH_BROKER_E_BUSY, 3);
    ck_assert(!server.is_closed);
    server.room = 6000;
    meet(conn);
    server.room = server.len + 100;
    say_signal(&viewer, conn, 5000);
    expect_end(&viewer, conn, FH_BROKER_IS_BUSY);
    expect_end(&server, conn, FH_BROKER_IS_BUSY);
    /* Its own words it must take. */
    server.room = server.len;
    f = (struct fh_broker_frame){.type = FH_BROKER_PING};
    conn_say(&server, &f);
    ck_assert(server.is_closed);
}
END_TEST

/* ---- watching ---- */

static void watch(struct conn *c, const struct endpoint *who, size_t n)
{
    struct fh_broker_frame q = {.type = FH_BROKER_WATCH};
    static uint8_t list[FH_BROKER_WATCH_MAX * FH_CLOUD_ADDRESS_LEN];

    for (size_t i = 0; i < n; i++)
        memcpy(list + i * FH_CLOUD_ADDRESS_LEN, who[i].address, FH_CLOUD_ADDRESS_LEN);
    q.watch.addresses = list;
    q.watch.len = n;
    conn_say(c, &q);
    world_run();
}

static void expect_state(struct conn *c, const struct endpoint *who, bool is_online)
{
    ck_assert_int_eq(conn_next(c, &f), FH_BROKER_PEER_STATE);
    ck_assert_mem_eq(f.peer_state.address, who->address, FH_CLOUD_ADDRESS_LEN);
    ck_assert(f.peer_state.is_online == is_online);
}

START_TEST(who_may_know_is_told_who_comes_and_goes)
{
    struct conn second;
    struct fh__endpoint *s;

    world_add(&ends[VIEWER], true);
    s = world_add(&ends[SERVER], true);
    be_in(&viewer, &ends[VIEWER]);
    watch(&viewer, &ends[SERVER], 1);
    expect_state(&viewer, &ends[SERVER], false);
    be_in(&server, &ends[SERVER]);
    expect_state(&viewer, &ends[SERVER], true);
    /* Another connection of it: nothing to tell. */
    be_in(&second, &ends[SERVER]);
    conn_close(&server);
    expect_state(&viewer, &ends[SERVER], true);
    expect_nothing(&viewer);
    conn_close(&second);
    expect_state(&viewer, &ends[SERVER], false);
    /* It is forbidden meanwhile. */
    be_in(&server, &ends[SERVER]);
    expect_state(&viewer, &ends[SERVER], true);
    s->has_acl = true;
    fh__broker_changed(world.broker, s->address);
    world_run();
    expect_state(&viewer, &ends[SERVER], false);
    conn_close(&server);
    be_in(&server, &ends[SERVER]);
    expect_nothing(&viewer);
    ck_assert_uint_eq(world.broker->watches.used, 0);
    watch(&viewer, &ends[SERVER], 1);
    expect_nothing(&viewer);
}
END_TEST

START_TEST(who_may_not_watch_any_more_is_told_nothing)
{
    struct fh__endpoint *v = world_add(&ends[VIEWER], true);

    world_add(&ends[SERVER], true);
    be_in(&viewer, &ends[VIEWER]);
    watch(&viewer, &ends[SERVER], 1);
    expect_state(&viewer, &ends[SERVER], false);
    v->roles = FH_BROKER_LISTEN | FH_BROKER_CONNECTS;
    fh__broker_changed(world.broker, v->address);
    world_run();
    while (conn_next(&viewer, &f) != FH_BROKER_UNKNOWN)
        ;
    be_in(&server, &ends[SERVER]);
    expect_nothing(&viewer);
    ck_assert_uint_eq(world.broker->watches.used, 0);
}
END_TEST

START_TEST(watching_what_is_not_there_tells_nothing_and_is_counted)
{
    static struct endpoint many[FH_BROKER_WATCH_MAX];

    both_in();
    for (size_t i = 0; i < FH_BROKER_WATCH_MAX; i++) {
        memset(many[i].address, 1, sizeof many[i].address);
        many[i].address[11] = (uint8_t)i;
    }
    many[2] = ends[SERVER];
    world.gets = 0;
    watch(&viewer, many, FH_BROKER_WATCH_MAX);
    expect_state(&viewer, &ends[SERVER], true);
    expect_nothing(&viewer);
    ck_assert_uint_eq(world.gets, 5);
    ck_assert_int_eq(viewer.client->state, FH__READY);
    watch(&viewer, many, 0);
    ck_assert_uint_eq(world.broker->watches.used, 0);
}
END_TEST

/* ---- operators ---- */

START_TEST(what_is_changed_takes_effect_at_once)
{
    struct fh__endpoint *v = world_add(&ends[VIEWER], true);

    be_in(&viewer, &ends[VIEWER]);
    v->roles = FH_BROKER_LISTEN | FH_BROKER_CONNECTS;
    fh__broker_changed(world.broker, v->address);
    world_run();
    ck_assert(!viewer.is_closed);
    ck_assert_uint_eq(viewer.client->roles, FH_BROKER_LISTEN | FH_BROKER_CONNECTS);
    v->account_disabled = true;
    fh__broker_account_changed(world.broker, v->account);
    world_run();
    expect_error(&viewer, FH_BROKER_E_SIGN_IN, 0);
    conn_close(&viewer);
    v->account_disabled = false;
    fh__broker_changed(world.broker, v->address);
    be_in(&viewer, &ends[VIEWER]);
    /* Reset: whoever had it has it no more. */
    free(v->binding);
    v->binding = NULL;
    fh__broker_changed(world.broker, v->address);
    world_run();
    expect_error(&viewer, FH_BROKER_E_SIGN_IN, 0);
}
END_TEST

START_TEST(an_operator_disconnects)
{
    world_add(&ends[VIEWER], true);
    ck_assert(!fh__broker_disconnect(world.broker, ends[VIEWER].address));
    be_in(&viewer, &ends[VIEWER]);
    ck_assert(fh__broker_disconnect(world.broker, ends[VIEWER].address));
    expect_error(&viewer, FH_BROKER_E_BUSY, 0);
}
END_TEST

START_TEST(at_the_end_all_are_sent_away_to_come_back_at_different_times)
{
    both_in();
    fh__broker_drain(world.broker, 100000);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_RESTARTING);
    ck_assert_uint_lt(f.restarting.reconnect_in_ms, 100000);
    ck_assert_int_eq(conn_next(&server, &f), FH_BROKER_RESTARTING);
    ck_assert(viewer.is_closed && server.is_closed);
    conn_close(&viewer);
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, ALL);
    world_pass(FH__REFUSE_MS + 20);
    expect_error(&viewer, FH_BROKER_E_BUSY, 0);
}
END_TEST

/* ---- silence ---- */

START_TEST(who_is_silent_for_too_long_is_gone)
{
    uint32_t interval;

    world_add(&ends[VIEWER], true);
    sign_in(&viewer, &ends[VIEWER], FH_BROKER_KEY, ALL);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_WELCOME);
    interval = f.welcome.interval_ms;
    for (int i = 0; i < 6; i++) {
        world_pass(interval);
        f = (struct fh_broker_frame){.type = FH_BROKER_PING, .ping = {{1, 2, 3, 4, 5, 6, 7, 8}}};
        conn_say(&viewer, &f);
        ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_PONG);
        ck_assert_uint_eq(f.ping.data[7], 8);
    }
    world_pass((uint64_t)interval * 5 / 2 - FH__WHEEL_TICK);
    ck_assert(!viewer.is_closed);
    world_pass(2 * FH__WHEEL_TICK);
    ck_assert(viewer.is_closed);
    expect_nothing(&viewer);
}
END_TEST

START_TEST(who_does_not_sign_in_is_closed_after_ten_seconds)
{
    conn_open(&viewer, "192.0.2.1");
    if (_i)
        conn_hello(&viewer, ends[VIEWER].address, ALL);
    world_pass(9900);
    ck_assert(!viewer.is_closed);
    world_pass(120);
    ck_assert(viewer.is_closed);
}
END_TEST

/* ---- who breaks the protocol ---- */

static const struct fh_broker_frame said[] = {
    {.type = FH_BROKER_HELLO, .hello = {.roles = 1}},
    {.type = FH_BROKER_AUTH, .auth = {.method = FH_BROKER_KEY}},
    {.type = FH_BROKER_PING},
    {.type = FH_BROKER_PONG},
    {.type = FH_BROKER_CONNECT, .connect = {.request = 1}},
    {.type = FH_BROKER_ACCEPT},
    {.type = FH_BROKER_SIGNAL},
    {.type = FH_BROKER_END, .end = {.reason = 1}},
    {.type = FH_BROKER_WATCH},
    {.type = FH_BROKER_RENEW},
    {.type = FH_BROKER_LOG_CONSISTENCY, .log = {.old_size = 3, .new_size = 5}},
};

static size_t print_said(size_t i, uint8_t *out)
{
    static const uint8_t bytes[384];
    struct fh_broker_frame q = said[i];
    int len;

    if (q.type == FH_BROKER_AUTH)
        q.auth.signature = (struct fh_broker_bytes){bytes, sizeof bytes};
    if (q.type == FH_BROKER_SIGNAL)
        q.signal.sealed = (struct fh_broker_bytes){bytes, FH_SEAL_OVERHEAD};
    len = fh_broker_print(&q, out, FH_BROKER_FRAME_MAX);
    ck_assert_int_gt(len, 0);
    return (size_t)len;
}

/* Before HELLO, before AUTH, afterwards; whole, byte by byte, and all of it but the last byte. */
START_TEST(every_frame_at_every_time)
{
    uint8_t frame[FH_BROKER_FRAME_MAX];
    int stage = _i % 3;
    size_t len;

    world_add(&ends[VIEWER], true);
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        bool is_right = stage == 0   ? said[i].type == FH_BROKER_HELLO
                        : stage == 1 ? said[i].type == FH_BROKER_AUTH
                                     : said[i].type > FH_BROKER_AUTH;

        conn_open(&viewer, "192.0.2.1");
        if (stage > 0)
            conn_hello(&viewer, ends[VIEWER].address, ALL);
        if (stage > 1) {
            conn_auth(&viewer, &ends[VIEWER], FH_BROKER_KEY);
            world_run();
            ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_WELCOME);
        }
        len = print_said(i, frame);
        if (_i / 3 == 0)
            ck_assert_uint_eq(fh__client_input(viewer.client, frame, len), len);
        for (size_t at = 0; _i / 3 == 1 && at < len; at++)
            ck_assert_uint_eq(fh__client_input(viewer.client, frame + at, 1), 1);
        if (_i / 3 == 2)
            ck_assert_uint_eq(fh__client_input(viewer.client, frame, len - 1), len - 1);
        world_run();
        ck_assert(viewer.is_closed == !is_right);
        if (!is_right)
            expect_error(&viewer, FH_BROKER_E_PROTOCOL, 0);
        conn_close(&viewer);
        world_pass(60000);
    }
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
} nonsense[] = {
    {"\x01\x00\xff\xff", 4},                                   /* a HELLO that is too long */
    {"\x0c\x00\x30\x00", 4},                                   /* a long SIGNAL, before anything */
    {"\x01\x01\x00\x2e", 4},                                   /* flags */
    {"\x02\x00\x00\x2e", 4},                                   /* the service's */
    {"\x04\x00\x00\x2e", 4},         {"\x63\x00\x00\x01x", 5}, /* unknown */
    {"\x00\x00\x00\x00", 4},         {"GET / HTTP/1.1\r\n", 16},
    {"\x16\x03\x01\x02\x00\x01", 6}, {"\x01\x00\x00\x03xyz", 7},
};

START_TEST(nonsense_is_known_by_its_first_bytes)
{
    conn_open(&viewer, "192.0.2.1");
    ck_assert_uint_eq(
        fh__client_input(viewer.client, (const uint8_t *)nonsense[_i].bytes, nonsense[_i].len),
        nonsense[_i].len);
    expect_error(&viewer, FH_BROKER_E_PROTOCOL, 0);
    ck_assert_ptr_null(viewer.client->partial);
    /* Nothing of what follows is looked at. */
    ck_assert_uint_eq(fh__client_input(viewer.client, (const uint8_t *)"\x01\x00\x00\x00", 4), 4);
    expect_nothing(&viewer);
}
END_TEST

START_TEST(half_frames_are_bounded_in_all)
{
    static const uint8_t half[] = {FH_BROKER_SIGNAL, 0, 0x30, 0x00, 1};

    world_add(&ends[VIEWER], true);
    be_in(&viewer, &ends[VIEWER]);
    ck_assert_uint_eq(fh__client_input(viewer.client, half, sizeof half), sizeof half);
    ck_assert_uint_eq(world.broker->partial_bytes, 12288 + 4);
    conn_close(&viewer);
    ck_assert_uint_eq(world.broker->partial_bytes, 0);
    be_in(&viewer, &ends[VIEWER]);
    world.broker->partial_bytes = (64 << 20) - 100;
    (void)fh__client_input(viewer.client, half, sizeof half);
    expect_error(&viewer, FH_BROKER_E_BUSY, 0);
    ck_assert_uint_eq(world.broker->partial_bytes, (64 << 20) - 100);
}
END_TEST

START_TEST(the_log_answers)
{
    world_add(&ends[VIEWER], true);
    be_in(&viewer, &ends[VIEWER]);
    f = said[10];
    conn_say(&viewer, &f);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_LOG_CONSISTENT);
    ck_assert_uint_eq(f.log.new_size, 5);
    ck_assert_uint_eq(f.log.hashes_len, 1);
    f = said[10];
    f.log.new_size = 11;
    conn_say(&viewer, &f);
    expect_error(&viewer, FH_BROKER_E_PROTOCOL, 0);
}
END_TEST

/* Each costs us much and the client nothing. */
START_TEST(the_log_does_not_answer_without_end)
{
    world_add(&ends[VIEWER], true);
    be_in(&viewer, &ends[VIEWER]);
    for (int i = 0; i < 6; i++) {
        f = said[10];
        conn_say(&viewer, &f);
        ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_LOG_CONSISTENT);
    }
    f = said[10];
    conn_say(&viewer, &f);
    expect_error(&viewer, FH_BROKER_E_TOO_OFTEN, 0);
    ck_assert_uint_gt(f.error.retry_after_ms, 0);
    ck_assert(viewer.is_closed);
}
END_TEST

/* While something is looked up nothing more is taken, and what comes then is not lost. */
START_TEST(one_request_at_a_time)
{
    uint8_t frames[64];
    struct fh_broker_frame q = {.type = FH_BROKER_CONNECT, .connect = {.request = 1}};
    int len, ping;

    world_add(&ends[VIEWER], true);
    be_in(&viewer, &ends[VIEWER]);
    q.connect.target[3] = 1;
    len = fh_broker_print(&q, frames, sizeof frames);
    q = (struct fh_broker_frame){.type = FH_BROKER_PING};
    ping = fh_broker_print(&q, frames + len, sizeof frames - (size_t)len);
    ck_assert_uint_eq(fh__client_input(viewer.client, frames, (size_t)(len + ping)), (size_t)len);
    ck_assert_uint_eq(fh__client_input(viewer.client, frames + len, (size_t)ping), 0);
    viewer.ready = 0;
    world_run();
    ck_assert_uint_eq(viewer.ready, 1);
    expect_error(&viewer, FH_BROKER_E_NO_ADDRESS, 1);
    ck_assert_uint_eq(fh__client_input(viewer.client, frames + len, (size_t)ping), (size_t)ping);
    ck_assert_int_eq(conn_next(&viewer, &f), FH_BROKER_PONG);
}
END_TEST

/* Whoever goes while the store is asked, or the log, is not missed. */
START_TEST(who_goes_in_the_middle_of_anything_is_forgotten)
{
    struct fh_broker_frame q = {.type = FH_BROKER_CONNECT, .connect = {.request = 1}};

    world_add(&ends[VIEWER], _i > 1);
    conn_open(&viewer, "192.0.2.1");
    conn_hello(&viewer, ends[VIEWER].address, ALL);
    conn_auth(&viewer, &ends[VIEWER], _i > 1 ? FH_BROKER_KEY : FH_BROKER_ENROL);
    if (_i > 0 && _i < 3) {
        struct fh__store_call *call = world.first;

        world.first = NULL;
        world.last = &world.first;
        world_answer(call);
    } else if (_i == 3) {
        world_run();
        conn_say(&viewer, &q);
    }
    conn_close(&viewer);
    world_run();
    ck_assert_uint_eq(fh__presence_count(world.presence), 0);
    ck_assert_uint_eq(world.broker->clients, 0);
    ck_assert_uint_eq(world.broker->online, 0);
}
END_TEST

/* ---- many ---- */

/* As after a sign-in, without the time that proofs take. */
static void place(struct conn *c, const uint8_t *address, const struct fh__endpoint *e)
{
    memcpy(c->client->holder.address, address, FH__ADDRESS_LEN);
    c->client->sign_in->wants = ALL;
    c->client->state = FH__CHECKING;
    welcome(c->client, e);
}

START_TEST(a_client_at_rest_costs_little)
{
    enum { MANY = 100000 };
    const struct fh_address peer = {.family = FH_ADDRESS_IPV4, .ip = {192, 0, 2, 1}};
    static struct fh__client *clients[MANY];
    struct fh__endpoint *e = world_add(&ends[VIEWER], true);
    struct fh__broker_counters n;
    struct mallinfo2 before, after;
    size_t each;

    world.cfg.max_clients = MANY;
    fh__broker_configure(world.broker, &world.cfg);
    conn_open(&viewer, "192.0.2.1");
    viewer.room = SIZE_MAX;
    before = mallinfo2();
    for (uint32_t i = 0; i < MANY; i++) {
        uint8_t address[FH__ADDRESS_LEN] = {0};
        struct conn c = viewer;

        memcpy(address, &i, sizeof i);
        viewer.len = viewer.at = 0;
        clients[i] = c.client = fh__client_new(world.broker, &viewer, &peer, viewer.binding);
        place(&c, address, e);
        ck_assert_int_eq(clients[i]->state, FH__READY);
    }
    after = mallinfo2();
    each = (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / MANY;
    fh__broker_count(world.broker, &n);
    printf("%d clients: %zu bytes each (the struct: %zu)\n", MANY, each, sizeof(struct fh__client));
    ck_assert_uint_eq(n.online, MANY);
    if (each) /* not under a sanitizer, whose malloc tells nothing */
        ck_assert_uint_le(each, 320);
    /* An hour of their silence and words. */
    for (int round = 0; round < 3; round++) {
        world_pass(40000);
        for (uint32_t i = 0; i < MANY; i++)
            clients[i]->heard_ms = world.now;
    }
    ck_assert_uint_eq(world.broker->online, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        fh__client_gone(clients[i]);
        fh__client_free(clients[i]);
    }
    ck_assert_uint_eq(fh__presence_count(world.presence), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("broker");
    TCase *tc = tcase_create("broker");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_key_signs_in);
    tcase_add_test(tc, the_first_sign_in_binds_and_is_logged_first);
    tcase_add_test(tc, signing_in_again_asks_nobody_and_writes_nothing);
    tcase_add_loop_test(tc, who_proves_nothing_is_refused, 0, ARRAY_LEN(refusals));
    tcase_add_test(tc, another_statement_of_the_same_identity_replaces_it);
    tcase_add_test(tc, who_only_signs_it_again_adds_nothing_to_the_log);
    tcase_add_test(tc, an_address_has_its_time);
    tcase_add_test(tc, the_newest_sign_in_wins);
    tcase_add_test(tc, who_fails_too_often_waits);
    tcase_add_test(tc, a_store_that_cannot_answer_is_no_refusal);
    tcase_add_test(tc, a_full_house_has_room_for_who_is_in_already);
    tcase_add_test(tc, two_are_put_in_touch);
    tcase_add_test(tc, turn_credentials_are_in_the_grant);
    tcase_add_test(tc, strangers_to_a_conn_have_no_part_in_it);
    tcase_add_test(tc, groups_are_told_and_say_who_may);
    tcase_add_loop_test(tc, who_may_not_learns_nothing, 0, CASES);
    tcase_add_test(tc, trying_addresses_ends_soon);
    tcase_add_test(tc, asking_has_a_rate_and_a_number_at_a_time);
    tcase_add_test(tc, uses_are_counted_when_it_is_accepted);
    tcase_add_test(tc, a_use_that_is_counted_too_late_harms_nobody);
    tcase_add_test(tc, signals_have_a_measure);
    tcase_add_test(tc, who_goes_ends_what_was_not_accepted);
    tcase_add_test(tc, an_offer_that_nobody_answers_ends);
    tcase_add_test(tc, who_has_no_room_ends_the_conn_not_the_client);
    tcase_add_test(tc, who_may_know_is_told_who_comes_and_goes);
    tcase_add_test(tc, who_may_not_watch_any_more_is_told_nothing);
    tcase_add_test(tc, watching_what_is_not_there_tells_nothing_and_is_counted);
    tcase_add_test(tc, what_is_changed_takes_effect_at_once);
    tcase_add_test(tc, an_operator_disconnects);
    tcase_add_test(tc, at_the_end_all_are_sent_away_to_come_back_at_different_times);
    tcase_add_test(tc, who_is_silent_for_too_long_is_gone);
    tcase_add_loop_test(tc, who_does_not_sign_in_is_closed_after_ten_seconds, 0, 2);
    tcase_add_loop_test(tc, every_frame_at_every_time, 0, 9);
    tcase_add_loop_test(tc, nonsense_is_known_by_its_first_bytes, 0, ARRAY_LEN(nonsense));
    tcase_add_test(tc, half_frames_are_bounded_in_all);
    tcase_add_test(tc, the_log_answers);
    tcase_add_test(tc, the_log_does_not_answer_without_end);
    tcase_add_test(tc, one_request_at_a_time);
    tcase_add_loop_test(tc, who_goes_in_the_middle_of_anything_is_forgotten, 0, 4);
    tcase_add_test(tc, a_client_at_rest_costs_little);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
