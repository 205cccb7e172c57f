/* SPDX-License-Identifier: MIT */
/* client_clipboard.c -- the extended clipboard on the viewer's side, rfbproto. */
#include "client_machine.h"

enum fh__parse fh__client_begin_clip(struct fh_rfb_client *c, uint32_t len)
{
    if (!(c->asked & FH__ASKED_CLIPBOARD) || !fh__clip_begin(&c->clip, len))
        return fh__client_bad(c, FH_RFB_E_PROTO);
    c->state = FH__CLIENT_IN_CLIP;
    return FH__PARSE_DONE;
}

static enum fh__parse take_text(struct fh_rfb_client *c)
{
    struct fh_rfb_client_event *ev = fh__client_new_event(c, FH_RFB_CLIENT_EV_CUT_TEXT);

    (void)fh__client_cut_text_new(c, 0);
    c->cut_text = c->clip.text;
    c->clip.text = NULL;
    ev->cut_text.text = c->cut_text;
    ev->cut_text.len = c->clip.len;
    return FH__PARSE_DONE;
}

enum fh__parse fh__client_clip(struct fh_rfb_client *c, struct rd *r)
{
    const enum fh__clip_said said = fh__clip_read(&c->clip, r);

    c->in_pos = c->in_len - r->left;
    if (said == FH__CLIP_SAID_MORE)
        return FH__PARSE_MORE;
    c->state = FH__CLIENT_EXPECT_MESSAGE;
    switch (said) {
    case FH__CLIP_SAID_CAPS:
        fh__client_send_clip(c, FH__CLIP_CAPS | FH__CLIP_OURS);
        (void)fh__client_offer_clip(c);
        break;
    case FH__CLIP_SAID_REQUEST:
        /* One that asks again and again without reading gets no answer for a while. */
        (void)fh__client_provide_clip(c);
        break;
    case FH__CLIP_SAID_PEEK:
        fh__client_send_clip(c, FH__CLIP_NOTIFY | (c->clip.own ? FH__CLIP_TEXT : 0));
        break;
    case FH__CLIP_SAID_NOTIFY:
        fh__client_send_clip(c, FH__CLIP_REQUEST | FH__CLIP_TEXT);
        break;
    case FH__CLIP_SAID_TEXT:
        return take_text(c);
    case FH__CLIP_SAID_BAD:
        return fh__client_bad(c, FH_RFB_E_PROTO);
    case FH__CLIP_SAID_NOMEM:
        return fh__client_bad(c, FH_RFB_E_NOMEM);
    case FH__CLIP_SAID_MORE:
    case FH__CLIP_SAID_NOTHING:
        break;
    }
    return c->error == 0 ? FH__PARSE_DONE : FH__PARSE_BAD;
}
