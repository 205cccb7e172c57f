/* SPDX-License-Identifier: MIT */
/*
 * The cloud's log: every checkpoint that is shown must be a beginning or a continuation of the one
 * that is kept. One question at a time, because two checkpoints that both continue the kept one
 * need not agree with each other.
 */
#include "client_internal.h"

int fh__client_log_init(struct fh_cloud_client *c, const struct fh_cloud_client_config *cfg)
{
    c->asked_at = UINT64_MAX;
    if (!c->service.log[0])
        return 0;
    c->has_log = true;
    if (fh_tlog_key_parse(c->service.log, strlen(c->service.log), &c->log_key) != 0)
        return FH_CLOUD_E_INVAL;
    if (cfg->checkpoint_len == 0)
        return 0;
    if (cfg->checkpoint_len > sizeof c->kept_note ||
        fh_tlog_checkpoint_open(&c->log_key, cfg->checkpoint, cfg->checkpoint_len, &c->kept) != 0)
        return FH_CLOUD_E_INVAL;
    memcpy(c->kept_note, cfg->checkpoint, cfg->checkpoint_len);
    c->kept_len = cfg->checkpoint_len;
    c->has_kept = true;
    return 0;
}

static void keep(struct fh_cloud_client *c, const struct fh__check *k)
{
    c->kept = k->checkpoint;
    memcpy(c->kept_note, k->note, k->note_len);
    c->kept_len = k->note_len;
    c->has_kept = true;
    c->tell_checkpoint = true;
}

static void fork_found(struct fh_cloud_client *c, uint64_t now, const struct fh__check *k)
{
    c->forked = *k;
    c->tell_fork = true;
    fh__client_drop(c, now, &(struct fh__why){.error = FH_CLOUD_E_FORK, .is_final = true});
}

static bool is_same(const struct fh_tlog_checkpoint *a, const struct fh_tlog_checkpoint *b)
{
    return a->size == b->size && memcmp(a->root, b->root, sizeof a->root) == 0;
}

int fh__client_log_see(struct fh_cloud_client *c, uint64_t now, const char *note, size_t len,
                       uint32_t *serial)
{
    struct fh__check k = {.note_len = len};

    *serial = 0;
    if (len > sizeof k.note || fh_tlog_checkpoint_open(&c->log_key, note, len, &k.checkpoint) != 0)
        return FH_CLOUD_E_LOG;
    memcpy(k.note, note, len);
    if (!c->has_kept) {
        keep(c, &k);
        return 0;
    }
    if (is_same(&c->kept, &k.checkpoint))
        return 0;
    for (size_t i = 0; i < c->checks_len; i++)
        if (is_same(&c->checks[i].checkpoint, &k.checkpoint)) {
            *serial = c->checks[i].serial;
            return 0;
        }
    if (fh_tlog_order(&c->kept, &k.checkpoint) == FH_CLOUD_E_FORK) {
        fork_found(c, now, &k);
        return FH_CLOUD_E_FORK;
    }
    if (c->checks_len == FH__CHECKS)
        return FH_CLOUD_E_BUSY;
    if (++c->check_serial == 0)
        c->check_serial = 1;
    *serial = k.serial = c->check_serial;
    c->checks[c->checks_len++] = k;
    return 0;
}

int fh__client_log_prove(struct fh_cloud_client *c, uint64_t now, struct fh_broker_bytes proof,
                         const struct fh_cloud_statement *s, uint32_t *serial)
{
    struct fh_tlog_binding b;
    struct fh_tlog_checkpoint seen;
    struct fh_tlog_proof p;

    *serial = 0;
    if (!c->has_log)
        return 0;
    memcpy(b.address, s->address, sizeof b.address);
    memcpy(b.fingerprint, s->fingerprint, sizeof b.fingerprint);
    memcpy(b.seal_key, s->seal_key, sizeof b.seal_key);
    if (proof.len == 0 || fh_tlog_proof_parse(proof.p, proof.len, &p) != 0 ||
        fh_tlog_proof_check(&p, &c->log_key, &b, &seen) != 0)
        return FH_CLOUD_E_LOG;
    return fh__client_log_see(c, now, p.checkpoint, p.checkpoint_len, serial);
}

/* The smaller one first. */
static void in_order(const struct fh_cloud_client *c, const struct fh_tlog_checkpoint **old_one,
                     const struct fh_tlog_checkpoint **new_one)
{
    const struct fh_tlog_checkpoint *seen = &c->checks[0].checkpoint;
    bool is_newer = seen->size > c->kept.size;

    *old_one = is_newer ? &c->kept : seen;
    *new_one = is_newer ? seen : &c->kept;
}

static void passed(struct fh_cloud_client *c)
{
    struct fh__check k = c->checks[0];

    if (k.checkpoint.size > c->kept.size)
        keep(c, &k);
    c->checks_len--;
    memmove(c->checks, c->checks + 1, c->checks_len * sizeof *c->checks);
    c->asked_at = UINT64_MAX;
    fh__client_conns_passed(c, k.serial);
}

/* Against the one that is kept by now. */
void fh__client_log_ask(struct fh_cloud_client *c, uint64_t now)
{
    while (c->phase == FH__ONLINE && c->checks_len > 0 && c->asked_at == UINT64_MAX) {
        struct fh_broker_frame f = {.type = FH_BROKER_LOG_CONSISTENCY};
        const struct fh_tlog_checkpoint *old_one, *new_one;

        in_order(c, &old_one, &new_one);
        if (is_same(&c->kept, &c->checks[0].checkpoint)) {
            passed(c);
            continue;
        }
        if (fh_tlog_order(&c->kept, &c->checks[0].checkpoint) == FH_CLOUD_E_FORK) {
            fork_found(c, now, &c->checks[0]);
            return;
        }
        if (!fh__client_has_room(c, 32))
            return;
        f.log.old_size = old_one->size;
        f.log.new_size = new_one->size;
        c->asked_at = now;
        fh__client_say(c, now, &f);
    }
}

void fh__client_on_consistent(struct fh_cloud_client *c, uint64_t now,
                              const struct fh_broker_frame *f)
{
    const struct fh_tlog_checkpoint *old_one, *new_one;

    if (c->checks_len == 0 || c->asked_at == UINT64_MAX) {
        fh__client_fail(c, now, FH_CLOUD_E_PROTO);
        return;
    }
    in_order(c, &old_one, &new_one);
    if (f->log.old_size != old_one->size || f->log.new_size != new_one->size) {
        fh__client_fail(c, now, FH_CLOUD_E_PROTO);
        return;
    }
    if (fh_tlog_check_consistency(old_one->size, old_one->root, new_one->size, new_one->root,
                                  f->log.hashes, f->log.hashes_len) == 0)
        passed(c);
    else
        fork_found(c, now, &c->checks[0]);
}

void fh__client_log_forget(struct fh_cloud_client *c)
{
    c->checks_len = 0;
    c->asked_at = UINT64_MAX;
}
