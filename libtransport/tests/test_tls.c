/* SPDX-License-Identifier: MIT */
/* TLS between our own two sides: what is agreed, what is refused, how a stream flows and ends. */
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

static void assert_opened(const struct tls_pair *p)
{
    ck_assert_msg(p->client.error == 0, "client: %s", p->client.text);
    ck_assert_msg(p->server.error == 0, "server: %s", p->server.text);
}

/* ---- what is agreed ---------------------------------------------------------------------------
 */

START_TEST(two_ends_speak)
{
    struct fh_tls_info at_client, at_server;
    struct tls_pair p;

    shake_hands(&p, client, server, NULL);
    assert_opened(&p);
    ck_assert_int_eq(fh_stream_kind(p.client.s), FH_STREAM_TLS);
    say(&p.client, "hello");
    hear(&p.server, "hello");
    say(&p.server, "good day");
    hear(&p.client, "good day");
    ck_assert_int_eq(fh_tls_info(p.client.s, &at_client), 0);
    ck_assert_int_eq(fh_tls_info(p.server.s, &at_server), 0);
    ck_assert_str_eq(at_client.version, "TLSv1.2");
    ck_assert_str_eq(at_client.suite, "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384");
    ck_assert_str_eq(at_client.suite, at_server.suite);
    ck_assert_str_eq(at_client.alpn, "");
    ck_assert(at_client.ems && at_server.ems);
    ck_assert(!at_client.resumed && !at_server.resumed);
    ck_assert(at_client.has_peer && !at_server.has_peer);
    close_pair(&p);
}
END_TEST

START_TEST(the_peer_is_known_by_its_hashes)
{
    struct fh_tls_info info;
    struct fh_tls_pin pin;
    uint8_t hash[FH_TLS_HASH_LEN];
    struct tls_pair p;

    shake_hands(&p, client, server, NULL);
    assert_opened(&p);
    ck_assert_int_eq(fh_tls_info(p.client.s, &info), 0);
    ck_assert_int_eq(fh_pki_pin(pki.cert, &pin), 0);
    ck_assert_int_eq(fh_pki_look(pki.cert, hash, NULL, NULL), 0);
    ck_assert_mem_eq(info.peer_spki, pin.sha256, sizeof pin.sha256);
    ck_assert_mem_eq(info.peer_cert, hash, sizeof hash);
    close_pair(&p);
}
END_TEST

START_TEST(a_protocol_is_chosen_by_the_server)
{
    static const char *const at_server[] = {"vncb/1", "http/1.1"};
    static const char *const at_client[] = {"http/1.1", "vncb/1"};
    struct fh_tls_context *s =
        server_of(&pki, &(struct fh_tls_server_config){.alpn = at_server, .alpn_len = 2});
    struct fh_tls_context *c =
        client_of(&pki, &(struct fh_tls_client_config){.alpn = at_client, .alpn_len = 2});
    struct fh_tls_info info;
    struct tls_pair p;

    shake_hands(&p, c, s, NULL);
    assert_opened(&p);
    ck_assert_int_eq(fh_tls_info(p.client.s, &info), 0);
    ck_assert_str_eq(info.alpn, "vncb/1");
    ck_assert_int_eq(fh_tls_info(p.server.s, &info), 0);
    ck_assert_str_eq(info.alpn, "vncb/1");
    close_pair(&p);
    fh_tls_free(s);
    fh_tls_free(c);
}
END_TEST

START_TEST(a_client_of_no_common_protocol_is_told_so)
{
    static const char *const at_server[] = {"vncb/1"};
    static const char *const at_client[] = {"h2"};
    struct fh_tls_context *s =
        server_of(&pki, &(struct fh_tls_server_config){.alpn = at_server, .alpn_len = 1});
    struct fh_tls_context *c =
        client_of(&pki, &(struct fh_tls_client_config){.alpn = at_client, .alpn_len = 1});
    struct tls_pair p;

    shake_hands(&p, c, s, NULL);
    ck_assert_int_eq(p.client.error, FH_TRANSPORT_E_PROTO);
    ck_assert_str_eq(p.client.text, "the peer speaks none of our protocols");
    ck_assert_int_eq(p.server.error, FH_TRANSPORT_E_PROTO);
    fh_tls_free(s);
    fh_tls_free(c);
}
END_TEST

static const uint16_t fragments[] = {512, 1024, 2048, 4096};

START_TEST(a_client_may_ask_for_small_records)
{
    uint16_t len = fragments[_i];
    struct fh_tls_context *c = client_of(&pki, &(struct fh_tls_client_config){.max_fragment = len});
    struct fh_tls_info info;
    struct tls_pair p;
    uint8_t big[10000] = {1};

    shake_hands(&p, c, server, NULL);
    assert_opened(&p);
    ck_assert_int_eq(fh_tls_info(p.client.s, &info), 0);
    ck_assert_uint_eq(info.max_fragment, len);
    ck_assert_int_eq(fh_tls_info(p.server.s, &info), 0);
    ck_assert_uint_eq(info.max_fragment, len);
    ck_assert_int_eq(fh_stream_write(p.server.s, big, sizeof big), (int)sizeof big);
    ck_assert_int_eq(fh_stream_write(p.client.s, big, sizeof big), (int)sizeof big);
    RUN_UNTIL(p.client.owner.len == sizeof big && p.server.owner.len == sizeof big);
    close_pair(&p);
    fh_tls_free(c);
}
END_TEST

START_TEST(both_ends_export_the_same_and_no_other_connection_does)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    uint8_t a[32], b[32], other[32], with[32];
    struct tls_pair p, q;

    shake_hands(&p, client, server, NULL);
    shake_hands(&q, client, server, NULL);
    assert_opened(&p);
    assert_opened(&q);
    ck_assert_int_eq(fh_tls_exporter(p.client.s, label, NULL, 0, a, 32), 0);
    ck_assert_int_eq(fh_tls_exporter(p.server.s, label, NULL, 0, b, 32), 0);
    ck_assert_int_eq(fh_tls_exporter(q.client.s, label, NULL, 0, other, 32), 0);
    ck_assert_mem_eq(a, b, 32);
    ck_assert_mem_ne(a, other, 32);
    /* RFC 5705 section 4: an empty context is not the same as none. */
    ck_assert_int_eq(fh_tls_exporter(p.client.s, label, a, 0, with, 32), 0);
    ck_assert_mem_ne(a, with, 32);
    ck_assert_int_eq(fh_tls_exporter(p.client.s, "EXPORTER-other", NULL, 0, with, 32), 0);
    ck_assert_mem_ne(a, with, 32);
    ck_assert_int_eq(fh_tls_exporter(p.client.s, label, NULL, 0, a, 0), FH_TRANSPORT_E_INVAL);
    close_pair(&p);
    close_pair(&q);
}
END_TEST

/* ---- whom a client believes -------------------------------------------------------------------
 */

static void assert_refused(struct tls_pair *p, const char *text)
{
    ck_assert_int_eq(p->client.error, FH_TRANSPORT_E_IDENTITY);
    ck_assert_str_eq(p->client.text, text);
    ck_assert_int_eq(p->server.error, FH_TRANSPORT_E_PROTO);
}

static const struct {
    const char *name;
    bool good;
} names[] = {
    {"cloud.example", true},  {"CLOUD.Example", true},   {"other.example", false},
    {"a.wild.example", true}, {"wild.example", false},   {"a.b.wild.example", false},
    {".wild.example", false}, {"*.wild.example", true},  {"192.0.2.7", true},
    {"192.0.2.8", false},     {"2001:db8::7", true},     {"2001:db8:0::7", true},
    {"2001:db8::8", false},   {"cloud.example.", false}, {"cloud.exampl", false},
    {"server", false}, /* the common name is not looked at */
};

START_TEST(the_name_must_be_the_certificates)
{
    struct fh_tls_start_config cfg = {.name = names[_i].name};
    struct tls_pair p;

    shake_hands(&p, client, server, &cfg);
    if (names[_i].good)
        assert_opened(&p);
    else
        assert_refused(&p, "the peer's certificate is for another name");
    close_pair(&p);
}
END_TEST

START_TEST(another_root_is_refused)
{
    static struct pki other;
    struct fh_tls_context *c;
    struct tls_pair p;

    make_pki(&other);
    c = client_of(&other, NULL);
    shake_hands(&p, c, server, NULL);
    assert_refused(&p, "no root that is trusted here has signed the peer's certificate");
    fh_tls_free(c);
}
END_TEST

START_TEST(one_of_several_roots_is_enough)
{
    static struct pki other;
    struct fh_tls_context *c;
    struct fh_tls_pin pins[2];
    struct tls_pair p;

    make_pki(&other);
    pins[0] = other.pin;
    pins[1] = pki.pin;
    c = client_of(&pki, &(struct fh_tls_client_config){.pins = pins, .pins_len = 2});
    shake_hands(&p, c, server, NULL);
    assert_opened(&p);
    close_pair(&p);
    fh_tls_free(c);
}
END_TEST

/* The pinned root is there, but has signed nothing; and somebody's key pinned is no root. */
START_TEST(a_root_that_did_not_sign_is_none)
{
    static struct pki other;
    static char chain[4 * FH_PKI_PEM];
    struct fh_tls_context *s, *c;
    struct tls_pair p;

    make_pki(&other);
    (void)snprintf(chain, sizeof chain, "%s%s%s", other.cert, other.root, pki.root);
    s = server_of(&other, &(struct fh_tls_server_config){.cert_pem = chain});
    shake_hands(&p, client, s, NULL);
    assert_refused(&p, "no root that is trusted here has signed the peer's certificate");
    fh_tls_free(s);
    /* The same names, another key: the signature tells. */
    (void)snprintf(chain, sizeof chain, "%s%s", other.cert, pki.root);
    s = server_of(&other, &(struct fh_tls_server_config){.cert_pem = chain});
    shake_hands(&p, client, s, NULL);
    assert_refused(&p, "no root that is trusted here has signed the peer's certificate");
    fh_tls_free(s);
    /* The pin of the server's own certificate, which is no CA. */
    ck_assert_int_eq(fh_pki_pin(pki.cert, &other.pin), 0);
    c = client_of(&other, NULL);
    shake_hands(&p, c, server, NULL);
    assert_refused(&p, "no root that is trusted here has signed the peer's certificate");
    fh_tls_free(c);
}
END_TEST

/* A server's certificate must not sign another's. */
START_TEST(a_server_is_no_root)
{
    static struct pki evil;
    static char chain[4 * FH_PKI_PEM];
    struct fh_pki_config cfg = {.name = "evil",
                                .sans = test_names,
                                .sans_len = 1,
                                .not_before = NOW - DAY,
                                .not_after = NOW + DAY};
    struct fh_tls_context *s;
    struct tls_pair p;

    memset(&evil, 0, sizeof evil);
    ck_assert_int_eq(fh_pki_key_new(evil.key, sizeof evil.key), 0);
    ck_assert_int_eq(fh_pki_issue(&cfg, evil.key, pki.cert, pki.key, evil.cert, sizeof evil.cert),
                     0);
    (void)snprintf(chain, sizeof chain, "%s%s%s", evil.cert, pki.cert, pki.root);
    s = server_of(&evil, &(struct fh_tls_server_config){.cert_pem = chain});
    shake_hands(&p, client, s, NULL);
    assert_refused(&p, "no root that is trusted here has signed the peer's certificate");
    fh_tls_free(s);
}
END_TEST

START_TEST(dates_are_those_of_the_contexts_clock)
{
    struct tls_pair p;

    test_time = NOW + 91 * DAY;
    shake_hands(&p, client, server, NULL);
    assert_refused(&p, "a certificate of the peer has expired, or the clock here is wrong");
    test_time = NOW - 2 * DAY;
    shake_hands(&p, client, server, NULL);
    assert_refused(&p, "a certificate of the peer is not valid yet, or the clock here is wrong");
    test_time = NOW + 89 * DAY;
    shake_hands(&p, client, server, NULL);
    assert_opened(&p);
    close_pair(&p);
}
END_TEST

START_TEST(an_expired_root_is_refused)
{
    issue(&pki, test_names, 4, NOW - DAY, NOW + 2000 * DAY);
    ck_assert_int_eq(fh_tls_server_reload(server, pki.chain, pki.key, NULL, 0), 0);
    struct tls_pair p;

    test_time = NOW + 1001 * DAY;
    shake_hands(&p, client, server, NULL);
    assert_refused(&p, "a certificate of the peer has expired, or the clock here is wrong");
}
END_TEST

START_TEST(who_trusts_anybody_learns_whom)
{
    static struct pki other;
    struct fh_tls_context *s, *c;
    struct fh_tls_info info;
    uint8_t hash[FH_TLS_HASH_LEN];
    struct tls_pair p;

    make_pki(&other);
    issue(&other, test_names, 1, NOW - 2 * DAY, NOW - DAY);
    s = server_of(&other, &(struct fh_tls_server_config){.cert_pem = other.cert});
    c = client_of(&pki, &(struct fh_tls_client_config){.trust_anybody = true});
    shake_hands(&p, c, s, &nothing);
    assert_opened(&p);
    ck_assert_int_eq(fh_tls_info(p.client.s, &info), 0);
    ck_assert_int_eq(fh_pki_look(other.cert, hash, NULL, NULL), 0);
    ck_assert(info.has_peer);
    ck_assert_mem_eq(info.peer_cert, hash, sizeof hash);
    close_pair(&p);
    fh_tls_free(s);
    fh_tls_free(c);
}
END_TEST

/* ---- resuming ---------------------------------------------------------------------------------
 */

/* Was it resumed? Both ends must say the same. */
static bool again(struct fh_tls_context *c, struct fh_tls_context *s,
                  struct fh_tls_session *session)
{
    struct fh_tls_start_config cfg = {.name = "cloud.example", .session = session};
    struct fh_tls_info at_client, at_server;
    struct fh_tls_pin pin;
    uint8_t a[32], b[32];
    struct tls_pair p;

    shake_hands(&p, c, s, &cfg);
    assert_opened(&p);
    ck_assert_int_eq(fh_tls_info(p.client.s, &at_client), 0);
    ck_assert_int_eq(fh_tls_info(p.server.s, &at_server), 0);
    ck_assert_int_eq(at_client.resumed, at_server.resumed);
    ck_assert_int_eq(fh_tls_exporter(p.client.s, "x", NULL, 0, a, 32), 0);
    ck_assert_int_eq(fh_tls_exporter(p.server.s, "x", NULL, 0, b, 32), 0);
    ck_assert_mem_eq(a, b, 32);
    ck_assert_int_eq(fh_pki_pin(pki.cert, &pin), 0);
    ck_assert_mem_eq(at_client.peer_spki, pin.sha256, 32);
    say(&p.client, "once more");
    hear(&p.server, "once more");
    close_pair(&p);
    return at_client.resumed;
}

START_TEST(a_session_is_resumed_by_its_ticket)
{
    struct fh_tls_session *session = fh_tls_session_new();

    ck_assert(!again(client, server, session));
    ck_assert(again(client, server, session));
    ck_assert(again(client, server, session));
    test_time += DAY - 1;
    ck_assert(again(client, server, session));
    /* It ends a day after it began, however often it was used. */
    test_time += 2;
    ck_assert(!again(client, server, session));
    ck_assert(again(client, server, session));
    fh_tls_session_free(session);
}
END_TEST

START_TEST(a_session_is_for_one_name_and_one_context)
{
    struct fh_tls_session *session = fh_tls_session_new();
    struct fh_tls_start_config cfg = {.name = "a.wild.example", .session = session};
    struct fh_tls_context *other = client_of(&pki, NULL);
    struct fh_tls_info info;
    struct tls_pair p;

    ck_assert(!again(client, server, session));
    ck_assert(!again(other, server, session));
    ck_assert(again(other, server, session));
    shake_hands(&p, other, server, &cfg);
    assert_opened(&p);
    ck_assert_int_eq(fh_tls_info(p.client.s, &info), 0);
    ck_assert(!info.resumed);
    close_pair(&p);
    fh_tls_session_free(session);
    fh_tls_free(other);
}
END_TEST

START_TEST(nodes_share_their_ticket_keys)
{
    struct fh_tls_session *session = fh_tls_session_new();
    struct fh_tls_context *node = server_of(&pki, NULL);
    struct fh_tls_ticket_key keys[3];
    size_t n;

    ck_assert(!again(client, server, session));
    ck_assert(!again(client, node, session)); /* and now it has a ticket of this node's */
    n = fh_tls_ticket_keys(node, keys);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(fh_tls_set_ticket_keys(server, keys, n), 0);
    ck_assert(again(client, server, session));
    ck_assert_int_eq(fh_tls_set_ticket_keys(server, keys, 4), FH_TRANSPORT_E_INVAL);
    fh_tls_session_free(session);
    fh_tls_free(node);
}
END_TEST

START_TEST(ticket_keys_are_rotated_every_twelve_hours)
{
    struct fh_tls_ticket_key keys[3], first;
    struct fh_tls_session *session = fh_tls_session_new();

    ck_assert_uint_eq(fh_tls_ticket_keys(server, keys), 1);
    first = keys[0];
    ck_assert(!again(client, server, session));
    test_time += DAY / 2 - 1;
    ck_assert_uint_eq(fh_tls_ticket_keys(server, keys), 1);
    test_time += 1;
    ck_assert_uint_eq(fh_tls_ticket_keys(server, keys), 2);
    ck_assert_mem_eq(&keys[1], &first, sizeof first);
    ck_assert(again(client, server, session));
    test_time += DAY / 2 - 1;
    ck_assert(again(client, server, session));
    test_time += DAY;
    ck_assert_uint_eq(fh_tls_ticket_keys(server, keys), 3);
    test_time += DAY;
    ck_assert_uint_eq(fh_tls_ticket_keys(server, keys), 3);
    ck_assert_mem_ne(&keys[2], &first, sizeof first);
    fh_tls_session_free(session);
}
END_TEST

START_TEST(given_keys_are_not_rotated_and_grow_old)
{
    struct fh_tls_ticket_key keys[3];
    struct fh_tls_session *session = fh_tls_session_new();

    ck_assert_uint_eq(fh_tls_ticket_keys(server, keys), 1);
    ck_assert_int_eq(fh_tls_set_ticket_keys(server, keys, 1), 0);
    test_time += DAY - 1;
    ck_assert_uint_eq(fh_tls_ticket_keys(server, keys), 1);
    ck_assert(!again(client, server, session));
    ck_assert(again(client, server, session));
    test_time += DAY / 2 + 1;
    ck_assert(!again(client, server, session)); /* a key opens for 36 hours */
    ck_assert(!again(client, server, session)); /* and makes none after 24 */
    ck_assert_int_eq(fh_tls_set_ticket_keys(server, NULL, 0), 0);
    ck_assert(!again(client, server, session));
    ck_assert(again(client, server, session));
    fh_tls_session_free(session);
}
END_TEST

START_TEST(without_tickets_nothing_is_resumed)
{
    struct fh_tls_context *s = server_of(&pki, &(struct fh_tls_server_config){.no_tickets = true});
    struct fh_tls_session *session = fh_tls_session_new();

    ck_assert(!again(client, s, session));
    ck_assert(!again(client, s, session));
    fh_tls_session_free(session);
    fh_tls_free(s);
}
END_TEST

/* ---- the certificate is changed ----------------------------------------------------------------
 */

START_TEST(another_certificate_leaves_who_is_connected_alone)
{
    struct fh_tls_info info;
    struct tls_pair old, fresh;
    struct fh_tls_pin pin;
    char why[FH_TLS_WHY] = "";

    shake_hands(&old, client, server, NULL);
    assert_opened(&old);
    ck_assert_int_eq(fh_tls_server_reload(server, pki.chain, pki.root_key, why, sizeof why),
                     FH_TRANSPORT_E_INVAL);
    ck_assert_str_eq(why, "the private key is not the certificate's");
    ck_assert_int_eq(fh_tls_server_reload(server, "nonsense", pki.key, why, sizeof why),
                     FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_tls_server_reload(server, pki.chain, "nonsense", why, sizeof why),
                     FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_key_new(pki.key, sizeof pki.key), 0);
    issue(&pki, test_names, 1, NOW - DAY, NOW + DAY);
    ck_assert_int_eq(fh_tls_server_reload(server, pki.chain, pki.key, why, sizeof why), 0);
    say(&old.client, "still here");
    hear(&old.server, "still here");
    shake_hands(&fresh, client, server, NULL);
    assert_opened(&fresh);
    ck_assert_int_eq(fh_tls_info(fresh.client.s, &info), 0);
    ck_assert_int_eq(fh_pki_pin(pki.cert, &pin), 0);
    ck_assert_mem_eq(info.peer_spki, pin.sha256, 32);
    close_pair(&old);
    close_pair(&fresh);
}
END_TEST

START_TEST(a_context_lives_as_long_as_its_connections)
{
    struct fh_tls_context *s = server_of(&pki, NULL), *c = client_of(&pki, NULL);
    struct tls_pair p;

    shake_hands(&p, c, s, NULL);
    assert_opened(&p);
    fh_tls_free(s);
    fh_tls_free(c);
    say(&p.client, "hello");
    hear(&p.server, "hello");
    close_pair(&p);
}
END_TEST

/* ---- flow and ends ----------------------------------------------------------------------------
 */

static uint64_t sum_of(const uint8_t *data, size_t len)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + data[i];
    return sum;
}

START_TEST(a_slow_reader_stops_the_writer_and_nothing_is_lost)
{
    static uint8_t big[2 << 20];
    struct fh_stream_counters counters;
    struct tls_pair p;
    size_t sent = 0;

    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7 + i / 977);
    shake_hands(&p, client, server, NULL);
    assert_opened(&p);
    p.server.owner.appetite = 1000;
    for (int n = 1; n > 0 && sent < sizeof big; sent += (size_t)n) {
        n = fh_stream_write(p.client.s, big + sent, sizeof big - sent);
        ck_assert_int_ge(n, 0);
        run_rounds(50);
    }
    ck_assert_uint_lt(sent, sizeof big);
    ck_assert_uint_eq(p.server.owner.len, 1000);
    fh_stream_counters(p.client.s, &counters);
    ck_assert_uint_eq(counters.out, sent);
    ck_assert_uint_gt(counters.queued, 0);
    /* An odd appetite: leftovers in the midst of records. */
    while (p.server.owner.len < sizeof big) {
        if (p.client.owner.writable && sent < sizeof big) {
            int n = fh_stream_write(p.client.s, big + sent, sizeof big - sent);

            ck_assert_int_ge(n, 0);
            p.client.owner.writable = 0;
            sent += (size_t)n;
        }
        p.server.owner.appetite = 7001;
        fh_stream_resume(p.server.s);
        uv_run(&loop, UV_RUN_ONCE);
    }
    ck_assert_uint_eq(p.server.owner.sum, sum_of(big, sizeof big));
    close_pair(&p);
}
END_TEST

START_TEST(tls_runs_inside_tls)
{
    static uint8_t big[200000];
    struct tls_pair outer, inner;

    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 5 + i / 251);
    shake_hands(&outer, client, server, NULL);
    assert_opened(&outer);
    start_end(&inner.client, client, outer.client.s, &by_name);
    start_end(&inner.server, server, outer.server.s, &nothing);
    RUN_UNTIL(inner.client.done && inner.server.done);
    assert_opened(&inner);
    for (size_t sent = 0; sent < sizeof big;) {
        int n = fh_stream_write(inner.client.s, big + sent, sizeof big - sent);

        ck_assert_int_ge(n, 0);
        sent += (size_t)n;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    RUN_UNTIL(inner.server.owner.len == sizeof big || inner.server.owner.ends);
    ck_assert_uint_eq(inner.server.owner.sum, sum_of(big, sizeof big));
    close_pair(&inner);
}
END_TEST

START_TEST(an_end_is_told_when_all_before_it_was_taken)
{
    struct tls_pair p;

    shake_hands(&p, client, server, NULL);
    assert_opened(&p);
    p.server.owner.appetite = 2;
    say(&p.client, "last words");
    fh_stream_shutdown(p.client.s);
    ck_assert_int_eq(fh_stream_write(p.client.s, (const uint8_t *)"x", 1), FH_TRANSPORT_E_CLOSED);
    RUN_UNTIL(p.server.owner.len == 2);
    run_rounds(20);
    ck_assert_uint_eq(p.server.owner.ends, 0);
    p.server.owner.appetite = 100;
    fh_stream_resume(p.server.s);
    RUN_UNTIL(p.server.owner.ends);
    ck_assert_int_eq(p.server.owner.error, 0);
    ck_assert_uint_eq(p.server.owner.len, 10);
    /* The other direction goes on. */
    say(&p.server, "and yet");
    hear(&p.client, "and yet");
    fh_stream_shutdown(p.server.s);
    RUN_UNTIL(p.client.owner.ends);
    ck_assert_int_eq(p.client.owner.error, 0);
    close_pair(&p);
}
END_TEST

START_TEST(last_words_then_shutdown_then_close_arrive)
{
    static uint8_t big[700000];
    struct tls_pair p;
    int n;

    shake_hands(&p, client, server, NULL);
    assert_opened(&p);
    p.server.owner.appetite = 0;
    /* More than the stream below holds: part of the ciphertext waits above it. */
    n = fh_stream_write(p.client.s, big, sizeof big);
    ck_assert_int_gt(n, 0);
    ck_assert_int_lt(n, (int)sizeof big);
    fh_stream_shutdown(p.client.s);
    fh_stream_close(p.client.s, owner_closed, &p.client.owner);
    run_rounds(20);
    ck_assert_uint_eq(p.client.owner.closed, 0);
    p.server.owner.appetite = UINT64_MAX;
    fh_stream_resume(p.server.s);
    RUN_UNTIL(p.server.owner.ends);
    ck_assert_int_eq(p.server.owner.error, 0);
    ck_assert_uint_eq(p.server.owner.len, (uint64_t)n);
    close_owner(&p.server.owner);
    RUN_UNTIL(p.client.owner.closed);
}
END_TEST

START_TEST(an_end_without_farewell_is_an_error)
{
    struct tls_pair p;

    shake_hands(&p, client, server, NULL);
    assert_opened(&p);
    say(&p.client, "half a sen");
    run_rounds(5);
    fh_stream_close(p.client.s, owner_closed, &p.client.owner);
    RUN_UNTIL(p.client.owner.closed && p.server.owner.ends);
    ck_assert_int_eq(p.server.owner.error, FH_TRANSPORT_E_RESET);
    ck_assert_int_eq(fh_stream_write(p.server.s, (const uint8_t *)"x", 1), FH_TRANSPORT_E_RESET);
    close_owner(&p.server.owner);
}
END_TEST

START_TEST(a_stream_is_taken_over_with_what_was_left)
{
    struct owner next = {.appetite = UINT64_MAX};
    struct tls_pair p;

    shake_hands(&p, client, server, NULL);
    assert_opened(&p);
    p.server.owner.appetite = 3;
    say(&p.client, "onetwo");
    RUN_UNTIL(p.server.owner.len == 3);
    own(&next, p.server.s);
    p.server.owner.s = NULL;
    RUN_UNTIL(next.len == 3);
    ck_assert_mem_eq(next.first, "two", 3);
    close_owner(&p.client.owner);
    close_owner(&next);
}
END_TEST

START_TEST(nothing_is_read_before_there_is_an_owner)
{
    struct fh_stream *a, *b;
    struct tls_pair p;

    socket_pair(&a, &b);
    start_end(&p.client, client, a, &by_name);
    start_end(&p.server, server, b, &nothing);
    p.server.hold = true;
    RUN_UNTIL(p.client.done && p.server.done);
    assert_opened(&p);
    say(&p.client, "waiting");
    fh_stream_shutdown(p.client.s);
    run_rounds(20);
    own(&p.server.owner, p.server.s);
    RUN_UNTIL(p.server.owner.ends);
    ck_assert_uint_eq(p.server.owner.len, 7);
    close_pair(&p);
}
END_TEST

/* ---- admission, limits, giving up --------------------------------------------------------------
 */

struct porter {
    struct fh_tls_starting *waits;
    unsigned asked;
    bool resumes, lets_in;
};

static struct porter porter;

static bool ask_porter(void *user, struct fh_tls_starting *t, bool resumes)
{
    (void)user;
    porter.asked++;
    porter.waits = t;
    porter.resumes = resumes;
    return porter.lets_in;
}

static void begin_at_porter(struct tls_pair *p, struct fh_tls_session *session)
{
    struct fh_tls_start_config c = {.name = "cloud.example", .session = session};
    struct fh_tls_start_config s = {.admit = ask_porter};
    struct fh_stream *a, *b;

    memset(&porter, 0, sizeof porter);
    socket_pair(&a, &b);
    start_end(&p->client, client, a, &c);
    start_end(&p->server, server, b, &s);
}

START_TEST(a_handshake_waits_to_be_admitted)
{
    struct fh_tls_session *session = fh_tls_session_new();
    struct tls_pair p;

    begin_at_porter(&p, session);
    RUN_UNTIL(porter.asked);
    run_rounds(20);
    ck_assert(!p.client.done && !p.server.done && !porter.resumes);
    fh_tls_go_on(porter.waits);
    RUN_UNTIL(p.client.done && p.server.done);
    assert_opened(&p);
    ck_assert_uint_eq(porter.asked, 1);
    close_pair(&p);

    begin_at_porter(&p, session);
    porter.lets_in = true;
    RUN_UNTIL(p.client.done && p.server.done);
    assert_opened(&p);
    ck_assert(porter.resumes);
    close_pair(&p);

    begin_at_porter(&p, session);
    RUN_UNTIL(porter.asked);
    fh_tls_cancel(porter.waits);
    ck_assert(!p.server.done);
    RUN_UNTIL(p.client.done && p.server.done);
    ck_assert_int_eq(p.server.error, FH_TRANSPORT_E_CANCELLED);
    ck_assert_int_eq(p.client.error, FH_TRANSPORT_E_RESET);
    fh_tls_session_free(session);
}
END_TEST

START_TEST(who_says_nothing_or_half_of_it_is_cut_off)
{
    static const uint8_t half[] = {22, 3, 1, 2, 0, 1, 0, 1, 252};
    struct fh_tls_start_config quick = {.hello_ms = 20, .handshake_ms = 60000};
    struct fh_stream *a, *b;
    struct owner o = {.appetite = UINT64_MAX};
    struct tls_end e;

    for (size_t len = 0; len <= sizeof half; len += sizeof half) {
        memset(&o, 0, sizeof o);
        socket_pair(&a, &b);
        own(&o, a);
        start_end(&e, server, b, &quick);
        ck_assert_int_eq(fh_stream_write(a, half, len), (int)len);
        RUN_UNTIL(e.done && o.ends);
        ck_assert_int_eq(e.error, FH_TRANSPORT_E_TIMEOUT);
        close_owner(&o);
    }
}
END_TEST

START_TEST(a_handshake_that_stands_still_ends)
{
    uint32_t client_ms = _i ? 50 : 60000, server_ms = _i ? 60000 : 50;
    struct fh_tls_start_config c = {.name = "cloud.example", .handshake_ms = client_ms};
    struct fh_tls_start_config s = {
        .admit = ask_porter, .hello_ms = server_ms, .handshake_ms = server_ms};
    struct fh_stream *a, *b;
    struct tls_pair p;

    memset(&porter, 0, sizeof porter);
    socket_pair(&a, &b);
    start_end(&p.server, server, b, &s);
    start_end(&p.client, client, a, &c);
    RUN_UNTIL(p.client.done && p.server.done);
    ck_assert_int_eq(p.client.error, _i ? FH_TRANSPORT_E_TIMEOUT : FH_TRANSPORT_E_RESET);
    ck_assert_int_eq(p.server.error, _i ? FH_TRANSPORT_E_RESET : FH_TRANSPORT_E_TIMEOUT);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused_at_once)
{
    struct fh_tls_start_config no_name = {.done = tls_done};
    struct fh_tls_start_config server_name = {.done = tls_done, .name = "x"};
    struct fh_tls_client_config no_pins = {.pins = NULL};
    struct fh_tls_client_config odd = {.trust_anybody = true, .max_fragment = 1000};
    struct fh_tls_context *ctx;
    struct fh_tls_info info;
    struct fh_stream *a, *b;
    uint8_t out[32];

    socket_pair(&a, &b);
    ck_assert_int_eq(fh_tls_info(a, &info), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_tls_exporter(a, "x", NULL, 0, out, 32), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_tls_start(&loop, client, a, &no_name, NULL), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_tls_start(&loop, server, b, &server_name, NULL), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_tls_client_new(&no_pins, &ctx), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_tls_client_new(&odd, &ctx), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_tls_server_reload(client, pki.chain, pki.key, NULL, 0),
                     FH_TRANSPORT_E_INVAL);
}
END_TEST

static void add_agreed(TCase *tc)
{
    tcase_add_test(tc, two_ends_speak);
    tcase_add_test(tc, the_peer_is_known_by_its_hashes);
    tcase_add_test(tc, a_protocol_is_chosen_by_the_server);
    tcase_add_test(tc, a_client_of_no_common_protocol_is_told_so);
    tcase_add_loop_test(tc, a_client_may_ask_for_small_records, 0, 4);
    tcase_add_test(tc, both_ends_export_the_same_and_no_other_connection_does);
    tcase_add_loop_test(tc, the_name_must_be_the_certificates, 0,
                        (int)(sizeof names / sizeof *names));
    tcase_add_test(tc, another_root_is_refused);
    tcase_add_test(tc, one_of_several_roots_is_enough);
    tcase_add_test(tc, a_root_that_did_not_sign_is_none);
    tcase_add_test(tc, a_server_is_no_root);
    tcase_add_test(tc, dates_are_those_of_the_contexts_clock);
    tcase_add_test(tc, an_expired_root_is_refused);
    tcase_add_test(tc, who_trusts_anybody_learns_whom);
}

static void add_resuming(TCase *tc)
{
    tcase_add_test(tc, a_session_is_resumed_by_its_ticket);
    tcase_add_test(tc, a_session_is_for_one_name_and_one_context);
    tcase_add_test(tc, nodes_share_their_ticket_keys);
    tcase_add_test(tc, ticket_keys_are_rotated_every_twelve_hours);
    tcase_add_test(tc, given_keys_are_not_rotated_and_grow_old);
    tcase_add_test(tc, without_tickets_nothing_is_resumed);
    tcase_add_test(tc, another_certificate_leaves_who_is_connected_alone);
    tcase_add_test(tc, a_context_lives_as_long_as_its_connections);
}

static void add_flow(TCase *tc)
{
    tcase_add_test(tc, a_slow_reader_stops_the_writer_and_nothing_is_lost);
    tcase_add_test(tc, tls_runs_inside_tls);
    tcase_add_test(tc, an_end_is_told_when_all_before_it_was_taken);
    tcase_add_test(tc, last_words_then_shutdown_then_close_arrive);
    tcase_add_test(tc, an_end_without_farewell_is_an_error);
    tcase_add_test(tc, a_stream_is_taken_over_with_what_was_left);
    tcase_add_test(tc, nothing_is_read_before_there_is_an_owner);
    tcase_add_test(tc, a_handshake_waits_to_be_admitted);
    tcase_add_test(tc, who_says_nothing_or_half_of_it_is_cut_off);
    tcase_add_loop_test(tc, a_handshake_that_stands_still_ends, 0, 2);
    tcase_add_test(tc, what_makes_no_sense_is_refused_at_once);
}

int main(void)
{
    Suite *s = suite_create("tls");
    TCase *tc = tcase_create("tls");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    add_agreed(tc);
    add_resuming(tc);
    add_flow(tc);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
