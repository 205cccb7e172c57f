/* SPDX-License-Identifier: MIT */
#include <farhand/users.h>

#include <stdlib.h>
#include <string.h>

#include <farhand/login.h>

#include "unique.h"
#include "utf8.h"
#include "wr.h"

enum { LINE_ROOM = 4096 /* of the longest line that can be put together */ };

struct line {
    char *text; /* as it stands in the file, NUL-terminated */
    bool is_entry;
};

struct fh_users {
    struct line *lines;
    size_t n, cap;
    char *text;
    size_t text_len;
};

static const char everyone_else[] = "*";

/* ---- one line: from text ---- */

static bool is_valid_name(const char *name, size_t len)
{
    size_t n;
    uint32_t c;

    if (len == 0 || len > FH_USERS_NAME_MAX || *name == '#' || *name == '@')
        return false;
    for (; len != 0; name += n, len -= n) {
        n = utf8_next(name, len, &c);
        if (n == 0 || c == ':' || utf8_is_control(c) || utf8_is_deceptive(c))
            return false;
    }
    return true;
}

/* Names of groups stand in lists as well. */
static bool is_valid_group(const char *name, size_t len)
{
    return is_valid_name(name, len) && !memchr(name, ',', len) && !memchr(name, ' ', len);
}

static void copy(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    out[len] = '\0';
}

/* Each returns NULL, or what was expected. */

static const char *read_name(const char *text, size_t len, struct fh_user *out)
{
    out->is_group = len > 0 && *text == '@';
    text += out->is_group;
    len -= out->is_group;
    if (out->is_group ? !is_valid_group(text, len) : !is_valid_name(text, len))
        return "a name of 1 to 64 bytes of UTF-8, without ':' and control characters (that of a "
               "group without ',' and spaces too)";
    copy(out->name, text, len);
    return NULL;
}

static const char *read_hash(const char *text, size_t len, struct fh_user *out)
{
    bool is_person = !out->is_group && strcmp(out->name, everyone_else) != 0;

    if (len == 0)
        return NULL;
    if (!is_person)
        return "no hash, since groups and everyone else (*) have no password";
    if (len >= sizeof out->hash)
        return "an argon2id hash ($argon2id$...)";
    copy(out->hash, text, len);
    return fh_password_needs_rehash(out->hash) < 0 ? "an argon2id hash ($argon2id$...)" : NULL;
}

static const char *read_permissions(const char *text, size_t len, struct fh_user *out)
{
    char word[256];
    const char *bad;
    size_t bad_len;

    if (len == 0)
        return NULL;
    if (len < sizeof word)
        copy(word, text, len);
    if (len >= sizeof word || fh_permissions_parse(word, &out->permissions, &bad, &bad_len) != 0)
        return "permissions: all, view-only, none, or names such as "
               "view,keyboard,pointer,clipboard";
    out->has_permissions = true;
    return NULL;
}

static const char *read_require(const char *text, size_t len, struct fh_user *out)
{
    char word[128];

    if (len < sizeof word)
        copy(word, text, len);
    if (out->required != 0 || len >= sizeof word || fh_factors_parse(word, &out->required) != 0)
        return "require=FACTORS, once: password, totp, identity, approval with + between them, "
               "password or identity among them";
    return NULL;
}

static const char *read_group(const char *text, size_t len, struct fh_user *out)
{
    if (out->is_group || out->n_groups == FH_USERS_GROUPS_MAX || !is_valid_group(text, len))
        return "groups=NAME,NAME, at most 16, and not of a group";
    copy(out->groups[out->n_groups], text, len);
    for (size_t i = 0; i < out->n_groups; i++)
        if (strcmp(out->groups[i], out->groups[out->n_groups]) == 0)
            return "each group once";
    out->n_groups++;
    return NULL;
}

static const char *read_identity(const char *text, size_t len, struct fh_user *out)
{
    uint8_t *fp = out->identities[out->n_identities];
    char hex[FH_FINGERPRINT_HEX];

    if (out->is_group || out->n_identities == FH_USERS_IDENTITIES_MAX || len != sizeof hex - 1)
        return "identity=HEX,HEX, fingerprints of 64 digits, at most 16, and not of a group";
    copy(hex, text, len);
    if (fh_fingerprint_from_hex(hex, fp) != 0)
        return "a fingerprint of 64 hexadecimal digits";
    out->n_identities++;
    return NULL;
}

static const char *read_list(const char *text, size_t len, struct fh_user *out,
                             const char *(*read)(const char *, size_t, struct fh_user *))
{
    for (;;) {
        const char *comma = memchr(text, ',', len);
        size_t n = comma ? (size_t)(comma - text) : len;
        const char *expected = read(text, n, out);

        if (expected || !comma)
            return expected;
        text += n + 1;
        len -= n + 1;
    }
}

static bool begins(const char *text, size_t len, const char *word)
{
    return len >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

static const char *read_field(const char *text, size_t len, struct fh_user *out)
{
    if (begins(text, len, "require="))
        return read_require(text + 8, len - 8, out);
    if (begins(text, len, "groups="))
        return out->n_groups ? "groups= once" : read_list(text + 7, len - 7, out, read_group);
    if (begins(text, len, "identity="))
        return out->n_identities ? "identity= once"
                                 : read_list(text + 9, len - 9, out, read_identity);
    return "require=, groups= or identity= after the permissions";
}

static const char *read_user(const char *text, struct fh_user *out)
{
    static const struct {
        const char *(*read)(const char *, size_t, struct fh_user *);
    } columns[] = {{read_name}, {read_hash}, {read_permissions}};
    const char *colon = strchr(text, ':');
    size_t n = 0;

    *out = (struct fh_user){0};
    if (!colon || !strchr(colon + 1, ':'))
        return "NAME:HASH:PERMISSIONS";
    for (;; n++) {
        size_t len = strcspn(text, ":");
        const char *expected = n < 3 ? columns[n].read(text, len, out) : read_field(text, len, out);

        if (expected)
            return expected;
        text += len;
        if (*text == '\0')
            return NULL;
        text++;
    }
}

/* ---- one line: to text ---- */

static void write_text(struct wr *w, const char *text)
{
    wr_bytes(w, text, strlen(text));
}

static void write_identity(struct wr *w, const uint8_t *fp)
{
    char hex[FH_FINGERPRINT_HEX];

    fh_fingerprint_to_hex(fp, hex);
    write_text(w, hex);
}

/* 0, or FH_SESSION_E_INVAL. */
static int write_user(const struct fh_user *user, char out[LINE_ROOM])
{
    struct wr w = wr_init(out, LINE_ROOM - 1);
    char words[192];

    write_text(&w, user->is_group ? "@" : "");
    write_text(&w, user->name);
    write_text(&w, ":");
    write_text(&w, user->hash);
    write_text(&w, ":");
    fh_permissions_format(user->permissions, words, sizeof words);
    write_text(&w, user->has_permissions ? words : "");
    if (user->required) {
        fh_factors_format(user->required, words, sizeof words);
        write_text(&w, ":require=");
        write_text(&w, words);
    }
    for (size_t i = 0; i < user->n_groups; i++) {
        write_text(&w, i == 0 ? ":groups=" : ",");
        write_text(&w, user->groups[i]);
    }
    for (size_t i = 0; i < user->n_identities; i++) {
        write_text(&w, i == 0 ? ":identity=" : ",");
        write_identity(&w, user->identities[i]);
    }
    out[w.len] = '\0';
    return w.bad ? FH_SESSION_E_INVAL : 0;
}

/* ---- all lines ---- */

/* The line of a user, or of a group: NULL if there is none. */
static struct line *find(const struct fh_users *u, const char *name, bool is_group)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < u->n; i++) {
        const char *text = u->lines[i].text;

        if (!u->lines[i].is_entry || (*text == '@') != is_group)
            continue;
        text += is_group;
        if (strcspn(text, ":") == len && memcmp(text, name, len) == 0)
            return &u->lines[i];
    }
    return NULL;
}

/* NULL: the memory, or the lines that there may be, are used up. */
static struct line *new_line(struct fh_users *u, const char *text, size_t len)
{
    if (u->n == FH_USERS_LINES_MAX)
        return NULL;
    if (u->n == u->cap) {
        size_t cap = u->cap ? 2 * u->cap : 16;
        struct line *lines = realloc(u->lines, cap * sizeof *lines);

        if (!lines)
            return NULL;
        u->lines = lines;
        u->cap = cap;
    }
    u->lines[u->n] = (struct line){.text = malloc(len + 1)};
    if (!u->lines[u->n].text)
        return NULL;
    copy(u->lines[u->n].text, text, len);
    return &u->lines[u->n++];
}

static void free_text(char *text)
{
    if (text)
        fh_wipe(text, strlen(text));
    free(text);
}

static int parse_line(struct fh_users *u, const char *text, size_t len, const char **expected)
{
    struct line *line;
    struct fh_user user;

    if (u->n == FH_USERS_LINES_MAX || memchr(text, '\0', len)) {
        *expected = u->n == FH_USERS_LINES_MAX ? "at most 10000 lines" : "text without NUL bytes";
        return FH_SESSION_E_FORMAT;
    }
    line = new_line(u, text, len);
    if (!line)
        return FH_SESSION_E_NOMEM;
    if (len == 0 || *text == '#')
        return 0;
    *expected = read_user(line->text, &user);
    line->is_entry = !*expected;
    fh_wipe(user.hash, sizeof user.hash);
    return *expected ? FH_SESSION_E_FORMAT : 0;
}

static bool has_its_groups(const struct fh_users *u, const struct fh_user *user)
{
    for (size_t i = 0; i < user->n_groups; i++)
        if (!find(u, user->groups[i], true))
            return false;
    return true;
}

/* The '@' of a group belongs to what is compared. */
static int check_names(const struct fh_users *u, unsigned *line, const char **expected)
{
    struct fh__name *names = malloc((u->n + 1) * sizeof *names);
    unsigned twice;
    size_t n = 0;

    if (!names)
        return FH_SESSION_E_NOMEM;
    for (size_t i = 0; i < u->n; i++)
        if (u->lines[i].is_entry)
            names[n++] = (struct fh__name){.text = u->lines[i].text,
                                           .len = strcspn(u->lines[i].text, ":"),
                                           .line = (unsigned)i + 1};
    twice = fh__unique(names, n);
    free(names);
    if (twice == 0)
        return 0;
    *line = twice;
    *expected = "each user and each group once";
    return FH_SESSION_E_FORMAT;
}

/* Groups may stand behind their users, so this is looked at when all is read. */
static int check_groups(const struct fh_users *u, unsigned *line, const char **expected)
{
    struct fh_user user;

    for (size_t i = 0; i < u->n; i++) {
        if (!u->lines[i].is_entry || !strstr(u->lines[i].text, ":groups="))
            continue;
        (void)read_user(u->lines[i].text, &user);
        fh_wipe(user.hash, sizeof user.hash);
        if (has_its_groups(u, &user))
            continue;
        *line = (unsigned)i + 1;
        *expected = "groups that are in the file";
        return FH_SESSION_E_FORMAT;
    }
    return 0;
}

static int parse_lines(struct fh_users *u, const char *text, size_t len, unsigned *line,
                       const char **expected)
{
    int ret = 0;

    if (len > FH_USERS_FILE_MAX) {
        *expected = "a file of at most 1 MiB";
        return FH_SESSION_E_FORMAT;
    }
    while (ret == 0 && len != 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end - text) : len;

        ++*line;
        ret = parse_line(u, text, n, expected);
        n += end != NULL;
        text += n;
        len -= n;
    }
    if (ret == 0)
        ret = check_names(u, line, expected);
    return ret == 0 ? check_groups(u, line, expected) : ret;
}

int fh_users_parse(const char *text, size_t len, struct fh_users **out, unsigned *line,
                   const char **expected)
{
    struct fh_users *u = calloc(1, sizeof *u);
    int ret;

    *line = 0;
    *expected = NULL;
    if (!u)
        return FH_SESSION_E_NOMEM;
    ret = parse_lines(u, text, len, line, expected);
    if (ret != 0) {
        fh_users_free(u);
        return ret;
    }
    *out = u;
    return 0;
}

void fh_users_free(struct fh_users *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->n; i++)
        free_text(u->lines[i].text);
    free(u->lines);
    free_text(u->text);
    free(u);
}

const char *fh_users_text(struct fh_users *u, size_t *len)
{
    size_t total = 0;
    char *p;

    for (size_t i = 0; i < u->n; i++)
        total += strlen(u->lines[i].text) + 1;
    free_text(u->text);
    p = u->text = malloc(total + 1);
    if (!p)
        return NULL;
    for (size_t i = 0; i < u->n; i++) {
        size_t n = strlen(u->lines[i].text);

        memcpy(p, u->lines[i].text, n);
        p[n] = '\n';
        p += n + 1;
    }
    *p = '\0';
    *len = total;
    return u->text;
}

size_t fh_users_count(const struct fh_users *u)
{
    size_t count = 0;

    for (size_t i = 0; i < u->n; i++)
        count += u->lines[i].is_entry;
    return count;
}

void fh_users_at(const struct fh_users *u, size_t i, struct fh_user *out)
{
    *out = (struct fh_user){0};
    for (size_t j = 0; j < u->n; j++)
        if (u->lines[j].is_entry && i-- == 0)
            (void)read_user(u->lines[j].text, out);
}

static int get(const struct fh_users *u, const char *name, bool is_group, struct fh_user *out)
{
    const struct line *line = find(u, name, is_group);

    if (!line)
        return FH_SESSION_E_UNKNOWN;
    (void)read_user(line->text, out);
    return 0;
}

int fh_users_get(const struct fh_users *u, const char *name, struct fh_user *out)
{
    return get(u, name, false, out);
}

int fh_users_get_group(const struct fh_users *u, const char *name, struct fh_user *out)
{
    return get(u, name, true, out);
}

int fh_users_get_or_else(const struct fh_users *u, const char *name, struct fh_user *out)
{
    int ret = get(u, name, false, out);

    return ret == 0 ? 0 : get(u, everyone_else, false, out);
}

int fh_users_put(struct fh_users *u, const struct fh_user *user)
{
    struct line *line = find(u, user->name, user->is_group);
    char text[LINE_ROOM], *fresh = NULL;
    struct fh_user again = {0};
    int ret;

    if (!line && u->n == FH_USERS_LINES_MAX)
        return FH_SESSION_E_LIMIT;
    ret = write_user(user, text);
    if (ret == 0 && (read_user(text, &again) || again.is_group != user->is_group))
        ret = FH_SESSION_E_INVAL;
    if (ret == 0 && !has_its_groups(u, user))
        ret = FH_SESSION_E_UNKNOWN;
    if (ret != 0)
        goto out;
    ret = FH_SESSION_E_NOMEM;
    fresh = malloc(strlen(text) + 1);
    if (fresh && !line)
        line = new_line(u, "", 0);
    if (!fresh || !line)
        goto out;
    strcpy(fresh, text);
    free_text(line->text);
    *line = (struct line){.text = fresh, .is_entry = true};
    fresh = NULL;
    ret = 0;
out:
    free_text(fresh);
    fh_wipe(&again, sizeof again);
    fh_wipe(text, sizeof text);
    return ret;
}

static int remove_line(struct fh_users *u, struct line *line)
{
    if (!line)
        return 0;
    free_text(line->text);
    u->n--;
    memmove(line, line + 1, (size_t)(&u->lines[u->n] - line) * sizeof *line);
    return 1;
}

int fh_users_remove(struct fh_users *u, const char *name)
{
    return remove_line(u, find(u, name, false));
}

static bool is_member(const struct fh_user *user, const char *group)
{
    for (size_t i = 0; i < user->n_groups; i++)
        if (strcmp(user->groups[i], group) == 0)
            return true;
    return false;
}

int fh_users_remove_group(struct fh_users *u, const char *name)
{
    struct line *line = find(u, name, true);
    struct fh_user user;
    bool is_used = false;

    for (size_t i = 0; line && !is_used && i < u->n; i++) {
        if (!u->lines[i].is_entry)
            continue;
        (void)read_user(u->lines[i].text, &user);
        is_used = is_member(&user, name);
        fh_wipe(user.hash, sizeof user.hash);
    }
    return is_used ? FH_SESSION_E_STATE : remove_line(u, line);
}

/* ---- what follows from it ---- */

void fh_users_rights(const struct fh_users *u, const struct fh_user *user, uint32_t *permissions,
                     unsigned *required)
{
    uint32_t may = FH_PERM_NONE;
    unsigned must = 0;
    struct fh_user group;

    for (size_t i = 0; i < user->n_groups; i++) {
        if (get(u, user->groups[i], true, &group) != 0)
            continue;
        may |= group.permissions;
        must |= group.required;
    }
    *permissions = user->has_permissions ? user->permissions : may;
    *required = user->required ? user->required : must;
}

bool fh_user_has_identity(const struct fh_user *user, const uint8_t fp[FH_FINGERPRINT_LEN])
{
    bool is_listed = false;

    for (size_t i = 0; i < user->n_identities; i++)
        is_listed |= memcmp(user->identities[i], fp, FH_FINGERPRINT_LEN) == 0;
    return is_listed;
}

int fh_users_check(const struct fh_users *u, const char *name, const char *password, size_t len)
{
    struct fh_user user = {0};
    int ret;

    if (len > FH_USERS_PASSWORD_MAX)
        return FH_SESSION_E_AUTH;
    if (fh_users_get(u, name, &user) == 0 && user.hash[0] != '\0')
        ret = fh_password_verify(user.hash, password, len);
    else
        ret = fh_password_fake(password, len);
    fh_wipe(user.hash, sizeof user.hash);
    return ret == 0 ? 0 : FH_SESSION_E_AUTH;
}
