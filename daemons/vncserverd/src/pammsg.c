/* SPDX-License-Identifier: MIT */
#include "pammsg.h"

#include <string.h>

#include "rd.h"
#include "wr.h"

const char *fh__pam_outcome_name(unsigned outcome)
{
    static const char *const names[] = {
#define X(name, num, text) [num] = (text),
        FH__PAM_OUTCOMES(X)
#undef X
    };

    return outcome < sizeof names / sizeof names[0] ? names[outcome] : NULL;
}

/* ---- writing ---- */

static void write_bytes(struct wr *w, const void *data, size_t len)
{
    if (len > UINT16_MAX)
        w->bad = true;
    wr_u16(w, (uint16_t)len);
    wr_bytes(w, data, len);
}

static void write_text(struct wr *w, const char *text)
{
    write_bytes(w, text, strlen(text));
}

static void write_items(struct wr *w, const struct fh__pam_message *m)
{
    wr_u8(w, (uint8_t)m->n_items);
    for (size_t i = 0; i < m->n_items; i++) {
        if (m->type == FH__PAM_ASK)
            wr_u8(w, (uint8_t)m->items[i].kind);
        write_bytes(w, m->items[i].data, m->items[i].len);
    }
}

size_t fh__pam_write(const struct fh__pam_message *m, uint8_t *out)
{
    struct wr w = wr_init(out + FH__PAM_HEADER, FH__PAM_PAYLOAD_MAX);
    struct wr header = wr_init(out, FH__PAM_HEADER);

    switch (m->type) {
    case FH__PAM_START:
        write_text(&w, m->start.service);
        write_text(&w, m->start.user);
        write_text(&w, m->start.host);
        write_text(&w, m->start.terminal);
        break;
    case FH__PAM_ANSWERS:
    case FH__PAM_ASK:
        write_items(&w, m);
        break;
    case FH__PAM_OPEN:
        break;
    case FH__PAM_RESULT:
    case FH__PAM_OPENED:
        wr_u8(&w, (uint8_t)m->outcome);
        write_text(&w, m->words);
        break;
    default:
        return 0;
    }
    wr_u8(&header, m->type);
    wr_u16(&header, (uint16_t)w.len);
    return w.bad ? 0 : FH__PAM_HEADER + w.len;
}

/* ---- reading ---- */

int fh__pam_read_header(const uint8_t header[FH__PAM_HEADER])
{
    struct rd r = rd_init(header, FH__PAM_HEADER);
    uint8_t type = rd_u8(&r);
    uint16_t len = rd_u16(&r);
    bool is_known = (type >= FH__PAM_START && type <= FH__PAM_OPEN) ||
                    (type >= FH__PAM_ASK && type <= FH__PAM_OPENED);

    return is_known && len <= FH__PAM_PAYLOAD_MAX ? len : -1;
}

/* Text without NUL. */
static void read_text(struct rd *r, char out[FH__PAM_TEXT_MAX + 1])
{
    size_t len = rd_u16(r);
    const uint8_t *p = rd_bytes(r, len);

    if (!p || len > FH__PAM_TEXT_MAX || memchr(p, 0, len)) {
        r->bad = true;
        return;
    }
    memcpy(out, p, len);
    out[len] = '\0';
}

static bool is_item(const struct fh_item *item)
{
    size_t text = item->len - (item->kind == FH_KIND_PROMPT && item->len > 0);

    return (item->kind == FH_KIND_PROMPT || item->kind == FH_KIND_NOTICE) && item->len > 0 &&
           text <= FH_AUTH_TEXT_MAX;
}

static void read_items(struct rd *r, struct fh__pam_message *m)
{
    m->n_items = rd_u8(r);
    if (m->n_items == 0 || m->n_items > FH_AUTH_ITEMS_MAX) {
        r->bad = true;
        return;
    }
    for (size_t i = 0; i < m->n_items; i++) {
        if (m->type == FH__PAM_ASK)
            m->items[i].kind = (enum fh_kind)rd_u8(r);
        m->items[i].len = rd_u16(r);
        m->items[i].data = rd_bytes(r, m->items[i].len);
        if (m->type == FH__PAM_ASK ? !is_item(&m->items[i]) : m->items[i].len > FH_AUTH_ANSWER_MAX)
            r->bad = true;
    }
}

static void read_outcome(struct rd *r, struct fh__pam_message *m)
{
    uint8_t outcome = rd_u8(r);

    if (!fh__pam_outcome_name(outcome))
        r->bad = true;
    m->outcome = (enum fh__pam_outcome)outcome;
    read_text(r, m->words);
}

bool fh__pam_read(uint8_t type, const uint8_t *payload, size_t len, struct fh__pam_message *out)
{
    struct rd r = rd_init(payload, len);

    *out = (struct fh__pam_message){.type = type};
    switch (type) {
    case FH__PAM_START:
        read_text(&r, out->start.service);
        read_text(&r, out->start.user);
        read_text(&r, out->start.host);
        read_text(&r, out->start.terminal);
        break;
    case FH__PAM_ANSWERS:
    case FH__PAM_ASK:
        read_items(&r, out);
        break;
    case FH__PAM_OPEN:
        break;
    case FH__PAM_RESULT:
    case FH__PAM_OPENED:
        read_outcome(&r, out);
        break;
    default:
        return false;
    }
    return rd_is_done(&r);
}
