/* SPDX-License-Identifier: MIT */
/* What a peer sends: whole and cut anywhere, it means the same. */
#include <stdlib.h>
#include <string.h>

#include "http.h"

struct outcome {
    unsigned requests, error;
    size_t bytes;
};

static void look(const struct fh__http_request *r, struct outcome *o)
{
    static const char *const names[] = {"limit", "after", NULL};
    char path[FH__HTTP_SEGMENTS_MAX][FH__HTTP_SEGMENT_MAX], value[64];
    int n = fh__http_path(r, path);

    for (int i = 0; i < n; i++)
        o->bytes += strlen(path[i]);
    if (fh__http_parameter(r, "limit", value, sizeof value) == 1)
        o->bytes += strlen(value);
    o->bytes += fh__http_has_only(r, names) + r->len + r->n_fields;
}

static struct outcome run(const uint8_t *data, size_t len, size_t step)
{
    struct fh__http *h = fh__http_new();
    struct outcome o = {0};
    size_t at = 0;

    while (h && at < len && o.error == 0) {
        size_t n = len - at < step ? len - at : step, took = fh__http_in(h, data + at, n);

        if (took > n)
            abort();
        at += took;
        (void)fh__http_wants_continue(h);
        if ((o.error = fh__http_error(h)) == 0 && fh__http_request(h)) {
            look(fh__http_request(h), &o);
            o.requests++;
            fh__http_next(h);
        } else if (o.error == 0 && took < n) {
            abort(); /* it neither goes on nor says why */
        }
    }
    fh__http_free(h);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct outcome whole = run(data, len, len), cut = run(data, len, 1), thirds = run(data, len, 3);

    if (whole.requests != cut.requests || whole.error != cut.error || whole.bytes != cut.bytes ||
        whole.requests != thirds.requests || whole.error != thirds.error)
        abort();
    return 0;
}
