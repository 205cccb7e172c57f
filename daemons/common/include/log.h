/* SPDX-License-Identifier: MIT */
/*
 * log.h -- what the service says to its administrator: to the journal when it is started by
 * systemd, to stderr otherwise. Whatever is hostile in a message (control characters, bytes that
 * are not UTF-8) is escaped here, so callers need not care where text came from.
 * For the main thread only.
 */
#ifndef FH__LOG_H
#define FH__LOG_H

#include <stdbool.h>
#include <stddef.h>

/* The numbers are syslog's. */
enum fh__log_level {
    FH__LOG_ERROR = 3,
    FH__LOG_WARNING,
    FH__LOG_NOTICE,
    FH__LOG_INFO,
    FH__LOG_DEBUG
};

enum { FH__LOG_LINE_MAX = 1024 /* bytes with NUL; longer messages are cut */ };

/* Who speaks, on stderr; borrowed for good. */
void fh__log_name(const char *program);
/* Looks where stderr goes. Without this call all goes to stderr. */
void fh__log_open(void);
void fh__log_set_level(enum fh__log_level level);
enum fh__log_level fh__log_get_level(void);
/* Where lines go instead, escaped and without newline; NULL: back to where they went. */
void fh__log_set_sink(void (*sink)(enum fh__log_level level, const char *line));
/* "error", "warning", ...; false if it is none of them. */
bool fh__log_parse_level(const char *text, enum fh__log_level *out);
void fh__log(enum fh__log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Copies text to out (room >= 5 bytes), printable UTF-8 as it is, anything else as \xNN. */
void fh__log_escape(const char *text, size_t len, char *out, size_t room);

#endif
