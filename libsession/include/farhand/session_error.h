/* SPDX-License-Identifier: MIT */
/* session_error.h -- the errors of libsession, -501 to -599. Zero and counts are success. */
#ifndef FH_SESSION_ERROR_H
#define FH_SESSION_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_SESSION_ERRORS(X)                                                                       \
    X(INVAL, 501, "argument outside its documented range")                                         \
    X(NOMEM, 502, "out of memory")                                                                 \
    X(PROTO, 503, "the peer broke the session protocol")                                           \
    X(STATE, 504, "not possible in this state")                                                    \
    X(AUTH, 505, "authentication failed or was refused")                                           \
    X(UNKNOWN, 506, "the server's identity is not known")                                          \
    X(CHANGED, 507, "the server's identity is not the one known")                                  \
    X(BUSY, 508, "too many connections or attempts; try again later")                              \
    X(FORMAT, 509, "a file is not in the expected form")                                           \
    X(IO, 510, "a file could not be read or written")                                              \
    X(MODE, 511, "a file is open to other users")                                                  \
    X(TIMEOUT, 512, "a deadline passed")                                                           \
    X(CLOSED, 513, "the session has ended")                                                        \
    X(LIMIT, 514, "more than a limit allows")                                                      \
    X(UNCONFIRMED, 515, "the server's identity is not confirmed, so the password stays here")      \
    X(IMPOSTOR, 516, "the server did not prove that it knows the password; it may be an impostor") \
    X(ROTATION, 520, "the server named another key, for which its keys do not vouch")              \
    X(UNCHECKED, 521, "the server's identity was not checked for this connection")                 \
    X(SWAPPED, 522, "the server's identity is not the one that the cloud named")                   \
    X(WEAK, 523, "the server has no security type that is strong enough")

enum fh_session_error {
#define X(name, num, text) FH_SESSION_E_##name = -(num),
    FH_SESSION_ERRORS(X)
#undef X
};

/* A sentence for an error of this library, in English, never NULL. */
const char *fh_session_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
