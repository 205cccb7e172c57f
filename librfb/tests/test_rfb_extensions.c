/* SPDX-License-Identifier: MIT */
/* What peers agree on beside RFC 6143, between our machines, fed whole and byte by byte. */
#include "session.h"

/* A viewer that lists these and no more. */
static struct session *session_of(const int32_t *encodings, size_t n, int quality, size_t step)
{
    const struct fh_rfb_client_config cfg = {
        .encodings = encodings, .n_encodings = n, .quality = quality, .level = -1};

    return session_new(&cfg, step);
}

/* ---- encodings ---- */

static const enum fh_encoding pixels[] = {
    FH_ENC_RAW,   FH_ENC_RRE,  FH_ENC_HEXTILE, FH_ENC_ZLIB,
    FH_ENC_TIGHT, FH_ENC_TRLE, FH_ENC_ZRLE,    FH_ENC_TIGHT_PNG,
};

START_TEST(the_first_encoding_of_the_viewer_is_taken)
{
    const int32_t list[] = {FH_ENC_CURSOR, 4 /* CoRRE */, (int32_t)pixels[_i / 2], FH_ENC_TIGHT,
                            FH_ENC_RAW};
    struct session *t = session_of(list, ARRAY_LEN(list), -1, _i % 2 ? 1 : SIZE_MAX);
    struct fh_rfb_coding coding;

    ck_assert(!fh_rfb_server_coding(t->server, &coding));
    settle(t);
    ck_assert(fh_rfb_server_coding(t->server, &coding));
    ck_assert_int_eq(coding.encoding, pixels[_i / 2]);
    assert_same_picture(t);
    session_free(t);
}
END_TEST

/* RRE is not made of noise: it goes in the encoding that the viewer likes next. */
START_TEST(what_rre_does_not_suit_goes_in_another_encoding)
{
    static const int32_t list[] = {FH_ENC_RRE, FH_ENC_ZLIB, FH_ENC_RAW};
    struct session *t = session_of(list, ARRAY_LEN(list), -1, SIZE_MAX);

    for (int32_t i = 0; i < 200 * t->fb.stride_px; i++)
        t->fb.px[i] = ((i * 7 & 63) * 0x040302u + (i & 1) * 0x800000u) & 0xffffff;
    settle(t);
    assert_same_picture(t);
    ck_assert_uint_lt(t->server_bytes, 320 * 200);
    session_free(t);
}
END_TEST

/* A picture in soft colours, that a JPEG is made of. */
static void paint_soft(struct session *t)
{
    for (int32_t y = 0; y < t->fb.height; y++)
        for (int32_t x = 0; x < t->fb.width; x++)
            t->fb.px[y * t->fb.stride_px + x] = (uint32_t)(x * 3 / 4) << 16 |
                                                (uint32_t)(y + x / 8) << 8 |
                                                (uint32_t)((x + y) / 4 + (x * y & 3));
}

/* How far the viewer's picture is from the server's on the whole, a colour of a pixel. */
static double distance(const struct session *t)
{
    const struct fh_framebuffer *got = fh_rfb_client_framebuffer(t->client);
    double sum = 0;

    for (int32_t y = 0; y < t->fb.height; y++)
        for (int32_t x = 0; x < t->fb.width; x++)
            for (int shift = 0; shift < 24; shift += 8)
                sum += abs((int)(got->px[y * got->stride_px + x] >> shift & 255) -
                           (int)(t->fb.px[y * t->fb.stride_px + x] >> shift & 255));
    return sum / (3.0 * t->fb.width * t->fb.height);
}

static const struct {
    int32_t list[4];
    size_t n;
    int quality;
    bool is_lossy;
} jpegs[] = {
    {{FH_ENC_ZRLE, FH_ENC_JPEG}, 2, 6, true},
    {{FH_ENC_JPEG, FH_ENC_HEXTILE}, 2, 6, true},
    {{FH_ENC_JPEG}, 1, FH_QUALITY_FINE + 60, true},
    {{FH_ENC_TIGHT_PNG, FH_ENC_JPEG}, 2, 6, true},
    {{FH_ENC_ZRLE, FH_ENC_JPEG}, 2, -1, false},
    {{FH_ENC_JPEG}, 1, -1, false},
    {{FH_ENC_TIGHT_PNG}, 1, -1, false},
};

START_TEST(jpeg_is_for_viewers_that_gave_a_quality)
{
    struct session *t = session_of(jpegs[_i / 2].list, jpegs[_i / 2].n, jpegs[_i / 2].quality,
                                   _i % 2 ? 1 : SIZE_MAX);

    paint_soft(t);
    settle(t);
    if (!jpegs[_i / 2].is_lossy)
        assert_same_picture(t);
    else
        ck_assert_uint_lt(t->server_bytes, 320 * 200 / 2);
    ck_assert(distance(t) < 8);
    session_free(t);
}
END_TEST

/* A finer quality of the same viewer comes nearer, and costs more. */
START_TEST(a_fine_quality_and_the_subsampling_arrive)
{
    static const int32_t list[] = {FH_ENC_TIGHT};
    const struct fh_rfb_client_config cfg = {.encodings = list,
                                             .n_encodings = 1,
                                             .quality = FH_QUALITY_FINE + 30,
                                             .level = 1,
                                             .subsampling = FH_SUBSAMPLING_GREY};
    struct session *t = session_new(&cfg, SIZE_MAX);
    struct fh_rfb_coding coding;
    double grey;

    paint_soft(t);
    settle(t);
    grey = distance(t);
    ck_assert(fh_rfb_server_coding(t->server, &coding));
    ck_assert_int_eq(coding.quality, FH_QUALITY_FINE + 30);
    ck_assert_int_eq(coding.subsampling, FH_SUBSAMPLING_GREY);
    ck_assert(grey > 20); /* its colours are not there */
    session_free(t);
}
END_TEST

START_TEST(tight_without_zlib_is_agreed_on)
{
    static const int32_t list[] = {FH_ENC_TIGHT, FH_ENC_TIGHT_NO_ZLIB};
    const struct fh_rfb_client_config cfg = {
        .encodings = list, .n_encodings = _i ? 2 : 1, .quality = -1, .level = 0};
    struct session *t = session_new(&cfg, 1);
    struct fh_rfb_coding coding;

    settle(t);
    ck_assert(fh_rfb_server_coding(t->server, &coding));
    ck_assert_int_eq(coding.no_zlib, _i);
    assert_same_picture(t);
    session_free(t);
}
END_TEST

static const struct fh_pixel_format formats[] = {
    {32, 24, true, true, 255, 255, 255, 0, 8, 16}, {32, 24, false, true, 255, 255, 255, 8, 16, 24},
    {16, 16, false, true, 31, 63, 31, 11, 5, 0},   {16, 15, true, true, 31, 31, 31, 10, 5, 0},
    {8, 8, false, true, 7, 7, 3, 0, 3, 6},
};

/* With a cursor, whose pixels are in the same format. */
START_TEST(a_viewer_may_ask_for_another_format)
{
    static const uint32_t shape[2] = {0xffff0000, 0xff00ff00};
    static const int32_t list[] = {FH_ENC_TIGHT, FH_ENC_CURSOR};
    const struct fh_rfb_client_config cfg = {
        .encodings = list, .n_encodings = 2, .quality = -1, .level = -1, .format = &formats[_i]};
    struct session *t = session_new(&cfg, 1);

    for (int32_t i = 0; i < 200 * t->fb.stride_px; i++)
        t->fb.px[i] = (i & 1 ? 0xff0000u : 0) | (i & 4 ? 0xff00u : 0) | (i & 32 ? 0xffu : 0);
    ck_assert_int_eq(fh_rfb_server_set_cursor(t->server, shape, 2, 1, 0, 0), 0);
    settle(t);
    assert_same_picture(t);
    ck_assert_mem_eq(t->cursor_px, shape, sizeof shape);
    session_free(t);
}
END_TEST

START_TEST(a_viewer_of_no_format_is_not_made)
{
    const struct fh_pixel_format map = {8, 8, false, false, 0, 0, 0, 0, 0, 0};
    const struct fh_rfb_client_config cfg = {.quality = -1, .level = -1, .format = &map};

    ck_assert_ptr_null(fh_rfb_client_new(&cfg));
}
END_TEST

/* ---- cursors ---- */

static const uint32_t shape[9] = {0xff000000, 0xffffffff, 0x00000000, 0x80ff8000, 0xff204060,
                                  0x40ffffff, 0xfff0f0f0, 0x7f102030, 0xff808080};

static const struct {
    int32_t encodings[3];
    size_t n;
    uint32_t want[9];
} cursors[] = {
    {{FH_ENC_CURSOR, FH_ENC_CURSOR_WITH_ALPHA},
     2,
     {0xff000000, 0xffffffff, 0, 0x80ff8000, 0xff204060, 0x40ffffff, 0xfff0f0f0, 0x7f102030,
      0xff808080}},
    {{FH_ENC_XCURSOR, FH_ENC_VMWARE_CURSOR, FH_ENC_CURSOR},
     3,
     {0xff000000, 0xffffffff, 0, 0x80ff8000, 0xff204060, 0x40ffffff, 0xfff0f0f0, 0x7f102030,
      0xff808080}},
    {{FH_ENC_XCURSOR, FH_ENC_CURSOR},
     2,
     {0xff000000, 0xffffffff, 0, 0xffff8000, 0xff204060, 0x00ffffff, 0xfff0f0f0, 0x00102030,
      0xff808080}},
    /* The mean of ffffff, ff8000, f0f0f0, 808080, and that of 000000 and 204060. */
    {{FH_ENC_XCURSOR},
     1,
     {0xff102030, 0xffdbbb9b, 0x00102030, 0xffdbbb9b, 0xff102030, 0x00dbbb9b, 0xffdbbb9b,
      0x00102030, 0xffdbbb9b}},
};

START_TEST(a_cursor_comes_in_the_best_form_that_the_viewer_knows)
{
    struct session *t =
        session_of(cursors[_i / 2].encodings, cursors[_i / 2].n, -1, _i % 2 ? 1 : SIZE_MAX);

    ck_assert_int_eq(fh_rfb_server_set_cursor(t->server, shape, 3, 3, 2, 1), 0);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_CURSOR], 1);
    ck_assert_int_eq(t->cursor.cursor.hot_x, 2);
    ck_assert_int_eq(t->cursor.cursor.hot_y, 1);
    for (int i = 0; i < 9; i++)
        ck_assert_msg(t->cursor_px[i] == cursors[_i / 2].want[i], "pixel %d is %08x", i,
                      (unsigned)t->cursor_px[i]);
    ck_assert_int_eq(fh_rfb_server_set_cursor(t->server, NULL, 0, 0, 0, 0), 0);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_CURSOR], 2);
    ck_assert_int_eq(t->cursor.cursor.w, 0);
    session_free(t);
}
END_TEST

START_TEST(a_pointer_that_was_moved_is_followed)
{
    static const int32_t list[] = {FH_ENC_RAW, FH_ENC_VMWARE_CURSOR_POSITION};
    struct session *t = session_of(list, 2, -1, _i ? 1 : SIZE_MAX);

    settle(t);
    fh_rfb_server_move_pointer(t->server, 320, 0);
    fh_rfb_server_move_pointer(t->server, 0, -1);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_POINTER], 0);
    fh_rfb_server_move_pointer(t->server, 319, 199);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_POINTER], 1);
    ck_assert_uint_eq(t->moved.pointer.x, 319);
    ck_assert_uint_eq(t->moved.pointer.y, 199);
    session_free(t);
}
END_TEST

/* ---- input ---- */

static const int32_t leds_qemu[] = {FH_ENC_VMWARE_LED_STATE, FH_ENC_LED_STATE};
static const int32_t leds_vmware[] = {FH_ENC_VMWARE_LED_STATE};

START_TEST(the_lamps_follow)
{
    struct session *t =
        session_of(_i % 2 ? leds_qemu : leds_vmware, _i % 2 ? 2 : 1, -1, _i < 2 ? 1 : SIZE_MAX);

    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_LEDS], 0); /* they are not known yet */
    fh_rfb_server_set_leds(t->server, FH_LED_CAPS | FH_LED_NUM | 0x100);
    settle(t);
    ck_assert_uint_eq(t->leds, FH_LED_CAPS | FH_LED_NUM);
    fh_rfb_server_set_leds(t->server, FH_LED_CAPS | FH_LED_NUM);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_LEDS], 1);
    fh_rfb_server_set_leds(t->server, 0);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_LEDS], 2);
    ck_assert_uint_eq(t->leds, 0);
    session_free(t);
}
END_TEST

START_TEST(lamps_that_are_known_come_with_the_first_update)
{
    struct session *t = session_of(leds_qemu, 2, -1, 1);

    fh_rfb_server_set_leds(t->server, FH_LED_SCROLL);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_LEDS], 1);
    ck_assert_uint_eq(t->leds, FH_LED_SCROLL);
    session_free(t);
}
END_TEST

static const struct {
    bool is_known;
    uint16_t buttons, want;
} buttons[] = {
    {true, 0, 0},         {true, 0x7f, 0x7f},     {true, 0x80, 0x80},  {true, 0x100, 0x100},
    {true, 0x181, 0x181}, {true, 0x7fff, 0x7fff}, {false, 0x81, 0x81}, {false, 0x101, 1},
};

START_TEST(more_buttons_than_eight_arrive_where_both_know_them)
{
    static const int32_t list[] = {FH_ENC_RAW, FH_ENC_EXTENDED_MOUSE_BUTTONS};
    struct session *t = session_of(list, buttons[_i].is_known ? 2 : 1, -1, 1);

    settle(t);
    ck_assert_int_eq(fh_rfb_client_pointer(t->client, 5, 6, buttons[_i].buttons), 0);
    ck_assert_int_eq(fh_rfb_client_key(t->client, 0x61, 0, true), 0); /* the next is where it is */
    settle(t);
    ck_assert_uint_eq(t->pointer.pointer.buttons, buttons[_i].want);
    ck_assert_uint_eq(t->pointer.pointer.x, 5);
    ck_assert_uint_eq(t->pointer.pointer.y, 6);
    ck_assert_uint_eq(t->key.key.keysym, 0x61);
    ck_assert_int_eq(fh_rfb_client_pointer(t->client, 5, 6, 0x8000), FH_RFB_E_INVAL);
    session_free(t);
}
END_TEST

/* ---- screens ---- */

START_TEST(several_screens_go_both_ways)
{
    static const int32_t list[] = {FH_ENC_RAW, FH_ENC_EXTENDED_DESKTOP_SIZE};
    static const struct fh_screen two[2] = {{7, 0, 0, 160, 200, 0}, {9, 160, 0, 160, 200, 3}};
    static const struct fh_screen outside = {1, 0, 0, 161, 200, 0};
    struct session *t = session_of(list, 2, -1, _i ? 1 : SIZE_MAX);
    const struct fh_screen *got;
    size_t n;

    settle(t);
    got = fh_rfb_client_screens(t->client, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(got[0].w, 320);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_SCREENS], 1);
    ck_assert_int_eq(fh_rfb_client_set_screens(t->client, 160, 200, &outside, 1), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_client_set_screens(t->client, 320, 200, two, 0), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_client_set_screens(t->client, 320, 200, two, 2), 0);
    settle(t);
    ck_assert_uint_eq(t->resize.resize.n_screens, 2);
    ck_assert_mem_eq(t->resize.resize.screens, two, sizeof two);
    ck_assert_int_eq(fh_rfb_server_set_screen(t->server, &t->fb, two, 2), 0);
    fh_rfb_server_resize_done(t->server, FH_RFB_RESIZE_OK);
    settle(t);
    got = fh_rfb_client_screens(t->client, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_mem_eq(got, two, sizeof two);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_SCREENS], 2);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_RESIZED], 1);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_SIZE], 0);
    session_free(t);
}
END_TEST

/* rfbproto: an update that tells of screens has nothing of the picture. */
START_TEST(the_screens_come_in_an_update_of_their_own)
{
    static const int32_t list[] = {FH_ENC_RAW, FH_ENC_EXTENDED_DESKTOP_SIZE};
    struct session *t = session_of(list, 2, -1, SIZE_MAX);
    static uint8_t all[4 + 12 + 4 + 16 + 4 + 12 + 4 * 320 * 200];
    size_t len, n = 0;
    const uint8_t *p;

    while (to_server(t))
        ;
    (void)to_client(t, SIZE_MAX); /* ServerInit and what comes with it */
    ck_assert_int_eq(fh_rfb_client_refresh(t->client, &(struct fh_rect){0, 0, 320, 200}), 0);
    settle(t);
    ck_assert_int_eq(fh_rfb_client_refresh(t->client, &(struct fh_rect){0, 0, 320, 200}), 0);
    while (to_server(t))
        ;
    while ((p = fh_rfb_server_out(t->server, 0, &len)) != NULL) {
        ck_assert_uint_le(n + len, sizeof all);
        memcpy(all + n, p, len);
        n += len;
        fh_rfb_server_out_done(t->server, len);
    }
    ck_assert_uint_eq(n, sizeof all);
    ck_assert_mem_eq(all, "\0\0\0\1\0\0\0\0\1\x40\0\xc8\xff\xff\xfe\xcc", 16);
    ck_assert_mem_eq(all + 36, "\0\0\0\1\0\0\0\0\1\x40\0\xc8\0\0\0\0", 16);
    session_free(t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rfb extensions");
    TCase *tc = tcase_create("rfb extensions");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, the_first_encoding_of_the_viewer_is_taken, 0,
                        2 * (int)ARRAY_LEN(pixels));
    tcase_add_test(tc, what_rre_does_not_suit_goes_in_another_encoding);
    tcase_add_loop_test(tc, jpeg_is_for_viewers_that_gave_a_quality, 0, 2 * (int)ARRAY_LEN(jpegs));
    tcase_add_test(tc, a_fine_quality_and_the_subsampling_arrive);
    tcase_add_loop_test(tc, tight_without_zlib_is_agreed_on, 0, 2);
    tcase_add_loop_test(tc, a_viewer_may_ask_for_another_format, 0, (int)ARRAY_LEN(formats));
    tcase_add_test(tc, a_viewer_of_no_format_is_not_made);
    tcase_add_loop_test(tc, a_cursor_comes_in_the_best_form_that_the_viewer_knows, 0,
                        2 * (int)ARRAY_LEN(cursors));
    tcase_add_loop_test(tc, a_pointer_that_was_moved_is_followed, 0, 2);
    tcase_add_loop_test(tc, the_lamps_follow, 0, 4);
    tcase_add_test(tc, lamps_that_are_known_come_with_the_first_update);
    tcase_add_loop_test(tc, more_buttons_than_eight_arrive_where_both_know_them, 0,
                        (int)ARRAY_LEN(buttons));
    tcase_add_loop_test(tc, several_screens_go_both_ways, 0, 2);
    tcase_add_test(tc, the_screens_come_in_an_update_of_their_own);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
