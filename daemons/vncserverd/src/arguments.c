/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include <stdio.h>
#include <string.h>

static const struct fh__flag *find(const struct fh__flag *flags, size_t n, const char *name,
                                   size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
            return &flags[i];
    return NULL;
}

/* How many arguments it took; -1: see error. */
static int take(char *const *at, const struct fh__flag *flags, size_t n, char *error, size_t room)
{
    const char *name = at[0] + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct fh__flag *flag = find(flags, n, name, len);

    if (!flag) {
        snprintf(error, room, "%s: there is no such option here", at[0]);
        return -1;
    }
    if (flag->is_given)
        *flag->is_given = true;
    if (!flag->value) {
        if (equals)
            snprintf(error, room, "--%s takes no value", flag->name);
        return equals ? -1 : 1;
    }
    *flag->value = equals ? equals + 1 : at[1];
    if (!*flag->value)
        snprintf(error, room, "--%s: expected a value after it", flag->name);
    return !*flag->value ? -1 : equals ? 1 : 2;
}

int fh__arguments_read(char *const *arguments, const struct fh__flag *flags, size_t n_flags,
                       struct fh__words *out, char *error, size_t room)
{
    struct fh__words words = {.n = 0};
    int took;

    for (; *arguments; arguments += took) {
        took = 1;
        if (strncmp(*arguments, "--", 2) == 0) {
            took = take(arguments, flags, n_flags, error, room);
            if (took < 0)
                return -1;
        } else if (words.n == FH__WORDS_MAX) {
            snprintf(error, room, "%s: expected fewer words", *arguments);
            return -1;
        } else {
            words.word[words.n++] = *arguments;
        }
    }
    *out = words;
    return 0;
}
