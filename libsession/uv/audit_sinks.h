/* SPDX-License-Identifier: MIT */
/* audit_sinks.h -- the kinds of destination behind audit_log.h. Private. */
#ifndef FH_SESSION_AUDIT_SINKS_H
#define FH_SESSION_AUDIT_SINKS_H

#include <sys/types.h>
#include <uv.h>

#include <farhand/audit_chain.h>
#include <farhand/audit_log.h>

/* An event and its line. Both are borrowed. */
struct fh__audit_entry {
    const struct fh_audit_event *ev;
    enum fh_audit_level level;
    bool is_foreign;  /* the line is the application's: of ev, only times and peer are set */
    const char *line; /* with newline */
    size_t len;
};

uint64_t fh__audit_utc_ms(void);

/* ---- audit_file.c ---- */

struct fh__audit_file {
    const char *path; /* borrowed */
    uint64_t size;    /* 0: never rotated */
    unsigned keep;
    int fd; /* -1: none */
    struct fh_audit_chain chain;
    off_t end;     /* of the file, as we left it */
    uint64_t torn; /* bytes of a line without end that were taken off, not yet recorded */
    bool unusable; /* the file that was there was no log of ours, and was moved; likewise */
    uint64_t lost; /* lines */
};

/* 0; FH_SESSION_E_MODE; FH_SESSION_E_IO: errno tells. */
int fh__audit_file_open(struct fh__audit_file *f);
/* 0, or a negative error; errno tells. */
int fh__audit_file_write(struct fh__audit_file *f, const struct fh__audit_entry *e);
void fh__audit_file_close(struct fh__audit_file *f);

/* ---- audit_socket.c: syslog and journal, datagrams to a socket of this machine ---- */

struct fh__audit_socket {
    const char *path, *name; /* borrowed */
    bool is_journal;
    int fd; /* -1: not connected */
    uint64_t lost;
};

int fh__audit_socket_write(struct fh__audit_socket *s, const struct fh__audit_entry *e);
void fh__audit_socket_close(struct fh__audit_socket *s);

/* ---- audit_program.c ---- */

struct fh__audit_program;

/* trouble: the program ended or cannot be started; NULL: it runs again. command: copied. */
int fh__audit_program_new(uv_loop_t *loop, const char *command,
                          void (*trouble)(void *user, const char *error), void *user,
                          struct fh__audit_program **out);
int fh__audit_program_write(struct fh__audit_program *p, const struct fh__audit_entry *e);
/* Lines found no room, and that could not be told to it yet. */
bool fh__audit_program_is_losing(const struct fh__audit_program *p);
/* ASYNCHRONOUS. */
void fh__audit_program_close(struct fh__audit_program *p, void (*closed)(void *user), void *user);

/* A line that tells how many were lost, of FH_AUDIT_LINE_MAX bytes of room; its length. */
size_t fh__audit_lost_line(const struct fh_audit_event *after, uint64_t lost, char *line,
                           struct fh_audit_event *ev);

#endif
