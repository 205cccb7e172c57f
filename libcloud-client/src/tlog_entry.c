/* SPDX-License-Identifier: MIT */
/* What this cloud writes into its log, and the proof that goes with it: docs/protocol.md. */
#include <string.h>

#include <farhand/digest.h>
#include <farhand/tlog.h>

#include "rd.h"
#include "wr.h"

static const char binding_label[] = "farhand log binding 1"; /* with their zero bytes */
static const char address_label[] = "farhand log address 1";

void fh_tlog_leaf_write(const struct fh_tlog_leaf *leaf, uint8_t out[FH_TLOG_LEAF_LEN])
{
    struct wr w = wr_init(out, FH_TLOG_LEAF_LEN);

    wr_u8(&w, leaf->kind);
    wr_u64(&w, leaf->time_ms);
    wr_bytes(&w, leaf->tag, sizeof leaf->tag);
    wr_bytes(&w, leaf->commitment, sizeof leaf->commitment);
}

int fh_tlog_leaf_parse(const void *data, size_t len, struct fh_tlog_leaf *out)
{
    struct rd r = rd_init(data, len);
    struct fh_tlog_leaf leaf;

    leaf.kind = rd_u8(&r);
    leaf.time_ms = rd_u64(&r);
    rd_copy(&r, leaf.tag, sizeof leaf.tag);
    rd_copy(&r, leaf.commitment, sizeof leaf.commitment);
    if (!rd_is_done(&r) || leaf.kind == 0)
        return FH_CLOUD_E_PROTO;
    *out = leaf;
    return 0;
}

void fh_tlog_tag(const uint8_t address[FH_TLOG_ADDRESS_LEN], uint8_t out[FH_TLOG_TAG_LEN])
{
    uint8_t in[sizeof address_label + FH_TLOG_ADDRESS_LEN], hash[FH_SHA256_LEN];

    memcpy(in, address_label, sizeof address_label);
    memcpy(in + sizeof address_label, address, FH_TLOG_ADDRESS_LEN);
    fh_sha256(in, sizeof in, hash);
    memcpy(out, hash, FH_TLOG_TAG_LEN);
}

void fh_tlog_commit(const uint8_t salt[FH_TLOG_SALT_LEN], const void *entry, size_t len,
                    uint8_t out[FH_TLOG_HASH_LEN])
{
    fh_hmac_sha256(salt, FH_TLOG_SALT_LEN, entry, len, out);
}

static uint8_t *put(uint8_t *at, const void *data, size_t len)
{
    memcpy(at, data, len);
    return at + len;
}

void fh_tlog_binding_write(const struct fh_tlog_binding *b, uint8_t out[FH_TLOG_BINDING_LEN])
{
    out = put(out, binding_label, sizeof binding_label);
    out = put(out, b->address, sizeof b->address);
    out = put(out, b->fingerprint, sizeof b->fingerprint);
    put(out, b->seal_key, sizeof b->seal_key);
}

int fh_tlog_binding_parse(const void *entry, size_t len, struct fh_tlog_binding *out)
{
    struct rd r = rd_init(entry, len);
    const uint8_t *label = rd_bytes(&r, sizeof binding_label);
    struct fh_tlog_binding b;

    rd_copy(&r, b.address, sizeof b.address);
    rd_copy(&r, b.fingerprint, sizeof b.fingerprint);
    rd_copy(&r, b.seal_key, sizeof b.seal_key);
    if (!rd_is_done(&r) || memcmp(label, binding_label, sizeof binding_label) != 0)
        return FH_CLOUD_E_PROTO;
    *out = b;
    return 0;
}

int fh_tlog_proof_parse(const void *data, size_t len, struct fh_tlog_proof *out)
{
    struct rd r = rd_init(data, len);
    struct fh_tlog_proof p;

    rd_copy(&r, p.salt, sizeof p.salt);
    p.kind = rd_u8(&r);
    p.time_ms = rd_u64(&r);
    p.index = rd_u64(&r);
    p.path_len = rd_u8(&r);
    p.path = rd_bytes(&r, p.path_len * FH_TLOG_HASH_LEN);
    p.checkpoint_len = rd_u16(&r);
    p.checkpoint = (const char *)rd_bytes(&r, p.checkpoint_len);
    if (!rd_is_done(&r) || p.path_len > FH_TLOG_MAX_PROOF ||
        p.checkpoint_len > FH_TLOG_MAX_CHECKPOINT)
        return FH_CLOUD_E_PROTO;
    *out = p;
    return 0;
}

int fh_tlog_proof_write(const struct fh_tlog_proof *p, uint8_t *out, size_t room)
{
    struct wr w = wr_init(out, room);

    if (p->path_len > FH_TLOG_MAX_PROOF || p->checkpoint_len > FH_TLOG_MAX_CHECKPOINT)
        return FH_CLOUD_E_INVAL;
    wr_bytes(&w, p->salt, sizeof p->salt);
    wr_u8(&w, p->kind);
    wr_u64(&w, p->time_ms);
    wr_u64(&w, p->index);
    wr_u8(&w, (uint8_t)p->path_len);
    wr_bytes(&w, p->path, p->path_len * FH_TLOG_HASH_LEN);
    wr_u16(&w, (uint16_t)p->checkpoint_len);
    wr_bytes(&w, p->checkpoint, p->checkpoint_len);
    return w.bad ? FH_CLOUD_E_INVAL : (int)w.len;
}

int fh_tlog_proof_check(const struct fh_tlog_proof *p, const struct fh_tlog_key *key,
                        const struct fh_tlog_binding *binding, struct fh_tlog_checkpoint *out)
{
    uint8_t entry[FH_TLOG_BINDING_LEN], data[FH_TLOG_LEAF_LEN], hash[FH_TLOG_HASH_LEN];
    struct fh_tlog_leaf leaf = {.kind = p->kind, .time_ms = p->time_ms};
    struct fh_tlog_checkpoint c;
    int ret;

    if (p->kind != FH_TLOG_BINDING)
        return FH_CLOUD_E_LOG;
    if ((ret = fh_tlog_checkpoint_open(key, p->checkpoint, p->checkpoint_len, &c)) != 0)
        return ret;
    fh_tlog_binding_write(binding, entry);
    fh_tlog_tag(binding->address, leaf.tag);
    fh_tlog_commit(p->salt, entry, sizeof entry, leaf.commitment);
    fh_tlog_leaf_write(&leaf, data);
    fh_tlog_hash_leaf(data, sizeof data, hash);
    ret = fh_tlog_check_inclusion(hash, p->index, c.size, c.root, p->path, p->path_len);
    if (ret == 0)
        *out = c;
    return ret;
}
