/* SPDX-License-Identifier: MIT */
/*
 * simnet.h -- a network in memory, in virtual time, from one seed.
 *
 *     struct sim *w = sim_new(seed);
 *     struct sim_net *internet = sim_net_new(w, "internet"), *home = sim_net_new(w, "home");
 *     sim_nat_new(w, "router", &nat_config, home, "10.0.0.1", internet, "198.51.100.1");
 *     struct sim_node *h = sim_node_new(w, "laptop");
 *     sim_attach(h, home, "10.0.0.2");
 *     struct sim_socket *s = sim_udp_open(h, NULL, on_datagram, user);
 *     sim_udp_send(s, &to, data, len);
 *     sim_run_until(w, 5 * SIM_S);
 *
 * A *net* is a segment: interfaces hang on it as on a switch, each by a link of its own with two
 * directions. A *node* is a host; with two interfaces and sim_nat_new() it is a NAT or a router.
 * The Internet is a net like the others. A node's route to an address: the net where an interface
 * has it (or routes its prefix), else the net's gateway.
 *
 * Nothing here reads a clock or a random device: the same seed gives the same run, event by event.
 * Callbacks come from sim_step() and the functions built on it only; they may call anything but
 * sim_free(). Wrong use of this library and lack of memory end the program: it is for tests.
 */
#ifndef FH_SIMNET_H
#define FH_SIMNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_MS ((uint64_t)1000) /* times are in microseconds since the world began */
#define SIM_S ((uint64_t)1000000)
#define SIM_NEVER UINT64_MAX

struct sim;
struct sim_net;
struct sim_node;
struct sim_iface;
struct sim_socket;
struct sim_stream;
struct sim_listener;

/* ------------------------------------------------------------------ addresses */

struct sim_addr {
    uint8_t family; /* 4 or 6; 0 is no address */
    uint16_t port;
    uint8_t ip[16]; /* four of them for family 4, the others zero */
};

enum { SIM_ADDR_TEXT = 64 };

/* An IP address as text, without port. */
struct sim_addr sim_addr(const char *ip, uint16_t port);
bool sim_addr_equal(const struct sim_addr *a, const struct sim_addr *b); /* with the port */
bool sim_ip_equal(const struct sim_addr *a, const struct sim_addr *b);
/* "10.0.0.1:80", "[2001:db8::1]:80". Returns out. */
const char *sim_addr_text(const struct sim_addr *a, char out[static SIM_ADDR_TEXT]);

/* ------------------------------------------------------------------ the world */

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *w);
uint64_t sim_now(const struct sim *w);
uint64_t sim_now_ms(const struct sim *w);

/* The world's one source of chance. sim_random_bytes has the shape that cores ask for. */
uint64_t sim_random(struct sim *w);
uint64_t sim_random_below(struct sim *w, uint64_t n); /* 0 .. n - 1; n > 0 */
bool sim_chance(struct sim *w, double p);
void sim_random_bytes(void *w, void *out, size_t len);

typedef void (*sim_event_fn)(void *user);
/* fn(user) at that time, or at once if it is past. */
void sim_at(struct sim *w, uint64_t time, sim_event_fn fn, void *user);
void sim_after(struct sim *w, uint64_t delay, sim_event_fn fn, void *user);
/* Drops what was asked for with this user: before *user goes. */
void sim_forget(struct sim *w, const void *user);

/* The next event; false if there is none. */
bool sim_step(struct sim *w);
/* All events up to that time, which it then is. */
void sim_run_until(struct sim *w, uint64_t time);
/* Until cond(user) holds (asked after each event), or `limit` is reached. Whether it holds. */
bool sim_run_for(struct sim *w, uint64_t limit, bool (*cond)(void *user), void *user);

/* ------------------------------------------------------------------ what became of a packet */

enum sim_fate {
    SIM_SENT,      /* left a socket */
    SIM_DELIVERED, /* reached one */
    SIM_LOST,      /* chance */
    SIM_QUEUE,     /* the link's queue was full */
    SIM_TOO_BIG,   /* for a link's MTU */
    SIM_DOWN,      /* the link or interface was down */
    SIM_NO_ROUTE,
    SIM_NO_SOCKET,
    SIM_NAT_NO_MAPPING,
    SIM_NAT_FILTERED,
    SIM_NO_HAIRPIN,
    SIM_FIREWALL,
    SIM_LOOPED,
    SIM_FATES
};

const char *sim_fate_text(enum sim_fate f);

enum sim_proto { SIM_UDP, SIM_TCP };

struct sim_packet_info {
    enum sim_fate fate;
    enum sim_proto proto;
    struct sim_addr from, to;    /* as they stand at that place */
    const struct sim_node *node; /* where; NULL: in a link */
    const uint8_t *data;         /* lent for the call */
    size_t len;
};

typedef void (*sim_watch_fn)(void *user, const struct sim_packet_info *p);
/* Called for every fate of every packet. One watcher. */
void sim_watch(struct sim *w, sim_watch_fn fn, void *user);
uint64_t sim_count(const struct sim *w, enum sim_fate f);

/* ------------------------------------------------------------------ topology */

struct sim_net *sim_net_new(struct sim *w, const char *name);
struct sim_node *sim_node_new(struct sim *w, const char *name);
const char *sim_node_name(const struct sim_node *n);
struct sim *sim_world(const struct sim_node *n);

/* An interface of n on the net, with this address; more addresses may follow. */
struct sim_iface *sim_attach(struct sim_node *n, struct sim_net *net, const char *ip);
void sim_iface_add(struct sim_iface *i, const char *ip);
void sim_iface_remove(struct sim_iface *i, const char *ip);
/* Others on the net send what is for this prefix ("2001:db8:1::", 64) to i. */
void sim_iface_route(struct sim_iface *i, const char *prefix, unsigned bits);
void sim_iface_set_up(struct sim_iface *i, bool up);
/* Where the net's members send what is not on the net; NULL: nowhere. */
void sim_net_set_gateway(struct sim_net *net, struct sim_iface *i);
/* The interface's address on that family without port; family 0 if it has none. */
struct sim_addr sim_iface_addr(const struct sim_iface *i, uint8_t family);

/* A node that sleeps receives nothing, and its sends are refused. */
void sim_node_set_asleep(struct sim_node *n, bool asleep);
/* Sends are refused as by a local firewall (EPERM), what arrives is delivered. */
void sim_node_refuse_sends(struct sim_node *n, bool refuse);

/* One direction of a link. All zero: nothing is lost and nothing takes time. */
struct sim_link_config {
    uint64_t latency_us;
    uint64_t jitter_us; /* added, uniform; order is kept */
    double loss;        /* of each packet, in the good state */
    /* Gilbert-Elliott: a chain of a good and a bad state, stepped by each packet. */
    double to_bad, to_good, loss_bad;
    double duplicate;
    double reorder; /* chance to be late by reorder_us, behind others */
    uint64_t reorder_us;
    uint64_t rate_bps;       /* 0: unlimited */
    uint32_t queue_bytes;    /* behind the rate, drop-tail; 0: 64 KiB */
    uint32_t mtu;            /* IP packets above it are dropped; 0: none are */
    struct sim_addr blocked; /* packets to this IP vanish; family 0: none */
};
/* What i sends, and what it receives. NULL leaves a direction as it is. */
void sim_iface_set_link(struct sim_iface *i, const struct sim_link_config *out,
                        const struct sim_link_config *in);

/* ------------------------------------------------------------------ NAT and firewall */

/* RFC 4787 sections 4.1 and 5. */
enum sim_depends { SIM_INDEPENDENT, SIM_ADDRESS, SIM_ADDRESS_PORT };

enum sim_ports {
    SIM_PORTS_PRESERVED,  /* the inside port if it is free, else the next free one */
    SIM_PORTS_SEQUENTIAL, /* the next after the last */
    SIM_PORTS_RANDOM,
    SIM_PORTS_CONTIGUOUS, /* each inside address has a block of 512 (RFC 7422) */
};

enum sim_hairpin { SIM_HAIRPIN_NONE, SIM_HAIRPIN_INTERNAL, SIM_HAIRPIN_EXTERNAL };

struct sim_nat_config {
    bool none; /* a plain router for IPv4 as well */
    enum sim_depends mapping, filtering;
    enum sim_ports ports;
    enum sim_hairpin hairpin; /* RFC 4787 section 6: which source the inside sees */
    uint64_t timeout_us;      /* of a UDP mapping; 0: 120 s. TCP's is 2 h */
    bool inbound_refreshes;   /* what comes in keeps a mapping as well */
    bool alg;                 /* writes the public address over the private one in payloads */
    /* IPv6 is never translated; this filters what comes in. */
    enum sim_depends filtering_v6;
};

struct sim_firewall_config {
    bool block_udp;
    bool only_443; /* TCP to port 443 and nothing else, from the inside */
    bool block_v6; /* swallows IPv6 */
};

/* A router between two nets; it becomes the gateway of the inner one. NULL for no address. */
struct sim_node *sim_nat_new(struct sim *w, const char *name, const struct sim_nat_config *cfg,
                             struct sim_net *inside, const char *inside_ip, struct sim_net *outside,
                             const char *outside_ip);
/* 1:1 -- this inside address has an outside address of its own, ports stay. */
void sim_nat_pair(struct sim_node *nat, const char *inside_ip, const char *outside_ip);
void sim_nat_firewall(struct sim_node *nat, const struct sim_firewall_config *cfg);
/* Forgets all mappings; the next ones get other ports. */
void sim_nat_rebind(struct sim_node *nat);
/* A new outside address, as after a reconnection; mappings are gone. */
void sim_nat_renumber(struct sim_node *nat, const char *outside_ip);
/*
 * A mapping asked for (PCP): to this inside address, with this port where it is free. Anybody may
 * send through it. Returns the outside address. lifetime 0 ends it.
 */
struct sim_addr sim_nat_map(struct sim_node *nat, enum sim_proto proto,
                            const struct sim_addr *inside, uint16_t want, uint64_t lifetime_us);
size_t sim_nat_mappings(const struct sim_node *nat);
struct sim_iface *sim_nat_inside(struct sim_node *nat);
struct sim_iface *sim_nat_outside(struct sim_node *nat);

/* ------------------------------------------------------------------ sockets */

typedef void (*sim_datagram_fn)(void *user, struct sim_socket *s, const struct sim_addr *from,
                                const uint8_t *data, size_t len);
/*
 * A UDP socket. bind: NULL or port 0 lets the world choose a port; family 0 means any address.
 * Returns NULL if the address is not the node's, or taken.
 */
struct sim_socket *sim_udp_open(struct sim_node *n, const struct sim_addr *bind, sim_datagram_fn fn,
                                void *user);
void sim_udp_close(struct sim_socket *s);
/* 0; -1 where a real socket would say so: no route, refused, asleep, closed interface. */
int sim_udp_send(struct sim_socket *s, const struct sim_addr *to, const void *data, size_t len);
struct sim_addr sim_udp_addr(const struct sim_socket *s);

/*
 * TCP, as far as its user sees it: connecting takes a round trip, bytes come once and in order,
 * losses cost time, a peer that is gone is noticed. With tls one more round trip goes by.
 */
struct sim_stream_events {
    void (*open)(void *user); /* connected and, with tls, greeted */
    void (*data)(void *user, const uint8_t *data, size_t len);
    void (*closed)(void *user, bool failed); /* the last call; not after sim_stream_close() */
};

struct sim_stream *sim_stream_connect(struct sim_node *n, const struct sim_addr *to, bool tls,
                                      const struct sim_stream_events *ev, void *user);
int sim_stream_write(struct sim_stream *s, const void *data, size_t len);
/* What is written still goes out. The stream is gone for the caller. */
void sim_stream_close(struct sim_stream *s);
void sim_stream_attach(struct sim_stream *s, const struct sim_stream_events *ev, void *user);
struct sim_addr sim_stream_peer(const struct sim_stream *s);
struct sim_addr sim_stream_local(const struct sim_stream *s);

typedef void (*sim_accept_fn)(void *user, struct sim_stream *s);
struct sim_listener *sim_stream_listen(struct sim_node *n, uint16_t port, bool tls,
                                       sim_accept_fn fn, void *user);

/* ------------------------------------------------------------------ names */

/* A name has any number of addresses, IPv4 or IPv6. */
void sim_dns_add(struct sim *w, const char *name, const char *ip);
/* Answers for the name take this long; SIM_NEVER: they do not come. */
void sim_dns_delay(struct sim *w, const char *name, uint64_t delay_us);

typedef void (*sim_dns_fn)(void *user, const char *name, const struct sim_addr *addrs, size_t n);
/* n = 0: there is no such name or address. Default delay: 20 ms. */
void sim_dns_query(struct sim *w, const char *name, uint8_t family, sim_dns_fn fn, void *user);

#endif
