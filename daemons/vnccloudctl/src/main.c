/* SPDX-License-Identifier: MIT */
/* main.c -- vnccloudctl: runs a cloud. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditverify.h"
#include "client.h"
#include "show.h"
#include "words.h"

/* Stable; vnccloudctl.1 lists them. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_UNEXPECTED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_SERVICE = 3,
    EXIT_NOT_FOUND = 4,
    EXIT_LOG_CHANGED = 5,
    EXIT_REFUSED = 6,
    EXIT_UNAVAILABLE = 7
};

enum { TARGET_MAX = 2048, WHY_MAX = 256 };

static const char help[] =
    "Usage: vnccloudctl [OPTION]... COMMAND\n"
    "Runs a cloud: accounts, API keys and cloud addresses of a running vnccloudd.\n\n"
    "  account add NAME [LIMITS]            account list, account show NAME\n"
    "  account set NAME [--name N] [LIMITS] account disable NAME, account enable NAME\n"
    "  account remove NAME --yes            and everything of it\n"
    "      LIMITS: --address-limit N, --relay-kbit N, --relay-bytes N; 0: the service's own\n"
    "  key add ACCOUNT --scopes A,B [--networks N,N] [--label TEXT] [--ttl TIME]\n"
    "  key list ACCOUNT, key remove KEY\n"
    "  address add ACCOUNT --listen|--connect [POLICY]\n"
    "  address list [ACCOUNT], address show ADDRESS\n"
    "  address set ADDRESS [--listen] [--connect] [POLICY]\n"
    "  address reset ADDRESS                another password; it must enrol again\n"
    "  address remove ADDRESS\n"
    "      POLICY: --groups A,B, --allow-groups A,B, --allow ADDRESS,ADDRESS, --allow-all,\n"
    "              --label TEXT, --ttl TIME|never, --uses N|any\n"
    "  online [ACCOUNT]                     who is signed in\n"
    "  disconnect ADDRESS\n"
    "  audit list [ACCOUNT]                 what was changed lately\n"
    "  audit verify FILE... [--expect LINK] whether files of the audit are what was written\n"
    "  stats, health, metrics\n"
    "  backup FILE                          a copy of the database\n\n"
    "  --socket PATH                        the control socket of the service\n"
    "  --json                               print what the service says, one JSON value a line\n"
    "  --help, --version                    show this text or the version, and end\n\n"
    "See vnccloudctl(1).\n";

struct call {
    struct fh__client client;
    bool is_json;
    char *const *words; /* behind the command's own */
    int n;
    char why[WHY_MAX];
};

static void complain(const char *what, const char *why)
{
    fprintf(stderr, "vnccloudctl: %s: %s\n", what, why);
}

/* ---- asking ---- */

static enum exit_code code_of(unsigned status)
{
    if (status < 400)
        return EXIT_OK;
    if (status == 404)
        return EXIT_NOT_FOUND;
    return status >= 500 ? EXIT_UNAVAILABLE : EXIT_REFUSED;
}

static void tell_problem(const struct call *call, unsigned status, const json_t *answer)
{
    const char *title = json_string_value(json_object_get(answer, "title"));
    const char *detail = json_string_value(json_object_get(answer, "detail"));

    if (call->is_json && answer)
        fh__show_json(answer);
    if (title)
        complain(title, detail ? detail : "the service did not say more");
    else
        fprintf(stderr, "vnccloudctl: the service answered %u\n", status);
}

/* *out: a new reference, where it went well. */
static enum exit_code ask(struct call *call, const char *method, const char *target,
                          const json_t *body, struct fh__answer *answer, json_t **out)
{
    enum exit_code code;

    if (fh__client_ask(&call->client, method, target, body, answer, out, NULL) != 0) {
        complain(call->client.path, call->client.why);
        return EXIT_NO_SERVICE;
    }
    if ((code = code_of(answer->status)) != EXIT_OK) {
        tell_problem(call, answer->status, *out);
        json_decref(*out);
        *out = NULL;
    }
    return code;
}

/* A word as part of a path or query (RFC 3986 2.1). */
static void escape(const char *text, char *out, size_t room)
{
    size_t n = 0;

    for (; *text && n + 4 < room; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     strchr("-._~", (char)c);

        n += (size_t)snprintf(out + n, room - n, plain ? "%c" : "%%%02X", c);
    }
    out[n] = '\0';
}

static void target_of(char out[TARGET_MAX], const char *path, const char *name, const char *query)
{
    char escaped[1024] = "";

    if (name)
        escape(name, escaped, sizeof escaped);
    snprintf(out, TARGET_MAX, "%s%s%s", path, escaped, query);
}

static enum exit_code usage(const char *what)
{
    complain(what, "expected other words; vnccloudctl --help shows them");
    return EXIT_USAGE;
}

/* ---- what commands have in common ---- */

/* One answer, shown. */
static enum exit_code show_one(struct call *call, const char *method, const char *target,
                               const json_t *body)
{
    struct fh__answer answer;
    json_t *got;
    enum exit_code code = ask(call, method, target, body, &answer, &got);

    if (code == EXIT_OK && got && call->is_json)
        fh__show_json(got);
    else if (code == EXIT_OK && got)
        fh__show_object(got);
    json_decref(got);
    return code;
}

/* All pages of a list. */
static enum exit_code show_list(struct call *call, const char *target,
                                const struct fh__column *columns)
{
    struct fh__answer answer = {0};
    enum exit_code code;
    json_t *got, *item;
    size_t i;
    bool is_first = true;

    do {
        if ((code = ask(call, "GET", is_first ? target : answer.next, NULL, &answer, &got)) !=
            EXIT_OK)
            return code;
        if (is_first && !call->is_json)
            fh__show_head(columns);
        is_first = false;
        if (call->is_json) {
            json_array_foreach(json_object_get(got, "items"), i, item) fh__show_json(item);
        } else {
            fh__show_rows(columns, json_object_get(got, "items"));
        }
        json_decref(got);
    } while (answer.next[0]);
    return EXIT_OK;
}

/* A request whose body is made of options. NULL: it said what is wrong. */
static json_t *read_body(struct call *call, const struct fh__word *options, int from)
{
    json_t *body = json_object();

    if (fh__words_read(options, call->words + from, call->n - from, body, call->why,
                       sizeof call->why) == 0)
        return body;
    fprintf(stderr, "vnccloudctl: %s\n", call->why);
    json_decref(body);
    return NULL;
}

/* ---- accounts ---- */

static const struct fh__word account_words[] = {
    {"name", "name", FH__WORD_TEXT, NULL},
    {"address-limit", "address_limit", FH__WORD_NUMBER, NULL},
    {"relay-kbit", "relay_kbit", FH__WORD_NUMBER, NULL},
    {"relay-bytes", "relay_bytes", FH__WORD_NUMBER, NULL},
    {NULL, NULL, FH__WORD_TEXT, NULL}};

static enum exit_code account_add(struct call *call)
{
    enum exit_code code;
    json_t *body;

    if (call->n < 1 || call->words[0][0] == '-')
        return usage("account add");
    if (!(body = read_body(call, account_words, 1)))
        return EXIT_USAGE;
    json_object_set_new(body, "name", json_string(call->words[0]));
    code = show_one(call, "POST", "/cloud/2/accounts", body);
    json_decref(body);
    return code;
}

static enum exit_code account_list(struct call *call)
{
    static const struct fh__column columns[] = {{"NAME", "name", 24},
                                                {"ADDRESSES", "addresses", 9},
                                                {"DISABLED", "disabled", 8},
                                                {"ID", "id", 0},
                                                {NULL, NULL, 0}};

    return call->n == 0 ? show_list(call, "/cloud/2/accounts", columns) : usage("account list");
}

/* The path of the account of this name, or with this id. */
static enum exit_code find_account(struct call *call, const char *name, char out[TARGET_MAX])
{
    struct fh__answer answer;
    char target[TARGET_MAX];
    const char *id;
    json_t *got;
    enum exit_code code;

    target_of(target, "/cloud/2/account?account=", name, "");
    if ((code = ask(call, "GET", target, NULL, &answer, &got)) != EXIT_OK)
        return code;
    id = json_string_value(json_object_get(got, "id"));
    snprintf(out, TARGET_MAX, "/cloud/2/accounts/%s", id ? id : "");
    json_decref(got);
    return EXIT_OK;
}

static enum exit_code account_show(struct call *call)
{
    char target[TARGET_MAX];

    if (call->n != 1)
        return usage("account show");
    target_of(target, "/cloud/2/account?account=", call->words[0], "");
    return show_one(call, "GET", target, NULL);
}

static enum exit_code change_account(struct call *call, const char *method, const json_t *body)
{
    char target[TARGET_MAX];
    enum exit_code code = find_account(call, call->words[0], target);

    return code == EXIT_OK ? show_one(call, method, target, body) : code;
}

static enum exit_code account_set(struct call *call)
{
    enum exit_code code;
    json_t *body;

    if (call->n < 2)
        return usage("account set");
    if (!(body = read_body(call, account_words, 1)))
        return EXIT_USAGE;
    code = change_account(call, "PUT", body);
    json_decref(body);
    return code;
}

static enum exit_code set_disabled(struct call *call, bool is_disabled)
{
    json_t *body;
    enum exit_code code;

    if (call->n != 1)
        return usage(is_disabled ? "account disable" : "account enable");
    body = json_pack("{s:b}", "disabled", is_disabled);
    code = change_account(call, "PUT", body);
    json_decref(body);
    return code;
}

static enum exit_code account_disable(struct call *call)
{
    return set_disabled(call, true);
}

static enum exit_code account_enable(struct call *call)
{
    return set_disabled(call, false);
}

static enum exit_code account_remove(struct call *call)
{
    if (call->n != 2 || strcmp(call->words[1], "--yes") != 0) {
        complain("account remove", "expected a name and --yes: nothing of it can be had back");
        return EXIT_USAGE;
    }
    return change_account(call, "DELETE", NULL);
}

/* ---- keys ---- */

static enum exit_code key_add(struct call *call)
{
    static const struct fh__word words[] = {{"scopes", "scopes", FH__WORD_LIST, NULL},
                                            {"networks", "networks", FH__WORD_LIST, NULL},
                                            {"label", "label", FH__WORD_TEXT, NULL},
                                            {"ttl", "ttl", FH__WORD_DURATION, NULL},
                                            {NULL, NULL, FH__WORD_TEXT, NULL}};
    char target[TARGET_MAX];
    enum exit_code code;
    json_t *body;

    if (call->n < 1 || call->words[0][0] == '-')
        return usage("key add");
    if (!(body = read_body(call, words, 1)))
        return EXIT_USAGE;
    target_of(target, "/cloud/2/keys?account=", call->words[0], "");
    code = show_one(call, "POST", target, body);
    json_decref(body);
    return code;
}

static enum exit_code key_list(struct call *call)
{
    static const struct fh__column columns[] = {
        {"KEY", "key", 20},     {"LAST USED", "last_used", 24}, {"EXPIRES", "expires", 24},
        {"LABEL", "label", 20}, {"SCOPES", "scopes", 0},        {NULL, NULL, 0}};
    char target[TARGET_MAX];

    if (call->n != 1)
        return usage("key list");
    target_of(target, "/cloud/2/keys?account=", call->words[0], "");
    return show_list(call, target, columns);
}

static enum exit_code on_one(struct call *call, const char *what, const char *method,
                             const char *path, const char *rest)
{
    char target[TARGET_MAX];

    if (call->n != 1)
        return usage(what);
    target_of(target, path, call->words[0], rest);
    return show_one(call, method, target, NULL);
}

static enum exit_code key_remove(struct call *call)
{
    return on_one(call, "key remove", "DELETE", "/cloud/2/keys/", "");
}

/* ---- addresses ---- */

static const struct fh__word address_words[] = {
    {"listen", "actions", FH__WORD_ITEM, "listen"},
    {"connect", "actions", FH__WORD_ITEM, "connect"},
    {"groups", "groups", FH__WORD_LIST, NULL},
    {"allow-groups", "access.groups", FH__WORD_LIST, NULL},
    {"allow", "access.addresses", FH__WORD_LIST, NULL},
    {"allow-all", "all", FH__WORD_TRUE, NULL},
    {"label", "label", FH__WORD_TEXT, NULL},
    {"ttl", "ttl", FH__WORD_DURATION, NULL},
    {"uses", "uses", FH__WORD_COUNT, NULL},
    {NULL, NULL, FH__WORD_TEXT, NULL}};

static json_t *read_policy(struct call *call)
{
    json_t *body = read_body(call, address_words, 1);

    if (!body || !json_object_get(body, "all"))
        return body;
    json_object_del(body, "all");
    if (json_object_get(body, "access")) {
        complain("--allow-all", "not together with --allow or --allow-groups");
        json_decref(body);
        return NULL;
    }
    json_object_set_new(body, "access", json_null());
    return body;
}

static enum exit_code send_policy(struct call *call, const char *what, const char *method,
                                  const char *path)
{
    char target[TARGET_MAX];
    enum exit_code code;
    json_t *body;

    if (call->n < 2 || call->words[0][0] == '-')
        return usage(what);
    if (!(body = read_policy(call)))
        return EXIT_USAGE;
    target_of(target, path, call->words[0], "");
    code = show_one(call, method, target, body);
    json_decref(body);
    return code;
}

static enum exit_code address_add(struct call *call)
{
    return send_policy(call, "address add", "POST", "/cloud/2/addresses?account=");
}

static enum exit_code address_set(struct call *call)
{
    return send_policy(call, "address set", "PUT", "/cloud/2/addresses/");
}

/* A list of everything, or of one account. */
static enum exit_code list_of(struct call *call, const char *what, const char *path,
                              const struct fh__column *columns)
{
    char target[TARGET_MAX], query[64];

    if (call->n > 1)
        return usage(what);
    snprintf(query, sizeof query, "%s%s", path, call->n == 1 ? "?account=" : "");
    target_of(target, query, call->n == 1 ? call->words[0] : NULL, "");
    return show_list(call, target, columns);
}

static enum exit_code address_list(struct call *call)
{
    static const struct fh__column columns[] = {{"ADDRESS", "address", 23},
                                                {"ACTIONS", "actions", 14},
                                                {"ONLINE", "online", 6},
                                                {"LAST SEEN", "last_seen", 24},
                                                {"EXPIRES", "expires", 24},
                                                {"LABEL", "label", 0},
                                                {NULL, NULL, 0}};

    return list_of(call, "address list", "/cloud/2/addresses", columns);
}

static enum exit_code address_show(struct call *call)
{
    return on_one(call, "address show", "GET", "/cloud/2/addresses/", "");
}

static enum exit_code address_reset(struct call *call)
{
    return on_one(call, "address reset", "POST", "/cloud/2/addresses/", "/password");
}

static enum exit_code address_remove(struct call *call)
{
    return on_one(call, "address remove", "DELETE", "/cloud/2/addresses/", "");
}

/* ---- who is there, what was done ---- */

static enum exit_code online(struct call *call)
{
    static const struct fh__column columns[] = {{"ADDRESS", "address", 23}, {"SINCE", "since", 24},
                                                {"ACTIONS", "actions", 14}, {"PEER", "peer", 26},
                                                {"PROGRAM", "program", 0},  {NULL, NULL, 0}};

    return list_of(call, "online", "/cloud/2/presence", columns);
}

static enum exit_code disconnect(struct call *call)
{
    return on_one(call, "disconnect", "DELETE", "/cloud/2/presence/", "");
}

static enum exit_code audit_list(struct call *call)
{
    static const struct fh__column columns[] = {{"WHEN", "utc", 24},
                                                {"EVENT", "event", 20},
                                                {"ACTOR", "actor", 24},
                                                {"TARGET", "target", 0},
                                                {NULL, NULL, 0}};

    return list_of(call, "audit list", "/cloud/2/audit", columns);
}

static enum exit_code audit_verify(struct call *call)
{
    switch (fh__audit_command(call->words - 1, call->n + 1, call->is_json)) {
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

static enum exit_code stats(struct call *call)
{
    return call->n == 0 ? show_one(call, "GET", "/cloud/2/stats", NULL) : usage("stats");
}

static enum exit_code health(struct call *call)
{
    struct fh__answer answer;
    json_t *got;

    if (call->n != 0)
        return usage("health");
    if (fh__client_ask(&call->client, "GET", "/health/ready", NULL, &answer, &got, NULL) != 0) {
        complain(call->client.path, call->client.why);
        return EXIT_NO_SERVICE;
    }
    if (call->is_json)
        fh__show_json(got);
    else
        printf("%s\n", answer.status == 200 ? "good" : "not good: the log of the service says why");
    json_decref(got);
    return answer.status == 200 ? EXIT_OK : EXIT_UNAVAILABLE;
}

static enum exit_code metrics(struct call *call)
{
    struct fh__answer answer;
    json_t *problem;
    enum exit_code code;

    if (call->n != 0)
        return usage("metrics");
    if (fh__client_fetch(&call->client, "/metrics", stdout, &answer, &problem) != 0) {
        complain(call->client.path, call->client.why);
        return EXIT_NO_SERVICE;
    }
    if ((code = code_of(answer.status)) != EXIT_OK)
        tell_problem(call, answer.status, problem);
    json_decref(problem);
    return code;
}

/* ---- a copy ---- */

static enum exit_code copy_failed(const char *path, const char *why)
{
    complain(path, why);
    return EXIT_UNEXPECTED;
}

/* Into the file, which gets its name when it is whole and on the disk. */
static enum exit_code fetch_copy(struct call *call, FILE *f, const char *partial, const char *path)
{
    struct fh__answer answer;
    json_t *problem;
    enum exit_code code;

    if (fh__client_fetch(&call->client, "/cloud/2/database", f, &answer, &problem) != 0) {
        complain(call->client.path, call->client.why);
        return EXIT_NO_SERVICE;
    }
    if ((code = code_of(answer.status)) != EXIT_OK) {
        tell_problem(call, answer.status, problem);
        json_decref(problem);
        return code;
    }
    if (fflush(f) != 0 || fsync(fileno(f)) != 0 || rename(partial, path) != 0)
        return copy_failed(path, strerror(errno));
    if (!call->is_json)
        printf("%llu bytes\n", (unsigned long long)answer.len);
    return EXIT_OK;
}

static enum exit_code backup(struct call *call)
{
    char partial[4096];
    const char *path = call->n == 1 ? call->words[0] : NULL;
    enum exit_code code;
    FILE *f;
    int fd;

    if (!path || *path == '-')
        return usage("backup");
    if (access(path, F_OK) == 0)
        return copy_failed(path, "there is such a file already");
    if (snprintf(partial, sizeof partial, "%s.partial", path) >= (int)sizeof partial)
        return copy_failed(path, strerror(ENAMETOOLONG));
    fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || !(f = fdopen(fd, "w")))
        return copy_failed(partial, strerror(errno));
    code = fetch_copy(call, f, partial, path);
    fclose(f);
    if (code != EXIT_OK)
        unlink(partial);
    return code;
}

/* ---- commands ---- */

static const struct {
    const char *first, *second; /* second NULL: one word */
    enum exit_code (*run)(struct call *call);
} commands[] = {{"account", "add", account_add},
                {"account", "list", account_list},
                {"account", "show", account_show},
                {"account", "set", account_set},
                {"account", "disable", account_disable},
                {"account", "enable", account_enable},
                {"account", "remove", account_remove},
                {"key", "add", key_add},
                {"key", "list", key_list},
                {"key", "remove", key_remove},
                {"address", "add", address_add},
                {"address", "list", address_list},
                {"address", "show", address_show},
                {"address", "set", address_set},
                {"address", "reset", address_reset},
                {"address", "remove", address_remove},
                {"online", NULL, online},
                {"disconnect", NULL, disconnect},
                {"audit", "list", audit_list},
                {"audit", "verify", audit_verify},
                {"stats", NULL, stats},
                {"health", NULL, health},
                {"metrics", NULL, metrics},
                {"backup", NULL, backup}};

static enum exit_code run(struct call *call, int argc, char *const *argv)
{
    for (size_t i = 0; argc > 0 && i < sizeof commands / sizeof commands[0]; i++) {
        int words = commands[i].second ? 2 : 1;

        if (argc < words || strcmp(argv[0], commands[i].first) != 0 ||
            (words == 2 && strcmp(argv[1], commands[i].second) != 0))
            continue;
        call->words = argv + words;
        call->n = argc - words;
        return commands[i].run(call);
    }
    return usage(argc > 0 ? argv[0] : "COMMAND");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    char usual[4096];
    struct call call = {.client = {.path = usual, .fd = -1}};
    enum exit_code code;
    int c;

    fh__client_default(usual, sizeof usual);
    while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        switch (c) {
        case 's':
            call.client.path = optarg;
            break;
        case 'j':
            call.is_json = true;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_OK;
        case 'v':
            printf("vnccloudctl 0.1.0\n");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    code = run(&call, argc - optind, argv + optind);
    fh__client_close(&call.client);
    if (fflush(stdout) != 0 && code == EXIT_OK)
        code = EXIT_UNEXPECTED;
    return (int)code;
}
