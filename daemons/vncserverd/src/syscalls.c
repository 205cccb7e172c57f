/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* F_GET_SEALS, CLONE_THREAD */
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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

/*
 * Sockets of these families, names (which threads look up, in files and at servers), the
 * interfaces of this machine.
 */
static const int network[] = {
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(setsockopt),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(fcntl),
    SCMP_SYS(ioctl),
    SCMP_SYS(uname),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(geteuid),
    SCMP_SYS(getuid),
    SCMP_SYS(getegid),
    SCMP_SYS(getgid),
    SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),
    SCMP_SYS(dup),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getcwd),
    SCMP_SYS(clock_getres),
    SCMP_SYS(sysinfo),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
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

/*
 * Threads, and no processes: the newer call, which cannot be looked into, is as if it were not.
 * Files are read, where Landlock lets them be, and not made. A module for names that would be
 * loaded now is done without.
 */
static void allow_network(struct fh__calls *c)
{
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_UNIX};
    const long writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;

    fh__calls_allow(c, network, sizeof network / sizeof *network);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        fh__calls_allow_if(c, SCMP_SYS(socket), 0, families[i]);
    fh__calls_allow_if(c, SCMP_SYS(socketpair), 0, AF_UNIX);
    fh__calls_allow_if(c, SCMP_SYS(prlimit64), 2, 0); /* how large a stack may be */
    fh__calls_allow_masked(c, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
    fh__calls_refuse(c, SCMP_SYS(clone3), ENOSYS);
    fh__calls_allow_masked(c, SCMP_SYS(openat), 2, writes, 0);
    if (SCMP_SYS(open) >= 0)
        fh__calls_allow_masked(c, SCMP_SYS(open), 1, writes, 0);
    fh__calls_refuse_masked(c, SCMP_SYS(mmap), 2, PROT_EXEC, PROT_EXEC, EPERM);
    fh__calls_refuse(c, SCMP_SYS(prctl), EPERM);
}

int fh__syscalls_allow(enum fh__role role, bool keeps_children)
{
    struct fh__calls *c = fh__calls_new();

    if (!c)
        return -1;
    if (role == FH__DESKTOP)
        fh__calls_allow(c, desktop, sizeof desktop / sizeof *desktop);
    else if (role == FH__CLOUD)
        allow_network(c);
    else
        allow_flags(c);
    if (role == FH__SESSION)
        allow_tuning(c);
    if (keeps_children)
        fh__calls_allow(c, parent, sizeof parent / sizeof *parent);
    return fh__calls_load(c);
}
