/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uv_support.h"

static const char *self; /* this program, to be executed again */

static char dir[64];
static char path[128];

static void setup(void)
{
    loop_setup();
    snprintf(dir, sizeof dir, "/tmp/fh-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/sock", dir);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(dir), 0);
    loop_teardown();
}

/* Connects, sees it accepted, sends a byte across, closes both. */
static void visit(struct door *d, const struct fh_target *to, char *peer, size_t room)
{
    struct owner there = {.appetite = UINT64_MAX}, here = {.appetite = UINT64_MAX};
    struct call c;
    size_t before = d->len;

    call_target(&c, to);
    ck_assert_msg(c.error == 0, "%s", c.text);
    RUN_UNTIL(d->len == before + 1);
    own(&there, d->accepted[before]);
    own(&here, c.s);
    ck_assert_int_eq(fh_stream_write(c.s, (const uint8_t *)"x", 1), 1);
    RUN_UNTIL(there.len == 1);
    fh_stream_peer(there.s, peer, room);
    close_owner(&here);
    close_owner(&there);
}

START_TEST(ipv4_and_ipv6_listen_side_by_side_on_one_port)
{
    const char *addresses[2] = {"[::]:0", NULL};
    char v4[32], peer[FH_ADDRESS_TEXT];
    struct door first, d;
    struct fh_tcp_listen_config cfg;
    struct fh_target to;
    uint16_t port;

    /* A port that was free a moment ago. */
    open_door(&first, "*:0");
    ck_assert_uint_eq(fh_tcp_listener_count(first.l), 2);
    port = door_port(&first, 0);
    ck_assert_uint_eq(door_port(&first, 1), port);
    close_door(&first);
    char v6[32];
    snprintf(v6, sizeof v6, "[::]:%u", port);
    snprintf(v4, sizeof v4, "0.0.0.0:%u", port);
    addresses[0] = v6;
    addresses[1] = v4;
    cfg = door_config(&d, addresses, 2);
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, NULL, 0), 0);
    to = target_ip("127.0.0.1", port);
    visit(&d, &to, peer, sizeof peer);
    ck_assert_int_eq(strncmp(peer, "127.0.0.1:", 10), 0);
    to = target_ip("::1", port);
    visit(&d, &to, peer, sizeof peer);
    ck_assert_int_eq(strncmp(peer, "[::1]:", 6), 0);
    close_door(&d);
}
END_TEST

START_TEST(an_ipv6_socket_serves_ipv6_only)
{
    struct door d;
    struct call c;
    struct fh_target to;

    open_door(&d, "[::]:0");
    to = target_ip("127.0.0.1", door_port(&d, 0));
    call_target(&c, &to);
    ck_assert_int_eq(c.error, FH_TRANSPORT_E_REFUSED);
    close_door(&d);
}
END_TEST

START_TEST(a_unix_socket_knows_who_connects_and_has_its_mode)
{
    const char *address = path;
    char text[160], peer[FH_ADDRESS_TEXT], want[FH_ADDRESS_TEXT];
    struct door d;
    struct fh_tcp_listen_config cfg = door_config(&d, &address, 1);
    struct fh_target to = target_unix(path);
    struct fh_address bound;
    struct stat st;

    snprintf(text, sizeof text, "unix:%s", path);
    address = text;
    cfg.socket_mode = _i ? 0660 : 0;
    umask(022);
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, NULL, 0), 0);
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, _i ? 0660 : 0600);
    fh_tcp_listener_address(d.l, 0, &bound);
    ck_assert_int_eq((int)bound.family, FH_ADDRESS_UNIX);
    visit(&d, &to, peer, sizeof peer);
    snprintf(want, sizeof want, "unix:uid=%u", (unsigned)getuid());
    ck_assert_str_eq(peer, want);
    close_door(&d);
    ck_assert_int_ne(lstat(path, &st), 0);
}
END_TEST

/* A socket file bound by somebody: listening or left behind. Returns the descriptor. */
static int bind_by_hand(bool listening)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(un.sun_path, path, strlen(path) + 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    if (listening)
        ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

START_TEST(a_socket_left_behind_is_replaced)
{
    char text[160], peer[FH_ADDRESS_TEXT];
    struct fh_target to = target_unix(path);
    struct door d;

    close(bind_by_hand(true));
    snprintf(text, sizeof text, "unix:%s", path);
    open_door(&d, text);
    visit(&d, &to, peer, sizeof peer);
    close_door(&d);
}
END_TEST

START_TEST(a_socket_that_answers_or_a_file_is_left_alone)
{
    char text[160], why[FH_TCP_WHY], want[FH_TCP_WHY];
    const char *address = text;
    struct door d;
    struct fh_tcp_listen_config cfg = door_config(&d, &address, 1);
    struct stat before, after;
    int fd = _i ? open(path, O_CREAT | O_WRONLY, 0600) : bind_by_hand(true);

    snprintf(text, sizeof text, "unix:%s", path);
    ck_assert_int_eq(lstat(path, &before), 0);
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, why, sizeof why), FH_TRANSPORT_E_IN_USE);
    snprintf(want, sizeof want, "%s: address already in use", text);
    ck_assert_str_eq(why, want);
    ck_assert_int_eq(lstat(path, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    close(fd);
}
END_TEST

START_TEST(a_path_taken_over_by_another_is_not_removed_at_close)
{
    char text[160];
    struct door d;
    struct stat st;
    int fd;

    snprintf(text, sizeof text, "unix:%s", path);
    open_door(&d, text);
    ck_assert_int_eq(unlink(path), 0);
    fd = bind_by_hand(true);
    close_door(&d);
    ck_assert_int_eq(lstat(path, &st), 0);
    close(fd);
}
END_TEST

START_TEST(all_addresses_or_none)
{
    char taken[64], why[FH_TCP_WHY], text[160];
    const char *addresses[3] = {text, "127.0.0.1:0", taken};
    struct door other, d;
    struct fh_tcp_listen_config cfg = door_config(&d, addresses, 3);
    struct stat st;

    open_door(&other, "127.0.0.1:0");
    snprintf(taken, sizeof taken, "127.0.0.1:%u", door_port(&other, 0));
    snprintf(text, sizeof text, "unix:%s", path);
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, why, sizeof why), FH_TRANSPORT_E_IN_USE);
    ck_assert_int_eq(strncmp(why, taken, strlen(taken)), 0);
    ck_assert_int_ne(lstat(path, &st), 0);
    close_door(&other);
}
END_TEST

START_TEST(a_wrong_address_or_configuration_is_told_in_words)
{
    const char *address = "localhost:5900";
    char why[FH_TCP_WHY], cut[12];
    struct door d;
    struct fh_tcp_listen_config cfg = door_config(&d, &address, 1);

    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, why, sizeof why), FH_TRANSPORT_E_ADDRESS);
    ck_assert_int_eq(strncmp(why, "expected an IPv4 address", 24), 0);
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, cut, sizeof cut), FH_TRANSPORT_E_ADDRESS);
    ck_assert_str_eq(cut, "expected an");
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, NULL, 0), FH_TRANSPORT_E_ADDRESS);
    cfg.addresses_len = 0;
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, why, sizeof why), FH_TRANSPORT_E_INVAL);
}
END_TEST

START_TEST(a_paused_listener_keeps_callers_waiting)
{
    struct door d;
    struct call c;
    struct fh_target to;

    open_door(&d, "127.0.0.1:0");
    fh_tcp_listener_pause(d.l);
    fh_tcp_listener_pause(d.l);
    to = target_ip("127.0.0.1", door_port(&d, 0));
    call_target(&c, &to);
    ck_assert_int_eq(c.error, 0);
    run_rounds(20);
    ck_assert_uint_eq(d.len, 0);
    fh_tcp_listener_resume(d.l);
    RUN_UNTIL(d.len == 1);
    fh_stream_close(c.s, NULL, NULL);
    fh_stream_close(d.accepted[0], NULL, NULL);
    close_door(&d);
}
END_TEST

static void close_in_accept(void *user, struct fh_stream *s)
{
    struct door *d = user;

    d->len++;
    fh_stream_close(s, NULL, NULL);
    fh_tcp_listener_close(d->l, door_closed, d);
    fh_tcp_listener_close(d->l, door_closed, d);
}

START_TEST(a_listener_is_closed_from_inside_accept)
{
    const char *address = "127.0.0.1:0";
    struct door d;
    struct call c[2];
    struct fh_tcp_listen_config cfg = door_config(&d, &address, 1);
    struct fh_tcp_connect_config call_cfg[2];
    struct fh_target to;

    cfg.accept = close_in_accept;
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, NULL, 0), 0);
    to = target_ip("127.0.0.1", door_port(&d, 0));
    for (int i = 0; i < 2; i++) {
        call_cfg[i] = call_config(&c[i]);
        ck_assert_int_eq(fh_tcp_connect(&loop, &to, &call_cfg[i], NULL), 0);
    }
    RUN_UNTIL(d.closed && c[0].done && c[1].done);
    ck_assert(d.len == 1 && d.closed == 1);
    for (int i = 0; i < 2; i++)
        if (c[i].s)
            fh_stream_close(c[i].s, NULL, NULL);
}
END_TEST

struct taken {
    int fd;
    struct fh_address peer;
};

static void take_fd(void *user, int fd, const struct fh_address *peer)
{
    struct taken *t = user;

    t->fd = fd;
    t->peer = *peer;
}

/* Row 0 is TCP, row 1 a unix socket. The descriptor is a copy, as another process would have it. */
START_TEST(an_accepted_socket_becomes_a_stream_elsewhere)
{
    char unix_text[160], here[FH_ADDRESS_TEXT], there[FH_ADDRESS_TEXT];
    const char *address = _i ? unix_text : "127.0.0.1:0";
    struct door d;
    struct fh_tcp_listen_config cfg = door_config(&d, &address, 1);
    struct taken t = {.fd = -1};
    struct owner caller = {.appetite = UINT64_MAX}, taker = {.appetite = UINT64_MAX};
    struct fh_stream *s;
    struct fh_target to;
    struct call c;
    int copy;

    snprintf(unix_text, sizeof unix_text, "unix:%s", path);
    cfg.accept_fd = take_fd;
    cfg.user = &t;
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, NULL, 0), FH_TRANSPORT_E_INVAL);
    cfg.accept = NULL;
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, NULL, 0), 0);
    to = _i ? target_unix(path) : target_ip("127.0.0.1", door_port(&d, 0));
    call_target(&c, &to);
    RUN_UNTIL(t.fd >= 0);
    ck_assert_int_eq(fcntl(t.fd, F_GETFD), FD_CLOEXEC);
    copy = dup(t.fd);
    close(t.fd);
    ck_assert_int_eq(fh_tcp_open(&loop, copy, &t.peer, NULL, &s), 0);
    ck_assert_int_eq(fcntl(copy, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fh_stream_kind(s), _i ? FH_STREAM_UNIX : FH_STREAM_TCP);
    own(&taker, s);
    own(&caller, c.s);
    ck_assert_int_eq(fh_stream_write(c.s, (const uint8_t *)"x", 1), 1);
    RUN_UNTIL(taker.len == 1);
    ck_assert_int_eq(fh_stream_write(s, (const uint8_t *)"yz", 2), 2);
    RUN_UNTIL(caller.len == 2);
    fh_stream_peer(s, there, sizeof there);
    fh_address_print(&t.peer, here, sizeof here);
    ck_assert_str_eq(there, here);
    close_owner(&caller);
    RUN_UNTIL(taker.ends == 1);
    close_owner(&taker);
    d.closed = 0;
    fh_tcp_listener_close(d.l, door_closed, &d);
    RUN_UNTIL(d.closed);
    t.peer.family = FH_ADDRESS_NONE;
    copy = dup(0);
    ck_assert_int_eq(fh_tcp_open(&loop, copy, &t.peer, NULL, &s), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fcntl(copy, F_GETFD), -1);
}
END_TEST

START_TEST(a_full_descriptor_table_neither_spins_nor_kills_the_listener)
{
    const char *address = "127.0.0.1:0";
    struct sockaddr_in sa = {.sin_family = AF_INET};
    struct door d;
    struct fh_tcp_listen_config cfg = door_config(&d, &address, 1);
    struct rlimit was, low;
    int caller[2], filler[64], n = 0, rounds = 0;

    cfg.retry_ms = 50;
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, NULL, 0), 0);
    sa.sin_port = htons(door_port(&d, 0));
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    for (int i = 0; i < 2; i++) {
        caller[i] = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(caller[i], (struct sockaddr *)&sa, sizeof sa), 0);
    }
    low = was;
    low.rlim_cur = (rlim_t)caller[1] + 8;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (n < 64 && (filler[n] = dup(0)) >= 0)
        n++;
    RUN_UNTIL(d.troubles);
    ck_assert_int_eq(d.trouble, FH_TRANSPORT_E_RESOURCES);
    ck_assert_uint_eq(d.len, 0);
    /* Each round sleeps until the retry: a loop that spins makes thousands in that time. */
    for (uint64_t until = uv_now(&loop) + 4 * cfg.retry_ms; uv_now(&loop) < until; rounds++)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_int_le(rounds, 20);
    ck_assert_uint_eq(d.troubles, 1);
    while (n > 0)
        close(filler[--n]);
    RUN_UNTIL(d.len == 2);
    setrlimit(RLIMIT_NOFILE, &was);
    for (int i = 0; i < 2; i++) {
        close(caller[i]);
        fh_stream_close(d.accepted[i], NULL, NULL);
    }
    close_door(&d);
}
END_TEST

/* The two sockets of systemd's part, at descriptors 3 and 4: 127.0.0.1 and a unix socket. */
static void become_activated(const char *mode)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    int tcp = socket(AF_INET, SOCK_STREAM, 0), un = bind_by_hand(true);
    char pid[32];

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (tcp < 0 || bind(tcp, (struct sockaddr *)&sa, sizeof sa) != 0 ||
        (strcmp(mode, "deaf") != 0 && listen(tcp, 8) != 0))
        _exit(90);
    tcp = fcntl(tcp, F_DUPFD, 20);
    un = fcntl(un, F_DUPFD, 20);
    dup2(tcp, 3);
    dup2(un, 4);
    snprintf(pid, sizeof pid, "%ld", (long)getpid() + (strcmp(mode, "other-pid") == 0));
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "net:local", 1);
    execl(self, self, "activated", mode, path, (char *)NULL);
    _exit(91);
}

/* What to listen on, and what it comes to. */
static const struct activation {
    const char *mode, *address, *second;
    int ret;
    size_t sockets;
} activations[] = {
    {"all", "systemd", NULL, 0, 2},
    {"named", "systemd:local", NULL, 0, 1},
    {"both", "systemd:local", "systemd:net", 0, 2},
    {"twice", "systemd:local", "systemd:local", FH_TRANSPORT_E_SYSTEM, 0},
    {"unknown", "systemd:nobody", NULL, FH_TRANSPORT_E_SYSTEM, 0},
    {"other-pid", "systemd", NULL, FH_TRANSPORT_E_SYSTEM, 0},
    {"deaf", "systemd:net", NULL, FH_TRANSPORT_E_SYSTEM, 0},
};

/* Runs in the program that was executed; its exit code is 0 when all was as it should be. */
static int activated(const char *mode, const char *socket_path)
{
    const struct activation *v = activations;
    const char *addresses[2];
    char peer[FH_ADDRESS_TEXT];
    struct fh_target to;
    struct door d;
    struct fh_tcp_listen_config cfg;

    while (strcmp(v->mode, mode) != 0)
        v++;
    addresses[0] = v->address;
    addresses[1] = v->second;
    loop_setup();
    cfg = door_config(&d, addresses, v->second ? 2 : 1);
    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &d.l, NULL, 0), v->ret);
    if (v->ret == 0) {
        ck_assert_uint_eq(fh_tcp_listener_count(d.l), v->sockets);
        ck_assert_int_eq(fcntl(4, F_GETFD), FD_CLOEXEC);
        ck_assert_ptr_null(getenv("LISTEN_FDS"));
        ck_assert_ptr_null(getenv("LISTEN_PID"));
        ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
        to = target_unix(socket_path);
        visit(&d, &to, peer, sizeof peer);
        if (v->sockets == 2) {
            to = target_ip("127.0.0.1", door_port(&d, strcmp(mode, "both") == 0));
            visit(&d, &to, peer, sizeof peer);
        }
        close_door(&d);
        /* The path is systemd's. */
        ck_assert_int_eq(access(socket_path, F_OK), 0);
    } else {
        /* What is not ours stays open. */
        ck_assert_int_ne(fcntl(3, F_GETFD), -1);
        ck_assert_int_ne(fcntl(4, F_GETFD), -1);
    }
    loop_teardown();
    return 0;
}

START_TEST(sockets_passed_by_systemd_are_taken)
{
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0)
        become_activated(activations[_i].mode);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}
END_TEST

/* Check's assertions need a runner: the executed program has one with this test alone. */
static char *const *arguments;

START_TEST(activated_child)
{
    ck_assert_int_eq(activated(arguments[2], arguments[3]), 0);
}
END_TEST

static int run(Suite *s, bool forks)
{
    SRunner *sr = srunner_create(s);
    int failed;

    if (!forks)
        srunner_set_fork_status(sr, CK_NOFORK);
    srunner_run_all(sr, forks ? CK_ENV : CK_SILENT);
    failed = srunner_ntests_failed(sr);
    if (!forks && failed)
        srunner_print(sr, CK_NORMAL);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    Suite *s = suite_create("tcp_listen");
    TCase *tc = tcase_create("tcp_listen");

    suite_add_tcase(s, tc);
    if (argc == 4 && strcmp(argv[1], "activated") == 0) {
        arguments = argv;
        tcase_add_test(tc, activated_child);
        return run(s, false);
    }
    self = argv[0];
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, ipv4_and_ipv6_listen_side_by_side_on_one_port);
    tcase_add_test(tc, an_ipv6_socket_serves_ipv6_only);
    tcase_add_loop_test(tc, a_unix_socket_knows_who_connects_and_has_its_mode, 0, 2);
    tcase_add_test(tc, a_socket_left_behind_is_replaced);
    tcase_add_loop_test(tc, a_socket_that_answers_or_a_file_is_left_alone, 0, 2);
    tcase_add_test(tc, a_path_taken_over_by_another_is_not_removed_at_close);
    tcase_add_test(tc, all_addresses_or_none);
    tcase_add_test(tc, a_wrong_address_or_configuration_is_told_in_words);
    tcase_add_test(tc, a_paused_listener_keeps_callers_waiting);
    tcase_add_test(tc, a_listener_is_closed_from_inside_accept);
    tcase_add_loop_test(tc, an_accepted_socket_becomes_a_stream_elsewhere, 0, 2);
    tcase_add_test(tc, a_full_descriptor_table_neither_spins_nor_kills_the_listener);
    tcase_add_loop_test(tc, sockets_passed_by_systemd_are_taken, 0,
                        sizeof activations / sizeof *activations);
    return run(s, true);
}
