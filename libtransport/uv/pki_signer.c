/* SPDX-License-Identifier: MIT */
/* pki_signer.c -- keys of RSA, for servers of TLS that have their key in another process. */
#include "tls_internal.h" /* before any other of mbedTLS */

#include <stdlib.h>

#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>

#include <farhand/pki.h>

enum { RSA_BITS = 2048, RSA_E = 65537 };

struct fh_pki_signer {
    mbedtls_pk_context key;
};

int fh_pki_rsa_key_new(char *out, size_t room)
{
    mbedtls_pk_context key;
    int ret;

    mbedtls_pk_init(&key);
    ret = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA));
    if (ret == 0)
        ret = mbedtls_rsa_gen_key(mbedtls_pk_rsa(key), fh__tls_random, NULL, RSA_BITS, RSA_E);
    if (ret != 0)
        ret = FH_TRANSPORT_E_RESOURCES;
    else if (mbedtls_pk_write_key_pem(&key, (unsigned char *)out, room) != 0)
        ret = FH_TRANSPORT_E_INVAL;
    mbedtls_pk_free(&key);
    return ret;
}

int fh_pki_signer_new(const char *cert_pem, const char *key_pem, struct fh_pki_signer **out)
{
    struct fh_pki_signer *s = calloc(1, sizeof *s);
    mbedtls_x509_crt chain;
    int ret = FH_TRANSPORT_E_INVAL;

    if (!s)
        return FH_TRANSPORT_E_RESOURCES;
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&s->key);
    if (fh__tls_parse_chain(&chain, cert_pem) == 0 && fh__tls_parse_key(&s->key, key_pem) == 0 &&
        mbedtls_pk_can_do(&s->key, MBEDTLS_PK_RSA) && fh__tls_check_pair(&chain.pk, &s->key) == 0)
        ret = 0;
    mbedtls_x509_crt_free(&chain);
    if (ret != 0) {
        fh_pki_signer_free(s);
        return ret;
    }
    *out = s;
    return 0;
}

void fh_pki_signer_free(struct fh_pki_signer *s)
{
    if (s)
        mbedtls_pk_free(&s->key);
    free(s);
}

size_t fh_pki_signer_len(const struct fh_pki_signer *s)
{
    return mbedtls_pk_get_len(&s->key);
}

/* By its length: a caller can have nothing else signed in its place. */
static mbedtls_md_type_t type_of(size_t hash_len)
{
    return hash_len == 32   ? MBEDTLS_MD_SHA256
           : hash_len == 48 ? MBEDTLS_MD_SHA384
           : hash_len == 64 ? MBEDTLS_MD_SHA512
                            : MBEDTLS_MD_NONE;
}

int fh_pki_signer_sign(struct fh_pki_signer *s, const uint8_t *hash, size_t hash_len, uint8_t *sig,
                       size_t sig_len)
{
    size_t len = 0;
    int ret;

    if (type_of(hash_len) == MBEDTLS_MD_NONE || sig_len != mbedtls_pk_get_len(&s->key))
        return FH_TRANSPORT_E_INVAL;
#if MBEDTLS_VERSION_MAJOR < 3
    ret = mbedtls_pk_sign(&s->key, type_of(hash_len), hash, hash_len, sig, &len, fh__tls_random,
                          NULL);
#else
    ret = mbedtls_pk_sign(&s->key, type_of(hash_len), hash, hash_len, sig, sig_len, &len,
                          fh__tls_random, NULL);
#endif
    return ret == 0 && len == sig_len ? 0 : FH_TRANSPORT_E_INVAL;
}
