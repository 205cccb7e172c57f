/* SPDX-License-Identifier: MIT */
#include "broker_fields.h"

#include "host.h"
#include "utf8.h"

static bool is_text(const char *p, size_t len, bool has_lines)
{
    while (len > 0) {
        uint32_t c;
        size_t n = utf8_next(p, len, &c);

        if (n == 0 || (utf8_is_control(c) && !(has_lines && c == '\n')))
            return false;
        p += n;
        len -= n;
    }
    return true;
}

struct fh_broker_text fh__read_text(struct rd *r, size_t max)
{
    size_t len = rd_u8(r);
    const char *p = (const char *)rd_bytes(r, len);

    if (len > max || !p || !is_text(p, len, false))
        r->bad = true;
    return (struct fh_broker_text){.p = p, .len = len};
}

void fh__write_text(struct wr *w, struct fh_broker_text text, size_t max)
{
    if (text.len > max || !is_text(text.p, text.len, false))
        w->bad = true;
    wr_u8(w, (uint8_t)text.len);
    wr_bytes(w, text.p, text.len);
}

struct fh_broker_host fh__read_host(struct rd *r)
{
    struct fh_broker_host h = {.host = fh__read_text(r, FH_BROKER_HOST_MAX)};

    h.port = rd_u16(r);
    if (h.port == 0 || !h.host.p || !fh__is_host(h.host.p, h.host.len))
        r->bad = true;
    return h;
}

void fh__write_host(struct wr *w, struct fh_broker_host host)
{
    if (host.port == 0 || !fh__is_host(host.host.p, host.host.len))
        w->bad = true;
    fh__write_text(w, host.host, FH_BROKER_HOST_MAX);
    wr_u16(w, host.port);
}

size_t fh__read_hosts(struct rd *r, struct fh_broker_host *out, size_t max)
{
    size_t n = rd_u8(r);

    if (n > max)
        r->bad = true;
    for (size_t i = 0; i < n && !r->bad; i++)
        out[i] = fh__read_host(r);
    return n;
}

void fh__write_hosts(struct wr *w, const struct fh_broker_host *hosts, size_t n, size_t max)
{
    if (n > max)
        w->bad = true;
    wr_u8(w, (uint8_t)n);
    for (size_t i = 0; i < n && !w->bad; i++)
        fh__write_host(w, hosts[i]);
}

struct fh_broker_bytes fh__read_bytes16(struct rd *r, size_t max)
{
    size_t len = rd_u16(r);
    const uint8_t *p = rd_bytes(r, len);

    if (len > max)
        r->bad = true;
    return (struct fh_broker_bytes){.p = p, .len = len};
}

void fh__write_bytes16(struct wr *w, struct fh_broker_bytes bytes, size_t max)
{
    if (bytes.len > max)
        w->bad = true;
    wr_u16(w, (uint16_t)bytes.len);
    wr_bytes(w, bytes.p, bytes.len);
}

struct fh_broker_text fh__read_checkpoint(struct rd *r)
{
    struct fh_broker_bytes b = fh__read_bytes16(r, FH_BROKER_CHECKPOINT_MAX);
    struct fh_broker_text text = {.p = (const char *)b.p, .len = b.len};

    if (!b.p || !is_text(text.p, text.len, true))
        r->bad = true;
    return text;
}

void fh__write_checkpoint(struct wr *w, struct fh_broker_text text)
{
    if (!is_text(text.p, text.len, true))
        w->bad = true;
    fh__write_bytes16(w, (struct fh_broker_bytes){.p = (const uint8_t *)text.p, .len = text.len},
                      FH_BROKER_CHECKPOINT_MAX);
}

struct fh_broker_bytes fh__read_statement(struct rd *r)
{
    struct fh_broker_bytes b = {.p = r->p};
    struct fh_cloud_statement s;
    size_t before = r->left;

    rd_skip(r, FH_CLOUD_ADDRESS_LEN + 8 + FH_SEAL_KEY_LEN);
    rd_skip(r, rd_u16(r));
    rd_skip(r, rd_u16(r));
    b.len = before - r->left;
    if (r->bad || fh_cloud_statement_parse(b.p, b.len, &s) != 0)
        r->bad = true;
    return b;
}

void fh__write_statement(struct wr *w, struct fh_broker_bytes statement)
{
    struct fh_cloud_statement s;

    if (fh_cloud_statement_parse(statement.p, statement.len, &s) != 0)
        w->bad = true;
    wr_bytes(w, statement.p, statement.len);
}

/* ---- log proofs ------------------------------------------------------------------------------ */

static bool is_log_proof(struct fh_broker_bytes b)
{
    struct fh_tlog_proof p;

    return b.len == 0 || (fh_tlog_proof_parse(b.p, b.len, &p) == 0 &&
                          is_text(p.checkpoint, p.checkpoint_len, true));
}

struct fh_broker_bytes fh__read_log_proof(struct rd *r)
{
    struct fh_broker_bytes b = fh__read_bytes16(r, FH_TLOG_MAX_PROOF_LEN);

    if (r->bad || !is_log_proof(b))
        r->bad = true;
    return b;
}

void fh__write_log_proof(struct wr *w, struct fh_broker_bytes proof)
{
    if (!is_log_proof(proof))
        w->bad = true;
    fh__write_bytes16(w, proof, FH_TLOG_MAX_PROOF_LEN);
}

/* ---- grants ---------------------------------------------------------------------------------- */

static struct fh_broker_turn read_turn(struct rd *r)
{
    struct fh_broker_turn t;

    t.uri = fh__read_text(r, FH_BROKER_TURN_TEXT_MAX);
    t.user = fh__read_text(r, FH_BROKER_TURN_TEXT_MAX);
    t.password = fh__read_text(r, FH_BROKER_TURN_TEXT_MAX);
    return t;
}

/*
 * K_cloud[32] | packet_secret[32] | u64 expires | u8 n, relays | u8 length, ticket | u8 n, turn
 */
void fh__read_grant(struct rd *r, struct fh_broker_grant *out)
{
    out->cloud_secret = rd_bytes(r, FH_BROKER_SECRET_LEN);
    out->packet_secret = rd_bytes(r, FH_BROKER_SECRET_LEN);
    out->expires_ms = rd_u64(r);
    out->relays_len = fh__read_hosts(r, out->relays, FH_BROKER_RELAYS_MAX);
    out->ticket.len = rd_u8(r);
    out->ticket.p = rd_bytes(r, out->ticket.len);
    out->turn_len = rd_u8(r);
    if (out->turn_len > FH_BROKER_TURN_MAX)
        r->bad = true;
    for (size_t i = 0; i < out->turn_len && !r->bad; i++)
        out->turn[i] = read_turn(r);
}

void fh__write_grant(struct wr *w, const struct fh_broker_grant *g)
{
    wr_bytes(w, g->cloud_secret, FH_BROKER_SECRET_LEN);
    wr_bytes(w, g->packet_secret, FH_BROKER_SECRET_LEN);
    wr_u64(w, g->expires_ms);
    fh__write_hosts(w, g->relays, g->relays_len, FH_BROKER_RELAYS_MAX);
    if (g->ticket.len > FH_BROKER_TICKET_MAX || g->turn_len > FH_BROKER_TURN_MAX)
        w->bad = true;
    wr_u8(w, (uint8_t)g->ticket.len);
    wr_bytes(w, g->ticket.p, g->ticket.len);
    wr_u8(w, (uint8_t)g->turn_len);
    for (size_t i = 0; i < g->turn_len && !w->bad; i++) {
        fh__write_text(w, g->turn[i].uri, FH_BROKER_TURN_TEXT_MAX);
        fh__write_text(w, g->turn[i].user, FH_BROKER_TURN_TEXT_MAX);
        fh__write_text(w, g->turn[i].password, FH_BROKER_TURN_TEXT_MAX);
    }
}
