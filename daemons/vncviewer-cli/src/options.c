/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include <farhand/audit_target.h>
#include <farhand/auth.h>
#include <farhand/cloud_address.h>
#include <farhand/cloud_service.h>
#include <farhand/encoder.h>
#include <farhand/older.h>

#include "config.h"
#include "script.h"

typedef int (*set_fn)(struct options *o, const char *value);

static int set_user(struct options *o, const char *value)
{
    o->user = value;
    return *value ? 0 : -1;
}

static int set_method(struct options *o, const char *value)
{
    for (unsigned method = 1; fh_method_name(method); method++)
        if (strcmp(fh_method_name(method), value) == 0) {
            o->method = method;
            return 0;
        }
    return -1;
}

/* A type that is used at all. */
static int set_type(unsigned *out, const char *value)
{
    *out = fh_older_parse(value, strlen(value));
    return fh_older_strength(*out) > 0 ? 0 : -1;
}

static int set_legacy(struct options *o, const char *value)
{
    return set_type(&o->legacy, value);
}

static int set_security_type(struct options *o, const char *value)
{
    return set_type(&o->security_type, value);
}

static int set_password_file(struct options *o, const char *value)
{
    o->password_file = value;
    return *value ? 0 : -1;
}

static int set_known_servers(struct options *o, const char *value)
{
    o->known_servers = value;
    return *value ? 0 : -1;
}

static int set_identity(struct options *o, const char *value)
{
    o->identity = value;
    return *value ? 0 : -1;
}

static int set_trust(struct options *o, const char *value)
{
    o->trust = value;
    return *value ? 0 : -1;
}

static int set_accept_new(struct options *o, const char *value)
{
    (void)value;
    o->accept_new = true;
    return 0;
}

static int set_hash_names(struct options *o, const char *value)
{
    (void)value;
    o->hash_names = true;
    return 0;
}

/* Once it is always it stays so: a file of the administrator cannot be talked out of it. */
static int set_verify(struct options *o, const char *value)
{
    o->verify_always |= strcmp(value, "always") == 0;
    return strcmp(value, "always") == 0 || strcmp(value, "known") == 0 ? 0 : -1;
}

static int set_audit(struct options *o, const char *value)
{
    struct fh_audit_target target;
    const char *expected;

    if (o->n_audit == AUDIT_MAX || fh_audit_target_parse(value, &target, &expected) != 0)
        return -1;
    o->audit[o->n_audit++] = value;
    return 0;
}

static int set_config(struct options *o, const char *value)
{
    o->config = value;
    return *value ? 0 : -1;
}

static int set_view_only(struct options *o, const char *value)
{
    (void)value;
    o->view_only = true;
    return 0;
}

static int set_resume(struct options *o, const char *value)
{
    (void)value;
    o->resume = true;
    return 0;
}

static int set_cloud(struct options *o, const char *value)
{
    struct fh_cloud_service *s = malloc(sizeof *s);
    int ret = s ? fh_cloud_service_parse(value, s, NULL) : -1;

    free(s);
    o->cloud = value;
    return ret == 0 ? 0 : -1;
}

static int set_cloud_address(struct options *o, const char *value)
{
    uint8_t address[FH_CLOUD_ADDRESS_LEN];

    o->cloud_address = value;
    return fh_cloud_address_parse(value, strlen(value), address);
}

static int set_cloud_password_file(struct options *o, const char *value)
{
    o->cloud_password_file = value;
    return *value ? 0 : -1;
}

static int set_cloud_key(struct options *o, const char *value)
{
    o->cloud_key = value;
    return *value ? 0 : -1;
}

static int set_proxy(struct options *o, const char *value)
{
    o->proxy = value;
    return *value ? 0 : -1;
}

static int set_cloud_loopback(struct options *o, const char *value)
{
    (void)value;
    o->cloud_loopback = true;
    return 0;
}

static int set_path(struct options *o, const char *value)
{
    static const char *const words[] = {"any", "direct", "relay"};

    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], value) == 0) {
            o->way = (enum way_policy)i;
            return 0;
        }
    return -1;
}

static int set_json(struct options *o, const char *value)
{
    (void)value;
    o->json = true;
    return 0;
}

static int set_verbose(struct options *o, const char *value)
{
    (void)value;
    o->verbose = true;
    return 0;
}

static int add_encoding(struct options *o, const char *name, size_t len)
{
    static const struct {
        const char *name;
        int32_t encoding;
    } known[] = {{"tight", FH_ENC_TIGHT},
                 {"zrle", FH_ENC_ZRLE},
                 {"copyrect", FH_ENC_COPY_RECT},
                 {"raw", FH_ENC_RAW}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i].name) == len && memcmp(known[i].name, name, len) == 0 &&
            o->n_encodings < ENCODINGS_MAX) {
            o->encodings[o->n_encodings++] = known[i].encoding;
            return 0;
        }
    }
    return -1;
}

static int set_encodings(struct options *o, const char *value)
{
    o->n_encodings = 0;
    for (;;) {
        size_t len = strcspn(value, ",");

        if (add_encoding(o, value, len) != 0)
            return -1;
        if (value[len] == '\0')
            return 0;
        value += len + 1;
    }
}

static int set_level(int *out, const char *value)
{
    if (value[0] < '0' || value[0] > '9' || value[1] != '\0')
        return -1;
    *out = value[0] - '0';
    return 0;
}

static int set_quality(struct options *o, const char *value)
{
    return set_level(&o->quality, value);
}

static int set_compress(struct options *o, const char *value)
{
    return set_level(&o->compress, value);
}

static int set_seconds(double *out, const char *value)
{
    char *end;

    *out = strtod(value, &end);
    return *value && *end == '\0' && *out >= 0 && *out <= 1e6 ? 0 : -1;
}

static int set_timeout(struct options *o, const char *value)
{
    return set_seconds(&o->timeout_s, value);
}

static int set_command_timeout(struct options *o, const char *value)
{
    return set_seconds(&o->command_timeout_s, value);
}

static int set_help(struct options *o, const char *value)
{
    (void)value;
    o->action = ACTION_HELP;
    return 0;
}

static int set_version(struct options *o, const char *value)
{
    (void)value;
    o->action = ACTION_VERSION;
    return 0;
}

/* One table for parsing, for files, for --help and for the test that the man page names each. */
static const struct {
    const char *name, *value; /* value NULL: takes none */
    bool is_in_file;
    set_fn set;
    const char *help;
} options[] = {
    {"user", "NAME", true, set_user, "user name at the server (default: yours here)"},
    {"method", "METHOD", true, set_method,
     "authenticate so and not otherwise: cpace, password, conversation or identity"},
    {"legacy", "TYPE", false, set_legacy,
     "speak with a server of another maker, with no security type weaker than TYPE: X509Plain, "
     "X509Vnc, X509None, RA2_256, RA2, RA2ne_256, RA2ne, VncAuth, None"},
    {"security-type", "TYPE", false, set_security_type, "the same with this type and no other"},
    {"password-file", "FILE", true, set_password_file,
     "read the password's line from FILE, - is standard input; else $FH_PASSWORD, else asked"},
    {"known-servers", "FILE", true, set_known_servers, "identities of servers seen before"},
    {"trust", "ID", false, set_trust,
     "accept exactly this identity: the whole catchphrase, or the fingerprint in hex"},
    {"verify", "WHEN", true, set_verify,
     "always: check the identity for each connection, known or not; known: where it is not known"},
    {"accept-new", NULL, true, set_accept_new, "accept a server that is not known yet, unseen"},
    {"hash-names", NULL, true, set_hash_names, "write the names of servers into the file hashed"},
    {"identity", "FILE", true, set_identity, "our own key; made when it is missing"},
    {"audit", "WHERE", true, set_audit,
     "record connections: a file, syslog, journal, program /PATH; may be repeated"},
    {"encodings", "LIST", true, set_encodings, "of tight,zrle,copyrect,raw, the preferred first"},
    {"quality", "0-9", true, set_quality, "quality of JPEG; without it the picture is exact"},
    {"compress", "0-9", true, set_compress, "effort of compression"},
    {"view-only", NULL, true, set_view_only, "send no input"},
    {"resume", NULL, true, set_resume,
     "carry on with the session when the network was lost, for up to a minute"},
    {"cloud", "SERVICE", true, set_cloud,
     "the cloud of cloud:ADDRESS: the line that vnccloudd prints; else $FH_CLOUD"},
    {"cloud-address", "ADDRESS", true, set_cloud_address, "our own address there"},
    {"cloud-password-file", "FILE", true, set_cloud_password_file,
     "the password of our address, for the first sign-in"},
    {"cloud-key", "FILE", true, set_cloud_key, "our key for its signals; made when it is missing"},
    {"cloud-loopback", NULL, true, set_cloud_loopback,
     "look for direct paths within this machine, and no others: for tests"},
    {"path", "WAY", true, set_path,
     "through a cloud: direct or relay alone, or any: what is better (the default)"},
    {"proxy", "URL", true, set_proxy,
     "the proxy on the way to the cloud: http://HOST:PORT or socks5://HOST:PORT"},
    {"timeout", "SECONDS", true, set_timeout, "end the whole run after this time (default: never)"},
    {"command-timeout", "SECONDS", true, set_command_timeout, "and each command after this (30)"},
    {"json", NULL, false, set_json, "print results as JSON, one object a line"},
    {"verbose", NULL, false, set_verbose, "tell what happens, on standard error"},
    {"config", "FILE", false, set_config, "read options from FILE instead of the user's own"},
    {"help", NULL, false, set_help, "print this"},
    {"version", NULL, false, set_version, "print the version"},
};

enum { N_OPTIONS = sizeof options / sizeof options[0] };

void options_free(struct options *o)
{
    while (o->n_kept > 0)
        free(o->kept[--o->n_kept]);
}

static int set_flag(struct options *o, size_t i, const char *value, char *why, size_t room)
{
    bool is_yes = strcmp(value, "yes") == 0;

    if (!is_yes && strcmp(value, "no") != 0) {
        snprintf(why, room, "%s = %.100s: expected yes or no", options[i].name, value);
        return -1;
    }
    return is_yes ? options[i].set(o, NULL) : 0;
}

int options_set(struct options *o, const char *name, const char *value, char *why, size_t room)
{
    size_t i = 0;

    while (i < N_OPTIONS && (strcmp(options[i].name, name) != 0 || !options[i].is_in_file))
        i++;
    if (i == N_OPTIONS) {
        snprintf(why, room, "%.100s: expected the name of an option", name);
        return -1;
    }
    if (!options[i].value)
        return set_flag(o, i, value, why, room);
    if (o->n_kept == KEPT_MAX || !(o->kept[o->n_kept] = strdup(value))) {
        snprintf(why, room, "expected fewer options, or there is no memory");
        return -1;
    }
    if (options[i].set(o, o->kept[o->n_kept++]) == 0)
        return 0;
    snprintf(why, room, "%s = %.100s: expected %s (%s)", name, value, options[i].value,
             options[i].help);
    return -1;
}

static int set_option(struct options *o, const char *name, const char *value, size_t i, char *why,
                      size_t room)
{
    if (options[i].value && !value)
        snprintf(why, room, "--%s needs a value: %s", options[i].name, options[i].value);
    else if (!options[i].value && value)
        snprintf(why, room, "--%s takes no value", options[i].name);
    else if (options[i].set(o, value) != 0)
        snprintf(why, room, "--%s: \"%s\" is not %s (%s)", name, value ? value : "",
                 options[i].value ? options[i].value : "possible", options[i].help);
    else
        return 0;
    return -1;
}

/* Reads the option at argv[*i], with its value, and moves *i on. */
static int read_option(struct options *o, int argc, char **argv, int *i, char *why, size_t room)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);

    for (size_t k = 0; k < N_OPTIONS; k++) {
        const char *value = equals ? equals + 1 : NULL;

        if (strlen(options[k].name) != len || memcmp(options[k].name, name, len) != 0)
            continue;
        if (!value && options[k].value && *i + 1 < argc)
            value = argv[++*i];
        return set_option(o, options[k].name, value, k, why, room);
    }
    snprintf(why, room, "\"%s\" is no option; --help lists them", argv[*i]);
    return -1;
}

/* The options before the address; *i is the first that is none. */
static int read_options(struct options *o, int argc, char **argv, int *i, char *why, size_t room)
{
    for (*i = 1; *i < argc && strncmp(argv[*i], "-", 1) == 0; (*i)++) {
        if (strcmp(argv[*i], "--") == 0) {
            (*i)++;
            return 0;
        }
        if (strcmp(argv[*i], "-h") == 0) {
            o->action = ACTION_HELP;
        } else if (strncmp(argv[*i], "--", 2) != 0) {
            snprintf(why, room, "\"%s\" is no option; --help lists them", argv[*i]);
            return -1;
        } else if (read_option(o, argc, argv, i, why, room) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Where the command line lists destinations of the audit, those of the files count as well. */
int options_parse(struct options *o, int argc, char **argv, char *why, size_t room)
{
    const struct options usual = {.quality = -1, .compress = -1, .command_timeout_s = 30};
    const char *given;
    int i;

    *o = usual;
    if (read_options(o, argc, argv, &i, why, room) != 0)
        return -1;
    if (o->action == ACTION_HELP || o->action == ACTION_VERSION)
        return 0;
    given = o->config;
    *o = usual;
    if (config_read(o, given, why, room) != 0 || read_options(o, argc, argv, &i, why, room) != 0)
        return -1;
    if (i >= argc) {
        snprintf(why, room, "no ADDRESS; --help shows how to call");
        return -1;
    }
    if (o->security_type && !o->legacy)
        o->legacy = o->security_type;
    if (fh_older_strength(o->security_type) < fh_older_strength(o->legacy) && o->security_type) {
        snprintf(why, room, "--security-type is weaker than --legacy allows");
        return -1;
    }
    if (o->legacy && o->resume) {
        snprintf(why, room, "--resume: servers of other makers cannot carry on with a session");
        return -1;
    }
    o->address = argv[i++];
    o->words = argv + i;
    o->n_words = argc - i;
    if (strcmp(o->address, "known-servers") == 0)
        o->action = ACTION_KNOWN_SERVERS;
    if (o->action == ACTION_RUN && o->n_words == 0) {
        snprintf(why, room, "no COMMAND behind %s; --help lists them", o->address);
        return -1;
    }
    return 0;
}

static void help_options(FILE *f)
{
    char left[40];

    for (size_t i = 0; i < N_OPTIONS; i++) {
        snprintf(left, sizeof left, "--%s%s%s", options[i].name, options[i].value ? " " : "",
                 options[i].value ? options[i].value : "");
        fprintf(f, "  %-26s %s\n", left, options[i].help);
    }
}

static void help_commands(FILE *f)
{
    char left[40];

    for (const struct command *c = commands; c->name; c++) {
        snprintf(left, sizeof left, "%s %s", c->name, c->args);
        fprintf(f, "  %-26s %s\n", left, c->help);
    }
    fprintf(f, "  %-26s %s\n", "run SCRIPT", "do the commands in a file (- is standard input)");
}

void options_help(FILE *f)
{
    fputs("Usage: vncviewer-cli [options] ADDRESS COMMAND...\n"
          "       vncviewer-cli [options] known-servers list | show ADDRESS | remove ADDRESS\n"
          "Controls a remote desktop from the shell, over an encrypted channel to vncserverd.\n\n"
          "ADDRESS is HOST, HOST:N (N < 100 is a display number, else a port), HOST::PORT,\n"
          "[v6]::PORT, the path of a socket, or cloud:ADDRESS. Commands are written one after the "
          "other.\n\n"
          "Options:\n",
          f);
    help_options(f);
    fputs("\nCommands:\n", f);
    help_commands(f);
    fputs("\nExit codes: 0 ok, 1 unexpected, 2 usage, 3 authentication failed or refused,\n"
          "4 server unknown, 5 server key changed, 10 cannot connect, 11 closed early,\n"
          "20 protocol error, 30 command failed, 40 time-out.\n",
          f);
}
