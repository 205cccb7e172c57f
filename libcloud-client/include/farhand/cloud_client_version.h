/* SPDX-License-Identifier: MIT */
/* cloud_client_version.h -- the version of libcloud-client; the file VERSION is the truth, make
 * lint compares. */
#ifndef FH_CLOUD_CLIENT_VERSION_H
#define FH_CLOUD_CLIENT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_CLOUD_CLIENT_VERSION "0.1.0"

/* The version of the archive that was linked: FH_CLOUD_CLIENT_VERSION when headers and archive
 * agree. */
const char *fh_cloud_client_version(void);

#ifdef __cplusplus
}
#endif

#endif
