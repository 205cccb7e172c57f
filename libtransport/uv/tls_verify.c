/* SPDX-License-Identifier: MIT */
/* Whom a client believes: the pinned roots, every link down from there, dates, and the name. */
#include "tls_internal.h" /* before any other of mbedTLS */

#include <string.h>

#include <mbedtls/md.h>

enum { SAN_DNS = 2, SAN_IP = 7, SAN_KIND = 0x1f }; /* RFC 5280 4.2.1.6, the tag's number */

int fh__tls_sha256(const uint8_t *data, size_t len, uint8_t out[FH_TLS_HASH_LEN])
{
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, len, out);
}

/* Days since 1970 of a date of the Gregorian calendar, month 1 to 12. */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t leaps_until = month > 2 ? year : year - 1;

    return 365 * (year - 1970) + leaps_until / 4 - leaps_until / 100 + leaps_until / 400 - 477 +
           before[(month + 11) % 12] + day - 1;
}

int64_t fh__tls_unix_time(const mbedtls_x509_time *t)
{
    return days(t->year, t->mon, t->day) * 86400 + t->hour * 3600 + t->min * 60 + t->sec;
}

static bool is_date(const mbedtls_x509_time *t)
{
    return t->mon >= 1 && t->mon <= 12 && t->day >= 1 && t->day <= 31;
}

/* mbedTLS asked the system's clock; the context may have another. It lets odd dates pass. */
static uint32_t check_dates(const struct fh_tls_context *ctx, const mbedtls_x509_crt *crt,
                            uint32_t flags)
{
    int64_t now = fh__tls_time(ctx);

    flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    if (!is_date(&crt->valid_from) || !is_date(&crt->valid_to) ||
        now > fh__tls_unix_time(&crt->valid_to))
        flags |= MBEDTLS_X509_BADCERT_EXPIRED;
    if (now < fh__tls_unix_time(&crt->valid_from))
        flags |= MBEDTLS_X509_BADCERT_FUTURE;
    return flags;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_same_text(const uint8_t *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower((uint8_t)b[i]))
            return false;
    return true;
}

/* RFC 6125 6.4: the whole name, or "*." for its first label. */
static bool matches_dns(const mbedtls_x509_buf *san, const char *name)
{
    size_t len = strlen(name);
    const char *dot = strchr(name, '.');

    if (san->len == len && is_same_text(san->p, name, len))
        return true;
    if (san->len < 4 || san->p[0] != '*' || san->p[1] != '.' || !dot || dot == name)
        return false;
    /* A star for a whole top-level domain is nobody's. */
    if (!memchr(san->p + 2, '.', san->len - 2))
        return false;
    return strlen(dot) == san->len - 1 && is_same_text(san->p + 1, dot, san->len - 1);
}

static bool matches_ip(const mbedtls_x509_buf *san, const struct fh_address *ip)
{
    size_t len = ip->family == FH_ADDRESS_IPV4 ? 4 : 16;

    return san->len == len && memcmp(san->p, ip->ip, len) == 0;
}

static bool has_name(const struct fh__tls *t, const mbedtls_x509_crt *crt)
{
    const mbedtls_x509_sequence *at = &crt->subject_alt_names;
    struct fh_address ip = {.family = FH_ADDRESS_NONE};

    if (t->name_is_ip && fh_address_parse_ip(t->name, strlen(t->name), &ip) != 0)
        return false;
    for (; at; at = at->next) {
        int kind = at->buf.tag & SAN_KIND;

        if (!at->buf.p)
            continue;
        if (t->name_is_ip ? kind == SAN_IP && matches_ip(&at->buf, &ip)
                          : kind == SAN_DNS && matches_dns(&at->buf, t->name))
            return true;
    }
    return false;
}

static bool is_pinned(const struct fh_tls_context *ctx, const mbedtls_x509_crt *crt)
{
    uint8_t hash[FH_TLS_HASH_LEN];

    if (!crt->ca_istrue || fh__tls_sha256(crt->pk_raw.p, crt->pk_raw.len, hash) != 0)
        return false;
    for (size_t i = 0; i < ctx->pins_len; i++)
        if (memcmp(ctx->pins[i].sha256, hash, sizeof hash) == 0)
            return true;
    return false;
}

static const char *reason(uint32_t flags)
{
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
        return "a certificate of the peer has expired, or the clock here is wrong";
    if (flags & MBEDTLS_X509_BADCERT_FUTURE)
        return "a certificate of the peer is not valid yet, or the clock here is wrong";
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return "no root that is trusted here has signed the peer's certificate";
    return "a certificate of the peer is not fit for its use";
}

static int refuse(struct fh__tls *t, const char *text)
{
    if (!t->refusal)
        t->refusal = text;
    return MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
}

static int note_peer(struct fh__tls *t, const mbedtls_x509_crt *crt)
{
    int ret = fh__tls_sha256(crt->raw.p, crt->raw.len, t->peer_cert);

    if (ret == 0)
        ret = fh__tls_sha256(crt->pk_raw.p, crt->pk_raw.len, t->peer_spki);
    t->has_peer = ret == 0;
    return ret;
}

/*
 * Called for the top of the chain first, then downwards. Above the pinned root nothing counts; it
 * and all below it must be without fault, but that nobody vouches for it.
 */
int fh__tls_verify(void *user, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct fh__tls *t = user;
    uint32_t bad = check_dates(t->ctx, crt, *flags);
    int ret;

    *flags = 0;
    if (depth == 0 && (ret = note_peer(t, crt)) != 0)
        return ret;
    if (t->ctx->trust_anybody)
        return 0;
    bad &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
    if (depth > 0 && !t->pinned && is_pinned(t->ctx, crt)) {
        t->pinned = true;
        bad &= ~(uint32_t)MBEDTLS_X509_BADCERT_NOT_TRUSTED;
    }
    if (!t->pinned)
        return depth > 0 ? 0 : refuse(t, reason(MBEDTLS_X509_BADCERT_NOT_TRUSTED));
    if (bad)
        return refuse(t, reason(bad));
    if (depth > 0)
        return 0;
    if (!has_name(t, crt))
        return refuse(t, "the peer's certificate is for another name");
    t->verify_done = true;
    return 0;
}
