/* SPDX-License-Identifier: MIT */
/* test_cloud.c -- what the monitor does for a cloud process that says too much. */
#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../src/cloud.c"

static uv_loop_t loop;
static char folder[64], key_path[80], checkpoint_path[100];
static struct fh__config cfg;
static struct fh__sharing sharing;
static struct fh__cloud cloud;
static unsigned lines;

static void on_line(enum fh__log_level level, const char *line)
{
    (void)level;
    (void)line;
    lines++;
}

static void set_up(void)
{
    uv_loop_init(&loop);
    snprintf(folder, sizeof folder, "/tmp/test_cloud.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(key_path, sizeof key_path, "%s/key", folder);
    snprintf(checkpoint_path, sizeof checkpoint_path, "%s.checkpoint", key_path);
    cfg = (struct fh__config){.cloud_key = key_path};
    cloud = (struct fh__cloud){.loop = &loop, .cfg = &cfg, .sharing = &sharing};
    lines = 0;
    fh__log_set_sink(on_line);
}

static void tear_down(void)
{
    (void)unlink(checkpoint_path);
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static bool keep_checkpoint(unsigned number)
{
    uint8_t data[16], body[1 + sizeof data];
    const struct fh__msg_cloud_keep m = {FH__CLOUD_CHECKPOINT, data, sizeof data};
    struct wr w = wr_init(body, sizeof body);

    snprintf((char *)data, sizeof data, "%015u", number);
    fh__msg_cloud_keep_write(&w, &m);
    return take(&cloud, FH__MSG_CLOUD_KEEP, rd_init(body, w.len), -1);
}

static unsigned kept(void)
{
    char text[16] = "";
    FILE *f = fopen(checkpoint_path, "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fread(text, 1, sizeof text, f), sizeof text);
    fclose(f);
    return (unsigned)strtoul(text, NULL, 10);
}

START_TEST(files_are_written_so_many_times_a_minute)
{
    for (unsigned i = 1; i <= 1000; i++)
        ck_assert(keep_checkpoint(i));
    ck_assert_uint_eq(kept(), FH__CLOUD_MINUTE);
    ck_assert_str_eq((char *)cloud.kept[FH__CLOUD_CHECKPOINT], "000000000001000");
    cloud.minute_ms -= 60000; /* a minute later */
    ck_assert(keep_checkpoint(1001));
    ck_assert_uint_eq(kept(), 1001);
}
END_TEST

START_TEST(lines_are_logged_so_many_times_a_minute)
{
    uint8_t body[64];

    for (unsigned i = 0; i < 2000; i++) {
        char why[16];
        const struct fh__msg_cloud_state m = {
            false, 0, {why, (size_t)snprintf(why, sizeof why, "%u", i)}};
        struct wr w = wr_init(body, sizeof body);

        fh__msg_cloud_state_write(&w, &m);
        ck_assert(take(&cloud, FH__MSG_CLOUD_STATE, rd_init(body, w.len), -1));
    }
    ck_assert_uint_le(lines, FH__CLOUD_MINUTE + 1);
    ck_assert_str_eq(cloud.why, "1999");
}
END_TEST

START_TEST(who_asks_is_judged_so_many_times_a_minute)
{
    static const uint8_t zeros[FH_FINGERPRINT_LEN];
    const struct fh__msg_cloud_incoming m = {
        .connection = 5, .ref = zeros, .address = zeros, .fingerprint = zeros, .groups = {"", 0}};
    uint8_t body[128];
    struct wr w = wr_init(body, sizeof body);

    cloud.costly = FH__CLOUD_MINUTE;
    cloud.minute_ms = uv_now(&loop);
    fh__msg_cloud_incoming_write(&w, &m);
    ck_assert(take(&cloud, FH__MSG_CLOUD_INCOMING, rd_init(body, w.len), -1));
    ck_assert_ptr_null(find(&cloud, 5));
    ck_assert_uint_eq(lines, 0);
    ck_assert_uint_eq(sharing.last_number, 0); /* nobody was asked about it */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cloud");
    TCase *tc = tcase_create("too much");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, files_are_written_so_many_times_a_minute);
    tcase_add_test(tc, lines_are_logged_so_many_times_a_minute);
    tcase_add_test(tc, who_asks_is_judged_so_many_times_a_minute);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
