/* SPDX-License-Identifier: MIT */
/* script.h -- commands written one after the other, on the command line or in files. */
#ifndef VNCVIEWER_SCRIPT_H
#define VNCVIEWER_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

struct run;
struct step;

enum { ARGS_MAX = 5 };

/* What a command did: it is over, waits for something to happen, or failed (run->why says how). */
enum step_result { STEP_DONE, STEP_WAIT, STEP_FAILED };

struct command {
    const char *name;
    int n_args;
    const char *args, *help;
    /* Looks at the arguments before anything is connected. NULL: any will do. 0, or -1 and why. */
    int (*check)(const struct step *s, char *why, size_t room);
    /* Called with first set, then after everything that happens, until it is done. */
    enum step_result (*run)(struct run *r, const struct step *s, bool first);
};

struct step {
    const struct command *command;
    const char *args[ARGS_MAX];
    const char *where; /* "" for the command line, or "FILE:LINE" */
};

struct script {
    struct step *steps;
    size_t n_steps, cap_steps;
    char **texts; /* everything that is freed with the script */
    size_t n_texts, cap_texts;
};

/* All commands, ended by one without a name; "run" is not among them, it is read when parsing. */
extern const struct command commands[];

/*
 * Reads words into steps; "run FILE" puts the commands of a file in its place (- is standard
 * input). 0, or -1 with a sentence in why that names the command and the place.
 */
int script_parse(struct script *s, int n_words, char **words, char *why, size_t room);
void script_free(struct script *s);

#endif
