/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include <farhand/ice_error.h>
#include <farhand/path.h>

#include "base64.h"

enum { INDEX_DIGITS = 6, NONCE_DIGITS = 2 * FH_PATH_NONCE_LEN };

static const char hex[] = "0123456789abcdef";

/* Is this how the line begins? Then *at is behind it. */
static bool begins(const char *line, size_t len, const char *word, size_t *at)
{
    size_t n = strlen(word);

    if (len < n || memcmp(line, word, n) != 0)
        return false;
    *at = n;
    return true;
}

/* n bytes of lower-case digits; false if they are none. */
static bool read_hex(const char *text, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < 2 * n; i++) {
        const char *digit = text[i] ? strchr(hex, text[i]) : NULL;

        if (!digit)
            return false;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | (digit - hex));
    }
    return true;
}

static char *write_hex(char *out, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *out++ = hex[data[i] >> 4];
        *out++ = hex[data[i] & 15];
    }
    return out;
}

static int read_hello(const char *text, size_t len, struct fh_path_message *out)
{
    uint8_t index[INDEX_DIGITS / 2] = {0};

    if (len != INDEX_DIGITS + 1 + NONCE_DIGITS || text[INDEX_DIGITS] != ' ' ||
        !read_hex(text, index, sizeof index) ||
        !read_hex(text + INDEX_DIGITS + 1, out->nonce, FH_PATH_NONCE_LEN))
        return FH_CLOUD_E_PROTO;
    out->index = (uint32_t)index[0] << 16 | (uint32_t)index[1] << 8 | index[2];
    out->type = FH_PATH_HELLO;
    return 0;
}

static int read_description(const char *text, size_t len, struct fh_path_message *out)
{
    uint8_t plain[FH_ICE_DESCRIPTION_TEXT];
    int n = base64_read(text, len, plain, sizeof plain);

    if (n < 0 || fh_ice_description_parse((char *)plain, (size_t)n, &out->description) != 0)
        return FH_CLOUD_E_PROTO;
    out->type = FH_PATH_DESCRIPTION;
    return 0;
}

static int read_candidate(const char *text, size_t len, struct fh_path_message *out)
{
    const char *space = memchr(text, ' ', len);
    size_t n = space ? (size_t)(space - text) : 0;
    int ret;

    if (!space || !fh_ice_is_credential(text, n, FH_ICE_MIN_UFRAG))
        return FH_CLOUD_E_PROTO;
    ret = fh_ice_candidate_parse(space + 1, len - n - 1, &out->candidate);
    if (ret != 0 && ret != FH_ICE_E_UNSUPPORTED)
        return FH_CLOUD_E_PROTO;
    memcpy(out->ufrag, text, n);
    out->ufrag[n] = '\0';
    out->type = ret == 0 ? FH_PATH_CANDIDATE : FH_PATH_SKIP;
    return 0;
}

int fh_path_message_parse(const char *line, size_t len, struct fh_path_message *out)
{
    size_t at;

    memset(out->nonce, 0, sizeof out->nonce);
    if (begins(line, len, "hello 1 ", &at))
        return read_hello(line + at, len - at, out);
    if (begins(line, len, "description ", &at))
        return read_description(line + at, len - at, out);
    if (begins(line, len, "candidate ", &at))
        return read_candidate(line + at, len - at, out);
    if (!begins(line, len, "end", &at) || at != len)
        return FH_CLOUD_E_PROTO;
    out->type = FH_PATH_END;
    return 0;
}

static int print_hello(const struct fh_path_message *m, char *out)
{
    const uint8_t index[] = {(uint8_t)(m->index >> 16), (uint8_t)(m->index >> 8),
                             (uint8_t)m->index};
    char *p = out + strlen(strcpy(out, "hello 1 "));

    if (m->index > 0xffffff)
        return FH_CLOUD_E_INVAL;
    p = write_hex(p, index, sizeof index);
    *p++ = ' ';
    p = write_hex(p, m->nonce, sizeof m->nonce);
    *p = '\0';
    return (int)(p - out);
}

static int print_description(const struct fh_path_message *m, char *out)
{
    char text[FH_ICE_DESCRIPTION_TEXT];
    int n = fh_ice_description_print(&m->description, text, sizeof text);
    size_t at = strlen(strcpy(out, "description "));

    if (n < 0)
        return FH_CLOUD_E_INVAL;
    base64_write((const uint8_t *)text, (size_t)n, out + at);
    return (int)(at + BASE64_LEN((size_t)n));
}

static int print_candidate(const struct fh_path_message *m, char *out)
{
    const char *zero = memchr(m->ufrag, '\0', sizeof m->ufrag);
    size_t n = zero ? (size_t)(zero - m->ufrag) : sizeof m->ufrag;
    size_t at = strlen(strcpy(out, "candidate "));

    if (!fh_ice_is_credential(m->ufrag, n, FH_ICE_MIN_UFRAG))
        return FH_CLOUD_E_INVAL;
    memcpy(out + at, m->ufrag, n);
    at += n;
    out[at++] = ' ';
    return (int)(at + fh_ice_candidate_print(&m->candidate, out + at));
}

int fh_path_message_print(const struct fh_path_message *m, char *out)
{
    switch (m->type) {
    case FH_PATH_HELLO:
        return print_hello(m, out);
    case FH_PATH_DESCRIPTION:
        return print_description(m, out);
    case FH_PATH_CANDIDATE:
        return print_candidate(m, out);
    case FH_PATH_END:
        return (int)strlen(strcpy(out, "end"));
    case FH_PATH_SKIP:
        break;
    }
    return FH_CLOUD_E_INVAL;
}
