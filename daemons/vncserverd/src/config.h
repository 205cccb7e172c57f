/* SPDX-License-Identifier: MIT */
/*
 * config.h -- what vncserverd is told: defaults, then the configuration file, then the command
 * line.
 *
 *     fh__config_init()       defaults
 *     fh__config_read()       the text of a file; fh__config_load() a file
 *     fh__options_...         the command line, options.h
 *     fh__config_finish()     what the others leave open, from the environment
 *     fh__config_free()
 *
 * fh__config_build() does all of it.
 */
#ifndef FH__CONFIG_H
#define FH__CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

enum {
    FH__CONFIG_LISTEN_MAX = 16,
    FH__CONFIG_FILTER_MAX = 1024,
    FH__CONFIG_AUDIT_MAX = 16,
    FH__CONFIG_FILE_MAX = 65536 /* bytes */
};

struct fh__config {
    char *display; /* NULL: what DISPLAY says */
    char *virtual; /* "1280x800", NULL: an existing display */
    char *xauthority;
    char *listen[FH__CONFIG_LISTEN_MAX];
    size_t n_listen;
    char *filter[FH__CONFIG_FILTER_MAX]; /* rules of ip_filter.h, each checked */
    size_t n_filter;
    char *name;
    char *identity; /* paths */
    char *users;
    char *blacklist;
    char *control;                     /* a path, or "none" */
    bool is_control_default;           /* nobody asked for it there */
    char *audit[FH__CONFIG_AUDIT_MAX]; /* destinations as in audit_target.h, each checked */
    size_t n_audit;
    bool audit_refuses; /* no session that cannot be recorded */
    unsigned audit_limit;
    enum fh__log_level log_level;
    bool approves_always; /* the person at the desktop is asked about everyone */
    unsigned approve_timeout_s;
    unsigned blacklist_threshold, blacklist_timeout_s;
    unsigned idle_timeout_s, max_sessions, max_half_open, max_half_open_source, frame_rate;
    bool has_clipboard, has_resize;
    uint16_t virtual_width, virtual_height;
    char *const *program; /* of --virtual; NULL: none; borrowed from argv */
};

/* One complaint: line 0 is the whole file. Texts are borrowed; value is hostile. */
typedef void (*fh__config_error_fn)(void *user, unsigned line, const char *message);

void fh__config_init(struct fh__config *c);
void fh__config_free(struct fh__config *c);
/* Returns the number of complaints. */
unsigned fh__config_read(struct fh__config *c, const char *text, size_t len,
                         fh__config_error_fn error, void *user);
/* As above, with a file. Complaints are logged with file and line. -1: it cannot be read (errno).
 */
int fh__config_load(struct fh__config *c, const char *path);
/* The default of --config, in out. */
void fh__config_default_path(char *out, size_t room);
/* 0, or -1 and a sentence in error. */
int fh__config_finish(struct fh__config *c, char *error, size_t room);

struct fh__invocation;
/*
 * All of the above, in order. 0; -1 and a sentence in error, the details having been logged. The
 * caller frees c in both cases. For help and version nothing but *out is filled.
 */
int fh__config_build(struct fh__config *c, struct fh__invocation *out, int argc, char *const *argv,
                     char *error, size_t room);

#endif
