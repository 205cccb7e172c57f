/* SPDX-License-Identifier: MIT */
/*
 * Two ends that find each other and say hello, in one process, over the loopback interface.
 *
 * A real program sends the lines that on_signal() is given to the other computer, and gets the
 * secret from the same source; names STUN and TURN servers in its ICE config; and gives the stream
 * to a session (<farhand/server.h>, <farhand/viewer.h>), which encrypts: nothing here does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/path_uv.h>

struct end {
    const char *name;
    struct end *other;
    struct fh_path *path;
    struct fh_stream *stream;
    int heard;
};

static void on_signal(void *user, const char *line, size_t len)
{
    struct end *e = user;

    if (e->other->path)
        fh_path_signal(e->other->path, line, len);
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct end *e = user;

    printf("%s hears: %.*s\n", e->name, (int)len, (const char *)data);
    e->heard = 1;
    fh_stream_shutdown(e->stream); /* what we said still arrives */
    return len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    struct end *e = user;

    if (error)
        printf("%s: %s\n", e->name, fh_transport_strerror(error));
    fh_stream_shutdown(e->stream);
    fh_stream_close(e->stream, NULL, NULL);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_opened(void *user, struct fh_stream *s, int error)
{
    static const char *const types[] = {"host", "server-reflexive", "peer-reflexive", "relay"};
    struct end *e = user;
    struct fh_path_info info;
    char text[64];

    if (error) {
        printf("%s: %s\n", e->name, fh_cloud_strerror(error));
        return;
    }
    fh_path_info(e->path, &info);
    printf("%s: connected (%s to %s)\n", e->name, types[info.local_type], types[info.remote_type]);
    e->stream = s;
    fh_stream_attach(s, &events, e);
    snprintf(text, sizeof text, "hello from %s", e->name);
    fh_stream_write(s, (const uint8_t *)text, strlen(text));
}

static void on_closed(void *user)
{
    ((struct end *)user)->path = NULL;
}

static int make(struct end *e, enum fh_role role)
{
    static const uint8_t secret[FH_GUARD_SECRET_LEN] = "both ends know it; make a fresh";
    const struct fh_ice_uv_config ice = {.only_loopback = true};
    const struct fh_path_config cfg = {.ice = &ice,
                                       .role = role,
                                       .secret = secret,
                                       .signal = on_signal,
                                       .opened = on_opened,
                                       .closed = on_closed,
                                       .user = e};
    int ret = fh_path_new(uv_default_loop(), &cfg, &e->path);

    if (ret)
        fprintf(stderr, "%s: %s\n", e->name, fh_cloud_strerror(ret));
    return ret;
}

int main(void)
{
    struct end ann = {.name = "ann"}, bob = {.name = "bob"};

    ann.other = &bob;
    bob.other = &ann;
    if (make(&ann, FH_ROLE_CLIENT) || make(&bob, FH_ROLE_SERVER))
        return EXIT_FAILURE;
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return ann.heard && bob.heard ? EXIT_SUCCESS : EXIT_FAILURE;
}
