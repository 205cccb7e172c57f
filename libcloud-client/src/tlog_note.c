/* SPDX-License-Identifier: MIT */
/* Keys, signed notes and checkpoints, as C2SP writes them down. */
#include <stdbool.h>
#include <string.h>

#include <sodium.h>

#include <farhand/tlog.h>

#include "base64.h"
#include "utf8.h"

enum {
    ED25519 = 1, /* the kind of key, before the key itself */
    ID_LEN = 4,
    ID_DIGITS = 2 * ID_LEN,
    KEY_BLOB = 1 + FH_TLOG_KEY_LEN,
    SIGNATURE_BLOB = ID_LEN + crypto_sign_BYTES
};

static const char dash[] = "\xe2\x80\x94 "; /* before each signature's name */
static const char hex[] = "0123456789abcdef";

static bool is_space(uint32_t c)
{
    return c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_name(const char *name, size_t len)
{
    uint32_t c = 0;
    size_t n;

    if (len == 0 || len > FH_TLOG_MAX_NAME)
        return false;
    for (; len > 0; name += n, len -= n) {
        n = utf8_next(name, len, &c);
        if (n == 0 || utf8_is_control(c) || is_space(c) || c == '+')
            return false;
    }
    return true;
}

/* The first bytes of SHA-256(name "\n" kind key). */
static void make_id(const char *name, const uint8_t blob[KEY_BLOB], uint8_t out[ID_LEN])
{
    uint8_t full[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state h;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)name, strlen(name));
    crypto_hash_sha256_update(&h, (const uint8_t *)"\n", 1);
    crypto_hash_sha256_update(&h, blob, KEY_BLOB);
    crypto_hash_sha256_final(&h, full);
    memcpy(out, full, ID_LEN);
}

static void make_blob(const uint8_t public_key[FH_TLOG_KEY_LEN], uint8_t out[KEY_BLOB])
{
    out[0] = ED25519;
    memcpy(out + 1, public_key, FH_TLOG_KEY_LEN);
}

int fh_tlog_key_make(const char *name, const uint8_t public_key[FH_TLOG_KEY_LEN],
                     struct fh_tlog_key *out)
{
    size_t len = strlen(name);
    uint8_t blob[KEY_BLOB];

    if (!is_name(name, len))
        return FH_CLOUD_E_INVAL;
    make_blob(public_key, blob);
    memset(out, 0, sizeof *out);
    memcpy(out->name, name, len);
    memcpy(out->public_key, public_key, FH_TLOG_KEY_LEN);
    make_id(out->name, blob, out->id);
    return 0;
}

static void print_id(const uint8_t id[ID_LEN], char out[ID_DIGITS])
{
    for (size_t i = 0; i < ID_LEN; i++) {
        out[2 * i] = hex[id[i] >> 4];
        out[2 * i + 1] = hex[id[i] & 15];
    }
}

int fh_tlog_key_parse(const char *vkey, size_t len, struct fh_tlog_key *out)
{
    const char *plus = memchr(vkey, '+', len), *digits = plus ? plus + 1 : NULL;
    size_t name_len = plus ? (size_t)(plus - vkey) : 0, head = name_len + 1 + ID_DIGITS + 1;
    char name[FH_TLOG_MAX_NAME + 1], id[ID_DIGITS];
    uint8_t blob[KEY_BLOB + 2];
    struct fh_tlog_key key;

    if (!plus || len <= head || digits[ID_DIGITS] != '+' || !is_name(vkey, name_len))
        return FH_CLOUD_E_PROTO;
    if (base64_read(vkey + head, len - head, blob, sizeof blob) != KEY_BLOB || blob[0] != ED25519)
        return FH_CLOUD_E_PROTO;
    memcpy(name, vkey, name_len);
    name[name_len] = '\0';
    if (fh_tlog_key_make(name, blob + 1, &key) != 0)
        return FH_CLOUD_E_PROTO;
    print_id(key.id, id);
    if (memcmp(digits, id, ID_DIGITS) != 0)
        return FH_CLOUD_E_PROTO;
    *out = key;
    return 0;
}

int fh_tlog_key_print(const struct fh_tlog_key *key, char out[FH_TLOG_VKEY_TEXT])
{
    size_t n = strlen(key->name);
    uint8_t blob[KEY_BLOB];

    make_blob(key->public_key, blob);
    memcpy(out, key->name, n);
    out[n++] = '+';
    print_id(key->id, out + n);
    n += ID_DIGITS;
    out[n++] = '+';
    base64_write(blob, sizeof blob, out + n);
    return (int)(n + BASE64_LEN(sizeof blob));
}

void fh_tlog_public_key(const uint8_t seed[FH_TLOG_KEY_LEN], uint8_t out[FH_TLOG_KEY_LEN])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair(out, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

/* UTF-8 whose only control characters are line breaks, and the last character is one. */
static bool is_text(const char *text, size_t len)
{
    size_t n;
    uint32_t c = 0;

    if (len == 0 || text[len - 1] != '\n')
        return false;
    for (; len > 0; text += n, len -= n) {
        n = utf8_next(text, len, &c);
        if (n == 0 || (c < 0x20 && c != '\n'))
            return false;
    }
    return true;
}

/* Where the text of a note ends: behind the line break before its last empty line. 0: nowhere. */
static size_t find_text(const char *note, size_t len)
{
    for (size_t i = len; i >= 2; i--)
        if (note[i - 2] == '\n' && note[i - 1] == '\n')
            return i - 1;
    return 0;
}

/* A signature as its line has it. */
struct signature {
    const char *name;
    size_t name_len;
    uint8_t blob[512]; /* id, then what this kind of key makes; long enough for those we skip */
    int blob_len;
};

/* The line's break is not among len. */
static bool read_signature(const char *line, size_t len, struct signature *out)
{
    const size_t dash_len = sizeof dash - 1;
    const char *space;

    if (len <= dash_len || memcmp(line, dash, dash_len) != 0)
        return false;
    line += dash_len;
    len -= dash_len;
    space = memchr(line, ' ', len);
    if (!space || !is_name(line, (size_t)(space - line)))
        return false;
    out->name = line;
    out->name_len = (size_t)(space - line);
    out->blob_len = base64_read(space + 1, len - out->name_len - 1, out->blob, sizeof out->blob);
    return out->blob_len > ID_LEN;
}

static bool is_of(const struct signature *s, const struct fh_tlog_key *key)
{
    return s->name_len == strlen(key->name) && memcmp(s->name, key->name, s->name_len) == 0 &&
           memcmp(s->blob, key->id, ID_LEN) == 0;
}

int fh_tlog_note_open(const struct fh_tlog_key *key, const char *note, size_t len)
{
    size_t text_len;
    const char *at, *end = note + len;
    struct signature s;
    bool signed_by_key = false;

    if (len > FH_TLOG_MAX_NOTE || !is_text(note, len) || (text_len = find_text(note, len)) == 0)
        return FH_CLOUD_E_PROTO;
    at = note + text_len + 1;
    if (at == end)
        return FH_CLOUD_E_PROTO;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));

        if (!read_signature(at, (size_t)(line_end - at), &s))
            return FH_CLOUD_E_PROTO;
        if (is_of(&s, key)) {
            /* One that is wrong spoils the note, whatever else signs it. */
            if (s.blob_len != SIGNATURE_BLOB ||
                crypto_sign_verify_detached(s.blob + ID_LEN, (const uint8_t *)note, text_len,
                                            key->public_key) != 0)
                return FH_CLOUD_E_LOG;
            signed_by_key = true;
        }
        at = line_end + 1;
    }
    return signed_by_key ? (int)text_len : FH_CLOUD_E_LOG;
}

int fh_tlog_note_sign(const struct fh_tlog_key *key, const uint8_t seed[FH_TLOG_KEY_LEN],
                      const char *text, size_t len, char *out, size_t room)
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES], pub[crypto_sign_PUBLICKEYBYTES];
    uint8_t blob[SIGNATURE_BLOB];
    size_t name_len = strlen(key->name);
    size_t need = len + 1 + sizeof dash - 1 + name_len + 1 + BASE64_LEN(SIGNATURE_BLOB) + 1;
    char *p = out;

    /* base64_write() ends with a zero byte, where the line break goes. */
    if (need > room || need > FH_TLOG_MAX_NOTE || !is_text(text, len))
        return FH_CLOUD_E_INVAL;
    crypto_sign_seed_keypair(pub, secret, seed);
    memcpy(blob, key->id, ID_LEN);
    crypto_sign_detached(blob + ID_LEN, NULL, (const uint8_t *)text, len, secret);
    sodium_memzero(secret, sizeof secret);
    memmove(p, text, len);
    p += len;
    *p++ = '\n';
    memcpy(p, dash, sizeof dash - 1);
    p += sizeof dash - 1;
    memcpy(p, key->name, name_len);
    p += name_len;
    *p++ = ' ';
    base64_write(blob, sizeof blob, p);
    p[BASE64_LEN(sizeof blob)] = '\n';
    return (int)need;
}

/* One line, whose break is skipped. NULL: there is no more. */
static const char *next_line(const char **at, const char *end, size_t *len)
{
    const char *line = *at, *line_end;

    if (line == end)
        return NULL;
    line_end = memchr(line, '\n', (size_t)(end - line));
    *len = (size_t)(line_end - line);
    *at = line_end + 1;
    return line;
}

/* A decimal number without leading zeros, at most FH_TLOG_MAX_SIZE. */
static bool read_size(const char *text, size_t len, uint64_t *out)
{
    uint64_t v = 0;

    if (len == 0 || len > 19 || (text[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(text[i] - '0'); /* 19 digits fit */
    }
    *out = v;
    return v <= FH_TLOG_MAX_SIZE;
}

int fh_tlog_checkpoint_open(const struct fh_tlog_key *key, const char *note, size_t len,
                            struct fh_tlog_checkpoint *out)
{
    int text_len = fh_tlog_note_open(key, note, len);
    const char *at = note, *end, *line;
    struct fh_tlog_checkpoint c;
    size_t n = 0;

    if (text_len < 0)
        return text_len;
    end = note + text_len;
    line = next_line(&at, end, &n);
    if (!line || n != strlen(key->name) || memcmp(line, key->name, n) != 0)
        return FH_CLOUD_E_PROTO;
    line = next_line(&at, end, &n);
    if (!line || !read_size(line, n, &c.size))
        return FH_CLOUD_E_PROTO;
    line = next_line(&at, end, &n);
    if (!line || base64_read(line, n, c.root, sizeof c.root) != FH_TLOG_HASH_LEN)
        return FH_CLOUD_E_PROTO;
    while (next_line(&at, end, &n))
        if (n == 0)
            return FH_CLOUD_E_PROTO;
    *out = c;
    return 0;
}

static size_t write_size(uint64_t v, char *out)
{
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

int fh_tlog_checkpoint_sign(const struct fh_tlog_key *key, const uint8_t seed[FH_TLOG_KEY_LEN],
                            const struct fh_tlog_checkpoint *c, char *out, size_t room)
{
    char text[FH_TLOG_MAX_NAME + 1 + 20 + 1 + BASE64_LEN(FH_TLOG_HASH_LEN) + 2];
    size_t n = strlen(key->name);

    if (c->size > FH_TLOG_MAX_SIZE)
        return FH_CLOUD_E_INVAL;
    memcpy(text, key->name, n);
    text[n++] = '\n';
    n += write_size(c->size, text + n);
    text[n++] = '\n';
    base64_write(c->root, sizeof c->root, text + n);
    n += BASE64_LEN(sizeof c->root);
    text[n++] = '\n';
    return fh_tlog_note_sign(key, seed, text, n, out, room);
}

int fh_tlog_order(const struct fh_tlog_checkpoint *kept, const struct fh_tlog_checkpoint *seen)
{
    if (kept->size != seen->size)
        return seen->size > kept->size ? FH_TLOG_NEWER : FH_TLOG_OLDER;
    return memcmp(kept->root, seen->root, sizeof kept->root) == 0 ? FH_TLOG_SAME : FH_CLOUD_E_FORK;
}
