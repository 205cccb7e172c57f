/* SPDX-License-Identifier: MIT */
#include "codecheck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/auth.h>
#include <farhand/codes_file.h>
#include <farhand/identity.h>

#include "log.h"

struct fh__codecheck {
    uv_work_t work;
    char *path;
    char name[FH_AUTH_USER_MAX + 1];
    char code[FH_AUTH_CODE_MAX + 1];
    int error; /* of the check; its errno */
    int because;
    bool is_recovery;
    fh__codecheck_fn done; /* NULL: forgotten */
    void *user;
};

static void explain(const char *path, int error, int because, unsigned line, const char *expected)
{
    if (error == FH_SESSION_E_FORMAT && expected)
        fh__log(FH__LOG_ERROR, "%s:%u: expected %s", path, line, expected);
    else
        fh__log(FH__LOG_ERROR, "%s: %s; nobody gets in by a one-time code", path,
                error == FH_SESSION_E_IO ? strerror(because) : fh_session_strerror(error));
}

bool fh__codecheck_is_enrolled(const char *path, const char *name)
{
    struct fh_codes *codes = NULL;
    struct fh_enrolment e;
    const char *expected;
    unsigned line;
    int error = fh_codes_load(path, &codes, &line, &expected);
    bool is_there;

    if (error && !(error == FH_SESSION_E_IO && errno == ENOENT))
        explain(path, error, errno, line, expected);
    if (error)
        return false;
    is_there = fh_codes_get(codes, name, &e) == 0;
    fh_wipe(&e, sizeof e);
    fh_codes_free(codes);
    return is_there;
}

/* In a worker. */
static void check(uv_work_t *work)
{
    struct fh__codecheck *c = work->data;

    c->error = fh_codes_file_spend(c->path, c->name, c->code, strlen(c->code), (uint64_t)time(NULL),
                                   &c->is_recovery);
    c->because = errno;
    fh_wipe(c->code, sizeof c->code);
}

static void checked(uv_work_t *work, int status)
{
    struct fh__codecheck *c = work->data;
    bool is_right = status == 0 && c->error == 0;

    if (status == 0 && c->error && c->error != FH_SESSION_E_AUTH)
        explain(c->path, c->error, c->because, 0, NULL);
    if (is_right && c->is_recovery)
        fh__log(FH__LOG_NOTICE, "%s used a recovery code", c->name);
    if (c->done)
        c->done(c->user, is_right);
    free(c->path);
    fh_wipe(c, sizeof *c);
    free(c);
}

struct fh__codecheck *fh__codecheck_start(uv_loop_t *loop, const char *path, const char *name,
                                          const char *code, fh__codecheck_fn done, void *user)
{
    struct fh__codecheck *c = calloc(1, sizeof *c);

    if (!c || !(c->path = strdup(path)) || strlen(name) >= sizeof c->name ||
        strlen(code) >= sizeof c->code)
        goto fail;
    strcpy(c->name, name);
    strcpy(c->code, code);
    c->done = done;
    c->user = user;
    c->work.data = c;
    if (uv_queue_work(loop, &c->work, check, checked) == 0)
        return c;
fail:
    if (c) {
        fh_wipe(c->code, sizeof c->code);
        free(c->path);
    }
    free(c);
    return NULL;
}

void fh__codecheck_forget(struct fh__codecheck *c)
{
    if (c)
        c->done = NULL;
}
