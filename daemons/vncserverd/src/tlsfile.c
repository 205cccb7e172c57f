/* SPDX-License-Identifier: MIT */
#include "tlsfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <farhand/identity.h>
#include <farhand/pki.h>

#include "identityfile.h"
#include "log.h"
#include "protocol.h"

enum { DAY = 86400, YEARS = 3650 * DAY };

/* NULL: errno tells. is_secret: it must be its owner's alone. */
static char *read_text(const char *path, bool is_secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), error = 0;
    char *text = fd >= 0 ? calloc(1, FH__PEM_MAX + 1) : NULL;
    struct stat st;
    ssize_t n = -1;

    if (text && fstat(fd, &st) == 0) {
        if (!S_ISREG(st.st_mode) || (is_secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0))
            error = EACCES;
        else
            n = read(fd, text, FH__PEM_MAX + 1);
    }
    if (n > FH__PEM_MAX)
        error = EFBIG;
    if (n < 0 || error) {
        error = error ? error : errno;
        free(text);
        text = NULL;
    }
    if (fd >= 0)
        close(fd);
    errno = error ? error : errno;
    return text;
}

static void forget(char *text, size_t len)
{
    if (text)
        fh_wipe(text, len);
    free(text);
}

/* Letters that a name of a certificate may have; "localhost" if there is none. */
static void host_name(char *out, size_t room)
{
    size_t n = 0;

    if (gethostname(out, room - 1) != 0)
        *out = '\0';
    out[room - 1] = '\0';
    while (out[n] &&
           strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", out[n]))
        n++;
    if (out[n] || n == 0)
        snprintf(out, room, "localhost");
}

struct made {
    char key[FH_PKI_PEM], root_key[FH_PKI_PEM], root[FH_PKI_PEM], leaf[FH_PKI_PEM];
    char chain[2 * FH_PKI_PEM];
};

/* The issuer signs this one and nothing else ever: its key is not kept. */
static int fill(struct made *m)
{
    char host[FH_PKI_NAME + 1];
    const char *const names[] = {host, "localhost"};
    struct fh_pki_config cfg = {.name = host, .not_before = (int64_t)time(NULL) - DAY};
    char issuer[FH_PKI_NAME + 1];
    int ret;

    host_name(host, sizeof host);
    snprintf(issuer, sizeof issuer, "vncserverd at %.40s", host);
    cfg.not_after = cfg.not_before + (int64_t)YEARS;
    cfg.name = issuer;
    if ((ret = fh_pki_rsa_key_new(m->key, sizeof m->key)) != 0 ||
        (ret = fh_pki_key_new(m->root_key, sizeof m->root_key)) != 0 ||
        (ret = fh_pki_root_new(&cfg, m->root_key, m->root, sizeof m->root)) != 0)
        return ret;
    cfg.name = host;
    cfg.sans = names;
    cfg.sans_len = strcmp(host, "localhost") == 0 ? 1 : 2;
    ret = fh_pki_issue(&cfg, m->key, m->root, m->root_key, m->leaf, sizeof m->leaf);
    snprintf(m->chain, sizeof m->chain, "%s%s", m->leaf, m->root);
    return ret;
}

static int make(const char *certificate, const char *key)
{
    struct made *m = calloc(1, sizeof *m);
    int ret = m ? fill(m) : FH_TRANSPORT_E_RESOURCES;

    fh__log(FH__LOG_NOTICE, "making a certificate for TLS, %s", certificate);
    if (ret == 0 && (fh__identityfile_make_directory(key) != 0 ||
                     fh__identityfile_make_directory(certificate) != 0))
        ret = FH_TRANSPORT_E_SYSTEM;
    if (ret == 0)
        ret = fh_pki_save(key, m->key, 0600);
    if (ret == 0)
        ret = fh_pki_save(certificate, m->chain, 0644);
    forget((char *)m, sizeof *m);
    return ret;
}

static bool is_missing(const char *path)
{
    return access(path, F_OK) != 0 && errno == ENOENT;
}

int fh__tlsfile_open(const char *certificate, const char *key, char **pem,
                     struct fh_pki_signer **signer, char *why, size_t room)
{
    char *cert_text = NULL, *key_text = NULL;
    int ret = -1;

    if (is_missing(certificate) && is_missing(key) && make(certificate, key) != 0) {
        snprintf(why, room, "no certificate for TLS can be made, %.80s", certificate);
        return -1;
    }
    if (!(cert_text = read_text(certificate, false)))
        snprintf(why, room, "%.120s: %s", certificate, strerror(errno));
    else if (!(key_text = read_text(key, true)))
        snprintf(why, room, "%.120s: %s; it must be readable for its owner alone", key,
                 strerror(errno));
    else if (fh_pki_signer_new(cert_text, key_text, signer) != 0)
        snprintf(why, room, "%.80s: not a key of RSA, or not that of the certificate", key);
    else
        ret = 0;
    forget(key_text, FH__PEM_MAX + 1);
    if (ret == 0)
        *pem = cert_text;
    else
        free(cert_text);
    return ret;
}
