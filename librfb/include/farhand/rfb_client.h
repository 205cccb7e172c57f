/* SPDX-License-Identifier: MIT */
/*
 * rfb_client.h -- the viewer's side of RFB 3.8, from ClientInit on, as a core without I/O.
 *
 *     fh_rfb_client_new()           what to ask for
 *     fh_rfb_client_in / _in_done   bytes from the server
 *     fh_rfb_client_event           what happened; repeat until 0
 *     fh_rfb_client_framebuffer()   the picture so far
 *     fh_rfb_client_key() ...       input
 *     fh_rfb_client_out / _out_done bytes to the server
 *
 * Everything the server sends is checked against the limits of the configuration before memory is
 * made for it: name 4096 bytes (cut at FH_RFB_NAME_MAX), cut text FH_RFB_CUT_TEXT_MAX (a longer one
 * is left out), cursor 256 x 256, picture 16384 a side, 16 screens. RFC 6143 and rfbproto.
 *
 * A machine may be used by one thread at a time; machines are independent. It fails once and stays
 * failed: FH_RFB_E_PROTO, FH_RFB_E_LIMIT, FH_RFB_E_ENCODING for what was not asked for,
 * FH_RFB_E_DATA for damaged pixels, FH_RFB_E_NOMEM.
 */
#ifndef FH_RFB_CLIENT_H
#define FH_RFB_CLIENT_H

#include <farhand/decoder.h>
#include <farhand/framebuffer.h>
#include <farhand/rfb_server.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_rfb_client_config {
    bool shared;                     /* leave other viewers connected */
    const int32_t *encodings;        /* in order of preference, copied; NULL: all that we can; those
                                        that we cannot, and quality and level, are left out of it */
    size_t n_encodings;              /* at most 64 */
    int quality;                     /* of JPEG, as fh_encoder_set_quality() has it; -1: none */
    int level;                       /* zlib 0 to 9, -1: the server's choice */
    enum fh_subsampling subsampling; /* of JPEG */
    /* What pixels are to be on the wire: true colour, valid, copied; NULL: all colours. */
    const struct fh_pixel_format *format;
    int64_t max_pixels; /* of the framebuffer; 0: 16384 x 16384 */
    bool continuous;    /* use ContinuousUpdates where the server can */
    /*
     * Do not wait for ServerInit: _out gives ClientInit, SetPixelFormat, SetEncodings and a first
     * request for all of a picture whose size is not known (0, 0, 65535, 65535, which the server
     * clips) at once, at most 1 KiB. For servers known to read them so; ours are.
     */
    bool pipeline;
};

enum fh_rfb_client_event_type {
    FH_RFB_CLIENT_EV_READY,    /* ServerInit came; ev.size, and the name is known */
    FH_RFB_CLIENT_EV_RECT,     /* pixels of ev.rect changed */
    FH_RFB_CLIENT_EV_UPDATE,   /* one FramebufferUpdate is complete */
    FH_RFB_CLIENT_EV_SIZE,     /* the picture has a new size: ev.size; its pixels are black */
    FH_RFB_CLIENT_EV_NAME,     /* fh_rfb_client_name() */
    FH_RFB_CLIENT_EV_CURSOR,   /* ev.cursor */
    FH_RFB_CLIENT_EV_CUT_TEXT, /* ev.cut_text, lent until the next call of _event or _in */
    FH_RFB_CLIENT_EV_BELL,
    FH_RFB_CLIENT_EV_RESIZED, /* the answer to fh_rfb_client_resize and _set_screens: ev.resized */
    FH_RFB_CLIENT_EV_SCREENS, /* fh_rfb_client_screens(), which lie in the picture as it is now */
    FH_RFB_CLIENT_EV_LEDS,    /* ev.leds, of the server's keyboard */
    FH_RFB_CLIENT_EV_POINTER  /* the server has moved the pointer: ev.pointer */
};

struct fh_rfb_client_event {
    enum fh_rfb_client_event_type type;
    union {
        struct {
            int32_t width, height; /* pixels */
        } size;
        struct fh_rect rect;
        struct {
            const uint32_t *argb; /* w * h pixels 0xAARRGGBB, lent until the next cursor */
            int32_t w, h, hot_x, hot_y;
        } cursor;
        struct {
            const char *text; /* UTF-8, checked */
            size_t len;
        } cut_text;
        struct {
            enum fh_rfb_resize_status status;
        } resized;
        struct {
            unsigned on; /* bits: enum fh_led */
        } leds;
        struct {
            uint16_t x, y; /* pixels, in the picture */
        } pointer;
    };
};

struct fh_rfb_client;

/* NULL: out of memory, or a value of cfg outside its range. */
struct fh_rfb_client *fh_rfb_client_new(const struct fh_rfb_client_config *cfg);
void fh_rfb_client_free(struct fh_rfb_client *c); /* NULL is fine */

/* Where the server's next bytes go, lent until _in_done. NULL: drain events first, or it failed. */
uint8_t *fh_rfb_client_in(struct fh_rfb_client *c, size_t *room);
/* 0, or the error it failed with (after the events that came before). */
int fh_rfb_client_in_done(struct fh_rfb_client *c, uint64_t now_ms, size_t used);
/* 1 and an event, 0: none, or the error it failed with. */
int fh_rfb_client_event(struct fh_rfb_client *c, struct fh_rfb_client_event *ev);
/* The next bytes to send, lent until _out_done; NULL: nothing. */
const uint8_t *fh_rfb_client_out(const struct fh_rfb_client *c, size_t *len);
void fh_rfb_client_out_done(struct fh_rfb_client *c, size_t sent);
int fh_rfb_client_error(const struct fh_rfb_client *c);

/* Lent until EV_SIZE or the machine is freed; NULL before EV_READY. */
const struct fh_framebuffer *fh_rfb_client_framebuffer(const struct fh_rfb_client *c);
/* Lent until EV_SCREENS; none where the server cannot tell. As it sent them, not checked. */
const struct fh_screen *fh_rfb_client_screens(const struct fh_rfb_client *c, size_t *n);
/* UTF-8, checked, without control characters; lent until EV_NAME. */
const char *fh_rfb_client_name(const struct fh_rfb_client *c);

/*
 * Input and requests. They return 0, FH_RFB_E_STATE before EV_READY, FH_RFB_E_LIMIT when too much
 * is queued (drain _out), FH_RFB_E_INVAL for values outside their ranges (a pointer outside the
 * picture, text that is not UTF-8 or over FH_RFB_CUT_TEXT_MAX), FH_RFB_E_NOMEM, or the error that
 * the machine failed with. keysym: X11's; keycode: XT scan code, used where the server has QEMU's
 * extension, 0: not known.
 */
int fh_rfb_client_key(struct fh_rfb_client *c, uint32_t keysym, uint32_t keycode, bool down);
/* buttons: as fh_rfb_server_event has them; those from bit 7 on reach a server that knows them,
 * once it has said so, which it does in its first update. */
int fh_rfb_client_pointer(struct fh_rfb_client *c, uint16_t x, uint16_t y, uint16_t buttons);
/* In Latin-1, others as '?', to a server without the extended clipboard; else whole, also later,
 * when it asks for it. */
int fh_rfb_client_cut_text(struct fh_rfb_client *c, const char *text, size_t len);
/* The machine asks for updates by itself; this asks for all of r again, changed or not. */
int fh_rfb_client_refresh(struct fh_rfb_client *c, const struct fh_rect *r);
/* One screen of this size; answered by EV_RESIZED. FH_RFB_E_STATE: the server cannot resize. */
int fh_rfb_client_resize(struct fh_rfb_client *c, uint16_t width, uint16_t height);
/* The same with 1 to FH_RFB_SCREENS_MAX screens, inside the size, none empty, each id once. */
int fh_rfb_client_set_screens(struct fh_rfb_client *c, uint16_t width, uint16_t height,
                              const struct fh_screen *screens, size_t n);
int fh_rfb_client_set_quality(struct fh_rfb_client *c, int quality, int level);

#ifdef __cplusplus
}
#endif

#endif
