/* SPDX-License-Identifier: MIT */
/* client_machine.h -- what the files of the client's machine share. Never installed. */
#ifndef FH_RFB_CLIENT_MACHINE_H
#define FH_RFB_CLIENT_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/rfb_client.h>

#include "clipboard.h"
#include "messages.h"
#include "pixel.h"

enum {
    FH__CLIENT_IN = 65536,                            /* bytes; at least FH__MESSAGE_MAX + 24 */
    FH__CLIENT_EVENTS = 4,                            /* one rectangle makes no more at once */
    FH__CLIENT_OUT_MAX = FH_RFB_CUT_TEXT_MAX + 65536, /* bytes that wait to be sent */
    FH__CLIENT_ANSWERS = 32768 /* of these, kept for what the machine itself sends */
};

enum fh__client_state {
    FH__CLIENT_EXPECT_INIT,
    FH__CLIENT_EXPECT_MESSAGE,
    FH__CLIENT_EXPECT_RECT,
    FH__CLIENT_IN_PIXELS,
    FH__CLIENT_IN_CURSOR,
    FH__CLIENT_IN_CUT_TEXT,
    FH__CLIENT_IN_CLIP, /* of the extended clipboard */
    FH__CLIENT_IN_SKIPPED
};

enum fh__cursor_kind {
    FH__CURSOR_COLOURS,     /* pixels in the viewer's format, and a mask */
    FH__CURSOR_TWO_COLOURS, /* XCursor */
    FH__CURSOR_ALPHA,
    FH__CURSOR_VMWARE, /* pixels to AND and to XOR with */
    FH__CURSOR_VMWARE_ALPHA
};

enum fh__continuous { FH__CONTINUOUS_NEVER, FH__CONTINUOUS_ON, FH__CONTINUOUS_OFF };

/* Bytes that grow up to a limit, new.c. */
struct fh__bytes {
    uint8_t *mem;
    size_t len, cap;
};

/* Where in the queue a message lies that a newer one replaces. */
struct fh__slot {
    bool is_used;
    size_t at;
};

struct fh_rfb_client {
    int error;
    enum fh__client_state state;
    bool is_ready;
    bool has_started; /* what opens the session is sent or waits to be */

    uint8_t in[FH__CLIENT_IN];
    size_t in_pos, in_len;
    struct fh_rfb_client_event events[FH__CLIENT_EVENTS];
    size_t n_events;

    /* What is lent by _out does not move: it is sent whole before the queue takes its place. */
    struct fh__bytes sending, queue;
    size_t sent; /* of sending */
    struct fh__slot request, enable;

    int32_t encodings[FH__CLIENT_ENCODINGS_MAX];
    size_t n_encodings;
    uint32_t asked; /* enum fh__asked */
    int quality, level;
    enum fh_subsampling subsampling;
    struct fh_pixel_format format;
    int64_t max_pixels;
    bool wants_continuous;
    enum fh__continuous continuous;
    bool has_qemu_key, has_mouse, has_layout;
    struct fh_screen screens[FH_RFB_SCREENS_MAX];
    size_t n_screens;

    struct fh_decoder *decoder;
    struct fh_framebuffer fb; /* px NULL: none yet */
    int32_t width, height;    /* of the picture after the events that wait */
    char name[FH_RFB_NAME_MAX + 1];

    uint32_t rects_left;
    bool until_last, is_resized;
    struct fh_rect rect;
    struct fh__pixel_reader pixel;
    uint32_t *cursor, *next_cursor;
    enum fh__cursor_kind cursor_kind;
    uint8_t *cursor_body;
    size_t cursor_at, cursor_len; /* bytes of its body that came, and that it has */
    char *cut_text;
    size_t cut_text_len;
    bool lends_cut_text;
    struct fh__clip clip;
    uint32_t body_left; /* bytes */
};

/* Bits: what the server was told that we understand. */
enum fh__asked {
    FH__ASKED_COPY_RECT = 1 << 0,
    FH__ASKED_TIGHT = 1 << 1,
    FH__ASKED_ZRLE = 1 << 2,
    FH__ASKED_CURSOR = 1 << 3,
    FH__ASKED_DESKTOP_SIZE = 1 << 4,
    FH__ASKED_EXTENDED_SIZE = 1 << 5,
    FH__ASKED_NAME = 1 << 6,
    FH__ASKED_LAST_RECT = 1 << 7,
    FH__ASKED_QEMU_KEY = 1 << 8,
    FH__ASKED_FENCE = 1 << 9,
    FH__ASKED_CONTINUOUS = 1 << 10,
    FH__ASKED_RRE = 1 << 11,
    FH__ASKED_HEXTILE = 1 << 12,
    FH__ASKED_ZLIB = 1 << 13,
    FH__ASKED_TRLE = 1 << 14,
    FH__ASKED_JPEG = 1 << 15,
    FH__ASKED_TIGHT_PNG = 1 << 16,
    FH__ASKED_NO_ZLIB = 1 << 17,
    FH__ASKED_XCURSOR = 1 << 18,
    FH__ASKED_ALPHA_CURSOR = 1 << 19,
    FH__ASKED_VMWARE_CURSOR = 1 << 20,
    FH__ASKED_VMWARE_POSITION = 1 << 21,
    FH__ASKED_LEDS = 1 << 22,
    FH__ASKED_VMWARE_LEDS = 1 << 23,
    FH__ASKED_MOUSE = 1 << 24,
    FH__ASKED_CLIPBOARD = 1 << 25
};

/* server to client: client_messages.c */
void fh__client_read(struct fh_rfb_client *c);

/* client_rects.c */
enum fh__parse fh__client_rect(struct fh_rfb_client *c, struct rd *r);
enum fh__parse fh__client_pixels(struct fh_rfb_client *c, struct rd *r);
enum fh__parse fh__client_rect_done(struct fh_rfb_client *c);
/* Begins the next rectangle, or ends the update. */
void fh__client_next_rect(struct fh_rfb_client *c);

/* client_cursor.c */
enum fh__parse fh__client_begin_cursor(struct fh_rfb_client *c, const struct fh_rect *rect,
                                       int32_t enc, struct rd *r);
enum fh__parse fh__client_cursor(struct fh_rfb_client *c, struct rd *r);

/* client_clipboard.c: the bytes behind a cut text's head whose length is negative. */
enum fh__parse fh__client_begin_clip(struct fh_rfb_client *c, uint32_t len);
enum fh__parse fh__client_clip(struct fh_rfb_client *c, struct rd *r);

/* 0, PROTO for an empty picture or LIMIT for one that is too large. */
int fh__client_check_size(const struct fh_rfb_client *c, uint16_t width, uint16_t height);
struct fh_rfb_client_event *fh__client_new_event(struct fh_rfb_client *c,
                                                 enum fh_rfb_client_event_type type);
enum fh__parse fh__client_bad(struct fh_rfb_client *c, int error);

/* client to server: client_requests.c; these fail the machine when too much waits. */
void fh__client_choose_encodings(struct fh_rfb_client *c, const int32_t *encodings, size_t n);
void fh__client_send_start(struct fh_rfb_client *c);
void fh__client_send_request(struct fh_rfb_client *c, bool incremental);
void fh__client_send_enable(struct fh_rfb_client *c);
void fh__client_send_fence(struct fh_rfb_client *c, const struct fh__fence *f);
void fh__client_send_clip(struct fh_rfb_client *c, uint32_t flags);
/* Our text to the server, or a word that there is one. FH_RFB_E_STATE: it takes neither. */
int fh__client_offer_clip(struct fh_rfb_client *c);
/* FH_RFB_E_LIMIT: too much waits already. */
int fh__client_provide_clip(struct fh_rfb_client *c);
/* What was queued takes the place of what was sent. */
void fh__client_turn(struct fh_rfb_client *c);

/* new.c */
bool fh__bytes_reserve(struct fh__bytes *b, size_t more); /* up to FH__CLIENT_OUT_MAX */
bool fh__client_picture_new(struct fh_rfb_client *c, int32_t width, int32_t height);
/* Memory for the next cursor, and for its body of len bytes. */
bool fh__client_cursor_new(struct fh_rfb_client *c, size_t pixels, size_t len);
/* The next one is the cursor now, and its body is of no more use. */
void fh__client_cursor_turn(struct fh_rfb_client *c);
char *fh__client_cut_text_new(struct fh_rfb_client *c, size_t len);

#endif
