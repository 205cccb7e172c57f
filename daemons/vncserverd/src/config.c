/* SPDX-License-Identifier: MIT */
/* config.c -- the configuration file, and what nobody has said. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#include "options.h"

enum { MESSAGE_MAX = 400, PATH_ROOM = 4096, SEEN_MAX = 64, COMPLAINTS_MAX = 20 };

void fh__config_init(struct fh__config *c)
{
    const struct fh__option *o;

    memset(c, 0, sizeof *c);
    for (o = fh__options; o < fh__options + fh__options_n; o++)
        if (o->fallback)
            o->set(c, o, o->fallback);
}

void fh__config_free(struct fh__config *c)
{
    free(c->display);
    free(c->virtual);
    free(c->xauthority);
    while (c->n_listen > 0)
        free(c->listen[--c->n_listen]);
    while (c->n_filter > 0)
        free(c->filter[--c->n_filter]);
    free(c->name);
    free(c->identity);
    free(c->users);
    free(c->blacklist);
    free(c->control);
    while (c->n_audit > 0)
        free(c->audit[--c->n_audit]);
    memset(c, 0, sizeof *c);
}

/* inih asks for lines and tells names and values; the number of the line is only known here. */
struct reading {
    struct fh__config *c;
    const char *at, *end;
    unsigned line, complaints;
    bool seen[SEEN_MAX];
    fh__config_error_fn error;
    void *user;
};

static void complain(struct reading *r, const char *message)
{
    if (++r->complaints <= COMPLAINTS_MAX)
        r->error(r->user, r->line, message);
}

static char *next_line(char *out, int room, void *stream)
{
    struct reading *r = stream;
    const char *newline;
    size_t len;

    if (r->at == r->end)
        return NULL;
    r->line++;
    newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    len = newline ? (size_t)(newline - r->at) + 1 : (size_t)(r->end - r->at);
    if (len >= (size_t)room || memchr(r->at, '\0', len)) {
        complain(r, len >= (size_t)room ? "expected a shorter line" : "expected text, without NUL");
        strcpy(out, "\n"); /* an empty line instead */
    } else {
        memcpy(out, r->at, len);
        out[len] = '\0';
    }
    r->at += len;
    return out;
}

static int set_one(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    const struct fh__option *o = fh__option_find(name, strlen(name));
    char message[MESSAGE_MAX];
    const char *expected;
    size_t i;

    if (*section) {
        snprintf(message, sizeof message, "[%s]: expected no section", section);
        complain(r, message);
        return 1;
    }
    if (!o || !o->is_in_file) {
        snprintf(message, sizeof message,
                 "%s: expected the name of an option; vncserverd --help lists them", name);
        complain(r, message);
        return 1;
    }
    i = (size_t)(o - fh__options);
    if (r->seen[i] && !fh__option_is_list(o)) {
        snprintf(message, sizeof message, "%s: expected only once", name);
        complain(r, message);
        return 1;
    }
    r->seen[i] = true;
    expected = o->set(r->c, o, value);
    if (expected) {
        snprintf(message, sizeof message, "%s = %s: expected %s", name, value, expected);
        complain(r, message);
    }
    return 1;
}

unsigned fh__config_read(struct fh__config *c, const char *text, size_t len,
                         fh__config_error_fn error, void *user)
{
    struct reading r = {.c = c, .at = text, .end = text + len, .error = error, .user = user};
    int bad_line = ini_parse_stream(next_line, &r, set_one, &r);

    if (bad_line > 0) {
        r.line = (unsigned)bad_line;
        complain(&r, "expected name = value");
    } else if (bad_line < 0) {
        r.line = 0;
        complain(&r, "expected more memory");
    }
    return r.complaints;
}

static void log_complaint(void *user, unsigned line, const char *message)
{
    const char *path = user;

    fh__log(FH__LOG_ERROR, "%s:%u: %s", path, line, message);
}

int fh__config_load(struct fh__config *c, const char *path)
{
    char *text = malloc(FH__CONFIG_FILE_MAX + 1), where[PATH_ROOM];
    int fd = open(path, O_RDONLY | O_CLOEXEC), ret = -1;
    size_t len = 0;
    ssize_t n = 1;

    if (!text || fd < 0)
        goto out;
    while (n > 0 && len <= FH__CONFIG_FILE_MAX) {
        n = read(fd, text + len, FH__CONFIG_FILE_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        goto out;
    snprintf(where, sizeof where, "%s", path);
    if (len > FH__CONFIG_FILE_MAX) {
        log_complaint(where, 0, "expected at most 65536 bytes");
        ret = 1;
    } else {
        ret = (int)fh__config_read(c, text, len, log_complaint, where);
    }
out:
    if (fd >= 0)
        close(fd);
    free(text);
    return ret;
}

/* The directory that systemd gives, the system's for root, else the user's own. */
static void directory(const char *systemd, const char *system, const char *xdg, const char *home,
                      char *out, size_t room)
{
    const char *given = getenv(systemd), *base = getenv(xdg), *user_home = getenv("HOME");

    if (given && *given == '/')
        snprintf(out, room, "%.*s", (int)strcspn(given, ":"), given);
    else if (geteuid() == 0)
        snprintf(out, room, "%s", system);
    else if (base && *base == '/')
        snprintf(out, room, "%s/vncserverd", base);
    else
        snprintf(out, room, "%s/%s/vncserverd", user_home && *user_home == '/' ? user_home : "",
                 home);
}

static void config_directory(char *out, size_t room)
{
    directory("CONFIGURATION_DIRECTORY", "/etc/vncserverd", "XDG_CONFIG_HOME", ".config", out,
              room);
}

void fh__config_default_path(char *out, size_t room)
{
    char dir[PATH_ROOM - 32];

    config_directory(dir, sizeof dir);
    snprintf(out, room, "%s/vncserverd.conf", dir);
}

static int fill(char **to, const char *text)
{
    if (!*to)
        *to = strdup(text);
    return *to ? 0 : -1;
}

int fh__config_finish(struct fh__config *c, char *error, size_t room)
{
    char dir[PATH_ROOM - 32], path[PATH_ROOM], host[256] = "";
    const char *display = getenv("DISPLAY");
    int bad = 0;

    if (c->virtual && c->display) {
        snprintf(error, room, "expected display or virtual, not both");
        return -1;
    }
    if (c->program && !c->virtual) {
        snprintf(error, room, "a program is only started with --virtual");
        return -1;
    }
    directory("STATE_DIRECTORY", "/var/lib/vncserverd", "XDG_STATE_HOME", ".local/state", dir,
              sizeof dir);
    snprintf(path, sizeof path, "%s/identity.pem", dir);
    bad |= fill(&c->identity, path);
    snprintf(path, sizeof path, "%s/blacklist", dir);
    bad |= fill(&c->blacklist, path);
    c->is_control_default = !c->control;
    directory("RUNTIME_DIRECTORY", "/run/vncserverd", "XDG_RUNTIME_DIR", ".cache", dir, sizeof dir);
    snprintf(path, sizeof path, "%s/control", dir);
    bad |= fill(&c->control, path);
    config_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/users", dir);
    bad |= fill(&c->users, path);
    if (gethostname(host, sizeof host - 1) != 0 || !*host)
        snprintf(host, sizeof host, "desktop");
    bad |= fill(&c->name, host);
    if (!c->virtual)
        bad |= fill(&c->display, display && *display ? display : ":0");
    if (c->n_listen == 0) {
        bad |= fill(&c->listen[0], "*:5900");
        c->n_listen = c->listen[0] ? 1 : 0;
    }
    if (c->n_audit == 0) {
        bad |= fill(&c->audit[0], "syslog");
        c->n_audit = c->audit[0] ? 1 : 0;
    }
    if (bad)
        snprintf(error, room, "out of memory");
    return bad ? -1 : 0;
}

/* The file that was named must be there; the default one need not. */
static int load_file(struct fh__config *c, const char *named, char *error, size_t room)
{
    char path[PATH_ROOM];
    int complaints;

    if (named)
        snprintf(path, sizeof path, "%s", named);
    else
        fh__config_default_path(path, sizeof path);
    complaints = fh__config_load(c, path);
    if (complaints < 0 && !named && errno == ENOENT)
        return 0;
    if (complaints < 0)
        snprintf(error, room, "%s: %s", path, strerror(errno));
    else if (complaints > 0)
        snprintf(error, room, "%s: wrong in %d place%s", path, complaints,
                 complaints == 1 ? "" : "s");
    return complaints ? -1 : 0;
}

int fh__config_build(struct fh__config *c, struct fh__invocation *out, int argc, char *const *argv,
                     char *error, size_t room)
{
    fh__config_init(c);
    if (fh__options_parse(argc, argv, NULL, out, error, room) != 0)
        return -1;
    if (out->action == FH__ACTION_HELP || out->action == FH__ACTION_VERSION)
        return 0;
    if (load_file(c, out->config_file, error, room) != 0 ||
        fh__options_parse(argc, argv, c, out, error, room) != 0 ||
        fh__config_finish(c, error, room) != 0)
        return -1;
    if (out->is_verbose)
        c->log_level = FH__LOG_DEBUG;
    return 0;
}
