/* SPDX-License-Identifier: MIT */
/* userstore.c -- the users of the running service. */
#include "userstore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>
#include <farhand/users_file.h>

#include "log.h"

/* Shared by the store and the checks that run; counted on the loop's thread only. */
struct fh__userlist {
    struct fh_users *users;
    size_t n_people;
    unsigned refs;
};

struct fh__usercheck {
    uv_work_t work;
    struct fh__userlist *list; /* NULL: there are no users */
    char name[FH_USERS_NAME_MAX + 1];
    char password[FH_USERS_PASSWORD_MAX];
    size_t len;
    bool is_right;
    fh__usercheck_fn done; /* NULL: forgotten */
    void *user;
};

static void unref(struct fh__userlist *list)
{
    if (!list || --list->refs > 0)
        return;
    fh_users_free(list->users);
    free(list);
}

void fh__userstore_init(struct fh__userstore *s, const char *path)
{
    memset(s, 0, sizeof *s);
    s->path = path;
}

void fh__userstore_finish(struct fh__userstore *s)
{
    unref(s->list);
    s->list = NULL;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void explain(const struct fh__userstore *s, int error, unsigned line, const char *expected)
{
    if (error == FH_SESSION_E_FORMAT)
        fh__log(FH__LOG_ERROR, "%s:%u: expected %s", s->path, line, expected);
    else if (error == FH_SESSION_E_IO)
        fh__log(FH__LOG_ERROR, "%s: %s", s->path, strerror(errno));
    else
        fh__log(FH__LOG_ERROR, "%s: %s", s->path, fh_session_strerror(error));
}

/* Groups let nobody in. */
static size_t count_people(const struct fh_users *users)
{
    struct fh_user user;
    size_t n = 0;

    for (size_t i = 0; i < fh_users_count(users); i++) {
        fh_users_at(users, i, &user);
        n += !user.is_group;
    }
    fh_wipe(&user, sizeof user);
    return n;
}

static void load(struct fh__userstore *s)
{
    struct fh__userlist *list = calloc(1, sizeof *list);
    const char *expected = NULL;
    unsigned line = 0;
    int error = list ? fh_users_load(s->path, &list->users, &line, &expected) : FH_SESSION_E_NOMEM;

    if (error) {
        explain(s, error, line, expected);
        free(list);
        return;
    }
    list->refs = 1;
    s->list = list;
    list->n_people = count_people(list->users);
    fh__log(FH__LOG_INFO, "%zu users in %s", list->n_people, s->path);
}

size_t fh__userstore_refresh(struct fh__userstore *s)
{
    struct stat now;

    if (stat(s->path, &now) != 0) {
        unref(s->list);
        s->list = NULL;
        s->is_known = false;
        return 0;
    }
    if (!s->is_known || !is_same_file(&now, &s->seen)) {
        unref(s->list);
        s->list = NULL;
        s->seen = now;
        s->is_known = true;
        load(s);
    }
    return s->list ? s->list->n_people : 0;
}

void fh__userstore_account(struct fh__userstore *s, const char *name,
                           const uint8_t fingerprint[FH_FINGERPRINT_LEN],
                           struct fh_login_account *out)
{
    struct fh_user user;

    *out = (struct fh_login_account){0};
    fh__userstore_refresh(s);
    if (!s->list || fh_users_get_or_else(s->list->users, name, &user) != 0)
        return;
    out->exists = true;
    out->has_password = fh_password_read(user.hash, &out->password) == 0;
    out->is_identity_listed = fingerprint && fh_user_has_identity(&user, fingerprint);
    fh_users_rights(s->list->users, &user, &out->permissions, &out->required);
    fh_wipe(&user, sizeof user);
}

/* In a worker. */
static void check(uv_work_t *work)
{
    struct fh__usercheck *c = work->data;

    if (c->list)
        c->is_right = fh_users_check(c->list->users, c->name, c->password, c->len) == 0;
    else
        (void)fh_password_fake(c->password, c->len);
    fh_wipe(c->password, sizeof c->password);
}

static void checked(uv_work_t *work, int status)
{
    struct fh__usercheck *c = work->data;

    if (c->done)
        c->done(c->user, status == 0 && c->is_right);
    unref(c->list);
    fh_wipe(c->password, sizeof c->password);
    free(c);
}

struct fh__usercheck *fh__userstore_check(struct fh__userstore *s, uv_loop_t *loop,
                                          const char *name, const char *password, size_t len,
                                          fh__usercheck_fn done, void *user)
{
    struct fh__usercheck *c = calloc(1, sizeof *c);
    size_t name_len = strlen(name);

    fh__userstore_refresh(s);
    if (!c)
        return NULL;
    /* What is too long for the file is nobody's: the work is done all the same, for a name that
     * cannot be in it. */
    if (name_len < sizeof c->name && len <= sizeof c->password) {
        memcpy(c->name, name, name_len);
        memcpy(c->password, password, len);
        c->len = len;
    }
    c->list = s->list;
    c->done = done;
    c->user = user;
    c->work.data = c;
    if (uv_queue_work(loop, &c->work, check, checked) != 0) {
        fh_wipe(c->password, sizeof c->password);
        free(c);
        return NULL;
    }
    if (c->list)
        c->list->refs++;
    return c;
}

void fh__usercheck_forget(struct fh__usercheck *c)
{
    if (c)
        c->done = NULL;
}
