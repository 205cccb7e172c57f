/* SPDX-License-Identifier: MIT */
/* test_seat.c -- whose turn it is at a computer, as files and a logind of our own say it. */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seat.h"

static char root[] = "/tmp/farhand-seat-XXXXXX";

/* ---- a computer ---- */

static void path_of(char out[300], const char *name)
{
    snprintf(out, 300, "%s%s", root, name);
}

static void make_directories(const char *name)
{
    char path[300];

    path_of(path, name);
    for (char *p = path + sizeof root; *p; p++)
        if (*p == '/') {
            *p = '\0';
            ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
            *p = '/';
        }
}

static void put(const char *name, const char *data, size_t len)
{
    char path[300];
    FILE *f;

    make_directories(name);
    path_of(path, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, len, f), len);
    fclose(f);
}

/* One that nobody listens on any more, unless it listens. */
static void put_socket(int number, bool listens)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    make_directories("/tmp/.X11-unix/");
    snprintf(a.sun_path, sizeof a.sun_path, "%s/tmp/.X11-unix/X%d", root, number);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (listens)
        ck_assert_int_eq(listen(fd, 8), 0); /* until the test ends */
    else
        close(fd);
}

/* What the server of these tests, which is the test, was started with. */
static void put_cmdline(const char *text, size_t len)
{
    char name[60];

    snprintf(name, sizeof name, "/proc/%ld/cmdline", (long)getpid());
    put(name, text, len);
}

static void put_server(int number, const char *auth)
{
    char text[300];
    int len = snprintf(text, sizeof text, "/usr/lib/xorg/Xorg%c:%d%c-auth%c%s%cvt2", 0, number, 0,
                       0, auth, 0);

    put_socket(number, true);
    put_cmdline(text, (size_t)len + 1);
}

static void begin(void)
{
    strcpy(root + sizeof root - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void end(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -rf %s", root);
    ck_assert_int_eq(system(command), 0);
}

/* ---- a logind ---- */

static struct {
    int error; /* of the seat: there is no logind, or nobody */
    const char *session, *type, *display;
    uid_t uid;
    unsigned asked;
} logind;

static int seat_get_active(const char *seat, char **session, uid_t *uid)
{
    logind.asked++;
    ck_assert_str_eq(seat, "seat0");
    if (logind.error)
        return logind.error;
    *session = strdup(logind.session);
    *uid = logind.uid;
    return 0;
}

static int get_sessions(char ***sessions)
{
    if (logind.error)
        return logind.error;
    *sessions = calloc(3, sizeof **sessions);
    (*sessions)[0] = strdup("other");
    (*sessions)[1] = strdup(logind.session);
    return 2;
}

static int get_text(const char *session, const char *value, char **out)
{
    if (strcmp(session, logind.session) != 0 || !value)
        return -ENODATA;
    *out = strdup(value);
    return 0;
}

static int session_get_type(const char *session, char **type)
{
    return get_text(session, logind.type, type);
}

static int session_get_display(const char *session, char **display)
{
    return get_text(session, logind.display, display);
}

static int session_get_uid(const char *session, uid_t *uid)
{
    ck_assert_str_eq(session, logind.session);
    *uid = logind.uid;
    return 0;
}

static const struct fh__seat_login fake = {seat_get_active, get_sessions, session_get_type,
                                           session_get_display, session_get_uid};

static struct fh__seat seat;
static char why[200];

static int find(void)
{
    why[0] = '\0';
    return fh__seat_find(&fake, root, &seat, why, sizeof why);
}

static void ends_with(const char *text, const char *tail)
{
    size_t len = strlen(text), n = strlen(tail);

    ck_assert_msg(len >= n && strcmp(text + len - n, tail) == 0, "%s, not %s", text, tail);
}

/* ---- with logind ---- */

START_TEST(the_session_in_front_is_shared)
{
    memset(&logind, 0, sizeof logind);
    logind.session = "c2";
    logind.type = "x11";
    logind.display = ":7";
    logind.uid = geteuid();
    put_server(0, "/nowhere");
    ck_assert_int_eq(find(), 0);
    ck_assert_str_eq(seat.display, ":7");
    ck_assert_str_eq(seat.session, "c2");
    ck_assert(seat.has_user);
    ck_assert_uint_eq(seat.uid, geteuid());
}
END_TEST

START_TEST(where_logind_does_not_know_the_display_it_is_the_one_that_lives)
{
    memset(&logind, 0, sizeof logind);
    logind.session = "c2";
    logind.type = "x11";
    put_socket(0, false);
    put_server(1, "/nowhere");
    ck_assert_int_eq(find(), 0);
    ck_assert_str_eq(seat.display, ":1");
    ck_assert_str_eq(seat.session, "c2");
}
END_TEST

static const struct {
    int error;
    const char *type, *display, *says;
} without[] = {
    {-ENODATA, NULL, NULL, "nobody's session"},
    {0, "wayland", NULL, "Wayland"},
    {0, "tty", NULL, "not graphical"},
    {0, NULL, NULL, "does not say"},
    {0, "x11", NULL, "no X server yet"},
    {0, "x11", "elsewhere:0", "no X server yet"}, /* of another computer */
    {-ENXIO, NULL, NULL, "no X server of root"},
};

START_TEST(why_there_is_none_is_said)
{
    memset(&logind, 0, sizeof logind);
    logind.session = "c2";
    logind.error = without[_i].error;
    logind.type = without[_i].type;
    logind.display = without[_i].display;
    ck_assert_int_ne(find(), 0);
    ck_assert_msg(strstr(why, without[_i].says) != NULL, "%s", why);
    ck_assert_str_eq(seat.display, "");
    ck_assert(!seat.has_user);
}
END_TEST

/* Log out and in: each time it is asked anew and told apart. */
START_TEST(another_session_is_another_seat)
{
    struct fh__seat before;

    memset(&logind, 0, sizeof logind);
    logind.session = "c1";
    logind.type = "x11";
    logind.display = ":0";
    ck_assert_int_eq(find(), 0);
    before = seat;
    ck_assert_int_eq(find(), 0);
    ck_assert(fh__seat_is_same(&before, &seat));
    logind.error = -ENODATA;
    ck_assert_int_ne(find(), 0);
    ck_assert(!fh__seat_is_same(&before, &seat));
    logind.error = 0;
    logind.session = "7";
    ck_assert_int_eq(find(), 0);
    ck_assert(!fh__seat_is_same(&before, &seat));
    logind.session = "c1";
    logind.uid = 65534;
    ck_assert_int_eq(find(), 0);
    ck_assert(!fh__seat_is_same(&before, &seat));
}
END_TEST

START_TEST(a_display_that_was_named_is_looked_up)
{
    memset(&logind, 0, sizeof logind);
    logind.session = "c2";
    logind.display = ":7";
    logind.uid = 65534;
    fh__seat_of_display(&fake, root, ":7.0", NULL, &seat);
    ck_assert_str_eq(seat.session, "c2");
    ck_assert_uint_eq(seat.uid, 65534);
    fh__seat_of_display(&fake, root, ":8", "/tmp", &seat);
    ck_assert_str_eq(seat.session, "");
    ck_assert_str_eq(seat.display, ":8");
    ck_assert_str_eq(seat.xauthority, "/tmp");
    ck_assert(seat.has_user); /* whose cookie it is */
    put_socket(9, true);
    fh__seat_of_display(&fake, root, ":9", NULL, &seat);
    ck_assert(seat.has_user);
    ck_assert_uint_eq(seat.uid, geteuid()); /* who listens there */
    fh__seat_of_display(&fake, root, "there:1", NULL, &seat);
    ck_assert(!seat.has_user);
}
END_TEST

/* ---- without ---- */

static void without_logind(void)
{
    memset(&logind, 0, sizeof logind);
    logind.error = -ENXIO;
    logind.session = "";
}

START_TEST(without_logind_the_lowest_that_lives_is_shared)
{
    without_logind();
    put_socket(3, false);
    put_server(12, "/nowhere");
    put_server(5, "/nowhere");
    put("/tmp/.X11-unix/X4", "", 0); /* no socket */
    put("/tmp/.X11-unix/Xfoo", "", 0);
    put("/tmp/.X11-unix/X-1", "", 0);
    ck_assert_int_eq(find(), 0);
    ck_assert_str_eq(seat.display, ":5");
    ck_assert_str_eq(seat.session, "");
    ck_assert(seat.has_user);
    ck_assert_uint_eq(seat.uid, geteuid());
}
END_TEST

/* Anybody can put a socket there: of what is not root's or our own nothing is believed. */
START_TEST(an_x_server_of_somebody_else_is_not_shared)
{
    int ready[2], status;
    pid_t other;
    char byte;

    without_logind();
    if (geteuid() != 0)
        return;
    make_directories("/tmp/.X11-unix/");
    chmod(root, 0777);
    ck_assert_int_eq(pipe(ready), 0);
    other = fork();
    if (other == 0) {
        char folder[300];

        path_of(folder, "/tmp/.X11-unix");
        chmod(folder, 0777);
        if (setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        put_socket(0, true);
        (void)!write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_ne(find(), 0);
    put_server(1, "/nowhere");
    ck_assert_int_eq(find(), 0);
    ck_assert_str_eq(seat.display, ":1");
    kill(other, SIGKILL);
    waitpid(other, &status, 0);
    close(ready[0]);
    close(ready[1]);
}
END_TEST

/* ---- cookies ---- */

START_TEST(the_users_own_cookie_is_taken_and_else_the_servers)
{
    char name[100];

    without_logind();
    put_server(0, "/var/run/lightdm/root/:0");
    ck_assert_int_eq(find(), 0);
    ck_assert_str_eq(seat.xauthority, "");
    put("/var/run/lightdm/root/:0", "x", 1);
    ck_assert_int_eq(find(), 0);
    ends_with(seat.xauthority, "/var/run/lightdm/root/:0");
    snprintf(name, sizeof name, "/run/user/%lu/xauth_AbCdEf", (unsigned long)geteuid());
    put(name, "x", 1);
    ck_assert_int_eq(find(), 0);
    ends_with(seat.xauthority, "/xauth_AbCdEf");
    snprintf(name, sizeof name, "/run/user/%lu/gdm/Xauthority", (unsigned long)geteuid());
    put(name, "x", 1);
    ck_assert_int_eq(find(), 0);
    ends_with(seat.xauthority, "/gdm/Xauthority");
}
END_TEST

START_TEST(what_an_x_server_was_started_with_is_read_with_care)
{
    without_logind();
    put_server(0, "relative");
    ck_assert_int_eq(find(), 0);
    ck_assert_str_eq(seat.xauthority, "");
    put_cmdline("Xorg\0-auth", 11); /* nothing follows */
    ck_assert_int_eq(find(), 0);
    ck_assert_str_eq(seat.xauthority, "");
    put_cmdline("Xorg\0-auth\0/x", 12); /* cut */
    ck_assert_int_eq(find(), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("seat");
    TCase *tc = tcase_create("seat");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, the_session_in_front_is_shared);
    tcase_add_test(tc, where_logind_does_not_know_the_display_it_is_the_one_that_lives);
    tcase_add_loop_test(tc, why_there_is_none_is_said, 0, sizeof without / sizeof *without);
    tcase_add_test(tc, another_session_is_another_seat);
    tcase_add_test(tc, a_display_that_was_named_is_looked_up);
    tcase_add_test(tc, without_logind_the_lowest_that_lives_is_shared);
    tcase_add_test(tc, an_x_server_of_somebody_else_is_not_shared);
    tcase_add_test(tc, the_users_own_cookie_is_taken_and_else_the_servers);
    tcase_add_test(tc, what_an_x_server_was_started_with_is_read_with_care);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
