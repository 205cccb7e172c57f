/* SPDX-License-Identifier: MIT */
/*
 * stun.h -- STUN messages (RFC 8489), with the attributes of ICE (RFC 8445) and TURN (RFC 8656).
 *
 *     fh_stun_is_message()      could this datagram be STUN? (the first look at what arrived)
 *     fh_stun_parse()           datagram -> struct fh_stun_message, nothing copied
 *     fh_stun_check_integrity() who wrote it knows the key
 *     fh_stun_find(), fh_stun_read_*()   one attribute
 *
 *     fh_stun_build()           begin a message in the caller's buffer
 *     fh_stun_write_*()         one attribute after the other; the error is sticky
 *     fh_stun_build_end()       its length
 *
 * Pure functions over the caller's memory; any thread. Not done here: transactions and their
 * retransmission (the agent and the TURN client do that), framing over TCP beyond
 * fh_stun_frame_len(), the old STUN of RFC 3489.
 */
#ifndef FH_STUN_H
#define FH_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/ice_address.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 *  0                   1                   2                   3
 * |0 0|     STUN Message Type     |         Message Length        |
 * |                  Magic Cookie  0x2112A442                     |
 * |                     Transaction ID (96 bits)                  |
 * RFC 8489 section 5.
 */
enum {
    FH_STUN_COOKIE = 0x2112A442,
    FH_STUN_HEADER_LEN = 20,
    FH_STUN_TXID_LEN = 12,
    FH_STUN_SHA1_LEN = 20,
    FH_STUN_SHA256_LEN = 32,
    FH_STUN_MAX_UNKNOWN = 8,    /* how many unknown attributes are remembered */
    FH_STUN_MAX_USERNAME = 508, /* bytes; RFC 8489 14.3 */
    FH_STUN_MAX_TEXT = 763      /* bytes of REALM, NONCE, SOFTWARE, reason; RFC 8489 14.9, 14.10 */
};

enum fh_stun_class {
    FH_STUN_REQUEST = 0,
    FH_STUN_INDICATION = 1,
    FH_STUN_SUCCESS = 2,
    FH_STUN_ERROR = 3
};

enum fh_stun_method {
    FH_STUN_BINDING = 0x001,
    FH_STUN_ALLOCATE = 0x003, /* this and the following: RFC 8656 section 17 */
    FH_STUN_REFRESH = 0x004,
    FH_STUN_SEND = 0x006,
    FH_STUN_DATA = 0x007,
    FH_STUN_CREATE_PERMISSION = 0x008,
    FH_STUN_CHANNEL_BIND = 0x009
};

/* Attribute types. Those below 0x8000 must be understood by who gets them. */
enum fh_stun_attribute_type {
    FH_STUN_MAPPED_ADDRESS = 0x0001,
    FH_STUN_USERNAME = 0x0006,
    FH_STUN_MESSAGE_INTEGRITY = 0x0008,
    FH_STUN_ERROR_CODE = 0x0009,
    FH_STUN_UNKNOWN_ATTRIBUTES = 0x000A,
    FH_STUN_CHANNEL_NUMBER = 0x000C,
    FH_STUN_LIFETIME = 0x000D,
    FH_STUN_XOR_PEER_ADDRESS = 0x0012,
    FH_STUN_DATA_ATTRIBUTE = 0x0013,
    FH_STUN_REALM = 0x0014,
    FH_STUN_NONCE = 0x0015,
    FH_STUN_XOR_RELAYED_ADDRESS = 0x0016,
    FH_STUN_REQUESTED_ADDRESS_FAMILY = 0x0017,
    FH_STUN_EVEN_PORT = 0x0018,
    FH_STUN_REQUESTED_TRANSPORT = 0x0019,
    FH_STUN_DONT_FRAGMENT = 0x001A,
    FH_STUN_MESSAGE_INTEGRITY_SHA256 = 0x001C,
    FH_STUN_PASSWORD_ALGORITHM = 0x001D,
    FH_STUN_USERHASH = 0x001E,
    FH_STUN_XOR_MAPPED_ADDRESS = 0x0020,
    FH_STUN_RESERVATION_TOKEN = 0x0022,
    FH_STUN_PRIORITY = 0x0024,      /* RFC 8445 16.1 */
    FH_STUN_USE_CANDIDATE = 0x0025, /* RFC 8445 16.1 */
    FH_STUN_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
    FH_STUN_ADDRESS_ERROR_CODE = 0x8001,
    FH_STUN_PASSWORD_ALGORITHMS = 0x8002,
    FH_STUN_ALTERNATE_DOMAIN = 0x8003,
    FH_STUN_SOFTWARE = 0x8022,
    FH_STUN_ALTERNATE_SERVER = 0x8023,
    FH_STUN_FINGERPRINT = 0x8028,
    FH_STUN_ICE_CONTROLLED = 0x8029,  /* RFC 8445 16.1 */
    FH_STUN_ICE_CONTROLLING = 0x802A, /* RFC 8445 16.1 */
    FH_STUN_RESPONSE_ORIGIN = 0x802B, /* RFC 5780 */
    FH_STUN_OTHER_ADDRESS = 0x802C,   /* RFC 5780 */
    FH_STUN_MOBILITY_TICKET = 0x8030  /* RFC 8016 */
};

/* Numbers of ERROR-CODE that are acted upon. */
enum fh_stun_error_code {
    FH_STUN_TRY_ALTERNATE = 300,
    FH_STUN_BAD_REQUEST = 400,
    FH_STUN_UNAUTHENTICATED = 401,
    FH_STUN_FORBIDDEN = 403,
    FH_STUN_MOBILITY_FORBIDDEN = 405,
    FH_STUN_UNKNOWN_ATTRIBUTE = 420,
    FH_STUN_ALLOCATION_MISMATCH = 437,
    FH_STUN_STALE_NONCE = 438,
    FH_STUN_ADDRESS_FAMILY_NOT_SUPPORTED = 440,
    FH_STUN_WRONG_CREDENTIALS = 441,
    FH_STUN_UNSUPPORTED_TRANSPORT = 442,
    FH_STUN_PEER_FAMILY_MISMATCH = 443,
    FH_STUN_QUOTA_REACHED = 486,
    FH_STUN_ROLE_CONFLICT = 487,
    FH_STUN_SERVER_ERROR = 500,
    FH_STUN_INSUFFICIENT_CAPACITY = 508
};

/* ---- reading -------------------------------------------------------------------------------- */

/*
 * A message that was parsed. data is borrowed from what was parsed and must outlive it. Attributes
 * that nobody may look at (those after an integrity attribute, RFC 8489 14.5) do not appear.
 */
struct fh_stun_message {
    enum fh_stun_class cls;
    uint16_t method; /* enum fh_stun_method, or another number */
    uint8_t txid[FH_STUN_TXID_LEN];
    const uint8_t *data;
    size_t len;                            /* of the message, header included */
    size_t end;                            /* where the attributes that count end */
    size_t integrity;                      /* where MESSAGE-INTEGRITY stands; 0 = there is none */
    size_t integrity_sha256;               /* where MESSAGE-INTEGRITY-SHA256 stands; 0 = none */
    bool has_fingerprint;                  /* and it is right */
    uint16_t unknown[FH_STUN_MAX_UNKNOWN]; /* attributes below 0x8000 that are not in the list */
    size_t unknown_len;                    /* above; a request with one is answered with 420 */
};

/*
 * The first look (RFC 8489 section 5, RFC 7983): the length, two zero bits, the cookie. Says
 * nothing about the rest.
 */
bool fh_stun_is_message(const void *data, size_t len);

/*
 * On a byte stream: how long the message is whose first four bytes are at header. 0 if they begin
 * no STUN message.
 */
size_t fh_stun_frame_len(const uint8_t header[4]);

/*
 * Parse a datagram: exactly one message. Checked are all lengths, that each attribute lies within
 * the message, the form of both integrity attributes, and that FINGERPRINT, if there is one, comes
 * last and is right. The integrity itself is not: that needs a key.
 * data: borrowed as long as out is used. Returns 0, or FH_ICE_E_PROTO with out untouched.
 */
int fh_stun_parse(const void *data, size_t len, struct fh_stun_message *out);

enum fh_stun_integrity { FH_STUN_BY_SHA1, FH_STUN_BY_SHA256 };

/*
 * Check MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 (which may be cut to 16, 20, 24 or 28 bytes).
 * key: the password of a short-term credential, or what fh_stun_long_term_key() gave.
 * Returns 0; FH_ICE_E_AUTH if it is wrong or not there.
 */
int fh_stun_check_integrity(const struct fh_stun_message *m, enum fh_stun_integrity by,
                            const uint8_t *key, size_t key_len);

/* One attribute. value is borrowed from the message. */
struct fh_stun_attribute {
    uint16_t type;
    uint16_t len;
    const uint8_t *value;
};

/*
 * Walk over the attributes: *at starts at 0. The integrity attributes and FINGERPRINT are not among
 * them. Returns false at the end.
 */
bool fh_stun_next(const struct fh_stun_message *m, size_t *at, struct fh_stun_attribute *out);

/* The first attribute of this type. Returns its value (len bytes) or NULL; len may be NULL. */
const uint8_t *fh_stun_find(const struct fh_stun_message *m, uint16_t type, size_t *len);
bool fh_stun_has(const struct fh_stun_message *m, uint16_t type);

/*
 * Read the first attribute of this type. Returns false, with out untouched, if it is not there or
 * has not the form of its kind.
 */
bool fh_stun_read_u32(const struct fh_stun_message *m, uint16_t type, uint32_t *out);
bool fh_stun_read_u64(const struct fh_stun_message *m, uint16_t type, uint64_t *out);
/* Any address attribute; those with XOR in their name are turned back. */
bool fh_stun_read_address(const struct fh_stun_message *m, uint16_t type,
                          struct fh_ice_address *out);
/* The same for an attribute met by fh_stun_next(). */
bool fh_stun_attribute_address(const struct fh_stun_message *m, const struct fh_stun_attribute *a,
                               struct fh_ice_address *out);
/* What a Binding response says: XOR-MAPPED-ADDRESS, or else MAPPED-ADDRESS of an old server. */
bool fh_stun_read_mapped(const struct fh_stun_message *m, struct fh_ice_address *out);
/* ERROR-CODE: 300 to 699. reason, which may be NULL, is the peer's text: borrowed, not terminated,
 * not to be printed as it is. */
bool fh_stun_read_error(const struct fh_stun_message *m, unsigned *code, const char **reason,
                        size_t *reason_len);
/* CHANNEL-NUMBER, RFC 8656 18.1. */
bool fh_stun_read_channel(const struct fh_stun_message *m, uint16_t *out);

/* ---- building ------------------------------------------------------------------------------- */

/* A message under construction, in the caller's buffer. */
struct fh_stun_builder {
    uint8_t *mem;
    size_t len, cap;
    bool bad; /* something did not fit or was out of range; stays so */
};

/*
 * Begin a message. mem: cap bytes, borrowed until fh_stun_build_end(). txid: a random one in a
 * request or indication, the request's in a response.
 */
void fh_stun_build(struct fh_stun_builder *b, void *mem, size_t cap, enum fh_stun_class cls,
                   uint16_t method, const uint8_t txid[FH_STUN_TXID_LEN]);
/* Begin the response to m: its method and transaction. cls: FH_STUN_SUCCESS or FH_STUN_ERROR. */
void fh_stun_build_response(struct fh_stun_builder *b, void *mem, size_t cap,
                            enum fh_stun_class cls, const struct fh_stun_message *m);

/* One attribute; padding is zero (RFC 8489 section 14). data may be NULL if len is 0. */
void fh_stun_write(struct fh_stun_builder *b, uint16_t type, const void *data, size_t len);
void fh_stun_write_text(struct fh_stun_builder *b, uint16_t type, const char *text);
void fh_stun_write_u32(struct fh_stun_builder *b, uint16_t type, uint32_t value);
void fh_stun_write_u64(struct fh_stun_builder *b, uint16_t type, uint64_t value);
void fh_stun_write_address(struct fh_stun_builder *b, uint16_t type,
                           const struct fh_ice_address *a);
/* ERROR-CODE with the reason phrase that belongs to it. code: 300 to 699. */
void fh_stun_write_error(struct fh_stun_builder *b, unsigned code);
/* UNKNOWN-ATTRIBUTES: those that m has and that are not known here. */
void fh_stun_write_unknown(struct fh_stun_builder *b, const struct fh_stun_message *m);
void fh_stun_write_channel(struct fh_stun_builder *b, uint16_t channel);
/* REQUESTED-ADDRESS-FAMILY or ADDITIONAL-ADDRESS-FAMILY. */
void fh_stun_write_family(struct fh_stun_builder *b, uint16_t type, enum fh_ice_family family);

/* These three come last, in this order. SHA-256 is written whole. */
void fh_stun_write_integrity(struct fh_stun_builder *b, enum fh_stun_integrity by,
                             const uint8_t *key, size_t key_len);
void fh_stun_write_fingerprint(struct fh_stun_builder *b);

/* The length of the message; 0 if it did not fit or an argument was out of range. */
size_t fh_stun_build_end(struct fh_stun_builder *b);

/* ---- long-term credentials (RFC 8489 section 9.2) ------------------------------------------- */

enum fh_stun_password_algorithm { FH_STUN_MD5 = 1, FH_STUN_SHA256 = 2 };

/* Flags in a nonce that begins with "obMatJos2" (RFC 8489 9.2, 18.1); 0 for any other nonce. */
enum {
    FH_STUN_FEATURE_PASSWORD_ALGORITHMS = 0x800000,
    FH_STUN_FEATURE_USERNAME_ANONYMITY = 0x400000
};
uint32_t fh_stun_nonce_features(const void *nonce, size_t len);

/*
 * Which of PASSWORD-ALGORITHMS are known here: a set of 1 << enum fh_stun_password_algorithm.
 * Returns false if the attribute is not there or malformed.
 */
bool fh_stun_read_password_algorithms(const struct fh_stun_message *m, unsigned *set);
/* PASSWORD-ALGORITHM, without parameters: neither of the two has any. */
void fh_stun_write_password_algorithm(struct fh_stun_builder *b,
                                      enum fh_stun_password_algorithm algorithm);

/*
 * OpaqueString of RFC 8265 section 4.2, as far as it needs no tables: text must be well-formed
 * UTF-8, not empty, without control characters and without spaces other than U+0020. It is used as
 * it is: whoever has text beyond ASCII gives it in Unicode's form NFC.
 */
bool fh_stun_is_opaque_string(const void *text, size_t len);

struct fh_stun_key {
    uint8_t bytes[FH_STUN_SHA256_LEN];
    size_t len; /* 16 or 32 */
};

/*
 * The key of a long-term credential: H(username ":" realm ":" password), RFC 8489 18.5.1.
 * username, password: zero-terminated. realm: as it was received.
 * Returns 0; FH_ICE_E_INVAL if realm or password is no OpaqueString (out is untouched).
 */
int fh_stun_long_term_key(enum fh_stun_password_algorithm algorithm, const char *username,
                          const void *realm, size_t realm_len, const char *password,
                          struct fh_stun_key *out);

/* USERHASH: SHA-256 of username ":" realm, RFC 8489 14.4. Returns as above. */
int fh_stun_userhash(const char *username, const void *realm, size_t realm_len,
                     uint8_t out[FH_STUN_SHA256_LEN]);

#ifdef __cplusplus
}
#endif

#endif
