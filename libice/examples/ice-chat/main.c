/* SPDX-License-Identifier: MIT */
/*
 * Two people, two terminals, a direct path between them.
 *
 *     ice-chat                      both in one process, over the loopback interface
 *     ice-chat offer [OPTION...]    prints a line for the other; paste the one that comes back
 *     ice-chat answer [OPTION...]   paste the line that was offered; prints one to send back
 *
 *     --stun HOST[:PORT]                      how we are seen behind a NAT; may be given twice
 *     --turn HOST[:PORT] USER PASSWORD        a relay, where nothing else gets through
 *     --relay-only                            do not show our addresses to the other
 *
 * The lines are base64 of an ICE description (RFC 8839). They travel as you like: by mail, by
 * phone. What is typed then goes over the path that was found, in the clear: a real program
 * protects it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice_uv.h>

enum { LINE = 12 * 1024, SERVERS = 2 };

struct chat {
    const char *name;
    struct fh_ice_uv *ice;
    bool is_offering, is_complete, has_printed, has_remote, is_connected;
    struct chat *other; /* in one process: signalling is a function call */
    size_t heard;
};

static uv_loop_t *loop;
static uv_stream_t *input; /* the terminal, NULL in one process */

/* ---- a description as one line -------------------------------------------------------------- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(const char *text, size_t len, char *out)
{
    for (size_t i = 0; i < len; i += 3) {
        unsigned v = 0;

        for (size_t j = 0; j < 3; j++)
            v = v << 8 | (i + j < len ? (unsigned char)text[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            *out++ = i + j > len ? '=' : base64[v >> (18 - 6 * j) & 63];
    }
    *out = '\0';
}

/* Characters that are not base64, such as line breaks of a mail program, are left out. */
static size_t decode(const char *text, char *out)
{
    unsigned v = 0, bits = 0;
    size_t len = 0;

    for (; *text; text++) {
        const char *at = strchr(base64, *text);

        if (!at)
            continue;
        v = v << 6 | (unsigned)(at - base64);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (char)(v >> bits & 255);
        }
    }
    return len;
}

static void print_line(struct chat *c)
{
    struct fh_ice_description d;
    char text[FH_ICE_DESCRIPTION_TEXT], line[LINE];
    int len;

    fh_ice_uv_description(c->ice, &d);
    len = fh_ice_description_print(&d, text, sizeof text);
    if (len < 0)
        return;
    encode(text, (size_t)len, line);
    printf("%s:\n\n%s\n\n",
           c->is_offering ? "Give this line to the other, and paste the answer"
                          : "Give this line back",
           line);
    fflush(stdout);
    c->has_printed = true;
}

/* The one who answers first needs the offer. */
static void print_when_ready(struct chat *c)
{
    if (!c->other && c->is_complete && !c->has_printed && (c->is_offering || c->has_remote))
        print_line(c);
}

static void take_line(struct chat *c, const char *line)
{
    struct fh_ice_description d;
    char text[LINE];
    size_t len = decode(line, text);
    int ret = fh_ice_description_parse(text, len, &d);

    if (ret == 0)
        ret = fh_ice_uv_set_remote(c->ice, &d);
    if (ret != 0) {
        printf("That is not a line of ice-chat (%s); paste it again.\n", fh_ice_strerror(ret));
        return;
    }
    c->has_remote = true;
    print_when_ready(c);
}

/* ---- what ICE says -------------------------------------------------------------------------- */

static void leave(struct chat *c)
{
    if (c->ice)
        fh_ice_uv_close(c->ice, NULL, NULL);
    c->ice = NULL;
    if (input && !uv_is_closing((uv_handle_t *)input))
        uv_close((uv_handle_t *)input, NULL);
}

static void on_description(void *user, const struct fh_ice_description *d)
{
    struct chat *c = user;

    if (c->other && c->other->ice)
        fh_ice_uv_set_remote(c->other->ice, d);
}

static void on_candidate(void *user, const struct fh_ice_candidate *candidate, const char *ufrag)
{
    struct chat *c = user;

    if (candidate) {
        if (c->other && c->other->ice)
            fh_ice_uv_add_remote(c->other->ice, candidate, ufrag);
        return;
    }
    c->is_complete = true;
    if (c->other && c->other->ice)
        fh_ice_uv_end_remote(c->other->ice);
    print_when_ready(c);
}

static void on_state(void *user, enum fh_ice_state state, int error)
{
    struct chat *c = user;
    char text[64];

    if (state == FH_ICE_CONNECTED && !c->is_connected) {
        c->is_connected = true;
        printf("%s: connected\n", c->name);
        if (!c->other)
            return;
        snprintf(text, sizeof text, "hello from %s", c->name);
        fh_ice_uv_send(c->ice, text, strlen(text));
    } else if (state == FH_ICE_DISCONNECTED) {
        printf("%s: no answer; trying other ways\n", c->name);
    } else if (state == FH_ICE_FAILED) {
        printf("%s: %s\n", c->name, fh_ice_strerror(error));
        leave(c);
    }
}

static void on_path(void *user, const struct fh_ice_path *path)
{
    static const char *const types[] = {"host", "server-reflexive", "peer-reflexive", "relay"};
    struct chat *c = user;
    char peer[FH_ICE_ADDRESS_TEXT];

    fh_ice_address_print(&path->peer, peer);
    printf("%s: to %s (%s to %s)\n", c->name, peer, types[path->local_type],
           types[path->remote_type]);
}

/* Without a MAC of our own we take only what comes from where the peer has proved to be. */
static void on_received(void *user, const uint8_t *data, size_t len, bool is_stranger)
{
    struct chat *c = user;

    if (is_stranger)
        return;
    printf("%s< ", c->name);
    for (size_t i = 0; i < len; i++)
        putchar(data[i] >= 32 && data[i] < 127 ? data[i] : '.');
    putchar('\n');
    fflush(stdout);
    c->heard++;
    if (c->other && c->other->heard > 0) {
        leave(c->other);
        leave(c);
    }
}

/* ---- the terminal --------------------------------------------------------------------------- */

static void take_input(struct chat *c, char *line)
{
    if (!c->has_remote)
        take_line(c, line);
    else if (*line && fh_ice_uv_send(c->ice, line, strlen(line)) != 0)
        printf("(not connected yet)\n");
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    static char mem[4096];

    (void)h;
    (void)suggested;
    *buf = uv_buf_init(mem, sizeof mem);
}

static void on_input(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    static char line[LINE];
    static size_t len;
    struct chat *c = s->data;

    if (n < 0)
        leave(c);
    for (ssize_t i = 0; i < n && c->ice; i++) {
        if (buf->base[i] != '\n') {
            if (len + 1 < sizeof line)
                line[len++] = buf->base[i];
            continue;
        }
        line[len] = '\0';
        len = 0;
        take_input(c, line);
    }
}

static int open_terminal(struct chat *c)
{
    static uv_tty_t tty;
    static uv_pipe_t pipe;
    int ret = -1;

    if (uv_guess_handle(0) == UV_TTY) {
        ret = uv_tty_init(loop, &tty, 0, 0);
        input = (uv_stream_t *)&tty;
    } else {
        uv_pipe_init(loop, &pipe, 0);
        ret = uv_pipe_open(&pipe, 0);
        input = (uv_stream_t *)&pipe;
    }
    input->data = c;
    return ret == 0 ? uv_read_start(input, on_alloc, on_input) : ret;
}

/* ---- main ----------------------------------------------------------------------------------- */

/* "HOST:PORT" in two; an IPv6 address is written without a port. */
static struct fh_ice_uv_server server(char *text)
{
    char *colon = strchr(text, ':');
    struct fh_ice_uv_server s = {.host = text};

    if (colon && !strchr(colon + 1, ':')) {
        *colon = '\0';
        s.port = (uint16_t)atoi(colon + 1);
    }
    return s;
}

static bool take_options(char **argv, struct fh_ice_uv_config *cfg)
{
    static struct fh_ice_uv_server stun[SERVERS];
    static struct fh_ice_uv_turn turn;

    for (; *argv; argv++) {
        if (strcmp(*argv, "--stun") == 0 && argv[1] && cfg->stun_len < SERVERS) {
            stun[cfg->stun_len++] = server(*++argv);
        } else if (strcmp(*argv, "--turn") == 0 && argv[1] && argv[2] && argv[3]) {
            turn.server = server(argv[1]);
            turn.username = argv[2];
            turn.password = argv[3];
            cfg->turn_len = 1;
            argv += 3;
        } else if (strcmp(*argv, "--relay-only") == 0) {
            cfg->policy = FH_ICE_POLICY_RELAY;
        } else {
            return false;
        }
    }
    cfg->stun = stun;
    cfg->turn = &turn;
    return true;
}

static int join(struct chat *c, struct fh_ice_uv_config *cfg)
{
    int ret;

    cfg->role = c->is_offering ? FH_ICE_CONTROLLING : FH_ICE_CONTROLLED;
    cfg->description = on_description;
    cfg->candidate = on_candidate;
    cfg->state = on_state;
    cfg->path = on_path;
    cfg->received = on_received;
    cfg->user = c;
    ret = fh_ice_uv_new(loop, cfg, &c->ice);
    if (ret != 0)
        fprintf(stderr, "ice-chat: %s\n", fh_ice_strerror(ret));
    return ret;
}

static int both(void)
{
    struct fh_ice_uv_config cfg = {.only_loopback = true};
    struct chat ann = {.name = "ann", .is_offering = true}, bob = {.name = "bob"};

    ann.other = &bob;
    bob.other = &ann;
    if (join(&ann, &cfg) != 0 || join(&bob, &cfg) != 0)
        return EXIT_FAILURE;
    uv_run(loop, UV_RUN_DEFAULT);
    return ann.heard > 0 && bob.heard > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int one(char **argv)
{
    struct fh_ice_uv_config cfg = {.role = FH_ICE_CONTROLLING};
    struct chat c = {.name = "path", .is_offering = strcmp(argv[1], "offer") == 0};

    if ((!c.is_offering && strcmp(argv[1], "answer") != 0) || !take_options(argv + 2, &cfg)) {
        fprintf(stderr, "usage: ice-chat [offer|answer [--stun HOST[:PORT]] "
                        "[--turn HOST[:PORT] USER PASSWORD] [--relay-only]]\n");
        return 2;
    }
    if (open_terminal(&c) != 0 || join(&c, &cfg) != 0)
        return EXIT_FAILURE;
    if (!c.is_offering)
        printf("Paste the line that was offered:\n");
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    return c.is_connected ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    loop = uv_default_loop();
    return argc < 2 ? both() : one(argv);
}
