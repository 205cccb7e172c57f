/* SPDX-License-Identifier: MIT */
/*
 * desktop_process.c -- the process that has the X display: as the desktop's user it takes pictures
 * and puts input in, for the sessions that the monitor has let in and as far as it has. It holds
 * each session to its permissions itself: a session that was broken into has nothing to gain here.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <farhand/rfb_server.h>

#include "child.h"
#include "clipboard.h"
#include "desktop.h"
#include "log.h"
#include "parts.h"
#include "role.h"
#include "studio.h"
#include "virtual.h"

enum { ERROR_MAX = 400 };

struct host;

/* A session, as far as it matters here; it is also the owner of its keys and buttons. */
struct guest {
    struct fh__link link;
    struct host *host;
    uint64_t number;
    uint32_t permissions;
    bool is_waiting;             /* for a picture */
    bool is_ready;               /* it waited when this capture began: it may be told of motion */
    struct fh_rfb_coding coding; /* what its viewer is sent; encoding RAW: nothing that is shared */
    uint64_t coding_ms;          /* when it said so; 0: never */
    unsigned ring;               /* serial of the one that it has */
    bool is_leaving;
    struct fh__parts text;
    struct guest *next;
};

struct host {
    uv_loop_t loop;
    struct fh__link monitor;
    uv_prepare_t prepare;
    uv_poll_t x;
    uv_timer_t input, frame;
    uv_signal_t children;
    struct fh__virtual *virtual;
    struct fh__desktop *desktop;
    struct fh__msg_desktop_setup setup;
    char display[FH__TEXT_MAX + 1], xauthority[FH__TEXT_MAX + 1], user[FH__TEXT_MAX + 1];
    char *const *program;
    struct guest *guests;
    struct fh__msg_damage damage; /* of this capture */
    struct fh__studio studio;
    uint64_t last_frame_ms;
    bool is_stopping;
    bool is_held; /* the person at the desktop is asked something: nobody else answers */
    enum fh__exit how;
};

static bool may(const struct guest *g, enum fh_act act)
{
    return !g->is_leaving && fh_permissions_allow(g->permissions, act);
}

/* ---- the end of a guest ---- */

static void watch(struct host *h)
{
    fh__desktop_watch(h->desktop, h->guests != NULL, h->setup.has_clipboard);
}

static void on_guest_closed(void *user)
{
    struct guest *g = user, **at = &g->host->guests;

    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    if (g->host->desktop)
        watch(g->host);
    if (!g->host->guests)
        fh__studio_free(&g->host->studio);
    fh__parts_free(&g->text);
    free(g);
}

static void dismiss(struct guest *g)
{
    if (g->is_leaving)
        return;
    g->is_leaving = true;
    fh__desktop_release(g->host->desktop, g);
    fh__link_close(&g->link, on_guest_closed);
}

/* It broke the rules: the monitor ends it. */
static void accuse(struct guest *g, const char *why)
{
    uint8_t body[8];
    struct wr w = wr_init(body, sizeof body);

    fh__log(FH__LOG_WARNING, "session %llu sends the desktop %s", (unsigned long long)g->number,
            why);
    wr_u64(&w, g->number);
    (void)fh__link_send_wr(&g->host->monitor, FH__MSG_VIOLATION, &w);
    dismiss(g);
}

/* ---- to the guests ---- */

/* Who does not take what it is told is of no use. */
static void tell(struct guest *g, unsigned number, const struct wr *w, int fd)
{
    if (w->bad || fh__link_send(&g->link, number, w->mem, w->len, fd) != 0)
        dismiss(g);
}

static void tell_screen(struct guest *g, bool is_same)
{
    const struct fh_framebuffer *fb = fh__desktop_picture(g->host->desktop);
    struct fh__msg_screen m = {
        .width = (uint16_t)fb->width, .height = (uint16_t)fb->height, .is_same = is_same};
    const struct fh_screen *screens = fh__desktop_screens(g->host->desktop, &m.n_screens);
    uint8_t body[1024];
    struct wr w = wr_init(body, sizeof body);

    memcpy(m.screens, screens, m.n_screens * sizeof *screens);
    fh__msg_screen_write(&w, &m);
    tell(g, FH__MSG_SCREEN, &w, fh__desktop_memory(g->host->desktop));
}

/* ---- what is encoded for several guests ---- */

static bool has_coding(const struct guest *g, const struct fh_rfb_coding *c)
{
    return may(g, FH_ACT_PICTURE) && fh_rfb_coding_is_same(&g->coding, c);
}

static bool is_in(const struct fh_rfb_coding *codings, size_t n, const struct guest *g)
{
    for (size_t i = 0; i < n; i++)
        if (has_coding(g, &codings[i]))
            return true;
    return false;
}

static bool is_shared(const struct host *h, const struct fh_rfb_coding *c)
{
    unsigned n = 0;

    for (const struct guest *g = h->guests; g && n < 2; g = g->next)
        n += g->is_waiting && has_coding(g, c);
    return n >= 2;
}

/* Those for which at least two wait. */
static size_t shared_codings(const struct host *h, struct fh_rfb_coding out[FH__CODINGS_MAX])
{
    size_t n = 0;

    for (const struct guest *g = h->guests; g && n < FH__CODINGS_MAX; g = g->next)
        if (g->is_waiting && fh__studio_takes(&g->coding) && !is_in(out, n, g) &&
            is_shared(h, &g->coding))
            out[n++] = g->coding;
    return n;
}

static void tell_encoded(struct guest *g, const struct wr *encoded)
{
    const struct wr none = wr_init(NULL, 0);

    if (g->ring != g->host->studio.serial)
        tell(g, FH__MSG_RING, &none, g->host->studio.ring.fd);
    g->ring = g->host->studio.serial;
    tell(g, FH__MSG_ENCODED, encoded, -1);
}

/* Of one capture, for who can take up motion and, as pixels, for who cannot. */
struct news {
    struct wr moved, pixels;
};

static void tell_damage(struct guest *g, const struct news *n)
{
    g->is_waiting = false;
    tell(g, FH__MSG_DAMAGE, g->is_ready ? &n->moved : &n->pixels, -1);
}

/* body: two of FH__DAMAGE_MAX. */
static void write_news(struct news *n, struct fh__msg_damage *m, uint8_t body[2][FH__DAMAGE_MAX])
{
    n->moved = wr_init(body[0], FH__DAMAGE_MAX);
    fh__msg_damage_write(&n->moved, m);
    n->pixels = n->moved;
    if (!m->has_motion)
        return;
    m->rects[m->n++] = m->motion.to;
    m->has_motion = false;
    n->pixels = wr_init(body[1], FH__DAMAGE_MAX);
    fh__msg_damage_write(&n->pixels, m);
    m->n--;
}

/* To all of this coding: the damage, and before it what there is for them. */
static void share(struct host *h, const struct fh_rfb_coding *c, const struct news *news)
{
    static struct fh__msg_encoded m;
    static uint8_t body[FH__CODING_LEN + 2 + 20 * FH__ENCODED_MAX];
    struct wr w = wr_init(body, sizeof body);
    const bool has =
        fh__studio_encode(&h->studio, c, fh__desktop_picture(h->desktop), &h->damage, &m);

    fh__msg_encoded_write(&w, &m);
    for (struct guest *g = h->guests; g; g = g->next) {
        if (!has_coding(g, c))
            continue;
        if (has)
            tell_encoded(g, &w);
        tell_damage(g, news);
    }
}

/* Who encodes for itself need not wait for the others. */
static void flush_damage(struct host *h)
{
    static uint8_t body[2][FH__DAMAGE_MAX];
    struct fh_rfb_coding codings[FH__CODINGS_MAX];
    struct news news;
    size_t n;

    if (h->damage.n == 0 && !h->damage.has_motion)
        return;
    n = shared_codings(h, codings);
    write_news(&news, &h->damage, body);
    for (struct guest *g = h->guests; g; g = g->next)
        if (may(g, FH_ACT_PICTURE) && !is_in(codings, n, g))
            tell_damage(g, &news);
    for (size_t i = 0; i < n; i++)
        share(h, &codings[i], &news);
    h->damage.n = 0;
}

static void capture(struct host *h)
{
    h->last_frame_ms = uv_now(&h->loop);
    for (struct guest *g = h->guests; g; g = g->next)
        g->is_ready = g->is_waiting;
    fh__desktop_capture(h->desktop);
    flush_damage(h);
}

/* ---- from the desktop ---- */

static void on_damaged(void *user)
{
    (void)user; /* on_prepare() looks, before the loop sleeps */
}

static void on_changed(void *user, const struct fh_rect *r)
{
    struct host *h = user;

    if (h->damage.n == FH__RECTS_MAX - 1) /* motion may become one more */
        flush_damage(h);
    h->damage.rects[h->damage.n++] = *r;
}

/* Told together with what it left: alone it would be an update of its own. */
static void on_moved(void *user, const struct fh_motion *m)
{
    struct host *h = user;

    h->damage.has_motion = true;
    h->damage.motion = *m;
}

static void on_screen(void *user)
{
    struct host *h = user;
    const struct fh_framebuffer *fb = fh__desktop_picture(h->desktop);

    fh__log(FH__LOG_INFO, "the screen has %dx%d pixels", (int)fb->width, (int)fb->height);
    h->damage.n = 0;
    h->damage.has_motion = false;
    for (struct guest *g = h->guests; g; g = g->next)
        if (may(g, FH_ACT_PICTURE))
            tell_screen(g, false);
}

static void tell_cursor(struct guest *g, const struct fh__msg_cursor *cursor, const uint8_t *data,
                        size_t len)
{
    static uint8_t body[13 + FH__PART_MAX];
    struct fh__msg_cursor m = *cursor;
    size_t at = 0;

    m.part = (struct fh__msg_part){.total = (uint32_t)len};
    do {
        struct wr w = wr_init(body, sizeof body);

        m.part.goes_on = at > 0;
        m.part.data = data + at;
        m.part.len = len - at < FH__PART_MAX ? len - at : FH__PART_MAX;
        at += m.part.len;
        fh__msg_cursor_write(&w, &m);
        tell(g, FH__MSG_CURSOR, &w, -1);
    } while (at < len && !g->is_leaving);
}

static void on_cursor(void *user, const uint32_t *argb, int32_t w, int32_t h, int32_t hot_x,
                      int32_t hot_y)
{
    struct host *host = user;
    const struct fh__msg_cursor m = {
        .w = (uint16_t)w, .h = (uint16_t)h, .hot_x = (uint16_t)hot_x, .hot_y = (uint16_t)hot_y};

    for (struct guest *g = host->guests; g; g = g->next)
        if (may(g, FH_ACT_PICTURE))
            tell_cursor(g, &m, (const uint8_t *)argb, 4 * (size_t)w * (size_t)h);
}

static void on_desktop_text(void *user, const char *text, size_t len)
{
    struct host *h = user;

    for (struct guest *g = h->guests; g; g = g->next)
        if (may(g, FH_ACT_TEXT_OUT) && fh__parts_send(&g->link, FH__MSG_TEXT_OUT, text, len) != 0)
            dismiss(g);
}

static void on_bell(void *user)
{
    struct host *h = user;

    for (struct guest *g = h->guests; g; g = g->next)
        if (may(g, FH_ACT_BELL) && fh__link_send(&g->link, FH__MSG_BELL, NULL, 0, -1) != 0)
            dismiss(g);
}

static const struct fh__desktop_events events = {on_damaged, on_changed,      on_moved, on_screen,
                                                 on_cursor,  on_desktop_text, on_bell};

/* ---- from a guest ---- */

static bool take_key(struct guest *g, struct rd body)
{
    struct fh__msg_key m;

    if (!fh__msg_key_read(body, &m))
        return false;
    if (g->host->is_held)
        return true;
    fh__desktop_key(g->host->desktop, g, m.keysym, m.keycode, m.down);
    return true;
}

static bool take_pointer(struct guest *g, struct rd body)
{
    const struct fh_framebuffer *fb = fh__desktop_picture(g->host->desktop);
    struct fh__msg_pointer m;

    if (!fh__msg_pointer_read(body, &m))
        return false;
    m.x = m.x < fb->width ? m.x : (uint16_t)(fb->width - 1);
    m.y = m.y < fb->height ? m.y : (uint16_t)(fb->height - 1);
    if (g->host->is_held)
        return true;
    fh__desktop_pointer(g->host->desktop, g, m.x, m.y, m.buttons);
    return true;
}

static bool take_text(struct guest *g, struct rd body)
{
    struct fh__msg_part m;
    enum fh__parts_state state;

    if (!fh__msg_part_read(body, &m))
        return false;
    if (m.goes_on && !g->text.mem)
        return true; /* its beginning came when it was not permitted */
    state = fh__parts_take(&g->text, &m, FH__CLIPBOARD_MAX);
    if (state == FH__PARTS_ALL) {
        if (!memchr(g->text.mem, '\0', g->text.len))
            fh__desktop_set_clipboard(g->host->desktop, (const char *)g->text.mem, g->text.len);
        fh__parts_free(&g->text);
    }
    return state != FH__PARTS_BAD;
}

static uint8_t resize(struct host *h, const struct fh__msg_size *m)
{
    if (!h->setup.has_resize)
        return FH_RFB_RESIZE_PROHIBITED;
    switch (fh__desktop_resize(h->desktop, m->width, m->height)) {
    case FH__RESIZE_OK:
        return FH_RFB_RESIZE_OK;
    case FH__RESIZE_INVALID:
        return FH_RFB_RESIZE_INVALID;
    case FH__RESIZE_IMPOSSIBLE:
        break;
    }
    return FH_RFB_RESIZE_PROHIBITED;
}

static void answer_resize(struct guest *g, uint8_t status)
{
    struct wr w = wr_init(&status, 1);

    w.len = 1;
    tell(g, FH__MSG_RESIZED, &w, -1);
}

static bool take_size(struct guest *g, struct rd body)
{
    struct fh__msg_size m;

    if (!fh__msg_size_read(body, &m))
        return false;
    answer_resize(g, resize(g->host, &m));
    return true;
}

static bool take_want(struct guest *g, struct rd body)
{
    (void)body;
    g->is_waiting = true;
    return true;
}

/* One that changes its mind too often encodes for itself until it does so again, later. */
static bool take_coding(struct guest *g, struct rd body)
{
    const uint64_t now = uv_now(&g->host->loop);
    struct fh_rfb_coding c;

    if (!fh__msg_coding_read(body, &c))
        return false;
    if (g->coding_ms && now - g->coding_ms < FH__CODING_MS)
        c.encoding = FH_ENC_RAW;
    g->coding = c;
    g->coding_ms = now;
    return true;
}

static const struct {
    unsigned number;
    bool (*take)(struct guest *g, struct rd body);
} requests[] = {
    {FH__MSG_KEYSTROKE, take_key}, {FH__MSG_POINTER, take_pointer}, {FH__MSG_TEXT_IN, take_text},
    {FH__MSG_RESIZE, take_size},   {FH__MSG_WANT, take_want},       {FH__MSG_CODING, take_coding},
};

static void on_guest_message(void *user, unsigned number, struct rd body, int fd)
{
    struct guest *g = user;
    size_t i = 0;

    (void)fd;
    if (g->host->is_stopping)
        return;
    if (g->is_leaving || !fh__message_is_permitted(number, g->permissions)) {
        if (number == FH__MSG_RESIZE)
            answer_resize(g, FH_RFB_RESIZE_PROHIBITED);
        return;
    }
    while (requests[i].number != number)
        i++;
    if (!requests[i].take(g, body))
        accuse(g, "a message that cannot be");
}

static void on_guest_broken(void *user, const char *why)
{
    struct guest *g = user;

    if (why)
        accuse(g, why);
    else
        dismiss(g);
}

static const struct fh__link_ops guest_ops = {on_guest_message, on_guest_broken};

/* ---- from the monitor ---- */

static struct guest *find_guest(struct host *h, uint64_t number)
{
    struct guest *g = h->guests;

    while (g && (g->number != number || g->is_leaving))
        g = g->next;
    return g;
}

/* The first picture is of now, not of when somebody last looked. */
static void welcome(struct guest *g)
{
    struct host *h = g->host;

    watch(h);
    fh__desktop_cursor(h->desktop);
    capture(h);
    if (may(g, FH_ACT_PICTURE))
        tell_screen(g, false);
}

static void on_attach(struct host *h, struct rd body, int fd)
{
    struct fh__msg_mask m;
    struct guest *g = calloc(1, sizeof *g);

    if (!g || !fh__msg_mask_read(body, &m) || !h->desktop || h->is_stopping) {
        free(g);
        close(fd);
        return;
    }
    g->host = h;
    g->number = m.number;
    g->permissions = m.permissions;
    if (fh__link_open(&g->link, &h->loop, fd, FH__DESKTOP, FH__SESSION, &guest_ops, g) != 0) {
        free(g);
        return;
    }
    g->next = h->guests;
    h->guests = g;
    welcome(g);
}

/*
 * Who may not look any more has the memory of the picture still: that becomes a still of the past,
 * and the picture goes on elsewhere.
 */
static void take_view(struct host *h)
{
    if (fh__desktop_renew(h->desktop) != 0) {
        fh__log(FH__LOG_ERROR, "no memory for another picture");
        for (struct guest *g = h->guests; g; g = g->next)
            dismiss(g);
        return;
    }
    fh__studio_renew(&h->studio);
    for (struct guest *g = h->guests; g; g = g->next)
        if (may(g, FH_ACT_PICTURE))
            tell_screen(g, true);
}

static bool has_lost(const struct guest *g, uint32_t before, enum fh_act act)
{
    return fh_permissions_allow(before, act) && !may(g, act);
}

static void on_mask(struct host *h, struct rd body)
{
    struct fh__msg_mask m;
    struct guest *g;
    uint32_t before;

    if (!fh__msg_mask_read(body, &m) || !(g = find_guest(h, m.number)))
        return;
    before = g->permissions;
    g->permissions = m.permissions;
    if (has_lost(g, before, FH_ACT_KEY) || has_lost(g, before, FH_ACT_POINTER))
        fh__desktop_release(h->desktop, g);
    if (has_lost(g, before, FH_ACT_TEXT_IN))
        fh__parts_free(&g->text);
    if (has_lost(g, before, FH_ACT_PICTURE)) {
        g->is_waiting = false;
        take_view(h);
    }
    if (may(g, FH_ACT_PICTURE) && !fh_permissions_allow(before, FH_ACT_PICTURE))
        welcome(g);
}

static void on_detach(struct host *h, struct rd body)
{
    uint64_t number;
    struct guest *g = fh__msg_u64_read(body, &number) ? find_guest(h, number) : NULL;

    if (!g)
        return;
    /* What its viewer typed before it left is typed. */
    fh__link_drain(&g->link);
    dismiss(g);
}

static void on_hold(struct host *h, struct rd body)
{
    h->is_held = rd_u8(&body) != 0;
    for (struct guest *g = h->guests; h->is_held && g; g = g->next)
        fh__desktop_release(h->desktop, g);
}

static void stop(struct host *h, enum fh__exit how)
{
    const uint8_t code = (uint8_t)how;

    if (h->is_stopping)
        return;
    h->is_stopping = true;
    h->how = how;
    fh__link_try(FH__CHILD_LINK_FD, FH__MSG_DESKTOP_ENDED, &code, 1);
    uv_stop(&h->loop);
}

/* What may change while it runs does. */
static void on_setup_again(struct host *h, struct rd body)
{
    struct fh__msg_desktop_setup m;

    if (!fh__msg_desktop_setup_read(body, &m))
        return;
    fh__log_set_level((enum fh__log_level)m.level);
    h->setup.has_clipboard = m.has_clipboard;
    h->setup.has_resize = m.has_resize;
    h->setup.rate = m.rate;
    if (h->desktop && !h->is_stopping)
        watch(h);
}

static void on_monitor_message(void *user, unsigned number, struct rd body, int fd)
{
    struct host *h = user;

    if (fh__role_message(number, body))
        return;
    switch (number) {
    case FH__MSG_DESKTOP_SETUP:
        on_setup_again(h, body);
        break;
    case FH__MSG_ATTACH:
        on_attach(h, body, fd);
        break;
    case FH__MSG_MASK:
        on_mask(h, body);
        break;
    case FH__MSG_DETACH:
        on_detach(h, body);
        break;
    case FH__MSG_HOLD:
        on_hold(h, body);
        break;
    case FH__MSG_STOP:
        stop(h, FH__EXIT_OK);
        break;
    }
}

static void on_monitor_broken(void *user, const char *why)
{
    (void)why;
    stop(user, FH__EXIT_OK);
}

static const struct fh__link_ops monitor_ops = {on_monitor_message, on_monitor_broken};

/* ---- the loop ---- */

/* They only end the loop's sleep: on_prepare() does the work. */
static void on_timer(uv_timer_t *timer)
{
    (void)timer;
}

static void on_x(uv_poll_t *poll, int status, int events_seen)
{
    (void)poll;
    (void)status;
    (void)events_seen;
}

static bool is_wanted(const struct host *h)
{
    for (const struct guest *g = h->guests; g; g = g->next)
        if (g->is_waiting && may(g, FH_ACT_PICTURE))
            return true;
    return false;
}

/* Captures if a viewer waits, something changed, and it is time. true: it did. */
static bool take_picture(struct host *h)
{
    uint64_t now = uv_now(&h->loop), due = h->last_frame_ms + 1000 / h->setup.rate;

    if (!fh__desktop_is_damaged(h->desktop) || !is_wanted(h))
        return false;
    if (now < due) {
        uv_timer_start(&h->frame, on_timer, due - now, 0);
        return false;
    }
    capture(h);
    return true;
}

/* Before each sleep: what was asked of the X server is sent, what it said is heard. */
static void on_prepare(uv_prepare_t *handle)
{
    struct host *h = handle->data;
    uint64_t deadline, now;
    bool is_alive;

    if (h->is_stopping)
        return;
    do
        is_alive = fh__desktop_pump(h->desktop);
    while (is_alive && take_picture(h));
    if (!is_alive) {
        fh__log(FH__LOG_ERROR, "the X server %s ended", h->display);
        stop(h, FH__EXIT_DISPLAY_LOST);
        return;
    }
    deadline = fh__desktop_deadline(h->desktop);
    now = fh__now_ms();
    if (deadline == UINT64_MAX)
        uv_timer_stop(&h->input);
    else
        uv_timer_start(&h->input, on_timer, deadline > now ? deadline - now : 0, 0);
}

static void on_children(uv_signal_t *handle, int number)
{
    struct host *h = handle->data;
    int status = 0;

    (void)number;
    if (!h->virtual)
        return;
    switch (fh__virtual_reap(h->virtual, NULL, &status)) {
    case FH__VIRTUAL_NOTHING:
        return;
    case FH__VIRTUAL_SERVER_ENDED:
        fh__log(FH__LOG_ERROR, "the virtual X server ended");
        stop(h, FH__EXIT_DISPLAY_LOST);
        return;
    case FH__VIRTUAL_PROGRAM_ENDED:
        if (WIFSIGNALED(status))
            fh__log(FH__LOG_NOTICE, "%s was ended by signal %d", h->program[0], WTERMSIG(status));
        else
            fh__log(FH__LOG_NOTICE, "%s ended with status %d", h->program[0], WEXITSTATUS(status));
        stop(h, status == 0 ? FH__EXIT_OK : FH__EXIT_PROGRAM);
        return;
    }
}

static void start_handles(struct host *h)
{
    uv_timer_init(&h->loop, &h->input);
    uv_timer_init(&h->loop, &h->frame);
    uv_poll_init(&h->loop, &h->x, fh__desktop_fd(h->desktop));
    uv_poll_start(&h->x, UV_READABLE, on_x);
    uv_prepare_init(&h->loop, &h->prepare);
    h->prepare.data = h;
    uv_prepare_start(&h->prepare, on_prepare);
}

/* ---- the display ---- */

/* What the monitor says is heard. */
static bool has_ended(void *user)
{
    struct host *h = user;

    uv_run(&h->loop, UV_RUN_NOWAIT);
    return h->is_stopping;
}

static enum fh__exit start_virtual(struct host *h)
{
    /* Not the loop's descriptor: what a callback asks the loop for gets into that at its next turn.
     */
    const struct fh__virtual_wait wait = {FH__CHILD_LINK_FD, has_ended, h};
    char error[ERROR_MAX];

    if (fh__virtual_start(&h->virtual, h->setup.width, h->setup.height, &wait, error,
                          sizeof error) != 0) {
        if (!h->is_stopping)
            fh__log(FH__LOG_ERROR, "no virtual display: %s", error);
        return FH__EXIT_DISPLAY;
    }
    snprintf(h->display, sizeof h->display, "%s", fh__virtual_display(h->virtual));
    return FH__EXIT_OK;
}

static enum fh__exit furnish(struct host *h)
{
    const struct fh__msg_desktop_setup *m = &h->setup;
    char error[ERROR_MAX];

    if (fh__desktop_resize(h->desktop, m->width, m->height) != FH__RESIZE_OK) {
        fh__log(FH__LOG_ERROR, "no virtual display of %ux%u", m->width, m->height);
        return FH__EXIT_DISPLAY;
    }
    /* It was left in the corner. Without a window manager the focus is where the pointer is. */
    fh__desktop_pointer(h->desktop, h, m->width / 2, m->height / 2, 0);
    fh__desktop_pump(h->desktop);
    if (h->program[0] && fh__virtual_run(h->virtual, h->program, error, sizeof error) != 0) {
        fh__log(FH__LOG_ERROR, "%s", error);
        return FH__EXIT_PROGRAM;
    }
    return FH__EXIT_OK;
}

static enum fh__exit open_display(struct host *h)
{
    char error[ERROR_MAX];
    enum fh__exit how;

    if (h->setup.width && (how = start_virtual(h)) != FH__EXIT_OK)
        return how;
    if (h->xauthority[0])
        setenv("XAUTHORITY", h->xauthority, 1);
    if (fh__desktop_open(&h->desktop, h->display,
                         h->virtual ? fh__virtual_cookie(h->virtual) : NULL, &events, h, error,
                         sizeof error) != 0) {
        fh__log(FH__LOG_ERROR, "no display %s: %s", h->display, error);
        return FH__EXIT_DISPLAY;
    }
    return h->virtual ? furnish(h) : FH__EXIT_OK;
}

/* ---- the process ---- */

/* What X's libraries and programs ask for is the desktop user's. */
static void move_in(const char *user)
{
    const struct passwd *who = *user ? getpwnam(user) : NULL;

    if (!who || who->pw_uid == getuid())
        return;
    setenv("HOME", who->pw_dir, 1);
    setenv("USER", user, 1);
    setenv("LOGNAME", user, 1);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("RUNTIME_DIRECTORY");
    if (chdir(who->pw_dir) != 0)
        fh__log(FH__LOG_DEBUG, "%s cannot be entered", who->pw_dir);
}

static int confine(const struct host *h, struct fh__sandbox *sandbox)
{
    char base[300] = "";
    /* A display of its own is tidied up after; for one that was there no file is needed any more.
     */
    const struct fh__sandbox_files files = {{"/proc", NULL}, {base, NULL}};

    if (h->virtual) {
        snprintf(base, sizeof base, "%s", fh__virtual_directory(h->virtual));
        *strrchr(base, '/') = '\0';
    }
    return fh__role_confine(sandbox, h->virtual ? &files : NULL, h->virtual != NULL);
}

static int prepare(struct host *h, struct fh__sandbox *sandbox, struct rd setup)
{
    char error[ERROR_MAX];

    if (!fh__msg_desktop_setup_read(setup, &h->setup))
        return -1;
    fh__log_set_level((enum fh__log_level)h->setup.level);
    fh__text_copy(h->setup.display, h->display, sizeof h->display);
    fh__text_copy(h->setup.xauthority, h->xauthority, sizeof h->xauthority);
    fh__text_copy(h->setup.user, h->user, sizeof h->user);
    move_in(h->user);
    if (fh__sandbox_user(sandbox, h->user, h->setup.width > 0, error, sizeof error) != 0) {
        fh__log(FH__LOG_ERROR, "the desktop process: %s", error);
        return -1;
    }
    if (uv_loop_init(&h->loop) != 0 ||
        fh__link_open(&h->monitor, &h->loop, FH__CHILD_LINK_FD, FH__DESKTOP, FH__MONITOR,
                      &monitor_ops, h) != 0)
        return -1;
    uv_signal_init(&h->loop, &h->children);
    h->children.data = h;
    uv_signal_start(&h->children, on_children, SIGCHLD);
    return 0;
}

static void serve(struct host *h, struct fh__sandbox *sandbox)
{
    enum fh__exit how = open_display(h);

    if (how == FH__EXIT_OK && confine(h, sandbox) != 0)
        how = FH__EXIT_UNEXPECTED;
    if (how != FH__EXIT_OK) {
        stop(h, how);
        return;
    }
    start_handles(h);
    on_children(&h->children, SIGCHLD); /* one that ended before it was looked for */
    if (h->is_stopping)
        return;
    (void)fh__link_send(&h->monitor, FH__MSG_DESKTOP_READY, h->display, strlen(h->display), -1);
    uv_run(&h->loop, UV_RUN_DEFAULT);
}

enum fh__exit fh__desktop_main(struct fh__sandbox *sandbox, struct rd setup, char *const *arguments)
{
    static struct host h; /* for as long as the process lives */

    h.program = arguments;
    if (prepare(&h, sandbox, setup) == 0)
        serve(&h, sandbox);
    else
        stop(&h, FH__EXIT_DISPLAY);
    fh__studio_free(&h.studio);
    fh__desktop_close(h.desktop);
    fh__virtual_stop(h.virtual);
    return h.how;
}
