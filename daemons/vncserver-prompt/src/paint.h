/* SPDX-License-Identifier: MIT */
/* paint.h -- text and boxes, in units of 1/96 inch. */
#ifndef FH__PAINT_H
#define FH__PAINT_H

#include <stdbool.h>
#include <stdint.h>

#include <cairo.h>

enum {
    FH__INK = 0x1b2330,
    FH__FAINT = 0x5b6675,
    FH__PAPER = 0xffffff,
    FH__SHADE = 0xe9edf2,
    FH__LINE = 0x8794a5,
    FH__BAND = 0x1d3557,
    FH__BLUE = 0x1d5fbf,
    FH__RED = 0xc62828
};

/* How a text is set. It is never wider than width nor has more than so many lines: the rest is an
 * ellipsis. A line of right-to-left text still begins at the left. */
struct fh__type {
    double size; /* points */
    bool is_bold;
    uint32_t rgb;
    double width;
    int lines;
};

/* The size that it takes; cr: NULL, only measured. x, y: its top left corner. Returns its height.
 */
double fh__paint_text(cairo_t *cr, double x, double y, const struct fh__type *type,
                      const char *text, double *width);
void fh__paint_box(cairo_t *cr, double x, double y, double w, double h, double radius,
                   uint32_t rgb);
void fh__paint_frame(cairo_t *cr, double x, double y, double w, double h, double radius,
                     double line, uint32_t rgb);

struct fh__button {
    const char *label;
    double x, y, w, h;
    bool is_strong, has_focus, is_pressed, is_hot;
};

void fh__paint_button(cairo_t *cr, const struct fh__button *b);
bool fh__button_has(const struct fh__button *b, double x, double y);

#endif
