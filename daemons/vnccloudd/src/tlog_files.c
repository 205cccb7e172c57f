/* SPDX-License-Identifier: MIT */
/* tlog_files.c -- durable files. */
#include "tlog_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 128, FILE_MODE = 0600, DIR_MODE = 0700 };

static int sync_dir(int dir, const char *path)
{
    int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;

    if (fd < 0)
        return -errno;
    if (fsync(fd) != 0)
        err = -errno;
    close(fd);
    return err;
}

/* The folder of path, "." if it has none. */
static void parent_of(const char *path, char out[PATH_ROOM])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    memcpy(out, slash ? path : ".", slash ? len : 1);
    out[slash ? len : 1] = '\0';
}

/* A folder that is new is on the disk once the one above it is. */
static int make_folders(int dir, const char *path)
{
    char folder[PATH_ROOM], above[PATH_ROOM];
    int err;

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = '\0';
        if (mkdirat(dir, folder, DIR_MODE) != 0) {
            if (errno == EEXIST)
                continue;
            return -errno;
        }
        parent_of(folder, above);
        if ((err = sync_dir(dir, above)) != 0)
            return err;
    }
    return 0;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0 ? 0 : -errno;
}

static int write_new(int dir, const char *path, const void *data, size_t len)
{
    int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    int err;

    if (fd < 0)
        return -errno;
    err = write_all(fd, data, len);
    if (close(fd) != 0 && err == 0)
        err = -errno;
    return err;
}

int fh__tlog_write(int dir, const char *path, const void *data, size_t len)
{
    char fresh[PATH_ROOM], folder[PATH_ROOM];
    int err;

    if (strlen(path) + sizeof ".new" > sizeof fresh)
        return -ENAMETOOLONG;
    snprintf(fresh, sizeof fresh, "%s.new", path);
    err = make_folders(dir, path);
    if (err == 0)
        err = write_new(dir, fresh, data, len);
    if (err == 0 && renameat(dir, fresh, dir, path) != 0)
        err = -errno;
    if (err != 0) {
        unlinkat(dir, fresh, 0);
        return err;
    }
    parent_of(path, folder);
    return sync_dir(dir, folder) == 0 ? 0 : -ESTALE;
}

int fh__tlog_read(int dir, const char *path, void *out, size_t room)
{
    int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), err = 0;
    uint8_t *at = out, more;
    size_t left = room;

    if (fd < 0)
        return -errno;
    while (err == 0) {
        ssize_t n = left ? read(fd, at, left) : read(fd, &more, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            break;
        if (n < 0 || left == 0) {
            err = n < 0 ? -errno : -EFBIG;
            break;
        }
        at += n;
        left -= (size_t)n;
    }
    close(fd);
    return err ? err : (int)(room - left);
}

void fh__tlog_remove(int dir, const char *path)
{
    (void)unlinkat(dir, path, 0);
}
