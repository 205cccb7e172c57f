/* SPDX-License-Identifier: MIT */
/* The life of a client: bytes in and out, phases, frames to their handlers, events. */
#include "client_internal.h"

enum { ALIGN = 16 };

/* ---- memory -----------------------------------------------------------------------------------
 */

static size_t rounded(size_t len)
{
    return (len + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t conns_of(const struct fh_cloud_client_config *cfg)
{
    return cfg->conns_max ? cfg->conns_max : FH_CLOUD_CONNS_DEFAULT;
}

static size_t holds_of(const struct fh_cloud_client_config *cfg)
{
    size_t n = cfg->holds_max ? cfg->holds_max : FH_CLOUD_HOLDS_DEFAULT;

    return n < conns_of(cfg) ? n : conns_of(cfg);
}

static bool is_valid(const struct fh_cloud_client_config *cfg)
{
    return cfg->service && cfg->service->nodes_len > 0 && cfg->random && cfg->utc_ms &&
           cfg->seal_secret && fh_cloud_address_is_valid(cfg->address) &&
           fh_identity_check_spki(cfg->spki, cfg->spki_len, NULL) == 0 && cfg->program &&
           strlen(cfg->program) <= FH_BROKER_PROGRAM_MAX && conns_of(cfg) <= FH_CLOUD_CONNS_LIMIT;
}

size_t fh_cloud_client_size(const struct fh_cloud_client_config *cfg)
{
    if (!is_valid(cfg))
        return 0;
    return rounded(sizeof(struct fh_cloud_client)) +
           rounded(conns_of(cfg) * sizeof(struct fh__conn)) +
           holds_of(cfg) * rounded(sizeof(struct fh__hold));
}

/* Is the statement of the config the one that we would make? */
static void take_statement(struct fh_cloud_client *c, const struct fh_cloud_client_config *cfg)
{
    struct fh_cloud_statement s;

    c->method = c->has_password ? FH_BROKER_ENROL : FH_BROKER_REBIND;
    if (!cfg->statement || fh_cloud_statement_verify(cfg->statement, cfg->statement_len, &s) != 0 ||
        memcmp(s.address, c->address, sizeof s.address) != 0 ||
        memcmp(s.fingerprint, c->fingerprint, sizeof s.fingerprint) != 0 ||
        memcmp(s.seal_key, c->seal_key, sizeof s.seal_key) != 0)
        return;
    memcpy(c->statement, cfg->statement, cfg->statement_len);
    c->statement_len = cfg->statement_len;
    c->has_statement = true;
    c->method = FH_BROKER_KEY;
}

static void take_config(struct fh_cloud_client *c, const struct fh_cloud_client_config *cfg)
{
    c->service = *cfg->service;
    memcpy(c->address, cfg->address, sizeof c->address);
    c->has_password = cfg->password;
    if (cfg->password)
        memcpy(c->password, cfg->password, sizeof c->password);
    memcpy(c->spki, cfg->spki, cfg->spki_len);
    c->spki_len = cfg->spki_len;
    fh_fingerprint(c->spki, c->spki_len, c->fingerprint);
    memcpy(c->seal_secret, cfg->seal_secret, sizeof c->seal_secret);
    fh_seal_public(c->seal_secret, c->seal_key);
    c->roles = cfg->roles;
    strcpy(c->program, cfg->program);
    c->answer_ms = cfg->answer_ms ? cfg->answer_ms : FH_CLOUD_ANSWER_MS;
    c->random = cfg->random;
    c->random_user = cfg->random_user;
    c->utc_ms = cfg->utc_ms;
    c->user = cfg->user;
    take_statement(c, cfg);
}

struct fh_cloud_client *fh_cloud_client_init(void *mem, size_t len,
                                             const struct fh_cloud_client_config *cfg)
{
    struct fh_cloud_client *c = mem;
    size_t need = fh_cloud_client_size(cfg);

    if (need == 0 || len < need)
        return NULL;
    memset(mem, 0, need);
    c->conns = (void *)((char *)mem + rounded(sizeof *c));
    c->holds = (void *)((char *)c->conns + rounded(conns_of(cfg) * sizeof(struct fh__conn)));
    c->conns_len = conns_of(cfg);
    c->holds_len = holds_of(cfg);
    c->at = c->pinged_at = UINT64_MAX;
    take_config(c, cfg);
    if (fh__client_log_init(c, cfg) != 0) {
        fh_cloud_client_finish(c);
        return NULL;
    }
    return c;
}

void fh_cloud_client_finish(struct fh_cloud_client *c)
{
    if (!c)
        return;
    fh_wipe(c->conns, c->conns_len * sizeof *c->conns);
    fh_wipe(c->holds, c->holds_len * sizeof *c->holds);
    fh_wipe(c, sizeof *c);
}

/* ---- what is said -----------------------------------------------------------------------------
 */

bool fh__client_has_room(const struct fh_cloud_client *c, size_t len)
{
    return c->out_len + len + FH__OUT_RESERVE <= FH__OUT_LEN;
}

void fh__client_say(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f)
{
    int n = fh_broker_print(f, c->out + c->out_len, FH__OUT_LEN - c->out_len);

    if (n <= 0)
        return;
    c->out_len += (size_t)n;
    c->said_at = now;
}

const uint8_t *fh_cloud_client_out(const struct fh_cloud_client *c, size_t *len)
{
    *len = c->out_len;
    return c->out_len > 0 ? c->out : NULL;
}

void fh_cloud_client_out_done(struct fh_cloud_client *c, size_t sent)
{
    if (sent > c->out_len)
        sent = c->out_len;
    c->out_len -= sent;
    memmove(c->out, c->out + sent, c->out_len);
}

/* ---- phases -----------------------------------------------------------------------------------
 */

bool fh__client_is_connected(const struct fh_cloud_client *c)
{
    return c->phase >= FH__CHALLENGE;
}

bool fh_cloud_client_is_online(const struct fh_cloud_client *c)
{
    return c->phase == FH__ONLINE;
}

static void forget_connection(struct fh_cloud_client *c, int error)
{
    fh__client_end_all(c, error);
    fh__client_log_forget(c);
    fh_wipe(c->in, c->in_len);
    c->in_len = c->in_used = c->out_len = 0;
    c->pinged_at = UINT64_MAX;
    c->tell_dial = c->tell_sign = c->tell_skew = false;
}

static void note_offline(struct fh_cloud_client *c, const struct fh__why *why, uint64_t retry_ms)
{
    c->tell_offline = true;
    c->offline.error = why->error;
    c->offline.code = why->code;
    c->offline.retry_ms = retry_ms;
    c->offline.text_len = why->text.len;
    if (why->text.len > 0)
        memcpy(c->offline.text, why->text.p, why->text.len);
}

void fh__client_drop(struct fh_cloud_client *c, uint64_t now, const struct fh__why *why)
{
    uint64_t delay = UINT64_MAX;

    if (c->phase == FH__STOPPED)
        return;
    if (!why->is_lost && c->phase >= FH__DIALLING && !c->tell_dial)
        c->tell_hang_up = true;
    if (!why->is_final)
        delay = fh__client_delay(c, now, why->retry_after_ms);
    note_offline(c, why, delay);
    /* Whoever waits for a peer must hear it when the cloud is caught lying. */
    forget_connection(c, why->error == FH_CLOUD_E_FORK ? FH_CLOUD_E_FORK : FH_CLOUD_E_OFFLINE);
    c->phase = why->is_final ? FH__STOPPED : FH__WAITING;
    c->at = why->is_final ? UINT64_MAX : now + delay;
}

void fh__client_fail(struct fh_cloud_client *c, uint64_t now, int error)
{
    fh__client_drop(c, now, &(struct fh__why){.error = error});
}

static void dial(struct fh_cloud_client *c, uint64_t now)
{
    fh__client_next_node(c);
    c->phase = FH__DIALLING;
    c->at = now + FH__DIAL_MS;
    c->tell_dial = true;
}

void fh_cloud_client_start(struct fh_cloud_client *c, uint64_t now_ms)
{
    if (c->phase != FH__STOPPED)
        return;
    c->failures = 0;
    c->is_restarting = false;
    dial(c, now_ms);
}

void fh_cloud_client_wake(struct fh_cloud_client *c, uint64_t now_ms)
{
    if (c->phase == FH__WAITING)
        dial(c, now_ms);
    else
        fh_cloud_client_start(c, now_ms);
}

void fh_cloud_client_stop(struct fh_cloud_client *c, uint64_t now_ms)
{
    fh__client_drop(c, now_ms, &(struct fh__why){.error = FH_CLOUD_E_CANCELLED, .is_final = true});
}

void fh_cloud_client_connected(struct fh_cloud_client *c, uint64_t now_ms,
                               const uint8_t binding[FH_CLOUD_BINDING_LEN])
{
    if (c->phase != FH__DIALLING || c->tell_dial)
        return;
    memcpy(c->binding, binding, sizeof c->binding);
    fh__client_hello(c, now_ms);
}

void fh_cloud_client_lost(struct fh_cloud_client *c, uint64_t now_ms, int error)
{
    if (c->phase >= FH__DIALLING && !c->tell_dial)
        fh__client_drop(c, now_ms, &(struct fh__why){.error = error, .is_lost = true});
}

/* ---- time -------------------------------------------------------------------------------------
 */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t ping_due(const struct fh_cloud_client *c)
{
    if (c->pinged_at != UINT64_MAX)
        return c->pinged_at + FH__PONG_MS;
    return c->said_at + c->interval_ms;
}

uint64_t fh_cloud_client_deadline(const struct fh_cloud_client *c)
{
    uint64_t at = c->at;

    if (c->phase != FH__ONLINE)
        return at;
    at = sooner(at, ping_due(c));
    if (c->asked_at != UINT64_MAX)
        at = sooner(at, c->asked_at + FH__CONSISTENCY_MS);
    return sooner(at, fh__client_conns_deadline(c));
}

static void ping(struct fh_cloud_client *c, uint64_t now)
{
    struct fh_broker_frame f = {.type = FH_BROKER_PING};

    c->pings++;
    for (int i = 0; i < 8; i++)
        f.ping.data[i] = (uint8_t)(c->pings >> (56 - 8 * i));
    fh__client_say(c, now, &f);
    c->pinged_at = now;
}

static void tick_online(struct fh_cloud_client *c, uint64_t now)
{
    if (c->asked_at != UINT64_MAX && now >= c->asked_at + FH__CONSISTENCY_MS) {
        fh__client_fail(c, now, FH_CLOUD_E_LOG);
        return;
    }
    if (now >= ping_due(c)) {
        if (c->pinged_at != UINT64_MAX) {
            fh__client_fail(c, now, FH_CLOUD_E_TIMEOUT);
            return;
        }
        ping(c, now);
    }
    fh__client_conns_tick(c, now);
}

void fh_cloud_client_tick(struct fh_cloud_client *c, uint64_t now_ms)
{
    if (c->phase == FH__ONLINE) {
        tick_online(c, now_ms);
        return;
    }
    if (now_ms < c->at)
        return;
    if (c->phase == FH__WAITING)
        dial(c, now_ms);
    else
        fh__client_fail(c, now_ms, FH_CLOUD_E_TIMEOUT);
}

/* ---- frames -----------------------------------------------------------------------------------
 */

static int error_of_code(uint16_t code)
{
    switch (code) {
    case FH_BROKER_E_BUSY:
    case FH_BROKER_E_TOO_OFTEN:
        return FH_CLOUD_E_BUSY;
    case FH_BROKER_E_REPLACED:
        return FH_CLOUD_E_REPLACED;
    case FH_BROKER_E_INTERNAL:
        return FH_CLOUD_E_SYSTEM;
    case FH_BROKER_E_SIGN_IN:
    case FH_BROKER_E_CLOCK:
    case FH_BROKER_E_EXPIRED:
        return FH_CLOUD_E_REFUSED;
    default:
        return FH_CLOUD_E_PROTO;
    }
}

static void on_error(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f)
{
    struct fh__why why = {.error = error_of_code(f->error.code),
                          .code = f->error.code,
                          .text = f->error.text,
                          .retry_after_ms = f->error.retry_after_ms};

    if (f->error.request != 0) {
        fh__client_request_failed(c, f);
        return;
    }
    if (f->error.code == FH_BROKER_E_REPLACED || f->error.code == FH_BROKER_E_EXPIRED ||
        (f->error.code == FH_BROKER_E_SIGN_IN && !fh__client_can_enrol(c)))
        why.is_final = true;
    fh__client_drop(c, now, &why);
}

static void on_ping(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f)
{
    struct fh_broker_frame pong = *f;

    pong.type = FH_BROKER_PONG;
    fh__client_say(c, now, &pong);
}

static void on_restarting(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f)
{
    c->is_restarting = true;
    c->restart_at = now + sooner(f->restarting.reconnect_in_ms, FH__RETRY_MAX_MS);
    c->restart_for_ms = (uint32_t)sooner(f->restarting.try_for_ms, FH__RETRY_MAX_MS);
}

static bool is_watched(const struct fh_cloud_client *c, const uint8_t *address)
{
    for (size_t i = 0; i < c->watched_len; i++)
        if (memcmp(c->watched + i * FH_CLOUD_ADDRESS_LEN, address, FH_CLOUD_ADDRESS_LEN) == 0)
            return true;
    return false;
}

static bool on_peer_state(struct fh_cloud_client *c, const struct fh_broker_frame *f,
                          struct fh_cloud_client_event *ev)
{
    if (!is_watched(c, f->peer_state.address))
        return false;
    ev->type = FH_CLOUD_EV_PEER_STATE;
    memcpy(ev->peer_state.address, f->peer_state.address, sizeof ev->peer_state.address);
    ev->peer_state.is_online = f->peer_state.is_online;
    return true;
}

/* What is due before the service has welcomed us. */
static bool before_welcome(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f,
                           const uint8_t *bytes, size_t len, struct fh_cloud_client_event *ev)
{
    if (f->type == FH_BROKER_CHALLENGE && c->phase == FH__CHALLENGE)
        fh__client_on_challenge(c, now, f, bytes, len);
    else if (f->type == FH_BROKER_WELCOME && c->phase == FH__WELCOME)
        return fh__client_on_welcome(c, now, f, ev);
    else
        fh__client_fail(c, now, FH_CLOUD_E_PROTO);
    return false;
}

static bool on_frame(struct fh_cloud_client *c, uint64_t now, const uint8_t *bytes, size_t len,
                     struct fh_cloud_client_event *ev)
{
    const struct fh_broker_frame *f = &c->frame;

    switch (f->type) {
    case FH_BROKER_UNKNOWN:
    case FH_BROKER_PONG:
        return false;
    case FH_BROKER_ERROR:
        on_error(c, now, f);
        return false;
    case FH_BROKER_RESTARTING:
        on_restarting(c, now, f);
        return false;
    case FH_BROKER_PING:
        on_ping(c, now, f);
        return false;
    default:
        break;
    }
    if (c->phase != FH__ONLINE)
        return before_welcome(c, now, f, bytes, len, ev);
    switch (f->type) {
    case FH_BROKER_PEER_STATE:
        return on_peer_state(c, f, ev);
    case FH_BROKER_LOG_CONSISTENT:
        fh__client_on_consistent(c, now, f);
        return false;
    case FH_BROKER_CHALLENGE:
    case FH_BROKER_WELCOME:
        fh__client_fail(c, now, FH_CLOUD_E_PROTO);
        return false;
    default:
        return fh__client_on_conn(c, now, f, bytes, len, ev);
    }
}

size_t fh_cloud_client_input(struct fh_cloud_client *c, uint64_t now_ms, const uint8_t *data,
                             size_t len)
{
    size_t n = FH__IN_LEN - c->in_len;

    (void)now_ms;
    if (!fh__client_is_connected(c))
        return len; /* of a connection that is being hung up */
    if (n > len)
        n = len;
    if (n > 0) {
        memcpy(c->in + c->in_len, data, n);
        c->in_len += n;
        c->pinged_at = UINT64_MAX;
    }
    return n;
}

/* What an event pointed into is done with. Grants lay there. */
static void release(struct fh_cloud_client *c)
{
    size_t before = c->in_len;

    fh__client_release_held(c);
    if (c->in_used == 0)
        return;
    c->in_len -= c->in_used;
    memmove(c->in, c->in + c->in_used, c->in_len);
    fh_wipe(c->in + c->in_len, before - c->in_len);
    c->in_used = 0;
}

/* The next frame, whole; false if there is none, or no room for what it may make us say. */
static bool next_frame(struct fh_cloud_client *c, uint64_t now, struct fh_cloud_client_event *ev,
                       bool *said)
{
    int len;

    *said = false;
    if (!fh__client_is_connected(c) || !fh__client_has_room(c, 0) || c->phase == FH__BINDING ||
        c->phase == FH__SIGNING)
        return false;
    len = fh_broker_frame_len(FH_BROKER_SERVICE, c->in, c->in_len);
    if (len == 0 || (len > 0 && (size_t)len > c->in_len))
        return false;
    if (len < 0 || fh_broker_parse(FH_BROKER_SERVICE, c->in, (size_t)len, &c->frame) != 0) {
        fh__client_fail(c, now, FH_CLOUD_E_PROTO);
        return true;
    }
    c->in_used = (size_t)len;
    *said = on_frame(c, now, c->in, (size_t)len, ev);
    if (!fh__client_is_connected(c))
        c->in_used = 0;
    return true;
}

/* ---- events -----------------------------------------------------------------------------------
 */

static void tell_offline(struct fh_cloud_client *c, struct fh_cloud_client_event *ev)
{
    ev->type = FH_CLOUD_EV_OFFLINE;
    ev->offline.error = c->offline.error;
    ev->offline.retry_ms = c->offline.retry_ms;
    ev->offline.code = c->offline.code;
    ev->offline.text.p = c->offline.text;
    ev->offline.text.len = c->offline.text_len;
}

static void tell_dial(struct fh_cloud_client *c, struct fh_cloud_client_event *ev)
{
    ev->type = FH_CLOUD_EV_DIAL;
    ev->dial.host = c->node.host;
    ev->dial.port = c->node.port;
    ev->dial.name = c->service.name[0] ? c->service.name : c->node.host;
}

static void tell_sign(struct fh_cloud_client *c, struct fh_cloud_client_event *ev)
{
    ev->type = FH_CLOUD_EV_SIGN;
    ev->sign.purpose =
        c->phase == FH__BINDING ? FH_IDENTITY_CLOUD_BINDING : FH_IDENTITY_CLOUD_SIGN_IN;
    memcpy(ev->sign.digest, c->digest, sizeof ev->sign.digest);
    ev->sign.serial = c->sign_serial;
}

static void tell_bytes(struct fh_cloud_client_event *ev, enum fh_cloud_event_type type,
                       const void *p, size_t len)
{
    ev->type = type;
    ev->bytes.p = p;
    ev->bytes.len = len;
}

static void tell_fork(struct fh_cloud_client *c, struct fh_cloud_client_event *ev)
{
    ev->type = FH_CLOUD_EV_FORK;
    ev->fork.kept = (struct fh_broker_bytes){(const uint8_t *)c->kept_note, c->kept_len};
    ev->fork.seen = (struct fh_broker_bytes){(const uint8_t *)c->forked.note, c->forked.note_len};
}

static bool take(bool *flag)
{
    bool was = *flag;

    *flag = false;
    return was;
}

static bool next_told(struct fh_cloud_client *c, struct fh_cloud_client_event *ev)
{
    if (take(&c->tell_hang_up))
        ev->type = FH_CLOUD_EV_HANG_UP;
    else if (fh__client_tell_end(c, ev))
        ;
    else if (take(&c->tell_fork))
        tell_fork(c, ev);
    else if (take(&c->tell_offline))
        tell_offline(c, ev);
    else if (take(&c->tell_dial))
        tell_dial(c, ev);
    else if (take(&c->tell_sign))
        tell_sign(c, ev);
    else if (take(&c->tell_statement))
        tell_bytes(ev, FH_CLOUD_EV_STATEMENT, c->statement, c->statement_len);
    else if (take(&c->tell_checkpoint))
        tell_bytes(ev, FH_CLOUD_EV_CHECKPOINT, c->kept_note, c->kept_len);
    else if (take(&c->tell_skew)) {
        ev->type = FH_CLOUD_EV_CLOCK;
        ev->skew_ms = c->skew_ms;
    } else
        return false;
    return true;
}

int fh_cloud_client_event(struct fh_cloud_client *c, uint64_t now_ms,
                          struct fh_cloud_client_event *ev)
{
    bool goes_on = true, said = false;

    release(c);
    memset(ev, 0, sizeof *ev);
    while (goes_on && !said) {
        fh__client_log_ask(c, now_ms);
        said = next_told(c, ev) || fh__client_held(c, now_ms, ev);
        if (said)
            break;
        goes_on = next_frame(c, now_ms, ev, &said);
        if (goes_on && !said)
            release(c);
    }
    return said;
}

/* ---- watching ---------------------------------------------------------------------------------
 */

int fh_cloud_client_watch(struct fh_cloud_client *c, uint64_t now_ms, const uint8_t *addresses,
                          size_t n)
{
    struct fh_broker_frame f = {.type = FH_BROKER_WATCH};

    if (n > FH_BROKER_WATCH_MAX)
        return FH_CLOUD_E_INVAL;
    for (size_t i = 0; i < n; i++)
        if (!fh_cloud_address_is_valid(addresses + i * FH_CLOUD_ADDRESS_LEN))
            return FH_CLOUD_E_INVAL;
    if (c->phase == FH__ONLINE && !fh__client_has_room(c, FH_BROKER_MAX) && addresses != c->watched)
        return FH_CLOUD_E_BUSY;
    if (n > 0)
        memmove(c->watched, addresses, n * FH_CLOUD_ADDRESS_LEN);
    c->watched_len = n;
    f.watch.addresses = c->watched;
    f.watch.len = n;
    if (c->phase == FH__ONLINE)
        fh__client_say(c, now_ms, &f);
    return 0;
}
