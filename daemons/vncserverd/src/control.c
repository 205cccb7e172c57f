/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* struct ucred */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "cloud.h"
#include "log.h"

struct client {
    uv_pipe_t pipe;
    struct fh__control *control;
    struct client *next;
    char line[FH__CONTROL_LINE_MAX];
    size_t len;
    bool is_watching, approves, is_closing;
};

struct fh__control {
    uv_pipe_t listener;
    uv_loop_t *loop;
    struct fh__sharing *sharing;
    fh__control_reload_fn reload;
    void *user;
    struct client *clients;
    unsigned n_clients;
    bool is_closing, is_deaf; /* deaf: the listener is closed */
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
};

/* ---- clients ---- */

static void maybe_gone(struct fh__control *c)
{
    if (c->is_deaf && !c->clients)
        free(c);
}

static unsigned tell_approvers(void *user, const char *line, size_t len);

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data, **at = &client->control->clients;

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    client->control->n_clients--;
    if (client->approves && tell_approvers(client->control, "", 0) == 0)
        fh__approvals_left(&client->control->sharing->approvals);
    maybe_gone(client->control);
    free(client);
}

static void close_client(struct client *client)
{
    if (client->is_closing)
        return;
    client->is_closing = true;
    uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

struct writing {
    uv_write_t req;
    char text[];
};

static void on_written(uv_write_t *req, int status)
{
    struct client *client = req->handle->data;

    free(req->data);
    if (status != 0)
        close_client(client);
}

/* Who does not read is let go of: what waits for him is bounded. */
static void send_text(struct client *client, const char *text, size_t len)
{
    struct writing *w;
    uv_buf_t buf;

    if (client->is_closing)
        return;
    if (client->pipe.write_queue_size + len > FH__CONTROL_BACKLOG_MAX ||
        !(w = malloc(sizeof *w + len))) {
        close_client(client);
        return;
    }
    memcpy(w->text, text, len);
    w->req.data = w;
    buf = uv_buf_init(w->text, (unsigned)len);
    if (uv_write(&w->req, (uv_stream_t *)&client->pipe, &buf, 1, on_written) != 0) {
        free(w);
        close_client(client);
    }
}

/* Told to all who answer questions; how many they are. */
static unsigned tell_approvers(void *user, const char *line, size_t len)
{
    struct fh__control *c = user;
    unsigned n = 0;

    for (struct client *client = c->clients; client; client = client->next) {
        if (!client->approves || client->is_closing)
            continue;
        if (len > 0)
            send_text(client, line, len);
        n++;
    }
    return n;
}

/* Takes body. */
static void send_json(struct client *client, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;

    json_decref(body);
    if (!text) {
        close_client(client);
        return;
    }
    text[len] = '\n'; /* in the place of NUL */
    send_text(client, text, len + 1);
    free(text);
}

static void send_error(struct client *client, const char *code, const char *message)
{
    send_json(client, json_pack("{s:{s:s,s:s}}", "error", "code", code, "message", message));
}

/* ---- requests ---- */

static void do_list(struct client *client, const json_t *request)
{
    (void)request;
    send_json(client, fh__sharing_describe(client->control->sharing));
}

static void send_count(struct client *client, unsigned n)
{
    if (n == 0)
        send_error(client, "no-session", "there is no such session");
    else
        send_json(client, json_pack("{s:i}", "sessions", (int)n));
}

/* "session": a number as list shows it, or "all". false: neither, and the client was told. */
static bool read_session(struct client *client, const json_t *request, uint64_t *number)
{
    const json_t *session = json_object_get(request, "session");

    *number = FH__SHARING_ALL;
    if (json_is_integer(session) && json_integer_value(session) > 0)
        *number = (uint64_t)json_integer_value(session);
    else if (!json_is_string(session) || strcmp(json_string_value(session), "all") != 0) {
        send_error(client, "usage", "session: expected a number that list shows, or \"all\"");
        return false;
    }
    return true;
}

static void do_disconnect(struct client *client, const json_t *request)
{
    uint64_t number;

    if (read_session(client, request, &number))
        send_count(client, fh__sharing_disconnect(client->control->sharing, number));
}

static void do_permissions(struct client *client, const json_t *request)
{
    const char *text = json_string_value(json_object_get(request, "permissions")), *bad;
    uint32_t permissions;
    uint64_t number;
    size_t len;

    if (!read_session(client, request, &number))
        return;
    if (!text || fh_permissions_parse(text, &permissions, &bad, &len) != 0)
        send_error(client, "usage",
                   "permissions: expected all, view-only, none, or names such as view,keyboard");
    else
        send_count(client,
                   fh__sharing_set_permissions(client->control->sharing, number, permissions));
}

static void set_paused(struct client *client, bool is_paused)
{
    fh__sharing_pause(client->control->sharing, is_paused);
    send_json(client, json_pack("{s:b}", "paused", is_paused));
}

static void do_pause(struct client *client, const json_t *request)
{
    (void)request;
    set_paused(client, true);
}

static void do_resume(struct client *client, const json_t *request)
{
    (void)request;
    set_paused(client, false);
}

static void do_cloud(struct client *client, const json_t *request)
{
    const struct fh__sharing *s = client->control->sharing;

    (void)request;
    if (s->cloud)
        send_json(client, json_pack("{s:o}", "cloud", fh__cloud_describe(s->cloud)));
    else
        send_error(client, "no-cloud", "no cloud is configured");
}

static void do_watch(struct client *client, const json_t *request)
{
    (void)request;
    client->is_watching = true;
    send_json(client, json_pack("{s:b}", "watching", 1));
}

static void do_approve(struct client *client, const json_t *request)
{
    (void)request;
    client->approves = true;
    send_json(client, json_pack("{s:b}", "approving", 1));
}

static void do_answer(struct client *client, const json_t *request)
{
    const char *text = json_string_value(json_object_get(request, "permissions")), *bad;
    json_int_t id = json_integer_value(json_object_get(request, "id"));
    uint32_t permissions;
    size_t len;

    if (!text || id <= 0 || fh_permissions_parse(text, &permissions, &bad, &len) != 0)
        send_error(client, "usage", "expected the id of a question and permissions");
    else if (!fh__approvals_answer(&client->control->sharing->approvals, (uint64_t)id, permissions))
        send_error(client, "no-question", "there is no such question, or it was answered before");
    else
        send_json(client, json_pack("{s:I}", "answered", (json_int_t)id));
}

static void do_forgive(struct client *client, const json_t *request)
{
    const char *address = json_string_value(json_object_get(request, "address"));
    const char *user = json_string_value(json_object_get(request, "user"));
    struct fh_address parsed = {.family = FH_ADDRESS_NONE};

    if ((!address && !user) ||
        (address && fh_address_parse_ip(address, strlen(address), &parsed) != 0)) {
        send_error(client, "usage", "expected an address of IPv4 or IPv6, or a user");
        return;
    }
    send_json(client, json_pack("{s:i}", "forgiven",
                                (int)fh__gate_forgive(&client->control->sharing->gate,
                                                      address ? &parsed : NULL, user)));
}

static void do_message(struct client *client, const json_t *request)
{
    const char *text = json_string_value(json_object_get(request, "text"));
    uint64_t number;

    if (!read_session(client, request, &number))
        return;
    if (!text || !*text)
        send_error(client, "usage", "text: expected something to say");
    else
        send_count(client, fh__sharing_notice(client->control->sharing, number, text));
}

static void do_reload(struct client *client, const json_t *request)
{
    json_t *reply = client->control->reload(client->control->user);

    (void)request;
    if (reply)
        send_json(client, reply);
    else
        send_error(client, "config",
                   "the configuration is wrong and everything stays as it is; the log says where");
}

static const struct {
    const char *name;
    void (*run)(struct client *client, const json_t *request);
} commands[] = {
    {"list", do_list},       {"disconnect", do_disconnect}, {"permissions", do_permissions},
    {"pause", do_pause},     {"resume", do_resume},         {"watch", do_watch},
    {"forgive", do_forgive}, {"approve", do_approve},       {"answer", do_answer},
    {"message", do_message}, {"reload", do_reload},         {"cloud", do_cloud},
};

static void on_line(struct client *client, const char *line, size_t len)
{
    json_error_t why;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
    const char *name = json_string_value(json_object_get(request, "command"));
    size_t i = 0;

    while (name && i < sizeof commands / sizeof *commands && strcmp(commands[i].name, name) != 0)
        i++;
    if (!request)
        send_error(client, "usage", "expected one JSON object a line");
    else if (!name || i == sizeof commands / sizeof *commands)
        send_error(client, "usage",
                   "command: expected list, disconnect, permissions, pause, resume, watch, "
                   "approve, answer, forgive, message, reload or cloud");
    else
        commands[i].run(client, request);
    json_decref(request);
}

/* ---- the socket ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *client = handle->data;

    (void)suggested;
    *buf = uv_buf_init(client->line + client->len, (unsigned)(sizeof client->line - client->len));
}

static void take_lines(struct client *client)
{
    char *newline;
    size_t n;

    while (!client->is_closing && (newline = memchr(client->line, '\n', client->len)) != NULL) {
        n = (size_t)(newline - client->line);
        on_line(client, client->line, n);
        client->len -= n + 1;
        memmove(client->line, newline + 1, client->len);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *client = stream->data;

    (void)buf;
    if (n < 0) {
        close_client(client);
        return;
    }
    client->len += (size_t)n;
    take_lines(client);
    if (client->len == sizeof client->line)
        close_client(client);
}

static bool may(uv_pipe_t *pipe, uid_t *uid)
{
    struct ucred who;
    socklen_t len = sizeof who;
    uv_os_fd_t fd;

    if (uv_fileno((uv_handle_t *)pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return false;
    *uid = who.uid;
    return who.uid == 0 || who.uid == geteuid();
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fh__control *c = listener->data;
    struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
    uid_t uid = (uid_t)-1;

    if (!client)
        return;
    client->control = c;
    client->next = c->clients;
    c->clients = client;
    c->n_clients++;
    uv_pipe_init(c->loop, &client->pipe, 0);
    client->pipe.data = client;
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 ||
        c->n_clients > FH__CONTROL_CLIENTS) {
        close_client(client);
    } else if (!may(&client->pipe, &uid)) {
        fh__log(FH__LOG_WARNING, "control: the user with number %ld was refused", (long)uid);
        close_client(client);
    } else {
        uv_unref((uv_handle_t *)&client->pipe);
        uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read);
    }
}

/* A socket that nobody listens on any more is in the way; one that somebody does is another
 * service. */
static int remove_stale(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret = -1;
    struct stat st;

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (lstat(path, &st) != 0)
        ret = errno == ENOENT ? 0 : -1;
    else if (!S_ISSOCK(st.st_mode))
        errno = EEXIST;
    else if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        errno = EADDRINUSE;
    else
        ret = unlink(path);
    if (fd >= 0)
        close(fd);
    return ret;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct fh__control *c = handle->data;

    c->is_deaf = true;
    maybe_gone(c);
}

static int start_listening(struct fh__control *c)
{
    mode_t old = umask(0177);
    int error = uv_pipe_bind(&c->listener, c->path);

    umask(old);
    return error ? error : uv_listen((uv_stream_t *)&c->listener, 64, on_connection);
}

struct fh__control *fh__control_open(uv_loop_t *loop, const char *path, struct fh__sharing *sharing,
                                     fh__control_reload_fn reload, void *user, char *error,
                                     size_t room)
{
    struct fh__control *c = calloc(1, sizeof *c);
    int err;

    if (!c || strlen(path) >= sizeof c->path) {
        snprintf(error, room, "%s: %s", path,
                 c ? "the path is too long for a socket" : "no memory");
        free(c);
        return NULL;
    }
    if (remove_stale(path) != 0) {
        snprintf(error, room, "%s: %s", path, strerror(errno));
        free(c);
        return NULL;
    }
    snprintf(c->path, sizeof c->path, "%s", path);
    c->loop = loop;
    c->sharing = sharing;
    c->reload = reload;
    c->user = user;
    uv_pipe_init(loop, &c->listener, 0);
    c->listener.data = c;
    if ((err = start_listening(c)) != 0) {
        snprintf(error, room, "%s: %s", path, uv_strerror(err));
        fh__control_close(c);
        return NULL;
    }
    uv_unref((uv_handle_t *)&c->listener);
    sharing->approvals.tell = tell_approvers;
    sharing->approvals.tell_user = c;
    return c;
}

void fh__control_tell(struct fh__control *c, const char *line, size_t len)
{
    if (!c)
        return;
    for (struct client *client = c->clients; client; client = client->next)
        if (client->is_watching)
            send_text(client, line, len);
}

/* Closing the pipe removes its name. */
void fh__control_close(struct fh__control *c)
{
    if (!c || c->is_closing)
        return;
    c->is_closing = true;
    c->sharing->approvals.tell = NULL;
    for (struct client *client = c->clients; client; client = client->next)
        close_client(client);
    uv_close((uv_handle_t *)&c->listener, on_listener_closed);
}
