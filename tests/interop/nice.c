/* SPDX-License-Identifier: MIT */
/*
 * Our agent and libnice's, over the loopback interface. Claims, for libnice in either role, with
 * regular and with its own aggressive nomination, with and without trickle:
 *
 *  1. both find each other, and data arrives in both directions;
 *  2. our restart and libnice's both lead to a new path, and data arrives again;
 *  3. the two of the same role settle it;
 *  4. consent is given and asked for by both, for longer than either waits.
 *
 * Both run in this thread: their loops take turns on one poll().
 */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nice/agent.h>

#include <farhand/ice_uv.h>

enum { MAX_FDS = 64, PATIENCE_MS = 20000 };

struct meeting {
    uv_loop_t loop;
    GMainContext *context;
    bool is_trickling;

    struct fh_ice_uv *ours;
    struct fh_ice_description description; /* ours, as it was told last */
    enum fh_ice_state state;
    size_t received, descriptions;
    bool is_closed;

    NiceAgent *theirs;
    guint stream;
    bool is_gathered, has_peer;
    NiceComponentState their_state;
    size_t their_received;
};

/* ---- one loop of two ------------------------------------------------------------------------ */

static void turn_both(struct meeting *m, int max_ms)
{
    GPollFD fds[MAX_FDS];
    struct pollfd all[MAX_FDS + 1];
    int priority, timeout, uv_timeout, n;

    uv_run(&m->loop, UV_RUN_NOWAIT);
    (void)g_main_context_prepare(m->context, &priority);
    n = g_main_context_query(m->context, priority, &timeout, fds, MAX_FDS);
    ck_assert_int_le(n, MAX_FDS);
    uv_timeout = uv_backend_timeout(&m->loop);
    if (timeout < 0 || timeout > max_ms)
        timeout = max_ms;
    if (uv_timeout >= 0 && uv_timeout < timeout)
        timeout = uv_timeout;
    for (int i = 0; i < n; i++)
        all[i] = (struct pollfd){.fd = fds[i].fd, .events = (short)fds[i].events};
    all[n] = (struct pollfd){.fd = uv_backend_fd(&m->loop), .events = POLLIN};
    (void)poll(all, (nfds_t)n + 1, timeout);
    for (int i = 0; i < n; i++)
        fds[i].revents = (gushort)all[i].revents;
    if (g_main_context_check(m->context, priority, fds, n))
        g_main_context_dispatch(m->context);
}

#define UNTIL(m, condition)                                                                        \
    do {                                                                                           \
        uint64_t end_ = uv_hrtime() / 1000000 + PATIENCE_MS;                                       \
        while (!(condition) && uv_hrtime() / 1000000 < end_)                                       \
            turn_both(m, 100);                                                                     \
        ck_assert_msg(condition, "not in time: %s (ours %d, theirs %d)", #condition, m->state,     \
                      m->their_state);                                                             \
    } while (0)

static void pass(struct meeting *m, uint64_t ms)
{
    uint64_t end = uv_hrtime() / 1000000 + ms;

    while (uv_hrtime() / 1000000 < end)
        turn_both(m, 100);
}

/* ---- theirs --------------------------------------------------------------------------------- */

static void give_candidate(struct meeting *m, const char *line)
{
    NiceCandidate *c = nice_agent_parse_remote_candidate_sdp(m->theirs, m->stream, line);
    GSList *list = NULL;

    ck_assert_msg(c != NULL, "libnice does not read: %s", line);
    list = g_slist_append(list, c);
    (void)nice_agent_set_remote_candidates(m->theirs, m->stream, 1, list);
    g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

static void give_candidates(struct meeting *m, const struct fh_ice_candidate *list, size_t n)
{
    char text[FH_ICE_CANDIDATE_TEXT + 2] = "a=";

    for (size_t i = 0; i < n; i++) {
        fh_ice_candidate_print(&list[i], text + 2);
        give_candidate(m, text);
    }
}

/* Our description, as it is now. */
static void tell_theirs(struct meeting *m)
{
    ck_assert(nice_agent_set_remote_credentials(m->theirs, m->stream, m->description.ufrag,
                                                m->description.pwd));
    give_candidates(m, m->description.candidates, m->description.len);
    if (m->description.is_complete)
        (void)nice_agent_peer_candidate_gathering_done(m->theirs, m->stream);
    m->has_peer = true;
}

/* Their credentials and, unless they trickle, their candidates, as an SDP of lines. */
static void tell_ours(struct meeting *m)
{
    struct fh_ice_description d;
    GSList *list = nice_agent_get_local_candidates(m->theirs, m->stream, 1);
    char text[4096];
    gchar *ufrag, *pwd;
    int n;

    ck_assert(nice_agent_get_local_credentials(m->theirs, m->stream, &ufrag, &pwd));
    n = snprintf(text, sizeof text, "a=ice-ufrag:%s\na=ice-pwd:%s\n", ufrag, pwd);
    for (GSList *i = list; i; i = i->next) {
        gchar *line = nice_agent_generate_local_candidate_sdp(m->theirs, i->data);

        n += snprintf(text + n, sizeof text - (size_t)n, "%s\n", line);
        g_free(line);
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "%s",
                  m->is_gathered ? "a=end-of-candidates\n" : "");
    g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
    ck_assert_int_eq(fh_ice_description_parse(text, (size_t)n, &d), 0);
    ck_assert_int_eq(fh_ice_uv_set_remote(m->ours, &d), 0);
    g_free(ufrag);
    g_free(pwd);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer user)
{
    struct meeting *m = user;

    (void)agent;
    (void)stream;
    m->is_gathered = true;
    if (m->is_trickling && m->ours)
        fh_ice_uv_end_remote(m->ours);
}

static void on_their_candidate(NiceAgent *agent, NiceCandidate *c, gpointer user)
{
    struct meeting *m = user;
    struct fh_ice_candidate ours;
    gchar *line = nice_agent_generate_local_candidate_sdp(agent, c);
    int ret = fh_ice_candidate_parse(line, strlen(line), &ours);

    ck_assert_msg(ret == 0 || ret == FH_ICE_E_UNSUPPORTED, "we do not read: %s", line);
    if (ret == 0 && m->is_trickling && m->ours)
        (void)fh_ice_uv_add_remote(m->ours, &ours, NULL);
    g_free(line);
}

static void on_their_state(NiceAgent *agent, guint stream, guint component, guint state,
                           gpointer user)
{
    (void)agent;
    (void)stream;
    (void)component;
    ((struct meeting *)user)->their_state = (NiceComponentState)state;
}

static void on_their_data(NiceAgent *agent, guint stream, guint component, guint len, gchar *data,
                          gpointer user)
{
    (void)agent;
    (void)stream;
    (void)component;
    if (len == 6 && memcmp(data, "\x08to th", 6) == 0)
        ((struct meeting *)user)->their_received++;
}

static void make_theirs(struct meeting *m, bool is_controlling, NiceAgentOption options)
{
    NiceAddress *local = nice_address_new();

    m->theirs = nice_agent_new_full(m->context, NICE_COMPATIBILITY_RFC5245, options);
    g_object_set(m->theirs, "controlling-mode", (gboolean)is_controlling, "upnp", FALSE, "ice-tcp",
                 FALSE, NULL);
    ck_assert(nice_address_set_from_string(local, "127.0.0.1"));
    ck_assert(nice_agent_add_local_address(m->theirs, local));
    nice_address_free(local);
    g_signal_connect(m->theirs, "candidate-gathering-done", G_CALLBACK(on_gathered), m);
    g_signal_connect(m->theirs, "new-candidate-full", G_CALLBACK(on_their_candidate), m);
    g_signal_connect(m->theirs, "component-state-changed", G_CALLBACK(on_their_state), m);
    m->stream = nice_agent_add_stream(m->theirs, 1);
    ck_assert_uint_ne(m->stream, 0);
    ck_assert(nice_agent_attach_recv(m->theirs, m->stream, 1, m->context, on_their_data, m));
    ck_assert(nice_agent_gather_candidates(m->theirs, m->stream));
}

/* ---- ours ----------------------------------------------------------------------------------- */

static void on_description(void *user, const struct fh_ice_description *d)
{
    struct meeting *m = user;

    m->description = *d;
    m->descriptions++;
}

static void on_candidate(void *user, const struct fh_ice_candidate *c, const char *ufrag)
{
    struct meeting *m = user;

    (void)ufrag;
    if (!c) {
        m->description.is_complete = true;
        if (m->has_peer)
            (void)nice_agent_peer_candidate_gathering_done(m->theirs, m->stream);
        return;
    }
    if (m->description.len < FH_ICE_MAX_CANDIDATES)
        m->description.candidates[m->description.len++] = *c;
    if (m->has_peer)
        give_candidates(m, c, 1);
}

static void on_state(void *user, enum fh_ice_state state, int error)
{
    (void)error;
    ((struct meeting *)user)->state = state;
}

static void on_received(void *user, const uint8_t *data, size_t len, bool is_stranger)
{
    struct meeting *m = user;

    m->received += !is_stranger && len == 6 && memcmp(data, "\x08to us", 6) == 0;
}

static void on_closed(void *user)
{
    ((struct meeting *)user)->is_closed = true;
}

static void make_ours(struct meeting *m, enum fh_ice_role role)
{
    struct fh_ice_uv_config cfg = {.role = role,
                                   .only_loopback = true,
                                   .description = on_description,
                                   .candidate = on_candidate,
                                   .state = on_state,
                                   .received = on_received,
                                   .user = m};

    ck_assert_int_eq(fh_ice_uv_new(&m->loop, &cfg, &m->ours), 0);
}

/* ---- the meeting ---------------------------------------------------------------------------- */

static void begin(struct meeting *m, enum fh_ice_role role, bool they_control,
                  NiceAgentOption options)
{
    memset(m, 0, sizeof *m);
    m->is_trickling = options & NICE_AGENT_OPTION_ICE_TRICKLE;
    uv_loop_init(&m->loop);
    m->context = g_main_context_new();
    make_ours(m, role);
    make_theirs(m, they_control, options);
    UNTIL(m, m->descriptions == 1 && (m->is_trickling || m->is_gathered));
}

static void end(struct meeting *m)
{
    fh_ice_uv_close(m->ours, on_closed, m);
    m->ours = NULL;
    UNTIL(m, m->is_closed);
    g_object_unref(m->theirs);
    while (g_main_context_iteration(m->context, FALSE))
        ;
    g_main_context_unref(m->context);
    ck_assert_int_eq(uv_loop_close(&m->loop), 0);
}

static void exchange_data(struct meeting *m)
{
    size_t received = m->received, their_received = m->their_received;

    ck_assert_int_eq(fh_ice_uv_send(m->ours, "\x08to th", 6), 0);
    ck_assert_int_eq(nice_agent_send(m->theirs, m->stream, 1, 6, "\x08to us"), 6);
    UNTIL(m, m->received > received && m->their_received > their_received);
}

#define ARE_READY(m)                                                                               \
    ((m)->state == FH_ICE_COMPLETED && (m)->their_state == NICE_COMPONENT_STATE_READY)

static const struct {
    const char *name;
    bool they_control;
    NiceAgentOption options;
} ways[] = {
    {"libnice controlled", false, NICE_AGENT_OPTION_REGULAR_NOMINATION},
    {"libnice controlling, regular", true, NICE_AGENT_OPTION_REGULAR_NOMINATION},
    {"libnice controlling, aggressive", true, NICE_AGENT_OPTION_NONE},
    {"libnice controlled, trickle", false,
     (NiceAgentOption)(NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_REGULAR_NOMINATION)},
    {"libnice controlling, trickle", true,
     (NiceAgentOption)(NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_REGULAR_NOMINATION)},
};

/* libnice offers when it controls: the answer comes after the offer. */
static void introduce(struct meeting *m, bool they_offer)
{
    if (they_offer) {
        tell_ours(m);
        tell_theirs(m);
    } else {
        tell_theirs(m);
        tell_ours(m);
    }
}

START_TEST(we_meet_and_talk)
{
    static struct meeting m;
    uint64_t start;

    begin(&m, ways[_i].they_control ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING, ways[_i].they_control,
          ways[_i].options);
    start = uv_hrtime();
    introduce(&m, ways[_i].they_control);
    UNTIL((&m), ARE_READY(&m));
    printf("%s: ready after %d ms\n", ways[_i].name, (int)((uv_hrtime() - start) / 1000000));
    exchange_data(&m);
    end(&m);
}
END_TEST

START_TEST(we_restart_and_go_on)
{
    static struct meeting m;

    begin(&m, ways[_i].they_control ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING, ways[_i].they_control,
          ways[_i].options);
    introduce(&m, ways[_i].they_control);
    UNTIL((&m), ARE_READY(&m));
    exchange_data(&m);
    m.has_peer = false;
    fh_ice_uv_restart(m.ours);
    UNTIL((&m), m.descriptions == 2);
    ck_assert(nice_agent_restart(m.theirs));
    introduce(&m, false);
    UNTIL((&m), m.state == FH_ICE_COMPLETED);
    UNTIL((&m), ARE_READY(&m));
    exchange_data(&m);
    end(&m);
}
END_TEST

START_TEST(they_restart_and_we_follow)
{
    static struct meeting m;

    begin(&m, ways[_i].they_control ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING, ways[_i].they_control,
          ways[_i].options);
    introduce(&m, ways[_i].they_control);
    UNTIL((&m), ARE_READY(&m));
    m.has_peer = false;
    ck_assert(nice_agent_restart(m.theirs));
    tell_ours(&m);
    /* Their new credentials made us restart: our answer. */
    UNTIL((&m), m.descriptions == 2);
    tell_theirs(&m);
    UNTIL((&m), ARE_READY(&m));
    exchange_data(&m);
    end(&m);
}
END_TEST

START_TEST(of_two_that_want_one_role_one_gives_way)
{
    static struct meeting m;
    bool is_controlling = _i % 2 == 0;

    begin(&m, is_controlling ? FH_ICE_CONTROLLING : FH_ICE_CONTROLLED, is_controlling,
          NICE_AGENT_OPTION_REGULAR_NOMINATION);
    introduce(&m, _i / 2 == 0);
    UNTIL((&m), ARE_READY(&m));
    exchange_data(&m);
    end(&m);
}
END_TEST

/* Long enough for consent to run out on either side, were it not given. */
START_TEST(consent_is_given_by_both)
{
    static struct meeting m;

    begin(&m, FH_ICE_CONTROLLING, false,
          (NiceAgentOption)(NICE_AGENT_OPTION_CONSENT_FRESHNESS |
                            NICE_AGENT_OPTION_REGULAR_NOMINATION));
    introduce(&m, false);
    UNTIL((&m), ARE_READY(&m));
    pass(&m, getenv("FARHAND_SLOW") ? 60000 : 36000);
    ck_assert(ARE_READY(&m));
    exchange_data(&m);
    end(&m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("nice");
    TCase *tc = tcase_create("nice");
    SRunner *sr = srunner_create(s);
    int failed, n = (int)(sizeof ways / sizeof *ways);

    tcase_set_timeout(tc, 120);
    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, we_meet_and_talk, 0, n);
    tcase_add_loop_test(tc, we_restart_and_go_on, 0, n);
    tcase_add_loop_test(tc, they_restart_and_we_follow, 0, n);
    tcase_add_loop_test(tc, of_two_that_want_one_role_one_gives_way, 0, 4);
    tcase_add_test(tc, consent_is_given_by_both);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
