/* SPDX-License-Identifier: MIT */
/*
 * auth.h -- the vocabulary of authentication: methods, and the kinds of questions and answers that
 * travel while one runs. docs/protocol.md, "Authentication", has the bytes.
 */
#ifndef FH_AUTH_H
#define FH_AUTH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the first factor is proved. More questions may follow. */
#define FH_METHODS(X) X(PASSWORD, 1, "password") /* user and password, sent inside the channel */

enum fh_method {
#define X(name, num, text) FH_METHOD_##name = (num),
    FH_METHODS(X)
#undef X
};

/* What is asked and answered. 3 to 6 are reserved: PAKE step, one-time code, prompt, wait. */
enum fh_kind { FH_KIND_USER = 1, FH_KIND_PASSWORD = 2 };

#ifdef __cplusplus
}
#endif

#endif
