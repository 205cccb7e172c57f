/* SPDX-License-Identifier: MIT */
#include <farhand/identity_uv.h>
#include <farhand/rsaaes_uv.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

void fh_random_system(void *user, void *out, size_t len)
{
    (void)user;
    randombytes_buf(out, len);
}

/* ---- files ---------------------------------------------------------------------------------- */

/* errno stays what it was, so that the caller sees the first cause. */
static void close_quietly(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
}

/* Reads to the end of the file, at most room bytes. The length, or -1. */
static ssize_t read_all(int fd, char *out, size_t room)
{
    size_t len = 0;

    while (len < room) {
        ssize_t n = read(fd, out + len, room - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Whether the open file may hold a secret of ours. Checked on the descriptor, not on the name. */
static int check_file(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return FH_CRYPTO_E_IO;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return FH_CRYPTO_E_IO;
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return FH_CRYPTO_E_MODE;
    if (st.st_uid != geteuid() && geteuid() != 0)
        return FH_CRYPTO_E_MODE;
    return 0;
}

/* The text of a key's file, *len of at most FH_IDENTITY_PEM_MAX + 1 bytes, in *out, which is freed
 * with sodium_free(). */
static int load_text(const char *path, char **out, size_t *text_len)
{
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    char *pem = NULL;
    ssize_t len;
    int ret = FH_CRYPTO_E_IO;

    if (fd < 0 || (ret = check_file(fd)) != 0)
        goto out;
    ret = FH_CRYPTO_E_NOMEM;
    if (sodium_init() < 0 || (pem = sodium_malloc(FH_IDENTITY_PEM_MAX + 1)) == NULL)
        goto out;
    ret = FH_CRYPTO_E_IO;
    if ((len = read_all(fd, pem, FH_IDENTITY_PEM_MAX + 1)) < 0)
        goto out;
    *out = pem;
    *text_len = (size_t)len;
    pem = NULL;
    ret = 0;
out:
    sodium_free(pem);
    close_quietly(fd);
    return ret;
}

int fh_identity_load(const char *path, struct fh_identity **out)
{
    size_t len;
    char *pem;
    int ret = load_text(path, &pem, &len);

    if (ret != 0)
        return ret;
    ret = fh_identity_from_pem(pem, len, out); /* refuses what is longer than PEM_MAX */
    sodium_free(pem);
    return ret;
}

int fh_rsaaes_key_load(const char *path, struct fh_rsaaes_key **out)
{
    size_t len;
    char *pem;
    int ret = load_text(path, &pem, &len);

    if (ret != 0)
        return ret;
    ret = fh_rsaaes_key_from_pem(pem, len, out);
    sodium_free(pem);
    return ret;
}

/* The folder of path, "." if it names none. The caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len =
        slash ? (size_t)(slash - path) + 1 : 1; /* with its slash, so that "/x" gives "/" */
    char *folder = malloc(len + 1);

    if (!folder)
        return NULL;
    memcpy(folder, slash ? path : ".", len);
    folder[len] = 0;
    return folder;
}

/* A name beside path that no one else uses. The caller frees. */
static char *temporary_of(const char *path)
{
    char suffix[2 * 8 + 1];
    uint8_t random[8];
    size_t len = strlen(path);
    char *name = malloc(len + 1 + sizeof suffix);

    if (!name)
        return NULL;
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(suffix, sizeof suffix, random, sizeof random);
    memcpy(name, path, len);
    name[len] = '.';
    memcpy(name + len + 1, suffix, sizeof suffix);
    return name;
}

static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    int ret = fd >= 0 ? fsync(fd) : -1;

    close_quietly(fd);
    return ret;
}

static int write_new(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    int ret = -1;

    if (fd < 0)
        return -1;
    /* A umask may have taken our own bits away. */
    if (fchmod(fd, S_IRUSR | S_IWUSR) == 0 && write_all(fd, text, strlen(text)) == 0)
        ret = fsync(fd);
    close_quietly(fd);
    return ret;
}

/* link, not rename: it fails where the name exists, so no key is ever overwritten. */
static int publish(const char *temporary, const char *path, const char *folder)
{
    int saved;

    if (link(temporary, path) != 0) {
        saved = errno;
        unlink(temporary);
        errno = saved;
        return saved == EEXIST ? FH_CRYPTO_E_EXISTS : FH_CRYPTO_E_IO;
    }
    if (unlink(temporary) != 0 || sync_folder(folder) != 0)
        return FH_CRYPTO_E_IO;
    return 0;
}

static int save_text(const char *path, const char *pem)
{
    char *folder = NULL, *temporary = NULL;
    int saved, ret = FH_CRYPTO_E_NOMEM;

    if ((folder = folder_of(path)) == NULL || (temporary = temporary_of(path)) == NULL)
        goto out;
    if (write_new(temporary, pem) != 0) {
        saved = errno;
        if (saved != EEXIST)
            unlink(temporary);
        errno = saved;
        ret = FH_CRYPTO_E_IO;
        goto out;
    }
    ret = publish(temporary, path, folder);
out:
    saved = errno;
    free(temporary);
    free(folder);
    errno = saved;
    return ret;
}

/* Frees pem, which holds the text if ret is 0. */
static int save_and_free(const char *path, char *pem, int ret)
{
    int saved;

    if (ret == 0)
        ret = save_text(path, pem);
    saved = errno;
    sodium_free(pem);
    errno = saved;
    return ret;
}

int fh_identity_save(const struct fh_identity *id, const char *path)
{
    char *pem = sodium_init() < 0 ? NULL : sodium_malloc(FH_IDENTITY_PEM_MAX);

    if (!pem)
        return FH_CRYPTO_E_NOMEM;
    return save_and_free(path, pem, fh_identity_to_pem(id, pem, FH_IDENTITY_PEM_MAX));
}

int fh_rsaaes_key_save(const struct fh_rsaaes_key *k, const char *path)
{
    char *pem = sodium_init() < 0 ? NULL : sodium_malloc(FH_IDENTITY_PEM_MAX);

    if (!pem)
        return FH_CRYPTO_E_NOMEM;
    return save_and_free(path, pem, fh_rsaaes_key_to_pem(k, pem, FH_IDENTITY_PEM_MAX));
}

/* ---- generation in a worker ----------------------------------------------------------------- */

struct fh_identity_generation {
    uv_work_t work;
    unsigned bits;
    fh_identity_generated_fn cb;
    void *user;
    struct fh_identity *id; /* the worker's result */
    int status;
    bool is_cancelled; /* the loop's thread alone */
};

static void work(uv_work_t *req)
{
    struct fh_identity_generation *g = req->data;

    g->status = fh_identity_generate(g->bits, fh_random_system, NULL, &g->id);
}

static void after_work(uv_work_t *req, int status)
{
    struct fh_identity_generation *g = req->data;
    struct fh_identity *id = g->id;

    if (status != 0 || g->is_cancelled) {
        fh_identity_free(id);
        id = NULL;
        g->status = FH_CRYPTO_E_CLOSED;
    }
    g->cb(id, g->status, g->user);
    free(g);
}

int fh_identity_generate_start(uv_loop_t *loop, unsigned bits, fh_identity_generated_fn cb,
                               void *user, struct fh_identity_generation **out)
{
    struct fh_identity_generation *g;

    if (bits != 2048 && bits != 3072 && bits != 4096)
        return FH_CRYPTO_E_INVAL;
    g = calloc(1, sizeof *g);
    if (!g)
        return FH_CRYPTO_E_NOMEM;
    g->work.data = g;
    g->bits = bits;
    g->cb = cb;
    g->user = user;
    if (uv_queue_work(loop, &g->work, work, after_work) != 0) {
        free(g);
        return FH_CRYPTO_E_INVAL;
    }
    if (out)
        *out = g;
    return 0;
}

void fh_identity_generate_cancel(struct fh_identity_generation *g)
{
    g->is_cancelled = true;
    uv_cancel((uv_req_t *)&g->work); /* fails when the worker has begun: then after_work drops it */
}
