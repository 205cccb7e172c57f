/* SPDX-License-Identifier: MIT */
/* main.c -- vnccloudd: puts computers in touch that cannot reach each other. */
#include <stdio.h>

#include "options.h"
#include "service.h"

static enum fh__exit act(struct fh__config *cfg, const struct fh__invocation *invocation, int argc,
                         char *const *argv)
{
    switch (invocation->action) {
    case FH__ACTION_RUN:
        return fh__service_run(cfg, argc, argv);
    case FH__ACTION_CHECK_CONFIG:
        return fh__service_check(cfg);
    case FH__ACTION_PRINT_CONFIG:
        fh__settings_print(cfg, stdout, invocation->is_json);
        return FH__EXIT_OK;
    case FH__ACTION_SHOW_CLIENT:
        return fh__service_show_client(cfg);
    case FH__ACTION_HELP:
        fh__options_usage();
        return FH__EXIT_OK;
    case FH__ACTION_VERSION:
        printf("vnccloudd " FH__VERSION "\n");
        return FH__EXIT_OK;
    }
    return FH__EXIT_UNEXPECTED;
}

int main(int argc, char **argv)
{
    struct fh__config cfg;
    struct fh__invocation invocation;
    enum fh__exit how = FH__EXIT_USAGE;
    char error[400];

    fh__log_name("vnccloudd");
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
