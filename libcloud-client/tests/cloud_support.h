/* SPDX-License-Identifier: MIT */
/* cloud_support.h -- keys, statements and bytes that are the same in every run. */
#ifndef FH_TESTS_CLOUD_SUPPORT_H
#define FH_TESTS_CLOUD_SUPPORT_H

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <farhand/broker.h>
#include <farhand/digest.h>

#include "../../libcrypto-rfb/tests/channel_keys.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

enum end { VIEWER, SERVER, OTHER, ENDS };

/* An fh_random_fn; user: a counter that says which bytes. */
static inline void fixed_random(void *user, void *out, size_t len)
{
    uint32_t *count = user;
    uint8_t block[FH_SHA256_LEN], *p = out;

    while (len > 0) {
        size_t n = len < sizeof block ? len : sizeof block;
        uint8_t seed[4] = {(uint8_t)(*count >> 24), (uint8_t)(*count >> 16), (uint8_t)(*count >> 8),
                           (uint8_t)*count};

        fh_sha256(seed, sizeof seed, block);
        ++*count;
        memcpy(p, block, n);
        p += n;
        len -= n;
    }
}

/* One endpoint. */
struct endpoint {
    struct fh_identity *id;
    const uint8_t *spki;
    size_t spki_len;
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    uint8_t password[FH_CLOUD_PASSWORD_LEN];
    uint8_t seal_secret[FH_SEAL_KEY_LEN], seal_key[FH_SEAL_KEY_LEN];
    uint8_t statement[FH_CLOUD_STATEMENT_MAX];
    size_t statement_len;
};

static inline size_t sign_for(const struct endpoint *e, enum fh_identity_purpose purpose,
                              const uint8_t digest[32], uint8_t *out)
{
    uint32_t count = 77;
    size_t len = 0;

    if (fh_identity_sign_for(e->id, purpose, digest, fixed_random, &count, out, &len) != 0)
        abort();
    return len;
}

static inline void make_statement(struct endpoint *e)
{
    uint8_t digest[32], sig[FH_SIGNATURE_MAX];
    int len = fh_cloud_statement_begin(e->address, UINT64_C(1764273600000), e->seal_key, e->spki,
                                       e->spki_len, e->statement, digest);
    size_t sig_len;

    if (len <= 0)
        abort();
    sig_len = sign_for(e, FH_IDENTITY_CLOUD_BINDING, digest, sig);
    len = fh_cloud_statement_end(e->statement, (size_t)len, sig, sig_len);
    if (len <= 0)
        abort();
    e->statement_len = (size_t)len;
}

static inline void make_endpoint(struct endpoint *e, enum end which)
{
    const char *const pem[ENDS] = {key_of_client, key_of_server, key_of_other};
    uint32_t count = 1000 * ((uint32_t)which + 1);

    memset(e, 0, sizeof *e);
    if (fh_identity_from_pem(pem[which], strlen(pem[which]), &e->id) != 0)
        abort();
    e->spki = fh_identity_spki(e->id, &e->spki_len);
    fh_cloud_address_random(fixed_random, &count, e->address);
    fh_cloud_password_random(fixed_random, &count, e->password);
    fixed_random(&count, e->seal_secret, sizeof e->seal_secret);
    fh_seal_public(e->seal_secret, e->seal_key);
    make_statement(e);
}

static inline void free_endpoint(struct endpoint *e)
{
    fh_identity_free(e->id);
    memset(e, 0, sizeof *e);
}

static inline struct fh_broker_text text_of(const char *s)
{
    return (struct fh_broker_text){.p = s, .len = strlen(s)};
}

static inline struct fh_broker_bytes statement_of(const struct endpoint *e)
{
    return (struct fh_broker_bytes){.p = e->statement, .len = e->statement_len};
}

#endif
