/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "helper.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <farhand/identity.h>

#include "pamhelper.h"

enum {
    READ_ROOM = 4096,
    ARGUMENTS_MAX = 64,
    EXIT_CANNOT = 127,
    BACKLOG_MAX = 256 << 10 /* bytes that it has not read */
};

struct fh__helper {
    uv_process_t process;
    uv_pipe_t input, output;
    uv_timer_t timer;
    const struct fh__helper_events *events; /* NULL: forgotten */
    void *user;
    unsigned open; /* handles */
    bool has_exited, has_said_all, is_killed;
    int status;
    uint8_t room[READ_ROOM];
};

struct writing {
    uv_write_t request;
    size_t len;
    uint8_t data[];
};

const char fh__helper_word[] = "helper";

/* All that a helper sees of our environment. */
static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            language[] = "LANG=C.UTF-8";

static void on_closed(uv_handle_t *handle)
{
    struct fh__helper *h = handle->data;

    if (--h->open > 0)
        return;
    fh_wipe(h->room, sizeof h->room);
    free(h);
}

static void close_handle(void *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

/* Its children too: whatever it started has no more to say about this attempt. */
static void kill_it(struct fh__helper *h)
{
    if (h->has_exited || h->is_killed)
        return;
    h->is_killed = true;
    kill(-h->process.pid, SIGKILL);
    uv_process_kill(&h->process, SIGKILL);
}

/* When it ended and its output did. A child of its own that holds the output open has no say. */
static void look(struct fh__helper *h)
{
    const struct fh__helper_events *events = h->events;

    if (!h->has_exited || (!h->has_said_all && events && !h->is_killed))
        return;
    h->events = NULL;
    close_handle(&h->input);
    close_handle(&h->output);
    close_handle(&h->timer);
    close_handle(&h->process);
    if (events)
        events->ended(h->user, h->is_killed ? -1 : h->status);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
    struct fh__helper *h = process->data;

    h->has_exited = true;
    h->status = signal ? -1 : (int)status;
    look(h);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct fh__helper *h = handle->data;

    (void)wanted;
    *buf = uv_buf_init((char *)h->room, sizeof h->room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fh__helper *h = stream->data;

    if (n > 0 && h->events)
        h->events->said(h->user, (const uint8_t *)buf->base, (size_t)n);
    if (n > 0)
        fh_wipe(buf->base, (size_t)n);
    if (n >= 0)
        return;
    uv_read_stop(stream);
    h->has_said_all = true;
    look(h);
}

static void on_time(uv_timer_t *timer)
{
    struct fh__helper *h = timer->data;

    if (h->has_exited) { /* but not what it started, which holds the output */
        kill(-h->process.pid, SIGKILL);
        h->is_killed = true;
        look(h);
    } else {
        kill_it(h);
    }
}

static int spawn(struct fh__helper *h, char *const *argv)
{
    char *environment[] = {path, language, NULL, NULL}, word[sizeof fh__helper_word],
         *all[ARGUMENTS_MAX + 3];
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&h->input},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&h->output},
        {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {.exit_cb = on_exit_of,
                                    .file = "/proc/self/exe",
                                    .args = all,
                                    .env = environment,
                                    .cwd = "/",
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = stdio};
    static char name[] = "vncserverd";
    size_t n = 0;

    memcpy(word, fh__helper_word, sizeof word);
    all[n++] = name;
    all[n++] = word;
    while (*argv && n < sizeof all / sizeof all[0] - 1)
        all[n++] = *argv++;
    all[n] = NULL;
    /* A sanitizer's options are no secret, and without them it is another program. */
    if (getenv("ASAN_OPTIONS"))
        environment[2] = getenv("ASAN_OPTIONS") - sizeof "ASAN_OPTIONS";
    return uv_spawn(h->timer.loop, &h->process, &options);
}

struct fh__helper *fh__helper_start(uv_loop_t *loop, char *const *argv,
                                    const struct fh__helper_events *events, void *user)
{
    struct fh__helper *h = calloc(1, sizeof *h);
    int error;

    if (!h)
        return NULL;
    *h = (struct fh__helper){.events = events, .user = user, .open = 4};
    h->process.data = h->input.data = h->output.data = h->timer.data = h;
    uv_timer_init(loop, &h->timer);
    uv_pipe_init(loop, &h->input, 0);
    uv_pipe_init(loop, &h->output, 0);
    error = spawn(h, argv);
    if (error == 0)
        error = uv_read_start((uv_stream_t *)&h->output, on_room, on_read);
    if (error == 0)
        return h;
    h->events = NULL;
    close_handle(&h->timer);
    close_handle(&h->input);
    close_handle(&h->output);
    close_handle(&h->process); /* a process that did not start is closed likewise */
    return NULL;
}

static void on_written(uv_write_t *request, int status)
{
    struct writing *w = request->data;

    (void)status; /* what it does not hear it cannot answer */
    fh_wipe(w->data, w->len);
    free(w);
}

void fh__helper_write(struct fh__helper *h, const void *data, size_t len)
{
    struct writing *w = malloc(sizeof *w + len);
    uv_buf_t buf;

    if (h->input.write_queue_size + len > BACKLOG_MAX || !w) {
        free(w);
        kill_it(h);
        return;
    }
    w->request.data = w;
    w->len = len;
    memcpy(w->data, data, len);
    buf = uv_buf_init((char *)w->data, (unsigned)len);
    if (uv_is_closing((uv_handle_t *)&h->input) ||
        uv_write(&w->request, (uv_stream_t *)&h->input, &buf, 1, on_written) != 0)
        on_written(&w->request, -1);
}

void fh__helper_end_input(struct fh__helper *h)
{
    close_handle(&h->input);
}

void fh__helper_deadline(struct fh__helper *h, unsigned ms)
{
    if (ms)
        uv_timer_start(&h->timer, on_time, ms, 0);
    else
        uv_timer_stop(&h->timer);
}

void fh__helper_forget(struct fh__helper *h, unsigned grace_ms)
{
    h->events = NULL;
    close_handle(&h->input);
    if (grace_ms == 0)
        kill_it(h);
    else
        fh__helper_deadline(h, grace_ms);
    look(h);
}

/* ---- in the helper ---- */

/* Where the kernel has no close_range() (before 5.9) there is still a bound on the descriptors. */
static void close_all(void)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0)
        return;
#endif
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
}

/* Another user's lines in our log would pass for ours. */
static void leave_stderr(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (null < 0 || dup2(null, STDERR_FILENO) < 0)
        close(STDERR_FILENO);
}

/* desktop UID GID NAME=VALUE... -- PROGRAM ARGUMENT...; UID -1: ours. */
static int run_at_desktop(char *const *argv)
{
    char *environment[ARGUMENTS_MAX + 1];
    size_t n = 0;
    long uid, gid;

    if (!argv[0] || !argv[1])
        return EXIT_CANNOT;
    uid = strtol(argv[0], NULL, 10);
    gid = strtol(argv[1], NULL, 10);
    for (argv += 2; *argv && strcmp(*argv, "--") != 0 && n < ARGUMENTS_MAX; argv++)
        environment[n++] = *argv;
    environment[n] = NULL;
    if (!argv[0] || !argv[1])
        return EXIT_CANNOT;
    if (uid >= 0 &&
        (setgroups(0, NULL) != 0 || setresgid((gid_t)gid, (gid_t)gid, (gid_t)gid) != 0 ||
         setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) != 0)) {
        fprintf(stderr, "vncserverd: %s: cannot become user %ld: %m\n", argv[1], uid);
        return EXIT_CANNOT;
    }
    if (uid >= 0)
        leave_stderr();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* changing the user has taken it away */
    execvpe(argv[1], argv + 1, environment);
    fprintf(stderr, "vncserverd: %s: %m\n", argv[1]);
    return EXIT_CANNOT;
}

int fh__helper_main(char *const *argv)
{
    char *const environment[] = {path, language, NULL};

    close_all();
    if (argv[1] && strcmp(argv[1], "pam") == 0)
        return fh__pamhelper_run();
    if (argv[1] && strcmp(argv[1], "desktop") == 0)
        return run_at_desktop(argv + 2);
    if (!argv[1] || !argv[2] || strcmp(argv[1], "program") != 0)
        return EXIT_CANNOT;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execve(argv[2], argv + 2, environment);
    fprintf(stderr, "vncserverd: %s: %m\n", argv[2]);
    return EXIT_CANNOT;
}
