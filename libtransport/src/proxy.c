/* SPDX-License-Identifier: MIT */
#include <farhand/proxy.h>

#include <string.h>

static const char want_scheme[] = "http:// or socks5:// before the proxy's name";
static const char want_host[] = "HOST, HOST:PORT or [V6]:PORT of a proxy, and nothing behind it";
static const char want_secret[] = "USER or USER:PASSWORD of at most 255 bytes, with %XX";

static int refuse(const char **expected, const char *text)
{
    if (expected)
        *expected = text;
    return FH_TRANSPORT_E_ADDRESS;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_same_text(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 2.1. A zero or a line's end would become something else further on. */
static bool decode(const char *text, size_t len, char out[FH_PROXY_SECRET])
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)text[i];

        if (c == '%') {
            int high = i + 1 < len ? hex(text[i + 1]) : -1;
            int low = i + 2 < len ? hex(text[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = high << 4 | low;
            i += 2;
        }
        if (c < ' ' || c == 0x7f || n + 1 == FH_PROXY_SECRET)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}

static bool parse_secret(const char *text, size_t len, struct fh_proxy *p)
{
    const char *colon = memchr(text, ':', len);
    size_t user_len = colon ? (size_t)(colon - text) : len;

    return user_len > 0 && decode(text, user_len, p->user) &&
           (!colon || decode(colon + 1, len - user_len - 1, p->password));
}

/* HOST or HOST:PORT, by the parser of viewers' addresses, whose "::" is a port. */
static bool parse_server(const char *text, size_t len, unsigned port, struct fh_target *out)
{
    char with_port[FH_TARGET_NAME + 8];
    const char *end = text + len, *colon = end;
    size_t n;

    for (const char *at = text; at < end; at++)
        if (*at == ':')
            colon = at;
        else if (*at == ']')
            colon = end;
    n = (size_t)(colon - text);
    if (n == 0 || n > FH_TARGET_NAME - 1 || memchr(text, '/', n) || colon + 1 == end ||
        end - colon > 6)
        return false;
    memcpy(with_port, text, n);
    memcpy(with_port + n, "::", 2);
    if (colon == end) {
        with_port[n + 2] = (char)('0' + port / 1000);
        with_port[n + 3] = (char)('0' + port / 100 % 10);
        with_port[n + 4] = (char)('0' + port / 10 % 10);
        with_port[n + 5] = (char)('0' + port % 10);
        with_port[n + 6] = '\0';
    } else {
        memcpy(with_port + n + 2, colon + 1, (size_t)(end - colon - 1));
        with_port[n + 2 + (size_t)(end - colon - 1)] = '\0';
    }
    return fh_address_parse_viewer(with_port, out, NULL) == 0 &&
           (out->kind == FH_TARGET_IP || out->kind == FH_TARGET_HOST);
}

static bool has_scheme(const char **text, const char *scheme)
{
    size_t len = strlen(scheme);

    if (strlen(*text) < len || !is_same_text(*text, scheme, len))
        return false;
    *text += len;
    return true;
}

int fh_proxy_parse(const char *text, struct fh_proxy *out, const char **expected)
{
    struct fh_proxy p;
    const char *at;
    size_t len;

    memset(&p, 0, sizeof p);
    p.kind = FH_PROXY_HTTP;
    if (has_scheme(&text, "socks5h://") || has_scheme(&text, "socks5://"))
        p.kind = FH_PROXY_SOCKS5;
    else if (!has_scheme(&text, "http://") && strstr(text, "://"))
        return refuse(expected, want_scheme);
    len = strlen(text);
    if (len > 0 && text[len - 1] == '/')
        len--;
    at = text + len;
    while (at > text && at[-1] != '@')
        at--;
    if (at > text && !parse_secret(text, (size_t)(at - text) - 1, &p))
        return refuse(expected, want_secret);
    if (!parse_server(at, len - (size_t)(at - text), p.kind == FH_PROXY_HTTP ? 80 : 1080,
                      &p.server))
        return refuse(expected, want_host);
    *out = p;
    return 0;
}

static bool is_covered(const char *item, size_t len, const char *host, size_t host_len)
{
    if (len == 1 && *item == '*')
        return true;
    if (len > 0 && *item == '.') {
        item++;
        len--;
    }
    if (len == 0 || len > host_len || !is_same_text(item, host + host_len - len, len))
        return false;
    return len == host_len || host[host_len - len - 1] == '.';
}

bool fh_proxy_is_exempt(const char *no_proxy, const char *host)
{
    static const char separators[] = ", \t";
    size_t host_len = strlen(host);

    while (no_proxy && *no_proxy) {
        size_t len = strcspn(no_proxy, separators);

        if (is_covered(no_proxy, len, host, host_len))
            return true;
        no_proxy += len;
        no_proxy += strspn(no_proxy, separators);
    }
    return false;
}
