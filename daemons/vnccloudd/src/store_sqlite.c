/* SPDX-License-Identifier: MIT */
/*
 * store_sqlite.c -- a worker thread that has the connection, and what it is asked.
 *
 * Calls wait in a list that is bounded, are carried out one after the other, and go back by a
 * uv_async_t. A backup is made a few pages at a time between them, by the same connection, so that
 * neither waits for the other.
 */
#define _DEFAULT_SOURCE
#include "store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_sql.h"

enum {
    SCHEMA = 1,
    WAITING_MAX = 65536, /* calls */
    TRIES = 3,           /* of a change that another program's lock was in the way of */
    BACKUP_PAGES = 128,  /* at a time */
    SEEN_BATCH = 1024,
    SEEN_MS = 5 * 60 * 1000,
    BUSY_MS = 5000
};

struct list {
    struct fh__store_call *first, **last;
};

struct backup {
    struct fh__store_call *call; /* NULL: none is being made */
    sqlite3 *db;
    sqlite3_backup *copy;
    char *partial;
};

struct fh__store_sqlite {
    struct fh__store base;
    struct fh__sql sql;
    uv_loop_t *loop;
    uint64_t seen_ms;
    uv_timer_t timer;
    uv_async_t async;
    uv_thread_t thread;
    unsigned handles;
    struct fh__seen *seen; /* the batch that is being collected */
    size_t n_seen;
    bool is_closing;
    void (*closed)(void *user);
    void *user;
    struct backup backup; /* the worker's */

    uv_mutex_t mutex; /* of what follows */
    uv_cond_t work;
    struct list waiting, done;
    size_t n_waiting;
    bool is_over;
};

static void push(struct list *l, struct fh__store_call *call)
{
    call->next = NULL;
    *l->last = call;
    l->last = &call->next;
}

static struct fh__store_call *pop(struct list *l)
{
    struct fh__store_call *call = l->first;

    if (call && !(l->first = call->next))
        l->last = &l->first;
    return call;
}

/* ---- tables ---- */

/*
 * Each step leads from one version to the next, in a transaction. Steps are only ever added: what
 * an older service would stumble over waits for the version after (expand, migrate, contract).
 */
static const char *const migrations[SCHEMA] = {
    "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT;"
    "INSERT INTO meta VALUES ('schema', 1), ('probed', 0);"
    "CREATE TABLE account (id BLOB NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " disabled INTEGER NOT NULL, address_limit INTEGER NOT NULL, relay_kbit INTEGER NOT NULL,"
    " relay_bytes INTEGER NOT NULL, created_ms INTEGER NOT NULL, version INTEGER NOT NULL) STRICT;"
    "CREATE TABLE endpoint (address BLOB NOT NULL PRIMARY KEY,"
    " account BLOB NOT NULL REFERENCES account(id) ON DELETE CASCADE, roles INTEGER NOT NULL,"
    " has_acl INTEGER NOT NULL, member_groups BLOB, allow_groups BLOB, allow_addresses BLOB,"
    " expires_ms INTEGER NOT NULL, uses_left INTEGER NOT NULL, stored BLOB, binding BLOB,"
    " fingerprint BLOB, log_index INTEGER NOT NULL, log_salt BLOB, label TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL,"
    " version INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX endpoint_of_account ON endpoint (account, address);"
    "CREATE INDEX endpoint_expires ON endpoint (expires_ms);"
    "CREATE TABLE api_key (id TEXT NOT NULL PRIMARY KEY,"
    " account BLOB NOT NULL REFERENCES account(id) ON DELETE CASCADE, hash BLOB NOT NULL,"
    " scopes INTEGER NOT NULL, networks TEXT NOT NULL, label TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, last_used_ms INTEGER NOT NULL,"
    " version INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX api_key_of_account ON api_key (account, id);"
    "CREATE TABLE answer (owner TEXT NOT NULL, name TEXT NOT NULL, account BLOB NOT NULL,"
    " request BLOB NOT NULL, status INTEGER NOT NULL, body BLOB, created_ms INTEGER NOT NULL,"
    " PRIMARY KEY (owner, name)) STRICT;"
    "CREATE INDEX answer_created ON answer (created_ms);"
    "CREATE INDEX answer_of_owner ON answer (owner, created_ms);",
};

/* 0: there are no tables yet. */
static int read_schema(struct fh__sql *q, int64_t *out)
{
    static const char any[] = "SELECT COUNT(*) FROM sqlite_schema";
    static const char text[] = "SELECT value FROM meta WHERE name = 'schema'";
    struct fh__sql_row r = fh__sql_begin(q, any);
    int ret = fh__sql_step(&r);
    bool empty = ret == 1 && fh__get_int(&r) == 0;

    fh__sql_end(&r);
    *out = 0;
    if (ret < 0 || empty)
        return ret < 0 ? ret : 0;
    r = fh__sql_begin(q, text);
    if ((ret = fh__sql_step(&r)) == 1)
        *out = fh__get_int(&r);
    fh__sql_end(&r);
    return ret < 0 ? ret : *out < 1 ? FH__STORE_E_IO : 0;
}

static int migrate(struct fh__sql *q)
{
    static const char text[] = "UPDATE meta SET value = ? WHERE name = 'schema'";
    struct fh__sql_row r;
    int64_t schema;
    int ret;

    if ((ret = fh__sql_exec(q, "BEGIN IMMEDIATE")) != 0)
        return ret;
    if ((ret = read_schema(q, &schema)) == 0 && schema > SCHEMA)
        ret = FH__STORE_E_NEWER;
    for (; ret == 0 && schema < SCHEMA; schema++) {
        if ((ret = fh__sql_exec(q, migrations[schema])) != 0)
            break;
        r = fh__sql_begin(q, text);
        fh__put_int(&r, schema + 1);
        ret = fh__sql_run(&r, NULL);
    }
    if (ret == 0)
        ret = fh__sql_exec(q, "COMMIT");
    if (ret != 0)
        (void)fh__sql_exec(q, "ROLLBACK");
    return ret;
}

/* ---- the worker: transactions ---- */

static const struct {
    fh__sql_op_fn fn; /* NULL: a backup */
    bool is_change;
} ops[FH__STORE_OPS] = {
    [FH__STORE_ENDPOINT_GET] = {fh__sql_endpoint_get, false},
    [FH__STORE_ENDPOINT_BIND] = {fh__sql_endpoint_bind, true},
    [FH__STORE_ENDPOINT_USE] = {fh__sql_endpoint_use, true},
    [FH__STORE_ENDPOINT_CREATE] = {fh__sql_endpoint_create, true},
    [FH__STORE_ENDPOINT_LIST] = {fh__sql_endpoint_list, false},
    [FH__STORE_ENDPOINT_UPDATE] = {fh__sql_endpoint_update, true},
    [FH__STORE_ENDPOINT_RESET] = {fh__sql_endpoint_reset, true},
    [FH__STORE_ENDPOINT_DELETE] = {fh__sql_endpoint_delete, true},
    [FH__STORE_ENDPOINT_PURGE] = {fh__sql_endpoint_purge, true},
    [FH__STORE_ACCOUNT_CREATE] = {fh__sql_account_create, true},
    [FH__STORE_ACCOUNT_GET] = {fh__sql_account_get, false},
    [FH__STORE_ACCOUNT_FIND] = {fh__sql_account_find, false},
    [FH__STORE_ACCOUNT_LIST] = {fh__sql_account_list, false},
    [FH__STORE_ACCOUNT_UPDATE] = {fh__sql_account_update, true},
    [FH__STORE_ACCOUNT_DELETE] = {fh__sql_account_delete, true},
    [FH__STORE_KEY_CREATE] = {fh__sql_key_create, true},
    [FH__STORE_KEY_GET] = {fh__sql_key_get, false},
    [FH__STORE_KEY_LIST] = {fh__sql_key_list, false},
    [FH__STORE_KEY_UPDATE] = {fh__sql_key_update, true},
    [FH__STORE_KEY_DELETE] = {fh__sql_key_delete, true},
    [FH__STORE_STATS] = {fh__sql_stats, false},
    [FH__STORE_PROBE] = {fh__sql_probe, true},
    [FH__STORE_SEEN] = {fh__sql_seen, true},
};

/* What a reading call found before it failed, or before it is tried again. */
static void forget_results(struct fh__store_call *call)
{
    if (call->endpoints)
        for (size_t i = 0; i < call->n; i++)
            fh__endpoint_free(call->endpoints[i]);
    free(call->endpoints);
    free(call->accounts);
    free(call->keys);
    free(call->addresses);
    call->addresses = NULL;
    call->endpoints = NULL;
    call->accounts = NULL;
    call->keys = NULL;
    if (call->op != FH__STORE_SEEN)
        call->n = 0;
    call->more = false;
}

static int try_once(struct fh__sql *q, struct fh__store_call *call)
{
    bool is_change = ops[call->op].is_change;
    int ret = fh__sql_exec(q, is_change ? "BEGIN IMMEDIATE" : "BEGIN");

    if (ret != 0)
        return ret;
    ret = ops[call->op].fn(q, call);
    if (ret == 0)
        ret = fh__sql_exec(q, "COMMIT");
    if (ret != 0 && sqlite3_get_autocommit(q->db) == 0)
        (void)fh__sql_exec(q, "ROLLBACK");
    return ret;
}

static void carry_out(struct fh__sql *q, struct fh__store_call *call)
{
    uint64_t version = call->version;

    for (int i = 0; i < TRIES; i++) {
        call->ret = try_once(q, call);
        if (call->ret != 0) {
            forget_results(call);
            call->version = version;
        }
        if (call->ret != FH__STORE_E_BUSY)
            break;
    }
    if (call->op == FH__STORE_ACCOUNT_DELETE && call->ret == 0) /* nor is it left in the log */
        (void)sqlite3_wal_checkpoint_v2(q->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (call->op == FH__STORE_STATS && call->ret == 0) {
        sqlite3_int64 size = 0;
        const char *name = sqlite3_db_filename(q->db, "main");
        struct stat st;

        if (name && stat(name, &st) == 0)
            size = st.st_size;
        call->stats.database_bytes = (uint64_t)size;
    }
}

/* ---- the worker: backup ---- */

/* The copy gets its name when it is whole and on the disk. */
static int finish_copy(struct backup *b, int ret)
{
    int fd;

    if (b->copy && sqlite3_backup_finish(b->copy) != SQLITE_OK && ret == 0)
        ret = FH__STORE_E_IO;
    sqlite3_close(b->db);
    if (ret == 0) {
        struct stat st;

        fd = open(b->partial, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) != 0 || fstat(fd, &st) != 0 ||
            rename(b->partial, b->call->text) != 0)
            ret = errno == ENOSPC ? FH__STORE_E_FULL : FH__STORE_E_IO;
        else
            b->call->count = (uint64_t)st.st_size;
        if (fd >= 0)
            close(fd);
    }
    if (ret != 0 && b->partial)
        unlink(b->partial);
    free(b->partial);
    return ret;
}

static int begin_copy(struct fh__sql *q, struct backup *b)
{
    size_t room = strlen(b->call->text) + sizeof ".partial";
    struct fh__sql to;
    int fd, rc;

    if (!(b->partial = malloc(room)))
        return FH__STORE_E_NOMEM;
    snprintf(b->partial, room, "%s.partial", b->call->text);
    if (access(b->call->text, F_OK) == 0)
        return FH__STORE_E_EXISTS;
    fd = open(b->partial, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == ENOSPC                     ? FH__STORE_E_FULL
               : errno == EROFS || errno == EACCES ? FH__STORE_E_READONLY
                                                   : FH__STORE_E_IO;
    close(fd);
    rc = sqlite3_open_v2(b->partial, &b->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    to.db = b->db;
    if (rc == SQLITE_OK && !(b->copy = sqlite3_backup_init(b->db, "main", q->db, "main")))
        rc = sqlite3_errcode(b->db);
    return fh__sql_error(&to, rc);
}

/* One piece. True: it is over. */
static bool step_copy(struct backup *b)
{
    struct fh__sql to = {.db = b->db};
    int rc = sqlite3_backup_step(b->copy, BACKUP_PAGES), ret;

    if (rc == SQLITE_OK)
        return false;
    ret = finish_copy(b, rc == SQLITE_DONE ? 0 : fh__sql_error(&to, rc));
    b->call->ret = ret;
    return true;
}

/* ---- the worker: the thread ---- */

static void give_back(struct fh__store_sqlite *s, struct fh__store_call *call)
{
    uv_mutex_lock(&s->mutex);
    push(&s->done, call);
    uv_mutex_unlock(&s->mutex);
    uv_async_send(&s->async);
}

static void begin_backup(struct fh__store_sqlite *s, struct fh__store_call *call)
{
    if (s->backup.call) {
        call->ret = FH__STORE_E_BUSY;
        give_back(s, call);
        return;
    }
    s->backup = (struct backup){.call = call};
    if ((call->ret = begin_copy(&s->sql, &s->backup)) == 0)
        return;
    call->ret = finish_copy(&s->backup, call->ret);
    s->backup = (struct backup){0};
    give_back(s, call);
}

static void go_on_with_backup(struct fh__store_sqlite *s)
{
    struct fh__store_call *call = s->backup.call;

    if (!call || !step_copy(&s->backup))
        return;
    s->backup = (struct backup){0};
    give_back(s, call);
}

/* The next call. False: there is none and will be none. */
static bool take(struct fh__store_sqlite *s, struct fh__store_call **out)
{
    bool over;

    uv_mutex_lock(&s->mutex);
    while (!s->waiting.first && !s->is_over && !s->backup.call)
        uv_cond_wait(&s->work, &s->mutex);
    if ((*out = pop(&s->waiting)) != NULL)
        s->n_waiting--;
    over = s->is_over && !*out && !s->backup.call;
    uv_mutex_unlock(&s->mutex);
    return !over;
}

static void work(void *arg)
{
    struct fh__store_sqlite *s = arg;
    struct fh__store_call *call;

    while (take(s, &call)) {
        if (call && call->op == FH__STORE_BACKUP) {
            begin_backup(s, call);
        } else if (call) {
            carry_out(&s->sql, call);
            give_back(s, call);
        }
        go_on_with_backup(s);
    }
}

/* ---- the loop's side ---- */

static void on_answers(uv_async_t *async)
{
    struct fh__store_sqlite *s = async->data;
    struct fh__store_call *call, *next;

    uv_mutex_lock(&s->mutex);
    call = s->done.first;
    s->done = (struct list){.last = &s->done.first};
    uv_mutex_unlock(&s->mutex);
    for (; call; call = next) {
        next = call->next;
        call->next = NULL;
        call->done(call); /* frees it; may submit another */
    }
}

static void submit(struct fh__store *base, struct fh__store_call *call)
{
    struct fh__store_sqlite *s = (struct fh__store_sqlite *)base;

    uv_mutex_lock(&s->mutex);
    if (s->is_closing || s->n_waiting == WAITING_MAX) {
        call->ret = s->is_closing ? FH__STORE_E_CLOSED : FH__STORE_E_BUSY;
        push(&s->done, call);
        uv_async_send(&s->async);
    } else {
        push(&s->waiting, call);
        s->n_waiting++;
        uv_cond_signal(&s->work);
    }
    uv_mutex_unlock(&s->mutex);
}

/* What could not be written is lost: it is only a time of day. */
static void on_seen_written(struct fh__store_call *call)
{
    fh__store_call_free(call);
}

static void write_seen(struct fh__store_sqlite *s)
{
    struct fh__store_call *call;

    if (s->n_seen == 0)
        return;
    if ((call = fh__store_call_new(FH__STORE_SEEN, on_seen_written, NULL)) != NULL) {
        call->seen = s->seen;
        call->n = s->n_seen;
        s->seen = NULL;
        submit(&s->base, call);
    }
    s->n_seen = 0;
}

static void on_timer(uv_timer_t *timer)
{
    write_seen(timer->data);
}

static void seen(struct fh__store *base, const struct fh__seen *what)
{
    struct fh__store_sqlite *s = (struct fh__store_sqlite *)base;

    if (s->is_closing || (!s->seen && !(s->seen = calloc(SEEN_BATCH, sizeof *s->seen))))
        return;
    s->seen[s->n_seen++] = *what;
    if (s->n_seen == SEEN_BATCH)
        write_seen(s);
    else if (!uv_is_active((uv_handle_t *)&s->timer))
        uv_timer_start(&s->timer, on_timer, s->seen_ms, 0);
}

/* ---- opening and closing ---- */

static void discard(struct fh__store_sqlite *s)
{
    fh__sql_close(&s->sql);
    free(s->seen);
    uv_cond_destroy(&s->work);
    uv_mutex_destroy(&s->mutex);
    free(s);
}

static void on_closed(uv_handle_t *h)
{
    struct fh__store_sqlite *s = h->data;
    void (*closed)(void *user) = s->closed;
    void *user = s->user;

    if (--s->handles != 0)
        return;
    discard(s);
    if (closed)
        closed(user);
}

/* The worker finishes what waits first; on_answers() may run once more before the handle closes. */
static void close_store(struct fh__store *base, void (*closed)(void *user), void *user)
{
    struct fh__store_sqlite *s = (struct fh__store_sqlite *)base;

    s->closed = closed;
    s->user = user;
    write_seen(s);
    uv_mutex_lock(&s->mutex);
    s->is_closing = s->is_over = true;
    uv_cond_signal(&s->work);
    uv_mutex_unlock(&s->mutex);
    uv_thread_join(&s->thread);
    do
        on_answers(&s->async);
    while (s->done.first);
    uv_close((uv_handle_t *)&s->timer, on_closed);
    uv_close((uv_handle_t *)&s->async, on_closed);
}

static const struct fh__store_ops sqlite_ops = {
    .submit = submit, .seen = seen, .close = close_store};

/* The file is made by us, so that nobody else may read it from the start. */
static int make_file(const char *path, char *why, size_t room)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd >= 0) {
        close(fd);
        return 0;
    }
    snprintf(why, room, "%s: %s", path, strerror(errno));
    return errno == ENOSPC                     ? FH__STORE_E_FULL
           : errno == EROFS || errno == EACCES ? FH__STORE_E_READONLY
                                               : FH__STORE_E_IO;
}

static int open_database(struct fh__sql *q, const char *path, unsigned busy_ms)
{
    static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                                   "PRAGMA secure_delete = ON; PRAGMA cell_size_check = ON;";
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    int rc = sqlite3_open_v2(path, &q->db, flags, NULL), ret;

    if (rc != SQLITE_OK)
        return q->db ? fh__sql_error(q, rc) : FH__STORE_E_NOMEM;
    sqlite3_extended_result_codes(q->db, 1);
    sqlite3_busy_timeout(q->db, (int)busy_ms);
    sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    ret = fh__sql_exec(q, settings);
    return ret != 0 ? ret : migrate(q);
}

static int start(struct fh__store_sqlite *s)
{
    if (uv_async_init(s->loop, &s->async, on_answers) != 0)
        return FH__STORE_E_NOMEM;
    uv_timer_init(s->loop, &s->timer);
    s->async.data = s->timer.data = s;
    s->handles = 2;
    uv_unref((uv_handle_t *)&s->timer);
    if (uv_thread_create(&s->thread, work, s) == 0)
        return 0;
    uv_close((uv_handle_t *)&s->timer, on_closed);
    uv_close((uv_handle_t *)&s->async, on_closed);
    return FH__STORE_E_NOMEM;
}

int fh__store_sqlite_open(const struct fh__store_sqlite_config *cfg, char *why, size_t room,
                          struct fh__store **out)
{
    struct fh__store_sqlite *s = NULL;
    int ret = make_file(cfg->path, why, room);

    if (ret != 0)
        return ret;
    snprintf(why, room, "%s", fh__store_strerror(FH__STORE_E_NOMEM));
    if (!(s = calloc(1, sizeof *s)))
        return FH__STORE_E_NOMEM;
    s->base.ops = &sqlite_ops;
    s->loop = cfg->loop;
    s->seen_ms = cfg->seen_ms ? cfg->seen_ms : SEEN_MS;
    s->waiting.last = &s->waiting.first;
    s->done.last = &s->done.first;
    uv_mutex_init(&s->mutex);
    uv_cond_init(&s->work);
    if ((ret = open_database(&s->sql, cfg->path, cfg->busy_ms ? cfg->busy_ms : BUSY_MS)) != 0) {
        snprintf(why, room, "%s: %s%s%s", cfg->path, fh__store_strerror(ret),
                 s->sql.db && ret == FH__STORE_E_IO ? ": " : "",
                 s->sql.db && ret == FH__STORE_E_IO ? sqlite3_errmsg(s->sql.db) : "");
        discard(s);
        return ret;
    }
    if ((ret = start(s)) != 0)
        return ret; /* freed when its handles are */
    *out = &s->base;
    return 0;
}
