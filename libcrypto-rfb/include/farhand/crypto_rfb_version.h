/* SPDX-License-Identifier: MIT */
/* crypto_rfb_version.h -- the version of libcrypto-rfb; the file VERSION is the truth, make lint
 * compares. */
#ifndef FH_CRYPTO_RFB_VERSION_H
#define FH_CRYPTO_RFB_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define FH_CRYPTO_RFB_VERSION "0.1.0"

/* The version of the archive that was linked: FH_CRYPTO_RFB_VERSION when headers and archive agree.
 */
const char *fh_crypto_rfb_version(void);

#ifdef __cplusplus
}
#endif

#endif
