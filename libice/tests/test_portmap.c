/* SPDX-License-Identifier: MIT */
/* Port mapping against a gateway that is played byte by byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice_error.h>
#include <farhand/portmap.h>

static struct fh_portmap *p;
static uint64_t now;
static struct fh_portmap_message msg;
static struct fh_portmap_event ev;
static struct fh_ice_address gateway, local;

static void fake_random(void *user, void *out, size_t len)
{
    static uint8_t x;

    (void)user;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = x = (uint8_t)(x * 5 + 1);
}

static struct fh_ice_address addr(const char *ip, uint16_t port)
{
    struct fh_ice_address a;

    ck_assert_int_eq(fh_ice_address_parse(ip, strlen(ip), &a), 0);
    a.port = port;
    return a;
}

static void begin(const char *gateway_ip, const char *local_ip)
{
    static union {
        max_align_t align;
        uint8_t mem[1024];
    } store;
    struct fh_portmap_config cfg = {.random = fake_random};

    gateway = cfg.gateway = addr(gateway_ip, FH_PORTMAP_PORT);
    local = cfg.local = addr(local_ip, 40000);
    now = 5000;
    memset(&store, 0xa5, sizeof store);
    p = fh_portmap_init(store.mem, sizeof store.mem, now, &cfg);
    ck_assert_ptr_nonnull(p);
}

static void expect(uint8_t version, uint8_t op, size_t len)
{
    ck_assert_int_eq(fh_portmap_output(p, now, &msg), 1);
    ck_assert_uint_eq(msg.len, len);
    ck_assert_uint_eq(msg.data[0], version);
    ck_assert_uint_eq(msg.data[1], op);
    ck_assert(fh_ice_address_equal(&msg.to, &gateway));
}

static void expect_silence(void)
{
    ck_assert_int_eq(fh_portmap_output(p, now, &msg), 0);
}

static void expect_event(enum fh_portmap_event_type type, const char *ip, uint16_t port)
{
    struct fh_ice_address a;

    ck_assert_int_eq(fh_portmap_event(p, &ev), 1);
    ck_assert_int_eq(ev.type, type);
    if (!ip)
        return;
    a = addr(ip, port);
    ck_assert(fh_ice_address_equal(&ev.external, &a));
}

static void expect_no_event(void)
{
    ck_assert_int_eq(fh_portmap_event(p, &ev), 0);
}

static uint32_t asked_lifetime(void)
{
    const uint8_t *q = msg.data + (msg.data[0] == 2 ? 4 : 8);

    return (uint32_t)q[0] << 24 | (uint32_t)q[1] << 16 | (uint32_t)q[2] << 8 | q[3];
}

static void put32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* The answer to the PCP request in msg, which must still be lent. */
static bool answer_pcp(uint8_t result, uint32_t lifetime, const char *ip, uint16_t port)
{
    uint8_t a[60];
    struct fh_ice_address e = addr(ip, port);

    memcpy(a, msg.data, 60);
    a[1] |= 0x80;
    a[3] = result;
    put32(a + 4, lifetime);
    put32(a + 8, 77);
    memset(a + 12, 0, 12);
    a[42] = (uint8_t)(port >> 8);
    a[43] = (uint8_t)port;
    if (e.family == FH_ICE_IPV4)
        memcpy(a + 56, e.ip, 4);
    else
        memcpy(a + 44, e.ip, 16);
    return fh_portmap_input(p, now, &gateway, a, sizeof a);
}

static bool answer_natpmp(uint8_t op, uint16_t result, const char *ip, uint16_t port,
                          uint32_t lifetime)
{
    uint8_t a[16] = {0, (uint8_t)(128 + op), (uint8_t)(result >> 8), (uint8_t)result};
    struct fh_ice_address e = addr(ip, port);

    put32(a + 4, 77);
    if (op == 0) {
        memcpy(a + 8, e.ip, 4);
        return fh_portmap_input(p, now, &gateway, a, 12);
    }
    a[8] = 40000 >> 8;
    a[9] = 40000 & 0xff;
    a[10] = (uint8_t)(port >> 8);
    a[11] = (uint8_t)port;
    put32(a + 12, lifetime);
    return fh_portmap_input(p, now, &gateway, a, 16);
}

/* Wait as a loop would, until something is to be sent or `until` has come. */
static bool wait(uint64_t until)
{
    for (;;) {
        uint64_t at;

        fh_portmap_tick(p, now);
        if (fh_portmap_output(p, now, &msg))
            return true;
        at = fh_portmap_deadline(p);
        ck_assert_uint_gt(at, now);
        if (at > until)
            break;
        now = at;
    }
    now = until;
    return false;
}

START_TEST(pcp_maps_a_port)
{
    /* RFC 6887 7.1 and 11.1, by hand. */
    static const uint8_t head[24] = {2, 1, 0, 0, 0, 0, 0x1c, 0x20, 0,  0, 0, 0,
                                     0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2};
    static const uint8_t tail[24] = {17, 0, 0, 0, 0x9c, 0x40, 0,    0,    0, 0, 0, 0,
                                     0,  0, 0, 0, 0,    0,    0xff, 0xff, 0, 0, 0, 0};

    begin("10.0.0.1", "10.0.0.2");
    expect(2, 1, 60);
    ck_assert_mem_eq(msg.data, head, sizeof head);
    ck_assert_mem_eq(msg.data + 36, tail, sizeof tail);
    expect_silence();
    ck_assert(answer_pcp(0, 600, "203.0.113.1", 50000));
    expect_event(FH_PORTMAP_EV_MAPPED, "203.0.113.1", 50000);
    expect_no_event();
    ck_assert(!answer_pcp(0, 600, "203.0.113.2", 50000)); /* nothing is asked */
    expect_no_event();
}

START_TEST(a_lease_is_renewed_at_half_of_its_life)
{
    begin("10.0.0.1", "10.0.0.2");
    expect(2, 1, 60);
    ck_assert(answer_pcp(0, 600, "203.0.113.1", 50000));
    expect_event(FH_PORTMAP_EV_MAPPED, "203.0.113.1", 50000);
    ck_assert(wait(UINT64_MAX - 1));
    ck_assert_uint_eq(now, 5000 + 300000);
    ck_assert_uint_eq(msg.data[42] << 8 | msg.data[43], 50000); /* the same one, please */
    ck_assert(answer_pcp(0, 86400, "203.0.113.1", 50000));
    expect_no_event();
    ck_assert(wait(UINT64_MAX - 1));
    ck_assert_uint_eq(now, 5000 + 300000 + 600000); /* a day is too long to be sure */
    ck_assert(answer_pcp(0, 600, "203.0.113.1", 50001));
    expect_event(FH_PORTMAP_EV_LOST, "203.0.113.1", 50000);
    expect_event(FH_PORTMAP_EV_MAPPED, "203.0.113.1", 50001);
    /* The gateway goes away: asked five times, and the lease ends. */
    for (int i = 0; i < 5; i++)
        ck_assert(wait(UINT64_MAX - 1));
    expect_no_event();
    ck_assert(!wait(UINT64_MAX - 1));
    expect_event(FH_PORTMAP_EV_LOST, "203.0.113.1", 50001);
}

START_TEST(natpmp_is_asked_when_pcp_is_not_known)
{
    uint8_t unsupported[8] = {0, 0x81, 0, 1};

    begin("10.0.0.1", "10.0.0.2");
    expect(2, 1, 60);
    unsupported[1] = _i == 0 ? 0x81 : 0x80;
    ck_assert(fh_portmap_input(p, now, &gateway, unsupported, sizeof unsupported));
    expect(0, 0, 2);
    expect(0, 1, 12);
    ck_assert(!fh_portmap_input(p, now, &gateway, unsupported, sizeof unsupported)); /* again */
    ck_assert_uint_eq(asked_lifetime(), 7200);
    ck_assert(answer_natpmp((uint8_t)_i, 0, "203.0.113.1", 50000, 3600));
    expect_no_event();
    ck_assert(answer_natpmp((uint8_t)!_i, 0, "203.0.113.1", 50000, 3600));
    expect_event(FH_PORTMAP_EV_MAPPED, "203.0.113.1", 50000);
    expect_silence();
    ck_assert(wait(UINT64_MAX - 1));
    ck_assert_uint_eq(now, 5000 + 600000);
    ck_assert_uint_eq(msg.data[0], 0);
    expect(0, 1, 12);
    ck_assert(answer_natpmp(1, 0, "203.0.113.1", 50007, 3600));
    ck_assert(answer_natpmp(0, 0, "203.0.113.9", 0, 0));
    expect_event(FH_PORTMAP_EV_LOST, "203.0.113.1", 50000);
    expect_event(FH_PORTMAP_EV_MAPPED, "203.0.113.9", 50007);
    fh_portmap_close(p, now);
    expect(0, 1, 12);
    ck_assert_uint_eq(asked_lifetime(), 0);
    ck_assert_uint_eq(msg.data[6] << 8 | msg.data[7], 0); /* RFC 6886 3.4 */
    ck_assert(answer_natpmp(1, 0, "203.0.113.9", 0, 0));
    expect_event(FH_PORTMAP_EV_CLOSED, NULL, 0);
}

START_TEST(natpmp_is_asked_beside_pcp_when_nobody_says_anything)
{
    uint64_t sent[3][8];
    size_t n[3] = {0};

    begin("10.0.0.1", "10.0.0.2");
    while (wait(UINT64_MAX - 1)) {
        size_t what = msg.data[0] == 2 ? 0 : msg.len == 2 ? 1 : 2;

        ck_assert_uint_lt(n[what], 8);
        sent[what][n[what]++] = now - 5000;
    }
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(n[i], 5);
    ck_assert_uint_eq(sent[0][1], 250);
    ck_assert_uint_eq(sent[1][0], 250);
    ck_assert_uint_eq(sent[0][4], 250 + 500 + 1000 + 2000);
    ck_assert_uint_le(sent[2][4], 8000);
    expect_no_event();
    ck_assert(fh_portmap_deadline(p) == UINT64_MAX); /* quiet for ever */
    ck_assert_int_eq(fh_portmap_set_gateway(p, now, &gateway, &local), 0);
    expect(2, 1, 60); /* unless somebody says that the network changed */
}

START_TEST(a_private_external_address_is_given_back)
{
    static const char *const useless[] = {"100.64.1.1", "192.168.0.7", "10.9.9.9", "0.0.0.0"};

    begin("10.0.0.1", "10.0.0.2");
    expect(2, 1, 60);
    ck_assert(answer_pcp(0, 600, useless[_i], 50000));
    expect_no_event();
    expect(2, 1, 60);
    ck_assert_uint_eq(asked_lifetime(), 0);
    ck_assert(answer_pcp(0, 0, useless[_i], 0));
    ck_assert(!wait(UINT64_MAX - 1));
    expect_no_event();
    fh_portmap_close(p, now);
    expect_silence();
    expect_event(FH_PORTMAP_EV_CLOSED, NULL, 0);
}

START_TEST(a_refusal_is_not_argued_with)
{
    begin("10.0.0.1", "10.0.0.2");
    expect(2, 1, 60);
    ck_assert(answer_pcp(2, 300, "0.0.0.0", 0)); /* not authorised, for five minutes */
    expect_silence();
    expect_no_event();
    ck_assert(wait(UINT64_MAX - 1));
    ck_assert_uint_eq(now, 5000 + 300000);
    ck_assert(answer_pcp(8, UINT32_MAX, "0.0.0.0", 0));
    ck_assert(wait(UINT64_MAX - 1));
    ck_assert_uint_eq(now, 5000 + 300000 + 1800000);
}

START_TEST(nobody_else_can_answer)
{
    struct fh_ice_address stranger = addr("10.0.0.9", FH_PORTMAP_PORT), port = gateway;
    uint8_t a[60];

    begin("10.0.0.1", "10.0.0.2");
    port = gateway;
    port.port = 5350;
    expect(2, 1, 60);
    memcpy(a, msg.data, 60);
    a[1] |= 0x80;
    memcpy(a + 56, "\313\0q\1", 4);
    a[42] = 1;
    ck_assert(!fh_portmap_input(p, now, &stranger, a, 60));
    ck_assert(!fh_portmap_input(p, now, &port, a, 60));
    a[24] ^= 1; /* another nonce */
    ck_assert(!fh_portmap_input(p, now, &gateway, a, 60));
    a[24] ^= 1;
    a[41] ^= 1; /* another port of ours */
    ck_assert(!fh_portmap_input(p, now, &gateway, a, 60));
    a[41] ^= 1;
    a[36] = 6; /* TCP */
    ck_assert(!fh_portmap_input(p, now, &gateway, a, 60));
    a[36] = 17;
    for (size_t len = 0; len < 60; len++)
        ck_assert(!fh_portmap_input(p, now, &gateway, a, len));
    expect_no_event();
    ck_assert(fh_portmap_input(p, now, &gateway, a, 60));
    expect_event(FH_PORTMAP_EV_MAPPED, "203.0.113.1", 256);
}

START_TEST(another_gateway_is_asked_anew)
{
    struct fh_ice_address g = addr("192.168.7.1", 0), l = addr("192.168.7.2", 40000);
    struct fh_ice_address v6 = addr("fd00::1", 0);

    begin("10.0.0.1", "10.0.0.2");
    expect(2, 1, 60);
    ck_assert(answer_pcp(0, 600, "203.0.113.1", 50000));
    expect_event(FH_PORTMAP_EV_MAPPED, "203.0.113.1", 50000);
    ck_assert_int_eq(fh_portmap_set_gateway(p, now, &gateway, &local), 0);
    expect_silence(); /* the same: it stays */
    ck_assert_int_eq(fh_portmap_set_gateway(p, now, &v6, &l), FH_ICE_E_INVAL);
    ck_assert_int_eq(fh_portmap_set_gateway(p, now, &g, &l), 0);
    expect_event(FH_PORTMAP_EV_LOST, "203.0.113.1", 50000);
    gateway = g;
    gateway.port = FH_PORTMAP_PORT;
    expect(2, 1, 60);
    ck_assert(answer_pcp(0, 600, "198.51.100.7", 1024));
    expect_event(FH_PORTMAP_EV_MAPPED, "198.51.100.7", 1024);
}

START_TEST(it_is_deleted_on_close)
{
    begin("10.0.0.1", "10.0.0.2");
    expect(2, 1, 60);
    if (_i > 0) { /* closed while asked for: the answer may have made it */
        ck_assert(answer_pcp(0, 600, "203.0.113.1", 50000));
        expect_event(FH_PORTMAP_EV_MAPPED, "203.0.113.1", 50000);
    }
    fh_portmap_close(p, now);
    expect(2, 1, 60);
    ck_assert_uint_eq(asked_lifetime(), 0);
    if (_i == 2)
        ck_assert(answer_pcp(0, 0, "203.0.113.1", 0));
    while (wait(now + 1000))
        ;
    ck_assert_uint_le(now, 5000 + 2000);
    expect_event(FH_PORTMAP_EV_CLOSED, NULL, 0);
    expect_no_event();
    ck_assert_int_eq(fh_portmap_set_gateway(p, now, &gateway, &local), FH_ICE_E_STATE);
}

START_TEST(a_firewall_is_opened_for_ipv6)
{
    begin("2001:db8::1", "2600:1::2");
    expect(2, 1, 60);
    ck_assert_mem_eq(msg.data + 8, local.ip, 16);
    ck_assert(answer_pcp(0, 600, "2600:1::2", 40000));
    expect_event(FH_PORTMAP_EV_MAPPED, "2600:1::2", 40000);
    begin("2001:db8::1", "2600:1::2");
    while (wait(UINT64_MAX - 1))
        ck_assert_uint_eq(msg.data[0], 2); /* NAT-PMP has no IPv6 */
}

START_TEST(a_configuration_out_of_range_makes_nothing)
{
    uint8_t mem[1024];
    struct fh_portmap_config good = {.gateway = addr("10.0.0.1", 0),
                                     .local = addr("10.0.0.2", 1),
                                     .random = fake_random},
                             c = good;

    ck_assert_uint_le(fh_portmap_size(), sizeof mem);
    ck_assert_ptr_null(fh_portmap_init(mem, fh_portmap_size() - 1, 0, &c));
    c.local.port = 0;
    ck_assert_ptr_null(fh_portmap_init(mem, sizeof mem, 0, &c));
    c = good;
    c.gateway = addr("::1", 0);
    ck_assert_ptr_null(fh_portmap_init(mem, sizeof mem, 0, &c));
    fh_portmap_finish(NULL);
}

int main(void)
{
    Suite *s = suite_create("portmap");
    TCase *tc = tcase_create("portmap");
    int failed;
    SRunner *r;

    tcase_add_test(tc, pcp_maps_a_port);
    tcase_add_test(tc, a_lease_is_renewed_at_half_of_its_life);
    tcase_add_loop_test(tc, natpmp_is_asked_when_pcp_is_not_known, 0, 2);
    tcase_add_test(tc, natpmp_is_asked_beside_pcp_when_nobody_says_anything);
    tcase_add_loop_test(tc, a_private_external_address_is_given_back, 0, 4);
    tcase_add_test(tc, a_refusal_is_not_argued_with);
    tcase_add_test(tc, nobody_else_can_answer);
    tcase_add_test(tc, another_gateway_is_asked_anew);
    tcase_add_loop_test(tc, it_is_deleted_on_close, 0, 3);
    tcase_add_test(tc, a_firewall_is_opened_for_ipv6);
    tcase_add_test(tc, a_configuration_out_of_range_makes_nothing);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
