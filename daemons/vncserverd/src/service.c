/* SPDX-License-Identifier: MIT */
/* service.c -- the life of the service. */
#include "service.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <systemd/sd-daemon.h>
#include <uv.h>

#include <farhand/crypto_error.h>
#include <farhand/identity_uv.h>
#include <farhand/tcp.h>

#include "control.h"
#include "identityfile.h"
#include "options.h"
#include "sharing.h"
#include "virtual.h"

enum { SIGNALS = 4, ERROR_MAX = 400 };

struct service {
    struct fh__config *cfg;
    int argc;
    char *const *argv;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_prepare_t prepare;
    uv_poll_t x;
    uv_timer_t input, watchdog;
    unsigned open_handles; /* of these, and listener and sharing */
    struct fh__virtual *virtual;
    struct fh__desktop *desktop;
    struct fh__seat seat;                /* where it is */
    struct fh_identity *identity, *next; /* NULL: no other key is to follow */
    struct fh__userstore users;
    struct fh__auditlog audit;
    struct fh__control *control;
    struct fh__sharing sharing;
    struct fh_tcp_listener *listener;
    bool is_ready, is_stopping;
    enum fh__exit how;
};

static void on_audited(void *user, const struct fh_audit_event *ev, const char *line, size_t len)
{
    struct service *s = user;

    (void)ev;
    fh__control_tell(s->control, line, len);
}

/* Without a time the log knows that it is now. */
static void record(struct service *s, enum fh_audit_type type, bool failed)
{
    struct fh_audit_event ev = {
        .type = type, .failed = failed, .program = "vncserverd " FH__VERSION};
    uint8_t fingerprint[FH_FINGERPRINT_LEN];
    const uint8_t *spki;
    size_t len;

    spki = fh_identity_spki(s->identity, &len);
    fh_fingerprint(spki, len, fingerprint);
    ev.fingerprint = fingerprint;
    fh__auditlog_write(&s->audit, &ev);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct service *s = h->data;

    s->open_handles--;
}

static void close_handle(struct service *s, void *handle)
{
    uv_handle_t *h = handle;

    if (h->data != s || uv_is_closing(h))
        return;
    uv_close(h, on_handle_closed);
}

static void close_handles(struct service *s)
{
    size_t i;

    /* Signals are heard to the last: a second one must not cut the cleaning up short. */
    for (i = 0; i < SIGNALS; i++)
        uv_unref((uv_handle_t *)&s->signals[i]);
    close_handle(s, &s->prepare);
    close_handle(s, &s->x);
    close_handle(s, &s->input);
    close_handle(s, &s->watchdog);
}

static void close_signals(struct service *s)
{
    size_t i;

    for (i = 0; i < SIGNALS; i++)
        close_handle(s, &s->signals[i]);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

/* Counts a handle that was opened. */
static void opened(struct service *s, void *handle)
{
    ((uv_handle_t *)handle)->data = s;
    s->open_handles++;
}

static void on_sharing_closed(void *user)
{
    close_handles(user);
}

/* Begins the end; the loop runs until all is closed. */
static void stop(struct service *s, enum fh__exit how, enum fh_bye why)
{
    if (s->is_stopping)
        return;
    s->is_stopping = true;
    s->how = how;
    sd_notify(0, "STOPPING=1");
    if (s->x.data == s) /* nobody reads there any more */
        uv_poll_stop(&s->x);
    if (s->listener)
        fh_tcp_listener_close(s->listener, NULL, NULL);
    s->listener = NULL;
    if (s->control)
        fh_audit_log_remove_callback(s->audit.log, on_audited, s);
    fh__control_close(s->control);
    s->control = NULL;
    if (s->sharing.server)
        fh__sharing_close(&s->sharing, why, on_sharing_closed, s);
    else
        close_handles(s);
}

static void on_changed(void *user, const char *name, bool is_taken)
{
    (void)user;
    if (is_taken)
        fh__log(FH__LOG_INFO, "%s has changed", name);
    else
        fh__log(FH__LOG_WARNING, "%s has changed; that takes effect at the next start", name);
}

static void reload(struct service *s)
{
    struct fh__config fresh;
    struct fh__invocation invocation;
    char error[ERROR_MAX];

    if (s->is_ready)
        sd_notify(0, "RELOADING=1");
    if (fh__config_build(&fresh, &invocation, s->argc, s->argv, error, sizeof error) == 0) {
        if (!fh__config_adopt(s->cfg, &fresh, on_changed, NULL))
            fh__log(FH__LOG_ERROR, "out of memory: not all of the configuration was taken");
        fh__log_set_level(s->cfg->log_level);
        fh__sharing_configure(&s->sharing);
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
}

static void on_children(struct service *s)
{
    int status = 0;

    if (!s->virtual)
        return;
    switch (fh__virtual_reap(s->virtual, &s->loop, &status)) {
    case FH__VIRTUAL_NOTHING:
        return;
    case FH__VIRTUAL_SERVER_ENDED:
        fh__log(FH__LOG_ERROR, "the virtual X server ended");
        stop(s, FH__EXIT_DISPLAY_LOST, FH_BYE_SERVER);
        return;
    case FH__VIRTUAL_PROGRAM_ENDED:
        if (WIFSIGNALED(status))
            fh__log(FH__LOG_NOTICE, "%s was ended by signal %d", s->cfg->program[0],
                    WTERMSIG(status));
        else
            fh__log(FH__LOG_NOTICE, "%s ended with status %d", s->cfg->program[0],
                    WEXITSTATUS(status));
        stop(s, status == 0 ? FH__EXIT_OK : FH__EXIT_PROGRAM, FH_BYE_SERVER);
        return;
    }
}

static void on_signal(uv_signal_t *h, int number)
{
    struct service *s = h->data;

    switch (number) {
    case SIGCHLD:
        on_children(s);
        return;
    case SIGHUP:
        reload(s);
        return;
    }
    fh__log(FH__LOG_NOTICE, "ending, on signal %d", number);
    stop(s, FH__EXIT_OK, FH_BYE_SHUTDOWN);
}

static void start_signals(struct service *s)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    size_t i;

    signal(SIGPIPE, SIG_IGN);
    for (i = 0; i < SIGNALS; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        opened(s, &s->signals[i]);
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
}

/* It only ends the loop's sleep: on_prepare() does the work. */
static void on_input(uv_timer_t *timer)
{
    (void)timer;
}

static void on_x(uv_poll_t *poll, int status, int events)
{
    (void)poll;
    (void)status;
    (void)events;
}

/* Before each sleep: what was asked of the X server is sent, what it said is heard. */
static void on_prepare(uv_prepare_t *h)
{
    struct service *s = h->data;
    uint64_t deadline, now;
    bool alive;

    if (s->is_stopping)
        return;
    do
        alive = fh__desktop_pump(s->desktop);
    while (alive && fh__sharing_run(&s->sharing));
    if (!alive) {
        fh__log(FH__LOG_ERROR, "the X server %s ended",
                s->virtual ? fh__virtual_display(s->virtual) : s->cfg->display);
        stop(s, FH__EXIT_DISPLAY_LOST, FH_BYE_SERVER);
        return;
    }
    deadline = fh__desktop_deadline(s->desktop);
    now = fh__now_ms();
    if (deadline == UINT64_MAX)
        uv_timer_stop(&s->input);
    else
        uv_timer_start(&s->input, on_input, deadline > now ? deadline - now : 0, 0);
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    sd_notify(0, "WATCHDOG=1");
}

static void start_handles(struct service *s)
{
    uint64_t watchdog_us = 0;

    uv_timer_init(&s->loop, &s->input);
    opened(s, &s->input);
    uv_poll_init(&s->loop, &s->x, fh__desktop_fd(s->desktop));
    opened(s, &s->x);
    uv_poll_start(&s->x, UV_READABLE, on_x);
    uv_prepare_init(&s->loop, &s->prepare);
    opened(s, &s->prepare);
    uv_prepare_start(&s->prepare, on_prepare);
    if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
        uv_timer_init(&s->loop, &s->watchdog);
        opened(s, &s->watchdog);
        uv_timer_start(&s->watchdog, on_watchdog, watchdog_us / 2000, watchdog_us / 2000);
    }
}

/* Signals that came are acted on; those that come make the loop's descriptor readable. */
static bool has_ended(void *user)
{
    struct service *s = user;

    uv_run(&s->loop, UV_RUN_NOWAIT);
    return s->is_stopping;
}

static enum fh__exit open_display(struct service *s)
{
    const struct fh__config *cfg = s->cfg;
    const struct fh__virtual_wait wait = {uv_backend_fd(&s->loop), has_ended, s};
    char error[ERROR_MAX];

    if (cfg->virtual && fh__virtual_start(&s->virtual, cfg->virtual_width, cfg->virtual_height,
                                          &wait, error, sizeof error) != 0) {
        if (s->is_stopping)
            return FH__EXIT_DISPLAY;
        fh__log(FH__LOG_ERROR, "no virtual display: %s", error);
        return FH__EXIT_DISPLAY;
    }
    if (cfg->xauthority)
        setenv("XAUTHORITY", cfg->xauthority, 1);
    if (fh__desktop_open(&s->desktop, s->virtual ? fh__virtual_display(s->virtual) : cfg->display,
                         s->virtual ? fh__virtual_cookie(s->virtual) : NULL,
                         &fh__sharing_desktop_events, &s->sharing, error, sizeof error) != 0) {
        fh__log(FH__LOG_ERROR, "no display %s: %s",
                s->virtual ? fh__virtual_display(s->virtual) : cfg->display, error);
        return FH__EXIT_DISPLAY;
    }
    s->sharing.desktop = s->desktop;
    s->sharing.is_virtual = s->virtual != NULL;
    fh__seat_of_display(&fh__seat_logind, "",
                        s->virtual ? fh__virtual_display(s->virtual) : cfg->display,
                        cfg->xauthority, &s->seat);
    if (!s->virtual)
        return FH__EXIT_OK;
    if (fh__desktop_resize(s->desktop, cfg->virtual_width, cfg->virtual_height) != FH__RESIZE_OK) {
        fh__log(FH__LOG_ERROR, "no virtual display of %s", cfg->virtual);
        return FH__EXIT_DISPLAY;
    }
    /* It was left in the corner. Without a window manager the focus is where the pointer is. */
    fh__desktop_pointer(s->desktop, s, cfg->virtual_width / 2, cfg->virtual_height / 2, 0);
    fh__desktop_pump(s->desktop);
    if (cfg->program && fh__virtual_run(s->virtual, cfg->program, error, sizeof error) != 0) {
        fh__log(FH__LOG_ERROR, "%s", error);
        return FH__EXIT_PROGRAM;
    }
    return FH__EXIT_OK;
}

static void on_accept(void *user, struct fh_stream *stream)
{
    struct service *s = user;

    fh__sharing_accept(&s->sharing, stream);
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

    for (i = 0; i < s->cfg->n_listen; i++)
        if (strncmp(s->cfg->listen[i], "unix:", 5) == 0)
            fh__log(FH__LOG_NOTICE, "listening on %s", s->cfg->listen[i]);
    for (i = 0; i < fh_tcp_listener_count(s->listener); i++) {
        fh_tcp_listener_address(s->listener, i, &address);
        fh_address_print(&address, text, sizeof text);
        if (address.family != FH_ADDRESS_UNIX)
            fh__log(FH__LOG_NOTICE, "listening on %s", text);
    }
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
    s->control = fh__control_open(&s->loop, s->cfg->control, &s->sharing, error, sizeof error);
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
                                                .accept = on_accept,
                                                .trouble = on_trouble,
                                                .user = s};
    char why[FH_TCP_WHY];
    enum fh__exit how;
    int error;

    error = fh__sharing_open(&s->sharing, s->identity, s->next);
    if (error) {
        fh__log(FH__LOG_ERROR, "cannot serve: %s", fh_session_strerror(error));
        return FH__EXIT_UNEXPECTED;
    }
    if ((how = start_control(s)) != FH__EXIT_OK)
        return how;
    if (fh_tcp_listen(&s->loop, &config, &s->listener, why, sizeof why) != 0) {
        fh__log(FH__LOG_ERROR, "cannot listen: %s", why);
        return FH__EXIT_LISTEN;
    }
    say_addresses(s);
    if (fh__userstore_refresh(&s->users) == 0 && s->cfg->auth != FH__AUTH_PROGRAM)
        fh__log(FH__LOG_WARNING,
                "every connection is rejected: there are no users in %s; add one "
                "with vncserverd user add NAME",
                s->cfg->users);
    return FH__EXIT_OK;
}

/* A rotation is under way: viewers are told of the key that is to follow. */
static enum fh__exit start_next_identity(struct service *s)
{
    char fingerprint[FH_FINGERPRINT_HEX], phrase[FH_CATCHPHRASE_MAX];
    int error = fh__identityfile_open_next(s->cfg->identity, &s->next);

    if (error == 0 && s->next)
        error = fh__identityfile_describe(s->next, fingerprint, phrase);
    if (error) {
        fh__log(FH__LOG_ERROR, "%s.next: %s", s->cfg->identity, fh_crypto_strerror(error));
        return FH__EXIT_IDENTITY;
    }
    if (s->next)
        fh__log(FH__LOG_NOTICE, "the next key is announced to viewers: %s", phrase);
    return FH__EXIT_OK;
}

static enum fh__exit start_identity(struct service *s)
{
    char fingerprint[FH_FINGERPRINT_HEX], phrase[FH_CATCHPHRASE_MAX];
    int error = fh__identityfile_open(&s->loop, s->cfg->identity, &s->is_stopping, &s->identity);

    if (error == 0)
        error = fh__identityfile_describe(s->identity, fingerprint, phrase);
    if (error)
        return FH__EXIT_IDENTITY;
    fh__log(FH__LOG_NOTICE, "catchphrase: %s", phrase);
    fh__log(FH__LOG_NOTICE, "fingerprint: %s", fingerprint);
    return start_next_identity(s);
}

static enum fh__exit start(struct service *s)
{
    enum fh__exit how;

    if (fh__auditlog_open(&s->audit, &s->loop, s->cfg) != 0)
        return FH__EXIT_USAGE;
    if ((how = start_identity(s)) != FH__EXIT_OK || s->is_stopping)
        return how;
    if ((how = open_display(s)) != FH__EXIT_OK)
        return how;
    if ((how = start_listening(s)) != FH__EXIT_OK)
        return how;
    start_handles(s);
    on_children(s); /* one that ended before SIGCHLD was looked for */
    s->is_ready = true;
    record(s, FH_AUDIT_SERVICE_STARTED, false);
    sd_notifyf(0, "READY=1\nSTATUS=Sharing %s",
               s->virtual ? fh__virtual_display(s->virtual) : s->cfg->display);
    return FH__EXIT_OK;
}

enum fh__exit fh__service_run(struct fh__config *cfg, int argc, char *const *argv)
{
    struct service s = {.cfg = cfg, .argc = argc, .argv = argv};
    enum fh__exit how;

    if (uv_loop_init(&s.loop) != 0)
        return FH__EXIT_UNEXPECTED;
    fh__userstore_init(&s.users, cfg->users);
    s.sharing = (struct fh__sharing){
        .loop = &s.loop, .cfg = cfg, .users = &s.users, .audit = &s.audit, .seat = &s.seat};
    start_signals(&s);
    how = start(&s);
    if (how != FH__EXIT_OK)
        stop(&s, how, FH_BYE_SHUTDOWN);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    if (s.is_ready)
        record(&s, FH_AUDIT_SERVICE_ENDED, s.how != FH__EXIT_OK);
    fh__auditlog_close(&s.audit);
    fh__desktop_close(s.desktop);
    fh__virtual_stop(s.virtual);
    close_signals(&s);
    if (uv_loop_close(&s.loop) != 0)
        fh__log(FH__LOG_ERROR, "something is still open at the end");
    fh__userstore_finish(&s.users);
    fh_identity_free(s.identity);
    fh_identity_free(s.next);
    return s.how;
}
