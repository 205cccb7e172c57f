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

static void authenticated(struct fh__entry *e, uint32_t permissions)
{
    e->caller.ops->authenticated(e->caller.user, permissions);
}

static void disconnect(struct fh__entry *e, enum fh_bye reason, bool may_reconnect)
{
    e->caller.ops->disconnect(e->caller.user, reason, may_reconnect);
}

/* ---- the person at the desktop ---- */

static void record_approval(const struct fh__entry *e, uint32_t permissions, const char *why)
{
    const struct fh_audit_event ev = {.type = FH_AUDIT_APPROVAL,
                                      .monotonic_ms = uv_now(e->at->loop),
                                      .connection = e->caller.number,
                                      .peer = e->caller.peer,
                                      .path = "direct",
                                      .fingerprint = e->caller.fingerprint,
                                      .user = e->name,
                                      .permissions = permissions,
                                      .has_permissions = true,
                                      .reason = why};

    fh__log(FH__LOG_NOTICE, "%s as %s: %s", e->caller.peer, e->name, why);
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
        disconnect(e, FH_BYE_AUTH, false);
}

static void ask_person(struct fh__entry *e)
{
    const struct fh__approval_facts facts = {.peer = e->caller.peer,
                                             .name = e->name,
                                             .path = "direct",
                                             .fingerprint = e->caller.fingerprint,
                                             .permissions = e->login.permissions};

    fh__approvals_ask(e->at->approvals, &facts, on_approved, e);
}

/* ---- the steps ---- */

static void on_checked(void *user, bool is_right)
{
    struct fh__entry *e = user;

    e->check = NULL;
    take(e, fh_login_checked(&e->login, is_right));
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
    fh__log(FH__LOG_WARNING, "%s as %s: %s", e->caller.peer, e->name, sentence(e->login.reason));
    authenticated(e, FH_PERM_NONE);
}

/* All that a stranger could guess is behind it. */
static void passed(struct fh__entry *e)
{
    fh__gate_succeeded(e->at->gate, &e->caller, e->name);
}

static void take(struct fh__entry *e, enum fh_login_step step)
{
    uint32_t permissions;

    switch (step) {
    case FH_LOGIN_ASK:
        if (e->caller.ops->ask(e->caller.user, e->login.items, e->login.n_items) != 0)
            disconnect(e, FH_BYE_AUTH, false);
        return;
    case FH_LOGIN_APPROVE:
        passed(e);
        ask_person(e);
        return;
    case FH_LOGIN_GRANT:
        permissions = e->login.permissions;
        fh_login_wipe(&e->login);
        passed(e);
        authenticated(e, permissions);
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
    fh__userstore_account(e->at->users, name, e->caller.fingerprint, out);
    if (out->required == 0)
        out->required = e->at->cfg->required;
    if (e->asks)
        out->required |= FH_FACTOR_APPROVAL;
    out->permissions &= e->most;
}

static bool is_refused(struct fh__entry *e, const char *name)
{
    unsigned wait_s = fh__gate_begin(e->at->gate, &e->caller, name);

    if (wait_s == 0)
        return false;
    fh__log(FH__LOG_INFO, "%s must wait %u s before it may try again", e->caller.peer, wait_s);
    disconnect(e, FH_BYE_BUSY, true);
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
    const struct fh_login_config cfg = {.random = fh_random_system,
                                        .binding = e->caller.binding,
                                        .server = e->at->fingerprint,
                                        .viewer = e->caller.fingerprint,
                                        .fake_key = e->at->fake_key};
    struct fh_login_account account;
    enum fh_login_step step;

    if (is_refused(e, c->user))
        return;
    snprintf(e->name, sizeof e->name, "%s", c->user);
    find_account(e, c->user, &account);
    step = fh_login_begin(&e->login, &cfg, c, &account);
    fh_wipe(&account, sizeof account);
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
