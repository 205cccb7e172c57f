/* SPDX-License-Identifier: MIT */
/* target.h -- where a server is, and the name under which it is known. */
#ifndef VNCVIEWER_TARGET_H
#define VNCVIEWER_TARGET_H

#include <stdbool.h>

#include <farhand/address.h>
#include <farhand/cloud_address.h>
#include <farhand/known_peers.h>

struct target {
    struct fh_target where;
    bool is_cloud; /* instead: */
    uint8_t cloud[FH_CLOUD_ADDRESS_LEN];
    char name[FH_KNOWN_PEERS_NAME_MAX + 1]; /* "host:port" in lower case, a path, or "cloud:" and
                                               an address */
};

/* 0, or -1 and why. */
int target_parse(struct target *t, const char *address, char *why, size_t room);

#endif
