/* SPDX-License-Identifier: MIT */
#include <farhand/cloud_address.h>

#include <string.h>

/* Crockford's base32: no I, L, O, U. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum {
    ADDRESS_DIGITS = 20,
    ADDRESS_BITS = 95,
    PASSWORD_DIGITS = 26,
    PASSWORD_BITS = 128,
    GROUP = 5,
    TEXT_MAX = 128 /* characters looked at, separators included */
};

static int digit_of(char c)
{
    const char *p;

    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        return 0;
    if (c == 'I' || c == 'L')
        return 1;
    p = c ? strchr(alphabet, c) : NULL;
    return p ? (int)(p - alphabet) : -1;
}

/* Exactly want digits, whatever separates them. */
static bool read_digits(const char *text, size_t len, uint8_t *digits, size_t want)
{
    size_t n = 0;

    if (len > TEXT_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        int d = digit_of(text[i]);

        if (text[i] == ' ' || text[i] == '-')
            continue;
        if (d < 0 || n == want)
            return false;
        digits[n++] = (uint8_t)d;
    }
    return n == want;
}

/* Bit i, counted from the most significant, of a number of bits in the low end of bytes. */
static unsigned bit_of(const uint8_t *bytes, size_t len, unsigned bits, unsigned i)
{
    unsigned at = (unsigned)len * 8 - bits + i;

    return bytes[at / 8] >> (7 - at % 8) & 1u;
}

static void set_bit(uint8_t *bytes, size_t len, unsigned bits, unsigned i, unsigned v)
{
    unsigned at = (unsigned)len * 8 - bits + i;

    bytes[at / 8] = (uint8_t)(bytes[at / 8] | v << (7 - at % 8));
}

/*
 * CRC-5 of 95 bits: x^5 + x^2 + 1, register set to ones. The polynomial is irreducible and divides
 * neither a change of up to five bits in a row (one character) nor x^5 + 1 times such a one (two
 * neighbours exchanged).
 */
static uint8_t checksum(const uint8_t address[FH_CLOUD_ADDRESS_LEN])
{
    unsigned crc = 0x1f;

    for (unsigned i = 0; i < ADDRESS_BITS; i++) {
        unsigned top = (crc >> 4 ^ bit_of(address, FH_CLOUD_ADDRESS_LEN, ADDRESS_BITS, i)) & 1u;

        crc = (crc << 1 & 0x1f) ^ (top ? 0x05 : 0);
    }
    return (uint8_t)crc;
}

bool fh_cloud_address_is_valid(const uint8_t address[FH_CLOUD_ADDRESS_LEN])
{
    return (address[0] & 0x80) == 0;
}

void fh_cloud_address_random(fh_random_fn random, void *user, uint8_t out[FH_CLOUD_ADDRESS_LEN])
{
    random(user, out, FH_CLOUD_ADDRESS_LEN);
    out[0] &= 0x7f;
}

void fh_cloud_address_print(const uint8_t address[FH_CLOUD_ADDRESS_LEN],
                            char out[FH_CLOUD_ADDRESS_TEXT])
{
    uint8_t digits[ADDRESS_DIGITS] = {0};

    for (unsigned i = 0; i < ADDRESS_BITS; i++)
        digits[i / 5] =
            (uint8_t)(digits[i / 5] << 1 | bit_of(address, FH_CLOUD_ADDRESS_LEN, ADDRESS_BITS, i));
    digits[ADDRESS_DIGITS - 1] = checksum(address);
    for (size_t i = 0; i < ADDRESS_DIGITS; i++) {
        if (i > 0 && i % GROUP == 0)
            *out++ = '-';
        *out++ = alphabet[digits[i]];
    }
    *out = '\0';
}

int fh_cloud_address_parse(const char *text, size_t len, uint8_t out[FH_CLOUD_ADDRESS_LEN])
{
    uint8_t digits[ADDRESS_DIGITS], address[FH_CLOUD_ADDRESS_LEN] = {0};

    if (!read_digits(text, len, digits, ADDRESS_DIGITS))
        return FH_CLOUD_E_PROTO;
    for (unsigned i = 0; i < ADDRESS_BITS; i++)
        set_bit(address, sizeof address, ADDRESS_BITS, i, digits[i / 5] >> (4 - i % 5) & 1u);
    if (checksum(address) != digits[ADDRESS_DIGITS - 1])
        return FH_CLOUD_E_CHECKSUM;
    memcpy(out, address, sizeof address);
    return 0;
}

void fh_cloud_password_random(fh_random_fn random, void *user, uint8_t out[FH_CLOUD_PASSWORD_LEN])
{
    random(user, out, FH_CLOUD_PASSWORD_LEN);
}

/* 26 digits hold two bits more than 128: the first two, which are 0. */
void fh_cloud_password_print(const uint8_t password[FH_CLOUD_PASSWORD_LEN],
                             char out[FH_CLOUD_PASSWORD_TEXT])
{
    uint8_t digits[PASSWORD_DIGITS] = {0};

    for (unsigned i = 0; i < PASSWORD_BITS; i++) {
        uint8_t *d = &digits[(i + 2) / 5];

        *d = (uint8_t)(*d << 1 | bit_of(password, FH_CLOUD_PASSWORD_LEN, PASSWORD_BITS, i));
    }
    for (size_t i = 0; i < PASSWORD_DIGITS; i++)
        out[i] = alphabet[digits[i]];
    out[PASSWORD_DIGITS] = '\0';
    fh_wipe(digits, sizeof digits);
}

int fh_cloud_password_parse(const char *text, size_t len, uint8_t out[FH_CLOUD_PASSWORD_LEN])
{
    uint8_t digits[PASSWORD_DIGITS];
    int ret = FH_CLOUD_E_PROTO;

    if (!read_digits(text, len, digits, PASSWORD_DIGITS) || digits[0] > 7)
        goto out;
    memset(out, 0, FH_CLOUD_PASSWORD_LEN);
    for (unsigned i = 0; i < PASSWORD_BITS; i++)
        set_bit(out, FH_CLOUD_PASSWORD_LEN, PASSWORD_BITS, i,
                digits[(i + 2) / 5] >> (4 - (i + 2) % 5) & 1u);
    ret = 0;
out:
    fh_wipe(digits, sizeof digits);
    return ret;
}
