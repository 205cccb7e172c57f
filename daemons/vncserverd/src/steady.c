/* SPDX-License-Identifier: MIT */
#include "steady.h"

#include <unistd.h>

#include "log.h"
#include "records.h"

static void start(struct fh__steady *s);

static void on_delay(uv_timer_t *timer)
{
    start(timer->data);
}

static void on_too_long(uv_timer_t *timer)
{
    struct fh__steady *s = timer->data;

    fh__log(FH__LOG_WARNING, "%s does not end; it is killed", fh__role_name(s->role));
    fh__child_kill(&s->child);
}

static void ended(struct fh__steady *s)
{
    uv_timer_stop(&s->timer);
    if (s->has_told)
        return;
    s->has_told = true;
    s->ops->ended(s->user);
}

static void start_again(struct fh__steady *s)
{
    if (uv_now(s->loop) - s->started_ms >= FH__STEADY_GOOD_MS)
        s->delay_ms = 0;
    uv_timer_start(&s->timer, on_delay, s->delay_ms, 0);
    s->delay_ms = s->delay_ms ? 2 * s->delay_ms : 250;
    if (s->delay_ms > FH__STEADY_DELAY_MAX_MS)
        s->delay_ms = FH__STEADY_DELAY_MAX_MS;
}

static void on_gone(void *user, int64_t status, int signal)
{
    struct fh__steady *s = user;

    s->is_alive = false;
    s->stage = 0;
    if (s->is_stopping || s->is_final) {
        ended(s);
        return;
    }
    if (!s->is_renewed)
        fh__records_crash(s->role, 0, status, signal);
    s->is_renewed = false;
    uv_timer_stop(&s->timer);
    s->ops->lost(s->user);
    if (s->is_stopping)
        ended(s);
    else if (s->is_wanted)
        start_again(s);
}

static void on_message(void *user, unsigned number, struct rd body, int fd)
{
    struct fh__steady *s = user;

    if (!fh__message_is_in_time(number, s->stage)) {
        fh__log(FH__LOG_ERROR, "%s said something at the wrong time; it is ended",
                fh__role_name(s->role));
        if (fd >= 0)
            close(fd);
        fh__child_kill(&s->child);
    } else if (!fh__records_message(s->role, 0, number, body)) {
        s->ops->message(s->user, number, body, fd);
    }
}

/* Whoever is going to end closes the link first. */
static void on_broken(void *user, const char *why)
{
    struct fh__steady *s = user;

    if (why) {
        fh__log(FH__LOG_ERROR, "%s sent %s; it is ended", fh__role_name(s->role), why);
        fh__child_kill(&s->child);
    } else {
        fh__child_hang_up(&s->child);
    }
}

static const struct fh__child_ops child_ops = {{on_message, on_broken}, on_gone};

static void start(struct fh__steady *s)
{
    s->started_ms = uv_now(s->loop);
    if (fh__child_start(&s->child, s->loop, s->role, s->arguments, NULL, 0, &child_ops, s) != 0) {
        fh__log(FH__LOG_ERROR, "%s cannot be started", fh__role_name(s->role));
        start_again(s);
        return;
    }
    s->is_alive = true;
    s->stage = FH__CHILD_NEW;
    s->ops->setup(s->user);
}

void fh__steady_open(struct fh__steady *s, uv_loop_t *loop, enum fh__role role,
                     char *const *arguments, const struct fh__steady_ops *ops, void *user)
{
    *s = (struct fh__steady){.loop = loop,
                             .role = role,
                             .arguments = arguments,
                             .ops = ops,
                             .user = user,
                             .is_wanted = true};
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    s->is_open = true;
    start(s);
}

void fh__steady_ready(struct fh__steady *s)
{
    s->stage = FH__CHILD_READY;
}

bool fh__steady_is_ready(const struct fh__steady *s)
{
    return s->stage == FH__CHILD_READY && !s->is_stopping && !s->is_renewed;
}

void fh__steady_final(struct fh__steady *s)
{
    s->is_final = true;
}

/* The desktop process tidies up; the key process has nothing to. */
static void ask_to_end(struct fh__steady *s)
{
    uv_timer_start(&s->timer, on_too_long, FH__STEADY_STOP_MS, 0);
    if (s->role != FH__DESKTOP || fh__steady_send(s, FH__MSG_STOP, NULL, 0, -1) != 0)
        fh__child_kill(&s->child);
}

void fh__steady_renew(struct fh__steady *s, bool is_wanted, bool has_failed)
{
    s->is_wanted = is_wanted;
    if (!has_failed)
        s->delay_ms = 0;
    if (s->is_stopping)
        return;
    if (s->is_alive) {
        s->is_renewed = true;
        ask_to_end(s);
    } else {
        uv_timer_stop(&s->timer);
        if (is_wanted)
            start_again(s);
    }
}

int fh__steady_send(struct fh__steady *s, unsigned number, const void *body, size_t len, int fd)
{
    if (!s->is_alive)
        return -1;
    if (fh__link_send(&s->child.link, number, body, len, fd) == 0)
        return 0;
    fh__log(FH__LOG_ERROR, "%s cannot be told what it must know; it is ended",
            fh__role_name(s->role));
    fh__child_kill(&s->child);
    return -1;
}

void fh__steady_stop(struct fh__steady *s)
{
    if (s->is_stopping || !s->is_open)
        return;
    s->is_stopping = true;
    if (!s->is_alive) {
        ended(s);
        return;
    }
    ask_to_end(s);
}

void fh__steady_close(struct fh__steady *s)
{
    if (!s->is_open)
        return;
    s->is_open = false;
    uv_close((uv_handle_t *)&s->timer, NULL);
}
