/* SPDX-License-Identifier: MIT */
/*
 * One conversation with the N-th allocation failing, N = 1, 2, 3, ... until none fails any more:
 * each call either works or says that it did not, and nothing leaks (with the address sanitizer).
 */
#include <stdlib.h>

static unsigned long countdown; /* allocations that still succeed; 0: no limit */
static unsigned long refused;

static int refuse(void)
{
    if (countdown == 0 || --countdown > 0)
        return 0;
    refused++;
    return 1;
}

static void *try_malloc(size_t len)
{
    return refuse() ? NULL : malloc(len);
}

static void *try_calloc(size_t n, size_t len)
{
    return refuse() ? NULL : calloc(n, len);
}

static void *try_realloc(void *p, size_t len)
{
    return refuse() ? NULL : realloc(p, len);
}

#define malloc try_malloc
#define calloc try_calloc
#include "../uv/stream_uv.c"
#include "../uv/listen.c"
#include "../uv/connect.c"
#undef malloc
#undef calloc

#include "uv_support.h"

/* True if everything worked, false if something was refused and said so. */
static bool converse(void)
{
    const char *address = "127.0.0.1:0";
    struct owner here = {.appetite = UINT64_MAX}, there = here;
    struct door d;
    struct call c;
    struct fh_tcp_listen_config listen_cfg = door_config(&d, &address, 1);
    struct fh_tcp_connect_config cfg = call_config(&c);
    struct fh_target to = {.kind = FH_TARGET_HOST, .name = "127.0.0.1"};
    int ret;

    listen_cfg.retry_ms = 1;
    ret = fh_tcp_listen(&loop, &listen_cfg, &d.l, NULL, 0);
    if (ret) {
        ck_assert_int_eq(ret, FH_TRANSPORT_E_RESOURCES);
        return false;
    }
    to.port = door_port(&d, 0);
    ret = fh_tcp_connect(&loop, &to, &cfg, NULL);
    if (ret == 0) {
        RUN_UNTIL(c.done);
        ret = c.error;
    }
    if (ret) {
        ck_assert(ret == FH_TRANSPORT_E_RESOURCES || ret == FH_TRANSPORT_E_RESOLVE);
        fh_tcp_listener_close(d.l, door_closed, &d);
        RUN_UNTIL(d.closed);
        for (size_t i = 0; i < d.len; i++)
            fh_stream_close(d.accepted[i], NULL, NULL);
        return false;
    }
    own(&here, c.s);
    ck_assert_int_eq(fh_stream_write(c.s, (const uint8_t *)"x", 1), 1);
    /* The accepting side has no memory: its caller is cut off, the listener lives. */
    RUN_UNTIL(d.len == 1 || here.ends);
    if (d.len == 1) {
        own(&there, d.accepted[0]);
        RUN_UNTIL(there.len == 1);
    } else {
        ck_assert_uint_eq(d.troubles, 1);
        ck_assert_int_eq(d.trouble, FH_TRANSPORT_E_RESOURCES);
    }
    close_owner(&here);
    close_owner(&there);
    close_door(&d);
    return there.len == 1;
}

START_TEST(every_allocation_may_fail)
{
    unsigned long n = 1;

    for (;; n++) {
        bool worked;

        refused = 0;
        countdown = n;
        worked = converse();
        countdown = 0;
        run_rounds(3);
        if (refused == 0) {
            ck_assert(worked);
            break;
        }
    }
    /* The listener, the connect, two queries of the resolver and two streams at least. */
    ck_assert_uint_gt(n, 6);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tcp_alloc");
    TCase *tc = tcase_create("tcp_alloc");
    SRunner *sr;
    int failed;

    uv_replace_allocator(try_malloc, try_realloc, try_calloc, free);
    tcase_add_checked_fixture(tc, loop_setup, loop_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
