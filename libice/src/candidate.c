/* SPDX-License-Identifier: MIT */
/* candidate.c -- candidate lines (RFC 8839 section 5.1) and whole descriptions. */
#include <farhand/ice_candidate.h>

#include <string.h>

#include <farhand/ice_error.h>

#include "ip.h"

static const char *const type_names[] = {"host", "srflx", "prflx", "relay"};

/* A piece of text that is left to read. */
struct scan {
    const char *p;
    size_t left;
};

static bool is_ice_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

bool fh_ice_is_credential(const char *text, size_t len, size_t min)
{
    if (len < min || len > FH_ICE_MAX_CREDENTIAL)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_ice_char(text[i]))
            return false;
    return true;
}

static bool take(struct scan *s, const char *text)
{
    size_t len = strlen(text);

    if (s->left < len || memcmp(s->p, text, len) != 0)
        return false;
    s->p += len;
    s->left -= len;
    return true;
}

/* The characters before the next space or the end, and the space. False if there are none. */
static bool take_word(struct scan *s, struct scan *word)
{
    size_t n = 0;

    while (n < s->left && s->p[n] != ' ')
        n++;
    *word = (struct scan){.p = s->p, .left = n};
    s->p += n;
    s->left -= n;
    take(s, " ");
    return n != 0;
}

static bool is_word(const struct scan *word, const char *text)
{
    return word->left == strlen(text) && memcmp(word->p, text, word->left) == 0;
}

/* Decimal digits only, at most max. */
static bool take_number(struct scan *s, uint32_t max, uint32_t *out)
{
    struct scan word;
    uint64_t v = 0;

    if (!take_word(s, &word) || word.left > 10)
        return false;
    for (size_t i = 0; i < word.left; i++) {
        if (word.p[i] < '0' || word.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(word.p[i] - '0');
    }
    *out = (uint32_t)v;
    return v <= max;
}

/* A host name, such as mDNS gives: letters, digits, dots and dashes with a letter among them. */
static bool is_host_name(const struct scan *word)
{
    bool has_letter = false;

    for (size_t i = 0; i < word->left; i++) {
        char c = word->p[i];

        if (c != '.' && c != '-' && c != '_' && (!is_ice_char(c) || c == '+' || c == '/'))
            return false;
        has_letter |= (c < '0' || c > '9') && c != '.' && c != '-' && c != '_';
    }
    return has_letter && word->left <= 253;
}

/* Returns 0, FH_ICE_E_UNSUPPORTED for a host name, FH_ICE_E_PROTO. */
static int take_address(struct scan *s, struct fh_ice_address *out)
{
    struct scan word;

    if (!take_word(s, &word))
        return FH_ICE_E_PROTO;
    if (fh_ice_address_parse(word.p, word.left, out) == 0)
        return 0;
    return is_host_name(&word) ? FH_ICE_E_UNSUPPORTED : FH_ICE_E_PROTO;
}

static int take_type(struct scan *s, enum fh_ice_candidate_type *out)
{
    struct scan word;

    if (!take(s, "typ ") || !take_word(s, &word))
        return FH_ICE_E_PROTO;
    for (int i = 0; i < 4; i++)
        if (is_word(&word, type_names[i])) {
            *out = (enum fh_ice_candidate_type)i;
            return 0;
        }
    return FH_ICE_E_UNSUPPORTED;
}

/* [raddr ADDRESS] [rport PORT] and pairs of names and values, which nobody here asks for. */
static bool take_rest(struct scan *s, struct fh_ice_address *related)
{
    struct fh_ice_address a = {.port = 0};
    uint32_t port = 0;

    if (take(s, "raddr ") && take_address(s, &a) == FH_ICE_E_PROTO)
        return false;
    if (take(s, "rport ") && !take_number(s, 65535, &port))
        return false;
    if (a.family != FH_ICE_FAMILY_NONE)
        a.port = (uint16_t)port;
    *related = a;
    while (s->left > 0) {
        struct scan name, value;

        if (!take_word(s, &name) || !take_word(s, &value))
            return false;
    }
    return true;
}

static bool take_foundation(struct scan *s, char *out)
{
    struct scan word;

    if (!take_word(s, &word) || word.left > FH_ICE_MAX_FOUNDATION)
        return false;
    for (size_t i = 0; i < word.left; i++)
        if (!is_ice_char(word.p[i]))
            return false;
    memcpy(out, word.p, word.left);
    out[word.left] = '\0';
    return true;
}

static bool is_udp(const struct scan *word)
{
    return word->left == 3 && (word->p[0] | 0x20) == 'u' && (word->p[1] | 0x20) == 'd' &&
           (word->p[2] | 0x20) == 'p';
}

int fh_ice_candidate_parse(const char *text, size_t len, struct fh_ice_candidate *out)
{
    struct scan s = {.p = text, .left = len}, transport;
    struct fh_ice_candidate c = {.type = FH_ICE_HOST};
    uint32_t component, port;
    int at_address, at_type;

    take(&s, "a=");
    if (!take(&s, "candidate:") || !take_foundation(&s, c.foundation) ||
        !take_number(&s, 256, &component) || component == 0 || !take_word(&s, &transport) ||
        !take_number(&s, INT32_MAX, &c.priority))
        return FH_ICE_E_PROTO;
    at_address = take_address(&s, &c.address);
    if (at_address == FH_ICE_E_PROTO || !take_number(&s, 65535, &port))
        return FH_ICE_E_PROTO;
    at_type = take_type(&s, &c.type);
    if (at_type == FH_ICE_E_PROTO || !take_rest(&s, &c.related))
        return FH_ICE_E_PROTO;
    if (component != 1 || !is_udp(&transport) || at_address != 0 || at_type != 0)
        return FH_ICE_E_UNSUPPORTED;
    if (port == 0 || c.priority == 0)
        return FH_ICE_E_PROTO;
    c.address.port = (uint16_t)port;
    *out = c;
    return 0;
}

static char *put(char *out, const char *text)
{
    size_t len = strlen(text);

    memcpy(out, text, len + 1);
    return out + len;
}

static char *put_address(char *out, const struct fh_ice_address *a, const char *between)
{
    out += fh_ice_address_print_ip(a, out);
    return ip_put(put(out, between), a->port, 10);
}

size_t fh_ice_candidate_print(const struct fh_ice_candidate *c, char *out)
{
    char *at = put(put(out, "candidate:"), c->foundation);

    at = put(ip_put(put(at, " 1 UDP "), c->priority, 10), " ");
    at = put_address(at, &c->address, " ");
    at = put(put(at, " typ "), type_names[c->type]);
    if (c->related.family != FH_ICE_FAMILY_NONE)
        at = put_address(put(at, " raddr "), &c->related, " rport ");
    return (size_t)(at - out);
}

/* ---- descriptions --------------------------------------------------------------------------- */

static bool take_credential(const struct scan *line, size_t min, char *out)
{
    if (*out != '\0' || !fh_ice_is_credential(line->p, line->left, min))
        return false;
    memcpy(out, line->p, line->left);
    out[line->left] = '\0';
    return true;
}

static bool take_candidate(const struct scan *line, struct fh_ice_description *d)
{
    struct fh_ice_candidate c;
    int ret = fh_ice_candidate_parse(line->p, line->left, &c);

    if (ret == FH_ICE_E_PROTO)
        return false;
    if (ret != 0 || d->len == FH_ICE_MAX_CANDIDATES)
        d->skipped++;
    else
        d->candidates[d->len++] = c;
    return true;
}

/* RFC 8839 5.6: options are words. */
static void take_options(struct scan *line, struct fh_ice_description *d)
{
    struct scan word;

    while (line->left > 0 && take_word(line, &word))
        d->is_trickle |= is_word(&word, "trickle");
}

static bool take_line(struct scan line, struct fh_ice_description *d)
{
    struct scan whole;

    take(&line, "a=");
    whole = line;
    if (take(&line, "ice-ufrag:"))
        return take_credential(&line, FH_ICE_MIN_UFRAG, d->ufrag);
    if (take(&line, "ice-pwd:"))
        return take_credential(&line, FH_ICE_MIN_PWD, d->pwd);
    if (take(&line, "candidate:"))
        return take_candidate(&whole, d);
    if (take(&line, "ice-options:"))
        take_options(&line, d);
    d->is_lite |= is_word(&whole, "ice-lite");
    d->is_complete |= is_word(&whole, "end-of-candidates");
    return true;
}

static struct scan next_line(struct scan *s)
{
    struct scan line = {.p = s->p, .left = 0};

    while (line.left < s->left && s->p[line.left] != '\n')
        line.left++;
    s->p += line.left;
    s->left -= line.left;
    take(s, "\n");
    if (line.left > 0 && line.p[line.left - 1] == '\r')
        line.left--;
    return line;
}

static bool take_lines(struct scan s, struct fh_ice_description *d)
{
    while (s.left > 0)
        if (!take_line(next_line(&s), d))
            return false;
    return d->ufrag[0] != '\0' && d->pwd[0] != '\0';
}

int fh_ice_description_parse(const char *text, size_t len, struct fh_ice_description *out)
{
    struct fh_ice_description d;

    memset(&d, 0, sizeof d);
    if (len > FH_ICE_MAX_TEXT || !take_lines((struct scan){.p = text, .left = len}, &d))
        return FH_ICE_E_PROTO;
    *out = d;
    return 0;
}

static char *put_credentials(char *at, const struct fh_ice_description *d)
{
    at = put(put(put(at, "ice-ufrag:"), d->ufrag), "\n");
    at = put(put(put(at, "ice-pwd:"), d->pwd), "\n");
    at = put(at, d->is_trickle ? "ice-options:trickle ice2\n" : "ice-options:ice2\n");
    return d->is_lite ? put(at, "ice-lite\n") : at;
}

int fh_ice_description_print(const struct fh_ice_description *d, char *out, size_t room)
{
    /* The longest of each line: so nothing needs to be written to know that it fits. */
    size_t need = 2 * (FH_ICE_MAX_CREDENTIAL + 16) + 64 + d->len * (FH_ICE_CANDIDATE_TEXT + 1);
    char *at = out;

    if (room < need || d->len > FH_ICE_MAX_CANDIDATES)
        return FH_ICE_E_ROOM;
    at = put_credentials(at, d);
    for (size_t i = 0; i < d->len; i++) {
        at += fh_ice_candidate_print(&d->candidates[i], at);
        at = put(at, "\n");
    }
    if (d->is_complete)
        at = put(at, "end-of-candidates\n");
    return (int)(at - out);
}
