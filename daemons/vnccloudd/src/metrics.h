/* SPDX-License-Identifier: MIT */
/*
 * metrics.h -- numbers of the service, as Prometheus reads them (text format 0.0.4).
 *
 * No label ever names an account, an address, a key or a peer: who may read how much is going on
 * shall not learn who does it.
 */
#ifndef FH_VNCCLOUDD_METRICS_H
#define FH_VNCCLOUDD_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text that grows, up to a megabyte. Zeroed is empty; bad: it is not whole. */
struct fh__text {
    char *p; /* malloc */
    size_t len, room;
    bool bad;
};

void fh__text_add(struct fh__text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The two lines before the values of a name. type: "counter" or "gauge". */
void fh__metric(struct fh__text *t, const char *name, const char *type, const char *help);
/* labels: "" or `{class="2xx"}`: fixed words of ours. */
void fh__metric_value(struct fh__text *t, const char *name, const char *labels, uint64_t value);

#define FH__COUNTERS(X)                                                                            \
    X(HTTP_2XX, "vnccloudd_http_answers_total", "{class=\"2xx\"}", "Answers of the API.")          \
    X(HTTP_4XX, "vnccloudd_http_answers_total", "{class=\"4xx\"}", NULL)                           \
    X(HTTP_5XX, "vnccloudd_http_answers_total", "{class=\"5xx\"}", NULL)                           \
    X(KEY_ACCEPTED, "vnccloudd_api_keys_total", "{result=\"accepted\"}",                           \
      "Requests by whether their key was good.")                                                   \
    X(KEY_REFUSED, "vnccloudd_api_keys_total", "{result=\"refused\"}", NULL)                       \
    X(API_LIMITED, "vnccloudd_api_limited_total", "", "Requests refused for coming too often.")    \
    X(CHANGES, "vnccloudd_changes_total", "", "Changes made by operators and keys.")               \
    X(REPLAYS, "vnccloudd_api_replays_total", "", "Answers that were given once more.")            \
    X(STORE_FAILED, "vnccloudd_store_failures_total", "",                                          \
      "Calls of the database that failed: full, not writable, busy.")

enum fh__counter {
#define X(id, name, labels, help) FH__COUNT_##id,
    FH__COUNTERS(X)
#undef X
        FH__COUNTER_COUNT
};

struct fh__metrics {
    uint64_t counters[FH__COUNTER_COUNT];
    uint64_t started_ms; /* UTC */
};

static inline void fh__count(struct fh__metrics *m, enum fh__counter c)
{
    m->counters[c]++;
}

void fh__metrics_write(const struct fh__metrics *m, struct fh__text *out);

#endif
