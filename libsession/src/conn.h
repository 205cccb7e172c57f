/* SPDX-License-Identifier: MIT */
/* conn.h -- the two connections: a session on a secure channel. Made in new.c. */
#ifndef FH_SESSION_CONN_H
#define FH_SESSION_CONN_H

#include <farhand/viewer_conn.h>

#include "server_session.h"
#include "viewer_session.h"

struct fh_server_conn {
    struct fh__server_session s;
    struct fh_channel *ch;
    const uint8_t *data; /* of the record that is being read; lent by the channel */
    size_t left;
    bool close_sent;
    bool has_ended; /* nothing more comes from the viewer */
    uint8_t th[FH_TRANSCRIPT_HASH_LEN];
    bool has_cloud, has_cloud_secret;
    uint8_t session_ref[FH_CHANNEL_REF_LEN],
        hello_ref[FH_CHANNEL_REF_LEN]; /* the second: the viewer's */
    uint8_t cloud_secret[FH_CHANNEL_SECRET_LEN];
    uint8_t fingerprint[FH_FINGERPRINT_LEN];
    char program[FH_CHANNEL_PROGRAM_MAX + 1];
};

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
    uint8_t th[FH_TRANSCRIPT_HASH_LEN];
    struct fh_channel_event server; /* who it is, of EV_PEER */
};

#endif
