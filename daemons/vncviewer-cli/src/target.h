/* SPDX-License-Identifier: MIT */
/* target.h -- where a server is, and the name under which it is known. */
#ifndef VNCVIEWER_TARGET_H
#define VNCVIEWER_TARGET_H

#include <farhand/address.h>
#include <farhand/known_peers.h>

struct target {
    struct fh_target where;
    char name[FH_KNOWN_PEERS_NAME_MAX + 1]; /* "host:port" in lower case, or a path */
};

/* 0, or -1 and why. */
int target_parse(struct target *t, const char *address, char *why, size_t room);

#endif
