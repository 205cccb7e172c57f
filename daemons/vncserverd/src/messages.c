/* SPDX-License-Identifier: MIT */
#include "messages.h"

#include <string.h>

#include <farhand/vncauth.h>

#include "messages_fields.h"

struct fh__text fh__text_of(const char *s)
{
    return (struct fh__text){s ? s : "", s ? strlen(s) : 0};
}

void fh__text_copy(struct fh__text t, char *out, size_t room)
{
    size_t len = t.len < room ? t.len : room - 1;

    if (len > 0)
        memcpy(out, t.p, len);
    out[len] = '\0';
}

/* ---- all of them ---- */

bool fh__msg_u8_read(struct rd r, uint8_t *out)
{
    *out = rd_u8(&r);
    return rd_is_done(&r);
}

bool fh__msg_u32_read(struct rd r, uint32_t *out)
{
    *out = rd_u32(&r);
    return rd_is_done(&r);
}

bool fh__msg_u64_read(struct rd r, uint64_t *out)
{
    *out = rd_u64(&r);
    return rd_is_done(&r);
}

bool fh__msg_log_read(struct rd r, struct fh__msg_log *out)
{
    out->level = rd_u8(&r);
    out->text = fh__read_rest(&r);
    return rd_is_done(&r) && out->level >= 3 && out->level <= 7;
}

void fh__msg_log_write(struct wr *w, const struct fh__msg_log *m)
{
    wr_u8(w, m->level);
    wr_bytes(w, m->text.p, m->text.len);
}

bool fh__msg_confined_read(struct rd r, struct fh__msg_confined *out)
{
    out->what = rd_u32(&r);
    out->landlock = rd_u8(&r);
    return rd_is_done(&r);
}

void fh__msg_confined_write(struct wr *w, const struct fh__msg_confined *m)
{
    wr_u32(w, m->what);
    wr_u8(w, m->landlock);
}

/* ---- key ---- */

bool fh__msg_key_setup_read(struct rd r, struct fh__msg_key_setup *out)
{
    out->level = rd_u8(&r);
    out->user = fh__read_text(&r);
    out->rsa = fh__read_text(&r);
    out->tls_certificate = fh__read_text(&r);
    out->tls_key = fh__read_text(&r);
    out->path = fh__read_rest(&r);
    return rd_is_done(&r);
}

void fh__msg_key_setup_write(struct wr *w, const struct fh__msg_key_setup *m)
{
    wr_u8(w, m->level);
    fh__write_text(w, m->user);
    fh__write_text(w, m->rsa);
    fh__write_text(w, m->tls_certificate);
    fh__write_text(w, m->tls_key);
    wr_bytes(w, m->path.p, m->path.len);
}

/* ---- session ---- */

/* All that fh_link_look() takes of a stream that is resumed. */
static struct fh_link_opening read_opening(struct rd *r)
{
    struct fh_link_opening o = {.len = FH_LINK_OPENING_MAX};

    rd_copy(r, o.bytes, sizeof o.bytes);
    return o;
}

bool fh__msg_moved_read(struct rd r, struct fh__msg_moved *out)
{
    out->ref = rd_bytes(&r, FH_LINK_REF_LEN);
    out->opening = read_opening(&r);
    return rd_is_done(&r);
}

void fh__msg_moved_write(struct wr *w, const struct fh__msg_moved *m)
{
    wr_bytes(w, m->ref, FH_LINK_REF_LEN);
    wr_bytes(w, m->opening.bytes, sizeof m->opening.bytes);
}

bool fh__msg_stream_read(struct rd r, struct fh__msg_stream *out)
{
    out->peer = fh__read_peer(&r);
    out->opening = read_opening(&r);
    return rd_is_done(&r) && fh__is_peer(&out->peer);
}

void fh__msg_stream_write(struct wr *w, const struct fh__msg_stream *m)
{
    fh__write_peer(w, &m->peer);
    wr_bytes(w, m->opening.bytes, sizeof m->opening.bytes);
}

bool fh__msg_away_read(struct rd r, struct fh__msg_away *out)
{
    uint8_t where = rd_u8(&r);

    out->where = (enum fh__away)where;
    out->peer = fh__read_rest(&r);
    return rd_is_done(&r) && where <= FH__BESIDE && (out->peer.len == 0) == (where == FH__AWAY);
}

void fh__msg_away_write(struct wr *w, const struct fh__msg_away *m)
{
    wr_u8(w, (uint8_t)m->where);
    wr_bytes(w, m->peer.p, m->peer.len);
}

static void read_older(struct rd *r, struct fh__msg_session_setup *out)
{
    out->n_older = rd_u8(r);
    r->bad |= out->n_older > FH_OLDER_MAX;
    for (size_t i = 0; !r->bad && i < out->n_older; i++)
        out->older[i] = rd_u16(r);
    out->rsa_pub_len = rd_u16(r);
    out->rsa_pub = rd_bytes(r, out->rsa_pub_len);
    out->tls = fh__read_text(r);
    r->bad |= out->tls.len > FH__PEM_MAX;
}

static void write_older(struct wr *w, const struct fh__msg_session_setup *m)
{
    wr_u8(w, (uint8_t)m->n_older);
    for (size_t i = 0; i < m->n_older; i++)
        wr_u16(w, m->older[i]);
    wr_u16(w, (uint16_t)m->rsa_pub_len);
    wr_bytes(w, m->rsa_pub, m->rsa_pub_len);
    fh__write_text(w, m->tls);
}

static void read_cloud(struct rd *r, struct fh__msg_session_setup *out)
{
    uint8_t way = 0;

    out->session_ref = out->cloud_secret = NULL;
    if (fh__read_flag(r)) {
        way = rd_u8(r);
        out->session_ref = rd_bytes(r, FH__CLOUD_REF_LEN);
        if (fh__read_flag(r))
            out->cloud_secret = rd_bytes(r, FH__CLOUD_SECRET_LEN);
    }
    out->way = (enum fh__way)way;
    r->bad |= way > FH__WAY_RELAY;
}

static void write_cloud(struct wr *w, const struct fh__msg_session_setup *m)
{
    wr_u8(w, m->session_ref != NULL);
    if (!m->session_ref)
        return;
    wr_u8(w, (uint8_t)m->way);
    wr_bytes(w, m->session_ref, FH__CLOUD_REF_LEN);
    wr_u8(w, m->cloud_secret != NULL);
    if (m->cloud_secret)
        wr_bytes(w, m->cloud_secret, FH__CLOUD_SECRET_LEN);
}

bool fh__msg_session_setup_read(struct rd r, struct fh__msg_session_setup *out)
{
    out->level = rd_u8(&r);
    out->peer = fh__read_peer(&r);
    out->idle_ms = rd_u64(&r);
    out->resume_ms = rd_u32(&r);
    read_cloud(&r, out);
    out->spki_len = rd_u16(&r);
    out->spki = rd_bytes(&r, out->spki_len);
    out->n_methods = rd_u8(&r);
    out->methods = rd_bytes(&r, out->n_methods);
    read_older(&r, out);
    out->user = fh__read_text(&r);
    out->name = fh__read_rest(&r);
    return rd_is_done(&r) && out->spki_len <= FH_SPKI_MAX && out->n_methods <= FH_METHODS_MAX &&
           fh__is_peer(&out->peer);
}

void fh__msg_session_setup_write(struct wr *w, const struct fh__msg_session_setup *m)
{
    wr_u8(w, m->level);
    fh__write_peer(w, &m->peer);
    wr_u64(w, m->idle_ms);
    wr_u32(w, m->resume_ms);
    write_cloud(w, m);
    wr_u16(w, (uint16_t)m->spki_len);
    wr_bytes(w, m->spki, m->spki_len);
    wr_u8(w, (uint8_t)m->n_methods);
    wr_bytes(w, m->methods, m->n_methods);
    write_older(w, m);
    fh__write_text(w, m->user);
    wr_bytes(w, m->name.p, m->name.len);
}

static bool is_bye(unsigned number)
{
    switch (number) {
#define X(name, num, text)                                                                         \
    case (num):                                                                                    \
        return true;
        FH_BYES(X)
#undef X
    }
    return false;
}

bool fh__msg_disconnect_read(struct rd r, struct fh__msg_disconnect *out)
{
    uint8_t reason = rd_u8(&r);

    out->reason = (enum fh_bye)reason;
    out->may_reconnect = fh__read_flag(&r);
    return rd_is_done(&r) && is_bye(reason);
}

void fh__msg_disconnect_write(struct wr *w, const struct fh__msg_disconnect *m)
{
    wr_u8(w, (uint8_t)m->reason);
    wr_u8(w, m->may_reconnect);
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

bool fh__msg_rotation_read(struct rd r, struct fh_rotation *out)
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

void fh__msg_rotation_write(struct wr *w, const struct fh_rotation *m)
{
    wr_u16(w, (uint16_t)m->spki_len);
    wr_bytes(w, m->spki, m->spki_len);
    wr_u16(w, (uint16_t)m->old_sig_len);
    wr_bytes(w, m->old_sig, m->old_sig_len);
    wr_u16(w, (uint16_t)m->new_sig_len);
    wr_bytes(w, m->new_sig, m->new_sig_len);
}

bool fh__msg_rotate_read(struct rd r, struct fh__msg_rotate *out)
{
    struct fh__msg_rotate m = {.number = rd_u64(&r)};

    rd_copy(&r, m.binding, sizeof m.binding);
    if (!rd_is_done(&r))
        return false;
    *out = m;
    return true;
}

void fh__msg_rotate_write(struct wr *w, const struct fh__msg_rotate *m)
{
    wr_u64(w, m->number);
    wr_bytes(w, m->binding, sizeof m->binding);
}

bool fh__msg_rotated_read(struct rd r, struct fh__msg_rotated *out)
{
    struct fh__msg_rotated m = {.number = rd_u64(&r)};
    struct fh_rotation statement;

    m.statement = r.p;
    m.len = r.left;
    if (r.bad || !fh__msg_rotation_read(r, &statement))
        return false;
    *out = m;
    return true;
}

void fh__msg_rotated_write(struct wr *w, const struct fh__msg_rotated *m)
{
    wr_u64(w, m->number);
    wr_bytes(w, m->statement, m->len);
}

bool fh__msg_peer_read(struct rd r, struct fh__msg_peer *out)
{
    out->fingerprint = rd_bytes(&r, FH_FINGERPRINT_LEN);
    out->program = fh__read_rest(&r);
    return rd_is_done(&r) && fh__is_clean(out->program);
}

void fh__msg_peer_write(struct wr *w, const struct fh__msg_peer *m)
{
    wr_bytes(w, m->fingerprint, FH_FINGERPRINT_LEN);
    wr_bytes(w, m->program.p, m->program.len);
}

/* A password is any bytes. */
static struct fh__text read_password(struct rd *r)
{
    size_t len = r->left;

    return (struct fh__text){(const char *)rd_bytes(r, len), len};
}

bool fh__msg_older_read(struct rd r, struct fh__msg_older *out)
{
    out->version = rd_u8(&r);
    out->type = rd_u16(&r);
    return rd_is_done(&r) && (out->version == 3 || out->version == 7 || out->version == 8) &&
           fh_older_strength(out->type) > 0;
}

void fh__msg_older_write(struct wr *w, const struct fh__msg_older *m)
{
    wr_u8(w, (uint8_t)m->version);
    wr_u16(w, (uint16_t)m->type);
}

bool fh__msg_attempt_read(struct rd r, struct fh__msg_attempt *out)
{
    uint8_t method = rd_u8(&r);

    out->method = (enum fh_method)method;
    out->attempt = rd_u8(&r);
    out->binding = rd_bytes(&r, FH_AUTH_BINDING_LEN);
    out->user = fh__read_text(&r);
    out->has_password = fh__read_flag(&r);
    out->password = read_password(&r);
    if (out->method == FH_METHOD_VNC && out->password.len != 2 * FH_VNCAUTH_LEN)
        return false;
    return rd_is_done(&r) && fh_method_name(method) && out->user.len <= FH_AUTH_USER_MAX &&
           fh__is_clean(out->user) && out->password.len <= FH_AUTH_PASSWORD_MAX &&
           out->has_password ==
               (out->method == FH_METHOD_PASSWORD || out->method == FH_METHOD_VNC) &&
           (out->has_password || out->password.len == 0);
}

void fh__msg_attempt_write(struct wr *w, const struct fh__msg_attempt *m)
{
    wr_u8(w, (uint8_t)m->method);
    wr_u8(w, (uint8_t)m->attempt);
    wr_bytes(w, m->binding, FH_AUTH_BINDING_LEN);
    fh__write_text(w, m->user);
    wr_u8(w, m->has_password);
    wr_bytes(w, m->password.p, m->password.len);
}

/* Which of them answers what, and how long each may be, is judged where they are used. */
bool fh__msg_items_read(struct rd r, struct fh__msg_items *out)
{
    out->n = rd_u8(&r);
    if (out->n > FH_AUTH_ITEMS_MAX)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        uint8_t kind = rd_u8(&r);

        out->items[i].kind = (enum fh_kind)kind;
        out->items[i].len = rd_u16(&r);
        out->items[i].data = rd_bytes(&r, out->items[i].len);
        r.bad |=
            kind < FH_KIND_USER || kind > FH_KIND_NOTICE || out->items[i].len > FH_AUTH_ANSWER_MAX;
    }
    return rd_is_done(&r);
}

void fh__msg_items_write(struct wr *w, const struct fh__msg_items *m)
{
    wr_u8(w, (uint8_t)m->n);
    for (size_t i = 0; i < m->n; i++) {
        wr_u8(w, (uint8_t)m->items[i].kind);
        wr_u16(w, (uint16_t)m->items[i].len);
        wr_bytes(w, m->items[i].data, m->items[i].len);
        w->bad |= m->items[i].len > FH_AUTH_ANSWER_MAX;
    }
}

bool fh__msg_report_read(struct rd r, struct fh__msg_report *out)
{
    uint8_t type = rd_u8(&r), reason = rd_u8(&r);

    out->type = (enum fh_audit_type)type;
    out->reason = (enum fh_bye)reason;
    out->bytes_in = rd_u64(&r);
    out->bytes_out = rd_u64(&r);
    return rd_is_done(&r) && is_bye(reason) &&
           (type == FH_AUDIT_REFUSED || type == FH_AUDIT_AUTH_FAILED || type == FH_AUDIT_ENDED);
}

void fh__msg_report_write(struct wr *w, const struct fh__msg_report *m)
{
    wr_u8(w, (uint8_t)m->type);
    wr_u8(w, (uint8_t)m->reason);
    wr_u64(w, m->bytes_in);
    wr_u64(w, m->bytes_out);
}

/* ---- desktop ---- */

enum { HAS_CLIPBOARD = 1, HAS_RESIZE = 2 };

bool fh__msg_desktop_setup_read(struct rd r, struct fh__msg_desktop_setup *out)
{
    uint8_t flags;

    out->level = rd_u8(&r);
    flags = rd_u8(&r);
    out->has_clipboard = flags & HAS_CLIPBOARD;
    out->has_resize = flags & HAS_RESIZE;
    out->width = rd_u16(&r);
    out->height = rd_u16(&r);
    out->rate = rd_u16(&r);
    out->display = fh__read_text(&r);
    out->xauthority = fh__read_text(&r);
    out->user = fh__read_rest(&r);
    return rd_is_done(&r) && out->rate > 0 && flags <= (HAS_CLIPBOARD | HAS_RESIZE);
}

void fh__msg_desktop_setup_write(struct wr *w, const struct fh__msg_desktop_setup *m)
{
    wr_u8(w, m->level);
    wr_u8(w, (uint8_t)((m->has_clipboard ? HAS_CLIPBOARD : 0) | (m->has_resize ? HAS_RESIZE : 0)));
    wr_u16(w, m->width);
    wr_u16(w, m->height);
    wr_u16(w, m->rate);
    fh__write_text(w, m->display);
    fh__write_text(w, m->xauthority);
    wr_bytes(w, m->user.p, m->user.len);
}

bool fh__msg_mask_read(struct rd r, struct fh__msg_mask *out)
{
    out->number = rd_u64(&r);
    out->permissions = rd_u32(&r);
    return rd_is_done(&r);
}

void fh__msg_mask_write(struct wr *w, const struct fh__msg_mask *m)
{
    wr_u64(w, m->number);
    wr_u32(w, m->permissions);
}

bool fh__msg_key_read(struct rd r, struct fh__msg_key *out)
{
    out->keysym = rd_u32(&r);
    out->keycode = rd_u32(&r);
    out->down = fh__read_flag(&r);
    return rd_is_done(&r);
}

void fh__msg_key_write(struct wr *w, const struct fh__msg_key *m)
{
    wr_u32(w, m->keysym);
    wr_u32(w, m->keycode);
    wr_u8(w, m->down);
}

bool fh__msg_pointer_read(struct rd r, struct fh__msg_pointer *out)
{
    out->x = rd_u16(&r);
    out->y = rd_u16(&r);
    out->buttons = rd_u16(&r);
    return rd_is_done(&r);
}

void fh__msg_pointer_write(struct wr *w, const struct fh__msg_pointer *m)
{
    wr_u16(w, m->x);
    wr_u16(w, m->y);
    wr_u16(w, m->buttons);
}

bool fh__msg_part_read(struct rd r, struct fh__msg_part *out)
{
    out->total = rd_u32(&r);
    out->goes_on = fh__read_flag(&r);
    out->len = r.left;
    out->data = rd_bytes(&r, out->len);
    return rd_is_done(&r) && out->len <= out->total && (out->len > 0 || out->total == 0);
}

void fh__msg_part_write(struct wr *w, const struct fh__msg_part *m)
{
    wr_u32(w, m->total);
    wr_u8(w, m->goes_on);
    wr_bytes(w, m->data, m->len);
}

bool fh__msg_size_read(struct rd r, struct fh__msg_size *out)
{
    out->width = rd_u16(&r);
    out->height = rd_u16(&r);
    return rd_is_done(&r);
}

void fh__msg_size_write(struct wr *w, const struct fh__msg_size *m)
{
    wr_u16(w, m->width);
    wr_u16(w, m->height);
}

bool fh__msg_screen_read(struct rd r, struct fh__msg_screen *out)
{
    out->width = rd_u16(&r);
    out->height = rd_u16(&r);
    out->is_same = fh__read_flag(&r);
    out->n_screens = rd_u8(&r);
    if (out->n_screens > sizeof out->screens / sizeof *out->screens)
        return false;
    for (size_t i = 0; i < out->n_screens; i++) {
        out->screens[i].id = rd_u32(&r);
        out->screens[i].x = rd_u16(&r);
        out->screens[i].y = rd_u16(&r);
        out->screens[i].w = rd_u16(&r);
        out->screens[i].h = rd_u16(&r);
        out->screens[i].flags = rd_u32(&r);
    }
    return rd_is_done(&r) && out->width >= 1 && out->width <= FH_FRAMEBUFFER_MAX_SIDE &&
           out->height >= 1 && out->height <= FH_FRAMEBUFFER_MAX_SIDE;
}

void fh__msg_screen_write(struct wr *w, const struct fh__msg_screen *m)
{
    wr_u16(w, m->width);
    wr_u16(w, m->height);
    wr_u8(w, m->is_same);
    wr_u8(w, (uint8_t)m->n_screens);
    for (size_t i = 0; i < m->n_screens; i++) {
        wr_u32(w, m->screens[i].id);
        wr_u16(w, m->screens[i].x);
        wr_u16(w, m->screens[i].y);
        wr_u16(w, m->screens[i].w);
        wr_u16(w, m->screens[i].h);
        wr_u32(w, m->screens[i].flags);
    }
}

static struct fh_rect read_rect(struct rd *r)
{
    struct fh_rect rect;

    rect.x = rd_u16(r);
    rect.y = rd_u16(r);
    rect.w = rd_u16(r);
    rect.h = rd_u16(r);
    return rect;
}

static void write_rect(struct wr *w, const struct fh_rect *rect)
{
    wr_u16(w, (uint16_t)rect->x);
    wr_u16(w, (uint16_t)rect->y);
    wr_u16(w, (uint16_t)rect->w);
    wr_u16(w, (uint16_t)rect->h);
}

bool fh__msg_damage_read(struct rd r, struct fh__msg_damage *out)
{
    out->n = rd_u16(&r);
    if (out->n > FH__RECTS_MAX)
        return false;
    for (size_t i = 0; i < out->n; i++)
        out->rects[i] = read_rect(&r);
    out->has_motion = !r.bad && !rd_is_done(&r);
    if (!out->has_motion)
        return rd_is_done(&r);
    out->motion.to = read_rect(&r);
    out->motion.from_x = rd_u16(&r);
    out->motion.from_y = rd_u16(&r);
    return rd_is_done(&r);
}

void fh__msg_damage_write(struct wr *w, const struct fh__msg_damage *m)
{
    wr_u16(w, (uint16_t)m->n);
    for (size_t i = 0; i < m->n; i++)
        write_rect(w, &m->rects[i]);
    if (!m->has_motion)
        return;
    write_rect(w, &m->motion.to);
    wr_u16(w, (uint16_t)m->motion.from_x);
    wr_u16(w, (uint16_t)m->motion.from_y);
}

bool fh__msg_cursor_read(struct rd r, struct fh__msg_cursor *out)
{
    out->w = rd_u16(&r);
    out->h = rd_u16(&r);
    out->hot_x = rd_u16(&r);
    out->hot_y = rd_u16(&r);
    return fh__msg_part_read(r, &out->part) && out->w <= FH_CURSOR_MAX_SIDE &&
           out->h <= FH_CURSOR_MAX_SIDE && out->part.total == 4u * out->w * out->h;
}

void fh__msg_cursor_write(struct wr *w, const struct fh__msg_cursor *m)
{
    wr_u16(w, m->w);
    wr_u16(w, m->h);
    wr_u16(w, m->hot_x);
    wr_u16(w, m->hot_y);
    fh__msg_part_write(w, &m->part);
}

/* ---- what is encoded for several viewers ---- */

enum { IS_BIG_ENDIAN = 1, IS_TRUE_COLOUR = 2, HAS_NO_ZLIB = 4 };

static bool read_coding(struct rd *r, struct fh_rfb_coding *out)
{
    struct fh_pixel_format *f = &out->format;
    uint8_t encoding = rd_u8(r), flags, subsampling;

    out->encoding = encoding == FH_ENC_TIGHT ? FH_ENC_TIGHT : FH_ENC_RAW;
    f->bits_per_pixel = rd_u8(r);
    f->depth = rd_u8(r);
    flags = rd_u8(r);
    f->big_endian = flags & IS_BIG_ENDIAN;
    f->true_colour = flags & IS_TRUE_COLOUR;
    f->red_max = rd_u16(r);
    f->green_max = rd_u16(r);
    f->blue_max = rd_u16(r);
    f->red_shift = rd_u8(r);
    f->green_shift = rd_u8(r);
    f->blue_shift = rd_u8(r);
    out->quality = rd_u8(r) - 1;
    out->level = rd_u8(r);
    subsampling = rd_u8(r);
    out->subsampling = (enum fh_subsampling)subsampling;
    out->no_zlib = flags & HAS_NO_ZLIB;
    return !r->bad && (encoding == FH_ENC_TIGHT || encoding == FH_ENC_RAW) &&
           flags <= (IS_BIG_ENDIAN | IS_TRUE_COLOUR | HAS_NO_ZLIB) && fh_pixel_format_is_valid(f) &&
           fh_quality_is_valid(out->quality) && out->level <= 9 &&
           subsampling <= FH_SUBSAMPLING_16X;
}

bool fh__msg_coding_read(struct rd r, struct fh_rfb_coding *out)
{
    return read_coding(&r, out) && rd_is_done(&r);
}

void fh__msg_coding_write(struct wr *w, const struct fh_rfb_coding *m)
{
    const struct fh_pixel_format *f = &m->format;

    wr_u8(w, m->encoding == FH_ENC_TIGHT ? FH_ENC_TIGHT : FH_ENC_RAW);
    wr_u8(w, f->bits_per_pixel);
    wr_u8(w, f->depth);
    wr_u8(w, (uint8_t)((f->big_endian ? IS_BIG_ENDIAN : 0) | (f->true_colour ? IS_TRUE_COLOUR : 0) |
                       (m->no_zlib ? HAS_NO_ZLIB : 0)));
    wr_u16(w, f->red_max);
    wr_u16(w, f->green_max);
    wr_u16(w, f->blue_max);
    wr_u8(w, f->red_shift);
    wr_u8(w, f->green_shift);
    wr_u8(w, f->blue_shift);
    wr_u8(w, (uint8_t)(m->quality + 1));
    wr_u8(w, (uint8_t)m->level);
    wr_u8(w, (uint8_t)m->subsampling);
}

bool fh__msg_encoded_read(struct rd r, struct fh__msg_encoded *out)
{
    if (!read_coding(&r, &out->coding) || (out->n = rd_u16(&r)) > FH__ENCODED_MAX)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        struct fh__encoded_rect *e = &out->rects[i];

        e->r.x = rd_u16(&r);
        e->r.y = rd_u16(&r);
        e->r.w = rd_u16(&r);
        e->r.h = rd_u16(&r);
        e->at = rd_u64(&r);
        e->len = rd_u32(&r);
    }
    return rd_is_done(&r);
}

void fh__msg_encoded_write(struct wr *w, const struct fh__msg_encoded *m)
{
    fh__msg_coding_write(w, &m->coding);
    wr_u16(w, (uint16_t)m->n);
    for (size_t i = 0; i < m->n; i++) {
        const struct fh__encoded_rect *e = &m->rects[i];

        wr_u16(w, (uint16_t)e->r.x);
        wr_u16(w, (uint16_t)e->r.y);
        wr_u16(w, (uint16_t)e->r.w);
        wr_u16(w, (uint16_t)e->r.h);
        wr_u64(w, e->at);
        wr_u32(w, e->len);
    }
}
