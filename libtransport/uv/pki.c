/* SPDX-License-Identifier: MIT */
#include "tls_internal.h" /* before any other of mbedTLS */

#include <farhand/pki.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>

#include <farhand/identity.h>

#include "internal.h"
#include "wr.h"

enum {
    SERIAL_LEN = 16,
    DATE_LEN = 15,
    SUBJECT_LEN = FH_PKI_NAME + 4,
    EXTENSION_LEN = 4096,
    DER_SEQUENCE = 0x30,
    DER_SAN_DNS = 0x82, /* RFC 5280 4.2.1.6: [2] IA5String, [7] OCTET STRING */
    DER_SAN_IP = 0x87
};

/* id-ce-cRLDistributionPoints, 2.5.29.31. */
#define CRL_POINTS_OID "\x55\x1d\x1f"

/* extKeyUsage { id-kp-serverAuth }, RFC 5280 4.2.1.12. */
static const uint8_t server_auth[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
                                      0x01, 0x05, 0x05, 0x07, 0x03, 0x01};

int fh_pki_key_new(char *out, size_t room)
{
    mbedtls_pk_context key;
    int ret;

    mbedtls_pk_init(&key);
    ret = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (ret == 0)
        ret =
            mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), fh__tls_random, NULL);
    if (ret != 0)
        ret = FH_TRANSPORT_E_RESOURCES;
    else if (mbedtls_pk_write_key_pem(&key, (unsigned char *)out, room) != 0)
        ret = FH_TRANSPORT_E_INVAL;
    mbedtls_pk_free(&key);
    return ret;
}

/* ---- what a certificate says ------------------------------------------------------------------
 */

static bool is_date(int64_t t)
{
    return t >= 0 && t <= INT64_C(253402300799); /* the last second of the year 9999 */
}

static void write_date(int64_t t, char out[DATE_LEN])
{
    time_t seconds = (time_t)t;
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out, DATE_LEN, "%Y%m%d%H%M%S", &tm);
}

static bool is_name(const char *name)
{
    size_t len = name ? strlen(name) : 0;

    return len > 0 && len <= FH_PKI_NAME &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._:-") ==
               len;
}

/* GeneralName. Returns false if text is neither an address nor a name. */
static bool write_san(struct wr *w, const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    struct fh_address ip;
    size_t len = strlen(text), star = text[0] == '*' ? 1 : 0;

    if (fh_address_parse_ip(text, len, &ip) == 0) {
        len = ip.family == FH_ADDRESS_IPV4 ? 4 : 16;
        wr_u8(w, DER_SAN_IP);
        wr_u8(w, (uint8_t)len);
        wr_bytes(w, ip.ip, len);
        return true;
    }
    /* RFC 1035 2.3.4: 253 characters; here what one byte of DER length tells. */
    if (len == 0 || len > 127 || strspn(text + star, allowed) != len - star)
        return false;
    wr_u8(w, DER_SAN_DNS);
    wr_u8(w, (uint8_t)len);
    wr_bytes(w, text, len);
    return true;
}

/* The bytes of a tag and its length: X.690 10.1, as few as there can be. */
static size_t head_len(size_t len)
{
    return len < 0x80 ? 2 : len < 0x100 ? 3 : 4;
}

static void put_head(struct wr *w, uint8_t tag, size_t len)
{
    wr_u8(w, tag);
    if (len >= 0x80)
        wr_u8(w, len < 0x100 ? 0x81 : 0x82);
    if (len >= 0x100)
        wr_u8(w, (uint8_t)(len >> 8));
    wr_u8(w, (uint8_t)len);
}

static int set_sans(mbedtls_x509write_cert *crt, const struct fh_pki_config *cfg)
{
    uint8_t names[EXTENSION_LEN - 4], all[EXTENSION_LEN];
    struct wr inner = wr_init(names, sizeof names), w = wr_init(all, sizeof all);

    for (size_t i = 0; i < cfg->sans_len; i++)
        if (!write_san(&inner, cfg->sans[i]))
            return FH_TRANSPORT_E_INVAL;
    put_head(&w, DER_SEQUENCE, inner.len);
    wr_bytes(&w, names, inner.len);
    if (inner.bad || w.bad)
        return FH_TRANSPORT_E_INVAL;
    return mbedtls_x509write_crt_set_extension(crt, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
                                               all, w.len);
}

/* CRLDistributionPoints of one, RFC 5280 4.2.1.13: SEQUENCE of SEQUENCE { [0] { [0] { [6] URI } }
 * }. */
static int set_crl_uri(mbedtls_x509write_cert *crt, const char *uri)
{
    static const uint8_t tags[] = {0x86, 0xa0, 0xa0, DER_SEQUENCE, DER_SEQUENCE};
    size_t len = strlen(uri), lens[sizeof tags] = {len};
    uint8_t all[FH_PKI_URI + 20];
    struct wr w = wr_init(all, sizeof all);

    if (len == 0 || len > FH_PKI_URI)
        return FH_TRANSPORT_E_INVAL;
    for (size_t i = 0; i < len; i++)
        if (uri[i] <= ' ' || uri[i] == 0x7f)
            return FH_TRANSPORT_E_INVAL;
    for (size_t i = 1; i < sizeof tags; i++)
        lens[i] = lens[i - 1] + head_len(lens[i - 1]);
    for (size_t i = sizeof tags; i-- > 0;)
        put_head(&w, tags[i], lens[i]);
    wr_bytes(&w, uri, len);
    return mbedtls_x509write_crt_set_extension(crt, CRL_POINTS_OID, sizeof CRL_POINTS_OID - 1, 0,
                                               all, w.len);
}

static int set_serial(mbedtls_x509write_cert *crt)
{
    uint8_t serial[SERIAL_LEN];
    int ret = fh__tls_random(NULL, serial, sizeof serial);
#if MBEDTLS_VERSION_NUMBER < 0x03040000
    mbedtls_mpi number;
#endif

    if (ret != 0)
        return ret;
    /* RFC 5280 4.1.2.2: positive, and not zero. */
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
#if MBEDTLS_VERSION_NUMBER < 0x03040000
    mbedtls_mpi_init(&number);
    ret = mbedtls_mpi_read_binary(&number, serial, sizeof serial);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_serial(crt, &number);
    mbedtls_mpi_free(&number);
    return ret;
#else
    return mbedtls_x509write_crt_set_serial_raw(crt, serial, sizeof serial);
#endif
}

static int set_usage(mbedtls_x509write_cert *crt, bool is_root)
{
    int ret = mbedtls_x509write_crt_set_basic_constraints(crt, is_root, is_root ? 1 : -1);

    if (ret == 0)
        ret = mbedtls_x509write_crt_set_key_usage(crt, is_root ? MBEDTLS_X509_KU_KEY_CERT_SIGN |
                                                                     MBEDTLS_X509_KU_CRL_SIGN
                                                               : MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
    if (ret == 0 && !is_root)
        ret = mbedtls_x509write_crt_set_extension(crt, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE),
                                                  0, server_auth, sizeof server_auth);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_subject_key_identifier(crt);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_authority_key_identifier(crt);
    return ret;
}

/* ---- writing one ------------------------------------------------------------------------------
 */

static int fill(mbedtls_x509write_cert *crt, const struct fh_pki_config *cfg, const char *issuer,
                bool is_root)
{
    char from[DATE_LEN], to[DATE_LEN], subject[SUBJECT_LEN] = "CN=";
    int ret;

    memcpy(subject + 3, cfg->name, strlen(cfg->name) + 1);
    write_date(cfg->not_before, from);
    write_date(cfg->not_after, to);
    mbedtls_x509write_crt_set_version(crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(crt, MBEDTLS_MD_SHA256);
    ret = mbedtls_x509write_crt_set_subject_name(crt, subject);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_issuer_name(crt, issuer ? issuer : subject);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_validity(crt, from, to);
    if (ret == 0)
        ret = set_serial(crt);
    if (ret == 0)
        ret = set_usage(crt, is_root);
    if (ret == 0 && cfg->sans_len > 0)
        ret = set_sans(crt, cfg);
    if (ret == 0 && cfg->crl_uri)
        ret = set_crl_uri(crt, cfg->crl_uri);
    return ret;
}

static int make(const struct fh_pki_config *cfg, mbedtls_pk_context *key,
                mbedtls_pk_context *issuer_key, const char *issuer, char *out, size_t room)
{
    mbedtls_x509write_cert crt;
    int ret;

    mbedtls_x509write_crt_init(&crt);
    mbedtls_x509write_crt_set_subject_key(&crt, key);
    mbedtls_x509write_crt_set_issuer_key(&crt, issuer_key);
    ret = fill(&crt, cfg, issuer, issuer == NULL);
    if (ret == 0)
        ret = mbedtls_x509write_crt_pem(&crt, (unsigned char *)out, room, fh__tls_random, NULL);
    mbedtls_x509write_crt_free(&crt);
    if (ret == 0 || ret == FH_TRANSPORT_E_INVAL)
        return ret;
    return ret == MBEDTLS_ERR_X509_ALLOC_FAILED ? FH_TRANSPORT_E_RESOURCES : FH_TRANSPORT_E_INVAL;
}

static bool is_valid(const struct fh_pki_config *cfg)
{
    return is_name(cfg->name) && cfg->sans_len <= FH_PKI_SANS && is_date(cfg->not_before) &&
           is_date(cfg->not_after) && cfg->not_before < cfg->not_after;
}

int fh_pki_root_new(const struct fh_pki_config *cfg, const char *key_pem, char *out, size_t room)
{
    mbedtls_pk_context key;
    int ret = FH_TRANSPORT_E_INVAL;

    mbedtls_pk_init(&key);
    if (is_valid(cfg) && cfg->sans_len == 0 && fh__tls_parse_key(&key, key_pem) == 0)
        ret = make(cfg, &key, &key, NULL, out, room);
    mbedtls_pk_free(&key);
    return ret;
}

/* The root's subject, in the form in which names are written. */
static int issuer_name(const mbedtls_x509_crt *root, char *out, size_t room)
{
    return mbedtls_x509_dn_gets(out, room, &root->subject) > 0 ? 0 : FH_TRANSPORT_E_INVAL;
}

int fh_pki_issue(const struct fh_pki_config *cfg, const char *key_pem, const char *root_pem,
                 const char *root_key_pem, char *out, size_t room)
{
    mbedtls_pk_context key, root_key;
    mbedtls_x509_crt root;
    char issuer[512];
    int ret = FH_TRANSPORT_E_INVAL;

    mbedtls_pk_init(&key);
    mbedtls_pk_init(&root_key);
    mbedtls_x509_crt_init(&root);
    if (!is_valid(cfg) || cfg->sans_len == 0 || fh__tls_parse_key(&key, key_pem) != 0 ||
        fh__tls_parse_key(&root_key, root_key_pem) != 0 ||
        fh__tls_parse_chain(&root, root_pem) != 0 || fh__tls_check_pair(&root.pk, &root_key) != 0)
        goto out;
    ret = issuer_name(&root, issuer, sizeof issuer);
    if (ret == 0)
        ret = make(cfg, &key, &root_key, issuer, out, room);
out:
    mbedtls_pk_free(&key);
    mbedtls_pk_free(&root_key);
    mbedtls_x509_crt_free(&root);
    return ret;
}

/* ---- reading one ------------------------------------------------------------------------------
 */

int fh_pki_pin(const char *cert_pem, struct fh_tls_pin *out)
{
    mbedtls_x509_crt crt;
    int ret = FH_TRANSPORT_E_INVAL;

    mbedtls_x509_crt_init(&crt);
    if (fh__tls_parse_chain(&crt, cert_pem) == 0 &&
        fh__tls_sha256(crt.pk_raw.p, crt.pk_raw.len, out->sha256) == 0)
        ret = 0;
    mbedtls_x509_crt_free(&crt);
    return ret;
}

int fh_pki_look(const char *cert_pem, uint8_t out_hash[FH_TLS_HASH_LEN], int64_t *not_before,
                int64_t *not_after)
{
    uint8_t hash[FH_TLS_HASH_LEN];
    mbedtls_x509_crt crt;
    int ret = FH_TRANSPORT_E_INVAL;

    mbedtls_x509_crt_init(&crt);
    if (fh__tls_parse_chain(&crt, cert_pem) == 0 &&
        fh__tls_sha256(crt.raw.p, crt.raw.len, hash) == 0) {
        ret = 0;
        if (out_hash)
            memcpy(out_hash, hash, sizeof hash);
        if (not_before)
            *not_before = fh__tls_unix_time(&crt.valid_from);
        if (not_after)
            *not_after = fh__tls_unix_time(&crt.valid_to);
    }
    mbedtls_x509_crt_free(&crt);
    return ret;
}

/* ---- files ------------------------------------------------------------------------------------
 */

static int write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        text += n;
        left -= (size_t)n;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

int fh_pki_save(const char *path, const char *text, unsigned mode)
{
    size_t len = strlen(path) + sizeof ".XXXXXX";
    char *temporary = malloc(len);
    int fd, err = 0;

    if (!temporary)
        return FH_TRANSPORT_E_RESOURCES;
    (void)snprintf(temporary, len, "%s.XXXXXX", path);
    fd = mkstemp(temporary); /* 0600 from the first moment on */
    if (fd < 0) {
        err = errno;
        free(temporary);
        return fh__tcp_error(err);
    }
    err = write_all(fd, text);
    if (err == 0 && fchmod(fd, (mode_t)mode) != 0)
        err = errno;
    if (close(fd) != 0 && err == 0)
        err = errno;
    if (err == 0 && rename(temporary, path) != 0)
        err = errno;
    if (err != 0)
        unlink(temporary);
    free(temporary);
    return err == 0 ? 0 : fh__tcp_error(err);
}
