/* SPDX-License-Identifier: MIT */
/*
 * What a server without the channel says to a viewer. The first byte: bit 0 gives all at once, else
 * one byte at a time; bits 1 and 2 choose the minimum; bit 3: the server is not trusted.
 */
#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>
#include <farhand/rsaaes.h>
#include <farhand/viewer_conn.h>

#include "../tests/keys.h"
#include "../tests/rsa_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct state {
    struct fh_viewer_conn *v;
    struct fh_rsaaes_key *key;
    unsigned ended;
    bool is_trusted, has_started;
};

static void require(int holds)
{
    if (!holds)
        abort();
}

static void some_random(void *user, void *out, size_t len)
{
    (void)user;
    memset(out, 0x5a, len);
}

static void on_event(struct state *t, const struct fh_viewer_conn_event *ev)
{
    static const uint8_t identity[32];
    uint8_t secret[32];
    const uint8_t *pub;
    size_t len;

    require(t->ended == 0);
    switch (ev->type) {
    case FH_VIEWER_CONN_EV_TLS:
        (void)fh_viewer_conn_tls_started(t->v, identity);
        break;
    case FH_VIEWER_CONN_EV_VERIFY_SERVER:
        (void)fh_viewer_conn_accept_server(t->v,
                                           t->is_trusted ? FH_TRUST_CONFIRMED : FH_TRUST_NONE);
        break;
    case FH_VIEWER_CONN_EV_KEY:
        require(t->is_trusted);
        pub = fh_rsaaes_key_pub(t->key, &len);
        (void)fh_viewer_conn_key_made(t->v, pub, len);
        break;
    case FH_VIEWER_CONN_EV_DECRYPT:
        require(fh_rsaaes_key_decrypt(t->key, ev->decrypt.data, ev->decrypt.len, some_random, NULL,
                                      secret, ev->decrypt.want) == 0);
        (void)fh_viewer_conn_decrypted(t->v, secret, ev->decrypt.want);
        break;
    case FH_VIEWER_CONN_EV_STARTED:
        require(t->is_trusted);
        t->has_started = true;
        break;
    case FH_VIEWER_CONN_EV_SIZE:
    case FH_VIEWER_CONN_EV_RECT:
    case FH_VIEWER_CONN_EV_CUT_TEXT:
        require(t->has_started);
        break;
    case FH_VIEWER_CONN_EV_ENDED:
        t->ended++;
        break;
    default:
        break;
    }
}

static void pump(struct state *t)
{
    struct fh_viewer_conn_event ev;
    size_t len;

    do {
        while (fh_viewer_conn_event(t->v, &ev) > 0)
            on_event(t, &ev);
        if (fh_viewer_conn_out(t->v, 1, &len))
            fh_viewer_conn_out_done(t->v, len);
        else
            len = 0;
    } while (len > 0);
}

static void feed(struct state *t, const uint8_t *data, size_t len, bool is_whole)
{
    size_t room;
    uint8_t *in;

    pump(t);
    while (len > 0 && (in = fh_viewer_conn_in(t->v, &room)) != NULL) {
        size_t n = !is_whole ? 1 : len < room ? len : room;

        memcpy(in, data, n);
        data += n;
        len -= n;
        (void)fh_viewer_conn_in_done(t->v, 1, n);
        pump(t);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const unsigned minima[] = {FH_OLDER_NONE, FH_OLDER_VNC, FH_OLDER_RA2NE,
                                      FH_OLDER_X509_PLAIN};
    uint8_t spki[TEST_SPKI_LEN];
    struct state t = {0};
    struct fh_viewer_conn_config cfg = {.random = some_random,
                                        .spki = spki,
                                        .spki_len = sizeof spki,
                                        .user = "ann",
                                        .password = "pw",
                                        .password_len = 2,
                                        .now_ms = 1,
                                        .older.has_tls = true};

    if (len == 0)
        return 0;
    test_spki(2, spki);
    cfg.older.minimum = minima[data[0] >> 1 & 3];
    t.is_trusted = (data[0] & 8) == 0;
    require(fh_rsaaes_key_from_pem(rsa_key_pem, strlen(rsa_key_pem), &t.key) == 0);
    require((t.v = fh_viewer_conn_new(&cfg)) != NULL);
    feed(&t, data + 1, len - 1, data[0] & 1);
    (void)fh_viewer_conn_in_end(t.v, 1);
    pump(&t);
    require(t.ended == 1);
    fh_viewer_conn_free(t.v);
    fh_rsaaes_key_free(t.key);
    return 0;
}
