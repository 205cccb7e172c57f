/* SPDX-License-Identifier: MIT */
/* link_frame.h -- the frames of a link (docs/protocol.md, "Link"), written and checked. */
#ifndef FH_TRANSPORT_LINK_FRAME_H
#define FH_TRANSPORT_LINK_FRAME_H

#include <farhand/link.h>

enum fh__link_type {
    FH_LINK_F_OPEN = 1, /* u16 keep_s */
    FH_LINK_F_ATTACH, /* ref[16] | u64 counter | nonce[16] | u64 want | u8 rank | u8 flags | mac */
    FH_LINK_F_ATTACHED, /* nonce[16] | u64 want | mac[32] */
    FH_LINK_F_CONFIRM,  /* mac[32] */
    FH_LINK_F_REFUSED,  /* */
    FH_LINK_F_DATA,     /* u64 number | bytes */
    FH_LINK_F_ACK,      /* u64 number */
    FH_LINK_F_WANT,     /* u64 number */
    FH_LINK_F_SWITCH,   /* */
    FH_LINK_F_END,      /* u64 number */
    FH_LINK_F_BYE       /* u8 code */
};

enum {
    FH_LINK_GREETING_LEN = 12,
    FH_LINK_HEADER_LEN = 4,
    FH_LINK_NONCE_LEN = 16,
    FH_LINK_MAC_LEN = 32,
    FH_LINK_OPEN_LEN = FH_LINK_HEADER_LEN + 2,
    FH_LINK_ATTACH_LEN = FH_LINK_HEADER_LEN + 82,
    FH_LINK_ATTACHED_LEN = FH_LINK_HEADER_LEN + 56,
    FH_LINK_CONFIRM_LEN = FH_LINK_HEADER_LEN + FH_LINK_MAC_LEN,
    FH_LINK_NUMBER_LEN = FH_LINK_HEADER_LEN + 8, /* ACK, WANT, END, and DATA without its bytes */
    FH_LINK_FRAME_MAX = FH_LINK_ATTACH_LEN,      /* the longest, DATA's bytes aside */
    FH_LINK_PAYLOAD_MAX = 32768
};

enum { FH_LINK_ALONE = 1 /* flag of ATTACH: the client has no other path any more */ };

enum fh__link_bye { FH_LINK_BYE_DONE, FH_LINK_BYE_ABORTED, FH_LINK_BYE_PROTOCOL };

extern const uint8_t fh__link_greeting[FH_LINK_GREETING_LEN];

/*
 * What a header says: *body, the bytes that follow it, DATA's own not counted, and *payload, those.
 * False: no such frame.
 */
bool fh__link_read_header(const uint8_t in[FH_LINK_HEADER_LEN], size_t *body, size_t *payload);

/* A whole frame into out, which has room; its length. */
size_t fh__link_write_open(uint8_t *out, uint32_t keep_ms);
size_t fh__link_write_number(uint8_t *out, enum fh__link_type type, uint64_t number,
                             size_t payload);
size_t fh__link_write_empty(uint8_t *out, enum fh__link_type type);
size_t fh__link_write_bye(uint8_t *out, enum fh__link_bye code);

struct fh__link_attach {
    uint8_t ref[FH_LINK_REF_LEN];
    uint64_t counter;
    uint8_t nonce[FH_LINK_NONCE_LEN];
    uint64_t want;
    uint8_t rank, flags;
};

struct fh__link_attached {
    uint8_t nonce[FH_LINK_NONCE_LEN];
    uint64_t want;
};

/*
 * The three frames that prove the key, each MAC over the greeting and every frame so far. attach,
 * attached: the frames before, whole. _read_ is false if the MAC is not right; then *out is as it
 * was. The form of the frames was checked by fh__link_read_header().
 */
size_t fh__link_write_attach(uint8_t out[FH_LINK_ATTACH_LEN], const uint8_t *key,
                             const struct fh__link_attach *a);
bool fh__link_read_attach(const uint8_t in[FH_LINK_ATTACH_LEN], const uint8_t *key,
                          struct fh__link_attach *out);
size_t fh__link_write_attached(uint8_t out[FH_LINK_ATTACHED_LEN], const uint8_t *key,
                               const uint8_t attach[FH_LINK_ATTACH_LEN],
                               const struct fh__link_attached *a);
bool fh__link_read_attached(const uint8_t in[FH_LINK_ATTACHED_LEN], const uint8_t *key,
                            const uint8_t attach[FH_LINK_ATTACH_LEN],
                            struct fh__link_attached *out);
size_t fh__link_write_confirm(uint8_t out[FH_LINK_CONFIRM_LEN], const uint8_t *key,
                              const uint8_t attach[FH_LINK_ATTACH_LEN],
                              const uint8_t attached[FH_LINK_ATTACHED_LEN]);
bool fh__link_read_confirm(const uint8_t in[FH_LINK_CONFIRM_LEN], const uint8_t *key,
                           const uint8_t attach[FH_LINK_ATTACH_LEN],
                           const uint8_t attached[FH_LINK_ATTACHED_LEN]);

#endif
