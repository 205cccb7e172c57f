/* SPDX-License-Identifier: MIT */
/* test_resume_uv.c -- sessions that outlive their streams, over TCP on the loopback. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>
#include <uv.h>

#include <farhand/framebuffer.h>
#include <farhand/identity.h>
#include <farhand/identity_uv.h>
#include <farhand/link.h>
#include <farhand/server.h>
#include <farhand/tcp.h>
#include <farhand/viewer.h>

enum { LIMIT_MS = 30000, SERVERS = 2, EVENTS_MAX = 64 };

static struct fh_identity *server_identity, *viewer_identity;

struct world;

struct host {
    struct world *w;
    struct fh_server *server;
    struct fh_session *session; /* that has started */
    unsigned requests, started, detached, resumed, ended, ups, downs, asked, attached;
    const char *moved_to; /* NULL: it never was */
    bool is_closed;
};

static struct world {
    uv_loop_t loop;
    uv_timer_t limit;
    struct host host[SERVERS];
    unsigned to; /* which host accepts */
    struct fh_tcp_listener *listener;
    struct fh_address address;
    int fd; /* of the stream accepted last, or -1 */
    uint32_t px[64 * 48];
    struct fh_framebuffer fb;
    struct fh_viewer *viewer;
    unsigned v_started, v_updates, v_ended, v_resumed, asked, connecting;
    bool viewer_closed, listener_closed, is_leaving, is_deaf, is_relayed, is_early;
    int v_way; /* -1: it never moved */
    int v_error;
    const char *refuses_request, *refuses_resume;
    enum fh_audit_type audit[EVENTS_MAX];
    const char *reason[EVENTS_MAX];
    char peer[EVENTS_MAX][FH_ADDRESS_TEXT];
    size_t n_audit;
} w;

/* ---- the Server app ---- */

static const char *on_request(void *user, struct fh_session *s, const char *peer)
{
    struct host *h = user;

    (void)peer;
    if (h->w->is_relayed && h->requests == 0)
        fh_session_set_path(s, "relayed", "CLOUD");
    return h->requests++ > 0 ? h->w->refuses_request : NULL;
}

static void on_authenticate(void *user, struct fh_session *s, const struct fh_credentials *c)
{
    (void)user;
    fh_session_authenticated(s, strcmp(c->password, "secret") == 0 ? FH_PERM_ALL : 0);
}

static void on_started(void *user, struct fh_session *s)
{
    struct host *h = user;

    h->session = s;
    h->started++;
}

static void on_key(void *user, struct fh_session *s, uint32_t keysym, uint32_t keycode, bool down)
{
    struct host *h = user;

    (void)keysym;
    (void)keycode;
    ck_assert_ptr_eq(s, h->session);
    if (down)
        h->downs++;
    else
        h->ups++;
}

static void on_detached(void *user, struct fh_session *s)
{
    struct host *h = user;

    ck_assert(fh_session_is_detached(s));
    h->detached++;
}

static void on_resumed(void *user, struct fh_session *s)
{
    struct host *h = user;

    ck_assert_ptr_eq(s, h->session);
    ck_assert(!fh_session_is_detached(s));
    h->resumed++;
}

static void on_attached(void *user, struct fh_session *s, const struct fh_address *from)
{
    struct host *h = user;

    ck_assert_ptr_eq(s, h->session);
    ck_assert_int_eq(from->family, FH_ADDRESS_IPV4);
    h->attached++;
}

static void on_moved(void *user, struct fh_session *s, const char *path)
{
    struct host *h = user;

    ck_assert_ptr_eq(s, h->session);
    h->moved_to = path;
}

static const char *on_resume(void *user, struct fh_session *s, const struct fh_address *from)
{
    struct host *h = user;

    ck_assert_ptr_eq(s, h->session);
    ck_assert_int_eq(from->family, FH_ADDRESS_IPV4);
    return h->w->refuses_resume;
}

/* As if the other server were another process. */
static void on_resume_elsewhere(void *user, struct fh_session *s,
                                const uint8_t ref[FH_SESSION_LINK_REF_LEN])
{
    struct host *h = user, *other = &h->w->host[h == &h->w->host[0]];
    struct fh_link_opening opening;
    struct fh_stream *stream;

    h->asked++;
    if (!other->session || memcmp(fh_session_link_ref(other->session), ref, FH_LINK_REF_LEN) != 0)
        return;
    stream = fh_session_release_stream(s, &opening);
    ck_assert_ptr_nonnull(stream);
    ck_assert_ptr_null(fh_session_release_stream(s, &opening));
    ck_assert_int_eq(fh_server_resume(other->server, stream, &opening), 0);
}

static void on_session_ended(void *user, struct fh_session *s, enum fh_bye reason)
{
    struct host *h = user;

    (void)reason;
    h->ended++;
    if (s == h->session)
        h->session = NULL;
}

static void on_audit(void *user, const struct fh_audit_event *ev)
{
    (void)user;
    ck_assert_uint_lt(w.n_audit, EVENTS_MAX);
    w.audit[w.n_audit] = ev->type;
    w.reason[w.n_audit] = ev->reason;
    strncpy(w.peer[w.n_audit++], ev->peer, FH_ADDRESS_TEXT - 1);
}

static const struct fh_server_callbacks server_callbacks = {.connection_request = on_request,
                                                            .authenticate = on_authenticate,
                                                            .started = on_started,
                                                            .key = on_key,
                                                            .detached = on_detached,
                                                            .resumed = on_resumed,
                                                            .attached = on_attached,
                                                            .moved = on_moved,
                                                            .resume = on_resume,
                                                            .resume_elsewhere = on_resume_elsewhere,
                                                            .ended = on_session_ended,
                                                            .audit = on_audit};

/* How often, and where last. */
static unsigned audited(enum fh_audit_type type, size_t *at)
{
    unsigned n = 0;

    for (size_t i = 0; i < w.n_audit; i++)
        if (w.audit[i] == type) {
            n++;
            *at = i;
        }
    return n;
}

/* ---- the Viewer app ---- */

static enum fh_trust on_verify(void *user, const struct fh_viewer_conn_event *ev)
{
    (void)user;
    (void)ev;
    return FH_TRUST_CONFIRMED;
}

static void on_viewer_event(void *user, const struct fh_viewer_conn_event *ev)
{
    (void)user;
    w.v_started += ev->type == FH_VIEWER_CONN_EV_STARTED;
    w.v_updates += ev->type == FH_VIEWER_CONN_EV_UPDATE;
    if (ev->type == FH_VIEWER_CONN_EV_ENDED) {
        w.v_ended++;
        w.v_error = ev->ended.error;
    }
}

static void connect_tcp(void (*done)(void *user, struct fh_stream *s, int error, const char *text))
{
    struct fh_target to = {.kind = FH_TARGET_IP, .address = w.address};
    struct fh_tcp_connect_config cfg = {.done = done};

    w.connecting++;
    ck_assert_int_eq(fh_tcp_connect(&w.loop, &to, &cfg, NULL), 0);
}

static void on_attach_direct(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    (void)text;
    w.connecting--;
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(fh_viewer_attach(w.viewer, s, FH_VIEWER_DIRECT), 0);
}

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    (void)text;
    w.connecting--;
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(fh_viewer_connect(w.viewer, s), 0);
    if (w.is_early)
        connect_tcp(on_attach_direct);
}

static void on_reconnected(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    (void)error;
    (void)text;
    w.connecting--;
    if (w.is_leaving && s)
        fh_stream_close(s, NULL, NULL);
    else if (!w.is_leaving)
        (void)fh_viewer_resume(w.viewer, s);
}

static void on_reconnect(void *user, unsigned attempt)
{
    (void)user;
    w.asked++;
    ck_assert_uint_eq(attempt, w.asked);
    if (!w.is_deaf)
        connect_tcp(on_reconnected);
}

static void on_v_resumed(void *user)
{
    (void)user;
    w.v_resumed++;
    w.asked = 0;
}

static void on_v_moved(void *user, int way)
{
    (void)user;
    w.v_way = way;
}

static const struct fh_viewer_callbacks viewer_callbacks = {.verify_server = on_verify,
                                                            .moved = on_v_moved,
                                                            .event = on_viewer_event,
                                                            .reconnect = on_reconnect,
                                                            .resumed = on_v_resumed};

/* ---- the world ---- */

static void on_limit(uv_timer_t *timer)
{
    (void)timer;
    ck_abort_msg("the test does not come to its end");
}

static void on_accept_fd(void *user, int fd, const struct fh_address *peer)
{
    struct fh_stream *s;

    (void)user;
    if (w.fd >= 0)
        close(w.fd);
    /* It would keep the connection open. */
    w.fd = w.refuses_request ? -1 : dup(fd);
    ck_assert_int_eq(fh_tcp_open(&w.loop, fd, peer, NULL, &s), 0);
    ck_assert_int_eq(fh_server_accept(w.host[w.to].server, s), 0);
}

static void open_world_by(uint32_t server_ms, uint32_t viewer_ms, bool is_relayed)
{
    const char *addresses[] = {"127.0.0.1:0"};
    struct fh_tcp_listen_config listen = {
        .addresses = addresses, .addresses_len = 1, .accept_fd = on_accept_fd};
    struct fh_viewer_config viewer = {
        .loop = &w.loop,
        .identity = viewer_identity,
        .callbacks = &viewer_callbacks,
        .resume_ms = viewer_ms,
        .conn = {.user = "ann", .password = "secret", .password_len = 6}};

    memset(&w, 0, sizeof w);
    signal(SIGPIPE, SIG_IGN);
    w.fd = -1;
    w.v_way = -1;
    w.is_relayed = is_relayed;
    uv_loop_init(&w.loop);
    uv_timer_init(&w.loop, &w.limit);
    uv_timer_start(&w.limit, on_limit, LIMIT_MS, 0);
    w.fb = (struct fh_framebuffer){.px = w.px, .width = 64, .height = 48, .stride_px = 64};
    for (int i = 0; i < SERVERS; i++) {
        struct fh_server_config cfg = {.loop = &w.loop,
                                       .identity = server_identity,
                                       .callbacks = &server_callbacks,
                                       .user = &w.host[i],
                                       .resume_ms = server_ms};

        w.host[i].w = &w;
        ck_assert_int_eq(fh_server_new(&cfg, &w.host[i].server), 0);
        ck_assert_int_eq(fh_server_screen(w.host[i].server, &w.fb, NULL, 0), 0);
    }
    ck_assert_int_eq(fh_tcp_listen(&w.loop, &listen, &w.listener, NULL, 0), 0);
    fh_tcp_listener_address(w.listener, 0, &w.address);
    ck_assert_int_eq(fh_viewer_new(&viewer, &w.viewer), 0);
    if (is_relayed)
        fh_viewer_set_path(w.viewer, "relayed", "CLOUD");
    connect_tcp(on_connected);
}

static void open_world(uint32_t server_ms, uint32_t viewer_ms)
{
    open_world_by(server_ms, viewer_ms, false);
}

#define RUN_UNTIL(condition)                                                                       \
    while (!(condition))                                                                           \
    uv_run(&w.loop, UV_RUN_ONCE)

static void on_server_gone(void *user)
{
    ((struct host *)user)->is_closed = true;
}

static void on_viewer_gone(void *user)
{
    (void)user;
    w.viewer_closed = true;
}

static void on_listener_gone(void *user)
{
    (void)user;
    w.listener_closed = true;
}

static void close_world(void)
{
    w.is_leaving = true;
    for (int i = 0; i < SERVERS; i++)
        fh_server_close(w.host[i].server, FH_BYE_SHUTDOWN, on_server_gone);
    fh_viewer_close(w.viewer, on_viewer_gone);
    fh_tcp_listener_close(w.listener, on_listener_gone, NULL);
    RUN_UNTIL(w.host[0].is_closed && w.host[1].is_closed && w.viewer_closed && w.listener_closed &&
              w.connecting == 0);
    if (w.fd >= 0)
        close(w.fd);
    uv_close((uv_handle_t *)&w.limit, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&w.loop), 0);
}

static void cut(void)
{
    ck_assert_int_eq(shutdown(w.fd, SHUT_RDWR), 0);
}

static void press(bool down)
{
    ck_assert_int_eq(fh_viewer_conn_key(fh_viewer_conn(w.viewer), 0x61, 0, down), 0);
    fh_viewer_flush(w.viewer);
}

/* ---- tests ---- */

START_TEST(a_session_carries_on_over_another_stream)
{
    struct host *h = &w.host[0];
    size_t left = 0, back = 0;

    open_world(60000, 60000);
    RUN_UNTIL(w.v_updates > 0);
    press(true);
    RUN_UNTIL(h->downs == 1);
    for (unsigned i = 1; i <= 3; i++) {
        cut();
        /* What is held down is let go of, and what is typed meanwhile arrives once. */
        RUN_UNTIL(h->detached == i && h->ups == i);
        press(false);
        press(true);
        RUN_UNTIL(w.v_resumed == i && h->resumed == i && h->downs == i + 1);
        RUN_UNTIL(audited(FH_AUDIT_RESUMED, &back) == i);
        ck_assert_uint_eq(audited(FH_AUDIT_DETACHED, &left), i);
        ck_assert_str_ne(w.peer[left], w.peer[back]);
        ck_assert_str_eq(fh_session_peer(h->session), w.peer[back]);
        /* The next round counts one release of its own and one that was typed. */
        h->ups = i;
    }
    ck_assert_uint_eq(h->started, 1);
    ck_assert_uint_eq(w.v_started, 1);
    ck_assert_uint_eq(w.v_ended, 0);
    ck_assert_uint_eq(h->requests, 4); /* each address is looked at */
    ck_assert_uint_eq(h->ended, 3);    /* of those, the ones that became this session's */
    ck_assert_uint_eq(fh_server_count(h->server), 1);
    close_world();
}
END_TEST

START_TEST(a_viewer_without_links_is_served_as_before)
{
    open_world(60000, 0);
    RUN_UNTIL(w.v_updates > 0);
    ck_assert_ptr_null(fh_session_link_ref(w.host[0].session));
    cut();
    RUN_UNTIL(w.v_ended == 1 && w.host[0].ended == 1);
    ck_assert_uint_eq(w.asked, 0);
    close_world();
}
END_TEST

START_TEST(a_server_without_links_says_so)
{
    open_world(0, 60000);
    RUN_UNTIL(w.v_ended == 1);
    ck_assert_int_eq(w.v_error, FH_TRANSPORT_E_NO_LINK);
    close_world();
}
END_TEST

START_TEST(without_a_way_back_it_ends_on_both_sides)
{
    open_world(1000, 60000); /* the shorter one counts */
    RUN_UNTIL(w.v_updates > 0);
    w.is_deaf = true;
    cut();
    RUN_UNTIL(w.v_ended == 1 && w.host[0].ended == 1);
    ck_assert_int_eq(w.v_error, FH_TRANSPORT_E_TIMEOUT);
    close_world();
}
END_TEST

START_TEST(the_application_looks_at_where_it_comes_from)
{
    size_t at = 0;

    open_world(2000, 2000);
    RUN_UNTIL(w.v_updates > 0);
    if (_i == 0)
        w.refuses_request = "filtered";
    else
        w.refuses_resume = "filtered";
    cut();
    RUN_UNTIL(w.v_ended == 1 && !w.host[0].session);
    ck_assert_uint_ge(w.asked, 3);
    ck_assert_uint_eq(w.host[0].resumed, 0);
    ck_assert_uint_ge(audited(FH_AUDIT_REFUSED, &at), 1);
    ck_assert_str_eq(w.reason[at], "filtered");
    close_world();
}
END_TEST

START_TEST(a_stream_may_arrive_at_another_server)
{
    open_world(60000, 60000);
    RUN_UNTIL(w.v_updates > 0);
    w.to = 1;
    cut();
    RUN_UNTIL(w.v_resumed == 1 && w.host[0].resumed == 1);
    ck_assert_uint_eq(w.host[1].asked, 1);
    ck_assert_uint_eq(w.host[1].ended, 1);
    press(true);
    RUN_UNTIL(w.host[0].downs == 1);
    close_world();
}
END_TEST

START_TEST(a_stream_for_nobody_is_refused)
{
    struct fh_session *gone;
    size_t at = 0;

    open_world(2000, 2000);
    RUN_UNTIL(w.v_updates > 0);
    gone = w.host[0].session;
    w.host[0].session = NULL; /* nor does the other know it */
    w.to = 1;
    cut();
    RUN_UNTIL(w.v_ended == 1);
    ck_assert_uint_ge(audited(FH_AUDIT_REFUSED, &at), 1);
    ck_assert_str_eq(w.reason[at], "resume-unknown");
    w.host[0].session = gone;
    close_world();
}
END_TEST

/* The direct one is there before the session runs, and waits; then it is lost, and none is missed.
 */
START_TEST(a_session_moves_between_a_relay_and_a_direct_path)
{
    struct host *h = &w.host[0];
    struct fh_link_info info;
    size_t at = 0;

    open_world_by(60000, 60000, true);
    w.is_early = _i == 0;
    RUN_UNTIL(w.v_updates > 0);
    ck_assert_ptr_nonnull(fh_session_link_ref(h->session));
    if (_i == 1)
        connect_tcp(on_attach_direct);
    RUN_UNTIL(w.v_way == FH_VIEWER_DIRECT && h->moved_to && strcmp(h->moved_to, "direct") == 0);
    ck_assert_uint_eq(h->attached, 1);
    ck_assert_uint_eq(h->resumed + h->detached + w.v_resumed, 0);
    ck_assert(fh_session_link_info(h->session, &info));
    ck_assert_uint_eq(info.paths, 2);
    ck_assert(fh_viewer_link_info(w.viewer, &info));
    ck_assert_uint_eq(info.rank, FH_VIEWER_DIRECT);
    press(true);
    RUN_UNTIL(h->downs == 1);
    cut(); /* what was accepted last */
    RUN_UNTIL(w.v_way == FH_VIEWER_RELAYED && strcmp(h->moved_to, "relayed") == 0);
    press(false);
    press(true);
    RUN_UNTIL(h->downs == 2 && h->ups == 1);
    ck_assert_uint_eq(h->resumed + h->detached + w.v_resumed + w.asked, 0);
    ck_assert_uint_eq(audited(FH_AUDIT_MOVED, &at), 2);
    close_world();
}
END_TEST

START_TEST(a_stream_for_no_link_is_not_taken)
{
    struct fh_link_info info;

    open_world(60000, 0);
    RUN_UNTIL(w.v_updates > 0);
    ck_assert(!fh_viewer_link_info(w.viewer, &info));
    ck_assert(!fh_session_link_info(w.host[0].session, &info));
    close_world();
}
END_TEST

/* Whatever is closed while nobody is connected ends in order. */
START_TEST(it_may_be_closed_while_it_is_away)
{
    open_world(60000, 60000);
    RUN_UNTIL(w.v_updates > 0);
    w.is_deaf = _i == 0;
    cut();
    RUN_UNTIL(w.host[0].detached == 1 && w.asked > 0);
    close_world();
}
END_TEST

static void free_keys(void)
{
    fh_identity_free(server_identity);
    fh_identity_free(viewer_identity);
    server_identity = viewer_identity = NULL;
}

int main(void)
{
    Suite *s = suite_create("sessions that outlive their streams");
    TCase *tc = tcase_create("resume");
    SRunner *sr = srunner_create(s);
    int failed;

    setenv("UV_THREADPOOL_SIZE", "1", 1);
    if (fh_identity_generate(2048, fh_random_system, NULL, &server_identity) != 0 ||
        fh_identity_generate(2048, fh_random_system, NULL, &viewer_identity) != 0)
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tc, NULL, free_keys);
    tcase_add_test(tc, a_session_carries_on_over_another_stream);
    tcase_add_test(tc, a_viewer_without_links_is_served_as_before);
    tcase_add_test(tc, a_server_without_links_says_so);
    tcase_add_test(tc, without_a_way_back_it_ends_on_both_sides);
    tcase_add_loop_test(tc, the_application_looks_at_where_it_comes_from, 0, 2);
    tcase_add_test(tc, a_stream_may_arrive_at_another_server);
    tcase_add_test(tc, a_stream_for_nobody_is_refused);
    tcase_add_loop_test(tc, a_session_moves_between_a_relay_and_a_direct_path, 0, 2);
    tcase_add_test(tc, a_stream_for_no_link_is_not_taken);
    tcase_add_loop_test(tc, it_may_be_closed_while_it_is_away, 0, 2);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    free_keys();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
