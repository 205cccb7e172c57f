/* SPDX-License-Identifier: MIT */
/*
 * ice_address.h -- a transport address: IPv4 or IPv6, and a UDP port.
 *
 * A plain value; copy it with =. Pure functions over the caller's memory; any thread. There is no
 * zone: an address of link-local scope belongs to the socket that it is used on.
 */
#ifndef FH_ICE_ADDRESS_H
#define FH_ICE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fh_ice_family { FH_ICE_FAMILY_NONE = 0, FH_ICE_IPV4 = 4, FH_ICE_IPV6 = 6 };

/* A zeroed one is FH_ICE_FAMILY_NONE. */
struct fh_ice_address {
    uint8_t ip[16]; /* network order; IPv4 uses the first four, the others are zero */
    uint16_t port;  /* host order */
    uint8_t family; /* enum fh_ice_family */
};

/* Room that fh_ice_address_print() never exceeds, zero byte included: "[v6]:65535". */
enum { FH_ICE_ADDRESS_TEXT = 56 };

/* What an address is good for; RFC 6890. Each is the first that fits, in this order. */
enum fh_ice_scope {
    FH_ICE_SCOPE_UNSPECIFIED, /* 0.0.0.0/8, ::, no family */
    FH_ICE_SCOPE_LOOPBACK,    /* 127.0.0.0/8, ::1 */
    FH_ICE_SCOPE_MULTICAST,   /* 224.0.0.0/4, ff00::/8 */
    FH_ICE_SCOPE_RESERVED,    /* 240.0.0.0/4 with the broadcast address; IPv4-mapped, -compatible,
                                 site-local and 6to4 or Teredo IPv6, NAT64 of any of those above */
    FH_ICE_SCOPE_LINK,        /* 169.254.0.0/16, fe80::/10 */
    FH_ICE_SCOPE_PRIVATE,     /* RFC 1918, 100.64.0.0/10, fc00::/7 */
    FH_ICE_SCOPE_GLOBAL
};

enum fh_ice_scope fh_ice_address_scope(const struct fh_ice_address *a);

/* Same family, IP and port. */
bool fh_ice_address_equal(const struct fh_ice_address *a, const struct fh_ice_address *b);
/* Same family and IP; the port does not count. */
bool fh_ice_address_equal_host(const struct fh_ice_address *a, const struct fh_ice_address *b);

/*
 * Read an IPv4 or IPv6 address of len characters, strictly and to its end, without port or zone.
 * An IPv4-mapped IPv6 address becomes IPv4. The port of out is 0.
 * Returns 0, or FH_ICE_E_ADDRESS with out untouched.
 */
int fh_ice_address_parse(const char *text, size_t len, struct fh_ice_address *out);

/*
 * Write the IP alone, IPv6 as RFC 5952 asks: "192.0.2.1", "2001:db8::1", or "none".
 * out: FH_ICE_ADDRESS_TEXT bytes. Returns the number of characters.
 */
size_t fh_ice_address_print_ip(const struct fh_ice_address *a, char *out);
/* Write "192.0.2.1:4711", "[2001:db8::1]:4711" or "none". out and return value as above. */
size_t fh_ice_address_print(const struct fh_ice_address *a, char *out);

#ifdef __cplusplus
}
#endif

#endif
