/* SPDX-License-Identifier: MIT */
/* session_version.h -- the version of libsession; the file VERSION is the truth, make lint
 * compares. */
#ifndef FH_SESSION_VERSION_H
#define FH_SESSION_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_SESSION_VERSION "0.1.0"

/* The version of the archive that was linked: FH_SESSION_VERSION when headers and archive agree. */
const char *fh_session_version(void);

#ifdef __cplusplus
}
#endif

#endif
