/* SPDX-License-Identifier: MIT */
/* totp_cmd.c -- vncserverd user totp: an authenticator for a user, and its recovery codes. */
#include "commands.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include <farhand/auth.h>
#include <farhand/identity_uv.h>

#include "identityfile.h"
#include "qrcode.h"
#include "terminal.h"
#include "usersedit.h"

enum { ERROR_MAX = 200, TRIES = 3 };

struct options {
    const char *hash, *digits;
    bool is_removing, is_recovery, is_json;
};

struct recovery {
    char text[FH_RECOVERY_CODES][FH_RECOVERY_TEXT];
};

static const char usage[] = "user totp NAME [--hash sha1|sha256|sha512] [--digits 6|7|8] [--json], "
                            "user totp NAME --recovery [--json], or user totp NAME --remove";

/* ---- the file ---- */

static int put(struct fh_codes *c, void *user)
{
    return fh_codes_put(c, user);
}

/* Only who is there can be given other recovery codes: it may have been removed meanwhile. */
static int put_recovery(struct fh_codes *c, void *user)
{
    const struct fh_enrolment *fresh = user;
    struct fh_enrolment e;
    int ret = fh_codes_get(c, fresh->name, &e);

    if (ret == 0) {
        e.n_recovery = fresh->n_recovery;
        memcpy(e.recovery, fresh->recovery, sizeof e.recovery);
        ret = fh_codes_put(c, &e);
    }
    fh_wipe(&e, sizeof e);
    return ret;
}

static int remove_one(struct fh_codes *c, void *user)
{
    return fh_codes_remove(c, user) == 1 ? 0 : FH_SESSION_E_UNKNOWN;
}

static int update(const char *path, fh_codes_edit_fn edit, void *user)
{
    if (fh__identityfile_make_directory(path) != 0)
        return FH_SESSION_E_IO;
    return fh_codes_update(path, edit, user);
}

enum fh__exit fh__totp_forget(const struct fh__config *cfg, const char *name)
{
    struct fh_codes *c = NULL;
    struct fh_enrolment e;
    enum fh__exit how = FH__EXIT_OK;
    bool is_there;
    int error;

    if (fh__usersedit_load_codes(cfg->codes, &c, &how) != 0)
        return how;
    is_there = fh_codes_get(c, name, &e) == 0;
    fh_wipe(&e, sizeof e);
    fh_codes_free(c);
    error = is_there ? update(cfg->codes, remove_one, (void *)name) : 0;
    return error && error != FH_SESSION_E_UNKNOWN ? fh__usersedit_failed(cfg->codes, error, 0, NULL)
                                                  : FH__EXIT_OK;
}

static bool is_enrolled(const struct fh__config *cfg, const char *name, enum fh__exit *how)
{
    struct fh_codes *c = NULL;
    struct fh_enrolment e;
    bool is_there;

    if (fh__usersedit_load_codes(cfg->codes, &c, how) != 0)
        return false;
    is_there = fh_codes_get(c, name, &e) == 0;
    fh_wipe(&e, sizeof e);
    fh_codes_free(c);
    return is_there;
}

static bool is_user(const struct fh__config *cfg, const char *name, enum fh__exit *how)
{
    struct fh_users *u = NULL;
    struct fh_user user;
    bool is_there;

    if (fh__usersedit_load(cfg->users, &u, how) != 0)
        return false;
    is_there = fh_users_get_or_else(u, name, &user) == 0;
    fh_wipe(&user, sizeof user);
    fh_users_free(u);
    if (!is_there) {
        fprintf(stderr, "vncserverd: there is no such user in %s\n", cfg->users);
        *how = FH__EXIT_USERS;
    }
    return is_there;
}

/* ---- recovery codes ---- */

static void make_recovery(struct fh_enrolment *e, struct recovery *out)
{
    for (size_t i = 0; i < FH_RECOVERY_CODES; i++) {
        fh_recovery_new(fh_random_system, NULL, out->text[i]);
        (void)fh_recovery_hash(e->name, out->text[i], strlen(out->text[i]), e->recovery[i]);
    }
    e->n_recovery = FH_RECOVERY_CODES;
}

static void show_recovery(const struct recovery *r, bool is_json)
{
    json_t *list = json_array();

    for (size_t i = 0; i < FH_RECOVERY_CODES; i++)
        json_array_append_new(list, json_string(r->text[i]));
    if (is_json) {
        json_t *line = json_pack("{s:O}", "recovery_codes", list);

        json_dumpf(line, stdout, JSON_COMPACT);
        printf("\n");
        json_decref(line);
    } else {
        printf("Recovery codes, each good once in place of a one-time code. Keep them apart from "
               "the authenticator;\nthey are not shown again:\n\n");
        for (size_t i = 0; i < FH_RECOVERY_CODES; i++)
            printf("    %s\n", r->text[i]);
    }
    json_decref(list);
    fflush(stdout);
}

static enum fh__exit renew_recovery(const struct fh__config *cfg, const char *name,
                                    const struct options *o)
{
    struct fh_enrolment e = {.n_recovery = 0};
    struct recovery codes;
    int error;

    strcpy(e.name, name);
    make_recovery(&e, &codes);
    error = update(cfg->codes, put_recovery, &e);
    if (error == 0)
        show_recovery(&codes, o->is_json);
    else if (error == FH_SESSION_E_UNKNOWN)
        fprintf(stderr, "vncserverd: %s has no authenticator: vncserverd user totp NAME\n", name);
    else
        fh__usersedit_failed(cfg->codes, error, 0, NULL);
    fh_wipe(&codes, sizeof codes);
    fh_wipe(&e, sizeof e);
    return error ? FH__EXIT_USERS : FH__EXIT_OK;
}

/* ---- enrolment ---- */

static bool is_utf8(void)
{
    return setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void show_secret(const struct fh_enrolment *e, const char *uri, bool is_json)
{
    char secret[FH_TOTP_BASE32_MAX];

    fh_totp_key_write(&e->totp, secret);
    if (is_json) {
        json_t *line = json_pack("{s:s, s:s}", "uri", uri, "secret", secret);

        json_dumpf(line, stdout, JSON_COMPACT);
        printf("\n");
        json_decref(line);
    } else {
        if (isatty(1) && fh__qrcode_print(stdout, uri, is_utf8()) == 0)
            printf("\nLet an authenticator scan this, or give it the secret by hand:\n\n");
        printf("    %s\n    %s\n\n", secret, uri);
    }
    fflush(stdout);
    fh_wipe(secret, sizeof secret);
}

/* The authenticator must agree before it is asked for codes. Its first code is spent by that. */
static bool is_confirmed(struct fh_enrolment *e, bool is_json)
{
    char code[FH_AUTH_CODE_MAX + 1], error[ERROR_MAX];
    size_t len;

    for (unsigned i = 0; i < TRIES; i++) {
        if (fh__terminal_line(is_json ? "" : "Its code now: ", code, sizeof code, &len, error,
                              sizeof error) != 0) {
            fprintf(stderr, "vncserverd: %s; nothing was changed\n", error);
            return false;
        }
        if (fh_totp_check(&e->totp, code, len, (uint64_t)time(NULL), 0, &e->step) == 0)
            return true;
        fprintf(stderr, "vncserverd: that is not its code; are both clocks right?\n");
    }
    fprintf(stderr, "vncserverd: nothing was changed\n");
    return false;
}

static bool read_kind(const struct options *o, enum fh_totp_hash *hash, unsigned *digits)
{
    *hash = o->hash ? fh_totp_hash_of(o->hash, strlen(o->hash)) : FH_TOTP_SHA1;
    *digits = !o->digits ? 6 : strlen(o->digits) == 1 ? (unsigned)(o->digits[0] - '0') : 0;
    return fh_totp_hash_name(*hash) && *digits >= FH_TOTP_DIGITS_MIN &&
           *digits <= FH_TOTP_DIGITS_MAX;
}

static enum fh__exit enrol(const struct fh__config *cfg, const char *name, const struct options *o)
{
    struct fh_enrolment e = {.n_recovery = 0};
    enum fh__exit how = FH__EXIT_USERS;
    char uri[FH_TOTP_URI_MAX];
    struct recovery codes = {0};
    enum fh_totp_hash hash;
    unsigned digits;
    int error;

    if (!read_kind(o, &hash, &digits))
        return fh__usersedit_usage(usage);
    strcpy(e.name, name);
    if (fh_totp_generate(hash, digits, fh_random_system, NULL, &e.totp) != 0 ||
        fh_totp_uri(&e.totp, cfg->name, name, uri) != 0) {
        fprintf(stderr, "vncserverd: the desktop's name is too long for an authenticator\n");
        goto out;
    }
    show_secret(&e, uri, o->is_json);
    if (!is_confirmed(&e, o->is_json))
        goto out;
    make_recovery(&e, &codes);
    error = update(cfg->codes, put, &e);
    how = error ? fh__usersedit_failed(cfg->codes, error, 0, NULL) : FH__EXIT_OK;
    if (error == 0)
        show_recovery(&codes, o->is_json);
out:
    fh_wipe(&e, sizeof e);
    fh_wipe(&codes, sizeof codes);
    fh_wipe(uri, sizeof uri);
    return how;
}

/* ---- the command ---- */

static enum fh__exit run(const struct fh__config *cfg, const char *name, const struct options *o)
{
    enum fh__exit how = FH__EXIT_OK;
    bool has_it;

    if (!fh__usersedit_is_name(name, false))
        return FH__EXIT_USAGE;
    has_it = is_enrolled(cfg, name, &how);
    if (how != FH__EXIT_OK)
        return how;
    if (o->is_recovery)
        return renew_recovery(cfg, name, o);
    if (o->is_removing && !has_it) {
        fprintf(stderr, "vncserverd: %s has no authenticator\n", name);
        return FH__EXIT_USERS;
    }
    if (o->is_removing) {
        how = fh__totp_forget(cfg, name);
        if (how == FH__EXIT_OK)
            printf("%s: authenticator and recovery codes removed\n", name);
        return how;
    }
    if (has_it) {
        fprintf(stderr,
                "vncserverd: %s has an authenticator already: vncserverd user totp NAME "
                "--remove\n",
                name);
        return FH__EXIT_USERS;
    }
    return is_user(cfg, name, &how) ? enrol(cfg, name, o) : how;
}

enum fh__exit fh__totp_command(const struct fh__config *cfg, char *const *arguments)
{
    struct options o = {0};
    const struct fh__flag flags[] = {{"hash", &o.hash, NULL},
                                     {"digits", &o.digits, NULL},
                                     {"remove", NULL, &o.is_removing},
                                     {"recovery", NULL, &o.is_recovery},
                                     {"json", NULL, &o.is_json}};
    struct fh__words words;
    char error[ERROR_MAX];

    if (fh__arguments_read(arguments, flags, sizeof flags / sizeof flags[0], &words, error,
                           sizeof error) != 0) {
        fprintf(stderr, "vncserverd: user totp: %s\n", error);
        return FH__EXIT_USAGE;
    }
    if (words.n != 1 || (o.is_removing && o.is_recovery))
        return fh__usersedit_usage(usage);
    return run(cfg, words.word[0], &o);
}
