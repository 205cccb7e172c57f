/* SPDX-License-Identifier: MIT */
/*
 * ice_options.h -- the words of a command line that say how ICE is to look for a path.
 *
 *     --stun HOST:PORT                          --turn udp|tcp|tls,HOST,PORT,USER,PASSWORD
 *     --ca FILE  --name NAME   for tls          --loopback   only loopback addresses
 */
#ifndef FH_TESTS_ICE_OPTIONS_H
#define FH_TESTS_ICE_OPTIONS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice_uv.h>

struct ice_options {
    struct fh_ice_uv_server stun[FH_ICE_UV_MAX_STUN];
    struct fh_ice_uv_turn turn[FH_ICE_UV_MAX_TURN];
    size_t stun_len, turn_len;
    char *ca;
    const char *name;
    bool is_loopback;
};

static inline void ice_options_fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static inline unsigned ice_options_number(const char *text, unsigned long max)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || v > max)
        ice_options_fail("not a number, or too large");
    return (unsigned)v;
}

static inline char *ice_options_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 65536);

    if (!f || !text || fread(text, 1, 65535, f) == 0)
        ice_options_fail("cannot read the certificates");
    fclose(f);
    return text;
}

static inline void ice_options_stun(struct ice_options *o, char *text)
{
    char *colon = strrchr(text, ':');

    if (!colon || o->stun_len == FH_ICE_UV_MAX_STUN)
        ice_options_fail("--stun HOST:PORT");
    *colon = '\0';
    o->stun[o->stun_len++] = (struct fh_ice_uv_server){
        .host = text, .port = (uint16_t)ice_options_number(colon + 1, 65535)};
}

static inline void ice_options_turn(struct ice_options *o, char *text)
{
    char *word[5];
    struct fh_ice_uv_turn *t;

    for (int i = 0; i < 5; i++)
        word[i] = strtok(i ? NULL : text, ",");
    if (!word[4] || o->turn_len == FH_ICE_UV_MAX_TURN)
        ice_options_fail("--turn udp|tcp|tls,HOST,PORT,USER,PASSWORD");
    t = &o->turn[o->turn_len++];
    t->carrier = strcmp(word[0], "tls") == 0   ? FH_ICE_UV_TLS
                 : strcmp(word[0], "tcp") == 0 ? FH_ICE_UV_TCP
                                               : FH_ICE_UV_UDP;
    t->server = (struct fh_ice_uv_server){.host = word[1],
                                          .port = (uint16_t)ice_options_number(word[2], 65535)};
    t->username = word[3];
    t->password = word[4];
}

/* Takes argv[*i], and its value; false if it is another's word. */
static inline bool ice_options_take(struct ice_options *o, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    char *value = *i + 1 < argc ? argv[*i + 1] : NULL;

    if (strcmp(word, "--loopback") == 0) {
        o->is_loopback = true;
        return true;
    }
    if (strcmp(word, "--stun") != 0 && strcmp(word, "--turn") != 0 && strcmp(word, "--ca") != 0 &&
        strcmp(word, "--name") != 0)
        return false;
    if (!value)
        ice_options_fail("an option without its value");
    ++*i;
    if (strcmp(word, "--stun") == 0)
        ice_options_stun(o, value);
    else if (strcmp(word, "--turn") == 0)
        ice_options_turn(o, value);
    else if (strcmp(word, "--ca") == 0)
        o->ca = ice_options_file(value);
    else
        o->name = value;
    return true;
}

/* Into a config, which borrows all of it. */
static inline void ice_options_apply(struct ice_options *o, struct fh_ice_uv_config *cfg)
{
    for (size_t i = 0; i < o->turn_len; i++) {
        o->turn[i].ca_pem = o->ca;
        o->turn[i].tls_name = o->name;
    }
    cfg->stun = o->stun;
    cfg->stun_len = o->stun_len;
    cfg->turn = o->turn;
    cfg->turn_len = o->turn_len;
    cfg->allow_loopback = cfg->only_loopback = o->is_loopback;
}

#endif
