/* SPDX-License-Identifier: MIT */
/* A list of certificates taken back, which mbedTLS reads but does not write (RFC 5280 section 5).
 */
#include "tls_internal.h" /* before any other of mbedTLS */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <mbedtls/asn1write.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>

#include <farhand/pki.h>

enum {
    SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE,
    EXTENSIONS = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0,
    KEY_ID = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 0,
    HASH_LEN = 32,
    KEY_ID_LEN = 20,
    LIST_LEN = 6144,
    UTC_UNTIL = 2050 /* RFC 5280 4.1.2.5 */
};

/* DER is written from its end to its beginning, as mbedTLS does; the error is sticky. */
struct back {
    unsigned char *start, *at;
    int error;
};

static size_t before(const struct back *b, const unsigned char *end)
{
    return (size_t)(end - b->at);
}

static void note(struct back *b, int ret)
{
    if (ret < 0 && b->error == 0)
        b->error = ret;
}

static void put(struct back *b, const unsigned char *data, size_t len)
{
    if (b->error == 0)
        note(b, mbedtls_asn1_write_raw_buffer(&b->at, b->start, data, len));
}

/* Head of all that stands from `at` to end. */
static void wrap(struct back *b, const unsigned char *end, unsigned char tag)
{
    if (b->error == 0)
        note(b, mbedtls_asn1_write_len(&b->at, b->start, before(b, end)));
    if (b->error == 0)
        note(b, mbedtls_asn1_write_tag(&b->at, b->start, tag));
}

static void put_oid(struct back *b, const char *oid, size_t len)
{
    unsigned char *end = b->at;

    put(b, (const unsigned char *)oid, len);
    wrap(b, end, MBEDTLS_ASN1_OID);
}

static void put_algorithm(struct back *b)
{
    unsigned char *end = b->at;

    put_oid(b, MBEDTLS_OID_ECDSA_SHA256, MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA256));
    wrap(b, end, SEQUENCE);
}

static void put_date(struct back *b, int64_t t)
{
    unsigned char *end = b->at;
    time_t seconds = (time_t)t;
    char text[20];
    struct tm tm;
    bool is_short;

    gmtime_r(&seconds, &tm);
    is_short = tm.tm_year + 1900 < UTC_UNTIL;
    strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
    put(b, (const unsigned char *)text + (is_short ? 2 : 0), strlen(text) - (is_short ? 2 : 0));
    wrap(b, end, is_short ? MBEDTLS_ASN1_UTC_TIME : MBEDTLS_ASN1_GENERALIZED_TIME);
}

/* Extension: OID and, in an octet string, what stands from `at` to end. */
static void wrap_extension(struct back *b, const unsigned char *end, const char *oid, size_t len)
{
    wrap(b, end, MBEDTLS_ASN1_OCTET_STRING);
    put_oid(b, oid, len);
    wrap(b, end, SEQUENCE);
}

/* RFC 5280 4.2.1.2 (1), as mbedTLS makes it: SHA-1 of the key's bits. */
static int find_key_id(mbedtls_pk_context *key, unsigned char out[KEY_ID_LEN])
{
    unsigned char bits[1024], *at = bits + sizeof bits;
    int len = mbedtls_pk_write_pubkey(&at, bits, key);

    if (len < 0)
        return len;
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA1), at, (size_t)len, out);
}

static void put_extensions(struct back *b, mbedtls_pk_context *key, int64_t number)
{
    unsigned char *all = b->at, *end = b->at, id[KEY_ID_LEN], digits[9] = {0};
    size_t skip = 0;

    for (int i = 0; i < 8; i++)
        digits[1 + i] = (unsigned char)((uint64_t)number >> (56 - 8 * i));
    /* X.690 8.3.2: one zero before a number whose first bit is set, else none. */
    while (skip + 1 < sizeof digits && digits[skip] == 0 && digits[skip + 1] < 0x80)
        skip++;
    put(b, digits + skip, sizeof digits - skip);
    wrap(b, end, MBEDTLS_ASN1_INTEGER);
    wrap_extension(b, end, "\x55\x1d\x14", 3); /* id-ce-cRLNumber */
    end = b->at;
    note(b, find_key_id(key, id));
    put(b, id, sizeof id);
    wrap(b, end, KEY_ID);
    wrap(b, end, SEQUENCE);
    wrap_extension(b, end, "\x55\x1d\x23", 3); /* id-ce-authorityKeyIdentifier */
    wrap(b, all, SEQUENCE);
    wrap(b, all, EXTENSIONS);
}

static void put_revoked(struct back *b, const char *const *pem, size_t len, int64_t when)
{
    unsigned char *all = b->at;
    mbedtls_x509_crt crt;

    for (size_t i = 0; i < len && b->error == 0; i++) {
        unsigned char *end = b->at;

        mbedtls_x509_crt_init(&crt);
        note(b, fh__tls_parse_chain(&crt, pem[i]) == 0 ? 0 : MBEDTLS_ERR_X509_BAD_INPUT_DATA);
        put_date(b, when);
        if (b->error == 0) {
            unsigned char *serial_end = b->at;

            put(b, crt.serial.p, crt.serial.len);
            wrap(b, serial_end, MBEDTLS_ASN1_INTEGER);
        }
        wrap(b, end, SEQUENCE);
        mbedtls_x509_crt_free(&crt);
    }
    if (len > 0)
        wrap(b, all, SEQUENCE);
}

/* A tail of `list`: TBSCertList. */
static void put_list(struct back *b, const mbedtls_x509_crt *root, mbedtls_pk_context *key,
                     int64_t this_update, int64_t next_update, const char *const *revoked,
                     size_t revoked_len)
{
    static const unsigned char version_2[] = {MBEDTLS_ASN1_INTEGER, 1, 1};
    unsigned char *end = b->at;

    put_extensions(b, key, this_update);
    put_revoked(b, revoked, revoked_len, this_update);
    put_date(b, next_update);
    put_date(b, this_update);
    put(b, root->subject_raw.p, root->subject_raw.len);
    put_algorithm(b);
    put(b, version_2, sizeof version_2);
    wrap(b, end, SEQUENCE);
}

static int sign(mbedtls_pk_context *key, const unsigned char *data, size_t len, unsigned char *out,
                size_t room, size_t *out_len)
{
    uint8_t hash[HASH_LEN];
    int ret = fh__tls_sha256(data, len, hash);

    if (ret != 0)
        return ret;
#if MBEDTLS_VERSION_MAJOR < 3
    (void)room;
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, sizeof hash, out, out_len, fh__tls_random,
                           NULL);
#else
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, sizeof hash, out, room, out_len,
                           fh__tls_random, NULL);
#endif
}

/* CertificateList: the list, the algorithm, BIT STRING of the signature. */
static int write_signed(mbedtls_pk_context *key, const unsigned char *list, size_t list_len,
                        uint8_t *out, size_t room)
{
    unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE], all[LIST_LEN + 512];
    struct back b = {.start = all, .at = all + sizeof all};
    const unsigned char none = 0;
    unsigned char *end = b.at;
    size_t len = 0;

    if (sign(key, list, list_len, signature, sizeof signature, &len) != 0)
        return FH_TRANSPORT_E_RESOURCES;
    put(&b, signature, len);
    put(&b, &none, 1);
    wrap(&b, end, MBEDTLS_ASN1_BIT_STRING);
    put_algorithm(&b);
    put(&b, list, list_len);
    wrap(&b, end, SEQUENCE);
    if (b.error || before(&b, end) > room)
        return FH_TRANSPORT_E_INVAL;
    memcpy(out, b.at, before(&b, end));
    return (int)before(&b, end);
}

int fh_pki_crl_new(const char *root_pem, const char *root_key_pem, int64_t this_update,
                   int64_t next_update, const char *const *revoked, size_t revoked_len,
                   uint8_t *out, size_t room)
{
    unsigned char list[LIST_LEN];
    struct back b = {.start = list, .at = list + sizeof list};
    mbedtls_pk_context key;
    mbedtls_x509_crt root;
    int ret = FH_TRANSPORT_E_INVAL;

    mbedtls_pk_init(&key);
    mbedtls_x509_crt_init(&root);
    if (this_update < 0 || next_update <= this_update || next_update > INT64_C(253402300799) ||
        revoked_len > FH_PKI_REVOKED || fh__tls_parse_chain(&root, root_pem) != 0 ||
        fh__tls_parse_key(&key, root_key_pem) != 0 || fh__tls_check_pair(&root.pk, &key) != 0 ||
        !mbedtls_pk_can_do(&key, MBEDTLS_PK_ECDSA))
        goto out;
    put_list(&b, &root, &key, this_update, next_update, revoked, revoked_len);
    if (b.error == 0)
        ret = write_signed(&key, b.at, before(&b, list + sizeof list), out, room);
out:
    mbedtls_pk_free(&key);
    mbedtls_x509_crt_free(&root);
    return ret;
}
