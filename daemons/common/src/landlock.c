/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_PATH */
#include "landlock.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h of Linux 6.12 */
struct ruleset {
    uint64_t handled_files, handled_network, scoped;
};
struct path_beneath {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

enum {
    CREATE_RULESET_VERSION = 1,
    RULE_PATH_BENEATH = 1,
    EXECUTE = 1 << 0,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
    FILES_V1 = (1 << 13) - 1,
    REFER = 1 << 13,     /* 2 */
    TRUNCATE = 1 << 14,  /* 3 */
    IOCTL_DEV = 1 << 15, /* 5 */
    TCP = 3,             /* 4: bind and connect */
    SCOPE_ABSTRACT = 1,  /* 6 */
    SCOPE_SIGNAL = 2,
    /* What makes sense for a path that is no directory. */
    OF_FILES = EXECUTE | (1 << 1) | READ_FILE | TRUNCATE | IOCTL_DEV
};

static struct ruleset known_to(int version, int keeps)
{
    struct ruleset r = {.handled_files = FILES_V1};

    if (version >= 2)
        r.handled_files |= REFER;
    if (version >= 3)
        r.handled_files |= TRUNCATE;
    if (version >= 4 && !(keeps & FH__LANDLOCK_TCP))
        r.handled_network = TCP;
    if (version >= 5)
        r.handled_files |= IOCTL_DEV;
    if (version >= 6)
        r.scoped = SCOPE_ABSTRACT | (keeps & FH__LANDLOCK_SIGNALS ? 0 : SCOPE_SIGNAL);
    return r;
}

/* How much of the struct a kernel of this version knows. */
static size_t size_for(int version)
{
    return version >= 6 ? 24 : version >= 4 ? 16 : 8;
}

/* A tree that is not there needs no rule. */
static void allow(int ruleset, const char *path, uint64_t what)
{
    struct path_beneath rule = {.allowed = what, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat st;

    if (rule.parent_fd < 0)
        return;
    if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed &= OF_FILES;
    (void)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

int fh__landlock(const char *const *readable, const char *const *writable, int keeps)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    struct ruleset rules;
    int fd, ret;

    if (version < 1)
        return 0;
    rules = known_to((int)version, keeps);
    fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size_for((int)version), 0);
    if (fd < 0)
        return 0;
    for (; readable && *readable; readable++)
        allow(fd, *readable, rules.handled_files & (READ_FILE | READ_DIR));
    for (; writable && *writable; writable++)
        allow(fd, *writable, rules.handled_files & ~(uint64_t)(EXECUTE | IOCTL_DEV));
    ret = (int)syscall(SYS_landlock_restrict_self, fd, 0);
    close(fd);
    return ret == 0 ? (int)version : 0;
}
