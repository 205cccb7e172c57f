/* SPDX-License-Identifier: MIT */
/* What parses has all its attributes inside itself, and reads the same when it is built again. */
#include <assert.h>
#include <string.h>

#include <farhand/stun.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_everything(const struct fh_stun_message *m)
{
    struct fh_ice_address a;
    const char *reason;
    size_t reason_len;
    unsigned code, set;
    uint16_t channel;
    uint64_t u64;
    uint32_t u32;

    fh_stun_read_mapped(m, &a);
    fh_stun_read_address(m, FH_STUN_XOR_PEER_ADDRESS, &a);
    fh_stun_read_u32(m, FH_STUN_PRIORITY, &u32);
    fh_stun_read_u64(m, FH_STUN_ICE_CONTROLLED, &u64);
    fh_stun_read_channel(m, &channel);
    fh_stun_read_password_algorithms(m, &set);
    if (fh_stun_read_error(m, &code, &reason, &reason_len))
        assert(code >= 300 && code <= 699 &&
               (const uint8_t *)reason + reason_len <= m->data + m->len);
    fh_stun_check_integrity(m, FH_STUN_BY_SHA1, (const uint8_t *)"key", 3);
    fh_stun_check_integrity(m, FH_STUN_BY_SHA256, (const uint8_t *)"key", 3);
}

static void build_again(const struct fh_stun_message *m)
{
    static uint8_t mem[70000];
    struct fh_stun_builder b;
    struct fh_stun_message again;
    struct fh_stun_attribute x, y;
    size_t at = 0, at_again = 0, built;

    fh_stun_build(&b, mem, sizeof mem, m->cls, m->method, m->txid);
    while (fh_stun_next(m, &at, &x)) {
        assert(x.value >= m->data && x.value + x.len <= m->data + m->end);
        fh_stun_write(&b, x.type, x.value, x.len);
    }
    built = fh_stun_build_end(&b);
    assert(built == m->end);
    assert(fh_stun_parse(mem, built, &again) == 0);
    assert(again.cls == m->cls && again.method == m->method);
    assert(again.unknown_len == m->unknown_len);
    at = 0;
    while (fh_stun_next(m, &at, &x)) {
        assert(fh_stun_next(&again, &at_again, &y));
        assert(x.type == y.type && x.len == y.len && memcmp(x.value, y.value, x.len) == 0);
    }
    assert(!fh_stun_next(&again, &at_again, &y));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_stun_message m;

    fh_stun_nonce_features(data, len);
    fh_stun_is_opaque_string(data, len);
    if (fh_stun_parse(data, len, &m) != 0)
        return 0;
    assert(fh_stun_is_message(data, len) && m.end <= m.len && m.len == len);
    read_everything(&m);
    build_again(&m);
    return 0;
}
