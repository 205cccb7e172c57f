/* SPDX-License-Identifier: MIT */
/* Which protocol the first bytes of a stream begin. */
#include <string.h>

#include "link_frame.h"

enum { HEADER_END = FH_LINK_GREETING_LEN + FH_LINK_HEADER_LEN };

_Static_assert(FH_LINK_OPENING_MAX == FH_LINK_GREETING_LEN + FH_LINK_ATTACH_LEN, "the longest");

static enum fh_link_kind kind_of(uint8_t type)
{
    return type == FH_LINK_F_OPEN     ? FH_LINK_NEW
           : type == FH_LINK_F_ATTACH ? FH_LINK_RESUME
                                      : FH_LINK_BAD;
}

/* As far as it is known; *need: how long it is, then. */
static enum fh_link_kind judge(const struct fh_link_opening *o, size_t *need)
{
    size_t body, payload;

    *need = HEADER_END;
    if (o->len < HEADER_END)
        return FH_LINK_MORE;
    if (!fh__link_read_header(o->bytes + FH_LINK_GREETING_LEN, &body, &payload) ||
        kind_of(o->bytes[FH_LINK_GREETING_LEN]) == FH_LINK_BAD)
        return FH_LINK_BAD;
    *need = HEADER_END + body;
    return o->len < *need ? FH_LINK_MORE : kind_of(o->bytes[FH_LINK_GREETING_LEN]);
}

/* Byte by byte: a stream that is something else must not lose the byte that tells. */
enum fh_link_kind fh_link_look(struct fh_link_opening *o, const uint8_t *data, size_t len,
                               size_t *taken)
{
    enum fh_link_kind kind;
    size_t need;

    *taken = 0;
    while ((kind = judge(o, &need)) == FH_LINK_MORE && *taken < len) {
        if (o->len < FH_LINK_GREETING_LEN && data[*taken] != fh__link_greeting[o->len])
            return FH_LINK_PLAIN;
        o->bytes[o->len++] = data[(*taken)++];
    }
    return kind;
}

const uint8_t *fh_link_opening_ref(const struct fh_link_opening *o)
{
    return o->bytes + HEADER_END;
}

void fh_link_refuse(struct fh_stream *stream)
{
    uint8_t frame[FH_LINK_HEADER_LEN];

    (void)fh_stream_write(stream, frame, fh__link_write_empty(frame, FH_LINK_F_REFUSED));
    fh_stream_shutdown(stream);
    fh_stream_close(stream, NULL, NULL);
}
