/* SPDX-License-Identifier: MIT */
#include "socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 1 << 20 /* bytes */ };

void fh__socket_default(char *out, size_t room)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");

    if (geteuid() == 0)
        snprintf(out, room, "/run/vncserverd/control");
    else if (runtime && *runtime == '/')
        snprintf(out, room, "%s/vncserverd/control", runtime);
    else
        snprintf(out, room, "%s/.cache/vncserverd/control", home && *home == '/' ? home : "");
}

FILE *fh__socket_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    FILE *file = NULL;
    int fd, err;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    strcpy(address.sun_path, path);
    if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
        return NULL;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        file = fdopen(fd, "r+");
    if (file)
        setvbuf(file, NULL, _IONBF, 0); /* so that poll() knows whether something is left */
    if (!file) {
        err = errno;
        close(fd);
        errno = err;
    }
    return file;
}

int fh__socket_send(FILE *socket, const json_t *request)
{
    if (json_dumpf(request, socket, JSON_COMPACT) != 0 || fputc('\n', socket) == EOF)
        return -1;
    return fflush(socket) == 0 ? 0 : -1;
}

json_t *fh__socket_read(FILE *socket)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len = getline(&line, &room, socket);
    json_t *object = NULL;

    if (len > 0 && len <= LINE_MAX_LEN)
        object = json_loadb(line, (size_t)len, JSON_REJECT_DUPLICATES, NULL);
    free(line);
    if (object && !json_is_object(object)) {
        json_decref(object);
        object = NULL;
    }
    return object;
}
