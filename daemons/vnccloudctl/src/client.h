/* SPDX-License-Identifier: MIT */
/* client.h -- requests to the service, over its control socket, one after the other. */
#ifndef FH_VNCCLOUDCTL_CLIENT_H
#define FH_VNCCLOUDCTL_CLIENT_H

#include <stdio.h>

#include <jansson.h>

#include "answer.h"

struct fh__client {
    const char *path; /* of the socket */
    int fd;           /* -1: not connected */
    char why[256];    /* after a failure */
};

/* Where a service of this user listens by default. */
void fh__client_default(char *out, size_t room);
/*
 * 0 and the answer; -1 and why. body: borrowed, NULL: none. *out: a new reference; NULL where there
 * is no JSON in the answer. text: malloc, what came instead; may be NULL.
 */
int fh__client_ask(struct fh__client *c, const char *method, const char *target, const json_t *body,
                   struct fh__answer *answer, json_t **out, char **text);
/* The body of a GET into a file. */
int fh__client_fetch(struct fh__client *c, const char *target, FILE *to, struct fh__answer *answer,
                     json_t **out);
void fh__client_close(struct fh__client *c);

#endif
