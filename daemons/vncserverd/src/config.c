/* SPDX-License-Identifier: MIT */
/* config.c -- the configuration file, and what nobody has said. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "older.h"
#include "options.h"
#include "policy.h"

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

static void config_directory(char *out, size_t room)
{
    fh__directory("vncserverd", "CONFIGURATION_DIRECTORY", "/etc", "XDG_CONFIG_HOME", ".config",
                  out, room);
}

void fh__config_default_path(char *out, size_t room)
{
    char dir[PATH_ROOM - 32];

    config_directory(dir, sizeof dir);
    snprintf(out, room, "%s/vncserverd.conf", dir);
}

static int fill_display(struct fh__config *c)
{
    const char *display = getenv("DISPLAY");

    if (c->virtual)
        return 0;
    if (display && *display)
        return fh__settings_fill(c, "display", display, FH__FROM_ENVIRONMENT);
    return fh__settings_fill(c, "display", ":0", FH__FROM_DEFAULT);
}

static const char *contradiction(const struct fh__config *c)
{
    if (c->virtual && c->display)
        return "expected display or virtual, not both";
    if (c->program && !c->virtual)
        return "a program is only started with --virtual";
    if (c->notice == FH__NOTICE_COMMAND && !c->notice_command)
        return "notice = command: expected a notice-command";
    if (c->auth == FH__AUTH_PROGRAM && !c->auth_command)
        return "auth = program: expected an auth-command";
    if (fh__older_needs(c, FH_OLDER_IS_VNC) && !c->vnc_password_file)
        return "security-types with VncAuth or X509Vnc: expected a vnc-password-file";
    for (size_t i = 0; c->n_listen > 1 && i < c->n_listen; i++)
        if (strcmp(c->listen[i], "none") == 0)
            return "listen: expected none, or addresses, not both";
    if (!c->cloud != !c->cloud_address)
        return "cloud: expected both cloud and cloud-address, or neither";
    if (!c->cloud && fh__config_is_deaf(c))
        return "listen = none: expected a cloud through which viewers come";
    return NULL;
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
    fh__directory("vncserverd", "STATE_DIRECTORY", "/var/lib", "XDG_STATE_HOME", ".local/state",
                  dir, sizeof dir);
    bad |= fh__settings_fill_file(c, "identity", dir, "identity.pem");
    bad |= fh__settings_fill_file(c, "rsa-aes-key", dir, "rsa-aes-key.pem");
    bad |= fh__settings_fill_file(c, "tls-certificate", dir, "tls-certificate.pem");
    bad |= fh__settings_fill_file(c, "tls-key", dir, "tls-key.pem");
    bad |= fh__settings_fill_file(c, "blacklist", dir, "blacklist");
    bad |= fh__settings_fill_file(c, "codes", dir, "codes");
    bad |= fh__settings_fill_file(c, "cloud-key", dir, "cloud.key");
    c->is_control_default = !c->control;
    fh__directory("vncserverd", "RUNTIME_DIRECTORY", "/run", "XDG_RUNTIME_DIR", ".cache", dir,
                  sizeof dir);
    bad |= fh__settings_fill_file(c, "control", dir, "control");
    config_directory(dir, sizeof dir);
    bad |= fh__settings_fill_file(c, "users", dir, "users");
    if (gethostname(host, sizeof host - 1) != 0 || !*host)
        snprintf(host, sizeof host, "desktop");
    bad |= fh__settings_fill(c, "name", host, FH__FROM_DEFAULT);
    bad |= fill_display(c);
    bad |= fh__settings_fill(c, "listen", "*:5900", FH__FROM_DEFAULT);
    bad |= fh__settings_fill(c, "audit", "syslog", FH__FROM_DEFAULT);
    if (bad)
        snprintf(error, room, "out of memory");
    return bad ? -1 : 0;
}

int fh__config_build(struct fh__config *c, struct fh__invocation *out, int argc, char *const *argv,
                     char *error, size_t room)
{
    char path[PATH_ROOM];

    fh__config_init(c);
    fh__config_default_path(path, sizeof path);
    if (fh__options_parse(argc, argv, NULL, out, error, room) != 0)
        return -1;
    if (out->action == FH__ACTION_HELP || out->action == FH__ACTION_VERSION)
        return 0;
    if (fh__config_load_either(c, out->config_file, path, error, room) != 0 ||
        fh__options_parse(argc, argv, c, out, error, room) != 0 ||
        fh__policy_load(c, out->policy_file, error, room) != 0)
        return -1;
    return fh__config_finish(c, error, room);
}
