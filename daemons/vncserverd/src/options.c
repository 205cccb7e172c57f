/* SPDX-License-Identifier: MIT */
/* options.c -- the table of options, and the command line. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/address.h>
#include <farhand/audit_target.h>
#include <farhand/cloud_address.h>
#include <farhand/cloud_service.h>
#include <farhand/ip_filter.h>
#include <farhand/login.h>
#include <farhand/proxy.h>

#include "commandline.h"
#include "older.h"

/* A program and its arguments, with spaces between; no shell. */
static const char *set_command(struct fh__config *c, const struct fh__option *o, const char *value)
{
    return *value == '/' ? fh__set_text(c, o, value) : "a program's path that begins with /";
}

/* A name of a file: what it says stays in its folder. */
static const char *set_service(struct fh__config *c, const struct fh__option *o, const char *value)
{
    if (!*value || strlen(value) > 64 || *value == '.' || strchr(value, '/'))
        return "the name of a file in /etc/pam.d";
    return fh__set_text(c, o, value);
}

static const char *set_audit(struct fh__config *c, const struct fh__option *o, const char *value)
{
    struct fh_audit_target target;
    const char *expected;

    if (fh_audit_target_parse(value, &target, &expected) != 0)
        return expected;
    return fh__option_append(c, o, value);
}

static const char *set_control(struct fh__config *c, const struct fh__option *o, const char *value)
{
    if (*value != '/' && strcmp(value, "none") != 0)
        return "none, or a path that begins with /";
    return fh__set_text(c, o, value);
}

static const char *set_listen(struct fh__config *c, const struct fh__option *o, const char *value)
{
    struct fh_target target;
    const char *expected = NULL;

    if (strcmp(value, "none") == 0) /* alone: fh__config_finish() */
        return fh__option_append(c, o, value);
    if (fh_address_parse_listen(value, &target, &expected) != 0)
        return expected;
    return fh__option_append(c, o, value);
}

static const char *set_cloud(struct fh__config *c, const struct fh__option *o, const char *value)
{
    struct fh_cloud_service *service = malloc(sizeof *service);
    const char *expected = "more memory than there is";
    int error = service ? fh_cloud_service_parse(value, service, &expected) : -1;

    free(service);
    return error ? expected : fh__set_text(c, o, value);
}

static const char *set_cloud_address(struct fh__config *c, const struct fh__option *o,
                                     const char *value)
{
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    int error = fh_cloud_address_parse(value, strlen(value), address);

    if (error)
        return error == FH_CLOUD_E_CHECKSUM ? "an address in a cloud; this one is mistyped"
                                            : "an address in a cloud, XXXXX-XXXXX-XXXXX-XXXXX";
    return fh__set_text(c, o, value);
}

static const char *set_proxy(struct fh__config *c, const struct fh__option *o, const char *value)
{
    struct fh_proxy proxy;
    const char *expected;

    return fh_proxy_parse(value, &proxy, &expected) ? expected : fh__set_text(c, o, value);
}

/* Where a rule names somebody in a cloud it must not be mistyped: it would be about nobody. */
static bool is_mistyped(const char *rule)
{
    static const char cloud[] = "cloud:";
    const char *at = strstr(rule, cloud);
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    size_t len = at ? strcspn(at + sizeof cloud - 1, " \t") : 0;

    return at && fh_cloud_address_parse(at + sizeof cloud - 1, len, address) != 0;
}

static const char *set_filter(struct fh__config *c, const struct fh__option *o, const char *value)
{
    struct fh_ip_filter *filter = fh_ip_filter_new();
    const char *expected = "more memory than there is";
    int error = filter ? fh_ip_filter_add(filter, value, &expected) : FH_SESSION_E_NOMEM;

    fh_ip_filter_free(filter);
    if (error)
        return expected;
    if (is_mistyped(value))
        return "an address in a cloud behind cloud:; this one is mistyped";
    return fh__option_append(c, o, value);
}

static const char *set_require(struct fh__config *c, const struct fh__option *o, const char *value)
{
    (void)o;
    return fh_factors_parse(value, &c->required) == 0
               ? NULL
               : "password, totp, identity, approval with + between them, password or identity "
                 "among them";
}

static const char *set_types(struct fh__config *c, const struct fh__option *o, const char *value)
{
    uint16_t types[FH_OLDER_MAX];
    size_t n;
    const char *expected = fh__older_parse(value, types, &n);

    if (expected)
        return expected;
    memcpy(c->older, types, sizeof types);
    c->n_older = n;
    return fh__set_text(c, o, value);
}

static const char *set_virtual(struct fh__config *c, const struct fh__option *o, const char *value)
{
    static const char expected[] = "a size like 1280x800, each side from 64 to 16384";
    unsigned long w, h;
    char *end;

    if (*value < '0' || *value > '9')
        return expected;
    w = strtoul(value, &end, 10);
    if (*end != 'x' || end[1] < '0' || end[1] > '9')
        return expected;
    h = strtoul(end + 1, &end, 10);
    if (*end || w < 64 || w > 16384 || h < 64 || h > 16384)
        return expected;
    c->virtual_width = (uint16_t)w;
    c->virtual_height = (uint16_t)h;
    return fh__set_text(c, o, value);
}

#define AT(member) offsetof(struct fh__config, member)
#define CALL FH__OPTION_CALL
#define START FH__OPTION_START
#define RELOAD FH__OPTION_RELOAD

static const struct fh__option table[] = {
    {"display", "NAME", START, fh__set_text, AT(display), 0, 0, NULL,
     "the X display to share, or auto: whose turn it is at this computer (default: what DISPLAY "
     "says, else :0)"},
    {"virtual", "WxH", START, set_virtual, AT(virtual), 0, 0, NULL,
     "share a headless X server of this size, started for it"},
    {"xauthority", "FILE", START, fh__set_path, AT(xauthority), 0, 0, NULL,
     "where the display's cookie is (default: what XAUTHORITY says)"},
    {"desktop-user", "USER", START, fh__set_text, AT(desktop_user), 0, 0, NULL,
     "whom the desktop belongs to, as who it is used, where we are root (default: whose X server "
     "it is)"},
    {"service-user", "USER", START, fh__set_text, AT(service_user), 0, 0, NULL,
     "as who viewers are spoken with, where we are root (default: vncserverd, else nobody)"},
    {"listen", "ADDRESS", START, set_listen, AT(listen), FH__LIST, FH__CONFIG_LISTEN_MAX, NULL,
     "where to listen, or none; may be repeated (default: *:5900, that is [::]:5900 and "
     "0.0.0.0:5900)"},
    {"cloud", "SERVICE", START, set_cloud, AT(cloud), 0, 0, NULL,
     "the cloud through which viewers may come as well: the line that vnccloudd prints"},
    {"cloud-address", "ADDRESS", START, set_cloud_address, AT(cloud_address), 0, 0, NULL,
     "our address there"},
    {"cloud-password-file", "FILE", START, fh__set_path, AT(cloud_password_file), 0, 0, NULL,
     "the password of the first sign-in; later it may be missing"},
    {"cloud-key", "FILE", START, fh__set_path, AT(cloud_key), 0, 0, NULL,
     "the key that opens what viewers say of their networks; made if it is not there"},
    {"cloud-path", "any|direct|relay", START, fh__set_word, AT(cloud_path), 0, 0, "any",
     "which ways viewers may come there; with relay they do not learn our addresses"},
    {"cloud-loopback", "YES/NO", START, fh__set_flag, AT(cloud_loopback), 0, 0, "no",
     "direct paths within this machine, and no others: for tests"},
    {"cloud-proxy", "URL", START, set_proxy, AT(cloud_proxy), 0, 0, NULL,
     "the proxy on the way to the cloud: http://HOST:PORT or socks5://HOST:PORT"},
    {"filter", "RULE", RELOAD, set_filter, AT(filter), FH__LIST, FH__CONFIG_FILTER_MAX, NULL,
     "who may try: +, - or ? (ask) before an address, a network or *; the first match wins"},
    {"approve", "filtered|present|always", RELOAD, fh__set_word, AT(approve), 0, FH__WORDS_TIGHTEN,
     "filtered",
     "when the person at the desktop must approve: where a rule says ?, also while somebody is "
     "there, or always"},
    {"approve-idle", "SECONDS", RELOAD, fh__set_number, AT(approve_idle_s), 1, 86400, "300",
     "nobody is there when nothing was typed or moved for so long"},
    {"approve-timeout", "SECONDS", RELOAD, fh__set_number, AT(approve_timeout_s), 1, 25, "10",
     "how long to wait for an answer; none is a no"},
    {"approve-dialog", "YES/NO", RELOAD, fh__set_flag, AT(has_dialog), 0, 0, "yes",
     "ask in a window on the desktop (never on a virtual one)"},
    {"approve-command", "PROGRAM", RELOAD, set_command, AT(approve_command), 0, 0, NULL,
     "a program that is asked as well"},
    {"notice", "none|window|notify|command", RELOAD, fh__set_word, AT(notice), 0, 0, "window",
     "how the desktop shows who is connected: a small window, its own notifications, a program"},
    {"notice-command", "PROGRAM", RELOAD, set_command, AT(notice_command), 0, 0, NULL,
     "the program of notice = command"},
    {"at-disconnect", "none|lock|logout", RELOAD, fh__set_word, AT(at_disconnect), 0,
     FH__WORDS_TIGHTEN, "none", "what happens to the desktop when the last viewer is gone"},
    {"lock-command", "PROGRAM", RELOAD, set_command, AT(lock_command), 0, 0, NULL,
     "the program that locks the desktop (default: loginctl lock-session)"},
    {"logout-command", "PROGRAM", RELOAD, set_command, AT(logout_command), 0, 0, NULL,
     "the program that ends the desktop's session (default: loginctl terminate-session)"},
    {"name", "TEXT", RELOAD, fh__set_text, AT(name), 0, 0, NULL,
     "the desktop's name as viewers see it (default: the host's name)"},
    {"identity", "FILE", START, fh__set_path, AT(identity), 0, 0, NULL,
     "the key that viewers know this server by; made if it is not there"},
    {"security-types", "LIST", START, set_types, AT(security_types), 0, 0, "native",
     "native, and the security types for viewers of other makers"},
    {"unprotected-types", "this-machine|anywhere-though-others-can-read-and-change-all", START,
     fh__set_word, AT(unprotected), 0, 0, "this-machine",
     "to whom the types are offered that protect nothing on the way, or ask for nothing"},
    {"tls-certificate", "FILE", START, fh__set_path, AT(tls_certificate), 0, 0, NULL,
     "the certificate of the types X509..., of RSA; made, with its key, if it is not there"},
    {"tls-key", "FILE", START, fh__set_path, AT(tls_key), 0, 0, NULL, "its key"},
    {"rsa-aes-key", "FILE", START, fh__set_path, AT(rsa_aes_key), 0, 0, NULL,
     "the key of the types RA2...; made if it is not there"},
    {"vnc-password-file", "FILE", START, fh__set_path, AT(vnc_password_file), 0, 0, NULL,
     "the password of VncAuth and X509Vnc, in clear: who reads it has it"},
    {"vnc-user", "NAME", START, fh__set_text, AT(vnc_user), 0, 0, "vnc",
     "the user as whom VncAuth, X509Vnc, X509None and None come in"},
    {"users", "FILE", START, fh__set_path, AT(users), 0, 0, NULL,
     "who may connect; see vncserverd user"},
    {"codes", "FILE", START, fh__set_path, AT(codes), 0, 0, NULL,
     "who has an authenticator, and which codes were used"},
    {"auth", "file|pam|program", START, fh__set_word, AT(auth), 0, 0, "file",
     "who knows whether a password is right: the file of users, PAM, or auth-command"},
    {"pam-service", "NAME", START, set_service, AT(pam_service), 0, 0, "vncserverd",
     "the file of /etc/pam.d that auth = pam uses"},
    {"auth-command", "PROGRAM", START, set_command, AT(auth_command), 0, 0, NULL,
     "the program of auth = program"},
    {"auth-timeout", "SECONDS", START, fh__set_number, AT(auth_timeout_s), 1, 60, "10",
     "how long it may think, each time"},
    {"require", "FACTORS", RELOAD, set_require, 0, 0, 0, "password",
     "what is to be proved: password, totp, identity, approval, with + between them"},
    {"blacklist", "FILE", START, fh__set_path, AT(blacklist), 0, 0, NULL,
     "who failed to authenticate too often, kept over restarts"},
    {"blacklist-threshold", "N", RELOAD, fh__set_number, AT(blacklist_threshold), 1, 1000, "5",
     "failures after which an address or a name must wait"},
    {"blacklist-timeout", "SECONDS", RELOAD, fh__set_number, AT(blacklist_timeout_s), 1, 86400,
     "10", "how long, at first; each further failure doubles it"},
    {"control", "PATH", START, set_control, AT(control), 0, 0, NULL,
     "the socket of vncserverctl, or none"},
    {"audit", "WHERE", START, set_audit, AT(audit), FH__LIST, FH__CONFIG_AUDIT_MAX, NULL,
     "where to record sessions: a file, syslog, journal, program /PATH or none, after level=, "
     "size= "
     "and keep=; may be repeated (default: syslog)"},
    {"audit-full", "warn|refuse", START, fh__set_word, AT(audit_full), 0, FH__WORDS_TIGHTEN, "warn",
     "when a record cannot be written: warn, or refuse new sessions"},
    {"audit-limit", "N", START, fh__set_number, AT(audit_limit), 0, 100000, "20",
     "lines of one event that one stranger may cause in a minute; 0: no limit"},
    {"log-level", "LEVEL", RELOAD, fh__set_level, AT(log_level), 0, 0, "info",
     "how much to say: error, warning, notice, info, debug"},
    {"idle-timeout", "SECONDS", RELOAD, fh__set_number, AT(idle_timeout_s), 0, 604800, "3600",
     "end a session without input after this time; 0: never"},
    {"resume-timeout", "SECONDS", START, fh__set_number, AT(resume_timeout_s), 0, 3600, "60",
     "how long a session waits for a viewer whose network was lost; 0: not at all"},
    {"max-sessions", "N", RELOAD, fh__set_number, AT(max_sessions), 1, 1024, "64",
     "viewers at the same time"},
    {"max-half-open", "N", START, fh__set_number, AT(max_half_open), 1, 1024, "32",
     "connections that have not authenticated yet"},
    {"max-half-open-source", "N", START, fh__set_number, AT(max_half_open_source), 1, 1024, "8",
     "of these, from one address"},
    {"frame-rate", "N", RELOAD, fh__set_number, AT(frame_rate), 1, 240, "60",
     "look at the screen at most so often in a second"},
    {"clipboard", "YES/NO", RELOAD, fh__set_flag, AT(has_clipboard), 0, 0, "yes",
     "share the clipboard with viewers that may"},
    {"resize", "YES/NO", RELOAD, fh__set_flag, AT(has_resize), 0, 0, "yes",
     "let viewers that may change the size of the screen"},
    {"config", "FILE", CALL, NULL, 0, 0, 0, NULL, "the configuration file"},
    {"policy", "FILE", CALL, NULL, 0, 0, 0, NULL,
     "a policy, where the administrator has none (default: /etc/vncserverd/policy.conf)"},
    {"check-config", NULL, CALL, NULL, 0, 0, 0, NULL, "check the configuration and end"},
    {"print-config", NULL, CALL, NULL, 0, 0, 0, NULL,
     "print every option, its value and where that comes from, and end"},
    {"json", NULL, CALL, NULL, 0, 0, 0, NULL, "with --print-config: as JSON"},
    {"verbose", NULL, CALL, NULL, 0, 0, 0, NULL, "the same as --log-level debug"},
    {"help", NULL, CALL, NULL, 0, 0, 0, NULL, "show this text and end"},
    {"version", NULL, CALL, NULL, 0, 0, 0, NULL, "show the version and end"},
};
const struct fh__option_table fh__options = {"vncserverd", table, sizeof table / sizeof *table};

void fh__options_usage(void)
{
    printf(
        "Usage: vncserverd [OPTION]... [-- PROGRAM [ARGUMENT]...]\n"
        "       vncserverd [OPTION]... identity show\n"
        "       vncserverd [OPTION]... identity new [--bits 2048|3072|4096]\n"
        "       vncserverd [OPTION]... identity rotate [--bits 2048|3072|4096 | --finish | "
        "--abort]\n"
        "       vncserverd [OPTION]... user add|password|set|identity|totp|remove|list ...\n"
        "       vncserverd [OPTION]... group add|set|remove|list ...\n"
        "       vncserverd [OPTION]... cloud show\n"
        "Shares an X desktop with remote viewers. PROGRAM runs on the display of --virtual.\n\n");
    fh__options_help(&fh__options);
}

/* An option without a value of its own, or the one that names the file. */
static void note(void *user, const char *name, const char *value)
{
    struct fh__invocation *inv = user;

    if (strcmp(name, "config") == 0)
        inv->config_file = value;
    else if (strcmp(name, "policy") == 0)
        inv->policy_file = value;
    else if (strcmp(name, "json") == 0)
        inv->is_json = true;
    else if (strcmp(name, "help") == 0)
        inv->action = FH__ACTION_HELP;
    else if (strcmp(name, "version") == 0)
        inv->action = FH__ACTION_VERSION;
    else if (inv->action == FH__ACTION_RUN)
        inv->action =
            strcmp(name, "print-config") == 0 ? FH__ACTION_PRINT_CONFIG : FH__ACTION_CHECK_CONFIG;
}

/* A path alone; behind options it begins with / in either place. */
static bool is_relative(const struct fh__option *o, const char *value)
{
    struct fh_audit_target target;
    const char *expected;

    return o->set == set_audit && fh_audit_target_parse(value, &target, &expected) != 0 && *value &&
           !strpbrk(value, " =:");
}

int fh__options_parse(int argc, char *const *argv, struct fh__config *c, struct fh__invocation *out,
                      char *error, size_t room)
{
    struct fh__invocation inv = {.action = FH__ACTION_RUN};
    struct fh__command_line line = {
        .table = &fh__options, .c = c, .note = note, .is_relative = is_relative, .user = &inv};
    int i = fh__command_line_read(&line, argc, argv, error, room);

    if (i < 0)
        return -1;
    if (i < argc && strcmp(argv[i], "--") == 0) {
        if (c && i + 1 < argc)
            c->program = &argv[i + 1];
    } else if (i < argc) {
        inv.arguments = &argv[i + 1];
        if (strcmp(argv[i], "identity") == 0)
            inv.action = FH__ACTION_IDENTITY;
        else if (strcmp(argv[i], "user") == 0)
            inv.action = FH__ACTION_USER;
        else if (strcmp(argv[i], "group") == 0)
            inv.action = FH__ACTION_GROUP;
        else if (strcmp(argv[i], "cloud") == 0)
            inv.action = FH__ACTION_CLOUD;
        else {
            snprintf(error, room,
                     "%s: expected identity, user, group, cloud, or -- before a program", argv[i]);
            return -1;
        }
    }
    *out = inv;
    return 0;
}
