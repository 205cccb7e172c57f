/* SPDX-License-Identifier: MIT */
#include "auth_viewer.h"

#include <string.h>

#include <farhand/identity.h>
#include <farhand/password.h>
#include <farhand/session_error.h>

/* ---- credentials ---- */

static int keep_credentials(struct fh__auth_viewer *a, const char *user, const char *password,
                            size_t password_len)
{
    size_t len = user ? strlen(user) : 0;

    if (!user || len > FH_AUTH_USER_MAX || password_len > FH_AUTH_PASSWORD_MAX ||
        !fh__session_text_is_clean(user, len))
        return FH_SESSION_E_INVAL;
    memcpy(a->user, user, len + 1);
    a->has_user = true;
    a->has_password = password != NULL;
    a->password_len = password ? password_len : 0;
    if (password)
        memcpy(a->password, password, password_len);
    return 0;
}

int fh__auth_viewer_init(struct fh__auth_viewer *a, const struct fh_viewer_conn_config *cfg)
{
    a->random = cfg->random;
    a->random_user = cfg->random_user;
    if (cfg->method > UINT8_MAX)
        return FH_SESSION_E_INVAL;
    a->wanted = (uint8_t)cfg->method;
    if (!cfg->user && !cfg->password)
        return 0;
    return keep_credentials(a, cfg->user, cfg->password, cfg->password_len);
}

static void forget_password(struct fh__auth_viewer *a)
{
    a->has_password = false;
    a->password_len = 0;
    fh_wipe(a->password, sizeof a->password);
}

/* The trust, the bond and the counts stay. */
void fh__auth_viewer_wipe(struct fh__auth_viewer *a)
{
    forget_password(a);
    a->has_user = false;
    fh_wipe(a->user, sizeof a->user);
    fh_wipe(&a->cpace, sizeof a->cpace);
    fh_wipe(a->proof, sizeof a->proof);
    fh_wipe(a->text, a->text_len);
    a->text_len = 0;
    a->n_prompts = 0;
    a->notice = NULL;
}

int fh__auth_viewer_credentials(struct fh__auth_viewer *a, const char *user, const char *password,
                                size_t password_len)
{
    if (!password && fh__auth_viewer_needs_password(a))
        return FH_SESSION_E_INVAL;
    return keep_credentials(a, user, password, password_len);
}

/* ---- the method ---- */

static bool is_plain(uint8_t method)
{
    return method == FH_METHOD_PASSWORD || method == FH_METHOD_CONVERSATION;
}

static bool is_usable(const struct fh__auth_viewer *a, uint8_t method)
{
    return fh_method_name(method) != NULL && method < FH_METHOD_OLDER &&
           (a->wanted == 0 || a->wanted == method);
}

int fh__auth_viewer_pick(struct fh__auth_viewer *a, const uint8_t *methods, size_t n)
{
    bool is_withheld = false;
    uint8_t best = 0;

    for (size_t i = 0; i < n; i++) {
        bool is_better = best == 0 || (methods[i] == FH_METHOD_CPACE && best != FH_METHOD_CPACE);

        if (!is_usable(a, methods[i]))
            continue;
        if (is_plain(methods[i]) && a->trust < FH_TRUST_CONFIRMED)
            is_withheld = true;
        else if (is_better)
            best = methods[i];
    }
    /* An identity alone is hardly what is meant where a password would have been told. */
    if (is_withheld && best == FH_METHOD_IDENTITY && a->wanted == 0)
        best = 0;
    if (best == 0)
        return is_withheld ? FH_SESSION_E_UNCONFIRMED : FH_SESSION_E_AUTH;
    a->method = best;
    return 0;
}

bool fh__auth_viewer_needs_password(const struct fh__auth_viewer *a)
{
    return a->method == FH_METHOD_PASSWORD || a->method == FH_METHOD_CPACE ||
           a->method == FH_METHOD_VNC;
}

bool fh__auth_viewer_is_ready(const struct fh__auth_viewer *a)
{
    return a->has_user && (a->has_password || !fh__auth_viewer_needs_password(a));
}

void fh__auth_viewer_choose(struct fh__auth_viewer *a, struct fh__choose *out)
{
    struct fh__choose m = {.method = a->method, .answers.n = 1};

    m.answers.item[0].kind = FH_KIND_USER;
    m.answers.item[0].len = (uint16_t)strlen(a->user);
    m.answers.item[0].data = (const uint8_t *)a->user;
    if (a->method == FH_METHOD_PASSWORD) {
        m.answers.n = 2;
        m.answers.item[1].kind = FH_KIND_PASSWORD;
        m.answers.item[1].len = (uint16_t)a->password_len;
        m.answers.item[1].data = (const uint8_t *)a->password;
    }
    a->attempt++;
    a->pake = FH_PAKE_NONE;
    *out = m;
}

void fh__auth_viewer_chosen(struct fh__auth_viewer *a)
{
    a->has_user = false;
    fh_wipe(a->user, sizeof a->user);
    if (a->method != FH_METHOD_CPACE)
        forget_password(a);
}

/* ---- method cpace ---- */

static void one_answer(struct fh__answer *out, uint8_t step, const uint8_t *data, size_t len)
{
    struct fh__answer m = {.step = step, .answers.n = 1};

    m.answers.item[0].kind = FH_KIND_PAKE;
    m.answers.item[0].len = (uint16_t)len;
    m.answers.item[0].data = data;
    *out = m;
}

/* A cost below what is used today harms nobody: there is one guess in a run, whatever it costs. */
static int pake_begin(struct fh__auth_viewer *a, struct rd r)
{
    uint8_t version = rd_u8(&r);

    a->passes = rd_u32(&r);
    a->memory_kib = rd_u32(&r);
    rd_copy(&r, a->salt, sizeof a->salt);
    if (!rd_is_done(&r) || version != FH_PAKE_VERSION || a->passes < 1 ||
        a->passes > FH_PASSWORD_OPS_MAX || a->memory_kib < FH_PASSWORD_MEM_KIB_MIN ||
        a->memory_kib > FH_PASSWORD_MEM_KIB_MAX)
        return FH_SESSION_E_PROTO;
    a->pake = FH_PAKE_DERIVING;
    return FH_ASK_DERIVE;
}

int fh__auth_viewer_derived(struct fh__auth_viewer *a, const uint8_t *prs,
                            struct fh__answer *answer)
{
    const struct fh_cpace_peers peers = {.server = a->bond.server, .viewer = a->bond.viewer};
    int ret;

    forget_password(a);
    ret = fh_cpace_start(&a->cpace, FH_CPACE_INITIATOR, prs, &peers, a->bond.binding, a->random,
                         a->random_user);
    if (ret != 0)
        return ret;
    a->pake = FH_PAKE_STARTED;
    one_answer(answer, a->step, a->cpace.point, FH_PAKE_ANSWER_LEN);
    return 0;
}

/*
 * A wrong tag: it does not know the password, or the person mistyped it. No proof is given then,
 * and the server, which counts a failure, says whether there is another attempt.
 */
static int pake_prove(struct fh__auth_viewer *a, struct rd r, struct fh__answer *answer)
{
    const uint8_t *yb = rd_bytes(&r, FH_CPACE_POINT_LEN), *tb = rd_bytes(&r, FH_CPACE_TAG_LEN);
    struct fh_cpace_tags tags;
    bool is_right;

    if (!rd_is_done(&r))
        return FH_SESSION_E_PROTO;
    is_right = fh_cpace_finish(&a->cpace, yb, &tags) == 0 && fh_cpace_tag_equals(tags.theirs, tb);
    if (is_right)
        memcpy(a->proof, tags.ours, sizeof a->proof);
    else
        memset(a->proof, 0, sizeof a->proof);
    fh_wipe(&tags, sizeof tags);
    a->pake = is_right ? FH_PAKE_PROVED : FH_PAKE_FAILED;
    one_answer(answer, a->step, a->proof, sizeof a->proof);
    return FH_ASK_ANSWER;
}

static int ask_pake(struct fh__auth_viewer *a, const struct fh__items *m, struct fh__answer *answer)
{
    struct rd r = rd_init(m->item[0].data, m->item[0].len);

    if (a->method != FH_METHOD_CPACE || m->n != 1)
        return FH_SESSION_E_PROTO;
    if (a->pake == FH_PAKE_NONE)
        return pake_begin(a, r);
    return a->pake == FH_PAKE_STARTED ? pake_prove(a, r, answer) : FH_SESSION_E_PROTO;
}

/* ---- questions to the person ---- */

static const char *keep_text(struct fh__auth_viewer *a, const uint8_t *text, size_t len)
{
    char *out = a->text + a->text_len;

    fh__session_text_escape(text, len, out, sizeof a->text - a->text_len);
    a->text_len += strlen(out) + 1;
    return out;
}

/* Several are one text of several lines. */
static void keep_notices(struct fh__auth_viewer *a, const struct fh__items *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        if (m->item[i].kind != FH_KIND_NOTICE)
            continue;
        if (a->notice)
            a->text[a->text_len - 1] = '\n';
        const char *text = keep_text(a, m->item[i].data, m->item[i].len);
        a->notice = a->notice ? a->notice : text;
    }
}

static bool keep_prompts(struct fh__auth_viewer *a, const struct fh__items *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        struct rd r = rd_init(m->item[i].data, m->item[i].len);
        struct fh_viewer_prompt p = {.kind = (enum fh_kind)m->item[i].kind};

        if (p.kind == FH_KIND_NOTICE)
            continue;
        if (p.kind == FH_KIND_PROMPT)
            p.echo = (rd_u8(&r) & FH_PROMPT_ECHO) != 0;
        else if (p.kind != FH_KIND_CODE)
            return false;
        if (r.bad)
            return false;
        p.text = keep_text(a, r.p, r.left);
        a->prompts[a->n_prompts++] = p;
    }
    return true;
}

/* May this server hear what the person answers? */
static int may_ask_person(const struct fh__auth_viewer *a)
{
    if (a->method != FH_METHOD_CPACE)
        return a->trust >= FH_TRUST_CONFIRMED || a->n_prompts == 0 ? 0 : FH_SESSION_E_UNCONFIRMED;
    return a->pake == FH_PAKE_PROVED   ? 0
           : a->pake == FH_PAKE_FAILED ? FH_SESSION_E_IMPOSTOR
                                       : FH_SESSION_E_PROTO;
}

static int ask_person(struct fh__auth_viewer *a, const struct fh__items *m)
{
    int ret;

    a->text_len = a->n_prompts = 0;
    a->notice = NULL;
    keep_notices(a, m);
    if (!keep_prompts(a, m))
        return FH_SESSION_E_PROTO;
    ret = may_ask_person(a);
    return ret != 0 ? ret : FH_ASK_PERSON;
}

int fh__auth_viewer_ask(struct fh__auth_viewer *a, const struct fh__ask *m,
                        struct fh__answer *answer)
{
    const struct fh__items *q = &m->questions;

    if (q->n == 0)
        return FH_SESSION_E_PROTO;
    a->step = m->step;
    return q->item[0].kind == FH_KIND_PAKE ? ask_pake(a, q, answer) : ask_person(a, q);
}

static size_t answer_max(enum fh_kind kind)
{
    return kind == FH_KIND_CODE ? FH_AUTH_CODE_MAX : FH_AUTH_ANSWER_MAX;
}

int fh__auth_viewer_answer(const struct fh__auth_viewer *a, const struct fh_item *answers, size_t n,
                           struct fh__answer *out)
{
    struct fh__answer m = {.step = a->step, .answers.n = (uint8_t)n};

    if (n != a->n_prompts)
        return FH_SESSION_E_INVAL;
    for (size_t i = 0; i < n; i++) {
        if (answers[i].kind != a->prompts[i].kind || answers[i].len > answer_max(answers[i].kind))
            return FH_SESSION_E_INVAL;
        m.answers.item[i].kind = (uint8_t)answers[i].kind;
        m.answers.item[i].len = (uint16_t)answers[i].len;
        m.answers.item[i].data = answers[i].data;
    }
    *out = m;
    return 0;
}

int fh__auth_viewer_granted(const struct fh__auth_viewer *a)
{
    return a->method != FH_METHOD_CPACE || a->pake == FH_PAKE_PROVED ? 0 : FH_SESSION_E_IMPOSTOR;
}
