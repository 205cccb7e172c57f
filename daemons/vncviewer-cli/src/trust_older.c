/* SPDX-License-Identifier: MIT */
/* trust_older.c -- servers that do not know the channel: their keys, and what was used before. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <farhand/identity_uv.h>
#include <farhand/known_peers_file.h>
#include <farhand/older.h>

#include "trust.h"

static enum verdict failed(struct trust *t, int error, unsigned line)
{
    if (error == FH_SESSION_E_FORMAT && line != 0)
        snprintf(t->why, sizeof t->why, "%.150s:%u: not a line of a known-servers file", t->store,
                 line);
    else
        snprintf(t->why, sizeof t->why, "%.150s: %s", t->store,
                 error == FH_SESSION_E_IO ? strerror(errno) : fh_session_strerror(error));
    return VERDICT_FAILED;
}

static int remember(struct fh_known_peers *k, void *user)
{
    struct trust *t = user;
    uint8_t salt[16];

    fh_random_system(NULL, salt, sizeof salt);
    return fh_known_peers_add_older(k, t->name, t->older, t->has_key ? t->key : NULL, t->how,
                                    time(NULL), t->hash_names ? salt : NULL);
}

static enum verdict pin(struct trust *t, enum fh_known_how how)
{
    int ret;

    t->how = how;
    ret = fh_known_peers_update(t->store, remember, t);
    return ret == 0 ? VERDICT_TRUSTED : failed(t, ret, 0);
}

/* All of it in hex, or the 64 bits that the server's owner may be the only ones to see. */
static bool is_given(const struct trust *t)
{
    uint8_t given[FH_FINGERPRINT_LEN];

    if (fh_fingerprint_from_hex(t->given, given) == 0)
        return memcmp(given, t->key, sizeof given) == 0;
    return t->short_fingerprint[0] && strcasecmp(t->given, t->short_fingerprint) == 0;
}

static enum verdict judge_unknown(struct trust *t)
{
    if (!t->has_key) /* there is nothing to compare: the minimum that was asked for says it */
        return t->given || t->verify_always ? VERDICT_NOT_GIVEN : pin(t, FH_KNOWN_ACCEPTED_BLIND);
    if (t->given) {
        t->is_checked = is_given(t);
        return t->is_checked ? pin(t, FH_KNOWN_GIVEN) : VERDICT_NOT_GIVEN;
    }
    return t->accept_new && !t->verify_always ? pin(t, FH_KNOWN_ACCEPTED_BLIND) : VERDICT_UNKNOWN;
}

static enum verdict judge_known(struct trust *t, const struct fh_known_older *o)
{
    t->is_checked = t->has_key && t->given && is_given(t);
    if (t->given && !t->is_checked)
        return VERDICT_NOT_GIVEN;
    if (t->verify_always && !t->is_checked)
        return VERDICT_UNCHECKED;
    /* Also where nothing changes: when it was seen, and a type that is better than before. */
    return pin(t, t->is_checked && o->how == FH_KNOWN_ACCEPTED_BLIND ? FH_KNOWN_GIVEN : o->how);
}

enum verdict trust_judge_older(struct trust *t, unsigned type, const uint8_t *key,
                               const char *short_fingerprint)
{
    struct fh_known_peers *k = NULL;
    struct fh_known_older o;
    enum verdict verdict = VERDICT_FAILED;
    unsigned line;
    int ret;

    t->older = type;
    t->is_checked = t->has_successor = false;
    t->has_key = key != NULL;
    t->phrase[0] = t->fingerprint[0] = '\0';
    if (key) {
        memcpy(t->key, key, sizeof t->key);
        fh_fingerprint_to_hex(t->key, t->fingerprint);
    }
    snprintf(t->short_fingerprint, sizeof t->short_fingerprint, "%s", short_fingerprint);
    if ((ret = fh_known_peers_load(t->store, &k, &line)) != 0)
        return failed(t, ret, line);
    switch (fh_known_peers_check_older(k, t->name, type, key, &o)) {
    case FH_KNOWN_UNKNOWN:
        verdict = judge_unknown(t);
        break;
    case FH_KNOWN_MATCHES:
        verdict = judge_known(t, &o);
        break;
    case FH_KNOWN_CHANGED:
    case FH_KNOWN_REVOKED:
        fh_fingerprint_to_hex(o.key, t->known_fingerprint);
        verdict = VERDICT_CHANGED;
        break;
    }
    fh_known_peers_free(k);
    return verdict;
}

int trust_older_minimum(struct trust *t, unsigned *minimum, bool *is_remembered)
{
    struct fh_known_peers *k = NULL;
    unsigned line, before;
    int ret = fh_known_peers_load(t->store, &k, &line);

    *is_remembered = false;
    if (ret != 0) {
        (void)failed(t, ret, line);
        return -1;
    }
    before = fh_known_peers_older_minimum(k, t->name);
    fh_known_peers_free(k);
    if (fh_older_strength(before) > fh_older_strength(*minimum)) {
        *minimum = before;
        *is_remembered = true;
    }
    return 0;
}

static void explain_unknown(const struct trust *t, char *out, size_t room)
{
    snprintf(out, room,
             "the server at %s is not known (%s)\n"
             "  its fingerprint  %s%s%s\n"
             "Compare with what its owner says, then pass it: --trust %s",
             t->name, fh_older_name(t->older), t->fingerprint,
             t->short_fingerprint[0] ? "\n  as other programs show it  " : "", t->short_fingerprint,
             t->fingerprint);
}

void trust_explain_older(const struct trust *t, enum verdict verdict, char *out, size_t room)
{
    switch (verdict) {
    case VERDICT_TRUSTED:
        *out = '\0';
        break;
    case VERDICT_UNKNOWN:
    case VERDICT_UNCHECKED:
        explain_unknown(t, out, room);
        break;
    case VERDICT_CHANGED:
    case VERDICT_REVOKED:
        snprintf(out, room,
                 "the server at %s has another key; nothing was told to it\n"
                 "  known fingerprint  %s\n"
                 "  its fingerprint    %s\n"
                 "Either the server has a new key, or someone answers in its place. If its owner\n"
                 "confirms the new one, remove the old: vncviewer-cli known-servers remove %s",
                 t->name, t->known_fingerprint, t->fingerprint[0] ? t->fingerprint : "(none)",
                 t->name);
        break;
    case VERDICT_NOT_GIVEN:
        snprintf(out, room,
                 t->has_key ? "the server at %s is not the one that --trust names; nothing was "
                              "told to it\n  its fingerprint  %s"
                            : "the server at %s proves nothing with its security type, %s, so "
                              "nothing was told to it",
                 t->name, t->has_key ? t->fingerprint : fh_older_name(t->older));
        break;
    case VERDICT_FAILED:
        snprintf(out, room, "%s", t->why);
        break;
    }
}
