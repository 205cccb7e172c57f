/* SPDX-License-Identifier: MIT */
/*
 * helper.h -- a process that helps to decide about one attempt: PAM in a copy of ourselves, or a
 * program of the administrator's; or one at the desktop, attendant.h.
 *
 * It is started through ourselves (fh__helper_main), so that it inherits no descriptor, no
 * environment and no working folder, and leads a process group of its own, which goes with it. What
 * it says is bounded by who listens; how long it may take is by fh__helper_deadline().
 */
#ifndef FH__HELPER_H
#define FH__HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct fh__helper;

struct fh__helper_events {
    /* Bytes that it said; lent. */
    void (*said)(void *user, const uint8_t *data, size_t len);
    /* Once, and the last: it ended and all it said was heard. status: its exit status; -1: a
     * signal, or its time was up and it was killed. h is not to be used any more. */
    void (*ended)(void *user, int status);
};

/* argv: for fh__helper_main(), after its own word; borrowed. NULL: it cannot be started. */
struct fh__helper *fh__helper_start(uv_loop_t *loop, char *const *argv,
                                    const struct fh__helper_events *events, void *user);
/* Copies; what is not heard is lost. One that does not read is killed, as if its time were up. */
void fh__helper_write(struct fh__helper *h, const void *data, size_t len);
/* It sees the end of its input. */
void fh__helper_end_input(struct fh__helper *h);
/* From now on; 0: no limit. */
void fh__helper_deadline(struct fh__helper *h, unsigned ms);
/* No more events. It sees the end of its input, and is killed if it has not ended after so long. */
void fh__helper_forget(struct fh__helper *h, unsigned grace_ms);

/* What is on the command line of a helper: "helper". */
extern const char fh__helper_word[];
/* In the helper: argv[0] is the word. */
int fh__helper_main(char *const *argv);

#endif
