/* SPDX-License-Identifier: MIT */
/* server_clipboard.c -- the extended clipboard on the server's side, rfbproto. */
#include "server_machine.h"

enum fh__parse fh__server_begin_clip(struct fh_rfb_server *s, uint32_t len)
{
    if (!(s->announced & FH__CAN_CLIPBOARD) || !fh__clip_begin(&s->clip, len))
        return fh__server_bad(s, FH_RFB_E_PROTO);
    s->body = FH__BODY_CLIP;
    return FH__PARSE_DONE;
}

static enum fh__parse take_text(struct fh_rfb_server *s)
{
    struct fh__clip *c = &s->clip;

    (void)fh__server_cut_in_new(s, 0);
    s->cut_in = c->text;
    s->cut_in_len = c->len;
    c->text = NULL;
    fh__server_cut_text_event(s);
    return FH__PARSE_DONE;
}

enum fh__parse fh__server_clip(struct fh_rfb_server *s, struct rd *r)
{
    const enum fh__clip_said said = fh__clip_read(&s->clip, r);

    s->in_pos = s->in_len - r->left;
    if (said == FH__CLIP_SAID_MORE)
        return FH__PARSE_MORE;
    s->body = FH__BODY_NONE;
    switch (said) {
    case FH__CLIP_SAID_CAPS:
        fh__server_offer_clip(s);
        break;
    case FH__CLIP_SAID_REQUEST:
        s->clip_due |= FH__CLIP_PROVIDE;
        break;
    case FH__CLIP_SAID_PEEK:
        s->clip_due |= FH__CLIP_NOTIFY;
        break;
    case FH__CLIP_SAID_NOTIFY:
        s->clip_due |= FH__CLIP_REQUEST;
        break;
    case FH__CLIP_SAID_TEXT:
        return take_text(s);
    case FH__CLIP_SAID_BAD:
        return fh__server_bad(s, FH_RFB_E_PROTO);
    case FH__CLIP_SAID_NOMEM:
        return fh__server_bad(s, FH_RFB_E_NOMEM);
    case FH__CLIP_SAID_MORE:
    case FH__CLIP_SAID_NOTHING:
        break;
    }
    return FH__PARSE_DONE;
}

void fh__server_offer_clip(struct fh_rfb_server *s)
{
    s->clip_due &= ~(FH__CLIP_PROVIDE | FH__CLIP_NOTIFY);
    if (fh__clip_may_provide(&s->clip))
        s->clip_due |= FH__CLIP_PROVIDE;
    else if (fh__clip_may_notify(&s->clip))
        s->clip_due |= FH__CLIP_NOTIFY;
}

bool fh__server_write_clip(struct fh_rfb_server *s, struct wr *w)
{
    const struct fh__clip *c = &s->clip;
    const size_t own = (s->clip_due & FH__CLIP_PROVIDE) && c->own ? c->own_len : 0;

    if (s->clip_due == 0)
        return true;
    if (w->cap - w->len < own + 3 * FH__CLIP_SMALL)
        return false;
    if (s->clip_due & FH__CLIP_CAPS)
        fh__clip_write(w, FH__SERVER_CUT_TEXT, FH__CLIP_CAPS | FH__CLIP_OURS);
    if (s->clip_due & FH__CLIP_NOTIFY)
        fh__clip_write(w, FH__SERVER_CUT_TEXT, FH__CLIP_NOTIFY | (c->own ? FH__CLIP_TEXT : 0));
    if (s->clip_due & FH__CLIP_REQUEST)
        fh__clip_write(w, FH__SERVER_CUT_TEXT, FH__CLIP_REQUEST | FH__CLIP_TEXT);
    wr_bytes(w, c->own, own);
    s->clip_due = 0;
    return true;
}
