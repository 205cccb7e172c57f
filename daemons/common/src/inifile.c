/* SPDX-License-Identifier: MIT */
/* inifile.c -- configuration files. */
#include "inifile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#include "log.h"

enum { MESSAGE_MAX = 400, COMPLAINTS_MAX = 20 };

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
    const struct fh__option_table *t = fh__settings_of(r->c)->table;
    const struct fh__option *o = fh__option_find(t, name, strlen(name));
    const char *expected;

    if (*section) {
        fh__config_complain(r, "[%s]: expected no section", section);
        return 1;
    }
    if (!o || o->use == FH__OPTION_CALL) {
        fh__config_complain(r, "%s: expected the name of an option; %s --help lists them", name,
                            t->program);
        return 1;
    }
    if (r->seen[0][o - t->of] && !fh__option_is_list(o)) {
        fh__config_complain(r, "%s: expected only once", name);
        return 1;
    }
    r->seen[0][o - t->of] = true;
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
        free(fh__settings_of(c)->file);
        fh__settings_of(c)->file = where;
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

int fh__config_load_either(struct fh__config *c, const char *named, const char *path, char *error,
                           size_t room)
{
    int complaints = fh__config_load(c, named ? named : path);

    path = named ? named : path;
    if (complaints < 0 && !named && errno == ENOENT)
        return 0;
    if (complaints < 0)
        snprintf(error, room, "%s: %s", path, strerror(errno));
    else if (complaints > 0)
        snprintf(error, room, "%s: wrong in %d place%s", path, complaints,
                 complaints == 1 ? "" : "s");
    return complaints ? -1 : 0;
}
