/* SPDX-License-Identifier: MIT */
/* calls.c -- filters of system calls, by seccomp(2). */
#define _GNU_SOURCE /* PROT_EXEC */
#include <stdlib.h>
#include <sys/mman.h>

#include <seccomp.h>

#include "confine.h"

struct fh__calls {
    scmp_filter_ctx ctx;
    int error;
};

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

/* Memory is never made executable. */
static void allow_memory(struct fh__calls *c)
{
    const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);

    c->error |= seccomp_rule_add(c->ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_executable);
    c->error |= seccomp_rule_add(c->ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
}

struct fh__calls *fh__calls_new(void)
{
    struct fh__calls *c = calloc(1, sizeof *c);

    if (!c || !(c->ctx = seccomp_init(SCMP_ACT_KILL_PROCESS))) {
        free(c);
        return NULL;
    }
    fh__calls_allow(c, common, sizeof common / sizeof *common);
    allow_memory(c);
    return c;
}

void fh__calls_allow(struct fh__calls *c, const int *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] >= 0)
            c->error |= seccomp_rule_add_exact(c->ctx, SCMP_ACT_ALLOW, list[i], 0);
}

static struct scmp_arg_cmp equals(unsigned argument, long value)
{
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)value};
}

void fh__calls_allow_if(struct fh__calls *c, int call, unsigned argument, long value)
{
    c->error |= seccomp_rule_add(c->ctx, SCMP_ACT_ALLOW, call, 1, equals(argument, value));
}

void fh__calls_allow_if2(struct fh__calls *c, int call, unsigned argument, long value,
                         unsigned argument2, long value2)
{
    c->error |= seccomp_rule_add(c->ctx, SCMP_ACT_ALLOW, call, 2, equals(argument, value),
                                 equals(argument2, value2));
}

static struct scmp_arg_cmp masked(unsigned argument, long mask, long value)
{
    return (struct scmp_arg_cmp){.arg = argument,
                                 .op = SCMP_CMP_MASKED_EQ,
                                 .datum_a = (scmp_datum_t)mask,
                                 .datum_b = (scmp_datum_t)value};
}

void fh__calls_allow_masked(struct fh__calls *c, int call, unsigned argument, long mask, long value)
{
    c->error |= seccomp_rule_add(c->ctx, SCMP_ACT_ALLOW, call, 1, masked(argument, mask, value));
}

void fh__calls_refuse(struct fh__calls *c, int call, int error)
{
    c->error |= seccomp_rule_add(c->ctx, SCMP_ACT_ERRNO((uint32_t)error), call, 0);
}

void fh__calls_refuse_masked(struct fh__calls *c, int call, unsigned argument, long mask,
                             long value, int error)
{
    c->error |= seccomp_rule_add(c->ctx, SCMP_ACT_ERRNO((uint32_t)error), call, 1,
                                 masked(argument, mask, value));
}

int fh__calls_load(struct fh__calls *c)
{
    int ret = c->error ? -1 : seccomp_load(c->ctx);

    seccomp_release(c->ctx);
    free(c);
    return ret == 0 ? 0 : -1;
}
