/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *fh__role_name(enum fh__role role)
{
    switch (role) {
    case FH__KEY:
        return "vncserverd-key";
    case FH__SESSION:
        return "vncserverd-session";
    case FH__DESKTOP:
        return "vncserverd-desktop";
    case FH__CLOUD:
        return "vncserverd-cloud";
    case FH__MONITOR:
    case FH__CLOUD_OR_KEY:
    case FH__CHILDREN:
        break;
    }
    return "vncserverd";
}

static void one_closed(struct fh__child *c)
{
    if (--c->open == 0)
        c->ops->gone(c->user, c->status, c->signal);
}

static void on_process_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

static void on_link_closed(void *user)
{
    one_closed(user);
}

static void on_message(void *user, unsigned number, struct rd body, int fd)
{
    struct fh__child *c = user;

    c->ops->link.message(c->user, number, body, fd);
}

static void on_broken(void *user, const char *why)
{
    struct fh__child *c = user;

    c->ops->link.broken(c->user, why);
}

static const struct fh__link_ops link_ops = {on_message, on_broken};

static void on_exit(uv_process_t *process, int64_t status, int signal)
{
    struct fh__child *c = process->data;

    c->is_running = false;
    c->status = status;
    c->signal = signal;
    uv_close((uv_handle_t *)process, on_process_closed);
    fh__link_close(&c->link, on_link_closed);
}

/* ---- what it is started with ---- */

/* The desktop process passes its surroundings on to programs; the others need none. */
static bool is_wanted(const char *variable, enum fh__role role)
{
    static const char *const ours[] = {"NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_", "JOURNAL_STREAM="};

    if (strstr(variable, "SAN_OPTIONS=") || strncmp(variable, "LLVM_", 5) == 0 ||
        strncmp(variable, "GCOV_", 5) == 0)
        return true;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strncmp(variable, ours[i], strlen(ours[i])) == 0)
            return false;
    return role == FH__DESKTOP;
}

static char **make_environment(enum fh__role role)
{
    extern char **environ;
    size_t n = 0, kept = 0;
    char **env;

    while (environ && environ[n])
        n++;
    if (!(env = calloc(n + 1, sizeof *env)))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (is_wanted(environ[i], role))
            env[kept++] = environ[i];
    return env;
}

static char **make_arguments(enum fh__role role, char *const *arguments)
{
    size_t n = 0;
    char **argv;

    while (arguments && arguments[n])
        n++;
    if (!(argv = calloc(n + 2, sizeof *argv)))
        return NULL;
    argv[0] = (char *)(uintptr_t)fh__role_name(role);
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = arguments[i];
    return argv;
}

static void describe(uv_stdio_container_t *stdio, const int *fds, unsigned n_fds, int theirs)
{
    for (unsigned i = 0; i < FH__CHILD_LINK_FD; i++)
        stdio[i] = (uv_stdio_container_t){.flags = UV_IGNORE};
    stdio[2] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = 2};
    stdio[FH__CHILD_LINK_FD] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = theirs};
    for (unsigned i = 0; i < n_fds; i++)
        stdio[FH__CHILD_LINK_FD + 1 + i] =
            (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fds[i]};
}

/* A process that cannot be started has ended, too. */
static void spawn(struct fh__child *c, uv_loop_t *loop, uv_process_options_t *options)
{
    int ret;

    c->process.data = c;
    c->open = 2;
    ret = uv_spawn(loop, &c->process, options);
    c->is_running = ret == 0;
    if (ret == 0)
        return;
    c->status = ret;
    uv_close((uv_handle_t *)&c->process, on_process_closed);
    fh__link_close(&c->link, on_link_closed);
}

int fh__child_start(struct fh__child *c, uv_loop_t *loop, enum fh__role role,
                    char *const *arguments, const int *fds, unsigned n_fds,
                    const struct fh__child_ops *ops, void *user)
{
    uv_stdio_container_t stdio[FH__CHILD_LINK_FD + 1 + FH__CHILD_FDS_MAX];
    uv_process_options_t options = {.exit_cb = on_exit,
                                    .file = "/proc/self/exe",
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio = stdio,
                                    .stdio_count = (int)(FH__CHILD_LINK_FD + 1 + n_fds)};
    int ends[2], ret = UV_ENOMEM;

    *c = (struct fh__child){.role = role, .ops = ops, .user = user};
    if (fh__link_pair(ends) != 0)
        return UV_EMFILE;
    options.args = make_arguments(role, arguments);
    options.env = make_environment(role);
    if (options.args && options.env)
        ret = fh__link_open(&c->link, loop, ends[0], FH__MONITOR, role, &link_ops, c);
    else
        close(ends[0]);
    if (ret == 0) {
        describe(stdio, fds, n_fds, ends[1]);
        spawn(c, loop, &options);
    }
    close(ends[1]);
    free(options.args);
    free(options.env);
    return ret;
}

void fh__child_hang_up(struct fh__child *c)
{
    if (c->open > 0)
        fh__link_close(&c->link, on_link_closed);
}

void fh__child_kill(struct fh__child *c)
{
    if (c->is_running)
        (void)uv_process_kill(&c->process, SIGKILL);
    fh__child_hang_up(c);
}
