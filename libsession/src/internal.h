/* SPDX-License-Identifier: MIT */
/* internal.h -- what the files of libsession share: limits, and text that came from a peer. */
#ifndef FH_SESSION_INTERNAL_H
#define FH_SESSION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/auth.h>

/* The limits of the session layer. docs/protocol.md, "Session layer". */
enum {
    FH_FRAME_HEADER = 4,            /* bytes: u8 channel, u24 length */
    FH_FRAME_MAX = 16384,           /* bytes of payload */
    FH_MESSAGE_MAX = 4096,          /* bytes of a message of channel 0 with its type */
    FH_EARLY_MAX = 1024,            /* bytes of RFB that a viewer may send before Result */
    FH_OFFER_METHODS_MAX = 16,      /* methods in one Offer */
    FH_BYE_TEXT_MAX = 256,          /* bytes of UTF-8 */
    FH_HELD_KEYS_MAX = 64,          /* keys of one viewer that are down at once; more are dropped */
    FH_PADME_MIN = 1024,            /* bytes: records with less are padded to blocks of 64 */
    FH_CLOSING_MS = 6000,           /* from the end of a session to the end of its stream */
    FH_VIEWER_AUTH_MS = 60000,      /* a viewer waits so long for the end of authentication, */
    FH_VIEWER_AUTH_MAX_MS = 150000, /* and so long if it is asked more */
    FH_SESSION_QUEUE_MAX = 8192     /* bytes of channel 0 that wait to be sent */
};

/* now + ms, or never. */
static inline uint64_t fh__session_later(uint64_t now, uint64_t ms)
{
    return now > UINT64_MAX - ms ? UINT64_MAX : now + ms;
}

enum { FH_CHANNEL_SESSION = 0, FH_CHANNEL_RFB = 1 };

bool fh__session_text_is_utf8(const char *text, size_t len);
/* Valid UTF-8 without what common/utf8.h calls control and deceptive characters. */
bool fh__session_text_is_clean(const char *text, size_t len);
/*
 * Makes a peer's text showable: what is not clean becomes \xNN. Cut to room, which is at least 1;
 * the result is NUL-terminated and clean.
 */
void fh__session_text_escape(const void *text, size_t len, char *out, size_t room);
/* Copies a string cut to room between characters; NULL is "". */
void fh__session_text_copy(const char *text, char *out, size_t room);

#endif
