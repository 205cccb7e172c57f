/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* the numbers of system calls that POSIX does not have */
#include "sandbox.h"

#include <errno.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <farhand/audit_target.h>

#include "confine.h"
#include "landlock.h"

enum { TREES_MAX = 64, PATH_ROOM = 4096 };

/* ---- who we are ---- */

static const struct passwd *user_of(const struct fh__config *c)
{
    const struct passwd *who = getpwnam(c->user ? c->user : "vnccloudd");

    return who || c->user ? who : getpwnam("nobody");
}

/* Made here, so that it need not be made by hand. */
static int give_directory(const char *path, const struct passwd *who)
{
    struct stat st;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return -1;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return -1;
    return st.st_uid == 0 && who->pw_uid != 0 ? chown(path, who->pw_uid, who->pw_gid) : 0;
}

static void directory_of(const char *path, char out[PATH_ROOM])
{
    const char *slash = strrchr(path, '/');

    snprintf(out, PATH_ROOM, "%.*s", slash && slash != path ? (int)(slash - path) : 1,
             slash ? path : "/");
}

static int give_all(const struct fh__config *c, const struct passwd *who)
{
    char control[PATH_ROOM];

    if (c->is_control_default) {
        directory_of(c->control, control);
        (void)give_directory(control, who); /* the socket's own error says enough */
    }
    return give_directory(c->state, who);
}

int fh__sandbox_user(const struct fh__config *c, bool makes, char *why, size_t room)
{
    const struct passwd *who = geteuid() == 0 ? user_of(c) : NULL;

    if (geteuid() != 0)
        return 0;
    if (!who) {
        snprintf(why, room, "there is no user %s", c->user ? c->user : "nobody");
        return -1;
    }
    if (makes && give_all(c, who) != 0) {
        snprintf(why, room, "%s: %s", c->state, strerror(errno));
        return -1;
    }
    fh__confine_bounding();
    if (who->pw_uid != 0 && fh__confine_user(who) != 0) {
        snprintf(why, room, "cannot become user %s: %s", who->pw_name, strerror(errno));
        return -1;
    }
    return 0;
}

/* ---- files ---- */

struct trees {
    const char *of[TREES_MAX + 1];
    char *kept[TREES_MAX];
    size_t n;
};

static void add_tree(struct trees *t, const char *path)
{
    if (path && t->n < TREES_MAX && (t->kept[t->n] = strdup(path)) != NULL) {
        t->of[t->n] = t->kept[t->n];
        t->n++;
    }
}

static void add_directory_of(struct trees *t, const char *path)
{
    char dir[PATH_ROOM];

    if (!path)
        return;
    directory_of(path, dir);
    add_tree(t, dir);
}

static void free_trees(struct trees *t)
{
    while (t->n > 0)
        free(t->kept[--t->n]);
}

/* Directories, because files are replaced. */
static void readable_trees(const struct fh__config *c, const char *config_file, struct trees *t)
{
    add_directory_of(t, config_file);
    add_directory_of(t, c->certificate);
    add_directory_of(t, c->key);
    add_directory_of(t, c->turn_secret_file);
    add_tree(t, "/proc/self");
    add_tree(t, "/etc/localtime");
    add_tree(t, "/usr/share/zoneinfo");
}

static void writable_trees(const struct fh__config *c, struct trees *t)
{
    struct fh_audit_target target;
    const char *expected;

    add_tree(t, c->state);
    add_directory_of(t, c->database);
    if (*c->control == '/')
        add_directory_of(t, c->control);
    for (size_t i = 0; i < c->n_audit; i++)
        if (fh_audit_target_parse(c->audit[i], &target, &expected) == 0 &&
            target.kind == FH_AUDIT_TO_FILE)
            add_directory_of(t, target.where);
    for (size_t i = 0; i < c->n_listen; i++)
        if (strncmp(c->listen[i], "unix:", 5) == 0)
            add_directory_of(t, c->listen[i] + 5);
}

static bool close_files(const struct fh__config *c, const char *config_file)
{
    struct trees read = {.n = 0}, write = {.n = 0};
    int version;

    readable_trees(c, config_file, &read);
    writable_trees(c, &write);
    version = fh__landlock(read.of, write.of, 0);
    free_trees(&read);
    free_trees(&write);
    return version > 0;
}

/* ---- system calls ---- */

/* Connections are taken, a database and the files of the log are kept, threads begin. */
static const int calls[] = {
    SCMP_SYS(accept4),
    SCMP_SYS(accept),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(setsockopt),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(fcntl),
    SCMP_SYS(ioctl),
    SCMP_SYS(dup),
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(stat),
    SCMP_SYS(fstat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(preadv),
    SCMP_SYS(pwritev),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fadvise64),
    SCMP_SYS(flock),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(fchown),
    SCMP_SYS(umask),
    SCMP_SYS(utimensat),
    SCMP_SYS(memfd_create),
    SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(tgkill),
    SCMP_SYS(prctl),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getrlimit),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getppid),
    SCMP_SYS(clock_getres),
    SCMP_SYS(times),
    SCMP_SYS(getrusage),
    SCMP_SYS(msync),
    SCMP_SYS(mincore),
    SCMP_SYS(connect),
    SCMP_SYS(sendfile),
    SCMP_SYS(splice),
};

static bool has_programs(const struct fh__config *c)
{
    struct fh_audit_target target;
    const char *expected;

    for (size_t i = 0; i < c->n_audit; i++)
        if (fh_audit_target_parse(c->audit[i], &target, &expected) == 0 &&
            target.kind == FH_AUDIT_TO_PROGRAM)
            return true;
    return false;
}

/* The only sockets that are still made are those of the log: nobody is connected to. */
static int close_calls(void)
{
    struct fh__calls *c = fh__calls_new();

    if (!c)
        return -1;
    fh__calls_allow(c, calls, sizeof calls / sizeof *calls);
    fh__calls_allow_if(c, SCMP_SYS(socket), 0, AF_UNIX);
    fh__calls_allow_if(c, SCMP_SYS(socketpair), 0, AF_UNIX);
    return fh__calls_load(c);
}

static void raise_descriptors(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return;
    r.rlim_cur = r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r);
}

int fh__sandbox_end(const struct fh__config *c, const char *config_file)
{
    bool is_whole = true;

    raise_descriptors();
    (void)fh__confine_limit(RLIMIT_CORE, 0);
    prctl(PR_SET_DUMPABLE, FH__IS_SANITIZED);
    if (FH__IS_SANITIZED)
        return 0;
    if (has_programs(c)) {
        fh__log(FH__LOG_WARNING, "audit = program: it needs what the sandbox would take away");
        return 0;
    }
    fh__confine_bounding();
    is_whole &= fh__confine_capabilities();
    is_whole &= prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    is_whole &= close_files(c, config_file);
    if (!is_whole)
        fh__log(FH__LOG_WARNING, "this kernel does not give all of the sandbox");
    return close_calls();
}
