/* SPDX-License-Identifier: MIT */
/* Where the message machines get and give back their memory. Each size has its limit here. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client_machine.h"
#include "server_machine.h"

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The largest thing that goes out in one piece, and what may go before and after it. */
static size_t server_out_size(void)
{
    const size_t cursor = FH_CURSOR_MAX_SIDE * (4 * FH_CURSOR_MAX_SIDE + FH_CURSOR_MAX_SIDE / 8);
    const size_t pixels = fh_encoder_bound(FH_ENCODER_MAX_PIXELS);

    return max_size(max_size(pixels, cursor), FH__CLIP_OWN_MAX) + FH__CONTROL_MAX + 8192;
}

struct fh_rfb_server *fh_rfb_server_new(void)
{
    struct fh_rfb_server *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    pixman_region32_init(&s->damage);
    pixman_region32_init(&s->asked);
    pixman_region32_init(&s->scroll.to);
    s->encodings = FH__NO_ENCODINGS;
    s->format = fh_pixel_format_rgb888();
    s->out_cap = server_out_size();
    s->out = malloc(s->out_cap);
    s->encoder = fh_encoder_new();
    s->piece = malloc(FH_ENCODER_MAX_PIXELS * sizeof *s->piece);
    if (s->out && s->encoder && s->piece)
        return s;
    fh_rfb_server_free(s);
    return NULL;
}

void fh_rfb_server_free(struct fh_rfb_server *s)
{
    if (!s)
        return;
    pixman_region32_fini(&s->damage);
    pixman_region32_fini(&s->asked);
    pixman_region32_fini(&s->scroll.to);
    fh_encoder_free(s->encoder);
    free(s->piece);
    free(s->out);
    fh__clip_finish(&s->clip);
    free(s->cut_in);
    free(s->cut_out);
    free(s->cursor);
    free(s);
}

char *fh__server_cut_in_new(struct fh_rfb_server *s, size_t len)
{
    assert(len <= 2 * FH_RFB_CUT_TEXT_MAX + 1);
    free(s->cut_in);
    return s->cut_in = len != 0 ? malloc(len) : NULL;
}

uint8_t *fh__server_cut_out_new(struct fh_rfb_server *s, size_t len)
{
    assert(len <= FH_RFB_CUT_TEXT_MAX + 1);
    free(s->cut_out);
    return s->cut_out = len != 0 ? malloc(len) : NULL;
}

uint32_t *fh__server_cursor_new(struct fh_rfb_server *s, size_t pixels)
{
    assert(pixels <= FH_CURSOR_MAX_SIDE * FH_CURSOR_MAX_SIDE);
    free(s->cursor);
    return s->cursor = malloc(pixels * sizeof *s->cursor);
}

char *fh__clip_text_new(struct fh__clip *c, size_t n)
{
    assert(n <= FH__CLIP_WIRE_MAX + 1);
    free(c->text);
    return c->text = n != 0 ? malloc(n) : NULL;
}

uint8_t *fh__clip_own_new(struct fh__clip *c, size_t n)
{
    free(c->own);
    return c->own = n != 0 ? malloc(n) : NULL;
}

struct fh_rfb_client *fh_rfb_client_new(const struct fh_rfb_client_config *cfg)
{
    struct fh_rfb_client *c;

    if (cfg->n_encodings > FH__CLIENT_ENCODINGS_MAX || !fh_quality_is_valid(cfg->quality) ||
        cfg->level < -1 || cfg->level > 9 || cfg->max_pixels < 0 ||
        (cfg->format && (!cfg->format->true_colour || !fh_pixel_format_is_valid(cfg->format))))
        return NULL;
    if (!(c = calloc(1, sizeof *c)))
        return NULL;
    c->quality = cfg->quality;
    c->level = cfg->level;
    c->max_pixels = cfg->max_pixels;
    c->subsampling = cfg->subsampling;
    c->format = cfg->format ? *cfg->format : fh_pixel_format_rgb888();
    c->wants_continuous = cfg->continuous;
    c->decoder = fh_decoder_new();
    if (!c->decoder || !fh__bytes_reserve(&c->sending, 1)) {
        fh_rfb_client_free(c);
        return NULL;
    }
    (void)fh_decoder_set_format(c->decoder, &c->format);
    fh__pixel_reader_init(&c->pixel, &c->format, FH__PIXEL_FULL);
    fh__client_choose_encodings(c, cfg->encodings, cfg->n_encodings);
    c->sending.mem[c->sending.len++] = cfg->shared; /* ClientInit, RFC 6143 7.3.1 */
    if (cfg->pipeline)
        fh__client_send_start(c);
    return c;
}

void fh_rfb_client_free(struct fh_rfb_client *c)
{
    if (!c)
        return;
    fh_decoder_free(c->decoder);
    free(c->sending.mem);
    free(c->queue.mem);
    free(c->fb.px);
    free(c->cursor);
    free(c->next_cursor);
    free(c->cursor_body);
    fh__clip_finish(&c->clip);
    free(c->cut_text);
    free(c);
}

bool fh__bytes_reserve(struct fh__bytes *b, size_t more)
{
    size_t cap = b->cap != 0 ? b->cap : 1024;
    uint8_t *mem;

    if (more > FH__CLIENT_OUT_MAX || b->len > FH__CLIENT_OUT_MAX - more)
        return false;
    while (cap < b->len + more)
        cap *= 2;
    if (cap == b->cap)
        return true;
    if (!(mem = malloc(cap)))
        return false;
    if (b->len != 0)
        memcpy(mem, b->mem, b->len);
    free(b->mem);
    b->mem = mem;
    b->cap = cap;
    return true;
}

bool fh__client_picture_new(struct fh_rfb_client *c, int32_t width, int32_t height)
{
    assert(fh__client_check_size(c, (uint16_t)width, (uint16_t)height) == 0);
    free(c->fb.px);
    c->fb = (struct fh_framebuffer){0};
    c->fb.px = calloc((size_t)width * (size_t)height, sizeof *c->fb.px);
    if (!c->fb.px)
        return false;
    c->fb.width = c->fb.stride_px = width;
    c->fb.height = height;
    return true;
}

bool fh__client_cursor_new(struct fh_rfb_client *c, size_t pixels, size_t len)
{
    assert(pixels <= FH_CURSOR_MAX_SIDE * FH_CURSOR_MAX_SIDE && len <= 8 * pixels + 6);
    free(c->next_cursor);
    free(c->cursor_body);
    c->next_cursor = calloc(pixels, sizeof *c->next_cursor);
    c->cursor_body = malloc(len);
    return c->next_cursor && c->cursor_body;
}

void fh__client_cursor_turn(struct fh_rfb_client *c)
{
    free(c->cursor);
    free(c->cursor_body);
    c->cursor = c->next_cursor;
    c->next_cursor = NULL;
    c->cursor_body = NULL;
}

char *fh__client_cut_text_new(struct fh_rfb_client *c, size_t len)
{
    assert(len <= 2 * FH_RFB_CUT_TEXT_MAX + 1);
    free(c->cut_text);
    return c->cut_text = len != 0 ? malloc(len) : NULL;
}
