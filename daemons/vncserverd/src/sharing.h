/* SPDX-License-Identifier: MIT */
/*
 * sharing.h -- the connections of viewers, as the monitor has them: each accepted socket goes to a
 * session process of its own, and here it is decided who may come in, and what he may.
 *
 *     fh__sharing_open()      then fh__sharing_accept() for each socket
 *     fh__sharing_desktop()   the desktop process came or went
 *     fh__sharing_close()     ASYNCHRONOUS; then fh__sharing_finish()
 *
 * What a session process says is held against protocol.h at each step; one that says anything else
 * is killed, and its address pays for it on the blacklist.
 */
#ifndef FH__SHARING_H
#define FH__SHARING_H

#include <jansson.h>

#include <farhand/admission.h>
#include <farhand/identity.h>
#include <farhand/rsaaes.h>

#include "approval.h"
#include "auditlog.h"
#include "config.h"
#include "entry.h"
#include "gate.h"
#include "notices.h"
#include "protocol.h"
#include "steady.h"
#include "userstore.h"

struct viewer;
struct fh__cloud;

enum { FH__SHARING_ALL = 0 /* instead of a session's number */ };

struct fh__sharing {
    uv_loop_t *loop;
    const struct fh__config *cfg;
    struct fh__steady *key, *desktop; /* borrowed */
    struct fh__cloud *cloud;          /* borrowed; NULL: there is none */
    struct fh__userstore *users;
    struct fh__auditlog *audit;
    struct fh__gate gate;
    struct fh__approvals approvals;
    struct fh__notices notices;
    const struct fh__seat *seat; /* where the desktop is; borrowed */
    struct fh__entrance entrance;
    struct fh_admission *admission;
    uint8_t spki[FH_SPKI_MAX]; /* of our identity */
    size_t spki_len;
    uint8_t next_spki[FH_SPKI_MAX];     /* of the key that is to follow; */
    size_t next_spki_len;               /* 0: none */
    uint8_t rsa_pub[FH_RSAAES_PUB_MAX]; /* of our key of RSA-AES; */
    size_t rsa_pub_len;                 /* 0: none */
    char tls[FH__PEM_MAX + 1];          /* our certificate of TLS; "": none */
    char user[64], key_user[64];        /* as who sessions and the key process run; "": as we do */
    uint64_t last_number;
    struct viewer *viewers; /* whose process runs */
    unsigned sessions;      /* of these, those that have started and not ended */
    bool is_virtual;        /* nobody sits at the desktop */
    bool is_open, is_paused, is_closing;
    bool is_held;    /* a window of ours waits for an answer: who is in must not give it */
    bool has_warned; /* that there are no users */
    void (*closed)(void *user);
    void *closed_user;
};

/* Before the key process is started. */
void fh__sharing_choose_users(struct fh__sharing *s);
/* The fields up to audit, seat and is_virtual are set by the caller. Negative: an error of
 * libsession. */
int fh__sharing_open(struct fh__sharing *s, const uint8_t *spki, size_t len);
/* fd: taken. from: NULL: it came to where we listen; else peer may be FH_ADDRESS_NONE. */
void fh__sharing_accept(struct fh__sharing *s, int fd, const struct fh_address *peer,
                        const struct fh__arrival *from);
/*
 * Somebody asks for us through a cloud: NULL: it may come; else why not, which was recorded, and
 * *retry_s.
 */
const char *fh__sharing_knock(struct fh__sharing *s, const struct fh__arrival *from,
                              unsigned *retry_s);
/* The configuration has changed. */
void fh__sharing_configure(struct fh__sharing *s);
/* The desktop process is ready: who waits is let in to it; or it is gone: sessions end. */
void fh__sharing_desktop(struct fh__sharing *s, bool is_there);
/* There is no desktop now, but there will be: sessions keep what they have seen, and are told. */
void fh__sharing_wait(struct fh__sharing *s, const char *why);
/* Before it is opened: another key is to follow ours. */
void fh__sharing_next(struct fh__sharing *s, const uint8_t *spki, size_t len);
/* The public key of RSA-AES, when its process has it; also again. */
void fh__sharing_rsa(struct fh__sharing *s, const uint8_t *pub, size_t len);
/* The same of the certificate of TLS, PEM. */
void fh__sharing_tls(struct fh__sharing *s, const uint8_t *pem, size_t len);
/* What both keys signed for one session: the body of ROTATED. */
void fh__sharing_rotated(struct fh__sharing *s, struct rd body);
/* The key process is gone: who waits for that is let in without. */
void fh__sharing_unrotated(struct fh__sharing *s);
/* What the desktop process says of a session: it broke the rules there. */
void fh__sharing_accuse(struct fh__sharing *s, uint64_t number);
/*
 * {"paused", "sessions": [{"session", "id", "peer", "user", "permissions", "seconds"}]}, to be
 * released; NULL: no memory. permissions: granted; while all is paused none of them is in force.
 */
json_t *fh__sharing_describe(const struct fh__sharing *s);
/* Those who are there have changed: what the desktop shows of them does, too. */
void fh__sharing_changed(struct fh__sharing *s);
/* What is done to a session, or to all; how many there were. */
unsigned fh__sharing_disconnect(struct fh__sharing *s, uint64_t number);
unsigned fh__sharing_set_permissions(struct fh__sharing *s, uint64_t number, uint32_t permissions);
/* Shows the viewer's person a text. */
unsigned fh__sharing_notice(struct fh__sharing *s, uint64_t number, const char *text);
/* While paused nobody sees or does anything; sessions stay, and new ones wait. */
void fh__sharing_pause(struct fh__sharing *s, bool is_paused);
bool fh__sharing_is_paused(const struct fh__sharing *s);
/* Says goodbye to all; closed() is called when no session process is left, perhaps from here. */
void fh__sharing_close(struct fh__sharing *s, enum fh_bye why, void (*closed)(void *user),
                       void *user);
/* After that: gives back what _open() got. Twice, or without _open(), is fine. */
void fh__sharing_finish(struct fh__sharing *s);

#endif
