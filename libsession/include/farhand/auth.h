/* SPDX-License-Identifier: MIT */
/*
 * auth.h -- the vocabulary of authentication: methods, and the kinds of questions and answers that
 * travel while one runs. docs/protocol.md, "Authentication", has the bytes.
 *
 * A method proves the first factor. What a server wants beyond it (a one-time code, prompts, a
 * notice that somebody there is being asked) follows as further questions, whatever the method.
 */
#ifndef FH_AUTH_H
#define FH_AUTH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the first factor is proved. */
#define FH_METHODS(X)                                                                              \
    X(PASSWORD, 1, "password")         /* user and password, sent inside the channel */            \
    X(CPACE, 2, "cpace")               /* both sides prove that they know the password */          \
    X(CONVERSATION, 3, "conversation") /* user, then prompts as the server likes */                \
    X(IDENTITY, 4, "identity")         /* user; the viewer's RSA identity is the factor */         \
    /* Of older viewers; never offered in the channel. */                                          \
    X(VNC, 128, "vnc")   /* response to a challenge, by the one password of vncauth.h */           \
    X(NONE, 129, "none") /* nothing is proved */

enum fh_method {
#define X(name, num, text) FH_METHOD_##name = (num),
    FH_METHODS(X)
#undef X
};

/* The method's name, for records; NULL: none that is known. */
const char *fh_method_name(unsigned method);

/* What is asked and answered. */
enum fh_kind {
    FH_KIND_USER = 1,     /* UTF-8 without control characters */
    FH_KIND_PASSWORD = 2, /* any bytes */
    FH_KIND_PAKE = 3,     /* a step of method cpace, below */
    FH_KIND_CODE = 4,     /* a one-time code of 6 to 8 digits, or a recovery code; asked with "" */
    FH_KIND_PROMPT = 5,   /* asked with: u8 flags (FH_PROMPT_ECHO) | UTF-8 for the person */
    FH_KIND_NOTICE = 6    /* asked with: UTF-8 for the person; never answered */
};

enum { FH_PROMPT_ECHO = 1 /* what is typed may be seen */ };

enum {
    FH_METHOD_OLDER = 128,       /* and above: of older viewers */
    FH_METHODS_MAX = 8,          /* methods offered on one connection */
    FH_AUTH_ITEMS_MAX = 8,       /* questions in one Ask */
    FH_AUTH_ASKS_MAX = 16,       /* Asks in one attempt */
    FH_AUTH_USER_MAX = 255,      /* bytes */
    FH_AUTH_PASSWORD_MAX = 1024, /* bytes */
    FH_AUTH_CODE_MAX = 64,       /* bytes */
    FH_AUTH_ANSWER_MAX = 1024,   /* bytes of the answer to a prompt */
    FH_AUTH_TEXT_MAX = 512,      /* bytes of UTF-8 of a prompt or a notice */
    FH_AUTH_BINDING_LEN = 32,    /* bytes of the channel binding */
    /* Method cpace asks FH_KIND_PAKE twice, each alone, and the viewer proves itself last. */
    FH_PAKE_ASK_LEN = 25,       /* u8 FH_PAKE_VERSION | u32 argon2id passes | u32 KiB | salt[16] */
    FH_PAKE_ANSWER_LEN = 32,    /* Ya */
    FH_PAKE_PROOF_ASK_LEN = 96, /* Yb[32] | Tb[64] */
    FH_PAKE_PROOF_LEN = 64,     /* Ta; zeros: Tb was wrong, so the viewer proves nothing */
    FH_PAKE_VERSION = 1
};

/* One question or answer. */
struct fh_item {
    enum fh_kind kind;
    const void *data;
    size_t len; /* bytes */
};

/* Who asks to be let in, once all that the method itself needs is there. */
struct fh_credentials {
    enum fh_method method;
    const char *user;     /* UTF-8, NUL-terminated, no control characters */
    const char *password; /* method password: NUL-terminated; others: NULL */
    size_t password_len;
    const uint8_t *challenge, *response; /* method vnc: 16 bytes each; others: NULL */
    unsigned attempt;                    /* on this connection, from 1 */
};

#ifdef __cplusplus
}
#endif

#endif
