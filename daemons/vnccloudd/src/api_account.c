/* SPDX-License-Identifier: MIT */
/* api_account.c -- accounts, which are the operator's, and the API keys of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>
#include <farhand/identity_uv.h>

#include "api_call.h"

enum { PAGE = 500, TTL_MAX = 10 * 366 * 86400 };

static bool path_account(struct fh__api_call *c, uint8_t out[FH__ACCOUNT_LEN])
{
    if (fh__hex_read(c->path[3], out, FH__ACCOUNT_LEN))
        return true;
    fh__answer_store(c, FH__STORE_E_NOT_FOUND);
    return false;
}

/* ---- accounts ---- */

static json_t *form(const struct fh__account *a)
{
    json_t *o = json_object();

    json_object_set_new(o, "id", fh__json_hex(a->id, sizeof a->id));
    json_object_set_new(o, "name", json_string(a->name));
    json_object_set_new(o, "disabled", json_boolean(a->disabled));
    json_object_set_new(o, "addresses", json_integer((json_int_t)a->addresses));
    json_object_set_new(o, "address_limit", json_integer((json_int_t)a->address_limit));
    json_object_set_new(o, "relay_kbit", json_integer((json_int_t)a->relay_kbit));
    json_object_set_new(o, "relay_bytes", json_integer((json_int_t)a->relay_bytes));
    json_object_set_new(o, "created", fh__json_time(a->created_ms));
    json_object_set_new(o, "version", json_integer((json_int_t)a->version));
    return o;
}

static int read_limit(const json_t *body, const char *name, int64_t max, uint64_t *out,
                      char why[FH__WHY])
{
    const json_t *value = json_object_get(body, name);
    int64_t v;

    if (!value)
        return 0;
    if (fh__json_read_number(value, name, 0, max, &v, why) != 0)
        return -1;
    *out = (uint64_t)v;
    return 0;
}

/* What the body does not say stays. */
static int read_account(struct fh__api_call *c, const json_t *body, struct fh__account *a)
{
    const json_t *name = json_object_get(body, "name");
    const json_t *disabled = json_object_get(body, "disabled");

    if (name && fh__json_read_text(name, "name", 1, a->name, sizeof a->name, c->why) != 0)
        return -1;
    if (disabled && !json_is_boolean(disabled)) {
        snprintf(c->why, sizeof c->why, "disabled: expected true or false");
        return -1;
    }
    if (disabled)
        a->disabled = json_is_true(disabled);
    if (!a->name[0]) {
        snprintf(c->why, sizeof c->why, "name: expected");
        return -1;
    }
    if (read_limit(body, "address_limit", INT32_MAX, &a->address_limit, c->why) != 0 ||
        read_limit(body, "relay_kbit", UINT32_MAX, &a->relay_kbit, c->why) != 0)
        return -1;
    return read_limit(body, "relay_bytes", INT64_MAX, &a->relay_bytes, c->why);
}

static const json_t *account_body(struct fh__api_call *c)
{
    static const char *const members[] = {"name",       "disabled",    "address_limit",
                                          "relay_kbit", "relay_bytes", NULL};

    return fh__api_body(c, members);
}

static void set_event(struct fh__api_call *c, enum fh__change what, const struct fh__account *a)
{
    memcpy(c->event_account, a->id, sizeof c->event_account);
    snprintf(c->target, sizeof c->target, "%s", a->name);
    c->event.what = what;
    c->event.account = c->event_account;
    c->event.target = c->target;
}

static void on_account_list(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    json_t *items, *o;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
        fh__store_call_free(s);
        return;
    }
    o = json_object();
    items = json_array();
    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(items, form(&s->accounts[i]));
    json_object_set_new(o, "items", items);
    if (s->more)
        fh__answer_next(c, s->limit, s->accounts[s->n - 1].name);
    fh__answer_json(c, 200, o);
    fh__store_call_free(s);
}

void fh__api_account_list(struct fh__api_call *c)
{
    char after[FH__LABEL_MAX + 1];
    struct fh__store_call *s;
    uint64_t limit;

    if (!fh__api_page(c, 100, PAGE, &limit, after, sizeof after) ||
        !(s = fh__api_store(c, FH__STORE_ACCOUNT_LIST, on_account_list)))
        return;
    s->limit = limit;
    s->text = strdup(after);
    fh__api_submit(c, s);
}

void fh__api_account_create(struct fh__api_call *c)
{
    const json_t *body = account_body(c);
    struct fh__store_call *s;
    struct fh__account *a;
    char *hex;

    if (!body || !(s = fh__api_store(c, FH__STORE_ACCOUNT_CREATE, NULL)))
        return;
    if (!(a = s->account_record = calloc(1, sizeof *a))) {
        fh__answer_problem(c, 500, "internal", NULL);
        fh__store_call_free(s);
        return;
    }
    fh_random_system(NULL, a->id, sizeof a->id);
    a->created_ms = c->now_ms;
    a->version = 1;
    if (read_account(c, body, a) != 0) {
        fh__answer_bad(c);
        fh__store_call_free(s);
        return;
    }
    set_event(c, FH__CHANGE_ACCOUNT_CREATED, a);
    hex = c->location + snprintf(c->location, sizeof c->location, "/cloud/2/accounts/");
    for (size_t i = 0; i < sizeof a->id; i++)
        sprintf(hex + 2 * i, "%02x", a->id[i]);
    fh__api_change(c, s, 201, form(a), false);
}

static void on_account(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else {
        fh__answer_etag(c, s->account_record->version);
        fh__answer_json(c, 200, form(s->account_record));
    }
    fh__store_call_free(s);
}

static void look_up_account(struct fh__api_call *c, const uint8_t id[FH__ACCOUNT_LEN],
                            fh__store_done_fn done)
{
    struct fh__store_call *s = fh__api_store(c, FH__STORE_ACCOUNT_GET, done);

    if (!s)
        return;
    memcpy(s->account, id, sizeof s->account);
    fh__api_submit(c, s);
}

void fh__api_account_get(struct fh__api_call *c)
{
    uint8_t id[FH__ACCOUNT_LEN];

    if (path_account(c, id))
        look_up_account(c, id, on_account);
}

void fh__api_account_own(struct fh__api_call *c)
{
    if (c->has_account) {
        look_up_account(c, c->account, on_account);
        return;
    }
    snprintf(c->why, sizeof c->why, "account: expected, as a parameter");
    fh__answer_bad(c);
}

static void on_account_updated(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    const struct fh__api_hooks *h = &c->api->cfg.hooks;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else {
        s->account_record->version = s->version;
        fh__api_changed(c);
        if (h->account_changed)
            h->account_changed(h->user, s->account_record->id, s->account_record->disabled);
        fh__answer_etag(c, s->version);
        fh__answer_json(c, 200, form(s->account_record));
    }
    fh__store_call_free(s);
}

static void on_account_to_update(struct fh__store_call *got)
{
    struct fh__api_call *c = got->user;
    struct fh__store_call *s;

    if (got->ret != 0) {
        fh__answer_store(c, got->ret);
    } else if (c->if_match != 0 && c->if_match != got->account_record->version) {
        fh__answer_store(c, FH__STORE_E_VERSION);
    } else if (read_account(c, c->body, got->account_record) != 0) {
        fh__answer_bad(c);
    } else if ((s = fh__api_store(c, FH__STORE_ACCOUNT_UPDATE, on_account_updated)) != NULL) {
        s->account_record = got->account_record;
        got->account_record = NULL;
        s->version = s->account_record->version;
        set_event(c, FH__CHANGE_ACCOUNT_UPDATED, s->account_record);
        fh__api_submit(c, s);
    }
    fh__store_call_free(got);
}

void fh__api_account_update(struct fh__api_call *c)
{
    uint8_t id[FH__ACCOUNT_LEN];

    if (path_account(c, id) && account_body(c))
        look_up_account(c, id, on_account_to_update);
}

static void on_account_deleted(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    const struct fh__api_hooks *h = &c->api->cfg.hooks;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else {
        memcpy(c->event_account, s->account, sizeof c->event_account);
        c->event.what = FH__CHANGE_ACCOUNT_DELETED;
        c->event.account = c->event_account;
        c->event.details = json_pack("{s:I}", "addresses", (json_int_t)s->n);
        fh__api_changed(c);
        for (size_t i = 0; h->changed && i < s->n; i++)
            h->changed(h->user, s->addresses[i], FH__API_DELETED);
        if (h->account_changed)
            h->account_changed(h->user, s->account, true);
        fh__answer_json(c, 204, NULL);
    }
    fh__store_call_free(s);
}

void fh__api_account_delete(struct fh__api_call *c)
{
    uint8_t id[FH__ACCOUNT_LEN];
    struct fh__store_call *s;

    if (!path_account(c, id) ||
        !(s = fh__api_store(c, FH__STORE_ACCOUNT_DELETE, on_account_deleted)))
        return;
    memcpy(s->account, id, sizeof s->account);
    fh__api_submit(c, s);
}

/* ---- keys: scopes and networks ---- */

static const struct {
    const char *name;
    uint32_t bit;
} scopes[] = {
#define X(id, bit, text) {text, bit},
    FH__SCOPES(X)
#undef X
};

static json_t *json_scopes(uint32_t set)
{
    json_t *array = json_array();

    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
        if (set & scopes[i].bit)
            json_array_append_new(array, json_string(scopes[i].name));
    return array;
}

static uint32_t scope_of(const json_t *value)
{
    const char *text = json_string_value(value);

    for (size_t i = 0; text && i < sizeof scopes / sizeof scopes[0]; i++)
        if (strcmp(text, scopes[i].name) == 0)
            return scopes[i].bit;
    return 0;
}

/* Nobody grants what he may not do himself. */
static int read_scopes(struct fh__api_call *c, const json_t *array, uint32_t *out)
{
    uint32_t set = 0, bit;
    const json_t *value;
    size_t i;

    json_array_foreach(array, i, value)
    {
        if ((bit = scope_of(value)) == 0) {
            snprintf(c->why, sizeof c->why, "scopes: number %zu is none", i + 1);
            return -1;
        }
        if (!c->is_operator && (c->key.scopes & bit) == 0) {
            snprintf(c->why, sizeof c->why, "scopes: this key may not grant %s",
                     json_string_value(value));
            return -1;
        }
        set |= bit;
    }
    if (set == 0) {
        snprintf(c->why, sizeof c->why, "scopes: expected a list of at least one");
        return -1;
    }
    *out = set;
    return 0;
}

static json_t *json_networks(const char *text)
{
    json_t *array = json_array();

    while (*text) {
        size_t len = strcspn(text, " ");

        json_array_append_new(array, json_stringn(text, len));
        text += len + (text[len] == ' ');
    }
    return array;
}

static int read_networks(struct fh__api_call *c, const json_t *array, char *out, size_t room)
{
    const char *expected = "a list of networks";
    const json_t *value;
    size_t i, n = 0;

    out[0] = '\0';
    json_array_foreach(array, i, value)
    {
        const char *text = json_string_value(value);
        size_t len = text ? strlen(text) : 0;

        if (len == 0 || strchr(text, ' ') || n + len + 2 > room)
            goto bad;
        n += (size_t)snprintf(out + n, room - n, "%s%s", i ? " " : "", text);
    }
    if (json_is_array(array) && fh__networks_check(out, &expected) == 0)
        return 0;
bad:
    snprintf(c->why, sizeof c->why, "networks: expected %s", expected);
    return -1;
}

static int read_key(struct fh__api_call *c, const json_t *body, struct fh__key *k)
{
    const json_t *label = json_object_get(body, "label"), *ttl = json_object_get(body, "ttl");
    const json_t *set = json_object_get(body, "scopes");
    const json_t *networks = json_object_get(body, "networks");
    int64_t v;

    if (label && fh__json_read_text(label, "label", 0, k->label, sizeof k->label, c->why) != 0)
        return -1;
    if (set && read_scopes(c, set, &k->scopes) != 0)
        return -1;
    if (networks && read_networks(c, networks, k->networks, sizeof k->networks) != 0)
        return -1;
    if (json_is_null(ttl)) {
        k->expires_ms = 0;
    } else if (ttl) {
        if (fh__json_read_number(ttl, "ttl", 1, TTL_MAX, &v, c->why) != 0)
            return -1;
        k->expires_ms = c->now_ms + (uint64_t)v * 1000;
    }
    if (k->scopes == 0) {
        snprintf(c->why, sizeof c->why, "scopes: expected");
        return -1;
    }
    return 0;
}

/* ---- keys ---- */

static json_t *key_form(const struct fh__key *k)
{
    char name[FH__KEY_NAME_TEXT];
    json_t *o = json_object();

    fh__key_name(k->id, name);
    json_object_set_new(o, "key", json_string(name));
    json_object_set_new(o, "account", fh__json_hex(k->account, sizeof k->account));
    json_object_set_new(o, "label", json_string(k->label));
    json_object_set_new(o, "scopes", json_scopes(k->scopes));
    json_object_set_new(o, "networks", json_networks(k->networks));
    json_object_set_new(o, "created", fh__json_time(k->created_ms));
    json_object_set_new(o, "expires", fh__json_time(k->expires_ms));
    json_object_set_new(o, "last_used", fh__json_time(k->last_used_ms));
    json_object_set_new(o, "version", json_integer((json_int_t)k->version));
    return o;
}

static void set_key_event(struct fh__api_call *c, enum fh__change what, const struct fh__key *k)
{
    memcpy(c->event_account, k->account, sizeof c->event_account);
    fh__key_name(k->id, c->target);
    c->event.what = what;
    c->event.account = c->event_account;
    c->event.target = c->target;
    c->event.details = json_pack("{s:o,s:o}", "scopes", json_scopes(k->scopes), "networks",
                                 json_networks(k->networks));
}

static bool needs_account(struct fh__api_call *c)
{
    if (c->has_account)
        return true;
    snprintf(c->why, sizeof c->why, "account: expected, as a parameter");
    fh__answer_bad(c);
    return false;
}

static void on_key_list(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    char after[FH__KEY_NAME_TEXT];
    json_t *items, *o;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
        fh__store_call_free(s);
        return;
    }
    o = json_object();
    items = json_array();
    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(items, key_form(&s->keys[i]));
    json_object_set_new(o, "items", items);
    if (s->more) {
        fh__key_name(s->keys[s->n - 1].id, after);
        fh__answer_next(c, s->limit, after);
    }
    fh__answer_json(c, 200, o);
    fh__store_call_free(s);
}

void fh__api_key_list(struct fh__api_call *c)
{
    char after[FH__KEY_NAME_TEXT], id[FH__KEY_ID_TEXT] = "";
    struct fh__store_call *s;
    uint64_t limit;

    if (!needs_account(c) || !fh__api_page(c, 100, PAGE, &limit, after, sizeof after))
        return;
    if (*after && !fh__key_parse_name(after, strlen(after), id)) {
        snprintf(c->why, sizeof c->why, "after: expected the name of a key");
        fh__answer_bad(c);
        return;
    }
    if (!(s = fh__api_store(c, FH__STORE_KEY_LIST, on_key_list)))
        return;
    s->limit = limit;
    s->text = strdup(id);
    fh__api_submit(c, s);
}

void fh__api_key_create(struct fh__api_call *c)
{
    static const char *const members[] = {"label", "scopes", "networks", "ttl", NULL};
    char secret[FH__SECRET_TEXT];
    const json_t *body;
    struct fh__store_call *s;
    struct fh__key *k;
    json_t *answer;

    if (!needs_account(c) || !(body = fh__api_body(c, members)) ||
        !(s = fh__api_store(c, FH__STORE_KEY_CREATE, NULL)))
        return;
    if (!(k = s->key = calloc(1, sizeof *k)) || read_key(c, body, k) != 0) {
        fh__answer_bad(c);
        fh__store_call_free(s);
        return;
    }
    memcpy(k->account, c->account, sizeof k->account);
    k->created_ms = c->now_ms;
    k->version = 1;
    fh__key_generate(fh_random_system, NULL, k->id, secret);
    fh__key_hash(secret, strlen(secret), k->hash);
    answer = key_form(k);
    json_object_set_new(answer, "secret", json_string(secret));
    fh_wipe(secret, sizeof secret);
    set_key_event(c, FH__CHANGE_KEY_CREATED, k);
    snprintf(c->location, sizeof c->location, "/cloud/2/keys/vck_%s", k->id);
    fh__api_change(c, s, 201, answer, true);
}

/* The key of the path, within the account; the operator's may be anywhere. */
static struct fh__store_call *key_call(struct fh__api_call *c, enum fh__store_op op,
                                       fh__store_done_fn done)
{
    char id[FH__KEY_ID_TEXT];
    struct fh__store_call *s;

    if (!fh__key_parse_name(c->path[3], strlen(c->path[3]), id)) {
        fh__answer_store(c, FH__STORE_E_NOT_FOUND);
        return NULL;
    }
    if ((s = fh__api_store(c, op, done)) != NULL)
        s->text = strdup(id);
    return s;
}

static void on_key(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else {
        fh__answer_etag(c, s->key->version);
        fh__answer_json(c, 200, key_form(s->key));
    }
    fh__store_call_free(s);
}

void fh__api_key_get(struct fh__api_call *c)
{
    struct fh__store_call *s = key_call(c, FH__STORE_KEY_GET, on_key);

    if (s)
        fh__api_submit(c, s);
}

/* Nobody lets a key that may do more than his own be used longer, or from elsewhere. Deleting it is
 * another matter: that takes away, and may be urgent. */
static bool may_change_key(const struct fh__api_call *c, const struct fh__key *k)
{
    return c->is_operator || (k->scopes & ~c->key.scopes) == 0;
}

static void on_key_to_update(struct fh__store_call *got)
{
    struct fh__api_call *c = got->user;
    struct fh__store_call *s;

    if (got->ret != 0) {
        fh__answer_store(c, got->ret);
    } else if (c->if_match != 0 && c->if_match != got->key->version) {
        fh__answer_store(c, FH__STORE_E_VERSION);
    } else if (!may_change_key(c, got->key)) {
        fh__answer_problem(c, 403, "out-of-scope", "that key may do more than this one");
    } else if (read_key(c, c->body, got->key) != 0) {
        fh__answer_bad(c);
    } else if ((s = fh__api_store(c, FH__STORE_KEY_UPDATE, NULL)) != NULL) {
        s->key = got->key;
        got->key = NULL;
        s->version = s->key->version++;
        set_key_event(c, FH__CHANGE_KEY_UPDATED, s->key);
        fh__api_change(c, s, 200, key_form(s->key), false);
    }
    fh__store_call_free(got);
}

void fh__api_key_update(struct fh__api_call *c)
{
    static const char *const members[] = {"label", "scopes", "networks", "ttl", NULL};
    struct fh__store_call *s;

    if (fh__api_body(c, members) && (s = key_call(c, FH__STORE_KEY_GET, on_key_to_update)) != NULL)
        fh__api_submit(c, s);
}

static void on_key_deleted(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else {
        fh__api_changed(c);
        fh__answer_json(c, 204, NULL);
    }
    fh__store_call_free(s);
}

static void on_key_to_delete(struct fh__store_call *got)
{
    struct fh__api_call *c = got->user;
    struct fh__store_call *s;

    if (got->ret != 0) {
        fh__answer_store(c, got->ret);
    } else if (c->if_match != 0 && c->if_match != got->key->version) {
        fh__answer_store(c, FH__STORE_E_VERSION);
    } else if ((s = fh__api_store(c, FH__STORE_KEY_DELETE, on_key_deleted)) != NULL) {
        set_key_event(c, FH__CHANGE_KEY_DELETED, got->key);
        memcpy(s->account, got->key->account, sizeof s->account);
        s->text = strdup(got->key->id);
        fh__api_submit(c, s);
    }
    fh__store_call_free(got);
}

void fh__api_key_delete(struct fh__api_call *c)
{
    struct fh__store_call *s = key_call(c, FH__STORE_KEY_GET, on_key_to_delete);

    if (s)
        fh__api_submit(c, s);
}
