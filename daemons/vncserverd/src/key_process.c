/* SPDX-License-Identifier: MIT */
/*
 * key_process.c -- the process that has the private key, and the only one that ever read it. For
 * each connection that the monitor lets go on it signs one transcript, as the server. Where a
 * rotation is under way it has the next key as well, and both vouch for that on one channel, for
 * each viewer that the monitor lets in. For older viewers it has the key of RSA-AES, with which it
 * decrypts one secret for a connection in place of the signature, and that of TLS. For the cloud
 * process it signs what clouds ask for, which can be taken for nothing else, and not often. It
 * signs nothing else.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <farhand/identity_uv.h>
#include <farhand/pki.h>
#include <farhand/rsaaes_uv.h>

#include "child.h"
#include "identityfile.h"
#include "log.h"
#include "role.h"
#include "tlsfile.h"

enum { CLOUD_BURST = 20, CLOUD_REFILL_MS = 3000 };

struct client;

struct keeper {
    uv_loop_t loop;
    struct fh__link monitor;
    struct client *cloud;  /* the cloud process; NULL: there is none */
    unsigned cloud_tokens; /* signatures that it may have */
    uint64_t cloud_refilled_ms;
    struct fh_identity *identity, *next; /* NULL: no other key is to follow */
    struct fh_rsaaes_key *rsa;           /* NULL: no RSA-AES */
    struct fh_pki_signer *tls;           /* NULL: no TLS */
    char *certificate;
};

/* Who may have one signature, or one secret; or the cloud process. */
struct client {
    struct fh__link link;
    struct keeper *keeper;
};

static void on_client_closed(void *user)
{
    free(user);
}

static void on_client_broken(void *user, const char *why)
{
    struct client *c = user;

    if (why)
        fh__log(FH__LOG_WARNING, "a session asks the key for %s", why);
    fh__link_close(&c->link, on_client_closed);
}

static void on_sign(struct client *c, struct rd body)
{
    uint8_t th[FH_TRANSCRIPT_HASH_LEN], sig[FH_SIGNATURE_MAX];
    size_t len = 0;

    rd_copy(&body, th, sizeof th);
    if (fh_identity_sign(c->keeper->identity, FH_ROLE_SERVER, th, fh_random_system, NULL, sig,
                         &len) == 0)
        (void)fh__link_send(&c->link, FH__MSG_SIGNATURE, sig, len, -1);
}

/* Whether it was well padded is told to nobody, that process included. */
static void on_decrypt(struct client *c, struct rd body)
{
    uint8_t secret[32];
    size_t want = rd_u8(&body);

    if ((want != 16 && want != sizeof secret) || !c->keeper->rsa ||
        fh_rsaaes_key_decrypt(c->keeper->rsa, body.p, body.left, fh_random_system, NULL, secret,
                              want) != 0)
        return;
    (void)fh__link_send(&c->link, FH__MSG_DECRYPTED, secret, want, -1);
    fh_wipe(secret, sizeof secret);
}

static void on_tls_sign(struct client *c, struct rd body)
{
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len = c->keeper->tls ? fh_pki_signer_len(c->keeper->tls) : 0;

    if (len == 0 || len > sizeof sig ||
        fh_pki_signer_sign(c->keeper->tls, body.p, body.left, sig, len) != 0)
        return;
    (void)fh__link_send(&c->link, FH__MSG_TLS_SIGNATURE, sig, len, -1);
}

static void on_client_message(void *user, unsigned number, struct rd body, int fd)
{
    struct client *c = user;

    (void)fd;
    if (number == FH__MSG_DECRYPT)
        on_decrypt(c, body);
    else if (number == FH__MSG_TLS_SIGN)
        on_tls_sign(c, body);
    else
        on_sign(c, body);
    fh__link_close(&c->link, on_client_closed);
}

static const struct fh__link_ops client_ops = {on_client_message, on_client_broken};

/* fd: taken. NULL: no memory for it. */
static struct client *open_client(struct keeper *k, int fd, enum fh__role role,
                                  const struct fh__link_ops *ops)
{
    struct client *c = calloc(1, sizeof *c);

    if (!c) {
        close(fd);
        return NULL;
    }
    c->keeper = k;
    if (fh__link_open(&c->link, &k->loop, fd, FH__KEY, role, ops, c) == 0)
        return c;
    free(c);
    return NULL;
}

/* ---- for the cloud process ---- */

/* One that was broken into must not keep this process busy. */
static bool may_sign(struct keeper *k)
{
    uint64_t now = uv_now(&k->loop), earned = (now - k->cloud_refilled_ms) / CLOUD_REFILL_MS;

    k->cloud_refilled_ms += earned * CLOUD_REFILL_MS;
    k->cloud_tokens =
        k->cloud_tokens + earned < CLOUD_BURST ? k->cloud_tokens + (unsigned)earned : CLOUD_BURST;
    if (k->cloud_tokens == 0)
        return false;
    k->cloud_tokens--;
    return true;
}

static int sign_for_cloud(struct keeper *k, uint8_t label, struct rd body, uint8_t *sig,
                          size_t *len)
{
    uint8_t digest[FH_TRANSCRIPT_HASH_LEN];

    rd_copy(&body, digest, sizeof digest);
    if ((label != FH__CLOUD_SIGN_IN && label != FH__CLOUD_BINDING) || !may_sign(k))
        return -1;
    return fh_identity_sign_for(k->identity,
                                label == FH__CLOUD_BINDING ? FH_IDENTITY_CLOUD_BINDING
                                                           : FH_IDENTITY_CLOUD_SIGN_IN,
                                digest, fh_random_system, NULL, sig, len);
}

/* An answer without a signature: it gets none. */
static void on_cloud_message(void *user, unsigned number, struct rd body, int fd)
{
    struct client *c = user;
    uint8_t answer[1 + FH_SIGNATURE_MAX];
    size_t len = 0;

    (void)number; /* CLOUD_SIGN: there is no other */
    (void)fd;
    answer[0] = rd_u8(&body);
    if (sign_for_cloud(c->keeper, answer[0], body, answer + 1, &len) != 0)
        len = 0;
    (void)fh__link_send(&c->link, FH__MSG_CLOUD_SIGNATURE, answer, 1 + len, -1);
}

static void on_cloud_broken(void *user, const char *why)
{
    struct client *c = user;

    if (why)
        fh__log(FH__LOG_WARNING, "the cloud process asks the key for %s", why);
    if (c->keeper->cloud == c)
        c->keeper->cloud = NULL;
    fh__link_close(&c->link, on_client_closed);
}

static const struct fh__link_ops cloud_ops = {on_cloud_message, on_cloud_broken};

/* The one before is of a process that is no more. */
static void on_cloud_key(struct keeper *k, int fd)
{
    if (k->cloud)
        fh__link_close(&k->cloud->link, on_client_closed);
    k->cloud = open_client(k, fd, FH__CLOUD, &cloud_ops);
}

/* What is signed is made here, of our own keys: of the one that asks comes the channel alone. */
static void on_rotate(struct keeper *k, struct rd body)
{
    uint8_t statement[FH__ROTATION_MAX], answer[8 + FH__ROTATION_MAX];
    struct wr part = wr_init(statement, sizeof statement), w = wr_init(answer, sizeof answer);
    struct fh__msg_rotate m;
    struct fh__msg_rotated out;
    struct fh_rotation r;

    if (!fh__msg_rotate_read(body, &m) || !k->next ||
        fh_rotation_sign(k->identity, k->next, m.binding, fh_random_system, NULL, &r) != 0)
        return;
    fh__msg_rotation_write(&part, &r);
    out = (struct fh__msg_rotated){m.number, statement, part.len};
    fh__msg_rotated_write(&w, &out);
    (void)fh__link_send_wr(&k->monitor, FH__MSG_ROTATED, &w);
}

static void on_monitor_message(void *user, unsigned number, struct rd body, int fd)
{
    struct keeper *k = user;

    if (number == FH__MSG_ROTATE)
        on_rotate(k, body);
    if (number == FH__MSG_CLOUD_KEY)
        on_cloud_key(k, fd);
    if (number == FH__MSG_ROTATE || number == FH__MSG_CLOUD_KEY || fh__role_message(number, body) ||
        number != FH__MSG_KEY_ONCE)
        return;
    (void)open_client(k, fd, FH__SESSION, &client_ops);
}

static void on_monitor_broken(void *user, const char *why)
{
    struct keeper *k = user;

    (void)why;
    uv_stop(&k->loop);
}

static const struct fh__link_ops monitor_ops = {on_monitor_message, on_monitor_broken};

/* ---- the key ---- */

/*
 * Making one uses libuv's threads, and what follows must hold for all threads of this process: so
 * another one makes it.
 */
static int make_elsewhere(const char *path)
{
    const bool never = false;
    struct fh_identity *id = NULL;
    uv_loop_t loop;
    pid_t parent = getpid(), pid = fork();
    int status = 0;

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || uv_loop_init(&loop) != 0)
            _exit(1);
        _exit(fh__identityfile_open(&loop, path, &never, &id) == 0 ? 0 : 1);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && status == 0 ? 0 : -1;
}

static int open_identity(const char *path, struct fh_identity **out)
{
    int error = fh_identity_load(path, out);

    if (error == FH_CRYPTO_E_IO && errno == ENOENT) {
        if (make_elsewhere(path) != 0)
            return -1; /* it has said why */
        error = fh_identity_load(path, out);
    }
    if (error)
        fh__log(FH__LOG_ERROR, "%s: %s", path,
                error == FH_CRYPTO_E_IO ? strerror(errno) : fh_crypto_strerror(error));
    return error ? -1 : 0;
}

static int open_next(const char *path, struct fh_identity **out)
{
    int error = fh__identityfile_open_next(path, out);

    if (error)
        fh__log(FH__LOG_ERROR, "%s.next: %s", path,
                error == FH_CRYPTO_E_IO ? strerror(errno) : fh_crypto_strerror(error));
    return error ? -1 : 0;
}

static int make_rsa(const char *path)
{
    struct fh_rsaaes_key *key;
    int error;

    if (fh__identityfile_make_directory(path) != 0)
        return FH_CRYPTO_E_IO;
    fh__log(FH__LOG_NOTICE, "making the key of RSA-AES, %s", path);
    error = fh_rsaaes_key_generate(FH_RSAAES_BITS_DEFAULT, fh_random_system, NULL, &key);
    if (error)
        return error;
    error = fh_rsaaes_key_save(key, path);
    fh_rsaaes_key_free(key);
    return error == FH_CRYPTO_E_EXISTS ? 0 : error; /* another process made it at the same time */
}

static int open_rsa(const char *path, struct fh_rsaaes_key **out)
{
    int error = fh_rsaaes_key_load(path, out);

    if (error == FH_CRYPTO_E_IO && errno == ENOENT) {
        error = make_rsa(path);
        if (!error)
            error = fh_rsaaes_key_load(path, out);
    }
    if (error)
        fh__log(FH__LOG_ERROR, "%s: %s", path,
                error == FH_CRYPTO_E_IO ? strerror(errno) : fh_crypto_strerror(error));
    return error ? -1 : 0;
}

/* Of the people's own making or ours: our own is made where there is neither. */
static int open_tls(struct keeper *k, const char *certificate, const char *key)
{
    char why[200];

    if (fh__tlsfile_open(certificate, key, &k->certificate, &k->tls, why, sizeof why) == 0)
        return 0;
    fh__log(FH__LOG_ERROR, "%s", why);
    return -1;
}

static int prepare(struct keeper *k, struct fh__sandbox *sandbox, struct rd setup)
{
    struct fh__msg_key_setup m;
    char path[FH__TEXT_MAX + 1], rsa[FH__TEXT_MAX + 1], user[FH__TEXT_MAX + 1], error[400];
    char certificate[FH__TEXT_MAX + 1], tls_key[FH__TEXT_MAX + 1];

    if (!fh__msg_key_setup_read(setup, &m))
        return -1;
    fh__log_set_level((enum fh__log_level)m.level);
    fh__text_copy(m.path, path, sizeof path);
    fh__text_copy(m.rsa, rsa, sizeof rsa);
    fh__text_copy(m.tls_certificate, certificate, sizeof certificate);
    fh__text_copy(m.tls_key, tls_key, sizeof tls_key);
    fh__text_copy(m.user, user, sizeof user);
    if (open_identity(path, &k->identity) != 0 || open_next(path, &k->next) != 0 ||
        (rsa[0] && open_rsa(rsa, &k->rsa) != 0) ||
        (certificate[0] && open_tls(k, certificate, tls_key) != 0))
        return -1;
    fh__sandbox_lock(sandbox);
    if (fh__sandbox_user(sandbox, user, false, error, sizeof error) != 0) {
        fh__log(FH__LOG_ERROR, "the key process: %s", error);
        return -1;
    }
    return 0;
}

static enum fh__exit serve(struct keeper *k, struct fh__sandbox *sandbox)
{
    const uint8_t *spki, *pub;
    size_t len;

    if (uv_loop_init(&k->loop) != 0 ||
        fh__link_open(&k->monitor, &k->loop, FH__CHILD_LINK_FD, FH__KEY, FH__MONITOR, &monitor_ops,
                      k) != 0 ||
        fh__role_confine(sandbox, NULL, false) != 0)
        return FH__EXIT_UNEXPECTED;
    if (k->next) {
        spki = fh_identity_spki(k->next, &len);
        (void)fh__link_send(&k->monitor, FH__MSG_KEY_NEXT, spki, len, -1);
    }
    if (k->rsa) {
        pub = fh_rsaaes_key_pub(k->rsa, &len);
        (void)fh__link_send(&k->monitor, FH__MSG_KEY_RSA, pub, len, -1);
    }
    if (k->certificate)
        (void)fh__link_send(&k->monitor, FH__MSG_KEY_TLS, k->certificate, strlen(k->certificate),
                            -1);
    spki = fh_identity_spki(k->identity, &len);
    (void)fh__link_send(&k->monitor, FH__MSG_KEY_READY, spki, len, -1);
    uv_run(&k->loop, UV_RUN_DEFAULT);
    return FH__EXIT_OK;
}

enum fh__exit fh__key_main(struct fh__sandbox *sandbox, struct rd setup)
{
    struct keeper k = {.cloud_tokens = CLOUD_BURST};
    enum fh__exit how = FH__EXIT_IDENTITY;

    if (prepare(&k, sandbox, setup) == 0)
        how = serve(&k, sandbox);
    else
        fh__link_try(FH__CHILD_LINK_FD, FH__MSG_KEY_FAILED, "", 0);
    fh_identity_free(k.identity);
    fh_identity_free(k.next);
    fh_rsaaes_key_free(k.rsa);
    fh_pki_signer_free(k.tls);
    free(k.certificate);
    return how;
}
