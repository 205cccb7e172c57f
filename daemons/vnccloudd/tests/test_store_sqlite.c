/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* unshare */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store_sqlite.h"

static uv_loop_t loop;
static struct fh__store *store;
static char folder[64], path[128];

/* ---- one call, waited for ---- */

static bool is_back;

static void on_done(struct fh__store_call *call)
{
    if (call->user)
        *(bool *)call->user = true;
    else
        is_back = true;
}

static struct fh__store_call *new_call(enum fh__store_op op)
{
    struct fh__store_call *call = fh__store_call_new(op, on_done, NULL);

    ck_assert_ptr_nonnull(call);
    call->now_ms = 1000000;
    return call;
}

static int run(struct fh__store_call *call)
{
    is_back = false;
    fh__store_submit(store, call);
    ck_assert(!is_back); /* never from inside */
    while (!is_back)
        uv_run(&loop, UV_RUN_ONCE);
    return call->ret;
}

static int run_free(struct fh__store_call *call)
{
    int ret = run(call);

    fh__store_call_free(call);
    return ret;
}

/* ---- set up ---- */

static void open_store(void)
{
    const struct fh__store_sqlite_config cfg = {.loop = &loop, .path = path, .busy_ms = 50};
    char why[256];

    ck_assert_msg(fh__store_sqlite_open(&cfg, why, sizeof why, &store) == 0, "%s", why);
}

static void close_store(void)
{
    fh__store_close(store, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    store = NULL;
}

static void set_up(void)
{
    strcpy(folder, "/tmp/test-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cloud.db", folder);
    uv_loop_init(&loop);
    open_store();
}

static void tear_down(void)
{
    char command[160];

    close_store();
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void id_of(uint8_t seed, uint8_t *out, size_t len)
{
    memset(out, seed, len);
    out[0] = 0;
}

static int create_account(uint8_t seed, const char *name)
{
    struct fh__store_call *call = new_call(FH__STORE_ACCOUNT_CREATE);

    call->account_record = calloc(1, sizeof *call->account_record);
    id_of(seed, call->account_record->id, FH__ACCOUNT_LEN);
    strcpy(call->account_record->name, name);
    return run_free(call);
}

static struct fh__store_call *creation(uint8_t seed, uint8_t account)
{
    struct fh__store_call *call = new_call(FH__STORE_ENDPOINT_CREATE);
    struct fh__endpoint *e = calloc(1, sizeof *e);

    id_of(seed, e->address, sizeof e->address);
    id_of(account, e->account, sizeof e->account);
    id_of(account, call->account, sizeof call->account);
    e->roles = FH__ROLE_LISTEN;
    e->uses_left = -1;
    memset(e->stored, seed, sizeof e->stored);
    snprintf(e->label, sizeof e->label, "desk %u", seed);
    call->endpoint = e;
    return call;
}

static int create_endpoint(uint8_t seed, uint8_t account)
{
    return run_free(creation(seed, account));
}

static struct fh__store_call *get(uint8_t seed)
{
    struct fh__store_call *call = new_call(FH__STORE_ENDPOINT_GET);

    id_of(seed, call->address, sizeof call->address);
    run(call);
    return call;
}

/* ---- what is kept ---- */

START_TEST(an_endpoint_is_kept_as_it_was_given)
{
    struct fh__store_call *call;
    struct fh__endpoint *e;
    size_t at = 0, len;

    ck_assert_int_eq(create_account(1, "acme"), 0);
    call = creation(7, 1);
    e = call->endpoint;
    e->has_acl = true;
    fh__names_add(&e->groups, "viewers", 7);
    fh__names_add(&e->groups, "", 0);
    fh__names_add(&e->allow_groups, "admins", 6);
    e->n_allow_addresses = 2;
    id_of(8, e->allow_addresses[0], FH__ADDRESS_LEN);
    id_of(9, e->allow_addresses[1], FH__ADDRESS_LEN);
    e->expires_ms = 5000000;
    e->uses_left = 3;
    ck_assert_int_eq(run_free(call), 0);

    close_store();
    open_store();
    call = get(7);
    ck_assert_int_eq(call->ret, 0);
    e = call->endpoint;
    ck_assert(e->has_acl && e->has_password && !e->binding && !e->has_log);
    ck_assert_int_eq(e->groups.n, 2);
    ck_assert_mem_eq(fh__names_next(&e->groups, &at, &len), "viewers", 7);
    ck_assert_uint_eq(e->n_allow_addresses, 2);
    ck_assert_uint_eq(e->allow_addresses[1][1], 9);
    ck_assert_uint_eq(e->expires_ms, 5000000);
    ck_assert_int_eq(e->uses_left, 3);
    ck_assert_uint_eq(e->version, 1);
    ck_assert_str_eq(e->label, "desk 7");
    fh__store_call_free(call);
    ck_assert_int_eq(create_endpoint(7, 1), FH__STORE_E_EXISTS);
    ck_assert_int_eq(create_endpoint(8, 2), FH__STORE_E_NOT_FOUND); /* no such account */
}
END_TEST

START_TEST(a_listing_goes_on_where_it_ended_and_shows_one_tenant)
{
    struct fh__store_call *call;
    uint8_t after[FH__ADDRESS_LEN] = {0};
    unsigned seen = 0;
    bool more = true;

    create_account(1, "acme");
    create_account(2, "other");
    for (uint8_t i = 1; i <= 9; i++)
        ck_assert_int_eq(create_endpoint(i, i % 2 ? 1 : 2), 0);
    while (more) {
        call = new_call(FH__STORE_ENDPOINT_LIST);
        call->is_tenant = true;
        id_of(1, call->account, sizeof call->account);
        memcpy(call->address, after, sizeof after);
        call->limit = 2;
        ck_assert_int_eq(run(call), 0);
        ck_assert_uint_le(call->n, 2);
        for (size_t i = 0; i < call->n; i++, seen++)
            ck_assert_uint_eq(call->endpoints[i]->address[1], 2 * seen + 1);
        memcpy(after, call->endpoints[call->n - 1]->address, sizeof after);
        more = call->more;
        fh__store_call_free(call);
    }
    ck_assert_uint_eq(seen, 5);
}
END_TEST

START_TEST(what_is_of_another_account_is_not_there)
{
    static const enum fh__store_op some[] = {FH__STORE_ENDPOINT_GET, FH__STORE_ENDPOINT_RESET,
                                             FH__STORE_ENDPOINT_DELETE, FH__STORE_ENDPOINT_BIND};

    create_account(1, "acme");
    create_account(2, "other");
    create_endpoint(7, 1);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        struct fh__store_call *call = new_call(some[i]);

        call->is_tenant = true;
        id_of(2, call->account, sizeof call->account);
        id_of(7, call->address, sizeof call->address);
        call->endpoint =
            some[i] == FH__STORE_ENDPOINT_GET ? NULL : calloc(1, sizeof *call->endpoint);
        ck_assert_int_eq(run_free(call), FH__STORE_E_NOT_FOUND);
    }
}
END_TEST

/* ---- changes ---- */

static int enrol(uint8_t seed, uint64_t version, const char *statement, uint64_t *now)
{
    struct fh__store_call *call = new_call(FH__STORE_ENDPOINT_BIND);
    int ret;

    call->endpoint = calloc(1, sizeof *call->endpoint);
    call->endpoint->binding = (uint8_t *)strdup(statement);
    call->endpoint->binding_len = strlen(statement);
    call->endpoint->has_log = true;
    call->endpoint->log_index = 77;
    id_of(seed, call->address, sizeof call->address);
    call->version = version;
    ret = run(call);
    if (now)
        *now = call->version;
    fh__store_call_free(call);
    return ret;
}

START_TEST(of_two_enrolments_the_first_wins)
{
    struct fh__store_call *call;
    uint64_t now;

    create_account(1, "acme");
    create_endpoint(7, 1);
    ck_assert_int_eq(enrol(7, 1, "mine", &now), 0);
    ck_assert_uint_eq(now, 2);
    ck_assert_int_eq(enrol(7, 1, "theirs", &now), FH__STORE_E_VERSION);
    ck_assert_uint_eq(now, 1); /* as it was given */
    call = get(7);
    ck_assert_uint_eq(call->endpoint->binding_len, 4);
    ck_assert_mem_eq(call->endpoint->binding, "mine", 4);
    ck_assert(call->endpoint->has_log);
    ck_assert_uint_eq(call->endpoint->log_index, 77);
    fh__store_call_free(call);
}
END_TEST

START_TEST(a_reset_forgets_the_binding)
{
    struct fh__store_call *call;

    create_account(1, "acme");
    create_endpoint(7, 1);
    enrol(7, 1, "mine", NULL);
    call = new_call(FH__STORE_ENDPOINT_RESET);
    call->endpoint = calloc(1, sizeof *call->endpoint);
    memset(call->endpoint->stored, 0x55, 32);
    id_of(7, call->address, sizeof call->address);
    ck_assert_int_eq(run(call), 0);
    ck_assert_uint_eq(call->version, 3);
    fh__store_call_free(call);
    call = get(7);
    ck_assert(!call->endpoint->binding && !call->endpoint->has_log);
    ck_assert_uint_eq(call->endpoint->stored[31], 0x55);
    fh__store_call_free(call);
}
END_TEST

START_TEST(an_update_asks_for_the_version_it_was_made_of)
{
    struct fh__store_call *call = NULL;

    create_account(1, "acme");
    create_endpoint(7, 1);
    for (uint64_t version = 3; version-- > 0;) {
        struct fh__store_call *made = creation(7, 1);

        call = new_call(FH__STORE_ENDPOINT_UPDATE);
        call->endpoint = made->endpoint;
        made->endpoint = NULL;
        fh__store_call_free(made);
        call->endpoint->roles = FH__ROLE_CONNECT;
        call->version = version;
        ck_assert_int_eq(run_free(call), version == 2 ? FH__STORE_E_VERSION : 0);
    }
    call = get(7);
    ck_assert_uint_eq(call->endpoint->version, 3);
    ck_assert_uint_eq(call->endpoint->roles, FH__ROLE_CONNECT);
    fh__store_call_free(call);
}
END_TEST

static int use(uint8_t seed, uint64_t now_ms)
{
    struct fh__store_call *call = new_call(FH__STORE_ENDPOINT_USE);

    id_of(seed, call->address, sizeof call->address);
    call->now_ms = now_ms;
    return run_free(call);
}

START_TEST(uses_and_time_run_out)
{
    struct fh__store_call *call;

    create_account(1, "acme");
    call = creation(7, 1);
    call->endpoint->uses_left = 2;
    run_free(call);
    call = creation(8, 1);
    call->endpoint->expires_ms = 2000;
    run_free(call);
    create_endpoint(9, 1);
    ck_assert_int_eq(use(7, 1), 0);
    ck_assert_int_eq(use(7, 1), 0);
    ck_assert_int_eq(use(7, 1), FH__STORE_E_USED_UP);
    ck_assert_int_eq(use(8, 1999), 0);
    ck_assert_int_eq(use(8, 2000), FH__STORE_E_EXPIRED);
    ck_assert_int_eq(use(9, 9999), 0);
    ck_assert_int_eq(use(5, 1), FH__STORE_E_NOT_FOUND);
    call = new_call(FH__STORE_ENDPOINT_PURGE);
    call->limit = 100;
    call->now_ms = 2000;
    ck_assert_int_eq(run(call), 0);
    ck_assert_uint_eq(call->n, 2);
    fh__store_call_free(call);
    call = get(7);
    ck_assert_int_eq(call->ret, FH__STORE_E_NOT_FOUND);
    fh__store_call_free(call);
    call = get(9);
    ck_assert_int_eq(call->ret, 0);
    fh__store_call_free(call);
}
END_TEST

START_TEST(an_account_has_no_more_addresses_than_it_may)
{
    struct fh__store_call *call;

    create_account(1, "acme");
    for (uint8_t i = 1; i <= 4; i++) {
        call = creation(i, 1);
        call->limit = 3;
        ck_assert_int_eq(run_free(call), i == 4 ? FH__STORE_E_LIMIT : 0);
    }
}
END_TEST

/* ---- the same again ---- */

static long rows(const char *table)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    char text[128];
    long n;

    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    snprintf(text, sizeof text, "SELECT COUNT(*) FROM %s", table);
    ck_assert_int_eq(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
    n = (long)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

static struct fh__store_call *named_creation(uint8_t seed, const char *name, uint8_t request)
{
    struct fh__store_call *call = creation(seed, 1);

    strcpy(call->idempotency.owner, "0123456789abcdef");
    strcpy(call->idempotency.name, name);
    memset(call->idempotency.request, request, 32);
    call->idempotency.status = 201;
    call->idempotency.body = (uint8_t *)strdup("sealed");
    call->idempotency.len = 6;
    return call;
}

START_TEST(what_was_done_once_is_answered_from_memory)
{
    struct fh__store_call *call;

    create_account(1, "acme");
    ck_assert_int_eq(run_free(named_creation(1, "a", 1)), 0);
    call = named_creation(2, "a", 1);
    call->idempotency.status = 0;
    ck_assert_int_eq(run(call), FH__STORE_E_REPLAY);
    ck_assert_uint_eq(call->idempotency.status, 201);
    ck_assert_mem_eq(call->idempotency.body, "sealed", 6);
    fh__store_call_free(call);
    ck_assert_int_eq(run_free(named_creation(2, "a", 9)), FH__STORE_E_CONFLICT);
    call = get(2);
    ck_assert_int_eq(call->ret, FH__STORE_E_NOT_FOUND);
    fh__store_call_free(call);
    call = named_creation(3, "a", 9); /* a day later it is a new one */
    call->now_ms += 24 * 3600 * 1000;
    ck_assert_int_eq(run_free(call), 0);
}
END_TEST

START_TEST(of_too_many_answers_the_oldest_go)
{
    static const char fill[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) "
        "INSERT INTO answer SELECT '0123456789abcdef', 'n' || i, x'00', x'00', 201, x'00', "
        "900000 + i FROM n";
    sqlite3 *db;

    create_account(1, "acme");
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, fill, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    ck_assert_int_eq(run_free(named_creation(1, "a", 1)), 0);
    ck_assert_int_eq(rows("answer"), 10000);
    ck_assert_int_eq(rows("answer WHERE name = 'n12000'"), 1);
    ck_assert_int_eq(rows("answer WHERE name = 'n2001'"), 0);
    ck_assert_int_eq(rows("answer WHERE name = 'n2002'"), 1);
}
END_TEST

START_TEST(what_failed_is_not_remembered_as_done)
{
    struct fh__store_call *call;

    create_account(1, "acme");
    create_endpoint(5, 1);
    ck_assert_int_eq(run_free(named_creation(5, "a", 1)), FH__STORE_E_EXISTS);
    call = named_creation(6, "a", 1);
    ck_assert_int_eq(run_free(call), 0);
}
END_TEST

/* ---- keys, deletion ---- */

/* What was read before a use does not give it back. */
START_TEST(a_use_stays_used_whoever_writes_back_what_he_read)
{
    struct fh__store_call *call, *read;

    create_account(1, "acme");
    call = creation(7, 1);
    call->endpoint->uses_left = 1;
    run_free(call);
    read = get(7);
    ck_assert_int_eq(use(7, 1), 0);
    call = new_call(FH__STORE_ENDPOINT_UPDATE);
    call->endpoint = read->endpoint;
    read->endpoint = NULL;
    fh__store_call_free(read);
    call->version = call->endpoint->version;
    ck_assert_int_eq(run_free(call), FH__STORE_E_VERSION);
    ck_assert_int_eq(use(7, 1), FH__STORE_E_USED_UP);
}
END_TEST

START_TEST(nobody_enrols_in_an_account_that_is_disabled)
{
    struct fh__store_call *call;
    uint64_t now;

    create_account(1, "acme");
    create_endpoint(7, 1);
    call = new_call(FH__STORE_ACCOUNT_UPDATE);
    call->account_record = calloc(1, sizeof *call->account_record);
    id_of(1, call->account_record->id, FH__ACCOUNT_LEN);
    strcpy(call->account_record->name, "acme");
    call->account_record->disabled = true;
    ck_assert_int_eq(run_free(call), 0);
    ck_assert_int_eq(enrol(7, 1, "mine", &now), FH__STORE_E_VERSION);
    call = get(7);
    ck_assert_ptr_null(call->endpoint->binding);
    fh__store_call_free(call);
}
END_TEST

static int create_key(const char *id, uint8_t account)
{
    struct fh__store_call *call = new_call(FH__STORE_KEY_CREATE);

    call->key = calloc(1, sizeof *call->key);
    strcpy(call->key->id, id);
    id_of(account, call->key->account, FH__ACCOUNT_LEN);
    memset(call->key->hash, 0x77, 32);
    call->key->scopes = FH__SCOPE_ADDRESS_READ;
    strcpy(call->key->networks, "192.0.2.0/24");
    return run_free(call);
}

static bool file_has(const char *suffix, const void *what, size_t len)
{
    char name[160], *data;
    FILE *f;
    size_t n;
    bool found;

    snprintf(name, sizeof name, "%s%s", path, suffix);
    if (!(f = fopen(name, "r")))
        return false;
    data = malloc(1 << 20);
    n = fread(data, 1, 1 << 20, f);
    found = memmem(data, n, what, len) != NULL;
    free(data);
    fclose(f);
    return found;
}

START_TEST(deleting_an_account_removes_everything_of_it)
{
    static const char *const tables[] = {"account", "endpoint", "api_key", "answer"};
    struct fh__store_call *call;
    uint8_t secret[32];

    create_account(1, "acme");
    create_account(2, "other");
    create_endpoint(0x41, 1);
    create_endpoint(0x42, 2);
    ck_assert_int_eq(run_free(named_creation(0x43, "a", 1)), 0);
    ck_assert_int_eq(create_key("0123456789abcdef", 1), 0);
    ck_assert_int_eq(create_key("fedcba9876543210", 2), 0);
    memset(secret, 0x43, sizeof secret);
    ck_assert(file_has("-wal", secret, sizeof secret) || file_has("", secret, sizeof secret));
    call = new_call(FH__STORE_ACCOUNT_DELETE);
    id_of(1, call->account, sizeof call->account);
    ck_assert_int_eq(run(call), 0);
    ck_assert_uint_eq(call->n, 2);
    ck_assert_uint_eq(call->addresses[1][1], 0x43);
    fh__store_call_free(call);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(rows(tables[i]), i == 3 ? 0 : 1);
    ck_assert(!file_has("-wal", secret, sizeof secret) && !file_has("", secret, sizeof secret));
    ck_assert(!file_has("", "acme", 4));
    call = new_call(FH__STORE_ACCOUNT_DELETE);
    id_of(1, call->account, sizeof call->account);
    ck_assert_int_eq(run_free(call), FH__STORE_E_NOT_FOUND);
}
END_TEST

START_TEST(when_things_were_seen_is_written_in_batches)
{
    struct fh__seen seen = {.at_ms = 4000};
    struct fh__store_call *call;

    create_account(1, "acme");
    create_endpoint(7, 1);
    create_key("0123456789abcdef", 1);
    id_of(7, seen.address, sizeof seen.address);
    fh__store_seen(store, &seen);
    seen.at_ms = 3000; /* an older batch does not take it back */
    fh__store_seen(store, &seen);
    strcpy(seen.key, "0123456789abcdef");
    seen.at_ms = 5000;
    fh__store_seen(store, &seen);
    call = get(7);
    ck_assert_uint_eq(call->endpoint->last_seen_ms, 0);
    fh__store_call_free(call);
    close_store();
    open_store();
    call = get(7);
    ck_assert_uint_eq(call->endpoint->last_seen_ms, 4000);
    ck_assert_uint_eq(call->endpoint->version, 1);
    fh__store_call_free(call);
    call = new_call(FH__STORE_KEY_GET);
    call->text = strdup("0123456789abcdef");
    ck_assert_int_eq(run(call), 0);
    ck_assert_uint_eq(call->key->last_used_ms, 5000);
    fh__store_call_free(call);
}
END_TEST

/* ---- backup ---- */

START_TEST(a_backup_is_whole_and_made_while_others_write)
{
    struct fh__store_call *backup = new_call(FH__STORE_BACKUP), *call;
    bool is_made = false;
    char copy[160];
    sqlite3 *db;

    create_account(1, "acme");
    for (uint8_t i = 1; i < 200; i++)
        create_endpoint(i, 1);
    snprintf(copy, sizeof copy, "%s/copy", folder);
    backup->text = strdup(copy);
    backup->user = &is_made;
    fh__store_submit(store, backup);
    ck_assert_int_eq(create_endpoint(200, 1), 0);
    while (!is_made)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_int_eq(backup->ret, 0);
    ck_assert_uint_gt(backup->count, 4096);
    fh__store_call_free(backup);
    ck_assert_int_eq(sqlite3_open_v2(copy, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA integrity_check", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    strcpy(path, copy); /* and is a database to begin with */
    close_store();
    open_store();
    call = get(199);
    ck_assert_int_eq(call->ret, 0);
    fh__store_call_free(call);
    call = new_call(FH__STORE_BACKUP);
    call->text = strdup(copy);
    ck_assert_int_eq(run_free(call), FH__STORE_E_EXISTS);
}
END_TEST

/* ---- others, and older and newer ones ---- */

START_TEST(a_lock_of_another_program_is_waited_for_and_then_told)
{
    struct fh__store_call *call;
    sqlite3 *db;

    create_account(1, "acme");
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(create_endpoint(7, 1), FH__STORE_E_BUSY);
    call = get(7); /* reading goes on */
    ck_assert_int_eq(call->ret, FH__STORE_E_NOT_FOUND);
    fh__store_call_free(call);
    ck_assert_int_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    ck_assert_int_eq(create_endpoint(7, 1), 0);
}
END_TEST

static void on_release(uv_timer_t *t)
{
    ck_assert_int_eq(sqlite3_exec(t->data, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
}

START_TEST(a_lock_that_goes_away_in_time_is_not_noticed)
{
    uv_timer_t release;
    sqlite3 *db;

    create_account(1, "acme");
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    uv_timer_init(&loop, &release);
    release.data = db;
    uv_timer_start(&release, on_release, 20, 0);
    ck_assert_int_eq(create_endpoint(7, 1), 0);
    sqlite3_close(db);
    uv_close((uv_handle_t *)&release, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
}
END_TEST

static int try_open(char *why, size_t room)
{
    const struct fh__store_sqlite_config cfg = {.loop = &loop, .path = path};
    struct fh__store *other;
    int ret = fh__store_sqlite_open(&cfg, why, room, &other);

    if (ret == 0)
        fh__store_close(other, NULL, NULL);
    return ret;
}

START_TEST(what_is_no_database_of_ours_is_left_alone)
{
    char why[256], *kept = strdup(path);
    sqlite3 *db;
    FILE *f;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "UPDATE meta SET value = 99 WHERE name = 'schema'", NULL, NULL, NULL);
    sqlite3_close(db);
    ck_assert_int_eq(try_open(why, sizeof why), FH__STORE_E_NEWER);
    ck_assert_ptr_nonnull(strstr(why, "newer version"));
    snprintf(path, sizeof path, "%s/text", folder);
    f = fopen(path, "w");
    fprintf(f,
            "This is no database, and it is long enough to be taken for the header of one.....\n");
    fclose(f);
    ck_assert_int_lt(try_open(why, sizeof why), 0);
    snprintf(path, sizeof path, "%s/none/there", folder);
    ck_assert_int_lt(try_open(why, sizeof why), 0);
    strcpy(path, kept);
    free(kept);
}
END_TEST

START_TEST(the_file_is_nobody_elses_to_read)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

/* ---- a disk that is full, then read-only: a file system of our own ---- */

static bool mount_small(void)
{
    bool root = geteuid() == 0;

    if (unshare(root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
        return false;
    if (root && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    return mount("tmpfs", folder, "tmpfs", 0, "size=600k") == 0;
}

static void fill_disk(void)
{
    char name[128], block[4096] = {0};
    int fd;

    snprintf(name, sizeof name, "%s/filling", folder);
    fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    while (write(fd, block, sizeof block) > 0)
        ;
    close(fd);
}

START_TEST(a_full_disk_refuses_changes_only_and_leaves_nothing_half_done)
{
    struct fh__store_call *call;
    char name[128];
    long before;
    int ret = 0;

    close_store();
    if (!mount_small()) {
        printf("skipped: no namespace of its own here\n");
        open_store();
        return;
    }
    open_store();
    create_account(1, "acme");
    create_endpoint(1, 1);
    fill_disk();
    for (unsigned i = 2; i < 250 && ret == 0; i++)
        ret = create_endpoint((uint8_t)i, 1); /* the log may have had room left */
    ck_assert_int_eq(ret, FH__STORE_E_FULL);
    before = rows("endpoint");
    ck_assert_int_eq(run_free(named_creation(251, "a", 1)), FH__STORE_E_FULL);
    ck_assert_int_eq(run_free(new_call(FH__STORE_PROBE)), FH__STORE_E_FULL);
    call = get(1);
    ck_assert_int_eq(call->ret, 0);
    fh__store_call_free(call);
    ck_assert_int_eq(rows("endpoint"), before);
    call = new_call(FH__STORE_BACKUP);
    snprintf(name, sizeof name, "%s/copy", folder);
    call->text = strdup(name);
    ck_assert_int_eq(run_free(call), FH__STORE_E_FULL);
    ck_assert_int_ne(access(name, F_OK), 0);
    snprintf(name, sizeof name, "%s/filling", folder);
    unlink(name);
    ck_assert_int_eq(run_free(named_creation(251, "a", 1)), 0); /* there is room: it goes on */
    ck_assert_int_eq(rows("endpoint"), before + 1);
    ck_assert_int_eq(rows("answer"), 1);
    close_store();
    ck_assert_int_eq(umount(folder), 0);
    open_store();
}
END_TEST

START_TEST(a_read_only_disk_refuses_changes_only)
{
    struct fh__store_call *call;
    char why[256];

    close_store();
    if (!mount_small()) {
        printf("skipped: no namespace of its own here\n");
        open_store();
        return;
    }
    open_store();
    create_account(1, "acme");
    create_endpoint(1, 1);
    close_store();
    /* What a failing disk does is remounted below open files; this is as near as one gets. */
    ck_assert_int_eq(mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, "size=600k"), 0);
    ck_assert_int_eq(try_open(why, sizeof why), FH__STORE_E_READONLY);
    ck_assert_ptr_nonnull(strstr(why, path));
    ck_assert_int_eq(mount(NULL, folder, NULL, MS_REMOUNT, "size=600k"), 0);
    open_store();
    call = get(1);
    ck_assert_int_eq(call->ret, 0);
    fh__store_call_free(call);
    close_store();
    ck_assert_int_eq(umount(folder), 0);
    open_store();
}
END_TEST

/* ---- a disk that fails: the n-th write, sync or truncation from now, and all after it ---- */

static const sqlite3_io_methods *real; /* writing is the same for every kind of file */
static sqlite3_io_methods failing[8];
static sqlite3_vfs vfs;
static int (*real_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
static int fails_at = -1, fails_with;

static bool fails(void)
{
    if (fails_at < 0)
        return false;
    if (fails_at > 0) {
        fails_at--;
        return false;
    }
    errno = fails_with;
    return true;
}

static int on_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
    return fails() ? SQLITE_IOERR_WRITE : real->xWrite(f, data, len, at);
}

static int on_sync(sqlite3_file *f, int flags)
{
    return fails() ? SQLITE_IOERR_FSYNC : real->xSync(f, flags);
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 len)
{
    return fails() ? SQLITE_IOERR_TRUNCATE : real->xTruncate(f, len);
}

static int on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    int rc = real_open(v, name, f, flags, out);

    if (rc == SQLITE_OK && f->pMethods) {
        size_t i = 0;

        real = f->pMethods;
        while (failing[i].xClose && failing[i].xLock != real->xLock)
            i++;
        ck_assert_uint_lt(i, 8);
        failing[i] = *real;
        failing[i].xWrite = on_write;
        failing[i].xSync = on_sync;
        failing[i].xTruncate = on_truncate;
        f->pMethods = &failing[i];
    }
    return rc;
}

static void open_on_failing_disk(void)
{
    close_store();
    vfs = *sqlite3_vfs_find(NULL);
    vfs.zName = "failing";
    real_open = vfs.xOpen;
    vfs.xOpen = on_open;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
    open_store();
}

static const struct {
    int error, ret;
} failures[] = {{EROFS, FH__STORE_E_READONLY}, {ENOSPC, FH__STORE_E_FULL}, {EIO, FH__STORE_E_IO}};

START_TEST(a_change_on_a_failing_disk_is_whole_or_not_at_all)
{
    int ret = -1;

    open_on_failing_disk();
    create_account(1, "acme");
    create_endpoint(1, 1);
    fails_with = failures[_i].error;
    for (int n = 0; ret != 0; n++) { /* until the whole change needs fewer */
        struct fh__store_call *call;

        fails_at = n;
        ret = run_free(named_creation(2, "a", 1));
        ck_assert_msg(ret == 0 || ret == failures[_i].ret, "%d: %d", n, ret);
        call = get(1);
        ck_assert_int_eq(call->ret, 0); /* while it fails */
        fh__store_call_free(call);
        fails_at = -1;
        call = get(2);
        ck_assert_int_eq(call->ret, ret >= 0 ? 0 : FH__STORE_E_NOT_FOUND);
        fh__store_call_free(call);
        ck_assert_int_lt(n, 1000);
    }
    close_store();
    open_store();
    ck_assert_int_eq(rows("endpoint"), 2);
    ck_assert_int_eq(rows("answer"), 1);
}
END_TEST

/* ---- records ---- */

START_TEST(an_access_list_lets_in_whom_it_names)
{
    struct fh__endpoint target = {.roles = FH__ROLE_LISTEN}, who = {.roles = FH__ROLE_CONNECT};

    ck_assert(fh__endpoint_allows(&target, &who)); /* no list: all of the account */
    target.has_acl = true;
    ck_assert(!fh__endpoint_allows(&target, &who));
    fh__names_add(&target.allow_groups, "a", 1);
    fh__names_add(&who.groups, "ab", 2);
    ck_assert(!fh__endpoint_allows(&target, &who));
    fh__names_add(&who.groups, "a", 1);
    ck_assert(fh__endpoint_allows(&target, &who));
    who.account[3] = 1; /* groups of another account are others */
    ck_assert(!fh__endpoint_allows(&target, &who));
    who.account[3] = 0;
    who.account_disabled = true;
    ck_assert(!fh__endpoint_allows(&target, &who));
    who.account_disabled = false;
    fh__names_clear(&who.groups);
    id_of(9, who.address, sizeof who.address);
    memcpy(target.allow_addresses[0], who.address, sizeof who.address);
    ck_assert(!fh__endpoint_allows(&target, &who)); /* not counted */
    target.n_allow_addresses = 1;
    ck_assert(fh__endpoint_allows(&target, &who));
    who.roles = FH__ROLE_LISTEN;
    ck_assert(!fh__endpoint_allows(&target, &who));
    fh__endpoint_clear(&target);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_sqlite");
    TCase *tc = tcase_create("store");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, an_endpoint_is_kept_as_it_was_given);
    tcase_add_test(tc, a_listing_goes_on_where_it_ended_and_shows_one_tenant);
    tcase_add_test(tc, what_is_of_another_account_is_not_there);
    tcase_add_test(tc, of_two_enrolments_the_first_wins);
    tcase_add_test(tc, a_reset_forgets_the_binding);
    tcase_add_test(tc, an_update_asks_for_the_version_it_was_made_of);
    tcase_add_test(tc, uses_and_time_run_out);
    tcase_add_test(tc, a_use_stays_used_whoever_writes_back_what_he_read);
    tcase_add_test(tc, nobody_enrols_in_an_account_that_is_disabled);
    tcase_add_test(tc, an_account_has_no_more_addresses_than_it_may);
    tcase_add_test(tc, what_was_done_once_is_answered_from_memory);
    tcase_add_test(tc, of_too_many_answers_the_oldest_go);
    tcase_add_test(tc, what_failed_is_not_remembered_as_done);
    tcase_add_test(tc, deleting_an_account_removes_everything_of_it);
    tcase_add_test(tc, when_things_were_seen_is_written_in_batches);
    tcase_add_test(tc, a_backup_is_whole_and_made_while_others_write);
    tcase_add_test(tc, a_lock_of_another_program_is_waited_for_and_then_told);
    tcase_add_test(tc, a_lock_that_goes_away_in_time_is_not_noticed);
    tcase_add_test(tc, what_is_no_database_of_ours_is_left_alone);
    tcase_add_test(tc, the_file_is_nobody_elses_to_read);
    tcase_add_test(tc, a_full_disk_refuses_changes_only_and_leaves_nothing_half_done);
    tcase_add_test(tc, a_read_only_disk_refuses_changes_only);
    tcase_add_loop_test(tc, a_change_on_a_failing_disk_is_whole_or_not_at_all, 0,
                        sizeof failures / sizeof failures[0]);
    tcase_add_test(tc, an_access_list_lets_in_whom_it_names);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
