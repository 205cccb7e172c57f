/* SPDX-License-Identifier: MIT */
/*
 * An endpoint of a cloud: waits for others, or connects to one, and says hello.
 *
 *     cloud-hello DIR SERVICE ADDRESS [PASSWORD]             waits
 *     cloud-hello DIR SERVICE ADDRESS [PASSWORD] --to OTHER  connects, says hello, ends
 *
 * SERVICE is the line that the cloud printed when it was set up, ADDRESS and PASSWORD what it made
 * for this endpoint; the password is needed once. DIR keeps the identity and what belongs to it.
 *
 * A real program puts a link (<farhand/link.h>) and the secure channel on the streams, which also
 * compares the peer's key: nothing here is secret from the relay.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/cloud_uv.h>
#include <farhand/identity_uv.h>

struct program {
    struct fh_cloud *cloud;
    struct fh_cloud_conn *conn; /* of the one who connects */
    const char *dir;
    uint8_t to[FH_CLOUD_ADDRESS_LEN];
    bool connects;
    int result;
};

struct talk {
    struct program *p;
    struct fh_stream *s;
};

/* ---- small files ------------------------------------------------------------------------------
 */

static size_t read_file(const char *dir, const char *name, uint8_t *out, size_t room)
{
    char path[512];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "rb");
    if (!f)
        return 0;
    n = fread(out, 1, room, f);
    fclose(f);
    return n;
}

static void write_file(const char *dir, const char *name, const uint8_t *data, size_t len)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
        fprintf(stderr, "%s: cannot be written\n", path);
}

/* A real program makes this file for itself alone, as fh_identity_save() does. */
static void seal_secret(const char *dir, uint8_t out[FH_SEAL_KEY_LEN])
{
    if (read_file(dir, "seal", out, FH_SEAL_KEY_LEN) == FH_SEAL_KEY_LEN)
        return;
    fh_random_system(NULL, out, FH_SEAL_KEY_LEN);
    write_file(dir, "seal", out, FH_SEAL_KEY_LEN);
}

static struct fh_identity *identity(const char *dir)
{
    struct fh_identity *id = NULL;
    char path[512];

    snprintf(path, sizeof path, "%s/identity.pem", dir);
    if (fh_identity_load(path, &id) == 0)
        return id;
    if (fh_identity_generate(2048, fh_random_system, NULL, &id) != 0 ||
        fh_identity_save(id, path) != 0)
        fprintf(stderr, "%s: cannot be made\n", path);
    return id;
}

/* ---- streams ----------------------------------------------------------------------------------
 */

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct talk *t = user;

    printf("heard: %.*s\n", (int)len, (const char *)data);
    fh_stream_shutdown(t->s);
    if (t->p->connects && t->p->conn) {
        t->p->result = EXIT_SUCCESS;
        fh_cloud_conn_close(t->p->conn);
        fh_cloud_close(t->p->cloud);
        t->p->conn = NULL;
    }
    return len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_closed(void *user)
{
    free(user);
}

static void on_end(void *user, int error)
{
    struct talk *t = user;

    (void)error;
    fh_stream_shutdown(t->s);
    fh_stream_close(t->s, on_closed, t);
}

static const struct fh_stream_events stream_events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_stream(void *user, struct fh_stream *s, enum fh_cloud_way way)
{
    static const char hello[] = "hello";
    struct talk *t = calloc(1, sizeof *t);

    if (!t) {
        fh_stream_close(s, NULL, NULL);
        return;
    }
    printf("a stream %s\n", way == FH_CLOUD_RELAY ? "through the relay" : "straight to the peer");
    t->p = user;
    t->s = s;
    fh_stream_attach(s, &stream_events, t);
    fh_stream_write(s, (const uint8_t *)hello, sizeof hello - 1);
}

/* ---- connections ------------------------------------------------------------------------------
 */

static void on_peer(void *user, const struct fh_cloud_peer *peer)
{
    char fp[FH_FINGERPRINT_HEX];

    (void)user;
    fh_fingerprint_to_hex(peer->fingerprint, fp);
    printf("the address belongs to %s\n", fp); /* compare with the known one */
}

static void on_conn_ended(void *user, int error)
{
    struct program *p = user;

    printf("the connection has ended: %s\n", fh_cloud_strerror(error));
    if (p->conn) {
        fh_cloud_conn_close(p->conn);
        fh_cloud_close(p->cloud);
    }
    p->conn = NULL;
}

static const struct fh_cloud_conn_events viewer = {
    .peer = on_peer, .stream = on_stream, .ended = on_conn_ended};

/* The waiting side has one of these for each caller. */
struct caller {
    struct program *p;
    struct fh_cloud_conn *conn;
};

static void on_caller_stream(void *user, struct fh_stream *s, enum fh_cloud_way way)
{
    on_stream(((struct caller *)user)->p, s, way);
}

static void on_caller_ended(void *user, int error)
{
    printf("the caller is gone: %s\n", fh_cloud_strerror(error));
    fh_cloud_conn_close(((struct caller *)user)->conn);
}

static const struct fh_cloud_conn_events server = {
    .stream = on_caller_stream, .ended = on_caller_ended, .closed = on_closed};

static void on_incoming(void *user, struct fh_cloud_conn *conn, const struct fh_cloud_asker *who)
{
    struct caller *c = calloc(1, sizeof *c);
    char address[FH_CLOUD_ADDRESS_TEXT];

    fh_cloud_address_print(who->peer->address, address);
    printf("%s asks\n", address);
    if (!c) {
        fh_cloud_reject(conn, FH_BROKER_IS_BUSY);
        return;
    }
    c->p = user;
    c->conn = conn;
    if (fh_cloud_accept(conn, FH_CLOUD_ANY, &server, c) != 0)
        free(c);
}

/* ---- the cloud --------------------------------------------------------------------------------
 */

static void on_online(void *user, uint8_t roles, const char *host)
{
    struct program *p = user;

    (void)roles;
    printf("signed in at %s\n", host);
    if (p->connects && !p->conn &&
        fh_cloud_connect(p->cloud, p->to, FH_CLOUD_ANY, &viewer, p, &p->conn) != 0)
        fh_cloud_close(p->cloud);
}

static void on_offline(void *user, int error, uint64_t retry_ms, const char *why)
{
    struct program *p = user;

    printf("not signed in: %s (%s)\n", fh_cloud_strerror(error), why);
    if (retry_ms == UINT64_MAX)
        fh_cloud_close(p->cloud);
}

static void on_statement(void *user, const uint8_t *statement, size_t len)
{
    write_file(((struct program *)user)->dir, "statement", statement, len);
}

static void on_cloud_closed(void *user)
{
    (void)user;
}

/* ---- the command line -------------------------------------------------------------------------
 */

static int usage(void)
{
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    char text[FH_CLOUD_ADDRESS_TEXT];

    fh_cloud_address_random(fh_random_system, NULL, address);
    fh_cloud_address_print(address, text);
    printf("cloud-hello DIR SERVICE ADDRESS [PASSWORD] [--to OTHER]\n"
           "an address looks like this: %s\n",
           text);
    return EXIT_SUCCESS;
}

static bool read_address(const char *text, uint8_t out[FH_CLOUD_ADDRESS_LEN])
{
    int ret = fh_cloud_address_parse(text, strlen(text), out);

    if (ret)
        fprintf(stderr, "%s: %s\n", text, fh_cloud_strerror(ret));
    return ret == 0;
}

int main(int argc, char **argv)
{
    struct program p = {.result = EXIT_FAILURE};
    struct fh_cloud_config cfg = {.roles = FH_BROKER_LISTEN | FH_BROKER_CONNECTS,
                                  .program = "cloud-hello",
                                  .online = on_online,
                                  .offline = on_offline,
                                  .statement_made = on_statement,
                                  .incoming = on_incoming,
                                  .closed = on_cloud_closed,
                                  .user = &p};
    static struct fh_cloud_service service;
    uint8_t seal[FH_SEAL_KEY_LEN], password[FH_CLOUD_PASSWORD_LEN];
    uint8_t statement[FH_CLOUD_STATEMENT_MAX];
    const char *expected = "";
    struct fh_identity *id;
    int ret;

    if (argc < 4)
        return usage();
    p.dir = argv[1];
    if (fh_cloud_service_parse(argv[2], &service, &expected) != 0) {
        fprintf(stderr, "SERVICE: expected %s\n", expected);
        return EXIT_FAILURE;
    }
    if (!read_address(argv[3], cfg.address))
        return EXIT_FAILURE;
    for (int i = 4; i < argc; i++) {
        if (strcmp(argv[i], "--to") == 0 && i + 1 < argc)
            p.connects = read_address(argv[++i], p.to);
        else if (fh_cloud_password_parse(argv[i], strlen(argv[i]), password) == 0)
            cfg.password = password;
    }
    id = identity(p.dir);
    seal_secret(p.dir, seal);
    cfg.service = &service;
    cfg.identity = id;
    cfg.seal_secret = seal;
    cfg.statement = statement;
    cfg.statement_len = read_file(p.dir, "statement", statement, sizeof statement);
    ret = id ? fh_cloud_new(uv_default_loop(), &cfg, &p.cloud) : FH_CLOUD_E_INVAL;
    if (ret != 0) {
        fprintf(stderr, "%s\n", fh_cloud_strerror(ret));
        return EXIT_FAILURE;
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    fh_identity_free(id);
    return p.result;
}
