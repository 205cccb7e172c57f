/* SPDX-License-Identifier: MIT */
/*
 * inifile.h -- configuration files: one "name = value" a line, read from text or a file.
 *
 *     fh__config_read()    every line is an option of c
 *     fh__config_load()    the same, of a file
 *     fh__config_parse()   any ini file
 */
#ifndef FH__INIFILE_H
#define FH__INIFILE_H

#include "option.h"

enum { FH__CONFIG_FILE_MAX = 65536 /* bytes */ };

/* One complaint: line 0 is the whole file. Texts are borrowed; value is hostile. */
typedef void (*fh__config_error_fn)(void *user, unsigned line, const char *message);

/* Sections and names of any ini file; each returns 1, having complained about what is wrong. */
struct fh__reading;
typedef int (*fh__config_line_fn)(struct fh__reading *r, const char *section, const char *name,
                                  const char *value);

/* What fh__config_line_fn is given; the numbers of lines are only known here. */
struct fh__reading {
    struct fh__config *c;
    const char *at, *end;
    unsigned line, complaints;
    fh__config_line_fn each;
    bool seen[4][FH__OPTIONS_MAX]; /* by section, of the caller's numbering */
    fh__config_error_fn error;
    void *user;
};

/* Returns the number of complaints. */
unsigned fh__config_read(struct fh__config *c, const char *text, size_t len,
                         fh__config_error_fn error, void *user);
/* The machine below fh__config_read(); the caller sets c, each, error and user. */
unsigned fh__config_parse(struct fh__reading *r, const char *text, size_t len);
void fh__config_complain(struct fh__reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The text of a file of at most FH__CONFIG_FILE_MAX bytes, to be freed; NULL: errno, EFBIG if it is
 * longer. */
char *fh__config_text(int fd, size_t *len);
/* As above, with a file. Complaints are logged with file and line. -1: it cannot be read (errno).
 */
int fh__config_load(struct fh__config *c, const char *path);
/*
 * The file that was named must be there; NULL: `path`, which need not. 0, or -1 and a sentence in
 * error.
 */
int fh__config_load_either(struct fh__config *c, const char *named, const char *path, char *error,
                           size_t room);

#endif
