/* SPDX-License-Identifier: MIT */
/* TLS over a wire in memory: byte by byte, meddled with, and against peers that are none. */
#define say record_say
#define hear record_hear
#include "../uv/tls_record.c"
#undef say
#undef hear

#include "tls_support.h"

static struct pki pki;
static struct fh_tls_context *server, *client;

static void setup(void)
{
    loop_setup();
    test_time = NOW;
    make_pki(&pki);
    server = server_of(&pki, NULL);
    client = client_of(&pki, NULL);
}

static void teardown(void)
{
    fh_tls_free(server);
    fh_tls_free(client);
    loop_teardown();
}

static const struct fh_tls_start_config by_name = {.name = "cloud.example"};
static const struct fh_tls_start_config nothing;

/* ---- a wire -----------------------------------------------------------------------------------
 */

struct wire {
    struct fh_pipe *pipe;
    struct tls_pair ends;
    size_t step;         /* bytes that cross at once */
    size_t seen[2];      /* bytes that crossed, by sender */
    int flip_from;       /* whose byte is flipped; -1: nobody's */
    size_t flip_at;      /* which */
    uint8_t flip;        /* how */
    uint8_t record[256]; /* the last bytes that end 0 sent */
    size_t record_len;
};

static size_t meddle(void *user, int from, const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
    struct wire *w = user;

    (void)room;
    memcpy(out, in, len);
    if (from == w->flip_from && w->flip_at >= w->seen[from] && w->flip_at < w->seen[from] + len)
        out[w->flip_at - w->seen[from]] ^= w->flip;
    w->seen[from] += len;
    if (from == 0 && len <= sizeof w->record) {
        memcpy(w->record, in, len);
        w->record_len = len;
    }
    return len;
}

static void open_wire(struct wire *w)
{
    struct fh_pipe_config cfg = {.meddle = meddle, .user = w};

    memset(w, 0, sizeof *w);
    w->flip_from = -1;
    w->step = SIZE_MAX;
    w->pipe = fh_pipe_new(&cfg);
    ck_assert_ptr_nonnull(w->pipe);
}

/* One round of the loop, and all that can cross. True if anything did. */
static bool turn(struct wire *w)
{
    bool any = false;

    uv_run(&loop, UV_RUN_NOWAIT);
    while (fh_pipe_step(w->pipe, w->step))
        any = true;
    return any;
}

#define TURN_UNTIL(w, condition)                                                                   \
    do {                                                                                           \
        while (!(condition))                                                                       \
            turn(w);                                                                               \
    } while (0)

static void start_both(struct wire *w, struct fh_tls_session *session)
{
    struct fh_tls_start_config cfg = {.name = "cloud.example", .session = session};

    start_end(&w->ends.client, client, fh_pipe_end(w->pipe, 0), &cfg);
    start_end(&w->ends.server, server, fh_pipe_end(w->pipe, 1), &nothing);
}

static void drop_end(struct wire *w, struct owner *o)
{
    if (!o->s)
        return;
    fh_stream_close(o->s, owner_closed, o);
    TURN_UNTIL(w, o->closed);
}

static void close_wire(struct wire *w)
{
    drop_end(w, &w->ends.client.owner);
    drop_end(w, &w->ends.server.owner);
    TURN_UNTIL(w, !uv_loop_alive(&loop));
    for (int i = 0; i < 10; i++)
        turn(w);
    fh_pipe_free(w->pipe);
}

START_TEST(byte_by_byte_is_as_good)
{
    static uint8_t big[20000];
    struct wire w;

    open_wire(&w);
    w.step = 1;
    start_both(&w, NULL);
    TURN_UNTIL(&w, w.ends.client.done && w.ends.server.done);
    ck_assert_int_eq(w.ends.client.error, 0);
    ck_assert_int_eq(w.ends.server.error, 0);
    ck_assert_int_eq(fh_stream_write(w.ends.client.s, big, sizeof big), (int)sizeof big);
    ck_assert_int_eq(fh_stream_write(w.ends.server.s, big, sizeof big), (int)sizeof big);
    fh_stream_shutdown(w.ends.client.s);
    TURN_UNTIL(&w, w.ends.server.owner.ends);
    TURN_UNTIL(&w, w.ends.client.owner.len == sizeof big);
    ck_assert_int_eq(w.ends.server.owner.error, 0);
    ck_assert_uint_eq(w.ends.server.owner.len, sizeof big);
    close_wire(&w);
}
END_TEST

/* How often the server spoke before the client could: so many round trips. */
static uint64_t round_trips(struct fh_tls_session *session)
{
    struct wire w;
    uint64_t trips;

    open_wire(&w);
    start_both(&w, session);
    TURN_UNTIL(&w, w.ends.client.done);
    trips = fh_pipe_flights(w.pipe, 1);
    TURN_UNTIL(&w, w.ends.server.done);
    ck_assert_int_eq(w.ends.client.error, 0);
    close_wire(&w);
    return trips;
}

START_TEST(a_handshake_takes_two_round_trips_and_one_to_resume)
{
    struct fh_tls_session *session = fh_tls_session_new();

    ck_assert_uint_eq(round_trips(session), 2);
    ck_assert_uint_eq(round_trips(session), 1);
    fh_tls_session_free(session);
}
END_TEST

/* ---- a man in the middle ----------------------------------------------------------------------
 */

/*
 * Whoever flips a bit of the handshake ends it. The version in a record's head is all that nobody
 * vouches for; what then stands is still one connection with the same keys at both ends.
 */
static bool survives(int from, size_t at, uint8_t flip)
{
    uint8_t a[32], b[32];
    struct wire w;
    bool open;

    open_wire(&w);
    w.flip_from = from;
    w.flip_at = at;
    w.flip = flip;
    start_both(&w, NULL);
    for (int idle = 0; idle < 10 && !w.ends.client.done;)
        idle = turn(&w) ? 0 : idle + 1;
    open = w.ends.client.done && w.ends.client.error == 0;
    if (open) {
        TURN_UNTIL(&w, w.ends.server.done);
        ck_assert_int_eq(w.ends.server.error, 0);
        ck_assert_int_eq(fh_tls_exporter(w.ends.client.s, "x", NULL, 0, a, 32), 0);
        ck_assert_int_eq(fh_tls_exporter(w.ends.server.s, "x", NULL, 0, b, 32), 0);
        ck_assert_mem_eq(a, b, 32);
    } else if (w.ends.server.s) {
        /* It thought all was well, until the client's alert. */
        TURN_UNTIL(&w, w.ends.server.owner.ends);
        ck_assert_int_ne(w.ends.server.owner.error, 0);
    }
    /* A length that grew: both wait for bytes that nobody sends. */
    fh_pipe_cut(w.pipe);
    TURN_UNTIL(&w, w.ends.client.done && w.ends.server.done);
    close_wire(&w);
    return open;
}

START_TEST(a_flipped_bit_ends_the_handshake)
{
    unsigned survived = 0, tried = 0;
    size_t len[2];
    struct wire w;

    open_wire(&w);
    start_both(&w, NULL);
    TURN_UNTIL(&w, w.ends.client.done && w.ends.server.done);
    memcpy(len, w.seen, sizeof len);
    close_wire(&w);
    for (int from = 0; from < 2; from++)
        for (size_t at = 0; at + 40 < len[from]; at += 1 + at / 16, tried++)
            survived += survives(from, at, (uint8_t)(1u << (at % 8)));
    ck_assert_uint_gt(tried, 60);
    /* The versions of the first few records. */
    ck_assert_uint_le(survived, 4);
}
END_TEST

START_TEST(a_record_that_was_seen_before_ends_it)
{
    struct wire w;

    open_wire(&w);
    start_both(&w, NULL);
    TURN_UNTIL(&w, w.ends.client.done && w.ends.server.done);
    say(&w.ends.client, "pay once");
    TURN_UNTIL(&w, w.ends.server.owner.len == 8);
    ck_assert_uint_eq(fh_pipe_inject(w.pipe, 0, w.record, w.record_len), w.record_len);
    TURN_UNTIL(&w, w.ends.server.owner.ends);
    ck_assert_int_eq(w.ends.server.owner.error, FH_TRANSPORT_E_PROTO);
    ck_assert_uint_eq(w.ends.server.owner.len, 8);
    ck_assert_int_eq(fh_stream_write(w.ends.server.s, (const uint8_t *)"x", 1),
                     FH_TRANSPORT_E_PROTO);
    close_wire(&w);
}
END_TEST

START_TEST(a_flipped_bit_of_data_ends_it)
{
    struct wire w;

    open_wire(&w);
    start_both(&w, NULL);
    TURN_UNTIL(&w, w.ends.client.done && w.ends.server.done);
    w.flip_from = 1;
    w.flip_at = w.seen[1] + 20;
    w.flip = 4;
    say(&w.ends.server, "some words that are not these");
    TURN_UNTIL(&w, w.ends.client.owner.ends);
    ck_assert_int_eq(w.ends.client.owner.error, FH_TRANSPORT_E_PROTO);
    ck_assert_uint_eq(w.ends.client.owner.len, 0);
    TURN_UNTIL(&w, w.ends.server.owner.ends);
    ck_assert_int_ne(w.ends.server.owner.error, 0);
    close_wire(&w);
}
END_TEST

START_TEST(a_cut_wire_is_no_end)
{
    struct wire w;

    open_wire(&w);
    start_both(&w, NULL);
    TURN_UNTIL(&w, w.ends.client.done && w.ends.server.done);
    fh_pipe_cut(w.pipe);
    TURN_UNTIL(&w, w.ends.client.owner.ends && w.ends.server.owner.ends);
    ck_assert_int_eq(w.ends.client.owner.error, FH_TRANSPORT_E_RESET);
    ck_assert_int_eq(w.ends.server.owner.error, FH_TRANSPORT_E_RESET);
    close_wire(&w);
}
END_TEST

/* A record with the client's keys, whatever it would say. */
static size_t forge(struct wire *w, uint8_t type, const void *body, size_t len, uint8_t *out)
{
    struct fh__tls *c = (struct fh__tls *)w->ends.client.s;

    ck_assert(c->records.is_on && set_key(c, &c->records.out));
    return seal(c, type, body, len, out);
}

/* ---- a peer with the right keys ----------------------------------------------------------------
 */

static const struct {
    uint8_t type;
    const char *body;
    size_t len;
    int end; /* 1: it goes on */
} odd[] = {
    {FH__TLS_DATA, "", 0, 1},
    {FH__TLS_ALERT, "\1\144", 2, 1}, /* no_renegotiation, a warning */
    {FH__TLS_ALERT, "\1\132", 2, 1}, /* user_canceled */
    {FH__TLS_ALERT, "\1\0", 2, 0},   /* close_notify */
    {FH__TLS_ALERT, "\2\0", 2, 0},
    {FH__TLS_ALERT, "\2\120", 2, FH_TRANSPORT_E_PROTO}, /* internal_error */
    {FH__TLS_ALERT, "\1", 1, FH_TRANSPORT_E_PROTO},
    {FH__TLS_ALERT, "", 0, FH_TRANSPORT_E_PROTO},
    {FH__TLS_ALERT, "\1\0\1\0", 4, FH_TRANSPORT_E_PROTO},
    {FH__TLS_HANDSHAKE_RECORD, "\1\0\0\2ab", 6, 1}, /* declined */
    {FH__TLS_HANDSHAKE_RECORD, "", 0, 1},
    {20, "\1", 1, FH_TRANSPORT_E_PROTO}, /* ChangeCipherSpec */
};

START_TEST(odd_records_of_a_real_peer)
{
    uint8_t record[FH__TLS_RECORD_MAX];
    struct wire w;
    size_t n;

    open_wire(&w);
    start_both(&w, NULL);
    TURN_UNTIL(&w, w.ends.client.done && w.ends.server.done);
    n = forge(&w, odd[_i].type, odd[_i].body, odd[_i].len, record);
    ck_assert_uint_eq(fh_pipe_inject(w.pipe, 0, record, n), n);
    if (odd[_i].end == 1) {
        say(&w.ends.client, "and on");
        TURN_UNTIL(&w, w.ends.server.owner.len == 6);
        ck_assert_uint_eq(w.ends.server.owner.ends + w.ends.client.owner.ends, 0);
    } else {
        TURN_UNTIL(&w, w.ends.server.owner.ends);
        ck_assert_int_eq(w.ends.server.owner.error, odd[_i].end);
    }
    close_wire(&w);
}
END_TEST

START_TEST(questions_without_end_are_not_answered_for_ever)
{
    uint8_t record[FH__TLS_RECORD_MAX];
    unsigned asked = 0;
    struct wire w;

    open_wire(&w);
    start_both(&w, NULL);
    TURN_UNTIL(&w, w.ends.client.done && w.ends.server.done);
    for (; !w.ends.server.owner.ends && asked < 1000; asked++) {
        size_t n = forge(&w, FH__TLS_HANDSHAKE_RECORD, "\1\0\0\0", 4, record);

        (void)fh_pipe_inject(w.pipe, 0, record, n);
        turn(&w);
    }
    ck_assert_int_eq(w.ends.server.owner.error, FH_TRANSPORT_E_PROTO);
    ck_assert_uint_lt(asked, 1000);
    close_wire(&w);
}
END_TEST

/* ---- peers that are none ----------------------------------------------------------------------
 */

#define TIMES(n, text)                                                                             \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1, n                                               \
    }

static const struct {
    const uint8_t *data;
    size_t len, times;
} nonsense[] = {
    TIMES(1, "GET / HTTP/1.1\r\nHost: cloud.example\r\n\r\n"),
    TIMES(1, "RFB 003.008\n"),
    TIMES(1, "\x80\x2e\x01\x00\x02"),                 /* SSL 2 */
    TIMES(1, "\x16\x03\x00\x00\x2e\x01"),             /* SSL 3, no more than a record */
    TIMES(1, "\x16\x03\x01\xff\xff\x01"),             /* a record of 65535 bytes */
    TIMES(1, "\x16\x03\x01\x00\x04\x01\xff\xff\xff"), /* a hello of 16 MiB */
    TIMES(1, "\x17\x03\x03\x00\x05hello"),            /* data before a handshake */
    TIMES(1, "\x15\x03\x03\x00\x02\x02\x28"),         /* a fatal alert */
    TIMES(100000, "\x15\x03\x01\x00\x02\x01\x00"),    /* farewells, or warnings */
    TIMES(100000, "\x15\x03\x03\x00\x02\x01\x64"),    /* warnings without end */
    TIMES(100000, "\x16\x03\x01\x00\x00"),            /* empty records */
    TIMES(1, "\x14\x03\x03\x00\x01\x01"),             /* ChangeCipherSpec */
    TIMES(1, "\x18\x03\x02\x00\x03\x01\x40\x00"),     /* Heartbleed's question */
    TIMES(100000, "\x00"),
    TIMES(100000, "\xff"),
    TIMES(5000, "\x16\x03\x01\x00\x20zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
    TIMES(1, "\x16\x03\x03\x00\x04\x0e\x00\x00\x00"), /* ServerHelloDone first */
    TIMES(1, "\x16\x03\x03\x00\x04\x00\x00\x00\x00"), /* HelloRequest */
};

/* end: the side that is to be fooled. */
static void fool(int side, size_t which)
{
    struct owner liar = {.appetite = UINT64_MAX};
    size_t left = nonsense[which].times;
    struct tls_end e;
    struct wire w;

    open_wire(&w);
    own(&liar, fh_pipe_end(w.pipe, 1 - side));
    start_end(&e, side ? server : client, fh_pipe_end(w.pipe, side), side ? &nothing : &by_name);
    for (int idle = 0; idle < 10 && !e.done;) {
        bool any = left > 0 && fh_stream_write(liar.s, nonsense[which].data, nonsense[which].len) ==
                                   (int)nonsense[which].len;

        left -= any;
        idle = turn(&w) || any ? 0 : idle + 1;
    }
    /* It still waits for what was promised; the liar goes. */
    if (!e.done)
        fh_stream_shutdown(liar.s);
    TURN_UNTIL(&w, e.done);
    ck_assert_msg(e.error == FH_TRANSPORT_E_PROTO || e.error == FH_TRANSPORT_E_RESET, "%d",
                  e.error);
    ck_assert_ptr_null(e.s);
    drop_end(&w, &liar);
    close_wire(&w);
}

START_TEST(nonsense_is_refused_by_a_server)
{
    fool(1, (size_t)_i);
}
END_TEST

START_TEST(nonsense_is_refused_by_a_client)
{
    fool(0, (size_t)_i);
}
END_TEST

START_TEST(noise_is_refused)
{
    uint32_t x = 1;

    for (int round = 0; round < 200; round++) {
        struct owner liar = {.appetite = UINT64_MAX};
        uint8_t noise[300];
        struct tls_end e;
        struct wire w;

        for (size_t i = 0; i < sizeof noise; i++) {
            x = x * 1664525 + 1013904223;
            noise[i] = (uint8_t)(x >> 24);
        }
        /* Every other one looks like a record at first. */
        if (round % 2)
            memcpy(noise, "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03", 11);
        open_wire(&w);
        own(&liar, fh_pipe_end(w.pipe, 0));
        start_end(&e, server, fh_pipe_end(w.pipe, 1), &nothing);
        ck_assert_int_eq(fh_stream_write(liar.s, noise, sizeof noise), (int)sizeof noise);
        fh_stream_shutdown(liar.s);
        TURN_UNTIL(&w, e.done);
        ck_assert_int_ne(e.error, 0);
        drop_end(&w, &liar);
        close_wire(&w);
    }
}
END_TEST

int main(void)
{
    int lies = (int)(sizeof nonsense / sizeof *nonsense);
    Suite *s = suite_create("tls_hostile");
    TCase *tc = tcase_create("tls_hostile");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, byte_by_byte_is_as_good);
    tcase_add_test(tc, a_handshake_takes_two_round_trips_and_one_to_resume);
    tcase_add_test(tc, a_flipped_bit_ends_the_handshake);
    tcase_add_test(tc, a_record_that_was_seen_before_ends_it);
    tcase_add_test(tc, a_flipped_bit_of_data_ends_it);
    tcase_add_test(tc, a_cut_wire_is_no_end);
    tcase_add_loop_test(tc, odd_records_of_a_real_peer, 0, (int)(sizeof odd / sizeof *odd));
    tcase_add_test(tc, questions_without_end_are_not_answered_for_ever);
    tcase_add_loop_test(tc, nonsense_is_refused_by_a_server, 0, lies);
    tcase_add_loop_test(tc, nonsense_is_refused_by_a_client, 0, lies);
    tcase_add_test(tc, noise_is_refused);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
