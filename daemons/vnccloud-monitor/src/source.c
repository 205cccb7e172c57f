/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/identity.h>
#include <farhand/tcp.h>
#include <farhand/tls_uv.h>

#include "base64.h"
#include "reply.h"

enum { TIMEOUT_MS = 30000, ANSWER_MAX = 4 << 20, REQUEST_MAX = 2048, KEY_MAX = 256 };

struct fh__source {
    int dir; /* of a folder; -1 */
    struct fh_cloud_service service;
    uv_loop_t loop;
    uv_timer_t timer;
    struct fh_tls_context *tls;
    struct fh_tls_session *session;
    struct fh_stream *s; /* NULL: not connected */
    size_t node;         /* the last that was tried */

    /* The question that is open. */
    bool is_over, failed;
    uint8_t *in;
    size_t in_len;
    char why[FH_TCP_WHY];
};

static void over(struct fh__source *s, const char *why)
{
    if (s->is_over)
        return;
    s->is_over = true;
    s->failed = why != NULL;
    if (why)
        snprintf(s->why, sizeof s->why, "%s", why);
}

static void drop(struct fh__source *s)
{
    if (s->s)
        fh_stream_close(s->s, NULL, NULL);
    s->s = NULL;
}

/* ---- the connection ---- */

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct fh__source *s = user;
    struct fh__reply r;
    int ret;

    if (s->is_over || len > ANSWER_MAX - s->in_len) {
        over(s, "it says more than it was asked");
        drop(s);
        return len;
    }
    memcpy(s->in + s->in_len, data, len);
    s->in_len += len;
    ret = fh__reply_parse((char *)s->in, s->in_len, &r);
    if (ret < 0 || (ret > 0 && r.body_len > ANSWER_MAX - r.head_len)) {
        over(s, "its answer is not understood");
        drop(s);
    } else if (ret > 0 && s->in_len >= r.head_len + r.body_len) {
        over(s, NULL);
        if (r.closes)
            drop(s);
    }
    return len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    struct fh__source *s = user;

    over(s, error ? fh_transport_strerror(error) : "it ended the connection");
    drop(s);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_secure(void *user, struct fh_stream *stream, int error, const char *text)
{
    struct fh__source *s = user;

    if (error) {
        over(s, text);
        return;
    }
    s->s = stream;
    fh_stream_attach(stream, &events, s);
    over(s, NULL);
}

static void on_connected(void *user, struct fh_stream *stream, int error, const char *text)
{
    struct fh__source *s = user;
    struct fh_tls_start_config cfg = {.name = s->service.name[0] ? s->service.name
                                                                 : s->service.nodes[s->node].host,
                                      .session = s->session,
                                      .done = on_secure,
                                      .user = s};

    if (error)
        over(s, text);
    else if (fh_tls_start(&s->loop, s->tls, stream, &cfg, NULL) != 0)
        over(s, "out of memory");
}

static void on_timeout(uv_timer_t *timer)
{
    over(timer->data, "it does not answer");
}

/* Until it is over, one way or another. */
static bool until_over(struct fh__source *s)
{
    s->is_over = s->failed = false;
    uv_timer_start(&s->timer, on_timeout, TIMEOUT_MS, 0);
    while (!s->is_over)
        uv_run(&s->loop, UV_RUN_ONCE);
    uv_timer_stop(&s->timer);
    return !s->failed;
}

static bool connect_node(struct fh__source *s)
{
    const struct fh_cloud_node *node = &s->service.nodes[s->node];
    struct fh_tcp_connect_config cfg = {
        .timeout_ms = TIMEOUT_MS / 2, .done = on_connected, .user = s};
    struct fh_target to = {.kind = FH_TARGET_HOST, .port = node->port};
    struct fh_address ip;

    snprintf(to.name, sizeof to.name, "%s", node->host);
    if (fh_address_parse_ip(node->host, strlen(node->host), &ip) == 0) {
        to.kind = FH_TARGET_IP;
        to.address = ip;
        to.address.port = node->port;
    }
    if (fh_tcp_connect(&s->loop, &to, &cfg, NULL) != 0) {
        snprintf(s->why, sizeof s->why, "out of memory");
        return false;
    }
    return until_over(s);
}

static bool connect_any(struct fh__source *s)
{
    for (size_t i = 0; i < s->service.nodes_len; i++) {
        if (connect_node(s))
            return true;
        fprintf(stderr, "vnccloud-monitor: %s: %s\n", s->service.nodes[s->node].host, s->why);
        s->node = (s->node + 1) % s->service.nodes_len;
    }
    return false;
}

/* ---- questions ---- */

static bool ask_once(struct fh__source *s, const char *request, size_t len)
{
    bool fresh = !s->s;

    if (fresh && !connect_any(s))
        return false;
    s->in_len = 0;
    if (fh_stream_write(s->s, (const uint8_t *)request, len) != (int)len) {
        snprintf(s->why, sizeof s->why, "the connection broke");
        drop(s);
        return false;
    }
    if (until_over(s))
        return true;
    drop(s);
    return false;
}

/* The body of a 200, in s->in; its length, or -1. */
static long ask(struct fh__source *s, const char *target, const char *authorization,
                const char **body)
{
    char request[REQUEST_MAX];
    bool was_used = s->s != NULL;
    struct fh__reply r;
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", target,
                     s->service.name[0] ? s->service.name : s->service.nodes[s->node].host,
                     authorization ? "Authorization: Basic " : "",
                     authorization ? authorization : "", authorization ? "\r\n" : "");
    bool ok;

    if (n < 0 || (size_t)n >= sizeof request)
        return -1;
    ok = ask_once(s, request, (size_t)n);
    /* A connection that was kept may have ended meanwhile. */
    if (!ok && was_used)
        ok = ask_once(s, request, (size_t)n);
    fh_wipe(request, sizeof request);
    if (!ok || fh__reply_parse((char *)s->in, s->in_len, &r) != 1) {
        fprintf(stderr, "vnccloud-monitor: %s: %s\n", target, s->why);
        return -1;
    }
    if (r.status != 200) {
        fprintf(stderr, "vnccloud-monitor: %s: the service says %u\n", target, r.status);
        return -1;
    }
    *body = (char *)s->in + r.head_len;
    return (long)r.body_len;
}

char *fh__source_ask(struct fh__source *s, const char *target, const char *key, size_t *len)
{
    char authorization[BASE64_LEN(KEY_MAX) + 1], *copy = NULL;
    const char *body;
    long n;

    if (s->dir >= 0 || strlen(key) > KEY_MAX)
        return NULL;
    base64_write((const uint8_t *)key, strlen(key), authorization);
    n = ask(s, target, authorization, &body);
    fh_wipe(authorization, sizeof authorization);
    if (n < 0 || !(copy = malloc((size_t)n + 1)))
        return NULL;
    memcpy(copy, body, (size_t)n);
    copy[n] = '\0';
    *len = (size_t)n;
    return copy;
}

static int fetch_file(struct fh__source *s, const char *path, uint8_t *out, size_t room)
{
    int fd = openat(s->dir, path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0 && n < room) {
        got = read(fd, out + n, room - n);
        n += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        fprintf(stderr, "vnccloud-monitor: %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return got < 0 ? -1 : (int)n;
}

int fh__source_fetch(void *user, const char *path, uint8_t *out, size_t room)
{
    struct fh__source *s = user;
    char target[128];
    const char *body;
    long n;

    if (s->dir >= 0)
        return fetch_file(s, path, out, room);
    snprintf(target, sizeof target, "/log/%s", path);
    n = ask(s, target, NULL, &body);
    if (n < 0 || (size_t)n > room)
        return -1;
    memcpy(out, body, (size_t)n);
    return (int)n;
}

/* ---- life ---- */

struct fh__source *fh__source_folder(const char *path)
{
    struct fh__source *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0) {
        fprintf(stderr, "vnccloud-monitor: %s: %s\n", path, strerror(errno));
        free(s);
        return NULL;
    }
    return s;
}

struct fh__source *fh__source_service(const struct fh_cloud_service *service)
{
    static const char *const alpn[] = {"http/1.1"};
    struct fh_tls_pin pins[FH_CLOUD_ROOTS_MAX];
    struct fh_tls_client_config cfg = {
        .pins = pins, .pins_len = service->roots_len, .alpn = alpn, .alpn_len = 1};
    struct fh__source *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->dir = -1;
    s->service = *service;
    for (size_t i = 0; i < service->roots_len; i++)
        memcpy(pins[i].sha256, service->roots[i], sizeof pins[i].sha256);
    s->in = malloc(ANSWER_MAX);
    s->session = fh_tls_session_new();
    if (!s->in || !s->session || fh_tls_client_new(&cfg, &s->tls) != 0 ||
        uv_loop_init(&s->loop) != 0) {
        fh_tls_free(s->tls);
        fh_tls_session_free(s->session);
        free(s->in);
        free(s);
        return NULL;
    }
    uv_timer_init(&s->loop, &s->timer);
    s->timer.data = s;
    return s;
}

void fh__source_free(struct fh__source *s)
{
    if (!s)
        return;
    if (s->dir >= 0) {
        close(s->dir);
    } else {
        s->is_over = true;
        drop(s);
        uv_close((uv_handle_t *)&s->timer, NULL);
        uv_run(&s->loop, UV_RUN_DEFAULT);
        uv_loop_close(&s->loop);
        fh_tls_free(s->tls);
        fh_tls_session_free(s->session);
        free(s->in);
    }
    free(s);
}
