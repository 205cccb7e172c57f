/* SPDX-License-Identifier: MIT */
#include "store_sql.h"

#include <stdlib.h>
#include <string.h>

/* The columns of an endpoint, in the order of read_endpoint(). */
#define COLUMNS                                                                                    \
    "e.address, e.account, a.disabled, a.relay_kbit, a.relay_bytes, e.roles, e.has_acl, "          \
    "e.member_groups, e.allow_groups, "                                                            \
    "e.allow_addresses, e.expires_ms, e.uses_left, e.stored, e.binding, e.fingerprint, "           \
    "e.log_index, e.log_salt, e.created_ms, e.changed_ms, e.last_seen_ms, e.version, e.label "
#define FROM "FROM endpoint e JOIN account a ON a.id = e.account "

/* ---- rows ---- */

static int read_names(struct fh__sql_row *r, struct fh__names *out)
{
    size_t len, at = 0;
    const uint8_t *p = fh__get_bytes(r, &len);

    while (at < len) {
        size_t n = p[at];

        if (at + 1 + n > len)
            return FH__STORE_E_IO;
        if (fh__names_add(out, (const char *)p + at + 1, n) != 0)
            return FH__STORE_E_NOMEM;
        at += 1 + n;
    }
    return 0;
}

static int read_addresses(struct fh__sql_row *r, struct fh__endpoint *e)
{
    size_t len;
    const uint8_t *p = fh__get_bytes(r, &len);

    if (len % FH__ADDRESS_LEN != 0 || len > sizeof e->allow_addresses)
        return FH__STORE_E_IO;
    if (p)
        memcpy(e->allow_addresses, p, len);
    e->n_allow_addresses = (uint8_t)(len / FH__ADDRESS_LEN);
    return 0;
}

static int read_binding(struct fh__sql_row *r, struct fh__endpoint *e)
{
    const void *p = fh__get_bytes(r, &e->binding_len);

    if (!p)
        return 0;
    if (!(e->binding = malloc(e->binding_len)))
        return FH__STORE_E_NOMEM;
    memcpy(e->binding, p, e->binding_len);
    return 0;
}

static int read_endpoint(struct fh__sql_row *r, struct fh__endpoint **out)
{
    struct fh__endpoint *e = calloc(1, sizeof *e);
    int ret = FH__STORE_E_NOMEM;
    int64_t index;

    if (!e)
        return ret;
    fh__get_blob(r, e->address, sizeof e->address);
    fh__get_blob(r, e->account, sizeof e->account);
    e->account_disabled = fh__get_int(r) != 0;
    e->relay_kbit = (uint32_t)fh__get_int(r);
    e->relay_bytes = (uint64_t)fh__get_int(r);
    e->roles = (uint8_t)fh__get_int(r);
    e->has_acl = fh__get_int(r) != 0;
    if ((ret = read_names(r, &e->groups)) != 0 || (ret = read_names(r, &e->allow_groups)) != 0 ||
        (ret = read_addresses(r, e)) != 0)
        goto out;
    e->expires_ms = (uint64_t)fh__get_int(r);
    e->uses_left = fh__get_int(r);
    e->has_password = fh__get_blob(r, e->stored, sizeof e->stored);
    if ((ret = read_binding(r, e)) != 0)
        goto out;
    fh__get_blob(r, e->fingerprint, sizeof e->fingerprint);
    index = fh__get_int(r);
    e->has_log = fh__get_blob(r, e->log_salt, sizeof e->log_salt);
    e->log_index = e->has_log ? (uint64_t)index : 0;
    e->created_ms = (uint64_t)fh__get_int(r);
    e->changed_ms = (uint64_t)fh__get_int(r);
    e->last_seen_ms = (uint64_t)fh__get_int(r);
    e->version = (uint64_t)fh__get_int(r);
    fh__get_text(r, e->label, sizeof e->label);
    *out = e;
    e = NULL;
out:
    fh__endpoint_free(e);
    return ret;
}

/* What others may not see is not there. */
static bool is_foreign(const struct fh__store_call *call, const struct fh__endpoint *e)
{
    return call->is_tenant && memcmp(call->account, e->account, sizeof e->account) != 0;
}

static int find(struct fh__sql *q, const struct fh__store_call *call,
                const uint8_t address[FH__ADDRESS_LEN], struct fh__endpoint **out)
{
    static const char text[] = "SELECT " COLUMNS FROM "WHERE e.address = ?";
    struct fh__sql_row r = fh__sql_begin(q, text);
    struct fh__endpoint *e = NULL;
    int ret;

    fh__put_blob(&r, address, FH__ADDRESS_LEN);
    if ((ret = fh__sql_step(&r)) == 1)
        ret = read_endpoint(&r, &e);
    else if (ret == 0)
        ret = FH__STORE_E_NOT_FOUND;
    fh__sql_end(&r);
    if (ret == 0 && is_foreign(call, e)) {
        fh__endpoint_free(e);
        return FH__STORE_E_NOT_FOUND;
    }
    if (ret == 0)
        *out = e;
    return ret;
}

int fh__sql_endpoint_get(struct fh__sql *q, struct fh__store_call *call)
{
    return find(q, call, call->address, &call->endpoint);
}

/* Rows of a running statement into the list of the call, at most limit of them. */
static int collect(struct fh__sql_row *r, struct fh__store_call *call)
{
    size_t limit = call->limit < FH__STORE_PAGE_MAX ? (size_t)call->limit : FH__STORE_PAGE_MAX;
    int ret;

    if (!(call->endpoints = calloc(limit + 1, sizeof(struct fh__endpoint *))))
        return FH__STORE_E_NOMEM;
    while ((ret = fh__sql_step(r)) == 1) {
        if (call->n == limit) {
            call->more = true;
            return 0;
        }
        if ((ret = read_endpoint(r, &call->endpoints[call->n])) != 0)
            return ret;
        call->n++;
    }
    return ret;
}

int fh__sql_endpoint_list(struct fh__sql *q, struct fh__store_call *call)
{
    static const char of_account[] =
        "SELECT " COLUMNS FROM "WHERE e.account = ? AND e.address > ? ORDER BY e.address LIMIT ?";
    static const char of_all[] =
        "SELECT " COLUMNS FROM "WHERE e.address > ? ORDER BY e.address LIMIT ?";
    struct fh__sql_row r = fh__sql_begin(q, call->is_tenant ? of_account : of_all);
    int ret;

    if (call->is_tenant)
        fh__put_blob(&r, call->account, sizeof call->account);
    fh__put_blob(&r, call->address, sizeof call->address);
    fh__put_int(&r, (int64_t)call->limit + 1);
    ret = collect(&r, call);
    fh__sql_end(&r);
    return ret;
}

/* ---- changes ---- */

static void put_policy(struct fh__sql_row *r, const struct fh__endpoint *e)
{
    fh__put_int(r, e->roles);
    fh__put_int(r, e->has_acl);
    fh__put_blob(r, e->groups.packed, e->groups.len);
    fh__put_blob(r, e->allow_groups.packed, e->allow_groups.len);
    fh__put_blob(r, e->n_allow_addresses ? e->allow_addresses : NULL,
                 (size_t)e->n_allow_addresses * FH__ADDRESS_LEN);
    fh__put_int(r, (int64_t)e->expires_ms);
    fh__put_int(r, e->uses_left);
    fh__put_text(r, e->label);
    fh__put_int(r, (int64_t)e->changed_ms);
}

/* limit: what the service allows an account that has no limit of its own; 0: no limit. */
static int check_limit(struct fh__sql *q, const struct fh__store_call *call)
{
    static const char text[] =
        "SELECT a.address_limit, (SELECT COUNT(*) FROM endpoint e WHERE e.account = a.id) "
        "FROM account a WHERE a.id = ?";
    struct fh__sql_row r = fh__sql_begin(q, text);
    int64_t limit, count;
    int ret;

    fh__put_blob(&r, call->endpoint->account, FH__ACCOUNT_LEN);
    if ((ret = fh__sql_step(&r)) == 1) {
        limit = fh__get_int(&r);
        count = fh__get_int(&r);
        if (limit == 0)
            limit = (int64_t)call->limit;
        ret = limit != 0 && count >= limit ? FH__STORE_E_LIMIT : 0;
    } else if (ret == 0) {
        ret = FH__STORE_E_NOT_FOUND;
    }
    fh__sql_end(&r);
    return ret;
}

int fh__sql_endpoint_create(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] =
        "INSERT INTO endpoint (roles, has_acl, member_groups, allow_groups, allow_addresses, "
        "expires_ms, "
        "uses_left, label, changed_ms, address, account, stored, created_ms, last_seen_ms, "
        "log_index, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 1)";
    const struct fh__endpoint *e = call->endpoint;
    struct fh__sql_row r;
    int ret;

    if ((ret = fh__sql_idempotency(q, call)) != 0 || (ret = check_limit(q, call)) != 0)
        return ret;
    r = fh__sql_begin(q, text);
    put_policy(&r, e);
    fh__put_blob(&r, e->address, sizeof e->address);
    fh__put_blob(&r, e->account, sizeof e->account);
    fh__put_blob(&r, e->stored, sizeof e->stored);
    fh__put_int(&r, (int64_t)e->created_ms);
    call->version = 1;
    return fh__sql_run(&r, NULL);
}

/* The version of an endpoint that the call may change; VERSION if it named another. */
static int expect(struct fh__sql *q, struct fh__store_call *call,
                  const uint8_t address[FH__ADDRESS_LEN], uint64_t *out)
{
    static const char text[] = "SELECT version, account FROM endpoint WHERE address = ?";
    struct fh__sql_row r = fh__sql_begin(q, text);
    uint8_t account[FH__ACCOUNT_LEN];
    int ret;

    fh__put_blob(&r, address, FH__ADDRESS_LEN);
    if ((ret = fh__sql_step(&r)) == 1) {
        *out = (uint64_t)fh__get_int(&r);
        fh__get_blob(&r, account, sizeof account);
        ret = 0;
        if (call->is_tenant && memcmp(account, call->account, sizeof account) != 0)
            ret = FH__STORE_E_NOT_FOUND;
        else if (call->version != 0 && call->version != *out)
            ret = FH__STORE_E_VERSION;
    } else if (ret == 0) {
        ret = FH__STORE_E_NOT_FOUND;
    }
    fh__sql_end(&r);
    return ret;
}

/* Runs an UPDATE whose last parameters, address and version, are still to be put. */
static int run_versioned(struct fh__sql_row *r, struct fh__store_call *call,
                         const uint8_t address[FH__ADDRESS_LEN], uint64_t version)
{
    int ret, changed;

    fh__put_blob(r, address, FH__ADDRESS_LEN);
    fh__put_int(r, (int64_t)version);
    if ((ret = fh__sql_run(r, &changed)) != 0)
        return ret;
    if (changed == 0)
        return FH__STORE_E_VERSION;
    call->version = version + 1;
    return 0;
}

int fh__sql_endpoint_update(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] =
        "UPDATE endpoint SET roles = ?, has_acl = ?, member_groups = ?, allow_groups = ?, "
        "allow_addresses = ?, expires_ms = ?, uses_left = ?, label = ?, changed_ms = ?, "
        "version = version + 1 WHERE address = ? AND version = ?";
    const struct fh__endpoint *e = call->endpoint;
    struct fh__sql_row r;
    uint64_t version;
    int ret;

    if ((ret = fh__sql_idempotency(q, call)) != 0 ||
        (ret = expect(q, call, e->address, &version)) != 0)
        return ret;
    r = fh__sql_begin(q, text);
    put_policy(&r, e);
    return run_versioned(&r, call, e->address, version);
}

/* The account may have been disabled since the endpoint was looked at: as if that had changed. */
int fh__sql_endpoint_bind(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] =
        "UPDATE endpoint SET binding = ?, fingerprint = ?, log_index = ?, log_salt = ?, "
        "changed_ms = ?, version = version + 1 WHERE address = ? AND version = ? "
        "AND account IN (SELECT a.id FROM account a WHERE a.disabled = 0)";
    const struct fh__endpoint *e = call->endpoint;
    struct fh__sql_row r;
    uint64_t version;
    int ret;

    if ((ret = expect(q, call, call->address, &version)) != 0)
        return ret;
    r = fh__sql_begin(q, text);
    fh__put_blob(&r, e->binding, e->binding_len);
    fh__put_blob(&r, e->fingerprint, sizeof e->fingerprint);
    fh__put_int(&r, e->has_log ? (int64_t)e->log_index : 0);
    fh__put_blob(&r, e->has_log ? e->log_salt : NULL, sizeof e->log_salt);
    fh__put_int(&r, (int64_t)call->now_ms);
    return run_versioned(&r, call, call->address, version);
}

int fh__sql_endpoint_reset(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] =
        "UPDATE endpoint SET stored = ?, binding = NULL, fingerprint = NULL, log_index = 0, "
        "log_salt = NULL, changed_ms = ?, version = version + 1 WHERE address = ? AND version = ?";
    struct fh__sql_row r;
    uint64_t version;
    int ret;

    if ((ret = fh__sql_idempotency(q, call)) != 0 ||
        (ret = expect(q, call, call->address, &version)) != 0)
        return ret;
    r = fh__sql_begin(q, text);
    fh__put_blob(&r, call->endpoint->stored, sizeof call->endpoint->stored);
    fh__put_int(&r, (int64_t)call->now_ms);
    return run_versioned(&r, call, call->address, version);
}

/* Another version: who writes back what he read before must not give back what was used. */
int fh__sql_endpoint_use(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] =
        "UPDATE endpoint SET uses_left = uses_left - 1, version = version + 1 "
        "WHERE address = ? AND uses_left > 0";
    struct fh__endpoint *e = NULL;
    struct fh__sql_row r;
    int ret = find(q, call, call->address, &e), changed = 1;

    if (ret != 0)
        return ret;
    if (e->expires_ms != 0 && e->expires_ms <= call->now_ms) {
        ret = FH__STORE_E_EXPIRED;
    } else if (e->uses_left >= 0) {
        r = fh__sql_begin(q, text);
        fh__put_blob(&r, call->address, sizeof call->address);
        ret = fh__sql_run(&r, &changed);
    }
    fh__endpoint_free(e);
    return ret == 0 && changed == 0 ? FH__STORE_E_USED_UP : ret;
}

static int delete_one(struct fh__sql *q, const uint8_t address[FH__ADDRESS_LEN])
{
    static const char text[] = "DELETE FROM endpoint WHERE address = ?";
    struct fh__sql_row r = fh__sql_begin(q, text);

    fh__put_blob(&r, address, FH__ADDRESS_LEN);
    return fh__sql_run(&r, NULL);
}

int fh__sql_endpoint_delete(struct fh__sql *q, struct fh__store_call *call)
{
    int ret;

    if ((ret = fh__sql_endpoint_get(q, call)) != 0)
        return ret;
    if (call->version != 0 && call->version != call->endpoint->version)
        return FH__STORE_E_VERSION;
    return delete_one(q, call->address);
}

/* Out of time, or of uses: nobody can do anything with it any more. */
int fh__sql_endpoint_purge(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] =
        "SELECT " COLUMNS FROM "WHERE (e.expires_ms > 0 AND e.expires_ms <= ?) OR e.uses_left = 0 "
        "ORDER BY e.address LIMIT ?";
    struct fh__sql_row r = fh__sql_begin(q, text);
    int ret;

    fh__put_int(&r, (int64_t)call->now_ms);
    fh__put_int(&r, (int64_t)call->limit + 1);
    ret = collect(&r, call);
    fh__sql_end(&r);
    for (size_t i = 0; ret == 0 && i < call->n; i++)
        ret = delete_one(q, call->endpoints[i]->address);
    return ret;
}
