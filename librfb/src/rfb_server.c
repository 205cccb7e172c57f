/* SPDX-License-Identifier: MIT */
/* rfb_server.c -- the object: bytes in, events, bytes out, and what the application sets. */
#include <string.h>

#include "damage.h"
#include "server_machine.h"
#include "text.h"

static void compact(struct fh_rfb_server *s)
{
    if (s->in_pos == 0)
        return;
    memmove(s->in, s->in + s->in_pos, s->in_len - s->in_pos);
    s->in_len -= s->in_pos;
    s->in_pos = 0;
}

/* A cut text was lent until now. */
static void end_loan(struct fh_rfb_server *s)
{
    if (!s->lends_cut_in)
        return;
    (void)fh__server_cut_in_new(s, 0);
    s->lends_cut_in = false;
}

uint8_t *fh_rfb_server_in(struct fh_rfb_server *s, size_t *room)
{
    *room = 0;
    end_loan(s);
    if (s->error != 0 || s->has_event)
        return NULL;
    compact(s);
    *room = sizeof s->in - s->in_len;
    return *room != 0 ? s->in + s->in_len : NULL;
}

int fh_rfb_server_in_done(struct fh_rfb_server *s, uint64_t now_ms, size_t used)
{
    (void)now_ms;
    if (s->error != 0)
        return s->error;
    if (!s->fb.px)
        return FH_RFB_E_STATE;
    if (used > sizeof s->in - s->in_len)
        return FH_RFB_E_INVAL;
    s->in_len += used;
    fh__server_read(s);
    return s->has_event ? 0 : s->error;
}

int fh_rfb_server_event(struct fh_rfb_server *s, struct fh_rfb_server_event *ev)
{
    end_loan(s);
    fh__server_read(s);
    if (!s->has_event)
        return s->error;
    *ev = s->event;
    s->has_event = false;
    s->lends_cut_in = ev->type == FH_RFB_SERVER_EV_CUT_TEXT;
    return 1;
}

const uint8_t *fh_rfb_server_out(struct fh_rfb_server *s, uint64_t now_ms, size_t *len)
{
    (void)now_ms;
    *len = 0;
    if (s->error == 0 && s->out_pos == s->out_len && s->state == FH__SERVER_READY)
        fh__server_fill(s);
    if (s->error != 0)
        return NULL;
    *len = s->out_len - s->out_pos;
    return *len != 0 ? s->out + s->out_pos : NULL;
}

void fh_rfb_server_out_done(struct fh_rfb_server *s, size_t sent)
{
    const size_t left = s->out_len - s->out_pos;

    s->out_pos += sent < left ? sent : left;
}

int fh_rfb_server_error(const struct fh_rfb_server *s)
{
    return s->error;
}

uint64_t fh_rfb_server_updates(const struct fh_rfb_server *s)
{
    return s->updates;
}

bool fh_rfb_server_is_waiting(const struct fh_rfb_server *s)
{
    if (s->error != 0 || s->state != FH__SERVER_READY || s->is_paused || s->update.is_open)
        return false;
    return s->is_asked || (s->is_continuous && s->fence_sent - s->fence_answered < FH__FENCES_MAX);
}

static bool is_same_layout(const struct fh_rfb_server *s, const struct fh_screen *screens, size_t n)
{
    for (size_t i = 0; i < n && n == s->n_screens; i++) {
        const struct fh_screen *a = &s->screens[i], *b = &screens[i];

        if (a->id != b->id || a->x != b->x || a->y != b->y || a->w != b->w || a->h != b->h ||
            a->flags != b->flags)
            return false;
    }
    return n == s->n_screens;
}

int fh_rfb_server_set_screen(struct fh_rfb_server *s, const struct fh_framebuffer *fb,
                             const struct fh_screen *screens, size_t n_screens)
{
    struct fh_screen whole = {.id = 1}; /* libvncclient takes no screen with the id 0 */

    if (!fb || !fb->px || fb->width < 1 || fb->width > FH_FRAMEBUFFER_MAX_SIDE || fb->height < 1 ||
        fb->height > FH_FRAMEBUFFER_MAX_SIDE || fb->stride_px < fb->width)
        return FH_RFB_E_INVAL;
    whole.w = (uint16_t)fb->width;
    whole.h = (uint16_t)fb->height;
    if (!screens) {
        screens = &whole;
        n_screens = 1;
    }
    if (n_screens > FH_RFB_SCREENS_MAX ||
        !fh__screens_are_valid(screens, n_screens, fb->width, fb->height))
        return FH_RFB_E_INVAL;

    if (s->update.is_open && (fb->width != s->fb.width || fb->height != s->fb.height))
        fh__server_cut_short(s);
    if (!is_same_layout(s, screens, n_screens))
        s->news |= FH__NEWS_LAYOUT;
    s->fb = *fb;
    memcpy(s->screens, screens, n_screens * sizeof *screens);
    s->n_screens = n_screens;
    fh__server_damage_all(s);
    return 0;
}

void fh_rfb_server_set_name(struct fh_rfb_server *s, const char *name)
{
    s->name_len = fh__clean_name(name, strlen(name), s->name, sizeof s->name);
    s->news |= FH__NEWS_NAME;
}

int fh_rfb_server_set_cursor(struct fh_rfb_server *s, const uint32_t *argb, int32_t w, int32_t h,
                             int32_t hot_x, int32_t hot_y)
{
    const bool is_none = w == 0 && h == 0;

    if (!is_none && (!argb || w < 1 || h < 1 || w > FH_CURSOR_MAX_SIDE || h > FH_CURSOR_MAX_SIDE ||
                     hot_x < 0 || hot_y < 0 || hot_x >= w || hot_y >= h))
        return FH_RFB_E_INVAL;
    s->has_cursor = false;
    s->cursor_w = s->cursor_h = s->cursor_x = s->cursor_y = 0;
    s->news |= FH__NEWS_CURSOR;
    if (!is_none && !fh__server_cursor_new(s, (size_t)w * (size_t)h))
        return FH_RFB_E_NOMEM;
    if (!is_none)
        memcpy(s->cursor, argb, (size_t)w * (size_t)h * sizeof *argb);
    s->cursor_w = w;
    s->cursor_h = h;
    s->cursor_x = is_none ? 0 : hot_x;
    s->cursor_y = is_none ? 0 : hot_y;
    s->has_cursor = true;
    return 0;
}

void fh_rfb_server_set_leds(struct fh_rfb_server *s, unsigned leds)
{
    if (!s->has_leds || s->leds != (leds & FH_LED_ALL))
        s->news |= FH__NEWS_LEDS;
    s->has_leds = true;
    s->leds = leds & FH_LED_ALL;
}

void fh_rfb_server_move_pointer(struct fh_rfb_server *s, int32_t x, int32_t y)
{
    if (x < 0 || y < 0 || x >= s->fb.width || y >= s->fb.height)
        return;
    s->pointer_x = x;
    s->pointer_y = y;
    s->news |= FH__NEWS_POINTER;
}

int fh_rfb_server_cut_text(struct fh_rfb_server *s, const char *text, size_t len)
{
    if (s->error != 0)
        return s->error;
    if (s->state != FH__SERVER_READY)
        return FH_RFB_E_STATE;
    if (len > FH_RFB_CUT_TEXT_MAX || !fh__utf8_is_valid(text, len))
        return FH_RFB_E_INVAL;
    fh_rfb_server_forget_text(s);
    if ((s->announced & FH__CAN_CLIPBOARD) &&
        fh__clip_set(&s->clip, FH__SERVER_CUT_TEXT, text, len)) {
        fh__server_offer_clip(s);
        if (s->clip_due & (FH__CLIP_PROVIDE | FH__CLIP_NOTIFY))
            return 0;
    }
    /* A viewer that has not said what it takes; what was made above is for when it does. */
    if (!fh__server_cut_out_new(s, len + 1))
        return FH_RFB_E_NOMEM;
    s->cut_out_len = fh__utf8_to_latin1(text, len, s->cut_out);
    return 0;
}

void fh_rfb_server_forget_text(struct fh_rfb_server *s)
{
    (void)fh__clip_own_new(&s->clip, 0);
    (void)fh__server_cut_out_new(s, 0);
    s->clip_due &= ~(FH__CLIP_PROVIDE | FH__CLIP_NOTIFY);
}

void fh_rfb_server_bell(struct fh_rfb_server *s)
{
    s->rings = s->state == FH__SERVER_READY;
}

void fh_rfb_server_resize_done(struct fh_rfb_server *s, enum fh_rfb_resize_status status)
{
    s->layout_reason = 1; /* this viewer asked for it */
    s->layout_status = (uint16_t)status;
    s->news |= FH__NEWS_LAYOUT;
}

void fh_rfb_server_pause(struct fh_rfb_server *s, bool paused)
{
    s->is_paused = paused;
    if (paused && s->update.is_open)
        fh__server_cut_short(s);
}
