/* SPDX-License-Identifier: MIT */
/*
 * http.h -- the server's side of HTTP/1.1 (RFC 9110, RFC 9112), strictly and without I/O.
 *
 *     fh__http_in()        bytes of the peer, at most up to the end of a request
 *     fh__http_request()   the request, once it is whole
 *     fh__http_error()     otherwise: the status to refuse with; then the connection is over
 *     fh__http_next()      it was answered: the next one may come
 *     fh__http_head()      the head of an answer
 *
 * What two programs might read in two ways is refused instead of repaired: a line that ends in LF
 * alone, folded lines, a blank before a colon, Transfer-Encoding, more than one Content-Length, a
 * body where none belongs, targets that are no path. So there is nothing to smuggle (RFC 9112
 * section 11.2). A request is at most 16 KiB of head and 64 KiB of body; nothing of the next one is
 * taken before this one was answered, so pipelining costs no memory.
 *
 * One connection, one struct fh__http, one thread.
 */
#ifndef FH_VNCCLOUDD_HTTP_H
#define FH_VNCCLOUDD_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FH__HTTP_HEAD_MAX = 16 * 1024, /* bytes */
    FH__HTTP_BODY_MAX = 64 * 1024,
    FH__HTTP_TARGET_MAX = 2048,
    FH__HTTP_FIELDS_MAX = 64,
    FH__HTTP_SEGMENTS_MAX = 8, /* of a path */
    FH__HTTP_SEGMENT_MAX = 256 /* bytes, decoded, with NUL */
};

enum fh__http_method {
    FH__HTTP_GET,
    FH__HTTP_HEAD,
    FH__HTTP_POST,
    FH__HTTP_PUT,
    FH__HTTP_DELETE,
    FH__HTTP_OPTIONS,
    FH__HTTP_OTHER,
    FH__HTTP_METHODS
};

/* Text within a request; lent until fh__http_next(). */
struct fh__http_text {
    const char *p;
    size_t len;
};

struct fh__http_field {
    struct fh__http_text name, value;
};

struct fh__http_request {
    enum fh__http_method method;
    struct fh__http_text verb, path, query; /* query: without '?'; p NULL: there is none */
    struct fh__http_field fields[FH__HTTP_FIELDS_MAX];
    size_t n_fields;
    const char *body;
    size_t len;
    bool closes; /* the peer wants the connection to end after the answer */
};

struct fh__http;

struct fh__http *fh__http_new(void);    /* NULL: out of memory */
void fh__http_free(struct fh__http *h); /* wipes: there were secrets in it */

/* Returns how many bytes were taken: less than len once a request is whole, or refused. */
size_t fh__http_in(struct fh__http *h, const void *data, size_t len);
/* NULL: not yet. Lent until fh__http_next(). */
const struct fh__http_request *fh__http_request(const struct fh__http *h);
/* 0, or what to refuse with: 400, 413, 414, 417, 431, 500, 501, 505. For good. */
unsigned fh__http_error(const struct fh__http *h);
/* True once for a request whose sender waits to be told to go on (RFC 9110 10.1.1). */
bool fh__http_wants_continue(struct fh__http *h);
/* A request has begun and is not whole: time is counted. */
bool fh__http_is_within(const struct fh__http *h);
void fh__http_next(struct fh__http *h);

/* The value of a field, or p NULL. name: in lower case. */
struct fh__http_text fh__http_field(const struct fh__http_request *r, const char *name);
bool fh__http_is(struct fh__http_text t, const char *text); /* without regard to case */

/*
 * The segments of the path, decoded and checked to be UTF-8 without control characters; how many.
 * -1: it has more, or empty ones, "." or "..", or encoded slashes.
 */
int fh__http_path(const struct fh__http_request *r,
                  char out[FH__HTTP_SEGMENTS_MAX][FH__HTTP_SEGMENT_MAX]);
/* One parameter of the query, decoded. 1; 0: it is not there; -1: it is wrong, or there twice. */
int fh__http_parameter(const struct fh__http_request *r, const char *name, char *out, size_t room);
/* False: a parameter that is none of the names, which end in NULL. */
bool fh__http_has_only(const struct fh__http_request *r, const char *const *names);

struct fh__http_reply {
    unsigned status;
    const char *type; /* of the body; static */
    char extra[2048]; /* further fields, by fh__http_add() */
    size_t extra_len;
    char *body; /* malloc */
    size_t len;
    int fd; /* of a file that is the body instead; -1: none */
    uint64_t fd_len;
    bool is_secret; /* wipe the body when it was sent */
};

/* A further field of an answer; Cache-Control takes the place of no-store. False: no room, or the
 * value could be taken for more than one. */
bool fh__http_add(struct fh__http_reply *r, const char *name, const char *value);
const char *fh__http_reason(unsigned status);

/*
 * The head of an answer. utc_s: now. is_secure: over TLS, so that HSTS is promised (RFC 6797).
 * Returns its length; 0: no room.
 */
size_t fh__http_head(const struct fh__http_reply *r, uint64_t utc_s, bool is_secure, bool closes,
                     char *out, size_t room);

#endif
