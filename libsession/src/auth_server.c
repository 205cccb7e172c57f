/* SPDX-License-Identifier: MIT */
#include "auth_server.h"

#include <string.h>

#include <farhand/identity.h>
#include <farhand/server_conn.h>

struct fh__auth_method {
    uint8_t number;
    const char *name;
    uint8_t n_kinds;
    uint8_t kinds[FH_ANSWERS_MAX];
    enum fh__auth_next (*next)(struct fh__auth_server *a, struct fh__ask *ask);
};

static enum fh__auth_next password_next(struct fh__auth_server *a, struct fh__ask *ask);

static const struct fh__auth_method methods[] = {
    {FH_METHOD_PASSWORD, "password", 2, {FH_KIND_USER, FH_KIND_PASSWORD}, password_next},
};

enum { METHODS = sizeof methods / sizeof methods[0] };

static const uint8_t numbers[METHODS] = {FH_METHOD_PASSWORD};

static uint32_t bit(uint8_t kind)
{
    return kind < 32 ? UINT32_C(1) << kind : 0;
}

/* Asks for all kinds of the method that are not answered yet; false: there are none. */
static bool ask_missing(struct fh__auth_server *a, struct fh__ask *ask)
{
    struct fh__ask m = {.step = (uint8_t)(a->step + 1)};

    a->asked = 0;
    for (unsigned i = 0; i < a->method->n_kinds; i++) {
        uint8_t kind = a->method->kinds[i];

        if ((a->has & bit(kind)) != 0)
            continue;
        m.questions.item[m.questions.n++].kind = kind;
        a->asked |= bit(kind);
    }
    if (m.questions.n == 0)
        return false;
    a->step = m.step;
    *ask = m;
    return true;
}

/* The channel is bound to both identities, so the password travels in it as it is. */
static enum fh__auth_next password_next(struct fh__auth_server *a, struct fh__ask *ask)
{
    return ask_missing(a, ask) ? FH_AUTH_ASK : FH_AUTH_DECIDE;
}

static bool take_user(struct fh__auth_server *a, const uint8_t *data, size_t len)
{
    if (len > FH_USER_MAX || !fh__session_text_is_clean((const char *)data, len))
        return false;
    memcpy(a->user, data, len);
    a->user[len] = '\0';
    return true;
}

static bool take_password(struct fh__auth_server *a, const uint8_t *data, size_t len)
{
    if (len > FH_PASSWORD_MAX)
        return false;
    memcpy(a->password, data, len);
    a->password[len] = '\0';
    a->password_len = len;
    return true;
}

/* Each kind once, and only those of allowed. */
static bool take_answers(struct fh__auth_server *a, const struct fh__items *m, uint32_t allowed)
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

void fh__auth_offer(struct fh__offer *out)
{
    struct fh__offer m = {.n = METHODS};

    for (unsigned i = 0; i < METHODS; i++) {
        m.methods[i].method = methods[i].number;
        m.methods[i].n_kinds = methods[i].n_kinds;
        memcpy(m.methods[i].kinds, methods[i].kinds, methods[i].n_kinds);
    }
    *out = m;
}

const uint8_t *fh__auth_numbers(size_t *n)
{
    *n = METHODS;
    return numbers;
}

enum fh__auth_next fh__auth_choose(struct fh__auth_server *a, const struct fh__choose *m,
                                   struct fh__ask *ask)
{
    const struct fh__auth_method *method = NULL;
    uint32_t allowed = 0;

    for (unsigned i = 0; i < METHODS; i++)
        if (methods[i].number == m->method)
            method = &methods[i];
    if (!method)
        return FH_AUTH_BAD;
    fh__auth_wipe(a);
    a->user[0] = '\0';
    a->method = method;
    a->attempt++;
    for (unsigned i = 0; i < method->n_kinds; i++)
        allowed |= bit(method->kinds[i]);
    if (!take_answers(a, &m->answers, allowed))
        return FH_AUTH_BAD;
    return method->next(a, ask);
}

enum fh__auth_next fh__auth_answer(struct fh__auth_server *a, const struct fh__answer *m,
                                   struct fh__ask *ask)
{
    if (m->step != a->step || !take_answers(a, &m->answers, a->asked))
        return FH_AUTH_BAD;
    if ((a->asked & ~a->has) != 0)
        return FH_AUTH_BAD;
    return a->method->next(a, ask);
}

const char *fh__auth_name(const struct fh__auth_server *a)
{
    return a->method ? a->method->name : NULL;
}

void fh__auth_wipe(struct fh__auth_server *a)
{
    fh_wipe(a->password, sizeof a->password);
    a->password_len = 0;
    a->step = 0;
    a->asked = a->has = 0;
}
