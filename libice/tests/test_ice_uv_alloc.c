/* SPDX-License-Identifier: MIT */
/*
 * One connection with the N-th allocation failing, N = 1, 2, 3, ... until none fails any more:
 * making it either works or says that it did not, what it made is closed, and nothing leaks (with
 * the address sanitizer).
 */
#define _GNU_SOURCE /* NOLINT: as the files that are included */

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

#define malloc try_malloc
#define calloc try_calloc
/* The files have names of their own in common. */
#define now mapping_now
#define pump mapping_pump
#define on_timer mapping_on_timer
#define on_closed mapping_on_closed
#include "../uv/mapping.c"
#undef now
#undef pump
#undef on_timer
#undef on_closed
#define now relay_now
#define set_timer relay_set_timer
#define on_timer relay_on_timer
#define take relay_take
#define on_event relay_on_event
#define open_socket relay_open_socket
#define on_handle_closed relay_on_handle_closed
#include "../uv/relay.c"
#undef now
#undef set_timer
#undef on_timer
#undef take
#undef on_event
#undef open_socket
#undef on_handle_closed
#define open_port port_open
#define end_batch port_end_batch
#define on_closed port_on_closed
#include "../uv/port.c"
#undef open_port
#undef end_batch
#undef on_closed
#include "../uv/ice_uv.c"
#include "../src/new.c"
#undef malloc
#undef calloc

#include "uv_side.h"

/* True if everything was made, false if something was refused and said so. */
static bool converse(uv_loop_t *loop)
{
    struct side s = {.u = NULL}, waiter = {.u = NULL};
    struct fh_ice_uv_config cfg = config(&s, FH_ICE_CONTROLLING);
    struct fh_ice_uv_turn turn = {.server = {.host = "127.0.0.1", .port = 1},
                                  .carrier = FH_ICE_UV_TCP,
                                  .username = "u",
                                  .password = "p"};
    unsigned long before = refused;
    int ret;

    cfg.turn = &turn;
    cfg.turn_len = 1;
    ret = fh_ice_uv_port_open(loop, 0, &cfg.port);
    if (ret != 0) {
        ck_assert_int_eq(ret, FH_ICE_E_RESOURCES);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        ret = fh_ice_uv_new(loop, &cfg, &s.u);
        if (ret != 0) {
            ck_assert_int_eq(ret, FH_ICE_E_RESOURCES);
            break;
        }
        RUN_UNTIL(loop, s.ends == 1);
        s.is_closed = false;
        close_side(&s);
        RUN_UNTIL(loop, s.is_closed);
        s.ends = s.candidates = 0;
        /* The second one has a port of its own. */
        if (cfg.port)
            fh_ice_uv_port_close(cfg.port, side_closed, &waiter);
        cfg.port = NULL;
    }
    if (cfg.port)
        fh_ice_uv_port_close(cfg.port, side_closed, &waiter);
    RUN_UNTIL(loop, waiter.is_closed);
    return refused == before;
}

START_TEST(every_allocation_may_fail)
{
    size_t sockets = count_sockets();
    unsigned long n = 0;
    bool is_whole = false;

    while (!is_whole) {
        uv_loop_t loop;

        ck_assert_uint_lt(n, 100);
        uv_loop_init(&loop);
        countdown = ++n;
        is_whole = converse(&loop);
        countdown = 0;
        end_loop(&loop);
        ck_assert_uint_eq(count_sockets(), sockets);
    }
    printf("%lu allocations, each refused once\n", n - 1);
    ck_assert_uint_gt(n, 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ice-uv-alloc");
    TCase *tc = tcase_create("ice-uv-alloc");
    SRunner *sr = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, every_allocation_may_fail);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
