/* SPDX-License-Identifier: MIT */
#include "changelog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/cloud_address.h>

#include "apijson.h"

enum { TAIL = 1 << 20 /* bytes of a file that are read back */ };

struct kept {
    json_t *line; /* NULL: none yet */
    json_int_t number;
    uint8_t account[FH__ACCOUNT_LEN];
    bool has_account;
};

/* The newest lines, n % size is where the next one goes. */
struct ring {
    struct kept *kept;
    uint64_t size, n;
};

struct fh__changelog {
    struct fh_audit_log *log;
    uint64_t (*utc_ms)(void);
    void (*leaf)(void *user, enum fh__leaf kind, const uint8_t *address, const char *line,
                 size_t len);
    void *user;
    struct kept kept_changes[FH__CHANGELOG_KEPT], kept_refused[FH__CHANGELOG_REFUSED];
    struct ring changes, refused;
    json_int_t number; /* of the last line */
    void (*closed)(void *user);
    void *closed_user;
};

static const char *name_of(enum fh__change what)
{
    static const char *const names[] = {
#define X(name, text, level, leaf) text,
        FH__CHANGES(X)
#undef X
    };

    return names[what];
}

static enum fh_audit_level level_of(enum fh__change what)
{
    static const enum fh_audit_level levels[] = {
#define X(name, text, level, leaf) FH_AUDIT_##level,
        FH__CHANGES(X)
#undef X
    };

    return levels[what];
}

static enum fh__leaf leaf_of(enum fh__change what)
{
    static const enum fh__leaf leaves[] = {
#define X(name, text, level, leaf) FH__LEAF_##leaf,
        FH__CHANGES(X)
#undef X
    };

    return leaves[what];
}

/* ---- what is kept ---- */

/* line: taken. */
static void keep(struct fh__changelog *l, json_t *line)
{
    const char *event = json_string_value(json_object_get(line, "event"));
    const char *account = json_string_value(json_object_get(line, "account"));
    bool is_refusal = event && strcmp(event, name_of(FH__CHANGE_REFUSED)) == 0;
    struct ring *r = is_refusal ? &l->refused : &l->changes;
    struct kept *k = &r->kept[r->n % r->size];

    json_decref(k->line);
    k->line = line;
    k->number = json_integer_value(json_object_get(line, "number"));
    k->has_account = account && fh__hex_read(account, k->account, sizeof k->account);
    if (k->number > l->number)
        l->number = k->number;
    r->n++;
}

/* Only lines that the writer of this file wrote have "event" with a dot; notes of the log do not.
 */
static void read_back_line(struct fh__changelog *l, const char *p, size_t len)
{
    json_t *line = json_loadb(p, len, JSON_REJECT_DUPLICATES, NULL);
    const char *event = json_string_value(json_object_get(line, "event"));

    if (!event || !strchr(event, '.')) {
        json_decref(line);
        return;
    }
    json_object_del(line, "seq"); /* what chains them is the file's own */
    json_object_del(line, "prev");
    json_object_del(line, "chain");
    keep(l, line);
}

static void read_back(struct fh__changelog *l, const char *path)
{
    char *text = malloc(TAIL), *p, *end;
    FILE *f = fopen(path, "r");
    long from = 0;
    size_t n;

    if (!text || !f || fseek(f, 0, SEEK_END) != 0)
        goto out;
    from = ftell(f) > TAIL ? ftell(f) - TAIL : 0;
    if (from < 0 || fseek(f, from, SEEK_SET) != 0)
        goto out;
    n = fread(text, 1, TAIL, f);
    for (p = text; (end = memchr(p, '\n', n - (size_t)(p - text))) != NULL; p = end + 1)
        if (p > text || from == 0) /* the first one may have lost its beginning */
            read_back_line(l, p, (size_t)(end - p));
out:
    if (f)
        fclose(f);
    free(text);
}

/* The next line of a ring; NULL: there is none. */
static const struct kept *at(const struct ring *r, uint64_t i)
{
    return i < r->n ? &r->kept[i % r->size] : NULL;
}

static uint64_t oldest(const struct ring *r)
{
    return r->n > r->size ? r->n - r->size : 0;
}

json_t *fh__changelog_read(const struct fh__changelog *l, const uint8_t *account, uint64_t after,
                           size_t limit, uint64_t *next, bool *more)
{
    uint64_t i = oldest(&l->changes), j = oldest(&l->refused);
    json_t *array = json_array();
    const struct kept *a, *b, *k;

    *more = false;
    *next = after;
    for (;;) {
        a = at(&l->changes, i);
        b = at(&l->refused, j);
        if (!a && !b)
            break;
        k = !b || (a && a->number < b->number) ? a : b;
        i += k == a;
        j += k == b;
        if ((uint64_t)k->number <= after ||
            (account && (!k->has_account || memcmp(k->account, account, FH__ACCOUNT_LEN) != 0)))
            continue;
        if (json_array_size(array) == limit) {
            *more = true;
            break;
        }
        json_array_append(array, k->line);
        *next = (uint64_t)k->number;
    }
    return array;
}

/* ---- writing ---- */

static void set_text(json_t *o, const char *name, const char *text)
{
    if (text)
        json_object_set_new(o, name, json_string(text));
}

/* number: counts the lines of this service, as the chain's seq does those of a file. */
static json_t *compose(struct fh__changelog *l, const struct fh__change_event *ev)
{
    char address[FH_CLOUD_ADDRESS_TEXT];
    json_t *o = json_object();

    json_object_set_new(o, "utc", fh__json_time(l->utc_ms()));
    json_object_set_new(o, "number", json_integer(l->number + 1));
    set_text(o, "event", name_of(ev->what));
    set_text(o, "actor", ev->actor);
    set_text(o, "peer", ev->peer);
    if (ev->account)
        json_object_set_new(o, "account", fh__json_hex(ev->account, FH__ACCOUNT_LEN));
    if (ev->address) {
        fh_cloud_address_print(ev->address, address);
        set_text(o, "target", address);
    } else {
        set_text(o, "target", ev->target);
    }
    if (ev->details)
        json_object_set_new(o, "details", ev->details);
    return o;
}

/* The line with its newline; what makes it too long is left out, and said to be. malloc. */
static char *format(json_t *o, size_t *len)
{
    size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII, room = FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX;
    size_t n = json_dumpb(o, NULL, 0, flags);
    char *line;

    if (n + 1 > room) {
        json_object_del(o, "details");
        json_object_set_new(o, "cut", json_true());
        n = json_dumpb(o, NULL, 0, flags);
    }
    if (n == 0 || n + 1 > room || !(line = malloc(n + 2)))
        return NULL;
    json_dumpb(o, line, n, flags);
    line[n] = '\n';
    line[n + 1] = '\0';
    *len = n + 1;
    return line;
}

void fh__changelog_write(struct fh__changelog *l, const struct fh__change_event *ev)
{
    json_t *o = compose(l, ev);
    size_t len;
    char *line = format(o, &len);

    if (!line) {
        json_decref(o);
        return;
    }
    (void)fh_audit_log_write_line(l->log, level_of(ev->what), ev->peer, line, len);
    if (l->leaf && leaf_of(ev->what) != FH__LEAF_NONE)
        l->leaf(l->user, leaf_of(ev->what), ev->address, line, len - 1);
    free(line);
    keep(l, o);
}

bool fh__changelog_is_failing(const struct fh__changelog *l)
{
    return fh_audit_log_is_failing(l->log);
}

void fh__changelog_reopen(struct fh__changelog *l)
{
    fh_audit_log_reopen(l->log);
}

void fh__changelog_set_leaf(struct fh__changelog *l,
                            void (*leaf)(void *user, enum fh__leaf kind, const uint8_t *address,
                                         const char *line, size_t len),
                            void *user)
{
    l->leaf = leaf;
    l->user = user;
}

/* ---- opening and closing ---- */

static void discard(struct fh__changelog *l)
{
    for (size_t i = 0; i < FH__CHANGELOG_KEPT; i++)
        json_decref(l->kept_changes[i].line);
    for (size_t i = 0; i < FH__CHANGELOG_REFUSED; i++)
        json_decref(l->kept_refused[i].line);
    free(l);
}

/* Files only, the first that there is: the rotated one before it too. */
static void read_back_first(struct fh__changelog *l, const struct fh__changelog_config *cfg)
{
    for (size_t i = 0; i < cfg->n; i++) {
        struct fh_audit_target t;
        char *text = strdup(cfg->targets[i]), path[1024];
        const char *expected;
        bool is_file = text && fh_audit_target_parse(text, &t, &expected) == 0 &&
                       t.kind == FH_AUDIT_TO_FILE && strlen(t.where) + 3 < sizeof path;

        if (is_file) {
            snprintf(path, sizeof path, "%s.1", t.where);
            read_back(l, path);
            read_back(l, t.where);
        }
        free(text);
        if (is_file)
            return;
    }
}

int fh__changelog_open(const struct fh__changelog_config *cfg, char *why, size_t room,
                       struct fh__changelog **out)
{
    const struct fh_audit_log_config log = {
        .loop = cfg->loop, .name = "vnccloudd", .trouble = cfg->trouble, .user = cfg->user};
    struct fh__changelog *l = calloc(1, sizeof *l);
    int ret = l ? fh_audit_log_new(&log, &l->log) : FH_SESSION_E_NOMEM;

    if (ret != 0) {
        snprintf(why, room, "out of memory");
        free(l);
        return ret;
    }
    l->changes = (struct ring){.kept = l->kept_changes, .size = FH__CHANGELOG_KEPT};
    l->refused = (struct ring){.kept = l->kept_refused, .size = FH__CHANGELOG_REFUSED};
    l->utc_ms = cfg->utc_ms;
    l->leaf = cfg->leaf;
    l->user = cfg->user;
    for (size_t i = 0; ret == 0 && i < cfg->n; i++)
        ret = fh_audit_log_add(l->log, cfg->targets[i], why, room);
    if (ret != 0) {
        fh_audit_log_close(l->log, NULL, NULL);
        discard(l);
        return ret;
    }
    read_back_first(l, cfg);
    *out = l;
    return 0;
}

static void on_log_closed(void *user)
{
    struct fh__changelog *l = user;
    void (*closed)(void *user) = l->closed;

    user = l->closed_user;
    discard(l);
    if (closed)
        closed(user);
}

void fh__changelog_close(struct fh__changelog *l, void (*closed)(void *user), void *user)
{
    if (!l)
        return;
    l->closed = closed;
    l->closed_user = user;
    fh_audit_log_close(l->log, on_log_closed, l);
}
