/* SPDX-License-Identifier: MIT */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

void fh__parts_free(struct fh__parts *p)
{
    free(p->mem);
    *p = (struct fh__parts){0};
}

static bool begin(struct fh__parts *p, size_t total, size_t most)
{
    fh__parts_free(p);
    if (total > most || !(p->mem = malloc(total + 1)))
        return false;
    p->total = total;
    return true;
}

enum fh__parts_state fh__parts_take(struct fh__parts *p, const struct fh__msg_part *m, size_t most)
{
    if (!m->goes_on && !begin(p, m->total, most))
        return FH__PARTS_BAD;
    if (!p->mem || m->total != p->total || m->len > p->total - p->len) {
        fh__parts_free(p);
        return FH__PARTS_BAD;
    }
    if (m->len > 0)
        memcpy(p->mem + p->len, m->data, m->len);
    p->len += m->len;
    p->mem[p->len] = '\0';
    return p->len == p->total ? FH__PARTS_ALL : FH__PARTS_MORE;
}

int fh__parts_send(struct fh__link *l, unsigned number, const void *data, size_t len)
{
    uint8_t body[5 + FH__PART_MAX];
    struct fh__msg_part m = {.total = (uint32_t)len};
    size_t at = 0;

    do {
        struct wr w = wr_init(body, sizeof body);

        m.goes_on = at > 0;
        m.data = (const uint8_t *)data + at;
        m.len = len - at < FH__PART_MAX ? len - at : FH__PART_MAX;
        fh__msg_part_write(&w, &m);
        if (fh__link_send_wr(l, number, &w) != 0)
            return -1;
        at += m.len;
    } while (at < len);
    return 0;
}
