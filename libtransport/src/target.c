/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <farhand/address.h>
#include <farhand/transport_error.h>

/* sun_path holds 108 bytes on Linux, the zero byte included. */
#define MAX_PATH ((size_t)107)

static const char want_port[] = "a port from 1 to 65535, or a display below 100 after one ':'";
static const char want_listen_port[] = "':' and a port from 0 to 65535 (0 lets the system choose)";
static const char want_brackets[] = "an IPv6 address in brackets, such as [2001:db8::1]:5900";
static const char want_ipv6[] = "an IPv6 address between '[' and ']'";
static const char want_path[] = "the path of a unix socket, of 1 to 107 bytes";

static int refuse(const char **expected, const char *text)
{
    if (expected)
        *expected = text;
    return FH_TRANSPORT_E_ADDRESS;
}

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
}

static bool is_name(const char *s, size_t len)
{
    if (len == 0 || len > 253 || *s == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_name_char(s[i]))
            return false;
    return true;
}

static bool parse_port(const char *s, uint32_t *out)
{
    uint32_t v = 0;
    size_t n = 0;

    for (; s[n] >= '0' && s[n] <= '9' && n < 6; n++)
        v = v * 10 + (uint32_t)(s[n] - '0');
    if (n == 0 || s[n] != '\0' || v > UINT16_MAX)
        return false;
    *out = v;
    return true;
}

/* What follows the host: nothing, ":N" or "::PORT". */
static bool parse_viewer_port(const char *s, uint16_t *out)
{
    bool is_port = s[0] == ':' && s[1] == ':';
    uint32_t v;

    if (*s == '\0') {
        *out = FH_VIEWER_PORT;
        return true;
    }
    if (*s != ':' || !parse_port(s + (is_port ? 2 : 1), &v) || (is_port && v == 0))
        return false;
    if (!is_port && v < FH_VIEWER_DISPLAYS)
        v += FH_VIEWER_PORT;
    *out = (uint16_t)v;
    return true;
}

static void set_name(struct fh_target *t, const char *s, size_t len)
{
    memcpy(t->name, s, len);
    t->name[len] = '\0';
}

static int parse_path(const char *path, struct fh_target *out, const char **expected)
{
    size_t len = strlen(path);

    if (len == 0 || len > MAX_PATH)
        return refuse(expected, want_path);
    memset(out, 0, sizeof *out);
    out->kind = FH_TARGET_UNIX;
    set_name(out, path, len);
    return 0;
}

/* "[V6]": *rest is what follows the bracket. */
static bool parse_brackets(const char *text, struct fh_target *t, const char **rest)
{
    const char *end = strchr(text, ']');

    if (!end || !memchr(text, ':', (size_t)(end - text)) ||
        fh_address_parse_ip(text + 1, (size_t)(end - text) - 1, &t->address) != 0)
        return false;
    t->kind = FH_TARGET_IP;
    *rest = end + 1;
    return true;
}

int fh_address_parse_viewer(const char *text, struct fh_target *out, const char **expected)
{
    struct fh_target t;
    const char *rest = text + strcspn(text, ":");

    memset(&t, 0, sizeof t);
    if (strncmp(text, "unix:", 5) == 0 && strchr(text, '/'))
        return parse_path(text + 5, out, expected);
    if (strchr(text, '/'))
        return parse_path(text, out, expected);
    if (*text == '[') {
        if (!parse_brackets(text, &t, &rest))
            return refuse(expected, want_ipv6);
    } else if (fh_address_parse_ip(text, strlen(text), &t.address) == 0 &&
               t.address.family == FH_ADDRESS_IPV6) {
        return refuse(expected, want_brackets);
    } else if (fh_address_parse_ip(text, (size_t)(rest - text), &t.address) == 0) {
        t.kind = FH_TARGET_IP;
    } else if (is_name(text, (size_t)(rest - text))) {
        t.kind = FH_TARGET_HOST;
        set_name(&t, text, (size_t)(rest - text));
    } else {
        return refuse(expected, "a host name, an IPv4 address, [IPv6 address] or a socket path");
    }
    if (!parse_viewer_port(rest, &t.port))
        return refuse(expected, want_port);
    t.address.port = t.kind == FH_TARGET_IP ? t.port : 0;
    *out = t;
    return 0;
}

static int parse_systemd(const char *rest, struct fh_target *out, const char **expected)
{
    size_t len = strlen(rest);

    if (len > 0 && (*rest != ':' || !is_name(rest + 1, len - 1)))
        return refuse(expected, "\"systemd\" or \"systemd:\" and a FileDescriptorName");
    memset(out, 0, sizeof *out);
    out->kind = FH_TARGET_SYSTEMD;
    if (len > 0)
        set_name(out, rest + 1, len - 1);
    return 0;
}

int fh_address_parse_listen(const char *text, struct fh_target *out, const char **expected)
{
    struct fh_target t;
    const char *rest = text + strcspn(text, ":");
    uint32_t port;

    memset(&t, 0, sizeof t);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_path(text + 5, out, expected);
    if (strncmp(text, "systemd", 7) == 0)
        return parse_systemd(text + 7, out, expected);
    if (*text == '[') {
        if (!parse_brackets(text, &t, &rest))
            return refuse(expected, want_ipv6);
    } else if (text[0] == '*' && rest == text + 1) {
        t.kind = FH_TARGET_ANY;
    } else if (fh_address_parse_ip(text, (size_t)(rest - text), &t.address) == 0) {
        t.kind = FH_TARGET_IP;
    } else {
        return refuse(expected,
                      "an IPv4 address, [IPv6 address] or *, each with ':' and a port; or "
                      "unix:PATH; or systemd");
    }
    if (*rest != ':' || !parse_port(rest + 1, &port))
        return refuse(expected, want_listen_port);
    t.port = (uint16_t)port;
    t.address.port = t.kind == FH_TARGET_IP ? t.port : 0;
    *out = t;
    return 0;
}
