/* SPDX-License-Identifier: MIT */
/*
 * cloud.h -- the cloud through which viewers come, as the monitor has it: the process that speaks
 * with it, and the connections that it brought.
 *
 *     fh__cloud_open()      when the key process is there; fh__cloud_key() when it is there again
 *     fh__cloud_stop()      ASYNCHRONOUS; then fh__cloud_close()
 *
 * The process reads nothing and decides nothing: the monitor gives it what it needs, and says of
 * each who asks whether he may come. It brings streams, which go the way of an accepted socket
 * (sharing.h), with what the cloud told of them.
 */
#ifndef FH__CLOUD_H
#define FH__CLOUD_H

#include <jansson.h>

#include "sharing.h"
#include "steady.h"

enum {
    FH__CLOUD_CONNECTIONS = 64,
    FH__CLOUD_TEXT = 400,
    FH__CLOUD_MINUTE = 240 /* messages that cost a line, a decision or a file; the rest is cheap */
};

/* One that was accepted, until the cloud process says that it is gone. */
struct fh__cloud_connection {
    struct fh__arrival who; /* who.connection 0: the place is free */
    unsigned viewers;       /* session processes that have a stream of it */
    uint32_t rtt_us;        /* 0: not known */
    char path[FH__CLOUD_TEXT];
};

struct fh__cloud {
    uv_loop_t *loop; /* these five are set by the caller */
    const struct fh__config *cfg;
    struct fh__sharing *sharing;
    struct fh__steady *key;
    void (*ended)(void *user); /* after fh__cloud_stop() */
    void *user;
    struct fh__steady process;
    uint8_t address[FH__CLOUD_ADDRESS_LEN];
    uint8_t seal_key[FH__CLOUD_SEAL_LEN];
    uint8_t password[FH__CLOUD_PASSWORD_LEN];
    bool has_password;
    uint8_t kept[FH__CLOUD_KEPT][FH__CLOUD_KEPT_MAX];
    size_t kept_len[FH__CLOUD_KEPT];
    bool is_open, is_online;
    uint64_t minute_ms; /* since when costly messages are counted */
    unsigned costly;
    uint64_t since_ms, retry_at_ms;
    char why[FH__CLOUD_TEXT]; /* it is offline; "" before it was ever tried */
    struct fh__cloud_connection connections[FH__CLOUD_CONNECTIONS];
};

/* Reads, or makes, what is kept of the cloud, and starts the process. -1: it was logged why. */
int fh__cloud_open(struct fh__cloud *c);
/* The key process has begun anew: what it signs for the cloud goes another way. */
void fh__cloud_key(struct fh__cloud *c);
/* A stream of this connection has a session process; _leave(): that is gone. */
void fh__cloud_enter(struct fh__cloud *c, uint32_t connection);
void fh__cloud_leave(struct fh__cloud *c, uint32_t connection);
/* keys: the body of KEYS. */
void fh__cloud_keys(struct fh__cloud *c, uint32_t connection, const uint8_t *keys);
/* {"address", "online", "why", "retry_s", "connections": [...]}, to be released. */
json_t *fh__cloud_describe(const struct fh__cloud *c);
void fh__cloud_set_level(struct fh__cloud *c, uint8_t level);
/* ended() is called when the process is gone, perhaps from here. */
void fh__cloud_stop(struct fh__cloud *c);
/* Wipes. Twice, or without _open(), is fine. */
void fh__cloud_close(struct fh__cloud *c);

#endif
