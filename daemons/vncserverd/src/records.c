/* SPDX-License-Identifier: MIT */
#include "records.h"

#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "child.h"
#include "log.h"
#include "sandbox.h"

static void name(enum fh__role role, uint64_t number, char *out, size_t room)
{
    if (number)
        snprintf(out, room, "%s %llu", fh__role_name(role), (unsigned long long)number);
    else
        snprintf(out, room, "%s", fh__role_name(role));
}

/* A session's lines are bounded by its life (viewer.c); the desktop process has a longer one. */
static bool is_too_much(enum fh__role role)
{
    static uint64_t until_ms;
    static unsigned n;
    uint64_t now = uv_hrtime() / 1000000;

    if (role != FH__DESKTOP)
        return false;
    if (now >= until_ms) {
        until_ms = now + 60000;
        n = 0;
    }
    if (++n == FH__RECORDS_LINES + 1)
        fh__log(FH__LOG_WARNING, "%s says too much; the rest of this minute is left out",
                fh__role_name(role));
    return n > FH__RECORDS_LINES;
}

/* What a process says that others may have a hold on is what it says, no more. */
static void log_line(enum fh__role role, uint64_t number, struct rd body)
{
    struct fh__msg_log m;
    char who[64], text[FH__TEXT_MAX + 1];

    if (!fh__msg_log_read(body, &m) || is_too_much(role))
        return;
    fh__text_copy(m.text, text, sizeof text);
    name(role, number, who, sizeof who);
    if (role != FH__KEY)
        fh__log((enum fh__log_level)m.level, "%s: %s", who, text);
    else
        fh__log((enum fh__log_level)m.level, "%s", text);
}

/* All sessions are alike: once is enough. */
static void log_sandbox(enum fh__role role, struct rd body)
{
    static unsigned told;
    struct fh__msg_confined m;
    char missing[300];

    if (!fh__msg_confined_read(body, &m) || (told & role))
        return;
    told |= role;
    fh__sandbox_missing(role, m.what, missing, sizeof missing);
    if (missing[0])
        fh__log(FH__LOG_INFO, "%s runs without: %s", fh__role_name(role), missing);
    else
        fh__log(FH__LOG_DEBUG, "%s is confined, Landlock %u", fh__role_name(role), m.landlock);
}

bool fh__records_message(enum fh__role role, uint64_t number, unsigned message, struct rd body)
{
    if (message == FH__MSG_LOG)
        log_line(role, number, body);
    else if (message == FH__MSG_CONFINED)
        log_sandbox(role, body);
    else
        return false;
    return true;
}

void fh__records_crash(enum fh__role role, uint64_t number, int64_t status, int signal)
{
    char who[64];

    name(role, number, who, sizeof who);
    if (status < 0)
        fh__log(FH__LOG_ERROR, "%s cannot be started: %s", who, uv_strerror((int)status));
    else if (signal)
        fh__log(FH__LOG_ERROR, "%s was ended by signal %d (%s)", who, signal, strsignal(signal));
    else
        fh__log(FH__LOG_ERROR, "%s ended with status %lld", who, (long long)status);
}
