/* SPDX-License-Identifier: MIT */
/*
 * login.h -- decides one attempt to be let in, at the server: which factors were proved, what is
 * asked next, and in the end how much is granted.
 *
 *     fh_login_begin()      with what the session layer says at EV_AUTHENTICATE
 *     fh_login_answered()   with what it says at EV_ANSWERS
 *     fh_login_checked()    what the caller found out about FH_LOGIN_PASSWORD, _CODE, _CONVERSE
 *     fh_login_approved()   what the person at the desktop said
 *
 * Each returns what is to be done next. The machine knows neither files nor clocks nor sessions:
 * what is known of the name is looked up by the caller and handed in as an account. Method cpace is
 * computed here. A name that nobody has takes the same steps as one with a wrong password.
 *
 * A factor that fails ends the attempt; reasons are for the server's own records, never for the
 * peer. Counting failures is blacklist.h's. No allocation, no I/O.
 */
#ifndef FH_LOGIN_H
#define FH_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/auth.h>
#include <farhand/cpace.h>
#include <farhand/password.h>
#include <farhand/permissions.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a user may be asked to prove; X(NAME, bit, word of configuration files). */
#define FH_FACTORS(X)                                                                              \
    X(PASSWORD, 0x1, "password") /* or what PAM or a program wants in its place */                 \
    X(TOTP, 0x2, "totp")         /* a one-time code */                                             \
    X(IDENTITY, 0x4, "identity") /* the viewer's RSA identity is on the user's list */             \
    X(APPROVAL, 0x8, "approval") /* the person at the desktop agrees */

enum fh_factor {
#define X(name, bit, text) FH_FACTOR_##name = (bit),
    FH_FACTORS(X)
#undef X
};

/*
 * Reads "password + totp": words joined by '+', spaces as you like. 0, or FH_SESSION_E_FORMAT for
 * an unknown word, one that comes twice, or neither password nor identity among them: six digits
 * alone can be guessed, and a person can be worn out.
 */
int fh_factors_parse(const char *text, unsigned *out);
/* The other way; room at least 64 bytes. */
void fh_factors_format(unsigned factors, char *out, size_t room);

/* What is known of a name. Zero: nobody has it. */
struct fh_login_account {
    bool exists;
    unsigned required;    /* factors; 0: nobody gets in under this name */
    uint32_t permissions; /* the most that may be granted, FH_PERM_NONE: none */
    bool has_password;    /* method cpace can be used */
    struct fh_password_stored password;
    bool has_totp;
    bool is_identity_listed; /* the identity that the viewer proved */
};

enum { FH_LOGIN_FAKE_KEY_LEN = 32 };

struct fh_login_config {
    fh_random_fn random; /* required */
    void *random_user;
    const uint8_t *binding;         /* of the channel, FH_AUTH_BINDING_LEN bytes */
    const uint8_t *server, *viewer; /* fingerprints */
    const uint8_t *fake_key;        /* random bytes, the same for all attempts at a server */
};

enum fh_login_step {
    FH_LOGIN_ASK,      /* ask the viewer l->items */
    FH_LOGIN_PASSWORD, /* is the password, or the response, of the credentials right?
                          fh_login_checked() */
    FH_LOGIN_CONVERSE, /* let PAM or a program decide, ask what it asks; fh_login_checked() */
    FH_LOGIN_CODE,     /* is l->code right, and not used before? fh_login_checked() */
    FH_LOGIN_APPROVE,  /* ask the person at the desktop; fh_login_approved() */
    FH_LOGIN_GRANT,    /* l->permissions */
    FH_LOGIN_REJECT    /* l->reason: a word for the records */
};

/* One attempt. Read only what the steps above name. Wipe it when the attempt is over. */
struct fh_login {
    struct fh_item items[2];
    size_t n_items;
    char code[FH_AUTH_CODE_MAX + 1];
    uint32_t permissions;
    const char *reason;

    uint8_t state;
    enum fh_method method;
    unsigned required, proved;
    bool has_totp;
    bool is_fake; /* no proof of a password can be right */
    struct fh_cpace cpace;
    uint8_t prs[FH_CPACE_PRS_LEN];
    uint8_t server[FH_FINGERPRINT_LEN], viewer[FH_FINGERPRINT_LEN];
    uint8_t binding[FH_AUTH_BINDING_LEN];
    uint8_t expected[FH_CPACE_TAG_LEN];
    uint8_t question[FH_PAKE_PROOF_ASK_LEN];
    fh_random_fn random;
    void *random_user;
};

/* All borrowed for the call; random as long as l is used. */
enum fh_login_step fh_login_begin(struct fh_login *l, const struct fh_login_config *cfg,
                                  const struct fh_credentials *c,
                                  const struct fh_login_account *account);
/* To FH_LOGIN_ASK. What answers no question of ours is rejected. */
enum fh_login_step fh_login_answered(struct fh_login *l, const struct fh_item *items, size_t n);
enum fh_login_step fh_login_checked(struct fh_login *l, bool is_right);
/* Before fh_login_checked(): whoever checked allows no more than this. */
void fh_login_restrict(struct fh_login *l, uint32_t permissions);
/* permissions: the most that the person allows; FH_PERM_NONE: no. */
enum fh_login_step fh_login_approved(struct fh_login *l, uint32_t permissions);
void fh_login_wipe(struct fh_login *l);

#ifdef __cplusplus
}
#endif

#endif
