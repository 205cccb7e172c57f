/* SPDX-License-Identifier: MIT */
/*
 * cloud.h -- the way to a server through a cloud. The viewer signs in once in a run, and has one
 * connection at a time.
 *
 *     cloud_open()       what is kept of the cloud is read; it begins to sign in
 *     cloud_connect()    streams to one address, each as it stands
 *     cloud_hang_up()    no more of that
 *     cloud_close()      ASYNCHRONOUS
 */
#ifndef VNCVIEWER_CLOUD_H
#define VNCVIEWER_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include <farhand/cloud_address.h>

#include "exit_codes.h"
#include "options.h"

struct fh_identity;
struct fh_stream;
struct cloud;

struct cloud_events {
    /* One more stream stands, and is taken. way: FH_VIEWER_DIRECT or FH_VIEWER_RELAYED. */
    void (*stream)(void *user, struct fh_stream *s, int way);
    /* No stream came about, or none comes any more. Once; not after cloud_hang_up(). */
    void (*failed)(void *user, enum exit_code code, const char *why);
};

/*
 * The session has no stream any more. False: nothing can come of this connection, whatever it
 * believes; hang up, and connect again.
 */
bool cloud_retry(struct cloud *c);
/* What the cloud told of the connection; from the first stream on. */
struct cloud_told {
    const uint8_t *session_ref, *secret, *fingerprint; /* secret: NULL: none */
};

/* identity: borrowed until closed. -1 and why. */
int cloud_open(uv_loop_t *loop, const struct options *o, const struct fh_identity *identity,
               struct cloud **out, char *why, size_t room);
/* events are called from the loop, and borrowed until failed() or cloud_hang_up(). */
void cloud_connect(struct cloud *c, const uint8_t address[FH_CLOUD_ADDRESS_LEN],
                   const struct cloud_events *events, void *user);
void cloud_told(const struct cloud *c, struct cloud_told *out);
/* Of the channel: they sign the datagrams of a direct path from now on. */
void cloud_keys(struct cloud *c, const uint8_t *client, const uint8_t *server);
/* Adds what is known of the ways to an object. */
void cloud_describe(const struct cloud *c, json_t *into);
void cloud_hang_up(struct cloud *c);
void cloud_close(struct cloud *c, void (*closed)(void *user), void *user);

#endif
