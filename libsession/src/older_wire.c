/* SPDX-License-Identifier: MIT */
#include "older_wire.h"

#include <string.h>

#include <farhand/identity.h>

void fh__older_wire_finish(struct fh__older_wire *w)
{
    fh_rsaaes_free(w->rsa);
    fh_wipe(w, sizeof *w);
}

void fh__older_expect(struct fh__older_wire *w, size_t n)
{
    fh_wipe(w->message, w->have);
    w->have = 0;
    w->need = n;
}

bool fh__older_is_sealed(const struct fh__older_wire *w)
{
    return w->rsa && !fh_rsaaes_is_clear(w->rsa);
}

uint8_t *fh__older_wire_in(struct fh__older_wire *w, size_t *room)
{
    *room = 0;
    if (w->left > 0)
        return NULL;
    if (fh__older_is_sealed(w))
        return fh_rsaaes_in(w->rsa, room);
    *room = w->is_open ? sizeof w->in : w->need - w->have;
    return *room > 0 ? w->in : NULL;
}

int fh__older_wire_in_done(struct fh__older_wire *w, size_t used)
{
    w->bytes_in += used;
    if (fh__older_is_sealed(w))
        return fh_rsaaes_in_done(w->rsa, used);
    w->data = w->in;
    w->left = used;
    return 0;
}

bool fh__older_wire_fill(struct fh__older_wire *w)
{
    size_t n = w->need - w->have;

    if (w->need == 0)
        return false;
    n = n < w->left ? n : w->left;
    if (n > 0)
        memcpy(w->message + w->have, w->data, n);
    w->have += n;
    w->data += n;
    w->left -= n;
    return w->have == w->need;
}

static bool say_sealed(struct fh__older_wire *w, const void *data, size_t len)
{
    size_t room;
    uint8_t *p = fh_rsaaes_write(w->rsa, &room);

    if (!p || len > room)
        return false;
    memcpy(p, data, len);
    return fh_rsaaes_write_done(w->rsa, len) == 0;
}

bool fh__older_say(struct fh__older_wire *w, const void *data, size_t len)
{
    if (fh__older_is_sealed(w))
        return say_sealed(w, data, len);
    if (len > sizeof w->out - w->out_len)
        return false;
    memcpy(w->out + w->out_len, data, len);
    w->out_len += len;
    return true;
}

bool fh__older_say_u8(struct fh__older_wire *w, uint8_t v)
{
    return fh__older_say(w, &v, 1);
}

bool fh__older_say_u32(struct fh__older_wire *w, uint32_t v)
{
    uint8_t b[4];
    struct wr out = wr_init(b, sizeof b);

    wr_u32(&out, v);
    return fh__older_say(w, b, sizeof b);
}

uint8_t *fh__older_wire_write(struct fh__older_wire *w, size_t *room)
{
    if (fh__older_is_sealed(w))
        return fh_rsaaes_write(w->rsa, room);
    *room = w->out_len == 0 ? sizeof w->out : 0;
    return *room > 0 ? w->out : NULL;
}

int fh__older_wire_write_done(struct fh__older_wire *w, size_t len)
{
    if (fh__older_is_sealed(w))
        return fh_rsaaes_write_done(w->rsa, len);
    w->out_len = len;
    return 0;
}

/* What was said in clear comes before what is sealed: RSA-AES begins when the type was agreed. And
 * what RSA-AES still has to say comes before what follows it in clear. */
static bool is_rsas_turn(const struct fh__older_wire *w)
{
    size_t len;

    if (!w->rsa)
        return false;
    if (fh_rsaaes_is_clear(w->rsa))
        return fh_rsaaes_out(w->rsa, &len) != NULL;
    return w->out_len == 0;
}

const uint8_t *fh__older_wire_out(const struct fh__older_wire *w, size_t *len)
{
    if (is_rsas_turn(w))
        return fh_rsaaes_out(w->rsa, len);
    *len = w->out_len - w->out_at;
    return *len > 0 ? w->out + w->out_at : NULL;
}

void fh__older_wire_out_done(struct fh__older_wire *w, size_t sent)
{
    w->bytes_out += sent;
    if (is_rsas_turn(w)) {
        fh_rsaaes_out_done(w->rsa, sent);
        return;
    }
    w->out_at += sent;
    if (w->out_at == w->out_len)
        w->out_at = w->out_len = 0;
}

unsigned fh__older_version(const uint8_t text[FH__OLDER_VERSION_LEN])
{
    static const char head[] = "RFB 003.00";
    char last = (char)text[10];

    if (memcmp(text, head, sizeof head - 1) != 0 || text[11] != '\n' ||
        (last != '3' && last != '7' && last != '8'))
        return 0;
    return (unsigned)(last - '0');
}
