/* SPDX-License-Identifier: MIT */
#include "auth_server.h"

#include <string.h>

#include <farhand/identity.h>
#include <farhand/session_error.h>

enum { PAKE_STEPS = 2 };

struct fh__auth_method {
    uint8_t number;
    uint8_t n_own, n_kinds; /* what it asks for by itself; what it will want in all */
    uint8_t kinds[2];
};

static const struct fh__auth_method methods[] = {
    {FH_METHOD_PASSWORD, 2, 2, {FH_KIND_USER, FH_KIND_PASSWORD}},
    {FH_METHOD_CPACE, 1, 2, {FH_KIND_USER, FH_KIND_PAKE}},
    {FH_METHOD_CONVERSATION, 1, 2, {FH_KIND_USER, FH_KIND_PROMPT}},
    {FH_METHOD_IDENTITY, 1, 1, {FH_KIND_USER}},
    {FH_METHOD_VNC, 0, 0, {0}},
    {FH_METHOD_NONE, 0, 0, {0}},
};

static const struct fh__auth_method *find(uint8_t number)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (methods[i].number == number)
            return &methods[i];
    return NULL;
}

static bool is_offered(const struct fh__auth_server *a, uint8_t number)
{
    return memchr(a->offered, number, a->n_offered) != NULL;
}

bool fh__auth_init(struct fh__auth_server *a, const uint8_t *numbers, size_t n)
{
    static const uint8_t password = FH_METHOD_PASSWORD;

    if (!numbers) {
        numbers = &password;
        n = 1;
    }
    if (n == 0 || n > FH_METHODS_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!find(numbers[i]) || numbers[i] >= FH_METHOD_OLDER || is_offered(a, numbers[i]))
            return false;
        a->offered[a->n_offered++] = numbers[i];
    }
    return true;
}

void fh__auth_offer(const struct fh__auth_server *a, struct fh__offer *out)
{
    struct fh__offer m = {.n = a->n_offered};

    for (unsigned i = 0; i < m.n; i++) {
        const struct fh__auth_method *method = find(a->offered[i]);

        m.methods[i].method = method->number;
        m.methods[i].n_kinds = method->n_kinds;
        memcpy(m.methods[i].kinds, method->kinds, method->n_kinds);
    }
    *out = m;
}

/* ---- what the method asks for by itself ---- */

static uint32_t bit(uint8_t kind)
{
    return kind < 32 ? UINT32_C(1) << kind : 0;
}

/* The channel is bound to both identities, so a password travels in it as it is. */
static enum fh__auth_next method_next(struct fh__auth_server *a, struct fh__ask *ask)
{
    struct fh__ask m = {.step = (uint8_t)(a->step + 1)};

    for (unsigned i = 0; i < a->method->n_own; i++)
        if ((a->has & bit(a->method->kinds[i])) == 0)
            m.questions.item[m.questions.n++].kind = a->method->kinds[i];
    if (m.questions.n == 0) {
        a->is_method_complete = true;
        return FH_AUTH_DECIDE;
    }
    (void)fh__auth_asked(a, &m);
    *ask = m;
    return FH_AUTH_ASK;
}

static bool take_user(struct fh__auth_server *a, const uint8_t *data, size_t len)
{
    if (len > FH_AUTH_USER_MAX || !fh__session_text_is_clean((const char *)data, len))
        return false;
    if (len > 0)
        memcpy(a->user, data, len);
    a->user[len] = '\0';
    return true;
}

static bool take_password(struct fh__auth_server *a, const uint8_t *data, size_t len)
{
    if (len > FH_AUTH_PASSWORD_MAX)
        return false;
    if (len > 0)
        memcpy(a->password, data, len);
    a->password[len] = '\0';
    a->password_len = len;
    return true;
}

/* Each kind once, and only those of allowed. */
static bool take_own(struct fh__auth_server *a, const struct fh__items *m, uint32_t allowed)
{
    for (unsigned i = 0; i < m->n; i++) {
        uint32_t b = bit(m->item[i].kind);
        bool ok = false;

        if ((allowed & b) == 0 || (a->has & b) != 0)
            return false;
        if (m->item[i].kind == FH_KIND_USER)
            ok = take_user(a, m->item[i].data, m->item[i].len);
        else if (m->item[i].kind == FH_KIND_PASSWORD)
            ok = take_password(a, m->item[i].data, m->item[i].len);
        if (!ok)
            return false;
        a->has |= b;
    }
    return true;
}

enum fh__auth_next fh__auth_choose(struct fh__auth_server *a, const struct fh__choose *m,
                                   struct fh__ask *ask)
{
    uint32_t allowed = 0;

    if (!is_offered(a, m->method))
        return FH_AUTH_BAD;
    fh__auth_wipe(a);
    a->user[0] = '\0';
    a->method = find(m->method);
    a->attempt++;
    for (unsigned i = 0; i < a->method->n_own; i++)
        allowed |= bit(a->method->kinds[i]);
    if (!take_own(a, &m->answers, allowed))
        return FH_AUTH_BAD;
    return method_next(a, ask);
}

bool fh__auth_older(struct fh__auth_server *a, unsigned method, const char *user, size_t user_len,
                    const void *proof, size_t proof_len)
{
    a->method = find((uint8_t)method);
    a->attempt++;
    a->is_method_complete = true;
    return take_user(a, (const uint8_t *)user, user_len) && take_password(a, proof, proof_len);
}

/* ---- what the application asks ---- */

static size_t answer_max(uint8_t kind)
{
    switch (kind) {
    case FH_KIND_USER:
        return FH_AUTH_USER_MAX;
    case FH_KIND_PASSWORD:
        return FH_AUTH_PASSWORD_MAX;
    case FH_KIND_CODE:
        return FH_AUTH_CODE_MAX;
    default:
        return FH_AUTH_ANSWER_MAX;
    }
}

static bool keep_answers(struct fh__auth_server *a, const struct fh__items *m)
{
    size_t at = 0;

    for (unsigned i = 0; i < m->n; i++) {
        size_t len = m->item[i].len;

        if (len > sizeof a->answers - at)
            return false;
        memcpy(a->answers + at, m->item[i].data, len);
        a->items[i] = (struct fh_item){
            .kind = (enum fh_kind)m->item[i].kind, .data = a->answers + at, .len = len};
        at += len;
    }
    a->n_items = m->n;
    return true;
}

/* Answers come in the order of their questions, so that two prompts can be told from each other. */
enum fh__auth_next fh__auth_answer(struct fh__auth_server *a, const struct fh__answer *m,
                                   struct fh__ask *ask)
{
    if (m->step != a->step || m->answers.n != a->n_asked)
        return FH_AUTH_BAD;
    for (unsigned i = 0; i < a->n_asked; i++)
        if (m->answers.item[i].kind != a->asked[i] ||
            m->answers.item[i].len > answer_max(a->asked[i]))
            return FH_AUTH_BAD;
    if (!a->is_method_complete)
        return take_own(a, &m->answers, UINT32_MAX) ? method_next(a, ask) : FH_AUTH_BAD;
    if (!keep_answers(a, &m->answers))
        return FH_AUTH_BAD;
    return FH_AUTH_ANSWERED;
}

static bool is_text(const uint8_t *text, size_t len)
{
    return len <= FH_AUTH_TEXT_MAX && fh__session_text_is_utf8((const char *)text, len);
}

static bool is_possible(const struct fh_item *item)
{
    const uint8_t *data = item->data;

    switch (item->kind) {
    case FH_KIND_PAKE:
        return item->len > 0 && item->len <= FH_AUTH_ANSWER_MAX;
    case FH_KIND_CODE:
        return is_text(data, item->len);
    case FH_KIND_PROMPT:
        return item->len >= 1 && is_text(data + 1, item->len - 1);
    case FH_KIND_NOTICE:
        return item->len >= 1 && is_text(data, item->len);
    case FH_KIND_USER:
    case FH_KIND_PASSWORD:
        break;
    }
    return false;
}

int fh__auth_ask(const struct fh__auth_server *a, const struct fh_item *items, size_t n,
                 struct fh__ask *ask)
{
    bool is_cpace = a->method->number == FH_METHOD_CPACE, has_pake = false;
    struct fh__ask m = {.step = (uint8_t)(a->step + 1)};
    size_t size = 3;

    if (n == 0 || n > FH_AUTH_ITEMS_MAX)
        return FH_SESSION_E_INVAL;
    for (size_t i = 0; i < n; i++) {
        if (!is_possible(&items[i]))
            return FH_SESSION_E_INVAL;
        has_pake |= items[i].kind == FH_KIND_PAKE;
        size += 3 + items[i].len;
        m.questions.item[i].kind = (uint8_t)items[i].kind;
        m.questions.item[i].data = items[i].data;
        m.questions.item[i].len = (uint16_t)items[i].len;
    }
    if (has_pake && (!is_cpace || n != 1))
        return FH_SESSION_E_INVAL;
    if (has_pake ? a->n_pake >= PAKE_STEPS : !fh__auth_may_grant(a))
        return FH_SESSION_E_STATE;
    if (a->step >= FH_AUTH_ASKS_MAX || size > FH_MESSAGE_MAX)
        return FH_SESSION_E_LIMIT;
    m.questions.n = (uint8_t)n;
    *ask = m;
    return 0;
}

bool fh__auth_asked(struct fh__auth_server *a, const struct fh__ask *ask)
{
    a->step = ask->step;
    a->n_asked = 0;
    for (unsigned i = 0; i < ask->questions.n; i++) {
        uint8_t kind = ask->questions.item[i].kind;

        if (kind == FH_KIND_PAKE)
            a->n_pake++;
        if (kind != FH_KIND_NOTICE)
            a->asked[a->n_asked++] = kind;
    }
    return a->n_asked > 0;
}

bool fh__auth_may_grant(const struct fh__auth_server *a)
{
    return a->method->number != FH_METHOD_CPACE || a->n_pake == PAKE_STEPS;
}

unsigned fh__auth_number(const struct fh__auth_server *a)
{
    return a->method ? a->method->number : 0;
}

void fh__auth_wipe_secrets(struct fh__auth_server *a)
{
    fh_wipe(a->password, sizeof a->password);
    a->password_len = 0;
    fh_wipe(a->answers, sizeof a->answers);
    a->n_items = 0;
}

void fh__auth_wipe(struct fh__auth_server *a)
{
    fh__auth_wipe_secrets(a);
    a->step = 0;
    a->n_asked = 0;
    a->has = 0;
    a->is_method_complete = false;
    a->n_pake = 0;
}
