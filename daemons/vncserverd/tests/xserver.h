/* SPDX-License-Identifier: MIT */
/* xserver.h -- for tests: a headless X server on a display number that it finds itself. */
#ifndef FH__TEST_XSERVER_H
#define FH__TEST_XSERVER_H

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEST_TIMEOUT_MS = 30000 /* how long anything may take before a test gives up */ };

struct xserver {
    pid_t pid;
    char display[16];
};

/* extra: NULL-terminated arguments, may be NULL. */
static inline struct xserver xserver_start(const char *screen, const char *const *extra)
{
    const char *args[32] = {"Xvfb", "-displayfd", "3",   "-screen", "0",
                            screen, "-nolisten",  "tcp", "-noreset"};
    struct xserver x = {0};
    char number[12] = "";
    struct pollfd p;
    int fds[2], n = 9;
    ssize_t got;

    while (extra && *extra)
        args[n++] = *extra++;
    args[n] = NULL;
    ck_assert_int_eq(pipe(fds), 0);
    x.pid = fork();
    ck_assert_int_ge(x.pid, 0);
    if (x.pid == 0) {
        dup2(fds[1], 3);
        if (!getenv("VERBOSE_X") && !freopen("/dev/null", "w", stderr))
            _exit(126);
        execvp(args[0], (char *const *)args);
        _exit(127);
    }
    close(fds[1]);
    p = (struct pollfd){.fd = fds[0], .events = POLLIN};
    for (n = 0; !strchr(number, '\n'); n += (int)got) {
        ck_assert_int_eq(poll(&p, 1, TEST_TIMEOUT_MS), 1);
        got = read(fds[0], number + n, sizeof number - 1 - (size_t)n);
        ck_assert_msg(got > 0, "Xvfb does not start");
    }
    close(fds[0]);
    snprintf(x.display, sizeof x.display, ":%d", atoi(number));
    return x;
}

static inline void xserver_stop(struct xserver *x)
{
    if (x->pid > 0) {
        kill(x->pid, SIGTERM);
        waitpid(x->pid, NULL, 0);
    }
    x->pid = 0;
}

#endif
