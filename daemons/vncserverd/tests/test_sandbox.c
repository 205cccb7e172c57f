/* SPDX-License-Identifier: MIT */
/*
 * What each kind of process cannot do any more: each attempt is made in a process of its own that
 * has put on that kind's sandbox, and must be killed for it or be refused. Each is also made
 * without a sandbox, and must then succeed: so it is the sandbox that refuses.
 */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"
#include "sandbox.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

/* What an attempt says by its exit. */
enum { DONE = 10, REFUSED = 11, NOT_CONFINED = 12 };

static struct sockaddr_un abstract_name(socklen_t *len)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    memcpy(a.sun_path + 1, "farhand-test-sandbox", 20);
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 21);
    return a;
}

static bool try_open(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool try_create(void)
{
    char name[] = "/tmp/farhand-sandbox-XXXXXX";
    int fd = mkstemp(name);

    return fd >= 0 && unlink(name) == 0;
}

static bool try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool try_exec(void)
{
    char *argv[] = {(char *)"true", NULL};

    if (fork() == 0)
        execv("/bin/true", argv);
    return true;
}

static bool try_exec_only(void)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 10", NULL};

    execv("/bin/sh", argv);
    return false;
}

static bool try_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static bool try_ptrace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

/* An X server may listen at such a name, too. */
static bool try_abstract(void)
{
    socklen_t len;
    struct sockaddr_un a = abstract_name(&len);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return fd >= 0 && connect(fd, (struct sockaddr *)&a, len) == 0;
}

static bool try_kill(void)
{
    return kill(getppid(), 0) == 0;
}

static bool try_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool try_names(void)
{
    char cwd[4096];

    return getcwd(cwd, sizeof cwd) != NULL && chdir("/") == 0;
}

static const struct {
    const char *name;
    bool (*run)(void);
} attempts[] = {
    {"open a file", try_open},           {"create a file", try_create},
    {"make a socket", try_socket},       {"run a program", try_exec},
    {"become a program", try_exec_only}, {"fork", try_fork},
    {"be debugged", try_ptrace},         {"connect to an abstract name", try_abstract},
    {"signal another", try_kill},        {"make memory executable", try_code},
    {"find its way", try_names},
};

static const struct {
    enum fh__role role;
    bool keeps_children;
} kinds[] = {{FH__KEY, false},
             {FH__SESSION, false},
             {FH__DESKTOP, false},
             {FH__DESKTOP, true},
             {FH__CLOUD, false}};

enum { N_ATTEMPTS = (int)ARRAY_LEN(attempts) };

/* In a child of the test. */
static int attempt(size_t kind, size_t i)
{
    struct fh__sandbox s;
    char error[200];

    fh__sandbox_begin(&s, kinds[kind].role);
    if (fh__sandbox_user(&s, "", false, error, sizeof error) != 0 ||
        fh__sandbox_end(&s, NULL, kinds[kind].keeps_children) != 0)
        return NOT_CONFINED;
    return attempts[i].run() ? DONE : REFUSED;
}

static int run(size_t kind, size_t i, bool is_confined)
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(is_confined ? attempt(kind, i) : attempts[i].run() ? DONE : REFUSED);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static int listen_abstract(void)
{
    socklen_t len;
    struct sockaddr_un a = abstract_name(&len);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    if (bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, 16) != 0) {
        close(fd); /* another of our tests listens there: as good */
        return -1;
    }
    return fd;
}

/* What the cloud process can still do: speak with others, and look names up. */
static bool is_for_cloud(size_t i, int status)
{
    bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == DONE;
    bool is_refused = WIFEXITED(status) && WEXITSTATUS(status) == REFUSED;

    if (attempts[i].run == try_socket)
        return is_done;
    if (attempts[i].run == try_code)
        return is_refused;
    /* Landlock holds these, where the kernel has it. */
    if (attempts[i].run == try_open || attempts[i].run == try_abstract)
        return is_refused || is_done;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static bool has_seccomp(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(FH__UNCONFINED)
    return false;
#else
    return true;
#endif
}

START_TEST(what_is_not_allowed_is_not_done)
{
    size_t kind = (size_t)_i / N_ATTEMPTS, i = (size_t)_i % N_ATTEMPTS;
    int fd = listen_abstract(), status = run(kind, i, false);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == DONE, "without a sandbox: %s: %#x",
                  attempts[i].name, (unsigned)status);
    status = run(kind, i, true);
    if (fd >= 0)
        close(fd);
    if (!has_seccomp())
        return;
    if (kinds[kind].role == FH__CLOUD) {
        ck_assert_msg(is_for_cloud(i, status), "%s: %#x", attempts[i].name, (unsigned)status);
        return;
    }
    /* With programs of its own the desktop process may open and signal: Landlock holds the first.
     */
    if (kinds[kind].keeps_children && attempts[i].run == try_kill)
        return;
    if (kinds[kind].keeps_children &&
        (attempts[i].run == try_open || attempts[i].run == try_create)) {
        if (fh__landlock(NULL, NULL, 1) == 0)
            return; /* this kernel has none */
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == REFUSED, "%s: %#x",
                      attempts[i].name, (unsigned)status);
        return;
    }
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s: %#x", attempts[i].name,
                  (unsigned)status);
}
END_TEST

/* The second wall, by itself. */
static int behind_landlock(bool (*try)(void))
{
    int status, version;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(NOT_CONFINED);
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        version = fh__landlock(NULL, NULL, 0);
        if (version == 0 || (try == try_abstract && version < 6))
            _exit(NOT_CONFINED);
        _exit(try() ? DONE : REFUSED);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(landlock_alone_closes_files_and_names)
{
    static bool (*const tries[])(void) = {try_open, try_create, try_abstract};
    int fd = listen_abstract(), how;

    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        how = behind_landlock(tries[i]);
        ck_assert_msg(how == REFUSED || how == NOT_CONFINED, "%zu: %d", i, how);
    }
    if (fd >= 0)
        close(fd);
}
END_TEST

START_TEST(a_tree_that_is_named_stays_open)
{
    static const char *const readable[] = {"/etc", NULL};
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (fh__landlock(readable, NULL, 0) == 0)
            _exit(DONE);
        _exit(try_open() && open("/usr/bin/env", O_RDONLY) < 0 &&
                      open("/etc/farhand-test", O_WRONLY | O_CREAT, 0600) < 0
                  ? DONE
                  : REFUSED);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), DONE);
}
END_TEST

START_TEST(limits_and_no_core)
{
    struct rlimit core, files, size;
    struct fh__sandbox s;
    char error[200];
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        fh__sandbox_begin(&s, FH__SESSION);
        (void)fh__sandbox_user(&s, "", false, error, sizeof error);
        /* Asked before the filter: it does not allow the question. */
        fh__sandbox_limits(&s);
        getrlimit(RLIMIT_CORE, &core);
        getrlimit(RLIMIT_NOFILE, &files);
        getrlimit(RLIMIT_FSIZE, &size);
        _exit(core.rlim_max == 0 && files.rlim_max <= 16 &&
                      (size.rlim_max == 0 || !has_seccomp()) &&
                      (s.holds.what & FH__CONFINED_LIMITS) &&
                      (s.holds.what & FH__CONFINED_NO_CAPABILITIES)
                  ? DONE
                  : REFUSED);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), DONE);
}
END_TEST

START_TEST(what_does_not_hold_is_named)
{
    char text[300];

    fh__sandbox_missing(FH__SESSION, ~0u, text, sizeof text);
    ck_assert_str_eq(text, "");
    fh__sandbox_missing(FH__SESSION, ~0u & ~(uint32_t)FH__CONFINED_NETWORK, text, sizeof text);
    ck_assert_str_eq(text, "an empty network");
    fh__sandbox_missing(FH__DESKTOP, ~0u & ~(uint32_t)FH__CONFINED_NETWORK, text, sizeof text);
    ck_assert_str_eq(text, "");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox");
    TCase *tc = tcase_create("sandbox");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_loop_test(tc, what_is_not_allowed_is_not_done, 0, (int)ARRAY_LEN(kinds) * N_ATTEMPTS);
    tcase_add_test(tc, landlock_alone_closes_files_and_names);
    tcase_add_test(tc, a_tree_that_is_named_stays_open);
    tcase_add_test(tc, limits_and_no_core);
    tcase_add_test(tc, what_does_not_hold_is_named);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
