/* SPDX-License-Identifier: MIT */
#ifndef FH_SIMNET_INTERNAL_H
#define FH_SIMNET_INTERNAL_H

#include "simnet.h"

enum { MAX_HOPS = 32, NAME_LEN = 32, MAX_ADDRS = 8 };

/* TCP's part of a packet; see stream.c. */
enum tcp_kind { TCP_SYN, TCP_SYN_ACK, TCP_DATA, TCP_ACK, TCP_FIN, TCP_RST };

struct packet {
    enum sim_proto proto;
    struct sim_addr src, dst;
    enum tcp_kind kind;
    uint32_t seq;
    unsigned hops;
    struct sim_iface *iface; /* where it is, between two events */
    size_t len;
    uint8_t data[];
};

struct event {
    uint64_t time, seq;
    sim_event_fn fn;
    void *user;
    struct packet *pkt; /* an event of a link: fn is not used */
    void (*arrive)(struct sim *w, struct packet *p);
};

struct link {
    struct sim_link_config cfg;
    bool bad;
    uint64_t busy_until; /* when the last byte queued has left */
    uint64_t last;       /* arrival of the last packet, for order */
};

struct prefix {
    struct sim_addr addr;
    unsigned bits;
};

struct sim_iface {
    struct sim_node *node;
    struct sim_net *net;
    struct sim_iface *next_of_node, *next_of_net;
    struct sim_addr addrs[MAX_ADDRS];
    size_t n_addrs;
    struct prefix routes[MAX_ADDRS];
    size_t n_routes;
    bool up;
    struct link out, in;
};

struct sim_net {
    struct sim *world;
    struct sim_net *next;
    char name[NAME_LEN];
    struct sim_iface *ifaces;
    struct sim_iface *gateway;
};

struct nat;

struct sim_node {
    struct sim *world;
    struct sim_node *next;
    char name[NAME_LEN];
    struct sim_iface *ifaces;
    struct sim_socket *sockets;
    struct sim_stream *streams;
    struct sim_listener *listeners;
    struct nat *nat; /* set: it forwards */
    bool asleep, refuses;
    uint16_t next_port;
};

struct name;
struct query;

struct sim {
    uint64_t now, next_seq, rng;
    struct event *heap;
    size_t n_events, cap_events;
    struct sim_net *nets;
    struct sim_node *nodes;
    struct name *names;
    struct query *queries;
    uint64_t counts[SIM_FATES];
    sim_watch_fn watch;
    void *watch_user;
};

/* world.c */
void *sim__alloc(size_t len); /* zeroed */
void sim__name(char out[static NAME_LEN], const char *name);
void sim__schedule_packet(struct sim *w, uint64_t time, struct packet *p,
                          void (*arrive)(struct sim *w, struct packet *p));
/* Counts it and tells the watcher; fate() is a note at the end of p, which is freed. */
void sim__note(struct sim *w, const struct packet *p, enum sim_fate f, const struct sim_node *at);
void sim__fate(struct sim *w, struct packet *p, enum sim_fate f, const struct sim_node *at);
struct packet *sim__packet(enum sim_proto proto, const struct sim_addr *src,
                           const struct sim_addr *dst, const void *data, size_t len);
bool sim__in_prefix(const struct sim_addr *a, const struct sim_addr *prefix, unsigned bits);

/* link.c: p goes through l and then to arrive(); p->iface is set by the caller. */
void sim__link_carry(struct sim *w, struct link *l, struct packet *p,
                     void (*arrive)(struct sim *w, struct packet *p));

/* node.c */
struct sim_iface *sim__route(struct sim_node *n, const struct sim_addr *src,
                             const struct sim_addr *dst);
bool sim__node_has(const struct sim_node *n, const struct sim_addr *ip);
/* Takes p. Returns -1 (and p is gone) where a socket would know at once. */
int sim__node_send(struct sim_node *n, struct packet *p);
void sim__node_forward(struct sim_node *n, struct packet *p);
uint16_t sim__free_port(struct sim_node *n, enum sim_proto proto);
void sim__deliver_local(struct sim_node *n, struct packet *p);

/* nat.c: take p. */
void sim__nat_receive(struct sim_node *n, struct sim_iface *in, struct packet *p);
void sim__nat_free(struct nat *nat);

/* stream.c: takes p. */
void sim__tcp_receive(struct sim_node *n, struct packet *p);
bool sim__tcp_port_taken(const struct sim_node *n, uint16_t port);
void sim__tcp_free(struct sim_node *n);

/* dns.c */
void sim__dns_forget(struct sim *w, const void *user);
void sim__dns_free(struct sim *w);

#endif
