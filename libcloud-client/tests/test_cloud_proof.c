/* SPDX-License-Identifier: MIT */
/*
 * What an endpoint proves is proved by nothing else.
 *
 *     test_cloud_proof                compares with docs/vectors/cloud.json
 *     test_cloud_proof --write DIR    writes it (make vectors)
 */
#include <stdarg.h>
#include <stdio.h>

#include "cloud_support.h"

static struct endpoint viewer, server, other;

static void set_up(void)
{
    make_endpoint(&viewer, VIEWER);
    make_endpoint(&server, SERVER);
    make_endpoint(&other, OTHER);
}

static void tear_down(void)
{
    free_endpoint(&viewer);
    free_endpoint(&server);
    free_endpoint(&other);
}

/* ---- statements ------------------------------------------------------------------------------ */

START_TEST(a_statement_says_whose_the_address_is)
{
    uint8_t fp[FH_FINGERPRINT_LEN];
    struct fh_cloud_statement s;

    ck_assert_int_eq(fh_cloud_statement_verify(server.statement, server.statement_len, &s), 0);
    ck_assert_int_eq(memcmp(s.address, server.address, sizeof s.address), 0);
    ck_assert_int_eq(memcmp(s.seal_key, server.seal_key, sizeof s.seal_key), 0);
    ck_assert_uint_eq(s.created_ms, UINT64_C(1764273600000));
    ck_assert_uint_eq(s.spki_len, server.spki_len);
    ck_assert_int_eq(memcmp(s.spki, server.spki, s.spki_len), 0);
    fh_fingerprint(server.spki, server.spki_len, fp);
    ck_assert_int_eq(memcmp(fp, s.fingerprint, sizeof fp), 0);
}
END_TEST

START_TEST(no_bit_of_a_statement_can_be_changed)
{
    struct fh_cloud_statement s;
    uint8_t *m = server.statement;

    for (size_t i = 0; i < server.statement_len; i++) {
        m[i] ^= (uint8_t)(1 << i % 8);
        ck_assert_msg(fh_cloud_statement_verify(m, server.statement_len, &s) != 0, "byte %zu", i);
        m[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t len = 0; len < server.statement_len; len++)
        ck_assert_int_eq(fh_cloud_statement_verify(m, len, &s), FH_CLOUD_E_PROTO);
    ck_assert_int_eq(fh_cloud_statement_verify(m, server.statement_len, &s), 0);
}
END_TEST

/* The address of one, the key of another, signed by a third. */
START_TEST(a_statement_of_another_key_proves_nothing)
{
    struct fh_cloud_statement s;
    uint8_t digest[32], sig[FH_SIGNATURE_MAX], m[FH_CLOUD_STATEMENT_MAX];
    int n = fh_cloud_statement_begin(server.address, 1, server.seal_key, server.spki,
                                     server.spki_len, m, digest);
    size_t len = sign_for(&viewer, FH_IDENTITY_CLOUD_BINDING, digest, sig);
    int whole = fh_cloud_statement_end(m, (size_t)n, sig, len);

    ck_assert_int_eq(fh_cloud_statement_parse(m, (size_t)whole, &s), 0);
    ck_assert_int_eq(fh_cloud_statement_verify(m, (size_t)whole, &s), FH_CLOUD_E_AUTH);
    len = sign_for(&server, FH_IDENTITY_CLOUD_SIGN_IN, digest, sig);
    whole = fh_cloud_statement_end(m, (size_t)n, sig, len);
    ck_assert_int_eq(fh_cloud_statement_verify(m, (size_t)whole, &s), FH_CLOUD_E_AUTH);
    len = sign_for(&server, FH_IDENTITY_CLOUD_BINDING, digest, sig);
    whole = fh_cloud_statement_end(m, (size_t)n, sig, len);
    ck_assert_int_eq(fh_cloud_statement_verify(m, (size_t)whole, &s), 0);
}
END_TEST

START_TEST(a_statement_of_no_address_or_key_is_not_made)
{
    uint8_t digest[32], m[FH_CLOUD_STATEMENT_MAX], bad[FH_CLOUD_ADDRESS_LEN] = {0x80};

    ck_assert_int_eq(
        fh_cloud_statement_begin(bad, 1, server.seal_key, server.spki, server.spki_len, m, digest),
        FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_cloud_statement_begin(server.address, 1, server.seal_key, server.spki,
                                              server.spki_len - 1, m, digest),
                     FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_cloud_statement_end(m, 5000, digest, 32), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_cloud_statement_end(m, 50, digest, 513), FH_CLOUD_E_INVAL);
}
END_TEST

/* ---- sign-in --------------------------------------------------------------------------------- */

static uint8_t binding[FH_CLOUD_BINDING_LEN], hello[200], challenge[300];

static struct fh_cloud_sign_in conversation(const struct endpoint *e, bool enrols)
{
    struct fh_broker_frame f = {.type = FH_BROKER_HELLO};
    struct fh_cloud_sign_in s = {.binding = binding, .hello = hello, .challenge = challenge};

    memset(binding, 0xb1, sizeof binding);
    memset(f.hello.random, 0xc1, sizeof f.hello.random);
    memcpy(f.hello.address, e->address, sizeof f.hello.address);
    f.hello.roles = FH_BROKER_LISTEN;
    f.hello.program = text_of("test 1");
    s.hello_len = (size_t)fh_broker_print(&f, hello, sizeof hello);
    f = (struct fh_broker_frame){.type = FH_BROKER_CHALLENGE};
    memset(f.challenge.random, 0xd1, sizeof f.challenge.random);
    f.challenge.time_ms = UINT64_C(1764273600000);
    f.challenge.checkpoint = text_of("cloud.example\n1\nAAAA=\n\n\u2014 cloud BBBB=\n");
    s.challenge_len = (size_t)fh_broker_print(&f, challenge, sizeof challenge);
    if (enrols) {
        s.statement = e->statement;
        s.statement_len = e->statement_len;
    }
    return s;
}

START_TEST(t_covers_everything)
{
    struct fh_cloud_sign_in s = conversation(&server, true);
    uint8_t t[32], u[32];
    uint8_t *const parts[] = {binding, hello, challenge, server.statement};
    const size_t lens[] = {sizeof binding, s.hello_len, s.challenge_len, s.statement_len};

    ck_assert_int_eq(fh_cloud_sign_in_digest(&s, t), 0);
    for (size_t p = 0; p < ARRAY_LEN(parts); p++)
        for (size_t i = 0; i < lens[p]; i++) {
            parts[p][i] ^= 1;
            ck_assert_int_eq(fh_cloud_sign_in_digest(&s, u), 0);
            ck_assert_int_ne(memcmp(t, u, sizeof t), 0);
            parts[p][i] ^= 1;
        }
    s.statement = NULL;
    ck_assert_int_eq(fh_cloud_sign_in_digest(&s, u), 0);
    ck_assert_int_ne(memcmp(t, u, sizeof t), 0);
    s.challenge_len = 100000;
    ck_assert_int_eq(fh_cloud_sign_in_digest(&s, u), FH_CLOUD_E_INVAL);
}
END_TEST

START_TEST(a_proof_is_of_one_password_for_one_sign_in)
{
    struct fh_cloud_sign_in s = conversation(&server, true);
    uint8_t t[32], u[32], stored[32], proof[32], wrong[FH_CLOUD_PASSWORD_LEN];

    fh_cloud_sign_in_digest(&s, t);
    binding[0] ^= 1;
    fh_cloud_sign_in_digest(&s, u);
    fh_cloud_password_stored(server.password, stored);
    fh_cloud_password_proof(server.password, t, proof);
    ck_assert(fh_cloud_password_check(stored, t, proof));
    ck_assert(!fh_cloud_password_check(stored, u, proof));
    for (size_t i = 0; i < 256; i++) {
        proof[i / 8] ^= (uint8_t)(1 << i % 8);
        ck_assert(!fh_cloud_password_check(stored, t, proof));
        proof[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    memcpy(wrong, server.password, sizeof wrong);
    wrong[15] ^= 1;
    fh_cloud_password_proof(wrong, t, proof);
    ck_assert(!fh_cloud_password_check(stored, t, proof));
    /* Who stole what is stored has no proof: as a key, as K, or as the proof itself. */
    ck_assert(!fh_cloud_password_check(stored, t, stored));
}
END_TEST

/* ---- signals --------------------------------------------------------------------------------- */

static struct fh_sealer ours, theirs;
static uint32_t seed;
static uint8_t conn[FH_CLOUD_CONN_LEN];

static void meet(void)
{
    memset(conn, 0x5c, sizeof conn);
    if (fh_cloud_signal_init(&ours, FH_ROLE_CLIENT, viewer.seal_secret, server.seal_key, conn) ||
        fh_cloud_signal_init(&theirs, FH_ROLE_SERVER, server.seal_secret, viewer.seal_key, conn))
        abort();
}

START_TEST(lines_arrive_and_their_lengths_are_hidden)
{
    static uint8_t m[FH_CLOUD_SEALED_MAX];
    static char text[FH_CLOUD_SIGNAL_MAX];
    const size_t lens[] = {1, 255, 256, 257, 3000, FH_CLOUD_SIGNAL_MAX};
    const char *lines;
    size_t len;

    meet();
    memset(text, 'l', sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        int n = fh_cloud_signal_seal(&ours, fixed_random, &seed, text, lens[i], m);

        ck_assert_int_gt(n, 0);
        ck_assert_uint_eq(((size_t)n - FH_SEAL_OVERHEAD) % FH_CLOUD_SIGNAL_STEP, 0);
        ck_assert_int_eq(fh_cloud_signal_open(&theirs, m, (size_t)n, &lines, &len), 0);
        ck_assert_uint_eq(len, lens[i]);
        ck_assert_int_eq(memcmp(lines, text, len), 0);
    }
    ck_assert_int_eq(fh_cloud_signal_seal(&ours, fixed_random, &seed, text, 0, m),
                     FH_CLOUD_E_INVAL);
    ck_assert_int_eq(
        fh_cloud_signal_seal(&ours, fixed_random, &seed, text, FH_CLOUD_SIGNAL_MAX + 1, m),
        FH_CLOUD_E_INVAL);
    text[3] = '\0';
    ck_assert_int_eq(fh_cloud_signal_seal(&ours, fixed_random, &seed, text, 5, m),
                     FH_CLOUD_E_INVAL);
}
END_TEST

START_TEST(only_the_peer_of_the_statement_reads_them)
{
    uint8_t m[FH_CLOUD_SIGNAL_STEP + FH_SEAL_OVERHEAD];
    struct fh_sealer wrong;
    const char *lines;
    size_t len;

    meet();
    ck_assert_int_eq(fh_cloud_signal_seal(&ours, fixed_random, &seed, "end", 3, m), sizeof m);
    ck_assert_int_eq(
        fh_cloud_signal_init(&wrong, FH_ROLE_SERVER, other.seal_secret, viewer.seal_key, conn), 0);
    ck_assert_int_eq(fh_cloud_signal_open(&wrong, m, sizeof m, &lines, &len), FH_CLOUD_E_AUTH);
    ck_assert_int_eq(fh_cloud_signal_seal(&ours, fixed_random, &seed, "end", 3, m), sizeof m);
    ck_assert_int_eq(fh_cloud_signal_open(&theirs, m, sizeof m, &lines, &len), FH_CLOUD_E_AUTH);
    ck_assert_int_eq(fh_cloud_signal_init(&wrong, FH_ROLE_SERVER, other.seal_secret,
                                          (const uint8_t[32]){0}, conn),
                     FH_CLOUD_E_AUTH);
}
END_TEST

/* What is no text, from a peer that seals it all the same. */
START_TEST(what_is_no_lines_ends_it)
{
    static const struct {
        size_t len;
        char first, second, last;
    } rows[] = {{0, 0, 0, 0}, {256, 0, 0, 0}, {256, 'a', 0, 'b'}, {255, 'a', 'b', 'c'}};
    uint8_t m[600];
    const char *lines;
    size_t len;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        meet();
        memset(m, 0, sizeof m);
        if (rows[i].len > 0) {
            m[FH_SEAL_HEAD_LEN] = (uint8_t)rows[i].first;
            m[FH_SEAL_HEAD_LEN + 1] = (uint8_t)rows[i].second;
            m[FH_SEAL_HEAD_LEN + rows[i].len - 1] = (uint8_t)rows[i].last;
        }
        ck_assert_int_eq(fh_sealer_seal(&ours, fixed_random, &seed, m, rows[i].len), 0);
        ck_assert_int_eq(
            fh_cloud_signal_open(&theirs, m, rows[i].len + FH_SEAL_OVERHEAD, &lines, &len),
            FH_CLOUD_E_PROTO);
        ck_assert_int_eq(fh_cloud_signal_seal(&ours, fixed_random, &seed, "end", 3, m),
                         256 + FH_SEAL_OVERHEAD);
        ck_assert_int_eq(fh_cloud_signal_open(&theirs, m, 256 + FH_SEAL_OVERHEAD, &lines, &len),
                         FH_CLOUD_E_AUTH);
    }
}
END_TEST

/* ---- vectors --------------------------------------------------------------------------------- */

static char text[1 << 16];

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    size_t n = strlen(text);
    va_list ap;

    va_start(ap, format);
    vsnprintf(text + n, sizeof text - n, format, ap);
    va_end(ap);
}

static void put_hex(const char *name, const uint8_t *p, size_t len)
{
    put("  \"%s\": \"", name);
    for (size_t i = 0; i < len; i++)
        put("%02x", p[i]);
    put("\",\n");
}

static void put_endpoint(const char *name, const struct endpoint *e)
{
    char address[FH_CLOUD_ADDRESS_TEXT], password[FH_CLOUD_PASSWORD_TEXT];
    uint8_t stored[32];

    fh_cloud_address_print(e->address, address);
    fh_cloud_password_print(e->password, password);
    fh_cloud_password_stored(e->password, stored);
    put(" \"%s\": {\n", name);
    put_hex("address", e->address, sizeof e->address);
    put("  \"address_text\": \"%s\",\n  \"password_text\": \"%s\",\n", address, password);
    put_hex("password", e->password, sizeof e->password);
    put_hex("stored", stored, sizeof stored);
    put_hex("spki", e->spki, e->spki_len);
    put_hex("seal_secret", e->seal_secret, sizeof e->seal_secret);
    put_hex("seal_key", e->seal_key, sizeof e->seal_key);
    put_hex("statement", e->statement, e->statement_len);
    put("  \"created_ms\": 1764273600000\n },\n");
}

static void put_sign_in(const char *name, bool enrols)
{
    struct fh_cloud_sign_in s = conversation(&server, enrols);
    struct fh_broker_frame f = {.type = FH_BROKER_AUTH};
    uint8_t t[32], sig[FH_SIGNATURE_MAX], proof[32], auth[FH_BROKER_FRAME_MAX];
    int n;

    fh_cloud_sign_in_digest(&s, t);
    fh_cloud_password_proof(server.password, t, proof);
    f.auth.method = enrols ? FH_BROKER_ENROL : FH_BROKER_KEY;
    f.auth.proof = proof;
    f.auth.statement = statement_of(&server);
    f.auth.signature.p = sig;
    f.auth.signature.len = sign_for(&server, FH_IDENTITY_CLOUD_SIGN_IN, t, sig);
    n = fh_broker_print(&f, auth, sizeof auth);
    put(" \"%s\": {\n", name);
    put_hex("binding", binding, sizeof binding);
    put_hex("hello", hello, s.hello_len);
    put_hex("challenge", challenge, s.challenge_len);
    put_hex("t", t, sizeof t);
    put_hex("auth", auth, (size_t)n);
    put("  \"enrols\": %s\n },\n", enrols ? "true" : "false");
}

static void put_signal(struct fh_sealer *s, const char *from, const char *lines, const char *end)
{
    uint8_t m[FH_CLOUD_SIGNAL_STEP + FH_SEAL_OVERHEAD];
    int n = fh_cloud_signal_seal(s, fixed_random, &seed, lines, strlen(lines), m);

    put("  {\"from\": \"%s\", \"lines\": \"", from);
    for (; *lines; lines++)
        put(*lines == '\n' ? "\\n" : "%c", *lines);
    put("\", \"sealed\": \"");
    for (int i = 0; i < n; i++)
        put("%02x", m[i]);
    put("\"}%s\n", end);
}

static void write_text(void)
{
    seed = 5000;
    text[0] = '\0';
    put("{\n \"what\": \"docs/protocol.md, cloud; all bytes as hex, frames whole\",\n");
    put_endpoint("viewer", &viewer);
    put_endpoint("server", &server);
    put_sign_in("enrol", true);
    put_sign_in("key", false);
    meet();
    put(" \"conn\": \"");
    for (size_t i = 0; i < sizeof conn; i++)
        put("%02x", conn[i]);
    put("\",\n \"signals\": [\n");
    put_signal(&ours, "viewer", "hello 1 abcdef 00\nend", ",");
    put_signal(&theirs, "server", "end", ",");
    put_signal(&ours, "viewer", "a second one", "");
    put(" ]\n}\n");
}

START_TEST(what_is_made_from_fixed_bytes_is_what_was_published)
{
    static char published[sizeof text];
    const char *top = getenv("FARHAND_TOP");
    char path[512];
    FILE *f;

    write_text();
    snprintf(path, sizeof path, "%s/docs/vectors/cloud.json", top ? top : ".");
    f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s cannot be read", path);
    published[fread(published, 1, sizeof published - 1, f)] = '\0';
    fclose(f);
    ck_assert_str_eq(text, published);
}
END_TEST

static int write_vectors(const char *dir)
{
    char path[512];
    FILE *f;

    set_up();
    write_text();
    tear_down();
    snprintf(path, sizeof path, "%s/cloud.json", dir);
    f = fopen(path, "wb");
    return f && fputs(text, f) >= 0 && fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    Suite *s = suite_create("cloud_proof");
    TCase *t = tcase_create("proofs");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_statement_says_whose_the_address_is);
    tcase_add_test(t, no_bit_of_a_statement_can_be_changed);
    tcase_add_test(t, a_statement_of_another_key_proves_nothing);
    tcase_add_test(t, a_statement_of_no_address_or_key_is_not_made);
    tcase_add_test(t, t_covers_everything);
    tcase_add_test(t, a_proof_is_of_one_password_for_one_sign_in);
    tcase_add_test(t, lines_arrive_and_their_lengths_are_hidden);
    tcase_add_test(t, only_the_peer_of_the_statement_reads_them);
    tcase_add_test(t, what_is_no_lines_ends_it);
    tcase_add_test(t, what_is_made_from_fixed_bytes_is_what_was_published);
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        srunner_free(r);
        return write_vectors(argv[2]);
    }
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
