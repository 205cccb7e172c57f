/* SPDX-License-Identifier: MIT */
/*
 * Connections: docs/protocol.md, "Connections".
 *
 * The application hears of a peer when its statement was verified and, with a log, the check of its
 * checkpoint has passed; what comes before that for the same connection is held, as are signals to
 * a server that has not answered.
 */
#include "client_internal.h"

enum { HANDLE_BITS = 10 /* FH_CLOUD_CONNS_LIMIT */ };

_Static_assert(FH_CLOUD_CONNS_LIMIT == 1 << HANDLE_BITS, "every connection has a number");

/* ---- finding ----------------------------------------------------------------------------------
 */

static struct fh__conn *by_handle(struct fh_cloud_client *c, uint32_t handle)
{
    size_t i = handle & (FH_CLOUD_CONNS_LIMIT - 1);

    if (handle == 0 || i >= c->conns_len || c->conns[i].handle != handle ||
        c->conns[i].state == FH__FREE || c->conns[i].state == FH__ENDED)
        return NULL;
    return &c->conns[i];
}

static struct fh__conn *by_id(struct fh_cloud_client *c, const uint8_t id[FH_CLOUD_CONN_LEN])
{
    for (size_t i = 0; i < c->conns_len; i++)
        if (c->conns[i].state >= FH__TOLD && c->conns[i].state <= FH__OPEN &&
            memcmp(c->conns[i].id, id, FH_CLOUD_CONN_LEN) == 0)
            return &c->conns[i];
    return NULL;
}

static struct fh__conn *new_conn(struct fh_cloud_client *c)
{
    for (size_t i = 0; i < c->conns_len; i++) {
        struct fh__conn *k = &c->conns[i];

        if (k->state != FH__FREE)
            continue;
        memset(k, 0, sizeof *k);
        if (++c->generation >= UINT32_MAX >> HANDLE_BITS)
            c->generation = 1;
        k->handle = c->generation << HANDLE_BITS | (uint32_t)i;
        return k;
    }
    return NULL;
}

/* ---- ending -----------------------------------------------------------------------------------
 */

static void empty_hold(struct fh__hold *h)
{
    fh_wipe(h->bytes, h->len);
    h->in_use = false;
    h->len = h->used = 0;
}

static void free_hold(struct fh_cloud_client *c, struct fh__conn *k)
{
    if (!k->hold)
        return;
    if (c->used_hold == k->hold)
        c->used_hold = NULL;
    empty_hold(k->hold);
    k->hold = NULL;
}

static void free_conn(struct fh_cloud_client *c, struct fh__conn *k)
{
    free_hold(c, k);
    if (k->state == FH__ENDED)
        c->ended--;
    fh_wipe(k, sizeof *k);
}

/* The application is told, if it knows of it. */
static void end_conn(struct fh_cloud_client *c, struct fh__conn *k, int error, uint8_t reason)
{
    if (!k->is_told) {
        free_conn(c, k);
        return;
    }
    free_hold(c, k);
    fh_sealer_finish(&k->sealer);
    k->state = FH__ENDED;
    k->error = error;
    k->reason = reason;
    c->ended++;
}

static void say_end(struct fh_cloud_client *c, uint64_t now, const uint8_t id[FH_CLOUD_CONN_LEN],
                    enum fh_broker_reason reason)
{
    struct fh_broker_frame f = {.type = FH_BROKER_END};

    memcpy(f.end.conn, id, sizeof f.end.conn);
    f.end.reason = (uint8_t)reason;
    fh__client_say(c, now, &f);
}

/* We do not go on with it. */
static void break_conn(struct fh_cloud_client *c, uint64_t now, struct fh__conn *k, int error,
                       enum fh_broker_reason reason)
{
    if (k->state != FH__ASKED)
        say_end(c, now, k->id, reason);
    end_conn(c, k, error, 0);
}

bool fh__client_tell_end(struct fh_cloud_client *c, struct fh_cloud_client_event *ev)
{
    if (c->ended == 0)
        return false;
    for (size_t i = 0; i < c->conns_len; i++) {
        struct fh__conn *k = &c->conns[i];

        if (k->state != FH__ENDED)
            continue;
        ev->type = FH_CLOUD_EV_END;
        ev->conn = k->handle;
        ev->end.error = k->error;
        ev->end.reason = k->reason;
        free_conn(c, k);
        return true;
    }
    return false;
}

void fh__client_end_all(struct fh_cloud_client *c, int error)
{
    for (size_t i = 0; i < c->conns_len; i++)
        if (c->conns[i].state != FH__FREE && c->conns[i].state != FH__ENDED)
            end_conn(c, &c->conns[i], error, 0);
}

static int error_of_reason(uint8_t reason)
{
    switch (reason) {
    case FH_BROKER_REFUSED:
    case FH_BROKER_POLICY:
        return FH_CLOUD_E_REFUSED;
    case FH_BROKER_IS_BUSY:
        return FH_CLOUD_E_BUSY;
    case FH_BROKER_ABSENT:
    case FH_BROKER_NO_ADDRESS:
        return FH_CLOUD_E_ABSENT;
    case FH_BROKER_TIMED_OUT:
        return FH_CLOUD_E_TIMEOUT;
    default:
        return FH_CLOUD_E_RESET;
    }
}

void fh__client_request_failed(struct fh_cloud_client *c, const struct fh_broker_frame *f)
{
    struct fh__conn *k = by_handle(c, f->error.request);
    int error = FH_CLOUD_E_RESET;
    uint8_t reason = 0;

    if (!k || k->state != FH__ASKED)
        return;
    switch (f->error.code) {
    case FH_BROKER_E_BUSY:
    case FH_BROKER_E_TOO_OFTEN:
        error = FH_CLOUD_E_BUSY;
        break;
    case FH_BROKER_E_ABSENT:
        error = FH_CLOUD_E_ABSENT;
        reason = FH_BROKER_ABSENT;
        break;
    case FH_BROKER_E_NO_ADDRESS:
        error = FH_CLOUD_E_ABSENT;
        reason = FH_BROKER_NO_ADDRESS;
        break;
    case FH_BROKER_E_POLICY:
        error = FH_CLOUD_E_REFUSED;
        reason = FH_BROKER_POLICY;
        break;
    default:
        break;
    }
    end_conn(c, k, error, reason);
}

/* ---- holding ----------------------------------------------------------------------------------
 */

static bool hold_frame(struct fh_cloud_client *c, struct fh__conn *k, const uint8_t *bytes,
                       size_t len)
{
    for (size_t i = 0; i < c->holds_len && !k->hold; i++)
        if (!c->holds[i].in_use) {
            k->hold = &c->holds[i];
            k->hold->in_use = true;
        }
    if (!k->hold || k->hold->len + len > FH__HOLD_LEN)
        return false;
    memcpy(k->hold->bytes + k->hold->len, bytes, len);
    k->hold->len += len;
    return true;
}

void fh__client_release_held(struct fh_cloud_client *c)
{
    struct fh__hold *h = c->used_hold;

    c->used_hold = NULL;
    if (!h)
        return;
    h->len -= h->used;
    memmove(h->bytes, h->bytes + h->used, h->len);
    fh_wipe(h->bytes + h->len, h->used);
    h->used = 0;
    if (h->len > 0)
        return;
    for (size_t i = 0; i < c->conns_len; i++)
        if (c->conns[i].hold == h)
            c->conns[i].hold = NULL;
    empty_hold(h);
}

/* May this frame be looked at now? */
static bool must_wait(const struct fh__conn *k, enum fh_broker_type type)
{
    return k->check != 0 || (type == FH_BROKER_SIGNAL && k->state == FH__RINGING);
}

/* ---- what is told -----------------------------------------------------------------------------
 */

static void tell_peer(struct fh__conn *k, enum fh_cloud_event_type type,
                      struct fh_cloud_client_event *ev)
{
    ev->type = type;
    ev->conn = k->handle;
    ev->conn_info.peer = k->peer;
}

static void take_peer(struct fh__conn *k, const struct fh_cloud_statement *s,
                      const uint8_t id[FH_CLOUD_CONN_LEN])
{
    memcpy(k->id, id, sizeof k->id);
    memcpy(k->spki, s->spki, s->spki_len);
    memcpy(k->peer.address, s->address, sizeof k->peer.address);
    memcpy(k->peer.fingerprint, s->fingerprint, sizeof k->peer.fingerprint);
    memcpy(k->peer.session_ref, id, sizeof k->peer.session_ref);
    k->peer.spki = k->spki;
    k->peer.spki_len = s->spki_len;
    k->peer.created_ms = s->created_ms;
}

/* Everything that is asked of a peer before the application hears of it. */
static int judge(struct fh_cloud_client *c, uint64_t now, struct fh__conn *k,
                 struct fh_broker_bytes statement, struct fh_broker_bytes proof,
                 const uint8_t id[FH_CLOUD_CONN_LEN])
{
    struct fh_cloud_statement s;
    int ret = fh_cloud_statement_verify(statement.p, statement.len, &s);

    if (ret != 0)
        return ret;
    if (k->is_viewer && memcmp(s.address, k->target, sizeof s.address) != 0)
        return FH_CLOUD_E_AUTH;
    ret = fh_cloud_signal_init(&k->sealer, k->is_viewer ? FH_ROLE_CLIENT : FH_ROLE_SERVER,
                               c->seal_secret, s.seal_key, id);
    if (ret == 0)
        ret = fh__client_log_prove(c, now, proof, &s, &k->check);
    if (ret == 0)
        take_peer(k, &s, id);
    return ret;
}

static bool on_target(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f,
                      const uint8_t *bytes, size_t len, struct fh_cloud_client_event *ev)
{
    struct fh__conn *k = by_handle(c, f->target.request);
    int ret;

    if (by_id(c, f->target.conn) || (k && k->state != FH__ASKED)) {
        fh__client_fail(c, now, FH_CLOUD_E_PROTO);
        return false;
    }
    if (!k) { /* given up meanwhile */
        say_end(c, now, f->target.conn, FH_BROKER_GONE);
        return false;
    }
    ret = judge(c, now, k, f->target.statement, f->target.log_proof, f->target.conn);
    if (ret == FH_CLOUD_E_FORK) /* all is over */
        return false;
    if (ret == 0 && k->check != 0 && !hold_frame(c, k, bytes, len))
        ret = FH_CLOUD_E_RESOURCES;
    if (ret != 0) {
        say_end(c, now, f->target.conn, FH_BROKER_GONE);
        end_conn(c, k, ret, 0);
        return false;
    }
    k->state = FH__TOLD;
    k->deadline = now + c->answer_ms;
    if (k->check != 0)
        return false;
    tell_peer(k, FH_CLOUD_EV_TARGET, ev);
    return true;
}

static void tell_incoming(struct fh__conn *k, const struct fh_broker_frame *f,
                          struct fh_cloud_client_event *ev)
{
    k->is_told = true;
    tell_peer(k, FH_CLOUD_EV_INCOMING, ev);
    ev->conn_info.groups = f->incoming.groups;
    ev->conn_info.groups_len = f->incoming.groups_len;
    ev->conn_info.grant = &f->incoming.grant;
}

static bool on_incoming(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f,
                        const uint8_t *bytes, size_t len, struct fh_cloud_client_event *ev)
{
    struct fh__conn *k;
    int ret;

    if (by_id(c, f->incoming.conn)) {
        fh__client_fail(c, now, FH_CLOUD_E_PROTO);
        return false;
    }
    if (!(c->granted & FH_BROKER_LISTEN)) {
        say_end(c, now, f->incoming.conn, FH_BROKER_POLICY);
        return false;
    }
    k = new_conn(c);
    if (!k) {
        say_end(c, now, f->incoming.conn, FH_BROKER_IS_BUSY);
        return false;
    }
    ret = judge(c, now, k, f->incoming.statement, f->incoming.log_proof, f->incoming.conn);
    if (ret == FH_CLOUD_E_FORK) {
        free_conn(c, k);
        return false;
    }
    if (ret == 0 && k->check != 0 && !hold_frame(c, k, bytes, len))
        ret = FH_CLOUD_E_BUSY;
    if (ret != 0) {
        say_end(c, now, f->incoming.conn,
                ret == FH_CLOUD_E_BUSY ? FH_BROKER_IS_BUSY : FH_BROKER_REFUSED);
        free_conn(c, k);
        return false;
    }
    k->state = FH__RINGING;
    k->deadline = now + c->answer_ms;
    if (k->check != 0)
        return false;
    tell_incoming(k, f, ev);
    return true;
}

static bool on_grant(struct fh_cloud_client *c, uint64_t now, struct fh__conn *k,
                     const struct fh_broker_frame *f, struct fh_cloud_client_event *ev)
{
    bool renews = f->type == FH_BROKER_RENEWED;

    if (renews ? k->state != FH__OPEN : k->state != FH__TOLD) {
        fh__client_fail(c, now, FH_CLOUD_E_PROTO);
        return false;
    }
    k->state = FH__OPEN;
    k->deadline = UINT64_MAX;
    tell_peer(k, renews ? FH_CLOUD_EV_RENEWED : FH_CLOUD_EV_GRANT, ev);
    ev->conn_info.grant = &f->grant.grant;
    return true;
}

/* Opens in place: the frame lies in memory of ours. */
static bool on_signal(struct fh_cloud_client *c, uint64_t now, struct fh__conn *k,
                      const struct fh_broker_frame *f, struct fh_cloud_client_event *ev)
{
    uint8_t *sealed = (uint8_t *)f->signal.sealed.p;
    int ret = fh_cloud_signal_open(&k->sealer, sealed, f->signal.sealed.len, &ev->signal.lines,
                                   &ev->signal.len);

    if (ret != 0) {
        break_conn(c, now, k, ret, FH_BROKER_GONE);
        return false;
    }
    ev->type = FH_CLOUD_EV_SIGNAL;
    ev->conn = k->handle;
    return true;
}

/* A frame of a connection that need not wait any longer. */
static bool on_ready(struct fh_cloud_client *c, uint64_t now, struct fh__conn *k,
                     const struct fh_broker_frame *f, struct fh_cloud_client_event *ev)
{
    switch (f->type) {
    case FH_BROKER_TARGET:
        tell_peer(k, FH_CLOUD_EV_TARGET, ev);
        return true;
    case FH_BROKER_INCOMING:
        tell_incoming(k, f, ev);
        return true;
    case FH_BROKER_GRANT:
    case FH_BROKER_RENEWED:
        return on_grant(c, now, k, f, ev);
    case FH_BROKER_SIGNAL:
        return on_signal(c, now, k, f, ev);
    default:
        return false;
    }
}

/* Does the peer keep to what the cloud promised about signals? */
static bool count_signal(struct fh_cloud_client *c, struct fh__conn *k,
                         const struct fh_broker_frame *f)
{
    k->received++;
    k->received_bytes += (uint32_t)f->signal.sealed.len;
    return k->received <= FH_BROKER_SIGNALS_MAX && k->received_bytes <= c->signal_bytes;
}

bool fh__client_on_conn(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f,
                        const uint8_t *bytes, size_t len, struct fh_cloud_client_event *ev)
{
    struct fh__conn *k;

    if (f->type == FH_BROKER_TARGET)
        return on_target(c, now, f, bytes, len, ev);
    if (f->type == FH_BROKER_INCOMING)
        return on_incoming(c, now, f, bytes, len, ev);
    /* All others begin with conn. */
    k = by_id(c, f->conn.conn);
    if (!k)
        return false;
    if (f->type == FH_BROKER_END) {
        end_conn(c, k, error_of_reason(f->end.reason), f->end.reason);
        return false;
    }
    if (f->type == FH_BROKER_SIGNAL && !count_signal(c, k, f)) {
        break_conn(c, now, k, FH_CLOUD_E_PROTO, FH_BROKER_GONE);
        return false;
    }
    if (!k->hold && !must_wait(k, f->type))
        return on_ready(c, now, k, f, ev);
    if (!hold_frame(c, k, bytes, len))
        break_conn(c, now, k, FH_CLOUD_E_RESOURCES, FH_BROKER_IS_BUSY);
    return false;
}

bool fh__client_held(struct fh_cloud_client *c, uint64_t now, struct fh_cloud_client_event *ev)
{
    for (size_t i = 0; i < c->conns_len; i++) {
        struct fh__conn *k = &c->conns[i];
        struct fh__hold *h = k->hold;
        int len;

        if (!h || must_wait(k, (enum fh_broker_type)h->bytes[0]) || !fh__client_has_room(c, 0))
            continue;
        len = fh_broker_frame_len(FH_BROKER_SERVICE, h->bytes, h->len);
        if (len <= 0 || fh_broker_parse(FH_BROKER_SERVICE, h->bytes, (size_t)len, &c->frame) != 0) {
            break_conn(c, now, k, FH_CLOUD_E_PROTO, FH_BROKER_GONE);
            continue;
        }
        h->used = (size_t)len;
        c->used_hold = h;
        if (on_ready(c, now, k, &c->frame, ev))
            return true;
        fh__client_release_held(c);
    }
    return fh__client_tell_end(c, ev);
}

void fh__client_conns_passed(struct fh_cloud_client *c, uint32_t serial)
{
    for (size_t i = 0; i < c->conns_len; i++)
        if (c->conns[i].state != FH__FREE && c->conns[i].check == serial)
            c->conns[i].check = 0;
}

/* ---- time -------------------------------------------------------------------------------------
 */

static bool has_deadline(const struct fh__conn *k)
{
    return k->state != FH__FREE && k->state != FH__ENDED && k->deadline != UINT64_MAX;
}

void fh__client_conns_tick(struct fh_cloud_client *c, uint64_t now)
{
    for (size_t i = 0; i < c->conns_len; i++)
        if (has_deadline(&c->conns[i]) && now >= c->conns[i].deadline && fh__client_has_room(c, 0))
            break_conn(c, now, &c->conns[i], FH_CLOUD_E_TIMEOUT, FH_BROKER_TIMED_OUT);
}

uint64_t fh__client_conns_deadline(const struct fh_cloud_client *c)
{
    uint64_t at = UINT64_MAX;

    for (size_t i = 0; i < c->conns_len; i++)
        if (has_deadline(&c->conns[i]) && c->conns[i].deadline < at)
            at = c->conns[i].deadline;
    return at;
}

/* ---- the application's calls ------------------------------------------------------------------
 */

int fh_cloud_client_connect(struct fh_cloud_client *c, uint64_t now_ms,
                            const uint8_t target[FH_CLOUD_ADDRESS_LEN], uint32_t *conn)
{
    struct fh_broker_frame f = {.type = FH_BROKER_CONNECT};
    struct fh__conn *k;

    if (c->phase != FH__ONLINE)
        return FH_CLOUD_E_OFFLINE;
    if (!(c->granted & FH_BROKER_CONNECTS))
        return FH_CLOUD_E_REFUSED;
    if (!fh_cloud_address_is_valid(target))
        return FH_CLOUD_E_INVAL;
    k = fh__client_has_room(c, 64) ? new_conn(c) : NULL;
    if (!k)
        return FH_CLOUD_E_BUSY;
    k->state = FH__ASKED;
    k->is_viewer = k->is_told = true;
    k->deadline = now_ms + FH__TARGET_MS;
    memcpy(k->target, target, sizeof k->target);
    f.connect.request = k->handle;
    memcpy(f.connect.target, target, sizeof f.connect.target);
    fh__client_say(c, now_ms, &f);
    *conn = k->handle;
    return 0;
}

int fh_cloud_client_accept(struct fh_cloud_client *c, uint64_t now_ms, uint32_t conn)
{
    struct fh_broker_frame f = {.type = FH_BROKER_ACCEPT};
    struct fh__conn *k = by_handle(c, conn);

    if (!k || k->state != FH__RINGING)
        return FH_CLOUD_E_STATE;
    if (!fh__client_has_room(c, 64))
        return FH_CLOUD_E_BUSY;
    k->state = FH__OPEN;
    k->deadline = UINT64_MAX;
    memcpy(f.conn.conn, k->id, sizeof f.conn.conn);
    fh__client_say(c, now_ms, &f);
    return 0;
}

void fh_cloud_client_end(struct fh_cloud_client *c, uint64_t now_ms, uint32_t conn,
                         enum fh_broker_reason reason)
{
    struct fh__conn *k = by_handle(c, conn);

    if (!k)
        return;
    if (k->state != FH__ASKED)
        say_end(c, now_ms, k->id, reason);
    free_conn(c, k);
}

static bool may_signal(const struct fh__conn *k)
{
    return k->check == 0 && (k->state == FH__OPEN || (k->state == FH__TOLD && k->is_viewer));
}

int fh_cloud_client_signal(struct fh_cloud_client *c, uint64_t now_ms, uint32_t conn,
                           const char *lines, size_t len)
{
    struct fh_broker_frame f = {.type = FH_BROKER_SIGNAL};
    struct fh__conn *k = by_handle(c, conn);
    uint8_t sealed[FH_CLOUD_SEALED_MAX];
    int n;

    if (!k || !may_signal(k))
        return FH_CLOUD_E_STATE;
    if (!fh__client_has_room(c, FH_BROKER_FRAME_MAX))
        return FH_CLOUD_E_BUSY;
    if (len == 0 || len > FH_CLOUD_SIGNAL_MAX)
        return FH_CLOUD_E_INVAL;
    if (k->sent == FH_BROKER_SIGNALS_MAX ||
        k->sent_bytes + len + FH_CLOUD_SIGNAL_STEP + FH_SEAL_OVERHEAD > c->signal_bytes)
        return FH_CLOUD_E_RESOURCES;
    n = fh_cloud_signal_seal(&k->sealer, c->random, c->random_user, lines, len, sealed);
    if (n < 0)
        return n;
    k->sent++;
    k->sent_bytes += (uint32_t)n;
    memcpy(f.signal.conn, k->id, sizeof f.signal.conn);
    f.signal.sealed = (struct fh_broker_bytes){.p = sealed, .len = (size_t)n};
    fh__client_say(c, now_ms, &f);
    return 0;
}

int fh_cloud_client_renew(struct fh_cloud_client *c, uint64_t now_ms, uint32_t conn)
{
    struct fh_broker_frame f = {.type = FH_BROKER_RENEW};
    struct fh__conn *k = by_handle(c, conn);

    if (!k || k->state != FH__OPEN)
        return FH_CLOUD_E_STATE;
    if (!fh__client_has_room(c, 64))
        return FH_CLOUD_E_BUSY;
    memcpy(f.conn.conn, k->id, sizeof f.conn.conn);
    fh__client_say(c, now_ms, &f);
    return 0;
}
