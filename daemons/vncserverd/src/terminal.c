/* SPDX-License-Identifier: MIT */
/* terminal.c -- asking for a new password. */
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <farhand/identity.h>

enum { PASSWORD_ROOM = 1024 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = number;
}

/* One line without its end; -1: none, or it does not fit. */
static int read_line(char *out, size_t room, size_t *len)
{
    size_t n = 0;
    ssize_t got;
    char c;

    while ((got = read(0, &c, 1)) == 1 && c != '\n') {
        if (n == room) {
            errno = EMSGSIZE;
            return -1;
        }
        out[n++] = c;
    }
    if (got < 0)
        return -1;
    *len = n;
    return 0;
}

static int ask(const char *question, char *out, size_t room, size_t *len)
{
    fputs(question, stderr);
    return read_line(out, room, len);
}

/* Twice, without echo. The terminal is put back as it was also when a signal ends the question. */
static int ask_twice(char *out, size_t room, size_t *len, char *error, size_t error_room)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_interrupt}, before[4];
    struct termios shown, hidden;
    char again[PASSWORD_ROOM];
    size_t again_len = 0, i;
    int ret = -1;

    if (tcgetattr(0, &shown) != 0) {
        snprintf(error, error_room, "the terminal: %s", strerror(errno));
        return -1;
    }
    sigemptyset(&action.sa_mask);
    for (i = 0; i < 4; i++)
        sigaction(signals[i], &action, &before[i]);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    hidden.c_lflag |= ECHONL;
    tcsetattr(0, TCSAFLUSH, &hidden);
    if (ask("New password: ", out, room, len) == 0 &&
        ask("The same again: ", again, room < sizeof again ? room : sizeof again, &again_len) ==
            0) {
        ret = *len == again_len && memcmp(out, again, again_len) == 0 ? 0 : -1;
        snprintf(error, error_room, "the two are not the same");
    } else {
        snprintf(error, error_room, "no password: %s", strerror(errno));
    }
    tcsetattr(0, TCSAFLUSH, &shown);
    for (i = 0; i < 4; i++)
        sigaction(signals[i], &before[i], NULL);
    fh_wipe(again, sizeof again);
    if (interrupted)
        raise(interrupted);
    return ret;
}

int fh__terminal_new_password(char *out, size_t room, size_t *len, char *error, size_t error_room)
{
    if (isatty(0))
        return ask_twice(out, room, len, error, error_room);
    if (read_line(out, room, len) != 0) {
        snprintf(error, error_room, "no password on stdin: %s", strerror(errno));
        return -1;
    }
    return 0;
}

int fh__terminal_line(const char *question, char *out, size_t room, size_t *len, char *error,
                      size_t error_room)
{
    fflush(stdout);
    if (ask(question, out, room - 1, len) != 0) {
        snprintf(error, error_room, "no answer: %s", strerror(errno));
        return -1;
    }
    if (*len == 0) {
        snprintf(error, error_room, "no answer");
        return -1;
    }
    out[*len] = '\0';
    return 0;
}
