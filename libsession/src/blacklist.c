/* SPDX-License-Identifier: MIT */
#include <farhand/blacklist.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/digest.h>

enum {
    ENTRIES = 4096,
    FRIENDS = 256, /* addresses from which a name got in */
    VALUE_LEN = 16,
    KEYS_MAX = 5, /* /64, /56, /48, user, peer */
    DAY_S = 86400,
    USER_MAX_S = 300,
    FORGET_MS = 3600 * 1000,
    LEVEL_MAX = 20, /* doublings */
};

/* What is counted, and how patiently: a multiple of the threshold. The letters stand in the file.
 */
enum kind {
    KIND_NONE,
    KIND_ADDRESS = 'a',
    KIND_56 = 'b',
    KIND_48 = 'c',
    KIND_USER = 'u',
    KIND_PEER = 'p'
};

struct key {
    uint8_t kind;
    uint8_t value[VALUE_LEN];
};

struct entry {
    struct key key; /* KIND_NONE: free */
    unsigned failures;
    unsigned level;        /* listings so far */
    uint64_t listed_until; /* ms; 0: never was */
    uint64_t last_ms;      /* the last failure */
};

struct friend
{
    uint8_t user[VALUE_LEN], address[VALUE_LEN];
    bool is_set;
};

struct fh_blacklist {
    struct fh_blacklist_config cfg;
    struct entry entries[ENTRIES];
    struct friend friends[FRIENDS];
    unsigned next_friend;
};

int fh_blacklist_configure(struct fh_blacklist *b, const struct fh_blacklist_config *cfg)
{
    struct fh_blacklist_config c = *cfg;

    c.threshold = c.threshold ? c.threshold : 5;
    c.timeout_s = c.timeout_s ? c.timeout_s : 10;
    c.max_timeout_s = c.max_timeout_s ? c.max_timeout_s : DAY_S;
    if (c.threshold > 1000 || c.timeout_s > DAY_S || c.max_timeout_s > 30 * DAY_S)
        return FH_SESSION_E_INVAL;
    b->cfg = c;
    return 0;
}

struct fh_blacklist *fh_blacklist_new(const struct fh_blacklist_config *cfg)
{
    struct fh_blacklist *b = calloc(1, sizeof *b);

    if (b && fh_blacklist_configure(b, cfg) != 0) {
        free(b);
        b = NULL;
    }
    return b;
}

void fh_blacklist_free(struct fh_blacklist *b)
{
    free(b);
}

/* ---- keys ---- */

static void digest(const char *label, const void *data, size_t len, uint8_t out[VALUE_LEN])
{
    uint8_t whole[FH_HMAC_LEN];

    fh_hmac_sha256((const uint8_t *)label, strlen(label), data, len, whole);
    memcpy(out, whole, VALUE_LEN);
}

/* The address as one value, for any family. */
static void address_value(const uint8_t *ip, size_t len, uint8_t out[VALUE_LEN])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    memset(out, 0, VALUE_LEN);
    if (len == 16 && memcmp(ip, mapped, sizeof mapped) != 0) {
        memcpy(out, ip, 8);
    } else {
        memcpy(out, mapped, sizeof mapped);
        memcpy(out + 12, len == 16 ? ip + 12 : ip, 4);
    }
}

static bool is_ipv4(const uint8_t value[VALUE_LEN])
{
    return value[10] == 0xff && value[11] == 0xff;
}

static unsigned address_keys(const struct fh_blacklist_who *who, struct key *keys)
{
    if (who->ip_len != 4 && who->ip_len != 16)
        return 0;
    keys[0] = (struct key){.kind = KIND_ADDRESS};
    address_value(who->ip, who->ip_len, keys[0].value);
    if (is_ipv4(keys[0].value))
        return 1;
    keys[1] = keys[2] = keys[0];
    keys[1].kind = KIND_56;
    keys[1].value[7] = 0;
    keys[2].kind = KIND_48;
    keys[2].value[6] = keys[2].value[7] = 0;
    return 3;
}

static unsigned keys_of(const struct fh_blacklist_who *who, struct key keys[KEYS_MAX])
{
    unsigned n = address_keys(who, keys);

    if (who->user) {
        keys[n] = (struct key){.kind = KIND_USER};
        digest("user", who->user, strlen(who->user), keys[n++].value);
    }
    if (who->fingerprint) {
        keys[n] = (struct key){.kind = KIND_PEER};
        memcpy(keys[n++].value, who->fingerprint, VALUE_LEN);
    }
    return n;
}

static bool is_same_key(const struct key *a, const struct key *b)
{
    return a->kind == b->kind && memcmp(a->value, b->value, VALUE_LEN) == 0;
}

static unsigned threshold_of(const struct fh_blacklist *b, uint8_t kind)
{
    return b->cfg.threshold * (kind == KIND_48 ? 16 : kind == KIND_56 ? 4 : 1);
}

static uint64_t limit_ms(const struct fh_blacklist *b, uint8_t kind)
{
    unsigned s = b->cfg.max_timeout_s;

    return (uint64_t)(kind == KIND_USER && s > USER_MAX_S ? USER_MAX_S : s) * 1000;
}

/* ---- whom a name knows ---- */

static struct friend *find_friend(const struct fh_blacklist *b, const struct fh_blacklist_who *who,
                                  struct friend *wanted)
{
    *wanted = (struct friend){.is_set = true};
    digest("user", who->user, strlen(who->user), wanted->user);
    if (who->ip_len != 0)
        address_value(who->ip, who->ip_len, wanted->address);
    for (unsigned i = 0; i < FRIENDS; i++)
        if (b->friends[i].is_set && memcmp(b->friends[i].user, wanted->user, VALUE_LEN) == 0 &&
            memcmp(b->friends[i].address, wanted->address, VALUE_LEN) == 0)
            return (struct friend *)&b->friends[i];
    return NULL;
}

static bool is_friend(const struct fh_blacklist *b, const struct fh_blacklist_who *who)
{
    struct friend wanted;

    return who->user && find_friend(b, who, &wanted);
}

static void add_friend(struct fh_blacklist *b, const struct fh_blacklist_who *who)
{
    struct friend wanted;

    if (!who->user || find_friend(b, who, &wanted))
        return;
    b->friends[b->next_friend] = wanted;
    b->next_friend = (b->next_friend + 1) % FRIENDS;
}

/* ---- entries ---- */

static bool is_forgotten(const struct entry *e, uint64_t now)
{
    uint64_t since = e->listed_until > e->last_ms ? e->listed_until : e->last_ms;

    return now >= since && now - since >= FORGET_MS;
}

static struct entry *find(const struct fh_blacklist *b, const struct key *key)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (is_same_key(&b->entries[i].key, key))
            return (struct entry *)&b->entries[i];
    return NULL;
}

/* Whether a is the better one to lose: not listed, listed less often, failed less, longer ago. */
static bool is_milder(const struct entry *a, const struct entry *b, uint64_t now)
{
    bool a_listed = a->listed_until > now, b_listed = b->listed_until > now;

    if (a_listed != b_listed)
        return b_listed;
    if (a->level != b->level)
        return a->level < b->level;
    if (a->failures != b->failures)
        return a->failures < b->failures;
    return a->last_ms < b->last_ms;
}

static struct entry *make_room(struct fh_blacklist *b, uint64_t now)
{
    struct entry *mildest = &b->entries[0];

    for (unsigned i = 0; i < ENTRIES; i++) {
        struct entry *e = &b->entries[i];

        if (e->key.kind == KIND_NONE || is_forgotten(e, now))
            return e;
        if (is_milder(e, mildest, now))
            mildest = e;
    }
    return mildest;
}

static struct entry *entry_of(struct fh_blacklist *b, const struct key *key, uint64_t now)
{
    struct entry *e = find(b, key);

    if (e && !is_forgotten(e, now))
        return e;
    if (!e)
        e = make_room(b, now);
    *e = (struct entry){.key = *key};
    return e;
}

static void count_failure(struct fh_blacklist *b, const struct key *key, uint64_t now)
{
    struct entry *e = entry_of(b, key, now);
    uint64_t ms = (uint64_t)b->cfg.timeout_s * 1000 << e->level, limit = limit_ms(b, key->kind);

    e->last_ms = now;
    e->failures++;
    if (e->level == 0 && e->failures < threshold_of(b, key->kind))
        return;
    e->listed_until = now + (ms < limit ? ms : limit);
    e->level += e->level < LEVEL_MAX;
}

uint64_t fh_blacklist_wait(const struct fh_blacklist *b, uint64_t now_ms,
                           const struct fh_blacklist_who *who)
{
    struct key keys[KEYS_MAX];
    unsigned n = keys_of(who, keys);
    bool knows = is_friend(b, who);
    uint64_t wait = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct entry *e = find(b, &keys[i]);

        if (!e || e->listed_until <= now_ms || (keys[i].kind == KIND_USER && knows))
            continue;
        if (e->listed_until - now_ms > wait)
            wait = e->listed_until - now_ms;
    }
    return wait;
}

int fh_blacklist_begin(struct fh_blacklist *b, uint64_t now_ms, const struct fh_blacklist_who *who,
                       uint64_t *wait_ms)
{
    struct key keys[KEYS_MAX];
    unsigned n = keys_of(who, keys);

    if ((*wait_ms = fh_blacklist_wait(b, now_ms, who)) != 0)
        return FH_SESSION_E_BUSY;
    for (unsigned i = 0; i < n; i++)
        count_failure(b, &keys[i], now_ms);
    return 0;
}

unsigned fh_blacklist_forgive(struct fh_blacklist *b, const struct fh_blacklist_who *who)
{
    struct key keys[KEYS_MAX];
    unsigned n = keys_of(who, keys), found = 0;

    for (unsigned i = 0; i < n; i++) {
        struct entry *e = find(b, &keys[i]);

        if (!e)
            continue;
        found++;
        memset(e, 0, sizeof *e);
    }
    return found;
}

void fh_blacklist_succeeded(struct fh_blacklist *b, uint64_t now_ms,
                            const struct fh_blacklist_who *who)
{
    (void)now_ms;
    (void)fh_blacklist_forgive(b, who);
    add_friend(b, who);
}

unsigned fh_blacklist_count(const struct fh_blacklist *b, uint64_t now_ms)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ENTRIES; i++)
        n += b->entries[i].key.kind != KIND_NONE && b->entries[i].listed_until > now_ms;
    return n;
}

/* ---- text: "KIND VALUE FAILURES LEVEL LISTED LAST", and "friend USER ADDRESS" ---- */

enum { LINE_MAX_LEN = 128 };

static const char hex[] = "0123456789abcdef";
static const char title[] = "farhand-blacklist 1\n";

static char *put_text(char *p, const char *text)
{
    size_t len = strlen(text);

    memcpy(p, text, len);
    return p + len;
}

static char *put_hex(char *p, const uint8_t value[VALUE_LEN])
{
    for (unsigned i = 0; i < VALUE_LEN; i++) {
        *p++ = hex[value[i] >> 4];
        *p++ = hex[value[i] & 15];
    }
    return p;
}

static char *put_number(char *p, uint64_t n)
{
    char digits[20];
    unsigned len = 0;

    do
        digits[len++] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    *p++ = ' ';
    while (len > 0)
        *p++ = digits[--len];
    return p;
}

/* A time of ours as UTC; what is before 1970 is "never". */
static uint64_t to_utc(uint64_t ms, uint64_t now_ms, int64_t utc_s)
{
    int64_t s = utc_s + (int64_t)(ms / 1000) - (int64_t)(now_ms / 1000);

    return ms == 0 || s < 0 ? 0 : (uint64_t)s;
}

static char *put_entry(char *p, const struct entry *e, uint64_t now_ms, int64_t utc_s)
{
    *p++ = (char)e->key.kind;
    *p++ = ' ';
    p = put_hex(p, e->key.value);
    p = put_number(p, e->failures);
    p = put_number(p, e->level);
    p = put_number(p, to_utc(e->listed_until, now_ms, utc_s));
    p = put_number(p, to_utc(e->last_ms, now_ms, utc_s));
    *p++ = '\n';
    return p;
}

static char *put_friend(char *p, const struct friend *f)
{
    p = put_text(p, "f ");
    p = put_hex(p, f->user);
    *p++ = ' ';
    p = put_hex(p, f->address);
    *p++ = '\n';
    return p;
}

char *fh_blacklist_text(const struct fh_blacklist *b, uint64_t now_ms, int64_t utc_s, size_t *len)
{
    char *text = malloc(sizeof title + (size_t)(ENTRIES + FRIENDS) * LINE_MAX_LEN), *p = text;

    if (!text)
        return NULL;
    p = put_text(p, title);
    for (unsigned i = 0; i < ENTRIES; i++)
        if (b->entries[i].key.kind != KIND_NONE && !is_forgotten(&b->entries[i], now_ms))
            p = put_entry(p, &b->entries[i], now_ms, utc_s);
    for (unsigned i = 0; i < FRIENDS; i++)
        if (b->friends[i].is_set)
            p = put_friend(p, &b->friends[i]);
    *p = '\0';
    *len = (size_t)(p - text);
    return text;
}

struct scan {
    const char *p, *end;
};

static bool take(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(struct scan *s, uint8_t value[VALUE_LEN])
{
    if (!take(s, ' ') || s->end - s->p < 2 * VALUE_LEN)
        return false;
    for (unsigned i = 0; i < VALUE_LEN; i++, s->p += 2) {
        int high = nibble(s->p[0]), low = nibble(s->p[1]);

        if (high < 0 || low < 0)
            return false;
        value[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool take_number(struct scan *s, uint64_t max, uint64_t *out)
{
    const char *start;

    if (!take(s, ' '))
        return false;
    *out = 0;
    for (start = s->p; s->p != s->end && *s->p >= '0' && *s->p <= '9' && s->p - start < 13; s->p++)
        *out = *out * 10 + (uint64_t)(*s->p - '0');
    return s->p != start && *out <= max;
}

/* UTC of the file as a time of ours, not more than ahead_ms from now. */
static uint64_t from_utc(uint64_t utc, uint64_t now_ms, int64_t utc_s, uint64_t ahead_ms)
{
    int64_t ms = ((int64_t)utc - utc_s) * 1000;

    if (utc == 0)
        return 0;
    if (ms > (int64_t)ahead_ms)
        ms = (int64_t)ahead_ms;
    return ms < 0 && now_ms < (uint64_t)-ms ? 0 : now_ms + (uint64_t)ms;
}

static bool is_kind(char c)
{
    return c == KIND_ADDRESS || c == KIND_56 || c == KIND_48 || c == KIND_USER || c == KIND_PEER;
}

static bool read_entry(struct fh_blacklist *b, struct scan s, uint64_t now_ms, int64_t utc_s,
                       struct entry *e)
{
    const uint64_t utc_max = UINT64_C(1) << 40;
    uint64_t failures, level, listed, last;

    *e = (struct entry){.key.kind = (uint8_t)*s.p++};
    if (!take_hex(&s, e->key.value) || !take_number(&s, UINT32_MAX, &failures) ||
        !take_number(&s, LEVEL_MAX, &level) || !take_number(&s, utc_max, &listed) ||
        !take_number(&s, utc_max, &last) || s.p != s.end)
        return false;
    e->failures = (unsigned)failures;
    e->level = (unsigned)level;
    e->listed_until = from_utc(listed, now_ms, utc_s, limit_ms(b, e->key.kind));
    e->last_ms = from_utc(last, now_ms, utc_s, 0);
    return true;
}

static bool read_line(struct fh_blacklist *b, struct scan s, uint64_t now_ms, int64_t utc_s)
{
    struct friend f = {.is_set = true};
    struct entry e, *place;

    if (s.p != s.end && is_kind(*s.p)) {
        if (!read_entry(b, s, now_ms, utc_s, &e) || find(b, &e.key))
            return false;
        place = make_room(b, now_ms);
        *place = e;
        return true;
    }
    if (!take(&s, 'f') || !take_hex(&s, f.user) || !take_hex(&s, f.address) || s.p != s.end)
        return false;
    b->friends[b->next_friend] = f;
    b->next_friend = (b->next_friend + 1) % FRIENDS;
    return true;
}

static void clear(struct fh_blacklist *b)
{
    memset(b->entries, 0, sizeof b->entries);
    memset(b->friends, 0, sizeof b->friends);
    b->next_friend = 0;
}

int fh_blacklist_parse(struct fh_blacklist *b, uint64_t now_ms, int64_t utc_s, const char *text,
                       size_t len, unsigned *line)
{
    const char *end = text + len, *newline;
    unsigned most = ENTRIES + FRIENDS + 1;

    *line = 1;
    if (len < sizeof title - 1 || memcmp(text, title, sizeof title - 1) != 0)
        return FH_SESSION_E_FORMAT;
    for (text += sizeof title - 1; text != end; text = newline + 1) {
        ++*line;
        newline = memchr(text, '\n', (size_t)(end - text));
        if (!newline || *line > most ||
            !read_line(b, (struct scan){text, newline}, now_ms, utc_s)) {
            clear(b);
            return FH_SESSION_E_FORMAT;
        }
    }
    return 0;
}
