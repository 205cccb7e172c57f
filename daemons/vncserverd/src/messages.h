/* SPDX-License-Identifier: MIT */
/*
 * messages.h -- the bodies of the messages between our processes, as bytes and as structs. Numbers
 * are big-endian, texts UTF-8 or whatever their owner calls them, without NUL. Each _read() takes
 * the whole body or says no, and then *out means nothing; each _write() is its inverse. Pointers in
 * what was read are lent: they point into the body.
 *
 * A reader trusts nothing: the process at the other end may have been broken into.
 */
#ifndef FH__MESSAGES_H
#define FH__MESSAGES_H

#include <farhand/address.h>
#include <farhand/framebuffer.h>
#include <farhand/motion.h>
#include <farhand/older.h>
#include <farhand/rfb_server.h>
#include <farhand/rotation.h>
#include <farhand/server_conn.h>

#include "protocol.h"

struct rd; /* common/rd.h */
struct wr; /* common/wr.h */

/* A text with its length before it, or at the end of a body without. */
struct fh__text {
    const char *p; /* not terminated */
    size_t len;
};

struct fh__text fh__text_of(const char *s); /* NULL: "" */
/* Copies it, cut, with NUL. */
void fh__text_copy(struct fh__text t, char *out, size_t room);

/* LOG: u8 level | text */
struct fh__msg_log {
    uint8_t level;
    struct fh__text text;
};
/* CONFINED: u32 enum fh__confinement | u8 version of Landlock */
struct fh__msg_confined {
    uint32_t what;
    uint8_t landlock;
};
/* KEY_SETUP: u8 level | u16 n, user | u16 n, path of the key of RSA-AES or "" | the same of the
 * certificate and key of TLS | path */
struct fh__msg_key_setup {
    uint8_t level;
    struct fh__text user, rsa, tls_certificate, tls_key, path;
};
/*
 * SESSION_SETUP: u8 level | u8 family, u8 ip[16], u16 port, u32 uid of the peer | u64 idle ms | u32
 * ms that it waits for a viewer whose network was lost, 0: not | u8 1: a cloud brought it, then
 * u8 enum fh__way | its name there[16] | u8 1: secret[32] | u16 n, spki | u8 n, methods
 * | u8 n, types for older viewers u16[n] | u16 n, public key of RSA-AES | u16 n, certificate of TLS
 * | u16 n, user | name
 */
struct fh__msg_session_setup {
    uint8_t level;
    struct fh_address peer;
    uint64_t idle_ms;
    uint32_t resume_ms;
    enum fh__way way;
    const uint8_t *session_ref, *cloud_secret; /* NULL: no cloud brought it; it has none */
    const uint8_t *spki;
    size_t spki_len;
    const uint8_t *methods;
    size_t n_methods;
    uint16_t older[FH_OLDER_MAX];
    size_t n_older;
    const uint8_t *rsa_pub;
    size_t rsa_pub_len;  /* 0: none */
    struct fh__text tls; /* ""; PEM */
    struct fh__text user, name;
};
/* MOVED: ref[16] | what the stream began with */
struct fh__msg_moved {
    const uint8_t *ref;
    struct fh_link_opening opening;
};
/* STREAM: the peer, as above | what it began with. The descriptor is it. */
struct fh__msg_stream {
    struct fh_address peer;
    struct fh_link_opening opening;
};
/* AWAY: u8 enum fh__away | the peer of the stream that it is about, as fh_address_print() says it;
 * FH__AWAY: none */
struct fh__msg_away {
    enum fh__away where;
    struct fh__text peer;
};
/* DISCONNECT: u8 enum fh_bye | u8 may reconnect */
struct fh__msg_disconnect {
    enum fh_bye reason;
    bool may_reconnect;
};
/* PEER: fingerprint[32] | program */
struct fh__msg_peer {
    const uint8_t *fingerprint;
    struct fh__text program; /* UTF-8 without control characters */
};
/* OLDER: u8 version | u16 type */
struct fh__msg_older {
    unsigned version; /* 3, 7, 8 */
    unsigned type;    /* enum fh_older_type */
};
/*
 * ATTEMPT: u8 method | u8 attempt | binding[32], zeros from an older viewer | u16 n, user |
 * u8 has password | password; of method vnc it is challenge[16] | response[16]
 */
struct fh__msg_attempt {
    enum fh_method method;
    unsigned attempt;
    const uint8_t *binding;
    struct fh__text user; /* UTF-8 without control characters */
    bool has_password;
    struct fh__text password;
};
/* ASK, ANSWERS: u8 n, then for each u8 kind, u16 n, data */
struct fh__msg_items {
    struct fh_item items[FH_AUTH_ITEMS_MAX];
    size_t n;
};
/* ROTATION: u16 n, SPKI of the next key | u16 n, signature of the old key | u16 n, of the next */
/* ROTATE: u64 number of the session | u8 channel binding[32] */
struct fh__msg_rotate {
    uint64_t number;
    uint8_t binding[FH_AUTH_BINDING_LEN];
};
/* ROTATED: u64 number of the session | ROTATION */
struct fh__msg_rotated {
    uint64_t number;
    const uint8_t *statement; /* a ROTATION */
    size_t len;
};
/* REPORT: u8 enum fh_audit_type | u8 enum fh_bye | u64 bytes in | u64 bytes out */
struct fh__msg_report {
    enum fh_audit_type type; /* REFUSED, AUTH_FAILED or ENDED */
    enum fh_bye reason;
    uint64_t bytes_in, bytes_out;
};
/*
 * DESKTOP_SETUP: u8 level | u8 flags | u16 width, u16 height of a virtual one or 0, 0 | u16 rate |
 * u16 n, display | u16 n, xauthority | user
 */
struct fh__msg_desktop_setup {
    uint8_t level;
    bool has_clipboard, has_resize;
    uint16_t width, height, rate;
    struct fh__text display, xauthority, user;
};
/* ATTACH, MASK: u64 number of the session | u32 permissions. DETACH, VIOLATION: u64. */
struct fh__msg_mask {
    uint64_t number;
    uint32_t permissions;
};
/* KEYSTROKE: u32 keysym | u32 keycode | u8 down */
struct fh__msg_key {
    uint32_t keysym, keycode;
    bool down;
};
/* POINTER: u16 x | u16 y | u16 buttons */
struct fh__msg_pointer {
    uint16_t x, y;
    uint16_t buttons;
};
/* TEXT_IN, TEXT_OUT: u32 length of all | u8 0: the first part, 1: another | bytes */
struct fh__msg_part {
    uint32_t total;
    bool goes_on;
    const uint8_t *data;
    size_t len;
};
/* RESIZE: u16 width | u16 height */
struct fh__msg_size {
    uint16_t width, height;
};
/*
 * SCREEN: u16 width | u16 height | u8 1: all is as it was, in other memory | u8 n, then for each
 * screen u32 id, u16 x, y, w, h, u32 flags. A row is as long as the picture is wide. The descriptor
 * is memory of 4 bytes a pixel, sealed.
 */
struct fh__msg_screen {
    uint16_t width, height;
    bool is_same;
    struct fh_screen screens[16];
    size_t n_screens;
};
/*
 * DAMAGE: u16 n, then for each u16 x, y, w, h | if something only moved, before that: u16 x, y, w,
 * h | u16 x, y where it was
 */
struct fh__msg_damage {
    struct fh_rect rects[FH__RECTS_MAX];
    size_t n;
    bool has_motion;
    struct fh_motion motion;
};
/* CURSOR: u16 w, h, hot x, hot y, then as a part: pixels 0xAARRGGBB. 13 bytes and data. */
struct fh__msg_cursor {
    uint16_t w, h, hot_x, hot_y;
    struct fh__msg_part part;
};
/*
 * CODING: u8 encoding: 7, or 0: none that is shared | u8 bits a pixel | u8 depth | u8 1:
 * big-endian, 2: true colour, 4: may be without zlib | u16 red, green, blue max | u8 red, green,
 * blue shift | u8 quality + 1 | u8 level | u8 subsampling. It is fh_rfb_coding.
 *
 * ENCODED, of the damage that follows it: CODING | u16 n, then for each u16 x, y, w, h | u64 place
 * in the ring | u32 bytes
 */
struct fh__encoded_rect {
    struct fh_rect r;
    uint64_t at;
    uint32_t len;
};
struct fh__msg_encoded {
    struct fh_rfb_coding coding;
    struct fh__encoded_rect rects[FH__ENCODED_MAX];
    size_t n;
};

/*
 * CLOUD_SETUP: u8 level | u8 which ways, as enum fh_cloud_policy | u8 1:
 * within this machine | u16 n, user | u16 n, the line
 * that says where the cloud is | u16 n, proxy | u8 address[12] | u8 1: password[16] | seal key[32]
 * | u16 n, spki | u16 n, checkpoint | statement, as far as they are known
 */
struct fh__msg_cloud_setup {
    uint8_t level, policy;
    bool is_loopback;
    struct fh__text user, service, proxy;
    const uint8_t *address, *password, *seal_key; /* password: NULL: none */
    const uint8_t *spki, *kept[FH__CLOUD_KEPT];
    size_t spki_len, kept_len[FH__CLOUD_KEPT];
};
/* CLOUD_KEEP: u8 enum fh__cloud_kept | it */
struct fh__msg_cloud_keep {
    enum fh__cloud_kept which;
    const uint8_t *data;
    size_t len;
};
/* CLOUD_FORK, two signed notes that contradict each other: u16 n, what was seen before | now */
struct fh__msg_cloud_fork {
    const uint8_t *kept, *seen;
    size_t kept_len, seen_len;
};
/* CLOUD_STATE: u8 1: online | u32 ms to the next attempt | why not */
struct fh__msg_cloud_state {
    bool is_online;
    uint32_t retry_ms;
    struct fh__text why;
};
/*
 * CLOUD_INCOMING: u32 connection | its name there[16] | address[12] and fingerprint[32] of who asks
 * | groups, as text
 */
struct fh__msg_cloud_incoming {
    uint32_t connection;
    const uint8_t *ref, *address, *fingerprint;
    struct fh__text groups; /* UTF-8 without control characters */
};
/*
 * CLOUD_STREAM: u32 connection | u8 enum fh__way | the peer; FH_ADDRESS_NONE: not known | u8 1:
 * secret[32]. The descriptor is our end of it.
 */
struct fh__msg_cloud_stream {
    uint32_t connection;
    enum fh__way way;
    struct fh_address peer;
    const uint8_t *secret; /* NULL: none */
};
/* CLOUD_PATH: u32 connection | u32 round trip in us | which way datagrams take, for people */
struct fh__msg_cloud_path {
    uint32_t connection, rtt_us;
    struct fh__text text;
};
/* CLOUD_KEYS: u32 connection | KEYS: of what the viewer sends[32] | of what we send[32] */
struct fh__msg_cloud_keys {
    uint32_t connection;
    const uint8_t *client, *server;
};

/* X(noun, struct): a reader and a writer of each. */
#define FH__BODIES(X)                                                                              \
    X(log, fh__msg_log)                                                                            \
    X(confined, fh__msg_confined)                                                                  \
    X(key_setup, fh__msg_key_setup)                                                                \
    X(session_setup, fh__msg_session_setup)                                                        \
    X(disconnect, fh__msg_disconnect)                                                              \
    X(peer, fh__msg_peer)                                                                          \
    X(attempt, fh__msg_attempt)                                                                    \
    X(items, fh__msg_items)                                                                        \
    X(rotation, fh_rotation)                                                                       \
    X(rotate, fh__msg_rotate)                                                                      \
    X(rotated, fh__msg_rotated)                                                                    \
    X(report, fh__msg_report)                                                                      \
    X(desktop_setup, fh__msg_desktop_setup)                                                        \
    X(mask, fh__msg_mask)                                                                          \
    X(key, fh__msg_key)                                                                            \
    X(pointer, fh__msg_pointer)                                                                    \
    X(part, fh__msg_part)                                                                          \
    X(size, fh__msg_size)                                                                          \
    X(screen, fh__msg_screen)                                                                      \
    X(damage, fh__msg_damage)                                                                      \
    X(cursor, fh__msg_cursor)                                                                      \
    X(moved, fh__msg_moved)                                                                        \
    X(stream, fh__msg_stream)                                                                      \
    X(away, fh__msg_away)                                                                          \
    X(coding, fh_rfb_coding)                                                                       \
    X(encoded, fh__msg_encoded)                                                                    \
    X(cloud_setup, fh__msg_cloud_setup)                                                            \
    X(cloud_state, fh__msg_cloud_state)                                                            \
    X(cloud_incoming, fh__msg_cloud_incoming)                                                      \
    X(cloud_stream, fh__msg_cloud_stream)                                                          \
    X(cloud_path, fh__msg_cloud_path)                                                              \
    X(cloud_keep, fh__msg_cloud_keep)                                                              \
    X(cloud_fork, fh__msg_cloud_fork)                                                              \
    X(cloud_keys, fh__msg_cloud_keys)                                                              \
    X(older, fh__msg_older)

#define X(noun, type)                                                                              \
    bool fh__msg_##noun##_read(struct rd r, struct type *out);                                     \
    void fh__msg_##noun##_write(struct wr *w, const struct type *m);
FH__BODIES(X)
#undef X

/* Bodies that are one number. */
bool fh__msg_u8_read(struct rd r, uint8_t *out);
bool fh__msg_u32_read(struct rd r, uint32_t *out);
bool fh__msg_u64_read(struct rd r, uint64_t *out);

#endif
