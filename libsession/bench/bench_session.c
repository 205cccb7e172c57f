/* SPDX-License-Identifier: MIT */
/*
 * bench_session.c -- what a session costs: flights and time to the first picture over the in-memory
 * pipe, and wake-ups of the loop while a session is idle before a still screen.
 *
 *     bench: NAME value=V unit=U peer=NAME:V ratio=R goal=G ok|short
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/framebuffer.h>
#include <farhand/identity.h>
#include <farhand/identity_uv.h>
#include <farhand/pipe.h>
#include <farhand/server.h>
#include <farhand/viewer.h>

enum { WIDTH = 320, HEIGHT = 200, IDLE_MS = 5000 };

static uint32_t px[WIDTH * HEIGHT];
static const struct fh_framebuffer picture = {
    .px = px, .width = WIDTH, .height = HEIGHT, .stride_px = WIDTH};
static struct fh_server *server;
static struct fh_viewer *viewer;
static struct fh_pipe *wire;
static unsigned updates, wakeups;
static uint64_t flights; /* of the viewer, before the first picture */
static bool is_idle_over;

static void fail(const char *what)
{
    fprintf(stderr, "bench_session: %s\n", what);
    exit(1);
}

static void report(const char *name, double value, const char *unit, const char *peer,
                   double peer_value, double goal)
{
    double ratio = peer_value > 0 ? value / peer_value : value;

    printf("bench: %s value=%.4g unit=%s peer=%s:%.4g ratio=%.3f goal=%.2f %s\n", name, value, unit,
           peer, peer_value, ratio, goal, ratio <= goal ? "ok" : "short");
}

static void on_authenticate(void *user, struct fh_session *s, const struct fh_credentials *c)
{
    (void)user;
    (void)c;
    fh_session_authenticated(s, FH_PERM_ALL);
}

static enum fh_trust on_verify(void *user, const struct fh_viewer_conn_event *ev)
{
    (void)user;
    (void)ev;
    return FH_TRUST_CONFIRMED;
}

static void on_event(void *user, const struct fh_viewer_conn_event *ev)
{
    (void)user;
    if (ev->type == FH_VIEWER_CONN_EV_UPDATE && updates++ == 0)
        flights = fh_pipe_flights(wire, 0);
}

static const struct fh_server_callbacks server_callbacks = {.authenticate = on_authenticate};
static const struct fh_viewer_callbacks viewer_callbacks = {.verify_server = on_verify,
                                                            .event = on_event};

/* After each turn of the loop; the pipe moves between them. */
static void on_check(uv_check_t *check)
{
    (void)check;
    wakeups++;
}

static void on_idle_over(uv_timer_t *timer)
{
    (void)timer;
    is_idle_over = true;
}

static void start(uv_loop_t *loop, const struct fh_identity *s, const struct fh_identity *v)
{
    const struct fh_server_config scfg = {
        .loop = loop, .identity = s, .callbacks = &server_callbacks, .name = "bench"};
    const struct fh_viewer_config vcfg = {
        .loop = loop,
        .identity = v,
        .callbacks = &viewer_callbacks,
        .conn = {.user = "ann", .password = "secret", .password_len = 6}};

    if (fh_server_new(&scfg, &server) != 0 || fh_viewer_new(&vcfg, &viewer) != 0 ||
        fh_server_screen(server, &picture, NULL, 0) != 0 || !(wire = fh_pipe_new(NULL)) ||
        fh_viewer_connect(viewer, fh_pipe_end(wire, 0)) != 0 ||
        fh_server_accept(server, fh_pipe_end(wire, 1)) != 0)
        fail("cannot start");
}

/* All that the ends have to say crosses, and the loop turns once without waiting. */
static void turn(uv_loop_t *loop)
{
    while (fh_pipe_step(wire, SIZE_MAX))
        ;
    uv_run(loop, UV_RUN_NOWAIT);
}

static void picture_time(uv_loop_t *loop, const struct fh_identity *s, const struct fh_identity *v)
{
    uint64_t begin = uv_hrtime(), end;
    uint8_t th[FH_TRANSCRIPT_HASH_LEN] = {0}, sig[FH_SIGNATURE_MAX];
    size_t len;
    double bare;

    start(loop, s, v);
    while (updates == 0)
        turn(loop);
    end = uv_hrtime();
    /* Each time that the viewer speaks and waits. The server's flight leaves in two parts, since
     * ServerHello does not wait for the signature; that costs no round trip. */
    report("session-first-picture-round-trips", (double)flights, "trips", "stream", 1, 2);
    bare = (double)uv_hrtime();
    if (fh_identity_sign(s, FH_ROLE_SERVER, th, fh_random_system, NULL, sig, &len) != 0 ||
        fh_identity_sign(v, FH_ROLE_CLIENT, th, fh_random_system, NULL, sig, &len) != 0)
        fail("cannot sign");
    bare = (double)uv_hrtime() - bare;
    report("session-first-picture-time", (double)(end - begin) / 1e6, "ms", "two-signatures",
           bare / 1e6, 5);
}

static void idle_wakeups(uv_loop_t *loop)
{
    static uv_check_t check; /* closed by the loop's later turns */
    static uv_timer_t timer;
    unsigned before;

    for (unsigned i = 0; i < 20; i++)
        turn(loop);
    uv_check_init(loop, &check);
    uv_timer_init(loop, &timer);
    uv_check_start(&check, on_check);
    uv_timer_start(&timer, on_idle_over, IDLE_MS, 0);
    before = wakeups;
    while (!is_idle_over) {
        while (fh_pipe_step(wire, SIZE_MAX))
            ;
        uv_run(loop, UV_RUN_ONCE);
    }
    /* One turn is the timer's that ends the measurement. */
    report("session-idle-wakeups", (double)(wakeups - before - 1) * 1000 / IDLE_MS, "1/s",
           "1-Hz-timer", 1, 0);
    uv_close((uv_handle_t *)&check, NULL);
    uv_close((uv_handle_t *)&timer, NULL);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    struct fh_identity *s = NULL, *v = NULL;

    signal(SIGPIPE, SIG_IGN);
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
        px[i] = i / 64 % 2 ? 0xffffff : i % WIDTH;
    if (fh_identity_generate(3072, fh_random_system, NULL, &s) != 0 ||
        fh_identity_generate(3072, fh_random_system, NULL, &v) != 0)
        fail("cannot make identities");
    picture_time(loop, s, v);
    idle_wakeups(loop);
    fh_viewer_close(viewer, NULL);
    fh_server_close(server, FH_BYE_SHUTDOWN, NULL);
    while (uv_loop_alive(loop))
        turn(loop);
    fh_pipe_free(wire);
    fh_identity_free(s);
    fh_identity_free(v);
    return 0;
}
