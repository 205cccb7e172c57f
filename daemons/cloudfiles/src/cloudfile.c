/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "cloudfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <farhand/identity_uv.h>

enum { PATH_ROOM = 4096, KEY_TEXT = 2 * FH_SEAL_KEY_LEN + 1, TEXT_MAX = 256 };

static int failed(const char *path, const char *text, char *why)
{
    snprintf(why, FH__CLOUDFILE_WHY, "%.250s: %s", path, text);
    return -1;
}

/* At most room bytes of a file that nobody else may read. -1: errno; EPERM: others may. */
static ssize_t read_private(const char *path, void *out, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    ssize_t n = -1;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && ((st.st_mode & 077) != 0 || !S_ISREG(st.st_mode)))
        errno = EPERM;
    else
        n = read(fd, out, room);
    close(fd);
    return n;
}

static int read_failed(const char *path, char *why)
{
    return failed(path,
                  errno == EPERM ? "expected a file that others may not read (chmod 600)"
                                 : strerror(errno),
                  why);
}

static int make_parents(const char *path)
{
    char dir[PATH_ROOM];

    if ((size_t)snprintf(dir, sizeof dir, "%s", path) >= sizeof dir) {
        errno = ENAMETOOLONG;
        return -1;
    }
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

/* Whole or not at all. is_new: where there is none. */
static int put(int fd, const char *from, const char *path, const void *data, size_t len,
               bool is_new)
{
    if (write(fd, data, len) != (ssize_t)len || fsync(fd) != 0)
        return -1;
    return is_new ? link(from, path) : rename(from, path);
}

static int write_private(const char *path, const void *data, size_t len, bool is_new, char *why)
{
    char next[PATH_ROOM];
    int fd, ret, error;

    if (snprintf(next, sizeof next, "%s.%ld", path, (long)getpid()) >= (int)sizeof next)
        return failed(path, strerror(ENAMETOOLONG), why);
    (void)unlink(next);
    fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(next, strerror(errno), why);
    ret = put(fd, next, path, data, len, is_new);
    error = errno;
    close(fd);
    (void)unlink(next);
    return ret == 0 ? 0 : failed(path, strerror(error), why);
}

/* ---- the key ---- */

static bool from_hex(const char *text, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < 2 * len; i++) {
        char c = text[i];
        int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (v < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? v << 4 : out[i / 2] | v);
    }
    return true;
}

static int read_key(const char *path, uint8_t out[FH_SEAL_KEY_LEN], char *why)
{
    char text[KEY_TEXT + 1];
    ssize_t n = read_private(path, text, sizeof text);
    int ret = 0;

    if (n < 0 && errno == ENOENT)
        ret = 1;
    else if (n < 0)
        ret = read_failed(path, why);
    else if (n != KEY_TEXT || text[KEY_TEXT - 1] != '\n' || !from_hex(text, out, FH_SEAL_KEY_LEN))
        ret = failed(path, "expected 64 hexadecimal digits and the end of the line", why);
    fh_wipe(text, sizeof text);
    return ret;
}

static int make_key(const char *path, uint8_t out[FH_SEAL_KEY_LEN], char *why)
{
    static const char digits[] = "0123456789abcdef";
    char text[KEY_TEXT];
    int ret;

    if (make_parents(path) != 0)
        return failed(path, strerror(errno), why);
    fh_random_system(NULL, out, FH_SEAL_KEY_LEN);
    for (size_t i = 0; i < FH_SEAL_KEY_LEN; i++) {
        text[2 * i] = digits[out[i] >> 4];
        text[2 * i + 1] = digits[out[i] & 15];
    }
    text[sizeof text - 1] = '\n';
    ret = write_private(path, text, sizeof text, true, why);
    fh_wipe(text, sizeof text);
    return ret;
}

int fh__cloudfile_key(const char *path, uint8_t out[FH_SEAL_KEY_LEN], char why[FH__CLOUDFILE_WHY])
{
    int ret = read_key(path, out, why);

    if (ret == 1 && (ret = make_key(path, out, why)) != 0)
        ret = read_key(path, out, why); /* another process made one at the same time */
    return ret == 0 ? 0 : -1;
}

/* ---- the others ---- */

int fh__cloudfile_password(const char *path, uint8_t out[FH_CLOUD_PASSWORD_LEN],
                           char why[FH__CLOUDFILE_WHY])
{
    char text[TEXT_MAX];
    ssize_t n = read_private(path, text, sizeof text);
    int ret = 0;

    if (n < 0)
        return errno == ENOENT ? 1 : read_failed(path, why);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (fh_cloud_password_parse(text, (size_t)n, out) != 0)
        ret = failed(path, "expected the 26 letters and digits of a cloud's password", why);
    fh_wipe(text, sizeof text);
    return ret;
}

static int path_beside(const char *path, const char *ending, char out[PATH_ROOM], char *why)
{
    if (snprintf(out, PATH_ROOM, "%s.%s", path, ending) < PATH_ROOM)
        return 0;
    return failed(path, strerror(ENAMETOOLONG), why);
}

static const char *ending_of(enum fh__cloudfile which)
{
    return which == FH__CLOUDFILE_STATEMENT ? "statement" : "checkpoint";
}

int fh__cloudfile_read(const char *path, enum fh__cloudfile which, uint8_t out[FH__CLOUDFILE_MAX],
                       size_t *len, char why[FH__CLOUDFILE_WHY])
{
    char beside[PATH_ROOM];
    ssize_t n;

    *len = 0;
    if (path_beside(path, ending_of(which), beside, why) != 0)
        return -1;
    n = read_private(beside, out, FH__CLOUDFILE_MAX);
    if (n < 0 && errno != ENOENT)
        return read_failed(beside, why);
    *len = n > 0 ? (size_t)n : 0;
    return 0;
}

int fh__cloudfile_keep(const char *path, enum fh__cloudfile which, const uint8_t *data, size_t len,
                       char why[FH__CLOUDFILE_WHY])
{
    char beside[PATH_ROOM];

    if (path_beside(path, ending_of(which), beside, why) != 0)
        return -1;
    return write_private(beside, data, len, false, why);
}

int fh__cloudfile_evidence(const char *path, const uint8_t *kept, size_t kept_len,
                           const uint8_t *seen, size_t seen_len, char why[FH__CLOUDFILE_WHY])
{
    uint8_t both[2 * FH__CLOUDFILE_MAX];
    char beside[PATH_ROOM];

    if (kept_len > FH__CLOUDFILE_MAX || seen_len > FH__CLOUDFILE_MAX)
        return failed(path, strerror(EFBIG), why);
    if (path_beside(path, "fork", beside, why) != 0)
        return -1;
    memcpy(both, kept, kept_len);
    memcpy(both + kept_len, seen, seen_len);
    return write_private(beside, both, kept_len + seen_len, true, why);
}
