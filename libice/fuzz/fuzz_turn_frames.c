/* SPDX-License-Identifier: MIT */
/* Frames of a stream are the same however the bytes arrive, and lie within what arrived. */
#include <assert.h>
#include <string.h>

#include <farhand/turn.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A sum over all frames, and the result at the end. */
struct outcome {
    uint64_t sum;
    size_t bytes;
    int ret;
};

static struct outcome cut(const uint8_t *data, size_t len, size_t step)
{
    static struct fh_turn_frames f;
    struct outcome o = {0};
    const uint8_t *frame;
    size_t n, room;

    f.len = f.used = 0;
    while (len > 0 && o.ret == 0) {
        uint8_t *p = fh_turn_frames_in(&f, &room);

        assert(room > 0 && p + room == f.mem + sizeof f.mem);
        n = step < len ? step : len;
        n = n < room ? n : room;
        memcpy(p, data, n);
        fh_turn_frames_in_done(&f, n);
        data += n;
        len -= n;
        while ((o.ret = fh_turn_frames_next(&f, &frame, &n)) == 1) {
            assert(n >= 4 && n % 4 == 0 && frame >= f.mem && frame + n <= f.mem + f.len);
            for (size_t i = 0; i < n; i++)
                o.sum = o.sum * 31 + frame[i];
            o.bytes += n;
        }
    }
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct outcome whole = cut(data, len, SIZE_MAX), bytewise = cut(data, len, 1);

    assert(whole.sum == bytewise.sum && whole.bytes == bytewise.bytes && whole.ret == bytewise.ret);
    return 0;
}
