/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "known.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <farhand/identity.h>
#include <farhand/known_peers_file.h>
#include <farhand/older.h>
#include <jansson.h>

#include "app.h"
#include "paths.h"
#include "target.h"
#include "terminal.h"
#include "trust.h"

static enum exit_code store_failed(const struct options *o, const char *store, int error,
                                   unsigned line)
{
    char why[PATH_MAX + 128];

    if (error == FH_SESSION_E_FORMAT && line != 0)
        snprintf(why, sizeof why, "%s:%u: not a line of a known-servers file", store, line);
    else
        snprintf(why, sizeof why, "%s: %s", store,
                 error == FH_SESSION_E_IO ? strerror(errno) : fh_session_strerror(error));
    return app_fail(o, EXIT_UNEXPECTED, why);
}

static enum exit_code not_known(const struct options *o, const char *name)
{
    char why[FH_KNOWN_PEERS_NAME_MAX + 64];

    snprintf(why, sizeof why, "%s: no identity is known under this name", name);
    return app_fail(o, EXIT_SERVER_UNKNOWN, why);
}

/* RFC 3339, UTC. */
static void print_time(int64_t seconds, char out[32])
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(out, "?");
}

/* ---- what is shown of a key ---- */

struct shown {
    struct fh_known_entry entry;
    char name[4 * FH_KNOWN_PEERS_NAME_MAX + 1]; /* as it may be shown */
    char fingerprint[FH_FINGERPRINT_HEX], by[FH_FINGERPRINT_HEX];
    char first[32], last[32];
};

static void prepare(struct shown *s, const char *name)
{
    terminal_escape(name ? name : s->entry.name, s->name, sizeof s->name);
    fh_fingerprint_to_hex(s->entry.peer.fingerprint, s->fingerprint);
    fh_fingerprint_to_hex(s->entry.peer.rotated_by, s->by);
    print_time(s->entry.peer.first_seen_s, s->first);
    print_time(s->entry.peer.last_seen_s, s->last);
}

static void print_json(const struct shown *s)
{
    const struct fh_known_peer *p = &s->entry.peer;
    json_t *o = json_pack("{s:s,s:b,s:s,s:s,s:s,s:s,s:s,s:s}", "name", s->name, "hashed",
                          s->entry.is_hashed, "status", fh_known_status_word(s->entry.status),
                          "how", fh_known_how_word(p->how), "fingerprint", s->fingerprint,
                          "catchphrase", p->phrase, "first_seen", s->first, "last_seen", s->last);

    if (o && p->how == FH_KNOWN_ROTATED)
        json_object_set_new(o, "rotated_by", json_string(s->by));
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static void print_line(const struct shown *s)
{
    printf("%s  %-7s  %-14s  %.10s  %.16s  %s\n", s->last, fh_known_status_word(s->entry.status),
           fh_known_how_word(s->entry.peer.how), s->first, s->fingerprint, s->name);
}

static void print_all(const struct shown *s)
{
    const struct fh_known_peer *p = &s->entry.peer;

    printf("%s\n", s->name);
    printf("  status       %s\n", fh_known_status_word(s->entry.status));
    printf("  trust        %s\n", trust_how_text(p->how));
    if (p->how == FH_KNOWN_ROTATED)
        printf("  named by     %s\n", s->by);
    printf("  catchphrase  %s\n", p->phrase[0] ? p->phrase : "(not recorded)");
    printf("  fingerprint  %s\n", s->fingerprint);
    printf("  first seen   %s\n  last seen    %s\n", s->first, s->last);
}

/* ---- servers without the channel ---- */

struct shown_older {
    struct fh_known_older entry;
    char name[4 * FH_KNOWN_PEERS_NAME_MAX + 1], stored[FH_KNOWN_PEERS_NAME_MAX + 1];
    char fingerprint[FH_FINGERPRINT_HEX], first[32], last[32];
};

static void prepare_older(struct shown_older *s)
{
    terminal_escape(s->stored, s->name, sizeof s->name);
    strcpy(s->fingerprint, "-");
    if (s->entry.has_key)
        fh_fingerprint_to_hex(s->entry.key, s->fingerprint);
    print_time(s->entry.first_seen_s, s->first);
    print_time(s->entry.last_seen_s, s->last);
}

static void list_older(const struct options *o, const struct fh_known_peers *k)
{
    struct shown_older s;
    json_t *line;

    for (size_t i = 0; fh_known_peers_older_entry(k, i, s.stored, &s.entry); i++) {
        prepare_older(&s);
        if (!o->json) {
            printf("%s  %-7s  %-14s  %.10s  %.16s  %s\n", s.last, fh_older_name(s.entry.type),
                   fh_known_how_word(s.entry.how), s.first, s.fingerprint, s.name);
            continue;
        }
        line = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "name", s.name, "security_type",
                         fh_older_name(s.entry.type), "how", fh_known_how_word(s.entry.how),
                         "fingerprint", s.fingerprint, "first_seen", s.first, "last_seen", s.last);
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    }
}

/* ---- the commands ---- */

static enum exit_code list(const struct options *o, const char *store)
{
    struct fh_known_peers *k = NULL;
    struct shown s;
    unsigned line;
    int ret = fh_known_peers_load(store, &k, &line);

    if (ret != 0)
        return store_failed(o, store, ret, line);
    if (!o->json && fh_known_peers_entry(k, 0, &s.entry))
        printf(
            "LAST SEEN             STATUS   TRUST           FIRST SEEN  FINGERPRINT       NAME\n");
    for (size_t i = 0; fh_known_peers_entry(k, i, &s.entry); i++) {
        prepare(&s, NULL);
        if (o->json)
            print_json(&s);
        else
            print_line(&s);
    }
    list_older(o, k);
    fh_known_peers_free(k);
    return EXIT_OK;
}

static enum exit_code show(const struct options *o, const char *store, const char *name)
{
    struct fh_known_peers *k = NULL;
    struct shown s;
    unsigned line, found = 0;
    int ret = fh_known_peers_load(store, &k, &line);

    if (ret != 0)
        return store_failed(o, store, ret, line);
    for (size_t i = 0; fh_known_peers_entry(k, i, &s.entry); i++) {
        if (!fh_known_peers_entry_is(k, i, name))
            continue;
        found++;
        prepare(&s, name);
        if (o->json)
            print_json(&s);
        else
            print_all(&s);
    }
    fh_known_peers_free(k);
    return found ? EXIT_OK : not_known(o, name);
}

struct removing {
    const char *name;
    int removed;
};

static int remove_one(struct fh_known_peers *k, void *user)
{
    struct removing *r = user;

    r->removed = fh_known_peers_remove(k, r->name);
    return 0;
}

static enum exit_code remove_name(const struct options *o, const char *store, const char *name)
{
    struct removing r = {.name = name};
    int ret = fh_known_peers_update(store, remove_one, &r);

    if (ret != 0)
        return store_failed(o, store, ret, 0);
    if (r.removed == 0)
        return not_known(o, name);
    if (o->json)
        printf("{\"removed\":%d}\n", r.removed);
    else
        printf("%s: removed %d known %s\n", name, r.removed,
               r.removed == 1 ? "identity" : "identities");
    return EXIT_OK;
}

enum exit_code known_command(const struct options *o)
{
    const char *verb = o->n_words > 0 ? o->words[0] : "";
    char store[PATH_MAX], why[512];
    struct target target;

    if (paths_find(o->known_servers, "known_servers", store, why, sizeof why) != 0)
        return app_fail(o, EXIT_USAGE, why);
    if (strcmp(verb, "list") == 0 && o->n_words == 1)
        return list(o, store);
    if (o->n_words != 2 || (strcmp(verb, "show") != 0 && strcmp(verb, "remove") != 0))
        return app_fail(o, EXIT_USAGE,
                        "known-servers: expected list, show ADDRESS or remove ADDRESS");
    if (target_parse(&target, o->words[1], why, sizeof why) != 0)
        return app_fail(o, EXIT_USAGE, why);
    return strcmp(verb, "show") == 0 ? show(o, store, target.name)
                                     : remove_name(o, store, target.name);
}
