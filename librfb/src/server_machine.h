/* SPDX-License-Identifier: MIT */
/* server_machine.h -- what the files of the server's machine share. Never installed. */
#ifndef FH_RFB_SERVER_MACHINE_H
#define FH_RFB_SERVER_MACHINE_H

#include <pixman.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/rfb_server.h>

#include "clipboard.h"
#include "messages.h"

enum {
    FH__SERVER_IN = 8192,    /* bytes; at least FH__MESSAGE_MAX */
    FH__COPY_BOXES_MAX = 64, /* a scroll of a more ragged region is sent as pixels */
    /* Without a word from the viewer: most of what zlib can do for pictures at little time. */
    FH__LEVEL_DEFAULT = 2,
    FH__FENCES_MAX = 2,    /* unanswered, before continuous updates wait */
    FH__SERVER_SLACK = 128 /* bytes of out kept for the end of an update: LastRect and Fence */
};

enum fh__server_state { FH__SERVER_EXPECT_INIT, FH__SERVER_READY };

/* What the bytes after a message's head are. */
enum fh__server_body {
    FH__BODY_NONE,
    FH__BODY_ENCODINGS,
    FH__BODY_CUT_TEXT,
    FH__BODY_CLIP, /* of the extended clipboard */
    FH__BODY_SKIP
};

/* What a viewer announced that it understands: bits. */
enum fh__can {
    FH__CAN_COPY_RECT = 1 << 0,
    FH__CAN_CURSOR = 1 << 1,
    FH__CAN_DESKTOP_SIZE = 1 << 2,
    FH__CAN_EXTENDED_SIZE = 1 << 3,
    FH__CAN_NAME = 1 << 4,
    FH__CAN_LAST_RECT = 1 << 5,
    FH__CAN_QEMU_KEY = 1 << 6,
    FH__CAN_FENCE = 1 << 7,
    FH__CAN_CONTINUOUS = 1 << 8,
    FH__CAN_JPEG = 1 << 9,
    FH__CAN_NO_ZLIB = 1 << 10,
    FH__CAN_XCURSOR = 1 << 11,
    FH__CAN_ALPHA_CURSOR = 1 << 12,
    FH__CAN_VMWARE_CURSOR = 1 << 13,
    FH__CAN_ANY_CURSOR =
        FH__CAN_CURSOR | FH__CAN_XCURSOR | FH__CAN_ALPHA_CURSOR | FH__CAN_VMWARE_CURSOR,
    FH__CAN_VMWARE_POSITION = 1 << 14,
    FH__CAN_LEDS = 1 << 15,
    FH__CAN_VMWARE_LEDS = 1 << 16,
    FH__CAN_MOUSE = 1 << 17,
    FH__CAN_CLIPBOARD = 1 << 18
};

struct fh__encodings {
    enum fh_encoding pixels; /* the first of the viewer's list that we have */
    enum fh_encoding other;  /* the first for what RRE does not suit */
    bool has_pixels, has_other;
    uint32_t can;
    int quality, level;
    enum fh_subsampling subsampling;
};

#define FH__NO_ENCODINGS                                                                           \
    ((struct fh__encodings){.pixels = FH_ENC_RAW, .other = FH_ENC_RAW, .quality = -1, .level = -1})

/* What goes into the next update beside pixels: bits, in the order of sending. */
enum fh__news {
    FH__NEWS_QEMU_KEY = 1 << 0,
    FH__NEWS_LAYOUT = 1 << 1,
    FH__NEWS_NAME = 1 << 2,
    FH__NEWS_CURSOR = 1 << 3,
    FH__NEWS_MOUSE = 1 << 4,
    FH__NEWS_LEDS = 1 << 5,
    FH__NEWS_POINTER = 1 << 6
};

/* A FramebufferUpdate that is being sent. */
struct fh__update {
    bool is_open, is_cut_short, until_last;
    uint32_t news;
    struct fh_rect boxes[FH__REGION_BOXES_MAX];
    size_t n_boxes, box;      /* boxes[box] is being sent */
    int32_t piece_x, piece_y; /* the next rectangle, from the corner of that box */
    uint32_t left;            /* rectangles that the count in its head promises */
};

/* Pixels that moved at the server and not yet at the viewer, all by the same way. */
struct fh__scroll {
    pixman_region32_t to;
    int32_t dx, dy; /* to = from + d */
};

struct fh_rfb_server {
    int error;
    uint64_t updates;
    enum fh__server_state state;

    uint8_t in[FH__SERVER_IN];
    size_t in_pos, in_len;
    enum fh__server_body body;
    uint32_t body_left;           /* bytes */
    struct fh__encodings reading; /* SetEncodings so far */
    uint32_t n_reading;
    char *cut_in; /* the text of ClientCutText, from its head to the call after its event */
    size_t cut_in_len;
    bool has_event, lends_cut_in;
    struct fh_rfb_server_event event;

    uint8_t *out;
    size_t out_cap, out_pos, out_len;
    bool is_init_sent, rings, is_paused;
    uint8_t control[FH__CONTROL_MAX]; /* answers that may not lie inside an update */
    size_t control_len;
    uint8_t *cut_out; /* Latin-1; NULL: none waits */
    size_t cut_out_len;
    struct fh__clip clip;
    uint32_t clip_due; /* actions of it that wait to be sent, FH__CLIP_CAPS and so on */

    struct fh_encoder *encoder;
    const struct fh_rfb_elsewhere *elsewhere; /* NULL: none */
    void *elsewhere_user;
    uint32_t *piece; /* FH_ENCODER_MAX_PIXELS: what is encoded, nobody else's */
    /* A change of these waits for the end of an update: rfbproto, Fence, SyncNext. */
    struct fh_pixel_format format, next_format;
    struct fh__encodings encodings, next_encodings;
    bool has_next_format, has_next_encodings;
    uint32_t announced; /* enum fh__can, ever */

    struct fh_framebuffer fb; /* px NULL: none yet */
    struct fh_screen screens[FH_RFB_SCREENS_MAX];
    size_t n_screens;
    int32_t viewer_width, viewer_height; /* what the viewer was told, pixels */
    uint16_t layout_reason, layout_status;
    char name[FH_RFB_NAME_MAX + 1];
    size_t name_len;
    uint32_t *cursor; /* NULL: not set, or of no pixels */
    int32_t cursor_w, cursor_h, cursor_x, cursor_y;
    bool has_cursor, has_leds;
    unsigned leds;
    int32_t pointer_x, pointer_y;
    bool has_mouse; /* the viewer was told that we know more buttons */
    uint32_t news;

    pixman_region32_t damage; /* what the viewer has not got, without what the update will bring */
    pixman_region32_t asked;  /* by requests that are not answered */
    struct fh__scroll scroll;
    bool is_asked;
    bool is_continuous;
    struct fh_rect continuous;
    uint32_t fence_sent, fence_answered; /* serial numbers */
    struct fh__update update;
};

/* server_messages.c: reads messages until one makes an event, or no whole one is left. */
void fh__server_read(struct fh_rfb_server *s);

/* server_clipboard.c: the bytes behind a cut text's head whose length is negative. */
enum fh__parse fh__server_begin_clip(struct fh_rfb_server *s, uint32_t len);
enum fh__parse fh__server_clip(struct fh_rfb_server *s, struct rd *r);
/* Tells of our text, in whatever way the viewer takes it. */
void fh__server_offer_clip(struct fh_rfb_server *s);
/* Writes what is due. False: no room for it now. */
bool fh__server_write_clip(struct fh_rfb_server *s, struct wr *w);

/* server_messages.c */
enum fh__parse fh__server_bad(struct fh_rfb_server *s, int error);
void fh__server_cut_text_event(struct fh_rfb_server *s);

/* server_update.c: writes what is to be sent next to s->out, which is empty. */
void fh__server_fill(struct fh_rfb_server *s);
/* The open update ends at the next chance, without the rest: a new size, or a pause. */
void fh__server_cut_short(struct fh_rfb_server *s);

/* server_news.c: the kinds of news that this viewer understands. */
uint32_t fh__server_news(const struct fh_rfb_server *s);
/* The most bytes of one. */
size_t fh__server_news_bound(const struct fh_rfb_server *s, uint32_t kind);
void fh__server_write_news(struct fh_rfb_server *s, struct wr *w, uint32_t kind);

/*
 * out, which is empty: all that the open update has yet to encode, exactly. False: no memory, and
 * out is empty.
 */
bool fh__server_coming(const struct fh_rfb_server *s, pixman_region32_t *out);

/* server_elsewhere.c: takes from area, as boxes of their own, what was encoded elsewhere. */
size_t fh__server_take_boxes(const struct fh_rfb_server *s, pixman_region32_t *area,
                             struct fh_rect boxes[FH__REGION_BOXES_MAX]);
/* The bytes of r from elsewhere, at most room. 0: it is to be encoded here. */
size_t fh__server_take_bytes(struct fh_rfb_server *s, const struct fh_rect *r, uint8_t *out,
                             size_t room);

/* server_damage.c */
void fh__server_damage_all(struct fh_rfb_server *s);

/* new.c; what was there before is freed, NULL: no memory. */
char *fh__server_cut_in_new(struct fh_rfb_server *s, size_t len);
uint8_t *fh__server_cut_out_new(struct fh_rfb_server *s, size_t len);
uint32_t *fh__server_cursor_new(struct fh_rfb_server *s, size_t pixels);

#endif
