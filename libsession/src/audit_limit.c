/* SPDX-License-Identifier: MIT */
#include <farhand/audit_limit.h>

#include <stdlib.h>
#include <string.h>

enum { SOURCES = 128, PEER_MAX = 64, TEXT_MAX = 256 };

/* One window of one source. The last of the table stands for all that find no place. */
struct source {
    bool is_used;
    uint8_t ip[16];
    uint8_t ip_len;
    char peer[PEER_MAX]; /* without port */
    uint64_t until_ms;
    unsigned passed[FH_AUDIT_TYPES];
    uint64_t held[FH_AUDIT_TYPES];
    uint64_t n_held;
};

struct fh_audit_limit {
    struct fh_audit_limit_config cfg;
    struct source sources[SOURCES + 1];
    uint64_t total_until_ms;
    unsigned total; /* that passed in this window */
    char text[TEXT_MAX], peer[PEER_MAX];
};

struct fh_audit_limit *fh_audit_limit_new(const struct fh_audit_limit_config *cfg)
{
    struct fh_audit_limit *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->cfg = *cfg;
    l->cfg.burst = cfg->burst ? cfg->burst : 20;
    l->cfg.total = cfg->total ? cfg->total : 1000;
    l->cfg.window_ms = cfg->window_ms ? cfg->window_ms : 60000;
    return l;
}

void fh_audit_limit_free(struct fh_audit_limit *l)
{
    free(l);
}

/* What a stranger can cause. A session has an id from the moment in which it is let in. */
static bool is_limited(const struct fh_audit_event *ev)
{
    if (ev->session)
        return false;
    switch (ev->type) {
    case FH_AUDIT_CONNECTED:
    case FH_AUDIT_REFUSED:
    case FH_AUDIT_IDENTIFIED:
    case FH_AUDIT_AUTH_FAILED:
    case FH_AUDIT_DENIED:
    case FH_AUDIT_BLACKLISTED:
    case FH_AUDIT_ENDED:
        return true;
    case FH_AUDIT_APPROVAL:
    case FH_AUDIT_STARTED:
    case FH_AUDIT_PERMISSIONS:
    case FH_AUDIT_DETACHED:
    case FH_AUDIT_RESUMED:
    case FH_AUDIT_MOVED:
    case FH_AUDIT_ROTATION:
    case FH_AUDIT_SUPPRESSED:
    case FH_AUDIT_SERVICE_STARTED:
    case FH_AUDIT_SERVICE_ENDED:
    case FH_AUDIT_LOG_RECOVERED:
    case FH_AUDIT_LOG_LOST:
    case FH_AUDIT_TYPES:
        break;
    }
    return false;
}

static void copy_peer(char out[PEER_MAX], const struct fh_audit_event *ev)
{
    const char *peer = ev->peer ? ev->peer : "", *colon = ev->ip_len ? strrchr(peer, ':') : NULL;
    size_t len = colon ? (size_t)(colon - peer) : strlen(peer);

    len = len < PEER_MAX ? len : PEER_MAX - 1;
    memcpy(out, peer, len);
    out[len] = '\0';
}

static bool is_of(const struct source *s, const uint8_t *ip, size_t len)
{
    return s->is_used && s->ip_len == len && memcmp(s->ip, ip, len) == 0;
}

static bool is_over(const struct source *s, uint64_t now_ms)
{
    return !s->is_used || (s->n_held == 0 && now_ms >= s->until_ms);
}

static struct source *begin(struct fh_audit_limit *l, struct source *s, uint64_t now_ms,
                            const struct fh_audit_event *ev)
{
    *s = (struct source){.is_used = true, .until_ms = now_ms + l->cfg.window_ms};
    if (s == l->sources + SOURCES)
        strcpy(s->peer, "*");
    else
        copy_peer(s->peer, ev);
    return s;
}

/* The source's window; begun anew if it is over and nothing waits to be told of it. */
static struct source *find(struct fh_audit_limit *l, uint64_t now_ms,
                           const struct fh_audit_event *ev)
{
    size_t len = ev->ip_len == 16 ? 8 : ev->ip_len == 4 ? 4 : 0;
    struct source *s, *room = NULL;
    uint8_t ip[16] = {0};

    if (len != 0)
        memcpy(ip, ev->ip, len);
    for (s = l->sources; s < l->sources + SOURCES && !is_of(s, ip, len); s++)
        if (!room && is_over(s, now_ms))
            room = s;
    if (s == l->sources + SOURCES && room)
        s = room;
    else if (!is_over(s, now_ms))
        return s;
    s = begin(l, s, now_ms, ev);
    s->ip_len = (uint8_t)len;
    memcpy(s->ip, ip, sizeof ip);
    return s;
}

bool fh_audit_limit_pass(struct fh_audit_limit *l, uint64_t now_ms, const struct fh_audit_event *ev)
{
    struct source *s;

    if (!is_limited(ev))
        return true;
    if (now_ms >= l->total_until_ms) {
        l->total_until_ms = now_ms + l->cfg.window_ms;
        l->total = 0;
    }
    s = find(l, now_ms, ev);
    if (s->passed[ev->type] < l->cfg.burst && l->total < l->cfg.total) {
        s->passed[ev->type]++;
        l->total++;
        return true;
    }
    s->held[ev->type]++;
    s->n_held++;
    return false;
}

static void append(char *out, const char *text)
{
    size_t len = strlen(out);

    strncat(out, text, TEXT_MAX - 1 - len);
}

static void append_number(char *out, uint64_t v)
{
    char digits[21];
    size_t at = sizeof digits;

    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    append(out, digits + at);
}

/* "connected 12, refused 80" */
static void describe(const struct source *s, char *out)
{
    *out = '\0';
    for (int i = 0; i < FH_AUDIT_TYPES; i++) {
        if (s->held[i] == 0)
            continue;
        append(out, *out ? ", " : "");
        append(out, fh_audit_type_name((enum fh_audit_type)i));
        append(out, " ");
        append_number(out, s->held[i]);
    }
}

bool fh_audit_limit_summary(struct fh_audit_limit *l, uint64_t now_ms, struct fh_audit_event *ev)
{
    for (struct source *s = l->sources; s <= l->sources + SOURCES; s++) {
        if (s->n_held == 0 || now_ms < s->until_ms)
            continue;
        describe(s, l->text);
        memcpy(l->peer, s->peer, sizeof l->peer);
        *ev = (struct fh_audit_event){.type = FH_AUDIT_SUPPRESSED,
                                      .monotonic_ms = now_ms,
                                      .peer = l->peer,
                                      .text = l->text,
                                      .count = s->n_held};
        *s = (struct source){.is_used = false};
        return true;
    }
    return false;
}

uint64_t fh_audit_limit_deadline(const struct fh_audit_limit *l)
{
    uint64_t first = UINT64_MAX;

    for (const struct source *s = l->sources; s <= l->sources + SOURCES; s++)
        if (s->n_held != 0 && s->until_ms < first)
            first = s->until_ms;
    return first;
}
