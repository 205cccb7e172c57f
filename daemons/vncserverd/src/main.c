/* SPDX-License-Identifier: MIT */
/* main.c -- vncserverd: shares an X desktop with remote viewers. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "helper.h"
#include "options.h"
#include "role.h"
#include "service.h"

static enum fh__exit act(struct fh__config *cfg, const struct fh__invocation *invocation, int argc,
                         char *const *argv)
{
    switch (invocation->action) {
    case FH__ACTION_RUN:
        return fh__service_run(cfg, argc, argv);
    case FH__ACTION_CHECK_CONFIG:
        printf("the configuration is good\n");
        return FH__EXIT_OK;
    case FH__ACTION_PRINT_CONFIG:
        fh__settings_print(cfg, stdout, invocation->is_json);
        return FH__EXIT_OK;
    case FH__ACTION_HELP:
        fh__options_usage();
        return FH__EXIT_OK;
    case FH__ACTION_VERSION:
        printf("vncserverd " FH__VERSION "\n");
        return FH__EXIT_OK;
    case FH__ACTION_IDENTITY:
        return fh__identity_command(cfg, invocation->arguments);
    case FH__ACTION_USER:
        return fh__user_command(cfg, invocation->arguments);
    case FH__ACTION_GROUP:
        return fh__group_command(cfg, invocation->arguments);
    case FH__ACTION_CLOUD:
        return fh__cloud_command(cfg, invocation->arguments);
    }
    return FH__EXIT_UNEXPECTED;
}

int main(int argc, char **argv)
{
    struct fh__config cfg;
    struct fh__invocation invocation;
    enum fh__exit how = FH__EXIT_USAGE;
    char error[400];

    fh__log_name("vncserverd");
    if (fh__role_of(argv[0]) != FH__MONITOR)
        return (int)fh__role_main(fh__role_of(argv[0]), argv);
    if (argc > 1 && strcmp(argv[1], fh__helper_word) == 0)
        return fh__helper_main(argv + 1);
    fh__log_open();
    if (fh__config_build(&cfg, &invocation, argc, argv, error, sizeof error) == 0) {
        fh__log_set_level(cfg.log_level);
        how = act(&cfg, &invocation, argc, argv);
    } else {
        fh__log(FH__LOG_ERROR, "%s", error);
    }
    fh__config_free(&cfg);
    return (int)how;
}
