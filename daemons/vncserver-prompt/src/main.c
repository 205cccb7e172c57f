/* SPDX-License-Identifier: MIT */
/* main.c -- vncserver-prompt: what vncserverd shows to and asks the person at a desktop. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <farhand/session_version.h>

#include "modes.h"

static const char help[] =
    "Usage: vncserver-prompt ask|notice|notify|presence\n"
    "Shows the person at the desktop who is connected, and asks who may. vncserverd runs it.\n\n"
    "  ask          a window with a question; prints the answer\n"
    "  notice       a window that says who is connected; prints \"disconnect\" when that is "
    "wanted\n"
    "  notify       the same by the desktop's notifications\n"
    "  presence     prints whether somebody is there: present or absent\n\n"
    "  --help, --version   show this text or the version, and end\n\n"
    "See vncserver-prompt(1).\n";

#ifdef __SANITIZE_ADDRESS__
/* fontconfig keeps what it has read until the process ends. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\nleak:FcFontSet\n";
}
#endif

static const struct {
    const char *name;
    enum fh__exit (*run)(struct fh__lines *lines);
} modes[] = {
    {"ask", fh__ask},
    {"notice", fh__notice},
    {"notify", fh__notify},
    {"presence", fh__presence},
};

static enum fh__exit run(size_t mode)
{
    const struct rlimit no_core = {0, 0};
    struct fh__lines lines;
    enum fh__exit how = FH__EXIT_USAGE;

    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGPIPE, SIG_IGN);
    if (fh__lines_init(&lines))
        how = modes[mode].run(&lines);
    fh__lines_finish(&lines);
    return how;
}

int main(int argc, char **argv)
{
    const char *word = argc == 2 ? argv[1] : "";

    if (strcmp(word, "--help") == 0 || strcmp(word, "--version") == 0) {
        fputs(word[2] == 'h' ? help : "vncserver-prompt " FH_SESSION_VERSION "\n", stdout);
        return FH__EXIT_OK;
    }
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(word, modes[i].name) == 0)
            return (int)run(i);
    fprintf(stderr, "vncserver-prompt: expected ask, notice, notify or presence\n");
    return FH__EXIT_USAGE;
}
