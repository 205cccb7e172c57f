/* SPDX-License-Identifier: MIT */
/* known_peers_file.h -- the store of known_peers.h in a file. POSIX; part of libsession-uv. */
#ifndef FH_KNOWN_PEERS_FILE_H
#define FH_KNOWN_PEERS_FILE_H

#include <farhand/known_peers.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads a store; a file that does not exist is an empty one. FH_SESSION_E_MODE: others may write
 * it, it is a symbolic link or someone else's; FH_SESSION_E_FORMAT with *line.
 */
int fh_known_peers_load(const char *path, struct fh_known_peers **out, unsigned *line);
/* Changes a store while it is locked: edit gets the newest content; 0 from it writes. */
typedef int (*fh_known_peers_edit_fn)(struct fh_known_peers *k, void *user);
/*
 * Locks, reads, edits, writes a temporary file, syncs, renames, syncs the directory. After a crash
 * at any point the store is the old or the new one. Makes the directory (0700) and file (0600).
 */
int fh_known_peers_update(const char *path, fh_known_peers_edit_fn edit, void *user);

#ifdef __cplusplus
}
#endif

#endif
