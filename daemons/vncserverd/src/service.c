/* SPDX-License-Identifier: MIT */
/* service.c -- the life of the service: the monitor. */
#include "service.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <uv.h>

#include <farhand/tcp.h>

#include "cloud.h"
#include "control.h"
#include "identityfile.h"
#include "older.h"
#include "options.h"
#include "seatwatch.h"
#include "sharing.h"

enum { SIGNALS = 3, ERROR_MAX = 400 };

struct service {
    struct fh__config *cfg;
    int argc;
    char *const *argv;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_timer_t watchdog;
    struct fh__steady key, desktop;
    struct fh__cloud cloud;
    struct fh__seat seat;           /* where the desktop is, or is to be */
    struct fh__seatwatch watch;     /* of display = auto */
    char why[ERROR_MAX];            /* there is no desktop; "": there is one */
    char display[FH__TEXT_MAX + 1]; /* that is shared; "": none */
    struct fh__userstore users;
    struct fh__auditlog audit;
    struct fh__control *control;
    struct fh__sharing sharing;
    struct fh_tcp_listener *listener;
    bool is_ready, is_stopping, is_shared; /* shared: sessions may still be there */
    enum fh__exit how;
};

/* ---- the audit ---- */

static void on_audited(void *user, const struct fh_audit_event *ev, const char *line, size_t len)
{
    struct service *s = user;

    (void)ev;
    fh__control_tell(s->control, line, len);
}

/* Of the service itself. Without a time the log knows that it is now. */
static void record(struct service *s, enum fh_audit_type type, bool failed)
{
    uint8_t fingerprint[FH_FINGERPRINT_LEN];
    const struct fh_audit_event ev = {.type = type,
                                      .failed = failed,
                                      .fingerprint = fingerprint,
                                      .program = "vncserverd " FH__VERSION};

    fh_fingerprint(s->sharing.spki, s->sharing.spki_len, fingerprint);
    fh__auditlog_write(&s->audit, &ev);
}

/* ---- the end ---- */

static void close_handle(struct service *s, void *handle)
{
    uv_handle_t *h = handle;

    if (h->data == s && !uv_is_closing(h))
        uv_close(h, NULL);
}

static void close_signals(struct service *s)
{
    for (size_t i = 0; i < SIGNALS; i++)
        close_handle(s, &s->signals[i]);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void wind_down(void *user);

static void on_sharing_closed(void *user)
{
    struct service *s = user;

    s->is_shared = false;
    wind_down(s);
}

/*
 * One after the other: sessions say goodbye, then the desktop is let go of, then the key. The loop
 * runs until all is closed.
 */
static void wind_down(void *user)
{
    struct service *s = user;

    if (s->is_shared)
        return;
    if (s->desktop.is_open && !s->desktop.has_told) {
        fh__steady_stop(&s->desktop);
        return;
    }
    if (s->cloud.is_open && !s->cloud.process.has_told) {
        fh__cloud_stop(&s->cloud);
        return;
    }
    if (s->key.is_open && !s->key.has_told) {
        fh__steady_stop(&s->key);
        return;
    }
    fh__sharing_finish(&s->sharing);
    fh__steady_close(&s->desktop);
    fh__steady_close(&s->key);
    fh__cloud_close(&s->cloud);
    fh__seatwatch_close(&s->watch);
    close_handle(s, &s->watchdog);
    /* Signals are heard to the last: a second one must not cut the cleaning up short. */
    for (size_t i = 0; i < SIGNALS; i++)
        uv_unref((uv_handle_t *)&s->signals[i]);
}

/* Begins the end. */
static void stop(struct service *s, enum fh__exit how, enum fh_bye why)
{
    if (s->is_stopping)
        return;
    s->is_stopping = true;
    s->how = how;
    sd_notify(0, "STOPPING=1");
    if (s->listener)
        fh_tcp_listener_close(s->listener, NULL, NULL);
    s->listener = NULL;
    if (s->control)
        fh_audit_log_remove_callback(s->audit.log, on_audited, s);
    fh__control_close(s->control);
    s->control = NULL;
    if (s->is_shared)
        fh__sharing_close(&s->sharing, why, on_sharing_closed, s);
    else
        wind_down(s);
}

/* ---- the configuration, again ---- */

/* user: an object of two lists. */
static void on_changed(void *user, const char *name, bool is_taken)
{
    json_array_append_new(json_object_get(user, is_taken ? "taken" : "restart"), json_string(name));
    if (is_taken)
        fh__log(FH__LOG_INFO, "%s has changed", name);
    else
        fh__log(FH__LOG_WARNING, "%s has changed; that takes effect at the next start", name);
}

static void send_desktop_setup(struct service *s);

static void tell_configuration(struct service *s)
{
    const uint8_t level = (uint8_t)fh__log_get_level();

    (void)fh__steady_send(&s->key, FH__MSG_LEVEL, &level, 1, -1);
    fh__cloud_set_level(&s->cloud, level);
    send_desktop_setup(s);
    fh__sharing_configure(&s->sharing);
}

/* What the control socket answers; NULL: nothing changed. */
static json_t *reload(struct service *s)
{
    json_t *changes = NULL;
    struct fh__config fresh;
    struct fh__invocation invocation;
    char error[ERROR_MAX];

    if (s->is_ready)
        sd_notify(0, "RELOADING=1");
    if (fh__config_build(&fresh, &invocation, s->argc, s->argv, error, sizeof error) == 0) {
        changes = json_pack("{s:[],s:[]}", "taken", "restart");
        if (!fh__settings_adopt(s->cfg, &fresh, on_changed, changes))
            fh__log(FH__LOG_ERROR, "out of memory: not all of the configuration was taken");
        fh__log_set_level(s->cfg->log_level);
        tell_configuration(s);
        fh__log(FH__LOG_NOTICE, "the configuration was read again");
    } else {
        fh__log(FH__LOG_ERROR, "%s: everything stays as it is", error);
    }
    fh__config_free(&fresh);
    fh__userstore_refresh(&s->users);
    fh__auditlog_reopen(&s->audit);
    /* While it starts, READY=1 would be a lie. */
    if (s->is_ready)
        sd_notify(0, "READY=1");
    return changes;
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *h, int number)
{
    struct service *s = h->data;

    if (number == SIGHUP) {
        json_decref(reload(s));
        return;
    }
    fh__log(FH__LOG_NOTICE, "ending, on signal %d", number);
    stop(s, FH__EXIT_OK, FH_BYE_SHUTDOWN);
}

static void start_signals(struct service *s)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    sd_notify(0, "WATCHDOG=1");
}

static void start_watchdog(struct service *s)
{
    uint64_t watchdog_us = 0;

    if (sd_watchdog_enabled(0, &watchdog_us) <= 0)
        return;
    uv_timer_init(&s->loop, &s->watchdog);
    s->watchdog.data = s;
    uv_timer_start(&s->watchdog, on_watchdog, watchdog_us / 2000, watchdog_us / 2000);
}

/* ---- listening ---- */

static void on_accept(void *user, int fd, const struct fh_address *peer)
{
    struct service *s = user;

    fh__sharing_accept(&s->sharing, fd, peer, NULL);
}

static void on_trouble(void *user, int error, const char *text)
{
    (void)user;
    (void)error;
    fh__log(FH__LOG_ERROR, "cannot accept connections: %s", text);
}

/* Says where it listens, with the ports that the system chose. */
static void say_addresses(const struct service *s)
{
    struct fh_address address;
    char text[FH_ADDRESS_TEXT];
    size_t i;

    for (i = 0; s->listener && i < s->cfg->n_listen; i++)
        if (strncmp(s->cfg->listen[i], "unix:", 5) == 0)
            fh__log(FH__LOG_NOTICE, "listening on %s", s->cfg->listen[i]);
    for (i = 0; s->listener && i < fh_tcp_listener_count(s->listener); i++) {
        fh_tcp_listener_address(s->listener, i, &address);
        fh_address_print(&address, text, sizeof text);
        if (address.family != FH_ADDRESS_UNIX)
            fh__log(FH__LOG_NOTICE, "listening on %s", text);
    }
}

static json_t *on_reload(void *user)
{
    fh__log(FH__LOG_INFO, "an operator has the configuration read again");
    return reload(user);
}

/* It may be there; if it cannot be made, the socket's own error says enough. */
static void make_directory_of(const char *path)
{
    char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;

    if (slash && slash != copy) {
        *slash = '\0';
        (void)mkdir(copy, 0700);
    }
    free(copy);
}

static enum fh__exit start_control(struct service *s)
{
    char error[ERROR_MAX];

    if (strcmp(s->cfg->control, "none") == 0)
        return FH__EXIT_OK;
    if (s->cfg->is_control_default)
        make_directory_of(s->cfg->control);
    s->control =
        fh__control_open(&s->loop, s->cfg->control, &s->sharing, on_reload, s, error, sizeof error);
    if (!s->control) {
        fh__log(s->cfg->is_control_default ? FH__LOG_WARNING : FH__LOG_ERROR,
                "no control socket: %s", error);
        return s->cfg->is_control_default ? FH__EXIT_OK : FH__EXIT_LISTEN;
    }
    if (fh_audit_log_add_callback(s->audit.log, FH_AUDIT_INFO, on_audited, s) != 0)
        return FH__EXIT_UNEXPECTED;
    return FH__EXIT_OK;
}

static enum fh__exit start_listening(struct service *s)
{
    const struct fh_tcp_listen_config config = {.addresses = (const char *const *)s->cfg->listen,
                                                .addresses_len = s->cfg->n_listen,
                                                .accept_fd = on_accept,
                                                .trouble = on_trouble,
                                                .user = s};
    char why[FH_TCP_WHY];
    enum fh__exit how = start_control(s);

    if (how != FH__EXIT_OK)
        return how;
    if (!fh__config_is_deaf(s->cfg) &&
        fh_tcp_listen(&s->loop, &config, &s->listener, why, sizeof why) != 0) {
        fh__log(FH__LOG_ERROR, "cannot listen: %s", why);
        return FH__EXIT_LISTEN;
    }
    say_addresses(s);
    if (s->cfg->cloud && fh__cloud_open(&s->cloud) != 0)
        return FH__EXIT_LISTEN;
    if (fh__userstore_refresh(&s->users) == 0 && s->cfg->auth != FH__AUTH_PROGRAM)
        fh__log(FH__LOG_WARNING,
                "every connection is rejected: there are no users in %s; add one "
                "with vncserverd user add NAME",
                s->cfg->users);
    return FH__EXIT_OK;
}

/* ---- the desktop process ---- */

static bool is_auto(const struct service *s)
{
    return s->cfg->display && strcmp(s->cfg->display, "auto") == 0;
}

/* desktop-user counts whatever else says. */
static void obey_desktop_user(const struct service *s, struct fh__seat *seat)
{
    const struct passwd *who = s->cfg->desktop_user ? getpwnam(s->cfg->desktop_user) : NULL;

    if (!who)
        return;
    seat->has_user = true;
    seat->uid = who->pw_uid;
    seat->gid = who->pw_gid;
}

/* Where the desktop is now; false: nowhere, and why. */
static bool find_seat(const struct service *s, struct fh__seat *out, char *why, size_t room)
{
    *out = (struct fh__seat){0};
    if (s->cfg->virtual)
        snprintf(out->display, sizeof out->display, "%.*s", FH__SEAT_TEXT - 1, s->display);
    else if (!is_auto(s))
        fh__seat_of_display(&fh__seat_logind, "", s->cfg->display, s->cfg->xauthority, out);
    else if (fh__seat_find(&fh__seat_logind, "", out, why, room) != 0)
        return false;
    obey_desktop_user(s, out);
    return true;
}

/* As root: the user of the desktop, if that is known. */
static void name_desktop_user(const struct service *s, char *out, size_t room)
{
    const struct passwd *who = s->seat.has_user ? getpwuid(s->seat.uid) : NULL;

    *out = '\0';
    if (geteuid() != 0)
        return;
    if (s->cfg->desktop_user)
        snprintf(out, room, "%s", s->cfg->desktop_user);
    else if (who && who->pw_uid != 0)
        snprintf(out, room, "%s", who->pw_name);
}

static void send_desktop_setup(struct service *s)
{
    const struct fh__config *cfg = s->cfg;
    char user[256];
    struct fh__msg_desktop_setup m = {.level = (uint8_t)fh__log_get_level(),
                                      .has_clipboard = cfg->has_clipboard,
                                      .has_resize = cfg->has_resize,
                                      .width = cfg->virtual ? cfg->virtual_width : 0,
                                      .height = cfg->virtual ? cfg->virtual_height : 0,
                                      .rate = (uint16_t)cfg->frame_rate,
                                      .display = fh__text_of(s->seat.display),
                                      .xauthority = fh__text_of(s->seat.xauthority)};
    uint8_t body[3 * FH__TEXT_MAX];
    struct wr w = wr_init(body, sizeof body);

    name_desktop_user(s, user, sizeof user);
    m.user = fh__text_of(user);
    fh__msg_desktop_setup_write(&w, &m);
    if (w.bad)
        fh__log(FH__LOG_ERROR, "the name of the display is too long");
    else
        (void)fh__steady_send(&s->desktop, FH__MSG_DESKTOP_SETUP, body, w.len, -1);
}

static void on_desktop_setup(void *user)
{
    struct service *s = user;

    if (!is_auto(s)) /* the display may be another user's by now */
        (void)find_seat(s, &s->seat, NULL, 0);
    send_desktop_setup(s);
}

/* All that is needed is there. */
static void begin(struct service *s)
{
    enum fh__exit how = start_listening(s);

    if (how != FH__EXIT_OK) {
        stop(s, how, FH_BYE_SHUTDOWN);
        return;
    }
    start_watchdog(s);
    s->is_ready = true;
    record(s, FH_AUDIT_SERVICE_STARTED, false);
    sd_notifyf(0, "READY=1\nSTATUS=Sharing %s", s->display[0] ? s->display : "nothing yet");
}

static void on_desktop_ready(struct service *s, struct rd body)
{
    fh__steady_ready(&s->desktop);
    fh__text_copy((struct fh__text){(const char *)body.p, body.left}, s->display,
                  sizeof s->display);
    if (s->cfg->virtual)
        (void)find_seat(s, &s->seat, NULL, 0);
    if (!s->is_ready) {
        begin(s);
        return;
    }
    fh__log(FH__LOG_NOTICE, is_auto(s) ? "%s is shared" : "%s is shared again", s->display);
    sd_notifyf(0, "STATUS=Sharing %s", s->display);
    fh__sharing_desktop(&s->sharing, true);
}

/* It has said why. What was shared and is not there any more is lost, whatever stands in the way of
 * having it again; but where the desktop is looked for, there may be another. */
static void on_desktop_ended(struct service *s, struct rd body)
{
    uint8_t code = FH__EXIT_UNEXPECTED;

    (void)fh__msg_u8_read(body, &code);
    if (s->desktop.is_renewed) /* it was asked to end */
        return;
    if (is_auto(s) && !s->is_stopping &&
        (code == FH__EXIT_DISPLAY || code == FH__EXIT_DISPLAY_LOST)) {
        fh__steady_renew(&s->desktop, s->seat.display[0] != '\0', true);
        fh__seatwatch_soon(&s->watch);
        return;
    }
    if (s->is_ready && code == FH__EXIT_DISPLAY)
        code = FH__EXIT_DISPLAY_LOST;
    fh__steady_final(&s->desktop);
    stop(s, (enum fh__exit)code, FH_BYE_SERVER);
}

static void on_desktop_message(void *user, unsigned number, struct rd body, int fd)
{
    struct service *s = user;
    uint64_t session;

    (void)fd; /* it may send none */
    if (number == FH__MSG_DESKTOP_READY && !s->is_stopping)
        on_desktop_ready(s, body);
    else if (number == FH__MSG_DESKTOP_ENDED)
        on_desktop_ended(s, body);
    else if (number == FH__MSG_VIOLATION && fh__msg_u64_read(body, &session))
        fh__sharing_accuse(&s->sharing, session);
}

static void on_desktop_lost(void *user)
{
    struct service *s = user;

    if (s->is_stopping)
        return;
    s->display[0] = '\0';
    if (is_auto(s))
        fh__sharing_wait(&s->sharing, "Waiting for the desktop: it was left, or changes");
    else
        fh__sharing_desktop(&s->sharing, false);
}

static const struct fh__steady_ops desktop_ops = {on_desktop_setup, on_desktop_message,
                                                  on_desktop_lost, wind_down};

/* ---- whose turn it is ---- */

static void say_nothing_to_share(const char *why)
{
    fh__log(FH__LOG_NOTICE, "there is no desktop to share: %s", why);
    sd_notifyf(0, "STATUS=Waiting: %s", why);
}

static void on_seat_changed(void *user)
{
    struct service *s = user;
    struct fh__seat now;
    char why[ERROR_MAX] = "";
    bool is_there;

    if (s->is_stopping)
        return;
    is_there = find_seat(s, &now, why, sizeof why);
    if (!is_there && strcmp(why, s->why) != 0)
        say_nothing_to_share(why);
    snprintf(s->why, sizeof s->why, "%s", why);
    if (fh__seat_is_same(&now, &s->seat))
        return;
    s->seat = now;
    if (is_there)
        fh__log(FH__LOG_NOTICE, "it is the turn of %s", now.display);
    fh__notices_close(&s->sharing.notices); /* they are on the desktop that was */
    if (s->desktop.is_open)
        fh__steady_renew(&s->desktop, is_there, false);
    else if (is_there)
        fh__steady_open(&s->desktop, &s->loop, FH__DESKTOP, s->cfg->program, &desktop_ops, s);
}

/* Where the desktop is looked for there may be none yet: whoever comes waits as well. */
static void start_desktop(struct service *s)
{
    char why[ERROR_MAX] = "";
    bool is_there = find_seat(s, &s->seat, why, sizeof why);

    if (is_auto(s))
        fh__seatwatch_open(&s->watch, &s->loop, on_seat_changed, s);
    if (is_there) {
        fh__steady_open(&s->desktop, &s->loop, FH__DESKTOP, s->cfg->program, &desktop_ops, s);
        return;
    }
    say_nothing_to_share(why);
    snprintf(s->why, sizeof s->why, "%s", why);
    begin(s);
}

/* ---- the key process ---- */

static void on_key_setup(void *user)
{
    struct service *s = user;
    const bool has_tls = fh__older_needs(s->cfg, FH_OLDER_IS_TLS);
    const struct fh__msg_key_setup m = {
        .level = (uint8_t)fh__log_get_level(),
        .user = fh__text_of(s->sharing.key_user),
        .rsa = fh__text_of(fh__older_needs(s->cfg, FH_OLDER_IS_RSA) ? s->cfg->rsa_aes_key : ""),
        .tls_certificate = fh__text_of(has_tls ? s->cfg->tls_certificate : ""),
        .tls_key = fh__text_of(has_tls ? s->cfg->tls_key : ""),
        .path = fh__text_of(s->cfg->identity)};
    uint8_t body[5 * FH__TEXT_MAX];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_key_setup_write(&w, &m);
    if (w.bad)
        fh__log(FH__LOG_ERROR, "%s: the path is too long", s->cfg->identity);
    else
        (void)fh__steady_send(&s->key, FH__MSG_KEY_SETUP, body, w.len, -1);
}

/* A rotation is under way: viewers are told of the key that is to follow. */
static int say_next_identity(const struct service *s)
{
    char fingerprint[FH_FINGERPRINT_HEX], phrase[FH_CATCHPHRASE_MAX];

    if (s->sharing.next_spki_len == 0)
        return 0;
    if (fh__identityfile_describe(s->sharing.next_spki, s->sharing.next_spki_len, fingerprint,
                                  phrase) != 0)
        return -1;
    fh__log(FH__LOG_NOTICE, "the next key is announced to viewers: %s", phrase);
    return 0;
}

static enum fh__exit adopt_identity(struct service *s, const uint8_t *spki, size_t len)
{
    char fingerprint[FH_FINGERPRINT_HEX], phrase[FH_CATCHPHRASE_MAX];
    int error;

    if (fh__identityfile_describe(spki, len, fingerprint, phrase) != 0)
        return FH__EXIT_IDENTITY;
    fh__log(FH__LOG_NOTICE, "catchphrase: %s", phrase);
    fh__log(FH__LOG_NOTICE, "fingerprint: %s", fingerprint);
    if (say_next_identity(s) != 0)
        return FH__EXIT_IDENTITY;
    error = fh__sharing_open(&s->sharing, spki, len);
    if (error) {
        fh__log(FH__LOG_ERROR, "cannot serve: %s", fh_session_strerror(error));
        return FH__EXIT_UNEXPECTED;
    }
    s->is_shared = true;
    return FH__EXIT_OK;
}

static void on_key_ready(struct service *s, struct rd body)
{
    enum fh__exit how;

    if (s->sharing.is_open) {
        if (body.left == s->sharing.spki_len && memcmp(body.p, s->sharing.spki, body.left) == 0) {
            fh__steady_ready(&s->key);
            fh__cloud_key(&s->cloud);
            return;
        }
        fh__log(FH__LOG_ERROR, "%s holds another key now", s->cfg->identity);
        stop(s, FH__EXIT_IDENTITY, FH_BYE_SERVER);
        return;
    }
    fh__steady_ready(&s->key);
    if ((how = adopt_identity(s, body.p, body.left)) != FH__EXIT_OK)
        stop(s, how, FH_BYE_SHUTDOWN);
    else
        start_desktop(s);
}

static void on_key_message(void *user, unsigned number, struct rd body, int fd)
{
    struct service *s = user;

    (void)fd; /* it may send none */
    if (s->is_stopping)
        return;
    if (number == FH__MSG_KEY_TLS)
        fh__sharing_tls(&s->sharing, body.p, body.left);
    else if (number == FH__MSG_KEY_RSA)
        fh__sharing_rsa(&s->sharing, body.p, body.left);
    else if (number == FH__MSG_KEY_NEXT)
        fh__sharing_next(&s->sharing, body.p, body.left);
    else if (number == FH__MSG_ROTATED)
        fh__sharing_rotated(&s->sharing, body);
    else if (number == FH__MSG_KEY_READY)
        on_key_ready(s, body);
    else if (number == FH__MSG_KEY_FAILED && !s->sharing.is_open)
        stop(s, FH__EXIT_IDENTITY, FH_BYE_SHUTDOWN);
}

/* Who comes now is asked to come again: viewer.c. */
static void on_key_lost(void *user)
{
    struct service *s = user;

    fh__sharing_unrotated(&s->sharing);
}

static const struct fh__steady_ops key_ops = {on_key_setup, on_key_message, on_key_lost, wind_down};

/* ---- the service ---- */

/* A user that is not there would be missed by each connection, later. */
static bool are_users_there(const struct fh__config *cfg)
{
    const char *const names[] = {cfg->desktop_user, cfg->service_user};
    bool are_there = true;

    for (size_t i = 0; geteuid() == 0 && i < sizeof names / sizeof *names; i++) {
        if (!names[i] || getpwnam(names[i]))
            continue;
        fh__log(FH__LOG_ERROR, "there is no user %s", names[i]);
        are_there = false;
    }
    return are_there;
}

static enum fh__exit start(struct service *s)
{
    if (!are_users_there(s->cfg))
        return FH__EXIT_USAGE;
    if (fh__auditlog_open(&s->audit, &s->loop, s->cfg) != 0)
        return FH__EXIT_USAGE;
    fh__steady_open(&s->key, &s->loop, FH__KEY, NULL, &key_ops, s);
    return FH__EXIT_OK;
}

enum fh__exit fh__service_run(struct fh__config *cfg, int argc, char *const *argv)
{
    struct service s = {.cfg = cfg, .argc = argc, .argv = argv};
    enum fh__exit how;

    if (uv_loop_init(&s.loop) != 0)
        return FH__EXIT_UNEXPECTED;
    fh__userstore_init(&s.users, cfg->users);
    s.sharing = (struct fh__sharing){.loop = &s.loop,
                                     .cfg = cfg,
                                     .key = &s.key,
                                     .desktop = &s.desktop,
                                     .users = &s.users,
                                     .audit = &s.audit,
                                     .seat = &s.seat,
                                     .cloud = cfg->cloud ? &s.cloud : NULL,
                                     .is_virtual = cfg->virtual != NULL};
    s.cloud = (struct fh__cloud){.loop = &s.loop,
                                 .cfg = cfg,
                                 .sharing = &s.sharing,
                                 .key = &s.key,
                                 .ended = wind_down,
                                 .user = &s};
    fh__sharing_choose_users(&s.sharing);
    start_signals(&s);
    how = start(&s);
    if (how != FH__EXIT_OK)
        stop(&s, how, FH_BYE_SHUTDOWN);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    if (s.is_ready)
        record(&s, FH_AUDIT_SERVICE_ENDED, s.how != FH__EXIT_OK);
    fh__auditlog_close(&s.audit);
    close_signals(&s);
    if (uv_loop_close(&s.loop) != 0)
        fh__log(FH__LOG_ERROR, "something is still open at the end");
    fh__userstore_finish(&s.users);
    return s.how;
}
