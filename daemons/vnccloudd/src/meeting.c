/* SPDX-License-Identifier: MIT */
/* meeting.c -- two clients that are put in touch: docs/protocol.md, "Connections". */
#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"
#include "turn.h"

enum { SECRETS_LEN = 2 * FH_BROKER_SECRET_LEN };

/* ---- one of two ---- */

static enum fh__end end_of(const struct fh__meeting *m, const struct fh__client *c)
{
    return m->ends[FH__SERVER].client == c ? FH__SERVER : FH__VIEWER;
}

static struct fh__client *other_than(const struct fh__meeting *m, const struct fh__client *c)
{
    return m->ends[!end_of(m, c)].client;
}

/* Of c; NULL: there is none of that name, or it is not c's. */
static struct fh__meeting *find(const struct fh__client *c, const uint8_t *conn)
{
    const struct fh__table *t = &c->broker->meetings;
    struct fh__entry *e = fh__table_first(t, fh__table_hash(t, conn, FH_CLOUD_CONN_LEN));

    for (; e; e = fh__table_next(e)) {
        struct fh__meeting *m = FH__OF(e, struct fh__meeting, entry);

        if (memcmp(m->conn, conn, FH_CLOUD_CONN_LEN) == 0)
            return m->ends[end_of(m, c)].client == c ? m : NULL;
    }
    return NULL;
}

static void join(struct fh__meeting *m, enum fh__end end, struct fh__client *c)
{
    m->ends[end].client = c;
    m->ends[end].next = c->meetings;
    m->ends[end].at = &c->meetings;
    if (c->meetings)
        c->meetings->ends[end_of(c->meetings, c)].at = &m->ends[end].next;
    c->meetings = m;
    c->n_meetings++;
}

static void part(struct fh__meeting *m, enum fh__end end)
{
    struct fh__client *c = m->ends[end].client;
    struct fh__meeting *next = m->ends[end].next;

    if (!c)
        return;
    *m->ends[end].at = next;
    if (next)
        next->ends[end_of(next, c)].at = m->ends[end].at;
    c->n_meetings--;
    m->ends[end].client = NULL;
}

static void wipe_secrets(struct fh__meeting *m)
{
    if (m->secrets)
        fh_wipe(m->secrets, SECRETS_LEN);
    free(m->secrets);
    m->secrets = NULL;
}

static void meeting_free(struct fh__meeting *m)
{
    struct fh__broker *b = m->broker;

    part(m, FH__VIEWER);
    part(m, FH__SERVER);
    fh__wheel_clear(b->wheel, &m->timer);
    fh__table_remove(&b->meetings, &m->entry);
    wipe_secrets(m);
    free(m);
}

static void say_end(const uint8_t *conn, struct fh__client *c, enum fh_broker_reason reason)
{
    struct fh_broker_frame f = {.type = FH_BROKER_END};

    memcpy(f.end.conn, conn, sizeof f.end.conn);
    f.end.reason = (uint8_t)reason;
    if (c && !fh__client_try(c, &f))
        fh__client_close_later(c);
}

/* Both hear of it. */
static void end_both(struct fh__meeting *m, enum fh_broker_reason reason)
{
    say_end(m->conn, m->ends[FH__VIEWER].client, reason);
    say_end(m->conn, m->ends[FH__SERVER].client, reason);
    meeting_free(m);
}

void fh__meeting_leave(struct fh__client *c)
{
    struct fh__meeting *m, *next;

    for (m = c->meetings; m; m = next) {
        next = m->ends[end_of(m, c)].next;
        if (m->state != FH__ACCEPTED)
            say_end(m->conn, other_than(m, c), FH_BROKER_GONE);
        meeting_free(m);
    }
}

static void on_timer(struct fh__timer *t, uint64_t now_ms)
{
    (void)now_ms;
    end_both(FH__OF(t, struct fh__meeting, timer), FH_BROKER_TIMED_OUT);
}

/* ---- grants ---- */

/* What a grant points into. SECRET. */
struct granted {
    uint8_t ticket[FH_BROKER_TICKET_MAX];
    struct fh__turn_credentials turn;
};

static void add_ticket(struct fh__meeting *m, enum fh__end end, struct granted *room,
                       struct fh_broker_grant *out)
{
    struct fh__broker *b = m->broker;
    const struct fh__client *c = m->ends[end].client;
    struct fh__ticket_for t = {
        .is_server = end == FH__SERVER, .kbit = c->relay_kbit, .bytes = c->relay_bytes};

    memcpy(t.conn, m->conn, sizeof t.conn);
    memcpy(t.account, c->account, sizeof t.account);
    out->expires_ms = b->hooks.utc_ms(b->hooks.user) + FH__TICKET_MS;
    out->ticket.p = room->ticket;
    if (b->hooks.ticket)
        out->ticket.len = b->hooks.ticket(b->hooks.user, &t, out->expires_ms, room->ticket);
    if (out->ticket.len == 0)
        return;
    memcpy(out->relays, b->cfg.relays, sizeof out->relays);
    out->relays_len = b->cfg.relays_len;
}

/* The user's name says nothing: random, for each grant another. */
static void add_turn(struct fh__broker *b, struct granted *room, struct fh_broker_grant *out)
{
    uint64_t until_s = b->hooks.utc_ms(b->hooks.user) / 1000 + b->cfg.turn_lifetime_s;
    uint8_t name[16];

    if (b->cfg.turn_len == 0 || b->cfg.turn_secret_len == 0)
        return;
    b->hooks.random(b->hooks.user, name, sizeof name);
    if (fh__turn_credentials(b->cfg.turn_secret, b->cfg.turn_secret_len, until_s, name,
                             &room->turn) != 0)
        return;
    for (size_t i = 0; i < b->cfg.turn_len; i++)
        out->turn[i] =
            (struct fh_broker_turn){.uri = b->cfg.turn[i],
                                    .user = {room->turn.user, strlen(room->turn.user)},
                                    .password = {room->turn.password, strlen(room->turn.password)}};
    out->turn_len = b->cfg.turn_len;
}

/* secrets: SECRETS_LEN bytes. */
static void make_grant(struct fh__meeting *m, enum fh__end end, const uint8_t *secrets,
                       struct granted *room, struct fh_broker_grant *out)
{
    out->cloud_secret = secrets;
    out->packet_secret = secrets + FH_BROKER_SECRET_LEN;
    add_ticket(m, end, room, out);
    add_turn(m->broker, room, out);
}

/* ---- the beginning ---- */

static void add_groups(const struct fh__endpoint *from, struct fh_broker_frame *f)
{
    size_t at = 0, len;
    const char *name;

    while (f->incoming.groups_len < FH_BROKER_GROUPS_MAX &&
           (name = fh__names_next(&from->groups, &at, &len)) != NULL)
        if (len <= FH_BROKER_GROUP_MAX)
            f->incoming.groups[f->incoming.groups_len++] = (struct fh_broker_text){name, len};
}

static bool say_incoming(struct fh__meeting *m, const struct fh__endpoint *from)
{
    struct fh_broker_frame f = {.type = FH_BROKER_INCOMING};
    struct granted room = {.ticket = {0}};
    bool sent;

    memcpy(f.incoming.conn, m->conn, sizeof f.incoming.conn);
    f.incoming.statement = (struct fh_broker_bytes){from->binding, from->binding_len};
    f.incoming.log_proof = fh__endpoint_proof(m->broker, from, m->broker->proof[0]);
    add_groups(from, &f);
    make_grant(m, FH__SERVER, m->secrets, &room, &f.incoming.grant);
    sent = fh__client_try(m->ends[FH__SERVER].client, &f);
    fh_wipe(&room, sizeof room);
    return sent;
}

static void say_target(struct fh__meeting *m, uint32_t request, const struct fh__endpoint *to)
{
    struct fh_broker_frame f = {.type = FH_BROKER_TARGET};

    f.target.request = request;
    memcpy(f.target.conn, m->conn, sizeof f.target.conn);
    f.target.statement = (struct fh_broker_bytes){to->binding, to->binding_len};
    f.target.log_proof = fh__endpoint_proof(m->broker, to, m->broker->proof[1]);
    if (!fh__client_try(m->ends[FH__VIEWER].client, &f))
        fh__client_close_later(m->ends[FH__VIEWER].client);
}

static struct fh__meeting *meeting_new(struct fh__broker *b)
{
    struct fh__meeting *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->broker = b;
    m->timer.fire = on_timer;
    b->hooks.random(b->hooks.user, m->conn, sizeof m->conn);
    m->secrets = malloc(SECRETS_LEN);
    if (!m->secrets || fh__table_put(&b->meetings, &m->entry,
                                     fh__table_hash(&b->meetings, m->conn, sizeof m->conn)) != 0) {
        free(m->secrets);
        free(m);
        return NULL;
    }
    b->hooks.random(b->hooks.user, m->secrets, SECRETS_LEN);
    return m;
}

int fh__meeting_begin(struct fh__client *viewer, struct fh__client *server, uint32_t request,
                      const struct fh__endpoint *from, const struct fh__endpoint *to)
{
    struct fh__broker *b = viewer->broker;
    struct fh__meeting *m;

    if (server->n_meetings >= b->cfg.max_conns || !(m = meeting_new(b)))
        return FH_BROKER_E_BUSY;
    join(m, FH__VIEWER, viewer);
    join(m, FH__SERVER, server);
    m->ends[FH__VIEWER].is_counted = from->uses_left >= 0;
    m->ends[FH__SERVER].is_counted = to->uses_left >= 0;
    if (!say_incoming(m, from)) {
        meeting_free(m);
        return FH_BROKER_E_BUSY;
    }
    b->counters.offered++;
    fh__wheel_set(b->wheel, &m->timer, b->hooks.now_ms(b->hooks.user) + FH__OFFER_MS);
    say_target(m, request, to);
    return 0;
}

/* ---- ACCEPT ---- */

static void say_grant(struct fh__meeting *m)
{
    struct fh_broker_frame f = {.type = FH_BROKER_GRANT};
    struct granted room = {.ticket = {0}};

    memcpy(f.grant.conn, m->conn, sizeof f.grant.conn);
    make_grant(m, FH__VIEWER, m->secrets, &room, &f.grant.grant);
    m->state = FH__ACCEPTED;
    m->broker->counters.accepted++;
    fh__wheel_clear(m->broker->wheel, &m->timer);
    if (!fh__client_try(m->ends[FH__VIEWER].client, &f))
        fh__client_close_later(m->ends[FH__VIEWER].client);
    wipe_secrets(m);
    fh_wipe(&room, sizeof room);
}

/* A use that the store counts; the conn may be gone when it has. */
struct use {
    struct fh__broker *broker;
    uint8_t conn[FH_CLOUD_CONN_LEN], address[FH__ADDRESS_LEN];
};

static void count_uses(struct fh__meeting *m);

static void on_used(struct fh__store_call *call)
{
    struct use *u = call->user;
    struct fh__table *t = &u->broker->meetings;
    struct fh__entry *e = fh__table_first(t, fh__table_hash(t, u->conn, sizeof u->conn));
    struct fh__meeting *m = e ? FH__OF(e, struct fh__meeting, entry) : NULL;

    fh__endpoints_forget(u->broker->endpoints, u->address);
    if (m && memcmp(m->conn, u->conn, sizeof u->conn) == 0 && m->state == FH__COUNTING) {
        if (call->ret == 0)
            count_uses(m);
        else
            end_both(m, fh__store_is_passing(call->ret) ? FH_BROKER_IS_BUSY : FH_BROKER_POLICY);
    }
    free(u);
    fh__store_call_free(call);
}

static bool count_use(struct fh__meeting *m, const uint8_t *address)
{
    struct use *u = calloc(1, sizeof *u);
    struct fh__store_call *call = u ? fh__store_call_new(FH__STORE_ENDPOINT_USE, on_used, u) : NULL;

    if (!call) {
        free(u);
        return false;
    }
    u->broker = m->broker;
    memcpy(u->conn, m->conn, sizeof u->conn);
    memcpy(u->address, address, sizeof u->address);
    memcpy(call->address, address, sizeof call->address);
    call->now_ms = m->broker->hooks.utc_ms(m->broker->hooks.user);
    fh__store_submit(m->broker->store, call);
    return true;
}

/* One after the other; when none is left the viewer gets its grant. */
static void count_uses(struct fh__meeting *m)
{
    m->state = FH__COUNTING;
    for (int i = 0; i < 2; i++) {
        if (!m->ends[i].is_counted)
            continue;
        m->ends[i].is_counted = false;
        if (!count_use(m, m->ends[i].client->holder.address))
            end_both(m, FH_BROKER_IS_BUSY);
        return;
    }
    say_grant(m);
}

void fh__meeting_accept(struct fh__client *c, const struct fh_broker_frame *f)
{
    struct fh__meeting *m = find(c, f->conn.conn);

    if (m && m->state == FH__OFFERED && end_of(m, c) == FH__SERVER)
        count_uses(m);
}

/* ---- what they say ---- */

void fh__meeting_signal(struct fh__client *c, const struct fh_broker_frame *f)
{
    struct fh__meeting *m = find(c, f->signal.conn);
    struct fh__broker *b = c->broker;
    uint32_t *bytes;
    uint8_t *signals;

    if (!m)
        return;
    bytes = &m->ends[end_of(m, c)].bytes;
    signals = &m->ends[end_of(m, c)].signals;
    if (*signals >= FH_BROKER_SIGNALS_MAX ||
        (uint64_t)*bytes + f->signal.sealed.len > b->cfg.signal_bytes) {
        end_both(m, FH_BROKER_POLICY);
        return;
    }
    ++*signals;
    *bytes += (uint32_t)f->signal.sealed.len;
    b->counters.signals++;
    b->counters.signal_bytes += f->signal.sealed.len;
    if (!fh__client_try(other_than(m, c), f))
        end_both(m, FH_BROKER_IS_BUSY);
}

void fh__meeting_end(struct fh__client *c, const struct fh_broker_frame *f)
{
    struct fh__meeting *m = find(c, f->end.conn);

    if (!m)
        return;
    say_end(m->conn, other_than(m, c), (enum fh_broker_reason)f->end.reason);
    meeting_free(m);
}

static void say_renewed(struct fh__meeting *m, enum fh__end end)
{
    static const uint8_t none[SECRETS_LEN];
    struct fh_broker_frame f = {.type = FH_BROKER_RENEWED};
    struct granted room = {.ticket = {0}};

    memcpy(f.grant.conn, m->conn, sizeof f.grant.conn);
    make_grant(m, end, none, &room, &f.grant.grant);
    if (!fh__client_try(m->ends[end].client, &f))
        fh__client_close_later(m->ends[end].client);
    fh_wipe(&room, sizeof room);
}

void fh__meeting_renew(struct fh__client *c, const struct fh_broker_frame *f)
{
    struct fh__meeting *m = find(c, f->conn.conn);
    struct fh__broker *b = c->broker;
    uint64_t now = b->hooks.now_ms(b->hooks.user);

    if (!m || m->state != FH__ACCEPTED) {
        say_end(f->conn.conn, c, FH_BROKER_GONE);
    } else if (!fh__gcra_take(&b->connect, now, c->holder.address, FH__ADDRESS_LEN, NULL)) {
        b->counters.limited++;
        end_both(m, FH_BROKER_POLICY);
    } else {
        say_renewed(m, FH__VIEWER);
        say_renewed(m, FH__SERVER);
    }
}
