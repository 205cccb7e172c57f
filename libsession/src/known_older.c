/* SPDX-License-Identifier: MIT */
/*
 * known_older.c -- servers without the channel in a known-servers file. One line for a name and a
 * kind of key:
 *
 *     2 NAME TYPE ID FIRST LAST HOW [more]
 *
 * TYPE the strongest security type that was used, as it is called in older.h; ID the SHA-256 of the
 * key of TLS (SPKI) or RSA-AES (pub), or '-'; the rest as in lines of version 1, which do not know
 * these.
 */
#include <stdlib.h>
#include <string.h>

#include <farhand/older.h>

#include "known_lines.h"

static unsigned kind_of(unsigned type)
{
    return fh_older_what(type) & (FH_OLDER_IS_TLS | FH_OLDER_IS_RSA);
}

bool fh__known_older_read(struct fh__known_line *l, const char *p)
{
    struct fh__known_field type, id, first, last, how;
    struct fh_known_peer peer = {.how = FH_KNOWN_GIVEN};
    char hex[FH_FINGERPRINT_HEX];

    if (!fh__known_next_field(&p, &l->name) || !fh__known_next_field(&p, &type) ||
        !fh__known_next_field(&p, &id) || !fh__known_next_field(&p, &first) ||
        !fh__known_next_field(&p, &last) || !fh__known_next_field(&p, &how))
        return false;
    l->older.type = fh_older_parse(type.p, type.len);
    l->older.has_key = !fh__known_field_is(id, "-");
    if (l->older.has_key) {
        if (id.len != sizeof hex - 1)
            return false;
        memcpy(hex, id.p, id.len);
        hex[id.len] = '\0';
        if (fh_fingerprint_from_hex(hex, l->older.key) != 0)
            return false;
    }
    l->is_older = fh__known_is_valid_name(l->name) && fh_older_strength(l->older.type) > 0 &&
                  l->older.has_key == (kind_of(l->older.type) != 0) &&
                  fh__known_read_number(first, &l->older.first_seen_s) &&
                  fh__known_read_number(last, &l->older.last_seen_s) &&
                  fh__known_read_how(how, &peer) && peer.how != FH_KNOWN_ROTATED;
    l->older.how = peer.how;
    return l->is_older;
}

/* The line of this name for this kind of type; NULL: there is none. */
static struct fh__known_line *find(const struct fh_known_peers *k, const char *name, unsigned type)
{
    for (size_t i = 0; i < k->n; i++) {
        struct fh__known_line *l = &k->lines[i];

        if (l->is_older && kind_of(l->older.type) == kind_of(type) &&
            fh__known_name_is(l->name, name))
            return l;
    }
    return NULL;
}

unsigned fh_known_peers_older_minimum(const struct fh_known_peers *k, const char *name)
{
    unsigned best = 0;

    for (size_t i = 0; i < k->n; i++) {
        const struct fh__known_line *l = &k->lines[i];

        if (l->is_older && fh__known_name_is(l->name, name) &&
            fh_older_strength(l->older.type) > fh_older_strength(best))
            best = l->older.type;
    }
    return best;
}

static bool is_same_key(const struct fh_known_older *a, const uint8_t *key)
{
    return a->has_key ? key && memcmp(a->key, key, sizeof a->key) == 0 : !key;
}

enum fh_known_result fh_known_peers_check_older(const struct fh_known_peers *k, const char *name,
                                                unsigned type, const uint8_t *key,
                                                struct fh_known_older *out)
{
    const struct fh__known_line *l = find(k, name, type);

    if (!l)
        return FH_KNOWN_UNKNOWN;
    if (out)
        *out = l->older;
    return is_same_key(&l->older, key) ? FH_KNOWN_MATCHES : FH_KNOWN_CHANGED;
}

static char *write_line(struct fh__known_field name, const struct fh_known_older *o)
{
    char *text = malloc(NEW_LINE_MAX + name.len), *p = text, hex[FH_FINGERPRINT_HEX] = "-";
    const char *type = fh_older_name(o->type), *how = fh_known_how_word(o->how);

    if (!text)
        return NULL;
    if (o->has_key)
        fh_fingerprint_to_hex(o->key, hex);
    *p++ = '2';
    p = fh__known_append_field(p, name.p, name.len);
    p = fh__known_append_field(p, type, strlen(type));
    p = fh__known_append_field(p, hex, strlen(hex));
    p = fh__known_append_number(p, o->first_seen_s);
    p = fh__known_append_number(p, o->last_seen_s);
    p = fh__known_append_field(p, how, strlen(how));
    *p = '\0';
    return text;
}

static int rewrite(struct fh__known_line *l, const struct fh_known_older *o)
{
    struct fh__known_line fresh = {.text = write_line(l->name, o)};

    if (!fresh.text)
        return FH_SESSION_E_NOMEM;
    (void)fh__known_older_read(&fresh, fresh.text + 2);
    free(l->text);
    *l = fresh;
    return 0;
}

static int append(struct fh_known_peers *k, const char *name, const struct fh_known_older *o,
                  const uint8_t *salt)
{
    char stored[FH_KNOWN_PEERS_NAME_MAX + 1];
    struct fh__known_line *l;
    char *text;

    fh__known_write_name(stored, name, salt);
    text = write_line((struct fh__known_field){.p = stored, .len = strlen(stored)}, o);
    l = text ? fh__known_new_line(k, text, strlen(text)) : NULL;
    free(text);
    if (!l)
        return FH_SESSION_E_NOMEM;
    return fh__known_older_read(l, l->text + 2) ? 0 : FH_SESSION_E_INVAL;
}

int fh_known_peers_add_older(struct fh_known_peers *k, const char *name, unsigned type,
                             const uint8_t *key, enum fh_known_how how, int64_t now_s,
                             const uint8_t *salt)
{
    const struct fh__known_field plain = {.p = name, .len = strlen(name)};
    struct fh__known_line *l = find(k, name, type);
    struct fh_known_older o = {.type = type,
                               .has_key = key != NULL,
                               .how = how,
                               .first_seen_s = now_s,
                               .last_seen_s = now_s};

    if (!fh__known_is_valid_name(plain) || *name == '|' || now_s < 0 ||
        fh_older_strength(type) == 0 || (kind_of(type) != 0) != o.has_key ||
        how == FH_KNOWN_ROTATED)
        return FH_SESSION_E_INVAL;
    if (key)
        memcpy(o.key, key, sizeof o.key);
    if (!l)
        return append(k, name, &o, salt);
    if (!is_same_key(&l->older, key))
        return FH_SESSION_E_CHANGED;
    if (fh_older_strength(l->older.type) > fh_older_strength(type))
        o.type = l->older.type;
    o.first_seen_s = l->older.first_seen_s;
    return rewrite(l, &o);
}

bool fh_known_peers_older_entry(const struct fh_known_peers *k, size_t i,
                                char name[FH_KNOWN_PEERS_NAME_MAX + 1], struct fh_known_older *out)
{
    for (size_t n = 0; n < k->n; n++) {
        const struct fh__known_line *l = &k->lines[n];

        if (!l->is_older || i-- > 0)
            continue;
        memcpy(name, l->name.p, l->name.len);
        name[l->name.len] = '\0';
        *out = l->older;
        return true;
    }
    return false;
}
