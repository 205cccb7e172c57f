/* SPDX-License-Identifier: MIT */
/* vncviewer-cli: a viewer for scripts. See vncviewer-cli(1). */
#include <stdio.h>

#include <farhand/session_version.h>

#include "app.h"
#include "known.h"
#include "options.h"
#include "script.h"

static enum exit_code run(const struct options *o)
{
    struct script script = {0};
    char why[768] = "";
    enum exit_code code;

    if (script_parse(&script, o->n_words, o->words, why, sizeof why) != 0)
        code = app_fail(o, EXIT_USAGE, why);
    else
        code = app_run(o, &script);
    script_free(&script);
    return code;
}

static enum exit_code act(const struct options *o)
{
    switch (o->action) {
    case ACTION_HELP:
        options_help(stdout);
        return EXIT_OK;
    case ACTION_VERSION:
        printf("vncviewer-cli %s\n", fh_session_version());
        return EXIT_OK;
    case ACTION_KNOWN_SERVERS:
        return known_command(o);
    case ACTION_RUN:
        return run(o);
    }
    return EXIT_UNEXPECTED;
}

int main(int argc, char **argv)
{
    struct options o;
    char why[1024] = "";
    enum exit_code code;

    if (options_parse(&o, argc, argv, why, sizeof why) == 0)
        code = act(&o);
    else
        code = app_fail(&o, EXIT_USAGE, why);
    options_free(&o);
    return (int)code;
}
