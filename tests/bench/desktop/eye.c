/* SPDX-License-Identifier: MIT */
/*
 * eye HOST PORT KIND LAST QUALITY [PSNR] -- watches a scene (scene.h) through a VNC server;
 * libvncclient reads it.
 *
 * QUALITY: 0 to 9, or -1 for lossless. Prints "ready" when frame 1 is seen, a line "N NANOSECONDS
 * BYTES" for each frame that is (CLOCK_MONOTONIC when it was decoded; bytes received so far), and
 * ends after frame LAST. PSNR: every so many frames "psnr N DECIBEL" is said of the picture beside
 * the true one, which costs time: not in a run that is timed.
 */
#include <linux/tcp.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <rfb/rfbclient.h>

#include "scene.h"

static struct {
    unsigned last, seen, psnr, truth;
    struct scene *scene;
    uint32_t *pixels;
} eye;

static void die(const char *what)
{
    fprintf(stderr, "eye: %s\n", what);
    exit(1);
}

static unsigned long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000000u + (unsigned long long)t.tv_nsec;
}

static unsigned long long received(const rfbClient *client)
{
    struct tcp_info info;
    socklen_t len = sizeof info;

    memset(&info, 0, sizeof info);
    getsockopt(client->sock, IPPROTO_TCP, TCP_INFO, &info, &len);
    return info.tcpi_bytes_received;
}

static double psnr(const uint32_t *a, const uint32_t *b)
{
    double sum = 0;

    for (long i = 0; i < (long)SCENE_WIDTH * SCENE_HEIGHT; i++) {
        for (int shift = 0; shift < 24; shift += 8) {
            const int d = (int)(a[i] >> shift & 255) - (int)(b[i] >> shift & 255);

            sum += d * d;
        }
    }
    sum /= 3.0 * SCENE_WIDTH * SCENE_HEIGHT;
    return sum > 0 ? 10 * log10(255.0 * 255.0 / sum) : 99;
}

static void compare(const rfbClient *client, unsigned n)
{
    while (eye.truth < n)
        eye.truth = scene_next(eye.scene, NULL, NULL);
    printf("psnr %u %.2f\n", n,
           psnr((const uint32_t *)(const void *)client->frameBuffer, eye.pixels));
}

static void finished(rfbClient *client)
{
    const unsigned n = scene_number((const uint32_t *)(const void *)client->frameBuffer);

    if (n == 0 || n <= eye.seen || n > eye.last)
        return;
    printf("%u %llu %llu\n", n, now_ns(), received(client));
    if (eye.psnr && n / eye.psnr != eye.seen / eye.psnr)
        compare(client, n);
    if (eye.seen == 0)
        puts("ready");
    fflush(stdout);
    eye.seen = n;
}

static rfbBool resize(rfbClient *client)
{
    if (client->width < SCENE_WIDTH || client->height < SCENE_HEIGHT)
        die("the desktop is smaller than the scene");
    free(client->frameBuffer);
    client->frameBuffer = calloc((size_t)client->width * (size_t)client->height, 4);
    return client->frameBuffer != NULL;
}

static void quiet(const char *format, ...)
{
    (void)format;
}

int main(int argc, char **argv)
{
    rfbClient *client = rfbGetClient(8, 3, 4);
    char line[8];
    int quality;

    if (argc < 6 || argc > 7 || !client)
        die("expected HOST PORT KIND LAST QUALITY [PSNR]");
    rfbClientLog = quiet;
    eye.last = (unsigned)strtoul(argv[4], NULL, 10);
    eye.psnr = argc == 7 ? (unsigned)strtoul(argv[6], NULL, 10) : 0;
    eye.pixels = calloc((size_t)SCENE_WIDTH * SCENE_HEIGHT, sizeof *eye.pixels);
    eye.scene = eye.pixels ? scene_new(argv[3], eye.pixels) : NULL;
    if (!eye.scene)
        die("no such scene");
    quality = atoi(argv[5]);
    client->serverHost = strdup(argv[1]);
    client->serverPort = atoi(argv[2]);
    client->appData.encodingsString = "copyrect tight zrle hextile raw";
    client->appData.compressLevel = 2;
    client->appData.enableJPEG = quality >= 0;
    client->appData.qualityLevel = quality >= 0 ? quality : 9;
    client->appData.useRemoteCursor = TRUE;
    client->canHandleNewFBSize = FALSE;
    client->format.redShift = 16;
    client->format.greenShift = 8;
    client->format.blueShift = 0;
    client->MallocFrameBuffer = resize;
    client->FinishedFrameBufferUpdate = finished;
    if (!rfbInitClient(client, NULL, NULL))
        die("no server");
    while (eye.seen < eye.last) {
        const int n = WaitForMessage(client, 5000000);

        if (n == 0 && eye.seen > 0) /* nothing for long: the last frame was lost or never made */
            break;
        if (n < 0 || (n > 0 && !HandleRFBServerMessage(client)))
            die("the server left");
    }
    puts("end");
    fflush(stdout);
    /* While it is connected what the server spent on it can be read. */
    if (fgets(line, sizeof line, stdin) && line[0] != '\n')
        die("expected an empty line");
    rfbClientCleanup(client);
    scene_free(eye.scene);
    free(eye.pixels);
    return 0;
}
