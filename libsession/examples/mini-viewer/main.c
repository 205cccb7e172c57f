/* SPDX-License-Identifier: MIT */
/*
 * mini-viewer -- the smallest complete Viewer app: connects, trusts one fingerprint, writes the
 * first picture as a PPM file.
 *
 *     FH_PASSWORD=... mini-viewer ADDRESS FINGERPRINT USER FILE.ppm
 *
 * Without arguments it says how to call it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/channel.h>
#include <farhand/framebuffer.h>
#include <farhand/identity.h>
#include <farhand/identity_uv.h>
#include <farhand/tcp.h>
#include <farhand/viewer.h>

static struct fh_viewer *viewer;
static uint8_t trusted[FH_FINGERPRINT_LEN];
static const char *file;
static int result = 1;

static int write_ppm(const struct fh_framebuffer *fb)
{
    FILE *f = fopen(file, "wb");
    int failed;

    if (!f)
        return 1;
    fprintf(f, "P6\n%d %d\n255\n", (int)fb->width, (int)fb->height);
    for (int32_t y = 0; y < fb->height; y++)
        for (int32_t x = 0; x < fb->width; x++) {
            uint32_t p = fb->px[(size_t)y * (size_t)fb->stride_px + (size_t)x];

            putc((int)(p >> 16 & 255), f);
            putc((int)(p >> 8 & 255), f);
            putc((int)(p & 255), f);
        }
    failed = ferror(f);
    return fclose(f) != 0 || failed;
}

/* Nothing of us, not even our name, has been sent yet. Who is not the one expected gets nothing. */
static enum fh_trust on_verify_server(void *user, const struct fh_viewer_conn_event *ev)
{
    (void)user;
    if (memcmp(ev->server.fingerprint, trusted, sizeof trusted) == 0)
        return FH_TRUST_CONFIRMED;
    fprintf(stderr, "mini-viewer: this is another server\n");
    return FH_TRUST_NONE;
}

static void on_event(void *user, const struct fh_viewer_conn_event *ev)
{
    (void)user;
    if (ev->type == FH_VIEWER_CONN_EV_UPDATE) {
        result = write_ppm(fh_viewer_conn_framebuffer(fh_viewer_conn(viewer)));
        fh_viewer_close(viewer, NULL);
    } else if (ev->type == FH_VIEWER_CONN_EV_ENDED) {
        fprintf(stderr, "mini-viewer: %s\n", fh_bye_text(ev->ended.reason));
        fh_viewer_close(viewer, NULL);
    }
}

static const struct fh_viewer_callbacks callbacks = {.verify_server = on_verify_server,
                                                     .event = on_event};

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    if (error == 0 && fh_viewer_connect(viewer, s) == 0)
        return;
    fprintf(stderr, "mini-viewer: %s\n", error ? text : "out of memory");
    fh_viewer_close(viewer, NULL);
}

static int view(uv_loop_t *loop, const struct fh_target *to, const char *user,
                const struct fh_identity *id)
{
    const char *password = getenv("FH_PASSWORD");
    struct fh_viewer_config cfg = {.loop = loop,
                                   .identity = id,
                                   .callbacks = &callbacks,
                                   .conn = {.program = "mini-viewer 1"}};
    const struct fh_tcp_connect_config tcp = {.done = on_connected};

    cfg.conn.user = user;
    cfg.conn.password = password ? password : "";
    cfg.conn.password_len = strlen(cfg.conn.password);
    cfg.conn.view_only = true;
    if (fh_viewer_new(&cfg, &viewer) != 0 || fh_tcp_connect(loop, to, &tcp, NULL) != 0)
        return 1;
    uv_run(loop, UV_RUN_DEFAULT);
    return result;
}

int main(int argc, char **argv)
{
    struct fh_identity *id = NULL;
    struct fh_target to;
    const char *expected;
    int ret;

    if (argc != 5) {
        puts("usage: FH_PASSWORD=... mini-viewer ADDRESS FINGERPRINT USER FILE.ppm");
        return argc == 1 ? 0 : 2;
    }
    if (fh_address_parse_viewer(argv[1], &to, &expected) != 0) {
        fprintf(stderr, "mini-viewer: expected %s\n", expected);
        return 2;
    }
    if (fh_fingerprint_from_hex(argv[2], trusted) != 0) {
        fprintf(stderr, "mini-viewer: a fingerprint has 64 hexadecimal digits\n");
        return 2;
    }
    file = argv[4];
    signal(SIGPIPE, SIG_IGN);
    ret = fh_identity_generate(2048, fh_random_system, NULL, &id);
    if (ret == 0)
        ret = view(uv_default_loop(), &to, argv[3], id);
    fh_identity_free(id);
    return ret;
}
