/* SPDX-License-Identifier: MIT */
/*
 * A service says anything: the input is a list of steps, some of them bytes for the client.
 *
 *     0 n bytes    a frame of the service with this body (n is u16; the first byte is the type)
 *     1            a second passes      2    ten minutes pass
 *     3            connect to somebody  4    the connection is lost
 *     5            accept, signal, end whatever there is
 *     6 n bytes    raw bytes
 *
 * It never says that a statement was verified which it did not look at: every peer that it tells of
 * verifies here again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/cloud_client.h>

#include "../../libcrypto-rfb/tests/channel_keys.h"
#include "rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint64_t now;
static uint32_t conn;

static void not_random(void *user, void *out, size_t len)
{
    (void)user;
    memset(out, 0x42, len);
}

static uint64_t utc(void *user)
{
    (void)user;
    return UINT64_C(1764273600000) + now;
}

static const struct fh_identity *identity(void)
{
    static struct fh_identity *id;

    if (!id && fh_identity_from_pem(key_of_client, strlen(key_of_client), &id) != 0)
        abort();
    return id;
}

static void on_event(struct fh_cloud_client *c, const struct fh_cloud_client_event *ev)
{
    static const uint8_t binding[FH_CLOUD_BINDING_LEN], sig[256];

    switch (ev->type) {
    case FH_CLOUD_EV_DIAL:
        fh_cloud_client_connected(c, now, binding);
        break;
    case FH_CLOUD_EV_SIGN:
        fh_cloud_client_signed(c, now, ev->sign.serial, sig, sizeof sig);
        break;
    case FH_CLOUD_EV_INCOMING:
    case FH_CLOUD_EV_TARGET:
        assert(fh_identity_check_spki(ev->conn_info.peer.spki, ev->conn_info.peer.spki_len, NULL) ==
               0);
        assert(fh_cloud_address_is_valid(ev->conn_info.peer.address));
        conn = ev->conn;
        break;
    case FH_CLOUD_EV_SIGNAL:
        assert(ev->signal.len > 0 && ev->signal.len <= FH_CLOUD_SIGNAL_MAX);
        break;
    default:
        break;
    }
}

static void drain(struct fh_cloud_client *c)
{
    struct fh_cloud_client_event ev;
    size_t len;

    for (unsigned n = 0; fh_cloud_client_event(c, now, &ev); n++) {
        assert(n < 100000);
        on_event(c, &ev);
    }
    (void)fh_cloud_client_out(c, &len);
    assert(len <= 64 << 10);
    fh_cloud_client_out_done(c, len);
}

static void give(struct fh_cloud_client *c, const uint8_t *p, size_t len)
{
    while (len > 0) {
        size_t n = fh_cloud_client_input(c, now, p, len);

        p += n;
        len -= n;
        drain(c);
        if (n == 0)
            return;
    }
}

static void give_frame(struct fh_cloud_client *c, struct rd *r)
{
    uint8_t header[FH_BROKER_HEADER_LEN] = {0};
    size_t len = rd_u16(r);
    const uint8_t *body;

    len = len > r->left ? r->left : len;
    if (len == 0)
        return;
    header[0] = rd_u8(r);
    len--;
    header[2] = (uint8_t)(len >> 8);
    header[3] = (uint8_t)len;
    body = rd_bytes(r, len);
    give(c, header, sizeof header);
    give(c, body, len);
}

static void pass(struct fh_cloud_client *c, uint64_t ms)
{
    uint64_t end = now + ms;

    for (int i = 0; i < 40 && fh_cloud_client_deadline(c) <= end; i++) {
        if (fh_cloud_client_deadline(c) > now)
            now = fh_cloud_client_deadline(c);
        fh_cloud_client_tick(c, now);
        drain(c);
    }
    now = end;
}

static void step(struct fh_cloud_client *c, struct rd *r)
{
    static const uint8_t whom[FH_CLOUD_ADDRESS_LEN] = {1};
    const uint8_t *raw;
    size_t n;

    switch (rd_u8(r)) {
    case 0:
        give_frame(c, r);
        break;
    case 1:
        pass(c, 1000);
        break;
    case 2:
        pass(c, 600000);
        break;
    case 3:
        (void)fh_cloud_client_connect(c, now, whom, &conn);
        break;
    case 4:
        fh_cloud_client_lost(c, now, FH_CLOUD_E_RESET);
        break;
    case 5:
        (void)fh_cloud_client_accept(c, now, conn);
        (void)fh_cloud_client_signal(c, now, conn, "x", 1);
        (void)fh_cloud_client_renew(c, now, conn);
        fh_cloud_client_end(c, now, conn, FH_BROKER_GONE);
        break;
    case 6:
        n = rd_u16(r);
        n = n > r->left ? r->left : n;
        raw = rd_bytes(r, n);
        give(c, raw, n);
        break;
    default:
        break;
    }
    drain(c);
}

/* Of nobody's: no checkpoint of the input is signed with it. */
static void name_log(char out[FH_CLOUD_VKEY_TEXT])
{
    static const uint8_t seed[FH_TLOG_KEY_LEN] = {1};
    uint8_t public_key[FH_TLOG_KEY_LEN];
    struct fh_tlog_key key;

    fh_tlog_public_key(seed, public_key);
    if (fh_tlog_key_make("cloud.example", public_key, &key) != 0)
        abort();
    fh_tlog_key_print(&key, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t password[FH_CLOUD_PASSWORD_LEN], seal_secret[FH_SEAL_KEY_LEN] = {7};
    struct fh_cloud_service service = {.nodes_len = 1, .roots_len = 1};
    struct fh_cloud_client_config cfg = {.service = &service,
                                         .password = password,
                                         .seal_secret = seal_secret,
                                         .roles = 7,
                                         .program = "fuzz",
                                         .conns_max = 4,
                                         .holds_max = 2,
                                         .random = not_random,
                                         .utc_ms = utc};
    struct rd r = rd_init(data, len);
    struct fh_cloud_client *c;

    strcpy(service.nodes[0].host, "cloud.example");
    service.nodes[0].port = 443;
    if (len > 0 && data[0] & 0x80)
        name_log(service.log);
    now = 1000;
    conn = 0;
    cfg.spki = fh_identity_spki(identity(), &cfg.spki_len);
    c = fh_cloud_client_new(&cfg);
    assert(c);
    fh_cloud_client_start(c, now);
    drain(c);
    while (r.left > 0)
        step(c, &r);
    fh_cloud_client_free(c);
    return 0;
}
