/* SPDX-License-Identifier: MIT */
/* relay.c -- pairs of streams. */
#include "relay.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    HELLO_LEN = 2 + FH__TICKET_LEN,
    HELLO_VERSION = 1,
    BUCKETS = 1024,         /* of the tables of waiting ones and of accounts; chained */
    TICK_MS = 250,          /* how exactly time limits are kept */
    REFILL_MS = 20,         /* how often who waits for bit/s is let go on */
    BURST_MS = 200,         /* how much unused rate is saved up */
    LEAST_BURST = 32 << 10, /* two records at once at any rate */
    REPORT_MS = 60000
};

enum state { UNPROVEN, WAITING, PAIRED, LEAVING };

/* A doubly linked list with a head, in order of arrival. */
struct link {
    struct link *next, *prev;
};

struct account {
    struct account *next;
    uint8_t id[16];
    uint32_t pairs;
    uint64_t bytes, reported;
};

/* One connection. */
struct conn {
    struct link all;  /* first: a link is cast to its connection. In order of `due` */
    struct link slow; /* waits for bit/s; empty: does not */
    struct conn *next_waiting;
    struct fh__relay *relay;
    struct fh_stream *s;
    struct conn *other;
    struct account *account;
    enum state state;
    uint8_t side, conn[16];
    bool ended; /* its peer has ended its side, politely */
    bool is_slow;
    uint32_t rate;       /* bytes a second that it may say; 0: any */
    uint32_t tokens;     /* bytes that it may say now */
    uint64_t filled_ms;  /* when tokens were last counted */
    uint64_t due_ms;     /* when its list looks at it */
    uint64_t active_ms;  /* the last byte, of a pair */
    uint64_t bytes_most; /* of its account, counted as account->bytes; 0: any */
    struct fh__ticket ticket;
    size_t hello_len;
    uint8_t hello[HELLO_LEN];
};

struct fh__relay {
    uv_loop_t *loop;
    struct fh__relay_config cfg;
    struct fh__tickets *tickets;
    uv_timer_t tick, refill;
    int open_handles;
    struct link lists[LEAVING + 1]; /* of connections by their state, the first due first */
    struct link slow;
    struct conn *waiting[BUCKETS];
    struct account *accounts[BUCKETS];
    struct fh__relay_counters count;
    uint32_t open; /* streams that are not closed yet */
    uint64_t report_due_ms;
    bool is_draining, is_closing;
    void (*drained)(void *user);
    void *drained_user;
    void (*closed)(void *user);
    void *closed_user;
};

#define CONN_OF_SLOW(l) ((struct conn *)((char *)(l)-offsetof(struct conn, slow)))

/* ---- lists, time ---- */

static void list_init(struct link *head)
{
    head->next = head->prev = head;
}

static void list_add(struct link *head, struct link *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

static void list_remove(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

static uint64_t now_of(const struct fh__relay *r)
{
    return r->cfg.now ? r->cfg.now(r->cfg.user) : uv_now(r->loop);
}

static uint64_t utc_of(const struct fh__relay *r)
{
    struct timespec t;

    if (r->cfg.utc)
        return r->cfg.utc(r->cfg.user);
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint32_t *gauge_of(struct fh__relay *r, enum state state)
{
    switch (state) {
    case UNPROVEN:
        return &r->count.unproven;
    case WAITING:
        return &r->count.waiting;
    case PAIRED:
        return &r->count.pairs;
    case LEAVING:
        break;
    }
    return NULL;
}

/* A pair has two connections and counts as one: the viewer's. */
static void count_state(struct conn *c, int by)
{
    uint32_t *gauge = gauge_of(c->relay, c->state);

    if (gauge && (c->state != PAIRED || c->side == FH__TICKET_VIEWER))
        *gauge = (uint32_t)((int64_t)*gauge + by);
}

static void enter(struct conn *c, enum state state, uint32_t for_ms)
{
    list_remove(&c->all);
    count_state(c, -1);
    c->state = state;
    count_state(c, 1);
    c->due_ms = now_of(c->relay) + for_ms;
    list_add(&c->relay->lists[state], &c->all);
}

/* ---- accounts ---- */

static size_t bucket_of(const uint8_t id[static 16])
{
    return ((size_t)id[14] << 8 | id[15]) % BUCKETS;
}

static void report(struct fh__relay *r, struct account *a)
{
    uint64_t bytes = a->bytes - a->reported;

    a->reported = a->bytes;
    if (bytes > 0 && r->cfg.usage)
        r->cfg.usage(r->cfg.user, a->id, bytes);
}

static struct account *account_get(struct fh__relay *r, const uint8_t id[static 16])
{
    struct account **at = &r->accounts[bucket_of(id)], *a;

    for (a = *at; a; a = a->next)
        if (memcmp(a->id, id, sizeof a->id) == 0)
            return a;
    a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    memcpy(a->id, id, sizeof a->id);
    a->next = *at;
    *at = a;
    return a;
}

static void account_leave(struct fh__relay *r, struct account *a)
{
    struct account **at = &r->accounts[bucket_of(a->id)];

    report(r, a);
    if (--a->pairs > 0)
        return;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    free(a);
}

static void report_all(struct fh__relay *r, uint64_t now)
{
    if (now < r->report_due_ms)
        return;
    r->report_due_ms = now + REPORT_MS;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct account *a = r->accounts[i]; a; a = a->next)
            report(r, a);
}

/* ---- who waits for the other ---- */

static void waiting_add(struct conn *c)
{
    struct conn **at = &c->relay->waiting[bucket_of(c->conn)];

    c->next_waiting = *at;
    *at = c;
}

static void waiting_remove(struct conn *c)
{
    struct conn **at = &c->relay->waiting[bucket_of(c->conn)];

    while (*at && *at != c)
        at = &(*at)->next_waiting;
    if (*at)
        *at = c->next_waiting;
}

static struct conn *waiting_find(struct fh__relay *r, const uint8_t conn[static 16])
{
    struct conn *c = r->waiting[bucket_of(conn)];

    while (c && memcmp(c->conn, conn, sizeof c->conn) != 0)
        c = c->next_waiting;
    return c;
}

/* ---- the end of a connection ---- */

static void maybe_done(struct fh__relay *r);

static void on_closed(void *user)
{
    struct conn *c = user;
    struct fh__relay *r = c->relay;

    list_remove(&c->all);
    free(c);
    r->open--;
    maybe_done(r);
}

/* Out of all tables; its stream is closed, politely if it was shut down before. */
static void leave(struct conn *c)
{
    if (c->state == LEAVING)
        return;
    if (c->state == WAITING)
        waiting_remove(c);
    if (c->is_slow)
        list_remove(&c->slow);
    c->is_slow = false;
    c->other = NULL;
    enter(c, LEAVING, 0);
    fh_stream_close(c->s, on_closed, c);
}

static void end_pair(struct conn *c, uint64_t *counter)
{
    struct conn *other = c->other;

    (*counter)++;
    account_leave(c->relay, c->account);
    c->account = other->account = NULL;
    leave(c);
    leave(other);
}

/* One byte, and nothing after it. */
static void refuse(struct conn *c, enum fh__relay_status status)
{
    uint8_t byte = (uint8_t)status;

    c->relay->count.answers[status]++;
    (void)fh_stream_write(c->s, &byte, 1);
    fh_stream_shutdown(c->s);
    leave(c);
}

/* ---- copying ---- */

static uint32_t burst_of(const struct conn *c)
{
    uint32_t burst = (uint32_t)((uint64_t)c->rate * BURST_MS / 1000);

    return burst < LEAST_BURST ? LEAST_BURST : burst;
}

static void fill(struct conn *c, uint64_t now)
{
    uint64_t passed = now - c->filled_ms, more;

    /* Longer would save up more than the burst, and time would overflow. */
    if (passed > 10000)
        passed = 10000;
    more = c->rate * passed / 1000;
    if (more == 0)
        return;
    c->filled_ms = now;
    more += c->tokens;
    c->tokens = more < burst_of(c) ? (uint32_t)more : burst_of(c);
}

/* How many of len bytes may pass now. */
static size_t allowance(struct conn *c, size_t len)
{
    if (c->bytes_most) {
        uint64_t left = c->bytes_most > c->account->bytes ? c->bytes_most - c->account->bytes : 0;

        if (len > left)
            len = (size_t)left;
    }
    if (c->rate) {
        if (c->tokens < len)
            fill(c, now_of(c->relay));
        if (len > c->tokens)
            len = c->tokens;
    }
    return len;
}

static void on_refill(uv_timer_t *timer);

static void wait_for_tokens(struct conn *c)
{
    struct fh__relay *r = c->relay;

    if (c->is_slow)
        return;
    c->is_slow = true;
    list_add(&r->slow, &c->slow);
    if (!uv_is_active((uv_handle_t *)&r->refill))
        uv_timer_start(&r->refill, on_refill, REFILL_MS, REFILL_MS);
}

static size_t forward(struct conn *c, const uint8_t *data, size_t len)
{
    size_t may = allowance(c, len);
    int n;

    if (may == 0) {
        if (c->bytes_most && c->account->bytes >= c->bytes_most)
            end_pair(c, &c->relay->count.over_quota);
        else
            wait_for_tokens(c);
        return 0;
    }
    n = fh_stream_write(c->other->s, data, may);
    if (n < 0) {
        end_pair(c, &c->relay->count.broken);
        return 0;
    }
    c->account->bytes += (uint64_t)n;
    c->relay->count.bytes += (uint64_t)n;
    c->active_ms = now_of(c->relay);
    if (c->rate)
        c->tokens -= (uint32_t)n;
    /* Else the other one's writable() lets it go on. */
    if ((size_t)n == may && may < len)
        wait_for_tokens(c);
    return (size_t)n;
}

static void refill(struct fh__relay *r)
{
    struct link now = r->slow;

    if (now.next == &r->slow)
        return;
    /* Who waits again meanwhile waits in a new list: each has its turn once. */
    now.next->prev = now.prev->next = &now;
    list_init(&r->slow);
    while (now.next != &now) {
        struct conn *c = CONN_OF_SLOW(now.next);

        list_remove(&c->slow);
        c->is_slow = false;
        fh_stream_resume(c->s);
    }
}

static void on_refill(uv_timer_t *timer)
{
    struct fh__relay *r = timer->data;

    refill(r);
    if (r->slow.next == &r->slow)
        uv_timer_stop(timer);
}

static void on_writable(void *user)
{
    struct conn *c = user;

    if (c->state == PAIRED && !c->other->is_slow)
        fh_stream_resume(c->other->s);
}

static void on_end(void *user, int error)
{
    struct conn *c = user;

    if (c->state != PAIRED) {
        c->relay->count.turned_away += c->state == UNPROVEN;
        leave(c);
        return;
    }
    if (error) {
        end_pair(c, &c->relay->count.broken);
        return;
    }
    c->ended = true;
    fh_stream_shutdown(c->other->s);
    if (c->other->ended)
        end_pair(c, &c->relay->count.ended);
}

/* ---- pairing ---- */

static uint32_t rate_of(const struct conn *c)
{
    uint32_t a = c->ticket.kbit, b = c->relay->cfg.kbit;
    uint64_t kbit = !a ? b : !b ? a : a < b ? a : b;

    return kbit * 125 > UINT32_MAX / 2 ? 0 : (uint32_t)(kbit * 125);
}

static void begin(struct conn *c, struct conn *other, struct account *a)
{
    uint8_t status = FH__RELAY_PAIRED;
    uint64_t now = now_of(c->relay);

    c->other = other;
    c->account = a;
    c->rate = rate_of(c);
    c->tokens = burst_of(c);
    c->filled_ms = c->active_ms = now;
    c->bytes_most = c->ticket.bytes ? a->bytes + c->ticket.bytes : 0;
    if (c->bytes_most < a->bytes)
        c->bytes_most = 0;
    enter(c, PAIRED, c->relay->cfg.idle_ms);
    /* Where there is no room for a byte, the stream is broken, and says so itself. */
    (void)fh_stream_write(c->s, &status, 1);
}

static void pair(struct conn *c, struct conn *other)
{
    struct fh__relay *r = c->relay;
    struct account *a = account_get(r, c->ticket.account);
    enum fh__relay_status refused = FH__RELAY_PAIRED;

    if (!a || r->count.pairs >= r->cfg.max_pairs)
        refused = FH__RELAY_BUSY;
    else if (a->pairs >= r->cfg.max_account_pairs)
        refused = FH__RELAY_QUOTA;
    if (a)
        a->pairs++;
    if (refused) {
        refuse(other, refused);
        refuse(c, refused);
        if (a)
            account_leave(r, a);
        return;
    }
    waiting_remove(other);
    r->count.answers[FH__RELAY_PAIRED]++;
    begin(c, other, a);
    begin(other, c, a);
    fh_stream_resume(other->s);
    fh_stream_resume(c->s);
}

static void wait_for_other(struct conn *c)
{
    if (c->relay->count.waiting >= c->relay->cfg.max_waiting) {
        refuse(c, FH__RELAY_BUSY);
        return;
    }
    enter(c, WAITING, c->relay->cfg.wait_ms);
    waiting_add(c);
}

static void show_ticket(struct conn *c)
{
    struct fh__relay *r = c->relay;
    const uint8_t *data = c->hello + 2;
    struct conn *other;
    int status = fh__ticket_check(r->cfg.key, data, FH__TICKET_LEN, utc_of(r), &c->ticket);

    if (status == 0 && r->is_draining)
        status = FH__RELAY_BUSY;
    if (status == 0)
        status = fh__tickets_use(r->tickets, data, c->ticket.expires_ms);
    if (status != 0) {
        refuse(c, (enum fh__relay_status)status);
        return;
    }
    c->side = c->ticket.side;
    memcpy(c->conn, c->ticket.conn, sizeof c->conn);
    other = waiting_find(r, c->conn);
    if (other && memcmp(other->ticket.account, c->ticket.account, 16) != 0) {
        refuse(c, FH__RELAY_BAD);
        return;
    }
    /* A second ticket for the same side: its holder has given up the first. */
    if (other && other->side == c->side) {
        refuse(other, FH__RELAY_ALONE);
        other = NULL;
    }
    if (other)
        pair(c, other);
    else
        wait_for_other(c);
}

/* What follows the ticket is not taken: it waits in the stream for the other one. */
static size_t take_hello(struct conn *c, const uint8_t *data, size_t len)
{
    size_t n = HELLO_LEN - c->hello_len;

    if (n > len)
        n = len;
    memcpy(c->hello + c->hello_len, data, n);
    c->hello_len += n;
    if (c->hello[0] != HELLO_VERSION || (c->hello_len > 1 && c->hello[1] != FH__TICKET_LEN))
        refuse(c, FH__RELAY_BAD);
    else if (c->hello_len == HELLO_LEN)
        show_ticket(c);
    return n;
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct conn *c = user;

    if (c->state == UNPROVEN)
        return take_hello(c, data, len);
    return c->state == PAIRED ? forward(c, data, len) : 0;
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_tick(uv_timer_t *timer);

void fh__relay_accept(void *user, struct fh_stream *s, const struct fh_address *peer)
{
    struct fh__relay *r = user;
    struct conn *c = NULL;

    (void)peer;
    if (!r->is_closing && r->count.unproven < r->cfg.max_unproven)
        c = calloc(1, sizeof *c);
    if (!c) {
        r->count.turned_away++;
        fh_stream_close(s, NULL, NULL);
        return;
    }
    c->relay = r;
    c->s = s;
    list_init(&c->all);
    list_init(&c->slow);
    r->open++;
    count_state(c, 1);
    enter(c, UNPROVEN, r->cfg.hello_ms);
    if (!uv_is_active((uv_handle_t *)&r->tick))
        uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
    fh_stream_attach(s, &events, c);
}

/* ---- limits of time ---- */

static void expire(struct conn *c, uint64_t now)
{
    uint64_t active = c->active_ms;

    switch (c->state) {
    case UNPROVEN:
        c->relay->count.turned_away++;
        leave(c);
        break;
    case WAITING:
        refuse(c, FH__RELAY_ALONE);
        break;
    case PAIRED:
        /* Only now is it asked whether it was really idle. */
        if (c->other->active_ms > active)
            active = c->other->active_ms;
        if (now - active >= c->relay->cfg.idle_ms)
            end_pair(c, &c->relay->count.idle);
        else
            enter(c, PAIRED, (uint32_t)(active + c->relay->cfg.idle_ms - now));
        break;
    case LEAVING:
        break;
    }
}

void fh__relay_tick(struct fh__relay *r)
{
    uint64_t now = now_of(r);

    for (int state = UNPROVEN; state < LEAVING; state++)
        while (r->lists[state].next != &r->lists[state]) {
            struct conn *c = (struct conn *)r->lists[state].next;

            if (c->due_ms > now)
                break;
            expire(c, now);
        }
    report_all(r, now);
    refill(r);
}

static void on_tick(uv_timer_t *timer)
{
    struct fh__relay *r = timer->data;

    fh__relay_tick(r);
    if (r->open == 0)
        uv_timer_stop(timer);
}

/* ---- the life of the relay ---- */

static uint32_t or_else(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static void fill_config(struct fh__relay_config *c)
{
    c->hello_ms = or_else(c->hello_ms, 10000);
    c->wait_ms = or_else(c->wait_ms, 30000);
    c->idle_ms = or_else(c->idle_ms, 600000);
    c->max_unproven = or_else(c->max_unproven, 1024);
    c->max_waiting = or_else(c->max_waiting, 4096);
    c->max_pairs = or_else(c->max_pairs, 16384);
    c->max_account_pairs = or_else(c->max_account_pairs, 256);
    c->max_tickets = or_else(c->max_tickets, 65536);
}

struct fh__relay *fh__relay_new(uv_loop_t *loop, const struct fh__relay_config *cfg)
{
    struct fh__relay *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->loop = loop;
    r->cfg = *cfg;
    fill_config(&r->cfg);
    r->tickets = fh__tickets_new(r->cfg.max_tickets);
    if (!r->tickets) {
        free(r);
        return NULL;
    }
    for (size_t i = 0; i < sizeof r->lists / sizeof *r->lists; i++)
        list_init(&r->lists[i]);
    list_init(&r->slow);
    uv_timer_init(loop, &r->tick);
    uv_timer_init(loop, &r->refill);
    r->tick.data = r->refill.data = r;
    r->open_handles = 2;
    return r;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct fh__relay *r = handle->data;

    if (--r->open_handles > 0)
        return;
    if (r->closed)
        r->closed(r->closed_user);
    fh__tickets_free(r->tickets);
    memset(r, 0, sizeof *r);
    free(r);
}

static void maybe_done(struct fh__relay *r)
{
    if (r->open > 0)
        return;
    if (r->is_draining && r->drained) {
        void (*drained)(void *) = r->drained;

        r->drained = NULL;
        drained(r->drained_user);
    }
    if (r->is_closing && !uv_is_closing((uv_handle_t *)&r->tick)) {
        uv_close((uv_handle_t *)&r->tick, on_handle_closed);
        uv_close((uv_handle_t *)&r->refill, on_handle_closed);
    }
}

static void empty(struct fh__relay *r, enum state state)
{
    while (r->lists[state].next != &r->lists[state]) {
        struct conn *c = (struct conn *)r->lists[state].next;

        if (c->state == PAIRED)
            end_pair(c, &r->count.broken);
        else if (c->state == WAITING && r->is_draining)
            refuse(c, FH__RELAY_BUSY);
        else
            leave(c);
    }
}

void fh__relay_drain(struct fh__relay *r, void (*drained)(void *user), void *user)
{
    if (r->is_draining || r->is_closing)
        return;
    r->is_draining = true;
    r->drained = drained;
    r->drained_user = user;
    empty(r, WAITING);
    maybe_done(r);
}

void fh__relay_close(struct fh__relay *r, void (*closed)(void *user), void *user)
{
    if (r->is_closing)
        return;
    r->is_closing = true;
    r->is_draining = false;
    r->closed = closed;
    r->closed_user = user;
    empty(r, UNPROVEN);
    empty(r, WAITING);
    empty(r, PAIRED);
    maybe_done(r);
}

void fh__relay_count(const struct fh__relay *r, struct fh__relay_counters *out)
{
    *out = r->count;
}
