/* SPDX-License-Identifier: MIT */
/* conn.h -- the two connections: a session on a secure channel. Made in new.c. */
#ifndef FH_SESSION_CONN_H
#define FH_SESSION_CONN_H

#include <farhand/viewer_conn.h>

#include "older_server.h"
#include "older_viewer.h"
#include "server_session.h"
#include "viewer_session.h"

struct fh_server_conn {
    struct fh__server_session s;
    struct fh_channel *ch;
    const uint8_t *data; /* of the record that is being read; lent by the channel */
    size_t left;
    bool close_sent;
    bool has_ended; /* nothing more comes from the viewer */
    /* Who the viewer is shows in its first bytes, where older ones are served too. */
    bool is_looking, greeting_due;
    uint8_t head[FH__OLDER_VERSION_LEN];
    size_t head_len, greeting_at;
    struct fh_older_offer offer;
    struct fh__older_server *older; /* NULL: the channel is spoken */
    uint8_t th[FH_TRANSCRIPT_HASH_LEN];
    bool has_cloud, has_cloud_secret;
    uint8_t session_ref[FH_CHANNEL_REF_LEN],
        hello_ref[FH_CHANNEL_REF_LEN]; /* the second: the viewer's */
    uint8_t cloud_secret[FH_CHANNEL_SECRET_LEN];
    uint8_t fingerprint[FH_FINGERPRINT_LEN];
    char program[FH_CHANNEL_PROGRAM_MAX + 1];
};

/* ---- server_older.c: a viewer that does not know the channel ---- */

struct fh__older_server *fh__older_server_new(void);    /* zeroed; NULL: no memory */
void fh__older_server_free(struct fh__older_server *o); /* NULL is fine */

/* Bytes of the head, in c->head: whose they are is decided when it shows. */
void fh__server_older_look(struct fh_server_conn *c, uint64_t now_ms, size_t used);
/* What older tells becomes events of the session, or c->data. False: nothing. */
bool fh__server_older_step(struct fh_server_conn *c);
void fh__server_older_complete(const struct fh_server_conn *c, struct fh_server_conn_event *ev);
const uint8_t *fh__server_older_out(struct fh_server_conn *c, uint64_t now_ms, size_t *len);
void fh__server_older_refuse(struct fh_server_conn *c, unsigned retry_s);

/* ---- viewer_older.c: a server that does not know the channel ---- */

struct fh__older_viewer *fh__older_viewer_new(void);
void fh__older_viewer_free(struct fh__older_viewer *o);

bool fh__viewer_older_step(struct fh_viewer_conn *v);
void fh__viewer_older_complete(const struct fh_viewer_conn *v, struct fh_viewer_conn_event *ev);
const uint8_t *fh__viewer_older_out(struct fh_viewer_conn *v, uint64_t now_ms, size_t *len);
void fh__viewer_older_accept(struct fh_viewer_conn *v, enum fh_trust trust);
int fh__viewer_older_credentials(struct fh_viewer_conn *v);

/* "link" and "link ref" of the exporter. */
static inline int fh__link_key(const struct fh_channel *ch, uint8_t *key, uint8_t *ref)
{
    int ret = fh_channel_export(ch, "link", key, FH_SESSION_LINK_KEY_LEN);

    return ret ? ret : fh_channel_export(ch, "link ref", ref, FH_SESSION_LINK_REF_LEN);
}

static inline int fh__guard_keys(const struct fh_channel *ch, uint8_t *client, uint8_t *server)
{
    struct fh_channel_info info;
    int ret = fh_channel_guard_key(ch, FH_ROLE_CLIENT, client);

    if (ret == 0)
        ret = fh_channel_guard_key(ch, FH_ROLE_SERVER, server);
    if (ret != 0)
        return ret;
    fh_channel_info(ch, &info);
    return (int)(info.rekeys + 1);
}

struct fh_viewer_conn {
    struct fh__viewer_session s;
    struct fh_channel *ch;
    const uint8_t *data;
    size_t left;
    bool close_sent, accepted, verify_always, has_expected;
    uint8_t expected[FH_FINGERPRINT_LEN]; /* whom the cloud named */
    struct fh__older_viewer *older;       /* NULL: the channel is spoken */
    uint8_t th[FH_TRANSCRIPT_HASH_LEN];
    struct fh_channel_event server; /* who it is, of EV_PEER */
};

#endif
