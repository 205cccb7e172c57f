/* SPDX-License-Identifier: MIT */
/* kex.c -- X25519 (RFC 7748) and, where libsodium has it, ML-KEM-768 (FIPS 203). */
#include "internal.h"

#include <sodium.h>

_Static_assert(crypto_scalarmult_curve25519_BYTES == FH__X25519_LEN, "X25519");

void fh__x25519_public(const uint8_t secret[FH__X25519_LEN], uint8_t out[FH__X25519_LEN])
{
    crypto_scalarmult_curve25519_base(out, secret);
}

int fh__x25519(const uint8_t secret[FH__X25519_LEN], const uint8_t peer[FH__X25519_LEN],
               uint8_t out[FH__X25519_LEN])
{
    /* Fails for the points of small order, and only those give zeros. */
    if (crypto_scalarmult_curve25519(out, secret, peer) != 0)
        return FH_CRYPTO_E_PROTO;
    return 0;
}

/*
 * FIPS 203 7.2, "modulus check": ek begins with 768 coefficients of 12 bits, little-endian, each
 * less than q = 3329. libsodium makes this check too; it must hold whatever the library.
 */
static bool ek_is_reduced(const uint8_t ek[FH__MLKEM_EK])
{
    for (size_t i = 0; i < 768 / 2 * 3; i += 3) {
        unsigned a = ek[i] | (ek[i + 1] & 0x0fu) << 8;
        unsigned b = ek[i + 1] >> 4 | (unsigned)ek[i + 2] << 4;

        if (a >= 3329 || b >= 3329)
            return false;
    }
    return true;
}

#ifdef crypto_kem_mlkem768_PUBLICKEYBYTES
_Static_assert(crypto_kem_mlkem768_PUBLICKEYBYTES == FH__MLKEM_EK, "ek");
_Static_assert(crypto_kem_mlkem768_SECRETKEYBYTES == FH__MLKEM_DK, "dk");
_Static_assert(crypto_kem_mlkem768_CIPHERTEXTBYTES == FH__MLKEM_CT, "ct");
_Static_assert(crypto_kem_mlkem768_SHAREDSECRETBYTES == FH__MLKEM_SS, "ss");

bool fh__mlkem_is_available(void)
{
    return true;
}

int fh__mlkem_keypair(const uint8_t seed[64], uint8_t ek[FH__MLKEM_EK], uint8_t dk[FH__MLKEM_DK])
{
    return crypto_kem_mlkem768_seed_keypair(ek, dk, seed) == 0 ? 0 : FH_CRYPTO_E_INTERNAL;
}

int fh__mlkem_encapsulate(const uint8_t ek[FH__MLKEM_EK], const uint8_t seed[32],
                          uint8_t ct[FH__MLKEM_CT], uint8_t ss[FH__MLKEM_SS])
{
    if (!ek_is_reduced(ek))
        return FH_CRYPTO_E_PROTO;
    return crypto_kem_mlkem768_enc_deterministic(ct, ss, ek, seed) == 0 ? 0 : FH_CRYPTO_E_INTERNAL;
}

int fh__mlkem_decapsulate(const uint8_t dk[FH__MLKEM_DK], const uint8_t ct[FH__MLKEM_CT],
                          uint8_t ss[FH__MLKEM_SS])
{
    return crypto_kem_mlkem768_dec(ss, ct, dk) == 0 ? 0 : FH_CRYPTO_E_INTERNAL;
}

#else

bool fh__mlkem_is_available(void)
{
    return false;
}

int fh__mlkem_keypair(const uint8_t seed[64], uint8_t ek[FH__MLKEM_EK], uint8_t dk[FH__MLKEM_DK])
{
    (void)seed;
    (void)ek;
    (void)dk;
    return FH_CRYPTO_E_INVAL;
}

int fh__mlkem_encapsulate(const uint8_t ek[FH__MLKEM_EK], const uint8_t seed[32],
                          uint8_t ct[FH__MLKEM_CT], uint8_t ss[FH__MLKEM_SS])
{
    (void)seed;
    (void)ct;
    (void)ss;
    return ek_is_reduced(ek) ? FH_CRYPTO_E_INVAL : FH_CRYPTO_E_PROTO;
}

int fh__mlkem_decapsulate(const uint8_t dk[FH__MLKEM_DK], const uint8_t ct[FH__MLKEM_CT],
                          uint8_t ss[FH__MLKEM_SS])
{
    (void)dk;
    (void)ct;
    (void)ss;
    return FH_CRYPTO_E_INVAL;
}
#endif
