/* SPDX-License-Identifier: MIT */
/* turn_base.c -- between a TURN client and an ICE agent. */
#include <string.h>

#include <farhand/turn_base.h>

static void release(struct fh_turn_base *b, uint64_t now_ms)
{
    if (!b->holds)
        return;
    b->holds = false;
    fh_ice_agent_release(b->agent, now_ms);
}

void fh_turn_base_init(struct fh_turn_base *b, uint64_t now_ms, struct fh_ice_agent *agent,
                       struct fh_turn *turn, int host)
{
    memset(b, 0, sizeof *b);
    b->agent = agent;
    b->turn = turn;
    b->host = host;
    b->base[0] = b->base[1] = -1;
    b->holds = true;
    b->held_until_ms = now_ms + FH_TURN_BASE_HOLD_MS;
    fh_ice_agent_hold(agent);
}

void fh_turn_base_finish(struct fh_turn_base *b, uint64_t now_ms)
{
    for (int i = 0; i < 2; i++)
        if (b->base[i] >= 0)
            fh_ice_agent_remove_base(b->agent, now_ms, b->base[i]);
    b->base[0] = b->base[1] = -1;
    release(b, now_ms);
}

/* RFC 8445 5.1.1.2: the answer gives a server-reflexive candidate as well. */
static void on_ready(struct fh_turn_base *b, uint64_t now_ms, const struct fh_turn_event *ev)
{
    for (int i = 0; i < 2; i++) {
        struct fh_ice_base base = {
            .kind = FH_ICE_BASE_RELAY, .address = ev->relayed[i], .related = ev->mapped};
        int n = base.address.family == FH_ICE_FAMILY_NONE
                    ? -1
                    : fh_ice_agent_add_base(b->agent, now_ms, &base);

        b->base[i] = n < 0 ? -1 : n;
    }
    if (b->host >= 0)
        (void)fh_ice_agent_add_mapped(b->agent, now_ms, b->host, &ev->mapped);
    release(b, now_ms);
}

int fh_turn_base_event(struct fh_turn_base *b, uint64_t now_ms, struct fh_turn_event *out)
{
    if (fh_turn_event(b->turn, out) == 0)
        return 0;
    switch (out->type) {
    case FH_TURN_EV_READY:
        on_ready(b, now_ms, out);
        break;
    case FH_TURN_EV_MOVED:
        if (b->host >= 0)
            (void)fh_ice_agent_add_mapped(b->agent, now_ms, b->host, &out->mapped);
        break;
    case FH_TURN_EV_PERMITTED:
    case FH_TURN_EV_REFUSED:
        fh_ice_agent_permitted(b->agent, now_ms, fh_turn_base_of(b, &out->peer), &out->peer,
                               out->type == FH_TURN_EV_PERMITTED);
        break;
    case FH_TURN_EV_FAILED:
    case FH_TURN_EV_CLOSED:
        fh_turn_base_finish(b, now_ms);
        break;
    case FH_TURN_EV_REDIRECTED:
    case FH_TURN_EV_BOUND:
        break;
    }
    return 1;
}

/* Those of before the restart that are spoken about again are asked for again; the path goes on. */
static void on_restart(struct fh_turn_base *b)
{
    struct fh_ice_path path;
    bool is_ours = fh_ice_agent_path(b->agent, &path) && fh_turn_base_has(b, path.base);

    fh_turn_forget_others(b->turn, is_ours ? &path.peer : NULL);
}

bool fh_turn_base_agent_event(struct fh_turn_base *b, uint64_t now_ms,
                              const struct fh_ice_event *ev)
{
    if (ev->type == FH_ICE_EV_PERMIT && fh_turn_base_has(b, ev->base)) {
        if (fh_turn_permit(b->turn, now_ms, &ev->host) != 0)
            fh_ice_agent_permitted(b->agent, now_ms, ev->base, &ev->host, false);
        return true;
    }
    if (ev->type == FH_ICE_EV_RESTART)
        on_restart(b);
    /* Without room for one more channel, data goes by indications. */
    if (ev->type == FH_ICE_EV_PATH && fh_turn_base_has(b, ev->path.base))
        (void)fh_turn_bind(b->turn, now_ms, &ev->path.peer);
    return false;
}

bool fh_turn_base_has(const struct fh_turn_base *b, int base)
{
    return base >= 0 && (base == b->base[0] || base == b->base[1]);
}

int fh_turn_base_of(const struct fh_turn_base *b, const struct fh_ice_address *peer)
{
    return b->base[peer->family == FH_ICE_IPV6];
}

void fh_turn_base_tick(struct fh_turn_base *b, uint64_t now_ms)
{
    fh_turn_tick(b->turn, now_ms);
    if (b->holds && b->held_until_ms <= now_ms)
        release(b, now_ms);
}

uint64_t fh_turn_base_deadline(const struct fh_turn_base *b)
{
    uint64_t at = fh_turn_deadline(b->turn);

    return b->holds && b->held_until_ms < at ? b->held_until_ms : at;
}
