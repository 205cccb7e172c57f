/* SPDX-License-Identifier: MIT */
/* new.c -- where the connections get their memory. */
#include <stdlib.h>
#include <string.h>

#include "conn.h"

struct fh_server_conn *fh_server_conn_new(const struct fh_server_conn_config *cfg)
{
    struct fh_channel_config channel = {.role = FH_ROLE_SERVER,
                                        .random = cfg->random,
                                        .random_user = cfg->random_user,
                                        .spki = cfg->spki,
                                        .spki_len = cfg->spki_len,
                                        .padding = FH_PAD_PADME,
                                        .program = cfg->program,
                                        .greeting_was_read = cfg->greeting_was_read,
                                        .now_ms = cfg->now_ms};
    struct fh_server_conn *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->offer = cfg->older;
    c->is_looking = c->greeting_due = cfg->older.n_types > 0;
    if (fh_older_offer_is_usable(&cfg->older) && fh__server_session_init(&c->s, cfg)) {
        channel.methods = c->s.auth.offered;
        channel.n_methods = cfg->has_authentication ? c->s.auth.n_offered : 0;
        c->ch = fh_channel_new(&channel);
    }
    if (!c->ch) {
        fh_server_conn_free(c);
        return NULL;
    }
    fh__server_session_audit(&c->s, FH_AUDIT_CONNECTED, NULL, NULL);
    return c;
}

void fh_server_conn_free(struct fh_server_conn *c)
{
    if (!c)
        return;
    fh__server_session_finish(&c->s);
    fh__older_server_free(c->older);
    fh_channel_free(c->ch);
    fh_wipe(c->cloud_secret, sizeof c->cloud_secret);
    free(c);
}

struct fh__older_server *fh__older_server_new(void)
{
    return calloc(1, sizeof(struct fh__older_server));
}

void fh__older_server_free(struct fh__older_server *o)
{
    if (o)
        fh__older_server_finish(o);
    free(o);
}

struct fh__older_viewer *fh__older_viewer_new(void)
{
    return calloc(1, sizeof(struct fh__older_viewer));
}

void fh__older_viewer_free(struct fh__older_viewer *o)
{
    if (o)
        fh__older_viewer_finish(o);
    free(o);
}

static bool make_older(struct fh_viewer_conn *v, const struct fh_viewer_conn_config *cfg)
{
    unsigned strength = fh_older_strength(cfg->older.minimum);

    if (strength == 0 || (cfg->older.only && fh_older_strength(cfg->older.only) < strength) ||
        !(v->older = fh__older_viewer_new()))
        return false;
    fh__older_viewer_init(v->older, strength, cfg->older.only, cfg->older.has_tls, cfg->random,
                          cfg->random_user);
    v->s.is_older = true;
    v->s.auth_until = fh__session_later(cfg->now_ms, FH_VIEWER_AUTH_MAX_MS);
    return true;
}

struct fh_viewer_conn *fh_viewer_conn_new(const struct fh_viewer_conn_config *cfg)
{
    const struct fh_channel_config channel = {.role = FH_ROLE_CLIENT,
                                              .random = cfg->random,
                                              .random_user = cfg->random_user,
                                              .spki = cfg->spki,
                                              .spki_len = cfg->spki_len,
                                              .padding = FH_PAD_BLOCK64,
                                              .program = cfg->program,
                                              .session_ref = cfg->session_ref,
                                              .cloud_secret = cfg->cloud_secret,
                                              .now_ms = cfg->now_ms};
    struct fh_rfb_client_config rfb = {
        .shared = true, .quality = 8, .level = -1, .continuous = true};
    struct fh_viewer_conn *v = calloc(1, sizeof *v);

    if (!v)
        return NULL;
    v->verify_always = cfg->verify_always;
    v->has_expected = cfg->expected != NULL;
    if (cfg->expected)
        memcpy(v->expected, cfg->expected, sizeof v->expected);
    if (cfg->rfb)
        rfb = *cfg->rfb;
    rfb.pipeline = cfg->older.minimum == 0; /* others may not expect it */
    fh_fingerprint(cfg->spki, cfg->spki_len, v->s.auth.bond.viewer);
    if (fh__viewer_session_init(&v->s, cfg, fh_rfb_client_new(&rfb)) != 0 || !v->s.rfb ||
        !(v->ch = fh_channel_new(&channel)) || (cfg->older.minimum != 0 && !make_older(v, cfg))) {
        fh_viewer_conn_free(v);
        return NULL;
    }
    return v;
}

void fh_viewer_conn_free(struct fh_viewer_conn *v)
{
    if (!v)
        return;
    fh__viewer_session_finish(&v->s);
    fh__older_viewer_free(v->older);
    fh_channel_free(v->ch);
    free(v);
}
