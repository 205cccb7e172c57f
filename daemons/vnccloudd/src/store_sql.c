/* SPDX-License-Identifier: MIT */
/* store_sql.c -- statements, kept prepared, and what their errors mean. */
#include "store_sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * A full disk shows in several ways: a write is refused, or the index of the WAL cannot grow. What
 * fails in COMMIT is not noted by SQLite; errno, cleared before, still has it.
 */
static int io_error(struct fh__sql *q)
{
    switch (errno != 0 ? errno : sqlite3_system_errno(q->db)) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return FH__STORE_E_FULL;
    case EROFS:
    case EACCES:
    case EPERM:
        return FH__STORE_E_READONLY;
    }
    return FH__STORE_E_IO;
}

int fh__sql_error(struct fh__sql *q, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return FH__STORE_E_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return FH__STORE_E_READONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return FH__STORE_E_BUSY;
    case SQLITE_NOMEM:
        return FH__STORE_E_NOMEM;
    case SQLITE_CONSTRAINT:
        return FH__STORE_E_EXISTS;
    }
    return io_error(q);
}

int fh__sql_exec(struct fh__sql *q, const char *text)
{
    errno = 0;
    return fh__sql_error(q, sqlite3_exec(q->db, text, NULL, NULL, NULL));
}

void fh__sql_close(struct fh__sql *q)
{
    for (size_t i = 0; i < FH__SQL_STATEMENTS; i++)
        sqlite3_finalize(q->cache[i].statement);
    sqlite3_close(q->db);
    *q = (struct fh__sql){0};
}

struct fh__sql_row fh__sql_begin(struct fh__sql *q, const char *text)
{
    struct fh__sql_row r = {.q = q};
    size_t i = 0;

    while (i < FH__SQL_STATEMENTS - 1 && q->cache[i].text && q->cache[i].text != text)
        i++;
    if (q->cache[i].text != text) { /* the last place is everybody's, should the others not do */
        sqlite3_finalize(q->cache[i].statement);
        q->cache[i].statement = NULL;
        q->cache[i].text = NULL;
        r.rc = sqlite3_prepare_v3(q->db, text, -1, SQLITE_PREPARE_PERSISTENT,
                                  &q->cache[i].statement, NULL);
        if (r.rc == SQLITE_OK)
            q->cache[i].text = text;
    }
    r.s = q->cache[i].statement;
    return r;
}

void fh__put_int(struct fh__sql_row *r, int64_t v)
{
    if (r->rc == SQLITE_OK)
        r->rc = sqlite3_bind_int64(r->s, ++r->at, v);
}

void fh__put_blob(struct fh__sql_row *r, const void *data, size_t len)
{
    if (r->rc != SQLITE_OK)
        return;
    if (!data)
        r->rc = sqlite3_bind_null(r->s, ++r->at);
    else
        r->rc = sqlite3_bind_blob64(r->s, ++r->at, data, len, SQLITE_STATIC);
}

void fh__put_text(struct fh__sql_row *r, const char *text)
{
    if (r->rc == SQLITE_OK)
        r->rc = sqlite3_bind_text(r->s, ++r->at, text, -1, SQLITE_STATIC);
}

int fh__sql_step(struct fh__sql_row *r)
{
    if (r->rc != SQLITE_OK)
        return fh__sql_error(r->q, r->rc);
    errno = 0;
    switch (r->rc = sqlite3_step(r->s)) {
    case SQLITE_ROW:
        r->rc = SQLITE_OK;
        r->at = 0;
        return 1;
    case SQLITE_DONE:
        return 0;
    }
    return fh__sql_error(r->q, r->rc);
}

int64_t fh__get_int(struct fh__sql_row *r)
{
    return sqlite3_column_int64(r->s, r->at++);
}

const void *fh__get_bytes(struct fh__sql_row *r, size_t *len)
{
    const void *p = sqlite3_column_blob(r->s, r->at);

    *len = p ? (size_t)sqlite3_column_bytes(r->s, r->at) : 0;
    r->at++;
    return p;
}

bool fh__get_blob(struct fh__sql_row *r, void *out, size_t len)
{
    size_t n;
    const void *p = fh__get_bytes(r, &n);

    memset(out, 0, len);
    if (!p || n != len)
        return false;
    memcpy(out, p, len);
    return true;
}

void fh__get_text(struct fh__sql_row *r, char *out, size_t room)
{
    const unsigned char *text = sqlite3_column_text(r->s, r->at++);

    snprintf(out, room, "%s", text ? (const char *)text : "");
}

void fh__sql_end(struct fh__sql_row *r)
{
    if (!r->s)
        return;
    sqlite3_reset(r->s);
    sqlite3_clear_bindings(r->s);
}

int fh__sql_run(struct fh__sql_row *r, int *changed)
{
    int ret = fh__sql_step(r);

    if (ret >= 0 && changed)
        *changed = sqlite3_changes(r->q->db);
    fh__sql_end(r);
    return ret < 0 ? ret : 0;
}
