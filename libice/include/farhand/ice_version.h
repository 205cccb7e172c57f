/* SPDX-License-Identifier: MIT */
/* ice_version.h -- the version of libice; the file VERSION is the truth, make lint
 * compares. */
#ifndef FH_ICE_VERSION_H
#define FH_ICE_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_ICE_VERSION "0.1.0"

/* The version of the archive that was linked: FH_ICE_VERSION when headers and archive agree.
 */
const char *fh_ice_version(void);

#ifdef __cplusplus
}
#endif

#endif
