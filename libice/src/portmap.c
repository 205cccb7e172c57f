/* SPDX-License-Identifier: MIT */
/* portmap.c -- asking a gateway for a port, and keeping it. */
#include <string.h>

#include <farhand/ice_error.h>

#include "portmap.h"

enum {
    FIRST_WAIT_MS = 250, /* RFC 6886 3.1; doubles */
    MAX_TRIES = 5,
    CLOSE_TRIES = 2,
    LIFETIME_S = 7200,
    MIN_LIFETIME_S = 2,
    MAX_RENEW_MS = 600000, /* a gateway that started anew is noticed after ten minutes */
    ERROR_WAIT_MS = 60000, /* after a refusal that may pass (RFC 6887 7.4: short-lived) */
    MAX_ERROR_WAIT_MS = 1800000
};

/* One question, repeated until it is answered or given up. */
struct question {
    bool active;
    unsigned tries;
    uint64_t next_ms;
};

struct fh_portmap {
    struct fh_portmap_config cfg;
    struct question q[FH__PORTMAP_PROTOCOLS];
    uint8_t nonce[FH__PCP_NONCE];
    uint32_t want_s;  /* the lifetime that is asked for; 0: the mapping is given back */
    bool uses_natpmp; /* the protocol that made the lease */
    bool mapped;      /* there is a lease at the gateway */
    bool told;        /* and the caller was told of `external` */
    bool closing, over;
    struct fh_ice_address external, old;
    struct fh_ice_address found; /* NAT-PMP tells address and port apart */
    bool report_mapped, report_lost, report_closed;
    uint64_t renew_ms, end_ms;
    uint8_t out[FH__PORTMAP_MAX_QUESTION];
};

size_t fh_portmap_size(void)
{
    return sizeof(struct fh_portmap);
}

static void ask(struct fh_portmap *p, enum fh__portmap_protocol protocol, uint64_t now_ms)
{
    p->q[protocol] = (struct question){.active = true, .next_ms = now_ms};
}

static void ask_nothing(struct fh_portmap *p)
{
    memset(p->q, 0, sizeof p->q);
}

static void ask_natpmp(struct fh_portmap *p, uint64_t now_ms)
{
    if (p->cfg.local.family != FH_ICE_IPV4)
        return;
    memset(&p->found, 0, sizeof p->found);
    ask(p, FH__NATPMP_ADDRESS, now_ms);
    ask(p, FH__NATPMP_MAP, now_ms);
}

static void start(struct fh_portmap *p, uint64_t now_ms)
{
    ask_nothing(p);
    p->renew_ms = UINT64_MAX;
    p->end_ms = UINT64_MAX;
    p->mapped = p->uses_natpmp = false;
    p->want_s = p->cfg.lifetime_s;
    memset(&p->external, 0, sizeof p->external);
    p->cfg.random(p->cfg.user, p->nonce, sizeof p->nonce);
    ask(p, FH__PCP, now_ms);
}

static bool is_valid(const struct fh_ice_address *gateway, const struct fh_ice_address *local)
{
    return gateway->family != FH_ICE_FAMILY_NONE && gateway->family == local->family &&
           local->port != 0;
}

struct fh_portmap *fh_portmap_init(void *mem, size_t len, uint64_t now_ms,
                                   const struct fh_portmap_config *cfg)
{
    struct fh_portmap *p = mem;

    if (len < sizeof *p || !cfg->random || !is_valid(&cfg->gateway, &cfg->local))
        return NULL;
    memset(p, 0, sizeof *p);
    p->cfg = *cfg;
    p->cfg.gateway.port = FH_PORTMAP_PORT;
    if (p->cfg.lifetime_s == 0)
        p->cfg.lifetime_s = LIFETIME_S;
    start(p, now_ms);
    return p;
}

void fh_portmap_finish(struct fh_portmap *p)
{
    if (p)
        memset(p, 0, sizeof *p);
}

/* What the caller was told no longer holds. */
static void lose(struct fh_portmap *p)
{
    p->mapped = false;
    p->report_mapped = false;
    if (!p->told)
        return;
    p->told = false;
    p->old = p->external;
    p->report_lost = true;
}

int fh_portmap_set_gateway(struct fh_portmap *p, uint64_t now_ms,
                           const struct fh_ice_address *gateway, const struct fh_ice_address *local)
{
    struct fh_ice_address g = *gateway;

    if (!is_valid(gateway, local))
        return FH_ICE_E_INVAL;
    if (p->closing || p->over)
        return FH_ICE_E_STATE;
    g.port = FH_PORTMAP_PORT;
    if (fh_ice_address_equal(&g, &p->cfg.gateway) && fh_ice_address_equal(local, &p->cfg.local) &&
        p->mapped)
        return 0;
    lose(p);
    p->cfg.gateway = g;
    p->cfg.local = *local;
    start(p, now_ms);
    return 0;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void give_back(struct fh_portmap *p, uint64_t now_ms, enum fh__portmap_protocol protocol)
{
    ask_nothing(p);
    p->renew_ms = p->end_ms = UINT64_MAX;
    p->want_s = 0;
    ask(p, protocol, now_ms);
    p->q[protocol].tries = MAX_TRIES - 1; /* once, and no more of it */
}

static bool is_useful(const struct fh_ice_address *a)
{
    return fh_ice_address_scope(a) == FH_ICE_SCOPE_GLOBAL && a->port != 0;
}

static void keep(struct fh_portmap *p, uint64_t now_ms, uint32_t lifetime_s)
{
    uint64_t ms = (lifetime_s > MIN_LIFETIME_S ? lifetime_s : MIN_LIFETIME_S) * UINT64_C(1000);

    p->mapped = true;
    p->renew_ms = now_ms + (ms / 2 < MAX_RENEW_MS ? ms / 2 : MAX_RENEW_MS);
    p->end_ms = now_ms + ms;
}

static void tell(struct fh_portmap *p, const struct fh_ice_address *external)
{
    if (p->told && fh_ice_address_equal(external, &p->external))
        return;
    lose(p);
    p->external = *external;
    p->told = p->report_mapped = true;
}

/* A mapping, of either protocol, is complete. */
static void take(struct fh_portmap *p, uint64_t now_ms, const struct fh_ice_address *external,
                 uint32_t lifetime_s, enum fh__portmap_protocol protocol)
{
    if (!is_useful(external)) {
        lose(p);
        p->external = *external;
        give_back(p, now_ms, protocol);
        return;
    }
    tell(p, external);
    keep(p, now_ms, lifetime_s);
}

/* A lease that there is runs on until its end. */
static void refuse(struct fh_portmap *p, uint64_t now_ms, const struct fh__portmap_answer *a)
{
    uint64_t wait = a->protocol == FH__PCP ? a->fields.lifetime_s * UINT64_C(1000) : 0;

    p->q[a->protocol].active = false;
    if (wait < ERROR_WAIT_MS)
        wait = ERROR_WAIT_MS;
    if (p->want_s != 0)
        p->renew_ms = now_ms + (wait < MAX_ERROR_WAIT_MS ? wait : MAX_ERROR_WAIT_MS);
}

static void on_pcp(struct fh_portmap *p, uint64_t now_ms, const struct fh__portmap_answer *a)
{
    if (a->result == FH__PORTMAP_VERSION) {
        p->q[FH__PCP].active = false;
        if (!p->closing && !p->q[FH__NATPMP_MAP].active)
            ask_natpmp(p, now_ms);
        return;
    }
    if (a->result != FH__PORTMAP_OK) {
        refuse(p, now_ms, a);
        return;
    }
    p->q[FH__PCP].active = false;
    if (p->closing || p->want_s == 0)
        return;
    ask_nothing(p); /* NAT-PMP need not be asked any more */
    p->uses_natpmp = false;
    take(p, now_ms, &a->fields.external, a->fields.lifetime_s, FH__PCP);
}

/* Two answers make a mapping: the address, and the port. */
static void on_natpmp(struct fh_portmap *p, uint64_t now_ms, const struct fh__portmap_answer *a)
{
    if (a->result != FH__PORTMAP_OK) {
        refuse(p, now_ms, a);
        return;
    }
    p->q[a->protocol].active = false;
    if (p->closing || p->want_s == 0)
        return;
    if (a->protocol == FH__NATPMP_ADDRESS) {
        memcpy(p->found.ip, a->fields.external.ip, sizeof p->found.ip);
        p->found.family = FH_ICE_IPV4;
    } else {
        p->found.port = a->fields.external.port;
        p->uses_natpmp = true;
        keep(p, now_ms, a->fields.lifetime_s);
    }
    if (p->found.family == FH_ICE_FAMILY_NONE || p->found.port == 0)
        return;
    p->q[FH__PCP].active = false;
    take(p, now_ms, &p->found, (uint32_t)((p->end_ms - now_ms) / 1000), FH__NATPMP_MAP);
}

/*
 * RFC 6887 11.4: an answer with another nonce is another client's. Errors that come without the
 * second part have none.
 */
static bool is_ours(const struct fh_portmap *p, const struct fh__portmap_answer *a)
{
    if (!p->q[a->protocol].active || p->q[a->protocol].tries == 0)
        return false;
    if (a->protocol == FH__PCP && a->result == FH__PORTMAP_OK)
        return a->internal_port == p->cfg.local.port &&
               memcmp(a->fields.nonce, p->nonce, sizeof p->nonce) == 0 &&
               a->fields.external.family == p->cfg.local.family;
    if (a->protocol == FH__NATPMP_MAP && a->result == FH__PORTMAP_OK)
        return a->internal_port == p->cfg.local.port;
    return true;
}

/*
 * A gateway that knows NAT-PMP alone answers PCP in its own words, with version 0 and result 1,
 * whatever the opcode: RFC 6886 3.5, RFC 6887 appendix A. It comes once for each time it was asked.
 */
static void hear_version(struct fh__portmap_answer *a)
{
    if (a->protocol != FH__PCP && a->result == FH__PORTMAP_VERSION)
        a->protocol = FH__PCP;
}

static void check_over(struct fh_portmap *p)
{
    for (size_t i = 0; i < FH__PORTMAP_PROTOCOLS; i++)
        if (p->q[i].active)
            return;
    if (p->closing && !p->over)
        p->over = p->report_closed = true;
}

bool fh_portmap_input(struct fh_portmap *p, uint64_t now_ms, const struct fh_ice_address *from,
                      const void *data, size_t len)
{
    struct fh__portmap_answer a;

    if (!fh_ice_address_equal(from, &p->cfg.gateway) || p->over || !fh__portmap_read(data, len, &a))
        return false;
    hear_version(&a);
    if (!is_ours(p, &a))
        return false;
    if (a.protocol == FH__PCP)
        on_pcp(p, now_ms, &a);
    else
        on_natpmp(p, now_ms, &a);
    check_over(p);
    return true;
}

/* ---- time ----------------------------------------------------------------------------------- */

static void renew(struct fh_portmap *p, uint64_t now_ms)
{
    p->renew_ms = UINT64_MAX;
    if (p->uses_natpmp && p->mapped)
        ask_natpmp(p, now_ms);
    else
        ask(p, FH__PCP, now_ms);
}

void fh_portmap_tick(struct fh_portmap *p, uint64_t now_ms)
{
    if (p->over)
        return;
    for (size_t i = 0; i < FH__PORTMAP_PROTOCOLS; i++) {
        struct question *q = &p->q[i];
        unsigned max = p->closing ? CLOSE_TRIES : MAX_TRIES;

        if (q->active && q->tries >= max && q->next_ms <= now_ms)
            q->active = false;
    }
    if (!p->closing && p->renew_ms <= now_ms)
        renew(p, now_ms);
    if (!p->closing && p->end_ms <= now_ms) {
        p->end_ms = UINT64_MAX;
        lose(p);
    }
    check_over(p);
}

uint64_t fh_portmap_deadline(const struct fh_portmap *p)
{
    uint64_t at = UINT64_MAX;

    if (p->over)
        return at;
    for (size_t i = 0; i < FH__PORTMAP_PROTOCOLS; i++)
        if (p->q[i].active && p->q[i].next_ms < at)
            at = p->q[i].next_ms;
    if (!p->closing && p->renew_ms < at)
        at = p->renew_ms;
    if (!p->closing && p->end_ms < at)
        at = p->end_ms;
    return at;
}

/* The gateway may know PCP and be slow, or drop what it does not know: then both are asked. */
static void count_try(struct fh_portmap *p, enum fh__portmap_protocol protocol, uint64_t now_ms)
{
    struct question *q = &p->q[protocol];

    q->next_ms = now_ms + ((uint64_t)FIRST_WAIT_MS << q->tries);
    q->tries++;
    if (protocol == FH__PCP && q->tries == 2 && !p->closing && !p->mapped && p->want_s != 0)
        ask_natpmp(p, now_ms);
}

int fh_portmap_output(struct fh_portmap *p, uint64_t now_ms, struct fh_portmap_message *out)
{
    for (size_t i = 0; i < FH__PORTMAP_PROTOCOLS; i++) {
        struct question *q = &p->q[i];
        struct fh__portmap_fields f = {.client = p->cfg.local, .external = p->external};

        if (!q->active || q->next_ms > now_ms || q->tries >= MAX_TRIES)
            continue;
        f.lifetime_s = p->closing ? 0 : p->want_s;
        memcpy(f.nonce, p->nonce, sizeof f.nonce);
        count_try(p, (enum fh__portmap_protocol)i, now_ms);
        out->to = p->cfg.gateway;
        out->data = p->out;
        out->len = fh__portmap_write((enum fh__portmap_protocol)i, &f, p->out, sizeof p->out);
        return 1;
    }
    return 0;
}

int fh_portmap_event(struct fh_portmap *p, struct fh_portmap_event *out)
{
    if (p->report_lost) {
        p->report_lost = false;
        *out = (struct fh_portmap_event){FH_PORTMAP_EV_LOST, p->old};
        return 1;
    }
    if (p->report_mapped) {
        p->report_mapped = false;
        *out = (struct fh_portmap_event){FH_PORTMAP_EV_MAPPED, p->external};
        return 1;
    }
    if (p->report_closed) {
        p->report_closed = false;
        *out = (struct fh_portmap_event){.type = FH_PORTMAP_EV_CLOSED};
        return 1;
    }
    return 0;
}

void fh_portmap_close(struct fh_portmap *p, uint64_t now_ms)
{
    bool asked = false;

    if (p->closing || p->over)
        return;
    p->closing = true;
    /* Also where a question is out: its answer would leave a mapping behind. */
    asked = p->q[FH__PCP].active && p->q[FH__PCP].tries > 0;
    ask_nothing(p);
    if ((p->mapped && !p->uses_natpmp) || asked)
        ask(p, FH__PCP, now_ms);
    if (p->mapped && p->uses_natpmp)
        ask(p, FH__NATPMP_MAP, now_ms);
    check_over(p);
}
