/* SPDX-License-Identifier: MIT */
/* text.h -- Latin-1 of RFB's cut texts, UTF-8 of everything else. Never installed. */
#ifndef FH_RFB_TEXT_H
#define FH_RFB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed by RFC 3629: nothing overlong, no surrogates, nothing above U+10FFFF. */
bool fh__utf8_is_valid(const char *text, size_t len);

/* Latin-1 to UTF-8, without its NULs. out: room for 2 * len. Returns the bytes written. */
size_t fh__latin1_to_utf8(const uint8_t *in, size_t len, char *out);

/* Valid UTF-8 to Latin-1, '?' for what that has not. out: room for len. Returns the bytes written.
 */
size_t fh__utf8_to_latin1(const char *in, size_t len, uint8_t *out);

/*
 * A name from anywhere to UTF-8 that can be shown: control characters become '?', bytes that are
 * not UTF-8 are read as Latin-1, and it is cut between characters to cap - 1 bytes and a NUL.
 * Returns its length.
 */
size_t fh__clean_name(const char *in, size_t len, char *out, size_t cap);

#endif
