/* SPDX-License-Identifier: MIT */
/*
 * Our machines against peers that we did not write: libvncclient fetches a changing picture from
 * our server's machine, and our client's machine fetches one from libvncserver, over loopback. The
 * peer that serves is a process of its own; before ClientInit both sides speak RFB 3.8 with the
 * security type None, by hand. Each key that the viewer presses makes the server take a step; the
 * viewer knows each step's picture and waits until it has it.
 */
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rfb/rfb.h>
#include <rfb/rfbclient.h>

#include <farhand/rfb_client.h>
#include <farhand/rfb_server.h>

#include "picture.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

enum { WIDTH = 400, HEIGHT = 300, BIG_WIDTH = 517, BIG_HEIGHT = 333, CURSOR = 19 };
enum step {
    STEP_START,
    STEP_DAMAGE,
    STEP_SCROLL_UP,
    STEP_SCROLL_DOWN,
    STEP_CURSOR,
    STEP_TEXT,
    STEP_RESIZE,
    STEP_SMALL,
    STEPS
};
enum { SCROLL = 37, SHIFT = 11 };

/* Takes the picture from one step to the next. */
static void take_step(struct fh_framebuffer *fb, enum step step)
{
    struct fh_framebuffer part = *fb;

    switch (step) {
    case STEP_START:
        for (uint32_t i = 0; i < 12; i++) {
            part.px = fb->px + i * 25 * (size_t)fb->stride_px;
            part.height = 25;
            picture_draw(&part, (enum picture)(i % PICTURE_COUNT), i);
        }
        break;
    case STEP_DAMAGE:
        part.px = fb->px + 50 * (size_t)fb->stride_px + 70;
        part.width = 111;
        part.height = 131;
        picture_draw(&part, PICTURE_TEXT, 5);
        break;
    case STEP_SCROLL_UP:
        for (int32_t y = 0; y < HEIGHT - SCROLL; y++)
            memmove(fb->px + y * fb->stride_px, fb->px + (y + SCROLL) * fb->stride_px,
                    (size_t)fb->width * sizeof *fb->px);
        break;
    case STEP_SCROLL_DOWN:
        for (int32_t y = HEIGHT - 1; y >= SCROLL; y--)
            memmove(fb->px + y * fb->stride_px + SHIFT, fb->px + (y - SCROLL) * fb->stride_px,
                    (size_t)(fb->width - SHIFT) * sizeof *fb->px);
        break;
    case STEP_RESIZE:
        picture_draw(fb, PICTURE_FEW, 3);
        break;
    case STEP_SMALL:
        fb->px[0] ^= 0xffffff;
        fb->px[(fb->height - 1) * fb->stride_px + fb->width - 1] ^= 0xff;
        break;
    case STEP_CURSOR:
    case STEP_TEXT:
    case STEPS:
        break;
    }
}

static uint32_t cursor_pixel(int32_t i)
{
    return (i % 3 == 0 ? 0xff000000 : 0) | (uint32_t)i * 0x10203;
}

/* What only the extended clipboard can carry. */
#define EURO "gr\xc3\xbc\xc3\x9f \xe2\x82\xac"

static void write_all(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;
    ssize_t n;

    for (; len != 0; p += n, len -= (size_t)n)
        if ((n = write(fd, p, len)) <= 0)
            _exit(1);
}

static void read_all(int fd, void *data, size_t len)
{
    uint8_t *p = data;
    ssize_t n;

    for (; len != 0; p += n, len -= (size_t)n)
        if ((n = read(fd, p, len)) <= 0)
            _exit(1);
}

/*
 * For LeakSanitizer: libvncclient gives back neither cursors nor JPEG handles. In the process that
 * it runs in, nothing else uses JPEG.
 */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libvncclient.so\nleak:libturbojpeg.so\n";
}

/* libvncclient looks at our server. */

struct server {
    struct fh_rfb_server *machine;
    struct fh_encoder *elsewhere; /* that all viewers share */
    struct fh_framebuffer fb;
    enum step step;
};

static void server_step(struct server *t)
{
    const struct fh_rect damage = {70, 50, 111, 131}, up = {0, 0, WIDTH, HEIGHT - SCROLL};
    const struct fh_rect down = {SHIFT, SCROLL, WIDTH - SHIFT, HEIGHT - SCROLL};
    const struct fh_rect first = {0, 0, 1, 1}, end = {BIG_WIDTH - 1, BIG_HEIGHT - 1, 1, 1};
    uint32_t cursor[CURSOR * CURSOR];

    t->step++;
    if (t->step == STEP_RESIZE) {
        free(t->fb.px);
        t->fb = picture_new(BIG_WIDTH, BIG_HEIGHT, 0);
    }
    take_step(&t->fb, t->step);
    for (int32_t i = 0; i < CURSOR * CURSOR; i++)
        cursor[i] = cursor_pixel(i);
    if (t->step == STEP_DAMAGE)
        fh_rfb_server_damage(t->machine, &damage);
    if (t->step == STEP_SCROLL_UP)
        fh_rfb_server_copy(t->machine, &up, 0, SCROLL);
    if (t->step == STEP_SCROLL_DOWN)
        fh_rfb_server_copy(t->machine, &down, 0, 0);
    if (t->step == STEP_CURSOR)
        fh_rfb_server_set_cursor(t->machine, cursor, CURSOR, CURSOR, 3, 4);
    if (t->step == STEP_TEXT)
        fh_rfb_server_cut_text(t->machine, "gr\xc3\xbc\xc3\x9f", 6);
    if (t->step == STEP_RESIZE)
        fh_rfb_server_set_screen(t->machine, &t->fb, NULL, 0);
    if (t->step == STEP_SMALL) {
        fh_rfb_server_damage(t->machine, &first);
        fh_rfb_server_damage(t->machine, &end);
    }
}

/* A part of the picture comes as if it had been encoded for others, too. */
static size_t offer(void *user, const struct fh_rfb_coding *c, struct fh_rect *out, size_t room)
{
    (void)user;
    (void)c;
    (void)room;
    out[0] = (struct fh_rect){0, 0, WIDTH / 2, HEIGHT / 2};
    out[1] = (struct fh_rect){WIDTH / 2, 0, 1, 1};
    return 2;
}

static size_t take(void *user, const struct fh_rfb_coding *c, const struct fh_rect *r, uint8_t *out,
                   size_t room)
{
    struct server *t = user;
    int n;

    if (r->x != 0 && r->x != WIDTH / 2)
        return 0;
    fh_encoder_set_format(t->elsewhere, &c->format);
    fh_encoder_set_quality(t->elsewhere, c->quality, c->level);
    n = fh_encoder_rect_alone(t->elsewhere, c->encoding, &t->fb, r, out, room);
    return n > 0 ? (size_t)n : 0;
}

static const struct fh_rfb_elsewhere elsewhere = {offer, take};

/* The process that serves one viewer, until it goes away. */
static void serve(int listener)
{
    static const uint8_t none[] = {1, 1}, ok[4] = {0};
    int fd = accept(listener, NULL, NULL);
    struct server t = {.machine = fh_rfb_server_new(),
                       .elsewhere = fh_encoder_new(),
                       .fb = picture_new(WIDTH, HEIGHT, 0)};
    struct fh_rfb_server_event ev;
    const uint8_t *out;
    uint8_t version[12], choice, *in;
    struct pollfd p = {.fd = fd};
    size_t len;
    ssize_t n;

    write_all(fd, "RFB 003.008\n", 12);
    read_all(fd, version, 12);
    write_all(fd, none, 2);
    read_all(fd, &choice, 1);
    write_all(fd, ok, 4);
    take_step(&t.fb, STEP_START);
    fh_rfb_server_set_name(t.machine, "interop");
    fh_rfb_server_set_elsewhere(t.machine, &elsewhere, &t);
    if (fh_rfb_server_set_screen(t.machine, &t.fb, NULL, 0) != 0)
        _exit(1);
    for (;;) {
        out = fh_rfb_server_out(t.machine, 0, &len);
        p.events = out ? POLLIN | POLLOUT : POLLIN;
        poll(&p, 1, -1);
        if (out && (p.revents & POLLOUT)) {
            n = send(fd, out, len, MSG_NOSIGNAL | MSG_DONTWAIT);
            fh_rfb_server_out_done(t.machine, n > 0 ? (size_t)n : 0);
        }
        if (!(p.revents & (POLLIN | POLLHUP | POLLERR)))
            continue;
        in = fh_rfb_server_in(t.machine, &len);
        if (!in || (n = read(fd, in, len)) <= 0)
            break;
        fh_rfb_server_in_done(t.machine, 0, (size_t)n);
        while (fh_rfb_server_event(t.machine, &ev) > 0)
            if (ev.type == FH_RFB_SERVER_EV_KEY && ev.key.down)
                server_step(&t);
    }
    n = fh_rfb_server_error(t.machine);
    fh_rfb_server_free(t.machine);
    fh_encoder_free(t.elsewhere);
    free(t.fb.px);
    _exit(n != 0);
}

static struct {
    bool has_cursor, has_text;
    char *text;
} seen;

static void on_cursor(rfbClient *c, int hot_x, int hot_y, int w, int h, int bytes)
{
    ck_assert_int_eq(hot_x, 3);
    ck_assert_int_eq(hot_y, 4);
    ck_assert_int_eq(w, CURSOR);
    ck_assert_int_eq(h, CURSOR);
    for (int32_t i = 0; i < CURSOR * CURSOR && bytes == 4; i++) {
        ck_assert_uint_eq(c->rcMask[i] != 0, cursor_pixel(i) >> 31);
        ck_assert_uint_eq(c->rcSource[4 * i + c->format.redShift / 8], cursor_pixel(i) >> 16 & 255);
        ck_assert_uint_eq(c->rcSource[4 * i + c->format.blueShift / 8], cursor_pixel(i) & 255);
    }
    seen.has_cursor = true;
}

static void on_text(rfbClient *c, const char *text, int len)
{
    (void)c;
    ck_assert_int_eq(len, 4);
    ck_assert_mem_eq(text, "gr\xfc\xdf", 4);
    seen.has_text = true;
}

static uint32_t scaled(uint32_t v, uint16_t max, uint8_t shift)
{
    return (v * max + 127) / 255 << shift;
}

static uint32_t pixel_of(const rfbClient *c, int32_t x, int32_t y)
{
    const size_t i = (size_t)y * (size_t)c->width + (size_t)x;

    switch (c->format.bitsPerPixel) {
    case 8:
        return c->frameBuffer[i];
    case 16:
        return ((const uint16_t *)(const void *)c->frameBuffer)[i];
    default:
        return ((const uint32_t *)(const void *)c->frameBuffer)[i];
    }
}

static uint32_t off_by(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* slack: per colour and pixel, summed up over the picture; 0: exact. */
static bool has_picture(const rfbClient *c, const struct fh_framebuffer *fb, unsigned slack)
{
    const rfbPixelFormat *f = &c->format;
    uint64_t off = 0;

    if (c->width != fb->width || c->height != fb->height)
        return false;
    for (int32_t y = 0; y < fb->height; y++)
        for (int32_t x = 0; x < fb->width; x++) {
            const uint32_t want = fb->px[y * fb->stride_px + x], is = pixel_of(c, x, y);
            const uint32_t r = scaled(want >> 16 & 255, f->redMax, 0);
            const uint32_t g = scaled(want >> 8 & 255, f->greenMax, 0);
            const uint32_t b = scaled(want & 255, f->blueMax, 0);

            off += off_by(r, is >> f->redShift & f->redMax);
            off += off_by(g, is >> f->greenShift & f->greenMax);
            off += off_by(b, is >> f->blueShift & f->blueMax);
        }
    return off <= (uint64_t)slack * 3 * (uint64_t)fb->width * (uint64_t)fb->height;
}

static const struct view {
    const char *encodings;
    int bytes; /* of a pixel */
    bool jpeg;
    unsigned slack;
} views[] = {
    {"raw", 4, false, 0},
    {"raw", 2, false, 0},
    {"raw", 1, false, 0},
    {"copyrect raw", 4, false, 0},
    {"copyrect zrle raw", 4, false, 0},
    {"zrle raw", 2, false, 0},
    {"zrle raw", 1, false, 0},
    {"copyrect tight raw", 4, false, 0},
    {"tight raw", 2, false, 0},
    {"tight raw", 1, false, 0},
    {"copyrect tight raw", 4, true, 24},
    {"rre raw", 4, false, 0},
    {"rre zlib raw", 2, false, 0},
    {"rre raw", 1, false, 0},
    {"copyrect hextile raw", 4, false, 0},
    {"hextile raw", 2, false, 0},
    {"hextile raw", 1, false, 0},
    {"copyrect zlib raw", 4, false, 0},
    {"zlib raw", 2, false, 0},
    {"zlib raw", 1, false, 0},
    {"copyrect trle raw", 4, false, 0},
    {"trle raw", 2, false, 0},
    {"trle raw", 1, false, 0},
};

/* A socket on a free port of loopback. */
static int listen_somewhere(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void must_end_well(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static bool is_taken(const rfbClient *c, const struct fh_framebuffer *fb, enum step step,
                     unsigned slack)
{
    if (step == STEP_CURSOR)
        return seen.has_cursor;
    if (step == STEP_TEXT)
        return seen.has_text;
    return has_picture(c, fb, slack);
}

START_TEST(libvncclient_sees_the_picture_of_our_server)
{
    const struct view *v = &views[_i];
    struct fh_framebuffer fb = picture_new(WIDTH, HEIGHT, 0);
    rfbClient *c = rfbGetClient(v->bytes == 4 ? 8 : v->bytes == 2 ? 5 : 2, 3, v->bytes);
    int port, listener = listen_somewhere(&port);
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        serve(listener);
    close(listener);
    ck_assert_ptr_nonnull(c);
    free(c->serverHost);
    c->serverHost = strdup("127.0.0.1");
    c->serverPort = port;
    c->canHandleNewFBSize = TRUE;
    c->appData.encodingsString = v->encodings;
    c->appData.enableJPEG = v->jpeg;
    c->appData.qualityLevel = 9;
    c->appData.compressLevel = 3;
    c->appData.useRemoteCursor = TRUE;
    c->GotCursorShape = on_cursor;
    c->GotXCutText = on_text;
    ck_assert(rfbInitClient(c, NULL, NULL));
    ck_assert_str_eq(c->desktopName, "interop");
    for (enum step step = STEP_START; step < STEPS; step++) {
        if (step == STEP_RESIZE) {
            free(fb.px);
            fb = picture_new(BIG_WIDTH, BIG_HEIGHT, 0);
        }
        take_step(&fb, step);
        if (step != STEP_START)
            ck_assert(SendKeyEvent(c, 0x61, TRUE));
        while (!is_taken(c, &fb, step, v->slack)) {
            const int n = WaitForMessage(c, 1000000);

            ck_assert_int_ge(n, 0);
            ck_assert_msg(n == 0 || HandleRFBServerMessage(c), "%s refuses step %d", v->encodings,
                          step);
        }
    }
    free(c->frameBuffer);
    rfbClientCleanup(c);
    must_end_well(pid);
    free(fb.px);
}
END_TEST

/* Our client looks at libvncserver. */

static struct fh_framebuffer shared; /* libvncserver's picture, 0x00RRGGBB */
static enum step shared_step;

static void on_key(rfbBool down, rfbKeySym key, rfbClientPtr cl)
{
    static char bits[CURSOR * CURSOR + 1], mask[CURSOR * CURSOR + 1];
    rfbScreenInfoPtr screen = cl->screen;
    struct fh_framebuffer old = shared;

    (void)key;
    if (!down)
        return;
    switch (++shared_step) {
    case STEP_DAMAGE:
        take_step(&shared, shared_step);
        rfbMarkRectAsModified(screen, 70, 50, 70 + 111, 50 + 131);
        break;
    case STEP_SCROLL_UP: /* libvncserver moves the pixels itself */
        rfbDoCopyRect(screen, 0, 0, WIDTH, HEIGHT - SCROLL, 0, -SCROLL);
        break;
    case STEP_SCROLL_DOWN:
        rfbDoCopyRect(screen, SHIFT, SCROLL, WIDTH, HEIGHT, SHIFT, SCROLL);
        break;
    case STEP_CURSOR:
        memset(bits, 'x', CURSOR * CURSOR);
        for (int i = 0; i < CURSOR * CURSOR; i++)
            mask[i] = cursor_pixel(i) >> 31 ? 'x' : ' ';
        rfbSetCursor(screen, rfbMakeXCursor(CURSOR, CURSOR, bits, mask));
        screen->cursor->xhot = 3;
        screen->cursor->yhot = 4;
        break;
    case STEP_TEXT:
        /* Its Latin-1 in place of UTF-8 goes out with the length of the UTF-8. */
        if (cl->enableExtendedClipboard)
            rfbSendServerCutTextUTF8(screen, (char[]){EURO}, sizeof EURO - 1, NULL, 0);
        else
            rfbSendServerCutText(screen, (char[]){'g', 'r', '\xfc', '\xdf', 0}, 4);
        break;
    case STEP_RESIZE:
        shared = picture_new(BIG_WIDTH, BIG_HEIGHT, 0);
        shared.stride_px = BIG_WIDTH;
        take_step(&shared, shared_step);
        rfbNewFramebuffer(screen, (char *)shared.px, BIG_WIDTH, BIG_HEIGHT, 8, 3, 4);
        screen->serverFormat.redShift = 16;
        screen->serverFormat.blueShift = 0;
        free(old.px);
        break;
    case STEP_SMALL:
        take_step(&shared, shared_step);
        rfbMarkRectAsModified(screen, 0, 0, 1, 1);
        rfbMarkRectAsModified(screen, BIG_WIDTH - 1, BIG_HEIGHT - 1, BIG_WIDTH, BIG_HEIGHT);
        break;
    case STEP_START:
    case STEPS:
        break;
    }
}

/* It speaks the extended clipboard only where there is somebody to tell. */
static void on_utf8(char *text, int len, rfbClientPtr cl)
{
    (void)text;
    (void)len;
    (void)cl;
}

static bool is_gone;

static void on_gone(rfbClientPtr cl)
{
    (void)cl;
    is_gone = true;
}

static enum rfbNewClientAction on_client(rfbClientPtr cl)
{
    cl->clientGoneHook = on_gone;
    return RFB_CLIENT_ACCEPT;
}

static void quiet(const char *format, ...)
{
    (void)format;
}

static void serve_by_libvncserver(int fd)
{
    rfbScreenInfoPtr screen;

    rfbLog = rfbErr = quiet;
    shared = picture_new(WIDTH, HEIGHT, 0);
    shared.stride_px = WIDTH;
    take_step(&shared, STEP_START);
    screen = rfbGetScreen(NULL, NULL, WIDTH, HEIGHT, 8, 3, 4);
    screen->frameBuffer = (char *)shared.px;
    screen->serverFormat.redShift = 16;
    screen->serverFormat.blueShift = 0;
    screen->desktopName = "interop";
    screen->port = screen->ipv6port = 0;
    screen->autoPort = FALSE;
    screen->kbdAddEvent = on_key;
    screen->setXCutTextUTF8 = on_utf8;
    screen->newClientHook = (enum rfbNewClientAction(*)(rfbClientPtr))on_client;
    rfbInitServer(screen);
    if (!rfbNewClient(screen, fd))
        _exit(1);
    while (!is_gone)
        rfbProcessEvents(screen, 100000);
    _exit(0);
}

static const int32_t only_raw[] = {FH_ENC_RAW, FH_ENC_CURSOR, FH_ENC_DESKTOP_SIZE};
static const int32_t zrle[] = {FH_ENC_COPY_RECT, FH_ENC_ZRLE, FH_ENC_CURSOR,
                               FH_ENC_EXTENDED_DESKTOP_SIZE, FH_ENC_LAST_RECT};
static const int32_t rre[] = {FH_ENC_COPY_RECT, FH_ENC_RRE, FH_ENC_CURSOR, FH_ENC_DESKTOP_SIZE};
static const int32_t hextile[] = {FH_ENC_HEXTILE, FH_ENC_CURSOR, FH_ENC_DESKTOP_SIZE};
static const int32_t zlib[] = {FH_ENC_ZLIB, FH_ENC_XCURSOR, FH_ENC_DESKTOP_SIZE};
static const int32_t tight[] = {FH_ENC_TIGHT, FH_ENC_CURSOR, FH_ENC_DESKTOP_SIZE, FH_ENC_LAST_RECT};
static const int32_t png[] = {FH_ENC_TIGHT_PNG, FH_ENC_CURSOR, FH_ENC_DESKTOP_SIZE,
                              FH_ENC_LAST_RECT};
static const struct fh_pixel_format bgr = {32, 24, false, true, 255, 255, 255, 0, 8, 16};
static const struct fh_pixel_format big = {32, 24, true, true, 255, 255, 255, 16, 8, 0};
static const struct {
    struct fh_rfb_client_config cfg;
    unsigned slack;
} lookers[] = {
    {{.encodings = only_raw, .n_encodings = 3, .quality = -1, .level = -1}, 0},
    {{.encodings = zrle, .n_encodings = 5, .quality = -1, .level = 9}, 0},
    {{.quality = -1, .level = -1}, 0},
    {{.quality = -1, .level = 1, .continuous = true}, 0},
    {{.quality = 9, .level = 5}, 24},
    {{.encodings = rre, .n_encodings = 4, .quality = -1, .level = -1}, 0},
    {{.encodings = hextile, .n_encodings = 3, .quality = -1, .level = -1}, 0},
    {{.encodings = zlib, .n_encodings = 3, .quality = -1, .level = 5}, 0},
    {{.encodings = tight, .n_encodings = 4, .quality = -1, .level = 5}, 0},
    {{.encodings = tight, .n_encodings = 4, .quality = -1, .level = 0}, 0},
    {{.encodings = tight, .n_encodings = 4, .quality = FH_QUALITY_FINE + 97, .level = 2}, 24},
    {{.encodings = png, .n_encodings = 4, .quality = -1, .level = 3}, 0},
    {{.encodings = only_raw, .n_encodings = 3, .quality = -1, .level = -1, .format = &bgr}, 0},
    {{.encodings = hextile, .n_encodings = 3, .quality = -1, .level = -1, .format = &big}, 0},
    {{.encodings = zrle, .n_encodings = 5, .quality = -1, .level = 1, .format = &big}, 0},
    {{.encodings = tight, .n_encodings = 4, .quality = -1, .level = 1, .format = &bgr}, 0},
};

/* Our client's picture against the one that should be. */
static bool is_shown(const struct fh_rfb_client *c, const struct fh_framebuffer *fb, unsigned slack)
{
    const struct fh_framebuffer *got = fh_rfb_client_framebuffer(c);
    uint64_t off = 0;

    if (!got || got->width != fb->width || got->height != fb->height)
        return false;
    for (int32_t y = 0; y < fb->height; y++)
        for (int32_t x = 0; x < fb->width; x++)
            for (int shift = 0; shift < 24; shift += 8)
                off += off_by(got->px[y * got->stride_px + x] >> shift & 255,
                              fb->px[y * fb->stride_px + x] >> shift & 255);
    return off <= (uint64_t)slack * 3 * (uint64_t)fb->width * (uint64_t)fb->height;
}

static void client_handshake(int fd)
{
    uint8_t version[12], n, types[255], none = 1, result[4];

    read_all(fd, version, 12);
    ck_assert_mem_eq(version, "RFB 003.008\n", 12);
    write_all(fd, "RFB 003.008\n", 12);
    read_all(fd, &n, 1);
    read_all(fd, types, n);
    ck_assert_ptr_nonnull(memchr(types, 1, n));
    write_all(fd, &none, 1);
    read_all(fd, result, 4);
    ck_assert_mem_eq(result, "\0\0\0\0", 4);
}

/* Carries bytes both ways once. */
static void carry(struct fh_rfb_client *c, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct fh_rfb_client_event ev;
    const uint8_t *out;
    uint8_t *in;
    size_t len;
    ssize_t n;

    while ((out = fh_rfb_client_out(c, &len)) != NULL) {
        write_all(fd, out, len);
        fh_rfb_client_out_done(c, len);
    }
    poll(&p, 1, -1);
    in = fh_rfb_client_in(c, &len);
    ck_assert_msg(in != NULL, "%s", fh_rfb_strerror(fh_rfb_client_error(c)));
    n = read(fd, in, len);
    ck_assert_int_gt(n, 0);
    fh_rfb_client_in_done(c, 0, (size_t)n);
    while (fh_rfb_client_event(c, &ev) > 0) {
        if (ev.type == FH_RFB_CLIENT_EV_CURSOR && ev.cursor.w == CURSOR) {
            seen.has_cursor = ev.cursor.h == CURSOR;
            for (int32_t i = 0; i < CURSOR * CURSOR; i++)
                ck_assert_uint_eq(ev.cursor.argb[i] >> 31, cursor_pixel(i) >> 31);
        }
        if (ev.type == FH_RFB_CLIENT_EV_CUT_TEXT) {
            seen.text = strdup(ev.cut_text.text);
            seen.has_text = true;
        }
    }
    ck_assert_msg(fh_rfb_client_error(c) == 0, "%s", fh_rfb_strerror(fh_rfb_client_error(c)));
}

START_TEST(our_client_sees_the_picture_of_libvncserver)
{
    struct fh_framebuffer fb = picture_new(WIDTH, HEIGHT, 0);
    struct fh_rfb_client *c = fh_rfb_client_new(&lookers[_i].cfg);
    bool is_there;
    int fds[2];
    pid_t pid;

    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(fds[0]);
        serve_by_libvncserver(fds[1]);
    }
    close(fds[1]);
    client_handshake(fds[0]);
    for (enum step step = STEP_START; step < STEPS; step++) {
        if (step == STEP_RESIZE) {
            free(fb.px);
            fb = picture_new(BIG_WIDTH, BIG_HEIGHT, 0);
        }
        take_step(&fb, step);
        if (step != STEP_START)
            ck_assert_int_eq(fh_rfb_client_key(c, 0x61, 0, true), 0);
        do {
            carry(c, fds[0]);
            is_there = step == STEP_CURSOR ? seen.has_cursor
                       : step == STEP_TEXT ? seen.has_text
                                           : is_shown(c, &fb, lookers[_i].slack);
        } while (!is_there);
    }
    ck_assert_str_eq(fh_rfb_client_name(c), "interop");
    ck_assert_str_eq(seen.text, lookers[_i].cfg.encodings ? "gr\xc3\xbc\xc3\x9f" : EURO);
    free(seen.text);
    close(fds[0]);
    must_end_well(pid);
    fh_rfb_client_free(c);
    free(fb.px);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("libvncserver and libvncclient");
    TCase *tc = tcase_create("libvncserver and libvncclient");
    SRunner *sr;
    int failed;

    rfbClientLog = rfbClientErr = quiet;
    tcase_set_timeout(tc, 20);
    tcase_add_loop_test(tc, libvncclient_sees_the_picture_of_our_server, 0, (int)ARRAY_LEN(views));
    tcase_add_loop_test(tc, our_client_sees_the_picture_of_libvncserver, 0,
                        (int)ARRAY_LEN(lookers));
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
