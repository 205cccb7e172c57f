/* SPDX-License-Identifier: MIT */
/* config.h -- options in files: the administrator's, then the user's. The command line follows. */
#ifndef VNCVIEWER_CONFIG_H
#define VNCVIEWER_CONFIG_H

#include "options.h"

/*
 * Reads /etc/farhand/vncviewer-cli.conf and then given, or else the user's own file; one that is
 * not there says nothing, unless it was given. 0, or -1 and why, with file and line.
 */
int config_read(struct options *o, const char *given, char *why, size_t room);
/* The text of one file, for tests. path is for messages. */
int config_parse(struct options *o, const char *path, const char *text, char *why, size_t room);

#endif
