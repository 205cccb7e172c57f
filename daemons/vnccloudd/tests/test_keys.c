/* SPDX-License-Identifier: MIT */
/* The first start, what is made anew, and whose files are refused. */
#define _GNU_SOURCE /* nftw */
#include <check.h>
#include <ftw.h>
#include <sys/stat.h>

#include <farhand/pki.h>

#include "../src/keys.c"
#include "../src/options.h"

static const int64_t now = 1764273600, day = 86400;
static char folder[64], why[400];
static struct fh__config cfg;
static struct fh__keys keys;

static void set(const char *name, const char *value)
{
    const struct fh__option *o = fh__option_find(&fh__options, name, strlen(name));

    ck_assert_ptr_null(fh__option_set(&cfg, o, value, FH__FROM_FILE, 1));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void begin(void)
{
    char state[80];

    snprintf(folder, sizeof folder, "/tmp/test_keys.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(state, sizeof state, "%s/state", folder);
    fh__config_init(&cfg);
    set("name", "cloud.example");
    set("node", "cloud.example:443");
    set("node", "[2001:db8::1]:8443");
    set("state", state);
    memset(&keys, 0, sizeof keys);
}

static void end(void)
{
    fh__keys_wipe(&keys);
    fh__config_free(&cfg);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int open_at(int64_t at)
{
    fh__keys_wipe(&keys);
    return fh__keys_open(&cfg, at, true, &keys, why, sizeof why);
}

static void path_in_state(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", cfg.state, name);
}

static unsigned mode_of(const char *name)
{
    char path[128];
    struct stat st;

    path_in_state(name, path);
    ck_assert_msg(stat(path, &st) == 0, "%s is not there", path);
    return st.st_mode & 0777;
}

START_TEST(the_first_start_makes_what_the_others_read)
{
    struct fh__keys first;
    struct fh_cloud_service service;
    char *line;

    umask(0);
    ck_assert_msg(open_at(now) == 0, "%s", why);
    ck_assert(keys.made_root);
    ck_assert_uint_eq(mode_of(""), 0700);
    ck_assert_uint_eq(mode_of("root"), 0700);
    ck_assert_uint_eq(mode_of("root/root.key"), 0600);
    ck_assert_uint_eq(mode_of("server.key"), 0600);
    ck_assert_uint_eq(mode_of("relay.key"), 0600);
    ck_assert_int_eq((int)(keys.not_after - now), (int)(FH__KEYS_DAYS * day));
    first = keys;
    memset(&keys, 0, sizeof keys);
    ck_assert_msg(open_at(now + day) == 0, "%s", why);
    ck_assert(!keys.made_root);
    ck_assert_mem_eq(keys.root_pin, first.root_pin, sizeof keys.root_pin);
    ck_assert_mem_eq(keys.relay_key, first.relay_key, sizeof keys.relay_key);
    ck_assert_str_eq(keys.cert_pem, first.cert_pem);
    line = fh__client_line(&cfg, &keys, "cloud.example+00000000+AAAA");
    ck_assert_ptr_nonnull(strstr(line, "cloud.example:443,[2001:db8::1]:8443,root="));
    ck_assert_ptr_nonnull(strstr(line, ",name=cloud.example"));
    free(line);
    line = fh__client_line(&cfg, &keys, NULL);
    ck_assert_int_eq(fh_cloud_service_parse(line, &service, NULL), 0);
    ck_assert_uint_eq(service.nodes_len, 2);
    ck_assert_mem_eq(service.roots[0], keys.root_pin, 32);
    free(line);
    fh__keys_wipe(&first);
}
END_TEST

START_TEST(the_certificate_says_where_the_roots_list_is)
{
    static const char uri[] = "https://cloud.example:443/root.crl";
    uint8_t der[4096];
    char flat[2 * FH_PKI_PEM];
    size_t n = 0;
    int len;

    ck_assert_int_eq(open_at(now), 0);
    for (const char *p = strchr(keys.cert_pem, '\n'); *p != '-'; p++)
        if (*p != '\n')
            flat[n++] = *p;
    len = base64_read(flat, n, der, sizeof der);
    ck_assert_int_gt(len, 0);
    ck_assert_ptr_nonnull(memmem(der, (size_t)len, uri, sizeof uri - 1));
    ck_assert_uint_gt(keys.crl_len, 100);
    ck_assert_uint_eq(keys.crl[0], 0x30); /* a SEQUENCE of all that is there */
    ck_assert_uint_eq(keys.crl[1], 0x82 - (keys.crl_len < 260));
    /* Another list is what somebody broke. */
    fh__keys_wipe(&keys);
    ck_assert_int_eq(save_state(&cfg, "root.crl", "x\n", 0644, why, sizeof why), 0);
    ck_assert_int_ne(open_at(now), 0);
}
END_TEST

START_TEST(a_certificate_is_renewed_before_it_ends)
{
    char *before;

    ck_assert_int_eq(open_at(now), 0);
    before = strdup(keys.cert_pem);
    ck_assert_int_eq(open_at(now + (FH__KEYS_DAYS - FH__KEYS_RENEW - 1) * day), 0);
    ck_assert_str_eq(keys.cert_pem, before);
    ck_assert_int_eq(open_at(now + (FH__KEYS_DAYS - FH__KEYS_RENEW + 1) * day), 0);
    ck_assert_str_ne(keys.cert_pem, before);
    free(before);
}
END_TEST

START_TEST(another_name_is_another_certificate)
{
    char *before;
    uint8_t pin[32];

    ck_assert_int_eq(open_at(now), 0);
    before = strdup(keys.cert_pem);
    memcpy(pin, keys.root_pin, sizeof pin);
    set("node", "other.example:443");
    ck_assert_int_eq(open_at(now), 0);
    ck_assert_str_ne(keys.cert_pem, before);
    ck_assert_mem_eq(keys.root_pin, pin, sizeof pin);
    free(before);
}
END_TEST

START_TEST(without_the_roots_key_the_certificate_serves_to_its_end)
{
    char path[128];

    ck_assert_int_eq(open_at(now), 0);
    path_in_state("root/root.key", path);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(open_at(now + (FH__KEYS_DAYS - 1) * day), 0);
    ck_assert_int_eq(open_at(now + (FH__KEYS_DAYS + 1) * day), -1);
    ck_assert_ptr_nonnull(strstr(why, "root.key"));
}
END_TEST

static const struct {
    const char *name;
    mode_t mode;
    const char *says;
} wrong[] = {
    {"", 0755, "chmod 700"},
    {"server.key", 0640, "chmod 600"},
    {"relay.key", 0604, "chmod 600"},
    {"server.pem", 0666, "nobody else may write"},
    {"root.pem", 0666, "nobody else may write"},
};

START_TEST(what_others_could_read_or_write_is_refused)
{
    char path[128];

    ck_assert_int_eq(open_at(now), 0);
    path_in_state(wrong[_i].name, path);
    ck_assert_int_eq(chmod(path, wrong[_i].mode), 0);
    ck_assert_int_eq(open_at(now), -1);
    ck_assert_msg(strstr(why, wrong[_i].says) != NULL, "%s", why);
    ck_assert_ptr_null(keys.key_pem);
}
END_TEST

START_TEST(a_relay_key_that_is_none_is_not_made_anew)
{
    char path[128];

    ck_assert_int_eq(open_at(now), 0);
    path_in_state("relay.key", path);
    ck_assert_int_eq(fh_pki_save(path, "nonsense\n", 0600), 0);
    errno = ENOENT;
    ck_assert_int_eq(open_at(now), -1);
    ck_assert_ptr_nonnull(strstr(why, "64 hexadecimal digits"));
}
END_TEST

START_TEST(a_check_makes_nothing)
{
    ck_assert_int_eq(fh__keys_open(&cfg, now, false, &keys, why, sizeof why), -1);
    ck_assert_int_eq(mkdir(cfg.state, 0700), 0);
    ck_assert_int_eq(fh__keys_open(&cfg, now, false, &keys, why, sizeof why), -1);
    ck_assert_int_eq(rmdir(cfg.state), 0); /* still empty */
    ck_assert_int_eq(open_at(now), 0);
    fh__keys_wipe(&keys);
    ck_assert_int_eq(fh__keys_open(&cfg, now, false, &keys, why, sizeof why), 0);
}
END_TEST

/* Made by another cloud's first start. */
START_TEST(own_certificates_are_taken_with_their_root)
{
    char cert[128], key[128], other[160];
    struct fh__keys mine;

    ck_assert_int_eq(open_at(now), 0);
    mine = keys;
    memset(&keys, 0, sizeof keys);
    path_in_state("server.pem", cert);
    path_in_state("server.key", key);
    snprintf(other, sizeof other, "%s/other", folder);
    set("certificate", cert);
    set("key", key);
    set("state", other);
    ck_assert_msg(open_at(now) == 0, "%s", why);
    ck_assert(!keys.made_root);
    ck_assert_mem_eq(keys.root_pin, mine.root_pin, sizeof mine.root_pin);
    ck_assert_mem_ne(keys.relay_key, mine.relay_key, sizeof mine.relay_key);
    /* The leaf alone says nothing of who vouches for it. */
    *(char *)strstr(mine.cert_pem + 1, "-----BEGIN") = '\0';
    ck_assert_int_eq(fh_pki_save(cert, mine.cert_pem, 0644), 0);
    ck_assert_int_eq(open_at(now), -1);
    ck_assert_ptr_nonnull(strstr(why, "root's certificate"));
    fh__keys_wipe(&mine);
}
END_TEST

START_TEST(the_secret_of_turn_is_a_line_of_its_own)
{
    char path[128];
    uint8_t secret[256];

    snprintf(path, sizeof path, "%s/turn", folder);
    ck_assert_int_eq(fh_pki_save(path, "0123456789abcdef\nmore\n", 0600), 0);
    ck_assert_int_eq(fh__turn_secret(path, secret, sizeof secret, why, sizeof why), 16);
    ck_assert_mem_eq(secret, "0123456789abcdef", 16);
    ck_assert_int_eq(fh_pki_save(path, "short\n", 0600), 0);
    ck_assert_int_eq(fh__turn_secret(path, secret, sizeof secret, why, sizeof why), -1);
    ck_assert_int_eq(fh_pki_save(path, "0123456789abcdef\n", 0644), 0);
    ck_assert_int_eq(fh__turn_secret(path, secret, sizeof secret, why, sizeof why), -1);
}
END_TEST

/* ---- the configuration ---- */

static const struct {
    const char *name, *value;
    bool is_good;
} values[] = {
    {"node", "cloud.example:443", true},
    {"node", "[2001:db8::1]:443", true},
    {"node", "cloud.example", false},
    {"node", "2001:db8::1:443", false},
    {"node", ":443", false},
    {"node", "a:0", false},
    {"node", "a:65536", false},
    {"node", "a b:443", false},
    {"turn", "turn:t.example:3478", true},
    {"turn", "stun:t.example", false},
    {"stun-listen", "none", true},
    {"stun-listen", "unix:/x", false},
    {"name", "cloud.example", true},
    {"name", "-x", false},
    {"name", "a b", false},
    {"limit-connect", "20/60", true},
    {"limit-connect", "0", true},
    {"limit-connect", "20", false},
    {"limit-connect", "20/0", false},
    {"limit-connect", "/60", false},
    {"limit-connect", "20/60x", false},
    {"limit-connect", "1000001/60", false},
    {"max-clients", "0", false},
    {"interval", "4", false},
    {"listen", "systemd", true},
    {"listen", "*:443", true},
};

START_TEST(values_are_checked)
{
    const struct fh__option *o =
        fh__option_find(&fh__options, values[_i].name, strlen(values[_i].name));

    ck_assert_ptr_nonnull(o);
    ck_assert((fh__option_set(&cfg, o, values[_i].value, FH__FROM_FILE, 1) == NULL) ==
              values[_i].is_good);
}
END_TEST

static char *read_page(const char *name)
{
    char path[200];
    const char *top = getenv("FARHAND_TOP");
    FILE *f;
    char *text = calloc(1, 1 << 17);

    snprintf(path, sizeof path, "%s/daemons/vnccloudd/%s", top ? top : ".", name);
    f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s", path);
    ck_assert_uint_gt(fread(text, 1, (1 << 17) - 1, f), 0);
    fclose(f);
    return text;
}

START_TEST(the_pages_and_the_example_name_every_option)
{
    char *command = read_page("vnccloudd.8.scd"), *file = read_page("vnccloudd.conf.5.scd");
    char *example = read_page("vnccloudd.conf"), text[80];

    for (const struct fh__option *o = fh__options.of; o < fh__options.of + fh__options.n; o++) {
        if (o->use == FH__OPTION_CALL) {
            snprintf(text, sizeof text, "*--%s*", o->name);
            ck_assert_msg(strstr(command, text) != NULL, "vnccloudd(8) lacks %s", text);
            continue;
        }
        snprintf(text, sizeof text, "*%s* = ", o->name);
        ck_assert_msg(strstr(file, text) != NULL, "vnccloudd.conf(5) lacks %s", text);
        if (o->use == FH__OPTION_RELOAD) {
            char *at = strstr(file, text), *last = strchr(at, '\n');

            ck_assert_msg(memcmp(last - 8, "(reload)", 8) == 0, "%s lacks (reload)", text);
        }
        snprintf(text, sizeof text, "\n#%s = %s", o->name, o->fallback ? o->fallback : "");
        ck_assert_msg(strstr(example, text) != NULL, "vnccloudd.conf lacks %s", text);
    }
    free(command);
    free(file);
    free(example);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("keys");
    TCase *tc = tcase_create("keys");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, the_first_start_makes_what_the_others_read);
    tcase_add_test(tc, the_certificate_says_where_the_roots_list_is);
    tcase_add_test(tc, a_certificate_is_renewed_before_it_ends);
    tcase_add_test(tc, another_name_is_another_certificate);
    tcase_add_test(tc, without_the_roots_key_the_certificate_serves_to_its_end);
    tcase_add_loop_test(tc, what_others_could_read_or_write_is_refused, 0,
                        sizeof wrong / sizeof *wrong);
    tcase_add_test(tc, a_relay_key_that_is_none_is_not_made_anew);
    tcase_add_test(tc, a_check_makes_nothing);
    tcase_add_test(tc, own_certificates_are_taken_with_their_root);
    tcase_add_test(tc, the_secret_of_turn_is_a_line_of_its_own);
    tcase_add_loop_test(tc, values_are_checked, 0, sizeof values / sizeof *values);
    tcase_add_test(tc, the_pages_and_the_example_name_every_option);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
