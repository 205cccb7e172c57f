/* SPDX-License-Identifier: MIT */
/* test_session.c -- whole sessions between two well-behaved ends. */
#include "peers.h"

#include "../src/conn.h"

static const size_t chunks[] = {0, 1, 13};
enum { N_CHUNKS = sizeof chunks / sizeof chunks[0] };

/* Exact pixels: JPEG would not be. */
static struct fh_viewer_conn_config exact(struct fh_viewer_conn_config cfg)
{
    static const struct fh_rfb_client_config rfb = {
        .shared = true, .quality = -1, .level = -1, .continuous = true};

    cfg.rfb = &rfb;
    return cfg;
}

static struct peers *start(uint32_t permissions)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = exact(viewer_config(&zero));
    struct peers *p = peers_new(NULL, &cfg);

    p->grant = permissions;
    run(p);
    return p;
}

START_TEST(first_picture_comes_two_round_trips_after_the_connection)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = exact(viewer_config(&zero));
    struct peers *p = peers_new(NULL, &cfg);

    p->chunk = chunks[_i];
    run(p);
    ck_assert_uint_eq(p->picture_trip, 4);
    ck_assert(sees_desktop(p));
    ck_assert_str_eq(fh_viewer_conn_name(p->v), "Ann's desk");
    ck_assert_uint_eq(fh_viewer_conn_permissions(p->v), FH_PERM_ALL);
    ck_assert_str_eq(fh_server_conn_user(p->s), "ann");
    ck_assert_uint_eq(strlen(fh_server_conn_session_id(p->s)), 32);
    ck_assert_ptr_null(strstr(p->vlog, "credentials"));
    ck_assert_str_eq(p->slog, "audit connected\naudit identified\nauth 1 ann\nstarted\n"
                              "audit started 7ff\n");
    peers_free(p);
}
END_TEST

START_TEST(without_credentials_the_application_is_asked)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = exact(viewer_config(&zero));
    struct peers *p;

    cfg.user = cfg.password = NULL;
    p = peers_new(NULL, &cfg);
    p->retry_password = "secret";
    p->chunk = chunks[_i];
    run(p);
    ck_assert_str_eq(strtok(p->vlog, "\n"), "credentials 1");
    ck_assert(sees_desktop(p));
    ck_assert_uint_eq(p->picture_trip, 6);
    peers_free(p);
}
END_TEST

START_TEST(every_connection_is_rejected_without_authentication)
{
    struct peers zero = {.now = 1000};
    struct fh_server_conn_config cfg = server_config(&zero);
    struct peers *p;

    cfg.has_authentication = false;
    p = peers_new(&cfg, NULL);
    p->chunk = chunks[_i];
    run(p);
    ck_assert_str_eq(p->slog, "audit connected\naudit identified\n"
                              "audit auth-failed not-configured\nended 6\n"
                              "audit ended authentication\n");
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_AUTH);
    ck_assert_int_eq(p->v_end.ended.error, FH_SESSION_E_AUTH);
    ck_assert(p->v_end.ended.by_server && p->v_end.ended.confirmed);
    ck_assert(fh_server_conn_is_finished(p->s) && fh_viewer_conn_is_finished(p->v));
    peers_free(p);
}
END_TEST

START_TEST(third_wrong_password_ends_the_connection)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = viewer_config(&zero);
    struct peers *p;

    cfg.password = "sesame";
    p = peers_new(NULL, &cfg);
    p->retry_password = "Secret";
    p->chunk = chunks[_i];
    run(p);
    ck_assert_str_eq(p->vlog, "credentials 2\ncredentials 3\nended 6\n");
    ck_assert_str_eq(p->slog, "audit connected\naudit identified\nauth 1 ann\n"
                              "audit auth-failed wrong\nauth 2 ann\naudit auth-failed wrong\n"
                              "auth 3 ann\naudit auth-failed wrong\nended 6\n"
                              "audit ended authentication\n");
    ck_assert_int_eq(p->v_end.ended.error, FH_SESSION_E_AUTH);
    ck_assert(p->v_end.ended.confirmed);
    ck_assert_ptr_null(fh_viewer_conn_framebuffer(p->v));
    peers_free(p);
}
END_TEST

/* Input that waits for a screen must not hide that the viewer is gone: the owner frees on ENDED. */
START_TEST(a_stream_that_ends_while_input_waits_for_a_screen_is_told)
{
    static const uint8_t key[] = {1, 0, 0, 8, 4, 1, 0, 0, 0, 0, 0, 0x61};
    struct peers *p = peers_new(NULL, NULL);
    uint8_t *mem;
    size_t room;

    p->gives_screen = false;
    run(p);
    ck_assert_ptr_nonnull(mem = fh_channel_write(p->v->ch, &room));
    memcpy(mem, key, sizeof key);
    ck_assert_int_eq(fh_channel_write_done(p->v->ch, sizeof key, FH_PAD_BLOCK64), 0);
    run(p);
    ck_assert_ptr_null(fh_server_conn_in(p->s, &room));
    ck_assert_uint_eq(p->s_ended, 0);
    (void)fh_server_conn_in_end(p->s, p->now);
    server_events(p);
    ck_assert_uint_eq(p->s_ended, 1);
    ck_assert_int_eq(p->s_reason, FH_BYE_LOST);
    ck_assert_ptr_nonnull(strstr(p->slog, "ended 8\naudit ended lost\n"));
    peers_free(p);
}
END_TEST

/* What ends a connection behind a failed attempt is no attempt. */
START_TEST(a_failed_attempt_is_recorded_once)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = viewer_config(&zero);
    struct peers *p;

    cfg.password = "sesame";
    p = peers_new(NULL, &cfg);
    run(p);
    ck_assert_str_eq(p->vlog, "credentials 2\n");
    if (_i == 0) {
        fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
        run(p);
    } else if (_i == 1) {
        ck_assert_int_ne(fh_server_conn_in_end(p->s, p->now), 0);
        server_events(p);
    } else {
        pass_time(p, 1000 + FH_SERVER_AUTH_MS);
    }
    ck_assert_ptr_nonnull(strstr(p->slog, _i == 0   ? "auth 1 ann\naudit auth-failed wrong\n"
                                                      "ended 0\naudit ended normal\n"
                                          : _i == 1 ? "auth 1 ann\naudit auth-failed wrong\n"
                                                      "ended 8\naudit ended lost\n"
                                                    : "auth 1 ann\naudit auth-failed wrong\n"
                                                      "ended 7\naudit ended timeout\n"));
    peers_free(p);
}
END_TEST

/* An attempt that the application has not answered is lost; before the first there is none. */
START_TEST(who_leaves_fails_only_what_was_tried)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = viewer_config(&zero);
    struct peers *p;

    if (_i == 1)
        cfg.user = cfg.password = NULL;
    p = peers_new(NULL, &cfg);
    p->answers_auth = false;
    run(p);
    fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
    run(p);
    ck_assert_str_eq(p->slog, _i == 0 ? "audit connected\naudit identified\nauth 1 ann\n"
                                        "audit auth-failed normal\nended 0\naudit ended normal\n"
                                      : "audit connected\naudit identified\n"
                                        "ended 0\naudit ended normal\n");
    peers_free(p);
}
END_TEST

START_TEST(who_never_tries_is_recorded_at_the_deadline)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = viewer_config(&zero);
    struct peers *p;

    cfg.user = cfg.password = NULL;
    p = peers_new(NULL, &cfg);
    run(p);
    pass_time(p, 1000 + FH_SERVER_AUTH_MS);
    ck_assert_str_eq(p->slog, "audit connected\naudit identified\n"
                              "audit auth-failed timeout\nended 7\naudit ended timeout\n");
    peers_free(p);
}
END_TEST

START_TEST(right_password_after_a_wrong_one_opens_the_session)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = exact(viewer_config(&zero));
    struct peers *p;

    cfg.password = "sesame";
    p = peers_new(NULL, &cfg);
    p->retry_password = "secret";
    p->chunk = chunks[_i];
    run(p);
    ck_assert(sees_desktop(p));
    peers_free(p);
}
END_TEST

/* Lengths of the records that the server sends until its viewer is refused for good. */
static size_t lengths_of_failure(const char *user, size_t *out, size_t max)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = viewer_config(&zero);
    struct peers *p;
    size_t n = 0;

    cfg.user = user;
    cfg.password = "sesame";
    p = peers_new(NULL, &cfg);
    p->retry_password = "wrong!";
    for (;;) {
        collect_viewer(p, &p->to_server);
        collect_server(p, &p->to_viewer);
        if (p->to_server.len == 0 && p->to_viewer.len == 0)
            break;
        if (p->trips++ >= 3 && p->to_viewer.len > 0 && n < max) {
            for (size_t at = 0; at < p->to_viewer.len && n < max;) {
                const uint8_t *h = p->to_viewer.mem + at;

                out[n] = (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
                at += 4 + out[n++];
            }
        }
        wire_drop(&p->to_server, give_server(p, p->to_server.mem, p->to_server.len));
        wire_drop(&p->to_viewer, give_viewer(p, p->to_viewer.mem, p->to_viewer.len));
    }
    peers_free(p);
    return n;
}

START_TEST(unknown_user_looks_like_a_wrong_password)
{
    size_t a[32], b[32], n = lengths_of_failure("ann", a, 32);

    ck_assert_uint_ge(n, 5); /* acceptance, Offer, three Results and more */
    ck_assert_uint_eq(lengths_of_failure("nobody-of-that-name", b, 32), n);
    ck_assert_mem_eq(a, b, n * sizeof a[0]);
    ck_assert_uint_eq(a[1], 512 + 16);
    ck_assert_uint_eq(a[2], 512 + 16);
}
END_TEST

START_TEST(refused_identities_end_the_handshake)
{
    struct peers *p = peers_new(NULL, NULL);

    p->chunk = chunks[_i];
    p->refuses_peer = true;
    run(p);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_IDENTITY);
    ck_assert(p->v_end.ended.confirmed && p->v_end.ended.by_server);
    ck_assert_str_eq(p->slog, "audit connected\naudit identified\naudit refused identity\n"
                              "ended 11\naudit ended identity\n");
    peers_free(p);

    p = peers_new(NULL, NULL);
    p->trust = FH_TRUST_NONE;
    run(p);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_IDENTITY);
    ck_assert_ptr_null(strstr(p->slog, "identified"));
    ck_assert(fh_viewer_conn_is_finished(p->v));
    (void)fh_server_conn_in_end(p->s, p->now);
    server_events(p);
    ck_assert_int_eq(p->s_reason, FH_BYE_LOST);
    peers_free(p);
}
END_TEST

START_TEST(busy_server_says_when_to_come_again)
{
    struct peers *p = peers_new(NULL, NULL);
    struct fh_server_conn_event ev;

    collect_viewer(p, &p->to_server);
    p->chunk = 0;
    {
        size_t room;
        uint8_t *in = fh_server_conn_in(p->s, &room);

        memcpy(in, p->to_server.mem, p->to_server.len);
        (void)fh_server_conn_in_done(p->s, p->now, p->to_server.len);
        p->to_server.len = 0;
    }
    while (fh_server_conn_event(p->s, &ev) > 0)
        if (ev.type == FH_SERVER_CONN_EV_HELLO)
            ck_assert_int_eq(fh_server_conn_refuse(p->s, 17), 0);
        else
            on_server_event(p, &ev);
    run(p);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_BUSY);
    ck_assert_uint_eq(p->v_end.ended.retry_s, 17);
    ck_assert(!p->v_end.ended.confirmed);
    ck_assert_ptr_nonnull(strstr(p->slog, "audit refused busy"));
    peers_free(p);
}
END_TEST

/* ---- input and permissions ---- */

START_TEST(input_reaches_the_application)
{
    struct peers *p = start(FH_PERM_ALL);

    p->slog[0] = '\0';
    p->chunk = chunks[_i];
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), 0);
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, false), 0);
    ck_assert_int_eq(fh_viewer_conn_pointer(p->v, 5, 6, 1), 0);
    ck_assert_int_eq(fh_viewer_conn_pointer(p->v, 5, 6, 0), 0);
    ck_assert_int_eq(fh_viewer_conn_cut_text(p->v, "hello", 5), 0);
    run(p);
    ck_assert_str_eq(p->slog, "key 61 down\nkey 61 up\npointer 5 6 1\npointer 5 6 0\ncut hello\n");
    peers_free(p);
}
END_TEST

START_TEST(changes_of_the_desktop_reach_the_viewer)
{
    struct peers *p = start(FH_PERM_ALL);
    const uint32_t cursor[4] = {0xff000000, 0xffffffff, 0, 0xff00ff00};
    const struct fh_rect r = {.x = 3, .y = 4, .w = 2, .h = 2};
    unsigned before = p->updates;

    p->chunk = chunks[_i];
    p->px[4 * SCREEN_W + 3] ^= 0xffffff;
    ck_assert(fh_server_conn_is_waiting(p->s));
    fh_server_conn_damage(p->s, &r);
    run(p);
    ck_assert_uint_gt(p->updates, before);
    ck_assert(sees_desktop(p));
    ck_assert_int_eq(fh_server_conn_set_cursor(p->s, cursor, 2, 2, 0, 0), 0);
    fh_server_conn_set_name(p->s, "Bob's desk");
    ck_assert_int_eq(fh_server_conn_cut_text(p->s, "moo", 3), 0);
    fh_server_conn_bell(p->s);
    run(p);
    ck_assert_ptr_nonnull(strstr(p->vlog, "cursor 2 2\n"));
    ck_assert_ptr_nonnull(strstr(p->vlog, "name Bob's desk\n"));
    ck_assert_ptr_nonnull(strstr(p->vlog, "cut moo\n"));
    ck_assert_ptr_nonnull(strstr(p->vlog, "bell\n"));
    peers_free(p);
}
END_TEST

/* A viewer that does not know yet, or does not care: its own gate is passed by. */
static void force_permissions(struct peers *p);

START_TEST(what_is_not_permitted_never_reaches_the_application)
{
    struct peers *p = start(FH_PERM_VIEW);

    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), FH_SESSION_E_STATE);
    ck_assert_int_eq(fh_viewer_conn_pointer(p->v, 1, 1, 1), FH_SESSION_E_STATE);
    ck_assert_int_eq(fh_viewer_conn_cut_text(p->v, "x", 1), FH_SESSION_E_STATE);
    ck_assert_int_eq(fh_viewer_conn_resize(p->v, 100, 100), FH_SESSION_E_STATE);
    force_permissions(p);
    p->slog[0] = '\0';
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), 0);
    ck_assert_int_eq(fh_viewer_conn_pointer(p->v, 1, 1, 1), 0);
    ck_assert_int_eq(fh_viewer_conn_cut_text(p->v, "x", 1), 0);
    ck_assert_int_eq(fh_viewer_conn_resize(p->v, 100, 100), 0);
    run(p);
    ck_assert_str_eq(p->slog, "");
    ck_assert_uint_eq(p->s_ended, 0);
    ck_assert_int_eq(fh_server_conn_cut_text(p->s, "moo", 3), 0);
    run(p);
    ck_assert_ptr_null(strstr(p->vlog, "cut"));
    peers_free(p);
}
END_TEST

/* What each side can do to the other, and what is seen of it where it arrives. */
static void do_key(struct peers *p)
{
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), 0);
}
static void do_qemu_key(struct peers *p)
{
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x62, 0x30, true), 0);
}
static void do_pointer(struct peers *p)
{
    ck_assert_int_eq(fh_viewer_conn_pointer(p->v, 1, 2, 1), 0);
}
static void do_cut_in(struct peers *p)
{
    ck_assert_int_eq(fh_viewer_conn_cut_text(p->v, "in", 2), 0);
}
static void do_resize(struct peers *p)
{
    ck_assert_int_eq(fh_viewer_conn_resize(p->v, 100, 90), 0);
}
static void do_cut_out(struct peers *p)
{
    ck_assert_int_eq(fh_server_conn_cut_text(p->s, "out", 3), 0);
}
static void do_bell(struct peers *p)
{
    fh_server_conn_bell(p->s);
}
static void do_name(struct peers *p)
{
    fh_server_conn_set_name(p->s, "other");
}
static void do_cursor(struct peers *p)
{
    static const uint32_t px[1] = {0xffffffff};

    ck_assert_int_eq(fh_server_conn_set_cursor(p->s, px, 1, 1, 0, 0), 0);
}
static void do_screen(struct peers *p)
{
    static uint32_t px[32 * 16];
    static const struct fh_framebuffer fb = {.px = px, .width = 32, .height = 16, .stride_px = 32};

    ck_assert_int_eq(fh_server_conn_set_screen(p->s, &fb, NULL, 0), 0);
}

static const struct {
    void (*run)(struct peers *p);
    enum fh_act act;
    bool is_input;
    const char *seen;
} messages[] = {
    {do_key, FH_ACT_KEY, true, "key 61 down"},
    {do_qemu_key, FH_ACT_KEY, true, "key 62 down"},
    {do_pointer, FH_ACT_POINTER, true, "pointer "},
    {do_cut_in, FH_ACT_TEXT_IN, true, "cut in"},
    {do_resize, FH_ACT_RESIZE, true, "resize 100 90"},
    {do_cut_out, FH_ACT_TEXT_OUT, false, "cut out"},
    {do_bell, FH_ACT_BELL, false, "bell"},
    {do_name, FH_ACT_PICTURE, false, "name other"},
    {do_cursor, FH_ACT_PICTURE, false, "cursor 1 1"},
    {do_screen, FH_ACT_PICTURE, false, "size 32 16"},
};

/* Every message with every permission alone, with all but one, and after it was taken away. */
START_TEST(every_message_needs_its_permission_and_no_other)
{
    for (uint32_t bit = 0; bit <= 13; bit++) {
        uint32_t one = bit < 13 ? 1u << bit : 0, sets[] = {one, FH_PERM_ALL & ~one};

        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
            struct peers *p = start(FH_PERM_ALL);
            const char *log = messages[_i].is_input ? p->slog : p->vlog;

            ck_assert_int_eq(fh_server_conn_set_permissions(p->s, sets[i]), 0);
            run(p);
            force_permissions(p);
            p->slog[0] = p->vlog[0] = '\0';
            messages[_i].run(p);
            run(p);
            ck_assert_msg((strstr(log, messages[_i].seen) != NULL) ==
                              fh_permissions_allow(sets[i], messages[_i].act),
                          "%s with %x: %s", messages[_i].seen, (unsigned)sets[i], log);
            ck_assert_uint_eq(p->s_ended, 0);
            peers_free(p);
        }
    }
}
END_TEST

START_TEST(permissions_change_in_mid_session_and_held_keys_are_released)
{
    struct peers *p = start(FH_PERM_ALL);

    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0xffe1, 0, true), 0);
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), 0);
    ck_assert_int_eq(fh_viewer_conn_pointer(p->v, 7, 8, 5), 0);
    run(p);
    p->slog[0] = '\0';
    p->chunk = chunks[_i];
    ck_assert_int_eq(fh_server_conn_set_permissions(p->s, FH_PERM_VIEW), 0);
    run(p);
    ck_assert_str_eq(p->slog, "audit permissions 1\nkey 61 up\nkey ffe1 up\npointer 7 8 0\n");
    ck_assert_ptr_nonnull(strstr(p->vlog, "permissions 1\n"));
    ck_assert_uint_eq(fh_viewer_conn_permissions(p->v), FH_PERM_VIEW);
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), FH_SESSION_E_STATE);
    p->slog[0] = '\0';
    ck_assert_int_eq(fh_server_conn_set_permissions(p->s, FH_PERM_VIEW | FH_PERM_KEYBOARD), 0);
    run(p);
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x62, 0, true), 0);
    run(p);
    ck_assert_str_eq(p->slog, "audit permissions 3\nkey 62 down\n");
    peers_free(p);
}
END_TEST

START_TEST(session_without_view_shares_one_black_pixel)
{
    struct peers *p = start(FH_PERM_KEYBOARD);
    const uint32_t cursor[1] = {0xffffffff};
    const struct fh_rect all = {.x = 0, .y = 0, .w = SCREEN_W, .h = SCREEN_H};

    fh_server_conn_damage(p->s, &all);
    ck_assert_int_eq(fh_server_conn_set_cursor(p->s, cursor, 1, 1, 0, 0), 0);
    fh_server_conn_set_name(p->s, "Hidden desk");
    fh_server_conn_bell(p->s);
    run(p);
    ck_assert_str_eq(p->vlog, "started 2\nsize 1 1\n");
    ck_assert_str_eq(fh_viewer_conn_name(p->v), "");
    ck_assert(!fh_server_conn_is_waiting(p->s));
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), 0);
    run(p);
    ck_assert_ptr_nonnull(strstr(p->slog, "key 61 down\n"));

    ck_assert_int_eq(fh_server_conn_set_permissions(p->s, FH_PERM_VIEW), 0);
    run(p);
    ck_assert(sees_desktop(p));
    ck_assert_str_eq(fh_viewer_conn_name(p->v), "Hidden desk");
    ck_assert_ptr_nonnull(strstr(p->vlog, "cursor 1 1\n"));
    peers_free(p);
}
END_TEST

START_TEST(nothing_of_the_picture_leaves_while_view_is_taken_away)
{
    struct peers *p = start(FH_PERM_ALL);
    static uint32_t px[32 * 16];
    struct fh_framebuffer other = {.px = px, .width = 32, .height = 16, .stride_px = 32};
    const struct fh_rect all = {.x = 0, .y = 0, .w = SCREEN_W, .h = SCREEN_H};
    unsigned updates;

    ck_assert_int_eq(fh_server_conn_set_permissions(p->s, FH_PERM_ALL & ~FH_PERM_VIEW), 0);
    run(p);
    updates = p->updates;
    p->vlog[0] = '\0';
    fh_server_conn_damage(p->s, &all);
    fh_server_conn_set_name(p->s, "New name");
    run(p);
    ck_assert_int_eq(fh_server_conn_set_screen(p->s, &other, NULL, 0), 0);
    ck_assert_int_eq(fh_viewer_conn_refresh(p->v), 0);
    run(p);
    ck_assert_uint_eq(p->updates, updates);
    ck_assert_str_eq(p->vlog, "");
    ck_assert_int_eq(fh_server_conn_set_permissions(p->s, FH_PERM_ALL), 0);
    run(p);
    ck_assert_ptr_nonnull(strstr(p->vlog, "size 32 16\n"));
    ck_assert_ptr_nonnull(strstr(p->vlog, "name New name\n"));
    ck_assert_uint_gt(p->updates, updates);
    peers_free(p);
}
END_TEST

/* ---- ends ---- */

START_TEST(keys_are_released_when_the_session_ends)
{
    struct peers *p = start(FH_PERM_ALL);

    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), 0);
    ck_assert_int_eq(fh_viewer_conn_pointer(p->v, 7, 8, 1), 0);
    run(p);
    p->slog[0] = '\0';
    (void)fh_server_conn_in_end(p->s, p->now);
    server_events(p);
    ck_assert_str_eq(p->slog, "key 61 up\npointer 7 8 0\nended 8\naudit ended lost\n");
    ck_assert_int_eq(p->s_error, FH_CRYPTO_E_TRUNCATED);
    peers_free(p);
}
END_TEST

START_TEST(server_says_bye_and_why)
{
    struct peers *p = start(FH_PERM_ALL);

    p->chunk = chunks[_i];
    fh_server_conn_close(p->s, FH_BYE_SHUTDOWN, true);
    run(p);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_SHUTDOWN);
    ck_assert_int_eq(p->v_end.ended.error, 0);
    ck_assert(p->v_end.ended.by_server && p->v_end.ended.confirmed);
    ck_assert(p->v_end.ended.may_reconnect);
    ck_assert_uint_eq(p->v_ended, 1);
    ck_assert_uint_eq(p->s_ended, 1);
    ck_assert(fh_server_conn_is_finished(p->s) && fh_viewer_conn_is_finished(p->v));
    ck_assert(fh_server_conn_deadline(p->s) == UINT64_MAX);
    peers_free(p);
}
END_TEST

START_TEST(viewer_says_bye)
{
    struct peers *p = start(FH_PERM_ALL);

    p->chunk = chunks[_i];
    fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
    run(p);
    ck_assert_int_eq(p->s_reason, FH_BYE_NORMAL);
    ck_assert_int_eq(p->s_error, 0);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_NORMAL);
    ck_assert(!p->v_end.ended.by_server);
    ck_assert_ptr_nonnull(strstr(p->slog, "audit ended normal\n"));
    ck_assert(fh_server_conn_is_finished(p->s) && fh_viewer_conn_is_finished(p->v));
    peers_free(p);
}
END_TEST

START_TEST(what_was_typed_right_before_the_goodbye_arrives)
{
    struct peers *p = start(FH_PERM_ALL);

    p->chunk = chunks[_i];
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 'a', 0, true), 0);
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 'a', 0, false), 0);
    fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
    run(p);
    ck_assert_ptr_nonnull(strstr(p->slog, "key 61 down\nkey 61 up\nended 0\n"));
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_NORMAL);
    ck_assert_int_eq(p->v_end.ended.error, 0);
    peers_free(p);
}
END_TEST

/* Without the server's Close nobody knows whether the last words arrived. */
START_TEST(a_goodbye_that_is_cut_off_is_no_good_end)
{
    struct peers *p = start(FH_PERM_ALL);
    size_t len;

    fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
    while (fh_viewer_conn_out(p->v, p->now, &len) != NULL)
        fh_viewer_conn_out_done(p->v, len);
    viewer_events(p);
    ck_assert_uint_eq(p->v_ended, 0);
    ck_assert_int_ne(fh_viewer_conn_in_end(p->v, p->now), 0);
    viewer_events(p);
    ck_assert_uint_eq(p->v_ended, 1);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_LOST);
    ck_assert_int_ne(p->v_end.ended.error, 0);
    peers_free(p);
}
END_TEST

/* Nothing was heard for long: the time that a goodbye may take begins with it. */
START_TEST(a_goodbye_after_a_long_silence_is_answered)
{
    struct peers *p = start(FH_PERM_ALL);

    p->now += 20000;
    if (_i == 0)
        fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
    else
        fh_server_conn_close(p->s, FH_BYE_SERVER, false);
    ck_assert(!fh_server_conn_is_finished(p->s) && !fh_viewer_conn_is_finished(p->v));
    run(p);
    ck_assert_int_eq(p->v_end.type, FH_VIEWER_CONN_EV_ENDED);
    ck_assert_int_eq(p->v_end.ended.error, 0);
    ck_assert_int_eq(p->s_error, 0);
    ck_assert_int_eq(p->s_reason, _i ? FH_BYE_SERVER : FH_BYE_NORMAL);
    ck_assert(fh_server_conn_is_finished(p->s) && fh_viewer_conn_is_finished(p->v));
    peers_free(p);
}
END_TEST

/* Whoever never answers a goodbye does not hold the connection, however long it was silent. */
START_TEST(a_goodbye_that_is_not_answered_ends_all_the_same)
{
    struct peers *p = start(FH_PERM_ALL);
    struct fh_viewer_conn_event ev;
    size_t len;

    p->now += 20000;
    fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
    while (fh_viewer_conn_out(p->v, p->now, &len) != NULL)
        fh_viewer_conn_out_done(p->v, len);
    for (int i = 0; i < 4 && !fh_viewer_conn_is_finished(p->v); i++) {
        ck_assert_uint_ge(fh_viewer_conn_deadline(p->v), p->now);
        ck_assert_uint_le(fh_viewer_conn_deadline(p->v), p->now + 6000);
        p->now = fh_viewer_conn_deadline(p->v);
        (void)fh_viewer_conn_tick(p->v, p->now);
        while (fh_viewer_conn_event(p->v, &ev) > 0)
            p->v_end = ev;
    }
    ck_assert(fh_viewer_conn_is_finished(p->v));
    ck_assert_int_eq(p->v_end.type, FH_VIEWER_CONN_EV_ENDED);
    ck_assert_int_ne(p->v_end.ended.error, 0);
    peers_free(p);
}
END_TEST

START_TEST(idle_session_ends_and_input_keeps_it)
{
    struct peers zero = {.now = 1000};
    struct fh_server_conn_config cfg = server_config(&zero);
    struct peers *p;

    cfg.idle_timeout_ms = 10000;
    p = peers_new(&cfg, NULL);
    run(p);
    ck_assert_uint_eq(fh_server_conn_deadline(p->s), 11000);
    p->now = 9000;
    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), 0);
    run(p);
    pass_time(p, 11000);
    ck_assert_uint_eq(p->s_ended, 0);
    pass_time(p, 18999);
    ck_assert_uint_eq(p->s_ended, 0);
    pass_time(p, 19000);
    ck_assert_int_eq(p->s_reason, FH_BYE_IDLE);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_IDLE);
    ck_assert(p->v_end.ended.may_reconnect);
    ck_assert_ptr_nonnull(strstr(p->slog, "key 61 up\nended 3\n"));
    peers_free(p);
}
END_TEST

START_TEST(authentication_has_thirty_seconds)
{
    struct peers *p = peers_new(NULL, NULL);

    p->answers_auth = false;
    run(p);
    ck_assert_uint_eq(fh_server_conn_deadline(p->s), 1000 + FH_SERVER_AUTH_MS);
    pass_time(p, 1000 + FH_SERVER_AUTH_MS);
    ck_assert_int_eq(p->s_reason, FH_BYE_TIMEOUT);
    ck_assert_int_eq(p->s_error, FH_SESSION_E_TIMEOUT);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(p->slog, "audit auth-failed timeout\nended 7\n"));
    ck_assert_int_eq(fh_server_conn_authenticated(p->s, p->now, FH_PERM_ALL), FH_SESSION_E_STATE);
    peers_free(p);
}
END_TEST

START_TEST(silent_viewer_is_dropped_at_the_handshakes_deadlines)
{
    struct peers *p = peers_new(NULL, NULL);
    uint64_t at = fh_server_conn_deadline(p->s);

    ck_assert_uint_eq(at, 6000);
    p->now = at;
    (void)fh_server_conn_tick(p->s, at);
    server_events(p);
    ck_assert_int_eq(p->s_reason, FH_BYE_TIMEOUT);
    ck_assert_str_eq(p->slog, "audit connected\naudit refused timeout\nended 7\n"
                              "audit ended timeout\n");
    ck_assert(fh_server_conn_is_finished(p->s));
    peers_free(p);
}
END_TEST

START_TEST(a_peer_that_takes_nothing_does_not_hold_a_connection)
{
    struct peers *p = start(FH_PERM_ALL);
    uint64_t until;

    fh_server_conn_close(p->s, FH_BYE_SERVER, false);
    server_events(p);
    ck_assert(!fh_server_conn_is_finished(p->s));
    (void)fh_server_conn_tick(p->s, p->now);
    ck_assert(!fh_server_conn_is_finished(p->s));
    until = fh_server_conn_deadline(p->s);
    ck_assert(until > p->now && until <= p->now + 6000);
    (void)fh_server_conn_tick(p->s, p->now + 6000);
    ck_assert(fh_server_conn_is_finished(p->s));
    peers_free(p);
}
END_TEST

/* ---- cut streams, slow and many viewers ---- */

/* All bytes of a good session from one side, and where its records end after the handshake. */
START_TEST(a_cut_stream_is_never_a_clean_end)
{
    struct peers *p = peers_new(NULL, NULL);
    size_t total = 0, cuts = 0;

    run(p);
    fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
    collect_viewer(p, &p->to_server);
    total = p->to_server.len;
    ck_assert_uint_gt(total, 40);
    peers_free(p);
    /* Bye is the first record, Close the second: a cut before or inside Bye is a loss. */
    for (size_t cut = 0; cut < total; cut++, cuts++) {
        size_t bye;

        p = peers_new(NULL, NULL);
        run(p);
        fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
        collect_viewer(p, &p->to_server);
        bye = 4 + ((size_t)p->to_server.mem[2] << 8 | p->to_server.mem[3]);
        ck_assert_uint_eq(give_server(p, p->to_server.mem, cut), cut);
        (void)fh_server_conn_in_end(p->s, p->now);
        server_events(p);
        ck_assert_uint_eq(p->s_ended, 1);
        ck_assert_int_eq(p->s_reason, cut < bye ? FH_BYE_LOST : FH_BYE_NORMAL);
        ck_assert_int_eq(p->s_error, cut < bye ? FH_CRYPTO_E_TRUNCATED : 0);
        peers_free(p);
        if (cut > 2 && cut + 3 < bye)
            cut += 11;
    }
    ck_assert_uint_gt(cuts, 10);
}
END_TEST

/* Runs a session until trip _i and cuts it there, at both ends. */
START_TEST(a_stream_cut_after_any_flight_ends_both_sides)
{
    struct peers *p = peers_new(NULL, NULL);

    for (int i = 0; i < _i; i++)
        (void)trip(p);
    (void)fh_server_conn_in_end(p->s, p->now);
    (void)fh_viewer_conn_in_end(p->v, p->now);
    server_events(p);
    viewer_events(p);
    ck_assert_uint_eq(p->s_ended, 1);
    ck_assert_uint_eq(p->v_ended, 1);
    ck_assert_int_eq(p->s_reason, FH_BYE_LOST);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_LOST);
    ck_assert_int_eq(p->v_end.ended.error, FH_CRYPTO_E_TRUNCATED);
    ck_assert(!p->v_end.ended.confirmed);
    peers_free(p);
}
END_TEST

START_TEST(a_flipped_bit_ends_the_session)
{
    struct peers *p = start(FH_PERM_ALL);

    ck_assert_int_eq(fh_viewer_conn_key(p->v, 0x61, 0, true), 0);
    collect_viewer(p, &p->to_server);
    p->slog[0] = '\0';
    p->to_server.mem[p->to_server.len / 2] ^= 1;
    (void)give_server(p, p->to_server.mem, p->to_server.len);
    server_events(p);
    ck_assert_int_eq(p->s_reason, FH_BYE_PROTOCOL);
    ck_assert_int_eq(p->s_error, FH_CRYPTO_E_AUTH);
    ck_assert_ptr_null(strstr(p->slog, "key 61"));
    peers_free(p);
}
END_TEST

START_TEST(a_slow_viewer_costs_no_memory_and_gets_the_newest_picture)
{
    struct peers *p = start(FH_PERM_ALL);
    const struct fh_rect all = {.x = 0, .y = 0, .w = SCREEN_W, .h = SCREEN_H};
    size_t len, waiting;

    /* What waits for a viewer that takes nothing is one record, however much changes. */
    for (unsigned i = 0; i < 1000; i++) {
        for (size_t k = 0; k < SCREEN_W * SCREEN_H; k++)
            p->px[k] = (uint32_t)(k * 40503u + i) & 0xffffff;
        fh_server_conn_damage(p->s, &all);
        (void)fh_server_conn_set_permissions(p->s, i & 1 ? FH_PERM_ALL : FH_PERM_VIEW);
        server_events(p);
        (void)fh_server_conn_out(p->s, p->now, &len);
    }
    (void)fh_server_conn_out(p->s, p->now, &waiting);
    ck_assert_uint_le(waiting, 32768);
    run(p);
    ck_assert(sees_desktop(p));
    ck_assert_uint_eq(p->s_ended, 0);
    peers_free(p);
}
END_TEST

START_TEST(several_viewers_share_one_picture)
{
    struct peers *p[4];

    for (unsigned i = 0; i < 4; i++)
        p[i] = start(FH_PERM_ALL);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(sees_desktop(p[i]));
        for (unsigned k = 0; k < i; k++)
            ck_assert_str_ne(fh_server_conn_session_id(p[i]->s),
                             fh_server_conn_session_id(p[k]->s));
    }
    fh_server_conn_close(p[0]->s, FH_BYE_SERVER, false);
    run(p[0]);
    ck_assert_int_eq(fh_viewer_conn_key(p[1]->v, 0x61, 0, true), 0);
    run(p[1]);
    ck_assert_ptr_nonnull(strstr(p[1]->slog, "key 61 down"));
    for (unsigned i = 0; i < 4; i++)
        peers_free(p[i]);
}
END_TEST

START_TEST(idle_session_has_no_deadline_but_the_rekeying)
{
    struct peers *p = start(FH_PERM_ALL);
    size_t len;

    ck_assert_uint_ge(fh_server_conn_deadline(p->s), p->now + 3600000);
    ck_assert_uint_ge(fh_viewer_conn_deadline(p->v), p->now + 3600000);
    ck_assert_ptr_null(fh_server_conn_out(p->s, p->now, &len));
    ck_assert_ptr_null(fh_viewer_conn_out(p->v, p->now, &len));
    peers_free(p);
}
END_TEST

START_TEST(impossible_credentials_are_refused_here)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = viewer_config(&zero);
    char user[300];
    struct peers *p;

    memset(user, 'u', sizeof user);
    user[299] = '\0';
    cfg.user = user;
    ck_assert_ptr_null(fh_viewer_conn_new(&cfg));
    cfg.user = "line\nbreak";
    ck_assert_ptr_null(fh_viewer_conn_new(&cfg));
    cfg.user = "ann";
    cfg.password_len = 1025;
    ck_assert_ptr_null(fh_viewer_conn_new(&cfg));
    cfg.user = cfg.password = NULL;
    cfg.password_len = 0;
    p = peers_new(NULL, &cfg);
    ck_assert_int_eq(fh_viewer_conn_credentials(p->v, "ann", "x", 1), FH_SESSION_E_STATE);
    run(p);
    ck_assert_int_eq(fh_viewer_conn_credentials(p->v, user, "x", 1), FH_SESSION_E_INVAL);
    ck_assert_int_eq(fh_viewer_conn_credentials(p->v, "ann", "secret", 6), 0);
    run(p);
    ck_assert_uint_eq(fh_viewer_conn_permissions(p->v), FH_PERM_ALL);
    peers_free(p);
}
END_TEST

static void force_permissions(struct peers *p)
{
    p->v->s.permissions = FH_PERM_ALL;
}

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *tc = tcase_create("session");
    SRunner *runner;
    int failed;

    if (!make_identities())
        return 1;
    tcase_add_checked_fixture(tc, NULL, free_identities);
    tcase_add_loop_test(tc, first_picture_comes_two_round_trips_after_the_connection, 0, N_CHUNKS);
    tcase_add_loop_test(tc, without_credentials_the_application_is_asked, 0, N_CHUNKS);
    tcase_add_loop_test(tc, every_connection_is_rejected_without_authentication, 0, N_CHUNKS);
    tcase_add_loop_test(tc, third_wrong_password_ends_the_connection, 0, N_CHUNKS);
    tcase_add_test(tc, a_stream_that_ends_while_input_waits_for_a_screen_is_told);
    tcase_add_loop_test(tc, a_failed_attempt_is_recorded_once, 0, 3);
    tcase_add_loop_test(tc, who_leaves_fails_only_what_was_tried, 0, 2);
    tcase_add_test(tc, who_never_tries_is_recorded_at_the_deadline);
    tcase_add_loop_test(tc, right_password_after_a_wrong_one_opens_the_session, 0, N_CHUNKS);
    tcase_add_test(tc, unknown_user_looks_like_a_wrong_password);
    tcase_add_loop_test(tc, refused_identities_end_the_handshake, 0, N_CHUNKS);
    tcase_add_test(tc, busy_server_says_when_to_come_again);
    tcase_add_loop_test(tc, input_reaches_the_application, 0, N_CHUNKS);
    tcase_add_loop_test(tc, changes_of_the_desktop_reach_the_viewer, 0, N_CHUNKS);
    tcase_add_test(tc, what_is_not_permitted_never_reaches_the_application);
    tcase_add_loop_test(tc, every_message_needs_its_permission_and_no_other, 0,
                        sizeof messages / sizeof messages[0]);
    tcase_add_loop_test(tc, permissions_change_in_mid_session_and_held_keys_are_released, 0,
                        N_CHUNKS);
    tcase_add_test(tc, session_without_view_shares_one_black_pixel);
    tcase_add_test(tc, nothing_of_the_picture_leaves_while_view_is_taken_away);
    tcase_add_test(tc, keys_are_released_when_the_session_ends);
    tcase_add_loop_test(tc, server_says_bye_and_why, 0, N_CHUNKS);
    tcase_add_loop_test(tc, viewer_says_bye, 0, N_CHUNKS);
    tcase_add_loop_test(tc, what_was_typed_right_before_the_goodbye_arrives, 0, N_CHUNKS);
    tcase_add_test(tc, a_goodbye_that_is_cut_off_is_no_good_end);
    tcase_add_loop_test(tc, a_goodbye_after_a_long_silence_is_answered, 0, 2);
    tcase_add_test(tc, a_goodbye_that_is_not_answered_ends_all_the_same);
    tcase_add_test(tc, idle_session_ends_and_input_keeps_it);
    tcase_add_test(tc, authentication_has_thirty_seconds);
    tcase_add_test(tc, silent_viewer_is_dropped_at_the_handshakes_deadlines);
    tcase_add_test(tc, a_peer_that_takes_nothing_does_not_hold_a_connection);
    tcase_add_test(tc, a_cut_stream_is_never_a_clean_end);
    tcase_add_loop_test(tc, a_stream_cut_after_any_flight_ends_both_sides, 0, 6);
    tcase_add_test(tc, a_flipped_bit_ends_the_session);
    tcase_add_test(tc, a_slow_viewer_costs_no_memory_and_gets_the_newest_picture);
    tcase_add_test(tc, several_viewers_share_one_picture);
    tcase_add_test(tc, idle_session_has_no_deadline_but_the_rekeying);
    tcase_add_test(tc, impossible_credentials_are_refused_here);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free_identities();
    return failed != 0;
}
