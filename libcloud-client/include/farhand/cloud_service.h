/* SPDX-License-Identifier: MIT */
/*
 * cloud_service.h -- the one line that tells a client where a cloud is and how to know it.
 *
 *     HOST[:PORT][,HOST[:PORT]...],root=HEX[,root=HEX...][,log=VKEY][,name=NAME]
 *
 * HOST: a name, an IPv4 address or an IPv6 address in brackets; several are nodes of one cloud, and
 * PORT is 443 if it is not given. root: SHA-256 of the SPKI of a root certificate that may have
 * issued the service's, 64 hexadecimal digits; at least one, at most 8. log: the public key of the
 * cloud's log, as signed notes have it ("NAME+HASH+BASE64"); without it nothing is asked of a log.
 * name: what the certificate must be made out to, if that is not HOST.
 *
 * The first start of vnccloudd prints it. Pure functions; any thread.
 */
#ifndef FH_CLOUD_SERVICE_H
#define FH_CLOUD_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/cloud_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_CLOUD_NODES_MAX = 16,
    FH_CLOUD_ROOTS_MAX = 8,
    FH_CLOUD_ROOT_LEN = 32,
    FH_CLOUD_HOST_TEXT = 254, /* 253 characters, zero byte */
    FH_CLOUD_VKEY_TEXT = 256,
    FH_CLOUD_PORT = 443,
    FH_CLOUD_SERVICE_TEXT = 8192 /* room that fh_cloud_service_print() never exceeds */
};

struct fh_cloud_node {
    char host[FH_CLOUD_HOST_TEXT]; /* IPv6 without brackets */
    uint16_t port;
};

struct fh_cloud_service {
    struct fh_cloud_node nodes[FH_CLOUD_NODES_MAX];
    size_t nodes_len;
    uint8_t roots[FH_CLOUD_ROOTS_MAX][FH_CLOUD_ROOT_LEN];
    size_t roots_len;
    char log[FH_CLOUD_VKEY_TEXT];  /* "": none */
    char name[FH_CLOUD_HOST_TEXT]; /* "": that of the node */
};

/*
 * text: zero-terminated, borrowed. Returns 0; FH_CLOUD_E_INVAL: out is untouched, and *expected,
 * which may be NULL, says in plain words what should have stood there; static.
 */
int fh_cloud_service_parse(const char *text, struct fh_cloud_service *out, const char **expected);

/* The line again. Returns its length without the zero byte. out: FH_CLOUD_SERVICE_TEXT bytes. */
int fh_cloud_service_print(const struct fh_cloud_service *s, char *out);

#ifdef __cplusplus
}
#endif

#endif
