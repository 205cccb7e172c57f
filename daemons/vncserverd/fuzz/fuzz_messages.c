/* SPDX-License-Identifier: MIT */
/*
 * The bodies of messages between our processes: the first byte says which. What a reader takes, its
 * writer says again, byte for byte. Texts come in parts as well, as a hostile sender cuts them.
 */
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "parts.h"
#include "rd.h"
#include "wr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[1 << 16];

static void must_be_same(const struct wr *w, const uint8_t *data, size_t size)
{
    if (w->bad || w->len != size || memcmp(w->mem, data, size) != 0)
        abort();
}

#define X(noun, type)                                                                              \
    static void try_##noun(const uint8_t *data, size_t size)                                       \
    {                                                                                              \
        static struct type m;                                                                      \
        struct wr w = wr_init(again, sizeof again);                                                \
                                                                                                   \
        if (!fh__msg_##noun##_read(rd_init(data, size), &m))                                       \
            return;                                                                                \
        fh__msg_##noun##_write(&w, &m);                                                            \
        must_be_same(&w, data, size);                                                              \
    }
FH__BODIES(X)
#undef X

/* Pieces of a u16 length and a part each. */
static void try_assembly(const uint8_t *data, size_t size)
{
    struct rd all = rd_init(data, size);
    struct fh__parts parts = {0};
    struct fh__msg_part m;

    while (all.left > 2 && !all.bad) {
        struct rd piece = rd_sub(&all, rd_u16(&all));

        if (piece.bad || !fh__msg_part_read(piece, &m))
            break;
        if (fh__parts_take(&parts, &m, 4096) == FH__PARTS_ALL &&
            (parts.len != parts.total || parts.mem[parts.len] != '\0'))
            abort();
    }
    fh__parts_free(&parts);
}

static void (*const tries[])(const uint8_t *data, size_t size) = {
#define X(noun, type) try_##noun,
    FH__BODIES(X)
#undef X
        try_assembly};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0)
        tries[data[0] % (sizeof tries / sizeof *tries)](data + 1, size - 1);
    return 0;
}
