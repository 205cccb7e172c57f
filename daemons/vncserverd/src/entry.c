/* SPDX-License-Identifier: MIT */
#include "entry.h"

#include <stdio.h>
#include <string.h>

#include <farhand/identity_uv.h>

#include "log.h"
#include "older.h"

static void take(struct fh__entry *e, enum fh_login_step step);

size_t fh__entrance_methods(const struct fh__config *cfg, uint8_t *out)
{
    size_t n = 0;

    switch ((enum fh__auth)cfg->auth) {
    case FH__AUTH_FILE:
        out[n++] = FH_METHOD_CPACE;
        out[n++] = FH_METHOD_PASSWORD;
        break;
    case FH__AUTH_PAM:
        out[n++] = FH_METHOD_CONVERSATION;
        break;
    case FH__AUTH_PROGRAM:
        out[n++] = FH_METHOD_PASSWORD;
        out[n++] = FH_METHOD_CONVERSATION;
        break;
    }
    out[n++] = FH_METHOD_IDENTITY;
    return n;
}

static const uint8_t *fingerprint_of(const struct fh__entry *e)
{
    return e->caller.has_fingerprint ? e->caller.fingerprint : NULL;
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
    struct fh_audit_event ev = {.type = FH_AUDIT_APPROVAL,
                                .failed = permissions == 0,
                                .user = e->name,
                                .permissions = permissions,
                                .has_permissions = true,
                                .reason = why};

    fh__caller_describe(&e->caller, &ev);
    fh__log(FH__LOG_NOTICE, "%s as %s: %s", e->caller.peer, e->name, why);
    fh__auditlog_write(e->at->audit, &ev);
}

/* A no of the person is final: a viewer that asks again and again would wear him out. */
static void on_approved(void *user, uint32_t permissions, const char *why)
{
    struct fh__entry *e = user;

    permissions = fh_permissions_and(permissions, e->login.permissions);
    record_approval(e, permissions, why);
    if (permissions)
        take(e, fh_login_approved(&e->login, permissions));
    else
        disconnect(e, FH_BYE_AUTH, false);
}

/* As prompts know it: a direct path that a cloud found is one of its own. */
static const char *path_word(const struct fh__caller *c)
{
    return c->cloud[0] && c->way == FH__WAY_DIRECT ? "cloud" : fh__way_word(c->way);
}

static void ask_person(struct fh__entry *e)
{
    static const char waiting[] = "Waiting for the person at the desktop to agree";
    const struct fh__approval_facts facts = {.peer = e->caller.peer,
                                             .name = e->name,
                                             .path = path_word(&e->caller),
                                             .cloud = e->caller.cloud,
                                             .fingerprint = fingerprint_of(e),
                                             .permissions = e->login.permissions,
                                             .only_if_present = !e->asks};
    const struct fh_item wait = {.kind = FH_KIND_NOTICE, .data = waiting, .len = strlen(waiting)};

    (void)e->caller.ops->ask(e->caller.user, &wait, 1);
    fh__approvals_ask(e->at->approvals, &facts, on_approved, e);
}

/* ---- the steps ---- */

static void on_checked(void *user, bool is_right)
{
    struct fh__entry *e = user;

    e->check = NULL;
    take(e, fh_login_checked(&e->login, is_right));
}

static void on_code_checked(void *user, bool is_right)
{
    struct fh__entry *e = user;

    e->code_check = NULL;
    take(e, fh_login_checked(&e->login, is_right));
}

static void check_code(struct fh__entry *e)
{
    e->code_check = fh__codecheck_start(e->at->loop, e->at->cfg->codes, e->name, e->login.code,
                                        on_code_checked, e);
    if (!e->code_check)
        take(e, fh_login_checked(&e->login, false));
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
        {"no-permissions", "this user has no permission, or the filter leaves none"},
        {"password-expired", "the password has expired"},
        {"account-closed", "PAM does not let this account in"},
        {"user-mapped", "PAM made another user of it"},
        {"session-failed", "PAM does not open a session"},
        {"cannot-be-asked", "more is required than a viewer without the channel can be asked"},
        {"pam-failed", "PAM failed"},
        {"program-failed", "auth-command failed"},
        {"failed", "the server failed"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].reason, reason) == 0)
            return table[i].text;
    return reason;
}

static void end_dialogue(struct fh__entry *e)
{
    fh__dialogue_end(e->dialogue);
    e->dialogue = NULL;
    e->is_talking = false;
}

/* A wrong password is what "auth-failed" says by itself. */
static void record_denial(const struct fh__entry *e, const char *reason)
{
    struct fh_audit_event ev = {.type = FH_AUDIT_DENIED, .user = e->name, .reason = reason};

    fh__caller_describe(&e->caller, &ev);
    if (strcmp(reason, "wrong") != 0)
        fh__auditlog_write(e->at->audit, &ev);
}

static void reject(struct fh__entry *e, const char *reason)
{
    fh__log(FH__LOG_WARNING, "%s as %s: %s", e->caller.peer, e->name, sentence(reason));
    record_denial(e, reason);
    end_dialogue(e);
    authenticated(e, FH_PERM_NONE);
}

/* All that a stranger could guess is behind it. */
static void passed(struct fh__entry *e)
{
    fh__gate_succeeded(e->at->gate, &e->caller, e->name);
}

static void let_in(struct fh__entry *e)
{
    uint32_t permissions = e->login.permissions;

    fh_login_wipe(&e->login);
    passed(e);
    authenticated(e, permissions);
}

/* PAM's session begins before the viewer's. */
static void grant(struct fh__entry *e)
{
    if (!e->dialogue)
        let_in(e);
    else if (!fh__dialogue_open(e->dialogue))
        reject(e, "session-failed");
}

static void take(struct fh__entry *e, enum fh_login_step step)
{
    switch (step) {
    case FH_LOGIN_ASK:
        if (e->older) {
            fh_login_wipe(&e->login);
            reject(e, "cannot-be-asked");
            return;
        }
        if (e->caller.ops->ask(e->caller.user, e->login.items, e->login.n_items) != 0)
            disconnect(e, FH_BYE_AUTH, false);
        return;
    case FH_LOGIN_APPROVE:
        passed(e);
        ask_person(e);
        return;
    case FH_LOGIN_GRANT:
        grant(e);
        return;
    case FH_LOGIN_PASSWORD:
    case FH_LOGIN_CONVERSE: /* fh__entry_begin() has begun to look */
        return;
    case FH_LOGIN_CODE:
        check_code(e);
        return;
    case FH_LOGIN_REJECT:
        reject(e, e->login.reason);
        return;
    }
}

/* ---- what PAM or a program says ---- */

static void forget_spare(struct fh__entry *e)
{
    fh_wipe(e->spare, sizeof e->spare);
    e->spare_len = 0;
    e->has_spare = false;
}

/* An older viewer has told its password beforehand: that answers one question that hides it. */
static void answer_for_older(struct fh__entry *e, const struct fh_item *items, size_t n)
{
    struct fh_item answer = {.kind = FH_KIND_PROMPT, .data = e->spare, .len = e->spare_len};
    size_t prompts = 0, hidden = 0;

    for (size_t i = 0; i < n; i++) {
        prompts += items[i].kind != FH_KIND_NOTICE;
        hidden += items[i].kind == FH_KIND_PROMPT && items[i].len > 0 &&
                  (((const uint8_t *)items[i].data)[0] & FH_PROMPT_ECHO) == 0;
    }
    if (prompts == 0)
        return;
    if (prompts == 1 && hidden == 1 && e->has_spare) {
        fh__dialogue_answer(e->dialogue, &answer, 1);
        forget_spare(e);
        return;
    }
    fh_login_wipe(&e->login);
    reject(e, "cannot-be-asked");
}

static void on_dialogue_ask(void *user, const struct fh_item *items, size_t n)
{
    struct fh__entry *e = user;

    if (e->older) {
        answer_for_older(e, items, n);
        return;
    }
    if (e->caller.ops->ask(e->caller.user, items, n) != 0)
        disconnect(e, FH_BYE_AUTH, false);
}

static void on_decided(void *user, const struct fh__verdict *v)
{
    struct fh__entry *e = user;

    e->is_talking = false;
    if (!v->is_right) {
        fh_login_wipe(&e->login);
        reject(e, v->reason);
        return;
    }
    if (v->has_permissions)
        fh_login_restrict(&e->login, v->permissions);
    else if (e->grants)
        fh_login_restrict(&e->login, FH_PERM_NONE);
    take(e, fh_login_checked(&e->login, true));
}

static void on_opened(void *user, bool is_good)
{
    struct fh__entry *e = user;

    if (is_good)
        let_in(e);
    else
        reject(e, "session-failed");
}

static const struct fh__dialogue_events dialogue_events = {on_dialogue_ask, on_decided, on_opened};

static void start_dialogue(struct fh__entry *e, const struct fh_credentials *c)
{
    const struct fh__config *cfg = e->at->cfg;
    char ip[FH_ADDRESS_TEXT] = "";
    const struct fh__dialogue_facts facts = {.user = c->user,
                                             .password = c->password,
                                             .password_len = c->password_len,
                                             .method = fh_method_name(c->method),
                                             .peer = e->caller.peer,
                                             .ip = ip,
                                             .fingerprint = fingerprint_of(e),
                                             .connection = e->caller.number,
                                             .attempt = c->attempt};

    fh__caller_place(&e->caller, ip);
    if (cfg->auth == FH__AUTH_PAM)
        e->dialogue = fh__pam_start(e->at->loop, cfg->pam_service, &facts, &dialogue_events, e);
    else
        e->dialogue = fh__authprogram_start(e->at->loop, cfg->auth_command, cfg->auth_timeout_s,
                                            &facts, &dialogue_events, e);
    e->is_talking = e->dialogue != NULL;
    if (e->dialogue)
        return;
    fh__log(FH__LOG_ERROR, "no process for %s can be started",
            cfg->auth == FH__AUTH_PAM ? "PAM" : cfg->auth_command);
    fh_login_wipe(&e->login);
    reject(e, "failed");
}

/* ---- an attempt ---- */

/* The same is looked up whoever it is. */
static void find_account(struct fh__entry *e, const char *name, struct fh_login_account *out)
{
    const struct fh__config *cfg = e->at->cfg;

    fh__userstore_account(e->at->users, name, fingerprint_of(e), out);
    out->has_totp = fh__codecheck_is_enrolled(cfg->codes, name);
    e->grants = cfg->auth == FH__AUTH_PROGRAM && !out->exists;
    if (e->grants)
        *out = (struct fh_login_account){
            .exists = true, .permissions = FH_PERM_ALL, .has_totp = out->has_totp};
    if (out->required == 0)
        out->required = cfg->required;
    if (e->asks || e->asks_present)
        out->required |= FH_FACTOR_APPROVAL;
    out->permissions = fh_permissions_and(out->permissions, e->most);
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

static void check_response(struct fh__entry *e, const struct fh_credentials *c)
{
    take(e, fh_login_checked(&e->login, fh__older_check_response(e->at->cfg->vnc_password_file,
                                                                 c->challenge, c->response)));
}

static void check_password(struct fh__entry *e, const struct fh_credentials *c)
{
    e->check = fh__userstore_check(e->at->users, e->at->loop, c->user, c->password, c->password_len,
                                   on_checked, e);
    if (!e->check)
        take(e, fh_login_checked(&e->login, false));
}

/* Whoever tells us of the attempt has looked already; it may be a process that is not ours any
 * more. */
static bool is_offered(const struct fh__config *cfg, enum fh_method method, unsigned older)
{
    uint8_t methods[FH_METHODS_MAX];
    size_t n = fh__entrance_methods(cfg, methods);

    if (older) /* whoever told us has held it to the type */
        return true;
    return memchr(methods, (int)method, n) != NULL;
}

static void keep_spare(struct fh__entry *e, const struct fh_credentials *c)
{
    forget_spare(e);
    if (!e->older || c->method != FH_METHOD_PASSWORD || e->at->cfg->auth != FH__AUTH_PAM ||
        c->password_len > sizeof e->spare)
        return;
    memcpy(e->spare, c->password, c->password_len);
    e->spare_len = c->password_len;
    e->has_spare = true;
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

    end_dialogue(e);
    keep_spare(e, c);
    if (is_refused(e, c->user))
        return;
    if (!is_offered(e->at->cfg, c->method, e->older)) {
        disconnect(e, FH_BYE_PROTOCOL, false);
        return;
    }
    snprintf(e->name, sizeof e->name, "%s", c->user);
    find_account(e, c->user, &account);
    step = fh_login_begin(&e->login, &cfg, c, &account);
    fh_wipe(&account, sizeof account);
    if (step == FH_LOGIN_PASSWORD && c->method == FH_METHOD_VNC)
        check_response(e, c);
    else if (step == FH_LOGIN_PASSWORD && e->at->cfg->auth == FH__AUTH_FILE)
        check_password(e, c);
    else if (step == FH_LOGIN_PASSWORD || step == FH_LOGIN_CONVERSE)
        start_dialogue(e, c);
    else
        take(e, step);
}

void fh__entry_answered(struct fh__entry *e, const struct fh_item *items, size_t n)
{
    if (e->is_talking)
        fh__dialogue_answer(e->dialogue, items, n);
    else
        take(e, fh_login_answered(&e->login, items, n));
}

void fh__entry_forget(struct fh__entry *e)
{
    fh__usercheck_forget(e->check);
    e->check = NULL;
    fh__codecheck_forget(e->code_check);
    e->code_check = NULL;
    end_dialogue(e);
    fh__approvals_forget(e->at->approvals, e);
    forget_spare(e);
    fh_login_wipe(&e->login);
}
