/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pipe2 */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "utf8.h"

bool terminal_can_ask(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static volatile sig_atomic_t caught;
static int
    wake[2]; /* the handler writes: whichever thread it runs in, and whenever, poll hears it */

static void on_signal(int number)
{
    int saved = errno;

    caught = number;
    if (write(wake[1], "", 1) < 0)
        caught = number; /* the pipe is full: it is heard all the same */
    errno = saved;
}

static const int interrupts[] = {SIGINT, SIGTERM};
enum { INTERRUPTS = sizeof interrupts / sizeof interrupts[0] };

/* The loop's handlers restart what they interrupt, so that nothing would end the waiting. */
static int catch_interrupts(struct sigaction before[INTERRUPTS])
{
    struct sigaction sa = {.sa_handler = on_signal};

    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    caught = 0;
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < INTERRUPTS; i++)
        sigaction(interrupts[i], &sa, &before[i]);
    return 0;
}

static void release_interrupts(const struct sigaction before[INTERRUPTS])
{
    for (size_t i = 0; i < INTERRUPTS; i++)
        sigaction(interrupts[i], &before[i], NULL);
    close(wake[0]);
    close(wake[1]);
    if (caught)
        raise(caught);
}

/* Reads one byte; false: the input ended, or a signal came first. */
static bool read_byte(int fd, char *out)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};

    while (!caught && poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    return !caught && fds[1].revents == 0 && read(fd, out, 1) == 1;
}

static int read_line(int fd, char *answer, size_t room)
{
    size_t n = 0;
    char c;

    while (read_byte(fd, &c)) {
        if (c == '\n') {
            answer[n] = '\0';
            return 0;
        }
        if (n + 1 == room)
            return -1;
        answer[n++] = c;
    }
    return -1;
}

int terminal_ask(const char *question, bool is_secret, char *answer, size_t room)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC), ret = -1;
    struct sigaction handlers[INTERRUPTS];
    struct termios before, quiet;
    bool is_quiet = false;

    if (fd < 0)
        return -1;
    if (catch_interrupts(handlers) != 0) {
        close(fd);
        return -1;
    }
    if (is_secret && tcgetattr(fd, &before) == 0) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        is_quiet = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    }
    /* A secret is not asked for where it would be shown. */
    if ((!is_secret || is_quiet) && write(fd, question, strlen(question)) >= 0)
        ret = read_line(fd, answer, room);
    if (is_quiet) {
        tcsetattr(fd, TCSAFLUSH, &before);
        if (write(fd, "\n", 1) < 0)
            ret = -1;
    }
    close(fd);
    if (ret != 0 && caught)
        ret = TERMINAL_INTERRUPTED;
    release_interrupts(handlers);
    return ret;
}

void terminal_escape(const char *text, char *out, size_t room)
{
    size_t left = strlen(text), used = 0, n;
    uint32_t c;

    for (; left != 0; text += n, left -= n) {
        n = utf8_next(text, left, &c);
        if (used + 5 >= room)
            break;
        if (n == 0 || utf8_is_control(c) || utf8_is_deceptive(c)) {
            n = n ? n : 1;
            out[used++] = '?';
        } else {
            memcpy(out + used, text, n);
            used += n;
        }
    }
    out[used] = '\0';
}

static bool is_harmless(uint32_t c)
{
    return c == '\n' || c == '\t' || (!utf8_is_control(c) && !utf8_is_deceptive(c));
}

void terminal_print(FILE *f, const char *text, size_t len)
{
    size_t n;
    uint32_t c;

    if (!isatty(fileno(f))) {
        fwrite(text, 1, len, f);
        return;
    }
    for (; len != 0; text += n, len -= n) {
        n = utf8_next(text, len, &c);
        if (n != 0 && is_harmless(c)) {
            fwrite(text, 1, n, f);
        } else {
            n = n ? n : 1;
            putc('?', f);
        }
    }
}
