/* SPDX-License-Identifier: MIT */
/*
 * Records of an open connection. First byte: in pieces of how many bytes they arrive (0: at once).
 * Then records: u8 how | u8 type | u8 len, bytes. how 0: as it should be; 1: with a bit flipped; 2:
 * the bytes raw, in place of a record. What the owner is given is what was sealed, in order, up to
 * the first that is wrong.
 */
#include <assert.h>

#include "../uv/tls_record.c"

#include <farhand/pipe.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MOST = 4096 };

static uint8_t wire[64 * MOST], expected[MOST], given[MOST];
static size_t wire_len, expected_len, given_len;

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    assert(given_len + len <= sizeof given);
    memcpy(given + given_len, data, len);
    given_len += len;
    return len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    (void)user;
    (void)error;
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

/* Seals what data says with the keys of who is to read it. Returns whether all of it is good. */
static bool write_wire(struct fh__tls *peer, const uint8_t *data, size_t len)
{
    bool good = true;

    wire_len = expected_len = given_len = 0;
    while (len >= 3) {
        uint8_t how = data[0] % 3, type = data[1];
        size_t n = data[2];

        data += 3, len -= 3;
        n = n < len ? n : len;
        if (how == 2) {
            memcpy(wire + wire_len, data, n);
            wire_len += n;
            good = good && n == 0;
        } else {
            size_t sealed_len = seal(peer, type, data, n, wire + wire_len);

            assert(sealed_len > 0);
            if (how == 1)
                wire[wire_len + sealed_len - 1 - n % sealed_len] ^= 1;
            good = good && how == 0 && type == FH__TLS_DATA && n > 0;
            wire_len += sealed_len;
        }
        if (good) {
            memcpy(expected + expected_len, data, n);
            expected_len += n;
        }
        data += n, len -= n;
    }
    return good;
}

static void read_wire(struct fh__tls *t, size_t piece)
{
    for (size_t at = 0; at < wire_len && !t->over; at += piece) {
        t->in = wire + at;
        t->in_len = wire_len - at < piece ? wire_len - at : piece;
        while (!t->over && fh__tls_records_read(t))
            ;
        assert(t->over || t->in_len == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct fh__tls t, peer;
    static struct fh_tls_context ctx;
    struct fh_pipe *pipe;
    bool good;

    if (len < 1 || len > MOST)
        return 0;
    if (!ctx.cipher)
        fh__tls_cipher_open(&ctx);
    memset(&t, 0, sizeof t);
    pipe = fh_pipe_new(NULL);
    if (!ctx.cipher || !pipe)
        abort();
    t.ctx = &ctx;
    t.below = fh_pipe_end(pipe, 0);
    t.phase = FH__TLS_OPEN;
    t.records.is_on = true;
    t.records.fragment = FH__TLS_PLAIN;
    fh__tls_stream_init(&t);
    t.s.ev = &events;
    peer = t;
    if (!set_key(&peer, &peer.records.out))
        abort();
    good = write_wire(&peer, data + 1, len - 1);
    read_wire(&t, data[0] ? data[0] : sizeof wire);
    assert(given_len <= expected_len || !good);
    assert(given_len >= expected_len || t.over || !good);
    assert(memcmp(given, expected, given_len < expected_len ? given_len : expected_len) == 0);
    if (good)
        assert(given_len == expected_len && !t.over);
    fh__tls_records_finish(&t.records);
    free(t.held);
    fh_pipe_free(pipe);
    return 0;
}
