/* SPDX-License-Identifier: MIT */
/* tlsfile.h -- the certificate of TLS and its key in their files, for older viewers. */
#ifndef FH__TLSFILE_H
#define FH__TLSFILE_H

#include <stddef.h>

struct fh_pki_signer;

/*
 * Reads both, or makes both where both are missing: a key of RSA, and a certificate for the names
 * of this machine, with that of an issuer whose key is forgotten. *pem: to be freed. -1: why.
 */
int fh__tlsfile_open(const char *certificate, const char *key, char **pem,
                     struct fh_pki_signer **signer, char *why, size_t room);

#endif
