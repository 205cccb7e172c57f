/* SPDX-License-Identifier: MIT */
/*
 * Our machines beside libvncserver and libvncclient: CPU time of a server that sends a picture of
 * 1024 x 768 over and over, and of a client that reads it, the socket's share included. Each reads
 * or writes with a thread of its own at the other end.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rfb/rfb.h>
#include <rfb/rfbclient.h>
#include <rfb/rfbregion.h>

#include <farhand/rfb_client.h>
#include <farhand/rfb_server.h>

#include "../tests/picture.h"

enum { WIDTH = 1024, HEIGHT = 768, LEVEL = 2, ROOM = 8 << 20 };

static const double min_seconds = 0.5;
static const struct way {
    int32_t enc;
    const char *name;
} ways[] = {
    {FH_ENC_RAW, "raw"},     {FH_ENC_RRE, "rre"},   {FH_ENC_HEXTILE, "hextile"},
    {FH_ENC_ZLIB, "zlib"},   {FH_ENC_TRLE, "trle"}, {FH_ENC_ZRLE, "zrle"},
    {FH_ENC_TIGHT, "tight"},
};

static double cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_libvnc: %s\n", what);
    exit(1);
}

static void quiet(const char *format, ...)
{
    (void)format;
}

/* ---- the other ends ---- */

static void *drain(void *fd)
{
    static char mem[1 << 16];

    while (read(*(int *)fd, mem, sizeof mem) > 0)
        ;
    return NULL;
}

struct stream {
    int fd;
    const uint8_t *data; /* an update, which goes out again and again */
    size_t len;
};

static void *pour(void *arg)
{
    const struct stream *s = arg;
    ssize_t n = 1;

    while (n > 0)
        for (size_t at = 0; n > 0 && at < s->len; at += (size_t)n)
            if ((n = send(s->fd, s->data + at, s->len - at, MSG_NOSIGNAL)) <= 0)
                break;
    return NULL;
}

/* ---- servers ---- */

static void say(struct fh_rfb_server *s, const void *data, size_t len)
{
    struct fh_rfb_server_event ev;
    size_t room;

    memcpy(fh_rfb_server_in(s, &room), data, len);
    must(fh_rfb_server_in_done(s, 0, len) == 0, "our server refuses a message");
    while (fh_rfb_server_event(s, &ev) > 0)
        ;
}

static size_t send_all(struct fh_rfb_server *s, int fd, uint8_t *keep)
{
    const uint8_t *out;
    size_t len, sum = 0;
    ssize_t n;

    while ((out = fh_rfb_server_out(s, 0, &len)) != NULL) {
        must((n = write(fd, out, len)) > 0, "cannot write");
        if (keep)
            memcpy(keep + sum, out, (size_t)n);
        fh_rfb_server_out_done(s, (size_t)n);
        sum += (size_t)n;
    }
    return sum;
}

static struct fh_rfb_server *our_server(const struct fh_framebuffer *fb, int32_t enc, int fd)
{
    uint8_t hello[] = {1, 2, 0, 0, 2, 0, 0, 0, (uint8_t)enc, 0xff, 0xff, 0xff, LEVEL};
    struct fh_rfb_server *s = fh_rfb_server_new();

    must(s && fh_rfb_server_set_screen(s, fb, NULL, 0) == 0, "no server");
    say(s, hello, sizeof hello);
    (void)send_all(s, fd, NULL);
    return s;
}

static const uint8_t all[] = {3, 0, 0, 0, 0, 0, WIDTH >> 8, WIDTH & 255, HEIGHT >> 8, HEIGHT & 255};

/* Mpixel per second of CPU. */
static double serve(const struct fh_framebuffer *fb, int32_t enc)
{
    int fds[2], passes = 0;
    struct fh_rfb_server *s;
    double from, seconds;
    pthread_t other;

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "no socket");
    pthread_create(&other, NULL, drain, &fds[1]);
    s = our_server(fb, enc, fds[0]);
    from = cpu();
    do {
        say(s, all, sizeof all);
        must(send_all(s, fds[0], NULL) > 1000 || enc != FH_ENC_RAW, "nothing was sent");
        passes++;
    } while ((seconds = cpu() - from) < min_seconds);
    fh_rfb_server_free(s);
    shutdown(fds[0], SHUT_RDWR);
    pthread_join(other, NULL);
    close(fds[0]);
    close(fds[1]);
    return 1e-6 * WIDTH * HEIGHT * passes / seconds;
}

static double serve_by_libvncserver(const struct fh_framebuffer *fb, int32_t enc)
{
    rfbScreenInfoPtr screen = rfbGetScreen(NULL, NULL, WIDTH, HEIGHT, 8, 3, 4);
    int fds[2], passes = 0;
    double from, seconds;
    rfbClientPtr cl;
    pthread_t other;

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "no socket");
    pthread_create(&other, NULL, drain, &fds[1]);
    screen->frameBuffer = (char *)fb->px;
    screen->serverFormat.redShift = 16;
    screen->serverFormat.blueShift = 0;
    screen->port = screen->ipv6port = -1;
    screen->cursor = NULL;
    rfbInitServer(screen);
    must((cl = rfbNewClient(screen, fds[0])) != NULL, "no client");
    cl->state = RFB_NORMAL;
    cl->preferredEncoding = enc;
    cl->format = screen->serverFormat;
    cl->translateFn = rfbTranslateNone;
    cl->zlibCompressLevel = cl->tightCompressLevel = LEVEL;
    cl->enableLastRectEncoding = TRUE;
    cl->tightQualityLevel = cl->turboQualityLevel = -1; /* no JPEG */
    from = cpu();
    do {
        sraRegionPtr region = sraRgnCreateRect(0, 0, WIDTH, HEIGHT);

        sraRgnDestroy(cl->requestedRegion);
        cl->requestedRegion = sraRgnCreateRgn(region);
        must(rfbSendFramebufferUpdate(cl, region), "libvncserver sends nothing");
        sraRgnDestroy(region);
        passes++;
    } while ((seconds = cpu() - from) < min_seconds);
    shutdown(fds[0], SHUT_RDWR);
    pthread_join(other, NULL);
    close(fds[1]);
    return 1e-6 * WIDTH * HEIGHT * passes / seconds;
}

/* ---- clients ---- */

/* The first n updates of a connection: each client begins with it, as its zlib streams do. */
static size_t make_update(const struct fh_framebuffer *fb, int32_t enc, uint8_t *out, int n)
{
    int fds[2];
    struct fh_rfb_server *s;
    pthread_t other;
    size_t len = 0;

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "no socket");
    pthread_create(&other, NULL, drain, &fds[1]);
    s = our_server(fb, enc, fds[0]);
    for (int i = 0; i < n; i++) {
        say(s, all, sizeof all);
        len += send_all(s, fds[0], out + len);
        must(len < (size_t)n * ROOM, "a large update");
    }
    fh_rfb_server_free(s);
    shutdown(fds[0], SHUT_RDWR);
    pthread_join(other, NULL);
    close(fds[0]);
    close(fds[1]);
    return len;
}

enum { UPDATES = 6 };

static double look(int fd, int32_t enc)
{
    static const uint8_t init[] = {WIDTH >> 8, WIDTH & 255, HEIGHT >> 8, HEIGHT & 255,
                                   32,         24,          0,           1,
                                   0,          255,         0,           255,
                                   0,          255,         16,          8,
                                   0,          0,           0,           0,
                                   0,          0,           0,           0};
    const struct fh_rfb_client_config cfg = {
        .encodings = &enc, .n_encodings = 1, .quality = -1, .level = LEVEL};
    struct fh_rfb_client *c = fh_rfb_client_new(&cfg);
    struct fh_rfb_client_event ev;
    int updates = 0;
    size_t room;
    double from;
    ssize_t n;

    must(c != NULL, "no client");
    memcpy(fh_rfb_client_in(c, &room), init, sizeof init);
    fh_rfb_client_in_done(c, 0, sizeof init);
    while (fh_rfb_client_event(c, &ev) > 0)
        ;
    from = cpu();
    while (updates < UPDATES) {
        uint8_t *in = fh_rfb_client_in(c, &room);

        must(in && (n = read(fd, in, room)) > 0, "our client stops");
        fh_rfb_client_in_done(c, 0, (size_t)n);
        while (updates < UPDATES && fh_rfb_client_event(c, &ev) > 0)
            updates += ev.type == FH_RFB_CLIENT_EV_UPDATE;
        if (fh_rfb_client_out(c, &room))
            fh_rfb_client_out_done(c, room);
    }
    from = cpu() - from;
    fh_rfb_client_free(c);
    return from;
}

static double look_by_libvncclient(int fd, int32_t enc)
{
    rfbClient *c = rfbGetClient(8, 3, 4);
    double from;

    (void)enc;
    must(c != NULL, "no client");
    c->width = WIDTH;
    c->height = HEIGHT;
    c->si.framebufferWidth = WIDTH;
    c->si.framebufferHeight = HEIGHT;
    c->format.redShift = 16;
    c->format.greenShift = 8;
    c->format.blueShift = 0;
    must(c->MallocFrameBuffer(c), "no memory");
    c->sock = fd;
    from = cpu();
    for (int i = 0; i < UPDATES; i++)
        must(HandleRFBServerMessage(c), "libvncclient stops");
    from = cpu() - from;
    c->sock = -1;
    free(c->frameBuffer);
    rfbClientCleanup(c);
    return from;
}

static double watch(const struct stream *updates, int32_t enc, double (*looker)(int, int32_t))
{
    double seconds = 0;
    int passes = 0, fds[2];

    for (; seconds < min_seconds; passes++) {
        struct stream s = *updates;
        pthread_t other;

        must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "no socket");
        s.fd = fds[1];
        pthread_create(&other, NULL, pour, &s);
        seconds += looker(fds[0], enc);
        shutdown(fds[0], SHUT_RDWR);
        pthread_join(other, NULL);
        close(fds[0]);
        close(fds[1]);
    }
    return 1e-6 * WIDTH * HEIGHT * UPDATES * passes / seconds;
}

static void report(const char *what, const char *picture, const char *figure, double value,
                   double peer)
{
    printf("bench: rfb-%s-%s-%s value=%.4g unit=Mpx/s peer=libvnc:%.4g ratio=%.2f goal=1.00 %s\n",
           what, picture, figure, value, peer, value / peer, value >= peer ? "ok" : "short");
    fflush(stdout);
}

int main(void)
{
    static const struct {
        enum picture kind;
        const char *name;
    } pictures[] = {{PICTURE_TEXT, "text"}, {PICTURE_PHOTO, "photo"}};
    struct fh_framebuffer fb = {.width = WIDTH, .height = HEIGHT, .stride_px = WIDTH};
    uint8_t *updates = malloc((size_t)UPDATES * ROOM);

    rfbLog = rfbErr = rfbClientLog = rfbClientErr = quiet;
    fb.px = malloc(sizeof *fb.px * WIDTH * HEIGHT);
    must(updates && fb.px, "no memory");
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        picture_draw(&fb, pictures[i].kind, 0);
        for (size_t k = 0; k < sizeof ways / sizeof ways[0]; k++) {
            const int32_t enc = ways[k].enc;
            const struct stream s = {.data = updates,
                                     .len = make_update(&fb, enc, updates, UPDATES)};

            if (enc != FH_ENC_TRLE) /* libvncserver has no encoder of it */
                report(ways[k].name, pictures[i].name, "serve", serve(&fb, enc),
                       serve_by_libvncserver(&fb, enc));
            report(ways[k].name, pictures[i].name, "view", watch(&s, enc, look),
                   watch(&s, enc, look_by_libvncclient));
        }
    }
    free(updates);
    free(fb.px);
    return 0;
}
