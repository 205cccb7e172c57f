/* SPDX-License-Identifier: MIT */
/* stun_internal.h -- what reading and building STUN messages share. Never installed. */
#ifndef FH_STUN_INTERNAL_H
#define FH_STUN_INTERNAL_H

#include <farhand/stun.h>

enum {
    FH__STUN_FINGERPRINT_ROOM = 8,
    FH__STUN_FINGERPRINT_XOR = 0x5354554e /* "STUN", so that it differs from a CRC of a payload */
};

/*
 * The MAC of the message before at, where an integrity attribute of mac_len bytes stands or will
 * stand: the length field counts as if the message ended after it (RFC 8489 14.5).
 * Returns 0 or nonzero as fh__hmac_*().
 */
int fh__stun_mac(const uint8_t *data, size_t at, size_t mac_len, enum fh_stun_integrity by,
                 const uint8_t *key, size_t key_len, uint8_t out[FH_STUN_SHA256_LEN]);

bool fh__stun_is_xored(uint16_t type);
/* RFC 8489 14.2; its own inverse. */
void fh__stun_xor(struct fh_ice_address *a, const uint8_t txid[FH_STUN_TXID_LEN]);

#endif
