/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice_error.h>
#include <farhand/stun.h>

#include "stun_internal.h"
#include "stun_vectors.h"

#define ARRAY_LEN(a) ((int)(sizeof(a) / sizeof(*(a))))

static const uint8_t txid[FH_STUN_TXID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static const uint8_t *bytes(const char *text)
{
    return (const uint8_t *)text;
}

static struct fh_stun_message parse(const void *data, size_t len)
{
    struct fh_stun_message m;

    ck_assert_int_eq(fh_stun_parse(data, len, &m), 0);
    return m;
}

static void check_text(const struct fh_stun_message *m, uint16_t type, const char *want)
{
    size_t len;
    const uint8_t *value = fh_stun_find(m, type, &len);

    ck_assert_ptr_nonnull(value);
    ck_assert_uint_eq(len, strlen(want));
    ck_assert_mem_eq(value, want, len);
}

/* ---- the vectors ---------------------------------------------------------------------------- */

START_TEST(the_sample_request_reads_and_verifies)
{
    struct fh_stun_message m = parse(vector_request, sizeof vector_request);
    uint32_t priority;
    uint64_t tie;

    ck_assert_int_eq((int)m.cls, FH_STUN_REQUEST);
    ck_assert_uint_eq(m.method, FH_STUN_BINDING);
    ck_assert(m.has_fingerprint);
    ck_assert_uint_eq(m.unknown_len, 0);
    check_text(&m, FH_STUN_SOFTWARE, "STUN test client");
    check_text(&m, FH_STUN_USERNAME, "evtj:h6vY");
    ck_assert(fh_stun_read_u32(&m, FH_STUN_PRIORITY, &priority));
    ck_assert_uint_eq(priority, 0x6e0001ff);
    ck_assert(fh_stun_read_u64(&m, FH_STUN_ICE_CONTROLLED, &tie));
    ck_assert_uint_eq(tie, 0x932ff9b151263b36);
    ck_assert(!fh_stun_has(&m, FH_STUN_MESSAGE_INTEGRITY) && !fh_stun_has(&m, FH_STUN_FINGERPRINT));
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA1, bytes(VECTOR_PASSWORD), 22), 0);
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA1, bytes(VECTOR_PASSWORD), 21),
                     FH_ICE_E_AUTH);
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA256, bytes(VECTOR_PASSWORD), 22),
                     FH_ICE_E_AUTH);
}
END_TEST

static const struct {
    const uint8_t *data;
    size_t len;
    const char *ip;
} responses[] = {
    {vector_response_v4, sizeof vector_response_v4, "192.0.2.1"},
    {vector_response_v6, sizeof vector_response_v6, "2001:db8:1234:5678:11:2233:4455:6677"},
};

START_TEST(the_sample_responses_read_and_verify)
{
    struct fh_stun_message m = parse(responses[_i].data, responses[_i].len);
    struct fh_ice_address want, got;

    ck_assert_int_eq((int)m.cls, FH_STUN_SUCCESS);
    check_text(&m, FH_STUN_SOFTWARE, "test vector");
    ck_assert_int_eq(fh_ice_address_parse(responses[_i].ip, strlen(responses[_i].ip), &want), 0);
    want.port = 32853;
    ck_assert(fh_stun_read_mapped(&m, &got));
    ck_assert(fh_ice_address_equal(&want, &got));
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA1, bytes(VECTOR_PASSWORD), 22), 0);
}
END_TEST

START_TEST(the_sample_long_term_request_is_built_to_the_byte)
{
    struct fh_stun_message m = parse(vector_long_term, sizeof vector_long_term);
    struct fh_stun_builder b;
    struct fh_stun_key key;
    uint8_t mem[sizeof vector_long_term];

    ck_assert_int_eq(fh_stun_long_term_key(FH_STUN_MD5, VECTOR_LONG_USERNAME, VECTOR_REALM,
                                           strlen(VECTOR_REALM), VECTOR_LONG_PASSWORD, &key),
                     0);
    ck_assert_uint_eq(key.len, 16);
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA1, key.bytes, key.len), 0);
    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, m.txid);
    fh_stun_write_text(&b, FH_STUN_USERNAME, VECTOR_LONG_USERNAME);
    fh_stun_write_text(&b, FH_STUN_NONCE, "f//499k954d6OL34oL9FSTvy64sA");
    fh_stun_write_text(&b, FH_STUN_REALM, VECTOR_REALM);
    fh_stun_write_integrity(&b, FH_STUN_BY_SHA1, key.bytes, key.len);
    ck_assert_uint_eq(fh_stun_build_end(&b), sizeof vector_long_term);
    ck_assert_mem_eq(mem, vector_long_term, sizeof vector_long_term);
}
END_TEST

START_TEST(the_sample_request_with_userhash_is_built_to_the_byte)
{
    static const char nonce[] = "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA";
    struct fh_stun_message m = parse(vector_userhash, sizeof vector_userhash);
    struct fh_stun_builder b;
    struct fh_stun_key key;
    uint8_t mem[sizeof vector_userhash], hash[FH_STUN_SHA256_LEN];

    ck_assert_int_eq(fh_stun_long_term_key(FH_STUN_SHA256, VECTOR_LONG_USERNAME, VECTOR_REALM,
                                           strlen(VECTOR_REALM), VECTOR_LONG_PASSWORD, &key),
                     0);
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA256, key.bytes, key.len), 0);
    ck_assert_int_eq(
        fh_stun_userhash(VECTOR_LONG_USERNAME, VECTOR_REALM, strlen(VECTOR_REALM), hash), 0);
    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, m.txid);
    fh_stun_write(&b, FH_STUN_USERHASH, hash, sizeof hash);
    fh_stun_write_text(&b, FH_STUN_NONCE, nonce);
    fh_stun_write_text(&b, FH_STUN_REALM, VECTOR_REALM);
    fh_stun_write_password_algorithm(&b, FH_STUN_SHA256);
    fh_stun_write_integrity(&b, FH_STUN_BY_SHA256, key.bytes, key.len);
    ck_assert_uint_eq(fh_stun_build_end(&b), sizeof vector_userhash);
    ck_assert_mem_eq(mem, vector_userhash, sizeof vector_userhash);
}
END_TEST

/* ---- hostile messages ----------------------------------------------------------------------- */

START_TEST(every_prefix_and_every_longer_message_is_refused)
{
    uint8_t mem[sizeof vector_request + 1] = {0};
    struct fh_stun_message m;

    memcpy(mem, vector_request, sizeof vector_request);
    for (size_t len = 0; len <= sizeof mem; len++)
        ck_assert_int_eq(fh_stun_parse(mem, len, &m),
                         len == sizeof vector_request ? 0 : FH_ICE_E_PROTO);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
    uint8_t mem[sizeof vector_request];
    struct fh_stun_message m;

    for (size_t bit = 0; bit < 8 * sizeof mem; bit++) {
        memcpy(mem, vector_request, sizeof mem);
        mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(fh_stun_parse(mem, sizeof mem, &m) != 0 || !m.has_fingerprint, "bit %zu",
                      bit);
    }
}
END_TEST

/* Without its FINGERPRINT, the integrity has to notice. */
START_TEST(every_flipped_bit_breaks_the_integrity)
{
    uint8_t mem[sizeof vector_long_term];
    struct fh_stun_key key;
    struct fh_stun_message m;

    fh_stun_long_term_key(FH_STUN_MD5, VECTOR_LONG_USERNAME, VECTOR_REALM, strlen(VECTOR_REALM),
                          VECTOR_LONG_PASSWORD, &key);
    for (size_t bit = 0; bit < 8 * sizeof mem; bit++) {
        memcpy(mem, vector_long_term, sizeof mem);
        mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (fh_stun_parse(mem, sizeof mem, &m) == 0)
            ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA1, key.bytes, key.len),
                             FH_ICE_E_AUTH);
    }
}
END_TEST

/* A message of these attributes, without any order being kept; returns its length. */
static size_t build_raw(uint8_t *mem, size_t cap, const struct fh_stun_attribute *list, size_t n)
{
    struct fh_stun_builder b;

    fh_stun_build(&b, mem, cap, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    for (size_t i = 0; i < n; i++)
        fh_stun_write(&b, list[i].type, list[i].value, list[i].len);
    return fh_stun_build_end(&b);
}

static const uint8_t filler[40] = {0};

static const struct {
    const char *why;
    struct fh_stun_attribute list[2];
    size_t n;
} malformed[] = {
    {"integrity too short", {{FH_STUN_MESSAGE_INTEGRITY, 16, filler}}, 1},
    {"integrity too long", {{FH_STUN_MESSAGE_INTEGRITY, 24, filler}}, 1},
    {"SHA-256 cut too short", {{FH_STUN_MESSAGE_INTEGRITY_SHA256, 12, filler}}, 1},
    {"SHA-256 cut to an odd length", {{FH_STUN_MESSAGE_INTEGRITY_SHA256, 18, filler}}, 1},
    {"SHA-256 too long", {{FH_STUN_MESSAGE_INTEGRITY_SHA256, 36, filler}}, 1},
    {"wrong fingerprint", {{FH_STUN_FINGERPRINT, 4, filler}}, 1},
    {"empty fingerprint", {{FH_STUN_FINGERPRINT, 0, filler}}, 1},
    {"fingerprint not last", {{FH_STUN_FINGERPRINT, 4, filler}, {FH_STUN_SOFTWARE, 4, filler}}, 2},
};

START_TEST(a_malformed_trailer_is_refused)
{
    uint8_t mem[128];
    size_t len = build_raw(mem, sizeof mem, malformed[_i].list, malformed[_i].n);
    struct fh_stun_message m;

    ck_assert_uint_ne(len, 0);
    ck_assert_msg(fh_stun_parse(mem, len, &m) == FH_ICE_E_PROTO, "%s", malformed[_i].why);
}
END_TEST

START_TEST(attributes_after_the_integrity_are_not_seen)
{
    const uint8_t key[] = "key";
    struct fh_stun_builder b;
    struct fh_stun_message m;
    uint8_t mem[256];

    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    fh_stun_write_u32(&b, FH_STUN_PRIORITY, 7);
    fh_stun_write_integrity(&b, FH_STUN_BY_SHA1, key, 3);
    fh_stun_write(&b, FH_STUN_USE_CANDIDATE, NULL, 0);
    fh_stun_write_u32(&b, 0x7f00, 1);
    fh_stun_write_integrity(&b, FH_STUN_BY_SHA256, key, 3);
    fh_stun_write(&b, FH_STUN_USERNAME, "x", 1);
    fh_stun_write_fingerprint(&b);
    m = parse(mem, fh_stun_build_end(&b));
    ck_assert(fh_stun_has(&m, FH_STUN_PRIORITY));
    ck_assert(!fh_stun_has(&m, FH_STUN_USE_CANDIDATE) && !fh_stun_has(&m, FH_STUN_USERNAME));
    ck_assert_uint_eq(m.unknown_len, 0);
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA1, key, 3), 0);
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA256, key, 3), 0);
}
END_TEST

START_TEST(a_cut_sha256_verifies_down_to_16_bytes)
{
    const uint8_t key[] = "key";
    size_t cut = 16 + 4 * (size_t)_i;
    struct fh_stun_builder b;
    struct fh_stun_message m;
    uint8_t mem[128], mac[FH_STUN_SHA256_LEN];

    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    ck_assert_int_eq(fh__stun_mac(mem, b.len, cut, FH_STUN_BY_SHA256, key, 3, mac), 0);
    fh_stun_write(&b, FH_STUN_MESSAGE_INTEGRITY_SHA256, mac, cut);
    m = parse(mem, fh_stun_build_end(&b));
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA256, key, 3), 0);
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA256, key, 2), FH_ICE_E_AUTH);
    mem[FH_STUN_HEADER_LEN + 4 + cut - 1] ^= 1;
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA256, key, 3), FH_ICE_E_AUTH);
}
END_TEST

START_TEST(a_whole_sha256_that_somebody_cuts_is_refused)
{
    const uint8_t key[] = "key";
    struct fh_stun_builder b;
    struct fh_stun_message m;
    uint8_t mem[128];

    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    fh_stun_write_integrity(&b, FH_STUN_BY_SHA256, key, 3);
    mem[3] = 4 + 16;
    mem[FH_STUN_HEADER_LEN + 3] = 16;
    m = parse(mem, FH_STUN_HEADER_LEN + 4 + 16);
    ck_assert_int_eq(fh_stun_check_integrity(&m, FH_STUN_BY_SHA256, key, 3), FH_ICE_E_AUTH);
}
END_TEST

START_TEST(unknown_attributes_that_must_be_understood_are_collected)
{
    uint8_t mem[512];
    struct fh_stun_builder b;
    struct fh_stun_message m, answer;
    const uint8_t *value;
    size_t len;

    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    for (uint16_t type = 0x7000; type < 0x7010; type++)
        fh_stun_write(&b, type, "abc", 3);
    fh_stun_write(&b, 0xc001, "abc", 3);
    m = parse(mem, fh_stun_build_end(&b));
    ck_assert_uint_eq(m.unknown_len, FH_STUN_MAX_UNKNOWN);
    ck_assert_uint_eq(m.unknown[0], 0x7000);
    fh_stun_build_response(&b, mem, sizeof mem, FH_STUN_ERROR, &m);
    fh_stun_write_error(&b, FH_STUN_UNKNOWN_ATTRIBUTE);
    fh_stun_write_unknown(&b, &m);
    answer = parse(mem, fh_stun_build_end(&b));
    value = fh_stun_find(&answer, FH_STUN_UNKNOWN_ATTRIBUTES, &len);
    ck_assert_uint_eq(len, 2 * FH_STUN_MAX_UNKNOWN);
    ck_assert_uint_eq(value[0], 0x70);
    ck_assert_uint_eq(value[3], 0x01);
}
END_TEST

/* ---- what is built reads back --------------------------------------------------------------- */

START_TEST(class_and_method_survive_for_all_values)
{
    uint8_t mem[FH_STUN_HEADER_LEN];
    struct fh_stun_builder b;

    for (unsigned method = 0; method <= 0xfff; method++)
        for (unsigned cls = 0; cls < 4; cls++) {
            struct fh_stun_message m;

            fh_stun_build(&b, mem, sizeof mem, (enum fh_stun_class)cls, (uint16_t)method, txid);
            m = parse(mem, fh_stun_build_end(&b));
            ck_assert_uint_eq(m.method, method);
            ck_assert_uint_eq((unsigned)m.cls, cls);
            ck_assert_mem_eq(m.txid, txid, sizeof txid);
        }
}
END_TEST

START_TEST(attributes_of_every_length_keep_their_bytes)
{
    uint8_t mem[1024], value[300];
    struct fh_stun_builder b;

    memset(value, 0xa5, sizeof value);
    for (size_t len = 0; len < sizeof value; len++) {
        struct fh_stun_message m;
        size_t got;

        fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
        fh_stun_write(&b, FH_STUN_DATA_ATTRIBUTE, value, len);
        fh_stun_write_u32(&b, FH_STUN_LIFETIME, 600);
        m = parse(mem, fh_stun_build_end(&b));
        ck_assert_mem_eq(fh_stun_find(&m, FH_STUN_DATA_ATTRIBUTE, &got), value, len);
        ck_assert_uint_eq(got, len);
        ck_assert(fh_stun_has(&m, FH_STUN_LIFETIME));
    }
}
END_TEST

static const uint16_t address_types[] = {
    FH_STUN_MAPPED_ADDRESS,   FH_STUN_XOR_MAPPED_ADDRESS,  FH_STUN_XOR_PEER_ADDRESS,
    FH_STUN_ALTERNATE_SERVER, FH_STUN_XOR_RELAYED_ADDRESS,
};

START_TEST(an_address_of_either_family_survives)
{
    static const char *const ips[] = {"198.51.100.7", "2001:db8::7"};
    uint8_t mem[128];

    for (size_t i = 0; i < 2; i++) {
        struct fh_ice_address a, got;
        struct fh_stun_builder b;
        struct fh_stun_message m;

        ck_assert_int_eq(fh_ice_address_parse(ips[i], strlen(ips[i]), &a), 0);
        a.port = 0xbeef;
        fh_stun_build(&b, mem, sizeof mem, FH_STUN_SUCCESS, FH_STUN_ALLOCATE, txid);
        fh_stun_write_address(&b, address_types[_i], &a);
        m = parse(mem, fh_stun_build_end(&b));
        ck_assert(fh_stun_read_address(&m, address_types[_i], &got));
        ck_assert(fh_ice_address_equal(&a, &got));
    }
}
END_TEST

START_TEST(malformed_values_do_not_read)
{
    static const struct fh_stun_attribute list[] = {
        {FH_STUN_PRIORITY, 3, filler},
        {FH_STUN_ICE_CONTROLLED, 4, filler},
        {FH_STUN_XOR_MAPPED_ADDRESS, 8, filler},
        {FH_STUN_MAPPED_ADDRESS, 20, (const uint8_t *)"\0\1\1\1abcdefghijklmnop"},
        {FH_STUN_XOR_PEER_ADDRESS, 8, (const uint8_t *)"\0\2\1\1abcd"},
        {FH_STUN_ERROR_CODE, 4, (const uint8_t *)"\0\0\2\1"},
        {FH_STUN_PASSWORD_ALGORITHMS, 4, (const uint8_t *)"\0\1\0\4"},
    };
    uint8_t mem[256];
    struct fh_stun_message m =
        parse(mem, build_raw(mem, sizeof mem, list, sizeof list / sizeof *list));
    struct fh_ice_address a;
    uint64_t u64;
    uint32_t u32;
    unsigned code;

    ck_assert(!fh_stun_read_u32(&m, FH_STUN_PRIORITY, &u32));
    ck_assert(!fh_stun_read_u64(&m, FH_STUN_ICE_CONTROLLED, &u64));
    ck_assert(!fh_stun_read_mapped(&m, &a));
    ck_assert(!fh_stun_read_address(&m, FH_STUN_XOR_PEER_ADDRESS, &a));
    ck_assert(!fh_stun_read_error(&m, &code, NULL, NULL));
    ck_assert(!fh_stun_read_password_algorithms(&m, &code));
    ck_assert(!fh_stun_read_u32(&m, FH_STUN_LIFETIME, &u32));
}
END_TEST

START_TEST(an_error_has_its_code_and_reason)
{
    uint8_t mem[128];
    struct fh_stun_builder b;
    struct fh_stun_message m;
    const char *reason;
    size_t len;
    unsigned code;

    fh_stun_build(&b, mem, sizeof mem, FH_STUN_ERROR, FH_STUN_BINDING, txid);
    fh_stun_write_error(&b, FH_STUN_ROLE_CONFLICT);
    m = parse(mem, fh_stun_build_end(&b));
    ck_assert(fh_stun_read_error(&m, &code, &reason, &len));
    ck_assert_uint_eq(code, 487);
    ck_assert_uint_eq(len, strlen("Role Conflict"));
    ck_assert_mem_eq(reason, "Role Conflict", len);
    fh_stun_write_error(&b, 299);
    ck_assert_uint_eq(fh_stun_build_end(&b), 0);
}
END_TEST

START_TEST(what_does_not_fit_is_not_written_and_stays_an_error)
{
    uint8_t mem[200];
    const uint8_t key[] = "key";
    struct fh_ice_address none = {.port = 1};
    struct fh_stun_builder b;

    for (size_t cap = 0; cap < 104; cap++) {
        memset(mem, 0xee, sizeof mem);
        fh_stun_build(&b, mem, cap, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
        fh_stun_write_text(&b, FH_STUN_USERNAME, "abcde");
        fh_stun_write_u32(&b, FH_STUN_PRIORITY, 1);
        fh_stun_write_integrity(&b, FH_STUN_BY_SHA1, key, 3);
        fh_stun_write_fingerprint(&b);
        /* 20 + 12 + 8 + 24 + 8 */
        ck_assert_uint_eq(fh_stun_build_end(&b), cap >= 72 ? 72 : 0);
        for (size_t i = cap; i < sizeof mem; i++)
            ck_assert_uint_eq(mem[i], 0xee);
    }
    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, 0x1000, txid);
    ck_assert_uint_eq(fh_stun_build_end(&b), 0);
    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    fh_stun_write_address(&b, FH_STUN_MAPPED_ADDRESS, &none);
    ck_assert_uint_eq(fh_stun_build_end(&b), 0);
}
END_TEST

START_TEST(turn_attributes_survive)
{
    uint8_t mem[256];
    struct fh_stun_builder b;
    struct fh_stun_message m;
    uint16_t channel;
    uint32_t v;

    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_CHANNEL_BIND, txid);
    fh_stun_write_channel(&b, 0x4abc);
    fh_stun_write_family(&b, FH_STUN_REQUESTED_ADDRESS_FAMILY, FH_ICE_IPV6);
    fh_stun_write_u32(&b, FH_STUN_REQUESTED_TRANSPORT, 17u << 24);
    fh_stun_write(&b, FH_STUN_DONT_FRAGMENT, NULL, 0);
    m = parse(mem, fh_stun_build_end(&b));
    ck_assert(fh_stun_read_channel(&m, &channel));
    ck_assert_uint_eq(channel, 0x4abc);
    ck_assert(fh_stun_read_u32(&m, FH_STUN_REQUESTED_ADDRESS_FAMILY, &v));
    ck_assert_uint_eq(v, 0x02000000);
    ck_assert(fh_stun_has(&m, FH_STUN_DONT_FRAGMENT));
    ck_assert_uint_eq(m.unknown_len, 0);
}
END_TEST

START_TEST(a_stream_tells_the_length_from_four_bytes)
{
    const uint8_t channel_data[] = {0x40, 0, 0, 4}, odd[] = {0, 1, 0, 5};

    ck_assert_uint_eq(fh_stun_frame_len(vector_request), sizeof vector_request);
    ck_assert_uint_eq(fh_stun_frame_len(channel_data), 0);
    ck_assert_uint_eq(fh_stun_frame_len(odd), 0);
}
END_TEST

/* ---- long-term credentials ------------------------------------------------------------------ */

START_TEST(a_nonce_tells_what_its_server_can_do)
{
    ck_assert_uint_eq(fh_stun_nonce_features("obMatJos2gAAAxyz", 16),
                      FH_STUN_FEATURE_PASSWORD_ALGORITHMS);
    ck_assert_uint_eq(fh_stun_nonce_features("obMatJos2wAAA", 13),
                      FH_STUN_FEATURE_PASSWORD_ALGORITHMS | FH_STUN_FEATURE_USERNAME_ANONYMITY);
    ck_assert_uint_eq(fh_stun_nonce_features("obMatJos2wAA", 12), 0);
    ck_assert_uint_eq(fh_stun_nonce_features("obMatJos2w==A", 13), 0);
    ck_assert_uint_eq(fh_stun_nonce_features("f//499k954d6OL34oL9FSTvy64sA", 28), 0);
}
END_TEST

START_TEST(password_algorithms_are_read_as_a_set)
{
    static const struct {
        const char *value;
        size_t len;
        unsigned set;
    } rows[] = {{"\0\2\0\0\0\1\0\0", 8, 1u << FH_STUN_MD5 | 1u << FH_STUN_SHA256},
                {"\0\1\0\0", 4, 1u << FH_STUN_MD5},
                {"\0\7\0\3abc\0\0\2\0\0", 12, 1u << FH_STUN_SHA256},
                {"\0\2\0\4abcd", 8, 0},
                {"", 0, 0}};
    uint8_t mem[64];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fh_stun_attribute a = {FH_STUN_PASSWORD_ALGORITHMS, (uint16_t)rows[i].len,
                                      (const uint8_t *)rows[i].value};
        struct fh_stun_message m = parse(mem, build_raw(mem, sizeof mem, &a, 1));
        unsigned set;

        ck_assert(fh_stun_read_password_algorithms(&m, &set));
        ck_assert_uint_eq(set, rows[i].set);
    }
}
END_TEST

static const struct {
    const char *text;
    bool is_good;
} opaque[] = {
    {"TheMatrIX", true},  {"correct horse", true}, {"\xc3\xa4\xe3\x83\x9e", true},
    {"", false},          {"a\nb", false},         {"a\x7f", false},
    {"a\xc2\x85", false}, {"a\xc2\xa0", false},    {"\xe3\x80\x80", false},
    {"\xff", false},      {"\xc3", false},
};

START_TEST(an_opaque_string_has_no_control_and_no_odd_space)
{
    struct fh_stun_key key = {.len = 99};
    bool is_good = opaque[_i].is_good;

    ck_assert(fh_stun_is_opaque_string(opaque[_i].text, strlen(opaque[_i].text)) == is_good);
    ck_assert_int_eq(fh_stun_long_term_key(FH_STUN_MD5, "u", "r", 1, opaque[_i].text, &key),
                     is_good ? 0 : FH_ICE_E_INVAL);
    ck_assert_uint_eq(key.len, is_good ? 16 : 99);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun");
    TCase *tc = tcase_create("stun");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_test(tc, the_sample_request_reads_and_verifies);
    tcase_add_loop_test(tc, the_sample_responses_read_and_verify, 0, ARRAY_LEN(responses));
    tcase_add_test(tc, the_sample_long_term_request_is_built_to_the_byte);
    tcase_add_test(tc, the_sample_request_with_userhash_is_built_to_the_byte);
    tcase_add_test(tc, every_prefix_and_every_longer_message_is_refused);
    tcase_add_test(tc, every_flipped_bit_is_noticed);
    tcase_add_test(tc, every_flipped_bit_breaks_the_integrity);
    tcase_add_loop_test(tc, a_malformed_trailer_is_refused, 0, ARRAY_LEN(malformed));
    tcase_add_test(tc, attributes_after_the_integrity_are_not_seen);
    tcase_add_loop_test(tc, a_cut_sha256_verifies_down_to_16_bytes, 0, 5);
    tcase_add_test(tc, a_whole_sha256_that_somebody_cuts_is_refused);
    tcase_add_test(tc, unknown_attributes_that_must_be_understood_are_collected);
    tcase_add_test(tc, class_and_method_survive_for_all_values);
    tcase_add_test(tc, attributes_of_every_length_keep_their_bytes);
    tcase_add_loop_test(tc, an_address_of_either_family_survives, 0, ARRAY_LEN(address_types));
    tcase_add_test(tc, malformed_values_do_not_read);
    tcase_add_test(tc, an_error_has_its_code_and_reason);
    tcase_add_test(tc, what_does_not_fit_is_not_written_and_stays_an_error);
    tcase_add_test(tc, turn_attributes_survive);
    tcase_add_test(tc, a_stream_tells_the_length_from_four_bytes);
    tcase_add_test(tc, a_nonce_tells_what_its_server_can_do);
    tcase_add_test(tc, password_algorithms_are_read_as_a_set);
    tcase_add_loop_test(tc, an_opaque_string_has_no_control_and_no_odd_space, 0, ARRAY_LEN(opaque));
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
