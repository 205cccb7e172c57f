/* SPDX-License-Identifier: MIT */
/* Destinations of the audit: files over rotation, restart and trouble; sockets; programs. */
#define _DEFAULT_SOURCE
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <farhand/audit_chain.h>
#include <farhand/audit_log.h>

static char folder[64], path[128];
static uv_loop_t loop;
static struct fh_audit_log *audit;
static char troubles[1024];
static bool is_closed;

static void on_trouble(void *user, const char *where, const char *error)
{
    size_t n = strlen(troubles);

    (void)user;
    snprintf(troubles + n, sizeof troubles - n, "%s: %s\n", where, error ? error : "works");
}

static void open_log(unsigned limit)
{
    const struct fh_audit_log_config cfg = {
        .loop = &loop, .name = "test", .lines_per_minute = limit, .trouble = on_trouble};

    ck_assert_int_eq(fh_audit_log_new(&cfg, &audit), 0);
}

static void on_closed(void *user)
{
    (void)user;
    is_closed = true;
}

static void close_log(void)
{
    is_closed = false;
    fh_audit_log_close(audit, on_closed, NULL);
    audit = NULL;
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(is_closed);
}

static void set_up(void)
{
    strcpy(folder, "/tmp/farhand-audit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    troubles[0] = '\0';
    open_log(0);
}

static void tear_down(void)
{
    char command[160];

    if (audit)
        close_log();
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void add(const char *before, const char *what)
{
    char target[512], why[512];

    snprintf(target, sizeof target, "%s%s", before, what);
    ck_assert_msg(fh_audit_log_add(audit, target, why, sizeof why) == 0, "%s", why);
}

/* In a child, which must not speak to the test's runner. */
static void write_as_child(const char *target, unsigned lines)
{
    const struct fh_audit_event ev = {.type = FH_AUDIT_STARTED, .user = "ann", .session = "00"};
    char why[512];

    uv_loop_fork(&loop);
    if (fh_audit_log_add(audit, target, why, sizeof why) != 0)
        _exit(1);
    while (lines-- > 0)
        fh_audit_log_write(audit, &ev);
    _exit(0);
}

static void record(enum fh_audit_type type, const char *user)
{
    const struct fh_audit_event ev = {
        .type = type, .user = user, .peer = "192.0.2.1:5", .session = "00"};

    fh_audit_log_write(audit, &ev);
}

static char *read_file(const char *name)
{
    static char text[1 << 20];
    FILE *f = fopen(name, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    return text;
}

/* The whole log, PATH.N to PATH, verified; how many lines. */
static unsigned verify(unsigned files)
{
    struct fh_audit_verifier v = {0};
    char name[160];

    for (unsigned i = files; i-- > 0;) {
        char *line, *rest;

        if (i == 0)
            snprintf(name, sizeof name, "%s", path);
        else
            snprintf(name, sizeof name, "%s.%u", path, i);
        fh_audit_verify_file(&v);
        for (rest = read_file(name); *rest; rest = line) {
            enum fh_audit_fault fault;

            line = strchr(rest, '\n');
            line = line ? line + 1 : rest + strlen(rest);
            fault = fh_audit_verify_line(&v, rest, (size_t)(line - rest));
            ck_assert_msg(fault == FH_AUDIT_FAULT_NONE, "%s: %s: %.*s", name,
                          fh_audit_fault_word(fault), (int)(line - rest), rest);
        }
    }
    return (unsigned)v.lines;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        n++;
    return n;
}

/* ---- files ---- */

START_TEST(a_file_is_private_and_goes_on_after_a_restart)
{
    struct stat st;

    add("", path);
    record(FH_AUDIT_STARTED, "one");
    record(FH_AUDIT_ENDED, "one");
    close_log();
    open_log(0);
    add("", path);
    record(FH_AUDIT_STARTED, "two");
    ck_assert_uint_eq(verify(1), 3);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(each_destination_has_its_level)
{
    char other[160];

    snprintf(other, sizeof other, "%s/other", folder);
    add("", path);
    add("level=warning ", other);
    record(FH_AUDIT_CONNECTED, "a");
    record(FH_AUDIT_AUTH_FAILED, "b");
    ck_assert_uint_eq(count(read_file(path), "\n"), 2);
    ck_assert_uint_eq(count(read_file(other), "\n"), 1);
    ck_assert_ptr_nonnull(strstr(read_file(other), "auth-failed"));
}
END_TEST

static int write_line(enum fh_audit_level level, const char *line)
{
    return fh_audit_log_write_line(audit, level, "192.0.2.1:5", line, strlen(line));
}

START_TEST(a_line_of_the_application_is_one_of_the_chain)
{
    static const char *const wrong[] = {"", "\n", "{}", "{\n}\n", "[]\n", "{}\n{}\n"};
    char other[160], longest[FH_AUDIT_LINE_MAX];

    snprintf(other, sizeof other, "%s/other", folder);
    add("", path);
    add("level=warning ", other);
    record(FH_AUDIT_STARTED, "ann");
    ck_assert_int_eq(write_line(FH_AUDIT_NOTICE, "{\"event\":\"key.created\"}\n"), 0);
    ck_assert_int_eq(write_line(FH_AUDIT_WARNING, "{\"event\":\"refused\"}\n"), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(write_line(FH_AUDIT_NOTICE, wrong[i]), FH_SESSION_E_INVAL);
    memset(longest, 'a', sizeof longest);
    longest[0] = '{';
    strcpy(longest + FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX - 2, "}\n");
    ck_assert_int_eq(write_line(FH_AUDIT_NOTICE, longest), 0);
    strcpy(longest + FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX - 1, "}\n");
    longest[FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX - 2] = 'a';
    ck_assert_int_eq(write_line(FH_AUDIT_NOTICE, longest), FH_SESSION_E_INVAL);
    ck_assert_uint_eq(verify(1), 4);
    ck_assert_uint_eq(count(read_file(other), "\n"), 1);
    ck_assert_ptr_nonnull(strstr(read_file(other), "refused"));
}
END_TEST

START_TEST(rotation_keeps_the_chain_and_the_number_of_files)
{
    char name[160];

    add("size=16k keep=3 ", path);
    for (int i = 0; i < 400; i++)
        record(FH_AUDIT_STARTED, "ann");
    ck_assert_uint_gt(verify(4), 100);
    snprintf(name, sizeof name, "%s.4", path);
    ck_assert_int_ne(access(name, F_OK), 0);
    for (unsigned i = 0; i < 4; i++) {
        struct stat st;

        snprintf(name, sizeof name, i ? "%s.%u" : "%s", path, i);
        ck_assert_int_eq(stat(name, &st), 0);
        ck_assert_int_le(st.st_size, 16384);
    }
    close_log();
    open_log(0);
    add("size=16k keep=3 ", path);
    record(FH_AUDIT_STARTED, "bea");
    verify(4);
}
END_TEST

START_TEST(a_file_that_another_program_moved_is_followed)
{
    char name[160];

    snprintf(name, sizeof name, "%s.1", path);
    add("", path);
    record(FH_AUDIT_STARTED, "ann");
    ck_assert_int_eq(rename(path, name), 0);
    record(FH_AUDIT_ENDED, "ann"); /* without a word */
    ck_assert_uint_eq(count(read_file(path), "\n"), 1);
    ck_assert_int_eq(unlink(path), 0);
    fh_audit_log_reopen(audit);
    record(FH_AUDIT_STARTED, "bea");
    ck_assert_uint_eq(count(read_file(path), "\n"), 1);
    ck_assert_ptr_nonnull(strstr(read_file(path), "\"seq\":3,"));
}
END_TEST

START_TEST(what_a_dead_writer_left_is_taken_off_and_told)
{
    FILE *f;

    add("", path);
    record(FH_AUDIT_STARTED, "ann");
    close_log();
    f = fopen(path, "a");
    fputs("{\"time\":\"2026", f);
    fclose(f);
    open_log(0);
    add("", path);
    record(FH_AUDIT_ENDED, "ann");
    ck_assert_uint_eq(verify(1), 3);
    ck_assert_ptr_nonnull(
        strstr(read_file(path), "\"event\":\"log-recovered\",\"reason\":\"torn-line\""));
    ck_assert_ptr_nonnull(strstr(read_file(path), "13 bytes"));
}
END_TEST

START_TEST(a_first_line_that_is_torn_leaves_a_log)
{
    FILE *f = fopen(path, "w");

    fputs("{\"ti", f);
    fclose(f);
    chmod(path, 0600);
    add("", path);
    record(FH_AUDIT_STARTED, "ann");
    ck_assert_uint_eq(verify(1), 2);
}
END_TEST

START_TEST(a_file_that_is_no_log_is_kept_aside)
{
    char name[160];
    FILE *f = fopen(path, "w");

    fputs("something else\n", f);
    fclose(f);
    chmod(path, 0600);
    snprintf(name, sizeof name, "%s.1", path);
    add("", path);
    record(FH_AUDIT_STARTED, "ann");
    ck_assert_uint_eq(verify(1), 2);
    ck_assert_ptr_nonnull(strstr(read_file(path), "\"reason\":\"unreadable\""));
    ck_assert_str_eq(read_file(name), "something else\n");
}
END_TEST

/* Who cuts the log under the eyes of its writer leaves a gap in the numbers. */
START_TEST(a_tail_that_is_cut_while_it_runs_is_missed)
{
    struct fh_audit_verifier v = {0};
    char *text, *second;
    struct stat st;

    add("", path);
    record(FH_AUDIT_STARTED, "one");
    ck_assert_int_eq(stat(path, &st), 0);
    record(FH_AUDIT_STARTED, "two");
    ck_assert_int_eq(truncate(path, st.st_size), 0);
    record(FH_AUDIT_STARTED, "three");
    text = read_file(path);
    second = strchr(text, '\n') + 1;
    fh_audit_verify_file(&v);
    ck_assert_int_eq(fh_audit_verify_line(&v, text, (size_t)(second - text)), FH_AUDIT_FAULT_NONE);
    ck_assert_int_eq(fh_audit_verify_line(&v, second, strlen(second)), FH_AUDIT_FAULT_REMOVED);
    ck_assert_uint_eq(v.missing, 2);
}
END_TEST

START_TEST(several_processes_write_one_log)
{
    enum { WRITERS = 4, EACH = 200 };
    unsigned files = 1;
    char name[160];

    for (int i = 0; i < WRITERS; i++) {
        if (fork() != 0)
            continue;
        snprintf(name, sizeof name, "size=64k keep=100 %s", path);
        write_as_child(name, EACH);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    do
        snprintf(name, sizeof name, "%s.%u", path, files);
    while (access(name, F_OK) == 0 && ++files);
    ck_assert_uint_gt(files, 2);
    ck_assert_uint_eq(verify(files), WRITERS * EACH);
}
END_TEST

/* Processes that write without end are killed at any moment: what they leave can be gone on with.
 */
START_TEST(writers_that_are_killed_leave_a_log_that_verifies)
{
    for (int round = 0; round < 20; round++) {
        pid_t pid = fork();

        if (pid == 0)
            write_as_child(path, UINT_MAX);
        for (int i = 0; i < 1000000 && count(read_file(path), "\n") < 20u * (unsigned)(round + 1);
             i++)
            ;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    add("", path);
    record(FH_AUDIT_ENDED, "ann");
    ck_assert_uint_gt(verify(1), 400);
}
END_TEST

/* As a full disk: the limit of the file's size refuses the end of a line. */
START_TEST(a_full_disk_fails_loses_and_tells)
{
    struct rlimit limit, old;
    struct stat st;
    bool failed;

    signal(SIGXFSZ, SIG_IGN);
    add("", path);
    record(FH_AUDIT_STARTED, "one");
    ck_assert(!fh_audit_log_is_failing(audit));
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = (rlim_t)st.st_size + 100;
    setrlimit(RLIMIT_FSIZE, &limit);
    record(FH_AUDIT_STARTED, "two");
    record(FH_AUDIT_STARTED, "three");
    failed = fh_audit_log_is_failing(audit); /* the runner writes files, too: nothing is asserted */
    setrlimit(RLIMIT_FSIZE, &old);
    ck_assert(failed);
    ck_assert_uint_eq(verify(1), 1); /* nothing half */
    record(FH_AUDIT_STARTED, "four");
    ck_assert(!fh_audit_log_is_failing(audit));
    ck_assert_uint_eq(verify(1), 3);
    ck_assert_ptr_nonnull(strstr(read_file(path), "\"event\":\"log-lost\""));
    ck_assert_ptr_nonnull(strstr(read_file(path), "\"count\":2"));
    ck_assert_uint_eq(count(troubles, "\n"), 2);
    ck_assert_ptr_nonnull(strstr(troubles, "works"));
}
END_TEST

START_TEST(what_is_no_private_file_is_refused)
{
    char why[512], other[160];

    ck_assert_int_eq(fh_audit_log_add(audit, folder, why, sizeof why), FH_SESSION_E_IO);
    ck_assert_int_eq(fh_audit_log_add(audit, "/dev/null", why, sizeof why), FH_SESSION_E_MODE);
    ck_assert_int_eq(fh_audit_log_add(audit, "/nowhere/log", why, sizeof why), FH_SESSION_E_IO);
    ck_assert_ptr_nonnull(strstr(why, "/nowhere/log: No such file"));
    fclose(fopen(path, "w"));
    chmod(path, 0622);
    ck_assert_int_eq(fh_audit_log_add(audit, path, why, sizeof why), FH_SESSION_E_MODE);
    chmod(path, 0600);
    snprintf(other, sizeof other, "%s/link", folder);
    ck_assert_int_eq(symlink(path, other), 0);
    ck_assert_int_eq(fh_audit_log_add(audit, other, why, sizeof why), FH_SESSION_E_MODE);
    snprintf(other, sizeof other, "%s/pipe", folder);
    ck_assert_int_eq(mkfifo(other, 0600), 0);
    ck_assert_int_eq(fh_audit_log_add(audit, other, why, sizeof why), FH_SESSION_E_MODE);
}
END_TEST

/* ---- callbacks and the limit ---- */

static char heard[1 << 16];

static void on_line(void *user, const struct fh_audit_event *ev, const char *line, size_t len)
{
    (void)user;
    ck_assert_uint_gt(ev->utc_ms, 0);
    ck_assert_uint_eq(len, strlen(line));
    strncat(heard, line, sizeof heard - strlen(heard) - 1);
}

START_TEST(a_callback_hears_all_from_its_level_on_until_it_is_removed)
{
    heard[0] = '\0';
    ck_assert_int_eq(fh_audit_log_add_callback(audit, FH_AUDIT_NOTICE, on_line, NULL), 0);
    record(FH_AUDIT_CONNECTED, "a");
    record(FH_AUDIT_STARTED, "b");
    fh_audit_log_remove_callback(audit, on_line, NULL);
    record(FH_AUDIT_STARTED, "c");
    ck_assert_uint_eq(count(heard, "\n"), 1);
}
END_TEST

START_TEST(a_flood_is_told_in_one_line_at_the_latest_at_the_end)
{
    const uint8_t ip[4] = {192, 0, 2, 1};
    const struct fh_audit_event ev = {
        .type = FH_AUDIT_REFUSED, .peer = "192.0.2.1:5", .ip = ip, .ip_len = 4, .reason = "filter"};

    close_log();
    open_log(5);
    add("", path);
    for (int i = 0; i < 1000; i++)
        fh_audit_log_write(audit, &ev);
    close_log();
    ck_assert_uint_eq(verify(1), 6);
    ck_assert_ptr_nonnull(
        strstr(read_file(path), "\"event\":\"suppressed\",\"peer\":\"192.0.2.1\""));
    ck_assert_ptr_nonnull(strstr(read_file(path), "\"count\":995"));
}
END_TEST

/* ---- syslog and journal ---- */

static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    strcpy(address.sun_path, name);
    unlink(name);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

START_TEST(syslog_gets_a_datagram_with_facility_severity_and_name)
{
    char data[8192], expected[64];
    int fd = listen_at(path);
    ssize_t n;

    add("syslog:", path);
    record(FH_AUDIT_AUTH_FAILED, "ann");
    n = recv(fd, data, sizeof data - 1, 0);
    ck_assert_int_gt(n, 0);
    data[n] = '\0';
    ck_assert_int_eq(strncmp(data, "<84>", 4), 0); /* authpriv.warning */
    snprintf(expected, sizeof expected, " test[%ld]: {\"time\":", (long)getpid());
    ck_assert_ptr_nonnull(strstr(data, expected));
    ck_assert_int_eq(data[n - 1], '}');
    /* It is started anew, and hears what comes then. */
    close(fd);
    fd = listen_at(path);
    record(FH_AUDIT_STARTED, "bea");
    n = recv(fd, data, sizeof data, MSG_DONTWAIT);
    ck_assert_int_gt(n, 0);
    close(fd);
}
END_TEST

START_TEST(a_syslog_that_does_not_listen_or_read_keeps_nobody_waiting)
{
    char data[8192];
    unsigned read_lines = 0, before;
    bool was_told = false;
    int fd;

    add("syslog:", path);
    record(FH_AUDIT_STARTED, "ann");
    ck_assert(fh_audit_log_is_failing(audit));
    ck_assert_ptr_nonnull(strstr(troubles, "No such file"));
    fd = listen_at(path);
    for (int i = 0; i < 5000; i++)
        record(FH_AUDIT_STARTED, "ann");
    ck_assert(fh_audit_log_is_failing(audit));
    while (recv(fd, data, sizeof data, MSG_DONTWAIT) > 0)
        read_lines++;
    before = read_lines;
    record(FH_AUDIT_STARTED, "ann");
    for (ssize_t n; (n = recv(fd, data, sizeof data - 1, MSG_DONTWAIT)) > 0; read_lines++) {
        data[n] = '\0';
        was_told |= strstr(data, "\"event\":\"log-lost\"") != NULL;
    }
    ck_assert(was_told);
    ck_assert_uint_eq(read_lines, before + 2);
    ck_assert(!fh_audit_log_is_failing(audit));
    close(fd);
}
END_TEST

START_TEST(the_journal_gets_fields_that_no_name_can_forge)
{
    static const char user[] = "x\nPRIORITY=0\nMESSAGE=no";
    const uint8_t fp[32] = {0xab};
    const struct fh_audit_event ev = {.type = FH_AUDIT_STARTED,
                                      .user = user,
                                      .connection = 7,
                                      .peer = "192.0.2.1:5",
                                      .fingerprint = fp,
                                      .permissions = 1,
                                      .has_permissions = true,
                                      .method = "cpace"};
    static const struct {
        const char *name, *value;
    } fields[] = {{"SYSLOG_IDENTIFIER", "test"},   {"PRIORITY", "5"},
                  {"FARHAND_EVENT", "started"},    {"FARHAND_USER", user},
                  {"FARHAND_CONNECTION", "7"},     {"FARHAND_PEER", "192.0.2.1:5"},
                  {"FARHAND_PERMISSIONS", "view"}, {"FARHAND_METHOD", "cpace"},
                  {"FARHAND_RESULT", "ok"}};
    char data[8192];
    int fd = listen_at(path);
    ssize_t n;
    unsigned found = 0, all = 0;

    add("journal:", path);
    fh_audit_log_write(audit, &ev);
    n = recv(fd, data, sizeof data, 0);
    for (char *p = data; p < data + n; all++) {
        char *name = p, *end = memchr(p, '\n', (size_t)(data + n - p));
        uint64_t len = 0;

        ck_assert_ptr_nonnull(end);
        *end = '\0';
        for (unsigned i = 8; i-- > 0;)
            len = len << 8 | (uint8_t)end[1 + i];
        ck_assert_ptr_null(strchr(name, '='));
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            if (strcmp(name, fields[i].name) == 0) {
                ck_assert_uint_eq(len, strlen(fields[i].value));
                ck_assert_mem_eq(end + 9, fields[i].value, len);
                found++;
            }
        p = end + 9 + len;
        ck_assert_int_eq(*p++, '\n');
    }
    ck_assert_uint_eq(found, sizeof fields / sizeof *fields);
    ck_assert_uint_eq(all, found + 3); /* MESSAGE, facility, fingerprint */
    close(fd);
}
END_TEST

/* ---- programs ---- */

static bool has_lines(unsigned lines)
{
    return count(read_file(path), "\n") >= lines;
}

static bool has_ended(unsigned unused)
{
    (void)unused;
    return strstr(troubles, "ended") != NULL;
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

/* The log does not keep a loop alive; an application does. */
static void run_until(bool (*condition)(unsigned n), unsigned n)
{
    uv_timer_t tick;

    uv_timer_init(&loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    for (int i = 0; i < 20000 && !condition(n); i++)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&loop, UV_RUN_NOWAIT); /* it is gone before its memory is */
    ck_assert(condition(n));
}

static void script(const char *text)
{
    char name[160];
    FILE *f;

    snprintf(name, sizeof name, "%s/program", folder);
    f = fopen(name, "w");
    fprintf(f, "#!/bin/sh\n%s\n", text);
    fclose(f);
    chmod(name, 0700);
}

START_TEST(a_program_reads_the_lines_and_the_rest_at_the_end)
{
    char target[512];

    script("exec cat >>\"$1\"");
    snprintf(target, sizeof target, "program %s/program %s", folder, path);
    add("", target);
    record(FH_AUDIT_STARTED, "one");
    run_until(has_lines, 1);
    for (int i = 0; i < 500; i++)
        record(FH_AUDIT_STARTED, "more");
    close_log();
    ck_assert_uint_eq(count(read_file(path), "\n"), 501);
    ck_assert_str_eq(troubles, "");
}
END_TEST

START_TEST(a_program_that_ends_is_started_again_and_loses_nothing)
{
    char target[512];

    script("head -n 1 >>\"$1\"");
    snprintf(target, sizeof target, "program %s/program %s", folder, path);
    add("", target);
    record(FH_AUDIT_STARTED, "one");
    run_until(has_lines, 1);
    run_until(has_ended, 0);
    ck_assert_ptr_nonnull(strstr(troubles, "it ended with status 0; it is started again in 1 s"));
    record(FH_AUDIT_STARTED, "two");
    run_until(has_lines, 2);
    ck_assert_ptr_nonnull(strstr(read_file(path), "two"));
    ck_assert_ptr_nonnull(strstr(troubles, "works"));
}
END_TEST

START_TEST(a_program_that_does_not_read_costs_bounded_memory_and_no_time)
{
    char target[512];
    unsigned written = 0;

    script("trap '' TERM; while :; do sleep 1; done");
    snprintf(target, sizeof target, "program %s/program", folder);
    add("", target);
    while (!fh_audit_log_is_failing(audit) && written < 100000) {
        record(FH_AUDIT_STARTED, "ann");
        uv_run(&loop, UV_RUN_NOWAIT);
        written++;
    }
    ck_assert(fh_audit_log_is_failing(audit));
    ck_assert_uint_gt(written, 1000);
    close_log(); /* kills it, after its time */
}
END_TEST

START_TEST(a_program_that_is_not_there_is_told)
{
    add("program ", "/nowhere/program x");
    ck_assert_ptr_nonnull(strstr(troubles, "no such file"));
    record(FH_AUDIT_STARTED, "ann");
    ck_assert(!fh_audit_log_is_failing(audit)); /* it is kept */
}
END_TEST

/* ---- the text of a destination ---- */

static const struct {
    const char *text;
    enum fh_audit_kind kind;
    enum fh_audit_level level;
    uint64_t size;
    unsigned keep;
    const char *where;
} good[] = {
    {"none", FH_AUDIT_TO_NONE, FH_AUDIT_INFO, 0, 10, NULL},
    {"syslog", FH_AUDIT_TO_SYSLOG, FH_AUDIT_INFO, 0, 10, NULL},
    {"syslog:/run/log", FH_AUDIT_TO_SYSLOG, FH_AUDIT_INFO, 0, 10, "/run/log"},
    {"level=warning journal", FH_AUDIT_TO_JOURNAL, FH_AUDIT_WARNING, 0, 10, NULL},
    {"journal:/x", FH_AUDIT_TO_JOURNAL, FH_AUDIT_INFO, 0, 10, "/x"},
    {"/var/log/a b=c", FH_AUDIT_TO_FILE, FH_AUDIT_INFO, 0, 10, "/var/log/a b=c"},
    {"size=10M  keep=5 level=notice /a", FH_AUDIT_TO_FILE, FH_AUDIT_NOTICE, 10 << 20, 5, "/a"},
    {"size=16384 /a", FH_AUDIT_TO_FILE, FH_AUDIT_INFO, 16384, 10, "/a"},
    {"size=1G keep=1000 /a", FH_AUDIT_TO_FILE, FH_AUDIT_INFO, 1 << 30, 1000, "/a"},
    {"program /bin/a b", FH_AUDIT_TO_PROGRAM, FH_AUDIT_INFO, 0, 10, "/bin/a b"},
};

START_TEST(a_destination_is_read)
{
    struct fh_audit_target t;
    const char *expected;

    ck_assert_int_eq(fh_audit_target_parse(good[_i].text, &t, &expected), 0);
    ck_assert_int_eq(t.kind, good[_i].kind);
    ck_assert_int_eq(t.level, good[_i].level);
    ck_assert_uint_eq(t.size, good[_i].size);
    ck_assert_uint_eq(t.keep, good[_i].keep);
    ck_assert_int_eq(t.where != NULL, good[_i].where != NULL);
    ck_assert(!t.where || strcmp(t.where, good[_i].where) == 0);
}
END_TEST

static const char *const bad[] = {
    "",
    "a",
    "syslogx",
    "syslog:x",
    "level=all /a",
    "level= /a",
    "size=1 /a",
    "size=10X /a",
    "size=10MM /a",
    "size=-1 /a",
    "keep=0 /a",
    "keep=1001 /a",
    "keep= /a",
    "colour=1 /a",
    "size=1M",
    "size=1M none",
    "program cat",
    "program",
    "size=16k syslog",
    "size=99999999999999999999 /a",
    "size=1099511627777 /a",
    "level=info",
};

START_TEST(what_is_no_destination_is_refused_with_what_was_expected)
{
    struct fh_audit_target t;
    const char *expected;

    ck_assert_int_eq(fh_audit_target_parse(bad[_i], &t, &expected), FH_SESSION_E_INVAL);
    ck_assert_ptr_nonnull(expected);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("audit_log");
    TCase *tc = tcase_create("audit_log");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_file_is_private_and_goes_on_after_a_restart);
    tcase_add_test(tc, each_destination_has_its_level);
    tcase_add_test(tc, a_line_of_the_application_is_one_of_the_chain);
    tcase_add_test(tc, rotation_keeps_the_chain_and_the_number_of_files);
    tcase_add_test(tc, a_file_that_another_program_moved_is_followed);
    tcase_add_test(tc, what_a_dead_writer_left_is_taken_off_and_told);
    tcase_add_test(tc, a_first_line_that_is_torn_leaves_a_log);
    tcase_add_test(tc, a_file_that_is_no_log_is_kept_aside);
    tcase_add_test(tc, a_tail_that_is_cut_while_it_runs_is_missed);
    tcase_add_test(tc, several_processes_write_one_log);
    tcase_add_test(tc, writers_that_are_killed_leave_a_log_that_verifies);
    tcase_add_test(tc, a_full_disk_fails_loses_and_tells);
    tcase_add_test(tc, what_is_no_private_file_is_refused);
    tcase_add_test(tc, a_callback_hears_all_from_its_level_on_until_it_is_removed);
    tcase_add_test(tc, a_flood_is_told_in_one_line_at_the_latest_at_the_end);
    tcase_add_test(tc, syslog_gets_a_datagram_with_facility_severity_and_name);
    tcase_add_test(tc, a_syslog_that_does_not_listen_or_read_keeps_nobody_waiting);
    tcase_add_test(tc, the_journal_gets_fields_that_no_name_can_forge);
    tcase_add_test(tc, a_program_reads_the_lines_and_the_rest_at_the_end);
    tcase_add_test(tc, a_program_that_ends_is_started_again_and_loses_nothing);
    tcase_add_test(tc, a_program_that_does_not_read_costs_bounded_memory_and_no_time);
    tcase_add_test(tc, a_program_that_is_not_there_is_told);
    tcase_add_loop_test(tc, a_destination_is_read, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(tc, what_is_no_destination_is_refused_with_what_was_expected, 0,
                        sizeof bad / sizeof *bad);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
