/* SPDX-License-Identifier: MIT */
/*
 * transport_error.h -- the errors of libtransport, -201 to -299.
 *
 * Every function of the library that can fail returns 0 or a count when it worked, and one of these
 * when it did not. The numbers are stable; the texts are for people and may change.
 */
#ifndef FH_TRANSPORT_ERROR_H
#define FH_TRANSPORT_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_TRANSPORT_ERRORS(X)                                                                     \
    X(INVAL, 201, "argument outside its documented range")                                         \
    X(RESOURCES, 202, "out of memory or file descriptors")                                         \
    X(ADDRESS, 203, "address cannot be understood")                                                \
    X(RESOLVE, 204, "host name cannot be resolved")                                                \
    X(REFUSED, 205, "connection refused")                                                          \
    X(UNREACHABLE, 206, "no way to that address")                                                  \
    X(TIMEOUT, 207, "timed out")                                                                   \
    X(RESET, 208, "connection was cut")                                                            \
    X(CANCELLED, 209, "cancelled")                                                                 \
    X(IN_USE, 210, "address is in use")                                                            \
    X(DENIED, 211, "permission denied")                                                            \
    X(CLOSED, 212, "our side was ended before")                                                    \
    X(SYSTEM, 213, "the operating system refused")                                                 \
    X(PROTO, 220, "the peer broke the protocol")                                                   \
    X(NO_LINK, 221, "the server does not let a session be resumed")                                \
    X(PROOF, 222, "it was not proved that the session is the peer's")                              \
    X(IDENTITY, 223, "the peer did not prove who it is")

enum fh_transport_error {
#define X(name, num, text) FH_TRANSPORT_E_##name = -(num),
    FH_TRANSPORT_ERRORS(X)
#undef X
};

/*
 * The text of an error of this library, in English, lower case, without a full stop.
 * Static, never NULL: 0 gives "success", any other number "unknown transport error".
 */
const char *fh_transport_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
