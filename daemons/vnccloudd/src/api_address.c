/* SPDX-License-Identifier: MIT */
/*
 * api_address.c -- cloud addresses, in both dialects: /cloud/1.1/static-address with the names of
 * VNC Cloud, and /cloud/2/addresses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/cloud_proof.h>
#include <farhand/identity.h>
#include <farhand/identity_uv.h>

#include "api_call.h"

enum { TTL_MAX = 10 * 366 * 86400, USES_MAX = 1000000000, OLD_PAGE = 99, PAGE = 500 };

/* ---- given ---- */

static json_t *json_address(const uint8_t address[FH__ADDRESS_LEN])
{
    char text[FH_CLOUD_ADDRESS_TEXT];

    fh_cloud_address_print(address, text);
    return json_string(text);
}

static json_t *json_actions(uint8_t roles)
{
    json_t *array = json_array();

    if (roles & FH__ROLE_LISTEN)
        json_array_append_new(array, json_string("listen"));
    if (roles & FH__ROLE_CONNECT)
        json_array_append_new(array, json_string("connect"));
    return array;
}

static json_t *json_access(const struct fh__endpoint *e, const char *addresses)
{
    json_t *o = json_object(), *list = json_array();

    for (size_t i = 0; i < e->n_allow_addresses; i++)
        json_array_append_new(list, json_address(e->allow_addresses[i]));
    json_object_set_new(o, "groups", fh__json_names(&e->allow_groups));
    json_object_set_new(o, addresses, list);
    return o;
}

static json_t *old_form(const struct fh__endpoint *e)
{
    json_t *o = json_object();

    json_object_set_new(o, "cloudAddress", json_address(e->address));
    json_object_set_new(o, "allowedActions", json_actions(e->roles));
    json_object_set_new(o, "groups", fh__json_names(&e->groups));
    if (e->has_acl)
        json_object_set_new(o, "accessControl", json_access(e, "cloudAddresses"));
    return o;
}

static json_t *new_form(const struct fh__api_call *c, const struct fh__endpoint *e)
{
    const struct fh__api_hooks *h = &c->api->cfg.hooks;
    struct fh__api_online online;
    json_t *o = json_object();

    json_object_set_new(o, "address", json_address(e->address));
    json_object_set_new(o, "account", fh__json_hex(e->account, sizeof e->account));
    json_object_set_new(o, "actions", json_actions(e->roles));
    json_object_set_new(o, "groups", fh__json_names(&e->groups));
    json_object_set_new(o, "access", e->has_acl ? json_access(e, "addresses") : json_null());
    json_object_set_new(o, "label", json_string(e->label));
    json_object_set_new(o, "expires", fh__json_time(e->expires_ms));
    json_object_set_new(o, "uses", e->uses_left < 0 ? json_null() : json_integer(e->uses_left));
    json_object_set_new(o, "fingerprint",
                        e->binding ? fh__json_hex(e->fingerprint, 32) : json_null());
    json_object_set_new(o, "online",
                        json_boolean(h->online && h->online(h->user, e->address, &online)));
    json_object_set_new(o, "created", fh__json_time(e->created_ms));
    json_object_set_new(o, "changed", fh__json_time(e->changed_ms));
    json_object_set_new(o, "last_seen", fh__json_time(e->last_seen_ms));
    json_object_set_new(o, "version", json_integer((json_int_t)e->version));
    return o;
}

static json_t *form(const struct fh__api_call *c, const struct fh__endpoint *e)
{
    return fh__api_is_old(c) ? old_form(e) : new_form(c, e);
}

/* ---- taken ---- */

static int read_action(const json_t *value, uint8_t *roles, char why[FH__WHY])
{
    const char *text = json_string_value(value);

    if (text && strcmp(text, "listen") == 0) {
        *roles |= FH__ROLE_LISTEN;
        return 0;
    }
    if (text && strcmp(text, "connect") == 0) {
        *roles |= FH__ROLE_CONNECT;
        return 0;
    }
    snprintf(why, FH__WHY, "actions: expected \"listen\" or \"connect\"");
    return -1;
}

/* One word, or a list of them. */
static int read_actions(const json_t *value, struct fh__endpoint *e, char why[FH__WHY])
{
    uint8_t roles = 0;
    const json_t *item;
    size_t i;

    if (json_is_string(value) && read_action(value, &roles, why) != 0)
        return -1;
    json_array_foreach(value, i, item)
    {
        if (read_action(item, &roles, why) != 0)
            return -1;
    }
    if (roles == 0 || json_array_size(value) > 2) {
        snprintf(why, FH__WHY, "actions: expected \"listen\", \"connect\" or a list of both");
        return -1;
    }
    e->roles = roles;
    return 0;
}

static int read_addresses(const json_t *array, struct fh__endpoint *e, char why[FH__WHY])
{
    const json_t *value;
    size_t i;

    if (!json_is_array(array) || json_array_size(array) > FH__ALLOW_ADDRESSES_MAX) {
        snprintf(why, FH__WHY, "access: expected at most %d addresses", FH__ALLOW_ADDRESSES_MAX);
        return -1;
    }
    json_array_foreach(array, i, value)
    {
        const char *text = json_string_value(value);

        if (!text || fh_cloud_address_parse(text, strlen(text), e->allow_addresses[i]) != 0) {
            snprintf(why, FH__WHY, "access: number %zu is no cloud address", i + 1);
            return -1;
        }
    }
    e->n_allow_addresses = (uint8_t)json_array_size(array);
    return 0;
}

/* {"groups": [...], "addresses": [...]}; null: everybody of the account. */
static int read_access(const json_t *value, const char *addresses, struct fh__endpoint *e,
                       char why[FH__WHY])
{
    const char *const names[] = {"groups", addresses, NULL};
    json_t *groups = json_object_get(value, "groups"), *list = json_object_get(value, addresses);

    e->has_acl = false;
    e->n_allow_addresses = 0;
    fh__names_clear(&e->allow_groups);
    if (json_is_null(value))
        return 0;
    if (!json_is_object(value)) {
        snprintf(why, FH__WHY, "access: expected an object with groups and addresses, or null");
        return -1;
    }
    e->has_acl = true;
    if (!fh__json_has_only(value, names, why) ||
        (groups && fh__json_read_names(groups, "access: groups", FH__ALLOW_GROUPS_MAX,
                                       &e->allow_groups, why) != 0))
        return -1;
    return list ? read_addresses(list, e, why) : 0;
}

static int read_life(const struct fh__api_call *c, const json_t *body, struct fh__endpoint *e,
                     char why[FH__WHY])
{
    const json_t *ttl = json_object_get(body, "ttl"), *uses = json_object_get(body, "uses");
    const json_t *label = json_object_get(body, "label");
    int64_t v;

    if (json_is_null(ttl)) {
        e->expires_ms = 0;
    } else if (ttl) {
        if (fh__json_read_number(ttl, "ttl", 1, TTL_MAX, &v, why) != 0)
            return -1;
        e->expires_ms = c->now_ms + (uint64_t)v * 1000;
    }
    if (json_is_null(uses)) {
        e->uses_left = -1;
    } else if (uses) {
        if (fh__json_read_number(uses, "uses", 1, USES_MAX, &v, why) != 0)
            return -1;
        e->uses_left = v;
    }
    return label ? fh__json_read_text(label, "label", 0, e->label, sizeof e->label, why) : 0;
}

/* What the body says of an address; what it does not say stays. 0, or -1 and c->why. */
static int read_policy(struct fh__api_call *c, const json_t *body, struct fh__endpoint *e)
{
    bool old = fh__api_is_old(c);
    const json_t *actions = json_object_get(body, old ? "allowedActions" : "actions");
    const json_t *groups = json_object_get(body, "groups");
    const json_t *access = json_object_get(body, old ? "accessControl" : "access");

    if (actions && read_actions(actions, e, c->why) != 0)
        return -1;
    if (groups && fh__json_read_names(groups, "groups", FH__GROUPS_MAX, &e->groups, c->why) != 0)
        return -1;
    if (access && read_access(access, old ? "cloudAddresses" : "addresses", e, c->why) != 0)
        return -1;
    return old ? 0 : read_life(c, body, e, c->why);
}

static const json_t *policy_body(struct fh__api_call *c)
{
    static const char *const old[] = {"allowedActions", "groups", "accessControl", NULL};
    static const char *const fresh[] = {"actions", "groups", "access", "label",
                                        "ttl",     "uses",   NULL};

    return fh__api_body(c, fh__api_is_old(c) ? old : fresh);
}

/* What the audit, and by it the transparency log, says of a policy. */
static json_t *details_of(const struct fh__endpoint *e)
{
    json_t *o = json_object();

    json_object_set_new(o, "actions", json_actions(e->roles));
    json_object_set_new(o, "groups", fh__json_names(&e->groups));
    json_object_set_new(o, "access", e->has_acl ? json_access(e, "addresses") : json_null());
    json_object_set_new(o, "expires", fh__json_time(e->expires_ms));
    return o;
}

static void set_event(struct fh__api_call *c, enum fh__change what, const struct fh__endpoint *e)
{
    memcpy(c->event_account, e->account, sizeof c->event_account);
    memcpy(c->address, e->address, sizeof c->address);
    c->event.what = what;
    c->event.account = c->event_account;
    c->event.address = c->address;
}

/* ---- listing and looking ---- */

static void on_list(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    char after[FH_CLOUD_ADDRESS_TEXT];
    json_t *items, *o;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
        fh__store_call_free(s);
        return;
    }
    o = json_object();
    items = json_array();
    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(items, form(c, s->endpoints[i]));
    json_object_set_new(o, "items", items);
    if (s->more) {
        fh_cloud_address_print(s->endpoints[s->n - 1]->address, after);
        fh__answer_next(c, s->limit, after);
    }
    fh__answer_json(c, 200, o);
    fh__store_call_free(s);
}

void fh__api_address_list(struct fh__api_call *c)
{
    bool old = fh__api_is_old(c);
    char after[64];
    uint64_t limit;
    struct fh__store_call *s;

    if (!fh__api_page(c, old ? 20 : 100, old ? OLD_PAGE : PAGE, &limit, after, sizeof after))
        return;
    if (*after && fh_cloud_address_parse(after, strlen(after), c->address) != 0) {
        snprintf(c->why, sizeof c->why, "after: expected a cloud address");
        fh__answer_bad(c);
        return;
    }
    if (!(s = fh__api_store(c, FH__STORE_ENDPOINT_LIST, on_list)))
        return;
    s->limit = limit;
    memcpy(s->address, c->address, sizeof s->address);
    fh__api_submit(c, s);
}

static void on_got(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else {
        fh__answer_etag(c, s->endpoint->version);
        fh__answer_json(c, 200, form(c, s->endpoint));
    }
    fh__store_call_free(s);
}

static void look_up(struct fh__api_call *c, fh__store_done_fn done)
{
    struct fh__store_call *s = fh__api_store(c, FH__STORE_ENDPOINT_GET, done);

    if (!s)
        return;
    memcpy(s->address, c->address, sizeof s->address);
    fh__api_submit(c, s);
}

void fh__api_address_get(struct fh__api_call *c)
{
    look_up(c, on_got);
}

/* What is committed here is used at once: nothing is ever pending. */
static void on_ready(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;

    if (s->ret != 0)
        fh__answer_store(c, s->ret);
    else
        fh__answer_json(c, 200, json_pack("{s:s}", "changes", "none"));
    fh__store_call_free(s);
}

void fh__api_address_ready(struct fh__api_call *c)
{
    look_up(c, on_ready);
}

/* ---- making one ---- */

static json_t *with_password(const struct fh__api_call *c, json_t *o,
                             const uint8_t password[FH_CLOUD_PASSWORD_LEN])
{
    char text[FH_CLOUD_PASSWORD_TEXT];

    fh_cloud_password_print(password, text);
    json_object_set_new(o, fh__api_is_old(c) ? "cloudPassword" : "password", json_string(text));
    fh_wipe(text, sizeof text);
    return o;
}

static struct fh__endpoint *new_endpoint(const struct fh__api_call *c)
{
    struct fh__endpoint *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    fh_cloud_address_random(fh_random_system, NULL, e->address);
    memcpy(e->account, c->account, sizeof e->account);
    e->uses_left = -1;
    e->created_ms = e->changed_ms = c->now_ms;
    e->version = 1;
    return e;
}

static void create(struct fh__api_call *c, struct fh__store_call *s)
{
    struct fh__endpoint *e = s->endpoint;
    uint8_t password[FH_CLOUD_PASSWORD_LEN];
    json_t *body = fh__api_is_old(c) ? json_pack("{s:o}", "cloudAddress", json_address(e->address))
                                     : new_form(c, e);
    char text[FH_CLOUD_ADDRESS_TEXT];

    fh_cloud_password_random(fh_random_system, NULL, password);
    fh_cloud_password_stored(password, e->stored);
    fh_cloud_address_print(e->address, text);
    snprintf(c->location, sizeof c->location, "/cloud/%s/%s",
             fh__api_is_old(c) ? "1.1/static-address" : "2/addresses", text);
    set_event(c, FH__CHANGE_ADDRESS_CREATED, e);
    c->event.details = details_of(e);
    s->limit = c->api->cfg.address_limit;
    body = with_password(c, body, password);
    fh_wipe(password, sizeof password);
    fh__api_change(c, s, 201, body, true);
}

void fh__api_address_create(struct fh__api_call *c)
{
    const json_t *body = policy_body(c);
    struct fh__store_call *s;

    if (!body)
        return;
    if (!c->has_account) {
        snprintf(c->why, sizeof c->why, "account: expected, as a parameter");
        fh__answer_bad(c);
        return;
    }
    if (!(s = fh__api_store(c, FH__STORE_ENDPOINT_CREATE, NULL)))
        return;
    if (!(s->endpoint = new_endpoint(c))) {
        fh__answer_problem(c, 500, "internal", NULL);
    } else if (read_policy(c, body, s->endpoint) != 0) {
        fh__answer_bad(c);
    } else if (s->endpoint->roles == 0) {
        snprintf(c->why, sizeof c->why, "%s: expected",
                 fh__api_is_old(c) ? "allowedActions" : "actions");
        fh__answer_bad(c);
    } else {
        create(c, s);
        return;
    }
    fh__store_call_free(s);
}

/* ---- changing one ---- */

/* The record as it was becomes the one that is wanted; the version says that it still was so. */
static void on_got_to_update(struct fh__store_call *got)
{
    struct fh__api_call *c = got->user;
    struct fh__store_call *s = NULL;

    if (got->ret != 0) {
        fh__answer_store(c, got->ret);
    } else if (c->if_match != 0 && c->if_match != got->endpoint->version) {
        fh__answer_store(c, FH__STORE_E_VERSION);
    } else if (read_policy(c, c->body, got->endpoint) != 0) {
        fh__answer_bad(c);
    } else if ((s = fh__api_store(c, FH__STORE_ENDPOINT_UPDATE, NULL)) != NULL) {
        s->endpoint = got->endpoint;
        got->endpoint = NULL;
        s->version = s->endpoint->version++;
        s->endpoint->changed_ms = c->now_ms;
        set_event(c, FH__CHANGE_ADDRESS_UPDATED, s->endpoint);
        c->event.details = details_of(s->endpoint);
        c->changes_address = true;
        c->change = FH__API_UPDATED;
        fh__api_change(c, s, 200, form(c, s->endpoint), false);
    }
    fh__store_call_free(got);
}

void fh__api_address_update(struct fh__api_call *c)
{
    if (policy_body(c))
        look_up(c, on_got_to_update);
}

static void on_got_to_reset(struct fh__store_call *got)
{
    struct fh__api_call *c = got->user;
    uint8_t password[FH_CLOUD_PASSWORD_LEN];
    struct fh__store_call *s;
    json_t *body;

    if (got->ret != 0) {
        fh__answer_store(c, got->ret);
    } else if ((s = fh__api_store(c, FH__STORE_ENDPOINT_RESET, NULL)) != NULL) {
        s->endpoint = got->endpoint;
        got->endpoint = NULL;
        memcpy(s->address, c->address, sizeof s->address);
        s->version = c->if_match;
        fh_cloud_password_random(fh_random_system, NULL, password);
        fh_cloud_password_stored(password, s->endpoint->stored);
        body = json_pack("{s:o}", fh__api_is_old(c) ? "cloudAddress" : "address",
                         json_address(c->address));
        body = with_password(c, body, password);
        fh_wipe(password, sizeof password);
        set_event(c, FH__CHANGE_ADDRESS_RESET, s->endpoint);
        c->changes_address = true;
        c->change = FH__API_RESET;
        fh__api_change(c, s, 200, body, true);
    }
    fh__store_call_free(got);
}

void fh__api_address_reset(struct fh__api_call *c)
{
    static const char *const none[] = {NULL};

    if (!c->body || fh__api_body(c, none))
        look_up(c, on_got_to_reset);
}

static void on_deleted(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else {
        set_event(c, FH__CHANGE_ADDRESS_DELETED, s->endpoint);
        c->changes_address = true;
        c->change = FH__API_DELETED;
        fh__api_changed(c);
        fh__answer_json(c, 204, NULL);
    }
    fh__store_call_free(s);
}

void fh__api_address_delete(struct fh__api_call *c)
{
    struct fh__store_call *s = fh__api_store(c, FH__STORE_ENDPOINT_DELETE, on_deleted);

    if (!s)
        return;
    memcpy(s->address, c->address, sizeof s->address);
    s->version = c->if_match;
    fh__api_submit(c, s);
}
