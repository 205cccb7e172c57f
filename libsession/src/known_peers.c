/* SPDX-License-Identifier: MIT */
/*
 * One line a key, fields separated by one space:
 *
 *     1 NAME STATUS ID SPKI FIRST LAST HOW PHRASE [more]
 *
 * NAME as connected to, or |1|SALT|HMAC-SHA-256(SALT, NAME) in base64; STATUS trusted, revoked or
 * retired; ID the fingerprint, 64 hex digits; SPKI base64; FIRST, LAST UTC seconds since 1970; HOW
 * one of the words below, or rotated-by:ID; PHRASE the catchphrase with '_' for spaces, or '-'.
 * What follows is kept. Lines that begin with 2 are those of known_older.c. Lines that are empty,
 * begin with '#' or with another number are kept and not read. Others are errors: a line that was
 * damaged may have been the one that revokes a key.
 */
#include <farhand/known_peers.h>

#include <stdlib.h>
#include <string.h>

#include <farhand/digest.h>
#include <farhand/identity.h>

#include "base64.h"
#include "known_lines.h"

static const char *const how_words[] = {
    [FH_KNOWN_PHRASE_TYPED] = "phrase-typed",
    [FH_KNOWN_GIVEN] = "given",
    [FH_KNOWN_ACCEPTED_BLIND] = "accepted-blind",
    [FH_KNOWN_ROTATED] = "rotated",
};

static const char *const status_words[] = {
    [FH_KNOWN_TRUSTED] = "trusted",
    [FH_KNOWN_IS_REVOKED] = "revoked",
    [FH_KNOWN_RETIRED] = "retired",
};

static const char rotated_by[] = "rotated-by:";

const char *fh_known_status_word(enum fh_known_status status)
{
    return status_words[status];
}

const char *fh_known_how_word(enum fh_known_how how)
{
    return how_words[how];
}

bool fh__known_field_is(struct fh__known_field f, const char *word)
{
    return strlen(word) == f.len && memcmp(f.p, word, f.len) == 0;
}

/* The next field of *p, up to one space or the end; empty ones are an error. */
bool fh__known_next_field(const char **p, struct fh__known_field *out)
{
    size_t len = strcspn(*p, " ");

    *out = (struct fh__known_field){.p = *p, .len = len};
    *p += len + ((*p)[len] == ' ');
    return len != 0;
}

bool fh__known_read_number(struct fh__known_field f, int64_t *out)
{
    int64_t v = 0;

    if (f.len == 0 || f.len > 15)
        return false;
    for (size_t i = 0; i < f.len; i++) {
        if (f.p[i] < '0' || f.p[i] > '9')
            return false;
        v = v * 10 + (f.p[i] - '0');
    }
    *out = v;
    return true;
}

/* rotated-by:ID, with ID as this file writes it. */
static bool read_rotated(struct fh__known_field f, struct fh_known_peer *out)
{
    const size_t head = sizeof rotated_by - 1;
    char hex[FH_FINGERPRINT_HEX], again[FH_FINGERPRINT_HEX];

    if (f.len != head + FH_FINGERPRINT_HEX - 1 || memcmp(f.p, rotated_by, head) != 0)
        return false;
    memcpy(hex, f.p + head, sizeof hex - 1);
    hex[sizeof hex - 1] = '\0';
    if (fh_fingerprint_from_hex(hex, out->rotated_by) != 0)
        return false;
    fh_fingerprint_to_hex(out->rotated_by, again);
    out->how = FH_KNOWN_ROTATED;
    return strcmp(hex, again) == 0;
}

bool fh__known_read_how(struct fh__known_field f, struct fh_known_peer *out)
{
    for (size_t i = 0; i < FH_KNOWN_ROTATED; i++) {
        if (fh__known_field_is(f, how_words[i])) {
            out->how = (enum fh_known_how)i;
            return true;
        }
    }
    return read_rotated(f, out);
}

static bool read_status(struct fh__known_field f, enum fh_known_status *out)
{
    for (size_t i = 0; i < sizeof status_words / sizeof *status_words; i++) {
        if (fh__known_field_is(f, status_words[i])) {
            *out = (enum fh_known_status)i;
            return true;
        }
    }
    return false;
}

/* The key must be of an accepted form, and be the one that ID names. */
static bool read_key(struct fh__known_line *l, struct fh__known_field id,
                     struct fh__known_field spki)
{
    char hex[FH_FINGERPRINT_HEX];
    int n = base64_read(spki.p, spki.len, l->spki, sizeof l->spki);

    if (n < 0 || fh_identity_check_spki(l->spki, (size_t)n, NULL) != 0)
        return false;
    l->spki_len = (size_t)n;
    fh_fingerprint(l->spki, l->spki_len, l->peer.fingerprint);
    fh_fingerprint_to_hex(l->peer.fingerprint, hex);
    return fh__known_field_is(id, hex);
}

static bool read_phrase(struct fh__known_line *l, struct fh__known_field f)
{
    if (fh__known_field_is(f, "-"))
        return true;
    if (f.len >= sizeof l->phrase)
        return false;
    for (size_t i = 0; i < f.len; i++)
        l->phrase[i] = f.p[i] == '_' ? ' ' : f.p[i];
    l->phrase[f.len] = '\0';
    return true;
}

bool fh__known_is_valid_name(struct fh__known_field f)
{
    for (size_t i = 0; i < f.len; i++)
        if ((unsigned char)f.p[i] <= ' ' || f.p[i] == 0x7f)
            return false;
    return f.len != 0 && f.len <= FH_KNOWN_PEERS_NAME_MAX;
}

/* Reads l->text. False if it begins with no version, or claims to be of version 1 and is not. */
static bool read_line(struct fh__known_line *l)
{
    const char *p = l->text;
    struct fh__known_field version, status, id, spki, first, last, how, phrase;
    int64_t number;

    if (*p == '\0' || *p == '#')
        return true;
    if (!fh__known_next_field(&p, &version) || !fh__known_read_number(version, &number))
        return false;
    if (fh__known_field_is(version, "2"))
        return fh__known_older_read(l, p);
    if (!fh__known_field_is(version, "1"))
        return true;
    if (!fh__known_next_field(&p, &l->name) || !fh__known_next_field(&p, &status) ||
        !fh__known_next_field(&p, &id) || !fh__known_next_field(&p, &spki) ||
        !fh__known_next_field(&p, &first) || !fh__known_next_field(&p, &last) ||
        !fh__known_next_field(&p, &how) || !fh__known_next_field(&p, &phrase))
        return false;
    if (*p != '\0')
        l->rest = (struct fh__known_field){.p = p - 1, .len = strlen(p) + 1};
    if (!read_status(status, &l->status))
        return false;
    l->is_key = fh__known_is_valid_name(l->name) && read_key(l, id, spki) &&
                fh__known_read_number(first, &l->peer.first_seen_s) &&
                fh__known_read_number(last, &l->peer.last_seen_s) &&
                fh__known_read_how(how, &l->peer) && read_phrase(l, phrase);
    return l->is_key;
}

struct fh__known_line *fh__known_new_line(struct fh_known_peers *k, const char *text, size_t len)
{
    if (k->n == k->cap) {
        size_t cap = k->cap ? 2 * k->cap : 16;
        struct fh__known_line *lines = realloc(k->lines, cap * sizeof *lines);

        if (!lines)
            return NULL;
        k->lines = lines;
        k->cap = cap;
    }
    k->lines[k->n] = (struct fh__known_line){.text = malloc(len + 1)};
    if (!k->lines[k->n].text)
        return NULL;
    if (len != 0)
        memcpy(k->lines[k->n].text, text, len);
    k->lines[k->n].text[len] = '\0';
    return &k->lines[k->n++];
}

static int parse_lines(struct fh_known_peers *k, const char *text, size_t len, unsigned *line)
{
    size_t total = len;

    for (*line = 1; len != 0; (*line)++) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end - text) : len;
        struct fh__known_line *l;

        if (n > FH_KNOWN_PEERS_LINE_MAX || memchr(text, '\0', n) || total > FH_KNOWN_PEERS_FILE_MAX)
            return FH_SESSION_E_FORMAT;
        l = fh__known_new_line(k, text, n);
        if (!l)
            return FH_SESSION_E_NOMEM;
        if (!read_line(l))
            return FH_SESSION_E_FORMAT;
        n += end != NULL;
        text += n;
        len -= n;
    }
    return 0;
}

int fh_known_peers_parse(const char *text, size_t len, struct fh_known_peers **out, unsigned *line)
{
    struct fh_known_peers *k = calloc(1, sizeof *k);
    int ret = FH_SESSION_E_NOMEM;

    *line = 0;
    if (!k)
        return ret;
    ret = text ? parse_lines(k, text, len, line) : 0;
    if (ret != 0) {
        fh_known_peers_free(k);
        return ret;
    }
    *out = k;
    return 0;
}

void fh_known_peers_free(struct fh_known_peers *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++)
        free(k->lines[i].text);
    free(k->lines);
    free(k->text);
    free(k);
}

const char *fh_known_peers_text(struct fh_known_peers *k, size_t *len)
{
    size_t total = 0;
    char *p;

    for (size_t i = 0; i < k->n; i++)
        total += strlen(k->lines[i].text) + 1;
    p = realloc(k->text, total + 1);
    if (!p)
        return NULL;
    k->text = p;
    for (size_t i = 0; i < k->n; i++) {
        size_t n = strlen(k->lines[i].text);

        memcpy(p, k->lines[i].text, n);
        p[n] = '\n';
        p += n + 1;
    }
    *p = '\0';
    *len = total;
    return k->text;
}

static void hash_name(const char *name, const uint8_t salt[FH__KNOWN_SALT_LEN],
                      uint8_t out[FH_HMAC_LEN])
{
    fh_hmac_sha256(salt, FH__KNOWN_SALT_LEN, name, strlen(name), out);
}

bool fh__known_name_is(struct fh__known_field stored, const char *name)
{
    uint8_t salt[FH__KNOWN_SALT_LEN], hash[FH_HMAC_LEN], ours[FH_HMAC_LEN];

    if (stored.p[0] != '|')
        return fh__known_field_is(stored, name);
    if (stored.len != 3 + BASE64_LEN(FH__KNOWN_SALT_LEN) + 1 + BASE64_LEN(FH_HMAC_LEN) ||
        memcmp(stored.p, "|1|", 3) != 0 || stored.p[3 + BASE64_LEN(FH__KNOWN_SALT_LEN)] != '|')
        return false;
    if (base64_read(stored.p + 3, BASE64_LEN(FH__KNOWN_SALT_LEN), salt, sizeof salt) !=
            FH__KNOWN_SALT_LEN ||
        base64_read(stored.p + 4 + BASE64_LEN(FH__KNOWN_SALT_LEN), BASE64_LEN(FH_HMAC_LEN), hash,
                    sizeof hash) != FH_HMAC_LEN)
        return false;
    hash_name(name, salt, ours);
    return memcmp(hash, ours, sizeof hash) == 0;
}

static bool has_key(const struct fh__known_line *l, const uint8_t *spki, size_t len)
{
    return l->spki_len == len && memcmp(l->spki, spki, len) == 0;
}

static bool is_trusted(const struct fh__known_line *l)
{
    return l->is_key && l->status == FH_KNOWN_TRUSTED;
}

enum fh_known_result fh_known_peers_check(const struct fh_known_peers *k, const char *name,
                                          const uint8_t *spki, size_t spki_len,
                                          struct fh_known_peer *out)
{
    const struct fh__known_line *same = NULL, *other = NULL, *retired = NULL;
    bool revoked = false;

    for (size_t i = 0; i < k->n; i++) {
        const struct fh__known_line *l = &k->lines[i];

        if (!l->is_key)
            continue;
        /* A revoked key is refused under any name; that it stands under this one is no matter. */
        if (l->status == FH_KNOWN_IS_REVOKED) {
            if (has_key(l, spki, spki_len)) {
                revoked = true;
                same = l;
            }
        } else if (fh__known_name_is(l->name, name)) {
            if (l->status == FH_KNOWN_RETIRED)
                retired = l;
            else if (!has_key(l, spki, spki_len))
                other = l;
            else if (!revoked)
                same = l;
        }
    }
    other = other ? other : retired;
    if (out && (same || other)) {
        *out = same ? same->peer : other->peer;
        out->phrase = same ? same->phrase : other->phrase;
    }
    if (revoked)
        return FH_KNOWN_REVOKED;
    return same ? FH_KNOWN_MATCHES : other ? FH_KNOWN_CHANGED : FH_KNOWN_UNKNOWN;
}

const char *fh_known_peers_other_name(struct fh_known_peers *k, const char *name,
                                      const uint8_t *spki, size_t spki_len)
{
    for (size_t i = 0; i < k->n; i++) {
        struct fh__known_line *l = &k->lines[i];
        char *copy;

        if (!is_trusted(l) || l->name.p[0] == '|' || !has_key(l, spki, spki_len) ||
            fh__known_name_is(l->name, name))
            continue;
        copy = realloc(k->text, l->name.len + 1);
        if (!copy)
            return NULL;
        memcpy(copy, l->name.p, l->name.len);
        copy[l->name.len] = '\0';
        return k->text = copy;
    }
    return NULL;
}

void fh__known_write_name(char *out, const char *name, const uint8_t *salt)
{
    uint8_t hash[FH_HMAC_LEN];

    if (!salt) {
        strcpy(out, name);
        return;
    }
    hash_name(name, salt, hash);
    memcpy(out, "|1|", 3);
    base64_write(salt, FH__KNOWN_SALT_LEN, out + 3);
    out[3 + BASE64_LEN(FH__KNOWN_SALT_LEN)] = '|';
    base64_write(hash, sizeof hash, out + 4 + BASE64_LEN(FH__KNOWN_SALT_LEN));
}

char *fh__known_append_field(char *p, const char *text, size_t len)
{
    *p++ = ' ';
    for (size_t i = 0; i < len; i++)
        *p++ = text[i] == ' ' ? '_' : text[i];
    *p = '\0';
    return p;
}

char *fh__known_append_number(char *p, int64_t v)
{
    char digits[NUMBER_MAX];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    return fh__known_append_field(p, digits + n, sizeof digits - n);
}

static void write_how(const struct fh_known_peer *peer, char *out)
{
    strcpy(out, peer->how == FH_KNOWN_ROTATED ? rotated_by : how_words[peer->how]);
    if (peer->how == FH_KNOWN_ROTATED)
        fh_fingerprint_to_hex(peer->rotated_by, out + strlen(out));
}

/* The text of a key's line; rest begins with a space or is empty. The caller frees it. */
static char *write_line(struct fh__known_field name, const struct fh__known_line *l,
                        struct fh__known_field rest)
{
    char hex[FH_FINGERPRINT_HEX], spki[BASE64_LEN(FH_SPKI_MAX) + 1];
    char how[sizeof rotated_by + FH_FINGERPRINT_HEX];
    char *text = malloc(NEW_LINE_MAX + name.len + rest.len), *p = text;

    if (!text)
        return NULL;
    write_how(&l->peer, how);
    fh_fingerprint_to_hex(l->peer.fingerprint, hex);
    base64_write(l->spki, l->spki_len, spki);
    *p++ = '1';
    p = fh__known_append_field(p, name.p, name.len);
    p = fh__known_append_field(p, status_words[l->status], 7);
    p = fh__known_append_field(p, hex, strlen(hex));
    p = fh__known_append_field(p, spki, strlen(spki));
    p = fh__known_append_number(p, l->peer.first_seen_s);
    p = fh__known_append_number(p, l->peer.last_seen_s);
    p = fh__known_append_field(p, how, strlen(how));
    p = l->phrase[0] ? fh__known_append_field(p, l->phrase, strlen(l->phrase))
                     : fh__known_append_field(p, "-", 1);
    if (rest.len != 0)
        memcpy(p, rest.p, rest.len);
    p[rest.len] = '\0';
    return text;
}

/* Replaces the text of a line by what its fields say now. */
static int rewrite_line(struct fh__known_line *l)
{
    char *text = write_line(l->name, l, l->rest);
    struct fh__known_line fresh = {.text = text};

    if (!text)
        return FH_SESSION_E_NOMEM;
    if (!read_line(&fresh)) {
        free(text);
        return FH_SESSION_E_INVAL;
    }
    free(l->text);
    *l = fresh;
    return 0;
}

static bool is_valid_phrase(const char *phrase)
{
    return strlen(phrase) < FH_CATCHPHRASE_MAX && strpbrk(phrase, "_\n\r\t") == NULL;
}

static int add_line(struct fh_known_peers *k, const char *stored,
                    const struct fh__known_line *fields)
{
    const struct fh__known_field none = {.p = "", .len = 0};
    struct fh__known_line *l;
    char *text;
    bool added;

    text = write_line((struct fh__known_field){.p = stored, .len = strlen(stored)}, fields, none);
    l = text ? fh__known_new_line(k, text, strlen(text)) : NULL;
    free(text);
    if (!l)
        return FH_SESSION_E_NOMEM;
    added = read_line(l) && l->is_key;
    if (!added) {
        free(l->text);
        k->n--;
    }
    return added ? 0 : FH_SESSION_E_INVAL;
}

int fh_known_peers_add(struct fh_known_peers *k, const char *name, const uint8_t *spki,
                       size_t spki_len, enum fh_known_how how, const char *phrase, int64_t now_s,
                       const uint8_t *salt)
{
    struct fh__known_line fields = {.spki_len = spki_len, .peer = {.how = how}};
    const struct fh__known_field plain = {.p = name, .len = strlen(name)};
    char stored[FH_KNOWN_PEERS_NAME_MAX + 1];

    phrase = phrase ? phrase : "";
    if (!fh__known_is_valid_name(plain) || *name == '|' || now_s < 0 || !is_valid_phrase(phrase) ||
        fh_identity_check_spki(spki, spki_len, NULL) != 0)
        return FH_SESSION_E_INVAL;
    switch (fh_known_peers_check(k, name, spki, spki_len, NULL)) {
    case FH_KNOWN_CHANGED:
    case FH_KNOWN_REVOKED:
        return FH_SESSION_E_CHANGED;
    case FH_KNOWN_MATCHES:
        for (size_t i = 0; i < k->n; i++) {
            struct fh__known_line *l = &k->lines[i];

            if (!is_trusted(l) || !fh__known_name_is(l->name, name) || !has_key(l, spki, spki_len))
                continue;
            l->peer.how = how;
            l->peer.last_seen_s = now_s;
            if (*phrase)
                strcpy(l->phrase, phrase);
            return rewrite_line(l);
        }
        return FH_SESSION_E_INVAL;
    case FH_KNOWN_UNKNOWN:
        break;
    }
    memcpy(fields.spki, spki, spki_len);
    fh_fingerprint(spki, spki_len, fields.peer.fingerprint);
    fields.peer.first_seen_s = fields.peer.last_seen_s = now_s;
    strcpy(fields.phrase, phrase);
    fh__known_write_name(stored, name, salt);
    return add_line(k, stored, &fields);
}

int fh_known_peers_remove(struct fh_known_peers *k, const char *name)
{
    size_t kept = 0;
    int removed = 0;

    for (size_t i = 0; i < k->n; i++) {
        struct fh__known_line *l = &k->lines[i];

        if (((l->is_key && l->status != FH_KNOWN_IS_REVOKED) || l->is_older) &&
            fh__known_name_is(l->name, name)) {
            free(l->text);
            removed++;
        } else {
            k->lines[kept++] = *l;
        }
    }
    k->n = kept;
    return removed;
}

/* ---- successors ---- */

static bool is_field_of(const struct fh__known_line *l, struct fh__known_field name)
{
    return l->name.len == name.len && memcmp(l->name.p, name.p, name.len) == 0;
}

static const struct fh__known_line *find_key(const struct fh_known_peers *k,
                                             struct fh__known_field name, const uint8_t *spki,
                                             size_t len)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->lines[i].is_key && is_field_of(&k->lines[i], name) &&
            has_key(&k->lines[i], spki, len))
            return &k->lines[i];
    return NULL;
}

static bool is_refused(const struct fh_known_peers *k, const uint8_t *spki, size_t len)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->lines[i].is_key && k->lines[i].status != FH_KNOWN_TRUSTED &&
            has_key(&k->lines[i], spki, len))
            return true;
    return false;
}

static bool is_named_by(const struct fh__known_line *l,
                        const uint8_t fingerprint[FH_FINGERPRINT_LEN])
{
    return is_trusted(l) && l->peer.how == FH_KNOWN_ROTATED &&
           memcmp(l->peer.rotated_by, fingerprint, FH_FINGERPRINT_LEN) == 0;
}

/* Removes the keys that the one with this fingerprint named, but `except`. */
static int remove_named(struct fh_known_peers *k, const uint8_t fingerprint[FH_FINGERPRINT_LEN],
                        const uint8_t *except, size_t except_len)
{
    size_t kept = 0;
    int removed = 0;

    for (size_t i = 0; i < k->n; i++) {
        struct fh__known_line *l = &k->lines[i];

        if (is_named_by(l, fingerprint) && !has_key(l, except, except_len)) {
            free(l->text);
            removed++;
        } else {
            k->lines[kept++] = *l;
        }
    }
    k->n = kept;
    return removed;
}

static bool may_name_another(const struct fh__known_line *l, const uint8_t *spki, size_t len)
{
    return is_trusted(l) && l->peer.how != FH_KNOWN_ACCEPTED_BLIND && has_key(l, spki, len);
}

int fh_known_peers_rotate(struct fh_known_peers *k, const uint8_t *old_spki, size_t old_len,
                          const uint8_t *new_spki, size_t new_len, const char *phrase,
                          int64_t now_s)
{
    struct fh__known_line fields = {.spki_len = new_len, .peer = {.how = FH_KNOWN_ROTATED}};
    int added = 0, ret = FH_SESSION_E_UNCONFIRMED;

    phrase = phrase ? phrase : "";
    if (now_s < 0 || !is_valid_phrase(phrase) || fh_identity_check_spki(new_spki, new_len, NULL))
        return FH_SESSION_E_INVAL;
    if (is_refused(k, new_spki, new_len))
        return FH_SESSION_E_CHANGED;
    memcpy(fields.spki, new_spki, new_len);
    fh_fingerprint(new_spki, new_len, fields.peer.fingerprint);
    fh_fingerprint(old_spki, old_len, fields.peer.rotated_by);
    fields.peer.first_seen_s = fields.peer.last_seen_s = now_s;
    strcpy(fields.phrase, phrase);
    /* One that was named before and is not any more: there is one successor, not a row of them. */
    (void)remove_named(k, fields.peer.rotated_by, new_spki, new_len);
    for (size_t i = 0, n = k->n; i < n; i++) {
        const struct fh__known_field name = k->lines[i].name;
        char stored[FH_KNOWN_PEERS_NAME_MAX + 1];

        if (!may_name_another(&k->lines[i], old_spki, old_len))
            continue;
        ret = 0;
        if (find_key(k, name, new_spki, new_len))
            continue;
        memcpy(stored, name.p, name.len);
        stored[name.len] = '\0';
        if ((ret = add_line(k, stored, &fields)) != 0)
            return ret;
        added++;
    }
    return ret == 0 ? added : ret;
}

/* The line of the key under this name, if another named it. */
static const struct fh__known_line *find_successor(const struct fh_known_peers *k, const char *name,
                                                   const uint8_t *spki, size_t len)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct fh__known_line *l = &k->lines[i];

        if (is_trusted(l) && l->peer.how == FH_KNOWN_ROTATED && has_key(l, spki, len) &&
            fh__known_name_is(l->name, name))
            return l;
    }
    return NULL;
}

int fh_known_peers_retire(struct fh_known_peers *k, const char *name, const uint8_t *spki,
                          size_t spki_len)
{
    const struct fh__known_line *next = find_successor(k, name, spki, spki_len);
    int retired = 0;

    for (size_t i = 0; next && i < k->n; i++) {
        struct fh__known_line *l = &k->lines[i];

        if (!is_trusted(l) || !fh__known_name_is(l->name, name) ||
            memcmp(l->peer.fingerprint, next->peer.rotated_by, FH_FINGERPRINT_LEN) != 0)
            continue;
        l->status = FH_KNOWN_RETIRED;
        if (rewrite_line(l) != 0)
            return FH_SESSION_E_NOMEM;
        retired++;
    }
    return retired;
}

bool fh_known_peers_has_successor(const struct fh_known_peers *k, const uint8_t *spki,
                                  size_t spki_len)
{
    uint8_t fingerprint[FH_FINGERPRINT_LEN];

    fh_fingerprint(spki, spki_len, fingerprint);
    for (size_t i = 0; i < k->n; i++)
        if (is_named_by(&k->lines[i], fingerprint))
            return true;
    return false;
}

int fh_known_peers_withdraw(struct fh_known_peers *k, const uint8_t *spki, size_t spki_len)
{
    uint8_t fingerprint[FH_FINGERPRINT_LEN];

    fh_fingerprint(spki, spki_len, fingerprint);
    return remove_named(k, fingerprint, spki, spki_len);
}

/* ---- looking at it ---- */

static const struct fh__known_line *nth_key(const struct fh_known_peers *k, size_t i)
{
    for (size_t n = 0; n < k->n; n++)
        if (k->lines[n].is_key && i-- == 0)
            return &k->lines[n];
    return NULL;
}

bool fh_known_peers_entry(const struct fh_known_peers *k, size_t i, struct fh_known_entry *out)
{
    const struct fh__known_line *l = nth_key(k, i);

    if (!l)
        return false;
    memcpy(out->name, l->name.p, l->name.len);
    out->name[l->name.len] = '\0';
    out->is_hashed = out->name[0] == '|';
    out->status = l->status;
    out->peer = l->peer;
    out->peer.phrase = l->phrase;
    return true;
}

bool fh_known_peers_entry_is(const struct fh_known_peers *k, size_t i, const char *name)
{
    const struct fh__known_line *l = nth_key(k, i);

    return l && fh__known_name_is(l->name, name);
}
