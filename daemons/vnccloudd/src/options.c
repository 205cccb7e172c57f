/* SPDX-License-Identifier: MIT */
/* options.c -- the table of options, and the command line. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include <farhand/address.h>
#include <farhand/audit_target.h>

#include "commandline.h"

enum { RATE_MAX = 1000000, RATE_SECONDS_MAX = 86400, HOST_MAX = 253 };

static const char *set_listen(struct fh__config *c, const struct fh__option *o, const char *value)
{
    struct fh_target target;
    const char *expected = NULL;

    if (fh_address_parse_listen(value, &target, &expected) != 0)
        return expected;
    return fh__option_append(c, o, value);
}

static const char *set_stun_listen(struct fh__config *c, const struct fh__option *o,
                                   const char *value)
{
    struct fh_target target;
    const char *expected = NULL;

    if (strcmp(value, "none") == 0)
        return fh__option_append(c, o, value);
    if (fh_address_parse_listen(value, &target, &expected) != 0)
        return expected;
    if (strncmp(value, "unix:", 5) == 0 || strncmp(value, "systemd", 7) == 0)
        return "an address and a port, or none";
    return fh__option_append(c, o, value);
}

static bool read_number(const char **at, unsigned long max, unsigned long *out)
{
    const char *p = *at;
    unsigned long n = 0;

    for (; *p >= '0' && *p <= '9' && n <= max; p++)
        n = n * 10 + (unsigned long)(*p - '0');
    if (p == *at || n > max)
        return false;
    *at = p;
    *out = n;
    return true;
}

/* HOST:PORT, as clients are told it; an IPv6 address in brackets. */
static const char *set_place(struct fh__config *c, const struct fh__option *o, const char *value)
{
    static const char expected[] = "HOST:PORT";
    const char *colon = strrchr(value, ':'), *p = colon ? colon + 1 : value;
    unsigned long port;

    if (!colon || colon == value || colon - value > HOST_MAX || strpbrk(value, " \t/@#?"))
        return expected;
    if ((*value == '[') != (colon[-1] == ']') || (*value != '[' && strchr(value, ':') != colon))
        return expected;
    if (!read_number(&p, 65535, &port) || *p || port == 0)
        return expected;
    return fh__option_append(c, o, value);
}

static const char *set_turn(struct fh__config *c, const struct fh__option *o, const char *value)
{
    if ((strncmp(value, "turn:", 5) != 0 && strncmp(value, "turns:", 6) != 0) ||
        strlen(value) > 255 || strpbrk(value, " \t"))
        return "a URI like turn:HOST:3478?transport=udp";
    return fh__option_append(c, o, value);
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

static const char *set_metrics_listen(struct fh__config *c, const struct fh__option *o,
                                      const char *value)
{
    struct fh_target target;
    const char *expected = NULL;

    if (fh_address_parse_listen(value, &target, &expected) != 0)
        return expected;
    return fh__set_text(c, o, value);
}

/* A name that a certificate can have. */
static const char *set_name(struct fh__config *c, const struct fh__option *o, const char *value)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-.";

    if (!*value || strlen(value) > HOST_MAX || value[strspn(value, letters)] || *value == '.' ||
        *value == '-')
        return "a host's name";
    return fh__set_text(c, o, value);
}

/* "20/60": twenty in a minute. "0": without a limit. */
static const char *set_rate(struct fh__config *c, const struct fh__option *o, const char *value)
{
    static const char expected[] = "N/SECONDS, or 0";
    unsigned long n, seconds = 1;
    const char *p = value;

    if (!read_number(&p, RATE_MAX, &n) || (n > 0 && *p++ != '/'))
        return expected;
    if (n > 0 && (!read_number(&p, RATE_SECONDS_MAX, &seconds) || seconds == 0))
        return expected;
    if (*p)
        return expected;
    *(struct fh__rate *)((char *)c + o->offset) =
        (struct fh__rate){.n = (uint32_t)n, .seconds = (uint32_t)seconds};
    return NULL;
}

#define AT(member) offsetof(struct fh__config, member)
#define CALL FH__OPTION_CALL
#define START FH__OPTION_START
#define RELOAD FH__OPTION_RELOAD
#define RATE RELOAD, set_rate

static const struct fh__option table[] = {
    {"listen", "ADDRESS", START, set_listen, AT(listen), FH__LIST, FH__CONFIG_LISTEN_MAX, NULL,
     "where clients and the API are served; may be repeated; systemd: its sockets (default: "
     "*:443)"},
    {"stun-listen", "ADDRESS", START, set_stun_listen, AT(stun_listen), FH__LIST,
     FH__CONFIG_LISTEN_MAX, NULL,
     "where clients are told their address, by UDP, or none; may be repeated (default: *:3478)"},
    {"name", "NAME", START, set_name, AT(name), 0, 0, NULL,
     "the name of this cloud, which is in its certificate (default: the host's name)"},
    {"node", "HOST:PORT", RELOAD, set_place, AT(node), FH__LIST, FH__CONFIG_NODE_MAX, NULL,
     "where clients find this cloud; may be repeated (default: NAME:443)"},
    {"relay-node", "HOST:PORT", RELOAD, set_place, AT(relay_node), FH__LIST, FH__CONFIG_RELAY_MAX,
     NULL, "where clients find a relay; may be repeated (default: the nodes)"},
    {"stun", "HOST:PORT", RELOAD, set_place, AT(stun), FH__LIST, FH__CONFIG_STUN_MAX, NULL,
     "where clients learn their addresses; may be repeated (default: NAME:3478)"},
    {"turn", "URI", RELOAD, set_turn, AT(turn), FH__LIST, FH__CONFIG_TURN_MAX, NULL,
     "a TURN server for clients, which shares turn-secret-file; may be repeated"},
    {"turn-secret-file", "FILE", RELOAD, fh__set_path, AT(turn_secret_file), 0, 0, NULL,
     "the secret that the TURN servers know as static-auth-secret"},
    {"turn-lifetime", "SECONDS", RELOAD, fh__set_number, AT(turn_lifetime_s), 60, 86400, "3600",
     "how long credentials for TURN are good"},
    {"state", "DIRECTORY", START, fh__set_path, AT(state), 0, 0, NULL,
     "where keys, certificates and the log are kept"},
    {"database", "FILE", START, fh__set_path, AT(database), 0, 0, NULL,
     "accounts, addresses and API keys (default: cloud.db in the state directory)"},
    {"certificate", "FILE", START, fh__set_path, AT(certificate), 0, 0, NULL,
     "a certificate of your own with its chain, instead of one that is made here"},
    {"key", "FILE", START, fh__set_path, AT(key), 0, 0, NULL, "the key of that certificate"},
    {"control", "PATH", START, set_control, AT(control), 0, 0, NULL,
     "the socket of vnccloudctl, or none"},
    {"metrics-listen", "ADDRESS", START, set_metrics_listen, AT(metrics_listen), 0, 0, NULL,
     "where numbers for Prometheus and the state of health are served, without TLS (default: "
     "only at the control socket)"},
    {"user", "USER", START, fh__set_text, AT(user), 0, 0, NULL,
     "as who to run, where we are root (default: vnccloudd, else nobody)"},
    {"audit", "WHERE", START, set_audit, AT(audit), FH__LIST, FH__CONFIG_AUDIT_MAX, NULL,
     "where to record what operators and keys do: a file, syslog, journal, program /PATH or none; "
     "may be repeated (default: syslog)"},
    {"log-level", "LEVEL", RELOAD, fh__set_level, AT(log_level), 0, 0, "info",
     "how much to say: error, warning, notice, info, debug"},
    {"interval", "SECONDS", RELOAD, fh__set_number, AT(interval_s), 5, 600, "55",
     "how often a silent client is heard of, give or take a fifth"},
    {"max-clients", "N", RELOAD, fh__set_number, AT(max_clients), 1, 10000000, "100000",
     "clients at the same time"},
    {"max-half-open", "N", RELOAD, fh__set_number, AT(max_half_open), 1, 100000, "2000",
     "connections that have not signed in yet"},
    {"max-half-open-source", "N", RELOAD, fh__set_number, AT(max_half_open_source), 1, 100000,
     "200", "of these, from one address"},
    {"max-half-open-memory", "KIB", RELOAD, fh__set_number, AT(max_half_open_memory_kib), 256,
     16777216, "131072", "what these may take, in all"},
    {"handshakes", "N", RELOAD, fh__set_number, AT(handshakes), 0, 100000, "0",
     "full TLS handshakes in a second; 0: as many as this machine keeps up with"},
    {"cache", "N", START, fh__set_number, AT(cache), 16, 10000000, "20000",
     "addresses that are remembered, so that the database need not be asked"},
    {"max-connections", "N", RELOAD, fh__set_number, AT(max_conns), 1, 1024, "64",
     "connections that one client may have under way"},
    {"signal-bytes", "N", RELOAD, fh__set_number, AT(signal_bytes), 12288, 1048576, "262144",
     "what two clients may tell each other through the broker, for each connection"},
    {"drain", "SECONDS", RELOAD, fh__set_number, AT(drain_s), 0, 3600, "0",
     "at the end, over how long clients are sent away; 0: as long as it takes them to come back"},
    {"limit-handshake", "N/SECONDS", RATE, AT(limit_handshake), 0, 0, "600/60",
     "TLS handshakes from one address (IPv4), or one /64 (IPv6)"},
    {"limit-handshake-network", "N/SECONDS", RATE, AT(limit_handshake_network), 0, 0, "6000/60",
     "the same, from one /24 or /48"},
    {"limit-failure", "N/SECONDS", RATE, AT(limit_failure), 0, 0, "20/60",
     "sign-ins that fail, from one address or /64"},
    {"limit-failure-network", "N/SECONDS", RATE, AT(limit_failure_network), 0, 0, "200/60",
     "the same, from one /24 or /48"},
    {"limit-failure-address", "N/SECONDS", RATE, AT(limit_failure_address), 0, 0, "10/60",
     "the same, for one cloud address from one address or /64"},
    {"limit-connect", "N/SECONDS", RATE, AT(limit_connect), 0, 0, "60/60",
     "connections that one client asks for"},
    {"limit-connect-source", "N/SECONDS", RATE, AT(limit_connect_source), 0, 0, "240/60",
     "the same, of all clients at one address or /64"},
    {"limit-connect-target", "N/SECONDS", RATE, AT(limit_connect_target), 0, 0, "60/60",
     "connections that are asked for to one cloud address"},
    {"limit-connect-account", "N/SECONDS", RATE, AT(limit_connect_account), 0, 0, "1200/60",
     "connections within one account"},
    {"limit-unknown", "N/SECONDS", RATE, AT(limit_unknown), 0, 0, "20/600",
     "asking for addresses that are not there, or not for the client to know"},
    {"limit-log", "N/SECONDS", RATE, AT(limit_log), 0, 0, "240/60",
     "proofs of the log that one client asks for"},
    {"address-limit", "N", RELOAD, fh__set_number, AT(address_limit), 0, 100000000, "10000",
     "addresses of an account that has no limit of its own; 0: any number"},
    {"max-api", "N", START, fh__set_number, AT(max_api), 1, 100000, "1024",
     "connections of the API at the same time"},
    {"limit-api", "N/SECONDS", RATE, AT(limit_api), 0, 0, "600/60",
     "requests of the API with one key"},
    {"limit-api-source", "N/SECONDS", RATE, AT(limit_api_source), 0, 0, "1200/60",
     "the same from one address or /64"},
    {"limit-api-failure", "N/SECONDS", RATE, AT(limit_api_failure), 0, 0, "20/60",
     "the same, with a key that is wrong"},
    {"max-relayed", "N", START, fh__set_number, AT(max_relayed), 1, 10000000, "16384",
     "sessions that are relayed at the same time"},
    {"max-relayed-account", "N", START, fh__set_number, AT(max_relayed_account), 1, 10000000, "256",
     "of these, of one account"},
    {"relay-kbit", "N", START, fh__set_number, AT(relay_kbit), 0, 100000000, "0",
     "kbit/s in each direction of each of them; 0: as much as there is"},
    {"limit-stun", "N/SECONDS", START, set_rate, AT(limit_stun), 0, 0, "300/60",
     "answers by UDP to one address or /64"},
    {"limit-stun-network", "N/SECONDS", START, set_rate, AT(limit_stun_network), 0, 0, "3000/60",
     "the same, to one /24 or /48"},
    {"config", "FILE", CALL, NULL, 0, 0, 0, NULL, "the configuration file"},
    {"check-config", NULL, CALL, NULL, 0, 0, 0, NULL,
     "check the configuration, keys and certificates, and end"},
    {"print-config", NULL, CALL, NULL, 0, 0, 0, NULL,
     "print every option, its value and where that comes from, and end"},
    {"show-client", NULL, CALL, NULL, 0, 0, 0, NULL,
     "print the line that clients of this cloud need, and end"},
    {"json", NULL, CALL, NULL, 0, 0, 0, NULL, "with --print-config: as JSON"},
    {"verbose", NULL, CALL, NULL, 0, 0, 0, NULL, "the same as --log-level debug"},
    {"help", NULL, CALL, NULL, 0, 0, 0, NULL, "show this text and end"},
    {"version", NULL, CALL, NULL, 0, 0, 0, NULL, "show the version and end"},
};
const struct fh__option_table fh__options = {"vnccloudd", table, sizeof table / sizeof *table};

void fh__options_usage(void)
{
    printf("Usage: vnccloudd [OPTION]...\n"
           "Puts computers in touch that cannot reach each other, and relays what they say.\n\n");
    fh__options_help(&fh__options);
}

static void note(void *user, const char *name, const char *value)
{
    static const struct {
        const char *name;
        enum fh__action action;
    } actions[] = {{"check-config", FH__ACTION_CHECK_CONFIG},
                   {"print-config", FH__ACTION_PRINT_CONFIG},
                   {"show-client", FH__ACTION_SHOW_CLIENT},
                   {"help", FH__ACTION_HELP},
                   {"version", FH__ACTION_VERSION}};
    struct fh__invocation *inv = user;

    if (strcmp(name, "config") == 0)
        inv->config_file = value;
    else if (strcmp(name, "json") == 0)
        inv->is_json = true;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(name, actions[i].name) == 0)
            inv->action = actions[i].action;
}

int fh__options_parse(int argc, char *const *argv, struct fh__config *c, struct fh__invocation *out,
                      char *error, size_t room)
{
    struct fh__invocation inv = {.action = FH__ACTION_RUN};
    struct fh__command_line line = {.table = &fh__options, .c = c, .note = note, .user = &inv};
    int i = fh__command_line_read(&line, argc, argv, error, room);

    if (i >= 0 && i < argc)
        snprintf(error, room, "%s: expected no argument", argv[i]);
    if (i != argc)
        return -1;
    *out = inv;
    return 0;
}
