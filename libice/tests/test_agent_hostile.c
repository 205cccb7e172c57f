/* SPDX-License-Identifier: MIT */
/* What peers and strangers may try, and what an agent gives away. Exact transcripts at the end. */
#include "agent_net.h"

#define ARRAY_LEN(a) ((int)(sizeof(a) / sizeof(*(a))))

static const uint8_t txid[FH_STUN_TXID_LEN] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};

static struct net *waiting(uint64_t seed)
{
    struct net *n = net_two(seed);

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 2000, FH_ICE_BASE_HOST);
    return n;
}

/* The bytes that A sends back for this datagram; the last one stays in out. */
static size_t answer_to(struct net *n, const char *from, const uint8_t *data, size_t len,
                        struct packet *out)
{
    struct fh_ice_datagram in = {.base = 0, .peer = at(from, 999), .data = data, .len = len}, d;
    size_t total = 0;

    memset(out, 0, sizeof *out);
    fh_ice_agent_input(n->sides[0].agent, n->now, &in);
    while (fh_ice_agent_output(n->sides[0].agent, &d) > 0) {
        ck_assert(fh_ice_address_equal(&d.peer, &in.peer));
        memcpy(out->data, d.data, d.len);
        out->len = d.len;
        total += d.len;
    }
    return total;
}

static void begin_request(struct net *n, struct fh_stun_builder *b, uint8_t *mem, size_t cap,
                          const char *ufrag)
{
    struct fh_ice_description d;
    char name[FH_ICE_MAX_CREDENTIAL + 8];

    fh_ice_agent_description(n->sides[0].agent, &d);
    snprintf(name, sizeof name, "%s:xxxx", ufrag ? ufrag : d.ufrag);
    fh_stun_build(b, mem, cap, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    fh_stun_write_text(b, FH_STUN_USERNAME, name);
}

static size_t end_request(struct net *n, struct fh_stun_builder *b, const char *pwd)
{
    struct fh_ice_description d;

    fh_ice_agent_description(n->sides[0].agent, &d);
    pwd = pwd ? pwd : d.pwd;
    fh_stun_write_integrity(b, FH_STUN_BY_SHA1, (const uint8_t *)pwd, strlen(pwd));
    fh_stun_write_fingerprint(b);
    return fh_stun_build_end(b);
}

/* ---- candidates ----------------------------------------------------------------------------- */

static const struct {
    const char *ip;
    unsigned port;
    int ret;
} remotes[] = {
    {"127.0.0.1", 80, FH_ICE_E_ADDRESS},
    {"::1", 80, FH_ICE_E_ADDRESS},
    {"0.0.0.0", 80, FH_ICE_E_ADDRESS},
    {"224.0.0.1", 80, FH_ICE_E_ADDRESS},
    {"255.255.255.255", 80, FH_ICE_E_ADDRESS},
    {"ff02::1", 80, FH_ICE_E_ADDRESS},
    {"::ffff:127.0.0.1", 80, FH_ICE_E_ADDRESS},
    {"64:ff9b::7f00:1", 80, FH_ICE_E_ADDRESS},
    {"203.0.113.5", 80, FH_ICE_E_ADDRESS},
    {"203.0.113.5", 81, FH_ICE_E_ADDRESS},
    {"64:ff9b::cb00:7105", 81, FH_ICE_E_ADDRESS}, /* the same one, through a NAT64 */
    {"64:ff9b::cb00:7106", 81, 0},                /* its neighbour */
    {"192.0.2.9", 0, FH_ICE_E_ADDRESS},
    {"192.0.2.9", 9, 0},
    {"10.1.1.1", 22, 0},
    {"fe80::1", 5, 0},
};

START_TEST(a_candidate_that_points_where_no_peer_is_is_refused)
{
    struct fh_ice_address broker = at("203.0.113.5", 443);
    struct fh_ice_config cfg = {.role = FH_ICE_CONTROLLING, .refused = &broker, .refused_len = 1};
    struct fh_ice_candidate c = {.type = FH_ICE_HOST, .priority = 1, .foundation = "1"};
    struct net *n = net_new(1);

    net_agent(n, 0, &cfg);
    net_agent(n, 1, &net_controlled);
    c.address = at(remotes[_i].ip, remotes[_i].port);
    ck_assert_int_eq(fh_ice_agent_add_remote(n->sides[0].agent, n->now, &c, NULL), remotes[_i].ret);
    net_free(n);
}
END_TEST

START_TEST(a_peer_with_200_candidates_gets_32_and_100_pairs)
{
    struct net *n = net_two(2);
    struct fh_ice_stats s;
    char ip[32];

    for (int i = 0; i < 5; i++) {
        snprintf(ip, sizeof ip, "192.0.2.%d", i + 1);
        net_base(n, 0, ip, 1000, FH_ICE_BASE_HOST);
    }
    for (unsigned i = 0; i < 200; i++) {
        struct fh_ice_candidate c = {.type = FH_ICE_HOST, .priority = i + 1, .foundation = "1"};

        c.address = at("198.51.100.1", i + 1);
        ck_assert_int_eq(fh_ice_agent_add_remote(n->sides[0].agent, n->now, &c, NULL),
                         i < 32 ? 0 : FH_ICE_E_LIMIT);
        ck_assert_int_eq(fh_ice_agent_add_remote(n->sides[0].agent, n->now, &c, NULL),
                         i < 32 ? 0 : FH_ICE_E_LIMIT);
    }
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.remote_candidates, 32);
    ck_assert_uint_eq(s.pairs, 100);
    /* And a peer-reflexive one, the true peer, is still learnt and found. */
    net_base(n, 1, "203.0.113.2", 1000, FH_ICE_BASE_HOST);
    n->sides[1].is_trickling = false;
    net_exchange(n);
    net_until(n, FH_ICE_CONNECTED, 2000);
    ck_assert_int_eq((int)net_path(n, 0).remote_type, FH_ICE_PRFLX);
    net_free(n);
}
END_TEST

START_TEST(bases_are_checked_and_counted)
{
    struct net *n = net_two(3);
    struct fh_ice_agent *a = n->sides[0].agent;
    struct fh_ice_base b = {.kind = FH_ICE_BASE_HOST, .address = at("127.0.0.1", 1)};

    ck_assert_int_eq(fh_ice_agent_add_base(a, n->now, &b), FH_ICE_E_ADDRESS);
    b.address = at("192.0.2.1", 0);
    ck_assert_int_eq(fh_ice_agent_add_base(a, n->now, &b), FH_ICE_E_ADDRESS);
    b.address.port = 1;
    b.cost = 32;
    ck_assert_int_eq(fh_ice_agent_add_base(a, n->now, &b), FH_ICE_E_INVAL);
    b.cost = 0;
    for (int i = 0; i < FH_ICE_MAX_BASES; i++) {
        ck_assert_int_eq(fh_ice_agent_add_base(a, n->now, &b), i);
        ck_assert_int_eq(fh_ice_agent_add_base(a, n->now, &b), FH_ICE_E_STATE);
        b.address.port++;
    }
    ck_assert_int_eq(fh_ice_agent_add_base(a, n->now, &b), FH_ICE_E_LIMIT);
    fh_ice_agent_remove_base(a, n->now, 3);
    fh_ice_agent_remove_base(a, n->now, 3);
    fh_ice_agent_remove_base(a, n->now, 99);
    ck_assert_int_eq(fh_ice_agent_add_base(a, n->now, &b), 3);
    net_free(n);
}
END_TEST

/* ---- strangers ------------------------------------------------------------------------------ */

START_TEST(who_does_not_know_the_user_fragment_gets_no_answer)
{
    struct net *n = waiting(4);
    struct fh_stun_builder b;
    struct packet out;
    uint8_t mem[256];

    begin_request(n, &b, mem, sizeof mem, "abcdefgh");
    ck_assert_uint_eq(answer_to(n, "203.0.113.66", mem, end_request(n, &b, NULL), &out), 0);
    /* Not even a plain question, as a STUN server would answer it. */
    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    ck_assert_uint_eq(answer_to(n, "203.0.113.66", mem, fh_stun_build_end(&b), &out), 0);
    /* Nor one without integrity. */
    begin_request(n, &b, mem, sizeof mem, NULL);
    ck_assert_uint_eq(answer_to(n, "203.0.113.66", mem, fh_stun_build_end(&b), &out), 0);
    net_free(n);
}
END_TEST

START_TEST(a_wrong_password_is_told_so_and_changes_nothing)
{
    struct net *n = waiting(5);
    struct fh_stun_builder b;
    struct fh_stun_message m;
    struct fh_ice_stats s;
    struct packet out;
    uint8_t mem[256];
    unsigned code;
    size_t len, total;

    begin_request(n, &b, mem, sizeof mem, NULL);
    fh_stun_write_u32(&b, FH_STUN_PRIORITY, 1);
    len = end_request(n, &b, "not the password at all");
    total = answer_to(n, "203.0.113.66", mem, len, &out);
    ck_assert_uint_le(total, len);
    ck_assert_int_eq(fh_stun_parse(out.data, out.len, &m), 0);
    ck_assert(fh_stun_read_error(&m, &code, NULL, NULL));
    ck_assert_uint_eq(code, FH_STUN_UNAUTHENTICATED);
    ck_assert_uint_eq(m.integrity, 0);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.remote_candidates, 0);
    ck_assert_uint_eq(s.requests_received, 0);
    ck_assert_uint_eq(s.ignored, 1);
    net_free(n);
}
END_TEST

START_TEST(an_attribute_that_must_be_understood_is_answered_with_420)
{
    struct net *n = waiting(6);
    struct fh_stun_builder b;
    struct fh_stun_message m;
    struct fh_ice_description d;
    struct fh_ice_stats s;
    struct packet out;
    uint8_t mem[256];
    unsigned code;
    size_t len;

    fh_ice_agent_description(n->sides[0].agent, &d);
    begin_request(n, &b, mem, sizeof mem, NULL);
    fh_stun_write_u32(&b, 0x7abc, 1);
    answer_to(n, "203.0.113.66", mem, end_request(n, &b, NULL), &out);
    ck_assert_int_eq(fh_stun_parse(out.data, out.len, &m), 0);
    ck_assert(fh_stun_read_error(&m, &code, NULL, NULL));
    ck_assert_uint_eq(code, FH_STUN_UNKNOWN_ATTRIBUTE);
    ck_assert_mem_eq(fh_stun_find(&m, FH_STUN_UNKNOWN_ATTRIBUTES, &len), "\x7a\xbc", 2);
    ck_assert_uint_eq(len, 2);
    ck_assert_int_eq(
        fh_stun_check_integrity(&m, FH_STUN_BY_SHA1, (const uint8_t *)d.pwd, strlen(d.pwd)), 0);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.remote_candidates, 0);
    net_free(n);
}
END_TEST

START_TEST(sha256_is_answered_in_kind)
{
    struct fh_ice_config cfg = {.role = FH_ICE_CONTROLLING, .send_sha256 = true};
    struct net *n = net_new(7);
    struct fh_stun_builder b;
    struct fh_stun_message m;
    struct fh_ice_description d;
    struct packet out;
    uint8_t mem[256];

    net_agent(n, 0, &net_controlled);
    net_agent(n, 1, &cfg);
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 2000, FH_ICE_BASE_HOST);
    fh_ice_agent_description(n->sides[0].agent, &d);
    begin_request(n, &b, mem, sizeof mem, NULL);
    fh_stun_write_integrity(&b, FH_STUN_BY_SHA256, (const uint8_t *)d.pwd, strlen(d.pwd));
    answer_to(n, "192.0.2.2", mem, fh_stun_build_end(&b), &out);
    ck_assert_int_eq(fh_stun_parse(out.data, out.len, &m), 0);
    ck_assert_int_eq((int)m.cls, FH_STUN_SUCCESS);
    ck_assert_int_eq(
        fh_stun_check_integrity(&m, FH_STUN_BY_SHA256, (const uint8_t *)d.pwd, strlen(d.pwd)), 0);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    net_free(n);
}
END_TEST

/* Whatever comes, a stranger gets back no more than it sent. */
START_TEST(strangers_are_no_lever)
{
    struct net *n = waiting(8);
    struct side dice = {.random = 99};
    size_t in = 0, out = 0;

    for (int i = 0; i < 5000; i++) {
        struct fh_stun_builder b;
        struct packet last;
        uint8_t mem[400], r[4];
        size_t len;

        net_random(&dice, r, sizeof r);
        begin_request(n, &b, mem, sizeof mem, r[0] % 2 ? NULL : "abcdefgh");
        for (int j = 0; j < r[1] % 4; j++)
            fh_stun_write(&b, (uint16_t)(r[2] << 8 | j), mem, r[3] % 40);
        len = r[0] % 3 ? end_request(n, &b, "0123456789012345678901") : fh_stun_build_end(&b);
        if (r[0] % 5 == 0 && len > 20)
            mem[20 + r[1] % (len - 20)] ^= r[2];
        in += len;
        out += answer_to(n, "203.0.113.66", mem, len, &last);
    }
    ck_assert_uint_gt(out, 0);
    ck_assert_uint_le(out, in);
    net_free(n);
}
END_TEST

START_TEST(a_first_byte_tells_what_a_datagram_is)
{
    size_t count[FH_ICE_PACKET_OTHER + 1] = {0};

    for (unsigned b = 0; b < 256; b++) {
        const uint8_t byte = (uint8_t)b;

        count[fh_ice_packet_of(&byte, 1)]++;
    }
    ck_assert_uint_eq(count[FH_ICE_PACKET_STUN], 4);
    ck_assert_uint_eq(count[FH_ICE_PACKET_SIGNED], 8);
    ck_assert_uint_eq(count[FH_ICE_PACKET_DTLS], 44);
    ck_assert_uint_eq(count[FH_ICE_PACKET_CHANNEL_DATA], 16);
    ck_assert_int_eq((int)fh_ice_packet_of("\x08", 1), FH_ICE_PACKET_SIGNED);
    ck_assert_int_eq((int)fh_ice_packet_of("\x40", 1), FH_ICE_PACKET_CHANNEL_DATA);
    ck_assert_int_eq((int)fh_ice_packet_of("", 0), FH_ICE_PACKET_OTHER);
}
END_TEST

START_TEST(data_is_told_apart_by_where_it_comes_from)
{
    struct net *n = waiting(9);
    struct fh_ice_datagram d = {.base = 0, .data = (const uint8_t *)"\x08 data", .len = 6};

    d.peer = at("192.0.2.2", 2000);
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &d), FH_ICE_INPUT_STRANGER);
    ck_assert(!fh_ice_agent_is_proved(n->sides[0].agent, 0, &d.peer));
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &d), FH_ICE_INPUT_DATA);
    ck_assert(fh_ice_agent_is_proved(n->sides[0].agent, 0, &d.peer));
    ck_assert(!fh_ice_agent_is_proved(n->sides[0].agent, 1, &d.peer));
    d.peer.port++;
    ck_assert(!fh_ice_agent_is_proved(n->sides[0].agent, 0, &d.peer));
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &d), FH_ICE_INPUT_STRANGER);
    d.base = 1;
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &d), FH_ICE_INPUT_IGNORED);
    d.base = -1;
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &d), FH_ICE_INPUT_IGNORED);
    d.base = 0;
    d.len = 0;
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &d), FH_ICE_INPUT_STRANGER);
    net_free(n);
}
END_TEST

/* ---- a peer that cheats --------------------------------------------------------------------- */

static bool drop_checks(struct net *n, const struct packet *p)
{
    (void)n;
    return fh_stun_is_message(p->data, p->len);
}

/* The next check of A, caught on the wire. */
static struct packet catch_check(struct net *n)
{
    struct fh_ice_datagram d;
    struct packet p = {.len = 0};

    n->drop = drop_checks;
    n->sides[1].is_mute = true;
    fh_ice_agent_tick(n->sides[0].agent, n->now);
    ck_assert_int_eq(fh_ice_agent_output(n->sides[0].agent, &d), 1);
    memcpy(p.data, d.data, d.len);
    p.len = d.len;
    p.to = d.peer;
    return p;
}

static size_t respond(struct net *n, const struct packet *check, uint8_t *mem, size_t cap,
                      unsigned code, bool is_signed)
{
    struct fh_ice_address mapped = at("192.0.2.1", 1000);
    struct fh_ice_description d;
    struct fh_stun_builder b;
    struct fh_stun_message m;

    fh_ice_agent_description(n->sides[1].agent, &d);
    ck_assert_int_eq(fh_stun_parse(check->data, check->len, &m), 0);
    fh_stun_build_response(&b, mem, cap, code ? FH_STUN_ERROR : FH_STUN_SUCCESS, &m);
    if (code)
        fh_stun_write_error(&b, code);
    else
        fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &mapped);
    if (is_signed)
        fh_stun_write_integrity(&b, FH_STUN_BY_SHA1, (const uint8_t *)d.pwd, strlen(d.pwd));
    fh_stun_write_fingerprint(&b);
    return fh_stun_build_end(&b);
}

static const struct {
    unsigned code, port;
    bool is_signed;
    enum fh_ice_input what;
    enum fh_ice_state state;
} responses[] = {
    {0, 2000, true, FH_ICE_INPUT_PEER, FH_ICE_CONNECTED},
    {0, 2000, false, FH_ICE_INPUT_IGNORED, FH_ICE_CHECKING},
    {0, 2001, true, FH_ICE_INPUT_PEER, FH_ICE_CHECKING}, /* from elsewhere */
    {400, 2000, true, FH_ICE_INPUT_PEER, FH_ICE_CHECKING},
    {400, 2000, false, FH_ICE_INPUT_IGNORED, FH_ICE_CHECKING},
    {487, 2000, false, FH_ICE_INPUT_IGNORED, FH_ICE_CHECKING},
};

START_TEST(only_a_signed_response_from_the_right_place_counts)
{
    struct net *n = waiting(10);
    struct packet check;
    uint8_t mem[256];
    struct fh_ice_datagram d = {.base = 0, .data = mem};

    net_exchange(n);
    net_signals(n);
    check = catch_check(n);
    d.len = respond(n, &check, mem, sizeof mem, responses[_i].code, responses[_i].is_signed);
    d.peer = at("192.0.2.2", responses[_i].port);
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &d),
                     (int)responses[_i].what);
    ck_assert_int_eq((int)fh_ice_agent_state(n->sides[0].agent), (int)responses[_i].state);
    ck_assert_int_eq((int)fh_ice_agent_role(n->sides[0].agent), FH_ICE_CONTROLLING);
    net_free(n);
}
END_TEST

START_TEST(a_response_to_nothing_is_ignored)
{
    struct net *n = waiting(11);
    struct packet check;
    uint8_t mem[256];
    struct fh_ice_datagram d = {.base = 0, .data = mem};

    net_exchange(n);
    net_signals(n);
    check = catch_check(n);
    memset(check.data + 8, 0, FH_STUN_TXID_LEN);
    /* Its fingerprint is no longer right: take only the header. */
    check.len = FH_STUN_HEADER_LEN;
    check.data[2] = check.data[3] = 0;
    d.len = respond(n, &check, mem, sizeof mem, 0, true);
    d.peer = at("192.0.2.2", 2000);
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &d), FH_ICE_INPUT_IGNORED);
    net_free(n);
}
END_TEST

START_TEST(a_peer_that_shows_itself_everywhere_stays_within_bounds)
{
    struct net *n = waiting(12);
    struct fh_ice_stats s;

    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    for (unsigned i = 1; i < 2000; i++) {
        struct fh_stun_builder b;
        uint8_t mem[256];
        struct fh_ice_datagram d = {.base = 0, .data = mem, .peer = at("198.51.100.9", i)};

        begin_request(n, &b, mem, sizeof mem, NULL);
        fh_stun_write_u32(&b, FH_STUN_PRIORITY, i);
        d.len = end_request(n, &b, NULL);
        ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &d), FH_ICE_INPUT_PEER);
        /* Nobody drains: answers are bounded too. */
    }
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_le(s.remote_candidates, 40);
    ck_assert_uint_le(s.pairs, 100);
    ck_assert(fh_ice_agent_path(n->sides[0].agent, &(struct fh_ice_path){0}));
    net_free(n);
}
END_TEST

START_TEST(a_stun_server_that_lies_makes_no_candidate)
{
    static const char *const lies[] = {"127.0.0.1", "0.0.0.0", "224.0.0.1", "2001:db8::1"};
    struct net *n = net_two(13);
    struct fh_ice_datagram in = {.base = 0}, out;
    struct fh_ice_address server = at("192.0.2.10", 3478), mapped = at(lies[_i], 4000);
    struct fh_ice_stats s;
    struct fh_stun_builder b;
    struct fh_stun_message m;
    uint8_t mem[128];

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    fh_ice_agent_add_server(n->sides[0].agent, n->now, &server);
    fh_ice_agent_tick(n->sides[0].agent, n->now);
    ck_assert_int_eq(fh_ice_agent_output(n->sides[0].agent, &out), 1);
    ck_assert_int_eq(fh_stun_parse(out.data, out.len, &m), 0);
    fh_stun_build_response(&b, mem, sizeof mem, FH_STUN_SUCCESS, &m);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &mapped);
    in.peer = server;
    in.data = mem;
    in.len = fh_stun_build_end(&b);
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &in), FH_ICE_INPUT_SERVER);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.local_candidates, 1);
    ck_assert_uint_ne(n->sides[0].gathered_at, n->now + 1);
    net_free(n);
}
END_TEST

/* Answers the question in `question` with this address, as often as it is called. */
static void tell_mapped(struct net *n, const struct packet *question,
                        const struct fh_ice_address *mapped)
{
    struct fh_ice_datagram in = {.base = 0, .peer = question->to};
    struct fh_stun_builder b;
    struct fh_stun_message m;
    uint8_t mem[128];

    ck_assert_int_eq(fh_stun_parse(question->data, question->len, &m), 0);
    fh_stun_build_response(&b, mem, sizeof mem, FH_STUN_SUCCESS, &m);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, mapped);
    in.data = mem;
    in.len = fh_stun_build_end(&b);
    fh_ice_agent_input(n->sides[0].agent, n->now, &in);
}

/* What servers and peers say about us must not keep an address of this machine, or a relay, out. */
START_TEST(a_stun_server_that_changes_its_mind_leaves_room_for_bases)
{
    struct net *n = net_two(14);
    struct fh_ice_address server = at("192.0.2.10", 3478);
    struct packet question = {.len = 0};
    struct fh_ice_stats s;

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    fh_ice_agent_add_server(n->sides[0].agent, n->now, &server);
    for (unsigned i = 0; i < 100; i++) {
        struct fh_ice_address mapped = at("203.0.113.7", 1 + i);
        struct fh_ice_datagram d;

        fh_ice_agent_tick(n->sides[0].agent, n->now);
        while (fh_ice_agent_output(n->sides[0].agent, &d) > 0) {
            question.to = d.peer;
            memcpy(question.data, d.data, question.len = d.len);
        }
        tell_mapped(n, &question, &mapped);
        n->now += i % 2 ? 15000 : 0;
    }
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_le(s.local_candidates, FH_ICE_MAX_BASES + 1);
    ck_assert_uint_ge(s.local_candidates, 2);
    for (unsigned i = 1; i < FH_ICE_MAX_BASES; i++) {
        struct fh_ice_base base = {.kind = i % 2 ? FH_ICE_BASE_RELAY : FH_ICE_BASE_HOST,
                                   .address = at("192.0.2.30", i)};

        ck_assert_int_ge(fh_ice_agent_add_base(n->sides[0].agent, n->now, &base), 0);
    }
    net_free(n);
}
END_TEST

START_TEST(a_question_is_answered_once)
{
    struct net *n = net_two(15);
    struct fh_ice_address server = at("192.0.2.10", 3478), one = at("203.0.113.7", 1),
                          other = at("203.0.113.7", 2);
    struct packet question = {.len = 0};
    struct fh_ice_datagram d;
    struct fh_ice_stats s;

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    fh_ice_agent_add_server(n->sides[0].agent, n->now, &server);
    fh_ice_agent_tick(n->sides[0].agent, n->now);
    ck_assert_int_eq(fh_ice_agent_output(n->sides[0].agent, &d), 1);
    question.to = d.peer;
    memcpy(question.data, d.data, question.len = d.len);
    tell_mapped(n, &question, &one);
    tell_mapped(n, &question, &other);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.local_candidates, 2);
    ck_assert_uint_eq(s.ignored, 1);
    net_free(n);
}
END_TEST

/* The last answer of B to A's consent requests, by whom may be on the path. */
static struct packet last_answer;

static bool keep_answers(struct net *n, const struct packet *p)
{
    struct fh_stun_message m;

    (void)n;
    if (p->from.port == 2000 && fh_stun_parse(p->data, p->len, &m) == 0 && m.cls == FH_STUN_SUCCESS)
        last_answer = *p;
    return false;
}

/* RFC 7675 5.1: consent is a new answer, not an old one again. */
START_TEST(an_answer_that_is_repeated_renews_no_consent)
{
    struct net *n = waiting(16);
    struct fh_ice_datagram in = {.base = 0};
    uint64_t last;

    n->drop = keep_answers;
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    net_run(n, 20000);
    in.peer = last_answer.from;
    in.data = last_answer.data;
    in.len = last_answer.len;
    last = last_answer.at;
    n->sides[1].is_mute = true;
    while (n->sides[0].state != FH_ICE_FAILED && n->now < last + 60000) {
        fh_ice_agent_input(n->sides[0].agent, n->now, &in);
        net_run(n, 100);
    }
    ck_assert_uint_le(n->now, last + 30200);
    net_free(n);
}
END_TEST

/* A check of the peer, from wherever it likes. Returns its length. */
static size_t peer_check(struct net *n, uint8_t *mem, size_t cap)
{
    struct fh_stun_builder b;

    begin_request(n, &b, mem, cap, NULL);
    fh_stun_write_u32(&b, FH_STUN_PRIORITY, 1000);
    return end_request(n, &b, NULL);
}

/*
 * A peer that writes somebody else's address onto its checks makes us send there: no more than
 * three times as much as it sent itself, though its user fragment makes our checks long.
 */
START_TEST(a_peer_that_lends_its_address_is_no_lever)
{
    struct net *n = net_two(17);
    struct fh_ice_description d = {.ufrag = "", .pwd = "0123456789012345678901"};
    struct fh_ice_datagram in = {.base = 0, .peer = at("203.0.113.66", 53)}, out;
    uint64_t end = n->now + 120000;
    size_t sent = 0;
    uint8_t mem[256];

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    memset(d.ufrag, 'u', _i == 0 ? 4 : FH_ICE_MAX_CREDENTIAL);
    ck_assert_int_eq(fh_ice_agent_set_remote(n->sides[0].agent, n->now, &d), 0);
    in.data = mem;
    in.len = peer_check(n, mem, sizeof mem);
    ck_assert_int_eq((int)fh_ice_agent_input(n->sides[0].agent, n->now, &in), FH_ICE_INPUT_PEER);
    while (n->now < end) {
        uint64_t next = fh_ice_agent_deadline(n->sides[0].agent);

        while (fh_ice_agent_output(n->sides[0].agent, &out) > 0)
            sent += out.len;
        n->now = next < n->now ? n->now : next;
        if (next != UINT64_MAX)
            fh_ice_agent_tick(n->sides[0].agent, n->now);
    }
    ck_assert_uint_gt(sent, 0);
    ck_assert_uint_le(sent, 3 * in.len);
    net_free(n);
}
END_TEST

/* However often the peer asks: a check of ours that nobody answers ends. */
START_TEST(a_check_under_way_ends_though_the_peer_hurries_it)
{
    struct net *n = waiting(18);
    struct packet check;
    struct fh_ice_datagram in = {.base = 0, .peer = at("192.0.2.2", 2000)}, out;
    struct fh_stun_message first, m;
    bool has_ended = false;
    uint8_t mem[256];

    net_exchange(n);
    net_signals(n);
    check = catch_check(n);
    ck_assert_int_eq(fh_stun_parse(check.data, check.len, &first), 0);
    in.data = mem;
    for (int i = 0; i < 60000 / 50; i++) {
        n->now += 50;
        in.len = peer_check(n, mem, sizeof mem);
        fh_ice_agent_input(n->sides[0].agent, n->now, &in);
        fh_ice_agent_tick(n->sides[0].agent, n->now);
        while (fh_ice_agent_output(n->sides[0].agent, &out) > 0)
            if (fh_stun_parse(out.data, out.len, &m) == 0 && m.cls == FH_STUN_REQUEST)
                has_ended |= memcmp(m.txid, first.txid, sizeof m.txid) != 0;
    }
    ck_assert(has_ended);
    net_free(n);
}
END_TEST

/* ---- transcripts ---------------------------------------------------------------------------- */

static const char two_hosts[] = "    0 192.0.2.1:1000 > 192.0.2.2:2000 check controlling\n"
                                "    0 192.0.2.2:2000 > 192.0.2.1:1000 check controlled\n"
                                "   10 192.0.2.2:2000 > 192.0.2.1:1000 success\n"
                                "   10 192.0.2.1:1000 > 192.0.2.2:2000 success\n"
                                "   50 192.0.2.1:1000 > 192.0.2.2:2000 check controlling use\n"
                                "   60 192.0.2.2:2000 > 192.0.2.1:1000 success\n";

START_TEST(the_transcript_of_two_hosts)
{
    struct net *n = waiting(100);

    n->is_logging = true;
    net_exchange(n);
    net_run(n, 1000);
    ck_assert_str_eq(n->log, two_hosts);
    net_free(n);
}
END_TEST

static const char role_conflict[] = "    0 192.0.2.1:1000 > 192.0.2.2:2000 check controlling\n"
                                    "    0 192.0.2.2:2000 > 192.0.2.1:1000 check controlling\n"
                                    "   10 192.0.2.2:2000 > 192.0.2.1:1000 success\n"
                                    "   10 192.0.2.1:1000 > 192.0.2.2:2000 error 487\n"
                                    "   50 192.0.2.1:1000 > 192.0.2.2:2000 check controlling use\n"
                                    "   50 192.0.2.2:2000 > 192.0.2.1:1000 check controlled\n"
                                    "   60 192.0.2.2:2000 > 192.0.2.1:1000 success\n"
                                    "   60 192.0.2.1:1000 > 192.0.2.2:2000 success\n";

START_TEST(the_transcript_of_a_role_conflict)
{
    struct net *n = net_new(101);

    net_agent(n, 0, &net_controlling);
    net_agent(n, 1, &net_controlling);
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 2000, FH_ICE_BASE_HOST);
    n->is_logging = true;
    net_exchange(n);
    net_run(n, 1000);
    ck_assert_str_eq(n->log, role_conflict);
    net_free(n);
}
END_TEST

static const char through_nats[] =
    "    0 198.51.100.1:40000 > 192.0.2.10:3478 question\n"
    "    0 203.0.113.1:40000 > 192.0.2.10:3478 question\n"
    "   50 198.51.100.1:40000 > 192.0.2.11:3478 question\n"
    "   50 203.0.113.1:40000 > 192.0.2.11:3478 question\n"
    "  100 198.51.100.1:40000 > 192.168.7.2:5000 check controlling\n"
    "  100 203.0.113.1:40000 > 10.0.0.1:5000 check controlled\n"
    "  150 198.51.100.1:40000 > 203.0.113.1:40000 check controlling\n"
    "  150 203.0.113.1:40000 > 198.51.100.1:40000 check controlled\n"
    "  160 203.0.113.1:40000 > 198.51.100.1:40000 success\n"
    "  160 198.51.100.1:40000 > 203.0.113.1:40000 success\n"
    "  500 198.51.100.1:40000 > 192.0.2.10:3478 question\n"
    "  500 203.0.113.1:40000 > 192.0.2.10:3478 question\n"
    "  600 198.51.100.1:40000 > 192.168.7.2:5000 check controlling\n"
    "  600 203.0.113.1:40000 > 10.0.0.1:5000 check controlled\n"
    " 1500 198.51.100.1:40000 > 192.0.2.10:3478 question\n"
    " 1500 203.0.113.1:40000 > 192.0.2.10:3478 question\n"
    " 1600 198.51.100.1:40000 > 192.168.7.2:5000 check controlling\n"
    " 1600 198.51.100.1:40000 > 203.0.113.1:40000 check controlling use\n"
    " 1600 203.0.113.1:40000 > 10.0.0.1:5000 check controlled\n"
    " 1610 203.0.113.1:40000 > 198.51.100.1:40000 success\n";

START_TEST(the_transcript_of_two_nats_and_a_dead_server)
{
    struct net *n = net_two(102);

    n->is_logging = true;
    net_server(n, "192.0.2.10", true);
    net_server(n, "192.0.2.11", false);
    net_behind_nat(n, 0, false);
    net_behind_nat(n, 1, false);
    net_exchange(n);
    net_run(n, 2000);
    ck_assert_str_eq(n->log, through_nats);
    net_free(n);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, a_candidate_that_points_where_no_peer_is_is_refused, 0,
                        ARRAY_LEN(remotes));
    tcase_add_test(tc, a_peer_with_200_candidates_gets_32_and_100_pairs);
    tcase_add_test(tc, bases_are_checked_and_counted);
    tcase_add_test(tc, who_does_not_know_the_user_fragment_gets_no_answer);
    tcase_add_test(tc, a_wrong_password_is_told_so_and_changes_nothing);
    tcase_add_test(tc, an_attribute_that_must_be_understood_is_answered_with_420);
    tcase_add_test(tc, sha256_is_answered_in_kind);
    tcase_add_test(tc, strangers_are_no_lever);
    tcase_add_test(tc, a_first_byte_tells_what_a_datagram_is);
    tcase_add_test(tc, data_is_told_apart_by_where_it_comes_from);
    tcase_add_loop_test(tc, only_a_signed_response_from_the_right_place_counts, 0,
                        ARRAY_LEN(responses));
    tcase_add_test(tc, a_response_to_nothing_is_ignored);
    tcase_add_test(tc, a_peer_that_shows_itself_everywhere_stays_within_bounds);
    tcase_add_loop_test(tc, a_stun_server_that_lies_makes_no_candidate, 0, 4);
    tcase_add_test(tc, a_stun_server_that_changes_its_mind_leaves_room_for_bases);
    tcase_add_test(tc, a_question_is_answered_once);
    tcase_add_test(tc, an_answer_that_is_repeated_renews_no_consent);
    tcase_add_loop_test(tc, a_peer_that_lends_its_address_is_no_lever, 0, 2);
    tcase_add_test(tc, a_check_under_way_ends_though_the_peer_hurries_it);
    tcase_add_test(tc, the_transcript_of_two_hosts);
    tcase_add_test(tc, the_transcript_of_a_role_conflict);
    tcase_add_test(tc, the_transcript_of_two_nats_and_a_dead_server);
}

int main(void)
{
    int failed;

    net_main("agent-hostile", add, &failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
