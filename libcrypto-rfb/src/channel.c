/* SPDX-License-Identifier: MIT */
/* channel.c -- the object, its four flows, events, deadlines and its end. */
#include <assert.h>
#include <string.h>

#include "channel_internal.h"
#include "utf8.h"

/* ---- memory --------------------------------------------------------------------------------- */

static const struct fh__limits default_limits = {
    .update_records = (uint64_t)1 << 22,
    .update_bytes = (uint64_t)64 << 30,
    .hard_records = (uint64_t)1 << 24,
};

static size_t object_size(void)
{
    return (sizeof(struct fh_channel) + 15) & ~(size_t)15;
}

/* 0: not in its range. */
static uint32_t max_record(const struct fh_channel_config *cfg)
{
    uint32_t max = cfg->max_record ? cfg->max_record : FH_CHANNEL_RECORD_DEFAULT;

    return max < FH_CHANNEL_RECORD_MIN || max > FH_CHANNEL_RECORD_MAX ? 0 : max;
}

/* The longest record: what we announce, or the peer's flight. */
static size_t in_size(uint32_t max)
{
    size_t inner = max > FH__HANDSHAKE_INNER ? max : FH__HANDSHAKE_INNER;

    return inner + FH__RECORD_OVERHEAD + FH__IN_SLACK;
}

static size_t out_size(uint32_t max)
{
    size_t inner = max > FH__KEM_RECORD_MIN ? max : FH__KEM_RECORD_MIN;

    return inner + FH__RECORD_OVERHEAD + FH__OUT_SLACK + FH__OUT_SMALL + FH__OUT_REKEY +
           FH__OUT_CLOSE;
}

size_t fh_channel_size(const struct fh_channel_config *cfg)
{
    uint32_t max = max_record(cfg);

    return max == 0 ? 0 : object_size() + in_size(max) + out_size(max);
}

size_t fh_channel_secrets_size(void)
{
    return sizeof(struct fh__secrets);
}

static bool is_config_good(const struct fh_channel_config *cfg, unsigned *bits)
{
    size_t program_len = cfg->program ? strlen(cfg->program) : 1;

    return cfg->random && (cfg->role == FH_ROLE_CLIENT || cfg->role == FH_ROLE_SERVER) &&
           max_record(cfg) != 0 && cfg->padding <= FH_PAD_PADME &&
           cfg->n_methods <= FH_CHANNEL_METHODS_MAX && program_len >= 1 &&
           program_len <= FH_CHANNEL_PROGRAM_MAX &&
           (!cfg->program || fh__text_is_clean((const uint8_t *)cfg->program, program_len)) &&
           cfg->spki && fh__spki_check(cfg->spki, cfg->spki_len, bits) == 0;
}

static void set_own(struct fh_channel *c, const struct fh_channel_config *cfg, unsigned bits)
{
    memcpy(c->spki, cfg->spki, cfg->spki_len);
    c->spki_len = cfg->spki_len;
    c->signature_len = bits / 8;
    c->own.max_record = max_record(cfg);
    c->own.padding = (uint8_t)cfg->padding;
    c->own.n_methods = (uint8_t)cfg->n_methods;
    if (cfg->n_methods)
        memcpy(c->own.methods, cfg->methods, cfg->n_methods);
    if (cfg->program)
        memcpy(c->own.program, cfg->program, strlen(cfg->program));
}

static void start_client(struct fh_channel *c, const struct fh_channel_config *cfg)
{
    if (cfg->session_ref)
        memcpy(c->session_ref, cfg->session_ref, sizeof c->session_ref);
    fh__keys_early(c, cfg->cloud_secret);
    if (cfg->cloud_secret)
        fh__keys_cloud_ref(c, c->cloud_ref);
    fh__client_hello_send(c);
    c->state = FH__EXPECT_FIRST_BYTE;
    c->deadline = c->now + FH__FLIGHT_MS;
}

struct fh_channel *fh_channel_init(void *mem, size_t len, void *secrets, size_t secrets_len,
                                   const struct fh_channel_config *cfg)
{
    struct fh_channel *c = mem;
    unsigned bits;

    if (!is_config_good(cfg, &bits) || len < fh_channel_size(cfg) ||
        secrets_len < sizeof(struct fh__secrets))
        return NULL;
    memset(c, 0, sizeof *c);
    memset(secrets, 0, sizeof(struct fh__secrets));
    c->mem_len = fh_channel_size(cfg);
    c->s = secrets;
    c->role = cfg->role;
    c->random = cfg->random;
    c->random_user = cfg->random_user;
    c->limits = default_limits;
    set_own(c, cfg, bits);
    c->in_cap = in_size(c->own.max_record);
    c->out_cap = out_size(c->own.max_record);
    c->in = (uint8_t *)mem + object_size();
    c->out = c->in + c->in_cap;
    c->now = cfg->now_ms;
    c->rekey_at = c->offered_at = UINT64_MAX;
    fh__hash_init(&c->th);
    if (c->role == FH_ROLE_CLIENT) {
        start_client(c, cfg);
    } else {
        c->state = cfg->greeting_was_read ? FH__EXPECT_CLIENT_HELLO : FH__EXPECT_GREETING;
        c->deadline = c->now + FH__HELLO_MS;
    }
    return c;
}

static void wipe_secrets(struct fh_channel *c)
{
    fh__keys_clear(&c->s->in);
    fh__keys_clear(&c->s->out);
    fh__keys_clear(&c->s->early);
    fh_wipe(c->s, sizeof *c->s);
}

void fh_channel_finish(struct fh_channel *c)
{
    if (!c || !c->s)
        return;
    wipe_secrets(c);
    fh_wipe(c, c->mem_len);
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool is_char_start(uint8_t b)
{
    return (b & 0xc0) != 0x80;
}

void fh__channel_set_reason(struct fh_channel *c, const char *reason)
{
    size_t len = 0;

    while (reason && len <= FH_CHANNEL_REASON_MAX && reason[len] != '\0')
        len++;
    if (len > FH_CHANNEL_REASON_MAX) {
        len = FH_CHANNEL_REASON_MAX;
        while (len > 0 && !is_char_start((uint8_t)reason[len]))
            len--;
    }
    if (len)
        memcpy(c->reason, reason, len);
    c->reason[len] = '\0';
}

void fh__channel_raise(struct fh_channel *c, enum fh_channel_event_type type)
{
    c->events |= 1U << type;
}

/* Ends here and now. What the peer sent before, and waits in DATA, is still the application's. */
void fh__channel_silence(struct fh_channel *c, int error, enum fh_channel_code code)
{
    unsigned keep = 1U << FH_CHANNEL_EV_OPEN | 1U << FH_CHANNEL_EV_DATA;

    c->events &= keep;
    c->state = FH__CLOSED;
    c->error = error;
    c->code = code;
    c->deadline = UINT64_MAX;
    c->rekey_at = UINT64_MAX;
    c->can_close = false;
    wipe_secrets(c);
    fh__channel_raise(c, FH_CHANNEL_EV_CLOSED);
}

int fh__channel_fail(struct fh_channel *c, int error, enum fh_channel_code code)
{
    if (c->state == FH__CLOSED)
        return c->error;
    if (c->can_close && !c->is_out_done)
        (void)fh__close_send(c, code, NULL);
    c->reason[0] = '\0';
    fh__channel_silence(c, error, code);
    return error;
}

/* A number that we do not know counts as a protocol error. */
void fh__channel_closed_by_peer(struct fh_channel *c, int error, uint8_t code,
                                const uint8_t *reason, size_t len)
{
    if (!fh__text_is_clean(reason, len))
        len = 0;
    memcpy(c->reason, reason, len);
    c->reason[len] = '\0';
    c->by_peer = true;
    fh__channel_silence(c, error,
                        code > FH_CODE_POLICY ? FH_CODE_PROTOCOL : (enum fh_channel_code)code);
}

void fh_channel_close(struct fh_channel *c, enum fh_channel_code code, const char *reason)
{
    bool peer_can_answer = c->was_open || c->state == FH__EXPECT_ACCEPTANCE ||
                           (c->role == FH_ROLE_SERVER && c->state == FH__WAIT_ACCEPT);

    if (c->state == FH__CLOSED || c->state == FH__CLOSING)
        return;
    fh__channel_set_reason(c, reason);
    c->events = 0;
    c->code = code;
    if (c->can_close && fh__close_send(c, code, c->reason) == 0 && peer_can_answer) {
        c->state = FH__CLOSING;
        c->deadline = c->now + FH__CLOSE_MS;
        c->rekey_at = UINT64_MAX;
        return;
    }
    fh__channel_silence(c, FH_CRYPTO_E_CLOSED, code);
}

const char *fh_channel_code_text(enum fh_channel_code code)
{
    switch (code) {
    case FH_CODE_NORMAL:
        return "closed";
    case FH_CODE_PROTOCOL:
        return "the other side saw a violation of the protocol";
    case FH_CODE_RECORD:
        return "data was altered on its way";
    case FH_CODE_IDENTITY:
        return "the identity was not accepted";
    case FH_CODE_AUTHENTICATION:
        return "authentication was refused";
    case FH_CODE_SUITE:
        return "no common cipher suite";
    case FH_CODE_BUSY:
        return "too busy; try again later";
    case FH_CODE_INTERNAL:
        return "an internal error";
    case FH_CODE_TIMEOUT:
        return "no answer in time";
    case FH_CODE_POLICY:
        return "not allowed by policy";
    }
    return "closed for a reason that this version does not know";
}

/* ---- text ----------------------------------------------------------------------------------- */

bool fh__text_is_clean(const uint8_t *text, size_t len)
{
    uint32_t ch;

    while (len > 0) {
        size_t n = utf8_next((const char *)text, len, &ch);

        if (n == 0 || utf8_is_control(ch) || utf8_is_deceptive(ch))
            return false;
        text += n;
        len -= n;
    }
    return true;
}

/* ---- from the network ----------------------------------------------------------------------- */

static bool is_waiting(const struct fh_channel *c)
{
    return c->state == FH__WAIT_PROCEED || c->state == FH__WAIT_SIGNED ||
           c->state == FH__WAIT_ACCEPT;
}

/* Takes one message or record from the in buffer; false: more bytes are needed, or an answer. */
static bool step(struct fh_channel *c)
{
    switch (c->state) {
    case FH__EXPECT_GREETING:
    case FH__EXPECT_CLIENT_HELLO:
    case FH__EXPECT_FIRST_BYTE:
    case FH__EXPECT_SERVER_HELLO:
        return fh__handshake_step(c);
    case FH__EXPECT_CLIENT_FLIGHT:
    case FH__EXPECT_SERVER_FLIGHT:
    case FH__EXPECT_ACCEPTANCE:
    case FH__OPEN:
    case FH__CLOSING:
        return fh__record_step(c);
    case FH__WAIT_PROCEED:
    case FH__WAIT_SIGNED:
    case FH__WAIT_ACCEPT:
    case FH__CLOSED:
        return false;
    }
    return false;
}

/* Goes on until an event is to be told or bytes are missing. */
static void advance(struct fh_channel *c)
{
    while (c->events == 0 && step(c))
        ;
    if (c->has_ended && c->events == 0 && c->state != FH__CLOSED)
        fh__channel_silence(c, FH_CRYPTO_E_TRUNCATED, c->code);
}

/* Data that were lent are wiped when they are given back: passwords pass here. */
static void take_back_data(struct fh_channel *c)
{
    if (c->events & 1U << FH_CHANNEL_EV_DATA)
        return;
    fh_wipe(c->in + c->data_at, c->data_len);
    c->data_len = 0;
}

uint8_t *fh_channel_in(struct fh_channel *c, size_t *room)
{
    size_t used = c->in_end - c->in_start;

    *room = 0;
    if (c->state == FH__CLOSED || c->events != 0 || is_waiting(c) || c->has_ended)
        return NULL;
    take_back_data(c);
    if (used == 0) {
        c->in_start = c->in_end = 0;
    } else if (c->in_start > FH__IN_SLACK) { /* else a whole record fits behind it */
        memmove(c->in, c->in + c->in_start, used);
        c->in_start = 0;
        c->in_end = used;
    }
    *room = c->in_cap - c->in_end;
    return *room ? c->in + c->in_end : NULL;
}

int fh_channel_in_done(struct fh_channel *c, uint64_t now_ms, size_t used)
{
    c->now = now_ms;
    if (c->state == FH__CLOSED)
        return c->error ? c->error : FH_CRYPTO_E_CLOSED;
    assert(used <= c->in_cap - c->in_end);
    c->in_end += used;
    c->bytes_in += used;
    advance(c);
    return c->error;
}

int fh_channel_in_end(struct fh_channel *c, uint64_t now_ms)
{
    c->now = now_ms;
    c->has_ended = true;
    advance(c);
    return c->error;
}

/* ---- to the network ------------------------------------------------------------------------- */

const uint8_t *fh_channel_out(const struct fh_channel *c, size_t *len)
{
    *len = c->out_end - c->out_start;
    return *len ? c->out + c->out_start : NULL;
}

void fh_channel_out_done(struct fh_channel *c, size_t sent)
{
    size_t left = c->out_end - c->out_start;

    assert(sent <= left);
    c->bytes_out += sent;
    c->out_start += sent;
    left -= sent;
    if (c->out_start >= left) {
        memcpy(c->out, c->out + c->out_start, left);
        c->out_start = 0;
        c->out_end = left;
    }
    c->is_writing = false;
    (void)fh__control_flush(c);
}

bool fh_channel_is_finished(const struct fh_channel *c)
{
    return c->state == FH__CLOSED && c->out_start == c->out_end;
}

/* ---- from and to the application ------------------------------------------------------------ */

static void fill_peer(const struct fh_channel *c, struct fh_channel_event *ev)
{
    ev->peer.spki = c->peer_spki;
    ev->peer.spki_len = c->peer_spki_len;
    fh_fingerprint(c->peer_spki, c->peer_spki_len, ev->peer.fingerprint);
    memcpy(ev->peer.program, c->peer.program, sizeof ev->peer.program);
    memcpy(ev->peer.methods, c->peer.methods, sizeof ev->peer.methods);
    ev->peer.n_methods = c->peer.n_methods;
}

static void fill_event(const struct fh_channel *c, struct fh_channel_event *ev)
{
    switch (ev->type) {
    case FH_CHANNEL_EV_HELLO:
        memcpy(ev->hello.session_ref, c->session_ref, sizeof c->session_ref);
        memcpy(ev->hello.cloud_ref, c->cloud_ref, sizeof c->cloud_ref);
        break;
    case FH_CHANNEL_EV_SIGN:
        ev->sign.role = c->role;
        memcpy(ev->sign.th, c->sign_th, sizeof c->sign_th);
        break;
    case FH_CHANNEL_EV_PEER:
        fill_peer(c, ev);
        break;
    case FH_CHANNEL_EV_DATA:
        ev->data.data = c->in + c->data_at;
        ev->data.len = c->data_len;
        break;
    case FH_CHANNEL_EV_PONG:
        memcpy(ev->pong, c->pong, sizeof c->pong);
        break;
    case FH_CHANNEL_EV_CLOSED:
        ev->closed.error = c->error;
        ev->closed.by_peer = c->by_peer;
        ev->closed.confirmed = c->confirmed;
        ev->closed.code = c->code;
        memcpy(ev->closed.reason, c->reason, sizeof c->reason);
        break;
    case FH_CHANNEL_EV_OPEN:
    case FH_CHANNEL_EV_REKEYED:
        break;
    }
}

int fh_channel_event(struct fh_channel *c, struct fh_channel_event *ev)
{
    unsigned type = 0;

    take_back_data(c);
    advance(c);
    if (c->events == 0)
        return 0;
    while (!(c->events & 1U << type))
        type++;
    c->events &= ~(1U << type);
    memset(ev, 0, sizeof *ev);
    ev->type = (enum fh_channel_event_type)type;
    fill_event(c, ev);
    return 1;
}

/* A client may write behind its own flight: the server's Finished has been checked. */
static bool can_write(const struct fh_channel *c)
{
    return c->state == FH__OPEN || c->state == FH__EXPECT_ACCEPTANCE;
}

uint8_t *fh_channel_write(struct fh_channel *c, size_t *room)
{
    size_t keep = FH__OUT_SMALL + FH__OUT_REKEY + FH__OUT_CLOSE;
    uint8_t *p = NULL;

    *room = 0;
    if (can_write(c) && fh__control_flush(c) == 0)
        p = fh__record_room(c, c->max_out - 1, keep);
    c->is_writing = p != NULL;
    if (p)
        *room = c->max_out - 1;
    return p;
}

int fh_channel_write_done(struct fh_channel *c, size_t used, enum fh_channel_padding padding)
{
    int ret;

    if (c->state == FH__CLOSED)
        return c->error ? c->error : FH_CRYPTO_E_CLOSED;
    if (!can_write(c) || !c->is_writing || used >= c->max_out)
        return FH_CRYPTO_E_INVAL;
    c->is_writing = false;
    c->flood_out = 0;
    if ((ret = fh__record_seal(c, FH__APPLICATION, used, padding, c->max_out)) != 0)
        return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    return fh__control_flush(c);
}

/* ---- time ----------------------------------------------------------------------------------- */

uint64_t fh_channel_deadline(const struct fh_channel *c)
{
    return c->deadline < c->rekey_at ? c->deadline : c->rekey_at;
}

int fh_channel_tick(struct fh_channel *c, uint64_t now_ms)
{
    if (c->state == FH__CLOSED)
        return c->error ? c->error : FH_CRYPTO_E_CLOSED;
    c->now = now_ms;
    if (c->now >= c->deadline)
        return fh__channel_fail(c, FH_CRYPTO_E_TIMEOUT, FH_CODE_TIMEOUT);
    fh__control_tick(c);
    return fh__control_flush(c);
}

/* ---- what is known -------------------------------------------------------------------------- */

static const char *cipher_name(enum fh__aead_engine engine)
{
    return engine == FH__AEAD_SODIUM ? "AES-256-GCM (libsodium)" : "AES-256-GCM (mbedTLS)";
}

void fh_channel_info(const struct fh_channel *c, struct fh_channel_info *out)
{
    memset(out, 0, sizeof *out);
    if (!c->was_open)
        return;
    out->suite = (enum fh_channel_suite)c->suite;
    out->cipher = cipher_name(c->engine);
    out->bytes_in = c->bytes_in;
    out->bytes_out = c->bytes_out;
    out->records_in = c->records_in;
    out->records_out = c->records_out;
    out->epoch_in = c->s->in.epoch;
    out->epoch_out = c->s->out.epoch;
    out->rekeys = c->rekeys;
}

int fh_channel_export(const struct fh_channel *c, const char *name, uint8_t *out, size_t len)
{
    if (c->state != FH__OPEN || len > UINT8_MAX)
        return FH_CRYPTO_E_INVAL;
    return fh__label(c->s->exporter, name, NULL, 0, out, len);
}

/* A client has them before it is accepted: the acceptance may be signed with them already. */
int fh_channel_guard_key(const struct fh_channel *c, enum fh_role sender, uint8_t out[32])
{
    if (!can_write(c) || (sender != FH_ROLE_CLIENT && sender != FH_ROLE_SERVER))
        return FH_CRYPTO_E_INVAL;
    memcpy(out, c->s->guard[sender], FH__HASH_LEN);
    return 0;
}
