/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/identity.h>

/* Reads one line without stdio, whose buffers would keep a copy. */
static int read_line(int fd, char out[PASSWORD_MAX + 2])
{
    size_t n = 0;

    while (n < PASSWORD_MAX + 1) {
        ssize_t got = read(fd, out + n, 1);

        if (got < 0 && errno != EINTR)
            return -1;
        if (got == 0 || (got == 1 && out[n] == '\n'))
            break;
        n += got == 1;
    }
    if (n == PASSWORD_MAX + 1) {
        errno = EFBIG;
        return -1;
    }
    n -= n != 0 && out[n - 1] == '\r';
    out[n] = '\0';
    return 0;
}

static int from_file(const char *file, char out[PASSWORD_MAX + 2], char *why, size_t room)
{
    int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    int ret = fd < 0 ? -1 : read_line(fd, out);

    if (ret != 0)
        snprintf(why, room, "--password-file: %.200s: %s", file, strerror(errno));
    if (fd > STDIN_FILENO)
        close(fd);
    return ret == 0 ? 1 : -1;
}

int password_given(const char *file, char out[PASSWORD_MAX + 2], char *why, size_t room)
{
    char *env = getenv("FH_PASSWORD");
    size_t len = env ? strlen(env) : 0;

    if (len > PASSWORD_MAX) {
        snprintf(why, room, "FH_PASSWORD: more than %d bytes", PASSWORD_MAX);
        return -1;
    }
    if (env && !file)
        memcpy(out, env, len + 1);
    if (env) {
        fh_wipe(env, len);
        unsetenv("FH_PASSWORD");
    }
    return file ? from_file(file, out, why, room) : env != NULL;
}
