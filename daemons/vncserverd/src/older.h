/* SPDX-License-Identifier: MIT */
/*
 * older.h -- what is offered to viewers that do not know the channel: from the configuration, for
 * an address. docs/adr/0021-older-viewers-in-the-process-split.md.
 */
#ifndef FH__OLDER_H
#define FH__OLDER_H

#include <farhand/address.h>
#include <farhand/older.h>

#include "config.h"

/* Reads "native, RA2_256, ..."; at most FH_OLDER_MAX types to out. NULL, or what was expected. */
const char *fh__older_parse(const char *text, uint16_t *out, size_t *n);
/*
 * Those that a viewer from there is offered. What anybody could read or change on the way, and what
 * asks for nothing, is offered to this machine alone, unless the configuration says otherwise.
 */
size_t fh__older_offered(const struct fh__config *cfg, const struct fh_address *peer,
                         uint16_t out[FH_OLDER_MAX]);
bool fh__older_needs(const struct fh__config *cfg, unsigned what); /* of enum fh_older_what */
/*
 * Whether the response is that of the password in the file: its first line, in clear. The file is
 * its owner's alone. An error is logged, and is a no.
 */
bool fh__older_check_response(const char *path, const uint8_t *challenge, const uint8_t *response);

#endif
