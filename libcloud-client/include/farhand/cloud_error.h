/* SPDX-License-Identifier: MIT */
/*
 * cloud_error.h -- the errors of libcloud-client, -401 to -499.
 *
 * Every function of the library that can fail returns 0 or a count when it worked, and one of these
 * when it did not. The numbers are stable; the texts are for people and may change.
 */
#ifndef FH_CLOUD_ERROR_H
#define FH_CLOUD_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_CLOUD_ERRORS(X)                                                                         \
    X(INVAL, 401, "argument outside its documented range")                                         \
    X(RESOURCES, 402, "out of memory or file descriptors")                                         \
    X(SYSTEM, 403, "the operating system refused")                                                 \
    X(PROTO, 404, "the signalling does not make sense")                                            \
    X(STATE, 405, "not possible in this state")                                                    \
    X(NO_PATH, 406, "no path to the peer was found")                                               \
    X(TIMEOUT, 407, "timed out")                                                                   \
    X(RESET, 408, "the peer gave up")                                                              \
    X(CANCELLED, 409, "cancelled")                                                                 \
    X(CHECKSUM, 410, "mistyped: the checksum is wrong")                                            \
    X(AUTH, 411, "a signature or proof is not its key's")                                          \
    X(REFUSED, 412, "refused")                                                                     \
    X(BUSY, 413, "busy, or asked too often")                                                       \
    X(ABSENT, 414, "no such address, or it is not signed in")                                      \
    X(OFFLINE, 415, "there is no connection to the cloud")                                         \
    X(REPLACED, 416, "another sign-in with this address took over")                                \
    X(LOG, 417, "the log does not prove it")                                                       \
    X(FORK, 418, "the log shows two histories")

enum fh_cloud_error {
#define X(name, num, text) FH_CLOUD_E_##name = -(num),
    FH_CLOUD_ERRORS(X)
#undef X
};

/*
 * The text of an error of this library, in English, lower case, without a full stop.
 * Static, never NULL: 0 gives "success", any other number "unknown cloud error".
 */
const char *fh_cloud_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
