/* SPDX-License-Identifier: MIT */
/*
 * run.h -- carries out the steps of a script on one viewer's session.
 *
 * The owner tells what happened (run_event, and run_poll when the time run_wake asked for came);
 * the run moves on as far as it can and says so by its state. It never waits for an update that a
 * still screen will not send: what must be current is asked for anew.
 */
#ifndef VNCVIEWER_RUN_H
#define VNCVIEWER_RUN_H

#include <jansson.h>
#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

#include <farhand/framebuffer.h>
#include <farhand/viewer.h>

#include "script.h"

enum run_state { RUN_WAITING, RUN_DONE, RUN_FAILED, RUN_TIMEOUT };

/* What `info` tells beside what the session knows. */
struct run_facts {
    const char *address, *path, *fingerprint, *phrase, *trusted;
    void (*add)(void *user, json_t *into); /* more of the path; NULL: there is none */
    void *add_user;
    uint64_t connect_started_ms, first_picture_ms;
};

struct run {
    struct fh_viewer *viewer;
    const struct script *script;
    struct run_facts facts;
    bool is_json;
    uint64_t step_timeout_ms; /* of one command */

    enum run_state state;
    size_t next;     /* step that is running */
    bool is_started; /* of that step */
    uint64_t now_ms, started_ms, wake_ms;
    char why[512];

    bool has_picture;        /* a whole picture came since the session began */
    pixman_region32_t stale; /* what a refresh has not brought yet */
    uint16_t x, y;           /* pointer */
    uint16_t buttons;
    char *clipboard;
    size_t clipboard_len;
    bool clipboard_is_new;

    /* Of the running step. */
    size_t at; /* characters or moves done */
    uint64_t mark_ms;
    struct fh_framebuffer reference; /* picture to compare with */
    char *text;                      /* what typefile and pastefile read */
};

void run_init(struct run *r, struct fh_viewer *viewer, const struct script *script);
void run_finish(struct run *r);
void run_event(struct run *r, const struct fh_viewer_conn_event *ev, uint64_t now_ms);
void run_poll(struct run *r, uint64_t now_ms);
/* When to poll again, UINT64_MAX: only when something happens. */
uint64_t run_wake(const struct run *r);

#endif
