/* SPDX-License-Identifier: MIT */
/* store.c -- the memory of records and calls, whatever engine keeps them. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>

const char *fh__store_strerror(int error)
{
    switch (error) {
    case 0:
        return "success";
#define X(name, num, text)                                                                         \
    case FH__STORE_E_##name:                                                                       \
        return text;
        FH__STORE_ERRORS(X)
#undef X
    }
    return "unknown error of the store";
}

bool fh__store_is_passing(int error)
{
    return error == FH__STORE_E_FULL || error == FH__STORE_E_READONLY || error == FH__STORE_E_IO ||
           error == FH__STORE_E_BUSY || error == FH__STORE_E_NOMEM || error == FH__STORE_E_CLOSED;
}

/* ---- names ---- */

int fh__names_add(struct fh__names *l, const char *text, size_t len)
{
    uint8_t *packed;

    if (len > FH__GROUP_MAX || l->n == UINT8_MAX)
        return FH__STORE_E_LIMIT;
    if (!(packed = realloc(l->packed, l->len + 1 + len)))
        return FH__STORE_E_NOMEM;
    packed[l->len] = (uint8_t)len;
    memcpy(packed + l->len + 1, text, len);
    l->packed = packed;
    l->len += 1 + len;
    l->n++;
    return 0;
}

int fh__names_copy(const struct fh__names *l, struct fh__names *out)
{
    *out = (struct fh__names){.n = l->n, .len = l->len};
    if (l->len == 0)
        return 0;
    if (!(out->packed = malloc(l->len))) {
        *out = (struct fh__names){0};
        return FH__STORE_E_NOMEM;
    }
    memcpy(out->packed, l->packed, l->len);
    return 0;
}

void fh__names_clear(struct fh__names *l)
{
    free(l->packed);
    *l = (struct fh__names){0};
}

const char *fh__names_next(const struct fh__names *l, size_t *at, size_t *len)
{
    const uint8_t *p;

    if (*at >= l->len)
        return NULL;
    p = l->packed + *at;
    *len = *p;
    *at += 1 + *len;
    return (const char *)p + 1;
}

static bool has_name(const struct fh__names *l, const char *text, size_t len)
{
    size_t at = 0, n;
    const char *name;

    while ((name = fh__names_next(l, &at, &n)) != NULL)
        if (n == len && memcmp(name, text, len) == 0)
            return true;
    return false;
}

bool fh__names_meet(const struct fh__names *a, const struct fh__names *b)
{
    size_t at = 0, len;
    const char *name;

    while ((name = fh__names_next(a, &at, &len)) != NULL)
        if (has_name(b, name, len))
            return true;
    return false;
}

/* ---- endpoints ---- */

void fh__endpoint_clear(struct fh__endpoint *e)
{
    fh__names_clear(&e->groups);
    fh__names_clear(&e->allow_groups);
    free(e->binding);
    fh_wipe(e, sizeof *e);
}

void fh__endpoint_free(struct fh__endpoint *e)
{
    if (!e)
        return;
    fh__endpoint_clear(e);
    free(e);
}

int fh__endpoint_copy(const struct fh__endpoint *e, struct fh__endpoint **out)
{
    struct fh__endpoint *copy = malloc(sizeof *copy);

    if (!copy)
        return FH__STORE_E_NOMEM;
    *copy = *e;
    copy->groups = copy->allow_groups = (struct fh__names){0};
    copy->binding = NULL;
    if (fh__names_copy(&e->groups, &copy->groups) != 0 ||
        fh__names_copy(&e->allow_groups, &copy->allow_groups) != 0 ||
        (e->binding && !(copy->binding = malloc(e->binding_len)))) {
        fh__endpoint_free(copy);
        return FH__STORE_E_NOMEM;
    }
    if (e->binding)
        memcpy(copy->binding, e->binding, e->binding_len);
    *out = copy;
    return 0;
}

bool fh__endpoint_allows(const struct fh__endpoint *target, const struct fh__endpoint *who)
{
    if (memcmp(target->account, who->account, sizeof who->account) != 0 ||
        target->account_disabled || who->account_disabled ||
        (target->roles & FH__ROLE_LISTEN) == 0 || (who->roles & FH__ROLE_CONNECT) == 0)
        return false;
    if (!target->has_acl)
        return true;
    for (size_t i = 0; i < target->n_allow_addresses; i++)
        if (memcmp(target->allow_addresses[i], who->address, sizeof who->address) == 0)
            return true;
    return fh__names_meet(&target->allow_groups, &who->groups);
}

/* ---- calls ---- */

struct fh__store_call *fh__store_call_new(enum fh__store_op op, fh__store_done_fn done, void *user)
{
    struct fh__store_call *call = calloc(1, sizeof *call);

    if (!call)
        return NULL;
    call->op = op;
    call->done = done;
    call->user = user;
    return call;
}

void fh__store_call_free(struct fh__store_call *call)
{
    if (!call)
        return;
    fh__endpoint_free(call->endpoint);
    if (call->endpoints)
        for (size_t i = 0; i < call->n; i++)
            fh__endpoint_free(call->endpoints[i]);
    free(call->endpoints);
    free(call->account_record);
    free(call->accounts);
    if (call->key)
        fh_wipe(call->key, sizeof *call->key);
    free(call->key);
    free(call->keys);
    free(call->idempotency.body);
    free(call->addresses);
    free(call->seen);
    free(call->text);
    fh_wipe(call, sizeof *call);
    free(call);
}
