/* SPDX-License-Identifier: MIT */
/*
 * vncauth.h -- "VNC Authentication", security type 2 of RFB (RFC 6143 7.2.2), for peers that have
 * nothing else.
 *
 * It is weak, whatever is done here: the key is a DES key made of the first eight characters of the
 * password, so that who hears a challenge and its response finds the password in hours; the server
 * needs the password itself; and nothing that follows is protected. Use it inside another
 * protection, or not at all.
 *
 *     fh_vncauth_response()   the viewer's answer to a challenge
 *     fh_vncauth_check()      the server's judgement of one
 *
 * The challenge is 16 random bytes, good for one connection. No state, any thread.
 */
#ifndef FH_VNCAUTH_H
#define FH_VNCAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/crypto_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_VNCAUTH_LEN = 16,        /* bytes of a challenge, and of a response */
    FH_VNCAUTH_PASSWORD_MAX = 8 /* bytes of a password that count */
};

/* password: borrowed; what is behind its first eight bytes has no effect. FH_CRYPTO_E_INTERNAL. */
int fh_vncauth_response(const char *password, size_t password_len,
                        const uint8_t challenge[FH_VNCAUTH_LEN], uint8_t out[FH_VNCAUTH_LEN]);

/*
 * 0; FH_CRYPTO_E_AUTH if the response is another's, or the password is empty: that would let in who
 * knows that nobody has set one. Takes as long whatever is wrong.
 */
int fh_vncauth_check(const char *password, size_t password_len,
                     const uint8_t challenge[FH_VNCAUTH_LEN],
                     const uint8_t response[FH_VNCAUTH_LEN]);

#ifdef __cplusplus
}
#endif

#endif
