/* SPDX-License-Identifier: MIT */
#include "notices.h"

#include <stdio.h>
#include <string.h>

#include "log.h"

static void on_line(void *user, const char *line)
{
    struct fh__notices *t = user;

    if (strcmp(line, "disconnect") == 0)
        t->disconnect(t->user);
}

static void on_ended(void *user, int status)
{
    struct fh__notices *t = user;

    if (!t->is_leaving)
        fh__log(FH__LOG_WARNING, "the notice of who is connected ended, status %d", status);
    t->attendant = NULL;
}

static const struct fh__attendant_ops ops = {on_line, on_ended};

/* false: nothing is shown. */
static bool find_command(const struct fh__notices *t, char out[FH__SEAT_PATH], bool *as_user)
{
    bool has_display = t->has_desktop && t->seat->display[0];

    *as_user = true;
    switch ((enum fh__notice)t->cfg->notice) {
    case FH__NOTICE_NONE:
        return false;
    case FH__NOTICE_WINDOW:
        fh__attendant_prompt("notice", out);
        return has_display;
    case FH__NOTICE_NOTIFY:
        fh__attendant_prompt("notify", out);
        return has_display;
    case FH__NOTICE_COMMAND:
        *as_user = false;
        snprintf(out, FH__SEAT_PATH, "%s", t->cfg->notice_command ? t->cfg->notice_command : "");
        return t->cfg->notice_command != NULL;
    }
    return false;
}

static void start(struct fh__notices *t)
{
    bool as_user;

    fh__notices_close(t);
    if (find_command(t, t->command, &as_user))
        t->attendant = fh__attendant_start(t->loop, t->command, t->seat, as_user, &ops, t);
}

void fh__notices_tell(struct fh__notices *t, const char *line, size_t len, unsigned n)
{
    if (n > 0 && (!t->attendant || t->is_leaving))
        start(t);
    fh__attendant_tell(t->attendant, line, len);
    if (n > 0 || t->is_leaving)
        return;
    t->is_leaving = true;
    fh__attendant_close_input(t->attendant, FH__NOTICES_GRACE_MS);
}

bool fh__notices_configure(struct fh__notices *t)
{
    char command[FH__SEAT_PATH];
    bool as_user, has = find_command(t, command, &as_user);

    if (has == (t->attendant != NULL) && (!has || strcmp(command, t->command) == 0))
        return false;
    fh__notices_close(t);
    return true;
}

void fh__notices_close(struct fh__notices *t)
{
    fh__attendant_stop(t->attendant, 0);
    t->attendant = NULL;
    t->is_leaving = false;
}
