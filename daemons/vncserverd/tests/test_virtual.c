/* SPDX-License-Identifier: MIT */
/* test_virtual.c -- a headless X server of our own, and that nothing of it is left. */
#include "../src/virtual.c"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMEOUT_MS = 30000 };

static struct fh__virtual *v;
static char error[300];
static int pipe_read, pipe_write; /* programs write to FD 9 */

static void setup(void)
{
    fh__log_set_level(FH__LOG_ERROR);
    ck_assert_msg(fh__virtual_start(&v, 640, 480, NULL, error, sizeof error) == 0, "%s", error);
}

/* After the X server was started, which must not have it. */
static void open_pipe(void)
{
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    pipe_read = fcntl(fds[0], F_DUPFD_CLOEXEC, 20);
    pipe_write = dup2(fds[1], 9);
    close(fds[0]);
    if (fds[1] != 9)
        close(fds[1]);
}

static void run(const char *script)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};

    open_pipe();
    ck_assert_msg(fh__virtual_run(v, argv, error, sizeof error) == 0, "%s", error);
    close(pipe_write);
}

/* What programs wrote; ends when nobody has the pipe any more if `to_end`, else after a line. */
static void expect_output(const char *expected, bool to_end)
{
    struct pollfd p = {.fd = pipe_read, .events = POLLIN};
    char got[500] = "";
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && (to_end || !strchr(got, '\n'))) {
        ck_assert_msg(poll(&p, 1, TIMEOUT_MS) == 1, "still open: \"%s\"", got);
        n = read(pipe_read, got + len, sizeof got - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    ck_assert_str_eq(got, expected);
}

static void wait_news(enum fh__virtual_news expected, int *status)
{
    enum fh__virtual_news news;
    siginfo_t info;

    do {
        ck_assert_int_eq(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
        news = fh__virtual_reap(v, NULL, status);
    } while (news == FH__VIRTUAL_NOTHING);
    ck_assert_int_eq(news, expected);
}

START_TEST(only_who_has_the_cookie_comes_in)
{
    struct fh__display d;
    struct stat st;

    ck_assert_int_eq(fh__display_open(&d, v->display, v->cookie, error, sizeof error), 0);
    ck_assert_uint_ge(d.screen->width_in_pixels, 640);
    fh__display_close(&d);
    v->cookie[0] ^= 1;
    ck_assert_int_ne(fh__display_open(&d, v->display, v->cookie, error, sizeof error), 0);
    setenv("XAUTHORITY", v->authority, 1); /* the file is right */
    ck_assert_int_eq(fh__display_open(&d, v->display, NULL, error, sizeof error), 0);
    fh__display_close(&d);
    ck_assert_int_eq(stat(v->authority, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    fh__virtual_stop(v);
    ck_assert_int_ne(stat(getenv("XAUTHORITY"), &st), 0);
}
END_TEST

START_TEST(the_program_has_the_display_and_nothing_else)
{
    struct fh__display d;
    char script[200], fds[64] = "";
    FILE *f;

    /* What any child of this test has: Check keeps files open as well. */
    f = popen("ls /proc/self/fd | wc -l", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(fds, sizeof fds, f));
    pclose(f);
    ck_assert_int_eq(fh__display_open(&d, v->display, v->cookie, error, sizeof error), 0);
    setenv("NOTIFY_SOCKET", "/nowhere", 1);
    snprintf(script, sizeof script,
             "[ $(ls /proc/self/fd | wc -l) -le $((%d + 1)) ] && [ \"$DISPLAY\" ] && "
             "[ -r \"$XAUTHORITY\" ] && echo \"good$NOTIFY_SOCKET\" >&9",
             atoi(fds)); /* one more is the pipe that it answers by */
    run(script);
    expect_output("good\n", true);
    fh__display_close(&d);
    fh__virtual_stop(v);
}
END_TEST

START_TEST(the_programs_end_is_told)
{
    int status = 0;

    run("exit 7");
    wait_news(FH__VIRTUAL_PROGRAM_ENDED, &status);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    fh__virtual_stop(v);
}
END_TEST

START_TEST(the_x_servers_end_is_told)
{
    int status = 0;

    kill(v->server, SIGKILL);
    wait_news(FH__VIRTUAL_SERVER_ENDED, &status);
    ck_assert(WIFSIGNALED(status));
    fh__virtual_stop(v);
}
END_TEST

/* A child in the background, one in a session of its own, one that ignores SIGTERM. */
START_TEST(nothing_that_the_program_started_remains)
{
    run("sleep 1000 & setsid sleep 1000 & (trap '' TERM; sleep 1000) & echo up >&9; wait");
    expect_output("up\n", false);
    fh__virtual_stop(v);
    expect_output("", true);
}
END_TEST

START_TEST(orphans_of_a_program_that_ended_are_ended)
{
    int status = 0;

    run("setsid sh -c 'echo up >&9; exec sleep 1000' & exit 0");
    expect_output("up\n", false);
    wait_news(FH__VIRTUAL_PROGRAM_ENDED, &status);
    fh__virtual_stop(v);
    expect_output("", true);
}
END_TEST

/* A process that is killed takes its X server and program with it. */
START_TEST(being_killed_leaves_nothing)
{
    char dir[] = "/tmp/vncserverd-test-XXXXXX", command[64];
    pid_t child;
    int status;

    fh__virtual_stop(v);
    ck_assert_ptr_nonnull(mkdtemp(dir)); /* who is killed does not tidy up */
    setenv("RUNTIME_DIRECTORY", dir, 1);
    open_pipe(); /* here the X server has it too */
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        char *argv[] = {(char *)"sh", (char *)"-c", (char *)"echo up >&9; exec sleep 1000", NULL};

        if (fh__virtual_start(&v, 640, 480, NULL, error, sizeof error) != 0 ||
            fh__virtual_run(v, argv, error, sizeof error) != 0)
            _exit(1);
        close(pipe_write);
        pause();
        _exit(0);
    }
    close(pipe_write);
    expect_output("up\n", false);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    ck_assert(WIFSIGNALED(status));
    expect_output("", true);
    /* Orphans come to us here: the X server as well, dead. */
    while (waitpid(-1, &status, 0) > 0)
        ck_assert(WIFSIGNALED(status));
    snprintf(command, sizeof command, "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_an_error)
{
    char *argv[] = {(char *)"/nonexistent/program", NULL};

    ck_assert_int_ne(fh__virtual_run(v, argv, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "/nonexistent/program: No such file"));
    fh__virtual_stop(v);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("virtual");
    TCase *tc = tcase_create("virtual");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, only_who_has_the_cookie_comes_in);
    tcase_add_test(tc, the_program_has_the_display_and_nothing_else);
    tcase_add_test(tc, the_programs_end_is_told);
    tcase_add_test(tc, the_x_servers_end_is_told);
    tcase_add_test(tc, nothing_that_the_program_started_remains);
    tcase_add_test(tc, orphans_of_a_program_that_ended_are_ended);
    tcase_add_test(tc, being_killed_leaves_nothing);
    tcase_add_test(tc, a_program_that_is_not_there_is_an_error);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
