/* SPDX-License-Identifier: MIT */
#include <farhand/cloud_service.h>

#include <stdbool.h>
#include <string.h>

#include "host.h"

static const char want_item[] = "HOST[:PORT],root=HEX, and optionally log=VKEY and name=NAME";
static const char want_host[] = "the name or IP address of a host, IPv6 in brackets";
static const char want_port[] = "a port from 1 to 65535 behind the host";
static const char want_root[] = "root= and the SHA-256 of a root's key, 64 hexadecimal digits";
static const char want_one_root[] = "at least one root=";
static const char want_one_host[] = "at least one host";
static const char want_log[] = "log= and a key NAME+HASH+BASE64, once";
static const char want_name[] = "name= and the name in the certificate, once";
static const char want_fewer[] = "at most 16 hosts and 8 roots";

static const char digits[] = "0123456789abcdef";

/* Letters that differ by case only are the same. */
static int hex_value(char c)
{
    const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return p ? (int)(p - digits) : -1;
}

static const char *take_root(struct fh_cloud_service *s, const char *p, size_t len)
{
    uint8_t *out = s->roots[s->roots_len];

    if (s->roots_len == FH_CLOUD_ROOTS_MAX)
        return want_fewer;
    if (len != (size_t)2 * FH_CLOUD_ROOT_LEN)
        return want_root;
    for (size_t i = 0; i < len; i++) {
        int v = hex_value(p[i]);

        if (v < 0)
            return want_root;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? v << 4 : out[i / 2] | v);
    }
    s->roots_len++;
    return NULL;
}

/* A key of signed notes: printable, something before, between and behind its first two pluses; the
 * base64 behind them may have, and end with, others. */
static const char *take_log(struct fh_cloud_service *s, const char *p, size_t len)
{
    const char *first = memchr(p, '+', len), *second = NULL;

    if (len == 0 || len >= sizeof s->log || s->log[0])
        return want_log;
    for (size_t i = 0; i < len; i++)
        if (p[i] <= ' ' || p[i] > '~')
            return want_log;
    if (first)
        second = memchr(first + 1, '+', (size_t)(p + len - first - 1));
    if (!second || first == p || second == first + 1 || second == p + len - 1)
        return want_log;
    memcpy(s->log, p, len);
    s->log[len] = '\0';
    return NULL;
}

static const char *take_name(struct fh_cloud_service *s, const char *p, size_t len)
{
    if (!fh__is_host(p, len) || s->name[0])
        return want_name;
    memcpy(s->name, p, len);
    s->name[len] = '\0';
    return NULL;
}

/* What is behind the host: nothing, or ":PORT". */
static bool take_port(const char *p, size_t len, uint16_t *out)
{
    uint32_t v = 0;

    *out = FH_CLOUD_PORT;
    if (len == 0)
        return true;
    if (p[0] != ':' || len < 2 || len > 6)
        return false;
    for (size_t i = 1; i < len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (uint32_t)(p[i] - '0');
    }
    *out = (uint16_t)v;
    return v >= 1 && v <= 65535;
}

static const char *take_node(struct fh_cloud_service *s, const char *p, size_t len)
{
    struct fh_cloud_node *n = &s->nodes[s->nodes_len];
    const char *end = len > 0 && *p == '[' ? memchr(p, ']', len) : NULL, *host = p;
    size_t host_len;

    if (s->nodes_len == FH_CLOUD_NODES_MAX)
        return want_fewer;
    if (end) {
        host++;
        host_len = (size_t)(end - host);
        len -= host_len + 2;
        if (!memchr(host, ':', host_len))
            return want_host;
    } else {
        end = memchr(p, ':', len);
        host_len = end ? (size_t)(end - p) : len;
        len -= host_len;
    }
    if (!fh__is_host(host, host_len))
        return want_host;
    if (!take_port(host + host_len + (host != p), len, &n->port))
        return want_port;
    memcpy(n->host, host, host_len);
    n->host[host_len] = '\0';
    s->nodes_len++;
    return NULL;
}

static const char *take_item(struct fh_cloud_service *s, const char *p, size_t len)
{
    static const struct {
        const char *key;
        const char *(*take)(struct fh_cloud_service *s, const char *p, size_t len);
    } keys[] = {{"root=", take_root}, {"log=", take_log}, {"name=", take_name}};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t n = strlen(keys[i].key);

        if (len >= n && memcmp(p, keys[i].key, n) == 0)
            return keys[i].take(s, p + n, len - n);
    }
    return memchr(p, '=', len) ? want_item : take_node(s, p, len);
}

int fh_cloud_service_parse(const char *text, struct fh_cloud_service *out, const char **expected)
{
    struct fh_cloud_service s;
    const char *error = NULL, *p = text;

    memset(&s, 0, sizeof s);
    while (!error) {
        size_t len = strcspn(p, ",");

        error = take_item(&s, p, len);
        if (p[len] == '\0')
            break;
        p += len + 1;
    }
    if (!error && s.nodes_len == 0)
        error = want_one_host;
    if (!error && s.roots_len == 0)
        error = want_one_root;
    if (error) {
        if (expected)
            *expected = error;
        return FH_CLOUD_E_INVAL;
    }
    *out = s;
    return 0;
}

static char *put(char *out, const char *text)
{
    return out + strlen(strcpy(out, text));
}

int fh_cloud_service_print(const struct fh_cloud_service *s, char *out)
{
    char *p = out;

    for (size_t i = 0; i < s->nodes_len; i++) {
        bool is_v6 = strchr(s->nodes[i].host, ':');

        p = put(p, i > 0 ? "," : "");
        p = put(p, is_v6 ? "[" : "");
        p = put(p, s->nodes[i].host);
        p = put(p, is_v6 ? "]:" : ":");
        p = ip_put(p, s->nodes[i].port, 10);
    }
    for (size_t i = 0; i < s->roots_len; i++) {
        p = put(p, ",root=");
        for (size_t j = 0; j < FH_CLOUD_ROOT_LEN; j++) {
            *p++ = digits[s->roots[i][j] >> 4];
            *p++ = digits[s->roots[i][j] & 15];
        }
    }
    if (s->log[0])
        p = put(put(p, ",log="), s->log);
    if (s->name[0])
        p = put(put(p, ",name="), s->name);
    *p = '\0';
    return (int)(p - out);
}
