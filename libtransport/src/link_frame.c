/* SPDX-License-Identifier: MIT */
#include "link_frame.h"

#include <assert.h>
#include <string.h>

#include <farhand/digest.h>
#include <farhand/identity.h>

#include "rd.h"
#include "wr.h"

const uint8_t fh__link_greeting[FH_LINK_GREETING_LEN] = {'F', 'A', 'R', 'H', 'A', 'N',
                                                         'D', ' ', '1', '0', '1', '\n'};

/* Bytes of a body; the number of DATA, and not what follows it. */
static const uint8_t body_len[] = {
    [FH_LINK_F_OPEN] = 2,     [FH_LINK_F_ATTACH] = 82, [FH_LINK_F_ATTACHED] = 56,
    [FH_LINK_F_CONFIRM] = 32, [FH_LINK_F_REFUSED] = 0, [FH_LINK_F_DATA] = 8,
    [FH_LINK_F_ACK] = 8,      [FH_LINK_F_WANT] = 8,    [FH_LINK_F_SWITCH] = 0,
    [FH_LINK_F_END] = 8,      [FH_LINK_F_BYE] = 1,
};

/* u8 type | u24 length | body */
bool fh__link_read_header(const uint8_t in[FH_LINK_HEADER_LEN], size_t *body, size_t *payload)
{
    struct rd r = rd_init(in, FH_LINK_HEADER_LEN);
    uint8_t type = rd_u8(&r);
    uint32_t len = rd_u24(&r);

    if (type < FH_LINK_F_OPEN || type > FH_LINK_F_BYE)
        return false;
    *body = body_len[type];
    *payload = len - *body;
    if (type == FH_LINK_F_DATA)
        return len > *body && *payload <= FH_LINK_PAYLOAD_MAX;
    return len == *body;
}

static struct wr begin(uint8_t *out, enum fh__link_type type, size_t payload)
{
    size_t len = body_len[type] + payload;
    struct wr w = wr_init(out, FH_LINK_HEADER_LEN + len);

    wr_u8(&w, (uint8_t)type);
    wr_u24(&w, (uint32_t)len);
    return w;
}

size_t fh__link_write_open(uint8_t *out, uint32_t keep_ms)
{
    struct wr w = begin(out, FH_LINK_F_OPEN, 0);
    uint32_t keep_s = (keep_ms + 999) / 1000;

    wr_u16(&w, keep_s > UINT16_MAX ? UINT16_MAX : (uint16_t)keep_s);
    return w.len;
}

size_t fh__link_write_number(uint8_t *out, enum fh__link_type type, uint64_t number, size_t payload)
{
    struct wr w = begin(out, type, payload);

    wr_u64(&w, number);
    return w.len;
}

size_t fh__link_write_empty(uint8_t *out, enum fh__link_type type)
{
    return begin(out, type, 0).len;
}

size_t fh__link_write_bye(uint8_t *out, enum fh__link_bye code)
{
    struct wr w = begin(out, FH_LINK_F_BYE, 0);

    wr_u8(&w, (uint8_t)code);
    return w.len;
}

/* HMAC(key, label || 0x00 || greeting || the frames, without the MAC at the end of the last) */
static void prove(const uint8_t *key, const char *label, const struct rd *frames, size_t n,
                  uint8_t mac[FH_LINK_MAC_LEN])
{
    uint8_t text[32 + FH_LINK_GREETING_LEN + FH_LINK_ATTACH_LEN + FH_LINK_ATTACHED_LEN];
    struct wr w = wr_init(text, sizeof text);

    wr_bytes(&w, label, strlen(label) + 1);
    wr_bytes(&w, fh__link_greeting, sizeof fh__link_greeting);
    for (size_t i = 0; i < n; i++) {
        assert(frames[i].p);
        wr_bytes(&w, frames[i].p, frames[i].left);
    }
    fh_hmac_sha256(key, FH_LINK_KEY_LEN, text, w.len, mac);
}

/* In a time that does not depend on where they differ. */
static bool is_same(const uint8_t *a, const uint8_t *b)
{
    uint8_t differ = 0;

    for (size_t i = 0; i < FH_LINK_MAC_LEN; i++)
        differ |= a[i] ^ b[i];
    return differ == 0;
}

static bool is_proved(const uint8_t *key, const char *label, const struct rd *frames, size_t n,
                      const uint8_t *mac)
{
    uint8_t right[FH_LINK_MAC_LEN];
    bool same;

    prove(key, label, frames, n, right);
    same = is_same(right, mac);
    fh_wipe(right, sizeof right);
    return same;
}

static const char attach_label[] = "farhand link attach",
                  attached_label[] = "farhand link attached",
                  confirm_label[] = "farhand link confirm";

size_t fh__link_write_attach(uint8_t out[FH_LINK_ATTACH_LEN], const uint8_t *key,
                             const struct fh__link_attach *a)
{
    struct wr w = begin(out, FH_LINK_F_ATTACH, 0);
    struct rd frames[1];

    wr_bytes(&w, a->ref, sizeof a->ref);
    wr_u64(&w, a->counter);
    wr_bytes(&w, a->nonce, sizeof a->nonce);
    wr_u64(&w, a->want);
    wr_u8(&w, a->rank);
    wr_u8(&w, a->flags);
    frames[0] = rd_init(out, w.len);
    prove(key, attach_label, frames, 1, wr_room(&w, FH_LINK_MAC_LEN));
    return w.len;
}

bool fh__link_read_attach(const uint8_t in[FH_LINK_ATTACH_LEN], const uint8_t *key,
                          struct fh__link_attach *out)
{
    struct rd r = rd_init(in, FH_LINK_ATTACH_LEN);
    const struct rd frames[1] = {rd_init(in, FH_LINK_ATTACH_LEN - FH_LINK_MAC_LEN)};
    struct fh__link_attach a;

    rd_skip(&r, FH_LINK_HEADER_LEN);
    rd_copy(&r, a.ref, sizeof a.ref);
    a.counter = rd_u64(&r);
    rd_copy(&r, a.nonce, sizeof a.nonce);
    a.want = rd_u64(&r);
    a.rank = rd_u8(&r);
    a.flags = rd_u8(&r);
    if (!is_proved(key, attach_label, frames, 1, r.p))
        return false;
    *out = a;
    return true;
}

size_t fh__link_write_attached(uint8_t out[FH_LINK_ATTACHED_LEN], const uint8_t *key,
                               const uint8_t attach[FH_LINK_ATTACH_LEN],
                               const struct fh__link_attached *a)
{
    struct wr w = begin(out, FH_LINK_F_ATTACHED, 0);
    struct rd frames[2] = {rd_init(attach, FH_LINK_ATTACH_LEN)};

    wr_bytes(&w, a->nonce, sizeof a->nonce);
    wr_u64(&w, a->want);
    frames[1] = rd_init(out, w.len);
    prove(key, attached_label, frames, 2, wr_room(&w, FH_LINK_MAC_LEN));
    return w.len;
}

bool fh__link_read_attached(const uint8_t in[FH_LINK_ATTACHED_LEN], const uint8_t *key,
                            const uint8_t attach[FH_LINK_ATTACH_LEN], struct fh__link_attached *out)
{
    struct rd r = rd_init(in, FH_LINK_ATTACHED_LEN);
    const struct rd frames[2] = {rd_init(attach, FH_LINK_ATTACH_LEN),
                                 rd_init(in, FH_LINK_ATTACHED_LEN - FH_LINK_MAC_LEN)};
    struct fh__link_attached a;

    rd_skip(&r, FH_LINK_HEADER_LEN);
    rd_copy(&r, a.nonce, sizeof a.nonce);
    a.want = rd_u64(&r);
    if (!is_proved(key, attached_label, frames, 2, r.p))
        return false;
    *out = a;
    return true;
}

size_t fh__link_write_confirm(uint8_t out[FH_LINK_CONFIRM_LEN], const uint8_t *key,
                              const uint8_t attach[FH_LINK_ATTACH_LEN],
                              const uint8_t attached[FH_LINK_ATTACHED_LEN])
{
    struct wr w = begin(out, FH_LINK_F_CONFIRM, 0);
    const struct rd frames[2] = {rd_init(attach, FH_LINK_ATTACH_LEN),
                                 rd_init(attached, FH_LINK_ATTACHED_LEN)};

    prove(key, confirm_label, frames, 2, wr_room(&w, FH_LINK_MAC_LEN));
    return w.len;
}

bool fh__link_read_confirm(const uint8_t in[FH_LINK_CONFIRM_LEN], const uint8_t *key,
                           const uint8_t attach[FH_LINK_ATTACH_LEN],
                           const uint8_t attached[FH_LINK_ATTACHED_LEN])
{
    const struct rd frames[2] = {rd_init(attach, FH_LINK_ATTACH_LEN),
                                 rd_init(attached, FH_LINK_ATTACHED_LEN)};

    return is_proved(key, confirm_label, frames, 2, in + FH_LINK_HEADER_LEN);
}
