/* SPDX-License-Identifier: MIT */
/* ownkey.h -- the viewer's own identity, which is made where there is none. */
#ifndef VNCVIEWER_OWNKEY_H
#define VNCVIEWER_OWNKEY_H

#include <uv.h>

#include <farhand/identity.h>

/* Runs the loop while one is made. 0, or a negative error of libcrypto-rfb, and why. */
int ownkey_load(uv_loop_t *loop, const char *path, struct fh_identity **out, char *why,
                size_t room);

#endif
