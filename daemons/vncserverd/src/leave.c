/* SPDX-License-Identifier: MIT */
#include "leave.h"

#include <stdio.h>

#include "log.h"

/*
 * A closed standard input means to the programs that we wrote that they are to end; these read
 * none. What they take longer than FH__LEAVE_MS they do not do.
 */
static void run(uv_loop_t *loop, const char *command, const struct fh__seat *seat, bool as_user)
{
    static const struct fh__attendant_ops none = {NULL, NULL};

    fh__attendant_stop(fh__attendant_start(loop, command, seat, as_user, &none, NULL),
                       FH__LEAVE_MS);
}

void fh__leave(uv_loop_t *loop, const struct fh__config *cfg, const struct fh__seat *seat)
{
    bool is_lock = cfg->at_disconnect == FH__AT_DISCONNECT_LOCK;
    const char *command = is_lock ? cfg->lock_command : cfg->logout_command;
    char logind[FH__SEAT_PATH];

    if (cfg->at_disconnect == FH__AT_DISCONNECT_NONE)
        return;
    fh__log(FH__LOG_NOTICE, is_lock ? "the last session ended: the desktop is locked"
                                    : "the last session ended: the desktop is logged out");
    if (command) {
        run(loop, command, seat, true);
    } else if (seat->session[0]) {
        snprintf(logind, sizeof logind, "loginctl %s %s",
                 is_lock ? "lock-session" : "terminate-session", seat->session);
        run(loop, logind, seat, false);
    } else {
        fh__log(FH__LOG_ERROR,
                "logind knows no session of this desktop; %s says how it is done without it",
                is_lock ? "lock-command" : "logout-command");
    }
}
