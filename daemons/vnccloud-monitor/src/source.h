/* SPDX-License-Identifier: MIT */
/*
 * source.h -- where the log is: a folder, or a cloud that serves it by HTTPS.
 *
 * A call comes back when the answer is there; up to 30 s for each. What fails is said on the
 * standard error.
 */
#ifndef FH__SOURCE_H
#define FH__SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/cloud_service.h>

struct fh__source;

/* NULL: no memory, or the folder cannot be read. */
struct fh__source *fh__source_folder(const char *path);
/* service: copied. */
struct fh__source *fh__source_service(const struct fh_cloud_service *service);
void fh__source_free(struct fh__source *s);

/* A fh__fetch_fn of follow.h: user is the source. */
int fh__source_fetch(void *user, const char *path, uint8_t *out, size_t room);
/*
 * An answer of the service's API, with "KEY:SECRET" as authorization. malloc; *len. NULL: there is
 * none.
 */
char *fh__source_ask(struct fh__source *s, const char *target, const char *key, size_t *len);

#endif
