/* SPDX-License-Identifier: MIT */
#include "older.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <farhand/identity.h>
#include <farhand/vncauth.h>

#include "log.h"

/* ---- the list ---- */

static const char *next_word(const char *p, const char **end)
{
    p += strspn(p, ", ");
    *end = p + strcspn(p, ", ");
    return p;
}

static bool is_in(const uint16_t *types, size_t n, unsigned type)
{
    for (size_t i = 0; i < n; i++)
        if (types[i] == type)
            return true;
    return false;
}

const char *fh__older_parse(const char *text, uint16_t *out, size_t *n)
{
    static const char expected[] =
        "native first, then any of X509Plain, X509Vnc, X509None, RA2_256, RA2, RA2ne_256, RA2ne, "
        "VncAuth, None, each once, with commas between";
    const char *end, *p = next_word(text, &end);

    *n = 0;
    if (end - p != 6 || memcmp(p, "native", 6) != 0)
        return expected;
    for (p = next_word(end, &end); end > p; p = next_word(end, &end)) {
        unsigned type = fh_older_parse(p, (size_t)(end - p));

        if (fh_older_strength(type) == 0 || is_in(out, *n, type) || *n == FH_OLDER_MAX)
            return expected;
        out[(*n)++] = (uint16_t)type;
    }
    return NULL;
}

static bool is_this_machine(const struct fh_address *a)
{
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};

    switch (a->family) {
    case FH_ADDRESS_UNIX:
        return true;
    case FH_ADDRESS_IPV4:
        return a->ip[0] == 127;
    case FH_ADDRESS_IPV6:
        return memcmp(a->ip, loopback, sizeof loopback) == 0 ||
               memcmp(a->ip, mapped, sizeof mapped) == 0;
    default:
        return false;
    }
}

static bool is_unprotected(unsigned type)
{
    return (fh_older_what(type) & (FH_OLDER_IS_CLEAR | FH_OLDER_IS_NONE)) != 0;
}

size_t fh__older_offered(const struct fh__config *cfg, const struct fh_address *peer,
                         uint16_t out[FH_OLDER_MAX])
{
    bool may_all = cfg->unprotected == FH__UNPROTECTED_ANYWHERE || is_this_machine(peer);
    size_t n = 0;

    for (size_t i = 0; i < cfg->n_older; i++)
        if (may_all || !is_unprotected(cfg->older[i]))
            out[n++] = cfg->older[i];
    return n;
}

bool fh__older_needs(const struct fh__config *cfg, unsigned what)
{
    for (size_t i = 0; i < cfg->n_older; i++)
        if (fh_older_what(cfg->older[i]) & what)
            return true;
    return false;
}

/* ---- the password of VNC Authentication ---- */

enum { LINE_MAX_LEN = 256 };

/* The first line; -1: errno tells. */
static ssize_t read_line(const char *path, char line[LINE_MAX_LEN])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    ssize_t n = -1;

    if (fd >= 0 && fstat(fd, &st) == 0) {
        errno = EACCES; /* others could read it, or it is no file */
        if (S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
            n = read(fd, line, LINE_MAX_LEN);
    }
    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < n; i++)
        if (line[i] == '\n' || line[i] == '\r')
            n = i;
    return n;
}

bool fh__older_check_response(const char *path, const uint8_t *challenge, const uint8_t *response)
{
    char line[LINE_MAX_LEN];
    ssize_t n = path ? read_line(path, line) : -1;
    bool is_right = false;

    if (n < 0)
        fh__log(FH__LOG_ERROR, "%s: %s; it must be readable for its owner alone",
                path ? path : "vnc-password-file", strerror(errno));
    else
        is_right = fh_vncauth_check(line, (size_t)n, challenge, response) == 0;
    fh_wipe(line, sizeof line);
    return is_right;
}
