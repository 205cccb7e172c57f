/* SPDX-License-Identifier: MIT */
/*
 * office.h -- the store, the record of changes and the API, put together: all of the service that
 * is not brokering or relaying.
 *
 *     fh__office_open()        opens the database and the audit
 *     fh__office_listen()      the control socket, and the address of the metrics
 *     fh__office_acceptor()    what front.h gives HTTP to
 *     fh__office_configure()   other limits, after the configuration was read again
 *     fh__office_drain()       nobody new; /health/ready says no
 *     fh__office_close()       asynchronous
 *
 * Addresses whose time is over are removed once a minute.
 */
#ifndef FH_VNCCLOUDD_OFFICE_H
#define FH_VNCCLOUDD_OFFICE_H

#include "api.h"
#include "config.h"
#include "front.h"

struct fh__office;

/* cfg: borrowed for good. hooks: copied; limit is the office's own. 0, or -1 and a sentence. */
int fh__office_open(uv_loop_t *loop, const struct fh__config *cfg,
                    const struct fh__api_hooks *hooks, char *why, size_t room,
                    struct fh__office **out);
/* The hooks when what is behind them was not there yet at first. */
void fh__office_set_hooks(struct fh__office *o, const struct fh__api_hooks *hooks);
int fh__office_listen(struct fh__office *o, char *why, size_t room);
const struct fh__acceptor *fh__office_acceptor(const struct fh__office *o);
struct fh__store *fh__office_store(struct fh__office *o);
struct fh__changelog *fh__office_changelog(struct fh__office *o);
void fh__office_configure(struct fh__office *o);
void fh__office_drain(struct fh__office *o);
/* What the store was asked is answered first; whoever asks must still be there. */
void fh__office_close(struct fh__office *o, void (*closed)(void *user), void *user);

#endif
