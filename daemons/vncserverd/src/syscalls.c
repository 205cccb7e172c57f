/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* F_GET_SEALS */
#include "syscalls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "confine.h"

/* The X server is spoken to, and pictures are made: memory of its own, shared by descriptor. */
static const int desktop[] = {
    SCMP_SYS(memfd_create), SCMP_SYS(fchmod),      SCMP_SYS(ftruncate),   SCMP_SYS(fallocate),
    SCMP_SYS(fcntl),        SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(uname),
    SCMP_SYS(geteuid),      SCMP_SYS(getuid),      SCMP_SYS(ioctl),       SCMP_SYS(dup),
};

/* With a display and a program of its own, which it ends and tidies up after. */
static const int parent[] = {
    SCMP_SYS(wait4),  SCMP_SYS(waitid), SCMP_SYS(kill),     SCMP_SYS(pidfd_open), SCMP_SYS(openat),
    SCMP_SYS(unlink), SCMP_SYS(rmdir),  SCMP_SYS(unlinkat), SCMP_SYS(newfstatat), SCMP_SYS(pipe2),
};

/* What fh_tcp_open() asks of a stream, such as a viewer may come back on. */
static void allow_tuning(struct fh__calls *c)
{
    static const struct {
        int level, option;
    } asked[] = {{IPPROTO_TCP, TCP_NODELAY},
                 {IPPROTO_TCP, TCP_KEEPIDLE},
                 {IPPROTO_TCP, TCP_USER_TIMEOUT},
                 {SOL_SOCKET, SO_KEEPALIVE}};

    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        fh__calls_allow_if2(c, SCMP_SYS(setsockopt), 1, asked[i].level, 2, asked[i].option);
}

/* Flags and seals are asked for, and a socket is told not to wait. */
static void allow_flags(struct fh__calls *c)
{
    static const int asked[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_GET_SEALS, F_DUPFD_CLOEXEC};

    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        fh__calls_allow_if(c, SCMP_SYS(fcntl), 1, asked[i]);
    fh__calls_allow_if(c, SCMP_SYS(ioctl), 1, FIONBIO);
}

int fh__syscalls_allow(enum fh__role role, bool keeps_children)
{
    struct fh__calls *c = fh__calls_new();

    if (!c)
        return -1;
    if (role == FH__DESKTOP)
        fh__calls_allow(c, desktop, sizeof desktop / sizeof *desktop);
    else
        allow_flags(c);
    if (role == FH__SESSION)
        allow_tuning(c);
    if (keeps_children)
        fh__calls_allow(c, parent, sizeof parent / sizeof *parent);
    return fh__calls_load(c);
}
