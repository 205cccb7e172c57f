/* SPDX-License-Identifier: MIT */
/*
 * carry -- joins a program on this machine with one behind another NAT, over the whole stack: a
 * link, SCTP, signed datagrams, ICE. Neither program knows.
 *
 *     carry near SOCKET SECRET [option]...     a viewer connects to unix:SOCKET, which it makes
 *     carry far SOCKET SECRET [option]...      it connects to a server's unix:SOCKET
 *
 * SECRET: 64 hexadecimal digits, the same at both ends. Options: ice_options.h. It reads lines:
 *
 *     open ID direct|relay RANK    a path, at both ends alike; the first one begins the link
 *     line ID TEXT                 what the other end said about that path
 *     info ID    link
 *
 * and writes one JSON object a line. At the end of its input it closes. The link's key is made of
 * SECRET here, because the channel that would export it runs in the programs at both ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/link_uv.h>
#include <farhand/path_uv.h>
#include <farhand/tcp.h>

#include "ice_options.h"

enum { LINE = 16384, PATHS = 16 };

/* One of the two streams that are joined: what comes from it goes to the other. */
struct end {
    struct fh_stream *s;
    struct end *other;
    bool is_held; /* it waits for room in the other */
    bool has_ended;
};

struct carried {
    struct fh_path *path;
    uint8_t rank;
    int id;
    struct fh_stream *looked_at; /* far: until its opening is known */
    struct fh_link_opening opening;
};

static struct {
    uv_loop_t loop;
    uv_pipe_t in;
    bool is_near, is_closing;
    const char *socket;
    uint8_t secret[FH_GUARD_SECRET_LEN];
    struct ice_options options;
    struct fh_tcp_listener *listener;
    struct fh_link_uv *link;
    struct end top, local; /* the link's stream, and the program's */
    struct carried paths[PATHS];
    char line[LINE];
    size_t len;
} app;

static void fail(const char *what)
{
    fprintf(stderr, "carry: %s\n", what);
    exit(2);
}

static struct fh_link *the_link(void)
{
    return fh_link_uv_link(app.link);
}

/* ---- two streams joined ---------------------------------------------------------------------- */

static void end_both(void)
{
    struct end *ends[] = {&app.top, &app.local};

    for (int i = 0; i < 2; i++) {
        struct fh_stream *s = ends[i]->s;

        ends[i]->s = NULL;
        if (!s)
            continue;
        fh_stream_shutdown(s);
        fh_stream_close(s, NULL, NULL);
    }
    app.link = NULL;
    for (int i = 0; i < PATHS; i++) /* those that no stream was made of yet */
        if (app.paths[i].path)
            fh_path_close(app.paths[i].path);
    printf("{\"ended\": true}\n");
    if (app.listener)
        fh_tcp_listener_resume(app.listener);
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct end *e = user;
    int n = e->other->s ? fh_stream_write(e->other->s, data, len) : 0;

    if (n < 0)
        n = (int)len; /* the other is broken, and is about to say so */
    e->is_held = (size_t)n < len;
    return (size_t)n;
}

static void on_writable(void *user)
{
    struct end *e = user;

    if (e->other->is_held && e->other->s)
        fh_stream_resume(e->other->s);
}

static void on_end(void *user, int error)
{
    struct end *e = user;

    if (error)
        printf("{\"broken\": \"%s\", \"why\": \"%s\"}\n", e == &app.top ? "link" : "local",
               fh_transport_strerror(error));
    e->has_ended = true;
    if (error || e->other->has_ended)
        end_both();
    else if (e->other->s)
        fh_stream_shutdown(e->other->s);
}

static const struct fh_stream_events joined = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void join(struct end *e, struct fh_stream *s)
{
    e->s = s;
    fh_stream_attach(s, &joined, e);
    if (e->other->is_held)
        fh_stream_resume(e->other->s);
}

/* ---- the link -------------------------------------------------------------------------------- */

static void on_link_event(void *user, const struct fh_link_event *ev)
{
    static const char *const names[] = {"detached", "attached", "failed", "moved"};

    (void)user;
    printf("{\"link\": \"%s\", \"why\": \"%s\"}\n", names[ev->type],
           fh_transport_strerror(ev->error));
}

static void make_link(void)
{
    const struct fh_link_uv_config cfg = {
        .side = app.is_near ? FH_LINK_CLIENT : FH_LINK_SERVER,
        /* Shorter than a product's, so that a test sees the end of a path in a few seconds. */
        .times = {.beat_ms = 500, .dead_ms = 3000},
        .event = on_link_event};

    app.top = (struct end){.other = &app.local};
    app.local = (struct end){.other = &app.top};
    if (fh_link_uv_new(&app.loop, &cfg, &app.link) != 0)
        fail("no link");
    join(&app.top, fh_link_stream(the_link()));
}

static void secure(void)
{
    uint8_t key[FH_LINK_KEY_LEN], ref[FH_LINK_REF_LEN];

    for (size_t i = 0; i < sizeof key; i++)
        key[i] = app.secret[i] ^ 'k';
    for (size_t i = 0; i < sizeof ref; i++)
        ref[i] = app.secret[i] ^ 'r';
    fh_link_secure(the_link(), key, ref);
}

/* ---- near: a program connects, and the first path begins the link ---------------------------- */

static void on_accept(void *user, struct fh_stream *s)
{
    (void)user;
    make_link();
    join(&app.local, s);
    fh_tcp_listener_pause(app.listener);
    printf("{\"accepted\": true}\n");
}

static void go_on(struct carried *c, struct fh_stream *s)
{
    int ret;

    if (!app.link) {
        fh_stream_close(s, NULL, NULL);
        return;
    }
    if (fh_link_ref(the_link())) {
        ret = fh_link_attach(the_link(), s, c->rank);
    } else {
        ret = fh_link_begin(the_link(), s, NULL);
        secure();
    }
    if (ret != 0)
        fail(fh_transport_strerror(ret));
}

/* ---- far: what the first bytes of a path say ------------------------------------------------- */

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    if (error)
        fail(text);
    join(&app.local, s);
}

static void begin_far(struct carried *c, struct fh_stream *s)
{
    const struct fh_tcp_connect_config cfg = {.done = on_connected};
    struct fh_target to = {.kind = FH_TARGET_UNIX};

    if (app.link)
        fail("a second link");
    make_link();
    if (fh_link_begin(the_link(), s, &c->opening) != 0)
        fail("no beginning");
    secure();
    strncpy(to.name, app.socket, sizeof to.name - 1);
    if (fh_tcp_connect(&app.loop, &to, &cfg, NULL) != 0)
        fail("cannot connect to the server");
}

static size_t on_look(void *user, const uint8_t *data, size_t len)
{
    struct carried *c = user;
    size_t taken;
    enum fh_link_kind kind = fh_link_look(&c->opening, data, len, &taken);
    struct fh_stream *s = c->looked_at;

    if (kind == FH_LINK_MORE)
        return taken;
    c->looked_at = NULL;
    if (kind == FH_LINK_NEW)
        begin_far(c, s);
    else if (kind == FH_LINK_RESUME && app.link)
        printf("{\"accept\": %d}\n", fh_link_accept(the_link(), s, &c->opening));
    else
        fh_stream_close(s, NULL, NULL);
    return taken;
}

static void on_look_writable(void *user)
{
    (void)user;
}

static void on_look_end(void *user, int error)
{
    struct carried *c = user;

    (void)error;
    fh_stream_close(c->looked_at, NULL, NULL);
    c->looked_at = NULL;
}

static const struct fh_stream_events looking = {
    .data = on_look, .writable = on_look_writable, .end = on_look_end};

/* ---- paths ----------------------------------------------------------------------------------- */

static void on_signal(void *user, const char *line, size_t len)
{
    (void)len;
    printf("{\"line\": %d, \"text\": \"%s\"}\n", ((struct carried *)user)->id, line);
}

static void on_opened(void *user, struct fh_stream *s, int error)
{
    struct carried *c = user;

    printf("{\"opened\": %d, \"why\": \"%s\"}\n", c->id, fh_cloud_strerror(error));
    if (!s)
        return;
    if (app.is_near) {
        go_on(c, s);
        return;
    }
    memset(&c->opening, 0, sizeof c->opening);
    c->looked_at = s;
    fh_stream_attach(s, &looking, c);
}

static void print_info(const char *what, int id, const struct fh_path_info *i)
{
    static const char *const types[] = {"host", "srflx", "prflx", "relay"};
    char peer[FH_ADDRESS_TEXT];

    fh_address_print(&i->peer, peer, sizeof peer);
    printf("{\"%s\": %d, \"known\": %d, \"types\": [\"%s\", \"%s\"], \"relayed\": %d, \"peer\": "
           "\"%s\", \"rtt_us\": %u, \"datagram\": %u, \"sent\": %llu, \"resent\": %llu, \"came\": "
           "%llu, "
           "\"forged\": %llu, \"foreign\": %llu}\n",
           what, id, i->is_known, types[i->local_type], types[i->remote_type], i->is_relayed, peer,
           i->rtt_us, i->sctp.datagram, (unsigned long long)i->sctp.sent,
           (unsigned long long)i->sctp.resent, (unsigned long long)i->guard.opened,
           (unsigned long long)i->guard.forged, (unsigned long long)i->guard.foreign);
}

static void on_changed(void *user, const struct fh_path_info *info)
{
    print_info("changed", ((struct carried *)user)->id, info);
}

static void on_closed(void *user)
{
    struct carried *c = user;

    printf("{\"closed\": %d}\n", c->id);
    c->path = NULL;
}

static void open_path(int id, bool is_relay, int rank)
{
    struct carried *c = &app.paths[id];
    struct fh_ice_uv_config ice = {.ta_ms = 20};
    const struct fh_path_config cfg = {.ice = &ice,
                                       .role = app.is_near ? FH_ROLE_CLIENT : FH_ROLE_SERVER,
                                       .secret = app.secret,
                                       .signal = on_signal,
                                       .opened = on_opened,
                                       .changed = on_changed,
                                       .closed = on_closed,
                                       .user = c};

    if (c->path)
        fail("that path is open");
    c->id = id;
    c->rank = (uint8_t)rank;
    ice_options_apply(&app.options, &ice);
    if (is_relay)
        ice.policy = FH_ICE_POLICY_RELAY;
    else
        ice.turn_len = 0;
    if (fh_path_new(&app.loop, &cfg, &c->path) != 0)
        fail("no path");
}

/* ---- what it is told ------------------------------------------------------------------------- */

static void close_all(void)
{
    if (app.is_closing)
        return;
    app.is_closing = true;
    if (app.link)
        end_both();
    for (int i = 0; i < PATHS; i++)
        if (app.paths[i].path)
            fh_path_close(app.paths[i].path);
    if (app.listener)
        fh_tcp_listener_close(app.listener, NULL, NULL);
    app.listener = NULL;
    uv_close((uv_handle_t *)&app.in, NULL);
}

static void show_link(void)
{
    struct fh_link_info i = {0};

    if (app.link)
        fh_link_info(the_link(), &i);
    printf("{\"paths\": %zu, \"kept\": %llu, \"sent\": %llu, \"resent\": %llu, \"attached\": "
           "%llu}\n",
           i.paths, (unsigned long long)i.kept, (unsigned long long)i.sent,
           (unsigned long long)i.resent, (unsigned long long)i.attached);
}

static void show_path(int id)
{
    struct fh_path_info info;

    if (!app.paths[id].path)
        return;
    fh_path_info(app.paths[id].path, &info);
    print_info("info", id, &info);
}

static void hear(int id, const char *text)
{
    int ret = app.paths[id].path ? fh_path_signal(app.paths[id].path, text, strlen(text)) : 0;

    if (ret != 0)
        printf("{\"refused\": %d, \"why\": \"%s\"}\n", id, fh_cloud_strerror(ret));
}

/* The next word of a line; what is behind it becomes the line. */
static const char *word(char **line)
{
    const char *begin = *line;
    size_t len = strcspn(*line, " ");

    *line += len;
    if (**line)
        *(*line)++ = '\0';
    return begin;
}

static void obey(char *line)
{
    const char *what = word(&line), *how;
    int id;

    if (strcmp(what, "link") == 0) {
        show_link();
        return;
    }
    id = (int)ice_options_number(word(&line), PATHS - 1);
    if (strcmp(what, "open") == 0) {
        how = word(&line);
        open_path(id, strcmp(how, "relay") == 0, (int)ice_options_number(word(&line), 255));
    } else if (strcmp(what, "line") == 0) {
        hear(id, line);
    } else if (strcmp(what, "info") == 0) {
        show_path(id);
    } else {
        fail("a line that means nothing");
    }
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)h;
    (void)suggested;
    *buf = uv_buf_init(app.line + app.len, (unsigned)(sizeof app.line - app.len));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    char *end;

    (void)s;
    (void)buf;
    if (n < 0) {
        close_all();
        return;
    }
    app.len += (size_t)n;
    while (!app.is_closing && (end = memchr(app.line, '\n', app.len))) {
        size_t used = (size_t)(end - app.line) + 1;

        *end = '\0';
        obey(app.line);
        memmove(app.line, app.line + used, app.len - used);
        app.len -= used;
    }
    if (app.len == sizeof app.line)
        fail("a line is too long");
}

static void listen_near(void)
{
    char address[256], why[256];
    const char *addresses[] = {address};
    const struct fh_tcp_listen_config cfg = {
        .addresses = addresses, .addresses_len = 1, .accept = on_accept};

    snprintf(address, sizeof address, "unix:%s", app.socket);
    if (fh_tcp_listen(&app.loop, &cfg, &app.listener, why, sizeof why) != 0)
        fail(why);
}

static void parse(int argc, char **argv)
{
    if (argc < 4 || strlen(argv[3]) != 2 * sizeof app.secret)
        fail("near|far SOCKET SECRET");
    app.is_near = strcmp(argv[1], "near") == 0;
    app.socket = argv[2];
    for (size_t i = 0; i < sizeof app.secret; i++) {
        const char digits[] = {argv[3][2 * i], argv[3][2 * i + 1], '\0'};
        char *end;

        app.secret[i] = (uint8_t)strtoul(digits, &end, 16);
        if (end != digits + 2)
            fail("SECRET is 64 hexadecimal digits");
    }
    for (int i = 4; i < argc; i++)
        if (!ice_options_take(&app.options, argc, argv, &i))
            fail("an unknown option");
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    uv_loop_init(&app.loop);
    uv_pipe_init(&app.loop, &app.in, 0);
    if (uv_pipe_open(&app.in, 0) != 0 ||
        uv_read_start((uv_stream_t *)&app.in, on_alloc, on_read) != 0)
        fail("standard input is no pipe");
    if (app.is_near)
        listen_near();
    printf("{\"ready\": true}\n");
    uv_run(&app.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&app.loop) != 0)
        fail("something is left in the loop");
    free(app.options.ca);
    return 0;
}
