/* SPDX-License-Identifier: MIT */
/*
 * fuzz_channel_messages.c -- what lies inside the encryption, from a peer who has the keys.
 *
 * The first byte says what the rest is: the body of a ClientHello, ServerHello or Parameters; the
 * first messages of a client's or server's flight, to which a right Finished is added; or records
 * for an open server or client, each u8 type | u16 length | content.
 */
#include "channel_fuzz.h"

enum { HELLO, SERVER_HELLO, PARAMETERS, CLIENT_FLIGHT, SERVER_FLIGHT, TO_SERVER, TO_CLIENT, MODES };

static void parse(uint8_t mode, const uint8_t *data, size_t len)
{
    struct fh__client_hello hello;
    struct fh__server_hello server;
    struct fh__parameters parameters;
    struct rd r = rd_init(data, len);

    if (mode == HELLO)
        (void)fh__read_client_hello(r, &hello);
    if (mode == SERVER_HELLO)
        (void)fh__read_server_hello(r, &server);
    if (mode == PARAMETERS && fh__read_parameters(r, 0x0101, &parameters) == 0 &&
        (parameters.max_record < FH__KEM_RECORD_MIN || parameters.n_methods > 32))
        abort();
}

static void flight(enum fh_role role, const uint8_t *data, size_t len)
{
    struct pair *p = fuzz_pair();
    struct side *s = role == FH_ROLE_CLIENT ? &p->client : &p->server;
    struct side *victim = role == FH_ROLE_CLIENT ? &p->server : &p->client;
    struct fh__hash th;
    uint8_t *content;
    size_t room = FH__HANDSHAKE_INNER - 1 - FH__MESSAGE_HEADER - FH__HASH_LEN;

    if (len > room)
        len = room;
    fuzz_channel(p, FH_ROLE_CLIENT);
    fuzz_channel(p, FH_ROLE_SERVER);
    s->holds_sign = true;
    pump(p);
    th = s->c->th;
    fh__hash_add(&th, data, len);
    content = fh__record_room(s->c, len + FH__MESSAGE_HEADER + FH__HASH_LEN, 0);
    if (s->signs != 1 || !content)
        abort();
    memcpy(content, data, len);
    memcpy(content + len, (const uint8_t[]){FH__FINISHED, 0, 0, FH__HASH_LEN}, 4);
    fh__finished_mac(s->c, role, &th, content + len + 4);
    if (fh__record_seal(s->c, FH__HANDSHAKE, len + 4 + FH__HASH_LEN, FH_PAD_NONE,
                        FH__HANDSHAKE_INNER) != 0)
        abort();
    carry(p, s, victim);
    side_events(victim);
    /* Only the signature of the published conversation is a good one. */
    if (victim->peers && role == FH_ROLE_CLIENT && victim->opens != 1)
        abort();
    pair_free(p);
}

static void records(struct rd r, bool to_server)
{
    struct pair *p = fuzz_opened();
    struct side *s = to_server ? &p->client : &p->server;
    struct side *victim = to_server ? &p->server : &p->client;

    while (r.left > 3 && victim->closes == 0 && s->closes == 0) {
        unsigned type = rd_u8(&r);
        size_t len = rd_u16(&r);
        struct rd content = rd_sub(&r, len < r.left ? len : r.left);

        if (content.left > 16000 || type == 0)
            break;
        side_seal(s, type, content.p, content.left);
        carry(p, s, victim);
        side_events(victim);
        pump(p);
        s->data_len = victim->data_len = 0;
        p->now += 20000;
    }
    pair_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t mode;

    if (len < 1)
        return 0;
    fuzz_prepare();
    mode = data[0] % MODES;
    if (mode <= PARAMETERS)
        parse(mode, data + 1, len - 1);
    else if (mode <= SERVER_FLIGHT)
        flight(mode == CLIENT_FLIGHT ? FH_ROLE_CLIENT : FH_ROLE_SERVER, data + 1, len - 1);
    else
        records(rd_init(data + 1, len - 1), mode == TO_SERVER);
    return 0;
}
