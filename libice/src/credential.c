/* SPDX-License-Identifier: MIT */
/* credential.c -- STUN's long-term credentials (RFC 8489 section 9.2). */
#include <string.h>

#include <farhand/ice_error.h>
#include <farhand/stun.h>

#include "base64.h"
#include "hash.h"
#include "rd.h"
#include "utf8.h"

/* "obMatJos2" and four characters of base64: 24 flags. RFC 8489 9.2. */
uint32_t fh_stun_nonce_features(const void *nonce, size_t len)
{
    static const char cookie[] = {'o', 'b', 'M', 'a', 't', 'J', 'o', 's', '2'};
    uint8_t flags[3];

    if (len < sizeof cookie + 4 || memcmp(nonce, cookie, sizeof cookie) != 0 ||
        base64_read((const char *)nonce + sizeof cookie, 4, flags, sizeof flags) != 3)
        return 0;
    return (uint32_t)flags[0] << 16 | (uint32_t)flags[1] << 8 | flags[2];
}

/* RFC 8489 14.11: u16 algorithm, u16 length of its parameters, the parameters padded to 4. */
bool fh_stun_read_password_algorithms(const struct fh_stun_message *m, unsigned *set)
{
    size_t len = 0;
    const uint8_t *value = fh_stun_find(m, FH_STUN_PASSWORD_ALGORITHMS, &len);
    struct rd r = rd_init(value, len);
    unsigned found = 0;

    if (!value)
        return false;
    while (r.left > 0 && !r.bad) {
        uint16_t algorithm = rd_u16(&r);
        size_t parameters = rd_u16(&r);

        rd_skip(&r, parameters + (4 - parameters % 4) % 4);
        if ((algorithm == FH_STUN_MD5 || algorithm == FH_STUN_SHA256) && parameters == 0)
            found |= 1u << algorithm;
    }
    if (r.bad)
        return false;
    *set = found;
    return true;
}

/* Unicode's category Zs without U+0020. */
static bool is_other_space(uint32_t c)
{
    return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

bool fh_stun_is_opaque_string(const void *text, size_t len)
{
    const char *p = text;
    uint32_t c;

    if (len == 0)
        return false;
    for (size_t n; len > 0; p += n, len -= n) {
        n = utf8_next(p, len, &c);
        if (n == 0 || utf8_is_control(c) || is_other_space(c))
            return false;
    }
    return true;
}

int fh_stun_long_term_key(enum fh_stun_password_algorithm algorithm, const char *username,
                          const void *realm, size_t realm_len, const char *password,
                          struct fh_stun_key *out)
{
    const struct fh__piece pieces[] = {{.data = username, .len = strlen(username)},
                                       {.data = ":", .len = 1},
                                       {.data = realm, .len = realm_len},
                                       {.data = ":", .len = 1},
                                       {.data = password, .len = strlen(password)}};
    struct fh_stun_key key = {.len = algorithm == FH_STUN_SHA256 ? FH__SHA256_LEN : FH__MD5_LEN};
    int ret;

    if (!fh_stun_is_opaque_string(realm, realm_len) ||
        !fh_stun_is_opaque_string(password, pieces[4].len))
        return FH_ICE_E_INVAL;
    if (algorithm == FH_STUN_SHA256)
        ret = fh__sha256(pieces, 5, key.bytes);
    else
        ret = fh__md5(pieces, 5, key.bytes);
    if (ret == 0)
        *out = key;
    fh__ice_wipe(&key, sizeof key);
    return ret == 0 ? 0 : FH_ICE_E_SYSTEM;
}

int fh_stun_userhash(const char *username, const void *realm, size_t realm_len,
                     uint8_t out[FH_STUN_SHA256_LEN])
{
    const struct fh__piece pieces[] = {{.data = username, .len = strlen(username)},
                                       {.data = ":", .len = 1},
                                       {.data = realm, .len = realm_len}};

    if (!fh_stun_is_opaque_string(realm, realm_len))
        return FH_ICE_E_INVAL;
    return fh__sha256(pieces, 3, out) == 0 ? 0 : FH_ICE_E_SYSTEM;
}
