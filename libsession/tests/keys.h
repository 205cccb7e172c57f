/* SPDX-License-Identifier: MIT */
/* keys.h -- public keys of the accepted form that no one holds the other half of. */
#ifndef FH_SESSION_TEST_KEYS_H
#define FH_SESSION_TEST_KEYS_H

#include <stdint.h>
#include <string.h>

enum { TEST_SPKI_LEN = 294 };

static inline void test_spki(uint8_t seed, uint8_t out[TEST_SPKI_LEN])
{
    static const uint8_t head[] = {0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a,
                                   0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
                                   0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01,
                                   0x0a, 0x02, 0x82, 0x01, 0x01, 0x00};
    static const uint8_t tail[] = {0x02, 0x03, 0x01, 0x00, 0x01};

    memcpy(out, head, sizeof head);
    for (size_t i = 0; i < 256; i++)
        out[sizeof head + i] = (uint8_t)(seed * 31 + i * 7 + 3);
    out[sizeof head] = 0xc0;
    out[sizeof head + 255] |= 1;
    memcpy(out + sizeof head + 256, tail, sizeof tail);
}

#endif
