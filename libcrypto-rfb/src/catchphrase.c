/* SPDX-License-Identifier: MIT */
/*
 * catchphrase.c -- eight words that name a fingerprint for people. docs/protocol.md, "Catchphrase".
 *
 * No word is a prefix of another, so the letters alone tell the words: that is what is compared.
 */
#include "internal.h"

#include <string.h>

#include <sodium.h>

#include "wordlist.h"
#include "wr.h"

enum {
    OPS = 3,
    MEM = 64 << 20, /* bytes */
    WORD_BITS = 11,
    LETTERS_MAX = FH_CATCHPHRASE_WORDS * FH__WORD_MAX
};

_Static_assert(FH__WORDS == 1 << WORD_BITS, "a word for each number");
_Static_assert(crypto_pwhash_argon2id_SALTBYTES == 16, "salt");

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* 11 bits from bit 11 i on, most significant first. */
static unsigned word_index(const uint8_t *bits, unsigned i)
{
    unsigned at = WORD_BITS * i;
    uint32_t v = (uint32_t)bits[at / 8] << 16 | (uint32_t)bits[at / 8 + 1] << 8 | bits[at / 8 + 2];

    return v >> (24 - WORD_BITS - at % 8) & (FH__WORDS - 1);
}

/* "Word word word word. Word word word word." */
static void write_phrase(const uint8_t *bits, struct wr *w)
{
    for (unsigned i = 0; i < FH_CATCHPHRASE_WORDS; i++) {
        const char *word = fh__wordlist[word_index(bits, i)];
        bool starts = i % 4 == 0;

        if (i != 0)
            wr_u8(w, ' ');
        wr_u8(w, (uint8_t)(starts ? word[0] - 'a' + 'A' : word[0]));
        wr_bytes(w, word + 1, strlen(word) - 1);
        if (i % 4 == 3)
            wr_u8(w, '.');
    }
    wr_u8(w, 0);
}

int fh_catchphrase(const uint8_t fp[FH_FINGERPRINT_LEN], char out[FH_CATCHPHRASE_MAX])
{
    static const char salt[] = "farhand-phrase-1";
    uint8_t bits[16];
    struct wr w = wr_init(out, FH_CATCHPHRASE_MAX);

    if (sodium_init() < 0)
        return FH_CRYPTO_E_INTERNAL;
    if (crypto_pwhash(bits, sizeof bits, (const char *)fp, FH_FINGERPRINT_LEN,
                      (const uint8_t *)salt, OPS, MEM, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return FH_CRYPTO_E_NOMEM;
    write_phrase(bits, &w);
    return 0;
}

/* Letters of a text in lower case, and where each word starts. */
struct letters {
    char text[LETTERS_MAX];
    size_t len;
    size_t starts[FH_CATCHPHRASE_WORDS];
    size_t words;
};

/* ASCII spaces and punctuation separate; anything else that is no letter makes it false. */
static bool read_letters(const char *s, struct letters *out)
{
    bool inside = false;

    *out = (struct letters){.len = 0};
    for (; *s; s++) {
        char c = to_lower(*s);
        bool is_separator = (c >= '\t' && c <= '\r') || (c >= ' ' && c <= '~');

        if (!is_letter(c)) {
            if (!is_separator || (c >= '0' && c <= '9'))
                return false;
            inside = false;
            continue;
        }
        if (out->len == sizeof out->text)
            return false;
        if (!inside && out->words < FH_CATCHPHRASE_WORDS)
            out->starts[out->words] = out->len;
        out->words += !inside;
        inside = true;
        out->text[out->len++] = c;
    }
    return true;
}

int fh_catchphrase_matches(const char *phrase, const char *typed)
{
    struct letters p, t;
    size_t half;

    if (!read_letters(phrase, &p) || p.words != FH_CATCHPHRASE_WORDS || !read_letters(typed, &t))
        return 0;
    half = p.starts[FH_CATCHPHRASE_WORDS / 2];
    if (t.len == p.len && memcmp(t.text, p.text, p.len) == 0)
        return FH_CATCHPHRASE_WORDS;
    if (t.len == half && memcmp(t.text, p.text, half) == 0)
        return FH_CATCHPHRASE_WORDS / 2;
    if (t.len == p.len - half && memcmp(t.text, p.text + half, p.len - half) == 0)
        return FH_CATCHPHRASE_WORDS / 2;
    return 0;
}

static bool has_prefix(const char *word, const char *prefix)
{
    for (; *prefix; word++, prefix++)
        if (*word != to_lower(*prefix))
            return false;
    return true;
}

const char *fh_catchphrase_complete(const char *prefix)
{
    const char *found = NULL;

    for (size_t i = 0; i < FH__WORDS; i++) {
        if (!has_prefix(fh__wordlist[i], prefix))
            continue;
        if (found)
            return NULL;
        found = fh__wordlist[i];
    }
    return found;
}
