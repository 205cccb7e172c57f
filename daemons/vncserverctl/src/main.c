/* SPDX-License-Identifier: MIT */
/* main.c -- vncserverctl: looks at a running vncserverd and directs it. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/session_version.h>

#include "approve.h"
#include "auditverify.h"
#include "socket.h"

/* Stable; vncserverctl.1 lists them. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_UNEXPECTED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_SERVICE = 3,
    EXIT_NO_SESSION = 4,
    EXIT_LOG_CHANGED = 5,
    EXIT_CONFIG = 6
};

static const char help[] =
    "Usage: vncserverctl [OPTION]... COMMAND\n"
    "Looks at a running vncserverd and directs it.\n\n"
    "  list                            the sessions\n"
    "  cloud                           whether it is reachable through its cloud, and who came\n"
    "  disconnect SESSION|all          end a session\n"
    "  permissions SESSION|all LIST    change what it may do, at once\n"
    "  pause, resume                   nobody sees or does anything until resume\n"
    "  watch                           print events as they come, until interrupted\n"
    "  message SESSION|all TEXT        show a text to its viewer\n"
    "  approve                         answer at this terminal who may come in\n"
    "  forgive address A | user NAME   forget the failures of an address or a name\n"
    "  reload                          read the configuration again; sessions stay\n"
    "  audit verify FILE...            whether a log of the audit is what was written; needs no "
    "service\n"
    "        [--expect LINK]...        and still holds the lines with these links\n\n"
    "  --socket PATH                   the control socket of the service\n"
    "  --json                          print what the service says, one JSON object a line\n"
    "  --help, --version               show this text or the version, and end\n\n"
    "See vncserverctl(1).\n";

struct call {
    const char *socket;
    bool is_json;
    json_t *request;
    bool watches, approves;
};

static void complain(const char *what, const char *why)
{
    fprintf(stderr, "vncserverctl: %s: %s\n", what, why);
}

static void print_sessions(const json_t *reply)
{
    const json_t *sessions = json_object_get(reply, "sessions"), *s;
    size_t i;

    if (json_is_true(json_object_get(reply, "paused")))
        printf("paused\n");
    if (json_array_size(sessions) == 0)
        printf("no sessions\n");
    else
        printf("SESSION  SECONDS  USER              PEER                      PERMISSIONS\n");
    json_array_foreach(sessions, i, s)
    {
        const char *user = json_string_value(json_object_get(s, "user"));
        const char *peer = json_string_value(json_object_get(s, "peer"));
        const char *permissions = json_string_value(json_object_get(s, "permissions"));

        printf("%7lld  %7lld  ", (long long)json_integer_value(json_object_get(s, "session")),
               (long long)json_integer_value(json_object_get(s, "seconds")));
        fh__print_clean(user ? user : "", 18);
        fh__print_clean(peer ? peer : "", 26);
        fh__print_clean(permissions ? permissions : "", 0);
        putchar('\n');
    }
}

static void print_cloud(const json_t *cloud)
{
    const char *address = json_string_value(json_object_get(cloud, "address"));
    const char *why = json_string_value(json_object_get(cloud, "why"));
    bool is_online = json_is_true(json_object_get(cloud, "online"));
    const json_t *c;
    size_t i;

    printf("address   ");
    fh__print_clean(address ? address : "", 0);
    printf("\nstate     %s for %lld s\n", is_online ? "online" : "offline",
           (long long)json_integer_value(json_object_get(cloud, "seconds")));
    if (!is_online) {
        printf("because   ");
        fh__print_clean(why ? why : "", 0);
        printf("; again in %lld s\n",
               (long long)json_integer_value(json_object_get(cloud, "retry_s")));
    }
    json_array_foreach(json_object_get(cloud, "connections"), i, c)
    {
        const char *who = json_string_value(json_object_get(c, "cloud"));
        const char *path = json_string_value(json_object_get(c, "path"));

        printf("viewer    ");
        fh__print_clean(who ? who : "", 24);
        fh__print_clean(path ? path : "", 0);
        putchar('\n');
    }
}

static void print_json(const json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
}

/* Takes effect only later: said apart. */
static void print_changes(const json_t *reply)
{
    static const char *const lists[] = {"taken", "restart"};
    static const char *const words[] = {"changed", "changes at the next start"};
    const json_t *name;
    size_t i, n = 0;

    for (size_t k = 0; k < 2; k++)
        json_array_foreach(json_object_get(reply, lists[k]), i, name)
        {
            printf("%s: %s\n", json_string_value(name), words[k]);
            n++;
        }
    if (n == 0)
        printf("nothing changed\n");
}

static void print_reply(const struct call *call, const json_t *reply)
{
    const json_t *n;

    if (call->is_json)
        print_json(reply);
    else if (json_is_array(json_object_get(reply, "sessions")))
        print_sessions(reply);
    else if ((n = json_object_get(reply, "forgiven")) != NULL)
        printf("%lld forgiven\n", (long long)json_integer_value(n));
    else if ((n = json_object_get(reply, "cloud")) != NULL)
        print_cloud(n);
    else if (json_object_get(reply, "taken"))
        print_changes(reply);
}

static enum exit_code fail(const struct call *call, const json_t *reply)
{
    const json_t *error = json_object_get(reply, "error");
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));

    if (call->is_json)
        print_json(reply);
    complain(code ? code : "error", message ? message : "the service did not say what");
    if (code && strcmp(code, "config") == 0)
        return EXIT_CONFIG;
    if (code && strcmp(code, "no-session") == 0)
        return EXIT_NO_SESSION;
    return code && strcmp(code, "usage") == 0 ? EXIT_USAGE : EXIT_UNEXPECTED;
}

static enum exit_code service_ended(const struct call *call)
{
    complain(call->socket, "the service ended");
    return EXIT_NO_SERVICE;
}

static enum exit_code watch(const struct call *call, FILE *socket)
{
    json_t *event;

    while ((event = fh__socket_read(socket)) != NULL) {
        print_json(event);
        json_decref(event);
        if (ferror(stdout)) /* nobody reads any more */
            return EXIT_UNEXPECTED;
    }
    return service_ended(call);
}

static enum exit_code talk(const struct call *call, FILE *socket)
{
    json_t *reply = NULL;
    enum exit_code code = EXIT_OK;

    if (fh__socket_send(socket, call->request) != 0 || !(reply = fh__socket_read(socket))) {
        complain(call->socket, "the service closed the connection: only root and its own user may");
        return EXIT_NO_SERVICE;
    }
    if (json_object_get(reply, "error"))
        code = fail(call, reply);
    else if (call->is_json || (!call->watches && !call->approves))
        print_reply(call, reply);
    json_decref(reply);
    if (code == EXIT_OK && call->approves)
        return fh__approve(socket, call->is_json) == 0 ? EXIT_OK : service_ended(call);
    return code == EXIT_OK && call->watches ? watch(call, socket) : code;
}

static enum exit_code run(const struct call *call)
{
    FILE *socket = fh__socket_open(call->socket);
    enum exit_code code;

    if (!socket) {
        complain(call->socket, strerror(errno));
        return EXIT_NO_SERVICE;
    }
    code = talk(call, socket);
    fclose(socket);
    return code;
}

/* A session's number, or "all". */
static json_t *session_of(const char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);

    return *text >= '0' && *text <= '9' && !*end ? json_integer(n) : json_string(text);
}

/* NULL: no such command, or not so many words. */
static json_t *request_of(char *const *word, int n)
{
    static const char *const plain[] = {"list",  "cloud",   "pause", "resume",
                                        "watch", "approve", "reload"};
    const char *name = n > 0 ? word[0] : "";

    for (size_t i = 0; n == 1 && i < sizeof plain / sizeof *plain; i++)
        if (strcmp(name, plain[i]) == 0)
            return json_pack("{s:s}", "command", name);
    if (n == 2 && strcmp(name, "disconnect") == 0)
        return json_pack("{s:s,s:o}", "command", name, "session", session_of(word[1]));
    if (n == 3 && strcmp(name, "permissions") == 0)
        return json_pack("{s:s,s:o,s:s}", "command", name, "session", session_of(word[1]),
                         "permissions", word[2]);
    if (n == 3 && strcmp(name, "message") == 0)
        return json_pack("{s:s,s:o,s:s}", "command", name, "session", session_of(word[1]), "text",
                         word[2]);
    if (n == 3 && strcmp(name, "forgive") == 0 &&
        (strcmp(word[1], "address") == 0 || strcmp(word[1], "user") == 0))
        return json_pack("{s:s,s:s}", "command", name, word[1], word[2]);
    return NULL;
}

static enum exit_code audit(char *const *words, int n, bool is_json)
{
    switch (fh__audit_command(words, n, is_json)) {
    case FH__AUDIT_WHOLE:
        return EXIT_OK;
    case FH__AUDIT_CHANGED:
        return EXIT_LOG_CHANGED;
    case FH__AUDIT_USAGE:
        return EXIT_USAGE;
    case FH__AUDIT_UNREADABLE:
        break;
    }
    return EXIT_UNEXPECTED;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    char path[4096];
    struct call call = {.socket = path};
    enum exit_code code;
    int c;

    signal(SIGPIPE, SIG_IGN); /* a service that closes is an error to tell, not an end */
    fh__socket_default(path, sizeof path);
    while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (c == 's') {
            call.socket = optarg;
        } else if (c == 'j') {
            call.is_json = true;
        } else if (c == 'h' || c == 'v') {
            fputs(c == 'h' ? help : "vncserverctl " FH_SESSION_VERSION "\n", stdout);
            return EXIT_OK;
        } else {
            return EXIT_USAGE;
        }
    }
    if (optind < argc && strcmp(argv[optind], "audit") == 0)
        return (int)audit(argv + optind + 1, argc - optind - 1, call.is_json);
    call.request = request_of(argv + optind, argc - optind);
    call.watches = optind < argc && strcmp(argv[optind], "watch") == 0;
    call.approves = optind < argc && strcmp(argv[optind], "approve") == 0;
    if (!call.request) {
        complain(optind < argc ? argv[optind] : "no command",
                 "expected a command and its words; vncserverctl --help lists them");
        return EXIT_USAGE;
    }
    code = run(&call);
    json_decref(call.request);
    return (int)code;
}
