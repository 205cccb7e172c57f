/* SPDX-License-Identifier: MIT */
/* crypto_error.h -- the errors of libcrypto-rfb, -101 to -199. Zero and counts are success. */
#ifndef FH_CRYPTO_ERROR_H
#define FH_CRYPTO_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_CRYPTO_ERRORS(X)                                                                        \
    X(INVAL, 101, "argument outside its documented range")                                         \
    X(NOMEM, 102, "out of memory")                                                                 \
    X(KEY, 103, "not an RSA key of an accepted form")                                              \
    X(AUTH, 104, "authentication of data failed")                                                  \
    X(PROTO, 105, "the peer broke the protocol")                                                   \
    X(TRUNCATED, 106, "the stream ended without an authenticated close")                           \
    X(VERSION, 107, "the peer speaks another version of the protocol")                             \
    X(REFUSED, 108, "the peer refused before identifying itself")                                  \
    X(CLOSED, 109, "the channel is closed")                                                        \
    X(TIMEOUT, 110, "a deadline passed")                                                           \
    X(IO, 111, "a file could not be read or written")                                              \
    X(EXISTS, 112, "the file exists already")                                                      \
    X(MODE, 113, "the file is open to other users")                                                \
    X(FORMAT, 114, "the file or text is not in the expected form")                                 \
    X(INTERNAL, 115, "a cryptographic primitive failed")

enum fh_crypto_error {
#define X(name, num, text) FH_CRYPTO_E_##name = -(num),
    FH_CRYPTO_ERRORS(X)
#undef X
};

/* A sentence for an error of this library, in English, never NULL. */
const char *fh_crypto_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
