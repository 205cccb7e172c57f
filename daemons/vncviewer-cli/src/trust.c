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
    if (t->was_asked)
        return pin(t, t->how);
    if (t->given)
        return is_given(t, fp) ? pin(t, FH_KNOWN_GIVEN) : VERDICT_NOT_GIVEN;
    return t->accept_new ? pin(t, FH_KNOWN_ACCEPTED_BLIND) : VERDICT_UNKNOWN;
}

static enum verdict judge_known(struct trust *t, const struct fh_known_peer *peer)
{
    t->how = peer->how;
    snprintf(t->phrase, sizeof t->phrase, "%s", peer->phrase);
    if (t->phrase[0] == '\0' && learn_phrase(t, peer->fingerprint) != VERDICT_TRUSTED)
        return VERDICT_FAILED;
    if (t->given && !is_given(t, peer->fingerprint))
        return VERDICT_NOT_GIVEN;
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

enum verdict trust_judge(struct trust *t, const uint8_t *spki, size_t len)
{
    struct fh_known_peers *k = NULL;
    struct fh_known_peer peer;
    uint8_t fp[FH_FINGERPRINT_LEN];
    enum verdict verdict = VERDICT_FAILED;
    const char *other;
    unsigned line;
    int ret;

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

    snprintf(question, sizeof question,
             "The server at %s is not known yet.\n"
             "Ask its owner for the catchphrase, and type at least one whole sentence of it.\n"
             "(\"unseen\" accepts the server without comparing; nothing ends.)\n"
             "Catchphrase: ",
             t->name);
    if (terminal_ask(question, false, answer, sizeof answer) != 0 || *answer == '\0')
        return false;
    words = fh_catchphrase_matches(t->phrase, answer);
    if (words == 0 && strcasecmp(answer, "unseen") != 0) {
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
                 "confirms the new one, remove the old: vncviewer-cli --forget %s",
                 t->name, verdict == VERDICT_CHANGED ? "has another key" : "has a revoked key",
                 t->known_phrase[0] ? t->known_phrase : "(not recorded)", t->known_fingerprint,
                 t->phrase, t->fingerprint, t->name);
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
