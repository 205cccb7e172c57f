/* SPDX-License-Identifier: MIT */
/*
 * rfb_server.h -- the server's side of RFB 3.8, from ClientInit on, as a core without I/O.
 *
 * One machine serves one viewer. It reads the viewer's messages into events and makes updates from
 * the application's framebuffer only when bytes are wanted, so that a slow viewer costs no memory
 * and always gets the newest picture:
 *
 *     fh_rfb_server_set_screen()   the picture that is shared; before any input
 *     fh_rfb_server_in / _in_done  bytes from the viewer
 *     fh_rfb_server_event          what it wants; repeat until 0
 *     fh_rfb_server_damage()       something in the picture changed
 *     fh_rfb_server_out / _out_done  bytes to the viewer; _out encodes the next rectangle
 *
 * Knows nothing of security, permissions or who the viewer is: the owner drops events that are not
 * permitted. RFC 6143, rfbproto (Fence, ContinuousUpdates, ExtendedDesktopSize, QEMU keys, lamps,
 * cursors with alpha, ExtendedMouseButtons, Extended Clipboard).
 *
 * A machine may be used by one thread at a time; machines are independent. It fails once and stays
 * failed: FH_RFB_E_PROTO for what the protocol does not allow (an unknown message, an extension
 * that the viewer did not announce), FH_RFB_E_LIMIT for more than a limit, or for a viewer that
 * asks for answers and does not read them. The cursor is not drawn into the picture for viewers
 * that cannot show one.
 */
#ifndef FH_RFB_SERVER_H
#define FH_RFB_SERVER_H

#include <farhand/encoder.h>
#include <farhand/framebuffer.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_RFB_NAME_MAX = 1024,       /* bytes of UTF-8 of a desktop's name */
    FH_RFB_CUT_TEXT_MAX = 262144, /* bytes; a longer text is left out */
    FH_RFB_SCREENS_MAX = 16,      /* more screens than this are refused */
    FH_RFB_ENCODINGS_MAX = 256,   /* of SetEncodings; the rest is read and ignored */
    FH_RFB_FENCE_MAX = 64,        /* bytes of payload */
    FH_RFB_BUTTONS_MAX = 0x7fff   /* bits of a pointer's buttons */
};

/* The lamps of a keyboard, as QEMU and VMware number them: bits. */
enum fh_led { FH_LED_SCROLL = 1, FH_LED_NUM = 2, FH_LED_CAPS = 4, FH_LED_ALL = 7 };

enum fh_rfb_server_event_type {
    FH_RFB_SERVER_EV_READY,    /* ClientInit came; ev.ready.shared */
    FH_RFB_SERVER_EV_KEY,      /* ev.key */
    FH_RFB_SERVER_EV_POINTER,  /* ev.pointer; inside the picture */
    FH_RFB_SERVER_EV_CUT_TEXT, /* ev.cut_text: lent until the next call of _event or _in */
    FH_RFB_SERVER_EV_RESIZE    /* ev.resize: answer with fh_rfb_server_resize_done() */
};

struct fh_rfb_server_event {
    enum fh_rfb_server_event_type type;
    union {
        struct {
            bool shared;
        } ready;
        struct {
            uint32_t keysym;  /* X11 keysym, 0: unknown */
            uint32_t keycode; /* XT scan code of the QEMU extension, 0: not given */
            bool down;
        } key;
        struct {
            uint16_t x, y; /* pixels */
            /* Bit 0 left, 1 middle, 2 right, 3-6 wheel up down left right, 7 back, 8 forward. */
            uint16_t buttons;
        } pointer;
        struct {
            const char *text; /* UTF-8, checked; no NUL inside; lent */
            size_t len;
        } cut_text;
        struct {
            uint16_t width, height; /* pixels */
            struct fh_screen screens[FH_RFB_SCREENS_MAX];
            size_t n_screens;
        } resize;
    };
};

/* Status of ExtendedDesktopSize. */
enum fh_rfb_resize_status {
    FH_RFB_RESIZE_OK,
    FH_RFB_RESIZE_PROHIBITED,
    FH_RFB_RESIZE_NO_RESOURCES,
    FH_RFB_RESIZE_INVALID
};

/* All that the bytes of a rectangle depend on, beside its pixels. */
struct fh_rfb_coding {
    enum fh_encoding encoding;
    struct fh_pixel_format format;
    int quality, level; /* as for fh_encoder_set_quality() */
    enum fh_subsampling subsampling;
    bool no_zlib; /* as for fh_encoder_set_no_zlib() */
};

/*
 * Rectangles that were encoded elsewhere, once for several viewers. Each is the picture as the last
 * damage told of it, or later: the application forgets one before it tells of damage that touches
 * it. Called from _out only, for a coding that fh_encoder_rect_alone() can make.
 */
struct fh_rfb_elsewhere {
    /* Which there are: at most `room`, apart from each other. Returns how many. */
    size_t (*offer)(void *user, const struct fh_rfb_coding *c, struct fh_rect *out, size_t room);
    /* The bytes of one that was offered, into out, if it still stands. Returns how many; 0: none.
     */
    size_t (*take)(void *user, const struct fh_rfb_coding *c, const struct fh_rect *r, uint8_t *out,
                   size_t room);
};

struct fh_rfb_server;

struct fh_rfb_server *fh_rfb_server_new(void);    /* NULL: out of memory */
void fh_rfb_server_free(struct fh_rfb_server *s); /* NULL is fine */

/*
 * The picture to share. fb (its px too) is borrowed until replaced or the machine is freed. Its
 * pixels may change at any time, in memory shared with another process too: each is read once,
 * into memory of the machine, before it is looked at. What is read while it changes is wrong only
 * until the damage that tells of the change. screens: 1 to FH_RFB_SCREENS_MAX, inside the picture,
 * each id once (not 0: there are viewers that ignore it), copied; NULL: one that covers
 * all. A change of size is told to the viewer before the next rectangle; one that cannot change its
 * size gets the part that both sizes share. All is damaged. Returns 0 or FH_RFB_E_INVAL.
 */
int fh_rfb_server_set_screen(struct fh_rfb_server *s, const struct fh_framebuffer *fb,
                             const struct fh_screen *screens, size_t n_screens);
/* name: UTF-8, cut at FH_RFB_NAME_MAX; copied. */
void fh_rfb_server_set_name(struct fh_rfb_server *s, const char *name);
/* Pixels changed; parts outside the picture are ignored. */
void fh_rfb_server_damage(struct fh_rfb_server *s, const struct fh_rect *r);
/* The pixels of r came from (from_x, from_y), as in a scroll: told by CopyRect where possible. */
void fh_rfb_server_copy(struct fh_rfb_server *s, const struct fh_rect *r, int32_t from_x,
                        int32_t from_y);
/*
 * The cursor's shape: w * h pixels 0xAARRGGBB (not premultiplied; a viewer that knows no alpha
 * shows it from 128 on, one of two colours its lights and its shadows), copied; sides at most
 * FH_CURSOR_MAX_SIDE, the hot spot inside. w = h = 0: none. Returns 0, FH_RFB_E_INVAL or
 * FH_RFB_E_NOMEM (then there is no cursor).
 */
int fh_rfb_server_set_cursor(struct fh_rfb_server *s, const uint32_t *argb, int32_t w, int32_t h,
                             int32_t hot_x, int32_t hot_y);
/* The lamps of the keyboard that the viewer's keys go to: bits of enum fh_led. */
void fh_rfb_server_set_leds(struct fh_rfb_server *s, unsigned leds);
/*
 * The pointer was moved to (x, y) by something else than this viewer; told to a viewer that can
 * follow it. A place outside the picture is ignored.
 */
void fh_rfb_server_move_pointer(struct fh_rfb_server *s, int32_t x, int32_t y);
/*
 * Clipboard text to the viewer: UTF-8, at most FH_RFB_CUT_TEXT_MAX bytes, copied; it replaces one
 * that waits. A viewer without the extended clipboard gets it in Latin-1, others as '?'. One that
 * has it may ask for the text at any time until there is another, or _forget_text. Returns 0,
 * FH_RFB_E_STATE before EV_READY, FH_RFB_E_INVAL, FH_RFB_E_NOMEM, or the error that the machine
 * failed with.
 */
int fh_rfb_server_cut_text(struct fh_rfb_server *s, const char *text, size_t len);
/* The viewer can no longer ask for it, and if it was not sent yet it is not. */
void fh_rfb_server_forget_text(struct fh_rfb_server *s);
/* Bells that wait are one; before EV_READY none rings. */
void fh_rfb_server_bell(struct fh_rfb_server *s);
/* Answers EV_RESIZE; with OK call fh_rfb_server_set_screen() first. */
void fh_rfb_server_resize_done(struct fh_rfb_server *s, enum fh_rfb_resize_status status);
/*
 * While paused nothing of the picture, the cursor, and changes of size and name is encoded
 * (permission to view was taken away); what _out has lent already goes out. An open update ends
 * early. Changes and requests add up until the pause ends. ServerInit, with size and name, answers
 * ClientInit also in a pause: who must not know them is not given to the machine.
 */
void fh_rfb_server_pause(struct fh_rfb_server *s, bool paused);

/* e: borrowed, NULL: there are none, all is encoded here. */
void fh_rfb_server_set_elsewhere(struct fh_rfb_server *s, const struct fh_rfb_elsewhere *e,
                                 void *user);
/* What the viewer's next rectangle is to be. False: it has not said what it understands. */
bool fh_rfb_server_coding(const struct fh_rfb_server *s, struct fh_rfb_coding *out);
bool fh_rfb_coding_is_same(const struct fh_rfb_coding *a, const struct fh_rfb_coding *b);

/* Where the viewer's next bytes go, lent until _in_done. NULL: drain events first, or it failed. */
uint8_t *fh_rfb_server_in(struct fh_rfb_server *s, size_t *room);
/* 0, the error it failed with (after the events that came before), FH_RFB_E_STATE: no screen yet.
 */
int fh_rfb_server_in_done(struct fh_rfb_server *s, uint64_t now_ms, size_t used);
/* 1 and an event, 0: none, or the error it failed with. */
int fh_rfb_server_event(struct fh_rfb_server *s, struct fh_rfb_server_event *ev);
/* The next bytes to send, lent until _out_done; NULL: nothing. Encodes when it must: milliseconds.
 */
const uint8_t *fh_rfb_server_out(struct fh_rfb_server *s, uint64_t now_ms, size_t *len);
void fh_rfb_server_out_done(struct fh_rfb_server *s, size_t sent);

/* A viewer waits for a change: whether capturing is of use now. */
bool fh_rfb_server_is_waiting(const struct fh_rfb_server *s);
/* Updates begun so far. None between two calls: the picture was not looked at. */
uint64_t fh_rfb_server_updates(const struct fh_rfb_server *s);
/* 0, or the error it failed with. */
int fh_rfb_server_error(const struct fh_rfb_server *s);

#ifdef __cplusplus
}
#endif

#endif
