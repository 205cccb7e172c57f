/* SPDX-License-Identifier: MIT */
/*
 * audit_program.c -- lines to the standard input of a program that runs as long as we do. A line is
 * forgotten when the pipe has taken it; one that was under way when the program ended is sent to
 * its successor again, so that a line may come twice but is not lost.
 */
#define _DEFAULT_SOURCE
#include "audit_sinks.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARGUMENTS_MAX = 32,
    BACK_OFF_MIN_MS = 1000,
    BACK_OFF_MAX_MS = 60000,
    GRACE_MS = 2000 /* at the end, for reading the rest */
};

struct queued {
    struct queued *next;
    size_t len;
    char text[];
};

struct fh__audit_program {
    uv_loop_t *loop;
    char *command;
    char *argv[ARGUMENTS_MAX + 1];
    void (*trouble)(void *user, const char *error);
    void *user;
    uv_process_t process;
    uv_pipe_t pipe;
    uv_timer_t timer; /* the next start, or the end of the grace */
    uv_write_t write;
    struct queued *first, *last;
    size_t queued; /* bytes */
    uint64_t lost;
    uint64_t started_ms;
    unsigned back_off_ms;
    unsigned open;   /* handles of the running program */
    bool is_writing; /* first is */
    bool is_running; /* process and pipe are open and of use */
    bool is_closing;
    bool has_pipe_closed;
    bool has_failed; /* and that it is there again was not told yet */
    void (*closed)(void *user);
    void *closed_user;
};

static void start(struct fh__audit_program *p);
static void write_next(struct fh__audit_program *p);

/* ---- the queue ---- */

static int enqueue(struct fh__audit_program *p, const char *line, size_t len)
{
    struct queued *q;

    if (p->queued + len > FH_AUDIT_QUEUE_MAX || !(q = malloc(sizeof *q + len)))
        return FH_SESSION_E_LIMIT;
    q->next = NULL;
    q->len = len;
    memcpy(q->text, line, len);
    if (p->last)
        p->last->next = q;
    else
        p->first = q;
    p->last = q;
    p->queued += len;
    return 0;
}

static void dequeue(struct fh__audit_program *p)
{
    struct queued *q = p->first;

    p->first = q->next;
    if (!p->first)
        p->last = NULL;
    p->queued -= q->len;
    free(q);
}

/* ---- the end ---- */

static void free_program(struct fh__audit_program *p)
{
    void (*closed)(void *user) = p->closed;
    void *user = p->closed_user;

    while (p->first)
        dequeue(p);
    free(p->command);
    free(p);
    closed(user);
}

static void on_timer_closed(uv_handle_t *h)
{
    free_program(h->data);
}

/* The program is gone with all of its handles. */
static void settle(struct fh__audit_program *p)
{
    if (p->open != 0 || p->is_writing)
        return;
    if (p->is_closing && !uv_is_closing((uv_handle_t *)&p->timer))
        uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct fh__audit_program *p = h->data;

    p->open--;
    settle(p);
}

static void close_pipe(struct fh__audit_program *p)
{
    if (p->has_pipe_closed)
        return;
    p->has_pipe_closed = true;
    uv_close((uv_handle_t *)&p->pipe, on_handle_closed);
}

static void on_grace(uv_timer_t *timer)
{
    struct fh__audit_program *p = timer->data;

    if (p->open != 0 && !uv_is_closing((uv_handle_t *)&p->process))
        (void)uv_process_kill(&p->process, SIGKILL);
    close_pipe(p);
}

static void on_restart(uv_timer_t *timer)
{
    struct fh__audit_program *p = timer->data;

    if (p->open == 0)
        start(p);
    else
        uv_timer_start(timer, on_restart, BACK_OFF_MIN_MS, 0);
}

/* ---- the program ---- */

static void start_later(struct fh__audit_program *p)
{
    if (uv_now(p->loop) - p->started_ms >= BACK_OFF_MAX_MS)
        p->back_off_ms = BACK_OFF_MIN_MS;
    uv_timer_start(&p->timer, on_restart, p->back_off_ms, 0);
    p->back_off_ms = p->back_off_ms * 2 < BACK_OFF_MAX_MS ? p->back_off_ms * 2 : BACK_OFF_MAX_MS;
}

static void on_ended(uv_process_t *process, int64_t status, int signal_number)
{
    struct fh__audit_program *p = process->data;
    char error[128];

    p->is_running = false;
    uv_close((uv_handle_t *)process, on_handle_closed);
    close_pipe(p);
    if (p->is_closing)
        return;
    if (signal_number != 0)
        snprintf(error, sizeof error, "it was ended by signal %d; it is started again in %u s",
                 signal_number, p->back_off_ms / 1000);
    else
        snprintf(error, sizeof error, "it ended with status %d; it is started again in %u s",
                 (int)status, p->back_off_ms / 1000);
    start_later(p);
    p->has_failed = true;
    p->trouble(p->user, error);
}

/* Whoever waits for the loop's end must not wait for a program that never ends. */
static void set_waited_for(struct fh__audit_program *p, bool is_waited_for)
{
    uv_handle_t *const handles[] = {(uv_handle_t *)&p->process, (uv_handle_t *)&p->pipe,
                                    (uv_handle_t *)&p->timer};

    for (size_t i = p->open != 0 ? 0 : 2; i < 3; i++) {
        if (is_waited_for)
            uv_ref(handles[i]);
        else
            uv_unref(handles[i]);
    }
}

static void start(struct fh__audit_program *p)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&p->pipe},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2}};
    const uv_process_options_t options = {
        .exit_cb = on_ended, .file = p->argv[0], .args = p->argv, .stdio = stdio, .stdio_count = 3};
    char error[160];
    int ret;

    p->started_ms = uv_now(p->loop);
    uv_pipe_init(p->loop, &p->pipe, 0);
    p->pipe.data = p->process.data = p;
    p->has_pipe_closed = false;
    p->open = 2; /* libuv wants the process closed also when it could not be started */
    ret = uv_spawn(p->loop, &p->process, &options);
    p->is_running = ret == 0;
    set_waited_for(p, false);
    if (ret == 0) {
        if (p->has_failed)
            p->trouble(p->user, NULL);
        p->has_failed = false;
        write_next(p);
        return;
    }
    p->has_failed = true;
    snprintf(error, sizeof error, "%s; the next try is in %u s", uv_strerror(ret),
             p->back_off_ms / 1000);
    uv_close((uv_handle_t *)&p->process, on_handle_closed);
    close_pipe(p);
    start_later(p);
    p->trouble(p->user, error);
}

/* ---- writing ---- */

static void on_written(uv_write_t *write, int status)
{
    struct fh__audit_program *p = write->data;

    p->is_writing = false;
    if (status == 0)
        dequeue(p);
    else
        close_pipe(p);
    if (status != 0 && p->is_running) /* one that reads no more is of no use */
        (void)uv_process_kill(&p->process, SIGTERM);
    if (status == 0 && p->is_running)
        write_next(p);
    settle(p);
}

static void write_next(struct fh__audit_program *p)
{
    uv_buf_t buf;

    if (p->is_writing || !p->is_running || p->has_pipe_closed)
        return;
    if (!p->first) {
        if (p->is_closing)
            close_pipe(p);
        return;
    }
    buf = uv_buf_init(p->first->text, (unsigned)p->first->len);
    p->write.data = p;
    p->is_writing = true;
    if (uv_write(&p->write, (uv_stream_t *)&p->pipe, &buf, 1, on_written) != 0) {
        p->is_writing = false;
        close_pipe(p);
    }
}

int fh__audit_program_write(struct fh__audit_program *p, const struct fh__audit_entry *e)
{
    struct fh_audit_event ev;
    char line[FH_AUDIT_LINE_MAX];
    int ret = 0;

    if (p->lost != 0) {
        ret = enqueue(p, line, fh__audit_lost_line(e->ev, p->lost, line, &ev));
        p->lost = ret == 0 ? 0 : p->lost;
    }
    if (ret == 0)
        ret = enqueue(p, e->line, e->len);
    p->lost += ret != 0;
    if (ret != 0)
        errno = ENOBUFS;
    write_next(p);
    return ret;
}

bool fh__audit_program_is_losing(const struct fh__audit_program *p)
{
    return p->lost != 0;
}

/* ---- the object ---- */

static int split(struct fh__audit_program *p)
{
    char *rest = p->command, *word;
    size_t n = 0;

    while ((word = strsep(&rest, " ")) != NULL) {
        if (!*word)
            continue;
        if (n == ARGUMENTS_MAX)
            return FH_SESSION_E_INVAL;
        p->argv[n++] = word;
    }
    return n > 0 ? 0 : FH_SESSION_E_INVAL;
}

int fh__audit_program_new(uv_loop_t *loop, const char *command,
                          void (*trouble)(void *user, const char *error), void *user,
                          struct fh__audit_program **out)
{
    struct fh__audit_program *p = calloc(1, sizeof *p);
    int ret = FH_SESSION_E_NOMEM;

    if (!p || !(p->command = strdup(command)))
        goto out;
    if ((ret = split(p)) != 0)
        goto out;
    p->loop = loop;
    p->trouble = trouble;
    p->user = user;
    p->back_off_ms = BACK_OFF_MIN_MS;
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    start(p);
    *out = p;
    return 0;
out:
    if (p)
        free(p->command);
    free(p);
    return ret;
}

void fh__audit_program_close(struct fh__audit_program *p, void (*closed)(void *user), void *user)
{
    p->is_closing = true;
    p->closed = closed;
    p->closed_user = user;
    uv_timer_start(&p->timer, on_grace, GRACE_MS, 0);
    set_waited_for(p, true);
    write_next(p);
    settle(p);
}
