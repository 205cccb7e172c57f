/* SPDX-License-Identifier: MIT */
/* The client's side of TLS against mbedTLS as a server, in memory. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include <farhand/ice_error.h>

#include "../uv/tls.h"
#include "../uv/uv_internal.h"
#include "tls_keys.h"

struct wire {
    uint8_t mem[65536];
    size_t len, used;
};

static struct {
    struct wire to_server, to_client;
    struct fh__tls *client;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    char got[256]; /* plain bytes of the server */
    size_t got_len;
    bool opened, is_full;
} w;

static int rng(void *user, unsigned char *out, size_t len)
{
    fh__ice_random(user, out, len);
    return 0;
}

static void put(struct wire *x, const uint8_t *data, size_t len)
{
    ck_assert_uint_le(len, sizeof x->mem - x->len);
    memcpy(x->mem + x->len, data, len);
    x->len += len;
}

static int server_send(void *user, const unsigned char *data, size_t len)
{
    (void)user;
    put(&w.to_client, data, len);
    return (int)len;
}

static int server_recv(void *user, unsigned char *out, size_t len)
{
    size_t n = w.to_server.len - w.to_server.used;

    (void)user;
    if (n == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    n = n < len ? n : len;
    memcpy(out, w.to_server.mem + w.to_server.used, n);
    w.to_server.used += n;
    return (int)n;
}

static int on_send(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    if (w.is_full)
        return FH_ICE_E_LIMIT;
    put(&w.to_server, data, len);
    return 0;
}

static void on_plain(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    ck_assert_uint_lt(w.got_len + len, sizeof w.got);
    memcpy(w.got + w.got_len, data, len);
    w.got_len += len;
}

static void on_opened(void *user)
{
    (void)user;
    ck_assert(!w.opened);
    w.opened = true;
}

static int parse_key(void)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_parse_key(&w.key, (const uint8_t *)server_key, sizeof server_key, NULL, 0,
                                rng, NULL);
#else
    return mbedtls_pk_parse_key(&w.key, (const uint8_t *)server_key, sizeof server_key, NULL, 0);
#endif
}

static void begin(const char *name, const char *ca)
{
    struct fh__tls_config cfg = {
        .name = name, .ca_pem = ca, .send = on_send, .plain = on_plain, .opened = on_opened};

    memset(&w, 0, sizeof w);
    mbedtls_ssl_init(&w.ssl);
    mbedtls_ssl_config_init(&w.conf);
    mbedtls_x509_crt_init(&w.cert);
    mbedtls_pk_init(&w.key);
    ck_assert_int_eq(
        mbedtls_x509_crt_parse(&w.cert, (const uint8_t *)server_cert, sizeof server_cert), 0);
    ck_assert_int_eq(parse_key(), 0);
    ck_assert_int_eq(mbedtls_ssl_config_defaults(&w.conf, MBEDTLS_SSL_IS_SERVER,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_rng(&w.conf, rng, NULL);
    ck_assert_int_eq(mbedtls_ssl_conf_own_cert(&w.conf, &w.cert, &w.key), 0);
    ck_assert_int_eq(mbedtls_ssl_setup(&w.ssl, &w.conf), 0);
    mbedtls_ssl_set_bio(&w.ssl, NULL, server_send, server_recv, NULL);
    ck_assert_int_eq(fh__tls_new(&cfg, &w.client), 0);
    ck_assert_int_eq(fh__tls_input(w.client, NULL, 0), 0);
}

static void finish(void)
{
    fh__tls_free(w.client);
    mbedtls_ssl_free(&w.ssl);
    mbedtls_ssl_config_free(&w.conf);
    mbedtls_x509_crt_free(&w.cert);
    mbedtls_pk_free(&w.key);
}

/* What the server sent goes to the client, `step` bytes at a time; the first error ends it. */
static int deliver(size_t step)
{
    while (w.to_client.used < w.to_client.len) {
        size_t left = w.to_client.len - w.to_client.used, n = step < left ? step : left;
        int ret = fh__tls_input(w.client, w.to_client.mem + w.to_client.used, n);

        w.to_client.used += n;
        if (ret != 0)
            return ret;
    }
    return 0;
}

static int handshake(size_t step)
{
    for (int i = 0; i < 20 && !w.opened; i++) {
        int ret;

        (void)mbedtls_ssl_handshake(&w.ssl);
        if ((ret = deliver(step)) != 0)
            return ret;
    }
    return 0;
}

START_TEST(bytes_cross_however_they_are_cut)
{
    uint8_t got[64];

    begin("turn.test", server_cert);
    ck_assert_int_eq(fh__tls_write(w.client, (const uint8_t *)"early", 5), FH_ICE_E_STATE);
    ck_assert_int_eq(handshake((size_t)_i), 0);
    ck_assert(w.opened);
    ck_assert_int_eq(mbedtls_ssl_write(&w.ssl, (const uint8_t *)"from there", 10), 10);
    ck_assert_int_eq(mbedtls_ssl_write(&w.ssl, (const uint8_t *)", twice", 7), 7);
    ck_assert_int_eq(deliver((size_t)_i), 0);
    ck_assert_uint_eq(w.got_len, 17);
    ck_assert_mem_eq(w.got, "from there, twice", 17);
    ck_assert_int_eq(fh__tls_write(w.client, (const uint8_t *)"from here", 9), 0);
    ck_assert_int_eq(mbedtls_ssl_read(&w.ssl, got, sizeof got), 9);
    ck_assert_mem_eq(got, "from here", 9);
    ck_assert_int_eq(mbedtls_ssl_close_notify(&w.ssl), 0);
    ck_assert_int_eq(deliver((size_t)_i), FH_ICE_E_LOST);
    finish();
}

START_TEST(a_server_must_prove_its_name)
{
    begin(_i == 0 ? "other.test" : "turn.test", _i == 0 ? server_cert : other_cert);
    ck_assert_int_eq(handshake(SIZE_MAX), FH_ICE_E_AUTH);
    ck_assert(!w.opened);
    finish();
}

START_TEST(what_is_no_tls_is_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"HTTP/1.1 400 Bad Request", 24},
               {"\x15\x03\x03\x00\x02\x02\x28", 7}, /* handshake_failure */
               {"\x16\x03\x03\xff\xff garbage", 13},
               {"\x01\x01\x00\x00!\x12\xa4\x42", 8}}; /* STUN */

    begin("turn.test", server_cert);
    ck_assert_int_eq(fh__tls_input(w.client, (const uint8_t *)bad[_i].bytes, bad[_i].len),
                     FH_ICE_E_PROTO);
    finish();
}

START_TEST(a_changed_byte_ends_the_stream)
{
    begin("turn.test", server_cert);
    ck_assert_int_eq(handshake(SIZE_MAX), 0);
    ck_assert_int_eq(mbedtls_ssl_write(&w.ssl, (const uint8_t *)"from there", 10), 10);
    w.to_client.mem[w.to_client.len - 1] ^= 1;
    ck_assert_int_eq(deliver(SIZE_MAX), FH_ICE_E_PROTO);
    ck_assert_uint_eq(w.got_len, 0);
    finish();
}

START_TEST(a_socket_that_takes_nothing_is_told)
{
    begin("turn.test", server_cert);
    ck_assert_int_eq(handshake(SIZE_MAX), 0);
    w.is_full = true;
    ck_assert_int_eq(fh__tls_write(w.client, (const uint8_t *)"from here", 9), FH_ICE_E_LIMIT);
    finish();
}

START_TEST(nothing_to_trust_is_no_way_around_it)
{
    struct fh__tls_config cfg = {
        .name = "turn.test", .ca_pem = "", .send = on_send, .plain = on_plain, .opened = on_opened};
    struct fh__tls *t = NULL;

    ck_assert_int_eq(fh__tls_new(&cfg, &t), FH_ICE_E_INVAL);
    cfg.ca_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    ck_assert_int_eq(fh__tls_new(&cfg, &t), FH_ICE_E_INVAL);
    cfg.ca_pem = server_cert;
    cfg.name = "";
    ck_assert_int_eq(fh__tls_new(&cfg, &t), FH_ICE_E_INVAL);
    ck_assert_ptr_null(t);
    fh__tls_free(NULL);
}

int main(void)
{
    Suite *s = suite_create("ice-tls");
    TCase *tc = tcase_create("tls");
    int failed;
    SRunner *r;

    tcase_add_loop_test(tc, bytes_cross_however_they_are_cut, 1, 4);
    tcase_add_loop_test(tc, a_server_must_prove_its_name, 0, 2);
    tcase_add_loop_test(tc, what_is_no_tls_is_refused, 0, 4);
    tcase_add_test(tc, a_changed_byte_ends_the_stream);
    tcase_add_test(tc, a_socket_that_takes_nothing_is_told);
    tcase_add_test(tc, nothing_to_trust_is_no_way_around_it);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
