/* SPDX-License-Identifier: MIT */
/*
 * What a proxy may answer, whole and byte by byte with the same result. The first byte: bit 0 the
 * kind, bit 1 whether there is a password. A URL, if bit 2 is set.
 */
#include <stdlib.h>
#include <string.h>

#include <farhand/proxy.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_all(struct fh_proxy_talk *t)
{
    size_t len;

    if (fh_proxy_talk_out(t, &len))
        fh_proxy_talk_out_done(t, len);
}

static int hear(struct fh_proxy_talk *t, const uint8_t *data, size_t size, size_t step, size_t *all)
{
    int ret = FH_PROXY_MORE;
    size_t used = 1;

    for (*all = 0; *all < size && ret == FH_PROXY_MORE; *all += used) {
        send_all(t);
        ret = fh_proxy_talk_in(t, data + *all, size - *all < step ? size - *all : step, &used);
    }
    return ret;
}

static void read_url(const uint8_t *data, size_t size)
{
    char text[1024];
    struct fh_proxy p;

    if (size >= sizeof text)
        size = sizeof text - 1;
    memcpy(text, data, size);
    text[size] = '\0';
    if (fh_proxy_parse(text, &p, NULL) == 0 &&
        (p.kind == FH_PROXY_NONE || p.server.port == 0 || strlen(p.user) >= FH_PROXY_SECRET))
        abort();
    (void)fh_proxy_is_exempt(text, "a.example");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_proxy p = {.kind = FH_PROXY_HTTP};
    struct fh_proxy_talk bytes, more;
    size_t used[2];

    if (size == 0)
        return 0;
    if (data[0] & 1)
        p.kind = FH_PROXY_SOCKS5;
    if (data[0] & 2)
        memcpy(p.user, "user", 5);
    if (data[0] & 4) {
        read_url(data + 1, size - 1);
        return 0;
    }
    if (fh_proxy_talk_init(&bytes, &p, "a.example", 443) != 0)
        abort();
    more = bytes;
    if (hear(&bytes, data + 1, size - 1, 1, &used[0]) == FH_PROXY_OPEN &&
        bytes.head_len > FH_PROXY_HEAD)
        abort();
    (void)hear(&more, data + 1, size - 1, 7, &used[1]);
    return 0;
}
