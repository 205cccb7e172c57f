/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BODY_MAX = 64 << 20 /* bytes that are held in memory */ };

void fh__client_default(char *out, size_t room)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");

    if (geteuid() == 0)
        snprintf(out, room, "/run/vnccloudd/control");
    else if (runtime && *runtime == '/')
        snprintf(out, room, "%s/vnccloudd/control", runtime);
    else
        snprintf(out, room, "%s/.cache/vnccloudd/control", home && *home == '/' ? home : "");
}

static int fail(struct fh__client *c, const char *why)
{
    snprintf(c->why, sizeof c->why, "%s", why);
    fh__client_close(c);
    return -1;
}

void fh__client_close(struct fh__client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static int connect_to(struct fh__client *c)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (c->fd >= 0)
        return 0;
    if (strlen(c->path) >= sizeof address.sun_path)
        return fail(c, strerror(ENAMETOOLONG));
    strcpy(address.sun_path, c->path);
    if ((c->fd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0 ||
        connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return fail(c, strerror(errno));
    return 0;
}

static int send_all(struct fh__client *c, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(c, "the service went away");
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int send_request(struct fh__client *c, const char *method, const char *target,
                        const char *body)
{
    size_t len = body ? strlen(body) : 0, room = strlen(target) + len + 256;
    char *request = malloc(room);
    int n, ret;

    if (!request)
        return fail(c, "out of memory");
    n = snprintf(request, room, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, target);
    if (body)
        n += snprintf(request + n, room - (size_t)n,
                      "Content-Type: application/json\r\nContent-Length: %zu\r\n", len);
    n += snprintf(request + n, room - (size_t)n, "\r\n%s", body ? body : "");
    ret = send_all(c, request, (size_t)n);
    free(request);
    return ret;
}

static ssize_t receive(struct fh__client *c, char *out, size_t room)
{
    ssize_t n;

    do
        n = recv(c->fd, out, room, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return fail(c, "the service went away");
    return n;
}

/* The head; what of the body came with it is at the beginning of buffer then, *len bytes. */
static int receive_head(struct fh__client *c, char buffer[FH__ANSWER_HEAD_MAX], size_t *len,
                        struct fh__answer *out)
{
    int head = 0;
    ssize_t n;

    *len = 0;
    while (head == 0) {
        if ((n = receive(c, buffer + *len, FH__ANSWER_HEAD_MAX - *len)) < 0)
            return -1;
        *len += (size_t)n;
        if ((head = fh__answer_read(buffer, *len, out)) < 0)
            return fail(c, "what answers there is no service of ours");
    }
    *len -= (size_t)head;
    memmove(buffer, buffer + head, *len);
    return 0;
}

/* The body, to a file or into *text (malloc). */
static int receive_body(struct fh__client *c, char *buffer, size_t len, uint64_t want, FILE *to,
                        char **text)
{
    uint64_t have = 0;
    ssize_t n = (ssize_t)len;

    if (!to && want > BODY_MAX)
        return fail(c, "the answer is too long");
    if (!to && !(*text = malloc((size_t)want + 1)))
        return fail(c, "out of memory");
    while (have < want) {
        if (n == 0 && (n = receive(c, buffer, FH__ANSWER_HEAD_MAX)) < 0)
            return -1;
        if ((uint64_t)n > want - have)
            return fail(c, "what answers there is no service of ours");
        if (to && fwrite(buffer, 1, (size_t)n, to) != (size_t)n)
            return fail(c, strerror(errno));
        if (!to)
            memcpy(*text + have, buffer, (size_t)n);
        have += (uint64_t)n;
        n = 0;
    }
    if (!to)
        (*text)[want] = '\0';
    return 0;
}

static int exchange(struct fh__client *c, const char *method, const char *target, const char *body,
                    FILE *to, struct fh__answer *answer, char **text)
{
    char buffer[FH__ANSWER_HEAD_MAX];
    size_t len;

    if (connect_to(c) != 0 || send_request(c, method, target, body) != 0 ||
        receive_head(c, buffer, &len, answer) != 0)
        return -1;
    return receive_body(c, buffer, len, answer->len, answer->status < 300 ? to : NULL, text);
}

int fh__client_ask(struct fh__client *c, const char *method, const char *target, const json_t *body,
                   struct fh__answer *answer, json_t **out, char **text)
{
    char *request = body ? json_dumps(body, JSON_COMPACT) : NULL, *got = NULL;
    int ret = exchange(c, method, target, request, NULL, answer, &got);

    free(request);
    *out = NULL;
    if (ret == 0 && answer->len > 0)
        *out = json_loadb(got, (size_t)answer->len, JSON_REJECT_DUPLICATES, NULL);
    if (text)
        *text = got;
    else
        free(got);
    return ret;
}

int fh__client_fetch(struct fh__client *c, const char *target, FILE *to, struct fh__answer *answer,
                     json_t **out)
{
    char *got = NULL;
    int ret = exchange(c, "GET", target, NULL, to, answer, &got);

    *out = got ? json_loads(got, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(got);
    return ret;
}
