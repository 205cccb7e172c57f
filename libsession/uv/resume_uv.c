/* SPDX-License-Identifier: MIT */
/* Sessions of a Server app that outlive their streams. */
#include <string.h>

#include <farhand/identity.h>
#include <farhand/link_uv.h>

#include "server_uv.h"

_Static_assert((int)FH_SESSION_LINK_KEY_LEN == (int)FH_LINK_KEY_LEN, "the link's key");
_Static_assert((int)FH_SESSION_LINK_REF_LEN == (int)FH_LINK_REF_LEN, "the link's name");

/* ---- what a link tells ---- */

static void come_from(struct fh_session *s, const struct fh_address *address)
{
    s->address = *address;
    fh_address_print(address, s->peer, sizeof s->peer);
}

static void on_attached(struct fh_session *s, const struct fh_link_event *ev)
{
    const struct fh_server_callbacks *cb = s->server->callbacks;

    if (!ev->is_back) {
        if (cb->attached)
            cb->attached(s->server->user, s, &ev->address);
        return;
    }
    come_from(s, &ev->address);
    fh_server_conn_resumed(s->conn, uv_now(s->server->loop));
    if (cb->resumed)
        cb->resumed(s->server->user, s);
}

static void on_detached(struct fh_session *s)
{
    const struct fh_server_callbacks *cb = s->server->callbacks;

    fh_server_conn_detached(s->conn, uv_now(s->server->loop));
    if (cb->detached)
        cb->detached(s->server->user, s);
}

static void on_moved(struct fh_session *s, const struct fh_link_event *ev)
{
    const struct fh_server_callbacks *cb = s->server->callbacks;

    s->path = ev->rank == 0 ? "direct" : "relayed";
    come_from(s, &ev->address);
    fh_server_conn_moved(s->conn, uv_now(s->server->loop));
    if (cb->moved)
        cb->moved(s->server->user, s, s->path);
}

static void on_link_event(void *user, const struct fh_link_event *ev)
{
    struct fh_session *s = user;

    if (s->has_ended)
        return;
    switch (ev->type) {
    case FH_LINK_EV_DETACHED:
        on_detached(s);
        break;
    case FH_LINK_EV_ATTACHED:
        on_attached(s, ev);
        break;
    case FH_LINK_EV_MOVED:
        on_moved(s, ev);
        break;
    case FH_LINK_EV_FAILED:
        fh__session_audit_refused(s, "resume-not-proved");
        break;
    }
    fh__carrier_soon(&s->carrier);
}

void fh__session_secure(struct fh_session *s)
{
    uint8_t key[FH_LINK_KEY_LEN], ref[FH_LINK_REF_LEN];

    if (s->link && fh_server_conn_link_key(s->conn, key, ref) == 0)
        fh_link_secure(s->link, key, ref);
    fh_wipe(key, sizeof key);
}

/* ---- a stream that resumes a session ---- */

/* Also one that has ended, as long as its last words are on their way. */
static struct fh_session *find(struct fh_server *server, const uint8_t *ref)
{
    for (struct fh_session *s = server->first; s; s = s->next) {
        const uint8_t *own = s->link ? fh_link_ref(s->link) : NULL;

        if (own && memcmp(own, ref, FH_LINK_REF_LEN) == 0)
            return s;
    }
    return NULL;
}

/* Takes the stream. NULL: it goes on there if it proves itself; else why not. */
static const char *resume(struct fh_server *server, struct fh_session *s, struct fh_stream *stream,
                          const struct fh_link_opening *o)
{
    const struct fh_server_callbacks *cb = server->callbacks;
    struct fh_address from;
    const char *refused = s ? NULL : "resume-unknown";

    fh_stream_address(stream, &from);
    if (s && !s->has_ended && cb->resume)
        refused = cb->resume(server->user, s, &from);
    if (refused) {
        fh_link_refuse(stream);
        return refused;
    }
    return fh_link_accept(s->link, stream, o) == 0 ? NULL : "resume-not-proved";
}

int fh_server_resume(struct fh_server *server, struct fh_stream *stream,
                     const struct fh_link_opening *opening)
{
    struct fh_session *s = find(server, fh_link_opening_ref(opening));
    const char *refused = resume(server, s, stream, opening);

    if (refused && s)
        fh__session_audit_refused(s, refused);
    return refused ? FH_SESSION_E_AUTH : 0;
}

/* The session that was made for the stream is not needed: the stream is another's. */
static void on_resume(struct fh_session *s)
{
    const struct fh_server_callbacks *cb = s->server->callbacks;
    const uint8_t *ref = fh_link_opening_ref(&s->opening);
    struct fh_session *known = find(s->server, ref);
    const char *refused = NULL;

    s->is_released = false;
    if (!known && cb->resume_elsewhere)
        cb->resume_elsewhere(s->server->user, s, ref);
    if (!s->is_released)
        refused = resume(s->server, known, fh__carrier_exchange(&s->carrier, NULL), &s->opening);
    if (refused)
        fh__session_audit_refused(s, refused);
    fh__session_ended(s, refused ? FH_BYE_AUTH : FH_BYE_NORMAL);
    fh__carrier_close(&s->carrier);
}

struct fh_stream *fh_session_release_stream(struct fh_session *s, struct fh_link_opening *opening)
{
    if (!s->is_looking || s->is_released)
        return NULL;
    s->is_released = true;
    *opening = s->opening;
    return fh__carrier_exchange(&s->carrier, NULL);
}

const uint8_t *fh_session_link_ref(const struct fh_session *s)
{
    return s->link && !s->has_ended ? fh_link_ref(s->link) : NULL;
}

bool fh_session_link_info(const struct fh_session *s, struct fh_link_info *out)
{
    if (s->link && !s->has_ended)
        fh_link_info(s->link, out);
    return s->link && !s->has_ended;
}

bool fh_session_is_detached(const struct fh_session *s)
{
    return s->link && !s->has_ended && !fh_link_is_attached(s->link);
}

/* ---- what a stream begins with ---- */

static void start(struct fh_session *s)
{
    fh__carrier_attach(&s->carrier);
    fh__carrier_soon(&s->carrier);
}

static void on_plain(struct fh_session *s)
{
    fh__carrier_feed(&s->carrier, s->opening.bytes, s->opening.len);
    start(s);
}

static void on_new(struct fh_session *s)
{
    const struct fh_link_uv_config cfg = {.side = FH_LINK_SERVER,
                                          .rank = strcmp(s->path, "direct") != 0,
                                          .times.keep_ms = s->server->resume_ms,
                                          .event = on_link_event,
                                          .user = s};
    struct fh_link_uv *u;

    if (fh_link_uv_new(s->server->loop, &cfg, &u) != 0) {
        fh_server_conn_close(s->conn, FH_BYE_INTERNAL, true);
        fh__carrier_soon(&s->carrier);
        return;
    }
    s->link = fh_link_uv_link(u);
    (void)fh_link_begin(s->link, fh__carrier_exchange(&s->carrier, fh_link_stream(s->link)),
                        &s->opening);
    start(s);
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct fh_session *s = user;
    size_t taken;
    enum fh_link_kind kind = fh_link_look(&s->opening, data, len, &taken);

    switch (kind) {
    case FH_LINK_MORE:
        return taken;
    case FH_LINK_PLAIN:
        on_plain(s);
        break;
    case FH_LINK_NEW:
        on_new(s);
        break;
    case FH_LINK_RESUME:
        on_resume(s);
        break;
    case FH_LINK_BAD:
        fh_server_conn_close(s->conn, FH_BYE_PROTOCOL, false);
        fh__carrier_soon(&s->carrier);
        break;
    }
    s->is_looking = false;
    return taken;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    struct fh_session *s = user;

    (void)error;
    (void)fh_server_conn_in_end(s->conn, uv_now(s->server->loop));
    fh__carrier_soon(&s->carrier);
}

static const struct fh_stream_events looking = {
    .data = on_data, .writable = on_writable, .end = on_end};

void fh__session_look(struct fh_session *s)
{
    s->is_looking = true;
    fh_stream_attach(s->carrier.stream, &looking, s);
}
