/* SPDX-License-Identifier: MIT */
/* known.h -- vncviewer-cli known-servers list | show ADDRESS | remove ADDRESS. */
#ifndef VNCVIEWER_KNOWN_H
#define VNCVIEWER_KNOWN_H

#include "exit_codes.h"
#include "options.h"

enum exit_code known_command(const struct options *o);

#endif
