/* SPDX-License-Identifier: MIT */
/* sharing.c -- the connections of viewers. */
#include "sharing.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/identity_uv.h>
#include <farhand/pki.h>

#include "cloud.h"
#include "log.h"
#include "viewer.h"

static bool is_meant(const struct viewer *v, uint64_t number)
{
    return number == FH__SHARING_ALL || v->entry.caller.number == number;
}

/* ---- who comes ---- */

static void fill_caller(struct fh__caller *c, uint64_t number, const struct fh_address *peer,
                        const struct fh__arrival *from)
{
    *c = (struct fh__caller){.number = number};
    fh_address_print(peer, c->peer, sizeof c->peer);
    c->ip_len = peer->family == FH_ADDRESS_IPV4 ? 4 : peer->family == FH_ADDRESS_IPV6 ? 16 : 0;
    memcpy(c->ip, peer->ip, c->ip_len);
    if (!from)
        return;
    c->way = from->way;
    memcpy(c->cloud, from->cloud, sizeof c->cloud);
    memcpy(c->told, from->told, sizeof c->told);
    if (peer->family == FH_ADDRESS_NONE)
        snprintf(c->peer, sizeof c->peer, "cloud:%s", from->cloud);
}

/* NULL, or why it is closed without a byte. */
static const char *judge(struct viewer *v)
{
    struct fh__sharing *s = v->s;
    struct fh__caller *c = &v->entry.caller;
    const char *refused;
    bool asks;
    size_t len;
    const uint8_t *source = fh__caller_source(c, &len);

    if (fh_admission_enter(s->admission, source, len) != 0)
        return "busy";
    v->is_counted = true;
    if (fh__auditlog_is_full(s->audit)) {
        fh__log(FH__LOG_WARNING, "%s was rejected: its session could not be recorded", c->peer);
        return "audit-full";
    }
    if ((refused = fh__gate_request(&s->gate, c, &v->entry.most, &asks)) != NULL) {
        fh__log(FH__LOG_INFO, "%s was rejected: the filter does not let it in", c->peer);
        return refused;
    }
    v->entry.at = &s->entrance;
    v->entry.asks = asks || s->cfg->approve == FH__APPROVE_ALWAYS;
    v->entry.asks_present = s->cfg->approve == FH__APPROVE_PRESENT;
    if (fh__userstore_refresh(s->users) == 0 && s->cfg->auth != FH__AUTH_PROGRAM) {
        fh__log(s->has_warned ? FH__LOG_DEBUG : FH__LOG_WARNING,
                "%s was rejected, as everyone is: there are no users; add one with "
                "vncserverd user add NAME",
                c->peer);
        s->has_warned = true;
        return "no-users";
    }
    s->has_warned = false;
    return NULL;
}

static void turn_away(struct viewer *v, const char *why)
{
    size_t len;
    const uint8_t *source = fh__caller_source(&v->entry.caller, &len);

    fh__viewer_record(v, FH_AUDIT_REFUSED, why, NULL);
    if (v->is_counted)
        fh_admission_leave(v->s->admission, source, len, false);
    fh_wipe(v, sizeof *v);
    free(v);
}

const char *fh__sharing_knock(struct fh__sharing *s, const struct fh__arrival *from,
                              unsigned *retry_s)
{
    static const struct fh_address nowhere;
    struct fh_audit_event ev = {.type = FH_AUDIT_REFUSED};
    struct fh__caller c;
    uint32_t most;
    bool asks;

    fill_caller(&c, ++s->last_number, &nowhere, from);
    *retry_s = 0;
    ev.reason = s->is_closing ? "shutdown" : fh__gate_request(&s->gate, &c, &most, &asks);
    if (!ev.reason && (*retry_s = fh__gate_hello(&s->gate, &c)) > 0)
        ev.reason = "blacklisted";
    if (!ev.reason)
        return NULL;
    fh__caller_describe(&c, &ev);
    fh__log(FH__LOG_INFO, "%s was rejected: %s", c.peer, ev.reason);
    fh__auditlog_write(s->audit, &ev);
    return ev.reason;
}

/* Through a cloud, one end of a pair of ours: what it is called tells it from all others. */
static struct fh_address name_stream(struct viewer *v, const struct fh_address *peer,
                                     const struct fh__arrival *from)
{
    struct fh_address name = *peer;

    if (from)
        name =
            (struct fh_address){.family = FH_ADDRESS_UNIX, .uid = (uint32_t)v->entry.caller.number};
    fh_address_print(&name, v->entry.caller.stream, sizeof v->entry.caller.stream);
    return name;
}

void fh__sharing_accept(struct fh__sharing *s, int fd, const struct fh_address *peer,
                        const struct fh__arrival *from)
{
    struct viewer *v = s->is_closing ? NULL : calloc(1, sizeof *v);
    struct fh_address name;
    const char *refused;

    if (v) {
        v->s = s;
        v->accepted_ms = uv_now(s->loop);
        v->has_arrived = from != NULL;
        if (from)
            v->arrival = *from;
        fill_caller(&v->entry.caller, ++s->last_number, peer, from);
        name = name_stream(v, peer, from);
        refused = judge(v);
        if (!refused && fh__viewer_start(v, fd, &name) != 0)
            refused = "internal";
        if (refused) {
            turn_away(v, refused);
        } else {
            fh__log(FH__LOG_DEBUG, "%s connected", v->entry.caller.peer);
            if (from && s->cloud)
                fh__cloud_enter(s->cloud, from->connection);
            fh__viewer_record(v, FH_AUDIT_CONNECTED, NULL, NULL);
            v->next = s->viewers;
            s->viewers = v;
        }
    }
    close(fd);
}

/* ---- beginning and changes ---- */

/* As root, they are somebody who owns nothing. */
void fh__sharing_choose_users(struct fh__sharing *s)
{
    const char *name = s->cfg->service_user;

    if (geteuid() != 0)
        return;
    if (!name)
        name = getpwnam("vncserverd") ? "vncserverd" : "nobody";
    snprintf(s->user, sizeof s->user, "%s", name);
    snprintf(s->key_user, sizeof s->key_user, "%s",
             getpwnam("vncserverd-key") ? "vncserverd-key" : name);
}

static void send_hold(struct fh__sharing *s)
{
    const uint8_t is_held = s->is_held;

    (void)fh__steady_send(s->desktop, FH__MSG_HOLD, &is_held, 1, -1);
}

static void on_hold(void *user, bool is_held)
{
    struct fh__sharing *s = user;

    s->is_held = is_held;
    send_hold(s);
}

static void on_disconnect_wanted(void *user)
{
    fh__sharing_disconnect(user, FH__SHARING_ALL);
}

/* Who sits there is asked and told. */
static void open_people(struct fh__sharing *s)
{
    fh__approvals_open(&s->approvals, s->loop, s->cfg, s->seat, !s->is_virtual);
    s->approvals.hold = on_hold;
    s->approvals.hold_user = s;
    s->notices = (struct fh__notices){.loop = s->loop,
                                      .cfg = s->cfg,
                                      .seat = s->seat,
                                      .has_desktop = !s->is_virtual,
                                      .disconnect = on_disconnect_wanted,
                                      .user = s};
}

static void open_entrance(struct fh__sharing *s)
{
    s->entrance = (struct fh__entrance){.loop = s->loop,
                                        .cfg = s->cfg,
                                        .users = s->users,
                                        .gate = &s->gate,
                                        .approvals = &s->approvals,
                                        .audit = s->audit};
    fh_fingerprint(s->spki, s->spki_len, s->entrance.fingerprint);
    fh_random_system(NULL, s->entrance.fake_key, sizeof s->entrance.fake_key);
}

int fh__sharing_open(struct fh__sharing *s, const uint8_t *spki, size_t len)
{
    const struct fh_admission_config limits = {.max_half_open = s->cfg->max_half_open,
                                               .max_half_open_source = s->cfg->max_half_open_source,
                                               .max_sessions = s->cfg->max_sessions};
    int error = fh__gate_open(&s->gate, s->loop, s->cfg, s->audit);

    if (error)
        return error;
    if (!(s->admission = fh_admission_new(&limits))) {
        fh__gate_close(&s->gate);
        return FH_SESSION_E_NOMEM;
    }
    s->spki_len = len < sizeof s->spki ? len : sizeof s->spki;
    memcpy(s->spki, spki, s->spki_len);
    open_entrance(s);
    open_people(s);
    s->is_open = true;
    return 0;
}

void fh__sharing_configure(struct fh__sharing *s)
{
    size_t len = strnlen(s->cfg->name, FH__TEXT_MAX);
    const uint8_t level = (uint8_t)fh__log_get_level();

    if (!s->is_open)
        return;
    for (struct viewer *v = s->viewers; v; v = v->next) {
        (void)fh__viewer_send(v, FH__MSG_NAME, s->cfg->name, len, -1);
        (void)fh__viewer_send(v, FH__MSG_LEVEL, &level, 1, -1);
    }
    if (fh__notices_configure(&s->notices) && s->sessions > 0)
        fh__sharing_changed(s);
    fh_admission_set_max_sessions(s->admission, s->cfg->max_sessions);
    if (fh__gate_configure(&s->gate, s->cfg) != 0)
        fh__log(FH__LOG_ERROR, "out of memory: the filter stays as it is");
}

void fh__sharing_desktop(struct fh__sharing *s, bool is_there)
{
    if (is_there)
        send_hold(s);
    for (struct viewer *v = s->viewers; v; v = v->next) {
        if (is_there)
            fh__viewer_attach(v);
        else if (v->is_attached)
            fh__viewer_disconnect(v, FH_BYE_SERVER, true);
        v->is_attached = v->is_attached && is_there;
    }
}

void fh__sharing_wait(struct fh__sharing *s, const char *why)
{
    for (struct viewer *v = s->viewers; v; v = v->next)
        v->is_attached = false;
    (void)fh__sharing_notice(s, FH__SHARING_ALL, why);
}

void fh__sharing_next(struct fh__sharing *s, const uint8_t *spki, size_t len)
{
    if (s->is_open || len > sizeof s->next_spki)
        return; /* it is taken at the next start */
    memcpy(s->next_spki, spki, len);
    s->next_spki_len = len;
}

void fh__sharing_rsa(struct fh__sharing *s, const uint8_t *pub, size_t len)
{
    char text[FH_RSAAES_FINGERPRINT_TEXT];

    if (len > sizeof s->rsa_pub || fh_rsaaes_check_pub(pub, len) != 0)
        return;
    memcpy(s->rsa_pub, pub, len);
    s->rsa_pub_len = len;
    fh_rsaaes_fingerprint(pub, len, text);
    fh__log(FH__LOG_NOTICE, "fingerprint of RSA-AES: %s", text);
}

void fh__sharing_tls(struct fh__sharing *s, const uint8_t *pem, size_t len)
{
    char hex[FH_FINGERPRINT_HEX];
    uint8_t hash[FH_TLS_HASH_LEN];
    struct fh_tls_pin pin;

    if (len >= sizeof s->tls || memchr(pem, 0, len))
        return;
    memcpy(s->tls, pem, len);
    s->tls[len] = '\0';
    if (fh_pki_pin(s->tls, &pin) != 0 || fh_pki_look(s->tls, hash, NULL, NULL) != 0) {
        s->tls[0] = '\0';
        return;
    }
    fh_fingerprint_to_hex(hash, hex);
    fh__log(FH__LOG_NOTICE, "fingerprint of TLS, of its certificate: %s", hex);
    fh_fingerprint_to_hex(pin.sha256, hex);
    fh__log(FH__LOG_NOTICE, "fingerprint of TLS, of its key: %s", hex);
}

void fh__sharing_rotated(struct fh__sharing *s, struct rd body)
{
    struct fh__msg_rotated m;

    if (!fh__msg_rotated_read(body, &m))
        return;
    for (struct viewer *v = s->viewers; v; v = v->next)
        if (v->entry.caller.number == m.number)
            fh__viewer_rotated(v, &m);
}

void fh__sharing_unrotated(struct fh__sharing *s)
{
    for (struct viewer *v = s->viewers; v; v = v->next)
        fh__viewer_rotated(v, NULL);
}

void fh__sharing_accuse(struct fh__sharing *s, uint64_t number)
{
    for (struct viewer *v = s->viewers; v; v = v->next)
        if (v->entry.caller.number == number)
            fh__viewer_punish(v, "the desktop a message that cannot be");
}

/* ---- by the operator ---- */

static json_t *describe(const struct viewer *v)
{
    char permissions[FH_PERMISSIONS_TEXT];

    fh_permissions_format(v->granted, permissions, sizeof permissions);
    return json_pack("{s:I,s:s,s:s,s:s,s:s,s:I,s:s,s:s}", "session",
                     (json_int_t)v->entry.caller.number, "id", v->id, "peer", v->entry.caller.peer,
                     "user", v->said.user, "permissions", permissions, "seconds",
                     (json_int_t)((uv_now(v->s->loop) - v->started_ms) / 1000), "path",
                     fh__way_word(v->entry.caller.way), "cloud", v->entry.caller.cloud);
}

json_t *fh__sharing_describe(const struct fh__sharing *s)
{
    json_t *sessions = json_array();

    for (const struct viewer *v = s->viewers; v; v = v->next)
        if (fh__viewer_is_at_work(v))
            json_array_append_new(sessions, describe(v));
    return json_pack("{s:b,s:o}", "paused", s->is_paused, "sessions", sessions);
}

/* What the desktop shows of them. */
void fh__sharing_changed(struct fh__sharing *s)
{
    json_t *all = fh__sharing_describe(s);
    char *text = json_dumps(all, JSON_COMPACT);
    size_t len = text ? strlen(text) : 0;

    json_decref(all);
    if (text) {
        text[len] = '\n'; /* in the place of NUL */
        fh__notices_tell(&s->notices, text, len + 1, s->sessions);
    }
    free(text);
}

unsigned fh__sharing_disconnect(struct fh__sharing *s, uint64_t number)
{
    unsigned n = 0;

    for (struct viewer *v = s->viewers; v; v = v->next) {
        if (!is_meant(v, number) || !fh__viewer_is_at_work(v))
            continue;
        n++;
        fh__log(FH__LOG_NOTICE, "%s is disconnected by an operator", v->entry.caller.peer);
        fh__viewer_disconnect(v, FH_BYE_SERVER, false);
    }
    return n;
}

unsigned fh__sharing_set_permissions(struct fh__sharing *s, uint64_t number, uint32_t permissions)
{
    unsigned n = 0;

    for (struct viewer *v = s->viewers; v; v = v->next) {
        if (!is_meant(v, number) || !fh__viewer_is_at_work(v))
            continue;
        n++;
        v->granted = permissions;
        fh__viewer_apply(v);
    }
    if (n > 0)
        fh__sharing_changed(s);
    return n;
}

unsigned fh__sharing_notice(struct fh__sharing *s, uint64_t number, const char *text)
{
    unsigned n = 0;

    for (struct viewer *v = s->viewers; v; v = v->next) {
        if (!is_meant(v, number) || !fh__viewer_is_at_work(v))
            continue;
        n++;
        (void)fh__viewer_send(v, FH__MSG_NOTICE, text, strnlen(text, FH_AUTH_TEXT_MAX), -1);
    }
    return n;
}

void fh__sharing_pause(struct fh__sharing *s, bool is_paused)
{
    if (s->is_paused != is_paused)
        fh__log(FH__LOG_NOTICE, is_paused ? "paused by an operator" : "resumed by an operator");
    s->is_paused = is_paused;
    for (struct viewer *v = s->viewers; v; v = v->next)
        fh__viewer_apply(v);
    fh__sharing_changed(s);
}

bool fh__sharing_is_paused(const struct fh__sharing *s)
{
    return s->is_paused;
}

/* ---- the end ---- */

void fh__sharing_finish(struct fh__sharing *s)
{
    if (!s->is_open)
        return;
    s->is_open = false;
    fh__gate_close(&s->gate);
    fh__approvals_close(&s->approvals);
    fh__notices_close(&s->notices);
    fh_admission_free(s->admission);
    s->admission = NULL;
}

void fh__sharing_close(struct fh__sharing *s, enum fh_bye why, void (*closed)(void *user),
                       void *user)
{
    s->is_closing = true;
    s->closed = closed;
    s->closed_user = user;
    for (struct viewer *v = s->viewers; v; v = v->next)
        fh__viewer_disconnect(v, why, true);
    if (!s->viewers)
        closed(user);
}
