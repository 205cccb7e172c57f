/* SPDX-License-Identifier: MIT */
/*
 * Each frame reads as it was written, and nothing else is one.
 *
 *     test_broker                 the tests
 *     test_broker --seeds DIR     writes the samples as inputs of fuzz_broker
 */
#include <stdio.h>

#include "broker_samples.h"

static uint8_t frame[FH_BROKER_FRAME_MAX], again[FH_BROKER_FRAME_MAX];
static struct fh_broker_frame parsed;

static void tear_down(void)
{
    free_endpoint(&sample_end);
}

static size_t print(const struct fh_broker_frame *f)
{
    int n = fh_broker_print(f, frame, sizeof frame);

    ck_assert_int_gt(n, 0);
    return (size_t)n;
}

/* From a block that ends where the frame ends, so that the sanitizers see a byte too far. */
static int parse(enum fh_broker_side from, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    int ret;

    memcpy(copy, data, len);
    ret = fh_broker_parse(from, copy, len, &parsed);
    free(copy);
    return ret;
}

static const struct sample *named(const char *name)
{
    for (size_t i = 0; i < samples_len; i++)
        if (strcmp(samples[i].name, name) == 0)
            return &samples[i];
    ck_abort_msg("no sample %s", name);
    return NULL;
}

START_TEST(every_frame_reads_as_it_was_written)
{
    bool is_covered[FH_BROKER_LOG_CONSISTENT + 1] = {true};

    for (size_t i = 0; i < samples_len; i++) {
        const struct sample *s = &samples[i];
        size_t n = print(&s->f);

        ck_assert_int_eq(fh_broker_frame_len(s->from, frame, 3), 0);
        ck_assert_int_eq(fh_broker_frame_len(s->from, frame, 4), (int)n);
        ck_assert_msg(fh_broker_parse(s->from, frame, n, &parsed) == 0, "%s", s->name);
        ck_assert_int_eq(parsed.type, s->f.type);
        ck_assert_int_eq(parsed.number, s->f.type);
        ck_assert_int_eq(fh_broker_print(&parsed, again, sizeof again), (int)n);
        ck_assert_msg(memcmp(frame, again, n) == 0, "%s", s->name);
        is_covered[s->f.type] = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(is_covered); i++)
        ck_assert_msg(is_covered[i], "no sample of type %zu", i);
}
END_TEST

START_TEST(fields_are_where_they_belong)
{
    const struct sample *s = named("incoming");
    struct fh_tlog_proof p;
    struct fh_cloud_statement st;
    size_t n = print(&s->f);

    ck_assert_int_eq(fh_broker_parse(s->from, frame, n, &parsed), 0);
    ck_assert_int_eq(memcmp(parsed.incoming.conn, sample_bytes, 16), 0);
    ck_assert_int_eq(
        fh_cloud_statement_verify(parsed.incoming.statement.p, parsed.incoming.statement.len, &st),
        0);
    ck_assert_int_eq(memcmp(st.address, sample_end.address, sizeof st.address), 0);
    ck_assert_int_eq(
        fh_tlog_proof_parse(parsed.incoming.log_proof.p, parsed.incoming.log_proof.len, &p), 0);
    ck_assert_uint_eq(p.index, 42);
    ck_assert_uint_eq(p.path_len, 3);
    ck_assert_uint_eq(parsed.incoming.groups_len, 2);
    ck_assert_int_eq(memcmp(parsed.incoming.groups[1].p, "B\u00fcro", 5), 0);
    ck_assert_uint_eq(parsed.incoming.grant.relays_len, 2);
    ck_assert_uint_eq(parsed.incoming.grant.relays[1].port, 8443);
    ck_assert_uint_eq(parsed.incoming.grant.ticket.len, 86);
    ck_assert_int_eq(memcmp(parsed.incoming.grant.packet_secret, sample_bytes + 32, 32), 0);
    ck_assert_uint_eq(parsed.incoming.grant.turn[0].user.len, 15);
}
END_TEST

/* Cut anywhere, with its length made to fit or not, or with a byte more: never a frame. */
START_TEST(a_frame_of_another_length_is_refused)
{
    for (size_t i = 0; i < samples_len; i++) {
        const struct sample *s = &samples[i];
        size_t n = print(&s->f), step = n > 2000 ? 97 : 1;

        if (s->f.type == FH_BROKER_SIGNAL) /* its end is where the frame's is */
            continue;
        for (size_t len = 0; len < n; len += step) {
            memcpy(again, frame, n);
            ck_assert_int_eq(parse(s->from, again, len), FH_CLOUD_E_PROTO);
            if (len < FH_BROKER_HEADER_LEN)
                continue;
            again[2] = (uint8_t)((len - 4) >> 8);
            again[3] = (uint8_t)(len - 4);
            ck_assert_msg(parse(s->from, again, len) == FH_CLOUD_E_PROTO, "%s cut at %zu", s->name,
                          len);
        }
        memcpy(again, frame, n);
        again[n] = 0;
        ck_assert_int_eq(parse(s->from, again, n + 1), FH_CLOUD_E_PROTO);
        again[2] = (uint8_t)((n - 3) >> 8);
        again[3] = (uint8_t)(n - 3);
        ck_assert_msg(parse(s->from, again, n + 1) == FH_CLOUD_E_PROTO, "%s", s->name);
    }
}
END_TEST

START_TEST(only_who_may_say_it_says_it)
{
    for (size_t i = 0; i < samples_len; i++) {
        const struct sample *s = &samples[i];
        enum fh_broker_side other = 1 - s->from;
        bool both = s->f.type == FH_BROKER_PING || s->f.type == FH_BROKER_PONG ||
                    s->f.type == FH_BROKER_SIGNAL || s->f.type == FH_BROKER_END;
        size_t n = print(&s->f);

        ck_assert_msg(parse(other, frame, n) == (both ? 0 : FH_CLOUD_E_PROTO), "%s", s->name);
    }
}
END_TEST

START_TEST(headers_that_cannot_be_are_refused_before_a_body_is_waited_for)
{
    const struct {
        uint8_t header[4];
        enum fh_broker_side from;
        int len;
    } rows[] = {
        {{1, 1, 0, 10}, FH_BROKER_CLIENT, FH_CLOUD_E_PROTO},   /* flags */
        {{0, 0, 0, 0}, FH_BROKER_CLIENT, FH_CLOUD_E_PROTO},    /* type 0 */
        {{1, 0, 0, 128}, FH_BROKER_CLIENT, 132},               /* HELLO's limit */
        {{1, 0, 0, 129}, FH_BROKER_CLIENT, FH_CLOUD_E_PROTO},  /* and beyond */
        {{5, 0, 3, 0xe9}, FH_BROKER_CLIENT, FH_CLOUD_E_PROTO}, /* 1001 */
        {{12, 0, 0x30, 0}, FH_BROKER_SERVICE, 12292},          /* SIGNAL */
        {{12, 0, 0x30, 1}, FH_BROKER_SERVICE, FH_CLOUD_E_PROTO},
        {{8, 0, 0x20, 0}, FH_BROKER_SERVICE, 8196}, /* TARGET */
        {{8, 0, 0x20, 1}, FH_BROKER_SERVICE, FH_CLOUD_E_PROTO},
        {{3, 0, 8, 1}, FH_BROKER_CLIENT, FH_CLOUD_E_PROTO}, /* AUTH */
        {{200, 0, 3, 0xe8}, FH_BROKER_SERVICE, 1004},       /* unknown */
        {{200, 0, 3, 0xe9}, FH_BROKER_SERVICE, FH_CLOUD_E_PROTO},
        {{2, 0, 0, 42}, FH_BROKER_CLIENT, FH_CLOUD_E_PROTO}, /* the service's */
        {{22, 0, 0, 0}, FH_BROKER_SERVICE, 4},               /* the first unknown one */
        {{255, 0, 0, 0}, FH_BROKER_CLIENT, 4},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(fh_broker_frame_len(rows[i].from, rows[i].header, 4) == rows[i].len,
                      "row %zu", i);
}
END_TEST

START_TEST(what_is_not_known_is_told_as_that)
{
    const uint8_t unknown[] = {99, 0, 0, 3, 1, 2, 3};

    ck_assert_int_eq(parse(FH_BROKER_SERVICE, unknown, sizeof unknown), 0);
    ck_assert_int_eq(parsed.type, FH_BROKER_UNKNOWN);
    ck_assert_uint_eq(parsed.number, 99);
    ck_assert_int_eq(fh_broker_print(&parsed, frame, sizeof frame), FH_CLOUD_E_INVAL);
    parsed.type = 99;
    ck_assert_int_eq(fh_broker_print(&parsed, frame, sizeof frame), FH_CLOUD_E_INVAL);
}
END_TEST

/* One byte of a good frame is another: at, from the front of the body. */
static const struct {
    const char *name;
    size_t at;
    uint8_t value;
    const char *what;
} changes[] = {
    {"hello", 32, 0x80, "an address with its top bit"},
    {"hello", 45, 65, "a name longer than the frame"},
    {"hello", 46, 0x07, "a control character"},
    {"hello", 47, 0xff, "not UTF-8"},
    {"hello", 47, 0xc0, "an overlong form"},
    {"challenge", 40, 4, "a checkpoint longer than may be"},
    {"challenge", 42, 0, "a zero byte in a checkpoint"},
    {"challenge", 42, '\r', "a control character in a checkpoint"},
    {"auth-key", 0, 0, "no method"},
    {"auth-key", 0, 4, "a method that is not known"},
    {"auth-key", 0, 3, "a method that needs more"},
    {"auth-enrol", 0, 2, "a method that needs less"},
    {"auth-enrol", 33, 0x80, "a statement of no address"},
    {"auth-enrol", 85, 0x00, "a statement with a short key"},
    {"auth-enrol", 87, 0x31, "a statement with another key form"},
    {"welcome", 13, 1, "too many nodes"},
    {"welcome", 15, 0, "a node without name"},
    {"welcome", 16, ' ', "a node with a space"},
    {"welcome", 16, '/', "a node that is an URL"},
    {"welcome-bare", 14, 1, "a node that is not there"},
    {"welcome-bare", 15, 9, "too many STUN servers"},
    {"connect", 3, 0, "request 0"},
    {"connect", 4, 0xff, "an address with its top bit"},
    {"target", 20, 0xff, "a statement of no address"},
    {"grant", 88, 9, "too many relays"},
    {"grant", 88, 1, "fewer relays than there are"},
    {"peer-state", 12, 2, "neither on nor off"},
    {"watch", 0, 65, "too many addresses"},
    {"watch", 0, 2, "fewer addresses than said"},
    {"watch", 1, 0x80, "an address with its top bit"},
    {"log-consistent", 16, 65, "too many hashes"},
    {"log-consistent", 16, 5, "fewer hashes than said"},
    {"error", 10, 201, "too long a text"},
    {"error", 11, 0x1b, "an escape character"},
};

START_TEST(one_wrong_byte_is_refused)
{
    const struct sample *s = named(changes[_i].name);
    size_t n = print(&s->f), at = FH_BROKER_HEADER_LEN + changes[_i].at;

    ck_assert_uint_lt(at, n);
    ck_assert_int_eq(parse(s->from, frame, n), 0);
    ck_assert_uint_ne(frame[at], changes[_i].value);
    frame[at] = changes[_i].value;
    ck_assert_msg(parse(s->from, frame, n) == FH_CLOUD_E_PROTO, "%s: %s", s->name,
                  changes[_i].what);
}
END_TEST

START_TEST(what_cannot_be_said_is_not_written)
{
    struct fh_broker_frame f = named("hello")->f;
    static char long_text[300];

    memset(long_text, 'x', sizeof long_text - 1);
    f.hello.program = text_of(long_text);
    ck_assert_int_eq(fh_broker_print(&f, frame, sizeof frame), FH_CLOUD_E_INVAL);
    f.hello.program = text_of("two\nlines");
    ck_assert_int_eq(fh_broker_print(&f, frame, sizeof frame), FH_CLOUD_E_INVAL);
    f = named("hello")->f;
    f.hello.address[0] |= 0x80;
    ck_assert_int_eq(fh_broker_print(&f, frame, sizeof frame), FH_CLOUD_E_INVAL);
    f = named("watch")->f;
    f.watch.len = 65;
    ck_assert_int_eq(fh_broker_print(&f, frame, sizeof frame), FH_CLOUD_E_INVAL);
    f = named("auth-key")->f;
    f.auth.method = 9;
    ck_assert_int_eq(fh_broker_print(&f, frame, sizeof frame), FH_CLOUD_E_INVAL);
    f = named("auth-enrol")->f;
    f.auth.statement.len--;
    ck_assert_int_eq(fh_broker_print(&f, frame, sizeof frame), FH_CLOUD_E_INVAL);
    f = named("welcome")->f;
    f.welcome.nodes_len = 17;
    ck_assert_int_eq(fh_broker_print(&f, frame, sizeof frame), FH_CLOUD_E_INVAL);
    f = named("welcome")->f;
    f.welcome.stun[0].port = 0;
    ck_assert_int_eq(fh_broker_print(&f, frame, sizeof frame), FH_CLOUD_E_INVAL);
    f = named("signal-longest")->f;
    f.signal.sealed.len++;
    ck_assert_int_eq(fh_broker_print(&f, frame, sizeof frame), FH_CLOUD_E_INVAL);
    f = named("end")->f;
    ck_assert_int_eq(fh_broker_print(&f, frame, 20), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_broker_print(&f, frame, 21), 21);
}
END_TEST

static int write_seeds(const char *dir)
{
    char path[512];

    make_samples();
    for (size_t i = 0; i < samples_len; i++) {
        int len = fh_broker_print(&samples[i].f, frame, sizeof frame);
        size_t n = len > 0 ? (size_t)len : 0;
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", dir, samples[i].name);
        f = fopen(path, "wb");
        if (!f)
            return 1;
        fputc(samples[i].from, f);
        fwrite(frame, 1, n > 600 && samples[i].f.type == FH_BROKER_SIGNAL ? 600 : n, f);
        if (fclose(f) != 0)
            return 1;
    }
    tear_down();
    return 0;
}

int main(int argc, char **argv)
{
    Suite *s = suite_create("broker");
    TCase *t = tcase_create("frames");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_checked_fixture(t, make_samples, tear_down);
    tcase_add_test(t, every_frame_reads_as_it_was_written);
    tcase_add_test(t, fields_are_where_they_belong);
    tcase_add_test(t, a_frame_of_another_length_is_refused);
    tcase_add_test(t, only_who_may_say_it_says_it);
    tcase_add_test(t, headers_that_cannot_be_are_refused_before_a_body_is_waited_for);
    tcase_add_test(t, what_is_not_known_is_told_as_that);
    tcase_add_loop_test(t, one_wrong_byte_is_refused, 0, (int)ARRAY_LEN(changes));
    tcase_add_test(t, what_cannot_be_said_is_not_written);
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
        srunner_free(r);
        return write_seeds(argv[2]);
    }
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
