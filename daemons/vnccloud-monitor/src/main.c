/* SPDX-License-Identifier: MIT */
/* main.c -- vnccloud-monitor: watches a cloud's log for its owner's addresses. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/cloud_client_version.h>
#include <farhand/cloud_service.h>
#include <farhand/identity.h>

#include "openings.h"
#include "report.h"
#include "source.h"
#include "state.h"

enum { PATH_ROOM = 4096 };

static const char help[] =
    "Usage: vnccloud-monitor --service LINE --addresses FILE [OPTION]...\n"
    "       vnccloud-monitor --folder LOG --log VKEY --addresses FILE [OPTION]...\n"
    "Checks that the log of a cloud only grows, and tells what it has about your addresses.\n\n"
    "  --service LINE       the cloud, as its clients are told of it, with log=\n"
    "  --folder LOG         a copy of the log, in place of the cloud\n"
    "  --log VKEY           the log's public key; with --service that of LINE\n"
    "  --addresses FILE     your addresses, one a line, and the fingerprints that you know\n"
    "  --state FILE         what is kept from one run to the next\n"
    "  --api-key-file FILE  KEY:SECRET, to ask the cloud what it logged about your addresses\n"
    "  --openings FILE      what it logged, in place of that: JSON\n"
    "  --json               print one JSON object\n"
    "  --help, --version    show this text or the version, and end\n\n"
    "Ends with 0 if all is known, 20 if something is not, 21 if the log shows two histories,\n"
    "1 if it could not be checked. See vnccloud-monitor(1).\n";

struct call {
    const char *service_line, *folder, *vkey, *addresses, *state, *key_file, *openings;
    bool json;
    struct fh_cloud_service service;
    struct fh_tlog_key key;
    struct fh__source *source;
    struct fh__watched w;
    struct fh__followed kept, now;
    bool again;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "vnccloud-monitor: %s: %s\n", what, why);
    return -1;
}

/* ---- what it is told ---- */

static int read_addresses(struct call *c)
{
    const char *expected = "";
    unsigned line = 0;
    size_t len = 0;
    char *text = fh__file_read(c->addresses, &len), where[PATH_ROOM + 16];
    int ret;

    if (!text)
        return complain(c->addresses, strerror(errno));
    ret = fh__watched_parse(text, len, &c->w, &line, &expected);
    free(text);
    if (ret == 0)
        return 0;
    snprintf(where, sizeof where, "%s:%u: expected", c->addresses, line);
    return complain(where, expected);
}

static int read_state(struct call *c)
{
    size_t len = 0;
    char *text;
    int ret;

    if (!c->state)
        return 0;
    text = fh__file_read(c->state, &len);
    if (!text)
        return errno == ENOENT ? 0 : complain(c->state, strerror(errno));
    ret = fh__state_parse(text, len, &c->key, &c->kept, &c->w, &c->again);
    free(text);
    return ret == 0 ? 0 : complain(c->state, "not the state of a monitor of this log");
}

static int choose_source(struct call *c)
{
    const char *expected = "";

    if (c->service_line && fh_cloud_service_parse(c->service_line, &c->service, &expected) != 0)
        return complain("--service: expected", expected);
    if (!c->vkey && c->service_line && c->service.log[0])
        c->vkey = c->service.log;
    if (!c->vkey)
        return complain("--log", "the log's public key is needed");
    if (fh_tlog_key_parse(c->vkey, strlen(c->vkey), &c->key) != 0)
        return complain("--log", "expected NAME+ID+BASE64");
    c->source = c->folder ? fh__source_folder(c->folder) : fh__source_service(&c->service);
    return c->source ? 0 : -1;
}

static int read_options(struct call *c, int argc, char **argv)
{
    enum { SERVICE = 1, FOLDER, LOG, ADDRESSES, STATE, KEY, OPENINGS, AS_JSON, HELP, VERSION };
    static const struct option options[] = {{"service", required_argument, NULL, SERVICE},
                                            {"folder", required_argument, NULL, FOLDER},
                                            {"log", required_argument, NULL, LOG},
                                            {"addresses", required_argument, NULL, ADDRESSES},
                                            {"state", required_argument, NULL, STATE},
                                            {"api-key-file", required_argument, NULL, KEY},
                                            {"openings", required_argument, NULL, OPENINGS},
                                            {"json", no_argument, NULL, AS_JSON},
                                            {"help", no_argument, NULL, HELP},
                                            {"version", no_argument, NULL, VERSION},
                                            {NULL, 0, NULL, 0}};
    const char **const texts[] = {
        [SERVICE] = &c->service_line, [FOLDER] = &c->folder, [LOG] = &c->vkey,
        [ADDRESSES] = &c->addresses,  [STATE] = &c->state,   [KEY] = &c->key_file,
        [OPENINGS] = &c->openings};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == HELP || option == VERSION) {
            printf("%s", option == HELP ? help : "vnccloud-monitor " FH_CLOUD_CLIENT_VERSION "\n");
            exit(FH__EXIT_OK);
        }
        if (option == '?')
            return -1;
        if (option == AS_JSON)
            c->json = true;
        else
            *texts[option] = optarg;
    }
    if (optind < argc)
        return complain(argv[optind], "expected options only");
    if (!c->addresses || !c->service_line == !c->folder)
        return complain("usage", "--addresses, and one of --service and --folder, are needed");
    return 0;
}

/* ---- openings ---- */

static void open_with(struct call *c, const char *text, size_t len, size_t address,
                      const char *from)
{
    if (!text || fh__openings_parse(text, len, address, fh__verdicts_open, &c->w) != 0)
        complain(from, "this is not what the API says of openings");
}

static void ask_all(struct call *c)
{
    char address[FH_CLOUD_ADDRESS_TEXT], target[128], *key, *text;
    size_t len = 0;

    key = fh__file_read(c->key_file, &len);
    if (!key) {
        complain(c->key_file, strerror(errno));
        return;
    }
    key[len] = '\0';
    key[strcspn(key, "\r\n")] = '\0';
    for (size_t i = 0; i < c->w.n; i++) {
        size_t answer_len = 0;

        fh_cloud_address_print(c->w.addresses[i].address, address);
        snprintf(target, sizeof target, "/cloud/2/log/openings?address=%s", address);
        text = fh__source_ask(c->source, target, key, &answer_len);
        if (text)
            open_with(c, text, answer_len, i, target);
        free(text);
    }
    fh_wipe(key, len);
    free(key);
}

/* An array is about each address, as far as the log bears it out. */
static void read_openings(struct call *c)
{
    size_t len = 0;
    char *text = fh__file_read(c->openings, &len);

    if (!text) {
        complain(c->openings, strerror(errno));
        return;
    }
    for (size_t i = 0; i < c->w.n; i++)
        open_with(c, text, len, i, c->openings);
    free(text);
}

/* ---- the run ---- */

/* Both checkpoints, which are signed: whoever sees them knows. */
static void keep_evidence(const struct call *c)
{
    char path[PATH_ROOM], text[2 * FH_TLOG_MAX_NOTE + 2];
    int n = snprintf(text, sizeof text, "%.*s\n%.*s", (int)c->kept.note_len, c->kept.note,
                     (int)c->now.note_len, c->now.note);

    snprintf(path, sizeof path, "%s.fork", c->state ? c->state : "vnccloud-monitor");
    if (n < 0 || fh__file_write(path, text, (size_t)n) != 0)
        complain(path, strerror(errno));
    else
        complain(path, "both checkpoints are here: show them to others");
}

static enum fh__follow_result run(struct call *c)
{
    enum fh__follow_result result =
        fh__follow(&c->key, &c->kept, c->again, fh__source_fetch, c->source, &c->w, &c->now);
    char *text;

    if (result == FH__FOLLOW_FORK)
        keep_evidence(c);
    if (result != FH__FOLLOW_OK)
        return result;
    fh__verdicts_begin(&c->w);
    if (c->openings)
        read_openings(c);
    else if (c->key_file)
        ask_all(c);
    if (!c->state)
        return result;
    text = fh__state_print(&c->key, &c->now, &c->w);
    if (!text || fh__file_write(c->state, text, strlen(text)) != 0) {
        complain(c->state, text ? strerror(errno) : "out of memory");
        result = FH__FOLLOW_UNREACHABLE;
    }
    free(text);
    return result;
}

int main(int argc, char **argv)
{
    static struct call c;
    enum fh__exit ret = FH__EXIT_USAGE;

    signal(SIGPIPE, SIG_IGN);
    if (read_options(&c, argc, argv) == 0 && choose_source(&c) == 0 && read_addresses(&c) == 0 &&
        read_state(&c) == 0) {
        enum fh__follow_result result = run(&c);

        fh__report(result, &c.now, &c.w, c.json);
        ret = fh__report_exit(result, &c.w);
    }
    fh__source_free(c.source);
    fh__watched_free(&c.w);
    return ret;
}
