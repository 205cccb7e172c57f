/* SPDX-License-Identifier: MIT */
/* What the desktop process encodes for several viewers, and what a session makes of it. */
#define _GNU_SOURCE
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <farhand/decoder.h>

#include "loans.h"
#include "studio.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

/* ---- the ring ---- */

static struct fh__ring ring;
static struct fh__ring_view view;

static void setup(void)
{
    ck_assert_int_eq(fh__ring_open(&ring), 0);
    ck_assert_int_eq(fh__ring_map(&view, ring.fd), 0);
}

static void teardown(void)
{
    fh__ring_unmap(&view);
    fh__ring_unmap(&view);
    fh__ring_close(&ring);
    fh__ring_close(&ring);
}

/* Round and round: what was put last is there, and what it has overwritten is not. */
START_TEST(what_was_put_is_there_until_it_is_overwritten)
{
    static uint8_t data[FH__RING_BYTES / 3], out[sizeof data];
    uint64_t places[40];
    uint32_t seed = 1;

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        const size_t len = sizeof data - i * 1000;

        memset(data, (int)i + 1, len);
        places[i] = fh__ring_put(&ring, data, len);
        for (size_t back = 0; back <= i; back++) {
            const size_t was = sizeof data - (i - back) * 1000;
            const bool is = fh__ring_copy(&view, places[i - back], was, out);

            ck_assert(is || back >= 2);
            ck_assert(!is || back < 4);
            for (size_t k = 0; is && k < was; k += 1 + (seed = seed * 1103515245u + 12345u) % 999)
                ck_assert_uint_eq(out[k], i - back + 1);
        }
    }
}
END_TEST

START_TEST(a_place_that_cannot_be_is_not_read)
{
    static uint8_t out[FH__RING_BYTES];
    uint8_t byte = 7;
    uint64_t at = fh__ring_put(&ring, &byte, 1);

    ck_assert(fh__ring_copy(&view, at, 1, out));
    ck_assert(!fh__ring_copy(&view, at, 0, out));
    ck_assert(!fh__ring_copy(&view, at, 2, out)); /* not yet */
    ck_assert(!fh__ring_copy(&view, at + 1, 1, out));
    ck_assert(!fh__ring_copy(&view, UINT64_MAX, 1, out));
    ck_assert(!fh__ring_copy(&view, UINT64_MAX, SIZE_MAX, out));
    ck_assert(!fh__ring_copy(&view, at, FH__RING_BYTES + 1u, out));
    ck_assert(!fh__ring_copy(&view, FH__RING_BYTES - 1, 2, out)); /* over the edge */
}
END_TEST

START_TEST(nobody_else_can_write_or_shorten_it)
{
    struct stat st;

    ck_assert_int_eq(fstat(ring.fd, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, 0), MAP_FAILED);
    ck_assert_int_lt(write(ring.fd, "x", 1), 0);
    ck_assert_int_lt(ftruncate(ring.fd, 0), 0);
}
END_TEST

START_TEST(what_is_no_ring_is_not_mapped)
{
    int fd = memfd_create("short", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    ck_assert_int_lt(fh__ring_map(&view, fd), 0);
    ck_assert_int_eq(ftruncate(fd, 2 * FH__RING_BYTES), 0);
    ck_assert_int_lt(fh__ring_map(&view, fd), 0); /* it could be taken away */
    ck_assert(!fh__ring_has(&view, 0, 1));
    close(fd);
}
END_TEST

/* ---- the studio, and a session's loans of it ---- */

enum { WIDTH = 1500, HEIGHT = 700 };

static struct fh__studio studio;
static struct fh__loans loans;
static struct fh__msg_damage damage;
static struct fh__msg_encoded encoded;
static struct fh_framebuffer from, to;
static uint8_t out[1 << 20];

static const struct fh_rfb_coding lossless = {
    .encoding = FH_ENC_TIGHT,
    .format = {32, 24, false, true, 255, 255, 255, 16, 8, 0},
    .quality = -1,
    .level = 2,
};

static void open_studio(void)
{
    from = (struct fh_framebuffer){NULL, WIDTH, HEIGHT, WIDTH};
    to = from;
    from.px = calloc(WIDTH * HEIGHT, 4);
    to.px = calloc(WIDTH * HEIGHT, 4);
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
        from.px[i] = (i / 7 * 2654435761u >> 27) * 0x030201;
    studio = (struct fh__studio){0};
    loans = (struct fh__loans){0};
}

static void close_studio(void)
{
    fh__studio_free(&studio);
    fh__ring_unmap(&loans.ring);
    free(from.px);
    free(to.px);
}

static void change(struct fh_rect r)
{
    damage.rects[damage.n++] = r;
}

/* As the two processes do it. */
static bool publish(const struct fh_rfb_coding *c)
{
    bool has = fh__studio_encode(&studio, c, &from, &damage, &encoded);

    if (has && !loans.ring.map)
        ck_assert_int_eq(fh__loans_ring(&loans, studio.ring.fd), 0);
    if (has)
        loans.coming = encoded;
    fh__loans_damage(&loans, &damage);
    damage.n = 0;
    return has;
}

static size_t offered(const struct fh_rfb_coding *c, struct fh_rect r[FH__ENCODED_MAX])
{
    return fh__loans_ops.offer(&loans, c, r, FH__ENCODED_MAX);
}

/* Each by a decoder that has seen nothing before. Returns how many pixels there were. */
static int32_t decode_all(void)
{
    struct fh_rect r[FH__ENCODED_MAX];
    size_t n = offered(&lossless, r), len, used;
    int32_t pixels = 0;

    for (size_t i = 0; i < n; i++) {
        struct fh_decoder *d = fh_decoder_new();

        len = fh__loans_ops.take(&loans, &lossless, &r[i], out, sizeof out);
        ck_assert_uint_gt(len, 0);
        ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_TIGHT, &to, &r[i]), 0);
        ck_assert_int_eq(fh_decoder_input(d, out, len, &used), 1);
        fh_decoder_free(d);
        for (int32_t y = r[i].y; y < r[i].y + r[i].h; y++)
            ck_assert_mem_eq(to.px + y * WIDTH + r[i].x, from.px + y * WIDTH + r[i].x,
                             4 * (size_t)r[i].w);
        pixels += r[i].w * r[i].h;
    }
    return pixels;
}

START_TEST(it_is_the_picture)
{
    for (int32_t y = 0; y < 640; y += 64)
        change((struct fh_rect){0, y, WIDTH, 64}); /* bands */
    change((struct fh_rect){3, 650, 5, 7});
    ck_assert(publish(&lossless));
    ck_assert_int_eq(decode_all(), WIDTH * 640 + 5 * 7);
    ck_assert_uint_gt(loans.taken, 0);
}
END_TEST

START_TEST(what_changed_since_is_forgotten)
{
    struct fh_rect r[FH__ENCODED_MAX];

    change((struct fh_rect){0, 0, 100, 100});
    change((struct fh_rect){200, 0, 100, 100});
    ck_assert(publish(&lossless));
    ck_assert_uint_eq(offered(&lossless, r), 2);
    change((struct fh_rect){299, 99, 1, 1});
    fh__loans_damage(&loans, &damage);
    ck_assert_uint_eq(offered(&lossless, r), 1);
    ck_assert_int_eq(r[0].x, 0);
    r[0].x = 200;
    ck_assert_uint_eq(fh__loans_ops.take(&loans, &lossless, &r[0], out, sizeof out), 0);
    fh__loans_forget(&loans);
    ck_assert_uint_eq(offered(&lossless, r), 0);
}
END_TEST

START_TEST(another_coding_is_another_matter)
{
    struct fh_rfb_coding other = lossless, slow = lossless, zrle = lossless;
    struct fh_rect r[FH__ENCODED_MAX];

    other.quality = 5;
    slow.level = 9;
    zrle.encoding = FH_ENC_ZRLE;
    ck_assert(fh__studio_takes(&lossless) && fh__studio_takes(&other));
    ck_assert(!fh__studio_takes(&slow) && !fh__studio_takes(&zrle));
    change((struct fh_rect){0, 0, 100, 100});
    ck_assert(publish(&lossless));
    ck_assert_uint_eq(offered(&other, r), 0);
    ck_assert_uint_eq(offered(&lossless, r), 1);
    ck_assert_uint_eq(fh__loans_ops.take(&loans, &other, &r[0], out, sizeof out), 0);
    ck_assert_uint_eq(fh__loans_ops.take(&loans, &lossless, &r[0], out, 3), 0);
}
END_TEST

START_TEST(who_had_the_ring_sees_nothing_new)
{
    struct fh_rect r[FH__ENCODED_MAX];
    unsigned serial;

    change((struct fh_rect){0, 0, 100, 100});
    ck_assert(publish(&lossless));
    serial = studio.serial;
    fh__studio_renew(&studio);
    change((struct fh_rect){100, 0, 100, 100});
    ck_assert(fh__studio_encode(&studio, &lossless, &from, &damage, &encoded));
    ck_assert_uint_ne(studio.serial, serial);
    ck_assert_uint_eq(offered(&lossless, r), 1); /* what it had stays as it was */
    ck_assert_int_eq(decode_all(), 100 * 100);
}
END_TEST

/* However much is asked of it, it has a bout, and then only what it earns by leaving others time.
 */
START_TEST(its_time_is_bounded)
{
    enum { FRAMES = 1000 };
    int n = 0;

    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
        from.px[i] = ((i * 2654435761u) ^ i << 7) & 0xffffff;
    for (int frame = 0; frame < FRAMES; frame++) {
        damage.n = 0;
        change((struct fh_rect){0, 0, WIDTH, HEIGHT});
        n += fh__studio_encode(&studio, &lossless, &from, &damage, &encoded);
    }
    ck_assert_int_ge(n, 1);
    ck_assert_int_lt(n, FRAMES / 10);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("studio");
    TCase *in_ring = tcase_create("ring"), *tc = tcase_create("studio");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(in_ring, setup, teardown);
    tcase_add_test(in_ring, what_was_put_is_there_until_it_is_overwritten);
    tcase_add_test(in_ring, a_place_that_cannot_be_is_not_read);
    tcase_add_test(in_ring, nobody_else_can_write_or_shorten_it);
    tcase_add_test(in_ring, what_is_no_ring_is_not_mapped);
    suite_add_tcase(s, in_ring);
    tcase_add_checked_fixture(tc, open_studio, close_studio);
    tcase_add_test(tc, it_is_the_picture);
    tcase_add_test(tc, what_changed_since_is_forgotten);
    tcase_add_test(tc, another_coding_is_another_matter);
    tcase_add_test(tc, who_had_the_ring_sees_nothing_new);
    tcase_add_test(tc, its_time_is_bounded);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
