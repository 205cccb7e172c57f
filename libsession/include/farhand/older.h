/* SPDX-License-Identifier: MIT */
/*
 * older.h -- the security types of RFB 3.3, 3.7 and 3.8, for viewers and servers that do not know
 * the secure channel. docs/protocol.md, "Older viewers and servers".
 *
 * Names and numbers are those that other programs use; what is inside VeNCrypt (19) has its numbers
 * there, above 255. TLS with anonymous keys and Plain without TLS are named to be understood in a
 * list; they are never offered and never chosen. docs/adr/0020-security-types-of-older-peers.md.
 */
#ifndef FH_OLDER_H
#define FH_OLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * X(NAME, number, name, strength, what it is). The strength orders them for a viewer's minimum: 0
 * is never used.
 */
#define FH_OLDER_TYPES(X)                                                                          \
    X(X509_PLAIN, 262, "X509Plain", 9, LOGIN | TLS)                                                \
    X(X509_VNC, 261, "X509Vnc", 8, VNC | TLS)                                                      \
    X(X509_NONE, 260, "X509None", 7, NONE | TLS)                                                   \
    X(RA2_256, 129, "RA2_256", 6, LOGIN | RSA)                                                     \
    X(RA2, 5, "RA2", 5, LOGIN | RSA)                                                               \
    X(RA2NE_256, 130, "RA2ne_256", 4, LOGIN | RSA | CLEAR)                                         \
    X(RA2NE, 6, "RA2ne", 3, LOGIN | RSA | CLEAR)                                                   \
    X(VNC, 2, "VncAuth", 2, VNC | CLEAR)                                                           \
    X(NONE, 1, "None", 1, NONE | CLEAR)                                                            \
    X(TLS_PLAIN, 259, "TLSPlain", 0, LOGIN)                                                        \
    X(TLS_VNC, 258, "TLSVnc", 0, VNC)                                                              \
    X(TLS_NONE, 257, "TLSNone", 0, NONE)                                                           \
    X(PLAIN, 256, "Plain", 0, LOGIN | CLEAR)

enum fh_older_type {
#define X(name, number, text, strength, what) FH_OLDER_##name = (number),
    FH_OLDER_TYPES(X)
#undef X
};

/* What a type is; exactly one of the first three. */
enum fh_older_what {
    FH_OLDER_IS_LOGIN = 1, /* a user's name and password */
    FH_OLDER_IS_VNC = 2,   /* the one password of VNC Authentication */
    FH_OLDER_IS_NONE = 4,  /* nobody is asked anything */
    FH_OLDER_IS_TLS = 8,   /* inside TLS with the server's certificate */
    FH_OLDER_IS_RSA = 16,  /* inside RSA-AES */
    FH_OLDER_IS_CLEAR = 32 /* the session can be read and changed by who carries it */
};

enum { FH_OLDER_MAX = 16 /* types in a list of ours */ };

/* NULL: not one of the table. */
const char *fh_older_name(unsigned type);
/* 0: not one of the table; case does not count. */
unsigned fh_older_parse(const char *name, size_t len);
unsigned fh_older_what(unsigned type); /* of enum fh_older_what; 0: not one of the table */
/* Higher is stronger; 0: never used. */
unsigned fh_older_strength(unsigned type);

/* What a server offers, the best first. Borrowed as long as the server lives. */
struct fh_older_offer {
    const uint16_t *types;  /* each once, of strength above 0; n = 0: no older viewers */
    size_t n_types;         /* at most FH_OLDER_MAX */
    const uint8_t *rsa_pub; /* of fh_rsaaes_key_pub(), if a type needs it */
    size_t rsa_pub_len;
};

/* Known, each once, with what they need. */
bool fh_older_offer_is_usable(const struct fh_older_offer *o);

#ifdef __cplusplus
}
#endif

#endif
