/* SPDX-License-Identifier: MIT */
/*
 * One conversation with the N-th allocation failing, whoever asks for it, mbedTLS too: it works or
 * says that it did not, and nothing leaks (with the address sanitizer). A handshake asks thousands
 * of times, for the numbers of elliptic curves mostly, so N grows in steps.
 */
#define _GNU_SOURCE /* NOLINT: for RTLD_NEXT */

#include <check.h>
#include <dlfcn.h>
#include <stdlib.h>

/* Check's own ask for memory, and end the program when there is none. */
#define PLAIN(ok) ((ok) ? (void)0 : abort())
#undef ck_assert
#undef ck_assert_int_eq
#undef ck_assert_uint_lt
#undef ck_assert_ptr_nonnull
#define ck_assert(ok) PLAIN(ok)
#define ck_assert_int_eq(a, b) PLAIN((a) == (b))
#define ck_assert_uint_lt(a, b) PLAIN((a) < (b))
#define ck_assert_ptr_nonnull(p) PLAIN((p) != NULL)

#include "tls_support.h"

static unsigned long countdown; /* allocations that still succeed; 0: no limit */
static unsigned long refused;

static bool refuse(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    refused++;
    return true;
}

/* The next library's own, the sanitizer's perhaps. */
static void next(const char *name, void *out)
{
    void *f = dlsym(RTLD_NEXT, name);

    if (!f)
        abort();
    memcpy(out, &f, sizeof f);
}

/* What libmbedtls calls is what the program has to show. */
#define SHOWN __attribute__((visibility("default")))

SHOWN void *malloc(size_t len)
{
    static void *(*real)(size_t len);

    if (!real)
        next("malloc", &real);
    return refuse() ? NULL : real(len);
}

SHOWN void *realloc(void *p, size_t len)
{
    static void *(*real)(void *p, size_t len);

    if (!real)
        next("realloc", &real);
    return refuse() ? NULL : real(p, len);
}

SHOWN void *calloc(size_t n, size_t len)
{
    static void *(*real)(size_t n, size_t len);
    static _Alignas(16) char early[4096];
    static size_t used;
    static bool looking;

    if (looking) {
        /* dlsym() itself asks, before it can answer. */
        void *p = early + used;

        used += (n * len + 15) / 16 * 16;
        return used <= sizeof early ? p : NULL;
    }
    if (!real) {
        looking = true;
        next("calloc", &real);
        looking = false;
    }
    return refuse() ? NULL : real(n, len);
}

static struct pki pki;

/* True if everything worked, false if something was refused and said so. */
static bool converse(void)
{
    static uint8_t big[600000];
    struct fh_tls_server_config scfg = {
        .cert_pem = pki.chain, .key_pem = pki.key, .clock = test_clock};
    struct fh_tls_client_config ccfg = {.pins = &pki.pin, .pins_len = 1, .clock = test_clock};
    struct fh_tls_context *server = NULL, *client = NULL;
    struct fh_tls_session *session = fh_tls_session_new();
    struct fh_stream *a = NULL, *b = NULL;
    struct tls_end c = {.owner.appetite = UINT64_MAX}, s = {.owner.appetite = 5};
    struct fh_tls_start_config cs = {
        .name = "cloud.example", .session = session, .done = tls_done, .user = &c};
    struct fh_tls_start_config ss = {.done = tls_done, .user = &s};
    struct fh_address who = {.family = FH_ADDRESS_UNIX, .uid = FH_ADDRESS_NO_UID};
    bool worked = false;
    int fd[2], n;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    if (fh_tcp_open(&loop, fd[0], &who, NULL, &a) != 0) {
        close(fd[1]);
        goto out;
    }
    if (fh_tcp_open(&loop, fd[1], &who, NULL, &b) != 0 || !session ||
        fh_tls_server_new(&scfg, &server, NULL, 0) != 0 || fh_tls_client_new(&ccfg, &client) != 0)
        goto out;
    n = fh_tls_start(&loop, client, a, &cs, NULL);
    a = NULL; /* taken */
    if (n != 0)
        goto out;
    n = fh_tls_start(&loop, server, b, &ss, NULL);
    b = NULL;
    if (n != 0) {
        RUN_UNTIL(c.done);
        goto out;
    }
    RUN_UNTIL(c.done && s.done);
    if (!c.s || !s.s)
        goto out;
    n = fh_stream_write(c.s, big, sizeof big);
    if (n <= 0)
        goto out;
    RUN_UNTIL(s.owner.len == 5 || s.owner.ends || c.owner.ends);
    s.owner.appetite = UINT64_MAX;
    fh_stream_resume(s.s);
    fh_stream_shutdown(c.s);
    RUN_UNTIL(s.owner.ends || c.owner.ends);
    worked = s.owner.ends && s.owner.error == 0 && s.owner.len == (uint64_t)n;
    ck_assert(worked || s.owner.error || c.owner.error);
out:
    countdown = 0;
    if (a)
        fh_stream_close(a, NULL, NULL);
    if (b)
        fh_stream_close(b, NULL, NULL);
    close_owner(&s.owner);
    close_owner(&c.owner);
    fh_tls_free(server);
    fh_tls_free(client);
    fh_tls_session_free(session);
    while (uv_loop_alive(&loop))
        uv_run(&loop, UV_RUN_ONCE);
    return worked;
}

START_TEST(every_allocation_may_fail)
{
    unsigned long n;

    test_time = NOW;
    make_pki(&pki);
    ck_assert(converse());
    for (n = 1;; n += 1 + n / 24) {
        bool worked;

        refused = 0;
        countdown = n;
        worked = converse();
        if (refused == 0) {
            ck_assert(worked);
            break;
        }
    }
    /* It did reach what mbedTLS asks for. */
    ck_assert_uint_gt(n, 500);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls_alloc");
    TCase *tc = tcase_create("tls_alloc");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, loop_setup, loop_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
