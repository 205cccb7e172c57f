/* SPDX-License-Identifier: MIT */
/* test_server_uv.c -- the adapters of server and viewer, over TCP on the loopback and over pipes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <uv.h>

/* The adapters' clock, which a test can push. */
static uint64_t skew;
static uint64_t skewed_now(const uv_loop_t *loop)
{
    return uv_now(loop) + skew;
}
#define uv_now skewed_now
#include "../uv/carrier.c"
#include "../uv/server_uv.c"
#undef uv_now

#include <farhand/pipe.h>
#include <farhand/tcp.h>
#include <farhand/viewer.h>

/* Ends a test that hangs; no test waits for it. */
enum { LIMIT_MS = 30000, PEERS_MAX = 40 };

static struct fh_identity *server_identity, *viewer_identity, *next_identity;

/* Where an application may close something from. */
enum place {
    IN_NOTHING,
    IN_REQUEST,
    IN_PEER,
    IN_AUTHENTICATE,
    IN_STARTED,
    IN_KEY,
    IN_WANTED,
    IN_ENDED,
    IN_AUDIT,
    IN_VERIFY,
    IN_VIEWER_EVENT,
    PLACES
};

enum { CLOSE_SESSION, CLOSE_SERVER, CLOSE_VIEWER, CLOSE_ALL, CLOSINGS };

struct world {
    uv_loop_t loop;
    uv_timer_t limit;
    struct fh_server *server;
    struct fh_tcp_listener *listener;
    struct fh_address address;
    struct fh_viewer *viewer;
    struct fh_pipe *pipe;
    uint32_t px[64 * 48];
    struct fh_framebuffer fb;
    struct fh_session *session;
    bool answers_auth, refuses_request;
    unsigned requests, auths, started, ended, keys, wanted, audits, refused_busy, timeouts;
    enum fh_bye reason;
    unsigned v_started, v_updates, v_ended, v_rotations, v_audits;
    unsigned signs, rotates;
    struct fh_viewer_conn_event v_end;
    bool is_connecting, viewer_is_closing;
    bool server_closed, viewer_closed, listener_closed, has_limit_passed;
    enum place closes_in;
    unsigned closes;
    bool has_closed;
};

static void on_server_gone(void *user)
{
    ((struct world *)user)->server_closed = true;
}

static void on_viewer_gone(void *user)
{
    ((struct world *)user)->viewer_closed = true;
}

static void maybe_close(struct world *w, enum place place)
{
    if (w->closes_in != place || w->has_closed)
        return;
    w->has_closed = true;
    if (w->session && (w->closes == CLOSE_SESSION || w->closes == CLOSE_ALL))
        fh_session_disconnect(w->session, FH_BYE_SERVER, false);
    if (w->closes == CLOSE_SERVER || w->closes == CLOSE_ALL)
        fh_server_close(w->server, FH_BYE_SHUTDOWN, on_server_gone);
    if (w->closes == CLOSE_VIEWER || w->closes == CLOSE_ALL)
        fh_viewer_close(w->viewer, on_viewer_gone);
}

/* ---- the applications ---- */

static const char *on_request(void *user, struct fh_session *s, const char *peer)
{
    struct world *w = user;

    ck_assert_uint_gt(strlen(peer), 0);
    ck_assert_str_eq(fh_session_peer(s), peer);
    w->requests++;
    w->session = s;
    maybe_close(w, IN_REQUEST);
    return w->refuses_request ? "application" : NULL;
}

static bool on_peer(void *user, struct fh_session *s, const uint8_t *fingerprint)
{
    (void)s;
    (void)fingerprint;
    maybe_close(user, IN_PEER);
    return true;
}

static void on_authenticate(void *user, struct fh_session *s, const struct fh_credentials *c)
{
    struct world *w = user;
    bool is_right = strcmp(c->user, "ann") == 0 && strcmp(c->password, "secret") == 0;

    w->auths++;
    maybe_close(w, IN_AUTHENTICATE);
    if (w->answers_auth)
        fh_session_authenticated(s, is_right ? FH_PERM_ALL : 0);
}

static void on_session_started(void *user, struct fh_session *s)
{
    struct world *w = user;

    ck_assert_ptr_eq(s, w->session);
    fh_session_set_data(s, w);
    w->started++;
    maybe_close(w, IN_STARTED);
}

static void on_key(void *user, struct fh_session *s, uint32_t keysym, uint32_t keycode, bool down)
{
    struct world *w = user;

    (void)keysym;
    (void)keycode;
    (void)down;
    ck_assert_ptr_eq(fh_session_data(s), w);
    w->keys++;
    maybe_close(w, IN_KEY);
}

static void on_wanted(void *user)
{
    ((struct world *)user)->wanted++;
    maybe_close(user, IN_WANTED);
}

static void on_session_ended(void *user, struct fh_session *s, enum fh_bye reason)
{
    struct world *w = user;

    (void)s;
    w->ended++;
    w->reason = reason;
    maybe_close(w, IN_ENDED);
    w->session = NULL;
}

static void on_audit(void *user, const struct fh_audit_event *ev)
{
    struct world *w = user;
    char line[FH_AUDIT_LINE_MAX];

    ck_assert_int_gt(fh_audit_format(ev, line, sizeof line), 0);
    ck_assert_uint_gt(ev->connection, 0);
    ck_assert_uint_gt(ev->utc_ms, 0);
    w->audits++;
    maybe_close(w, IN_AUDIT);
    if (ev->type == FH_AUDIT_REFUSED && strcmp(ev->reason, "busy") == 0)
        w->refused_busy++;
    if (ev->type == FH_AUDIT_REFUSED && strcmp(ev->reason, "timeout") == 0)
        w->timeouts++;
}

static const struct fh_server_callbacks server_callbacks = {.connection_request = on_request,
                                                            .verify_peer = on_peer,
                                                            .authenticate = on_authenticate,
                                                            .started = on_session_started,
                                                            .key = on_key,
                                                            .wanted = on_wanted,
                                                            .ended = on_session_ended,
                                                            .audit = on_audit};

/* An application that signs by itself, as one whose key is in another process. */
static void on_sign_asked(void *user, struct fh_session *s, const uint8_t th[32])
{
    struct world *w = user;
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len;

    w->signs++;
    ck_assert_int_eq(
        fh_identity_sign(server_identity, FH_ROLE_SERVER, th, fh_random_system, NULL, sig, &len),
        0);
    fh_session_signed(s, sig, len);
}

static void on_rotate(void *user, struct fh_session *s, const uint8_t binding[FH_AUTH_BINDING_LEN])
{
    struct world *w = user;
    struct fh_rotation r;

    ck_assert_uint_eq(w->started, 0); /* the session begins with the answer */
    ck_assert_int_eq(
        fh_rotation_sign(server_identity, next_identity, binding, fh_random_system, NULL, &r), 0);
    fh_session_rotated(s, w->rotates++ == 0 ? &r : NULL);
    fh_session_rotated(s, &r); /* nothing waits for it */
}

static const struct fh_server_callbacks signing_callbacks = {.connection_request = on_request,
                                                             .sign = on_sign_asked,
                                                             .rotate = on_rotate,
                                                             .authenticate = on_authenticate,
                                                             .started = on_session_started,
                                                             .ended = on_session_ended,
                                                             .audit = on_audit};

static enum fh_trust on_verify(void *user, const struct fh_viewer_conn_event *ev)
{
    uint8_t fp[FH_FINGERPRINT_LEN];
    size_t len;
    const uint8_t *spki = fh_identity_spki(server_identity, &len);

    maybe_close(user, IN_VERIFY);
    fh_fingerprint(spki, len, fp);
    return memcmp(fp, ev->server.fingerprint, sizeof fp) == 0 ? FH_TRUST_CONFIRMED : FH_TRUST_NONE;
}

static void on_viewer_event(void *user, const struct fh_viewer_conn_event *ev)
{
    struct world *w = user;

    ck_assert_uint_eq(w->v_ended, 0);
    w->v_started += ev->type == FH_VIEWER_CONN_EV_STARTED;
    w->v_rotations += ev->type == FH_VIEWER_CONN_EV_ROTATION;
    if (ev->type == FH_VIEWER_CONN_EV_UPDATE && w->v_updates++ == 0 && w->pipe)
        ck_assert_uint_eq(fh_pipe_flights(w->pipe, 0), 2); /* two round trips */
    if (ev->type == FH_VIEWER_CONN_EV_ENDED) {
        w->v_ended++;
        w->v_end = *ev;
    }
    maybe_close(w, IN_VIEWER_EVENT);
}

static void on_viewer_audit(void *user, const struct fh_audit_event *ev)
{
    static const enum fh_audit_type usual[] = {FH_AUDIT_CONNECTED, FH_AUDIT_IDENTIFIED,
                                               FH_AUDIT_STARTED, FH_AUDIT_ENDED};
    struct world *w = user;

    ck_assert_int_eq(ev->side, FH_AUDIT_VIEWER);
    ck_assert_uint_gt(strlen(ev->peer), 0);
    ck_assert_uint_gt(ev->utc_ms, 0);
    if (w->v_audits < 4)
        ck_assert_int_eq(ev->type, usual[w->v_audits]);
    w->v_audits++;
}

static const struct fh_viewer_callbacks viewer_callbacks = {.verify_server = on_verify,
                                                            .event = on_viewer_event};
static const struct fh_viewer_callbacks recording_callbacks = {
    .verify_server = on_verify, .event = on_viewer_event, .audit = on_viewer_audit};

/* ---- the world ---- */

static void on_limit(uv_timer_t *timer)
{
    ((struct world *)timer->data)->has_limit_passed = true;
    ck_abort_msg("the test does not come to its end");
}

static void on_listener_gone(void *user)
{
    ((struct world *)user)->listener_closed = true;
}

static void on_accept(void *user, struct fh_stream *stream)
{
    struct world *w = user;

    ck_assert_int_eq(fh_server_accept(w->server, stream), 0);
}

static const struct fh_viewer_callbacks *callbacks_of_viewer = &viewer_callbacks;

static struct world *world_of(struct fh_server_config cfg)
{
    struct world *w = calloc(1, sizeof *w);

    ck_assert_ptr_nonnull(w);
    signal(SIGPIPE, SIG_IGN);
    skew = 0;
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->limit);
    w->limit.data = w;
    uv_timer_start(&w->limit, on_limit, LIMIT_MS, 0);
    w->answers_auth = true;
    w->fb = (struct fh_framebuffer){.px = w->px, .width = 64, .height = 48, .stride_px = 64};
    cfg.loop = &w->loop;
    cfg.user = w;
    ck_assert_int_eq(fh_server_new(&cfg, &w->server), 0);
    ck_assert_int_eq(fh_server_screen(w->server, &w->fb, NULL, 0), 0);
    return w;
}

static struct world *world_new(void)
{
    return world_of((struct fh_server_config){.identity = server_identity,
                                              .callbacks = &server_callbacks,
                                              .name = "desk",
                                              .program = "test 1"});
}

static void listen_tcp(struct world *w)
{
    const char *addresses[] = {"127.0.0.1:0"};
    struct fh_tcp_listen_config cfg = {
        .addresses = addresses, .addresses_len = 1, .accept = on_accept, .user = w};

    ck_assert_int_eq(fh_tcp_listen(&w->loop, &cfg, &w->listener, NULL, 0), 0);
    fh_tcp_listener_address(w->listener, 0, &w->address);
}

static void new_viewer(struct world *w)
{
    struct fh_viewer_config cfg = {.loop = &w->loop,
                                   .identity = viewer_identity,
                                   .callbacks = callbacks_of_viewer,
                                   .user = w,
                                   .conn = {
                                       .program = "viewer 1",
                                       .user = "ann",
                                       .password = "secret",
                                       .password_len = 6,
                                   }};

    ck_assert_int_eq(fh_viewer_new(&cfg, &w->viewer), 0);
}

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct world *w = user;

    (void)text;
    w->is_connecting = false;
    if (error == 0 && !w->viewer_is_closing)
        ck_assert_int_eq(fh_viewer_connect(w->viewer, s), 0);
    else if (error == 0)
        fh_stream_close(s, NULL, NULL);
}

static void connect_tcp(struct world *w)
{
    struct fh_target to = {.kind = FH_TARGET_IP, .address = w->address};
    struct fh_tcp_connect_config cfg = {.done = on_connected, .user = w};

    new_viewer(w);
    w->is_connecting = true;
    ck_assert_int_eq(fh_tcp_connect(&w->loop, &to, &cfg, NULL), 0);
}

static void connect_pipe(struct world *w)
{
    new_viewer(w);
    w->pipe = fh_pipe_new(NULL);
    ck_assert_ptr_nonnull(w->pipe);
    ck_assert_int_eq(fh_viewer_connect(w->viewer, fh_pipe_end(w->pipe, 0)), 0);
    ck_assert_int_eq(fh_server_accept(w->server, fh_pipe_end(w->pipe, 1)), 0);
}

/* _i of the tests: 0 over TCP, 1 over a pipe. */
static struct world *connected(int over)
{
    struct world *w = world_new();

    if (over == 0) {
        listen_tcp(w);
        connect_tcp(w);
    } else {
        connect_pipe(w);
    }
    return w;
}

/* A pipe moves between the turns of the loop, which waits only when nothing moved. */
static void turn(struct world *w)
{
    bool has_moved = false;

    while (w->pipe && fh_pipe_step(w->pipe, SIZE_MAX))
        has_moved = true;
    uv_run(&w->loop, has_moved ? UV_RUN_NOWAIT : UV_RUN_ONCE);
}

#define RUN_UNTIL(w, condition)                                                                    \
    while (!(condition))                                                                           \
    turn(w)

static void world_free(struct world *w)
{
    if (!w->server_closed)
        fh_server_close(w->server, FH_BYE_SHUTDOWN, on_server_gone);
    w->viewer_is_closing = true;
    if (w->viewer && !w->viewer_closed)
        fh_viewer_close(w->viewer, on_viewer_gone);
    if (w->listener)
        fh_tcp_listener_close(w->listener, on_listener_gone, w);
    RUN_UNTIL(w, w->server_closed && (!w->viewer || w->viewer_closed) &&
                     (!w->listener || w->listener_closed) && !w->is_connecting);
    uv_close((uv_handle_t *)&w->limit, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&w->loop), 0);
    fh_pipe_free(w->pipe);
    free(w);
}

/* ---- the keys below the channel ---- */

static struct told {
    unsigned n;
    uint8_t client[FH_SESSION_GUARD_KEY_LEN], server[FH_SESSION_GUARD_KEY_LEN];
} of_server, of_viewer;

static void take_keys(struct told *t, const uint8_t *client, const uint8_t *server)
{
    ck_assert_int_ne(memcmp(client, server, sizeof t->client), 0);
    ck_assert_int_ne(memcmp(client, t->client, sizeof t->client), 0);
    ck_assert_int_ne(memcmp(server, t->server, sizeof t->server), 0);
    t->n++;
    memcpy(t->client, client, sizeof t->client);
    memcpy(t->server, server, sizeof t->server);
}

static void on_server_keys(void *user, struct fh_session *s, const uint8_t *client,
                           const uint8_t *server)
{
    ck_assert_ptr_eq(s, ((struct world *)user)->session);
    take_keys(&of_server, client, server);
}

static void on_viewer_keys(void *user, const uint8_t *client, const uint8_t *server)
{
    (void)user;
    take_keys(&of_viewer, client, server);
}

/* ---- tests ---- */

START_TEST(both_ends_are_told_the_same_keys_at_first_and_after_a_rekey)
{
    struct fh_server_callbacks of_app = server_callbacks;
    struct fh_viewer_callbacks of_person = viewer_callbacks;
    struct world *w;

    memset(&of_server, 0, sizeof of_server);
    memset(&of_viewer, 0, sizeof of_viewer);
    of_app.keys = on_server_keys;
    of_person.keys = on_viewer_keys;
    w = world_of((struct fh_server_config){
        .identity = server_identity, .callbacks = &of_app, .name = "desk", .program = "test 1"});
    callbacks_of_viewer = &of_person;
    listen_tcp(w);
    connect_tcp(w);
    RUN_UNTIL(w, w->v_updates > 0);
    ck_assert_uint_eq(of_server.n, 1);
    ck_assert_uint_eq(of_viewer.n, 1);
    ck_assert_mem_eq(of_server.client, of_viewer.client, sizeof of_server.client);
    ck_assert_mem_eq(of_server.server, of_viewer.server, sizeof of_server.server);
    /* The server has waited for long enough for the viewer to renew them, and asks for it. */
    skew += 63 * 60 * 1000;
    on_timer(&w->session->carrier.timer);
    RUN_UNTIL(w, of_server.n == 2 && of_viewer.n == 2);
    ck_assert_mem_eq(of_server.client, of_viewer.client, sizeof of_server.client);
    ck_assert_mem_eq(of_server.server, of_viewer.server, sizeof of_server.server);
    world_free(w);
    callbacks_of_viewer = &viewer_callbacks;
}
END_TEST

START_TEST(a_session_runs_over_a_stream)
{
    struct world *w = connected(_i);
    const struct fh_rect all = {.x = 0, .y = 0, .w = 64, .h = 48};
    const struct fh_framebuffer *fb;
    unsigned updates;

    RUN_UNTIL(w, w->v_updates > 0);
    ck_assert_uint_eq(w->requests, 1);
    ck_assert_uint_eq(w->auths, 1);
    ck_assert_uint_eq(w->started, 1);
    ck_assert_uint_eq(fh_server_count(w->server), 1);
    fb = fh_viewer_conn_framebuffer(fh_viewer_conn(w->viewer));
    ck_assert_int_eq(fb->width, 64);
    ck_assert_str_eq(fh_viewer_conn_name(fh_viewer_conn(w->viewer)), "desk");

    ck_assert_int_eq(fh_viewer_conn_key(fh_viewer_conn(w->viewer), 0x61, 0, true), 0);
    fh_viewer_flush(w->viewer);
    RUN_UNTIL(w, w->keys == 1);
    RUN_UNTIL(w, w->wanted > 0 && fh_server_is_wanted(w->server));
    updates = w->v_updates;
    memset(w->px, 0x40, sizeof w->px);
    fh_server_damage(w->server, &all);
    RUN_UNTIL(w, w->v_updates > updates);

    fh_session_disconnect(w->session, FH_BYE_REPLACED, true);
    RUN_UNTIL(w, w->v_ended == 1 && w->ended == 1);
    ck_assert_uint_eq(w->keys, 2); /* released */
    ck_assert_int_eq(w->reason, FH_BYE_REPLACED);
    ck_assert_int_eq(w->v_end.ended.reason, FH_BYE_REPLACED);
    ck_assert(w->v_end.ended.confirmed && w->v_end.ended.may_reconnect);
    ck_assert_uint_eq(fh_server_count(w->server), 0);
    world_free(w);
}
END_TEST

/* _i: 0 by our worker, 1 by the application. */
START_TEST(the_next_key_is_told_in_the_session)
{
    struct fh_server_config cfg = {.identity = server_identity,
                                   .next_identity = next_identity,
                                   .callbacks = &server_callbacks,
                                   .name = "desk"};
    struct world *w;

    if (_i == 1) {
        cfg.identity = cfg.next_identity = NULL;
        cfg.spki = fh_identity_spki(server_identity, &cfg.spki_len);
        cfg.callbacks = &signing_callbacks;
    }
    callbacks_of_viewer = &recording_callbacks;
    w = world_of(cfg);
    connect_pipe(w);
    RUN_UNTIL(w, w->v_updates > 0);
    ck_assert_uint_eq(w->v_rotations, 1);
    ck_assert_uint_eq(w->v_started, 1);
    ck_assert_uint_eq(w->signs, (unsigned)_i);
    ck_assert_uint_eq(w->rotates, (unsigned)_i);
    fh_session_disconnect(w->session, FH_BYE_SERVER, false);
    RUN_UNTIL(w, w->v_ended == 1);
    ck_assert_uint_eq(w->v_audits, 4);
    world_free(w);
    callbacks_of_viewer = &viewer_callbacks;
}
END_TEST

/* The session is gone when the signatures are there. */
START_TEST(a_session_may_go_away_while_the_next_key_is_signed_for)
{
    struct world *w = world_of((struct fh_server_config){.identity = server_identity,
                                                         .next_identity = next_identity,
                                                         .callbacks = &server_callbacks});

    connect_pipe(w);
    RUN_UNTIL(w, w->auths == 1);
    if (_i == 0)
        fh_session_disconnect(w->session, FH_BYE_SERVER, false);
    else if (_i == 1)
        fh_server_close(w->server, FH_BYE_SHUTDOWN, on_server_gone);
    else
        fh_viewer_close(w->viewer, on_viewer_gone);
    RUN_UNTIL(w, w->ended == 1);
    ck_assert_uint_le(w->started, 1); /* the signatures may have been there first */
    world_free(w);
}
END_TEST

START_TEST(closing_the_viewer_ends_the_session)
{
    struct world *w = connected(_i);

    RUN_UNTIL(w, w->v_updates > 0);
    fh_viewer_close(w->viewer, on_viewer_gone);
    RUN_UNTIL(w, w->viewer_closed && w->ended == 1);
    ck_assert_int_eq(w->reason, FH_BYE_NORMAL);
    ck_assert_uint_eq(w->v_ended, 0);
    w->viewer = NULL;
    world_free(w);
}
END_TEST

START_TEST(closing_the_server_tells_the_viewers)
{
    struct world *w = connected(_i);

    RUN_UNTIL(w, w->v_updates > 0);
    fh_server_close(w->server, FH_BYE_SHUTDOWN, on_server_gone);
    RUN_UNTIL(w, w->server_closed && w->v_ended == 1);
    ck_assert_int_eq(w->v_end.ended.reason, FH_BYE_SHUTDOWN);
    ck_assert_int_eq(w->reason, FH_BYE_SHUTDOWN);
    if (w->listener)
        fh_tcp_listener_close(w->listener, on_listener_gone, w);
    fh_viewer_close(w->viewer, on_viewer_gone);
    RUN_UNTIL(w, w->viewer_closed && (!w->listener || w->listener_closed));
    uv_close((uv_handle_t *)&w->limit, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&w->loop), 0);
    fh_pipe_free(w->pipe);
    free(w);
}
END_TEST

/* After _i turns of the loop, whatever state that is: everything is released. */
START_TEST(everything_closes_in_every_state)
{
    struct world *w = connected(_i & 1);

    for (int i = 0; i < _i / 2 && w->v_updates == 0; i++)
        turn(w);
    world_free(w);
}
END_TEST

/* Keeps the pool's only thread busy, so that a signature waits for as long as a test wants. */
struct blocker {
    uv_work_t work;
    uv_sem_t go_on;
    bool is_over;
};

static void on_blocked(uv_work_t *work)
{
    uv_sem_wait(&((struct blocker *)work->data)->go_on);
}

static void on_unblocked(uv_work_t *work, int status)
{
    (void)status;
    ((struct blocker *)work->data)->is_over = true;
}

static void block_pool(struct world *w, struct blocker *b)
{
    *b = (struct blocker){.work.data = b};
    ck_assert_int_eq(uv_sem_init(&b->go_on, 0), 0);
    ck_assert_int_eq(uv_queue_work(&w->loop, &b->work, on_blocked, on_unblocked), 0);
}

/* A session whose signature is asked for and cannot be made yet. */
static struct world *waiting_for_signature(struct blocker *b)
{
    struct world *w = world_new();

    block_pool(w, b);
    connect_pipe(w);
    RUN_UNTIL(w, w->server->job.is_running);
    return w;
}

/* _i: over what, from where, what. */
START_TEST(everything_may_be_closed_from_every_callback)
{
    struct world *w = connected(_i % 2);
    unsigned where = (unsigned)_i / 2 % PLACES;
    bool has_typed = false;

    w->closes_in = (enum place)where;
    w->closes = (unsigned)_i / 2 / PLACES;
    while (!w->has_closed && w->v_ended == 0) {
        turn(w);
        if (w->v_updates > 0 && !has_typed) {
            (void)fh_viewer_conn_key(fh_viewer_conn(w->viewer), 0x61, 0, true);
            fh_viewer_flush(w->viewer);
            has_typed = true;
        }
        if (w->keys > 0 && (where == IN_NOTHING || where == IN_ENDED) && w->session)
            fh_session_disconnect(w->session, FH_BYE_SERVER, false);
    }
    world_free(w);
}
END_TEST

/* Who answers twice gets nothing for the second answer, and gives up no half-open place. */
START_TEST(an_answer_that_nobody_asked_for_admits_nobody)
{
    struct world *w = world_new();

    w->answers_auth = false;
    connect_pipe(w);
    RUN_UNTIL(w, w->auths == 1);
    fh_session_authenticated(w->session, 0);
    fh_session_authenticated(w->session, FH_PERM_ALL);
    ck_assert(!w->session->is_authenticated);
    RUN_UNTIL(w, w->v_ended == 1 && w->ended == 1);
    ck_assert_uint_eq(w->started, 0);
    world_free(w);
}
END_TEST

START_TEST(a_server_closes_while_it_signs)
{
    struct blocker b;
    struct world *w = waiting_for_signature(&b);

    ck_assert_ptr_nonnull(w->server->job.session);
    /* Whatever the pool does now, the loop hears of it after the server has begun to close. */
    uv_sem_post(&b.go_on);
    world_free(w);
    ck_assert(b.is_over);
    uv_sem_destroy(&b.go_on);
}
END_TEST

START_TEST(a_session_that_went_away_is_not_signed_for)
{
    struct blocker b;
    struct world *w = waiting_for_signature(&b);

    fh_pipe_cut(w->pipe);
    RUN_UNTIL(w, w->ended == 1 && !w->server->first);
    ck_assert_int_eq(w->reason, FH_BYE_LOST);
    ck_assert(w->server->job.is_running);
    uv_sem_post(&b.go_on);
    RUN_UNTIL(w, !w->server->job.is_running && b.is_over);
    world_free(w);
    uv_sem_destroy(&b.go_on);
}
END_TEST

START_TEST(the_application_may_refuse_before_a_byte_is_answered)
{
    struct world *w = world_new();

    w->refuses_request = true;
    connect_pipe(w);
    RUN_UNTIL(w, w->v_ended == 1);
    ck_assert_uint_eq(w->requests, 1);
    ck_assert_uint_eq(w->ended, 0);
    ck_assert_uint_eq(w->audits, 1);
    ck_assert_int_eq(w->v_end.ended.reason, FH_BYE_LOST);
    world_free(w);
}
END_TEST

START_TEST(an_answer_may_come_late_or_never)
{
    struct world *w = world_new();

    w->answers_auth = false;
    connect_pipe(w);
    RUN_UNTIL(w, w->auths == 1);
    ck_assert_uint_eq(w->v_started, 0);
    fh_session_authenticated(w->session, FH_PERM_VIEW);
    RUN_UNTIL(w, w->v_updates > 0);
    world_free(w);

    w = world_new();
    w->answers_auth = false;
    connect_pipe(w);
    RUN_UNTIL(w, w->auths == 1);
    skew += FH_SERVER_AUTH_MS;
    fh__carrier_soon(&w->session->carrier);
    RUN_UNTIL(w, w->ended == 1 && w->v_ended == 1);
    ck_assert_int_eq(w->reason, FH_BYE_TIMEOUT);
    world_free(w);
}
END_TEST

START_TEST(a_cut_stream_is_told_as_lost)
{
    struct world *w = connected(1);

    RUN_UNTIL(w, w->v_updates > 0);
    fh_pipe_cut(w->pipe);
    RUN_UNTIL(w, w->ended == 1 && w->v_ended == 1);
    ck_assert_int_eq(w->reason, FH_BYE_LOST);
    ck_assert_int_eq(w->v_end.ended.reason, FH_BYE_LOST);
    ck_assert_int_eq(w->v_end.ended.error, FH_CRYPTO_E_TRUNCATED);
    world_free(w);
}
END_TEST

START_TEST(an_idle_session_wakes_nobody)
{
    struct world *w = connected(0);
    int timeout;

    RUN_UNTIL(w, w->v_updates > 0);
    for (int i = 0; i < 3; i++) /* what the last turn asked for */
        uv_run(&w->loop, UV_RUN_NOWAIT);
    timeout = uv_backend_timeout(&w->loop);
    ck_assert_int_gt(timeout, 1000);
    world_free(w);
}
END_TEST

/* ---- connections that only come ---- */

struct crowd {
    uv_tcp_t tcp[PEERS_MAX];
    uv_connect_t req[PEERS_MAX];
    unsigned n, connected, closed;
    bool stays; /* does not close when the server does */
    char buf[64];
};

static void on_alloc_crowd(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct crowd *c = handle->data;

    (void)suggested;
    *buf = uv_buf_init(c->buf, sizeof c->buf);
}

static void on_crowd_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    ck_assert_int_lt(n, 1); /* nothing is answered to who says nothing */
    if (n < 0) {
        struct crowd *c = stream->data;

        c->closed++;
        if (c->stays)
            uv_read_stop(stream);
        else
            uv_close((uv_handle_t *)stream, NULL);
    }
}

static void on_crowd_connect(uv_connect_t *req, int status)
{
    struct crowd *c = req->handle->data;

    ck_assert_int_eq(status, 0);
    c->connected++;
    uv_read_start(req->handle, on_alloc_crowd, on_crowd_read);
}

static void crowd_come(struct world *w, struct crowd *c, unsigned n)
{
    struct sockaddr_in to;

    uv_ip4_addr("127.0.0.1", w->address.port, &to);
    for (c->n = 0; c->n < n; c->n++) {
        uv_tcp_init(&w->loop, &c->tcp[c->n]);
        c->tcp[c->n].data = c;
        ck_assert_int_eq(uv_tcp_connect(&c->req[c->n], &c->tcp[c->n], (const struct sockaddr *)&to,
                                        on_crowd_connect),
                         0);
    }
}

static void crowd_go(struct crowd *c)
{
    for (unsigned i = 0; i < c->n; i++)
        if (!uv_is_closing((uv_handle_t *)&c->tcp[i]))
            uv_close((uv_handle_t *)&c->tcp[i], NULL);
}

static unsigned count_sessions(const struct world *w)
{
    unsigned n = 0;

    for (const struct fh_session *s = w->server->first; s; s = s->next)
        n++;
    return n;
}

START_TEST(one_address_has_eight_half_open_connections)
{
    struct world *w = world_new();
    static struct crowd c;

    memset(&c, 0, sizeof c);
    c.stays = true;
    listen_tcp(w);
    crowd_come(w, &c, 11);
    RUN_UNTIL(w, c.closed == 3);
    RUN_UNTIL(w, w->requests == 8);
    ck_assert_uint_eq(w->refused_busy, 3);
    /* Those that were refused cost nothing more, though they stay at their end. */
    ck_assert_uint_eq(count_sessions(w), 8);
    crowd_go(&c);
    RUN_UNTIL(w, w->ended == 8);
    ck_assert_ptr_null(w->session);
    world_free(w);
}
END_TEST

/* Pipes have no address: the limit of all is reached. */
START_TEST(there_are_thirty_two_half_open_connections)
{
    struct world *w = world_new();
    struct fh_pipe *pipes[33];

    for (unsigned i = 0; i < 33; i++) {
        pipes[i] = fh_pipe_new(NULL);
        ck_assert_int_eq(fh_server_accept(w->server, fh_pipe_end(pipes[i], 1)), 0);
    }
    RUN_UNTIL(w, w->refused_busy == 1);
    ck_assert_uint_eq(w->requests, 32);
    for (unsigned i = 0; i < 33; i++)
        fh_pipe_cut(pipes[i]);
    while (w->ended < 32 || w->server->first) {
        for (unsigned i = 0; i < 33; i++)
            (void)fh_pipe_run(pipes[i]);
        uv_run(&w->loop, UV_RUN_NOWAIT);
    }
    world_free(w);
    for (unsigned i = 0; i < 33; i++)
        fh_pipe_free(pipes[i]);
}
END_TEST

START_TEST(who_sends_a_byte_now_and_then_is_closed_at_the_deadline)
{
    struct world *w = world_new();
    struct fh_pipe *pipe = fh_pipe_new(NULL);
    static const uint8_t hello[] = "FARHAND 001\n";

    ck_assert_int_eq(fh_server_accept(w->server, fh_pipe_end(pipe, 1)), 0);
    for (unsigned i = 0; i < 100 && w->ended == 0; i++) {
        skew += 700;
        (void)fh_pipe_inject(pipe, 0, &hello[i % 12], 1);
        (void)fh_pipe_run(pipe);
        uv_run(&w->loop, UV_RUN_NOWAIT);
        ck_assert_uint_lt(i, 10);
    }
    ck_assert_int_eq(w->reason, FH_BYE_TIMEOUT);
    ck_assert_uint_eq(w->timeouts, 1);
    while (w->server->first) {
        (void)fh_pipe_run(pipe);
        uv_run(&w->loop, UV_RUN_NOWAIT);
    }
    world_free(w);
    fh_pipe_free(pipe);
}
END_TEST

START_TEST(a_slow_viewer_stops_the_server_from_sending)
{
    struct world *w = world_new();
    struct fh_pipe_config cfg = {.buffer_len = 4096};
    const struct fh_rect all = {.x = 0, .y = 0, .w = 64, .h = 48};
    unsigned updates;

    new_viewer(w);
    w->pipe = fh_pipe_new(&cfg);
    ck_assert_int_eq(fh_viewer_connect(w->viewer, fh_pipe_end(w->pipe, 0)), 0);
    ck_assert_int_eq(fh_server_accept(w->server, fh_pipe_end(w->pipe, 1)), 0);
    RUN_UNTIL(w, w->v_updates > 0);
    updates = w->v_updates;
    for (unsigned k = 0; k < 50; k++) {
        for (size_t i = 0; i < 64 * 48; i++)
            w->px[i] = (uint32_t)(i * 2654435761u + k) & 0xffffff;
        fh_server_damage(w->server, &all);
        uv_run(&w->loop, UV_RUN_NOWAIT); /* and the pipe stands still */
    }
    ck_assert_uint_eq(w->v_updates, updates);
    ck_assert(w->session->carrier.is_full);
    RUN_UNTIL(w, w->v_updates > updates);
    world_free(w);
}
END_TEST

/* The old picture may be freed after the call, whatever it returned. */
START_TEST(a_session_that_cannot_take_the_new_picture_ends)
{
    struct world *w = connected(1);
    const struct fh_rect all = {.x = 0, .y = 0, .w = 64, .h = 48};
    const struct fh_screen twice[] = {{.id = 1, .w = 64, .h = 48}, {.id = 1, .w = 64, .h = 48}};
    struct fh_framebuffer old = w->fb;

    old.px = calloc(64 * 48, sizeof *old.px);
    ck_assert_ptr_nonnull(old.px);
    RUN_UNTIL(w, w->v_updates > 0);
    ck_assert_int_eq(fh_server_screen(w->server, &old, NULL, 0), 0);
    RUN_UNTIL(w, w->wanted > 0);
    ck_assert_int_ne(fh_server_screen(w->server, &w->fb, twice, 2), 0);
    free(old.px);
    fh_server_damage(w->server, &all);
    RUN_UNTIL(w, w->ended == 1 && w->v_ended == 1);
    ck_assert_int_eq(w->reason, FH_BYE_INTERNAL);
    world_free(w);
}
END_TEST

static void free_identities(void)
{
    fh_identity_free(server_identity);
    fh_identity_free(viewer_identity);
    fh_identity_free(next_identity);
}

int main(void)
{
    Suite *suite = suite_create("server_uv");
    TCase *tc = tcase_create("server_uv");
    SRunner *runner;
    int failed;

    setenv("UV_THREADPOOL_SIZE", "1", 1);
    if (fh_identity_generate(2048, fh_random_system, NULL, &server_identity) != 0 ||
        fh_identity_generate(2048, fh_random_system, NULL, &viewer_identity) != 0 ||
        fh_identity_generate(2048, fh_random_system, NULL, &next_identity) != 0)
        return 1;
    tcase_add_checked_fixture(tc, NULL, free_identities);
    tcase_add_test(tc, both_ends_are_told_the_same_keys_at_first_and_after_a_rekey);
    tcase_add_loop_test(tc, a_session_runs_over_a_stream, 0, 2);
    tcase_add_loop_test(tc, the_next_key_is_told_in_the_session, 0, 2);
    tcase_add_loop_test(tc, a_session_may_go_away_while_the_next_key_is_signed_for, 0, 3);
    tcase_add_loop_test(tc, closing_the_viewer_ends_the_session, 0, 2);
    tcase_add_loop_test(tc, closing_the_server_tells_the_viewers, 0, 2);
    tcase_add_loop_test(tc, everything_closes_in_every_state, 0, 60);
    tcase_add_loop_test(tc, everything_may_be_closed_from_every_callback, 0, 2 * PLACES * CLOSINGS);
    tcase_add_test(tc, an_answer_that_nobody_asked_for_admits_nobody);
    tcase_add_test(tc, a_server_closes_while_it_signs);
    tcase_add_test(tc, a_session_that_went_away_is_not_signed_for);
    tcase_add_test(tc, the_application_may_refuse_before_a_byte_is_answered);
    tcase_add_test(tc, an_answer_may_come_late_or_never);
    tcase_add_test(tc, a_cut_stream_is_told_as_lost);
    tcase_add_test(tc, an_idle_session_wakes_nobody);
    tcase_add_test(tc, one_address_has_eight_half_open_connections);
    tcase_add_test(tc, there_are_thirty_two_half_open_connections);
    tcase_add_test(tc, who_sends_a_byte_now_and_then_is_closed_at_the_deadline);
    tcase_add_test(tc, a_slow_viewer_stops_the_server_from_sending);
    tcase_add_test(tc, a_session_that_cannot_take_the_new_picture_ends);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free_identities();
    return failed != 0;
}
