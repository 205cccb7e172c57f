/* SPDX-License-Identifier: MIT */
#include "session_messages.h"

#include <string.h>

bool fh__offer_read(struct rd r, struct fh__offer *out)
{
    struct fh__offer m = {.n = rd_u8(&r)};

    if (m.n > FH_OFFER_METHODS_MAX)
        return false;
    for (unsigned i = 0; i < m.n; i++) {
        m.methods[i].method = rd_u8(&r);
        m.methods[i].n_kinds = rd_u8(&r);
        if (m.methods[i].n_kinds > FH_AUTH_ITEMS_MAX)
            return false;
        rd_copy(&r, m.methods[i].kinds, m.methods[i].n_kinds);
    }
    if (!rd_is_done(&r))
        return false;
    *out = m;
    return true;
}

void fh__offer_write(struct wr *w, const struct fh__offer *m)
{
    wr_u8(w, FH_MSG_OFFER);
    wr_u8(w, m->n);
    for (unsigned i = 0; i < m->n; i++) {
        wr_u8(w, m->methods[i].method);
        wr_u8(w, m->methods[i].n_kinds);
        wr_bytes(w, m->methods[i].kinds, m->methods[i].n_kinds);
    }
}

static bool items_read(struct rd *r, struct fh__items *out)
{
    struct fh__items m = {.n = rd_u8(r)};

    if (m.n > FH_AUTH_ITEMS_MAX)
        return false;
    for (unsigned i = 0; i < m.n; i++) {
        m.item[i].kind = rd_u8(r);
        m.item[i].len = rd_u16(r);
        m.item[i].data = rd_bytes(r, m.item[i].len);
    }
    if (!rd_is_done(r))
        return false;
    *out = m;
    return true;
}

static void items_write(struct wr *w, const struct fh__items *m)
{
    wr_u8(w, m->n);
    for (unsigned i = 0; i < m->n; i++) {
        wr_u8(w, m->item[i].kind);
        wr_u16(w, m->item[i].len);
        wr_bytes(w, m->item[i].data, m->item[i].len);
    }
}

bool fh__choose_read(struct rd r, struct fh__choose *out)
{
    struct fh__choose m = {.method = rd_u8(&r)};

    if (!items_read(&r, &m.answers))
        return false;
    *out = m;
    return true;
}

void fh__choose_write(struct wr *w, const struct fh__choose *m)
{
    wr_u8(w, FH_MSG_CHOOSE);
    wr_u8(w, m->method);
    items_write(w, &m->answers);
}

bool fh__ask_read(struct rd r, struct fh__ask *out)
{
    struct fh__ask m = {.step = rd_u8(&r)};

    if (!items_read(&r, &m.questions))
        return false;
    *out = m;
    return true;
}

void fh__ask_write(struct wr *w, const struct fh__ask *m)
{
    wr_u8(w, FH_MSG_ASK);
    wr_u8(w, m->step);
    items_write(w, &m->questions);
}

bool fh__answer_read(struct rd r, struct fh__answer *out)
{
    struct fh__answer m = {.step = rd_u8(&r)};

    if (!items_read(&r, &m.answers))
        return false;
    *out = m;
    return true;
}

void fh__answer_write(struct wr *w, const struct fh__answer *m)
{
    wr_u8(w, FH_MSG_ANSWER);
    wr_u8(w, m->step);
    items_write(w, &m->answers);
}

bool fh__result_read(struct rd r, struct fh__result *out)
{
    struct fh__result m = {.status = rd_u8(&r)};

    m.attempts_left = rd_u8(&r);
    m.retry_s = rd_u16(&r);
    m.permissions = rd_u32(&r);
    m.idle_s = rd_u32(&r);
    rd_copy(&r, m.session_id, sizeof m.session_id);
    if (!rd_is_done(&r) || m.status > FH_STATUS_REFUSED)
        return false;
    *out = m;
    return true;
}

void fh__result_write(struct wr *w, const struct fh__result *m)
{
    wr_u8(w, FH_MSG_RESULT);
    wr_u8(w, m->status);
    wr_u8(w, m->attempts_left);
    wr_u16(w, m->retry_s);
    wr_u32(w, m->permissions);
    wr_u32(w, m->idle_s);
    wr_bytes(w, m->session_id, sizeof m->session_id);
}

bool fh__permissions_read(struct rd r, uint32_t *out)
{
    uint32_t permissions = rd_u32(&r);

    if (!rd_is_done(&r))
        return false;
    *out = permissions;
    return true;
}

void fh__permissions_write(struct wr *w, uint32_t permissions)
{
    wr_u8(w, FH_MSG_PERMISSIONS);
    wr_u32(w, permissions);
}

bool fh__bye_read(struct rd r, struct fh__bye *out)
{
    struct fh__bye m = {.reason = rd_u8(&r)};

    m.may_reconnect = (rd_u8(&r) & 1) != 0;
    m.retry_s = rd_u16(&r);
    m.len = rd_u16(&r);
    m.text = rd_bytes(&r, m.len);
    if (!rd_is_done(&r) || m.len > FH_BYE_TEXT_MAX)
        return false;
    *out = m;
    return true;
}

void fh__bye_write(struct wr *w, const struct fh__bye *m)
{
    wr_u8(w, FH_MSG_BYE);
    wr_u8(w, m->reason);
    wr_u8(w, m->may_reconnect);
    wr_u16(w, m->retry_s);
    wr_u16(w, m->len);
    wr_bytes(w, m->text, m->len);
}

bool fh__notice_read(struct rd r, struct fh__notice *out)
{
    struct fh__notice m = {.len = rd_u16(&r)};

    m.text = rd_bytes(&r, m.len);
    if (!rd_is_done(&r) || m.len > FH_AUTH_TEXT_MAX)
        return false;
    *out = m;
    return true;
}

void fh__notice_write(struct wr *w, const struct fh__notice *m)
{
    wr_u8(w, FH_MSG_NOTICE);
    wr_u16(w, m->len);
    wr_bytes(w, m->text, m->len);
}

static size_t read_part(struct rd *r, uint8_t *out, size_t room)
{
    size_t len = rd_u16(r);

    if (len > room)
        r->bad = true;
    else
        rd_copy(r, out, len);
    return len;
}

bool fh__rotation_read(struct rd r, struct fh_rotation *out)
{
    struct fh_rotation m = {.spki_len = 0};

    m.spki_len = read_part(&r, m.spki, sizeof m.spki);
    m.old_sig_len = read_part(&r, m.old_sig, sizeof m.old_sig);
    m.new_sig_len = read_part(&r, m.new_sig, sizeof m.new_sig);
    if (!rd_is_done(&r))
        return false;
    *out = m;
    return true;
}

void fh__rotation_write(struct wr *w, const struct fh_rotation *m)
{
    wr_u8(w, FH_MSG_ROTATION);
    wr_u16(w, (uint16_t)m->spki_len);
    wr_bytes(w, m->spki, m->spki_len);
    wr_u16(w, (uint16_t)m->old_sig_len);
    wr_bytes(w, m->old_sig, m->old_sig_len);
    wr_u16(w, (uint16_t)m->new_sig_len);
    wr_bytes(w, m->new_sig, m->new_sig_len);
}
