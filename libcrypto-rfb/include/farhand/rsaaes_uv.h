/* SPDX-License-Identifier: MIT */
/* rsaaes_uv.h -- keys of RSA-AES in files, under the rules of identity_uv.h. */
#ifndef FH_RSAAES_UV_H
#define FH_RSAAES_UV_H

#include <farhand/rsaaes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As fh_identity_load(); a file with an identity is FH_CRYPTO_E_FORMAT. */
int fh_rsaaes_key_load(const char *path, struct fh_rsaaes_key **out);
/* As fh_identity_save(). */
int fh_rsaaes_key_save(const struct fh_rsaaes_key *k, const char *path);

#ifdef __cplusplus
}
#endif

#endif
