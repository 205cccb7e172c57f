/* SPDX-License-Identifier: MIT */
/* transport_version.h -- the version of libtransport; the file VERSION is the truth, make lint
 * compares. */
#ifndef FH_TRANSPORT_VERSION_H
#define FH_TRANSPORT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_TRANSPORT_VERSION "0.1.0"

/* The version of the archive that was linked: FH_TRANSPORT_VERSION when headers and archive agree.
 */
const char *fh_transport_version(void);

#ifdef __cplusplus
}
#endif

#endif
