/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "terminal.h"

#include <fcntl.h>
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

static int read_line(int fd, char *answer, size_t room)
{
    size_t n = 0;
    char c;

    for (;;) {
        ssize_t got = read(fd, &c, 1);

        if (got <= 0)
            return -1;
        if (c == '\n')
            break;
        if (n + 1 == room)
            return -1;
        answer[n++] = c;
    }
    answer[n] = '\0';
    return 0;
}

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

static const int interrupts[] = {SIGINT, SIGTERM};
enum { INTERRUPTS = sizeof interrupts / sizeof interrupts[0] };

/* The loop's handlers restart what they interrupt, so that nothing would end the waiting. */
static void catch_interrupts(struct sigaction before[INTERRUPTS])
{
    struct sigaction sa = {.sa_handler = on_signal};

    caught = 0;
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < INTERRUPTS; i++)
        sigaction(interrupts[i], &sa, &before[i]);
}

static void release_interrupts(const struct sigaction before[INTERRUPTS])
{
    for (size_t i = 0; i < INTERRUPTS; i++)
        sigaction(interrupts[i], &before[i], NULL);
    if (caught)
        raise(caught);
}

int terminal_ask(const char *question, bool is_secret, char *answer, size_t room)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC), ret = -1;
    struct sigaction handlers[INTERRUPTS];
    struct termios before, quiet;
    bool is_quiet = false;

    if (fd < 0)
        return -1;
    catch_interrupts(handlers);
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
