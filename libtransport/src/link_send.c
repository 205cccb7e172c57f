/* SPDX-License-Identifier: MIT */
/* What a link says on its paths. */
#include <assert.h>
#include <string.h>

#include "link_state.h"

void fh__link_put(struct fh__link_path *p, const uint8_t *data, size_t len)
{
    assert(p->out_len + len <= sizeof p->out);
    memcpy(p->out + p->out_len, data, len);
    p->out_len += len;
}

size_t fh__link_room(const struct fh_link *l)
{
    uint64_t unsent = l->written > l->next ? l->written - l->next : 0;
    size_t room = ring_room(&l->kept);

    if (unsent >= FH_LINK_UNSENT_MAX)
        return 0;
    return room < FH_LINK_UNSENT_MAX - unsent ? room : FH_LINK_UNSENT_MAX - (size_t)unsent;
}

bool fh__link_acknowledged(struct fh_link *l, uint64_t number)
{
    uint64_t bytes = number < l->written ? number : l->written;

    if (number > l->high)
        return false;
    if (number <= l->base)
        return true;
    ring_drop(&l->kept, l->base < bytes ? (size_t)(bytes - l->base) : 0);
    l->base = number;
    if (l->next < number)
        l->next = number;
    return true;
}

/* False: it takes no more for now, or it is lost. */
static bool flush(struct fh__link_path *p)
{
    int n;

    if (p->out_len == 0)
        return true;
    if (p->is_full)
        return false;
    n = fh_stream_write(p->stream, p->out + p->out_at, p->out_len);
    if (n < 0) {
        fh__link_path_failed(p, n);
        return false;
    }
    if (n > 0)
        p->said_ms = p->link->now_ms;
    p->out_at += (size_t)n;
    p->out_len -= (size_t)n;
    p->is_full = p->out_len > 0;
    if (p->out_len == 0)
        p->out_at = 0;
    return !p->is_full;
}

static size_t compose_data(struct fh__link_path *p)
{
    struct fh_link *l = p->link;
    uint64_t left = l->written - l->next;
    size_t n = left < FH_LINK_PAYLOAD_MAX ? (size_t)left : FH_LINK_PAYLOAD_MAX, at;

    at = fh__link_write_number(p->out, FH_LINK_F_DATA, l->next, n);
    ring_copy(&l->kept, (size_t)(l->next - l->base), p->out + at, n);
    l->sent += n;
    if (l->next < l->high)
        l->resent += l->next + n <= l->high ? n : l->high - l->next;
    l->next += n;
    return at + n;
}

static size_t compose_ack(struct fh__link_path *p)
{
    struct fh_link *l = p->link;

    struct fh__link_path *aside = p == l->in ? fh__link_path_beside(p) : NULL;

    p->owes_ack = l->owes_ack = false;
    /* What we send holds it up here: who sends there would send again what has arrived. */
    if (aside && l->next - l->base > FH_LINK_ACK_ASIDE)
        aside->owes_ack = true;
    l->acked = l->wanted;
    l->ack_by_ms = UINT64_MAX;
    if (l->in && l->in->is_stopped && fh__link_has_choice(l))
        l->ack_by_ms = l->now_ms + FH_LINK_ACK_STILL_MS;
    return fh__link_write_number(p->out, FH_LINK_F_ACK, l->wanted, 0);
}

static size_t compose_weight(struct fh__link_path *p)
{
    struct fh_link *l = p->link;
    bool was_silent = l->base == l->next;
    size_t len = 0;

    if (l->next < l->written) {
        len = compose_data(p);
    } else if (l->has_fin && l->next == l->written) {
        len = fh__link_write_number(p->out, FH_LINK_F_END, l->written, 0);
        l->next++;
    }
    if (l->high < l->next)
        l->high = l->next;
    if (len > 0)
        p->has_left = false;
    if (len > 0 && was_silent) {
        l->timed = p;
        l->timed_ms = l->ack_heard_ms = l->now_ms;
    }
    return len;
}

/* The next frame, into a queue that is empty; 0: there is nothing to say. */
static size_t compose(struct fh__link_path *p)
{
    struct fh_link *l = p->link;

    if (p->state != FH_LINK_PATH_UP && p->state != FH_LINK_PATH_OPENING)
        return 0;
    if (p->owes_want) {
        p->owes_want = false;
        return fh__link_write_number(p->out, FH_LINK_F_WANT, l->wanted, 0);
    }
    if (p->owes_ack || (l->owes_ack && p == (l->in ? l->in : l->cur)))
        return compose_ack(p);
    if (p->owes_bye) {
        p->owes_bye = false;
        return fh__link_write_bye(p->out, p->bye);
    }
    if (p == l->cur && !l->is_over)
        return compose_weight(p);
    if (p->owes_switch) {
        p->owes_switch = false;
        p->has_left = true;
        return fh__link_write_empty(p->out, FH_LINK_F_SWITCH);
    }
    return 0;
}

void fh__link_talk(struct fh__link_path *p)
{
    while (p->stream && flush(p) && (p->out_len = compose(p)) > 0)
        continue;
}
