/* SPDX-License-Identifier: MIT */
/* rfb_client.c -- the object: bytes in, events, bytes out. */
#include <assert.h>
#include <string.h>

#include "client_machine.h"

enum fh__parse fh__client_bad(struct fh_rfb_client *c, int error)
{
    c->error = error;
    return FH__PARSE_BAD;
}

struct fh_rfb_client_event *fh__client_new_event(struct fh_rfb_client *c,
                                                 enum fh_rfb_client_event_type type)
{
    struct fh_rfb_client_event *ev = &c->events[c->n_events++];

    assert(c->n_events <= FH__CLIENT_EVENTS);
    memset(ev, 0, sizeof *ev);
    ev->type = type;
    return ev;
}

int fh__client_check_size(const struct fh_rfb_client *c, uint16_t width, uint16_t height)
{
    if (width == 0 || height == 0)
        return FH_RFB_E_PROTO;
    if (width > FH_FRAMEBUFFER_MAX_SIDE || height > FH_FRAMEBUFFER_MAX_SIDE)
        return FH_RFB_E_LIMIT;
    if (c->max_pixels != 0 && (int64_t)width * height > c->max_pixels)
        return FH_RFB_E_LIMIT;
    return 0;
}

static void end_loan(struct fh_rfb_client *c)
{
    if (!c->lends_cut_text)
        return;
    (void)fh__client_cut_text_new(c, 0);
    c->lends_cut_text = false;
}

uint8_t *fh_rfb_client_in(struct fh_rfb_client *c, size_t *room)
{
    *room = 0;
    end_loan(c);
    if (c->error != 0 || c->n_events != 0)
        return NULL;
    memmove(c->in, c->in + c->in_pos, c->in_len - c->in_pos);
    c->in_len -= c->in_pos;
    c->in_pos = 0;
    *room = sizeof c->in - c->in_len;
    return *room != 0 ? c->in + c->in_len : NULL;
}

int fh_rfb_client_in_done(struct fh_rfb_client *c, uint64_t now_ms, size_t used)
{
    (void)now_ms;
    if (c->error != 0)
        return c->error;
    if (used > sizeof c->in - c->in_len)
        return FH_RFB_E_INVAL;
    c->in_len += used;
    fh__client_read(c);
    return c->n_events != 0 ? 0 : c->error;
}

/* The old picture is lent until now. */
static bool take_event(struct fh_rfb_client *c, const struct fh_rfb_client_event *ev)
{
    if (ev->type == FH_RFB_CLIENT_EV_READY)
        c->is_ready = true;
    if (ev->type == FH_RFB_CLIENT_EV_CUT_TEXT)
        c->lends_cut_text = true;
    if (ev->type != FH_RFB_CLIENT_EV_READY && ev->type != FH_RFB_CLIENT_EV_SIZE)
        return true;
    return fh__client_picture_new(c, ev->size.width, ev->size.height);
}

int fh_rfb_client_event(struct fh_rfb_client *c, struct fh_rfb_client_event *ev)
{
    end_loan(c);
    if (c->n_events == 0)
        fh__client_read(c);
    if (c->n_events == 0)
        return c->error;
    if (!take_event(c, &c->events[0])) {
        c->n_events = 0;
        return c->error = FH_RFB_E_NOMEM;
    }
    *ev = c->events[0];
    memmove(c->events, c->events + 1, --c->n_events * sizeof c->events[0]);
    return 1;
}

const uint8_t *fh_rfb_client_out(const struct fh_rfb_client *c, size_t *len)
{
    *len = c->error == 0 ? c->sending.len - c->sent : 0;
    return *len != 0 ? c->sending.mem + c->sent : NULL;
}

void fh_rfb_client_out_done(struct fh_rfb_client *c, size_t sent)
{
    const size_t left = c->sending.len - c->sent;

    c->sent += sent < left ? sent : left;
    if (c->sent == c->sending.len)
        fh__client_turn(c);
}

int fh_rfb_client_error(const struct fh_rfb_client *c)
{
    return c->error;
}

const struct fh_framebuffer *fh_rfb_client_framebuffer(const struct fh_rfb_client *c)
{
    return c->fb.px ? &c->fb : NULL;
}

const struct fh_screen *fh_rfb_client_screens(const struct fh_rfb_client *c, size_t *n)
{
    *n = c->n_screens;
    return c->screens;
}

const char *fh_rfb_client_name(const struct fh_rfb_client *c)
{
    return c->name;
}
