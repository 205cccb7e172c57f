/* SPDX-License-Identifier: MIT */
/*
 * An echo server and its client over libtransport.
 *
 *     echo                      both, over a port of 127.0.0.1 that the system chooses
 *     echo serve ADDRESS...     e.g. 127.0.0.1:7007 [::1]:7007 unix:/tmp/echo systemd
 *     echo say ADDRESS TEXT     e.g. 127.0.0.1::7007 [::1]::7007 /tmp/echo
 *
 * The server gives back what it gets, no faster than its client takes it. The client sends the
 * text, ends its side, prints what comes back and leaves when the server has ended too.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/tcp.h>

/* The server: one guest for each stream. */

struct guest {
    struct fh_stream *stream;
};

/* What does not fit is not taken: the stream then reads no more until guest_writable(). */
static size_t guest_data(void *user, const uint8_t *data, size_t len)
{
    struct guest *g = user;
    int n = fh_stream_write(g->stream, data, len);

    return n < 0 ? len : (size_t)n;
}

static void guest_writable(void *user)
{
    struct guest *g = user;

    fh_stream_resume(g->stream);
}

/* What is still queued goes out before the stream closes, because of the shutdown. */
static void guest_end(void *user, int error)
{
    struct guest *g = user;

    if (error)
        fprintf(stderr, "guest: %s\n", fh_transport_strerror(error));
    fh_stream_shutdown(g->stream);
    fh_stream_close(g->stream, free, g);
}

static const struct fh_stream_events guest_events = {
    .data = guest_data, .writable = guest_writable, .end = guest_end};

static void on_accept(void *user, struct fh_stream *stream)
{
    struct guest *g = malloc(sizeof *g);
    char name[FH_ADDRESS_TEXT];

    (void)user;
    fh_stream_peer(stream, name, sizeof name);
    fprintf(stderr, "guest from %s\n", name);
    if (!g) {
        fh_stream_close(stream, NULL, NULL);
        return;
    }
    g->stream = stream;
    fh_stream_attach(stream, &guest_events, g);
}

/* The client. */

struct client {
    struct fh_stream *stream;
    struct fh_tcp_listener *server; /* ours, to be closed with the client; or NULL */
    const char *text;
    size_t len, sent;
    int failed;
};

static void client_closed(void *user)
{
    struct client *c = user;

    if (c->server)
        fh_tcp_listener_close(c->server, NULL, NULL);
}

static size_t client_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    return fwrite(data, 1, len, stdout);
}

static void client_writable(void *user)
{
    struct client *c = user;
    int n = fh_stream_write(c->stream, (const uint8_t *)c->text + c->sent, c->len - c->sent);

    if (n > 0)
        c->sent += (size_t)n;
    if (c->sent == c->len)
        fh_stream_shutdown(c->stream);
}

static void client_end(void *user, int error)
{
    struct client *c = user;

    putchar('\n');
    if (error)
        fprintf(stderr, "%s\n", fh_transport_strerror(error));
    c->failed = error != 0;
    fh_stream_close(c->stream, client_closed, c);
}

static const struct fh_stream_events client_events = {
    .data = client_data, .writable = client_writable, .end = client_end};

static void on_connect(void *user, struct fh_stream *stream, int error, const char *text)
{
    struct client *c = user;

    if (error) {
        fprintf(stderr, "cannot connect: %s (%s)\n", fh_transport_strerror(error), text);
        c->failed = 1;
        client_closed(c);
        return;
    }
    c->stream = stream;
    fh_stream_attach(stream, &client_events, c);
    client_writable(c);
}

static int serve(uv_loop_t *loop, const char *const *addresses, size_t len,
                 struct fh_tcp_listener **out)
{
    struct fh_tcp_listen_config cfg = {
        .addresses = addresses, .addresses_len = len, .accept = on_accept};
    char why[FH_TCP_WHY], name[FH_ADDRESS_TEXT];
    struct fh_address bound;
    int ret = fh_tcp_listen(loop, &cfg, out, why, sizeof why);

    if (ret) {
        fprintf(stderr, "cannot listen: %s\n", why);
        return ret;
    }
    for (size_t i = 0; i < fh_tcp_listener_count(*out); i++) {
        fh_tcp_listener_address(*out, i, &bound);
        fh_address_print(&bound, name, sizeof name);
        fprintf(stderr, "listening on %s\n", name);
    }
    return 0;
}

static int say(uv_loop_t *loop, const struct fh_target *to, struct client *c)
{
    struct fh_tcp_connect_config cfg = {.done = on_connect, .user = c};

    c->len = strlen(c->text);
    return fh_tcp_connect(loop, to, &cfg, NULL);
}

static int both(uv_loop_t *loop, struct client *c)
{
    const char *address = "127.0.0.1:0";
    struct fh_target to = {.kind = FH_TARGET_IP};
    int ret = serve(loop, &address, 1, &c->server);

    if (ret)
        return ret;
    fh_tcp_listener_address(c->server, 0, &to.address);
    c->text = "Is anybody there?";
    return say(loop, &to, c);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct client c = {.failed = 0};
    struct fh_tcp_listener *listener;
    struct fh_target to;
    const char *expected;
    int ret;

    signal(SIGPIPE, SIG_IGN);
    if (argc == 1) {
        ret = both(loop, &c);
    } else if (argc >= 3 && strcmp(argv[1], "serve") == 0) {
        ret = serve(loop, (const char *const *)argv + 2, (size_t)argc - 2, &listener);
    } else if (argc == 4 && strcmp(argv[1], "say") == 0) {
        c.text = argv[3];
        ret = fh_address_parse_viewer(argv[2], &to, &expected);
        if (ret)
            fprintf(stderr, "expected %s\n", expected);
        else
            ret = say(loop, &to, &c);
    } else {
        fprintf(stderr, "usage: echo | echo serve ADDRESS... | echo say ADDRESS TEXT\n");
        return 2;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    return ret || c.failed;
}
