/* SPDX-License-Identifier: MIT */
/* test_channel_rekey.c -- KeyUpdate by volume, fresh Diffie-Hellman by time, limits and order. */
#include <check.h>

#include "channel_pair.h"

static const size_t chunks[] = {0, 1};

static void both_limits(struct pair *p, uint64_t records, uint64_t bytes, uint64_t hard)
{
    struct fh__limits l = {.update_records = records, .update_bytes = bytes, .hard_records = hard};

    p->client.c->limits = p->server.c->limits = l;
}

static void say(struct side *s, const char *text)
{
    ck_assert_int_eq(side_write(s, text, strlen(text), FH_PAD_BLOCK64), 0);
}

static void ck_heard(const struct side *s, const char *text)
{
    ck_assert_uint_eq(s->closes, 0);
    ck_assert_uint_eq(s->data_len, strlen(text));
    ck_assert_mem_eq(s->data, text, s->data_len);
}

static void ck_same_guards(const struct pair *p, uint8_t out[2][32])
{
    uint8_t other[32];

    for (int role = 0; role < 2; role++) {
        ck_assert_int_eq(fh_channel_guard_key(p->client.c, (enum fh_role)role, out[role]), 0);
        ck_assert_int_eq(fh_channel_guard_key(p->server.c, (enum fh_role)role, other), 0);
        ck_assert_mem_eq(out[role], other, 32);
    }
}

/* ---- KeyUpdate ------------------------------------------------------------------------------ */

START_TEST(keys_are_updated_after_so_many_records)
{
    struct pair *p = pair_new();
    struct fh_channel_info info;

    p->chunk = chunks[_i];
    pair_open(p);
    both_limits(p, 3, UINT64_MAX, 5);
    for (unsigned i = 0; i < 9; i++) {
        say(&p->client, "abc");
        if (i % 2)
            pump(p);
    }
    pump(p);
    ck_assert_uint_eq(p->server.data_len, 27);
    fh_channel_info(p->client.c, &info);
    ck_assert_uint_eq(info.epoch_out, 4);
    ck_assert_uint_eq(info.epoch_in, 1);
    fh_channel_info(p->server.c, &info);
    ck_assert_uint_eq(info.epoch_in, 4);
    ck_assert_uint_eq(p->client.c->s->out.seq, 0);
    pair_free(p);
}
END_TEST

START_TEST(keys_are_updated_after_so_many_bytes)
{
    static uint8_t text[1000];
    struct pair *p = pair_new();

    pair_open(p);
    both_limits(p, UINT64_MAX, 2000, 100);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(side_write(&p->server, text, sizeof text, FH_PAD_NONE), 0);
    pump(p);
    ck_assert_uint_eq(p->client.data_len, 4000);
    ck_assert_uint_eq(p->client.c->s->in.epoch, 3); /* 84 + 1021 * 2; then 2 * 1021 */
    pair_free(p);
}
END_TEST

START_TEST(an_updated_secret_does_not_give_the_one_before)
{
    struct pair *p = pair_new();
    uint8_t before[32], next[32];

    pair_open(p);
    memcpy(before, p->client.c->s->out.secret, 32);
    both_limits(p, 1, UINT64_MAX, 5);
    say(&p->client, "abc");
    pump(p);
    ck_assert_int_eq(fh__label(before, "traffic upd", NULL, 0, next, 32), 0);
    ck_assert_mem_eq(p->client.c->s->out.secret, next, 32);
    ck_assert_mem_eq(p->server.c->s->in.secret, next, 32);
    for (size_t i = 0; i + 32 <= sizeof *p->client.c->s; i++)
        ck_assert_mem_ne((uint8_t *)p->client.c->s + i, before, 32);
    pair_free(p);
}
END_TEST

START_TEST(epoch_255_is_followed_by_1)
{
    struct pair *p = pair_new();

    pair_open(p);
    both_limits(p, 1, UINT64_MAX, 5);
    for (unsigned i = 0; i < 300; i++) {
        say(&p->client, "a");
        pump(p);
    }
    ck_assert_uint_eq(p->server.data_len, 300);
    ck_assert_uint_eq(p->server.c->s->in.epoch, 1 + 300 - 255);
    pair_free(p);
}
END_TEST

/* With a limit of 5 records under a key, the fifth may only be a Close, on either side. */
START_TEST(a_worn_key_seals_nothing_but_a_close)
{
    struct pair *p = pair_new();

    pair_open(p);
    both_limits(p, UINT64_MAX, UINT64_MAX, 5);
    for (unsigned i = 0; i < 4; i++)
        say(&p->client, "a");
    if (_i == 0) {
        ck_assert_int_eq(side_write(&p->client, "a", 1, FH_PAD_NONE), FH_CRYPTO_E_INTERNAL);
        pump(p);
        ck_assert_uint_eq(p->server.data_len, 4);
        ck_assert_int_eq(p->server.closed.closed.code, FH_CODE_INTERNAL);
        ck_assert(p->server.closed.closed.confirmed);
    } else {
        p->client.c->limits.hard_records = UINT64_MAX;
        say(&p->client, "a");
        pump(p);
        ck_assert_uint_eq(p->server.data_len, 4);
        ck_assert_int_eq(p->server.closed.closed.error, FH_CRYPTO_E_PROTO);
        ck_assert_int_eq(p->client.closed.closed.code, FH_CODE_PROTOCOL);
    }
    pair_free(p);
}
END_TEST

START_TEST(the_limits_are_those_of_the_protocol)
{
    struct pair *p = pair_new();

    pair_open(p);
    ck_assert_uint_eq(p->client.c->limits.update_records, 4194304);
    ck_assert_uint_eq(p->client.c->limits.update_bytes, 68719476736);
    ck_assert_uint_eq(p->client.c->limits.hard_records, 16777216);
    pair_free(p);
}
END_TEST

/* ---- rekey ---------------------------------------------------------------------------------- */

START_TEST(a_rekey_renews_all_keys_but_the_exporter)
{
    struct pair *p = pair_new();
    struct side *asks = _i % 2 ? &p->client : &p->server;
    uint8_t guards[2][2][32], exporter[2][32], secrets[2][32];

    p->chunk = chunks[_i / 2];
    pair_open(p);
    ck_same_guards(p, guards[0]);
    fh_channel_export(p->client.c, "binding", exporter[0], 32);
    memcpy(secrets[0], p->client.c->s->out.secret, 32);
    memcpy(secrets[1], p->client.c->s->rekey, 32);
    ck_assert_int_eq(fh_channel_rekey(asks->c, p->now), 0);
    say(&p->client, "one ");
    pump(p);
    say(&p->client, "two");
    say(&p->server, "three");
    pump(p);
    ck_heard(&p->server, "one two");
    ck_heard(&p->client, "three");
    ck_assert_uint_eq(p->client.rekeys, 1);
    ck_assert_uint_eq(p->server.rekeys, 1);
    ck_assert_uint_eq(p->client.c->s->in.epoch, 2);
    ck_assert_uint_eq(p->client.c->s->out.epoch, 2);
    ck_same_guards(p, guards[1]);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_mem_ne(guards[0][i], guards[1][i], 32);
    fh_channel_export(p->server.c, "binding", exporter[1], 32);
    ck_assert_mem_eq(exporter[0], exporter[1], 32);
    ck_assert_mem_eq(p->client.c->s->rekey, p->server.c->s->rekey, 32);
    for (unsigned i = 0; i < 2; i++) /* nothing of the time before is left */
        for (size_t at = 0; at + 32 <= sizeof *p->client.c->s; at++) {
            ck_assert_mem_ne((uint8_t *)p->client.c->s + at, secrets[i], 32);
            ck_assert_mem_ne((uint8_t *)p->server.c->s + at, secrets[i], 32);
        }
    pair_free(p);
}
END_TEST

START_TEST(data_and_key_updates_pass_while_a_rekey_is_under_way)
{
    struct pair *p = pair_new();

    pair_open(p);
    both_limits(p, 2, UINT64_MAX, 100);
    ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
    for (unsigned i = 0; i < 5; i++)
        say(&p->client, "c");
    for (unsigned i = 0; i < 5; i++)
        say(&p->server, "s");
    carry(p, &p->server, &p->client); /* before the offer arrives */
    for (unsigned i = 0; i < 3; i++)
        say(&p->client, "c");
    carry(p, &p->client, &p->server);
    for (unsigned i = 0; i < 5; i++)
        say(&p->server, "s");
    for (unsigned i = 0; i < 5; i++)
        say(&p->client, "c"); /* after the answer was sealed, before it arrives */
    carry(p, &p->client, &p->server);
    ck_assert_int_eq(p->server.c->rekey, FH__REKEY_ANSWERED);
    pump(p);
    for (unsigned i = 0; i < 3; i++)
        say(&p->client, "c");
    pump(p);
    ck_heard(&p->server, "cccccccccccccccc");
    ck_heard(&p->client, "ssssssssss");
    ck_assert_uint_eq(p->client.rekeys, 1);
    ck_assert_uint_eq(p->server.rekeys, 1);
    ck_assert_uint_eq(p->client.c->s->in.epoch, p->server.c->s->out.epoch);
    ck_assert_uint_eq(p->client.c->s->out.epoch, p->server.c->s->in.epoch);
    pair_free(p);
}
END_TEST

static uint8_t wire_bytes[1 << 16];
static size_t wire_len;

static size_t keep_wire(struct pair *p, bool to_server, uint8_t *bytes, size_t len)
{
    (void)p;
    (void)to_server;
    memcpy(wire_bytes + wire_len, bytes, len);
    wire_len += len;
    return len;
}

START_TEST(the_answer_and_done_are_the_last_records_under_the_old_keys)
{
    static const struct {
        uint8_t epoch;
        size_t inner;
    } records[] = {
        {1, 64}, /* C: Offer */
        {1, 64}, /* S: Answer */
        {1, 64}, /* C: RekeyDone */
        {2, 64}, /* C: data */
        {2, 64}, /* S: data */
    };
    struct pair *p = pair_new();
    const uint8_t *at = wire_bytes;

    pair_open(p);
    p->wire = keep_wire;
    wire_len = 0;
    ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
    pump(p);
    say(&p->client, "c");
    say(&p->server, "s");
    pump(p);
    for (unsigned i = 0; i < sizeof records / sizeof records[0]; i++) {
        ck_assert_uint_eq(at[0], records[i].epoch);
        ck_assert_uint_eq((size_t)at[2] << 8 | at[3], records[i].inner + 16);
        at += 4 + records[i].inner + 16;
    }
    ck_assert_uint_eq((size_t)(at - wire_bytes), wire_len);
    pair_free(p);
}
END_TEST

START_TEST(the_client_offers_every_60_minutes)
{
    struct pair *p = pair_new();
    uint64_t opened;

    pair_open(p);
    opened = p->now;
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_uint_eq(fh_channel_deadline(p->client.c), opened + 3600000);
        p->now = opened + 3599999;
        ck_assert_int_eq(fh_channel_tick(p->client.c, p->now), 0);
        ck_assert_int_eq(fh_channel_tick(p->server.c, p->now), 0);
        pump(p);
        ck_assert_uint_eq(p->client.rekeys, i - 1);
        p->now++;
        ck_assert_int_eq(fh_channel_tick(p->client.c, p->now), 0);
        pump(p);
        ck_assert_uint_eq(p->client.rekeys, i);
        ck_assert_uint_eq(p->server.rekeys, i);
        opened = p->now;
    }
    pair_free(p);
}
END_TEST

START_TEST(the_server_asks_when_no_offer_comes)
{
    struct pair *p = pair_new();
    uint64_t at;

    pair_open(p);
    at = fh_channel_deadline(p->server.c);
    ck_assert_uint_eq(at, p->now + 3720000);
    p->now = at;
    ck_assert_int_eq(fh_channel_tick(p->server.c, p->now), 0);
    pump(p);
    ck_assert_uint_eq(p->client.rekeys, 1);
    ck_assert_uint_eq(p->server.rekeys, 1);
    pair_free(p);
}
END_TEST

START_TEST(the_client_keeps_its_distance_between_offers)
{
    struct pair *p = pair_new();

    pair_open(p);
    ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
    pump(p);
    ck_assert_uint_eq(p->client.rekeys, 1);
    ck_assert_int_eq(fh_channel_rekey(_i ? p->server.c : p->client.c, p->now + 10), 0);
    pump(p);
    ck_assert_uint_eq(p->client.rekeys, 1);
    ck_assert_uint_eq(fh_channel_deadline(p->client.c), p->now + 90000);
    p->now += 90000;
    ck_assert_int_eq(fh_channel_tick(p->client.c, p->now), 0);
    pump(p);
    ck_assert_uint_eq(p->client.rekeys, 2);
    ck_assert_uint_eq(p->client.closes + p->server.closes, 0);
    pair_free(p);
}
END_TEST

/* ---- a peer who does it wrong -----------------------------------------------------------------
 */

static void offer(struct side *s)
{
    static const uint8_t m[1 + 32 + 2] = {FH__REKEY_OFFER, 9};

    side_seal(s, FH__CONTROL, m, sizeof m);
}

START_TEST(a_second_offer_before_done_is_a_violation)
{
    struct pair *p = pair_new();

    pair_open(p);
    offer(&p->client);
    offer(&p->client);
    carry(p, &p->client, &p->server);
    side_events(&p->server);
    ck_assert_int_eq(p->server.closed.closed.error, FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(p->server.closed.closed.code, FH_CODE_PROTOCOL);
    pair_free(p);
}
END_TEST

START_TEST(an_offer_within_60_seconds_is_a_flood)
{
    struct pair *p = pair_new();

    pair_open(p);
    ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
    pump(p);
    p->now += _i ? 60000 : 59999;
    offer(&p->client);
    carry(p, &p->client, &p->server);
    side_events(&p->server);
    ck_assert_uint_eq(p->server.closes, !_i);
    if (!_i)
        ck_assert_int_eq(p->server.closed.closed.code, FH_CODE_POLICY);
    pair_free(p);
}
END_TEST

START_TEST(an_answer_of_zeros_is_a_violation)
{
    static const uint8_t m[1 + 32 + 2] = {FH__REKEY_ANSWER};
    struct pair *p = pair_new();

    pair_open(p);
    ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
    side_seal(&p->server, FH__CONTROL, m, sizeof m);
    carry(p, &p->server, &p->client);
    side_events(&p->client);
    ck_assert_int_eq(p->client.closed.closed.error, FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(p->client.closed.closed.code, FH_CODE_PROTOCOL);
    pair_free(p);
}
END_TEST

/* The keys of one direction once more: an engine may hold heap, so that a copy of it is not enough.
 */
static struct fh__keys keys_again(const struct fh__keys *k)
{
    struct fh__keys again = *k;
    uint8_t key[FH__AEAD_KEY_LEN];

    memset(&again.aead, 0, sizeof again.aead);
    ck_assert_int_eq(fh__label(k->secret, "key", NULL, 0, key, sizeof key), 0);
    ck_assert_int_eq(fh__aead_set(&again.aead, FH__AEAD_AUTO, key), 0);
    return again;
}

/* Old keys after Answer or RekeyDone, and new ones before, are wrong epochs. */
START_TEST(a_key_is_used_until_its_switch_and_not_after)
{
    struct pair *p = pair_new();
    struct fh__keys *out, old;

    pair_open(p);
    out = &p->client.c->s->out;
    old = keys_again(out);
    ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
    old.seq++;
    if (_i == 0) { /* data under the old key after RekeyDone */
        pump(p);
        old.seq++;
        {
            struct fh__keys now = *out;

            *out = old;
            side_seal(&p->client, FH__APPLICATION, "late", 4);
            *out = now;
        }
    } else { /* RekeyDone left out */
        carry(p, &p->client, &p->server);
        carry(p, &p->server, &p->client);
        p->client.c->out_end = p->client.c->out_start = 0;
        say(&p->client, "early");
    }
    pump(p);
    ck_assert_uint_eq(p->server.data_len, 0);
    ck_assert_int_eq(p->server.closed.closed.error, FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(p->server.closed.closed.code, FH_CODE_PROTOCOL);
    fh__aead_clear(&old.aead);
    pair_free(p);
}
END_TEST

START_TEST(a_close_may_cross_a_rekey)
{
    struct pair *p = pair_new();
    struct side *a = _i % 2 ? &p->client : &p->server;

    pair_open(p);
    ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
    if (_i >= 2)
        carry(p, &p->client, &p->server);
    if (_i >= 4)
        carry(p, &p->server, &p->client);
    fh_channel_close(a->c, FH_CODE_NORMAL, NULL);
    pump(p);
    ck_assert_int_eq(p->client.closed.closed.error, 0);
    ck_assert_int_eq(p->server.closed.closed.error, 0);
    ck_assert_uint_eq(p->client.closes + p->server.closes, 2);
    pair_free(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("channel: keys that change");
    TCase *update = tcase_create("KeyUpdate"), *rekey = tcase_create("rekey");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(update, keys_are_updated_after_so_many_records, 0, 2);
    tcase_add_test(update, keys_are_updated_after_so_many_bytes);
    tcase_add_test(update, an_updated_secret_does_not_give_the_one_before);
    tcase_add_test(update, epoch_255_is_followed_by_1);
    tcase_add_loop_test(update, a_worn_key_seals_nothing_but_a_close, 0, 2);
    tcase_add_test(update, the_limits_are_those_of_the_protocol);
    tcase_add_loop_test(rekey, a_rekey_renews_all_keys_but_the_exporter, 0, 4);
    tcase_add_test(rekey, data_and_key_updates_pass_while_a_rekey_is_under_way);
    tcase_add_test(rekey, the_answer_and_done_are_the_last_records_under_the_old_keys);
    tcase_add_test(rekey, the_client_offers_every_60_minutes);
    tcase_add_test(rekey, the_server_asks_when_no_offer_comes);
    tcase_add_loop_test(rekey, the_client_keeps_its_distance_between_offers, 0, 2);
    tcase_add_test(rekey, a_second_offer_before_done_is_a_violation);
    tcase_add_loop_test(rekey, an_offer_within_60_seconds_is_a_flood, 0, 2);
    tcase_add_test(rekey, an_answer_of_zeros_is_a_violation);
    tcase_add_loop_test(rekey, a_key_is_used_until_its_switch_and_not_after, 0, 2);
    tcase_add_loop_test(rekey, a_close_may_cross_a_rekey, 0, 6);
    suite_add_tcase(s, update);
    suite_add_tcase(s, rekey);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
