/* SPDX-License-Identifier: MIT */
/* turn_frames.c -- TURN over a stream (RFC 8656 section 3.1), and credentials for a limited time.
 */
#include <string.h>

#include <farhand/ice_error.h>
#include <farhand/turn.h>

#include "base64.h"
#include "hash.h"

uint8_t *fh_turn_frames_in(struct fh_turn_frames *f, size_t *room)
{
    memmove(f->mem, f->mem + f->used, f->len - f->used);
    f->len -= f->used;
    f->used = 0;
    *room = sizeof f->mem - f->len;
    return f->mem + f->len;
}

void fh_turn_frames_in_done(struct fh_turn_frames *f, size_t len)
{
    f->len += len;
}

/* How long the frame is that begins with these four bytes; 0: none does. RFC 8656 12.4, 12.5. */
static size_t frame_len(const uint8_t *p)
{
    size_t n = (size_t)(p[2] << 8 | p[3]);

    if ((p[0] & 0xf0) == 0x40)
        return 4 + n + (4 - n % 4) % 4;
    return fh_stun_frame_len(p);
}

int fh_turn_frames_next(struct fh_turn_frames *f, const uint8_t **data, size_t *len)
{
    const uint8_t *p = f->mem + f->used;
    size_t left = f->len - f->used, n;

    if (left < 4)
        return 0;
    n = frame_len(p);
    if (n == 0 || n > sizeof f->mem)
        return FH_ICE_E_PROTO;
    if (left < n)
        return 0;
    f->used += n;
    *data = p;
    *len = n;
    return 1;
}

static size_t print_number(uint64_t v, char out[20])
{
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

int fh_turn_rest_credentials(const void *secret, size_t secret_len, uint64_t expires,
                             const char *user, char *username, size_t cap,
                             char password[FH_TURN_REST_PASSWORD])
{
    char number[20];
    size_t digits = print_number(expires, number), user_len = strlen(user);
    uint8_t mac[FH__SHA1_LEN];
    struct fh__piece piece;
    int ret;

    if (user_len >= cap || digits + 1 + user_len >= cap)
        return FH_ICE_E_ROOM;
    memcpy(username, number, digits);
    username[digits] = ':';
    memcpy(username + digits + 1, user, user_len + 1);
    piece = (struct fh__piece){.data = username, .len = digits + 1 + user_len};
    ret = fh__hmac_sha1(secret, secret_len, &piece, 1, mac);
    if (ret == 0)
        base64_write(mac, sizeof mac, password);
    fh__ice_wipe(mac, sizeof mac);
    return ret == 0 ? 0 : FH_ICE_E_SYSTEM;
}
