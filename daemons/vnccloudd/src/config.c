/* SPDX-License-Identifier: MIT */
/* config.c -- the configuration, and what nobody has said. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

enum { PATH_ROOM = 4096 };

_Static_assert(offsetof(struct fh__config, settings) == 0, "what option.h relies on");

void fh__config_init(struct fh__config *c)
{
    memset(c, 0, sizeof *c);
    fh__settings_init(c, &fh__options);
}

void fh__config_free(struct fh__config *c)
{
    fh__settings_free(c);
    memset(c, 0, sizeof *c);
}

static const char *contradiction(const struct fh__config *c)
{
    if (!c->certificate != !c->key)
        return "certificate and key: expected both or none";
    if (c->n_turn > 0 && !c->turn_secret_file)
        return "turn: expected a turn-secret-file";
    return NULL;
}

/* HOST:PORT of a service of ours, if nobody said another. */
static int fill_place(struct fh__config *c, const char *option, const char *port)
{
    char text[300];

    snprintf(text, sizeof text, "%s:%s", c->name, port);
    return fh__settings_fill(c, option, text, FH__FROM_DEFAULT);
}

int fh__config_finish(struct fh__config *c, char *error, size_t room)
{
    char dir[PATH_ROOM - 32], host[256] = "";
    const char *wrong = contradiction(c);
    int bad = 0;

    if (wrong) {
        snprintf(error, room, "%s", wrong);
        return -1;
    }
    fh__directory("vnccloudd", "STATE_DIRECTORY", "/var/lib", "XDG_STATE_HOME", ".local/state", dir,
                  sizeof dir);
    bad |= fh__settings_fill(c, "state", dir, FH__FROM_DEFAULT);
    bad |= fh__settings_fill_file(c, "database", c->state ? c->state : dir, "cloud.db");
    c->is_control_default = !c->control;
    fh__directory("vnccloudd", "RUNTIME_DIRECTORY", "/run", "XDG_RUNTIME_DIR", ".cache", dir,
                  sizeof dir);
    bad |= fh__settings_fill_file(c, "control", dir, "control");
    if (gethostname(host, sizeof host - 1) != 0 || !*host)
        snprintf(host, sizeof host, "localhost");
    bad |= fh__settings_fill(c, "name", host, FH__FROM_DEFAULT);
    bad |= fh__settings_fill(c, "listen", "*:443", FH__FROM_DEFAULT);
    bad |= fh__settings_fill(c, "stun-listen", "*:3478", FH__FROM_DEFAULT);
    bad |= fill_place(c, "node", "443");
    if (strcmp(c->stun_listen[0], "none") != 0)
        bad |= fill_place(c, "stun", "3478");
    bad |= fh__settings_fill(c, "audit", "syslog", FH__FROM_DEFAULT);
    if (bad)
        snprintf(error, room, "out of memory");
    return bad ? -1 : 0;
}

int fh__config_build(struct fh__config *c, struct fh__invocation *out, int argc, char *const *argv,
                     char *error, size_t room)
{
    char dir[PATH_ROOM - 32], path[PATH_ROOM];

    fh__config_init(c);
    fh__directory("vnccloudd", "CONFIGURATION_DIRECTORY", "/etc", "XDG_CONFIG_HOME", ".config", dir,
                  sizeof dir);
    snprintf(path, sizeof path, "%s/vnccloudd.conf", dir);
    if (fh__options_parse(argc, argv, NULL, out, error, room) != 0)
        return -1;
    if (out->action == FH__ACTION_HELP || out->action == FH__ACTION_VERSION)
        return 0;
    if (fh__config_load_either(c, out->config_file, path, error, room) != 0 ||
        fh__options_parse(argc, argv, c, out, error, room) != 0)
        return -1;
    return fh__config_finish(c, error, room);
}
