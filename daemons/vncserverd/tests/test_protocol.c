/* SPDX-License-Identifier: MIT */
/* Messages between our processes: who may say what when, and the way that they take. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "parts.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

START_TEST(each_number_is_one_message)
{
    static const unsigned numbers[] = {
#define X(name, number, ...) number,
        FH__MESSAGES(X)
#undef X
    };

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(numbers[i], numbers[j]);
        ck_assert_ptr_nonnull(fh__message_rule(numbers[i]));
        ck_assert_uint_le(fh__message_rule(numbers[i])->most, FH__MESSAGE_MAX);
    }
    ck_assert_ptr_null(fh__message_rule(0));
    ck_assert_ptr_null(fh__message_rule(255));
}
END_TEST

/* All that a session may say to the monitor, at each stage; anything else is the end of it. */
static const struct {
    uint32_t stage;
    unsigned messages[6]; /* beyond LOG and CONFINED */
} stages[] = {
    {FH__AT_START, {FH__MSG_HELLO, FH__MSG_MOVED, FH__MSG_REPORT}},
    {FH__AT_HANDSHAKE, {FH__MSG_PEER, FH__MSG_OLDER, FH__MSG_REPORT}},
    {FH__AT_DOOR, {FH__MSG_ATTEMPT, FH__MSG_REPORT, FH__MSG_KEYS}},
    {FH__AT_DECISION, {FH__MSG_REPORT, FH__MSG_KEYS}},
    {FH__AT_QUESTION, {FH__MSG_ANSWERS, FH__MSG_REPORT, FH__MSG_KEYS}},
    {FH__AT_GRANT, {FH__MSG_STARTED, FH__MSG_REPORT, FH__MSG_KEYS}},
    {FH__AT_WORK, {FH__MSG_REPORT, FH__MSG_LINKED, FH__MSG_AWAY, FH__MSG_KEYS, FH__MSG_WAY}},
    {FH__AT_END, {0}},
};

START_TEST(a_session_may_say_these_and_no_others)
{
    for (unsigned number = 0; number < 256; number++) {
        bool is_expected = number == FH__MSG_LOG || number == FH__MSG_CONFINED;
        const struct fh__message_rule *r = fh__message_rule(number);

        for (size_t i = 0; i < ARRAY_LEN(stages[0].messages); i++)
            is_expected |= number != 0 && stages[_i].messages[i] == number;
        ck_assert_msg(is_expected == (r && (r->from & FH__SESSION) && (r->to & FH__MONITOR) &&
                                      fh__message_is_in_time(number, stages[_i].stage)),
                      "message %u in stage %#x", number, (unsigned)stages[_i].stage);
    }
}
END_TEST

START_TEST(nobody_speaks_for_another)
{
    static const enum fh__role roles[] = {FH__MONITOR, FH__KEY, FH__SESSION, FH__DESKTOP,
                                          FH__CLOUD};
    unsigned pairs = 0;

    for (size_t a = 0; a < ARRAY_LEN(roles); a++)
        for (size_t b = 0; b < ARRAY_LEN(roles); b++)
            for (unsigned number = 0; number < 256; number++) {
                const struct fh__message_rule *r = fh__message_rule(number);
                bool is_good =
                    r && fh__message_is_good(roles[a], roles[b], number, r->least, r->has_fd);

                if (!is_good)
                    continue;
                ck_assert(a != b && (r->from & roles[a]) && (r->to & roles[b]));
                /* Neither children nor the two that have secrets talk beyond these. */
                if (roles[a] == FH__SESSION && roles[b] == FH__KEY)
                    ck_assert(number == FH__MSG_SIGN || number == FH__MSG_DECRYPT ||
                              number == FH__MSG_TLS_SIGN);
                if (roles[a] == FH__KEY && roles[b] == FH__SESSION)
                    ck_assert(number == FH__MSG_SIGNATURE || number == FH__MSG_DECRYPTED ||
                              number == FH__MSG_TLS_SIGNATURE);
                if (roles[a] == FH__CLOUD && roles[b] == FH__KEY)
                    ck_assert_uint_eq(number, FH__MSG_CLOUD_SIGN);
                if (roles[a] == FH__KEY && roles[b] == FH__CLOUD)
                    ck_assert_uint_eq(number, FH__MSG_CLOUD_SIGNATURE);
                ck_assert(roles[a] != FH__CLOUD || roles[b] == FH__KEY || roles[b] == FH__MONITOR);
                ck_assert(roles[b] != FH__CLOUD || roles[a] == FH__KEY || roles[a] == FH__MONITOR);
                ck_assert(!(roles[a] == FH__DESKTOP && roles[b] == FH__KEY));
                ck_assert(!(roles[a] == FH__KEY && roles[b] == FH__DESKTOP));
                pairs++;
            }
    ck_assert_uint_gt(pairs, 40);
}
END_TEST

START_TEST(lengths_and_descriptors_are_held_to)
{
    ck_assert(fh__message_is_good(FH__SESSION, FH__KEY, FH__MSG_SIGN, 32, false));
    ck_assert(!fh__message_is_good(FH__SESSION, FH__KEY, FH__MSG_SIGN, 31, false));
    ck_assert(!fh__message_is_good(FH__SESSION, FH__KEY, FH__MSG_SIGN, 33, false));
    ck_assert(!fh__message_is_good(FH__SESSION, FH__KEY, FH__MSG_SIGN, 32, true));
    ck_assert(!fh__message_is_good(FH__SESSION, FH__KEY, FH__MSG_KEY_ONCE, 0, true));
    ck_assert(!fh__message_is_good(FH__MONITOR, FH__DESKTOP, FH__MSG_ATTACH, 12, false));
    ck_assert(fh__message_is_permitted(FH__MSG_KEYSTROKE, FH_PERM_KEYBOARD));
    ck_assert(!fh__message_is_permitted(FH__MSG_KEYSTROKE, FH_PERM_VIEW | FH_PERM_POINTER));
    ck_assert(fh__message_is_permitted(FH__MSG_WANT, FH_PERM_VIEW));
    ck_assert(!fh__message_is_permitted(FH__MSG_WANT, FH_PERM_NONE));
    ck_assert(fh__message_is_permitted(FH__MSG_TEXT_IN, FH_PERM_CLIPBOARD_IN));
    ck_assert(!fh__message_is_permitted(FH__MSG_TEXT_OUT, FH_PERM_CLIPBOARD_IN));
    ck_assert(fh__message_is_permitted(FH__MSG_RESIZED, FH_PERM_NONE));
    ck_assert(!fh__message_is_permitted(FH__MSG_STARTED, FH_PERM_ALL));
}
END_TEST

/* ---- a link ---- */

struct end {
    struct fh__link link;
    unsigned number, n;
    uint8_t body[64];
    size_t len;
    int fd;
    bool is_broken;
    const char *why;
};

static uv_loop_t loop;
static struct end monitor, session; /* the ends of one link */

static void on_message(void *user, unsigned number, struct rd body, int fd)
{
    struct end *e = user;

    e->number = number;
    e->n++;
    e->len = body.left;
    rd_copy(&body, e->body, body.left < sizeof e->body ? body.left : sizeof e->body);
    e->fd = fd;
}

static void on_broken(void *user, const char *why)
{
    struct end *e = user;

    e->is_broken = true;
    e->why = why;
}

static const struct fh__link_ops ops = {on_message, on_broken};

static void setup(void)
{
    int fds[2];

    memset(&monitor, 0, sizeof monitor);
    memset(&session, 0, sizeof session);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(fh__link_pair(fds), 0);
    ck_assert_int_eq(
        fh__link_open(&monitor.link, &loop, fds[0], FH__MONITOR, FH__SESSION, &ops, &monitor), 0);
    ck_assert_int_eq(
        fh__link_open(&session.link, &loop, fds[1], FH__SESSION, FH__MONITOR, &ops, &session), 0);
}

static void teardown(void)
{
    fh__link_close(&monitor.link, NULL);
    fh__link_close(&session.link, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void turn(void)
{
    for (int i = 0; i < 3; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

START_TEST(messages_arrive_whole)
{
    ck_assert_int_eq(fh__link_send(&session.link, FH__MSG_HELLO, NULL, 0, -1), 0);
    turn();
    ck_assert_uint_eq(monitor.number, FH__MSG_HELLO);
    ck_assert_uint_eq(monitor.len, 0);
    ck_assert_int_eq(fh__link_send(&monitor.link, FH__MSG_REFUSE, "abcd", 4, -1), 0);
    turn();
    ck_assert_uint_eq(session.number, FH__MSG_REFUSE);
    ck_assert_mem_eq(session.body, "abcd", 4);
}
END_TEST

START_TEST(a_descriptor_comes_along_and_is_not_inherited)
{
    int fds[2];
    char c = 0;

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(fh__link_send(&monitor.link, FH__MSG_DESKTOP_END, NULL, 0, fds[1]), 0);
    turn();
    ck_assert_int_ge(session.fd, 0);
    ck_assert_int_eq(fcntl(session.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(write(session.fd, "x", 1), 1);
    ck_assert_int_eq(read(fds[0], &c, 1), 1);
    ck_assert_int_eq(c, 'x');
    close(session.fd);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

/* What a process that was broken into may try on its own descriptor. */
static void attack(const void *data, size_t len, int n_fds)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(4 * sizeof(int))];
    } c;
    struct iovec iov = {(void *)(uintptr_t)data, len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *h;

    memset(&c, 0, sizeof c);
    if (n_fds > 0) {
        m.msg_control = &c;
        m.msg_controllen = CMSG_SPACE((size_t)n_fds * sizeof(int));
        h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN((size_t)n_fds * sizeof(int));
        /* Standard input, again and again: descriptor 0. */
    }
    ck_assert_int_eq(sendmsg(session.link.fd, &m, 0), (ssize_t)len);
    turn();
}

static const struct {
    uint8_t number;
    size_t len; /* of the body */
    int n_fds;
} attacks[] = {
    {0, 0, 0},
    {255, 0, 0},
    {FH__MSG_HELLO, 1, 0},
    {FH__MSG_HELLO, 0, 1},
    {FH__MSG_HELLO, 0, 4},
    {FH__MSG_PROCEED, 0, 0},     /* ours to say */
    {FH__MSG_KEY_READY, 100, 0}, /* another's */
    {FH__MSG_SIGN, 32, 0},       /* to another */
    {FH__MSG_STARTED, 15, 0},
    {FH__MSG_LOG, FH__TEXT_MAX + 1, 0},
    {FH__MSG_REPORT, 60000, 0},
};

static int count_open(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

START_TEST(what_cannot_be_breaks_the_link)
{
    static uint8_t data[1 << 16];
    int before = count_open();

    data[0] = attacks[_i].number;
    attack(data, 1 + attacks[_i].len, attacks[_i].n_fds);
    ck_assert_uint_eq(monitor.n, 0);
    ck_assert(monitor.is_broken);
    ck_assert_ptr_nonnull(monitor.why);
    ck_assert_int_eq(count_open(), before);
    ck_assert_int_ne(fh__link_send(&monitor.link, FH__MSG_PROCEED, NULL, 0, -1), 0);
}
END_TEST

/* It has no number, so it looks like the other's end; but descriptors come with it. */
START_TEST(nothing_at_all_breaks_the_link_too)
{
    int before = count_open();

    attack("", 0, _i);
    ck_assert_uint_eq(monitor.n, 0);
    ck_assert(monitor.is_broken);
    ck_assert_int_eq(count_open(), before);
}
END_TEST

/* What waits without the descriptor that belongs to it would be another message. */
START_TEST(a_descriptor_that_cannot_wait_is_not_left_out)
{
    static uint8_t text[FH__TEXT_MAX];
    struct rlimit was, none = {0};

    uv_poll_stop(&session.link.poll);
    while (!monitor.link.first)
        ck_assert_int_eq(fh__link_send(&monitor.link, FH__MSG_NOTICE, text, sizeof text, -1), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    none.rlim_max = was.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_int_ne(fh__link_send(&monitor.link, FH__MSG_DESKTOP_END, NULL, 0, 0), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
}
END_TEST

/* Each costs more than its bytes. */
START_TEST(short_messages_cost_a_bounded_memory_too)
{
    unsigned n = 0;

    uv_poll_stop(&session.link.poll);
    while (fh__link_send(&monitor.link, FH__MSG_PROCEED, NULL, 0, -1) == 0)
        ck_assert_uint_lt(++n, 100000);
}
END_TEST

START_TEST(an_end_that_closes_is_told_without_blame)
{
    ck_assert_int_eq(fh__link_send(&session.link, FH__MSG_HELLO, NULL, 0, -1), 0);
    fh__link_close(&session.link, NULL);
    turn();
    ck_assert_uint_eq(monitor.n, 1);
    ck_assert(monitor.is_broken);
    ck_assert_ptr_null(monitor.why);
}
END_TEST

START_TEST(what_was_said_before_closing_is_heard_whatever_was_not_read)
{
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(fh__link_send(&session.link, FH__MSG_HELLO, NULL, 0, -1), 0);
    uv_poll_stop(&session.link.poll);
    ck_assert_int_eq(fh__link_send(&monitor.link, FH__MSG_PROCEED, NULL, 0, -1), 0);
    close(session.link.fd); /* as a process does that ends */
    session.link.fd = open("/dev/null", O_RDONLY);
    turn();
    ck_assert_uint_eq(monitor.n, 10);
    ck_assert(monitor.is_broken);
    ck_assert_ptr_null(monitor.why);
}
END_TEST

START_TEST(an_answer_to_who_is_gone_drops_nothing_of_what_it_had_said)
{
    for (int i = 0; i < 2 * FH__LINK_TURN; i++)
        ck_assert_int_eq(fh__link_send(&session.link, FH__MSG_HELLO, NULL, 0, -1), 0);
    fh__link_close(&session.link, NULL);
    uv_run(&loop, UV_RUN_NOWAIT); /* some of it is heard, and the other end is closed */
    ck_assert(!monitor.is_broken);
    ck_assert_int_eq(fh__link_send(&monitor.link, FH__MSG_PROCEED, NULL, 0, -1), 0);
    turn();
    ck_assert_uint_eq(monitor.n, 2 * FH__LINK_TURN);
    ck_assert(monitor.is_broken);
    ck_assert_ptr_null(monitor.why);
}
END_TEST

START_TEST(who_does_not_read_costs_a_bounded_memory)
{
    static uint8_t text[FH__TEXT_MAX];
    unsigned n = 0;

    uv_poll_stop(&session.link.poll);
    while (fh__link_send(&monitor.link, FH__MSG_NOTICE, text, sizeof text, -1) == 0)
        ck_assert_uint_lt(++n, 10000);
    ck_assert_uint_ge(n, FH__LINK_BACKLOG_MAX / (2 * FH__TEXT_MAX));
    ck_assert_uint_le(monitor.link.waiting, FH__LINK_BACKLOG_MAX);
    /* It reads on, and nothing was lost or reordered. */
    session.n = 0;
    fh__link_close(&monitor.link, NULL);
    turn();
}
END_TEST

START_TEST(what_waited_arrives_in_order)
{
    uint8_t body[4];
    unsigned sent = 0;

    for (; sent < 2000; sent++) {
        struct wr w = wr_init(body, sizeof body);

        wr_u32(&w, sent);
        ck_assert_int_eq(fh__link_send_wr(&monitor.link, FH__MSG_REFUSE, &w), 0);
    }
    for (int i = 0; i < 200 && session.n < sent; i++) {
        struct rd r;

        uv_run(&loop, UV_RUN_NOWAIT);
        r = rd_init(session.body, 4);
        ck_assert_uint_eq(rd_u32(&r) + 1, session.n);
    }
    ck_assert_uint_eq(session.n, sent);
}
END_TEST

START_TEST(a_text_in_parts_is_the_text)
{
    static char text[100000];
    struct fh__parts parts = {0};
    struct fh__msg_part m = {.total = sizeof text};
    size_t at = 0;
    enum fh__parts_state state = FH__PARTS_MORE;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    while (at < sizeof text) {
        m.goes_on = at > 0;
        m.data = (const uint8_t *)text + at;
        m.len = sizeof text - at < 7777 ? sizeof text - at : 7777;
        at += m.len;
        state = fh__parts_take(&parts, &m, sizeof text);
        ck_assert_int_eq(state, at < sizeof text ? FH__PARTS_MORE : FH__PARTS_ALL);
    }
    ck_assert_mem_eq(parts.mem, text, sizeof text);
    fh__parts_free(&parts);
    /* Longer than it may be, longer than it said, and the middle of nothing. */
    ck_assert_int_eq(
        fh__parts_take(&parts, &(struct fh__msg_part){5, false, (uint8_t *)text, 5}, 4),
        FH__PARTS_BAD);
    ck_assert_int_eq(fh__parts_take(&parts, &(struct fh__msg_part){5, true, (uint8_t *)text, 5}, 9),
                     FH__PARTS_BAD);
    ck_assert_int_eq(
        fh__parts_take(&parts, &(struct fh__msg_part){5, false, (uint8_t *)text, 3}, 9),
        FH__PARTS_MORE);
    ck_assert_int_eq(fh__parts_take(&parts, &(struct fh__msg_part){5, true, (uint8_t *)text, 3}, 9),
                     FH__PARTS_BAD);
    ck_assert_ptr_null(parts.mem);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("protocol");
    TCase *table = tcase_create("table"), *link = tcase_create("link");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(table, each_number_is_one_message);
    tcase_add_loop_test(table, a_session_may_say_these_and_no_others, 0, (int)ARRAY_LEN(stages));
    tcase_add_test(table, nobody_speaks_for_another);
    tcase_add_test(table, lengths_and_descriptors_are_held_to);
    tcase_add_test(table, a_text_in_parts_is_the_text);
    suite_add_tcase(s, table);
    tcase_add_checked_fixture(link, setup, teardown);
    tcase_add_test(link, messages_arrive_whole);
    tcase_add_test(link, a_descriptor_comes_along_and_is_not_inherited);
    tcase_add_loop_test(link, what_cannot_be_breaks_the_link, 0, (int)ARRAY_LEN(attacks));
    tcase_add_loop_test(link, nothing_at_all_breaks_the_link_too, 0, 4);
    tcase_add_test(link, a_descriptor_that_cannot_wait_is_not_left_out);
    tcase_add_test(link, short_messages_cost_a_bounded_memory_too);
    tcase_add_test(link, an_end_that_closes_is_told_without_blame);
    tcase_add_test(link, what_was_said_before_closing_is_heard_whatever_was_not_read);
    tcase_add_test(link, an_answer_to_who_is_gone_drops_nothing_of_what_it_had_said);
    tcase_add_test(link, who_does_not_read_costs_a_bounded_memory);
    tcase_add_test(link, what_waited_arrives_in_order);
    suite_add_tcase(s, link);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
