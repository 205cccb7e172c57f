/* SPDX-License-Identifier: MIT */
/* commands.h -- the sub-commands of vncserverd. arguments: after the command's name, to NULL. */
#ifndef FH__COMMANDS_H
#define FH__COMMANDS_H

#include "config.h"
#include "exitcode.h"

/* identity show | identity new [--bits N] */
enum fh__exit fh__identity_command(const struct fh__config *cfg, char *const *arguments);
/* user add|password|set|list|remove|identity|totp */
enum fh__exit fh__user_command(const struct fh__config *cfg, char *const *arguments);
/* user totp NAME; arguments: after totp */
enum fh__exit fh__totp_command(const struct fh__config *cfg, char *const *arguments);
/* The user's authenticator and recovery codes are no more, if there were any. */
enum fh__exit fh__totp_forget(const struct fh__config *cfg, const char *name);
/* cloud show */
enum fh__exit fh__cloud_command(const struct fh__config *cfg, char *const *arguments);
/* group add|set|list|remove */
enum fh__exit fh__group_command(const struct fh__config *cfg, char *const *arguments);

#endif
