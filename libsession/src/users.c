/* SPDX-License-Identifier: MIT */
#include <farhand/users.h>

#include <stdlib.h>
#include <string.h>

#include <farhand/password.h>

#include "utf8.h"

struct user {
    char *text; /* the line as it stands in the file, NUL-terminated */
    bool is_user;
    char name[FH_USERS_NAME_MAX + 1];
    char hash[FH_PASSWORD_HASH_MAX];
    uint32_t permissions;
};

struct fh_users {
    struct user *lines;
    size_t n, cap;
    char *text;
};

static bool is_valid_name(const char *name, size_t len)
{
    size_t n;
    uint32_t c;

    if (len == 0 || len > FH_USERS_NAME_MAX || *name == '#')
        return false;
    for (; len != 0; name += n, len -= n) {
        n = utf8_next(name, len, &c);
        if (n == 0 || c == ':' || utf8_is_control(c) || utf8_is_deceptive(c))
            return false;
    }
    return true;
}

/* NULL, or what was expected. */
static const char *read_user(struct user *u)
{
    const char *name_end, *hash, *hash_end, *bad;
    size_t bad_len;

    if (u->text[0] == '\0' || u->text[0] == '#')
        return NULL;
    name_end = strchr(u->text, ':');
    hash = name_end ? name_end + 1 : NULL;
    hash_end = hash ? strchr(hash, ':') : NULL;
    if (!hash_end)
        return "NAME:HASH:PERMISSIONS";
    if (!is_valid_name(u->text, (size_t)(name_end - u->text)))
        return "a user name of 1 to 64 bytes of UTF-8, without ':' and control characters";
    if ((size_t)(hash_end - hash) >= sizeof u->hash)
        return "an argon2id hash ($argon2id$...)";
    memcpy(u->hash, hash, (size_t)(hash_end - hash));
    u->hash[hash_end - hash] = '\0';
    if (fh_password_needs_rehash(u->hash) < 0)
        return "an argon2id hash ($argon2id$...)";
    if (fh_permissions_parse(hash_end + 1, &u->permissions, &bad, &bad_len) != 0)
        return "permissions: all, view-only, none, or names such as "
               "view,keyboard,pointer,clipboard";
    memcpy(u->name, u->text, (size_t)(name_end - u->text));
    u->name[name_end - u->text] = '\0';
    u->is_user = true;
    return NULL;
}

static struct user *find(const struct fh_users *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->lines[i].is_user && strcmp(u->lines[i].name, name) == 0)
            return &u->lines[i];
    return NULL;
}

static struct user *new_line(struct fh_users *u, const char *text, size_t len)
{
    if (u->n == u->cap) {
        size_t cap = u->cap ? 2 * u->cap : 16;
        struct user *lines = realloc(u->lines, cap * sizeof *lines);

        if (!lines)
            return NULL;
        u->lines = lines;
        u->cap = cap;
    }
    u->lines[u->n] = (struct user){.text = malloc(len + 1)};
    if (!u->lines[u->n].text)
        return NULL;
    memcpy(u->lines[u->n].text, text, len);
    u->lines[u->n].text[len] = '\0';
    return &u->lines[u->n++];
}

static int parse_line(struct fh_users *u, const char *text, size_t len, const char **expected)
{
    struct user *line = new_line(u, text, len);

    if (!line)
        return FH_SESSION_E_NOMEM;
    *expected = memchr(text, '\0', len) ? "text without NUL bytes" : read_user(line);
    if (!*expected && line->is_user && find(u, line->name) != line)
        *expected = "each user once";
    return *expected ? FH_SESSION_E_FORMAT : 0;
}

int fh_users_parse(const char *text, size_t len, struct fh_users **out, unsigned *line,
                   const char **expected)
{
    struct fh_users *u = calloc(1, sizeof *u);
    int ret = u ? 0 : FH_SESSION_E_NOMEM;

    *line = 0;
    *expected = NULL;
    if (u && len > FH_USERS_FILE_MAX) {
        *expected = "a file of at most 1 MiB";
        ret = FH_SESSION_E_FORMAT;
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
        free(u->lines[i].text);
    free(u->lines);
    free(u->text);
    free(u);
}

const char *fh_users_text(struct fh_users *u, size_t *len)
{
    size_t total = 0;
    char *p;

    for (size_t i = 0; i < u->n; i++)
        total += strlen(u->lines[i].text) + 1;
    p = realloc(u->text, total + 1);
    if (!p)
        return NULL;
    u->text = p;
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

/* The i-th user among the lines, which may be comments too; NULL if there are fewer. */
static const struct user *nth(const struct fh_users *u, size_t i)
{
    for (size_t j = 0; j < u->n; j++)
        if (u->lines[j].is_user && i-- == 0)
            return &u->lines[j];
    return NULL;
}

size_t fh_users_count(const struct fh_users *u)
{
    size_t count = 0;

    for (size_t i = 0; i < u->n; i++)
        count += u->lines[i].is_user;
    return count;
}

const char *fh_users_name(const struct fh_users *u, size_t i)
{
    const struct user *user = nth(u, i);

    return user ? user->name : NULL;
}

uint32_t fh_users_permissions(const struct fh_users *u, size_t i)
{
    const struct user *user = nth(u, i);

    return user ? user->permissions : FH_PERM_NONE;
}

const char *fh_users_find(const struct fh_users *u, const char *name, uint32_t *permissions)
{
    const struct user *user = find(u, name);

    if (!user)
        return NULL;
    *permissions = user->permissions;
    return user->hash;
}

int fh_users_set(struct fh_users *u, const char *name, const char *hash, uint32_t permissions)
{
    char text[FH_USERS_NAME_MAX + FH_PASSWORD_HASH_MAX + 200], names[192];
    struct user fresh = {.text = text}, *line = find(u, name);
    char *copy;

    if (!is_valid_name(name, strlen(name)) || strlen(hash) >= FH_PASSWORD_HASH_MAX)
        return FH_SESSION_E_INVAL;
    fh_permissions_format(permissions, names, sizeof names);
    strcpy(text, name);
    strcat(text, ":");
    strcat(text, hash);
    strcat(text, ":");
    strcat(text, names);
    if (read_user(&fresh) != NULL)
        return FH_SESSION_E_INVAL;
    if (!line)
        line = new_line(u, "", 0);
    copy = line ? malloc(strlen(text) + 1) : NULL;
    if (!copy)
        return FH_SESSION_E_NOMEM;
    strcpy(copy, text);
    free(line->text);
    *line = fresh;
    line->text = copy;
    return 0;
}

int fh_users_remove(struct fh_users *u, const char *name)
{
    struct user *line = find(u, name);

    if (!line)
        return 0;
    free(line->text);
    u->n--;
    memmove(line, line + 1, (size_t)(&u->lines[u->n] - line) * sizeof *line);
    return 1;
}

int fh_users_check(const struct fh_users *u, const char *name, const char *password, size_t len,
                   uint32_t *permissions)
{
    const struct user *user = find(u, name);
    int ret;

    if (len > FH_USERS_PASSWORD_MAX)
        return FH_SESSION_E_AUTH;
    if (!user) {
        fh_password_fake(password, len);
        return FH_SESSION_E_AUTH;
    }
    ret = fh_password_verify(user->hash, password, len);
    if (ret != 0)
        return FH_SESSION_E_AUTH;
    *permissions = user->permissions;
    return 0;
}
