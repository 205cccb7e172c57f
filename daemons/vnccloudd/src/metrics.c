/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 1 << 20 };

void fh__text_add(struct fh__text *t, const char *format, ...)
{
    char piece[1024], *p;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(piece, sizeof piece, format, ap);
    va_end(ap);
    if (n < 0 || n >= (int)sizeof piece || t->len + (size_t)n + 1 > TEXT_MAX)
        t->bad = true;
    if (t->bad)
        return;
    if (t->len + (size_t)n + 1 > t->room) {
        size_t room = t->room ? t->room * 2 : 8192;

        if (!(p = realloc(t->p, room))) {
            t->bad = true;
            return;
        }
        t->p = p;
        t->room = room;
    }
    for (int i = 0; i <= n; i++)
        t->p[t->len + (size_t)i] = piece[i];
    t->len += (size_t)n;
}

void fh__metric(struct fh__text *t, const char *name, const char *type, const char *help)
{
    fh__text_add(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void fh__metric_value(struct fh__text *t, const char *name, const char *labels, uint64_t value)
{
    fh__text_add(t, "%s%s %" PRIu64 "\n", name, labels, value);
}

void fh__metrics_write(const struct fh__metrics *m, struct fh__text *out)
{
    static const struct {
        const char *name, *labels, *help;
    } counters[FH__COUNTER_COUNT] = {
#define X(id, name, labels, help) {name, labels, help},
        FH__COUNTERS(X)
#undef X
    };

    fh__metric(out, "vnccloudd_start_time_seconds", "gauge", "When the service started.");
    fh__metric_value(out, "vnccloudd_start_time_seconds", "", m->started_ms / 1000);
    for (size_t i = 0; i < FH__COUNTER_COUNT; i++) {
        if (counters[i].help)
            fh__metric(out, counters[i].name, "counter", counters[i].help);
        fh__metric_value(out, counters[i].name, counters[i].labels, m->counters[i]);
    }
}
