/* SPDX-License-Identifier: MIT */
/* options.h -- the command line of vncviewer-cli. */
#ifndef VNCVIEWER_OPTIONS_H
#define VNCVIEWER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { ENCODINGS_MAX = 16, AUDIT_MAX = 16, KEPT_MAX = 64 };

/* Which ways a session through a cloud may go. */
enum way_policy { WAY_ANY, WAY_DIRECT, WAY_RELAY };

/* What the program is asked to do. */
enum action { ACTION_RUN, ACTION_KNOWN_SERVERS, ACTION_HELP, ACTION_VERSION };

struct options {
    enum action action;
    unsigned method;                /* enum fh_method; 0: the best */
    unsigned legacy, security_type; /* enum fh_older_type: the weakest; the only one. 0: not said */
    const char *user, *password_file, *known_servers, *identity, *trust;
    const char *cloud, *cloud_address, *cloud_password_file, *cloud_key, *proxy;
    enum way_policy way;
    bool cloud_loopback;
    const char *config;
    const char *audit[AUDIT_MAX]; /* destinations as in audit_target.h */
    size_t n_audit;
    bool verify_always, accept_new, hash_names, view_only, resume, json, verbose;
    int32_t encodings[ENCODINGS_MAX];
    size_t n_encodings;
    int quality, compress;               /* -1: not said */
    double timeout_s, command_timeout_s; /* 0: none */
    const char *address;
    char **words; /* the commands */
    int n_words;
    char *kept[KEPT_MAX]; /* values from files */
    size_t n_kept;
};

/*
 * Files (config.h), then the command line. 0, or -1 with a sentence in why; options_free() in both
 * cases. Strings point into argv, or are kept here.
 */
int options_parse(struct options *o, int argc, char **argv, char *why, size_t room);
/* One option as a file has it, without --; flags are yes or no. */
int options_set(struct options *o, const char *name, const char *value, char *why, size_t room);
void options_free(struct options *o);
void options_help(FILE *f);

#endif
