/* SPDX-License-Identifier: MIT */
/* options.h -- the command line of vncviewer-cli. */
#ifndef VNCVIEWER_OPTIONS_H
#define VNCVIEWER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { ENCODINGS_MAX = 16 };

/* What the program is asked to do. */
enum action { ACTION_RUN, ACTION_FORGET, ACTION_LIST_KNOWN, ACTION_HELP, ACTION_VERSION };

struct options {
    enum action action;
    unsigned method; /* enum fh_method; 0: the best */
    const char *user, *password_file, *known_servers, *identity, *trust;
    bool accept_new, hash_names, view_only, resume, json, verbose;
    int32_t encodings[ENCODINGS_MAX];
    size_t n_encodings;
    int quality, compress;               /* -1: not said */
    double timeout_s, command_timeout_s; /* 0: none */
    const char *address;
    char **words; /* the commands */
    int n_words;
};

/* 0, or -1 with a sentence in why. Strings point into argv. */
int options_parse(struct options *o, int argc, char **argv, char *why, size_t room);
void options_help(FILE *f);

#endif
