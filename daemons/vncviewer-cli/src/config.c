/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_LEN = 65536 };

static const char admin[] = "/etc/farhand/vncviewer-cli.conf";

static char *trim(char *text)
{
    size_t len;

    text += strspn(text, " \t\r");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* "name = value"; empty lines and those that begin with # say nothing. */
static int read_line(struct options *o, char *line, char *why, size_t room)
{
    char *text = trim(line), *equals = strchr(text, '=');

    if (*text == '\0' || *text == '#')
        return 0;
    if (!equals) {
        snprintf(why, room, "expected name = value");
        return -1;
    }
    *equals = '\0';
    return options_set(o, trim(text), trim(equals + 1), why, room);
}

int config_parse(struct options *o, const char *path, const char *text, char *why, size_t room)
{
    char *copy = strdup(text), *rest = copy, *line, detail[512];
    unsigned number = 0;
    int ret = copy ? 0 : -1;

    if (!copy)
        snprintf(why, room, "%s: out of memory", path);
    while (ret == 0 && (line = strsep(&rest, "\n")) != NULL) {
        number++;
        if ((ret = read_line(o, line, detail, sizeof detail)) != 0)
            snprintf(why, room, "%s:%u: %s", path, number, detail);
    }
    free(copy);
    return ret;
}

/* 1: there is none. */
static int read_file(struct options *o, const char *path, char *why, size_t room)
{
    char *text = malloc(FILE_MAX_LEN + 1);
    FILE *f = fopen(path, "r");
    size_t len = 0;
    int ret = -1;

    if (!f && (errno == ENOENT || errno == ENOTDIR)) {
        ret = 1;
    } else if (!f || !text) {
        snprintf(why, room, "%s: %s", path, strerror(errno));
    } else if ((len = fread(text, 1, FILE_MAX_LEN + 1, f)) > FILE_MAX_LEN || ferror(f)) {
        snprintf(why, room, "%s: %s", path,
                 ferror(f) ? strerror(errno) : "expected a shorter file");
    } else if (memchr(text, '\0', len)) {
        snprintf(why, room, "%s: expected text, without NUL", path);
    } else {
        text[len] = '\0';
        ret = config_parse(o, path, text, why, room);
    }
    if (f)
        fclose(f);
    free(text);
    return ret;
}

static int own_path(char out[PATH_MAX])
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = -1;

    if (config && *config == '/')
        n = snprintf(out, PATH_MAX, "%s/farhand/vncviewer-cli.conf", config);
    else if (home && *home == '/')
        n = snprintf(out, PATH_MAX, "%s/.config/farhand/vncviewer-cli.conf", home);
    return n > 0 && n < PATH_MAX ? 0 : -1;
}

int config_read(struct options *o, const char *given, char *why, size_t room)
{
    char path[PATH_MAX];
    int ret;

    if ((ret = read_file(o, admin, why, room)) < 0)
        return ret;
    if (!given && own_path(path) != 0)
        return 0;
    ret = read_file(o, given ? given : path, why, room);
    if (ret == 1 && given)
        snprintf(why, room, "%s: %s", given, strerror(ENOENT));
    return ret == 1 && given ? -1 : ret < 0 ? ret : 0;
}
