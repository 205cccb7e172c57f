/* SPDX-License-Identifier: MIT */
#include "unique.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const struct fh__name *a, const struct fh__name *b)
{
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return memcmp(a->text, b->text, a->len);
}

static int compare(const void *a, const void *b)
{
    const struct fh__name *x = a, *y = b;
    int ret = compare_names(x, y);

    return ret != 0 ? ret : x->line < y->line ? -1 : x->line > y->line;
}

unsigned fh__unique(struct fh__name *names, size_t n)
{
    unsigned first = 0;

    if (n > 0)
        qsort(names, n, sizeof *names, compare);
    for (size_t i = 1; i < n; i++)
        if (compare_names(&names[i - 1], &names[i]) == 0 && (first == 0 || names[i].line < first))
            first = names[i].line;
    return first;
}
