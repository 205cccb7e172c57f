/* SPDX-License-Identifier: MIT */
#include "tls_hello.h"

enum {
    RECORD_HEAD = 5,       /* type, version, length; RFC 5246 6.2.1 */
    RECORD_HANDSHAKE = 22, /* RFC 5246 6.2.1 */
    CLIENT_HELLO = 1,      /* RFC 5246 7.4 */
    SERVER_HELLO = 2,
    EXT_FRAGMENT = 1, /* RFC 6066 section 4 */
    EXT_EMS = 23,     /* RFC 7627 section 8 */
    EXT_TICKET = 35   /* RFC 5077 section 3.2 */
};

/*
 * RFC 5246 7.4.1.2, 7.4.1.3: u8 type, u24 length; u16 version, random[32]; u8 length, session id;
 * ClientHello: u16 length, suites; u8 length, compressions; ServerHello: u16 suite, u8 compression;
 * then u16 length, and extensions of u16 type, u16 length, bytes.
 */
enum step {
    HEAD,
    FIXED,
    ID_LEN,
    ID,
    SUITES_LEN,
    SUITES,
    METHODS_LEN,
    METHODS,
    EXTS,
    EXT,
    EXT_BODY
};

static void go_to(struct fh__tls_hello *h, enum step step, uint32_t want)
{
    h->step = (uint8_t)step;
    h->want = want;
    h->value = 0;
}

static void begin_body(struct fh__tls_hello *h)
{
    uint8_t type = (uint8_t)(h->value >> 24);

    h->message_left = h->value & 0xffffff;
    h->is_server = type == SERVER_HELLO;
    h->done = type != CLIENT_HELLO && type != SERVER_HELLO;
    go_to(h, FIXED, 2 + 32);
}

static void note_extension(struct fh__tls_hello *h)
{
    uint32_t type = h->value >> 16, len = h->value & 0xffff;

    /* One that promises more than the message has is none. */
    if (len <= h->message_left) {
        h->ems = h->ems || type == EXT_EMS;
        h->fragment = h->fragment || type == EXT_FRAGMENT;
        h->ticket = h->ticket || (type == EXT_TICKET && len > 0);
    }
    go_to(h, EXT_BODY, len);
}

static void next_step(struct fh__tls_hello *h)
{
    switch ((enum step)h->step) {
    case HEAD:
        begin_body(h);
        break;
    case FIXED:
        go_to(h, ID_LEN, 1);
        break;
    case ID_LEN:
        go_to(h, ID, h->value);
        break;
    case ID:
        if (h->is_server)
            go_to(h, METHODS, 3);
        else
            go_to(h, SUITES_LEN, 2);
        break;
    case SUITES_LEN:
        go_to(h, SUITES, h->value);
        break;
    case SUITES:
        go_to(h, METHODS_LEN, 1);
        break;
    case METHODS_LEN:
        go_to(h, METHODS, h->value);
        break;
    case METHODS:
        go_to(h, EXTS, 2);
        break;
    case EXTS:
    case EXT_BODY:
        go_to(h, EXT, 4);
        break;
    case EXT:
        note_extension(h);
        break;
    }
}

static void message_byte(struct fh__tls_hello *h, uint8_t byte)
{
    bool in_body = h->step != HEAD;

    if (h->step == HEAD && h->want == 0)
        go_to(h, HEAD, 4);
    h->value = h->value << 8 | byte;
    h->want--;
    if (in_body)
        h->message_left--;
    /* Empty vectors are steps of no bytes. */
    while (h->want == 0 && !h->done)
        next_step(h);
    if (h->step != HEAD && h->message_left == 0)
        h->done = true;
}

static void record_byte(struct fh__tls_hello *h, uint8_t byte)
{
    if (h->record_have < RECORD_HEAD) {
        if (h->record_have == 0 && byte != RECORD_HANDSHAKE)
            h->done = true;
        h->record_left = (uint16_t)(h->record_left << 8 | byte);
        h->record_have++;
        if (h->record_have == RECORD_HEAD && h->record_left == 0)
            h->done = true; /* RFC 5246 6.2.1: no fragments of no length in a handshake */
        return;
    }
    message_byte(h, byte);
    if (--h->record_left == 0)
        h->record_have = 0;
}

void fh__tls_hello_input(struct fh__tls_hello *h, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len && !h->done; i++)
        record_byte(h, data[i]);
}
