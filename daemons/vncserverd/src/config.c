/* SPDX-License-Identifier: MIT */
/* config.c -- the configuration file, and what nobody has said. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#include "older.h"
#include "options.h"
#include "policy.h"

enum { MESSAGE_MAX = 400, PATH_ROOM = 4096, COMPLAINTS_MAX = 20 };

void fh__config_init(struct fh__config *c)
{
    const struct fh__option *o;

    memset(c, 0, sizeof *c);
    for (o = fh__options; o < fh__options + fh__options_n; o++)
        if (o->fallback)
            (void)fh__option_set(c, o, o->fallback, FH__FROM_DEFAULT, 0);
}

void fh__config_free(struct fh__config *c)
{
    size_t i;

    for (i = 0; i < fh__options_n; i++)
        fh__option_clear(c, &fh__options[i]);
    free(c->file);
    free(c->policy);
    memset(c, 0, sizeof *c);
}

/* ---- files ---- */

void fh__config_complain(struct fh__reading *r, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;

    if (++r->complaints > COMPLAINTS_MAX)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    r->error(r->user, r->line, message);
}

/* inih asks for lines and tells names and values. */
static char *next_line(char *out, int room, void *stream)
{
    struct fh__reading *r = stream;
    const char *newline;
    size_t len;

    if (r->at == r->end)
        return NULL;
    r->line++;
    newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    len = newline ? (size_t)(newline - r->at) + 1 : (size_t)(r->end - r->at);
    if (len >= (size_t)room || memchr(r->at, '\0', len)) {
        fh__config_complain(r, len >= (size_t)room ? "expected a shorter line"
                                                   : "expected text, without NUL");
        strcpy(out, "\n"); /* an empty line instead */
    } else {
        memcpy(out, r->at, len);
        out[len] = '\0';
    }
    r->at += len;
    return out;
}

static int tell_line(void *user, const char *section, const char *name, const char *value)
{
    struct fh__reading *r = user;

    return r->each(r, section, name, value);
}

unsigned fh__config_parse(struct fh__reading *r, const char *text, size_t len)
{
    int bad_line;

    r->at = text;
    r->end = text + len;
    bad_line = ini_parse_stream(next_line, r, tell_line, r);
    if (bad_line > 0) {
        r->line = (unsigned)bad_line;
        fh__config_complain(r, "expected name = value");
    } else if (bad_line < 0) {
        r->line = 0;
        fh__config_complain(r, "expected more memory");
    }
    return r->complaints;
}

static int set_one(struct fh__reading *r, const char *section, const char *name, const char *value)
{
    const struct fh__option *o = fh__option_find(name, strlen(name));
    const char *expected;

    if (*section) {
        fh__config_complain(r, "[%s]: expected no section", section);
        return 1;
    }
    if (!o || o->use == FH__OPTION_CALL) {
        fh__config_complain(r, "%s: expected the name of an option; vncserverd --help lists them",
                            name);
        return 1;
    }
    if (r->seen[0][o - fh__options] && !fh__option_is_list(o)) {
        fh__config_complain(r, "%s: expected only once", name);
        return 1;
    }
    r->seen[0][o - fh__options] = true;
    expected = fh__option_set(r->c, o, value, FH__FROM_FILE, r->line);
    if (expected)
        fh__config_complain(r, "%s = %s: expected %s", name, value, expected);
    return 1;
}

unsigned fh__config_read(struct fh__config *c, const char *text, size_t len,
                         fh__config_error_fn error, void *user)
{
    struct fh__reading r = {.c = c, .each = set_one, .error = error, .user = user};

    return fh__config_parse(&r, text, len);
}

char *fh__config_text(int fd, size_t *len)
{
    char *text = malloc(FH__CONFIG_FILE_MAX + 1);
    ssize_t n = 1;

    *len = 0;
    while (text && n > 0 && *len <= FH__CONFIG_FILE_MAX) {
        n = read(fd, text + *len, FH__CONFIG_FILE_MAX + 1 - *len);
        *len += n > 0 ? (size_t)n : 0;
    }
    if (!text || (n >= 0 && *len <= FH__CONFIG_FILE_MAX))
        return text;
    if (n >= 0)
        errno = EFBIG;
    free(text);
    return NULL;
}

static void log_complaint(void *user, unsigned line, const char *message)
{
    const char *path = user;

    fh__log(FH__LOG_ERROR, "%s:%u: %s", path, line, message);
}

int fh__config_load(struct fh__config *c, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), ret = -1;
    char *text = NULL, *where = strdup(path);
    size_t len = 0;

    if (fd >= 0 && where)
        text = fh__config_text(fd, &len);
    if (text) {
        ret = (int)fh__config_read(c, text, len, log_complaint, where);
        free(c->file);
        c->file = where;
        where = NULL;
    } else if (errno == EFBIG) {
        fh__log(FH__LOG_ERROR, "%s: expected at most %d bytes", path, FH__CONFIG_FILE_MAX);
        ret = 1;
    }
    if (fd >= 0)
        close(fd);
    free(text);
    free(where);
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

/* What nobody has said. 0, or -1: no memory, or what the environment says is no value. */
static int fill(struct fh__config *c, const char *name, const char *text, enum fh__source source)
{
    const struct fh__option *o = fh__option_find(name, strlen(name));

    if (c->settings[o - fh__options].text)
        return 0;
    return fh__option_set(c, o, text, source, 0) ? -1 : 0;
}

static int fill_file(struct fh__config *c, const char *name, const char *dir, const char *file)
{
    char path[PATH_ROOM];

    snprintf(path, sizeof path, "%s/%s", dir, file);
    return fill(c, name, path, FH__FROM_DEFAULT);
}

static int fill_display(struct fh__config *c)
{
    const char *display = getenv("DISPLAY");

    if (c->virtual)
        return 0;
    if (display && *display)
        return fill(c, "display", display, FH__FROM_ENVIRONMENT);
    return fill(c, "display", ":0", FH__FROM_DEFAULT);
}

static const char *contradiction(const struct fh__config *c)
{
    if (c->virtual && c->display)
        return "expected display or virtual, not both";
    if (c->program && !c->virtual)
        return "a program is only started with --virtual";
    if (c->notice == FH__NOTICE_COMMAND && !c->notice_command)
        return "notice = command: expected a notice-command";
    if (c->auth == FH__AUTH_PROGRAM && !c->auth_command)
        return "auth = program: expected an auth-command";
    if (fh__older_needs(c, FH_OLDER_IS_VNC) && !c->vnc_password_file)
        return "security-types with VncAuth or X509Vnc: expected a vnc-password-file";
    if (fh__older_needs(c, FH_OLDER_IS_TLS))
        return "security-types: X509 is not there yet";
    return NULL;
}

int fh__config_finish(struct fh__config *c, char *error, size_t room)
{
    char dir[PATH_ROOM - 32], host[256] = "";
    const char *wrong = contradiction(c);
    int bad = 0;

    if (wrong) {
        snprintf(error, room, "%s", wrong);
        return -1;
    }
    directory("STATE_DIRECTORY", "/var/lib/vncserverd", "XDG_STATE_HOME", ".local/state", dir,
              sizeof dir);
    bad |= fill_file(c, "identity", dir, "identity.pem");
    bad |= fill_file(c, "rsa-aes-key", dir, "rsa-aes-key.pem");
    bad |= fill_file(c, "blacklist", dir, "blacklist");
    bad |= fill_file(c, "codes", dir, "codes");
    c->is_control_default = !c->control;
    directory("RUNTIME_DIRECTORY", "/run/vncserverd", "XDG_RUNTIME_DIR", ".cache", dir, sizeof dir);
    bad |= fill_file(c, "control", dir, "control");
    config_directory(dir, sizeof dir);
    bad |= fill_file(c, "users", dir, "users");
    if (gethostname(host, sizeof host - 1) != 0 || !*host)
        snprintf(host, sizeof host, "desktop");
    bad |= fill(c, "name", host, FH__FROM_DEFAULT);
    bad |= fill_display(c);
    bad |= fill(c, "listen", "*:5900", FH__FROM_DEFAULT);
    bad |= fill(c, "audit", "syslog", FH__FROM_DEFAULT);
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
        fh__policy_load(c, out->policy_file, error, room) != 0)
        return -1;
    return fh__config_finish(c, error, room);
}
