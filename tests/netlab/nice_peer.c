/* SPDX-License-Identifier: MIT */
/*
 * nice_peer -- libnice's agent, driven by the lines of ice_peer: the peer that ours is measured
 * beside, and that it meets behind real NATs.
 *
 *     nice_peer controlling|controlled [option]...
 *
 *     --stun HOST:PORT   (the first one counts)      --turn udp|tcp,HOST,PORT,USER,PASSWORD
 *     --regular          regular nomination instead of its own aggressive one
 *
 * Of the lines it knows `description`, `candidate`, `end`, `send N`, `echo` and `close`.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nice/agent.h>

#include "base64.h"

enum { LINE = 16384, DATAGRAM = 1000 };

static struct {
    GMainLoop *loop;
    NiceAgent *agent;
    guint stream;
    gint64 start;
    char ufrag[257];
    unsigned received;
    bool echoes;
} app;

static void fail(const char *what)
{
    fprintf(stderr, "nice_peer: %s\n", what);
    exit(2);
}

static long long since_start(void)
{
    return (long long)(g_get_monotonic_time() / 1000 - app.start);
}

/* ---- what it says --------------------------------------------------------------------------- */

static void tell_description(void)
{
    char text[1024], coded[BASE64_LEN(sizeof text) + 1];
    gchar *ufrag, *pwd;
    int n;

    if (!nice_agent_get_local_credentials(app.agent, app.stream, &ufrag, &pwd))
        fail("no credentials");
    n = snprintf(text, sizeof text, "ice-ufrag:%s\nice-pwd:%s\nice-options:trickle\n", ufrag, pwd);
    snprintf(app.ufrag, sizeof app.ufrag, "%s", ufrag);
    base64_write((const uint8_t *)text, (size_t)n, coded);
    printf("{\"description\": \"%s\"}\n", coded);
    g_free(ufrag);
    g_free(pwd);
}

static void on_candidate(NiceAgent *agent, NiceCandidate *c, gpointer user)
{
    gchar *line = nice_agent_generate_local_candidate_sdp(agent, c);

    (void)user;
    printf("{\"candidate\": \"%s\", \"ufrag\": \"%s\"}\n", line + strlen("a="), app.ufrag);
    g_free(line);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer user)
{
    (void)agent;
    (void)stream;
    (void)user;
    printf("{\"end\": %lld}\n", since_start());
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer user)
{
    const char *name = state == NICE_COMPONENT_STATE_CONNECTED ? "connected"
                       : state == NICE_COMPONENT_STATE_READY   ? "completed"
                       : state == NICE_COMPONENT_STATE_FAILED  ? "failed"
                                                               : "checking";

    (void)agent;
    (void)stream;
    (void)component;
    (void)user;
    printf("{\"state\": \"%s\", \"ms\": %lld}\n", name, since_start());
}

static void on_path(NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
                    NiceCandidate *remote, gpointer user)
{
    static const char *const types[] = {"host", "srflx", "prflx", "relay"};
    char text[2][NICE_ADDRESS_STRING_LEN];

    (void)agent;
    (void)stream;
    (void)component;
    (void)user;
    nice_address_to_string(&local->addr, text[0]);
    nice_address_to_string(&remote->addr, text[1]);
    printf("{\"path\": [\"%s\", \"%s\"], \"local\": \"%s:%u\", \"peer\": \"%s:%u\"}\n",
           types[local->type], types[remote->type], text[0], nice_address_get_port(&local->addr),
           text[1], nice_address_get_port(&remote->addr));
}

static void on_data(NiceAgent *agent, guint stream, guint component, guint len, gchar *data,
                    gpointer user)
{
    (void)user;
    printf("{\"received\": %u, \"len\": %u}\n", ++app.received, len);
    if (app.echoes)
        (void)nice_agent_send(agent, stream, component, len, data);
}

/* ---- what it is told ------------------------------------------------------------------------ */

static void do_candidate(const char *text)
{
    char line[512];
    NiceCandidate *c;
    GSList *list = NULL;

    snprintf(line, sizeof line, "a=%s", text);
    c = nice_agent_parse_remote_candidate_sdp(app.agent, app.stream, line);
    if (!c)
        return;
    list = g_slist_append(list, c);
    (void)nice_agent_set_remote_candidates(app.agent, app.stream, 1, list);
    g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

static void do_description(const char *text)
{
    static uint8_t plain[LINE];
    char *ufrag = NULL, *pwd = NULL, *line;
    int n = base64_read(text, strlen(text), plain, sizeof plain - 1);

    if (n < 0)
        fail("a description that is none");
    plain[n] = '\0';
    for (line = strtok((char *)plain, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "ice-ufrag:", 10) == 0)
            ufrag = line + 10;
        else if (strncmp(line, "ice-pwd:", 8) == 0)
            pwd = line + 8;
        else if (ufrag && pwd && strncmp(line, "candidate:", 10) == 0) {
            (void)nice_agent_set_remote_credentials(app.agent, app.stream, ufrag, pwd);
            do_candidate(line);
        }
    }
    if (ufrag && pwd)
        (void)nice_agent_set_remote_credentials(app.agent, app.stream, ufrag, pwd);
}

static void do_send(int n)
{
    char data[DATAGRAM];

    memset(data, 0x08, sizeof data);
    while (n-- > 0)
        (void)nice_agent_send(app.agent, app.stream, 1, sizeof data, data);
}

static void obey(char *line)
{
    char *rest = strchr(line, ' '), *candidate;

    if (rest)
        *rest++ = '\0';
    if (strcmp(line, "description") == 0 && rest)
        do_description(rest);
    else if (strcmp(line, "candidate") == 0 && rest && (candidate = strchr(rest, ' ')))
        do_candidate(candidate + 1);
    else if (strcmp(line, "end") == 0)
        (void)nice_agent_peer_candidate_gathering_done(app.agent, app.stream);
    else if (strcmp(line, "send") == 0 && rest)
        do_send(atoi(rest));
    else if (strcmp(line, "echo") == 0)
        app.echoes = true;
    else if (strcmp(line, "close") == 0)
        g_main_loop_quit(app.loop);
    else
        fail("a line that means nothing");
}

static gboolean on_line(GIOChannel *in, GIOCondition condition, gpointer user)
{
    gchar *line = NULL;
    gsize end = 0;
    GIOStatus status = g_io_channel_read_line(in, &line, NULL, &end, NULL);

    (void)condition;
    (void)user;
    if (status == G_IO_STATUS_AGAIN)
        return TRUE;
    if (status != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(app.loop);
        return FALSE;
    }
    line[end] = '\0';
    obey(line);
    g_free(line);
    return TRUE;
}

/* ---- options -------------------------------------------------------------------------------- */

static void add_stun(char *text)
{
    char *colon = strrchr(text, ':');
    static bool has_one;

    if (!colon || has_one)
        return;
    has_one = true;
    *colon = '\0';
    g_object_set(app.agent, "stun-server", text, "stun-server-port", (guint)atoi(colon + 1), NULL);
}

static void add_turn(char *text)
{
    char *word[5];

    for (int i = 0; i < 5; i++)
        word[i] = strtok(i ? NULL : text, ",");
    if (!word[4])
        fail("--turn udp|tcp,HOST,PORT,USER,PASSWORD");
    if (strcmp(word[0], "tls") == 0)
        return; /* it has none that deserves the name */
    (void)nice_agent_set_relay_info(
        app.agent, app.stream, 1, word[1], (guint)atoi(word[2]), word[3], word[4],
        strcmp(word[0], "tcp") == 0 ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP);
}

static void make_agent(int argc, char **argv)
{
    NiceAgentOption options = NICE_AGENT_OPTION_ICE_TRICKLE;

    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--regular") == 0)
            options |= NICE_AGENT_OPTION_REGULAR_NOMINATION;
    app.agent = nice_agent_new_full(NULL, NICE_COMPATIBILITY_RFC5245, options);
    g_object_set(app.agent, "controlling-mode", (gboolean)(strcmp(argv[1], "controlling") == 0),
                 "upnp", FALSE, "ice-tcp", FALSE, NULL);
    g_signal_connect(app.agent, "candidate-gathering-done", G_CALLBACK(on_gathered), NULL);
    g_signal_connect(app.agent, "new-candidate-full", G_CALLBACK(on_candidate), NULL);
    g_signal_connect(app.agent, "component-state-changed", G_CALLBACK(on_state), NULL);
    g_signal_connect(app.agent, "new-selected-pair-full", G_CALLBACK(on_path), NULL);
    app.stream = nice_agent_add_stream(app.agent, 1);
    for (int i = 2; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--stun") == 0)
            add_stun(argv[++i]);
        else if (strcmp(argv[i], "--turn") == 0)
            add_turn(argv[++i]);
    }
}

int main(int argc, char **argv)
{
    GIOChannel *in = g_io_channel_unix_new(0);

    if (argc < 2)
        fail("controlling or controlled?");
    setvbuf(stdout, NULL, _IOLBF, 0);
    app.start = g_get_monotonic_time() / 1000;
    app.loop = g_main_loop_new(NULL, FALSE);
    make_agent(argc, argv);
    (void)g_io_channel_set_flags(in, G_IO_FLAG_NONBLOCK, NULL);
    (void)g_io_add_watch(in, G_IO_IN | G_IO_HUP, on_line, NULL);
    tell_description();
    if (!nice_agent_attach_recv(app.agent, app.stream, 1, NULL, on_data, NULL) ||
        !nice_agent_gather_candidates(app.agent, app.stream))
        fail("libnice does not begin");
    g_main_loop_run(app.loop);
    printf("{\"closed\": %lld}\n", since_start());
    g_object_unref(app.agent);
    return 0;
}
