/* SPDX-License-Identifier: MIT */
/*
 * portmap.h -- one port of ours, mapped on the gateway: PCP (RFC 6887), or NAT-PMP (RFC 6886).
 *
 *     fh_portmap_init()      begins to ask; nothing ever waits for the answer
 *     fh_portmap_input()     a datagram came from the gateway's port 5351
 *     fh_portmap_output()    the next datagram for it; repeat until 0
 *     fh_portmap_event()     FH_PORTMAP_EV_MAPPED: one more address that leads to us
 *     fh_portmap_tick()      fh_portmap_deadline() passed
 *     fh_portmap_close()     ends the mapping at the gateway
 *
 * No sockets, no clock, no threads, no globals, no allocation. The datagrams go out from any socket
 * on the mapped socket's own address, itself included.
 *
 * PCP is asked first; NAT-PMP when the gateway says that it knows no PCP, and beside it when it
 * said nothing for 250 ms. After five questions of each in eight seconds it is quiet until the
 * gateway changes. A lease is renewed at half of its life, but after ten minutes at the latest, in
 * case the gateway has forgotten it. An external address that is private itself (a NAT behind a
 * NAT) is of no use: the mapping is given back. For IPv6 the mapping is a hole in a firewall, and
 * the external address our own.
 *
 * Times are monotonic milliseconds, never decreasing. One object may be used by one thread at a
 * time. Not done here: UPnP, announcements by multicast, finding the gateway.
 */
#ifndef FH_PORTMAP_H
#define FH_PORTMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/ice_address.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_portmap;

enum {
    FH_PORTMAP_PORT = 5351,        /* of the gateway: RFC 6887 section 19, RFC 6886 section 3 */
    FH_PORTMAP_MAX_DATAGRAM = 1100 /* RFC 6887 section 7: longest PCP message */
};

struct fh_portmap_config {
    struct fh_ice_address gateway; /* its port is not looked at */
    struct fh_ice_address local;   /* the UDP socket that is to be reached; the gateway's family */
    uint32_t lifetime_s;           /* to ask for; 0: 7200 (RFC 6886 section 3.3) */
    /* Cryptographic randomness, for the nonce by which a mapping is owned. */
    void (*random)(void *user, void *out, size_t len);
    void *user;
};

/* Bytes that fh_portmap_init() needs. */
size_t fh_portmap_size(void);

/* mem: aligned as malloc aligns. Returns the object in it, or NULL if something is out of range. */
struct fh_portmap *fh_portmap_init(void *mem, size_t len, uint64_t now_ms,
                                   const struct fh_portmap_config *cfg);
/* Forgets all. Nothing is sent; fh_portmap_close() would have. NULL is fine. */
void fh_portmap_finish(struct fh_portmap *p);

/*
 * There is another gateway, or our address changed: what was mapped is lost (FH_PORTMAP_EV_LOST),
 * and the new one is asked. The same again: only what failed is tried anew.
 * Returns 0; FH_ICE_E_INVAL: different families; FH_ICE_E_STATE after fh_portmap_close().
 */
int fh_portmap_set_gateway(struct fh_portmap *p, uint64_t now_ms,
                           const struct fh_ice_address *gateway,
                           const struct fh_ice_address *local);

/*
 * Take a datagram. from: who sent it. Returns true if it was the gateway's answer to a question of
 * ours; false: not for us, nothing changed.
 */
bool fh_portmap_input(struct fh_portmap *p, uint64_t now_ms, const struct fh_ice_address *from,
                      const void *data, size_t len);

/* A datagram for the gateway. data: lent until the next call on this object. */
struct fh_portmap_message {
    struct fh_ice_address to;
    const uint8_t *data;
    size_t len;
};

/* Returns 1, or 0 when there is nothing to send now. */
int fh_portmap_output(struct fh_portmap *p, uint64_t now_ms, struct fh_portmap_message *out);
void fh_portmap_tick(struct fh_portmap *p, uint64_t now_ms);
/* When to call tick, then output and event; UINT64_MAX: never. */
uint64_t fh_portmap_deadline(const struct fh_portmap *p);

enum fh_portmap_event_type {
    FH_PORTMAP_EV_MAPPED, /* external; also when it is another one than before */
    FH_PORTMAP_EV_LOST,   /* external no longer leads to us */
    FH_PORTMAP_EV_CLOSED  /* after fh_portmap_close(): the last one, within a second */
};

struct fh_portmap_event {
    enum fh_portmap_event_type type;
    struct fh_ice_address external;
};

/* Returns 1, or 0 when there is no more. */
int fh_portmap_event(struct fh_portmap *p, struct fh_portmap_event *out);

/* End the mapping. */
void fh_portmap_close(struct fh_portmap *p, uint64_t now_ms);

#ifdef __cplusplus
}
#endif

#endif
