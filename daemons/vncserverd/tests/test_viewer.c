/* SPDX-License-Identifier: MIT */
/* test_viewer.c -- what a session may do when its viewer's streams come from several places. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "../src/viewer.c"

static uv_loop_t loop;
static char wide[] = "+10.0.0.0/8", narrower[] = "+192.0.2.0/24 view-only";
static char blacklist[] = "/nonexistent/blacklist";
static struct fh__config cfg;
static struct fh__auditlog audit;
static struct fh__seat seat;
static struct fh__steady key, desktop;
static struct fh__sharing sharing;
static struct viewer viewer, stream;

static void come_from(struct fh__caller *c, const char *ip, uint64_t number)
{
    struct fh_address a;

    ck_assert_int_eq(fh_address_parse_ip(ip, strlen(ip), &a), 0);
    *c = (struct fh__caller){.number = number, .ip_len = 4};
    memcpy(c->ip, a.ip, 4);
    snprintf(c->peer, sizeof c->peer, "%s", ip);
    snprintf(c->stream, sizeof c->stream, "%s:1", ip);
}

static void set_up(void)
{
    uv_loop_init(&loop);
    cfg = (struct fh__config){.blacklist = blacklist,
                              .blacklist_threshold = 5,
                              .filter = {wide, narrower},
                              .n_filter = 2};
    sharing = (struct fh__sharing){.loop = &loop,
                                   .cfg = &cfg,
                                   .audit = &audit,
                                   .seat = &seat,
                                   .key = &key,
                                   .desktop = &desktop};
    ck_assert_int_eq(fh__gate_open(&sharing.gate, &loop, &cfg, &audit), 0);
    viewer = (struct viewer){.s = &sharing,
                             .stage = FH__AT_WORK,
                             .has_started = true,
                             .is_linked = true,
                             .stream = -1,
                             .key_end = -1,
                             .granted = FH_PERM_ALL,
                             .in_force = FH_PERM_ALL};
    come_from(&viewer.entry.caller, "10.0.0.1", 1);
    viewer.ways[FH__WAY_DIRECT] = viewer.entry.caller;
}

static void tear_down(void)
{
    fh__gate_close(&sharing.gate);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void say_where(enum fh__away where, const char *from)
{
    const struct fh__msg_away m = {where, fh__text_of(from)};
    uint8_t body[FH_ADDRESS_TEXT + 8];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_away_write(&w, &m);
    ck_assert(on_away(&viewer, rd_init(body, w.len)));
}

/* A stream beside the first one carries the session as well as that one. */
START_TEST(a_stream_beside_gives_no_more_than_its_place_allows)
{
    static const enum fh__away wheres[] = {FH__BESIDE, FH__BACK};
    struct fh__caller from;
    uint32_t most;
    bool asks;

    come_from(&from, "192.0.2.7", 2);
    ck_assert_ptr_null(fh__gate_request(&sharing.gate, &from, &most, &asks));
    ck_assert_uint_ne(most, FH_PERM_ALL);
    expect(&viewer, &from);
    say_where(wheres[_i], "192.0.2.7:1");
    ck_assert_uint_eq(viewer.granted, most);
    ck_assert_uint_eq(viewer.in_force, most);
}
END_TEST

START_TEST(a_stream_beside_from_as_good_a_place_takes_nothing)
{
    struct fh__caller from;

    come_from(&from, "10.0.0.2", 2);
    expect(&viewer, &from);
    say_where(FH__BESIDE, "10.0.0.2:1");
    ck_assert_uint_eq(viewer.granted, FH_PERM_ALL);
}
END_TEST

/* Rules of PAM's and of programs take "" for this machine. */
START_TEST(who_comes_through_a_cloud_is_not_of_this_machine)
{
    struct fh__caller c = {.ip_len = 0};
    char place[FH_ADDRESS_TEXT];

    fh__caller_place(&c, place);
    ck_assert_str_eq(place, "");
    come_from(&c, "192.0.2.7", 1);
    fh__caller_place(&c, place);
    ck_assert_str_eq(place, "192.0.2.7");
    strcpy(c.cloud, "00000-00000-00000-0000K");
    for (size_t len = 0; len <= 4; len += 4) { /* by a relay, or directly */
        c.ip_len = len;
        fh__caller_place(&c, place);
        ck_assert_str_eq(place, "cloud:00000-00000-00000-0000K");
    }
}
END_TEST

static const char *resume_named(uint8_t told)
{
    stream = (struct viewer){.s = &sharing, .has_arrived = true};
    memset(stream.arrival.told, told, sizeof stream.arrival.told);
    viewer.entry.caller.has_fingerprint = true;
    memset(viewer.entry.caller.fingerprint, 7, sizeof viewer.entry.caller.fingerprint);
    return is_named(&stream, &viewer) ? NULL : "swapped";
}

/* A cloud's word about a stream is what the audit has. */
START_TEST(a_stream_carries_on_only_for_whom_the_cloud_named)
{
    ck_assert_ptr_null(resume_named(7));
    ck_assert_str_eq(resume_named(8), "swapped");
    viewer.entry.caller.has_fingerprint = false; /* nobody has proved anything yet */
    ck_assert(!is_named(&stream, &viewer));
    stream.has_arrived = false;
    ck_assert(is_named(&stream, &viewer));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("viewer");
    TCase *tc = tcase_create("places");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_stream_beside_gives_no_more_than_its_place_allows, 0, 2);
    tcase_add_test(tc, a_stream_beside_from_as_good_a_place_takes_nothing);
    tcase_add_test(tc, who_comes_through_a_cloud_is_not_of_this_machine);
    tcase_add_test(tc, a_stream_carries_on_only_for_whom_the_cloud_named);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
