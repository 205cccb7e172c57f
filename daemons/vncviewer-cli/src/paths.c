/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int make_parents(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return -1;
        *p = '/';
    }
    return 0;
}

int paths_find(const char *given, const char *name, char out[PATH_MAX], char *why, size_t room)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;

    if (given)
        n = snprintf(out, PATH_MAX, "%s", given);
    else if (state && *state == '/')
        n = snprintf(out, PATH_MAX, "%s/farhand/%s", state, name);
    else if (home && *home == '/')
        n = snprintf(out, PATH_MAX, "%s/.local/state/farhand/%s", home, name);
    else
        n = -1;
    if (n < 0 || n >= PATH_MAX) {
        snprintf(why, room, "no place for %s: HOME is not set, or the path is too long", name);
        return -1;
    }
    if (!given && make_parents(out) != 0) {
        snprintf(why, room, "%.200s: %s", out, strerror(errno));
        return -1;
    }
    return 0;
}
