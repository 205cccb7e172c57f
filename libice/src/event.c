/* SPDX-License-Identifier: MIT */
/* event.c -- what the caller is told. Nothing is queued but states: the rest is read off the agent.
 */
#include <string.h>

#include "agent_internal.h"

static bool tell_restart(struct fh_ice_agent *a, struct fh_ice_event *out)
{
    if (a->is_restart_told)
        return false;
    a->is_restart_told = true;
    out->type = FH_ICE_EV_RESTART;
    return true;
}

/* One event for each host and relayed base, however many of its ports are known. */
static bool tell_permit(struct fh_ice_agent *a, struct fh_ice_event *out)
{
    struct fh__pair *p = a->pairs;

    while (p < a->pairs + FH_ICE_MAX_PAIRS &&
           (p->state == FH__PAIR_FREE || p->permit != FH__PERMIT_WANTED))
        p++;
    if (p == a->pairs + FH_ICE_MAX_PAIRS)
        return false;
    out->type = FH_ICE_EV_PERMIT;
    out->base = p->base;
    out->host = p->peer;
    out->host.port = 0;
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].permit == FH__PERMIT_WANTED && a->pairs[i].base == p->base &&
            fh_ice_address_equal_host(&a->pairs[i].peer, &out->host))
            a->pairs[i].permit = FH__PERMIT_ASKED;
    return true;
}

static bool tell_path(struct fh_ice_agent *a, struct fh_ice_event *out)
{
    if (a->is_path_told)
        return false;
    a->is_path_told = true;
    out->type = FH_ICE_EV_PATH;
    return fh_ice_agent_path(a, &out->path);
}

static bool tell_state(struct fh_ice_agent *a, struct fh_ice_event *out)
{
    if (a->states_len == 0)
        return false;
    out->type = FH_ICE_EV_STATE;
    out->state = a->states[0];
    out->error = a->errors[0];
    a->states_len--;
    memmove(a->states, a->states + 1, a->states_len * sizeof *a->states);
    memmove(a->errors, a->errors + 1, a->states_len * sizeof *a->errors);
    return true;
}

static bool tell_candidate(struct fh_ice_agent *a, struct fh_ice_event *out)
{
    for (size_t i = 0; i < FH__LOCALS; i++) {
        struct fh__local *l = &a->locals[i];

        if (!l->in_use || l->is_hidden || l->is_told)
            continue;
        l->is_told = true;
        out->type = FH_ICE_EV_CANDIDATE;
        fh__local_export(a, l, &out->candidate);
        return true;
    }
    return false;
}

static bool tell_gathered(struct fh_ice_agent *a, struct fh_ice_event *out)
{
    if (a->is_gathered_told || !fh__local_is_gathered(a))
        return false;
    a->is_gathered_told = true;
    out->type = FH_ICE_EV_GATHERED;
    return true;
}

int fh_ice_agent_event(struct fh_ice_agent *a, struct fh_ice_event *out)
{
    memset(out, 0, sizeof *out);
    return tell_restart(a, out) || tell_permit(a, out) || tell_path(a, out) || tell_state(a, out) ||
           tell_candidate(a, out) || tell_gathered(a, out);
}

void fh_ice_agent_permitted(struct fh_ice_agent *a, uint64_t now_ms, int base,
                            const struct fh_ice_address *host, bool is_granted)
{
    a->now = now_ms;
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        struct fh__pair *p = &a->pairs[i];

        if (p->state != FH__PAIR_FREE && p->base == base &&
            fh_ice_address_equal_host(&p->peer, host))
            p->permit = is_granted ? FH__PERMIT_GRANTED : FH__PERMIT_DENIED;
    }
    fh__agent_changed(a);
}
