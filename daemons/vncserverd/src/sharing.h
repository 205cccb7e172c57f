/* SPDX-License-Identifier: MIT */
/*
 * sharing.h -- between a desktop and the sessions of a fh_server: pictures, cursor and clipboard to
 * the viewers, their input to the desktop, and who may come in.
 *
 *     fh__sharing_open()     then fh__sharing_accept() for each stream
 *     fh__sharing_run()      once in each turn of the loop, before it sleeps
 *     fh__sharing_close()    ASYNCHRONOUS
 */
#ifndef FH__SHARING_H
#define FH__SHARING_H

#include <jansson.h>

#include <farhand/identity.h>
#include <farhand/server.h>
#include <farhand/stream.h>

#include "approval.h"
#include "auditlog.h"
#include "config.h"
#include "desktop.h"
#include "entry.h"
#include "gate.h"
#include "notices.h"
#include "userstore.h"

struct viewer;

enum { FH__SHARING_ALL = 0 /* instead of a session's number */ };

struct fh__sharing {
    uv_loop_t *loop;
    const struct fh__config *cfg;
    struct fh__desktop *desktop; /* borrowed, set after it was opened */
    struct fh__userstore *users;
    struct fh__auditlog *audit;
    struct fh__gate gate;
    struct fh__approvals approvals;
    struct fh__notices notices;
    const struct fh__seat *seat; /* where the desktop is; borrowed */
    bool is_virtual;             /* nobody sits at it */
    struct fh__entrance entrance;
    struct fh_server *server; /* NULL: not open */
    uv_timer_t frame;         /* when the screen may be looked at again */
    uint64_t last_frame_ms;
    unsigned sessions;
    struct viewer *viewers; /* those that have started */
    bool is_paused;
    bool is_held;    /* a window of ours waits for an answer */
    bool has_warned; /* that there are no users */
    void (*closed)(void *user);
    void *user;
};

extern const struct fh__desktop_events fh__sharing_desktop_events; /* user: struct fh__sharing */

/* next: the key that is to follow, NULL: none. The fields above server but gate, approvals, notices
 * and entrance are set by the caller. Negative: an error of libsession. */
int fh__sharing_open(struct fh__sharing *s, const struct fh_identity *identity,
                     const struct fh_identity *next);
void fh__sharing_accept(struct fh__sharing *s, struct fh_stream *stream);
/* The configuration has changed. */
void fh__sharing_configure(struct fh__sharing *s);
/* Captures if a viewer waits, something changed, and it is time. true: it did. */
bool fh__sharing_run(struct fh__sharing *s);
/*
 * {"paused", "sessions": [{"session", "id", "peer", "user", "permissions", "seconds"}]}, to be
 * released; NULL: no memory. permissions: granted; while all is paused none of them is in force.
 */
json_t *fh__sharing_describe(const struct fh__sharing *s);
/* What is done to a session, or to all; how many there were. */
unsigned fh__sharing_disconnect(struct fh__sharing *s, uint64_t number);
unsigned fh__sharing_set_permissions(struct fh__sharing *s, uint64_t number, uint32_t permissions);
/* While paused nobody sees or does anything; sessions stay, and new ones wait. */
void fh__sharing_pause(struct fh__sharing *s, bool is_paused);
bool fh__sharing_is_paused(const struct fh__sharing *s);
void fh__sharing_close(struct fh__sharing *s, enum fh_bye why, void (*closed)(void *user),
                       void *user);

#endif
