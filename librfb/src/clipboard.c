/* SPDX-License-Identifier: MIT */
#include "clipboard.h"

#include <string.h>

#include "text.h"

enum { LEVEL = 3 /* of zlib: a text is small, and waits for nobody */ };

bool fh__clip_begin(struct fh__clip *c, uint32_t len)
{
    c->part = FH__CLIP_IN_FLAGS;
    c->left = len;
    c->n_size = 0;
    c->has_text = false;
    return len >= 4;
}

static unsigned count_bits(uint32_t v)
{
    unsigned n = 0;

    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

static bool begin_inflate(struct fh__clip *c)
{
    if (c->has_z)
        return inflateReset(&c->z) == Z_OK;
    c->has_z = inflateInit(&c->z) == Z_OK;
    return c->has_z;
}

/* Caps go with any actions, the others are alone. */
static enum fh__clip_said on_flags(struct fh__clip *c, struct rd *r)
{
    uint32_t actions;

    if (r->left < 4)
        return FH__CLIP_SAID_MORE;
    c->flags = rd_u32(r);
    c->left -= 4;
    actions = c->flags & FH__CLIP_ACTIONS;
    c->part = FH__CLIP_IN_REST;
    if (actions & FH__CLIP_CAPS) {
        c->part = FH__CLIP_IN_SIZES;
        if (c->left < 4 * count_bits(c->flags & FH__CLIP_FORMATS))
            return FH__CLIP_SAID_BAD;
    } else if (actions == FH__CLIP_PROVIDE) {
        if (!begin_inflate(c))
            return FH__CLIP_SAID_NOMEM;
        if (c->flags & FH__CLIP_TEXT)
            c->part = FH__CLIP_IN_SIZE;
    } else if (actions != FH__CLIP_REQUEST && actions != FH__CLIP_PEEK &&
               actions != FH__CLIP_NOTIFY) {
        return FH__CLIP_SAID_BAD;
    }
    return FH__CLIP_SAID_NOTHING;
}

/* A size for each format, the lowest bit first; that of text is what is of interest. */
static enum fh__clip_said on_sizes(struct fh__clip *c, struct rd *r)
{
    const uint32_t n = 4 * count_bits(c->flags & FH__CLIP_FORMATS);
    struct rd sizes;

    if (r->left < n)
        return FH__CLIP_SAID_MORE;
    sizes = rd_sub(r, n);
    c->left -= n;
    c->peer = c->flags;
    c->peer_text_max = c->flags & FH__CLIP_TEXT ? rd_u32(&sizes) : 0;
    c->part = FH__CLIP_IN_REST;
    return FH__CLIP_SAID_NOTHING;
}

/* Inflates to out. *n: bytes made. False: damaged. */
static bool inflate_to(struct fh__clip *c, struct rd *r, void *out, size_t room, size_t *n)
{
    const size_t len = c->left < r->left ? c->left : r->left;
    int ret;

    c->z.next_in = (Bytef *)rd_bytes(r, 0);
    c->z.avail_in = (uInt)len;
    c->z.next_out = out;
    c->z.avail_out = (uInt)room;
    ret = inflate(&c->z, Z_SYNC_FLUSH);
    rd_skip(r, len - c->z.avail_in);
    c->left -= (uint32_t)(len - c->z.avail_in);
    *n = room - c->z.avail_out;
    /* With all that was wanted, a sum behind it that is wrong may have been seen or not. */
    return *n == room || ret == Z_OK || ret == Z_BUF_ERROR || (ret == Z_STREAM_END && *n != 0);
}

/* What stops a text: a message that ends before it does, or bytes that have not come yet. */
static enum fh__clip_said stopped(const struct fh__clip *c)
{
    return c->left == 0 ? FH__CLIP_SAID_BAD : FH__CLIP_SAID_MORE;
}

static enum fh__clip_said on_size(struct fh__clip *c, struct rd *r)
{
    struct rd size;
    size_t n;

    if (!inflate_to(c, r, c->size + c->n_size, sizeof c->size - c->n_size, &n))
        return FH__CLIP_SAID_BAD;
    c->n_size += n;
    if (c->n_size < sizeof c->size)
        return n == 0 ? stopped(c) : FH__CLIP_SAID_NOTHING;
    size = rd_init(c->size, sizeof c->size);
    c->room = rd_u32(&size);
    c->len = 0;
    /* One that is too long is left out. */
    c->part = c->room > FH__CLIP_WIRE_MAX ? FH__CLIP_IN_REST : FH__CLIP_IN_TEXT;
    if (c->part == FH__CLIP_IN_TEXT && !fh__clip_text_new(c, c->room + 1))
        return FH__CLIP_SAID_NOMEM;
    return FH__CLIP_SAID_NOTHING;
}

static enum fh__clip_said on_text(struct fh__clip *c, struct rd *r)
{
    size_t n = 0;

    if (c->len == c->room) {
        c->has_text = true;
        c->part = FH__CLIP_IN_REST; /* other formats, which were not asked for */
        return FH__CLIP_SAID_NOTHING;
    }
    if (!inflate_to(c, r, c->text + c->len, c->room - c->len, &n))
        return FH__CLIP_SAID_BAD;
    c->len += n;
    return n == 0 ? stopped(c) : FH__CLIP_SAID_NOTHING;
}

/* Up to the NUL, with LF for CR LF. False: it is not UTF-8, or longer than a text may be. */
static bool tidy_text(struct fh__clip *c)
{
    const char *end = memchr(c->text, 0, c->len);
    const size_t len = end ? (size_t)(end - c->text) : c->len;
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        if (c->text[i] != '\r' || i + 1 == len || c->text[i + 1] != '\n')
            c->text[n++] = c->text[i];
    c->text[n] = '\0';
    c->len = n;
    return n <= FH_RFB_CUT_TEXT_MAX && fh__utf8_is_valid(c->text, n);
}

static enum fh__clip_said said(struct fh__clip *c)
{
    const bool is_text = c->flags & FH__CLIP_TEXT;

    if (c->flags & FH__CLIP_CAPS)
        return FH__CLIP_SAID_CAPS;
    switch (c->flags & FH__CLIP_ACTIONS) {
    case FH__CLIP_REQUEST:
        return is_text ? FH__CLIP_SAID_REQUEST : FH__CLIP_SAID_NOTHING;
    case FH__CLIP_PEEK:
        return FH__CLIP_SAID_PEEK;
    case FH__CLIP_NOTIFY:
        return is_text ? FH__CLIP_SAID_NOTIFY : FH__CLIP_SAID_NOTHING;
    default:
        if (c->has_text && tidy_text(c))
            return FH__CLIP_SAID_TEXT;
        (void)fh__clip_text_new(c, 0);
        return FH__CLIP_SAID_NOTHING;
    }
}

/* NOTHING: it went on. */
static enum fh__clip_said step(struct fh__clip *c, struct rd *r)
{
    switch (c->part) {
    case FH__CLIP_IN_FLAGS:
        return on_flags(c, r);
    case FH__CLIP_IN_SIZES:
        return on_sizes(c, r);
    case FH__CLIP_IN_SIZE:
        return on_size(c, r);
    case FH__CLIP_IN_TEXT:
        return on_text(c, r);
    case FH__CLIP_IN_REST:
        break;
    }
    return FH__CLIP_SAID_BAD;
}

enum fh__clip_said fh__clip_read(struct fh__clip *c, struct rd *r)
{
    enum fh__clip_said s = FH__CLIP_SAID_NOTHING;
    size_t n;

    while (s == FH__CLIP_SAID_NOTHING && c->part != FH__CLIP_IN_REST)
        s = step(c, r);
    if (s != FH__CLIP_SAID_NOTHING)
        return s;
    n = r->left < c->left ? r->left : c->left;
    rd_skip(r, n);
    c->left -= (uint32_t)n;
    return c->left == 0 ? said(c) : FH__CLIP_SAID_MORE;
}

static void write_head(struct wr *w, uint8_t type, uint32_t len, uint32_t flags)
{
    wr_u8(w, type);
    wr_zeros(w, 3);
    wr_u32(w, 0u - len);
    wr_u32(w, flags);
}

void fh__clip_write(struct wr *w, uint8_t type, uint32_t flags)
{
    const bool is_caps = flags & FH__CLIP_CAPS;

    write_head(w, type, is_caps ? 8 : 4, flags);
    if (is_caps)
        wr_u32(w, FH_RFB_CUT_TEXT_MAX);
}

static size_t wire_size(const char *text, size_t len)
{
    size_t n = len + 1;

    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

static bool deflate_piece(z_stream *z, const void *data, size_t n, int flush)
{
    const int ret = (z->next_in = (Bytef *)data, z->avail_in = (uInt)n, deflate(z, flush));

    return z->avail_in == 0 && ret == (flush == Z_FINISH ? Z_STREAM_END : Z_OK);
}

/* u32 size, the text line by line, NUL. */
static bool deflate_text(z_stream *z, const char *text, size_t len, size_t size)
{
    const uint8_t head[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                             (uint8_t)size};
    const char *end;
    bool ok = deflate_piece(z, head, sizeof head, Z_NO_FLUSH);

    for (; ok && (end = memchr(text, '\n', len)) != NULL; text = end + 1) {
        const size_t n = (size_t)(end - text);

        ok = (n == 0 || deflate_piece(z, text, n, Z_NO_FLUSH)) &&
             deflate_piece(z, "\r\n", 2, Z_NO_FLUSH);
        len -= n + 1;
    }
    ok = ok && (len == 0 || deflate_piece(z, text, len, Z_NO_FLUSH));
    return ok && deflate_piece(z, "", 1, Z_FINISH);
}

bool fh__clip_set(struct fh__clip *c, uint8_t type, const char *text, size_t len)
{
    const size_t size = wire_size(text, len);
    z_stream z = {0};
    struct wr head;
    bool ok;

    c->own_len = 0;
    if (!fh__clip_own_new(c, FH__CLIP_OWN_MAX))
        return false;
    if (deflateInit(&z, LEVEL) != Z_OK) {
        (void)fh__clip_own_new(c, 0);
        return false;
    }
    z.next_out = c->own + 12;
    z.avail_out = FH__CLIP_OWN_MAX - 12;
    ok = deflate_text(&z, text, len, size);
    c->own_len = (size_t)(z.next_out - c->own);
    c->own_wire = size;
    deflateEnd(&z);
    head = wr_init(c->own, 12);
    write_head(&head, type, (uint32_t)c->own_len - 8, FH__CLIP_PROVIDE | FH__CLIP_TEXT);
    if (!ok)
        (void)fh__clip_own_new(c, 0);
    return ok;
}

bool fh__clip_may_provide(const struct fh__clip *c)
{
    const uint32_t need = FH__CLIP_PROVIDE | FH__CLIP_TEXT;

    return c->own && (c->peer & need) == need && c->own_wire <= c->peer_text_max;
}

bool fh__clip_may_notify(const struct fh__clip *c)
{
    const uint32_t need = FH__CLIP_NOTIFY | FH__CLIP_TEXT;

    return c->own && (c->peer & need) == need;
}

void fh__clip_finish(struct fh__clip *c)
{
    if (c->has_z)
        inflateEnd(&c->z);
    c->has_z = false;
    (void)fh__clip_text_new(c, 0);
    (void)fh__clip_own_new(c, 0);
}
