/* SPDX-License-Identifier: MIT */
/* Keys and certificates: what is refused, what is said of them, and files. */
#include <sys/stat.h>
#include <unistd.h>

#include "base64.h"
#include "tls_support.h"

static struct pki pki;

static void setup(void)
{
    make_pki(&pki);
}

static const char *const one_name[] = {"a.example"};

static struct fh_pki_config usual(void)
{
    return (struct fh_pki_config){.name = "server",
                                  .sans = one_name,
                                  .sans_len = 1,
                                  .not_before = NOW,
                                  .not_after = NOW + DAY};
}

static int try_issue(const struct fh_pki_config *cfg)
{
    char out[FH_PKI_PEM];

    return fh_pki_issue(cfg, pki.key, pki.root, pki.root_key, out, sizeof out);
}

START_TEST(dates_are_kept)
{
    static const int64_t times[] = {0,
                                    NOW,
                                    INT64_C(2524607999),
                                    INT64_C(2524608000),
                                    INT64_C(4107542400),
                                    INT64_C(253402300799)};
    char out[FH_PKI_PEM];
    int64_t from, to;

    for (size_t i = 0; i + 1 < sizeof times / sizeof *times; i++) {
        struct fh_pki_config cfg = usual();

        cfg.not_before = times[i];
        cfg.not_after = times[i + 1];
        ck_assert_int_eq(fh_pki_issue(&cfg, pki.key, pki.root, pki.root_key, out, sizeof out), 0);
        ck_assert_int_eq(fh_pki_look(out, NULL, &from, &to), 0);
        ck_assert_int_eq(from, times[i]);
        ck_assert_int_eq(to, times[i + 1]);
    }
}
END_TEST

static const char *const bad_names[] = {"",    "a,b",  "a=b",  "a\nb",
                                        "a+b", "a\"b", "a\\b", "\xc3\xa4"};
static const char *const bad_sans[] = {"",           "a b", "a_b",         "a/b",
                                       "b*.example", "a\n", "1.2.3.4.5/8", "2001:db8::zz"};

START_TEST(odd_names_are_refused)
{
    struct fh_pki_config cfg = usual();
    char longest[FH_PKI_NAME + 2];

    ck_assert_int_eq(try_issue(&cfg), 0);
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
        cfg.name = bad_names[i];
        ck_assert_int_eq(try_issue(&cfg), FH_TRANSPORT_E_INVAL);
    }
    memset(longest, 'a', sizeof longest);
    longest[FH_PKI_NAME] = '\0';
    cfg.name = longest;
    ck_assert_int_eq(try_issue(&cfg), 0);
    longest[FH_PKI_NAME] = 'a';
    longest[FH_PKI_NAME + 1] = '\0';
    ck_assert_int_eq(try_issue(&cfg), FH_TRANSPORT_E_INVAL);
    cfg = usual();
    for (size_t i = 0; i < sizeof bad_sans / sizeof *bad_sans; i++) {
        cfg.sans = &bad_sans[i];
        ck_assert_msg(try_issue(&cfg) == FH_TRANSPORT_E_INVAL, "%s", bad_sans[i]);
    }
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
    struct fh_pki_config cfg = usual();
    char out[FH_PKI_PEM], small[100];

    ck_assert_int_eq(fh_pki_key_new(small, sizeof small), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_issue(&cfg, pki.key, pki.root, pki.root_key, small, sizeof small),
                     FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_issue(&cfg, pki.key, pki.root, pki.key, out, sizeof out),
                     FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_issue(&cfg, "no key", pki.root, pki.root_key, out, sizeof out),
                     FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_root_new(&cfg, pki.root_key, out, sizeof out), FH_TRANSPORT_E_INVAL);
    cfg.not_after = cfg.not_before;
    ck_assert_int_eq(try_issue(&cfg), FH_TRANSPORT_E_INVAL);
    cfg = usual();
    cfg.sans_len = 0;
    ck_assert_int_eq(try_issue(&cfg), FH_TRANSPORT_E_INVAL);
    cfg = usual();
    cfg.crl_uri = "http://a b";
    ck_assert_int_eq(try_issue(&cfg), FH_TRANSPORT_E_INVAL);
    cfg.crl_uri = "http://a.example/root.crl";
    ck_assert_int_eq(try_issue(&cfg), 0);
}
END_TEST

START_TEST(no_two_keys_and_certificates_are_the_same)
{
    struct fh_pki_config cfg = usual();
    char a[FH_PKI_PEM], b[FH_PKI_PEM];

    ck_assert_int_eq(fh_pki_key_new(a, sizeof a), 0);
    ck_assert_int_eq(fh_pki_key_new(b, sizeof b), 0);
    ck_assert_str_ne(a, b);
    ck_assert_int_eq(fh_pki_issue(&cfg, pki.key, pki.root, pki.root_key, a, sizeof a), 0);
    ck_assert_int_eq(fh_pki_issue(&cfg, pki.key, pki.root, pki.root_key, b, sizeof b), 0);
    ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(a_list_of_what_was_taken_back)
{
    const char *const revoked[] = {pki.cert, pki.root};
    uint8_t none[FH_PKI_PEM], two[FH_PKI_PEM];
    int len = fh_pki_crl_new(pki.root, pki.root_key, NOW, NOW + DAY, NULL, 0, none, sizeof none);

    ck_assert_int_gt(len, 100);
    ck_assert_int_gt(
        fh_pki_crl_new(pki.root, pki.root_key, NOW, NOW + DAY, revoked, 2, two, sizeof two),
        len + 40);
    ck_assert_int_eq(
        fh_pki_crl_new(pki.root, pki.root_key, NOW, NOW + DAY, NULL, 0, none, (size_t)len / 2),
        FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_crl_new(pki.root, pki.key, NOW, NOW + DAY, NULL, 0, none, sizeof none),
                     FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_crl_new(pki.root, pki.root_key, NOW, NOW, NULL, 0, none, sizeof none),
                     FH_TRANSPORT_E_INVAL);
}
END_TEST

/* ---- a key that signs from another process ---- */

static char rsa_key[FH_PKI_PEM], rsa_cert[FH_PKI_PEM];

static void make_rsa(void)
{
    const struct fh_pki_config cfg = usual();

    ck_assert_int_eq(fh_pki_rsa_key_new(rsa_key, sizeof rsa_key), 0);
    ck_assert_int_eq(fh_pki_issue(&cfg, rsa_key, pki.root, pki.root_key, rsa_cert, sizeof rsa_cert),
                     0);
}

START_TEST(a_signer_signs_hashes_of_tls_and_nothing_else)
{
    struct fh_pki_signer *s = NULL;
    uint8_t hash[64] = {1}, one[256], two[256] = {0};

    make_rsa();
    ck_assert_int_eq(fh_pki_signer_new(rsa_cert, rsa_key, &s), 0);
    ck_assert_uint_eq(fh_pki_signer_len(s), sizeof one);
    for (size_t len = 0; len <= sizeof hash; len++)
        ck_assert_int_eq(fh_pki_signer_sign(s, hash, len, one, sizeof one) == 0,
                         len == 32 || len == 48 || len == 64);
    ck_assert_int_eq(fh_pki_signer_sign(s, hash, 32, one, 255), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_signer_sign(s, hash, 32, one, sizeof one), 0);
    ck_assert_int_eq(fh_pki_signer_sign(s, hash, 48, two, sizeof two), 0);
    ck_assert_mem_ne(one, two, sizeof one); /* the kind of the hash is signed, too */
    fh_pki_signer_free(s);
}
END_TEST

START_TEST(a_signer_has_the_key_of_its_certificate_and_of_rsa)
{
    struct fh_pki_signer *s = NULL;
    char other[FH_PKI_PEM];

    make_rsa();
    ck_assert_int_eq(fh_pki_rsa_key_new(other, sizeof other), 0);
    ck_assert_int_eq(fh_pki_signer_new(rsa_cert, other, &s), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_signer_new(pki.root, pki.root_key, &s), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_signer_new(rsa_cert, "nonsense", &s), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_pki_signer_new("nonsense", rsa_key, &s), FH_TRANSPORT_E_INVAL);
    ck_assert_ptr_null(s);
}
END_TEST

static int never(void *user, const uint8_t *hash, size_t hash_len, uint8_t *sig, size_t sig_len)
{
    (void)user, (void)hash, (void)hash_len, (void)sig, (void)sig_len;
    return -1;
}

START_TEST(a_server_whose_key_is_elsewhere_needs_a_certificate_of_rsa)
{
    struct fh_tls_server_config cfg = {.cert_pem = rsa_cert, .sign = never};
    struct fh_tls_context *ctx = NULL;

    make_rsa();
    ck_assert_int_eq(fh_tls_server_new(&cfg, &ctx, NULL, 0), 0);
    fh_tls_free(ctx);
    cfg.cert_pem = pki.root;
    ck_assert_int_eq(fh_tls_server_new(&cfg, &ctx, NULL, 0), FH_TRANSPORT_E_INVAL);
    cfg.cert_pem = NULL;
    ck_assert_int_eq(fh_tls_server_new(&cfg, &ctx, NULL, 0), FH_TRANSPORT_E_INVAL);
}
END_TEST

/* ---- X.690: one form for everything -----------------------------------------------------------
 */

/* Length and head of what begins at p, in as few bytes as there can be. */
static size_t der_len(const uint8_t *p, size_t room, size_t *head)
{
    size_t len = 0, n;

    ck_assert_uint_ge(room, 2);
    n = p[1] < 0x80 ? 0 : p[1] & 0x7fu;
    ck_assert_uint_le(n, 2);
    ck_assert_uint_ge(room, 2 + n);
    for (size_t i = 0; i < n; i++)
        len = len << 8 | p[2 + i];
    ck_assert_msg(n == 0 || len >= (n == 1 ? 0x80u : 0x100u), "a length of %zu in %zu bytes", len,
                  n);
    *head = 2 + n;
    len = n == 0 ? p[1] : len;
    ck_assert_uint_le(len, room - *head);
    return len;
}

/* In an extension, what is in the octet string is DER again. */
static void is_der(const uint8_t *p, size_t left)
{
    bool is_extension = left > 0 && p[0] == 0x06;

    while (left > 0) {
        size_t head, len = der_len(p, left, &head);
        const uint8_t *in = p + head;

        if (p[0] == 0x02 && len > 1)
            ck_assert_msg(in[0] != 0 || in[1] >= 0x80, "a number with zeros before it");
        if ((p[0] & 0x20) || (p[0] == 0x04 && is_extension))
            is_der(in, len);
        p += head + len;
        left -= head + len;
    }
}

static void is_der_in_pem(const char *pem)
{
    static uint8_t der[FH_PKI_PEM];
    char text[FH_PKI_PEM];
    size_t len = 0;
    int n;

    for (pem = strchr(pem, '\n'); *pem != '-'; pem++)
        if (*pem != '\n')
            text[len++] = *pem;
    n = base64_read(text, len, der, sizeof der);
    ck_assert_int_gt(n, 0);
    is_der(der, (size_t)n);
}

/* Other programs read them, and some of them read nothing else. */
START_TEST(lengths_and_numbers_have_one_form)
{
    static const int uris[] = {1, 100, 115, 120, 121, 127, 128, FH_PKI_URI};
    static char uri[FH_PKI_URI + 1], name[128];
    const char *const names[] = {name, name, name}, *const revoked[] = {pki.cert};
    struct fh_pki_config cfg = usual();
    char out[FH_PKI_PEM];
    uint8_t list[8192];
    int n;

    cfg.sans = names;
    cfg.crl_uri = uri;
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        memset(uri, 'u', (size_t)uris[i]);
        memset(name, 'n', 20 + 13 * i);
        cfg.sans_len = 1 + i % 3;
        ck_assert_int_eq(fh_pki_issue(&cfg, pki.key, pki.root, pki.root_key, out, sizeof out), 0);
        is_der_in_pem(out);
    }
    n = fh_pki_crl_new(pki.root, pki.root_key, NOW, NOW + DAY, revoked, 1, list, sizeof list);
    ck_assert_int_gt(n, 0);
    is_der(list, (size_t)n);
}
END_TEST

START_TEST(a_file_is_written_whole)
{
    char folder[] = "/tmp/test_pki.XXXXXX", path[64], text[100];
    struct stat st;
    FILE *f;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/key.pem", folder);
    ck_assert_int_eq(fh_pki_save(path, "first", 0600), 0);
    ck_assert_int_eq(fh_pki_save(path, "second", 0640), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
    fclose(f);
    ck_assert_str_eq(text, "second");
    ck_assert_int_eq(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/none/key.pem", folder);
    ck_assert_int_lt(fh_pki_save(path, "x", 0600), 0);
    /* Nothing else was left there. */
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pki");
    TCase *tc = tcase_create("pki");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, dates_are_kept);
    tcase_add_test(tc, odd_names_are_refused);
    tcase_add_test(tc, what_makes_no_sense_is_refused);
    tcase_add_test(tc, no_two_keys_and_certificates_are_the_same);
    tcase_add_test(tc, a_list_of_what_was_taken_back);
    tcase_add_test(tc, a_signer_signs_hashes_of_tls_and_nothing_else);
    tcase_add_test(tc, a_signer_has_the_key_of_its_certificate_and_of_rsa);
    tcase_add_test(tc, a_server_whose_key_is_elsewhere_needs_a_certificate_of_rsa);
    tcase_add_test(tc, lengths_and_numbers_have_one_form);
    tcase_add_test(tc, a_file_is_written_whole);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
