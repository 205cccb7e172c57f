/* SPDX-License-Identifier: MIT */
/*
 * identity.c -- RSA identities: generation, PKCS#8 and SPKI in their one form, RSA-PSS.
 *
 * mbedTLS computes; the encodings are written and read here, because each has exactly one
 * accepted form: what is read is encoded again and compared as bytes.
 */
#include "internal.h"

#include <string.h>

#include <mbedtls/rsa.h>
#include <mbedtls/version.h>
#include <sodium.h>

#include "rd.h"
#include "wr.h"

enum {
    E_VALUE = 65537,
    SALT_LEN = 32,
    SPKI_HEAD = 33, /* all before the modulus */
    DER_HEAD = 33,  /* all before the numbers of a PKCS#8 key */
    PKCS1_AT = 26,  /* where the PKCS#1 key in it begins */
    DER_MAX = 2400  /* at most 2 377 bytes for 4096 bits */
};

/* RFC 3447 A.1, RFC 5280 4.1.1.2: rsaEncryption with NULL parameters. */
static const uint8_t algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                    0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
static const uint8_t e_der[] = {0x02, 0x03, 0x01, 0x00, 0x01};

struct pem_form {
    const char *begin, *end;
    size_t skip; /* bytes of a PKCS#8 key that this form does not have */
};

static const struct pem_form pkcs8_form = {"-----BEGIN PRIVATE KEY-----\n",
                                           "-----END PRIVATE KEY-----\n", 0};
static const struct pem_form pkcs1_form = {"-----BEGIN RSA PRIVATE KEY-----\n",
                                           "-----END RSA PRIVATE KEY-----\n", PKCS1_AT};

struct fh_identity {
    mbedtls_rsa_context rsa; /* its numbers live on mbedTLS' heap */
    unsigned bits;
    size_t spki_len;
    uint8_t spki[FH_SPKI_MAX];
};

struct random {
    fh_random_fn fn;
    void *user;
};

static int random_adapter(void *ctx, unsigned char *out, size_t len)
{
    struct random *r = ctx;

    r->fn(r->user, out, len);
    return 0;
}

/* Errors of mbedTLS are a high and a low number added; the low one is below 0x80. */
static int error_of(int ret, int otherwise)
{
    if (ret == 0)
        return 0;
    return (-ret & 0x7f) == -MBEDTLS_ERR_MPI_ALLOC_FAILED ? FH_CRYPTO_E_NOMEM : otherwise;
}

static bool is_accepted_size(size_t bits)
{
    return bits == 2048 || bits == 3072 || bits == 4096;
}

static void rsa_init(mbedtls_rsa_context *rsa)
{
#if MBEDTLS_VERSION_MAJOR < 3
    mbedtls_rsa_init(rsa, MBEDTLS_RSA_PKCS_V21, MBEDTLS_MD_SHA256);
#else
    mbedtls_rsa_init(rsa);
    (void)mbedtls_rsa_set_padding(rsa, MBEDTLS_RSA_PKCS_V21, MBEDTLS_MD_SHA256);
#endif
}

/* ---- SPKI ----------------------------------------------------------------------------------- */

/*
 * 30 82 LL LL  30 0d 06 09 2a 86 48 86 f7 0d 01 01 01 05 00  03 82 LL LL 00
 * 30 82 LL LL  02 82 LL LL 00 || N || 02 03 01 00 01
 */
static void write_spki_head(struct wr *w, size_t n_len)
{
    wr_u16(w, 0x3082);
    wr_u16(w, (uint16_t)(n_len + 34));
    wr_bytes(w, algorithm, sizeof algorithm);
    wr_u16(w, 0x0382);
    wr_u16(w, (uint16_t)(n_len + 15));
    wr_u8(w, 0);
    wr_u16(w, 0x3082);
    wr_u16(w, (uint16_t)(n_len + 10));
    wr_u16(w, 0x0282);
    wr_u16(w, (uint16_t)(n_len + 1));
    wr_u8(w, 0);
}

static size_t spki_n_len(size_t len)
{
    return len - SPKI_HEAD - sizeof e_der;
}

int fh__spki_check(const uint8_t *spki, size_t len, unsigned *bits)
{
    uint8_t head[SPKI_HEAD];
    struct wr w = wr_init(head, sizeof head);
    const uint8_t *n;
    size_t n_len;

    if (len < SPKI_HEAD + sizeof e_der || len > FH_SPKI_MAX)
        return FH_CRYPTO_E_KEY;
    n_len = spki_n_len(len);
    n = spki + SPKI_HEAD;
    write_spki_head(&w, n_len);
    if (!is_accepted_size(n_len * 8) || memcmp(spki, head, sizeof head) != 0 ||
        memcmp(n + n_len, e_der, sizeof e_der) != 0)
        return FH_CRYPTO_E_KEY;
    if ((n[0] & 0x80) == 0 || (n[n_len - 1] & 1) == 0)
        return FH_CRYPTO_E_KEY;
    *bits = (unsigned)(n_len * 8);
    return 0;
}

int fh_identity_check_spki(const uint8_t *spki, size_t len, unsigned *bits)
{
    unsigned found;
    int ret = fh__spki_check(spki, len, &found);

    if (ret == 0 && bits)
        *bits = found;
    return ret;
}

/* Fills id->spki and id->bits from the modulus. */
static int take_public(struct fh_identity *id)
{
    size_t n_len = mbedtls_rsa_get_len(&id->rsa);
    struct wr w = wr_init(id->spki, sizeof id->spki);
    uint8_t *n;
    int ret;

    if (!is_accepted_size(n_len * 8))
        return FH_CRYPTO_E_KEY;
    write_spki_head(&w, n_len);
    n = wr_room(&w, n_len);
    ret = mbedtls_rsa_export_raw(&id->rsa, n, n_len, NULL, 0, NULL, 0, NULL, 0, NULL, 0);
    if (ret != 0)
        return error_of(ret, FH_CRYPTO_E_INTERNAL);
    wr_bytes(&w, e_der, sizeof e_der);
    id->spki_len = w.len;
    return fh__spki_check(id->spki, id->spki_len, &id->bits);
}

/* ---- PKCS#8 --------------------------------------------------------------------------------- */

/* RSAPrivateKey after its version, RFC 8017 A.1.2. */
enum number { N, E, D, P, Q, DP, DQ, QP, NUMBERS };

static void der_write_length(struct wr *w, size_t len)
{
    if (len >= 256) {
        wr_u8(w, 0x82);
        wr_u16(w, (uint16_t)len);
    } else {
        if (len >= 128)
            wr_u8(w, 0x81);
        wr_u8(w, (uint8_t)len);
    }
}

static int der_write_number(struct wr *w, const mbedtls_mpi *m)
{
    size_t len = mbedtls_mpi_size(m);
    size_t pad = mbedtls_mpi_bitlen(m) % 8 == 0; /* else it would be negative */
    uint8_t *p;

    wr_u8(w, 0x02);
    der_write_length(w, len + pad);
    wr_zeros(w, pad);
    p = wr_room(w, len);
    return p ? mbedtls_mpi_write_binary(m, p, len) : MBEDTLS_ERR_MPI_BUFFER_TOO_SMALL;
}

/* INTEGER: its bytes without leading zeros, borrowed. */
static struct rd der_read_number(struct rd *r)
{
    struct rd v;
    size_t len;

    if (rd_u8(r) != 0x02)
        r->bad = true;
    len = rd_u8(r);
    if (len == 0x81)
        len = rd_u8(r);
    else if (len == 0x82)
        len = rd_u16(r);
    else if (len >= 0x80)
        r->bad = true;
    v = rd_sub(r, len);
    while (v.left > 0 && v.p[0] == 0)
        rd_skip(&v, 1);
    return v;
}

/*
 * PrivateKeyInfo, RFC 5208 5:
 * 30 82 LL LL  02 01 00  algorithm  04 82 LL LL  30 82 LL LL  02 01 00  numbers
 */
static void put_u16(uint8_t *out, size_t v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

static void write_pkcs8_head(uint8_t *out, size_t numbers_len)
{
    static const uint8_t outer[] = {0x30, 0x82, 0, 0, 0x02, 0x01, 0x00};
    static const uint8_t inner[] = {0x04, 0x82, 0, 0, 0x30, 0x82, 0, 0, 0x02, 0x01, 0x00};

    memcpy(out, outer, sizeof outer);
    memcpy(out + 7, algorithm, sizeof algorithm);
    memcpy(out + 22, inner, sizeof inner);
    put_u16(out + 2, numbers_len + DER_HEAD - 4);
    put_u16(out + 24, numbers_len + 7);
    put_u16(out + 28, numbers_len + 3);
}

static int write_pkcs8(const mbedtls_rsa_context *rsa, uint8_t *out, size_t *out_len)
{
    mbedtls_mpi m[NUMBERS];
    struct wr w = wr_init(out + DER_HEAD, DER_MAX - DER_HEAD);
    int ret;

    for (int i = 0; i < NUMBERS; i++)
        mbedtls_mpi_init(&m[i]);
    ret = mbedtls_rsa_export(rsa, &m[N], &m[P], &m[Q], &m[D], &m[E]);
    if (ret == 0)
        ret = mbedtls_rsa_export_crt(rsa, &m[DP], &m[DQ], &m[QP]);
    for (int i = 0; ret == 0 && i < NUMBERS; i++)
        ret = der_write_number(&w, &m[i]);
    write_pkcs8_head(out, w.len);
    *out_len = DER_HEAD + w.len;
    for (int i = 0; i < NUMBERS; i++)
        mbedtls_mpi_free(&m[i]); /* wipes, too */
    return error_of(ret, FH_CRYPTO_E_KEY);
}

/* SEQUENCE or OCTET STRING that fills the rest of r. */
static void der_enter(struct rd *r, uint8_t tag)
{
    if (rd_u8(r) != tag || rd_u8(r) != 0x82 || rd_u16(r) != r->left)
        r->bad = true;
}

static int read_pkcs8(const uint8_t *der, size_t len, struct rd m[NUMBERS])
{
    struct rd r = rd_init(der, len);
    const uint8_t *alg;

    if (len < 2 || der[0] != 0x30)
        return FH_CRYPTO_E_FORMAT;
    if (der[1] != 0x82) /* a well-formed key of another kind is shorter */
        return FH_CRYPTO_E_KEY;
    der_enter(&r, 0x30);
    if (rd_u24(&r) != 0x020100 || r.bad)
        return FH_CRYPTO_E_FORMAT;
    alg = rd_bytes(&r, sizeof algorithm);
    if (!alg || memcmp(alg, algorithm, sizeof algorithm) != 0)
        return FH_CRYPTO_E_KEY;
    der_enter(&r, 0x04);
    der_enter(&r, 0x30);
    if (rd_u24(&r) != 0x020100)
        r.bad = true;
    for (int i = 0; i < NUMBERS; i++)
        m[i] = der_read_number(&r);
    return rd_is_done(&r) ? 0 : FH_CRYPTO_E_FORMAT;
}

/*
 * The numbers become a key only if they are consistent, and its encoding is the one that was read:
 * this checks the factors of the Chinese remainder theorem and the form, too.
 */
static int take_private(struct fh_identity *id, const uint8_t *der, size_t len)
{
    mbedtls_rsa_context *rsa = &id->rsa;
    struct rd m[NUMBERS];
    uint8_t *again;
    size_t again_len;
    int ret = read_pkcs8(der, len, m);

    if (ret != 0)
        return ret;
    if (!is_accepted_size(m[N].left * 8) || m[P].left > m[N].left / 2 ||
        m[Q].left > m[N].left / 2 || m[E].left != 3 || memcmp(m[E].p, e_der + 2, 3) != 0)
        return FH_CRYPTO_E_KEY;
    again = fh__guarded_new(DER_MAX);
    if (!again)
        return FH_CRYPTO_E_NOMEM;
    ret = mbedtls_rsa_import_raw(rsa, m[N].p, m[N].left, m[P].p, m[P].left, m[Q].p, m[Q].left,
                                 m[D].p, m[D].left, m[E].p, m[E].left);
    if (ret == 0)
        ret = mbedtls_rsa_complete(rsa);
    if (ret == 0)
        ret = mbedtls_rsa_check_privkey(rsa);
    ret = error_of(ret, FH_CRYPTO_E_KEY);
    if (ret == 0)
        ret = write_pkcs8(rsa, again, &again_len);
    if (ret == 0 && (again_len != len || sodium_memcmp(again, der, len) != 0))
        ret = FH_CRYPTO_E_KEY;
    fh__guarded_free(again);
    return ret == 0 ? take_public(id) : ret;
}

/* ---- PEM (RFC 7468) ------------------------------------------------------------------------- */

static bool is_blank(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r' && p[i] != '\n')
            return false;
    return true;
}

/* Skips text at the cursor, which must be there; its newline is left out. */
static void expect_line(struct rd *r, const char *text)
{
    size_t len = strlen(text) - 1;
    const uint8_t *p = rd_bytes(r, len);

    if (!p || memcmp(p, text, len) != 0)
        r->bad = true;
}

/* What der holds is a PKCS#8 key if the file is all right: what its form leaves out is added. */
static int pem_decode(const struct pem_form *form, const char *pem, size_t len, uint8_t *der,
                      size_t *der_len)
{
    struct rd r = rd_init(pem, len);
    const uint8_t *body, *dash;

    expect_line(&r, form->begin);
    /* sodium_base642bin would skip NULs as if they were blanks. */
    if (r.bad || memchr(pem, 0, len) != NULL)
        return FH_CRYPTO_E_FORMAT;
    if (len > FH_IDENTITY_PEM_MAX) /* no room for its numbers: more than 4096 bits */
        return FH_CRYPTO_E_KEY;
    body = r.p;
    dash = memchr(body, '-', r.left);
    if (!dash)
        return FH_CRYPTO_E_FORMAT;
    rd_skip(&r, (size_t)(dash - body));
    expect_line(&r, form->end);
    if (r.bad || !is_blank((const char *)r.p, r.left))
        return FH_CRYPTO_E_FORMAT;
    if (sodium_base642bin(der + form->skip, DER_MAX - form->skip, (const char *)body,
                          (size_t)(dash - body), " \t\r\n", der_len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return FH_CRYPTO_E_FORMAT;
    if (form->skip > 0 && *der_len < DER_HEAD - PKCS1_AT)
        return FH_CRYPTO_E_FORMAT;
    if (form->skip > 0) {
        uint8_t head[DER_HEAD];

        write_pkcs8_head(head, *der_len + PKCS1_AT - DER_HEAD);
        memcpy(der, head, form->skip);
        *der_len += form->skip;
    }
    return 0;
}

static void pem_encode(const struct pem_form *form, const uint8_t *der, size_t len, struct wr *w)
{
    char line[sodium_base64_ENCODED_LEN(48, sodium_base64_VARIANT_ORIGINAL)];

    wr_bytes(w, form->begin, strlen(form->begin));
    for (size_t i = form->skip; i < len; i += 48) {
        size_t n = len - i < 48 ? len - i : 48;

        sodium_bin2base64(line, sizeof line, der + i, n, sodium_base64_VARIANT_ORIGINAL);
        wr_bytes(w, line, strlen(line));
        wr_u8(w, '\n');
    }
    wr_bytes(w, form->end, strlen(form->end) + 1);
    fh_wipe(line, sizeof line);
}

/* ---- the public calls ----------------------------------------------------------------------- */

static struct fh_identity *identity_new(void)
{
    struct fh_identity *id = fh__plain_new(sizeof *id);

    if (id)
        rsa_init(&id->rsa);
    return id;
}

void fh_identity_free(struct fh_identity *id)
{
    if (id)
        mbedtls_rsa_free(&id->rsa);
    fh__plain_free(id);
}

int fh_identity_generate(unsigned bits, fh_random_fn random, void *user, struct fh_identity **out)
{
    struct random rng = {random, user};
    struct fh_identity *id;
    int ret;

    if (!is_accepted_size(bits))
        return FH_CRYPTO_E_INVAL;
    id = identity_new();
    if (!id)
        return FH_CRYPTO_E_NOMEM;
    ret = mbedtls_rsa_gen_key(&id->rsa, random_adapter, &rng, bits, E_VALUE);
    ret = error_of(ret, FH_CRYPTO_E_INTERNAL);
    if (ret == 0)
        ret = take_public(id);
    if (ret != 0)
        goto out;
    *out = id;
    id = NULL;
out:
    fh_identity_free(id);
    return ret;
}

static int from_pem(const struct pem_form *form, const char *pem, size_t len,
                    struct fh_identity **out)
{
    struct fh_identity *id = identity_new();
    uint8_t *der = fh__guarded_new(DER_MAX);
    size_t der_len;
    int ret = FH_CRYPTO_E_NOMEM;

    if (!id || !der)
        goto out;
    if ((ret = pem_decode(form, pem, len, der, &der_len)) != 0)
        goto out;
    if ((ret = take_private(id, der, der_len)) != 0)
        goto out;
    *out = id;
    id = NULL;
out:
    fh__guarded_free(der);
    fh_identity_free(id);
    return ret;
}

static int to_pem(const struct pem_form *form, const struct fh_identity *id, char *out, size_t room)
{
    struct wr w = wr_init(out, room);
    uint8_t *der;
    size_t der_len;
    int ret;

    if (room < FH_IDENTITY_PEM_MAX)
        return FH_CRYPTO_E_INVAL;
    der = fh__guarded_new(DER_MAX);
    if (!der)
        return FH_CRYPTO_E_NOMEM;
    if ((ret = write_pkcs8(&id->rsa, der, &der_len)) != 0)
        goto out;
    pem_encode(form, der, der_len, &w);
    if (w.bad) {
        fh_wipe(out, room);
        ret = FH_CRYPTO_E_INTERNAL;
    }
out:
    fh__guarded_free(der);
    return ret;
}

int fh_identity_from_pem(const char *pem, size_t len, struct fh_identity **out)
{
    return from_pem(&pkcs8_form, pem, len, out);
}

int fh_identity_to_pem(const struct fh_identity *id, char *out, size_t room)
{
    return to_pem(&pkcs8_form, id, out, room);
}

int fh__rsa_from_pkcs1_pem(const char *pem, size_t len, struct fh_identity **out)
{
    return from_pem(&pkcs1_form, pem, len, out);
}

int fh__rsa_to_pkcs1_pem(const struct fh_identity *id, char *out, size_t room)
{
    return to_pem(&pkcs1_form, id, out, room);
}

unsigned fh_identity_bits(const struct fh_identity *id)
{
    return id->bits;
}

const uint8_t *fh_identity_spki(const struct fh_identity *id, size_t *len)
{
    *len = id->spki_len;
    return id->spki;
}

/* ---- RSA itself, for rsaaes_key.c ----------------------------------------------------------- */

int fh__rsa_private(struct fh_identity *id, const uint8_t *in, fh_random_fn random, void *user,
                    uint8_t *out)
{
    struct random rng = {random, user};

    return error_of(mbedtls_rsa_private(&id->rsa, random_adapter, &rng, in, out),
                    FH_CRYPTO_E_INVAL);
}

int fh__rsa_public(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len,
                   const uint8_t *in, uint8_t *out)
{
    mbedtls_rsa_context rsa;
    int ret;

    rsa_init(&rsa);
    ret = mbedtls_rsa_import_raw(&rsa, n, n_len, NULL, 0, NULL, 0, NULL, 0, e, e_len);
    if (ret == 0)
        ret = mbedtls_rsa_complete(&rsa);
    if (ret == 0)
        ret = mbedtls_rsa_public(&rsa, in, out);
    mbedtls_rsa_free(&rsa);
    return error_of(ret, FH_CRYPTO_E_KEY);
}

/* ---- RSA-PSS (RFC 8017 8.1) ----------------------------------------------------------------- */

/* SHA-256(64 x 0x20 || label || 0 || what) */
static void signed_digest(const char *label, const uint8_t what[FH__HASH_LEN],
                          uint8_t out[FH__HASH_LEN])
{
    uint8_t spaces[64];
    struct fh__hash h;

    memset(spaces, 0x20, sizeof spaces);
    fh__hash_init(&h);
    fh__hash_add(&h, spaces, sizeof spaces);
    fh__hash_add(&h, label, strlen(label) + 1);
    fh__hash_add(&h, what, FH__HASH_LEN);
    fh__hash_peek(&h, out);
}

static const char *label_of(enum fh_role signer)
{
    return signer == FH_ROLE_SERVER ? "fsc1 server" : "fsc1 client";
}

int fh_identity_sign(const struct fh_identity *id, enum fh_role role,
                     const uint8_t th[FH_TRANSCRIPT_HASH_LEN], fh_random_fn random, void *user,
                     uint8_t *out, size_t *out_len)
{
    return fh__sign_labelled(id, label_of(role), th, random, user, out, out_len);
}

static const char *label_for(enum fh_identity_purpose purpose)
{
    switch (purpose) {
    case FH_IDENTITY_CLOUD_SIGN_IN:
        return "fsc1 cloud sign-in";
    case FH_IDENTITY_CLOUD_BINDING:
        return "fsc1 cloud binding";
    }
    return NULL;
}

int fh_identity_sign_for(const struct fh_identity *id, enum fh_identity_purpose purpose,
                         const uint8_t digest[FH_TRANSCRIPT_HASH_LEN], fh_random_fn random,
                         void *user, uint8_t *out, size_t *out_len)
{
    const char *label = label_for(purpose);

    return label ? fh__sign_labelled(id, label, digest, random, user, out, out_len)
                 : FH_CRYPTO_E_INVAL;
}

int fh__sign_labelled(const struct fh_identity *id, const char *label,
                      const uint8_t what[FH__HASH_LEN], fh_random_fn random, void *user,
                      uint8_t *out, size_t *out_len)
{
    /* Not const to mbedTLS: it keeps the blinding of the next signature inside. */
    mbedtls_rsa_context *rsa = (mbedtls_rsa_context *)&id->rsa;
    struct random rng = {random, user};
    uint8_t digest[FH__HASH_LEN];
    int ret;

    signed_digest(label, what, digest);
    ret = mbedtls_rsa_rsassa_pss_sign_ext(rsa, random_adapter, &rng, MBEDTLS_MD_SHA256,
                                          sizeof digest, digest, SALT_LEN, out);
    if (ret != 0)
        return error_of(ret, FH_CRYPTO_E_INTERNAL);
    *out_len = id->bits / 8;
    return 0;
}

/* The verifier itself, for any modulus, exponent and length of salt. */
static int pss_verify(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len,
                      const uint8_t digest[FH__HASH_LEN], int salt_len, const uint8_t *sig,
                      size_t len)
{
    mbedtls_rsa_context rsa;
    int ret;

    if (len != n_len)
        return FH_CRYPTO_E_AUTH;
    rsa_init(&rsa);
    ret = mbedtls_rsa_import_raw(&rsa, n, n_len, NULL, 0, NULL, 0, NULL, 0, e, e_len);
    if (ret == 0)
        ret = mbedtls_rsa_complete(&rsa);
    if (ret == 0)
#if MBEDTLS_VERSION_MAJOR < 3
        ret = mbedtls_rsa_rsassa_pss_verify_ext(&rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC,
                                                MBEDTLS_MD_SHA256, FH__HASH_LEN, digest,
                                                MBEDTLS_MD_SHA256, salt_len, sig);
#else
        ret = mbedtls_rsa_rsassa_pss_verify_ext(&rsa, MBEDTLS_MD_SHA256, FH__HASH_LEN, digest,
                                                MBEDTLS_MD_SHA256, salt_len, sig);
#endif
    mbedtls_rsa_free(&rsa);
    return error_of(ret, FH_CRYPTO_E_AUTH);
}

int fh__signature_verify(const uint8_t *spki, size_t spki_len, enum fh_role signer,
                         const uint8_t th[FH_TRANSCRIPT_HASH_LEN], const uint8_t *sig, size_t len)
{
    return fh__verify_labelled(spki, spki_len, label_of(signer), th, sig, len);
}

int fh__verify_labelled(const uint8_t *spki, size_t spki_len, const char *label,
                        const uint8_t what[FH__HASH_LEN], const uint8_t *sig, size_t len)
{
    uint8_t digest[FH__HASH_LEN];

    signed_digest(label, what, digest);
    return pss_verify(spki + SPKI_HEAD, spki_n_len(spki_len), e_der + 2, sizeof e_der - 2, digest,
                      SALT_LEN, sig, len);
}

int fh_identity_verify_for(const uint8_t *spki, size_t spki_len, enum fh_identity_purpose purpose,
                           const uint8_t digest[FH_TRANSCRIPT_HASH_LEN], const uint8_t *sig,
                           size_t sig_len)
{
    const char *label = label_for(purpose);
    unsigned bits;
    int ret = fh__spki_check(spki, spki_len, &bits);

    if (ret != 0 || !label)
        return label ? ret : FH_CRYPTO_E_INVAL;
    return fh__verify_labelled(spki, spki_len, label, digest, sig, sig_len);
}
