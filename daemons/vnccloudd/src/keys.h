/* SPDX-License-Identifier: MIT */
/*
 * keys.h -- what vnccloudd is known by: its root and certificate, the relay's key, and the
 * directory where they lie.
 *
 *     fh__keys_open()     reads them; the first start makes them
 *     fh__keys_wipe()
 *     fh__client_line()   what clients are told
 *
 *     STATE/                   of the service's user alone, 0700
 *         root/root.key        signs certificates; only read when one is to be made. It may be
 *                              taken elsewhere: then certificates are not renewed here
 *         root.pem             the root's certificate
 *         server.pem, .key     with the root's behind it, made for `name` and the nodes
 *         server.names         what it was made for
 *         relay.key            what relay tickets are made with
 *
 * A key that others may read or write is refused, and so is one that is somebody else's.
 */
#ifndef FH__KEYS_H
#define FH__KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

enum {
    FH__RELAY_KEY_LEN = 32,
    FH__KEYS_DAYS = 398, /* that a server's certificate is good for */
    FH__KEYS_RENEW = 60, /* days before the end when it is made anew */
    FH__ROOT_YEARS = 20,
    FH__KEYS_FILE_MAX = 65536
};

/* Zeroed is empty. */
struct fh__keys {
    char *cert_pem; /* the chain, the leaf first */
    char *key_pem;  /* SECRET */
    uint8_t root_pin[32];
    uint8_t relay_key[FH__RELAY_KEY_LEN]; /* SECRET */
    uint8_t *crl; /* what the root has taken back, DER; NULL: it is not ours */
    size_t crl_len;
    int64_t not_after; /* of the leaf; Unix seconds */
    bool made_root;    /* this was the first start */
};

/*
 * now_s: Unix seconds. makes: what is not there, or ends soon, is made; false: that is an error.
 * 0; -1 and a sentence in why.
 */
int fh__keys_open(const struct fh__config *c, int64_t now_s, bool makes, struct fh__keys *out,
                  char *why, size_t room);
void fh__keys_wipe(struct fh__keys *k);

/* vkey: of the log, NULL: none. To be freed; NULL: no memory. */
char *fh__client_line(const struct fh__config *c, const struct fh__keys *k, const char *vkey);

/* The text of a file that only we may read, or (is_secret false) only we may write. To be freed;
 * NULL and a sentence in why; errno is ENOENT where there is none. */
char *fh__keys_read(const char *path, bool is_secret, size_t *len, char *why, size_t room);
/* The secret of the TURN servers: the file's first line. The length; -1 and a sentence in why. */
int fh__turn_secret(const char *path, uint8_t *out, size_t max, char *why, size_t room);

#endif
