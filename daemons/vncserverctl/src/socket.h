/* SPDX-License-Identifier: MIT */
/* socket.h -- the control socket of a running vncserverd, as lines of JSON. */
#ifndef FH__CTL_SOCKET_H
#define FH__CTL_SOCKET_H

#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

/* Where a service of this user listens by default. */
void fh__socket_default(char *out, size_t room);
/* NULL: errno tells. */
FILE *fh__socket_open(const char *path);
/* -1: errno tells. request is borrowed. */
int fh__socket_send(FILE *socket, const json_t *request);
/* The next object; NULL: the service went away or said something else. The caller decrefs it. */
json_t *fh__socket_read(FILE *socket);

#endif
