/* SPDX-License-Identifier: MIT */
/*
 * test_channel_mitm.c -- someone between the two ends who flips, drops or repeats each byte, and
 * drops, repeats or swaps each message and record, of a whole conversation.
 *
 * Never do both ends find such a conversation good, and what an end heard is a beginning of what
 * was said. Only what stands behind the last Close, which ends both directions, is of no account.
 */
#include <check.h>

#include "channel_pair.h"

static const char client_said[] = "a line from the viewer, long enough to fill a record of its own";
static const char server_said[] = "an answer from the server";

enum act { FLIP, DROP, REPEAT, SWAP };

/* What the wire does, and where: an offset, or a message, in one direction. */
struct mischief {
    bool to_server;
    bool by_message;
    size_t at;
    enum act act;
    /* While it runs. */
    size_t seen; /* bytes that passed in that direction */
    unsigned count;
    uint8_t held[20000];
    size_t held_len;
    bool was_done;
};

/* Where the messages in clear and the records of each direction begin, from an honest run. */
static size_t starts[2][32], n_starts[2], total[2];

static size_t act_on_bytes(struct mischief *m, uint8_t *bytes, size_t len)
{
    size_t at = m->at - m->seen;

    if (m->at < m->seen || at >= len)
        return len;
    m->was_done = true;
    switch (m->act) {
    case FLIP:
        bytes[at] ^= (uint8_t)(1U << m->at % 8);
        return len;
    case DROP:
        memmove(bytes + at, bytes + at + 1, len - at - 1);
        return len - 1;
    case REPEAT:
        memmove(bytes + at + 1, bytes + at, len - at);
        return len + 1;
    case SWAP:
        break;
    }
    return len;
}

/* The messages of one delivery, as the table of starts cuts them. */
static size_t act_on_messages(struct mischief *m, uint8_t *bytes, size_t len)
{
    static uint8_t in[1 << 16];
    size_t n = 0;

    memcpy(in, bytes, len);
    for (size_t i = 0; i < n_starts[m->to_server]; i++) {
        size_t from = starts[m->to_server][i];
        size_t to =
            i + 1 < n_starts[m->to_server] ? starts[m->to_server][i + 1] : total[m->to_server];
        bool here = i == m->at && !m->was_done;

        if (from < m->seen || from >= m->seen + len)
            continue;
        if (here && m->act == SWAP) { /* kept back until the next one has passed */
            memcpy(m->held, in + from - m->seen, to - from);
            m->held_len = to - from;
            m->was_done = true;
            continue;
        }
        for (unsigned k = here && m->act == DROP     ? 0
                          : here && m->act == REPEAT ? 2
                                                     : 1;
             k > 0; k--) {
            memcpy(bytes + n, in + from - m->seen, to - from);
            n += to - from;
        }
        if (here)
            m->was_done = true;
        if (m->held_len) {
            memcpy(bytes + n, m->held, m->held_len);
            n += m->held_len;
            m->held_len = 0;
        }
    }
    return n;
}

static size_t interfere(struct pair *p, bool to_server, uint8_t *bytes, size_t len)
{
    struct mischief *m = p->wire_user;
    size_t n;

    if (to_server != m->to_server)
        return len;
    if (m->was_done && m->by_message && m->held_len == 0)
        return len; /* later offsets are no longer those of the honest run */
    n = m->by_message ? act_on_messages(m, bytes, len) : act_on_bytes(m, bytes, len);
    m->seen += len;
    return n;
}

/* Opens, speaks both ways, rekeys, and closes; ends the streams when all is still. */
static struct pair *converse(size_t (*wire)(struct pair *, bool, uint8_t *, size_t), void *user)
{
    struct pair *p = pair_new();

    p->wire = wire;
    p->wire_user = user;
    pair_start(p);
    pump(p);
    side_write(&p->client, client_said, sizeof client_said - 1, FH_PAD_BLOCK64);
    side_write(&p->client, "!", 1, FH_PAD_NONE);
    pump(p);
    side_write(&p->server, server_said, sizeof server_said - 1, FH_PAD_BLOCK64);
    side_write(&p->server, "?", 1, FH_PAD_NONE);
    pump(p);
    if (p->client.opens)
        fh_channel_rekey(p->client.c, p->now);
    pump(p);
    side_write(&p->client, ".", 1, FH_PAD_NONE);
    pump(p);
    if (p->server.opens)
        fh_channel_close(p->server.c, FH_CODE_NORMAL, NULL);
    pump(p);
    fh_channel_in_end(p->client.c, p->now);
    side_events(&p->client);
    pump(p);
    fh_channel_in_end(p->server.c, p->now);
    side_events(&p->server);
    return p;
}

static size_t measure(struct pair *p, bool to_server, uint8_t *bytes, size_t len)
{
    size_t *n = &n_starts[to_server], at = 0;

    (void)p;
    while (at < len) {
        size_t head = to_server && total[1] + at == 0 ? 12 : 4;

        starts[to_server][(*n)++] = total[to_server] + at;
        ck_assert_uint_lt(*n, 32);
        at += head == 12
                  ? 12
                  : 4 + ((size_t)bytes[at + 1] << 16 | (size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    }
    total[to_server] += len;
    return len;
}

static bool is_clean(const struct side *s)
{
    return s->closes == 1 && s->closed.closed.error == 0;
}

/* What was heard is a beginning of what was said. */
static void ck_prefix(const struct side *s, const char *said)
{
    ck_assert_uint_le(s->data_len, strlen(said));
    ck_assert_mem_eq(s->data, said, s->data_len);
}

static void ck_detected(const struct pair *p, const struct mischief *m)
{
    const struct side *victim = m->to_server ? &p->server : &p->client;
    char said[2][100];

    snprintf(said[0], sizeof said[0], "%s?", server_said);
    snprintf(said[1], sizeof said[1], "%s!.", client_said);
    ck_prefix(&p->client, said[0]);
    ck_prefix(&p->server, said[1]);
    ck_assert_uint_eq(p->client.closes, 1);
    ck_assert_uint_eq(p->server.closes, 1);
    ck_assert_msg(m->was_done, "%s %zu act %d was never done", m->by_message ? "message" : "byte",
                  m->at, m->act);
    ck_assert_msg(!is_clean(victim) || !is_clean(&p->client) || !is_clean(&p->server),
                  "to %s: %s %zu act %d passed", m->to_server ? "server" : "client",
                  m->by_message ? "message" : "byte", m->at, m->act);
}

static void setup(void)
{
    struct pair *p;

    memset(n_starts, 0, sizeof n_starts);
    memset(total, 0, sizeof total);
    p = converse(measure, NULL);
    ck_assert(is_clean(&p->client) && is_clean(&p->server));
    ck_assert_uint_eq(p->client.data_len, sizeof server_said);
    ck_assert_uint_eq(p->server.data_len, sizeof client_said + 1);
    pair_free(p);
}

static void run(bool to_server, bool by_message, size_t at, enum act act)
{
    static struct mischief m;
    struct pair *p;

    memset(&m, 0, sizeof m);
    m.to_server = to_server;
    m.by_message = by_message;
    m.at = at;
    m.act = act;
    p = converse(interfere, &m);
    ck_detected(p, &m);
    pair_free(p);
}

/* A repeated byte that equals its neighbour, or a dropped one, shifts the rest all the same. */
START_TEST(every_altered_byte_is_noticed)
{
    bool to_server = _i % 2;
    bool is_repeat = _i / 2 == REPEAT;

    for (size_t at = 0; at + is_repeat < total[to_server]; at++)
        run(to_server, false, at, (enum act)(_i / 2));
}
END_TEST

START_TEST(every_altered_message_is_noticed)
{
    bool to_server = _i % 2;
    enum act act = (enum act)(_i / 2 + DROP);

    for (size_t at = 0; at + (act != DROP) < n_starts[to_server]; at++)
        run(to_server, true, at, act);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("channel: a man in the middle");
    TCase *tc = tcase_create("mischief");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, every_altered_byte_is_noticed, 0, 6);
    tcase_add_loop_test(tc, every_altered_message_is_noticed, 0, 6);
    suite_add_tcase(s, tc);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
