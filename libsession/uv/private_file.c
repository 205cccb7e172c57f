/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads until len bytes came or the end; -1 with errno. */
static ssize_t read_all(int fd, char *out, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = read(fd, out + got, len - got);

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -1;
        got += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)got;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len != 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno != EINTR)
            return -1;
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int check_owner(const struct fh__private_file *f, const struct stat *st)
{
    mode_t open_to_others = f->is_secret ? 077 : 022;

    if (!S_ISREG(st->st_mode) || (st->st_uid != geteuid() && st->st_uid != 0) ||
        (st->st_mode & open_to_others) != 0)
        return FH_SESSION_E_MODE;
    return st->st_size > (off_t)f->max ? FH_SESSION_E_FORMAT : 0;
}

int fh__private_file_read(const struct fh__private_file *f, char **text, size_t *len)
{
    int fd = open(f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), ret;
    char *mem = NULL;
    ssize_t got;
    struct stat st;

    if (fd < 0)
        return errno == ELOOP ? FH_SESSION_E_MODE : FH_SESSION_E_IO;
    ret = fstat(fd, &st) == 0 ? check_owner(f, &st) : FH_SESSION_E_IO;
    if (ret != 0)
        goto out;
    mem = malloc(f->max + 2);
    ret = FH_SESSION_E_NOMEM;
    if (!mem)
        goto out;
    got = read_all(fd, mem, f->max + 1);
    ret = got < 0 ? FH_SESSION_E_IO : (size_t)got > f->max ? FH_SESSION_E_FORMAT : 0;
    if (ret != 0)
        goto out;
    mem[got] = '\0';
    *text = mem;
    *len = (size_t)got;
    mem = NULL;
out:
    free(mem);
    close(fd);
    return ret;
}

/* "DIR/.NAME.SUFFIX" beside the file; -1 if that is too long. */
static int beside(const struct fh__private_file *f, const char *suffix, char out[PATH_MAX])
{
    const char *slash = strrchr(f->path, '/');
    int dir_len = slash ? (int)(slash - f->path + 1) : 0, n;

    n = snprintf(out, PATH_MAX, "%.*s.%s.%s", dir_len, f->path, f->path + dir_len, suffix);
    return n > 0 && n < PATH_MAX ? 0 : -1;
}

static int make_directory(const struct fh__private_file *f)
{
    char dir[PATH_MAX];
    size_t len = strlen(f->path);

    if (len >= sizeof dir)
        return -1;
    memcpy(dir, f->path, len + 1);
    for (char *p = dir + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(dir, 0700) != 0 && errno != EEXIST)
            return -1;
        *p = '/';
    }
    return 0;
}

int fh__private_file_lock(const struct fh__private_file *f)
{
    char path[PATH_MAX];
    int fd;

    if (make_directory(f) != 0 || beside(f, "lock", path) != 0)
        return FH_SESSION_E_IO;
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return FH_SESSION_E_IO;
    while (flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            close(fd);
            return FH_SESSION_E_IO;
        }
    }
    return fd;
}

static int sync_directory(const struct fh__private_file *f)
{
    const char *slash = strrchr(f->path, '/');
    char dir[PATH_MAX];
    int fd, ret;

    if (slash && (size_t)(slash - f->path) >= sizeof dir)
        return -1;
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - f->path + 1) : 1,
             slash ? f->path : ".");
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ret = fsync(fd);
    close(fd);
    return ret;
}

int fh__private_file_write(const struct fh__private_file *f, const char *text, size_t len)
{
    char path[PATH_MAX];
    int fd, failed;

    if (beside(f, "new", path) != 0)
        return FH_SESSION_E_IO;
    /* Whoever holds the lock owns this name: a left-over is from a writer that died. */
    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return FH_SESSION_E_IO;
    failed = write_all(fd, text, len) != 0 || fsync(fd) != 0;
    failed |= close(fd) != 0;
    if (failed || rename(path, f->path) != 0) {
        int saved = errno;

        unlink(path);
        errno = saved;
        return FH_SESSION_E_IO;
    }
    return sync_directory(f) == 0 ? 0 : FH_SESSION_E_IO;
}
