/* SPDX-License-Identifier: MIT */
/*
 * Messages of channel 0: type and body. What can be read can be written, and reads back to the same
 * bytes; a text that was escaped is clean.
 */
#include <stdlib.h>

#include "../src/session_messages.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

static bool read_and_write(uint8_t type, struct rd r, struct wr *w)
{
    union {
        struct fh__offer offer;
        struct fh__choose choose;
        struct fh__ask ask;
        struct fh__answer answer;
        struct fh__result result;
        uint32_t permissions;
        struct fh__bye bye;
        struct fh_rotation rotation;
    } m;

    switch (type) {
    case FH_MSG_OFFER:
        return fh__offer_read(r, &m.offer) && (fh__offer_write(w, &m.offer), true);
    case FH_MSG_CHOOSE:
        return fh__choose_read(r, &m.choose) && (fh__choose_write(w, &m.choose), true);
    case FH_MSG_ASK:
        return fh__ask_read(r, &m.ask) && (fh__ask_write(w, &m.ask), true);
    case FH_MSG_ANSWER:
        return fh__answer_read(r, &m.answer) && (fh__answer_write(w, &m.answer), true);
    case FH_MSG_RESULT:
        return fh__result_read(r, &m.result) && (fh__result_write(w, &m.result), true);
    case FH_MSG_PERMISSIONS:
        return fh__permissions_read(r, &m.permissions) &&
               (fh__permissions_write(w, m.permissions), true);
    case FH_MSG_ROTATION:
        return fh__rotation_read(r, &m.rotation) && (fh__rotation_write(w, &m.rotation), true);
    case FH_MSG_BYE:
        return fh__bye_read(r, &m.bye) && (fh__bye_write(w, &m.bye), true);
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t mem[1 << 20];
    struct wr w = wr_init(mem, sizeof mem);
    char text[100];

    fh__session_text_escape(data, len, text, sizeof text);
    require(fh__session_text_is_clean(text, strlen(text)));
    if (len == 0 || !read_and_write(data[0], rd_init(data + 1, len - 1), &w))
        return 0;
    require(!w.bad && w.len == len);
    if (data[0] == FH_MSG_BYE)
        mem[2] = data[2]; /* unknown flags are not kept */
    require(memcmp(mem, data, len) == 0);
    return 0;
}
