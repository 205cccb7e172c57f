/* SPDX-License-Identifier: MIT */
/*
 * tls_peer -- a TLS server and client for tests against other implementations.
 *
 *     tls_peer pki DIR FROM TO NAME...   makes a root and a server's certificate, FROM and TO in days
 *                                        from now; says the pin
 *     tls_peer serve DIR [ALPN...]       says its port, then echoes; a line for each connection
 *     tls_peer flood DIR BYTES           the same, but says so many bytes whatever it hears
 *     tls_peer connect PORT NAME PIN|any TIMES MFL [ALPN...]
 *                                        says "ping", hears the echo, ends; TIMES times, resuming
 *
 * "open VERSION SUITE ALPN RESUMED EMS MFL KEY" tells what was agreed, KEY being the start of
 * tls-exporter; "failed ERROR TEXT"; "end ERROR BYTES".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/pki.h>
#include <farhand/tcp.h>

static uv_loop_t loop;
static struct fh_tls_context *ctx;
static const char *const *protocols;
static size_t protocols_len;
static uint64_t flood;

static void die(const char *what)
{
    fprintf(stderr, "tls_peer: %s\n", what);
    exit(2);
}

static char *read_file(const char *dir, const char *name)
{
    static char text[4][64 << 10];
    static int used;
    char path[4096], *at = text[used++ % 4];
    FILE *f;
    size_t n;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    if (!f)
        die(path);
    n = fread(at, 1, sizeof text[0] - 1, f);
    at[n] = '\0';
    fclose(f);
    return at;
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (fh_pki_save(path, text, 0600) != 0)
        die(path);
}

static void write_crl(const char *dir, const uint8_t *crl, size_t len)
{
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/root.crl", dir);
    f = fopen(path, "wb");
    if (!f || fwrite(crl, 1, len, f) != len || fclose(f) != 0)
        die(path);
}

static void print_hex(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        printf("%02x", data[i]);
}

static int make_pki(const char *dir, int from, int to, const char *const *names, size_t len)
{
    static char root_key[FH_PKI_PEM], root[FH_PKI_PEM], key[FH_PKI_PEM], cert[FH_PKI_PEM];
    static char chain[2 * FH_PKI_PEM];
    int64_t now = time(NULL);
    struct fh_pki_config r = {
        .name = "Test root", .not_before = now - 86400 * 400, .not_after = now + 86400 * 4000};
    struct fh_pki_config s = {.name = "Test server",
                              .sans = names,
                              .sans_len = len,
                              .not_before = now + 86400 * from,
                              .not_after = now + 86400 * to,
                              .crl_uri = "http://cloud.example/root.crl"};
    uint8_t crl[FH_PKI_PEM];
    struct fh_tls_pin pin;
    int crl_len;

    if (fh_pki_key_new(root_key, sizeof root_key) != 0 || fh_pki_key_new(key, sizeof key) != 0 ||
        fh_pki_root_new(&r, root_key, root, sizeof root) != 0 ||
        fh_pki_issue(&s, key, root, root_key, cert, sizeof cert) != 0 ||
        fh_pki_pin(root, &pin) != 0)
        die("no certificates");
    (void)snprintf(chain, sizeof chain, "%s%s", cert, root);
    crl_len = fh_pki_crl_new(root, root_key, now, now + 86400 * 30,
                             (const char *const[]){cert}, 1, crl, sizeof crl);
    if (crl_len < 0)
        die("no list");
    write_crl(dir, crl, (size_t)crl_len);
    write_file(dir, "root.key", root_key);
    write_file(dir, "root.pem", root);
    write_file(dir, "server.key", key);
    write_file(dir, "server.pem", cert);
    write_file(dir, "chain.pem", chain);
    print_hex(pin.sha256, sizeof pin.sha256);
    printf("\n");
    return 0;
}

/* ---- a connection ----------------------------------------------------------------------------- */

struct talk {
    struct fh_stream *s;
    bool is_client;
    uint64_t heard, to_say;
};

static void print_info(const struct fh_stream *s)
{
    struct fh_tls_info info;
    uint8_t key[32] = {0};

    if (fh_tls_info(s, &info) != 0)
        die("no info");
    (void)fh_tls_exporter(s, "EXPORTER-Channel-Binding", NULL, 0, key, sizeof key);
    printf("open %s %s %s %d %d %u ", info.version, info.suite, info.alpn[0] ? info.alpn : "-",
           info.resumed, info.ems, info.max_fragment);
    print_hex(key, 8);
    printf("\n");
}

static void next_call(void);

static void on_closed(void *user)
{
    struct talk *t = user;
    bool again = t->is_client;

    free(t);
    if (again)
        next_call();
}

static void say_more(struct talk *t)
{
    static const uint8_t words[64 << 10];
    int n = 1;

    while (n > 0 && t->to_say > 0) {
        n = fh_stream_write(t->s, words, t->to_say < sizeof words ? t->to_say : sizeof words);
        t->to_say -= n > 0 ? (uint64_t)n : 0;
    }
    if (t->to_say == 0)
        fh_stream_shutdown(t->s);
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct talk *t = user;
    int n;

    if (flood)
        return len;

    if (t->is_client) {
        t->heard += len;
        if (t->heard >= 4)
            fh_stream_shutdown(t->s);
        return len;
    }
    n = fh_stream_write(t->s, data, len);
    if (n < 0)
        return len;
    t->heard += (uint64_t)n;
    return (size_t)n;
}

static void on_writable(void *user)
{
    if (flood)
        say_more(user);
    fh_stream_resume(((struct talk *)user)->s);
}

static void on_end(void *user, int error)
{
    struct talk *t = user;

    printf("end %d %llu\n", error, (unsigned long long)t->heard);
    fh_stream_shutdown(t->s);
    fh_stream_close(t->s, on_closed, t);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_open(void *user, struct fh_stream *s, int error, const char *text)
{
    struct talk *t;

    if (error) {
        printf("failed %d %s\n", error, text);
        if (user)
            next_call();
        return;
    }
    t = calloc(1, sizeof *t);
    if (!t)
        die("memory");
    t->s = s;
    t->is_client = user != NULL;
    print_info(s);
    fh_stream_attach(s, &events, t);
    t->to_say = flood;
    if (flood)
        say_more(t);
    if (t->is_client && fh_stream_write(s, (const uint8_t *)"ping", 4) != 4)
        die("write");
}

/* ---- the server ------------------------------------------------------------------------------- */

static void on_accept(void *user, struct fh_stream *s)
{
    struct fh_tls_start_config cfg = {.done = on_open};

    (void)user;
    (void)fh_tls_start(&loop, ctx, s, &cfg, NULL);
}

static int serve(const char *dir)
{
    const char *address = "127.0.0.1:0";
    struct fh_tls_server_config cfg = {.cert_pem = read_file(dir, "chain.pem"),
                                       .key_pem = read_file(dir, "server.key"),
                                       .alpn = protocols,
                                       .alpn_len = protocols_len};
    struct fh_tcp_listen_config tcp = {
        .addresses = &address, .addresses_len = 1, .accept = on_accept};
    struct fh_tcp_listener *l;
    struct fh_address at;
    char why[FH_TLS_WHY] = "";

    if (fh_tls_server_new(&cfg, &ctx, why, sizeof why) != 0 ||
        fh_tcp_listen(&loop, &tcp, &l, why, sizeof why) != 0)
        die(why);
    fh_tcp_listener_address(l, 0, &at);
    printf("port %u\n", at.port);
    return uv_run(&loop, UV_RUN_DEFAULT);
}

/* ---- the client ------------------------------------------------------------------------------- */

static struct fh_target target;
static struct fh_tls_session *session;
static const char *server_name;
static int calls;

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct fh_tls_start_config cfg = {
        .name = server_name, .session = session, .done = on_open, .user = &calls};

    (void)user;
    if (error)
        die(text);
    if (fh_tls_start(&loop, ctx, s, &cfg, NULL) != 0)
        die("start");
}

static void next_call(void)
{
    struct fh_tcp_connect_config cfg = {.done = on_connected};

    if (calls-- > 0 && fh_tcp_connect(&loop, &target, &cfg, NULL) != 0)
        die("connect");
}

static int read_pin(const char *hex, struct fh_tls_pin *out)
{
    unsigned v;

    if (strlen(hex) != 2 * sizeof out->sha256)
        return -1;
    for (size_t i = 0; i < sizeof out->sha256; i++) {
        if (sscanf(hex + 2 * i, "%2x", &v) != 1)
            return -1;
        out->sha256[i] = (uint8_t)v;
    }
    return 0;
}

static int call(char **argv)
{
    struct fh_tls_client_config cfg = {.alpn = protocols, .alpn_len = protocols_len};
    struct fh_tls_pin pin;

    if (strcmp(argv[2], "any") == 0) {
        cfg.trust_anybody = true;
    } else {
        if (read_pin(argv[2], &pin) != 0)
            die("that is no pin");
        cfg.pins = &pin;
        cfg.pins_len = 1;
    }
    target = (struct fh_target){.kind = FH_TARGET_IP};
    target.address = (struct fh_address){.family = FH_ADDRESS_IPV4, .ip = {127, 0, 0, 1}};
    target.address.port = (uint16_t)strtoul(argv[0], NULL, 10);
    server_name = argv[1];
    calls = (int)strtol(argv[3], NULL, 10);
    cfg.max_fragment = (uint16_t)strtoul(argv[4], NULL, 10);
    session = fh_tls_session_new();
    if (!session || fh_tls_client_new(&cfg, &ctx) != 0)
        die("no context");
    next_call();
    uv_run(&loop, UV_RUN_DEFAULT);
    fh_tls_session_free(session);
    fh_tls_free(ctx);
    return uv_loop_close(&loop);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&loop) != 0)
        die("no loop");
    if (argc >= 6 && strcmp(argv[1], "pki") == 0)
        return make_pki(argv[2], (int)strtol(argv[3], NULL, 10), (int)strtol(argv[4], NULL, 10),
                        (const char *const *)argv + 5, (size_t)argc - 5);
    if (argc == 4 && strcmp(argv[1], "flood") == 0) {
        flood = strtoull(argv[3], NULL, 10);
        return serve(argv[2]);
    }
    if (argc >= 3 && strcmp(argv[1], "serve") == 0) {
        protocols = (const char *const *)argv + 3;
        protocols_len = (size_t)argc - 3;
        return serve(argv[2]);
    }
    if (argc >= 7 && strcmp(argv[1], "connect") == 0) {
        protocols = (const char *const *)argv + 7;
        protocols_len = (size_t)argc - 7;
        return call(argv + 2);
    }
    die("see the head of tls_peer.c");
    return 2;
}
