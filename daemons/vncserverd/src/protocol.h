/* SPDX-License-Identifier: MIT */
/*
 * protocol.h -- which process may say what to which other one, and when: one table, by which every
 * receiver judges what it got before it looks inside. Who sends anything else is taken for broken
 * into, and ends.
 *
 * Messages travel over socket pairs of SOCK_SEQPACKET, whole or not at all: a byte that says which
 * it is, and a body that messages.h reads and writes.
 */
#ifndef FH__PROTOCOL_H
#define FH__PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/address.h>
#include <farhand/auth.h>
#include <farhand/identity.h>
#include <farhand/link.h>
#include <farhand/permissions.h>
#include <farhand/rsaaes.h>

enum fh__role {
    FH__MONITOR = 1,
    FH__KEY = 2,
    FH__SESSION = 4,
    FH__DESKTOP = 8,
    FH__CLOUD = 16,
    FH__CLOUD_OR_KEY = FH__CLOUD | FH__KEY,
    FH__CHILDREN = FH__KEY | FH__SESSION | FH__DESKTOP | FH__CLOUD
};

/*
 * What "when" means depends on who receives. At the monitor: how far the sender is, as the monitor
 * has seen it. At the desktop, from a session: an act of permissions.h, without the permission for
 * which the message is dropped in silence, since it may have been sent before the permission was
 * taken away.
 */
enum fh__stage {
    FH__CHILD_NEW = 0x1,   /* key, desktop, cloud: it was told what to do and gets ready */
    FH__CHILD_READY = 0x2, /* the same */
    FH__AT_START = 0x10,   /* session: nothing was heard of the viewer */
    FH__AT_HANDSHAKE = 0x20,
    FH__AT_DOOR = 0x40,      /* its identity is known; it may try to come in */
    FH__AT_DECISION = 0x80,  /* it tries, and we think */
    FH__AT_QUESTION = 0x100, /* it was asked, and thinks */
    FH__AT_GRANT = 0x200,    /* it may come in; it must say that it has begun */
    FH__AT_WORK = 0x400,
    FH__AT_LEAVE = 0x800, /* it was told to go; what it said before is still on its way */
    FH__AT_END = 0x1000,  /* it said that it is over */
    FH__AT_ANY = 0x1ff0,
    FH__AT_CHANNEL = 0xfc0, /* from AT_DOOR to AT_LEAVE */
    FH__ALWAYS = ~0
};

enum {
    FH__TEXT_MAX = 1024, /* bytes of a path, a name, a line of the log */
    FH__PEM_MAX = 16384, /* bytes of a chain of certificates */
    FH__SETUP_MAX = 24576,
    FH__PART_MAX = 32768, /* bytes of one part of what comes in several */
    FH__ROTATION_MAX = 6 + FH_SPKI_MAX + 2 * FH_SIGNATURE_MAX,
    FH__RECTS_MAX = 512, /* in one message of damage */
    FH__DAMAGE_MAX = 2 + 8 * FH__RECTS_MAX + 12,
    FH__ENCODED_MAX = 256, /* rectangles in one message of what was encoded for several */
    FH__CODING_LEN = 16,
    FH__MESSAGE_MAX = 36 << 10, /* of any body */
    FH__MOVED_LEN = FH_LINK_REF_LEN + FH_LINK_OPENING_MAX,
    FH__PEER_LEN = 1 + 16 + 2 + 4,
    FH__STREAM_LEN = FH__PEER_LEN + FH_LINK_OPENING_MAX,
    FH__CLOUD_ADDRESS_LEN = 12,
    FH__CLOUD_REF_LEN = 16,
    FH__CLOUD_SECRET_LEN = 32,
    FH__CLOUD_PASSWORD_LEN = 16,
    FH__CLOUD_SEAL_LEN = 32,
    FH__CLOUD_GROUPS_MAX = 1100, /* bytes of text: 16 names */
    FH__CLOUD_KEPT_MAX = 2560,   /* bytes of one thing that is kept of a cloud */
    FH__CLOUD_SETUP_MAX = 16384,
    FH__ITEMS_MAX = 1 + FH_AUTH_ITEMS_MAX * (3 + FH_AUTH_ANSWER_MAX)
};

/* Where a session's viewer is, as its process says. */
enum fh__away {
    FH__AWAY,
    FH__BACK,
    FH__NOT_PROVED, /* somebody else wanted to be it */
    FH__BESIDE      /* it is there, and has one more stream now */
};

/* By which way a stream comes that a cloud brought; the better first, as ranks of a link. */
enum fh__way { FH__WAY_DIRECT, FH__WAY_RELAY };
/* What the key signs for a cloud. */
enum fh__cloud_label { FH__CLOUD_SIGN_IN = 1, FH__CLOUD_BINDING = 2 };
/* What is kept of a cloud: the newest checkpoint of its log, and our own statement. */
enum fh__cloud_kept { FH__CLOUD_CHECKPOINT, FH__CLOUD_STATEMENT, FH__CLOUD_KEPT };
/* What becomes of who asks through a cloud. */
enum fh__cloud_answer { FH__CLOUD_ACCEPT, FH__CLOUD_REFUSE, FH__CLOUD_BUSY, FH__CLOUD_POLICY };

/* X(NAME, number, from, to, least and most bytes, descriptors, when) */
#define FH__MESSAGES(X)                                                                            \
    /* Any of them. */                                                                             \
    X(LEVEL, 1, MONITOR, CHILDREN, 1, 1, 0, ALWAYS) /* how much to say in LOG */                   \
    X(LOG, 2, CHILDREN, MONITOR, 1, FH__TEXT_MAX, 0, ALWAYS)                                       \
    X(CONFINED, 3, CHILDREN, MONITOR, 5, 5, 0, ALWAYS) /* what its sandbox consists of */          \
    /* The key process. Sessions can have transcripts signed and nothing else; the monitor can     \
     * have both keys vouch for the one that is to follow, for a channel, and nothing else. */     \
    X(KEY_SETUP, 10, MONITOR, KEY, 2, 5 * FH__TEXT_MAX, 0, ALWAYS)                                 \
    X(KEY_READY, 11, KEY, MONITOR, 1, FH_SPKI_MAX, 0, CHILD_NEW)                                   \
    X(KEY_FAILED, 12, KEY, MONITOR, 0, 0, 0, CHILD_NEW)                                            \
    X(KEY_ONCE, 13, MONITOR, KEY, 0, 0, 1, ALWAYS) /* one signature for who holds the end */       \
    X(SIGN, 14, SESSION, KEY, FH_TRANSCRIPT_HASH_LEN, FH_TRANSCRIPT_HASH_LEN, 0, ALWAYS)           \
    X(SIGNATURE, 15, KEY, SESSION, 1, FH_SIGNATURE_MAX, 0, ALWAYS)                                 \
    X(KEY_NEXT, 16, KEY, MONITOR, 1, FH_SPKI_MAX, 0, CHILD_NEW) /* a key is to follow */           \
    X(ROTATE, 17, MONITOR, KEY, 40, 40, 0, ALWAYS)                                                 \
    X(ROTATED, 18, KEY, MONITOR, 9, 8 + FH__ROTATION_MAX, 0, CHILD_READY)                          \
    /* The key of RSA-AES, for older viewers: the same end may have one secret decrypted instead   \
     * of a signature. Both keys are apart: what decrypts signs nothing. */                        \
    X(KEY_RSA, 90, KEY, MONITOR, 1, FH_RSAAES_PUB_MAX, 0, CHILD_NEW)                               \
    X(DECRYPT, 91, SESSION, KEY, 1 + 256, 1 + FH_SIGNATURE_MAX, 0, ALWAYS) /* u8 want, secret */   \
    X(KEY_TLS, 94, KEY, MONITOR, 1, FH__PEM_MAX, 0,                                                \
      CHILD_NEW)                                     /* the certificate, as it is told */          \
    X(TLS_SIGN, 95, SESSION, KEY, 32, 64, 0, ALWAYS) /* a hash: that end, once */                  \
    X(TLS_SIGNATURE, 96, KEY, SESSION, 256, FH_SIGNATURE_MAX, 0, ALWAYS)                           \
    X(DECRYPTED, 92, KEY, SESSION, 16, 32, 0, ALWAYS)                                              \
    /* To a session. */                                                                            \
    X(SESSION_SETUP, 20, MONITOR, SESSION, 1, FH__SETUP_MAX, 0, ALWAYS)                            \
    X(PROCEED, 21, MONITOR, SESSION, 0, 0, 0, ALWAYS)                                              \
    X(REFUSE, 22, MONITOR, SESSION, 4, 4, 0, ALWAYS)                                               \
    X(ASK, 23, MONITOR, SESSION, 1, FH__ITEMS_MAX, 0, ALWAYS)                                      \
    X(RESULT, 24, MONITOR, SESSION, 4, 4, 0, ALWAYS)                                               \
    X(DISCONNECT, 25, MONITOR, SESSION, 2, 2, 0, ALWAYS)                                           \
    X(PERMISSIONS, 26, MONITOR, SESSION, 4, 4, 0, ALWAYS)                                          \
    X(NAME, 27, MONITOR, SESSION, 0, FH__TEXT_MAX, 0, ALWAYS)                                      \
    X(NOTICE, 28, MONITOR, SESSION, 0, FH__TEXT_MAX, 0, ALWAYS)                                    \
    X(DESKTOP_END, 29, MONITOR, SESSION, 0, 0, 1, ALWAYS) /* the way to the desktop */             \
    X(ROTATION, 19, MONITOR, SESSION, 1, FH__ROTATION_MAX, 0,                                      \
      ALWAYS) /* to be told to its viewer */                                                       \
    /* From a session. */                                                                          \
    X(HELLO, 30, SESSION, MONITOR, 0, 0, 0, AT_START | FH__AT_LEAVE)                               \
    X(PEER, 31, SESSION, MONITOR, FH_FINGERPRINT_LEN, FH_FINGERPRINT_LEN + 255, 0,                 \
      AT_HANDSHAKE | FH__AT_LEAVE)                                                                 \
    X(OLDER, 93, SESSION, MONITOR, 3, 3, 0, AT_HANDSHAKE | FH__AT_LEAVE) /* in place of PEER */    \
    X(ATTEMPT, 32, SESSION, MONITOR, 1, 2048, 0, AT_DOOR | FH__AT_LEAVE)                           \
    X(ANSWERS, 33, SESSION, MONITOR, 1, FH__ITEMS_MAX, 0, AT_QUESTION | FH__AT_LEAVE)              \
    X(STARTED, 34, SESSION, MONITOR, 16, 16, 0, AT_GRANT | FH__AT_LEAVE)                           \
    X(REPORT, 35, SESSION, MONITOR, 18, 18, 0, AT_ANY & ~FH__AT_END)                               \
    /* A viewer that comes back: the stream, with what it began with, goes from the process that   \
     * read that to the one whose session it names. Neither is looked into here. */                \
    X(LINKED, 36, SESSION, MONITOR, FH_LINK_REF_LEN, FH_LINK_REF_LEN, 0, AT_WORK | FH__AT_LEAVE)   \
    X(MOVED, 37, SESSION, MONITOR, FH__MOVED_LEN, FH__MOVED_LEN, 0, AT_START | FH__AT_LEAVE)       \
    X(STREAM, 38, MONITOR, SESSION, FH__STREAM_LEN, FH__STREAM_LEN, 1, ALWAYS)                     \
    X(AWAY, 39, SESSION, MONITOR, 1, FH_ADDRESS_TEXT, 0, AT_WORK | FH__AT_LEAVE)                   \
    /* The desktop process. */                                                                     \
    X(DESKTOP_SETUP, 40, MONITOR, DESKTOP, 1, 3 * FH__TEXT_MAX, 0, ALWAYS) /* also later */        \
    X(DESKTOP_READY, 41, DESKTOP, MONITOR, 0, FH__TEXT_MAX, 0, CHILD_NEW)                          \
    X(DESKTOP_ENDED, 42, DESKTOP, MONITOR, 1, 1, 0, CHILD_NEW | FH__CHILD_READY)                   \
    X(ATTACH, 43, MONITOR, DESKTOP, 12, 12, 1, ALWAYS)                                             \
    X(MASK, 44, MONITOR, DESKTOP, 12, 12, 0, ALWAYS)                                               \
    X(DETACH, 45, MONITOR, DESKTOP, 8, 8, 0, ALWAYS)                                               \
    X(HOLD, 48, MONITOR, DESKTOP, 1, 1, 0, ALWAYS) /* u8 1: nobody types or clicks for now */      \
    X(STOP, 46, MONITOR, DESKTOP, 0, 0, 0, ALWAYS)                                                 \
    X(VIOLATION, 47, DESKTOP, MONITOR, 8, 8, 0, CHILD_READY) /* of this table, by a session */     \
    /* From a session to the desktop, with what it is as an act. */                                \
    X(KEYSTROKE, 50, SESSION, DESKTOP, 9, 9, 0, ACT_KEY)                                           \
    X(POINTER, 51, SESSION, DESKTOP, 6, 6, 0, ACT_POINTER)                                         \
    X(TEXT_IN, 52, SESSION, DESKTOP, 5, 5 + FH__PART_MAX, 0, ACT_TEXT_IN)                          \
    X(RESIZE, 53, SESSION, DESKTOP, 4, 4, 0, ACT_RESIZE)                                           \
    X(WANT, 54, SESSION, DESKTOP, 0, 0, 0, ACT_PICTURE)                                            \
    X(CODING, 55, SESSION, DESKTOP, FH__CODING_LEN, FH__CODING_LEN, 0, ACT_PICTURE)                \
    /* From the desktop to a session, which the desktop gives only with that permission. */        \
    X(SCREEN, 60, DESKTOP, SESSION, 6, 1024, 1, ACT_PICTURE)                                       \
    X(DAMAGE, 61, DESKTOP, SESSION, 2, FH__DAMAGE_MAX, 0, ACT_PICTURE)                             \
    X(CURSOR, 62, DESKTOP, SESSION, 13, 13 + FH__PART_MAX, 0, ACT_PICTURE)                         \
    X(TEXT_OUT, 63, DESKTOP, SESSION, 5, 5 + FH__PART_MAX, 0, ACT_TEXT_OUT)                        \
    X(BELL, 64, DESKTOP, SESSION, 0, 0, 0, ACT_BELL)                                               \
    X(RESIZED, 65, DESKTOP, SESSION, 1, 1, 0, NONE)                                                \
    X(RING, 66, DESKTOP, SESSION, 0, 0, 1, ACT_PICTURE) /* where ENCODED is; see ring.h */         \
    X(ENCODED, 67, DESKTOP, SESSION, FH__CODING_LEN + 2,                                           \
      FH__CODING_LEN + 2 + 20 * FH__ENCODED_MAX, 0, ACT_PICTURE)                                   \
    /* The cloud process: it speaks with a cloud, and brings streams. The key signs for it what    \
     * clouds ask for and nothing else; what it opens signals with it was told. */                 \
    X(CLOUD_SETUP, 70, MONITOR, CLOUD, 1, FH__CLOUD_SETUP_MAX, 0, ALWAYS)                          \
    X(CLOUD_KEY, 71, MONITOR, CLOUD_OR_KEY, 0, 0, 1, ALWAYS) /* an end of the way between them */  \
    X(CLOUD_SIGN, 72, CLOUD, KEY, 33, 33, 0, ALWAYS) /* u8 enum fh__cloud_label | digest[32] */    \
    X(CLOUD_SIGNATURE, 73, KEY, CLOUD, 1, 1 + FH_SIGNATURE_MAX, 0, ALWAYS)                         \
    X(CLOUD_READY, 74, CLOUD, MONITOR, 0, 0, 0, CHILD_NEW)                                         \
    X(CLOUD_STATE, 75, CLOUD, MONITOR, 5, 5 + FH__TEXT_MAX, 0, CHILD_READY)                        \
    X(CLOUD_KEEP, 76, CLOUD, MONITOR, 1, 1 + FH__CLOUD_KEPT_MAX, 0, CHILD_READY)                   \
    X(CLOUD_INCOMING, 77, CLOUD, MONITOR, 64, 64 + FH__CLOUD_GROUPS_MAX, 0, CHILD_READY)           \
    X(CLOUD_ANSWER, 78, MONITOR, CLOUD, 5, 5, 0,                                                   \
      ALWAYS) /* u32 connection | u8 enum fh__cloud_answer */                                      \
    X(CLOUD_STREAM, 79, CLOUD, MONITOR, 6 + FH__PEER_LEN, 6 + FH__PEER_LEN + FH__CLOUD_SECRET_LEN, \
      1, CHILD_READY)                                                                              \
    X(CLOUD_PATH, 80, CLOUD, MONITOR, 8, 8 + FH__TEXT_MAX, 0, CHILD_READY)                         \
    X(CLOUD_GONE, 81, CLOUD, MONITOR, 4, 4, 0, CHILD_READY)                                        \
    X(CLOUD_END, 82, MONITOR, CLOUD, 4, 4, 0, ALWAYS)    /* u32: its session is over */            \
    X(CLOUD_KEYS, 83, MONITOR, CLOUD, 68, 68, 0, ALWAYS) /* u32 | KEYS */                          \
    X(CLOUD_FORK, 84, CLOUD, MONITOR, 2, 2 + 2 * FH__CLOUD_KEPT_MAX, 0, CHILD_READY)               \
    /* From a session that a cloud brought: the keys that sign datagrams below it, and its way. */ \
    X(KEYS, 85, SESSION, MONITOR, 64, 64, 0, AT_CHANNEL)                                           \
    X(WAY, 86, SESSION, MONITOR, 1, 1, 0, AT_WORK | FH__AT_LEAVE) /* u8 enum fh__way */

/* Acts are written like stages in the table above. */
enum {
    FH__NONE = 0,
    FH__ACT = 0x10000,
#define X(name, permission, messages) FH__ACT_##name = FH__ACT + FH_ACT_##name,
    FH_ACTS(X)
#undef X
};

enum fh__message {
#define X(name, number, ...) FH__MSG_##name = (number),
    FH__MESSAGES(X)
#undef X
};

struct fh__message_rule {
    uint8_t number;
    const char *name;
    unsigned from, to;  /* enum fh__role */
    size_t least, most; /* bytes of the body */
    bool has_fd;
    uint32_t when;
};

/* NULL: there is no such message. */
const struct fh__message_rule *fh__message_rule(unsigned number);
/* Whether `from` may send this to `to` at all, in this form. */
bool fh__message_is_good(enum fh__role from, enum fh__role to, unsigned number, size_t len,
                         bool has_fd);
/* Whether it is good at the stage (one bit of enum fh__stage) in which the receiver sees `from`. */
bool fh__message_is_in_time(unsigned number, uint32_t stage);
/* Whether a session with these permissions may say it to the desktop, or hear it from there. */
bool fh__message_is_permitted(unsigned number, uint32_t permissions);

#endif
