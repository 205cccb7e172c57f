/* SPDX-License-Identifier: MIT */
#include "entry.h"

#include <stdio.h>
#include <string.h>

#include <farhand/identity_uv.h>

#include "log.h"

static void take(struct fh__entry *e, enum fh_login_step step);

size_t fh__entrance_methods(const struct fh__config *cfg, uint8_t *out)
{
    (void)cfg;
    out[0] = FH_METHOD_CPACE;
    out[1] = FH_METHOD_PASSWORD;
    return 2;
}

/* ---- the person at the desktop ---- */

static void record_approval(const struct fh__entry *e, uint32_t permissions, const char *why)
{
    struct fh_audit_event ev = {.type = FH_AUDIT_APPROVAL,
                                .failed = permissions == 0,
                                .user = e->name,
                                .permissions = permissions,
                                .has_permissions = true,
                                .reason = why};

    fh_session_describe(e->session, &ev);
    fh__log(FH__LOG_NOTICE, "%s as %s: %s", fh_session_peer(e->session), e->name, why);
    fh__auditlog_write(e->at->audit, &ev);
}

/* A no of the person is final: a viewer that asks again and again would wear him out. */
static void on_approved(void *user, uint32_t permissions, const char *why)
{
    struct fh__entry *e = user;

    permissions &= e->login.permissions;
    record_approval(e, permissions, why);
    if (permissions)
        take(e, fh_login_approved(&e->login, permissions));
    else
        fh_session_disconnect(e->session, FH_BYE_AUTH, false);
}

static void ask_person(struct fh__entry *e)
{
    const struct fh__approval_facts facts = {.peer = fh_session_peer(e->session),
                                             .name = e->name,
                                             .path = "direct",
                                             .fingerprint = e->fingerprint,
                                             .permissions = e->login.permissions};

    fh__approvals_ask(e->at->approvals, &facts, on_approved, e);
}

/* ---- the steps ---- */

static void on_checked(void *user, uint32_t permissions)
{
    struct fh__entry *e = user;

    e->check = NULL;
    take(e, fh_login_checked(&e->login, permissions != FH_PERM_NONE));
}

static const char *sentence(const char *reason)
{
    static const struct {
        const char *reason, *text;
    } table[] = {
        {"wrong", "wrong user name or password"},
        {"wrong-code", "wrong one-time code, or one that was used"},
        {"not-enrolled", "a one-time code is required and there is none for this user"},
        {"identity", "the viewer's identity is not on the user's list"},
        {"password", "a password is required, and this method has none"},
        {"no-access", "nothing lets this user in"},
        {"no-permissions", "the filter leaves this user no permission"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].reason, reason) == 0)
            return table[i].text;
    return reason;
}

static void reject(struct fh__entry *e)
{
    fh__log(FH__LOG_WARNING, "%s as %s: %s", fh_session_peer(e->session), e->name,
            sentence(e->login.reason));
    fh_session_authenticated(e->session, FH_PERM_NONE);
}

/* All that a stranger could guess is behind it. */
static void passed(struct fh__entry *e)
{
    fh__gate_succeeded(e->at->gate, e->session, e->fingerprint, e->name);
}

static void take(struct fh__entry *e, enum fh_login_step step)
{
    uint32_t permissions;

    switch (step) {
    case FH_LOGIN_ASK:
        if (fh_session_ask(e->session, e->login.items, e->login.n_items) != 0)
            fh_session_disconnect(e->session, FH_BYE_AUTH, false);
        return;
    case FH_LOGIN_APPROVE:
        passed(e);
        ask_person(e);
        return;
    case FH_LOGIN_GRANT:
        permissions = e->login.permissions;
        fh_login_wipe(&e->login);
        passed(e);
        fh_session_authenticated(e->session, permissions);
        return;
    case FH_LOGIN_PASSWORD: /* fh__entry_begin() has begun to look */
        return;
    case FH_LOGIN_CONVERSE:
    case FH_LOGIN_CODE:
        take(e, fh_login_checked(&e->login, false));
        return;
    case FH_LOGIN_REJECT:
        reject(e);
        return;
    }
}

/* ---- an attempt ---- */

static void find_account(const struct fh__entry *e, const char *name, struct fh_login_account *out)
{
    uint32_t permissions;

    *out = (struct fh_login_account){0};
    if (!fh__userstore_find(e->at->users, name, &out->password, &permissions))
        return;
    out->exists = out->has_password = true;
    out->required = FH_FACTOR_PASSWORD | (e->asks ? FH_FACTOR_APPROVAL : 0);
    out->permissions = permissions & e->most;
}

static bool is_refused(struct fh__entry *e, const char *name)
{
    unsigned wait_s = fh__gate_begin(e->at->gate, e->session, e->fingerprint, name);

    if (wait_s == 0)
        return false;
    fh__log(FH__LOG_INFO, "%s must wait %u s before it may try again", fh_session_peer(e->session),
            wait_s);
    fh_session_disconnect(e->session, FH_BYE_BUSY, true);
    return true;
}

static void check_password(struct fh__entry *e, const struct fh_credentials *c)
{
    e->check = fh__userstore_check(e->at->users, e->at->loop, c->user, c->password, c->password_len,
                                   on_checked, e);
    if (!e->check)
        take(e, fh_login_checked(&e->login, false));
}

void fh__entry_begin(struct fh__entry *e, const struct fh_credentials *c)
{
    uint8_t binding[FH_AUTH_BINDING_LEN];
    const struct fh_login_config cfg = {.random = fh_random_system,
                                        .binding = binding,
                                        .server = e->at->fingerprint,
                                        .viewer = e->fingerprint,
                                        .fake_key = e->at->fake_key};
    struct fh_login_account account;
    enum fh_login_step step;

    if (is_refused(e, c->user))
        return;
    snprintf(e->name, sizeof e->name, "%s", c->user);
    if (fh_session_binding(e->session, binding) != 0) {
        fh_session_disconnect(e->session, FH_BYE_INTERNAL, true);
        return;
    }
    find_account(e, c->user, &account);
    step = fh_login_begin(&e->login, &cfg, c, &account);
    fh_wipe(&account, sizeof account);
    fh_wipe(binding, sizeof binding);
    if (step == FH_LOGIN_PASSWORD)
        check_password(e, c);
    else
        take(e, step);
}

void fh__entry_answered(struct fh__entry *e, const struct fh_item *items, size_t n)
{
    take(e, fh_login_answered(&e->login, items, n));
}

void fh__entry_forget(struct fh__entry *e)
{
    fh__usercheck_forget(e->check);
    e->check = NULL;
    fh__approvals_forget(e->at->approvals, e);
    fh_login_wipe(&e->login);
}
