/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include <farhand/cloud_service.h>
#include <farhand/identity.h>
#include <farhand/pki.h>

#include "base64.h"
#include "turn.h"

enum { PATH_ROOM = 4096, DAY_S = 86400, NAMES_ROOM = 8192, CRL_MAX = 1024, PEM_LINE = 64 };

static const char crl_begin[] = "-----BEGIN X509 CRL-----\n";
static const char crl_end[] = "-----END X509 CRL-----\n";

/* ---- files ---- */

static char *slurp(int fd, size_t *len)
{
    char *text = malloc(FH__KEYS_FILE_MAX + 1);
    ssize_t n = 1;

    *len = 0;
    while (text && n > 0 && *len < FH__KEYS_FILE_MAX) {
        n = read(fd, text + *len, FH__KEYS_FILE_MAX - *len);
        *len += n > 0 ? (size_t)n : 0;
    }
    if (text && n == 0) {
        text[*len] = '\0';
        return text;
    }
    if (text)
        fh_wipe(text, *len);
    free(text);
    errno = n > 0 ? EFBIG : errno;
    return NULL;
}

/* A directory of others' could have another file in it the next moment. */
static bool is_ours(const struct stat *st, mode_t forbidden)
{
    return (st->st_uid == geteuid() || st->st_uid == 0) && (st->st_mode & forbidden) == 0;
}

char *fh__keys_read(const char *path, bool is_secret, size_t *len, char *why, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error;
    struct stat st;
    char *text = NULL;

    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(why, room, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode) || !is_ours(&st, is_secret ? 077 : 022)) {
        errno = EACCES;
        snprintf(why, room, "%s: expected a file of our own that %s", path,
                 is_secret ? "nobody else may read (chmod 600)" : "nobody else may write");
    } else if (!(text = slurp(fd, len))) {
        snprintf(why, room, "%s: %s", path, strerror(errno));
    }
    error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return text;
}

static void path_of(const struct fh__config *c, const char *name, char out[PATH_ROOM])
{
    snprintf(out, PATH_ROOM, "%s/%s", c->state, name);
}

static char *read_state(const struct fh__config *c, const char *name, bool is_secret, char *why,
                        size_t room)
{
    char path[PATH_ROOM];
    size_t len;

    path_of(c, name, path);
    return fh__keys_read(path, is_secret, &len, why, room);
}

static int save_state(const struct fh__config *c, const char *name, const char *text, unsigned mode,
                      char *why, size_t room)
{
    char path[PATH_ROOM];
    int error;

    path_of(c, name, path);
    error = fh_pki_save(path, text, mode);
    if (error)
        snprintf(why, room, "%s: cannot be written: %s", path, fh_transport_strerror(error));
    return error ? -1 : 0;
}

static void wipe_text(char *text)
{
    if (text)
        fh_wipe(text, strlen(text));
    free(text);
}

/* It is there and ours, or made. */
static int check_directory(const char *path, bool makes, char *why, size_t room)
{
    struct stat st;

    if (makes && mkdir(path, 0700) != 0 && errno != EEXIST) {
        snprintf(why, room, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (stat(path, &st) != 0) {
        snprintf(why, room, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (S_ISDIR(st.st_mode) && is_ours(&st, 077))
        return 0;
    snprintf(why, room, "%s: expected a directory of our own that is nobody else's (chmod 700)",
             path);
    return -1;
}

/* ---- the root ---- */

static int make_root(const struct fh__config *c, int64_t now_s, char *why, size_t room)
{
    char key[FH_PKI_PEM], cert[FH_PKI_PEM], dir[PATH_ROOM], name[FH_PKI_NAME + 1];
    struct fh_pki_config cfg = {.name = name,
                                .not_before = now_s - DAY_S,
                                .not_after = now_s + (int64_t)FH__ROOT_YEARS * 365 * DAY_S};
    int ret = -1;

    snprintf(name, sizeof name, "Farhand cloud %.48s", c->name);
    path_of(c, "root", dir);
    if (check_directory(dir, true, why, room) != 0)
        return -1;
    if (fh_pki_key_new(key, sizeof key) != 0 || fh_pki_root_new(&cfg, key, cert, sizeof cert) != 0)
        snprintf(why, room, "a root cannot be made");
    else if (save_state(c, "root/root.key", key, 0600, why, room) == 0 &&
             save_state(c, "root.pem", cert, 0644, why, room) == 0)
        ret = 0;
    fh_wipe(key, sizeof key);
    return ret;
}

/* ---- the server's certificate ---- */

/* What it is for: the name, and the hosts of the nodes, each once. */
static size_t names_of(const struct fh__config *c, char *room, size_t len,
                       const char *out[FH_PKI_SANS])
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i <= c->n_node && n < FH_PKI_SANS; i++) {
        const char *host = i == 0 ? c->name : c->node[i - 1], *colon = strrchr(host, ':');
        size_t host_len = i == 0 ? strlen(host) : (size_t)(colon - host), j;

        if (*host == '[') {
            host++;
            host_len -= 2;
        }
        if (at + host_len + 1 > len)
            break;
        memcpy(room + at, host, host_len);
        room[at + host_len] = '\0';
        for (j = 0; j < n && strcmp(out[j], room + at) != 0; j++)
            ;
        if (j == n)
            out[n++] = room + at;
        at += host_len + 1;
    }
    return n;
}

/* Where the root's list is served: by us. "": a node's name leaves no room for it. */
static void crl_uri(const struct fh__config *c, char out[FH_PKI_URI + 1])
{
    if (snprintf(out, FH_PKI_URI + 1, "https://%s/root.crl", c->node[0]) > FH_PKI_URI)
        *out = '\0';
}

/* All that is in the certificate; another is another certificate. */
static void join_names(const struct fh__config *c, const char *const *names, size_t n, char *out,
                       size_t room)
{
    char uri[FH_PKI_URI + 1];
    size_t at = 0;

    crl_uri(c, uri);
    *out = '\0';
    for (size_t i = 0; i <= n && at < room; i++)
        at += (size_t)snprintf(out + at, room - at, "%s\n", i < n ? names[i] : uri);
}

/* ---- the root's list ---- */

/* Empty, and good as long as the certificate: our own clients are given another pin, and others
 * want to be told where a list is. */
static int save_crl(const struct fh__config *c, int64_t now_s, const char *root,
                    const char *root_key, char *why, size_t room)
{
    uint8_t der[CRL_MAX];
    char base64[BASE64_LEN(CRL_MAX) + 1], text[2 * BASE64_LEN(CRL_MAX)];
    int len = fh_pki_crl_new(root, root_key, now_s - DAY_S, now_s + (int64_t)FH__KEYS_DAYS * DAY_S,
                             NULL, 0, der, sizeof der);
    size_t at;

    if (len < 0) {
        snprintf(why, room, "a list of the root's cannot be made");
        return -1;
    }
    base64_write(der, (size_t)len, base64);
    at = (size_t)snprintf(text, sizeof text, "%s", crl_begin);
    for (const char *p = base64; *p; p += strnlen(p, PEM_LINE))
        at += (size_t)snprintf(text + at, sizeof text - at, "%.*s\n", PEM_LINE, p);
    snprintf(text + at, sizeof text - at, "%s", crl_end);
    return save_state(c, "root.crl", text, 0644, why, room);
}

static int read_crl(const struct fh__config *c, struct fh__keys *k, char *why, size_t room)
{
    char *text = read_state(c, "root.crl", false, why, room), *end = NULL;
    size_t n = 0;
    int len = -1;

    if (!text)
        return errno == ENOENT ? 0 : -1;
    if (strncmp(text, crl_begin, sizeof crl_begin - 1) == 0 && (end = strstr(text, crl_end))) {
        for (const char *p = text + sizeof crl_begin - 1; p < end; p++)
            if (*p != '\n')
                text[n++] = *p;
        if ((k->crl = malloc(n + 1)) != NULL)
            len = base64_read(text, n, k->crl, n + 1);
    }
    free(text);
    k->crl_len = len > 0 ? (size_t)len : 0;
    if (len > 0)
        return 0;
    snprintf(why, room, "%s/root.crl: expected a list of the root's in PEM", c->state);
    return -1;
}

static int issue(const struct fh__config *c, int64_t now_s, const char *const *names, size_t n,
                 const char *root, const char *root_key, char *why, size_t room)
{
    char key[FH_PKI_PEM], cert[2 * FH_PKI_PEM], list[NAMES_ROOM], cn[FH_PKI_NAME + 1];
    char uri[FH_PKI_URI + 1];
    struct fh_pki_config cfg = {.name = cn,
                                .sans = names,
                                .sans_len = n,
                                .not_before = now_s - DAY_S,
                                .not_after = now_s + (int64_t)FH__KEYS_DAYS * DAY_S};
    int ret = -1;

    snprintf(cn, sizeof cn, "%.64s", c->name);
    join_names(c, names, n, list, sizeof list);
    crl_uri(c, uri);
    cfg.crl_uri = *uri ? uri : NULL;
    if (fh_pki_key_new(key, sizeof key) != 0 ||
        fh_pki_issue(&cfg, key, root, root_key, cert, FH_PKI_PEM) != 0) {
        snprintf(why, room, "a certificate for %s cannot be made", c->name);
    } else {
        snprintf(cert + strlen(cert), sizeof cert - strlen(cert), "%s", root);
        /* The names last: what is not whole is made again. */
        if (save_state(c, "server.key", key, 0600, why, room) == 0 &&
            save_state(c, "server.pem", cert, 0644, why, room) == 0 &&
            save_crl(c, now_s, root, root_key, why, room) == 0 &&
            save_state(c, "server.names", list, 0644, why, room) == 0)
            ret = 0;
    }
    fh_wipe(key, sizeof key);
    return ret;
}

/*
 * 1: there is one for these names that does not end soon; 0: there is none, or another, which ends
 * at *ends (0: none). -1: it cannot be told, and is not replaced without being asked.
 */
static int has_certificate(const struct fh__config *c, int64_t now_s, const char *const *names,
                           size_t n, int64_t *ends, char *why, size_t room)
{
    char list[NAMES_ROOM], *was, *cert = read_state(c, "server.pem", false, why, room);
    int ret = cert || errno == ENOENT ? 0 : -1;

    *ends = 0;
    was = cert ? read_state(c, "server.names", false, why, room) : NULL;
    if (cert && !was && errno != ENOENT)
        ret = -1;
    join_names(c, names, n, list, sizeof list);
    if (cert && fh_pki_look(cert, NULL, NULL, ends) == 0 && was && strcmp(was, list) == 0)
        ret = *ends > now_s + (int64_t)FH__KEYS_RENEW * DAY_S;
    free(was);
    free(cert);
    return ret;
}

/* Without the root's key the certificate serves as long as it lasts. */
static int renew(const struct fh__config *c, int64_t now_s, const char *const *names, size_t n,
                 int64_t ends, char *why, size_t room)
{
    char *root = read_state(c, "root.pem", false, why, room);
    char *root_key = root ? read_state(c, "root/root.key", true, why, room) : NULL;
    int ret = -1;

    if (root_key) {
        ret = issue(c, now_s, names, n, root, root_key, why, room);
    } else if (ends > now_s && errno == ENOENT) {
        fh__log(FH__LOG_WARNING,
                "the certificate ends in %lld days or is for other names, and "
                "the root's key is not here: %s",
                (long long)((ends - now_s) / DAY_S), why);
        ret = 0;
    }
    free(root);
    wipe_text(root_key);
    return ret;
}

static int ensure_certificate(const struct fh__config *c, int64_t now_s, bool makes, char *why,
                              size_t room)
{
    char text[NAMES_ROOM];
    const char *names[FH_PKI_SANS];
    size_t n = names_of(c, text, sizeof text, names);
    int64_t ends;
    int has = has_certificate(c, now_s, names, n, &ends, why, room);

    if (has != 0 || (!makes && ends > now_s))
        return has < 0 ? -1 : 0;
    if (!makes) {
        snprintf(why, room, "%s: no certificate was made yet, or it has ended", c->state);
        return -1;
    }
    return renew(c, now_s, names, n, ends, why, room);
}

/* ---- the relay's key ---- */

/* 1: there is none. */
static int read_relay_key(const struct fh__config *c, struct fh__keys *k, char *why, size_t room)
{
    char *text = read_state(c, "relay.key", true, why, room);
    size_t len = 0;
    int ret = -1;

    if (!text)
        return errno == ENOENT ? 1 : -1;
    if (sodium_hex2bin(k->relay_key, sizeof k->relay_key, text, strlen(text), "\n", &len, NULL) ==
            0 &&
        len == sizeof k->relay_key)
        ret = 0;
    else
        snprintf(why, room, "%s/relay.key: expected 64 hexadecimal digits", c->state);
    wipe_text(text);
    return ret;
}

static int open_relay_key(const struct fh__config *c, bool makes, struct fh__keys *k, char *why,
                          size_t room)
{
    char text[2 * FH__RELAY_KEY_LEN + 2];
    int ret = read_relay_key(c, k, why, room);

    if (ret != 1 || !makes)
        return ret ? -1 : 0;
    randombytes_buf(k->relay_key, sizeof k->relay_key);
    sodium_bin2hex(text, sizeof text, k->relay_key, sizeof k->relay_key);
    strcat(text, "\n");
    ret = save_state(c, "relay.key", text, 0600, why, room);
    fh_wipe(text, sizeof text);
    return ret;
}

/* ---- all of it ---- */

/* The last certificate of a chain: the one that clients pin. */
static const char *last_of(const char *pem)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    const char *last = NULL;

    for (const char *p = pem; (p = strstr(p, begin)) != NULL; p += sizeof begin - 1)
        last = p;
    return last;
}

static int take_chain(struct fh__keys *k, const char *path, char *why, size_t room)
{
    struct fh_tls_pin pin;
    const char *root = last_of(k->cert_pem);

    if (!root || fh_pki_pin(root, &pin) != 0 ||
        fh_pki_look(k->cert_pem, NULL, NULL, &k->not_after) != 0) {
        snprintf(why, room, "%s: expected certificates in PEM", path);
        return -1;
    }
    if (root == strstr(k->cert_pem, "-----BEGIN CERTIFICATE-----")) {
        snprintf(why, room, "%s: expected its root's certificate behind it", path);
        return -1;
    }
    memcpy(k->root_pin, pin.sha256, sizeof k->root_pin);
    return 0;
}

static int read_pair(const struct fh__config *c, struct fh__keys *k, char *why, size_t room)
{
    char cert[PATH_ROOM], key[PATH_ROOM];
    size_t len;

    path_of(c, "server.pem", cert);
    path_of(c, "server.key", key);
    if (c->certificate) {
        snprintf(cert, sizeof cert, "%s", c->certificate);
        snprintf(key, sizeof key, "%s", c->key);
    }
    if (!(k->cert_pem = fh__keys_read(cert, false, &len, why, room)) ||
        !(k->key_pem = fh__keys_read(key, true, &len, why, room)))
        return -1;
    return take_chain(k, cert, why, room);
}

static int ensure_root(const struct fh__config *c, int64_t now_s, struct fh__keys *k, char *why,
                       size_t room)
{
    char *root = read_state(c, "root.pem", false, why, room);

    if (root) {
        free(root);
        return 0;
    }
    if (errno != ENOENT || make_root(c, now_s, why, room) != 0)
        return -1;
    k->made_root = true;
    return 0;
}

int fh__keys_open(const struct fh__config *c, int64_t now_s, bool makes, struct fh__keys *out,
                  char *why, size_t room)
{
    struct fh__keys k = {.cert_pem = NULL};
    int ret = check_directory(c->state, makes, why, room);

    if (ret == 0 && !c->certificate && makes)
        ret = ensure_root(c, now_s, &k, why, room);
    if (ret == 0 && !c->certificate)
        ret = ensure_certificate(c, now_s, makes, why, room);
    if (ret == 0)
        ret = read_pair(c, &k, why, room);
    if (ret == 0 && !c->certificate)
        ret = read_crl(c, &k, why, room);
    if (ret == 0)
        ret = open_relay_key(c, makes, &k, why, room);
    if (ret == 0)
        *out = k;
    else
        fh__keys_wipe(&k);
    return ret;
}

void fh__keys_wipe(struct fh__keys *k)
{
    free(k->cert_pem);
    free(k->crl);
    wipe_text(k->key_pem);
    fh_wipe(k, sizeof *k);
}

/* ---- what clients are told ---- */

static void add_node(struct fh_cloud_service *s, const char *place)
{
    struct fh_cloud_node *n = &s->nodes[s->nodes_len++];
    const char *colon = strrchr(place, ':'), *host = place;
    size_t len = (size_t)(colon - place);

    if (*host == '[') {
        host++;
        len -= 2;
    }
    snprintf(n->host, sizeof n->host, "%.*s", (int)len, host);
    n->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

char *fh__client_line(const struct fh__config *c, const struct fh__keys *k, const char *vkey)
{
    struct fh_cloud_service s = {.roots_len = 1};
    char *line = malloc(FH_CLOUD_SERVICE_TEXT);

    for (size_t i = 0; i < c->n_node && s.nodes_len < FH_CLOUD_NODES_MAX; i++)
        add_node(&s, c->node[i]);
    memcpy(s.roots[0], k->root_pin, sizeof s.roots[0]);
    snprintf(s.log, sizeof s.log, "%s", vkey ? vkey : "");
    for (size_t i = 0; i < s.nodes_len; i++)
        if (strcmp(s.nodes[i].host, c->name) != 0)
            snprintf(s.name, sizeof s.name, "%s", c->name);
    if (line && fh_cloud_service_print(&s, line) < 0) {
        free(line);
        line = NULL;
    }
    return line;
}

int fh__turn_secret(const char *path, uint8_t *out, size_t max, char *why, size_t room)
{
    size_t len = 0, n;
    char *text = fh__keys_read(path, true, &len, why, room);
    int ret = -1;

    if (!text)
        return -1;
    n = strcspn(text, "\r\n");
    if (n < FH__TURN_SECRET_MIN || n > max) {
        snprintf(why, room, "%s: expected a line of %d to %zu characters", path,
                 (int)FH__TURN_SECRET_MIN, max);
    } else {
        memcpy(out, text, n);
        ret = (int)n;
    }
    fh_wipe(text, len);
    free(text);
    return ret;
}
