/* SPDX-License-Identifier: MIT */
/* paths.h -- where this user's known servers and key are. XDG Base Directory Specification. */
#ifndef VNCVIEWER_PATHS_H
#define VNCVIEWER_PATHS_H

#include <limits.h>
#include <stddef.h>

/*
 * given if not NULL, else $XDG_STATE_HOME/farhand/NAME or ~/.local/state/farhand/NAME, whose
 * directories are made (0700). 0, or -1 and why.
 */
int paths_find(const char *given, const char *name, char out[PATH_MAX], char *why, size_t room);

#endif
