/* SPDX-License-Identifier: MIT */
/* Sessions of older viewers: what their security types need of the loop. */
#include <string.h>

#include <farhand/identity_uv.h>

#include "server_uv.h"

bool fh__server_older_init(struct fh_server *server, const struct fh_server_config *cfg)
{
    const struct fh_older_offer *o = &cfg->older;

    if (!fh_older_offer_is_usable(o))
        return false;
    for (size_t i = 0; i < o->n_types; i++) {
        unsigned what = fh_older_what(o->types[i]);

        if ((what & FH_OLDER_IS_RSA) && !cfg->rsa_key && !cfg->callbacks->decrypt)
            return false;
        if ((what & FH_OLDER_IS_TLS) && !cfg->tls)
            return false;
        server->older_types[i] = o->types[i];
    }
    server->older = *o;
    server->older.types = server->older_types;
    server->rsa_key = cfg->rsa_key;
    server->tls = cfg->tls;
    return true;
}

/* ---- RSA-AES ---- */

static void decrypt_work(uv_work_t *work)
{
    struct fh_server *server = work->data;
    struct decrypt_job *job = &server->decrypt;

    job->status = fh_rsaaes_key_decrypt(server->rsa_key, job->encrypted, job->len, fh_random_system,
                                        NULL, job->secret, job->want);
}

static void decrypt_done(uv_work_t *work, int status)
{
    struct fh_server *server = work->data;
    struct decrypt_job *job = &server->decrypt;
    struct fh_session *s = job->session;

    job->is_running = false;
    job->session = NULL;
    if (s) {
        s->awaits_decryption = true;
        fh_session_decrypted(s, job->secret, status == 0 && job->status == 0 ? job->want : 0);
    }
    fh_wipe(job->secret, sizeof job->secret);
    fh__server_decrypt_next(server);
    fh__server_maybe_gone(server);
}

void fh__server_decrypt_next(struct fh_server *server)
{
    struct decrypt_job *job = &server->decrypt;
    struct fh_session *s = server->first;

    while (s && !s->wants_decryption)
        s = s->next;
    if (!s || job->is_running)
        return;
    s->wants_decryption = false;
    memcpy(job->encrypted, s->encrypted, s->encrypted_len);
    job->len = s->encrypted_len;
    job->want = s->want_len;
    job->work.data = server;
    if (uv_queue_work(server->loop, &job->work, decrypt_work, decrypt_done) != 0) {
        fh_server_conn_close(s->conn, FH_BYE_INTERNAL, true);
        fh__carrier_soon(&s->carrier);
        return;
    }
    job->session = s;
    job->is_running = true;
}

static void on_decrypt(struct fh_session *s, const struct fh_server_conn_event *ev)
{
    struct fh_server *server = s->server;

    if (!server->rsa_key) {
        s->awaits_decryption = true;
        server->callbacks->decrypt(server->user, s, ev->decrypt.data, ev->decrypt.len,
                                   ev->decrypt.want);
        return;
    }
    memcpy(s->encrypted, ev->decrypt.data, ev->decrypt.len); /* of our own modulus: it fits */
    s->encrypted_len = ev->decrypt.len;
    s->want_len = ev->decrypt.want;
    s->wants_decryption = true;
    fh__server_decrypt_next(server);
}

/* ---- TLS ---- */

static void tls_cancel(struct fh__carrier *c)
{
    struct fh_session *s = (struct fh_session *)c;

    fh_tls_cancel(s->tls);
}

static void tls_done(void *user, struct fh_stream *stream, int error, const char *text)
{
    struct fh_session *s = user;

    (void)text;
    s->tls = NULL;
    if (error == 0) {
        (void)fh_server_conn_tick(s->conn, uv_now(s->server->loop));
        (void)fh_server_conn_tls_started(s->conn);
    } else if (!s->carrier.is_closing) {
        fh_server_conn_close(s->conn, FH_BYE_PROTOCOL, false);
    }
    fh__carrier_give(&s->carrier, stream);
}

/* All that was said in clear is with the stream below, in front of what TLS says. */
static void on_tls(struct fh_session *s)
{
    const struct fh_tls_start_config cfg = {.done = tls_done, .user = s};
    struct fh_stream *below = fh__carrier_take(&s->carrier, tls_cancel);

    if (fh_tls_start(s->server->loop, s->server->tls, below, &cfg, &s->tls) == 0)
        return;
    fh_server_conn_close(s->conn, FH_BYE_INTERNAL, true);
    fh__carrier_give(&s->carrier, NULL);
}

/* ---- events ---- */

void fh__session_older_event(struct fh_session *s, const struct fh_server_conn_event *ev)
{
    const struct fh_server_callbacks *cb = s->server->callbacks;

    if (ev->type == FH_SERVER_CONN_EV_DECRYPT)
        on_decrypt(s, ev);
    else if (ev->type == FH_SERVER_CONN_EV_OLDER && cb->older)
        cb->older(s->server->user, s, ev->older.type, ev->older.version);
    else if (ev->type == FH_SERVER_CONN_EV_TLS)
        on_tls(s);
}
