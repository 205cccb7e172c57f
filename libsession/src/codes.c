/* SPDX-License-Identifier: MIT */
#include <farhand/codes.h>

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "unique.h"
#include "utf8.h"
#include "wr.h"

enum { LINE_ROOM = 1024 /* of the longest line */, N_COLUMNS = 6, STEP_DIGITS = 20 };

/* A line is kept as it stands in the file, NUL-terminated; comments as well. */
struct fh_codes {
    char **lines;
    size_t n, cap;
    char *text;
};

/* ---- one line: from text ---- */

static void copy(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    out[len] = '\0';
}

static bool read_number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (len == 0 || len > STEP_DIGITS || (len > 1 && *text == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(uint8_t)text[i] - '0';

        if (digit > 9 || digit > max || v > (max - digit) / 10)
            return false;
        v = 10 * v + digit;
    }
    *out = v;
    return true;
}

/* Each returns whether the column is as the header says. */

static bool read_name(const char *text, size_t len, struct fh_enrolment *out)
{
    uint32_t c;

    if (len == 0 || len > FH_USERS_NAME_MAX || *text == '@')
        return false;
    copy(out->name, text, len);
    for (size_t n; len != 0; text += n, len -= n) {
        n = utf8_next(text, len, &c);
        if (n == 0 || utf8_is_control(c) || utf8_is_deceptive(c))
            return false;
    }
    return true;
}

static bool read_hash(const char *text, size_t len, struct fh_enrolment *out)
{
    out->totp.hash = fh_totp_hash_of(text, len);
    return fh_totp_hash_name(out->totp.hash) != NULL;
}

static bool read_digits(const char *text, size_t len, struct fh_enrolment *out)
{
    uint64_t v = 0;
    bool ok = read_number(text, len, FH_TOTP_DIGITS_MAX, &v) && v >= FH_TOTP_DIGITS_MIN;

    out->totp.digits = (unsigned)v;
    return ok;
}

static bool read_secret(const char *text, size_t len, struct fh_enrolment *out)
{
    return fh_totp_key_read(text, len, &out->totp) == 0;
}

static bool read_step(const char *text, size_t len, struct fh_enrolment *out)
{
    return read_number(text, len, UINT64_MAX, &out->step);
}

static bool read_recovery(const char *text, size_t len, struct fh_enrolment *out)
{
    enum { CHARACTERS = BASE64_LEN(FH_RECOVERY_HASH_LEN) };

    for (; len > 0; text += CHARACTERS, len -= CHARACTERS) {
        if (out->n_recovery > 0) {
            if (*text != ',')
                return false;
            text++;
            len--;
        }
        if (len < CHARACTERS || out->n_recovery == FH_RECOVERY_CODES ||
            base64_read(text, CHARACTERS, out->recovery[out->n_recovery], FH_RECOVERY_HASH_LEN) !=
                FH_RECOVERY_HASH_LEN)
            return false;
        out->n_recovery++;
    }
    return true;
}

/* NULL, or what was expected. */
static const char *read_line(const char *text, struct fh_enrolment *out)
{
    static const struct {
        bool (*read)(const char *text, size_t len, struct fh_enrolment *out);
        const char *expected;
    } columns[N_COLUMNS] = {
        {read_name, "NAME:HASH:DIGITS:SECRET:STEP:RECOVERY"},
        {read_hash, "sha1, sha256 or sha512"},
        {read_digits, "6, 7 or 8 digits"},
        {read_secret, "a secret of 16 to 64 bytes in base32"},
        {read_step, "the number of a step"},
        {read_recovery, "at most 10 hashes in base64, with commas between them"},
    };

    *out = (struct fh_enrolment){0};
    for (size_t i = 0; i < N_COLUMNS; i++) {
        size_t len = strcspn(text, ":");
        bool is_last = i == N_COLUMNS - 1;

        if ((text[len] == '\0') != is_last)
            return columns[0].expected;
        if (!columns[i].read(text, len, out))
            return columns[i].expected;
        text += len + 1;
    }
    return NULL;
}

/* ---- one line: to text ---- */

static void write_text(struct wr *w, const char *text)
{
    wr_bytes(w, text, strlen(text));
}

static void write_number(struct wr *w, uint64_t v)
{
    char digits[STEP_DIGITS];
    size_t n = 0;

    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    while (n > 0)
        wr_u8(w, (uint8_t)digits[--n]);
}

static void write_recovery(struct wr *w, const struct fh_enrolment *e)
{
    char text[BASE64_LEN(FH_RECOVERY_HASH_LEN) + 1];

    for (size_t i = 0; i < e->n_recovery && i < FH_RECOVERY_CODES; i++) {
        base64_write(e->recovery[i], FH_RECOVERY_HASH_LEN, text);
        write_text(w, i > 0 ? "," : "");
        write_text(w, text);
    }
}

/* 0, or FH_SESSION_E_INVAL. */
static int write_line(const struct fh_enrolment *e, char out[LINE_ROOM])
{
    const char *hash = fh_totp_hash_name(e->totp.hash);
    struct wr w = wr_init(out, LINE_ROOM - 1);
    char secret[FH_TOTP_BASE32_MAX];

    fh_totp_key_write(&e->totp, secret);
    write_text(&w, e->name);
    write_text(&w, ":");
    write_text(&w, hash ? hash : "");
    write_text(&w, ":");
    write_number(&w, e->totp.digits);
    write_text(&w, ":");
    write_text(&w, secret);
    write_text(&w, ":");
    write_number(&w, e->step);
    write_text(&w, ":");
    write_recovery(&w, e);
    out[w.len] = '\0';
    fh_wipe(secret, sizeof secret);
    return w.bad ? FH_SESSION_E_INVAL : 0;
}

/* ---- all lines ---- */

static void free_text(char *text)
{
    if (text)
        fh_wipe(text, strlen(text));
    free(text);
}

static bool is_entry(const char *line)
{
    return *line != '\0' && *line != '#';
}

/* The place of a user's line; c->n: there is none. */
static size_t find(const struct fh_codes *c, const char *name)
{
    size_t len = strlen(name), i;

    for (i = 0; i < c->n; i++)
        if (is_entry(c->lines[i]) && strcspn(c->lines[i], ":") == len &&
            memcmp(c->lines[i], name, len) == 0)
            break;
    return i;
}

static int add_line(struct fh_codes *c, const char *text, size_t len)
{
    if (c->n == FH_CODES_LINES_MAX)
        return FH_SESSION_E_LIMIT;
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 16;
        char **lines = realloc(c->lines, cap * sizeof *lines);

        if (!lines)
            return FH_SESSION_E_NOMEM;
        c->lines = lines;
        c->cap = cap;
    }
    c->lines[c->n] = malloc(len + 1);
    if (!c->lines[c->n])
        return FH_SESSION_E_NOMEM;
    copy(c->lines[c->n++], text, len);
    return 0;
}

static int parse_line(struct fh_codes *c, const char *text, size_t len, const char **expected)
{
    struct fh_enrolment e;
    int ret;

    if (memchr(text, '\0', len)) {
        *expected = "text without NUL bytes";
        return FH_SESSION_E_FORMAT;
    }
    ret = add_line(c, text, len);
    if (ret == FH_SESSION_E_LIMIT) {
        *expected = "at most 10000 lines";
        return FH_SESSION_E_FORMAT;
    }
    if (ret != 0 || !is_entry(c->lines[c->n - 1]))
        return ret;
    *expected = read_line(c->lines[c->n - 1], &e);
    fh_wipe(&e, sizeof e);
    return *expected ? FH_SESSION_E_FORMAT : 0;
}

static int check_names(const struct fh_codes *c, unsigned *line, const char **expected)
{
    struct fh__name *names = malloc((c->n + 1) * sizeof *names);
    unsigned twice;
    size_t n = 0;

    if (!names)
        return FH_SESSION_E_NOMEM;
    for (size_t i = 0; i < c->n; i++)
        if (is_entry(c->lines[i]))
            names[n++] = (struct fh__name){
                .text = c->lines[i], .len = strcspn(c->lines[i], ":"), .line = (unsigned)i + 1};
    twice = fh__unique(names, n);
    free(names);
    if (twice == 0)
        return 0;
    *line = twice;
    *expected = "each user once";
    return FH_SESSION_E_FORMAT;
}

int fh_codes_parse(const char *text, size_t len, struct fh_codes **out, unsigned *line,
                   const char **expected)
{
    struct fh_codes *c = calloc(1, sizeof *c);
    int ret = c ? 0 : FH_SESSION_E_NOMEM;

    *line = 0;
    *expected = NULL;
    if (c && len > FH_CODES_FILE_MAX) {
        *expected = "a file of at most 8 MiB";
        ret = FH_SESSION_E_FORMAT;
    }
    while (ret == 0 && len != 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end - text) : len;

        ++*line;
        ret = parse_line(c, text, n, expected);
        n += end != NULL;
        text += n;
        len -= n;
    }
    if (ret == 0)
        ret = check_names(c, line, expected);
    if (ret != 0) {
        fh_codes_free(c);
        return ret;
    }
    *out = c;
    return 0;
}

void fh_codes_free(struct fh_codes *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        free_text(c->lines[i]);
    free(c->lines);
    free_text(c->text);
    free(c);
}

const char *fh_codes_text(struct fh_codes *c, size_t *len)
{
    size_t total = 0;
    char *p;

    for (size_t i = 0; i < c->n; i++)
        total += strlen(c->lines[i]) + 1;
    free_text(c->text);
    p = c->text = malloc(total + 1);
    if (!p)
        return NULL;
    for (size_t i = 0; i < c->n; i++) {
        size_t n = strlen(c->lines[i]);

        memcpy(p, c->lines[i], n);
        p[n] = '\n';
        p += n + 1;
    }
    *p = '\0';
    *len = total;
    return c->text;
}

int fh_codes_get(const struct fh_codes *c, const char *name, struct fh_enrolment *out)
{
    size_t i = find(c, name);

    if (i == c->n)
        return FH_SESSION_E_UNKNOWN;
    (void)read_line(c->lines[i], out);
    return 0;
}

int fh_codes_put(struct fh_codes *c, const struct fh_enrolment *e)
{
    size_t i = find(c, e->name);
    struct fh_enrolment again = {0};
    char text[LINE_ROOM], *fresh;
    int ret = write_line(e, text);

    if (ret == 0 && (!is_entry(text) || read_line(text, &again)))
        ret = FH_SESSION_E_INVAL;
    if (ret == 0 && i == c->n) {
        ret = add_line(c, text, strlen(text));
    } else if (ret == 0) {
        fresh = malloc(strlen(text) + 1);
        ret = fresh ? 0 : FH_SESSION_E_NOMEM;
        if (fresh) {
            strcpy(fresh, text);
            free_text(c->lines[i]);
            c->lines[i] = fresh;
        }
    }
    fh_wipe(&again, sizeof again);
    fh_wipe(text, sizeof text);
    return ret;
}

int fh_codes_remove(struct fh_codes *c, const char *name)
{
    size_t i = find(c, name);

    if (i == c->n)
        return 0;
    free_text(c->lines[i]);
    c->n--;
    memmove(&c->lines[i], &c->lines[i + 1], (c->n - i) * sizeof c->lines[0]);
    return 1;
}

/* ---- spending ---- */

/* All ten places are compared, whichever is the one, and however many are left. */
static bool strike_recovery(struct fh_enrolment *e, const char *code, size_t len)
{
    uint8_t hash[FH_RECOVERY_HASH_LEN], none[FH_RECOVERY_HASH_LEN] = {0};
    bool can_be = fh_recovery_hash(e->name, code, len, hash) == 0;
    size_t at = FH_RECOVERY_CODES;

    for (size_t i = 0; can_be && i < FH_RECOVERY_CODES; i++) {
        const uint8_t *kept = i < e->n_recovery ? e->recovery[i] : none;
        uint8_t differs = 0;

        for (size_t j = 0; j < sizeof hash; j++)
            differs |= (uint8_t)(hash[j] ^ kept[j]);
        if (differs == 0)
            at = i;
    }
    if (at >= e->n_recovery)
        return false;
    e->n_recovery--;
    memmove(e->recovery[at], e->recovery[at + 1], (e->n_recovery - at) * sizeof e->recovery[0]);
    return true;
}

int fh_codes_spend(struct fh_codes *c, const char *name, const char *code, size_t len,
                   uint64_t unix_s, bool *is_recovery)
{
    struct fh_enrolment e = {
        .totp = {.hash = FH_TOTP_SHA1, .digits = FH_TOTP_DIGITS_MIN, .key_len = FH_TOTP_KEY_MIN}};
    bool is_enrolled = fh_codes_get(c, name, &e) == 0, is_code, is_struck;
    int ret = FH_SESSION_E_AUTH;

    is_code = fh_totp_check(&e.totp, code, len, unix_s, e.step, &e.step) == 0;
    is_struck = strike_recovery(&e, code, len);
    if (is_enrolled && (is_code || is_struck))
        ret = fh_codes_put(c, &e);
    if (ret == 0)
        *is_recovery = is_struck;
    fh_wipe(&e, sizeof e);
    return ret;
}
