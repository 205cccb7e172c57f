/* SPDX-License-Identifier: MIT */
/*
 * test_channel_interop.c -- our channel against the second implementation, fsc1/fsc1.py, in another
 * process on a socket: both roles, data both ways, KeyUpdate and rekey started by either, Close.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel_pair.h"

struct peer {
    pid_t pid;
    int sock;   /* the stream */
    int to_app; /* standard input of the other program */
    int from_app;
    uint8_t heard[1 << 16]; /* what it said that it received */
    size_t heard_len;
};

static void write_key(char path[], const char *pem)
{
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
    close(fd);
}

static void run_other(const char *role, const char *option, const char *key, const int ends[3])
{
    char script[512], fd[16];
    const char *top = getenv("FARHAND_TOP");

    snprintf(script, sizeof script, "%s/libcrypto-rfb/tests/fsc1/fsc1.py", top ? top : ".");
    snprintf(fd, sizeof fd, "%d", ends[0]);
    if (dup2(ends[1], 0) < 0 || dup2(ends[2], 1) < 0)
        _exit(1);
    execlp("python3", "python3", script, role, "-", fd, key, option, (char *)NULL);
    _exit(77);
}

static void start_other(struct peer *o, const char *role, const char *option, const char *key)
{
    int stream[2], input[2], output[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, stream), 0);
    ck_assert_int_eq(pipe(input), 0);
    ck_assert_int_eq(pipe(output), 0);
    o->pid = fork();
    ck_assert_int_ge(o->pid, 0);
    if (o->pid == 0) {
        close(stream[0]);
        close(input[1]);
        close(output[0]);
        run_other(role, option, key, (const int[]){stream[1], input[0], output[1]});
    }
    close(stream[1]);
    close(input[0]);
    close(output[1]);
    o->sock = stream[0];
    o->to_app = input[1];
    o->from_app = output[0];
}

static void send_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* the other end is gone; the reading side will see it */
        p += n;
        len -= (size_t)n;
    }
}

static void flush(struct peer *o, struct side *s)
{
    const uint8_t *out;
    size_t len;

    while ((out = fh_channel_out(s->c, &len))) {
        send_all(o->sock, out, len);
        fh_channel_out_done(s->c, len);
    }
}

/* Waits for bytes of the stream or of the other program, and takes them. */
static void turn(struct peer *o, struct pair *p, struct side *s)
{
    struct pollfd fds[2] = {{.fd = o->sock, .events = POLLIN},
                            {.fd = o->from_app, .events = POLLIN}};
    static uint8_t bytes[65536];
    ssize_t n;

    side_events(s);
    flush(o, s);
    if (s->closes)
        return;
    while (poll(fds, 2, -1) < 0)
        ck_assert_int_eq(errno, EINTR);
    if (fds[0].revents) {
        n = recv(o->sock, bytes, sizeof bytes, 0);
        if (n > 0)
            side_feed(p, s, bytes, (size_t)n);
        else
            fh_channel_in_end(s->c, p->now);
    } else if (fds[1].revents) {
        n = read(o->from_app, o->heard + o->heard_len, sizeof o->heard - o->heard_len);
        ck_assert_int_gt(n, 0);
        o->heard_len += (size_t)n;
    }
    side_events(s);
    flush(o, s);
}

static const struct {
    enum fh_role ours;
    const char *option; /* what the other one does once it is open */
    bool we_rekey, we_close;
} runs[] = {
    {FH_ROLE_CLIENT, NULL, false, true},       {FH_ROLE_SERVER, NULL, false, true},
    {FH_ROLE_CLIENT, "--update", true, true},  {FH_ROLE_SERVER, "--update", true, true},
    {FH_ROLE_CLIENT, "--rekey", false, false}, {FH_ROLE_SERVER, "--rekey", false, false},
};

START_TEST(two_implementations_understand_each_other)
{
    bool is_client = runs[_i].ours == FH_ROLE_CLIENT;
    static const char line[] = "a line to the other program";
    static uint8_t text[40000];
    static struct peer o;
    struct pair *p = pair_new();
    struct side *s = is_client ? &p->client : &p->server;
    char key[] = "/tmp/fsc1-key-XXXXXX";
    struct fh_channel_config cfg = side_config(s, runs[_i].ours);
    size_t sent = 0;
    int status;

    write_key(key, is_client ? key_of_server : key_of_other);
    memset(&o, 0, sizeof o);
    start_other(&o, is_client ? "server" : "client", runs[_i].option, key);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 31 >> 2);
    cfg.now_ms = p->now;
    s->c = fh_channel_new(&cfg);
    while (!s->opens && !s->closes)
        turn(&o, p, s);
    if (s->closes && waitpid(o.pid, &status, 0) == o.pid && WIFEXITED(status) &&
        WEXITSTATUS(status) == 77) { /* python3-cryptography is not here */
        fprintf(stderr, "skipped: no second implementation to talk to\n");
        goto out;
    }
    ck_assert_uint_eq(s->opens, 1);
    ck_assert_uint_eq(s->peer.peer.spki_len, is_client ? 294 : 422);
    ck_assert_str_eq(s->peer.peer.program, "fsc1.py");
    s->c->limits.update_records = 2;
    if (runs[_i].we_rekey)
        ck_assert_int_eq(fh_channel_rekey(s->c, p->now), 0);
    ck_assert_int_eq(write(o.to_app, line, sizeof line), sizeof line);
    while (s->closes == 0 &&
           (sent < sizeof text || o.heard_len < sizeof text || s->data_len < sizeof line ||
            (runs[_i].we_rekey && !s->rekeys) || (!runs[_i].we_close && !s->rekeys))) {
        size_t n = sizeof text - sent < 9000 ? sizeof text - sent : 9000;

        if (n && side_write(s, text + sent, n, FH_PAD_PADME) == 0)
            sent += n;
        flush(&o, s);
        if (sent == sizeof text)
            turn(&o, p, s);
    }
    ck_assert_uint_eq(s->closes, 0);
    ck_assert_mem_eq(o.heard, text, sizeof text);
    ck_assert_mem_eq(s->data, line, sizeof line);
    ck_assert_uint_gt(s->c->s->out.epoch, 2);
    if (runs[_i].we_close)
        fh_channel_close(s->c, FH_CODE_NORMAL, "enough");
    else
        close(o.to_app);
    while (s->closes == 0)
        turn(&o, p, s);
    ck_assert_int_eq(s->closed.closed.error, 0);
    ck_assert_int_eq(waitpid(o.pid, &status, 0), o.pid);
    ck_assert_int_eq(status, 0);
out:
    unlink(key);
    pair_free(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("channel: another implementation");
    TCase *tc = tcase_create("interop");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(tc, two_implementations_understand_each_other, 0,
                        sizeof runs / sizeof runs[0]);
    suite_add_tcase(s, tc);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
