/* SPDX-License-Identifier: MIT */
/* client.c -- one connection: frames out of bytes, what is allowed when, silence, the end. */
#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"

enum {
    PARTIAL_MAX = 64 << 20, /* bytes of frames that are not whole, of all clients */
    BIT_HELLO = 1 << FH__EXPECT_HELLO,
    BIT_AUTH = 1 << FH__EXPECT_AUTH,
    BIT_READY = 1 << FH__READY
};

const char *fh__client_name(const struct fh__client *c, char out[FH_CLOUD_ADDRESS_TEXT])
{
    fh_cloud_address_print(c->holder.address, out);
    return out;
}

/* ---- output ---- */

bool fh__client_try(struct fh__client *c, const struct fh_broker_frame *f)
{
    struct fh__broker *b = c->broker;
    int len = fh_broker_print(f, b->out, sizeof b->out);
    bool sent;

    if (c->state == FH__CLOSED)
        return false;
    if (len < 0)
        fh__log(FH__LOG_ERROR, "a frame of type %d cannot be written", (int)f->type);
    sent = len > 0 && b->hooks.send(c->conn, b->out, (size_t)len);
    if (f->type == FH_BROKER_INCOMING || f->type == FH_BROKER_GRANT)
        fh_wipe(b->out, len > 0 ? (size_t)len : 0);
    return sent;
}

bool fh__client_send(struct fh__client *c, const struct fh_broker_frame *f)
{
    if (fh__client_try(c, f))
        return true;
    if (c->state != FH__CLOSED) {
        c->broker->counters.slow++;
        fh__client_close(c);
    }
    return false;
}

void fh__client_error(struct fh__client *c, enum fh_broker_code code, uint32_t retry_ms,
                      uint32_t request, const char *text)
{
    struct fh_broker_frame f = {.type = FH_BROKER_ERROR};

    f.error.code = (uint16_t)code;
    f.error.retry_after_ms = retry_ms;
    f.error.request = request;
    f.error.text = (struct fh_broker_text){text, strlen(text)};
    if (fh__client_send(c, &f) && request == 0)
        fh__client_close(c);
}

static void break_protocol(struct fh__client *c, const char *text)
{
    if (c->state == FH__CLOSED)
        return;
    c->broker->counters.protocol_errors++;
    fh__client_error(c, FH_BROKER_E_PROTOCOL, 0, 0, text);
}

/* ---- the end ---- */

static void drop_partial(struct fh__client *c)
{
    if (c->partial)
        c->broker->partial_bytes -= c->partial_want;
    free(c->partial);
    c->partial = NULL;
    c->partial_len = c->partial_want = 0;
}

static void drop_pending(struct fh__client *c)
{
    if (c->state == FH__REQUESTED)
        fh__request_free(c);
    else if (c->state < FH__READY)
        fh__sign_in_free(c);
}

void fh__client_detach(struct fh__client *c)
{
    struct fh__broker *b = c->broker;
    bool was_held = c->holder.is_held;

    if (c->state == FH__CLOSED)
        return;
    drop_pending(c);
    if (c->state >= FH__READY)
        b->online--;
    c->state = FH__CLOSED;
    fh__wheel_clear(b->wheel, &c->timer);
    fh__presence_withdraw(b->presence, &c->holder);
    fh__meeting_leave(c);
    fh__watch_clear(c);
    if (was_held)
        fh__watch_tell(b, c->holder.address, false);
}

void fh__client_close(struct fh__client *c)
{
    if (c->state == FH__CLOSED)
        return;
    fh__client_detach(c);
    c->broker->hooks.close(c->conn);
}

void fh__client_close_later(struct fh__client *c)
{
    if (c->state == FH__CLOSED || c->is_slow)
        return;
    c->is_slow = true;
    c->broker->counters.slow++;
    fh__wheel_set(c->broker->wheel, &c->timer, 0);
}

void fh__client_gone(struct fh__client *c)
{
    fh__client_detach(c);
}

void fh__client_free(struct fh__client *c)
{
    if (!c)
        return;
    fh__client_detach(c);
    drop_partial(c);
    c->broker->clients--;
    free(c->program);
    free(c);
}

/* ---- time ---- */

void fh__client_set_timer(struct fh__client *c)
{
    uint64_t now = c->broker->hooks.now_ms(c->broker->hooks.user), utc;
    uint64_t at = c->heard_ms + (uint64_t)c->interval_ms * 5 / 2;

    if (c->expires_ms) {
        utc = c->broker->hooks.utc_ms(c->broker->hooks.user);
        utc = c->expires_ms > utc ? c->expires_ms - utc : 0;
        at = utc < UINT64_MAX / 2 && now + utc < at ? now + utc : at;
    }
    fh__wheel_set(c->broker->wheel, &c->timer, at);
}

static bool has_expired(const struct fh__client *c)
{
    return c->expires_ms && c->broker->hooks.utc_ms(c->broker->hooks.user) >= c->expires_ms;
}

static void on_timer(struct fh__timer *t, uint64_t now_ms)
{
    struct fh__client *c = FH__OF(t, struct fh__client, timer);

    if (c->is_slow) {
        fh__client_close(c);
    } else if (c->state == FH__REFUSING) {
        fh__sign_in_refused(c);
    } else if (c->state < FH__READY) {
        fh__client_error(c, FH_BROKER_E_SIGN_IN, 0, 0, "too slow");
    } else if (has_expired(c)) {
        fh__client_error(c, FH_BROKER_E_EXPIRED, 0, 0, "the address has expired");
    } else if (now_ms - c->heard_ms >= (uint64_t)c->interval_ms * 5 / 2) {
        c->broker->counters.silent++;
        fh__client_close(c);
    } else {
        fh__client_set_timer(c);
    }
}

/* ---- presence ---- */

static void on_message(struct fh__holder *h, const void *message)
{
    (void)fh__client_try(fh__client_of(h), message);
}

static void on_taken_over(struct fh__holder *h)
{
    struct fh__client *c = fh__client_of(h);

    c->broker->counters.replaced++;
    fh__client_error(c, FH_BROKER_E_REPLACED, 0, 0, "this address signed in elsewhere");
}

/* ---- life ---- */

struct fh__client *fh__client_new(struct fh__broker *b, void *conn, const struct fh_address *peer,
                                  const uint8_t binding[FH_CLOUD_BINDING_LEN])
{
    struct fh__client *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->broker = b;
    c->conn = conn;
    c->holder.message = on_message;
    c->holder.taken_over = on_taken_over;
    c->timer.fire = on_timer;
    c->since_ms = c->heard_ms = b->hooks.now_ms(b->hooks.user);
    fh__gcra_source(peer, &c->source);
    if (!fh__sign_in_begin(c, peer, binding)) {
        free(c);
        return NULL;
    }
    fh__wheel_set(b->wheel, &c->timer, c->since_ms + FH__SIGN_IN_MS);
    b->clients++;
    return c;
}

void fh__client_done(struct fh__client *c)
{
    if (c->state != FH__REQUESTED)
        return;
    fh__request_free(c);
    c->state = FH__READY;
    c->broker->hooks.ready(c->conn);
}

void fh__client_info(const struct fh__client *c, struct fh__client_info *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->address, c->holder.address, sizeof out->address);
    memcpy(out->account, c->account, sizeof out->account);
    out->roles = c->roles;
    out->since_ms = c->since_ms;
    out->conns = c->n_meetings;
    out->program = c->program ? c->program : "";
    out->conn = c->conn;
}

/* ---- frames ---- */

static void on_ping(struct fh__client *c, const struct fh_broker_frame *f)
{
    struct fh_broker_frame answer = *f;

    answer.type = FH_BROKER_PONG;
    (void)fh__client_send(c, &answer);
}

static void on_pong(struct fh__client *c, const struct fh_broker_frame *f)
{
    (void)c;
    (void)f;
}

static void on_consistency(struct fh__client *c, const struct fh_broker_frame *f)
{
    struct fh__broker *b = c->broker;
    struct fh_broker_frame answer = {.type = FH_BROKER_LOG_CONSISTENT};
    uint8_t hashes[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN];
    uint32_t retry_ms = FH__RETRY_MS;
    int n = -1;

    /* A few bytes that cost thousands of hashes. */
    if (!fh__gcra_take(&b->log, b->hooks.now_ms(b->hooks.user), c->holder.address, FH__ADDRESS_LEN,
                       &retry_ms)) {
        b->counters.limited++;
        fh__client_error(c, FH_BROKER_E_TOO_OFTEN, retry_ms, 0, "too many proofs");
        return;
    }
    if (b->hooks.consistency)
        n = b->hooks.consistency(b->hooks.user, f->log.old_size, f->log.new_size, hashes);
    if (n < 0) {
        break_protocol(c, "the log has no such sizes");
        return;
    }
    answer.log = f->log;
    answer.log.hashes = hashes[0];
    answer.log.hashes_len = (size_t)n;
    (void)fh__client_send(c, &answer);
}

/* What a client may say, and when. HELLO and AUTH are given as bytes, too. */
static const struct {
    uint8_t when;
    void (*handle)(struct fh__client *c, const struct fh_broker_frame *f);
} frames[] = {
    [FH_BROKER_HELLO] = {BIT_HELLO, NULL},
    [FH_BROKER_AUTH] = {BIT_AUTH, NULL},
    [FH_BROKER_PING] = {BIT_READY, on_ping},
    [FH_BROKER_PONG] = {BIT_READY, on_pong},
    [FH_BROKER_CONNECT] = {BIT_READY, fh__request_connect},
    [FH_BROKER_ACCEPT] = {BIT_READY, fh__meeting_accept},
    [FH_BROKER_SIGNAL] = {BIT_READY, fh__meeting_signal},
    [FH_BROKER_END] = {BIT_READY, fh__meeting_end},
    [FH_BROKER_WATCH] = {BIT_READY, fh__request_watch},
    [FH_BROKER_RENEW] = {BIT_READY, fh__meeting_renew},
    [FH_BROKER_LOG_CONSISTENCY] = {BIT_READY, on_consistency},
};

static bool may_say(const struct fh__client *c, uint8_t type)
{
    return type < sizeof frames / sizeof *frames && (frames[type].when >> c->state & 1);
}

static void on_frame(struct fh__client *c, const uint8_t *data, size_t len)
{
    struct fh_broker_frame f;

    if (fh_broker_parse(FH_BROKER_CLIENT, data, len, &f) != 0 || !may_say(c, f.number)) {
        break_protocol(c, "not a frame that is expected");
        return;
    }
    if (f.type == FH_BROKER_HELLO)
        fh__sign_in_hello(c, data, len, &f);
    else if (f.type == FH_BROKER_AUTH)
        fh__sign_in_auth(c, data, len);
    else
        frames[f.type].handle(c, &f);
}

/* ---- bytes ---- */

/* The first bytes of a frame are in data, fewer than all of it. */
static bool begin_partial(struct fh__client *c, size_t want)
{
    struct fh__broker *b = c->broker;

    if (b->partial_bytes + want <= PARTIAL_MAX)
        c->partial = malloc(want);
    if (!c->partial) {
        fh__client_error(c, FH_BROKER_E_BUSY, FH__RETRY_MS, 0, "out of memory");
        return false;
    }
    b->partial_bytes += want;
    c->partial_want = (uint16_t)want;
    memcpy(c->partial, c->head, c->partial_len);
    return true;
}

/* Bytes behind those that are here already, until the frame is whole. */
static size_t go_on(struct fh__client *c, const uint8_t *data, size_t len)
{
    size_t n = (size_t)(c->partial_want - c->partial_len);
    uint8_t *whole = c->partial;
    size_t want = c->partial_want;

    n = n < len ? n : len;
    memcpy(c->partial + c->partial_len, data, n);
    c->partial_len = (uint16_t)(c->partial_len + n);
    if (c->partial_len < want)
        return n;
    c->broker->partial_bytes -= want;
    c->partial = NULL;
    c->partial_len = c->partial_want = 0;
    on_frame(c, whole, want);
    fh_wipe(whole, want);
    free(whole);
    return n;
}

static size_t take_head(struct fh__client *c, const uint8_t *data, size_t len)
{
    size_t n = (size_t)(FH_BROKER_HEADER_LEN - c->partial_len);
    int want;

    n = n < len ? n : len;
    memcpy(c->head + c->partial_len, data, n);
    c->partial_len = (uint16_t)(c->partial_len + n);
    if (c->partial_len < FH_BROKER_HEADER_LEN)
        return n;
    want = fh_broker_frame_len(FH_BROKER_CLIENT, c->head, FH_BROKER_HEADER_LEN);
    if (want <= 0 || !may_say(c, c->head[0]))
        break_protocol(c, "not a frame that is expected");
    else if (begin_partial(c, (size_t)want) && want == FH_BROKER_HEADER_LEN)
        (void)go_on(c, data, 0);
    return n;
}

/* A frame that is whole is looked at where it lies. */
static size_t take(struct fh__client *c, const uint8_t *data, size_t len)
{
    int want;

    if (c->partial)
        return go_on(c, data, len);
    if (c->partial_len == 0) {
        want = fh_broker_frame_len(FH_BROKER_CLIENT, data, len);
        if (want > 0 && (size_t)want <= len) {
            on_frame(c, data, (size_t)want);
            return (size_t)want;
        }
    }
    return take_head(c, data, len);
}

size_t fh__client_input(struct fh__client *c, const uint8_t *data, size_t len)
{
    size_t taken = 0;

    c->heard_ms = c->broker->hooks.now_ms(c->broker->hooks.user);
    while (taken < len) {
        if (c->state == FH__CLOSED)
            return len;
        if (c->state == FH__CHECKING || c->state == FH__REFUSING || c->state == FH__REQUESTED)
            break;
        taken += take(c, data + taken, len - taken);
    }
    return taken;
}
