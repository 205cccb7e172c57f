/* SPDX-License-Identifier: MIT */
/* rfb_error.h -- the errors of librfb, -601 to -699. Zero and counts are success. */
#ifndef FH_RFB_ERROR_H
#define FH_RFB_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_RFB_ERRORS(X)                                                                           \
    X(INVAL, 601, "argument outside its documented range")                                         \
    X(NOMEM, 602, "out of memory")                                                                 \
    X(PROTO, 603, "the peer broke the RFB protocol")                                               \
    X(LIMIT, 604, "the peer asked for more than a limit allows")                                   \
    X(DATA, 605, "encoded picture data is damaged")                                                \
    X(ENCODING, 606, "an encoding that was not asked for")                                         \
    X(STATE, 607, "not possible in this state")                                                    \
    X(INTERNAL, 608, "a compression library failed")

enum fh_rfb_error {
#define X(name, num, text) FH_RFB_E_##name = -(num),
    FH_RFB_ERRORS(X)
#undef X
};

/* A sentence for an error of this library, in English, never NULL. */
const char *fh_rfb_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
