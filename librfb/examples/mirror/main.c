/* SPDX-License-Identifier: MIT */
/*
 * mirror -- a server and a viewer in one program, without a network between them.
 *
 * The server's machine shares a picture; the bytes that it wants to send are given to the viewer's
 * machine, and the other way round. In a real program each machine sits behind a connection, below
 * which is whatever makes it safe. Built from the installed library only.
 */
#include <farhand/rfb_client.h>
#include <farhand/rfb_server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 640, HEIGHT = 480 };

static void draw(struct fh_framebuffer *fb, int32_t from_y, int32_t to_y, uint32_t tint)
{
    for (int32_t y = from_y; y < to_y; y++)
        for (int32_t x = 0; x < fb->width; x++)
            fb->px[y * fb->stride_px + x] =
                ((uint32_t)(x * 255 / fb->width) << 16 | (uint32_t)(y * 255 / fb->height) << 8) ^
                tint;
}

/* What the viewer asks the server for. */
static void server_events(struct fh_rfb_server *server)
{
    struct fh_rfb_server_event ev;

    while (fh_rfb_server_event(server, &ev) > 0) {
        if (ev.type == FH_RFB_SERVER_EV_READY)
            printf("server: a viewer is here\n");
        if (ev.type == FH_RFB_SERVER_EV_KEY)
            printf("server: key 0x%x %s\n", (unsigned)ev.key.keysym, ev.key.down ? "down" : "up");
    }
}

/* What the server tells the viewer. */
static void client_events(struct fh_rfb_client *client)
{
    struct fh_rfb_client_event ev;

    while (fh_rfb_client_event(client, &ev) > 0)
        if (ev.type == FH_RFB_CLIENT_EV_READY)
            printf("viewer: \"%s\", %d x %d\n", fh_rfb_client_name(client), (int)ev.size.width,
                   (int)ev.size.height);
}

/* Carries bytes until both have nothing to say. Returns the bytes of the server. */
static size_t carry(struct fh_rfb_server *server, struct fh_rfb_client *client)
{
    const uint8_t *up, *down;
    size_t n_up, n_down, room, total = 0;
    uint8_t *in;

    do {
        up = fh_rfb_client_out(client, &n_up);
        if (up && (in = fh_rfb_server_in(server, &room)) != NULL) {
            n_up = n_up < room ? n_up : room;
            memcpy(in, up, n_up);
            fh_rfb_client_out_done(client, n_up);
            fh_rfb_server_in_done(server, 0, n_up);
            server_events(server);
        }
        down = fh_rfb_server_out(server, 0, &n_down);
        if (down && (in = fh_rfb_client_in(client, &room)) != NULL) {
            n_down = n_down < room ? n_down : room;
            memcpy(in, down, n_down);
            fh_rfb_server_out_done(server, n_down);
            fh_rfb_client_in_done(client, 0, n_down);
            client_events(client);
            total += n_down;
        }
    } while ((up || down) && !fh_rfb_server_error(server) && !fh_rfb_client_error(client));
    return total;
}

static int is_equal(const struct fh_framebuffer *a, const struct fh_framebuffer *b)
{
    if (!b || a->width != b->width || a->height != b->height)
        return 0;
    for (int32_t y = 0; y < a->height; y++)
        if (memcmp(a->px + y * a->stride_px, b->px + y * b->stride_px,
                   (size_t)a->width * sizeof *a->px) != 0)
            return 0;
    return 1;
}

int main(void)
{
    const struct fh_rfb_client_config cfg = {.shared = true, .quality = -1, .level = -1};
    const struct fh_rect changed = {0, 100, WIDTH, 50};
    struct fh_framebuffer fb = {.width = WIDTH, .height = HEIGHT, .stride_px = WIDTH};
    struct fh_rfb_server *server = fh_rfb_server_new();
    struct fh_rfb_client *client = fh_rfb_client_new(&cfg);
    int ret = 1;

    fb.px = calloc(WIDTH * HEIGHT, sizeof *fb.px);
    if (!fb.px || !server || !client)
        goto out;
    draw(&fb, 0, HEIGHT, 0);
    fh_rfb_server_set_name(server, "mirror");
    if (fh_rfb_server_set_screen(server, &fb, NULL, 0) != 0)
        goto out;
    printf("whole picture: %zu bytes\n", carry(server, client));

    draw(&fb, changed.y, changed.y + changed.h, 0x00ff00);
    fh_rfb_server_damage(server, &changed);
    printf("a change of %d rows: %zu bytes\n", (int)changed.h, carry(server, client));

    fh_rfb_client_key(client, 0xff0d, 0, true);
    fh_rfb_client_key(client, 0xff0d, 0, false);
    carry(server, client);

    ret = !is_equal(&fb, fh_rfb_client_framebuffer(client));
    printf("the pictures are %s\n", ret ? "different" : "equal");
out:
    fh_rfb_client_free(client);
    fh_rfb_server_free(server);
    free(fb.px);
    return ret;
}
