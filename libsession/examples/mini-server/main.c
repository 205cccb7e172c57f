/* SPDX-License-Identifier: MIT */
/*
 * mini-server -- the smallest complete Server app: shares a painted picture over TCP with one user.
 *
 *     FH_PASSWORD=... mini-server ADDRESS USER [IDENTITY-FILE]     mini-server 127.0.0.1:5900 ann
 *
 * What a Server app must decide is in the callbacks: who gets in, and what the input does. Here
 * the left button paints and any key clears. Without arguments it says how to call it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/framebuffer.h>
#include <farhand/identity.h>
#include <farhand/identity_uv.h>
#include <farhand/server.h>
#include <farhand/tcp.h>

enum { WIDTH = 320, HEIGHT = 200 };

static const char *the_user, *the_password;
static struct fh_server *server;
static struct fh_tcp_listener *listener;
static uv_signal_t interrupt;
static uint32_t px[WIDTH * HEIGHT];
static const struct fh_framebuffer picture = {
    .px = px, .width = WIDTH, .height = HEIGHT, .stride_px = WIDTH};

static void paint_background(void)
{
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
        px[i] = (i / WIDTH) << 16 | (i % WIDTH * 255 / WIDTH) << 8 | 0x80;
}

/* The password is compared without telling by the time where it differs. */
static bool is_same(const char *a, size_t len, const char *b)
{
    unsigned differs = len != strlen(b);

    for (size_t i = 0; i < len && !(differs && i >= strlen(b)); i++)
        differs |= (unsigned char)a[i] ^ (unsigned char)b[i];
    return differs == 0;
}

/* ---- what a Server app decides ---- */

static void on_authenticate(void *user, struct fh_session *s, const struct fh_credentials *c)
{
    bool is_right =
        is_same(c->password, c->password_len, the_password) & (strcmp(c->user, the_user) == 0);

    (void)user;
    fh_session_authenticated(s, is_right ? FH_PERM_VIEW | FH_PERM_KEYBOARD | FH_PERM_POINTER : 0);
}

static void on_pointer(void *user, struct fh_session *s, uint16_t x, uint16_t y, uint16_t buttons)
{
    const struct fh_rect dot = {
        .x = x < WIDTH - 3 ? x : WIDTH - 3, .y = y < HEIGHT - 3 ? y : HEIGHT - 3, .w = 3, .h = 3};

    (void)user;
    (void)s;
    if ((buttons & 1) == 0)
        return;
    for (int32_t i = 0; i < 9; i++)
        px[(dot.y + i / 3) * WIDTH + dot.x + i % 3] = 0xffffff;
    fh_server_damage(server, &dot);
}

static void on_key(void *user, struct fh_session *s, uint32_t keysym, uint32_t keycode, bool down)
{
    const struct fh_rect all = {.x = 0, .y = 0, .w = WIDTH, .h = HEIGHT};

    (void)user;
    (void)s;
    (void)keysym;
    (void)keycode;
    if (!down)
        return;
    paint_background();
    fh_server_damage(server, &all);
}

/* One line of JSON for each event; safe to show, whatever the peer sent. */
static void on_audit(void *user, const struct fh_audit_event *ev)
{
    char line[FH_AUDIT_LINE_MAX];

    (void)user;
    if (fh_audit_format(ev, line, sizeof line) > 0)
        fputs(line, stderr);
}

static const struct fh_server_callbacks callbacks = {
    .authenticate = on_authenticate, .key = on_key, .pointer = on_pointer, .audit = on_audit};

/* ---- the rest joins the pieces ---- */

static void on_accept(void *user, struct fh_stream *stream)
{
    (void)user;
    (void)fh_server_accept(server, stream);
}

static void on_interrupt(uv_signal_t *handle, int number)
{
    (void)number;
    uv_close((uv_handle_t *)handle, NULL);
    fh_tcp_listener_close(listener, NULL, NULL);
    fh_server_close(server, FH_BYE_SHUTDOWN, NULL);
}

static int identity(const char *path, struct fh_identity **out)
{
    int ret;

    if (path && fh_identity_load(path, out) == 0)
        return 0;
    ret = fh_identity_generate(FH_IDENTITY_BITS_DEFAULT, fh_random_system, NULL, out);
    return ret == 0 && path ? fh_identity_save(*out, path) : ret;
}

static void print_fingerprint(const struct fh_identity *id)
{
    uint8_t fp[FH_FINGERPRINT_LEN];
    char hex[FH_FINGERPRINT_HEX];
    size_t len;
    const uint8_t *spki = fh_identity_spki(id, &len);

    fh_fingerprint(spki, len, fp);
    fh_fingerprint_to_hex(fp, hex);
    printf("fingerprint %s\n", hex);
    fflush(stdout);
}

static int serve(uv_loop_t *loop, const char *address, const struct fh_identity *id)
{
    const struct fh_server_config cfg = {.loop = loop,
                                         .identity = id,
                                         .callbacks = &callbacks,
                                         .name = "mini-server",
                                         .program = "mini-server 1"};
    const struct fh_tcp_listen_config tcp = {
        .addresses = &address, .addresses_len = 1, .accept = on_accept};
    char why[FH_TCP_WHY];

    if (fh_server_new(&cfg, &server) != 0)
        return 1;
    if (fh_tcp_listen(loop, &tcp, &listener, why, sizeof why) != 0) {
        fprintf(stderr, "mini-server: %s\n", why);
        return 1;
    }
    paint_background();
    (void)fh_server_screen(server, &picture, NULL, 0);
    uv_signal_init(loop, &interrupt);
    uv_signal_start(&interrupt, on_interrupt, SIGINT);
    print_fingerprint(id);
    return uv_run(loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    struct fh_identity *id = NULL;
    int ret;

    the_password = getenv("FH_PASSWORD");
    if (argc < 3 || argc > 4 || !the_password) {
        puts("usage: FH_PASSWORD=... mini-server ADDRESS USER [IDENTITY-FILE]");
        return argc == 1 ? 0 : 2;
    }
    the_user = argv[2];
    signal(SIGPIPE, SIG_IGN);
    ret = identity(argc == 4 ? argv[3] : NULL, &id);
    if (ret != 0)
        fprintf(stderr, "mini-server: identity: %s\n", fh_crypto_strerror(ret));
    else
        ret = serve(uv_default_loop(), argv[1], id);
    fh_identity_free(id);
    return ret != 0;
}
