/* SPDX-License-Identifier: MIT */
/*
 * A server's plain bytes into a viewer's session. The first byte: bit 0 gives everything at once,
 * otherwise in pieces of 1 to 16 (bits 1 to 4); bit 5: the credentials are known beforehand.
 */
#include <stdlib.h>

#include "../src/viewer_session.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

static void zero_random(void *user, void *out, size_t len)
{
    (void)user;
    memset(out, 0, len);
}

struct state {
    struct fh__viewer_session s;
    bool has_started;
    unsigned ended;
};

static void work(struct state *t)
{
    struct fh_viewer_conn_event ev;
    enum fh_channel_padding padding;
    static uint8_t out[4096];

    while (fh__viewer_session_event(&t->s, &ev)) {
        require(t->ended == 0);
        t->has_started |= ev.type == FH_VIEWER_CONN_EV_STARTED;
        require(ev.type != FH_VIEWER_CONN_EV_RECT || t->has_started);
        if (ev.type == FH_VIEWER_CONN_EV_CREDENTIALS)
            require(fh__viewer_session_credentials(&t->s, "u", "p", 1) == 0);
        if (ev.type == FH_VIEWER_CONN_EV_ENDED) {
            t->ended++;
            require(fh__session_text_is_clean(ev.ended.text, strlen(ev.ended.text)));
        }
    }
    for (unsigned i = 0; i < 4; i++)
        require(fh__viewer_session_fill(&t->s, 1, out, sizeof out, &padding) <= sizeof out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct fh_rfb_client_config rfb = {
        .quality = 5, .level = 1, .max_pixels = 256 * 256, .continuous = true, .pipeline = true};
    struct fh_viewer_conn_config cfg = {.random = zero_random, .now_ms = 1};
    const uint8_t methods[] = {FH_METHOD_PASSWORD};
    struct state *t;
    size_t piece;
    unsigned stuck = 0;

    if (len == 0 || !(t = calloc(1, sizeof *t)))
        return 0;
    if ((data[0] & 0x20) != 0) {
        cfg.user = cfg.password = "x";
        cfg.password_len = 1;
    }
    piece = (data[0] & 1) ? len : 1u + ((data[0] >> 1) & 15u);
    data++;
    len--;
    require(fh__viewer_session_init(&t->s, &cfg, fh_rfb_client_new(&rfb)) == 0);
    fh__viewer_session_open(&t->s, 1, methods, 1);
    work(t);
    while (len > 0 && stuck < 3) {
        size_t n = piece < len ? piece : len;
        size_t used = fh__viewer_session_input(&t->s, 1, data, n);

        require(used <= n);
        data += used;
        len -= used;
        stuck = used > 0 ? 0 : stuck + 1;
        work(t);
    }
    fh__viewer_session_end(&t->s, FH_BYE_LOST, 0, false);
    work(t);
    require(t->ended == 1);
    fh__viewer_session_finish(&t->s);
    free(t);
    return 0;
}
