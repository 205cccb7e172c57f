/* SPDX-License-Identifier: MIT */
/* users_file.h -- the users of users.h in a file. POSIX; part of libsession-uv. */
#ifndef FH_USERS_FILE_H
#define FH_USERS_FILE_H

#include <farhand/users.h>

#ifdef __cplusplus
extern "C" {
#endif

/* FH_SESSION_E_IO (errno is set), _MODE: readable or writable by others, _FORMAT. */
int fh_users_load(const char *path, struct fh_users **out, unsigned *line, const char **expected);
typedef int (*fh_users_edit_fn)(struct fh_users *u, void *user);
/* As fh_known_peers_update(): locked, atomic, 0600. A file that does not exist is an empty one. */
int fh_users_update(const char *path, fh_users_edit_fn edit, void *user);

#ifdef __cplusplus
}
#endif

#endif
