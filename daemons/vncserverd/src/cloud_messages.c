/* SPDX-License-Identifier: MIT */
/* cloud_messages.c -- the bodies of messages.h that the cloud process is told, and tells. */
#include "messages_fields.h"

bool fh__msg_cloud_setup_read(struct rd r, struct fh__msg_cloud_setup *out)
{
    out->level = rd_u8(&r);
    out->policy = rd_u8(&r);
    out->is_loopback = fh__read_flag(&r);
    out->user = fh__read_text(&r);
    out->service = fh__read_text(&r);
    out->proxy = fh__read_text(&r);
    out->address = rd_bytes(&r, FH__CLOUD_ADDRESS_LEN);
    out->password = fh__read_flag(&r) ? rd_bytes(&r, FH__CLOUD_PASSWORD_LEN) : NULL;
    out->seal_key = rd_bytes(&r, FH__CLOUD_SEAL_LEN);
    out->spki_len = rd_u16(&r);
    out->spki = rd_bytes(&r, out->spki_len);
    out->kept_len[FH__CLOUD_CHECKPOINT] = rd_u16(&r);
    out->kept[FH__CLOUD_CHECKPOINT] = rd_bytes(&r, out->kept_len[FH__CLOUD_CHECKPOINT]);
    out->kept_len[FH__CLOUD_STATEMENT] = r.left;
    out->kept[FH__CLOUD_STATEMENT] = rd_bytes(&r, r.left);
    return rd_is_done(&r) && out->policy <= 2 && out->spki_len <= FH_SPKI_MAX &&
           out->kept_len[FH__CLOUD_CHECKPOINT] <= FH__CLOUD_KEPT_MAX &&
           out->kept_len[FH__CLOUD_STATEMENT] <= FH__CLOUD_KEPT_MAX;
}

void fh__msg_cloud_setup_write(struct wr *w, const struct fh__msg_cloud_setup *m)
{
    wr_u8(w, m->level);
    wr_u8(w, m->policy);
    wr_u8(w, m->is_loopback);
    fh__write_text(w, m->user);
    fh__write_text(w, m->service);
    fh__write_text(w, m->proxy);
    wr_bytes(w, m->address, FH__CLOUD_ADDRESS_LEN);
    wr_u8(w, m->password != NULL);
    if (m->password)
        wr_bytes(w, m->password, FH__CLOUD_PASSWORD_LEN);
    wr_bytes(w, m->seal_key, FH__CLOUD_SEAL_LEN);
    wr_u16(w, (uint16_t)m->spki_len);
    wr_bytes(w, m->spki, m->spki_len);
    wr_u16(w, (uint16_t)m->kept_len[FH__CLOUD_CHECKPOINT]);
    wr_bytes(w, m->kept[FH__CLOUD_CHECKPOINT], m->kept_len[FH__CLOUD_CHECKPOINT]);
    wr_bytes(w, m->kept[FH__CLOUD_STATEMENT], m->kept_len[FH__CLOUD_STATEMENT]);
}

bool fh__msg_cloud_keep_read(struct rd r, struct fh__msg_cloud_keep *out)
{
    uint8_t which = rd_u8(&r);

    out->which = (enum fh__cloud_kept)which;
    out->len = r.left;
    out->data = rd_bytes(&r, r.left);
    return rd_is_done(&r) && which < FH__CLOUD_KEPT && out->len <= FH__CLOUD_KEPT_MAX;
}

void fh__msg_cloud_keep_write(struct wr *w, const struct fh__msg_cloud_keep *m)
{
    wr_u8(w, (uint8_t)m->which);
    wr_bytes(w, m->data, m->len);
}

bool fh__msg_cloud_fork_read(struct rd r, struct fh__msg_cloud_fork *out)
{
    out->kept_len = rd_u16(&r);
    out->kept = rd_bytes(&r, out->kept_len);
    out->seen_len = r.left;
    out->seen = rd_bytes(&r, r.left);
    return rd_is_done(&r) && out->kept_len <= FH__CLOUD_KEPT_MAX &&
           out->seen_len <= FH__CLOUD_KEPT_MAX;
}

void fh__msg_cloud_fork_write(struct wr *w, const struct fh__msg_cloud_fork *m)
{
    wr_u16(w, (uint16_t)m->kept_len);
    wr_bytes(w, m->kept, m->kept_len);
    wr_bytes(w, m->seen, m->seen_len);
}

bool fh__msg_cloud_state_read(struct rd r, struct fh__msg_cloud_state *out)
{
    out->is_online = fh__read_flag(&r);
    out->retry_ms = rd_u32(&r);
    out->why = fh__read_rest(&r);
    return rd_is_done(&r) && fh__is_clean(out->why);
}

void fh__msg_cloud_state_write(struct wr *w, const struct fh__msg_cloud_state *m)
{
    wr_u8(w, m->is_online);
    wr_u32(w, m->retry_ms);
    wr_bytes(w, m->why.p, m->why.len);
}

bool fh__msg_cloud_incoming_read(struct rd r, struct fh__msg_cloud_incoming *out)
{
    out->connection = rd_u32(&r);
    out->ref = rd_bytes(&r, FH__CLOUD_REF_LEN);
    out->address = rd_bytes(&r, FH__CLOUD_ADDRESS_LEN);
    out->fingerprint = rd_bytes(&r, FH_FINGERPRINT_LEN);
    out->groups = fh__read_rest(&r);
    return rd_is_done(&r) && fh__is_clean(out->groups);
}

void fh__msg_cloud_incoming_write(struct wr *w, const struct fh__msg_cloud_incoming *m)
{
    wr_u32(w, m->connection);
    wr_bytes(w, m->ref, FH__CLOUD_REF_LEN);
    wr_bytes(w, m->address, FH__CLOUD_ADDRESS_LEN);
    wr_bytes(w, m->fingerprint, FH_FINGERPRINT_LEN);
    wr_bytes(w, m->groups.p, m->groups.len);
}

bool fh__msg_cloud_stream_read(struct rd r, struct fh__msg_cloud_stream *out)
{
    uint8_t way;

    out->connection = rd_u32(&r);
    way = rd_u8(&r);
    out->way = (enum fh__way)way;
    out->peer = fh__read_peer(&r);
    out->secret = fh__read_flag(&r) ? rd_bytes(&r, FH__CLOUD_SECRET_LEN) : NULL;
    return rd_is_done(&r) && way <= FH__WAY_RELAY && out->peer.family <= FH_ADDRESS_IPV6;
}

void fh__msg_cloud_stream_write(struct wr *w, const struct fh__msg_cloud_stream *m)
{
    wr_u32(w, m->connection);
    wr_u8(w, (uint8_t)m->way);
    fh__write_peer(w, &m->peer);
    wr_u8(w, m->secret != NULL);
    if (m->secret)
        wr_bytes(w, m->secret, FH__CLOUD_SECRET_LEN);
}

bool fh__msg_cloud_path_read(struct rd r, struct fh__msg_cloud_path *out)
{
    out->connection = rd_u32(&r);
    out->rtt_us = rd_u32(&r);
    out->text = fh__read_rest(&r);
    return rd_is_done(&r) && fh__is_clean(out->text);
}

void fh__msg_cloud_path_write(struct wr *w, const struct fh__msg_cloud_path *m)
{
    wr_u32(w, m->connection);
    wr_u32(w, m->rtt_us);
    wr_bytes(w, m->text.p, m->text.len);
}

bool fh__msg_cloud_keys_read(struct rd r, struct fh__msg_cloud_keys *out)
{
    out->connection = rd_u32(&r);
    out->client = rd_bytes(&r, FH_SESSION_GUARD_KEY_LEN);
    out->server = rd_bytes(&r, FH_SESSION_GUARD_KEY_LEN);
    return rd_is_done(&r);
}

void fh__msg_cloud_keys_write(struct wr *w, const struct fh__msg_cloud_keys *m)
{
    wr_u32(w, m->connection);
    wr_bytes(w, m->client, FH_SESSION_GUARD_KEY_LEN);
    wr_bytes(w, m->server, FH_SESSION_GUARD_KEY_LEN);
}
