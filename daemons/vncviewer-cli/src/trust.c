/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <farhand/identity_uv.h>
#include <farhand/known_peers_file.h>

#include "terminal.h"

const char *trust_how_text(enum fh_known_how how)
{
    switch (how) {
    case FH_KNOWN_PHRASE_TYPED:
        return "catchphrase typed";
    case FH_KNOWN_GIVEN:
        return "given in advance";
    case FH_KNOWN_ACCEPTED_BLIND:
        return "accepted unseen";
    case FH_KNOWN_ROTATED:
        return "named by the key before";
    }
    return "unknown";
}

static int remember(struct fh_known_peers *k, void *user)
{
    struct trust *t = user;
    uint8_t salt[16];

    fh_random_system(NULL, salt, sizeof salt);
    return fh_known_peers_add(k, t->name, t->spki, t->spki_len, t->how, t->phrase, time(NULL),
                              t->hash_names ? salt : NULL);
}

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

static enum verdict pin(struct trust *t, enum fh_known_how how)
{
    int ret;

    t->how = how;
    ret = fh_known_peers_update(t->store, remember, t);
    return ret == 0 ? VERDICT_TRUSTED : failed(t, ret, 0);
}

/* What is computed once per new key only, since it takes 0.15 s. */
static enum verdict learn_phrase(struct trust *t, const uint8_t fp[FH_FINGERPRINT_LEN])
{
    if (fh_catchphrase(fp, t->phrase) == 0)
        return VERDICT_TRUSTED;
    snprintf(t->why, sizeof t->why, "no memory for the catchphrase (64 MiB)");
    return VERDICT_FAILED;
}

static bool is_given(const struct trust *t, const uint8_t fp[FH_FINGERPRINT_LEN])
{
    uint8_t given[FH_FINGERPRINT_LEN];

    if (fh_fingerprint_from_hex(t->given, given) == 0)
        return memcmp(given, fp, sizeof given) == 0;
    return fh_catchphrase_matches(t->phrase, t->given) == FH_CATCHPHRASE_WORDS;
}

static enum verdict judge_unknown(struct trust *t, const uint8_t fp[FH_FINGERPRINT_LEN])
{
    enum verdict v = learn_phrase(t, fp);

    if (v != VERDICT_TRUSTED)
        return v;
    if (t->was_asked) {
        t->is_checked = t->how == FH_KNOWN_PHRASE_TYPED;
        return pin(t, t->how);
    }
    if (t->given) {
        t->is_checked = is_given(t, fp);
        return t->is_checked ? pin(t, FH_KNOWN_GIVEN) : VERDICT_NOT_GIVEN;
    }
    return t->accept_new && !t->verify_always ? pin(t, FH_KNOWN_ACCEPTED_BLIND) : VERDICT_UNKNOWN;
}

static enum verdict judge_known(struct trust *t, const struct fh_known_peer *peer)
{
    t->how = peer->how;
    snprintf(t->phrase, sizeof t->phrase, "%s", peer->phrase);
    if (t->phrase[0] == '\0' && learn_phrase(t, peer->fingerprint) != VERDICT_TRUSTED)
        return VERDICT_FAILED;
    if (t->given && !is_given(t, peer->fingerprint))
        return VERDICT_NOT_GIVEN;
    t->is_checked = t->given || t->was_asked;
    if (t->was_asked)
        return pin(t, FH_KNOWN_PHRASE_TYPED);
    if (t->verify_always && !t->is_checked)
        return VERDICT_UNCHECKED;
    /* Typed or given now counts more than what was accepted unseen before. */
    return t->given && peer->how == FH_KNOWN_ACCEPTED_BLIND ? pin(t, FH_KNOWN_GIVEN)
                                                            : VERDICT_TRUSTED;
}

static enum verdict judge_changed(struct trust *t, const struct fh_known_peer *peer,
                                  const uint8_t fp[FH_FINGERPRINT_LEN], enum verdict verdict)
{
    fh_fingerprint_to_hex(peer->fingerprint, t->known_fingerprint);
    snprintf(t->known_phrase, sizeof t->known_phrase, "%s", peer->phrase);
    return learn_phrase(t, fp) == VERDICT_TRUSTED ? verdict : VERDICT_FAILED;
}

/* A second connection must meet the very identity that the person decided on. */
static bool is_another_than_asked(const struct trust *t, const uint8_t *spki, size_t len)
{
    return t->was_asked && (t->spki_len != len || memcmp(t->spki, spki, len) != 0);
}

static int retire_before(struct fh_known_peers *k, void *user)
{
    const struct trust *t = user;
    int n = fh_known_peers_retire(k, t->name, t->spki, t->spki_len);

    return n < 0 ? n : 0;
}

/* The key that another one named is met: from now on it is the only one. */
static enum verdict retire(struct trust *t)
{
    int ret = fh_known_peers_update(t->store, retire_before, t);

    return ret == 0 ? VERDICT_TRUSTED : failed(t, ret, 0);
}

struct rotation {
    const struct trust *t;
    const uint8_t *spki;
    size_t len;
    const char *phrase;
    int added;
};

static int keep_next(struct fh_known_peers *k, void *user)
{
    struct rotation *r = user;

    r->added = fh_known_peers_rotate(k, r->t->spki, r->t->spki_len, r->spki, r->len, r->phrase,
                                     time(NULL));
    return r->added < 0 ? r->added : 0;
}

/* As in every session but the first: nothing is to be computed or written. */
static bool is_kept(const struct trust *t, const uint8_t *spki, size_t len)
{
    struct fh_known_peers *k = NULL;
    unsigned line;
    bool is_there = fh_known_peers_load(t->store, &k, &line) == 0 &&
                    fh_known_peers_check(k, t->name, spki, len, NULL) == FH_KNOWN_MATCHES;

    fh_known_peers_free(k);
    return is_there;
}

int trust_rotate(struct trust *t, const uint8_t *spki, size_t len, char phrase[FH_CATCHPHRASE_MAX])
{
    struct rotation r = {.t = t, .spki = spki, .len = len, .phrase = phrase};
    uint8_t fp[FH_FINGERPRINT_LEN];
    int ret;

    if (is_kept(t, spki, len))
        return 0;
    fh_fingerprint(spki, len, fp);
    if (fh_catchphrase(fp, phrase) != 0) /* it takes memory; the key counts */
        phrase[0] = '\0';
    ret = fh_known_peers_update(t->store, keep_next, &r);
    if (ret != 0)
        failed(t, ret, 0);
    return ret != 0 ? ret : r.added;
}

static int forget_next(struct fh_known_peers *k, void *user)
{
    const struct trust *t = user;

    (void)fh_known_peers_withdraw(k, t->spki, t->spki_len);
    return 0;
}

void trust_withdraw(struct trust *t)
{
    (void)fh_known_peers_update(t->store, forget_next, t);
    t->has_successor = false;
}

enum verdict trust_judge(struct trust *t, const uint8_t *spki, size_t len)
{
    struct fh_known_peers *k = NULL;
    struct fh_known_peer peer;
    uint8_t fp[FH_FINGERPRINT_LEN];
    enum verdict verdict = VERDICT_FAILED;
    const char *other;
    unsigned line;
    int ret;

    t->is_checked = t->has_successor = false;
    if (is_another_than_asked(t, spki, len))
        t->was_asked = false;
    memcpy(t->spki, spki, len);
    t->spki_len = len;
    fh_fingerprint(spki, len, fp);
    fh_fingerprint_to_hex(fp, t->fingerprint);
    ret = fh_known_peers_load(t->store, &k, &line);
    if (ret != 0)
        return failed(t, ret, line);
    other = fh_known_peers_other_name(k, t->name, spki, len);
    snprintf(t->other_name, sizeof t->other_name, "%s", other ? other : "");
    switch (fh_known_peers_check(k, t->name, spki, len, &peer)) {
    case FH_KNOWN_UNKNOWN:
        verdict = judge_unknown(t, fp);
        break;
    case FH_KNOWN_MATCHES:
        t->has_successor = fh_known_peers_has_successor(k, spki, len);
        verdict = peer.how == FH_KNOWN_ROTATED ? retire(t) : VERDICT_TRUSTED;
        if (verdict == VERDICT_TRUSTED)
            verdict = judge_known(t, &peer);
        break;
    case FH_KNOWN_CHANGED:
        verdict = judge_changed(t, &peer, fp, VERDICT_CHANGED);
        break;
    case FH_KNOWN_REVOKED:
        verdict = judge_changed(t, &peer, fp, VERDICT_REVOKED);
        break;
    }
    fh_known_peers_free(k);
    return verdict;
}

bool trust_ask(struct trust *t)
{
    char question[1024], answer[256];
    int words;

    if (t->verify_always)
        snprintf(question, sizeof question,
                 "The identity of the server at %s is checked for each connection.\n"
                 "Type at least one whole sentence of the catchphrase that its owner says.\n"
                 "Catchphrase: ",
                 t->name);
    else
        snprintf(question, sizeof question,
                 "The server at %s is not known yet.\n"
                 "Ask its owner for the catchphrase, and type at least one whole sentence of it.\n"
                 "(\"unseen\" accepts the server without comparing; nothing ends.)\n"
                 "Catchphrase: ",
                 t->name);
    if (terminal_ask(question, false, answer, sizeof answer) != 0 || *answer == '\0')
        return false;
    words = fh_catchphrase_matches(t->phrase, answer);
    if (words == 0 && (t->verify_always || strcasecmp(answer, "unseen") != 0)) {
        snprintf(t->why, sizeof t->why, "the catchphrase typed is not the server's");
        return false;
    }
    t->how = words ? FH_KNOWN_PHRASE_TYPED : FH_KNOWN_ACCEPTED_BLIND;
    t->was_asked = true;
    return true;
}

void trust_explain(const struct trust *t, enum verdict verdict, char *out, size_t room)
{
    switch (verdict) {
    case VERDICT_TRUSTED:
        *out = '\0';
        break;
    case VERDICT_UNKNOWN:
        snprintf(out, room,
                 "the server at %s is not known%s%s%s\n"
                 "  its catchphrase  %s\n"
                 "  its fingerprint  %s\n"
                 "Compare with what its owner says, then pass it: --trust \"%s\"%s%s",
                 t->name, t->other_name[0] ? " (the same key is known as " : "", t->other_name,
                 t->other_name[0] ? ")" : "", t->phrase, t->fingerprint, t->phrase,
                 t->why[0] ? "\n" : "", t->why);
        break;
    case VERDICT_CHANGED:
    case VERDICT_REVOKED:
        snprintf(out, room,
                 "the server at %s %s; nothing was sent to it\n"
                 "  known catchphrase  %s\n"
                 "  known fingerprint  %s\n"
                 "  its catchphrase    %s\n"
                 "  its fingerprint    %s\n"
                 "Either the server has a new key, or someone answers in its place. If its owner\n"
                 "confirms the new one, remove the old: vncviewer-cli known-servers remove %s",
                 t->name, verdict == VERDICT_CHANGED ? "has another key" : "has a revoked key",
                 t->known_phrase[0] ? t->known_phrase : "(not recorded)", t->known_fingerprint,
                 t->phrase, t->fingerprint, t->name);
        break;
    case VERDICT_UNCHECKED:
        snprintf(
            out, room,
            "the server at %s is known, but each connection is to be checked (verify = always)\n"
            "Ask its owner for the catchphrase or the fingerprint, and pass it: --trust "
            "\"...\"%s%s",
            t->name, t->why[0] ? "\n" : "", t->why);
        break;
    case VERDICT_NOT_GIVEN:
        snprintf(out, room,
                 "the server at %s is not the one that --trust names; nothing was sent to it\n"
                 "  its catchphrase  %s\n"
                 "  its fingerprint  %s",
                 t->name, t->phrase, t->fingerprint);
        break;
    case VERDICT_FAILED:
        snprintf(out, room, "%s", t->why);
        break;
    }
}
