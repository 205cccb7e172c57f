/* SPDX-License-Identifier: MIT */
/*
 * A service that lies, forgets the order of things, repeats itself and floods. Whatever it does,
 * client_world.h sees to it that no application is told of a peer that did not prove itself; here
 * is looked at how it ends.
 */
#include "client_world.h"

static struct party *v, *s;

static void set_up(void)
{
    world_init(false);
    v = party_new(0, VIEWER);
    s = party_new(1, SERVER);
    party_new(2, OTHER);
    s->accepts = true;
}

static void set_up_log(void)
{
    world_init(true);
    v = party_new(0, VIEWER);
    s = party_new(1, SERVER);
    party_new(2, OTHER);
    s->accepts = true;
}

static void not_told(void)
{
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 0);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 0);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_SIGNAL], 0);
}

/* ---- what is said about a peer ----------------------------------------------------------------
 */

static uint8_t forged[FH_CLOUD_STATEMENT_MAX];
static size_t forged_len;
static enum fh_broker_type forges;

static bool forge(struct model *m, struct model_side *to, struct fh_broker_frame *f)
{
    (void)m;
    (void)to;
    if (f->type == FH_BROKER_TARGET && forges == FH_BROKER_TARGET)
        f->target.statement = (struct fh_broker_bytes){forged, forged_len};
    if (f->type == FH_BROKER_INCOMING && forges == FH_BROKER_INCOMING)
        f->incoming.statement = (struct fh_broker_bytes){forged, forged_len};
    return true;
}

/* What a service may try in the place of a peer's statement. */
static void forge_statement(int how)
{
    struct endpoint fake = w.ends[SERVER];
    uint8_t seal[32] = {9};

    switch (how) {
    case 0: /* that of another endpoint, which is true */
        fake = w.ends[OTHER];
        break;
    case 1: /* another seal key */
        fh_seal_public(seal, fake.seal_key);
        memcpy(fake.statement + 20, fake.seal_key, 32);
        break;
    case 2: /* the peer's key, signed by another */
        memcpy(fake.statement + fake.statement_len - 256,
               w.ends[VIEWER].statement + w.ends[VIEWER].statement_len - 256, 256);
        break;
    default: /* a bit in the signature */
        fake.statement[fake.statement_len - 1] ^= 1;
        break;
    }
    memcpy(forged, fake.statement, fake.statement_len);
    forged_len = fake.statement_len;
}

START_TEST(a_viewer_is_told_of_whom_it_asked_for_or_of_nobody)
{
    forge_statement(_i);
    forges = FH_BROKER_TARGET;
    w.m.tamper = forge;
    ask(v, SERVER);
    settle();
    not_told();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_END], 1);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_AUTH);
    ck_assert(is_online(v));
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_END], 1); /* the viewer ended it */
}
END_TEST

START_TEST(a_server_is_told_who_asks_or_nothing)
{
    forge_statement(_i + 1);
    forges = FH_BROKER_INCOMING;
    w.m.tamper = forge;
    ask(v, SERVER);
    settle();
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_INCOMING], 0);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_END], 0);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 0);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_REFUSED);
}
END_TEST

/*
 * A statement for the right address by another key, which signed it itself. Nothing but the
 * fingerprint tells, which is what the application hears, and compares; or the log.
 */
static void swap_key(void)
{
    struct endpoint fake = w.ends[SERVER];

    fake.id = w.ends[OTHER].id;
    fake.spki = w.ends[OTHER].spki;
    fake.spki_len = w.ends[OTHER].spki_len;
    make_statement(&fake);
    memcpy(forged, fake.statement, fake.statement_len);
    forged_len = fake.statement_len;
    forges = FH_BROKER_TARGET;
    w.m.tamper = forge;
    w.has_swapped_key = true;
    ask(v, SERVER);
    settle();
}

START_TEST(a_swapped_key_is_told_as_what_it_is)
{
    uint8_t fp[FH_FINGERPRINT_LEN];

    swap_key();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 1);
    fh_fingerprint(w.ends[OTHER].spki, w.ends[OTHER].spki_len, fp);
    ck_assert_int_eq(memcmp(v->last[FH_CLOUD_EV_TARGET].conn_info.peer.fingerprint, fp, sizeof fp),
                     0);
}
END_TEST

START_TEST(a_swapped_key_is_not_in_the_log)
{
    swap_key();
    not_told();
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_LOG);
}
END_TEST

/* ---- what comes when --------------------------------------------------------------------------
 */

static void ends_the_connection(struct party *p)
{
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_HANG_UP], 1);
    ck_assert_uint_eq(p->events[FH_CLOUD_EV_OFFLINE], 1);
    ck_assert_int_eq(p->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_PROTO);
    run_for(20000);
    ck_assert(is_online(p)); /* and it tries again */
}

static struct fh_broker_frame target_for(uint32_t request, uint8_t id)
{
    struct fh_broker_frame f = {.type = FH_BROKER_TARGET};
    const struct model_endpoint *e = &w.m.ends[SERVER];

    f.target.request = request;
    memset(f.target.conn, id, sizeof f.target.conn);
    f.target.statement = (struct fh_broker_bytes){e->statement, e->statement_len};
    return f;
}

static struct fh_broker_frame grant_for(const struct fh_cloud_peer *peer, uint8_t mem[200])
{
    struct fh_broker_frame f = {.type = FH_BROKER_GRANT};

    memset(mem, 0, 200);
    memcpy(f.grant.conn, peer->session_ref, sizeof f.grant.conn);
    f.grant.grant.cloud_secret = mem;
    f.grant.grant.packet_secret = mem;
    f.grant.grant.ticket.p = mem;
    return f;
}

START_TEST(a_target_that_was_not_asked_for_is_ended)
{
    struct fh_broker_frame f = target_for(77, 1);

    model_send(&w.m, v->side, &f);
    settle();
    not_told();
    ck_assert_uint_eq(v->side->frames[FH_BROKER_END], 1);
    ck_assert(is_online(v));
}
END_TEST

START_TEST(a_target_that_was_given_up_is_ended)
{
    struct fh_broker_frame f;
    uint32_t conn;

    w.m.meddle = NULL;
    conn = ask(v, SERVER);
    fh_cloud_client_end(v->c, w.now, conn, FH_BROKER_GONE);
    settle();
    not_told();
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_END], 1);
    f = target_for(conn, 1);
    model_send(&w.m, v->side, &f);
    settle();
    not_told();
}
END_TEST

START_TEST(a_second_target_ends_the_connection)
{
    struct fh_broker_frame f;

    ask(v, SERVER);
    settle();
    f = target_for(v->asked, 1);
    model_send(&w.m, v->side, &f);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 1);
    ends_the_connection(v);
}
END_TEST

/* A conn that stands is offered for another request. */
START_TEST(a_conn_is_not_two_connections)
{
    struct fh_broker_frame f;
    uint32_t first;

    first = ask(v, SERVER);
    settle();
    w.m.meddle = NULL;
    model_error(&w.m, v->side, FH_BROKER_E_BUSY, 0xffffffff, 0); /* nobody's */
    ck_assert_int_eq(fh_cloud_client_connect(v->c, w.now, w.ends[SERVER].address, &v->asked), 0);
    ck_assert_uint_ne(first, v->asked);
    f = target_for(v->asked, 1);
    memcpy(f.target.conn, v->last[FH_CLOUD_EV_TARGET].conn_info.peer.session_ref, 16);
    model_send(&w.m, v->side, &f);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_TARGET], 1);
    ends_the_connection(v);
}
END_TEST

START_TEST(the_same_caller_twice_on_one_conn_ends_the_connection)
{
    struct fh_broker_frame f = {.type = FH_BROKER_INCOMING};
    const struct model_endpoint *e = &w.m.ends[OTHER];
    uint8_t mem[200] = {0};

    f.incoming.statement = (struct fh_broker_bytes){e->statement, e->statement_len};
    f.incoming.grant.cloud_secret = f.incoming.grant.packet_secret = f.incoming.grant.ticket.p =
        mem;
    model_send(&w.m, s->side, &f);
    settle();
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_INCOMING], 1);
    model_send(&w.m, s->side, &f);
    settle();
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_INCOMING], 1);
    ends_the_connection(s);
}
END_TEST

START_TEST(grants_that_are_not_due)
{
    struct fh_broker_frame f;
    struct fh_cloud_peer nobody = {.session_ref = {1}};
    uint8_t mem[200];

    f = grant_for(&nobody, mem); /* of no conn: ignored */
    model_send(&w.m, v->side, &f);
    settle();
    ck_assert(is_online(v));
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 0);
    ask(v, SERVER);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 1);
    f = grant_for(&v->last[FH_CLOUD_EV_TARGET].conn_info.peer, mem); /* a second one */
    model_send(&w.m, v->side, &f);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 1);
    ends_the_connection(v);
    f = grant_for(&s->last[FH_CLOUD_EV_INCOMING].conn_info.peer, mem); /* to the server */
    model_send(&w.m, s->side, &f);
    settle();
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_GRANT], 0);
    ends_the_connection(s);
}
END_TEST

START_TEST(a_renewal_before_the_grant_ends_the_connection)
{
    struct fh_broker_frame f;
    uint8_t mem[200];

    s->accepts = false;
    ask(v, SERVER);
    settle();
    f = grant_for(&v->last[FH_CLOUD_EV_TARGET].conn_info.peer, mem);
    f.type = FH_BROKER_RENEWED;
    model_send(&w.m, v->side, &f);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_RENEWED], 0);
    ends_the_connection(v);
}
END_TEST

/* Every type of frame that a service can say, before it has welcomed anybody. */
static const enum fh_broker_type early[] = {
    FH_BROKER_WELCOME, FH_BROKER_TARGET, FH_BROKER_INCOMING,   FH_BROKER_GRANT,
    FH_BROKER_SIGNAL,  FH_BROKER_END,    FH_BROKER_PEER_STATE, FH_BROKER_LOG_CONSISTENT,
    FH_BROKER_RENEWED, FH_BROKER_HELLO /* stands for a second CHALLENGE */
};
static int early_at;
static size_t early_row;

static void fill_early(struct fh_broker_frame *f)
{
    static uint8_t mem[200];
    const struct model_endpoint *e = &w.m.ends[SERVER];

    memset(f, 0, sizeof *f);
    f->type = early[early_row];
    switch (f->type) {
    case FH_BROKER_TARGET:
        f->target.statement = (struct fh_broker_bytes){e->statement, e->statement_len};
        break;
    case FH_BROKER_INCOMING:
        f->incoming.statement = (struct fh_broker_bytes){e->statement, e->statement_len};
        f->incoming.grant.cloud_secret = f->incoming.grant.packet_secret =
            f->incoming.grant.ticket.p = mem;
        break;
    case FH_BROKER_GRANT:
    case FH_BROKER_RENEWED:
        f->grant.grant.cloud_secret = f->grant.grant.packet_secret = f->grant.grant.ticket.p = mem;
        break;
    case FH_BROKER_SIGNAL:
        f->signal.sealed = (struct fh_broker_bytes){mem, 40};
        break;
    case FH_BROKER_LOG_CONSISTENT:
        f->log.hashes = mem;
        break;
    case FH_BROKER_HELLO:
        f->type = FH_BROKER_CHALLENGE;
        f->challenge.checkpoint.p = "";
        break;
    default:
        break;
    }
}

/* In the place of CHALLENGE (0) or of WELCOME (1). */
static bool too_early(struct model *m, struct model_side *to, struct fh_broker_frame *f)
{
    (void)m;
    (void)to;
    if (f->type != (early_at == 0 ? FH_BROKER_CHALLENGE : FH_BROKER_WELCOME))
        return true;
    fill_early(f);
    return true;
}

START_TEST(nothing_is_taken_before_its_time)
{
    early_at = _i % 2;
    early_row = (size_t)_i / 2;
    if ((early_at == 0 && early[early_row] == FH_BROKER_HELLO) ||
        (early_at == 1 && early[early_row] == FH_BROKER_WELCOME))
        return; /* those are due */
    hang_up(v);
    fh_cloud_client_lost(v->c, w.now, FH_CLOUD_E_RESET);
    w.m.tamper = too_early;
    run_for(12000);
    ck_assert(!is_online(v));
    not_told();
    ck_assert_uint_ge(v->events[FH_CLOUD_EV_HANG_UP], 1);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_PROTO);
}
END_TEST

START_TEST(a_second_welcome_or_challenge_ends_the_connection)
{
    struct fh_broker_frame f = {.type = _i ? FH_BROKER_WELCOME : FH_BROKER_CHALLENGE};

    f.challenge.checkpoint.p = "";
    if (_i)
        memset(&f.welcome, 0, sizeof f.welcome);
    model_send(&w.m, v->side, &f);
    settle();
    ends_the_connection(v);
}
END_TEST

/* ---- signals ----------------------------------------------------------------------------------
 */

static struct fh_broker_frame kept;
static uint8_t kept_bytes[FH_BROKER_SIGNAL_MAX];
static int trick, seen;

static bool with_signals(struct model *m, struct model_side *to, struct fh_broker_frame *f)
{
    static uint8_t changed[FH_BROKER_SIGNAL_MAX];

    if (f->type != FH_BROKER_SIGNAL)
        return true;
    seen++;
    memcpy(changed, f->signal.sealed.p, f->signal.sealed.len);
    switch (trick) {
    case 0: /* drops the first */
        return seen != 1;
    case 1: /* repeats it */
        if (seen == 1) {
            memcpy(kept_bytes, f->signal.sealed.p, f->signal.sealed.len);
            kept = *f;
            kept.signal.sealed.p = kept_bytes;
        } else {
            *f = kept;
        }
        return true;
    case 2: /* changes a bit */
        changed[f->signal.sealed.len - 1] ^= 1;
        f->signal.sealed.p = changed;
        return true;
    case 3: /* sends it back where it came from */
        if (to == v->side) {
            *f = kept;
            return true;
        }
        memcpy(kept_bytes, f->signal.sealed.p, f->signal.sealed.len);
        kept = *f;
        kept.signal.sealed.p = kept_bytes;
        (void)m;
        return false;
    case 4: /* cuts it short */
        f->signal.sealed.len -= 16;
        return true;
    default: /* makes one up */
        memset(changed + 8, 0x55, f->signal.sealed.len - 8);
        f->signal.sealed.p = changed;
        return true;
    }
}

START_TEST(signals_that_were_meddled_with_end_it)
{
    struct party *hears = _i == 3 ? v : s;

    trick = _i;
    seen = 0;
    ask(v, SERVER);
    settle();
    w.m.tamper = with_signals;
    ck_assert_int_eq(say(v, v->asked, "one"), 0);
    ck_assert_int_eq(say(v, v->asked, "two"), 0);
    settle();
    if (trick == 3) {
        ck_assert_int_eq(say(s, incoming(s), "back"), 0);
        settle();
    }
    ck_assert_int_eq(hears->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_AUTH);
    ck_assert_str_eq(hears->lines, trick == 1 ? "one\n" : "");
    ck_assert(is_online(hears));
    if (trick != 3)
        ck_assert_uint_eq(v->events[FH_CLOUD_EV_END], 1);
}
END_TEST

static uint8_t sealed[2][FH_BROKER_SIGNAL_MAX];

static bool keeps_signals(struct model *m, struct model_side *to, struct fh_broker_frame *f)
{
    (void)m;
    (void)to;
    if (f->type == FH_BROKER_SIGNAL)
        memcpy(sealed[seen++ % 2], f->signal.sealed.p, f->signal.sealed.len);
    return true;
}

/* One after the other, so that nobody need notice. The same text is sealed anew all the same. */
START_TEST(a_conn_that_is_used_again_gives_nothing_away)
{
    uint32_t again = w.m.seed;
    uint8_t id[FH_CLOUD_CONN_LEN];
    size_t same = 0;

    seen = 0;
    w.m.tamper = keeps_signals;
    for (int i = 0; i < 2; i++) {
        w.m.seed = again;
        ask(v, SERVER);
        settle();
        ck_assert_int_eq(say(v, v->asked, "one"), 0);
        settle();
        if (i == 0)
            memcpy(id, s->last[FH_CLOUD_EV_INCOMING].conn_info.peer.session_ref, sizeof id);
        ck_assert_int_eq(
            memcmp(id, s->last[FH_CLOUD_EV_INCOMING].conn_info.peer.session_ref, sizeof id), 0);
        fh_cloud_client_end(v->c, w.now, v->asked, FH_BROKER_GONE);
        settle();
    }
    ck_assert_int_eq(seen, 2);
    ck_assert_str_eq(s->lines, "one\none\n");
    for (size_t i = FH_SEAL_NUMBER_LEN; i < FH_SEAL_OVERHEAD + FH_CLOUD_SIGNAL_STEP; i++)
        same += sealed[0][i] == sealed[1][i];
    ck_assert_uint_lt(same, 20); /* of 284, by chance */
}
END_TEST

/* Two connections; what belongs to one is given to the other. */
static uint8_t other_id[FH_CLOUD_CONN_LEN];

static bool crosses(struct model *m, struct model_side *to, struct fh_broker_frame *f)
{
    (void)m;
    (void)to;
    if (f->type == FH_BROKER_SIGNAL)
        memcpy(f->signal.conn, other_id, sizeof other_id);
    return true;
}

START_TEST(signals_of_another_connection_are_not_taken_for_this_one)
{
    uint32_t first = ask(v, SERVER);

    settle();
    ask(v, SERVER);
    settle();
    memcpy(other_id, v->last[FH_CLOUD_EV_TARGET].conn_info.peer.session_ref, sizeof other_id);
    w.m.tamper = crosses;
    ck_assert_int_eq(say(v, first, "of the first"), 0);
    settle();
    ck_assert_str_eq(s->lines, "");
    ck_assert_int_eq(s->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_AUTH);
}
END_TEST

/* ---- floods -----------------------------------------------------------------------------------
 */

START_TEST(pings_without_end_cost_nothing_but_their_answers)
{
    struct fh_broker_frame f = {.type = FH_BROKER_PING};
    size_t queued;

    v->is_deaf = true; /* nothing leaves */
    for (int i = 0; i < 20000; i++)
        model_send(&w.m, v->side, &f);
    settle();
    ck_assert_ptr_nonnull(fh_cloud_client_out(v->c, &queued));
    ck_assert_uint_le(queued, 64 << 10);
    ck_assert_uint_gt(v->side->out_len, 100000); /* the rest was not taken */
    v->is_deaf = false;
    settle();
    ck_assert_uint_eq(v->side->frames[FH_BROKER_PONG], 20000);
    ck_assert(is_online(v));
}
END_TEST

START_TEST(callers_without_end_are_answered_with_busy)
{
    struct fh_broker_frame f = {.type = FH_BROKER_INCOMING};
    const struct model_endpoint *e = &w.m.ends[OTHER];
    uint8_t mem[200] = {0};

    s->accepts = false;
    f.incoming.statement = (struct fh_broker_bytes){e->statement, e->statement_len};
    f.incoming.grant.cloud_secret = f.incoming.grant.packet_secret = f.incoming.grant.ticket.p =
        mem;
    for (int i = 0; i < 100; i++) {
        memset(f.incoming.conn, i, sizeof f.incoming.conn);
        model_send(&w.m, s->side, &f);
    }
    settle();
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_INCOMING], FH_CLOUD_CONNS_DEFAULT);
    ck_assert_uint_eq(s->side->frames[FH_BROKER_END], 100 - FH_CLOUD_CONNS_DEFAULT);
    run_for(61000);
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_END], FH_CLOUD_CONNS_DEFAULT);
}
END_TEST

/* For a server that has not answered: more than is promised, and more than is kept. */
START_TEST(signals_without_end_end_their_connection_only)
{
    static uint8_t junk[FH_BROKER_SIGNAL_MAX];
    struct fh_broker_frame f = {.type = FH_BROKER_SIGNAL};
    uint32_t first;

    s->accepts = false;
    ask(v, SERVER);
    settle();
    first = incoming(s);
    memcpy(f.signal.conn, s->last[FH_CLOUD_EV_INCOMING].conn_info.peer.session_ref, 16);
    f.signal.sealed = (struct fh_broker_bytes){junk, 12000};
    for (int i = 0; i < 10; i++)
        model_send(&w.m, s->side, &f);
    settle();
    ck_assert_uint_eq(s->last[FH_CLOUD_EV_END].conn, first);
    ck_assert(is_online(s));
    ask(v, SERVER);
    settle();
    ck_assert_int_eq(fh_cloud_client_accept(s->c, w.now, incoming(s)), 0);
    memcpy(f.signal.conn, v->last[FH_CLOUD_EV_TARGET].conn_info.peer.session_ref, 16);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 1);
    for (int i = 0; i < 65; i++) {
        ck_assert_int_eq(say(v, v->asked, "x"), i < 64 ? 0 : FH_CLOUD_E_RESOURCES);
        settle();
    }
    ck_assert_uint_eq(s->events[FH_CLOUD_EV_SIGNAL], 64);
    f.signal.sealed.len = 100; /* the service adds a 65th */
    memcpy(f.signal.conn, s->last[FH_CLOUD_EV_INCOMING].conn_info.peer.session_ref, 16);
    model_send(&w.m, s->side, &f);
    settle();
    ck_assert_int_eq(s->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_PROTO);
}
END_TEST

/* ---- bytes ------------------------------------------------------------------------------------
 */

START_TEST(bytes_that_are_no_frames_end_the_connection)
{
    static const uint8_t rows[][8] = {
        {5, 1, 0, 8},          /* flags */
        {0, 0, 0, 0},          /* no type */
        {8, 0, 0xff, 0xff},    /* longer than may be */
        {1, 0, 0, 4, 1, 2, 3}, /* what only a client says */
        {13, 0, 0, 1, 9},      /* shorter than it must be */
        {200, 0, 0xff, 0xff},  /* unknown and long */
    };

    model_send_raw(v->side, rows[_i], sizeof rows[_i]);
    settle();
    ends_the_connection(v);
}
END_TEST

START_TEST(what_is_not_known_is_ignored)
{
    uint8_t frame[1004] = {77, 0, 3, 0xe8};

    model_send_raw(v->side, frame, sizeof frame);
    settle();
    ck_assert(is_online(v));
    ask(v, SERVER);
    settle();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_GRANT], 1);
}
END_TEST

/* Frames of good form with anything in them, at any time. */
static void random_frame(struct party *p, uint32_t *seed)
{
    static uint8_t bytes[FH_BROKER_FRAME_MAX];
    uint8_t r[8];
    size_t len;

    fixed_random(seed, r, sizeof r);
    len = r[1] % 4 == 0 ? (size_t)(r[2] << 8 | r[3]) % 3000 : r[2];
    fixed_random(seed, bytes, len + 4);
    bytes[0] = r[0] % 24;
    bytes[1] = 0;
    bytes[2] = (uint8_t)(len >> 8);
    bytes[3] = (uint8_t)len;
    if (r[4] % 2) /* of a conn that there is */
        memcpy(bytes + 4,
               p->last[r[4] % 4 == 1 ? FH_CLOUD_EV_INCOMING : FH_CLOUD_EV_TARGET]
                   .conn_info.peer.session_ref,
               len < 16 ? len : 16);
    if (p->side && p->side->out_len + len + 4 < MODEL_ROOM)
        model_send_raw(p->side, bytes, len + 4);
}

START_TEST(anything_at_any_time_is_survived)
{
    uint32_t seed = 7000000 + 100000 * (uint32_t)_i;

    for (int i = 0; i < 300; i++) {
        struct party *p = i % 2 ? v : s;

        if (is_online(v) && i % 7 == 0 &&
            fh_cloud_client_connect(v->c, w.now, w.ends[SERVER].address, &v->asked) == 0) {
            memcpy(v->asked_for, w.ends[SERVER].address, sizeof v->asked_for);
            settle();
        }
        random_frame(p, &seed);
        run_for(i % 5 == 0 ? 3000 : 1);
    }
    w.m.tamper = NULL;
    run_for(UINT64_C(310000));
    ck_assert(is_online(v) && is_online(s));
}
END_TEST

/* ---- the log ----------------------------------------------------------------------------------
 */

static int log_trick;
static struct model twin; /* another history, signed with the same key */

static bool with_log(struct model *m, struct model_side *to, struct fh_broker_frame *f)
{
    static uint8_t bytes[FH_TLOG_MAX_PROOF_LEN];

    (void)to;
    if (f->type == FH_BROKER_LOG_CONSISTENT && log_trick == 3)
        f->log.hashes_len = 0;
    if (f->type == FH_BROKER_LOG_CONSISTENT && log_trick == 4)
        f->log.new_size++;
    if (f->type != FH_BROKER_TARGET)
        return true;
    if (log_trick == 0) /* none */
        f->target.log_proof.len = 0;
    if (log_trick == 1) /* of another's leaf */
        f->target.log_proof = model_proof(m, m->ends[OTHER].leaf, bytes);
    if (log_trick == 2) { /* a bit of it */
        memcpy(bytes, f->target.log_proof.p, f->target.log_proof.len);
        bytes[60] ^= 1;
        f->target.log_proof.p = bytes;
    }
    if (log_trick == 5) /* true in a history that only the viewer is shown */
        f->target.log_proof = model_proof(&twin, twin.leaves_len - 1, bytes);
    return true;
}

START_TEST(a_peer_that_the_log_does_not_have_is_not_told)
{
    log_trick = _i;
    w.m.tamper = with_log;
    ask(v, SERVER);
    settle();
    not_told();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_END], 1);
    if (_i < 3)
        ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_LOG);
    if (_i == 3) {
        ck_assert_uint_eq(v->events[FH_CLOUD_EV_FORK], 1);
        ck_assert_int_eq(v->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_FORK);
        ck_assert(v->last[FH_CLOUD_EV_OFFLINE].offline.retry_ms == UINT64_MAX);
    }
    if (_i == 4)
        ck_assert_int_eq(v->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_PROTO);
}
END_TEST

/* The same number of leaves as the viewer has seen, and others. */
static void make_twin(size_t leaves)
{
    struct fh_cloud_statement st;

    model_init(&twin, w.ends, ENDS, true);
    twin.seed = 900000;
    while (twin.leaves_len + 1 < leaves) {
        memset(&st, 0x33, sizeof st);
        model_append(&twin, &st);
    }
    ck_assert_int_eq(
        fh_cloud_statement_parse(w.m.ends[SERVER].statement, w.m.ends[SERVER].statement_len, &st),
        0);
    model_append(&twin, &st);
}

START_TEST(a_split_view_is_a_fork_and_final)
{
    make_twin(_i ? w.m.leaves_len : w.m.leaves_len + 2);
    log_trick = 5;
    ask(v, SERVER);
    settle(); /* now it has the newest checkpoint */
    fh_cloud_client_end(v->c, w.now, v->asked, FH_BROKER_GONE);
    settle();
    memset(v->events, 0, sizeof v->events);
    w.m.tamper = with_log;
    w.m.leaves_len += _i ? 0 : 2; /* so that the question is answered, from leaves of zeros */
    ask(v, SERVER);
    settle();
    not_told();
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_FORK], 1);
    ck_assert_uint_gt(v->last[FH_CLOUD_EV_FORK].fork.kept.len, 0);
    ck_assert_uint_gt(v->last[FH_CLOUD_EV_FORK].fork.seen.len, 0);
    ck_assert_int_eq(v->last[FH_CLOUD_EV_END].end.error, FH_CLOUD_E_FORK);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_HANG_UP], 1);
    run_for(3600000);
    ck_assert_uint_eq(v->events[FH_CLOUD_EV_DIAL], 0);
}
END_TEST

static bool without_log(struct model *m, struct model_side *to, struct fh_broker_frame *f)
{
    (void)m;
    (void)to;
    if (f->type == FH_BROKER_CHALLENGE && log_trick == 0)
        f->challenge.checkpoint.len = 0;
    if (f->type == FH_BROKER_WELCOME && log_trick == 1)
        f->welcome.log_proof.len = 0;
    return true;
}

START_TEST(a_cloud_that_has_lost_its_log_is_not_used)
{
    hang_up(v);
    fh_cloud_client_lost(v->c, w.now, FH_CLOUD_E_RESET);
    log_trick = _i;
    w.m.tamper = without_log;
    run_for(15000);
    ck_assert(!is_online(v));
    ck_assert_int_eq(v->last[FH_CLOUD_EV_OFFLINE].offline.error, FH_CLOUD_E_LOG);
}
END_TEST

START_TEST(an_answer_about_the_log_that_nobody_asked_for_ends_the_connection)
{
    struct fh_broker_frame f = {.type = FH_BROKER_LOG_CONSISTENT};

    f.log.hashes = (const uint8_t *)"";
    settle();
    model_send(&w.m, v->side, &f);
    settle();
    ends_the_connection(v);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cloud_client_hostile");
    TCase *t = tcase_create("service"), *log = tcase_create("log");
    SRunner *r = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, t);
    suite_add_tcase(suite, log);
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, world_finish);
    tcase_add_checked_fixture(log, set_up_log, world_finish);
    tcase_add_loop_test(t, a_viewer_is_told_of_whom_it_asked_for_or_of_nobody, 0, 4);
    tcase_add_loop_test(t, a_server_is_told_who_asks_or_nothing, 0, 3);
    tcase_add_test(t, a_swapped_key_is_told_as_what_it_is);
    tcase_add_test(log, a_swapped_key_is_not_in_the_log);
    tcase_add_test(t, a_target_that_was_not_asked_for_is_ended);
    tcase_add_test(t, a_target_that_was_given_up_is_ended);
    tcase_add_test(t, a_second_target_ends_the_connection);
    tcase_add_test(t, a_conn_is_not_two_connections);
    tcase_add_test(t, the_same_caller_twice_on_one_conn_ends_the_connection);
    tcase_add_test(t, grants_that_are_not_due);
    tcase_add_test(t, a_renewal_before_the_grant_ends_the_connection);
    tcase_add_loop_test(t, nothing_is_taken_before_its_time, 0, 2 * (int)ARRAY_LEN(early));
    tcase_add_loop_test(t, a_second_welcome_or_challenge_ends_the_connection, 0, 2);
    tcase_add_loop_test(t, signals_that_were_meddled_with_end_it, 0, 6);
    tcase_add_test(t, a_conn_that_is_used_again_gives_nothing_away);
    tcase_add_test(t, signals_of_another_connection_are_not_taken_for_this_one);
    tcase_add_test(t, pings_without_end_cost_nothing_but_their_answers);
    tcase_add_test(t, callers_without_end_are_answered_with_busy);
    tcase_add_test(t, signals_without_end_end_their_connection_only);
    tcase_add_loop_test(t, bytes_that_are_no_frames_end_the_connection, 0, 6);
    tcase_add_test(t, what_is_not_known_is_ignored);
    tcase_add_loop_test(t, anything_at_any_time_is_survived, 0, 8);
    tcase_add_loop_test(log, a_peer_that_the_log_does_not_have_is_not_told, 0, 5);
    tcase_add_loop_test(log, a_split_view_is_a_fork_and_final, 0, 2);
    tcase_add_loop_test(log, a_cloud_that_has_lost_its_log_is_not_used, 0, 2);
    tcase_add_test(log, an_answer_about_the_log_that_nobody_asked_for_ends_the_connection);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
