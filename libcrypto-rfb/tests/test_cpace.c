/* SPDX-License-Identifier: MIT */
/* CPace: the vectors of draft-irtf-cfrg-cpace-21, B.3 (ristretto255, SHA-512), and its refusals. */
#include "../src/cpace.c"

#include "vectors.h"

#define SID "7e4b4791d6a8ef019b936c79fb7f2c57"
#define CI "0b415f696e69746961746f720b425f726573706f6e646572"
#define G "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56"
#define SCALAR_A "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08"
#define POINT_A "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157"
#define SCALAR_B "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d"
#define POINT_B "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258"
#define K "80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f"
#define ISK                                                                                        \
    "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd"                             \
    "2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447"

static size_t from_hex(const char *hex, uint8_t *out, size_t room)
{
    size_t len;

    ck_assert_int_eq(sodium_hex2bin(out, room, hex, strlen(hex), NULL, &len, NULL), 0);
    return len;
}

static void is_hex(const uint8_t *data, size_t len, const char *hex)
{
    uint8_t want[128];

    ck_assert_uint_eq(from_hex(hex, want, sizeof want), len);
    ck_assert_mem_eq(data, want, len);
}

START_TEST(the_generator_is_the_drafts)
{
    uint8_t sid[16], ci[64], out[32];

    from_hex(SID, sid, sizeof sid);
    ck_assert(generator("Password", 8, ci, from_hex(CI, ci, sizeof ci), sid, sizeof sid, out));
    is_hex(out, sizeof out, G);
}
END_TEST

START_TEST(the_points_and_the_secret_are_the_drafts)
{
    uint8_t g[32], a[32], b[32], out[32];

    from_hex(G, g, 32);
    from_hex(SCALAR_A, a, 32);
    from_hex(SCALAR_B, b, 32);
    ck_assert(multiply(a, g, out));
    is_hex(out, 32, POINT_A);
    ck_assert(multiply(b, out, out));
    is_hex(out, 32, K);
    ck_assert(multiply(b, g, out));
    is_hex(out, 32, POINT_B);
    ck_assert(multiply(a, out, out));
    is_hex(out, 32, K);
}
END_TEST

START_TEST(the_session_key_is_the_drafts)
{
    uint8_t sid[16], k[32], ya[32], yb[32], out[ISK_LEN];

    from_hex(SID, sid, 16);
    from_hex(K, k, 32);
    from_hex(POINT_A, ya, 32);
    from_hex(POINT_B, yb, 32);
    ck_assert(session_key(sid, sizeof sid, k, ya, "ADa", yb, "ADb", out));
    is_hex(out, sizeof out, ISK);
}
END_TEST

/* B.3.10 and B.3.11 */
START_TEST(what_is_no_point_or_the_neutral_one_is_refused)
{
    uint8_t s[32], x[32], out[32];

    from_hex("7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05", s, 32);
    from_hex("2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c", x, 32);
    ck_assert(multiply(s, x, out));
    is_hex(out, 32, "7c13645fe790a468f62c39beb7388e541d8405d1ade69d1778c5fe3e7f6b600e");
    x[0] = 0x2b;
    ck_assert(!multiply(s, x, out));
    memset(x, 0, sizeof x);
    ck_assert(!multiply(s, x, out));
}
END_TEST

/* ---- a run ---- */

static void count_random(void *user, void *out, size_t len)
{
    uint8_t *p = out, *n = user;

    for (size_t i = 0; i < len; i++)
        p[i] = (*n)++;
}

struct run {
    uint8_t prs[2][FH_CPACE_PRS_LEN], sid[2][FH_CPACE_SID_LEN];
    uint8_t server[2][FH_FINGERPRINT_LEN], viewer[2][FH_FINGERPRINT_LEN];
    struct fh_cpace c[2];
    struct fh_cpace_tags tags[2];
};

static void start(struct run *r)
{
    uint8_t n = 1;

    for (int i = 0; i < 2; i++) {
        const struct fh_cpace_peers peers = {r->server[i], r->viewer[i]};

        ck_assert_int_eq(fh_cpace_start(&r->c[i], i ? FH_CPACE_RESPONDER : FH_CPACE_INITIATOR,
                                        r->prs[i], &peers, r->sid[i], count_random, &n),
                         0);
    }
}

static bool agree(struct run *r)
{
    start(r);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fh_cpace_finish(&r->c[i], r->c[1 - i].point, &r->tags[i]), 0);
    return fh_cpace_tag_equals(r->tags[0].ours, r->tags[1].theirs) &&
           fh_cpace_tag_equals(r->tags[1].ours, r->tags[0].theirs);
}

START_TEST(who_know_the_same_agree)
{
    struct run r = {0};

    ck_assert(agree(&r));
    ck_assert(!fh_cpace_tag_equals(r.tags[0].ours, r.tags[0].theirs));
}
END_TEST

START_TEST(any_difference_shows)
{
    for (int what = 0; what < 4; what++) {
        struct run r = {0};
        uint8_t *part[] = {r.prs[1], r.sid[1], r.server[1], r.viewer[1]};

        part[what][31] ^= 1;
        ck_assert(!agree(&r));
        ck_assert(!fh_cpace_tag_equals(r.tags[0].ours, r.tags[1].theirs));
        ck_assert(!fh_cpace_tag_equals(r.tags[1].ours, r.tags[0].theirs));
    }
}
END_TEST

/* Who sends our own point back gets a tag that is not the one we wait for. */
START_TEST(a_reflection_proves_nothing)
{
    struct run r = {0};
    struct fh_cpace_tags tags;

    start(&r);
    ck_assert_int_eq(fh_cpace_finish(&r.c[0], r.c[0].point, &tags), 0);
    ck_assert(!fh_cpace_tag_equals(tags.ours, tags.theirs));
}
END_TEST

START_TEST(a_bad_point_ends_the_run_and_secrets_are_wiped)
{
    static const uint8_t zeros[32];
    struct run r = {0};
    struct fh_cpace_tags tags;

    start(&r);
    ck_assert_int_eq(fh_cpace_finish(&r.c[0], zeros, &tags), FH_CRYPTO_E_AUTH);
    ck_assert_mem_eq(r.c[0].scalar, zeros, 32);
    ck_assert_int_eq(fh_cpace_finish(&r.c[1], r.c[0].point, &tags), 0);
    ck_assert_mem_eq(r.c[1].scalar, zeros, 32);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cpace");
    TCase *vectors = tcase_create("the draft's vectors"), *run = tcase_create("a run");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(vectors, the_generator_is_the_drafts);
    tcase_add_test(vectors, the_points_and_the_secret_are_the_drafts);
    tcase_add_test(vectors, the_session_key_is_the_drafts);
    tcase_add_test(vectors, what_is_no_point_or_the_neutral_one_is_refused);
    suite_add_tcase(s, vectors);
    tcase_add_test(run, who_know_the_same_agree);
    tcase_add_test(run, any_difference_shows);
    tcase_add_test(run, a_reflection_proves_nothing);
    tcase_add_test(run, a_bad_point_ends_the_run_and_secrets_are_wiped);
    suite_add_tcase(s, run);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
