/* SPDX-License-Identifier: MIT */
/*
 * uv_internal.h -- what the files of the adapter share. Never installed.
 *
 *     interfaces.c  which addresses this machine has, and when that changes
 *     port.c        one UDP socket on all of them
 *     resolve.c     names to addresses
 *     mapping.c     a port mapped on the gateway
 *     relay.c       a TURN client with its own socket
 *     ice_uv.c      a connection: an agent, a port, relays
 */
#ifndef FH_ICE_UV_INTERNAL_H
#define FH_ICE_UV_INTERNAL_H

#include <netinet/in.h>

#include <farhand/ice_mux.h>
#include <farhand/ice_uv.h>
#include <farhand/portmap.h>
#include <farhand/turn.h>
#include <farhand/turn_base.h>

#define FH__CONTAINER(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

/* ---- addresses ------------------------------------------------------------------------------ */

/* From and to the system's form. IPv4-mapped IPv6 becomes IPv4, and back if is_dual. */
void fh__ice_from_sockaddr(const struct sockaddr *sa, struct fh_ice_address *out);
socklen_t fh__ice_to_sockaddr(const struct fh_ice_address *a, bool is_dual, uint32_t interface,
                              struct sockaddr_storage *out);
void fh__ice_random(void *user, void *out, size_t len);

/* ---- interfaces.c --------------------------------------------------------------------------- */

enum { FH__INTERFACES = 12 };

struct fh__interface {
    struct fh_ice_address address; /* port 0 */
    uint32_t index;
    uint8_t cost; /* 0: the default route's of its family */
    bool is_loopback;
};

/* This machine's addresses, the best ones first. Returns how many. */
size_t fh__interfaces(struct fh__interface out[FH__INTERFACES], bool has_ipv6);

struct fh__watch {
    uv_poll_t poll;
    int fd; /* -1: the system does not tell */
    void (*changed)(struct fh__watch *w);
};

/* Tells about changes until it is closed. Returns 0 also where the system cannot tell. */
int fh__watch_open(uv_loop_t *loop, struct fh__watch *w, void (*changed)(struct fh__watch *w));

/* ---- port.c --------------------------------------------------------------------------------- */

struct fh__member; /* somebody on a port */

/* Something arrived for a member, on this local address (its port is the socket's). */
typedef void (*fh__arrived_fn)(struct fh__member *m, const struct fh_ice_address *local,
                               const struct fh_ice_address *from, const uint8_t *data, size_t len);

struct fh__member {
    struct fh_ice_uv_port *port;
    struct fh__member *next;
    uint32_t tag; /* on a shared port */
    bool is_touched;
    fh__arrived_fn arrived;
    void (*addresses)(struct fh__member *m);   /* they changed */
    void (*batch_end)(struct fh__member *m);   /* after one or more arrived() */
    void (*port_closed)(struct fh__member *m); /* of a port of its own only, after _leave() */
};

/* A port for one member: closes with it. Returns 0 or FH_ICE_E_*. */
int fh__port_new(uv_loop_t *loop, struct fh_ice_uv_port **out);
int fh__port_join(struct fh_ice_uv_port *p, struct fh__member *m);
/* m->port_closed() follows from the loop. */
void fh__port_leave(struct fh__member *m);
struct fh_ice_mux *fh__port_mux(struct fh_ice_uv_port *p); /* NULL: a port of one member */
const struct fh__interface *fh__port_interfaces(const struct fh_ice_uv_port *p, size_t *len);
uint16_t fh__port_number(const struct fh_ice_uv_port *p);
/*
 * Send n datagrams from a local address to a peer. Returns how many went; FH_ICE_E_LIMIT if the
 * first did not (full, too long), FH_ICE_E_SYSTEM otherwise.
 */
int fh__port_send(struct fh_ice_uv_port *p, const struct fh_ice_address *local, uint32_t interface,
                  const struct fh_ice_address *peer, const uv_buf_t *list, size_t n);

/* ---- resolve.c ------------------------------------------------------------------------------ */

enum { FH__RESOLVED = 2 }; /* addresses that are used of each family */

struct fh__resolve {
    uv_getaddrinfo_t requests[2];
    int pending;
    uint16_t port;
    /* Called for each address, and once without one when both families are answered. */
    void (*found)(struct fh__resolve *r, const struct fh_ice_address *address);
};

/* host: borrowed. An address is found as well, from the loop. Returns 0 or FH_ICE_E_*. */
int fh__resolve_start(uv_loop_t *loop, struct fh__resolve *r, const char *host, uint16_t port);
/* found() is still called at the end, once. */
void fh__resolve_cancel(struct fh__resolve *r);

/* ---- mapping.c ------------------------------------------------------------------------------ */

struct fh__mapping;

struct fh__mapping_owner {
    void *user;
    uv_loop_t *loop;
    /* From the mapped socket. */
    void (*send)(void *user, const struct fh_ice_address *to, const uint8_t *data, size_t len);
    void (*mapped)(void *user, const struct fh_ice_address *external);
    void (*closed)(void *user); /* it is freed just after */
};

/* The gateway of the IPv4 default route. */
bool fh__gateway(struct fh_ice_address *out);
struct fh__mapping *fh__mapping_new(const struct fh__mapping_owner *owner,
                                    const struct fh_ice_address *gateway,
                                    const struct fh_ice_address *local);
/* Returns true if it was the gateway's. */
bool fh__mapping_input(struct fh__mapping *m, const struct fh_ice_address *from,
                       const uint8_t *data, size_t len);
void fh__mapping_moved(struct fh__mapping *m, const struct fh_ice_address *gateway,
                       const struct fh_ice_address *local);
/* Gives the mapping back, while the socket is still there; owner's closed() follows. */
void fh__mapping_close(struct fh__mapping *m);

/* ---- relay.c -------------------------------------------------------------------------------- */

struct fh__relay;

struct fh__relay_owner {
    void *user;
    struct fh_ice_agent *agent;
    uv_loop_t *loop;
    /* Data of a peer on one of the agent's bases. */
    void (*arrived)(void *user, int base, const struct fh_ice_address *from, const uint8_t *data,
                    size_t len);
    void (*changed)(void *user); /* the agent is to be looked at */
    /* It ended, by itself or not, and is freed just after. */
    void (*closed)(void *user, struct fh__relay *r);
};

/* A client of the server at this address. cfg: its strings are copied. NULL: no memory, bad cfg. */
struct fh__relay *fh__relay_new(const struct fh__relay_owner *owner,
                                const struct fh_ice_uv_turn *cfg,
                                const struct fh_ice_address *server);
bool fh__relay_has(const struct fh__relay *r, int base);
/* Whether it lives and its server has an address of this family. */
bool fh__relay_is_for(const struct fh__relay *r, uint8_t family);
bool fh__relay_event(struct fh__relay *r, const struct fh_ice_event *ev);
/* After something happened to it through the agent: send, tell, set the timer. */
void fh__relay_pump(struct fh__relay *r);
int fh__relay_send(struct fh__relay *r, const struct fh_ice_address *peer, const void *data,
                   size_t len);
/* This machine has these addresses now: the allocation moves, or is lost. */
void fh__relay_addresses(struct fh__relay *r, const struct fh__interface *list, size_t len);
/* Gives the allocation back; owner's closed() follows. */
void fh__relay_close(struct fh__relay *r);

#endif
