/* SPDX-License-Identifier: MIT */
/*
 * A viewer's plain bytes into a server's session. The first byte: bit 0 gives everything at once,
 * otherwise in pieces of 1 to 16 (bits 1 to 4); bits 5 to 7 choose the permissions. The password
 * "pw" is right. Before it was given nothing may be said on channel 1; afterwards no event may come
 * without its permission; at the end no key may be held.
 */
#include <stdlib.h>

#include "../src/server_session.h"

struct state {
    struct fh__server_session s;
    uint32_t permissions;
    int held;
    unsigned ended;
    bool is_granted;
};

static uint32_t px[16 * 16];
static const struct fh_framebuffer fb = {.px = px, .width = 16, .height = 16, .stride_px = 16};

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

static void on_event(struct state *t, const struct fh_server_conn_event *ev)
{
    bool is_right;

    require(t->ended == 0 || ev->type == FH_SERVER_CONN_EV_AUDIT);
    switch (ev->type) {
    case FH_SERVER_CONN_EV_AUTHENTICATE:
        require(strlen(ev->credentials.user) <= FH_AUTH_USER_MAX);
        require(ev->credentials.password_len <= FH_AUTH_PASSWORD_MAX);
        is_right = strcmp(ev->credentials.password, "pw") == 0;
        t->is_granted = is_right && t->permissions != 0;
        fh__server_session_authenticated(&t->s, 1, is_right ? t->permissions : 0);
        break;
    case FH_SERVER_CONN_EV_STARTED:
        require(t->is_granted);
        require(fh__server_session_set_screen(&t->s, &fb, NULL, 0) == 0);
        break;
    case FH_SERVER_CONN_EV_KEY:
        require(t->is_granted && (t->permissions & FH_PERM_KEYBOARD) != 0);
        break;
    case FH_SERVER_CONN_EV_POINTER:
        require(t->is_granted && (t->permissions & FH_PERM_POINTER) != 0);
        break;
    case FH_SERVER_CONN_EV_CUT_TEXT:
        require(t->is_granted && (t->permissions & FH_PERM_CLIPBOARD) != 0);
        break;
    case FH_SERVER_CONN_EV_RESIZE:
        require(t->is_granted && (t->permissions & FH_PERM_RESIZE) != 0);
        break;
    case FH_SERVER_CONN_EV_ENDED:
        require(t->s.held.n_keys == 0 && t->s.held.buttons == 0);
        t->ended++;
        break;
    default:
        break;
    }
}

static void work(struct state *t)
{
    struct fh_server_conn_event ev;
    enum fh_channel_padding padding;
    static uint8_t out[4096];
    size_t n;

    while (fh__server_session_event(&t->s, &ev))
        on_event(t, &ev);
    for (unsigned i = 0; i < 8; i++) {
        n = fh__server_session_fill(&t->s, 1, out, sizeof out, &padding);
        require(n <= sizeof out && (n < 4 || t->is_granted || out[0] == 0));
        while (fh__server_session_event(&t->s, &ev))
            on_event(t, &ev);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint32_t grants[8] = {FH_PERM_ALL,     FH_PERM_VIEW,      FH_PERM_KEYBOARD,
                                       FH_PERM_POINTER, FH_PERM_CLIPBOARD, FH_PERM_RESIZE | 1,
                                       FH_PERM_NONE,    FH_PERM_VIEW | 2};
    const struct fh_server_conn_config cfg = {
        .random = zero_random, .name = "name", .has_authentication = true, .now_ms = 1};
    struct state *t;
    size_t piece;
    unsigned stuck = 0;

    if (len == 0 || !(t = calloc(1, sizeof *t)))
        return 0;
    t->permissions = grants[data[0] >> 5];
    piece = (data[0] & 1) ? len : 1u + ((data[0] >> 1) & 15u);
    data++;
    len--;
    fh__server_session_init(&t->s, &cfg);
    fh__server_session_open(&t->s, 1);
    work(t);
    while (len > 0 && stuck < 3) {
        size_t n = piece < len ? piece : len;
        size_t used = fh__server_session_input(&t->s, 1, data, n);

        require(used <= n);
        data += used;
        len -= used;
        stuck = used > 0 ? 0 : stuck + 1;
        work(t);
    }
    fh__server_session_end(&t->s, FH_BYE_LOST, 0, false);
    work(t);
    require(t->ended == 1);
    fh__server_session_finish(&t->s);
    free(t);
    return 0;
}
