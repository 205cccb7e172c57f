/* SPDX-License-Identifier: MIT */
/*
 * What an older viewer says to a server that offers all types. The first byte: bit 0 gives all at
 * once, else pieces of 1 to 16 (bits 1 to 4); bit 5 refuses everybody. Nothing of the desktop may
 * be told, and nothing done, before somebody was let in; at the end no key may be held.
 */
#include "../tests/older_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint16_t every[] = {FH_OLDER_X509_PLAIN, FH_OLDER_RA2_256, FH_OLDER_RA2,
                                     FH_OLDER_X509_VNC,   FH_OLDER_RA2NE,   FH_OLDER_VNC,
                                     FH_OLDER_X509_NONE,  FH_OLDER_NONE};
    struct old *o;
    size_t n;

    if (len == 0)
        return 0;
    o = old_new(every, sizeof every / sizeof every[0]);
    o->grant = data[0] & 32 ? 0 : FH_PERM_ALL;
    for (size_t at = 1; at < len; at += n) {
        n = old_say_in(o, data + at, len - at, data[0] & 1 ? 0 : 1u + (data[0] >> 1 & 15));
        if (o->is_tls) { /* its bytes are those inside it */
            o->is_tls = false;
            (void)fh_server_conn_tls_started(o->s);
        } else if (n == 0) {
            break;
        }
        old_must(o->heard_len < HEARD_MAX / 2 || o->ended || n > 0, "talks without end");
    }
    (void)fh_server_conn_in_end(o->s, o->now);
    old_pump(o);
    old_must(o->ended == 1, "has not ended");
    old_must(o->grant != 0 || !strstr(o->log, "started"), "let in");
    old_must(!strstr(o->log, "key:") || strstr(o->log, "started"), "a key of nobody");
    old_free(o);
    return 0;
}
