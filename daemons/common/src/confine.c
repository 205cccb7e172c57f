/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* setresuid */
#include "confine.h"

#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

bool fh__confine_limit(int what, rlim_t most)
{
    const struct rlimit r = {most, most};
    struct rlimit now;

    if (most == RLIM_INFINITY)
        return true;
    if (getrlimit((__rlimit_resource_t)what, &now) == 0 && now.rlim_max <= most)
        return true;
    return setrlimit((__rlimit_resource_t)what, &r) == 0;
}

void fh__confine_bounding(void)
{
    for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

bool fh__confine_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2];

    memset(none, 0, sizeof none);
    return syscall(SYS_capset, &head, none) == 0;
}

int fh__confine_user(const struct passwd *who)
{
    bool has_groups = geteuid() != 0 || setgroups(0, NULL) == 0;

    return has_groups && setresgid(who->pw_gid, who->pw_gid, who->pw_gid) == 0 &&
                   setresuid(who->pw_uid, who->pw_uid, who->pw_uid) == 0
               ? 0
               : -1;
}
