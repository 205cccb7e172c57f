/* SPDX-License-Identifier: MIT */
/*
 * The end of a line has one form only, so that it is found from behind, whatever stands before it:
 *
 *     ,"seq":N [,"prev":"64 hex digits"] ,"chain":"64 hex digits"} newline
 *
 * N has no leading zero. No text in a line holds a bare quotation mark.
 */
#include <farhand/audit_chain.h>

#include <string.h>

#include <farhand/digest.h>
#include <farhand/identity.h>

enum { HEX = FH_AUDIT_LINK_HEX - 1, SEQ_DIGITS = 20 };

static const char seq_key[] = ",\"seq\":", prev_key[] = ",\"prev\":\"",
                  chain_key[] = ",\"chain\":\"";

void fh_audit_link_to_hex(const uint8_t link[FH_AUDIT_LINK_LEN], char out[FH_AUDIT_LINK_HEX])
{
    fh_fingerprint_to_hex(link, out);
}

static bool is_hex(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
            return false;
    return true;
}

static void read_hex(const char *p, uint8_t out[FH_AUDIT_LINK_LEN])
{
    for (size_t i = 0; i < HEX; i++) {
        unsigned digit = (unsigned)(p[i] <= '9' ? p[i] - '0' : p[i] - 'a' + 10);

        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
}

bool fh_audit_link_from_hex(const char *text, uint8_t out[FH_AUDIT_LINK_LEN])
{
    if (strlen(text) != HEX || !is_hex(text, HEX))
        return false;
    read_hex(text, out);
    return true;
}

static void link_of(const uint8_t before[FH_AUDIT_LINK_LEN], const char *line, size_t len,
                    uint8_t out[FH_AUDIT_LINK_LEN])
{
    char text[HEX + 1 + FH_AUDIT_LINE_MAX];

    fh_audit_link_to_hex(before, text);
    memcpy(text + HEX, line, len);
    fh_sha256(text, HEX + len, out);
}

/* ---- writing ---- */

static size_t put(char *out, const char *text)
{
    size_t len = strlen(text);

    memcpy(out, text, len + 1);
    return len;
}

static size_t put_number(char *out, uint64_t v)
{
    char digits[SEQ_DIGITS + 1];
    size_t at = sizeof digits;

    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    return put(out, digits + at);
}

static size_t put_link(char *out, const char *key, const uint8_t link[FH_AUDIT_LINK_LEN])
{
    char hex[FH_AUDIT_LINK_HEX];
    size_t n = put(out, key);

    fh_audit_link_to_hex(link, hex);
    n += put(out + n, hex);
    return n + put(out + n, "\"");
}

int fh_audit_chain_seal(struct fh_audit_chain *c, bool begins_file, char *line, size_t len,
                        size_t room)
{
    struct fh_audit_chain next = {.seq = c->seq + 1};
    size_t n = len - 2; /* without "}\n" */

    if (room < FH_AUDIT_LINE_MAX || len < 3 || len > FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX ||
        memcmp(line + n, "}\n", 2) != 0 || c->seq == UINT64_MAX)
        return FH_SESSION_E_INVAL;
    n += put(line + n, seq_key);
    n += put_number(line + n, next.seq);
    if (begins_file)
        n += put_link(line + n, prev_key, c->link);
    link_of(c->link, line, n, next.link);
    n += put_link(line + n, chain_key, next.link);
    n += put(line + n, "}\n");
    *c = next;
    return (int)n;
}

/* ---- reading ---- */

/* What stands at the end of a line. */
struct tail {
    size_t body; /* bytes before ,"chain" */
    struct fh_audit_chain chain;
    bool has_prev;
    uint8_t prev[FH_AUDIT_LINK_LEN];
};

/* Takes `,"key":"64 hex digits"` from the end of the len bytes. */
static bool take_link(const char *line, size_t *len, const char *key,
                      uint8_t out[FH_AUDIT_LINK_LEN])
{
    size_t key_len = strlen(key), n = key_len + HEX + 1;
    const char *p = line + *len - n;

    if (*len < n || memcmp(p, key, key_len) != 0 || p[n - 1] != '"' || !is_hex(p + key_len, HEX))
        return false;
    read_hex(p + key_len, out);
    *len -= n;
    return true;
}

static bool take_number(const char *line, size_t *len, uint64_t *out)
{
    size_t end = *len, at = end, key_len = sizeof seq_key - 1;
    uint64_t v = 0;

    while (at > 0 && end - at < SEQ_DIGITS && line[at - 1] >= '0' && line[at - 1] <= '9')
        at--;
    if (at == end || line[at] == '0' || at < key_len ||
        memcmp(line + at - key_len, seq_key, key_len) != 0)
        return false;
    for (size_t i = at; i < end; i++) {
        uint64_t digit = (uint64_t)(line[i] - '0');

        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *len = at - key_len;
    *out = v;
    return true;
}

static bool read_tail(const char *line, size_t len, struct tail *out)
{
    struct tail t = {.body = 0};

    if (len < 4 || len > FH_AUDIT_LINE_MAX || line[0] != '{' ||
        memcmp(line + len - 2, "}\n", 2) != 0 || memchr(line, '\n', len - 1) != NULL)
        return false;
    len -= 2;
    if (!take_link(line, &len, chain_key, t.chain.link))
        return false;
    t.body = len;
    t.has_prev = take_link(line, &len, prev_key, t.prev);
    if (!take_number(line, &len, &t.chain.seq))
        return false;
    *out = t;
    return true;
}

bool fh_audit_chain_read(const char *line, size_t len, struct fh_audit_chain *out)
{
    struct tail t;

    if (!read_tail(line, len, &t))
        return false;
    *out = t.chain;
    return true;
}

/* ---- verifying ---- */

const char *fh_audit_fault_word(enum fh_audit_fault fault)
{
    switch (fault) {
#define X(name, word, text)                                                                        \
    case FH_AUDIT_FAULT_##name:                                                                    \
        return word;
        FH_AUDIT_FAULTS(X)
#undef X
    }
    return "unknown";
}

const char *fh_audit_fault_text(enum fh_audit_fault fault)
{
    switch (fault) {
#define X(name, word, text)                                                                        \
    case FH_AUDIT_FAULT_##name:                                                                    \
        return text;
        FH_AUDIT_FAULTS(X)
#undef X
    }
    return "unknown";
}

void fh_audit_verify_file(struct fh_audit_verifier *v)
{
    v->begins_file = true;
}

static bool has_link(const struct tail *t, const uint8_t before[FH_AUDIT_LINK_LEN],
                     const char *line)
{
    uint8_t link[FH_AUDIT_LINK_LEN];

    link_of(before, line, t->body, link);
    return memcmp(link, t->chain.link, sizeof link) == 0;
}

/* The first line that is seen: what was before it may have been rotated away. */
static enum fh_audit_fault judge_first(struct fh_audit_verifier *v, const struct tail *t,
                                       const char *line)
{
    v->first = t->chain.seq;
    v->at = t->chain;
    if (!t->has_prev)
        return FH_AUDIT_FAULT_HEAD;
    return has_link(t, t->prev, line) ? FH_AUDIT_FAULT_NONE : FH_AUDIT_FAULT_EDITED;
}

static enum fh_audit_fault judge_next(struct fh_audit_verifier *v, const struct tail *t,
                                      const char *line)
{
    const struct fh_audit_chain before = v->at;

    if (t->chain.seq <= before.seq)
        return FH_AUDIT_FAULT_ORDER;
    v->at = t->chain;
    v->missing = before.seq + 1;
    if (t->chain.seq > before.seq + 1)
        return FH_AUDIT_FAULT_REMOVED;
    if (t->has_prev && memcmp(t->prev, before.link, sizeof before.link) != 0)
        return FH_AUDIT_FAULT_EDITED;
    return has_link(t, before.link, line) ? FH_AUDIT_FAULT_NONE : FH_AUDIT_FAULT_EDITED;
}

enum fh_audit_fault fh_audit_verify_line(struct fh_audit_verifier *v, const char *line, size_t len)
{
    enum fh_audit_fault fault;
    struct tail t;

    v->lines++;
    if (len == 0 || line[len - 1] != '\n')
        fault = FH_AUDIT_FAULT_TRUNCATED;
    else if (!read_tail(line, len, &t))
        fault = FH_AUDIT_FAULT_FORM;
    else if (v->first == 0)
        fault = judge_first(v, &t, line);
    else if ((fault = judge_next(v, &t, line)) == FH_AUDIT_FAULT_NONE && v->begins_file &&
             !t.has_prev)
        fault = FH_AUDIT_FAULT_HEAD;
    v->begins_file = false;
    v->faults += fault != FH_AUDIT_FAULT_NONE;
    return fault;
}
