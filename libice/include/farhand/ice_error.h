/* SPDX-License-Identifier: MIT */
/*
 * ice_error.h -- the errors of libice, -301 to -399.
 *
 * Every function of the library that can fail returns 0 or a count when it worked, and one of these
 * when it did not. The numbers are stable; the texts are for people and may change.
 */
#ifndef FH_ICE_ERROR_H
#define FH_ICE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_ICE_ERRORS(X)                                                                           \
    X(INVAL, 301, "argument outside its documented range")                                         \
    X(PROTO, 302, "peer broke the protocol")                                                       \
    X(AUTH, 303, "message integrity check failed")                                                 \
    X(LIMIT, 304, "a limit was reached")                                                           \
    X(ROOM, 305, "buffer is too small")                                                            \
    X(STATE, 306, "not possible in this state")                                                    \
    X(ADDRESS, 307, "address is not allowed")                                                      \
    X(UNSUPPORTED, 308, "kind of candidate that is not used here")                                 \
    X(FAILED, 309, "no path to the peer was found")                                                \
    X(LOST, 310, "the path to the peer was lost")                                                  \
    X(RESOURCES, 311, "out of memory or file descriptors")                                         \
    X(SYSTEM, 312, "the operating system refused")

enum fh_ice_error {
#define X(name, num, text) FH_ICE_E_##name = -(num),
    FH_ICE_ERRORS(X)
#undef X
};

/*
 * The text of an error of this library, in English, lower case, without a full stop.
 * Static, never NULL: 0 gives "success", any other number "unknown ice error".
 */
const char *fh_ice_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
