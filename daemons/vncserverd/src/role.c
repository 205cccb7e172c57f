/* SPDX-License-Identifier: MIT */
#include "role.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "child.h"
#include "log.h"

enum fh__role fh__role_of(const char *argv0)
{
    static const enum fh__role roles[] = {FH__KEY, FH__SESSION, FH__DESKTOP, FH__CLOUD};
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

    argv0 = slash ? slash + 1 : argv0;
    for (size_t i = 0; argv0 && i < sizeof roles / sizeof *roles; i++)
        if (strcmp(argv0, fh__role_name(roles[i])) == 0)
            return roles[i];
    return FH__MONITOR;
}

/* The monitor has the log. What it does not take at once is lost. */
static void sink(enum fh__log_level level, const char *line)
{
    const struct fh__msg_log m = {.level = (uint8_t)level, .text = fh__text_of(line)};
    uint8_t body[FH__TEXT_MAX];
    struct wr w = wr_init(body, sizeof body);

    fh__msg_log_write(&w, &m);
    if (!w.bad)
        fh__link_try(FH__CHILD_LINK_FD, FH__MSG_LOG, body, w.len);
}

static unsigned setup_of(enum fh__role role)
{
    return role == FH__KEY       ? FH__MSG_KEY_SETUP
           : role == FH__SESSION ? FH__MSG_SESSION_SETUP
           : role == FH__CLOUD   ? FH__MSG_CLOUD_SETUP
                                 : FH__MSG_DESKTOP_SETUP;
}

/* Its length with the number, or -1. */
static ssize_t wait_setup(enum fh__role role, uint8_t *out, size_t room)
{
    struct pollfd p = {.fd = FH__CHILD_LINK_FD, .events = POLLIN};
    ssize_t n;

    do {
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return -1;
        n = recv(FH__CHILD_LINK_FD, out, room, MSG_DONTWAIT);
    } while (n < 0 && (errno == EAGAIN || errno == EINTR));
    if (n < 1 || out[0] != setup_of(role) ||
        !fh__message_is_good(FH__MONITOR, role, out[0], (size_t)n - 1, false))
        return -1;
    return n;
}

enum fh__exit fh__role_main(enum fh__role role, char *const *argv)
{
    uint8_t setup[1 + FH__CLOUD_SETUP_MAX];
    struct fh__sandbox sandbox;
    ssize_t n;

    fh__sandbox_begin(&sandbox, role);
    for (int fd = FH__CHILD_LINK_FD; fd <= FH__CHILD_LINK_FD + FH__CHILD_FDS_MAX; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* not for programs that we may start */
    n = wait_setup(role, setup, sizeof setup);
    if (n < 0) {
        fprintf(stderr, "%s: vncserverd(8) starts this by itself\n", argv[0]);
        return FH__EXIT_USAGE;
    }
    fh__log_set_sink(sink);
    switch (role) {
    case FH__KEY:
        return fh__key_main(&sandbox, rd_init(setup + 1, (size_t)n - 1));
    case FH__SESSION:
        return fh__session_main(&sandbox, rd_init(setup + 1, (size_t)n - 1));
    case FH__DESKTOP:
        return fh__desktop_main(&sandbox, rd_init(setup + 1, (size_t)n - 1), argv + 1);
    case FH__CLOUD:
        return fh__cloud_main(&sandbox, rd_init(setup + 1, (size_t)n - 1));
    case FH__MONITOR:
    case FH__CLOUD_OR_KEY:
    case FH__CHILDREN:
        break;
    }
    return FH__EXIT_UNEXPECTED;
}

int fh__role_confine(struct fh__sandbox *s, const struct fh__sandbox_files *files,
                     bool keeps_children)
{
    uint8_t body[8];
    struct wr w = wr_init(body, sizeof body);

    if (fh__sandbox_end(s, files, keeps_children) != 0) {
        fh__log(FH__LOG_ERROR, "the filter of system calls cannot be set");
        return -1;
    }
    fh__msg_confined_write(&w, &s->holds);
    fh__link_try(FH__CHILD_LINK_FD, FH__MSG_CONFINED, body, w.len);
    return 0;
}

bool fh__role_message(unsigned number, struct rd body)
{
    uint8_t level;

    if (number != FH__MSG_LEVEL)
        return false;
    if (fh__msg_u8_read(body, &level))
        fh__log_set_level((enum fh__log_level)level);
    return true;
}
