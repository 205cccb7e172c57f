/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "app.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/crypto_error.h>
#include <farhand/crypto_rfb_version.h>
#include <farhand/identity_uv.h>
#include <farhand/known_peers_file.h>
#include <farhand/link.h>
#include <farhand/older.h>
#include <farhand/rfb_client.h>
#include <farhand/rotation.h>
#include <farhand/tcp.h>
#include <farhand/viewer.h>
#include <jansson.h>
#include <uv.h>

#include "answers.h"
#include "cloud.h"
#include "ownkey.h"
#include "password.h"
#include "paths.h"
#include "record.h"
#include "resume.h"
#include "run.h"
#include "target.h"
#include "terminal.h"
#include "trust.h"
#include "utf8.h"

enum {
    RESUME_MS = 60000, /* vncserverd waits as long */
    AGAIN_MS = 1000,
    PATIENT_ATTEMPTS = 4 /* that one connection has to find another way */
};

struct app {
    const struct options *o;
    const struct script *script;
    uv_loop_t loop;
    uv_timer_t run_timer, total_timer;
    uv_signal_t interrupt, terminate;
    struct target target;
    const char *name;           /* of the target */
    struct fh_audit_log *audit; /* NULL: nothing is recorded */
    char store[PATH_MAX], identity_path[PATH_MAX];
    struct fh_identity *identity;
    struct fh_tcp_connecting *connecting;
    struct cloud *cloud; /* NULL: not needed */
    bool is_calling;     /* it looks for a way to the server */
    uv_timer_t again;    /* for another, when it has none any more */
    struct fh_viewer *viewer;
    struct trust trust;
    enum verdict verdict;
    unsigned older_minimum; /* 0: the channel is spoken */
    bool has_older_memory;  /* that is what was used there before */
    bool has_rotated;       /* the server named a key that will follow */
    struct resume resume;
    struct run run;
    bool is_running; /* the session began and the script runs */
    bool is_over;    /* the result is known; what follows is leaving */
    bool is_interrupted;
    bool is_relayed; /* the session goes by a relay of the cloud */
    uint64_t started_ms;
    char user[256];
    struct answers given;
    bool was_given; /* the password, and not typed */
    enum exit_code code;
    char why[2048];
};

enum exit_code app_fail(const struct options *o, enum exit_code code, const char *why)
{
    json_t *line;

    if (!o->json) {
        fprintf(stderr, "vncviewer-cli: %s\n", why);
        return code;
    }
    line = json_pack("{s:s, s:i, s:s}", "result", "error", "exit", (int)code, "message", why);
    if (line) {
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    }
    return code;
}

static void verbose(const struct app *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void verbose(const struct app *a, const char *format, ...)
{
    va_list args;

    if (!a->o->verbose)
        return;
    va_start(args, format);
    fputs("vncviewer-cli: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* ---- leaving -------------------------------------------------------------------------------- */

static void on_all_closed(void *user)
{
    struct app *a = user;

    uv_stop(&a->loop);
}

static void hang_up(struct app *a)
{
    if (a->cloud)
        cloud_hang_up(a->cloud);
    a->is_calling = false;
    uv_timer_stop(&a->again);
}

static void on_viewer_closed(void *user)
{
    struct app *a = user;

    a->viewer = NULL;
    hang_up(a);
    resume_stop(&a->resume);
}

/* Nothing has begun yet: there is nothing to say goodbye to. */
static void give_up(struct app *a)
{
    if (a->connecting)
        fh_tcp_connect_cancel(a->connecting);
    if (!a->is_calling || a->viewer)
        return;
    hang_up(a);
    uv_stop(&a->loop);
}

/* The first result is the result. */
static void set_result(struct app *a, enum exit_code code, const char *why)
{
    if (a->is_over)
        return;
    a->is_over = true;
    a->code = code;
    snprintf(a->why, sizeof a->why, "%s", why);
}

/* Says goodbye in order; EV_ENDED follows, at the latest at the channel's deadline. */
static void leave(struct app *a, enum exit_code code, const char *why)
{
    set_result(a, code, why);
    if (a->viewer && fh_viewer_conn(a->viewer)) {
        fh_viewer_conn_close(fh_viewer_conn(a->viewer), FH_BYE_NORMAL);
        fh_viewer_flush(a->viewer);
    }
}

/* ---- the script ----------------------------------------------------------------------------- */

static void on_run_timer(uv_timer_t *timer);

static void follow_run(struct app *a)
{
    uint64_t now = uv_now(&a->loop), wake = run_wake(&a->run);

    switch (a->run.state) {
    case RUN_WAITING:
        if (wake == UINT64_MAX)
            uv_timer_stop(&a->run_timer);
        else
            uv_timer_start(&a->run_timer, on_run_timer, wake > now ? wake - now : 0, 0);
        return;
    case RUN_DONE:
        leave(a, EXIT_OK, "");
        break;
    case RUN_FAILED:
        leave(a, EXIT_COMMAND_FAILED, a->run.why);
        break;
    case RUN_TIMEOUT:
        leave(a, EXIT_TIMEOUT, a->run.why);
        break;
    }
    uv_timer_stop(&a->run_timer);
    a->is_running = false;
}

static void on_run_timer(uv_timer_t *timer)
{
    struct app *a = timer->data;

    if (!a->is_running)
        return;
    run_poll(&a->run, uv_now(&a->loop));
    follow_run(a);
}

/* ---- the session ---------------------------------------------------------------------------- */

/* What was accepted unseen stays so until a person compares, whatever the store says of it. */
static enum fh_trust on_verify_server(void *user, const struct fh_viewer_conn_event *ev)
{
    struct app *a = user;

    if (ev->server.older)
        a->verdict = trust_judge_older(&a->trust, ev->server.older, ev->server.fingerprint,
                                       ev->server.short_fingerprint);
    else
        a->verdict = trust_judge(&a->trust, ev->server.spki, ev->server.spki_len);
    if (ev->server.older)
        verbose(a, "security type %s", fh_older_name(ev->server.older));
    verbose(a, "server's fingerprint %s", a->trust.fingerprint);
    if (a->verdict != VERDICT_TRUSTED)
        return FH_TRUST_NONE;
    if (a->trust.is_checked)
        return FH_TRUST_CHECKED;
    return a->trust.how == FH_KNOWN_ACCEPTED_BLIND ? FH_TRUST_BLIND : FH_TRUST_CONFIRMED;
}

/* Asks the person. False: what follows is decided. */
static bool ask_password(struct app *a, bool is_again)
{
    char question[768];
    int ret;

    snprintf(question, sizeof question,
             "%sPassword of %s at %s: ", is_again ? "That was not right. " : "", a->user, a->name);
    ret = terminal_ask(question, true, a->given.password, sizeof a->given.password);
    if (ret != 0 && ret != TERMINAL_INTERRUPTED) /* else on_signal() follows */
        leave(a, EXIT_AUTHENTICATION,
              "a password is needed: --password-file, FH_PASSWORD, or a terminal to ask on");
    return ret == 0;
}

static void on_credentials(void *user, unsigned attempt)
{
    struct app *a = user;
    struct fh_viewer_conn *conn = fh_viewer_conn(a->viewer);
    unsigned method = fh_viewer_conn_method(conn);
    bool needs =
        method == FH_METHOD_PASSWORD || method == FH_METHOD_CPACE || method == FH_METHOD_VNC;

    if (attempt > 1 && (a->was_given || !needs || !terminal_can_ask())) {
        leave(a, EXIT_AUTHENTICATION,
              needs ? "the user name or password is wrong" : "the server did not let the user in");
        return;
    }
    if (needs && !a->given.has_password && !ask_password(a, attempt > 1))
        return;
    fh_viewer_conn_credentials(conn, a->user, needs ? a->given.password : NULL,
                               needs ? strlen(a->given.password) : 0);
    if (needs) {
        fh_wipe(a->given.password, sizeof a->given.password);
        a->given.has_password = false;
    }
    fh_viewer_flush(a->viewer);
}

static void on_ask(void *user, const struct fh_viewer_prompt *prompts, size_t n)
{
    struct app *a = user;
    char why[512];

    /* Where the password was proved in another way it is nobody's answer. */
    a->given.has_password &=
        fh_viewer_conn_method(fh_viewer_conn(a->viewer)) == FH_METHOD_CONVERSATION;
    switch (
        answers_give(&a->given, fh_viewer_conn(a->viewer), a->name, prompts, n, why, sizeof why)) {
    case 0:
        fh_viewer_flush(a->viewer);
        return;
    case TERMINAL_INTERRUPTED:
        return; /* on_signal() follows */
    default:
        leave(a, EXIT_AUTHENTICATION, why);
    }
}

static void add_facts(void *user, json_t *into)
{
    struct app *a = user;
    struct fh_link_info info;

    cloud_describe(a->cloud, into);
    if (!fh_viewer_link_info(a->viewer, &info))
        return;
    json_object_set_new(into, "paths", json_integer((json_int_t)info.paths));
    json_object_set_new(into, "moved_late", json_integer((json_int_t)info.late));
}

static void on_started(struct app *a, uint32_t permissions)
{
    (void)permissions;
    verbose(a, "authenticated");
    if (a->trust.has_successor && !a->has_rotated)
        trust_withdraw(&a->trust);
    a->run.facts = (struct run_facts){.address = a->name,
                                      .path = a->is_relayed ? "relayed" : "direct",
                                      .add = a->cloud ? add_facts : NULL,
                                      .add_user = a,
                                      .fingerprint = a->trust.fingerprint,
                                      .phrase = a->trust.phrase,
                                      .trusted = trust_how_text(a->trust.how),
                                      .connect_started_ms = a->started_ms};
    a->is_running = true;
}

static enum exit_code code_of_end(const struct fh_viewer_conn_event *ev)
{
    if (ev->ended.error == FH_SESSION_E_SWAPPED)
        return EXIT_SERVER_CHANGED;
    switch (ev->ended.reason) {
    case FH_BYE_AUTH:
    case FH_BYE_IDENTITY:
        return EXIT_AUTHENTICATION;
    case FH_BYE_BUSY:
        return EXIT_CANNOT_CONNECT;
    case FH_BYE_PROTOCOL:
        return EXIT_PROTOCOL;
    case FH_BYE_TIMEOUT:
        return EXIT_TIMEOUT;
    case FH_BYE_NORMAL:
    case FH_BYE_SERVER:
    case FH_BYE_SHUTDOWN:
    case FH_BYE_IDLE:
    case FH_BYE_REPLACED:
    case FH_BYE_LOST:
    case FH_BYE_INTERNAL:
        break;
    }
    return EXIT_CLOSED_EARLY;
}

/* What went wrong in the library that failed, where the reason alone does not say it. */
static const char *detail_of(int error)
{
    if (error <= -601)
        return fh_rfb_strerror(error);
    if (error <= -501)
        return fh_session_strerror(error);
    if (error == FH_TRANSPORT_E_NO_LINK)
        return "the server does not let sessions be resumed; connect without --resume";
    if (error == FH_TRANSPORT_E_TIMEOUT)
        return "the server was not reached again in time";
    if (error <= -201 && error > -300)
        return fh_transport_strerror(error);
    return error <= -101 && error > -200 ? fh_crypto_strerror(error) : "";
}

static void on_ended(struct app *a, const struct fh_viewer_conn_event *ev)
{
    char words[256], why[1024];
    const char *detail = detail_of(ev->ended.error);
    int n;

    if (ev->ended.error == FH_SESSION_E_WEAK)
        detail =
            a->has_older_memory
                ? "it offers nothing as strong as what was used there before; if that is meant "
                  "to be so, vncviewer-cli known-servers remove"
                : "it offers nothing as strong as --legacy or --security-type wants";
    terminal_escape(ev->ended.text ? ev->ended.text : "", words, sizeof words);
    n = snprintf(why, sizeof why, "%s: %s%s%s", a->name, fh_bye_text(ev->ended.reason),
                 *detail ? ": " : "", detail);
    if (*words && n > 0 && (size_t)n < sizeof why)
        n += snprintf(why + n, sizeof why - (size_t)n, " (%s said: \"%s\")",
                      ev->ended.confirmed ? "the server" : "someone, unconfirmed,", words);
    if (ev->ended.retry_s && n > 0 && (size_t)n < sizeof why)
        snprintf(why + n, sizeof why - (size_t)n, "; try again in %u s", ev->ended.retry_s);
    /* All was done here, but it is not certain that it arrived there. */
    if (a->is_over && a->code == EXIT_OK &&
        (ev->ended.error != 0 || ev->ended.reason != FH_BYE_NORMAL))
        a->is_over = false;
    if (a->verdict == VERDICT_TRUSTED)
        set_result(a, code_of_end(ev), why);
    fh_viewer_close(a->viewer, on_viewer_closed);
}

/* The server's key will be another one, and this one vouches for that. */
static void on_rotation(struct app *a, const struct fh_viewer_conn_event *ev)
{
    char fingerprint[FH_FINGERPRINT_HEX], phrase[FH_CATCHPHRASE_MAX] = "";
    struct fh_audit_event record;
    int ret = trust_rotate(&a->trust, ev->rotation.next->spki, ev->rotation.next->spki_len, phrase);

    a->has_rotated = true;
    fh_fingerprint_to_hex(ev->rotation.fingerprint, fingerprint);
    if (ret > 0)
        fprintf(stderr,
                "vncviewer-cli: %s will have another key, and its present one vouches for it.\n"
                "  It is known from now on:  %s\n",
                a->name, phrase);
    else if (ret < 0)
        fprintf(stderr, "vncviewer-cli: %s named another key, which was not kept: %s\n", a->name,
                a->trust.why);
    fh_viewer_describe(a->viewer, &record);
    record.type = FH_AUDIT_ROTATION;
    record.failed = ret < 0;
    record.reason = ret < 0 ? "not-recorded" : "recorded";
    record.text = fingerprint;
    record_event(a->audit, a->name, &record);
}

static void on_audit(void *user, const struct fh_audit_event *ev)
{
    struct app *a = user;

    record_event(a->audit, a->name, ev);
}

static void on_event(void *user, const struct fh_viewer_conn_event *ev)
{
    struct app *a = user;

    if (ev->type == FH_VIEWER_CONN_EV_ROTATION) {
        on_rotation(a, ev);
        return;
    }
    if (ev->type == FH_VIEWER_CONN_EV_STARTED)
        on_started(a, ev->started.permissions);
    if (ev->type == FH_VIEWER_CONN_EV_ENDED) {
        a->is_running = false;
        on_ended(a, ev);
        return;
    }
    if (ev->type == FH_VIEWER_CONN_EV_NOTICE)
        fprintf(stderr, "vncviewer-cli: %s says: %s\n", a->name, ev->notice.text);
    run_event(&a->run, ev, uv_now(&a->loop));
    /* Rectangles only belong to an update; what waits for pixels looks when it is whole. */
    if (a->is_running && ev->type != FH_VIEWER_CONN_EV_RECT) {
        run_poll(&a->run, uv_now(&a->loop));
        follow_run(a);
    }
}

static void call(struct app *a);

/* Streams are attached as they stand: what is asked for here comes by itself, or not yet. */
static void look_for_a_way(struct app *a, unsigned attempt)
{
    if (attempt % PATIENT_ATTEMPTS == 0 || !cloud_retry(a->cloud))
        call(a);
    (void)fh_viewer_resume(a->viewer, NULL);
}

static void on_reconnect(void *user, unsigned attempt)
{
    struct app *a = user;

    if (attempt == 1)
        verbose(a, "the connection to %s was lost; the session waits there", a->name);
    if (a->cloud) {
        look_for_a_way(a, attempt);
        return;
    }
    if (resume_connect(&a->resume) != 0)
        leave(a, EXIT_UNEXPECTED, "no memory to connect again");
}

static void on_resumed(void *user)
{
    struct app *a = user;

    verbose(a, "connected to %s again; the session carries on", a->name);
}

static void on_moved(void *user, int way)
{
    struct app *a = user;

    a->is_relayed = way != FH_VIEWER_DIRECT;
    a->run.facts.path = a->is_relayed ? "relayed" : "direct";
    verbose(a, "the session goes %s now", a->is_relayed ? "by the relay" : "directly");
}

static void on_keys(void *user, const uint8_t *client, const uint8_t *server)
{
    struct app *a = user;

    if (a->cloud)
        cloud_keys(a->cloud, client, server);
}

static const struct fh_viewer_callbacks callbacks = {.verify_server = on_verify_server,
                                                     .moved = on_moved,
                                                     .keys = on_keys,
                                                     .credentials = on_credentials,
                                                     .ask = on_ask,
                                                     .reconnect = on_reconnect,
                                                     .resumed = on_resumed,
                                                     .event = on_event,
                                                     .audit = on_audit};

/* ---- connecting ----------------------------------------------------------------------------- */

static int new_viewer(struct app *a)
{
    const struct options *o = a->o;
    const struct fh_rfb_client_config rfb = {.shared = true,
                                             .encodings = o->n_encodings ? o->encodings : NULL,
                                             .n_encodings = o->n_encodings,
                                             .quality = o->quality,
                                             .level = o->compress,
                                             .continuous = true};
    struct cloud_told told;
    struct fh_viewer_config cfg = {
        .loop = &a->loop,
        .identity = a->identity,
        .callbacks = &callbacks,
        .user = a,
        .resume_ms = o->resume || a->cloud ? RESUME_MS : 0,
        .conn = {.program = "vncviewer-cli " FH_CRYPTO_RFB_VERSION,
                 .rfb = &rfb,
                 .view_only = o->view_only,
                 .verify_always = o->verify_always,
                 .method = o->method,
                 .older = {.minimum = a->older_minimum, .only = o->security_type},
                 .user = a->user,
                 .password = a->given.has_password ? a->given.password : NULL,
                 .password_len = a->given.has_password ? strlen(a->given.password) : 0},
    };

    int ret;

    if (a->cloud) {
        cloud_told(a->cloud, &told);
        cfg.conn.session_ref = told.session_ref;
        cfg.conn.cloud_secret = told.secret;
        cfg.conn.expected = told.fingerprint;
    }
    ret = fh_viewer_new(&cfg, &a->viewer);
    a->resume = (struct resume){.loop = &a->loop,
                                .target = &a->target.where,
                                .viewer = a->viewer,
                                .stopped = on_all_closed,
                                .user = a};
    return ret;
}

/* The stream is taken. */
static void begin(struct app *a, struct fh_stream *s)
{
    int ret = new_viewer(a);

    if (ret != 0) {
        fh_stream_close(s, NULL, NULL);
        hang_up(a);
        set_result(a, EXIT_UNEXPECTED, fh_session_strerror(ret));
        uv_stop(&a->loop);
        return;
    }
    run_init(&a->run, a->viewer, a->script);
    a->run.is_json = a->o->json;
    a->run.step_timeout_ms =
        a->o->command_timeout_s > 0 ? (uint64_t)(a->o->command_timeout_s * 1000) : UINT64_MAX / 2;
    if (a->cloud)
        fh_viewer_set_path(a->viewer, a->is_relayed ? "relayed" : "direct",
                           a->name + strlen("cloud:"));
    ret = fh_viewer_connect(a->viewer, s);
    if (ret != 0) {
        set_result(a, EXIT_UNEXPECTED, fh_session_strerror(ret));
        fh_viewer_close(a->viewer, on_viewer_closed);
    }
}

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct app *a = user;
    char why[512];

    a->connecting = NULL;
    if (error != 0) {
        snprintf(why, sizeof why, "cannot connect to %s: %s", a->name, text);
        record_unreachable(a->audit, a->name);
        set_result(a, error == FH_TRANSPORT_E_TIMEOUT ? EXIT_TIMEOUT : EXIT_CANNOT_CONNECT, why);
        uv_stop(&a->loop);
        return;
    }
    verbose(a, "connected to %s", a->name);
    begin(a, s);
}

/* ---- through a cloud ---- */

static void on_stream(void *user, struct fh_stream *s, int way)
{
    struct app *a = user;

    verbose(a, "a %s to %s stands", way == FH_VIEWER_DIRECT ? "direct path" : "relay", a->name);
    if (a->viewer) {
        (void)fh_viewer_attach(a->viewer, s, way);
        return;
    }
    a->is_relayed = way != FH_VIEWER_DIRECT;
    begin(a, s);
}

static void on_again(uv_timer_t *timer)
{
    call(timer->data);
}

/* A session that runs waits, for as long as it may, for another way. */
static void on_call_failed(void *user, enum exit_code code, const char *why)
{
    struct app *a = user;
    char text[768];

    a->is_calling = false;
    if (a->viewer) {
        verbose(a, "no way to %s: %s", a->name, why);
        uv_timer_start(&a->again, on_again, AGAIN_MS, 0);
        return;
    }
    snprintf(text, sizeof text, "cannot connect to %s: %.600s", a->name, why);
    record_unreachable(a->audit, a->name);
    set_result(a, code, text);
    uv_stop(&a->loop);
}

static const struct cloud_events cloud_events = {on_stream, on_call_failed};

static void call(struct app *a)
{
    a->is_calling = true;
    cloud_connect(a->cloud, a->target.cloud, &cloud_events, a);
}

/* One connection from begin to end. What a person must decide is left in a->verdict. */
static void connect_once(struct app *a)
{
    const struct fh_tcp_connect_config cfg = {.done = on_connected, .user = a};
    int ret;

    a->verdict = VERDICT_TRUSTED;
    a->started_ms = uv_now(&a->loop);
    if (a->cloud)
        call(a);
    ret = a->cloud ? 0 : fh_tcp_connect(&a->loop, &a->target.where, &cfg, &a->connecting);
    if (ret != 0) {
        set_result(a, EXIT_CANNOT_CONNECT, fh_transport_strerror(ret));
        return;
    }
    uv_run(&a->loop, UV_RUN_DEFAULT);
    run_finish(&a->run);
    a->run = (struct run){0};
}

static enum exit_code code_of_verdict(enum verdict v)
{
    switch (v) {
    case VERDICT_TRUSTED:
        return EXIT_OK;
    case VERDICT_UNKNOWN:
    case VERDICT_UNCHECKED:
        return EXIT_SERVER_UNKNOWN;
    case VERDICT_CHANGED:
    case VERDICT_REVOKED:
    case VERDICT_NOT_GIVEN:
        return EXIT_SERVER_CHANGED;
    case VERDICT_FAILED:
        break;
    }
    return EXIT_UNEXPECTED;
}

static void connect_until_decided(struct app *a)
{
    char text[1536];

    connect_once(a);
    if ((a->verdict == VERDICT_UNKNOWN || a->verdict == VERDICT_UNCHECKED) && !a->is_over &&
        !a->older_minimum && terminal_can_ask() && trust_ask(&a->trust)) {
        uv_update_time(&a->loop);
        connect_once(a);
    }
    if (a->verdict == VERDICT_TRUSTED || a->is_over)
        return;
    if (a->older_minimum)
        trust_explain_older(&a->trust, a->verdict, text, sizeof text);
    else
        trust_explain(&a->trust, a->verdict, text, sizeof text);
    set_result(a, code_of_verdict(a->verdict), text);
}

/* ---- preparing ------------------------------------------------------------------------------ */

static void on_total_timer(uv_timer_t *timer)
{
    struct app *a = timer->data;

    set_result(a, EXIT_TIMEOUT, "the whole run did not end within --timeout");
    if (a->viewer)
        fh_viewer_close(a->viewer, on_viewer_closed);
    else
        give_up(a);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct app *a = handle->data;

    (void)number;
    set_result(a, EXIT_UNEXPECTED, "interrupted");
    if (!a->viewer)
        give_up(a);
    else if (a->is_interrupted)
        fh_viewer_close(a->viewer, on_viewer_closed);
    else
        leave(a, EXIT_UNEXPECTED, "interrupted");
    a->is_interrupted = true;
}

/* What is no name of a user anywhere is not sent: 1 to 255 bytes of UTF-8, nothing invisible. */
static int set_user(struct app *a, char *why, size_t room)
{
    const struct passwd *pw = a->o->user ? NULL : getpwuid(geteuid());
    const char *name = a->o->user ? a->o->user : pw ? pw->pw_name : "", *p = name;
    size_t left = strlen(name), n = 1;
    uint32_t c;

    for (; left != 0 && n != 0; p += n, left -= n) {
        n = utf8_next(p, left, &c);
        if (n != 0 && (utf8_is_control(c) || utf8_is_deceptive(c)))
            break;
    }
    if (left != 0 || p == name || p - name >= (ptrdiff_t)sizeof a->user) {
        snprintf(why, room, "--user: expected 1 to 255 bytes of UTF-8 without control characters");
        return -1;
    }
    snprintf(a->user, sizeof a->user, "%s", name);
    return 0;
}

/* Who was reached with a type is reached with none that is weaker. */
static int prepare_older(struct app *a, char *why, size_t room)
{
    unsigned only = a->o->security_type;

    if (trust_older_minimum(&a->trust, &a->older_minimum, &a->has_older_memory) != 0) {
        snprintf(why, room, "%s", a->trust.why);
        return -1;
    }
    if (!only || fh_older_strength(only) >= fh_older_strength(a->older_minimum))
        return 0;
    snprintf(why, room,
             "%s was reached with %s before, and %s is weaker; if that is meant to be so, "
             "vncviewer-cli known-servers remove %s",
             a->name, fh_older_name(a->older_minimum), fh_older_name(only), a->name);
    return -1;
}

static int prepare(struct app *a, char *why, size_t room)
{
    int ret;

    a->name = a->target.name;
    if (set_user(a, why, room) != 0 || target_parse(&a->target, a->o->address, why, room) != 0 ||
        paths_find(a->o->known_servers, "known_servers", a->store, why, room) != 0 ||
        paths_find(a->o->identity, "viewer.pem", a->identity_path, why, room) != 0)
        return EXIT_USAGE;
    ret = password_given(a->o->password_file, a->given.password, why, room);
    if (ret < 0 || answers_given(&a->given, why, room) != 0)
        return EXIT_USAGE;
    a->given.has_password = a->was_given = ret == 1;
    a->trust = (struct trust){.store = a->store,
                              .name = a->name,
                              .given = a->o->trust,
                              .accept_new = a->o->accept_new,
                              .verify_always = a->o->verify_always,
                              .hash_names = a->o->hash_names};
    a->older_minimum = a->o->legacy;
    if (a->older_minimum && a->target.is_cloud) {
        snprintf(why, room, "--legacy: servers of other makers are not behind a cloud");
        return EXIT_USAGE;
    }
    if (a->older_minimum && prepare_older(a, why, room) != 0)
        return EXIT_UNEXPECTED;
    if (ownkey_load(&a->loop, a->identity_path, &a->identity, why, room) != 0)
        return EXIT_UNEXPECTED;
    if (a->target.is_cloud && cloud_open(&a->loop, a->o, a->identity, &a->cloud, why, room) != 0)
        return EXIT_USAGE;
    return record_open(a->o, &a->loop, &a->audit, why, room) == 0 ? EXIT_OK : EXIT_USAGE;
}

static void start_handles(struct app *a)
{
    uv_timer_init(&a->loop, &a->run_timer);
    uv_timer_init(&a->loop, &a->total_timer);
    uv_timer_init(&a->loop, &a->again);
    a->again.data = a;
    uv_signal_init(&a->loop, &a->interrupt);
    uv_signal_init(&a->loop, &a->terminate);
    a->run_timer.data = a->total_timer.data = a->interrupt.data = a->terminate.data = a;
    uv_signal_start(&a->interrupt, on_signal, SIGINT);
    uv_signal_start(&a->terminate, on_signal, SIGTERM);
    if (a->o->timeout_s > 0)
        uv_timer_start(&a->total_timer, on_total_timer, (uint64_t)(a->o->timeout_s * 1000), 0);
}

static void close_handles(struct app *a)
{
    uv_close((uv_handle_t *)&a->run_timer, NULL);
    uv_close((uv_handle_t *)&a->total_timer, NULL);
    uv_close((uv_handle_t *)&a->again, NULL);
    if (a->cloud)
        cloud_close(a->cloud, NULL, NULL);
    a->cloud = NULL;
    uv_close((uv_handle_t *)&a->interrupt, NULL);
    uv_close((uv_handle_t *)&a->terminate, NULL);
    uv_run(&a->loop, UV_RUN_DEFAULT);
}

enum exit_code app_run(const struct options *o, const struct script *script)
{
    struct app *a = calloc(1, sizeof *a);
    enum exit_code code;

    if (!a || uv_loop_init(&a->loop) != 0) {
        free(a);
        return app_fail(o, EXIT_UNEXPECTED, "no memory for the event loop");
    }
    signal(SIGPIPE, SIG_IGN);
    a->o = o;
    a->script = script;
    a->code = (enum exit_code)prepare(a, a->why, sizeof a->why);
    if (a->code == EXIT_OK) {
        start_handles(a);
        connect_until_decided(a);
        close_handles(a);
    }
    fh_audit_log_close(a->audit, NULL, NULL);
    uv_run(&a->loop, UV_RUN_DEFAULT);
    code = a->code;
    if (code != EXIT_OK)
        app_fail(o, code, a->why);
    else if (o->json)
        printf("{\"result\":\"ok\",\"exit\":0}\n");
    fh_wipe(&a->given, sizeof a->given);
    fh_identity_free(a->identity);
    uv_loop_close(&a->loop);
    free(a);
    return code;
}
