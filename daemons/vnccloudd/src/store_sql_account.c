/* SPDX-License-Identifier: MIT */
/* store_sql_account.c -- accounts, API keys, what was answered before, numbers. */
#include "store_sql.h"

#include <stdlib.h>
#include <string.h>

enum {
    ANSWERS_KEPT_MS = 24 * 3600 * 1000,
    ANSWERS_KEPT = 10000 /* of one owner: then the oldest go before their time */
};

static size_t page_of(const struct fh__store_call *call)
{
    return call->limit < FH__STORE_PAGE_MAX ? (size_t)call->limit : FH__STORE_PAGE_MAX;
}

/* ---- accounts ---- */

#define ACCOUNT_COLUMNS                                                                            \
    "a.id, a.name, a.disabled, a.address_limit, a.relay_kbit, a.relay_bytes, a.created_ms, "       \
    "a.version, (SELECT COUNT(*) FROM endpoint e WHERE e.account = a.id) FROM account a "

static void read_account(struct fh__sql_row *r, struct fh__account *a)
{
    fh__get_blob(r, a->id, sizeof a->id);
    fh__get_text(r, a->name, sizeof a->name);
    a->disabled = fh__get_int(r) != 0;
    a->address_limit = (uint64_t)fh__get_int(r);
    a->relay_kbit = (uint64_t)fh__get_int(r);
    a->relay_bytes = (uint64_t)fh__get_int(r);
    a->created_ms = (uint64_t)fh__get_int(r);
    a->version = (uint64_t)fh__get_int(r);
    a->addresses = (uint64_t)fh__get_int(r);
}

static int read_one_account(struct fh__sql_row *r, struct fh__store_call *call)
{
    int ret = fh__sql_step(r);

    if (ret == 1) {
        ret = (call->account_record = calloc(1, sizeof *call->account_record)) ? 0
                                                                               : FH__STORE_E_NOMEM;
        if (ret == 0)
            read_account(r, call->account_record);
    } else if (ret == 0) {
        ret = FH__STORE_E_NOT_FOUND;
    }
    fh__sql_end(r);
    return ret;
}

int fh__sql_account_get(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] = "SELECT " ACCOUNT_COLUMNS "WHERE a.id = ?";
    struct fh__sql_row r = fh__sql_begin(q, text);

    fh__put_blob(&r, call->account, sizeof call->account);
    return read_one_account(&r, call);
}

int fh__sql_account_find(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] = "SELECT " ACCOUNT_COLUMNS "WHERE a.name = ?";
    struct fh__sql_row r = fh__sql_begin(q, text);

    fh__put_text(&r, call->text);
    return read_one_account(&r, call);
}

int fh__sql_account_list(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] = "SELECT " ACCOUNT_COLUMNS "WHERE a.name > ? ORDER BY a.name LIMIT ?";
    struct fh__sql_row r = fh__sql_begin(q, text);
    size_t limit = page_of(call);
    int ret;

    if (!(call->accounts = calloc(limit + 1, sizeof call->accounts[0])))
        return FH__STORE_E_NOMEM;
    fh__put_text(&r, call->text ? call->text : "");
    fh__put_int(&r, (int64_t)limit + 1);
    while ((ret = fh__sql_step(&r)) == 1 && call->n < limit)
        read_account(&r, &call->accounts[call->n++]);
    call->more = ret == 1;
    fh__sql_end(&r);
    return ret < 0 ? ret : 0;
}

int fh__sql_account_create(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] = "INSERT INTO account (id, name, disabled, address_limit, "
                               "relay_kbit, relay_bytes, created_ms, version) "
                               "VALUES (?, ?, ?, ?, ?, ?, ?, 1)";
    const struct fh__account *a = call->account_record;
    struct fh__sql_row r;
    int ret;

    if ((ret = fh__sql_idempotency(q, call)) != 0)
        return ret;
    r = fh__sql_begin(q, text);
    fh__put_blob(&r, a->id, sizeof a->id);
    fh__put_text(&r, a->name);
    fh__put_int(&r, a->disabled);
    fh__put_int(&r, (int64_t)a->address_limit);
    fh__put_int(&r, (int64_t)a->relay_kbit);
    fh__put_int(&r, (int64_t)a->relay_bytes);
    fh__put_int(&r, (int64_t)a->created_ms);
    call->version = 1;
    return fh__sql_run(&r, NULL);
}

static int version_of(struct fh__sql *q, const char *text, const void *id, size_t len, bool is_text,
                      uint64_t *out)
{
    struct fh__sql_row r = fh__sql_begin(q, text);
    int ret;

    if (is_text)
        fh__put_text(&r, id);
    else
        fh__put_blob(&r, id, len);
    if ((ret = fh__sql_step(&r)) == 1)
        *out = (uint64_t)fh__get_int(&r);
    fh__sql_end(&r);
    return ret == 0 ? FH__STORE_E_NOT_FOUND : ret < 0 ? ret : 0;
}

int fh__sql_account_update(struct fh__sql *q, struct fh__store_call *call)
{
    static const char get[] = "SELECT version FROM account WHERE id = ?";
    static const char text[] =
        "UPDATE account SET name = ?, disabled = ?, address_limit = ?, relay_kbit = ?, "
        "relay_bytes = ?, version = version + 1 WHERE id = ? AND version = ?";
    const struct fh__account *a = call->account_record;
    struct fh__sql_row r;
    uint64_t version = 0;
    int ret, changed;

    if ((ret = version_of(q, get, a->id, sizeof a->id, false, &version)) != 0)
        return ret;
    if (call->version != 0 && call->version != version)
        return FH__STORE_E_VERSION;
    r = fh__sql_begin(q, text);
    fh__put_text(&r, a->name);
    fh__put_int(&r, a->disabled);
    fh__put_int(&r, (int64_t)a->address_limit);
    fh__put_int(&r, (int64_t)a->relay_kbit);
    fh__put_int(&r, (int64_t)a->relay_bytes);
    fh__put_blob(&r, a->id, sizeof a->id);
    fh__put_int(&r, (int64_t)version);
    if ((ret = fh__sql_run(&r, &changed)) != 0)
        return ret;
    call->version = version + 1;
    return changed == 0 ? FH__STORE_E_VERSION : 0;
}

static int add_address(struct fh__sql_row *r, struct fh__store_call *call)
{
    size_t n = call->n;
    void *grown;

    if ((n & (n - 1)) == 0) { /* 0, 1, 2, 4, ...: twice as many places */
        if (!(grown = realloc(call->addresses, (n ? 2 * n : 1) * FH__ADDRESS_LEN)))
            return FH__STORE_E_NOMEM;
        call->addresses = grown;
    }
    fh__get_blob(r, call->addresses[n], FH__ADDRESS_LEN);
    call->n++;
    return 0;
}

static int delete_endpoints(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] = "DELETE FROM endpoint WHERE account = ? RETURNING address";
    struct fh__sql_row r = fh__sql_begin(q, text);
    int ret;

    fh__put_blob(&r, call->account, sizeof call->account);
    while ((ret = fh__sql_step(&r)) == 1)
        if ((ret = add_address(&r, call)) != 0)
            break;
    fh__sql_end(&r);
    return ret;
}

/* Answers that were kept for its keys may name its addresses: they go first. */
int fh__sql_account_delete(struct fh__sql *q, struct fh__store_call *call)
{
    static const char answers[] = "DELETE FROM answer WHERE owner IN "
                                  "(SELECT k.id FROM api_key k WHERE k.account = ?)";
    static const char named[] = "DELETE FROM answer WHERE account = ?";
    static const char keys[] = "DELETE FROM api_key WHERE account = ?";
    static const char account[] = "DELETE FROM account WHERE id = ?";
    static const char *const texts[] = {answers, named, keys, account};
    int ret = delete_endpoints(q, call), changed = 0;

    for (size_t i = 0; ret == 0 && i < sizeof texts / sizeof texts[0]; i++) {
        struct fh__sql_row r = fh__sql_begin(q, texts[i]);

        fh__put_blob(&r, call->account, sizeof call->account);
        ret = fh__sql_run(&r, &changed);
    }
    return ret == 0 && changed == 0 ? FH__STORE_E_NOT_FOUND : ret;
}

/* ---- API keys ---- */

#define KEY_COLUMNS                                                                                \
    "k.id, k.account, a.disabled, k.hash, k.scopes, k.networks, k.label, k.created_ms, "           \
    "k.expires_ms, k.last_used_ms, k.version FROM api_key k JOIN account a ON a.id = k.account "

static void read_key(struct fh__sql_row *r, struct fh__key *k)
{
    fh__get_text(r, k->id, sizeof k->id);
    fh__get_blob(r, k->account, sizeof k->account);
    k->account_disabled = fh__get_int(r) != 0;
    fh__get_blob(r, k->hash, sizeof k->hash);
    k->scopes = (uint32_t)fh__get_int(r);
    fh__get_text(r, k->networks, sizeof k->networks);
    fh__get_text(r, k->label, sizeof k->label);
    k->created_ms = (uint64_t)fh__get_int(r);
    k->expires_ms = (uint64_t)fh__get_int(r);
    k->last_used_ms = (uint64_t)fh__get_int(r);
    k->version = (uint64_t)fh__get_int(r);
}

int fh__sql_key_get(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] = "SELECT " KEY_COLUMNS "WHERE k.id = ?";
    struct fh__sql_row r = fh__sql_begin(q, text);
    int ret;

    fh__put_text(&r, call->text);
    if ((ret = fh__sql_step(&r)) == 1) {
        ret = (call->key = calloc(1, sizeof *call->key)) ? 0 : FH__STORE_E_NOMEM;
        if (ret == 0)
            read_key(&r, call->key);
        if (ret == 0 && call->is_tenant &&
            memcmp(call->key->account, call->account, sizeof call->account) != 0)
            ret = FH__STORE_E_NOT_FOUND;
    } else if (ret == 0) {
        ret = FH__STORE_E_NOT_FOUND;
    }
    fh__sql_end(&r);
    return ret;
}

int fh__sql_key_list(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] =
        "SELECT " KEY_COLUMNS "WHERE k.account = ? AND k.id > ? ORDER BY k.id LIMIT ?";
    struct fh__sql_row r = fh__sql_begin(q, text);
    size_t limit = page_of(call);
    int ret;

    if (!(call->keys = calloc(limit + 1, sizeof call->keys[0])))
        return FH__STORE_E_NOMEM;
    fh__put_blob(&r, call->account, sizeof call->account);
    fh__put_text(&r, call->text ? call->text : "");
    fh__put_int(&r, (int64_t)limit + 1);
    while ((ret = fh__sql_step(&r)) == 1 && call->n < limit)
        read_key(&r, &call->keys[call->n++]);
    call->more = ret == 1;
    fh__sql_end(&r);
    return ret < 0 ? ret : 0;
}

int fh__sql_key_create(struct fh__sql *q, struct fh__store_call *call)
{
    static const char get[] = "SELECT version FROM account WHERE id = ?";
    static const char text[] =
        "INSERT INTO api_key (id, account, hash, scopes, networks, label, created_ms, expires_ms, "
        "last_used_ms, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 1)";
    const struct fh__key *k = call->key;
    struct fh__sql_row r;
    uint64_t version = 0;
    int ret;

    if ((ret = fh__sql_idempotency(q, call)) != 0 ||
        (ret = version_of(q, get, k->account, sizeof k->account, false, &version)) != 0)
        return ret;
    r = fh__sql_begin(q, text);
    fh__put_text(&r, k->id);
    fh__put_blob(&r, k->account, sizeof k->account);
    fh__put_blob(&r, k->hash, sizeof k->hash);
    fh__put_int(&r, k->scopes);
    fh__put_text(&r, k->networks);
    fh__put_text(&r, k->label);
    fh__put_int(&r, (int64_t)k->created_ms);
    fh__put_int(&r, (int64_t)k->expires_ms);
    call->version = 1;
    return fh__sql_run(&r, NULL);
}

int fh__sql_key_update(struct fh__sql *q, struct fh__store_call *call)
{
    static const char get[] = "SELECT version FROM api_key WHERE id = ?";
    static const char text[] =
        "UPDATE api_key SET scopes = ?, networks = ?, label = ?, expires_ms = ?, "
        "version = version + 1 WHERE id = ? AND account = ? AND version = ?";
    const struct fh__key *k = call->key;
    struct fh__sql_row r;
    uint64_t version = 0;
    int ret, changed;

    if ((ret = version_of(q, get, k->id, 0, true, &version)) != 0)
        return ret;
    if (call->version != 0 && call->version != version)
        return FH__STORE_E_VERSION;
    r = fh__sql_begin(q, text);
    fh__put_int(&r, k->scopes);
    fh__put_text(&r, k->networks);
    fh__put_text(&r, k->label);
    fh__put_int(&r, (int64_t)k->expires_ms);
    fh__put_text(&r, k->id);
    fh__put_blob(&r, k->account, sizeof k->account);
    fh__put_int(&r, (int64_t)version);
    if ((ret = fh__sql_run(&r, &changed)) != 0)
        return ret;
    call->version = version + 1;
    return changed == 0 ? FH__STORE_E_NOT_FOUND : 0;
}

int fh__sql_key_delete(struct fh__sql *q, struct fh__store_call *call)
{
    static const char answers[] = "DELETE FROM answer WHERE owner = ?";
    static const char text[] = "DELETE FROM api_key WHERE id = ? AND account = ?";
    struct fh__sql_row r = fh__sql_begin(q, text);
    int ret, changed;

    fh__put_text(&r, call->text);
    fh__put_blob(&r, call->account, sizeof call->account);
    if ((ret = fh__sql_run(&r, &changed)) != 0)
        return ret;
    if (changed == 0)
        return FH__STORE_E_NOT_FOUND;
    r = fh__sql_begin(q, answers);
    fh__put_text(&r, call->text);
    return fh__sql_run(&r, NULL);
}

/* ---- what was answered before ---- */

static int find_answer(struct fh__sql *q, struct fh__idempotency *i, uint64_t after_ms)
{
    static const char text[] = "SELECT request, status, body FROM answer "
                               "WHERE owner = ? AND name = ? AND created_ms > ?";
    struct fh__sql_row r = fh__sql_begin(q, text);
    uint8_t request[32];
    const void *body;
    int ret;

    fh__put_text(&r, i->owner);
    fh__put_text(&r, i->name);
    fh__put_int(&r, (int64_t)after_ms);
    if ((ret = fh__sql_step(&r)) != 1)
        goto out;
    fh__get_blob(&r, request, sizeof request);
    ret = FH__STORE_E_CONFLICT;
    if (memcmp(request, i->request, sizeof request) != 0)
        goto out;
    i->status = (unsigned)fh__get_int(&r);
    free(i->body);
    i->body = NULL;
    body = fh__get_bytes(&r, &i->len);
    ret = FH__STORE_E_NOMEM;
    if (!(i->body = malloc(i->len + 1)))
        goto out;
    if (body)
        memcpy(i->body, body, i->len);
    ret = FH__STORE_E_REPLAY;
out:
    fh__sql_end(&r);
    return ret;
}

/* Each new one takes some old ones away, so that nobody has to sweep. */
static int drop_old_answers(struct fh__sql *q, uint64_t before_ms)
{
    static const char text[] = "DELETE FROM answer WHERE created_ms <= ?";
    struct fh__sql_row r = fh__sql_begin(q, text);

    fh__put_int(&r, (int64_t)before_ms);
    return fh__sql_run(&r, NULL);
}

static int drop_excess_answers(struct fh__sql *q, const char *owner)
{
    static const char text[] =
        "DELETE FROM answer WHERE owner = ? AND created_ms <= (SELECT o.created_ms FROM answer o "
        "WHERE o.owner = ? ORDER BY o.created_ms DESC LIMIT 1 OFFSET ?)";
    struct fh__sql_row r = fh__sql_begin(q, text);

    fh__put_text(&r, owner);
    fh__put_text(&r, owner);
    fh__put_int(&r, ANSWERS_KEPT - 1);
    return fh__sql_run(&r, NULL);
}

int fh__sql_idempotency(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] = "INSERT INTO answer (owner, name, account, request, status, body, "
                               "created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)";
    struct fh__idempotency *i = &call->idempotency;
    uint64_t old = call->now_ms > ANSWERS_KEPT_MS ? call->now_ms - ANSWERS_KEPT_MS : 0;
    struct fh__sql_row r;
    int ret;

    if (i->name[0] == '\0')
        return 0;
    if ((ret = find_answer(q, i, old)) != 0 || (ret = drop_old_answers(q, old)) != 0 ||
        (ret = drop_excess_answers(q, i->owner)) != 0)
        return ret;
    r = fh__sql_begin(q, text);
    fh__put_text(&r, i->owner);
    fh__put_text(&r, i->name);
    fh__put_blob(&r, call->account, sizeof call->account);
    fh__put_blob(&r, i->request, sizeof i->request);
    fh__put_int(&r, i->status);
    fh__put_blob(&r, i->body, i->len);
    fh__put_int(&r, (int64_t)call->now_ms);
    return fh__sql_run(&r, NULL);
}

/* ---- numbers ---- */

int fh__sql_stats(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] = "SELECT (SELECT COUNT(*) FROM account), "
                               "(SELECT COUNT(*) FROM endpoint), "
                               "(SELECT COUNT(*) FROM endpoint WHERE binding IS NOT NULL), "
                               "(SELECT COUNT(*) FROM api_key)";
    struct fh__sql_row r = fh__sql_begin(q, text);
    int ret = fh__sql_step(&r);

    if (ret == 1) {
        call->stats.accounts = (uint64_t)fh__get_int(&r);
        call->stats.endpoints = (uint64_t)fh__get_int(&r);
        call->stats.enrolled = (uint64_t)fh__get_int(&r);
        call->stats.keys = (uint64_t)fh__get_int(&r);
    }
    fh__sql_end(&r);
    return ret < 0 ? ret : 0;
}

int fh__sql_probe(struct fh__sql *q, struct fh__store_call *call)
{
    static const char text[] = "UPDATE meta SET value = ? WHERE name = 'probed'";
    struct fh__sql_row r = fh__sql_begin(q, text);

    fh__put_int(&r, (int64_t)call->now_ms);
    return fh__sql_run(&r, NULL);
}

/* Never back in time: batches of several nodes may cross. */
int fh__sql_seen(struct fh__sql *q, struct fh__store_call *call)
{
    static const char endpoint[] =
        "UPDATE endpoint SET last_seen_ms = ? WHERE address = ? AND last_seen_ms < ?";
    static const char key[] =
        "UPDATE api_key SET last_used_ms = ? WHERE id = ? AND last_used_ms < ?";
    int ret = 0;

    for (size_t i = 0; ret == 0 && i < call->n; i++) {
        const struct fh__seen *s = &call->seen[i];
        struct fh__sql_row r = fh__sql_begin(q, s->key[0] ? key : endpoint);

        fh__put_int(&r, (int64_t)s->at_ms);
        if (s->key[0])
            fh__put_text(&r, s->key);
        else
            fh__put_blob(&r, s->address, sizeof s->address);
        fh__put_int(&r, (int64_t)s->at_ms);
        ret = fh__sql_run(&r, NULL);
    }
    return ret;
}
