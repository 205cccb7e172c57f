/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/identity.h>

#include "utf8.h"

enum state { IN_HEAD, IN_BODY, WHOLE, FAILED };

struct fh__http {
    enum state state;
    unsigned error;
    char *head; /* FH__HTTP_HEAD_MAX bytes while a request is under way; NULL between requests */
    size_t head_len;
    char *body;
    size_t body_len, body_want;
    bool wants_continue;
    struct fh__http_request request;
};

struct fh__http *fh__http_new(void)
{
    return calloc(1, sizeof(struct fh__http));
}

static void drop(struct fh__http *h)
{
    if (h->head)
        fh_wipe(h->head, h->head_len);
    if (h->body)
        fh_wipe(h->body, h->body_len);
    free(h->head);
    free(h->body);
    *h = (struct fh__http){.state = IN_HEAD};
}

void fh__http_free(struct fh__http *h)
{
    if (!h)
        return;
    drop(h);
    free(h);
}

static void fail(struct fh__http *h, unsigned status)
{
    drop(h);
    h->state = FAILED;
    h->error = status;
}

/* ---- the grammar ---- */

static bool is_tchar(char c) /* RFC 9110 5.6.2 */
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_target_char(char c) /* RFC 3986: what may stand in a path or a query */
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@/?%", c) != NULL);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool fh__http_is(struct fh__http_text t, const char *text)
{
    if (t.len != strlen(text) || (t.len > 0 && !t.p))
        return false;
    for (size_t i = 0; i < t.len; i++)
        if (lower(t.p[i]) != lower(text[i]))
            return false;
    return true;
}

static enum fh__http_method method_of(struct fh__http_text verb)
{
    static const char *const names[FH__HTTP_METHODS] = {"GET", "HEAD",   "POST",
                                                        "PUT", "DELETE", "OPTIONS"};

    for (int i = 0; i < FH__HTTP_OTHER; i++)
        if (verb.len == strlen(names[i]) && memcmp(verb.p, names[i], verb.len) == 0)
            return (enum fh__http_method)i;
    return FH__HTTP_OTHER;
}

/* Up to c, which is skipped. */
static bool take_until(struct fh__http_text *line, char c, struct fh__http_text *out)
{
    const char *at = memchr(line->p, c, line->len);

    if (!at)
        return false;
    *out = (struct fh__http_text){line->p, (size_t)(at - line->p)};
    line->p = at + 1;
    line->len -= out->len + 1;
    return true;
}

static unsigned parse_target(struct fh__http_request *r, struct fh__http_text target)
{
    const char *question;

    if (target.len > FH__HTTP_TARGET_MAX)
        return 414;
    if (r->method == FH__HTTP_OPTIONS && fh__http_is(target, "*")) {
        r->path = target;
        return 0;
    }
    if (target.len == 0 || target.p[0] != '/')
        return 400;
    for (size_t i = 0; i < target.len; i++)
        if (!is_target_char(target.p[i]))
            return 400;
    r->path = target;
    if ((question = memchr(target.p, '?', target.len)) != NULL) {
        r->path.len = (size_t)(question - target.p);
        r->query.p = question + 1;
        r->query.len = target.len - r->path.len - 1;
    }
    return 0;
}

/* RFC 9112 3: method SP request-target SP HTTP-version */
static unsigned parse_request_line(struct fh__http_request *r, struct fh__http_text line)
{
    struct fh__http_text target;

    if (!take_until(&line, ' ', &r->verb) || r->verb.len == 0 || r->verb.len > 32 ||
        !take_until(&line, ' ', &target))
        return 400;
    for (size_t i = 0; i < r->verb.len; i++)
        if (!is_tchar(r->verb.p[i]))
            return 400;
    if (line.len != 8 || memcmp(line.p, "HTTP/", 5) != 0 || line.p[5] < '0' || line.p[5] > '9' ||
        line.p[6] != '.' || line.p[7] < '0' || line.p[7] > '9')
        return 400;
    if (memcmp(line.p + 5, "1.1", 3) != 0)
        return 505;
    r->method = method_of(r->verb);
    return parse_target(r, target);
}

/* RFC 9112 5: field-name ":" OWS field-value OWS */
static unsigned parse_field(struct fh__http_request *r, struct fh__http_text line)
{
    struct fh__http_field f;

    if (r->n_fields == FH__HTTP_FIELDS_MAX)
        return 431;
    if (!take_until(&line, ':', &f.name) || f.name.len == 0)
        return 400;
    for (size_t i = 0; i < f.name.len; i++)
        if (!is_tchar(f.name.p[i]))
            return 400;
    while (line.len > 0 && (*line.p == ' ' || *line.p == '\t')) {
        line.p++;
        line.len--;
    }
    while (line.len > 0 && (line.p[line.len - 1] == ' ' || line.p[line.len - 1] == '\t'))
        line.len--;
    for (size_t i = 0; i < line.len; i++)
        if ((line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] > 0x7e)
            return 400;
    f.value = line;
    r->fields[r->n_fields++] = f;
    return 0;
}

struct fh__http_text fh__http_field(const struct fh__http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_fields; i++)
        if (fh__http_is(r->fields[i].name, name))
            return r->fields[i].value;
    return (struct fh__http_text){NULL, 0};
}

/* Fields that may stand once; of two, one reader would take the first and another the last. */
static bool has_twins(const struct fh__http_request *r)
{
    static const char *const once[] = {"host",          "content-length",  "content-type",
                                       "authorization", "idempotency-key", "if-match",
                                       "connection",    "expect"};

    for (size_t k = 0; k < sizeof once / sizeof once[0]; k++) {
        size_t n = 0;

        for (size_t i = 0; i < r->n_fields; i++)
            n += fh__http_is(r->fields[i].name, once[k]);
        if (n > 1)
            return true;
    }
    return false;
}

/* RFC 9112 6.3: only Content-Length says how long a body is. */
static unsigned parse_length(const struct fh__http_request *r, size_t *out)
{
    struct fh__http_text t = fh__http_field(r, "content-length");
    size_t n = 0;

    *out = 0;
    if (fh__http_field(r, "transfer-encoding").p)
        return t.p ? 400 : 501;
    if (!t.p)
        return 0;
    if (t.len == 0 || t.len > 19)
        return 400;
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return 400;
        n = n * 10 + (size_t)(t.p[i] - '0');
    }
    if (n > FH__HTTP_BODY_MAX)
        return 413;
    if (n > 0 && r->method != FH__HTTP_POST && r->method != FH__HTTP_PUT)
        return 400;
    *out = n;
    return 0;
}

/* Is the token one of the list (RFC 9110 5.6.1)? */
static bool has_token(struct fh__http_text list, const char *token)
{
    size_t from = 0;

    for (size_t i = 0; list.p && i <= list.len; i++) {
        size_t end = i;

        if (i < list.len && list.p[i] != ',')
            continue;
        while (from < end && (list.p[from] == ' ' || list.p[from] == '\t'))
            from++;
        while (end > from && (list.p[end - 1] == ' ' || list.p[end - 1] == '\t'))
            end--;
        if (fh__http_is((struct fh__http_text){list.p + from, end - from}, token))
            return true;
        from = i + 1;
    }
    return false;
}

/* host [ ":" port ], in the characters of a name or an address. */
static bool is_host(struct fh__http_text t)
{
    if (!t.p || t.len > 255)
        return false;
    for (size_t i = 0; i < t.len; i++)
        if (!is_target_char(t.p[i]) && t.p[i] != '[' && t.p[i] != ']')
            return false;
    return t.len == 0 || !memchr(t.p, '/', t.len);
}

static unsigned judge(struct fh__http *h)
{
    struct fh__http_request *r = &h->request;
    struct fh__http_text expect = fh__http_field(r, "expect");
    unsigned error;

    if (has_twins(r) || !is_host(fh__http_field(r, "host")))
        return 400;
    if ((error = parse_length(r, &h->body_want)) != 0)
        return error;
    if (expect.p && !fh__http_is(expect, "100-continue"))
        return 417;
    h->wants_continue = expect.p && h->body_want > 0;
    r->closes = has_token(fh__http_field(r, "connection"), "close");
    return 0;
}

/* The head is whole: lines that each end in CR LF, which were checked on the way, and an empty one.
 */
static unsigned parse_head(struct fh__http *h)
{
    struct fh__http_text rest = {h->head, h->head_len - 2}, line;
    unsigned error = 0;

    h->request = (struct fh__http_request){.method = FH__HTTP_OTHER};
    for (bool is_first = true; error == 0 && rest.len > 0; is_first = false) {
        if (!take_until(&rest, '\r', &line))
            return 400;
        rest.p++; /* the LF */
        rest.len--;
        error = is_first ? parse_request_line(&h->request, line) : parse_field(&h->request, line);
    }
    return error != 0 ? error : judge(h);
}

/* ---- bytes ---- */

/* One byte of the head. LF only behind CR, CR only before LF, nothing that is no text. */
static unsigned check_byte(const struct fh__http *h, char c)
{
    char last = h->head_len > 0 ? h->head[h->head_len - 1] : '\0';

    if ((c == '\n') != (last == '\r'))
        return 400;
    if (c == '\0' || (c < 0x20 && c != '\r' && c != '\n' && c != '\t') || c > 0x7e)
        return 400;
    if (h->head_len == FH__HTTP_HEAD_MAX)
        return 431;
    return 0;
}

static bool ends_head(const struct fh__http *h)
{
    return h->head_len >= 4 && memcmp(h->head + h->head_len - 4, "\r\n\r\n", 4) == 0;
}

static void begin_body(struct fh__http *h)
{
    unsigned error = parse_head(h);

    if (error != 0) {
        fail(h, error);
        return;
    }
    if (h->body_want == 0) {
        h->state = WHOLE;
        return;
    }
    if (!(h->body = malloc(h->body_want + 1)))
        fail(h, 500);
    else
        h->state = IN_BODY;
}

static size_t head_in(struct fh__http *h, const char *data, size_t len)
{
    unsigned error;

    if (!h->head && !(h->head = malloc(FH__HTTP_HEAD_MAX))) {
        fail(h, 500);
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if ((error = check_byte(h, data[i])) != 0) {
            fail(h, error);
            return i;
        }
        h->head[h->head_len++] = data[i];
        if (data[i] == '\n' && h->head_len == 2) { /* an empty line is no request */
            fail(h, 400);
            return i;
        }
        if (data[i] == '\n' && ends_head(h)) {
            begin_body(h);
            return i + 1;
        }
    }
    return len;
}

static size_t body_in(struct fh__http *h, const char *data, size_t len)
{
    size_t n = h->body_want - h->body_len;

    if (n > len)
        n = len;
    memcpy(h->body + h->body_len, data, n);
    h->body_len += n;
    h->wants_continue = false; /* it did not wait */
    if (h->body_len == h->body_want) {
        h->body[h->body_len] = '\0';
        h->request.body = h->body;
        h->request.len = h->body_len;
        h->state = WHOLE;
    }
    return n;
}

size_t fh__http_in(struct fh__http *h, const void *data, size_t len)
{
    const char *p = data;
    size_t taken = 0;

    while (taken < len) {
        size_t n = 0;

        if (h->state == IN_HEAD)
            n = head_in(h, p + taken, len - taken);
        else if (h->state == IN_BODY)
            n = body_in(h, p + taken, len - taken);
        taken += n;
        if (h->state == WHOLE || h->state == FAILED)
            break;
    }
    return taken;
}

const struct fh__http_request *fh__http_request(const struct fh__http *h)
{
    return h->state == WHOLE ? &h->request : NULL;
}

unsigned fh__http_error(const struct fh__http *h)
{
    return h->error;
}

bool fh__http_wants_continue(struct fh__http *h)
{
    bool wants = h->wants_continue && h->state == IN_BODY;

    h->wants_continue = false;
    return wants;
}

bool fh__http_is_within(const struct fh__http *h)
{
    return h->head_len > 0 && h->state != WHOLE;
}

void fh__http_next(struct fh__http *h)
{
    if (h->state == WHOLE)
        drop(h);
}
