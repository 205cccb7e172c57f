/* SPDX-License-Identifier: MIT */
/* viewer.c -- what one session process says, and is answered. */
#include "viewer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/vncauth.h>

#include "cloud.h"
#include "leave.h"
#include "log.h"
#include "older.h"
#include "records.h"

static struct fh_audit_event event_of(const struct viewer *v, enum fh_audit_type type,
                                      const char *reason)
{
    struct fh_audit_event ev = {.type = type,
                                .monotonic_ms = uv_now(v->s->loop),
                                .session = v->id[0] ? v->id : NULL,
                                .program = v->program[0] ? v->program : NULL,
                                .user = v->attempts ? v->said.user : NULL,
                                .method = v->attempts ? fh_method_name(v->method) : NULL,
                                .permissions = v->in_force,
                                .reason = reason,
                                .duration_ms = uv_now(v->s->loop) - v->accepted_ms};

    fh__caller_describe(&v->entry.caller, &ev);
    return ev;
}

static void record_text(const struct viewer *v, enum fh_audit_type type, const char *reason,
                        const char *text)
{
    struct fh_audit_event ev = event_of(v, type, reason);

    ev.text = text;
    fh__auditlog_write(v->s->audit, &ev);
}

void fh__viewer_record(const struct viewer *v, enum fh_audit_type type, const char *reason,
                       const struct fh__msg_report *report)
{
    struct fh_audit_event ev = event_of(v, type, reason);

    ev.has_permissions = type == FH_AUDIT_STARTED || type == FH_AUDIT_PERMISSIONS ||
                         (type == FH_AUDIT_ENDED && v->has_started);
    ev.failed = type == FH_AUDIT_ENDED && (!report || fh_bye_is_failure(report->reason));
    if (report) {
        ev.bytes_in = report->bytes_in;
        ev.bytes_out = report->bytes_out;
    }
    fh__auditlog_write(v->s->audit, &ev);
}

bool fh__viewer_is_at_work(const struct viewer *v)
{
    return v->has_started && (v->stage == FH__AT_WORK || v->stage == FH__AT_LEAVE);
}

/* ---- to the process ---- */

int fh__viewer_send(struct viewer *v, unsigned number, const void *body, size_t len, int fd)
{
    int ret = fh__link_send(&v->child.link, number, body, len, fd);

    if (ret != 0 && v->stage != FH__AT_END && v->child.is_running) {
        v->fate = v->fate ? v->fate : "crashed";
        fh__child_kill(&v->child);
    }
    return ret;
}

static void send_u32(struct viewer *v, unsigned number, uint32_t value)
{
    uint8_t body[4];
    struct wr w = wr_init(body, sizeof body);

    wr_u32(&w, value);
    (void)fh__viewer_send(v, number, body, w.len, -1);
}

static void on_deadline(uv_timer_t *timer)
{
    struct viewer *v = timer->data;

    fh__log(FH__LOG_WARNING, "the session process of %s does not end; it is killed",
            v->entry.caller.peer);
    v->fate = v->fate ? v->fate : "timeout";
    fh__child_kill(&v->child);
}

static void set_deadline(struct viewer *v, uint64_t ms)
{
    uv_timer_start(&v->deadline, on_deadline, ms, 0);
}

static void go(struct viewer *v, enum fh__stage stage)
{
    v->stage = stage;
    if (stage == FH__AT_LEAVE || stage == FH__AT_END)
        set_deadline(v, FH__VIEWER_LEAVE_MS);
    else if (stage == FH__AT_WORK)
        uv_timer_stop(&v->deadline);
}

/* Nobody needs it any more; the name stays for the records. */
static void forget_password(struct viewer *v)
{
    fh_wipe(v->said.password, sizeof v->said.password);
}

static void send_away(struct viewer *v);

void fh__viewer_disconnect(struct viewer *v, enum fh_bye reason, bool may_reconnect)
{
    const struct fh__msg_disconnect m = {reason, may_reconnect};
    uint8_t body[2];
    struct wr w = wr_init(body, sizeof body);

    if (v->stage == FH__AT_LEAVE || v->stage == FH__AT_END)
        return;
    fh__msg_disconnect_write(&w, &m);
    go(v, FH__AT_LEAVE);
    send_away(v);
    forget_password(v);
    fh__entry_forget(&v->entry);
    (void)fh__viewer_send(v, FH__MSG_DISCONNECT, body, w.len, -1);
}

/* ---- what is decided about it ---- */

static int ask(void *user, const struct fh_item *items, size_t n)
{
    struct viewer *v = user;
    struct fh__msg_items m = {.n = n};
    uint8_t body[FH__ITEMS_MAX];
    struct wr w = wr_init(body, sizeof body);

    if (v->stage != FH__AT_DECISION || n == 0 || n > FH_AUTH_ITEMS_MAX)
        return -1;
    v->n_asked = 0;
    for (size_t i = 0; i < n; i++) {
        m.items[i] = items[i];
        if (items[i].kind != FH_KIND_NOTICE)
            v->asked[v->n_asked++] = (uint8_t)items[i].kind;
    }
    fh__msg_items_write(&w, &m);
    if (w.bad || fh__viewer_send(v, FH__MSG_ASK, body, w.len, -1) != 0)
        return -1;
    if (v->n_asked > 0)
        go(v, FH__AT_QUESTION);
    return 0;
}

static void reject(struct viewer *v)
{
    fh__viewer_record(v, FH_AUDIT_AUTH_FAILED, "wrong", NULL);
    go(v, FH__AT_DOOR);
    send_u32(v, FH__MSG_RESULT, FH_PERM_NONE);
}

static void let_in(struct viewer *v)
{
    go(v, FH__AT_GRANT);
    send_u32(v, FH__MSG_RESULT, v->granted);
}

/*
 * Another key is to follow: both sign for this session, before it begins, so that the shortest one
 * hears of it. One request for each viewer that is let in. False: there is none.
 */
static bool ask_rotation(struct viewer *v)
{
    struct fh__msg_rotate m = {.number = v->entry.caller.number};
    uint8_t body[8 + FH_AUTH_BINDING_LEN];
    struct wr w = wr_init(body, sizeof body);

    if (v->older || v->s->next_spki_len == 0 || !fh__steady_is_ready(v->s->key))
        return false;
    memcpy(m.binding, v->entry.caller.binding, sizeof m.binding);
    fh__msg_rotate_write(&w, &m);
    v->is_rotating = fh__steady_send(v->s->key, FH__MSG_ROTATE, body, w.len, -1) == 0;
    return v->is_rotating;
}

void fh__viewer_rotated(struct viewer *v, const struct fh__msg_rotated *m)
{
    char fingerprint[FH_FINGERPRINT_HEX];
    uint8_t id[FH_FINGERPRINT_LEN];

    if (!v->is_rotating || v->stage != FH__AT_DECISION)
        return;
    v->is_rotating = false;
    if (m && fh__viewer_send(v, FH__MSG_ROTATION, m->statement, m->len, -1) == 0) {
        fh_fingerprint(v->s->next_spki, v->s->next_spki_len, id);
        fh_fingerprint_to_hex(id, fingerprint);
        record_text(v, FH_AUDIT_ROTATION, "announced", fingerprint);
    }
    let_in(v);
}

static void authenticated(void *user, uint32_t permissions)
{
    struct viewer *v = user;
    size_t len;
    const uint8_t *source = fh__caller_source(&v->entry.caller, &len);

    if (v->stage != FH__AT_DECISION || v->is_rotating)
        return;
    forget_password(v);
    permissions = fh_permissions_normal(permissions);
    if (permissions == FH_PERM_NONE) {
        reject(v);
    } else if (fh_admission_authenticated(v->s->admission, source, len) != 0) {
        fh__viewer_disconnect(v, FH_BYE_BUSY, true);
    } else {
        v->is_authenticated = true;
        v->granted = v->in_force = permissions;
        if (!ask_rotation(v))
            let_in(v);
    }
}

static void disconnect(void *user, enum fh_bye reason, bool may_reconnect)
{
    fh__viewer_disconnect(user, reason, may_reconnect);
}

static const struct fh__caller_ops caller_ops = {ask, authenticated, disconnect};

static void over(struct viewer *v, const char *text);
static void close_stream(struct viewer *v);

/* ---- its way in ---- */

static void refuse(struct viewer *v, unsigned retry_s)
{
    go(v, FH__AT_LEAVE);
    send_u32(v, FH__MSG_REFUSE, retry_s);
}

static bool on_hello(struct viewer *v, struct rd body)
{
    const struct fh__caller *c = &v->entry.caller;
    unsigned wait_s = fh__gate_hello(&v->s->gate, c);
    size_t len;
    const uint8_t *source = fh__caller_source(c, &len);

    (void)body;
    if (fh__auditlog_is_full(v->s->audit)) /* as of its first line */
        wait_s = 1;
    if (wait_s == 0)
        (void)fh_admission_handshake(v->s->admission, uv_now(v->s->loop), source, len, &wait_s);
    if (wait_s == 0 && !fh__steady_is_ready(v->s->key)) {
        fh__log(FH__LOG_WARNING, "%s must try again: the key process is not there", c->peer);
        wait_s = 1;
    }
    if (wait_s > 0 || fh__steady_send(v->s->key, FH__MSG_KEY_ONCE, NULL, 0, v->key_end) != 0) {
        refuse(v, wait_s ? wait_s : 1);
        return true;
    }
    close(v->key_end);
    v->key_end = -1;
    close_stream(v);
    go(v, FH__AT_HANDSHAKE);
    (void)fh__viewer_send(v, FH__MSG_PROCEED, NULL, 0, -1);
    return true;
}

static bool on_peer(struct viewer *v, struct rd body)
{
    const struct fh__caller *c = &v->entry.caller;
    struct fh__msg_peer m;

    if (!fh__msg_peer_read(body, &m))
        return false;
    memcpy(v->entry.caller.fingerprint, m.fingerprint, FH_FINGERPRINT_LEN);
    v->entry.caller.has_fingerprint = true;
    fh__text_copy(m.program, v->program, sizeof v->program);
    go(v, FH__AT_DOOR);
    if (v->has_arrived && memcmp(v->arrival.told, m.fingerprint, FH_FINGERPRINT_LEN) != 0) {
        fh__log(FH__LOG_WARNING, "%s proved another identity than the cloud named", c->peer);
        fh__viewer_record(v, FH_AUDIT_REFUSED, "swapped", NULL);
        fh__viewer_disconnect(v, FH_BYE_IDENTITY, false);
        return true;
    }
    fh__viewer_record(v, FH_AUDIT_IDENTIFIED, NULL, NULL);
    return true;
}

/* Whom a cloud brought it named by his key, and these have none. */
static size_t older_offered(const struct viewer *v, uint16_t *out)
{
    return v->has_arrived ? 0 : fh__older_offered(v->s->cfg, &v->address, out);
}

/* Nobody takes a type that he was not offered; nor may a process say that he did. */
static bool is_offered_type(const struct viewer *v, unsigned type)
{
    uint16_t types[FH_OLDER_MAX];
    size_t n = older_offered(v, types);

    for (size_t i = 0; i < n; i++)
        if (types[i] == type)
            return true;
    return false;
}

static bool on_older(struct viewer *v, struct rd body)
{
    struct fh__msg_older m;

    if (!fh__msg_older_read(body, &m) || !is_offered_type(v, m.type))
        return false;
    v->older = v->entry.older = m.type;
    snprintf(v->program, sizeof v->program, "RFB 3.%u, %s", m.version, fh_older_name(m.type));
    go(v, FH__AT_DOOR);
    fh__viewer_record(v, FH_AUDIT_IDENTIFIED, NULL, NULL);
    return true;
}

/* Who has no name to say comes in under one that the configuration gives. */
static bool take_proof(struct viewer *v, const struct fh__msg_attempt *m, struct fh_credentials *c)
{
    unsigned what = fh_older_what(v->older);
    bool is_named = v->older == 0 || (what & FH_OLDER_IS_LOGIN);

    if (v->older == 0 ? (unsigned)m->method >= FH_METHOD_OLDER
                      : m->method != (what & FH_OLDER_IS_LOGIN ? FH_METHOD_PASSWORD
                                      : what & FH_OLDER_IS_VNC ? FH_METHOD_VNC
                                                               : FH_METHOD_NONE))
        return false;
    if (!is_named)
        fh__text_copy(fh__text_of(v->s->cfg->vnc_user), v->said.user, sizeof v->said.user);
    if (m->method != FH_METHOD_VNC)
        return true;
    c->challenge = (const uint8_t *)v->said.password;
    c->response = c->challenge + FH_VNCAUTH_LEN;
    return true;
}

/* Whether the datagrams of a direct path carry them is the cloud process's to know. */
static bool on_keys(struct viewer *v, struct rd body)
{
    if (v->has_arrived && v->s->cloud)
        fh__cloud_keys(v->s->cloud, v->arrival.connection, body.p);
    return v->has_arrived;
}

static bool on_attempt(struct viewer *v, struct rd body)
{
    struct fh__msg_attempt m;
    struct fh_credentials c = {.user = v->said.user};

    if (!fh__msg_attempt_read(body, &m) || ++v->attempts > FH_SERVER_AUTH_ATTEMPTS)
        return false;
    memcpy(v->entry.caller.binding, m.binding, FH_AUTH_BINDING_LEN);
    fh__text_copy(m.user, v->said.user, sizeof v->said.user);
    fh__text_copy(m.password, v->said.password, sizeof v->said.password);
    v->method = c.method = m.method;
    c.attempt = v->attempts;
    if (!take_proof(v, &m, &c))
        return false;
    if (m.method == FH_METHOD_PASSWORD) {
        c.password = v->said.password;
        c.password_len = m.password.len;
    }
    go(v, FH__AT_DECISION);
    fh__entry_begin(&v->entry, &c);
    return true;
}

/* What asks need not doubt what it is told, such as a program of the administrator's. */
static bool are_of_question(const struct viewer *v, const struct fh__msg_items *m)
{
    bool are = m->n == v->n_asked;

    for (size_t i = 0; are && i < m->n; i++)
        are = m->items[i].kind == v->asked[i];
    return are;
}

static bool on_answers(struct viewer *v, struct rd body)
{
    struct fh__msg_items m;

    if (!fh__msg_items_read(body, &m) || !are_of_question(v, &m))
        return false;
    go(v, FH__AT_DECISION);
    fh__entry_answered(&v->entry, m.items, m.n);
    return true;
}

/* What the record calls the session: chance makes no two alike, whoever says another's lies. */
static bool take_id(struct viewer *v, struct rd body)
{
    static const char hex[] = "0123456789abcdef";
    char id[sizeof v->id] = "";

    for (size_t i = 0; i < FH_SESSION_ID_LEN; i++) {
        uint8_t byte = rd_u8(&body);

        id[2 * i] = hex[byte >> 4];
        id[2 * i + 1] = hex[byte & 15];
    }
    for (const struct viewer *other = v->s->viewers; other; other = other->next)
        if (strcmp(other->id, id) == 0)
            return false;
    memcpy(v->id, id, sizeof id);
    return true;
}

/* What it may see it gets only now that its beginning is on record. */
static bool on_started(struct viewer *v, struct rd body)
{
    char permissions[FH_PERMISSIONS_TEXT];

    if (!take_id(v, body))
        return false;
    v->has_started = true;
    v->started_ms = uv_now(v->s->loop);
    go(v, FH__AT_WORK);
    fh__viewer_record(v, FH_AUDIT_STARTED, NULL, NULL);
    fh_permissions_format(v->granted, permissions, sizeof permissions);
    fh__log(FH__LOG_NOTICE, "%s started as %s, may: %s", v->entry.caller.peer, v->said.user,
            permissions);
    fh__viewer_apply(v);
    v->s->sessions++;
    fh__sharing_changed(v->s);
    fh__viewer_attach(v);
    return true;
}

/* ---- where its viewer is ---- */

static void close_stream(struct viewer *v)
{
    if (v->stream >= 0)
        close(v->stream);
    v->stream = -1;
}

/* Whose viewer says that it is back; also of one that has ended and has last words for it. */
static struct viewer *find_linked(const struct fh__sharing *s, const uint8_t *ref)
{
    struct viewer *v = s->viewers;

    while (v && (!v->is_linked || !v->child.is_running || memcmp(v->ref, ref, sizeof v->ref) != 0))
        v = v->next;
    return v;
}

/* Nobody has another's name, by which its viewer would come to him. */
static bool on_linked(struct viewer *v, struct rd body)
{
    if (v->is_linked || find_linked(v->s, body.p))
        return false;
    v->is_linked = true;
    rd_copy(&body, v->ref, sizeof v->ref);
    return true;
}

static void forget_return(struct viewer *v, unsigned i)
{
    v->n_returns--;
    memmove(v->returns + i, v->returns + i + 1, (v->n_returns - i) * sizeof *v->returns);
}

/* Who only claims to be its viewer may push out who is; then that one comes again. */
static void expect(struct viewer *v, const struct fh__caller *from)
{
    if (v->n_returns == FH__VIEWER_RETURNS) {
        forget_return(v, 0);
        v->has_more_returns = true;
    }
    v->returns[v->n_returns++] = *from;
}

/* Its stream and what came of it go on, unread; that it is its viewer is proved there. */
static bool hand_on(struct viewer *v, struct viewer *to, const struct fh_link_opening *opening)
{
    const struct fh__msg_stream m = {v->address, *opening};
    uint8_t body[FH__STREAM_LEN];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_stream_write(&w, &m);
    if (fh__viewer_send(to, FH__MSG_STREAM, body, w.len, v->stream) != 0)
        return false;
    expect(to, &v->entry.caller);
    return true;
}

/* Whom the cloud named is who that session's viewer is, or what is recorded of it would be wrong.
 */
static bool is_named(const struct viewer *v, const struct viewer *to)
{
    const struct fh__caller *c = &to->entry.caller;

    return !v->has_arrived || (c->has_fingerprint &&
                               memcmp(v->arrival.told, c->fingerprint, sizeof c->fingerprint) == 0);
}

static bool on_moved(struct viewer *v, struct rd body)
{
    struct fh__msg_moved m;
    struct viewer *to;
    const char *refused = "resume-unknown";
    uint32_t most;

    if (!fh__msg_moved_read(body, &m) || v->stream < 0)
        return false;
    if ((to = find_linked(v->s, m.ref)) != NULL)
        refused = is_named(v, to)
                      ? fh__gate_resume(&v->s->gate, &v->entry.caller, to->entry.asks, &most)
                      : "swapped";
    if (!refused && !hand_on(v, to, &m.opening))
        refused = "internal";
    close_stream(v);
    if (refused)
        fh__viewer_record(v, FH_AUDIT_REFUSED, refused, NULL);
    over(v, refused ? "it may not carry on with the session that it names"
                    : "it wants to carry on with a session");
    return true;
}

static void move_to(struct fh__caller *c, const struct fh__caller *from)
{
    memcpy(c->peer, from->peer, sizeof c->peer);
    memcpy(c->ip, from->ip, sizeof c->ip);
    c->ip_len = from->ip_len;
    c->way = from->way;
    memcpy(c->cloud, from->cloud, sizeof c->cloud);
    memcpy(c->told, from->told, sizeof c->told);
}

/* Whose streams come from there as well may be in a place from which less is allowed. */
static void narrow(struct viewer *v, const struct fh__caller *from)
{
    uint32_t most = FH_PERM_NONE;

    (void)fh__gate_resume(&v->s->gate, from, v->entry.asks, &most);
    v->granted = fh_permissions_and(v->granted, most);
    fh__viewer_apply(v);
}

/* One more stream, which its session may go by from now on, or later. */
static void on_beside(struct viewer *v, const struct fh__caller *from)
{
    v->ways[from->way] = *from;
    narrow(v, from);
    fh__log(FH__LOG_DEBUG, "%s has a %s stream as well", v->entry.caller.peer,
            fh__way_word(from->way));
}

/* It says which of those that we gave it. */
static bool on_way(struct viewer *v, struct rd body)
{
    uint8_t way;

    if (!fh__msg_u8_read(body, &way) || way > FH__WAY_RELAY || v->ways[way].number == 0)
        return false;
    move_to(&v->entry.caller, &v->ways[way]);
    fh__viewer_record(v, FH_AUDIT_MOVED, NULL, NULL);
    fh__log(FH__LOG_INFO, "%s: the session is %s now", v->entry.caller.peer,
            fh__way_word((enum fh__way)way));
    fh__sharing_changed(v->s);
    return true;
}

static void on_back(struct viewer *v, const struct fh__caller *from)
{
    struct fh__caller *c = &v->entry.caller;

    v->is_away = false;
    v->ways[from->way] = *from;
    move_to(c, from);
    fh__viewer_record(v, FH_AUDIT_RESUMED, NULL, NULL);
    fh__log(FH__LOG_NOTICE, "%s carries on with its session", c->peer);
    narrow(v, c);
    fh__sharing_changed(v->s);
}

static void on_not_proved(struct viewer *v, const struct fh__caller *from)
{
    const struct fh__caller own = v->entry.caller;

    move_to(&v->entry.caller, from);
    v->entry.caller.has_fingerprint = false;
    fh__viewer_record(v, FH_AUDIT_REFUSED, "resume-not-proved", NULL);
    v->entry.caller = own;
}

static bool on_left(struct viewer *v)
{
    if (!v->is_linked || v->is_away)
        return false;
    v->is_away = true;
    fh__viewer_record(v, FH_AUDIT_DETACHED, NULL, NULL);
    fh__log(FH__LOG_NOTICE, "%s lost its network; its session waits", v->entry.caller.peer);
    return true;
}

/* Each stream that was handed on is answered for once, at the most. */
static bool on_away(struct viewer *v, struct rd body)
{
    struct fh__msg_away m;
    struct fh__caller from;
    unsigned i = 0;

    if (!fh__msg_away_read(body, &m))
        return false;
    if (m.where == FH__AWAY)
        return on_left(v);
    while (i < v->n_returns && (strlen(v->returns[i].stream) != m.peer.len ||
                                memcmp(v->returns[i].stream, m.peer.p, m.peer.len) != 0))
        i++;
    if (i == v->n_returns && m.where == FH__BACK && v->has_more_returns)
        fh__viewer_disconnect(v, FH_BYE_INTERNAL, true);
    if (i == v->n_returns)
        return v->has_more_returns;
    from = v->returns[i];
    forget_return(v, i);
    if (m.where == FH__BACK)
        on_back(v, &from);
    else if (m.where == FH__BESIDE)
        on_beside(v, &from);
    else
        on_not_proved(v, &from);
    return true;
}

/* ---- its work ---- */

static void mask(struct viewer *v, unsigned number, uint32_t permissions, int fd)
{
    const struct fh__msg_mask m = {v->entry.caller.number, permissions};
    uint8_t body[12];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_mask_write(&w, &m);
    (void)fh__steady_send(v->s->desktop, number, body, w.len, fd);
}

void fh__viewer_apply(struct viewer *v)
{
    uint32_t now = v->s->is_paused ? FH_PERM_NONE : v->granted;

    if (v->stage != FH__AT_WORK || now == v->in_force)
        return;
    v->in_force = now;
    if (v->is_attached)
        mask(v, FH__MSG_MASK, now, -1);
    send_u32(v, FH__MSG_PERMISSIONS, now);
    fh__viewer_record(v, FH_AUDIT_PERMISSIONS, NULL, NULL);
}

void fh__viewer_attach(struct viewer *v)
{
    int ends[2];

    if (v->stage != FH__AT_WORK || v->is_attached || !fh__steady_is_ready(v->s->desktop))
        return;
    if (fh__link_pair(ends) != 0) {
        fh__viewer_disconnect(v, FH_BYE_INTERNAL, true);
        return;
    }
    v->is_attached = true;
    mask(v, FH__MSG_ATTACH, v->in_force, ends[0]);
    (void)fh__viewer_send(v, FH__MSG_DESKTOP_END, NULL, 0, ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void detach(struct viewer *v)
{
    uint8_t body[8];
    struct wr w = wr_init(body, sizeof body);

    if (!v->is_attached)
        return;
    v->is_attached = false;
    wr_u64(&w, v->entry.caller.number);
    (void)fh__steady_send(v->s->desktop, FH__MSG_DETACH, body, w.len, -1);
}

/* Its process may take its time with the farewell, or not care: the desktop is closed to it now. */
static void send_away(struct viewer *v)
{
    if (v->is_attached && !v->s->is_closing)
        mask(v, FH__MSG_MASK, FH_PERM_NONE, -1);
    detach(v);
}

/* ---- its end ---- */

/* One session less. */
static void leave(struct fh__sharing *s)
{
    s->sessions--;
    fh__sharing_changed(s);
    if (s->sessions > 0)
        return;
    if (s->is_closing)
        fh__notices_close(&s->notices); /* nobody waits for its farewell */
    fh__leave(s->loop, s->cfg, s->seat);
}

static void over(struct viewer *v, const char *text)
{
    fh__log(v->has_started ? FH__LOG_NOTICE : FH__LOG_INFO, "%s ended: %s", v->entry.caller.peer,
            text);
    detach(v);
    forget_password(v);
    fh__entry_forget(&v->entry);
    go(v, FH__AT_END);
    if (v->has_started)
        leave(v->s);
}

/* Each kind of end is told once. */
static bool on_report(struct viewer *v, struct rd body)
{
    struct fh__msg_report m;

    if (!fh__msg_report_read(body, &m) || (v->reported & 1u << m.type))
        return false;
    v->reported |= 1u << m.type;
    fh__viewer_record(v, m.type, fh_bye_word(m.reason), &m);
    if (m.type == FH_AUDIT_ENDED)
        over(v, fh_bye_text(m.reason));
    return true;
}

/* It has not said how it ended. */
static void record_crash(struct viewer *v)
{
    const char *fate = v->fate ? v->fate : "crashed";

    if (v->stage & (FH__AT_DECISION | FH__AT_QUESTION))
        fh__viewer_record(v, FH_AUDIT_AUTH_FAILED, fate, NULL);
    else if (!v->entry.caller.has_fingerprint && !v->older)
        fh__viewer_record(v, FH_AUDIT_REFUSED, fate, NULL);
    fh__viewer_record(v, FH_AUDIT_ENDED, fate, NULL);
    over(v, "its process was ended");
}

void fh__viewer_punish(struct viewer *v, const char *why)
{
    if (v->fate)
        return;
    fh__log(FH__LOG_ERROR, "the session process of %s sent %s; it is killed", v->entry.caller.peer,
            why);
    v->fate = "violation";
    fh__child_kill(&v->child);
}

static void unlink_viewer(struct viewer *v)
{
    struct viewer **at = &v->s->viewers;

    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
}

static void one_closed(struct viewer *v)
{
    struct fh__sharing *s = v->s;

    if (--v->open > 0)
        return;
    unlink_viewer(v);
    fh_wipe(v, sizeof *v);
    free(v);
    if (s->is_closing && !s->viewers)
        s->closed(s->closed_user);
}

static void on_deadline_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

static void on_gone(void *user, int64_t status, int signal)
{
    struct viewer *v = user;
    const struct fh__caller *c = &v->entry.caller;
    size_t len;
    const uint8_t *source = fh__caller_source(&v->admitted, &len);

    if (v->stage != FH__AT_END) {
        if (!v->fate)
            fh__records_crash(FH__SESSION, c->number, status, signal);
        if (status >= 0 && (!v->fate || strcmp(v->fate, "violation") == 0))
            fh__gate_crashed(&v->s->gate, c);
        record_crash(v);
    }
    if (v->key_end >= 0)
        close(v->key_end);
    close_stream(v);
    if (v->is_counted)
        fh_admission_leave(v->s->admission, source, len, v->is_authenticated);
    if (v->has_arrived && v->s->cloud)
        fh__cloud_leave(v->s->cloud, v->arrival.connection);
    uv_close((uv_handle_t *)&v->deadline, on_deadline_closed);
    one_closed(v);
}

/* ---- what it says ---- */

static const struct {
    unsigned number;
    bool (*take)(struct viewer *v, struct rd body);
} handlers[] = {
    {FH__MSG_OLDER, on_older},     {FH__MSG_HELLO, on_hello},     {FH__MSG_PEER, on_peer},
    {FH__MSG_ATTEMPT, on_attempt}, {FH__MSG_ANSWERS, on_answers}, {FH__MSG_STARTED, on_started},
    {FH__MSG_REPORT, on_report},   {FH__MSG_LINKED, on_linked},   {FH__MSG_MOVED, on_moved},
    {FH__MSG_AWAY, on_away},       {FH__MSG_KEYS, on_keys},       {FH__MSG_WAY, on_way},
};

static void on_message(void *user, unsigned number, struct rd body, int fd)
{
    struct viewer *v = user;
    size_t i = 0;

    (void)fd; /* none of them may send one */
    if (!fh__message_is_in_time(number, v->stage)) {
        fh__viewer_punish(v, "something at the wrong time");
        return;
    }
    if (number == FH__MSG_LOG && v->n_logged++ >= FH__VIEWER_LOG_MAX)
        return;
    if (fh__records_message(FH__SESSION, v->entry.caller.number, number, body))
        return;
    if (v->stage == FH__AT_LEAVE && number != FH__MSG_REPORT)
        return; /* said before it knew */
    while (handlers[i].number != number)
        i++;
    if (!handlers[i].take(v, body))
        fh__viewer_punish(v, "a message that cannot be");
}

static void on_broken(void *user, const char *why)
{
    struct viewer *v = user;

    if (why)
        fh__viewer_punish(v, why);
    else
        fh__child_hang_up(&v->child);
}

static const struct fh__child_ops child_ops = {{on_message, on_broken}, on_gone};

/* ---- its beginning ---- */

/* A session that a cloud brought has streams that come and go, whatever else is resumed. */
static uint32_t resume_ms(const struct viewer *v)
{
    uint32_t ms = v->s->cfg->resume_timeout_s * 1000;

    return ms == 0 && v->has_arrived ? FH__VIEWER_CLOUD_MS : ms;
}

static void send_setup(struct viewer *v, const struct fh_address *peer)
{
    const struct fh__config *cfg = v->s->cfg;
    uint8_t methods[FH_METHODS_MAX], body[FH__SETUP_MAX];
    struct fh__msg_session_setup m = {.level = (uint8_t)fh__log_get_level(),
                                      .peer = *peer,
                                      .idle_ms = (uint64_t)cfg->idle_timeout_s * 1000,
                                      .resume_ms = resume_ms(v),
                                      .way = v->arrival.way,
                                      .session_ref = v->has_arrived ? v->arrival.ref : NULL,
                                      .cloud_secret =
                                          v->arrival.has_secret ? v->arrival.secret : NULL,
                                      .spki = v->s->spki,
                                      .spki_len = v->s->spki_len,
                                      .methods = methods,
                                      .n_methods = fh__entrance_methods(cfg, methods),
                                      .user = fh__text_of(v->s->user),
                                      .name = {cfg->name, strnlen(cfg->name, FH__TEXT_MAX)}};
    struct wr w = wr_init(body, sizeof body);

    m.n_older = older_offered(v, m.older);
    m.rsa_pub = v->s->rsa_pub;
    m.rsa_pub_len = v->s->rsa_pub_len;
    m.tls = fh__text_of(v->s->tls);
    fh__msg_session_setup_write(&w, &m);
    (void)fh__viewer_send(v, FH__MSG_SESSION_SETUP, body, w.len, -1);
    fh_wipe(body, sizeof body);
    fh_wipe(v->arrival.secret, sizeof v->arrival.secret);
}

int fh__viewer_start(struct viewer *v, int fd, const struct fh_address *peer)
{
    int ends[2], fds[2], error;

    v->entry.caller.ops = &caller_ops;
    v->entry.caller.user = v;
    v->address = *peer;
    v->admitted = v->ways[v->entry.caller.way] = v->entry.caller;
    v->stream = resume_ms(v) > 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fh__link_pair(ends) != 0) {
        close_stream(v);
        return -1;
    }
    fds[0] = fd;
    fds[1] = ends[1];
    v->key_end = ends[0];
    v->stage = FH__AT_START;
    error = fh__child_start(&v->child, v->s->loop, FH__SESSION, NULL, fds, 2, &child_ops, v);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        close_stream(v);
        fh__log(FH__LOG_ERROR, "a session process cannot be started: %s", uv_strerror(error));
        return -1;
    }
    uv_timer_init(v->s->loop, &v->deadline);
    v->deadline.data = v;
    v->open = 2;
    set_deadline(v, FH__VIEWER_ENTRY_MS);
    send_setup(v, peer);
    return 0;
}
