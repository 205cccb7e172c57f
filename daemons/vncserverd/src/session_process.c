/* SPDX-License-Identifier: MIT */
/*
 * session_process.c -- the process that talks with one viewer: it reads all that the viewer sends,
 * seals all that it gets, and makes its pictures. It decides nothing, has no file, no network but
 * the one connection, no key but that connection's, and sees of the desktop what the desktop
 * process gives it.
 */
#define _GNU_SOURCE /* F_GET_SEALS */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <farhand/identity_uv.h>
#include <farhand/rfb_server.h>
#include <farhand/rsaaes.h>
#include <farhand/server.h>
#include <farhand/tcp.h>
#include <farhand/tls_uv.h>
#include <farhand/vncauth.h>

#include "child.h"
#include "loans.h"
#include "log.h"
#include "options.h"
#include "parts.h"
#include "role.h"

enum { SOCKET_FD = FH__CHILD_LINK_FD + 1, KEY_FD };

/* Between one word to the desktop about the viewer's coding and the next: more than FH__CODING_MS
 */
enum { CODING_MS = 2000 };

enum { TLS_SIGN_MS = 5000 /* for the key process to sign */ };

struct seat {
    uv_loop_t loop;
    struct fh_tls_context *tls; /* NULL: no TLS */
    struct {                    /* what the key process signed for it */
        uint8_t sig[FH_SIGNATURE_MAX];
        size_t len;
    } signature;
    uv_prepare_t prepare;
    struct fh__link monitor, key, desktop;
    struct fh_server *server;
    struct fh_session *session;  /* NULL: not yet, or not any more */
    char program[256];           /* that the viewer says it is */
    struct fh_rotation rotation; /* what is to be told of another key */
    bool has_rotation;
    bool has_want;    /* the desktop knows that a picture is waited for */
    uint64_t updates; /* fh_server_updates() when it was told that */
    bool has_ended, is_closed;
    bool has_cloud, has_cloud_secret; /* a cloud brought the viewer, and told */
    enum fh__way way;
    uint8_t session_ref[FH__CLOUD_REF_LEN], cloud_secret[FH__CLOUD_SECRET_LEN];
    struct fh__msg_report end;         /* what is to be said of it */
    struct fh_framebuffer pictures[2]; /* the one that is shared, and the one before or after it */
    unsigned current;
    struct fh__parts text, cursor;
    struct fh__loans loans;
    struct fh_rfb_coding coding; /* as the desktop knows it */
    uint64_t coding_ms;          /* since when; 0: it does not */
};

/* ---- to the others ---- */

/* Who does not take what we say leaves us nothing to go on with. */
static void must(struct seat *s, int error)
{
    if (error && s->session)
        fh_session_disconnect(s->session, FH_BYE_INTERNAL, true);
}

static void tell(struct seat *s, struct fh__link *to, unsigned number, const struct wr *w)
{
    must(s, fh__link_send_wr(to, number, w));
}

/* ---- from the viewer, about coming in ---- */

static const char *on_request(void *user, struct fh_session *session, const char *peer)
{
    struct seat *s = user;

    (void)peer;
    s->session = session;
    if (!s->has_cloud)
        return NULL;
    fh_session_set_path(session, s->way == FH__WAY_RELAY ? "relayed" : "direct", NULL);
    (void)fh_session_set_cloud(session, s->session_ref,
                               s->has_cloud_secret ? s->cloud_secret : NULL);
    fh_wipe(s->cloud_secret, sizeof s->cloud_secret);
    return NULL;
}

static void on_hello(void *user, struct fh_session *session)
{
    struct seat *s = user;

    (void)session;
    must(s, fh__link_send(&s->monitor, FH__MSG_HELLO, NULL, 0, -1));
}

static void on_sign(void *user, struct fh_session *session, const uint8_t th[32])
{
    struct seat *s = user;

    if (fh__link_send(&s->key, FH__MSG_SIGN, th, FH_TRANSCRIPT_HASH_LEN, -1) != 0)
        fh_session_signed(session, NULL, 0);
}

static void on_decrypt(void *user, struct fh_session *session, const uint8_t *data, size_t len,
                       size_t want)
{
    struct seat *s = user;
    uint8_t body[1 + FH_SIGNATURE_MAX];
    struct wr w = wr_init(body, sizeof body);

    wr_u8(&w, (uint8_t)want);
    wr_bytes(&w, data, len);
    if (fh__link_send_wr(&s->key, FH__MSG_DECRYPT, &w) != 0)
        fh_session_decrypted(session, NULL, 0);
}

/*
 * TLS waits for its signature where it stands, and so does this process, which has one viewer and
 * nothing to do for it before.
 */
static int on_tls_sign(void *user, const uint8_t *hash, size_t hash_len, uint8_t *sig,
                       size_t sig_len)
{
    struct seat *s = user;
    struct pollfd p = {.fd = s->key.fd, .events = POLLIN};

    s->signature.len = 0;
    if (fh__link_send(&s->key, FH__MSG_TLS_SIGN, hash, hash_len, -1) != 0)
        return -1;
    while (s->key.is_open && s->signature.len == 0 && poll(&p, 1, TLS_SIGN_MS) > 0)
        fh__link_drain(&s->key);
    if (s->signature.len != sig_len)
        return -1;
    memcpy(sig, s->signature.sig, sig_len);
    return 0;
}

static void on_older(void *user, struct fh_session *session, unsigned type, unsigned version)
{
    struct seat *s = user;
    const struct fh__msg_older m = {version, type};
    uint8_t body[3];
    struct wr w = wr_init(body, sizeof body);

    (void)session;
    fh__msg_older_write(&w, &m);
    tell(s, &s->monitor, FH__MSG_OLDER, &w);
}

/* It came before the result, if there is any. */
static void on_rotate(void *user, struct fh_session *session,
                      const uint8_t binding[FH_AUTH_BINDING_LEN])
{
    const struct seat *s = user;

    (void)binding; /* of which the monitor knows since the first attempt */
    fh_session_rotated(session, s->has_rotation ? &s->rotation : NULL);
}

static bool on_peer(void *user, struct fh_session *session, const uint8_t *fingerprint)
{
    struct seat *s = user;
    const struct fh__msg_peer m = {fingerprint, fh__text_of(s->program)};
    uint8_t body[FH_FINGERPRINT_LEN + sizeof s->program];
    struct wr w = wr_init(body, sizeof body);

    (void)session;
    fh__msg_peer_write(&w, &m);
    tell(s, &s->monitor, FH__MSG_PEER, &w);
    return true;
}

static void on_authenticate(void *user, struct fh_session *session, const struct fh_credentials *c)
{
    struct seat *s = user;
    uint8_t binding[FH_AUTH_BINDING_LEN] = {0}, body[2048], proof[2 * FH_VNCAUTH_LEN];
    struct fh__msg_attempt m = {.method = c->method,
                                .attempt = c->attempt,
                                .binding = binding,
                                .user = fh__text_of(c->user),
                                .has_password = c->password != NULL,
                                .password = {c->password, c->password_len}};
    struct wr w = wr_init(body, sizeof body);

    if (c->method == FH_METHOD_VNC) {
        memcpy(proof, c->challenge, FH_VNCAUTH_LEN);
        memcpy(proof + FH_VNCAUTH_LEN, c->response, FH_VNCAUTH_LEN);
        m.has_password = true;
        m.password = (struct fh__text){(const char *)proof, sizeof proof};
    }
    if (!fh_session_older(session) && fh_session_binding(session, binding) != 0) {
        fh_session_disconnect(session, FH_BYE_INTERNAL, true);
        return;
    }
    fh__msg_attempt_write(&w, &m);
    tell(s, &s->monitor, FH__MSG_ATTEMPT, &w);
    fh_wipe(body, sizeof body);
    fh_wipe(binding, sizeof binding);
}

static void send_items(struct seat *s, unsigned number, const struct fh_item *items, size_t n)
{
    struct fh__msg_items m = {.n = n};
    uint8_t body[FH__ITEMS_MAX];
    struct wr w = wr_init(body, sizeof body);

    if (n > FH_AUTH_ITEMS_MAX)
        return;
    memcpy(m.items, items, n * sizeof *items);
    fh__msg_items_write(&w, &m);
    tell(s, &s->monitor, number, &w);
    fh_wipe(body, sizeof body);
}

static void on_answered(void *user, struct fh_session *session, const struct fh_item *items,
                        size_t n)
{
    (void)session;
    send_items(user, FH__MSG_ANSWERS, items, n);
}

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void on_started(void *user, struct fh_session *session)
{
    struct seat *s = user;
    const char *hex = fh_server_conn_session_id(fh_session_conn(session));
    uint8_t id[FH_SESSION_ID_LEN];

    for (size_t i = 0; i < sizeof id; i++)
        id[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    fh_server_conn_set_elsewhere(fh_session_conn(session), &fh__loans_ops, &s->loans);
    must(s, fh__link_send(&s->monitor, FH__MSG_STARTED, id, sizeof id, -1));
    if (fh_session_link_ref(session))
        must(s, fh__link_send(&s->monitor, FH__MSG_LINKED, fh_session_link_ref(session),
                              FH_LINK_REF_LEN, -1));
}

/* ---- a viewer that was away ---- */

static void tell_where(struct seat *s, enum fh__away where, const char *peer)
{
    const struct fh__msg_away m = {where, fh__text_of(peer)};
    uint8_t body[FH_ADDRESS_TEXT];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_away_write(&w, &m);
    if (s->session)
        tell(s, &s->monitor, FH__MSG_AWAY, &w);
}

static void on_detached(void *user, struct fh_session *session)
{
    (void)session;
    tell_where(user, FH__AWAY, NULL);
}

static void on_resumed(void *user, struct fh_session *session)
{
    tell_where(user, FH__BACK, fh_session_peer(session));
}

static void on_attached(void *user, struct fh_session *session, const struct fh_address *from)
{
    char peer[FH_ADDRESS_TEXT];

    (void)session;
    fh_address_print(from, peer, sizeof peer);
    tell_where(user, FH__BESIDE, peer);
}

static void on_moved(void *user, struct fh_session *session, const char *path)
{
    struct seat *s = user;
    const uint8_t way = strcmp(path, "direct") == 0 ? FH__WAY_DIRECT : FH__WAY_RELAY;

    (void)session;
    must(s, fh__link_send(&s->monitor, FH__MSG_WAY, &way, 1, -1));
}

/* Datagrams that this session's streams may come in are to be signed with them. */
static void on_keys(void *user, struct fh_session *session, const uint8_t *client,
                    const uint8_t *server)
{
    struct seat *s = user;
    uint8_t keys[2 * FH_SESSION_GUARD_KEY_LEN];

    (void)session;
    if (!s->has_cloud)
        return;
    memcpy(keys, client, FH_SESSION_GUARD_KEY_LEN);
    memcpy(keys + FH_SESSION_GUARD_KEY_LEN, server, FH_SESSION_GUARD_KEY_LEN);
    must(s, fh__link_send(&s->monitor, FH__MSG_KEYS, keys, sizeof keys, -1));
    fh_wipe(keys, sizeof keys);
}

/* It is not ours: the monitor, who has the stream as well, gives it to whose it is. */
static void on_resume_elsewhere(void *user, struct fh_session *session,
                                const uint8_t ref[FH_SESSION_LINK_REF_LEN])
{
    struct seat *s = user;
    struct fh__msg_moved m = {.ref = ref};
    uint8_t body[FH__MOVED_LEN];
    struct wr w = wr_init(body, sizeof body);
    struct fh_stream *stream = fh_session_release_stream(session, &m.opening);

    fh__msg_moved_write(&w, &m);
    tell(s, &s->monitor, FH__MSG_MOVED, &w);
    fh_stream_close(stream, NULL, NULL);
}

/* From the monitor: one that is ours. */
static void on_stream(struct seat *s, struct rd body, int fd)
{
    struct fh__msg_stream m;
    struct fh_stream *stream;
    char peer[FH_ADDRESS_TEXT];

    if (!fh__msg_stream_read(body, &m)) {
        close(fd);
        must(s, -1);
    } else if (fh_tcp_open(&s->loop, fd, &m.peer, NULL, &stream) == 0 &&
               fh_server_resume(s->server, stream, &m.opening) != 0) {
        fh_address_print(&m.peer, peer, sizeof peer);
        tell_where(s, FH__NOT_PROVED, peer);
    }
}

/* ---- from the viewer, about the desktop ---- */

static void on_key(void *user, struct fh_session *session, uint32_t keysym, uint32_t keycode,
                   bool down)
{
    struct seat *s = user;
    const struct fh__msg_key m = {keysym, keycode, down};
    uint8_t body[16];
    struct wr w = wr_init(body, sizeof body);

    (void)session;
    fh__msg_key_write(&w, &m);
    if (s->desktop.is_open)
        tell(s, &s->desktop, FH__MSG_KEYSTROKE, &w);
}

static void on_pointer(void *user, struct fh_session *session, uint16_t x, uint16_t y,
                       uint16_t buttons)
{
    struct seat *s = user;
    const struct fh__msg_pointer m = {x, y, buttons};
    uint8_t body[8];
    struct wr w = wr_init(body, sizeof body);

    (void)session;
    fh__msg_pointer_write(&w, &m);
    if (s->desktop.is_open)
        tell(s, &s->desktop, FH__MSG_POINTER, &w);
}

static void on_viewer_text(void *user, struct fh_session *session, const char *text, size_t len)
{
    struct seat *s = user;

    (void)session;
    if (s->desktop.is_open)
        must(s, fh__parts_send(&s->desktop, FH__MSG_TEXT_IN, text, len));
}

static void on_resize(void *user, struct fh_session *session, uint16_t width, uint16_t height)
{
    struct seat *s = user;
    const struct fh__msg_size m = {width, height};
    uint8_t body[8];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_size_write(&w, &m);
    if (!s->desktop.is_open || fh__link_send_wr(&s->desktop, FH__MSG_RESIZE, &w) != 0)
        fh_session_resize_done(session, FH_RFB_RESIZE_PROHIBITED);
}

/* ---- the end ---- */

static void report(struct seat *s, const struct fh__msg_report *m)
{
    uint8_t body[32];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_report_write(&w, m);
    (void)fh__link_send_wr(&s->monitor, FH__MSG_REPORT, &w);
}

/* What the viewer did last reaches the desktop before the monitor closes the way there. */
static void finish(struct seat *s)
{
    if (s->desktop.is_open && !s->desktop.is_broken && s->desktop.first)
        return;
    if (s->has_ended)
        report(s, &s->end);
    s->has_ended = false;
    if (s->is_closed)
        uv_stop(&s->loop);
}

static void on_server_closed(void *user)
{
    struct seat *s = user;

    s->is_closed = true; /* and s->server is no more */
}

static void on_ended(void *user, struct fh_session *session, enum fh_bye reason)
{
    struct seat *s = user;

    (void)session;
    if (s->loans.taken > 0)
        fh__log(FH__LOG_DEBUG, "%llu rectangles were encoded for several viewers",
                (unsigned long long)s->loans.taken);
    s->session = NULL;
    fh_server_close(s->server, reason, on_server_closed);
}

/* What the monitor does not know by itself: how it ended. */
static void on_audit(void *user, const struct fh_audit_event *ev)
{
    struct seat *s = user;
    struct fh__msg_report m = {ev->type, FH_BYE_NORMAL, ev->bytes_in, ev->bytes_out};

    if (ev->type == FH_AUDIT_IDENTIFIED && ev->program)
        fh__text_copy(fh__text_of(ev->program), s->program, sizeof s->program);
    if (ev->type != FH_AUDIT_REFUSED && ev->type != FH_AUDIT_AUTH_FAILED &&
        ev->type != FH_AUDIT_ENDED)
        return;
    while (m.reason <= FH_BYE_IDENTITY && strcmp(fh_bye_word(m.reason), ev->reason) != 0)
        m.reason++;
    if (m.reason > FH_BYE_IDENTITY) /* the monitor rejected it, and says so */
        return;
    if (m.type == FH_AUDIT_ENDED) {
        s->end = m;
        s->has_ended = true;
    } else {
        report(s, &m);
    }
}

static const struct fh_server_callbacks callbacks = {
    .connection_request = on_request,
    .hello = on_hello,
    .sign = on_sign,
    .rotate = on_rotate,
    .older = on_older,
    .decrypt = on_decrypt,
    .verify_peer = on_peer,
    .authenticate = on_authenticate,
    .answered = on_answered,
    .started = on_started,
    .key = on_key,
    .pointer = on_pointer,
    .cut_text = on_viewer_text,
    .resize = on_resize,
    .detached = on_detached,
    .resumed = on_resumed,
    .attached = on_attached,
    .moved = on_moved,
    .keys = on_keys,
    .resume_elsewhere = on_resume_elsewhere,
    .ended = on_ended,
    .audit = on_audit,
};

/* ---- from the desktop ---- */

static size_t bytes_of(const struct fh_framebuffer *fb)
{
    return 4 * (size_t)fb->width * (size_t)fb->height;
}

/* Memory that another process may write to, but not take away from under us. */
static bool is_safe_memory(int fd, size_t bytes)
{
    int seals = fcntl(fd, F_GET_SEALS);
    off_t len = lseek(fd, 0, SEEK_END);

    return seals >= 0 && (seals & F_SEAL_SHRINK) && len >= 0 && (size_t)len >= bytes;
}

static void forget_picture(struct fh_framebuffer *fb)
{
    if (fb->px)
        munmap(fb->px, bytes_of(fb));
    *fb = (struct fh_framebuffer){0};
}

/* In the place of the one that is shared; nobody who reads it notices. */
static void exchange_memory(struct seat *s, int fd)
{
    struct fh_framebuffer *fb = &s->pictures[s->current];

    if (fb->px && mmap(fb->px, bytes_of(fb), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == fb->px)
        return;
    must(s, -1);
}

static void show(struct seat *s, const struct fh__msg_screen *m, int fd)
{
    struct fh_framebuffer *next = &s->pictures[!s->current],
                          fb = {.width = m->width, .height = m->height, .stride_px = m->width};
    void *px = mmap(NULL, bytes_of(&fb), PROT_READ, MAP_SHARED, fd, 0);

    if (px == MAP_FAILED) {
        must(s, -1);
        return;
    }
    fb.px = px;
    forget_picture(next);
    *next = fb;
    s->current = !s->current;
    fh__loans_forget(&s->loans);
    (void)fh_server_screen(s->server, next, m->screens, m->n_screens);
    forget_picture(&s->pictures[!s->current]);
}

static void on_screen(struct seat *s, struct rd body, int fd)
{
    const struct fh_framebuffer *now = &s->pictures[s->current];
    struct fh__msg_screen m;

    if (!fh__msg_screen_read(body, &m) || !is_safe_memory(fd, 4 * (size_t)m.width * m.height))
        must(s, -1);
    else if (m.is_same && now->px && now->width == m.width && now->height == m.height)
        exchange_memory(s, fd);
    else
        show(s, &m, fd);
}

/*
 * The desktop moves pixels, and tells of it, where a picture is waited for. If since we said so one
 * was taken all the same, it may show them moved already: what is copied then would be wrong.
 */
static void on_motion(struct seat *s, const struct fh_motion *m)
{
    fh__loans_changed(&s->loans, &m->to);
    if (fh_server_updates(s->server) == s->updates)
        fh_server_copy(s->server, &m->to, m->from_x, m->from_y);
    else
        fh_server_damage(s->server, &m->to);
}

static void on_damage(struct seat *s, struct rd body)
{
    struct fh__msg_damage m;

    s->has_want = false;
    if (!fh__msg_damage_read(body, &m)) {
        must(s, -1);
        return;
    }
    if (m.has_motion)
        on_motion(s, &m.motion);
    fh__loans_damage(&s->loans, &m);
    for (size_t i = 0; i < m.n; i++)
        fh_server_damage(s->server, &m.rects[i]);
}

static void on_ring(struct seat *s, int fd)
{
    must(s, fh__loans_ring(&s->loans, fd));
}

static void on_encoded(struct seat *s, struct rd body)
{
    if (fh__msg_encoded_read(body, &s->loans.coming))
        return;
    s->loans.coming.n = 0;
    must(s, -1);
}

static void on_cursor(struct seat *s, struct rd body)
{
    struct fh__msg_cursor m;

    if (!fh__msg_cursor_read(body, &m)) {
        must(s, -1);
        return;
    }
    switch (fh__parts_take(&s->cursor, &m.part, 4 * FH_CURSOR_MAX_SIDE * FH_CURSOR_MAX_SIDE)) {
    case FH__PARTS_MORE:
        return;
    case FH__PARTS_ALL:
        fh_server_cursor(s->server, (const uint32_t *)(void *)s->cursor.mem, m.w, m.h, m.hot_x,
                         m.hot_y);
        break;
    case FH__PARTS_BAD:
        must(s, -1);
        break;
    }
    fh__parts_free(&s->cursor);
}

static void on_desktop_text(struct seat *s, struct rd body)
{
    struct fh__msg_part m;
    enum fh__parts_state state = FH__PARTS_BAD;

    if (fh__msg_part_read(body, &m))
        state = fh__parts_take(&s->text, &m, FH_RFB_CUT_TEXT_MAX);
    if (state == FH__PARTS_MORE)
        return;
    if (state == FH__PARTS_ALL)
        fh_server_cut_text(s->server, (const char *)s->text.mem, s->text.len);
    must(s, state == FH__PARTS_BAD);
    fh__parts_free(&s->text);
}

static void on_resized(struct seat *s, struct rd body)
{
    uint8_t status;

    if (s->session && fh__msg_u8_read(body, &status))
        fh_session_resize_done(s->session, status);
}

static void on_desktop_message(void *user, unsigned number, struct rd body, int fd)
{
    struct seat *s = user;

    if (s->is_closed)
        ; /* nobody looks any more */
    else if (number == FH__MSG_SCREEN)
        on_screen(s, body, fd);
    else if (number == FH__MSG_DAMAGE)
        on_damage(s, body);
    else if (number == FH__MSG_RING)
        on_ring(s, fd);
    else if (number == FH__MSG_ENCODED)
        on_encoded(s, body);
    else if (number == FH__MSG_CURSOR)
        on_cursor(s, body);
    else if (number == FH__MSG_TEXT_OUT)
        on_desktop_text(s, body);
    else if (number == FH__MSG_BELL)
        fh_server_bell(s->server);
    else if (number == FH__MSG_RESIZED)
        on_resized(s, body);
    if (fd >= 0)
        close(fd);
}

/* What becomes of the session is the monitor's to say. */
static void on_desktop_broken(void *user, const char *why)
{
    struct seat *s = user;

    fh__link_close(&s->desktop, NULL);
    must(s, why ? -1 : 0);
}

static const struct fh__link_ops desktop_ops = {on_desktop_message, on_desktop_broken};

/* ---- from the key process ---- */

static void on_key_message(void *user, unsigned number, struct rd body, int fd)
{
    struct seat *s = user;

    (void)fd;
    if (number == FH__MSG_TLS_SIGNATURE)
        rd_copy(&body, s->signature.sig, s->signature.len = body.left);
    else if (s->session && number == FH__MSG_DECRYPTED)
        fh_session_decrypted(s->session, body.p, body.left);
    else if (s->session)
        fh_session_signed(s->session, body.p, body.left);
    fh__link_close(&s->key, NULL);
}

static void on_key_broken(void *user, const char *why)
{
    struct seat *s = user;

    (void)why;
    fh__link_close(&s->key, NULL);
    if (s->session) {
        fh_session_signed(s->session, NULL, 0);
        fh_session_decrypted(s->session, NULL, 0);
    }
}

static const struct fh__link_ops key_ops = {on_key_message, on_key_broken};

/* ---- from the monitor ---- */

static void on_ask(struct seat *s, struct rd body)
{
    struct fh__msg_items m;

    if (!fh__msg_items_read(body, &m) || fh_session_ask(s->session, m.items, m.n) != 0)
        fh_session_disconnect(s->session, FH_BYE_AUTH, false);
}

static void on_disconnect(struct seat *s, struct rd body)
{
    struct fh__msg_disconnect m;

    if (fh__msg_disconnect_read(body, &m))
        fh_session_disconnect(s->session, m.reason, m.may_reconnect);
}

static void on_text(struct seat *s, unsigned number, struct rd body)
{
    char text[FH__TEXT_MAX + 1];

    fh__text_copy((struct fh__text){(const char *)body.p, body.left}, text, sizeof text);
    if (number == FH__MSG_NAME)
        fh_server_set_name(s->server, text);
    else
        (void)fh_session_notice(s->session, text);
}

static void on_number(struct seat *s, unsigned number, struct rd body)
{
    uint32_t value;

    if (!fh__msg_u32_read(body, &value))
        return;
    if (number == FH__MSG_REFUSE)
        fh_session_refuse(s->session, value);
    else if (number == FH__MSG_RESULT)
        fh_session_authenticated(s->session, value);
    else
        fh_session_set_permissions(s->session, value);
}

static void on_desktop_end(struct seat *s, int fd)
{
    fh__link_close(&s->desktop, NULL);
    s->coding_ms = 0;
    s->coding = (struct fh_rfb_coding){.encoding = FH_ENC_RAW};
    if (s->desktop.fd >= 0)
        close(fd); /* the one before is still closing: the monitor gives one only */
    else if (fh__link_open(&s->desktop, &s->loop, fd, FH__SESSION, FH__DESKTOP, &desktop_ops, s) !=
             0)
        must(s, -1);
}

static void on_monitor_message(void *user, unsigned number, struct rd body, int fd)
{
    struct seat *s = user;

    if (fh__role_message(number, body))
        return;
    if (number == FH__MSG_STREAM) { /* also for its last words */
        on_stream(s, body, fd);
        return;
    }
    if (!s->session) { /* it is over, or has not begun */
        if (fd >= 0)
            close(fd);
        if (number == FH__MSG_DISCONNECT && !s->is_closed)
            fh_server_close(s->server, FH_BYE_SHUTDOWN, on_server_closed);
        return;
    }
    switch (number) {
    case FH__MSG_PROCEED:
        fh_session_proceed(s->session);
        break;
    case FH__MSG_ASK:
        on_ask(s, body);
        break;
    case FH__MSG_ROTATION:
        s->has_rotation = fh__msg_rotation_read(body, &s->rotation);
        break;
    case FH__MSG_REFUSE:
    case FH__MSG_RESULT:
    case FH__MSG_PERMISSIONS:
        on_number(s, number, body);
        break;
    case FH__MSG_DISCONNECT:
        on_disconnect(s, body);
        break;
    case FH__MSG_NAME:
    case FH__MSG_NOTICE:
        on_text(s, number, body);
        break;
    case FH__MSG_DESKTOP_END:
        on_desktop_end(s, fd);
        break;
    }
}

/* Nobody is left who answers for us. */
static void on_monitor_broken(void *user, const char *why)
{
    (void)user;
    (void)why;
    _exit(FH__EXIT_UNEXPECTED);
}

static const struct fh__link_ops monitor_ops = {on_monitor_message, on_monitor_broken};

/* ---- the process ---- */

/* What is sent to the viewer, if the desktop could do it for several, or was told before. */
static void tell_coding(struct seat *s)
{
    const uint64_t now = uv_now(&s->loop);
    struct fh_rfb_coding c;
    uint8_t body[FH__CODING_LEN];
    struct wr w = wr_init(body, sizeof body);

    if (s->coding_ms && now - s->coding_ms < CODING_MS)
        return;
    if (!fh_server_conn_coding(fh_session_conn(s->session), &c) ||
        (!s->coding_ms && c.encoding != FH_ENC_TIGHT) || fh_rfb_coding_is_same(&c, &s->coding))
        return;
    fh__msg_coding_write(&w, &c);
    s->coding = c;
    s->coding_ms = now;
    tell(s, &s->desktop, FH__MSG_CODING, &w);
}

/* Before each sleep: is a picture waited for, and does the desktop know? */
static void on_prepare(uv_prepare_t *handle)
{
    struct seat *s = handle->data;

    if (s->has_ended || s->is_closed)
        finish(s);
    if (!s->desktop.is_open || s->has_want || !s->session || !fh_server_is_wanted(s->server))
        return;
    tell_coding(s);
    s->has_want = true;
    s->updates = fh_server_updates(s->server);
    must(s, fh__link_send(&s->desktop, FH__MSG_WANT, NULL, 0, -1));
}

static int open_tls(struct seat *s, struct fh__text certificate)
{
    static char pem[FH__PEM_MAX + 1];
    const struct fh_tls_server_config cfg = {
        .cert_pem = pem, .sign = on_tls_sign, .no_tickets = true, .user = s};
    char why[FH_TLS_WHY];

    fh__text_copy(certificate, pem, sizeof pem);
    if (fh_tls_server_new(&cfg, &s->tls, why, sizeof why) == 0)
        return 0;
    fh__log(FH__LOG_ERROR, "the certificate of TLS: %s", why);
    return -1;
}

static int open_server(struct seat *s, const struct fh__msg_session_setup *m)
{
    static uint8_t rsa_pub[FH_RSAAES_PUB_MAX]; /* for as long as the process lives */
    char name[FH__TEXT_MAX + 1];
    struct fh_server_config config = {.loop = &s->loop,
                                      .spki = m->spki,
                                      .spki_len = m->spki_len,
                                      .callbacks = &callbacks,
                                      .user = s,
                                      .methods = m->methods,
                                      .n_methods = m->n_methods,
                                      .name = name,
                                      .program = "vncserverd " FH__VERSION,
                                      .idle_timeout_ms = m->idle_ms,
                                      .resume_ms = m->resume_ms,
                                      .older = {.types = m->older,
                                                .n_types = m->n_older,
                                                .rsa_pub = rsa_pub,
                                                .rsa_pub_len = m->rsa_pub_len}};

    if (m->tls.len > 0 && open_tls(s, m->tls) != 0)
        return -1;
    config.tls = s->tls;
    fh__text_copy(m->name, name, sizeof name);
    if (m->rsa_pub_len > sizeof rsa_pub)
        return -1;
    if (m->rsa_pub_len > 0)
        memcpy(rsa_pub, m->rsa_pub, m->rsa_pub_len);
    return fh_server_new(&config, &s->server);
}

static int open_all(struct seat *s, const struct fh__msg_session_setup *m, struct fh_stream **out)
{
    s->desktop.fd = -1;
    if (uv_loop_init(&s->loop) != 0 ||
        fh__link_open(&s->monitor, &s->loop, FH__CHILD_LINK_FD, FH__SESSION, FH__MONITOR,
                      &monitor_ops, s) != 0 ||
        fh__link_open(&s->key, &s->loop, KEY_FD, FH__SESSION, FH__KEY, &key_ops, s) != 0 ||
        fh_tcp_open(&s->loop, SOCKET_FD, &m->peer, NULL, out) != 0)
        return -1;
    uv_prepare_init(&s->loop, &s->prepare);
    s->prepare.data = s;
    uv_prepare_start(&s->prepare, on_prepare);
    return open_server(s, m);
}

static void take_cloud(struct seat *s, const struct fh__msg_session_setup *m)
{
    s->has_cloud = m->session_ref != NULL;
    s->has_cloud_secret = m->cloud_secret != NULL;
    s->way = m->way;
    if (m->session_ref)
        memcpy(s->session_ref, m->session_ref, sizeof s->session_ref);
    if (m->cloud_secret)
        memcpy(s->cloud_secret, m->cloud_secret, sizeof s->cloud_secret);
}

enum fh__exit fh__session_main(struct fh__sandbox *sandbox, struct rd setup)
{
    static struct seat s; /* for as long as the process lives */
    struct fh__msg_session_setup m;
    char user[FH__TEXT_MAX + 1], error[400];
    struct fh_stream *stream;

    if (!fh__msg_session_setup_read(setup, &m))
        return FH__EXIT_UNEXPECTED;
    fh__log_set_level((enum fh__log_level)m.level);
    fh__text_copy(m.user, user, sizeof user);
    if (fh__sandbox_user(sandbox, user, false, error, sizeof error) != 0) {
        fh__log(FH__LOG_ERROR, "a session process: %s", error);
        return FH__EXIT_UNEXPECTED;
    }
    take_cloud(&s, &m);
    if (open_all(&s, &m, &stream) != 0 || fh__role_confine(sandbox, NULL, false) != 0)
        return FH__EXIT_UNEXPECTED;
    if (fh_server_accept(s.server, stream) != 0)
        return FH__EXIT_UNEXPECTED;
    uv_run(&s.loop, UV_RUN_DEFAULT);
    return FH__EXIT_OK;
}
