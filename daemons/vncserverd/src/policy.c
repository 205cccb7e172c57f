/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"

enum section { LOCKED, AT_LEAST, AT_MOST, SECTIONS };

static const char *const section_names[SECTIONS] = {"locked", "at-least", "at-most"};

static enum section find_section(const char *name)
{
    enum section i;

    for (i = LOCKED; i < SECTIONS; i++)
        if (strcmp(section_names[i], name) == 0)
            break;
    return i;
}

static bool is_the_users(const struct fh__setting *s)
{
    return s->text && (s->source == FH__FROM_FILE || s->source == FH__FROM_COMMAND_LINE);
}

/* A list overruled is told once, with its first line. */
static void tell_overruled(const struct fh__reading *r, const struct fh__option *o, const char *was,
                           const char *is)
{
    fh__log(FH__LOG_WARNING, "%s = %.*s: the policy, line %u, makes that %s", o->name,
            (int)strcspn(was, "\n"), was, r->line, is);
}

static const char *lock(struct fh__reading *r, const struct fh__option *o, const char *value)
{
    struct fh__setting *s = fh__setting_of(r->c, o);
    char *was = is_the_users(s) ? strdup(s->text) : NULL;
    const char *expected;

    if (!s->is_locked)
        fh__option_clear(r->c, o);
    expected = fh__option_set(r->c, o, value, FH__FROM_POLICY, r->line);
    s->is_locked = true;
    if (!expected && was && strcmp(was, value) != 0)
        tell_overruled(r, o, was, value);
    free(was);
    return expected;
}

/* Where 0 is "without a limit" it is more than any other number. */
static bool is_more(const struct fh__option *o, unsigned a, unsigned b)
{
    if (fh__option_is_number(o) && o->min == 0 && (a == 0 || b == 0))
        return a == 0 && b != 0;
    return a > b;
}

/* The bound is set in c for a moment to learn what it is; what was there comes back if it may. */
static const char *bound(struct fh__reading *r, const struct fh__option *o, const char *value,
                         bool is_least)
{
    struct fh__setting *s = fh__setting_of(r->c, o);
    const struct fh__setting before = *s;
    unsigned is = fh__option_rank(r->c, o), limit;
    char *was = s->text ? strdup(s->text) : NULL;
    const char *expected = fh__option_set(r->c, o, value, FH__FROM_POLICY, r->line);

    if (expected || !was) {
        free(was);
        return expected;
    }
    limit = fh__option_rank(r->c, o);
    *(is_least ? &s->at_least : &s->at_most) = limit;
    *(is_least ? &s->has_at_least : &s->has_at_most) = true;
    if (s->has_at_least && s->has_at_most && is_more(o, s->at_least, s->at_most))
        expected = "bounds with something between them";
    else if (!(is_least ? is_more(o, limit, is) : is_more(o, is, limit)))
        expected = fh__option_set(r->c, o, was, before.source, before.line);
    else if (is_the_users(&before))
        tell_overruled(r, o, was, value);
    free(was);
    return expected;
}

static int apply(struct fh__reading *r, const char *section, const char *name, const char *value)
{
    const struct fh__option *o = fh__option_find(&fh__options, name, strlen(name));
    enum section in = find_section(section);
    const char *expected;

    if (in == SECTIONS) {
        fh__config_complain(r, "%s: expected to stand in [locked], [at-least] or [at-most]", name);
    } else if (!o || o->use == FH__OPTION_CALL) {
        fh__config_complain(r, "%s: expected the name of an option; vncserverd --help lists them",
                            name);
    } else if (in != LOCKED && !fh__option_tightens(o)) {
        fh__config_complain(r, "%s: expected in [locked]; it has no more or less", name);
    } else if (r->seen[in][o - fh__options.of] && !fh__option_is_list(o)) {
        fh__config_complain(r, "%s: expected only once in [%s]", name, section);
    } else if (in != LOCKED && fh__setting_of(r->c, o)->is_locked) {
        fh__config_complain(r, "%s: expected no bound where it is locked", name);
    } else {
        r->seen[in][o - fh__options.of] = true;
        expected = in == LOCKED ? lock(r, o, value) : bound(r, o, value, in == AT_LEAST);
        if (expected)
            fh__config_complain(r, "%s = %s: expected %s", name, value, expected);
    }
    return 1;
}

unsigned fh__policy_read(struct fh__config *c, const char *text, size_t len,
                         fh__config_error_fn error, void *user)
{
    struct fh__reading r = {.c = c, .each = apply, .error = error, .user = user};

    return fh__config_parse(&r, text, len);
}

static void log_complaint(void *user, unsigned line, const char *message)
{
    const char *path = user;

    fh__log(FH__LOG_ERROR, "%s:%u: %s", path, line, message);
}

/* Whoever could write it could loosen what it tightens. */
static bool is_trusted(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 022) == 0 &&
           (st.st_uid == 0 || st.st_uid == geteuid());
}

static int load(struct fh__config *c, const char *path, int fd, char *error, size_t room)
{
    unsigned complaints;
    char *text;
    size_t len;

    if (!is_trusted(fd)) {
        snprintf(error, room, "%s: expected a file that nobody but root may write", path);
        return -1;
    }
    c->settings.policy = strdup(path);
    text = c->settings.policy ? fh__config_text(fd, &len) : NULL;
    if (!text) {
        snprintf(error, room, "%s: %s", path, strerror(errno));
        return -1;
    }
    complaints = fh__policy_read(c, text, len, log_complaint, c->settings.policy);
    free(text);
    if (complaints)
        snprintf(error, room, "%s: wrong in %u place%s", path, complaints,
                 complaints == 1 ? "" : "s");
    return complaints ? -1 : 0;
}

int fh__policy_load(struct fh__config *c, const char *named, char *error, size_t room)
{
    const char *path = FH__POLICY_PATH;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;

    if (fd < 0 && errno == ENOENT) {
        if (!named)
            return 0;
        path = named;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd < 0) {
        snprintf(error, room, "%s: %s", path, strerror(errno));
        return -1;
    }
    ret = load(c, path, fd, error, room);
    close(fd);
    return ret;
}
