/* SPDX-License-Identifier: MIT */
/*
 * config.h -- what vncserverd is told: defaults, then the configuration file, then the command
 * line, then the administrator's policy, which has the last word.
 *
 *     fh__config_init()       defaults
 *     fh__config_read()       the text of a file; fh__config_load() a file: inifile.h
 *     fh__options_...         the command line, options.h
 *     fh__policy_...          the policy, policy.h
 *     fh__config_finish()     what the others leave open, from the environment
 *     fh__settings_adopt()    a newer one takes effect, as far as it can: option.h
 *     fh__config_free()
 *
 * fh__config_build() does all of it but the last two.
 */
#ifndef FH__CONFIG_H
#define FH__CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <farhand/older.h>

#include "inifile.h"
#include "log.h"
#include "option.h"

enum { FH__CONFIG_LISTEN_MAX = 16, FH__CONFIG_FILTER_MAX = 1024, FH__CONFIG_AUDIT_MAX = 16 };

enum fh__approve { FH__APPROVE_FILTERED, FH__APPROVE_PRESENT, FH__APPROVE_ALWAYS };
enum fh__unprotected { FH__UNPROTECTED_THIS_MACHINE, FH__UNPROTECTED_ANYWHERE };
enum fh__auth { FH__AUTH_FILE, FH__AUTH_PAM, FH__AUTH_PROGRAM };
enum fh__audit_full { FH__AUDIT_FULL_WARN, FH__AUDIT_FULL_REFUSE };
enum fh__notice { FH__NOTICE_NONE, FH__NOTICE_WINDOW, FH__NOTICE_NOTIFY, FH__NOTICE_COMMAND };
enum fh__at_disconnect { FH__AT_DISCONNECT_NONE, FH__AT_DISCONNECT_LOCK, FH__AT_DISCONNECT_LOGOUT };

/* Texts are those of settings, and go with them. */
struct fh__config {
    struct fh__settings settings;
    char *display; /* NULL: what DISPLAY says; "auto" */
    char *virtual; /* "1280x800", NULL: an existing display */
    char *xauthority;
    char *desktop_user, *service_user; /* NULL: see options.c */
    char *listen[FH__CONFIG_LISTEN_MAX];
    size_t n_listen;
    char *cloud, *cloud_address; /* the line that says where it is; NULL: there is none */
    unsigned cloud_path;         /* which ways: any, direct, relay */
    bool cloud_loopback;
    char *cloud_password_file, *cloud_key, *cloud_proxy; /* NULL: none; but for the key */
    char *filter[FH__CONFIG_FILTER_MAX];                 /* rules of ip_filter.h, each checked */
    size_t n_filter;
    char *name;
    char *security_types; /* as it was written; read: */
    uint16_t older[FH_OLDER_MAX];
    size_t n_older;
    unsigned unprotected;    /* enum fh__unprotected */
    char *vnc_user;          /* as whom the types without a name come in */
    char *vnc_password_file; /* NULL: none */
    char *tls_certificate, *tls_key;
    char *rsa_aes_key; /* paths */
    char *identity;
    char *users;
    char *codes;
    unsigned auth; /* enum fh__auth: who knows whether a password is right */
    char *pam_service, *auth_command;
    unsigned auth_timeout_s; /* of each turn of auth_command */
    unsigned required;       /* factors of who has none of its own */
    char *blacklist;
    char *control;                     /* a path, or "none" */
    bool is_control_default;           /* nobody asked for it there */
    char *audit[FH__CONFIG_AUDIT_MAX]; /* destinations as in audit_target.h, each checked */
    size_t n_audit;
    unsigned audit_full; /* enum fh__audit_full */
    unsigned audit_limit;
    enum fh__log_level log_level;
    unsigned approve; /* enum fh__approve */
    unsigned approve_timeout_s, approve_idle_s;
    char *approve_command;  /* NULL: none */
    unsigned notice;        /* enum fh__notice */
    unsigned at_disconnect; /* enum fh__at_disconnect */
    char *notice_command, *lock_command, *logout_command;
    unsigned blacklist_threshold, blacklist_timeout_s;
    unsigned idle_timeout_s, resume_timeout_s, max_sessions, max_half_open, max_half_open_source,
        frame_rate;
    bool has_clipboard, has_resize, has_dialog;
    uint16_t virtual_width, virtual_height;
    char *const *program; /* of --virtual; NULL: none; borrowed from argv */
};

void fh__config_init(struct fh__config *c);
void fh__config_free(struct fh__config *c);
/* listen = none: viewers come through the cloud alone. */
static inline bool fh__config_is_deaf(const struct fh__config *c)
{
    return c->n_listen == 1 && strcmp(c->listen[0], "none") == 0;
}

/* The default of --config, in out. */
void fh__config_default_path(char *out, size_t room);
/* 0, or -1 and a sentence in error. */
int fh__config_finish(struct fh__config *c, char *error, size_t room);

struct fh__invocation;
/*
 * All of the above, in order. 0; -1 and a sentence in error, the details having been logged. The
 * caller frees c in both cases. For help and version nothing but *out is filled.
 */
int fh__config_build(struct fh__config *c, struct fh__invocation *out, int argc, char *const *argv,
                     char *error, size_t room);

#endif
