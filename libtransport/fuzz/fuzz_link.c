/* SPDX-License-Identifier: MIT */
/*
 * A link whose peer says anything, on several streams, with any timing. The first byte chooses the
 * side and whether it is secured; then steps of `u8 what | u8 n | bytes[n]`. What is kept stays
 * bounded, an end is told once, and no deadline stays in the past.
 */
#include <assert.h>
#include <string.h>

#include <farhand/link.h>
#include <farhand/pipe.h>

#include "../src/link_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { WIRES = 8 };

static struct {
    struct fh_link *link;
    struct fh_stream *s;
    struct fh_pipe *pipe[WIRES];
    size_t n;
    uint64_t now;
    unsigned ends;
    bool stops, is_server;
} f;

static uint64_t now(void *user)
{
    (void)user;
    return f.now;
}

static void wake(void *user)
{
    (void)user;
}

static void fixed(void *user, void *out, size_t len)
{
    (void)user;
    memset(out, 7, len);
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    return f.stops ? len / 2 : len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    (void)user;
    (void)error;
    assert(f.ends++ == 0);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void run(void)
{
    struct fh_link_event ev;

    for (size_t i = 0; i < f.n; i++)
        (void)fh_pipe_run(f.pipe[i]);
    for (int i = 0; i < 20 && fh_link_deadline(f.link) <= f.now; i++) {
        fh_link_tick(f.link);
        while (fh_link_event(f.link, &ev) > 0)
            continue;
    }
    assert(fh_link_deadline(f.link) > f.now);
}

static struct fh_stream *wire(void)
{
    static const struct fh_pipe_config cfg = {.buffer_len = 4096};

    f.pipe[f.n] = fh_pipe_new(&cfg);
    return fh_pipe_end(f.pipe[f.n++], 0);
}

/* The first bytes of a stream, as a server takes them; the rest is read from it. */
static void open_server(const uint8_t *data, size_t len)
{
    struct fh_link_opening o = {.len = 0};
    struct fh_stream *s = wire();
    size_t taken;

    switch (fh_link_look(&o, data, len, &taken)) {
    case FH_LINK_NEW:
        (void)fh_link_begin(f.link, s, &o);
        break;
    case FH_LINK_RESUME:
        (void)fh_link_accept(f.link, s, &o);
        break;
    case FH_LINK_MORE:
    case FH_LINK_PLAIN:
    case FH_LINK_BAD:
        fh_stream_close(s, NULL, NULL);
        return;
    }
    (void)fh_pipe_inject(f.pipe[f.n - 1], 1, data + taken, len - taken);
}

/* One whose MAC is right: what comes behind it is not reached by guessing. */
static void open_proved(uint64_t counter, uint64_t want)
{
    struct fh__link_attach a = {.counter = counter, .want = want, .flags = counter & 1};
    uint8_t key[FH_LINK_KEY_LEN] = {0}, bytes[FH_LINK_OPENING_MAX];

    memcpy(bytes, fh__link_greeting, FH_LINK_GREETING_LEN);
    (void)fh__link_write_attach(bytes + FH_LINK_GREETING_LEN, key, &a);
    open_server(bytes, sizeof bytes);
}

static void step(uint8_t what, const uint8_t *data, size_t len)
{
    static const uint8_t text[3000];

    switch (what % 12) {
    case 0:
        if (f.n < WIRES && f.is_server)
            open_server(data, len);
        else if (f.n < WIRES)
            (void)fh_link_attach(f.link, wire(), len ? data[0] : 0);
        break;
    case 1:
        if (f.n < WIRES && f.is_server && len >= 2)
            open_proved(data[0], data[1]);
        break;
    case 2:
        fh_pipe_cut(f.pipe[len && f.n ? data[0] % f.n : 0]);
        break;
    case 3:
        f.now += len * 100;
        break;
    case 4:
        (void)fh_stream_write(f.s, text, len * 10);
        break;
    case 5:
        f.stops = !f.stops;
        fh_stream_resume(f.s);
        break;
    case 6:
        if (len > 200)
            fh_stream_shutdown(f.s);
        break;
    case 7:
        if (len > 250)
            fh_stream_close(f.s, NULL, NULL);
        break;
    default:
        (void)fh_pipe_inject(f.pipe[what % f.n], 1, data, len);
    }
}

static void begin(uint8_t how)
{
    struct fh_link_config cfg = {
        .keep_len = FH_LINK_KEEP_MIN, .random = fixed, .now = now, .wake = wake};
    static const uint8_t opening[] = "FARHAND 101\n\1\0\0\2\0\74";
    uint8_t key[FH_LINK_KEY_LEN] = {0}, ref[FH_LINK_REF_LEN] = {0};

    memset(&f, 0, sizeof f);
    f.now = 1;
    f.is_server = how & 1;
    cfg.side = f.is_server ? FH_LINK_SERVER : FH_LINK_CLIENT;
    f.link = fh_link_new(&cfg);
    f.s = fh_link_stream(f.link);
    fh_stream_attach(f.s, &events, NULL);
    if (f.is_server)
        open_server(opening, sizeof opening - 1);
    else
        (void)fh_link_begin(f.link, wire(), NULL);
    if (how & 2)
        fh_link_secure(f.link, key, ref);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_link_info info;

    if (len == 0)
        return 0;
    begin(data[0]);
    for (size_t at = 1; at + 2 <= len;) {
        size_t n = data[at + 1] < len - at - 2 ? data[at + 1] : len - at - 2;

        step(data[at], data + at + 2, n);
        at += 2 + n;
        run();
        fh_link_info(f.link, &info);
        assert(info.kept <= FH_LINK_KEEP_MIN && info.paths <= FH_LINK_PATHS_MAX);
    }
    fh_link_free(f.link);
    for (size_t i = 0; i < f.n; i++)
        fh_pipe_free(f.pipe[i]);
    return 0;
}
