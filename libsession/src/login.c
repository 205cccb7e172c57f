/* SPDX-License-Identifier: MIT */
#include <farhand/login.h>

#include <string.h>

#include <farhand/digest.h>
#include <farhand/identity.h>

#include "wr.h"

/* What the next call must be. */
enum { DONE, WAIT_POINT, WAIT_PROOF, WAIT_CODE, WAIT_CHECK, WAIT_CODE_CHECK, WAIT_APPROVAL };

static enum fh_login_step reject(struct fh_login *l, const char *reason)
{
    fh_login_wipe(l);
    l->reason = reason;
    return FH_LOGIN_REJECT;
}

static enum fh_login_step ask(struct fh_login *l, enum fh_kind kind, const void *data, size_t len,
                              uint8_t state)
{
    l->items[0] = (struct fh_item){.kind = kind, .data = data, .len = len};
    l->n_items = 1;
    l->state = state;
    return FH_LOGIN_ASK;
}

/* ---- what comes after the first factor ---- */

static enum fh_login_step grant(struct fh_login *l)
{
    uint32_t permissions = l->permissions;

    if (permissions == FH_PERM_NONE)
        return reject(l, "no-permissions");
    fh_login_wipe(l);
    l->permissions = permissions;
    return FH_LOGIN_GRANT;
}

/* The cheap and the certain before what needs a person: a code, then the desktop's. */
static enum fh_login_step next(struct fh_login *l)
{
    unsigned missing = l->required & ~l->proved;

    if (l->required == 0)
        return reject(l, "no-access");
    if (missing & FH_FACTOR_IDENTITY)
        return reject(l, "identity");
    if (missing & FH_FACTOR_PASSWORD)
        return reject(l, "password");
    if ((missing & FH_FACTOR_TOTP) && !l->has_totp)
        return reject(l, "not-enrolled");
    if (missing & FH_FACTOR_TOTP)
        return ask(l, FH_KIND_CODE, "", 0, WAIT_CODE);
    if (missing & FH_FACTOR_APPROVAL) {
        l->state = WAIT_APPROVAL;
        return FH_LOGIN_APPROVE;
    }
    return grant(l);
}

/* ---- method cpace ---- */

/* The same for a name each time, and not to be told from a true one. */
static void fake_password(const uint8_t *key, const char *user, struct fh_password_stored *out)
{
    uint8_t mac[FH_HMAC_LEN];

    fh_hmac_sha256(key, FH_LOGIN_FAKE_KEY_LEN, user, strlen(user), mac);
    *out =
        (struct fh_password_stored){.passes = FH_PASSWORD_OPS, .memory_kib = FH_PASSWORD_MEM_KIB};
    memcpy(out->salt, mac, sizeof out->salt);
    memcpy(out->key, mac, sizeof out->key);
    fh_wipe(mac, sizeof mac);
}

static enum fh_login_step begin_pake(struct fh_login *l, const struct fh_login_config *cfg,
                                     const char *user, const struct fh_login_account *account)
{
    struct fh_password_stored p = account->password;
    struct wr w = wr_init(l->question, sizeof l->question);

    l->is_fake = !account->exists || !account->has_password;
    if (l->is_fake)
        fake_password(cfg->fake_key, user, &p);
    memcpy(l->prs, p.key, sizeof l->prs);
    memcpy(l->server, cfg->server, sizeof l->server);
    memcpy(l->viewer, cfg->viewer, sizeof l->viewer);
    memcpy(l->binding, cfg->binding, sizeof l->binding);
    wr_u8(&w, FH_PAKE_VERSION);
    wr_u32(&w, p.passes);
    wr_u32(&w, p.memory_kib);
    wr_bytes(&w, p.salt, sizeof p.salt);
    fh_wipe(&p, sizeof p);
    return ask(l, FH_KIND_PAKE, l->question, w.len, WAIT_POINT);
}

/* We prove ourselves first; the model in docs/models holds for this order. */
static enum fh_login_step take_point(struct fh_login *l, const struct fh_item *item)
{
    const struct fh_cpace_peers peers = {.server = l->server, .viewer = l->viewer};
    struct wr w = wr_init(l->question, sizeof l->question);
    struct fh_cpace_tags tags;

    if (item->kind != FH_KIND_PAKE || item->len != FH_PAKE_ANSWER_LEN)
        return reject(l, "malformed");
    if (fh_cpace_start(&l->cpace, FH_CPACE_RESPONDER, l->prs, &peers, l->binding, l->random,
                       l->random_user) != 0 ||
        fh_cpace_finish(&l->cpace, item->data, &tags) != 0)
        return reject(l, "malformed");
    fh_wipe(l->prs, sizeof l->prs);
    memcpy(l->expected, tags.theirs, sizeof l->expected);
    wr_bytes(&w, l->cpace.point, sizeof l->cpace.point);
    wr_bytes(&w, tags.ours, sizeof tags.ours);
    fh_wipe(&tags, sizeof tags);
    return ask(l, FH_KIND_PAKE, l->question, w.len, WAIT_PROOF);
}

static enum fh_login_step take_proof(struct fh_login *l, const struct fh_item *item)
{
    bool is_right = item->kind == FH_KIND_PAKE && item->len == FH_PAKE_PROOF_LEN &&
                    fh_cpace_tag_equals(item->data, l->expected) && !l->is_fake;

    if (!is_right)
        return reject(l, "wrong");
    l->proved |= FH_FACTOR_PASSWORD;
    return next(l);
}

/* ---- the calls ---- */

enum fh_login_step fh_login_begin(struct fh_login *l, const struct fh_login_config *cfg,
                                  const struct fh_credentials *c,
                                  const struct fh_login_account *account)
{
    *l = (struct fh_login){.method = c->method,
                           .required = account->exists ? account->required : 0,
                           .has_totp = account->has_totp,
                           .permissions = account->permissions,
                           .random = cfg->random,
                           .random_user = cfg->random_user};
    if (account->exists && account->is_identity_listed)
        l->proved |= FH_FACTOR_IDENTITY;
    switch (c->method) {
    case FH_METHOD_CPACE:
        return begin_pake(l, cfg, c->user, account);
    case FH_METHOD_PASSWORD:
    case FH_METHOD_VNC:
        l->state = WAIT_CHECK;
        return FH_LOGIN_PASSWORD;
    case FH_METHOD_CONVERSATION:
        l->state = WAIT_CHECK;
        return FH_LOGIN_CONVERSE;
    case FH_METHOD_NONE: /* whoever offers that has said that nothing is to be proved */
        l->proved |= FH_FACTOR_PASSWORD;
        return next(l);
    case FH_METHOD_IDENTITY:
        return next(l);
    }
    return reject(l, "method");
}

static enum fh_login_step take_code(struct fh_login *l, const struct fh_item *item)
{
    if (item->kind != FH_KIND_CODE || item->len > FH_AUTH_CODE_MAX ||
        (item->len > 0 && memchr(item->data, 0, item->len)))
        return reject(l, "malformed");
    memcpy(l->code, item->data, item->len);
    l->code[item->len] = '\0';
    l->state = WAIT_CODE_CHECK;
    return FH_LOGIN_CODE;
}

enum fh_login_step fh_login_answered(struct fh_login *l, const struct fh_item *items, size_t n)
{
    uint8_t state = l->state;

    l->state = DONE;
    if (n != 1)
        return reject(l, "malformed");
    switch (state) {
    case WAIT_POINT:
        return take_point(l, &items[0]);
    case WAIT_PROOF:
        return take_proof(l, &items[0]);
    case WAIT_CODE:
        return take_code(l, &items[0]);
    default:
        return reject(l, "unexpected");
    }
}

enum fh_login_step fh_login_checked(struct fh_login *l, bool is_right)
{
    uint8_t state = l->state;

    l->state = DONE;
    fh_wipe(l->code, sizeof l->code);
    if (state != WAIT_CHECK && state != WAIT_CODE_CHECK)
        return reject(l, "unexpected");
    if (!is_right)
        return reject(l, state == WAIT_CODE_CHECK ? "wrong-code" : "wrong");
    l->proved |= state == WAIT_CODE_CHECK ? FH_FACTOR_TOTP : FH_FACTOR_PASSWORD;
    return next(l);
}

void fh_login_restrict(struct fh_login *l, uint32_t permissions)
{
    l->permissions = fh_permissions_and(l->permissions, permissions);
}

enum fh_login_step fh_login_approved(struct fh_login *l, uint32_t permissions)
{
    uint8_t state = l->state;

    l->state = DONE;
    if (state != WAIT_APPROVAL)
        return reject(l, "unexpected");
    permissions = fh_permissions_and(permissions, l->permissions);
    if (permissions == FH_PERM_NONE)
        return reject(l, "not-approved");
    l->permissions = permissions;
    l->proved |= FH_FACTOR_APPROVAL;
    return next(l);
}

void fh_login_wipe(struct fh_login *l)
{
    fh_wipe(l, sizeof *l);
}
