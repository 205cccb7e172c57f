/* SPDX-License-Identifier: MIT */
/* virtual.c -- a headless X server of our own, and a program on it. */
#define _DEFAULT_SOURCE /* syscall() */
#include "virtual.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <farhand/identity_uv.h>

#include "log.h"

enum { DIR_MAX = 256, CHILDREN_MAX = 1024, DISPLAY_FD = 3 };

struct fh__virtual {
    pid_t server, program; /* 0: not running */
    char display[16];
    char dir[DIR_MAX], authority[DIR_MAX + 16];
    uint8_t cookie[FH__COOKIE_LEN];
};

static int failed(char *error, size_t room, const char *what, int err)
{
    snprintf(error, room, "%s: %s", what, strerror(err));
    return -1;
}

/* Big-endian 16-bit length or number, as all of them in this file are. */
static size_t put(uint8_t *out, unsigned value, const void *data)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    if (data)
        memcpy(out + 2, data, value);
    return data ? 2 + value : 2;
}

/* XauWriteAuth's form: family (0xffff: any host), address, display, name, data. */
static int write_authority(struct fh__virtual *v, char *error, size_t room)
{
    static const char name[] = "MIT-MAGIC-COOKIE-1";
    uint8_t entry[64];
    size_t len = 0;
    ssize_t written;
    int fd;

    fh_random_system(NULL, v->cookie, sizeof v->cookie);
    len += put(entry + len, 0xffff, NULL);
    len += put(entry + len, 0, "");
    len += put(entry + len, 0, "");
    len += put(entry + len, sizeof name - 1, name);
    len += put(entry + len, sizeof v->cookie, v->cookie);
    fd = open(v->authority, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(error, room, v->authority, errno);
    written = write(fd, entry, len);
    close(fd);
    return written == (ssize_t)len ? 0 : failed(error, room, v->authority, EIO);
}

static int make_directory(struct fh__virtual *v, char *error, size_t room)
{
    const char *base = getenv("RUNTIME_DIRECTORY");

    if (!base || *base != '/')
        base = getenv("XDG_RUNTIME_DIR");
    if (!base || *base != '/' || access(base, W_OK) != 0)
        base = "/tmp";
    snprintf(v->dir, sizeof v->dir, "%.200s/vncserverd-XXXXXX", base);
    if (!mkdtemp(v->dir)) {
        v->dir[0] = '\0';
        return failed(error, room, base, errno);
    }
    snprintf(v->authority, sizeof v->authority, "%s/Xauthority", v->dir);
    return write_authority(v, error, room);
}

/* In the child: nothing of ours is inherited but stdin, stdout, stderr and what `keep` becomes. */
static void become(char *const *argv, pid_t parent, int keep, int report, bool is_quiet)
{
    static const int heard[] = {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    int null, err;
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* What we do not hear, they do. An X server that ignores SIGUSR1 would also send us one. */
    for (size_t i = 0; i < sizeof heard / sizeof *heard; i++)
        signal(heard[i], SIG_DFL);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, 0);
        if (is_quiet) {
            dup2(null, 1);
            dup2(null, 2);
        }
    }
    if (keep >= 0)
        dup2(keep, DISPLAY_FD);
    execvp(argv[0], argv);
    err = errno;
    if (write(report, &err, sizeof err) < 0)
        _exit(126);
    _exit(127);
}

/*
 * A pipe that no program inherits, above DISPLAY_FD, so that dup2() to there closes neither end and
 * makes a copy without close-on-exec.
 */
static int make_pipe(int out[2])
{
    int fds[2], i, ret = 0;

    if (pipe(fds) != 0)
        return -1;
    for (i = 0; i < 2; i++) {
        out[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, DISPLAY_FD + 1);
        ret = out[i] < 0 ? -1 : ret;
        close(fds[i]);
    }
    return ret;
}

/* Starts argv; keep: a descriptor that becomes DISPLAY_FD in it, or -1. */
static int spawn(pid_t *out, char *const *argv, int keep, bool is_quiet, char *error, size_t room)
{
    pid_t parent = getpid(), pid;
    int report[2], err = 0;

    if (make_pipe(report) != 0)
        return failed(error, room, argv[0], errno);
    pid = fork();
    if (pid == 0)
        become(argv, parent, keep, report[1], is_quiet);
    err = pid < 0 ? errno : 0;
    close(report[1]);
    while (pid > 0 && read(report[0], &err, sizeof err) < 0 && errno == EINTR)
        ;
    close(report[0]);
    if (err) {
        if (pid > 0)
            waitpid(pid, NULL, 0);
        return failed(error, room, argv[0], err);
    }
    *out = pid;
    return 0;
}

/* Until fd is readable. Signals interrupt it; who hears them says whether that is the end. */
static int wait_readable(int fd, uint64_t end, const struct fh__virtual_wait *wait, char *error,
                         size_t room)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
                          {.fd = wait ? wait->fd : -1, .events = POLLIN}};
    uint64_t now;

    for (;;) {
        if (wait && wait->has_ended(wait->user)) {
            snprintf(error, room, "Xvfb is not waited for any more");
            return -1;
        }
        now = fh__now_ms();
        if (now >= end) {
            snprintf(error, room, "Xvfb is not ready after %d s", FH__VIRTUAL_START_MS / 1000);
            return -1;
        }
        if (poll(p, 2, (int)(end - now)) > 0 && p[0].revents)
            return 0;
    }
}

/* Xvfb writes the number of its display when it is ready. */
static int read_display(struct fh__virtual *v, int fd, const struct fh__virtual_wait *wait,
                        char *error, size_t room)
{
    uint64_t end = fh__now_ms() + FH__VIRTUAL_START_MS;
    char number[12] = "";
    size_t len = 0;
    ssize_t n;

    while (!strchr(number, '\n')) {
        if (wait_readable(fd, end, wait, error, room) != 0)
            return -1;
        n = read(fd, number + len, sizeof number - 1 - len);
        if (n <= 0) {
            snprintf(error, room, "Xvfb ended before it was ready");
            return -1;
        }
        len += (size_t)n;
    }
    snprintf(v->display, sizeof v->display, ":%.*s", (int)strcspn(number, "\n"), number);
    return 0;
}

static int start_server(struct fh__virtual *v, uint16_t width, uint16_t height,
                        const struct fh__virtual_wait *wait, char *error, size_t room)
{
    char screen[32], fd_text[12];
    const char *argv[] = {"Xvfb", "-displayfd", fd_text,     "-auth", v->authority, "-screen",
                          "0",    screen,       "-nolisten", "tcp",   "-noreset",   NULL};
    int fds[2], ret;

    snprintf(screen, sizeof screen, "%ux%ux24",
             width > FH__VIRTUAL_MAX_WIDTH ? width : FH__VIRTUAL_MAX_WIDTH,
             height > FH__VIRTUAL_MAX_HEIGHT ? height : FH__VIRTUAL_MAX_HEIGHT);
    snprintf(fd_text, sizeof fd_text, "%d", DISPLAY_FD);
    if (make_pipe(fds) != 0)
        return failed(error, room, "Xvfb", errno);
    ret = spawn(&v->server, (char *const *)argv, fds[1], true, error, room);
    close(fds[1]);
    if (ret == 0)
        ret = read_display(v, fds[0], wait, error, room);
    close(fds[0]);
    return ret;
}

int fh__virtual_start(struct fh__virtual **out, uint16_t width, uint16_t height,
                      const struct fh__virtual_wait *wait, char *error, size_t room)
{
    struct fh__virtual *v = calloc(1, sizeof *v);

    if (!v)
        return failed(error, room, "Xvfb", ENOMEM);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (make_directory(v, error, room) != 0 ||
        start_server(v, width, height, wait, error, room) != 0) {
        fh__virtual_stop(v);
        return -1;
    }
    *out = v;
    return 0;
}

const char *fh__virtual_display(const struct fh__virtual *v)
{
    return v->display;
}

const uint8_t *fh__virtual_cookie(const struct fh__virtual *v)
{
    return v->cookie;
}

const char *fh__virtual_directory(const struct fh__virtual *v)
{
    return v->dir;
}

int fh__virtual_run(struct fh__virtual *v, char *const *argv, char *error, size_t room)
{
    if (setenv("DISPLAY", v->display, 1) != 0 || setenv("XAUTHORITY", v->authority, 1) != 0)
        return failed(error, room, argv[0], errno);
    return spawn(&v->program, argv, -1, false, error, room);
}

struct search {
    pid_t pid;
    bool is_found;
};

static void compare(uv_handle_t *handle, void *user)
{
    struct search *s = user;

    if (handle->type == UV_PROCESS && ((uv_process_t *)handle)->pid == s->pid)
        s->is_found = true;
}

/*
 * Whom nobody else waits for: orphans that came to us. Children of the loop stay, since it wants to
 * know how they ended; while one of them is the first that is seen, the others wait.
 */
static void reap_orphans(uv_loop_t *loop)
{
    siginfo_t info = {.si_pid = 0};
    struct search s = {.pid = 0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0) {
        s.pid = info.si_pid;
        if (loop)
            uv_walk(loop, compare, &s);
        if (s.is_found)
            return;
        waitpid(s.pid, NULL, WNOHANG);
        info.si_pid = 0;
    }
}

enum fh__virtual_news fh__virtual_reap(struct fh__virtual *v, uv_loop_t *loop, int *status)
{
    enum fh__virtual_news news = FH__VIRTUAL_NOTHING;
    int how;

    if (v->program > 0 && waitpid(v->program, &how, WNOHANG) == v->program) {
        v->program = 0;
        news = FH__VIRTUAL_PROGRAM_ENDED;
        *status = how;
    }
    if (v->server > 0 && waitpid(v->server, &how, WNOHANG) == v->server) {
        v->server = 0;
        news = FH__VIRTUAL_SERVER_ENDED;
        *status = how;
    }
    reap_orphans(loop);
    return news;
}

/* Waits until the child has ended, at most until `end`; true: it has. */
static bool has_ended(pid_t pid, uint64_t end)
{
    struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    uint64_t now = fh__now_ms();
    bool ended = waitpid(pid, NULL, WNOHANG) != 0;

    while (!ended && p.fd >= 0 && now < end) {
        poll(&p, 1, (int)(end - now));
        ended = waitpid(pid, NULL, WNOHANG) != 0;
        now = fh__now_ms();
    }
    if (p.fd >= 0)
        close(p.fd);
    return ended;
}

/* Asks a child of ours and its process group to end, then makes it. */
static void end_child(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(-pid, SIGTERM);
    kill(pid, SIGTERM);
    if (has_ended(pid, fh__now_ms() + FH__VIRTUAL_STOP_MS))
        return;
    fh__log(FH__LOG_WARNING, "process %ld does not end; it is killed", (long)pid);
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* The first child of ours that is not the X server; 0: none. */
static pid_t find_orphan(pid_t server)
{
    char path[64], list[256], *p = list, *end;
    size_t len;
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    f = fopen(path, "re");
    if (!f)
        return 0;
    len = fread(list, 1, sizeof list - 1, f);
    fclose(f);
    list[len] = '\0';
    for (;; p = end) {
        long pid = strtol(p, &end, 10);

        if (end == p)
            return 0;
        if (pid != server)
            return (pid_t)pid;
    }
}

void fh__virtual_stop(struct fh__virtual *v)
{
    pid_t orphan;
    int i;

    if (!v)
        return;
    end_child(v->program);
    /* What the program started, and what that starts while it is ended: so not for ever. */
    for (i = 0; i < CHILDREN_MAX && (orphan = find_orphan(v->server)) != 0; i++)
        end_child(orphan);
    end_child(v->server);
    if (v->authority[0])
        unlink(v->authority);
    if (v->dir[0])
        rmdir(v->dir);
    free(v);
}
