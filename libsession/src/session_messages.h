/* SPDX-License-Identifier: MIT */
/*
 * session_messages.h -- the messages of channel 0. One message is one frame: u8 type | body.
 *
 * Readers get the body, take all of it or refuse it, and leave *out alone when they refuse. What
 * they give points into the body. docs/protocol.md, "Session layer".
 */
#ifndef FH_SESSION_MESSAGES_H
#define FH_SESSION_MESSAGES_H

#include <farhand/rotation.h>

#include "internal.h"

#include "rd.h"
#include "wr.h"

enum fh__message {
    FH_MSG_OFFER = 1,
    FH_MSG_CHOOSE = 2,
    FH_MSG_ASK = 3,
    FH_MSG_ANSWER = 4,
    FH_MSG_RESULT = 5,
    FH_MSG_PERMISSIONS = 6,
    FH_MSG_BYE = 7,
    FH_MSG_EARLY = 8,
    FH_MSG_MAY_IGNORE = 128, /* from here on: who does not know a message skips it */
    FH_MSG_NOTICE = 128,
    FH_MSG_ROTATION = 130 /* 129 is reserved */
};

/* Offer: u8 n, { u8 method | u8 n, u8 kinds[n] }[n] */
struct fh__offer {
    uint8_t n;
    struct {
        uint8_t method, n_kinds;
        uint8_t kinds[FH_AUTH_ITEMS_MAX];
    } methods[FH_OFFER_METHODS_MAX];
};
bool fh__offer_read(struct rd r, struct fh__offer *out);
void fh__offer_write(struct wr *w, const struct fh__offer *m);

/* Ask and Choose and Answer hold items: u8 n, { u8 kind | u16 len, data }[n] */
struct fh__items {
    uint8_t n;
    struct {
        uint8_t kind;
        uint16_t len;
        const uint8_t *data;
    } item[FH_AUTH_ITEMS_MAX];
};

/* Choose: u8 method | items */
struct fh__choose {
    uint8_t method;
    struct fh__items answers;
};
bool fh__choose_read(struct rd r, struct fh__choose *out);
void fh__choose_write(struct wr *w, const struct fh__choose *m);

/* Ask: u8 step | items, whose data are UTF-8 prompts for a person, empty: the kind says enough */
struct fh__ask {
    uint8_t step;
    struct fh__items questions;
};
bool fh__ask_read(struct rd r, struct fh__ask *out);
void fh__ask_write(struct wr *w, const struct fh__ask *m);

/* Answer: u8 step | items */
struct fh__answer {
    uint8_t step;
    struct fh__items answers;
};
bool fh__answer_read(struct rd r, struct fh__answer *out);
void fh__answer_write(struct wr *w, const struct fh__answer *m);

/*
 * Result: u8 status | u8 attempts left | u16 retry after s | u32 permissions | u32 idle time-out s
 *         | u8 session id[16]
 * Of one size whatever it says: what does not belong to the status is zero.
 */
enum fh__status { FH_STATUS_GRANTED, FH_STATUS_TRY_AGAIN, FH_STATUS_REFUSED };
struct fh__result {
    uint8_t status, attempts_left;
    uint16_t retry_s;
    uint32_t permissions, idle_s;
    uint8_t session_id[16];
};
bool fh__result_read(struct rd r, struct fh__result *out);
void fh__result_write(struct wr *w, const struct fh__result *m);

/* Permissions: u32 permissions */
bool fh__permissions_read(struct rd r, uint32_t *out);
void fh__permissions_write(struct wr *w, uint32_t permissions);

/* Bye: u8 reason | u8 flags (1: may reconnect) | u16 retry after s | u16 len, UTF-8 (at most 256)
 */
struct fh__bye {
    uint8_t reason;
    bool may_reconnect;
    uint16_t retry_s, len;
    const uint8_t *text;
};
bool fh__bye_read(struct rd r, struct fh__bye *out);
void fh__bye_write(struct wr *w, const struct fh__bye *m);

/* Early: RFB, 1 to FH_EARLY_MAX bytes */

/* Notice: u16 len (at most 512), UTF-8 */
struct fh__notice {
    uint16_t len;
    const uint8_t *text;
};
bool fh__notice_read(struct rd r, struct fh__notice *out);
void fh__notice_write(struct wr *w, const struct fh__notice *m);

/* Rotation: u16 len, SPKI | u16 len, signature of the old key | u16 len, signature of the new key
 */
bool fh__rotation_read(struct rd r, struct fh_rotation *out);
void fh__rotation_write(struct wr *w, const struct fh_rotation *m);

#endif
