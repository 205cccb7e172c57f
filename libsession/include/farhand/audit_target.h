/* SPDX-License-Identifier: MIT */
/*
 * audit_target.h -- one destination of the audit, as a person writes it in a configuration:
 *
 *     [level=info|notice|warning] [size=BYTES[k|M|G]] [keep=N] WHERE
 *
 *     WHERE    /a/path                         a file with chained lines; size and keep are its own
 *              syslog, syslog:/SOCKET          the system's log (/dev/log), facility authpriv
 *              journal, journal:/SOCKET        systemd's journal, with fields
 *              program /a/path [ARGUMENT]...   lines to the standard input of a program
 *              none
 *
 * No I/O, no memory.
 */
#ifndef FH_AUDIT_TARGET_H
#define FH_AUDIT_TARGET_H

#include <farhand/audit.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fh_audit_kind {
    FH_AUDIT_TO_NONE,
    FH_AUDIT_TO_FILE,
    FH_AUDIT_TO_SYSLOG,
    FH_AUDIT_TO_JOURNAL,
    FH_AUDIT_TO_PROGRAM
};

struct fh_audit_target {
    enum fh_audit_kind kind;
    enum fh_audit_level level; /* the least that is written; FH_AUDIT_INFO: all */
    uint64_t size;             /* bytes after which a file is rotated; 0: never */
    unsigned keep;             /* rotated files, 1 to 1000 */
    const char *where;         /* in text: path, socket (NULL: the usual one), or command */
};

enum { FH_AUDIT_KEEP_DEFAULT = 10, FH_AUDIT_SIZE_MIN = 16384 /* bytes */ };

/* text: borrowed, NUL-terminated. FH_SESSION_E_INVAL and what was expected, static. */
int fh_audit_target_parse(const char *text, struct fh_audit_target *out, const char **expected);

#ifdef __cplusplus
}
#endif

#endif
