/* SPDX-License-Identifier: MIT */
/* commands.h -- the sub-commands of vncserverd. arguments: after the command's name, to NULL. */
#ifndef FH__COMMANDS_H
#define FH__COMMANDS_H

#include "config.h"
#include "exitcode.h"

/* identity show | identity new [--bits N] */
enum fh__exit fh__identity_command(const struct fh__config *cfg, char *const *arguments);
/* user add NAME [--permissions LIST] | user remove NAME | user list */
enum fh__exit fh__user_command(const struct fh__config *cfg, char *const *arguments);

#endif
