/* SPDX-License-Identifier: MIT */
#include "paint.h"

#include <math.h>

#include <pango/pangocairo.h>

static void set_rgb(cairo_t *cr, uint32_t rgb)
{
    cairo_set_source_rgb(cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

static PangoLayout *lay_out(cairo_t *cr, const struct fh__type *type, const char *text)
{
    PangoLayout *layout = pango_cairo_create_layout(cr);
    PangoFontDescription *font = pango_font_description_from_string("Sans");

    pango_cairo_context_set_resolution(pango_layout_get_context(layout), 96);
    pango_font_description_set_size(font, (int)(type->size * PANGO_SCALE));
    pango_font_description_set_weight(font,
                                      type->is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_auto_dir(layout, FALSE);
    pango_layout_set_width(layout, (int)(type->width * PANGO_SCALE));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_height(layout, -type->lines);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    pango_layout_set_text(layout, text, -1);
    return layout;
}

double fh__paint_text(cairo_t *cr, double x, double y, const struct fh__type *type,
                      const char *text, double *width)
{
    cairo_surface_t *scratch = NULL;
    PangoLayout *layout;
    int w, h;

    if (!cr) {
        scratch = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
        cr = cairo_create(scratch);
    }
    layout = lay_out(cr, type, text);
    pango_layout_get_pixel_size(layout, &w, &h);
    if (!scratch) {
        cairo_save(cr);
        /* Marks piled up on letters stay in their own place. */
        cairo_rectangle(cr, x, y, type->width, h);
        cairo_clip(cr);
        cairo_move_to(cr, x, y);
        set_rgb(cr, type->rgb);
        pango_cairo_show_layout(cr, layout);
        cairo_restore(cr);
    } else {
        cairo_destroy(cr);
        cairo_surface_destroy(scratch);
    }
    g_object_unref(layout);
    if (width)
        *width = w;
    return h;
}

static void round_path(cairo_t *cr, double x, double y, double w, double h, double r)
{
    const double quarter = acos(0);

    cairo_new_sub_path(cr);
    cairo_arc(cr, x + w - r, y + r, r, -quarter, 0);
    cairo_arc(cr, x + w - r, y + h - r, r, 0, quarter);
    cairo_arc(cr, x + r, y + h - r, r, quarter, 2 * quarter);
    cairo_arc(cr, x + r, y + r, r, 2 * quarter, 3 * quarter);
    cairo_close_path(cr);
}

void fh__paint_box(cairo_t *cr, double x, double y, double w, double h, double radius, uint32_t rgb)
{
    set_rgb(cr, rgb);
    round_path(cr, x, y, w, h, radius);
    cairo_fill(cr);
}

void fh__paint_frame(cairo_t *cr, double x, double y, double w, double h, double radius,
                     double line, uint32_t rgb)
{
    set_rgb(cr, rgb);
    cairo_set_line_width(cr, line);
    round_path(cr, x + line / 2, y + line / 2, w - line, h - line, radius);
    cairo_stroke(cr);
}

void fh__paint_button(cairo_t *cr, const struct fh__button *b)
{
    struct fh__type type = {10.5, true, b->is_strong ? FH__PAPER : FH__INK, b->w, 1};
    double w, h = fh__paint_text(NULL, 0, 0, &type, b->label, &w);
    uint32_t fill = b->is_strong ? (b->is_hot ? FH__BLUE : FH__BAND)
                                 : (b->is_hot || b->is_pressed ? FH__SHADE : FH__PAPER);

    fh__paint_box(cr, b->x, b->y, b->w, b->h, 5, fill);
    if (!b->is_strong)
        fh__paint_frame(cr, b->x, b->y, b->w, b->h, 5, 1, FH__LINE);
    if (b->has_focus)
        fh__paint_frame(cr, b->x - 4, b->y - 4, b->w + 8, b->h + 8, 8, 2, FH__BLUE);
    fh__paint_text(cr, b->x + (b->w - w) / 2, b->y + (b->h - h) / 2 + (b->is_pressed ? 1 : 0),
                   &type, b->label, NULL);
}

bool fh__button_has(const struct fh__button *b, double x, double y)
{
    return x >= b->x && x < b->x + b->w && y >= b->y && y < b->y + b->h;
}
