/* SPDX-License-Identifier: MIT */
/*
 * audit_file.c -- a file of chained lines. Each line is one write while the file is locked, so that
 * several processes may share it; a line that does not go in whole is taken back.
 */
#define _DEFAULT_SOURCE
#include "audit_sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL_MAX = 2 * FH_AUDIT_LINE_MAX, TRIES = 8 };

static int check_kind(const struct stat *st)
{
    if (!S_ISREG(st->st_mode) || (st->st_uid != geteuid() && st->st_uid != 0) ||
        (st->st_mode & 022) != 0)
        return FH_SESSION_E_MODE;
    return 0;
}

/* O_NONBLOCK: what turns out to be a pipe must not keep us waiting for its reader. */
static int open_path(const char *path, int how)
{
    return open(path, how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

static int lock(int fd)
{
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return -1;
    return 0;
}

/* ---- where the chain stands ---- */

static const char *last_newline(const char *p, size_t len)
{
    while (len > 0 && p[len - 1] != '\n')
        len--;
    return len > 0 ? p + len - 1 : NULL;
}

/*
 * The file ends in *torn bytes without newline, behind whole lines, the last of which is *chain.
 * False: in something that is no line of a log.
 */
static bool read_tail(int fd, off_t size, struct fh_audit_chain *chain, uint64_t *torn)
{
    char tail[TAIL_MAX];
    off_t from = size > TAIL_MAX ? size - TAIL_MAX : 0;
    ssize_t n = pread(fd, tail, sizeof tail, from);
    const char *newline, *begin;

    if (n <= 0 || from + n != size)
        return false;
    newline = last_newline(tail, (size_t)n);
    *torn = (uint64_t)(newline ? tail + n - newline - 1 : n);
    if (!newline)
        return from == 0;
    begin = last_newline(tail, (size_t)(newline - tail));
    if (!begin && from != 0)
        return false;
    begin = begin ? begin + 1 : tail;
    return fh_audit_chain_read(begin, (size_t)(newline - begin) + 1, chain);
}

/*
 * A file that ends before what we wrote was cut. Then ours goes on, and the numbers that are
 * missing tell of it.
 */
static void advance(struct fh__audit_file *f, const struct fh_audit_chain *found)
{
    if (found->seq > f->chain.seq)
        f->chain = *found;
}

/* A new file goes on with the chain of the one that was rotated last. */
static void read_predecessor(struct fh__audit_file *f)
{
    struct fh_audit_chain found = {0};
    char path[PATH_MAX];
    struct stat st;
    uint64_t torn;
    int fd, n = snprintf(path, sizeof path, "%s.1", f->path);

    if (n < 0 || n >= (int)sizeof path || (fd = open_path(path, O_RDONLY)) < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read_tail(fd, st.st_size, &found, &torn))
        advance(f, &found);
    close(fd);
}

static void rotated_name(const struct fh__audit_file *f, unsigned i, char out[PATH_MAX])
{
    if (i == 0)
        snprintf(out, PATH_MAX, "%s", f->path);
    else
        snprintf(out, PATH_MAX, "%s.%u", f->path, i);
}

/* PATH becomes PATH.1, and so on; what would be one too many is overwritten. */
static int rotate(const struct fh__audit_file *f)
{
    char from[PATH_MAX], to[PATH_MAX];

    for (unsigned i = f->keep; i > 0; i--) {
        rotated_name(f, i - 1, from);
        rotated_name(f, i, to);
        if (rename(from, to) != 0 && errno != ENOENT)
            return -1;
    }
    return 0;
}

/* Opens and locks the file that has the name now. */
static int open_locked(struct fh__audit_file *f, struct stat *st)
{
    struct stat named;
    int ret;

    for (int i = 0; i < TRIES; i++) {
        if (f->fd < 0 && (f->fd = open_path(f->path, O_RDWR | O_APPEND | O_CREAT)) < 0)
            return errno == ELOOP ? FH_SESSION_E_MODE : FH_SESSION_E_IO;
        if (fstat(f->fd, st) != 0)
            return FH_SESSION_E_IO;
        if ((ret = check_kind(st)) != 0)
            return ret;
        if (lock(f->fd) != 0 || fstat(f->fd, st) != 0)
            return FH_SESSION_E_IO;
        if (stat(f->path, &named) == 0 && named.st_ino == st->st_ino && named.st_dev == st->st_dev)
            return 0;
        close(f->fd);
        f->fd = -1;
        f->end = -1;
    }
    errno = EAGAIN;
    return FH_SESSION_E_IO;
}

/* What is there is no log of ours: it is kept, under the name of a rotated one. */
static int set_aside(struct fh__audit_file *f, struct stat *st)
{
    int ret;

    if (rotate(f) != 0)
        return FH_SESSION_E_IO;
    close(f->fd);
    f->fd = -1;
    f->unusable = true;
    if ((ret = open_locked(f, st)) != 0)
        return ret;
    f->end = st->st_size;
    return st->st_size == 0 ? 0 : FH_SESSION_E_IO;
}

/* The file is locked. Where others wrote, or we were not yet, its end says where the chain stands.
 */
static int find_end(struct fh__audit_file *f, struct stat *st)
{
    struct fh_audit_chain found = {0};
    uint64_t torn = 0;

    if (st->st_size == f->end)
        return 0;
    if (st->st_size > 0) {
        if (!read_tail(f->fd, st->st_size, &found, &torn))
            return set_aside(f, st);
        if (torn != 0 && ftruncate(f->fd, st->st_size - (off_t)torn) != 0)
            return FH_SESSION_E_IO;
        st->st_size -= (off_t)torn;
        f->torn += torn;
        advance(f, &found);
    }
    if (st->st_size == 0 && f->end < 0)
        read_predecessor(f);
    f->end = st->st_size;
    return 0;
}

int fh__audit_file_open(struct fh__audit_file *f)
{
    struct stat st;
    int ret;

    f->end = -1;
    ret = open_locked(f, &st);
    if (ret == 0)
        ret = find_end(f, &st);
    if (f->fd >= 0)
        (void)flock(f->fd, LOCK_UN);
    return ret;
}

/* ---- writing ---- */

/* All of the line, or nothing of it. */
static int append(struct fh__audit_file *f, const char *line, size_t len)
{
    ssize_t n = write(f->fd, line, len);
    int error = n < 0 ? errno : ENOSPC;

    if (n == (ssize_t)len) {
        f->end += n;
        return 0;
    }
    if (n > 0 && ftruncate(f->fd, f->end) != 0)
        f->end = -1; /* what is left of it is found, and taken off, next time */
    errno = error;
    return FH_SESSION_E_IO;
}

static int append_sealed(struct fh__audit_file *f, const char *line, size_t len)
{
    struct fh_audit_chain chain = f->chain;
    char sealed[FH_AUDIT_LINE_MAX];
    int n, ret;

    memcpy(sealed, line, len);
    n = fh_audit_chain_seal(&chain, f->end == 0, sealed, len, sizeof sealed);
    if (n < 0) {
        errno = EOVERFLOW;
        return n;
    }
    if ((ret = append(f, sealed, (size_t)n)) == 0)
        f->chain = chain;
    return ret;
}

static int append_event(struct fh__audit_file *f, const struct fh__audit_entry *after,
                        enum fh_audit_type type, const char *reason, uint64_t count,
                        const char *text)
{
    const struct fh_audit_event ev = {.type = type,
                                      .side = after->ev->side,
                                      .utc_ms = after->ev->utc_ms,
                                      .monotonic_ms = after->ev->monotonic_ms,
                                      .reason = reason,
                                      .text = text,
                                      .count = count};
    char line[FH_AUDIT_LINE_MAX];
    int n = fh_audit_format(&ev, line, sizeof line);

    return append_sealed(f, line, (size_t)n);
}

/* What the log has to say of itself comes before what it is told next. */
static int append_notes(struct fh__audit_file *f, const struct fh__audit_entry *e)
{
    char text[64];
    int ret = 0;

    if (f->unusable) {
        ret = append_event(f, e, FH_AUDIT_LOG_RECOVERED, "unreadable", 0,
                           "the file ended in no line of this log and was moved away");
        f->unusable = ret != 0;
    }
    if (ret == 0 && f->torn != 0) {
        snprintf(text, sizeof text, "%llu bytes of a line without end",
                 (unsigned long long)f->torn);
        ret = append_event(f, e, FH_AUDIT_LOG_RECOVERED, "torn-line", 0, text);
        f->torn = ret == 0 ? 0 : f->torn;
    }
    if (ret == 0 && f->lost != 0) {
        ret = append_event(f, e, FH_AUDIT_LOG_LOST, "not-written", f->lost, NULL);
        f->lost = ret == 0 ? 0 : f->lost;
    }
    return ret;
}

static int rotate_if_full(struct fh__audit_file *f, struct stat *st, size_t len)
{
    int ret;

    if (f->size == 0 || f->end == 0 || (uint64_t)f->end + len + FH_AUDIT_SEAL_MAX <= f->size)
        return 0;
    if (rotate(f) != 0)
        return FH_SESSION_E_IO;
    close(f->fd); /* and unlocks: who waited for it finds that the name has moved on */
    f->fd = -1;
    if ((ret = open_locked(f, st)) != 0)
        return ret;
    f->end = 0;
    return st->st_size == 0 ? 0 : find_end(f, st);
}

int fh__audit_file_write(struct fh__audit_file *f, const struct fh__audit_entry *e)
{
    struct stat st;
    int ret = open_locked(f, &st), error;

    if (ret == 0)
        ret = find_end(f, &st);
    if (ret == 0)
        ret = rotate_if_full(f, &st, e->len);
    if (ret == 0)
        ret = append_notes(f, e);
    if (ret == 0)
        ret = append_sealed(f, e->line, e->len);
    error = errno;
    f->lost += ret != 0;
    if (f->fd >= 0)
        (void)flock(f->fd, LOCK_UN);
    errno = error;
    return ret;
}

void fh__audit_file_close(struct fh__audit_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
