/* SPDX-License-Identifier: MIT */
/* "turn:HOST[:PORT][?transport=udp|tcp]", "turns:" for TLS: RFC 7065 3.1. */
#include "cloud_internal.h"

static bool takes(const char **p, size_t *len, const char *word)
{
    size_t n = strlen(word);

    if (*len < n || memcmp(*p, word, n) != 0)
        return false;
    *p += n;
    *len -= n;
    return true;
}

/* Up to a port or a query; IPv6 in brackets. */
static bool take_host(const char **p, size_t *len, char out[FH_CLOUD_HOST_TEXT])
{
    bool is_v6 = takes(p, len, "[");
    size_t n = 0;

    while (n < *len && (is_v6 ? (*p)[n] != ']' : (*p)[n] != ':' && (*p)[n] != '?'))
        n++;
    if (n == 0 || n >= FH_CLOUD_HOST_TEXT)
        return false;
    memcpy(out, *p, n);
    out[n] = '\0';
    *p += n;
    *len -= n;
    return !is_v6 || takes(p, len, "]");
}

static bool take_port(const char **p, size_t *len, uint16_t *out)
{
    uint32_t v = 0;
    size_t n = 0;

    *out = 0;
    if (!takes(p, len, ":"))
        return true;
    for (; n < *len && n < 6 && (*p)[n] >= '0' && (*p)[n] <= '9'; n++)
        v = v * 10 + (uint32_t)((*p)[n] - '0');
    *p += n;
    *len -= n;
    *out = (uint16_t)v;
    return v >= 1 && v <= 65535;
}

static void copy(char out[256], struct fh_broker_text text)
{
    memcpy(out, text.p, text.len);
    out[text.len] = '\0';
}

bool fh__turn_parse(const struct fh_broker_turn *t, struct fh__turn *out)
{
    const char *p = t->uri.p;
    size_t len = t->uri.len;
    bool is_tls = takes(&p, &len, "turns:");

    if (!is_tls && !takes(&p, &len, "turn:"))
        return false;
    if (!take_host(&p, &len, out->host) || !take_port(&p, &len, &out->port))
        return false;
    out->carrier = is_tls ? FH_ICE_UV_TLS : FH_ICE_UV_UDP;
    if (takes(&p, &len, "?transport=tcp"))
        out->carrier = is_tls ? FH_ICE_UV_TLS : FH_ICE_UV_TCP;
    else if (takes(&p, &len, "?transport=udp") && is_tls)
        return false; /* DTLS is not spoken */
    copy(out->user, t->user);
    copy(out->password, t->password);
    return len == 0;
}
