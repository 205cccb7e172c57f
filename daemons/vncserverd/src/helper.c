/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* struct passwd and friends with their prototypes */
#include "helper.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

enum { ENV_MAX = 24, ENV_TEXT = FH__SEAT_PATH + 64 };

struct fh__helper {
    uv_process_t process;
    uv_pipe_t in, out;                /* of the program */
    uv_timer_t timer;                 /* to its end */
    unsigned open;                    /* of these */
    const struct fh__helper_ops *ops; /* NULL: stopped */
    void *user;
    bool is_running, was_asked, is_long;
    char line[FH__HELPER_LINE_MAX];
    size_t len;
    int status;
};

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct fh__helper *h = handle->data;

    if (--h->open == 0)
        free(h);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void close_all(struct fh__helper *h)
{
    close_handle((uv_handle_t *)&h->process);
    close_handle((uv_handle_t *)&h->in);
    close_handle((uv_handle_t *)&h->out);
    close_handle((uv_handle_t *)&h->timer);
}

/* It is told last, when nothing of it is used any more. */
static void finish(struct fh__helper *h)
{
    const struct fh__helper_ops *ops = h->ops;
    void *user = h->user;
    int status = h->status;

    h->ops = NULL;
    close_all(h);
    if (ops && ops->ended)
        ops->ended(user, status);
}

static void on_late(uv_timer_t *timer)
{
    struct fh__helper *h = timer->data;

    if (!h->is_running)
        return;
    (void)uv_kill(-h->process.pid, h->was_asked ? SIGKILL : SIGTERM); /* and what it started */
    h->was_asked = true;
    uv_timer_start(&h->timer, on_late, FH__HELPER_END_MS, 0);
}

void fh__helper_stop(struct fh__helper *h, unsigned grace_ms)
{
    if (!h || !h->ops)
        return;
    h->ops = NULL;
    close_handle((uv_handle_t *)&h->in);
    if (h->is_running)
        uv_timer_start(&h->timer, on_late, grace_ms, 0);
    else
        close_all(h);
}

void fh__helper_close_input(struct fh__helper *h, unsigned grace_ms)
{
    if (!h || !h->ops)
        return;
    close_handle((uv_handle_t *)&h->in);
    if (h->is_running)
        uv_timer_start(&h->timer, on_late, grace_ms, 0);
}

/* ---- its lines ---- */

static void take_lines(struct fh__helper *h)
{
    char line[FH__HELPER_LINE_MAX];
    char *newline;
    size_t n;

    while (h->ops && (newline = memchr(h->line, '\n', h->len)) != NULL) {
        n = (size_t)(newline - h->line);
        memcpy(line, h->line, n);
        line[n] = '\0';
        h->len -= n + 1;
        memmove(h->line, newline + 1, h->len);
        if (h->ops->line && !h->is_long && strlen(line) == n)
            h->ops->line(h->user, line);
        h->is_long = false;
    }
    if (h->len == sizeof h->line) { /* nothing that we would understand, to its end */
        h->is_long = true;
        h->len = 0;
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fh__helper *h = handle->data;

    (void)suggested;
    *buf = uv_buf_init(h->line + h->len, (unsigned)(sizeof h->line - h->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fh__helper *h = stream->data;

    (void)buf;
    if (n < 0) {
        uv_read_stop(stream);
        return;
    }
    h->len += (size_t)n;
    take_lines(h);
}

/* What it said before it ended, which the loop has not read yet. */
static void drain(struct fh__helper *h)
{
    uv_os_fd_t fd;
    ssize_t n;

    if (uv_is_closing((uv_handle_t *)&h->out) || uv_fileno((uv_handle_t *)&h->out, &fd) != 0)
        return;
    while (h->ops && (n = read(fd, h->line + h->len, sizeof h->line - h->len)) > 0) {
        h->len += (size_t)n;
        take_lines(h);
    }
}

static void on_exit_process(uv_process_t *process, int64_t status, int signal)
{
    struct fh__helper *h = process->data;

    h->is_running = false;
    h->status = signal ? -1 : (int)status;
    drain(h);
    finish(h);
}

struct telling {
    uv_write_t req;
    char text[];
};

static void on_told(uv_write_t *req, int status)
{
    (void)status; /* that it has ended is told elsewhere */
    free(req->data);
}

void fh__helper_tell(struct fh__helper *h, const char *text, size_t len)
{
    struct telling *t;
    uv_buf_t buf;

    if (!h || !h->ops || !h->is_running || uv_is_closing((uv_handle_t *)&h->in))
        return;
    if (h->in.write_queue_size + len > FH__HELPER_BACKLOG_MAX || !(t = malloc(sizeof *t + len)))
        return;
    memcpy(t->text, text, len);
    t->req.data = t;
    buf = uv_buf_init(t->text, (unsigned)len);
    if (uv_write(&t->req, (uv_stream_t *)&h->in, &buf, 1, on_told) != 0)
        free(t);
}

/* ---- the beginning ---- */

struct surroundings {
    char *list[ENV_MAX + 1];
    char text[ENV_MAX][ENV_TEXT];
    size_t n;
};

static void put(struct surroundings *env, const char *name, const char *value)
{
    if (!value || !*value || env->n == ENV_MAX)
        return;
    snprintf(env->text[env->n], ENV_TEXT, "%s=%s", name, value);
    env->list[env->n] = env->text[env->n];
    env->n++;
}

static void put_ours(struct surroundings *env, const char *name)
{
    put(env, name, getenv(name));
}

/* What a user's own program finds where logind has made him a place. */
static void put_user(struct surroundings *env, uid_t uid)
{
    const struct passwd *pw = getpwuid(uid);
    char runtime[64], bus[96];
    struct stat st;

    if (pw) {
        put(env, "HOME", pw->pw_dir);
        put(env, "USER", pw->pw_name);
        put(env, "LOGNAME", pw->pw_name);
    }
    snprintf(runtime, sizeof runtime, "/run/user/%lu", (unsigned long)uid);
    if (stat(runtime, &st) != 0)
        return;
    put(env, "XDG_RUNTIME_DIR", runtime);
    snprintf(bus, sizeof bus, "unix:path=%s/bus", runtime);
    put(env, "DBUS_SESSION_BUS_ADDRESS", bus);
}

static void make_surroundings(struct surroundings *env, const struct fh__seat *seat, bool is_other)
{
    static const char *const ours[] = {"HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR",
                                       "DBUS_SESSION_BUS_ADDRESS"};
    static const char *const all[] = {
        "LANG",         "LC_ALL",        "TZ",          "DBUS_SYSTEM_BUS_ADDRESS",
        "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    size_t i;

    env->n = 0;
    if (is_other) {
        put(env, "PATH", "/usr/local/bin:/usr/bin:/bin");
        put_user(env, seat->uid);
    } else {
        put_ours(env, "PATH");
        for (i = 0; i < sizeof ours / sizeof *ours; i++)
            put_ours(env, ours[i]);
    }
    for (i = 0; i < sizeof all / sizeof *all; i++)
        put_ours(env, all[i]);
    put(env, "DISPLAY", seat->display);
    if (seat->xauthority[0])
        put(env, "XAUTHORITY", seat->xauthority);
    else if (!is_other)
        put_ours(env, "XAUTHORITY");
    env->list[env->n] = NULL;
}

static void split(char *command, char *argv[FH__HELPER_WORDS_MAX + 1])
{
    char *state, *word = strtok_r(command, " ", &state);
    size_t n = 0;

    for (; word && n < FH__HELPER_WORDS_MAX; word = strtok_r(NULL, " ", &state))
        argv[n++] = word;
    argv[n] = NULL;
}

static void on_failed(uv_timer_t *timer)
{
    finish(timer->data);
}

static void spawn(struct fh__helper *h, uv_loop_t *loop, char *command, const struct fh__seat *seat,
                  bool is_other)
{
    char *argv[FH__HELPER_WORDS_MAX + 1];
    struct surroundings env;
    uv_stdio_container_t io[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&h->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&h->out},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t options = {.exit_cb = on_exit_process,
                                    .file = command,
                                    .args = argv,
                                    .env = env.list,
                                    .cwd = "/",
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio = io,
                                    .stdio_count = 3,
                                    .uid = seat->uid,
                                    .gid = seat->gid};
    int ret;

    split(command, argv);
    make_surroundings(&env, seat, is_other);
    if (is_other)
        options.flags |= UV_PROCESS_SETUID | UV_PROCESS_SETGID;
    ret = uv_spawn(loop, &h->process, &options);
    h->is_running = ret == 0;
    if (ret == 0)
        ret = uv_read_start((uv_stream_t *)&h->out, on_alloc, on_read);
    else
        uv_timer_start(&h->timer, on_failed, 0, 0);
    if (ret != 0)
        fh__log(FH__LOG_ERROR, "%s: %s", argv[0] ? argv[0] : "", uv_strerror(ret));
}

struct fh__helper *fh__helper_start(uv_loop_t *loop, const char *command,
                                    const struct fh__seat *seat, bool as_user,
                                    const struct fh__helper_ops *ops, void *user)
{
    struct fh__helper *h = calloc(1, sizeof *h);
    char *copy = strdup(command);

    if (h && copy) {
        h->ops = ops;
        h->user = user;
        h->status = -1;
        h->open = 4;
        uv_pipe_init(loop, &h->in, 0);
        uv_pipe_init(loop, &h->out, 0);
        uv_timer_init(loop, &h->timer);
        h->process.data = h->in.data = h->out.data = h->timer.data = h;
        spawn(h, loop, copy, seat, as_user && seat->has_user && geteuid() == 0 && seat->uid != 0);
    } else {
        free(h);
        h = NULL;
    }
    free(copy);
    return h;
}

void fh__helper_prompt(const char *mode, char *out)
{
    char self[FH__SEAT_PATH - 32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    snprintf(out, FH__SEAT_PATH, "%s/vncserver-prompt %s", slash ? self : "/usr/bin", mode);
}
