/* SPDX-License-Identifier: MIT */
/*
 * ice_peer -- an agent on this machine's real sockets, driven by lines.
 *
 *     ice_peer controlling|controlled [option]...
 *
 *     --relay   only relayed addresses; and those of ice_options.h
 *
 * It writes one JSON object a line: a description (base64), a candidate, the end of them, each
 * state with the milliseconds since the start, each path, and what it received. It reads lines:
 * `description TEXT`, `candidate UFRAG TEXT`, `end`, `send N` (datagrams), `echo` (it sends back
 * what comes), `restart`, `close`. At the end of its input it closes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice_uv.h>

#include "base64.h"
#include "ice_options.h"

enum { LINE = 16384 };

static struct {
    uv_loop_t loop;
    uv_pipe_t in;
    struct fh_ice_uv *u;
    struct fh_ice_uv_config cfg;
    struct ice_options options;
    uint64_t start;
    char line[LINE];
    size_t len;
    unsigned received;
    bool echoes, closing;
} app;

static void fail(const char *what)
{
    fprintf(stderr, "ice_peer: %s\n", what);
    exit(2);
}

static unsigned long long since_start(void)
{
    return (unsigned long long)(uv_hrtime() / 1000000 - app.start);
}

/* ---- what it says --------------------------------------------------------------------------- */

static void on_description(void *user, const struct fh_ice_description *d)
{
    static char text[FH_ICE_DESCRIPTION_TEXT], coded[BASE64_LEN(FH_ICE_DESCRIPTION_TEXT) + 1];
    int n = fh_ice_description_print(d, text, sizeof text);

    (void)user;
    if (n < 0)
        fail("the description does not fit");
    base64_write((const uint8_t *)text, (size_t)n, coded);
    printf("{\"description\": \"%s\"}\n", coded);
}

static void on_candidate(void *user, const struct fh_ice_candidate *c, const char *ufrag)
{
    char text[FH_ICE_CANDIDATE_TEXT];

    (void)user;
    if (c) {
        fh_ice_candidate_print(c, text);
        printf("{\"candidate\": \"%s\", \"ufrag\": \"%s\"}\n", text, ufrag);
    } else {
        printf("{\"end\": %llu}\n", since_start());
    }
}

static void on_state(void *user, enum fh_ice_state state, int error)
{
    static const char *const names[] = {"new",       "checking",     "connected",
                                        "completed", "disconnected", "failed"};

    (void)user;
    printf("{\"state\": \"%s\", \"ms\": %llu, \"error\": \"%s\"}\n", names[state], since_start(),
           fh_ice_strerror(error));
}

static void on_path(void *user, const struct fh_ice_path *p)
{
    static const char *const types[] = {"host", "srflx", "prflx", "relay"};
    char peer[FH_ICE_ADDRESS_TEXT], local[FH_ICE_ADDRESS_TEXT];

    (void)user;
    fh_ice_address_print(&p->peer, peer);
    fh_ice_address_print(&p->local, local);
    printf("{\"path\": [\"%s\", \"%s\"], \"local\": \"%s\", \"peer\": \"%s\"}\n",
           types[p->local_type], types[p->remote_type], local, peer);
}

static void on_received(void *user, const uint8_t *data, size_t len, bool is_stranger)
{
    (void)user;
    (void)is_stranger;
    printf("{\"received\": %u, \"len\": %zu}\n", ++app.received, len);
    if (app.echoes)
        (void)fh_ice_uv_send(app.u, data, len);
}

/* ---- what it is told ------------------------------------------------------------------------ */

static void on_closed(void *user)
{
    (void)user;
    printf("{\"closed\": %llu}\n", since_start());
}

static void close_all(void)
{
    if (app.closing)
        return;
    app.closing = true;
    fh_ice_uv_close(app.u, on_closed, NULL);
    uv_close((uv_handle_t *)&app.in, NULL);
}

static void do_description(const char *text)
{
    static uint8_t plain[LINE];
    static struct fh_ice_description d;
    int n = base64_read(text, strlen(text), plain, sizeof plain);
    int ret = n < 0 ? FH_ICE_E_PROTO : fh_ice_description_parse((char *)plain, (size_t)n, &d);

    if (ret == 0)
        ret = fh_ice_uv_set_remote(app.u, &d);
    if (ret != 0)
        printf("{\"refused\": \"%s\"}\n", fh_ice_strerror(ret));
}

static void do_candidate(char *text)
{
    struct fh_ice_candidate c;
    char *space = strchr(text, ' ');
    int ret = FH_ICE_E_PROTO;

    if (space) {
        *space++ = '\0';
        ret = fh_ice_candidate_parse(space, strlen(space), &c);
    }
    if (ret == 0)
        ret = fh_ice_uv_add_remote(app.u, &c, text);
    if (ret != 0)
        printf("{\"refused\": \"%s\"}\n", fh_ice_strerror(ret));
}

static void do_send(unsigned n)
{
    uint8_t data[1000];

    memset(data, 0x08, sizeof data);
    for (unsigned i = 0; i < n; i++) {
        int ret = fh_ice_uv_send(app.u, data, sizeof data);

        if (ret != 0)
            printf("{\"unsent\": \"%s\"}\n", fh_ice_strerror(ret));
    }
}

static void obey(char *line)
{
    char *rest = strchr(line, ' ');

    if (rest)
        *rest++ = '\0';
    if (strcmp(line, "description") == 0 && rest)
        do_description(rest);
    else if (strcmp(line, "candidate") == 0 && rest)
        do_candidate(rest);
    else if (strcmp(line, "end") == 0)
        fh_ice_uv_end_remote(app.u);
    else if (strcmp(line, "send") == 0 && rest)
        do_send(ice_options_number(rest, 1000000));
    else if (strcmp(line, "echo") == 0)
        app.echoes = true;
    else if (strcmp(line, "restart") == 0)
        fh_ice_uv_restart(app.u);
    else if (strcmp(line, "close") == 0)
        close_all();
    else
        fail("a line that means nothing");
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
    while (!app.closing && (end = memchr(app.line, '\n', app.len))) {
        size_t used = (size_t)(end - app.line) + 1;

        *end = '\0';
        obey(app.line);
        memmove(app.line, app.line + used, app.len - used);
        app.len -= used;
    }
    if (app.len == sizeof app.line)
        fail("a line is too long");
}

/* ---- options -------------------------------------------------------------------------------- */

static void parse(int argc, char **argv)
{
    if (argc < 2)
        fail("controlling or controlled?");
    app.cfg.role = strcmp(argv[1], "controlled") == 0 ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--relay") == 0)
            app.cfg.policy = FH_ICE_POLICY_RELAY;
        else if (!ice_options_take(&app.options, argc, argv, &i))
            fail("an unknown option");
    }
    ice_options_apply(&app.options, &app.cfg);
}

int main(int argc, char **argv)
{
    int ret;

    parse(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    app.start = uv_hrtime() / 1000000;
    app.cfg.description = on_description;
    app.cfg.candidate = on_candidate;
    app.cfg.state = on_state;
    app.cfg.path = on_path;
    app.cfg.received = on_received;
    uv_loop_init(&app.loop);
    uv_pipe_init(&app.loop, &app.in, 0);
    if (uv_pipe_open(&app.in, 0) != 0 ||
        uv_read_start((uv_stream_t *)&app.in, on_alloc, on_read) != 0)
        fail("standard input is no pipe");
    if ((ret = fh_ice_uv_new(&app.loop, &app.cfg, &app.u)) != 0)
        fail(fh_ice_strerror(ret));
    uv_run(&app.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&app.loop) != 0)
        fail("something is left in the loop");
    free(app.options.ca);
    return 0;
}
