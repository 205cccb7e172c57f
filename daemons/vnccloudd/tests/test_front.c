/* SPDX-License-Identifier: MIT */
/* The door by itself, on real sockets, with a clock of ours. */
#include <check.h>
#include <signal.h>
#include <time.h>

#include <sodium.h>

#include <farhand/pki.h>
#include <farhand/tcp.h>
#include <farhand/tls_uv.h>

#include "../src/front.h"
#include "../src/options.h"

enum { RATE = 20, COMERS = 120, LET_IN = 12, STEP_MS = 10, TURNS = 400 };

static uv_loop_t loop;
static struct fh__config cfg;
static struct fh__wheel wheel;
static struct fh__doorstep doorstep;
static struct fh__front *front;
static struct fh_tls_context *tls;
static uint64_t clock_ms = 1000;
static bool keeps_coming, is_closed;
static unsigned n_comers;

static uint64_t on_now(void *user)
{
    (void)user;
    return clock_ms;
}

static uint64_t on_busy(void *user)
{
    (void)user;
    return 0;
}

static void on_random(void *user, void *out, size_t len)
{
    (void)user;
    randombytes_buf(out, len);
}

static void set(const char *name, const char *value)
{
    const struct fh__option *o = fh__option_find(&fh__options, name, strlen(name));

    ck_assert_ptr_null(fh__option_set(&cfg, o, value, FH__FROM_FILE, 1));
}

static void show_certificate(void)
{
    static char root_key[FH_PKI_PEM], root[FH_PKI_PEM], key[FH_PKI_PEM], cert[FH_PKI_PEM];
    static const char *const sans[] = {"localhost"};
    struct fh_pki_config pki = {
        .name = "door", .not_before = time(NULL) - 3600, .not_after = time(NULL) + 86400};
    char why[200];

    ck_assert_int_eq(fh_pki_key_new(root_key, sizeof root_key), 0);
    ck_assert_int_eq(fh_pki_root_new(&pki, root_key, root, sizeof root), 0);
    ck_assert_int_eq(fh_pki_key_new(key, sizeof key), 0);
    pki.sans = sans;
    pki.sans_len = 1;
    ck_assert_int_eq(fh_pki_issue(&pki, key, root, root_key, cert, sizeof cert), 0);
    ck_assert_int_eq(fh__front_certificate(front, cert, key, why, sizeof why), 0);
}

static void begin(void)
{
    struct fh__front_config door = {.wheel = &wheel,
                                    .doorstep = &doorstep,
                                    .now_ms = on_now,
                                    .busy_us = on_busy,
                                    .random = on_random};
    struct fh_tls_client_config client = {.trust_anybody = true};
    uint8_t key[16] = {1};
    char why[400];

    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_ge(sodium_init(), 0);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    fh__wheel_init(&wheel, clock_ms);
    fh__doorstep_init(&doorstep, key);
    fh__config_init(&cfg);
    set("listen", "127.0.0.1:0");
    set("name", "localhost");
    set("handshakes", "20");
    set("limit-handshake", "0");
    set("limit-handshake-network", "0");
    ck_assert_int_eq(fh__config_finish(&cfg, why, sizeof why), 0);
    ck_assert_int_eq(fh__front_open(&loop, &cfg, &door, &front, why, sizeof why), 0);
    show_certificate();
    ck_assert_int_eq(fh_tls_client_new(&client, &tls), 0);
}

static void on_closed(void *user)
{
    (void)user;
    is_closed = true;
}

static void end(void)
{
    fh__front_close(front, on_closed, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(is_closed);
    fh_tls_free(tls);
    fh__config_free(&cfg);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* ---- who keeps coming ---- */

static void come(void);

static void on_secured(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    (void)error;
    (void)text;
    if (s)
        fh_stream_close(s, NULL, NULL);
    n_comers--;
    if (keeps_coming)
        come();
}

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct fh_tls_start_config start = {.done = on_secured};

    if (!s)
        on_secured(user, NULL, error, text);
    else
        ck_assert_int_eq(fh_tls_start(&loop, tls, s, &start, NULL), 0);
}

static void come(void)
{
    struct fh_tcp_connect_config connect = {.done = on_connected};
    struct fh_target to = {.kind = FH_TARGET_IP};

    fh__front_address(front, 0, &to.address);
    to.port = to.address.port;
    n_comers++;
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &connect, NULL), 0);
}

/*
 * More than may wait, each again as soon as it was sent away. Time passes only when one more comes,
 * and less of it than those who wait are looked at after: they are let in nevertheless.
 */
START_TEST(who_keeps_coming_keeps_nobody_out)
{
    struct fh__front_counters n = {.handshakes = 0};
    uint64_t dropped = 0;

    keeps_coming = true;
    for (int i = 0; i < COMERS; i++)
        come();
    for (unsigned turns = 0; n.handshakes < LET_IN;) {
        uv_run(&loop, UV_RUN_ONCE);
        fh__front_count(front, &n);
        if (n.dropped == dropped)
            continue;
        dropped = n.dropped;
        clock_ms += STEP_MS;
        fh__wheel_advance(&wheel, clock_ms);
        ck_assert_uint_lt(++turns, TURNS);
    }
    ck_assert_uint_le(n.handshakes, 2 + (clock_ms - 1000) * RATE / 1000 + 1);
    keeps_coming = false;
}
END_TEST

int main(void)
{
    Suite *s = suite_create("front");
    TCase *tc = tcase_create("front");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, who_keeps_coming_keeps_nobody_out);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
