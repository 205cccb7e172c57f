/* SPDX-License-Identifier: MIT */
/*
 * through URL HOST PORT -- connects through a proxy, says "ping", prints what comes back, and how it
 * ended: "failed ERROR TEXT" or "heard TEXT".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <farhand/proxy_uv.h>

static struct fh_stream *stream;

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    printf("heard %.*s\n", (int)len, (const char *)data);
    fh_stream_shutdown(stream);
    fh_stream_close(stream, NULL, NULL);
    return len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    (void)user;
    printf("failed %d end\n", error);
    fh_stream_close(stream, NULL, NULL);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_done(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    if (error) {
        printf("failed %d %s\n", error, text);
        return;
    }
    stream = s;
    fh_stream_attach(s, &events, NULL);
    if (fh_stream_write(s, (const uint8_t *)"ping", 4) != 4)
        abort();
}

int main(int argc, char **argv)
{
    struct fh_proxy_connect_config cfg = {.done = on_done, .timeout_ms = 10000};
    const char *expected;
    struct fh_proxy p;
    uv_loop_t loop;

    signal(SIGPIPE, SIG_IGN);
    if (argc != 4 || uv_loop_init(&loop) != 0)
        return 2;
    if (fh_proxy_parse(argv[1], &p, &expected) != 0) {
        printf("expected %s\n", expected);
        return 2;
    }
    if (fh_proxy_connect(&loop, &p, argv[2], (uint16_t)strtoul(argv[3], NULL, 10), &cfg, NULL) != 0)
        return 2;
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}
