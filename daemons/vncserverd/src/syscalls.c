/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* PROT_EXEC, F_GET_SEALS, CLONE_THREAD */
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

/* What any program on libuv and malloc does. Descriptors are used, none is made. */
static const int common[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(shutdown),
    SCMP_SYS(close),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(getrandom),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(lseek),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getsockopt),
};

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
 * interfaces of this machine. What is tried beyond, such as modules for names that are loaded then,
 * fails.
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

static int allow_all(scmp_filter_ctx ctx, const int *list, size_t n)
{
    int ret = 0;

    for (size_t i = 0; i < n && ret == 0; i++)
        if (list[i] >= 0) /* below: not on this machine */
            ret = seccomp_rule_add_exact(ctx, SCMP_ACT_ALLOW, list[i], 0);
    return ret;
}

/* Memory is never made executable. */
static int allow_memory(scmp_filter_ctx ctx)
{
    int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

    return ret ? ret
               : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static struct scmp_arg_cmp equals(unsigned argument, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value};
}

/* What fh_tcp_open() asks of a stream, such as a viewer may come back on. */
static int allow_tuning(scmp_filter_ctx ctx)
{
    static const struct {
        int level, option;
    } asked[] = {{IPPROTO_TCP, TCP_NODELAY},
                 {IPPROTO_TCP, TCP_KEEPIDLE},
                 {IPPROTO_TCP, TCP_USER_TIMEOUT},
                 {SOL_SOCKET, SO_KEEPALIVE}};
    int ret = 0;

    for (size_t i = 0; i < sizeof asked / sizeof *asked && ret == 0; i++)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
                               equals(1, (scmp_datum_t)asked[i].level),
                               equals(2, (scmp_datum_t)asked[i].option));
    return ret;
}

static int allow_sockets(scmp_filter_ctx ctx)
{
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_UNIX};
    int ret = 0;

    for (size_t i = 0; i < sizeof families / sizeof *families && ret == 0; i++)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                               equals(0, (scmp_datum_t)families[i]));
    if (ret == 0)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1, equals(0, AF_UNIX));
    return ret;
}

/* Threads, and no processes; the newer call, which cannot be looked into, is as if it were not. */
static int allow_threads(scmp_filter_ctx ctx)
{
    int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

    return ret ? ret : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* Files are read, where Landlock lets them be, and not made. */
static int allow_reading(scmp_filter_ctx ctx)
{
    const scmp_datum_t writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
    int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, writes, 0));

    if (ret != 0 || SCMP_SYS(open) < 0) /* not on this machine */
        return ret;
    return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                            SCMP_A1(SCMP_CMP_MASKED_EQ, writes, 0));
}

/* A module for names that would be loaded is done without. */
static int refuse_code(scmp_filter_ctx ctx)
{
    int ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mmap), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));

    return ret ? ret : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 0);
}

static int allow_network(scmp_filter_ctx ctx)
{
    int ret = allow_all(ctx, network, sizeof network / sizeof *network);

    if (ret == 0)
        ret = allow_sockets(ctx);
    if (ret == 0)
        ret = allow_threads(ctx);
    if (ret == 0)
        ret = allow_reading(ctx);
    return ret ? ret : refuse_code(ctx);
}

/* Flags and seals are asked for, and a socket is told not to wait. */
static int allow_flags(scmp_filter_ctx ctx)
{
    static const int asked[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_GET_SEALS, F_DUPFD_CLOEXEC};
    int ret = 0;

    for (size_t i = 0; i < sizeof asked / sizeof *asked && ret == 0; i++)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                               equals(1, (scmp_datum_t)asked[i]));
    if (ret == 0)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, equals(1, FIONBIO));
    return ret;
}

int fh__syscalls_allow(enum fh__role role, bool keeps_children)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int ret = -1;

    if (!ctx)
        return -1;
    ret = allow_all(ctx, common, sizeof common / sizeof *common);
    if (ret == 0)
        ret = allow_memory(ctx);
    if (ret == 0 && role == FH__DESKTOP)
        ret = allow_all(ctx, desktop, sizeof desktop / sizeof *desktop);
    else if (ret == 0 && role == FH__CLOUD)
        ret = allow_network(ctx);
    else if (ret == 0)
        ret = allow_flags(ctx);
    if (ret == 0 && role == FH__SESSION)
        ret = allow_tuning(ctx);
    if (ret == 0 && keeps_children)
        ret = allow_all(ctx, parent, sizeof parent / sizeof *parent);
    if (ret == 0)
        ret = seccomp_load(ctx);
    seccomp_release(ctx);
    return ret == 0 ? 0 : -1;
}
