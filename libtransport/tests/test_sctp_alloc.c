/* SPDX-License-Identifier: MIT */
/*
 * Two ends over UDP with the N-th allocation failing, N = 1, 2, 3, ... until none fails any more:
 * starting either works or says that it did not, and nothing leaks (with the address sanitizer).
 */
#include <stdlib.h>

static unsigned long countdown; /* allocations that still succeed; 0: no limit */
static unsigned long refused;

static void *try_malloc(size_t len)
{
    if (countdown == 0 || --countdown > 0)
        return malloc(len);
    refused++;
    return NULL;
}

static void *try_calloc(size_t n, size_t len)
{
    if (countdown == 0 || --countdown > 0)
        return calloc(n, len);
    refused++;
    return NULL;
}

#define malloc try_malloc
#define calloc try_calloc
#include "../src/new.c"
#include "../uv/sctp_uv.c"
#include "../uv/udp.c"
#undef malloc
#undef calloc

#include "uv_support.h"

static struct owner owners[2];
static unsigned done[2];

static void note_done(void *user, struct fh_stream *s, int error)
{
    size_t i = *(const size_t *)user;

    done[i]++;
    if (error == 0)
        own(&owners[i], s);
}

static int start_one(size_t i, const struct fh_address *peer, struct fh_udp **out)
{
    static const uint8_t secrets[2][32] = {{1}, {2}};
    static const size_t which[2] = {0, 1};
    struct fh_address local;
    struct fh_udp_config c;

    memset(&c, 0, sizeof c);
    ck_assert_int_eq(fh_address_parse_ip("127.0.0.1", 9, &local), 0);
    c.local = &local;
    c.peer = peer;
    c.start.sctp.side = i == 0 ? FH_SCTP_CONNECT : FH_SCTP_LISTEN;
    c.start.sctp.guard =
        (struct fh_guard_config){.tx_secret = secrets[i], .rx_secret = secrets[1 - i]};
    c.start.done = note_done;
    c.start.user = (void *)(uintptr_t)&which[i];
    return fh_udp_start(&loop, &c, out);
}

static void give_up(size_t i, struct fh_udp *u)
{
    fh_sctp_cancel(fh_udp_sctp(u));
    RUN_UNTIL(done[i]);
}

/* True if everything worked, false if something was refused and said so. */
static bool converse(void)
{
    struct fh_udp *u[2];
    struct fh_address at;
    int ret;

    memset(owners, 0, sizeof owners);
    memset(done, 0, sizeof done);
    owners[0].appetite = owners[1].appetite = UINT64_MAX;
    ret = start_one(1, NULL, &u[1]);
    if (ret != 0) {
        ck_assert_int_eq(ret, FH_TRANSPORT_E_RESOURCES);
        return false;
    }
    fh_udp_address(u[1], &at);
    ret = start_one(0, &at, &u[0]);
    if (ret != 0) {
        ck_assert_int_eq(ret, FH_TRANSPORT_E_RESOURCES);
        give_up(1, u[1]);
        return false;
    }
    RUN_UNTIL(done[0] && done[1]);
    ck_assert_int_eq(fh_stream_write(owners[0].s, (const uint8_t *)"hello", 5), 5);
    RUN_UNTIL(owners[1].len == 5);
    close_owner(&owners[0]);
    close_owner(&owners[1]);
    return true;
}

START_TEST(each_allocation_may_fail)
{
    unsigned long n = 0;
    bool worked;

    loop_setup();
    do {
        countdown = ++n;
        refused = 0;
        worked = converse();
        ck_assert_int_eq(worked, refused == 0);
    } while (!worked);
    countdown = 0;
    ck_assert_uint_ge(n, 7);
    loop_teardown();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sctp_alloc");
    TCase *tc = tcase_create("allocations");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(tc, each_allocation_may_fail);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
