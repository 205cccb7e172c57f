/* SPDX-License-Identifier: MIT */
/*
 * Notes, keys, proofs, leaves and tiles' names. The first byte says which. What reads is written
 * back to the same bytes; a note that anybody can make up is signed by nobody.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/tlog.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t seed[FH_TLOG_KEY_LEN] = {1};

static void own_key(struct fh_tlog_key *out)
{
    uint8_t pk[FH_TLOG_KEY_LEN];

    fh_tlog_public_key(seed, pk);
    if (fh_tlog_key_make("fuzz", pk, out) != 0)
        abort();
}

static void key_text(const char *text, size_t len)
{
    char again[FH_TLOG_VKEY_TEXT];
    struct fh_tlog_key key;

    if (fh_tlog_key_parse(text, len, &key) != 0)
        return;
    assert(fh_tlog_key_print(&key, again) == (int)len && memcmp(again, text, len) == 0);
}

static void note(const char *text, size_t len)
{
    struct fh_tlog_checkpoint c;
    struct fh_tlog_key key;

    own_key(&key);
    if (fh_tlog_checkpoint_open(&key, text, len, &c) == 0)
        assert(c.size <= FH_TLOG_MAX_SIZE);
}

/* Signed here, so that what stands behind the signature is reached as well. */
static void checkpoint_text(const char *text, size_t len)
{
    static char signed_note[FH_TLOG_MAX_NOTE];
    struct fh_tlog_checkpoint c;
    struct fh_tlog_key key;
    int n, ret;

    own_key(&key);
    n = fh_tlog_note_sign(&key, seed, text, len, signed_note, sizeof signed_note);
    if (n < 0)
        return;
    assert(fh_tlog_note_open(&key, signed_note, (size_t)n) == (int)len);
    ret = fh_tlog_checkpoint_open(&key, signed_note, (size_t)n, &c);
    assert(ret == 0 || ret == FH_CLOUD_E_PROTO);
}

static void proof(const uint8_t *data, size_t len)
{
    static const struct fh_tlog_binding binding;
    static uint8_t again[FH_TLOG_MAX_PROOF_LEN];
    struct fh_tlog_checkpoint c;
    struct fh_tlog_proof p;
    struct fh_tlog_key key;

    if (fh_tlog_proof_parse(data, len, &p) != 0)
        return;
    own_key(&key);
    assert(fh_tlog_proof_check(&p, &key, &binding, &c) != 0);
    assert(fh_tlog_proof_write(&p, again, sizeof again) == (int)len);
    assert(memcmp(again, data, len) == 0);
}

static void path(const uint8_t *data, size_t len)
{
    uint64_t a, b;

    if (len < 80)
        return;
    memcpy(&a, data, 8);
    memcpy(&b, data + 8, 8);
    (void)fh_tlog_check_inclusion(data + 16, a, b, data + 48, data + 80, (len - 80) / 32);
    (void)fh_tlog_check_consistency(a, data + 16, b, data + 48, data + 80, (len - 80) / 32);
}

static void tile(const char *text, size_t len)
{
    char again[FH_TLOG_TILE_TEXT];
    unsigned width;
    uint64_t index;
    int level;

    if (fh_tlog_tile_parse(text, len, &level, &index, &width) != 0)
        return;
    assert(fh_tlog_tile_path(level, index, width, again) == (int)len);
    assert(memcmp(again, text, len) == 0);
}

static void entry(const uint8_t *data, size_t len)
{
    uint8_t again[FH_TLOG_BINDING_LEN];
    struct fh_tlog_binding b;
    struct fh_tlog_leaf l;

    if (fh_tlog_binding_parse(data, len, &b) == 0) {
        fh_tlog_binding_write(&b, again);
        assert(len == sizeof again && memcmp(again, data, len) == 0);
    }
    if (fh_tlog_leaf_parse(data, len, &l) == 0) {
        fh_tlog_leaf_write(&l, again);
        assert(len == FH_TLOG_LEAF_LEN && memcmp(again, data, len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    switch (data[0] % 7) {
    case 0:
        key_text((const char *)data + 1, len - 1);
        break;
    case 1:
        note((const char *)data + 1, len - 1);
        break;
    case 2:
        checkpoint_text((const char *)data + 1, len - 1);
        break;
    case 3:
        proof(data + 1, len - 1);
        break;
    case 4:
        path(data + 1, len - 1);
        break;
    case 5:
        tile((const char *)data + 1, len - 1);
        break;
    default:
        entry(data + 1, len - 1);
        break;
    }
    return 0;
}
