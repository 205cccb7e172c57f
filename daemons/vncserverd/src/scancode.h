/* SPDX-License-Identifier: MIT */
/* scancode.h -- the keys of a PC keyboard by the scan codes of the QEMU key event of RFB. */
#ifndef FH__SCANCODE_H
#define FH__SCANCODE_H

#include <stdint.h>

/*
 * The XKB name (xkeyboard-config's: "AE01", "LCTL") of the key with this XT scan code. Codes with
 * the prefix e0 have bit 7 set (0x9d is e0 1d); 0xe01d is understood too. NULL: no such key.
 */
const char *fh__scancode_name(uint32_t xt);

#endif
