/* SPDX-License-Identifier: MIT */
/*
 * store_sql.h -- between the files of the SQLite engine. Private.
 *
 * The statements are of the SQL that SQLite 3.35 and MariaDB 10.5 share: no upsert, no
 * AUTO_INCREMENT, no rowid. A change checks its version in the WHERE of the UPDATE.
 */
#ifndef FH_VNCCLOUDD_STORE_SQL_H
#define FH_VNCCLOUDD_STORE_SQL_H

#include <sqlite3.h>

#include "store.h"

enum { FH__SQL_STATEMENTS = 64 };

struct fh__sql {
    sqlite3 *db;
    struct {
        const char *text; /* static: found by its address */
        sqlite3_stmt *statement;
    } cache[FH__SQL_STATEMENTS];
};

/* FH__STORE_E_* of what SQLite says; 0 for what is no error. */
int fh__sql_error(struct fh__sql *q, int rc);
int fh__sql_exec(struct fh__sql *q, const char *text);
void fh__sql_close(struct fh__sql *q);

/*
 * One statement being carried out: parameters are put in order, columns are got in order, errors
 * are kept until the step.
 */
struct fh__sql_row {
    struct fh__sql *q;
    sqlite3_stmt *s;
    int at, rc;
};

struct fh__sql_row fh__sql_begin(struct fh__sql *q, const char *text);
void fh__put_int(struct fh__sql_row *r, int64_t v);
void fh__put_blob(struct fh__sql_row *r, const void *data, size_t len); /* data NULL: NULL */
void fh__put_text(struct fh__sql_row *r, const char *text);
/* 1: a row; 0: no more; FH__STORE_E_*. */
int fh__sql_step(struct fh__sql_row *r);
int64_t fh__get_int(struct fh__sql_row *r);
/* Exactly len bytes, or zeros. */
bool fh__get_blob(struct fh__sql_row *r, void *out, size_t len);
/* Lent until the next step. NULL: NULL. */
const void *fh__get_bytes(struct fh__sql_row *r, size_t *len);
void fh__get_text(struct fh__sql_row *r, char *out, size_t room);
void fh__sql_end(struct fh__sql_row *r);
/* For a statement without rows: steps, ends, and tells how many rows changed. */
int fh__sql_run(struct fh__sql_row *r, int *changed);

/* Each within a transaction, which ends in COMMIT if it returns 0. */
typedef int (*fh__sql_op_fn)(struct fh__sql *q, struct fh__store_call *call);

int fh__sql_endpoint_get(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_endpoint_bind(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_endpoint_use(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_endpoint_create(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_endpoint_list(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_endpoint_update(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_endpoint_reset(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_endpoint_delete(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_endpoint_purge(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_account_create(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_account_get(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_account_find(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_account_list(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_account_update(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_account_delete(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_key_create(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_key_get(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_key_list(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_key_update(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_key_delete(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_stats(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_probe(struct fh__sql *q, struct fh__store_call *call);
int fh__sql_seen(struct fh__sql *q, struct fh__store_call *call);
/* First in each change that may be repeated: 0 to go on, REPLAY, CONFLICT. */
int fh__sql_idempotency(struct fh__sql *q, struct fh__store_call *call);

#endif
