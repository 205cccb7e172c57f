/* SPDX-License-Identifier: MIT */
/*
 * cloudfile.h -- what a program keeps of a cloud, in files that nobody else may read: the key that
 * opens signals, and beside it what is learned.
 *
 *     PATH              the key, 64 hexadecimal digits; made where there is none
 *     PATH.statement    ties our address to our identity
 *     PATH.checkpoint   the newest of the cloud's log
 *     PATH.fork         two checkpoints that contradict each other: the cloud lied
 */
#ifndef FH__CLOUDFILE_H
#define FH__CLOUDFILE_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/cloud_address.h>
#include <farhand/seal.h>

enum {
    FH__CLOUDFILE_MAX = 2560, /* bytes of a statement or a checkpoint */
    FH__CLOUDFILE_WHY = 400   /* room for a sentence */
};

enum fh__cloudfile { FH__CLOUDFILE_CHECKPOINT, FH__CLOUDFILE_STATEMENT };

/* Each: 0, or -1 and why, which names the file. */
int fh__cloudfile_key(const char *path, uint8_t out[FH_SEAL_KEY_LEN], char why[FH__CLOUDFILE_WHY]);
/* The password of the enrolment, a line of a file. 1: there is none any more, and none is needed.
 */
int fh__cloudfile_password(const char *path, uint8_t out[FH_CLOUD_PASSWORD_LEN],
                           char why[FH__CLOUDFILE_WHY]);
/* *len 0: nothing was kept. */
int fh__cloudfile_read(const char *path, enum fh__cloudfile which, uint8_t out[FH__CLOUDFILE_MAX],
                       size_t *len, char why[FH__CLOUDFILE_WHY]);
int fh__cloudfile_keep(const char *path, enum fh__cloudfile which, const uint8_t *data, size_t len,
                       char why[FH__CLOUDFILE_WHY]);
/* The first two that contradict each other stay. */
int fh__cloudfile_evidence(const char *path, const uint8_t *kept, size_t kept_len,
                           const uint8_t *seen, size_t seen_len, char why[FH__CLOUDFILE_WHY]);

#endif
