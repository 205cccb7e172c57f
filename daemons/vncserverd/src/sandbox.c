/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* unshare, setresuid */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "child.h"
#include "confine.h"
#include "landlock.h"
#include "syscalls.h"

static const rlim_t MiB = 1 << 20;

/* RLIM_INFINITY: it stays as it is. */
static const struct {
    enum fh__role role;
    rlim_t files, address_space, data, processes, file_size;
} limits[] = {
    {FH__KEY, 2048, 512, 128, 0, 0},
    /* Two pictures of the largest size while one follows the other. */
    {FH__SESSION, 16, 3072, 256, 0, 0},
    {FH__DESKTOP, 2048, 8192, 4096, RLIM_INFINITY, RLIM_INFINITY},
    /* Names are looked up in threads, which count as processes; others it cannot start. */
    {FH__CLOUD, 1024, 4096, 1024, RLIM_INFINITY, 0},
};

static bool set_limits(enum fh__role role)
{
    bool ok = fh__confine_limit(RLIMIT_CORE, 0);

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (limits[i].role != role)
            continue;
        ok &= fh__confine_limit(RLIMIT_NOFILE, limits[i].files);
        if (!FH__IS_SANITIZED)
            ok &= fh__confine_limit(RLIMIT_FSIZE, limits[i].file_size) &&
                  fh__confine_limit(RLIMIT_AS, limits[i].address_space * MiB) &&
                  fh__confine_limit(RLIMIT_DATA, limits[i].data * MiB) &&
                  fh__confine_limit(RLIMIT_NPROC, limits[i].processes);
    }
    return ok;
}

void fh__sandbox_begin(struct fh__sandbox *s, enum fh__role role)
{
    static const int unheard[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2};

    *s = (struct fh__sandbox){.role = role};
    prctl(PR_SET_NAME, fh__role_name(role) + strlen("vncserver"));
    prctl(PR_SET_DUMPABLE, FH__IS_SANITIZED);
    /* The monitor alone hears signals; it ends us by the link or by force. */
    for (size_t i = 0; i < sizeof unheard / sizeof *unheard; i++)
        signal(unheard[i], SIG_IGN);
    (void)fh__confine_limit(RLIMIT_CORE, 0);
}

/* ---- who we are ---- */

/* A namespace of users is what makes one of networks possible for whoever is not root. */
static bool leave_network(bool may_try_harder)
{
    return unshare(CLONE_NEWNET) == 0 ||
           (may_try_harder && unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
}

static bool has_network_of(enum fh__role role)
{
    return role == FH__DESKTOP || role == FH__CLOUD;
}

int fh__sandbox_user(struct fh__sandbox *s, const char *user, bool starts_programs, char *error,
                     size_t room)
{
    const struct passwd *who = *user ? getpwnam(user) : NULL;
    bool has_network = has_network_of(s->role), is_alone;

    if (*user && !who) {
        snprintf(error, room, "there is no user %s", user);
        return -1;
    }
    is_alone = !has_network && leave_network(false);
    if (!starts_programs)
        fh__confine_bounding();
    if (who && who->pw_uid != geteuid() && fh__confine_user(who) != 0) {
        snprintf(error, room, "cannot become user %s: %s", user, strerror(errno));
        return -1;
    }
    if (!has_network && !is_alone)
        is_alone = leave_network(true);
    s->holds.what |= is_alone ? FH__CONFINED_NETWORK : 0;
    s->holds.what |= geteuid() != 0 ? FH__CONFINED_USER : 0;
    if (!starts_programs && fh__confine_capabilities())
        s->holds.what |= FH__CONFINED_NO_CAPABILITIES;
    /* Another user may be debugged again, and outlive its parent. */
    prctl(PR_SET_DUMPABLE, FH__IS_SANITIZED);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return 0;
}

void fh__sandbox_lock(struct fh__sandbox *s)
{
    const struct rlimit without = {RLIM_INFINITY, RLIM_INFINITY};
    /* Under a limit, what comes later would not be locked but refused. */
    int flags = setrlimit(RLIMIT_MEMLOCK, &without) == 0 ? MCL_CURRENT | MCL_FUTURE : MCL_CURRENT;

    if (mlockall(flags) == 0)
        s->holds.what |= FH__CONFINED_LOCKED;
}

/* ---- what we can do ---- */

void fh__sandbox_limits(struct fh__sandbox *s)
{
    if (set_limits(s->role))
        s->holds.what |= FH__CONFINED_LIMITS;
}

/* What is written there would be the monitor's, or the journal's, without saying who wrote it. */
static int leave_stderr(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int ret = null >= 0 && dup2(null, STDERR_FILENO) == STDERR_FILENO ? 0 : -1;

    if (null >= 0)
        close(null);
    return ret;
}

int fh__sandbox_end(struct fh__sandbox *s, const struct fh__sandbox_files *files,
                    bool keeps_children)
{
    fh__sandbox_limits(s);
    fh__confine_bounding();
    if (fh__confine_capabilities())
        s->holds.what |= FH__CONFINED_NO_CAPABILITIES;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        s->holds.what |= FH__CONFINED_NO_NEW_PRIVILEGES;
    if (FH__IS_SANITIZED)
        return 0;
    if (leave_stderr() != 0)
        return -1;
    s->holds.landlock =
        (uint8_t)fh__landlock(files ? files->read : NULL, files ? files->write : NULL,
                              s->role == FH__CLOUD ? FH__LANDLOCK_TCP
                              : keeps_children     ? FH__LANDLOCK_SIGNALS
                                                   : 0);
    s->holds.what |= s->holds.landlock ? FH__CONFINED_LANDLOCK : 0;
    if (fh__syscalls_allow(s->role, keeps_children) != 0)
        return -1;
    s->holds.what |= FH__CONFINED_SYSTEM_CALLS;
    return 0;
}

void fh__sandbox_missing(enum fh__role role, uint32_t holds, char *out, size_t room)
{
    static const struct {
        uint32_t bit;
        const char *text;
    } words[] = {
#define X(name, bit, text) {(bit), (text)},
        FH__CONFINEMENTS(X)
#undef X
    };
    uint32_t wanted = FH__CONFINED_LIMITS | FH__CONFINED_USER | FH__CONFINED_NO_CAPABILITIES |
                      FH__CONFINED_NO_NEW_PRIVILEGES | FH__CONFINED_LANDLOCK |
                      FH__CONFINED_SYSTEM_CALLS |
                      (has_network_of(role) ? 0 : FH__CONFINED_NETWORK) |
                      (role == FH__KEY ? FH__CONFINED_LOCKED : 0);
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words && at < room; i++)
        if ((wanted & ~holds) & words[i].bit)
            at += (size_t)snprintf(out + at, room - at, "%s%s", at ? ", " : "", words[i].text);
}
