/* SPDX-License-Identifier: MIT */
/*
 * test_channel_vectors.c -- whole conversations with fixed randomness, as
 * docs/vectors/channel-*.json has them, byte by byte.
 *
 *     test_channel_vectors                compares
 *     test_channel_vectors --write DIR    writes them (make vectors)
 *
 * The secrets in a file are computed here from the draws of both sides and from what passed on the
 * wire, not read out of the channels, and each record is opened with keys that come from them.
 */
#include <check.h>
#include <stdarg.h>

#include "channel_pair.h"

/* ---- text ----------------------------------------------------------------------------------- */

struct text {
    char p[1 << 18];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(t->p + t->len, sizeof t->p - t->len, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof t->p - t->len)
        abort();
    t->len += (size_t)n;
}

/* "name": "hex" and what comes after it. */
static void put_hex(struct text *t, const char *indent, const char *name, const void *bytes,
                    size_t len, const char *after)
{
    const uint8_t *p = bytes;

    put(t, "%s\"%s\": \"", indent, name);
    for (size_t i = 0; i < len; i++)
        put(t, "%02x", p[i]);
    put(t, "\"%s\n", after);
}

/* ---- a conversation ------------------------------------------------------------------------- */

struct scenario {
    const char *name, *about;
    bool with_cloud, long_key, refused_hello, refused_client, updates, rekeys, greets;
    const char *client_program, *server_program;
    uint8_t methods[2], n_methods;
    enum fh_channel_padding padding;
};

static const struct scenario scenarios[] = {
    {.name = "channel-direct",
     .about = "direct, no cloud secret, every default",
     .padding = FH_PAD_BLOCK64},
    {.name = "channel-cloud",
     .about = "through a broker: session_ref, cloud secret, all extensions, a 3072-bit client, a "
              "greeting for other viewers",
     .with_cloud = true,
     .long_key = true,
     .greets = true,
     .client_program = "viewer",
     .server_program = "server \xc3\xa9",
     .methods = {1, 2},
     .n_methods = 2,
     .padding = FH_PAD_PADME},
    {.name = "channel-rekey",
     .about = "KeyUpdate in both directions (sent after 3 records here), a rekey that the server "
              "asks for, ping and pong, Close with a reason",
     .updates = true,
     .rekeys = true,
     .padding = FH_PAD_NONE},
    {.name = "channel-refused-hello",
     .about = "the server does not hold the secret that cloud_ref names: Refusal 9",
     .with_cloud = true,
     .refused_hello = true},
    {.name = "channel-refused-client",
     .about = "the server does not accept the client's identity: Close 3 in epoch 0",
     .refused_client = true},
};

enum { N_SCENARIOS = sizeof scenarios / sizeof scenarios[0], N_DRAWS = 8 };

static const uint8_t cloud_secret[FH_CHANNEL_SECRET_LEN] = "a secret that only the cloud has";
static const uint8_t session_ref[FH_CHANNEL_REF_LEN] = "connection 00001";

struct draws {
    struct rng rng;
    uint8_t bytes[N_DRAWS][32];
    unsigned n;
};

static void draw(void *user, void *out, size_t len)
{
    struct draws *d = user;

    if (len != 32 || d->n == N_DRAWS)
        abort();
    rng_fill(&d->rng, out, len);
    memcpy(d->bytes[d->n++], out, len);
}

static struct fh_channel *scenario_channel(const struct scenario *sc, struct pair *p,
                                           enum fh_role role, struct draws *d)
{
    struct side *s = role == FH_ROLE_CLIENT ? &p->client : &p->server;
    struct fh_channel_config cfg;
    struct fh_channel *c;

    if (role == FH_ROLE_CLIENT && sc->long_key)
        s->id = key_other;
    cfg = side_config(s, role);
    snprintf(d->rng.seed, sizeof d->rng.seed, "%s %s", sc->name,
             role == FH_ROLE_CLIENT ? "c" : "s");
    cfg.random = draw;
    cfg.random_user = d;
    cfg.program = role == FH_ROLE_CLIENT ? sc->client_program : sc->server_program;
    cfg.methods = sc->methods;
    cfg.n_methods = sc->n_methods;
    cfg.padding = sc->padding;
    cfg.now_ms = p->now;
    if (role == FH_ROLE_CLIENT && sc->with_cloud) {
        cfg.session_ref = session_ref;
        cfg.cloud_secret = cloud_secret;
    }
    c = fh_channel_new(&cfg);
    if (!c)
        abort();
    if (sc->updates)
        c->limits.update_records = 3;
    return c;
}

struct passed {
    struct {
        bool to_server;
        uint8_t *bytes;
        size_t len;
    } part[256];
    unsigned n;
};

static size_t keep(struct pair *p, bool to_server, uint8_t *bytes, size_t len)
{
    struct passed *w = p->wire_user;

    w->part[w->n].to_server = to_server;
    w->part[w->n].bytes = malloc(len);
    memcpy(w->part[w->n].bytes, bytes, len);
    w->part[w->n++].len = len;
    return len;
}

static void talk(const struct scenario *sc, struct pair *p)
{
    side_write(&p->client, "hello from the client", 21, sc->padding);
    pump(p);
    side_write(&p->server, "hello from the server", 21, sc->padding);
    side_write(&p->server, NULL, 0, sc->padding);
    pump(p);
    side_write(&p->client, "user and password", 17, FH_PAD_512);
    pump(p);
    if (sc->updates) {
        side_write(&p->client, "under the next key", 18, sc->padding);
        pump(p);
        fh_channel_ping(p->server.c, (const uint8_t *)"01234567");
        pump(p);
    }
    if (sc->rekeys) {
        fh_channel_rekey(p->server.c, p->now);
        pump(p);
        side_write(&p->client, "after the rekey", 15, sc->padding);
        side_write(&p->server, "here as well", 12, sc->padding);
        pump(p);
    }
    fh_channel_close(p->client.c, sc->rekeys ? FH_CODE_BUSY : FH_CODE_NORMAL,
                     sc->rekeys ? "going home" : NULL);
    pump(p);
}

/* ---- the same, computed from outside --------------------------------------------------------- */

struct observer {
    struct text *t;
    const struct scenario *sc;
    const struct draws *draws; /* by role */
    struct fh__hash th;
    uint8_t es[32], shared[32], hs[32], ms[32], hs_secret[2][32], traffic[2][32], guard[2][32];
    uint8_t exporter[32], rekey[32];
    uint8_t next[2][32];
    uint8_t epoch[2];
    uint64_t seq[2];
    bool has_early; /* the server still seals under handshake keys */
    struct fh__hash rekey_hash;
    uint8_t offer_x[32];
    unsigned rekeys, n_records;
};

static void label32(const uint8_t secret[32], const char *name, const void *context, size_t len,
                    uint8_t out[32])
{
    if (fh__label(secret, name, context, len, out, 32) != 0)
        abort();
}

static void derive(const uint8_t secret[32], const uint8_t *ikm, size_t len, uint8_t out[32])
{
    struct fh__hash h;
    uint8_t empty[32], salt[32];

    fh__hash_init(&h);
    fh__hash_peek(&h, empty);
    label32(secret, "derived", empty, 32, salt);
    fh__hkdf_extract(salt, 32, ikm, len, out);
}

static void on_server_hello(struct observer *o, const uint8_t *m, size_t len)
{
    static const uint8_t zeros[32];
    uint8_t th[32];

    fh__hash_add(&o->th, m, len);
    fh__hash_peek(&o->th, th);
    if (fh__x25519(o->draws[0].bytes[1], m + 4 + 32 + 2, o->shared) != 0)
        abort();
    fh__hkdf_extract(NULL, 0, o->sc->with_cloud ? cloud_secret : zeros, 32, o->es);
    derive(o->es, o->shared, 32, o->hs);
    derive(o->hs, zeros, 32, o->ms);
    label32(o->hs, "c hs", th, 32, o->hs_secret[0]);
    label32(o->hs, "s hs", th, 32, o->hs_secret[1]);
    memcpy(o->traffic, o->hs_secret, sizeof o->traffic);
    put(o->t, "  \"handshake_secrets\": {\n");
    put_hex(o->t, "    ", "th_server_hello", th, 32, ",");
    put_hex(o->t, "    ", "x25519_ss", o->shared, 32, ",");
    put_hex(o->t, "    ", "es", o->es, 32, ",");
    put_hex(o->t, "    ", "hs", o->hs, 32, ",");
    put_hex(o->t, "    ", "hs_c", o->hs_secret[0], 32, ",");
    put_hex(o->t, "    ", "hs_s", o->hs_secret[1], 32, ",");
    put_hex(o->t, "    ", "ms", o->ms, 32, "");
    put(o->t, "  },\n  \"records\": [\n");
}

/* The four messages of a flight, and where the transcript stands after each. */
static void on_flight(struct observer *o, enum fh_role role, const uint8_t *content, size_t len)
{
    static const char *const names[] = {"th_parameters", "th_identity", "th_signature",
                                        "th_finished"};
    uint8_t t[32];
    unsigned i = 0;

    for (size_t at = 0; at < len;) {
        size_t n = 4 + ((size_t)content[at + 2] << 8 | content[at + 3]);

        fh__hash_add(&o->th, content + at, n);
        at += n;
        fh__hash_peek(&o->th, t);
        put_hex(o->t, "      ", names[i++], t, 32, ",");
    }
    if (role == FH_ROLE_SERVER)
        return;
    label32(o->ms, "c ap", t, 32, o->traffic[0]);
    label32(o->ms, "s ap", t, 32, o->next[1]);
    label32(o->ms, "exp", t, 32, o->exporter);
    label32(o->ms, "rekey", t, 32, o->rekey);
    label32(o->ms, "c guard", t, 32, o->guard[0]);
    label32(o->ms, "s guard", t, 32, o->guard[1]);
    o->epoch[0] = 1;
    o->seq[0] = 0;
    o->has_early = true;
    put_hex(o->t, "      ", "ap_c", o->traffic[0], 32, ",");
    put_hex(o->t, "      ", "ap_s", o->next[1], 32, ",");
    put_hex(o->t, "      ", "exporter", o->exporter, 32, ",");
    label32(o->exporter, "binding", NULL, 0, t);
    put_hex(o->t, "      ", "channel_binding", t, 32, ",");
    put_hex(o->t, "      ", "rekey_0", o->rekey, 32, ",");
    put_hex(o->t, "      ", "guard_c", o->guard[0], 32, ",");
    put_hex(o->t, "      ", "guard_s", o->guard[1], 32, ",");
}

static void switch_key(struct observer *o, enum fh_role role, const uint8_t next[32])
{
    memcpy(o->traffic[role], next, 32);
    o->epoch[role] = o->epoch[role] == 255 ? 1 : (uint8_t)(o->epoch[role] + 1);
    o->seq[role] = 0;
}

static void on_answer(struct observer *o, const uint8_t *content, size_t len)
{
    uint8_t x[32], shared[32], next[32], guard[2][32];

    fh__hash_add(&o->rekey_hash, content + 1, len - 1);
    fh__hash_peek(&o->rekey_hash, x);
    if (fh__x25519(o->draws[1].bytes[2 + o->rekeys], o->offer_x, shared) != 0)
        abort();
    fh__hkdf_extract(o->rekey, 32, shared, 32, next);
    memcpy(o->rekey, next, 32);
    o->rekeys++;
    label32(o->rekey, "c ap", x, 32, o->next[0]);
    label32(o->rekey, "s ap", x, 32, o->next[1]);
    label32(o->rekey, "c guard", x, 32, guard[0]);
    label32(o->rekey, "s guard", x, 32, guard[1]);
    put_hex(o->t, "      ", "x25519_ss", shared, 32, ",");
    put_hex(o->t, "      ", "x", x, 32, ",");
    put_hex(o->t, "      ", "rekey_1", o->rekey, 32, ",");
    put_hex(o->t, "      ", "ap_c", o->next[0], 32, ",");
    put_hex(o->t, "      ", "ap_s", o->next[1], 32, ",");
    put_hex(o->t, "      ", "guard_c", guard[0], 32, ",");
    put_hex(o->t, "      ", "guard_s", guard[1], 32, ",");
}

static void on_content(struct observer *o, enum fh_role role, uint8_t type, const uint8_t *content,
                       size_t len)
{
    uint8_t next[32];

    if (type == FH__HANDSHAKE)
        on_flight(o, role, content, len);
    if (type != FH__CONTROL)
        return;
    switch (content[0]) {
    case FH__KEY_UPDATE:
        label32(o->traffic[role], "traffic upd", NULL, 0, next);
        put_hex(o->t, "      ", "next_secret", next, 32, ",");
        switch_key(o, role, next);
        break;
    case FH__REKEY_OFFER:
        fh__hash_init(&o->rekey_hash);
        fh__hash_add(&o->rekey_hash, content + 1, len - 1);
        memcpy(o->offer_x, content + 1, 32);
        break;
    case FH__REKEY_ANSWER:
        on_answer(o, content, len);
        switch_key(o, role, o->next[1]);
        break;
    case FH__REKEY_DONE:
        switch_key(o, role, o->next[0]);
        break;
    }
}

/* Opens a record with the keys computed here, and writes it down. */
static void on_record(struct observer *o, enum fh_role role, const uint8_t *wire, size_t len)
{
    struct fh__aead aead = {.engine = FH__AEAD_AUTO};
    static uint8_t inner[20000];
    uint8_t key[32], iv[12];
    size_t n = len - 4 - 16;
    uint64_t seq;

    if (role == FH_ROLE_SERVER && o->has_early && wire[0] == 1) {
        o->has_early = false;
        memcpy(o->traffic[1], o->next[1], 32);
        o->epoch[1] = 1;
        o->seq[1] = 0;
    }
    seq = o->seq[role]++;
    if (wire[0] != o->epoch[role] || fh__label(o->traffic[role], "key", NULL, 0, key, 32) != 0 ||
        fh__label(o->traffic[role], "iv", NULL, 0, iv, 12) != 0 ||
        fh__aead_set(&aead, FH__AEAD_AUTO, key) != 0)
        abort();
    put(o->t, "%s    {\n", o->n_records++ ? ",\n" : "");
    put(o->t, "      \"from\": \"%s\",\n", role == FH_ROLE_CLIENT ? "client" : "server");
    put(o->t, "      \"epoch\": %u,\n      \"seq\": %u,\n", wire[0], (unsigned)seq);
    put_hex(o->t, "      ", "key", key, 32, ",");
    put_hex(o->t, "      ", "iv", iv, 12, ",");
    for (unsigned i = 0; i < 8; i++)
        iv[11 - i] ^= (uint8_t)(seq >> 8 * i);
    memcpy(inner, wire + 4, len - 4);
    if (fh__aead_open(&aead, iv, wire, 4, inner, n) != 0)
        abort();
    fh__aead_clear(&aead);
    put(o->t, "      \"inner_len\": %u,\n", (unsigned)n);
    while (inner[n - 1] == 0)
        n--;
    n--;
    put(o->t, "      \"type\": %u,\n", inner[n]);
    on_content(o, role, inner[n], inner, n);
    put_hex(o->t, "      ", "content", inner, n, ",");
    put_hex(o->t, "      ", "wire", wire, len, "");
    put(o->t, "    }");
}

static void put_party(struct text *t, const char *name, const struct fh_identity *id,
                      const char *pem, const struct draws *d)
{
    struct rng salt = {.seed = "salt"};
    uint8_t bytes[32];
    size_t len;
    const uint8_t *spki = fh_identity_spki(id, &len);

    put(t, "  \"%s\": {\n    \"key_pem\": \"", name);
    for (; *pem; pem++)
        put(t, *pem == '\n' ? "\\n" : "%c", *pem);
    put(t, "\",\n");
    put_hex(t, "    ", "spki", spki, len, ",");
    fh_fingerprint(spki, len, bytes);
    put_hex(t, "    ", "fingerprint", bytes, 32, ",");
    rng_fill(&salt, bytes, 32);
    put_hex(t, "    ", "signature_salt", bytes, 32, ",");
    put_hex(t, "    ", "random", d->bytes[0], d->n > 0 ? 32 : 0, ",");
    put_hex(t, "    ", "x25519_secret", d->bytes[1], d->n > 1 ? 32 : 0, d->n > 2 ? "," : "");
    if (d->n > 2)
        put_hex(t, "    ", "rekey_x25519_secret", d->bytes[2], 32, "");
    put(t, "  },\n");
}

static void put_head(struct text *t, const struct scenario *sc, const struct draws d[2])
{
    put(t, "{\n  \"protocol\": \"FSC1, docs/protocol.md\",\n");
    put(t, "  \"about\": \"%s\",\n", sc->about);
    put_party(t, "client", sc->long_key ? key_other : key_client,
              sc->long_key ? key_of_other : key_of_client, &d[0]);
    put_party(t, "server", key_server, key_of_server, &d[1]);
    put_hex(t, "  ", "session_ref", sc->with_cloud ? session_ref : (const uint8_t[16]){0}, 16, ",");
    put_hex(t, "  ", "cloud_secret", cloud_secret, sc->with_cloud ? 32 : 0, ",");
    if (sc->greets)
        put(t, "  \"server_greeting\": \"RFB 003.008\\n\",\n");
    put(t, "  \"client_greeting\": \"FARHAND 001\\n\",\n");
}

/* Cuts what passed into messages and records, and has the observer write them. */
static void observe(struct observer *o, const struct passed *w)
{
    bool saw_hello = false, saw_server = false;

    fh__hash_init(&o->th);
    for (unsigned i = 0; i < w->n; i++) {
        const uint8_t *p = w->part[i].bytes, *end = p + w->part[i].len;

        for (size_t n; p < end; p += n) {
            n = 4 + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
            if (!saw_hello) {
                saw_hello = true;
                fh__hash_add(&o->th, p, (size_t)(end - p));
                put_hex(o->t, "  ", "client_hello", p + 12, (size_t)(end - p) - 12, ",");
                n = (size_t)(end - p);
            } else if (!saw_server) {
                saw_server = true;
                if (p[0] == FH__REFUSAL) {
                    put_hex(o->t, "  ", "refusal", p, n, "");
                    put(o->t, "}\n");
                    return;
                }
                put_hex(o->t, "  ", "server_hello", p, n, ",");
                on_server_hello(o, p, n);
            } else {
                on_record(o, w->part[i].to_server ? FH_ROLE_CLIENT : FH_ROLE_SERVER, p, n);
            }
        }
    }
    put(o->t, "\n  ]\n}\n");
}

static void compose(const struct scenario *sc, struct text *t)
{
    struct pair *p = pair_new();
    struct draws draws[2] = {{.n = 0}, {.n = 0}};
    struct passed wire = {.n = 0};
    struct observer o = {.t = t, .sc = sc, .draws = draws};

    p->client.c = scenario_channel(sc, p, FH_ROLE_CLIENT, &draws[0]);
    p->server.c = scenario_channel(sc, p, FH_ROLE_SERVER, &draws[1]);
    p->server.proceed_secret = sc->with_cloud && !sc->refused_hello ? cloud_secret : NULL;
    p->server.refuses_peer = sc->refused_client;
    p->wire = keep;
    p->wire_user = &wire;
    if (sc->greets)
        side_feed(p, &p->client, (const uint8_t *)"RFB 003.008\n", 12);
    pump(p);
    if (p->client.opens)
        talk(sc, p);
    if (p->client.closes != 1 || p->server.closes != 1)
        abort();
    t->len = 0;
    put_head(t, sc, draws);
    observe(&o, &wire);
    for (unsigned i = 0; i < wire.n; i++)
        free(wire.part[i].bytes);
    pair_free(p);
}

/* ---- programs ------------------------------------------------------------------------------- */

static struct text text;

static FILE *open_vector(const char *dir, const char *name, const char *mode)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s.json", dir, name);
    return fopen(path, mode);
}

START_TEST(a_conversation_with_fixed_randomness_is_the_published_one)
{
    static char published[sizeof text.p];
    const char *top = getenv("FARHAND_TOP");
    char dir[256];
    size_t len;
    FILE *f;

    compose(&scenarios[_i], &text);
    snprintf(dir, sizeof dir, "%s/docs/vectors", top ? top : ".");
    f = open_vector(dir, scenarios[_i].name, "rb");
    ck_assert_msg(f != NULL, "%s/%s.json cannot be read", dir, scenarios[_i].name);
    len = fread(published, 1, sizeof published - 1, f);
    fclose(f);
    ck_assert_uint_eq(len, text.len);
    for (size_t i = 0; i < len; i++)
        ck_assert_msg(published[i] == text.p[i], "%s: byte %zu differs", scenarios[_i].name, i);
}
END_TEST

static int write_vectors(const char *dir)
{
    for (unsigned i = 0; i < N_SCENARIOS; i++) {
        FILE *f = open_vector(dir, scenarios[i].name, "wb");

        compose(&scenarios[i], &text);
        if (!f || fwrite(text.p, 1, text.len, f) != text.len || fclose(f) != 0) {
            fprintf(stderr, "%s/%s.json cannot be written\n", dir, scenarios[i].name);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    Suite *s = suite_create("channel: vectors");
    TCase *tc = tcase_create("vectors");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, a_conversation_with_fixed_randomness_is_the_published_one, 0,
                        N_SCENARIOS);
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        srunner_free(r);
        return write_vectors(argv[2]);
    }
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
