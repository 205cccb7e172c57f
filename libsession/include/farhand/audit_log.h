/* SPDX-License-Identifier: MIT */
/*
 * audit_log.h -- where the lines of the audit go: any number of destinations, each with its level.
 *
 *     fh_audit_log_new()
 *     fh_audit_log_add()           as text, of a configuration: audit_target.h
 *     fh_audit_log_add_callback()  for what is not here
 *     fh_audit_log_write()         each event, from the callback `audit` of server.h or viewer.h
 *     fh_audit_log_close()
 *
 * Files hold chained lines (audit_chain.h), mode 0600, and are rotated by size to PATH.1, PATH.2
 * ...; the chain goes on over rotations, restarts and several processes that write one file. What a
 * writer that died left of a line is taken off, and the log says so. A program gets lines on its
 * standard input; when it ends it is started again, after 1 s, 2 s, up to 60 s, and what it did not
 * read yet is kept, up to FH_AUDIT_QUEUE_MAX.
 *
 * Nothing here waits for a reader. A destination that cannot take a line loses it; how many it lost
 * is written to it as soon as it works again ("log-lost"), and fh_audit_log_is_failing() tells
 * meanwhile, for who would rather refuse sessions than not record them.
 *
 * POSIX and libuv; one thread, that of the loop.
 */
#ifndef FH_AUDIT_LOG_H
#define FH_AUDIT_LOG_H

#include <uv.h>

#include <farhand/audit.h>
#include <farhand/audit_target.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FH_AUDIT_QUEUE_MAX = 1 << 20 /* bytes that wait for one program */ };

struct fh_audit_log;

struct fh_audit_log_config {
    uv_loop_t *loop;
    const char *name;          /* of the program, for syslog and journal; copied */
    unsigned lines_per_minute; /* of one event of one stranger, audit_limit.h; 0: no limit */
    /* A destination failed, or works again (error NULL). Once for each change. NULL: not told. */
    void (*trouble)(void *user, const char *where, const char *error);
    void *user;
};

int fh_audit_log_new(const struct fh_audit_log_config *cfg, struct fh_audit_log **out);
/*
 * Adds what a text says (copied). FH_SESSION_E_INVAL: it says nothing that can be; FH_SESSION_E_IO,
 * _MODE: a file that cannot be written, is no regular file, or may be written by others. why: a
 * sentence.
 */
int fh_audit_log_add(struct fh_audit_log *l, const char *target, char *why, size_t room);
/* line: with its newline, len bytes; both lent. It must not close the log. */
typedef void (*fh_audit_line_fn)(void *user, const struct fh_audit_event *ev, const char *line,
                                 size_t len);
int fh_audit_log_add_callback(struct fh_audit_log *l, enum fh_audit_level level,
                              fh_audit_line_fn fn, void *user);
void fh_audit_log_remove_callback(struct fh_audit_log *l, fh_audit_line_fn fn, void *user);

/* utc_ms and monotonic_ms that are 0 become now. */
void fh_audit_log_write(struct fh_audit_log *l, const struct fh_audit_event *ev);
/*
 * A line of the application's own, for what is no event of a session: one JSON object and its
 * newline, len bytes, at most FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX; it is chained, rotated and
 * sent as the others are. peer: who caused it, for the journal's fields, or NULL. All borrowed.
 * Callbacks of fh_audit_log_add_callback() are not called. FH_SESSION_E_INVAL: it is no such line.
 */
int fh_audit_log_write_line(struct fh_audit_log *l, enum fh_audit_level level, const char *peer,
                            const char *line, size_t len);
/* The last line did not reach some destination. */
bool fh_audit_log_is_failing(const struct fh_audit_log *l);
/* After another program moved the files, or to try again at once what fails. */
void fh_audit_log_reopen(struct fh_audit_log *l);
/*
 * Writes what is still held back, gives programs 2 s to read the rest, and frees. ASYNCHRONOUS:
 * closed() when nothing of it is left; NULL is fine, then it is not called.
 */
void fh_audit_log_close(struct fh_audit_log *l, void (*closed)(void *user), void *user);

#ifdef __cplusplus
}
#endif

#endif
