/* SPDX-License-Identifier: MIT */
/*
 * A session straight on a path: fh_viewer and fh_server over SCTP, signed datagrams and ICE, on the
 * loopback. Once the channel stands, its keys sign the datagrams.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <farhand/channel.h>
#include <farhand/framebuffer.h>
#include <farhand/identity.h>
#include <farhand/identity_uv.h>
#include <farhand/path_uv.h>
#include <farhand/rfb_client.h>
#include <farhand/server.h>
#include <farhand/viewer.h>

enum { LIMIT_MS = 60000, WIDTH = 640, HEIGHT = 480, KEYS = 2000 };

struct side {
    struct fh_path *path;
    struct side *peer;
    unsigned renewed, closed;
    uint8_t client[FH_SESSION_GUARD_KEY_LEN]; /* the channel's newest */
};

static uv_loop_t loop;
static uv_timer_t limit;
static struct fh_identity *server_identity, *viewer_identity;
static struct fh_server *server;
static struct fh_session *session;
static struct fh_viewer *viewer;
static struct side of_viewer, of_server;
static uint32_t px[WIDTH * HEIGHT];
static unsigned updates, keys, ended, viewer_ended, viewer_gone;
static bool server_gone, keeps_signalling_keys;
static enum fh_bye reason;

/* ---- the path -------------------------------------------------------------------------------- */

static void on_signal(void *user, const char *line, size_t len)
{
    struct side *s = user;

    if (s->peer->path)
        ck_assert_int_eq(fh_path_signal(s->peer->path, line, len), 0);
}

static void on_opened(void *user, struct fh_stream *s, int error)
{
    ck_assert_int_eq(error, 0);
    if (user == &of_viewer)
        ck_assert_int_eq(fh_viewer_connect(viewer, s), 0);
    else
        ck_assert_int_eq(fh_server_accept(server, s), 0);
}

static void on_path_closed(void *user)
{
    struct side *s = user;

    s->path = NULL;
    s->closed++;
}

static void open_path(struct side *s, enum fh_role role)
{
    static const struct fh_ice_uv_config ice = {.only_loopback = true, .ta_ms = 5};
    static const uint8_t secret[FH_GUARD_SECRET_LEN] = "what the broker knows as well";
    const struct fh_path_config cfg = {.ice = &ice,
                                       .role = role,
                                       .secret = secret,
                                       .timeout_ms = 2000,
                                       .signal = on_signal,
                                       .opened = on_opened,
                                       .closed = on_path_closed,
                                       .user = s};

    ck_assert_int_eq(fh_path_new(&loop, &cfg, &s->path), 0);
}

static void renew(struct side *s, const uint8_t *client, const uint8_t *of_the_server)
{
    s->renewed++;
    memcpy(s->client, client, sizeof s->client);
    ck_assert_int_eq(fh_path_renew(s->path, client, of_the_server), 0);
}

/* ---- the two applications -------------------------------------------------------------------- */

static void on_authenticate(void *user, struct fh_session *s, const struct fh_credentials *c)
{
    (void)user;
    (void)c;
    session = s;
    fh_session_authenticated(s, FH_PERM_ALL);
}

static void on_key(void *user, struct fh_session *s, uint32_t keysym, uint32_t keycode, bool down)
{
    (void)user;
    (void)s;
    (void)keycode;
    (void)down;
    ck_assert_uint_eq(keysym, 0x20 + keys / 2 % 64); /* in their order, none twice */
    keys++;
}

static void on_server_keys(void *user, struct fh_session *s, const uint8_t *client,
                           const uint8_t *of_the_server)
{
    (void)user;
    (void)s;
    renew(&of_server, client, of_the_server);
}

static void on_session_ended(void *user, struct fh_session *s, enum fh_bye why)
{
    (void)user;
    (void)s;
    ended++;
    reason = why;
}

static const struct fh_server_callbacks server_callbacks = {.authenticate = on_authenticate,
                                                            .keys = on_server_keys,
                                                            .key = on_key,
                                                            .ended = on_session_ended};

static enum fh_trust on_verify(void *user, const struct fh_viewer_conn_event *ev)
{
    (void)user;
    (void)ev;
    return FH_TRUST_CONFIRMED;
}

static void on_viewer_keys(void *user, const uint8_t *client, const uint8_t *of_the_server)
{
    (void)user;
    if (!keeps_signalling_keys)
        renew(&of_viewer, client, of_the_server);
}

static void on_viewer_event(void *user, const struct fh_viewer_conn_event *ev)
{
    (void)user;
    updates += ev->type == FH_VIEWER_CONN_EV_UPDATE;
    viewer_ended += ev->type == FH_VIEWER_CONN_EV_ENDED;
}

static const struct fh_viewer_callbacks viewer_callbacks = {
    .verify_server = on_verify, .keys = on_viewer_keys, .event = on_viewer_event};

static void on_server_gone(void *user)
{
    (void)user;
    server_gone = true;
}

static void on_viewer_gone(void *user)
{
    (void)user;
    viewer_gone++;
}

/* ---- the world ------------------------------------------------------------------------------- */

static void on_limit(uv_timer_t *timer)
{
    (void)timer;
    ck_abort_msg("the loop did not come to what the test waits for");
}

#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        while (!(condition))                                                                       \
            uv_run(&loop, UV_RUN_ONCE);                                                            \
    } while (0)

static void make_identities(void)
{
    ck_assert_int_eq(fh_identity_generate(2048, fh_random_system, NULL, &server_identity), 0);
    ck_assert_int_eq(fh_identity_generate(2048, fh_random_system, NULL, &viewer_identity), 0);
}

static void free_identities(void)
{
    fh_identity_free(server_identity);
    fh_identity_free(viewer_identity);
}

static void setup(void)
{
    static const struct fh_framebuffer fb = {
        .px = px, .width = WIDTH, .height = HEIGHT, .stride_px = WIDTH};
    const struct fh_server_config s = {.loop = &loop,
                                       .identity = server_identity,
                                       .callbacks = &server_callbacks,
                                       .name = "desk",
                                       .program = "test 1"};
    static const struct fh_rfb_client_config exact = {.quality = -1, .level = -1, .pipeline = true};
    const struct fh_viewer_config v = {.loop = &loop,
                                       .identity = viewer_identity,
                                       .callbacks = &viewer_callbacks,
                                       .conn = {.rfb = &exact,
                                                .program = "test 1",
                                                .user = "ann",
                                                .password = "secret",
                                                .password_len = 6}};

    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    uv_timer_init(&loop, &limit);
    uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
    uv_unref((uv_handle_t *)&limit);
    for (uint32_t i = 0, x = 1; i < WIDTH * HEIGHT; i++)
        px[i] = (x = x * 1664525 + 1013904223) >> 8; /* nothing that packs well */
    ck_assert_int_eq(fh_server_new(&s, &server), 0);
    ck_assert_int_eq(fh_server_screen(server, &fb, NULL, 0), 0);
    ck_assert_int_eq(fh_viewer_new(&v, &viewer), 0);
    of_viewer.peer = &of_server;
    of_server.peer = &of_viewer;
    open_path(&of_viewer, FH_ROLE_CLIENT);
    open_path(&of_server, FH_ROLE_SERVER);
}

/* Nothing is left in the loop: no socket, no timer. */
static void teardown(void)
{
    fh_server_close(server, FH_BYE_SHUTDOWN, on_server_gone);
    fh_viewer_close(viewer, on_viewer_gone);
    RUN_UNTIL(server_gone && viewer_gone && of_viewer.closed && of_server.closed);
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static bool is_same_picture(void)
{
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(fh_viewer_conn(viewer));
    bool is_same = fb && fb->width == WIDTH && fb->height == HEIGHT;

    for (size_t i = 0; is_same && i < WIDTH * HEIGHT; i++) {
        uint32_t seen = fb->px[i / WIDTH * (size_t)fb->stride_px + i % WIDTH];

        is_same = ((px[i] ^ seen) & 0xffffff) == 0; /* the rest is no colour */
    }
    return is_same;
}

static void type(void)
{
    for (unsigned i = 0; i < KEYS; i++) {
        /* What the connection has no room for is typed when it has. */
        while (fh_viewer_conn_key(fh_viewer_conn(viewer), 0x20 + i / 2 % 64, 0, i % 2 == 0) != 0) {
            fh_viewer_flush(viewer);
            uv_run(&loop, UV_RUN_ONCE);
        }
        fh_viewer_flush(viewer);
    }
    RUN_UNTIL(keys == KEYS);
}

static void show(struct side *s, struct fh_path_info *info)
{
    ck_assert_ptr_nonnull(s->path);
    fh_path_info(s->path, info);
}

/* ---- the cases ------------------------------------------------------------------------------- */

START_TEST(picture_and_keys_arrive_and_the_channels_keys_sign_the_datagrams)
{
    struct fh_path_info of_v, of_s;

    RUN_UNTIL(updates > 0 && is_same_picture());
    ck_assert_uint_eq(of_viewer.renewed, 1);
    ck_assert_uint_eq(of_server.renewed, 1);
    ck_assert_mem_eq(of_viewer.client, of_server.client, sizeof of_viewer.client);
    type();
    for (size_t i = 0; i < WIDTH * 100; i++)
        px[i] ^= 0xffffff;
    fh_server_damage(server, &(const struct fh_rect){.w = WIDTH, .h = 100});
    RUN_UNTIL(is_same_picture());
    show(&of_viewer, &of_v);
    show(&of_server, &of_s);
    ck_assert(of_v.is_renewed && of_s.is_renewed);
    ck_assert_uint_eq(of_v.guard.forged + of_s.guard.forged, 0);
    ck_assert_uint_gt(of_v.guard.opened, 500); /* a picture of 1.2 MB that does not pack */
    ck_assert_ptr_nonnull(strchr(fh_session_peer(session), ':')); /* an address, not "none" */
    fh_viewer_conn_close(fh_viewer_conn(viewer), FH_BYE_NORMAL);
    fh_viewer_flush(viewer);
    RUN_UNTIL(ended && viewer_ended);
    ck_assert_int_eq(reason, FH_BYE_NORMAL);
    RUN_UNTIL(of_viewer.closed && of_server.closed); /* the sockets close with the session */
}
END_TEST

/* Whoever has the signalling's secret alone, as the broker, is not heard any more. */
START_TEST(who_stays_with_the_signallings_keys_is_shut_out)
{
    struct fh_path_info info;

    keeps_signalling_keys = true;
    RUN_UNTIL(of_server.renewed == 1);
    RUN_UNTIL(viewer_ended || ended);
    ck_assert_uint_eq(keys, 0);
    if (of_server.path) {
        show(&of_server, &info);
        ck_assert(!info.is_renewed);
    }
    ck_assert(!is_same_picture());
}
END_TEST

int main(void)
{
    Suite *s = suite_create("session_path");
    TCase *t = tcase_create("sessions");
    SRunner *r;
    int failed;

    tcase_add_unchecked_fixture(t, make_identities, free_identities);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, picture_and_keys_arrive_and_the_channels_keys_sign_the_datagrams);
    tcase_add_test(t, who_stays_with_the_signallings_keys_is_shut_out);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
